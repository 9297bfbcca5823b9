/*
 * matcher_store.h: the runs of one grammar, shared by all of its matchers.
 *
 * There is one run for each vocabulary, since masks are noted in it. It is replaced when it has
 * grown too large; a matcher that comes by later takes its state along into the new one, and the
 * old one goes with the last matcher that is in it. All of it happens under one lock.
 */
#ifndef WEIR_TEXT_MATCHER_STORE_H
#define WEIR_TEXT_MATCHER_STORE_H

#include "text/pda_run.h"

typedef struct weir_matcher_run {
    weir_pda_run *run;
    uint64_t serial; /* of the tree */
    size_t n_users;  /* matchers, and the store itself while it is the newest */
    struct weir_matcher_run *next;
} weir_matcher_run;

typedef struct weir_matcher_shared weir_matcher_shared;

weir_matcher_shared *weir_matcher_shared_open(void); /* NULL without memory */
void weir_matcher_shared_close(weir_matcher_shared **shared);

void weir_matcher_lock(weir_matcher_shared *shared);
void weir_matcher_unlock(weir_matcher_shared *shared);

/* Under the lock: the run to use now, and its user count raised; NULL without memory. */
weir_matcher_run *weir_matcher_run_take(weir_matcher_shared *shared, const weir_pda *pda,
                                        uint64_t serial);
void weir_matcher_run_leave(weir_matcher_run **run);
/* Should its users change over to a newer one? */
bool weir_matcher_run_is_old(const weir_matcher_shared *shared, const weir_matcher_run *run);

#endif
