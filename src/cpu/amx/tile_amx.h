/*
 * tile_amx.h: the tile operations of train_template_square.h in AMX.
 *
 * WEIR_HAS_AMX is 0 where the file is built without the flags; then nothing else is here.
 * Subnormal numbers count as zero in the products, as in the rounding.
 */
#ifndef WEIR_CPU_TILE_AMX_H
#define WEIR_CPU_TILE_AMX_H

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512F__) && \
    defined(__AVX512BF16__) && defined(__AVX512BW__)
#define WEIR_HAS_AMX 1
#else
#define WEIR_HAS_AMX 0
#endif

#if WEIR_HAS_AMX

#include "cpu/bf16_x86.h"

/* Palette 1: eight tiles of 16 rows (from byte 48) of 64 bytes (16-bit numbers from byte 16). */
static const WEIR_ALIGN(64) uint8_t tile_config[64] = {
    [0] = 1,   [16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64,
    [26] = 64, [28] = 64, [30] = 64, [48] = 16, [49] = 16, [50] = 16,
    [51] = 16, [52] = 16, [53] = 16, [54] = 16, [55] = 16};

static WEIR_INLINE void tile_begin(void) {
    /* gcc 12 believes that the instruction reads eight bytes, and might not write the others. */
    __asm__ volatile("" ::"r"(tile_config) : "memory");
    _tile_loadconfig(tile_config);
}
static WEIR_INLINE void tile_end(void) {
    _tile_release();
}

/* Numbers of tiles are part of the instruction. */
#define tile_zero(t)             _tile_zero(t)
#define tile_load(t, p, stride)  _tile_loadd(t, p, stride)
#define tile_store(t, p, stride) _tile_stored(t, p, stride)
#define tile_dot(c, a, b)        _tile_dpbf16ps(c, a, b)

#endif
#endif
