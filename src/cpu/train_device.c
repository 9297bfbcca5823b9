/*
 * train_device.c: opens and closes the CPU device of training.
 *
 * Owns its memory, its threads and its table of kernels. Invariant: layout() is the only place that
 * says how much memory there is; after open nothing is allocated.
 */
#include "cpu/train_device.h"

#include "base/error.h"
#include "base/topology.h"
#include "cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>

/* Fewer values than this are done sooner by one thread than others wake up. */
enum { WORTH_WAKING = 4096 };

static void layout(weir_train_cpu *cpu, weir_arena *arena, uint32_t n_threads) {
    const weir_product_kernels *product = &cpu->kernels.product;
    size_t n_panels = WEIR_PRODUCT_ROWS / product->tile_rows + 1;
    cpu->b = weir_arena_take(arena, WEIR_PRODUCT_BYTES);
    cpu->parts = weir_arena_take_array(arena, WEIR_PRODUCT_PARTS, sizeof *cpu->parts);
    cpu->squares = weir_arena_take_array(arena, WEIR_SQUARES_BLOCKS, sizeof *cpu->squares);
    cpu->rotations = weir_arena_take_array(arena, (size_t)WEIR_ROPE_POSITIONS * WEIR_ROPE_DIM,
                                           sizeof *cpu->rotations);
    cpu->a = weir_arena_take_array(arena, n_threads, sizeof *cpu->a);
    cpu->attend = weir_arena_take_array(arena, n_threads, sizeof *cpu->attend);
    for (uint32_t i = 0; i < n_threads; i++) {
        uint8_t *a = weir_arena_take_array(arena, n_panels, product->a_panel_bytes);
        float *attend = weir_arena_take_array(arena, weir_train_attend_scratch(WEIR_MAX_HEAD_DIM),
                                              sizeof(float));
        if (cpu->a) {
            cpu->a[i] = a;
            cpu->attend[i] = attend;
        }
    }
}

void weir_train_cpu_run(weir_train_cpu *cpu, size_t n_values, weir_work *fn, void *job) {
    if (n_values < WORTH_WAKING)
        fn(job, 0, 1);
    else
        weir_workers_run(cpu->dev.workers, fn, job);
}

static void train_cpu_close(weir_trainer_device *dev) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    weir_workers_close(&dev->workers);
    weir_arena_close(&cpu->arena);
    free(cpu);
}

weir_status weir_cpu_train_open(weir_trainer_device **out,
                                const weir_trainer_device_options *options, weir_error *err) {
    *out = NULL;
    weir_status status;
    uint32_t n_threads = options->n_threads;
    weir_train_cpu *cpu = calloc(1, sizeof *cpu);
    weir_topology *topology = malloc(sizeof *topology);
    if (!cpu || !topology) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "the CPU device for training: no memory");
        goto fail;
    }
    if (n_threads == 0) {
        weir_topology_read(topology);
        n_threads = topology->n_threads;
    }
    status = weir_train_kernels_for(&cpu->kernels, options->isa, options->is_exact, err);
    if (status != WEIR_STATUS_OK)
        goto fail;
    layout(cpu, &cpu->arena, n_threads);
    status = weir_arena_open(&cpu->arena, cpu->arena.used, "the CPU device for training", err);
    if (status != WEIR_STATUS_OK)
        goto fail;
    layout(cpu, &cpu->arena, n_threads);
    status = weir_workers_open(&cpu->dev.workers, n_threads, !options->no_pin, err);
    if (status != WEIR_STATUS_OK)
        goto fail;
    snprintf(cpu->name, sizeof cpu->name, "%s", cpu->kernels.product.name);
    cpu->dev.name = "cpu";
    cpu->dev.kernels = cpu->name;
    cpu->dev.n_threads = n_threads;
    cpu->dev.measure_peak = weir_train_cpu_peak;
    cpu->dev.close = train_cpu_close;
    cpu->dev.ops.matmul = weir_train_cpu_matmul;
    weir_train_cpu_fill_rows(&cpu->dev.ops);
    weir_train_cpu_fill_attention(&cpu->dev.ops);
    free(topology);
    *out = &cpu->dev;
    return WEIR_STATUS_OK;
fail:
    free(topology);
    if (cpu)
        train_cpu_close(&cpu->dev);
    return status;
}
