/*
 * random.c: Philox4x32-10 of Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011), section 3.3.
 *
 * Owns no state: the output is a function of counter and key alone. And the seeds that come from
 * the system.
 */
#include "base/random.h"

#include "weir.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static void philox_round(uint32_t c[4], uint32_t key0, uint32_t key1) {
    uint64_t product0 = (uint64_t)0xd2511f53u * c[0];
    uint64_t product1 = (uint64_t)0xcd9e8d57u * c[2];
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
    c[1] = (uint32_t)product1;
    c[2] = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
    c[3] = (uint32_t)product0;
}

void weir_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t key0 = key[0], key1 = key[1];
    for (int round = 0; round < 10; round++) {
        philox_round(c, key0, key1);
        key0 += 0x9e3779b9u; /* golden ratio */
        key1 += 0xbb67ae85u; /* sqrt(3) - 1 */
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

uint64_t weir_seed_random(void) {
    uint64_t seed;
    ssize_t n;
    do
        n = getrandom(&seed, sizeof seed, 0);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof seed)
        return seed;
    /* A kernel without the call: the clock still differs from run to run. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return weir_mix((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}
