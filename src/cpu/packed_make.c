/*
 * packed_make.c: a file of packed weights is made.
 *
 * Owns the two buffers of its stream. The work is a list of slices, whole strips of one matrix, in
 * the order of the file, and goes in rounds of at most round_bytes of it: while all threads pack
 * the slices of a round into one buffer, the caller's thread first writes the other. So what is
 * written does not depend on the number of threads, and disk and processors work at once. The file
 * is under its name when all is on the disk, or not at all.
 */
#include "cpu/packed_weights.h"

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mapped_pages.h"
#include "base/topology.h"
#include "base/workers.h"
#include "cpu/cpu_backend.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <xxhash.h>

#define ROUND_BYTES ((size_t)32 << 20)
enum { ROUND_SLICES = 16 }; /* at least, where matrices are that large */

static bool has_strips(const weir_weight *w) {
    return weir_t16_fits(w->format->id, w->rows, w->cols);
}

uint32_t weir_packed_list(const weir_model *model, const weir_weight **list) {
    size_t n = weir_cpu_matrices(model, true, list), n_fit = 0;
    for (size_t i = 0; i < n; i++)
        if (has_strips(list[i]))
            list[n_fit++] = list[i];
    return (uint32_t)n_fit;
}

typedef struct slice {
    uint32_t matrix;
    uint32_t first_strip, n_strips;
    uint64_t at;    /* in the file */
    uint64_t bytes; /* with the zeros in front of the next matrix */
} slice;

typedef struct making {
    const weir_model *model;
    bool prefer_huge; /* weir_model_prefer_huge */
    const weir_progress *progress;
    size_t round_bytes;
    const weir_weight **list;   /* [n] */
    weir_packed_entry *entries; /* [n] */
    uint32_t n;
    slice *slices; /* [n_slices] by rising `at`, without gaps */
    size_t n_slices;
    uint64_t file_bytes;
    weir_arena arena; /* of the buffers */
    uint8_t *buffers[2];
    weir_workers *workers;
    weir_out *out;
    XXH3_state_t *sum; /* of the matrix that is being written */

    /* a round */
    size_t begin, end;   /* slices that are packed */
    uint8_t *to;         /* where the first of them goes */
    size_t write_begin;  /* slices that are written: up to `begin` */
    const uint8_t *from; /* where the first of those is */
    atomic_size_t next;
    atomic_int error; /* errno of a slice that could not be read */
    weir_status status;
    weir_error written; /* with status */
} making;

/* ---- the plan ------------------------------------------------------------------------------ */

static uint32_t strips_of_slice(const making *m, const weir_weight *w) {
    size_t strip = WEIR_T16_ROWS * w->row_bytes, n = m->round_bytes / ROUND_SLICES / strip;
    return n > 0 ? (uint32_t)n : 1;
}

static size_t count_slices(const making *m) {
    size_t n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t n_strips = m->list[i]->rows / WEIR_T16_ROWS, each = strips_of_slice(m, m->list[i]);
        n += (n_strips + each - 1) / each;
    }
    return n;
}

/* Where the matrices go; a slice that ends one takes the zeros behind it. */
static void place_matrices(making *m) {
    uint64_t at = weir_packed_head_bytes(m->n);
    for (uint32_t i = 0; i < m->n; i++) {
        const weir_weight *w = m->list[i];
        uint32_t n_strips = w->rows / WEIR_T16_ROWS, each = strips_of_slice(m, w);
        uint64_t bytes = weir_packed_bytes(w->format, w->rows, w->cols);
        uint64_t behind = i + 1 < m->n ? weir_packed_align(at + bytes) : at + bytes;
        m->entries[i] = (weir_packed_entry){
            .offset = at, .bytes = bytes, .format = w->format, .rows = w->rows, .cols = w->cols};
        for (uint32_t first = 0; first < n_strips; first += each) {
            slice *s = &m->slices[m->n_slices++];
            *s = (slice){.matrix = i, .first_strip = first};
            s->n_strips = n_strips - first < each ? n_strips - first : each;
            s->at = at + bytes / n_strips * first;
            bool is_last = first + s->n_strips == n_strips;
            s->bytes = (is_last ? behind : at + bytes / n_strips * (first + s->n_strips)) - s->at;
        }
        at = behind;
    }
    m->file_bytes = at;
}

static weir_status plan(making *m, weir_error *err) {
    size_t n_all = weir_cpu_matrices(m->model, true, NULL);
    m->list = calloc(n_all + 1, sizeof *m->list);
    if (m->list)
        m->n = weir_packed_list(m->model, m->list);
    m->entries = calloc((size_t)m->n + 1, sizeof *m->entries);
    m->slices = m->list ? calloc(count_slices(m) + 1, sizeof *m->slices) : NULL;
    m->sum = XXH3_createState();
    if (!m->list || !m->entries || !m->slices || !m->sum)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %zu matrices", n_all);
    if (m->n == 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "none of the model's weights can be packed; expected a quantized model, "
                         "q8_0 or below (weir quantize makes one)");
    place_matrices(m);
    return WEIR_STATUS_OK;
}

static weir_status check_disk(const making *m, const char *path, weir_error *err) {
    char *folder = weir_path_folder(path);
    struct statvfs fs;
    if (!folder)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its folder", path);
    bool is_known = statvfs(*folder ? folder : ".", &fs) == 0;
    free(folder);
    uint64_t n_free = is_known ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
    if (!is_known) /* then the folder is not there, which creating the file will say better */
        return WEIR_STATUS_OK;
    return m->file_bytes <= n_free
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_IO,
                           "%s: %llu MB are to be written, and %llu MB are free on its disk", path,
                           (unsigned long long)(m->file_bytes / 1000000 + 1),
                           (unsigned long long)(n_free / 1000000));
}

/* ---- a round ------------------------------------------------------------------------------- */

static void pack_slice(making *m, const slice *s) {
    const weir_weight *w = m->list[s->matrix];
    size_t rows_bytes = WEIR_T16_ROWS * w->row_bytes;
    size_t strip_bytes = weir_t16_strip_bytes(w->format->id, w->cols);
    const uint8_t *from = w->data + s->first_strip * rows_bytes;
    uint8_t *to = m->to + (s->at - m->slices[m->begin].at);
    int none = 0, error = weir_mapped_read(from, s->n_strips * rows_bytes, m->prefer_huge);
    if (error != 0) {
        atomic_compare_exchange_strong(&m->error, &none, error);
        return;
    }
    for (uint32_t i = 0; i < s->n_strips; i++)
        weir_t16_pack(w->format->id, from + i * rows_bytes, w->row_bytes, w->cols,
                      to + i * strip_bytes);
    memset(to + s->n_strips * strip_bytes, 0, (size_t)s->bytes - s->n_strips * strip_bytes);
    weir_model_drop_pages(m->model, from, s->n_strips * rows_bytes);
}

/* Adds a slice that is written to the checksum of its matrix. */
static void sum_slice(making *m, const slice *s, const uint8_t *from) {
    weir_packed_entry *e = &m->entries[s->matrix];
    if (s->first_strip == 0)
        XXH3_64bits_reset(m->sum);
    uint64_t left = e->offset + e->bytes - s->at;
    XXH3_64bits_update(m->sum, from, (size_t)(s->bytes < left ? s->bytes : left));
    if (s->at + s->bytes >= e->offset + e->bytes)
        e->sum = XXH3_64bits_digest(m->sum);
}

static void write_slices(making *m) {
    if (m->write_begin == m->begin)
        return;
    const slice *first = &m->slices[m->write_begin], *last = &m->slices[m->begin - 1];
    for (const slice *s = first; s <= last; s++)
        sum_slice(m, s, m->from + (s->at - first->at));
    m->status =
        weir_out_write(m->out, m->from, (size_t)(last->at + last->bytes - first->at), &m->written);
}

static void run_round(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    making *m = context;
    if (worker == 0)
        write_slices(m);
    for (size_t i; (i = atomic_fetch_add(&m->next, 1)) < m->end && atomic_load(&m->error) == 0;)
        pack_slice(m, &m->slices[i]);
}

/* The end of the round that begins with slice `begin`. */
static size_t end_of_round(const making *m, size_t begin) {
    size_t end = begin;
    while (end < m->n_slices &&
           (end == begin ||
            m->slices[end].at + m->slices[end].bytes - m->slices[begin].at <= m->round_bytes))
        end++;
    return end;
}

static weir_status write_matrices(making *m, weir_error *err) {
    const weir_progress *progress = m->progress;
    for (size_t round = 0; m->write_begin < m->n_slices; round++) {
        if (progress->is_cancelled && progress->is_cancelled(progress->context))
            return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
        m->end = end_of_round(m, m->begin);
        m->to = m->buffers[round % 2];
        m->from = m->buffers[(round + 1) % 2];
        atomic_store(&m->next, m->begin);
        weir_workers_run(m->workers, run_round, m);
        if (m->status != WEIR_STATUS_OK)
            return weir_fail(err, m->status, "%s", m->written.text);
        if (atomic_load(&m->error) != 0)
            return weir_fail(err, WEIR_STATUS_IO, "the model's weights cannot be read: %s",
                             strerror(atomic_load(&m->error)));
        m->write_begin = m->begin;
        m->begin = m->end;
        if (progress->report)
            progress->report(progress->context, "packing", weir_out_tell(m->out), m->file_bytes);
    }
    return WEIR_STATUS_OK;
}

/* ---- the file ------------------------------------------------------------------------------ */

static weir_status take_buffers(making *m, weir_error *err) {
    uint64_t most = m->round_bytes;
    for (size_t i = 0; i < m->n_slices; i++) /* strips of very long rows */
        most = m->slices[i].bytes > most ? m->slices[i].bytes : most;
    if (m->file_bytes < most)
        most = m->file_bytes;
    WEIR_TRY(weir_arena_open(&m->arena, 2 * (size_t)weir_packed_align(most), "packing", err));
    for (int i = 0; i < 2; i++)
        m->buffers[i] = weir_arena_take(&m->arena, (size_t)weir_packed_align(most));
    return WEIR_STATUS_OK;
}

static weir_status write_head(making *m, weir_packed_key key, bool is_final, weir_error *err) {
    size_t bytes = (size_t)weir_packed_head_bytes(m->n);
    uint8_t *head = calloc(1, bytes);
    if (!head)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %u matrices",
                         (unsigned)m->n);
    if (is_final)
        weir_packed_write_head(head, key, m->entries, m->n, m->file_bytes);
    weir_status status = is_final ? weir_out_patch(m->out, 0, head, bytes, err)
                                  : weir_out_write(m->out, head, bytes, err);
    free(head);
    return status;
}

static weir_status make(making *m, const char *path, const weir_packed_options *o,
                        weir_error *err) {
    weir_packed_key before, after;
    weir_topology topology;
    uint32_t n_threads = o->n_threads;
    if (n_threads == 0) {
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    WEIR_TRY(weir_packed_key_of(&before, m->model, err));
    WEIR_TRY(plan(m, err));
    WEIR_TRY(weir_out_open(&m->out, path, o->overwrite, err));
    WEIR_TRY(check_disk(m, path, err));
    WEIR_TRY(take_buffers(m, err));
    WEIR_TRY(weir_workers_open(&m->workers, n_threads, false, err));
    WEIR_TRY(write_head(m, before, false, err));
    WEIR_TRY(write_matrices(m, err));
    WEIR_TRY(write_head(m, before, true, err));
    WEIR_TRY(weir_packed_key_of(&after, m->model, err));
    if (memcmp(&before, &after, sizeof before) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: the model's file was written anew while its weights were being "
                         "packed",
                         weir_model_path(m->model));
    return weir_out_commit(&m->out, err);
}

weir_status weir_packed_make_in_rounds(const char *path, const weir_model *model,
                                       const weir_packed_options *options, size_t round_bytes,
                                       weir_error *err) {
    making m = {.model = model, .progress = &options->progress, .round_bytes = round_bytes};
    m.prefer_huge = weir_model_prefer_huge(model);
    weir_status status = make(&m, path, options, err);
    weir_out_abort(&m.out);
    weir_workers_close(&m.workers);
    weir_arena_close(&m.arena);
    XXH3_freeState(m.sum);
    free(m.list);
    free(m.entries);
    free(m.slices);
    return status;
}

weir_status weir_packed_make(const char *path, const weir_model *model,
                             const weir_packed_options *options, weir_error *err) {
    static const weir_packed_options defaults;
    return weir_packed_make_in_rounds(path, model, options ? options : &defaults, ROUND_BYTES, err);
}
