/* hf_tokenizer.h: the tokenizer of a Hugging Face folder, or of its tokenizer.json alone, read into
 * a token table. */
#ifndef WEIR_TEXT_HF_TOKENIZER_H
#define WEIR_TEXT_HF_TOKENIZER_H

#include "text/token_table.h"

/* What a model's configuration says about its vocabulary. */
typedef struct weir_vocab_hint {
    size_t n_tokens;
    int32_t bos, eos, pad; /* -1: none */
} weir_vocab_hint;

/*
 * For writing a GGUF: tokenizer.json, tokenizer_config.json, generation_config.json and the files
 * of templates, as far as they are there, for a model of hint->n_tokens tokens. *found: there is a
 * tokenizer.json; without one only the ids (and the templates) are filled. Special ids:
 * tokenizer_config.json names them by text, else the hint, else generation_config.json.
 *
 * BAD_FILE with file and place for what contradicts itself, UNSUPPORTED for a tokenizer of another
 * kind, or which splits text otherwise than the family does: a GGUF has only a name for that. Close
 * the table also after a failure.
 */
weir_status weir_hf_tokenizer_read(weir_token_table *out, bool *found, const char *folder,
                                   const weir_vocab_hint *hint, weir_error *err);

/* For using it: the same files, and config.json for ids and the size of the vocabulary, which is
 * never smaller than the largest id + 1. Any regular expression is taken. BAD_FILE without a
 * tokenizer.json. */
weir_status weir_hf_tokenizer_folder(weir_token_table *out, const char *folder, weir_error *err);
/* A tokenizer.json alone. */
weir_status weir_hf_tokenizer_file(weir_token_table *out, const char *path, weir_error *err);

typedef enum weir_hf_file {
    WEIR_HF_TOKENIZER,
    WEIR_HF_TOKENIZER_CONFIG,
    WEIR_HF_GENERATION_CONFIG,
    WEIR_HF_CHAT_TEMPLATE,
    WEIR_HF_CONFIG,
    WEIR_HF_CHAT_TEMPLATE_JSON
} weir_hf_file;

/* One of them from memory into an open table; name is used in errors. *found as above: set by
 * tokenizer.json, looked at by tokenizer_config.json. A table of no tokens gets as many as
 * tokenizer.json has. */
weir_status weir_hf_tokenizer_parse(weir_token_table *table, bool *found, weir_hf_file file,
                                    const char *data, size_t size, const char *name,
                                    weir_error *err);

#endif
