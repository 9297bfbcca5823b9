/*
 * test_pause_folder.c: folders of processes that live, and of those that were killed.
 */
#include "pause_folder.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char parent[] = "/tmp/weir-test-XXXXXX";

static int make_parent(void **state) {
    (void)state;
    strcpy(parent + strlen(parent) - 6, "XXXXXX");
    return mkdtemp(parent) ? 0 : -1;
}

static int remove_parent(void **state) {
    (void)state;
    return rmdir(parent);
}

static size_t count_entries(const char *path) {
    size_t n = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *d; (d = readdir(folder)) != NULL;)
        n += d->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void write_file(const char *folder, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("what somebody said", file);
    fclose(file);
}

static void it_is_its_owners_alone_and_goes_with_what_is_in_it(void **state) {
    (void)state;
    char *path = NULL;
    int lock = -1;
    struct stat status;
    assert_true(weir_pause_folder_open(parent, &path, &lock));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    write_file(path, "1");
    weir_pause_folder_close(&path, &lock);
    assert_null(path);
    assert_int_equal(count_entries(parent), 0);
    weir_pause_folder_close(&path, &lock); /* of none */
}

static void who_lives_keeps_his(void **state) {
    (void)state;
    char *first, *second;
    int first_lock, second_lock;
    assert_true(weir_pause_folder_open(parent, &first, &first_lock));
    write_file(first, "1");
    assert_true(weir_pause_folder_open(parent, &second, &second_lock));
    assert_int_equal(count_entries(parent), 2);
    assert_int_equal(count_entries(first), 1);
    weir_pause_folder_close(&first, &first_lock);
    weir_pause_folder_close(&second, &second_lock);
}

static void what_a_killed_process_left_goes_with_the_next_start(void **state) {
    (void)state;
    char *path;
    int lock, how;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (weir_pause_folder_open(parent, &path, &lock))
            write_file(path, "1");
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(count_entries(parent), 1);
    assert_true(weir_pause_folder_open(parent, &path, &lock));
    assert_int_equal(count_entries(parent), 1); /* the new one */
    assert_int_equal(count_entries(path), 0);
    weir_pause_folder_close(&path, &lock);
}

/* Another name, a file, and a link to somewhere else are nobody's to remove. */
static void nothing_else_is_touched(void **state) {
    (void)state;
    char aside[256], link[300], *path;
    int lock;
    snprintf(aside, sizeof aside, "%s/weir-other", parent);
    snprintf(link, sizeof link, "%s/weir-paused-linked", parent);
    assert_int_equal(mkdir(aside, 0700), 0);
    write_file(aside, "1");
    write_file(parent, "weir-paused-afile");
    assert_int_equal(symlink(aside, link), 0);
    assert_true(weir_pause_folder_open(parent, &path, &lock));
    assert_int_equal(count_entries(parent), 4);
    assert_int_equal(count_entries(aside), 1);
    weir_pause_folder_close(&path, &lock);
    unlink(link);
    snprintf(link, sizeof link, "%s/weir-paused-afile", parent);
    unlink(link);
    snprintf(link, sizeof link, "%s/1", aside);
    unlink(link);
    rmdir(aside);
}

static void a_place_that_is_none_has_no_folder(void **state) {
    (void)state;
    char *path = NULL;
    int lock = -1;
    assert_false(weir_pause_folder_open("/nowhere/at/all", &path, &lock));
    assert_null(path);
}

#define IN_PARENT(test) cmocka_unit_test_setup_teardown(test, make_parent, remove_parent)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_PARENT(it_is_its_owners_alone_and_goes_with_what_is_in_it),
        IN_PARENT(who_lives_keeps_his),
        IN_PARENT(what_a_killed_process_left_goes_with_the_next_start),
        IN_PARENT(nothing_else_is_touched),
        cmocka_unit_test(a_place_that_is_none_has_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
