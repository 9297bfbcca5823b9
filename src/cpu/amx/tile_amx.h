/*
 * tile_amx.h: the tile operations of train_template_square.h and t16_tiles_template.h in AMX.
 *
 * WEIR_HAS_AMX is 0 where the file is built without the flags; then nothing else is here.
 * In products of bfloat16 subnormal numbers count as zero, as in the rounding.
 */
#ifndef WEIR_CPU_TILE_AMX_H
#define WEIR_CPU_TILE_AMX_H

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__) && \
    defined(__AVX512F__) && defined(__AVX512BF16__) && defined(__AVX512BW__)
#define WEIR_HAS_AMX 1
#else
#define WEIR_HAS_AMX 0
#endif

#if WEIR_HAS_AMX

#include "cpu/bf16_x86.h"
#include "cpu/tile_shapes.h"

/* All eight tiles are 16 rows of 64 bytes. */
static const WEIR_ALIGN(64) tile_shapes tile_full = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* gcc 12 does not know that these instructions read memory: it believes that a configuration is
 * eight bytes, and a tile none. It might not write what they read. */
#define TILE_READS(p) __asm__ volatile("" ::"r"(p) : "memory")

static WEIR_INLINE void tile_begin_as(const tile_shapes *shapes) {
    TILE_READS(shapes);
    _tile_loadconfig(shapes);
}
static WEIR_INLINE void tile_begin(void) {
    tile_begin_as(&tile_full);
}
static WEIR_INLINE void tile_end(void) {
    _tile_release();
}

/* Numbers of tiles are part of the instruction. */
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, p, stride)             \
    do {                                    \
        const void *tile_from_ = (p);       \
        TILE_READS(tile_from_);             \
        _tile_loadd(t, tile_from_, stride); \
    } while (0)
#define tile_store(t, p, stride) _tile_stored(t, p, stride)
#define tile_dot(c, a, b)        _tile_dpbf16ps(c, a, b)
#define tile_dot_bytes(c, a, b)  _tile_dpbssd(c, a, b)

#endif
#endif
