/* cuda_draw.c: see cuda_draw.h. Owns nothing. Invariant: result number i of the device is that of
 * output i, if it has a draw. */
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
    size_t top_bytes = WEIR_CUDA_DRAW_TOP * sizeof *r->top_device;
    r->draw_bytes = weir_cuda_draw_bytes(n_vocab, n_out);
    r->draws_device = weir_arena_take(work, r->draw_bytes);
    r->drawn_device = weir_arena_take_array(work, n_out, sizeof *r->drawn_device);
    r->top_device = weir_arena_take_array(work, n_out, top_bytes);
    for (uint32_t turn = 0; turn < 2; turn++) {
        weir_cuda_taken *t = &r->of[turn];
        t->packed = weir_arena_take(pinned, r->draw_bytes);
        t->drawn = weir_arena_take_array(pinned, n_out, sizeof *t->drawn);
        t->top = weir_arena_take_array(pinned, n_out, top_bytes);
        t->logits = weir_arena_take_array(pinned, n_out, n_vocab * sizeof(float));
    }
}

void weir_cuda_results_fetch(weir_cuda *cuda, const weir_batch *batch) {
    bool is_wanted = false;
    for (uint32_t r = 0; r < batch->n_rows; r++)
        is_wanted |= batch->tokens[r] < 0;
    if (!is_wanted || cuda->host.be.failure)
        return;
    weir_cuda_run_fetch(cuda->stream, cuda->step.tokens, batch->n_rows, cuda->results.drawn_device);
    weir_cuda_note(cuda, weir_cuda_launched(), "the step's tokens");
}

static const weir_draw *draw_of(const weir_batch *batch, uint32_t i) {
    return batch->draws ? batch->draws[i] : NULL;
}

static void copy_down(weir_cuda *cuda, void *host, const void *device, size_t bytes,
                      const char *what) {
    if (!cuda->host.be.failure)
        weir_cuda_note(cuda, weir_cuda_copy_down(cuda->stream, host, device, bytes), what);
}

static void copy_logits(weir_cuda *cuda, const weir_cuda_taken *to, uint32_t first, uint32_t n) {
    const weir_backend *be = &cuda->host.be;
    size_t row = be->model->h.n_vocab;
    copy_down(cuda, to->logits + first * row, be->scratch.logits + first * row,
              n * row * sizeof(float), "logits");
}

static void queue_draws(weir_cuda *cuda, const weir_batch *batch, weir_cuda_taken *to) {
    weir_backend *be = &cuda->host.be;
    const weir_cuda_results *r = &cuda->results;
    weir_cuda_draws op = {.logits = be->scratch.logits,
                          .left = to->logits,
                          .drawn = r->drawn_device,
                          .top = r->top_device,
                          .tokens = cuda->step.tokens,
                          .row_of = cuda->step.out_rows};
    size_t bytes = weir_cuda_draw_pack(&op, batch->draws, batch->n_out, be->model->h.n_vocab,
                                       to->packed, r->draw_bytes, r->draws_device);
    to->draws = (weir_cuda_draw *)to->packed; /* the block begins with them */
    to->n_draws = op.n;
    if (be->failure || op.n == 0 ||
        !weir_cuda_note(cuda, weir_cuda_copy_up(cuda->stream, r->draws_device, to->packed, bytes),
                        "the step's draws"))
        return;
    weir_cuda_run_draw(cuda->stream, &op);
    if (!weir_cuda_note(cuda, weir_cuda_launched(), "draw"))
        return;
    bool wants_top = false;
    for (uint32_t i = 0; i < batch->n_out; i++)
        wants_top |= draw_of(batch, i) && draw_of(batch, i)->n_top > 0;
    copy_down(cuda, to->drawn, r->drawn_device, batch->n_out * sizeof *to->drawn, "drawn tokens");
    if (wants_top)
        copy_down(cuda, to->top, r->top_device,
                  (size_t)batch->n_out * WEIR_CUDA_DRAW_TOP * sizeof *to->top,
                  "the likeliest tokens");
}

void weir_cuda_results_queue(weir_cuda *cuda, const weir_batch *batch) {
    weir_cuda_taken *to = &cuda->results.of[cuda->turn];
    to->n_draws = 0;
    to->n_out = batch->n_out;
    to->logits_to = batch->logits;
    to->drawn_to = batch->drawn;
    for (uint32_t i = 0, n; i < batch->n_out; i += n) {
        n = 1;
        if (draw_of(batch, i))
            continue;
        while (i + n < batch->n_out && !draw_of(batch, i + n))
            n++;
        copy_logits(cuda, to, i, n);
    }
    if (batch->draws)
        queue_draws(cuda, batch, to);
}

/* The softmax's logarithm at a logit. */
static float logprob_of(const weir_cuda_drawn *from, float logit) {
    double log_sum = (double)from->best + log((double)from->sum / WEIR_WEIGHT_ONE);
    return (float)((double)logit - log_sum);
}

static void take_drawn(const weir_cuda_draw *draw, const weir_cuda_drawn *from,
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

void weir_cuda_results_take(weir_cuda *cuda, uint32_t turn) {
    const weir_cuda_taken *r = &cuda->results.of[turn];
    size_t n_vocab = cuda->host.be.model->h.n_vocab;
    for (uint32_t i = 0, at = 0; i < r->n_out; i++) {
        const weir_cuda_draw *draw =
            at < r->n_draws && r->draws[at].row == i ? &r->draws[at++] : NULL;
        const weir_cuda_drawn *drawn = &r->drawn[i];
        if (draw)
            take_drawn(draw, drawn, r->top + (size_t)i * WEIR_CUDA_DRAW_TOP, r->drawn_to[i]);
        if ((!draw || drawn->token < 0) && r->logits_to[i])
            memcpy(r->logits_to[i], r->logits + i * n_vocab, n_vocab * sizeof(float));
    }
}
