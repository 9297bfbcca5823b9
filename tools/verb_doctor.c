/*
 * verb_doctor.c: `weir doctor`: what the machine is, what of it would be used and why, and what
 * limits a model on it.
 *
 * Everything said was asked of the library or measured just now; nothing is guessed from names of
 * processors.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "bench_model.h"
#include "console.h"
#include "json_text.h"
#include "machine_show.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct doctor_values {
    const char *device, *isa, *kv_type, *activations;
    uint32_t n_threads, n_ctx;
    float seconds;
    bool as_json;
} doctor_values;

#define AT(field) offsetof(doctor_values, field)

static const weir_option options[] = {
    {"probe", 0, WEIR_OPTION_FLOAT, AT(seconds), "SECONDS",
     "how long to measure, about; 0: not at all; default: 1"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "of the largest team; default: physical cores within the limits\nset for the process"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE,
     "of MODEL: does it fit there?\n" WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "of MODEL: tokens of one timeline; default: the model's, 8192 at\nmost"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "of MODEL: how keys and values are kept; default: f16"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     "of MODEL:\n" WEIR_ACTIVATIONS_HELP},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the same as JSON"},
};

#undef AT

/* The GPU that --device cuda would take, or why there is none to take. */
typedef struct gpu {
    weir_device_info info;
    weir_error trouble; /* its status is OK: there is none */
} gpu;

/* What is said of a model. */
typedef struct patient {
    weir_model *model;
    weir_packed_found packed;
    uint64_t available_bytes; /* on its device; 0: not known */
    weir_bench_model needs;
    weir_plan plan;
    bool fits; /* true also where the memory that is available is unknown */
    uint64_t
        stream_bytes;   /* --ram that it would run in where it does not fit; 0: it does, or none */
    uint32_t n_ctx_max; /* of one timeline that would fit; 0: none */
    weir_bench_need token; /* of decoding one behind an empty context */
    double read_s, math_s; /* that it takes at least; 0: not measured, or not read from memory */
} patient;

/* ---- finding out ------------------------------------------------------------------------------
 */

static weir_engine_options engine_of(const patient *p, const doctor_values *v, uint32_t n_ctx) {
    return (weir_engine_options){.device = v->device,
                                 .isa = v->isa,
                                 .kv_type = v->kv_type,
                                 .activations = v->activations,
                                 .n_threads = v->n_threads,
                                 .n_ctx = n_ctx,
                                 .packed = p->packed.packed};
}

static bool has_room(const patient *p, const weir_plan *plan) {
    return p->available_bytes == 0 || plan->total_bytes <= p->available_bytes;
}

static bool fits(const patient *p, const doctor_values *v, uint32_t n_ctx, weir_plan *plan) {
    const weir_engine_options engine = engine_of(p, v, n_ctx);
    return weir_plan_make(plan, p->model, &engine, NULL) == WEIR_STATUS_OK && has_room(p, plan);
}

/* Would it run with experts that are read from the disk? Less is offered than is available, which
 * changes, and of that the program needs some besides its engine. */
static void look_at_stream(patient *p, const doctor_values *v) {
    const uint64_t around_bytes = 96 << 20;
    weir_engine_options engine = engine_of(p, v, v->n_ctx);
    weir_plan plan;
    uint64_t ram = p->available_bytes - p->available_bytes / 32;
    engine.packed = NULL;
    engine.ram_bytes = ram > around_bytes ? ram - around_bytes : 1;
    if (weir_plan_make(&plan, p->model, &engine, NULL) == WEIR_STATUS_OK &&
        plan.streamed_bytes > 0 && plan.total_bytes <= engine.ram_bytes)
        p->stream_bytes = ram;
}

static weir_status look_at(patient *p, const weir_machine *m, const doctor_values *v,
                           weir_error *err) {
    const weir_engine_options engine = engine_of(p, v, v->n_ctx);
    weir_plan plan;
    weir_device_info device;
    char what[32];
    WEIR_TRY(weir_device_look(&device, v->device, err));
    p->available_bytes = device.has_own_memory ? device.free_bytes : m->available_bytes;
    WEIR_TRY(weir_bench_model_read(&p->needs, p->model, v->kv_type, err));
    WEIR_TRY(weir_plan_make(&p->plan, p->model, &engine, err));
    p->fits = has_room(p, &p->plan);
    if (!p->fits)
        look_at_stream(p, v);
    uint32_t low = 0, high = p->needs.info.n_ctx; /* low fits, or is 0 */
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (fits(p, v, middle, &plan))
            low = middle;
        else
            high = middle - 1;
    }
    p->n_ctx_max = low;
    p->token = weir_bench_decode_need(&p->needs, 0, 1, 1);
    if (device.has_own_memory) /* what was measured are the processors */
        return WEIR_STATUS_OK;
    double reading = weir_machine_best_reading(m);
    double arithmetic = weir_machine_best_arithmetic(m, what, sizeof what);
    /* Weights that the caches hold, or half of them, may never be read from memory. */
    bool is_small = (double)p->needs.info.weight_bytes <= 2 * (double)m->l3_bytes;
    p->read_s = reading > 0 && !is_small ? p->token.read_bytes / reading : 0;
    p->math_s = arithmetic > 0 ? p->token.macs / arithmetic : 0;
    return WEIR_STATUS_OK;
}

/* ---- saying it --------------------------------------------------------------------------------
 */

static void print_threads(const weir_machine *m, const doctor_values *v) {
    if (v->n_threads > 0) {
        printf("threads     %u, as --threads says; by default %u\n", v->n_threads, m->n_threads);
        return;
    }
    printf("threads     %u: ", m->n_threads);
    if (m->n_quota > 0 && m->n_quota < m->n_cores)
        printf("what the control group's quota allows, of %u cores", m->n_cores);
    else
        printf("one for each physical core");
    if (m->n_allowed < m->n_processors)
        printf("; the process may use %u of %u processors (affinity)", m->n_allowed,
               m->n_processors);
    else if (m->n_allowed > m->n_cores)
        printf("; their %u logical processors share them", m->n_allowed);
    putchar('\n');
}

static void print_kernels(const weir_machine *m, const doctor_values *v) {
    char why[WEIR_MACHINE_LINE];
    printf("kernels     %s%s", m->isa_chosen, v->isa ? ", as --isa says" : ", the best there is");
    if (strcmp(m->isa_chosen, m->isa_chosen_training) != 0)
        printf("; for training %s", m->isa_chosen_training);
    putchar('\n');
    for (size_t i = 0; i < m->n_isas; i++)
        if (weir_machine_isa_trouble(&m->isa[i], why))
            printf("            no %s: %s\n", m->isa[i].name, why);
}

static void print_gpu(const gpu *g) {
    char a[WEIR_AMOUNT_TEXT], b[WEIR_AMOUNT_TEXT];
    const char *text = g->trouble.status == WEIR_STATUS_OK ? g->info.text : g->trouble.text;
    printf("gpu         ");
    weir_print_text(stdout, text, strlen(text));
    if (g->trouble.status == WEIR_STATUS_OK)
        printf("\n            %s, %s free", weir_bytes_text(a, g->info.total_bytes),
               weir_bytes_text(b, g->info.free_bytes));
    putchar('\n');
}

static json_t *gpu_json(const gpu *g) {
    bool is_usable = g->trouble.status == WEIR_STATUS_OK;
    const char *text = is_usable ? g->info.text : g->trouble.text;
    return json_pack("{s:b, s:o, s:I, s:I}", "is_usable", (int)is_usable, "text",
                     weir_json_text(text, strlen(text)), "memory_bytes",
                     (json_int_t)g->info.total_bytes, "available_bytes",
                     (json_int_t)g->info.free_bytes);
}

static void print_machine(const weir_machine *m, const gpu *g, const doctor_values *v) {
    char line[WEIR_MACHINE_LINE], a[WEIR_AMOUNT_TEXT], b[WEIR_AMOUNT_TEXT];
    printf("processor   ");
    weir_print_text(stdout, m->processor, strlen(m->processor));
    printf("\n            %u core%s, %u of %u processors allowed", m->n_cores,
           m->n_cores == 1 ? "" : "s", m->n_allowed, m->n_processors);
    if (m->n_nodes > 1)
        printf(", on %u memory nodes", m->n_nodes);
    if (m->n_quota > 0)
        printf(", a quota of %u", m->n_quota);
    printf("\ncaches      %s\n", weir_machine_caches(m, line));
    printf("memory      %s, %s available", weir_bytes_text(a, m->memory_bytes),
           weir_bytes_text(b, m->available_bytes));
    if (m->huge_pages[0])
        printf("; huge pages: %s", m->huge_pages);
    putchar('\n');
    print_gpu(g);
    print_kernels(m, v);
    print_threads(m, v);
    if (m->n_teams == 0)
        return;
    printf("reading     %.1f GB/s at best\n", weir_machine_best_reading(m) / 1e9);
    char what[32];
    double arithmetic = weir_machine_best_arithmetic(m, what, sizeof what);
    printf("arithmetic  %.1f GMAC/s at best (%s)\n\n", arithmetic / 1e9, what);
    weir_machine_print_tables(stdout, m);
}

static void print_limit(const patient *p) {
    if (p->math_s <= 0)
        return;
    printf("decoding    %.1f tok/s at most: ", 1 / fmax(p->read_s, p->math_s));
    if (p->read_s <= 0)
        printf("arithmetic limits; weights so small may stay in the caches\n");
    else if (p->read_s >= p->math_s)
        printf("reading limits, arithmetic alone would allow %.1f\n", 1 / p->math_s);
    else
        printf("arithmetic limits, reading alone would allow %.1f\n", 1 / p->read_s);
}

/* How the weights come into memory, where `weir pack` has made a file. */
static void print_start(const patient *p) {
    weir_packed_info info;
    if (p->packed.packed) {
        weir_packed_get_info(p->packed.packed, &info);
        printf("start       maps packed weights: ");
        weir_print_text(stdout, info.path, strlen(info.path));
    } else if (p->packed.path) {
        printf("start       reads the model; packed weights are not used: ");
        weir_print_text(stdout, p->packed.trouble.text, strlen(p->packed.trouble.text));
    } else {
        return;
    }
    putchar('\n');
}

static void print_model(const patient *p) {
    const weir_model_info *info = &p->needs.info;
    char a[WEIR_AMOUNT_TEXT], b[WEIR_AMOUNT_TEXT], c[WEIR_AMOUNT_TEXT];
    printf("\nmodel       ");
    weir_print_text(stdout, info->name, strlen(info->name));
    printf(", %s, %s of weights\n", info->file_type, weir_bytes_text(a, info->weight_bytes));
    if (p->available_bytes == 0)
        printf("memory      %s for a context of %u; what is available is not known\n",
               weir_bytes_text(a, p->plan.total_bytes), p->plan.n_ctx);
    else
        printf("memory      %s for a context of %u, %s are available: %s\n",
               weir_bytes_text(a, p->plan.total_bytes), p->plan.n_ctx,
               weir_bytes_text(b, p->available_bytes), p->fits ? "fits" : "does not fit");
    if (p->n_ctx_max == 0)
        printf("            not even an empty context fits\n");
    else
        printf("            contexts of up to %u fit\n", p->n_ctx_max);
    if (p->stream_bytes > 0)
        printf("            --ram %lluMB would run it, experts read from the disk when needed\n",
               (unsigned long long)(p->stream_bytes / 1000000));
    print_start(p);
    printf("a token     reads %s of weights, and %s for each token before it; %s multiply-adds\n",
           weir_bytes_text(a, (uint64_t)(p->token.read_bytes - p->token.kv_bytes)),
           weir_bytes_text(b, (uint64_t)p->needs.kv_token_bytes),
           weir_count_text(c, (uint64_t)p->token.macs));
    print_limit(p);
}

static json_t *model_json(const patient *p) {
    const weir_model_info *info = &p->needs.info;
    double floor_s = fmax(p->read_s, p->math_s);
    weir_packed_info packed = {0};
    if (p->packed.packed)
        weir_packed_get_info(p->packed.packed, &packed);
    return json_pack(
        "{s:o, s:s, s:I, s:I, s:i, s:b, s:I, s:i, s:f, s:f, s:f, s:o, s:o, s:o}", "name",
        weir_json_text(info->name, strlen(info->name)), "file_type", info->file_type,
        "weight_bytes", (json_int_t)info->weight_bytes, "needs_bytes",
        (json_int_t)p->plan.total_bytes, "ctx", (int)p->plan.n_ctx, "fits", (int)p->fits,
        "runs_with_ram_bytes", (json_int_t)p->stream_bytes, "ctx_max", (int)p->n_ctx_max,
        "token_read_bytes", p->token.read_bytes, "kv_token_bytes", p->needs.kv_token_bytes,
        "token_macs", p->token.macs, "decode_limit_tokens_per_s",
        floor_s > 0 ? json_real(1 / floor_s) : json_null(), "limited_by",
        floor_s > 0 ? json_string(p->read_s >= p->math_s ? "memory" : "arithmetic") : json_null(),
        "packed", packed.path ? weir_json_text(packed.path, strlen(packed.path)) : json_null());
}

/* ---- the verb ---------------------------------------------------------------------------------
 */

static weir_status examine(const weir_parsed *parsed, patient *p, weir_error *err) {
    const doctor_values *v = parsed->values;
    weir_machine *m = calloc(1, sizeof *m);
    gpu g = {0};
    const weir_machine_options probe = {.isa = v->isa,
                                        .n_threads = v->n_threads,
                                        .seconds = !weir_option_given(parsed, "probe") ? 1
                                                   : v->seconds > 0 ? (double)v->seconds
                                                                    : -1};
    weir_status status =
        m ? weir_machine_probe(m, &probe, err)
          : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the machine's description");
    weir_device_look(&g.info, "cuda", &g.trouble);
    if (status == WEIR_STATUS_OK && p->model)
        status = look_at(p, m, v, err);
    if (status == WEIR_STATUS_OK && v->as_json) {
        status = weir_json_print(json_pack("{s:o, s:o, s:o}", "machine", weir_machine_json(m),
                                           "cuda", gpu_json(&g), "model",
                                           p->model ? model_json(p) : json_null()),
                                 err);
    } else if (status == WEIR_STATUS_OK) {
        print_machine(m, &g, v);
        if (p->model)
            print_model(p);
    }
    free(m);
    return status;
}

static int run(const weir_parsed *parsed) {
    static const char *const of_model[] = {"ctx", "kv-type", "activations", "device"};
    const doctor_values *v = parsed->values;
    weir_error err = {0};
    patient p = {0};
    char *path = NULL;
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < WEIR_COUNT(of_model) && parsed->n_operands == 0; i++)
        if (weir_option_given(parsed, of_model[i])) {
            weir_say("weir doctor: --%s is for a MODEL, and none is named", of_model[i]);
            return WEIR_EXIT_USAGE;
        }
    if (v->seconds < 0) {
        weir_say("weir doctor: --probe: expected a number of seconds, got %g", (double)v->seconds);
        return WEIR_EXIT_USAGE;
    }
    if (parsed->n_operands > 0) {
        status = weir_find_model(parsed->operands[0], &path, &err);
        if (status == WEIR_STATUS_OK)
            status = weir_model_open(&p.model, path, &err);
        const weir_engine_options engine = {.device = v->device, .activations = v->activations};
        if (status == WEIR_STATUS_OK && !weir_packed_hindrance(&engine))
            weir_packed_look(&p.packed, p.model, path);
    }
    if (status == WEIR_STATUS_OK)
        status = examine(parsed, &p, &err);
    weir_packed_found_free(&p.packed);
    weir_model_close(&p.model);
    free(path);
    return weir_tell_failure("doctor", status, &err);
}

const weir_verb weir_verb_doctor = {
    .name = "doctor",
    .summary = "Tells what the machine is, what of it is used, and why",
    .operands = "[MODEL]",
    .n_operands_min = 0,
    .n_operands_max = 1,
    .details = "With MODEL also: does it fit, and how fast can it be at most? A limit is what the\n"
               "file's bytes and operations take at the best rates measured (docs/bench.md).\n"
               "\n"
               "  weir doctor\n"
               "  weir doctor lfm2-8b-q4_0.gguf --ctx 32768\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(doctor_values),
    .run = run,
};
