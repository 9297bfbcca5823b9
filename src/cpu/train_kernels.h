/*
 * train_kernels.h: the CPU's kernels for training: what one thread does to its part of an op of
 * train_ops.h.
 *
 * Every instruction set fills a whole table from the same templates (train_template*.h), so there
 * is nothing to fall back to. Sums run in orders that are written here and in the templates and
 * never depend on registers: avx2, avx512 and neon give equal bits; portable C has a multiply and
 * an add where those have one fma. Only the products of avx512bf16 and amx differ: they round their
 * inputs to bfloat16.
 *
 * Outputs that may be missing: factor, lse, gradients. Pointers point at the part's first row (or
 * column, or value); widths and counts are any number.
 */
#ifndef WEIR_CPU_TRAIN_KERNELS_H
#define WEIR_CPU_TRAIN_KERNELS_H

#include "backend/train_ops.h"

enum {
    /* Products sum over blocks of so many p, each from zero, added up in order (bfloat16: one sum
     * through all). */
    WEIR_PRODUCT_DEPTH = 256,
    /* Rows that a sum over rows takes together, before it is added to the sum so far. */
    WEIR_SUM_ROWS = 128,
    /* Attention: queries (or keys) side by side in the lanes, and keys (or queries) in turn. */
    WEIR_ATTEND_LANES = 64,
    WEIR_ATTEND_DEPTH = 96,
    /* Values of one partial sum of sum_squares, at least. */
    WEIR_SQUARES_BLOCK = 4096
};

/*
 * Products: A in panels of tile_rows rows, B in panels of tile_cols columns, both of one block of
 * p, zeros where A or B ends, so that the last tile is calculated like all others. What a panel
 * looks like is the kernels' own business.
 */
typedef struct weir_product_kernels {
    const char *name; /* "avx2 f32" */
    uint32_t tile_rows, tile_cols;
    size_t value_bytes;  /* of A and B in panels */
    uint32_t depth_unit; /* a block's p are padded to a multiple */
    size_t a_panel_bytes;
    /* Around all calls of a thread in a region; NULL: nothing to do. */
    void (*begin)(void);
    void (*end)(void);
    /* Rows row .. row + n_rows, p at .. at + depth (<= WEIR_PRODUCT_DEPTH): panel after panel. */
    void (*pack_a)(const weir_matmul *product, uint32_t row, uint32_t n_rows, uint32_t at,
                   uint32_t depth, void *panels);
    /* The panels of columns col .. col + n_cols. */
    void (*pack_b)(const weir_matmul *product, uint32_t col, uint32_t n_cols, uint32_t at,
                   uint32_t depth, void *panels);
    /* c (rows row .. row + n_rows, columns col .. col + n_cols, both from a panel's start) = or +=
     * the product of the panels; b's panels follow each other. */
    void (*multiply)(const weir_matmul *product, const void *a, const void *b, uint32_t row,
                     uint32_t n_rows, uint32_t col, uint32_t n_cols, uint32_t depth, bool is_added);
} weir_product_kernels;

/* One segment and one head: row r of q, y, dy, dq is at + r * q_stride, of k, v, dk, dv at
 * r * kv_stride, of lse at r * n_heads. */
typedef struct weir_attend_part {
    uint32_t n_rows, head_dim, n_heads;
    uint32_t n_group; /* heads from this one on that share k and v: for attend_keys_back */
    size_t q_stride, kv_stride;
    const float *q, *k, *v, *dy, *y;
    float *out; /* y, or dq */
    float *lse;
    float *dk, *dv;
    float *scratch; /* weir_train_attend_scratch floats of this thread, on a cache line */
} weir_attend_part;

/* Rows first .. first + n of a segment of n_rows, for short_conv. Pointers: the segment's row 0. */
typedef struct weir_conv_part {
    uint32_t first, n, n_rows, width, n_taps;
    const float *bcx, *taps, *bias, *dy;
    float *out; /* y, or dbcx */
} weir_conv_part;

typedef struct weir_train_kernels {
    const char *isa;
    weir_product_kernels product;

    void (*rms_norm)(const float *x, const float *w, uint32_t n_rows, uint32_t width, float eps,
                     float *y, float *factor);
    void (*rms_norm_back)(const float *dy, const float *x, const float *w, const float *factor,
                          uint32_t n_rows, uint32_t width, bool is_added, float *dx);
    /* out[c] += sum over rows of dy x factor; x NULL: of dy alone. n_cols columns of rows of width.
     */
    void (*column_sums)(const float *dy, const float *x, const float *factor, uint32_t n_rows,
                        uint32_t width, uint32_t n_cols, float *out);
    /* one head of one row; cos_sin [2, head_dim / 2] */
    void (*rope)(float *x, const float *cos_sin, uint32_t head_dim, bool is_back);

    /* Queries first .. first + WEIR_ATTEND_LANES, as far as there are; writes out and lse. */
    void (*attend)(const weir_attend_part *part, uint32_t first);
    /* The same queries' dq, and the same keys' dk and dv. */
    void (*attend_queries_back)(const weir_attend_part *part, uint32_t first);
    void (*attend_keys_back)(const weir_attend_part *part, uint32_t first);

    void (*short_conv)(const weir_conv_part *part);
    void (*short_conv_back)(const weir_conv_part *part);
    /* Channels channel .. channel + n of all rows of a batch; dtaps, dbias of the whole width. */
    void (*short_conv_taps)(const weir_segments *segments, const float *bcx, const float *dy,
                            uint32_t width, uint32_t n_taps, uint32_t channel, uint32_t n,
                            float *dtaps, float *dbias);

    void (*silu_mul)(const float *gate, const float *up, size_t n, float *h);
    void (*silu_mul_back)(const float *gate, const float *up, const float *dh, size_t n,
                          float *dgate, float *dup);
    /* y = fma(scale, x, y) */
    void (*add_scaled)(float scale, const float *x, size_t n, float *y);
    /* y = scale x; y may be x */
    void (*scale)(float scale, const float *x, size_t n, float *y);
    void (*add)(const float *x, size_t n, float *y);
    float (*dot)(const float *a, const float *b, size_t n);
    /* -log softmax(logits)[target]; is_back: logits = scale (softmax - onehot) */
    float (*cross_entropy)(float *logits, uint32_t target, uint32_t n_vocab, bool is_back,
                           float scale);
    void (*adamw)(const weir_adamw *step, const float *grad, size_t n, float *p, float *m,
                  float *v);
    double (*sum_squares)(const float *x, size_t n);
} weir_train_kernels;

/* Floats, for every kernel's tile. */
size_t weir_train_attend_scratch(uint32_t head_dim);

/* Kernels for this machine, capped at `isa` (NULL: none): "portable", "avx2", "avx512",
 * "avx512bf16", "amx", "neon". is_exact: no bfloat16 in products, whatever the cap. BAD_ARGUMENT
 * for an unknown name or one that this machine cannot run. */
weir_status weir_train_kernels_for(weir_train_kernels *out, const char *isa, bool is_exact,
                                   weir_error *err);

/* Each unit's one symbol: fills the table, or nothing where it was built without its flags. */
void weir_train_init_portable(weir_train_kernels *k);
void weir_train_init_neon(weir_train_kernels *k);
void weir_train_init_avx2(weir_train_kernels *k);
void weir_train_init_avx512(weir_train_kernels *k);
/* Over a table that avx512 filled. */
void weir_train_init_avx512bf16(weir_train_kernels *k);
void weir_train_init_amx(weir_train_kernels *k);

#endif
