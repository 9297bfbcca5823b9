/* rows_portable.c: what is done to one row of activations, in plain C. Formulas: kernels.h. */
#include "cpu/portable/unit_portable.h"

#include <math.h>

static void rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    float lanes[PORTABLE_LANES] = {0};
    portable_lanes(lanes, x, x, n);
    float scale = 1.0f / sqrtf(portable_sum(lanes) / (float)n + eps);
    for (uint32_t i = 0; i < n; i++)
        y[i] = x[i] * scale * weight[i];
}

static void silu_mul(const float *g, const float *u, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = g[i] / (1.0f + portable_exp(-g[i])) * u[i];
}

static void add_scaled(float *y, const float *x, float scale, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

static void rope(float *x, const float *cos_sin, uint32_t head_dim) {
    uint32_t half = head_dim / 2;
    for (uint32_t i = 0; i < half; i++) {
        float c = cos_sin[i], s = cos_sin[half + i], x0 = x[i], x1 = x[half + i];
        x[i] = x0 * c - x1 * s;
        x[half + i] = x1 * c + x0 * s;
    }
}

static void short_conv(const float *b, const float *c, const float *x, const float *taps,
                       const float *bias, uint32_t l_cache, uint32_t n, float *past, float *y) {
    uint32_t n_past = l_cache - 1;
    for (uint32_t i = 0; i < n; i++, taps += l_cache, past += n_past) {
        float u = b[i] * x[i], sum = 0.0f;
        for (uint32_t j = 0; j < n_past; j++)
            sum += taps[j] * past[j];
        sum += taps[n_past] * u;
        for (uint32_t j = 0; j + 1 < n_past; j++)
            past[j] = past[j + 1];
        past[n_past - 1] = u;
        y[i] = c[i] * (bias ? sum + bias[i] : sum);
    }
}

void weir_portable_fill_rows(weir_cpu_kernels *k) {
    k->rms_norm = rms_norm;
    k->silu_mul = silu_mul;
    k->add_scaled = add_scaled;
    k->rope = rope;
    k->short_conv = short_conv;
}
