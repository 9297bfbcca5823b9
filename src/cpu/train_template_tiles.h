/*
 * train_template_tiles.h: matrix products of bfloat16 in squares of 32 x 32, sums in float32.
 *
 * Contract: included once, by train_<isa>.c or by a test, after
 *   TILES_NAME                           "amx bf16"
 *   tile_begin() tile_end()              around all products, in every thread
 *   tile_round(from, to)                 32 floats to bf16, to the nearest, ties to even
 *   tile_round_pairs(even, odd, to)      to[2 j] = even[j], to[2 j + 1] = odd[j], j < 16
 *   tile_transpose(from, to)             16 x 16 pairs of bf16
 * and followed by a definition of tiles_square, which is declared here.
 *
 * A panel of A is, 32 p after 32 p, two tiles of 16 rows; a panel of B two tiles of 16 columns: the
 * tiles of AMX, and as good for plain vectors. So one kind of tile is made of rows as they stand in
 * memory and the other of pairs of them, and where A or B stands the other way it becomes a tile of
 * the other kind, which is then transposed as pairs. Zeros stand where a matrix ends.
 *
 * An element's sum starts from C (or zero) and goes on through the blocks of p, 32 p at a time: its
 * order depends on k alone.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_TILES_H
#define WEIR_CPU_TRAIN_TEMPLATE_TILES_H

#include "base/compiler.h"
#include "cpu/train_kernels.h"

#include <string.h>

enum {
    TILE_ROWS = 16,  /* of the processor's tile */
    TILE_DEPTH = 32, /* p of one product of tiles */
    TILE_VALUES = TILE_ROWS * TILE_DEPTH,
    TILE_BYTES = 1024,
    TILES_ROWS = 2 * TILE_ROWS, /* of a panel */
    TILES_COLS = 2 * TILE_ROWS,
    TILES_STEPS = WEIR_PRODUCT_DEPTH / TILE_DEPTH
};

/* c [32, 32], rows ldc apart, = or += a panel of A times a panel of B, of n_steps times 32 p. */
static void tiles_square(uint32_t n_steps, const uint16_t *a, const uint16_t *b, float *c,
                         size_t ldc, bool is_added);

static uint32_t tiles_steps(uint32_t depth) {
    return (depth + TILE_DEPTH - 1) / TILE_DEPTH;
}

/* n_rows x n_cols of a matrix, in a square of floats that has room for more; zeros elsewhere. */
static void tiles_corner(const float *from, size_t stride, uint32_t n_rows, uint32_t n_cols,
                         uint32_t width, float *to) {
    memset(to, 0, TILE_VALUES * sizeof *to);
    for (uint32_t i = 0; i < n_rows; i++)
        memcpy(to + (size_t)i * width, from + i * stride, n_cols * sizeof *to);
}

/* A tile of 16 rows of 32 values. */
static void tile_of_rows(const float *from, size_t stride, uint32_t n_rows, uint32_t n_cols,
                         uint16_t *tile) {
    float corner[TILE_VALUES];
    if (n_rows < TILE_ROWS || n_cols < TILE_DEPTH) {
        tiles_corner(from, stride, n_rows, n_cols, TILE_DEPTH, corner);
        from = corner;
        stride = TILE_DEPTH;
    }
    for (uint32_t i = 0; i < TILE_ROWS; i++)
        tile_round(from + i * stride, tile + (size_t)i * TILE_DEPTH);
}

/* A tile of 32 rows of 16 values, in pairs of rows. */
static void tile_of_pairs(const float *from, size_t stride, uint32_t n_rows, uint32_t n_cols,
                          uint16_t *tile) {
    float corner[TILE_VALUES];
    if (n_rows < TILE_DEPTH || n_cols < TILE_ROWS) {
        tiles_corner(from, stride, n_rows, n_cols, TILE_ROWS, corner);
        from = corner;
        stride = TILE_ROWS;
    }
    for (uint32_t q = 0; q < TILE_DEPTH / 2; q++)
        tile_round_pairs(from + 2 * q * stride, from + (2 * q + 1) * stride,
                         tile + (size_t)q * TILE_DEPTH);
}

static uint32_t tiles_part(uint32_t n, uint32_t at, uint32_t most) {
    return n <= at ? 0 : n - at < most ? n - at : most;
}

/* Panels of a matrix whose `n` rows (columns of B) each have their p side by side in memory, or, if
 * is_across, p after p. wants_pairs: as tiles of B. */
static void tiles_pack(const float *from, size_t stride, bool is_across, uint32_t n, uint32_t depth,
                       bool wants_pairs, uint16_t *panels) {
    WEIR_ALIGN(64) uint16_t turned[TILE_VALUES];
    uint32_t n_steps = tiles_steps(depth), n_tiles = (n + TILES_ROWS - 1) / TILES_ROWS * 2;
    for (uint32_t s = 0; s < n_steps; s++) {
        uint32_t p = s * TILE_DEPTH, n_p = tiles_part(depth, p, TILE_DEPTH);
        for (uint32_t t = 0; t < n_tiles; t++) {
            uint32_t i = t * TILE_ROWS, n_i = tiles_part(n, i, TILE_ROWS);
            uint16_t *tile =
                panels + ((size_t)(t / 2) * n_steps * 2 + (size_t)s * 2 + t % 2) * TILE_VALUES;
            uint16_t *made = is_across == wants_pairs ? tile : turned;
            if (n_i == 0) {
                memset(tile, 0, TILE_BYTES);
                continue;
            }
            if (is_across) {
                const float *at = from + p * stride + i;
                /* the rows of the next step, far apart: no processor sees them coming */
                for (uint32_t ahead = 0; ahead < tiles_part(depth, p + TILE_DEPTH, TILE_DEPTH);
                     ahead++)
                    WEIR_PREFETCH(at + (TILE_DEPTH + ahead) * stride);
                tile_of_pairs(at, stride, n_p, n_i, made);
            } else {
                tile_of_rows(from + i * stride + p, stride, n_i, n_p, made);
            }
            if (made == turned)
                tile_transpose(turned, tile);
        }
    }
}

static void tiles_pack_a(const weir_matmul *product, uint32_t row, uint32_t n_rows, uint32_t at,
                         uint32_t depth, void *panels) {
    bool is_across = product->a_is_transposed;
    const float *from =
        product->a + (is_across ? at * product->lda + row : row * product->lda + at);
    tiles_pack(from, product->lda, is_across, n_rows, depth, false, panels);
}

static void tiles_pack_b(const weir_matmul *product, uint32_t col, uint32_t n_cols, uint32_t at,
                         uint32_t depth, void *panels) {
    bool is_across = !product->b_is_transposed;
    const float *from =
        product->b + (is_across ? at * product->ldb + col : col * product->ldb + at);
    tiles_pack(from, product->ldb, is_across, n_cols, depth, true, panels);
}

static void tiles_multiply(const weir_matmul *product, const void *a, const void *b, uint32_t row,
                           uint32_t n_rows, uint32_t col, uint32_t n_cols, uint32_t depth,
                           bool is_added) {
    uint32_t n_steps = tiles_steps(depth);
    const size_t panel = (size_t)n_steps * 2 * TILE_VALUES;
    const uint16_t *columns = b;
    WEIR_ALIGN(64) float edge[TILES_ROWS * TILES_COLS];
    for (uint32_t j = 0; j < n_cols; j += TILES_COLS, columns += panel) {
        const uint16_t *rows = a;
        for (uint32_t i = 0; i < n_rows; i += TILES_ROWS, rows += panel) {
            float *c = product->c + (row + i) * product->ldc + col + j;
            uint32_t m = tiles_part(n_rows, i, TILES_ROWS), n = tiles_part(n_cols, j, TILES_COLS);
            if (m == TILES_ROWS && n == TILES_COLS) {
                tiles_square(n_steps, rows, columns, c, product->ldc, is_added);
                continue;
            }
            for (uint32_t r = 0; is_added && r < TILES_ROWS; r++)
                for (uint32_t q = 0; q < TILES_COLS; q++)
                    edge[r * TILES_COLS + q] = r < m && q < n ? c[r * product->ldc + q] : 0.0f;
            tiles_square(n_steps, rows, columns, edge, TILES_COLS, is_added);
            for (uint32_t r = 0; r < m; r++)
                memcpy(c + r * product->ldc, edge + r * TILES_COLS, n * sizeof *c);
        }
    }
}

static void tiles_begin(void) {
    tile_begin();
}

static void tiles_end(void) {
    tile_end();
}

static const weir_product_kernels tiles_product = {
    .name = TILES_NAME,
    .tile_rows = TILES_ROWS,
    .tile_cols = TILES_COLS,
    .value_bytes = sizeof(uint16_t),
    .depth_unit = TILE_DEPTH,
    .a_panel_bytes = (size_t)TILES_STEPS * 2 * TILE_BYTES,
    .begin = tiles_begin,
    .end = tiles_end,
    .pack_a = tiles_pack_a,
    .pack_b = tiles_pack_b,
    .multiply = tiles_multiply,
};

#endif
