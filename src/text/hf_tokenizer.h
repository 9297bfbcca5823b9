/* hf_tokenizer.h: the tokenizer of a Hugging Face folder, read into a token table. */
#ifndef WEIR_TEXT_HF_TOKENIZER_H
#define WEIR_TEXT_HF_TOKENIZER_H

#include "text/token_table.h"

/* What a model's configuration says about its vocabulary. */
typedef struct weir_vocab_hint {
    size_t n_tokens;
    int32_t bos, eos, pad; /* -1: none */
} weir_vocab_hint;

/*
 * Reads tokenizer.json, tokenizer_config.json, chat_template.jinja and generation_config.json, as
 * far as they are there, for a model of hint->n_tokens tokens. *found: there is a tokenizer.json;
 * without one only the ids (and the template) are filled. Special ids: tokenizer_config.json names
 * them by text, else the hint, else generation_config.json.
 *
 * BAD_FILE with file and place for what contradicts itself, UNSUPPORTED for a tokenizer of another
 * kind than the family's. Close the table also after a failure.
 */
weir_status weir_hf_tokenizer_read(weir_token_table *out, bool *found, const char *folder,
                                   const weir_vocab_hint *hint, weir_error *err);

/* In the order in which they are read. */
typedef enum weir_hf_file {
    WEIR_HF_TOKENIZER,
    WEIR_HF_TOKENIZER_CONFIG,
    WEIR_HF_GENERATION_CONFIG,
    WEIR_HF_CHAT_TEMPLATE
} weir_hf_file;

/* One of them from memory into an open table; name is used in errors. *found as above: set by
 * tokenizer.json, looked at by tokenizer_config.json. */
weir_status weir_hf_tokenizer_parse(weir_token_table *table, bool *found, weir_hf_file file,
                                    const char *data, size_t size, const char *name,
                                    weir_error *err);

#endif
