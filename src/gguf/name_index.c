/*
 * name_index.c: names by number and numbers by name.
 *
 * Owns the copies and the table, nothing of what the names stand for. Invariant: the table is at
 * most half full, so a probe always ends; every name is in it exactly once.
 */
#include "gguf/name_index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

struct weir_name {
    const char *text; /* [size + 1] */
    size_t size;
    uint64_t hash;
};

struct weir_name_chunk {
    struct weir_name_chunk *next;
    size_t used, size;
    char text[]; /* [size] */
};

enum { FIRST_SLOTS = 64, CHUNK_BYTES = 16384 };

/* The seed is a secret of this set: a file cannot be built so that its names collide. */
static uint64_t random_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed; /* early boot: the stack's random place will do */
    return seed;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t find_slot(const weir_names *names, const char *name, size_t n, uint64_t hash) {
    size_t mask = names->n_slots - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        if (names->slots[slot] == 0)
            return slot;
        const struct weir_name *other = &names->names[names->slots[slot] - 1];
        if (other->hash == hash && other->size == n && memcmp(other->text, name, n) == 0)
            return slot;
    }
}

static bool grow_slots(weir_names *names) {
    size_t n_slots = names->n_slots == 0 ? FIRST_SLOTS : names->n_slots * 2;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;
    size_t mask = n_slots - 1;
    for (size_t i = 0; i < names->n_names; i++) {
        size_t slot = names->names[i].hash & mask;
        while (slots[slot] != 0)
            slot = (slot + 1) & mask;
        slots[slot] = (uint32_t)(i + 1);
    }
    free(names->slots);
    names->slots = slots;
    names->n_slots = n_slots;
    return true;
}

static char *copy_text(weir_names *names, const char *name, size_t n) {
    struct weir_name_chunk *chunk = names->chunks;
    if (chunk == NULL || chunk->size - chunk->used < n + 1) {
        size_t size = n + 1 > CHUNK_BYTES ? n + 1 : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk)
            return NULL;
        chunk->next = names->chunks;
        chunk->used = 0;
        chunk->size = size;
        names->chunks = chunk;
    }
    char *copy = chunk->text + chunk->used;
    memcpy(copy, name, n);
    copy[n] = '\0';
    chunk->used += n + 1;
    return copy;
}

bool weir_names_add(weir_names *names, const char *name, size_t n, size_t *index, bool *is_new) {
    if (names->n_slots == 0)
        names->seed = random_seed();
    if (names->n_names >= UINT32_MAX - 1)
        return false;
    if (2 * (names->n_names + 1) > names->n_slots && !grow_slots(names))
        return false;
    uint64_t hash = XXH3_64bits_withSeed(name, n, names->seed);
    size_t slot = find_slot(names, name, n, hash);
    if (names->slots[slot] != 0) {
        *index = names->slots[slot] - 1;
        *is_new = false;
        return true;
    }
    if (names->n_names == names->cap_names) {
        size_t cap = names->cap_names == 0 ? FIRST_SLOTS / 2 : names->cap_names * 2;
        struct weir_name *grown = realloc(names->names, cap * sizeof *grown);
        if (!grown)
            return false;
        names->names = grown;
        names->cap_names = cap;
    }
    char *copy = copy_text(names, name, n);
    if (!copy)
        return false;
    names->names[names->n_names] = (struct weir_name){copy, n, hash};
    *index = names->n_names++;
    *is_new = true;
    names->slots[slot] = (uint32_t)names->n_names;
    return true;
}

const char *weir_names_at(const weir_names *names, size_t i) {
    return names->names[i].text;
}

size_t weir_names_find(const weir_names *names, const char *name, size_t n) {
    if (names->n_slots == 0)
        return SIZE_MAX;
    size_t slot = find_slot(names, name, n, XXH3_64bits_withSeed(name, n, names->seed));
    return names->slots[slot] == 0 ? SIZE_MAX : names->slots[slot] - 1;
}

void weir_names_clear(weir_names *names) {
    for (struct weir_name_chunk *chunk = names->chunks; chunk != NULL;) {
        struct weir_name_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(names->names);
    free(names->slots);
    *names = (weir_names){0};
}
