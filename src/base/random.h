/* random.h: numbers that are functions of a counter, so that order and threads do not matter. */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stdint.h>

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64 bits. */
static inline uint64_t weir_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Random 64 bits number i of stream `stream` under `seed`. The formula of docs/synth.md: devices
 * make the same weights from it. */
static inline uint64_t weir_mix64(uint64_t seed, uint64_t stream, uint64_t i) {
    uint64_t key = weir_mix(seed + 0x9e3779b97f4a7c15u * (stream + 1));
    return weir_mix(key + 0x9e3779b97f4a7c15u * (i + 1));
}

/* Philox4x32-10 (Salmon et al., SC 2011): out = f(key, counter). */
void weir_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* Uniform in [0, 1) with 53 bits, from 64 random bits. */
static inline double weir_uniform(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

#endif
