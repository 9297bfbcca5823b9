/* bench_diff.h: two results of `weir bench`, cell by cell. Pure: files in, rows out. */
#ifndef WEIR_TOOLS_BENCH_DIFF_H
#define WEIR_TOOLS_BENCH_DIFF_H

#include "bench_file.h"

typedef enum weir_bench_verdict {
    WEIR_BENCH_SAME = 0, /* within the noise */
    WEIR_BENCH_FASTER = 1,
    WEIR_BENCH_SLOWER = 2
} weir_bench_verdict;

typedef struct weir_bench_change {
    const weir_bench_cell *a, *b;
    weir_bench_ratio speed;   /* of B to A: above 1 B is faster */
    weir_bench_ratio control; /* of the second run of A to A; ratio 0: there is none */
    weir_bench_verdict verdict;
} weir_bench_change;

/* BAD_ARGUMENT with one line if the files are of different models, or, unless only_common, if one
 * lacks a cell of the other. a_name, b_name: as the line calls them. */
weir_status weir_bench_check_pair(const weir_bench_file *a, const char *a_name,
                                  const weir_bench_file *b, const char *b_name, bool only_common,
                                  weir_error *err);

/*
 * The cells of a that b has, in a's order, into out [a->n_cells]; returns their number. control:
 * NULL, or a second run of a. A change counts if 1 lies outside of its interval, and if it is
 * larger, whether up or down, than what a second run of the same thing may be off by.
 */
size_t weir_bench_diff(weir_bench_change *out, const weir_bench_file *a, const weir_bench_file *b,
                       const weir_bench_file *control);

#endif
