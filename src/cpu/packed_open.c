/*
 * packed_open.c: a file of packed weights that is mapped, and its matrices by those of the model.
 *
 * Owns the mapping, which all processes that map the file share page by page, and the table. The
 * address is a multiple of a huge page, as the arenas' are, so that a file system that keeps files
 * in huge pages can map them. Invariant: whoever holds a handle sees an immutable file that fits
 * its model; the last handle to close unmaps it. A file that is made anew takes the name, not the
 * place, of the one before, which lives on for whoever has it mapped.
 */
#include "cpu/packed_weights.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/mapped_pages.h"
#include "base/topology.h"
#include "base/workers.h"
#include "cpu/cpu_backend.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define SLICE_BYTES ((size_t)4 << 20)

typedef struct pair {
    const uint8_t *data; /* where the model has the matrix mapped */
    uint32_t number;     /* of the file's */
} pair;

struct weir_packed {
    atomic_uint n_refs;
    weir_model *model; /* shared */
    char *path;
    weir_mapped_file file; /* of `bytes`; no data: not mapped, and not open */
    size_t bytes;
    weir_packed_view view;
    pair *pairs; /* [view.n_matrices] by rising data */
};

/* ---- mapping ------------------------------------------------------------------------------- */

/* Maps the file at an address that is a multiple of a huge page; NULL and errno. */
static const uint8_t *map_aligned(int fd, size_t bytes) {
    size_t room = bytes + WEIR_HUGE_PAGE_BYTES;
    uint8_t *reserved = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED)
        return NULL;
    size_t skip =
        (WEIR_HUGE_PAGE_BYTES - (uintptr_t)reserved % WEIR_HUGE_PAGE_BYTES) % WEIR_HUGE_PAGE_BYTES;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t taken = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    uint8_t *at = reserved + skip;
    bool is_mapped = mmap(at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
    int error = errno;
    if (!is_mapped)
        taken = 0;
    if (skip > 0)
        munmap(reserved, skip);
    if (room > skip + taken)
        munmap(at + taken, room - skip - taken);
    errno = error;
    return is_mapped ? at : NULL;
}

static weir_status map_file(weir_packed *p, weir_error *err) {
    struct stat st;
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be opened: %s", p->path, strerror(errno));
    weir_status status = WEIR_STATUS_OK;
    if (fstat(fd, &st) != 0)
        status =
            weir_fail(err, WEIR_STATUS_IO, "%s: cannot be examined: %s", p->path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = weir_fail(err, WEIR_STATUS_IO, "%s: is not a regular file", p->path);
    else if (st.st_size < WEIR_PACKED_HEADER)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE,
                           "%s: has %lld bytes, too few for a file of packed weights", p->path,
                           (long long)st.st_size);
    if (status == WEIR_STATUS_OK) {
        p->bytes = (size_t)st.st_size;
        p->file.data = map_aligned(fd, p->bytes);
        if (p->file.data)
            p->file.prefer_huge = weir_mapped_prefer_huge(p->file.data, p->bytes);
        else
            status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be mapped: %s", p->path,
                               strerror(errno));
    }
    if (status == WEIR_STATUS_OK)
        p->file.fd = fd;
    else
        close(fd);
    return status;
}

/* ---- what is in it ------------------------------------------------------------------------- */

static int by_data(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const pair *)a)->data, y = (uintptr_t)((const pair *)b)->data;
    return (x > y) - (x < y);
}

static weir_status check_matrix(const weir_packed *p, uint32_t i, const weir_weight *w,
                                weir_error *err) {
    weir_packed_entry e = weir_packed_entry_at(&p->view, i);
    if (e.format == w->format && e.rows == w->rows && e.cols == w->cols)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "%s: matrix %u is %u x %u of %s, expected %u x %u of %s as in the model",
                     p->path, (unsigned)i, (unsigned)e.rows, (unsigned)e.cols, e.format->name,
                     (unsigned)w->rows, (unsigned)w->cols, w->format->name);
}

static weir_status pair_matrices(weir_packed *p, weir_error *err) {
    size_t n_all = weir_cpu_matrices(p->model, true, NULL);
    const weir_weight **list = calloc(n_all + 1, sizeof *list);
    p->pairs = calloc(n_all + 1, sizeof *p->pairs);
    weir_status status = WEIR_STATUS_OK;
    if (!list || !p->pairs) {
        free(list);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a list of %zu matrices",
                         p->path, n_all);
    }
    uint32_t n = weir_packed_list(p->model, list);
    if (n != p->view.n_matrices)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE,
                           "%s: holds %u matrices, expected %u as in the model", p->path,
                           (unsigned)p->view.n_matrices, (unsigned)n);
    for (uint32_t i = 0; i < n && status == WEIR_STATUS_OK; i++) {
        status = check_matrix(p, i, list[i], err);
        p->pairs[i] = (pair){list[i]->data, i};
    }
    if (status == WEIR_STATUS_OK)
        qsort(p->pairs, n, sizeof *p->pairs, by_data);
    free(list);
    return status;
}

static weir_status check_key(const weir_packed *p, weir_error *err) {
    weir_packed_key key;
    WEIR_TRY(weir_packed_key_of(&key, p->model, err));
    if (memcmp(&key, &p->view.key, sizeof key) == 0)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "%s: was made of another model, or of this one before its file was written "
                     "anew",
                     p->path);
}

const uint8_t *weir_packed_find(const weir_packed *p, const uint8_t *data) {
    const pair wanted = {data, 0};
    const pair *found = bsearch(&wanted, p->pairs, p->view.n_matrices, sizeof *p->pairs, by_data);
    return found ? p->file.data + weir_packed_entry_at(&p->view, found->number).offset : NULL;
}

const weir_mapped_file *weir_packed_pages(const weir_packed *p) {
    return &p->file;
}

weir_status weir_packed_suits(const weir_packed *p, const weir_model *model, weir_error *err) {
    return p->model == model ? WEIR_STATUS_OK
                             : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                                         "packed weights (%s) are another model's", p->path);
}

/* ---- handles ------------------------------------------------------------------------------- */

weir_status weir_packed_open(weir_packed **out, weir_model *model, const char *path,
                             weir_error *err) {
    weir_status status;
    *out = NULL;
    weir_packed *p = calloc(1, sizeof *p);
    if (!p || !(p->path = strdup(path))) {
        free(p);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its name", path);
    }
    atomic_init(&p->n_refs, 1);
    p->model = weir_model_share(model);
    WEIR_TRY_GOTO(map_file(p, err));
    WEIR_TRY_GOTO(weir_packed_parse(&p->view, p->file.data, p->bytes, false, path, err));
    WEIR_TRY_GOTO(check_key(p, err));
    WEIR_TRY_GOTO(pair_matrices(p, err));
    *out = p;
    return WEIR_STATUS_OK;
fail:
    weir_packed_close(&p);
    return status;
}

weir_packed *weir_packed_share(weir_packed *p) {
    atomic_fetch_add_explicit(&p->n_refs, 1, memory_order_relaxed);
    return p;
}

void weir_packed_close(weir_packed **packed) {
    if (!packed || !*packed)
        return;
    weir_packed *p = *packed;
    *packed = NULL;
    unsigned n_before = atomic_fetch_sub_explicit(&p->n_refs, 1, memory_order_acq_rel);
    assert(n_before > 0);
    if (n_before > 1)
        return;
    if (p->file.data) {
        munmap((void *)(uintptr_t)p->file.data, p->bytes);
        close(p->file.fd);
    }
    weir_model_close(&p->model);
    free(p->pairs);
    free(p->path);
    free(p);
}

void weir_packed_get_info(const weir_packed *p, weir_packed_info *out) {
    *out = (weir_packed_info){
        .path = p->path, .file_bytes = p->bytes, .n_matrices = p->view.n_matrices};
}

/* ---- checking its contents ----------------------------------------------------------------- */

typedef struct checking {
    const weir_packed *p;
    const weir_progress *progress;
    atomic_uint next, bad; /* bad: the least number of a matrix that is not whole */
    atomic_int error;      /* errno of one that could not be read */
    atomic_bool stop;
    atomic_uint_least64_t done_bytes;
} checking;

/* False if it cannot be read, or the user has had enough. */
static bool sum_matrix(checking *c, XXH3_state_t *state, const weir_packed_entry *e, bool reports,
                       uint64_t *sum) {
    XXH3_64bits_reset(state);
    for (uint64_t at = 0; at < e->bytes; at += SLICE_BYTES) {
        size_t n = e->bytes - at < SLICE_BYTES ? (size_t)(e->bytes - at) : SLICE_BYTES;
        const uint8_t *from = c->p->file.data + e->offset + at;
        int error = weir_mapped_read(from, n, c->p->file.prefer_huge);
        if (error != 0)
            atomic_store(&c->error, error);
        if (error != 0 || atomic_load(&c->stop))
            return false;
        XXH3_64bits_update(state, from, n);
        uint64_t done = atomic_fetch_add(&c->done_bytes, n) + n;
        if (reports && c->progress->report)
            c->progress->report(c->progress->context, "checking packed weights", done, c->p->bytes);
        if (reports && c->progress->is_cancelled && c->progress->is_cancelled(c->progress->context))
            atomic_store(&c->stop, true);
    }
    *sum = XXH3_64bits_digest(state);
    return true;
}

static void note_bad(checking *c, uint32_t i) {
    unsigned bad = atomic_load(&c->bad);
    while (i < bad && !atomic_compare_exchange_weak(&c->bad, &bad, i))
        ;
}

static void check_matrices(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    checking *c = context;
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        atomic_store(&c->error, ENOMEM);
    for (uint32_t i; state && (i = atomic_fetch_add(&c->next, 1)) < c->p->view.n_matrices;) {
        weir_packed_entry e = weir_packed_entry_at(&c->p->view, i);
        uint64_t sum;
        if (!sum_matrix(c, state, &e, worker == 0, &sum))
            break;
        if (sum != e.sum)
            note_bad(c, i);
    }
    XXH3_freeState(state);
}

weir_status weir_packed_check(const weir_packed *p, uint32_t n_threads,
                              const weir_progress *progress, weir_error *err) {
    static const weir_progress silence;
    checking c = {.p = p, .progress = progress ? progress : &silence};
    weir_topology topology;
    weir_workers *workers = NULL;
    atomic_init(&c.bad, UINT32_MAX);
    if (n_threads == 0) {
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    WEIR_TRY(weir_workers_open(&workers, n_threads, false, err));
    weir_workers_run(workers, check_matrices, &c);
    weir_workers_close(&workers);
    if (c.progress->report)
        c.progress->report(c.progress->context, "checking packed weights", p->bytes, p->bytes);
    if (atomic_load(&c.stop))
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    if (atomic_load(&c.error) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", p->path,
                         strerror(atomic_load(&c.error)));
    uint32_t bad = atomic_load(&c.bad);
    if (bad == UINT32_MAX)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "%s: byte %llu: matrix %u is damaged, its checksum is another", p->path,
                     (unsigned long long)weir_packed_entry_at(&p->view, bad).offset, (unsigned)bad);
}
