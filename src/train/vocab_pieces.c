/*
 * vocab_pieces.c: the pieces of a text, counted.
 *
 * Texts are gathered into batches; each batch is cut and counted by all workers, each into a table
 * of its own; the tables become one at the end. A long text is divided between workers behind line
 * ends that no white space follows: there the family's expression always ends a piece, since what
 * takes a line end takes no letter behind it.
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "base/topology.h"
#include "base/workers.h"
#include "text/split.h"
#include "train/vocab_parts.h"

enum {
    BATCH_BYTES = 4 << 20,
    PART_BYTES = 64 << 10, /* of a text, at least, before it is divided */
    POOL_BYTES = 1 << 20
};

/* Memory of the pieces' texts; they never move. */
typedef struct pool_chunk {
    struct pool_chunk *next;
    size_t n, cap;
    char data[];
} pool_chunk;

typedef struct table {
    weir_piece *piece; /* [n] in the order they came */
    size_t n, cap;
    uint32_t *slots; /* [n_slots] index + 1; 0: free */
    size_t n_slots;  /* a power of two, at least twice n */
    pool_chunk *pool;
} table;

typedef struct part {
    size_t start, n;
} part;

typedef struct counter_worker {
    weir_split_walk *walk;
    table pieces;
    weir_status status;
    weir_error err;
} counter_worker;

struct weir_piece_counter {
    weir_splitter *splitter;
    weir_workers *workers;
    counter_worker *worker; /* [n_workers] */
    uint32_t n_workers;
    char *batch; /* [cap_batch] */
    size_t n_batch, cap_batch;
    part *parts; /* [cap_parts] */
    size_t n_parts, cap_parts;
};

/* ---- tables --------------------------------------------------------------------------------- */

static void table_close(table *t) {
    for (pool_chunk *chunk = t->pool; chunk;) {
        pool_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(t->piece);
    free(t->slots);
    *t = (table){0};
}

static char *pool_take(table *t, size_t n) {
    if (!t->pool || n > t->pool->cap - t->pool->n) {
        size_t cap = n > POOL_BYTES ? n : POOL_BYTES;
        pool_chunk *chunk = malloc(sizeof *chunk + cap);
        if (!chunk)
            return NULL;
        chunk->next = t->pool;
        chunk->n = 0;
        chunk->cap = cap;
        t->pool = chunk;
    }
    char *room = t->pool->data + t->pool->n;
    t->pool->n += n;
    return room;
}

static uint32_t *slot_of(const table *t, const char *text, size_t n) {
    size_t at = XXH3_64bits(text, n) & (t->n_slots - 1);
    for (;; at = (at + 1) & (t->n_slots - 1)) {
        uint32_t index = t->slots[at];
        if (index == 0)
            return &t->slots[at];
        const weir_piece *p = &t->piece[index - 1];
        if (p->n == n && memcmp(p->text, text, n) == 0)
            return &t->slots[at];
    }
}

static bool table_grow(table *t) {
    size_t cap = t->cap ? 2 * t->cap : 1024;
    weir_piece *piece = realloc(t->piece, cap * sizeof *piece);
    if (piece)
        t->piece = piece;
    uint32_t *slots = calloc(2 * cap, sizeof *slots);
    if (!piece || !slots || cap > UINT32_MAX / 2) {
        free(slots);
        return false;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = 2 * cap;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++)
        *slot_of(t, t->piece[i].text, t->piece[i].n) = (uint32_t)i + 1;
    return true;
}

static bool table_add(table *t, const char *text, size_t n, uint64_t count) {
    if (t->n == t->cap && !table_grow(t))
        return false;
    uint32_t *slot = slot_of(t, text, n);
    if (*slot == 0) {
        char *copy = pool_take(t, n);
        if (!copy)
            return false;
        memcpy(copy, text, n);
        t->piece[t->n++] = (weir_piece){copy, n, 0};
        *slot = (uint32_t)t->n;
    }
    t->piece[*slot - 1].count += count;
    return true;
}

/* ---- batches -------------------------------------------------------------------------------- */

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to count the pieces of the text");
}

static void count_share(void *context, uint32_t worker, uint32_t n_workers) {
    weir_piece_counter *counter = context;
    counter_worker *w = &counter->worker[worker];
    for (size_t i = worker; i < counter->n_parts && w->status == WEIR_STATUS_OK; i += n_workers) {
        const char *text = counter->batch + counter->parts[i].start;
        size_t n = counter->parts[i].n, at = 0, end;
        weir_split_walk_start(w->walk, text, n);
        while (at < n) {
            w->status = weir_split_walk_next(w->walk, &end, &w->err);
            if (w->status != WEIR_STATUS_OK)
                break;
            if (!table_add(&w->pieces, text + at, end - at, 1)) {
                w->status = no_memory(&w->err);
                break;
            }
            at = end;
        }
    }
}

static weir_status run_batch(weir_piece_counter *counter, weir_error *err) {
    weir_workers_run(counter->workers, count_share, counter);
    counter->n_batch = counter->n_parts = 0;
    for (uint32_t i = 0; i < counter->n_workers; i++)
        if (counter->worker[i].status != WEIR_STATUS_OK) {
            if (err)
                *err = counter->worker[i].err;
            return counter->worker[i].status;
        }
    return WEIR_STATUS_OK;
}

static bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where the first part of a text ends: behind a line end, before what is certainly no white space
 * (only ASCII is trusted), with PART_BYTES before it. */
static size_t part_end(const char *text, size_t n) {
    for (size_t at = PART_BYTES; at < n; at++)
        if (text[at - 1] == '\n' && !is_white(text[at]) && (text[at] & 0x80) == 0)
            return at;
    return n;
}

static weir_status add_part(weir_piece_counter *counter, const char *text, size_t n,
                            weir_error *err) {
    if (counter->n_batch + n > counter->cap_batch) {
        if (counter->n_parts > 0)
            WEIR_TRY(run_batch(counter, err));
        if (n > counter->cap_batch) {
            char *batch = realloc(counter->batch, n);
            if (!batch)
                return no_memory(err);
            counter->batch = batch;
            counter->cap_batch = n;
        }
    }
    if (counter->n_parts == counter->cap_parts) {
        size_t cap = counter->cap_parts ? 2 * counter->cap_parts : 256;
        part *parts = realloc(counter->parts, cap * sizeof *parts);
        if (!parts)
            return no_memory(err);
        counter->parts = parts;
        counter->cap_parts = cap;
    }
    memcpy(counter->batch + counter->n_batch, text, n);
    counter->parts[counter->n_parts++] = (part){counter->n_batch, n};
    counter->n_batch += n;
    return WEIR_STATUS_OK;
}

weir_status weir_piece_counter_open(weir_piece_counter **out, uint32_t n_threads, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    weir_piece_counter *counter = calloc(1, sizeof *counter);
    *out = NULL;
    if (!counter)
        return no_memory(err);
    if (n_threads == 0) {
        weir_topology topology;
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    counter->worker = calloc(n_threads, sizeof *counter->worker);
    counter->batch = malloc(BATCH_BYTES);
    counter->cap_batch = BATCH_BYTES;
    if (!counter->worker || !counter->batch) {
        status = no_memory(err);
        goto fail;
    }
    counter->n_workers = n_threads;
    WEIR_TRY_GOTO(
        weir_splitter_open(&counter->splitter, weir_split_family, strlen(weir_split_family), err));
    WEIR_TRY_GOTO(weir_workers_open(&counter->workers, n_threads, false, err));
    for (uint32_t i = 0; i < n_threads; i++)
        WEIR_TRY_GOTO(weir_split_walk_open(&counter->worker[i].walk, counter->splitter, err));
    *out = counter;
    return WEIR_STATUS_OK;
fail:
    weir_piece_counter_close(&counter);
    return status;
}

void weir_piece_counter_close(weir_piece_counter **counter) {
    weir_piece_counter *c = *counter;
    if (!c)
        return;
    weir_workers_close(&c->workers);
    for (uint32_t i = 0; i < c->n_workers; i++) {
        weir_split_walk_close(&c->worker[i].walk);
        table_close(&c->worker[i].pieces);
    }
    weir_splitter_close(&c->splitter);
    free(c->worker);
    free(c->batch);
    free(c->parts);
    free(c);
    *counter = NULL;
}

weir_status weir_piece_counter_add(weir_piece_counter *counter, const char *text, size_t n,
                                   weir_error *err) {
    while (n > 0) {
        size_t end = part_end(text, n);
        WEIR_TRY(add_part(counter, text, end, err));
        text += end;
        n -= end;
    }
    return WEIR_STATUS_OK;
}

static int compare_pieces(const void *a, const void *b) {
    const weir_piece *left = a, *right = b;
    size_t n = left->n < right->n ? left->n : right->n;
    int order = memcmp(left->text, right->text, n);
    return order != 0 ? order : (left->n > right->n) - (left->n < right->n);
}

weir_status weir_piece_counter_finish(weir_piece_counter *counter, const weir_piece **pieces,
                                      size_t *n, weir_error *err) {
    if (counter->n_parts > 0)
        WEIR_TRY(run_batch(counter, err));
    table *all = &counter->worker[0].pieces;
    for (uint32_t i = 1; i < counter->n_workers; i++) {
        table *more = &counter->worker[i].pieces;
        for (size_t k = 0; k < more->n; k++)
            if (!table_add(all, more->piece[k].text, more->piece[k].n, more->piece[k].count))
                return no_memory(err);
        table_close(more);
    }
    if (all->n > 0)
        qsort(all->piece, all->n, sizeof *all->piece, compare_pieces);
    *pieces = all->piece;
    *n = all->n;
    return WEIR_STATUS_OK;
}
