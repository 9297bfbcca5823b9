/*
 * memory.c: how many guards against allocation are entered in the process.
 *
 * Owns one counter. It watches nothing itself: a test's malloc asks weir_guard_active.
 */
#include "base/memory.h"

#include <assert.h>
#include <stdatomic.h>

/* Relaxed is enough: a worker is handed its work by an acquire, which orders what it reads here. */
static atomic_uint n_guards;

void weir_guard_enter(void) {
    atomic_fetch_add_explicit(&n_guards, 1, memory_order_relaxed);
}

void weir_guard_leave(void) {
    unsigned before = atomic_fetch_sub_explicit(&n_guards, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

bool weir_guard_active(void) {
    return atomic_load_explicit(&n_guards, memory_order_relaxed) != 0;
}
