/*
 * small_model.h: a model built by hand for the tests of devices: random weights in any formats, no
 * file. Four layers: conv, attention, conv, attention; the first dense, the others MoE where there
 * are experts.
 *
 * Owns all it hands out until small_model_close. Every matrix starts at an odd address, as in a
 * safetensors file. Invariant: the values are a function of the seed alone.
 */
#ifndef WEIR_TESTS_SMALL_MODEL_H
#define WEIR_TESTS_SMALL_MODEL_H

#include "base/random.h"
#include "model/model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_LAYERS = 4, SMALL_BLOCKS = 1024 };

typedef struct small_spec {
    uint32_t d_model, n_heads, n_heads_kv, head_dim, d_ff, n_experts, n_used, d_ff_expert;
    uint32_t l_cache, n_vocab;
    weir_format_id format; /* of all matrices but the router */
    bool is_mixed;         /* attn_v and all that is called up are of another: */
    weir_format_id other;
    bool has_bias;
    uint64_t seed;
} small_spec;

typedef struct small_model {
    weir_model model;
    weir_layer layers[SMALL_LAYERS];
    void *blocks[SMALL_BLOCKS]; /* [n_blocks] */
    size_t n_blocks;
    uint64_t seed, stream;
} small_model;

/* Takes memory that small_model_close frees. */
static inline void *small_take(small_model *m, size_t bytes) {
    assert(m->n_blocks < SMALL_BLOCKS);
    void *block = malloc(bytes);
    assert(block);
    m->blocks[m->n_blocks++] = block;
    return block;
}

/* n values around 0, uniform with the given standard deviation, shifted by `mean`. */
static inline float *small_values(small_model *m, size_t n, double deviation, double mean) {
    float *x = small_take(m, n * sizeof *x);
    uint64_t stream = m->stream++;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((weir_uniform(weir_mix64(m->seed, stream, i)) - 0.5) * 3.4641 * deviation +
                       mean);
    return x;
}

/* A random matrix whose products with unit inputs are of size 1. */
static inline weir_weight small_weight(small_model *m, weir_format_id format, uint32_t rows,
                                       uint32_t cols) {
    weir_weight w = {.format = weir_format_by_id(format), .rows = rows, .cols = cols};
    assert(w.format && cols % w.format->block_values == 0);
    w.row_bytes = weir_format_row_bytes(w.format, cols);
    float *values = small_values(m, (size_t)rows * cols, 1 / sqrt(cols), 0);
    uint8_t *data = (uint8_t *)small_take(m, rows * w.row_bytes + 1) + 1;
    for (uint32_t i = 0; i < rows; i++)
        w.format->quantize(values + (size_t)i * cols, NULL, data + i * w.row_bytes, cols);
    w.data = data;
    return w;
}

static inline weir_weight *small_experts(small_model *m, weir_format_id format, uint32_t rows,
                                         uint32_t cols) {
    uint32_t n = m->model.h.n_experts;
    weir_weight *w = small_take(m, n * sizeof *w);
    for (uint32_t e = 0; e < n; e++)
        w[e] = small_weight(m, format, rows, cols);
    return w;
}

static inline weir_format_id small_other(const small_spec *s) {
    return s->is_mixed ? s->other : s->format;
}

static inline void small_conv(small_model *m, weir_layer *l, const small_spec *s) {
    uint32_t d = s->d_model;
    l->kind_index = m->model.n_layers_conv++;
    l->conv_in = small_weight(m, s->format, 3 * d, d);
    l->conv_out = small_weight(m, s->format, d, d);
    l->conv_taps = small_values(m, (size_t)d * s->l_cache, 0.7, 0);
    if (s->has_bias) {
        l->conv_in_bias = small_values(m, 3 * (size_t)d, 0.1, 0);
        l->conv_bias = small_values(m, d, 0.1, 0);
        l->conv_out_bias = small_values(m, d, 0.1, 0);
    }
}

static inline void small_attn(small_model *m, weir_layer *l, const small_spec *s) {
    uint32_t heads = s->n_heads * s->head_dim, heads_kv = s->n_heads_kv * s->head_dim;
    l->kind_index = m->model.n_layers_attn++;
    l->n_heads_kv = s->n_heads_kv;
    l->attn_q = small_weight(m, s->format, heads, s->d_model);
    l->attn_k = small_weight(m, s->format, heads_kv, s->d_model);
    l->attn_v = small_weight(m, small_other(s), heads_kv, s->d_model);
    l->attn_out = small_weight(m, s->format, s->d_model, heads);
    l->q_norm = small_values(m, s->head_dim, 0.2, 1);
    l->k_norm = small_values(m, s->head_dim, 0.2, 1);
}

static inline void small_ffn(small_model *m, weir_layer *l, const small_spec *s) {
    if (!l->is_moe) {
        l->ffn_gate = small_weight(m, s->format, s->d_ff, s->d_model);
        l->ffn_up = small_weight(m, small_other(s), s->d_ff, s->d_model);
        l->ffn_down = small_weight(m, s->format, s->d_model, s->d_ff);
        return;
    }
    l->router = small_weight(m, WEIR_FORMAT_F32, s->n_experts, s->d_model);
    l->expert_bias = small_values(m, s->n_experts, 0.1, 0);
    l->experts_gate = small_experts(m, s->format, s->d_ff_expert, s->d_model);
    l->experts_up = small_experts(m, small_other(s), s->d_ff_expert, s->d_model);
    l->experts_down = small_experts(m, s->format, s->d_model, s->d_ff_expert);
}

static inline void small_model_open(small_model *m, const small_spec *s) {
    memset(m, 0, sizeof *m);
    m->seed = s->seed;
    m->model.h = (weir_hparams){.n_layers = SMALL_LAYERS,
                                .d_model = s->d_model,
                                .n_vocab = s->n_vocab,
                                .n_heads = s->n_heads,
                                .head_dim = s->head_dim,
                                .d_ff = s->d_ff,
                                .n_experts = s->n_experts,
                                .n_experts_used = s->n_used,
                                .d_ff_expert = s->d_ff_expert,
                                .n_layers_dense = s->n_experts ? 1 : SMALL_LAYERS,
                                .l_cache = s->l_cache,
                                .n_ctx = 4096,
                                .norm_eps = 1e-5f,
                                .rope_theta = 1e6f,
                                .expert_scale = 1.5f,
                                .has_topk_norm = true,
                                .has_expert_bias = true,
                                .has_conv_bias = s->has_bias,
                                .is_tied = true,
                                .bos = 1,
                                .eos = 2,
                                .pad = 0};
    for (uint32_t i = 0; i < SMALL_LAYERS; i++) {
        weir_layer *l = &m->layers[i];
        l->kind = i % 2 == 0 ? WEIR_LAYER_CONV : WEIR_LAYER_ATTN;
        l->is_moe = i >= m->model.h.n_layers_dense;
        m->model.h.kind[i] = l->kind;
        m->model.h.n_heads_kv[i] = l->kind == WEIR_LAYER_ATTN ? s->n_heads_kv : 0;
        l->operator_norm = small_values(m, s->d_model, 0.2, 1);
        l->ffn_norm = small_values(m, s->d_model, 0.2, 1);
        if (l->kind == WEIR_LAYER_CONV)
            small_conv(m, l, s);
        else
            small_attn(m, l, s);
        small_ffn(m, l, s);
    }
    m->model.embed = small_weight(m, s->format, s->n_vocab, s->d_model);
    m->model.head = m->model.embed;
    m->model.final_norm = small_values(m, s->d_model, 0.2, 1);
    m->model.layers = m->layers;
}

static inline void small_model_close(small_model *m) {
    for (size_t i = 0; i < m->n_blocks; i++)
        free(m->blocks[i]);
    m->n_blocks = 0;
}

#endif
