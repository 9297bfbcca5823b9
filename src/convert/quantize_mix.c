/*
 * quantize_mix.c: see quantize_mix.h. Owns the table of names and the rules; knows no files and no
 * values. The rules, with where each comes from, are told in docs/quantize.md.
 *
 * Invariant: only matrices are asked about. What stays F32 in any mix (norms, router, biases, taps)
 * is tensor_layout.c's to say.
 */
#include "convert/quantize_mix.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

/* ---- names --------------------------------------------------------------------------------- */

static const weir_quantize_mix mixes[] = {
    {"q4_0", WEIR_MIX_LEGACY, WEIR_FORMAT_Q4_0, WEIR_FORMAT_Q4_1, 2},
    {"q4_1", WEIR_MIX_PLAIN, WEIR_FORMAT_Q4_1, 0, 3},
    {"q5_0", WEIR_MIX_LEGACY, WEIR_FORMAT_Q5_0, WEIR_FORMAT_Q5_1, 8},
    {"q5_1", WEIR_MIX_PLAIN, WEIR_FORMAT_Q5_1, 0, 9},
    {"q8_0", WEIR_MIX_PLAIN, WEIR_FORMAT_Q8_0, 0, 7},
    {"q2_k", WEIR_MIX_Q2_K, WEIR_FORMAT_Q2_K, 0, 10},
    {"q3_k_s", WEIR_MIX_SMALL, WEIR_FORMAT_Q3_K, 0, 11},
    {"q3_k_m", WEIR_MIX_Q3_K_M, WEIR_FORMAT_Q3_K, 0, 12},
    {"q3_k_l", WEIR_MIX_Q3_K_L, WEIR_FORMAT_Q3_K, 0, 13},
    {"q4_k_s", WEIR_MIX_Q4_K_S, WEIR_FORMAT_Q4_K, 0, 14},
    {"q4_k_m", WEIR_MIX_MEDIUM, WEIR_FORMAT_Q4_K, 0, 15},
    {"q5_k_s", WEIR_MIX_PLAIN, WEIR_FORMAT_Q5_K, 0, 16},
    {"q5_k_m", WEIR_MIX_MEDIUM, WEIR_FORMAT_Q5_K, 0, 17},
    {"q6_k", WEIR_MIX_PLAIN, WEIR_FORMAT_Q6_K, 0, 18},
    {"iq4_nl", WEIR_MIX_IQ4, WEIR_FORMAT_IQ4_NL, 0, 25},
    {"iq4_xs", WEIR_MIX_IQ4, WEIR_FORMAT_IQ4_XS, 0, 30},
    {"mxfp4", WEIR_MIX_MXFP4, WEIR_FORMAT_MXFP4, 0, 38},
    {"mxfp4_moe", WEIR_MIX_MXFP4_MOE, WEIR_FORMAT_MXFP4, 0, 38},
    {"f16", WEIR_MIX_FLOAT, WEIR_FORMAT_F16, 0, 1},
    {"bf16", WEIR_MIX_FLOAT, WEIR_FORMAT_BF16, 0, 32},
    {"f32", WEIR_MIX_FLOAT, WEIR_FORMAT_F32, 0, 0},
};

static const struct {
    const char *name, *of;
} aliases[] = {{"q3_k", "q3_k_m"}, {"q4_k", "q4_k_m"}, {"q5_k", "q5_k_m"}};

const char *const *weir_mix_names(void) {
    static const char *const names[] = {
        "q4_0",   "q4_1",  "q5_0",      "q5_1",   "q8_0", "q2_k",   "q3_k",   "q3_k_s", "q3_k_m",
        "q3_k_l", "q4_k",  "q4_k_s",    "q4_k_m", "q5_k", "q5_k_s", "q5_k_m", "q6_k",   "iq4_nl",
        "iq4_xs", "mxfp4", "mxfp4_moe", "f16",    "bf16", "f32",    NULL};
    return names;
}

const weir_quantize_mix *weir_mix_by_name(const char *name) {
    for (size_t i = 0; i < WEIR_COUNT(aliases); i++)
        if (strcasecmp(aliases[i].name, name) == 0)
            name = aliases[i].of;
    for (size_t i = 0; i < WEIR_COUNT(mixes); i++)
        if (strcasecmp(mixes[i].name, name) == 0)
            return &mixes[i];
    return NULL;
}

bool weir_mix_part(const char *name, weir_part *part, uint32_t *layer) {
    const char *tail = name;
    bool in_layer = strncmp(name, "blk.", 4) == 0;
    *layer = 0;
    if (in_layer) {
        char *end;
        unsigned long number = strtoul(name + 4, &end, 10);
        if (end == name + 4 || *end != '.' || number >= WEIR_MAX_LAYERS)
            return false;
        *layer = (uint32_t)number;
        tail = end + 1;
    }
    for (uint32_t i = 0; i < WEIR_N_PARTS; i++) {
        const weir_part_names *n = weir_part_get_names((weir_part)i);
        if (n->is_layer == in_layer && strcmp(n->gguf, tail) == 0) {
            *part = (weir_part)i;
            return true;
        }
    }
    return false;
}

/* ---- rules --------------------------------------------------------------------------------- */

/* The layers at both ends, and every third between them. */
static bool takes_more_bits(uint32_t i, uint32_t n) {
    return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

/* Heads of queries to one of keys in the first layer; 0 if that is a convolution. The rules ask the
 * first layer alone, so that in this family, which begins with convolutions, they find none. */
static uint32_t queries_per_key(const weir_hparams *h) {
    return h->n_heads_kv[0] > 0 ? h->n_heads / h->n_heads_kv[0] : 0;
}

/* Number of a layer among those with attention, and how many these are. */
static uint32_t attention_index(const weir_hparams *h, uint32_t layer, uint32_t *n) {
    uint32_t index = 0;
    *n = 0;
    for (uint32_t i = 0; i < h->n_layers; i++) {
        index += i < layer && h->kind[i] == WEIR_LAYER_ATTN;
        *n += h->kind[i] == WEIR_LAYER_ATTN;
    }
    return index;
}

static weir_format_id want_attn_v(const weir_quantize_mix *mix, const weir_hparams *h,
                                  uint32_t layer) {
    uint32_t n, i = attention_index(h, layer, &n);
    if (h->n_experts == 8) /* small beside the rest */
        return WEIR_FORMAT_Q8_0;
    switch (mix->recipe) {
    case WEIR_MIX_Q2_K:
        return queries_per_key(h) >= 4 ? WEIR_FORMAT_Q4_K : WEIR_FORMAT_Q3_K;
    case WEIR_MIX_Q3_K_M:
        return i < 2 ? WEIR_FORMAT_Q5_K : WEIR_FORMAT_Q4_K;
    case WEIR_MIX_Q3_K_L:
        return WEIR_FORMAT_Q5_K;
    case WEIR_MIX_IQ4:
        return queries_per_key(h) >= 4 ? WEIR_FORMAT_Q5_K : mix->base;
    case WEIR_MIX_Q4_K_S:
        return i < 4 ? WEIR_FORMAT_Q5_K : mix->base;
    case WEIR_MIX_MEDIUM:
        return takes_more_bits(i, n) ? WEIR_FORMAT_Q6_K : mix->base;
    default:
        return mix->base;
    }
}

static weir_format_id want_ffn_down(const weir_quantize_mix *mix, const weir_hparams *h,
                                    bool has_importance, uint32_t layer) {
    uint32_t n = h->n_layers;
    switch (mix->recipe) {
    case WEIR_MIX_Q2_K:
        return WEIR_FORMAT_Q3_K;
    case WEIR_MIX_Q3_K_M:
        return layer < n / 16 ? WEIR_FORMAT_Q5_K : WEIR_FORMAT_Q4_K;
    case WEIR_MIX_Q3_K_L:
        return WEIR_FORMAT_Q5_K;
    case WEIR_MIX_IQ4:
        return layer < n / 8 && !has_importance ? WEIR_FORMAT_Q5_K : mix->base;
    case WEIR_MIX_Q4_K_S:
        return layer < n / 8 ? WEIR_FORMAT_Q5_K : mix->base;
    case WEIR_MIX_MEDIUM:
        return takes_more_bits(layer, n) ? WEIR_FORMAT_Q6_K : mix->base;
    case WEIR_MIX_LEGACY:
        return layer < n / 8 && has_importance ? mix->legacy_first : mix->base;
    default:
        return mix->base;
    }
}

static weir_format_id want_attn_out(const weir_quantize_mix *mix, const weir_hparams *h) {
    bool has_8 = h->n_experts == 8;
    switch (mix->recipe) {
    case WEIR_MIX_Q2_K:
        return has_8 ? WEIR_FORMAT_Q5_K : WEIR_FORMAT_Q3_K;
    case WEIR_MIX_Q3_K_M:
        return has_8 ? WEIR_FORMAT_Q5_K : WEIR_FORMAT_Q4_K;
    case WEIR_MIX_Q3_K_L:
        return has_8 ? mix->base : WEIR_FORMAT_Q5_K;
    case WEIR_MIX_IQ4:
    case WEIR_MIX_SMALL:
    case WEIR_MIX_Q4_K_S:
        return has_8 ? WEIR_FORMAT_Q5_K : mix->base;
    case WEIR_MIX_MEDIUM:
        return has_8 && mix->base == WEIR_FORMAT_Q4_K ? WEIR_FORMAT_Q5_K : mix->base;
    default:
        return mix->base;
    }
}

/* The matrix that the logits come from. */
static bool is_head(const weir_hparams *h, weir_part part) {
    return part == WEIR_PART_HEAD || (part == WEIR_PART_EMBED && h->is_tied);
}

static weir_format_id want_head(const weir_quantize_mix *mix) {
    bool is_8_bit = mix->base == WEIR_FORMAT_Q8_0 || mix->recipe == WEIR_MIX_MXFP4 ||
                    mix->recipe == WEIR_MIX_MXFP4_MOE;
    return is_8_bit ? WEIR_FORMAT_Q8_0 : WEIR_FORMAT_Q6_K;
}

static weir_format_id want(const weir_quantize_mix *mix, const weir_hparams *h, bool has_importance,
                           weir_part part, uint32_t layer) {
    if (mix->recipe == WEIR_MIX_FLOAT)
        return mix->base;
    if (is_head(h, part))
        return want_head(mix);
    if (mix->recipe == WEIR_MIX_MXFP4)
        return mix->base;
    if (mix->recipe == WEIR_MIX_MXFP4_MOE) /* stacks alone; one expert is no stack in GGUF */
        return weir_part_get_names(part)->is_stack && h->n_experts > 1 ? mix->base
                                                                       : WEIR_FORMAT_Q8_0;
    switch (part) {
    case WEIR_PART_ATTN_V:
        return want_attn_v(mix, h, layer);
    case WEIR_PART_ATTN_K:
        return h->n_experts == 8 ? WEIR_FORMAT_Q8_0 : mix->base;
    case WEIR_PART_ATTN_OUT:
        return want_attn_out(mix, h);
    case WEIR_PART_FFN_DOWN:
    case WEIR_PART_EXPERTS_DOWN:
        return want_ffn_down(mix, h, has_importance, layer);
    default:
        return mix->base;
    }
}

const weir_format *weir_mix_wants(const weir_quantize_mix *mix, const weir_hparams *h,
                                  bool has_importance, weir_part part, uint32_t layer) {
    return weir_format_by_id(want(mix, h, has_importance, part, layer));
}

const weir_format *weir_mix_fit(const weir_format *format, uint64_t n_cols) {
    const weir_format *q4_0 = weir_format_by_id(WEIR_FORMAT_Q4_0);
    bool is_low = format->id == WEIR_FORMAT_Q2_K || format->id == WEIR_FORMAT_Q3_K;
    if (is_low && n_cols % format->block_values != 0)
        format = q4_0;
    return weir_format_for_row(format, n_cols);
}

const weir_format *weir_mix_format(const weir_quantize_mix *mix, const weir_hparams *h,
                                   bool has_importance, weir_part part, uint32_t layer,
                                   uint64_t n_cols) {
    const weir_format *base = weir_format_by_id(mix->base);
    const weir_format *wanted = weir_mix_wants(mix, h, has_importance, part, layer);
    if (mix->recipe != WEIR_MIX_FLOAT && is_head(h, part) && n_cols % base->block_values != 0)
        wanted = weir_format_by_id(WEIR_FORMAT_Q8_0);
    return weir_mix_fit(wanted, n_cols);
}
