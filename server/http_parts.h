/*
 * http_parts.h: what http.c, which opens and closes a server, and http_serve.c, which the HTTP
 * library calls, share.
 */
#ifndef WEIR_SERVER_HTTP_PARTS_H
#define WEIR_SERVER_HTTP_PARTS_H

#include "http.h"
#include "http_door.h"
#include "http_keys.h"
#include "http_listen.h"
#include "http_pool.h"
#include "http_watch.h"

#include <microhttpd.h>
#include <stdatomic.h>

struct weir_http {
    weir_http_options options; /* with its defaults filled in; strings are the server's own */
    char *host;                /* NULL: none was given */
    char **origins;            /* [options.n_origins], owned */
    weir_door door;
    weir_keys *keys;
    weir_listen listen;
    char *tls_cert, *tls_key; /* what the files hold; NULL: no TLS */
    weir_pool *pool;
    weir_watch *watch;
    struct MHD_Daemon *daemon;
    _Atomic uint32_t n_connections;
    _Atomic bool is_leaving; /* it does not listen any more */
};

/* ---- callbacks of the library; cls is the weir_http ----------------------------------------- */

enum MHD_Result weir_serve_access(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *n_upload, void **request);
void weir_serve_completed(void *cls, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode how);
void weir_serve_connection(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what);

#endif
