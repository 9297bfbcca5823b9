/*
 * plan.c: every byte an engine will take, computed before it is taken.
 *
 * The same layout functions measure here and place in engine.c and in the devices, so the plan
 * cannot drift from the truth; engine.c asserts that it did not.
 */
#include "base/error.h"
#include "base/topology.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_CTX = 8192,
    DEFAULT_BATCH = 512,
    DEFAULT_SNAPSHOTS = 4,
    MOST = 1 << 24,
    MOST_LORAS = 256
};

void weir_engine_layout(weir_engine *e, weir_arena *arena, const weir_model *model,
                        const weir_plan *plan, uint32_t n_out, uint32_t n_loras) {
    uint32_t pages = weir_pages_for(plan->n_ctx);
    size_t vocab_bytes = model->h.n_vocab * sizeof(float);
    bool is_real = arena->base != NULL;
    weir_pages_layout(&e->pages, arena, plan->n_pages);
    e->seqs = weir_arena_take_array(arena, plan->n_seqs, sizeof *e->seqs);
    for (uint32_t i = 0; i < plan->n_seqs; i++) {
        weir_seq none, *s = is_real ? &e->seqs[i] : &none;
        s->tokens = weir_arena_take_array(arena, plan->n_ctx, sizeof *s->tokens);
        s->pages = weir_arena_take_array(arena, pages, sizeof *s->pages);
        s->nodes = weir_arena_take_array(arena, pages, sizeof *s->nodes);
        s->logits = weir_arena_take(arena, vocab_bytes);
        s->lora_scales = weir_arena_take_array(arena, n_loras, sizeof *s->lora_scales);
    }
    e->lora_scales = weir_arena_take_array(arena, n_loras, sizeof *e->lora_scales);
    e->loras = weir_arena_take_array(arena, n_loras, sizeof *e->loras);
    e->snapshots = weir_arena_take_array(arena, plan->n_snapshots, sizeof *e->snapshots);
    for (uint32_t i = 0; i < plan->n_snapshots; i++) {
        weir_snapshot none, *s = is_real ? &e->snapshots[i] : &none;
        s->logits = weir_arena_take(arena, vocab_bytes);
    }
    e->plans = weir_arena_take_array(arena, plan->n_seqs, sizeof *e->plans);
    e->rows = weir_arena_take_array(arena, plan->n_seqs, sizeof *e->rows);
    e->row_tokens = weir_arena_take_array(arena, plan->n_batch, sizeof *e->row_tokens);
    e->row_pos = weir_arena_take_array(arena, plan->n_batch, sizeof *e->row_pos);
    e->out_rows = weir_arena_take_array(arena, n_out, sizeof *e->out_rows);
    e->out_draws = weir_arena_take_array(arena, n_out, sizeof *e->out_draws);
    for (uint32_t turn = 0; turn < 2; turn++) {
        e->out_logits[turn] = weir_arena_take_array(arena, n_out, sizeof *e->out_logits[turn]);
        e->out_drawn[turn] = weir_arena_take_array(arena, n_out, sizeof *e->out_drawn[turn]);
    }
}

static void add_item(weir_plan *plan, const char *what, uint64_t bytes) {
    plan->item[plan->n_items].what = what;
    plan->item[plan->n_items++].bytes = bytes;
    plan->total_bytes += bytes;
}

static weir_status check_limit(const char *name, uint32_t value, uint32_t limit, weir_error *err) {
    if (value > limit)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s is %u, expected %u at most", name,
                         value, limit);
    return WEIR_STATUS_OK;
}

/* Zeros become defaults; n_ctx is held to what the model was made for. */
static weir_status fill_defaults(weir_plan *plan, uint32_t *n_out, const weir_model *model,
                                 const weir_engine_options *o, weir_error *err) {
    uint32_t model_ctx = model->h.n_ctx;
    plan->n_ctx = o->n_ctx ? o->n_ctx : model_ctx < DEFAULT_CTX ? model_ctx : DEFAULT_CTX;
    plan->n_seqs = o->n_seqs ? o->n_seqs : 1;
    WEIR_TRY(check_limit("n_ctx (the model's context)", plan->n_ctx, model_ctx, err));
    WEIR_TRY(check_limit("n_seqs", plan->n_seqs, 1 << 16, err));
    WEIR_TRY(check_limit("n_batch", o->n_batch, 1 << 16, err));
    WEIR_TRY(check_limit("n_out", o->n_out, 1 << 16, err));
    WEIR_TRY(check_limit("n_snapshots", o->n_snapshots, 1 << 20, err));
    WEIR_TRY(check_limit("n_threads", o->n_threads, WEIR_MAX_CPUS, err));
    if (o->n_loras > MOST_LORAS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "n_loras is %zu, expected %d at most",
                         o->n_loras, MOST_LORAS);
    for (size_t i = 0; i < o->n_loras; i++) {
        if (o->loras[i]->model != model)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "adapter %zu (%s) is another model's",
                             i, o->loras[i]->name);
        if (o->lora_scales && !isfinite(o->lora_scales[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "scale of adapter %s: expected a finite number", o->loras[i]->name);
    }
    uint64_t pages = o->n_pages ? o->n_pages : (uint64_t)plan->n_seqs * weir_pages_for(plan->n_ctx);
    if (pages > MOST)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%u timelines of %u tokens: %llu K/V pages, "
                         "expected %d at most (give n_pages)",
                         plan->n_seqs, plan->n_ctx, (unsigned long long)pages, MOST);
    plan->n_pages = (uint32_t)pages;
    plan->n_batch = o->n_batch ? o->n_batch : DEFAULT_BATCH;
    if (plan->n_batch < weir_model_replay_window(model) + 1)
        plan->n_batch = weir_model_replay_window(model) + 1;
    plan->n_snapshots = o->n_snapshots ? o->n_snapshots : DEFAULT_SNAPSHOTS * plan->n_seqs;
    *n_out = o->n_out ? o->n_out : plan->n_seqs;
    plan->n_threads = o->n_threads;
    if (plan->n_threads == 0) {
        weir_topology topology;
        weir_topology_read(&topology);
        plan->n_threads = topology.n_threads;
    }
    return WEIR_STATUS_OK;
}

/* What is taken, in the order in which it is shown. */
static void add_items(weir_plan *plan, const weir_model *model, const weir_backend_memory *memory,
                      const weir_engine_options *o, uint64_t timelines_bytes) {
    bool is_streamed = memory->streamed_bytes > 0;
    uint64_t cache_bytes = is_streamed ? memory->experts_bytes : 0;
    plan->total_bytes = plan->n_items = 0;
    if (memory->weights_bytes > cache_bytes)
        add_item(plan, "weights", memory->weights_bytes - cache_bytes);
    if (is_streamed)
        add_item(plan, "experts, cached", cache_bytes);
    if (memory->mapped_bytes > 0)
        add_item(plan, "weights, mapped", memory->mapped_bytes);
    add_item(plan, "vectors", weir_model_owned_bytes(model));
    if (o->n_loras > 0)
        add_item(plan, "adapters", weir_loras_bytes(o->loras, o->n_loras));
    plan->weight_bytes = plan->total_bytes;
    add_item(plan, "K/V pages", memory->pages_bytes);
    add_item(plan, "conv states", memory->states_bytes);
    add_item(plan, "activations", memory->scratch_bytes);
    add_item(plan, "timelines", timelines_bytes);
    plan->engine_bytes = plan->total_bytes - plan->weight_bytes;
    plan->streamed_bytes = memory->streamed_bytes;
    plan->streamed_token_bytes = memory->token_bytes;
    plan->n_expert_slots = memory->n_slots;
}

/* Where all that is needed is more than ram_bytes: the experts are read from
 * their file, and kept in what the rest leaves. If even the smallest cache is
 * too much, the plan is of that one, and it is for who opens an engine to
 * refuse it. */
static weir_status plan_streaming(weir_plan *plan, weir_backend_options *b,
                                  weir_backend_memory *memory, const weir_device *device,
                                  const weir_model *model, const weir_engine_options *o,
                                  uint64_t timelines_bytes, weir_error *err) {
    if (o->ram_bytes == 0 || plan->total_bytes <= o->ram_bytes || model->h.n_experts == 0)
        return WEIR_STATUS_OK;
    if (!device->can_stream)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "device '%s' does not read experts from their file; expected 'cpu', or "
                         "ram_bytes of %llu for all in memory",
                         device->name, (unsigned long long)plan->total_bytes);
    if (weir_model_packings(model))
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: its weights are packed, so experts cannot be read from their files "
                         "when they are needed; expected a GGUF file (weir convert makes one), or "
                         "ram_bytes of %llu for all in memory",
                         weir_model_path(model), (unsigned long long)plan->total_bytes);
    b->experts_room = 1;
    WEIR_TRY(device->plan(memory, model, b, err));
    add_items(plan, model, memory, o, timelines_bytes);
    if (plan->total_bytes >= o->ram_bytes)
        return WEIR_STATUS_OK;
    b->experts_room = memory->experts_bytes + (o->ram_bytes - plan->total_bytes);
    WEIR_TRY(device->plan(memory, model, b, err));
    add_items(plan, model, memory, o, timelines_bytes);
    return WEIR_STATUS_OK;
}

weir_status weir_engine_plan(weir_plan *plan, weir_backend_options *backend, uint32_t *n_out,
                             const weir_model *model, const weir_engine_options *options,
                             weir_error *err) {
    static const weir_engine_options defaults;
    const weir_engine_options *o = options ? options : &defaults;
    const weir_device *device;
    weir_backend_options local, *b = backend ? backend : &local;
    weir_backend_memory memory;
    weir_engine measured = {0};
    weir_arena arena = {0};
    uint32_t outs = 0;
    memset(plan, 0, sizeof *plan);
    WEIR_TRY(weir_device_find(&device, o->device, err));
    WEIR_TRY(fill_defaults(plan, &outs, model, o, err));
    *b = (weir_backend_options){.isa = o->isa,
                                .kv_type = WEIR_KV_F16,
                                .n_threads = plan->n_threads,
                                .n_pages = plan->n_pages,
                                .n_states = 2 * plan->n_seqs + plan->n_snapshots,
                                .n_batch = plan->n_batch,
                                .n_chunks = plan->n_seqs,
                                .n_out = outs,
                                .no_pin = o->no_pin,
                                .no_map = o->no_map,
                                .packed = o->packed,
                                .loras = o->loras,
                                .n_loras = (uint32_t)o->n_loras,
                                .progress = o->progress};
    WEIR_TRY(weir_device_activations(&b->activations, device, o->activations, err));
    plan->activations = weir_activations_name(b->activations);
    if (o->kv_type && !weir_kv_type_by_name(o->kv_type, &b->kv_type))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "K/V type '%s': expected 'f32', 'f16' or 'q8'", o->kv_type);
    if (o->packed && !device->uses_packed)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "device '%s' does not use packed weights; expected 'cpu'", device->name);
    WEIR_TRY(device->plan(&memory, model, b, err));
    weir_engine_layout(&measured, &arena, model, plan, outs, b->n_loras);
    if (arena.used == SIZE_MAX)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%u timelines of %u tokens: more bytes than "
                         "can be addressed",
                         plan->n_seqs, plan->n_ctx);
    add_items(plan, model, &memory, o, arena.used);
    WEIR_TRY(plan_streaming(plan, b, &memory, device, model, o, arena.used, err));
    if (n_out)
        *n_out = outs;
    return WEIR_STATUS_OK;
}

weir_status weir_plan_make(weir_plan *out, const weir_model *model,
                           const weir_engine_options *options, weir_error *err) {
    return weir_engine_plan(out, NULL, NULL, model, options, err);
}
