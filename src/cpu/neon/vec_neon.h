/*
 * vec_neon.h: vec_template.h in the Advanced SIMD of AArch64: 16 lanes are four registers.
 *
 * WEIR_HAS_NEON is 0 on other processors; then nothing else is here.
 */
#ifndef WEIR_CPU_VEC_NEON_H
#define WEIR_CPU_VEC_NEON_H

#if defined(__aarch64__) && defined(__ARM_NEON)
#define WEIR_HAS_NEON 1
#else
#define WEIR_HAS_NEON 0
#endif

#if WEIR_HAS_NEON

#include "base/compiler.h"
#include "cpu/kernels.h"
#include "quant/blocks.h"

#include <arm_neon.h>
#include <string.h>

#define WEIR_ISA(name) weir_neon_##name

/* 32 registers: 24 sums in the tile of dot[F32]. */
enum { V_WIDTH = 4, V_PARTS = 4, V_FEW_X = 8 };
enum { V_ATTEND_KEYS = 1, V_ATTEND_COLS = 16 };
#define V_SLICES           0
#define V_TILE_X           3
#define V_HAS_SUM16        0
#define V_HAS_LEVELS       0
#define V_HAS_SIX_BITS     0
#define V_ROWS(n_x)        ((n_x) == 1 ? 4 : 2)
#define V_PACKED_ROWS(n_x) ((n_x) == 1 ? 4 : (n_x) == 2 ? 2 : 1)

typedef float32x4_t vp;
typedef struct v16 {
    vp p[V_PARTS];
} v16;
typedef uint8x16_t b16;

static WEIR_INLINE vp vp_zero(void) {
    return vdupq_n_f32(0);
}
static WEIR_INLINE vp vp_set(float a) {
    return vdupq_n_f32(a);
}
/* By bytes: floats of a file may stand at any address. */
static WEIR_INLINE vp vp_load(const void *p) {
    return vreinterpretq_f32_u8(vld1q_u8(p));
}
static WEIR_INLINE void vp_store(float *p, vp a) {
    vst1q_f32(p, a);
}
static WEIR_INLINE vp vp_add(vp a, vp b) {
    return vaddq_f32(a, b);
}
static WEIR_INLINE vp vp_sub(vp a, vp b) {
    return vsubq_f32(a, b);
}
static WEIR_INLINE vp vp_mul(vp a, vp b) {
    return vmulq_f32(a, b);
}
static WEIR_INLINE vp vp_div(vp a, vp b) {
    return vdivq_f32(a, b);
}
static WEIR_INLINE vp vp_max(vp a, vp b) {
    return vmaxq_f32(a, b);
}
static WEIR_INLINE vp vp_fma(vp a, vp b, vp c) {
    return vfmaq_f32(c, a, b);
}
static WEIR_INLINE vp vp_fnma(vp a, vp b, vp c) {
    return vfmsq_f32(c, a, b);
}
static WEIR_INLINE vp vp_sqrt(vp a) {
    return vsqrtq_f32(a);
}
static WEIR_INLINE vp vp_clamp(vp a, vp low, vp high) {
    return vminq_f32(high, vmaxq_f32(low, a));
}
/* In two steps, of which only the second can round: 2^n alone may be no float. */
static WEIR_INLINE vp vp_pow2(vp a, vp n) {
    const int32x4_t bias = vdupq_n_s32(127);
    int32x4_t whole = vcvtq_s32_f32(n);
    int32x4_t first = vshrq_n_s32(whole, 1);
    int32x4_t second = vsubq_s32(whole, first);
    first = vshlq_n_s32(vaddq_s32(first, bias), 23);
    second = vshlq_n_s32(vaddq_s32(second, bias), 23);
    return vp_mul(vp_mul(a, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(second));
}

static WEIR_INLINE float vp_first(vp a) {
    return vgetq_lane_f32(a, 0);
}
static WEIR_INLINE float v16_most(v16 a) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.p[0], a.p[1]), vmaxq_f32(a.p[2], a.p[3])));
}
static WEIR_INLINE v16 v16_halves(float a, float b) {
    return (v16){{vdupq_n_f32(a), vdupq_n_f32(a), vdupq_n_f32(b), vdupq_n_f32(b)}};
}

/* 16 -> 4 lanes */
static WEIR_INLINE vp v16_sum_to_4(v16 a) {
    return vaddq_f32(vaddq_f32(a.p[0], a.p[2]), vaddq_f32(a.p[1], a.p[3]));
}
static WEIR_INLINE float v16_sum(v16 a) {
    vp s4 = v16_sum_to_4(a);
    float32x2_t s2 = vadd_f32(vget_low_f32(s4), vget_high_f32(s4));
    return vget_lane_f32(s2, 0) + vget_lane_f32(s2, 1);
}
/* 4 -> 2 lanes of two sums */
static WEIR_INLINE vp sum_pair(vp a, vp b) {
    return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)),
                     vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}
static WEIR_INLINE void v16_sum4(const v16 *a, float *sums) {
    vp t = sum_pair(v16_sum_to_4(a[0]), v16_sum_to_4(a[1]));
    vp u = sum_pair(v16_sum_to_4(a[2]), v16_sum_to_4(a[3]));
    vst1q_f32(sums, vpaddq_f32(t, u));
}

static WEIR_INLINE float half_load(const uint8_t *p) {
    float16x4_t h = vreinterpret_f16_u16(vdup_n_u16(weir_load_u16(p)));
    return vgetq_lane_f32(vcvt_f32_f16(h), 0);
}
static WEIR_INLINE v16 v16_from_f16(const uint8_t *p) {
    float16x8_t a = vreinterpretq_f16_u8(vld1q_u8(p));
    float16x8_t b = vreinterpretq_f16_u8(vld1q_u8(p + 16));
    return (v16){{vcvt_f32_f16(vget_low_f16(a)), vcvt_high_f32_f16(a),
                  vcvt_f32_f16(vget_low_f16(b)), vcvt_high_f32_f16(b)}};
}
static WEIR_INLINE v16 v16_from_bf16(const uint8_t *p) {
    uint16x8_t a = vreinterpretq_u16_u8(vld1q_u8(p));
    uint16x8_t b = vreinterpretq_u16_u8(vld1q_u8(p + 16));
    return (v16){{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(a), 16)),
                  vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(a), 16)),
                  vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(b), 16)),
                  vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(b), 16))}};
}

static WEIR_INLINE b16 b16_load(const void *p) {
    return vld1q_u8(p);
}
static WEIR_INLINE b16 b16_set(int byte) {
    return vdupq_n_u8((uint8_t)byte);
}
static WEIR_INLINE b16 b16_and(b16 a, b16 b) {
    return vandq_u8(a, b);
}
static WEIR_INLINE b16 b16_or(b16 a, b16 b) {
    return vorrq_u8(a, b);
}
static WEIR_INLINE b16 b16_sub(b16 a, b16 b) {
    return vsubq_u8(a, b);
}
static WEIR_INLINE b16 b16_low(b16 a) {
    return vandq_u8(a, vdupq_n_u8(15));
}
static WEIR_INLINE b16 b16_high(b16 a) {
    return vshrq_n_u8(a, 4);
}
static WEIR_INLINE b16 b16_shift(b16 a, int n) {
    return vshlq_u8(a, vdupq_n_s8((int8_t)n));
}
static WEIR_INLINE b16 b16_where(b16 a, int bit, int value) {
    return vandq_u8(vtstq_u8(a, vdupq_n_u8((uint8_t)bit)), vdupq_n_u8((uint8_t)value));
}

static WEIR_INLINE v16 v16_from_u8(b16 a) {
    uint16x8_t low = vmovl_u8(vget_low_u8(a)), high = vmovl_high_u8(a);
    return (v16){{vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))), vcvtq_f32_u32(vmovl_high_u16(low)),
                  vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                  vcvtq_f32_u32(vmovl_high_u16(high))}};
}
static WEIR_INLINE v16 v16_from_i8(b16 a) {
    int8x16_t s = vreinterpretq_s8_u8(a);
    int16x8_t low = vmovl_s8(vget_low_s8(s)), high = vmovl_high_s8(s);
    return (v16){{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
                  vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                  vcvtq_f32_s32(vmovl_high_s16(high))}};
}

#include "cpu/vec_template.h"

#endif
#endif
