/*
 * exchange.h: one HTTP request and its reply, free of any HTTP library.
 *
 * http.c makes exchanges and hands each, its body whole, to the service on a thread of its pool.
 * From then on any thread may write the reply: all of it at once (weir_exchange_reply), or a stream
 * (begin, write ..., end). Exactly one of the two, exactly once; it is the last use of the
 * exchange, but for those who were told that its client is gone. Writing to an exchange whose
 * client is gone does nothing. No call waits for the client.
 */
#ifndef WEIR_SERVER_EXCHANGE_H
#define WEIR_SERVER_EXCHANGE_H

#include "base/compiler.h"
#include "weir.h"

typedef struct weir_exchange weir_exchange;

/* ---- the request: valid until the reply has ended ------------------------------------------- */

const char *weir_exchange_method(const weir_exchange *x); /* "POST" */
const char *weir_exchange_path(const weir_exchange *x);   /* "/v1/models", without the query */
/* Value of a parameter of the query, of a header (any case); NULL: there is none. */
const char *weir_exchange_query(const weir_exchange *x, const char *name);
const char *weir_exchange_header(const weir_exchange *x, const char *name);
const char *weir_exchange_body(const weir_exchange *x, size_t *n); /* 0-terminated */
/* "req_" and 24 hex digits, or what the client sent as X-Request-Id (64 of [A-Za-z0-9_.-] at most);
 * goes back in X-Request-Id. */
const char *weir_exchange_id(const weir_exchange *x);
/* Name of the API key that opened the door; "": no keys are wanted. */
const char *weir_exchange_key(const weir_exchange *x);
/* Answers that it may have at once, running or waiting; 0: nothing of its own is said. */
uint32_t weir_exchange_key_limit(const weir_exchange *x);
double weir_exchange_arrived_s(const weir_exchange *x); /* weir_clock_s, when its head had come */

/* ---- the reply ------------------------------------------------------------------------------ */

/* Before reply or begin. Copied. */
void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value);

/* The whole reply; body [n] is copied. type: NULL for application/json. */
void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n);

/* A stream: type "text/event-stream". What is written is buffered without limit of time, but if
 * the client reads so slowly that more than the server's limit waits, it is taken as gone. */
void weir_exchange_begin(weir_exchange *x, int http_status, const char *type);
void weir_exchange_write(weir_exchange *x, const char *bytes, size_t n);
void weir_exchange_end(weir_exchange *x);

/* on_gone is called once, from any thread, as soon as the client is known to have left before the
 * end of its reply; at once if it already has. It must be quick, may not call the exchange, and is
 * never called after weir_exchange_reply or weir_exchange_end has returned. */
void weir_exchange_on_gone(weir_exchange *x, void (*on_gone)(void *context), void *context);

#endif
