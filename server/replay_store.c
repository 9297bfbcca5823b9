/*
 * replay_store.c: see replay.h. Answers with tool calls, by the id of their first call.
 *
 * Owns copies, in a list by age and a table by id. Invariant: every entry is in the list and in one
 * chain of the table; together they have at most max_bytes. An answer beyond that is not kept.
 */
#include "replay.h"

#include "text_buffer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { N_CHAINS = 4096, DEFAULT_MAX_BYTES = 64 << 20 };

typedef struct entry {
    struct entry *in_chain; /* next of equal hash */
    struct entry *newer, *older;
    char *id, *raw;
    size_t n_raw;
} entry;

struct weir_replay {
    pthread_mutex_t lock; /* of all below; held for copies and look-ups only */
    entry *chain[N_CHAINS];
    entry *newest, *oldest;
    size_t n_bytes, max_bytes;
};

weir_replay *weir_replay_open(size_t max_bytes) {
    weir_replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return NULL;
    pthread_mutex_init(&replay->lock, NULL);
    replay->max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
    return replay;
}

static size_t bytes_of(const entry *e) {
    return sizeof *e + strlen(e->id) + e->n_raw;
}

static void free_entry(entry *e) {
    free(e->id);
    free(e->raw);
    free(e);
}

void weir_replay_close(weir_replay **replay) {
    weir_replay *r = *replay;
    if (!r)
        return;
    for (entry *e = r->newest, *older; e; e = older) {
        older = e->older;
        free_entry(e);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
    *replay = NULL;
}

/* Where the pointer to the entry of this id stands, or would stand. */
static entry **find(weir_replay *r, const char *id) {
    entry **at = &r->chain[XXH3_64bits(id, strlen(id)) % N_CHAINS];
    while (*at && strcmp((*at)->id, id) != 0)
        at = &(*at)->in_chain;
    return at;
}

static void forget(weir_replay *r, entry **at) {
    entry *e = *at;
    *at = e->in_chain;
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
    r->n_bytes -= bytes_of(e);
    free_entry(e);
}

static entry *make_entry(const char *id, const char *raw, size_t n) {
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->id = weir_text_copy(id, strlen(id));
    e->raw = weir_text_copy(raw, n);
    e->n_raw = n;
    if (e->id && e->raw)
        return e;
    free_entry(e);
    return NULL;
}

void weir_replay_put(weir_replay *r, const char *id, const char *raw, size_t n) {
    entry *e = make_entry(id, raw, n);
    if (!e) /* calls are then written anew from their fields */
        return;
    if (bytes_of(e) > r->max_bytes) {
        free_entry(e);
        return;
    }
    pthread_mutex_lock(&r->lock);
    entry **at = find(r, id);
    if (*at)
        forget(r, at);
    while (r->n_bytes + bytes_of(e) > r->max_bytes)
        forget(r, find(r, r->oldest->id));
    at = find(r, id);
    *at = e;
    e->older = r->newest;
    *(e->older ? &e->older->newer : &r->oldest) = e;
    r->newest = e;
    r->n_bytes += bytes_of(e);
    pthread_mutex_unlock(&r->lock);
}

char *weir_replay_get(weir_replay *r, const char *id, size_t *n) {
    pthread_mutex_lock(&r->lock);
    const entry *e = *find(r, id);
    char *raw = e ? weir_text_copy(e->raw, e->n_raw) : NULL;
    *n = raw ? e->n_raw : 0;
    pthread_mutex_unlock(&r->lock);
    return raw;
}
