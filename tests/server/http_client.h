/*
 * http_client.h: for tests of the door: a server in this process with a service that does what the
 * path says, and a client that speaks bytes.
 *
 *   /echo            says what it was asked
 *   /whole?n=N       a reply of N bytes
 *   /later           the same from another thread, a moment after on_request has returned
 *   /stream?n=N      N writes of "line I\n" from another thread
 *   /hold            nothing: the test holds the exchange and goes on with it
 *   /block           keeps its thread until the test lets it go
 */
#ifndef WEIR_TESTS_HTTP_CLIENT_H
#define WEIR_TESTS_HTTP_CLIENT_H

#include "base/clock.h"
#include "http.h"
#include "text_buffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_HELD = 4096, PATIENCE_MS = 10000 };

/* ---- the service -------------------------------------------------------------------------- */

typedef struct held {
    weir_exchange *x;
    bool has_begun;
    _Atomic int n_gone;
    _Atomic bool is_over; /* its reply has ended, as the service sees it */
    _Atomic bool is_late; /* on_gone came after that */
} held;

typedef struct ended {
    int status;
    uint64_t n_bytes;
    bool was_gone;
    char path[32], key[32];
} ended;

typedef struct site {
    weir_http *http;
    held held[MOST_HELD];
    _Atomic int n_held, n_requests, n_ended, n_blocked;
    _Atomic bool is_unblocked;
    ended last; /* read when n_ended says so */
} site;

static inline void on_gone(void *context) {
    held *h = context;
    h->n_gone++;
    if (h->is_over)
        h->is_late = true;
}

static inline void begin_held(held *h) {
    weir_exchange_begin(h->x, 200, "text/event-stream");
    h->has_begun = true;
}

static inline void write_held(held *h, const char *text) {
    weir_exchange_write(h->x, text, strlen(text));
}

/* on_gone is told to nobody once end has returned: the flag comes behind it. */
static inline void end_held(held *h) {
    weir_exchange_end(h->x);
    h->is_over = true;
}

static inline void reply_held(held *h, const char *text) {
    weir_exchange_reply(h->x, 200, "text/plain", text, strlen(text));
    h->is_over = true;
}

static inline long parameter(const weir_exchange *x, const char *name) {
    const char *text = weir_exchange_query(x, name);
    return text ? strtol(text, NULL, 10) : 0;
}

static inline void echo(weir_exchange *x) {
    weir_text_buffer out = {0};
    size_t n;
    const char *body = weir_exchange_body(x, &n), *a = weir_exchange_query(x, "a"),
               *header = weir_exchange_header(x, "x-test");
    assert_int_equal(body[n], 0);
    weir_text_buffer_format(&out, "%s %s a=%s test=%s key=%s id=%s body=", weir_exchange_method(x),
                            weir_exchange_path(x), a ? a : "-", header ? header : "-",
                            weir_exchange_key(x), weir_exchange_id(x));
    weir_text_buffer_add(&out, body, n);
    weir_exchange_reply(x, 200, "text/plain", out.data, out.n);
    weir_text_buffer_free(&out);
}

static inline void reply_whole(weir_exchange *x) {
    size_t n = (size_t)parameter(x, "n");
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    weir_exchange_add_header(x, "X-Extra", "yes");
    weir_exchange_reply(x, 201, n ? "text/plain" : NULL, text, n);
    free(text);
}

static inline void *reply_later(void *x) {
    usleep(20000);
    reply_whole(x);
    return NULL;
}

static inline void *stream(void *argument) {
    weir_exchange *x = argument;
    long n = parameter(x, "n");
    char text[32];
    weir_exchange_begin(x, 200, "text/event-stream");
    for (long i = 0; i < n; i++)
        weir_exchange_write(x, text, (size_t)snprintf(text, sizeof text, "line %ld\n", i));
    weir_exchange_end(x);
    return NULL;
}

static inline void on_own_thread(void *(*run)(void *), weir_exchange *x) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, x), 0);
    pthread_detach(thread);
}

static inline void on_request(void *context, weir_exchange *x) {
    site *s = context;
    const char *path = weir_exchange_path(x);
    s->n_requests++;
    if (!strcmp(path, "/whole")) {
        reply_whole(x);
    } else if (!strcmp(path, "/later")) {
        on_own_thread(reply_later, x);
    } else if (!strcmp(path, "/stream")) {
        on_own_thread(stream, x);
    } else if (!strcmp(path, "/hold")) {
        held *h = &s->held[s->n_held];
        h->x = x;
        weir_exchange_on_gone(x, on_gone, h);
        s->n_held++; /* one thread is in the pool of whoever counts them */
    } else if (!strcmp(path, "/block")) {
        s->n_blocked++;
        while (!s->is_unblocked)
            usleep(1000);
        weir_exchange_reply(x, 200, NULL, "{}", 2);
    } else {
        echo(x);
    }
}

static inline void on_end(void *context, const weir_exchange *x, int http_status, uint64_t n_bytes,
                          double seconds, bool was_gone) {
    site *s = context;
    assert_true(seconds >= 0);
    s->last = (ended){.status = http_status, .n_bytes = n_bytes, .was_gone = was_gone};
    snprintf(s->last.path, sizeof s->last.path, "%.31s", weir_exchange_path(x));
    snprintf(s->last.key, sizeof s->last.key, "%.31s", weir_exchange_key(x));
    s->n_ended++;
}

static inline weir_http_options plain_options(site *s) {
    return (weir_http_options){.inherited_fd = -1,
                               .on_request = on_request,
                               .on_end = on_end,
                               .context = s,
                               .n_threads = 1};
}

static inline void open_site(site *s, const weir_http_options *options) {
    weir_error err = {0};
    weir_status status = weir_http_open(&s->http, options, &err);
    if (status != WEIR_STATUS_OK)
        print_error("%s\n", err.text);
    assert_int_equal(status, WEIR_STATUS_OK);
}

static inline site *make_site(void) {
    site *s = calloc(1, sizeof *s);
    assert_non_null(s);
    return s;
}

static inline site *open_plain(void) {
    site *s = make_site();
    weir_http_options options = plain_options(s);
    open_site(s, &options);
    return s;
}

/* What was held and is not over: the service forgets it as it would when it ends. */
static inline void close_site(site *s) {
    s->is_unblocked = true;
    weir_http_close(&s->http);
    assert_null(s->http);
    for (int i = 0; i < s->n_held; i++) {
        assert_true(s->held[i].n_gone <= 1);
        assert_false(s->held[i].is_late);
        if (!s->held[i].is_over && s->held[i].has_begun)
            end_held(&s->held[i]);
        else if (!s->held[i].is_over)
            reply_held(&s->held[i], "");
    }
    free(s);
}

/* Becomes true soon. */
#define SOON(condition)                                                      \
    do {                                                                     \
        bool is_so;                                                          \
        double soon_s = weir_clock_s() + PATIENCE_MS / 1e3;                  \
        while (!(is_so = (condition)) && weir_clock_s() < soon_s)            \
            usleep(500);                                                     \
        if (!is_so)                                                          \
            fail_msg("not within %d s: %s", PATIENCE_MS / 1000, #condition); \
    } while (0)

/* ---- the client --------------------------------------------------------------------------- */

typedef struct client {
    int fd;
    gnutls_session_t tls;
    weir_text_buffer in; /* what came and was not taken */
    bool is_closed;      /* by the server */
} client;

typedef struct response {
    int status;
    char *head; /* 0-terminated, with the empty line */
    weir_text_buffer body;
    bool is_cut; /* the connection ended before it */
} response;

static inline void set_patience(int fd) {
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/* -1: refused. */
static inline int dial_port(uint16_t port, int receive_bytes) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    set_patience(fd);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline client dial(const site *s) {
    client c = {.fd = dial_port(weir_http_port(s->http), 0)};
    assert_true(c.fd >= 0);
    return c;
}

static inline void hang_up(client *c) {
    if (c->tls)
        gnutls_deinit(c->tls);
    if (c->fd >= 0)
        close(c->fd);
    weir_text_buffer_free(&c->in);
    *c = (client){.fd = -1};
}

/* A reset, as of a client that was killed with bytes unread. */
static inline void hang_up_hard(client *c) {
    struct linger hard = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    hang_up(c);
}

static inline ssize_t send_some(client *c, const char *bytes, size_t n) {
    if (c->tls)
        return gnutls_record_send(c->tls, bytes, n);
    return send(c->fd, bytes, n, MSG_NOSIGNAL);
}

/* false: the server does not take it. */
static inline bool say_bytes(client *c, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send_some(c, bytes, n);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

static inline void say(client *c, const char *text) {
    assert_true(say_bytes(c, text, strlen(text)));
}

/* More bytes into c->in. false: there are no more. */
static inline bool hear(client *c) {
    char bytes[65536];
    ssize_t n = c->tls ? gnutls_record_recv(c->tls, bytes, sizeof bytes)
                       : recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && !c->tls && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("the server says nothing");
    c->is_closed = n <= 0;
    if (n > 0)
        weir_text_buffer_add(&c->in, bytes, (size_t)n);
    return n > 0;
}

static inline void take(client *c, weir_text_buffer *out, size_t n) {
    assert_true(n <= c->in.n);
    if (out)
        weir_text_buffer_add(out, c->in.data, n);
    memmove(c->in.data, c->in.data + n, c->in.n - n);
    c->in.n -= n;
    c->in.data[c->in.n] = 0;
}

static inline const char *find_in(const client *c, const char *text) {
    return c->in.n > 0 ? memmem(c->in.data, c->in.n, text, strlen(text)) : NULL;
}

/* Bytes up to and with `text` can be taken: how many; 0: they never come. */
static inline size_t wait_for(client *c, const char *text) {
    const char *at;
    while (!(at = find_in(c, text)))
        if (!hear(c))
            return 0;
    return (size_t)(at - c->in.data) + strlen(text);
}

static inline bool wait_for_bytes(client *c, size_t n) {
    while (c->in.n < n)
        if (!hear(c))
            return false;
    return true;
}

/* Value of a header in a static buffer, "" if it is not there. */
static inline const char *header_of(const response *r, const char *name) {
    static char value[512];
    size_t n = strlen(name);
    value[0] = 0;
    for (const char *at = strstr(r->head, "\r\n"); at && at[2]; at = strstr(at + 2, "\r\n"))
        if (!strncasecmp(at + 2, name, n) && at[2 + n] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(at + 4 + n, "\r"), at + 4 + n);
            break;
        }
    return value;
}

static inline void hear_chunks(client *c, response *r) {
    for (size_t n = 1; n > 0;) {
        size_t n_line = wait_for(c, "\r\n");
        if (n_line == 0 || !wait_for_bytes(c, n_line + strtoul(c->in.data, NULL, 16) + 2)) {
            r->is_cut = true;
            return;
        }
        n = strtoul(c->in.data, NULL, 16);
        take(c, NULL, n_line);
        take(c, &r->body, n);
        take(c, NULL, 2);
    }
}

/* One response; has_body false: of a HEAD. status 0: none came. */
static inline response hear_response(client *c, bool has_body) {
    response r = {0};
    size_t n_head = wait_for(c, "\r\n\r\n");
    if (n_head == 0) {
        r.is_cut = true;
        r.head = weir_text_copy("", 0);
        return r;
    }
    r.head = weir_text_copy(c->in.data, n_head);
    take(c, NULL, n_head);
    assert_int_equal(strncmp(r.head, "HTTP/1.", 7), 0);
    r.status = atoi(r.head + 9);
    if (!has_body || r.status == 100 || r.status == 204)
        return r;
    if (!strcmp(header_of(&r, "Transfer-Encoding"), "chunked")) {
        hear_chunks(c, &r);
    } else if (*header_of(&r, "Content-Length")) {
        size_t n = strtoul(header_of(&r, "Content-Length"), NULL, 10);
        r.is_cut = !wait_for_bytes(c, n);
        take(c, &r.body, r.is_cut ? c->in.n : n);
    } else {
        while (hear(c))
            ;
        take(c, &r.body, c->in.n);
    }
    weir_text_buffer_add(&r.body, "", 0);
    return r;
}

static inline void free_response(response *r) {
    free(r->head);
    weir_text_buffer_free(&r->body);
    *r = (response){0};
}

/* A request of a head and perhaps a body, and its response. */
static inline response ask(client *c, const char *text) {
    say(c, text);
    return hear_response(c, strncmp(text, "HEAD", 4) != 0);
}

/* On a connection of its own. */
static inline response ask_once(const site *s, const char *text) {
    client c = dial(s);
    response r = ask(&c, text);
    hang_up(&c);
    return r;
}

static inline int status_of(const site *s, const char *text) {
    response r = ask_once(s, text);
    int status = r.status;
    free_response(&r);
    return status;
}

/* The server has closed: nothing more comes. */
static inline void assert_closed(client *c) {
    while (hear(c))
        ;
    assert_true(c->is_closed);
}

static inline bool still_works(const site *s) {
    return status_of(s, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n") == 200;
}

#endif
