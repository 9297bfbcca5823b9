/*
 * http.c: the life of a server: options, keys, certificate, sockets, threads.
 *
 *   watch thread    accepts, sees hang-ups                       http_watch.c
 *   library thread  reads requests, writes replies, all of them  http_serve.c
 *   pool threads    run on_request                               http_pool.c
 *
 * Owns the order in which they come and go. Connections are accepted here and given to the library:
 * its own way of ceasing to listen races with its thread. Invariant: when the library is stopped no
 * connection sleeps, for all exchanges have been left and none was added since.
 */
#include "http.h"

#include "base/error.h"

#ifdef WEIR_HAS_SERVER

#include "base/file.h"
#include "http_parts.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PEM_MAX_BYTES = 1 << 20,
    /* A dead peer is noticed after a minute and a half, though nothing is written to it. */
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_EVERY_S = 10,
    KEEPALIVE_PROBES = 3,
    /* A connection may be counted by the library still when it is not by us any more. */
    SPARE_CONNECTIONS = 64,
};

/* ---- options ------------------------------------------------------------------------------ */

static weir_status check_options(const weir_http_options *o, weir_error *err) {
    if (!o->on_request)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "on_request: expected a function");
    if (!o->tls_cert != !o->tls_key)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "TLS: expected a certificate and its key, got only one of them");
    if (o->max_header > 1 << 24)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "headers: expected 16 MiB at most");
    for (size_t i = 0; i < o->n_origins; i++) {
        const char *origin = o->origins[i], *host = strstr(origin, "://");
        if (strcmp(origin, "*") != 0 && (!host || !host[3] || strpbrk(host + 3, "/ ,")))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "'%.100s' is no origin: expected SCHEME://HOST, perhaps with :PORT, "
                             "or *",
                             origin);
    }
    return WEIR_STATUS_OK;
}

static void fill_defaults(weir_http_options *o) {
    o->max_body = o->max_body ? o->max_body : 32u << 20;
    o->max_header = o->max_header ? o->max_header : 64u << 10;
    o->max_waiting = o->max_waiting ? o->max_waiting : 16u << 20;
    o->max_connections = o->max_connections ? o->max_connections : 4096;
    o->timeout_s = o->timeout_s ? o->timeout_s : 60;
    o->n_threads = o->n_threads ? o->n_threads : 2;
}

/* The caller's strings need not outlive the call. */
static weir_status copy_options(weir_http *http, const weir_http_options *options,
                                weir_error *err) {
    http->options = *options;
    fill_defaults(&http->options);
    bool has_all = true;
    if (options->host) {
        http->host = strdup(options->host);
        has_all = http->host != NULL;
    }
    http->origins = calloc(options->n_origins + 1, sizeof *http->origins);
    has_all = has_all && http->origins;
    for (size_t i = 0; has_all && i < options->n_origins; i++) {
        http->origins[i] = strdup(options->origins[i]);
        has_all = http->origins[i] != NULL;
    }
    return has_all ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the server");
}

/* The library would refuse a bad certificate without a word. */
static weir_status check_certificate(const weir_http *http, const weir_http_options *o,
                                     weir_error *err) {
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t cert = {(unsigned char *)http->tls_cert, (unsigned)strlen(http->tls_cert)};
    gnutls_datum_t key = {(unsigned char *)http->tls_key, (unsigned)strlen(http->tls_key)};
    int result = gnutls_certificate_allocate_credentials(&credentials);
    if (result >= 0) {
        result = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
        gnutls_certificate_free_credentials(credentials);
    }
    if (result >= 0)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "%s, %s: expected a certificate and its key in PEM: %s", o->tls_cert,
                     o->tls_key, gnutls_strerror(result));
}

static weir_status open_certificate(weir_http *http, const weir_http_options *o, weir_error *err) {
    size_t n;
    if (!o->tls_cert)
        return WEIR_STATUS_OK;
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "libmicrohttpd was built without TLS");
    WEIR_TRY(weir_file_read(o->tls_cert, PEM_MAX_BYTES, &http->tls_cert, &n, err));
    WEIR_TRY(weir_file_read(o->tls_key, PEM_MAX_BYTES, &http->tls_key, &n, err));
    return check_certificate(http, o, err);
}

static void open_the_door(weir_http *http) {
    http->door = (weir_door){.host = http->host,
                             .is_loopback = http->listen.is_loopback,
                             .origins = http->origins,
                             .n_origins = http->options.n_origins,
                             .keys = http->keys,
                             .max_body = http->options.max_body,
                             .max_header = http->options.max_header};
}

/* ---- connections -------------------------------------------------------------------------- */

static void set_up(int fd) {
    static const int yes = 1, idle = KEEPALIVE_IDLE_S, every = KEEPALIVE_EVERY_S,
                     probes = KEEPALIVE_PROBES;
    /* None of them is there for a Unix socket, which can do without. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* A client that is told can go elsewhere. With TLS nothing can be said so early. */
static void turn_away(const weir_http *http, int fd) {
    static const char body[] =
        "{\"error\": {\"message\": \"too many connections\", \"type\": \"server_error\", "
        "\"param\": null, \"code\": \"too_many_connections\"}}";
    char reply[512];
    int n = snprintf(reply, sizeof reply,
                     "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     sizeof body - 1, body);
    if (!http->tls_cert)
        (void)!send(fd, reply, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    weir_watch_linger(http->watch, fd);
}

static void on_client(void *context, int fd) {
    weir_http *http = context;
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    if (atomic_fetch_add(&http->n_connections, 1) >= http->options.max_connections) {
        atomic_fetch_sub(&http->n_connections, 1);
        turn_away(http, fd);
        return;
    }
    set_up(fd);
    memset(&address, 0, sizeof address);
    if (getpeername(fd, (struct sockaddr *)&address, &n) != 0) {
        atomic_fetch_sub(&http->n_connections, 1);
        close(fd);
        return;
    }
    /* Closes the socket if it cannot. */
    if (MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, n) != MHD_YES)
        atomic_fetch_sub(&http->n_connections, 1);
}

/* ---- open --------------------------------------------------------------------------------- */

static weir_status start_daemon(weir_http *http, weir_error *err) {
    const weir_http_options *o = &http->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_NO_LISTEN_SOCKET | (http->tls_cert ? MHD_USE_TLS : 0u);
    static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, http->tls_cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, http->tls_key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                   {MHD_OPTION_END, 0, NULL}};
    /* Half of a connection's memory holds the head of a request, the other what the library makes
     * of it and what goes out. */
    size_t memory = 2 * o->max_header + 8192;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, weir_serve_access, http, MHD_OPTION_NOTIFY_COMPLETED,
        weir_serve_completed, http, MHD_OPTION_NOTIFY_CONNECTION, weir_serve_connection, http,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(o->max_connections + SPARE_CONNECTIONS), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)o->timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        http->tls_cert ? tls : &tls[3], MHD_OPTION_END);
    return http->daemon ? WEIR_STATUS_OK
                        : weir_fail(err, WEIR_STATUS_FAILED, "libmicrohttpd cannot be started");
}

static weir_status start_threads(weir_http *http, weir_error *err) {
    weir_watch_options watch = {.listeners = http->listen.fd,
                                .n = http->listen.n,
                                .stuck_s = http->options.timeout_s,
                                .on_client = on_client,
                                .context = http};
    WEIR_TRY(weir_pool_open(&http->pool, http->options.n_threads, http->options.on_request,
                            http->options.context, err));
    WEIR_TRY(weir_watch_open(&http->watch, &watch, err));
    WEIR_TRY(start_daemon(http, err));
    return weir_watch_accept(http->watch, err);
}

/* Signals are for the threads that were there before. */
static weir_status start_threads_deaf(weir_http *http, weir_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    weir_status status = start_threads(http, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

weir_status weir_http_open(weir_http **out, const weir_http_options *options, weir_error *err) {
    weir_status status;
    *out = NULL;
    WEIR_TRY(check_options(options, err));
    weir_http *http = calloc(1, sizeof *http);
    if (!http)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the server");
    WEIR_TRY_GOTO(copy_options(http, options, err));
    if (options->keys_path)
        WEIR_TRY_GOTO(weir_keys_open(&http->keys, options->keys_path, err));
    WEIR_TRY_GOTO(open_certificate(http, options, err));
    WEIR_TRY_GOTO(weir_listen_open(&http->listen, options, err));
    open_the_door(http);
    WEIR_TRY_GOTO(start_threads_deaf(http, err));
    *out = http;
    return WEIR_STATUS_OK;
fail:
    weir_http_close(&http);
    return status;
}

/* ---- while it runs ------------------------------------------------------------------------ */

uint16_t weir_http_port(const weir_http *http) {
    return http->listen.port;
}

const char *weir_http_address(const weir_http *http) {
    return http->listen.address;
}

uint32_t weir_http_n_exchanges(const weir_http *http) {
    return weir_watch_count(http->watch);
}

void weir_http_stop_listening(weir_http *http) {
    atomic_store(&http->is_leaving, true);
    weir_watch_stop_accepting(http->watch);
    weir_listen_stop(&http->listen);
}

/* ---- close -------------------------------------------------------------------------------- */

/* The key of a certificate does not stay behind in memory. */
static void forget(char *text) {
    if (text)
        gnutls_memset(text, 0, strlen(text));
    free(text);
}

static void free_http(weir_http *http) {
    weir_listen_close(&http->listen);
    weir_keys_close(&http->keys);
    for (size_t i = 0; http->origins && i < http->options.n_origins; i++)
        free(http->origins[i]);
    free(http->origins);
    free(http->host);
    free(http->tls_cert);
    forget(http->tls_key);
    free(http);
}

void weir_http_close(weir_http **http) {
    weir_http *h = *http;
    if (!h)
        return;
    if (h->watch) {
        weir_http_stop_listening(h);
        weir_watch_cut_all(h->watch);
    }
    if (h->pool)
        weir_pool_stop(h->pool);
    if (h->daemon) /* until it is stopped it may push */
        MHD_stop_daemon(h->daemon);
    weir_pool_close(&h->pool);
    weir_watch_close(&h->watch);
    free_http(h);
    *http = NULL;
}

#else

weir_status weir_http_open(weir_http **out, const weir_http_options *options, weir_error *err) {
    (void)options;
    *out = NULL;
    return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "weir was built without libmicrohttpd");
}

uint16_t weir_http_port(const weir_http *http) {
    (void)http;
    return 0;
}

const char *weir_http_address(const weir_http *http) {
    (void)http;
    return "";
}

void weir_http_stop_listening(weir_http *http) {
    (void)http;
}

uint32_t weir_http_n_exchanges(const weir_http *http) {
    (void)http;
    return 0;
}

void weir_http_close(weir_http **http) {
    *http = NULL;
}

#endif
