/*
 * schedule.h: the learning rate of a step: warm-up, then constant, linear, cosine, or stable and
 * decay (WSD, Hu et al. 2024). A pure function, so that a resumed run has it without any state.
 *
 *   wsd    ___________            cosine  __
 *         /           \                  /  `-.
 *        /             \_               /      `-._
 *       warm-up   decay  floor         warm-up     floor
 */
#ifndef WEIR_TRAIN_SCHEDULE_H
#define WEIR_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_schedule_kind {
    WEIR_SCHEDULE_WSD = 0,
    WEIR_SCHEDULE_COSINE = 1,
    WEIR_SCHEDULE_LINEAR = 2,
    WEIR_SCHEDULE_CONSTANT = 3
} weir_schedule_kind;

typedef struct weir_schedule {
    weir_schedule_kind kind;
    double peak;          /* learning rate */
    uint64_t n_steps;     /* of the whole run */
    double warmup;        /* share of the steps */
    double decay;         /* WSD: share of the steps at the end */
    double floor;         /* share of the peak at the end */
    bool is_cosine_decay; /* WSD: the decay is half a cosine instead of a line */
} weir_schedule;

/* step from 0; those beyond the end count as the last one. Never 0 in the warm-up. */
double weir_schedule_rate(const weir_schedule *schedule, uint64_t step);

#endif
