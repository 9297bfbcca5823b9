/*
 * http.h: the door of the server: sockets, limits, keys, origins, threads. Knows of
 * the APIs only the shape of their errors.
 */
#ifndef WEIR_SERVER_HTTP_H
#define WEIR_SERVER_HTTP_H

#include "exchange.h"

typedef struct weir_http weir_http;

typedef struct weir_http_options {
    const char *host;     /* address to listen at; NULL: "127.0.0.1" */
    uint16_t port;        /* 0: any that is free (weir_http_port tells it) */
    const char *socket;   /* path of a Unix socket, instead of host and port; NULL: none */
    int inherited_fd;     /* a listening socket of systemd's, instead of all; -1: none */
    uint32_t n_inherited; /* it and those behind it; 0: one */
    const char *tls_cert; /* PEM files; NULL: no TLS */
    const char *tls_key;
    const char *keys_path;      /* file of API keys (docs/server.md); NULL: none are wanted */
    const char *const *origins; /* [n_origins] of browsers that are let in besides the server's own
                                   and those on this host; "*": all */
    size_t n_origins;
    size_t max_body;          /* bytes; 0: 32 MiB. Beyond: 413 */
    size_t max_header;        /* bytes of all headers; 0: 64 KiB. Beyond: 431 */
    size_t max_waiting;       /* bytes of a stream that a client may leave unread; 0: 16 MiB */
    uint32_t max_connections; /* 0: 4096 */
    uint32_t timeout_s;       /* of a silent connection while a request is read; 0: 60 */
    uint32_t n_threads;       /* of the pool that runs on_request; 0: 2 */
    /* Called on a thread of the pool for every request that passed the door. */
    void (*on_request)(void *context, weir_exchange *x);
    /* One line of a log for every exchange that ended; may be NULL. n_bytes: of the reply's body.
     */
    void (*on_end)(void *context, const weir_exchange *x, int http_status, uint64_t n_bytes,
                   double seconds, bool was_gone);
    void *context;
} weir_http_options;

/* Listens and serves on threads of its own. BAD_ARGUMENT, BAD_FILE (keys, certificate), IO with the
 * address that cannot be had. UNSUPPORTED: built without libmicrohttpd. The page at / and
 * paths below /live, /ready and /health pass without a key. */
weir_status weir_http_open(weir_http **out, const weir_http_options *options, weir_error *err);
uint16_t weir_http_port(const weir_http *http); /* 0 for a Unix socket */
/* "http://127.0.0.1:8080", "unix:/run/weir.sock" */
const char *weir_http_address(const weir_http *http);
/* No new connections are accepted; requests on open ones still are. */
void weir_http_stop_listening(weir_http *http);
uint32_t weir_http_n_exchanges(const weir_http *http); /* whose reply has not ended */
/* Ends all: clients of replies that have not ended are cut off. No on_request runs afterwards. */
void weir_http_close(weir_http **http);

#endif
