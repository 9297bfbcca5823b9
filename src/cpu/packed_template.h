/*
 * packed_template.h: weights in packed formats: dot products that dequantize in registers (up to
 * V_FEW_X vectors; of more, with V_SLICES, dot_slices), and dequantize itself, both from the same
 * unpack(), so that they cannot differ.
 *
 * Contract: included once per instruction set, after its vec_<isa>.h. Values come in the order of
 * the row, rounded as in src/quant: d * sc first, times q, minus dmin * m. A block is opened (its
 * scales computed) and unpacked in steps of STEP values.
 *
 * Rows of w are read as V_PACKED_ROWS independent streams; each asks for the cache line that the
 * same stream needs one tile later (two if they are short), because at one x memory is the limit.
 */
#ifndef WEIR_CPU_PACKED_TEMPLATE_H
#define WEIR_CPU_PACKED_TEMPLATE_H

#include "cpu/unit_template.h"
#include "quant/blocks.h"

enum { PACKED_X = 4, STEP_MOST = 8, SHORT_TILE_BYTES = 8192 };

/* Scales of an opened block: of groups, for q4_k and q5_k followed by the eight minima. */
typedef struct block_scales {
    float s[16];
} block_scales;

/* sc of groups 0..7, m of groups 0..7: six-bit fields, taken apart four at a time. */
static WEIR_INLINE b16 k4_scales(const uint8_t scales[12]) {
    uint32_t in[3], out[4];
    memcpy(in, scales, sizeof in);
    out[0] = in[0] & 0x3f3f3f3fu;
    out[1] = (in[2] & 0x0f0f0f0fu) | (in[0] >> 6 & 0x03030303u) << 4;
    out[2] = in[1] & 0x3f3f3f3fu;
    out[3] = (in[2] >> 4 & 0x0f0f0f0fu) | (in[1] >> 6 & 0x03030303u) << 4;
    return b16_load(out);
}

static WEIR_INLINE void block_open(const weir_format_id f, const uint8_t *block,
                                   block_scales *scales) {
    if (f == WEIR_FORMAT_Q4_0 || f == WEIR_FORMAT_Q8_0) {
        scales->s[0] = half_load(block); /* both begin with d */
    } else if (f == WEIR_FORMAT_Q4_K || f == WEIR_FORMAT_Q5_K) {
        const weir_block_q4_k *b = (const weir_block_q4_k *)block; /* q5_k begins alike */
        v16 d = v16_halves(half_load(b->d), half_load(b->dmin));
        v16_store(scales->s, v16_mul(d, v16_from_u8(k4_scales(b->scales))));
    } else if (f == WEIR_FORMAT_Q6_K) {
        const weir_block_q6_k *b = (const weir_block_q6_k *)block;
        v16 sc = v16_from_i8(b16_load(b->scales));
        v16_store(scales->s, v16_mul(v16_set(half_load(b->d)), sc));
    }
}

/* Values per call of unpack. */
static WEIR_INLINE int step_values(const weir_format_id f) {
    switch (f) {
    case WEIR_FORMAT_Q4_0:
    case WEIR_FORMAT_Q8_0:
        return 32;
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
        return 64;
    case WEIR_FORMAT_Q6_K:
        return 128;
    default:
        return 16;
    }
}

/* Step `step` of a block: u[0 .. STEP / 16 - 1]. */
static WEIR_INLINE void unpack(const weir_format_id f, const uint8_t *block,
                               const block_scales *scales, const int step, v16 *u) {
    const float *s = scales->s;
    if (f == WEIR_FORMAT_F16) {
        u[0] = v16_from_f16(block);
    } else if (f == WEIR_FORMAT_BF16) {
        u[0] = v16_from_bf16(block);
    } else if (f == WEIR_FORMAT_Q4_0) {
        b16 qs = b16_load(((const weir_block_q4_0 *)block)->qs);
        centered levels = centered_make(s[0]);
        u[0] = centered_low(levels, qs);
        u[1] = centered_high(levels, qs);
    } else if (f == WEIR_FORMAT_Q8_0) {
        const int8_t *qs = ((const weir_block_q8_0 *)block)->qs;
        u[0] = v16_mul(v16_from_i8(b16_load(qs)), v16_set(s[0]));
        u[1] = v16_mul(v16_from_i8(b16_load(qs + 16)), v16_set(s[0]));
    } else if (f == WEIR_FORMAT_Q4_K) {
        const uint8_t *qs = ((const weir_block_q4_k *)block)->qs + 32 * step;
        b16 q0 = b16_load(qs), q1 = b16_load(qs + 16);
        affine first = affine_make(s[2 * step], s[2 * step + 8]);
        affine second = affine_make(s[2 * step + 1], s[2 * step + 9]);
        u[0] = affine_low(first, q0);
        u[1] = affine_low(first, q1);
        u[2] = affine_high(second, q0);
        u[3] = affine_high(second, q1);
    } else if (f == WEIR_FORMAT_Q5_K) {
        const weir_block_q5_k *b = (const weir_block_q5_k *)block;
        const uint8_t *qs = b->qs + 32 * step;
        b16 q0 = b16_load(qs), q1 = b16_load(qs + 16);
        b16 h0 = b16_load(b->qh), h1 = b16_load(b->qh + 16);
        affine5 first = affine5_make(s[2 * step], s[2 * step + 8]);
        affine5 second = affine5_make(s[2 * step + 1], s[2 * step + 9]);
        u[0] = affine5_low(first, q0, h0, 1 << 2 * step);
        u[1] = affine5_low(first, q1, h1, 1 << 2 * step);
        u[2] = affine5_high(second, q0, h0, 2 << 2 * step);
        u[3] = affine5_high(second, q1, h1, 2 << 2 * step);
    } else if (f == WEIR_FORMAT_Q6_K) {
        const weir_block_q6_k *b = (const weir_block_q6_k *)block;
        b16 q[8];
        six_bits(b->ql + 64 * step, b->qh + 32 * step, q);
        WEIR_UNROLL for (int i = 0; i < 8; i++) {
            u[i] = v16_mul(v16_set(s[8 * step + i]), v16_from_i8(q[i]));
        }
    }
}

/* Rows at .. at + n_rows - 1 of w, n_x vectors. */
static WEIR_INLINE void packed_tile(const weir_format_id f, const uint32_t block_values,
                                    const size_t block_bytes, const int n_rows, const int n_x,
                                    const uint8_t *w, size_t row_bytes, const float *const *x,
                                    uint32_t n_cols, float *const *y, uint32_t at) {
    const int step = step_values(f), n_steps = (int)block_values / step;
    v16 acc[16];
    const float *xs[PACKED_X];
    WEIR_UNROLL for (int i = 0; i < n_rows * n_x; i++) acc[i] = v16_zero();
    WEIR_UNROLL for (int j = 0; j < n_x; j++) xs[j] = x[j];

    /* Measured on Zen 5: without it 6 GB/s a core from memory, with it 17 to 30. */
    const size_t tile_bytes = (size_t)n_rows * row_bytes;
    const size_t ahead = tile_bytes < SHORT_TILE_BYTES ? 2 * tile_bytes : tile_bytes;
    const uint8_t *block = w + at * row_bytes;
    size_t c = 0;
    for (; c + block_values <= n_cols; c += block_values, block += block_bytes) {
        block_scales scales[4];
        WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
            const uint8_t *b = block + (size_t)r * row_bytes;
            block_open(f, b, &scales[r]);
            for (size_t line = 0; line < block_bytes; line += 64)
                WEIR_PREFETCH((uintptr_t)b + ahead + line);
        }
        for (int k = 0; k < n_steps; k++) {
            WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
                v16 u[STEP_MOST];
                unpack(f, block + (size_t)r * row_bytes, &scales[r], k, u);
                WEIR_UNROLL for (int i = 0; i < step / 16; i++) {
                    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                        v16 xv = v16_load(xs[j] + c + k * step + 16 * i);
                        acc[j * n_rows + r] = v16_fma(u[i], xv, acc[j * n_rows + r]);
                    }
                }
            }
        }
    }
    if (block_values == 16 && c < n_cols) { /* only of f16 and bf16 */
        v16 last[PACKED_X];
        WEIR_UNROLL for (int j = 0; j < n_x; j++) last[j] = v16_load_some(xs[j] + c, n_cols - c);
        WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
            uint8_t rest[32] = {0};
            block_scales none = {{0}};
            v16 u[STEP_MOST];
            memcpy(rest, block + (size_t)r * row_bytes, (n_cols - c) * 2);
            unpack(f, rest, &none, 0, u);
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                acc[j * n_rows + r] = v16_fma(u[0], last[j], acc[j * n_rows + r]);
            }
        }
    }
    tile_finish(n_rows, n_x, acc, y, at);
}

static WEIR_INLINE void packed_dequantize(const weir_format_id f, const uint32_t block_values,
                                          const size_t block_bytes, const uint8_t *block,
                                          float *values, size_t n) {
    const int step = step_values(f), n_steps = (int)block_values / step;
    size_t i = 0;
    for (; i + block_values <= n; i += block_values, block += block_bytes) {
        block_scales scales;
        block_open(f, block, &scales);
        for (int k = 0; k < n_steps; k++) {
            v16 u[STEP_MOST];
            unpack(f, block, &scales, k, u);
            WEIR_UNROLL for (int j = 0; j < step / 16; j++)
                v16_store(values + i + k * step + 16 * j, u[j]);
        }
    }
    if (block_values == 16 && i < n) { /* only of f16 and bf16 */
        uint8_t rest[32] = {0};
        block_scales none = {{0}};
        v16 u[STEP_MOST];
        memcpy(rest, block, (n - i) * 2);
        unpack(f, rest, &none, 0, u);
        v16_store_some(values + i, u[0], n - i);
    }
}

#define PACKED_GROUP(ID, name, values, bytes, n)                                               \
    static void name##_group_##n(const uint8_t *w, size_t row_bytes, uint32_t n_w,             \
                                 const float *const *x, uint32_t n_cols, float *const *y) {    \
        uint32_t at = 0;                                                                       \
        for (; at + V_PACKED_ROWS(n) <= n_w; at += V_PACKED_ROWS(n))                           \
            packed_tile(WEIR_FORMAT_##ID, values, bytes, V_PACKED_ROWS(n), n, w, row_bytes, x, \
                        n_cols, y, at);                                                        \
        if (V_PACKED_ROWS(n) > 1)                                                              \
            for (; at < n_w; at++)                                                             \
                packed_tile(WEIR_FORMAT_##ID, values, bytes, 1, n, w, row_bytes, x, n_cols, y, \
                            at);                                                               \
    }

#if V_SLICES
#define PACKED_MANY(name, values, bytes)                                           \
    static const dot_format format = {WEIR_ISA(dequantize_##name), values, bytes}; \
    if (n_x > V_FEW_X) {                                                           \
        WEIR_ISA(dot_slices)(w, row_bytes, n_w, x, n_x, n_cols, y, &format);       \
        return;                                                                    \
    }
#else
#define PACKED_MANY(name, values, bytes)
#endif

/* A format of blocks of `values` values in `bytes` bytes: its dot and its dequantize. */
#define PACKED_FORMAT(ID, name, values, bytes)                                                    \
    PACKED_GROUP(ID, name, values, bytes, 1)                                                      \
    PACKED_GROUP(ID, name, values, bytes, 2)                                                      \
    PACKED_GROUP(ID, name, values, bytes, 3)                                                      \
    PACKED_GROUP(ID, name, values, bytes, 4)                                                      \
    void WEIR_ISA(dot_##name)(const uint8_t *w, size_t row_bytes, uint32_t n_w,                   \
                              const float *const *x, uint32_t n_x, uint32_t n_cols,               \
                              float *const *y) {                                                  \
        PACKED_MANY(name, values, bytes)                                                          \
        static void (*const groups[PACKED_X])(const uint8_t *, size_t, uint32_t,                  \
                                              const float *const *, uint32_t, float *const *) = { \
            name##_group_1, name##_group_2, name##_group_3, name##_group_4};                      \
        for (uint32_t j = 0; j < n_x; j += PACKED_X) {                                            \
            uint32_t take = n_x - j < PACKED_X ? n_x - j : PACKED_X;                              \
            groups[take - 1](w, row_bytes, n_w, x + j, n_cols, y + j);                            \
        }                                                                                         \
    }                                                                                             \
    void WEIR_ISA(dequantize_##name)(const void *blocks, float *out, size_t n) {                  \
        packed_dequantize(WEIR_FORMAT_##ID, values, bytes, blocks, out, n);                       \
    }

#endif
