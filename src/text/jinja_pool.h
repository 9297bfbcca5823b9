/*
 * jinja_pool.h: the memory of one compiled template: blocks that never move and go all at once. A
 * zeroed struct is an empty pool. Not thread-safe while taking.
 */
#ifndef WEIR_TEXT_JINJA_POOL_H
#define WEIR_TEXT_JINJA_POOL_H

#include "weir.h"

typedef struct weir_jinja_pool {
    struct weir_jinja_pool_chunk *chunks; /* newest first */
} weir_jinja_pool;

/* Zeroed bytes, aligned for any type; NULL without memory. */
void *weir_jinja_pool_take(weir_jinja_pool *pool, size_t bytes);

/* Leaves an empty pool. */
void weir_jinja_pool_free(weir_jinja_pool *pool);

#endif
