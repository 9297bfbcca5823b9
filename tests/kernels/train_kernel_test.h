/*
 * train_kernel_test.h: what the tests of the CPU's kernels for training share: a device of each
 * instruction set with one, two and three threads, arrays that live until the test's end, and
 * comparing with the same op in double.
 */
#ifndef WEIR_TRAIN_KERNEL_TEST_H
#define WEIR_TRAIN_KERNEL_TEST_H

#include "backend/train_reference.h"
#include "cpu/cpu.h"
#include "kernel_test.h"

#include <string.h>

#define F64 (&weir_train_reference_f64)

enum { MOST_ARRAYS = 4096, MOST_THREADS = 3 };

static void *arrays[MOST_ARRAYS];
static size_t n_arrays;

/* Of exactly so many bytes, so that a sanitizer sees the first one too many. */
static inline void *new_array(size_t bytes) {
    assert_true(n_arrays < MOST_ARRAYS);
    void *p = malloc(bytes ? bytes : 1);
    assert_non_null(p);
    arrays[n_arrays++] = p;
    return p;
}

static inline int free_arrays(void **state) {
    (void)state;
    while (n_arrays > 0)
        free(arrays[--n_arrays]);
    return 0;
}

static inline float *filled(numbers *r, size_t n, float (*next)(numbers *)) {
    float *p = new_array(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = next(r);
    return p;
}

static inline float *uniform(numbers *r, size_t n) {
    return filled(r, n, next_uniform);
}

static inline float *copy_of(const float *x, size_t n) {
    float *p = new_array(n * sizeof *p);
    memcpy(p, x, n * sizeof *p);
    return p;
}

static inline double *doubles(const float *x, size_t n) {
    double *p = new_array(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (double)x[i];
    return p;
}

/* One device for each number of threads; closed by close_devices. */
static weir_trainer_device *devices[MOST_THREADS];
static const char *devices_isa;

static inline int close_devices(void **state) {
    for (int i = 0; i < MOST_THREADS; i++) {
        if (devices[i])
            devices[i]->close(devices[i]);
        devices[i] = NULL;
    }
    return free_arrays(state);
}

/* The devices of an instruction set in float32, or the test is skipped. */
static inline void devices_or_skip(const char *isa) {
    weir_error err;
    devices_isa = isa;
    for (uint32_t i = 0; i < MOST_THREADS; i++) {
        weir_trainer_device_options options = {
            .isa = isa, .n_threads = i + 1, .is_exact = true, .no_pin = true};
        if (weir_cpu_train_open(&devices[i], &options, &err) != WEIR_STATUS_OK) {
            if (i > 0)
                fail_msg("%s: %s", isa, err.text);
            print_message("skipped: %s\n", err.text);
            skip();
        }
    }
}

/* A test for each instruction set, devices closed and arrays freed after it. */
#define PER_DEVICE(test)                                                \
    {#test " portable", test, NULL, close_devices, (void *)"portable"}, \
        {#test " neon", test, NULL, close_devices, (void *)"neon"},     \
        {#test " avx2", test, NULL, close_devices, (void *)"avx2"}, {   \
#test " avx512", test, NULL, close_devices, (void *)"avx512"    \
    }

/* In relative L2 distance, and nothing that is no number. */
static inline void assert_close(const char *what, const float *got, const double *want, size_t n,
                                double bound) {
    double diff = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += want[i] * want[i];
    }
    if (!(sqrt(diff) <= bound * sqrt(size)))
        fail_msg("%s, %s: relative L2 distance %.3g, expected at most %.3g", devices_isa, what,
                 sqrt(diff / size), bound);
}

static inline void assert_equal(const char *what, const float *got, const float *want, size_t n) {
    assert_same(what, devices_isa, got, want, n);
}

/* Runs `call` on the devices with one, two and three threads, as `dev`; n is the number's index. */
#define ON_ALL(call)                           \
    for (int n = 0; n < MOST_THREADS; n++) {   \
        weir_trainer_device *dev = devices[n]; \
        call;                                  \
    }

/* An output for each device, all beginning as `start` (NULL: with a value that no op gives). */
typedef struct outputs {
    float *of[MOST_THREADS];
    size_t n;
} outputs;

static inline outputs outputs_from(const float *start, size_t n) {
    outputs out = {.n = n};
    for (int i = 0; i < MOST_THREADS; i++) {
        out.of[i] = new_array(n * sizeof(float));
        for (size_t j = 0; j < n; j++)
            out.of[i][j] = start ? start[j] : -777.0f;
    }
    return out;
}

/* Near the double result, and the same bits from any number of threads. */
static inline void check_outputs(const char *what, const outputs *out, const double *want,
                                 double bound) {
    assert_close(what, out->of[0], want, out->n, bound);
    for (int i = 1; i < MOST_THREADS; i++)
        assert_equal(what, out->of[i], out->of[0], out->n);
}

#endif
