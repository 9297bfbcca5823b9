/*
 * test_mutations.c: the whole server in this process, from the socket to the model, asked with
 * valid requests that were changed at random: every one gets an answer or a refusal that is JSON,
 * none an error of the server, and between them an ordinary request has the same answer as ever.
 */
#include "http_client.h"
#include "runner_kit.h"
#include "service.h"

#include "base/random.h"

typedef struct world {
    weir_service service;
    weir_http *http;
    client client;
} world;

typedef struct dice {
    uint64_t seed, n;
} dice;

static uint32_t roll(dice *d, size_t sides) {
    return sides ? (uint32_t)(weir_mix64(d->seed, 3, d->n++) % sides) : 0;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void serve_request(void *context, weir_exchange *x) {
    weir_service_handle(context, x);
}

static void open_world(world *w) {
    weir_service *s = &w->service;
    weir_engine_options engine = {.n_ctx = 192, .n_seqs = 4, .n_out = 16, .n_threads = 1};
    weir_runner_options runner = {.n_queue = 16};
    weir_records_options records = {.max_records = 50};
    *w = (world){.client = {.fd = -1}};
    s->host = kit_host(&engine);
    KIT_OK(weir_runner_open(&s->runner, s->host, &runner, &kit_err));
    KIT_OK(weir_records_open(&s->records, &records, &kit_err));
    s->sessions = weir_sessions_open(s->records);
    s->metrics = weir_metrics_open();
    s->replay = weir_replay_open(0);
    weir_model_get_info(s->host->model, &s->model);
    s->model_id = "weir-nano";
    weir_settings_default(&s->defaults, s->host->model, NULL);
    s->is_ready = true;
    weir_http_options http = {.inherited_fd = -1, .on_request = serve_request, .context = s};
    if (weir_http_open(&w->http, &http, &kit_err) == WEIR_STATUS_UNSUPPORTED) {
        printf("skipped: %s\n", kit_err.text);
        exit(77);
    }
    assert_non_null(w->http);
}

static void close_world(world *w) {
    weir_service *s = &w->service;
    hang_up(&w->client);
    weir_runner_close(&s->runner);
    weir_http_close(&w->http);
    weir_sessions_close(&s->sessions);
    weir_records_close(&s->records);
    weir_replay_close(&s->replay);
    weir_metrics_close(&s->metrics);
    weir_settings_free(&s->defaults);
    weir_host_close(&s->host);
}

static response post(world *w, const char *path, const char *body, size_t n) {
    weir_text_buffer request = {0};
    if (w->client.fd < 0)
        w->client.fd = dial_port(weir_http_port(w->http), 0);
    assert_true(w->client.fd >= 0);
    weir_text_buffer_format(
        &request, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", path, n);
    weir_text_buffer_add(&request, body, n);
    say_bytes(&w->client, request.data, request.n);
    weir_text_buffer_free(&request);
    return hear_response(&w->client, true);
}

/* ---- requests ----------------------------------------------------------------------------- */

#define MESSAGES "\"messages\": [{\"role\": \"user\", \"content\": \"Who are you?\"}]"
#define TOOLS                                                                         \
    "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", "           \
    "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": " \
    "{\"a\": {\"type\": \"string\", \"maxLength\": 5}}, \"required\": [\"a\"]}}}]"

static const struct {
    const char *path, *body;
} valid[] = {
    {"/v1/chat/completions", "{" MESSAGES ", \"max_tokens\": 3, \"seed\": 1}"},
    {"/v1/chat/completions",
     "{" MESSAGES ", \"max_tokens\": 3, \"stream\": true, \"stream_options\": {\"include_usage\": "
     "true}, \"n\": 2, \"logprobs\": true, \"top_logprobs\": 2, \"stop\": [\"x\"], "
     "\"logit_bias\": {\"5\": 1.5}}"},
    {"/v1/chat/completions", "{" MESSAGES ", " TOOLS ", \"tool_choice\": \"required\", "
                             "\"max_tokens\": 12, \"parallel_tool_calls\": false}"},
    {"/v1/chat/completions",
     "{" MESSAGES ", \"max_tokens\": 6, \"response_format\": {\"type\": \"json_schema\", "
     "\"json_schema\": {\"name\": \"x\", \"schema\": {\"type\": \"object\", \"properties\": "
     "{\"a\": {\"type\": \"integer\", \"minimum\": 3}}}}}, \"session\": \"s\"}"},
    {"/v1/completions", "{\"prompt\": [\"Once\", \"Tom\"], \"max_tokens\": 2, \"echo\": true, "
                        "\"logprobs\": 1, \"temperature\": 0.5, \"top_p\": 0.9, \"min_p\": 0.1}"},
    {"/v1/completions", "{\"prompt\": [[1, 5, 9], [1, 7]], \"max_tokens\": 0}"},
    {"/v1/responses", "{\"input\": [{\"type\": \"message\", \"role\": \"user\", \"content\": "
                      "\"Hi\"}], \"max_output_tokens\": 3, \"stream\": true}"},
    {"/v1/messages",
     "{\"max_tokens\": 3, \"system\": \"Be kind.\", \"messages\": [{\"role\": \"user\", "
     "\"content\": [{\"type\": \"text\", \"text\": \"Hi\"}]}], \"tools\": [{\"name\": \"f\", "
     "\"input_schema\": {\"type\": \"object\"}}], \"stop_sequences\": [\"a\"]}"},
    {"/v1/messages/count_tokens", "{" MESSAGES "}"},
    {"/v1/sessions", "{" MESSAGES "}"},
    {"/v1/sessions/s/fork", "{\"messages\": 1}"},
    {"/tokenize", "{\"prompt\": \"Hi there\"}"},
    {"/detokenize", "{\"tokens\": [5, 6, 7]}"},
    {"/apply-template", "{" MESSAGES ", " TOOLS "}"},
};

static const char *const pieces[] = {
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e999",
    "0.0",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\xff",
    "\xed\xa0\x80",
    "<|im_end|>",
    "<think>",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":",
    "\"\"",
    "{}",
    "\"n\": 3,",
    "\"model\": \"x\",",
    "\"stream\": true,",
    "\\",
    "\"$ref\": \"#\",",
    "\"pattern\": \"(a*)*b\",",
    "\"maxLength\": 4294967296,",
    "<|tool_call_start|>[f(a=\\\"x\\\")]<|tool_call_end|>",
};

static void splice(weir_text_buffer *body, size_t at, size_t n_gone, const char *in, size_t n_in) {
    weir_text_buffer out = {0};
    weir_text_buffer_add(&out, body->data, at);
    weir_text_buffer_add(&out, in, n_in);
    weir_text_buffer_add(&out, body->data + at + n_gone, body->n - at - n_gone);
    weir_text_buffer_free(body);
    *body = out;
}

/* Some of its bytes go, come twice, become others, or a piece comes in. */
static void mutate(dice *d, weir_text_buffer *body) {
    size_t at = roll(d, body->n + 1), left = body->n - at, n = roll(d, left < 12 ? left + 1 : 12);
    const char *piece = pieces[roll(d, WEIR_COUNT(pieces))];
    char copy[16], byte = (char)roll(d, 256);
    memcpy(copy, body->data + at, n);
    switch (roll(d, 5)) {
    case 0:
        splice(body, at, n, "", 0);
        break;
    case 1:
        splice(body, at, 0, copy, n);
        break;
    case 2:
        splice(body, at, left > 0, &byte, 1);
        break;
    default:
        splice(body, at, roll(d, 2) ? n : 0, piece, strlen(piece));
    }
}

/* ---- the test ----------------------------------------------------------------------------- */

static char *ordinary_answer(world *w) {
    response r = post(w, valid[0].path, valid[0].body, strlen(valid[0].body));
    assert_int_equal(r.status, 200);
    json_t *json = json_loadb(r.body.data, r.body.n, 0, NULL);
    const char *text = json_string_value(json_object_get(
        json_object_get(json_array_get(json_object_get(json, "choices"), 0), "message"),
        "content"));
    assert_non_null(text);
    char *copy = weir_text_copy(text, strlen(text));
    json_decref(json);
    free_response(&r);
    return copy;
}

static void check(const response *r, const char *path, const weir_text_buffer *body) {
    bool is_stream = strstr(header_of(r, "Content-Type"), "event-stream") != NULL;
    json_t *json =
        is_stream ? NULL
                  : json_loadb(r->body.data, r->body.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (r->is_cut || r->status < 200 || r->status >= 500 || (!is_stream && !json) ||
        (is_stream && r->status != 200))
        fail_msg("%s\n%.*s\ngives %d%s: %.1000s", path, (int)body->n, body->data, r->status,
                 r->is_cut ? ", cut" : "", r->body.data ? r->body.data : "");
    json_decref(json);
}

static void test_mutated_requests(void **state) {
    (void)state;
    int n_refused = 0, n = getenv("WEIR_SOAK") ? 10000 : 1500;
    world w;
    dice d = {.seed = 17};
    open_world(&w);
    char *expected = ordinary_answer(&w);
    for (int i = 0; i < n; i++) {
        size_t which = roll(&d, WEIR_COUNT(valid));
        weir_text_buffer body = {0};
        weir_text_buffer_say(&body, valid[which].body);
        for (uint32_t k = 1 + (roll(&d, 3) == 0); k > 0; k--)
            mutate(&d, &body);
        response r = post(&w, valid[which].path, body.data ? body.data : "", body.n);
        check(&r, valid[which].path, &body);
        n_refused += r.status >= 400;
        bool is_closing = !strcasecmp(header_of(&r, "Connection"), "close");
        free_response(&r);
        weir_text_buffer_free(&body);
        if (is_closing)
            hang_up(&w.client);
        if (i % 100 == 99) {
            char *answer = ordinary_answer(&w);
            assert_string_equal(answer, expected);
            free(answer);
        }
    }
    print_message("%d requests, %d refused\n", n, n_refused);
    assert_true(n_refused > n / 4 && n_refused < n);
    free(expected);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutated_requests)};
    int skip = kit_skip();
    return skip ? skip : cmocka_run_group_tests(tests, NULL, NULL);
}
