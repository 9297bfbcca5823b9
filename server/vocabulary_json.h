/*
 * vocabulary_json.h: what a tokenizer's file says about itself, as JSON values; for /props and
 * /tokenizer_info.
 */
#ifndef WEIR_SERVER_VOCABULARY_JSON_H
#define WEIR_SERVER_VOCABULARY_JSON_H

#include "host.h"

/* The text of a token; null for an id that is none. */
void weir_add_token_json(weir_text_buffer *out, const weir_host *host, int32_t id);
/* The chat template that is used; null: plain text is completed. */
void weir_add_template_json(weir_text_buffer *out, const weir_host *host);

#endif
