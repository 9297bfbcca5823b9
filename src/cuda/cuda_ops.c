/*
 * cuda_ops.c: the ten ops as launches, what adapters add, and the head.
 *
 * Owns nothing. An op queues its launch and asks at once whether it could be queued; what fails
 * while it runs shows when the step is waited for. Tokens, positions, pages and states of a step
 * are those that were uploaded with it (cuda->step), whatever the batch's own pointers. Where
 * activations are bf16, products and attention go to cuda_fast.h; routers and adapters do not.
 */
#include "cuda/adapt_cuda.h"
#include "cuda/cuda_backend.h"

#include "base/compiler.h"

#include <string.h>

weir_cuda_matrix weir_cuda_matrix_of(const weir_weight *w, uint32_t n_choices) {
    return (weir_cuda_matrix){.data = w->data,
                              .format = w->format->id,
                              .rows = w->rows,
                              .cols = w->cols,
                              .row_bytes = w->row_bytes,
                              .stack_bytes = n_choices > 1 ? (size_t)(w[1].data - w[0].data) : 0};
}

/* What the engine calls is what failed, where several fail the first. */
static void launched(weir_backend *be, const char *op) {
    weir_cuda_note(weir_cuda_of(be), weir_cuda_launched(), op);
}

static void embed(weir_backend *be, const int32_t *tokens, uint32_t n_rows, float *y) {
    if (be->failure)
        return;
    weir_cuda_matrix w = weir_cuda_matrix_of(&be->model->embed, 1);
    weir_cuda_run_embed(weir_cuda_of(be)->stream, &w, tokens, n_rows, y);
    launched(be, "embed");
}

static void rms_norm(weir_backend *be, const float *x, const float *weight, uint32_t n_rows,
                     uint32_t width, float *y) {
    if (be->failure)
        return;
    weir_cuda_run_rms_norm(weir_cuda_of(be)->stream, x, weight, n_rows, width,
                           be->model->h.norm_eps, y);
    launched(be, "rms_norm");
}

static weir_cuda_linear launch_of(const weir_linear *op) {
    return (weir_cuda_linear){.w = weir_cuda_matrix_of(op->w, op->choice ? op->n_choices : 1),
                              .bias = op->bias,
                              .x = op->x,
                              .y = op->y,
                              .choice = op->choice,
                              .n_rows = op->n_rows,
                              .n_choices = op->n_choices,
                              .x_repeat = op->x_repeat};
}

static void linear_f32(weir_backend *be, const weir_linear *op) {
    if (be->failure)
        return;
    weir_cuda_linear launch = launch_of(op);
    weir_cuda_run_linear(weir_cuda_of(be)->stream, &launch);
    launched(be, "linear");
}

static void linear(weir_backend *be, const weir_linear *op) {
    weir_cuda *cuda = weir_cuda_of(be);
    if (!cuda->fast.has_gemm || op->y == be->scratch.router) {
        linear_f32(be, op);
        return;
    }
    if (be->failure)
        return;
    weir_cuda_linear launch = launch_of(op);
    weir_cuda_fast_linear(&cuda->fast, cuda->stream, &launch);
    launched(be, "linear");
}

static void rope(weir_backend *be, const weir_batch *batch, uint32_t n_heads, float *x) {
    weir_cuda *cuda = weir_cuda_of(be);
    if (be->failure)
        return;
    weir_cuda_run_rope(cuda->stream, x, cuda->step.batch.pos, cuda->inverse_freq, batch->n_rows,
                       n_heads, be->model->h.head_dim);
    launched(be, "rope");
}

weir_cuda_kv weir_cuda_kv_of(weir_backend *be, const weir_layer *layer) {
    const weir_kv_layout *kv = &be->kv;
    return (weir_cuda_kv){.pool = weir_cuda_of(be)->pages,
                          .page_bytes = kv->page_bytes,
                          .type = kv->type,
                          .page_tokens = WEIR_PAGE_TOKENS,
                          .k_at = weir_kv_k_at(kv, layer->kind_index, 0),
                          .v_at = weir_kv_v_at(kv, layer->kind_index, 0),
                          .head_stride = kv->head_bytes,
                          .token_stride = kv->vector_bytes,
                          .n_heads_kv = layer->n_heads_kv,
                          .head_dim = kv->head_dim};
}

static void kv_write(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                     const float *k, const float *v) {
    weir_cuda *cuda = weir_cuda_of(be);
    (void)batch;
    if (be->failure)
        return;
    weir_cuda_kv kv = weir_cuda_kv_of(be, layer);
    weir_cuda_run_kv_write(cuda->stream, &cuda->step.batch, &kv, k, v);
    launched(be, "kv_write");
}

static void attend(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                   const float *q, float *y) {
    weir_cuda *cuda = weir_cuda_of(be);
    (void)batch;
    if (be->failure)
        return;
    weir_cuda_kv kv = weir_cuda_kv_of(be, layer);
    if (cuda->fast.shape.n_heads_kv > 0)
        weir_cuda_run_flash(cuda->stream, &cuda->step.batch, &kv, &cuda->fast.flash, q,
                            be->model->h.n_heads, y);
    else
        weir_cuda_run_attend(cuda->stream, &cuda->step.batch, &kv, q, be->model->h.n_heads, y);
    launched(be, "attend");
}

weir_cuda_conv weir_cuda_conv_of(weir_backend *be, const weir_layer *layer) {
    weir_cuda *cuda = weir_cuda_of(be);
    const weir_hparams *h = &be->model->h;
    return (weir_cuda_conv){.taps = layer->conv_taps,
                            .bias = layer->conv_bias,
                            .states = cuda->states +
                                      (size_t)layer->kind_index * h->d_model * (h->l_cache - 1),
                            .state_stride = cuda->state_values,
                            .d_model = h->d_model,
                            .l_cache = h->l_cache};
}

static void short_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       const float *bcx, float *y) {
    weir_cuda *cuda = weir_cuda_of(be);
    (void)batch;
    if (be->failure)
        return;
    weir_cuda_conv op = weir_cuda_conv_of(be, layer);
    op.bcx = bcx;
    op.y = y;
    weir_cuda_run_short_conv(cuda->stream, &cuda->step.batch, &op);
    launched(be, "short_conv");
}

static void silu_mul(weir_backend *be, const float *gate, const float *up, size_t n, float *y) {
    if (be->failure)
        return;
    weir_cuda_run_silu_mul(weir_cuda_of(be)->stream, gate, up, n, y);
    launched(be, "silu_mul");
}

weir_cuda_route weir_cuda_route_of(const weir_backend *be, const weir_layer *layer,
                                   const float *logits, int32_t *experts, float *weights) {
    const weir_hparams *h = &be->model->h;
    return (weir_cuda_route){.logits = logits,
                             .bias = layer->expert_bias,
                             .n_experts = h->n_experts,
                             .n_used = h->n_experts_used,
                             .has_topk_norm = h->has_topk_norm,
                             .expert_scale = h->expert_scale,
                             .experts = experts,
                             .weights = weights};
}

static void route(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                  int32_t *experts, float *weights) {
    if (be->failure)
        return;
    weir_cuda_route op = weir_cuda_route_of(be, layer, logits, experts, weights);
    op.n_rows = n_rows;
    weir_cuda_fast_routed(&weir_cuda_of(be)->fast);
    weir_cuda_run_route(weir_cuda_of(be)->stream, &op);
    launched(be, "route");
}

static void add(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                uint32_t n_parts, uint32_t width) {
    if (be->failure)
        return;
    weir_cuda_run_add(weir_cuda_of(be)->stream, y, x, scale, n_rows, n_parts, width);
    launched(be, "add");
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* Both products over all rows from the first that uses the adapter to the last, whatever the scales
 * between them: three launches, however the timelines differ. */
static void adapt(weir_backend *be, const weir_batch *batch, const weir_linear *op, uint32_t lora,
                  const weir_lora_pair *pair) {
    weir_cuda *cuda = weir_cuda_of(be);
    const weir_scratch *s = &be->scratch;
    weir_cuda_span span = weir_cuda_lora_span(batch, lora);
    uint32_t per = op->n_rows / batch->n_rows;
    size_t at = (size_t)span.first * per;
    if (be->failure || span.n == 0)
        return;
    weir_linear inner = {.w = pair->a,
                         .x = op->x + at / op->x_repeat * op->w->cols,
                         .y = s->lora_inner,
                         .n_rows = span.n * per,
                         .choice = op->choice ? op->choice + at : NULL,
                         .n_choices = op->n_choices,
                         .x_repeat = op->x_repeat};
    weir_linear outer = inner;
    outer.w = pair->b;
    outer.x = s->lora_inner;
    outer.y = s->lora_outer;
    outer.x_repeat = 1;
    linear_f32(be, &inner);
    linear_f32(be, &outer);
    if (be->failure)
        return;
    weir_cuda_adapt launch = {.y = op->y + at * op->w->rows,
                              .x = s->lora_outer,
                              .scales = cuda->step.lora_scales + (size_t)lora * batch->n_rows +
                                        span.first,
                              .scale = pair->scale,
                              .n_rows = span.n * per,
                              .per = per,
                              .width = op->w->rows};
    weir_cuda_run_adapt(cuda->stream, &launch);
    launched(be, "adapter");
}

/* Rows of x that are wanted, as an embedding whose matrix is x. */
static void gather(weir_backend *be, const float *x, uint32_t n_out, float *y) {
    weir_cuda *cuda = weir_cuda_of(be);
    uint32_t d = be->model->h.d_model;
    if (be->failure)
        return;
    weir_cuda_matrix rows = {.data = (const uint8_t *)x,
                             .format = WEIR_FORMAT_F32,
                             .rows = be->options.n_batch,
                             .cols = d,
                             .row_bytes = d * sizeof *x};
    weir_cuda_run_embed(cuda->stream, &rows, cuda->step.out_rows, n_out, y);
    launched(be, "gather");
}

/* weir_compose_head on the device, where the logits stay: cuda_draw.h says what becomes of them. */
static void head(weir_backend *be, const weir_batch *batch, const float *x) {
    const weir_scratch *s = &be->scratch;
    const weir_observer *observer = batch->observer;
    uint32_t d = be->model->h.d_model, n_out = batch->n_out;
    if (observer) {
        rms_norm(be, x, be->model->final_norm, batch->n_rows, d, s->normed);
        observer->take(observer->context, "final_norm", 0, s->normed, batch->n_rows, d);
    }
    if (n_out == 0)
        return;
    gather(be, x, n_out, s->out);
    rms_norm(be, s->out, be->model->final_norm, n_out, d, s->out);
    weir_linear op = {.w = &be->model->head,
                      .x = s->out,
                      .y = s->logits,
                      .n_rows = n_out,
                      .n_choices = 1,
                      .x_repeat = 1};
    linear(be, &op);
}

void weir_cuda_ops_install(weir_backend *be) {
    be->ops = (weir_ops){.embed = embed,
                         .rms_norm = rms_norm,
                         .linear = linear,
                         .rope = rope,
                         .kv_write = kv_write,
                         .attend = attend,
                         .short_conv = short_conv,
                         .silu_mul = silu_mul,
                         .route = route,
                         .add = add};
    be->blocks.head = head;
    be->blocks.adapt = adapt;
}
