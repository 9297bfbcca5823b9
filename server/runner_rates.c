/* runner_rates.c: see runner_rates.h. */
#include "runner_rates.h"

#include <string.h>

void weir_rates_add(weir_rates *rates, double now_s, weir_rate kind, uint64_t n) {
    uint64_t second = (uint64_t)now_s;
    uint64_t place = second % WEIR_RATE_SECONDS;
    if (rates->second[place] != second) {
        rates->second[place] = second;
        memset(rates->count[place], 0, sizeof rates->count[place]);
    }
    rates->count[place][kind] += n;
}

double weir_rates_per_s(const weir_rates *rates, double now_s, weir_rate kind) {
    uint64_t second = (uint64_t)now_s, sum = 0;
    for (uint64_t i = 0; i < WEIR_RATE_SECONDS; i++)
        if (rates->second[i] <= second && second - rates->second[i] < WEIR_RATE_SECONDS)
            sum += rates->count[i][kind];
    double seconds =
        WEIR_RATE_SECONDS - 1 + (now_s - (double)second); /* the last one is not over */
    return (double)sum / seconds;
}
