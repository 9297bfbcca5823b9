/*
 * token_table.h: a byte-level BPE tokenizer as data: entries, kinds, merges, special ids, template.
 * Read from the files of a Hugging Face folder (hf_tokenizer.h) or from GGUF metadata, or made
 * (synth_parts.h); written as GGUF metadata or as a folder's files (hf_write.h). Does not tokenize.
 */
#ifndef WEIR_TEXT_TOKEN_TABLE_H
#define WEIR_TEXT_TOKEN_TABLE_H

#include "gguf/gguf.h"

enum {
    WEIR_MAX_TEMPLATES = 16,
    WEIR_MAX_STOPS = 16,
    WEIR_MAX_TOKENS = 1 << 22 /* ids are below; the family's largest vocabulary has 128,000 */
};

typedef struct weir_token_table {
    weir_text *tokens;   /* [n_tokens]; GPT-2 byte letters for normal ones, plain text for others.
                            Followed by a 0 */
    int32_t *kinds;      /* [n_tokens] */
    bool *is_normalized; /* [n_tokens] of added ones: looked for after those that are not */
    size_t n_tokens;
    weir_text *merges; /* [n_merges] "left right", lowest rank first */
    size_t n_merges, cap_merges;
    int32_t bos, eos, pad;         /* -1: none */
    int32_t stops[WEIR_MAX_STOPS]; /* [n_stops] all ids that end an answer, eos among them */
    size_t n_stops;
    bool add_bos, add_eos;
    bool ignore_merges;
    weir_text split; /* the regular expression that cuts text into pieces; data NULL: not said */
    weir_text chat_template; /* data NULL: none */
    struct {
        weir_text name, text;
    } templates[WEIR_MAX_TEMPLATES]; /* further ones */
    size_t n_templates;
    struct weir_token_chunk *chunks; /* the texts' memory */
} weir_token_table;

/* n_tokens entries without a text, no merges, ids -1, BOS added as the family does. */
weir_status weir_token_table_open(weir_token_table *out, size_t n_tokens, weir_error *err);
void weir_token_table_close(weir_token_table *table);
/* More ids, without entries; fewer are no change. False without memory. */
bool weir_token_table_grow(weir_token_table *table, size_t n_tokens);

/* Room for n bytes that lives as long as the table; NULL without memory. */
char *weir_token_table_room(weir_token_table *table, size_t n);
/* A copy; data NULL without memory. */
weir_text weir_token_table_copy(weir_token_table *table, const char *data, size_t n);

/* Sets text and kind, and is_normalized as the kind usually has it. */
bool weir_token_table_set(weir_token_table *table, size_t id, weir_token_kind kind,
                          const char *data, size_t n);
/* left + " " + right as the next rank. */
bool weir_token_table_merge(weir_token_table *table, weir_text left, weir_text right);

/* An id that ends an answer; nothing happens if it is known or < 0, or if there are too many. */
void weir_token_table_add_stop(weir_token_table *table, int32_t id);

/* A template under its name; the default one for "" and "default". What had the name is replaced.
 * Names hold letters, digits, _ and -. */
typedef enum weir_template_added {
    WEIR_TEMPLATE_ADDED,
    WEIR_TEMPLATE_BAD_NAME,
    WEIR_TEMPLATE_TOO_MANY,
    WEIR_TEMPLATE_NO_MEMORY
} weir_template_added;
weir_template_added weir_token_table_add_template(weir_token_table *table, weir_text name,
                                                  weir_text text);

/* Marks like <|tool_call_start|> are control tokens also where a file calls them user-defined (a
 * display flag there): otherwise anybody's text could write them. llama.cpp's converter does the
 * same. */
bool weir_token_is_mark(const char *text, size_t n);

/* Gives every id without an entry the text [PADn] and the kind unused. */
bool weir_token_table_pad(weir_token_table *table);

/* All keys tokenizer.*. has_tokens false: a model without a tokenizer; the file says so, and keeps
 * the ids and templates. */
void weir_token_table_add_meta(weir_gguf_writer *w, const weir_token_table *table, bool has_tokens);

/* The same back, into no open table. BAD_FILE where there is no tokenizer or it contradicts itself,
 * UNSUPPORTED where it is of another kind than the family's. Close the table also after a
 * failure. */
weir_status weir_token_table_read_gguf(weir_token_table *out, const weir_gguf *gguf,
                                       weir_error *err);

/* "left right" into its parts; false if it is anything else. */
bool weir_token_divide_merge(weir_text merge, weir_text *left, weir_text *right);

/* The GPT-2 letter of a byte in UTF-8, 0-terminated; returns its length, 1 or 2. Printable bytes
 * are themselves, the others U+0100 and up in order. */
size_t weir_token_byte_letter(uint8_t byte, char out[3]);
/* The bytes of a text [n] of such letters, at most n; a text that has others stands for itself. */
size_t weir_token_spell(const char *text, size_t n, char *out);
/* The i-th byte in GPT-2's order: the printable ones first. */
uint8_t weir_token_byte_in_order(uint32_t i);

#endif
