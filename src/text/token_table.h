/*
 * token_table.h: a byte-level BPE tokenizer as data: entries, kinds, merges, special ids, template.
 * Read from a Hugging Face folder (hf_tokenizer.h) or made (synth_parts.h); written as GGUF
 * metadata or as a folder's files (hf_write.h). Does not tokenize.
 */
#ifndef WEIR_TEXT_TOKEN_TABLE_H
#define WEIR_TEXT_TOKEN_TABLE_H

#include "gguf/gguf.h"

enum { WEIR_MAX_TEMPLATES = 16 };

typedef struct weir_token_table {
    weir_text *tokens; /* [n_tokens]; GPT-2 byte letters for normal ones, plain text for others.
                          Followed by a 0 */
    int32_t *kinds;    /* [n_tokens] */
    size_t n_tokens;
    weir_text *merges; /* [n_merges] "left right", lowest rank first */
    size_t n_merges, cap_merges;
    int32_t bos, eos, pad; /* -1: none */
    bool add_bos, add_eos;
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

/* Room for n bytes that lives as long as the table; NULL without memory. */
char *weir_token_table_room(weir_token_table *table, size_t n);
/* A copy; data NULL without memory. */
weir_text weir_token_table_copy(weir_token_table *table, const char *data, size_t n);

bool weir_token_table_set(weir_token_table *table, size_t id, weir_token_kind kind,
                          const char *data, size_t n);
/* left + " " + right as the next rank. */
bool weir_token_table_merge(weir_token_table *table, weir_text left, weir_text right);

/* Gives every id without an entry the text [PADn] and the kind unused. */
bool weir_token_table_pad(weir_token_table *table);

/* All keys tokenizer.*. has_tokens false: a model without a tokenizer; the file says so, and keeps
 * the ids and templates. */
void weir_token_table_add_meta(weir_gguf_writer *w, const weir_token_table *table, bool has_tokens);

/* The GPT-2 letter of a byte in UTF-8, 0-terminated; returns its length, 1 or 2. Printable bytes
 * are themselves, the others U+0100 and up in order. */
size_t weir_token_byte_letter(uint8_t byte, char out[3]);
/* The i-th byte in GPT-2's order: the printable ones first. */
uint8_t weir_token_byte_in_order(uint32_t i);

#endif
