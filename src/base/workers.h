/*
 * workers.h: a team of threads that runs one function at a time, together.
 *
 * weir_workers_run is a parallel region: the caller is worker 0, the others wake, all run
 * fn(context, worker, n_workers), and run returns when all have ended. Inside a region
 * weir_workers_barrier waits for all. Waiting spins for a bounded time and then sleeps on a futex;
 * it never spins when the team is larger than the processors it may use. Regions do not nest; one
 * thread drives a team at a time.
 */
#ifndef WEIR_BASE_WORKERS_H
#define WEIR_BASE_WORKERS_H

#include "base/topology.h"
#include "weir.h"

#include <pthread.h>

/* Starts a thread that leaves the application's signals to the application's threads, but for
 * those of its own faults. name: 15 characters at most. 0 or an errno. */
int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

typedef struct weir_workers weir_workers;
typedef void weir_work(void *context, uint32_t worker, uint32_t n_workers);

/* Are threads of a team that may be pinned tied to processors? Only where it takes all cores. */
bool weir_workers_may_pin(uint32_t n_threads, uint32_t n_cores, uint32_t n_allowed);

/* The memory node of each worker of a team: node [n_threads], numbered from 0 on in the
 * order in which workers meet them, or NULL. Returns how many there are: 1 where threads are tied
 * to no processors, which may then be anywhere. */
uint32_t weir_workers_nodes(uint32_t n_threads, bool pin, uint8_t *node);
/* The same of a team that may be pinned, for a topology that is given. */
uint32_t weir_workers_number_nodes(const weir_topology *topology, uint32_t n_threads,
                                   uint8_t *node);

/* n_threads >= 1, the caller included. pin: each worker (not the caller's thread permanently) gets
 * a processor of its own among those allowed, if weir_workers_may_pin. */
weir_status weir_workers_open(weir_workers **out, uint32_t n_threads, bool pin, weir_error *err);
void weir_workers_close(weir_workers **workers);
uint32_t weir_workers_count(const weir_workers *workers);

void weir_workers_run(weir_workers *workers, weir_work *fn, void *context);
void weir_workers_barrier(weir_workers *workers, uint32_t worker);
/* For worker 0, now and then in a region that takes long (weir_workers_run begins with it): leaves
 * the processor of another worker, if the system has put it there. */
void weir_workers_step_aside(const weir_workers *workers);

/* Contiguous share of n items for a worker, in multiples of `grain` (the last may be short). */
void weir_share(size_t n, size_t grain, uint32_t worker, uint32_t n_workers, size_t *begin,
                size_t *end);

#endif
