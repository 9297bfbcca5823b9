/* test_arena.c: what an arena measures is what it takes; the allocation guard counts. */
#include "base/arena.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct parts {
    uint8_t *block[5];
} parts;

static const size_t part_bytes[5] = {1, 64, 0, 65, 3000000};

static void lay_out(parts *out, weir_arena *arena) {
    for (int i = 0; i < 4; i++)
        out->block[i] = weir_arena_take(arena, part_bytes[i]);
    out->block[4] = weir_arena_take_array(arena, 1000, 3000);
}

static void measured_is_taken(void **state) {
    (void)state;
    weir_arena measure = {0};
    parts p;
    lay_out(&p, &measure);
    for (int i = 0; i < 5; i++)
        assert_null(p.block[i]);
    assert_int_equal(measure.used, 64 + 64 + 0 + 128 + 3000000);

    weir_arena arena;
    weir_error err;
    assert_int_equal(weir_arena_open(&arena, measure.used, "test", &err), WEIR_STATUS_OK);
    assert_int_equal(arena.size, measure.used);
    lay_out(&p, &arena);
    assert_int_equal(arena.used, arena.size);
    for (int i = 0; i < 5; i++) {
        assert_non_null(p.block[i]);
        assert_int_equal((uintptr_t)p.block[i] % 64, 0);
        for (size_t b = 0; b < part_bytes[i]; b++)
            assert_int_equal(p.block[i][b], 0);
        memset(p.block[i], i + 1, part_bytes[i]);
    }
    /* no block lies in another */
    for (int i = 0; i < 5; i++)
        for (size_t b = 0; b < part_bytes[i]; b++)
            assert_int_equal(p.block[i][b], i + 1);
    weir_arena_close(&arena);
    assert_null(arena.base);
    weir_arena_close(&arena);
    weir_arena_close(NULL);
}

/* Sizes around pages and huge pages can be written to their last byte. */
static void every_size_is_there(void **state) {
    (void)state;
    static const size_t sizes[] = {0,       1,       63,      64,      4095,    4096,   4097,
                                   2097151, 2097152, 2097153, 4194303, 4194304, 6291457};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_arena arena;
        assert_int_equal(weir_arena_open(&arena, sizes[i], "test", NULL), WEIR_STATUS_OK);
        assert_non_null(arena.base);
        uint8_t *all = weir_arena_take(&arena, sizes[i]);
        assert_ptr_equal(all, arena.base);
        if (sizes[i] > 0) {
            all[0] = 1;
            all[sizes[i] - 1] = 2;
        }
        weir_arena_close(&arena);
    }
}

static void overflow_is_sticky(void **state) {
    (void)state;
    weir_arena measure = {0};
    weir_arena_take(&measure, 100);
    weir_arena_take_array(&measure, SIZE_MAX / 2, 3);
    assert_int_equal(measure.used, SIZE_MAX);
    weir_arena_take(&measure, 64);
    assert_int_equal(measure.used, SIZE_MAX);

    measure = (weir_arena){0};
    weir_arena_take(&measure, SIZE_MAX / 2);
    weir_arena_take(&measure, SIZE_MAX / 2);
    weir_arena_take(&measure, 64);
    assert_int_equal(measure.used, SIZE_MAX);

    measure = (weir_arena){0};
    weir_arena_take(&measure, SIZE_MAX - 5);
    assert_int_equal(measure.used, SIZE_MAX);
}

static void too_much_is_no_memory(void **state) {
    (void)state;
    weir_arena arena;
    weir_error err;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < 3; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(weir_arena_open(&arena, sizes[i], "K/V pages", &err),
                         WEIR_STATUS_NO_MEMORY);
        assert_int_equal(err.status, WEIR_STATUS_NO_MEMORY);
        assert_memory_equal(err.text, "K/V pages: ", 11);
        assert_null(arena.base);
        weir_arena_close(&arena);
    }
}

static void sizes_are_checked(void **state) {
    (void)state;
    size_t out = 7;
    assert_true(weir_mul_size(0, SIZE_MAX, &out) && out == 0);
    assert_true(weir_mul_size(SIZE_MAX, 0, &out) && out == 0);
    assert_true(weir_mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(weir_mul_size(SIZE_MAX / 3, 3, &out) && out == SIZE_MAX / 3 * 3);
    assert_false(weir_mul_size(SIZE_MAX / 3 + 1, 3, &out));
    assert_false(weir_mul_size((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_true(weir_add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    assert_false(weir_add_size(SIZE_MAX, 1, &out));
    assert_false(weir_add_size(1, SIZE_MAX, &out));
}

static void guards_nest(void **state) {
    (void)state;
    assert_false(weir_guard_active());
    weir_guard_enter();
    assert_true(weir_guard_active());
    weir_guard_enter();
    weir_guard_leave();
    assert_true(weir_guard_active());
    weir_guard_leave();
    assert_false(weir_guard_active());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_is_taken),  cmocka_unit_test(every_size_is_there),
        cmocka_unit_test(overflow_is_sticky), cmocka_unit_test(too_much_is_no_memory),
        cmocka_unit_test(sizes_are_checked),  cmocka_unit_test(guards_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
