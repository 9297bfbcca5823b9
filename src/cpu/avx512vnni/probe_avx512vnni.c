/* probe_avx512vnni.c: integer products of AVX-512 VNNI, as machine_probe.h measures them, or
 * nothing where the file is built without its flags. */
#include "cpu/machine_probe.h"

#if defined(__AVX512VNNI__) && defined(__AVX512F__)

#include "base/compiler.h"

#include <immintrin.h>

enum { SUMS = 16 };

#define probe_load(at) _mm512_loadu_si512((const void *)(at))

#define DEFINE_RUN(name, dot, numbers_of)                                               \
    static double name(const weir_probe_numbers *numbers, size_t n_rounds) {            \
        const uint8_t *from = (const uint8_t *)numbers->numbers_of;                     \
        __m512i a = probe_load(from), sum[SUMS], all = a;                               \
        const __m512i b = probe_load(from + 64);                                        \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = probe_load(from + 8 * k);   \
        for (size_t i = 0; i < n_rounds; i++) {                                         \
            WEIR_UNROLL for (int k = 0; k < SUMS; k++) {                                \
                WEIR_LOAD_ONCE(a);                                                      \
                sum[k] = dot(sum[k], a, b);                                             \
            }                                                                           \
        }                                                                               \
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm512_xor_si512(all, sum[k]); \
        return (double)_mm512_reduce_add_epi64(all);                                    \
    }

DEFINE_RUN(run_i16, _mm512_dpwssd_epi32, i16)
DEFINE_RUN(run_i8, _mm512_dpbusd_epi32, i8)

const weir_probe_loops weir_probe_avx512vnni = {
    .isa = "avx512vnni",
    .is_built = true,
    .arithmetic = {{"int16", SUMS * 32.0, run_i16}, {"int8", SUMS * 64.0, run_i8}},
};

#else
const weir_probe_loops weir_probe_avx512vnni = {.isa = "avx512vnni"};
#endif
