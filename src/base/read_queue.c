/*
 * read_queue.c: reads through io_uring, by its three system calls, or through
 * threads.
 *
 * Owns the ring or the threads from open to close, and a read from submit to
 * take. A read that came back short is sent again for the rest, so that a short
 * one means the end of its file. Invariant: n_under_way counts the reads
 * between submit and take, and never exceeds depth, so neither ring can
 * overflow.
 */
#include "base/read_queue.h"

#include "base/error.h"
#include "base/workers.h"

#include <assert.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More threads than this gain nothing on the disks of today's machines: each
 * read is large. */
enum { THREADS_MOST = 16 };

typedef struct ring {
    int file;      /* -1: there is none */
    uint8_t *base; /* both rings, one mapping */
    size_t bytes;
    struct io_uring_sqe *entries; /* [n_entries] */
    size_t entries_bytes;
    unsigned mask; /* of the submission ring */
    atomic_uint *submit_tail;
    unsigned *submit_array;
    unsigned end_mask; /* of the completion ring */
    atomic_uint *end_head, *end_tail;
    const struct io_uring_cqe *ends;
} ring;

/* First in, first out. */
typedef struct list {
    weir_read *first, *last;
} list;

struct weir_read_queue {
    uint32_t depth;
    atomic_uint n_under_way;
    ring ring;

    /* The threads' part; the lock guards the lists and is_closing. */
    pthread_mutex_t lock;
    pthread_cond_t has_waiting, has_ended;
    list waiting, ended;
    bool is_closing;
    uint32_t n_threads;
    pthread_t threads[THREADS_MOST];
};

static void list_add(list *l, weir_read *read) {
    read->next = NULL;
    if (l->last)
        l->last->next = read;
    else
        l->first = read;
    l->last = read;
}

static weir_read *list_take(list *l) {
    weir_read *read = l->first;
    if (read) {
        l->first = read->next;
        if (!l->first)
            l->last = NULL;
    }
    return read;
}

/* Counts what one system call has brought: bytes, or an errno below 0. True: it
 * has ended. */
static bool count_read(weir_read *read, int64_t result) {
    if (result == -EINTR || result == -EAGAIN)
        return false;
    if (result < 0) {
        read->error = (int)-result;
        return true;
    }
    read->n_read += (uint32_t)result;
    if (result == 0 && read->n_read < read->least)
        read->error = -1;
    return result == 0 || read->n_read >= read->least;
}

/* What is left of a read, on the spot. With O_DIRECT nothing but whole blocks
 * can be asked for, so a rest that cannot be is one behind the end of the file.
 */
static void read_rest(weir_read *read) {
    int64_t result;
    do {
        ssize_t n = pread(read->file, read->to + read->n_read, read->bytes - read->n_read,
                          (off_t)(read->at + read->n_read));
        result = n < 0 ? -(int64_t)errno : n;
        if (result == -EINVAL && read->n_read > 0)
            result = 0;
    } while (!count_read(read, result));
}

/* ---- io_uring ------------------------------------------------------------------------------ */

static int ring_enter(const ring *r, unsigned n_submit, unsigned n_wait) {
    unsigned flags = n_wait ? IORING_ENTER_GETEVENTS : 0;
    return (int)syscall(SYS_io_uring_enter, r->file, n_submit, n_wait, flags, NULL, 0);
}

static void ring_close(ring *r) {
    if (r->entries)
        munmap(r->entries, r->entries_bytes);
    if (r->base)
        munmap(r->base, r->bytes);
    if (r->file >= 0)
        close(r->file);
    *r = (ring){.file = -1};
}

/* Of kernels that have the read operation and map both rings at once:
 * Linux 5.6. */
static bool ring_open(ring *r, uint32_t depth) {
    struct io_uring_params p = {0};
    const unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_RW_CUR_POS;
    *r = (ring){.file = (int)syscall(SYS_io_uring_setup, depth, &p)};
    if (r->file < 0 || (p.features & needed) != needed) {
        ring_close(r);
        return false;
    }
    size_t submit_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    size_t end_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    r->bytes = submit_bytes > end_bytes ? submit_bytes : end_bytes;
    void *base = mmap(NULL, r->bytes, protection, flags, r->file, IORING_OFF_SQ_RING);
    r->base = base == MAP_FAILED ? NULL : base;
    r->entries_bytes = p.sq_entries * sizeof(struct io_uring_sqe);
    void *entries = mmap(NULL, r->entries_bytes, protection, flags, r->file, IORING_OFF_SQES);
    r->entries = entries == MAP_FAILED ? NULL : entries;
    if (!r->base || !r->entries) {
        ring_close(r);
        return false;
    }
    r->submit_tail = (void *)(r->base + p.sq_off.tail);
    r->submit_array = (void *)(r->base + p.sq_off.array);
    memcpy(&r->mask, r->base + p.sq_off.ring_mask, sizeof r->mask);
    r->end_head = (void *)(r->base + p.cq_off.head);
    r->end_tail = (void *)(r->base + p.cq_off.tail);
    r->ends = (void *)(r->base + p.cq_off.cqes);
    memcpy(&r->end_mask, r->base + p.cq_off.ring_mask, sizeof r->end_mask);
    if (ring_enter(r, 0, 0) < 0) { /* a filter may let rings be made and not be used */
        ring_close(r);
        return false;
    }
    return true;
}

static void ring_place(ring *r, weir_read *read) {
    unsigned tail = atomic_load_explicit(r->submit_tail, memory_order_relaxed);
    unsigned i = tail & r->mask;
    r->entries[i] = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                          .fd = read->file,
                                          .off = read->at + read->n_read,
                                          .addr = (uintptr_t)(read->to + read->n_read),
                                          .len = read->bytes - read->n_read,
                                          .user_data = (uintptr_t)read};
    r->submit_array[i] = i;
    atomic_store_explicit(r->submit_tail, tail + 1, memory_order_release);
}

/* Has the kernel take n placed entries. It takes all but where it is short of
 * memory for a moment; no entry may be given up, because its place in the ring
 * is written. */
static void ring_send(ring *r, unsigned n) {
    while (n > 0) {
        int taken = ring_enter(r, n, 0);
        if (taken > 0)
            n -= (unsigned)taken;
        else if (errno == EAGAIN || errno == EBUSY)
            sched_yield();
        else
            assert(errno == EINTR);
    }
}

/* n_under_way is only looked at: what the thread that submitted wrote before it
 * counted has then happened before, also for those who do not know what a
 * kernel orders. */
static weir_read *ring_take(ring *r, bool waits, atomic_uint *n_under_way) {
    for (;;) {
        unsigned head = atomic_load_explicit(r->end_head, memory_order_relaxed);
        if (head == atomic_load_explicit(r->end_tail, memory_order_acquire)) {
            if (!waits)
                return NULL;
            ring_enter(r, 0, 1); /* a signal only leads back here */
            continue;
        }
        const struct io_uring_cqe *end = &r->ends[head & r->end_mask];
        weir_read *read = (weir_read *)(uintptr_t)end->user_data;
        int64_t result = end->res;
        atomic_store_explicit(r->end_head, head + 1, memory_order_release);
        (void)atomic_load(n_under_way);
        /* What the kernel gave up with the thread that asked, too, is left to pread, which does it
         * or says why not. */
        if (result >= 0 && count_read(read, result))
            return read;
        /* It is rare, and the submission ring is another thread's. */
        read_rest(read);
        return read;
    }
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *run_thread(void *context) {
    weir_read_queue *q = context;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        weir_read *read = list_take(&q->waiting);
        if (read) {
            pthread_mutex_unlock(&q->lock);
            read_rest(read);
            pthread_mutex_lock(&q->lock);
            list_add(&q->ended, read);
            pthread_cond_signal(&q->has_ended);
        } else if (q->is_closing) {
            break;
        } else {
            pthread_cond_wait(&q->has_waiting, &q->lock);
        }
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static weir_read *threads_take(weir_read_queue *q, bool waits) {
    pthread_mutex_lock(&q->lock);
    weir_read *read = list_take(&q->ended);
    while (!read && waits) {
        pthread_cond_wait(&q->has_ended, &q->lock);
        read = list_take(&q->ended);
    }
    pthread_mutex_unlock(&q->lock);
    return read;
}

/* At least one, or there is no queue. */
static bool threads_open(weir_read_queue *q) {
    uint32_t n = q->depth < THREADS_MOST ? q->depth : THREADS_MOST;
    while (q->n_threads < n &&
           weir_thread_start(&q->threads[q->n_threads], "weir-read", run_thread, q) == 0)
        q->n_threads++;
    return q->n_threads > 0;
}

static void threads_close(weir_read_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->is_closing = true;
    pthread_cond_broadcast(&q->has_waiting);
    pthread_mutex_unlock(&q->lock);
    for (uint32_t i = 0; i < q->n_threads; i++)
        pthread_join(q->threads[i], NULL);
}

/* ---- the queue ----------------------------------------------------------------------------- */

weir_status weir_read_queue_open(weir_read_queue **out, uint32_t depth, weir_read_way way,
                                 weir_error *err) {
    assert(depth > 0 && depth <= WEIR_READ_DEPTH_MOST);
    *out = NULL;
    weir_read_queue *q = calloc(1, sizeof *q);
    if (!q)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a queue of reads");
    q->depth = depth;
    q->ring.file = -1;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->has_waiting, NULL);
    pthread_cond_init(&q->has_ended, NULL);
    bool is_open = way != WEIR_READ_THREADS && ring_open(&q->ring, depth);
    if (!is_open && way == WEIR_READ_URING) {
        weir_read_queue_close(&q);
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "io_uring is not permitted here: %s",
                         strerror(errno));
    }
    if (!is_open && !threads_open(q)) {
        weir_read_queue_close(&q);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no thread can be started to read files");
    }
    *out = q;
    return WEIR_STATUS_OK;
}

void weir_read_queue_close(weir_read_queue **queue) {
    weir_read_queue *q = *queue;
    *queue = NULL;
    if (!q)
        return;
    while (weir_read_queue_take(q, true))
        ;
    threads_close(q);
    ring_close(&q->ring);
    pthread_cond_destroy(&q->has_ended);
    pthread_cond_destroy(&q->has_waiting);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

const char *weir_read_queue_way(const weir_read_queue *queue) {
    return queue->ring.file >= 0 ? "io_uring" : "threads";
}

void weir_read_queue_submit(weir_read_queue *q, weir_read *const *reads, uint32_t n) {
    bool has_ring = q->ring.file >= 0;
    if (n == 0)
        return;
    assert(atomic_load(&q->n_under_way) + n <= q->depth);
    for (uint32_t i = 0; i < n; i++) {
        reads[i]->n_read = 0;
        reads[i]->error = 0;
        if (has_ring)
            ring_place(&q->ring, reads[i]);
    }
    /* Counted before any of them can end. */
    atomic_fetch_add(&q->n_under_way, n);
    if (has_ring) {
        ring_send(&q->ring, n);
        return;
    }
    pthread_mutex_lock(&q->lock);
    for (uint32_t i = 0; i < n; i++)
        list_add(&q->waiting, reads[i]);
    pthread_cond_broadcast(&q->has_waiting);
    pthread_mutex_unlock(&q->lock);
}

weir_read *weir_read_queue_take(weir_read_queue *q, bool waits) {
    if (atomic_load(&q->n_under_way) == 0)
        return NULL;
    weir_read *read =
        q->ring.file >= 0 ? ring_take(&q->ring, waits, &q->n_under_way) : threads_take(q, waits);
    if (read)
        atomic_fetch_sub(&q->n_under_way, 1);
    return read;
}
