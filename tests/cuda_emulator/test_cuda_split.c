/* test_cuda_split.c: the lists of attention's work against what they promise, over random steps and
 * the shapes at their borders: all work once, slots of one's own, longest first, few and many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cuda/cuda_split.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 512, MOST_CHUNKS = 128, DEEPEST = 40000, NO_SLOT = WEIR_CUDA_FLASH_NO_SLOT };

typedef struct step {
    weir_cuda_rows chunks[MOST_CHUNKS];
    uint32_t pos[MOST_ROWS], chunk_of_row[MOST_ROWS];
    uint32_t n_chunks, n_rows;
    weir_cuda_split_shape shape;
    weir_cuda_flash flash;
    size_t bytes;
    void *block;
} step;

static uint32_t below(uint64_t *state, uint32_t n) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 32) * n >> 32);
}

static void add(step *s, uint32_t first_pos, uint32_t n_rows) {
    s->chunks[s->n_chunks] =
        (weir_cuda_rows){.first_row = s->n_rows, .n_rows = n_rows, .first_pos = first_pos};
    for (uint32_t i = 0; i < n_rows; i++) {
        s->chunk_of_row[s->n_rows] = s->n_chunks;
        s->pos[s->n_rows++] = first_pos + i;
    }
    s->n_chunks++;
}

static void pack(step *s, uint32_t n_heads, uint32_t n_heads_kv, uint32_t n_slots) {
    s->shape = (weir_cuda_split_shape){n_heads, n_heads_kv, MOST_ROWS, n_slots};
    size_t most = weir_cuda_split_bytes(MOST_ROWS, n_slots);
    s->block = malloc(most);
    memset(s->block, 0xff, most);
    s->bytes =
        weir_cuda_split_pack(&s->flash, s->chunks, s->n_chunks, &s->shape, s->block, s->block);
    assert_true(s->bytes <= most);
}

/* Ranges of each row: counted in covered [rows, ranges]. */
static void take_item(const step *s, const weir_cuda_flash_item *item, uint32_t most_rows,
                      uint8_t *covered, uint32_t n_ranges, uint32_t *slot_of_row) {
    uint32_t last = item->row + item->n_tokens - 1;
    assert_true(item->n_tokens > 0 && item->n_ranges > 0 && last < s->n_rows);
    assert_int_equal(s->chunk_of_row[item->row], s->chunk_of_row[last]);
    assert_true(item->n_tokens * (s->shape.n_heads / s->shape.n_heads_kv) <= most_rows);
    uint32_t n_all = s->pos[last] / WEIR_CUDA_FLASH_RANGE + 1;
    assert_true(item->first_range + item->n_ranges <= n_all);
    if (item->slot == NO_SLOT)
        assert_true(item->first_range == 0 && item->n_ranges == n_all);
    else
        assert_true(item->slot_stride == n_all &&
                    item->slot + item->n_tokens * n_all <= s->shape.n_slots);
    for (uint32_t t = 0; t < item->n_tokens; t++) {
        uint32_t slot = item->slot == NO_SLOT ? NO_SLOT : item->slot + t * item->slot_stride;
        uint32_t *known = &slot_of_row[item->row + t];
        assert_true(*known == NO_SLOT - 1 || *known == slot);
        *known = slot;
        for (uint32_t r = 0; r < item->n_ranges; r++)
            covered[(size_t)(item->row + t) * n_ranges + item->first_range + r]++;
    }
}

static void check_step(const step *s) {
    enum { N_RANGES = DEEPEST / WEIR_CUDA_FLASH_RANGE + 8 };
    const weir_cuda_flash_counts *n = s->flash.counts;
    uint8_t *covered = calloc((size_t)MOST_ROWS * N_RANGES, 1);
    uint8_t *slots = calloc(s->shape.n_slots + 1, 1);
    uint32_t slot_of_row[MOST_ROWS], n_joined = 0;
    assert_memory_equal(n, &s->flash.launched, sizeof *n);
    for (uint32_t r = 0; r < MOST_ROWS; r++)
        slot_of_row[r] = NO_SLOT - 1;
    for (uint32_t i = 0; i < n->n_parts + n->n_tiles; i++) {
        const weir_cuda_flash_item *item = &s->flash.items[i];
        bool is_part = i < n->n_parts;
        take_item(s, item, is_part ? WEIR_CUDA_FLASH_PART_ROWS : WEIR_CUDA_FLASH_TILE_ROWS, covered,
                  N_RANGES, slot_of_row);
        if (i > 0 && i != n->n_parts)
            assert_true(item[-1].n_ranges >= item->n_ranges);
    }
    for (uint32_t r = 0; r < s->n_rows; r++) {
        uint32_t n_ranges = s->pos[r] / WEIR_CUDA_FLASH_RANGE + 1;
        for (uint32_t g = 0; g < n_ranges; g++)
            assert_int_equal(covered[(size_t)r * N_RANGES + g], 1);
        n_joined += slot_of_row[r] != NO_SLOT;
        for (uint32_t g = 0; slot_of_row[r] != NO_SLOT && g < n_ranges; g++)
            assert_int_equal(slots[slot_of_row[r] + g]++, 0);
    }
    assert_int_equal(n_joined, n->n_joins);
    for (uint32_t i = 0; i < n->n_joins; i++) {
        const weir_cuda_flash_join *join = &s->flash.joins[i];
        assert_int_equal(join->slot, slot_of_row[join->row]);
        slot_of_row[join->row] = NO_SLOT; /* once */
    }
    free(covered);
    free(slots);
}

static void test_random(void **state) {
    (void)state;
    static step s;
    uint64_t random = 3;
    const uint32_t shapes[][2] = {{32, 8}, {16, 8}, {8, 8}, {3, 1}, {16, 1}};
    for (uint32_t round = 0; round < 60; round++) {
        memset(&s, 0, sizeof s);
        while (s.n_chunks < 1 + round % 40 && s.n_rows < MOST_ROWS) {
            uint32_t most = below(&random, 3) ? 1 : 1 + below(&random, 150);
            most = most < MOST_ROWS - s.n_rows ? most : MOST_ROWS - s.n_rows;
            add(&s, below(&random, below(&random, 2) ? DEEPEST : 600), most);
        }
        const uint32_t *shape = shapes[round % 5];
        pack(&s, shape[0], shape[1], round % 3 == 0 ? below(&random, 300) : WEIR_CUDA_SPLIT_SLOTS);
        check_step(&s);
        free(s.block);
    }
}

static void test_shapes(void **state) {
    (void)state;
    static step s;
    pack(&s, 32, 8, 16);
    assert_int_equal(s.flash.counts->n_parts + s.flash.counts->n_tiles, 0);
    free(s.block);

    /* one stream: a block for each range, while the device is not full */
    memset(&s, 0, sizeof s);
    add(&s, 5000, 1);
    pack(&s, 32, 8, WEIR_CUDA_SPLIT_SLOTS);
    check_step(&s);
    assert_int_equal(s.flash.counts->n_parts, 20);
    assert_int_equal(s.flash.counts->n_joins, 1);
    free(s.block);

    /* many streams: whole rows, nothing to join */
    memset(&s, 0, sizeof s);
    for (uint32_t i = 0; i < MOST_CHUNKS; i++)
        add(&s, 1200, 1);
    pack(&s, 32, 8, WEIR_CUDA_SPLIT_SLOTS);
    check_step(&s);
    assert_int_equal(s.flash.counts->n_parts, MOST_CHUNKS);
    assert_int_equal(s.flash.counts->n_joins, 0);
    free(s.block);

    /* a prompt is tiles of 16 tokens, and a short piece of one is parts of four */
    memset(&s, 0, sizeof s);
    add(&s, 0, 100);
    add(&s, 7, 16);
    pack(&s, 32, 8, WEIR_CUDA_SPLIT_SLOTS);
    check_step(&s);
    assert_int_equal(s.flash.counts->n_tiles, 7);
    assert_int_equal(s.flash.counts->n_parts, 4);
    free(s.block);
}

static void test_sizes(void **state) {
    (void)state;
    assert_int_equal(weir_cuda_split_slots(4, 256), 4);
    assert_int_equal(weir_cuda_split_slots(4, 257), 8);
    assert_int_equal(weir_cuda_split_slots(1, 0), 1);
    assert_int_equal(weir_cuda_split_slots(1024, 131072), WEIR_CUDA_SPLIT_SLOTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
