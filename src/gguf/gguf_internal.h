/*
 * gguf_internal.h: what the files of this room share about GGUF: its limits, the numbers inside a
 * file, and the reader's state. Nothing outside src/gguf includes it.
 */
#ifndef WEIR_GGUF_INTERNAL_H
#define WEIR_GGUF_INTERNAL_H

#include "base/file.h"
#include "gguf/gguf.h"
#include "gguf/name_index.h"

enum {
    WEIR_GGUF_ALIGNMENT = 32,              /* without general.alignment */
    WEIR_GGUF_MIN_ALIGNMENT = 8,           /* the format says: a multiple of 8 */
    WEIR_GGUF_MAX_ALIGNMENT = 1024 * 1024, /* ours: more would only be padding */
    WEIR_GGUF_MAX_KEY = 65535,             /* bytes, the format's limit */
    WEIR_GGUF_MAX_NAME = 64,               /* bytes of a tensor name, the format's limit */
    WEIR_GGUF_N_TYPES = 13
};

/* Little-endian number of n <= 8 bytes, at any alignment. */
static inline uint64_t weir_gguf_load(const uint8_t *data, size_t n) {
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

/* Bytes of one value; 0 for strings, arrays and numbers that are no type. */
size_t weir_gguf_item_bytes(uint32_t type);
/* "u32"; "unknown" for a number that is no type. */
const char *weir_gguf_base_type_name(uint32_t type);
/* Bytes of all items of an entry that was checked, from kv->data. */
uint64_t weir_gguf_kv_bytes(const weir_gguf_kv *kv);

/* The metadata of one file. */
typedef struct weir_gguf_meta {
    weir_gguf_kv *kvs; /* [n_kvs], number i has name i of keys */
    size_t n_kvs, cap_kvs;
    weir_names keys;
} weir_gguf_meta;

const weir_gguf_kv *weir_gguf_meta_find(const weir_gguf_meta *meta, const char *key);
void weir_gguf_meta_clear(weir_gguf_meta *meta);

typedef struct weir_gguf_part {
    weir_map map; /* data NULL when opened from memory */
    char *path;
} weir_gguf_part;

struct weir_gguf {
    uint32_t version;
    weir_gguf_meta meta;  /* of the first part */
    weir_tensor *tensors; /* [n_tensors] of all parts in order; number i has name i of names */
    size_t n_tensors, cap_tensors;
    weir_names names;
    weir_gguf_part *parts; /* [n_parts] */
    size_t n_parts, cap_parts;
};

/* Maps the file at path as the next part of g: its tensors are appended, its metadata goes to meta
 * (an empty one, to be cleared by the caller also on failure). */
weir_status weir_gguf_add_part(weir_gguf *g, const char *path, weir_gguf_meta *meta,
                               weir_error *err);

/* How many parts the file with this metadata belongs to, 1 if it is whole. */
weir_status weir_gguf_split_count(const weir_gguf_meta *meta, const char *path, uint64_t *count,
                                  weir_error *err);

/* Fills g (an empty one) from all parts of the split model that the file at path belongs to. */
weir_status weir_gguf_open_parts(weir_gguf *g, const char *path, uint64_t count, weir_error *err);

#endif
