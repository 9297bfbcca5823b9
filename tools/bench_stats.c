/* bench_stats.c: see bench_stats.h. Pure functions. */
#include "bench_stats.h"

#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_RESAMPLES = 4000 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sorted [n] */
static double quantile_of(const double *sorted, size_t n, double part) {
    double at = part * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return sorted[n - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

double weir_bench_quantile(const double *values, size_t n, double part) {
    double sorted[WEIR_BENCH_MOST_REPEATS];
    assert(n > 0 && n <= WEIR_BENCH_MOST_REPEATS && part >= 0 && part <= 1);
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, by_value);
    return quantile_of(sorted, n, part);
}

double weir_bench_spread(const double *values, size_t n) {
    double range = weir_bench_quantile(values, n, 0.75) - weir_bench_quantile(values, n, 0.25);
    return range / 2 / weir_bench_quantile(values, n, 0.5);
}

static double resampled_median(const double *values, size_t n, uint64_t stream, uint64_t number) {
    double drawn[WEIR_BENCH_MOST_REPEATS];
    for (size_t i = 0; i < n; i++)
        drawn[i] = values[weir_mix64(number, stream, i) % n];
    return weir_bench_quantile(drawn, n, 0.5);
}

weir_bench_ratio weir_bench_compare(const double *a, size_t n_a, const double *b, size_t n_b) {
    double ratios[N_RESAMPLES];
    weir_bench_ratio out = {.ratio = weir_bench_quantile(a, n_a, 0.5) /
                                     weir_bench_quantile(b, n_b, 0.5)};
    for (uint64_t i = 0; i < N_RESAMPLES; i++)
        ratios[i] = resampled_median(a, n_a, 0, i) / resampled_median(b, n_b, 1, i);
    qsort(ratios, N_RESAMPLES, sizeof *ratios, by_value);
    out.low = fmin(quantile_of(ratios, N_RESAMPLES, 0.025), out.ratio);
    out.high = fmax(quantile_of(ratios, N_RESAMPLES, 0.975), out.ratio);
    return out;
}
