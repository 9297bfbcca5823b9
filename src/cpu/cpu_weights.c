/*
 * cpu_weights.c: where the CPU device has its weights.
 *
 * Where their file is mapped, brought into memory before the first step needs them; or, with
 * no_map, in memory of its own (one arena, every matrix 64-byte aligned, huge pages where the
 * system offers them), the mapped pages dropped slice by slice so that nothing is there twice. All
 * threads draw slices of a few MiB, so that the disk sees a deep queue and the page faults are
 * spread over the team. Owns the copies of the model's bound structs that point into the arena;
 * layout() is the only place that says how large it is.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "cpu/cpu_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLICE_BYTES ((size_t)4 << 20)

/* Linux 5.14; older headers lack the name, older kernels answer EINVAL. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* The matrices of a model in a fixed order; a tied head is the embedding and not listed again.
 * list [the number returned], NULL: counted only. */
static size_t list_matrices(const weir_model *model, const weir_weight **list) {
    size_t n = 0;
#define ADD(weight)                                 \
    do {                                            \
        if ((weight)->data && (weight)->rows > 0) { \
            if (list)                               \
                list[n] = (weight);                 \
            n++;                                    \
        }                                           \
    } while (0)
    ADD(&model->embed);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *l = &model->layers[i];
        const weir_weight *single[] = {&l->conv_in,  &l->conv_out, &l->attn_q,   &l->attn_k,
                                       &l->attn_v,   &l->attn_out, &l->ffn_gate, &l->ffn_up,
                                       &l->ffn_down, &l->router};
        const weir_weight *experts[] = {l->experts_gate, l->experts_up, l->experts_down};
        for (size_t j = 0; j < WEIR_COUNT(single); j++)
            ADD(single[j]);
        for (size_t j = 0; j < WEIR_COUNT(experts); j++)
            for (uint32_t e = 0; experts[j] && e < model->h.n_experts; e++)
                ADD(&experts[j][e]);
    }
    if (model->head.data != model->embed.data)
        ADD(&model->head);
#undef ADD
    return n;
}

static void place(weir_weight *w, weir_arena *arena) {
    if (w->data && w->rows > 0)
        w->data = weir_arena_take_array(arena, w->rows, w->row_bytes);
}

static const weir_weight *place_experts(const weir_weight *from, uint32_t n, weir_arena *arena) {
    if (!from)
        return NULL;
    weir_weight *experts = weir_arena_take_array(arena, n, sizeof *experts);
    for (uint32_t e = 0; e < n; e++) {
        weir_weight w = from[e];
        place(&w, arena);
        if (experts)
            experts[e] = w;
    }
    return experts;
}

/* Makes `copy` a model whose matrices lie in the arena, in the order of their use; all else is
 * shared with `model`. Over an arena without memory it measures. */
static void layout(weir_model *copy, weir_arena *arena, const weir_model *model) {
    *copy = *model;
    place(&copy->embed, arena);
    weir_layer *layers = weir_arena_take_array(arena, model->h.n_layers, sizeof *layers);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        weir_layer l = model->layers[i];
        weir_weight *single[] = {&l.conv_in,  &l.conv_out, &l.attn_q,   &l.attn_k, &l.attn_v,
                                 &l.attn_out, &l.router,   &l.ffn_gate, &l.ffn_up, &l.ffn_down};
        for (size_t j = 0; j < WEIR_COUNT(single); j++)
            place(single[j], arena);
        l.experts_gate = place_experts(l.experts_gate, model->h.n_experts, arena);
        l.experts_up = place_experts(l.experts_up, model->h.n_experts, arena);
        l.experts_down = place_experts(l.experts_down, model->h.n_experts, arena);
        if (layers)
            layers[i] = l;
    }
    copy->layers = layers;
    if (model->head.data == model->embed.data)
        copy->head = copy->embed;
    else
        place(&copy->head, arena);
}

size_t weir_cpu_weights_bytes(const weir_model *model) {
    weir_model copy;
    weir_arena arena = {0};
    layout(&copy, &arena, model);
    return arena.used;
}

/* ---- reading ---- */

typedef struct span {
    const uint8_t *from; /* mapped */
    uint8_t *to;         /* NULL: only brought into memory where it is */
    size_t bytes;
    size_t first_slice; /* number of its first slice among those of all spans */
} span;

typedef struct reading {
    const weir_model *model; /* that is read */
    span *spans;             /* [n_spans] */
    size_t n_spans, n_slices;
    uint64_t total_bytes;
    size_t page_bytes;
    const weir_progress *progress;
    atomic_int error; /* errno of the first slice that could not be read */
    atomic_uint_least64_t done_bytes;
    WEIR_ALIGN(64) atomic_size_t next;
} reading;

/* The last span whose first slice is not behind `slice`. */
static const span *span_of(const reading *r, size_t slice) {
    size_t low = 0, high = r->n_spans;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (r->spans[middle].first_slice <= slice)
            low = middle;
        else
            high = middle;
    }
    return &r->spans[low];
}

/* Reads and maps the pages that hold [from, from + bytes), and copies them to `to`. 0 or errno. */
static int read_slice(const uint8_t *from, uint8_t *to, size_t bytes, size_t page_bytes) {
    uintptr_t begin = (uintptr_t)from / page_bytes * page_bytes;
    size_t length = (uintptr_t)from + bytes - begin;
    void *pages = (void *)begin;
    madvise(pages, length, MADV_WILLNEED); /* a wish: the whole slice is read at once */
    if (madvise(pages, length, MADV_POPULATE_READ) != 0) {
        if (errno != EINVAL && errno != EAGAIN && errno != EINTR && errno != ENOMEM)
            return errno;
        const volatile uint8_t *touched = from;
        for (size_t i = 0; i < bytes; i += page_bytes)
            (void)touched[i];
        (void)touched[bytes - 1];
    }
    if (to)
        memcpy(to, from, bytes);
    return 0;
}

static void read_slices(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    reading *r = context;
    const weir_progress *progress = r->progress;
    for (;;) {
        size_t slice = atomic_fetch_add(&r->next, 1);
        if (slice >= r->n_slices || atomic_load(&r->error) != 0)
            return;
        const span *s = span_of(r, slice);
        size_t at = (slice - s->first_slice) * SLICE_BYTES;
        size_t bytes = s->bytes - at < SLICE_BYTES ? s->bytes - at : SLICE_BYTES;
        int error = read_slice(s->from + at, s->to ? s->to + at : NULL, bytes, r->page_bytes);
        int none = 0;
        if (s->to)
            weir_model_drop_pages(r->model, s->from + at, bytes);
        if (error != 0)
            atomic_compare_exchange_strong(&r->error, &none, error);
        uint64_t done = atomic_fetch_add(&r->done_bytes, bytes) + bytes;
        if (worker == 0 && progress->report)
            progress->report(progress->context, "reading weights", done, r->total_bytes);
    }
}

/* Brings the matrices of `from` into memory, into those of `to` if there is one. */
static weir_status read_matrices(weir_workers *workers, const weir_model *from,
                                 const weir_model *to, const weir_progress *progress,
                                 weir_error *err) {
    reading r = {.model = from, .progress = progress, .page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    r.n_spans = list_matrices(from, NULL);
    const weir_weight **list = calloc(2 * r.n_spans, sizeof *list);
    r.spans = calloc(r.n_spans, sizeof *r.spans);
    if (!list || !r.spans) {
        free(list);
        free(r.spans);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %zu matrices",
                         r.n_spans);
    }
    list_matrices(from, list);
    if (to)
        list_matrices(to, list + r.n_spans);
    for (size_t i = 0; i < r.n_spans; i++) {
        size_t bytes = list[i]->rows * list[i]->row_bytes;
        /* The copies point into our own arena; only their type says const. */
        uint8_t *own = to ? (uint8_t *)(uintptr_t)list[r.n_spans + i]->data : NULL;
        r.spans[i] = (span){list[i]->data, own, bytes, r.n_slices};
        r.n_slices += (bytes + SLICE_BYTES - 1) / SLICE_BYTES;
        r.total_bytes += bytes;
    }
    weir_workers_run(workers, read_slices, &r);
    free(list);
    free(r.spans);
    int error = atomic_load(&r.error);
    if (error != 0)
        return weir_fail(err, WEIR_STATUS_IO,
                         "the weights cannot be read from their file: %s; expected %llu bytes "
                         "(was the file cut while it was open?)",
                         strerror(error), (unsigned long long)r.total_bytes);
    if (progress->report)
        progress->report(progress->context, "reading weights", r.total_bytes, r.total_bytes);
    return WEIR_STATUS_OK;
}

weir_status weir_cpu_weights_open(weir_cpu *cpu, const weir_model *model, weir_error *err) {
    weir_backend *be = &cpu->host.be;
    const weir_progress *progress = &be->options.progress;
    if (!be->options.no_map)
        return read_matrices(cpu->workers, model, NULL, progress, err);
    WEIR_TRY(
        weir_arena_open(&cpu->host.weights, weir_cpu_weights_bytes(model), "the weights", err));
    layout(&cpu->model, &cpu->host.weights, model);
    be->model = &cpu->model;
    return read_matrices(cpu->workers, model, &cpu->model, progress, err);
}
