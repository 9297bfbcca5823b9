/* cuda_split.c: see cuda_split.h. Owns nothing; takes no memory. */
#include "cuda/cuda_split.h"

#include "base/arena.h"

#include <assert.h>

typedef struct lists {
    weir_cuda_flash_counts *counts;
    weir_cuda_flash_join *joins;
    weir_cuda_flash_item *items;
} lists;

static lists layout(weir_arena *arena, uint32_t n_batch, uint32_t n_slots) {
    lists l;
    l.counts = weir_arena_take(arena, sizeof *l.counts);
    l.joins = weir_arena_take_array(arena, n_batch, sizeof *l.joins);
    /* An item takes a row of its own or a slot of its own. */
    l.items = weir_arena_take_array(arena, (size_t)n_batch + n_slots, sizeof *l.items);
    return l;
}

static uint32_t ranges_to(uint32_t pos) {
    return pos / WEIR_CUDA_FLASH_RANGE + 1;
}

uint32_t weir_cuda_split_slots(uint32_t n_batch, uint32_t n_ctx) {
    uint64_t n = (uint64_t)n_batch * (n_ctx > 0 ? ranges_to(n_ctx - 1) : 1);
    return n < WEIR_CUDA_SPLIT_SLOTS ? (uint32_t)n : WEIR_CUDA_SPLIT_SLOTS;
}

size_t weir_cuda_split_bytes(uint32_t n_batch, uint32_t n_slots) {
    weir_arena measure = {0};
    layout(&measure, n_batch, n_slots);
    return measure.used;
}

/* Tokens of an item of this chunk. A chunk that fills no tile is made of parts, which give a large
 * device more to do at once. */
static uint32_t item_tokens(const weir_cuda_rows *chunk, uint32_t group, bool is_tile) {
    uint32_t in_tile = WEIR_CUDA_FLASH_TILE_ROWS / group;
    if ((chunk->n_rows > in_tile) != is_tile)
        return 0;
    return is_tile ? in_tile : WEIR_CUDA_FLASH_PART_ROWS / group;
}

/* Items of all ranges, in the order of the batch. */
static uint32_t emit(weir_cuda_flash_item *to, const weir_cuda_rows *chunks, uint32_t n_chunks,
                     uint32_t group, bool is_tile) {
    uint32_t n = 0;
    for (uint32_t c = 0; c < n_chunks; c++) {
        const weir_cuda_rows *chunk = &chunks[c];
        uint32_t step = item_tokens(chunk, group, is_tile);
        for (uint32_t i = 0; step > 0 && i < chunk->n_rows; i += step) {
            uint32_t n_tokens = chunk->n_rows - i < step ? chunk->n_rows - i : step;
            uint32_t n_ranges = ranges_to(chunk->first_pos + i + n_tokens - 1);
            to[n++] = (weir_cuda_flash_item){.row = chunk->first_row + i,
                                             .n_tokens = n_tokens,
                                             .n_ranges = n_ranges,
                                             .slot = WEIR_CUDA_FLASH_NO_SLOT,
                                             .slot_stride = n_ranges};
        }
    }
    return n;
}

static uint64_t all_ranges(const weir_cuda_flash_item *items, uint32_t n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += items[i].n_ranges;
    return sum;
}

/* Longest first; then in the order of rows and ranges, so that equal batches have equal lists. */
static bool is_before(const weir_cuda_flash_item *a, const weir_cuda_flash_item *b) {
    if (a->n_ranges != b->n_ranges)
        return a->n_ranges > b->n_ranges;
    return a->row != b->row ? a->row < b->row : a->first_range < b->first_range;
}

/* Shell's sort: in place, and quick where little is out of order. */
static void sort(weir_cuda_flash_item *items, uint32_t n) {
    uint32_t gap = 1;
    while (gap < n / 3)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (uint32_t i = gap; i < n; i++) {
            weir_cuda_flash_item moved = items[i];
            uint32_t to = i;
            for (; to >= gap && is_before(&moved, &items[to - gap]); to -= gap)
                items[to] = items[to - gap];
            items[to] = moved;
        }
}

typedef struct dealt {
    weir_cuda_flash_join *joins;
    uint32_t n_joins, n_slots, most_slots;
} dealt;

/* Items of more than `most` ranges into several, the longest first as long as slots last. Returns
 * how many items there are then. */
static uint32_t split(weir_cuda_flash_item *items, uint32_t n, uint32_t most, dealt *d) {
    uint32_t n_whole = n;
    for (uint32_t i = 0; i < n_whole && items[i].n_ranges > most; i++) {
        weir_cuda_flash_item run = items[i];
        uint32_t n_ranges = run.n_ranges;
        if ((uint64_t)run.n_tokens * n_ranges > d->most_slots - d->n_slots)
            continue;
        run.slot = d->n_slots;
        run.n_ranges = most;
        d->n_slots += run.n_tokens * n_ranges;
        for (uint32_t t = 0; t < run.n_tokens; t++)
            d->joins[d->n_joins++] =
                (weir_cuda_flash_join){.row = run.row + t, .slot = run.slot + t * n_ranges};
        items[i] = run;
        for (run.first_range = most; run.first_range < n_ranges; run.first_range += most) {
            if (n_ranges - run.first_range < most)
                run.n_ranges = n_ranges - run.first_range;
            items[n++] = run;
        }
    }
    sort(items, n);
    return n;
}

size_t weir_cuda_split_pack(weir_cuda_flash *out, const weir_cuda_rows *chunks, uint32_t n_chunks,
                            const weir_cuda_split_shape *shape, void *host, uint8_t *device) {
    size_t bytes = weir_cuda_split_bytes(shape->n_batch, shape->n_slots);
    weir_arena at_host = {.base = host, .size = bytes}, at_device = {.base = device, .size = bytes};
    lists from = layout(&at_host, shape->n_batch, shape->n_slots);
    lists to = layout(&at_device, shape->n_batch, shape->n_slots);
    uint32_t group = shape->n_heads / shape->n_heads_kv;
    dealt d = {.joins = from.joins, .most_slots = shape->n_slots};

    /* Tiles stand behind the parts, and how long a run may be depends on both. */
    uint32_t n_parts = emit(from.items, chunks, n_chunks, group, false);
    uint32_t n_tiles = emit(from.items + n_parts, chunks, n_chunks, group, true);
    uint64_t work = all_ranges(from.items, n_parts + n_tiles) * shape->n_heads_kv;
    uint32_t most = (uint32_t)((work + WEIR_CUDA_SPLIT_BLOCKS - 1) / WEIR_CUDA_SPLIT_BLOCKS);
    sort(from.items, n_parts);
    n_parts = split(from.items, n_parts, most, &d);
    n_tiles = emit(from.items + n_parts, chunks, n_chunks, group, true);
    sort(from.items + n_parts, n_tiles);
    n_tiles = split(from.items + n_parts, n_tiles, most, &d);
    assert(n_parts + n_tiles <= shape->n_batch + shape->n_slots);

    *from.counts = (weir_cuda_flash_counts){n_parts, n_tiles, d.n_joins};
    *out = (weir_cuda_flash){
        .counts = to.counts, .items = to.items, .joins = to.joins, .launched = *from.counts};
    return (size_t)((const uint8_t *)(from.items + n_parts + n_tiles) - (const uint8_t *)host);
}
