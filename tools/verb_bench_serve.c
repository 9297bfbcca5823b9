/*
 * verb_bench_serve.c: `weir bench serve`: loads a server with requests and tells how it answers.
 *
 * Owns the order of a test: which model, how long a word is in tokens, warm-up, measurement,
 * results. load_plan.c says what is asked, load_client.c asks it, load_report.c counts.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "load_report.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct serve_load_values {
    const char *url, *socket, *api, *model, *key, *key_file;
    uint32_t concurrency, n_warmups, n_prefix, n_groups;
    float rate, burstiness, max_seconds, timeout, abort_share, slow_share, slow_rate;
    uint64_t n_requests, seed;
    const char *mix, *input_tokens, *output_tokens, *token_ids, *body;
    bool is_shy, ignores_eos, sends_seeds, counts_words;
    weir_string_list goals;
    const char *json, *csv;
    bool overwrite, allows_errors;
} serve_load_values;

#define AT(field) offsetof(serve_load_values, field)

static const weir_option options[] = {
    {"url", 'u', WEIR_OPTION_STRING, AT(url), "URL",
     "http://HOST:PORT of the server; default: http://127.0.0.1:8080"},
    {"socket", 0, WEIR_OPTION_STRING, AT(socket), "FILE", "a Unix socket to connect to instead"},
    {"api", 0, WEIR_OPTION_CHOICE, AT(api), "chat|completions", "default: chat"},
    {"model", 'm', WEIR_OPTION_STRING, AT(model), "NAME",
     "that requests name; default: the first of /v1/models"},
    {"key", 0, WEIR_OPTION_STRING, AT(key), "KEY",
     "API key; other users of the machine can see it"},
    {"key-file", 0, WEIR_OPTION_STRING, AT(key_file), "FILE", "the API key on its first line"},
    {"how many, how fast", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"concurrency", 'c', WEIR_OPTION_U32, AT(concurrency), "N",
     "so many clients, each asking anew when it is answered; default: 8;\n"
     "with --rate: requests under way at most; default: 1024"},
    {"rate", 'r', WEIR_OPTION_FLOAT, AT(rate), "N",
     "requests arrive by chance, N a second, answered or not"},
    {"burstiness", 0, WEIR_OPTION_FLOAT, AT(burstiness), "N",
     "shape of the gamma distribution between arrivals; default: 1, a\n"
     "Poisson process; less: denser bursts, more: more even"},
    {"requests", 'n', WEIR_OPTION_U64, AT(n_requests), "N",
     "default: 100, or as many as --time holds"},
    {"time", 0, WEIR_OPTION_FLOAT, AT(max_seconds), "SECONDS",
     "begin none after this time; those under way are finished"},
    {"warmup", 0, WEIR_OPTION_U32, AT(n_warmups), "N",
     "requests before, which are not counted; default: 1"},
    {"timeout", 0, WEIR_OPTION_FLOAT, AT(timeout), "SECONDS",
     "give up a request after this time; default: 600; 0: never"},
    {"no-keep-alive", 0, WEIR_OPTION_FLAG, AT(is_shy), NULL, "a connection for each request"},
    {"what is asked", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"input-tokens", 0, WEIR_OPTION_STRING, AT(input_tokens), "N",
     "length of made prompts: 256, 64-512 or 256+-64; default: 256"},
    {"output-tokens", 0, WEIR_OPTION_STRING, AT(output_tokens), "N",
     "of answers at most, in the same forms; default: 128"},
    {"ignore-eos", 0, WEIR_OPTION_FLAG, AT(ignores_eos), NULL,
     "ask for answers of exactly this length"},
    {"shared-prefix", 0, WEIR_OPTION_U32, AT(n_prefix), "N",
     "tokens that prompts begin with in common, before their own"},
    {"groups", 0, WEIR_OPTION_U32, AT(n_groups), "N", "so many different prefixes; default: 1"},
    {"token-ids", 0, WEIR_OPTION_STRING, AT(token_ids), "MIN-MAX",
     "prompts of token ids from this range; --api completions alone"},
    {"mix", 0, WEIR_OPTION_STRING, AT(mix), "FILE.jsonl",
     "requests drawn from lines with messages, prompt or prompt_tokens,\n"
     "and weight, output_tokens, fields of the API"},
    {"body", 0, WEIR_OPTION_STRING, AT(body), "JSON", "a JSON object: fields for every request"},
    {"send-seeds", 0, WEIR_OPTION_FLAG, AT(sends_seeds), NULL,
     "a seed for each request, from --seed"},
    {"seed", 's', WEIR_OPTION_U64, AT(seed), "N",
     "the same seed makes the same requests at the same times; default: 0"},
    {"no-calibration", 0, WEIR_OPTION_FLAG, AT(counts_words), NULL,
     "take a word for a token, and do not ask the server first"},
    {"bad clients", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"abort", 0, WEIR_OPTION_FLOAT, AT(abort_share), "P",
     "share of clients that leave before the end: 0 to 1"},
    {"slow-readers", 0, WEIR_OPTION_FLOAT, AT(slow_share), "P",
     "share of clients that hardly read"},
    {"slow-rate", 0, WEIR_OPTION_FLOAT, AT(slow_rate), "N",
     "bytes a second that they take; default: 1024"},
    {"results", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"goodput", 0, WEIR_OPTION_STRINGS, AT(goals), "BOUNDS",
     "count requests within ttft:200,tpot:50,e2el:4000 (milliseconds)"},
    {"json", 0, WEIR_OPTION_STRING, AT(json), "FILE.json",
     "results for programs; -: on standard output, instead of the table"},
    {"csv", 0, WEIR_OPTION_STRING, AT(csv), "FILE.csv", "a line for each request; -: as above"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace these files if they exist"},
    {"allow-errors", 0, WEIR_OPTION_FLAG, AT(allows_errors), NULL,
     "failed requests are results like others, and no failure of the test"},
};

#undef AT

typedef struct load_run {
    const weir_parsed *parsed;
    const serve_load_values *values;
    weir_load_plan_options asks;
    weir_load_setting setting;
    weir_load_plan *plan;
    weir_load_client *client;
    char *key;   /* owned; NULL: none */
    char *model; /* owned; NULL: none is named */
    double gap_scale;
    weir_load_phase phase;
    weir_load_report report;
    uint64_t n_requests, n_failed; /* of the work under way */
    double max_s;
    weir_progress progress;
} load_run;

/* ---- the command line --------------------------------------------------------------------------
 */

static weir_status check_number(const load_run *r, const char *name, double value, double min,
                                double max, weir_error *err) {
    if (!weir_option_given(r->parsed, name) || (value >= min && value <= max))
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: expected a number from %g to %g, got %g",
                     name, min, max, value);
}

static weir_status check_numbers(const load_run *r, weir_error *err) {
    const serve_load_values *v = r->values;
    const double least = 1e-3, most = 1e9;
    WEIR_TRY(check_number(r, "concurrency", v->concurrency, 1, WEIR_LOAD_MOST_CONNECTIONS, err));
    WEIR_TRY(check_number(r, "rate", (double)v->rate, least, 1e6, err));
    WEIR_TRY(check_number(r, "burstiness", (double)v->burstiness, least, 1e6, err));
    WEIR_TRY(check_number(r, "requests", (double)v->n_requests, 1, most, err));
    WEIR_TRY(check_number(r, "time", (double)v->max_seconds, least, most, err));
    WEIR_TRY(check_number(r, "timeout", (double)v->timeout, 0, most, err));
    WEIR_TRY(check_number(r, "shared-prefix", v->n_prefix, 1, 1 << 24, err));
    WEIR_TRY(check_number(r, "groups", v->n_groups, 1, most, err));
    WEIR_TRY(check_number(r, "abort", (double)v->abort_share, 0, 1, err));
    WEIR_TRY(check_number(r, "slow-readers", (double)v->slow_share, 0, 1, err));
    WEIR_TRY(check_number(r, "slow-rate", (double)v->slow_rate, 1, most, err));
    if (v->abort_share + v->slow_share > 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--abort and --slow-readers: expected shares of together 1 at most");
    return WEIR_STATUS_OK;
}

/* Options that say nothing without another one. */
static weir_status check_pairs(const load_run *r, weir_error *err) {
    static const char *const pairs[][2] = {
        {"burstiness", "rate"}, {"groups", "shared-prefix"}, {"slow-rate", "slow-readers"}};
    const serve_load_values *v = r->values;
    for (size_t i = 0; i < WEIR_COUNT(pairs); i++)
        if (weir_option_given(r->parsed, pairs[i][0]) && !weir_option_given(r->parsed, pairs[i][1]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s is for --%s, which is not there",
                             pairs[i][0], pairs[i][1]);
    if (v->token_ids && (!v->api || strcmp(v->api, "completions") != 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--token-ids is for --api completions");
    if (v->key && v->key_file)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--key and --key-file exclude each other");
    if (v->url && v->socket && strncmp(v->url, "http", 4) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--url: expected http://HOST, got '%s'",
                         v->url);
    return WEIR_STATUS_OK;
}

static bool is_output(const char *path) {
    return path && strcmp(path, "-") == 0;
}

/* Now, since after the test is too late to hear of it. */
static weir_status check_files(const serve_load_values *v, weir_error *err) {
    const char *const paths[] = {v->json, v->csv};
    if (is_output(v->json) && is_output(v->csv))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--json - and --csv -: expected one of them on standard output");
    for (size_t i = 0; i < WEIR_COUNT(paths); i++)
        if (paths[i] && !is_output(paths[i]) && !v->overwrite && weir_path_exists(paths[i]))
            return weir_fail(err, WEIR_STATUS_FAILED, "%s: exists; --force replaces it", paths[i]);
    return WEIR_STATUS_OK;
}

/* What was typed, not its nearest float. */
static double as_typed(float value) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", (double)value);
    return strtod(text, NULL);
}

static weir_status read_asks(load_run *r, weir_error *err) {
    const serve_load_values *v = r->values;
    weir_load_plan_options *o = &r->asks;
    *o = (weir_load_plan_options){.mix_path = v->mix,
                                  .extra = v->body,
                                  .is_chat = !v->api || strcmp(v->api, "chat") == 0,
                                  .as_ids = v->token_ids != NULL,
                                  .n_prefix = v->n_prefix,
                                  .n_groups = v->n_groups,
                                  .ignores_eos = v->ignores_eos,
                                  .sends_seed = v->sends_seeds,
                                  .seed = v->seed,
                                  .rate = as_typed(v->rate),
                                  .burstiness = as_typed(v->burstiness),
                                  .slow_share = (double)v->slow_share,
                                  .leave_share = (double)v->abort_share};
    WEIR_TRY(weir_load_range_parse(&o->prompt_tokens, "input-tokens",
                                   v->input_tokens ? v->input_tokens : "256", 1, err));
    WEIR_TRY(weir_load_range_parse(&o->output_tokens, "output-tokens",
                                   v->output_tokens ? v->output_tokens : "128", 1, err));
    if (v->token_ids)
        WEIR_TRY(weir_load_range_parse(&o->id_range, "token-ids", v->token_ids, 0, err));
    return weir_load_plan_open(&r->plan, o, err);
}

static weir_status read_key(load_run *r, weir_error *err) {
    enum { MOST_KEY_BYTES = 4096 };
    const serve_load_values *v = r->values;
    size_t n;
    if (v->key_file) {
        WEIR_TRY(weir_file_read(v->key_file, MOST_KEY_BYTES, &r->key, &n, err));
        r->key[strcspn(r->key, "\r\n")] = 0;
    } else if (v->key) {
        r->key = weir_text_copy(v->key, strlen(v->key));
        if (!r->key)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the key");
    }
    return WEIR_STATUS_OK;
}

static weir_status read_setting(load_run *r, weir_error *err) {
    const serve_load_values *v = r->values;
    weir_load_setting *s = &r->setting;
    s->server = v->socket ? v->socket : v->url ? v->url : "http://127.0.0.1:8080";
    s->api = r->asks.is_chat ? "chat" : "completions";
    s->concurrency = v->concurrency > 0 ? v->concurrency : v->rate > 0 ? 1024 : 8;
    s->rate = r->asks.rate;
    s->burstiness = v->burstiness > 0 ? r->asks.burstiness : 1;
    s->seed = v->seed;
    s->n_warmups = weir_option_given(r->parsed, "warmup") ? v->n_warmups : 1;
    weir_load_goals_clear(&s->goals);
    for (size_t i = 0; i < v->goals.n; i++)
        WEIR_TRY(weir_load_goals_parse(&s->goals, v->goals.item[i], err));
    return WEIR_STATUS_OK;
}

static weir_status open_client(load_run *r, weir_error *err) {
    const serve_load_values *v = r->values;
    bool has_timeout = weir_option_given(r->parsed, "timeout");
    const weir_load_client_options o = {
        .url = v->url      ? v->url
               : v->socket ? "http://localhost"
                           : r->setting.server,
        .socket = v->socket,
        .key = r->key,
        .n_connections = r->setting.concurrency,
        .timeout_s = has_timeout ? (double)v->timeout : 600,
        .slow_bytes_per_s = v->slow_rate > 0 ? (double)v->slow_rate : 1024,
        .is_shy = v->is_shy,
    };
    return weir_load_client_open(&r->client, &o, err);
}

/* ---- one request by itself ---------------------------------------------------------------------
 */

/* What a question to the server is, and what came of it. */
typedef struct question {
    const load_run *run;
    const char *path; /* a GET; NULL: a probe */
    uint32_t n_words; /* of the probe */
    weir_load_fault fault;
    char message[WEIR_LOAD_MESSAGE];
    uint64_t n_prompt; /* tokens; 0: the server does not tell */
    json_t *json;      /* the answer to a GET, owned; NULL: it was no JSON */
} question;

static weir_status get_question(void *context, uint64_t i, weir_text_buffer *body,
                                weir_load_request *out, weir_error *err) {
    const question *q = context;
    *out = (weir_load_request){.number = i, .path = q->path};
    return q->path ? WEIR_STATUS_OK
                   : weir_load_plan_probe(q->run->plan, q->n_words, q->run->model, body, out, err);
}

static void end_question(void *context, const weir_load_result *result) {
    question *q = context;
    const weir_load_reply *reply = result->reply;
    q->fault = reply->fault;
    memcpy(q->message, reply->message, sizeof q->message);
    q->n_prompt = reply->has_usage ? reply->n_prompt : 0;
    if (q->path && q->fault == WEIR_LOAD_FINE && reply->body.n > 0)
        q->json = weir_json_read(reply->body.data, reply->body.n, q->path, NULL);
}

static bool is_cancelled(void *context) {
    (void)context;
    return weir_interrupted();
}

static weir_status ask(load_run *r, question *q, weir_error *err) {
    double duration_s;
    const weir_load_work work = {.context = q,
                                 .get = get_question,
                                 .on_end = end_question,
                                 .is_cancelled = is_cancelled,
                                 .n_requests = 1,
                                 .concurrency = 1};
    q->run = r;
    return weir_load_client_run(r->client, &work, &duration_s, err);
}

/* ---- before the measurement --------------------------------------------------------------------
 */

static weir_status find_model(load_run *r, weir_error *err) {
    question q = {.path = "/v1/models"};
    const char *given = r->values->model;
    if (!given && weir_load_plan_names_models(r->plan))
        return WEIR_STATUS_OK;
    if (!given)
        WEIR_TRY(ask(r, &q, err));
    const char *found = json_string_value(
        json_object_get(json_array_get(json_object_get(q.json, "data"), 0), "id"));
    const char *name = given ? given : found;
    if (!name)
        weir_fail(err, WEIR_STATUS_FAILED,
                  "/v1/models: expected the name of a model, got %s%s%s; --model names one",
                  q.fault == WEIR_LOAD_FINE ? "none" : weir_load_fault_text(q.fault),
                  q.message[0] ? ": " : "", q.message);
    else if (!(r->model = weir_text_copy(name, strlen(name))))
        weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the name of the model");
    json_decref(q.json);
    r->setting.model = r->model;
    return r->model ? WEIR_STATUS_OK : err->status;
}

/* A prompt of few words and one of about the wished length: the line through both says how many
 * words a prompt needs. Tokenizers and templates differ, so nothing else is assumed. */
static weir_status calibrate(load_run *r, weir_error *err) {
    weir_load_range range = r->asks.prompt_tokens;
    double target = ((double)range.min + (double)range.max) / 2;
    question few = {.n_words = (uint32_t)fmax(1, target / 8)}, many = {0};
    if (r->values->counts_words || !weir_load_plan_makes_words(r->plan))
        return WEIR_STATUS_OK;
    WEIR_TRY(ask(r, &few, err));
    if (few.n_prompt > 0) {
        double n = target * few.n_words / (double)few.n_prompt;
        many.n_words = few.n_words + (uint32_t)fmax(8, n - few.n_words);
        WEIR_TRY(ask(r, &many, err));
    }
    if (many.n_prompt > few.n_prompt) {
        weir_load_calibration c = {.tokens_per_word = (double)(many.n_prompt - few.n_prompt) /
                                                      (double)(many.n_words - few.n_words)};
        c.n_around = fmax(0, (double)few.n_prompt - c.tokens_per_word * few.n_words);
        weir_load_plan_calibrate(r->plan, &c);
        return WEIR_STATUS_OK;
    }
    const question *last = few.fault == WEIR_LOAD_FINE ? &many : &few;
    weir_say("weir bench serve: a word is taken for a token, since the server did not count "
             "them%s%s",
             last->message[0] ? ": " : "", last->message);
    return WEIR_STATUS_OK;
}

/* ---- the load ----------------------------------------------------------------------------------
 */

static weir_status get_request(void *context, uint64_t i, weir_text_buffer *body,
                               weir_load_request *out, weir_error *err) {
    const load_run *r = context;
    return weir_load_plan_request(r->plan, r->phase, i, r->model, body, out, err);
}

static double get_gap(void *context, uint64_t i) {
    const load_run *r = context;
    return r->gap_scale * weir_load_plan_gap(r->plan, i);
}

static void end_request(void *context, const weir_load_result *result) {
    load_run *r = context;
    r->n_failed += !result->has_left && result->reply->fault != WEIR_LOAD_FINE &&
                   result->reply->fault != WEIR_LOAD_CUT_OFF;
    weir_load_report_add(&r->report, result);
}

static void show_progress(void *context, const weir_load_state *state) {
    load_run *r = context;
    char what[64];
    double part = r->max_s > 0 ? state->elapsed_s / r->max_s : 0;
    if (!r->progress.report)
        return;
    if (r->n_requests > 0)
        part = fmax(part, (double)state->n_ended / (double)r->n_requests);
    snprintf(what, sizeof what, "%u running, %llu failed", state->n_running,
             (unsigned long long)r->n_failed);
    r->progress.report(r->progress.context, what, (uint64_t)(1000 * fmin(part, 0.999)), 1000);
}

/* One phase. n_requests, max_s: 0 where there is no such limit. */
static weir_status run_load(load_run *r, weir_load_phase phase, uint64_t n_requests, double max_s,
                            double *duration_s, weir_error *err) {
    const weir_load_work work = {.context = r,
                                 .get = get_request,
                                 .gap = phase == WEIR_LOAD_MEASURED && r->setting.rate > 0 ? get_gap
                                                                                           : NULL,
                                 .on_end = end_request,
                                 .on_tick = show_progress,
                                 .is_cancelled = is_cancelled,
                                 .n_requests = n_requests,
                                 .max_s = max_s,
                                 .concurrency = r->setting.concurrency};
    r->phase = phase;
    r->n_requests = n_requests;
    r->n_failed = 0;
    r->max_s = max_s;
    weir_load_report_free(&r->report);
    r->report.begin_s = weir_clock_s();
    weir_status status = weir_load_client_run(r->client, &work, duration_s, err);
    if (r->progress.report) /* takes the bar away */
        r->progress.report(r->progress.context, "", 1, 1);
    return status;
}

/* A server that answers none of them is not worth the rest. */
static weir_status warm_up(load_run *r, weir_error *err) {
    double duration_s;
    uint64_t n = r->setting.n_warmups;
    if (n == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(run_load(r, WEIR_LOAD_WARMUP, n, 0, &duration_s, err));
    const weir_load_fault_count *first = &r->report.fault[0];
    if (r->n_failed < n || r->values->allows_errors)
        return WEIR_STATUS_OK;
    char status[16] = "";
    if (first->fault == WEIR_LOAD_HTTP_STATUS)
        snprintf(status, sizeof status, " %d", first->http_status);
    return weir_fail(err, WEIR_STATUS_FAILED, "no request of the warm-up was answered: %s%s: %s",
                     weir_load_fault_text(first->fault), status, first->message);
}

/* ---- results -----------------------------------------------------------------------------------
 */

static weir_status write_text(const char *path, const char *text, size_t n, bool overwrite,
                              weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    weir_out *out = NULL;
    if (is_output(path)) {
        fwrite(text, 1, n, stdout);
        return WEIR_STATUS_OK;
    }
    WEIR_TRY_GOTO(weir_out_open(&out, path, overwrite, err));
    WEIR_TRY_GOTO(weir_out_write(out, text, n, err));
    return weir_out_commit(&out, err);
fail:
    weir_out_abort(&out);
    return status;
}

static weir_status write_json(const load_run *r, const weir_load_summary *sum, weir_error *err) {
    json_t *json = weir_load_json(sum, &r->report, &r->setting);
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    weir_text_buffer lines = {0};
    weir_text_buffer_format(&lines, "%s\n", text ? text : "");
    weir_status status = text ? weir_text_buffer_check(&lines, "the results", err)
                              : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the results");
    if (status == WEIR_STATUS_OK)
        status = write_text(r->values->json, lines.data, lines.n, r->values->overwrite, err);
    weir_text_buffer_free(&lines);
    free(text);
    json_decref(json);
    return status;
}

static weir_status write_csv(const load_run *r, weir_error *err) {
    weir_text_buffer lines = {0};
    weir_status status = weir_load_csv(&lines, &r->report, err);
    if (status == WEIR_STATUS_OK)
        status = write_text(r->values->csv, lines.data, lines.n, r->values->overwrite, err);
    weir_text_buffer_free(&lines);
    return status;
}

static weir_status show(load_run *r, double duration_s, weir_error *err) {
    const serve_load_values *v = r->values;
    weir_load_summary sum;
    WEIR_TRY(weir_load_report_sum(&sum, &r->report, duration_s, &r->setting.goals, err));
    if (!is_output(v->json) && !is_output(v->csv))
        weir_load_print_table(stdout, &sum, &r->report, &r->setting);
    if (v->csv)
        WEIR_TRY(write_csv(r, err));
    if (v->json)
        WEIR_TRY(write_json(r, &sum, err));
    if (sum.n_failed > 0 && !v->allows_errors)
        return weir_fail(err, WEIR_STATUS_FAILED, "%llu of %zu requests failed",
                         (unsigned long long)sum.n_failed, r->report.n_rows);
    return WEIR_STATUS_OK;
}

static weir_status measure(load_run *r, weir_error *err) {
    const serve_load_values *v = r->values;
    double duration_s = 0, max_s = (double)v->max_seconds;
    uint64_t n = v->n_requests > 0 || max_s > 0 ? v->n_requests : 100;
    r->gap_scale = n > 0 ? weir_load_plan_gap_scale(r->plan, n) : 1;
    r->setting.n_resent = weir_load_client_n_resent(r->client);
    weir_status status = run_load(r, WEIR_LOAD_MEASURED, n, max_s, &duration_s, err);
    r->setting.n_resent = weir_load_client_n_resent(r->client) - r->setting.n_resent;
    if (status != WEIR_STATUS_OK && status != WEIR_STATUS_CANCELLED)
        return status;
    /* After Ctrl-C what there is is shown all the same. */
    weir_error shown = {0};
    weir_status show_status = show(r, duration_s, &shown);
    if (show_status != WEIR_STATUS_OK && status == WEIR_STATUS_OK) {
        *err = shown;
        return show_status;
    }
    return status;
}

/* ---- the verb ----------------------------------------------------------------------------------
 */

static weir_status prepare(load_run *r, weir_error *err) {
    WEIR_TRY(check_numbers(r, err));
    WEIR_TRY(check_pairs(r, err));
    WEIR_TRY(check_files(r->values, err));
    WEIR_TRY(read_asks(r, err));
    WEIR_TRY(read_setting(r, err));
    WEIR_TRY(read_key(r, err));
    return open_client(r, err);
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    load_run r = {.parsed = parsed, .values = parsed->values, .progress = weir_console_progress()};
    weir_interrupt_with_care(NULL);
    weir_status status = prepare(&r, &err);
    if (status == WEIR_STATUS_OK)
        status = find_model(&r, &err);
    if (status == WEIR_STATUS_OK)
        status = calibrate(&r, &err);
    if (status == WEIR_STATUS_OK)
        status = warm_up(&r, &err);
    if (status == WEIR_STATUS_OK)
        status = measure(&r, &err);
    weir_load_report_free(&r.report);
    weir_load_client_close(&r.client);
    weir_load_plan_close(&r.plan);
    free(r.key);
    free(r.model);
    return weir_tell_failure("bench serve", status, &err);
}

const weir_verb weir_verb_bench_serve = {
    .name = "bench serve",
    .summary = "Loads a server with requests and measures its answers",
    .operands = "",
    .n_operands_min = 0,
    .n_operands_max = 0,
    .details =
        "Works with every server that speaks the OpenAI API over HTTP, and measures as vLLM's\n"
        "bench serve does (docs/bench_serve.md). Prompts are made of common words until the\n"
        "server's own count is met, so no tokenizer is needed. Fails if a request did, unless\n"
        "--allow-errors is given. Ctrl-C shows what there is.\n"
        "\n"
        "  weir bench serve --url http://127.0.0.1:8080 -c 16 -n 200 --ignore-eos\n"
        "  weir bench serve -r 4 --time 60 --input-tokens 64-2048 --goodput ttft:500,tpot:50\n"
        "  weir bench serve -c 8 --shared-prefix 2000 --groups 3 --json before.json\n"
        "  weir bench serve -c 64 --abort 0.2 --slow-readers 0.1 --allow-errors\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(serve_load_values),
    .run = run,
};
