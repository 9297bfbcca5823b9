/* probe_avxvnni.c: integer products of AVX-VNNI, as machine_probe.h measures them, or nothing where
 * the file is built without its flags. */
#include "cpu/machine_probe.h"

#if defined(__AVXVNNI__) && defined(__AVX2__)

#include "base/compiler.h"

#include <immintrin.h>

enum { SUMS = 12 };

#define probe_load(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))

static inline double total_of(__m256i sum) {
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return (double)_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

/* The sums depend on the instruction, which therefore stays in the loop as it is. */
#define DEFINE_RUN(name, dot, numbers_of)                                               \
    static double name(const weir_probe_numbers *numbers, size_t n_rounds) {            \
        const uint8_t *from = (const uint8_t *)numbers->numbers_of;                     \
        __m256i a = probe_load(from), sum[SUMS], all = a;                               \
        const __m256i b = probe_load(from + 32);                                        \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = probe_load(from + 8 * k);   \
        for (size_t i = 0; i < n_rounds; i++) {                                         \
            WEIR_UNROLL for (int k = 0; k < SUMS; k++) {                                \
                WEIR_LOAD_ONCE(a);                                                      \
                sum[k] = dot(sum[k], a, b);                                             \
            }                                                                           \
        }                                                                               \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm256_xor_si256(all, sum[k]); \
        return total_of(all);                                                           \
    }

DEFINE_RUN(run_i16, _mm256_dpwssd_avx_epi32, i16)
DEFINE_RUN(run_i8, _mm256_dpbusd_avx_epi32, i8)

const weir_probe_loops weir_probe_avxvnni = {
    .isa = "avxvnni",
    .is_built = true,
    .arithmetic = {{"int16", SUMS * 16.0, run_i16}, {"int8", SUMS * 32.0, run_i8}},
};

#else
const weir_probe_loops weir_probe_avxvnni = {.isa = "avxvnni"};
#endif
