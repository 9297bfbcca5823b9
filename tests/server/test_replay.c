/*
 * test_replay.c: what models wrote, kept by id: bounded, the oldest forgotten, from many threads.
 */
#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

static void assert_kept(weir_replay *replay, const char *id, const char *raw, size_t n) {
    size_t n_got;
    char *got = weir_replay_get(replay, id, &n_got);
    if (!raw) {
        assert_null(got);
        assert_int_equal(n_got, 0);
        return;
    }
    assert_non_null(got);
    assert_int_equal(n_got, n);
    assert_memory_equal(got, raw, n);
    free(got);
}

static void test_put_and_get(void **state) {
    (void)state;
    weir_replay *replay = weir_replay_open(0);
    weir_replay_put(replay, "call_a", "x\0y", 3);
    weir_replay_put(replay, "call_b", "", 0);
    assert_kept(replay, "call_a", "x\0y", 3);
    assert_kept(replay, "call_b", "", 0);
    assert_kept(replay, "call_c", NULL, 0);
    weir_replay_put(replay, "call_a", "new", 3); /* the same id again: the last counts */
    assert_kept(replay, "call_a", "new", 3);
    weir_replay_close(&replay);
    assert_null(replay);
    weir_replay_close(&replay);
}

/* Of many the last ones are there, and together they stay within the limit. */
static void test_oldest_is_forgotten(void **state) {
    (void)state;
    enum { N = 500, N_BYTES = 1000, MAX_BYTES = 64 << 10 };
    static char raw[MAX_BYTES];
    char id[32];
    size_t n_kept = 0, first_kept = N, n;
    weir_replay *replay = weir_replay_open(MAX_BYTES);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof id, "call_%d", i);
        weir_replay_put(replay, id, raw, N_BYTES);
    }
    for (size_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "call_%zu", i);
        char *got = weir_replay_get(replay, id, &n);
        if (!got)
            assert_int_equal(n_kept, 0); /* no holes: what was forgotten is older than the rest */
        first_kept = got && first_kept == N ? i : first_kept;
        n_kept += got != NULL;
        free(got);
    }
    assert_in_range(n_kept, MAX_BYTES / N_BYTES / 2, MAX_BYTES / N_BYTES);
    assert_int_equal(first_kept + n_kept, N);
    weir_replay_put(replay, "large", raw, MAX_BYTES); /* would take the place of all others */
    assert_kept(replay, "large", NULL, 0);
    assert_kept(replay, "call_499", raw, N_BYTES);
    weir_replay_close(&replay);
}

static void *put_and_get(void *context) {
    weir_replay *replay = context;
    char id[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(id, sizeof id, "call_%d", i % 100);
        size_t n;
        weir_replay_put(replay, id, id, strlen(id));
        char *got = weir_replay_get(replay, id, &n);
        if (got && strcmp(got, id) != 0)
            return context;
        free(got);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { N = 4 };
    pthread_t threads[N];
    weir_replay *replay = weir_replay_open(4096);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_get, replay), 0);
    for (size_t i = 0; i < N; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    weir_replay_close(&replay);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_oldest_is_forgotten),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
