/*
 * dot_template.h: dot[F32] and the walk over many rows and vectors of any format: the workhorse of
 * prompts, of experts with many rows and of attention scores.
 *
 * Contract: included once per instruction set, after its vec_<isa>.h. Tiles of V_ROWS(n) rows of w
 * and n <= V_TILE_X vectors x keep all their sums in registers and share every load. With V_SLICES
 * long rows go by in slices of columns, between which the 16 lanes of every sum lie in memory: a
 * sum is the same chain of operations as in one go. Tiles and slices decide which sums are computed
 * together, never how one is computed, so a row has the same bits in all of them.
 *
 * Measured on Zen 5 (131 GMAC/s are all that its multiply-adds can do), 2048 x 2048 q4_0, 512 x: 75
 * GMAC/s a core with whole rows dequantized into the second cache (five x of 8 KB and the rows
 * drive each other out of the first), 94 in slices dequantized into the first.
 */
#ifndef WEIR_CPU_DOT_TEMPLATE_H
#define WEIR_CPU_DOT_TEMPLATE_H

#include "cpu/unit_template.h"

#if V_SLICES
enum {
    /* Dequantized at a time, 16 KB: with five slices of x of 2 KB half to two thirds of the first
     * cache. Longer or shorter slices were slower, as was asking for the next x ahead of time. */
    SLICE_ROWS = 8,
    SLICE_COLS = 512, /* whole blocks of every format */
    /* Rows that share a slice of x while it is in the second cache (8: slower with long rows), and
     * x that share a dequantized slice. Their lanes take 60 KB of stack. */
    WALK_ROWS = 16,
    WALK_X = 60 /* whole groups of 3, 4 or 5 */
};
#endif

/* Columns begin .. begin + n_cols - 1 of the vectors; rows of w begin there. Of a whole row only
 * n_cols counts. */
typedef struct dot_part {
    uint32_t begin, n_cols;
    bool is_first, is_last; /* of the row: sums begin with 0, sums are finished */
    float *lanes;           /* the sums before and after; unused if both */
} dot_part;

/* Rows at .. at + n_rows - 1 of w, n_x vectors. lanes_at: where their [n_x, n_rows, 16]
 * begin in the part's lanes. */
static WEIR_INLINE void dot_tile(const bool in_parts, const int n_rows, const int n_x,
                                 const uint8_t *w, size_t row_bytes, const float *const *x,
                                 const dot_part *part, size_t lanes_at, float *const *y,
                                 uint32_t at) {
    const size_t n_cols = part->n_cols;
    const bool is_first = !in_parts || part->is_first, is_last = !in_parts || part->is_last;
    v16 acc[TILE_SUMS];
    const float *xs[V_TILE_X];
    if (is_first) {
        WEIR_UNROLL for (int i = 0; i < n_rows * n_x; i++) acc[i] = v16_zero();
    } else {
        WEIR_UNROLL for (int i = 0; i < n_rows * n_x; i++) acc[i] =
            v16_load(part->lanes + lanes_at + 16 * i);
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) xs[j] = x[j] + (in_parts ? part->begin : 0);

    w += at * row_bytes;
    size_t c = 0;
    for (; c + 16 <= n_cols; c += 16) {
        WEIR_UNROLL for (int p = 0; p < V_PARTS; p++) {
            vp wp[8];
            size_t from = c + (size_t)(p * V_WIDTH);
            WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
                wp[r] = vp_load(w + (size_t)r * row_bytes + from * sizeof(float));
                WEIR_LOAD_ONCE(wp[r]);
            }
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                vp xp = vp_load(xs[j] + from);
                WEIR_LOAD_ONCE(xp);
                WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
                    vp *sum = &acc[j * n_rows + r].p[p];
                    *sum = vp_fma(wp[r], xp, *sum);
                }
            }
        }
    }
    if (c < n_cols) {
        v16 last[V_TILE_X];
        WEIR_UNROLL for (int j = 0; j < n_x; j++) last[j] = v16_load_some(xs[j] + c, n_cols - c);
        WEIR_UNROLL for (int r = 0; r < n_rows; r++) {
            float row[16] = {0};
            memcpy(row, w + (size_t)r * row_bytes + c * sizeof *row, (n_cols - c) * sizeof *row);
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                acc[j * n_rows + r] = v16_fma(v16_load(row), last[j], acc[j * n_rows + r]);
            }
        }
    }
    if (is_last) {
        tile_finish(n_rows, n_x, acc, y, at);
    } else {
        WEIR_UNROLL for (int i = 0; i < n_rows * n_x; i++)
            v16_store(part->lanes + lanes_at + 16 * i, acc[i]);
    }
}

/* kind_group_n: all rows, n vectors. */
#define DOT_GROUP(kind, in_parts, n)                                                           \
    static void kind##_group_##n(const uint8_t *w, size_t row_bytes, uint32_t n_w,             \
                                 const float *const *x, const dot_part *part, size_t lanes_at, \
                                 float *const *y) {                                            \
        uint32_t at = 0;                                                                       \
        for (; at + V_ROWS(n) <= n_w; at += V_ROWS(n), lanes_at += V_ROWS(n) * n * 16)         \
            dot_tile(in_parts, V_ROWS(n), n, w, row_bytes, x, part, lanes_at, y, at);          \
        for (; at < n_w; at++, lanes_at += n * 16)                                             \
            dot_tile(in_parts, 1, n, w, row_bytes, x, part, lanes_at, y, at);                  \
    }
#if V_TILE_X > 3
#define DOT_GROUPS_MORE(kind, in_parts) DOT_GROUP(kind, in_parts, 4) DOT_GROUP(kind, in_parts, 5)
#define DOT_NAMES_MORE(kind)            , kind##_group_4, kind##_group_5
#else
#define DOT_GROUPS_MORE(kind, in_parts)
#define DOT_NAMES_MORE(kind)
#endif

/* kind_all: all rows and vectors of a part. Two kinds: attention's dots are so short that asking
 * whether a part is the whole costs them a tenth. */
#define DOT_ALL(kind, in_parts)                                                                \
    DOT_GROUP(kind, in_parts, 1)                                                               \
    DOT_GROUP(kind, in_parts, 2)                                                               \
    DOT_GROUP(kind, in_parts, 3)                                                               \
    DOT_GROUPS_MORE(kind, in_parts)                                                            \
    static void kind##_all(const uint8_t *w, size_t row_bytes, uint32_t n_w,                   \
                           const float *const *x, uint32_t n_x, const dot_part *part,          \
                           float *const *y) {                                                  \
        static void (*const groups[])(const uint8_t *, size_t, uint32_t, const float *const *, \
                                      const dot_part *, size_t, float *const *) = {            \
            kind##_group_1, kind##_group_2, kind##_group_3 DOT_NAMES_MORE(kind)};              \
        for (uint32_t j = 0; j < n_x;) {                                                       \
            uint32_t rest = n_x - j, take = rest < V_TILE_X ? rest : V_TILE_X;                 \
            if (rest == V_TILE_X + 1)                                                          \
                take = (V_TILE_X + 1) / 2; /* two halves, not a whole and a single one */      \
            groups[take - 1](w, row_bytes, n_w, x + j, part, (size_t)j * n_w * 16, y + j);     \
            j += take;                                                                         \
        }                                                                                      \
    }
DOT_ALL(whole, false)
#if V_SLICES
DOT_ALL(part, true)
#endif

#if V_SLICES
/* One slice of at most SLICE_ROWS rows, dequantized into `values` where the format needs it. */
static void dot_slice(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                      uint32_t n_x, const dot_part *part, float *const *y, const dot_format *format,
                      float *values) {
    const size_t begun = part->begin / format->block_values * format->block_bytes;
    w += begun;
    if (format->dequantize) {
        /* Asks for the same row's next slice, or the first one of the walk's next row: 32 x of
         * weights that are in memory are 22 % faster with it. */
        const size_t bytes = SLICE_COLS / format->block_values * format->block_bytes;
        const size_t ahead = part->is_last ? WALK_ROWS * row_bytes - begun : bytes;
        for (uint32_t r = 0; r < n_w; r++) {
            const uint8_t *row = w + r * row_bytes;
            for (size_t line = 0; line < bytes; line += 64)
                WEIR_PREFETCH((uintptr_t)row + ahead + line);
            format->dequantize(row, values + r * SLICE_COLS, part->n_cols);
        }
        w = (const uint8_t *)values;
        row_bytes = SLICE_COLS * sizeof *values;
    }
    part_all(w, row_bytes, n_w, x, n_x, part, y);
}

/* At most WALK_ROWS rows and WALK_X vectors. */
static void dot_walk(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                     uint32_t n_x, uint32_t n_cols, float *const *y, uint32_t y_at,
                     const dot_format *format) {
    WEIR_ALIGN(64) float values[SLICE_ROWS * SLICE_COLS];
    WEIR_ALIGN(64) float lanes[WALK_ROWS * WALK_X * 16];
    for (uint32_t begin = 0; begin < n_cols; begin += SLICE_COLS) {
        uint32_t left = n_cols - begin;
        dot_part part = {.begin = begin,
                         .n_cols = left < SLICE_COLS ? left : SLICE_COLS,
                         .is_first = begin == 0,
                         .is_last = left <= SLICE_COLS};
        for (uint32_t at = 0; at < n_w; at += SLICE_ROWS) {
            uint32_t n_rows = n_w - at < SLICE_ROWS ? n_w - at : SLICE_ROWS;
            float *ys[WALK_X];
            for (uint32_t j = 0; j < n_x; j++)
                ys[j] = y[j] + y_at + at;
            part.lanes = lanes + (size_t)at * n_x * 16;
            dot_slice(w + at * row_bytes, row_bytes, n_rows, x, n_x, &part, ys, format, values);
        }
    }
}

void WEIR_ISA(dot_slices)(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                          uint32_t n_x, uint32_t n_cols, float *const *y,
                          const dot_format *format) {
    for (uint32_t at = 0; at < n_w; at += WALK_ROWS)
        for (uint32_t j = 0; j < n_x; j += WALK_X)
            dot_walk(w + at * row_bytes, row_bytes, n_w - at < WALK_ROWS ? n_w - at : WALK_ROWS,
                     x + j, n_x - j < WALK_X ? n_x - j : WALK_X, n_cols, y + j, at, format);
}
#endif

void WEIR_ISA(dot_f32)(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                       uint32_t n_x, uint32_t n_cols, float *const *y) {
#if V_SLICES
    static const dot_format plain = {NULL, 1, sizeof(float)};
    if (n_x > 2 * V_FEW_X && n_cols > SLICE_COLS) { /* of fewer x slices are slower */
        WEIR_ISA(dot_slices)(w, row_bytes, n_w, x, n_x, n_cols, y, &plain);
        return;
    }
#endif
    dot_part all = {.n_cols = n_cols};
    whole_all(w, row_bytes, n_w, x, n_x, &all, y);
}

#endif
