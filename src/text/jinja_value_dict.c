/*
 * jinja_value_dict.c: dicts in the order of insertion.
 *
 * Owns hashing. Numbers that are equal hash alike (1, True and 1.0 are one key). A hash table over
 * the entries exists only for larger dicts. Invariant: entries[0 .. n) are all in use and in order;
 * every slot holds the index + 1 of an entry or 0.
 */
#include <assert.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "text/jinja_value.h"

enum { FEW_ENTRIES = 8 };

weir_status weir_jinja_new_dict(weir_jinja_run *run, weir_jinja_type type, weir_jinja_value *out) {
    weir_jinja_dict *dict = weir_jinja_take(run, sizeof *dict);
    if (dict == NULL)
        return run->status;
    *dict = (weir_jinja_dict){0};
    *out = (weir_jinja_value){.type = (uint8_t)type, .as.dict = dict};
    return WEIR_STATUS_OK;
}

/* ---- hashes -------------------------------------------------------------------------------- */

static uint64_t hash_bytes(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}

static uint64_t hash_int(int64_t x) {
    return hash_bytes(&x, sizeof x);
}

static uint64_t hash_float(double x) {
    bool is_int = x >= -0x1p63 && x < 0x1p63 && x == floor(x);
    return is_int ? hash_int((int64_t)x) : hash_bytes(&x, sizeof x);
}

static weir_status hash_value(weir_jinja_run *run, weir_jinja_value v, uint64_t *out);

static weir_status hash_tuple(weir_jinja_run *run, const weir_jinja_list *tuple, uint64_t *out) {
    uint64_t both[2] = {tuple->n, 0};
    WEIR_TRY(weir_jinja_enter(run));
    for (size_t i = 0; i < tuple->n; i++) {
        WEIR_TRY(hash_value(run, tuple->items[i], &both[1]));
        both[0] = hash_bytes(both, sizeof both);
    }
    weir_jinja_leave(run);
    *out = both[0];
    return WEIR_STATUS_OK;
}

static weir_status hash_value(weir_jinja_run *run, weir_jinja_value v, uint64_t *out) {
    WEIR_TRY(weir_jinja_step(run, 1));
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
    case WEIR_JINJA_NONE:
        *out = v.type;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_BOOL:
        *out = hash_int(v.as.boolean);
        return WEIR_STATUS_OK;
    case WEIR_JINJA_INT:
        *out = hash_int(v.as.integer);
        return WEIR_STATUS_OK;
    case WEIR_JINJA_BIG_INT:
        *out = hash_float(weir_jinja_to_float(v));
        return WEIR_STATUS_OK;
    case WEIR_JINJA_FLOAT:
        *out = hash_float(v.as.real);
        return WEIR_STATUS_OK;
    case WEIR_JINJA_STRING:
        *out = hash_bytes(v.as.string->data, v.as.string->n);
        return weir_jinja_step(run, v.as.string->n / 64);
    case WEIR_JINJA_TUPLE:
        return hash_tuple(run, v.as.list, out);
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_ITERATOR:
    case WEIR_JINJA_OBJECT:
        *out = hash_bytes(&v.as, sizeof v.as);
        return WEIR_STATUS_OK;
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_DICT:
        break;
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "unhashable type: '%s'",
                           weir_jinja_type_name(v));
}

/* ---- look-up ------------------------------------------------------------------------------- */

/* Returns how many slots it looked at. */
static size_t put_slot(weir_jinja_dict *dict, size_t entry) {
    size_t steps = 0;
    for (;; steps++) {
        uint32_t *slot = &dict->slots[(dict->entries[entry].hash + steps) & (dict->n_slots - 1)];
        if (*slot == 0) {
            *slot = (uint32_t)(entry + 1);
            return steps + 1;
        }
    }
}

/* The entry that the search for `hash` meets after `*at` steps; NULL: there is none further. */
static weir_jinja_entry *next_candidate(const weir_jinja_dict *dict, uint64_t hash, size_t *at) {
    if (dict->slots == NULL) {
        while (*at < dict->n) {
            weir_jinja_entry *entry = &dict->entries[(*at)++];
            if (entry->hash == hash)
                return entry;
        }
        return NULL;
    }
    for (;;) {
        uint32_t slot = dict->slots[(hash + (*at)++) & (dict->n_slots - 1)];
        if (slot == 0)
            return NULL;
        if (dict->entries[slot - 1].hash == hash)
            return &dict->entries[slot - 1];
    }
}

static weir_status find_hashed(weir_jinja_run *run, const weir_jinja_dict *dict,
                               weir_jinja_value key, uint64_t hash, weir_jinja_entry **out) {
    for (size_t at = 0, charged = 0;; charged = at) {
        *out = next_candidate(dict, hash, &at);
        WEIR_TRY(weir_jinja_step(run, at - charged));
        if (*out == NULL)
            return WEIR_STATUS_OK;
        bool is_equal;
        WEIR_TRY(weir_jinja_equal(run, (*out)->key, key, &is_equal));
        if (is_equal)
            return WEIR_STATUS_OK;
    }
}

weir_status weir_jinja_find(weir_jinja_run *run, const weir_jinja_dict *dict, weir_jinja_value key,
                            weir_jinja_entry **entry) {
    uint64_t hash;
    WEIR_TRY(hash_value(run, key, &hash));
    return find_hashed(run, dict, key, hash, entry);
}

weir_jinja_entry *weir_jinja_find_text(const weir_jinja_dict *dict, const char *text, size_t n) {
    uint64_t hash = hash_bytes(text, n);
    for (size_t at = 0;;) {
        weir_jinja_entry *entry = next_candidate(dict, hash, &at);
        if (entry == NULL)
            return NULL;
        const weir_jinja_string *key = entry->key.as.string;
        if (entry->key.type == WEIR_JINJA_STRING && key->n == n && memcmp(key->data, text, n) == 0)
            return entry;
    }
}

/* ---- change -------------------------------------------------------------------------------- */

static weir_status rebuild_slots(weir_jinja_run *run, weir_jinja_dict *dict, size_t n_slots) {
    WEIR_TRY(weir_jinja_step(run, n_slots / 8));
    if (n_slots != dict->n_slots) {
        dict->slots = weir_jinja_take_array(run, n_slots, sizeof *dict->slots);
        if (dict->slots == NULL)
            return run->status;
        dict->n_slots = n_slots;
    }
    memset(dict->slots, 0, n_slots * sizeof *dict->slots);
    for (size_t i = 0; i < dict->n; i++)
        WEIR_TRY(weir_jinja_step(run, put_slot(dict, i)));
    return WEIR_STATUS_OK;
}

static weir_status make_room(weir_jinja_run *run, weir_jinja_dict *dict) {
    if (dict->n == dict->cap) {
        size_t cap = dict->cap < 4 ? 4 : dict->cap * 2;
        weir_jinja_entry *entries = weir_jinja_take_array(run, cap, sizeof *entries);
        if (entries == NULL)
            return run->status;
        if (dict->n != 0)
            memcpy(entries, dict->entries, dict->n * sizeof *entries);
        dict->entries = entries;
        dict->cap = cap;
    }
    if (dict->n >= UINT32_MAX - 1)
        return weir_jinja_fail(run, WEIR_STATUS_FULL, "a dict has too many entries");
    if (dict->n < FEW_ENTRIES || dict->n + dict->n / 2 < dict->n_slots)
        return WEIR_STATUS_OK;
    return rebuild_slots(run, dict, dict->n_slots == 0 ? 4 * FEW_ENTRIES : dict->n_slots * 2);
}

weir_status weir_jinja_set(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_value key,
                           weir_jinja_value value) {
    uint64_t hash;
    weir_jinja_entry *entry;
    WEIR_TRY(hash_value(run, key, &hash));
    WEIR_TRY(find_hashed(run, dict, key, hash, &entry));
    if (entry != NULL) {
        entry->value = value;
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(make_room(run, dict));
    dict->entries[dict->n++] = (weir_jinja_entry){key, value, hash};
    return dict->slots == NULL ? WEIR_STATUS_OK : weir_jinja_step(run, put_slot(dict, dict->n - 1));
}

weir_status weir_jinja_remove(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_entry *entry) {
    size_t at = (size_t)(entry - dict->entries);
    assert(at < dict->n);
    dict->n--;
    WEIR_TRY(weir_jinja_step(run, dict->n - at));
    memmove(entry, entry + 1, (dict->n - at) * sizeof *entry);
    return dict->slots == NULL ? WEIR_STATUS_OK : rebuild_slots(run, dict, dict->n_slots);
}

weir_status weir_jinja_update(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_value from) {
    if (from.type == WEIR_JINJA_DICT) {
        for (size_t i = 0; i < from.as.dict->n; i++)
            WEIR_TRY(weir_jinja_set(run, dict, from.as.dict->entries[i].key,
                                    from.as.dict->entries[i].value));
        return WEIR_STATUS_OK;
    }
    weir_jinja_items pairs, pair;
    WEIR_TRY(weir_jinja_iterate(run, from, &pairs));
    for (size_t i = 0; i < pairs.n; i++) {
        WEIR_TRY(weir_jinja_iterate(run, pairs.items[i], &pair));
        if (pair.n != 2)
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "dictionary update sequence element #%zu has length %zu; 2 is "
                                   "required",
                                   i, pair.n);
        WEIR_TRY(weir_jinja_set(run, dict, pair.items[0], pair.items[1]));
    }
    return WEIR_STATUS_OK;
}
