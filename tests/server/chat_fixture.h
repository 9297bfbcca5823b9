/*
 * chat_fixture.h: the world of a handler without sockets and without an engine: an exchange that
 * keeps what is written to it, and a runner that keeps the job and lets the test play its events.
 *
 * The host is real but for its weights: tokenizer and template of models/weir-nano.gguf.
 */
#ifndef WEIR_TESTS_CHAT_FIXTURE_H
#define WEIR_TESTS_CHAT_FIXTURE_H

#include "openai_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- an exchange ---------------------------------------------------------------------------- */

struct weir_exchange {
    const char *body;
    size_t n_body;
    weir_text_buffer out;
    char retry_after[16];
    int http_status;
    bool is_stream, has_ended, is_gone;
    void (*on_gone)(void *context);
    void *context;
};

const char *weir_exchange_body(const weir_exchange *x, size_t *n) {
    *n = x->n_body;
    return x->body;
}

const char *weir_exchange_id(const weir_exchange *x) {
    (void)x;
    return "req_test";
}

const char *weir_exchange_key(const weir_exchange *x) {
    (void)x;
    return "";
}

uint32_t weir_exchange_key_limit(const weir_exchange *x) {
    (void)x;
    return 0;
}

void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value) {
    assert_string_equal(name, "Retry-After");
    snprintf(x->retry_after, sizeof x->retry_after, "%s", value);
}

void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n) {
    assert_false(x->is_stream || x->has_ended);
    assert_null(type);
    x->has_ended = true;
    x->http_status = http_status;
    weir_text_buffer_add(&x->out, body, n);
}

void weir_exchange_begin(weir_exchange *x, int http_status, const char *type) {
    assert_false(x->is_stream || x->has_ended);
    assert_string_equal(type, "text/event-stream");
    x->is_stream = true;
    x->http_status = http_status;
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
};

enum { FIXTURE_JOB = 7 };

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

/* ---- the world ------------------------------------------------------------------------------ */

static weir_service service;
static weir_runner runner;
static weir_exchange exchange;

static inline int fixture_open(void **state) {
    (void)state;
    static const weir_host_options options = {.model_path =
                                                  WEIR_TEST_DATA "/../../models/weir-nano.gguf"};
    weir_error err;
    if (weir_host_open(&service.host, &options, &err) != WEIR_STATUS_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    service.host->n_ctx = 512;
    service.runner = &runner;
    service.metrics = weir_metrics_open();
    service.replay = weir_replay_open(0);
    service.model_id = "weir-nano";
    weir_settings_default(&service.defaults, NULL, NULL);
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
    weir_host_close(&service.host);
    return 0;
}

static inline void ask_bytes(weir_handler handler, const char *body, size_t n) {
    weir_text_buffer_free(&exchange.out);
    weir_job_free(&runner.job);
    runner.has_job = false;
    exchange = (weir_exchange){.body = body, .n_body = n, .is_gone = exchange.is_gone};
    handler(&service, &exchange);
}

/* Asks, and is refused or has a job that runs. */
static inline void ask(weir_handler handler, const char *body) {
    ask_bytes(handler, body, strlen(body));
    assert_true(runner.has_job != exchange.has_ended);
}

static inline json_t *reply_json(void) {
    json_error_t error;
    json_t *json = json_loadb(exchange.out.data, exchange.out.n, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s in: %s", error.text, exchange.out.data);
    return json;
}

/* Is the request refused with this status, param and a message that has these words? */
static inline void assert_refused(weir_handler handler, const char *body, int http_status,
                                  const char *param, const char *words) {
    ask(handler, body);
    if (!exchange.has_ended)
        fail_msg("not refused: %s", body);
    json_t *json = reply_json(), *error = json_object_get(json, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *said = json_string_value(json_object_get(error, "param"));
    if (exchange.http_status != http_status || !strstr(message, words) || strchr(message, '\n'))
        fail_msg("%s\ngives %d: %s", body, exchange.http_status, message);
    if (param && (!said || strcmp(said, param) != 0))
        fail_msg("%s\ngives param %s: %s", body, said ? said : "null", message);
    json_decref(json);
}

/* ---- events --------------------------------------------------------------------------------- */

static inline void play_piece(uint32_t choice, weir_piece kind, const char *text) {
    runner.events.on_piece(runner.events.context, choice, kind, text, strlen(text));
}

static inline void play_token(uint32_t choice, int32_t token, float logprob,
                              const weir_token_choice *top, size_t n_top) {
    weir_token_report report = {
        .drawn = {.token = token, .logprob = logprob}, .top = top, .n_top = n_top};
    runner.events.on_token(runner.events.context, choice, &report);
}

/* The prompt takes its time. */
static inline void play_progress(double silence_s) {
    weir_openai_reply *reply = runner.events.context; /* which whole replies begin with */
    reply->stream.sent_s -= silence_s;
    runner.events.on_progress(runner.events.context, 0, 1, 0, 100);
}

static inline void play_choice_end(uint32_t choice, weir_answer_end how, size_t n_generated) {
    weir_message message = {.role = WEIR_ROLE_ASSISTANT};
    weir_choice_end end = {.answer = {.end = how,
                                      .stop_string = -1,
                                      .n_cached = 3,
                                      .reuse = {3, 0, WEIR_REUSE_DIFFERENT},
                                      .n_generated = n_generated,
                                      .n_reasoning = 1},
                           .message = &message,
                           .is_valid = true};
    runner.events.on_choice_end(runner.events.context, choice, &end);
    weir_message_free(&message);
}

static inline void play_end(weir_status status, const char *words) {
    weir_job_times times = {.queued_s = 0.25, .first_token_s = 0.5, .total_s = 1.5};
    weir_error err = {.status = status};
    snprintf(err.text, sizeof err.text, "%s", words);
    runner.events.on_end(runner.events.context, status, &err, &times);
    assert_true(exchange.has_ended);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* By a path: "choices.0.message.content"; fails if it is missing. */
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

/* ---- streams -------------------------------------------------------------------------------- */

/* The JSON of all events, [DONE] looked for and left out; comments are counted. */
static inline json_t *stream_events(bool *is_done, size_t *n_comments) {
    json_t *events = json_array();
    *is_done = false;
    *n_comments = 0;
    const char *from = exchange.out.data;
    while (from && *from) {
        const char *end = strstr(from, "\n\n");
        assert_non_null(end);
        assert_false(*is_done);
        if (*from == ':') {
            ++*n_comments;
        } else {
            assert_memory_equal(from, "data: ", 6);
            from += 6;
            *is_done = end - from == 6 && memcmp(from, "[DONE]", 6) == 0;
            json_t *json =
                *is_done ? NULL
                         : json_loadb(from, (size_t)(end - from), JSON_REJECT_DUPLICATES, NULL);
            assert_true(json || *is_done);
            if (json)
                json_array_append_new(events, json);
        }
        from = end + 2;
    }
    return events;
}

#endif
