/* token_print.h: tokens as lists for people and programs. */
#ifndef WEIR_TOOLS_TOKEN_PRINT_H
#define WEIR_TOOLS_TOKEN_PRINT_H

#include "text_buffer.h"

/* "normal", "control", "user", "unused", "none" */
const char *weir_token_kind_name(weir_token_kind kind);

/* One token a line to standard output: id, kind, text with control characters as \x1b. */
void weir_token_print_lines(const weir_tokenizer *tokenizer, const int32_t *ids, size_t n);

/* [{"id": 1, "kind": "control", "text": "<|startoftext|>"}, ...] */
void weir_token_add_json(const weir_tokenizer *tokenizer, const int32_t *ids, size_t n,
                         weir_text_buffer *out);

#endif
