/*
 * graph_run.c: one batch through the graph: embedding, layers, the head over the rows that have a
 * target, and the way back. Logits exist for one chunk of rows at a time, and the head's gradient
 * is taken while they do.
 */
#include "base/error.h"
#include "train/graph_internal.h"
#include <string.h>

static weir_status check_batch(const weir_graph *g, const weir_train_batch *batch,
                               weir_error *err) {
    uint32_t next = 0;
    if (batch->n_rows > g->options.n_rows || batch->segments.n_rows != batch->n_rows)
        return weir_fail(
            err, WEIR_STATUS_BAD_ARGUMENT,
            "a batch of %u rows with segments over %u, expected at most %u and the same",
            batch->n_rows, batch->segments.n_rows, g->options.n_rows);
    for (uint32_t i = 0; i < batch->segments.n; i++) {
        const weir_segment *segment = &batch->segments.item[i];
        if (segment->first_row != next || segment->n_rows == 0)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "segment %u begins at row %u with %u rows, expected row %u and at "
                             "least one",
                             i, segment->first_row, segment->n_rows, next);
        next += segment->n_rows;
    }
    if (next != batch->n_rows)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "segments cover %u of %u rows", next,
                         batch->n_rows);
    for (uint32_t r = 0; r < batch->n_rows; r++) {
        int32_t n_vocab = (int32_t)g->h.n_vocab;
        if (batch->tokens[r] < 0 || batch->tokens[r] >= n_vocab || batch->targets[r] >= n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "row %u: token %d with target %d, expected ids below %d", r,
                             (int)batch->tokens[r], (int)batch->targets[r], (int)n_vocab);
    }
    return WEIR_STATUS_OK;
}

static void embed(weir_graph *g) {
    const weir_linear_slot *slot = &g->slots[g->embed];
    uint32_t n = g->batch->n_rows, d = g->h.d_model;
    if (slot->w) {
        g->dev->ops.embed(g->dev, slot->w, g->batch->tokens, n, d, g->x[0]);
        return;
    }
    const weir_weight *w = slot->frozen;
    for (uint32_t r = 0; r < n; r++)
        w->format->dequantize(w->data + (size_t)g->batch->tokens[r] * w->row_bytes,
                              g->x[0] + (size_t)r * d, d);
}

static void forward(weir_graph *g, bool count) {
    embed(g);
    for (uint32_t i = 0; i < g->h.n_layers; i++) {
        weir_mixer_forward(g, i, g->x[i], g->acts[i].mid);
        weir_ffn_forward(g, i, g->acts[i].mid, count, g->x[i + 1]);
    }
}

static void backward(weir_graph *g) {
    float *dx = g->s.dx;
    for (uint32_t i = g->h.n_layers; i-- > 0;) {
        if (g->options.recompute && i + 1 < g->h.n_layers) {
            weir_mixer_forward(g, i, g->x[i], g->acts[i].mid);
            weir_ffn_forward(g, i, g->acts[i].mid, false, g->x[i + 1]);
        }
        weir_ffn_back(g, i, dx);
        weir_mixer_back(g, i, g->x[i], dx);
    }
    if (g->slots[g->embed].dw)
        g->dev->ops.embed_back(g->dev, dx, g->batch->tokens, g->batch->n_rows, g->h.d_model,
                               g->slots[g->embed].dw);
}

/* Final norm of the picked rows; the head's input. */
static void normalize_picked(weir_graph *g, uint32_t n_picked) {
    uint32_t d = g->h.d_model;
    g->dev->ops.gather(g->dev, g->x[g->h.n_layers], g->s.pick, NULL, n_picked, d, g->s.picked);
    g->dev->ops.rms_norm(g->dev, g->s.picked, g->final_norm.w, n_picked, d, g->h.norm_eps,
                         g->s.picked_normed, g->s.picked_factor);
}

/* Losses of the picked rows and, with a scale, the gradient of their normed states in s.dnormed. */
static void run_head(weir_graph *g, uint32_t n_picked, float scale) {
    size_t d = g->h.d_model;
    for (uint32_t first = 0; first < n_picked; first += g->chunk_rows) {
        uint32_t n = n_picked - first < g->chunk_rows ? n_picked - first : g->chunk_rows;
        weir_linear_job job = {.slot = g->head,
                               .n_rows = n,
                               .first_row = first,
                               .x = g->s.picked_normed + first * d,
                               .y = g->s.logits,
                               .dy = g->s.logits,
                               .dx = g->s.dnormed + first * d};
        weir_linear_forward(g, &job, 1, false);
        g->dev->ops.cross_entropy(g->dev, g->s.logits, g->s.picked_targets + first, n, g->h.n_vocab,
                                  scale > 0, scale, g->s.picked_loss + first);
        if (scale > 0)
            weir_linear_back(g, &job, 1, false);
    }
}

/* The gradient of the residual stream after the last layer: that of the picked rows, zero else. */
static void spread_picked(weir_graph *g, uint32_t n_picked) {
    size_t d = g->h.d_model;
    float *dpicked = g->s.picked_normed; /* the head is done with it */
    g->dev->ops.rms_norm_back(g->dev, g->s.dnormed, g->s.picked, g->final_norm.w,
                              g->s.picked_factor, n_picked, (uint32_t)d, false, dpicked,
                              g->final_norm.dw);
    weir_graph_zero(g, g->s.dx, g->batch->n_rows * d);
    for (uint32_t i = 0; i < n_picked; i++)
        memcpy(g->s.dx + g->s.pick[i] * d, dpicked + i * d, d * sizeof(float));
}

weir_status weir_graph_run(weir_graph *g, const weir_train_batch *batch, float gradient_scale,
                           float *token_loss, weir_error *err) {
    uint32_t n_picked = 0;
    WEIR_TRY(check_batch(g, batch, err));
    memset(token_loss, 0, batch->n_rows * sizeof *token_loss);
    for (uint32_t r = 0; r < batch->n_rows; r++) {
        if (batch->targets[r] < 0)
            continue;
        g->s.pick[n_picked] = r;
        g->s.picked_targets[n_picked++] = batch->targets[r];
    }
    if (n_picked == 0)
        return WEIR_STATUS_OK;
    g->batch = batch;
    forward(g, gradient_scale > 0);
    normalize_picked(g, n_picked);
    run_head(g, n_picked, gradient_scale);
    for (uint32_t i = 0; i < n_picked; i++)
        token_loss[g->s.pick[i]] = g->s.picked_loss[i];
    if (gradient_scale > 0) {
        spread_picked(g, n_picked);
        backward(g);
    }
    g->batch = NULL;
    return WEIR_STATUS_OK;
}

weir_status weir_graph_logits(weir_graph *g, const weir_train_batch *batch,
                              const uint32_t *out_rows, uint32_t n_out, float *logits,
                              weir_error *err) {
    size_t d = g->h.d_model;
    WEIR_TRY(check_batch(g, batch, err));
    if (n_out > g->options.n_rows)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "logits of %u rows, expected at most %u",
                         n_out, g->options.n_rows);
    for (uint32_t i = 0; i < n_out; i++)
        if (out_rows[i] >= batch->n_rows)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "logits of row %u, there are %u",
                             out_rows[i], batch->n_rows);
    g->batch = batch;
    forward(g, false);
    memcpy(g->s.pick, out_rows, n_out * sizeof *out_rows);
    normalize_picked(g, n_out);
    for (uint32_t first = 0; first < n_out; first += g->chunk_rows) {
        uint32_t n = n_out - first < g->chunk_rows ? n_out - first : g->chunk_rows;
        weir_linear_job job = {.slot = g->head,
                               .n_rows = n,
                               .first_row = first,
                               .x = g->s.picked_normed + first * d,
                               .y = logits + (size_t)first * g->h.n_vocab};
        weir_linear_forward(g, &job, 1, false);
    }
    g->batch = NULL;
    return WEIR_STATUS_OK;
}
