/* t16_avx512.c: integer products over packed strips in AVX-512: t16_template.h with pairs of 16-bit
 * numbers multiplied by vpmaddwd. */
#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512

#include "cpu/avx512/t16_avx512.h"
#include "cpu/q15_x86.h"
#include "cpu/t16_template.h"
#include "cpu/unit_template.h"

static void q15(const float *x, uint32_t n_cols, uint8_t *out) {
    q15_x86(x, n_cols, out);
}

static void q8(const float *x, uint32_t n_cols, uint8_t *out) {
    q8_x86(x, n_cols, out);
}

void weir_avx512_fill_t16(weir_cpu_kernels *k) {
    t16_fill(k);
    k->q15 = q15;
    k->q8 = q8;
}

#endif
