/* test_error.c: the one line of a weir_error. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fails_with_text_and_status(void **state) {
    (void)state;
    weir_error err = {0};
    assert_int_equal(weir_fail(&err, WEIR_STATUS_BAD_FILE, "%s: byte %d", "a.gguf", 12),
                     WEIR_STATUS_BAD_FILE);
    assert_int_equal(err.status, WEIR_STATUS_BAD_FILE);
    assert_string_equal(err.text, "a.gguf: byte 12");
    assert_int_equal(weir_fail(NULL, WEIR_STATUS_IO, "x"), WEIR_STATUS_IO);
    assert_int_equal(weir_fail_within(NULL, WEIR_STATUS_FULL, "x"), WEIR_STATUS_FULL);
}

static void makes_one_line(void **state) {
    (void)state;
    weir_error err;
    weir_fail(&err, WEIR_STATUS_FAILED,
              "a\nb\tc\x1b[31md\x7f"
              "e\xc3\xa9\r");
    assert_string_equal(err.text, "a?b?c?[31md?e\xc3\xa9?");
    /* U+009B, an escape sequence's beginning in two bytes, and its neighbours that are none */
    weir_fail(&err, WEIR_STATUS_FAILED, "a\xc2\x9b\x33\xc2\x80\xc2\xa0z\xc2");
    assert_string_equal(err.text, "a??3??\xc2\xa0z");
    /* a letter that an argument was cut in */
    weir_fail(&err, WEIR_STATUS_FAILED, "'%.1s' \xff", "\xc3\xa9");
    assert_string_equal(err.text, "'?' ?");
}

static void prefixes(void **state) {
    (void)state;
    weir_error err;
    weir_fail(&err, WEIR_STATUS_IO, "cannot be read");
    assert_int_equal(weir_fail_within(&err, WEIR_STATUS_FAILED, "shard %d\n", 3), WEIR_STATUS_IO);
    assert_string_equal(err.text, "shard 3?: cannot be read");
    assert_int_equal(err.status, WEIR_STATUS_IO);
    /* its own text as an argument */
    weir_fail(&err, WEIR_STATUS_BAD_FILE, "<%s>", err.text);
    assert_string_equal(err.text, "<shard 3?: cannot be read>");
    weir_fail_within(&err, WEIR_STATUS_FAILED, "%.4s", err.text);
    assert_string_equal(err.text, "<sha: <shard 3?: cannot be read>");
}

/* Lines of every length around the limit, of letters of 1 to 4 bytes: ended, whole, a beginning. */
static void cuts_between_letters(void **state) {
    (void)state;
    static const char *const letters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[WEIR_ERROR_TEXT * 2];
    for (size_t l = 0; l < WEIR_COUNT(letters); l++) {
        size_t width = strlen(letters[l]);
        for (size_t shift = 0; shift < 4; shift++) {
            size_t n = shift;
            memset(text, 'x', shift);
            while (n + width < WEIR_ERROR_TEXT + 40) {
                memcpy(text + n, letters[l], width);
                n += width;
            }
            text[n] = 0;
            weir_error err;
            memset(&err, 0x55, sizeof err);
            weir_fail(&err, WEIR_STATUS_FAILED, "%s", text);
            size_t n_kept = (WEIR_ERROR_TEXT - 1 - shift) / width * width + shift;
            assert_int_equal(strlen(err.text), n_kept);
            assert_memory_equal(err.text, text, n_kept);
            weir_fail_within(&err, WEIR_STATUS_FAILED, "%s", text);
            assert_int_equal(strlen(err.text), n_kept);
            memset(err.text, 'y', WEIR_ERROR_TEXT - 1);
            err.text[WEIR_ERROR_TEXT - 1] = 0;
            weir_fail_within(&err, WEIR_STATUS_FAILED, "p");
            assert_int_equal(strlen(err.text), WEIR_ERROR_TEXT - 1);
            assert_memory_equal(err.text, "p: yyy", 6);
        }
    }
}

/* Bytes that are no UTF-8 must not take the whole line away. */
static void replaces_stray_bytes(void **state) {
    (void)state;
    char text[WEIR_ERROR_TEXT * 2];
    memset(text, 0x80, sizeof text);
    text[sizeof text - 1] = 0;
    weir_error err;
    weir_fail(&err, WEIR_STATUS_FAILED, "%s", text);
    assert_true(strlen(err.text) >= WEIR_ERROR_TEXT - 5);
    assert_int_equal(strspn(err.text, "?"), strlen(err.text));
}

static weir_status pass_on(weir_status status) {
    WEIR_TRY(status);
    return WEIR_STATUS_FAILED;
}

static int pass_to_label(weir_status wanted) {
    weir_status status;
    WEIR_TRY_GOTO(wanted);
    return -1;
fail:
    return (int)status;
}

static void tries(void **state) {
    (void)state;
    assert_int_equal(pass_on(WEIR_STATUS_FULL), WEIR_STATUS_FULL);
    assert_int_equal(pass_on(WEIR_STATUS_OK), WEIR_STATUS_FAILED);
    assert_int_equal(pass_to_label(WEIR_STATUS_IO), WEIR_STATUS_IO);
    assert_int_equal(pass_to_label(WEIR_STATUS_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_with_text_and_status),
        cmocka_unit_test(makes_one_line),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(cuts_between_letters),
        cmocka_unit_test(replaces_stray_bytes),
        cmocka_unit_test(tries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
