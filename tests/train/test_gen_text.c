/*
 * test_gen_text.c: choices are pure, even and counted in bits; held-out rows never mix with the
 * others; patterns expand as gen.h says.
 */
#include "train/gen.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_choices_are_pure_and_counted(void **state) {
    (void)state;
    weir_gen a = {.seed = 5, .stream = 9}, b = {.seed = 5, .stream = 9},
             c = {.seed = 6, .stream = 9};
    uint32_t n_equal = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t x = weir_gen_below(&a, 64);
        assert_true(x < 64);
        assert_int_equal(x, weir_gen_below(&b, 64));
        n_equal += x == weir_gen_below(&c, 64);
    }
    assert_true(n_equal < 50);
    assert_true(fabs(a.bits - 6000.0) < 1e-6);
    uint64_t counter = a.counter;
    assert_int_equal(weir_gen_below(&a, 1), 0);
    assert_true(weir_gen_chance(&a, 1.0));
    assert_false(weir_gen_chance(&a, 0.0));
    assert_true(a.counter == counter && fabs(a.bits - 6000.0) < 1e-6);
}

static void test_chance_is_fair_and_costs_its_entropy(void **state) {
    (void)state;
    weir_gen g = {.seed = 1};
    uint32_t n_true = 0;
    for (uint32_t i = 0; i < 20000; i++)
        n_true += weir_gen_chance(&g, 0.25);
    assert_in_range(n_true, 4750, 5250);
    double bits = -((double)n_true * log2(0.25) + (20000.0 - (double)n_true) * log2(0.75));
    assert_true(fabs(g.bits - bits) < 1e-6);
}

static void test_held_out_rows_are_kept_apart(void **state) {
    (void)state;
    for (uint32_t n = 1; n <= 40; n++) {
        uint32_t seen[2][40] = {{0}};
        for (int is_held_out = 0; is_held_out < 2; is_held_out++) {
            weir_gen g = {.seed = n, .is_held_out = is_held_out};
            for (uint32_t i = 0; i < 2000; i++) {
                uint32_t row = weir_gen_row(&g, n);
                assert_true(row < n);
                seen[is_held_out][row]++;
            }
        }
        for (uint32_t row = 0; row < n; row++) {
            bool is_held_out = n >= 7 && row % 7 == 3;
            assert_int_equal(seen[0][row] > 0, !is_held_out);
            assert_int_equal(seen[1][row] > 0, n < 7 || is_held_out);
        }
    }
}

static void test_shuffle_keeps_all(void **state) {
    (void)state;
    weir_gen g = {.seed = 3};
    uint32_t first[8] = {0};
    for (uint32_t round = 0; round < 4000; round++) {
        uint32_t item[8] = {0, 1, 2, 3, 4, 5, 6, 7}, mask = 0;
        weir_gen_shuffle(&g, item, 8);
        for (uint32_t i = 0; i < 8; i++)
            mask |= 1u << item[i];
        assert_int_equal(mask, 255);
        first[item[0]]++;
    }
    for (uint32_t i = 0; i < 8; i++)
        assert_in_range(first[i], 400, 600);
    assert_true(fabs(g.bits - 4000.0 * log2(40320.0)) < 1e-3);
}

static const char *slot(void *context, const char *name, size_t n) {
    (void)context;
    if (n == 4 && memcmp(name, "hero", 4) == 0)
        return "the mouse";
    return n == 3 && memcmp(name, "obj", 3) == 0 ? "a [red] kite" : NULL;
}

static void check(const char *pattern, const char *expected) {
    weir_gen g = {.seed = 7};
    weir_gen_text text = {0};
    weir_gen_expand(&g, &text, pattern, slot, NULL);
    assert_false(g.is_failed);
    assert_string_equal(text.data ? text.data : "", expected);
    weir_gen_text_free(&text);
}

static void test_patterns(void **state) {
    (void)state;
    check("plain (words) only", "plain (words) only");
    check("{hero} had {obj}", "the mouse had a [red] kite");
    check("\\{hero\\} \\[a\\|b\\] \\\\", "{hero} [a|b] \\");
    check("[x]y[[[z]]]", "xyz");
    check("[|]", "");
    check("^{hero} ran. {hero} fell! \"{hero}?\" it was. \"look.\" {hero}",
          "The mouse ran. The mouse fell! \"The mouse?\" it was. \"Look.\" The mouse");
    check("^title\n\nonce, \"yes,\" said {hero}, \"we can.\"",
          "Title\n\nOnce, \"yes,\" said the mouse, \"we can.\"");
    check("once. again", "once. again");
}

static void test_alternatives_are_even(void **state) {
    (void)state;
    weir_gen g = {.seed = 11};
    weir_gen_text text = {0};
    uint32_t n_a = 0, n_nested = 0, n_optional = 0;
    for (uint32_t i = 0; i < 6000; i++) {
        weir_gen_text_clear(&text);
        weir_gen_expand(&g, &text, "[a|b[1|2]|\\|](?, (?very )nice)!", slot, NULL);
        n_a += text.data[0] == 'a';
        n_nested += text.data[0] == 'b' && text.data[1] == '2';
        n_optional += strstr(text.data, "very nice!") != NULL;
        assert_true(text.data[text.n - 1] == '!' && text.data[text.n] == 0);
    }
    assert_in_range(n_a, 1800, 2200);
    assert_in_range(n_nested, 850, 1150);
    assert_in_range(n_optional, 1350, 1650);
    weir_gen_text_clear(&text);
    for (uint32_t i = 0; i < 1000; i++)
        weir_gen_putf(&g, &text, "%u,", i);
    assert_int_equal(text.n, 3890);
    assert_int_equal(strlen(text.data), text.n);
    weir_gen_text_free(&text);
    assert_true(text.data == NULL && text.n == 0);
}

/* "[a|a|a|b]" costs what its two texts cost. */
static void test_equal_alternatives_cost_less(void **state) {
    (void)state;
    weir_gen_text text = {0};
    for (uint64_t i = 0; i < 40; i++) {
        weir_gen g = {.seed = i};
        weir_gen_text_clear(&text);
        weir_gen_expand(&g, &text, "[a[x]|b|a[x]|a[x]]", slot, NULL);
        double expected = text.data[0] == 'a' ? -log2(0.75) : 2.0;
        assert_true(fabs(g.bits - expected) < 1e-9);
    }
    weir_gen_text_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices_are_pure_and_counted),
        cmocka_unit_test(test_chance_is_fair_and_costs_its_entropy),
        cmocka_unit_test(test_held_out_rows_are_kept_apart),
        cmocka_unit_test(test_shuffle_keeps_all),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_alternatives_are_even),
        cmocka_unit_test(test_equal_alternatives_cost_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
