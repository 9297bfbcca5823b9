/*
 * dot_template.h: dot[F32], the workhorse of prompts, of experts with many rows and of attention
 * scores.
 *
 * Contract: included once per instruction set, after its vec_<isa>.h. Tiles of V_ROWS(n) rows of w
 * and n <= V_TILE_X vectors x keep all their sums in registers and share every load; w goes by
 * while the few x stay in the first cache. A tile's shape decides which sums are computed together,
 * never how one is computed, so a row has the same bits in every tile.
 */
#ifndef WEIR_CPU_DOT_TEMPLATE_H
#define WEIR_CPU_DOT_TEMPLATE_H

#include "cpu/unit_template.h"

/* Rows at .. at + n_rows - 1 of w, n_x vectors. */
static WEIR_INLINE void dot_tile(const int n_rows, const int n_x, const uint8_t *w,
                                 size_t row_bytes, const float *const *x, uint32_t n_cols,
                                 float *const *y, uint32_t at) {
    v16 acc[TILE_SUMS];
    const float *xs[V_TILE_X];
    WEIR_UNROLL for (int i = 0; i < n_rows * n_x; i++) acc[i] = v16_zero();
    WEIR_UNROLL for (int j = 0; j < n_x; j++) xs[j] = x[j];

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
    tile_finish(n_rows, n_x, acc, y, at);
}

/* dot_group_n: all rows, n vectors. */
#define DOT_GROUP(n)                                                                     \
    static void dot_group_##n(const uint8_t *w, size_t row_bytes, uint32_t n_w,          \
                              const float *const *x, uint32_t n_cols, float *const *y) { \
        uint32_t at = 0;                                                                 \
        for (; at + V_ROWS(n) <= n_w; at += V_ROWS(n))                                   \
            dot_tile(V_ROWS(n), n, w, row_bytes, x, n_cols, y, at);                      \
        for (; at < n_w; at++)                                                           \
            dot_tile(1, n, w, row_bytes, x, n_cols, y, at);                              \
    }
DOT_GROUP(1)
DOT_GROUP(2)
DOT_GROUP(3)
#if V_TILE_X > 3
DOT_GROUP(4)
DOT_GROUP(5)
#endif
#undef DOT_GROUP

void WEIR_ISA(dot_f32)(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                       uint32_t n_x, uint32_t n_cols, float *const *y) {
    static void (*const groups[])(const uint8_t *, size_t, uint32_t, const float *const *, uint32_t,
                                  float *const *) = {
        dot_group_1,
        dot_group_2,
        dot_group_3,
#if V_TILE_X > 3
        dot_group_4,
        dot_group_5,
#endif
    };
    for (uint32_t j = 0; j < n_x;) {
        uint32_t rest = n_x - j, take = rest < V_TILE_X ? rest : V_TILE_X;
        if (rest == V_TILE_X + 1)
            take = (V_TILE_X + 1) / 2; /* two halves, not a whole and a single one */
        groups[take - 1](w, row_bytes, n_w, x + j, n_cols, y + j);
        j += take;
    }
}

#endif
