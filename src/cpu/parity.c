/* parity.c: see parity.h. */
#include "cpu/parity.h"

#include "base/half.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { Q8_0_VALUES = 32, Q8_K_VALUES = 256 };

typedef enum rounding { ROUND_NOT, ROUND_Q8_0, ROUND_Q8_K, ROUND_F16, ROUND_BF16 } rounding;

static rounding rounding_of(weir_format_id id) {
    switch (id) {
    case WEIR_FORMAT_Q4_0:
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_0:
    case WEIR_FORMAT_Q5_1:
    case WEIR_FORMAT_Q8_0:
    case WEIR_FORMAT_IQ4_NL:
    case WEIR_FORMAT_MXFP4:
        return ROUND_Q8_0;
    case WEIR_FORMAT_Q2_K:
    case WEIR_FORMAT_Q3_K:
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
    case WEIR_FORMAT_Q6_K:
    case WEIR_FORMAT_IQ4_XS:
        return ROUND_Q8_K;
    case WEIR_FORMAT_F16:
        return ROUND_F16;
    case WEIR_FORMAT_BF16:
        return ROUND_BF16;
    default:
        return ROUND_NOT;
    }
}

bool weir_parity_rounds(weir_format_id id) {
    return rounding_of(id) != ROUND_NOT;
}

static float largest(const float *x, uint32_t n) {
    float most = 0.0f;
    for (uint32_t i = 0; i < n; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

/* Whole numbers are x times the inverse of d; what is too small to have one is zero. */
static void round_block(const float *x, uint32_t n, float inverse, float d, float *y) {
    bool is_zero = d == 0.0f || isinf(inverse);
    for (uint32_t i = 0; i < n; i++)
        y[i] = is_zero ? 0.0f : rintf(x[i] * inverse) * d;
}

/* The inverse is that of d before it was made a float16. */
static void round_q8_0(const float *x, float *y) {
    float most = largest(x, Q8_0_VALUES);
    float d = weir_f16_to_f32(weir_f32_to_f16(most / 127.0f));
    round_block(x, Q8_0_VALUES, 127.0f / most, d, y);
}

static void round_q8_k(const float *x, float *y) {
    float inverse = 127.0f / largest(x, Q8_K_VALUES);
    round_block(x, Q8_K_VALUES, inverse, 1.0f / inverse, y);
}

void weir_parity_round(weir_format_id id, const float *x, uint32_t n, float *y) {
    switch (rounding_of(id)) {
    case ROUND_Q8_0:
        assert(n % Q8_0_VALUES == 0);
        for (uint32_t i = 0; i < n; i += Q8_0_VALUES)
            round_q8_0(x + i, y + i);
        break;
    case ROUND_Q8_K:
        assert(n % Q8_K_VALUES == 0);
        for (uint32_t i = 0; i < n; i += Q8_K_VALUES)
            round_q8_k(x + i, y + i);
        break;
    case ROUND_F16:
        for (uint32_t i = 0; i < n; i++)
            y[i] = weir_f16_to_f32(weir_f32_to_f16(x[i]));
        break;
    case ROUND_BF16:
        for (uint32_t i = 0; i < n; i++)
            y[i] = weir_bf16_to_f32(weir_f32_to_bf16(x[i]));
        break;
    case ROUND_NOT:
        memmove(y, x, n * sizeof *y);
        break;
    }
}
