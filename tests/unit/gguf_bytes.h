/*
 * gguf_bytes.h: GGUF files put together byte by byte, also wrong ones. Knows nothing of the writer
 * in src/gguf, so that reader and writer are tested against it and not against each other only.
 */
#ifndef WEIR_TESTS_GGUF_BYTES_H
#define WEIR_TESTS_GGUF_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
    uint8_t *data; /* [n] of [cap] */
    size_t n, cap;
} bytes;

static inline void bytes_put(bytes *b, const void *data, size_t n) {
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n) + 64;
        b->data = realloc(b->data, b->cap);
        if (!b->data)
            abort();
    }
    if (n > 0)
        memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void bytes_number(bytes *b, uint64_t value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        bytes_put(b, &byte, 1);
    }
}

static inline void bytes_u32(bytes *b, uint32_t value) {
    bytes_number(b, value, 4);
}

static inline void bytes_u64(bytes *b, uint64_t value) {
    bytes_number(b, value, 8);
}

static inline void bytes_string(bytes *b, const char *text) {
    bytes_u64(b, strlen(text));
    bytes_put(b, text, strlen(text));
}

static inline void bytes_pad(bytes *b, size_t multiple) {
    while (b->n % multiple != 0)
        bytes_number(b, 0, 1);
}

static inline void bytes_free(bytes *b) {
    free(b->data);
    *b = (bytes){0};
}

static inline void bytes_header(bytes *b, uint32_t version, uint64_t n_tensors, uint64_t n_kvs) {
    bytes_put(b, "GGUF", 4);
    bytes_u32(b, version);
    bytes_u64(b, n_tensors);
    bytes_u64(b, n_kvs);
}

/* A scalar number of the given type and size. */
static inline void bytes_kv(bytes *b, const char *key, uint32_t type, uint64_t bits, size_t n) {
    bytes_string(b, key);
    bytes_u32(b, type);
    bytes_number(b, bits, n);
}

static inline void bytes_kv_string(bytes *b, const char *key, const char *text) {
    bytes_string(b, key);
    bytes_u32(b, 8);
    bytes_string(b, text);
}

/* The head of an array; the items follow. */
static inline void bytes_kv_array(bytes *b, const char *key, uint32_t item_type, uint64_t n) {
    bytes_string(b, key);
    bytes_u32(b, 9);
    bytes_u32(b, item_type);
    bytes_u64(b, n);
}

/* ne: fastest first, as in the file. */
static inline void bytes_tensor(bytes *b, const char *name, uint32_t n_dims, const uint64_t *ne,
                                uint32_t type, uint64_t offset) {
    bytes_string(b, name);
    bytes_u32(b, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        bytes_u64(b, ne[i]);
    bytes_u32(b, type);
    bytes_u64(b, offset);
}

#endif
