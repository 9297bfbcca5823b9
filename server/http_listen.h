/*
 * http_listen.h: the sockets that a server listens at, and the address that it tells.
 */
#ifndef WEIR_SERVER_HTTP_LISTEN_H
#define WEIR_SERVER_HTTP_LISTEN_H

#include "http.h"

enum { WEIR_LISTEN_MAX = 8 };

typedef struct weir_listen {
    int fd[WEIR_LISTEN_MAX]; /* [n], non-blocking */
    size_t n;
    uint16_t port;     /* 0: a Unix socket */
    bool is_loopback;  /* by TCP nobody but this host can connect, and it can */
    char *address;     /* "http://127.0.0.1:8080" */
    char *socket_path; /* of a Unix socket that is ours; NULL: none */
    uint64_t socket_device, socket_inode;
} weir_listen;

/* All addresses that options->host has; the Unix socket; or those inherited. A Unix socket that
 * nobody listens at any more is replaced, and the new one is its owner's alone. IO with the address
 * that cannot be had; BAD_ARGUMENT. *out is to be closed in any case. */
weir_status weir_listen_open(weir_listen *out, const weir_http_options *options, weir_error *err);
/* Closes the sockets and removes the Unix socket's name, unless it is another's by now. Keeps the
 * address. */
void weir_listen_stop(weir_listen *listen);
void weir_listen_close(weir_listen *listen);

#endif
