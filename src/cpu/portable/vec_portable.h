/*
 * vec_portable.h: vec_template.h in plain C: 16 lanes are four of the compiler's own vectors where
 * it has such, else 16 numbers.
 *
 * Only what training needs is here: no formats, no bytes. fma is a multiply and an add, each
 * rounded, since a processor without the instruction would take a hundred times as long.
 */
#ifndef WEIR_CPU_VEC_PORTABLE_H
#define WEIR_CPU_VEC_PORTABLE_H

#include "base/compiler.h"
#include "cpu/portable/unit_portable.h"

#include <math.h>
#include <string.h>

#define WEIR_ISA(name) weir_portable_##name

#ifdef WEIR_VECTOR_OF_BYTES
enum { V_WIDTH = 4, V_PARTS = 4 };
typedef float vp WEIR_VECTOR_OF_BYTES(16);
#define VP_LANE(a, l) ((a)[l])
#else
enum { V_WIDTH = 1, V_PARTS = 16 };
typedef float vp;
#define VP_LANE(a, l) (*(&(a) + (l)))
#endif
/* Levels and bytes of packed formats are not here. */
#define V_HAS_LEVELS   1
#define V_HAS_SIX_BITS 1

typedef struct v16 {
    vp p[V_PARTS];
} v16;

static WEIR_INLINE vp vp_set(float a) {
    vp y;
    WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) VP_LANE(y, l) = a;
    return y;
}
static WEIR_INLINE vp vp_zero(void) {
    return vp_set(0.0f);
}
static WEIR_INLINE vp vp_load(const void *p) {
    vp y;
    memcpy(&y, p, sizeof y);
    return y;
}
static WEIR_INLINE void vp_store(float *p, vp a) {
    memcpy(p, &a, sizeof a);
}
static WEIR_INLINE vp vp_add(vp a, vp b) {
    return a + b;
}
static WEIR_INLINE vp vp_sub(vp a, vp b) {
    return a - b;
}
static WEIR_INLINE vp vp_mul(vp a, vp b) {
    return a * b;
}
static WEIR_INLINE vp vp_div(vp a, vp b) {
    return a / b;
}
static WEIR_INLINE vp vp_fma(vp a, vp b, vp c) {
    return a * b + c;
}
static WEIR_INLINE vp vp_fnma(vp a, vp b, vp c) {
    return c - a * b;
}
static WEIR_INLINE vp vp_max(vp a, vp b) {
    WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) VP_LANE(a, l) =
        VP_LANE(a, l) > VP_LANE(b, l) ? VP_LANE(a, l) : VP_LANE(b, l);
    return a;
}
static WEIR_INLINE vp vp_sqrt(vp a) {
    WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) VP_LANE(a, l) = sqrtf(VP_LANE(a, l));
    return a;
}
/* NaN passes both. */
static WEIR_INLINE vp vp_clamp(vp a, vp low, vp high) {
    WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) {
        float x = VP_LANE(a, l);
        x = x > VP_LANE(high, l) ? VP_LANE(high, l) : x;
        VP_LANE(a, l) = x < VP_LANE(low, l) ? VP_LANE(low, l) : x;
    }
    return a;
}
/* In two steps, of which only the second can round. n is a whole number: added to this one, it
 * stands in the low bits. Unsigned: with NaN n is anything. */
static WEIR_INLINE vp vp_pow2(vp a, vp n) {
    const float magic = 0x1.8p23f;
    vp shifted = vp_add(n, vp_set(magic));
    WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) {
        uint32_t whole = weir_f32_bits(VP_LANE(shifted, l)) - weir_f32_bits(magic);
        uint32_t first = ((whole + 1024u) >> 1) - 512u, second = whole - first;
        VP_LANE(a, l) = VP_LANE(a, l) * weir_bits_f32((first + 127u) << 23) *
                        weir_bits_f32((second + 127u) << 23);
    }
    return a;
}
static WEIR_INLINE float v16_most(v16 a) {
    float most = VP_LANE(a.p[0], 0);
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) {
        WEIR_UNROLL for (int l = 0; l < V_WIDTH; l++) most =
            VP_LANE(a.p[i], l) > most ? VP_LANE(a.p[i], l) : most;
    }
    return most;
}
static WEIR_INLINE float v16_sum(v16 a) {
    float lanes[PORTABLE_LANES];
    memcpy(lanes, a.p, sizeof lanes);
    return portable_sum(lanes);
}

#include "cpu/vec_template.h"

#endif
