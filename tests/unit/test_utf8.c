/*
 * test_utf8.c: what is UTF-8 and how bytes that are none are divided, by tables; every code point
 * there and back; the gate over every cut of every table row, and over random bytes.
 */
#include "base/random.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define R "\xef\xbf\xbd"

/* The maximal subparts of Unicode 15, 3.9 (tables 3-8 to 3-11 and what lies around them). */
static const struct {
    const char *bytes, *text;
} rows[] = {
    {"", ""},
    {"abc", "abc"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\x80", R},
    {"\xbf", R},
    {"a\xff\xfe"
     "b",
     "a" R R "b"},
    /* non-shortest forms: no byte of them begins anything */
    {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
     "A",
     R R R R R R R R "A"},
    {"\xc1\xbf", R R},
    {"\xe0\x9f\xbf", R R R},
    {"\xf0\x8f\xbf\xbf", R R R R},
    /* surrogates */
    {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
     "A",
     R R R R R R R R "A"},
    {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
    /* above U+10FFFF, and leads that never are */
    {"\xf4\x91\x92\x93\xff"
     "A\x80\xbf"
     "B",
     R R R R R "A" R R "B"},
    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    {"\xf5\x80\x80\x80", R R R R},
    {"\xf8\x88\x80\x80\x80", R R R R R},
    /* cut off: one each */
    {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
     "A",
     R R R R "A"},
    {"\xc3", R},
    {"\xe2\x82", R},
    {"\xf0\x9f\x98", R},
    {"\xf0\x9f\x98"
     "a",
     R "a"},
    {"\xf0\x9f\x98\xf0\x9f\x98\x80", R "\xf0\x9f\x98\x80"},
    {"\xe2\x82\xc3\xa9", R "\xc3\xa9"},
    {"\xe0\xa0", R},
    {"\xc3\xc3\xa9", R "\xc3\xa9"},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static void repair_by_table(void **state) {
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        char out[64];
        size_t n = strlen(rows[i].bytes);
        size_t n_out = weir_utf8_repair(rows[i].bytes, n, out);
        assert_int_equal(n_out, strlen(rows[i].text));
        assert_memory_equal(out, rows[i].text, n_out);
        assert_int_equal(weir_utf8_valid(out, n_out), n_out);
        assert_int_equal(weir_utf8_count(rows[i].bytes, n), weir_utf8_count(out, n_out));
        bool is_same = n == n_out && memcmp(rows[i].bytes, out, n) == 0;
        assert_int_equal(weir_utf8_valid(rows[i].bytes, n) == n, is_same);
    }
}

static void steps_tell_cut_from_bad(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        weir_utf8_kind kind;
        size_t n_used;
        uint32_t code;
    } steps[] = {
        {"a", WEIR_UTF8_WHOLE, 1, 'a'},
        {"\xc3\xa9x", WEIR_UTF8_WHOLE, 2, 0xe9},
        {"\xe2\x82\xac", WEIR_UTF8_WHOLE, 3, 0x20ac},
        {"\xf0\x9f\x98\x80", WEIR_UTF8_WHOLE, 4, 0x1f600},
        {"\xf0\x9f\x98", WEIR_UTF8_CUT, 3, 0xfffd},
        {"\xf0\x9f", WEIR_UTF8_CUT, 2, 0xfffd},
        {"\xc3", WEIR_UTF8_CUT, 1, 0xfffd},
        {"\xf0\x9fz", WEIR_UTF8_BAD, 2, 0xfffd},
        {"\xe0\x80", WEIR_UTF8_BAD, 1, 0xfffd},
        {"\xed\xa0", WEIR_UTF8_BAD, 1, 0xfffd},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint32_t code;
        size_t used;
        assert_int_equal(weir_utf8_step(steps[i].bytes, strlen(steps[i].bytes), &code, &used),
                         steps[i].kind);
        assert_int_equal(used, steps[i].n_used);
        assert_int_equal(code, steps[i].code);
    }
}

static void every_code_there_and_back(void **state) {
    (void)state;
    char before[WEIR_UTF8_MAX] = {0};
    size_t n_before = 0;
    for (uint32_t code = 0; code <= 0x10ffffu; code++) {
        char bytes[WEIR_UTF8_MAX];
        uint32_t back;
        size_t used, n = weir_utf8_encode(code, bytes);
        bool is_surrogate = code >= 0xd800u && code <= 0xdfffu;
        assert_int_equal(n, code < 0x80u ? 1 : code < 0x800u ? 2 : code < 0x10000u ? 3 : 4);
        assert_int_equal(weir_utf8_step(bytes, n, &back, &used), WEIR_UTF8_WHOLE);
        assert_int_equal(used, n);
        assert_int_equal(back, is_surrogate ? WEIR_UTF8_REPLACED : code);
        if (is_surrogate)
            continue;
        /* The order of bytes is the order of codes: no two codes share a form. */
        if (code > 0)
            assert_true(n > n_before || memcmp(bytes, before, n) > 0);
        memcpy(before, bytes, n);
        n_before = n;
    }
    char bytes[WEIR_UTF8_MAX];
    assert_int_equal(weir_utf8_encode(0x110000u, bytes), 3);
    assert_memory_equal(bytes, R, 3);
}

/* What the gate makes of bytes [n], of which each piece ends where its bit of `cuts` is 1. */
static size_t through_gate(const char *bytes, size_t n, uint64_t cuts, char *out) {
    weir_utf8_gate gate = {0};
    size_t n_out = 0, begin = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && (cuts >> (i % 64) & 1) == 0)
            continue;
        size_t bound = 3 * (i - begin) + WEIR_UTF8_GATE_ROOM;
        size_t written = weir_utf8_push(&gate, bytes + begin, i - begin, out + n_out);
        assert_true(written <= bound && gate.n_held <= 3);
        /* never half a code point */
        assert_int_equal(weir_utf8_valid(out + n_out, written), written);
        n_out += written;
        begin = i;
    }
    return n_out + weir_utf8_finish(&gate, out + n_out);
}

static void gate_by_table_and_cuts(void **state) {
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        size_t n = strlen(rows[i].bytes);
        for (uint64_t cuts = 0; cuts < (uint64_t)1 << (n + 1); cuts++) {
            char out[256];
            size_t n_out = through_gate(rows[i].bytes, n, cuts, out);
            assert_int_equal(n_out, strlen(rows[i].text));
            assert_memory_equal(out, rows[i].text, n_out);
        }
    }
}

static void gate_is_repair(void **state) {
    (void)state;
    static const uint8_t alphabet[] = {'a',  0x80, 0x9f, 0xa0, 0xbf, 0xc3, 0xe0, 0xe2,
                                       0xed, 0xf0, 0x90, 0x8f, 0xf4, 0xff, 0xef, 0xbd};
    for (uint64_t round = 0; round < 20000; round++) {
        char bytes[48], out[512], expected[512];
        size_t n = (size_t)(weir_mix64(round, 0, 0) % sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)alphabet[weir_mix64(round, 1, i) % sizeof alphabet];
        size_t n_expected = weir_utf8_repair(bytes, n, expected);
        size_t n_out = through_gate(bytes, n, weir_mix64(round, 2, 0), out);
        assert_int_equal(n_out, n_expected);
        assert_memory_equal(out, expected, n_out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair_by_table),
        cmocka_unit_test(steps_tell_cut_from_bad),
        cmocka_unit_test(every_code_there_and_back),
        cmocka_unit_test(gate_by_table_and_cuts),
        cmocka_unit_test(gate_is_repair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
