/* same_model.h: two bound models compared, hyperparameters and every value of every tensor. Include
 * after cmocka. */
#ifndef WEIR_TESTS_SAME_MODEL_H
#define WEIR_TESTS_SAME_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "model/model.h"

/* rows x cols values, malloc'ed */
static inline float *weight_values(const weir_weight *w) {
    float *values = malloc((size_t)w->rows * w->cols * sizeof *values);
    assert_non_null(values);
    for (uint32_t r = 0; r < w->rows; r++)
        w->format->dequantize(w->data + r * w->row_bytes, values + (size_t)r * w->cols, w->cols);
    return values;
}

typedef void same_weights(const weir_weight *a, const weir_weight *b);

static inline void assert_equal_weights(const weir_weight *a, const weir_weight *b) {
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->cols, b->cols);
    if (a->rows == 0)
        return;
    float *va = weight_values(a), *vb = weight_values(b);
    assert_memory_equal(va, vb, (size_t)a->rows * a->cols * sizeof *va);
    free(va);
    free(vb);
}

static inline void assert_equal_floats(const float *a, const float *b, size_t n) {
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL)
        assert_memory_equal(a, b, n * sizeof *a);
}

static inline void assert_same_hparams(const weir_hparams *a, const weir_hparams *b) {
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->d_model, b->d_model);
    assert_int_equal(a->n_vocab, b->n_vocab);
    assert_int_equal(a->n_heads, b->n_heads);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->d_ff, b->d_ff);
    assert_int_equal(a->n_experts, b->n_experts);
    assert_int_equal(a->n_experts_used, b->n_experts_used);
    assert_int_equal(a->d_ff_expert, b->d_ff_expert);
    assert_int_equal(a->n_layers_dense, b->n_layers_dense);
    assert_int_equal(a->l_cache, b->l_cache);
    assert_int_equal(a->n_ctx, b->n_ctx);
    assert_true(a->norm_eps == b->norm_eps && a->rope_theta == b->rope_theta);
    assert_true(a->expert_scale == b->expert_scale);
    assert_int_equal(a->has_topk_norm, b->has_topk_norm);
    assert_int_equal(a->has_conv_bias, b->has_conv_bias);
    assert_int_equal(a->is_tied, b->is_tied);
    assert_int_equal(a->bos, b->bos);
    assert_int_equal(a->eos, b->eos);
    assert_int_equal(a->pad, b->pad);
    for (uint32_t i = 0; i < a->n_layers; i++) {
        assert_int_equal(a->kind[i], b->kind[i]);
        assert_int_equal(a->n_heads_kv[i], b->n_heads_kv[i]);
    }
}

/* A file has zeros where a folder has no expert bias: both choose the same experts. */
static inline void assert_same_bias(const float *a, const float *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        assert_true((a != NULL ? a[i] : 0.0f) == (b != NULL ? b[i] : 0.0f));
}

/* Matrices by `same`; all else must have equal bits. */
static inline void assert_same_model(const weir_model *a, const weir_model *b, same_weights *same) {
    assert_same_hparams(&a->h, &b->h);
    const weir_hparams *h = &a->h;
    uint32_t d = h->d_model;
    same(&a->embed, &b->embed);
    same(&a->head, &b->head);
    assert_equal_floats(a->final_norm, b->final_norm, d);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        const weir_layer *x = &a->layers[i], *y = &b->layers[i];
        assert_int_equal(x->is_moe, y->is_moe);
        assert_equal_floats(x->operator_norm, y->operator_norm, d);
        assert_equal_floats(x->ffn_norm, y->ffn_norm, d);
        if (x->kind == WEIR_LAYER_CONV) {
            same(&x->conv_in, &y->conv_in);
            same(&x->conv_out, &y->conv_out);
            assert_equal_floats(x->conv_taps, y->conv_taps, (size_t)d * h->l_cache);
            assert_equal_floats(x->conv_in_bias, y->conv_in_bias, 3 * (size_t)d);
            assert_equal_floats(x->conv_bias, y->conv_bias, d);
            assert_equal_floats(x->conv_out_bias, y->conv_out_bias, d);
        } else {
            same(&x->attn_q, &y->attn_q);
            same(&x->attn_k, &y->attn_k);
            same(&x->attn_v, &y->attn_v);
            same(&x->attn_out, &y->attn_out);
            assert_equal_floats(x->q_norm, y->q_norm, h->head_dim);
            assert_equal_floats(x->k_norm, y->k_norm, h->head_dim);
        }
        if (x->is_moe) {
            assert_equal_weights(&x->router, &y->router);
            assert_same_bias(x->expert_bias, y->expert_bias, h->n_experts);
            for (uint32_t e = 0; e < h->n_experts; e++) {
                same(&x->experts_gate[e], &y->experts_gate[e]);
                same(&x->experts_up[e], &y->experts_up[e]);
                same(&x->experts_down[e], &y->experts_down[e]);
            }
        } else {
            same(&x->ffn_gate, &y->ffn_gate);
            same(&x->ffn_up, &y->ffn_up);
            same(&x->ffn_down, &y->ffn_down);
        }
    }
}

#endif
