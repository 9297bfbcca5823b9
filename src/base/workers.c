/*
 * workers.c: the threads of a team and how they wait for each other.
 *
 * Owns the threads from open to close. Does not divide the work: see weir_share. Everything that
 * waits waits on a `gate`, a counter that only grows (modulo 2^32): the team waits at `start` for
 * the next region, all wait at `middle` for a barrier, the caller waits at `end` for the last of
 * the others. Invariant: outside a region all workers but the caller's are at `start`.
 */
#include "base/workers.h"

#include "base/error.h"
#include "base/topology.h"

#include <assert.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Longer than the pauses between the regions of one step, shorter than a time slice: whoever waits
 * longer is better asleep. The clock is read once in SPIN_POLLS. */
enum { SPIN_NS = 100000, SPIN_POLLS = 64, CACHE_LINE_BYTES = 64 };

/* Each on a cache line of its own, because all processors poll it. */
typedef struct gate {
    _Alignas(CACHE_LINE_BYTES) atomic_uint count;
    atomic_uint n_sleeping;
} gate;

typedef struct counter {
    _Alignas(CACHE_LINE_BYTES) atomic_uint value;
} counter;

typedef struct member {
    weir_workers *team;
    pthread_t thread;
    uint32_t worker;
} member;

struct weir_workers {
    gate start, middle, end;
    counter n_at_middle, n_ended;
    /* Written by the caller before `start` moves, read by the others after. fn NULL: go home. */
    weir_work *fn;
    void *context;
    uint32_t n_threads;
    uint32_t n_started; /* threads that exist, the caller included */
    bool spins;
    bool is_pinned;
    cpu_set_t home;   /* the processor left for the caller */
    cpu_set_t others; /* those of the pinned members, and of other memory nodes than home */
    member *members;  /* [n_threads], the first is the caller and has no thread */
};

/* ---- gates -------------------------------------------------------------------------------- */

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool spin_while(gate *g, uint32_t seen) {
    uint64_t deadline = 0;
    for (;;) {
        for (int i = 0; i < SPIN_POLLS; i++) {
            if (atomic_load_explicit(&g->count, memory_order_acquire) != seen)
                return true;
            WEIR_PAUSE();
        }
        uint64_t now = now_ns();
        if (deadline == 0)
            deadline = now + SPIN_NS;
        else if (now > deadline)
            return false;
    }
}

/* Waits until the gate has moved on from `seen`. */
static void gate_wait(gate *g, uint32_t seen, bool spins) {
    if (atomic_load_explicit(&g->count, memory_order_acquire) != seen)
        return;
    if (spins && spin_while(g, seen))
        return;
    /* With gate_move in one total order: either it sees this sleeper, or the loop sees its move.
     * Between the loop's look and the sleep the kernel compares once more. */
    atomic_fetch_add(&g->n_sleeping, 1);
    while (atomic_load(&g->count) == seen)
        syscall(SYS_futex, &g->count, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&g->n_sleeping, 1);
}

static void gate_move(gate *g) {
    atomic_fetch_add(&g->count, 1);
    if (atomic_load(&g->n_sleeping) > 0)
        syscall(SYS_futex, &g->count, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static uint32_t gate_look(gate *g) {
    return atomic_load_explicit(&g->count, memory_order_relaxed);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *member_main(void *arg) {
    const member *self = arg;
    weir_workers *team = self->team;
    for (uint32_t seen = 0;; seen++) {
        gate_wait(&team->start, seen, team->spins);
        if (!team->fn)
            return NULL;
        team->fn(team->context, self->worker, team->n_threads);
        /* Acquire and release: the last one hands the work of all others to the caller. */
        if (atomic_fetch_add(&team->n_ended.value, 1) + 2 == team->n_threads)
            gate_move(&team->end);
    }
}

/* Pinning is a wish: a container may forbid it, and then the thread runs where it is put. */
static void pin_thread(pthread_t thread, uint32_t cpu) {
    cpu_set_t *set = CPU_ALLOC(cpu + 1);
    if (!set)
        return;
    size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
    CPU_ZERO_S(bytes, set);
    CPU_SET_S(cpu, bytes, set);
    pthread_setaffinity_np(thread, bytes, set);
    CPU_FREE(set);
}

int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context) {
    /* A fault that finds its signal blocked kills without a word. */
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < WEIR_COUNT(faults); i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    int error = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(*thread, name);
    return error;
}

static int start_member(weir_workers *team, uint32_t worker) {
    member *m = &team->members[worker];
    *m = (member){.team = team, .worker = worker};
    char name[16];
    snprintf(name, sizeof name, "weir-%u", (unsigned)worker);
    return weir_thread_start(&m->thread, name, member_main, m);
}

/* A team that leaves cores to others leaves it to the system which: a second program of this kind,
 * or one in another container, would be sent to the same lowest ones, and of cores of two kinds
 * those are often the slow ones. With more threads than processors nothing is gained. */
bool weir_workers_may_pin(uint32_t n_threads, uint32_t n_cores, uint32_t n_allowed) {
    return n_threads >= n_cores && n_threads <= n_allowed;
}

uint32_t weir_workers_number_nodes(const weir_topology *t, uint32_t n_threads, uint8_t *node) {
    uint32_t n = 0;
    uint8_t number[WEIR_MAX_NODES]; /* [n] of the system */
    if (node)
        memset(node, 0, n_threads);
    if (n_threads < 2 || !weir_workers_may_pin(n_threads, t->n_cores, t->n_allowed))
        return 1;
    for (uint32_t worker = 0; worker < n_threads; worker++) {
        uint32_t i = 0;
        while (i < n && number[i] != t->node[worker])
            i++;
        if (i == n)
            number[n++] = t->node[worker];
        if (node)
            node[worker] = (uint8_t)i;
    }
    return n;
}

uint32_t weir_workers_nodes(uint32_t n_threads, bool pin, uint8_t *node) {
    weir_topology *t = n_threads > 1 && pin ? malloc(sizeof *t) : NULL;
    uint32_t n = 1;
    if (node)
        memset(node, 0, n_threads);
    if (!t)
        return n;
    weir_topology_read(t);
    n = weir_workers_number_nodes(t, n_threads, node);
    free(t);
    return n;
}

weir_status weir_workers_open(weir_workers **out, uint32_t n_threads, bool pin, weir_error *err) {
    *out = NULL;
    if (n_threads == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "workers: 0 threads, expected at least 1");
    weir_status status;
    weir_topology *topology = malloc(sizeof *topology);
    weir_workers *team = aligned_alloc(CACHE_LINE_BYTES, sizeof *team);
    member *members = calloc(n_threads, sizeof *members);
    if (!topology || !team || !members) {
        free(members);
        free(team);
        team = NULL;
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "workers: no memory for %u threads",
                           (unsigned)n_threads);
        goto fail;
    }
    memset(team, 0, sizeof *team);
    team->n_threads = n_threads;
    team->n_started = 1;
    team->members = members;
    weir_topology_read(topology);
    uint32_t n_processors = topology->n_allowed;
    if (topology->n_quota > 0 && topology->n_quota < n_processors)
        n_processors = topology->n_quota;
    team->spins = n_threads <= n_processors;
    for (uint32_t worker = 1; worker < n_threads; worker++) {
        int error = start_member(team, worker);
        if (error) {
            status = weir_fail(err, WEIR_STATUS_FAILED, "workers: thread %u of %u not started: %s",
                               (unsigned)worker + 1, (unsigned)n_threads, strerror(error));
            goto fail;
        }
        team->n_started++;
        if (pin && weir_workers_may_pin(n_threads, topology->n_cores, topology->n_allowed)) {
            pin_thread(members[worker].thread, topology->cpu[worker]);
            CPU_SET(topology->cpu[worker], &team->others);
            CPU_SET(topology->cpu[0], &team->home);
            team->is_pinned = true;
        }
    }
    for (uint32_t i = 0; team->is_pinned && i < topology->n_allowed; i++)
        if (topology->node[i] != topology->node[0])
            CPU_SET(topology->cpu[i], &team->others);
    free(topology);
    *out = team;
    return WEIR_STATUS_OK;
fail:
    free(topology);
    weir_workers_close(&team);
    return status;
}

void weir_workers_close(weir_workers **workers) {
    if (!workers || !*workers)
        return;
    weir_workers *team = *workers;
    *workers = NULL;
    team->fn = NULL;
    gate_move(&team->start);
    for (uint32_t worker = 1; worker < team->n_started; worker++)
        pthread_join(team->members[worker].thread, NULL);
    free(team->members);
    free(team);
}

uint32_t weir_workers_count(const weir_workers *workers) {
    return workers->n_threads;
}

/* ---- regions ------------------------------------------------------------------------------ */

/* A caller that the system left on the processor of a pinned member would take turns with it: both
 * spin, each waits for the other's time slice, and a region of microseconds takes milliseconds
 * (measured: twice the time of a matrix product, for up to a second). Move over, and stay free. */
static void step_aside(const weir_workers *team) {
    int cpu = sched_getcpu();
    cpu_set_t allowed;
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &team->others) ||
        sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
        sched_setaffinity(0, sizeof team->home, &team->home) != 0)
        return;
    sched_setaffinity(0, sizeof allowed, &allowed);
}

void weir_workers_step_aside(const weir_workers *workers) {
    if (workers->is_pinned)
        step_aside(workers);
}

void weir_workers_run(weir_workers *workers, weir_work *fn, void *context) {
    assert(fn);
    if (workers->n_threads == 1) {
        fn(context, 0, 1);
        return;
    }
    weir_workers_step_aside(workers);
    uint32_t seen = gate_look(&workers->end);
    workers->fn = fn;
    workers->context = context;
    atomic_store_explicit(&workers->n_ended.value, 0, memory_order_relaxed);
    gate_move(&workers->start);
    fn(context, 0, workers->n_threads);
    gate_wait(&workers->end, seen, workers->spins);
}

void weir_workers_barrier(weir_workers *workers, uint32_t worker) {
    assert(worker < workers->n_threads);
    if (workers->n_threads == 1)
        return;
    /* The gate cannot move before this worker has arrived, so this look is never too late. */
    uint32_t seen = gate_look(&workers->middle);
    if (atomic_fetch_add(&workers->n_at_middle.value, 1) + 1 < workers->n_threads) {
        gate_wait(&workers->middle, seen, workers->spins);
        return;
    }
    atomic_store_explicit(&workers->n_at_middle.value, 0, memory_order_relaxed);
    gate_move(&workers->middle);
}

void weir_share(size_t n, size_t grain, uint32_t worker, uint32_t n_workers, size_t *begin,
                size_t *end) {
    assert(grain > 0 && worker < n_workers);
    size_t n_grains = n / grain + (n % grain != 0);
    /* The first `rest` workers take one grain more. */
    size_t each = n_grains / n_workers, rest = n_grains % n_workers;
    size_t first = each * worker + (worker < rest ? worker : rest);
    size_t last = first + each + (worker < rest);
    *begin = first < n_grains ? first * grain : n;
    *end = last < n_grains ? last * grain : n;
}
