/*
 * http_serve.c: one request of a connection after the other, as libmicrohttpd calls for them.
 *
 *   head -> door -> body -> pool: on_request ... -> the connection sleeps until there is a reply
 *                                                -> reply, from the exchange's memory
 *
 * All of it runs on the library's one thread. A refusal of the door is a reply like any other; only
 * where a body grows too large on its way the library takes none any more, and it is written to the
 * socket past it. Invariant: an exchange is watched from its way to the pool until the library is
 * through with it, and a connection sleeps only while its exchange is watched.
 */
#include "http_parts.h"

#ifdef WEIR_HAS_SERVER

#include "base/clock.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STREAM_BLOCK_BYTES = 16384,  /* taken at once: small enough that a slow reader shows progress */
    CLIENT_CLOSED_REQUEST = 499, /* what logs call it since nginx did */
};

typedef struct request {
    weir_http *http;
    weir_exchange *x;
    int fd;
    bool is_refused; /* the door has replied; a body is thrown away */
    bool is_passed;  /* to the pool, and watched */
    bool is_told;    /* the reply was written past the library */
} request;

/* ---- the connection, as an exchange sees it ----------------------------------------------- */

static int fd_of(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void suspend_line(void *connection) {
    MHD_suspend_connection(connection);
}

static void resume_line(void *connection) {
    MHD_resume_connection(connection);
}

static void cut_line(void *connection) {
    shutdown(fd_of(connection), SHUT_RDWR);
}

static const weir_line line = {suspend_line, resume_line, cut_line};

/* ---- the head ----------------------------------------------------------------------------- */

typedef struct copying {
    weir_fields *fields;
    bool has_failed;
} copying;

static enum MHD_Result copy_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    copying *c = cls;
    (void)kind;
    c->has_failed = !weir_fields_add(c->fields, name, value);
    return c->has_failed ? MHD_NO : MHD_YES;
}

static bool copy_fields(weir_fields *out, struct MHD_Connection *connection,
                        enum MHD_ValueKind kind) {
    copying c = {.fields = out};
    MHD_get_connection_values(connection, kind, copy_field, &c);
    return !c.has_failed;
}

static void free_request(request *r) {
    weir_exchange_release(r->x);
    free(r);
}

/* NULL: no memory. */
static request *make_request(weir_http *http, struct MHD_Connection *connection, const char *url,
                             const char *method) {
    request *r = calloc(1, sizeof *r);
    weir_exchange *x = weir_exchange_open(method, url, http->options.max_waiting);
    if (r && x && copy_fields(&x->headers, connection, MHD_HEADER_KIND) &&
        copy_fields(&x->query, connection, MHD_GET_ARGUMENT_KIND)) {
        *r = (request){.http = http, .x = x, .fd = fd_of(connection)};
        x->line = &line;
        x->connection = connection;
        weir_exchange_choose_id(x);
        return r;
    }
    if (x) {
        weir_exchange_release(x);
        weir_exchange_release(x);
    }
    free(r);
    return NULL;
}

/* ---- the reply ---------------------------------------------------------------------------- */

static ssize_t read_stream(void *cls, uint64_t position, char *bytes, size_t most) {
    (void)position;
    int64_t n =
        weir_exchange_take(cls, bytes, most < STREAM_BLOCK_BYTES ? most : STREAM_BLOCK_BYTES);
    if (n == WEIR_EXCHANGE_ENDED)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return n == WEIR_EXCHANGE_GONE ? MHD_CONTENT_READER_END_WITH_ERROR : (ssize_t)n;
}

static struct MHD_Response *make_response(weir_exchange *x) {
    /* The library would send the mark that ends a stream behind the head of a HEAD. */
    if (x->form == WEIR_FORM_STREAM && !strcmp(x->method, "HEAD"))
        return MHD_create_response_from_buffer(0, (char[]){0}, MHD_RESPMEM_MUST_COPY);
    if (x->form == WEIR_FORM_STREAM)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, x, NULL);
    /* The exchange outlives the response. */
    return MHD_create_response_from_buffer(x->out.n, x->out.data ? x->out.data : (char[]){0},
                                           x->out.data ? MHD_RESPMEM_PERSISTENT
                                                       : MHD_RESPMEM_MUST_COPY);
}

static void add_headers(struct MHD_Response *response, const request *r) {
    const weir_exchange *x = r->x;
    if (x->type)
        MHD_add_response_header(response, "Content-Type", x->type);
    MHD_add_response_header(response, "X-Request-Id", x->id);
    for (size_t i = 0; i < x->reply_headers.n; i++)
        MHD_add_response_header(response, x->reply_headers.item[i].name,
                                x->reply_headers.item[i].value);
    /* The next request should go to whoever listens then. */
    if (atomic_load(&r->http->is_leaving))
        MHD_add_response_header(response, "Connection", "close");
}

/* The exchange has a reply, or its client is gone. */
static enum MHD_Result queue_reply(request *r, struct MHD_Connection *connection) {
    weir_exchange *x = r->x;
    struct MHD_Response *response = weir_exchange_is_gone(x) ? NULL : make_response(x);
    if (!response)
        return MHD_NO;
    add_headers(response, r);
    /* An answer may take as long as it takes, and its client may read as slowly as it likes while
     * it does; weir_watch sees to those that stop reading afterwards. */
    if (x->form == WEIR_FORM_STREAM)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)x->http_status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- refusals ----------------------------------------------------------------------------- */

static void refuse(request *r, const weir_refusal *refusal) {
    r->is_refused = true;
    weir_door_reply(r->x, refusal);
}

static void write_past(struct MHD_Connection *connection, int fd, const char *bytes, size_t n) {
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    /* What does not fit into the socket's buffer, which is empty, does not matter. */
    if (tls && tls->tls_session)
        (void)!gnutls_record_send(tls->tls_session, bytes, n);
    else
        (void)!send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The library takes no reply before the body has come whole, and this one has no end. */
static enum MHD_Result refuse_body(request *r, struct MHD_Connection *connection) {
    const weir_exchange *x = r->x;
    weir_refusal refusal;
    weir_text_buffer text = {0};
    weir_door_refuse_body(&r->http->door, &refusal);
    refuse(r, &refusal);
    weir_text_buffer_format(&text, "HTTP/1.1 %d Content Too Large\r\nConnection: close\r\n",
                            refusal.http_status);
    weir_text_buffer_format(&text,
                            "Content-Type: %s\r\nContent-Length: %zu\r\nX-Request-Id: %s\r\n",
                            x->type, x->out.n, x->id);
    for (size_t i = 0; i < x->reply_headers.n; i++)
        weir_text_buffer_format(&text, "%s: %s\r\n", x->reply_headers.item[i].name,
                                x->reply_headers.item[i].value);
    weir_text_buffer_say(&text, "\r\n");
    weir_text_buffer_add(&text, x->out.data, x->out.n);
    if (!text.has_failed)
        write_past(connection, r->fd, text.data, text.n);
    weir_text_buffer_free(&text);
    r->is_told = true;
    return MHD_NO;
}

/* ---- access ------------------------------------------------------------------------------- */

static enum MHD_Result begin(weir_http *http, struct MHD_Connection *connection, const char *url,
                             const char *method, void **out) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    weir_refusal refusal;
    request *r = make_request(http, connection, url, method);
    if (!r)
        return MHD_NO;
    *out = r;
    if (!weir_door_check(&http->door, r->x, info ? info->header_size : 0, &refusal)) {
        refuse(r, &refusal);
    } else if (weir_door_is_preflight(r->x)) {
        r->is_refused = true;
        weir_door_reply_preflight(r->x);
    }
    return r->is_refused && weir_door_expects_much(r->x) ? queue_reply(r, connection) : MHD_YES;
}

static enum MHD_Result take_body(request *r, struct MHD_Connection *connection, const char *bytes,
                                 size_t *n) {
    weir_text_buffer *body = &r->x->body;
    if (!r->is_refused) {
        if (*n > r->http->options.max_body - body->n)
            return refuse_body(r, connection);
        weir_text_buffer_add(body, bytes, *n);
        if (body->has_failed)
            return MHD_NO;
    }
    *n = 0;
    return MHD_YES;
}

static bool pass_on(request *r) {
    r->is_passed = weir_watch_add(r->http->watch, r->fd, r->x);
    if (r->is_passed)
        weir_pool_push(r->http->pool, r->x);
    return r->is_passed;
}

enum MHD_Result weir_serve_access(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *n_upload, void **request_at) {
    request *r = *request_at;
    (void)version;
    if (!r)
        return begin(cls, connection, url, method, request_at);
    if (*n_upload > 0)
        return take_body(r, connection, upload, n_upload);
    if (r->is_refused)
        return queue_reply(r, connection);
    if (!r->is_passed && !pass_on(r))
        return MHD_NO;
    return weir_exchange_wait(r->x) ? MHD_YES : queue_reply(r, connection);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Of a request that nobody has replied to. */
static int status_of_failure(const request *r, enum MHD_RequestTerminationCode how) {
    if (r->is_passed)
        return CLIENT_CLOSED_REQUEST;
    if (how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
        return 408;
    /* The library has found the body to be malformed, and has said so. */
    return how == MHD_REQUEST_TERMINATED_WITH_ERROR ? 400 : CLIENT_CLOSED_REQUEST;
}

static void tell_end(const request *r, enum MHD_RequestTerminationCode how,
                     const weir_outcome *outcome) {
    const weir_http_options *options = &r->http->options;
    bool is_whole = r->is_told || how == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    bool has_reply = outcome->form != WEIR_FORM_NONE;
    int status = has_reply ? outcome->http_status : status_of_failure(r, how);
    uint64_t n_bytes = outcome->n_taken;
    if (is_whole && strcmp(r->x->method, "HEAD") != 0)
        n_bytes += outcome->n_whole;
    bool was_gone = has_reply ? outcome->is_gone || !is_whole : status == CLIENT_CLOSED_REQUEST;
    if (options->on_end)
        options->on_end(options->context, r->x, status, n_bytes, weir_clock_s() - r->x->arrived_s,
                        was_gone);
}

void weir_serve_completed(void *cls, struct MHD_Connection *connection, void **request_at,
                          enum MHD_RequestTerminationCode how) {
    const weir_http *http = cls;
    request *r = *request_at;
    if (!r)
        return;
    *request_at = NULL;
    if (r->is_passed)
        weir_watch_remove(http->watch, r->fd);
    weir_outcome outcome = weir_exchange_detach(r->x);
    tell_end(r, how, &outcome);
    if (!r->is_passed && !r->is_refused)
        weir_exchange_release(r->x); /* no service has seen it */
    /* The next request has to come in time again. */
    if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                  (unsigned)http->options.timeout_s);
    free_request(r);
}

void weir_serve_connection(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what) {
    weir_http *http = cls;
    (void)context;
    if (what != MHD_CONNECTION_NOTIFY_CLOSED)
        return;
    atomic_fetch_sub(&http->n_connections, 1);
    int fd = dup(fd_of(connection));
    if (fd >= 0)
        weir_watch_linger(http->watch, fd);
}

#endif
