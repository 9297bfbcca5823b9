/*
 * added_tokens.h: the tokens that are matched in text as a whole, before it is cut into pieces.
 *
 * They are in two sets, as in Hugging Face's tokenizers: those that are not "normalized" are looked
 * for first, in the whole text; the others in what is left between them. In each set the leftmost
 * match counts, and of those that begin at one place the longest. Immutable; any thread may read
 * it.
 */
#ifndef WEIR_TEXT_ADDED_TOKENS_H
#define WEIR_TEXT_ADDED_TOKENS_H

#include "text/lookup.h"
#include "text/token_table.h"

enum { WEIR_ADDED_MAX_BYTES = 512 /* of one token: bounds the time of a match */ };

/* Where a token is matched. */
typedef enum weir_added_class {
    WEIR_ADDED_ANYWHERE = 0, /* user-defined ones */
    WEIR_ADDED_MARK = 1,     /* control tokens that an answer is made of: calls, thinking */
    WEIR_ADDED_CONTROL = 2,  /* the other control tokens */
    WEIR_N_ADDED_CLASSES = 3
} weir_added_class;

/* One set, as a trie. */
typedef struct weir_added_set {
    weir_key_map edges; /* node << 8 | byte: node */
    struct weir_added_node {
        int32_t id; /* of the token that ends here; -1: none */
        weir_added_class class;
    } * nodes; /* [n_nodes]; the root is 0 */
    size_t n_nodes;
    bool begins[256]; /* with this byte, some token */
} weir_added_set;

typedef struct weir_added_tokens {
    weir_added_set first, second; /* not normalized, and normalized */
} weir_added_tokens;

/* The control and user-defined entries of a table. UNSUPPORTED, beginning with name, for one that
 * is too long. Close it also after a failure. */
weir_status weir_added_tokens_open(weir_added_tokens *out, const weir_token_table *table,
                                   const char *name, weir_error *err);
void weir_added_tokens_close(weir_added_tokens *added);

/* The longest token of the set at text + at that ends at or before limits[its class]; no limit lies
 * behind the text's end. Its id and *end; -1: none. */
int32_t weir_added_match(const weir_added_set *set, const char *text, size_t at,
                         const size_t limits[WEIR_N_ADDED_CLASSES], size_t *end);

#endif
