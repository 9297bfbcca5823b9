/*
 * vec_avx2.h: vec_template.h in AVX2 with FMA and F16C: 16 lanes are two registers.
 *
 * WEIR_HAS_AVX2 is 0 where the file is built without the flags; then nothing else is here.
 */
#ifndef WEIR_CPU_VEC_AVX2_H
#define WEIR_CPU_VEC_AVX2_H

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define WEIR_HAS_AVX2 1
#else
#define WEIR_HAS_AVX2 0
#endif

#if WEIR_HAS_AVX2

#include "base/compiler.h"
#include "cpu/kernels.h"
#include "quant/blocks.h"

#include <immintrin.h>
#include <string.h>

#define WEIR_ISA(name) weir_avx2_##name

/* 16 registers: 12 sums, 2 of w, 1 of x in the tile of dot[F32]. */
enum { V_WIDTH = 8, V_PARTS = 2, V_FEW_X = 8 };
enum { V_ATTEND_KEYS = 1, V_ATTEND_COLS = 16 };
#define V_SLICES           0
#define V_TILE_X           3
#define V_HAS_SUM16        0
#define V_HAS_LEVELS       0
#define V_HAS_SIX_BITS     0
#define V_ROWS(n_x)        ((n_x) == 1 ? 4 : 2)
#define V_PACKED_ROWS(n_x) ((n_x) == 1 ? 4 : (n_x) == 2 ? 2 : 1)

typedef __m256 vp;
typedef struct v16 {
    vp p[V_PARTS];
} v16;
typedef __m128i b16;

static WEIR_INLINE vp vp_zero(void) {
    return _mm256_setzero_ps();
}
static WEIR_INLINE vp vp_set(float a) {
    return _mm256_set1_ps(a);
}
static WEIR_INLINE vp vp_load(const void *p) {
    return _mm256_loadu_ps(p);
}
static WEIR_INLINE void vp_store(float *p, vp a) {
    _mm256_storeu_ps(p, a);
}
static WEIR_INLINE vp vp_add(vp a, vp b) {
    return _mm256_add_ps(a, b);
}
static WEIR_INLINE vp vp_sub(vp a, vp b) {
    return _mm256_sub_ps(a, b);
}
static WEIR_INLINE vp vp_mul(vp a, vp b) {
    return _mm256_mul_ps(a, b);
}
static WEIR_INLINE vp vp_div(vp a, vp b) {
    return _mm256_div_ps(a, b);
}
static WEIR_INLINE vp vp_max(vp a, vp b) {
    return _mm256_max_ps(a, b);
}
static WEIR_INLINE vp vp_fma(vp a, vp b, vp c) {
    return _mm256_fmadd_ps(a, b, c);
}
static WEIR_INLINE vp vp_fnma(vp a, vp b, vp c) {
    return _mm256_fnmadd_ps(a, b, c);
}
static WEIR_INLINE vp vp_sqrt(vp a) {
    return _mm256_sqrt_ps(a);
}
/* min and max give their second operand where one is NaN. */
static WEIR_INLINE vp vp_clamp(vp a, vp low, vp high) {
    return _mm256_min_ps(high, _mm256_max_ps(low, a));
}
/* In two steps, of which only the second can round: 2^n alone may be no float. */
static WEIR_INLINE vp vp_pow2(vp a, vp n) {
    const __m256i bias = _mm256_set1_epi32(127);
    __m256i whole = _mm256_cvttps_epi32(n);
    __m256i first = _mm256_srai_epi32(whole, 1);
    __m256i second = _mm256_sub_epi32(whole, first);
    first = _mm256_slli_epi32(_mm256_add_epi32(first, bias), 23);
    second = _mm256_slli_epi32(_mm256_add_epi32(second, bias), 23);
    return vp_mul(vp_mul(a, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}

static WEIR_INLINE float vp_first(vp a) {
    return _mm256_cvtss_f32(a);
}
static WEIR_INLINE float v16_most(v16 a) {
    __m256 m8 = _mm256_max_ps(a.p[0], a.p[1]);
    __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
}
static WEIR_INLINE v16 v16_halves(float a, float b) {
    return (v16){{_mm256_set1_ps(a), _mm256_set1_ps(b)}};
}

/* 16 -> 4 lanes */
static WEIR_INLINE __m128 v16_sum_to_4(v16 a) {
    __m256 s8 = _mm256_add_ps(a.p[0], a.p[1]);
    return _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
}
static WEIR_INLINE float v16_sum(v16 a) {
    __m128 s4 = v16_sum_to_4(a);
    __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
static WEIR_INLINE void v16_sum4(const v16 *a, float *sums) {
    __m128 a0 = v16_sum_to_4(a[0]), a1 = v16_sum_to_4(a[1]);
    __m128 a2 = v16_sum_to_4(a[2]), a3 = v16_sum_to_4(a[3]);
    __m128 t = _mm_add_ps(_mm_movelh_ps(a0, a1), _mm_movehl_ps(a1, a0));
    __m128 u = _mm_add_ps(_mm_movelh_ps(a2, a3), _mm_movehl_ps(a3, a2));
    _mm_storeu_ps(sums, _mm_add_ps(_mm_shuffle_ps(t, u, 0x88), _mm_shuffle_ps(t, u, 0xdd)));
}

static WEIR_INLINE float half_load(const uint8_t *p) {
    return _cvtsh_ss(weir_load_u16(p));
}
static WEIR_INLINE v16 v16_from_f16(const uint8_t *p) {
    return (v16){{_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                  _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 16)))}};
}
static WEIR_INLINE vp vp_from_bf16(const uint8_t *p) {
    __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
}
static WEIR_INLINE v16 v16_from_bf16(const uint8_t *p) {
    return (v16){{vp_from_bf16(p), vp_from_bf16(p + 16)}};
}

static WEIR_INLINE b16 b16_load(const void *p) {
    return _mm_loadu_si128(p);
}
static WEIR_INLINE b16 b16_set(int byte) {
    return _mm_set1_epi8((char)byte);
}
static WEIR_INLINE b16 b16_and(b16 a, b16 b) {
    return _mm_and_si128(a, b);
}
static WEIR_INLINE b16 b16_or(b16 a, b16 b) {
    return _mm_or_si128(a, b);
}
static WEIR_INLINE b16 b16_sub(b16 a, b16 b) {
    return _mm_sub_epi8(a, b);
}
static WEIR_INLINE b16 b16_low(b16 a) {
    return _mm_and_si128(a, _mm_set1_epi8(15));
}
static WEIR_INLINE b16 b16_high(b16 a) {
    return _mm_and_si128(_mm_srli_epi16(a, 4), _mm_set1_epi8(15));
}
static WEIR_INLINE b16 b16_shift(b16 a, int n) {
    return n < 0 ? _mm_srli_epi16(a, -n) : _mm_slli_epi16(a, n);
}
static WEIR_INLINE b16 b16_where(b16 a, int bit, int value) {
    const __m128i mask = _mm_set1_epi8((char)bit);
    __m128i has = _mm_cmpeq_epi8(_mm_and_si128(a, mask), mask);
    return _mm_and_si128(has, _mm_set1_epi8((char)value));
}

static WEIR_INLINE v16 v16_from_u8(b16 a) {
    __m128i upper = _mm_unpackhi_epi64(a, a);
    return (v16){{_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(a)),
                  _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(upper))}};
}
static WEIR_INLINE v16 v16_from_i8(b16 a) {
    __m128i upper = _mm_unpackhi_epi64(a, a);
    return (v16){{_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(a)),
                  _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(upper))}};
}

#include "cpu/vec_template.h"

#endif
#endif
