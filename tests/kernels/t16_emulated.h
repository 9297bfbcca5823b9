/*
 * t16_emulated.h: the products of t16_tiles_template.h on any machine: its vectors as arrays, its
 * tiles as tile_emulated.h has them, and activations as it reads them.
 */
#ifndef WEIR_T16_EMULATED_H
#define WEIR_T16_EMULATED_H

#include "tile_emulated.h"

#include "cpu/kernels.h"
#include "quant/blocks.h"

#include <float.h>
#include <math.h>

typedef struct v16 {
    float lane[16];
} v16;
typedef struct b16 {
    int8_t lane[16];
} b16;
typedef struct q16 {
    uint32_t lane[16];
} q16;

/* y with an expression of l for each of its lanes. */
#define EMULATED_LANES(type, expression) \
    type y;                              \
    for (int l = 0; l < 16; l++)         \
        y.lane[l] = (expression);        \
    return y

static inline v16 v16_set(float a) {
    EMULATED_LANES(v16, a);
}
static inline v16 v16_zero(void) {
    return v16_set(0.0f);
}
static inline v16 v16_load(const float *p) {
    EMULATED_LANES(v16, p[l]);
}
static inline void v16_store(float *p, v16 a) {
    memcpy(p, a.lane, sizeof a.lane);
}
static inline v16 v16_from_f16(const uint8_t *p) {
    EMULATED_LANES(v16, weir_load_half(p + 2 * l));
}
static inline v16 v16_mul(v16 a, v16 b) {
    EMULATED_LANES(v16, a.lane[l] * b.lane[l]);
}
static inline v16 v16_sub(v16 a, v16 b) {
    EMULATED_LANES(v16, a.lane[l] - b.lane[l]);
}
static inline v16 v16_fma(v16 a, v16 b, v16 c) {
    EMULATED_LANES(v16, fmaf(a.lane[l], b.lane[l], c.lane[l]));
}
static inline b16 b16_load(const uint8_t *p) {
    EMULATED_LANES(b16, (int8_t)p[l]);
}
static inline v16 v16_from_i8(b16 a) {
    EMULATED_LANES(v16, (float)a.lane[l]);
}

static inline q16 q16_load(const void *p) {
    q16 y;
    memcpy(y.lane, p, sizeof y.lane);
    return y;
}
static inline void q16_store(void *p, q16 a) {
    memcpy(p, a.lane, sizeof a.lane);
}
static inline q16 q16_set(int32_t a) {
    EMULATED_LANES(q16, (uint32_t)a);
}
static inline q16 q16_and(q16 a, q16 b) {
    EMULATED_LANES(q16, a.lane[l] & b.lane[l]);
}
static inline q16 q16_or(q16 a, q16 b) {
    EMULATED_LANES(q16, a.lane[l] | b.lane[l]);
}
static inline q16 q16_right(q16 a, int n) {
    EMULATED_LANES(q16, (a.lane[l] & 0xffff) >> n | a.lane[l] >> 16 >> n << 16);
}
static inline q16 q16_left(q16 a, int n) {
    EMULATED_LANES(q16, (a.lane[l] << n & 0xffff) | a.lane[l] >> 16 << 16 << n);
}
static inline q16 q16_shift_lane(q16 a, int n) {
    EMULATED_LANES(q16, a.lane[l] >> n);
}
static inline v16 q16_float(q16 a) {
    EMULATED_LANES(v16, (float)(int32_t)a.lane[l]);
}

/* Byte by byte: a - b, and bytes of a looked up. */
static inline q16 q16_sub_bytes(q16 a, q16 b) {
    uint8_t x[64], y[64];
    q16_store(x, a);
    q16_store(y, b);
    for (size_t i = 0; i < 64; i++)
        x[i] = (uint8_t)(x[i] - y[i]);
    return q16_load(x);
}
static inline q16 q16_table_of(const int8_t *bytes) {
    q16 y;
    for (size_t i = 0; i < 64; i += 16)
        memcpy((uint8_t *)y.lane + i, bytes, 16);
    return y;
}
static inline q16 q16_table(q16 table, q16 a) {
    uint8_t values[64], x[64];
    q16_store(values, table);
    q16_store(x, a);
    for (size_t i = 0; i < 64; i++)
        x[i] = values[x[i] & 15];
    return q16_load(x);
}

#include "cpu/t16_tiles_template.h"

/* t16.h's rounding to 8 bits, bytes in order. */
static inline void emulated_q8(const float *x, uint32_t n_cols, uint8_t *out) {
    for (uint32_t g = 0; g < n_cols; g += WEIR_T16_GROUP, x += WEIR_T16_GROUP) {
        weir_t16_tail tail = {0};
        int8_t *q = (int8_t *)out;
        float most = 0.0f;
        bool is_number = true;
        for (uint32_t k = 0; k < WEIR_T16_GROUP; k++) {
            is_number = is_number && fabsf(x[k]) <= FLT_MAX;
            most = fmaxf(most, fabsf(x[k]));
        }
        bool is_zero = !is_number || most < 0x1p-100f;
        for (uint32_t k = 0; k < WEIR_T16_GROUP; k++) {
            q[k] = is_zero ? 0 : (int8_t)nearbyintf(x[k] * (WEIR_Q8_MOST / most));
            tail.parts[k / 16] += q[k];
        }
        tail.scale = !is_number ? NAN : is_zero ? 0.0f : most / WEIR_Q8_MOST;
        tail.sum = (float)(tail.parts[0] + tail.parts[1]) * tail.scale;
        memcpy(out + WEIR_T16_GROUP, &tail, sizeof tail);
        out += WEIR_T16_GROUP + sizeof tail;
    }
}

/* Kernels of portable C, but for activations in 8 bits, which have products of many rows alone. */
static inline weir_cpu_kernels emulated_tiles(void) {
    weir_cpu_kernels k;
    weir_status status = weir_cpu_kernels_for(&k, "portable", NULL);
    assert(status == WEIR_STATUS_OK);
    (void)status;
    k.isa = "emulated tiles";
    k.q8 = emulated_q8;
    memset(k.t16_q8, 0, sizeof k.t16_q8);
    t16_tiles_fill(&k);
    return k;
}

#endif
