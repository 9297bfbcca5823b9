/*
 * cpu_read_ahead.c: brings the mapped weights into memory before the first step needs them.
 *
 * Owns no weights. All threads draw slices of a few MiB and ask the system to read and map them,
 * so that the disk sees a deep queue and the faults are spread over the team; a step afterwards
 * meets no page fault. Slices are reported from the calling thread.
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

typedef struct span {
    const uint8_t *data;
    size_t bytes;
    size_t first_slice; /* number of its first slice among those of all spans */
} span;

typedef struct reading {
    span *spans; /* [n_spans] */
    size_t n_spans, n_slices;
    uint64_t total_bytes;
    size_t page_bytes;
    const weir_progress *progress;
    atomic_int error; /* errno of the first slice that could not be read */
    atomic_uint_least64_t done_bytes;
    WEIR_ALIGN(64) atomic_size_t next;
} reading;

static void add_span(reading *r, const weir_weight *w) {
    if (!w->data || w->rows == 0)
        return;
    size_t bytes = w->rows * w->row_bytes;
    if (r->spans)
        r->spans[r->n_spans] = (span){w->data, bytes, r->n_slices};
    r->n_spans++;
    r->n_slices += (bytes + SLICE_BYTES - 1) / SLICE_BYTES;
    r->total_bytes += bytes;
}

/* Counts the matrices of a model, or notes them where r->spans has room. */
static void add_model(reading *r, const weir_model *model) {
    r->n_spans = r->n_slices = 0;
    r->total_bytes = 0;
    add_span(r, &model->embed);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *l = &model->layers[i];
        const weir_weight *dense[] = {&l->conv_in,  &l->conv_out, &l->attn_q,   &l->attn_k,
                                      &l->attn_v,   &l->attn_out, &l->ffn_gate, &l->ffn_up,
                                      &l->ffn_down, &l->router};
        for (size_t j = 0; j < WEIR_COUNT(dense); j++)
            add_span(r, dense[j]);
        const weir_weight *experts[] = {l->experts_gate, l->experts_up, l->experts_down};
        for (size_t j = 0; j < WEIR_COUNT(experts); j++)
            for (uint32_t e = 0; experts[j] && e < model->h.n_experts; e++)
                add_span(r, &experts[j][e]);
    }
    if (model->head.data != model->embed.data)
        add_span(r, &model->head);
}

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

/* Reads and maps the pages that hold [data, data + bytes). 0 or errno. */
static int read_slice(const uint8_t *data, size_t bytes, size_t page_bytes) {
    uintptr_t begin = (uintptr_t)data / page_bytes * page_bytes;
    size_t length = (uintptr_t)data + bytes - begin;
    void *pages = (void *)begin;
    madvise(pages, length, MADV_WILLNEED); /* a wish: the whole slice is read at once */
    if (madvise(pages, length, MADV_POPULATE_READ) == 0)
        return 0;
    if (errno != EINVAL && errno != EAGAIN && errno != EINTR && errno != ENOMEM)
        return errno;
    const volatile uint8_t *bytes_of = data;
    for (size_t i = 0; i < bytes; i += page_bytes)
        (void)bytes_of[i];
    (void)bytes_of[bytes - 1];
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
        int error = read_slice(s->data + at, bytes, r->page_bytes), none = 0;
        if (error != 0)
            atomic_compare_exchange_strong(&r->error, &none, error);
        uint64_t done = atomic_fetch_add(&r->done_bytes, bytes) + bytes;
        if (worker == 0 && progress->report)
            progress->report(progress->context, "reading weights", done, r->total_bytes);
    }
}

weir_status weir_cpu_read_weights(weir_workers *workers, const weir_model *model,
                                  const weir_progress *progress, weir_error *err) {
    reading r = {.progress = progress, .page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    add_model(&r, model);
    if (r.n_spans == 0)
        return WEIR_STATUS_OK;
    r.spans = calloc(r.n_spans, sizeof *r.spans);
    if (!r.spans)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %zu matrices",
                         r.n_spans);
    add_model(&r, model);
    weir_workers_run(workers, read_slices, &r);
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
