/*
 * runner_rates.h: how much of each kind happened in the last ten seconds. Pure: the time is passed
 * in. Zeros are a beginning.
 */
#ifndef WEIR_SERVER_RUNNER_RATES_H
#define WEIR_SERVER_RUNNER_RATES_H

#include <stdint.h>

typedef enum weir_rate {
    WEIR_RATE_PROMPT = 0,    /* tokens of prompts that were run */
    WEIR_RATE_GENERATED = 1, /* tokens that were drawn */
    WEIR_RATE_ENDED = 2      /* choices that ended */
} weir_rate;

enum { WEIR_N_RATES = 3, WEIR_RATE_SECONDS = 10 };

/* A ring of whole seconds; what is older than the ring is thrown away when its place is used. */
typedef struct weir_rates {
    uint64_t second[WEIR_RATE_SECONDS]; /* whose counts stand at this place */
    uint64_t count[WEIR_RATE_SECONDS][WEIR_N_RATES];
} weir_rates;

void weir_rates_add(weir_rates *rates, double now_s, weir_rate kind, uint64_t n);
double weir_rates_per_s(const weir_rates *rates, double now_s, weir_rate kind);

#endif
