/*
 * hf_tokenizer_source.h: one JSON file of a folder while it is read, and how its errors are said.
 * Private to hf_tokenizer*.c.
 */
#ifndef WEIR_TEXT_HF_TOKENIZER_SOURCE_H
#define WEIR_TEXT_HF_TOKENIZER_SOURCE_H

#include <jansson.h>

#include "text/hf_tokenizer.h"

enum { WEIR_HF_SHOWN = 60 /* bytes of a foreign text that a message shows */ };

typedef struct weir_hf_source {
    weir_token_table *table;
    const char *path;
    json_t *root; /* an object */
    weir_error *err;
} weir_hf_source;

/* "PATH: what 'text': expected" */
weir_status weir_hf_bad(const weir_hf_source *s, const char *what, const char *text,
                        const char *expected);
weir_status weir_hf_no_memory(const weir_hf_source *s);

static inline bool weir_hf_is_set(const json_t *value) {
    return value != NULL && !json_is_null(value);
}

/* tokenizer.json into the table. A table without ids gets as many as the file has. */
weir_status weir_hf_read_tokenizer(const weir_hf_source *s);

#endif
