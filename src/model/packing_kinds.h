/* packing_kinds.h: what packing.c and the packings themselves, mlx.c and fp8.c, share. */
#ifndef WEIR_MODEL_PACKING_KINDS_H
#define WEIR_MODEL_PACKING_KINDS_H

#include "model/packing.h"

typedef struct weir_packed weir_packed;
typedef void weir_unpack_row(const weir_packed *p, uint64_t row, uint8_t *out);

/* A packed tensor: how it is stored, and as what it is seen. */
struct weir_packed {
    const char *name;          /* of the stored weights; lives while the fold runs */
    const weir_format *format; /* as which it is seen */
    uint32_t n_dims;
    uint64_t shape[WEIR_MAX_DIMS]; /* as seen */
    uint64_t n_rows, n_cols;       /* n_rows: of all dimensions but the last */
    const uint8_t *seen;           /* its address; n_rows * seen_row_bytes follow */
    size_t seen_row_bytes;

    weir_unpack_row *unpack;
    const uint8_t *data; /* [n_rows, row_bytes] */
    size_t row_bytes;
    weir_tensor scales, biases; /* biases: of MLX */

    uint32_t bits, group; /* MLX: of a value; values that share a scale and a bias */

    /* FP8: the scale of a value is number matrix * matrix_scales + block row * n_block_cols + block
     * column, where rows count within their matrix. */
    uint64_t matrix_rows, matrix_scales;
    uint64_t block_rows, block_cols, n_block_cols;
};

/* Where stored tensors are looked up, and the marks of those that are parts of others. */
typedef struct weir_fold {
    const weir_safetensors *st;
    const json_t *config;
    bool *is_part; /* [n_tensors] */
    weir_error *err;
} weir_fold;

/* The tensor STEM + SUFFIX, marked as a part; NULL if there is none. */
const weir_tensor *weir_fold_part(const weir_fold *f, const char *stem, size_t n_stem,
                                  const char *suffix);
bool weir_is_plain_float(const weir_tensor *t);

/* Each fills *p but for what follows from its shape (n_rows, n_cols, seen). BAD_FILE or
 * UNSUPPORTED with a whole line, but for the name of the folder. */
weir_status weir_mlx_describe(const weir_fold *f, const weir_tensor *weights, weir_packed *p);
weir_status weir_fp8_describe(const weir_fold *f, const weir_tensor *weights, weir_packed *p);

/* FP8: does every block of WEIR_FORMAT_F8 (quant/format_f8.h) have one scale?
 * And the row in that format. */
bool weir_fp8_is_blocks(const weir_packed *p);
void weir_fp8_blocks(const weir_packed *p, uint64_t row, uint8_t *out);

/* Tensors beside FP8 weights that are about activations. */
bool weir_fp8_is_idle(const char *name);

#endif
