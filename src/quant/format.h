/*
 * format.h: number formats. One row of one table is all a format needs to exist; devices add
 * kernels in their own tables and fall back to dequantize + f32.
 */
#ifndef WEIR_QUANT_FORMAT_H
#define WEIR_QUANT_FORMAT_H

#include "weir.h"

/* The numbers are GGUF's tensor types. */
typedef enum weir_format_id {
    WEIR_FORMAT_F32 = 0,
    WEIR_FORMAT_F16 = 1,
    WEIR_FORMAT_Q4_0 = 2,
    WEIR_FORMAT_Q4_1 = 3,
    WEIR_FORMAT_Q5_0 = 6,
    WEIR_FORMAT_Q5_1 = 7,
    WEIR_FORMAT_Q8_0 = 8,
    WEIR_FORMAT_Q2_K = 10,
    WEIR_FORMAT_Q3_K = 11,
    WEIR_FORMAT_Q4_K = 12,
    WEIR_FORMAT_Q5_K = 13,
    WEIR_FORMAT_Q6_K = 14,
    WEIR_FORMAT_IQ4_NL = 20,
    WEIR_FORMAT_IQ4_XS = 23,
    WEIR_FORMAT_BF16 = 30,
    WEIR_FORMAT_MXFP4 = 39,
    WEIR_FORMAT_LIMIT = 40
} weir_format_id;

typedef struct weir_format {
    weir_format_id id;
    const char *name;      /* lower case, as in --type */
    uint32_t block_values; /* values of one block, along a row */
    uint32_t block_bytes;
    /* n is a multiple of block_values; blocks need no alignment */
    void (*dequantize)(const void *blocks, float *values, size_t n);
    /* weights[n] or NULL: see weir_format_quantize */
    void (*quantize)(const float *values, const float *weights, void *blocks, size_t n);
} weir_format;

/* NULL if there is none. by_name is case-insensitive. */
const weir_format *weir_format_by_id(uint32_t gguf_id);
const weir_format *weir_format_by_name(const char *name);
/* i = 0, 1, ... until NULL */
const weir_format *weir_format_at(size_t i);

/* What GGUF calls a tensor type that is not in the table ("iq2_xxs"), or "unknown". */
const char *weir_format_foreign_name(uint32_t gguf_id);

/* Bytes of a row. n_values must be a multiple of block_values (asserted). */
static inline size_t weir_format_row_bytes(const weir_format *f, size_t n_values) {
    return n_values / f->block_values * f->block_bytes;
}

/*
 * values[n] -> blocks. weights[n] >= 0 say how much the squared error of each value counts, in any
 * unit: the importance of the columns. NULL makes all equal. What a weight can be and what each
 * format does with it: quant/codecs.h, docs/formats.md.
 */
void weir_format_quantize(const weir_format *f, const float *values, const float *weights,
                          void *blocks, size_t n);

/*
 * The sum of w (x - y)^2 over values x[n] and what f makes of them, quantized with weights[n]
 * (NULL: all 1). n is a multiple of block_values. Scratch is the caller's and left with y:
 * scratch_values [n], scratch_blocks of weir_format_row_bytes(f, n) bytes. NaN and infinite values
 * are left out.
 */
double weir_format_error(const weir_format *f, const float *values, const float *weights,
                         float *scratch_values, void *scratch_blocks, size_t n);

/* The format a row of n_values can take instead of f when f's block does not divide it: Q4_K ->
 * Q5_0, Q5_K -> Q5_1, Q6_K -> Q8_0 and so on, at last F16 (docs/formats.md). f itself if it fits. */
const weir_format *weir_format_for_row(const weir_format *f, size_t n_values);

#endif
