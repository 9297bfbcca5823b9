/*
 * test_http.c: what a client that behaves gets of the door: requests seen whole, replies whole and
 * streamed, connections that go on, keys, origins, sockets of all kinds.
 */
#ifdef WEIR_HAS_SERVER

#include "http_client.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- requests ----------------------------------------------------------------------------- */

static void test_request_is_seen_whole(void **state) {
    (void)state;
    site *s = open_plain();
    response r = ask_once(s, "PUT /echo/x%20y?b=1&a=%C3%A4+b HTTP/1.1\r\nHost: localhost\r\n"
                             "X-TEST: some value\r\nX-Request-Id: mine.1_2-3\r\n"
                             "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\n{\"a\": \"\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body.data, "PUT /echo/x y a=\xc3\xa4 b test=some value key= "
                                     "id=mine.1_2-3 body={\"a\": \"\"}");
    assert_string_equal(header_of(&r, "X-Request-Id"), "mine.1_2-3");
    assert_string_equal(header_of(&r, "Content-Type"), "text/plain");
    free_response(&r);
    close_site(s);
}

static void check_own_id(const site *s, const char *sent) {
    char text[256];
    snprintf(text, sizeof text, "GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %s\r\n\r\n",
             sent);
    response r = ask_once(s, text);
    const char *id = header_of(&r, "X-Request-Id");
    assert_int_equal(strncmp(id, "req_", 4), 0);
    assert_int_equal(strspn(id + 4, "0123456789abcdef"), 24);
    assert_int_equal(strlen(id), 28);
    free_response(&r);
}

static void test_ids(void **state) {
    (void)state;
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    char text[256];
    site *s = open_plain();
    check_own_id(s, "");
    check_own_id(s, "a b");
    check_own_id(s, "a\"b");
    snprintf(text, sizeof text, "%s4", longest);
    check_own_id(s, text);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: localhost\r\nx-request-ID: %s\r\n\r\n",
             longest);
    response r = ask_once(s, text);
    assert_string_equal(header_of(&r, "X-Request-Id"), longest);
    free_response(&r);
    close_site(s);
}

static void test_chunked_body(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    say(&c,
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a");
    usleep(10000);
    response r = ask(&c, "\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n");
    assert_non_null(strstr(r.body.data, "body={\"a0123456789"));
    free_response(&r);
    r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(r.status, 200);
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

static void test_expect_continue(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    response r = ask(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                         "Content-Length: 3\r\n\r\n");
    assert_int_equal(r.status, 100);
    free_response(&r);
    r = ask(&c, "abc");
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.data, "body=abc"));
    free_response(&r);
    /* Whoever would be refused is told before the body. */
    r = ask(&c, "POST /echo HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\n"
                "Content-Length: 3\r\n\r\n");
    assert_int_equal(r.status, 403);
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

/* ---- replies ------------------------------------------------------------------------------ */

static void test_whole_replies(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 100000, 5 << 20};
    static const char *const paths[] = {"whole", "later"};
    site *s = open_plain();
    client c = dial(s);
    for (size_t i = 0; i < 2 * WEIR_COUNT(sizes); i++) {
        size_t n = sizes[i / 2];
        char text[128];
        snprintf(text, sizeof text, "GET /%s?n=%zu HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 paths[i % 2], n);
        response r = ask(&c, text);
        assert_int_equal(r.status, 201);
        assert_int_equal(r.body.n, n);
        assert_string_equal(header_of(&r, "X-Extra"), "yes");
        assert_string_equal(header_of(&r, "Content-Type"), n ? "text/plain" : "");
        for (size_t k = 0; k < n; k++)
            if (r.body.data[k] != (char)('a' + k % 23))
                fail_msg("byte %zu of %zu", k, n);
        free_response(&r);
        SOON(s->n_ended == (int)i + 1);
        assert_int_equal(s->last.status, 201);
        assert_int_equal(s->last.n_bytes, n);
        assert_false(s->last.was_gone);
    }
    hang_up(&c);
    close_site(s);
}

static void test_head(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    for (int i = 0; i < 2; i++) {
        response r = ask(&c, "HEAD /whole?n=77 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_int_equal(r.status, 201);
        assert_string_equal(header_of(&r, "Content-Length"), "77");
        free_response(&r);
    }
    SOON(s->n_ended == 2);
    assert_int_equal(s->last.n_bytes, 0);
    hang_up(&c);
    close_site(s);
}

static held *hold(site *s, client *c, const char *version) {
    int n = s->n_held;
    char text[128];
    snprintf(text, sizeof text, "GET /hold HTTP/%s\r\nHost: localhost\r\n\r\n", version);
    say(c, text);
    SOON(s->n_held == n + 1);
    return &s->held[n];
}

/* What is written arrives at once, head and every piece. */
static void test_stream_flows(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    held *h = hold(s, &c, "1.1");
    assert_int_equal(weir_http_n_exchanges(s->http), 1);
    double longest_s = 0, start_s = weir_clock_s();
    begin_held(h);
    size_t n_head = wait_for(&c, "\r\n\r\n");
    longest_s = weir_clock_s() - start_s;
    assert_true(n_head > 0);
    for (int i = 0; i < 20; i++) {
        char text[32];
        usleep(2000);
        start_s = weir_clock_s();
        weir_exchange_write(h->x, text, (size_t)snprintf(text, sizeof text, "data: %d\n\n", i));
        assert_true(wait_for(&c, text) > 0);
        double took_s = weir_clock_s() - start_s;
        longest_s = took_s > longest_s ? took_s : longest_s;
    }
    end_held(h);
    response r = hear_response(&c, true);
    assert_false(r.is_cut);
    assert_string_equal(header_of(&r, "Content-Type"), "text/event-stream");
    assert_string_equal(header_of(&r, "Cache-Control"), "no-store");
    assert_string_equal(header_of(&r, "X-Accel-Buffering"), "no");
    assert_int_equal(h->n_gone, 0);
    /* Delayed acknowledgements would make it 40 ms and more, each. */
    assert_true(longest_s < 1.0);
    print_message("longest way of a piece: %.2f ms\n", 1e3 * longest_s);
    free_response(&r);
    SOON(s->n_ended == 1);
    assert_int_equal(s->last.n_bytes, 10 * 9 + 10 * 10);
    assert_int_equal(weir_http_n_exchanges(s->http), 0);
    hang_up(&c);
    close_site(s);
}

static void test_stream_of_http_1_0(void **state) {
    (void)state;
    site *s = open_plain();
    response r = ask_once(s, "GET /stream?n=1000 HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Transfer-Encoding"), "");
    assert_int_equal(strncmp(r.body.data, "line 0\nline 1\n", 14), 0);
    assert_string_equal(r.body.data + r.body.n - 9, "line 999\n");
    free_response(&r);
    close_site(s);
}

/* A HEAD of a stream ends it: nobody will read it. */
static void test_head_of_stream(void **state) {
    (void)state;
    site *s = open_plain();
    client c = dial(s);
    say(&c, "HEAD /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    SOON(s->n_held == 1);
    begin_held(&s->held[0]);
    response r = hear_response(&c, false);
    assert_int_equal(r.status, 200);
    free_response(&r);
    SOON(s->held[0].n_gone == 1);
    write_held(&s->held[0], "x");
    end_held(&s->held[0]);
    r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(r.status, 200);
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

static void test_keep_alive_and_pipelining(void **state) {
    (void)state;
    enum { N = 12 };
    site *s = open_plain();
    client c = dial(s);
    weir_text_buffer all = {0};
    for (int i = 0; i < N; i++)
        weir_text_buffer_format(&all,
                                "POST /%s?n=%d HTTP/1.1\r\nHost: localhost\r\n%s"
                                "Content-Length: 3\r\n\r\nabc",
                                i % 3 ? "later" : "stream", i,
                                i == N - 1 ? "Connection: close\r\n" : "");
    say(&c, all.data);
    for (int i = 0; i < N; i++) {
        response r = hear_response(&c, true);
        assert_int_equal(r.status, i % 3 ? 201 : 200);
        assert_false(r.is_cut);
        if (i % 3)
            assert_int_equal(r.body.n, i);
        free_response(&r);
    }
    assert_closed(&c);
    hang_up(&c);
    weir_text_buffer_free(&all);
    close_site(s);
}

/* 64 clients at once, each with a stream of its own: nothing lost, nothing mixed up. */
static void test_many_streams(void **state) {
    (void)state;
    enum { N = 64, LINES = 2000 };
    site *s = open_plain();
    client c[N];
    for (int i = 0; i < N; i++) {
        char text[128];
        c[i] = dial(s);
        snprintf(text, sizeof text, "GET /stream?n=%d HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 LINES + i);
        say(&c[i], text);
    }
    for (int i = 0; i < N; i++) {
        response r = hear_response(&c[i], true);
        assert_false(r.is_cut);
        const char *at = r.body.data;
        for (int k = 0; k < LINES + i; k++) {
            char text[32];
            int n = snprintf(text, sizeof text, "line %d\n", k);
            assert_int_equal(strncmp(at, text, (size_t)n), 0);
            at += n;
        }
        assert_int_equal(at - r.body.data, r.body.n);
        free_response(&r);
        hang_up(&c[i]);
    }
    SOON(s->n_ended == N && weir_http_n_exchanges(s->http) == 0);
    close_site(s);
}

/* ---- keys --------------------------------------------------------------------------------- */

static char *write_file(const char *text) {
    char *path = strdup("http-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void check_keys_file(const char *text, const char *expected) {
    site *s = make_site();
    weir_http_options options = plain_options(s);
    weir_error err = {0};
    char *path = write_file(text), line[64];
    options.keys_path = path;
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_BAD_FILE);
    snprintf(line, sizeof line, "%s%s", path, expected);
    if (strncmp(err.text, line, strlen(line)) != 0)
        fail_msg("expected '%s', got '%s'", line, err.text);
    assert_non_null(strstr(err.text, "NAME sha256:HASH"));
    unlink(path);
    free(path);
    free(s);
}

static void test_bad_keys_files(void **state) {
    (void)state;
    check_keys_file("", ": holds no key");
    check_keys_file("# nobody\n\n", ": holds no key");
    check_keys_file("# a\nalice\n", ":2: expected");
    check_keys_file("alice sha256:12\n", ":1: expected");
    check_keys_file("alice md5:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1",
                    ":1: expected");
    check_keys_file("alice sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeaeg",
                    ":1: expected");
    check_keys_file(
        "\na sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1 more",
        ":2: expected");
    static const char *const limits[] = {
        "limit=", "limit=0", "limit=-1", "limit=x", "limit=99999999999", "limit=1 more", "Limit=1"};
    for (size_t i = 0; i < WEIR_COUNT(limits); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "a sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1 %s\n",
                 limits[i]);
        check_keys_file(text, ":1: expected");
    }
    site *s = make_site();
    weir_http_options options = plain_options(s);
    weir_error err = {0};
    options.keys_path = "no-such-file";
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "no-such-file"));
    free(s);
}

static int status_with(const site *s, const char *path, const char *header) {
    char text[512];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, header);
    return status_of(s, text);
}

static void test_keys(void **state) {
    (void)state;
    char *path = write_file(
        "# who may come in\r\n"
        "alice sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1 # one\r\n\n"
        "bob\tsha256:FF492EF788C89B555E6F738B33D2422F57DBB6656AF2402155672C5F123A90AF");
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.keys_path = path;
    open_site(s, &options);
    unlink(path);
    free(path);
    assert_int_equal(status_with(s, "/echo", ""), 401);
    assert_int_equal(status_with(s, "/echo", "Authorization: Bearer secret-c\r\n"), 401);
    assert_int_equal(status_with(s, "/echo", "Authorization: Bearer secret-aa\r\n"), 401);
    assert_int_equal(status_with(s, "/echo", "Authorization: Bearer \r\n"), 401);
    assert_int_equal(status_with(s, "/echo", "Authorization: Basic secret-a\r\n"), 401);
    assert_int_equal(status_with(s, "/echo", "Authorization: Bearer alice\r\n"), 401);
    assert_int_equal(status_with(s, "/echo", "X-Api-Key: secret-c\r\n"), 401);
    assert_int_equal(status_with(s, "/livelong", ""), 401);
    assert_int_equal(s->n_requests, 0);
    assert_int_equal(status_with(s, "/live", ""), 200);
    assert_int_equal(status_with(s, "/ready", ""), 200);
    assert_int_equal(status_with(s, "/health/x?y", ""), 200);
    assert_int_equal(status_with(s, "/echo", "authorization: bearer  secret-b\r\n"), 200);
    assert_int_equal(status_with(s, "/echo", "X-API-KEY: secret-b\r\n"), 200);
    SOON(s->n_ended == 13);
    assert_string_equal(s->last.key, "bob");
    client c = dial(s);
    response r = ask(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(r.status, 401);
    assert_string_equal(header_of(&r, "WWW-Authenticate"), "Bearer");
    assert_string_equal(header_of(&r, "Content-Type"), "application/json");
    assert_non_null(strstr(r.body.data, "{\"error\": {\"message\": \"expected an API key"));
    assert_non_null(strstr(r.body.data, "\"type\": \"authentication_error\", \"param\": null, "
                                        "\"code\": \"invalid_api_key\"}}"));
    free_response(&r);
    r = ask(&c, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(r.status, 401);
    assert_memory_equal(header_of(&r, "request-id"), "req_", 4);
    assert_non_null(strstr(r.body.data, "{\"type\": \"error\", \"error\": {\"type\": "
                                        "\"authentication_error\", \"message\": "));
    free_response(&r);
    /* The connection goes on, for the refused body was read. */
    r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-a\r\n\r\n");
    assert_non_null(strstr(r.body.data, "key=alice"));
    free_response(&r);
    hang_up(&c);
    close_site(s);
}

/* ---- origins and hosts -------------------------------------------------------------------- */

static const char *allowed_origin(const site *s, const char *method, const char *headers,
                                  int status) {
    static char value[512];
    char text[512];
    snprintf(text, sizeof text, "%s /echo HTTP/1.1\r\n%s\r\n", method, headers);
    response r = ask_once(s, text);
    assert_int_equal(r.status, status);
    snprintf(value, sizeof value, "%s", header_of(&r, "Access-Control-Allow-Origin"));
    free_response(&r);
    return value;
}

static void test_origins(void **state) {
    (void)state;
    static const char *const origins[] = {"https://app.example:8443", "ext://abc"};
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.host = "0.0.0.0";
    options.origins = origins;
    options.n_origins = 2;
    open_site(s, &options);
    static const char *const welcome[] = {
        "https://app.example:8443", "ext://abc",        "http://localhost", "http://localhost:3000",
        "http://127.0.0.1:5",       "https://[::1]:80", "http://this:1",
    };
    static const char *const foreign[] = {
        "https://app.example",
        "https://app.example:84433",
        "http://localhost.evil",
        "http://evil.localhost:1",
        "null",
        "http://127.0.0.1.evil:80",
        "http://localhost:80@evil",
        "ext://abcd",
        "http://this:2",
        "localhost",
        "http://other",
        "",
    };
    char text[256];
    for (size_t i = 0; i < WEIR_COUNT(welcome); i++) {
        snprintf(text, sizeof text, "Host: this:1\r\nOrigin: %s\r\n", welcome[i]);
        assert_string_equal(allowed_origin(s, "GET", text, 200), welcome[i]);
    }
    for (size_t i = 0; i < WEIR_COUNT(foreign); i++) {
        snprintf(text, sizeof text, "Host: this:1\r\nOrigin: %s\r\n", foreign[i]);
        assert_string_equal(allowed_origin(s, "GET", text, 403), "");
        strcat(text, "Access-Control-Request-Method: POST\r\n");
        assert_string_equal(allowed_origin(s, "OPTIONS", text, 403), "");
    }
    assert_string_equal(allowed_origin(s, "GET", "Host: this:1\r\n", 200), "");
    close_site(s);
}

static void test_preflight(void **state) {
    (void)state;
    static const char *const all[] = {"*"};
    char *path =
        write_file("a sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1\n");
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.origins = all;
    options.n_origins = 1;
    options.keys_path = path;
    open_site(s, &options);
    unlink(path);
    free(path);
    response r =
        ask_once(s, "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    "Origin: https://any.example\r\nAccess-Control-Request-Method: POST\r\n"
                    "Access-Control-Request-Headers: authorization,x-stainless-os\r\n\r\n");
    assert_int_equal(r.status, 204);
    assert_string_equal(header_of(&r, "Access-Control-Allow-Origin"), "https://any.example");
    assert_string_equal(header_of(&r, "Vary"), "Origin");
    assert_non_null(strstr(header_of(&r, "Access-Control-Allow-Methods"), "POST"));
    assert_string_equal(header_of(&r, "Access-Control-Allow-Headers"),
                        "authorization,x-stainless-os");
    assert_int_equal(s->n_requests, 0);
    free_response(&r);
    /* A refusal can be read by the page too. */
    r = ask_once(s, "GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: https://any.example\r\n\r\n");
    assert_int_equal(r.status, 401);
    assert_string_equal(header_of(&r, "Access-Control-Allow-Origin"), "https://any.example");
    free_response(&r);
    /* An OPTIONS that no browser's script asked is the service's, and wants a key. */
    r = ask_once(s, "OPTIONS /x HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: secret-a\r\n\r\n");
    assert_int_equal(r.status, 200);
    assert_int_equal(strncmp(r.body.data, "OPTIONS /x", 10), 0);
    free_response(&r);
    close_site(s);
}

static int status_of_host(const site *s, const char *host) {
    char text[256];
    snprintf(text, sizeof text, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    return status_of(s, text);
}

static void test_hosts(void **state) {
    (void)state;
    static const char *const good[] = {"localhost", "LOCALHOST:8080", "127.0.0.1",  "127.0.0.1:1",
                                       "[::1]",     "[::1]:80",       "127.0.0.2:3"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil",
                                      "evil.localhost",
                                      "127.0.0.1.evil",
                                      "127.0.0.22",
                                      "::1",
                                      "[::1].evil",
                                      "localhost:80x",
                                      "127.0.0.3",
                                      "[::1",
                                      ""};
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.host = "127.0.0.2";
    open_site(s, &options);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(weir_http_port(s->http))};
    for (size_t i = 0; i < WEIR_COUNT(good) + WEIR_COUNT(bad); i++) {
        bool is_good = i < WEIR_COUNT(good);
        const char *host = is_good ? good[i] : bad[i - WEIR_COUNT(good)];
        char text[256];
        inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
        client c = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
        set_patience(c.fd);
        assert_int_equal(connect(c.fd, (struct sockaddr *)&to, sizeof to), 0);
        snprintf(text, sizeof text, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        response r = ask(&c, text);
        if (r.status != (is_good ? 200 : 403))
            fail_msg("'%s': %d", host, r.status);
        free_response(&r);
        hang_up(&c);
    }
    close_site(s);

    /* Whoever listens to the world may have any name there. */
    s = make_site();
    options = plain_options(s);
    options.host = "0.0.0.0";
    open_site(s, &options);
    assert_int_equal(status_of_host(s, "any.example:99"), 200);
    assert_int_equal(status_of(s, "GET /echo HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(status_of(s, "GET /echo HTTP/1.0\r\n\r\n"), 200);
    close_site(s);
}

/* ---- sockets ------------------------------------------------------------------------------ */

static void test_addresses(void **state) {
    (void)state;
    weir_error err = {0};
    char expected[64];
    site *s = open_plain(), *other = make_site();
    snprintf(expected, sizeof expected, "http://127.0.0.1:%u", (unsigned)weir_http_port(s->http));
    assert_string_equal(weir_http_address(s->http), expected);
    weir_http_options options = plain_options(other);
    options.port = weir_http_port(s->http);
    assert_int_equal(weir_http_open(&other->http, &options, &err), WEIR_STATUS_IO);
    assert_null(other->http);
    assert_non_null(strstr(err.text, expected + strlen("http://")));
    options = plain_options(other);
    options.host = "192.0.2.1"; /* an address of documentation's, nobody's */
    assert_int_equal(weir_http_open(&other->http, &options, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "192.0.2.1"));
    options.host = "";
    assert_int_equal(weir_http_open(&other->http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    /* As many of its addresses as this machine has. */
    options.host = "localhost";
    open_site(other, &options);
    assert_true(still_works(other));
    close_site(other);
    close_site(s);
}

static void test_options(void **state) {
    (void)state;
    static const char *const bad[] = {"app.example", "https://app.example/", "https://", "",
                                      "https://a,https://b"};
    weir_error err = {0};
    weir_http *http;
    site *s = make_site();
    for (size_t i = 0; i < WEIR_COUNT(bad); i++) {
        weir_http_options options = plain_options(s);
        options.origins = &bad[i];
        options.n_origins = 1;
        assert_int_equal(weir_http_open(&http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
        assert_non_null(strstr(err.text, "origin"));
    }
    weir_http_options options = plain_options(s);
    options.tls_cert = "cert.pem";
    assert_int_equal(weir_http_open(&http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    options.tls_key = "key.pem";
    assert_int_equal(weir_http_open(&http, &options, &err), WEIR_STATUS_IO);
    char *path = write_file("no certificate");
    options.tls_cert = options.tls_key = path;
    assert_int_equal(weir_http_open(&http, &options, &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, path));
    unlink(path);
    free(path);
    options = plain_options(s);
    options.on_request = NULL;
    assert_int_equal(weir_http_open(&http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(http);
    weir_http_close(&http);
    free(s);
}

static client dial_unix(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    client c = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    set_patience(c.fd);
    if (connect(c.fd, (struct sockaddr *)&to, sizeof to) != 0)
        hang_up(&c);
    return c;
}

static void test_unix_socket(void **state) {
    (void)state;
    weir_error err = {0};
    struct stat st;
    char path[64], expected[80];
    snprintf(path, sizeof path, "http-test-%d.sock", (int)getpid());
    snprintf(expected, sizeof expected, "unix:%s", path);
    site *s = make_site(), *other = make_site();
    weir_http_options options = plain_options(s);
    options.socket = path;
    open_site(s, &options);
    assert_int_equal(weir_http_port(s->http), 0);
    assert_string_equal(weir_http_address(s->http), expected);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    client c = dial_unix(path);
    response r = ask(&c, "GET /echo HTTP/1.1\r\nHost: any\r\n\r\n");
    assert_int_equal(r.status, 200);
    free_response(&r);
    held *h = hold(s, &c, "1.1");
    hang_up(&c);
    SOON(h->n_gone == 1);

    weir_http_options second = plain_options(other);
    second.socket = path;
    assert_int_equal(weir_http_open(&other->http, &second, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "another server"));

    /* Another has taken the name: it is not ours to remove. */
    assert_int_equal(unlink(path), 0);
    open_site(other, &second);
    close_site(s);
    assert_int_equal(stat(path, &st), 0);
    close_site(other);
    assert_int_equal(stat(path, &st), -1);

    /* What a server that was killed has left. */
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    s = make_site();
    options.context = s;
    open_site(s, &options);
    c = dial_unix(path);
    assert_true(c.fd >= 0);
    hang_up(&c);
    weir_http_stop_listening(s->http);
    assert_int_equal(stat(path, &st), -1);
    close_site(s);

    char *file = write_file("precious");
    s = make_site();
    options.context = s;
    options.socket = file;
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_IO);
    assert_int_equal(stat(file, &st), 0);
    unlink(file);
    free(file);
    char long_path[200];
    memset(long_path, 'a', sizeof long_path);
    long_path[sizeof long_path - 1] = 0;
    options.socket = long_path;
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    free(s);
}

static void test_inherited_socket(void **state) {
    (void)state;
    weir_error err = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.inherited_fd = fd;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(listen(fd, 8), 0);
    open_site(s, &options);
    assert_true(weir_http_port(s->http) > 0);
    assert_true(still_works(s));
    assert_int_equal(status_of_host(s, "evil.example"), 403);
    close_site(s);
}

/* All that a service manager hands over are served, and more than can be are refused. */
static void test_inherited_sockets(void **state) {
    (void)state;
    enum { N = 2, FIRST_FD = 200, N_MAX = 8 };
    weir_error err = {0};
    site *s = make_site();
    weir_http_options options = plain_options(s);
    uint16_t ports[N];
    for (int i = 0; i < N; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
        ports[i] = ntohs(at.sin_port);
        assert_int_equal(dup2(fd, FIRST_FD + i), FIRST_FD + i);
        close(fd);
    }
    options.inherited_fd = FIRST_FD;
    options.n_inherited = N_MAX + 1;
    assert_int_equal(weir_http_open(&s->http, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "9 sockets"));
    options.n_inherited = N;
    open_site(s, &options);
    assert_int_equal(weir_http_port(s->http), ports[0]);
    for (int i = 0; i < N; i++) {
        client c = {.fd = dial_port(ports[i], 0)};
        response r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_int_equal(r.status, 200);
        free_response(&r);
        hang_up(&c);
    }
    assert_int_equal(status_of_host(s, "evil.example"), 403);
    close_site(s);
}

static void test_stop_listening(void **state) {
    (void)state;
    site *s = open_plain();
    uint16_t port = weir_http_port(s->http);
    client c = dial(s), held_client = dial(s);
    held *h = hold(s, &held_client, "1.1");
    response r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    free_response(&r);
    weir_http_stop_listening(s->http);
    assert_int_equal(dial_port(port, 0), -1);
    r = ask(&c, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Connection"), "close");
    free_response(&r);
    assert_closed(&c);
    SOON(weir_http_n_exchanges(s->http) == 1);
    assert_int_equal(h->n_gone, 0);
    reply_held(h, "late");
    r = hear_response(&held_client, true);
    assert_string_equal(r.body.data, "late");
    free_response(&r);
    SOON(weir_http_n_exchanges(s->http) == 0);
    weir_http_stop_listening(s->http);
    hang_up(&c);
    hang_up(&held_client);
    close_site(s);
}

static void test_close_cuts(void **state) {
    (void)state;
    enum { N = 3 };
    site *s = open_plain();
    client c[N], idle = dial(s), half = dial(s);
    for (int i = 0; i < N; i++)
        c[i] = dial(s), hold(s, &c[i], "1.1");
    say(&half, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    begin_held(&s->held[1]);
    write_held(&s->held[1], "begun");
    assert_true(wait_for(&c[1], "begun") > 0);
    begin_held(&s->held[2]);
    write_held(&s->held[2], "whole");
    end_held(&s->held[2]);
    response r = hear_response(&c[2], true);
    assert_false(r.is_cut);
    free_response(&r);
    weir_http_close(&s->http);
    assert_int_equal(s->held[0].n_gone, 1);
    assert_int_equal(s->held[1].n_gone, 1);
    assert_int_equal(s->held[2].n_gone, 0);
    /* The service may find out later. */
    assert_string_equal(weir_exchange_path(s->held[1].x), "/hold");
    write_held(&s->held[1], "more");
    end_held(&s->held[1]);
    for (int i = 0; i < N; i++) {
        assert_closed(&c[i]);
        hang_up(&c[i]);
    }
    assert_closed(&idle);
    assert_closed(&half);
    hang_up(&idle);
    hang_up(&half);
    close_site(s);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

typedef struct tls_client {
    client c;
    gnutls_certificate_credentials_t credentials;
} tls_client;

static int shake_hands(const site *s, tls_client *t, const char *priorities) {
    int result;
    *t = (tls_client){.c = dial(s)};
    gnutls_certificate_allocate_credentials(&t->credentials);
    gnutls_init(&t->c.tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    gnutls_priority_set_direct(t->c.tls, priorities, NULL);
    gnutls_credentials_set(t->c.tls, GNUTLS_CRD_CERTIFICATE, t->credentials);
    gnutls_transport_set_int(t->c.tls, t->c.fd);
    while ((result = gnutls_handshake(t->c.tls)) < 0 && !gnutls_error_is_fatal(result))
        ;
    return result;
}

static tls_client dial_tls(const site *s) {
    tls_client t;
    assert_int_equal(shake_hands(s, &t, "NORMAL"), 0);
    return t;
}

static void hang_up_tls(tls_client *t) {
    hang_up(&t->c);
    gnutls_certificate_free_credentials(t->credentials);
}

static void test_tls(void **state) {
    (void)state;
    char cert[64], key[64], command[512], expected[64];
    snprintf(cert, sizeof cert, "http-test-%d-cert.pem", (int)getpid());
    snprintf(key, sizeof key, "http-test-%d-key.pem", (int)getpid());
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=localhost -keyout %s -out %s >/dev/null 2>&1",
             key, cert);
    if (system(command) != 0) {
        print_message("skipped: no openssl to make a certificate with\n");
        skip();
    }
    site *s = make_site();
    weir_http_options options = plain_options(s);
    options.tls_cert = cert;
    options.tls_key = key;
    options.max_body = 100000;
    open_site(s, &options);
    unlink(cert);
    unlink(key);
    snprintf(expected, sizeof expected, "https://127.0.0.1:%u", (unsigned)weir_http_port(s->http));
    assert_string_equal(weir_http_address(s->http), expected);
    tls_client t = dial_tls(s);
    response r = ask(&t.c, "POST /later?n=1000000 HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Length: 3\r\n\r\nabc");
    assert_int_equal(r.body.n, 1000000);
    free_response(&r);
    r = ask(&t.c, "GET /stream?n=3000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_false(r.is_cut);
    assert_string_equal(r.body.data + r.body.n - 10, "line 2999\n");
    free_response(&r);
    held *h = hold(s, &t.c, "1.1");
    begin_held(h);
    write_held(h, "here");
    assert_true(wait_for(&t.c, "here") > 0);
    hang_up_tls(&t);
    SOON(h->n_gone == 1);
    /* A body that grows too large on its way is refused here as well. */
    t = dial_tls(s);
    say(&t.c, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n30D40\r\n");
    char *bytes = calloc(1, 200000);
    say_bytes(&t.c, bytes, 200000);
    free(bytes);
    r = hear_response(&t.c, true);
    assert_int_equal(r.status, 413);
    free_response(&r);
    hang_up_tls(&t);
    assert_true(shake_hands(s, &t, "NORMAL:-VERS-ALL:+VERS-TLS1.2") == 0);
    hang_up_tls(&t);
    assert_true(shake_hands(s, &t, "NORMAL:-VERS-ALL:+VERS-TLS1.1") < 0);
    hang_up_tls(&t);
    /* Whoever speaks plain to it breaks nothing. */
    client plain = dial(s);
    say(&plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_closed(&plain);
    hang_up(&plain);
    close_site(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_seen_whole),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_chunked_body),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_whole_replies),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_stream_flows),
        cmocka_unit_test(test_stream_of_http_1_0),
        cmocka_unit_test(test_head_of_stream),
        cmocka_unit_test(test_keep_alive_and_pipelining),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_bad_keys_files),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_preflight),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_inherited_socket),
        cmocka_unit_test(test_inherited_sockets),
        cmocka_unit_test(test_stop_listening),
        cmocka_unit_test(test_close_cuts),
        cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

#include "http.h"

#include <stdio.h>

int main(void) {
    const weir_http_options options = {.inherited_fd = -1};
    weir_http *http;
    if (weir_http_open(&http, &options, NULL) != WEIR_STATUS_UNSUPPORTED)
        return 1;
    printf("skipped: built without libmicrohttpd\n");
    return 77;
}

#endif
