/*
 * gpu_timer.h: how long queued work takes on the device, and lines of results.
 *
 * Two implementations: gpu_timer_device.cu with events and graphs, and gpu_timer_dry.c, which does
 * the work once on the emulator and makes the times up, so that everything but the clock can be
 * tried where there is no GPU. Memory and streams are those of cuda_memory.h.
 */
#ifndef WEIR_BENCH_GPU_TIMER_H
#define WEIR_BENCH_GPU_TIMER_H

#include "cuda/cuda_memory.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Queues one turn of the work; turns come in order, 0 .. n_turns - 1, over and over. */
typedef void weir_gpu_work(void *context, weir_cuda_stream *stream, uint32_t turn);

typedef struct weir_gpu_time {
    double us;     /* of one turn: median of the repetitions */
    double spread; /* half the distance of the quartiles, as a share of the median */
    uint32_t n;    /* repetitions */
} weir_gpu_time;

/* All turns are captured in one graph, which runs some times to warm up and n_repeats times by the
 * clock; fewer, but 3 at least, if that took more than most_s. 0 or a cudaError_t. Reading caches
 * that the turn before filled is the caller's to avoid: by many turns over different memory. */
int weir_gpu_measure(weir_gpu_time *out, weir_gpu_work *work, void *context, uint32_t n_turns,
                     uint32_t n_repeats, double most_s);

/* Seconds of the monotonic clock; the dry one's goes on by a second for each measurement. */
double weir_gpu_now(void);

uint32_t weir_gpu_n_multiprocessors(void);

/* Is this the dry one? */
int weir_gpu_is_dry(void);

/* gpu_result.c: median and spread of n times in ms of n_turns each; times are sorted. */
void weir_gpu_summarize(weir_gpu_time *out, double *ms, uint32_t n, uint32_t n_turns);
/* {"kind": "...", "name": "...", "value": ..., "unit": "...", "spread": ...} as one line of out,
 * flushed, and a readable line on standard output. */
void weir_gpu_report(FILE *out, const char *kind, const char *name, double value, const char *unit,
                     double spread);

#ifdef __cplusplus
}
#endif
#endif
