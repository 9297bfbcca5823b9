/*
 * cmocka.h: as much of cmocka's interface as tests/kernels needs, for processors that the machine
 * at hand has no cmocka library for. Used by scripts/test_neon.sh alone; everything else is tested
 * with the library itself.
 */
#ifndef WEIR_NEON_CMOCKA_H
#define WEIR_NEON_CMOCKA_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *initial_state;
};

enum { TEST_FAILED = 1, TEST_SKIPPED = 2 };
static jmp_buf test_end;

#define cmocka_unit_test(test) \
    { #test, test, NULL, NULL, NULL }
#define print_message printf
#define skip()        longjmp(test_end, TEST_SKIPPED)
#define fail_msg(...)                          \
    do {                                       \
        printf("%s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__);                   \
        printf("\n");                          \
        longjmp(test_end, TEST_FAILED);        \
    } while (0)
#define assert_true(x)               \
    do {                             \
        if (!(x))                    \
            fail_msg("%s", "not so: " #x); \
    } while (0)
#define assert_false(x)              assert_true(!(x))
#define assert_non_null(x)           assert_true((x) != NULL)
#define assert_int_equal(a, b)       assert_true((a) == (b))
#define assert_string_equal(a, b)    assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)

static inline int run_tests(const struct CMUnitTest *tests, size_t n_tests) {
    volatile int n_failed = 0; /* lives across longjmp */
    for (volatile size_t i = 0; i < n_tests; i = i + 1) {
        void *state = tests[i].initial_state;
        int end = setjmp(test_end);
        if (end == 0)
            tests[i].test(&state);
        printf("%s %s\n",
               end == 0              ? "ok     "
               : end == TEST_SKIPPED ? "skipped"
                                     : "FAILED ",
               tests[i].name);
        n_failed = n_failed + (end == TEST_FAILED);
    }
    return n_failed;
}
#define cmocka_run_group_tests(tests, setup, teardown) \
    run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
