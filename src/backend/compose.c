/*
 * compose.c: blocks made of ops, a step made of blocks. It is the model in order, and
 * the only place that knows that order. Owns no state; the buffers are be->scratch.
 */
#include "backend/backend.h"
#include "base/error.h"
#include <string.h>

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

uint32_t weir_longest_row(const weir_model *model) {
    const weir_hparams *h = &model->h;
    size_t n = most(most(h->d_model, h->d_ff), h->d_ff_expert);
    return (uint32_t)most(n, (size_t)h->n_heads * h->head_dim);
}

/* The widest row that `wide` and `wide2` must hold. */
static size_t wide_values(const weir_model *model) {
    const weir_hparams *h = &model->h;
    size_t values = most((size_t)3 * h->d_model, h->d_ff);
    size_t heads = 0;
    for (uint32_t i = 0; i < h->n_layers; i++)
        heads = most(heads, (size_t)h->n_heads + 2 * (size_t)h->n_heads_kv[i]);
    values = most(values, heads * h->head_dim);
    return most(values, (size_t)h->n_experts_used * h->d_ff_expert);
}

void weir_compose_layout(weir_scratch *s, weir_arena *arena, const weir_model *model,
                         const weir_backend_options *options) {
    const weir_hparams *h = &model->h;
    size_t rows = options->n_batch, d = (size_t)h->d_model * sizeof(float);
    size_t wide = wide_values(model) * sizeof(float);
    size_t k = most(h->n_experts_used, 1);
    s->x = weir_arena_take_array(arena, rows, d);
    s->normed = weir_arena_take_array(arena, rows, d);
    s->wide = weir_arena_take_array(arena, rows, wide);
    s->wide2 = weir_arena_take_array(arena, rows, wide);
    s->parts = weir_arena_take_array(arena, rows, k * d);
    s->router = weir_arena_take_array(arena, rows, h->n_experts * sizeof(float));
    s->expert_weights = weir_arena_take_array(arena, rows, k * sizeof(float));
    s->experts = weir_arena_take_array(arena, rows, k * sizeof(int32_t));
    s->out = weir_arena_take_array(arena, options->n_out, d);
    s->logits = weir_arena_take_array(arena, options->n_out, (size_t)h->n_vocab * sizeof(float));
    size_t rank = 0;
    for (uint32_t i = 0; i < options->n_loras; i++)
        rank = most(rank, options->loras[i]->rank);
    if (rank > 0) {
        s->lora_inner = weir_arena_take_array(arena, rows, k * rank * sizeof(float));
        s->lora_outer = weir_arena_take_array(
            arena, rows, most(most(wide, k * d), h->n_experts * sizeof(float)));
        s->lora_scale = weir_arena_take_array(arena, rows, k * sizeof(float));
    }
}

/* y += scale (x A') B' for rows [first, first + n) of the batch, `per` rows of y each. */
static void adapt_rows(weir_backend *be, const weir_linear *op, const weir_lora_pair *pair,
                       float scale, uint32_t first, uint32_t n, uint32_t per) {
    const weir_scratch *s = &be->scratch;
    size_t at = (size_t)first * per;
    weir_linear inner = {.w = pair->a,
                         .x = op->x + at / op->x_repeat * op->w->cols,
                         .y = s->lora_inner,
                         .n_rows = n * per,
                         .choice = op->choice ? op->choice + at : NULL,
                         .n_choices = op->n_choices,
                         .x_repeat = op->x_repeat};
    weir_linear outer = inner;
    be->ops.linear(be, &inner);
    outer.w = pair->b;
    outer.x = s->lora_inner;
    outer.y = s->lora_outer;
    outer.x_repeat = 1;
    be->ops.linear(be, &outer);
    for (uint32_t i = 0; i < n * per; i++)
        s->lora_scale[i] = scale;
    be->ops.add(be, op->y + at * op->w->rows, s->lora_outer, s->lora_scale, n * per, 1,
                op->w->rows);
}

static float scale_of(const weir_rows *chunk, uint32_t lora) {
    return chunk->lora_scales ? chunk->lora_scales[lora] : 0.0f;
}

static void show(const weir_batch *batch, const char *what, uint32_t layer, const void *data,
                 uint32_t n_rows, uint32_t width) {
    if (batch->observer)
        batch->observer->take(batch->observer->context, what, layer, data, n_rows, width);
}

/* What an observer hears of the input of a product: "input." and the name of the part. */
static const char *const inputs[WEIR_N_PARTS] = {
    [WEIR_PART_CONV_IN] = "input.conv_in",
    [WEIR_PART_CONV_OUT] = "input.conv_out",
    [WEIR_PART_ATTN_Q] = "input.attn_q",
    [WEIR_PART_ATTN_K] = "input.attn_k",
    [WEIR_PART_ATTN_V] = "input.attn_v",
    [WEIR_PART_ATTN_OUT] = "input.attn_out",
    [WEIR_PART_FFN_GATE] = "input.ffn_gate",
    [WEIR_PART_FFN_UP] = "input.ffn_up",
    [WEIR_PART_FFN_DOWN] = "input.ffn_down",
    [WEIR_PART_ROUTER] = "input.router",
    [WEIR_PART_EXPERTS_GATE] = "input.experts_gate",
    [WEIR_PART_EXPERTS_UP] = "input.experts_up",
    [WEIR_PART_EXPERTS_DOWN] = "input.experts_down",
};

/* A product, and behind it what the adapters of each timeline add to it. Neighbours that use an
 * adapter equally are run together; others are not touched, so a row's bits are its own. */
static void adapted(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                    weir_part part, const weir_linear *op) {
    uint32_t number = (uint32_t)(layer - be->model->layers);
    if (batch->observer)
        show(batch, inputs[part], number, op->x, op->n_rows / op->x_repeat, op->w->cols);
    be->ops.linear(be, op);
    for (uint32_t i = 0; i < be->options.n_loras; i++) {
        const weir_lora_pair *pair = weir_lora_find(be->options.loras[i], number, part);
        if (pair && be->blocks.adapt) {
            be->blocks.adapt(be, batch, op, i, pair);
            continue;
        }
        for (uint32_t c = 0; pair && c < batch->n_chunks;) {
            const weir_rows *chunk = &batch->chunks[c++];
            float scale = scale_of(chunk, i);
            uint32_t n = chunk->n_rows;
            while (c < batch->n_chunks && scale_of(&batch->chunks[c], i) == scale)
                n += batch->chunks[c++].n_rows;
            if (scale != 0.0f)
                adapt_rows(be, op, pair, scale * pair->scale, chunk->first_row, n,
                           op->n_rows / batch->n_rows);
        }
    }
}

static void linear(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                   weir_part part, const weir_weight *w, const float *bias, const float *x,
                   float *y) {
    weir_linear op = {.w = w,
                      .bias = bias,
                      .x = x,
                      .y = y,
                      .n_rows = batch->n_rows,
                      .n_choices = 1,
                      .x_repeat = 1};
    adapted(be, batch, layer, part, &op);
}

/* x += out_proj(C * conv(B * x')), with (B, C, x') = in_proj(norm(x)) */
void weir_compose_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       float *x) {
    const weir_scratch *s = &be->scratch;
    uint32_t n = batch->n_rows, d = be->model->h.d_model;
    be->ops.rms_norm(be, x, layer->operator_norm, n, d, s->normed);
    linear(be, batch, layer, WEIR_PART_CONV_IN, &layer->conv_in, layer->conv_in_bias, s->normed,
           s->wide);
    be->ops.short_conv(be, batch, layer, s->wide, s->normed);
    linear(be, batch, layer, WEIR_PART_CONV_OUT, &layer->conv_out, layer->conv_out_bias, s->normed,
           s->parts);
    be->ops.add(be, x, s->parts, NULL, n, 1, d);
}

void weir_compose_attn(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       float *x) {
    const weir_scratch *s = &be->scratch;
    const weir_hparams *h = &be->model->h;
    uint32_t n = batch->n_rows, d = h->d_model;
    float *q = s->wide;
    float *k = q + (size_t)n * h->n_heads * h->head_dim;
    float *v = k + (size_t)n * layer->n_heads_kv * h->head_dim;
    be->ops.rms_norm(be, x, layer->operator_norm, n, d, s->normed);
    linear(be, batch, layer, WEIR_PART_ATTN_Q, &layer->attn_q, NULL, s->normed, q);
    linear(be, batch, layer, WEIR_PART_ATTN_K, &layer->attn_k, NULL, s->normed, k);
    linear(be, batch, layer, WEIR_PART_ATTN_V, &layer->attn_v, NULL, s->normed, v);
    be->ops.rms_norm(be, q, layer->q_norm, n * h->n_heads, h->head_dim, q);
    be->ops.rms_norm(be, k, layer->k_norm, n * layer->n_heads_kv, h->head_dim, k);
    be->ops.rope(be, batch, h->n_heads, q);
    be->ops.rope(be, batch, layer->n_heads_kv, k);
    be->ops.kv_write(be, batch, layer, k, v);
    be->ops.attend(be, batch, layer, q, s->wide2);
    linear(be, batch, layer, WEIR_PART_ATTN_OUT, &layer->attn_out, NULL, s->wide2, s->parts);
    be->ops.add(be, x, s->parts, NULL, n, 1, d);
}

static void dense_ffn(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                      float *x) {
    const weir_scratch *s = &be->scratch;
    uint32_t n = batch->n_rows;
    linear(be, batch, layer, WEIR_PART_FFN_GATE, &layer->ffn_gate, NULL, s->normed, s->wide);
    linear(be, batch, layer, WEIR_PART_FFN_UP, &layer->ffn_up, NULL, s->normed, s->wide2);
    be->ops.silu_mul(be, s->wide, s->wide2, (size_t)n * be->model->h.d_ff, s->wide);
    linear(be, batch, layer, WEIR_PART_FFN_DOWN, &layer->ffn_down, NULL, s->wide, s->parts);
    be->ops.add(be, x, s->parts, NULL, n, 1, be->model->h.d_model);
}

static void moe_ffn(weir_backend *be, const weir_batch *batch, const weir_layer *layer, float *x) {
    const weir_scratch *s = &be->scratch;
    const weir_hparams *h = &be->model->h;
    uint32_t n = batch->n_rows, k = h->n_experts_used;
    uint32_t index = (uint32_t)(layer - be->model->layers);
    linear(be, batch, layer, WEIR_PART_ROUTER, &layer->router, NULL, s->normed, s->router);
    be->ops.route(be, layer, s->router, n, s->experts, s->expert_weights);
    show(batch, "router_logits", index, s->router, n, h->n_experts);
    show(batch, "router_selected", index, s->experts, n, k);
    show(batch, "router_weights", index, s->expert_weights, n, k);

    weir_linear op = {.w = layer->experts_gate,
                      .x = s->normed,
                      .y = s->wide,
                      .n_rows = n * k,
                      .choice = s->experts,
                      .n_choices = h->n_experts,
                      .x_repeat = k};
    adapted(be, batch, layer, WEIR_PART_EXPERTS_GATE, &op);
    op.w = layer->experts_up;
    op.y = s->wide2;
    adapted(be, batch, layer, WEIR_PART_EXPERTS_UP, &op);
    be->ops.silu_mul(be, s->wide, s->wide2, (size_t)n * k * h->d_ff_expert, s->wide);
    op.w = layer->experts_down;
    op.x = s->wide;
    op.y = s->parts;
    op.x_repeat = 1;
    adapted(be, batch, layer, WEIR_PART_EXPERTS_DOWN, &op);
    be->ops.add(be, x, s->parts, s->expert_weights, n, k, h->d_model);
}

void weir_compose_ffn(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                      float *x) {
    const weir_scratch *s = &be->scratch;
    be->ops.rms_norm(be, x, layer->ffn_norm, batch->n_rows, be->model->h.d_model, s->normed);
    if (layer->is_moe)
        moe_ffn(be, batch, layer, x);
    else
        dense_ffn(be, batch, layer, x);
}

void weir_compose_head(weir_backend *be, const weir_batch *batch, const float *x) {
    const weir_scratch *s = &be->scratch;
    uint32_t d = be->model->h.d_model, n_vocab = be->model->h.n_vocab;
    if (batch->observer) {
        be->ops.rms_norm(be, x, be->model->final_norm, batch->n_rows, d, s->normed);
        show(batch, "final_norm", 0, s->normed, batch->n_rows, d);
    }
    if (batch->n_out == 0)
        return;
    for (uint32_t i = 0; i < batch->n_out; i++)
        be->ops.rms_norm(be, x + (size_t)batch->out_rows[i] * d, be->model->final_norm, 1, d,
                         s->out + (size_t)i * d);
    weir_linear op = {.w = &be->model->head,
                      .x = s->out,
                      .y = s->logits,
                      .n_rows = batch->n_out,
                      .n_choices = 1,
                      .x_repeat = 1};
    be->ops.linear(be, &op);
    for (uint32_t i = 0; i < batch->n_out; i++)
        memcpy(batch->logits[i], s->logits + (size_t)i * n_vocab, n_vocab * sizeof(float));
}

static bool is_cancelled(const weir_batch *batch) {
    return batch->cancel && atomic_load_explicit(batch->cancel, memory_order_relaxed);
}

weir_status weir_compose_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    const weir_hparams *h = &be->model->h;
    float *x = be->scratch.x;
    be->ops.embed(be, batch->tokens, batch->n_rows, x);
    show(batch, "hidden", 0, x, batch->n_rows, h->d_model);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        const weir_layer *layer = &be->model->layers[i];
        if (is_cancelled(batch))
            return weir_fail(err, WEIR_STATUS_CANCELLED, "the step was cancelled in layer %u", i);
        if (layer->kind == WEIR_LAYER_CONV)
            (be->blocks.conv ? be->blocks.conv : weir_compose_conv)(be, batch, layer, x);
        else
            (be->blocks.attn ? be->blocks.attn : weir_compose_attn)(be, batch, layer, x);
        show(batch, "mid", i, x, batch->n_rows, h->d_model);
        (be->blocks.ffn ? be->blocks.ffn : weir_compose_ffn)(be, batch, layer, x);
        show(batch, "hidden", i + 1, x, batch->n_rows, h->d_model);
    }
    if (is_cancelled(batch))
        return weir_fail(err, WEIR_STATUS_CANCELLED, "the step was cancelled before the head");
    (be->blocks.head ? be->blocks.head : weir_compose_head)(be, batch, x);
    return WEIR_STATUS_OK;
}

weir_status weir_backend_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    return be->step ? be->step(be, batch, err) : weir_compose_step(be, batch, err);
}
