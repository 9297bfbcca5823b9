/*
 * jinja_pool.c: chunks of memory for syntax trees. Owns the chunks; gives no single block back.
 * Invariant: blocks begin at multiples of max_align_t and do not overlap.
 */
#include "text/jinja_pool.h"

#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 32 * 1024 };

typedef struct weir_jinja_pool_chunk {
    struct weir_jinja_pool_chunk *next;
    size_t used, cap; /* bytes of data */
    alignas(max_align_t) uint8_t data[];
} weir_jinja_pool_chunk;

void *weir_jinja_pool_take(weir_jinja_pool *pool, size_t bytes) {
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + align - 1) / align * align;
    weir_jinja_pool_chunk *chunk = pool->chunks;
    if (chunk == NULL || chunk->cap - chunk->used < bytes) {
        size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + cap);
        if (chunk == NULL)
            return NULL;
        chunk->next = pool->chunks;
        chunk->cap = cap;
        pool->chunks = chunk;
    }
    void *block = chunk->data + chunk->used;
    chunk->used += bytes;
    return block;
}

void weir_jinja_pool_free(weir_jinja_pool *pool) {
    while (pool->chunks != NULL) {
        weir_jinja_pool_chunk *next = pool->chunks->next;
        free(pool->chunks);
        pool->chunks = next;
    }
}
