/*
 * load_client.c: see load_client.h. A connection goes from FREE over CONNECTING, SENDING and
 * READING to KEPT or FREE again; one timer wakes the loop for whatever is next by the clock.
 */
#include "load_client.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "load_address.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    N_READ = 64 * 1024,
    N_EVENTS = 256,
    SLOW_BUFFER = 4096, /* of the kernel, so that a slow reader is felt by the server */
    OTHER_FILES = 64    /* than connections */
};

static const double tick_s = 0.1, slow_pause_s = 0.1, unheard_pause_s = 0.002;

typedef enum connection_state { FREE = 0, CONNECTING, SENDING, READING, KEPT } connection_state;

typedef struct connection {
    connection_state state;
    int fd;        /* -1: none */
    uint32_t next; /* in the list that it is in: of free or of kept ones */
    bool was_kept; /* the request was sent on a connection that had served another */
    weir_text_buffer body, head;
    size_t n_sent; /* of head and body */
    weir_load_request request;
    weir_load_reply reply;
    double due_s, start_s, sent_s;
    bool was_held;   /* there was no room when it was due */
    double looked_s; /* when a slow reader last read */
    bool is_unheard; /* CONNECTING without a socket, to be tried again */
} connection;

struct weir_load_client {
    weir_load_address address;
    char *key_line; /* a header, or "" */
    double timeout_s, slow_bytes_per_s;
    bool is_shy;
    int epoll, timer;
    connection *connections; /* [n_connections] */
    uint32_t n_connections;
    uint32_t first_free, first_kept; /* NONE: the list is empty */
    uint64_t n_resent;
    char *bytes; /* [N_READ] */

    /* Of the work under way: */
    const weir_load_work *work;
    double begin_s, next_due_s, tick_at_s;
    uint64_t n_begun, n_ended;
    uint32_t n_running;
    uint32_t n_unheard;   /* whose server had no place for a connection */
    double full_until_s;  /* the last time at which as many were running as may */
    double pause_until_s; /* of a closed loop whose requests do not reach the server */
    weir_status status;   /* of a failure that ends the work */
    weir_error *err;
};

enum { NONE = UINT32_MAX };

/* ---- opening -----------------------------------------------------------------------------------
 */

static weir_status raise_file_limit(uint32_t n_connections, weir_error *err) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)n_connections + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "the limit of open files: %s", strerror(errno));
    if (limit.rlim_cur >= wanted)
        return WEIR_STATUS_OK;
    if (limit.rlim_max < wanted)
        return weir_fail(err, WEIR_STATUS_IO,
                         "%u connections take %llu open files, and the limit is %llu (ulimit -Hn)",
                         n_connections, (unsigned long long)wanted,
                         (unsigned long long)limit.rlim_max);
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "the limit of open files: %s", strerror(errno));
    return WEIR_STATUS_OK;
}

static weir_status take_key(weir_load_client *c, const char *key, weir_error *err) {
    weir_text_buffer line = {0};
    for (const char *at = key; at && *at; at++)
        if (*at <= ' ' || *at > '~')
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--key: expected visible characters of ASCII alone");
    if (key)
        weir_text_buffer_format(&line, "Authorization: Bearer %s\r\n", key);
    else
        weir_text_buffer_say(&line, "");
    c->key_line = line.data;
    return weir_text_buffer_check(&line, "the key", err);
}

static weir_status open_loop(weir_load_client *c, weir_error *err) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = NONE};
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (c->epoll < 0 || c->timer < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->timer, &event) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "epoll: %s", strerror(errno));
    return WEIR_STATUS_OK;
}

static weir_status make_connections(weir_load_client *c, uint32_t n, weir_error *err) {
    c->connections = calloc(n, sizeof *c->connections);
    c->bytes = malloc(N_READ);
    if (!c->connections || !c->bytes)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u connections", n);
    c->n_connections = n;
    c->first_kept = NONE;
    for (uint32_t i = 0; i < n; i++) {
        c->connections[i].fd = -1;
        c->connections[i].next = i + 1 < n ? i + 1 : NONE;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_load_client_open(weir_load_client **out, const weir_load_client_options *options,
                                  weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    assert(options->n_connections > 0 && options->n_connections <= WEIR_LOAD_MOST_CONNECTIONS);
    assert(options->slow_bytes_per_s > 0);
    weir_load_client *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a client");
    c->epoll = c->timer = -1;
    c->timeout_s = options->timeout_s;
    c->slow_bytes_per_s = options->slow_bytes_per_s;
    c->is_shy = options->is_shy;
    WEIR_TRY_GOTO(take_key(c, options->key, err));
    WEIR_TRY_GOTO(raise_file_limit(options->n_connections, err));
    WEIR_TRY_GOTO(open_loop(c, err));
    WEIR_TRY_GOTO(make_connections(c, options->n_connections, err));
    WEIR_TRY_GOTO(weir_load_address_find(&c->address, options->url, options->socket, err));
    return WEIR_STATUS_OK;
fail:
    weir_load_client_close(out);
    return status;
}

void weir_load_client_close(weir_load_client **client) {
    weir_load_client *c = *client;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_connections; i++) {
        connection *k = &c->connections[i];
        if (k->fd >= 0)
            close(k->fd);
        weir_text_buffer_free(&k->body);
        weir_text_buffer_free(&k->head);
        weir_load_reply_free(&k->reply);
    }
    if (c->epoll >= 0)
        close(c->epoll);
    if (c->timer >= 0)
        close(c->timer);
    free(c->connections);
    free(c->bytes);
    free(c->key_line);
    free(c);
    *client = NULL;
}

uint64_t weir_load_client_n_resent(const weir_load_client *client) {
    return client->n_resent;
}

/* ---- lists and sockets -------------------------------------------------------------------------
 */

static uint32_t index_of(const weir_load_client *c, const connection *k) {
    return (uint32_t)(k - c->connections);
}

static connection *pop(weir_load_client *c, uint32_t *list) {
    connection *k = &c->connections[*list];
    *list = k->next;
    return k;
}

static void push(const weir_load_client *c, uint32_t *list, connection *k) {
    k->next = *list;
    *list = index_of(c, k);
}

static void close_socket(connection *k) {
    if (k->fd >= 0)
        close(k->fd); /* and epoll forgets it */
    k->fd = -1;
}

static bool watch(const weir_load_client *c, const connection *k, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u32 = index_of(c, k)};
    return epoll_ctl(c->epoll, operation, k->fd, &event) == 0;
}

/* A kept connection that its server closes is no longer kept. */
static void drop_kept(weir_load_client *c, connection *k) {
    uint32_t *link = &c->first_kept;
    while (*link != index_of(c, k))
        link = &c->connections[*link].next;
    *link = k->next;
    close_socket(k);
    k->state = FREE;
    push(c, &c->first_free, k);
}

/* ---- the end of a request ----------------------------------------------------------------------
 */

static void fault(connection *k, weir_load_fault kind, const char *text) {
    k->reply.is_done = true;
    k->reply.keeps_alive = false;
    k->reply.fault = kind;
    snprintf(k->reply.message, sizeof k->reply.message, "%s", text);
}

static void end_request(weir_load_client *c, connection *k, double now_s, bool has_left) {
    const weir_load_result result = {.request = &k->request,
                                     .reply = &k->reply,
                                     .due_s = k->due_s,
                                     .start_s = k->start_s,
                                     .end_s = now_s,
                                     .was_held = k->was_held,
                                     .has_left = has_left};
    bool is_kept = k->reply.is_done && k->reply.keeps_alive && !c->is_shy &&
                   k->request.kind != WEIR_LOAD_SLOW && k->n_sent == k->head.n + k->request.n_body;
    if (c->n_running == c->work->concurrency)
        c->full_until_s = now_s;
    c->n_running--;
    c->n_ended++;
    c->n_unheard -= k->is_unheard;
    k->is_unheard = false;
    if (k->reply.fault == WEIR_LOAD_NOT_CONNECTED || k->reply.fault == WEIR_LOAD_LOCAL)
        c->pause_until_s = now_s + tick_s;
    c->work->on_end(c->work->context, &result);
    if (is_kept && watch(c, k, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP)) {
        k->state = KEPT;
        push(c, &c->first_kept, k);
        return;
    }
    close_socket(k);
    k->state = FREE;
    push(c, &c->first_free, k);
}

static void begin_connecting(weir_load_client *c, connection *k);

/* The server has closed the connection. On one that was kept, it may have done so before it saw the
 * request: a race that every client meets, and is spared by asking once more. */
static void meet_end(weir_load_client *c, connection *k, const char *why) {
    double now_s = weir_clock_s();
    if (k->was_kept && !k->reply.has_bytes) {
        c->n_resent++;
        close_socket(k);
        weir_load_reply_begin(&k->reply, k->request.body != NULL);
        begin_connecting(c, k);
        return;
    }
    weir_load_reply_end(&k->reply, why);
    end_request(c, k, now_s, false);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static bool wants_to_leave(const connection *k, double now_s) {
    const weir_load_request *r = &k->request;
    if (r->kind != WEIR_LOAD_LEAVER || k->state != READING)
        return false;
    return r->leave_after > 0 ? k->reply.n_chunks >= r->leave_after
                              : now_s >= k->sent_s + r->leave_after_s;
}

/* Bytes that may be read now. A slow reader takes a little, and then looks away. */
static size_t readable_now(const weir_load_client *c, connection *k) {
    double now_s = weir_clock_s();
    double since_s = k->looked_s > 0 ? now_s - k->looked_s : slow_pause_s;
    double n = ceil(c->slow_bytes_per_s * since_s);
    if (k->request.kind != WEIR_LOAD_SLOW)
        return N_READ;
    k->looked_s = now_s;
    return n < N_READ ? (size_t)n : N_READ;
}

static void read_reply(weir_load_client *c, connection *k) {
    ssize_t n = recv(k->fd, c->bytes, readable_now(c, k), 0);
    double now_s = weir_clock_s();
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        meet_end(c, k, n < 0 ? strerror(errno) : NULL);
        return;
    }
    size_t n_used = weir_load_reply_push(&k->reply, c->bytes, (size_t)n, now_s);
    if (k->reply.is_done) {
        k->reply.keeps_alive &= n_used == (size_t)n; /* more than asked for: out of step */
        end_request(c, k, now_s, false);
    } else if (wants_to_leave(k, now_s)) {
        end_request(c, k, now_s, true);
    } else if (k->request.kind == WEIR_LOAD_SLOW) {
        watch(c, k, EPOLL_CTL_MOD, 0);
    }
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static void send_request(weir_load_client *c, connection *k) {
    size_t n_all = k->head.n + k->request.n_body;
    while (k->n_sent < n_all) {
        bool in_head = k->n_sent < k->head.n;
        const char *from =
            in_head ? k->head.data + k->n_sent : k->request.body + (k->n_sent - k->head.n);
        size_t n_part = in_head ? k->head.n - k->n_sent : n_all - k->n_sent;
        int more = in_head && k->request.n_body > 0 ? MSG_MORE : 0;
        ssize_t n = send(k->fd, from, n_part, MSG_NOSIGNAL | more);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            /* A server that refuses early may have told why. */
            int error = errno;
            ssize_t n_reply = recv(k->fd, c->bytes, N_READ, MSG_DONTWAIT);
            if (n_reply > 0)
                weir_load_reply_push(&k->reply, c->bytes, (size_t)n_reply, weir_clock_s());
            if (k->reply.is_done)
                end_request(c, k, weir_clock_s(), false);
            else
                meet_end(c, k, strerror(error));
            return;
        }
        k->n_sent += (size_t)n;
    }
    if (k->n_sent == n_all) {
        k->state = READING;
        k->sent_s = weir_clock_s();
    }
    /* A reply may come before all is sent. */
    if (!watch(c, k, EPOLL_CTL_MOD, k->state == READING ? EPOLLIN : EPOLLIN | EPOLLOUT)) {
        fault(k, WEIR_LOAD_LOCAL, strerror(errno));
        end_request(c, k, weir_clock_s(), false);
    }
}

static void meet_connected(weir_load_client *c, connection *k) {
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error != 0) {
        fault(k, WEIR_LOAD_NOT_CONNECTED, strerror(error));
        end_request(c, k, weir_clock_s(), false);
        return;
    }
    k->state = SENDING;
    send_request(c, k);
}

static void begin_connecting(weir_load_client *c, connection *k) {
    int on = 1, small = SLOW_BUFFER, error = 0;
    k->state = CONNECTING;
    k->was_kept = false;
    k->n_sent = 0;
    k->fd = socket(c->address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0) {
        fault(k, WEIR_LOAD_LOCAL, strerror(errno));
        end_request(c, k, weir_clock_s(), false);
        return;
    }
    if (c->address.bytes.ss_family != AF_UNIX)
        setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (k->request.kind == WEIR_LOAD_SLOW)
        setsockopt(k->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(k->fd, (const struct sockaddr *)&c->address.bytes, c->address.n_bytes) != 0)
        error = errno;
    if (error == EAGAIN && c->address.bytes.ss_family == AF_UNIX) { /* its queue is full */
        close_socket(k);
        k->is_unheard = true;
        c->n_unheard++;
        return;
    }
    bool is_local = error == EADDRNOTAVAIL || error == ENOBUFS || error == ENOMEM;
    if ((error != 0 && error != EINPROGRESS) || !watch(c, k, EPOLL_CTL_ADD, EPOLLOUT)) {
        fault(k, is_local || error == 0 ? WEIR_LOAD_LOCAL : WEIR_LOAD_NOT_CONNECTED,
              strerror(error ? error : errno));
        end_request(c, k, weir_clock_s(), false);
        return;
    }
    if (error == 0)
        meet_connected(c, k);
}

/* Whom the server had no place for. A Unix socket does not tell when it has one again. */
static void try_unheard(weir_load_client *c) {
    for (uint32_t i = 0; i < c->n_connections && c->n_unheard > 0; i++) {
        connection *k = &c->connections[i];
        if (!k->is_unheard)
            continue;
        k->is_unheard = false;
        c->n_unheard--;
        begin_connecting(c, k);
        if (k->is_unheard) /* the others will meet the same */
            return;
    }
}

/* ---- beginning ---------------------------------------------------------------------------------
 */

static bool write_head(const weir_load_client *c, connection *k) {
    const weir_load_request *r = &k->request;
    weir_text_buffer_clear(&k->head);
    weir_text_buffer_format(&k->head,
                            "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weir-bench/%s\r\n%s",
                            r->body ? "POST" : "GET", c->address.prefix, r->path, c->address.host,
                            weir_version(), c->key_line);
    if (r->body)
        weir_text_buffer_format(&k->head,
                                "Accept: text/event-stream\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n",
                                r->n_body);
    if (c->is_shy)
        weir_text_buffer_say(&k->head, "Connection: close\r\n");
    weir_text_buffer_say(&k->head, "\r\n");
    return !k->head.has_failed;
}

static void begin_request(weir_load_client *c, double due_s) {
    const weir_load_work *w = c->work;
    /* The lists of free and of kept ones hold all that are not running. */
    bool takes_kept = c->first_kept != NONE;
    connection *k = pop(c, takes_kept ? &c->first_kept : &c->first_free);
    k->request = (weir_load_request){0};
    weir_status status = w->get(w->context, c->n_begun, &k->body, &k->request, c->err);
    if (status == WEIR_STATUS_OK && !write_head(c, k))
        status = weir_fail(c->err, WEIR_STATUS_NO_MEMORY, "no memory for a request");
    if (status != WEIR_STATUS_OK) {
        c->status = status;
        push(c, takes_kept ? &c->first_kept : &c->first_free, k);
        return;
    }
    c->n_begun++;
    c->n_running++;
    weir_load_reply_begin(&k->reply, k->request.body != NULL);
    k->looked_s = 0;
    k->n_sent = 0;
    k->start_s = weir_clock_s();
    k->due_s = due_s < k->start_s ? due_s : k->start_s;
    k->was_held = w->gap && k->due_s < c->full_until_s;
    if (takes_kept && k->request.kind == WEIR_LOAD_SLOW) /* they want a small buffer */
        close_socket(k);
    if (k->fd < 0) {
        begin_connecting(c, k);
        return;
    }
    k->was_kept = true;
    k->state = SENDING;
    send_request(c, k);
}

/* May another request be begun, as soon as one is due and there is room? */
static bool has_more(const weir_load_client *c, double now_s) {
    const weir_load_work *w = c->work;
    return c->status == WEIR_STATUS_OK && (w->n_requests == 0 || c->n_begun < w->n_requests) &&
           (w->max_s <= 0 || now_s < c->begin_s + w->max_s);
}

/* May one be begun at this moment? A closed loop does not fill the time with attempts that fail at
 * once. */
static bool is_due(const weir_load_client *c, double now_s) {
    return c->n_running < c->work->concurrency && has_more(c, now_s) &&
           now_s >= (c->work->gap ? c->next_due_s : c->pause_until_s);
}

/* All that are due. Those that found no room keep the time at which they were due; so the next one
 * is counted from that, and a server that falls behind does not slow the arrivals down. */
static void begin_due(weir_load_client *c) {
    const weir_load_work *w = c->work;
    double now_s = weir_clock_s();
    while (is_due(c, now_s)) {
        uint64_t n_begun = c->n_begun;
        begin_request(c, w->gap ? c->next_due_s : now_s);
        if (w->gap && c->n_begun > n_begun)
            c->next_due_s += w->gap(w->context, c->n_begun);
        now_s = weir_clock_s();
    }
}

/* ---- the clock ---------------------------------------------------------------------------------
 */

/* Requests that have waited too long, leavers whose time has come, slow readers whose turn it is.
 */
static void look_at_running(weir_load_client *c) {
    double now_s = weir_clock_s();
    for (uint32_t i = 0; i < c->n_connections; i++) {
        connection *k = &c->connections[i];
        if (k->state == FREE || k->state == KEPT)
            continue;
        if (wants_to_leave(k, now_s)) {
            end_request(c, k, now_s, true);
        } else if (c->timeout_s > 0 && now_s >= k->start_s + c->timeout_s) {
            fault(k, WEIR_LOAD_TIMEOUT,
                  k->state == CONNECTING     ? "while connecting"
                  : k->reply.n_chunks > 0    ? "within the answer"
                  : k->reply.http_status > 0 ? "before the first chunk of the answer"
                                             : "before any reply");
            end_request(c, k, now_s, false);
        } else if (k->state == READING && k->looked_s > 0 && now_s >= k->looked_s + slow_pause_s) {
            watch(c, k, EPOLL_CTL_MOD, EPOLLIN);
        }
    }
}

static void cut_off_all(weir_load_client *c) {
    double now_s = weir_clock_s();
    for (uint32_t i = 0; i < c->n_connections; i++) {
        connection *k = &c->connections[i];
        if (k->state == FREE || k->state == KEPT)
            continue;
        fault(k, WEIR_LOAD_CUT_OFF, "");
        end_request(c, k, now_s, false);
    }
}

static void tell_state(weir_load_client *c) {
    const weir_load_state state = {.n_begun = c->n_begun,
                                   .n_ended = c->n_ended,
                                   .n_running = c->n_running,
                                   .elapsed_s = weir_clock_s() - c->begin_s};
    if (c->work->on_tick)
        c->work->on_tick(c->work->context, &state);
}

static void tick(weir_load_client *c) {
    const weir_load_work *w = c->work;
    double now_s = weir_clock_s();
    if (now_s < c->tick_at_s)
        return;
    c->tick_at_s = now_s + tick_s;
    look_at_running(c);
    tell_state(c);
    if (w->is_cancelled && w->is_cancelled(w->context)) {
        c->status = weir_fail(c->err, WEIR_STATUS_CANCELLED, "interrupted");
        cut_off_all(c);
    }
}

/* Sets the timer to whatever comes next by the clock. */
static void set_timer(weir_load_client *c) {
    double now_s = weir_clock_s();
    double at_s = c->n_unheard > 0 ? fmin(c->tick_at_s, now_s + unheard_pause_s) : c->tick_at_s;
    if (c->work->gap && c->n_running < c->work->concurrency && has_more(c, now_s))
        at_s = fmin(at_s, c->next_due_s);
    double in_s = fmax(at_s - now_s, 1e-6); /* 0 would stop it */
    struct itimerspec when = {.it_value.tv_sec = (time_t)in_s};
    when.it_value.tv_nsec = (long)(1e9 * (in_s - (double)when.it_value.tv_sec));
    timerfd_settime(c->timer, 0, &when, NULL);
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static void meet_event(weir_load_client *c, connection *k, uint32_t events) {
    switch (k->state) {
    case FREE: /* it was ended by an event before this one of the same round */
        break;
    case KEPT:
        drop_kept(c, k);
        break;
    case CONNECTING:
        meet_connected(c, k);
        break;
    case SENDING:
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            read_reply(c, k);
        if (k->state == SENDING && (events & EPOLLOUT))
            send_request(c, k);
        break;
    case READING:
        read_reply(c, k);
        break;
    }
}

static void wait_and_meet(weir_load_client *c) {
    struct epoll_event events[N_EVENTS];
    set_timer(c);
    int n = epoll_wait(c->epoll, events, N_EVENTS, -1);
    for (int i = 0; i < n; i++) {
        uint64_t n_expired;
        if (events[i].data.u32 != NONE)
            meet_event(c, &c->connections[events[i].data.u32], events[i].events);
        else if (read(c->timer, &n_expired, sizeof n_expired) < 0 && errno != EAGAIN)
            c->status = weir_fail(c->err, WEIR_STATUS_IO, "the timer: %s", strerror(errno));
    }
}

weir_status weir_load_client_run(weir_load_client *c, const weir_load_work *work,
                                 double *duration_s, weir_error *err) {
    assert(work->concurrency > 0 && work->concurrency <= c->n_connections);
    c->work = work;
    c->err = err;
    c->status = WEIR_STATUS_OK;
    c->n_begun = c->n_ended = 0;
    c->begin_s = weir_clock_s();
    c->tick_at_s = c->begin_s;
    c->pause_until_s = c->full_until_s = 0;
    c->next_due_s = c->begin_s + (work->gap ? work->gap(work->context, 0) : 0);
    while (c->n_running > 0 || has_more(c, weir_clock_s())) {
        if (c->n_unheard > 0)
            try_unheard(c);
        begin_due(c);
        tick(c);
        if (c->n_running > 0 || has_more(c, weir_clock_s()))
            wait_and_meet(c);
        if (c->status != WEIR_STATUS_OK)
            cut_off_all(c);
    }
    *duration_s = weir_clock_s() - c->begin_s;
    tell_state(c);
    c->work = NULL;
    return c->status;
}
