/*
 * name_index.h: a set of names, numbered in the order they came.
 *
 * Owns copies of the names (0-terminated, they never move) and a hash table over them, so that a
 * file of n names is checked for duplicates in linear time, whoever made the file. A zeroed struct
 * is an empty set. Not thread-safe while adding; any thread may look up afterwards.
 */
#ifndef WEIR_GGUF_NAME_INDEX_H
#define WEIR_GGUF_NAME_INDEX_H

#include "weir.h"

typedef struct weir_names {
    struct weir_name *names; /* [n_names] */
    size_t n_names;
    size_t cap_names;
    uint32_t *slots; /* [n_slots] number + 1 of a name, 0: free; n_slots is a power of two */
    size_t n_slots;
    struct weir_name_chunk *chunks; /* the copies' memory, newest first */
    uint64_t seed;
} weir_names;

/* Adds a copy of name[0..n). *index: its number; of the first one if it was there already
 * (*is_new false). name holds no 0 byte. False without memory; nothing is added then. */
bool weir_names_add(weir_names *names, const char *name, size_t n, size_t *index, bool *is_new);

/* Name number i, i < n_names. */
const char *weir_names_at(const weir_names *names, size_t i);

/* SIZE_MAX if absent. */
size_t weir_names_find(const weir_names *names, const char *name, size_t n);

/* Leaves an empty set. */
void weir_names_clear(weir_names *names);

#endif
