/*
 * lookup.c: how the tables of a tokenizer are filled. Open addressing, linear probing. Invariant:
 * less than half of the slots are taken, so every probe ends.
 */
#include "text/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FEWEST_SLOTS = 16 };

/* 0 where the count has no room in size_t. */
static size_t n_slots_for(size_t n_most) {
    size_t n = FEWEST_SLOTS;
    while (n / 2 <= n_most) {
        if (n > SIZE_MAX / 4)
            return 0;
        n *= 2;
    }
    return n;
}

/* ---- ids by text --------------------------------------------------------------------------- */

bool weir_text_ids_open(weir_text_ids *out, const weir_text *texts, size_t n_most) {
    *out = (weir_text_ids){.texts = texts, .seed = weir_seed_random()};
    out->n_slots = n_slots_for(n_most);
    out->slots = calloc(out->n_slots, sizeof *out->slots);
    return out->slots != NULL && out->n_slots > 0;
}

void weir_text_ids_close(weir_text_ids *ids) {
    free(ids->slots);
    *ids = (weir_text_ids){0};
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t slot_of(const weir_text_ids *ids, const char *data, size_t n, uint64_t hash) {
    size_t mask = ids->n_slots - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint64_t slot = ids->slots[at];
        if (slot == 0)
            return at;
        if (slot >> 32 != hash >> 32)
            continue;
        const weir_text *text = &ids->texts[(uint32_t)slot - 1];
        if (text->size == n && memcmp(text->data, data, n) == 0)
            return at;
    }
}

void weir_text_ids_add(weir_text_ids *ids, int32_t id) {
    const weir_text *text = &ids->texts[id];
    uint64_t hash = XXH3_64bits_withSeed(text->data, text->size, ids->seed);
    size_t at = slot_of(ids, text->data, text->size, hash);
    if (ids->slots[at] == 0)
        ids->slots[at] = (hash >> 32) << 32 | ((uint32_t)id + 1);
}

int32_t weir_text_ids_find(const weir_text_ids *ids, const char *data, size_t n) {
    uint64_t hash = XXH3_64bits_withSeed(data, n, ids->seed);
    return (int32_t)(uint32_t)ids->slots[slot_of(ids, data, n, hash)] - 1;
}

/* ---- values by key ------------------------------------------------------------------------- */

bool weir_key_map_open(weir_key_map *out, size_t n_most) {
    *out = (weir_key_map){.seed = weir_seed_random(), .n_slots = n_slots_for(n_most)};
    out->slots = calloc(out->n_slots, sizeof *out->slots);
    if (out->slots == NULL || out->n_slots == 0)
        return false;
    for (size_t i = 0; i < out->n_slots; i++)
        out->slots[i] = (weir_key_slot){WEIR_KEY_NONE, WEIR_KEY_NONE};
    return true;
}

void weir_key_map_close(weir_key_map *map) {
    free(map->slots);
    *map = (weir_key_map){0};
}

void weir_key_map_put(weir_key_map *map, uint64_t key, uint64_t value) {
    assert(key != WEIR_KEY_NONE);
    size_t mask = map->n_slots - 1, at = weir_mix(key ^ map->seed) & mask;
    while (map->slots[at].key != key && map->slots[at].key != WEIR_KEY_NONE)
        at = (at + 1) & mask;
    if (map->slots[at].key == WEIR_KEY_NONE)
        map->slots[at] = (weir_key_slot){key, value};
}
