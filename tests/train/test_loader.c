/*
 * test_loader.c: the order of windows, the batches made of them, and that both can be taken up
 * again exactly where they were left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shard_kit.h"

#include <math.h>

enum { N_IDS = 4096 };

static weir_loader *open_loader(const weir_loader_source *sources, size_t n, uint32_t n_context,
                                uint64_t seed) {
    weir_loader *loader;
    weir_error err = {0};
    if (weir_loader_open(&loader, sources, n, n_context, seed, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return loader;
}

static weir_batch_room open_room(uint32_t n_rows) {
    weir_batch_room room;
    assert_int_equal(weir_batch_room_open(&room, n_rows, NULL), WEIR_STATUS_OK);
    return room;
}

static void next(weir_loader *loader, weir_batch_room *room) {
    weir_error err = {0};
    if (weir_loader_next(loader, room, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

/* What holds for every batch of kit shards, whose ids count up inside a sample. */
static void check_batch(const weir_batch_room *room) {
    const weir_train_batch *b = &room->batch;
    uint32_t at = 0;
    uint64_t n_targets = 0;
    assert_true(b->n_rows > 0 && b->n_rows <= room->cap_rows);
    assert_int_equal(b->segments.n_rows, b->n_rows);
    for (uint32_t s = 0; s < b->segments.n; s++) {
        const weir_segment *segment = &b->segments.item[s];
        assert_int_equal(segment->first_row, at);
        assert_true(segment->n_rows >= 2);
        at += segment->n_rows;
        assert_int_equal(b->targets[at - 1], -1);
        for (uint32_t r = segment->first_row; r + 1 < at; r++) {
            assert_int_equal(b->tokens[r + 1], b->tokens[r] + 1);
            assert_true(b->targets[r] == -1 || b->targets[r] == b->tokens[r + 1]);
            n_targets += b->targets[r] >= 0;
        }
    }
    assert_int_equal(at, b->n_rows);
    assert_int_equal(n_targets, room->n_targets);
    assert_true(n_targets > 0);
}

static void count_targets(const weir_batch_room *room, uint32_t seen[N_IDS]) {
    for (uint32_t r = 0; r < room->batch.n_rows; r++)
        if (room->batch.targets[r] >= 0)
            seen[room->batch.targets[r]]++;
}

static const uint32_t documents[] = {1, 2, 3, 4, 5, 9, 17, 64, 100, 2, 33, 8};
static const size_t n_documents = sizeof documents / sizeof *documents;

/* Every token of the documents but the first of each, `times` times. */
static void expect_all(const uint32_t seen[N_IDS], int32_t base, uint32_t times) {
    int32_t id = base;
    for (size_t s = 0; s < n_documents; s++)
        for (uint32_t i = 0; i < documents[s]; i++, id++)
            assert_int_equal(seen[id], i == 0 ? 0 : times);
}

/* ---- windows ------------------------------------------------------------------------------- */

static void test_each_target_once_in_order(void **state) {
    (void)state;
    static const uint32_t contexts[] = {2, 3, 4, 5, 8, 9, 63, 64, 65, 100, 1000};
    weir_shard *shard = kit_shard("a.tok", documents, n_documents, 700, 0, true);
    for (size_t c = 0; c < sizeof contexts / sizeof *contexts; c++) {
        uint32_t seen[N_IDS] = {0};
        weir_batch_room room = open_room(1000);
        uint64_t at = 0;
        int32_t last = -1;
        for (;;) {
            assert_int_equal(weir_shard_next(shard, contexts[c], &at, &room, NULL), WEIR_STATUS_OK);
            if (room.batch.n_rows == 0)
                break;
            check_batch(&room);
            count_targets(&room, seen);
            for (uint32_t s = 0; s < room.batch.segments.n; s++)
                assert_true(room.segments[s].n_rows <= contexts[c]);
            for (uint32_t r = 0; r < room.batch.n_rows; r++) {
                assert_true(room.tokens[r] >= last);
                last = room.tokens[r];
            }
        }
        expect_all(seen, 700, 1);
        weir_batch_room_close(&room);
    }
    weir_shard_close(&shard);
}

/* A batch is no fuller than was asked, but for a single window; nothing is left out by that. */
static void test_most_rows(void **state) {
    (void)state;
    static const uint32_t n[] = {6, 6, 6, 90, 6, 6, 6, 6, 6, 6};
    weir_shard *shard = kit_shard("a.tok", n, 10, 700, 0, false);
    weir_loader_source source = {shard, "a", 1};
    weir_loader *loader = open_loader(&source, 1, 100, 11);
    weir_batch_room room = open_room(100);
    uint64_t n_rows = 0;
    uint32_t n_long = 0;
    assert_int_equal(weir_loader_epoch_rows(loader, 0), 9 * 6 + 90);
    room.most_rows = 20;
    while (n_rows < 3 * (9 * 6 + 90)) {
        next(loader, &room);
        check_batch(&room);
        bool is_long = room.batch.n_rows == 90;
        assert_true(room.batch.n_rows <= 20 || is_long);
        assert_true(!is_long || room.batch.segments.n == 1);
        n_long += is_long;
        n_rows += room.batch.n_rows;
    }
    assert_int_equal(n_rows, 3 * (9 * 6 + 90)); /* the batches end where the epochs end */
    assert_int_equal(n_long, 3);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

/* A batch with room for just one epoch of windows holds just one epoch. */
static void test_each_target_once_an_epoch(void **state) {
    (void)state;
    static const uint32_t contexts[] = {2, 3, 7, 64, 1000};
    weir_shard *shard = kit_shard("a.tok", documents, n_documents, 700, 0, true);
    weir_loader_source source = {shard, "a", 2.5};
    for (size_t c = 0; c < sizeof contexts / sizeof *contexts; c++) {
        uint32_t n_rows = 0, seen[N_IDS] = {0};
        for (size_t s = 0; s < n_documents; s++)
            if (documents[s] >= 2)
                n_rows += documents[s] + (documents[s] - 2) / (contexts[c] - 1);
        weir_loader *loader = open_loader(&source, 1, contexts[c], 11);
        weir_batch_room room = open_room(n_rows);
        for (uint32_t epoch = 0; epoch < 3; epoch++) {
            weir_loader_cursor cursor;
            next(loader, &room);
            check_batch(&room);
            assert_int_equal(room.batch.n_rows, n_rows);
            count_targets(&room, seen);
            expect_all(seen, 700, epoch + 1);
            weir_loader_get_cursors(loader, &cursor);
            assert_int_equal(cursor.epoch, epoch);
            assert_int_equal(cursor.n_tokens, (epoch + 1) * n_rows);
        }
        weir_batch_room_close(&room);
        weir_loader_close(&loader);
    }
    weir_shard_close(&shard);
}

/* With conversations of equal length a batch holds exactly so many: epochs end with batches. */
static void test_epochs_are_permutations(void **state) {
    (void)state;
    uint32_t lengths[130];
    for (size_t n = 1; n <= 130; n += n < 20 ? 1 : 37) {
        for (size_t i = 0; i < n; i++)
            lengths[i] = 3;
        weir_shard *shard = kit_shard("p.tok", lengths, n, 0, 0, false);
        weir_loader_source source = {shard, "p", 1};
        weir_loader *loader = open_loader(&source, 1, 3, 5);
        weir_batch_room room = open_room((uint32_t)(3 * n));
        int32_t first[130], n_moved = 0;
        for (uint32_t epoch = 0; epoch < 3; epoch++) {
            uint32_t seen[N_IDS] = {0};
            next(loader, &room);
            check_batch(&room);
            assert_int_equal(room.batch.segments.n, n);
            count_targets(&room, seen);
            for (int32_t id = 0; id < (int32_t)(3 * n); id++)
                assert_int_equal(seen[id], id % 3 != 0);
            for (size_t i = 0; i < n; i++) {
                n_moved += epoch > 0 && room.tokens[3 * i] != first[i];
                first[i] = room.tokens[3 * i];
            }
            weir_loader_cursor cursor;
            weir_loader_get_cursors(loader, &cursor);
            assert_int_equal(cursor.epoch, epoch);
            assert_int_equal(cursor.next, n);
            assert_int_equal(cursor.n_tokens, 3 * n * (epoch + 1));
        }
        assert_true(n < 10 || n_moved > (int32_t)n); /* of 2 n places */
        weir_batch_room_close(&room);
        weir_loader_close(&loader);
        weir_shard_close(&shard);
    }
}

/* The order is part of every run's meaning: it may not change with a compiler or a machine. */
static void test_order_is_fixed(void **state) {
    (void)state;
    static const int32_t expected[2][12] = {{2, 20, 4, 10, 5, 11, 21, 12, 14, 6, 13, 22},
                                            {21, 1, 12, 4, 14, 2, 6, 18, 11, 19, 5, 0}};
    uint32_t lengths[23];
    for (size_t i = 0; i < 23; i++)
        lengths[i] = 2;
    weir_shard *shard = kit_shard("o.tok", lengths, 23, 0, 0, false);
    weir_loader_source sources[2] = {{shard, "a", 1}, {shard, "b", 1}};
    weir_loader *loader = open_loader(sources, 2, 16, 42);
    weir_batch_room room = open_room(48);
    next(loader, &room);
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(room.tokens[2 * i] / 2, expected[i % 2][i / 2]);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

/* ---- conversations -------------------------------------------------------------------------- */

static void test_conversations_are_whole_or_cut(void **state) {
    (void)state;
    static const uint32_t lengths[] = {40, 10, 6, 25};
    weir_shard *shard = kit_shard("c.tok", lengths, 4, 100, 5, false);
    weir_loader_source source = {shard, "c", 1};
    weir_loader *loader = open_loader(&source, 1, 20, 1);
    weir_batch_room room = open_room(20 + 10 + 6 + 20);
    next(loader, &room);
    check_batch(&room);
    assert_int_equal(room.batch.segments.n, 4);
    uint32_t n_found = 0;
    for (uint32_t s = 0; s < 4; s++) {
        int32_t first = room.tokens[room.segments[s].first_row];
        uint32_t n = room.segments[s].n_rows;
        n_found += (first == 100 && n == 20) || (first == 140 && n == 10) ||
                   (first == 150 && n == 6) || (first == 156 && n == 20);
        for (uint32_t i = 0; i + 1 < n; i++)
            assert_int_equal(room.targets[room.segments[s].first_row + i],
                             i + 1 < 5 ? -1 : first + (int32_t)i + 1);
    }
    assert_int_equal(n_found, 4);
    assert_int_equal(room.n_targets, 15 + 5 + 1 + 15);
    uint64_t n_bytes = 0;
    for (uint32_t r = 0; r < room.batch.n_rows; r++)
        if (room.targets[r] >= 0)
            n_bytes += weir_shard_token_bytes(shard, room.targets[r]);
    assert_int_equal(room.n_target_bytes, n_bytes);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

/* Windows in which there is nothing to learn are passed over, in either way of reading. */
static void test_windows_without_targets(void **state) {
    (void)state;
    static const uint32_t lengths[] = {30, 4, 1, 12, 30};
    weir_shard *shard = kit_shard("w.tok", lengths, 5, 100, 6, false); /* 2 and 3 have none */
    weir_loader_source source = {shard, "w", 1};
    weir_loader *loader = open_loader(&source, 1, 16, 3);
    weir_batch_room room = open_room(16);
    int32_t first[6];
    for (size_t i = 0; i < 6; i++) {
        next(loader, &room);
        check_batch(&room);
        assert_int_equal(room.batch.segments.n, 1);
        first[i] = room.tokens[0];
        assert_true(first[i] == 100 || first[i] == 135 || first[i] == 147);
    }
    assert_int_equal(first[0] + first[1] + first[2], 100 + 135 + 147);
    assert_int_equal(first[3] + first[4] + first[5], 100 + 135 + 147);
    uint64_t at = 0;
    for (int32_t i = 0; i < 4; i++) {
        static const uint32_t n_rows[] = {16, 12, 16, 0};
        assert_int_equal(weir_shard_next(shard, 16, &at, &room, NULL), WEIR_STATUS_OK);
        assert_int_equal(room.batch.n_rows, n_rows[i]);
    }
    weir_error err = {0};
    static const double weight = 1;
    assert_int_equal(weir_loader_set_stage(loader, &weight, 6, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "w: no sample has a target among its first 6 tokens"));
    next(loader, &room); /* goes on as before */
    check_batch(&room);
    assert_int_equal(weir_loader_set_stage(loader, &weight, 7, &err), WEIR_STATUS_OK);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

/* ---- rooms ---------------------------------------------------------------------------------- */

static void test_rooms(void **state) {
    (void)state;
    weir_error err = {0};
    weir_batch_room room;
    assert_int_equal(weir_batch_room_open(&room, 1, &err), WEIR_STATUS_BAD_ARGUMENT);
    weir_shard *shard = kit_shard("a.tok", documents, n_documents, 700, 0, true);
    weir_loader_source source = {shard, "a", 1};
    weir_loader *loader = open_loader(&source, 1, 50, 9);
    room = open_room(49);
    weir_status status = WEIR_STATUS_OK;
    for (int i = 0; i < 50 && status == WEIR_STATUS_OK; i++)
        status = weir_loader_next(loader, &room, &err);
    assert_int_equal(status, WEIR_STATUS_BAD_ARGUMENT);
    assert_string_equal(err.text, "a window of 50 tokens does not fit in a batch of 49 rows; "
                                  "expected a larger batch or shorter windows");
    uint64_t at = 0;
    status = WEIR_STATUS_OK;
    for (int i = 0; i < 50 && status == WEIR_STATUS_OK; i++)
        status = weir_shard_next(shard, 50, &at, &room, &err);
    assert_int_equal(status, WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_shard_next(shard, 1, &at, &room, &err), WEIR_STATUS_BAD_ARGUMENT);
    weir_batch_room_close(&room);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

enum { N_LISTED = 300 };

/* The first windows that come out of batches of a size, as first token and length. */
static void list_windows(const weir_shard *shard, uint32_t n_rows, int32_t listed[N_LISTED][2]) {
    weir_loader_source source = {shard, "a", 1};
    weir_loader *loader = open_loader(&source, 1, 50, 9);
    weir_batch_room room = open_room(n_rows);
    uint32_t left = 0;
    for (size_t n = 0; n < N_LISTED;) {
        next(loader, &room);
        check_batch(&room);
        assert_true(room.segments[0].n_rows > left);
        left = n_rows - room.batch.n_rows;
        for (uint32_t s = 0; s < room.batch.segments.n && n < N_LISTED; s++, n++) {
            listed[n][0] = room.tokens[room.segments[s].first_row];
            listed[n][1] = (int32_t)room.segments[s].n_rows;
        }
    }
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
}

/* What does not fit comes first in the next batch, so the size changes nothing in the order. */
static void test_nothing_is_lost_between_batches(void **state) {
    (void)state;
    static int32_t small[N_LISTED][2], large[N_LISTED][2];
    weir_shard *shard = kit_shard("a.tok", documents, n_documents, 700, 0, true);
    list_windows(shard, 50, small);
    list_windows(shard, 271, large);
    assert_memory_equal(small, large, sizeof small);
    weir_shard_close(&shard);
}

static void test_bad_stages(void **state) {
    (void)state;
    weir_shard *shard = kit_shard("a.tok", documents, n_documents, 700, 0, true);
    weir_loader_source source = {shard, "a", 0};
    weir_loader *loader;
    weir_error err = {0};
    assert_int_equal(weir_loader_open(&loader, &source, 1, 8, 0, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(loader);
    source.weight = -1;
    assert_int_equal(weir_loader_open(&loader, &source, 1, 8, 0, &err), WEIR_STATUS_BAD_ARGUMENT);
    source.weight = NAN;
    assert_int_equal(weir_loader_open(&loader, &source, 1, 8, 0, &err), WEIR_STATUS_BAD_ARGUMENT);
    source.weight = 1;
    assert_int_equal(weir_loader_open(&loader, &source, 0, 8, 0, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_loader_open(&loader, &source, 1, 1, 0, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_loader_open(&loader, &source, 1, 2, 0, &err), WEIR_STATUS_OK);
    weir_loader_close(&loader);
    weir_loader_close(&loader);
    weir_shard_close(&shard);
}

/* ---- resuming ------------------------------------------------------------------------------- */

typedef struct three {
    weir_shard *shard[3];
    weir_loader_source source[3];
} three;

static three open_three(double a, double b, double c) {
    static const uint32_t chats[] = {12, 30, 7, 9, 18, 22, 11, 40};
    static const uint32_t more[] = {3, 5, 4, 6, 2, 3};
    three t = {{kit_shard("a.tok", documents, n_documents, 0, 0, true),
                kit_shard("b.tok", chats, 8, 1000, 4, false),
                kit_shard("c.tok", more, 6, 2000, 1, false)},
               {{0}}};
    t.source[0] = (weir_loader_source){t.shard[0], "a", a};
    t.source[1] = (weir_loader_source){t.shard[1], "b", b};
    t.source[2] = (weir_loader_source){t.shard[2], "c", c};
    return t;
}

static void close_three(three *t) {
    for (size_t i = 0; i < 3; i++)
        weir_shard_close(&t->shard[i]);
}

static void expect_same_batch(weir_loader *a, weir_loader *b, weir_batch_room *room_a,
                              weir_batch_room *room_b) {
    next(a, room_a);
    next(b, room_b);
    assert_int_equal(room_a->batch.n_rows, room_b->batch.n_rows);
    assert_int_equal(room_a->batch.segments.n, room_b->batch.segments.n);
    size_t n = room_a->batch.n_rows;
    assert_memory_equal(room_a->tokens, room_b->tokens, n * sizeof *room_a->tokens);
    assert_memory_equal(room_a->targets, room_b->targets, n * sizeof *room_a->targets);
}

static void test_resume_is_exact(void **state) {
    (void)state;
    static const double later[] = {2, 3, 0};
    three t = open_three(5, 2, 1);
    weir_batch_room a = open_room(64), b = open_room(64);
    for (int n_before = 0; n_before < 60; n_before += 7) {
        weir_loader *whole = open_loader(t.source, 3, 24, 77);
        weir_loader *resumed = open_loader(t.source, 3, 24, 77);
        weir_loader_cursor cursors[3];
        for (int i = 0; i < n_before; i++)
            next(whole, &a);
        weir_loader_get_cursors(whole, cursors);
        weir_loader_set_cursors(resumed, cursors);
        for (int i = 0; i < 30; i++)
            expect_same_batch(whole, resumed, &a, &b);
        /* a stage later, resumed on either side of its beginning */
        weir_loader_get_cursors(whole, cursors);
        assert_int_equal(weir_loader_set_stage(whole, later, 40, NULL), WEIR_STATUS_OK);
        for (int order = 0; order < 2; order++) {
            weir_loader *other = open_loader(t.source, 3, order ? 24 : 40, 77);
            if (order == 0)
                weir_loader_set_cursors(other, cursors);
            assert_int_equal(weir_loader_set_stage(other, later, 40, NULL), WEIR_STATUS_OK);
            if (order == 1)
                weir_loader_set_cursors(other, cursors);
            weir_loader *again = open_loader(t.source, 3, 24, 77);
            weir_loader_set_cursors(again, cursors);
            assert_int_equal(weir_loader_set_stage(again, later, 40, NULL), WEIR_STATUS_OK);
            for (int i = 0; i < 20; i++)
                expect_same_batch(other, again, &a, &b);
            weir_loader_close(&other);
            weir_loader_close(&again);
        }
        weir_loader_set_cursors(resumed, cursors);
        assert_int_equal(weir_loader_set_stage(resumed, later, 40, NULL), WEIR_STATUS_OK);
        for (int i = 0; i < 20; i++)
            expect_same_batch(whole, resumed, &a, &b);
        weir_loader_close(&whole);
        weir_loader_close(&resumed);
    }
    weir_batch_room_close(&a);
    weir_batch_room_close(&b);
    close_three(&t);
}

/* Documents are cut anew and begin a new epoch; conversations go on where they were. */
static void test_stages_and_epochs(void **state) {
    (void)state;
    static const double weights[] = {1, 1, 0};
    three t = open_three(1, 1, 0);
    weir_loader *loader = open_loader(t.source, 3, 24, 3);
    weir_batch_room room = open_room(64);
    weir_loader_cursor before[3], after[3];
    next(loader, &room);
    weir_loader_get_cursors(loader, before);
    assert_true(before[0].next > 0 && before[1].next > 0 && before[2].next == 0);
    assert_int_equal(before[0].epoch, 0);
    assert_int_equal(before[0].n_context, 24);
    assert_int_equal(weir_loader_set_stage(loader, weights, 12, NULL), WEIR_STATUS_OK);
    next(loader, &room);
    weir_loader_get_cursors(loader, after);
    assert_int_equal(after[0].epoch, 1);
    assert_int_equal(after[0].n_context, 12);
    assert_int_equal(after[1].epoch, 0);
    assert_true(after[1].next > before[1].next);
    assert_int_equal(after[2].n_tokens, 0);

    /* cursors that do not say the length of their windows mean the one there is */
    before[0].n_context = 0;
    assert_int_equal(weir_loader_set_stage(loader, weights, 24, NULL), WEIR_STATUS_OK);
    weir_loader_set_cursors(loader, before);
    next(loader, &room);
    weir_loader_get_cursors(loader, after);
    assert_int_equal(after[0].epoch, 0);
    weir_loader_set_cursors(loader, before);
    assert_int_equal(weir_loader_set_stage(loader, weights, 12, NULL), WEIR_STATUS_OK);
    next(loader, &room);
    weir_loader_get_cursors(loader, after);
    assert_int_equal(after[0].epoch, 1);
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    close_three(&t);
}

/* ---- mixtures ------------------------------------------------------------------------------- */

static void draw_share(weir_loader *loader, weir_batch_room *room, uint64_t n_tokens,
                       uint64_t drawn[3]) {
    weir_loader_cursor before[3], after[3];
    uint64_t n = 0;
    weir_loader_get_cursors(loader, before);
    while (n < n_tokens) {
        next(loader, room);
        n += room->batch.n_rows;
    }
    weir_loader_get_cursors(loader, after);
    for (int i = 0; i < 3; i++)
        drawn[i] = after[i].n_tokens - before[i].n_tokens;
    assert_int_equal(drawn[0] + drawn[1] + drawn[2], n);
}

static void test_mixture(void **state) {
    (void)state;
    static const double stages[3][3] = {{0.5, 0.3, 0.2}, {0, 1, 3}, {9, 0, 1}};
    three t = open_three(0.5, 0.3, 0.2);
    weir_loader *loader = open_loader(t.source, 3, 24, 8);
    weir_batch_room room = open_room(100);
    for (int stage = 0; stage < 3; stage++) {
        uint64_t drawn[3];
        double sum = stages[stage][0] + stages[stage][1] + stages[stage][2];
        assert_int_equal(weir_loader_set_stage(loader, stages[stage], 24, NULL), WEIR_STATUS_OK);
        /* it holds over any stretch, up to the windows that are under way */
        for (uint64_t n = 1000; n <= 16000; n *= 4) {
            draw_share(loader, &room, n, drawn);
            uint64_t n_all = drawn[0] + drawn[1] + drawn[2];
            for (int i = 0; i < 3; i++) {
                double wanted = stages[stage][i] / sum * (double)n_all;
                assert_true(fabs((double)drawn[i] - wanted) <= 4 * 24);
                assert_true(stages[stage][i] > 0 || drawn[i] == 0);
            }
        }
    }
    weir_batch_room_close(&room);
    weir_loader_close(&loader);
    close_three(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_target_once_in_order),
        cmocka_unit_test(test_most_rows),
        cmocka_unit_test(test_each_target_once_an_epoch),
        cmocka_unit_test(test_epochs_are_permutations),
        cmocka_unit_test(test_order_is_fixed),
        cmocka_unit_test(test_conversations_are_whole_or_cut),
        cmocka_unit_test(test_windows_without_targets),
        cmocka_unit_test(test_rooms),
        cmocka_unit_test(test_nothing_is_lost_between_batches),
        cmocka_unit_test(test_bad_stages),
        cmocka_unit_test(test_resume_is_exact),
        cmocka_unit_test(test_stages_and_epochs),
        cmocka_unit_test(test_mixture),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
