/*
 * kernels.h: the CPU's table of functions. Portable C fills every entry; the file of each
 * instruction set (src/cpu/<isa>/, alone built with its flags) overwrites what it does better.
 *
 * Two arithmetics, never mixed for one matrix: activations in 15 or 8 bits with integer products
 * over packed strips (t16.h), and float32:
 *
 * A dot product of n values has 16 lanes:
 *
 *     lane[l] = fma(w[16 i + l], x[16 i + l], lane[l])        i ascending; the tail fills the first
 * lanes sum     = ((l0+l8)+(l4+l12)) + ((l2+l10)+(l6+l14)) + ... : halves are added, 16 -> 8 -> 4
 * -> 2 -> 1 (s8[l] = lane[l] + lane[l+8], s4[l] = s8[l] + s8[l+4], s2[l] = s4[l] + s4[l+2], s2[0] +
 * s2[1])
 *
 * whatever the format (weights are dequantized exactly as quant/ does, values in float32), the
 * tile, the number of rows or the path (in registers, or through a dequantized tile, whole or in
 * slices). So a row has the same bits in every batch. AVX2 (two registers of 8) and AVX-512 and
 * NEON (four of 4) give equal bits; portable C has the same lanes with separate multiply and add,
 * so its last bits differ.
 */
#ifndef WEIR_CPU_KERNELS_H
#define WEIR_CPU_KERNELS_H

#include "backend/kv_layout.h"
#include "cpu/t16.h"
#include "quant/format.h"

/* y[j * y_stride + i] = dot(row i of w, x_j), i < n_w, j < n_x. w: n_w rows of row_bytes in the
 * entry's format. x_j = x[j] (pointers, so that experts gather nothing). n_cols values, a multiple
 * of the block. y_j = y[j]. */
typedef void weir_dot_fn(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                         uint32_t n_x, uint32_t n_cols, float *const *y);

enum {
    WEIR_ATTEND_ROWS = 8,
    WEIR_ATTEND_SEGMENT = 512 /* keys whose sums are one part of a row's; whole pages */
};

/* One K/V head and query rows that follow each other on a timeline: the n_group query heads of row
 * r against positions 0 .. n_keys + r - 1. The bits of a row do not depend on its neighbours. */
typedef struct weir_attend_task {
    const weir_kv_layout *kv;
    const uint8_t *pool;   /* page p is at pool + p * kv->page_bytes */
    const uint32_t *pages; /* [ceil((n_keys + n_rows - 1) / 64)] */
    size_t k_at, v_at;     /* of this layer and head in a page */
    uint32_t n_keys;       /* of the first row, >= 1 */
    uint32_t n_rows;       /* 1 .. WEIR_ATTEND_ROWS */
    uint32_t n_group;      /* query heads that share the K/V head */
    size_t row_values;     /* from a row of q or y to the next one */
    const float *q;        /* [n_rows][n_group, head_dim] */
    float *y;              /* [n_rows][n_group, head_dim] */
    float scale;           /* head_dim^-0.5 */
    float *scratch;        /* weir_attend_scratch floats of this thread */
} weir_attend_task;

typedef struct weir_cpu_kernels {
    const char *isa; /* of the best unit that has filled entries */

    /* NULL: use dequantize + dot[F32]. Filled: f32 f16 bf16 q4_0 q8_0 q4_k q5_k q6_k. dot[F32] is
     * always there. Good for n_x <= dot_rows; of more, dequantize a tile once and use dot[F32] on
     * it. UINT32_MAX: the dots do that themselves, and better. Up to 80 KB of stack. */
    weir_dot_fn *dot[WEIR_FORMAT_LIMIT];
    uint32_t dot_rows;
    /* Bits equal to the format's own; every entry filled. */
    void (*dequantize[WEIR_FORMAT_LIMIT])(const void *blocks, float *values, size_t n);

    /* Integer products over packed strips (t16.h). NULL: the format has none here. */
    weir_t16_fn *t16[WEIR_FORMAT_LIMIT];
    weir_q15_fn *q15; /* makes the activations in the order that these t16 read */
    /* The same with activations in 8 bits; filled where t16 is. */
    weir_t16_fn *t16_q8[WEIR_FORMAT_LIMIT];
    weir_q15_fn *q8;
    /* The products of t16_q8, bit for bit, by a unit that pays from t16_tile_rows rows of
     * activations on, 64 at a time best. NULL: there is none */
    weir_t16_fn *t16_q8_tiles[WEIR_FORMAT_LIMIT];
    uint32_t t16_tile_rows;
    weir_t16_walk t16_walk; /* zeros: no processor that is known */

    /* y = x / sqrt(mean(x^2) + eps) * weight; the sum is a dot of x with itself */
    void (*rms_norm)(const float *x, const float *weight, uint32_t n, float eps, float *y);
    /* y = g / (1 + exp(-g)) * u */
    void (*silu_mul)(const float *g, const float *u, size_t n, float *y);
    /* y = fma(scale, x, y) */
    void (*add_scaled)(float *y, const float *x, float scale, size_t n);
    /* x [head_dim] rotated in place by cos_sin [2, head_dim / 2] (cosines, then sines) */
    void (*rope)(float *x, const float *cos_sin, uint32_t head_dim);
    /* Gated convolution of one token: channels [n] of b, c, x, taps [n, l_cache],
     * past [n, l_cache - 1] oldest first, updated to include u = b x. y = c (sum taps u + bias).
     * bias may be NULL */
    void (*short_conv)(const float *b, const float *c, const float *x, const float *taps,
                       const float *bias, uint32_t l_cache, uint32_t n, float *past, float *y);
    /* Online softmax, page after page (64 keys at fixed absolute positions), anew in each segment
     * of keys; what segments have summed is merged in their order */
    void (*attend)(const weir_attend_task *task);
    /* The same in two steps, of one row, for threads that share its keys: the sums of one segment
     * that begins before the last key;
     * then y from those of all, sums [ceil(n_keys / segment), weir_attend_sums], which are spoilt
     */
    void (*attend_part)(const weir_attend_task *task, uint32_t segment, float *sums);
    void (*attend_merge)(const weir_attend_task *task, float *sums);
} weir_cpu_kernels;

/* Floats of a group's sums over a segment: y [n_group, head_dim], l [n_group, 16], m [n_group]
 * (attend_template.h). */
size_t weir_attend_sums(uint32_t n_group, uint32_t head_dim);
/* Floats of scratch that attend needs per thread, for any number of rows. */
size_t weir_attend_scratch(uint32_t n_group, uint32_t head_dim);

/* Kernels for this machine, capped at `isa` (NULL: none; "portable", "avx2", "avxvnni", "avx512",
 * "avx512vnni", "amx", "neon",
 * "dotprod", "i8mm"). BAD_ARGUMENT for an unknown name or one this machine cannot run. */
weir_status weir_cpu_kernels_for(weir_cpu_kernels *out, const char *isa, weir_error *err);

/* Whether AMX tiles may be used: the processor has those of bfloat16 and of bytes, and the system,
 * which is asked for them here, gives every thread of the process the room. */
bool weir_cpu_has_tiles(void);

/* The one symbol of each unit: fills what it has, or nothing where it was built without its flags.
 */
void weir_cpu_init_portable(weir_cpu_kernels *k);
void weir_cpu_init_avx2(weir_cpu_kernels *k);
void weir_cpu_init_avxvnni(weir_cpu_kernels *k);
void weir_cpu_init_avx512(weir_cpu_kernels *k);
void weir_cpu_init_avx512vnni(weir_cpu_kernels *k);
void weir_cpu_init_amx(weir_cpu_kernels *k);
void weir_cpu_init_neon(weir_cpu_kernels *k);
void weir_cpu_init_dotprod(weir_cpu_kernels *k);
void weir_cpu_init_i8mm(weir_cpu_kernels *k);

#endif
