/*
 * softmax_weight.h: the weights of a softmax as whole numbers, and what is done with their sums.
 *
 * A weight is 2^39 times 2^-t, rounded, for a distance t >= 0 below the best. Sums of whole numbers
 * are exact, so they have no order: a host that adds one by one and a device that adds by a tree
 * and by atomics come to the same. 2^24 weights, the largest vocabulary, fit into 63 bits. Weights
 * are off by 2.2e-12 of themselves and by half of the last unit, 9.1e-13 of the best.
 *
 * The same bits on every machine: IEEE products and sums that no compiler may contract, no library.
 * Kernels (src/cuda) include this too.
 */
#ifndef WEIR_BASE_SOFTMAX_WEIGHT_H
#define WEIR_BASE_SOFTMAX_WEIGHT_H

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define WEIR_SOFTMAX_INLINE static __host__ __device__ __forceinline__
#else
#define WEIR_SOFTMAX_INLINE static inline
#endif

enum { WEIR_WEIGHT_BITS = 39, WEIR_WEIGHT_NONE_AT = 40 };

#define WEIR_WEIGHT_ONE   ((double)(UINT64_C(1) << WEIR_WEIGHT_BITS))
#define WEIR_WEIGHT_REACH 41.0 /* nothing this far below the best has a weight, however rounded */
#define WEIR_LOG2_E       1.4426950408889634

/* t >= 0, or NaN, which weighs nothing. */
WEIR_SOFTMAX_INLINE uint64_t weir_softmax_weight(double t) {
    /* 2^-r - 1 for r from -1/2 to 1/2, over r: interpolated at the nodes of Chebyshev. */
    const double whole = 0x1.8p52; /* a sum with it is rounded to a whole number, in the low bits */
    uint64_t bits;
    if (!(t < WEIR_WEIGHT_NONE_AT))
        return 0;
    double moved = t + whole;
    double r = t - (moved - whole);
    double p = 0x1.63b2d7971923fp-20;
    p = p * r - 0x1.00c0e4e15189cp-16;
    p = p * r + 0x1.4308c7183d6a2p-13;
    p = p * r - 0x1.5d877598350dep-10;
    p = p * r + 0x1.3b2ab70ad2565p-7;
    p = p * r - 0x1.c6b08da70cce3p-5;
    p = p * r + 0x1.ebfbdff82a734p-3;
    p = p * r - 0x1.62e42fef9cc69p-1;
    p = p * r + 1.0;
    memcpy(&bits, &moved, sizeof bits);
    uint64_t power_bits = (1023 + WEIR_WEIGHT_BITS - (bits & 63)) << 52;
    double power;
    memcpy(&power, &power_bits, sizeof power);
    double weight = p * power + 0x1p52;
    memcpy(&bits, &weight, sizeof bits);
    return bits & ((UINT64_C(1) << 52) - 1);
}

/* The share `uniform` / 2^53 of a sum below 2^63, rounded down: below the sum. */
WEIR_SOFTMAX_INLINE uint64_t weir_softmax_share(uint64_t uniform, uint64_t sum) {
    uint64_t u0 = (uint32_t)uniform, u1 = uniform >> 32, s0 = (uint32_t)sum, s1 = sum >> 32;
    uint64_t low = u0 * s0, mid = u1 * s0 + (low >> 32), cross = u0 * s1 + (uint32_t)mid;
    uint64_t high = u1 * s1 + (mid >> 32) + (cross >> 32);
    low = cross << 32 | (uint32_t)low;
    return high << 11 | low >> 53;
}

#endif
