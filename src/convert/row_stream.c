/*
 * row_stream.c: the loop behind row_stream.h. Owns the team, the two buffers and the progress
 * calls; knows neither formats nor files.
 *
 * A region of the team does two things at once: worker 0 writes the buffer that is full, all
 * others (and worker 0 when it is done) take slices of rows of the next buffer from one counter.
 */
#include "convert/row_stream.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/topology.h"
#include "base/workers.h"

enum {
    SLICE_BYTES = 256 * 1024,  /* of one worker's turn: small enough to stay in its cache */
    BATCH_BYTES = 1024 * 1024, /* of a buffer, per worker */
};

/* Where a worker's first failure was. */
typedef struct failure {
    weir_status status; /* OK: none */
    uint64_t row;
    weir_error error;
} failure;

struct weir_row_stream {
    weir_workers *workers;
    uint32_t n_workers;
    failure *failures; /* [n_workers] */
    uint8_t *buffer[2];
    size_t cap[2];    /* bytes */
    uint32_t filling; /* the buffer that is filled next; the other may hold bytes to write */
    size_t n_pending; /* bytes in the other one */

    weir_take_bytes *take;
    void *take_context;
    weir_status take_status;
    weir_error take_error;

    weir_progress progress;
    uint64_t done, total;

    /* The region that runs. */
    weir_fill_rows *fill;
    void *fill_context;
    uint64_t row, n_rows, rows_per_slice;
    size_t row_bytes;
    atomic_uint_fast64_t next_slice;
};

weir_status weir_row_stream_open(weir_row_stream **out, uint32_t n_threads, uint64_t total_bytes,
                                 const weir_progress *progress, weir_error *err) {
    *out = NULL;
    if (n_threads == 0) {
        weir_topology topology;
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    if (n_threads > WEIR_MAX_CPUS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "n_threads is %u, expected %d at most",
                         n_threads, (int)WEIR_MAX_CPUS);
    weir_row_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to write tensors");
    s->total = total_bytes;
    if (progress != NULL)
        s->progress = *progress;
    weir_status status = weir_workers_open(&s->workers, n_threads, false, err);
    if (status == WEIR_STATUS_OK) {
        s->n_workers = weir_workers_count(s->workers);
        s->failures = calloc(s->n_workers, sizeof *s->failures);
        if (s->failures == NULL)
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to write tensors");
    }
    if (status != WEIR_STATUS_OK) {
        weir_row_stream_close(&s);
        return status;
    }
    *out = s;
    return WEIR_STATUS_OK;
}

void weir_row_stream_close(weir_row_stream **stream) {
    weir_row_stream *s = *stream;
    if (s == NULL)
        return;
    weir_workers_close(&s->workers);
    free(s->failures);
    free(s->buffer[0]);
    free(s->buffer[1]);
    free(s);
    *stream = NULL;
}

uint32_t weir_row_stream_n_workers(const weir_row_stream *stream) {
    return stream->n_workers;
}

void weir_row_stream_aim(weir_row_stream *stream, weir_take_bytes *take, void *context) {
    assert(stream->n_pending == 0);
    stream->take = take;
    stream->take_context = context;
}

static weir_status reserve(weir_row_stream *s, uint32_t which, size_t bytes, weir_error *err) {
    if (s->cap[which] >= bytes)
        return WEIR_STATUS_OK;
    free(s->buffer[which]);
    s->cap[which] = 0;
    s->buffer[which] = malloc(bytes);
    if (s->buffer[which] == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a buffer of %zu bytes", bytes);
    s->cap[which] = bytes;
    return WEIR_STATUS_OK;
}

static void write_pending(weir_row_stream *s) {
    if (s->n_pending == 0)
        return;
    s->take_status =
        s->take(s->take_context, s->buffer[1 - s->filling], s->n_pending, &s->take_error);
    s->done += s->n_pending;
    s->n_pending = 0;
}

static void region(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    weir_row_stream *s = context;
    if (worker == 0)
        write_pending(s);
    failure *f = &s->failures[worker];
    for (;;) {
        uint64_t first = atomic_fetch_add(&s->next_slice, 1) * s->rows_per_slice;
        if (first >= s->n_rows)
            return;
        uint64_t n = s->n_rows - first < s->rows_per_slice ? s->n_rows - first : s->rows_per_slice;
        weir_error error;
        weir_status status = s->fill(s->fill_context, worker, s->row + first, n,
                                     s->buffer[s->filling] + first * s->row_bytes, &error);
        if (status != WEIR_STATUS_OK && f->status == WEIR_STATUS_OK)
            *f = (failure){.status = status, .row = first, .error = error};
    }
}

/* Every slice of the batch was tried, so the lowest row does not depend on timing. */
static weir_status first_failure(weir_row_stream *s, weir_error *err) {
    const failure *first = NULL;
    for (uint32_t i = 0; i < s->n_workers; i++) {
        const failure *f = &s->failures[i];
        if (f->status != WEIR_STATUS_OK && (first == NULL || f->row < first->row))
            first = f;
    }
    if (first != NULL)
        return weir_fail(err, first->status, "%s", first->error.text);
    if (s->take_status != WEIR_STATUS_OK)
        return weir_fail(err, s->take_status, "%s", s->take_error.text);
    return WEIR_STATUS_OK;
}

/* Tells how far it is and asks whether to go on. */
static weir_status report(const weir_row_stream *s, const char *name, weir_error *err) {
    if (s->progress.report != NULL)
        s->progress.report(s->progress.context, name, s->done, s->total);
    if (s->progress.is_cancelled != NULL && s->progress.is_cancelled(s->progress.context))
        return weir_fail(err, WEIR_STATUS_CANCELLED, "cancelled at %s", name);
    return WEIR_STATUS_OK;
}

weir_status weir_row_stream_tensor(weir_row_stream *s, const char *name, uint64_t n_rows,
                                   size_t row_bytes, weir_fill_rows *fill, void *context,
                                   weir_error *err) {
    if (row_bytes == 0)
        return WEIR_STATUS_OK;
    uint64_t batch_rows = (uint64_t)BATCH_BYTES * s->n_workers / row_bytes;
    if (batch_rows == 0)
        batch_rows = 1;
    s->fill = fill;
    s->fill_context = context;
    s->row_bytes = row_bytes;
    s->rows_per_slice = SLICE_BYTES / row_bytes;
    if (s->rows_per_slice == 0)
        s->rows_per_slice = 1;
    for (s->row = 0; s->row < n_rows; s->row += s->n_rows) {
        s->n_rows = n_rows - s->row < batch_rows ? n_rows - s->row : batch_rows;
        size_t bytes = (size_t)s->n_rows * row_bytes;
        WEIR_TRY(reserve(s, s->filling, bytes, err));
        atomic_store(&s->next_slice, 0);
        weir_workers_run(s->workers, region, s);
        WEIR_TRY(first_failure(s, err));
        s->n_pending = bytes;
        s->filling = 1 - s->filling;
        WEIR_TRY(report(s, name, err));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_row_stream_flush(weir_row_stream *s, weir_error *err) {
    write_pending(s);
    WEIR_TRY(first_failure(s, err));
    return report(s, "written", err);
}
