/*
 * test_record_store.c: texts by owner and id: found again, also by the next server; kept apart by
 * owner; within bounds; whatever stands in the folder.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "record_store.h"
#include "unit/temp_folder.h"

#include <pthread.h>

static weir_error test_err;

static weir_records *open_records(const char *folder, size_t max_records, size_t memory_bytes) {
    weir_records *r = NULL;
    weir_records_options o = {
        .folder = folder, .max_records = max_records, .memory_bytes = memory_bytes};
    if (weir_records_open(&r, &o, &test_err) != WEIR_STATUS_OK)
        fail_msg("%s", test_err.text);
    return r;
}

static void put(weir_records *r, const char *owner, const char *id, const char *text) {
    assert_int_equal(weir_records_put(r, owner, id, text, strlen(text), &test_err), WEIR_STATUS_OK);
}

static bool has(weir_records *r, const char *owner, const char *id, const char *text) {
    size_t n;
    char *found = weir_records_get(r, owner, id, &n);
    if (found && text) {
        assert_int_equal(n, strlen(text));
        assert_string_equal(found, text);
    }
    free(found);
    return found != NULL;
}

static void in_and_out(weir_records *r) {
    put(r, "alice", "one", "first");
    put(r, "bob", "one", "his");
    put(r, "alice", "one", "second");
    put(r, "alice", "../../etc/passwd", "a name is no path");
    assert_true(has(r, "alice", "one", "second"));
    assert_true(has(r, "bob", "one", "his"));
    assert_true(has(r, "alice", "../../etc/passwd", "a name is no path"));
    assert_false(has(r, "alice", "two", NULL));
    assert_false(has(r, "", "one", NULL));
    assert_true(weir_records_forget(r, "alice", "one"));
    assert_false(weir_records_forget(r, "alice", "one"));
    assert_false(has(r, "alice", "one", NULL));
    assert_true(has(r, "bob", "one", "his"));
}

static void test_in_and_out(void **state) {
    (void)state;
    weir_records *r = open_records(NULL, 0, 0);
    in_and_out(r);
    weir_records_close(&r);
    r = open_records(in_temp("plain"), 0, 0);
    in_and_out(r);
    weir_records_close(&r);
}

typedef struct seen {
    char ids[200];
    size_t bytes;
} seen;

static void see(void *context, const char *id, int64_t updated, size_t bytes) {
    seen *s = context;
    assert_true(updated > 0);
    snprintf(s->ids + strlen(s->ids), sizeof s->ids - strlen(s->ids), "%s ", id);
    s->bytes += bytes;
}

static void test_the_next_server_finds_them(void **state) {
    (void)state;
    weir_records *r = open_records(in_temp("next"), 0, 0);
    put(r, "alice", "a", "1");
    put(r, "alice", "b", "22");
    put(r, "bob", "c", "333");
    put(r, "alice", "gone", "x");
    assert_true(weir_records_forget(r, "alice", "gone"));
    put(r, "alice", "a", "with\na line\n{\"x\": 1}");
    weir_records_close(&r);
    r = open_records(in_temp("next"), 0, 0);
    seen s = {{0}, 0};
    weir_records_list(r, "alice", see, &s);
    assert_int_equal(strlen(s.ids), 4);
    assert_true(strstr(s.ids, "a ") && strstr(s.ids, "b "));
    assert_int_equal(s.bytes, 2 + 20);
    assert_true(has(r, "alice", "a", "with\na line\n{\"x\": 1}"));
    assert_true(has(r, "alice", "b", "22"));
    assert_true(has(r, "bob", "c", "333"));
    assert_false(has(r, "alice", "gone", NULL));
    weir_records_close(&r);
}

static void test_memory_is_bounded(void **state) {
    (void)state;
    enum { N = 200, SIZE = 1000 };
    char text[SIZE + 1], id[16];
    memset(text, 'x', SIZE);
    text[SIZE] = 0;
    for (int with_folder = 0; with_folder < 2; with_folder++) {
        weir_records *r = open_records(with_folder ? in_temp("bounds") : NULL, 0, 10 * SIZE);
        weir_records_stats stats;
        for (int i = 0; i < N; i++) {
            snprintf(id, sizeof id, "%d", i);
            memcpy(text, id, strlen(id));
            put(r, "", id, text);
        }
        if (with_folder) { /* the writer may lag: what is not written stays */
            weir_records_close(&r);
            r = open_records(in_temp("bounds"), 0, 10 * SIZE);
        }
        for (int i = 0; i < N; i++) {
            snprintf(id, sizeof id, "%d", i);
            assert_int_equal(has(r, "", id, NULL), with_folder || i >= N - 10);
        }
        weir_records_get_stats(r, &stats);
        assert_true(stats.memory_bytes <= 10 * SIZE);
        assert_int_equal(stats.n_records, with_folder ? N : 10);
        weir_records_close(&r);
    }
    weir_records *r = open_records(in_temp("bounds"), 20, 0);
    weir_records_stats stats;
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 20);
    assert_int_equal(weir_records_put(r, "", "huge", text, (size_t)65 << 20, &test_err),
                     WEIR_STATUS_FULL);
    weir_records_close(&r);
}

static void test_damaged_files_are_passed_over(void **state) {
    (void)state;
    weir_records *r = open_records(in_temp("bad"), 0, 0);
    put(r, "", "good", "text");
    weir_records_close(&r);
    temp_write(in_temp("bad/0123456789abcdef0123456789abcdef.json"), "{\"weir_record\": 1}\nx", 20);
    temp_write(in_temp("bad/1123456789abcdef0123456789abcdef.json"), "no line", 7);
    temp_write(in_temp("bad/2123456789abcdef0123456789abcdef.json"), "", 0);
    temp_write(in_temp("bad/readme"), "left alone", 10);
    temp_write(in_temp("bad/x.json.tmp-Ab3dEf"), "of a kill", 9);
    r = open_records(in_temp("bad"), 0, 0);
    weir_records_stats stats;
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 1);
    assert_true(has(r, "", "good", "text"));
    weir_records_close(&r);
    assert_int_equal(access(in_temp("bad/readme"), F_OK), 0);
    assert_int_not_equal(access(in_temp("bad/x.json.tmp-Ab3dEf"), F_OK), 0);
}

static void test_a_folder_that_is_none(void **state) {
    (void)state;
    weir_records *r = NULL;
    temp_write(in_temp("afile"), "x", 1);
    weir_records_options o = {.folder = in_temp("afile")};
    assert_int_equal(weir_records_open(&r, &o, &test_err), WEIR_STATUS_IO);
    assert_non_null(strstr(test_err.text, "afile"));
    assert_null(r);
}

/* ---- from many threads ---- */

typedef struct worker {
    weir_records *records;
    int number;
} worker;

static void *work(void *context) {
    const worker *w = context;
    char owner[16], id[16], text[64];
    snprintf(owner, sizeof owner, "owner%d", w->number % 2);
    for (int i = 0; i < 300; i++) {
        size_t n;
        snprintf(id, sizeof id, "%d", (i * 7 + w->number) % 40);
        snprintf(text, sizeof text, "%s of %s", id, owner);
        if (i % 5 == 4)
            weir_records_forget(w->records, owner, id);
        else if (i % 2 == 0)
            weir_records_put(w->records, owner, id, text, strlen(text), NULL);
        char *found = weir_records_get(w->records, owner, id, &n);
        if (found && strcmp(found, text) != 0)
            abort();
        free(found);
    }
    return NULL;
}

static void test_many_threads(void **state) {
    (void)state;
    enum { N = 6 };
    weir_records *r = open_records(in_temp("many"), 50, 2000);
    pthread_t threads[N];
    worker workers[N];
    for (int i = 0; i < N; i++) {
        workers[i] = (worker){r, i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
    weir_records_close(&r);
    r = open_records(in_temp("many"), 50, 0);
    for (int i = 0; i < 40; i++) {
        char id[16], text[64];
        snprintf(id, sizeof id, "%d", i);
        snprintf(text, sizeof text, "%s of owner0", id);
        has(r, "owner0", id, text);
    }
    weir_records_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_the_next_server_finds_them),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_damaged_files_are_passed_over),
        cmocka_unit_test(test_a_folder_that_is_none),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
