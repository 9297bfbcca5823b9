/*
 * verb_plan.c: `weir plan`: what a model will take with these settings, what fits into so much
 * memory, and settings that would.
 *
 * Owns the command line and the finding out, with plan_search.h; how it looks stands in
 * plan_show.c. No weights are read: the model's header, its vocabulary and its template are, as by
 * the run that is planned, and what this process has resident for them is what the program takes.
 */
#include "adapters.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/topology.h"
#include "console.h"
#include "engine_shape.h"
#include "host.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "plan_show.h"
#include "run.h"
#include "verbs.h"
#include "weir_quantize.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan_values {
    const char *use, *device, *isa, *kv_type, *activations, *lookup, *packed;
    uint32_t n_ctx, n_seqs, n_batch, n_threads;
    uint64_t kv_bytes, ram_bytes;
    weir_string_list loras;
    bool no_map, as_json;
} plan_values;

#define AT(field) offsetof(plan_values, field)

static const weir_option options[] = {
    {"for", 0, WEIR_OPTION_CHOICE, AT(use), "run|serve",
     "whose defaults count; default: serve if there are several\nconversations or --kv-memory or "
     "--batch is given, else run"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of a conversation; default: the model's, 8192 at most"},
    {"conversations", 0, WEIR_OPTION_U32, AT(n_seqs), "N",
     "at once; default: 1 of run, 64 of serve (its --seqs)"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f16"},
    {"kv-memory", 0, WEIR_OPTION_SIZE, AT(kv_bytes), "SIZE",
     "of serve: for keys and values of all conversations; default: what\n"
     "they may need, but at most a quarter of the memory"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"batch", 0, WEIR_OPTION_U32, AT(n_batch), "N",
     "of serve: rows of one step; default: 512, or --conversations if\nthat is more"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     "cpu: q8 (default), q15, or f32 and parity, which leave quantized\n"
     "weights where they are mapped; cuda: bf16 (default) or f32"},
    {"packed", 0, WEIR_OPTION_STRING, AT(packed), "FILE", WEIR_PACKED_HELP},
    {"no-map", 0, WEIR_OPTION_FLAG, AT(no_map), NULL, "all weights read into memory, not mapped"},
    {"lookup", 0, WEIR_OPTION_STRING, AT(lookup), "N",
     "guessed tokens of a step, 16 at most; auto (default): 8; off"},
    {"lora", 0, WEIR_OPTION_STRINGS, AT(loras), "ADAPTER",
     "[NAME=]FILE[:SCALE]: with this LoRA adapter; may be repeated"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"ram", 0, WEIR_OPTION_SIZE, AT(ram_bytes), "SIZE",
     "that there is to fit into (8GB, 7.5GiB): given, experts that do\nnot fit are read from the "
     "disk, as by run --ram; default: what is\navailable now, of --device cuda on the GPU"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the same as JSON"},
};

#undef AT

/* ---- the command line ----------------------------------------------------------------------- */

static weir_status find_use(weir_plan_use *use, const weir_parsed *parsed, weir_error *err) {
    static const char *const of_serve[] = {"kv-memory", "batch"};
    static const char *const positive[] = {"ctx",     "conversations", "kv-memory",
                                           "threads", "batch",         "ram"};
    const plan_values *v = parsed->values;
    const char *wants_serve = v->n_seqs > 1 ? "conversations" : NULL;
    for (size_t i = 0; i < WEIR_COUNT(positive); i++)
        if (weir_option_given_zero(parsed, positive[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: expected more than 0",
                             positive[i]);
    for (size_t i = 0; i < WEIR_COUNT(of_serve); i++)
        if (weir_option_given(parsed, of_serve[i]))
            wants_serve = of_serve[i];
    if (v->use)
        *use = strcmp(v->use, "serve") == 0 ? WEIR_PLAN_SERVE : WEIR_PLAN_RUN;
    else
        *use = wants_serve ? WEIR_PLAN_SERVE : WEIR_PLAN_RUN;
    if (*use == WEIR_PLAN_RUN && wants_serve)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--%s is of serve: a run has one conversation, and settings of its own; "
                         "expected --for serve",
                         wants_serve);
    return WEIR_STATUS_OK;
}

/* A GPU that is not here yet can be planned for, if its memory is told. */
static weir_status find_memory(weir_plan_settings *out, const plan_values *v, weir_error *err) {
    weir_device_info device;
    weir_error why;
    weir_status status = weir_device_look(&device, v->device, &why);
    out->has_own_memory = device.has_own_memory;
    out->ram_bytes = v->ram_bytes            ? v->ram_bytes
                     : device.has_own_memory ? device.free_bytes
                                             : weir_memory_available();
    if (status == WEIR_STATUS_OK && out->ram_bytes == 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the system does not tell how much memory is available; expected --ram");
    if (status == WEIR_STATUS_OK || (device.has_own_memory && v->ram_bytes))
        return WEIR_STATUS_OK;
    return device.has_own_memory
               ? weir_fail(err, status, "%s; to plan for a GPU elsewhere give its memory, --ram",
                           why.text)
               : weir_fail(err, status, "%s", why.text);
}

static weir_status read_settings(weir_plan_settings *out, const weir_parsed *parsed,
                                 weir_error *err) {
    const plan_values *v = parsed->values;
    *out = (weir_plan_settings){
        .engine = {.device = v->device,
                   .isa = v->isa,
                   .kv_type = v->kv_type,
                   .activations = v->activations,
                   .n_threads = v->n_threads,
                   .n_ctx = v->n_ctx,
                   .n_seqs = v->n_seqs,
                   .n_batch = v->n_batch,
                   .no_map = v->no_map},
        .kv_bytes = v->kv_bytes ? v->kv_bytes : WEIR_PLAN_KV_QUARTER,
        .may_stream = v->ram_bytes > 0,
    };
    WEIR_TRY(find_memory(out, v, err));
    WEIR_TRY(find_use(&out->use, parsed, err));
    WEIR_TRY(weir_shape_lookup(&out->n_lookup, v->lookup, err));
    if (out->use == WEIR_PLAN_SERVE)
        WEIR_TRY(weir_shape_lookup_on(&out->n_lookup, v->device, v->lookup, err));
    if (out->engine.n_threads == 0) {
        weir_topology topology;
        weir_topology_read(&topology);
        out->engine.n_threads = topology.n_threads;
    }
    return WEIR_STATUS_OK;
}

/* ---- finding out ---------------------------------------------------------------------------- */

/* Opens the model, and finds out what a run of it keeps beside the engine: text and libraries,
 * vocabulary and template, header. The mapped file is counted by its header alone: how much of the
 * weights behind it is mapped along is up to the system, and an engine drops what it has packed.
 * A model without a vocabulary runs over ids, so that it has none is no failure. */
static weir_status open_model(weir_model **out, uint64_t *program_bytes, const char *path,
                              weir_error *err) {
    weir_host_options host_options = {.model_path = path};
    weir_host *host = NULL;
    weir_plan plan;
    weir_host_open(&host, &host_options, NULL);
    weir_plan_resident before = weir_plan_resident_now();
    weir_status status = weir_model_open(out, path, err);
    if (status == WEIR_STATUS_OK)
        status = weir_plan_make(&plan, *out, NULL, err);
    if (status == WEIR_STATUS_OK) {
        weir_plan_resident after = weir_plan_resident_now();
        uint64_t model_bytes = after.anonymous_bytes > before.anonymous_bytes
                                   ? after.anonymous_bytes - before.anonymous_bytes
                                   : 0;
        uint64_t vectors = weir_plan_item(&plan, "vectors"); /* an item of its own */
        model_bytes = model_bytes > vectors ? model_bytes - vectors : 0;
        *program_bytes = before.bytes + model_bytes + weir_plan_header_bytes(*out);
    }
    weir_host_close(&host);
    return status;
}

static void find_limits(weir_plan_report *r, const weir_model *model) {
    static const char *const types[WEIR_PLAN_KV_TYPES] = {"f16", "f32", "q8"};
    for (size_t i = 0; i < WEIR_PLAN_KV_TYPES; i++) {
        weir_plan_settings s = r->settings;
        weir_plan_whole whole;
        s.engine.kv_type = types[i];
        r->limit[i] = (weir_plan_limit){.kv_type = types[i]};
        r->limit[i].is_possible = weir_plan_whole_make(&whole, model, &s, NULL) == WEIR_STATUS_OK;
        if (!r->limit[i].is_possible)
            continue;
        r->limit[i].context = weir_plan_longest_context(model, &s);
        r->limit[i].n_seqs = weir_plan_most_conversations(model, &s);
    }
}

/* Kept in order, the largest first; what is as large as one that is there adds nothing. */
static void add_mix(weir_plan_report *r, const char *name, uint64_t total_bytes) {
    size_t at = 0;
    while (at < r->n_mixes && r->mix[at].total_bytes > total_bytes)
        at++;
    if (at == WEIR_PLAN_MIXES || (at < r->n_mixes && r->mix[at].total_bytes == total_bytes))
        return;
    size_t n_behind = r->n_mixes - at;
    if (r->n_mixes == WEIR_PLAN_MIXES)
        n_behind--;
    else
        r->n_mixes++;
    memmove(&r->mix[at + 1], &r->mix[at], n_behind * sizeof r->mix[0]);
    r->mix[at] = (weir_plan_mix){name, total_bytes};
}

/* Smaller mixes whose weights fit beside the rest of a plan. Decided as by `weir quantize`, nothing
 * read or written; a model that cannot be quantized has none. */
static void add_mixes(weir_plan_report *r, const weir_plan_whole *whole, const char *path) {
    uint64_t rest = whole->total_bytes - whole->engine.weight_bytes;
    for (const char *const *type = weir_quantize_types(); *type; type++) {
        weir_quantize_options o = {.type = *type,
                                   .dry_run = true,
                                   .allow_requantize = true,
                                   .n_threads = r->settings.engine.n_threads};
        weir_quantize_report q;
        if (weir_quantize(path, NULL, &o, &q, NULL) == WEIR_STATUS_OK &&
            q.bytes_out < whole->engine.weight_bytes && rest + q.bytes_out <= r->settings.ram_bytes)
            add_mix(r, *type, rest + q.bytes_out);
    }
}

static void find_mixes(weir_plan_report *r, const weir_model *model, const char *path) {
    add_mixes(r, &r->whole, path);
    if (r->n_mixes + r->n_remedies > 0)
        return;
    r->least.settings = weir_plan_smallest(model, &r->settings);
    if (weir_plan_whole_make(&r->least.whole, model, &r->least.settings, NULL) == WEIR_STATUS_OK)
        add_mixes(r, &r->least.whole, path);
    r->mixes_need_least = r->n_mixes > 0;
}

static bool is_quantized(const weir_model *model) {
    static const char *const plain[] = {"f32", "f16", "bf16"};
    weir_model_info info;
    weir_model_get_info(model, &info);
    for (size_t i = 0; i < WEIR_COUNT(plain); i++)
        if (strcmp(info.file_type, plain[i]) == 0)
            return false;
    return true;
}

/* Of experts that will be read from the disk. Small reads of the file, half a
 * second. */
static weir_status find_speed(weir_plan_report *r, const weir_model *model, weir_error *err) {
    weir_engine_options engine;
    if (r->whole.engine.streamed_bytes == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_plan_engine(&engine, model, &r->settings, err));
    engine.ram_bytes = r->whole.stream_ram_bytes;
    weir_packed_tell_streamed(&engine);
    return weir_stream_speed_probe(&r->speed, model, &engine, err);
}

static weir_status find_out(weir_plan_report *r, const weir_model *model, const char *path,
                            weir_error *err) {
    WEIR_TRY(weir_plan_whole_make(&r->whole, model, &r->settings, err));
    r->fits = r->whole.total_bytes <= r->settings.ram_bytes;
    weir_model_get_info(model, &r->info);
    r->is_quantized = is_quantized(model);
    find_limits(r, model);
    if (r->fits)
        return find_speed(r, model, err);
    r->n_remedies = weir_plan_remedies(r->remedy, model, &r->settings);
    find_mixes(r, model, path);
    return WEIR_STATUS_OK;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static weir_status plan(const weir_parsed *parsed, bool *fits, weir_error *err) {
    const plan_values *v = parsed->values;
    char *path = NULL;
    weir_model *model = NULL;
    weir_adapters adapters = {0};
    weir_packed *packed = NULL;
    weir_status status;
    const char *name = parsed->n_operands > 0 ? parsed->operands[0] : weir_default_model;
    weir_plan_report report = {.name = name, .loras = &v->loras, .has_threads = v->n_threads > 0};
    WEIR_TRY(read_settings(&report.settings, parsed, err));
    WEIR_TRY_GOTO(weir_find_model(name, &path, err));
    WEIR_TRY_GOTO(open_model(&model, &report.settings.program_bytes, path, err));
    WEIR_TRY_GOTO(weir_adapters_open(&adapters, model, &v->loras, err));
    weir_adapters_use(&adapters, &report.settings.engine);
    WEIR_TRY_GOTO(
        weir_packed_choose(&packed, model, path, v->packed, &report.settings.engine, err));
    report.settings.engine.packed = packed;
    WEIR_TRY_GOTO(find_out(&report, model, path, err));
    *fits = report.fits;
    if (v->as_json)
        status = weir_plan_as_json(&report, err);
    else
        weir_plan_as_text(&report);
fail:
    weir_packed_close(&packed);
    weir_adapters_close(&adapters);
    weir_model_close(&model);
    free(path);
    return status;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    bool fits = true;
    int code = weir_tell_failure("plan", plan(parsed, &fits, &err), &err);
    return weir_finish_output("plan", code == WEIR_EXIT_DONE && !fits ? WEIR_EXIT_NO_MEMORY : code);
}

const weir_verb weir_verb_plan = {
    .name = "plan",
    .summary = "Tells what memory a model takes, and what would fit",
    .operands = "[MODEL]",
    .n_operands_max = 1,
    .details =
        "MODEL is named as for run; left out, it is weir-nano. Reads no weights, but a few of an\n"
        "expert's to measure the disk where --ram has experts read from it. The engine's items\n"
        "are what it will take, to the byte; with those around them they are what the process\n"
        "will have resident. Exit code 4 if that does not fit; then it lists settings that would.\n"
        "\n"
        "  weir plan lfm2-24b-q4_0.gguf --ram 16GB\n"
        "  weir plan lfm2-24b-q4_0.gguf --conversations 32 --ctx 8192 --kv-type q8\n"
        "  weir plan lfm2-8b-q4_k_m.gguf --for serve --kv-memory 2GB --json\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(plan_values),
    .run = run,
};
