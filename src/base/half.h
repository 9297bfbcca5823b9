/* half.h: float16 and bfloat16 as bits, exact both ways, round to nearest even. */
#ifndef WEIR_BASE_HALF_H
#define WEIR_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t weir_f32_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float weir_bits_f32(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float weir_bf16_to_f32(uint16_t h) {
    return weir_bits_f32((uint32_t)h << 16);
}

/* NaN stays NaN (quiet). */
static inline uint16_t weir_f32_to_bf16(float x) {
    uint32_t u = weir_f32_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

static inline float weir_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 31u;
    uint32_t mantissa = h & 0x3ffu;
    if (exponent == 31)
        return weir_bits_f32(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0) /* zero or subnormal: mantissa x 2^-24, exact */
        return weir_bits_f32(sign | weir_f32_bits((float)mantissa * 0x1p-24f));
    return weir_bits_f32(sign | (exponent + 112u) << 23 | mantissa << 13);
}

static inline uint16_t weir_f32_to_f16(float x) {
    uint32_t u = weir_f32_bits(x);
    uint32_t sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    if (u > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (u >> 13 & 0x3ffu));
    if (u >= 0x477ff000u) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (u < 0x38800000u) { /* below 2^-14: let the float adder round at 2^-24 */
        float shifted = weir_bits_f32(u) + 0.5f;
        return (uint16_t)(sign | (weir_f32_bits(shifted) - 0x3f000000u));
    }
    return (uint16_t)(sign | ((u + 0xfffu + (u >> 13 & 1u)) - 0x38000000u) >> 13);
}

#endif
