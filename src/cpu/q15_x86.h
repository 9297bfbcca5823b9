/*
 * q15_x86.h: activations in 15 bits (t16.h) as AVX2 and all above it want them: pairs of int16; and
 * in 8 bits: bytes in order. In AVX2 words everywhere: it is a thousandth of a product's work.
 */
#ifndef WEIR_CPU_Q15_X86_H
#define WEIR_CPU_Q15_X86_H

#include "base/compiler.h"
#include "cpu/t16.h"

#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

/* Eight values as whole numbers. */
static WEIR_INLINE __m256i q15_round(const float *x, __m256 inverse) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
}

static WEIR_INLINE int32_t q15_sum(__m256i a, __m256i b) {
    __m256i s8 = _mm256_add_epi32(a, b);
    __m128i s4 = _mm_add_epi32(_mm256_castsi256_si128(s8), _mm256_extracti128_si256(s8, 1));
    __m128i s2 = _mm_add_epi32(s4, _mm_shuffle_epi32(s4, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s2, _mm_shuffle_epi32(s2, 0xb1)));
}

/* 16 columns as eight pairs. */
static WEIR_INLINE __m256i q15_pairs(__m256i a, __m256i b) {
    const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0,
                                           1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    return _mm256_shuffle_epi8(words, order);
}

/* The greatest of 32 sizes, NaN above infinity: as bits, which order like the numbers. */
static WEIR_INLINE float q15_most(const float *x) {
    const __m256i size = _mm256_set1_epi32(0x7fffffff);
    __m256i a = _mm256_setzero_si256();
    WEIR_UNROLL for (int i = 0; i < WEIR_T16_GROUP; i += 8) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(x + i));
        a = _mm256_max_epi32(a, _mm256_and_si256(bits, size));
    }
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

/* 32 columns in order. */
static WEIR_INLINE __m256i q15_bytes(__m256i q0, __m256i q1, __m256i q2, __m256i q3) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(q0, q1), _mm256_packs_epi32(q2, q3));
    return _mm256_permutevar8x32_epi32(bytes, order);
}

static WEIR_INLINE void q15_round_row(const int most_q, const float *x, uint32_t n_cols,
                                      uint8_t *out) {
    const size_t bytes = most_q == WEIR_Q8_MOST ? WEIR_T16_GROUP : 2 * WEIR_T16_GROUP;
    for (uint32_t g = 0; g < n_cols / WEIR_T16_GROUP; g++, x += WEIR_T16_GROUP) {
        uint8_t *q = out + g * (bytes + sizeof(weir_t16_tail));
        weir_t16_tail *tail = (weir_t16_tail *)(q + bytes);
        float most = q15_most(x);
        if (!(most <= FLT_MAX)) {
            memset(q, 0, bytes);
            *tail = (weir_t16_tail){.scale = NAN, .sum = NAN};
            continue;
        }
        bool is_zero = most < 0x1p-100f;
        __m256 inverse = _mm256_set1_ps(is_zero ? 0.0f : (float)most_q / most);
        __m256i q0 = q15_round(x, inverse), q1 = q15_round(x + 8, inverse);
        __m256i q2 = q15_round(x + 16, inverse), q3 = q15_round(x + 24, inverse);
        if (most_q == WEIR_Q8_MOST) {
            _mm256_storeu_si256((__m256i *)q, q15_bytes(q0, q1, q2, q3));
        } else {
            _mm256_storeu_si256((__m256i *)q, q15_pairs(q0, q1));
            _mm256_storeu_si256((__m256i *)(q + 32), q15_pairs(q2, q3));
        }
        tail->scale = is_zero ? 0.0f : most / (float)most_q;
        tail->parts[0] = q15_sum(q0, q1);
        tail->parts[1] = q15_sum(q2, q3);
        tail->sum = (float)(tail->parts[0] + tail->parts[1]) * tail->scale;
    }
}

static inline void q15_x86(const float *x, uint32_t n_cols, uint8_t *out) {
    q15_round_row(WEIR_Q15_MOST, x, n_cols, out);
}

static inline void q8_x86(const float *x, uint32_t n_cols, uint8_t *out) {
    q15_round_row(WEIR_Q8_MOST, x, n_cols, out);
}

#endif
