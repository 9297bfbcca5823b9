/*
 * cpu_attention.c: rotation, the K/V cache and attention.
 *
 * Owns the table of cosines and sines: one row per row of the batch, made when a row's position
 * changes, so once a step for all layers. K and V are rounded by weir_kv_store, as on every device.
 * An item of attention is one K/V head and a few query rows with all their keys; where that is too
 * little work for so many threads, one row and a segment of its keys. Segments are summed by
 * themselves and merged in their order in either case (attend_template.h), so a row's sums have one
 * order, whatever rows stand beside it and whoever sums.
 */
#include "base/compiler.h"
#include "cpu/cpu_backend.h"

#include <assert.h>
#include <math.h>

/* ---- rotation ----------------------------------------------------------------------------- */

typedef struct rotation {
    weir_cpu *cpu;
    const weir_batch *batch;
    uint32_t n_heads;
    float *x; /* [n_rows, n_heads, head_dim] */
} rotation;

/* cos and sin of float32 angles, exact to the last bit of a float: [2, half] */
static void make_rotation(const float *frequencies, uint32_t half, uint32_t pos, float *cos_sin) {
    for (uint32_t j = 0; j < half; j++) {
        float angle = (float)pos * frequencies[j];
        cos_sin[j] = (float)cos(angle);
        cos_sin[half + j] = (float)sin(angle);
    }
}

void weir_cpu_rotation_make(weir_cpu *cpu, const weir_batch *batch, uint32_t row) {
    uint32_t d = cpu->host.be.model->h.head_dim, pos = batch->pos[row];
    if (cpu->rotations_pos[row] == pos)
        return;
    make_rotation(cpu->frequencies, d / 2, pos, cpu->rotations + (size_t)row * d);
    cpu->rotations_pos[row] = pos;
}

static void rotate_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const rotation *job = context;
    weir_cpu *cpu = job->cpu;
    uint32_t d = cpu->host.be.model->h.head_dim;
    size_t begin, end;
    weir_share(job->batch->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        weir_cpu_rotation_make(cpu, job->batch, (uint32_t)r);
        for (uint32_t head = 0; head < job->n_heads; head++)
            cpu->kernels.rope(job->x + (r * job->n_heads + head) * d, cpu->rotations + r * d, d);
    }
}

void weir_cpu_rope(weir_backend *be, const weir_batch *batch, uint32_t n_heads, float *x) {
    weir_cpu *cpu = weir_cpu_of(be);
    assert(batch->n_rows <= be->options.n_batch);
    rotation job = {.cpu = cpu, .batch = batch, .n_heads = n_heads, .x = x};
    weir_cpu_run(cpu, (size_t)batch->n_rows * n_heads * be->model->h.head_dim, rotate_rows, &job);
}

/* ---- the cache ---------------------------------------------------------------------------- */

typedef struct kv_writing {
    weir_cpu *cpu;
    const weir_batch *batch;
    const weir_layer *layer;
    const float *k, *v; /* [n_rows, n_heads_kv, head_dim] */
} kv_writing;

/* The chunk that holds row r: chunks cover the rows in order. */
static const weir_rows *chunk_of(const weir_batch *batch, uint32_t r) {
    uint32_t low = 0, high = batch->n_chunks;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (batch->chunks[middle].first_row <= r)
            low = middle;
        else
            high = middle;
    }
    return &batch->chunks[low];
}

void weir_cpu_kv_store(const weir_cpu *cpu, const weir_batch *batch, const weir_layer *layer,
                       uint32_t row, uint32_t head, const float *k, const float *v) {
    const weir_kv_layout *kv = &cpu->host.be.kv;
    const weir_rows *chunk = chunk_of(batch, row);
    uint32_t in_chunk = row - chunk->first_row;
    if (in_chunk < chunk->n_replay)
        return;
    uint32_t pos = chunk->first_pos + in_chunk;
    uint8_t *slot = cpu->host.state.pages + chunk->pages[pos / WEIR_PAGE_TOKENS] * kv->page_bytes +
                    pos % WEIR_PAGE_TOKENS * kv->vector_bytes;
    weir_kv_store(kv, k, slot + weir_kv_k_at(kv, layer->kind_index, head));
    weir_kv_store(kv, v, slot + weir_kv_v_at(kv, layer->kind_index, head));
}

static void write_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const kv_writing *job = context;
    uint32_t d = job->cpu->host.be.kv.head_dim, n_heads = job->layer->n_heads_kv;
    size_t begin, end;
    weir_share(job->batch->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        for (uint32_t head = 0; head < n_heads; head++) {
            size_t from = (r * n_heads + head) * d;
            weir_cpu_kv_store(job->cpu, job->batch, job->layer, (uint32_t)r, head, job->k + from,
                              job->v + from);
        }
}

void weir_cpu_kv_write(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       const float *k, const float *v) {
    weir_cpu *cpu = weir_cpu_of(be);
    kv_writing job = {.cpu = cpu, .batch = batch, .layer = layer, .k = k, .v = v};
    size_t n_values = 2 * (size_t)batch->n_rows * layer->n_heads_kv * be->kv.head_dim;
    weir_cpu_run(cpu, n_values, write_rows, &job);
}

/* ---- attention ---------------------------------------------------------------------------- */

typedef struct attention {
    weir_cpu *cpu;
    const weir_batch *batch;
    const weir_layer *layer;
    const float *q;      /* [n_rows, n_heads, head_dim] */
    float *y;            /* [n_rows, n_heads, head_dim] */
    uint32_t n_segments; /* into which keys are divided */
    uint32_t n_together; /* rows of an item, where they are not */
    size_t n_items;
    WEIR_ALIGN(64) atomic_size_t next;
} attention;

uint32_t weir_cpu_attend_rows(const weir_cpu *cpu, uint32_t n_rows, uint32_t n_heads_kv) {
    size_t fair = (size_t)n_rows * n_heads_kv / (cpu->host.be.options.n_threads * 4);
    return fair < 1 ? 1 : fair < WEIR_ATTEND_ROWS ? (uint32_t)fair : WEIR_ATTEND_ROWS;
}

size_t weir_cpu_attend_items(const weir_batch *batch, const weir_layer *layer,
                             uint32_t n_together) {
    return (size_t)((batch->n_rows + n_together - 1) / n_together) * layer->n_heads_kv;
}

/* Rows first .. first + n of a chunk. */
static weir_attend_task task_of(const weir_cpu *cpu, uint32_t worker, const weir_layer *layer,
                                const weir_rows *chunk, uint32_t head, uint32_t first, uint32_t n,
                                const float *q, float *y) {
    const weir_backend *be = &cpu->host.be;
    uint32_t d = be->kv.head_dim, n_heads = be->model->h.n_heads;
    uint32_t n_group = n_heads / layer->n_heads_kv;
    size_t at = ((size_t)first * n_heads + (size_t)head * n_group) * d;
    return (weir_attend_task){.kv = &be->kv,
                              .pool = cpu->host.state.pages,
                              .pages = chunk->pages,
                              .k_at = weir_kv_k_at(&be->kv, layer->kind_index, head),
                              .v_at = weir_kv_v_at(&be->kv, layer->kind_index, head),
                              .n_keys = chunk->first_pos + (first - chunk->first_row) + 1,
                              .n_rows = n,
                              .n_group = n_group,
                              .row_values = (size_t)n_heads * d,
                              .q = q ? q + at : NULL,
                              .y = y ? y + at : NULL,
                              .scale = (float)(1.0 / sqrt(d)),
                              .scratch = cpu->threads[worker].attend};
}

void weir_cpu_attend_item(const weir_cpu *cpu, uint32_t worker, const weir_batch *batch,
                          const weir_layer *layer, const float *q, float *y, uint32_t n_together,
                          size_t item) {
    size_t n_blocks = (batch->n_rows + n_together - 1) / n_together;
    /* Head after head, so that neighbours in time read the same keys; the last rows first, because
     * they have the most keys and the end of the work should be fine-grained. */
    uint32_t head = (uint32_t)(item / n_blocks);
    uint32_t row = (uint32_t)(n_blocks - 1 - item % n_blocks) * n_together;
    uint32_t end = batch->n_rows - row < n_together ? batch->n_rows : row + n_together;
    while (row < end) {
        const weir_rows *chunk = chunk_of(batch, row);
        uint32_t chunk_end = chunk->first_row + chunk->n_rows,
                 n = (chunk_end < end ? chunk_end : end) - row;
        weir_attend_task task = task_of(cpu, worker, layer, chunk, head, row, n, q, y);
        cpu->kernels.attend(&task);
        row += n;
    }
}

/* ---- keys that threads share -------------------------------------------------------------- */

static uint32_t segments_of(uint32_t n_keys) {
    return (n_keys + WEIR_ATTEND_SEGMENT - 1) / WEIR_ATTEND_SEGMENT;
}

size_t weir_cpu_attend_parts(const weir_model *model, const weir_backend_options *options,
                             size_t *n_values) {
    const weir_hparams *h = &model->h;
    uint32_t least = UINT32_MAX; /* K/V heads */
    *n_values = 0;
    for (uint32_t i = 0; i < h->n_layers; i++) {
        uint32_t n = model->layers[i].n_heads_kv;
        if (model->layers[i].kind != WEIR_LAYER_ATTN)
            continue;
        size_t values = n * weir_attend_sums(h->n_heads / n, h->head_dim);
        *n_values = values > *n_values ? values : *n_values;
        least = n < least ? n : least;
    }
    if (options->n_threads == 1) /* which shares nothing */
        return 0;
    /* A row has no more keys than all pages hold: as far as a backend knows. */
    uint64_t n_keys = (uint64_t)options->n_pages * WEIR_PAGE_TOKENS;
    size_t n_rows = (2 * (size_t)options->n_threads - 1) / least;
    return n_rows * segments_of(n_keys < h->n_ctx ? (uint32_t)n_keys : h->n_ctx);
}

uint32_t weir_cpu_attend_segments(const weir_cpu *cpu, const weir_batch *batch,
                                  const weir_layer *layer) {
    uint32_t most = 0;
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *chunk = &batch->chunks[c];
        uint32_t n_keys = chunk->first_pos + chunk->n_rows;
        most = n_keys > most ? n_keys : most;
    }
    uint32_t n_segments = segments_of(most);
    bool is_little =
        (size_t)batch->n_rows * layer->n_heads_kv < 2 * (size_t)cpu->host.be.options.n_threads;
    bool has_room = (size_t)batch->n_rows * n_segments <= cpu->n_attend_parts;
    return is_little && has_room ? n_segments : 1;
}

/* What is summed of a row's keys for one K/V head: parts of as many segments as the longest row
 * has. */
static float *parts_of(const weir_cpu *cpu, const weir_layer *layer, uint32_t n_segments,
                       uint32_t row, uint32_t head) {
    const weir_hparams *h = &cpu->host.be.model->h;
    size_t n_values = weir_attend_sums(h->n_heads / layer->n_heads_kv, h->head_dim);
    return cpu->attend_parts + ((size_t)row * layer->n_heads_kv + head) * n_segments * n_values;
}

void weir_cpu_attend_part(const weir_cpu *cpu, uint32_t worker, const weir_batch *batch,
                          const weir_layer *layer, const float *q, uint32_t n_segments,
                          uint32_t item) {
    uint32_t row = item % batch->n_rows, head = item / batch->n_rows % layer->n_heads_kv;
    uint32_t segment = item / batch->n_rows / layer->n_heads_kv;
    weir_attend_task task =
        task_of(cpu, worker, layer, chunk_of(batch, row), head, row, 1, q, NULL);
    if (segment >= segments_of(task.n_keys))
        return;
    float *parts = parts_of(cpu, layer, n_segments, row, head);
    size_t n_values = weir_attend_sums(task.n_group, task.kv->head_dim);
    cpu->kernels.attend_part(&task, segment, parts + segment * n_values);
}

void weir_cpu_attend_merge(const weir_cpu *cpu, uint32_t worker, uint32_t n_workers,
                           const weir_batch *batch, const weir_layer *layer, float *y,
                           uint32_t n_segments) {
    size_t begin, end;
    weir_share((size_t)batch->n_rows * layer->n_heads_kv, 1, worker, n_workers, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        uint32_t row = (uint32_t)(i / layer->n_heads_kv), head = (uint32_t)(i % layer->n_heads_kv);
        weir_attend_task task =
            task_of(cpu, worker, layer, chunk_of(batch, row), head, row, 1, NULL, y);
        cpu->kernels.attend_merge(&task, parts_of(cpu, layer, n_segments, row, head));
    }
}

/* ---- as an op ----------------------------------------------------------------------------- */

static void attend_items(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    attention *job = context;
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (item >= job->n_items)
            return;
        if (job->n_segments > 1)
            weir_cpu_attend_part(job->cpu, worker, job->batch, job->layer, job->q, job->n_segments,
                                 (uint32_t)item);
        else
            weir_cpu_attend_item(job->cpu, worker, job->batch, job->layer, job->q, job->y,
                                 job->n_together, item);
    }
}

static void merge_items(void *context, uint32_t worker, uint32_t n_workers) {
    const attention *job = context;
    weir_cpu_attend_merge(job->cpu, worker, n_workers, job->batch, job->layer, job->y,
                          job->n_segments);
}

void weir_cpu_attend(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                     const float *q, float *y) {
    weir_cpu *cpu = weir_cpu_of(be);
    attention job = {.cpu = cpu, .batch = batch, .layer = layer, .q = q, .y = y};
    job.n_segments = weir_cpu_attend_segments(cpu, batch, layer);
    job.n_together = weir_cpu_attend_rows(cpu, batch->n_rows, layer->n_heads_kv);
    job.n_items = job.n_segments > 1 ? (size_t)batch->n_rows * layer->n_heads_kv * job.n_segments
                                     : weir_cpu_attend_items(batch, layer, job.n_together);
    size_t n_keys = 0;
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *chunk = &batch->chunks[c];
        n_keys += (size_t)chunk->n_rows * (chunk->first_pos + chunk->n_rows);
    }
    weir_cpu_run(cpu, n_keys * be->model->h.n_heads * be->kv.head_dim, attend_items, &job);
    if (job.n_segments > 1)
        weir_cpu_run(cpu,
                     (size_t)batch->n_rows * layer->n_heads_kv * job.n_segments * be->kv.head_dim,
                     merge_items, &job);
}
