/*
 * graph_mixer.c: the first half of a layer, residual included: norm, then gated short convolution
 * or attention, forward and back.
 */
#include "train/graph_internal.h"

/* ---- convolution ---------------------------------------------------------------------------- */

static void conv_forward(weir_graph *g, uint32_t i, float *mid) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    uint32_t n = g->batch->n_rows, d = g->h.d_model;
    weir_linear_job in = {.slot = layer->conv_in, .n_rows = n, .x = a->normed, .y = a->bcx};
    weir_linear_forward(g, &in, 1, false);
    if (layer->conv_in_bias.w)
        ops->add_bias(g->dev, layer->conv_in_bias.w, n, 3 * d, a->bcx);
    ops->short_conv(g->dev, &g->batch->segments, a->bcx, layer->taps.w, layer->conv_bias.w, d,
                    g->h.l_cache, a->mixed);
    weir_linear_job out = {.slot = layer->conv_out, .n_rows = n, .x = a->mixed, .y = mid};
    weir_linear_forward(g, &out, 1, true);
    if (layer->conv_out_bias.w)
        ops->add_bias(g->dev, layer->conv_out_bias.w, n, d, mid);
}

/* Leaves the gradient of the normed input in s.dnormed. */
static void conv_back(weir_graph *g, uint32_t i, const float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    uint32_t n = g->batch->n_rows, d = g->h.d_model;
    float *dmixed = g->s.wide[0], *dbcx = g->s.wide[1];
    weir_linear_job out = {
        .slot = layer->conv_out, .n_rows = n, .x = a->mixed, .dy = dx, .dx = dmixed};
    weir_linear_back(g, &out, 1, false);
    if (layer->conv_out_bias.dw)
        ops->add_bias_back(g->dev, dx, n, d, layer->conv_out_bias.dw);
    ops->short_conv_back(g->dev, &g->batch->segments, a->bcx, layer->taps.w, layer->conv_bias.w,
                         dmixed, d, g->h.l_cache, dbcx, layer->taps.dw, layer->conv_bias.dw);
    weir_linear_job in = {
        .slot = layer->conv_in, .n_rows = n, .x = a->normed, .dy = dbcx, .dx = g->s.dnormed};
    weir_linear_back(g, &in, 1, false);
    if (layer->conv_in_bias.dw)
        ops->add_bias_back(g->dev, dbcx, n, 3 * d, layer->conv_in_bias.dw);
}

/* ---- attention ------------------------------------------------------------------------------ */

static weir_attention_form form_of(const weir_graph *g, const weir_graph_layer *layer) {
    return (weir_attention_form){g->h.n_heads, layer->n_heads_kv, g->h.head_dim};
}

static void attn_forward(weir_graph *g, uint32_t i, float *mid) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    const weir_segments *segments = &g->batch->segments;
    uint32_t n = g->batch->n_rows, hd = g->h.head_dim, nh = g->h.n_heads, nkv = layer->n_heads_kv;
    weir_attention_form form = form_of(g, layer);
    weir_linear_job in[3] = {{.slot = layer->q, .n_rows = n, .x = a->normed, .y = a->q_raw},
                             {.slot = layer->k, .n_rows = n, .x = a->normed, .y = a->k_raw},
                             {.slot = layer->v, .n_rows = n, .x = a->normed, .y = a->v}};
    weir_linear_forward(g, in, 3, false);
    ops->rms_norm(g->dev, a->q_raw, layer->q_norm.w, n * nh, hd, g->h.norm_eps, a->q, a->q_factor);
    ops->rms_norm(g->dev, a->k_raw, layer->k_norm.w, n * nkv, hd, g->h.norm_eps, a->k, a->k_factor);
    ops->rope(g->dev, segments, nh, hd, g->h.rope_theta, false, a->q);
    ops->rope(g->dev, segments, nkv, hd, g->h.rope_theta, false, a->k);
    ops->attend(g->dev, segments, &form, a->q, a->k, a->v, a->mixed, a->lse);
    weir_linear_job out = {.slot = layer->out, .n_rows = n, .x = a->mixed, .y = mid};
    weir_linear_forward(g, &out, 1, true);
}

static void attn_back(weir_graph *g, uint32_t i, const float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    const weir_segments *segments = &g->batch->segments;
    uint32_t n = g->batch->n_rows, hd = g->h.head_dim, nh = g->h.n_heads, nkv = layer->n_heads_kv;
    weir_attention_form form = form_of(g, layer);
    float *dmixed = g->s.wide[0], *dq = g->s.wide[1], *dk = g->s.wide[2];
    float *dv = dk + (size_t)n * nkv * hd; /* a wide row has room for k and v */
    weir_linear_job out = {.slot = layer->out, .n_rows = n, .x = a->mixed, .dy = dx, .dx = dmixed};
    weir_linear_back(g, &out, 1, false);
    ops->attend_back(g->dev, segments, &form, a->q, a->k, a->v, a->mixed, a->lse, dmixed, dq, dk,
                     dv);
    ops->rope(g->dev, segments, nh, hd, g->h.rope_theta, true, dq);
    ops->rope(g->dev, segments, nkv, hd, g->h.rope_theta, true, dk);
    ops->rms_norm_back(g->dev, dq, a->q_raw, layer->q_norm.w, a->q_factor, n * nh, hd, false, dq,
                       layer->q_norm.dw);
    ops->rms_norm_back(g->dev, dk, a->k_raw, layer->k_norm.w, a->k_factor, n * nkv, hd, false, dk,
                       layer->k_norm.dw);
    /* One after the other: all three add to the same gradient. */
    weir_linear_job in[3] = {
        {.slot = layer->q, .n_rows = n, .x = a->normed, .dy = dq, .dx = g->s.dnormed},
        {.slot = layer->k, .n_rows = n, .x = a->normed, .dy = dk, .dx = g->s.dnormed},
        {.slot = layer->v, .n_rows = n, .x = a->normed, .dy = dv, .dx = g->s.dnormed}};
    for (uint32_t j = 0; j < 3; j++)
        weir_linear_back(g, &in[j], 1, j > 0);
}

/* ---- both ----------------------------------------------------------------------------------- */

void weir_mixer_forward(weir_graph *g, uint32_t i, const float *x, float *mid) {
    const weir_graph_layer *layer = &g->layers[i];
    uint32_t n = g->batch->n_rows, d = g->h.d_model;
    g->dev->ops.rms_norm(g->dev, x, layer->operator_norm.w, n, d, g->h.norm_eps, g->acts[i].normed,
                         g->acts[i].factor);
    weir_graph_copy(g, x, mid, (size_t)n * d);
    if (layer->kind == WEIR_LAYER_CONV)
        conv_forward(g, i, mid);
    else
        attn_forward(g, i, mid);
}

void weir_mixer_back(weir_graph *g, uint32_t i, const float *x, float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    if (layer->kind == WEIR_LAYER_CONV)
        conv_back(g, i, dx);
    else
        attn_back(g, i, dx);
    g->dev->ops.rms_norm_back(g->dev, g->s.dnormed, x, layer->operator_norm.w, g->acts[i].factor,
                              g->batch->n_rows, g->h.d_model, true, dx, layer->operator_norm.dw);
}
