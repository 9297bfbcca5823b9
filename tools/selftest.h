/* selftest.h: what `weir selftest` can be asked. selftest_*.c may look inside the library. */
#ifndef WEIR_TOOLS_SELFTEST_H
#define WEIR_TOOLS_SELFTEST_H

#include "weir.h"

struct weir_report;

typedef struct weir_selftest_options {
    const char *backend; /* "cpu" or "reference" */
    const char *isa;     /* cap on the kernels; NULL: the best */
    uint32_t n_threads;  /* 0: the default */
} weir_selftest_options;

/* Compares the engine with the golden data under dir: a set with index.json, or one case. What
 * does not hold is a failure in the report; a status other than OK means that dir is no such data.
 */
weir_status weir_selftest_golden(struct weir_report *report, const char *dir,
                                 const weir_selftest_options *options, weir_error *err);

#endif
