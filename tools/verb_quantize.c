/*
 * verb_quantize.c: `weir quantize`: a model in smaller formats. The work is weir_quantize's; here
 * are the command line, the table of what becomes of the tensors, and the measurement of what the
 * result lost (quality.h).
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "quality.h"
#include "verbs.h"
#include "weir_quantize.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct quantize_values {
    weir_string_list rules;
    const char *imatrix, *data, *base;
    uint64_t target_bytes, measure_tokens;
    bool allow_requantize, overwrite, dry_run, no_resume, as_json;
    uint32_t n_threads;
} quantize_values;

#define AT(field) offsetof(quantize_values, field)

static const weir_option options[] = {
    {"tensor", 0, WEIR_OPTION_STRINGS, AT(rules), "GLOB=T",
     "these tensors in format T, over what TYPE says; of several rules\nthe last that matches "
     "decides: 'blk.*.ffn_down_exps=q6_k'"},
    {"imatrix", 0, WEIR_OPTION_STRING, AT(imatrix), "FILE.gguf",
     "importance of columns (weir imatrix): errors count where they matter"},
    {"target-size", 0, WEIR_OPTION_SIZE, AT(target_bytes), "SIZE",
     "in place of TYPE: choose formats for a file of this size, 12GB,\nby what each matrix loses "
     "in them"},
    {"allow-requantize", 0, WEIR_OPTION_FLAG, AT(allow_requantize), NULL,
     "also from a model that is quantized already: it loses twice"},
    {"dry-run", 0, WEIR_OPTION_FLAG, AT(dry_run), NULL,
     "print what each tensor would become, and the size; OUT can be left out"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace OUT if it exists"},
    {"no-resume", 0, WEIR_OPTION_FLAG, AT(no_resume), NULL,
     "begin anew where an interrupted run could be continued"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "tell what was done, tensor by tensor, as JSON on standard output"},
    {"what it lost", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"measure", 0, WEIR_OPTION_STRING, AT(data), "DATA",
     "compare the result with IN on this text (weir help eval kl) and\nkeep the numbers in OUT"},
    {"measure-base", 0, WEIR_OPTION_STRING, AT(base), "FILE",
     "with another model, or with saved logits; default: IN"},
    {"measure-tokens", 0, WEIR_OPTION_U64, AT(measure_tokens), "N", "on so many tokens at most"},
};

#undef AT

/* ---- what the tensors become ---------------------------------------------------------------- */

typedef struct told_list {
    weir_quantize_tensor *items; /* [n], names owned */
    size_t n, cap;
    bool is_short; /* there was no memory for all */
} told_list;

static void keep_told(void *context, const weir_quantize_tensor *tensor) {
    told_list *list = context;
    if (list->n == list->cap && !list->is_short) {
        size_t cap = list->cap == 0 ? 64 : 2 * list->cap;
        weir_quantize_tensor *longer = realloc(list->items, cap * sizeof *longer);
        list->is_short = longer == NULL;
        list->items = longer != NULL ? longer : list->items;
        list->cap = longer != NULL ? cap : list->cap;
    }
    char *name = list->is_short ? NULL : strdup(tensor->name);
    list->is_short = name == NULL;
    if (list->is_short)
        return;
    list->items[list->n] = *tensor;
    list->items[list->n++].name = name;
}

static void free_told(told_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        char *name;
        memcpy(&name, &list->items[i].name, sizeof name); /* given away as const */
        free(name);
    }
    free(list->items);
}

/* The layer of "blk.N.TAIL", and *tail; -1: a tensor of no layer. */
static int layer_of(const char *name, const char **tail) {
    int layer = -1, n = 0;
    *tail = name;
    if (sscanf(name, "blk.%6d.%n", &layer, &n) != 1 || n == 0)
        return -1;
    *tail = name + n;
    return layer;
}

/* Are these one line of the table: the same tensor of two layers in the same format? */
static bool is_alike(const weir_quantize_tensor *a, const weir_quantize_tensor *b) {
    const char *tail_a, *tail_b;
    bool in_layer_a = layer_of(a->name, &tail_a) >= 0, in_layer_b = layer_of(b->name, &tail_b) >= 0;
    return in_layer_a == in_layer_b && strcmp(tail_a, tail_b) == 0 && strcmp(a->to, b->to) == 0;
}

/* "layers 0-4,7,10" of item i and all behind it that are like it; nothing for one of no layer. */
static void print_layers(const told_list *list, size_t i) {
    const char *tail, *comma = "layers ";
    int first = layer_of(list->items[i].name, &tail), last = first;
    for (size_t k = i + 1; first >= 0 && k <= list->n; k++) {
        bool is_end = k == list->n;
        if (!is_end && !is_alike(&list->items[i], &list->items[k]))
            continue;
        int layer = is_end ? -1 : layer_of(list->items[k].name, &tail);
        if (layer == last + 1) {
            last = layer;
            continue;
        }
        printf(last > first ? "%s%d-%d" : "%s%d", comma, first, last);
        comma = ",";
        first = last = layer;
    }
}

static void print_assignment(const told_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        bool is_new = true;
        for (size_t k = 0; k < i && is_new; k++)
            is_new = !is_alike(&list->items[k], &list->items[i]);
        if (!is_new || !list->items[i].is_matrix)
            continue;
        const char *tail;
        layer_of(list->items[i].name, &tail);
        printf("%-26s %-7s ", tail, list->items[i].to);
        print_layers(list, i);
        putchar('\n');
    }
}

/* Number and bytes of the tensors of each format, in the order of their first. */
static void print_formats(const told_list *list) {
    char bytes[WEIR_AMOUNT_TEXT];
    for (size_t i = 0; i < list->n; i++) {
        const char *to = list->items[i].to;
        uint64_t sum = 0;
        size_t n = 0;
        bool is_new = true;
        for (size_t k = 0; k < list->n; k++) {
            if (strcmp(list->items[k].to, to) != 0)
                continue;
            is_new = is_new && k >= i;
            sum += list->items[k].bytes_out;
            n++;
        }
        if (is_new)
            printf("%-7s %5zu tensors  %9s\n", to, n, weir_bytes_text(bytes, sum));
    }
}

static void print_plan(const told_list *list, const weir_quantize_report *report) {
    char bytes[WEIR_AMOUNT_TEXT];
    print_assignment(list);
    putchar('\n');
    print_formats(list);
    printf("file    %5u tensors  %9s   %.2f bits a weight\n", report->n_tensors,
           weir_bytes_text(bytes, report->file_bytes), report->bits_per_weight);
}

/* ---- the result ----------------------------------------------------------------------------- */

static json_t *number_or_null(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *quality_json(const weir_quality *q) {
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "tokens",
                     (json_int_t)q->n_tokens, "kl_mean", number_or_null(q->kl_mean), "kl_p999",
                     number_or_null(q->kl_p999), "top1", number_or_null(q->top1), "top5",
                     number_or_null(q->top5), "experts", number_or_null(q->experts), "perplexity",
                     number_or_null(q->perplexity), "perplexity_base",
                     number_or_null(q->perplexity_base), "corpus", q->corpus);
}

static json_t *tensor_json(const weir_quantize_tensor *t) {
    json_t *shape = json_array();
    for (uint32_t i = 0; i < t->n_dims; i++)
        json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    return json_pack("{s:o, s:s, s:s, s:o, s:I, s:I, s:b, s:b, s:b, s:I}", "name",
                     weir_json_text(t->name, strlen(t->name)), "from", t->from, "to", t->to,
                     "shape", shape, "bytes_in", (json_int_t)t->bytes_in, "bytes",
                     (json_int_t)t->bytes_out, "by_rule", t->is_ruled, "substituted",
                     t->is_substituted, "has_importance", t->has_importance, "experts_unseen",
                     (json_int_t)t->n_experts_unseen);
}

static weir_status print_json(const char *in, const char *out, const told_list *list,
                              const weir_quantize_report *r, weir_error *err) {
    json_t *tensors = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(tensors, tensor_json(&list->items[i]));
    return weir_json_print(
        json_pack("{s:o, s:o, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o, s:o}", "in",
                  weir_json_text(in, strlen(in)), "out",
                  out != NULL ? weir_json_text(out, strlen(out)) : json_null(), "file_bytes",
                  (json_int_t)r->file_bytes, "bytes_in", (json_int_t)r->bytes_in, "bytes",
                  (json_int_t)r->bytes_out, "bits_per_weight", r->bits_per_weight, "substituted",
                  (json_int_t)r->n_substituted, "without_importance",
                  (json_int_t)r->n_without_importance, "experts_unseen",
                  (json_int_t)r->n_experts_unseen, "resumed_bytes", (json_int_t)r->n_resumed_bytes,
                  "quality", r->quality.n_tokens > 0 ? quality_json(&r->quality) : json_null(),
                  "tensors", tensors),
        err);
}

/* What somebody should know who takes the file for what its name says. */
static void say_notes(const weir_quantize_report *r) {
    if (r->n_substituted > 0)
        weir_say("%u tensors have rows that no block of their format divides: they took another",
                 r->n_substituted);
    if (r->n_without_importance > 0)
        weir_say("%u matrices are not in the importance file: their columns count the same",
                 r->n_without_importance);
    if (r->n_experts_unseen > 0)
        weir_say("%u matrices of experts saw no token when importance was collected: their columns "
                 "count the same",
                 r->n_experts_unseen);
}

static void say_result(const char *out, const weir_quantize_report *r) {
    char bytes[WEIR_AMOUNT_TEXT], before[WEIR_AMOUNT_TEXT];
    weir_say("%s is written: %s from %s, %.2f bits a weight", out,
             weir_bytes_text(bytes, r->file_bytes), weir_bytes_text(before, r->bytes_in),
             r->bits_per_weight);
    if (r->n_resumed_bytes > 0)
        weir_say("%s of it were taken over from an interrupted run",
                 weir_bytes_text(bytes, r->n_resumed_bytes));
    const weir_quality *q = &r->quality;
    if (q->n_tokens > 0)
        weir_say("on %llu tokens: KL %.5f, 99.9 %% below %.4f, same first token %.2f %%, "
                 "perplexity %.4f against %.4f",
                 (unsigned long long)q->n_tokens, q->kl_mean, q->kl_p999, 100 * q->top1,
                 q->perplexity, q->perplexity_base);
}

/* ---- the work ------------------------------------------------------------------------------- */

typedef struct measurement {
    const quantize_values *values;
    const char *in;
} measurement;

static weir_status measure(void *context, const char *path, weir_quality *quality,
                           weir_error *err) {
    const measurement *m = context;
    weir_quality_settings settings = {
        .base = m->values->base != NULL ? m->values->base : m->in,
        .model = path,
        .data = m->values->data,
        .max_tokens = m->values->measure_tokens,
        .n_threads = m->values->n_threads,
        .progress = weir_console_progress(),
    };
    return weir_quality_measure(quality, &settings, err);
}

/* What would only show after all the work. */
static weir_status check_measurement(const quantize_values *v, weir_error *err) {
    const char *missing = NULL;
    if (v->data == NULL)
        return WEIR_STATUS_OK;
    if (strncmp(v->data, "gen:", 4) != 0 && !weir_path_exists(v->data))
        missing = v->data;
    else if (v->base != NULL && !weir_path_exists(v->base))
        missing = v->base;
    return missing == NULL ? WEIR_STATUS_OK
                           : weir_fail(err, WEIR_STATUS_IO, "%s: is not there", missing);
}

/* OUT.part after Ctrl-C, if there is one. */
static weir_status say_kept(const char *out, weir_status status, weir_error *err) {
    size_t n = strlen(out) + sizeof ".part";
    char *part = malloc(n);
    if (status == WEIR_STATUS_CANCELLED && part != NULL) {
        snprintf(part, n, "%s.part", out);
        if (weir_path_exists(part))
            weir_fail(err, status, "interrupted; %s is kept, and the same command goes on from it",
                      part);
    }
    free(part);
    return status;
}

static weir_status quantize(const char *in, const char *out, const char *type,
                            const quantize_values *v, weir_error *err) {
    told_list told = {0};
    measurement m = {v, in};
    weir_quantize_options o = {
        .type = type,
        .rules = v->rules.item,
        .n_rules = v->rules.n,
        .imatrix = v->imatrix,
        .target_bytes = v->target_bytes,
        .allow_requantize = v->allow_requantize,
        .overwrite = v->overwrite,
        .no_resume = v->no_resume,
        .dry_run = v->dry_run,
        .n_threads = v->n_threads,
        .progress = weir_console_progress(),
        .tell = v->dry_run || v->as_json ? keep_told : NULL,
        .tell_context = &told,
        .measure = v->data != NULL ? measure : NULL,
        .measure_context = &m,
    };
    weir_quantize_report report;
    weir_status status = check_measurement(v, err);
    if (status == WEIR_STATUS_OK)
        status = weir_quantize(in, out, &o, &report, err);
    if (status == WEIR_STATUS_OK && told.is_short)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the table of tensors");
    if (status == WEIR_STATUS_OK) {
        if (v->as_json)
            status = print_json(in, v->dry_run ? NULL : out, &told, &report, err);
        else if (v->dry_run)
            print_plan(&told, &report);
        else
            say_result(out, &report);
        say_notes(&report);
    } else if (out != NULL) {
        status = say_kept(out, status, err);
    }
    free_told(&told);
    return status;
}

/* IN OUT TYPE; TYPE is not there with --target-size, OUT need not be with --dry-run. */
static bool find_operands(const weir_parsed *parsed, const char **out, const char **type) {
    const quantize_values *v = parsed->values;
    bool has_size = weir_option_given(parsed, "target-size");
    size_t n = parsed->n_operands, n_type = has_size ? 0 : 1;
    *out = n == 2 + n_type ? parsed->operands[1] : NULL;
    *type = has_size ? NULL : parsed->operands[n - 1];
    return n == 2 + n_type || (n == 1 + n_type && v->dry_run);
}

static int run(const weir_parsed *parsed) {
    const quantize_values *v = parsed->values;
    weir_error err = {0};
    const char *out, *type;
    if (weir_option_given_zero(parsed, "target-size")) {
        weir_say("weir quantize: --target-size: expected more than 0 bytes");
        return WEIR_EXIT_USAGE;
    }
    if (!find_operands(parsed, &out, &type)) {
        weir_say("weir quantize: expected IN OUT TYPE, or IN OUT with --target-size");
        return WEIR_EXIT_USAGE;
    }
    if (v->data == NULL && (v->base != NULL || weir_option_given(parsed, "measure-tokens"))) {
        weir_say("weir quantize: --%s is for --measure DATA",
                 v->base != NULL ? "measure-base" : "measure-tokens");
        return WEIR_EXIT_USAGE;
    }
    if (v->data != NULL && v->dry_run) {
        weir_say("weir quantize: --measure is about the file that --dry-run does not write");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    char *in = NULL;
    weir_status status = weir_find_model(parsed->operands[0], &in, &err);
    if (status == WEIR_STATUS_OK)
        status = quantize(in, out, type, v, &err);
    free(in);
    if (out == NULL)
        return weir_tell_failure("quantize", status, &err);
    return weir_tell_output_failure("quantize", status, &err, out, v->overwrite);
}

const weir_verb weir_verb_quantize = {
    .name = "quantize",
    .summary = "Makes a model smaller: its matrices in formats of fewer bits",
    .operands = "IN OUT [TYPE]",
    .n_operands_min = 1,
    .n_operands_max = 3,
    .details =
        "IN is a GGUF file, a Hugging Face folder, or the name of an installed model.\n"
        "TYPE: q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k_s q3_k_m q3_k_l q4_k_s q4_k_m q5_k_s q5_k_m\n"
        "q6_k iq4_nl iq4_xs mxfp4 mxfp4_moe f16 bf16 f32; q3_k, q4_k, q5_k are their _m.\n"
        "Norms, router, expert bias and convolution taps stay f32 in all of them.\n"
        "OUT appears whole or not at all. After a crash the same command goes on where it was.\n"
        "\n"
        "  weir quantize LFM2-8B-A1B/ lfm2-8b-q4_k_m.gguf q4_k_m --imatrix chats.imatrix.gguf\n"
        "  weir quantize lfm2-24b-bf16.gguf lfm2-24b-12gb.gguf --target-size 12GB\n"
        "  weir quantize in.gguf out.gguf q4_k_m --tensor 'blk.*.ffn_down_exps=q6_k'\n"
        "  weir quantize --dry-run in.gguf q5_k_m\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(quantize_values),
    .run = run,
};
