/*
 * tokenizer.h: what a tokenizer is made of, and what tests, fuzz targets and the self test see of
 * it beside weir.h.
 */
#ifndef WEIR_TEXT_TOKENIZER_H
#define WEIR_TEXT_TOKENIZER_H

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/split.h"

struct weir_tokenizer {
    weir_token_table table;  /* texts, kinds, ids and templates as they were read */
    weir_text *bytes;        /* [n_tokens] what each id decodes to; none for unused ones */
    char *byte_room;         /* the memory of decoded ones */
    weir_text_ids by_bytes;  /* the id of these bytes, control tokens before others */
    weir_added_tokens added; /* matched as a whole */
    weir_splitter *splitter; /* what is left, into pieces */
    weir_bpe bpe;            /* a piece into ids */
    weir_tokenizer_info info;
};

/* Takes the table's content, also on failure, and leaves an empty one. name begins error lines. */
weir_status weir_tokenizer_from_table(weir_tokenizer **out, weir_token_table *table,
                                      const weir_tokenizer_options *options, const char *name,
                                      weir_error *err);
weir_status weir_tokenizer_from_gguf(weir_tokenizer **out, const weir_gguf *gguf,
                                     const weir_tokenizer_options *options, weir_error *err);

/* The pieces that BPE would see, without looking for added tokens. ends [n_pieces]: where each
 * ends; the first begins at 0. (ends, cap, *n_pieces) as all outputs. */
weir_status weir_tokenizer_split(const weir_tokenizer *tokenizer, const char *text, size_t n,
                                 size_t *ends, size_t cap, size_t *n_pieces, weir_error *err);

/* All ids that end an answer, as the files say, info.eos among them; [*n]. */
const int32_t *weir_tokenizer_stops(const weir_tokenizer *tokenizer, size_t *n);

/* What encoding cost: the merges that were tried, all in all. The same ids as
 * weir_tokenizer_encode. */
weir_status weir_tokenizer_encode_counted(const weir_tokenizer *tokenizer, const char *text,
                                          size_t n, const weir_encode_options *options,
                                          int32_t *ids, size_t cap, size_t *n_ids,
                                          uint64_t *n_steps, weir_error *err);

#endif
