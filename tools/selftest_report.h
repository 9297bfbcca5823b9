/*
 * selftest_report.h: one line for each thing that was checked, and the count at the end; as text,
 * or each line as a JSON object.
 */
#ifndef WEIR_TOOLS_SELFTEST_REPORT_H
#define WEIR_TOOLS_SELFTEST_REPORT_H

#include "base/compiler.h"
#include "gguf/tensor.h"
#include <stdio.h>

typedef struct weir_report {
    FILE *out;
    bool failures_only; /* print no PASS lines */
    bool no_notes;      /* print no notes either */
    bool as_json;
    uint32_t n_passed, n_failed, n_skipped;
    uint32_t n_optional; /* that do not hold and need not */
} weir_report;

/* "PASS text" or "FAIL text" */
void weir_report_check(weir_report *r, bool passed, const char *format, ...) WEIR_PRINTF(3, 4);

/* "SKIP text": could not be checked, and why */
void weir_report_skip(weir_report *r, const char *format, ...) WEIR_PRINTF(2, 3);

/* "OPT  text": does not hold, and need not. Counts neither as passed nor as failed. */
void weir_report_optional(weir_report *r, const char *format, ...) WEIR_PRINTF(2, 3);

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

/* Adds the counts of a part. */
void weir_report_add(weir_report *r, const weir_report *part);

/* "N passed, N failed" and, if any, ", N skipped"; what: of which part, NULL: of all. */
void weir_report_end(const weir_report *r, const char *what);

#endif
