/*
 * cpu_backend.c: opens, plans and closes the CPU device.
 *
 * Owns the device's memory (one arena: pages, states, the composition's buffers, what each thread
 * needs), its team of threads and its table of kernels. Does not compute: see cpu_step.c,
 * cpu_linear.c, cpu_attention.c, cpu_ops.c. Invariant: layout() is the only place that says how
 * much memory there is, for the plan as for the arena; after open nothing is allocated.
 */
#include "cpu/cpu_backend.h"

#include "base/error.h"
#include "base/topology.h"
#include "cpu/cpu.h"
#include "cpu/packed_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Query heads that share a K/V head, at most. */
static uint32_t largest_group(const weir_model *model) {
    uint32_t group = 1;
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *layer = &model->layers[i];
        if (layer->kind == WEIR_LAYER_ATTN && model->h.n_heads / layer->n_heads_kv > group)
            group = model->h.n_heads / layer->n_heads_kv;
    }
    return group;
}

/* Places everything in the arena, or measures it. be.kv is filled. */
static void layout(weir_cpu *cpu, weir_arena *arena, const weir_model *model,
                   const weir_backend_options *options) {
    const weir_hparams *h = &model->h;
    weir_backend *be = &cpu->host.be;
    size_t rows = options->n_batch;
    weir_host_state_layout(&cpu->host.state, arena, &be->kv, model, options);
    weir_compose_layout(&be->scratch, arena, model, options);

    cpu->frequencies = weir_arena_take_array(arena, h->head_dim / 2, sizeof(float));
    cpu->rotations = weir_arena_take_array(arena, rows, h->head_dim * sizeof(float));
    cpu->rotations_pos = weir_arena_take_array(arena, rows, sizeof(uint32_t));
    if (h->n_experts > 0) {
        cpu->expert_rows = weir_arena_take_array(arena, rows, h->n_experts_used * sizeof(uint32_t));
        cpu->expert_begin =
            weir_arena_take_array(arena, (size_t)h->n_experts + 1, sizeof(uint32_t));
        cpu->active_experts = weir_arena_take_array(arena, h->n_experts, sizeof(uint32_t));
    }

    size_t part_values;
    cpu->n_attend_parts = weir_cpu_attend_parts(model, options, &part_values);
    cpu->attend_parts =
        weir_arena_take_array(arena, cpu->n_attend_parts, part_values * sizeof(float));
    if (options->activations == WEIR_ACTIVATIONS_PARITY)
        cpu->parity =
            weir_arena_take_array(arena, rows, weir_cpu_input_values(model) * sizeof(float));
    cpu->rounded_bytes = weir_cpu_rounded_bytes(model, options->n_batch);
    cpu->rounded = weir_arena_take(arena, cpu->rounded_bytes);
    cpu->tile_values = weir_cpu_tile_values(weir_longest_row(model));
    size_t attend_values = weir_attend_scratch(largest_group(model), h->head_dim);
    cpu->threads = weir_arena_take_array(arena, options->n_threads, sizeof(weir_cpu_thread));
    for (uint32_t i = 0; i < options->n_threads; i++) {
        float *tile = weir_arena_take_array(arena, cpu->tile_values, sizeof(float));
        float *attend = weir_arena_take_array(arena, attend_values, sizeof(float));
        float *row = weir_arena_take_array(arena, h->d_model, sizeof(float));
        uint8_t *rounded = weir_arena_take(arena, weir_cpu_rounded_bytes(model, 1));
        float *weights = weir_arena_take_array(arena, h->n_experts_used, sizeof(float));
        int32_t *experts = weir_arena_take_array(arena, h->n_experts_used, sizeof(int32_t));
        if (cpu->threads)
            cpu->threads[i] = (weir_cpu_thread){.tile = tile,
                                                .attend = attend,
                                                .row = row,
                                                .rounded = rounded,
                                                .weights = weights,
                                                .experts = experts};
    }
    cpu->sections = weir_arena_take_array(arena, cpu->n_nodes * weir_cpu_n_sections(model),
                                          sizeof(atomic_uint));
}

/* On how many memory nodes the threads are. Only packed matrices are divided, and none where
 * experts come from a file. */
static uint32_t count_nodes(const weir_cpu *cpu, const weir_model *model) {
    const weir_backend_options *o = &cpu->host.be.options;
    if (!cpu->t16 || weir_cpu_is_streamed(cpu, model))
        return 1;
    if (o->n_nodes > 0) {
        uint32_t n = o->n_nodes < o->n_threads ? o->n_nodes : o->n_threads;
        return n < WEIR_MAX_NODES ? n : WEIR_MAX_NODES;
    }
    return weir_workers_nodes(o->n_threads, !o->no_pin, NULL);
}

/* Which thread is on which; every node has one. */
static void find_nodes(weir_cpu *cpu) {
    const weir_backend_options *o = &cpu->host.be.options;
    uint8_t *node = cpu->n_nodes > 1 && o->n_nodes == 0 ? calloc(o->n_threads, 1) : NULL;
    bool is_known = node && weir_workers_nodes(o->n_threads, !o->no_pin, node) == cpu->n_nodes;
    for (uint32_t i = 0; i < o->n_threads; i++)
        cpu->threads[i].node =
            is_known ? node[i] : (uint32_t)((uint64_t)i * cpu->n_nodes / o->n_threads);
    free(node);
}

/* The kernels that packed matrices meet activations with. */
static void choose_rounding(weir_cpu *cpu, weir_activations activations) {
    const weir_cpu_kernels *k = &cpu->kernels;
    const bool is_q8 = activations == WEIR_ACTIVATIONS_Q8;
    const bool is_rounded = is_q8 || activations == WEIR_ACTIVATIONS_Q15;
    cpu->t16 = !is_rounded ? NULL : is_q8 ? k->t16_q8 : k->t16;
    cpu->t16_tiles = is_q8 && k->t16_tile_rows > 0 ? k->t16_q8_tiles : NULL;
    cpu->round = !is_rounded ? NULL : is_q8 ? k->q8 : k->q15;
}

/* Packed weights are mapped for the integer kernels alone, and by who does not want to map none. */
static weir_status check_packed(const weir_model *model, const weir_backend_options *options,
                                weir_error *err) {
    if (options->activations != WEIR_ACTIVATIONS_Q8 && options->activations != WEIR_ACTIVATIONS_Q15)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "packed weights are not used with activations '%s', which need them as "
                         "they are in the model; expected 'q8' or 'q15'",
                         options->activations == WEIR_ACTIVATIONS_F32 ? "f32" : "parity");
    if (options->no_map)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "packed weights are mapped; expected them without no_map");
    return weir_packed_suits(options->packed, model, err);
}

/* Fills what the layout depends on, and runs it over an arena without memory. */
static weir_status measure(weir_cpu *cpu, size_t *bytes, const weir_model *model,
                           const weir_backend_options *options, weir_error *err) {
    if (options->n_threads == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the CPU device: 0 threads, expected at least 1");
    WEIR_TRY(weir_cpu_kernels_for(&cpu->kernels, options->isa, err));
    choose_rounding(cpu, options->activations);
    if (options->packed)
        WEIR_TRY(check_packed(model, options, err));
    WEIR_TRY(weir_kv_layout_make(&cpu->host.be.kv, model, options->kv_type, err));
    cpu->n_nodes = count_nodes(cpu, model);
    weir_arena arena = {0};
    layout(cpu, &arena, model, options);
    if (arena.used == SIZE_MAX)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%u K/V pages and %u rows a step: more bytes than can be addressed",
                         (unsigned)options->n_pages, (unsigned)options->n_batch);
    *bytes = arena.used;
    return WEIR_STATUS_OK;
}

weir_status weir_cpu_plan(weir_backend_memory *out, const weir_model *model,
                          const weir_backend_options *options, weir_error *err) {
    weir_cpu cpu = {0};
    size_t bytes;
    cpu.host.be.options = *options;
    WEIR_TRY(measure(&cpu, &bytes, model, options, err));
    WEIR_TRY(weir_host_plan(out, model, options, err));
    out->scratch_bytes = bytes - out->pages_bytes - out->states_bytes;
    weir_cpu_weights_measure(&cpu, model, out);
    return WEIR_STATUS_OK;
}

/* The same expression as in the reference, so that the angles are the same floats. */
static void fill_rotations(weir_cpu *cpu) {
    const weir_backend *be = &cpu->host.be;
    uint32_t d = be->model->h.head_dim;
    for (uint32_t j = 0; j < d / 2; j++)
        cpu->frequencies[j] = (float)pow(be->model->h.rope_theta, -2.0 * j / d);
    for (uint32_t r = 0; r < be->options.n_batch; r++)
        cpu->rotations_pos[r] = UINT32_MAX; /* no position: to be computed when met */
}

/* The step of a device that reads experts from their file: made of blocks as
 * any, but that reads can fail. The composition looks at one flag between
 * layers; both cancelling and failing set it. */
static weir_status streamed_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    weir_expert_stream *experts = weir_cpu_of(be)->experts;
    weir_batch stoppable = *batch;
    WEIR_TRY(weir_expert_step_begin(experts, batch->cancel, err));
    stoppable.cancel = &experts->stop;
    weir_status status = weir_compose_step(be, &stoppable, err);
    weir_status read = weir_expert_step_end(experts, err);
    return read != WEIR_STATUS_OK ? read : status;
}

static void streamed_head(weir_backend *be, const weir_batch *batch, const float *x) {
    if (weir_expert_step_check(weir_cpu_of(be)->experts))
        weir_compose_head(be, batch, x);
}

static void streamed_stats(const weir_backend *be, weir_engine_stats *out) {
    const weir_expert_stats *stats = &((const weir_cpu *)be)->experts->stats;
    out->n_expert_uses = stats->n_uses;
    out->n_expert_hits = stats->n_hits;
    out->expert_read_bytes = stats->read_bytes;
    out->n_expert_guesses = stats->n_guessed;
    out->n_expert_guesses_taken = stats->n_guesses_taken;
    out->expert_wait_s = stats->wait_s;
}

static void cpu_close(weir_backend *be) {
    weir_cpu *cpu = weir_cpu_of(be);
    if (cpu->experts) /* while those who asked for reads are still there */
        weir_expert_stream_close(cpu->experts);
    free(cpu->experts);
    weir_workers_close(&cpu->workers);
    weir_arena_close(&cpu->host.arena);
    weir_arena_close(&cpu->host.weights);
    weir_packed_close(&cpu->host.be.options.packed);
    free(cpu);
}

weir_status weir_cpu_open(weir_backend **out, const weir_model *model,
                          const weir_backend_options *options, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    size_t bytes;
    *out = NULL;
    weir_cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the CPU device: %zu bytes",
                         sizeof *cpu);
    weir_backend *be = &cpu->host.be;
    be->name = "cpu";
    be->describe = cpu->describe;
    be->model = model;
    be->options = *options;
    if (options->packed)
        weir_packed_share(options->packed);
    be->close = cpu_close;
    be->step = weir_cpu_step;
    be->profile_begin = weir_cpu_profile_begin;
    be->profile_end = weir_cpu_profile_end;
    be->ops = (weir_ops){.embed = weir_cpu_embed,
                         .rms_norm = weir_cpu_rms_norm,
                         .linear = weir_cpu_linear,
                         .rope = weir_cpu_rope,
                         .kv_write = weir_cpu_kv_write,
                         .attend = weir_cpu_attend,
                         .short_conv = weir_cpu_short_conv,
                         .silu_mul = weir_cpu_silu_mul,
                         .route = weir_cpu_route,
                         .add = weir_cpu_add};
    weir_host_state_install(be);
    WEIR_TRY_GOTO(measure(cpu, &bytes, model, options, err));
    WEIR_TRY_GOTO(weir_arena_open(&cpu->host.arena, bytes, "the CPU device", err));
    layout(cpu, &cpu->host.arena, model, options);
    find_nodes(cpu);
    fill_rotations(cpu);
    WEIR_TRY_GOTO(weir_workers_open(&cpu->workers, options->n_threads, !options->no_pin, err));
    be->arithmetic = cpu->kernels.isa;
    WEIR_TRY_GOTO(weir_cpu_weights_open(cpu, model, err));
    snprintf(cpu->describe, sizeof cpu->describe, "cpu, %s, %u thread%s%s%s%s%s", cpu->kernels.isa,
             (unsigned)options->n_threads, options->n_threads == 1 ? "" : "s",
             cpu->parts ? ", weights by memory node" : "",
             options->activations == WEIR_ACTIVATIONS_F32      ? ", f32 activations"
             : options->activations == WEIR_ACTIVATIONS_Q15    ? ", q15 activations"
             : options->activations == WEIR_ACTIVATIONS_PARITY ? ", activations as llama.cpp's"
                                                               : "",
             weir_cpu_is_streamed(cpu, model) ? ", experts from disk" : "",
             !weir_cpu_is_streamed(cpu, model) && options->packed ? ", packed weights mapped" : "");
    if (cpu->experts || cpu->parity) { /* their steps are made of ops */
        be->profile_begin = NULL;
        be->profile_end = NULL;
    }
    if (cpu->experts) {
        be->step = streamed_step;
        be->blocks.head = streamed_head;
        be->get_stats = streamed_stats;
    }
    *out = be;
    return WEIR_STATUS_OK;
fail:
    cpu_close(be);
    return status;
}
