/*
 * load_address.h: where the server of a load generator is: a URL, or a Unix socket, as an address
 * to connect to. Owns nothing that has to be closed.
 */
#ifndef WEIR_TOOLS_LOAD_ADDRESS_H
#define WEIR_TOOLS_LOAD_ADDRESS_H

#include "weir.h"

#include <sys/socket.h>

enum { WEIR_LOAD_HOST = 256 };

typedef struct weir_load_address {
    char host[WEIR_LOAD_HOST];   /* with its port, as the Host header says it */
    char prefix[WEIR_LOAD_HOST]; /* of every path; "" */
    struct sockaddr_storage bytes;
    socklen_t n_bytes;
} weir_load_address;

/* url: http://HOST[:PORT][/PREFIX], of which a /v1 at the end is no part. socket: path of a Unix
 * socket to connect to instead; NULL: none. The first address at which somebody answers is taken;
 * one connection is made and closed for that. BAD_ARGUMENT for the URL and for https; IO if nobody
 * answers. */
weir_status weir_load_address_find(weir_load_address *out, const char *url, const char *socket,
                                   weir_error *err);

#endif
