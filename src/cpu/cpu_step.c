/*
 * cpu_step.c: a whole step as one parallel region.
 *
 * Every worker walks the layers itself, in the order of compose.c and with the same bits, and takes
 * units of each section's work from a counter: strips of matrices, heads, rows. Sections that need
 * what all have made are divided by a barrier (`meet`), five in a layer of experts. What only one
 * row needs (norm, rounding, the choice of experts) every worker does for itself: that is a
 * microsecond, and waiting for another to do it is two.
 *
 * Fused: the convolution with its projection, gate, up and silu, the residual sum with the product
 * before it, for one row also the sum over its experts, in ascending order as always.
 *
 * Batches that are observed, and those with adapters, are composed of ops: compose.c.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "cpu/cpu_backend.h"

#include "backend/route.h"

#include <assert.h>
#include <string.h>

enum {
    UNIT_ROWS = WEIR_T16_ROWS, /* rows of a matrix in a unit of work */
    /* Units that are taken at once, at most: one row of x walks so many strips together; a tile of
     * other matrices. */
    MOST_STRIPS = WEIR_T16_STREAMS,
    MOST_TILES = 4,
    SECTIONS_PER_LAYER = 8,
    SECTIONS_BESIDE = 2, /* the embedding and the head */
};

typedef struct run {
    weir_cpu *cpu;
    const weir_batch *batch;
    atomic_uint stop_at; /* the layer behind which the step ends: it was cancelled */
} run;

/* One worker's way through the step. */
typedef struct walk {
    run *run;
    weir_cpu *cpu;
    const weir_batch *batch;
    const weir_scratch *s;
    const weir_hparams *h;
    weir_cpu_thread *own;
    uint32_t worker, n_workers;
    uint32_t section; /* whose units are taken */
    double since_s;   /* the last phase ended, of a profile */
} walk;

/* What a product reads: rows of floats, and the same rounded where its matrix is packed. */
typedef struct input {
    const float *x;
    const uint8_t *rounded;
} input;

/* The experts of a layer's rows, and by expert the rows. */
typedef struct choice {
    const int32_t *experts; /* [n_rows, n_experts_used] */
    const float *weights;   /* [n_rows, n_experts_used] */
    uint32_t n_active;      /* experts that have rows */
} choice;

size_t weir_cpu_n_sections(const weir_model *model) {
    return (size_t)model->h.n_layers * SECTIONS_PER_LAYER + SECTIONS_BESIDE;
}

/* ---- sections ------------------------------------------------------------------------------- */

/* Goes on to the next section without waiting: nothing of it needs this one. */
static void pass(walk *w) {
    w->section++;
    assert(w->section < weir_cpu_n_sections(w->cpu->host.be.model));
}

/* The time since the last mark was this phase's. */
static void mark(walk *w, weir_cpu_phase phase) {
    if (!w->cpu->is_profiled)
        return;
    double now_s = weir_clock_s();
    w->own->phase_s[phase] += now_s - w->since_s;
    w->since_s = now_s;
}

/* Ends a phase and waits for all. */
static void wait_all(walk *w, weir_cpu_phase phase) {
    mark(w, phase);
    if (w->n_workers == 1)
        return;
    weir_workers_barrier(w->cpu->workers, w->worker);
    mark(w, WEIR_CPU_WAIT);
    if (w->worker == 0 && w->cpu->is_profiled)
        w->cpu->n_barriers++;
}

/* The same, and goes on to the next section. */
static void meet(walk *w, weir_cpu_phase phase) {
    wait_all(w, phase);
    pass(w);
}

/* Takes the next units of n_units of this section: `most` at a time, fewer towards the end, so that
 * all end together; never across a multiple of `per`. False: all are taken. */
static bool take(const walk *w, uint32_t n_units, uint32_t per, uint32_t most, uint32_t *first,
                 uint32_t *n) {
    atomic_uint *next = &w->cpu->sections[w->section];
    uint32_t at = atomic_load_explicit(next, memory_order_relaxed), count;
    do {
        if (at >= n_units)
            return false;
        uint32_t fair = (n_units - at) / (2 * w->n_workers), left = per - at % per;
        count = w->n_workers == 1 ? most : fair < 1 ? 1 : fair < most ? fair : most;
        count = count < left ? count : left;
    } while (!atomic_compare_exchange_weak_explicit(next, &at, at + count, memory_order_relaxed,
                                                    memory_order_relaxed));
    *first = at;
    *n = count;
    return true;
}

static uint32_t units_of(uint32_t n_rows) {
    return (n_rows + UNIT_ROWS - 1) / UNIT_ROWS;
}

static uint32_t most_units(const walk *w, const weir_weight *m) {
    return weir_cpu_is_packed(w->cpu, m) ? MOST_STRIPS : MOST_TILES;
}

/* The same in rows of a matrix, or of several that have as many: number `which` of n_matrices. */
static bool take_rows(const walk *w, const weir_weight *m, uint32_t n_rows, uint32_t n_matrices,
                      uint32_t *which, uint32_t *first, uint32_t *n) {
    uint32_t per = units_of(n_rows), unit, n_units;
    if (!take(w, per * n_matrices, per, most_units(w, m), &unit, &n_units))
        return false;
    *which = unit / per;
    *first = unit % per * UNIT_ROWS;
    *n = n_units * UNIT_ROWS < n_rows - *first ? n_units * UNIT_ROWS : n_rows - *first;
    return true;
}

/* ---- inputs of products --------------------------------------------------------------------- */

/* Rows of x in the form that packed matrices want. Several rows are shared out. */
static const uint8_t *round_rows(const walk *w, const float *x, uint32_t n_rows, uint32_t n_cols,
                                 uint32_t begin, uint32_t end, uint8_t *to) {
    size_t bytes = weir_q15_bytes(n_cols);
    assert(to != w->cpu->rounded || n_rows * bytes <= w->cpu->rounded_bytes);
    (void)n_rows;
    for (size_t r = begin; r < end; r++)
        w->cpu->round(x + r * n_cols, n_cols, to + r * bytes);
    return to;
}

/* n_rows of x, which are complete; of n_tokens tokens. */
static input plain_input(walk *w, const float *x, uint32_t n_tokens, uint32_t n_rows,
                         const weir_weight *m) {
    input in = {.x = x};
    if (!weir_cpu_is_packed(w->cpu, m))
        return in;
    if (n_tokens == 1) {
        in.rounded = round_rows(w, x, n_rows, m->cols, 0, n_rows, w->own->rounded);
        mark(w, WEIR_CPU_INPUTS);
        return in;
    }
    size_t begin, end;
    weir_share(n_rows, 1, w->worker, w->n_workers, &begin, &end);
    in.rounded = round_rows(w, x, n_rows, m->cols, (uint32_t)begin, (uint32_t)end, w->cpu->rounded);
    wait_all(w, WEIR_CPU_INPUTS);
    return in;
}

/* The same of n_rows normed rows of x, number i being from[i] (NULL: i); `to` is for all of them,
 * where there are several. is_packed: a matrix that reads them is. */
static input normed_input(walk *w, const float *x, const uint32_t *from, uint32_t n_rows,
                          const float *weight, float *to, bool is_packed) {
    uint32_t d = w->h->d_model;
    size_t begin = 0, end = n_rows;
    uint8_t *rounded = w->own->rounded;
    if (n_rows == 1) {
        to = w->own->row;
    } else {
        rounded = w->cpu->rounded;
        weir_share(n_rows, 1, w->worker, w->n_workers, &begin, &end);
    }
    for (size_t r = begin; r < end; r++)
        w->cpu->kernels.rms_norm(x + (from ? from[r] : r) * d, weight, d, w->h->norm_eps,
                                 to + r * d);
    if (is_packed)
        round_rows(w, to, n_rows, d, (uint32_t)begin, (uint32_t)end, rounded);
    if (n_rows > 1)
        wait_all(w, WEIR_CPU_INPUTS);
    mark(w, WEIR_CPU_INPUTS);
    return (input){.x = to, .rounded = is_packed ? rounded : NULL};
}

/* ---- products ------------------------------------------------------------------------------- */

/* Rows first .. first + n of one matrix times all rows of the input. */
static void multiply(const walk *w, const weir_weight *m, const float *bias, input in,
                     uint32_t n_rows, float *y, uint32_t first, uint32_t n) {
    weir_linear op = {.w = m, .bias = bias, .x = in.x, .y = y, .n_rows = n_rows, .x_repeat = 1};
    weir_cpu_group all = {.w = m, .n_rows = n_rows};
    weir_cpu_multiply(w->cpu, w->worker, &op, in.rounded, &all, first, n);
}

/* One product and nothing else. */
static void product(const walk *w, const weir_weight *m, input in, float *y) {
    uint32_t which, first, n;
    while (take_rows(w, m, m->rows, 1, &which, &first, &n))
        multiply(w, m, NULL, in, w->batch->n_rows, y, first, n);
}

/* The residual stream += a product. */
static void residual(walk *w, const weir_weight *m, const float *bias, input in,
                     weir_cpu_phase phase) {
    uint32_t d = w->h->d_model, which, first, n;
    while (take_rows(w, m, d, 1, &which, &first, &n)) {
        multiply(w, m, bias, in, w->batch->n_rows, w->s->parts, first, n);
        for (size_t r = 0; r < w->batch->n_rows; r++)
            w->cpu->kernels.add_scaled(w->s->x + r * d + first, w->s->parts + r * d + first, 1.0f,
                                       n);
    }
    meet(w, phase);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void embed(walk *w) {
    size_t begin, end;
    weir_share(w->batch->n_rows, 1, w->worker, w->n_workers, &begin, &end);
    weir_cpu_embed_rows(w->cpu, w->batch->tokens, begin, end, w->s->x);
    for (size_t r = begin; r < end; r++)
        weir_cpu_rotation_make(w->cpu, w->batch, (uint32_t)r);
    meet(w, WEIR_CPU_EMBED);
}

/* The three projections of a channel and its convolution are one unit. */
static void conv_block(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    const weir_weight *m = &layer->conv_in;
    uint32_t n_rows = w->batch->n_rows, d = w->h->d_model, which, first, n;
    input in = normed_input(w, s->x, NULL, n_rows, layer->operator_norm, s->normed,
                            weir_cpu_is_packed(w->cpu, m));
    while (take_rows(w, m, d, 1, &which, &first, &n)) {
        for (uint32_t part = 0; part < 3; part++)
            multiply(w, m, layer->conv_in_bias, in, n_rows, s->wide, part * d + first, n);
        weir_cpu_convolve(w->cpu, w->batch, layer, s->wide, s->wide2, first, (size_t)first + n);
    }
    meet(w, WEIR_CPU_CONV_IN);
    in = plain_input(w, s->wide2, n_rows, n_rows, &layer->conv_out);
    residual(w, &layer->conv_out, layer->conv_out_bias, in, WEIR_CPU_CONV_OUT);
}

/* A K/V head of a row with the query heads that share it: normed, rotated, stored. */
static void place_head(const walk *w, const weir_layer *layer, float *q, float *k, const float *v,
                       uint32_t row, uint32_t head) {
    const weir_cpu_kernels *kernels = &w->cpu->kernels;
    uint32_t d = w->h->head_dim, n_heads = w->h->n_heads, n_group = n_heads / layer->n_heads_kv;
    const float *rotation = w->cpu->rotations + (size_t)row * d;
    for (uint32_t i = 0; i < n_group; i++) {
        float *one = q + ((size_t)row * n_heads + head * n_group + i) * d;
        kernels->rms_norm(one, layer->q_norm, d, w->h->norm_eps, one);
        kernels->rope(one, rotation, d);
    }
    size_t at = ((size_t)row * layer->n_heads_kv + head) * d;
    kernels->rms_norm(k + at, layer->k_norm, d, w->h->norm_eps, k + at);
    kernels->rope(k + at, rotation, d);
    weir_cpu_kv_store(w->cpu, w->batch, layer, row, head, k + at, v + at);
}

static void attn_block(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    const weir_hparams *h = w->h;
    uint32_t n_rows = w->batch->n_rows, n_heads_kv = layer->n_heads_kv, first, n;
    float *q = s->wide;
    float *k = q + (size_t)n_rows * h->n_heads * h->head_dim;
    float *v = k + (size_t)n_rows * n_heads_kv * h->head_dim;
    bool is_packed = weir_cpu_is_packed(w->cpu, &layer->attn_q) ||
                     weir_cpu_is_packed(w->cpu, &layer->attn_k) ||
                     weir_cpu_is_packed(w->cpu, &layer->attn_v);
    input in = normed_input(w, s->x, NULL, n_rows, layer->operator_norm, s->normed, is_packed);
    product(w, &layer->attn_q, in, q);
    pass(w);
    product(w, &layer->attn_k, in, k);
    pass(w);
    product(w, &layer->attn_v, in, v);
    meet(w, WEIR_CPU_ATTN_IN);
    size_t begin, end;
    weir_share((size_t)n_rows * n_heads_kv, 1, w->worker, w->n_workers, &begin, &end);
    for (size_t i = begin; i < end; i++)
        place_head(w, layer, q, k, v, (uint32_t)(i / n_heads_kv), (uint32_t)(i % n_heads_kv));
    wait_all(w, WEIR_CPU_ATTEND);
    uint32_t n_items = n_rows * n_heads_kv;
    while (take(w, n_items, n_items, 1, &first, &n))
        weir_cpu_attend_item(w->cpu, w->worker, w->batch, layer, q, s->wide2, first);
    meet(w, WEIR_CPU_ATTEND);
    in = plain_input(w, s->wide2, n_rows, n_rows, &layer->attn_out);
    residual(w, &layer->attn_out, NULL, in, WEIR_CPU_ATTN_OUT);
}

/* wide = silu(wide) * wide2, columns first .. first + n of a row that has `width`. */
static void gate(const walk *w, size_t row, uint32_t width, uint32_t first, uint32_t n) {
    float *to = w->s->wide + row * width + first;
    w->cpu->kernels.silu_mul(to, w->s->wide2 + row * width + first, n, to);
}

static void dense_ffn(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    uint32_t n_rows = w->batch->n_rows, width = w->h->d_ff, which, first, n;
    bool is_packed =
        weir_cpu_is_packed(w->cpu, &layer->ffn_gate) || weir_cpu_is_packed(w->cpu, &layer->ffn_up);
    input in = normed_input(w, s->x, NULL, n_rows, layer->ffn_norm, s->normed, is_packed);
    while (take_rows(w, &layer->ffn_gate, width, 1, &which, &first, &n)) {
        multiply(w, &layer->ffn_gate, NULL, in, n_rows, s->wide, first, n);
        multiply(w, &layer->ffn_up, NULL, in, n_rows, s->wide2, first, n);
        for (uint32_t r = 0; r < n_rows; r++)
            gate(w, r, width, first, n);
    }
    meet(w, WEIR_CPU_FFN_UP);
    in = plain_input(w, s->wide, n_rows, n_rows, &layer->ffn_down);
    residual(w, &layer->ffn_down, NULL, in, WEIR_CPU_FFN_DOWN);
}

/* Which experts the rows use, from the router's logits. */
static choice choose(walk *w, const weir_layer *layer) {
    const weir_hparams *h = w->h;
    uint32_t n_rows = w->batch->n_rows, k = h->n_experts_used;
    int32_t *experts = n_rows == 1 ? w->own->experts : w->s->experts;
    float *weights = n_rows == 1 ? w->own->weights : w->s->expert_weights;
    size_t begin = 0, end = 1;
    if (n_rows > 1)
        weir_share(n_rows, 1, w->worker, w->n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        weir_route_row(h, layer->expert_bias, w->s->router + r * h->n_experts, experts + r * k,
                       weights + r * k);
    mark(w, WEIR_CPU_ROUTER);
    if (n_rows == 1)
        return (choice){.experts = experts, .weights = weights, .n_active = k};
    wait_all(w, WEIR_CPU_ROUTER);
    weir_linear op = {.n_rows = n_rows * k, .choice = experts, .n_choices = h->n_experts};
    if (w->worker == 0)
        w->cpu->n_active = weir_cpu_sort_by_expert(w->cpu, &op);
    wait_all(w, WEIR_CPU_ROUTER);
    return (choice){.experts = experts, .weights = weights, .n_active = w->cpu->n_active};
}

/* The rows that use expert number i of those that have any. `row` is for a group of one. */
static weir_cpu_group group_of(const walk *w, const choice *c, const weir_weight *experts,
                               uint32_t i, uint32_t *row) {
    if (w->batch->n_rows > 1) {
        weir_linear op = {.w = experts};
        return weir_cpu_group_of_expert(w->cpu, &op, w->cpu->active_experts[i]);
    }
    *row = i;
    return (weir_cpu_group){.w = experts + c->experts[i], .rows = row, .n_rows = 1};
}

/* Rows first .. first + n of an expert's matrix; rows of y are of a token's expert. */
static void multiply_expert(const walk *w, const weir_cpu_group *g, input in, uint32_t x_repeat,
                            float *y, uint32_t first, uint32_t n) {
    weir_linear op = {.x = in.x, .y = y, .x_repeat = x_repeat};
    weir_cpu_multiply(w->cpu, w->worker, &op, in.rounded, g, first, n);
}

/* One token: each unit sums what its experts have for those channels. */
static void experts_down_of_one(walk *w, const weir_layer *layer, const choice *c, input in) {
    uint32_t d = w->h->d_model, which, first, n, row;
    while (take_rows(w, layer->experts_down, d, 1, &which, &first, &n)) {
        for (uint32_t i = 0; i < c->n_active; i++) {
            weir_cpu_group g = group_of(w, c, layer->experts_down, i, &row);
            multiply_expert(w, &g, in, 1, w->s->parts, first, n);
        }
        for (uint32_t i = 0; i < c->n_active; i++)
            w->cpu->kernels.add_scaled(w->s->x + first, w->s->parts + (size_t)i * d + first,
                                       c->weights[i], n);
    }
    meet(w, WEIR_CPU_FFN_DOWN);
}

static void experts_down(walk *w, const weir_layer *layer, const choice *c, input in) {
    uint32_t d = w->h->d_model, k = w->h->n_experts_used, which, first, n, row;
    while (take_rows(w, layer->experts_down, d, c->n_active, &which, &first, &n)) {
        weir_cpu_group g = group_of(w, c, layer->experts_down, which, &row);
        multiply_expert(w, &g, in, 1, w->s->parts, first, n);
    }
    meet(w, WEIR_CPU_FFN_DOWN);
    size_t begin, end;
    weir_share(w->batch->n_rows, 1, w->worker, w->n_workers, &begin, &end);
    for (size_t part = begin * k; part < end * k; part++)
        w->cpu->kernels.add_scaled(w->s->x + part / k * d, w->s->parts + part * d, c->weights[part],
                                   d);
    wait_all(w, WEIR_CPU_FFN_DOWN);
}

static void moe_ffn(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    uint32_t n_rows = w->batch->n_rows, k = w->h->n_experts_used, width = w->h->d_ff_expert;
    uint32_t which, first, n, row;
    bool is_packed = weir_cpu_is_packed(w->cpu, &layer->router) ||
                     weir_cpu_is_packed(w->cpu, layer->experts_gate) ||
                     weir_cpu_is_packed(w->cpu, layer->experts_up);
    input in = normed_input(w, s->x, NULL, n_rows, layer->ffn_norm, s->normed, is_packed);
    product(w, &layer->router, in, s->router);
    meet(w, WEIR_CPU_ROUTER);
    choice c = choose(w, layer);
    while (take_rows(w, layer->experts_gate, width, c.n_active, &which, &first, &n)) {
        weir_cpu_group g = group_of(w, &c, layer->experts_gate, which, &row);
        multiply_expert(w, &g, in, k, s->wide, first, n);
        g = group_of(w, &c, layer->experts_up, which, &row);
        multiply_expert(w, &g, in, k, s->wide2, first, n);
        for (uint32_t i = 0; i < g.n_rows; i++)
            gate(w, g.rows[i], width, first, n);
    }
    meet(w, WEIR_CPU_FFN_UP);
    in = plain_input(w, s->wide, n_rows, n_rows * k, layer->experts_down);
    if (n_rows == 1)
        experts_down_of_one(w, layer, &c, in);
    else
        experts_down(w, layer, &c, in);
}

static void head(walk *w) {
    const weir_batch *batch = w->batch;
    const weir_model *model = w->cpu->host.be.model;
    uint32_t n_out = batch->n_out, n_vocab = w->h->n_vocab, which, first, n;
    if (n_out == 0)
        return;
    input in = normed_input(w, w->s->x, batch->out_rows, n_out, model->final_norm, w->s->out,
                            weir_cpu_is_packed(w->cpu, &model->head));
    while (take_rows(w, &model->head, n_vocab, 1, &which, &first, &n)) {
        multiply(w, &model->head, NULL, in, n_out, w->s->logits, first, n);
        for (size_t i = 0; i < n_out; i++)
            memcpy(batch->logits[i] + first, w->s->logits + i * n_vocab + first, n * sizeof(float));
    }
    mark(w, WEIR_CPU_HEAD);
}

/* ---- the step ------------------------------------------------------------------------------- */

static void walk_layers(void *context, uint32_t worker, uint32_t n_workers) {
    run *r = context;
    weir_cpu *cpu = r->cpu;
    const weir_model *model = cpu->host.be.model;
    walk w = {.run = r,
              .cpu = cpu,
              .batch = r->batch,
              .s = &cpu->host.be.scratch,
              .h = &model->h,
              .own = &cpu->threads[worker],
              .worker = worker,
              .n_workers = n_workers,
              .since_s = cpu->is_profiled ? weir_clock_s() : 0};
    embed(&w);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *layer = &model->layers[i];
        /* One worker looks, before the layer's barriers; behind them all know, and of a later look
         * they know that it is later. */
        if (worker == 0 && r->batch->cancel &&
            atomic_load_explicit(r->batch->cancel, memory_order_relaxed))
            atomic_store_explicit(&r->stop_at, i, memory_order_relaxed);
        if (layer->kind == WEIR_LAYER_CONV)
            conv_block(&w, layer);
        else
            attn_block(&w, layer);
        if (layer->is_moe)
            moe_ffn(&w, layer);
        else
            dense_ffn(&w, layer);
        if (atomic_load_explicit(&r->stop_at, memory_order_relaxed) <= i)
            return;
    }
    head(&w);
}

static bool has_adapters(const weir_backend *be, const weir_batch *batch) {
    for (uint32_t c = 0; be->options.n_loras > 0 && c < batch->n_chunks; c++)
        for (uint32_t i = 0; batch->chunks[c].lora_scales && i < be->options.n_loras; i++)
            if (batch->chunks[c].lora_scales[i] != 0.0f)
                return true;
    return false;
}

weir_status weir_cpu_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    weir_cpu *cpu = weir_cpu_of(be);
    if (batch->observer || has_adapters(be, batch))
        return weir_compose_step(be, batch, err);
    run r = {.cpu = cpu, .batch = batch};
    atomic_init(&r.stop_at, UINT32_MAX);
    size_t n_sections = weir_cpu_n_sections(be->model);
    for (size_t i = 0; i < n_sections; i++)
        atomic_store_explicit(&cpu->sections[i], 0, memory_order_relaxed);
    double start_s = cpu->is_profiled ? weir_clock_s() : 0;
    weir_workers_run(cpu->workers, walk_layers, &r);
    if (cpu->is_profiled) {
        cpu->n_steps++;
        cpu->steps_s += weir_clock_s() - start_s;
    }
    uint32_t stop_at = atomic_load_explicit(&r.stop_at, memory_order_relaxed);
    if (stop_at < UINT32_MAX)
        return weir_fail(err, WEIR_STATUS_CANCELLED, "the step was cancelled in layer %u", stop_at);
    return WEIR_STATUS_OK;
}

/* ---- the profile ---------------------------------------------------------------------------- */

void weir_cpu_profile_begin(weir_backend *be) {
    weir_cpu *cpu = weir_cpu_of(be);
    for (uint32_t i = 0; i < be->options.n_threads; i++)
        memset(cpu->threads[i].phase_s, 0, sizeof cpu->threads[i].phase_s);
    cpu->n_steps = cpu->n_barriers = 0;
    cpu->steps_s = 0;
    cpu->is_profiled = true;
}

static uint64_t bytes_of(const weir_weight *w) {
    return (uint64_t)w->rows * w->row_bytes;
}

/* Weights that a step of one token reads, by phase. */
static void count_bytes(const weir_model *model, uint64_t bytes[WEIR_CPU_N_PHASES]) {
    uint64_t k = model->h.n_experts_used;
    bytes[WEIR_CPU_HEAD] = bytes_of(&model->head);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *l = &model->layers[i];
        if (l->kind == WEIR_LAYER_CONV) {
            bytes[WEIR_CPU_CONV_IN] += bytes_of(&l->conv_in);
            bytes[WEIR_CPU_CONV_OUT] += bytes_of(&l->conv_out);
        } else {
            bytes[WEIR_CPU_ATTN_IN] +=
                bytes_of(&l->attn_q) + bytes_of(&l->attn_k) + bytes_of(&l->attn_v);
            bytes[WEIR_CPU_ATTN_OUT] += bytes_of(&l->attn_out);
        }
        if (l->is_moe) {
            bytes[WEIR_CPU_ROUTER] += bytes_of(&l->router);
            bytes[WEIR_CPU_FFN_UP] += k * (bytes_of(l->experts_gate) + bytes_of(l->experts_up));
            bytes[WEIR_CPU_FFN_DOWN] += k * bytes_of(l->experts_down);
        } else {
            bytes[WEIR_CPU_FFN_UP] += bytes_of(&l->ffn_gate) + bytes_of(&l->ffn_up);
            bytes[WEIR_CPU_FFN_DOWN] += bytes_of(&l->ffn_down);
        }
    }
}

void weir_cpu_profile_end(weir_backend *be, weir_profile *out) {
    static const char *const names[] = {[WEIR_CPU_EMBED] = "embedding",
                                        [WEIR_CPU_INPUTS] = "norms, rounding",
                                        [WEIR_CPU_CONV_IN] = "convolution, in",
                                        [WEIR_CPU_CONV_OUT] = "convolution, out",
                                        [WEIR_CPU_ATTN_IN] = "q, k, v",
                                        [WEIR_CPU_ATTEND] = "attention",
                                        [WEIR_CPU_ATTN_OUT] = "attention, out",
                                        [WEIR_CPU_ROUTER] = "router",
                                        [WEIR_CPU_FFN_UP] = "gate, up",
                                        [WEIR_CPU_FFN_DOWN] = "down",
                                        [WEIR_CPU_HEAD] = "head",
                                        [WEIR_CPU_WAIT] = "waiting"};
    _Static_assert(WEIR_COUNT(names) == WEIR_CPU_N_PHASES, "a name for each phase");
    _Static_assert((int)WEIR_CPU_N_PHASES <= (int)WEIR_MOST_PHASES, "room for all");
    weir_cpu *cpu = weir_cpu_of(be);
    cpu->is_profiled = false;
    *out = (weir_profile){.n_phases = WEIR_CPU_N_PHASES,
                          .n_threads = be->options.n_threads,
                          .n_steps = cpu->n_steps,
                          .n_barriers = cpu->n_barriers,
                          .seconds = cpu->steps_s};
    uint64_t bytes[WEIR_CPU_N_PHASES] = {0};
    count_bytes(be->model, bytes);
    for (uint32_t i = 0; i < WEIR_CPU_N_PHASES; i++) {
        out->phase[i] = (weir_phase){.name = names[i], .row_bytes = bytes[i]};
        for (uint32_t t = 0; t < be->options.n_threads; t++)
            out->phase[i].seconds += cpu->threads[t].phase_s[i];
    }
}
