/* schedule.c: the learning rate of a step. */
#include "train/schedule.h"

#include <math.h>

/* From 1 at part 0 to floor at part 1. */
static double fall(double part, double floor, bool is_cosine) {
    const double pi = 3.14159265358979323846;
    double left = is_cosine ? 0.5 * (1 + cos(pi * part)) : 1 - part;
    return floor + (1 - floor) * left;
}

double weir_schedule_rate(const weir_schedule *s, uint64_t step) {
    if (s->n_steps == 0)
        return s->peak;
    if (step >= s->n_steps)
        step = s->n_steps - 1;
    double at = (double)step, n = (double)s->n_steps;
    double n_warm = floor(s->warmup * n);
    if (at < n_warm)
        return s->peak * (at + 1) / (n_warm + 1);
    double n_fall;
    switch (s->kind) {
    case WEIR_SCHEDULE_WSD:
        n_fall = ceil(s->decay * n);
        break;
    case WEIR_SCHEDULE_COSINE:
    case WEIR_SCHEDULE_LINEAR:
        n_fall = n - n_warm;
        break;
    case WEIR_SCHEDULE_CONSTANT:
    default:
        return s->peak;
    }
    /* The last step is at the floor, the one before the fall still at the peak. */
    double into = at - (n - n_fall) + 1;
    if (n_fall <= 0 || into <= 0)
        return s->peak;
    bool is_cosine =
        s->kind == WEIR_SCHEDULE_COSINE || (s->kind == WEIR_SCHEDULE_WSD && s->is_cosine_decay);
    return s->peak * fall(into / n_fall, s->floor, is_cosine);
}
