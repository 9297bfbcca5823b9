/*
 * unit_portable.h: what the files of the portable kernels share. They fill every entry of the
 * table, on any processor with IEEE floats: the same lanes and the same order as the other units
 * (kernels.h), with a multiply and an add where those have one fma, so that last bits differ.
 */
#ifndef WEIR_CPU_UNIT_PORTABLE_H
#define WEIR_CPU_UNIT_PORTABLE_H

#include "base/half.h"
#include "cpu/kernels.h"

enum { PORTABLE_LANES = 16 };

/* Halves are added until one lane is left. */
static inline float portable_sum(const float lanes[PORTABLE_LANES]) {
    float s[PORTABLE_LANES / 2];
    for (int l = 0; l < 8; l++)
        s[l] = lanes[l] + lanes[l + 8];
    for (int l = 0; l < 4; l++)
        s[l] += s[l + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/* lanes[i % 16] += w[i] x[i], i ascending */
static inline void portable_lanes(float lanes[PORTABLE_LANES], const float *w, const float *x,
                                  uint32_t n) {
    uint32_t i = 0;
    for (; i + PORTABLE_LANES <= n; i += PORTABLE_LANES)
        for (uint32_t l = 0; l < PORTABLE_LANES; l++)
            lanes[l] += w[i + l] * x[i + l];
    for (uint32_t l = 0; i + l < n; l++)
        lanes[l] += w[i + l] * x[i + l];
}

/* e^x as in vec_template.h. */
static inline float portable_exp(float x) {
    const float magic = 0x1.8p23f; /* added and taken away, it rounds to whole numbers */
    x = x > 89.0f ? 89.0f : x;
    x = x < -105.0f ? -105.0f : x; /* NaN passes both */
    float shifted = x * 0x1.715476p0f + magic, n = shifted - magic;
    float r = (x - n * 0x1.62p-1f) - n * 0x1.c85fep-10f;
    float q = 0x1.6d113cp-10f * r + 0x1.120ba2p-7f;
    q = q * r + 0x1.55551ap-5f;
    q = q * r + 0x1.5554dcp-3f;
    q = q * r + 0.5f;
    q = (r * r) * q + r;
    /* 2^n in two factors, of which only the second can round. Unsigned: with NaN n is anything. */
    uint32_t whole = weir_f32_bits(shifted) - weir_f32_bits(magic);
    uint32_t first = ((whole + 1024u) >> 1) - 512u, second = whole - first;
    return (q + 1.0f) * weir_bits_f32((first + 127u) << 23) * weir_bits_f32((second + 127u) << 23);
}

/* dot_portable.c */
weir_dot_fn weir_portable_dot_f32;
void weir_portable_fill_dot(weir_cpu_kernels *k);
/* rows_portable.c */
void weir_portable_fill_rows(weir_cpu_kernels *k);
/* t16_portable.c */
void weir_portable_fill_t16(weir_cpu_kernels *k);
/* attend_portable.c */
void weir_portable_attend(const weir_attend_task *task);
void weir_portable_attend_part(const weir_attend_task *task, uint32_t segment, float *sums);
void weir_portable_attend_merge(const weir_attend_task *task, float *sums);

#endif
