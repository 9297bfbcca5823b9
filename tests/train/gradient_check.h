/*
 * gradient_check.h: what the tests of gradients share: random arrays of double that live until the
 * end of the test, and finite differences.
 */
#ifndef WEIR_TRAIN_GRADIENT_CHECK_H
#define WEIR_TRAIN_GRADIENT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays ---- */

enum { MOST_ARRAYS = 512 };

static void *arrays[MOST_ARRAYS];
static size_t n_arrays;

static inline void *new_array(size_t bytes) {
    assert_true(n_arrays < MOST_ARRAYS);
    void *p = calloc(1, bytes ? bytes : 1);
    assert_non_null(p);
    arrays[n_arrays++] = p;
    return p;
}

static inline int free_arrays(void **state) {
    (void)state;
    while (n_arrays)
        free(arrays[--n_arrays]);
    return 0;
}

static inline double *zeros(size_t n) {
    return new_array(n * sizeof(double));
}

/* Uniform in [-1, 1), rounded to float32 so that both kinds of arrays can hold it. Each array of a
 * test has a stream of its own. */
static inline double *uniform(size_t n) {
    double *p = zeros(n);
    uint64_t stream = n_arrays;
    for (size_t i = 0; i < n; i++)
        p[i] = (double)(float)(weir_uniform(weir_mix64(7, stream, i)) * 2.0 - 1.0);
    return p;
}

static inline double *copy_of(const double *x, size_t n) {
    double *p = zeros(n);
    memcpy(p, x, n * sizeof *p);
    return p;
}

static inline float *floats(const double *x, size_t n) {
    float *p = new_array(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)x[i];
    return p;
}

static inline double product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* ---- finite differences ---- */

typedef double loss_fn(void *context);

/* grad [n] is the derivative of the loss by x [n], which the loss reads: central differences, each
 * value within 1e-6 of the larger of itself and the tensor's root mean square. */
static inline void check_gradient(const char *what, loss_fn *loss, void *context, double *x,
                                  const double *grad, size_t n) {
    const double h = 1e-5;
    double scale = sqrt(product(grad, grad, n) / (double)n);
    if (!(scale > 0))
        fail_msg("%s: the gradient is all zeros", what);
    for (size_t i = 0; i < n; i++) {
        double kept = x[i];
        x[i] = kept + h;
        double above = loss(context);
        x[i] = kept - h;
        double below = loss(context);
        x[i] = kept;
        double numeric = (above - below) / (2 * h);
        if (!(fabs(numeric - grad[i]) <= 1e-6 * fmax(fabs(numeric), scale)))
            fail_msg("%s: value %zu: the gradient is %.12g, finite differences say %.12g", what, i,
                     grad[i], numeric);
    }
}

#endif
