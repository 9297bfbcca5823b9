/*
 * t16_portable.c: products over strips (t16.h) in plain C, and activations in 15 or 8 bits, both as
 * int16 in their natural order. A group of a strip becomes 16 x 32 whole numbers on the stack,
 * which every row of activations then uses.
 *
 * fmaf is exact everywhere, though slow where the processor cannot do it: one a row and group.
 */
#include "cpu/portable/unit_portable.h"
#include "cpu/t16_codes.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ROWS = WEIR_T16_ROWS, GROUP = WEIR_T16_GROUP };

/* ---- activations --------------------------------------------------------------------------- */

static void round_group(const float most_q, const float *x, int16_t *q, weir_t16_tail *tail) {
    uint32_t bits = 0; /* they order like the numbers, NaN above infinity */
    for (int k = 0; k < GROUP; k++) {
        uint32_t size = weir_f32_bits(x[k]) & 0x7fffffffu;
        bits = size > bits ? size : bits;
    }
    float most = weir_bits_f32(bits);
    if (!(most <= FLT_MAX)) {
        memset(q, 0, GROUP * sizeof *q);
        *tail = (weir_t16_tail){.scale = NAN, .sum = NAN};
        return;
    }
    const float magic = 0x1.8p23f; /* added to a number it rounds it, ties to even */
    if (most < 0x1p-100f)
        most = 0.0f; /* its inverse could be infinite */
    float inverse = most > 0.0f ? most_q / most : 0.0f;
    for (int k = 0; k < GROUP; k++)
        q[k] = (int16_t)(weir_f32_bits(x[k] * inverse + magic) - weir_f32_bits(magic));
    int32_t first = 0, second = 0;
    for (int k = 0; k < GROUP / 2; k++) {
        first += q[k];
        second += q[k + GROUP / 2];
    }
    const float scale = most / most_q;
    *tail = (weir_t16_tail){
        .scale = scale, .sum = (float)(first + second) * scale, .parts = {first, second}};
}

/* A group of activations as it lies in a row. */
typedef struct rounded_group {
    int16_t q[GROUP];
    weir_t16_tail tail;
} rounded_group;

static void round_row(int most_q, const float *x, uint32_t n_cols, uint8_t *out) {
    rounded_group *to = (rounded_group *)out;
    for (uint32_t g = 0; g < n_cols / GROUP; g++)
        round_group((float)most_q, x + g * GROUP, to[g].q, &to[g].tail);
}

static void q15(const float *x, uint32_t n_cols, uint8_t *out) {
    round_row(WEIR_Q15_MOST, x, n_cols, out);
}

static void q8(const float *x, uint32_t n_cols, uint8_t *out) {
    round_row(WEIR_Q8_MOST, x, n_cols, out);
}

/* ---- products ------------------------------------------------------------------------------ */

/* A group of a strip, 16 rows. */
typedef struct group {
    int16_t codes[ROWS][GROUP];
    weir_t16_scale scales[ROWS];
} group;

static WEIR_INLINE void read_group(const weir_format_id id, weir_t16_unit unit, uint32_t g,
                                   group *to) {
    uint8_t raw[ROWS][GROUP];
    for (uint32_t r = 0; r < ROWS; r++)
        weir_t16_raw_codes(id, unit, g, r, raw[r]);
    weir_t16_codes(id, raw[0], ROWS * GROUP, to->codes[0]);
    for (uint32_t r = 0; r < ROWS; r++)
        to->scales[r] = weir_t16_scale_of(id, unit, g, r);
}

static WEIR_INLINE float sum_of_products(const int16_t *a, const int16_t *b, const int n) {
    int32_t sum = 0;
    for (int k = 0; k < n; k++)
        sum += a[k] * b[k];
    return (float)sum;
}

/* y[r] += row r of the group times group g of one row of activations. */
static WEIR_INLINE void add_products(const weir_format_id id, const group *w,
                                     const rounded_group *x, float *y) {
    const int n_halves = id == WEIR_FORMAT_Q6_K ? 2 : 1, n = GROUP / n_halves;
    for (int r = 0; r < ROWS; r++) {
        const weir_t16_scale *s = &w->scales[r];
        for (int h = 0; h < n_halves; h++) {
            float c = sum_of_products(w->codes[r] + n * h, x->q + n * h, n);
            y[r] = fmaf(c, s->scale[h] * x->tail.scale, y[r]);
        }
        if (weir_t16_has_low(id))
            y[r] = fmaf(s->low, x->tail.sum, y[r]);
    }
}

static WEIR_INLINE void product(const weir_format_id id, const weir_t16_strips *strips,
                                const uint8_t *const *x, uint32_t n_x, uint32_t n_cols,
                                float *const *y) {
    const uint32_t unit_groups = weir_t16_unit_cols(id) / GROUP, n_groups = n_cols / GROUP;
    const size_t unit_bytes =
        weir_format_row_bytes(weir_format_by_id(id), n_cols) * ROWS / n_groups * unit_groups;
    for (uint32_t s = 0; s < strips->n; s++) {
        for (uint32_t j = 0; j < n_x; j++)
            memset(y[j] + (size_t)s * ROWS, 0, ROWS * sizeof(float));
        weir_t16_unit unit = {strips->data + s * strips->bytes, 0};
        for (uint32_t begin = 0; begin < n_groups; begin += unit_groups) {
            uint32_t left = n_groups - begin;
            unit.n_groups = left < unit_groups ? left : unit_groups;
            for (uint32_t g = 0; g < unit.n_groups; g++) {
                group w;
                read_group(id, unit, g, &w);
                for (uint32_t j = 0; j < n_x; j++)
                    add_products(id, &w, (const rounded_group *)x[j] + begin + g,
                                 y[j] + (size_t)s * ROWS);
            }
            unit.bytes += unit_bytes;
        }
    }
}

#define T16_FORMATS(X) \
    X(Q4_0, q4_0)      \
    X(Q4_1, q4_1)      \
    X(Q5_0, q5_0)      \
    X(Q5_1, q5_1)      \
    X(Q8_0, q8_0)      \
    X(Q4_K, q4_k)      \
    X(Q5_K, q5_k)      \
    X(Q6_K, q6_k)      \
    X(IQ4_NL, iq4_nl)  \
    X(IQ4_XS, iq4_xs)  \
    X(MXFP4, mxfp4)

#define T16_FORMAT(ID, name)                                                                     \
    static void t16_##name(const weir_t16_strips *strips, const uint8_t *const *x, uint32_t n_x, \
                           uint32_t n_cols, float *const *y) {                                   \
        product(WEIR_FORMAT_##ID, strips, x, n_x, n_cols, y);                                    \
    }
T16_FORMATS(T16_FORMAT)

void weir_portable_fill_t16(weir_cpu_kernels *k) {
#define FILL_T16(ID, name) k->t16[WEIR_FORMAT_##ID] = k->t16_q8[WEIR_FORMAT_##ID] = t16_##name;
    T16_FORMATS(FILL_T16)
    k->q15 = q15;
    k->q8 = q8;
}
