/*
 * bpe.c: the merges of a piece.
 *
 * Two ways to the same ids: short pieces, which are nearly all, are an array that is searched for
 * its lowest pair; long ones are a linked list of symbols with a heap of pairs over it, so that a
 * megabyte of one letter costs n log n. Before either, a piece that is known to become one token is
 * looked up whole; which entries do is found out once, by encoding them all.
 *
 * A pair's value is rank << 32 | result: since every pair has a rank of its own, comparing values
 * compares ranks. A merge that a list has twice counts where it came first. Invariant of the heap:
 * every pair of neighbours that has a merge is in it; entries whose pair is gone are passed over
 * when they come up.
 */
#include "text/bpe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
    SHORT = 32,   /* symbols; from 24 to 96 it makes no difference that can be measured */
    SHOWN = 60,   /* bytes of a foreign text that a message shows */
    HEAP_WAYS = 4 /* children of a node: fewer levels, each one cache line */
};

static uint64_t pair_of(int32_t left, int32_t right) {
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static int32_t result_of(uint64_t value) {
    return (int32_t)(uint32_t)value;
}

/* ---- short pieces -------------------------------------------------------------------------- */

/* ids [n] become fewer; returns how many. */
static size_t merge_short(const weir_bpe *bpe, weir_bpe_room *room, int32_t *ids, size_t n) {
    uint64_t values[SHORT]; /* of the pairs (i, i + 1) */
    for (size_t i = 0; i + 1 < n; i++)
        values[i] = weir_key_map_find(&bpe->merges, pair_of(ids[i], ids[i + 1]));
    room->n_steps += n;
    while (n > 1) {
        size_t at = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (values[i] < values[at])
                at = i;
        if (values[at] == WEIR_KEY_NONE)
            break;
        ids[at] = result_of(values[at]);
        n--;
        memmove(ids + at + 1, ids + at + 2, (n - at - 1) * sizeof *ids);
        memmove(values + at, values + at + 1, (n - at - 1) * sizeof *values);
        if (at > 0)
            values[at - 1] = weir_key_map_find(&bpe->merges, pair_of(ids[at - 1], ids[at]));
        if (at + 1 < n)
            values[at] = weir_key_map_find(&bpe->merges, pair_of(ids[at], ids[at + 1]));
        room->n_steps++;
    }
    return n;
}

/* ---- long pieces --------------------------------------------------------------------------- */

#define NO_SYMBOL UINT32_MAX

typedef struct weir_bpe_symbol {
    uint64_t value; /* of the pair with the next one; WEIR_KEY_NONE: no merge, or no symbol */
    int32_t id;
    uint32_t before, after; /* NO_SYMBOL: the end */
} symbol;

static bool reserve(void **array, size_t *cap, size_t n, size_t item_bytes) {
    if (n <= *cap)
        return true;
    size_t grown = n + n / 2;
    void *moved = grown > SIZE_MAX / item_bytes ? NULL : realloc(*array, grown * item_bytes);
    if (moved == NULL)
        return false;
    *array = moved;
    *cap = grown;
    return true;
}

static bool reserve_heap(weir_bpe_room *room, size_t n) {
    void *heap = room->heap;
    bool is_there = reserve(&heap, &room->cap_heap, n, sizeof *room->heap);
    room->heap = heap;
    return is_there;
}

static bool reserve_symbols(weir_bpe_room *room, size_t n) {
    void *symbols = room->symbols;
    bool is_there = reserve(&symbols, &room->cap_symbols, n, sizeof *room->symbols);
    room->symbols = symbols;
    return is_there;
}

/* Puts entry where nothing stands, at or below `at`. */
static void sift_down(weir_bpe_room *room, size_t at, uint64_t entry) {
    for (;;) {
        size_t first = HEAP_WAYS * at + 1, last = first + HEAP_WAYS, least = first;
        if (first >= room->n_heap)
            break;
        if (last > room->n_heap)
            last = room->n_heap;
        for (size_t i = first + 1; i < last; i++)
            if (room->heap[i] < room->heap[least])
                least = i;
        if (room->heap[least] >= entry)
            break;
        room->heap[at] = room->heap[least];
        at = least;
    }
    room->heap[at] = entry;
}

static bool push(weir_bpe_room *room, uint64_t entry) {
    if (!reserve_heap(room, room->n_heap + 1))
        return false;
    size_t at = room->n_heap++;
    while (at > 0 && room->heap[(at - 1) / HEAP_WAYS] > entry) {
        room->heap[at] = room->heap[(at - 1) / HEAP_WAYS];
        at = (at - 1) / HEAP_WAYS;
    }
    room->heap[at] = entry;
    return true;
}

static uint64_t pop(weir_bpe_room *room) {
    uint64_t least = room->heap[0], last = room->heap[--room->n_heap];
    if (room->n_heap > 0)
        sift_down(room, 0, last);
    return least;
}

/* Rank first, then place: what comes up is the lowest rank, the leftmost of it. */
static uint64_t entry_of(const symbol *symbols, uint32_t at) {
    return symbols[at].value >> 32 << 32 | at;
}

static void list_symbols(const weir_bpe *bpe, weir_bpe_room *room, const char *piece, uint32_t n) {
    symbol *s = room->symbols;
    for (uint32_t i = 0; i < n; i++)
        s[i] = (symbol){.value = WEIR_KEY_NONE,
                        .id = bpe->byte_ids[(uint8_t)piece[i]],
                        .before = i - 1, /* NO_SYMBOL for 0 */
                        .after = i + 1 < n ? i + 1 : NO_SYMBOL};
    room->n_heap = 0;
    for (uint32_t i = 0; i + 1 < n; i++) {
        s[i].value = weir_key_map_find(&bpe->merges, pair_of(s[i].id, s[i + 1].id));
        if (s[i].value != WEIR_KEY_NONE)
            room->heap[room->n_heap++] = entry_of(s, i);
    }
    for (size_t at = room->n_heap; at-- > 0;)
        sift_down(room, at, room->heap[at]);
    room->n_steps += n;
}

/* The pair at `at` has changed. False without memory. */
static bool look_again(const weir_bpe *bpe, weir_bpe_room *room, uint32_t at) {
    symbol *s = room->symbols;
    uint32_t after = s[at].after;
    s[at].value = after == NO_SYMBOL
                      ? WEIR_KEY_NONE
                      : weir_key_map_find(&bpe->merges, pair_of(s[at].id, s[after].id));
    return s[at].value == WEIR_KEY_NONE || push(room, entry_of(s, at));
}

/* Appends the ids. False without memory. */
static bool merge_long(const weir_bpe *bpe, weir_bpe_room *room, const char *piece, size_t n,
                       weir_id_sink *sink) {
    if (!reserve_symbols(room, n) || !reserve_heap(room, n))
        return false;
    list_symbols(bpe, room, piece, (uint32_t)n);
    symbol *s = room->symbols;
    while (room->n_heap > 0) {
        uint64_t entry = pop(room);
        uint32_t at = (uint32_t)entry;
        room->n_steps++;
        if (s[at].value == WEIR_KEY_NONE || s[at].value >> 32 != entry >> 32)
            continue; /* the pair has gone */
        uint32_t gone = s[at].after;
        s[at].id = result_of(s[at].value);
        s[at].after = s[gone].after;
        s[gone].value = WEIR_KEY_NONE;
        if (s[at].after != NO_SYMBOL)
            s[s[at].after].before = at;
        if (!look_again(bpe, room, at))
            return false;
        if (s[at].before != NO_SYMBOL && !look_again(bpe, room, s[at].before))
            return false;
    }
    for (uint32_t at = 0; at != NO_SYMBOL; at = s[at].after)
        weir_id_sink_add(sink, s[at].id);
    return true;
}

void weir_bpe_room_close(weir_bpe_room *room) {
    free(room->symbols);
    free(room->heap);
    *room = (weir_bpe_room){0};
}

/* ---- any piece ----------------------------------------------------------------------------- */

/* n: every byte has an id; else the index of one that has none. */
static size_t find_unknown_byte(const weir_bpe *bpe, const char *piece, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bpe->byte_ids[(uint8_t)piece[i]] < 0)
            return i;
    return n;
}

/* By merges alone; every byte has an id. False without memory. */
static bool merge_piece(const weir_bpe *bpe, weir_bpe_room *room, const char *piece, size_t n,
                        weir_id_sink *sink) {
    if (n > SHORT)
        return merge_long(bpe, room, piece, n, sink);
    int32_t ids[SHORT];
    for (size_t i = 0; i < n; i++)
        ids[i] = bpe->byte_ids[(uint8_t)piece[i]];
    size_t n_ids = merge_short(bpe, room, ids, n);
    for (size_t i = 0; i < n_ids; i++)
        weir_id_sink_add(sink, ids[i]);
    return true;
}

weir_status weir_bpe_encode(const weir_bpe *bpe, weir_bpe_room *room, const char *piece, size_t n,
                            weir_id_sink *sink, weir_error *err) {
    int32_t id = weir_text_ids_find(&bpe->whole, piece, n);
    if (id >= 0) {
        weir_id_sink_add(sink, id);
        return WEIR_STATUS_OK;
    }
    size_t unknown = find_unknown_byte(bpe, piece, n);
    if (unknown < n)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the vocabulary has no entry for the byte 0x%02x of the text",
                         (uint8_t)piece[unknown]);
    if (!merge_piece(bpe, room, piece, n, sink))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to encode a piece of %zu bytes", n);
    return WEIR_STATUS_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Entries by the texts of the table, which merges are written in: words before added tokens. */
static bool list_entries(weir_text_ids *out, const weir_token_table *table) {
    if (!weir_text_ids_open(out, table->tokens, table->n_tokens))
        return false;
    static const weir_token_kind order[] = {WEIR_TOKEN_NORMAL, WEIR_TOKEN_USER_DEFINED,
                                            WEIR_TOKEN_CONTROL};
    for (size_t k = 0; k < WEIR_COUNT(order); k++)
        for (size_t id = 0; id < table->n_tokens; id++)
            if (table->kinds[id] == (int32_t)order[k])
                weir_text_ids_add(out, (int32_t)id);
    return true;
}

/* One merge, "left right"; joined: room for the two parts together. */
static weir_status add_merge(weir_bpe *bpe, const weir_token_table *table,
                             const weir_text_ids *entries, size_t rank, char *joined,
                             const char *name, weir_error *err) {
    weir_text merge = table->merges[rank], l, r;
    bool is_divided = weir_token_divide_merge(merge, &l, &r);
    assert(is_divided); /* as every table has them */
    (void)is_divided;
    memcpy(joined, l.data, l.size);
    memcpy(joined + l.size, r.data, r.size);
    int32_t left = weir_text_ids_find(entries, l.data, l.size);
    int32_t right = weir_text_ids_find(entries, r.data, r.size);
    int32_t result = weir_text_ids_find(entries, joined, l.size + r.size);
    if (left < 0 || right < 0 || result < 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: merge %zu, '%.*s': the vocabulary has no such entry", name, rank,
                         merge.size < SHOWN ? (int)merge.size : SHOWN, merge.data);
    if (table->kinds[result] != WEIR_TOKEN_CONTROL)
        weir_key_map_put(&bpe->merges, pair_of(left, right),
                         (uint64_t)rank << 32 | (uint32_t)result);
    return WEIR_STATUS_OK;
}

static weir_status add_merges(weir_bpe *bpe, const weir_token_table *table, const char *name,
                              weir_error *err) {
    size_t longest = 1;
    for (size_t i = 0; i < table->n_merges; i++)
        longest = table->merges[i].size > longest ? table->merges[i].size : longest;
    weir_text_ids entries = {0};
    char *joined = malloc(longest);
    weir_status status = WEIR_STATUS_NO_MEMORY;
    if (joined == NULL || !list_entries(&entries, table) ||
        !weir_key_map_open(&bpe->merges, table->n_merges)) {
        weir_fail(err, status, "%s: no memory for %zu merges", name, table->n_merges);
        goto fail;
    }
    status = WEIR_STATUS_OK;
    for (size_t i = 0; i < table->n_merges; i++)
        WEIR_TRY_GOTO(add_merge(bpe, table, &entries, i, joined, name, err));
fail:
    weir_text_ids_close(&entries);
    free(joined);
    return status;
}

/* Do merges turn the bytes of an entry into this entry? False in *is_known without memory. */
static bool find_out(const weir_bpe *bpe, weir_bpe_room *room, weir_text bytes, int32_t id,
                     bool *is_whole) {
    int32_t found;
    weir_id_sink sink = {&found, 1, 0};
    *is_whole = false;
    if (find_unknown_byte(bpe, bytes.data, bytes.size) < bytes.size)
        return true;
    if (!merge_piece(bpe, room, bytes.data, bytes.size, &sink))
        return false;
    *is_whole = sink.n == 1 && found == id;
    return true;
}

static bool list_whole(weir_bpe *bpe, const weir_token_table *table, const weir_text *bytes,
                       bool ignore_merges) {
    if (!weir_text_ids_open(&bpe->whole, bytes, table->n_tokens))
        return false;
    weir_bpe_room room = {0};
    bool is_there = true;
    for (size_t id = 0; id < table->n_tokens && is_there; id++) {
        if (table->kinds[id] != WEIR_TOKEN_NORMAL || bytes[id].size > UINT32_MAX)
            continue;
        bool is_whole = ignore_merges;
        if (!ignore_merges)
            is_there = find_out(bpe, &room, bytes[id], (int32_t)id, &is_whole);
        if (is_whole)
            weir_text_ids_add(&bpe->whole, (int32_t)id);
    }
    weir_bpe_room_close(&room);
    return is_there;
}

weir_status weir_bpe_open(weir_bpe *out, const weir_token_table *table, const weir_text *bytes,
                          bool ignore_merges, const char *name, weir_error *err) {
    *out = (weir_bpe){0};
    memset(out->byte_ids, 0xff, sizeof out->byte_ids); /* -1 */
    for (size_t id = table->n_tokens; id-- > 0;)
        if (table->kinds[id] == WEIR_TOKEN_NORMAL && bytes[id].size == 1)
            out->byte_ids[(uint8_t)bytes[id].data[0]] = (int32_t)id;
    WEIR_TRY(add_merges(out, table, name, err));
    if (!list_whole(out, table, bytes, ignore_merges))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a vocabulary of %zu", name,
                         table->n_tokens);
    return WEIR_STATUS_OK;
}

void weir_bpe_close(weir_bpe *bpe) {
    weir_key_map_close(&bpe->merges);
    weir_text_ids_close(&bpe->whole);
}
