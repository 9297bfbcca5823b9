/*
 * test_stop.c: stop strings against an oracle that looks for them in the whole text, over random
 * texts and strings of few letters and random cuts.
 */
#include "base/random.h"
#include "weir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_STRINGS = 4, MAX_STRING = 7, MAX_TEXT = 40 };

/* The earliest end counts, then the longest; *n_shown is the text before it. */
static int oracle(const char *const *strings, size_t n_strings, const char *text, size_t n,
                  size_t *n_shown) {
    for (size_t end = 1; end <= n; end++) {
        int found = -1;
        for (size_t i = 0; i < n_strings; i++) {
            size_t length = strlen(strings[i]);
            bool is_here = length <= end && memcmp(text + end - length, strings[i], length) == 0;
            if (is_here && (found < 0 || length > strlen(strings[found])))
                found = (int)i;
        }
        if (found >= 0) {
            *n_shown = end - strlen(strings[found]);
            return found;
        }
    }
    *n_shown = n;
    return -1;
}

/* Longest end of text [n] that begins one of the strings: what may be held back, no more. */
static size_t oracle_held(const char *const *strings, size_t n_strings, const char *text,
                          size_t n) {
    for (size_t length = MAX_STRING; length > 0; length--)
        for (size_t i = 0; i < n_strings; i++)
            if (length <= n && length < strlen(strings[i]) &&
                memcmp(text + n - length, strings[i], length) == 0)
                return length;
    return 0;
}

static void check_round(uint64_t round) {
    char room[MAX_STRINGS][MAX_STRING + 1], text[MAX_TEXT + 1] = {0};
    const char *strings[MAX_STRINGS];
    uint64_t n_letters = 1 + weir_mix64(round, 0, 0) % 3;
    size_t n_strings = (size_t)(weir_mix64(round, 0, 1) % (MAX_STRINGS + 1));
    for (size_t i = 0; i < n_strings; i++) {
        size_t n = 1 + (size_t)(weir_mix64(round, 1, i) % MAX_STRING);
        for (size_t k = 0; k < n; k++)
            room[i][k] = (char)('a' + weir_mix64(round, 2 + i, k) % n_letters);
        room[i][n] = '\0';
        strings[i] = room[i];
    }
    size_t n = (size_t)(weir_mix64(round, 0, 2) % MAX_TEXT);
    for (size_t k = 0; k < n; k++)
        text[k] = (char)('a' + weir_mix64(round, 20, k) % n_letters);

    weir_stop *stop = NULL;
    assert_int_equal(weir_stop_open(&stop, strings, n_strings, NULL), WEIR_STATUS_OK);
    size_t n_expected;
    int expected = oracle(strings, n_strings, text, n, &n_expected);
    for (int again = 0; again < 2; again++) { /* finish begins anew */
        char out[4 * MAX_TEXT];
        size_t n_shown = 0, begin = 0, n_out;
        int found = -1;
        while (begin < n) {
            size_t piece = 1 + (size_t)(weir_mix64(round, 30 + (uint64_t)again, begin) % 9);
            piece = piece < n - begin ? piece : n - begin;
            found = weir_stop_push(stop, text + begin, piece, out + n_shown, &n_out);
            assert_true(n_out <= piece + weir_stop_longest(stop));
            n_shown += n_out;
            begin += piece;
            if (found < 0)
                assert_int_equal(n_shown, begin - oracle_held(strings, n_strings, text, begin));
        }
        weir_stop_finish(stop, out + n_shown, &n_out);
        assert_true(n_out <= weir_stop_longest(stop));
        n_shown += n_out;
        assert_int_equal(found, expected);
        assert_int_equal(n_shown, n_expected);
        assert_memory_equal(out, text, n_shown);
    }
    weir_stop_close(&stop);
}

static void agrees_with_oracle(void **state) {
    (void)state;
    uint64_t n_rounds = getenv("WEIR_SOAK") ? 1000000 : 20000;
    for (uint64_t round = 0; round < n_rounds; round++)
        check_round(round);
}

static void longest_at_earliest_end(void **state) {
    (void)state;
    static const char *const strings[] = {"c", "abc", "bc", "abcd", "abc"};
    char out[32];
    size_t n_out;
    weir_stop *stop = NULL;
    assert_int_equal(weir_stop_open(&stop, strings, 5, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_stop_longest(stop), 4);
    assert_int_equal(weir_stop_push(stop, "xab", 3, out, &n_out), -1);
    assert_int_equal(n_out, 1);
    assert_int_equal(weir_stop_push(stop, "cde", 3, out, &n_out), 1);
    assert_int_equal(n_out, 0);
    assert_int_equal(weir_stop_push(stop, "more", 4, out, &n_out), 1);
    assert_int_equal(n_out, 0);
    weir_stop_close(&stop);
    assert_null(stop);
    weir_stop_close(&stop);
}

static void empty_strings_are_refused(void **state) {
    (void)state;
    static const char *const strings[] = {"a", ""};
    weir_stop *stop = NULL;
    weir_error err = {0};
    assert_int_equal(weir_stop_open(&stop, strings, 2, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(stop);
    assert_non_null(strstr(err.text, "stop string 1"));
}

/* A string whose beginnings repeat, over a text that nearly matches it everywhere. */
static void hostile_text_takes_linear_time(void **state) {
    (void)state;
    enum { N_STRING = 20000, N_TEXT = 1000000 };
    char *string = malloc(N_STRING + 1), *text = malloc(N_TEXT), *out = malloc(N_TEXT + N_STRING);
    assert_true(string && text && out);
    memset(string, 'a', N_STRING);
    strcpy(string + N_STRING - 1, "b");
    memset(text, 'a', N_TEXT);
    const char *strings[] = {string};
    weir_stop *stop = NULL;
    size_t n_out;
    assert_int_equal(weir_stop_open(&stop, strings, 1, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_stop_push(stop, text, N_TEXT, out, &n_out), -1);
    assert_int_equal(n_out, N_TEXT - (N_STRING - 1));
    assert_int_equal(weir_stop_push(stop, "b", 1, out, &n_out), 0);
    weir_stop_close(&stop);
    free(string);
    free(text);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_oracle),
        cmocka_unit_test(longest_at_earliest_end),
        cmocka_unit_test(empty_strings_are_refused),
        cmocka_unit_test(hostile_text_takes_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
