/*
 * tile_emulated.h: the tile operations of train_template_tiles.h, train_template_square.h and
 * t16_tiles_template.h in plain C, in the order in which Intel's manual gives them. TDPBF16PS: in a
 * product the sums of even and of odd p, each from zero with one rounding a term, then their sum,
 * then that to C; subnormals are zeros. TDPBSSD: sums of 32 bits that wrap.
 *
 * It also checks what the processor would not forgive: tiles used outside tile_begin and tile_end,
 * and products of tiles whose shapes do not fit.
 */
#ifndef WEIR_TILE_EMULATED_H
#define WEIR_TILE_EMULATED_H

#include "base/compiler.h"
#include "base/half.h"
#include "cpu/tile_shapes.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef union emulated_tile {
    float sums[16][16];
    uint16_t values[16][32];
    uint32_t pairs[16][16];
    uint8_t rows[16][64];
    int8_t bytes[16][64];
    int32_t whole[16][16];
} emulated_tile;

static _Thread_local emulated_tile tiles[8];
static _Thread_local tile_shapes tiles_shapes;
static _Thread_local bool tiles_are_ready;

/* The processor zeroes tiles when it is told their shapes; who relies on that is seen here. */
static inline void tile_begin_as(const tile_shapes *shapes) {
    assert(!tiles_are_ready && shapes->palette == 1 && shapes->start_row == 0);
    for (size_t t = 0; t < 16; t++)
        assert(t < 8 ? (shapes->rows[t] == 0) == (shapes->row_bytes[t] == 0) &&
                           shapes->rows[t] <= 16 && shapes->row_bytes[t] <= 64
                     : shapes->rows[t] == 0 && shapes->row_bytes[t] == 0);
    tiles_shapes = *shapes;
    tiles_are_ready = true;
    memset(tiles, 0xa5, sizeof tiles);
}

static inline void tile_begin(void) {
    tile_shapes full = {.palette = 1};
    for (size_t t = 0; t < 8; t++) {
        full.rows[t] = 16;
        full.row_bytes[t] = 64;
    }
    tile_begin_as(&full);
}

static inline void tile_end(void) {
    assert(tiles_are_ready);
    tiles_are_ready = false;
}

static inline void tile_zero(int t) {
    assert(tiles_are_ready && tiles_shapes.rows[t] > 0);
    memset(&tiles[t], 0, sizeof tiles[t]);
}

/* What is beyond the tile's shape is zero. */
static inline void tile_load(int t, const void *p, size_t stride) {
    tile_zero(t);
    for (size_t i = 0; i < tiles_shapes.rows[t]; i++)
        memcpy(tiles[t].rows[i], (const uint8_t *)p + i * stride, tiles_shapes.row_bytes[t]);
}

static inline void tile_store(int t, void *p, size_t stride) {
    assert(tiles_are_ready && tiles_shapes.rows[t] > 0);
    for (size_t i = 0; i < tiles_shapes.rows[t]; i++)
        memcpy((uint8_t *)p + i * stride, tiles[t].rows[i], tiles_shapes.row_bytes[t]);
}

/* The product of tiles of these shapes is one that there is. */
static inline bool tiles_fit(int c, int a, int b) {
    const tile_shapes *s = &tiles_shapes;
    return tiles_are_ready && c != a && c != b && a != b && s->rows[c] > 0 &&
           s->rows[c] == s->rows[a] && s->row_bytes[c] == s->row_bytes[b] &&
           s->row_bytes[a] == 4 * s->rows[b];
}

static inline float no_subnormal(float x) {
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

/* c + the products of n_pairs pairs, the scalar that tests compare with. */
static inline float emulated_dot(float c, const uint16_t *a, const uint16_t *b, size_t b_stride) {
    float even = 0, odd = 0;
    for (size_t q = 0; q < 16; q++) {
        even = no_subnormal(fmaf(no_subnormal(weir_bf16_to_f32(a[2 * q])),
                                 no_subnormal(weir_bf16_to_f32(b[q * b_stride])), even));
        odd = no_subnormal(fmaf(no_subnormal(weir_bf16_to_f32(a[2 * q + 1])),
                                no_subnormal(weir_bf16_to_f32(b[q * b_stride + 1])), odd));
    }
    return no_subnormal(no_subnormal(c) + no_subnormal(even + odd));
}

static inline void tile_dot(int c, int a, int b) {
    assert(tiles_fit(c, a, b));
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 16; j++)
            tiles[c].sums[i][j] = emulated_dot(tiles[c].sums[i][j], tiles[a].values[i],
                                               &tiles[b].values[0][2 * j], 32);
}

static inline void tile_dot_bytes(int c, int a, int b) {
    assert(tiles_fit(c, a, b));
    for (size_t i = 0; i < tiles_shapes.rows[c]; i++)
        for (size_t j = 0; j < tiles_shapes.row_bytes[c] / 4u; j++)
            for (size_t p = 0; p < tiles_shapes.row_bytes[a]; p++) {
                int32_t product = tiles[a].bytes[i][p] * tiles[b].bytes[p / 4][4 * j + p % 4];
                tiles[c].whole[i][j] =
                    (int32_t)((uint32_t)tiles[c].whole[i][j] + (uint32_t)product);
            }
}

static inline uint16_t emulated_round(float x) {
    return weir_f32_to_bf16(no_subnormal(x));
}

static inline void tile_round(const float *from, uint16_t *to) {
    for (size_t i = 0; i < 32; i++)
        to[i] = emulated_round(from[i]);
}

static inline void tile_round_pairs(const float *even, const float *odd, uint16_t *to) {
    for (size_t j = 0; j < 16; j++) {
        to[2 * j] = emulated_round(even[j]);
        to[2 * j + 1] = emulated_round(odd[j]);
    }
}

static inline void tile_transpose(const uint16_t *from, uint16_t *to) {
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 16; j++)
            memcpy(to + (j * 16 + i) * 2, from + (i * 16 + j) * 2, 2 * sizeof *to);
}

#endif
