/* outlier.c: running mean and variance, and what lies beyond. */
#include "train/outlier.h"

#include <math.h>

enum { MEMORY = 100 }; /* values: older ones fade */

bool weir_outlier_is(const weir_outlier *o, double value, double z, uint64_t after) {
    if (!(z > 0) || o->n < after || o->n < 2)
        return false;
    return value - o->mean > z * sqrt(o->variance);
}

/* The plain mean of the first MEMORY values, then a moving one (West 1979 with a fixed weight). */
void weir_outlier_add(weir_outlier *o, double value) {
    o->n++;
    double weight = 1.0 / (double)(o->n < MEMORY ? o->n : MEMORY);
    double apart = value - o->mean;
    o->mean += weight * apart;
    o->variance = (1 - weight) * (o->variance + weight * apart * apart);
}
