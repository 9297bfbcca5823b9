/*
 * vec_avx512.h: vec_template.h in AVX-512 (F, BW, VL, DQ): 16 lanes are one register.
 *
 * WEIR_HAS_AVX512 is 0 where the file is built without the flags; then nothing else is here.
 */
#ifndef WEIR_CPU_VEC_AVX512_H
#define WEIR_CPU_VEC_AVX512_H

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512DQ__) && defined(__FMA__) && defined(__F16C__)
#define WEIR_HAS_AVX512 1
#else
#define WEIR_HAS_AVX512 0
#endif

#if WEIR_HAS_AVX512

#include "base/compiler.h"
#include "cpu/kernels.h"
#include "quant/blocks.h"

#include <immintrin.h>
#include <string.h>

#define WEIR_ISA(name) weir_avx512_##name

enum { V_WIDTH = 16, V_PARTS = 1, V_FEW_X = 12 };
enum { V_ATTEND_KEYS = 4, V_ATTEND_COLS = 64 };
#define V_SLICES           1
#define V_TILE_X           5
#define V_HAS_SUM16        1
#define V_HAS_LEVELS       1
#define V_HAS_SIX_BITS     1
#define V_ROWS(n_x)        ((n_x) == 1 ? 8 : 4)
#define V_PACKED_ROWS(n_x) 4

typedef __m512 vp;
typedef struct v16 {
    vp p[V_PARTS];
} v16;
typedef __m128i b16;

static WEIR_INLINE vp vp_zero(void) {
    return _mm512_setzero_ps();
}
static WEIR_INLINE vp vp_set(float a) {
    return _mm512_set1_ps(a);
}
static WEIR_INLINE vp vp_load(const void *p) {
    return _mm512_loadu_ps(p);
}
static WEIR_INLINE void vp_store(float *p, vp a) {
    _mm512_storeu_ps(p, a);
}
static WEIR_INLINE vp vp_add(vp a, vp b) {
    return _mm512_add_ps(a, b);
}
static WEIR_INLINE vp vp_sub(vp a, vp b) {
    return _mm512_sub_ps(a, b);
}
static WEIR_INLINE vp vp_mul(vp a, vp b) {
    return _mm512_mul_ps(a, b);
}
static WEIR_INLINE vp vp_div(vp a, vp b) {
    return _mm512_div_ps(a, b);
}
static WEIR_INLINE vp vp_max(vp a, vp b) {
    return _mm512_max_ps(a, b);
}
static WEIR_INLINE vp vp_fma(vp a, vp b, vp c) {
    return _mm512_fmadd_ps(a, b, c);
}
static WEIR_INLINE vp vp_fnma(vp a, vp b, vp c) {
    return _mm512_fnmadd_ps(a, b, c);
}
static WEIR_INLINE vp vp_sqrt(vp a) {
    return _mm512_sqrt_ps(a);
}
/* min and max give their second operand where one is NaN. */
static WEIR_INLINE vp vp_clamp(vp a, vp low, vp high) {
    return _mm512_min_ps(high, _mm512_max_ps(low, a));
}
static WEIR_INLINE vp vp_pow2(vp a, vp n) {
    return _mm512_scalef_ps(a, n);
}

static WEIR_INLINE float vp_first(vp a) {
    return _mm512_cvtss_f32(a);
}
static WEIR_INLINE float v16_most(v16 a) {
    return _mm512_reduce_max_ps(a.p[0]);
}
static WEIR_INLINE v16 v16_halves(float a, float b) {
    return (v16){{_mm512_mask_blend_ps(0xff00, _mm512_set1_ps(a), _mm512_set1_ps(b))}};
}

/* 16 -> 4 lanes */
static WEIR_INLINE __m128 v16_sum_to_4(v16 a) {
    __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(a.p[0]), _mm512_extractf32x8_ps(a.p[0], 1));
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

/* Sixteen at once: what each step leaves of two is one register. */
static WEIR_INLINE __m512 v16_sum_to_8(v16 a, v16 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a.p[0], b.p[0], 0x44),
                         _mm512_shuffle_f32x4(a.p[0], b.p[0], 0xee));
}
/* The four lanes that are left of a[0], a[4], a[8] and a[12]. */
static WEIR_INLINE __m512 v16_sum_4_to_4(const v16 *a) {
    __m512 ab = v16_sum_to_8(a[0], a[4]), cd = v16_sum_to_8(a[8], a[12]);
    return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}
static WEIR_INLINE __m512 v16_sum_to_2(__m512 a, __m512 b) {
    __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
}
static WEIR_INLINE void v16_sum16(const v16 *a, float *sums) {
    __m512 t = v16_sum_to_2(v16_sum_4_to_4(a), v16_sum_4_to_4(a + 1));
    __m512 u = v16_sum_to_2(v16_sum_4_to_4(a + 2), v16_sum_4_to_4(a + 3));
    _mm512_storeu_ps(sums,
                     _mm512_add_ps(_mm512_shuffle_ps(t, u, 0x88), _mm512_shuffle_ps(t, u, 0xdd)));
}

static WEIR_INLINE float half_load(const uint8_t *p) {
    return _cvtsh_ss(weir_load_u16(p));
}
static WEIR_INLINE v16 v16_from_f16(const uint8_t *p) {
    return (v16){{_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))}};
}
static WEIR_INLINE v16 v16_from_bf16(const uint8_t *p) {
    __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return (v16){{_mm512_castsi512_ps(_mm512_slli_epi32(words, 16))}};
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
    __mmask16 has = _mm_test_epi8_mask(a, _mm_set1_epi8((char)bit));
    return _mm_maskz_mov_epi8(has, _mm_set1_epi8((char)value));
}

static WEIR_INLINE v16 v16_from_u8(b16 a) {
    return (v16){{_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(a))}};
}
static WEIR_INLINE v16 v16_from_i8(b16 a) {
    return (v16){{_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(a))}};
}

/* All 16 levels stand in one register and are picked by index. The permutation reads only the low
 * four bits of an index, so the nibble need not be cut out of its byte. */
typedef __m512 centered;
typedef __m512 affine;

static WEIR_INLINE centered centered_make(float d) {
    return _mm512_mul_ps(_mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7),
                         _mm512_set1_ps(d));
}
static WEIR_INLINE v16 centered_low(centered levels, b16 bytes) {
    return (v16){{_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(bytes), levels)}};
}
static WEIR_INLINE v16 centered_high(centered levels, b16 bytes) {
    __m512i high = _mm512_srli_epi32(_mm512_cvtepu8_epi32(bytes), 4);
    return (v16){{_mm512_permutexvar_ps(high, levels)}};
}
static WEIR_INLINE affine affine_make(float a, float b) {
    const vp q = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_sub_ps(_mm512_mul_ps(q, _mm512_set1_ps(a)), _mm512_set1_ps(b));
}
static WEIR_INLINE v16 affine_low(affine levels, b16 bytes) {
    return centered_low(levels, bytes);
}
static WEIR_INLINE v16 affine_high(affine levels, b16 bytes) {
    return centered_high(levels, bytes);
}

/* 32 levels in two registers; the fifth bits choose between them as a mask. */
typedef struct affine5 {
    __m512 low, high;
} affine5;

static WEIR_INLINE affine5 affine5_make(float a, float b) {
    const vp q = _mm512_setr_ps(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    vp high = _mm512_sub_ps(_mm512_mul_ps(q, _mm512_set1_ps(a)), _mm512_set1_ps(b));
    return (affine5){affine_make(a, b), high};
}
static WEIR_INLINE v16 affine5_pick(affine5 levels, __m512i nibbles, b16 fifth, int bit) {
    __mmask16 is_high = _mm_test_epi8_mask(fifth, _mm_set1_epi8((char)bit));
    vp low = _mm512_permutexvar_ps(nibbles, levels.low);
    return (v16){{_mm512_mask_permutexvar_ps(low, is_high, nibbles, levels.high)}};
}
static WEIR_INLINE v16 affine5_low(affine5 levels, b16 bytes, b16 fifth, int bit) {
    return affine5_pick(levels, _mm512_cvtepu8_epi32(bytes), fifth, bit);
}
static WEIR_INLINE v16 affine5_high(affine5 levels, b16 bytes, b16 fifth, int bit) {
    return affine5_pick(levels, _mm512_srli_epi32(_mm512_cvtepu8_epi32(bytes), 4), fifth, bit);
}

/* All 64 bytes of ql at once: their low nibbles are stripes 0 and 1, their high ones 2 and 3. */
static WEIR_INLINE void six_bits(const uint8_t *ql, const uint8_t *qh, b16 q[8]) {
    const __m512i low_bits = _mm512_set1_epi8(15), all_bits = _mm512_set1_epi8(63);
    const __m512i center = _mm512_set1_epi8(32);
    const __m512i left = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(2), 1);
    const __m512i right = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(2), 1);
    __m512i nibbles = _mm512_loadu_si512(ql);
    __m512i high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)qh));
    WEIR_UNROLL for (int i = 0; i < 2; i++) {
        /* stripes 2i and 2i + 1: their two bits go to places 4 and 5 */
        __m512i at_4 = i == 0 ? _mm512_sllv_epi16(high, left) : _mm512_srlv_epi16(high, right);
        __m512i low = i == 0 ? nibbles : _mm512_srli_epi16(nibbles, 4);
        /* low where low_bits are set, else at_4 */
        __m512i six = _mm512_ternarylogic_epi32(low_bits, low, at_4, 0xca);
        six = _mm512_sub_epi8(_mm512_and_si512(six, all_bits), center);
        q[4 * i] = _mm512_castsi512_si128(six);
        q[4 * i + 1] = _mm512_extracti32x4_epi32(six, 1);
        q[4 * i + 2] = _mm512_extracti32x4_epi32(six, 2);
        q[4 * i + 3] = _mm512_extracti32x4_epi32(six, 3);
    }
}

#include "cpu/vec_template.h"

#endif
#endif
