/* hf_write.h: the text files of a Hugging Face folder around the weights. */
#ifndef WEIR_CONVERT_HF_WRITE_H
#define WEIR_CONVERT_HF_WRITE_H

#include <jansson.h>

#include "text/token_table.h"

/* Writes tokenizer.json, tokenizer_config.json, generation_config.json and, if there is a template,
 * chat_template.jinja into a folder, each whole or not at all. */
weir_status weir_hf_write_tokenizer(const char *folder, const weir_token_table *table,
                                    weir_error *err);

/* The same of a model that comes from a file. has_tokens false: ids and templates alone.
 * recommended: of its general.sampling.* the sampling is taken; NULL: none is said. */
weir_status weir_hf_write_words(const char *folder, const weir_token_table *table, bool has_tokens,
                                const weir_gguf *recommended, weir_error *err);

/* The shortest decimal that reads as the float: 0.1, not 0.100000001. NULL without memory. */
json_t *weir_json_real(float v);

/* One file of a folder. */
weir_status weir_hf_write_file(const char *folder, const char *name, const char *data, size_t n,
                               weir_error *err);
/* The same of a JSON value; takes the reference. NULL was no memory. */
weir_status weir_hf_write_json(const char *folder, const char *name, json_t *root, weir_error *err);

#endif
