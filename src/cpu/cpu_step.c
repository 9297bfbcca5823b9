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
 * Batches that are observed, those with adapters and those of `parity` are composed of ops:
 * compose.c.
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
    /* Units that are taken at once, at most: the strips of an expert's matrix, read in one go, as
     * each piece costs a call and streams of memory that begin anew (in pieces of eight strips a
     * 24B decoded at four fifths of this); a tile of other matrices. */
    MOST_STRIPS = 128,
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
    w->own->phase_s[phase] += now_s - w->own->since_s;
    w->own->since_s = now_s;
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

/* Units of this section that are taken, of those that lie on a node. */
static atomic_uint *taken(const walk *w, uint32_t node) {
    size_t n_sections = weir_cpu_n_sections(w->cpu->host.be.model);
    return &w->cpu->sections[node * n_sections + w->section];
}

/* Takes the next units of n_units of a counter: `most` at a time, fewer towards the end, so that
 * all n_takers end together; never across a multiple of `per`, nor of `block` behind one. False:
 * all are taken. */
static bool take(const walk *w, atomic_uint *next, uint32_t n_takers, uint32_t n_units,
                 uint32_t per, uint32_t block, uint32_t most, uint32_t *first, uint32_t *n) {
    uint32_t at = atomic_load_explicit(next, memory_order_relaxed), count;
    do {
        if (at >= n_units)
            return false;
        uint32_t fair = (n_units - at) / (2 * n_takers), in = at % per;
        uint32_t left = per - in, to_block = block - in % block;
        left = left < to_block ? left : to_block;
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

/* Rows first .. first + n of matrix number `which`. */
typedef struct piece {
    uint32_t which, first, n;
} piece;

/* A section's products: the pieces of n_matrices matrices of n_rows rows like m that this worker
 * takes, first those that lie on its own memory node, then what others have left. Of packed ones it
 * takes the next before it computes one, so that memory can be asked for it; but not of the last,
 * which all share. */
typedef struct pieces {
    const walk *w;
    uint32_t n_rows, most, n_matrices;
    weir_spread spread;     /* of a matrix' units */
    uint32_t node, n_left;  /* from which it takes; nodes that may have units */
    uint32_t per, n_takers; /* a matrix' units on that node; workers that it has */
    piece now, next;
    bool is_packed, has_next;
} pieces;

static bool take_piece(pieces *p, piece *out) {
    const weir_spread *s = &p->spread;
    uint32_t unit, n_units;
    while (p->n_left > 0 && !take(p->w, taken(p->w, p->node), p->n_takers, p->per * p->n_matrices,
                                  p->per, s->block, p->most, &unit, &n_units)) {
        p->n_left--;
        p->node = (p->node + 1) % s->n_nodes;
        p->per = weir_spread_on(s, p->node);
    }
    if (p->n_left == 0)
        return false;
    uint32_t first = weir_spread_strip(s, p->node, unit % p->per) * UNIT_ROWS;
    uint32_t left = p->n_rows - first, n = n_units * UNIT_ROWS;
    *out = (piece){.which = unit / p->per, .first = first, .n = n < left ? n : left};
    return true;
}

static pieces begin_pieces(const walk *w, const weir_weight *m, uint32_t n_rows,
                           uint32_t n_matrices) {
    bool is_packed = weir_cpu_is_packed(w->cpu, m);
    uint32_t n_nodes = is_packed ? weir_cpu_spread(w->cpu, m).n_nodes : 1;
    uint32_t node = n_nodes > 1 ? w->own->node : 0;
    weir_spread spread = weir_spread_make(n_nodes, units_of(n_rows));
    return (pieces){.w = w,
                    .n_rows = n_rows,
                    .most = is_packed ? MOST_STRIPS : MOST_TILES,
                    .n_matrices = n_matrices,
                    .spread = spread,
                    .node = node,
                    .n_left = n_nodes,
                    .per = weir_spread_on(&spread, node),
                    .n_takers = (w->n_workers + n_nodes - 1) / n_nodes,
                    .is_packed = is_packed};
}

static bool looks_ahead(const pieces *p) {
    if (!p->is_packed || p->n_left < p->spread.n_nodes) /* or of another node's */
        return false;
    uint32_t n_taken = atomic_load_explicit(taken(p->w, p->node), memory_order_relaxed);
    return n_taken + 2 * p->n_takers <= p->per * p->n_matrices;
}

/* False: there is no more for this worker. */
static bool go_on(pieces *p) {
    if (p->has_next)
        p->now = p->next;
    else if (!take_piece(p, &p->now))
        return false;
    p->has_next = looks_ahead(p) && take_piece(p, &p->next);
    return true;
}

/* What weir_cpu_multiply of `now` is told to come next: row `first` of m. NULL: it is of another
 * kind, and its first bytes will be waited for. */
static const uint8_t *coming(const walk *w, const weir_weight *now, const weir_weight *m,
                             uint32_t first) {
    bool is_alike = now->format == m->format && now->cols == m->cols;
    if (!is_alike || !weir_cpu_is_packed(w->cpu, now) || !weir_cpu_is_packed(w->cpu, m))
        return NULL;
    uint32_t n_strips;
    return weir_cpu_strip(w->cpu, m, first, &n_strips);
}

/* ---- inputs of products --------------------------------------------------------------------- */

/* Rows begin .. end of x in the form that packed matrices want. */
static void round_rows(const walk *w, const float *x, uint32_t n_cols, size_t begin, size_t end,
                       uint8_t *to) {
    size_t bytes = weir_q15_bytes(n_cols);
    assert(to != w->cpu->rounded || end * bytes <= w->cpu->rounded_bytes);
    for (size_t r = begin; r < end; r++)
        w->cpu->round(x + r * n_cols, n_cols, to + r * bytes);
}

/* n_rows of x, which are complete; of n_tokens tokens. */
static input plain_input(walk *w, const float *x, uint32_t n_tokens, uint32_t n_rows,
                         const weir_weight *m) {
    input in = {.x = x};
    if (!weir_cpu_is_packed(w->cpu, m))
        return in;
    if (n_tokens == 1) {
        round_rows(w, x, m->cols, 0, n_rows, w->own->rounded);
        mark(w, WEIR_CPU_INPUTS);
        in.rounded = w->own->rounded;
        return in;
    }
    size_t begin, end;
    weir_share(n_rows, 1, w->worker, w->n_workers, &begin, &end);
    round_rows(w, x, m->cols, begin, end, w->cpu->rounded);
    wait_all(w, WEIR_CPU_INPUTS);
    in.rounded = w->cpu->rounded;
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
        round_rows(w, to, d, begin, end, rounded);
    if (n_rows > 1)
        wait_all(w, WEIR_CPU_INPUTS);
    mark(w, WEIR_CPU_INPUTS);
    return (input){.x = to, .rounded = is_packed ? rounded : NULL};
}

/* ---- products ------------------------------------------------------------------------------- */

/* Rows first .. first + n of one matrix times all rows of the input. */
static void multiply(const walk *w, const weir_weight *m, const float *bias, input in,
                     uint32_t n_rows, float *y, uint32_t first, uint32_t n, const uint8_t *next) {
    weir_linear op = {.w = m, .bias = bias, .x = in.x, .y = y, .n_rows = n_rows, .x_repeat = 1};
    weir_cpu_group all = {.w = m, .n_rows = n_rows};
    weir_cpu_multiply(w->cpu, w->worker, &op, in.rounded, &all, first, n, next);
}

/* The piece of a product that is nothing but one matrix. */
static void multiply_piece(const pieces *p, const weir_weight *m, const float *bias, input in,
                           uint32_t n_rows, float *y) {
    const uint8_t *next = p->has_next ? coming(p->w, m, m, p->next.first) : NULL;
    multiply(p->w, m, bias, in, n_rows, y, p->now.first, p->now.n, next);
}

/* One product and nothing else. */
static void product(const walk *w, const weir_weight *m, input in, float *y) {
    for (pieces p = begin_pieces(w, m, m->rows, 1); go_on(&p);)
        multiply_piece(&p, m, NULL, in, w->batch->n_rows, y);
}

/* The residual stream += a product. */
static void residual(walk *w, const weir_weight *m, const float *bias, input in,
                     weir_cpu_phase phase) {
    const weir_scratch *s = w->s;
    uint32_t d = w->h->d_model, n_rows = w->batch->n_rows;
    for (pieces p = begin_pieces(w, m, d, 1); go_on(&p);) {
        multiply_piece(&p, m, bias, in, n_rows, s->parts);
        for (size_t at = p.now.first; at < (size_t)n_rows * d; at += d)
            w->cpu->kernels.add_scaled(s->x + at, s->parts + at, 1.0f, p.now.n);
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

/* The three projections of a channel and its convolution are one piece. */
static void conv_block(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    const weir_weight *m = &layer->conv_in;
    uint32_t n_rows = w->batch->n_rows, d = w->h->d_model;
    input in = normed_input(w, s->x, NULL, n_rows, layer->operator_norm, s->normed,
                            weir_cpu_is_packed(w->cpu, m));
    for (pieces p = begin_pieces(w, m, d, 1); go_on(&p);) {
        for (uint32_t part = 0; part < 3; part++) {
            const uint8_t *next = part < 2     ? coming(w, m, m, (part + 1) * d + p.now.first)
                                  : p.has_next ? coming(w, m, m, p.next.first)
                                               : NULL;
            multiply(w, m, layer->conv_in_bias, in, n_rows, s->wide, part * d + p.now.first,
                     p.now.n, next);
        }
        weir_cpu_convolve(w->cpu, w->batch, layer, s->wide, s->wide2, p.now.first,
                          (size_t)p.now.first + p.now.n);
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

/* An item of this section's attention; false: all are taken. */
static bool take_item(const walk *w, uint32_t n_items, uint32_t *item) {
    uint32_t n;
    return take(w, taken(w, 0), w->n_workers, n_items, n_items, n_items, 1, item, &n);
}

static void attend(walk *w, const weir_layer *layer, const float *q, float *y) {
    uint32_t n_rows = w->batch->n_rows, n_heads_kv = layer->n_heads_kv, item;
    uint32_t n_segments = weir_cpu_attend_segments(w->cpu, w->batch, layer);
    if (n_segments == 1) {
        uint32_t n_together = weir_cpu_attend_rows(w->cpu, n_rows, n_heads_kv);
        uint32_t n_items = (uint32_t)weir_cpu_attend_items(w->batch, layer, n_together);
        while (take_item(w, n_items, &item))
            weir_cpu_attend_item(w->cpu, w->worker, w->batch, layer, q, y, n_together, item);
        return;
    }
    while (take_item(w, n_rows * n_heads_kv * n_segments, &item))
        weir_cpu_attend_part(w->cpu, w->worker, w->batch, layer, q, n_segments, item);
    wait_all(w, WEIR_CPU_ATTEND);
    weir_cpu_attend_merge(w->cpu, w->worker, w->n_workers, w->batch, layer, y, n_segments);
}

static void attn_block(walk *w, const weir_layer *layer) {
    const weir_scratch *s = w->s;
    const weir_hparams *h = w->h;
    uint32_t n_rows = w->batch->n_rows, n_heads_kv = layer->n_heads_kv;
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
    attend(w, layer, q, s->wide2);
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
    const weir_weight *up = &layer->ffn_up, *gates = &layer->ffn_gate;
    uint32_t n_rows = w->batch->n_rows, width = w->h->d_ff;
    bool is_packed = weir_cpu_is_packed(w->cpu, gates) || weir_cpu_is_packed(w->cpu, up);
    input in = normed_input(w, s->x, NULL, n_rows, layer->ffn_norm, s->normed, is_packed);
    for (pieces p = begin_pieces(w, gates, width, 1); go_on(&p);) {
        const piece *now = &p.now;
        multiply(w, gates, NULL, in, n_rows, s->wide, now->first, now->n,
                 coming(w, gates, up, now->first));
        multiply(w, up, NULL, in, n_rows, s->wide2, now->first, now->n,
                 p.has_next ? coming(w, up, gates, p.next.first) : NULL);
        for (uint32_t r = 0; r < n_rows; r++)
            gate(w, r, width, now->first, now->n);
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

/* Expert number i of those that have rows. */
static uint32_t expert_of(const walk *w, const choice *c, uint32_t i) {
    return w->batch->n_rows == 1 ? (uint32_t)c->experts[i] : w->cpu->active_experts[i];
}

/* A piece of that expert's matrix times the rows that use it, which are of a token's experts. */
static void multiply_expert(const walk *w, const choice *c, const weir_weight *experts,
                            const piece *now, input in, uint32_t x_repeat, float *y,
                            const uint8_t *next) {
    weir_linear op = {.w = experts, .x = in.x, .y = y, .x_repeat = x_repeat};
    weir_cpu_group g = {
        .w = experts + expert_of(w, c, now->which), .rows = &now->which, .n_rows = 1};
    if (w->batch->n_rows > 1)
        g = weir_cpu_group_of_expert(w->cpu, &op, expert_of(w, c, now->which));
    weir_cpu_multiply(w->cpu, w->worker, &op, in.rounded, &g, now->first, now->n, next);
}

/* The same piece of gate and up, and what both make of it. */
static void experts_up(walk *w, const weir_layer *layer, const choice *c, input in) {
    const weir_weight *gates = layer->experts_gate, *up = layer->experts_up;
    uint32_t k = w->h->n_experts_used, width = w->h->d_ff_expert;
    for (pieces p = begin_pieces(w, gates, width, c->n_active); go_on(&p);) {
        uint32_t expert = expert_of(w, c, p.now.which);
        const uint8_t *next = NULL;
        if (p.has_next)
            next = coming(w, up, gates + expert_of(w, c, p.next.which), p.next.first);
        multiply_expert(w, c, gates, &p.now, in, k, w->s->wide,
                        coming(w, gates, up + expert, p.now.first));
        multiply_expert(w, c, up, &p.now, in, k, w->s->wide2, next);
        if (w->batch->n_rows == 1) {
            gate(w, p.now.which, width, p.now.first, p.now.n);
            continue;
        }
        for (uint32_t i = w->cpu->expert_begin[expert]; i < w->cpu->expert_begin[expert + 1]; i++)
            gate(w, w->cpu->expert_rows[i], width, p.now.first, p.now.n);
    }
    meet(w, WEIR_CPU_FFN_UP);
}

/* One token: each piece sums what its experts have for those channels. */
static void experts_down_of_one(walk *w, const weir_layer *layer, const choice *c, input in) {
    const weir_weight *down = layer->experts_down;
    uint32_t d = w->h->d_model;
    for (pieces p = begin_pieces(w, down, d, 1); go_on(&p);) {
        piece now = p.now;
        for (now.which = 0; now.which < c->n_active; now.which++) {
            bool is_last = now.which + 1 == c->n_active;
            const uint8_t *next = NULL;
            if (!is_last || p.has_next)
                next = coming(w, down, down + expert_of(w, c, is_last ? 0 : now.which + 1),
                              is_last ? p.next.first : now.first);
            multiply_expert(w, c, down, &now, in, 1, w->s->parts, next);
        }
        for (uint32_t i = 0; i < c->n_active; i++)
            w->cpu->kernels.add_scaled(w->s->x + now.first, w->s->parts + (size_t)i * d + now.first,
                                       c->weights[i], now.n);
    }
    meet(w, WEIR_CPU_FFN_DOWN);
}

static void experts_down(walk *w, const weir_layer *layer, const choice *c, input in) {
    const weir_weight *down = layer->experts_down;
    uint32_t d = w->h->d_model, k = w->h->n_experts_used;
    for (pieces p = begin_pieces(w, down, d, c->n_active); go_on(&p);) {
        const uint8_t *next = NULL;
        if (p.has_next)
            next = coming(w, down, down + expert_of(w, c, p.next.which), p.next.first);
        multiply_expert(w, c, down, &p.now, in, 1, w->s->parts, next);
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
    uint32_t n_rows = w->batch->n_rows;
    bool is_packed = weir_cpu_is_packed(w->cpu, &layer->router) ||
                     weir_cpu_is_packed(w->cpu, layer->experts_gate) ||
                     weir_cpu_is_packed(w->cpu, layer->experts_up);
    input in = normed_input(w, s->x, NULL, n_rows, layer->ffn_norm, s->normed, is_packed);
    product(w, &layer->router, in, s->router);
    meet(w, WEIR_CPU_ROUTER);
    choice c = choose(w, layer);
    experts_up(w, layer, &c, in);
    in = plain_input(w, s->wide, n_rows, n_rows * w->h->n_experts_used, layer->experts_down);
    if (n_rows == 1)
        experts_down_of_one(w, layer, &c, in);
    else
        experts_down(w, layer, &c, in);
}

static void head(walk *w) {
    const weir_batch *batch = w->batch;
    const weir_model *model = w->cpu->host.be.model;
    uint32_t n_out = batch->n_out, n_vocab = w->h->n_vocab;
    if (n_out == 0)
        return;
    input in = normed_input(w, w->s->x, batch->out_rows, n_out, model->final_norm, w->s->out,
                            weir_cpu_is_packed(w->cpu, &model->head));
    for (pieces p = begin_pieces(w, &model->head, n_vocab, 1); go_on(&p);) {
        multiply_piece(&p, &model->head, NULL, in, n_out, w->s->logits);
        for (size_t i = 0; i < n_out; i++)
            memcpy(batch->logits[i] + p.now.first, w->s->logits + i * n_vocab + p.now.first,
                   p.now.n * sizeof(float));
    }
    mark(w, WEIR_CPU_HEAD);
}

/* ---- the step ------------------------------------------------------------------------------- */

/* One worker looks, before barriers of layer i; behind them all know, and of a later look they know
 * that it is later. */
static void look_at_cancel(const walk *w, uint32_t i) {
    if (w->worker == 0 && w->batch->cancel &&
        atomic_load_explicit(w->batch->cancel, memory_order_relaxed))
        atomic_store_explicit(&w->run->stop_at, i, memory_order_relaxed);
}

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
              .n_workers = n_workers};
    mark(&w, WEIR_CPU_WAIT); /* for being woken */
    embed(&w);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *layer = &model->layers[i];
        look_at_cancel(&w, i);
        if (worker == 0)
            weir_workers_step_aside(cpu->workers);
        if (layer->kind == WEIR_LAYER_CONV)
            conv_block(&w, layer);
        else
            attn_block(&w, layer);
        if (i + 1 == model->h.n_layers)
            look_at_cancel(&w, i); /* before the head */
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

/* A thread's phases add up to the step: it waits until it has begun, and from its end on. */
static void begin_profiled(weir_cpu *cpu) {
    cpu->step_s = weir_clock_s();
    for (uint32_t i = 0; i < cpu->host.be.options.n_threads; i++)
        cpu->threads[i].since_s = cpu->step_s;
}

static void end_profiled(weir_cpu *cpu) {
    double now_s = weir_clock_s();
    for (uint32_t i = 0; i < cpu->host.be.options.n_threads; i++)
        cpu->threads[i].phase_s[WEIR_CPU_WAIT] += now_s - cpu->threads[i].since_s;
    cpu->n_steps++;
    cpu->steps_s += now_s - cpu->step_s;
}

weir_status weir_cpu_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    weir_cpu *cpu = weir_cpu_of(be);
    if (batch->observer || cpu->parity || has_adapters(be, batch))
        return weir_compose_step(be, batch, err);
    run r = {.cpu = cpu, .batch = batch};
    atomic_init(&r.stop_at, UINT32_MAX);
    size_t n_sections = cpu->n_nodes * weir_cpu_n_sections(be->model);
    for (size_t i = 0; i < n_sections; i++)
        atomic_store_explicit(&cpu->sections[i], 0, memory_order_relaxed);
    if (cpu->is_profiled)
        begin_profiled(cpu);
    weir_workers_run(cpu->workers, walk_layers, &r);
    if (cpu->is_profiled)
        end_profiled(cpu);
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
