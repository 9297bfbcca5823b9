/*
 * packing.c: the table of a folder's packed tensors, and their addresses. See packing.h.
 *
 * Invariant: the addresses are readable if and only if is_filled, and all rows stand there then.
 */
#include "model/packing_kinds.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/mapped_pages.h"
#include "base/topology.h"
#include "base/workers.h"

enum { NAME_BYTES = 256 };

struct weir_packings {
    weir_packed *items; /* [n_items] by rising address */
    size_t n_items;
    uint8_t *base; /* [bytes] addresses, without memory at first; NULL: none */
    size_t bytes;
    pthread_mutex_t lock; /* held while the addresses are filled; guards is_filled */
    bool is_filled;
};

weir_status weir_packings_open(weir_packings **out, weir_error *err) {
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a model");
    pthread_mutex_init(&(*out)->lock, NULL);
    return WEIR_STATUS_OK;
}

void weir_packings_close(weir_packings **packings) {
    weir_packings *p = *packings;
    if (p == NULL)
        return;
    if (p->base != NULL)
        munmap(p->base, p->bytes);
    pthread_mutex_destroy(&p->lock);
    free(p->items);
    free(p);
    *packings = NULL;
}

/* ---- what is packed ------------------------------------------------------------------------ */

const weir_tensor *weir_fold_part(const weir_fold *f, const char *stem, size_t n_stem,
                                  const char *suffix) {
    char name[NAME_BYTES];
    int n = snprintf(name, sizeof name, "%.*s%s", (int)n_stem, stem, suffix);
    if (n < 0 || (size_t)n >= sizeof name)
        return NULL;
    const weir_tensor *t = weir_safetensors_find(f->st, name);
    if (t != NULL)
        f->is_part[t - weir_safetensors_at(f->st, 0)] = true;
    return t;
}

bool weir_is_plain_float(const weir_tensor *t) {
    return t->format != NULL && t->format->block_values == 1;
}

/* Other programs' packings have tensors of other names, which binding would call missing. */
static weir_status check_method(const json_t *config, weir_error *err) {
    const json_t *settings = json_object_get(config, "quantization_config");
    const char *method = json_string_value(json_object_get(settings, "quant_method"));
    static const char *const known[] = {"compressed-tensors", "fp8", "fbgemm_fp8"};
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        if (method != NULL && strcmp(method, known[i]) == 0)
            method = NULL;
    if (method != NULL)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "config.json: quant_method '%.40s' is not supported, expected MLX groups, "
                         "or FP8 as %s, %s or %s",
                         method, known[0], known[1], known[2]);
    /* Weights that were rotated are not those of the model. */
    if (json_object_size(json_object_get(settings, "transform_config")) > 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "config.json: 'transform_config' is set: transformed weights are not "
                         "supported");
    return WEIR_STATUS_OK;
}

/* The stored tensor fits into its file, so no product wraps: what it unpacks to is at most 16 times
 * as large. */
static void count_rows(weir_packed *p) {
    p->n_cols = p->shape[p->n_dims - 1];
    p->n_rows = 1;
    for (uint32_t i = 0; i + 1 < p->n_dims; i++)
        p->n_rows *= p->shape[i];
    p->seen_row_bytes = weir_format_row_bytes(p->format, p->n_cols);
}

static weir_status describe(const weir_fold *f, const weir_tensor *t, weir_packed *p) {
    *p = (weir_packed){.name = t->name, .data = t->data};
    if (t->bytes == 0)
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE, "tensor %.100s is empty", t->name);
    WEIR_TRY(t->dtype == WEIR_DTYPE_U32 ? weir_mlx_describe(f, t, p) : weir_fp8_describe(f, t, p));
    count_rows(p);
    return WEIR_STATUS_OK;
}

static weir_status describe_all(weir_packings *packings, const weir_fold *f) {
    for (size_t i = 0; i < weir_safetensors_n_tensors(f->st); i++) {
        const weir_tensor *t = weir_safetensors_at(f->st, i);
        if (t->dtype == WEIR_DTYPE_U32 || t->dtype == WEIR_DTYPE_F8_E4M3)
            WEIR_TRY(describe(f, t, &packings->items[packings->n_items++]));
    }
    return WEIR_STATUS_OK;
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* Reserved, never backed: 48 GB of addresses cost a few bytes. */
static weir_status give_addresses(weir_packings *packings, weir_error *err) {
    uint64_t total = 0;
    for (size_t i = 0; i < packings->n_items; i++)
        total += packings->items[i].n_rows * packings->items[i].seen_row_bytes;
    void *base = MAP_FAILED;
    if (total < SIZE_MAX / 2)
        base = mmap(NULL, (size_t)total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                    0);
    if (base == MAP_FAILED)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no addresses for %llu bytes of weights",
                         (unsigned long long)total);
    packings->base = base;
    packings->bytes = (size_t)total;
    const uint8_t *at = packings->base;
    for (size_t i = 0; i < packings->n_items; i++) {
        weir_packed *p = &packings->items[i];
        p->seen = at;
        at += p->n_rows * p->seen_row_bytes;
    }
    return WEIR_STATUS_OK;
}

/* ---- the list the binder sees -------------------------------------------------------------- */

static weir_tensor show(const weir_packed *p, const weir_tensor *stored) {
    weir_tensor t = *stored;
    t.format = p->format;
    t.n_dims = p->n_dims;
    memcpy(t.shape, p->shape, sizeof t.shape);
    t.data = p->seen;
    t.bytes = p->n_rows * p->seen_row_bytes;
    t.path = NULL;
    return t;
}

static weir_status replace(const weir_packings *packings, const weir_fold *f,
                           weir_safetensors *st) {
    size_t n = weir_safetensors_n_tensors(st), n_seen = 0, at = 0;
    weir_tensor *seen = calloc(n, sizeof *seen);
    if (seen == NULL)
        return weir_fail(f->err, WEIR_STATUS_NO_MEMORY, "no memory for the table of tensors");
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = weir_safetensors_at(st, i);
        if (f->is_part[i] || weir_fp8_is_idle(t->name))
            continue;
        bool is_packed = at < packings->n_items && packings->items[at].name == t->name;
        seen[n_seen++] = is_packed ? show(&packings->items[at++], t) : *t;
    }
    return weir_safetensors_replace(st, seen, n_seen, f->err);
}

weir_status weir_packings_fold(weir_packings *packings, weir_safetensors *st, const json_t *config,
                               weir_error *err) {
    size_t n = weir_safetensors_n_tensors(st);
    weir_fold f = {st, config, calloc(n > 0 ? n : 1, sizeof *f.is_part), err};
    packings->items = calloc(n > 0 ? n : 1, sizeof *packings->items);
    weir_status status;
    if (f.is_part == NULL || packings->items == NULL) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the table of tensors");
        goto fail;
    }
    WEIR_TRY_GOTO(check_method(config, err));
    WEIR_TRY_GOTO(describe_all(packings, &f));
    if (packings->n_items > 0) {
        WEIR_TRY_GOTO(give_addresses(packings, err));
        WEIR_TRY_GOTO(replace(packings, &f, st));
    }
fail:
    free(f.is_part);
    return status;
}

/* ---- rows ---------------------------------------------------------------------------------- */

bool weir_packings_has_any(const weir_packings *packings) {
    return packings->n_items > 0;
}

bool weir_packings_own(const weir_packings *packings, const uint8_t *address) {
    uintptr_t base = (uintptr_t)packings->base, at = (uintptr_t)address;
    return packings->base != NULL && at >= base && at - base < packings->bytes;
}

/* The last one that does not begin behind the address. */
static const weir_packed *find(const weir_packings *packings, const uint8_t *address) {
    assert(weir_packings_own(packings, address));
    size_t low = 0, high = packings->n_items;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (packings->items[middle].seen <= address)
            low = middle;
        else
            high = middle;
    }
    return &packings->items[low];
}

static uint64_t row_at(const weir_packed *p, const uint8_t *address) {
    size_t at = (size_t)(address - p->seen);
    assert(at % p->seen_row_bytes == 0);
    return at / p->seen_row_bytes;
}

void weir_packings_row(const weir_packings *packings, const uint8_t *address, uint8_t *out) {
    const weir_packed *p = find(packings, address);
    p->unpack(p, row_at(p, address), out);
}

bool weir_packings_is_f8(const weir_packings *packings, const uint8_t *address) {
    return weir_fp8_is_blocks(find(packings, address));
}

void weir_packings_row_f8(const weir_packings *packings, const uint8_t *address, uint8_t *out) {
    const weir_packed *p = find(packings, address);
    weir_fp8_blocks(p, row_at(p, address), out);
}

/* Of a tensor with its own rows for each row of weights. */
static weir_packing_piece rows_of(const weir_tensor *t, uint64_t n_all, uint64_t row, uint64_t n) {
    size_t row_bytes = (size_t)(t->bytes / n_all);
    return (weir_packing_piece){t->data + row * row_bytes, (size_t)n * row_bytes};
}

size_t weir_packings_stored(const weir_packings *packings, const uint8_t *address, size_t bytes,
                            weir_packing_piece pieces[WEIR_PACKING_PIECES]) {
    const weir_packed *p = find(packings, address);
    uint64_t row = (uint64_t)(address - p->seen) / p->seen_row_bytes, n = bytes / p->seen_row_bytes;
    size_t n_pieces = 0;
    pieces[n_pieces++] =
        (weir_packing_piece){p->data + row * p->row_bytes, (size_t)n * p->row_bytes};
    if (p->group == 0) /* scales of FP8 are few */
        return n_pieces;
    pieces[n_pieces++] = rows_of(&p->scales, p->n_rows, row, n);
    pieces[n_pieces++] = rows_of(&p->biases, p->n_rows, row, n);
    return n_pieces;
}

/* ---- all rows where their addresses are
 * ---------------------------------------------------- */

enum { SLICE_BYTES = 4 << 20 }; /* as seen; all threads draw them */

typedef struct filling {
    weir_packings *packings;
    const weir_progress *progress; /* NULL: nobody asks */
    size_t n_slices;
    atomic_size_t next;
    atomic_uint_least64_t done_bytes;
    atomic_int error; /* errno of the first slice that could not be read */
} filling;

static uint64_t slice_rows(const weir_packed *p) {
    return p->seen_row_bytes < SLICE_BYTES ? SLICE_BYTES / p->seen_row_bytes : 1;
}

static size_t count_slices(const weir_packed *p) {
    return (size_t)((p->n_rows + slice_rows(p) - 1) / slice_rows(p));
}

/* The tensor and the first row of a slice. */
static const weir_packed *slice_at(const weir_packings *packings, size_t slice, uint64_t *row) {
    const weir_packed *p = packings->items;
    for (; slice >= count_slices(p); p++)
        slice -= count_slices(p);
    *row = slice * slice_rows(p);
    return p;
}

static int read_stored(const weir_packings *packings, const uint8_t *seen, size_t bytes) {
    weir_packing_piece pieces[WEIR_PACKING_PIECES];
    size_t n = weir_packings_stored(packings, seen, bytes, pieces);
    int error = 0;
    for (size_t i = 0; i < n && error == 0; i++)
        error = weir_mapped_read(pieces[i].data, pieces[i].bytes, false);
    return error;
}

/* Whole pages of the file in what was read; the others belong to neighbours
 * too. */
static void drop_stored(const weir_packed *p, uint64_t row, uint64_t n) {
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)(p->data + row * p->row_bytes), end = begin + n * p->row_bytes;
    begin = (begin + page_bytes - 1) / page_bytes * page_bytes;
    end = end / page_bytes * page_bytes;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static void fill_slices(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    filling *f = context;
    const weir_progress *progress = f->progress;
    for (;;) {
        size_t slice = atomic_fetch_add(&f->next, 1);
        if (slice >= f->n_slices || atomic_load(&f->error) != 0)
            return;
        uint64_t row;
        const weir_packed *p = slice_at(f->packings, slice, &row);
        uint64_t n = p->n_rows - row < slice_rows(p) ? p->n_rows - row : slice_rows(p);
        size_t at = (size_t)(p->seen - f->packings->base) + (size_t)row * p->seen_row_bytes;
        uint8_t *to = f->packings->base + at;
        int none = 0, error = read_stored(f->packings, to, (size_t)n * p->seen_row_bytes);
        if (error != 0)
            atomic_compare_exchange_strong(&f->error, &none, error);
        for (uint64_t i = 0; i < n && error == 0; i++)
            p->unpack(p, row + i, to + i * p->seen_row_bytes);
        drop_stored(p, row, n);
        uint64_t bytes = n * p->seen_row_bytes;
        uint64_t done = atomic_fetch_add(&f->done_bytes, bytes) + bytes;
        if (worker == 0 && progress != NULL && progress->report != NULL)
            progress->report(progress->context, "unpacking weights", done, f->packings->bytes);
    }
}

static weir_status fill(weir_packings *packings, weir_workers *team, const weir_progress *progress,
                        weir_error *err) {
    filling f = {.packings = packings, .progress = progress};
    for (size_t i = 0; i < packings->n_items; i++)
        f.n_slices += count_slices(&packings->items[i]);
    if (mprotect(packings->base, packings->bytes, PROT_READ | PROT_WRITE) != 0)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu bytes of unpacked weights",
                         packings->bytes);
    weir_workers_run(team, fill_slices, &f);
    int error = atomic_load(&f.error);
    if (error == 0)
        error = mprotect(packings->base, packings->bytes, PROT_READ) == 0 ? 0 : errno;
    if (error == 0)
        return WEIR_STATUS_OK;
    madvise(packings->base, packings->bytes, MADV_DONTNEED);
    mprotect(packings->base, packings->bytes, PROT_NONE);
    return weir_fail(err, WEIR_STATUS_IO,
                     "the weights cannot be read from their files: %s (was a "
                     "file cut while it was "
                     "open?)",
                     strerror(error));
}

weir_status weir_packings_fill(weir_packings *packings, uint32_t n_threads,
                               const weir_progress *progress, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    weir_workers *team = NULL;
    weir_topology topology;
    if (n_threads == 0) {
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    pthread_mutex_lock(&packings->lock);
    if (!packings->is_filled && packings->n_items > 0) {
        status = weir_workers_open(&team, n_threads, false, err);
        if (status == WEIR_STATUS_OK)
            status = fill(packings, team, progress, err);
        weir_workers_close(&team);
    }
    packings->is_filled = status == WEIR_STATUS_OK;
    pthread_mutex_unlock(&packings->lock);
    return status;
}
