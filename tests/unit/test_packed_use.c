/* test_packed_use.c: where files of packed weights lie, by the name of the model. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "packed_use.h"
#include "temp_folder.h"

static void expect_beside(const char *model, const char *expected) {
    char *path = weir_packed_beside(model);
    assert_string_equal(path, expected);
    free(path);
}

static void test_beside(void **state) {
    (void)state;
    expect_beside("model.gguf", "model.gguf.packed");
    expect_beside("/a/b/model", "/a/b/model.packed");
    /* All parts of a split are one model. */
    expect_beside("a/x-00002-of-00003.gguf", "a/x-00001-of-00003.gguf.packed");
    expect_beside("a/x-00001-of-00003.gguf", "a/x-00001-of-00003.gguf.packed");
    expect_beside("-00002-of-00003.gguf", "-00001-of-00003.gguf.packed");
    /* These are no parts. */
    expect_beside("00002-of-00003.gguf", "00002-of-00003.gguf.packed");
    expect_beside("x-0002-of-00003.gguf", "x-0002-of-00003.gguf.packed");
    expect_beside("x-00002-of-0000x.gguf", "x-00002-of-0000x.gguf.packed");
    expect_beside("x-00002-of-00003.GGUF", "x-00002-of-00003.GGUF.packed");
    expect_beside("", ".packed");
}

static void expect_cached(const char *model, const char *beginning, bool same, const char *other) {
    char *a = weir_packed_cached(model), *b = weir_packed_cached(other);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(strncmp(a, beginning, strlen(beginning)), 0);
    assert_int_equal(strcmp(a, b) == 0, same);
    free(a);
    free(b);
}

static void test_cached(void **state) {
    (void)state;
    assert_int_equal(setenv("HOME", "/home/of", 1), 0);
    unsetenv("XDG_CACHE_HOME");
    expect_cached("/a/x.gguf", "/home/of/.cache/weir/packed/x.gguf-", true, "/a/x.gguf");
    assert_int_equal(setenv("XDG_CACHE_HOME", "/cache", 1), 0);
    expect_cached("/a/x.gguf", "/cache/weir/packed/x.gguf-", false, "/b/x.gguf");
    expect_cached("/a/x-00002-of-00002.gguf", "/cache/weir/packed/x-00001-of-00002.gguf-", true,
                  "/a/x-00001-of-00002.gguf");
    /* The same file by another name of its folder. */
    temp_write(in_temp("x.gguf"), "x", 1);
    char other[256];
    snprintf(other, sizeof other, "./%s/../%s/x.gguf", temp_folder, temp_folder);
    expect_cached(in_temp("x.gguf"), "/cache/weir/packed/x.gguf-", true, other);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_null(weir_packed_cached("/a/x.gguf"));
}

static void test_goes_beside(void **state) {
    (void)state;
    assert_true(weir_packed_goes_beside(in_temp("x.gguf")));
    assert_true(weir_packed_goes_beside("x.gguf"));
    assert_false(weir_packed_goes_beside(in_temp("no/x.gguf")));
    assert_int_equal(mkdir(in_temp("models--a--b"), 0777), 0);
    assert_true(weir_packed_goes_beside(in_temp("models--a--b/x.gguf")));
    assert_int_equal(mkdir(in_temp("models--a--b/snapshots"), 0777), 0);
    assert_int_equal(mkdir(in_temp("models--a--b/snapshots/0"), 0777), 0);
    assert_false(weir_packed_goes_beside(in_temp("models--a--b/snapshots/0/x.gguf")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_cached),
        cmocka_unit_test(test_goes_beside),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
