/*
 * rows_template.h: what is done to one row of activations.
 *
 * Contract: included once per instruction set, after its vec_<isa>.h. Formulas are in kernels.h;
 * here the order of operations: the sum of squares is a dot of x with itself, everything else is
 * value by value. y may be x (rms_norm) or g (silu_mul).
 */
#ifndef WEIR_CPU_ROWS_TEMPLATE_H
#define WEIR_CPU_ROWS_TEMPLATE_H

#include "cpu/unit_template.h"

#include <math.h>

void WEIR_ISA(rms_norm)(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    float squares;
    WEIR_ISA(dot_f32)((const uint8_t *)x, 0, 1, &x, 1, n, &(float *){&squares});
    float scale = 1.0f / sqrtf(squares / (float)n + eps);
    v16 scales = v16_set(scale);
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, v16_mul(v16_mul(v16_load(x + i), scales), v16_load(weight + i)));
    for (; i < n; i++)
        y[i] = x[i] * scale * weight[i];
}

static WEIR_INLINE v16 silu_mul_16(v16 g, v16 u) {
    v16 e;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) e.p[i] = vp_exp(vp_sub(vp_zero(), g.p[i]));
    return v16_mul(v16_div(g, v16_add(v16_set(1.0f), e)), u);
}

void WEIR_ISA(silu_mul)(const float *g, const float *u, size_t n, float *y) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, silu_mul_16(v16_load(g + i), v16_load(u + i)));
    if (i < n) {
        v16 last = silu_mul_16(v16_load_some(g + i, n - i), v16_load_some(u + i, n - i));
        v16_store_some(y + i, last, n - i);
    }
}

void WEIR_ISA(add_scaled)(float *y, const float *x, float scale, size_t n) {
    v16 scales = v16_set(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, v16_fma(scales, v16_load(x + i), v16_load(y + i)));
    for (; i < n; i++)
        y[i] = fmaf(scale, x[i], y[i]);
}

/* x0' = x0 cos - x1 sin, x1' = x1 cos + x0 sin: the product with cos is rounded, the other fused.
 */
void WEIR_ISA(rope)(float *x, const float *cos_sin, uint32_t head_dim) {
    uint32_t half = head_dim / 2, i = 0;
    const float *cosines = cos_sin, *sines = cos_sin + half;
    for (; i + 16 <= half; i += 16) {
        v16 x0 = v16_load(x + i), x1 = v16_load(x + half + i);
        v16 c = v16_load(cosines + i), s = v16_load(sines + i);
        v16_store(x + i, v16_fnma(x1, s, v16_mul(x0, c)));
        v16_store(x + half + i, v16_fma(x0, s, v16_mul(x1, c)));
    }
    for (; i < half; i++) {
        float x0 = x[i], x1 = x[half + i];
        x[i] = fmaf(-x1, sines[i], x0 * cosines[i]);
        x[half + i] = fmaf(x0, sines[i], x1 * cosines[i]);
    }
}

/* l_cache is a constant where it matters: 3 in every known model. */
static WEIR_INLINE void conv_channels(const float *b, const float *c, const float *x,
                                      const float *taps, const float *bias, const uint32_t l_cache,
                                      uint32_t n, float *past, float *y) {
    const uint32_t n_past = l_cache - 1;
    for (uint32_t i = 0; i < n; i++, taps += l_cache, past += n_past) {
        float u = b[i] * x[i], sum = 0.0f;
        for (uint32_t j = 0; j < n_past; j++)
            sum = fmaf(taps[j], past[j], sum);
        sum = fmaf(taps[n_past], u, sum);
        for (uint32_t j = 0; j + 1 < n_past; j++)
            past[j] = past[j + 1];
        past[n_past - 1] = u;
        y[i] = c[i] * (bias ? sum + bias[i] : sum);
    }
}

void WEIR_ISA(short_conv)(const float *b, const float *c, const float *x, const float *taps,
                          const float *bias, uint32_t l_cache, uint32_t n, float *past, float *y) {
    if (l_cache == 3)
        conv_channels(b, c, x, taps, bias, 3, n, past, y);
    else
        conv_channels(b, c, x, taps, bias, l_cache, n, past, y);
}

#endif
