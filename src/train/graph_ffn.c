/*
 * graph_ffn.c: the second half of a layer, residual included: norm, then a dense SwiGLU or the
 * chosen experts, forward and back.
 *
 * Rows that chose the same expert are brought together (stable: by row within an expert), so that
 * an expert is one product; the way back to the rows adds up in ascending order of the experts, as
 * inference does.
 */
#include "train/graph_internal.h"
#include <string.h>

/* ---- dense ---------------------------------------------------------------------------------- */

static void dense_forward(weir_graph *g, uint32_t i, float *y) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    uint32_t n = g->batch->n_rows;
    weir_linear_job in[2] = {{.slot = layer->gate, .n_rows = n, .x = a->ffn_normed, .y = a->gate},
                             {.slot = layer->up, .n_rows = n, .x = a->ffn_normed, .y = a->up}};
    weir_linear_forward(g, in, 2, false);
    g->dev->ops.silu_mul(g->dev, a->gate, a->up, (size_t)n * g->h.d_ff, a->hidden);
    weir_linear_job out = {.slot = layer->down, .n_rows = n, .x = a->hidden, .y = y};
    weir_linear_forward(g, &out, 1, true);
}

static void dense_back(weir_graph *g, uint32_t i, const float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    uint32_t n = g->batch->n_rows;
    float *dgate = g->s.wide[0], *dup = g->s.wide[1];
    weir_linear_job out = {.slot = layer->down, .n_rows = n, .x = a->hidden, .dy = dx, .dx = dgate};
    weir_linear_back(g, &out, 1, false);
    g->dev->ops.silu_mul_back(g->dev, a->gate, a->up, dgate, (size_t)n * g->h.d_ff, dgate, dup);
    weir_linear_job in[2] = {
        {.slot = layer->gate, .n_rows = n, .x = a->ffn_normed, .dy = dgate, .dx = g->s.dnormed},
        {.slot = layer->up, .n_rows = n, .x = a->ffn_normed, .dy = dup, .dx = g->s.dnormed}};
    weir_linear_back(g, &in[0], 1, false);
    weir_linear_back(g, &in[1], 1, true);
}

/* ---- experts -------------------------------------------------------------------------------- */

/* Where each (row, choice) goes when rows are sorted by expert. */
static void sort_by_expert(weir_graph *g, const weir_layer_acts *a) {
    uint32_t n = g->batch->n_rows, k = g->h.n_experts_used, n_experts = g->h.n_experts;
    uint32_t *first = a->first, next[WEIR_MAX_EXPERTS];
    memset(first, 0, (n_experts + 1) * sizeof *first);
    for (size_t c = 0; c < (size_t)n * k; c++)
        first[a->experts[c] + 1]++;
    for (uint32_t e = 0; e < n_experts; e++)
        first[e + 1] += first[e];
    memcpy(next, first, n_experts * sizeof *next);
    for (uint32_t r = 0; r < n; r++) {
        for (uint32_t j = 0; j < k; j++) {
            size_t c = (size_t)r * k + j;
            uint32_t to = next[a->experts[c]]++;
            a->place[c] = to;
            a->from[to] = r;
            a->sorted_weights[to] = a->weights[c];
        }
    }
}

/* One job an expert over rows sorted by expert. x, y, dy, dx: NULL where not wanted. */
static uint32_t expert_jobs(const weir_graph *g, const weir_layer_acts *a, uint32_t first_slot,
                            const float *x, float *y, const float *dy, float *dx,
                            weir_linear_job jobs[WEIR_MAX_EXPERTS]) {
    const weir_linear_slot *slot = &g->slots[first_slot];
    for (uint32_t e = 0; e < g->h.n_experts; e++) {
        size_t at = a->first[e];
        jobs[e] = (weir_linear_job){.slot = first_slot + e,
                                    .n_rows = a->first[e + 1] - a->first[e],
                                    .first_row = a->first[e],
                                    .x = x + at * slot->cols,
                                    .y = y ? y + at * slot->rows : NULL,
                                    .dy = dy ? dy + at * slot->rows : NULL,
                                    .dx = dx ? dx + at * slot->cols : NULL};
    }
    return g->h.n_experts;
}

static void count_load(weir_graph *g, uint32_t i) {
    weir_expert_load *load = &g->loads[g->layers[i].load];
    const uint32_t *first = g->acts[i].first;
    for (uint32_t e = 0; e < g->h.n_experts; e++)
        load->n_rows[e] += first[e + 1] - first[e];
}

static void moe_forward(weir_graph *g, uint32_t i, bool count, float *y) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    uint32_t n = g->batch->n_rows, k = g->h.n_experts_used, d = g->h.d_model;
    weir_linear_job jobs[2 * WEIR_MAX_EXPERTS];
    weir_linear_job router = {
        .slot = layer->router, .n_rows = n, .x = a->ffn_normed, .y = a->router};
    weir_linear_forward(g, &router, 1, false);
    ops->route(g->dev, &g->h, g->loads[layer->load].bias, a->router, n, a->experts, a->weights);
    sort_by_expert(g, a);
    if (count)
        count_load(g, i);
    ops->gather(g->dev, a->ffn_normed, a->from, NULL, n * k, d, g->s.rows);
    uint32_t n_jobs = expert_jobs(g, a, layer->expert_gate, g->s.rows, a->gate, NULL, NULL, jobs);
    n_jobs += expert_jobs(g, a, layer->expert_up, g->s.rows, a->up, NULL, NULL, jobs + n_jobs);
    weir_linear_forward(g, jobs, n_jobs, false);
    ops->silu_mul(g->dev, a->gate, a->up, (size_t)n * k * g->h.d_ff_expert, a->hidden);
    n_jobs = expert_jobs(g, a, layer->expert_down, a->hidden, g->s.rows2, NULL, NULL, jobs);
    weir_linear_forward(g, jobs, n_jobs, false);
    ops->combine(g->dev, g->s.rows2, a->place, a->weights, n, k, d, y);
}

static void moe_back(weir_graph *g, uint32_t i, const float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    const weir_layer_acts *a = &g->acts[i];
    const weir_train_ops *ops = &g->dev->ops;
    uint32_t n = g->batch->n_rows, k = g->h.n_experts_used, d = g->h.d_model;
    uint32_t width = g->h.d_ff_expert, n_sorted = n * k;
    float *dhidden = g->s.wide[0], *dup = g->s.wide[1], *dy = g->s.rows;
    weir_linear_job jobs[WEIR_MAX_EXPERTS];

    /* g_e = W2' dy; d weight = <g_e, h_e>, so that no expert's output is kept. What the down matrix
     * learns from and what its input gets both carry the weight: dy is scaled first, and the
     * gradient of the weight is taken back out of it. A weight of 0 has sigmoid 0, whose gradient
     * is 0 as well. */
    ops->gather(g->dev, dx, a->from, a->sorted_weights, n_sorted, d, dy);
    uint32_t n_jobs = expert_jobs(g, a, layer->expert_down, a->hidden, NULL, dy, dhidden, jobs);
    weir_linear_back(g, jobs, n_jobs, false);
    ops->row_dots(g->dev, dhidden, a->hidden, n_sorted, width, g->s.dots);
    for (size_t c = 0; c < n_sorted; c++) {
        float weight = a->weights[c];
        g->s.router_weights[c] = weight != 0 ? g->s.dots[a->place[c]] / weight : 0.0f;
    }
    ops->silu_mul_back(g->dev, a->gate, a->up, dhidden, (size_t)n_sorted * width, dhidden, dup);

    float *inputs = g->s.rows, *dinputs = g->s.rows2;
    ops->gather(g->dev, a->ffn_normed, a->from, NULL, n_sorted, d, inputs);
    n_jobs = expert_jobs(g, a, layer->expert_gate, inputs, NULL, dhidden, dinputs, jobs);
    weir_linear_back(g, jobs, n_jobs, false);
    n_jobs = expert_jobs(g, a, layer->expert_up, inputs, NULL, dup, dinputs, jobs);
    weir_linear_back(g, jobs, n_jobs, true);

    ops->route_back(g->dev, &g->h, a->router, a->experts, a->weights, g->s.router_weights, n,
                    g->s.router);
    weir_linear_job router = {.slot = layer->router,
                              .n_rows = n,
                              .x = a->ffn_normed,
                              .dy = g->s.router,
                              .dx = g->s.dnormed};
    weir_linear_back(g, &router, 1, false);
    ops->combine(g->dev, dinputs, a->place, NULL, n, k, d, g->s.dnormed);
}

/* ---- both ----------------------------------------------------------------------------------- */

void weir_ffn_forward(weir_graph *g, uint32_t i, const float *mid, bool count, float *y) {
    const weir_graph_layer *layer = &g->layers[i];
    uint32_t n = g->batch->n_rows, d = g->h.d_model;
    g->dev->ops.rms_norm(g->dev, mid, layer->ffn_norm.w, n, d, g->h.norm_eps, g->acts[i].ffn_normed,
                         g->acts[i].ffn_factor);
    weir_graph_copy(g, mid, y, (size_t)n * d);
    if (layer->is_moe)
        moe_forward(g, i, count, y);
    else
        dense_forward(g, i, y);
}

void weir_ffn_back(weir_graph *g, uint32_t i, float *dx) {
    const weir_graph_layer *layer = &g->layers[i];
    if (layer->is_moe)
        moe_back(g, i, dx);
    else
        dense_back(g, i, dx);
    g->dev->ops.rms_norm_back(g->dev, g->s.dnormed, g->acts[i].mid, layer->ffn_norm.w,
                              g->acts[i].ffn_factor, g->batch->n_rows, g->h.d_model, true, dx,
                              layer->ffn_norm.dw);
}
