/* selftest_report.h: one line for each thing that was checked, and the count at the end. */
#ifndef WEIR_TOOLS_SELFTEST_REPORT_H
#define WEIR_TOOLS_SELFTEST_REPORT_H

#include "base/compiler.h"
#include "gguf/tensor.h"
#include <stdio.h>

typedef struct weir_report {
    FILE *out;
    bool failures_only; /* print no PASS lines */
    uint32_t n_passed, n_failed, n_skipped;
} weir_report;

/* "PASS text" or "FAIL text" */
void weir_report_check(weir_report *r, bool passed, const char *format, ...) WEIR_PRINTF(3, 4);

/* "SKIP text": could not be checked, and why */
void weir_report_skip(weir_report *r, const char *format, ...) WEIR_PRINTF(2, 3);

/* ours [n] against a float tensor of n values: |ours - ref| / |ref| and the largest difference.
 * bound_abs INFINITY: not judged. */
void weir_report_compare(weir_report *r, const char *label, const float *ours, size_t n,
                         const weir_tensor *ref, double bound_rel, double bound_abs);

/* ours [rows, cols] against the last `cols` columns of ref [rows, more columns]. */
void weir_report_compare_columns(weir_report *r, const char *name, const char *run,
                                 const char *what, uint32_t layer, const float *ours, size_t rows,
                                 size_t cols, const weir_tensor *ref, double bound_rel);

/* Prints the error of `ours` against ref and counts nothing. */
void weir_report_note(weir_report *r, const float *ours, const weir_tensor *ref, const char *format,
                      ...) WEIR_PRINTF(4, 5);

/* "N passed, N failed" and, if any, ", N skipped" */
void weir_report_end(const weir_report *r);

#endif
