/*
 * train_template_square.h: the square of train_template_tiles.h on a processor's tiles.
 *
 * Contract: included once, after that template and after tile_amx.h, or by a test after an
 * emulation of it:
 *   tile_zero(t), tile_load(t, p, stride_bytes), tile_store(t, p, stride_bytes): t a constant 0..7;
 *                       16 rows of 64 bytes
 *   tile_dot(c, a, b)   c [16, 16] f32 += a [16, 32] bf16 times b [16, 16, 2] bf16: row q of b
 *                       holds p = 2 q and 2 q + 1 of each column
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_SQUARE_H
#define WEIR_CPU_TRAIN_TEMPLATE_SQUARE_H

/* Two by two tiles. */
static void tiles_square(uint32_t n_steps, const uint16_t *a, const uint16_t *b, float *c,
                         size_t ldc, bool is_added) {
    const size_t stride = ldc * sizeof *c;
    float *lower = c + TILE_ROWS * ldc;
    if (is_added) {
        tile_load(0, c, stride);
        tile_load(1, c + TILE_ROWS, stride);
        tile_load(2, lower, stride);
        tile_load(3, lower + TILE_ROWS, stride);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    const size_t row_bytes = TILE_DEPTH * sizeof *a;
    for (uint32_t s = 0; s < n_steps; s++, a += 2 * TILE_VALUES, b += 2 * TILE_VALUES) {
        tile_load(4, a, row_bytes);
        tile_load(6, b, row_bytes);
        tile_dot(0, 4, 6);
        tile_load(7, b + TILE_VALUES, row_bytes);
        tile_dot(1, 4, 7);
        tile_load(5, a + TILE_VALUES, row_bytes);
        tile_dot(2, 5, 6);
        tile_dot(3, 5, 7);
    }
    tile_store(0, c, stride);
    tile_store(1, c + TILE_ROWS, stride);
    tile_store(2, lower, stride);
    tile_store(3, lower + TILE_ROWS, stride);
}

#endif
