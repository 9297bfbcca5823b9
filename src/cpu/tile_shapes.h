/*
 * tile_shapes.h: what the eight tiles of a processor are, in the order in which AMX is told
 * (palette 1): so many rows of so many bytes, 16 of 64 at most.
 */
#ifndef WEIR_CPU_TILE_SHAPES_H
#define WEIR_CPU_TILE_SHAPES_H

#include <stdint.h>

typedef struct tile_shapes {
    uint8_t palette; /* 1 */
    uint8_t start_row, reserved[14];
    uint16_t row_bytes[16]; /* of tiles 0 .. 7; the others are not there */
    uint8_t rows[16];
} tile_shapes;

_Static_assert(sizeof(tile_shapes) == 64, "what LDTILECFG reads");

#endif
