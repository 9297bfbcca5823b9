/*
 * bf16_x86.h: bfloat16 tiles of train_template_tiles.h made with AVX-512 BF16.
 *
 * Subnormal numbers count as zero: the processor's rule for bfloat16.
 */
#ifndef WEIR_CPU_BF16_X86_H
#define WEIR_CPU_BF16_X86_H

#include "base/compiler.h"

#include <immintrin.h>
#include <stdint.h>

static WEIR_INLINE void tile_round(const float *from, uint16_t *to) {
    __m512bh y = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from));
    _mm512_storeu_si512(to, (__m512i)y);
}
static WEIR_INLINE void tile_round_pairs(const float *even, const float *odd, uint16_t *to) {
    __m512bh y = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(odd), _mm512_loadu_ps(even));
    __m512i e = _mm512_cvtepu16_epi32(_mm512_castsi512_si256((__m512i)y));
    __m512i o = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64((__m512i)y, 1));
    _mm512_storeu_si512(to, _mm512_or_si512(e, _mm512_slli_epi32(o, 16)));
}

/* In four steps: pairs of rows, then of pairs within 128 bits; then the 128-bit parts. */
static WEIR_INLINE void tile_transpose(const uint16_t *from, uint16_t *to) {
    __m512i r[16], t[16];
    WEIR_UNROLL for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(from + i * 32);
    WEIR_UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    /* r[4 g + j]: in 128-bit part q, column 4 q + j of rows 4 g .. 4 g + 3 */
    WEIR_UNROLL for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    WEIR_UNROLL for (int j = 0; j < 4; j++) {
        __m512i low01 = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x44);  /* parts 0 1, 0 1 */
        __m512i high01 = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xee); /* parts 2 3, 2 3 */
        __m512i low23 = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x44);
        __m512i high23 = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xee);
        _mm512_storeu_si512(to + (size_t)j * 32, _mm512_shuffle_i32x4(low01, low23, 0x88));
        _mm512_storeu_si512(to + (size_t)(4 + j) * 32, _mm512_shuffle_i32x4(low01, low23, 0xdd));
        _mm512_storeu_si512(to + (size_t)(8 + j) * 32, _mm512_shuffle_i32x4(high01, high23, 0x88));
        _mm512_storeu_si512(to + (size_t)(12 + j) * 32, _mm512_shuffle_i32x4(high01, high23, 0xdd));
    }
}

#endif
