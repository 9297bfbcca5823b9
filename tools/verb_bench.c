/*
 * verb_bench.c: `weir bench`: measures the machine, then prompts and decoding on it, and tells each
 * as a share of the limit that the machine sets.
 *
 * Owns the choice of what is measured and where the results go; bench_measure.c measures, and
 * bench_show.c shows.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "bench_measure.h"
#include "bench_show.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "machine_show.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "verbs.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench_values {
    const char *prefill, *depth, *batch;
    uint32_t n_step, n_repeats, n_threads;
    const char *device, *isa, *kv_type, *activations, *packed, *out, *svg;
    float max_seconds, probe_seconds;
    uint64_t ram_bytes;
    bool resumes, overwrite, as_json, as_csv, only_barriers, with_phases, no_pin;
} bench_values;

#define AT(field) offsetof(bench_values, field)

static const weir_option options[] = {
    {"prefill", 0, WEIR_OPTION_STRING, AT(prefill), "N,...",
     "lengths of prompts; default: 128,512,2048; none: no prompts"},
    {"depth", 0, WEIR_OPTION_STRING, AT(depth), "N,...",
     "decode behind so many tokens; default: 0,2048,8192,32768"},
    {"batch", 0, WEIR_OPTION_STRING, AT(batch), "N,...",
     "decode so many timelines at once; default: 1,4,16,64;\nnone: no decoding"},
    {"step", 0, WEIR_OPTION_U32, AT(n_step), "N", "tokens of one step of a prompt; default: 512"},
    {"repeat", 'n', WEIR_OPTION_U32, AT(n_repeats), "N",
     "measure each so often, 64 times at most; default: 5"},
    {"time", 0, WEIR_OPTION_FLOAT, AT(max_seconds), "SECONDS",
     "begin nothing after this time; --resume goes on"},
    {"probe", 0, WEIR_OPTION_FLOAT, AT(probe_seconds), "SECONDS",
     "how long to measure the machine, about; 0: not at all, and no\nlimits; default: 2.5; not of "
     "--device cuda"},
    {"barriers", 0, WEIR_OPTION_FLAG, AT(only_barriers), NULL,
     "measure only how long threads wait for each other"},
    {"phases", 0, WEIR_OPTION_FLAG, AT(with_phases), NULL,
     "tell where the time of a step goes: products, attention, waiting"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f16"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"no-pin", 0, WEIR_OPTION_FLAG, AT(no_pin), NULL, WEIR_NO_PIN_HELP},
    {"packed", 0, WEIR_OPTION_STRING, AT(packed), "FILE", WEIR_PACKED_HELP},
    {"ram", 0, WEIR_OPTION_SIZE, AT(ram_bytes), "SIZE",
     "all that weir may take (8GB, 7.5GiB): experts that do not fit are read\n"
     "from the disk when they are needed, slower, with the same answer"},
    {"results", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.json",
     "written after everything that is measured, for --resume and\nweir bench diff"},
    {"resume", 'r', WEIR_OPTION_FLAG, AT(resumes), NULL, "measure what --output does not have yet"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace --output if it exists"},
    {"svg", 0, WEIR_OPTION_STRING, AT(svg), "FILE.svg", "a picture of the shares"},
    {"csv", 0, WEIR_OPTION_FLAG, AT(as_csv), NULL, "every repetition, with commas between"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "what --output writes"},
};

#undef AT

/* ---- what is to be measured --------------------------------------------------------------------
 */

enum { MOST_ITEMS = 32, MOST_COUNT = 1 << 24 };

typedef struct count_list {
    uint32_t item[MOST_ITEMS];
    size_t n;
} count_list;

/* "1,4,16", or "none". */
static weir_status read_list(count_list *out, const char *name, const char *text, uint32_t min,
                             weir_error *err) {
    out->n = 0;
    if (strcmp(text, "none") == 0)
        return WEIR_STATUS_OK;
    for (const char *at = text;; at++) {
        char *end = NULL;
        unsigned long value = isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (!end || value < min || value > MOST_COUNT || (*end && *end != ','))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--%s: expected whole numbers from %u on with commas between them, or "
                             "none, got '%s'",
                             name, min, text);
        if (out->n == MOST_ITEMS)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: expected at most %d numbers",
                             name, MOST_ITEMS);
        out->item[out->n++] = (uint32_t)value;
        if (!*end)
            return WEIR_STATUS_OK;
        at = end;
    }
}

static const char *or_else(const char *text, const char *otherwise) {
    return text ? text : otherwise;
}

static weir_status add_once(weir_bench_file *file, const weir_bench_cell *cell, weir_error *err) {
    return weir_bench_file_find(file, cell) ? WEIR_STATUS_OK : weir_bench_file_add(file, cell, err);
}

static weir_status add_prompts(weir_bench_file *file, const bench_values *v, uint32_t n_ctx,
                               uint32_t n_step, weir_error *err) {
    count_list lengths;
    WEIR_TRY(read_list(&lengths, "prefill", or_else(v->prefill, "128,512,2048"), 1, err));
    for (size_t i = 0; i < lengths.n; i++) {
        uint32_t n = lengths.item[i];
        const weir_bench_cell cell = {.kind = WEIR_BENCH_PREFILL, .n_tokens = n, .batch = n_step};
        if (n > n_ctx)
            weir_say("weir bench: prefill %u is left out: the model's context is %u", n, n_ctx);
        else
            WEIR_TRY(add_once(file, &cell, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status add_decoding(weir_bench_file *file, const bench_values *v, uint32_t n_ctx,
                                weir_error *err) {
    count_list depths, batches;
    WEIR_TRY(read_list(&depths, "depth", or_else(v->depth, "0,2048,8192,32768"), 0, err));
    WEIR_TRY(read_list(&batches, "batch", or_else(v->batch, "1,4,16,64"), 1, err));
    for (size_t i = 0; i < depths.n; i++) {
        uint32_t depth = depths.item[i];
        if (weir_bench_room(depth) > n_ctx && batches.n > 0) {
            weir_say("weir bench: decoding at %u is left out: it takes %u tokens, and the model's "
                     "context is %u",
                     depth, weir_bench_room(depth), n_ctx);
            continue;
        }
        for (size_t k = 0; k < batches.n; k++) {
            const weir_bench_cell cell = {
                .kind = WEIR_BENCH_DECODE, .n_tokens = 1, .depth = depth, .batch = batches.item[k]};
            WEIR_TRY(add_once(file, &cell, err));
        }
    }
    return WEIR_STATUS_OK;
}

/* ---- one run -----------------------------------------------------------------------------------
 */

typedef struct bench_run {
    const weir_parsed *parsed;
    const bench_values *values;
    weir_machine *machine;
    weir_bench_file file;
    weir_model *model;
    weir_packed *packed; /* mapped, or NULL */
    weir_ram ram;
} bench_run;

/* Limits are the processors': they say nothing about another device. */
static bool measures_machine(const bench_values *v) {
    return !v->device || strcmp(v->device, "cuda") != 0;
}

static weir_status probe_machine(bench_run *r, weir_error *err) {
    const bench_values *v = r->values;
    bool is_given = weir_option_given(r->parsed, "probe");
    const weir_machine_options probe = {
        .isa = v->isa,
        .n_threads = v->n_threads,
        .seconds = !measures_machine(v)   ? -1
                   : !is_given            ? 0
                   : v->probe_seconds > 0 ? (double)v->probe_seconds
                                          : -1,
        .only = v->only_barriers ? WEIR_MACHINE_WAITING : WEIR_MACHINE_ALL,
    };
    if (!r->machine)
        r->machine = calloc(1, sizeof *r->machine);
    if (!r->machine)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the machine's description");
    return weir_machine_probe(r->machine, &probe, err);
}

/* Results of another machine say nothing beside those of this one. */
static weir_status check_machine(const bench_run *r, weir_error *err) {
    json_t *now = weir_machine_json(r->machine);
    const char *then = json_string_value(json_object_get(r->file.machine, "processor"));
    const char *here = json_string_value(json_object_get(now, "processor"));
    weir_status status =
        then && here && strcmp(then, here) != 0
            ? weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                        "%s: has results of the processor \"%s\", and cannot be resumed on \"%s\"",
                        r->values->out, then, here)
            : WEIR_STATUS_OK;
    json_decref(now);
    return status;
}

/* Limits only rise: what another run has read or computed here can be done here. */
static weir_status take_limits(bench_run *r, weir_error *err) {
    weir_bench_limits *l = &r->file.limits;
    char what[sizeof l->macs_of];
    double macs_per_s = weir_machine_best_arithmetic(r->machine, what, sizeof what);
    l->read_bytes_per_s = fmax(l->read_bytes_per_s, weir_machine_best_reading(r->machine));
    if (macs_per_s > l->macs_per_s) {
        l->macs_per_s = macs_per_s;
        memcpy(l->macs_of, what, sizeof what);
    }
    l->cache_bytes = (double)r->machine->l3_bytes;
    if (!r->file.machine)
        r->file.machine = weir_machine_json(r->machine);
    return r->file.machine
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the machine's description");
}

/* As the results would call it: bytes that are no UTF-8 become others, and long names are cut. */
static void clean_text(char out[WEIR_BENCH_TEXT], const char *text) {
    json_t *json = weir_json_text(text, strnlen(text, WEIR_BENCH_TEXT / 4));
    snprintf(out, WEIR_BENCH_TEXT, "%s", json ? json_string_value(json) : "");
    json_decref(json);
}

/* Results of one file are compared with each other. */
static weir_status check_resumed(const bench_run *r, const weir_bench_file *now, weir_error *err) {
    const weir_bench_file *then = &r->file;
    const char *path = r->values->out;
    if (strcmp(now->model, then->model) != 0 || strcmp(now->file_type, then->file_type) != 0 ||
        now->weight_bytes != then->weight_bytes || now->n_params != then->n_params)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: has results of %s (%s), and cannot be resumed with %s (%s)", path,
                         then->model, then->file_type, now->model, now->file_type);
    if (strcmp(now->version, then->version) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: has results of weir %s, and cannot be resumed with %s", path,
                         then->version, now->version);
    if (now->ram_bytes != then->ram_bytes)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: has results of --ram %llu bytes, and cannot be resumed with %llu "
                         "(0: without --ram)",
                         path, (unsigned long long)then->ram_bytes,
                         (unsigned long long)now->ram_bytes);
    return WEIR_STATUS_OK;
}

static weir_status begin_file(bench_run *r, weir_error *err) {
    const bench_values *v = r->values;
    weir_bench_file now = {0};
    weir_model_info info;
    weir_model_get_info(r->model, &info);
    snprintf(now.version, sizeof now.version, "%s", weir_version());
    clean_text(now.model, info.name);
    clean_text(now.file_type, info.file_type);
    now.weight_bytes = info.weight_bytes;
    now.n_params = info.n_params;
    now.ram_bytes = v->ram_bytes;
    if (!v->out || !weir_path_exists(v->out)) {
        r->file = now;
        return WEIR_STATUS_OK;
    }
    if (!v->resumes && !v->overwrite)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: exists; --resume goes on with it, --force replaces it", v->out);
    if (!v->resumes) {
        r->file = now;
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_bench_file_read(&r->file, v->out, err));
    return check_resumed(r, &now, err);
}

static weir_status show(const bench_run *r, weir_error *err) {
    const bench_values *v = r->values;
    if (v->svg)
        WEIR_TRY(weir_bench_plot_write(&r->file, v->svg, err));
    if (v->as_json)
        return weir_json_print(weir_bench_file_json(&r->file), err);
    if (v->as_csv) {
        weir_bench_print_csv(stdout, &r->file);
        return WEIR_STATUS_OK;
    }
    weir_machine_print_tables(stdout, r->machine);
    if (r->machine->n_teams > 0)
        putchar('\n');
    weir_bench_print_table(stdout, &r->file);
    if (v->with_phases)
        weir_bench_print_phases(stdout, &r->file);
    weir_bench_print_loss(stdout, &r->file);
    return WEIR_STATUS_OK;
}

static bool has_results(const weir_bench_file *file) {
    for (size_t i = 0; i < file->n_cells; i++)
        if (file->cell[i].n > 0)
            return true;
    return false;
}

/* Is one more than a tenth below the other? */
static bool differ(double a, double b) {
    return fabs(a - b) > 0.1 * fmax(a, b);
}

/* A machine that was slower before or after was so in between too, and its shares say less. */
static weir_status probe_again(bench_run *r, weir_error *err) {
    char what[32];
    double read = weir_machine_best_reading(r->machine), read_after;
    double math = weir_machine_best_arithmetic(r->machine, what, sizeof what), math_after;
    WEIR_TRY(probe_machine(r, err));
    WEIR_TRY(take_limits(r, err));
    read_after = weir_machine_best_reading(r->machine);
    math_after = weir_machine_best_arithmetic(r->machine, what, sizeof what);
    if (differ(read, read_after) || differ(math, math_after))
        weir_say("weir bench: the machine changed by more than 10 %%: reading %.1f GB/s before and "
                 "%.1f after, arithmetic %.1f GMAC/s and %.1f",
                 read / 1e9, read_after / 1e9, math / 1e9, math_after / 1e9);
    return r->values->out ? weir_bench_file_write(&r->file, r->values->out, err) : WEIR_STATUS_OK;
}

static weir_status bench_model(bench_run *r, weir_error *err) {
    const bench_values *v = r->values;
    size_t n_left = 0;
    weir_plan plan;
    weir_model_info info;
    weir_bench_plan work = {
        .device = v->device,
        .isa = v->isa,
        .kv_type = v->kv_type,
        .activations = v->activations,
        .n_threads = v->n_threads,
        .no_pin = v->no_pin,
        .n_repeats = weir_option_given(r->parsed, "repeat") ? v->n_repeats : 5,
        .n_step = v->n_step > 0 ? v->n_step : 512,
        .max_seconds = (double)v->max_seconds,
        .packed = r->packed,
        .ram = r->ram,
        .with_phases = v->with_phases,
        .no_probe = !measures_machine(v) ||
                    (weir_option_given(r->parsed, "probe") && v->probe_seconds <= 0),
        .path = v->out,
        .progress = weir_console_progress(),
    };
    const weir_engine_options engine = {.device = v->device, .n_batch = work.n_step, .n_pages = 1};
    weir_model_get_info(r->model, &info);
    WEIR_TRY(weir_plan_make(&plan, r->model, &engine, err));
    work.n_step = plan.n_batch; /* which a replay's window may have raised */
    WEIR_TRY(begin_file(r, err));
    WEIR_TRY(add_prompts(&r->file, v, info.n_ctx, work.n_step, err));
    WEIR_TRY(add_decoding(&r->file, v, info.n_ctx, err));
    if (r->file.n_cells == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "nothing is left to be measured");
    if (v->out) /* now, since an hour later is too late to hear that it cannot be written */
        WEIR_TRY(weir_bench_file_write(&r->file, v->out, err));
    WEIR_TRY(probe_machine(r, err));
    WEIR_TRY(check_machine(r, err));
    WEIR_TRY(take_limits(r, err));
    weir_status status = weir_bench_measure(&r->file, r->model, &work, &n_left, err);
    if (status == WEIR_STATUS_OK && !work.no_probe)
        status = probe_again(r, err);
    /* What was measured before a failure or Ctrl-C is shown all the same. */
    if (has_results(&r->file)) {
        weir_error shown = {0};
        weir_status show_status = show(r, &shown);
        if (status == WEIR_STATUS_OK && show_status != WEIR_STATUS_OK) {
            status = show_status;
            if (err)
                *err = shown;
        }
    }
    if (status == WEIR_STATUS_OK && n_left > 0)
        weir_say("weir bench: the time of --time is over, %zu of %zu are not measured%s", n_left,
                 r->file.n_cells, v->out ? "; --resume goes on" : "");
    return status;
}

static weir_status bench_machine(bench_run *r, weir_error *err) {
    WEIR_TRY(probe_machine(r, err));
    if (r->values->as_json)
        return weir_json_print(weir_machine_json(r->machine), err);
    weir_print_text(stdout, r->machine->processor, strlen(r->machine->processor));
    printf(", %s\n\n", r->machine->isa_chosen);
    weir_machine_print_tables(stdout, r->machine);
    return WEIR_STATUS_OK;
}

/* ---- the verb ----------------------------------------------------------------------------------
 */

static weir_status check(const weir_parsed *parsed, weir_error *err) {
    static const char *const of_model[] = {
        "prefill", "depth", "batch", "step",   "repeat", "time",   "kv-type", "activations",
        "output",  "svg",   "csv",   "device", "ram",    "packed", "no-pin",  "phases"};
    const bench_values *v = parsed->values;
    bool is_machine = parsed->n_operands == 0;
    for (size_t i = 0; i < WEIR_COUNT(of_model) && is_machine; i++)
        if (weir_option_given(parsed, of_model[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--%s is for a MODEL, and none is named", of_model[i]);
    if (!measures_machine(v) && weir_option_given(parsed, "probe"))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--probe measures the processors, which --device %s does not use",
                         v->device);
    if (v->only_barriers && !is_machine)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--barriers measures the machine alone; expected no MODEL, got '%s'",
                         parsed->operands[0]);
    static const char *const of_loops[] = {"probe", "isa"};
    for (size_t i = 0; i < WEIR_COUNT(of_loops) && v->only_barriers; i++)
        if (weir_option_given(parsed, of_loops[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s has no effect beside --barriers",
                             of_loops[i]);
    if ((v->resumes || v->overwrite) && !v->out)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s is for --output, and none is named",
                         v->resumes ? "resume" : "force");
    if (v->resumes && v->overwrite)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--resume and --force exclude each other");
    if (v->with_phases && (v->as_json || v->as_csv))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--phases is for the table, which --%s is not",
                         v->as_json ? "json" : "csv");
    if (v->as_json && v->as_csv)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--json and --csv exclude each other");
    if (weir_option_given(parsed, "repeat") &&
        (v->n_repeats == 0 || v->n_repeats > WEIR_BENCH_MOST_REPEATS))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--repeat: expected 1 to %d, got %u",
                         WEIR_BENCH_MOST_REPEATS, v->n_repeats);
    if (weir_option_given_zero(parsed, "ram"))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--ram: expected more than 0");
    if (v->max_seconds < 0 || v->probe_seconds < 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: expected a number of seconds",
                         v->max_seconds < 0 ? "time" : "probe");
    if (weir_option_given(parsed, "probe") && v->probe_seconds <= 0 && is_machine)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--probe: expected more than 0 where the machine is all there is");
    return WEIR_STATUS_OK;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    bench_run r = {.parsed = parsed, .values = parsed->values};
    char *path = NULL;
    weir_status status = check(parsed, &err);
    if (status == WEIR_STATUS_OK && parsed->n_operands == 0)
        status = bench_machine(&r, &err);
    else if (status == WEIR_STATUS_OK) {
        weir_interrupt_with_care(NULL);
        status = weir_find_model(parsed->operands[0], &path, &err);
        r.ram = weir_ram_begin(r.values->ram_bytes, 0);
        if (status == WEIR_STATUS_OK)
            status = weir_model_open(&r.model, path, &err);
        const weir_engine_options engine = {.device = r.values->device,
                                            .activations = r.values->activations};
        if (status == WEIR_STATUS_OK)
            status = weir_packed_choose(&r.packed, r.model, path, r.values->packed, &engine, &err);
        if (status == WEIR_STATUS_OK)
            status = bench_model(&r, &err);
    }
    weir_packed_close(&r.packed);
    weir_model_close(&r.model);
    weir_bench_file_free(&r.file);
    free(r.machine);
    free(path);
    return weir_tell_failure("bench", status, &err);
}

const weir_verb weir_verb_bench = {
    .name = "bench",
    .summary = "Measures speed as a share of what the machine can do",
    .operands = "[MODEL]",
    .n_operands_min = 0,
    .n_operands_max = 1,
    .details =
        "Measures the machine (reading, arithmetic, waiting) and then MODEL: prompts, and "
        "decoding\n"
        "at several depths and batches. Without MODEL the machine alone. The limit is the time\n"
        "that the bytes and operations of the file take at the machine's best rates\n"
        "(docs/bench.md). Of a time the median is told, and half the distance of the quartiles.\n"
        "\n"
        "  weir bench lfm2-8b-q4_0.gguf -o before.json\n"
        "  weir bench lfm2-8b-q4_0.gguf --depth 0,4096 --batch 1 --prefill none\n"
        "  weir bench lfm2-8b-q4_0.gguf -o before.json --resume --svg before.svg\n"
        "  weir bench --barriers\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(bench_values),
    .run = run,
};
