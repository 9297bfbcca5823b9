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

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

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
    char *found;
    assert_int_equal(weir_records_get(r, owner, id, &found, &n, &test_err), WEIR_STATUS_OK);
    if (found && text) {
        assert_int_equal(n, strlen(text));
        assert_string_equal(found, text);
    }
    free(found);
    return found != NULL;
}

/* Until the store's own thread has tried to write as often as that. */
static void wait_tries(weir_records *r, uint64_t n_written, uint64_t n_failures) {
    weir_records_stats stats;
    for (int i = 0; i < 10000; i++) {
        weir_records_get_stats(r, &stats);
        if (stats.n_written >= n_written && stats.n_failures >= n_failures)
            return;
        usleep(1000);
    }
    fail_msg("%llu written, %llu failed", (unsigned long long)stats.n_written,
             (unsigned long long)stats.n_failures);
}

/* How much of a thing this process may have, from now on; what it was. */
static struct rlimit limit(int of, rlim_t most) {
    struct rlimit before, now;
    assert_int_equal(getrlimit(of, &before), 0);
    now = (struct rlimit){.rlim_cur = most, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(of, &now), 0);
    return before;
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
    temp_write(in_temp("bad/x.json.tmp-Gh3dEf"), "of another server", 17);
    static const struct timespec long_ago[2];
    assert_int_equal(utimensat(AT_FDCWD, in_temp("bad/x.json.tmp-Ab3dEf"), long_ago, 0), 0);
    r = open_records(in_temp("bad"), 0, 0);
    weir_records_stats stats;
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 1);
    assert_true(has(r, "", "good", "text"));
    weir_records_close(&r);
    assert_int_equal(access(in_temp("bad/readme"), F_OK), 0);
    assert_int_not_equal(access(in_temp("bad/x.json.tmp-Ab3dEf"), F_OK), 0);
    assert_int_equal(access(in_temp("bad/x.json.tmp-Gh3dEf"), F_OK), 0);
}

/* The path of the only record in a folder. */
static void find_file(char path[512], const char *folder) {
    DIR *all = opendir(folder);
    assert_non_null(all);
    path[0] = 0;
    for (struct dirent *d; (d = readdir(all)) != NULL;)
        if (d->d_name[0] != '.')
            snprintf(path, 512, "%.200s/%.200s", folder, d->d_name);
    closedir(all);
    assert_true(path[0]);
}

/* A text is not looked at before it is asked for; then damage shows, and costs this one. */
static void test_damage_is_found_when_it_is_read(void **state) {
    (void)state;
    const char *folder = in_temp("hurt");
    char path[512];
    weir_records_stats stats;
    weir_records *r = open_records(folder, 0, 0);
    put(r, "", "one", "text");
    weir_records_close(&r);
    find_file(path, folder);
    size_t n;
    char *data = temp_read(path, &n);
    data[n - 1] = 'T';
    temp_write(path, data, n);
    r = open_records(folder, 0, 0);
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 1);
    assert_false(has(r, "", "one", NULL));
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 0);
    put(r, "", "one", "again");
    weir_records_close(&r);
    temp_write(in_temp("hurt/0123456789abcdef0123456789abcdef.json"), data, n); /* not its name */
    temp_write(path, data, n - 1);
    r = open_records(folder, 0, 0);
    weir_records_get_stats(r, &stats);
    assert_int_equal(stats.n_records, 0);
    weir_records_close(&r);
    free(data);
}

/* One that cannot be read at the moment is neither unknown nor gone. */
static void test_a_failure_to_read_may_pass(void **state) {
    (void)state;
    char *text;
    size_t n;
    weir_records *r = open_records(in_temp("passing"), 0, 0);
    put(r, "", "one", "text");
    weir_records_close(&r);
    r = open_records(in_temp("passing"), 0, 0);
    struct rlimit files = limit(RLIMIT_NOFILE, 0);
    weir_status known = weir_records_get(r, "", "one", &text, &n, &test_err);
    char *unknown_text;
    weir_status unknown = weir_records_get(r, "", "two", &unknown_text, &n, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(known, WEIR_STATUS_IO);
    assert_null(text);
    assert_non_null(strstr(test_err.text, "one"));
    assert_int_equal(unknown, WEIR_STATUS_OK);
    assert_null(unknown_text);
    assert_true(has(r, "", "one", "text"));
    weir_records_close(&r);
}

/* A disk that was full for a while: what it did not take is written later, and what it had before
 * stays meanwhile. */
static void test_a_full_disk(void **state) {
    (void)state;
    weir_records *r = open_records(in_temp("full"), 0, 1000);
    put(r, "", "a", "first");
    wait_tries(r, 1, 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit size = limit(RLIMIT_FSIZE, 0);
    put(r, "", "a", "second");
    wait_tries(r, 1, 1);
    put(r, "", "b", "other");
    wait_tries(r, 1, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
    put(r, "", "c", "taken"); /* and now the others */
    wait_tries(r, 4, 2);
    limit(RLIMIT_FSIZE, 0);
    put(r, "", "c", "at the end");
    wait_tries(r, 4, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
    weir_records_close(&r);
    r = open_records(in_temp("full"), 0, 1000);
    assert_true(has(r, "", "a", "second"));
    assert_true(has(r, "", "b", "other"));
    assert_true(has(r, "", "c", "at the end"));

    char large[901];
    memset(large, 'x', 900);
    large[900] = 0;
    limit(RLIMIT_FSIZE, 0);
    put(r, "", "a", "never written, and no room for it");
    wait_tries(r, 0, 1);
    put(r, "", "d", large);
    put(r, "", "e", large);
    wait_tries(r, 0, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
    weir_records_close(&r);
    r = open_records(in_temp("full"), 0, 1000);
    assert_true(has(r, "", "a", "second"));
    weir_records_close(&r);
}

/* Each finds what the other wrote, and what one has forgotten is gone. */
static void test_two_servers(void **state) {
    (void)state;
    weir_records *a = open_records(in_temp("both"), 0, 0), *b = open_records(in_temp("both"), 0, 0);
    put(a, "alice", "one", "of a");
    put(b, "alice", "two", "of b");
    wait_tries(a, 1, 0);
    wait_tries(b, 1, 0);
    assert_true(has(a, "alice", "two", "of b"));
    assert_true(has(b, "alice", "one", "of a"));
    assert_false(has(b, "bob", "one", NULL));
    put(a, "alice", "three", "of a");
    wait_tries(a, 2, 0);
    assert_true(weir_records_forget(b, "alice", "three"));
    assert_false(weir_records_forget(b, "alice", "three"));
    weir_records_close(&a);
    weir_records_close(&b);
    a = open_records(in_temp("both"), 0, 0);
    assert_false(has(a, "alice", "three", NULL));
    weir_records_close(&a);
}

static void test_nobody_else_may_read_them(void **state) {
    (void)state;
    struct stat info;
    mode_t before = umask(0);
    weir_records *r = open_records(in_temp("state/records"), 0, 0);
    umask(before);
    weir_records_close(&r);
    assert_int_equal(stat(in_temp("state/records"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(in_temp("state"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0777);
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
        char *found;
        if (weir_records_get(w->records, owner, id, &found, &n, NULL) != WEIR_STATUS_OK)
            abort();
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
        cmocka_unit_test(test_damage_is_found_when_it_is_read),
        cmocka_unit_test(test_a_failure_to_read_may_pass),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_two_servers),
        cmocka_unit_test(test_nobody_else_may_read_them),
        cmocka_unit_test(test_a_folder_that_is_none),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
