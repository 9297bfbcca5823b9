/*
 * matcher_store.c: the runs of a grammar. Owns when one is replaced and freed; not what is in it.
 */
#include "text/matcher_store.h"

#include <pthread.h>
#include <stdlib.h>

/* Masks of a vocabulary of 65,536 take 8 KiB each. */
#define MAX_RUN_BYTES ((size_t)32 << 20)

struct weir_matcher_shared {
    pthread_mutex_t lock;     /* held for one mask or one token; never together with another lock */
    weir_matcher_run *newest; /* one for each tree */
};

weir_matcher_shared *weir_matcher_shared_open(void) {
    weir_matcher_shared *shared = calloc(1, sizeof *shared);
    if (shared && pthread_mutex_init(&shared->lock, NULL) != 0) {
        free(shared);
        return NULL;
    }
    return shared;
}

void weir_matcher_shared_close(weir_matcher_shared **shared) {
    if (!*shared)
        return;
    while ((*shared)->newest) {
        weir_matcher_run *run = (*shared)->newest;
        (*shared)->newest = run->next;
        weir_matcher_run_leave(&run);
    }
    pthread_mutex_destroy(&(*shared)->lock);
    free(*shared);
    *shared = NULL;
}

void weir_matcher_lock(weir_matcher_shared *shared) {
    pthread_mutex_lock(&shared->lock);
}

void weir_matcher_unlock(weir_matcher_shared *shared) {
    pthread_mutex_unlock(&shared->lock);
}

static bool is_spent(const weir_matcher_run *run) {
    return weir_pda_run_bytes(run->run) > MAX_RUN_BYTES || !weir_pda_run_is_whole(run->run);
}

static weir_matcher_run *open_run(const weir_pda *pda, uint64_t serial) {
    weir_matcher_run *run = calloc(1, sizeof *run);
    if (run)
        *run = (weir_matcher_run){weir_pda_run_open(pda), serial, 1, NULL};
    if (run && !run->run) {
        free(run);
        return NULL;
    }
    return run;
}

weir_matcher_run *weir_matcher_run_take(weir_matcher_shared *shared, const weir_pda *pda,
                                        uint64_t serial) {
    weir_matcher_run **place = &shared->newest;
    while (*place && (*place)->serial != serial)
        place = &(*place)->next;
    if (*place && is_spent(*place)) {
        weir_matcher_run *old = *place;
        *place = old->next;
        weir_matcher_run_leave(&old);
    } else if (*place) {
        (*place)->n_users++;
        return *place;
    }
    weir_matcher_run *run = open_run(pda, serial);
    if (!run)
        return NULL;
    run->n_users++;
    run->next = shared->newest;
    shared->newest = run;
    return run;
}

void weir_matcher_run_leave(weir_matcher_run **run) {
    if (*run && --(*run)->n_users == 0) {
        weir_pda_run_close(&(*run)->run);
        free(*run);
    }
    *run = NULL;
}

bool weir_matcher_run_is_old(const weir_matcher_shared *shared, const weir_matcher_run *run) {
    const weir_matcher_run *newest = shared->newest;
    while (newest && newest != run)
        newest = newest->next;
    return !newest || is_spent(run);
}
