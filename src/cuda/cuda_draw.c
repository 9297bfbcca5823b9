/* cuda_draw.c: see cuda_draw.h. Owns nothing. Invariant: result number i of the device is that of
 * the i-th output that has a draw. */
#include "cuda/cuda_draw.h"

#include "base/softmax_weight.h"
#include "cuda/cuda_backend.h"
#include "cuda/draw_pack.h"

#include <math.h>
#include <string.h>

_Static_assert((int)WEIR_CUDA_DRAW_TOP == (int)WEIR_DRAWN_TOP, "the likeliest that a draw tells");

void weir_cuda_results_layout(weir_cuda_results *r, weir_arena *work, weir_arena *pinned,
                              const weir_model *model, const weir_backend_options *options) {
    uint32_t n_out = options->n_out, n_vocab = model->h.n_vocab;
    size_t top_bytes = WEIR_CUDA_DRAW_TOP * sizeof *r->top;
    r->draw_bytes = weir_cuda_draw_bytes(n_vocab, n_out);
    r->draws_device = weir_arena_take(work, r->draw_bytes);
    r->draws_host = weir_arena_take(pinned, r->draw_bytes);
    r->drawn_device = weir_arena_take_array(work, n_out, sizeof *r->drawn);
    r->drawn = weir_arena_take_array(pinned, n_out, sizeof *r->drawn);
    r->top_device = weir_arena_take_array(work, n_out, top_bytes);
    r->top = weir_arena_take_array(pinned, n_out, top_bytes);
    r->logits = weir_arena_take_array(pinned, n_out, n_vocab * sizeof(float));
}

static const weir_draw *draw_of(const weir_batch *batch, uint32_t i) {
    return batch->draws ? batch->draws[i] : NULL;
}

static void copy_down(weir_cuda *cuda, void *host, const void *device, size_t bytes,
                      const char *what) {
    if (!cuda->host.be.failure)
        weir_cuda_note(cuda, weir_cuda_copy_down(cuda->stream, host, device, bytes), what);
}

static void copy_logits(weir_cuda *cuda, uint32_t first, uint32_t n) {
    const weir_backend *be = &cuda->host.be;
    size_t row = be->model->h.n_vocab;
    copy_down(cuda, cuda->results.logits + first * row, be->scratch.logits + first * row,
              n * row * sizeof(float), "logits");
}

static void queue_draws(weir_cuda *cuda, const weir_batch *batch) {
    weir_backend *be = &cuda->host.be;
    weir_cuda_results *r = &cuda->results;
    weir_cuda_draws op = {
        .logits = be->scratch.logits, .drawn = r->drawn_device, .top = r->top_device};
    size_t bytes = weir_cuda_draw_pack(&op, batch->draws, batch->n_out, be->model->h.n_vocab,
                                       r->draws_host, r->draw_bytes, r->draws_device);
    if (be->failure || op.n == 0 ||
        !weir_cuda_note(cuda,
                        weir_cuda_copy_up(cuda->stream, r->draws_device, r->draws_host, bytes),
                        "the step's draws"))
        return;
    weir_cuda_run_draw(cuda->stream, &op);
    if (!weir_cuda_note(cuda, weir_cuda_launched(), "draw"))
        return;
    bool wants_top = false;
    for (uint32_t i = 0; i < batch->n_out; i++)
        wants_top |= draw_of(batch, i) && draw_of(batch, i)->n_top > 0;
    copy_down(cuda, r->drawn, r->drawn_device, op.n * sizeof *r->drawn, "drawn tokens");
    if (wants_top)
        copy_down(cuda, r->top, r->top_device, op.n * WEIR_CUDA_DRAW_TOP * sizeof *r->top,
                  "the likeliest tokens");
}

void weir_cuda_results_queue(weir_cuda *cuda, const weir_batch *batch) {
    for (uint32_t i = 0, n; i < batch->n_out; i += n) {
        n = 1;
        if (draw_of(batch, i))
            continue;
        while (i + n < batch->n_out && !draw_of(batch, i + n))
            n++;
        copy_logits(cuda, i, n);
    }
    if (batch->draws)
        queue_draws(cuda, batch);
}

/* The softmax's logarithm at a logit. */
static float logprob_of(const weir_cuda_drawn *from, float logit) {
    double log_sum = (double)from->best + log((double)from->sum / WEIR_WEIGHT_ONE);
    return (float)((double)logit - log_sum);
}

static void take_drawn(const weir_draw *draw, const weir_cuda_drawn *from,
                       const weir_cuda_likely *top, weir_drawn *to) {
    to->token = from->token;
    if (from->token < 0 || !draw->wants_logprob)
        return;
    to->logprob = logprob_of(from, from->logit);
    to->rank = from->rank;
    to->n_top = draw->n_top;
    for (uint32_t i = 0; i < draw->n_top; i++) {
        to->top[i].token = top[i].token;
        to->top[i].logprob = logprob_of(from, top[i].logit);
    }
}

void weir_cuda_results_take(weir_cuda *cuda, const weir_batch *batch) {
    const weir_cuda_results *r = &cuda->results;
    size_t n_vocab = cuda->host.be.model->h.n_vocab;
    bool has_left = false;
    for (uint32_t i = 0, at = 0; i < batch->n_out; i++) {
        const weir_draw *draw = draw_of(batch, i);
        if (!draw)
            continue;
        take_drawn(draw, &r->drawn[at], r->top + (size_t)at * WEIR_CUDA_DRAW_TOP, batch->drawn[i]);
        at++;
        if (batch->drawn[i]->token < 0) {
            has_left = true;
            copy_logits(cuda, i, 1);
        }
    }
    if (has_left && !weir_cuda_note(cuda, weir_cuda_wait(cuda->stream), "logits"))
        return;
    for (uint32_t i = 0; i < batch->n_out; i++)
        if (!draw_of(batch, i) || batch->drawn[i]->token < 0)
            memcpy(batch->logits[i], r->logits + i * n_vocab, n_vocab * sizeof(float));
}
