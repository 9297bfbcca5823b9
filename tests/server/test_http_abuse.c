/*
 * test_http_abuse.c: clients that leave at every stage, read slowly or never, say nothing, say too
 * much, or say what is no HTTP. Whatever they do, the server goes on, on_gone comes once and in
 * time, and nobody is kept waiting for them.
 */
#ifdef WEIR_HAS_SERVER

#include "http_client.h"

#include <poll.h>

static const char get_hold[] = "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char get_echo[] = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";

static client dial_and_say(const site *s, const char *text) {
    client c = dial(s);
    say(&c, text);
    return c;
}

static held *hold(site *s, client *c) {
    int n = s->n_held;
    say(c, get_hold);
    SOON(s->n_held == n + 1);
    return &s->held[n];
}

/* ---- hang-ups ----------------------------------------------------------------------------- */

static void test_gone_while_reading(void **state) {
    (void)state;
    static const char *const parts[] = {
        "",
        "GE",
        "GET /echo HTTP/1.1\r\n",
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Tes",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"a\":",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "PUT / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    };
    site *s = open_plain();
    for (size_t i = 0; i < 3 * WEIR_COUNT(parts); i++) {
        client c = dial_and_say(s, parts[i / 3]);
        if (i % 3 == 0) {
            usleep(3000);
            hang_up(&c);
        } else if (i % 3 == 1) {
            hang_up(&c);
        } else {
            hang_up_hard(&c);
        }
    }
    assert_true(still_works(s));
    assert_int_equal(s->n_requests, 1);
    SOON(weir_http_n_exchanges(s->http) == 0);
    close_site(s);
}

/* Nothing is written and nothing read: only who looks sees it, and soon. */
static void test_gone_while_waiting(void **state) {
    (void)state;
    site *s = open_plain();
    for (int i = 0; i < 6; i++) {
        client c = dial(s);
        held *h = hold(s, &c);
        assert_int_equal(h->n_gone, 0);
        double start_s = weir_clock_s();
        if (i % 3 == 0)
            hang_up(&c);
        else if (i % 3 == 1)
            hang_up_hard(&c);
        else
            shutdown(c.fd, SHUT_WR); /* says no more: as good as gone */
        SOON(h->n_gone == 1);
        assert_true(weir_clock_s() - start_s < 1);
        SOON(weir_http_n_exchanges(s->http) == 0);
        SOON(s->n_ended == i + 1);
        assert_int_equal(s->last.status, 499);
        assert_true(s->last.was_gone);
        if (i < 3) {
            reply_held(h, "for nobody");
        } else {
            begin_held(h);
            write_held(h, "for nobody");
            end_held(h);
        }
        if (i % 3 == 2) {
            assert_closed(&c);
            hang_up(&c);
        }
    }
    close_site(s);
}

/* The pool is busy: the service has not even heard of the request. */
static void test_gone_in_the_queue(void **state) {
    (void)state;
    site *s = open_plain();
    client busy = dial_and_say(s, "GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n");
    SOON(s->n_blocked == 1);
    client c = dial_and_say(s, get_hold), stays = dial_and_say(s, get_hold);
    SOON(weir_http_n_exchanges(s->http) == 3);
    hang_up(&c);
    SOON(weir_http_n_exchanges(s->http) == 2);
    assert_int_equal(s->n_held, 0);
    s->is_unblocked = true;
    SOON(s->n_held == 2);
    /* Told at once, within on_gone, when it asks. */
    int n_gone = s->held[0].n_gone + s->held[1].n_gone;
    assert_int_equal(n_gone, 1);
    response r = hear_response(&busy, true);
    assert_int_equal(r.status, 200);
    free_response(&r);
    hang_up(&busy);
    hang_up(&stays);
    close_site(s);
}

static void test_gone_while_streaming(void **state) {
    (void)state;
    site *s = open_plain();
    for (int i = 0; i < 8; i++) {
        client c = dial(s);
        held *h = hold(s, &c);
        begin_held(h);
        if (i & 1)
            write_held(h, "one");
        if (i & 2)
            assert_true(wait_for(&c, "\r\n\r\n") > 0);
        if (i & 4)
            hang_up_hard(&c);
        else
            hang_up(&c);
        SOON(h->n_gone == 1);
        write_held(h, "two");
        end_held(h);
        SOON(weir_http_n_exchanges(s->http) == 0);
        assert_int_equal(h->n_gone, 1);
    }
    close_site(s);
}

/* A reply that has ended is nobody's business any more, read or not. */
static void test_gone_after_the_end(void **state) {
    (void)state;
    site *s = open_plain();
    for (int i = 0; i < 6; i++) {
        client c = dial(s);
        held *h = hold(s, &c);
        if (i & 1) {
            reply_held(h, "done");
        } else {
            begin_held(h);
            write_held(h, "done");
            end_held(h);
        }
        if (i & 2)
            assert_true(wait_for(&c, "done") > 0);
        hang_up_hard(&c);
        SOON(weir_http_n_exchanges(s->http) == 0);
        assert_int_equal(h->n_gone, 0);
    }
    assert_true(still_works(s));
    close_site(s);
}

/* A client that asked more meanwhile and left is gone too; the further request is nobody's. */
static void test_gone_with_more_behind(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    held *h = hold(s, &c);
    say(&c, get_echo);
    usleep(5000);
    assert_int_equal(h->n_gone, 0);
    hang_up(&c);
    SOON(h->n_gone == 1);
    SOON(weir_http_n_exchanges(s->http) == 0);
    assert_int_equal(s->n_requests, 1);
    close_site(s);
}

/* ---- readers that are slow ---------------------------------------------------------------- */

static client dial_narrow(const site *s) {
    client c = {.fd = dial_port(weir_http_port(s->http), 4096)};
    assert_true(c.fd >= 0);
    return c;
}

static void test_slow_reader_is_gone(void **state) {
    (void)state;
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.max_waiting = 1 << 20;
    open_site(s, &options);
    client c = dial_narrow(s);
    held *h = hold(s, &c);
    char *block = calloc(1, 65536);
    size_t n_written = 0;
    begin_held(h);
    /* What the system buffers comes on top. */
    for (; n_written < 64u << 20 && h->n_gone == 0; n_written += 65536)
        weir_exchange_write(h->x, block, 65536);
    free(block);
    assert_int_equal(h->n_gone, 1);
    assert_true(n_written > 1 << 20);
    end_held(h);
    SOON(weir_http_n_exchanges(s->http) == 0); /* though it still does not read */
    SOON(s->n_ended == 1);
    assert_true(s->last.was_gone);
    response r = hear_response(&c, true);
    assert_true(r.is_cut);
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

/* While an answer is made its client may pause for longer than a silent one may; when it has ended
 * it may not. */
static void test_paused_readers(void **state) {
    (void)state;
    enum { BYTES = 3 << 20 };
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.timeout_s = 1;
    open_site(s, &options);
    client pauses = dial_narrow(s), stops = dial_narrow(s), waits = dial(s);
    held *paused = hold(s, &pauses), *stopped = hold(s, &stops), *waiting = hold(s, &waits);
    char *block = calloc(1, BYTES);
    begin_held(paused);
    begin_held(stopped);
    weir_exchange_write(paused->x, block, BYTES);
    weir_exchange_write(stopped->x, block, BYTES);
    end_held(stopped);
    usleep(2200000);
    SOON(weir_http_n_exchanges(s->http) == 2); /* the one that has ended was cut */
    assert_int_equal(stopped->n_gone, 0);
    assert_int_equal(paused->n_gone, 0);
    assert_int_equal(waiting->n_gone, 0);
    reply_held(waiting, "at last");
    response r = hear_response(&waits, true);
    assert_string_equal(r.body.data, "at last");
    free_response(&r);
    weir_exchange_write(paused->x, block, BYTES);
    end_held(paused);
    r = hear_response(&pauses, true);
    assert_false(r.is_cut);
    assert_int_equal(r.body.n, 2 * BYTES);
    free_response(&r);
    r = hear_response(&stops, true);
    assert_true(r.is_cut);
    free_response(&r);
    free(block);
    hang_up(&pauses);
    hang_up(&stops);
    hang_up(&waits);
    close_site(s);
}

static void test_silence(void **state) {
    (void)state;
    static const char *const parts[] = {
        "", "GET /echo HTTP/1.1\r\nHost: loc",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        "GET /stream?n=3 HTTP/1.1\r\nHost: localhost\r\n\r\n", /* then nothing more */
        "GET /whole?n=3 HTTP/1.1\r\nHost: localhost\r\n\r\n"};
    client c[WEIR_COUNT(parts)];
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.timeout_s = 1;
    open_site(s, &options);
    double start_s = weir_clock_s();
    for (size_t i = 0; i < WEIR_COUNT(parts); i++)
        c[i] = dial_and_say(s, parts[i]);
    for (size_t i = 0; i < WEIR_COUNT(parts); i++) {
        assert_closed(&c[i]);
        hang_up(&c[i]);
    }
    assert_true(weir_clock_s() - start_s > 0.9);
    assert_true(weir_clock_s() - start_s < 5);
    close_site(s);
}

/* ---- too much ----------------------------------------------------------------------------- */

static int status_of_body(const site *s, size_t n, bool is_chunked) {
    char head[256];
    char *bytes = calloc(1, n + 1);
    client c = dial(s);
    if (is_chunked)
        snprintf(head, sizeof head,
                 "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "%zx\r\n",
                 n);
    else
        snprintf(head, sizeof head,
                 "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", n);
    say(&c, head);
    memset(bytes, 'x', n);
    /* All of it, as a client does that listens only afterwards, and that would take a reset for a
     * server that has crashed. */
    bool is_taken = say_bytes(&c, bytes, n) && (!is_chunked || say_bytes(&c, "\r\n0\r\n\r\n", 7));
    free(bytes);
    response r = hear_response(&c, true);
    int status = r.status;
    assert_true(is_taken);
    if (status != 200)
        assert_non_null(strstr(r.body.data, "{\"error\": {\"message\": \"the body is larger than "
                                            "100000 bytes\", \"type\": \"invalid_request_error\", "
                                            "\"param\": null, \"code\": \"body_too_large\"}}"));
    free_response(&r);
    hang_up(&c);
    return status;
}

static void test_bodies_too_large(void **state) {
    (void)state;
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.max_body = 100000;
    open_site(s, &options);
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        assert_int_equal(status_of_body(s, 99999, is_chunked), 200);
        assert_int_equal(status_of_body(s, 100000, is_chunked), 200);
        assert_int_equal(status_of_body(s, 100001, is_chunked), 413);
        assert_int_equal(status_of_body(s, 20000000, is_chunked), 413);
    }
    SOON(s->n_ended == 8);
    assert_int_equal(s->last.status, 413);
    assert_false(s->last.was_gone);
    assert_int_equal(s->n_requests, 4);
    /* Announced and not sent: told at once. */
    assert_int_equal(status_of(s, "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                                  "Content-Length: 18446744073709551615\r\n\r\n"),
                     413);
    /* Many small chunks, no announcement, no end. */
    client c = dial_and_say(s, "POST / HTTP/1.1\r\nHost: localhost\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200000 && say_bytes(&c, "9\r\nxxxxxxxxx\r\n", 14); i++)
        if (c.in.n == 0) {
            struct pollfd p = {.fd = c.fd, .events = POLLIN};
            if (poll(&p, 1, 0) == 1)
                break;
        }
    response r = hear_response(&c, true);
    assert_int_equal(r.status, 413);
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

static int status_of_headers(const site *s, size_t n, size_t bytes) {
    weir_text_buffer text = {0};
    weir_text_buffer_say(&text, "GET /echo HTTP/1.1\r\nHost: localhost\r\n");
    for (size_t i = 0; i < n; i++) {
        weir_text_buffer_format(&text, "x-%zu: ", i);
        for (size_t k = 0; k < bytes; k++)
            weir_text_buffer_add(&text, "v", 1);
        weir_text_buffer_say(&text, "\r\n");
    }
    weir_text_buffer_say(&text, "\r\n");
    client c = dial(s);
    say_bytes(&c, text.data, text.n);
    response r = hear_response(&c, true);
    int status = r.status;
    free_response(&r);
    hang_up(&c);
    weir_text_buffer_free(&text);
    return status;
}

static void test_headers_too_large(void **state) {
    (void)state;
    site *s = open_plain();
    assert_int_equal(status_of_headers(s, 1, 60000), 200);
    assert_int_equal(status_of_headers(s, 100, 600), 200);
    assert_int_equal(status_of_headers(s, 1, 66000), 431);
    assert_int_equal(status_of_headers(s, 120, 600), 431);
    assert_int_equal(status_of_headers(s, 1, 1000000), 431);
    int status = status_of_headers(s, 20000, 1);
    assert_true(status == 431 || status == 413);
    char *path = malloc(300001);
    memset(path, 'p', 300000);
    memcpy(path, "GET /", 5);
    path[300000] = 0;
    client c = dial(s);
    say_bytes(&c, path, 300000);
    response r = hear_response(&c, true);
    assert_int_equal(r.status, 414);
    free_response(&r);
    hang_up(&c);
    free(path);
    assert_true(still_works(s));
    close_site(s);
}

static void test_too_many_connections(void **state) {
    (void)state;
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.max_connections = 3;
    open_site(s, &options);
    client c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = dial_and_say(s, get_echo);
        response r = hear_response(&c[i], true);
        assert_int_equal(r.status, 200);
        free_response(&r);
    }
    response r = ask_once(s, get_echo);
    assert_int_equal(r.status, 503);
    assert_string_equal(header_of(&r, "Retry-After"), "1");
    assert_non_null(strstr(r.body.data, "too_many_connections\"}}"));
    free_response(&r);
    r = ask(&c[1], get_echo);
    assert_int_equal(r.status, 200);
    free_response(&r);
    hang_up(&c[0]);
    SOON(still_works(s));
    hang_up(&c[1]);
    hang_up(&c[2]);
    close_site(s);
}

/* ---- no HTTP ------------------------------------------------------------------------------ */

static void test_bad_framing(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *headers;
    } cases[] = {
        {400, "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
        {400, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        {400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {400, "Host: localhost\r\n\r\n"},
        {501, "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {501, "Transfer-Encoding: identity\r\n\r\n"},
        {400, "Content-Length: -1\r\n\r\n"},
        {400, "Content-Length: 3x\r\n\r\nabc"},
        {400, "Content-Length: \r\n\r\nabc"},
        {413, "Content-Length: 99999999999999999999999\r\n\r\n"},
        {400, "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
        {400, "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"},
        {400, "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n"},
        {400, "Transfer-Encoding: chunked\r\n\r\n;\r\nabc\r\n"},
        {413, "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n"},
    };
    site *s = open_plain();
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\nHost: localhost\r\n%s",
                 cases[i].headers);
        int status = status_of(s, text);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].headers, status);
    }
    assert_int_equal(s->n_requests, 0);
    assert_true(still_works(s));
    close_site(s);
}

/* Always the same bytes. */
static uint32_t draw(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void test_garbage(void **state) {
    (void)state;
    static const char whole[] = "POST /echo?a=b%20c HTTP/1.1\r\nHost: localhost\r\n"
                                "Transfer-Encoding: chunked\r\nX-Test: 1\r\n\r\n"
                                "4\r\nabcd\r\n0\r\n\r\n";
    uint32_t seed = 7;
    site *s = open_plain();
    for (int i = 0; i < 600; i++) {
        char bytes[2048];
        size_t n = sizeof whole - 1;
        client c = dial(s);
        if (i % 4 == 0) { /* nothing but noise */
            n = 1 + draw(&seed) % sizeof bytes;
            for (size_t k = 0; k < n; k++)
                bytes[k] = (char)draw(&seed);
        } else { /* a request with some bytes changed, or cut */
            memcpy(bytes, whole, n);
            for (int k = 0; k < i % 4; k++)
                bytes[draw(&seed) % n] =
                    i % 8 < 4 ? (char)draw(&seed) : "\r\n :;\0%/"[draw(&seed) % 8];
            n -= i % 5 == 0 ? draw(&seed) % n : 0;
        }
        say_bytes(&c, bytes, n);
        struct pollfd p = {.fd = c.fd, .events = POLLIN};
        if (i % 3 && poll(&p, 1, 2) == 1)
            hear(&c);
        hang_up(&c);
    }
    assert_true(still_works(s));
    SOON(weir_http_n_exchanges(s->http) == 0);
    close_site(s);
}

/* ---- all at once -------------------------------------------------------------------------- */

enum { N_STORM = 16, STORM_ROUNDS = 40 };

typedef struct storm {
    site *s;
    uint32_t seed;
} storm;

static void *rage(void *argument) {
    storm *w = argument;
    for (int i = 0; i < STORM_ROUNDS; i++) {
        static const char *const asks[] = {
            get_hold, get_echo, "GET /later?n=50000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /stream?n=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n"};
        client c = {.fd = dial_port(weir_http_port(w->s->http), 0)};
        const char *text = asks[draw(&w->seed) % WEIR_COUNT(asks)];
        size_t n = strlen(text);
        if (c.fd < 0)
            continue;
        say_bytes(&c, text, draw(&w->seed) % 4 ? n : draw(&w->seed) % n);
        usleep(draw(&w->seed) % 4000);
        if (draw(&w->seed) % 2)
            hang_up_hard(&c);
        else
            hang_up(&c);
    }
    return NULL;
}

/* Clients that come and go at any moment, while what is held is written to and ended. */
static void test_storm(void **state) {
    (void)state;
    site *s = open_plain();
    storm w[N_STORM];
    pthread_t thread[N_STORM];
    for (int i = 0; i < N_STORM; i++) {
        w[i] = (storm){.s = s, .seed = (uint32_t)i};
        assert_int_equal(pthread_create(&thread[i], NULL, rage, &w[i]), 0);
    }
    uint32_t seed = 99;
    double end_s = weir_clock_s() + 1;
    int n_over = 0;
    while (weir_clock_s() < end_s) {
        for (; n_over < s->n_held; n_over++) {
            held *h = &s->held[n_over];
            switch (draw(&seed) % 3) {
            case 0:
                reply_held(h, "whole");
                break;
            case 1:
                begin_held(h);
                write_held(h, "part");
                end_held(h);
                break;
            default:
                begin_held(h);
                write_held(h, "left open");
                break;
            }
        }
        usleep(500);
    }
    for (int i = 0; i < N_STORM; i++)
        pthread_join(thread[i], NULL);
    SOON(weir_http_n_exchanges(s->http) == 0);
    for (int i = 0; i < s->n_held; i++)
        assert_true(s->held[i].is_over || s->held[i].n_gone == 1);
    assert_true(s->n_held > 20);
    assert_true(still_works(s));
    close_site(s);
}

/* Closed in the middle of it. */
static void test_close_in_a_storm(void **state) {
    (void)state;
    for (int round = 0; round < 5; round++) {
        site *s = open_plain();
        storm w[4];
        pthread_t thread[4];
        client c[8];
        for (int i = 0; i < 8; i++)
            c[i] = dial_and_say(s, i % 2 ? get_hold
                                         : "GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for (int i = 0; i < 4; i++) {
            w[i] = (storm){.s = s, .seed = (uint32_t)(50 + round + i)};
            assert_int_equal(pthread_create(&thread[i], NULL, rage, &w[i]), 0);
        }
        usleep((useconds_t)(3000 * round));
        s->is_unblocked = true;
        uint16_t port = weir_http_port(s->http);
        weir_http *http = s->http;
        weir_http_stop_listening(http);
        assert_int_equal(dial_port(port, 0), -1);
        for (int i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        close_site(s);
        for (int i = 0; i < 8; i++) {
            assert_closed(&c[i]);
            hang_up(&c[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone_while_reading),
        cmocka_unit_test(test_gone_while_waiting),
        cmocka_unit_test(test_gone_in_the_queue),
        cmocka_unit_test(test_gone_while_streaming),
        cmocka_unit_test(test_gone_after_the_end),
        cmocka_unit_test(test_gone_with_more_behind),
        cmocka_unit_test(test_slow_reader_is_gone),
        cmocka_unit_test(test_paused_readers),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_bodies_too_large),
        cmocka_unit_test(test_headers_too_large),
        cmocka_unit_test(test_too_many_connections),
        cmocka_unit_test(test_bad_framing),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_close_in_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

#include <stdio.h>

int main(void) {
    printf("skipped: built without libmicrohttpd\n");
    return 77;
}

#endif
