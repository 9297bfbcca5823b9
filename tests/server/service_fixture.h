/*
 * service_fixture.h: the world of a handler without sockets and without an engine: an exchange that
 * keeps what is written to it, and a runner that keeps the job and lets the test play its events.
 * How a request is put, and what its events look like, is in api_fixture.h and chat_fixture.h.
 *
 * The host is real but for its weights: tokenizer and template of models/weir-nano.gguf. All of
 * exchange.h and runner.h is here, so that the linker takes nothing of the real ones.
 */
#ifndef WEIR_TESTS_SERVICE_FIXTURE_H
#define WEIR_TESTS_SERVICE_FIXTURE_H

#include "service.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- an exchange ---------------------------------------------------------------------------- */

struct weir_exchange {
    const char *method, *path, *body, *key;
    const char *header, *header_value; /* the only one; NULL: none */
    size_t n_body;
    char type[64], allow[80], retry_after[16];
    weir_text_buffer out;
    int http_status;
    bool is_stream, has_ended, is_gone;
    void (*on_gone)(void *context);
    void *context;
};

const char *weir_exchange_method(const weir_exchange *x) {
    return x->method;
}

const char *weir_exchange_path(const weir_exchange *x) {
    return x->path;
}

const char *weir_exchange_query(const weir_exchange *x, const char *name) {
    (void)x, (void)name;
    return NULL;
}

const char *weir_exchange_header(const weir_exchange *x, const char *name) {
    return x->header && strcasecmp(x->header, name) == 0 ? x->header_value : NULL;
}

const char *weir_exchange_body(const weir_exchange *x, size_t *n) {
    *n = x->n_body;
    return x->body;
}

const char *weir_exchange_id(const weir_exchange *x) {
    (void)x;
    return "req_test";
}

const char *weir_exchange_key(const weir_exchange *x) {
    return x->key;
}

uint32_t weir_exchange_key_limit(const weir_exchange *x) {
    (void)x;
    return 0;
}

double weir_exchange_arrived_s(const weir_exchange *x) {
    (void)x;
    return 0;
}

void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value) {
    assert_false(x->is_stream || x->has_ended);
    if (strcmp(name, "Allow") == 0)
        snprintf(x->allow, sizeof x->allow, "%s", value);
    if (strcmp(name, "Retry-After") == 0)
        snprintf(x->retry_after, sizeof x->retry_after, "%s", value);
}

static inline void keep_type(weir_exchange *x, int http_status, const char *type) {
    assert_false(x->is_stream || x->has_ended);
    x->http_status = http_status;
    snprintf(x->type, sizeof x->type, "%s", type ? type : "application/json");
}

void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n) {
    keep_type(x, http_status, type);
    x->has_ended = true;
    weir_text_buffer_add(&x->out, body, n);
}

void weir_exchange_begin(weir_exchange *x, int http_status, const char *type) {
    keep_type(x, http_status, type);
    assert_string_equal(type, "text/event-stream");
    x->is_stream = true;
}

void weir_exchange_write(weir_exchange *x, const char *bytes, size_t n) {
    assert_true(x->is_stream && !x->has_ended);
    if (!x->is_gone)
        weir_text_buffer_add(&x->out, bytes, n);
}

void weir_exchange_end(weir_exchange *x) {
    assert_true(x->is_stream && !x->has_ended);
    x->has_ended = true;
}

void weir_exchange_on_gone(weir_exchange *x, void (*on_gone)(void *context), void *context) {
    x->on_gone = on_gone;
    x->context = context;
    if (x->is_gone)
        on_gone(context);
}

/* ---- a runner ------------------------------------------------------------------------------- */

struct weir_runner {
    weir_job job; /* of the last request */
    weir_job_events events;
    bool has_job;
    uint64_t cancelled;      /* the job that was; 0: none */
    weir_status status;      /* what submitting gives */
    void (*on_submit)(void); /* while the handler still waits; may be NULL */
    weir_runner_stats stats;
};

enum { FIXTURE_JOB = 7 };

weir_status weir_runner_open(weir_runner **out, weir_host *host, const weir_runner_options *options,
                             weir_error *err) {
    (void)out, (void)host, (void)options, (void)err;
    return WEIR_STATUS_UNSUPPORTED;
}

void weir_runner_close(weir_runner **runner) {
    *runner = NULL;
}

weir_status weir_runner_submit(weir_runner *runner, weir_job *job, const weir_job_events *events,
                               uint64_t *id, weir_error *err) {
    if (runner->status != WEIR_STATUS_OK) {
        err->status = runner->status;
        snprintf(err->text, sizeof err->text, "the runner says no");
        return runner->status;
    }
    runner->job = *job;
    *job = (weir_job){0};
    runner->events = *events;
    runner->has_job = true;
    *id = FIXTURE_JOB;
    if (runner->on_submit)
        runner->on_submit();
    return WEIR_STATUS_OK;
}

void weir_runner_cancel(weir_runner *runner, uint64_t id) {
    runner->cancelled = id;
}

double weir_runner_wait_s(weir_runner *runner) {
    (void)runner;
    return 2.5;
}

void weir_runner_drain(weir_runner *runner) {
    (void)runner;
}

bool weir_runner_is_idle(weir_runner *runner) {
    return !runner->has_job;
}

bool weir_runner_is_lost(const weir_runner *runner) {
    (void)runner;
    return false;
}

void weir_runner_get_stats(weir_runner *runner, weir_runner_stats *out) {
    *out = runner->stats;
}

/* ---- the world ------------------------------------------------------------------------------ */

static weir_service service;
static weir_runner runner;
static weir_exchange exchange;

static inline int fixture_open(void **state) {
    (void)state;
    static const weir_host_options options = {.model_path =
                                                  WEIR_TEST_DATA "/../../models/weir-nano.gguf"};
    static const weir_records_options no_folder = {0};
    weir_error err;
    if (weir_host_open(&service.host, &options, &err) != WEIR_STATUS_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    service.host->n_ctx = 512;
    service.runner = &runner;
    service.metrics = weir_metrics_open();
    service.replay = weir_replay_open(0);
    if (weir_records_open(&service.records, &no_folder, &err) != WEIR_STATUS_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    service.sessions = weir_sessions_open(service.records);
    service.model_id = "weir-nano";
    service.model = (weir_model_info){.arch = "lfm2", .file_type = "q8_0", .n_ctx = 1024};
    service.started = 1700000000;
    weir_settings_default(&service.defaults, NULL, NULL);
    service.is_ready = true;
    return 0;
}

static inline void fixture_forget(void) {
    weir_text_buffer_free(&exchange.out);
    weir_job_free(&runner.job);
    exchange = (weir_exchange){0};
    runner = (weir_runner){0};
}

static inline int fixture_close(void **state) {
    (void)state;
    fixture_forget();
    weir_settings_free(&service.defaults);
    weir_metrics_close(&service.metrics);
    weir_replay_close(&service.replay);
    weir_sessions_close(&service.sessions);
    weir_records_close(&service.records);
    weir_host_close(&service.host);
    return 0;
}

/* This request is the next: what the last one left is forgotten. */
static inline void put_request(const char *key, const char *method, const char *path,
                               const char *body, size_t n) {
    weir_text_buffer_free(&exchange.out);
    weir_job_free(&runner.job);
    runner.has_job = false;
    exchange = (weir_exchange){.method = method,
                               .path = path,
                               .body = body,
                               .n_body = n,
                               .key = key,
                               .header = exchange.header,
                               .header_value = exchange.header_value,
                               .is_gone = exchange.is_gone};
}

static inline void play_end(weir_status status, const char *words) {
    weir_job_times times = {.queued_s = 0.25, .first_token_s = 0.5, .total_s = 1.5};
    weir_error err = {.status = status};
    snprintf(err.text, sizeof err.text, "%s", words);
    runner.events.on_end(runner.events.context, status, &err, &times);
    runner.has_job = false;
    assert_true(exchange.has_ended);
}

/* ---- what came ------------------------------------------------------------------------------ */

static inline json_t *reply_json(void) {
    json_error_t error;
    json_t *json = json_loadb(exchange.out.data, exchange.out.n, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s in: %s", error.text, exchange.out.data);
    return json;
}

/* By a path: "content.0.text"; fails if it is missing. */
static inline json_t *at(json_t *json, const char *path) {
    char name[64];
    for (const char *from = path; *from;) {
        size_t n = strcspn(from, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, from);
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(name))
                                   : json_object_get(json, name);
        if (!json)
            fail_msg("no %s in %s of %s", name, path, exchange.out.data);
        from += n + (from[n] == '.');
    }
    return json;
}

static inline const char *string_at(json_t *json, const char *path) {
    const char *text = json_string_value(at(json, path));
    if (!text)
        fail_msg("%s is no text in %s", path, exchange.out.data);
    return text;
}

static inline json_int_t integer_at(json_t *json, const char *path) {
    assert_true(json_is_integer(at(json, path)));
    return json_integer_value(at(json, path));
}

#endif
