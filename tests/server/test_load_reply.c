/*
 * test_load_reply.c: replies cut at every byte, scripted times, everything that is no reply, and
 * what a report makes of rows.
 */
#include "load_report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD_STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
#define EVENT_ROLE                                                              \
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}," \
    "\"finish_reason\":null}],\"usage\":null}\n\n"
#define EVENT_TEXT  "data: {\"choices\":[{\"delta\":{\"content\":\"h\\u00e9\"}}]}\n\n"
#define EVENT_EMPTY "data: {\"choices\":[{\"delta\":{}}]}\n\n"
#define EVENT_END   "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define EVENT_USAGE                                                                  \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3," \
    "\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n"
#define EVENT_DONE "data: [DONE]\n\n"

/* Text as the chunks of HTTP, each of so many bytes. */
static char *in_chunks(const char *head, const char *text, size_t n_chunk) {
    weir_text_buffer out = {0};
    size_t n = strlen(text);
    weir_text_buffer_say(&out, head);
    weir_text_buffer_say(&out, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < n; at += n_chunk) {
        size_t n_part = n - at < n_chunk ? n - at : n_chunk;
        weir_text_buffer_format(&out, "%zX;x=1\r\n%.*s\r\n", n_part, (int)n_part, text + at);
    }
    weir_text_buffer_say(&out, "0\r\nTrailer: x\r\n\r\n");
    assert_false(out.has_failed);
    return out.data;
}

static char *with_length(const char *head, const char *text) {
    weir_text_buffer out = {0};
    weir_text_buffer_format(&out, "%sContent-Length: %zu\r\n\r\n%s", head, strlen(text), text);
    assert_false(out.has_failed);
    return out.data;
}

/* ---- cuts --------------------------------------------------------------------------------- */

/* What must not depend on the cuts. */
static void check_same(const weir_load_reply *a, const weir_load_reply *b) {
    assert_int_equal(a->is_done, b->is_done);
    assert_int_equal(a->fault, b->fault);
    assert_string_equal(a->message, b->message);
    assert_int_equal(a->http_status, b->http_status);
    assert_int_equal(a->keeps_alive, b->keeps_alive);
    assert_int_equal(a->n_chunks, b->n_chunks);
    assert_int_equal(a->n_gaps, b->n_gaps);
    assert_int_equal(a->n_prompt, b->n_prompt);
    assert_int_equal(a->n_cached, b->n_cached);
    assert_int_equal(a->n_output, b->n_output);
    assert_int_equal(a->body.n, b->body.n);
    assert_true(a->body.n == 0 || memcmp(a->body.data, b->body.data, a->body.n) == 0);
}

/* In pieces of one byte, and in two at every place. text: a whole reply, behind which nothing
 * follows unless its end is that of the connection. */
static void check_cuts(const char *text, bool wants_stream, weir_load_reply *out) {
    size_t n = strlen(text);
    weir_load_reply other = {0};
    weir_load_reply_begin(out, wants_stream);
    assert_int_equal(weir_load_reply_push(out, text, n, 1), n);
    weir_load_reply_end(out, NULL);
    weir_load_reply_begin(&other, wants_stream);
    for (size_t i = 0; i < n; i++)
        weir_load_reply_push(&other, text + i, 1, 1);
    weir_load_reply_end(&other, NULL);
    check_same(out, &other);
    for (size_t cut = 0; cut <= n; cut++) {
        weir_load_reply_begin(&other, wants_stream);
        weir_load_reply_push(&other, text, cut, 1);
        weir_load_reply_push(&other, text + cut, n - cut, 1);
        weir_load_reply_end(&other, NULL);
        check_same(out, &other);
    }
    weir_load_reply_free(&other);
}

static void test_cuts_of_streams(void **state) {
    static const char answer[] =
        ": ping\n\n" EVENT_ROLE EVENT_TEXT
        "event: message\nid: 7\n" EVENT_TEXT EVENT_END EVENT_USAGE EVENT_DONE;
    static const char other_ends[] =
        "data:{\"choices\":[{\"text\":\"a\"}]}\r\n\r\n"
        "data: {\"choices\":\r\ndata: [{\"text\":\"\"}]}\r\n\r\n"
        "data: {\"choices\":[{\"text\":\"b\"}]}\r\r" EVENT_USAGE "data: [DONE]";
    (void)state;
    char *texts[] = {in_chunks(HEAD_STREAM, answer, 1),
                     in_chunks(HEAD_STREAM, answer, 7),
                     in_chunks(HEAD_STREAM, answer, 4096),
                     with_length(HEAD_STREAM, answer),
                     with_length("HTTP/1.1 100 Continue\r\n\r\n" HEAD_STREAM, answer),
                     in_chunks(HEAD_STREAM, other_ends, 5),
                     with_length(HEAD_STREAM, other_ends)};
    for (size_t i = 0; i < WEIR_COUNT(texts); i++) {
        weir_load_reply reply = {0};
        check_cuts(texts[i], true, &reply);
        assert_string_equal(reply.message, "");
        assert_int_equal(reply.fault, WEIR_LOAD_FINE);
        assert_int_equal(reply.n_chunks, 3);
        assert_int_equal(reply.n_gaps, 2);
        assert_int_equal(reply.n_prompt, 11);
        assert_int_equal(reply.n_cached, 5);
        assert_int_equal(reply.n_output, 3);
        assert_true(reply.has_usage && reply.keeps_alive);
        weir_load_reply_free(&reply);
        free(texts[i]);
    }
    /* Without a length the end of the connection is that of the answer. */
    weir_load_reply reply = {0};
    check_cuts("HTTP/1.0 200 OK\ncontent-type:text/event-stream\n\n" EVENT_TEXT EVENT_DONE, true,
               &reply);
    assert_int_equal(reply.fault, WEIR_LOAD_FINE);
    assert_false(reply.keeps_alive || reply.has_usage);
    assert_int_equal(reply.n_chunks, 1);
    weir_load_reply_free(&reply);
}

static void test_cuts_of_others(void **state) {
    static const struct {
        const char *text;
        int http_status;
        const char *message, *body;
        bool keeps_alive;
    } cases[] = {
        {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 33\r\n\r\n"
         "{\"error\":{\"message\":\"too busy\"}}\n",
         429, "too busy", NULL, true},
        {"HTTP/1.1 500\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops", 500, "oops", NULL,
         false},
        {"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"detail\":\"later\"}\r\n0\r\n"
         "\r\n",
         503, "later", NULL, true},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 401, "without a message", NULL, true},
        {"HTTP/1.1 204 x\r\n\r\n", 204, "without a message", NULL, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "", "{}", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", "", true},
        {"HTTP/1.1 200 OK\r\n\r\nall of it", 200, "", "all of it", false},
    };
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_load_reply reply = {0};
        check_cuts(cases[i].text, false, &reply);
        assert_int_equal(reply.http_status, cases[i].http_status);
        assert_int_equal(reply.fault,
                         cases[i].http_status == 200 ? WEIR_LOAD_FINE : WEIR_LOAD_HTTP_STATUS);
        assert_string_equal(reply.message, cases[i].message);
        assert_int_equal(reply.keeps_alive, cases[i].keeps_alive);
        if (cases[i].body)
            assert_int_equal(reply.body.n, strlen(cases[i].body));
        weir_load_reply_free(&reply);
    }
}

/* What belongs to the next reply is not taken. */
static void test_two_replies(void **state) {
    (void)state;
    char *one = in_chunks(HEAD_STREAM, EVENT_TEXT EVENT_DONE, 9);
    char *both = malloc(2 * strlen(one) + 1);
    assert_non_null(both);
    strcpy(both, one);
    strcat(both, one);
    weir_load_reply reply = {0};
    for (const char *at = both; *at;) {
        weir_load_reply_begin(&reply, true);
        size_t n = weir_load_reply_push(&reply, at, strlen(at), 1);
        assert_int_equal(n, strlen(one));
        assert_true(reply.is_done && reply.fault == WEIR_LOAD_FINE && reply.n_chunks == 1);
        at += n;
    }
    weir_load_reply_free(&reply);
    free(one);
    free(both);
}

/* A beginning of a reply is never taken for a whole one. */
static void test_hang_ups(void **state) {
    (void)state;
    char *texts[] = {in_chunks(HEAD_STREAM, EVENT_ROLE EVENT_TEXT EVENT_USAGE EVENT_DONE, 30),
                     with_length(HEAD_STREAM, EVENT_TEXT EVENT_END EVENT_DONE)};
    for (size_t i = 0; i < WEIR_COUNT(texts); i++) {
        for (size_t n = 0; n < strlen(texts[i]); n++) {
            weir_load_reply reply = {0};
            weir_load_reply_begin(&reply, true);
            weir_load_reply_push(&reply, texts[i], n, 1);
            assert_false(reply.is_done);
            weir_load_reply_end(&reply, n % 2 ? "reset" : NULL);
            assert_true(reply.is_done);
            assert_int_equal(reply.fault, WEIR_LOAD_CLOSED);
            assert_int_equal(reply.has_bytes, n > 0);
            assert_false(reply.keeps_alive);
            assert_non_null(strstr(reply.message, n % 2 ? "reset" : "closed the connection"));
            weir_load_reply_free(&reply);
        }
        free(texts[i]);
    }
}

static void test_bad_replies(void **state) {
    static const struct {
        const char *text;
        weir_load_fault fault;
        const char *message;
    } cases[] = {
        {"SSH-2.0-OpenSSH\r\n", WEIR_LOAD_BAD_HTTP, "does not begin with HTTP/1"},
        {"HTTP/2 200\r\n\r\n", WEIR_LOAD_BAD_HTTP, "does not begin with HTTP/1"},
        {"HTTP/1.1 2x0 OK\r\n\r\n", WEIR_LOAD_BAD_HTTP, "a status"},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", WEIR_LOAD_BAD_HTTP, "expected a header"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", WEIR_LOAD_BAD_HTTP, "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", WEIR_LOAD_BAD_HTTP,
         "one Content-Length"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", WEIR_LOAD_BAD_HTTP, "chunked"},
        {"HTTP/1.1 101 Switching\r\n\r\n", WEIR_LOAD_BAD_HTTP, "protocol"},
        {HEAD_STREAM "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", WEIR_LOAD_BAD_HTTP,
         "size of a chunk"},
        {HEAD_STREAM "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", WEIR_LOAD_BAD_HTTP,
         "longer than its size"},
        {HEAD_STREAM "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", WEIR_LOAD_BAD_HTTP,
         "size of a chunk"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         WEIR_LOAD_BAD_STREAM, "text/event-stream"},
        {HEAD_STREAM "\r\ndata: {\n\n", WEIR_LOAD_BAD_STREAM, "no JSON object"},
        {HEAD_STREAM "\r\ndata: [1]\n\n", WEIR_LOAD_BAD_STREAM, "no JSON object"},
        {HEAD_STREAM "\r\ndata: {\"a\":1}\n\n", WEIR_LOAD_BAD_STREAM, "without choices"},
        {HEAD_STREAM "\r\n" EVENT_TEXT EVENT_DONE EVENT_TEXT, WEIR_LOAD_BAD_STREAM, "after [DONE]"},
        {HEAD_STREAM "\r\n" EVENT_TEXT, WEIR_LOAD_BAD_STREAM, "without [DONE]"},
        {HEAD_STREAM "\r\n" EVENT_ROLE EVENT_USAGE EVENT_DONE, WEIR_LOAD_BAD_STREAM, "no token"},
        {HEAD_STREAM "\r\n" EVENT_TEXT "data: {\"error\":{\"message\":\"out of\\nmemory\"}}\n\n",
         WEIR_LOAD_STREAM_ERROR, "out of?memory"},
        {HEAD_STREAM "\r\ndata: {\"error\":\"no\"}\n\n", WEIR_LOAD_STREAM_ERROR, "no"},
    };
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_load_reply reply = {0};
        weir_load_reply_begin(&reply, true);
        weir_load_reply_push(&reply, cases[i].text, strlen(cases[i].text), 1);
        weir_load_reply_end(&reply, NULL);
        assert_true(reply.is_done);
        assert_int_equal(reply.fault, cases[i].fault);
        if (!strstr(reply.message, cases[i].message))
            fail_msg("case %zu: %s", i, reply.message);
        assert_false(reply.keeps_alive);
        weir_load_reply_free(&reply);
    }
}

/* Neither a head nor an event may fill the memory. */
static void test_endless(void **state) {
    static char many[64 * 1024];
    static const char *const begins[] = {"HTTP/1.1 200 OK\r\n",
                                         HEAD_STREAM "\r\ndata: ", "HTTP/1.1 500 x\r\n\r\n"};
    (void)state;
    memset(many, 'a', sizeof many);
    for (size_t i = 0; i < WEIR_COUNT(begins); i++) {
        weir_load_reply reply = {0};
        weir_load_reply_begin(&reply, true);
        weir_load_reply_push(&reply, begins[i], strlen(begins[i]), 1);
        for (int k = 0; k < 1000 && !reply.is_done; k++)
            weir_load_reply_push(&reply, many, sizeof many, 1);
        assert_true(reply.is_done && reply.fault != WEIR_LOAD_FINE);
        assert_true(reply.body.cap + reply.event_line.cap + reply.line.cap < 64u << 20);
        weir_load_reply_free(&reply);
    }
}

/* ---- times -------------------------------------------------------------------------------- */

static void push(weir_load_reply *reply, const char *text, double now_s) {
    assert_int_equal(weir_load_reply_push(reply, text, strlen(text), now_s), strlen(text));
}

/* A chunk is an event with choices, but for an opening that only names the role. */
static void test_chunks(void **state) {
    weir_load_reply reply = {0};
    (void)state;
    weir_load_reply_begin(&reply, true);
    push(&reply, HEAD_STREAM "\r\n", 10.0);
    push(&reply, EVENT_ROLE, 10.5);
    assert_int_equal(reply.n_chunks, 0);
    push(&reply, EVENT_TEXT, 11.0);
    push(&reply, EVENT_EMPTY, 11.25); /* a token without text of its own */
    push(&reply, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\n", 11.75);
    push(&reply, EVENT_END, 12.0);
    push(&reply, EVENT_USAGE, 13.0);
    push(&reply, EVENT_DONE, 14.0);
    weir_load_reply_end(&reply, NULL);
    assert_int_equal(reply.fault, WEIR_LOAD_FINE);
    assert_int_equal(reply.n_chunks, 4);
    assert_true(reply.first_s == 11.0 && reply.last_s == 12.0);
    assert_int_equal(reply.n_gaps, 3);
    assert_true(reply.gaps_s[0] == 0.25f && reply.gaps_s[1] == 0.5f && reply.gaps_s[2] == 0.25f);

    /* An answer that ends at once has one: that which says so. Plain completions have no opening.
     */
    weir_load_reply_begin(&reply, true);
    push(&reply, HEAD_STREAM "\r\n" EVENT_ROLE, 1);
    push(&reply, EVENT_END EVENT_DONE, 2);
    assert_true(reply.n_chunks == 1 && reply.n_gaps == 0 && reply.first_s == 2);
    weir_load_reply_begin(&reply, true);
    push(&reply, HEAD_STREAM "\r\ndata: {\"choices\":[{\"text\":\"\"}]}\n\n", 3);
    assert_true(reply.n_chunks == 1 && reply.first_s == 3);
    weir_load_reply_free(&reply);
}

/* ---- reports ------------------------------------------------------------------------------ */

typedef struct scripted {
    weir_load_kind kind;
    weir_load_fault fault;
    bool has_left, has_usage;
    double start_s, first_s, last_s, end_s;
    uint64_t n_output, n_chunks;
} scripted;

static void add(weir_load_report *report, const scripted *s) {
    float gaps[8];
    const weir_load_request request = {.number = report->n_rows, .kind = s->kind, .n_prompt = 7};
    weir_load_reply reply = {.is_done = true,
                             .fault = s->fault,
                             .http_status = s->fault == WEIR_LOAD_HTTP_STATUS ? 429 : 200,
                             .message = "why",
                             .first_s = s->first_s,
                             .last_s = s->last_s,
                             .n_chunks = s->n_chunks,
                             .has_usage = s->has_usage,
                             .n_prompt = 100,
                             .n_cached = 40,
                             .n_output = s->n_output,
                             .gaps_s = gaps,
                             .n_gaps = s->n_chunks > 0 ? s->n_chunks - 1 : 0};
    for (size_t i = 0; i < reply.n_gaps; i++)
        gaps[i] = (float)((s->last_s - s->first_s) / (double)reply.n_gaps);
    const weir_load_result result = {.request = &request,
                                     .reply = &reply,
                                     .due_s = s->start_s,
                                     .start_s = s->start_s,
                                     .end_s = s->end_s,
                                     .has_left = s->has_left};
    weir_load_report_add(report, &result);
}

static void is_near(double value, double expected) {
    if (fabs(value - expected) > 1e-6)
        fail_msg("%.9f is not %.9f", value, expected);
}

static void test_definitions(void **state) {
    /* Ten seconds that begin at 1000. Two tokens may come in one chunk. */
    static const scripted rows[] = {
        {.start_s = 1000,
         .first_s = 1000.5,
         .last_s = 1001.5,
         .end_s = 1001.6,
         .n_output = 5,
         .n_chunks = 5,
         .has_usage = true},
        {.start_s = 1001,
         .first_s = 1001.25,
         .last_s = 1002.25,
         .end_s = 1002.5,
         .n_output = 3,
         .n_chunks = 2,
         .has_usage = true},
        {.start_s = 1002,
         .first_s = 1003,
         .last_s = 1003,
         .end_s = 1003,
         .n_output = 1,
         .n_chunks = 1,
         .has_usage = true},
        {.start_s = 1003, .first_s = 1004, .last_s = 1006, .end_s = 1006, .n_chunks = 3},
        {.start_s = 1004, .end_s = 1004.5, .fault = WEIR_LOAD_HTTP_STATUS},
        {.start_s = 1004, .end_s = 1004.6, .fault = WEIR_LOAD_HTTP_STATUS},
        {.start_s = 1005,
         .first_s = 1006,
         .last_s = 1006,
         .end_s = 1006.1,
         .n_chunks = 1,
         .kind = WEIR_LOAD_LEAVER,
         .has_left = true},
        {.start_s = 1005,
         .first_s = 1006,
         .last_s = 1009,
         .end_s = 1009,
         .n_chunks = 9,
         .kind = WEIR_LOAD_SLOW,
         .n_output = 9,
         .has_usage = true},
        {.start_s = 1006, .end_s = 1010, .fault = WEIR_LOAD_CLOSED, .kind = WEIR_LOAD_SLOW},
        {.start_s = 1009, .end_s = 1010, .fault = WEIR_LOAD_CUT_OFF},
    };
    weir_load_report report = {.begin_s = 1000};
    weir_load_summary s;
    weir_load_goals goals;
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(rows); i++)
        add(&report, &rows[i]);
    weir_load_goals_clear(&goals);
    assert_int_equal(weir_load_goals_parse(&goals, "ttft:1000,tpot:400", NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_load_report_sum(&s, &report, 10, &goals, NULL), WEIR_STATUS_OK);

    assert_int_equal(s.n_completed, 4);
    assert_int_equal(s.n_failed, 2);
    assert_int_equal(s.n_left, 1);
    assert_int_equal(s.n_slow, 2);
    assert_int_equal(s.n_slow_broken, 1);
    assert_int_equal(s.n_cut_off, 1);
    assert_int_equal(s.n_without_usage, 1);
    assert_int_equal(s.n_output, 5 + 3 + 1 + 3); /* chunks where there is no usage */
    assert_int_equal(s.n_prompt, 100 + 100 + 100 + 7);
    is_near(s.requests_per_s, 0.4);
    is_near(s.output_per_s, 1.2);
    is_near(s.total_per_s, 0.1 * (12 + 307));
    /* TTFT 0.5, 0.25, 1, 1 */
    assert_int_equal(s.of[WEIR_LOAD_TTFT].n, 4);
    is_near(s.of[WEIR_LOAD_TTFT].mean, 0.6875);
    is_near(s.of[WEIR_LOAD_TTFT].median, 0.75);
    is_near(s.of[WEIR_LOAD_TTFT].max, 1);
    /* (E2EL - TTFT) / (tokens - 1): 1/4, 1/2, none of a single token, 2/2 */
    assert_int_equal(s.of[WEIR_LOAD_TPOT].n, 3);
    is_near(s.of[WEIR_LOAD_TPOT].mean, (0.25 + 0.5 + 1) / 3);
    is_near(s.of[WEIR_LOAD_TPOT].median, 0.5);
    is_near(s.of[WEIR_LOAD_TPOT].p90, 0.9);
    /* Gaps: 4 of 0.25, 1 of 1, 2 of 1 */
    assert_int_equal(s.of[WEIR_LOAD_ITL].n, 7);
    is_near(s.of[WEIR_LOAD_ITL].mean, 4.0 / 7);
    is_near(s.of[WEIR_LOAD_ITL].median, 0.25);
    /* To the last chunk, not to the end: 1.5, 1.25, 1, 3 */
    is_near(s.of[WEIR_LOAD_E2EL].mean, 6.75 / 4);
    is_near(s.of[WEIR_LOAD_E2EL].max, 3);
    /* The second breaks the bound of TPOT, the fourth too; one token keeps every such bound. */
    assert_int_equal(s.n_good, 2);
    is_near(s.good_per_s, 0.2);
    assert_int_equal(s.n_peak, 3);   /* at 1004 and 1005; at 1006 one ends as one begins */
    is_near(s.peak_chunks_per_s, 4); /* 1001 to 1002: four of the first, one of the second */
    assert_int_equal(report.n_faults, 2);
    assert_int_equal(report.fault[0].n, 2);
    weir_load_report_free(&report);
}

static void test_percentiles(void **state) {
    double values[101], four[] = {4, 1, 3, 2};
    (void)state;
    for (int i = 0; i <= 100; i++)
        values[i] = 100 - i;
    weir_load_spread s = weir_load_spread_of(values, 101);
    is_near(s.mean, 50);
    is_near(s.median, 50);
    is_near(s.p90, 90);
    is_near(s.p95, 95);
    is_near(s.p99, 99);
    is_near(s.max, 100);
    is_near(s.std, sqrt(850));
    s = weir_load_spread_of(four, 4); /* numpy.percentile([1, 2, 3, 4], 90) = 3.7 */
    is_near(s.median, 2.5);
    is_near(s.p90, 3.7);
    s = weir_load_spread_of(four, 1);
    is_near(s.p99, 1);
    s = weir_load_spread_of(four, 0);
    assert_true(s.n == 0 && s.max == 0);
}

static void test_goals(void **state) {
    static const char *const bad[] = {"",        "ttft",    "ttft:",   "itl:4",
                                      "ttft:-1", "ttft:1;", "ttft:1,", "ttft:nan"};
    weir_load_goals goals;
    (void)state;
    weir_load_goals_clear(&goals);
    assert_false(weir_load_has_goals(&goals));
    assert_int_equal(weir_load_goals_parse(&goals, "ttft:200 tpot:5.5,e2e:4000", NULL),
                     WEIR_STATUS_OK);
    is_near(goals.most_s[WEIR_LOAD_TTFT], 0.2);
    is_near(goals.most_s[WEIR_LOAD_TPOT], 0.0055);
    is_near(goals.most_s[WEIR_LOAD_E2EL], 4);
    assert_true(weir_load_has_goals(&goals) && goals.most_s[WEIR_LOAD_ITL] < 0);
    for (size_t i = 0; i < WEIR_COUNT(bad); i++)
        assert_int_equal(weir_load_goals_parse(&goals, bad[i], NULL), WEIR_STATUS_BAD_ARGUMENT);
}

/* Nothing measured is no reason to fail, and all forms can say so. */
static void test_forms(void **state) {
    static const scripted row = {.start_s = 1,
                                 .first_s = 2,
                                 .last_s = 3,
                                 .end_s = 3,
                                 .n_output = 2,
                                 .n_chunks = 2,
                                 .has_usage = true};
    static const scripted failed = {.start_s = 1, .end_s = 2, .fault = WEIR_LOAD_CLOSED};
    weir_load_setting how = {.server = "http://h\x1b", .api = "chat", .burstiness = 1};
    (void)state;
    weir_load_goals_clear(&how.goals);
    for (int n = 0; n < 3; n++) {
        weir_load_report report = {0};
        weir_load_summary s;
        weir_text_buffer csv = {0};
        char *table = NULL;
        size_t n_table = 0;
        for (int i = 0; i < n; i++)
            add(&report, i == 0 ? &row : &failed);
        assert_int_equal(weir_load_report_sum(&s, &report, n, &how.goals, NULL), WEIR_STATUS_OK);
        FILE *to = open_memstream(&table, &n_table);
        assert_non_null(to);
        weir_load_print_table(to, &s, &report, &how);
        assert_int_equal(fclose(to), 0);
        assert_null(strchr(table, 0x1b));
        json_t *json = weir_load_json(&s, &report, &how);
        assert_int_equal(json_integer_value(json_object_get(json, "completed")), n > 0);
        assert_int_equal(json_array_size(json_object_get(json, "errors")), n > 1);
        is_near(json_real_value(json_object_get(json, "p99_ttft_ms")), n > 0 ? 1000 : 0);
        assert_int_equal(weir_load_csv(&csv, &report, NULL), WEIR_STATUS_OK);
        int n_lines = 0;
        for (const char *at = csv.data; *at; at++)
            n_lines += *at == '\n';
        assert_int_equal(n_lines, n + 1);
        json_decref(json);
        free(table);
        weir_text_buffer_free(&csv);
        weir_load_report_free(&report);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_of_streams), cmocka_unit_test(test_cuts_of_others),
        cmocka_unit_test(test_two_replies),     cmocka_unit_test(test_hang_ups),
        cmocka_unit_test(test_bad_replies),     cmocka_unit_test(test_endless),
        cmocka_unit_test(test_chunks),          cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_percentiles),     cmocka_unit_test(test_goals),
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
