/*
 * engine.c: an engine is opened with all the memory it will ever use, and closed.
 *
 * Steps are in step.c, timelines in seq.c, pages and their tree in pages.c.
 */
#include "engine/engine.h"
#include "base/error.h"
#include "base/topology.h"
#include "engine/devices.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { AMOUNT_TEXT = 32 };

/* "13.43 GB", "62.1 MB"; returns text. */
static const char *amount(char text[AMOUNT_TEXT], uint64_t bytes) {
    if (bytes >= 1000000000)
        snprintf(text, AMOUNT_TEXT, "%.2f GB", (double)bytes / 1e9);
    else
        snprintf(text, AMOUNT_TEXT, "%.1f MB", (double)bytes / 1e6);
    return text;
}

/* Memory of which the model runs if experts stay in their file; 0: none. Less than there is, which
 * may be less in a moment. Devices that cannot refuse such a plan. */
static uint64_t streamed_room(const weir_model *model, const weir_engine_options *options,
                              uint64_t room) {
    const uint64_t program_bytes = UINT64_C(96) << 20; /* which is more than its engine */
    uint64_t ram = room - room / 32;
    weir_engine_options o = options ? *options : (weir_engine_options){0};
    weir_plan plan;
    if (model->h.n_experts == 0 || ram <= program_bytes)
        return 0;
    o.ram_bytes = ram - program_bytes;
    return weir_plan_make(&plan, model, &o, NULL) == WEIR_STATUS_OK && plan.streamed_bytes > 0 &&
                   plan.total_bytes <= o.ram_bytes
               ? ram
               : 0;
}

/* Looks for the first of a few smaller settings that fits; writes it as text. */
static void find_fit(char *text, size_t cap, const weir_model *model,
                     const weir_engine_options *options, uint64_t room) {
    weir_engine_options o = options ? *options : (weir_engine_options){0};
    weir_plan plan;
    static const uint32_t contexts[] = {32768, 8192, 4096, 2048, 1024, 512};
    uint32_t most = o.n_ctx ? o.n_ctx : model->h.n_ctx;
    for (int smaller = 0; smaller < 2; smaller++) {
        if (smaller) {
            o.kv_type = model->h.head_dim % 32 == 0 ? "q8" : "f16";
            o.n_batch = 64;
        }
        for (size_t i = 0; i < WEIR_COUNT(contexts); i++) {
            o.n_ctx = contexts[i] < most ? contexts[i] : most;
            o.n_pages = 0;
            if (weir_plan_make(&plan, model, &o, NULL) != WEIR_STATUS_OK || plan.total_bytes > room)
                continue;
            snprintf(text, cap, "context %u%s%s%s would fit", o.n_ctx, smaller ? ", K/V " : "",
                     smaller ? o.kv_type : "", smaller ? ", batch 64" : "");
            return;
        }
    }
    uint64_t ram = streamed_room(model, options, room);
    if (ram > 0)
        snprintf(text, cap, "--ram %lluMB (ram_bytes) would run it, experts read from the disk",
                 (unsigned long long)(ram / 1000000));
    else
        snprintf(text, cap, "no smaller context fits: a smaller model or format is needed");
}

static weir_status check_room(const weir_plan *plan, const weir_model *model,
                              const weir_engine_options *options, bool is_of_host,
                              weir_error *err) {
    uint64_t room = options && options->max_bytes ? options->max_bytes
                    : is_of_host                  ? weir_memory_available()
                                                  : 0;
    uint64_t ram = options ? options->ram_bytes : 0;
    room = ram > 0 && (room == 0 || ram < room) ? ram : room;
    char fit[128];
    if (room == 0 || plan->total_bytes <= room)
        return WEIR_STATUS_OK;
    find_fit(fit, sizeof fit, model, options, room);
    char need[AMOUNT_TEXT], weights[AMOUNT_TEXT], kv[AMOUNT_TEXT], rest[AMOUNT_TEXT],
        has[AMOUNT_TEXT];
    uint64_t kv_bytes = 0;
    for (size_t i = 0; i < plan->n_items; i++)
        if (strcmp(plan->item[i].what, "K/V pages") == 0)
            kv_bytes = plan->item[i].bytes;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                     "the model needs %s%s (weights %s, K/V %s, the rest %s) and %s are "
                     "available; %s",
                     amount(need, plan->total_bytes),
                     plan->streamed_bytes > 0 ? " even with experts read from their file" : "",
                     amount(weights, plan->weight_bytes), amount(kv, kv_bytes),
                     amount(rest, plan->engine_bytes - kv_bytes), amount(has, room), fit);
}

/* Numbers the conv state slots: two for each timeline, then the snapshots. */
static void init_slots(weir_engine *e) {
    uint32_t state = 0;
    for (uint32_t i = 0; i < e->plan.n_seqs; i++) {
        e->seqs[i].engine = e;
        e->seqs[i].state = state++;
        e->seqs[i].state_next = state++;
    }
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++) {
        e->snapshots[i].state = state++;
        e->snapshots[i].node = WEIR_NO_NODE;
    }
}

static const weir_host_backend *host_of(const weir_engine *e) {
    return (const weir_host_backend *)e->backend;
}

static uint64_t taken_bytes(const weir_engine *e) {
    return e->arena.size + host_of(e)->arena.size;
}

static uint64_t taken_weight_bytes(const weir_engine *e) {
    return host_of(e)->weights.size + host_of(e)->mapped_bytes + weir_model_owned_bytes(e->model) +
           weir_loras_bytes(e->loras, e->n_loras);
}

/* What decides the bits of a page beside its tokens: the model, the adapters that timelines use
 * unless they say otherwise, and the arithmetic. Threads do not. */
static weir_page_key root_key_of(const weir_engine *e) {
    struct {
        uint64_t fingerprint, page_bytes;
        uint32_t kv_type, activations;
        char device[16], arithmetic[16];
    } origin;
    memset(&origin, 0, sizeof origin);
    origin.fingerprint = weir_engine_fingerprint(e, e->lora_scales);
    origin.page_bytes = e->backend->kv.page_bytes;
    origin.kv_type = e->backend->kv.type;
    origin.activations = e->backend->options.activations;
    snprintf(origin.device, sizeof origin.device, "%s", e->backend->name);
    snprintf(origin.arithmetic, sizeof origin.arithmetic, "%s", e->backend->arithmetic);
    XXH128_hash_t hash = XXH3_128bits(&origin, sizeof origin);
    return (weir_page_key){{hash.low64, hash.high64}};
}

static weir_status open_store(weir_engine *e, const weir_engine_options *options, weir_error *err) {
    e->pages.on_forget = weir_node_forgotten;
    e->pages.context = e;
    e->pages.root_key = root_key_of(e);
    if (!options || !options->store_folder)
        return WEIR_STATUS_OK;
    if (!e->pages.has_tree)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a store of pages keeps what timelines share; expected none with "
                         "no_prefix_cache");
    e->page = malloc(e->backend->kv.page_bytes + 1); /* without attention layers a page is empty */
    if (!e->page)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a page of the store");
    return weir_page_store_open(&e->store, options->store_folder, options->store_bytes,
                                e->backend->kv.page_bytes, err);
}

weir_status weir_engine_open(weir_engine **out, weir_model *model,
                             const weir_engine_options *options, weir_error *err) {
    const weir_device *device;
    weir_backend_options backend;
    weir_status status = WEIR_STATUS_OK;
    weir_arena measure = {0};
    *out = NULL;
    weir_engine *e = calloc(1, sizeof *e);
    if (!e)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an engine");
    e->n_refs = 1;
    e->model = weir_model_share(model);
    e->replay_window = weir_model_replay_window(model);
    WEIR_TRY_GOTO(weir_engine_plan(&e->plan, &backend, &e->n_out, model, options, err));
    WEIR_TRY_GOTO(weir_device_find(&device, options ? options->device : NULL, err));
    /* A device with memory of its own counts that itself when it is opened. */
    if (!device->has_own_memory || (options && (options->max_bytes || options->ram_bytes)))
        WEIR_TRY_GOTO(check_room(&e->plan, model, options, !device->has_own_memory, err));
    /* Others unpack what they copy. */
    if (!device->has_own_memory)
        WEIR_TRY_GOTO(weir_model_unpack(model, e->plan.n_threads, &backend.progress, err));
    uint32_t n_loras = backend.n_loras;
    weir_engine_layout(e, &measure, model, &e->plan, e->n_out, n_loras);
    WEIR_TRY_GOTO(weir_arena_open(&e->arena, measure.used, "the engine's timelines", err));
    weir_engine_layout(e, &e->arena, model, &e->plan, e->n_out, n_loras);
    for (uint32_t i = 0; i < n_loras; i++) {
        e->loras[e->n_loras++] = weir_lora_share(options->loras[i]);
        e->lora_scales[i] = options->lora_scales ? options->lora_scales[i] : 1.0f;
    }
    backend.loras = e->loras;
    weir_pages_init(&e->pages, e->plan.n_pages, !(options && options->no_prefix_cache));
    init_slots(e);
    WEIR_TRY_GOTO(device->open(&e->backend, model, &backend, err));
    assert(taken_bytes(e) == e->plan.engine_bytes);
    assert(taken_weight_bytes(e) == e->plan.weight_bytes);
    WEIR_TRY_GOTO(weir_arena_populate(&e->arena, "the engine's timelines", err));
    WEIR_TRY_GOTO(weir_arena_populate(&host_of(e)->arena, "the device", err));
    WEIR_TRY_GOTO(open_store(e, options, err));
    snprintf(e->describe, sizeof e->describe, "%s, K/V %s", e->backend->describe,
             weir_kv_type_name(backend.kv_type));
    *out = e;
    return WEIR_STATUS_OK;
fail:
    weir_engine_release(e);
    return status;
}

/* Page by page: each may take long, and weir_engine_cancel ends it. A disk that takes no more is
 * asked once. */
static void store_all(weir_engine *e) {
    uint64_t n_before = UINT64_MAX, n_left = e->n_unstored;
    while (n_left > 0 && n_left < n_before && !atomic_load(&e->cancel)) {
        n_before = n_left;
        n_left = weir_engine_store_pages(e, 1);
    }
}

void weir_engine_release(weir_engine *e) {
    if (--e->n_refs > 0)
        return;
    store_all(e);
    weir_page_store_close(&e->store);
    free(e->page);
    if (e->backend)
        e->backend->close(e->backend);
    for (uint32_t i = 0; i < e->n_loras; i++)
        weir_lora_close(&e->loras[i]);
    weir_arena_close(&e->arena);
    weir_model_close(&e->model);
    free(e);
}

void weir_engine_close(weir_engine **engine) {
    if (!engine || !*engine)
        return;
    weir_engine_release(*engine);
    *engine = NULL;
}

const weir_model *weir_engine_model(const weir_engine *e) {
    return e->model;
}

void weir_engine_memory(const weir_engine *e, weir_plan *out) {
    *out = e->plan;
    out->weight_bytes = taken_weight_bytes(e);
    out->engine_bytes = taken_bytes(e);
    out->total_bytes = out->weight_bytes + out->engine_bytes;
}

const char *weir_engine_describe(const weir_engine *e) {
    return e->describe;
}

const char *weir_engine_failure(const weir_engine *e) {
    return e->backend->failure;
}

void weir_engine_cancel(weir_engine *e) {
    atomic_store(&e->cancel, true);
}

void weir_engine_get_stats(const weir_engine *e, weir_engine_stats *out) {
    *out = e->stats;
    out->n_pages = e->pages.n_pages;
    out->n_pages_used = e->pages.n_pages - e->pages.n_free - e->n_flown_pages;
    out->n_pages_kept = e->pages.n_kept;
    if (e->backend->get_stats)
        e->backend->get_stats(e->backend, out);
    if (!e->store)
        return;
    weir_page_store_stats store;
    weir_page_store_get_stats(e->store, &store);
    out->n_pages_unstored = e->n_unstored;
    out->n_store_files = store.n_files;
    out->store_bytes = store.bytes;
    out->n_store_failures = store.n_failed;
}

void weir_engine_observe(weir_engine *engine, const weir_observer *observer) {
    engine->observer = observer ? *observer : (weir_observer){0};
}
