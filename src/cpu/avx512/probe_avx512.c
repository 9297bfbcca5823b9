/*
 * probe_avx512.c: the loops of machine_probe.h in AVX-512, or nothing where the file is built
 * without its flags. Integers without VNNI.
 */
#include "cpu/machine_probe.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include <immintrin.h>

typedef __m512i probe_sum;

#define probe_none()     _mm512_setzero_si512()
#define probe_load(at)   _mm512_loadu_si512((const void *)(at))
#define probe_total(sum) ((uint64_t)_mm512_reduce_add_epi64(sum))

static inline __m512i probe_add(__m512i sum, const uint8_t *line) {
    return _mm512_add_epi64(sum, probe_load(line));
}

#include "cpu/probe_template.h"

enum { SUMS = 16 };

static double run_f32(const weir_probe_numbers *numbers, size_t n_rounds) {
    const __m512 factor = _mm512_loadu_ps(numbers->f32), term = _mm512_loadu_ps(numbers->f32 + 16);
    __m512 sum[SUMS], all = term;
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = _mm512_loadu_ps(numbers->f32 + 2 * k);
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = _mm512_fmadd_ps(sum[k], factor, term);
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm512_add_ps(all, sum[k]);
    return (double)_mm512_reduce_add_ps(all);
}

static inline __m512i dot_i16(__m512i sum, __m512i a, __m512i b) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}

static inline __m512i dot_i8(__m512i sum, __m512i a, __m512i b) {
    const __m512i ones = _mm512_set1_epi16(1);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), ones));
}

/* The compiler must not see that each round multiplies the same numbers. */
#define DEFINE_RUN(name, dot, numbers_of)                                               \
    static double name(const weir_probe_numbers *numbers, size_t n_rounds) {            \
        __m512i a = probe_load(numbers->numbers_of);                                    \
        const __m512i b = probe_load((const uint8_t *)numbers->numbers_of + 64);        \
        __m512i sum[SUMS], all = a;                                                     \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] =                             \
            probe_load((const uint8_t *)numbers->numbers_of + 8 * k);                   \
        for (size_t i = 0; i < n_rounds; i++) {                                         \
            WEIR_UNROLL for (int k = 0; k < SUMS; k++) {                                \
                WEIR_LOAD_ONCE(a);                                                      \
                sum[k] = dot(sum[k], a, b);                                             \
            }                                                                           \
        }                                                                               \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm512_xor_si512(all, sum[k]); \
        return (double)_mm512_reduce_add_epi64(all);                                    \
    }

DEFINE_RUN(run_i16, dot_i16, i16)
DEFINE_RUN(run_i8, dot_i8, i8)

const weir_probe_loops weir_probe_avx512 = {
    .isa = "avx512",
    .is_built = true,
    .read = probe_read,
    .arithmetic = {{"f32", SUMS * 16.0, run_f32},
                   {"int16", SUMS * 32.0, run_i16},
                   {"int8", SUMS * 64.0, run_i8}},
};

#else
const weir_probe_loops weir_probe_avx512 = {.isa = "avx512"};
#endif
