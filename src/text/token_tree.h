/*
 * token_tree.h: the vocabulary as a tree of bytes, node before its children, so that a walk is one
 * pass over an array that jumps over what does not fit.
 */
#ifndef WEIR_TEXT_TOKEN_TREE_H
#define WEIR_TEXT_TOKEN_TREE_H

#include "text/pda.h"

enum { WEIR_TREE_MAX_BYTES = 1024, WEIR_TREE_MARKS = WEIR_SYMBOLS - 256, WEIR_TREE_ENDS = 16 };

typedef struct weir_tree_node {
    uint32_t skip;  /* the first node behind those below it */
    uint32_t first; /* of its tokens in `order`; those of node i + 1 begin where its own end */
    uint16_t depth; /* of its byte, from 1 */
    uint8_t byte;
} weir_tree_node;

struct weir_token_tree {
    uint64_t serial;       /* no other tree of the process has it */
    weir_tree_node *nodes; /* [n_nodes + 1], the last closes the list */
    uint32_t n_nodes;
    int32_t *order;   /* [n_order] tokens by their bytes */
    uint32_t n_order; /* without control tokens, and what has no bytes or too many */
    char *bytes;      /* of all tokens in the tree */
    uint32_t *starts; /* [n_tokens + 1] token t has bytes [starts[t], starts[t + 1]) */
    uint32_t n_tokens;
    uint32_t n_words;               /* of a mask; it is filled up to a power of two of tokens */
    uint32_t max_bytes;             /* of a token */
    int32_t marks[WEIR_TREE_MARKS]; /* the token of symbol 256 + i; -1: none */
    int32_t ends[WEIR_TREE_ENDS];   /* [n_ends] the tokens that end an answer by the file */
    size_t n_ends;
};

/* What a token is in a vocabulary that a tree is made of. */
typedef struct weir_tree_token {
    const char *bytes;
    size_t n;
    bool is_control;
} weir_tree_token;

/* The tree of any vocabulary [n]. UNSUPPORTED if a byte that UTF-8 has is no token of its own: then
 * a text could come to where no token goes on. */
weir_status weir_token_tree_make(weir_token_tree **out, const weir_tree_token *tokens, size_t n,
                                 const int32_t *ends, size_t n_ends, weir_error *err);

#endif
