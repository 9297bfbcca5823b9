/* gpu_result.c: medians, and results as lines for programs and for people. */
#include "gpu_timer.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void weir_gpu_summarize(weir_gpu_time *out, double *ms, uint32_t n, uint32_t n_turns) {
    qsort(ms, n, sizeof *ms, by_size);
    double median = ms[n / 2];
    out->us = median * 1e3 / n_turns;
    out->spread = median > 0 ? (ms[n * 3 / 4] - ms[n / 4]) / 2 / median : 0;
    out->n = n;
}

void weir_gpu_report(FILE *out, const char *kind, const char *name, double value, const char *unit,
                     double spread) {
    double scale = value >= 1e12 ? 1e12 : value >= 1e9 ? 1e9 : 1;
    const char *prefix = value >= 1e12 ? "T" : value >= 1e9 ? "G" : "";
    printf("%-14s %-36s %10.3f %s%s +- %.1f %%\n", kind, name, value / scale, prefix, unit,
           spread * 100);
    fflush(stdout);
    fprintf(out,
            "{\"kind\": \"%s\", \"name\": \"%s\", \"value\": %.9g, \"unit\": \"%s\", "
            "\"spread\": %.4f}\n",
            kind, name, isfinite(value) ? value : 0, unit, spread);
    fflush(out);
}
