/*
 * bench_file.h: the results of `weir bench`, in memory and as a JSON file.
 *
 * A file is written whole or not at all after every finished cell, so that what an interrupted run
 * has measured stays. The machine's description is kept as the JSON it is; of it only what limits
 * are computed from is read back.
 */
#ifndef WEIR_TOOLS_BENCH_FILE_H
#define WEIR_TOOLS_BENCH_FILE_H

#include "bench_stats.h"
#include "weir_profile.h"

#include <jansson.h>

enum { WEIR_BENCH_TEXT = 128, WEIR_BENCH_MOST_CELLS = 1024 };

typedef enum weir_bench_kind { WEIR_BENCH_PREFILL = 0, WEIR_BENCH_DECODE = 1 } weir_bench_kind;

/* One thing that is measured. The unit of its time is a whole prompt, or one step of decoding. */
typedef struct weir_bench_cell {
    weir_bench_kind kind;
    uint32_t n_tokens; /* prefill: of the prompt; decode: steps of one repetition */
    uint32_t depth;    /* decode: tokens before the first step */
    uint32_t batch;    /* decode: timelines at once; prefill: tokens of one step at most */
    size_t n;
    double seconds[WEIR_BENCH_MOST_REPEATS]; /* [n] of one unit, n 0: not measured yet */
    double read_bytes, macs;                 /* that one unit needs at least */
    double kv_bytes;                         /* of read_bytes, keys and values */
    double before, after; /* bytes/s that the machine read then; 0: not measured */
    weir_profile profile; /* of all repetitions; no phases: not counted. Not in the file */
} weir_bench_cell;

/* What limits are computed from: the best that was measured of the machine. */
typedef struct weir_bench_limits {
    double read_bytes_per_s, macs_per_s; /* 0: unknown */
    char macs_of[32];                    /* "int16 avx2" */
    double cache_bytes;                  /* the last one: smaller things are not read from memory */
} weir_bench_limits;

typedef struct weir_bench_file {
    char version[WEIR_BENCH_TEXT], model[WEIR_BENCH_TEXT], file_type[WEIR_BENCH_TEXT];
    uint64_t weight_bytes, n_params;
    char engine[2 * WEIR_BENCH_TEXT]; /* "cpu, avx2, 2 threads, K/V f16" */
    uint64_t ram_bytes;               /* of --ram; 0: it was not given */
    weir_bench_limits limits;
    json_t *machine;       /* owned; NULL: not measured */
    weir_bench_cell *cell; /* [n_cells], owned */
    size_t n_cells;
} weir_bench_file;

void weir_bench_file_free(weir_bench_file *file);

/* NO_MEMORY, or FULL for too many cells. All of *cell is copied. */
weir_status weir_bench_file_add(weir_bench_file *file, const weir_bench_cell *cell,
                                weir_error *err);

/* Of the same kind, depth, batch and, for prompts, length? */
bool weir_bench_cell_is(const weir_bench_cell *a, const weir_bench_cell *b);
/* NULL: there is none. */
weir_bench_cell *weir_bench_file_find(const weir_bench_file *file, const weir_bench_cell *like);

/* "prefill 512", "decode 4 at 2048" */
const char *weir_bench_cell_name(char buf[WEIR_BENCH_TEXT], const weir_bench_cell *cell);

/* Text [n] of any bytes. BAD_FILE with "where" and the member that is not as expected; then *out is
 * empty. */
weir_status weir_bench_file_parse(weir_bench_file *out, const char *text, size_t n,
                                  const char *where, weir_error *err);
weir_status weir_bench_file_read(weir_bench_file *out, const char *path, weir_error *err);

/* NULL without memory. */
json_t *weir_bench_file_json(const weir_bench_file *file);
weir_status weir_bench_file_write(const weir_bench_file *file, const char *path, weir_error *err);

/* Seconds that reading and arithmetic of one unit take at least, 0: unknown or none. */
double weir_bench_read_floor(const weir_bench_file *file, const weir_bench_cell *cell);
double weir_bench_math_floor(const weir_bench_file *file, const weir_bench_cell *cell);
/* The greater of the two; 0: no limit is known. */
double weir_bench_floor(const weir_bench_file *file, const weir_bench_cell *cell);

/* Tokens of one unit. */
double weir_bench_unit_tokens(const weir_bench_cell *cell);

#endif
