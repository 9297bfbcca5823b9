/* probe_neon.c: the loops of machine_probe.h in the Advanced SIMD of AArch64, or nothing on other
 * processors. */
#include "cpu/machine_probe.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>

typedef uint64x2_t probe_sum;

#define probe_none()     vdupq_n_u64(0)
#define probe_total(sum) vaddvq_u64(sum)

static inline uint64x2_t probe_add(uint64x2_t sum, const uint8_t *line) {
    uint8x16_t low = veorq_u8(vld1q_u8(line), vld1q_u8(line + 16));
    uint8x16_t high = veorq_u8(vld1q_u8(line + 32), vld1q_u8(line + 48));
    return vaddq_u64(sum, vreinterpretq_u64_u8(vaddq_u8(low, high)));
}

#include "cpu/probe_template.h"

enum { SUMS = 16 };

static double run_f32(const weir_probe_numbers *numbers, size_t n_rounds) {
    const float32x4_t factor = vld1q_f32(numbers->f32), term = vld1q_f32(numbers->f32 + 4);
    float32x4_t sum[SUMS], all = term;
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = vld1q_f32(numbers->f32 + 2 * k);
    for (size_t i = 0; i < n_rounds; i++) {
        /* There and back: the sums stay what they are, and no register is copied. */
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = vfmaq_f32(sum[k], term, factor);
        WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = vfmsq_f32(sum[k], term, factor);
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = vaddq_f32(all, sum[k]);
    return (double)vaddvq_f32(all);
}

/* The compiler must not see that each round multiplies the same numbers. */
static double run_i16(const weir_probe_numbers *numbers, size_t n_rounds) {
    int16x8_t a = vld1q_s16(numbers->i16);
    const int16x8_t b = vld1q_s16(numbers->i16 + 8);
    int32x4_t sum[SUMS], all = vreinterpretq_s32_s16(a);
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] =
        vreinterpretq_s32_s16(vld1q_s16(numbers->i16 + 4 * k));
    for (size_t i = 0; i < n_rounds; i++) {
        WEIR_UNROLL for (int k = 0; k < SUMS; k += 2) {
            WEIR_LOAD_ONCE(a);
            sum[k] = vmlal_s16(sum[k], vget_low_s16(a), vget_low_s16(b));
            sum[k + 1] = vmlal_high_s16(sum[k + 1], a, b);
        }
    }
    WEIR_UNROLL for (int k = 0; k < SUMS; k++) all = veorq_s32(all, sum[k]);
    return (double)vaddvq_s32(all);
}

const weir_probe_loops weir_probe_neon = {
    .isa = "neon",
    .is_built = true,
    .read = probe_read,
    .arithmetic = {{"f32", 2 * SUMS * 4.0, run_f32}, {"int16", SUMS * 4.0, run_i16}},
};

#else
const weir_probe_loops weir_probe_neon = {.isa = "neon"};
#endif
