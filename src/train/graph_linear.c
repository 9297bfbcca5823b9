/*
 * graph_linear.c: products with a matrix, forward and back, in its three states: trained in
 * float32, frozen in the format of its file (dequantized in panels of rows when it is used, so that
 * no second copy of a model stands in memory), and with a low-rank adapter beside either.
 */
#include "base/error.h"
#include "base/random.h"
#include "train/graph_internal.h"
#include <assert.h>
#include <string.h>

/* ---- copies --------------------------------------------------------------------------------- */

typedef struct copy_work {
    const float *from; /* NULL: zeros */
    float *to;
    size_t n;
} copy_work;

static void copy_share(void *context, uint32_t worker, uint32_t n_workers) {
    const copy_work *work = context;
    size_t begin, end;
    weir_share(work->n, 1024, worker, n_workers, &begin, &end);
    if (begin == end)
        return;
    if (work->from)
        memcpy(work->to + begin, work->from + begin, (end - begin) * sizeof(float));
    else
        memset(work->to + begin, 0, (end - begin) * sizeof(float));
}

void weir_graph_copy(weir_graph *g, const float *from, float *to, size_t n) {
    copy_work work = {from, to, n};
    weir_workers_run(g->dev->workers, copy_share, &work);
}

void weir_graph_zero(weir_graph *g, float *to, size_t n) {
    copy_work work = {NULL, to, n};
    weir_workers_run(g->dev->workers, copy_share, &work);
}

/* ---- frozen matrices ------------------------------------------------------------------------ */

typedef struct panel_work {
    const weir_weight *w;
    uint32_t first, n;
    float *to;
} panel_work;

static void panel_share(void *context, uint32_t worker, uint32_t n_workers) {
    const panel_work *work = context;
    const weir_weight *w = work->w;
    size_t begin, end;
    weir_share(work->n, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        w->format->dequantize(w->data + (work->first + r) * w->row_bytes, work->to + r * w->cols,
                              w->cols);
}

/* Rows [first, first + *n) of a frozen matrix as float32 in the panel; *n at least 1. */
static const float *panel_of(weir_graph *g, const weir_weight *w, uint32_t first, uint32_t *n) {
    uint32_t most = WEIR_PANEL_VALUES / w->cols;
    most = most ? most : 1;
    *n = w->rows - first < most ? w->rows - first : most;
    panel_work work = {w, first, *n, g->s.panel};
    weir_workers_run(g->dev->workers, panel_share, &work);
    return g->s.panel;
}

/* y (+)= x W' of one job whose matrix is frozen, panel by panel. */
static void forward_frozen(weir_graph *g, const weir_linear_job *job, bool is_added) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    for (uint32_t first = 0, n; first < slot->rows; first += n) {
        const float *panel = panel_of(g, slot->frozen, first, &n);
        weir_matmul product = {.m = job->n_rows,
                               .n = n,
                               .k = slot->cols,
                               .a = job->x,
                               .lda = slot->cols,
                               .b = panel,
                               .ldb = slot->cols,
                               .b_is_transposed = true,
                               .c = job->y + first,
                               .ldc = slot->rows,
                               .is_added = is_added};
        g->dev->ops.matmul(g->dev, &product, 1);
    }
}

static void back_frozen(weir_graph *g, const weir_linear_job *job, bool is_added) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    for (uint32_t first = 0, n; first < slot->rows; first += n) {
        const float *panel = panel_of(g, slot->frozen, first, &n);
        weir_matmul product = {.m = job->n_rows,
                               .n = slot->cols,
                               .k = n,
                               .a = job->dy + first,
                               .lda = slot->rows,
                               .b = panel,
                               .ldb = slot->cols,
                               .c = job->dx,
                               .ldc = slot->cols,
                               .is_added = is_added || first > 0};
        g->dev->ops.matmul(g->dev, &product, 1);
    }
}

/* ---- trained matrices: all jobs in one group ------------------------------------------------- */

static void forward_trained(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added) {
    uint32_t n_products = 0;
    for (uint32_t i = 0; i < n; i++) {
        const weir_linear_slot *slot = &g->slots[jobs[i].slot];
        if (!slot->w || jobs[i].n_rows == 0)
            continue;
        assert(n_products < g->cap_products);
        g->products[n_products++] = (weir_matmul){.m = jobs[i].n_rows,
                                                  .n = slot->rows,
                                                  .k = slot->cols,
                                                  .a = jobs[i].x,
                                                  .lda = slot->cols,
                                                  .b = slot->w,
                                                  .ldb = slot->cols,
                                                  .b_is_transposed = true,
                                                  .c = jobs[i].y,
                                                  .ldc = slot->rows,
                                                  .is_added = is_added};
    }
    if (n_products > 0)
        g->dev->ops.matmul(g->dev, g->products, n_products);
}

static void back_trained(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added) {
    uint32_t n_products = 0;
    for (uint32_t i = 0; i < n; i++) {
        const weir_linear_slot *slot = &g->slots[jobs[i].slot];
        const weir_linear_job *job = &jobs[i];
        if (job->n_rows == 0)
            continue;
        assert(n_products + 2 <= g->cap_products);
        if (slot->w && job->dx)
            g->products[n_products++] = (weir_matmul){.m = job->n_rows,
                                                      .n = slot->cols,
                                                      .k = slot->rows,
                                                      .a = job->dy,
                                                      .lda = slot->rows,
                                                      .b = slot->w,
                                                      .ldb = slot->cols,
                                                      .c = job->dx,
                                                      .ldc = slot->cols,
                                                      .is_added = is_added};
        if (slot->dw)
            g->products[n_products++] = (weir_matmul){.m = slot->rows,
                                                      .n = slot->cols,
                                                      .k = job->n_rows,
                                                      .a = job->dy,
                                                      .lda = slot->rows,
                                                      .a_is_transposed = true,
                                                      .b = job->x,
                                                      .ldb = slot->cols,
                                                      .c = slot->dw,
                                                      .ldc = slot->cols,
                                                      .is_added = true};
    }
    if (n_products > 0)
        g->dev->ops.matmul(g->dev, g->products, n_products);
}

/* ---- adapters: y += scale (x A') B' ---------------------------------------------------------- */

typedef struct drop_work {
    const float *from;
    float *to; /* may be from */
    size_t first, n;
    uint64_t key, stream;
    float p;
} drop_work;

/* Each value by a draw of its own, so that the way back meets the same ones. */
static void drop_share(void *context, uint32_t worker, uint32_t n_workers) {
    const drop_work *work = context;
    size_t begin, end;
    weir_share(work->n, 1024, worker, n_workers, &begin, &end);
    float kept = 1.0f / (1.0f - work->p);
    for (size_t i = begin; i < end; i++) {
        double u = weir_uniform(weir_mix64(work->key, work->stream, work->first + i));
        work->to[i] = u < (double)work->p ? 0.0f : work->from[i] * kept;
    }
}

static void drop(weir_graph *g, const weir_linear_job *job, const float *from, float *to) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    drop_work work = {.from = from,
                      .to = to,
                      .first = (size_t)job->first_row * slot->cols,
                      .n = (size_t)job->n_rows * slot->cols,
                      .key = g->batch->dropout_key,
                      .stream = job->slot,
                      .p = g->options.lora_dropout};
    weir_workers_run(g->dev->workers, drop_share, &work);
}

static const float *adapter_input(weir_graph *g, const weir_linear_job *job) {
    if (g->options.lora_dropout <= 0 || g->batch->dropout_key == 0)
        return job->x;
    drop(g, job, job->x, g->s.dropped);
    return g->s.dropped;
}

/* u [n_rows, rank] = scale x A' */
static void adapter_inner(weir_graph *g, const weir_linear_job *job, const float *x, float *u) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    weir_matmul inner = {.m = job->n_rows,
                         .n = slot->rank,
                         .k = slot->cols,
                         .a = x,
                         .lda = slot->cols,
                         .b = slot->lora_a,
                         .ldb = slot->cols,
                         .b_is_transposed = true,
                         .c = u,
                         .ldc = slot->rank};
    g->dev->ops.matmul(g->dev, &inner, 1);
    for (size_t i = 0; i < (size_t)job->n_rows * slot->rank; i++)
        u[i] *= slot->scale;
}

static void forward_adapter(weir_graph *g, const weir_linear_job *job) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    adapter_inner(g, job, adapter_input(g, job), g->s.lora_u);
    weir_matmul outer = {.m = job->n_rows,
                         .n = slot->rows,
                         .k = slot->rank,
                         .a = g->s.lora_u,
                         .lda = slot->rank,
                         .b = slot->lora_b,
                         .ldb = slot->rank,
                         .b_is_transposed = true,
                         .c = job->y,
                         .ldc = slot->rows,
                         .is_added = true};
    g->dev->ops.matmul(g->dev, &outer, 1);
}

/* dB += dy' u; t = scale dy B; dA += t' x; dx += t A (through the same dropout). */
static void back_adapter(weir_graph *g, const weir_linear_job *job) {
    const weir_linear_slot *slot = &g->slots[job->slot];
    const float *x = adapter_input(g, job);
    bool is_dropped = x != job->x;
    adapter_inner(g, job, x, g->s.lora_u);
    weir_matmul first[2] = {{.m = slot->rows,
                             .n = slot->rank,
                             .k = job->n_rows,
                             .a = job->dy,
                             .lda = slot->rows,
                             .a_is_transposed = true,
                             .b = g->s.lora_u,
                             .ldb = slot->rank,
                             .c = slot->dlora_b,
                             .ldc = slot->rank,
                             .is_added = true},
                            {.m = job->n_rows,
                             .n = slot->rank,
                             .k = slot->rows,
                             .a = job->dy,
                             .lda = slot->rows,
                             .b = slot->lora_b,
                             .ldb = slot->rank,
                             .c = g->s.lora_t,
                             .ldc = slot->rank}};
    g->dev->ops.matmul(g->dev, first, 2);
    for (size_t i = 0; i < (size_t)job->n_rows * slot->rank; i++)
        g->s.lora_t[i] *= slot->scale;
    weir_matmul second[2] = {{.m = slot->rank,
                              .n = slot->cols,
                              .k = job->n_rows,
                              .a = g->s.lora_t,
                              .lda = slot->rank,
                              .a_is_transposed = true,
                              .b = x,
                              .ldb = slot->cols,
                              .c = slot->dlora_a,
                              .ldc = slot->cols,
                              .is_added = true},
                             {.m = job->n_rows,
                              .n = slot->cols,
                              .k = slot->rank,
                              .a = g->s.lora_t,
                              .lda = slot->rank,
                              .b = slot->lora_a,
                              .ldb = slot->cols,
                              .c = job->dx,
                              .ldc = slot->cols,
                              .is_added = true}};
    if (!is_dropped) {
        g->dev->ops.matmul(g->dev, second, job->dx ? 2 : 1);
        return;
    }
    g->dev->ops.matmul(g->dev, second, 1);
    if (!job->dx)
        return;
    second[1].c = g->s.dropped;
    second[1].is_added = false;
    g->dev->ops.matmul(g->dev, &second[1], 1);
    drop(g, job, g->s.dropped, g->s.dropped);
    g->dev->ops.axpy(g->dev, 1.0f, g->s.dropped, (size_t)job->n_rows * slot->cols, job->dx);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void weir_linear_forward(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added) {
    forward_trained(g, jobs, n, is_added);
    for (uint32_t i = 0; i < n; i++) {
        const weir_linear_slot *slot = &g->slots[jobs[i].slot];
        if (jobs[i].n_rows == 0)
            continue;
        if (!slot->w)
            forward_frozen(g, &jobs[i], is_added);
        if (slot->rank > 0)
            forward_adapter(g, &jobs[i]);
    }
}

void weir_linear_back(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added) {
    back_trained(g, jobs, n, is_added);
    for (uint32_t i = 0; i < n; i++) {
        const weir_linear_slot *slot = &g->slots[jobs[i].slot];
        if (jobs[i].n_rows == 0)
            continue;
        if (!slot->w && jobs[i].dx)
            back_frozen(g, &jobs[i], is_added);
        if (slot->rank > 0)
            back_adapter(g, &jobs[i]);
    }
}
