/*
 * verb_eval_kl.c: `weir eval kl`: what a model lost against its base. The work is eval_kl's; this
 * is its command line and its table.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "eval_kl.h"
#include "eval_logits.h"
#include "interrupt.h"
#include "model_lookup.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct kl_values {
    uint32_t n_ctx, n_stride, n_threads;
    uint64_t max_tokens, gen_n, gen_seed;
    const char *split, *manifest, *kv_type, *activations, *device, *isa, *out, *journal;
    bool assistant_only, held_out, shows_layers, resumes, overwrite, as_json;
} kl_values;

#define AT(field) offsetof(kl_values, field)

static const weir_option options[] = {
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of one window; default: as the logits were saved, else 2048\nor what the models have "
     "if that is less"},
    {"stride", 0, WEIR_OPTION_U32, AT(n_stride), "N",
     "tokens from one window to the next; default: half a window"},
    {"max-tokens", 0, WEIR_OPTION_U64, AT(max_tokens), "N", "stop after so many scored tokens"},
    {"assistant-only", 0, WEIR_OPTION_FLAG, AT(assistant_only), NULL,
     "of conversations, score what the assistant says"},
    {"layers", 0, WEIR_OPTION_FLAG, AT(shows_layers), NULL,
     "the agreement of chosen experts of each layer too"},
    {"split", 0, WEIR_OPTION_STRING, AT(split), "NAME", "only rows whose \"split\" is NAME"},
    {"manifest", 0, WEIR_OPTION_STRING, AT(manifest), "FILE.json",
     "with --split of a .txt: a JSON list of one object a document,\nin their order, whose "
     "\"split\" counts"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values of both are kept; default: f32"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.json",
     "keep the result with its windows, for weir eval diff"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace --output if it exists"},
    {"journal", 0, WEIR_OPTION_STRING, AT(journal), "FILE.jsonl",
     "keep each window as soon as it is finished"},
    {"resume", 0, WEIR_OPTION_FLAG, AT(resumes), NULL, "go on with the journal, if it is there"},
    {"generated samples (gen:KIND)", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"n", 'n', WEIR_OPTION_U64, AT(gen_n), "N", "how many; default: 500"},
    {"seed", 0, WEIR_OPTION_U64, AT(gen_seed), "N", "another seed, other samples; default: 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names and values that are never trained on"},
};

#undef AT

/* ---- the table ------------------------------------------------------------------------------ */

static double value_of(const weir_eval_result *r, const char *name) {
    const weir_eval_metric *metric = weir_eval_result_find(r, name);
    return metric ? metric->value : NAN;
}

static void print_share(const weir_eval_result *r, const char *label, const char *name) {
    const weir_eval_metric *metric = weir_eval_result_find(r, name);
    if (!metric)
        return;
    printf("%-22s %.3f %%", label, 100 * metric->value);
    if (isfinite(metric->error))
        printf(" +- %.3f", 100 * metric->error);
    putchar('\n');
}

static void print_divergence(const weir_eval_result *r) {
    const weir_eval_metric *kl = weir_eval_result_find(r, "kl_mean");
    const weir_eval_metric *most = weir_eval_result_find(r, "kl_mean_most");
    printf("%-22s %.6f", "KL mean (nats/token)", kl->value);
    if (isfinite(kl->error))
        printf(" +- %.6f", kl->error);
    if (most)
        printf("   at most %.6f: the saved logits leave out %.2f %% of the base", most->value,
               100 * value_of(r, "rest"));
    printf("\n%-22s %.6f\n", "KL median", value_of(r, "kl_median"));
    printf("%-22s %.5f   %.5f   %.5f   %.5f\n", "KL 90, 95, 99, 99.9 %", value_of(r, "kl_p90"),
           value_of(r, "kl_p95"), value_of(r, "kl_p99"), value_of(r, "kl_p999"));
    printf("%-22s %.5f\n", "KL largest", value_of(r, "kl_max"));
}

static void print_perplexity(const weir_eval_result *r) {
    const weir_eval_metric *ratio = weir_eval_result_find(r, "perplexity_ratio");
    printf("%-22s %.4f, of the base %.4f, ratio %.5f", "perplexity", value_of(r, "perplexity"),
           value_of(r, "perplexity_base"), ratio->value);
    if (isfinite(ratio->error))
        printf(" +- %.5f", ratio->error);
    putchar('\n');
}

static void print_layers(const weir_eval_result *r) {
    const json_t *layers = json_object_get(r->details, "layers");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        printf("  layer %-14d %.3f %%\n", (int)json_integer_value(json_object_get(layer, "layer")),
               100 * json_number_value(json_object_get(layer, "experts")));
    }
}

static void print_text(const weir_eval_result *r, bool shows_layers) {
    json_int_t n = json_integer_value(json_object_get(r->details, "tokens"));
    printf("%lld tokens, windows of %d, %d apart\n", (long long)n,
           (int)json_integer_value(json_object_get(r->settings, "ctx")),
           (int)json_integer_value(json_object_get(r->settings, "stride")));
    print_divergence(r);
    print_share(r, "same first token", "top1");
    print_share(r, "among the first five", "top5");
    print_share(r, "RMS off in p(token)", "rms_dp");
    print_perplexity(r);
    print_share(r, "same experts", "experts");
    if (shows_layers)
        print_layers(r);
}

/* ---- the verb ------------------------------------------------------------------------------- */

static weir_status find_base(const char *name, char **path, weir_error *err) {
    if (!weir_eval_logits_is(name))
        return weir_find_model(name, path, err);
    *path = strdup(name);
    return *path ? WEIR_STATUS_OK : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
}

static weir_status compare(const weir_parsed *parsed, const char *base, const char *model,
                           weir_eval_result *result, weir_error *err) {
    const kl_values *v = parsed->values;
    weir_progress progress = weir_console_progress();
    weir_eval_kl_options o = {.base = base,
                              .model = model,
                              .text = {.data = parsed->operands[2],
                                       .split = v->split,
                                       .manifest = v->manifest,
                                       .assistant_only = v->assistant_only,
                                       .gen_n = v->gen_n,
                                       .gen_seed = v->gen_seed,
                                       .gen_held_out = v->held_out,
                                       .max_tokens = v->max_tokens,
                                       .n_ctx = v->n_ctx,
                                       .n_stride = v->n_stride,
                                       .n_threads = v->n_threads,
                                       .progress = progress},
                              .side = {.device = v->device,
                                       .isa = v->isa,
                                       .kv_type = v->kv_type,
                                       .activations = v->activations,
                                       .n_threads = v->n_threads,
                                       .progress = progress},
                              .journal = v->journal,
                              .resumes = v->resumes};
    WEIR_TRY(weir_eval_kl_run(result, &o, err));
    if (v->out)
        WEIR_TRY(weir_eval_result_write(result, v->out, err));
    if (v->as_json)
        return weir_eval_result_print(result, err);
    print_text(result, v->shows_layers);
    return WEIR_STATUS_OK;
}

static weir_status evaluate(const weir_parsed *parsed, weir_error *err) {
    const kl_values *v = parsed->values;
    weir_eval_result result = {0};
    char *base = NULL, *model = NULL;
    weir_status status;
    WEIR_TRY_GOTO(weir_eval_result_may_write(v->out, v->overwrite, err));
    WEIR_TRY_GOTO(find_base(parsed->operands[0], &base, err));
    WEIR_TRY_GOTO(weir_find_model(parsed->operands[1], &model, err));
    WEIR_TRY_GOTO(compare(parsed, base, model, &result, err));
fail:
    weir_eval_result_free(&result);
    free(base);
    free(model);
    return status;
}

static bool is_usable(const weir_parsed *parsed) {
    static const char *const of_samples[] = {"n", "seed", "held-out"};
    static const char *const counts[] = {"ctx", "stride", "max-tokens", "n"};
    const kl_values *v = parsed->values;
    for (size_t i = 0; i < WEIR_COUNT(counts); i++)
        if (weir_option_given_zero(parsed, counts[i])) {
            weir_say("weir eval kl: --%s: expected 1 at least", counts[i]);
            return false;
        }
    for (size_t i = 0; i < WEIR_COUNT(of_samples); i++)
        if (weir_option_given(parsed, of_samples[i]) &&
            !weir_eval_text_is_generated(parsed->operands[2])) {
            weir_say("weir eval kl: --%s is for generated samples, gen:KIND, got '%s'",
                     of_samples[i], parsed->operands[2]);
            return false;
        }
    if (v->overwrite && !v->out) {
        weir_say("weir eval kl: --force is for --output");
        return false;
    }
    if (v->resumes && !v->journal) {
        weir_say("weir eval kl: --resume is for --journal");
        return false;
    }
    return true;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    if (!is_usable(parsed))
        return WEIR_EXIT_USAGE;
    weir_interrupt_with_care(NULL);
    weir_status status = evaluate(parsed, &err);
    if (weir_interrupted() && status != WEIR_STATUS_OK)
        status =
            weir_fail(&err, WEIR_STATUS_CANCELLED, "interrupted%s",
                      ((const kl_values *)parsed->values)->journal ? "; --resume goes on" : "");
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE : weir_tell_failure("eval kl", status, &err);
}

const weir_verb weir_verb_eval_kl = {
    .name = "eval kl",
    .summary = "What a model lost against its base",
    .operands = "BASE MODEL DATA",
    .n_operands_min = 3,
    .n_operands_max = 3,
    .details =
        "BASE is a model, or logits that weir eval ppl --save-logits has saved from it: then the\n"
        "two need not fit into memory at once. DATA is as for weir eval ppl. KL is KL(BASE ||\n"
        "MODEL); errors are those of means over windows. docs/eval.md has all definitions.\n"
        "\n"
        "  weir eval kl lfm2-bf16.gguf lfm2-q4_k_m.gguf text.txt --layers\n"
        "  weir eval kl base.logits lfm2-q4_k_m.gguf text.txt --journal run.jsonl --resume\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(kl_values),
    .run = run,
};
