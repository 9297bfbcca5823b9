/*
 * cpu_linear.c: matrix products, dense and by expert.
 *
 * Packed matrices (t16.h): all rows of x are rounded to 15 or 8 bits once, then strips of the
 * matrix meet them. Others:
 *
 * The rows of y that meet one matrix are a group: all of them in a dense product, those of one
 * expert after a counting sort of `choice`. An item is a tile of weight rows of one matrix times
 * its whole group, so each weight is read once a product and by one thread. The format's kernel
 * takes the weights apart itself. Where it has none, or none for so many rows, the tile is
 * dequantized into the thread's memory once and multiplied as float32. Both give the same bits
 * (kernels.h), so the number of rows chooses the path and nothing else. x and y are passed as lists
 * of pointers: experts gather nothing.
 */
#include "base/compiler.h"
#include "cpu/cpu_backend.h"
#include "cpu/parity.h"

#include <assert.h>
#include <string.h>

enum {
    /* A tile stays in the second-level cache while the rows of x pass by: half of a small one. */
    TILE_VALUES = 256 * 1024 / 4,
    TILE_ROWS_LEAST = 8, /* also the unit that tiles are made of */
    TILE_ROWS_MOST = 64,
    /* So many items per thread that the last ones are short against the whole. */
    ITEMS_PER_THREAD = 8,
    X_ROWS = 60,       /* rows of x in one call of a kernel: whole tiles of 3, 4 or 5, */
    X_ROWS_TILES = 64, /* or of 16 */
    STRIPS_MOST = WEIR_T16_STREAMS
};

typedef struct product {
    weir_cpu *cpu;
    const weir_linear *op;
    bool is_packed;
    bool is_streamed;   /* experts that are read from their file (expert_stream.h) */
    uint32_t tile_rows; /* rows of a matrix in one item */
    uint32_t n_tiles;   /* items of one matrix */
    size_t n_items;
    WEIR_ALIGN(64) atomic_size_t next; /* item to be drawn */
} product;

size_t weir_cpu_tile_values(uint32_t n_cols) {
    size_t least = (size_t)TILE_ROWS_LEAST * n_cols;
    return least > TILE_VALUES ? least : TILE_VALUES;
}

/* Whether w times n_rows goes through the thread's tile. */
static bool needs_tile(const weir_cpu *cpu, const weir_weight *w, uint32_t n_rows) {
    const weir_cpu_kernels *k = &cpu->kernels;
    weir_format_id id = w->format->id;
    return id != WEIR_FORMAT_F32 && (!k->dot[id] || n_rows > k->dot_rows);
}

/* Multiple of TILE_ROWS_LEAST that fits a tile, if a group of at most n_rows needs it, and leaves
 * every thread several items. */
static uint32_t choose_tile_rows(const weir_cpu *cpu, const weir_weight *w, uint32_t n_rows,
                                 size_t n_groups) {
    uint32_t n_threads = cpu->host.be.options.n_threads;
    size_t fit = needs_tile(cpu, w, n_rows) ? cpu->tile_values / w->cols : TILE_ROWS_MOST;
    size_t fair = w->rows * n_groups / ((size_t)n_threads * ITEMS_PER_THREAD);
    size_t rows = fit < fair || n_threads == 1 ? fit : fair;
    rows = rows < TILE_ROWS_MOST ? rows : TILE_ROWS_MOST;
    rows -= rows % TILE_ROWS_LEAST;
    return rows < TILE_ROWS_LEAST ? TILE_ROWS_LEAST : (uint32_t)rows;
}

size_t weir_cpu_input_values(const weir_model *model) {
    const weir_hparams *h = &model->h;
    size_t most = (size_t)h->n_heads * h->head_dim;
    const size_t others[] = {h->d_model, h->d_ff, (size_t)h->n_experts_used * h->d_ff_expert};
    for (size_t i = 0; i < WEIR_COUNT(others); i++)
        most = others[i] > most ? others[i] : most;
    return most;
}

size_t weir_cpu_rounded_bytes(const weir_model *model, uint32_t n_batch) {
    const weir_hparams *h = &model->h;
    size_t most = weir_q15_bytes((size_t)h->n_heads * h->head_dim);
    const size_t others[] = {weir_q15_bytes(h->d_model), weir_q15_bytes(h->d_ff),
                             h->n_experts_used * weir_q15_bytes(h->d_ff_expert)};
    for (size_t i = 0; i < WEIR_COUNT(others); i++)
        most = others[i] > most ? others[i] : most;
    return n_batch * most;
}

/* Strips in one item: as many as one row of x walks together, fewer where threads would wait. */
static uint32_t choose_tile_strips(const weir_cpu *cpu, const weir_weight *w, size_t n_groups) {
    size_t fair = w->rows / WEIR_T16_ROWS * n_groups / (cpu->host.be.options.n_threads * 4);
    return fair < 1 ? 1 : fair < STRIPS_MOST ? (uint32_t)fair : STRIPS_MOST;
}

/* Rows first .. first + n of the group's packed matrix times the rows of the group; their strips
 * lie at `data` in one piece. */
static void multiply_strips(const weir_cpu *cpu, const weir_linear *op, const uint8_t *rounded,
                            const weir_cpu_group *g, const uint8_t *data, uint32_t first,
                            uint32_t n, const uint8_t *next) {
    const weir_weight *w = g->w;
    size_t x_bytes = weir_q15_bytes(w->cols);
    weir_t16_strips strips = {.data = data,
                              .bytes = weir_t16_strip_bytes(w->format->id, w->cols),
                              .n = n / WEIR_T16_ROWS,
                              .walk = cpu->kernels.t16_walk};
    weir_t16_fn *few = cpu->t16[w->format->id];
    weir_t16_fn *many = cpu->t16_tiles ? cpu->t16_tiles[w->format->id] : NULL;
    const uint32_t most = many ? X_ROWS_TILES : X_ROWS;
    const uint8_t *x[X_ROWS_TILES];
    float *y[X_ROWS_TILES];
    for (uint32_t begin = 0; begin < g->n_rows; begin += most) {
        uint32_t n_x = g->n_rows - begin < most ? g->n_rows - begin : most;
        for (uint32_t j = 0; j < n_x; j++) {
            uint32_t row = g->rows ? g->rows[begin + j] : begin + j;
            x[j] = rounded + row / op->x_repeat * x_bytes;
            y[j] = op->y + (size_t)row * w->rows + first;
        }
        bool is_last = begin + n_x == g->n_rows;
        strips.next = is_last ? next : strips.data;
        weir_t16_fn *multiply = many && n_x >= cpu->kernels.t16_tile_rows ? many : few;
        multiply(&strips, x, n_x, w->cols, y);
        for (uint32_t j = 0; op->bias && j < n_x; j++)
            for (uint32_t i = 0; i < n; i++)
                y[j][i] += op->bias[first + i];
    }
}

static void round_rows(const product *p, uint32_t worker, uint32_t n_workers) {
    const weir_cpu *cpu = p->cpu;
    uint32_t n_cols = p->op->w->cols;
    size_t bytes = weir_q15_bytes(n_cols), begin, end;
    weir_share(p->op->n_rows / p->op->x_repeat, 1, worker, n_workers, &begin, &end);
    assert(p->op->n_rows / p->op->x_repeat * bytes <= cpu->rounded_bytes);
    for (size_t r = begin; r < end; r++)
        cpu->round(p->op->x + r * n_cols, n_cols, cpu->rounded + r * bytes);
}

/* Rows first .. first + n of the group's matrix times the rows of the group. */
static void multiply_tile(const weir_cpu *cpu, uint32_t worker, const weir_linear *op,
                          const weir_cpu_group *g, uint32_t first, uint32_t n) {
    const weir_cpu_kernels *k = &cpu->kernels;
    const weir_weight *w = g->w;
    weir_format_id id = w->format->id;
    weir_dot_fn *dot = k->dot[id];
    const uint8_t *data = w->data + first * w->row_bytes;
    size_t row_bytes = w->row_bytes;
    if (needs_tile(cpu, w, g->n_rows)) {
        assert((size_t)n * w->cols <= cpu->tile_values);
        float *tile = cpu->threads[worker].tile;
        for (uint32_t i = 0; i < n; i++)
            k->dequantize[id](data + i * row_bytes, tile + (size_t)i * w->cols, w->cols);
        dot = k->dot[WEIR_FORMAT_F32];
        data = (const uint8_t *)tile;
        row_bytes = w->cols * sizeof(float);
    }
    const float *x[X_ROWS];
    float *y[X_ROWS];
    for (uint32_t begin = 0; begin < g->n_rows; begin += X_ROWS) {
        uint32_t n_x = g->n_rows - begin < X_ROWS ? g->n_rows - begin : X_ROWS;
        for (uint32_t j = 0; j < n_x; j++) {
            uint32_t row = g->rows ? g->rows[begin + j] : begin + j;
            x[j] = op->x + (size_t)(row / op->x_repeat) * w->cols;
            y[j] = op->y + (size_t)row * w->rows + first;
        }
        dot(data, row_bytes, n, x, n_x, w->cols, y);
        for (uint32_t j = 0; op->bias && j < n_x; j++)
            for (uint32_t i = 0; i < n; i++)
                y[j][i] += op->bias[first + i];
    }
}

weir_cpu_group weir_cpu_group_of_expert(const weir_cpu *cpu, const weir_linear *op,
                                        uint32_t expert) {
    return (weir_cpu_group){.w = op->w + expert,
                            .rows = cpu->expert_rows + cpu->expert_begin[expert],
                            .n_rows = cpu->expert_begin[expert + 1] - cpu->expert_begin[expert]};
}

void weir_cpu_multiply(const weir_cpu *cpu, uint32_t worker, const weir_linear *op,
                       const uint8_t *rounded, const weir_cpu_group *g, uint32_t first, uint32_t n,
                       const uint8_t *next) {
    if (weir_cpu_is_packed(cpu, g->w)) {
        for (uint32_t at = first, end = first + n, n_strips; at < end;) {
            const uint8_t *data = weir_cpu_strip(cpu, g->w, at, &n_strips);
            uint32_t left = end - at, here = n_strips * WEIR_T16_ROWS;
            here = here < left ? here : left;
            multiply_strips(cpu, op, rounded, g, data, at, here, here == left ? next : NULL);
            at += here;
        }
        return;
    }
    uint32_t most = n;
    if (needs_tile(cpu, g->w, g->n_rows) && cpu->tile_values / g->w->cols < n)
        most = (uint32_t)(cpu->tile_values / g->w->cols) / TILE_ROWS_LEAST * TILE_ROWS_LEAST;
    for (uint32_t at = 0; at < n; at += most)
        multiply_tile(cpu, worker, op, g, first + at, n - at < most ? n - at : most);
}

static void multiply_item(const product *p, uint32_t worker, const weir_cpu_group *g,
                          uint32_t tile) {
    uint32_t first = tile * p->tile_rows;
    uint32_t left = g->w->rows - first;
    uint32_t n = left < p->tile_rows ? left : p->tile_rows;
    weir_cpu_multiply(p->cpu, worker, p->op, p->cpu->rounded, g, first, n, NULL);
}

/* Items of experts that are read from their file, in the order in which they
 * come. */
static void multiply_streamed(const product *p, uint32_t worker) {
    weir_expert_stream *experts = p->cpu->experts;
    uint32_t expert, tile;
    while (weir_expert_item_take(experts, &expert, &tile)) {
        weir_cpu_group g = weir_cpu_group_of_expert(p->cpu, p->op, expert);
        multiply_item(p, worker, &g, tile);
        weir_expert_item_done(experts, expert);
    }
}

static void multiply_items(void *context, uint32_t worker, uint32_t n_workers) {
    product *p = context;
    const weir_cpu *cpu = p->cpu;
    const weir_linear *op = p->op;
    if (p->is_packed) {
        round_rows(p, worker, n_workers);
        if (n_workers > 1)
            weir_workers_barrier(cpu->workers, worker);
    }
    if (p->is_streamed) {
        multiply_streamed(p, worker);
        return;
    }
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (item >= p->n_items)
            return;
        weir_cpu_group g = {.w = op->w, .n_rows = op->n_rows};
        if (op->choice)
            g = weir_cpu_group_of_expert(cpu, op, cpu->active_experts[item / p->n_tiles]);
        multiply_item(p, worker, &g, (uint32_t)(item % p->n_tiles));
    }
}

/* Sorts the rows by expert, keeping their order within one. Returns the number of experts that
 * have rows. */
uint32_t weir_cpu_sort_by_expert(weir_cpu *cpu, const weir_linear *op) {
    const weir_hparams *h = &cpu->host.be.model->h;
    uint32_t *begin = cpu->expert_begin;
    assert(op->n_choices <= h->n_experts &&
           op->n_rows <= (size_t)cpu->host.be.options.n_batch * h->n_experts_used);
    for (uint32_t e = 0; e <= op->n_choices; e++)
        begin[e] = 0;
    for (uint32_t r = 0; r < op->n_rows; r++) {
        assert((uint32_t)op->choice[r] < op->n_choices);
        begin[op->choice[r]]++;
    }
    uint32_t n_active = 0, sum = 0;
    for (uint32_t e = 0; e < op->n_choices; e++) {
        if (begin[e] > 0)
            cpu->active_experts[n_active++] = e;
        sum += begin[e];
        begin[e] = sum; /* the end of e for now */
    }
    begin[op->n_choices] = sum;
    /* From the last row down, so that each end moves to its beginning. */
    for (uint32_t r = op->n_rows; r-- > 0;)
        cpu->expert_rows[--begin[op->choice[r]]] = r;
    return n_active;
}

/* Has what the experts of a product need asked for; at the first product of a
 * layer also what the next layer will. */
static void begin_streamed(const product *p, uint32_t n_active) {
    weir_cpu *cpu = p->cpu;
    const weir_backend *be = &cpu->host.be;
    uint32_t n_tokens = p->op->n_rows / be->model->h.n_experts_used;
    weir_expert_product_begin(cpu->experts, p->op->w, cpu->active_experts, n_active,
                              cpu->expert_begin, n_tokens, p->n_tiles);
    if (!cpu->experts->has_failed && cpu->experts->part == 0)
        weir_expert_guess(cpu->experts, &cpu->kernels, be->model, be->scratch.x, n_tokens);
}

/* Rows of x as llama.cpp would multiply them, each by one worker. */
static void round_as_peer(void *context, uint32_t worker, uint32_t n_workers) {
    const product *p = context;
    const weir_weight *w = p->op->w;
    size_t begin, end;
    weir_share(p->op->n_rows / p->op->x_repeat, 1, worker, n_workers, &begin, &end);
    for (size_t at = begin * w->cols; at < end * w->cols; at += w->cols)
        weir_parity_round(w->format->id, p->op->x + at, w->cols, p->cpu->parity + at);
}

void weir_cpu_linear(weir_backend *be, const weir_linear *op) {
    weir_cpu *cpu = weir_cpu_of(be);
    weir_linear rounded = *op;
    if (op->n_rows == 0)
        return;
    if (cpu->parity && weir_parity_rounds(op->w->format->id)) {
        product rows = {.cpu = cpu, .op = op};
        weir_cpu_run(cpu, (size_t)op->n_rows / op->x_repeat * op->w->cols, round_as_peer, &rows);
        rounded.x = cpu->parity;
        op = &rounded;
    }
    size_t n_groups = op->choice ? weir_cpu_sort_by_expert(cpu, op) : 1;
    product p = {.cpu = cpu, .op = op};
    p.is_packed = weir_cpu_is_packed(cpu, op->w);
    if (p.is_packed) {
        p.tile_rows = WEIR_T16_ROWS * choose_tile_strips(cpu, op->w, n_groups);
    } else {
        p.tile_rows = choose_tile_rows(cpu, op->w, op->n_rows, n_groups);
    }
    p.n_tiles = (op->w->rows + p.tile_rows - 1) / p.tile_rows;
    p.n_items = n_groups * p.n_tiles;
    p.is_streamed = weir_expert_stream_owns(cpu->experts, op->w);
    if (p.is_streamed)
        begin_streamed(&p, (uint32_t)n_groups);
    weir_cpu_run(cpu, (size_t)op->w->rows * op->w->cols * op->n_rows, multiply_items, &p);
    if (p.is_streamed &&
        cpu->experts->has_failed) /* the step is lost; what follows meets numbers */
        memset(op->y, 0, (size_t)op->n_rows * op->w->rows * sizeof *op->y);
}
