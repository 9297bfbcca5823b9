/*
 * http_pool.h: the threads that requests are read and answered on.
 */
#ifndef WEIR_SERVER_HTTP_POOL_H
#define WEIR_SERVER_HTTP_POOL_H

#include "exchange.h"

typedef struct weir_pool weir_pool;

/* run is called on one of n threads for every exchange that was pushed, in their order. */
weir_status weir_pool_open(weir_pool **out, uint32_t n,
                           void (*run)(void *context, weir_exchange *x), void *context,
                           weir_error *err);
/* Any thread. Never waits. */
void weir_pool_push(weir_pool *pool, weir_exchange *x);
/* Waits for the calls that run; there are none from then on, whatever is still pushed. */
void weir_pool_stop(weir_pool *pool);
/* What was pushed and never run is released. */
void weir_pool_close(weir_pool **pool);

#endif
