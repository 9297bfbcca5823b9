/* outlier.h: is a step's loss or gradient norm so far from the others that it had better be left
 * out? Running mean and variance with exponential forgetting; the state is a few numbers, so that a
 * checkpoint holds it exactly. */
#ifndef WEIR_TRAIN_OUTLIER_H
#define WEIR_TRAIN_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_outlier {
    uint64_t n; /* values seen */
    double mean, variance;
} weir_outlier;

/* Lies the value more than z standard deviations above the mean? Never before `after` values were
 * seen, nor with z 0. One far below is no harm. */
bool weir_outlier_is(const weir_outlier *outlier, double value, double z, uint64_t after);

/* Takes a value in; outliers are not to be. */
void weir_outlier_add(weir_outlier *outlier, double value);

#endif
