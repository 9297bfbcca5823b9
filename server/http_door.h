/*
 * http_door.h: who may come in: the head of a request against limits, host, origin and keys. Knows
 * neither sockets nor the HTTP library.
 */
#ifndef WEIR_SERVER_HTTP_DOOR_H
#define WEIR_SERVER_HTTP_DOOR_H

#include "exchange_parts.h"
#include "http_keys.h"

typedef struct weir_door {
    const char *host;            /* as the options gave it; NULL: none */
    bool is_loopback;            /* nobody from outside can connect: the Host header is checked */
    char *const *origins;        /* [n_origins] that are let in besides those of this host */
    size_t n_origins;            /* "*": all */
    const weir_keys *keys;       /* NULL: none are wanted */
    size_t max_body, max_header; /* bytes */
} weir_door;

/* A reply of the door's own. http_status 0: none. */
typedef struct weir_refusal {
    int http_status;
    const char *type, *code;
    char message[160];
} weir_refusal;

/* Looks at all but the body, which has not come: sets the key's name, and the headers that let
 * scripts of an origin read the reply. false: refused. */
bool weir_door_check(const weir_door *door, weir_exchange *x, size_t header_bytes,
                     weir_refusal *out);
void weir_door_refuse_body(const weir_door *door, weir_refusal *out); /* beyond max_body */
/* Does a browser ask what a script may do? Then weir_door_reply_preflight is the reply. */
bool weir_door_is_preflight(const weir_exchange *x);
void weir_door_reply_preflight(weir_exchange *x);
/* In the shape of the API that the request is for. */
void weir_door_reply(weir_exchange *x, const weir_refusal *refusal);
/* May a body come with this request, of more than a few bytes or of unknown size, or would the
 * client rather hear first? Then a refusal does not wait for it. */
bool weir_door_expects_much(const weir_exchange *x);

#endif
