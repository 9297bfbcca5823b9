/*
 * t16_neon.h: integer products over packed strips and the activations they take (t16.h), for
 * AArch64 with products of bytes. A template of two units, not a part of the unit `neon`: every
 * AArch64 has that, and these products only newer ones.
 *
 * Contract: included once per unit, which defines
 *     T16_MATRIX   0: tiles of several rows use the dot product (sdot)
 *                  1: those of q15 use products of 2 x 8 by 8 x 2 bytes (smmla), twice as many at a
 *                  time
 * and takes t16_fill(). One row uses sdot in both, and so does all of q8, which is one plane.
 *
 * Activations, q8: 32 bytes in order. q15: of 8 columns 8 bytes of the high plane, then 8 of the
 * low one; a group is 4 such registers. So lanes 0 and 1 are what sdot wants of the high plane, 2
 * and 3 of the low one, and the whole register is two rows for smmla, which thus makes both planes'
 * sums at once.
 *
 * One row walks WEIR_T16_STREAMS strips together, codes going from memory through registers into
 * products. More rows take the codes of a slice of a strip apart once, into the first cache, and
 * multiply them by 4 rows at a time. Sums wait in y between slices.
 */
#ifndef WEIR_CPU_T16_NEON_H
#define WEIR_CPU_T16_NEON_H

#include "cpu/kernels.h"
#include "cpu/t16_codes.h"

#include <arm_neon.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum {
    T16_AHEAD = 4096, /* bytes that a stream asks for in advance */
    T16_SLICE = 16,   /* groups, at most: a unit of q6_k */
    T16_STEP = 8,     /* groups of other formats */
    T16_QUADS = 4,    /* of rows, in a strip */
    /* A tile is 8 rows of weights by 4 of activations: 16 registers of integer sums, both planes',
     * and 8 of float sums. */
    T16_SIDE = 2, /* quads */
    T16_X = 4
};

/* ---- what the formats differ in ------------------------------------------------------------- */

/* Groups of a unit. */
static WEIR_INLINE uint32_t t16_groups(const weir_format_id f) {
    switch (f) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        return 1;
    case WEIR_FORMAT_MXFP4:
        return 4;
    case WEIR_FORMAT_IQ4_XS:
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
        return 8;
    case WEIR_FORMAT_Q6_K:
        return 16;
    default:
        return 2;
    }
}

/* Bytes of a group, its share of the unit's scales included; the same in every unit. */
static WEIR_INLINE size_t t16_group_bytes(const weir_format_id f) {
    size_t codes = weir_t16_code_bytes(f) + weir_t16_upper_bytes(f);
    switch (f) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        return codes + 64;
    case WEIR_FORMAT_MXFP4:
    case WEIR_FORMAT_IQ4_XS:
        return codes + 16;
    case WEIR_FORMAT_Q6_K:
        return codes + 32 + 4;
    default:
        return codes + 32;
    }
}

/* What the stored codes are too large by. */
static WEIR_INLINE int32_t t16_offset(const weir_format_id f) {
    return f == WEIR_FORMAT_Q4_0 ? 8 : f == WEIR_FORMAT_Q5_0 ? 16 : f == WEIR_FORMAT_Q6_K ? 32 : 0;
}

static WEIR_INLINE bool t16_has_levels(const weir_format_id f) {
    return f == WEIR_FORMAT_IQ4_NL || f == WEIR_FORMAT_IQ4_XS || f == WEIR_FORMAT_MXFP4;
}

/* How groups are summed: at once; at once with a minimum beside; in halves of 16 columns. */
typedef enum t16_kind { T16_PLAIN, T16_MINIMUM, T16_HALVES } t16_kind;

static WEIR_INLINE t16_kind t16_kind_of(const weir_format_id f) {
    return f == WEIR_FORMAT_Q6_K ? T16_HALVES : weir_t16_has_low(f) ? T16_MINIMUM : T16_PLAIN;
}

/* ---- codes ---------------------------------------------------------------------------------- */

/* A stored code as what the activation is multiplied by; with the offset still in it unless
 * is_exact, for callers that take it away from the sum. */
static WEIR_INLINE int8x16_t t16_level(const weir_format_id f, const bool is_exact, uint8x16_t a) {
    if (t16_has_levels(f))
        return vqtbl1q_s8(vld1q_s8(f == WEIR_FORMAT_MXFP4 ? weir_mxfp4_values : weir_iq4_nl_values),
                          a);
    int8x16_t code = vreinterpretq_s8_u8(a);
    if (is_exact && t16_offset(f) != 0)
        code = vsubq_s8(code, vdupq_n_s8((int8_t)t16_offset(f)));
    return code;
}

/* The codes of a group of rows 4 quad .. 4 quad + 3: w[j] is columns 4 j .. 4 j + 3 of each. */
static WEIR_INLINE void t16_codes(const weir_format_id f, const bool is_exact, weir_t16_unit unit,
                                  uint32_t group, const uint32_t quad, int8x16_t w[8]) {
    const uint32_t code_bytes = weir_t16_code_bytes(f), upper_bytes = weir_t16_upper_bytes(f);
    const uint8_t *codes = unit.bytes + group * code_bytes + 16 * quad;
    const uint8_t *upper =
        unit.bytes + unit.n_groups * code_bytes + group * upper_bytes + 16 * quad;
    if (f == WEIR_FORMAT_Q8_0) {
        WEIR_UNROLL for (int j = 0; j < 8; j++) {
            w[j] = vreinterpretq_s8_u8(vld1q_u8(codes + 64 * j));
        }
        return;
    }
    uint8x16_t a[8];
    WEIR_UNROLL for (int j = 0; j < 4; j++) {
        a[j] = vld1q_u8(codes + 64 * j);
        a[j + 4] = vshrq_n_u8(a[j], 4);
    }
    /* Inserting the upper bits clears what was above the lower four. */
    if (upper_bytes == 64) {
        uint8x16_t bits = vld1q_u8(upper);
        WEIR_UNROLL for (int j = 0; j < 8; j++) {
            a[j] = vsliq_n_u8(a[j], vandq_u8(bits, vdupq_n_u8(1)), 4);
            bits = vshrq_n_u8(bits, 1);
        }
    } else if (upper_bytes == 128) {
        uint8x16_t low = vld1q_u8(upper), high = vld1q_u8(upper + 64);
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            a[j] = vsliq_n_u8(a[j], vandq_u8(low, vdupq_n_u8(3)), 4);
            a[j + 4] = vsliq_n_u8(a[j + 4], vandq_u8(high, vdupq_n_u8(3)), 4);
            low = vshrq_n_u8(low, 2);
            high = vshrq_n_u8(high, 2);
        }
    } else {
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            a[j] = vandq_u8(a[j], vdupq_n_u8(15));
        }
    }
    WEIR_UNROLL for (int j = 0; j < 8; j++) {
        w[j] = t16_level(f, is_exact, a[j]);
    }
}

/* ---- scales --------------------------------------------------------------------------------- */

/* Four of 16 float16. */
static WEIR_INLINE float32x4_t t16_half(const uint8_t *p, uint32_t quad) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * quad)));
}

/* 16 bytes to 16 numbers, four a register. */
static WEIR_INLINE void t16_widen(const uint8_t *p, int32x4_t out[4]) {
    int8x16_t a = vreinterpretq_s8_u8(vld1q_u8(p));
    int16x8_t low = vmovl_s8(vget_low_s8(a)), high = vmovl_high_s8(a);
    out[0] = vmovl_s16(vget_low_s16(low));
    out[1] = vmovl_high_s16(low);
    out[2] = vmovl_s16(vget_low_s16(high));
    out[3] = vmovl_high_s16(high);
}

/* out[16 i + 4 quad ..] = d times byte i of each lane */
static WEIR_INLINE void t16_bytes(uint8x16_t bytes, float32x4_t d, float *out) {
    uint32x4_t a = vreinterpretq_u32_u8(bytes);
    WEIR_UNROLL for (int i = 0; i < 4; i++) {
        vst1q_f32(out + 16 * i, vmulq_f32(d, vcvtq_f32_u32(vandq_u32(a, vdupq_n_u32(255)))));
        a = vshrq_n_u32(a, 8);
    }
}

/* q4_k and q5_k: weir_k4_scale of four rows, all groups. */
static WEIR_INLINE void t16_k4_scales(const uint8_t *at, uint32_t quad, float *s, float *m) {
    uint8x16_t a = vld1q_u8(at + 16 * quad), b = vld1q_u8(at + 64 + 16 * quad);
    uint8x16_t c = vld1q_u8(at + 128 + 16 * quad);
    float32x4_t d = t16_half(at + 192, quad), dmin = vnegq_f32(t16_half(at + 224, quad));
    t16_bytes(vandq_u8(a, vdupq_n_u8(63)), d, s);
    t16_bytes(vsliq_n_u8(vandq_u8(c, vdupq_n_u8(15)), vshrq_n_u8(a, 6), 4), d, s + 64);
    t16_bytes(vandq_u8(b, vdupq_n_u8(63)), dmin, m);
    t16_bytes(vsliq_n_u8(vshrq_n_u8(c, 4), vshrq_n_u8(b, 6), 4), dmin, m + 64);
}

static WEIR_INLINE void t16_xs_scales(const uint8_t *at, uint32_t quad, float *s) {
    uint32x4_t low = vreinterpretq_u32_u8(vld1q_u8(at + 16 * quad));
    uint32x4_t high = vmovl_u16(vreinterpret_u16_u8(vld1_u8(at + 64 + 8 * quad)));
    float32x4_t d = t16_half(at + 96, quad);
    WEIR_UNROLL for (int g = 0; g < 8; g++) {
        uint32x4_t sc =
            vsliq_n_u32(vandq_u32(low, vdupq_n_u32(15)), vandq_u32(high, vdupq_n_u32(3)), 4);
        int32x4_t centered = vsubq_s32(vreinterpretq_s32_u32(sc), vdupq_n_s32(32));
        vst1q_f32(s + 16 * g, vmulq_f32(d, vcvtq_f32_s32(centered)));
        low = vshrq_n_u32(low, 4);
        high = vshrq_n_u32(high, 2);
    }
}

/* weir_mxfp4_scale of four. */
static WEIR_INLINE float32x4_t t16_mx_scale(uint32x4_t e) {
    uint32x4_t tiny = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(e));
    uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
    return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), tiny, normal));
}

/* What the groups of a unit are multiplied by, s [n_groups][16] (halves: [2 n_groups][16]), and
 * what is added, m [n_groups][16]. */
static WEIR_INLINE void t16_scales(const weir_format_id f, weir_t16_unit unit, float *s, float *m) {
    const uint8_t *at = weir_t16_scales_at(f, unit);
    int32x4_t wide[T16_QUADS];
    if (f == WEIR_FORMAT_MXFP4) {
        for (uint32_t g = 0; g < unit.n_groups; g++) {
            t16_widen(at + 16 * g, wide);
            WEIR_UNROLL for (int quad = 0; quad < T16_QUADS; quad++) {
                uint32x4_t e = vreinterpretq_u32_s32(wide[quad]);
                vst1q_f32(s + 16 * g + 4 * quad, t16_mx_scale(vandq_u32(e, vdupq_n_u32(255))));
            }
        }
    } else if (f == WEIR_FORMAT_Q6_K) {
        for (uint32_t half = 0; half < 2 * unit.n_groups; half++) {
            const uint8_t *d = at + 32 * unit.n_groups + 32 * (half / 16);
            t16_widen(at + 16 * half, wide);
            WEIR_UNROLL for (uint32_t quad = 0; quad < T16_QUADS; quad++) {
                vst1q_f32(s + 16 * half + 4 * quad,
                          vmulq_f32(t16_half(d, quad), vcvtq_f32_s32(wide[quad])));
            }
        }
    } else if (f == WEIR_FORMAT_Q4_K || f == WEIR_FORMAT_Q5_K) {
        for (uint32_t quad = 0; quad < T16_QUADS; quad++)
            t16_k4_scales(at, quad, s + 4 * quad, m + 4 * quad);
    } else if (f == WEIR_FORMAT_IQ4_XS) {
        for (uint32_t quad = 0; quad < T16_QUADS; quad++)
            t16_xs_scales(at, quad, s + 4 * quad);
    } else {
        /* One d after the other; where there is a minimum, the unit is one group. */
        WEIR_UNROLL for (uint32_t quad = 0; quad < T16_QUADS; quad++) {
            for (uint32_t g = 0; g < unit.n_groups; g++)
                vst1q_f32(s + 16 * g + 4 * quad, t16_half(at + 32 * g, quad));
            if (weir_t16_has_low(f))
                vst1q_f32(m + 4 * quad, t16_half(at + 32, quad));
        }
    }
}

/* ---- sums ----------------------------------------------------------------------------------- */

/* Integer sums of four rows by one row of activations, both planes; where which is, its maker
 * knows. */
typedef struct t16_sum {
    int32x4_t a, b;
} t16_sum;

/* (sum of the high plane) << 7, plus that of the low one, as float */
static WEIR_INLINE float32x4_t t16_planes(int32x4_t high, int32x4_t low) {
    return vcvtq_f32_s32(vaddq_s32(vshlq_n_s32(high, 7), low));
}

/* w0, w1: columns 0 .. 3 and 4 .. 7 of four rows. */
static WEIR_INLINE void t16_dot(t16_sum *sum, int8x16_t w0, int8x16_t w1, int8x16_t x) {
    sum->a = vdotq_laneq_s32(sum->a, w0, x, 0);
    sum->b = vdotq_laneq_s32(sum->b, w0, x, 2);
    sum->a = vdotq_laneq_s32(sum->a, w1, x, 1);
    sum->b = vdotq_laneq_s32(sum->b, w1, x, 3);
}
static WEIR_INLINE float32x4_t t16_dot_end(t16_sum sum) {
    return t16_planes(sum.a, sum.b);
}

/* The same of q8, x: 8 columns. */
static WEIR_INLINE void t16_dot_q8(t16_sum *sum, int8x16_t w0, int8x16_t w1, int8x8_t x) {
    sum->a = vdotq_lane_s32(sum->a, w0, x, 0);
    sum->b = vdotq_lane_s32(sum->b, w1, x, 1);
}
static WEIR_INLINE float32x4_t t16_dot_q8_end(t16_sum sum) {
    return vcvtq_f32_s32(vaddq_s32(sum.a, sum.b));
}

#if T16_MATRIX
/* The codes of four rows by 8 columns as tiles want them: rows 0, 1, then rows 2, 3. */
static WEIR_INLINE void t16_arrange(int8x16_t *w0, int8x16_t *w1) {
    int32x4_t a = vreinterpretq_s32_s8(*w0), b = vreinterpretq_s32_s8(*w1);
    *w0 = vreinterpretq_s8_s32(vzip1q_s32(a, b));
    *w1 = vreinterpretq_s8_s32(vzip2q_s32(a, b));
}
static WEIR_INLINE void t16_tile_dot(t16_sum *sum, int8x16_t w0, int8x16_t w1, int8x16_t x) {
    sum->a = vmmlaq_s32(sum->a, w0, x);
    sum->b = vmmlaq_s32(sum->b, w1, x);
}
static WEIR_INLINE float32x4_t t16_tile_end(t16_sum sum) {
    return t16_planes(vuzp1q_s32(sum.a, sum.b), vuzp2q_s32(sum.a, sum.b));
}
#else
static WEIR_INLINE void t16_arrange(int8x16_t *w0, int8x16_t *w1) {
    (void)w0;
    (void)w1;
}
static WEIR_INLINE void t16_tile_dot(t16_sum *sum, int8x16_t w0, int8x16_t w1, int8x16_t x) {
    t16_dot(sum, w0, w1, x);
}
static WEIR_INLINE float32x4_t t16_tile_end(t16_sum sum) {
    return t16_dot_end(sum);
}
#endif

/* ---- activations ---------------------------------------------------------------------------- */

/* Group g of a row of activations, and what follows its q. */
static WEIR_INLINE size_t t16_q_bytes(const bool is_q8) {
    return is_q8 ? 32 : 64;
}
static WEIR_INLINE const int8_t *t16_x_group(const bool is_q8, const uint8_t *x, uint32_t g) {
    return (const int8_t *)x + g * (t16_q_bytes(is_q8) + sizeof(weir_t16_tail));
}
static WEIR_INLINE const weir_t16_tail *t16_x_tail(const bool is_q8, const uint8_t *x, uint32_t g) {
    return (const weir_t16_tail *)(const void *)(t16_x_group(is_q8, x, g) + t16_q_bytes(is_q8));
}

/* Eight columns; their sum. */
static WEIR_INLINE int32x4_t t16_round(const bool is_q8, const float *x, float inverse, int8_t *q) {
    int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), inverse));
    int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), inverse));
    int16x8_t both = vcombine_s16(vmovn_s32(a), vmovn_s32(b));
    if (is_q8) {
        vst1_s8(q, vmovn_s16(both));
    } else {
        int16x8_t high = vrshrq_n_s16(both, 7);
        int16x8_t low = vsubq_s16(both, vshlq_n_s16(high, 7));
        vst1q_s8(q, vcombine_s8(vmovn_s16(high), vmovn_s16(low)));
    }
    return vaddq_s32(a, b);
}

static WEIR_INLINE void t16_round_row(const bool is_q8, const float *x, uint32_t n_cols,
                                      uint8_t *out) {
    const size_t bytes = t16_q_bytes(is_q8);
    const float most_q = is_q8 ? WEIR_Q8_MOST : WEIR_Q15_MOST;
    for (uint32_t g = 0; g < n_cols / WEIR_T16_GROUP; g++, x += WEIR_T16_GROUP) {
        int8_t *q = (int8_t *)out + g * (bytes + sizeof(weir_t16_tail));
        weir_t16_tail *tail = (weir_t16_tail *)(void *)(q + bytes);
        float32x4_t most4 = vabsq_f32(vld1q_f32(x));
        WEIR_UNROLL for (int i = 4; i < WEIR_T16_GROUP; i += 4) {
            most4 = vmaxq_f32(most4, vabsq_f32(vld1q_f32(x + i)));
        }
        float most = vmaxvq_f32(most4); /* NaN if there is one */
        if (!(most <= FLT_MAX)) {
            memset(q, 0, bytes);
            *tail = (weir_t16_tail){.scale = NAN, .sum = NAN};
            continue;
        }
        bool is_zero = most < 0x1p-100f; /* its inverse would not be finite */
        float inverse = is_zero ? 0.0f : most_q / most;
        for (size_t half = 0; half < 2; half++) {
            int8_t *to = q + half * bytes / 2;
            int32x4_t a = t16_round(is_q8, x + 16 * half, inverse, to);
            int32x4_t b = t16_round(is_q8, x + 16 * half + 8, inverse, to + bytes / 4);
            tail->parts[half] = vaddvq_s32(vaddq_s32(a, b));
        }
        tail->scale = is_zero ? 0.0f : most / most_q;
        tail->sum = (float)(tail->parts[0] + tail->parts[1]) * tail->scale;
    }
}

static void t16_q15(const float *x, uint32_t n_cols, uint8_t *out) {
    t16_round_row(false, x, n_cols, out);
}

static void t16_q8(const float *x, uint32_t n_cols, uint8_t *out) {
    t16_round_row(true, x, n_cols, out);
}

/* ---- walking -------------------------------------------------------------------------------- */

/* Groups that a strip goes forward by at a time. */
static WEIR_INLINE uint32_t t16_step(const weir_format_id f) {
    return t16_groups(f) > T16_STEP ? t16_groups(f) : T16_STEP;
}

/* Strips that are walked together, and those that follow: of each stream the one it goes on with.
 */
typedef struct t16_block {
    const uint8_t *data;
    uintptr_t then; /* an address: of no matrix, maybe */
    uint32_t n;
} t16_block;

static WEIR_INLINE t16_block t16_block_of(const weir_t16_strips *strips, uint32_t begin) {
    uint32_t left = strips->n - begin, n = left < WEIR_T16_STREAMS ? left : WEIR_T16_STREAMS;
    const uint8_t *data = strips->data + begin * strips->bytes;
    bool is_last = n == left && strips->next;
    uintptr_t behind = (uintptr_t)data + n * strips->bytes;
    return (t16_block){data, is_last ? (uintptr_t)strips->next : behind, n};
}

/* Asks for what stream i, which has come to `offset` of its strip, needs a little later. Addresses
 * may be beyond the matrix. */
static WEIR_INLINE void t16_prefetch(const t16_block *block, size_t strip_bytes, uint32_t i,
                                     size_t offset, const size_t n_bytes) {
    size_t at = offset + T16_AHEAD;
    uintptr_t from =
        at < strip_bytes ? (uintptr_t)block->data + at : block->then + (at - strip_bytes);
    for (size_t line = 0; line < n_bytes; line += 64)
        WEIR_PREFETCH(from + i * strip_bytes + line);
}

/* ---- one row -------------------------------------------------------------------------------- */

/* sum[quad] += a unit, whose first group is `first` of the row. */
static WEIR_INLINE void t16_unit_one(const weir_format_id f, const bool is_q8, weir_t16_unit unit,
                                     const uint8_t *x, uint32_t first, float32x4_t *sum) {
    const int n_halves = f == WEIR_FORMAT_Q6_K ? 2 : 1;
    float s[2 * T16_SLICE * WEIR_T16_ROWS], m[T16_STEP * WEIR_T16_ROWS];
    t16_scales(f, unit, s, m);
    for (uint32_t i = 0; i < unit.n_groups; i++) {
        const uint32_t g = first + i;
        const int8_t *q = t16_x_group(is_q8, x, g);
        const weir_t16_tail *tail = t16_x_tail(is_q8, x, g);
        int32_t excess[2];
        WEIR_UNROLL for (int half = 0; half < 2; half++) {
            excess[half] = -t16_offset(f) * tail->parts[half];
        }
        if (n_halves == 1)
            excess[0] += excess[1];
        WEIR_UNROLL for (uint32_t quad = 0; quad < T16_QUADS; quad++) {
            int8x16_t w[8];
            t16_codes(f, false, unit, i, quad, w);
            WEIR_UNROLL for (int half = 0; half < n_halves; half++) {
                const int n = 4 / n_halves;
                t16_sum c = {vdupq_n_s32(0), vdupq_n_s32(excess[half])};
                WEIR_UNROLL for (int p = half * n; p < (half + 1) * n; p++) {
                    if (is_q8)
                        t16_dot_q8(&c, w[2 * p], w[2 * p + 1], vld1_s8(q + 8 * p));
                    else
                        t16_dot(&c, w[2 * p], w[2 * p + 1], vld1q_s8(q + 16 * p));
                }
                float32x4_t scale = vld1q_f32(s + 16 * (n_halves * i + half) + 4 * quad);
                float32x4_t f32 = is_q8 ? t16_dot_q8_end(c) : t16_dot_end(c);
                sum[quad] = vfmaq_f32(sum[quad], f32, vmulq_n_f32(scale, tail->scale));
            }
            if (weir_t16_has_low(f))
                sum[quad] = vfmaq_n_f32(sum[quad], vld1q_f32(m + 16 * i + 4 * quad), tail->sum);
        }
    }
}

static WEIR_INLINE void t16_one(const weir_format_id f, const bool is_q8,
                                const weir_t16_strips *strips, const uint8_t *x, uint32_t n_cols,
                                float *y) {
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP;
    const size_t group_bytes = t16_group_bytes(f), strip_bytes = strips->bytes;
    for (uint32_t begin = 0; begin < strips->n; begin += WEIR_T16_STREAMS) {
        const t16_block block = t16_block_of(strips, begin);
        for (uint32_t first = 0; first < n_groups; first += t16_step(f)) {
            uint32_t end = first + t16_step(f) < n_groups ? first + t16_step(f) : n_groups;
            for (uint32_t i = 0; i < block.n; i++) {
                const uint8_t *strip = block.data + i * strip_bytes;
                float *to = y + (size_t)(begin + i) * WEIR_T16_ROWS;
                float32x4_t sum[T16_QUADS];
                WEIR_UNROLL for (int quad = 0; quad < T16_QUADS; quad++) {
                    sum[quad] = first == 0 ? vdupq_n_f32(0) : vld1q_f32(to + 4 * quad);
                }
                for (uint32_t g = first; g < end; g += t16_groups(f)) {
                    uint32_t n = end - g < t16_groups(f) ? end - g : t16_groups(f);
                    t16_prefetch(&block, strip_bytes, i, g * group_bytes, n * group_bytes);
                    weir_t16_unit unit = {strip + g * group_bytes, n};
                    t16_unit_one(f, is_q8, unit, x, g, sum);
                }
                WEIR_UNROLL for (int quad = 0; quad < T16_QUADS; quad++) {
                    vst1q_f32(to + 4 * quad, sum[quad]);
                }
            }
        }
    }
}

/* ---- several rows --------------------------------------------------------------------------- */

/* Groups of a strip, taken apart: of four rows by 8 columns two registers, as tiles want them. */
typedef struct t16_slice {
    WEIR_ALIGN(64) int8_t codes[T16_SLICE][T16_QUADS][4][32];
    float s[2 * T16_SLICE * WEIR_T16_ROWS], m[T16_SLICE * WEIR_T16_ROWS];
} t16_slice;

/* A unit as groups at .. of the slice. */
static WEIR_INLINE void t16_take_apart(const weir_format_id f, const bool is_q8, weir_t16_unit unit,
                                       uint32_t at, t16_slice *slice) {
    const uint32_t n_scales = t16_kind_of(f) == T16_HALVES ? 32 : 16;
    t16_scales(f, unit, slice->s + at * n_scales, slice->m + at * 16);
    for (uint32_t i = 0; i < unit.n_groups; i++)
        for (uint32_t quad = 0; quad < T16_QUADS; quad++) {
            int8x16_t w[8];
            t16_codes(f, true, unit, i, quad, w);
            WEIR_UNROLL for (int p = 0; p < 4; p++) {
                if (!is_q8)
                    t16_arrange(&w[2 * p], &w[2 * p + 1]);
                vst1q_s8(slice->codes[at + i][quad][p], w[2 * p]);
                vst1q_s8(slice->codes[at + i][quad][p] + 16, w[2 * p + 1]);
            }
        }
}

/* y[j][0 .. 7] += quads quad .. of the slice's n groups, `first` of the row and on, by x[j]. */
static WEIR_INLINE void t16_tile(const t16_kind kind, const bool is_q8, const int n_x,
                                 const t16_slice *slice, uint32_t quad, uint32_t n, uint32_t first,
                                 const uint8_t *const *x, float *const *y) {
    const int n_halves = kind == T16_HALVES ? 2 : 1;
    float32x4_t sum[T16_SIDE][T16_X];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
            sum[r][j] = first == 0 ? vdupq_n_f32(0) : vld1q_f32(y[j] + 4 * r);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t g = first + i;
        WEIR_UNROLL for (int half = 0; half < n_halves; half++) {
            t16_sum c[T16_SIDE][T16_X];
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
                    c[r][j] = (t16_sum){vdupq_n_s32(0), vdupq_n_s32(0)};
                }
            }
            /* Unrolled, this loop makes compilers keep more sums than there are registers. */
            for (int p = half * (4 / n_halves); p < (half + 1) * (4 / n_halves); p++) {
                int8x16_t q[T16_X];
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    const int8_t *from = t16_x_group(is_q8, x[j], g);
                    q[j] = is_q8 ? vcombine_s8(vld1_s8(from + 8 * p), vdup_n_s8(0))
                                 : vld1q_s8(from + 16 * p);
                }
                WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
                    int8x16_t w0 = vld1q_s8(slice->codes[i][quad + r][p]);
                    int8x16_t w1 = vld1q_s8(slice->codes[i][quad + r][p] + 16);
                    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                        if (is_q8)
                            t16_dot_q8(&c[r][j], w0, w1, vget_low_s8(q[j]));
                        else
                            t16_tile_dot(&c[r][j], w0, w1, q[j]);
                    }
                }
            }
            WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
                float32x4_t s = vld1q_f32(slice->s + 16 * (n_halves * i + half) + 4 * (quad + r));
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    float32x4_t f32 = is_q8 ? t16_dot_q8_end(c[r][j]) : t16_tile_end(c[r][j]);
                    float scale = t16_x_tail(is_q8, x[j], g)->scale;
                    sum[r][j] = vfmaq_f32(sum[r][j], f32, vmulq_n_f32(s, scale));
                }
            }
        }
        if (kind == T16_MINIMUM) {
            WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
                float32x4_t m = vld1q_f32(slice->m + 16 * i + 4 * (quad + r));
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    sum[r][j] = vfmaq_n_f32(sum[r][j], m, t16_x_tail(is_q8, x[j], g)->sum);
                }
            }
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        WEIR_UNROLL for (int r = 0; r < T16_SIDE; r++) {
            vst1q_f32(y[j] + 4 * r, sum[r][j]);
        }
    }
}

typedef void t16_tile_fn(const t16_slice *slice, uint32_t quad, uint32_t n, uint32_t first,
                         const uint8_t *const *x, float *const *y);

#define T16_TILE(name, KIND, is_q8, n_x)                                                          \
    static void name##_##KIND##_##n_x(const t16_slice *slice, uint32_t quad, uint32_t n,          \
                                      uint32_t first, const uint8_t *const *x, float *const *y) { \
        t16_tile(T16_##KIND, is_q8, n_x, slice, quad, n, first, x, y);                            \
    }
#define T16_KINDS(name, is_q8, n_x)     \
    T16_TILE(name, PLAIN, is_q8, n_x)   \
    T16_TILE(name, MINIMUM, is_q8, n_x) \
    T16_TILE(name, HALVES, is_q8, n_x)
#define T16_TILES(n_x)                  \
    T16_KINDS(t16_tile_q15, false, n_x) \
    T16_KINDS(t16_tile_q8, true, n_x)
T16_TILES(1)
T16_TILES(2)
T16_TILES(3)
T16_TILES(4)

#define T16_ROW(name, n_x) \
    { name##_PLAIN_##n_x, name##_MINIMUM_##n_x, name##_HALVES_##n_x }
#define T16_ROWS(name) \
    { T16_ROW(name, 1), T16_ROW(name, 2), T16_ROW(name, 3), T16_ROW(name, 4) }
static t16_tile_fn *const t16_tiles[2][T16_X][3] = {T16_ROWS(t16_tile_q15), T16_ROWS(t16_tile_q8)};

/* y[j][at .. at + 15] += the slice by x[j], four j at a time. */
static void t16_slice_product(const t16_kind kind, const bool is_q8, const t16_slice *slice,
                              uint32_t n, uint32_t first, const uint8_t *const *x, uint32_t n_x,
                              float *const *y, size_t at) {
    for (uint32_t begin = 0; begin < n_x; begin += T16_X) {
        uint32_t n_now = n_x - begin < T16_X ? n_x - begin : T16_X;
        for (uint32_t quad = 0; quad < T16_QUADS; quad += T16_SIDE) {
            float *to[T16_X];
            for (uint32_t j = 0; j < n_now; j++)
                to[j] = y[begin + j] + at + 4 * quad;
            t16_tiles[is_q8][n_now - 1][kind](slice, quad, n, first, x + begin, to);
        }
    }
}

static WEIR_INLINE void t16_many(const weir_format_id f, const bool is_q8,
                                 const weir_t16_strips *strips, const uint8_t *const *x,
                                 uint32_t n_x, uint32_t n_cols, float *const *y) {
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP;
    const size_t group_bytes = t16_group_bytes(f), strip_bytes = strips->bytes;
    t16_slice slice;
    for (uint32_t begin = 0; begin < strips->n; begin += WEIR_T16_STREAMS) {
        const t16_block block = t16_block_of(strips, begin);
        for (uint32_t first = 0; first < n_groups; first += T16_SLICE) {
            uint32_t n = n_groups - first < T16_SLICE ? n_groups - first : T16_SLICE;
            for (uint32_t i = 0; i < block.n; i++) {
                const uint8_t *strip = block.data + i * strip_bytes;
                for (uint32_t g = 0; g < n; g += t16_groups(f)) {
                    uint32_t n_unit = n - g < t16_groups(f) ? n - g : t16_groups(f);
                    size_t offset = (first + g) * group_bytes;
                    t16_prefetch(&block, strip_bytes, i, offset, n_unit * group_bytes);
                    weir_t16_unit unit = {strip + offset, n_unit};
                    t16_take_apart(f, is_q8, unit, g, &slice);
                }
                t16_slice_product(t16_kind_of(f), is_q8, &slice, n, first, x, n_x, y,
                                  (size_t)(begin + i) * WEIR_T16_ROWS);
            }
        }
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

#define T16_LIST(X) \
    X(Q4_0)         \
    X(Q4_1)         \
    X(Q5_0)         \
    X(Q5_1)         \
    X(Q8_0)         \
    X(IQ4_NL)       \
    X(IQ4_XS)       \
    X(MXFP4)        \
    X(Q4_K)         \
    X(Q5_K)         \
    X(Q6_K)

#define T16_FUNCTION(name, ID, is_q8)                                                             \
    static void name##_##ID(const weir_t16_strips *strips, const uint8_t *const *x, uint32_t n_x, \
                            uint32_t n_cols, float *const *y) {                                   \
        if (n_x == 1)                                                                             \
            t16_one(WEIR_FORMAT_##ID, is_q8, strips, x[0], n_cols, y[0]);                         \
        else                                                                                      \
            t16_many(WEIR_FORMAT_##ID, is_q8, strips, x, n_x, n_cols, y);                         \
    }
#define T16_FUNCTIONS(ID)            \
    T16_FUNCTION(t16_q15, ID, false) \
    T16_FUNCTION(t16_q8, ID, true)
T16_LIST(T16_FUNCTIONS)

/* Activations and products go together: all of them, or none. */
static inline void t16_fill(weir_cpu_kernels *k) {
#define T16_ENTRY(ID)                        \
    k->t16[WEIR_FORMAT_##ID] = t16_q15_##ID; \
    k->t16_q8[WEIR_FORMAT_##ID] = t16_q8_##ID;
    T16_LIST(T16_ENTRY)
#undef T16_ENTRY
    k->q15 = t16_q15;
    k->q8 = t16_q8;
}

#endif
