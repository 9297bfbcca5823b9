/* probe_avx2.c: the loops of machine_probe.h in AVX2 with FMA, or nothing where the file is built
 * without its flags. */
#include "cpu/machine_probe.h"

#if defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>

typedef __m256i probe_sum;

#define probe_none()     _mm256_setzero_si256()
#define probe_load(at)   _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define probe_total(sum) total_of(sum)

static inline __m256i probe_add(__m256i sum, const uint8_t *line) {
    return _mm256_add_epi64(sum, _mm256_xor_si256(probe_load(line), probe_load(line + 32)));
}

static inline uint64_t total_of(__m256i sum) {
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

#include "cpu/probe_template.h"

/* Two multiply-adds may begin in a cycle and take four or five: ten at least must be on the way. */
enum { SUMS = 12, INTEGER_SUMS = 8 };

static double run_f32(const weir_probe_numbers *numbers, size_t n_rounds) {
    const __m256 factor = _mm256_loadu_ps(numbers->f32), term = _mm256_loadu_ps(numbers->f32 + 8);
    __m256 sum[SUMS], all = term;
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = _mm256_loadu_ps(numbers->f32 + 2 * k);
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = _mm256_fmadd_ps(sum[k], factor, term);
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm256_add_ps(all, sum[k]);
    return (double)_mm256_cvtss_f32(all);
}

/* The compiler must not see that each round multiplies the same numbers. */
static double run_i16(const weir_probe_numbers *numbers, size_t n_rounds) {
    __m256i a = probe_load(numbers->i16), b = probe_load(numbers->i16 + 16);
    __m256i sum[INTEGER_SUMS], all = a;
    WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) sum[k] = probe_load(numbers->i16 + 8 * k);
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) {
            WEIR_LOAD_ONCE(a);
            sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(a, b));
        }
    }
    WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) all = _mm256_xor_si256(all, sum[k]);
    return (double)total_of(all);
}

/* Without VNNI: unsigned by signed bytes into pairs of 16 bits, those into 32. */
static double run_i8(const weir_probe_numbers *numbers, size_t n_rounds) {
    __m256i a = probe_load(numbers->i8), b = probe_load(numbers->i8 + 32);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[INTEGER_SUMS], all = a;
    WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) sum[k] = probe_load(numbers->i8 + 8 * k);
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) {
            WEIR_LOAD_ONCE(a);
            sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
        }
    }
    WEIR_UNROLL for (int k = 0; k < INTEGER_SUMS; k++) all = _mm256_xor_si256(all, sum[k]);
    return (double)total_of(all);
}

const weir_probe_loops weir_probe_avx2 = {
    .isa = "avx2",
    .is_built = true,
    .read = probe_read,
    .arithmetic = {{"f32", SUMS * 8.0, run_f32},
                   {"int16", INTEGER_SUMS * 16.0, run_i16},
                   {"int8", INTEGER_SUMS * 32.0, run_i8}},
};

#else
const weir_probe_loops weir_probe_avx2 = {.isa = "avx2"};
#endif
