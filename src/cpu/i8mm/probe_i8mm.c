/* probe_i8mm.c: the matrix product of bytes of AArch64, as machine_probe.h measures it, or nothing
 * where the file is built without its flags. */
#include "cpu/machine_probe.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_MATMUL_INT8)

#include "base/compiler.h"

#include <arm_neon.h>

enum { SUMS = 16 };

static double run_i8(const weir_probe_numbers *numbers, size_t n_rounds) {
    int8x16_t a = vld1q_s8(numbers->i8);
    const int8x16_t b = vld1q_s8(numbers->i8 + 16);
    int32x4_t sum[SUMS], all = vreinterpretq_s32_s8(a);
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] =
        vreinterpretq_s32_s8(vld1q_s8(numbers->i8 + 8 * k));
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) {
            WEIR_LOAD_ONCE(a);
            sum[k] = vmmlaq_s32(sum[k], a, b);
        }
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = veorq_s32(all, sum[k]);
    return (double)vaddvq_s32(all);
}

const weir_probe_loops weir_probe_i8mm = {
    .isa = "i8mm",
    .is_built = true,
    .arithmetic = {{"int8", SUMS * 32.0, run_i8}},
};

#else
const weir_probe_loops weir_probe_i8mm = {.isa = "i8mm"};
#endif
