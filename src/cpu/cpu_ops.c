/*
 * cpu_ops.c: the ops that are short loops over rows or channels: embed, rms_norm, short_conv,
 * silu_mul, route, add.
 *
 * Each divides its rows (short_conv: its channels, silu_mul: its values) into contiguous shares,
 * one per thread, and calls a kernel on each part. Where a share ends changes no result: rows are
 * independent, and kernels over channels and values give each value the same bits wherever it
 * stands. One row is too little to wake anyone: the caller does it alone.
 */
#include "cpu/cpu_backend.h"

#include "backend/route.h"

#include <assert.h>
#include <string.h>

enum {
    /* Channels and values are shared out in whole cache lines and vectors. */
    GRAIN_VALUES = 64,
};

/* ---- embed -------------------------------------------------------------------------------- */

typedef struct embedding {
    const weir_cpu *cpu;
    const int32_t *tokens; /* [n_rows] */
    uint32_t n_rows;
    float *y; /* [n_rows, d_model] */
} embedding;

void weir_cpu_embed_rows(const weir_cpu *cpu, const int32_t *tokens, size_t begin, size_t end,
                         float *y) {
    const weir_weight *w = &cpu->host.be.model->embed;
    bool is_packed = weir_cpu_is_packed(cpu, w);
    for (size_t r = begin; r < end; r++) {
        uint32_t token = (uint32_t)tokens[r], n_strips;
        assert(token < w->rows);
        if (is_packed) {
            weir_t16_unpack_row(w->format->id, weir_cpu_strip(cpu, w, token, &n_strips),
                                token % WEIR_T16_ROWS, w->cols, y + r * w->cols);
            continue;
        }
        cpu->kernels.dequantize[w->format->id](w->data + (size_t)token * w->row_bytes,
                                               y + r * w->cols, w->cols);
    }
}

static void embed_share(void *context, uint32_t worker, uint32_t n_workers) {
    const embedding *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    weir_cpu_embed_rows(job->cpu, job->tokens, begin, end, job->y);
}

void weir_cpu_embed(weir_backend *be, const int32_t *tokens, uint32_t n_rows, float *y) {
    weir_cpu *cpu = weir_cpu_of(be);
    embedding job = {.cpu = cpu, .tokens = tokens, .n_rows = n_rows, .y = y};
    weir_cpu_run(cpu, (size_t)n_rows * be->model->h.d_model, embed_share, &job);
}

/* ---- rms_norm ----------------------------------------------------------------------------- */

typedef struct norm {
    const weir_cpu *cpu;
    const float *x;      /* [n_rows, width] */
    const float *weight; /* [width] */
    uint32_t n_rows, width;
    float *y; /* [n_rows, width] */
} norm;

static void norm_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const norm *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        job->cpu->kernels.rms_norm(job->x + r * job->width, job->weight, job->width,
                                   job->cpu->host.be.model->h.norm_eps, job->y + r * job->width);
}

void weir_cpu_rms_norm(weir_backend *be, const float *x, const float *weight, uint32_t n_rows,
                       uint32_t width, float *y) {
    weir_cpu *cpu = weir_cpu_of(be);
    norm job = {.cpu = cpu, .x = x, .weight = weight, .n_rows = n_rows, .width = width, .y = y};
    weir_cpu_run(cpu, (size_t)n_rows * width, norm_rows, &job);
}

/* ---- short_conv --------------------------------------------------------------------------- */

typedef struct convolution {
    weir_cpu *cpu;
    const weir_batch *batch;
    const weir_layer *layer;
    const float *bcx; /* [n_rows, 3, d_model] */
    float *y;         /* [n_rows, d_model] */
} convolution;

/* Channels begin .. end of one chunk, token after token in the state that it will leave. What the
 * state is on its way is copied where the chunk asks for it. */
static void convolve_chunk(const weir_cpu *cpu, const weir_rows *chunk, const weir_layer *layer,
                           const float *bcx, float *y, size_t begin, size_t end) {
    const weir_hparams *h = &cpu->host.be.model->h;
    const weir_host_state *state = &cpu->host.state;
    size_t d = h->d_model, n_past = h->l_cache - 1, n = end - begin;
    size_t at = (layer->kind_index * d + begin) * n_past; /* of these channels in a state */
    float *past = state->states + chunk->state_out * state->state_values + at;
    if (chunk->state_in == WEIR_NO_STATE)
        memset(past, 0, n * n_past * sizeof *past);
    else
        memcpy(past, state->states + chunk->state_in * state->state_values + at,
               n * n_past * sizeof *past);
    size_t first_kept = (size_t)chunk->first_row + chunk->n_rows - 1 - chunk->n_kept;
    for (size_t r = chunk->first_row; r < (size_t)chunk->first_row + chunk->n_rows; r++) {
        const float *row = bcx + r * 3 * d + begin;
        cpu->kernels.short_conv(row, row + d, row + 2 * d, layer->conv_taps + begin * h->l_cache,
                                layer->conv_bias ? layer->conv_bias + begin : NULL, h->l_cache,
                                (uint32_t)n, past, y + r * d + begin);
        if (r >= first_kept && r - first_kept < chunk->n_kept)
            memcpy(state->states + chunk->kept[r - first_kept] * state->state_values + at, past,
                   n * n_past * sizeof *past);
    }
}

void weir_cpu_convolve(const weir_cpu *cpu, const weir_batch *batch, const weir_layer *layer,
                       const float *bcx, float *y, size_t begin, size_t end) {
    for (uint32_t c = 0; begin < end && c < batch->n_chunks; c++)
        convolve_chunk(cpu, &batch->chunks[c], layer, bcx, y, begin, end);
}

static void convolve_channels(void *context, uint32_t worker, uint32_t n_workers) {
    const convolution *job = context;
    size_t begin, end;
    weir_share(job->cpu->host.be.model->h.d_model, GRAIN_VALUES, worker, n_workers, &begin, &end);
    weir_cpu_convolve(job->cpu, job->batch, job->layer, job->bcx, job->y, begin, end);
}

void weir_cpu_short_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                         const float *bcx, float *y) {
    weir_cpu *cpu = weir_cpu_of(be);
    convolution job = {.cpu = cpu, .batch = batch, .layer = layer, .bcx = bcx, .y = y};
    weir_cpu_run(cpu, (size_t)batch->n_rows * be->model->h.d_model, convolve_channels, &job);
}

/* ---- silu_mul ----------------------------------------------------------------------------- */

typedef struct gating {
    const weir_cpu *cpu;
    const float *gate, *up; /* [n] */
    size_t n;
    float *y; /* [n] */
} gating;

static void gate_values(void *context, uint32_t worker, uint32_t n_workers) {
    const gating *job = context;
    size_t begin, end;
    weir_share(job->n, GRAIN_VALUES, worker, n_workers, &begin, &end);
    job->cpu->kernels.silu_mul(job->gate + begin, job->up + begin, end - begin, job->y + begin);
}

void weir_cpu_silu_mul(weir_backend *be, const float *gate, const float *up, size_t n, float *y) {
    weir_cpu *cpu = weir_cpu_of(be);
    gating job = {.cpu = cpu, .gate = gate, .up = up, .n = n, .y = y};
    weir_cpu_run(cpu, n, gate_values, &job);
}

/* ---- route -------------------------------------------------------------------------------- */

typedef struct routing {
    const weir_cpu *cpu;
    const weir_layer *layer;
    const float *logits; /* [n_rows, n_experts] */
    uint32_t n_rows;
    int32_t *experts; /* [n_rows, n_experts_used] */
    float *weights;   /* [n_rows, n_experts_used] */
} routing;

static void route_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const routing *job = context;
    const weir_hparams *h = &job->cpu->host.be.model->h;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        weir_route_row(h, job->layer->expert_bias, job->logits + r * h->n_experts,
                       job->experts + r * h->n_experts_used, job->weights + r * h->n_experts_used);
}

void weir_cpu_route(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                    int32_t *experts, float *weights) {
    weir_cpu *cpu = weir_cpu_of(be);
    const weir_hparams *h = &be->model->h;
    routing job = {.cpu = cpu,
                   .layer = layer,
                   .logits = logits,
                   .n_rows = n_rows,
                   .experts = experts,
                   .weights = weights};
    /* Every choice looks at all experts. */
    weir_cpu_run(cpu, (size_t)n_rows * h->n_experts * (h->n_experts_used + 1), route_rows, &job);
}

/* ---- add ---------------------------------------------------------------------------------- */

typedef struct addition {
    const weir_cpu *cpu;
    float *y;           /* [n_rows, width] */
    const float *x;     /* [n_rows, n_parts, width] */
    const float *scale; /* [n_rows, n_parts] or NULL */
    uint32_t n_rows, n_parts, width;
} addition;

static void add_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const addition *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t part = begin * job->n_parts; part < end * job->n_parts; part++)
        job->cpu->kernels.add_scaled(job->y + part / job->n_parts * job->width,
                                     job->x + part * job->width,
                                     job->scale ? job->scale[part] : 1.0f, job->width);
}

void weir_cpu_add(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                  uint32_t n_parts, uint32_t width) {
    weir_cpu *cpu = weir_cpu_of(be);
    addition job = {.cpu = cpu,
                    .y = y,
                    .x = x,
                    .scale = scale,
                    .n_rows = n_rows,
                    .n_parts = n_parts,
                    .width = width};
    weir_cpu_run(cpu, (size_t)n_rows * n_parts * width, add_rows, &job);
}
