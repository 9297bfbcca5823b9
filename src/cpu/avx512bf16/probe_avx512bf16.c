/* probe_avx512bf16.c: products of bfloat16 on AVX-512 vectors, as machine_probe.h measures them, or
 * nothing where the file is built without its flags. */
#include "cpu/machine_probe.h"

#if defined(__AVX512BF16__) && defined(__AVX512F__)

#include "base/compiler.h"

#include <immintrin.h>

enum { SUMS = 16 };

static double run_bf16(const weir_probe_numbers *numbers, size_t n_rounds) {
    __m512 sum[SUMS], all = _mm512_setzero_ps();
    __m512i a = _mm512_loadu_si512(numbers->bf16[0]);
    const __m512bh b = (__m512bh)_mm512_loadu_si512(numbers->bf16[1]);
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = all;
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) {
            WEIR_LOAD_ONCE(a);
            sum[k] = _mm512_dpbf16_ps(sum[k], (__m512bh)a, b);
        }
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = _mm512_add_ps(all, sum[k]);
    return (double)_mm512_reduce_add_ps(all);
}

const weir_probe_loops weir_probe_avx512bf16 = {
    .isa = "avx512bf16",
    .is_built = true,
    .arithmetic = {{"bf16", SUMS * 32.0, run_bf16}},
};

#else
const weir_probe_loops weir_probe_avx512bf16 = {.isa = "avx512bf16"};
#endif
