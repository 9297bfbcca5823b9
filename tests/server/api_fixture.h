/*
 * api_fixture.h: a service asked through its routes, for APIs whose events have names: requests,
 * events and what came of them. The world around it is service_fixture.h's.
 */
#ifndef WEIR_TESTS_API_FIXTURE_H
#define WEIR_TESTS_API_FIXTURE_H

#include "service_fixture.h"

/* ---- requests ------------------------------------------------------------------------------- */

/* Asks as the client of this key, and has a reply or a job that runs. */
static inline void ask_as(const char *key, const char *method, const char *path, const char *body) {
    put_request(key, method, path, body, strlen(body));
    weir_service_handle(&service, &exchange);
    assert_true(runner.has_job != exchange.has_ended);
}

static inline void ask(const char *method, const char *path, const char *body) {
    ask_as("", method, path, body);
}

/* The text of the prompt of the job. */
static inline char *prompt_text(void) {
    static char text[16384];
    size_t n;
    const weir_prompt *prompt = &runner.job.prompt[0];
    assert_true(runner.has_job);
    assert_int_equal(weir_tokenizer_decode(service.host->tokenizer, prompt->ids, prompt->n_ids,
                                           false, text, sizeof text - 1, &n, NULL),
                     WEIR_STATUS_OK);
    assert_true(n < sizeof text);
    text[n] = 0;
    return text;
}

/* Does the prompt hold these words? */
static inline void assert_prompted(const char *words) {
    if (!strstr(prompt_text(), words))
        fail_msg("no '%s' in: %s", words, prompt_text());
}

/* Is the request refused with this status and a message of one line that has these words? */
static inline void assert_refused(const char *method, const char *path, const char *body,
                                  int http_status, const char *words) {
    ask(method, path, body);
    if (!exchange.has_ended)
        fail_msg("not refused: %s", body);
    json_t *json = reply_json();
    const char *message =
        json_string_value(json_object_get(json_object_get(json, "error"), "message"));
    if (exchange.http_status != http_status || !message || !strstr(message, words) ||
        strchr(message, '\n'))
        fail_msg("%s\ngives %d: %s", body, exchange.http_status, exchange.out.data);
    json_decref(json);
}

/* ---- events --------------------------------------------------------------------------------- */

/* What every reply tells of it: 8 tokens in a second behind the first. */
#define OWN                                                                               \
    "\"weir\": {\"reuse\": {\"tokens\": 5, \"from_disk\": 0, \"ended\": \"different\"}, " \
    "\"seed\": 42, \"queued_s\": 0.250000, \"first_token_s\": 0.500000, \"total_s\": "    \
    "1.500000, \"tokens_per_s\": 8.000, \"was_paused\": false}"

static inline void play_progress(size_t n_done, size_t n_cached) {
    runner.events.on_progress(runner.events.context, 0, n_done, n_cached,
                              runner.job.prompt[0].n_ids);
}

static inline void play_text(weir_piece kind, const char *text, size_t n) {
    runner.events.on_piece(runner.events.context, 0, kind, text, n);
}

static inline void play_piece(weir_piece kind, const char *text) {
    play_text(kind, text, strlen(text));
}

/* raw: what the model wrote; NULL: not known. The prompt has 20 tokens, of which 5 were there. */
static inline void play_answer_end(weir_answer_end how, int stop_string, const char *content,
                                   const char *raw, bool is_valid) {
    weir_message message = {.role = WEIR_ROLE_ASSISTANT,
                            .content = weir_text_copy(content, strlen(content)),
                            .n_content = strlen(content)};
    if (raw) {
        message.raw = weir_text_copy(raw, strlen(raw));
        message.n_raw = strlen(raw);
    }
    weir_choice_end end = {.answer = {.end = how,
                                      .stop_string = stop_string,
                                      .n_prompt = 20,
                                      .n_cached = 5,
                                      .reuse = {5, 0, WEIR_REUSE_DIFFERENT},
                                      .seed = 42,
                                      .n_generated = 9,
                                      .n_reasoning = 2},
                           .message = &message,
                           .is_valid = is_valid};
    runner.events.on_choice_end(runner.events.context, 0, &end);
    weir_message_free(&message);
}

/* ---- what came ------------------------------------------------------------------------------ */

/* The JSON of all events, whose names are their types. */
static inline json_t *stream_events(void) {
    json_t *events = json_array();
    char name[64];
    for (const char *from = exchange.out.data; from && *from;) {
        const char *end = strstr(from, "\n\n"), *data = strstr(from, "\ndata: ");
        assert_non_null(end);
        if (*from != ':') {
            assert_true(data && data < end);
            assert_null(memchr(data + 1, '\n', (size_t)(end - data - 1)));
            assert_null(memchr(data, '\r', (size_t)(end - data)));
            assert_int_equal(sscanf(from, "event: %63s", name), 1);
            json_t *json =
                json_loadb(data + 7, (size_t)(end - data - 7), JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(json);
            assert_string_equal(string_at(json, "type"), name);
            json_array_append_new(events, json);
        }
        from = end + 2;
    }
    return events;
}

/* Is this the end of an id: a _ and 24 letters of 32? */
static inline bool is_random(const char *text) {
    return text[0] == '_' && strspn(text + 1, "abcdefghijklmnopqrstuvwxyz234567") == 24;
}

/* What was written, with ids and times told apart by numbers: "msg_1" for the first id that came.
 */
static inline char *written_plain(void) {
    static char out[65536];
    static char ids[32][25];
    size_t n_ids = 0, n = 0;
    for (const char *c = exchange.out.data; *c;) {
        assert_true(n + 64 < sizeof out);
        if (is_random(c)) {
            size_t i = 0;
            while (i < n_ids && memcmp(ids[i], c + 1, 24) != 0)
                i++;
            if (i == n_ids)
                memcpy(ids[n_ids++], c + 1, 24);
            n += (size_t)sprintf(out + n, "_%zu", i + 1);
            c += 25;
        } else if (strncmp(c, "\"created_at\": ", 14) == 0) {
            n += (size_t)sprintf(out + n, "\"created_at\": 0");
            c += 14 + strspn(c + 14, "0123456789");
        } else {
            out[n++] = *c++;
        }
    }
    out[n] = 0;
    return out;
}

/* The first line that differs is told. */
static inline void assert_written(const char *expected) {
    const char *got = written_plain();
    size_t same = 0;
    while (got[same] && got[same] == expected[same])
        same++;
    if (got[same] != expected[same])
        fail_msg("at byte %zu: got\n%.400s\nexpected\n%.400s\nin all\n%s", same, got + same,
                 expected + same, got);
}

#endif
