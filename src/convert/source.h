/*
 * source.h: a model that is to be written anew: its tensors under GGUF names, row by row, whatever
 * it is read from: a GGUF, or a Hugging Face folder of any make. Owns the opened model. convert.c
 * and quantize.c read from it; which formats they write is theirs to decide.
 */
#ifndef WEIR_CONVERT_SOURCE_H
#define WEIR_CONVERT_SOURCE_H

#include "convert/tensor_layout.h"
#include "text/token_table.h"

typedef struct weir_source weir_source;

typedef struct weir_source_tensor {
    const char *name; /* in GGUF */
    uint32_t n_dims;
    uint64_t shape[WEIR_MAX_DIMS]; /* row-major; stacked experts: [n_experts, rows, cols] */
    uint64_t n_rows, n_cols;       /* n_rows: of all dimensions but the last */
    uint64_t stack_rows;           /* rows of one expert; n_rows if it is no stack */
    const weir_format *format;     /* in which rows are read; what a foreign packing (FP8, MLX) is
                                      read as, BF16 or F16, where GGUF has no format for it */
    bool is_foreign;               /* such a packing: rows were quantized before */
    size_t row_bytes;
    bool is_matrix; /* may be quantized; all others are F32 always */
} weir_source_tensor;

/* Opens and binds the model as if it were to be run, so that all that is wrong with it is said
 * before anything is written. */
weir_status weir_source_open(weir_source **out, const char *path, weir_error *err);
void weir_source_close(weir_source **source);

const char *weir_source_path(const weir_source *source);
const weir_model *weir_source_model(const weir_source *source);
/* The tokenizer that a folder came with, has_tokens false: ids and templates alone. NULL of a
 * GGUF. */
const weir_token_table *weir_source_tokens(const weir_source *source, bool *has_tokens);
/* All of them, in the order of the file to be written. */
const weir_source_tensor *weir_source_tensors(const weir_source *source, size_t *n);

static inline size_t weir_source_n_tensors(const weir_source *source) {
    size_t n;
    weir_source_tensors(source, &n);
    return n;
}

static inline const weir_source_tensor *weir_source_tensor_at(const weir_source *source, size_t i) {
    size_t n;
    return &weir_source_tensors(source, &n)[i];
}

/* Row `row` of tensor i in its format: where it is mapped, or made in scratch (row_bytes, used only
 * then). Any thread. */
const uint8_t *weir_source_row(const weir_source *source, size_t i, uint64_t row, uint8_t *scratch);
/* Rows before this one will not be read again: their pages of the mapped file go back to the
 * system. One thread at a time for a tensor. */
void weir_source_drop(const weir_source *source, size_t i, uint64_t row);

/* The format that most bytes of the matrices have. */
const weir_format *weir_source_main_format(const weir_source *source);
/* Another number once one of the files with its weights was changed or replaced: of their lengths
 * and times. */
uint64_t weir_source_stamp(const weir_source *source);

/* Metadata of the model for a file whose matrices are `main_type`: of a GGUF all that it has but
 * what is about its formats (NULL main_type: that too), of a folder what it says. */
weir_status weir_source_add_meta(const weir_source *source, weir_gguf_writer *writer,
                                 const weir_format *main_type, weir_error *err);

#endif
