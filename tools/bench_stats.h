/* bench_stats.h: medians, spreads and the ratio of two series of measurements. */
#ifndef WEIR_TOOLS_BENCH_STATS_H
#define WEIR_TOOLS_BENCH_STATS_H

#include <stddef.h>

enum { WEIR_BENCH_MOST_REPEATS = 64 };

/* Of values [n], 1 <= n <= WEIR_BENCH_MOST_REPEATS, in any order: `part` of them lie below, between
 * neighbours by their distance; 0.5 is the median. */
double weir_bench_quantile(const double *values, size_t n, double part);

/* Half the distance of the quartiles, as a part of the median. */
double weir_bench_spread(const double *values, size_t n);

typedef struct weir_bench_ratio {
    double ratio;     /* of the medians */
    double low, high; /* 95 of 100 resamplings lie between */
} weir_bench_ratio;

/* median(a) / median(b) of positive values a [n_a] and b [n_b], with the percentile bootstrap
 * (Efron 1979): both are drawn again with replacement, many times. The same input gives the same
 * numbers. The interval holds the ratio. */
weir_bench_ratio weir_bench_compare(const double *a, size_t n_a, const double *b, size_t n_b);

#endif
