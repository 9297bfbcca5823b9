/* test_public_header.c: weir.h compiles with nothing before it, and its numbers never change. */
#include "weir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

_Static_assert(WEIR_STATUS_OK == 0, "pinned");
_Static_assert(WEIR_STATUS_FAILED == 1, "pinned");
_Static_assert(WEIR_STATUS_BAD_ARGUMENT == 2, "pinned");
_Static_assert(WEIR_STATUS_BAD_FILE == 3, "pinned");
_Static_assert(WEIR_STATUS_NO_MEMORY == 4, "pinned");
_Static_assert(WEIR_STATUS_IO == 5, "pinned");
_Static_assert(WEIR_STATUS_CANCELLED == 6, "pinned");
_Static_assert(WEIR_STATUS_UNSUPPORTED == 7, "pinned");
_Static_assert(WEIR_STATUS_FULL == 8, "pinned");
_Static_assert(WEIR_LAYER_CONV == 0 && WEIR_LAYER_ATTN == 1, "pinned");
_Static_assert(WEIR_FINISH_STOP == 0 && WEIR_FINISH_LENGTH == 1 && WEIR_FINISH_CALLER == 2,
               "pinned");

static void version_is_that_of_the_header(void **state) {
    (void)state;
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR,
             WEIR_VERSION_PATCH);
    assert_string_equal(weir_version(), text);
}

static void statuses_have_texts(void **state) {
    (void)state;
#define CHECK_TEXT(name, number, text)                               \
    assert_string_equal(weir_status_text(WEIR_STATUS_##name), text); \
    assert_string_equal(weir_status_text((weir_status)number), text);
    WEIR_STATUS_MAP(CHECK_TEXT)
#undef CHECK_TEXT
    assert_string_equal(weir_status_text((weir_status)9), "unknown status");
    assert_string_equal(weir_status_text((weir_status)-1), "unknown status");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_that_of_the_header),
        cmocka_unit_test(statuses_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
