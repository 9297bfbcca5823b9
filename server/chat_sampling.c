/*
 * chat_sampling.c: how an answer is drawn and where it ends, out of a request into a job.
 *
 * Owns the names under which clients ask for these things, and the list of those that are known
 * elsewhere and cannot be had here. Invariant: what is read is honoured, and what cannot be
 * honoured is refused by name: nothing is dropped in silence.
 */
#include "chat_request.h"
#include "request_members.h"
#include "wishes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STOP_TOKENS = 1024, MAX_BIASES = 65536, MAX_CHOICES = 1024, MAX_BIAS = 1000 };

/* ---- numbers ------------------------------------------------------------------------------ */

typedef struct float_field {
    const char *name;
    size_t offset; /* in weir_sampling */
    double least, most;
} float_field;

#define AT(field) offsetof(weir_sampling, field)

/* Both spellings of the repetition penalty are in use. */
static const float_field float_fields[] = {
    {"temperature", AT(temperature), 0, 1000},
    {"top_p", AT(top_p), 0, 1},
    {"min_p", AT(min_p), 0, 1},
    {"repetition_penalty", AT(repetition_penalty), 0.01, 100},
    {"repeat_penalty", AT(repetition_penalty), 0.01, 100},
    {"presence_penalty", AT(presence_penalty), -100, 100},
    {"frequency_penalty", AT(frequency_penalty), -100, 100},
};

#undef AT

static void read_floats(weir_request *request, weir_sampling *sampling) {
    for (size_t i = 0; i < WEIR_COUNT(float_fields); i++) {
        const float_field *f = &float_fields[i];
        double value;
        if (weir_request_number(request, request->root, "", f->name, f->least, f->most, &value))
            *(float *)((char *)sampling + f->offset) = (float)value;
    }
}

static void read_counts(weir_request *request, weir_sampling *sampling) {
    int64_t value;
    if (weir_request_integer(request, request->root, "", "top_k", -1, UINT32_MAX, &value))
        sampling->top_k = value < 0 ? 0 : (uint32_t)value;
    /* Elsewhere 0 takes the penalty away, in weir's own settings it means all tokens: neither is
     * guessed. */
    if (weir_request_integer(request, request->root, "", "repeat_last_n", -1, UINT32_MAX, &value)) {
        if (value == 0)
            weir_request_fail(request, "repeat_last_n", "invalid_value",
                              "repeat_last_n: expected how many tokens the penalty sees, or -1 for "
                              "all; repetition_penalty 1 takes it away");
        sampling->repeat_last_n = value < 0 ? 0 : (uint32_t)value;
    }
}

/* -1 is how some clients ask for a seed that is drawn. One that is drawn here goes back in the
 * reply and may come again in a request, so that it has no more bits than every JSON reader keeps.
 */
static void read_seed(weir_request *request, weir_settings *settings) {
    enum { DROPPED_BITS = 64 - 53 };
    int64_t seed;
    if (weir_request_integer(request, request->root, "", "seed", -1, INT64_MAX, &seed)) {
        settings->has_seed = seed >= 0;
        settings->sampling.seed = (uint64_t)seed;
    }
    if (!settings->has_seed) {
        settings->has_seed = true;
        settings->sampling.seed = weir_seed_random() >> DROPPED_BITS;
    }
}

/* ---- tokens ------------------------------------------------------------------------------- */

static bool is_token(const weir_service *service, int64_t id) {
    return id >= 0 && (uint64_t)id < service->host->tokens.n_tokens;
}

static bool read_token_id(const char *text, int64_t *id) {
    char *end;
    *id = strtoll(text, &end, 10);
    return end != text && *end == 0;
}

/* {"123": -100, ...} */
static void read_bias(weir_request *request, const weir_service *service, weir_job *job) {
    json_t *biases = weir_request_value(request, request->root, "", "logit_bias");
    size_t n = json_object_size(biases);
    if (biases && !json_is_object(biases))
        weir_request_fail(request, "logit_bias", "invalid_type",
                          "logit_bias: expected an object of token ids and numbers");
    if (n > MAX_BIASES)
        weir_request_fail(request, "logit_bias", "invalid_value",
                          "logit_bias: expected %d tokens at most, got %zu", MAX_BIASES, n);
    if (n == 0 || weir_request_is_bad(request))
        return;
    job->bias = calloc(n, sizeof *job->bias);
    if (!job->bias) {
        weir_request_no_memory(request, "logit_bias");
        return;
    }
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach(biases, key, value) {
        int64_t id;
        double bias = json_number_value(value);
        if (!read_token_id(key, &id) || !is_token(service, id))
            weir_request_fail(request, "logit_bias", "invalid_value",
                              "logit_bias: '%.40s' is no token; expected ids below %zu", key,
                              service->host->tokens.n_tokens);
        else if (!json_is_number(value) || !(fabs(bias) <= MAX_BIAS))
            weir_request_fail(request, "logit_bias", "invalid_value",
                              "logit_bias: expected a number from %d to %d for token %s", -MAX_BIAS,
                              MAX_BIAS, key);
        else
            job->bias[i++] = (weir_logit_bias){.token = (int32_t)id, .bias = (float)bias};
    }
    job->settings.sampling.bias = job->bias;
    job->settings.sampling.n_bias = i;
}

static void read_stop_tokens(weir_request *request, const weir_service *service, weir_job *job) {
    json_t *ids = weir_request_value(request, request->root, "", "stop_token_ids");
    size_t n = json_array_size(ids), i;
    if (ids && (!json_is_array(ids) || n > MAX_STOP_TOKENS))
        weir_request_fail(request, "stop_token_ids", "invalid_type",
                          "stop_token_ids: expected a list of %d ids at most", MAX_STOP_TOKENS);
    if (n == 0 || weir_request_is_bad(request))
        return;
    job->stop_tokens = calloc(n, sizeof *job->stop_tokens);
    if (!job->stop_tokens) {
        weir_request_no_memory(request, "stop_token_ids");
        return;
    }
    json_t *value;
    json_array_foreach(ids, i, value) {
        int64_t id = -1;
        if (!weir_json_integer(value, &id) || !is_token(service, id))
            weir_request_fail(request, "stop_token_ids", "invalid_value",
                              "stop_token_ids[%zu]: expected a token id below %zu", i,
                              service->host->tokens.n_tokens);
        job->stop_tokens[job->n_stop_tokens++] = (int32_t)id;
    }
}

/* ---- the end of an answer ----------------------------------------------------------------- */

static void add_stop(weir_request *request, const json_t *stop, weir_settings *settings) {
    weir_error err = {0};
    const char *text = json_string_value(stop);
    if (!text || !text[0] || strlen(text) != json_string_length(stop))
        weir_request_fail(request, "stop", "invalid_value",
                          "stop: expected a text that is not empty, or a list of such");
    else
        weir_request_take(request, "stop", "invalid_value",
                          weir_settings_set(settings, "stop", text, &err), &err);
}

static void read_stops(weir_request *request, weir_settings *settings) {
    json_t *stop = weir_request_value(request, request->root, "", "stop");
    if (!stop)
        return;
    if (!json_is_array(stop)) {
        add_stop(request, stop, settings);
        return;
    }
    size_t i;
    json_t *item;
    json_array_foreach(stop, i, item) {
        add_stop(request, item, settings);
    }
}

/* -1 is how some clients ask for no limit. */
static void read_limits(weir_request *request, weir_job *job) {
    static const char *const names[] = {"max_tokens", "max_completion_tokens"};
    int64_t value, first = -2;
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        if (!weir_request_integer(request, request->root, "", names[i], -1, UINT32_MAX - 1, &value))
            continue;
        if (first != -2 && first != value)
            weir_request_fail(request, names[i], "invalid_value",
                              "%s: it says %lld where %s says %lld", names[i], (long long)value,
                              names[0], (long long)first);
        first = value;
        job->settings.max_tokens = value < 0 ? WEIR_NO_LIMIT : (uint32_t)value;
    }
    if (weir_request_integer(request, request->root, "", "min_tokens", 0, UINT32_MAX - 1, &value))
        job->min_tokens = (uint32_t)value;
    if (job->min_tokens > job->settings.max_tokens)
        weir_request_fail(request, "min_tokens", "invalid_value",
                          "min_tokens: %u is more than max_tokens, %u", job->min_tokens,
                          job->settings.max_tokens);
    weir_request_bool(request, request->root, "", "ignore_eos", &job->settings.ignore_eos);
}

static void read_choices(weir_request *request, weir_job *job) {
    int64_t value;
    job->n_choices = 1;
    if (weir_request_integer(request, request->root, "", "n", 1, MAX_CHOICES, &value))
        job->n_choices = (uint32_t)value;
    if (weir_request_integer(request, request->root, "", "priority", INT32_MIN, INT32_MAX, &value))
        job->priority = (int32_t)value;
}

/* ---- what is known elsewhere -------------------------------------------------------------- */

static void refuse_others(weir_request *request) {
    static const struct {
        const char *name, *harmless, *why;
    } known[] = {
        {"typical_p", "1", "use top_p or min_p"},
        {"typ_p", "1", "use top_p or min_p"},
        {"tfs_z", "1", "use top_p or min_p"},
        {"top_a", "0", "use min_p"},
        {"top_n_sigma", "-1", "use min_p"},
        {"xtc_probability", "0", "there is no such sampler here"},
        {"dry_multiplier", "0", "use repetition_penalty"},
        {"mirostat", "0", "there is no such sampler here"},
        {"dynatemp_range", "0", "the temperature stays the same in an answer"},
        {"smoothing_factor", "0", "there is no such sampler here"},
        {"samplers", NULL, "the order of samplers is fixed"},
        {"sampler_order", NULL, "the order of samplers is fixed"},
        {"logits_processors", NULL, "no code of clients is run"},
        {"use_beam_search", "false", "there is no beam search"},
        {"length_penalty", "1", "there is no beam search"},
        {"early_stopping", "false", "there is no beam search"},
        {"bad_words", "[]", "use logit_bias"},
        {"allowed_token_ids", "[]", "use a grammar, choice or logit_bias"},
        {"truncate_prompt_tokens", NULL, "nothing is cut from prompts"},
        {"include_stop_str_in_output", "false", "stop texts are never shown"},
        {"skip_special_tokens", "true", "control tokens are no text"},
        {"n_probs", "0", "use logprobs"},
        {"t_max_predict_ms", "-1", "use max_tokens"},
        {"lora", "[]", "name the adapter as model"},
        {"lora_request", NULL, "name the adapter as model"},
        {"structural_tag", NULL, "use tools or a grammar"},
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        weir_request_refuse(request, known[i].name, known[i].harmless, known[i].why);
}

/* {"name": "text", ..}: what clients write on a request for themselves. */
static void check_metadata(weir_request *request) {
    static const char at[] = "metadata";
    json_t *metadata = weir_request_object(request, request->root, "", at), *value;
    const char *name;
    json_object_foreach(metadata, name, value) {
        char path[WEIR_REQUEST_PATH];
        weir_request_path(path, at, name);
        if (!json_is_string(value) && !json_is_null(value))
            weir_request_fail(request, path, "invalid_type", "%s: expected a text", path);
    }
}

/* What is not about the answer. What is only passed along has no effect by its nature, but a form
 * that its API knows; what would have one elsewhere is told. */
static void read_company(weir_request *request) {
    static const char *const notes[] = {"user", "safety_identifier", "prompt_cache_key",
                                        "prompt_cache_retention"};
    const char *text;
    size_t n;
    for (size_t i = 0; i < WEIR_COUNT(notes); i++)
        weir_request_string(request, request->root, "", notes[i], &text, &n);
    check_metadata(request);
    weir_request_forgo(request, "service_tier", "[\"auto\", \"default\", \"standard_only\"]",
                       "all requests are served alike; priority is a number");
    weir_request_forgo(request, "cache_prompt", "[true]",
                       "beginnings are reused wherever they are known, and change no answer");
}

void weir_read_sampling(weir_request *request, const weir_service *service, weir_job *job) {
    weir_error err = {0};
    weir_request_take(request, NULL, NULL,
                      weir_settings_copy(&job->settings, &service->defaults, &err), &err);
    read_floats(request, &job->settings.sampling);
    read_counts(request, &job->settings.sampling);
    read_seed(request, &job->settings);
    read_bias(request, service, job);
    read_stop_tokens(request, service, job);
    read_stops(request, &job->settings);
    read_limits(request, job);
    read_choices(request, job);
    refuse_others(request);
    read_company(request);
}
