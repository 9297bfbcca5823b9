/*
 * bench_measure.h: measures the cells of a bench file, one after the other.
 *
 * Random tokens, no sampling. A prompt runs on a timeline of its own. For decoding there is one
 * base timeline that grows from depth to depth; each repetition forks `batch` timelines from it, of
 * which the first step, which copies the page that they share, is not counted. Around each cell the
 * machine's reading is measured, so that one that changed in between can be told.
 */
#ifndef WEIR_TOOLS_BENCH_MEASURE_H
#define WEIR_TOOLS_BENCH_MEASURE_H

#include "bench_file.h"
#include "bench_model.h"
#include "ram_room.h"

typedef struct weir_bench_plan {
    const char *device, *isa, *kv_type, *activations;
    uint32_t n_threads;
    bool no_pin;
    uint32_t n_repeats;
    uint32_t n_step;     /* tokens of one step of a prompt */
    double max_seconds;  /* no cell is begun after; 0: no limit */
    weir_packed *packed; /* mapped, or NULL */
    weir_ram ram;        /* --ram */
    bool with_phases;    /* count where the time goes */
    bool no_probe;       /* leave the machine alone between cells */
    const char *path;    /* written after each cell; NULL: nowhere */
    weir_progress progress;
} weir_bench_plan;

enum { WEIR_BENCH_MOST_STEPS = 32 };

/* What one repetition of a cell runs: every one has tokens of its own, and in it every timeline, so
 * that experts are met as often as by any text and none is still in a cache only because the
 * repetition before had the same tokens. Repetition 0 is not counted. */
uint64_t weir_bench_run(const weir_bench_cell *cell, uint32_t repetition);
int32_t weir_bench_token(uint64_t run, uint32_t timeline, uint64_t at, uint32_t n_vocab);

/* Tokens of a timeline that is to decode at this depth. */
uint32_t weir_bench_room(uint32_t depth);

/* Fills the cells of file that have no times yet: prompts first, then decoding by rising depth.
 * *n_left: those that were left because time was up. BAD_ARGUMENT if cells that are there were
 * measured on another engine. */
weir_status weir_bench_measure(weir_bench_file *file, weir_model *model,
                               const weir_bench_plan *plan, size_t *n_left, weir_error *err);

#endif
