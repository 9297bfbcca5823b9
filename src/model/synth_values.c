/*
 * synth_values.c: every byte of a synthetic tensor as a function of (seed, name, index).
 *
 * Owns the formulas; docs/synth.md states them for whoever makes the same weights elsewhere, and
 * the two must agree to the bit. Quantized blocks are not quantized from values: their bytes are
 * the counter's, and only their scales are chosen, so that making a file costs no more than
 * writing it. Invariant: no row depends on another.
 */
#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "base/half.h"
#include "base/random.h"
#include "model/synth_values.h"

/* The sum of four uniform 16-bit numbers has this mean, and this deviation (rounded). */
enum { SUM_MEAN = 131070, SUM_DEVIATION = 37837 };

/*
 * A block is its scale fields and its payload, which is one run of bytes in every format. With
 * W = 1 + ceil(payload / 8) words a block, word 0 is the head: bits 0 and 1 choose the scale's
 * exponent (-1, 0, 0, +1), bit 2 its sign. Words 1.. are the payload, little-endian.
 */
typedef struct block_rule {
    weir_format_id id;
    uint8_t d_at, m_at; /* bytes; NO_FIELD: none. d of mxfp4 is its exponent byte */
    uint8_t payload_at, n_payload;
    uint8_t or_mask, n_or; /* set bits in the first n_or bytes of the payload: scales not small */
    bool has_sign;         /* d may be negative: where the format's values are not symmetric */
    float m_ratio;         /* m = m_ratio x d: centres the values */
    double deviation;      /* of the values for exponent 0, all its choices and signs together */
} block_rule;

enum { NO_FIELD = 255 };

static const block_rule rules[] = {
    {WEIR_FORMAT_Q4_0, 0, NO_FIELD, 2, 16, 0, 0, true, 0, 5.7960},
    {WEIR_FORMAT_Q4_1, 0, 2, 4, 16, 0, 0, false, -7.5f, 5.7622},
    {WEIR_FORMAT_Q5_0, 0, NO_FIELD, 2, 20, 0, 0, true, 0, 11.5583},
    {WEIR_FORMAT_Q5_1, 0, 2, 4, 20, 0, 0, false, -15.5f, 11.5414},
    {WEIR_FORMAT_Q8_0, 0, NO_FIELD, 2, 32, 0, 0, true, 0, 92.3690},
    {WEIR_FORMAT_Q2_K, 80, 82, 0, 80, 0x88, 16, false, 1.5f, 17.4777},
    {WEIR_FORMAT_Q3_K, 108, NO_FIELD, 0, 108, 0, 0, true, 0, 54.1735},
    {WEIR_FORMAT_Q4_K, 0, 2, 4, 140, 0xa0, 8, false, 7.5f, 304.5168},
    {WEIR_FORMAT_Q5_K, 0, 2, 4, 172, 0xa0, 8, false, 15.5f, 613.1062},
    {WEIR_FORMAT_Q6_K, 208, NO_FIELD, 0, 208, 0, 0, true, 0, 1707.1093},
    {WEIR_FORMAT_IQ4_NL, 0, NO_FIELD, 2, 16, 0, 0, true, 0, 84.2986},
    {WEIR_FORMAT_IQ4_XS, 0, NO_FIELD, 2, 134, 0, 0, true, 0, 1557.8140},
    {WEIR_FORMAT_MXFP4, 0, NO_FIELD, 1, 16, 0, 0, false, 0, 7.3154},
};

static const block_rule *find_rule(weir_format_id id) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].id == id)
            return &rules[i];
    return NULL;
}

bool weir_synth_has_format(const weir_format *format) {
    return find_rule(format->id) != NULL || format->id == WEIR_FORMAT_F32 ||
           format->id == WEIR_FORMAT_F16 || format->id == WEIR_FORMAT_BF16;
}

/* ---- how large ----------------------------------------------------------------------------- */

double weir_synth_deviation(weir_part part, uint32_t n_cols, const weir_hparams *h) {
    double fan_in = 1.0 / sqrt((double)n_cols);
    switch (part) {
    case WEIR_PART_EMBED:
    case WEIR_PART_HEAD: /* logits of deviation 3 */
        return 3.0 * fan_in;
    case WEIR_PART_CONV_OUT:
    case WEIR_PART_ATTN_OUT:
    case WEIR_PART_FFN_DOWN:
    case WEIR_PART_EXPERTS_DOWN: /* two additions a layer: the residual stays near 1 */
        return fan_in / sqrt(2.0 * h->n_layers);
    case WEIR_PART_FINAL_NORM:
        /* Around 0, unlike the others: with a tied embedding a norm near 1 would give every token
         * its own likeness as the next, and greedy text would be one word repeated. */
        return 1.0;
    case WEIR_PART_OPERATOR_NORM:
    case WEIR_PART_FFN_NORM:
    case WEIR_PART_Q_NORM:
    case WEIR_PART_K_NORM: /* around 1 */
        return 0.05;
    case WEIR_PART_CONV_IN_BIAS:
    case WEIR_PART_CONV_BIAS:
    case WEIR_PART_CONV_OUT_BIAS:
        return 0.02;
    case WEIR_PART_EXPERT_BIAS: /* zeros where the model has none: they choose the same */
        return h->has_expert_bias ? 0.02 : 0.0;
    default:
        return fan_in;
    }
}

static bool is_around_one(weir_part part) {
    return part == WEIR_PART_OPERATOR_NORM || part == WEIR_PART_FFN_NORM ||
           part == WEIR_PART_Q_NORM || part == WEIR_PART_K_NORM;
}

/* The power of two nearest to x on a logarithmic scale, within what all fields can hold: float16
 * numbers of 2^-24, five bits of which m needs for itself, and 2^15. */
static int nearest_exponent(double x) {
    enum { LEAST = -22, MOST = 9 };
    int e;
    double fraction = frexp(x, &e); /* [0.5, 1) */
    if (fraction < 0.70710678118654752)
        e--;
    return e < LEAST ? LEAST : e > MOST ? MOST : e;
}

static void choose_scales(weir_synth_values *v, const block_rule *rule, double deviation) {
    static const int step[4] = {-1, 0, 0, 1};
    int exponent = nearest_exponent(deviation / rule->deviation);
    for (uint32_t head = 0; head < 8; head++) {
        int e = exponent + step[head & 3];
        float d = ldexpf(1.0f, e);
        if (rule->has_sign && (head & 4) != 0)
            d = -d;
        v->d[head] = weir_f32_to_f16(d);
        v->m[head] = weir_f32_to_f16(d * rule->m_ratio);
        v->e[head] = (uint8_t)(128 + e);
    }
}

void weir_synth_values_open(weir_synth_values *out, uint64_t seed, weir_part part, const char *name,
                            uint32_t n_cols, const weir_hparams *h, const weir_format *format) {
    double deviation = weir_synth_deviation(part, n_cols, h);
    *out = (weir_synth_values){
        .format = format,
        .seed = seed,
        .stream = XXH64(name, strlen(name), 0),
        .n_cols = n_cols,
        .row_bytes = weir_format_row_bytes(format, n_cols),
        .scale = (float)(deviation / SUM_DEVIATION),
        .offset = is_around_one(part) ? 1.0f : 0.0f,
    };
    const block_rule *rule = find_rule(format->id);
    if (rule != NULL)
        choose_scales(out, rule, deviation);
}

/* ---- single values ------------------------------------------------------------------------- */

static uint16_t value_bf16(const weir_synth_values *v, uint64_t i) {
    uint64_t bits = weir_mix64(v->seed, v->stream, i);
    int32_t sum =
        (int32_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    float x = (float)(sum - SUM_MEAN) * v->scale;
    return weir_f32_to_bf16(v->offset + x);
}

static void fill_values(const weir_synth_values *v, uint64_t first, uint64_t n, uint8_t *out) {
    for (uint64_t i = 0; i < n; i++) {
        uint16_t bf16 = value_bf16(v, first + i);
        if (v->format->id == WEIR_FORMAT_BF16) {
            memcpy(out + 2 * i, &bf16, 2);
        } else if (v->format->id == WEIR_FORMAT_F16) {
            uint16_t f16 = weir_f32_to_f16(weir_bf16_to_f32(bf16));
            memcpy(out + 2 * i, &f16, 2);
        } else {
            float f32 = weir_bf16_to_f32(bf16);
            memcpy(out + 4 * i, &f32, 4);
        }
    }
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void store_u64(uint8_t *out, uint64_t word, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(word >> 8 * i);
}

/* -128 is left out: kernels that negate bytes, in other engines too, cannot have it. */
static void limit_q8(uint8_t *payload, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (payload[i] == 0x80)
            payload[i] = 0x81;
}

static void fill_blocks(const weir_synth_values *v, const block_rule *rule, uint64_t first,
                        uint64_t n_blocks, uint8_t *out) {
    const size_t n_whole = rule->n_payload / 8, n_rest = rule->n_payload % 8;
    const uint64_t n_words = 1 + n_whole + (n_rest > 0);
    uint64_t at = first * n_words;
    for (uint64_t b = 0; b < n_blocks; b++, out += v->format->block_bytes) {
        uint32_t head = (uint32_t)(weir_mix64(v->seed, v->stream, at++) & 7);
        uint8_t *payload = out + rule->payload_at;
        for (size_t i = 0; i < n_whole; i++)
            store_u64(payload + 8 * i, weir_mix64(v->seed, v->stream, at++), 8);
        if (n_rest > 0)
            store_u64(payload + 8 * n_whole, weir_mix64(v->seed, v->stream, at++), n_rest);
        for (size_t i = 0; i < rule->n_or; i++)
            payload[i] |= rule->or_mask;
        if (rule->id == WEIR_FORMAT_MXFP4)
            out[rule->d_at] = v->e[head];
        else
            store_u64(out + rule->d_at, v->d[head], 2);
        if (rule->m_at != NO_FIELD)
            store_u64(out + rule->m_at, v->m[head], 2);
        if (rule->id == WEIR_FORMAT_Q8_0)
            limit_q8(payload, rule->n_payload);
    }
}

void weir_synth_values_fill(const weir_synth_values *v, uint64_t row, uint64_t n_rows,
                            uint8_t *out) {
    const block_rule *rule = find_rule(v->format->id);
    uint64_t blocks_per_row = v->n_cols / v->format->block_values;
    if (rule != NULL)
        fill_blocks(v, rule, row * blocks_per_row, n_rows * blocks_per_row, out);
    else
        fill_values(v, row * v->n_cols, n_rows * v->n_cols, out);
}
