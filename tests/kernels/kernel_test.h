/*
 * kernel_test.h: what the tests of the CPU kernels share: the instruction sets to walk through,
 * numbers to feed them, and comparing bits.
 */
#ifndef WEIR_KERNEL_TEST_H
#define WEIR_KERNEL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/half.h"
#include "base/random.h"
#include "cpu/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const isa_names[] = {"portable", "neon",   "dotprod",    "i8mm", "avx2",
                                        "avxvnni",  "avx512", "avx512vnni", "amx"};
enum { N_ISAS = WEIR_COUNT(isa_names) };

/* One fused multiply-add a term: all these give equal bits. */
static inline bool isa_is_fused(const char *isa) {
    return strcmp(isa, "portable") != 0;
}

/* The kernels of an instruction set, or the test is skipped. */
static inline weir_cpu_kernels kernels_or_skip(const char *isa) {
    weir_cpu_kernels k;
    weir_error err;
    if (weir_cpu_kernels_for(&k, isa, &err) != WEIR_STATUS_OK) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    return k;
}

/* A test for each instruction set. */
#define PER_ISA(test)                                                    \
    {#test " portable", test, NULL, NULL, (void *)"portable"},           \
        {#test " neon", test, NULL, NULL, (void *)"neon"},               \
        {#test " dotprod", test, NULL, NULL, (void *)"dotprod"},         \
        {#test " i8mm", test, NULL, NULL, (void *)"i8mm"},               \
        {#test " avx2", test, NULL, NULL, (void *)"avx2"},               \
        {#test " avxvnni", test, NULL, NULL, (void *)"avxvnni"},         \
        {#test " avx512", test, NULL, NULL, (void *)"avx512"},           \
        {#test " avx512vnni", test, NULL, NULL, (void *)"avx512vnni"}, { \
#test " amx", test, NULL, NULL, (void *)"amx"                    \
    }

/* Random numbers as a function of a counter. */
typedef struct numbers {
    uint64_t seed, i;
} numbers;

static inline uint64_t next_bits(numbers *r) {
    return weir_mix64(r->seed, 0, r->i++);
}

/* In [-1, 1). */
static inline float next_uniform(numbers *r) {
    return (float)(weir_uniform(next_bits(r)) * 2.0 - 1.0);
}

/* Around 1, with a tail of values far away on both sides, within float16. */
static inline float next_heavy(numbers *r) {
    float a = next_uniform(r);
    int power = (int)(next_bits(r) % 64);
    if (power == 0)
        return a * 0x1p14f;
    if (power == 1)
        return a * 0x1p-14f;
    return power == 2 ? 0.0f : a;
}

/* Bits, where any NaN equals any other. */
static inline bool same_bits(float a, float b) {
    return weir_f32_bits(a) == weir_f32_bits(b) || (a != a && b != b);
}

static inline void assert_same(const char *what, const char *isa, const float *a, const float *b,
                               size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!same_bits(a[i], b[i]))
            fail_msg("%s, %s: value %zu is %a, expected the bits of %a", isa, what, i, (double)a[i],
                     (double)b[i]);
}

static inline void assert_near(const char *what, const char *isa, size_t i, double got, double want,
                               double bound) {
    if (!(fabs(got - want) <= bound))
        fail_msg("%s, %s: value %zu is %.9g, expected %.9g within %.3g", isa, what, i, got, want,
                 bound);
}

/* A sum of bits, for results that must be the same on every machine. */
static inline uint64_t add_to_sum(uint64_t sum, const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        sum = weir_mix(sum ^ (weir_f32_bits(values[i]) + 0x9e3779b97f4a7c15u));
    return sum;
}

/* Exactly n floats, so that a sanitizer sees the first one too many. */
static inline float *new_floats(size_t n) {
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    return p;
}

#endif
