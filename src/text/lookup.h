/*
 * lookup.h: the two hash tables of a tokenizer: ids by text, and values by a 64-bit key.
 *
 * Both are filled once and then only read, by any thread. Their seeds are secret, so that no file
 * can be made whose entries collide. Neither owns what it points to.
 */
#ifndef WEIR_TEXT_LOOKUP_H
#define WEIR_TEXT_LOOKUP_H

#include "base/random.h"
#include "gguf/gguf.h"

typedef struct weir_text_ids {
    const weir_text *texts; /* by id; must stay where they are */
    uint64_t *slots;        /* [n_slots] high half of the hash, and id + 1; 0: free */
    size_t n_slots;         /* a power of two, more than twice what may be added */
    uint64_t seed;
} weir_text_ids;

/* Room for n_most ids. False without memory. */
bool weir_text_ids_open(weir_text_ids *out, const weir_text *texts, size_t n_most);
void weir_text_ids_close(weir_text_ids *ids);
/* Of two equal texts the one that came first stays. */
void weir_text_ids_add(weir_text_ids *ids, int32_t id);
/* -1: none. */
int32_t weir_text_ids_find(const weir_text_ids *ids, const char *data, size_t n);

typedef struct weir_key_slot {
    uint64_t key, value;
} weir_key_slot;

typedef struct weir_key_map {
    weir_key_slot *slots; /* [n_slots] */
    size_t n_slots;       /* as above */
    uint64_t seed;
} weir_key_map;

/* No key, and no value. */
#define WEIR_KEY_NONE UINT64_MAX

/* Room for n_most keys. False without memory. */
bool weir_key_map_open(weir_key_map *out, size_t n_most);
void weir_key_map_close(weir_key_map *map);
/* A value that was there stays. */
void weir_key_map_put(weir_key_map *map, uint64_t key, uint64_t value);

/* WEIR_KEY_NONE: not there. */
static inline uint64_t weir_key_map_find(const weir_key_map *map, uint64_t key) {
    size_t mask = map->n_slots - 1;
    for (size_t at = weir_mix(key ^ map->seed) & mask;; at = (at + 1) & mask) {
        const weir_key_slot *slot = &map->slots[at];
        if (slot->key == key || slot->key == WEIR_KEY_NONE)
            return slot->value;
    }
}

#endif
