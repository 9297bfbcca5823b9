/*
 * chat_fixture.h: a handler asked alone, for APIs whose streams are data without names: requests,
 * events and what came of them. The world around it is service_fixture.h's.
 */
#ifndef WEIR_TESTS_CHAT_FIXTURE_H
#define WEIR_TESTS_CHAT_FIXTURE_H

#include "openai_reply.h"
#include "service_fixture.h"

/* ---- requests ------------------------------------------------------------------------------- */

static inline void ask_bytes(weir_handler handler, const char *body, size_t n) {
    put_request("", "POST", "/v1/chat/completions", body, n);
    handler(&service, &exchange);
}

/* Asks, and is refused or has a job that runs. */
static inline void ask(weir_handler handler, const char *body) {
    ask_bytes(handler, body, strlen(body));
    assert_true(runner.has_job != exchange.has_ended);
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
