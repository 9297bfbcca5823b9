/*
 * cpu_devices.h: what the tests of the CPU device share: for every instruction set of this machine
 * a set of devices on one small model (the reference, and the CPU with 1, 2 and 3 threads, and with
 * 4 on two or three memory nodes), and the two ways to compare them: close to the reference, equal
 * to each other in every bit.
 */
#ifndef WEIR_TESTS_CPU_DEVICES_H
#define WEIR_TESTS_CPU_DEVICES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/compiler.h"
#include "cpu/cpu.h"
#include "cpu/kernels.h"
#include "kernels/small_model.h"

enum { DEVICE_TEAMS = 4, DEVICE_PAGES = 24, DEVICE_STATES = 10, DEVICE_BATCH = 160 };

typedef struct devices {
    small_model *small;
    const weir_model *model;
    const char *isa;
    weir_activations activations;
    weir_backend *reference;
    weir_backend *cpu[DEVICE_TEAMS]; /* of 1, 2, 3, 4 threads, the last on several memory nodes */
} devices;

static inline weir_backend_options device_options(const char *isa, uint32_t n_threads,
                                                  weir_kv_type kv_type) {
    return (weir_backend_options){.isa = isa,
                                  .activations = WEIR_ACTIVATIONS_F32,
                                  .kv_type = kv_type,
                                  .n_threads = n_threads,
                                  .n_pages = DEVICE_PAGES,
                                  .n_states = DEVICE_STATES,
                                  .n_batch = DEVICE_BATCH,
                                  .n_chunks = 8,
                                  .n_out = DEVICE_BATCH,
                                  .no_pin = true};
}

/* Runs check once for every instruction set that this machine has, and that has kernels for packed
 * matrices of this format if the activations are to be rounded. */
static inline void on_each_isa_with(const small_spec *spec, weir_kv_type kv_type,
                                    weir_activations activations, void (*check)(devices *)) {
    static const char *const isas[] = {"portable", "avx2", "avxvnni", "avx512", "avx512vnni",
                                       "amx",      "neon", "dotprod", "i8mm"};
    small_model small;
    small_model_open(&small, spec);
    for (size_t i = 0; i < WEIR_COUNT(isas); i++) {
        weir_error err = {0};
        weir_cpu_kernels kernels;
        if (weir_cpu_kernels_for(&kernels, isas[i], &err) != WEIR_STATUS_OK)
            continue;
        if (activations != WEIR_ACTIVATIONS_F32 && !kernels.t16[spec->format]) {
            print_message("skipped: %s has no products over packed %s\n", isas[i],
                          weir_format_by_id(spec->format)->name);
            continue;
        }
        devices d = {
            .small = &small, .model = &small.model, .isa = isas[i], .activations = activations};
        weir_backend_options options = device_options(NULL, 1, kv_type);
        if (weir_reference_open(&d.reference, d.model, &options, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        for (uint32_t t = 0; t < DEVICE_TEAMS; t++) {
            options = device_options(isas[i], t + 1, kv_type);
            options.activations = activations;
            options.n_nodes = t + 1 < DEVICE_TEAMS ? 0 : 2 + i % 2;
            if (weir_cpu_open(&d.cpu[t], d.model, &options, &err) != WEIR_STATUS_OK)
                fail_msg("%s", err.text);
        }
        check(&d);
        for (uint32_t t = 0; t < DEVICE_TEAMS; t++)
            d.cpu[t]->close(d.cpu[t]);
        d.reference->close(d.reference);
    }
    small_model_close(&small);
}

static inline void on_each_isa(const small_spec *spec, weir_kv_type kv_type,
                               void (*check)(devices *)) {
    on_each_isa_with(spec, kv_type, WEIR_ACTIVATIONS_F32, check);
}

/* |got - want| <= tolerance (1 + |want|), and nothing but numbers. */
static inline void assert_close(const devices *d, const char *what, const float *got,
                                const float *want, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)got[i] - want[i]);
        if (!(difference <= tolerance * (1 + fabs(want[i]))))
            fail_msg("%s, %s: value %zu of %zu is %.9g, expected %.9g", d->isa, what, i, n, got[i],
                     want[i]);
    }
}

static inline void assert_same(const devices *d, const char *what, const float *got,
                               const float *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("%s, %s: value %zu of %zu is %.9g, expected the bits of %.9g", d->isa, what, i,
                     n, got[i], want[i]);
}

/* Marks memory that an op must fill. */
static inline void spoil(float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
}

#endif
