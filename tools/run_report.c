/* run_report.c: what a run takes from its command line for the engine and the sampler, and what
 * --stats tells about them. Keeps nothing between calls. */
#include "base/error.h"
#include "console.h"
#include "engine_shape.h"
#include "ram_room.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

weir_status weir_run_lookup(uint32_t *most, const weir_run_values *values, weir_error *err) {
    return weir_shape_lookup(most, values->lookup, err);
}

weir_engine_options weir_run_engine(const weir_run_values *values) {
    uint32_t n_lookup; /* checked with the command line */
    weir_run_lookup(&n_lookup, values, NULL);
    weir_engine_options options = {
        .device = values->device,
        .isa = values->isa,
        .kv_type = values->kv_type,
        .activations = values->activations,
        .n_threads = values->n_threads,
        .n_ctx = values->n_ctx,
        .max_bytes = values->max_bytes,
        .no_map = values->no_map,
        .no_pin = values->no_pin,
        .progress = weir_console_progress(),
    };
    weir_shape_for_run(&options, n_lookup);
    return options;
}

static void take_sampling(weir_sampling *out, const weir_parsed *parsed) {
    const weir_run_values *values = parsed->values;
    const weir_sampling *given = &values->sampling;
    if (weir_option_given(parsed, "temperature"))
        out->temperature = given->temperature;
    if (weir_option_given(parsed, "top-k"))
        out->top_k = given->top_k;
    if (weir_option_given(parsed, "top-p"))
        out->top_p = given->top_p;
    if (weir_option_given(parsed, "min-p"))
        out->min_p = given->min_p;
    if (weir_option_given(parsed, "repetition-penalty"))
        out->repetition_penalty = given->repetition_penalty;
    if (weir_option_given(parsed, "repeat-last-n"))
        out->repeat_last_n = given->repeat_last_n;
    if (weir_option_given(parsed, "presence-penalty"))
        out->presence_penalty = given->presence_penalty;
    if (weir_option_given(parsed, "frequency-penalty"))
        out->frequency_penalty = given->frequency_penalty;
    if (weir_option_given(parsed, "seed"))
        out->seed = given->seed;
    out->bias = values->bias.item;
    out->n_bias = values->bias.n;
}

weir_status weir_run_change_settings(weir_settings *out, const weir_parsed *parsed,
                                     weir_error *err) {
    const weir_run_values *values = parsed->values;
    take_sampling(&out->sampling, parsed);
    out->has_seed = out->has_seed || weir_option_given(parsed, "seed");
    out->ignore_eos = out->ignore_eos || values->ignore_eos;
    if (weir_option_given(parsed, "max-tokens"))
        out->max_tokens = values->max_tokens;
    if (weir_option_given(parsed, "think-budget"))
        out->think_budget = values->think_budget;
    if (weir_option_given(parsed, "tool-rounds"))
        out->tool_rounds = values->tool_rounds;
    if (values->think)
        WEIR_TRY(weir_settings_set(out, "think", values->think, err));
    if (values->stop.n > 0)
        WEIR_TRY(weir_settings_set(out, "stop", "", err));
    for (size_t i = 0; i < values->stop.n; i++) {
        if (!values->stop.item[i][0])
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--stop: expected a text that is not empty");
        WEIR_TRY(weir_settings_set(out, "stop", values->stop.item[i], err));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_run_settings(weir_settings *out, const weir_model *model,
                              const weir_parsed *parsed, const char **source, weir_error *err) {
    weir_settings_default(out, model, source);
    WEIR_TRY(weir_run_change_settings(out, parsed, err));
    if (!model)
        return weir_settings_check(out, err);
    weir_model_info info;
    weir_model_get_info(model, &info);
    return weir_sampling_check(&out->sampling, info.n_vocab, err);
}

void weir_run_say_model(const weir_engine *engine, const weir_sampling *sampling,
                        const char *source, double load_s) {
    weir_model_info info;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_model_get_info(weir_engine_model(engine), &info);
    weir_say("model      %s, %s, %s, %s", info.arch, info.file_type,
             weir_bytes_text(bytes, info.weight_bytes), weir_engine_describe(engine));
    weir_say("sampling   temperature %g, top-k %u, top-p %g, min-p %g, repetition penalty %g, "
             "repeat-last-n %u, presence %g, frequency %g (defaults: %s)",
             (double)sampling->temperature, sampling->top_k, (double)sampling->top_p,
             (double)sampling->min_p, (double)sampling->repetition_penalty, sampling->repeat_last_n,
             (double)sampling->presence_penalty, (double)sampling->frequency_penalty,
             source ? source : "neutral");
    weir_say("loaded     in %.2f s, %.2f GB/s", load_s,
             load_s > 0 ? (double)info.weight_bytes * 1e-9 / load_s : 0.0);
}

void weir_run_say_speed(const char *what, size_t n_tokens, double seconds) {
    if (seconds > 0)
        weir_say("%s %zu tokens in %.3f s, %.1f tok/s", what, n_tokens, seconds,
                 (double)n_tokens / seconds);
    else
        weir_say("%s %zu tokens", what, n_tokens);
}

void weir_run_say_generated(size_t n_tokens, double seconds, uint64_t n_drafts, uint64_t n_taken) {
    char drafts[80] = "";
    if (n_drafts > 0)
        snprintf(drafts, sizeof drafts, ", lookup: %llu of %llu drafts taken",
                 (unsigned long long)n_taken, (unsigned long long)n_drafts);
    if (seconds > 0)
        weir_say("generated  %zu tokens in %.3f s, %.1f tok/s%s", n_tokens, seconds,
                 (double)n_tokens / seconds, drafts);
    else
        weir_say("generated  %zu tokens%s", n_tokens, drafts);
}

void weir_run_say_memory(const weir_engine *engine) {
    weir_plan plan;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_ram_say_stats(engine);
    weir_engine_memory(engine, &plan);
    for (size_t i = 0; i < plan.n_items; i++)
        weir_say("memory     %-16s %s", plan.item[i].what,
                 weir_bytes_text(bytes, plan.item[i].bytes));
    weir_say("memory     %-16s %s", "total", weir_bytes_text(bytes, plan.total_bytes));
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        weir_say("memory     %-16s %s", "peak",
                 weir_bytes_text(bytes, (uint64_t)usage.ru_maxrss * 1024));
}
