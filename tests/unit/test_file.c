/*
 * test_file.c: whole files, and files that appear whole or not at all. After every failure the
 * folder is looked through: nothing but what was there may be left.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/mapped_pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "weir_test_file_XXXXXX";

/* The path of a name in the test's folder. Good until the fourth next call. */
static const char *in_folder(const char *name) {
    static char paths[4][512];
    static int at;
    at = (at + 1) % 4;
    snprintf(paths[at], sizeof paths[at], "%s/%s", folder, name);
    return paths[at];
}

static int n_entries(void) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "weir_test_file_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    if (!dir)
        return -1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlink(in_folder(entry->d_name)) != 0)
            rmdir(in_folder(entry->d_name));
    closedir(dir);
    return rmdir(folder);
}

static void put(const char *name, const void *data, size_t n) {
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void expect(const char *name, const void *data, size_t n) {
    char *text;
    size_t size;
    assert_int_equal(weir_file_read(in_folder(name), SIZE_MAX, &text, &size, NULL), WEIR_STATUS_OK);
    assert_int_equal(size, n);
    assert_memory_equal(text, data, n);
    assert_int_equal(text[n], 0);
    free(text);
}

/* ---- whole files -------------------------------------------------------------------------- */

static void maps(void **state) {
    (void)state;
    put("a", "hello", 5);
    weir_map map;
    weir_error err;
    assert_int_equal(weir_map_open(&map, in_folder("a"), &err), WEIR_STATUS_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    weir_map_close(&map);
    assert_null(map.data);
    weir_map_close(&map);
    weir_map_close(NULL);

    put("empty", "", 0);
    assert_int_equal(weir_map_open(&map, in_folder("empty"), &err), WEIR_STATUS_OK);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    weir_map_close(&map);
}

static void refuses_to_map(void **state) {
    (void)state;
    weir_map map;
    weir_error err;
    assert_int_equal(weir_map_open(&map, in_folder("absent"), &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "absent"));
    assert_non_null(strstr(err.text, strerror(ENOENT)));
    assert_null(map.data);
    assert_int_equal(weir_map_open(&map, folder, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "not a regular file"));
    /* nobody writes into this pipe: must not wait */
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(weir_map_open(&map, in_folder("pipe"), &err), WEIR_STATUS_IO);
}

/* More bytes than there are addresses: only memory, of which nothing is taken, can claim so many.
 */
static void refuses_what_has_no_addresses(void **state) {
    (void)state;
    int fd = memfd_create("weir_test_file", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)1 << 60) != 0) {
        if (fd >= 0)
            close(fd);
        print_message("skipped: no file in memory, or not of 2^60 bytes\n");
        skip();
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    weir_map map;
    weir_error err = {0};
    assert_int_equal(weir_map_open(&map, path, &err), WEIR_STATUS_NO_MEMORY);
    assert_null(map.data);
    assert_non_null(strstr(err.text, "1152921504606846976"));
    close(fd);
}

static void reads(void **state) {
    (void)state;
    static char data[70000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i % 251);
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 70000};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        size_t n = sizes[i];
        put("a", data, n);
        expect("a", data, n);
        char *text = data;
        size_t size = 1;
        weir_error err;
        assert_int_equal(weir_file_read(in_folder("a"), n, &text, &size, &err), WEIR_STATUS_OK);
        assert_int_equal(size, n);
        free(text);
        if (n == 0)
            continue;
        assert_int_equal(weir_file_read(in_folder("a"), n - 1, &text, &size, &err),
                         WEIR_STATUS_BAD_FILE);
        assert_null(text);
        assert_int_equal(size, 0);
        assert_non_null(strstr(err.text, "too large"));
    }
    char *text;
    size_t size;
    weir_error err;
    assert_int_equal(weir_file_read(in_folder("absent"), 10, &text, &size, &err), WEIR_STATUS_IO);
    assert_int_equal(weir_file_read(folder, 10, &text, &size, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, strerror(EISDIR)));
}

/* Files of /proc say that they have 0 bytes; a pipe has no size and comes in parts. */
static void reads_what_has_no_size(void **state) {
    (void)state;
    char *text;
    size_t size;
    assert_int_equal(weir_file_read("/proc/self/status", 1 << 20, &text, &size, NULL),
                     WEIR_STATUS_OK);
    assert_memory_equal(text, "Name:", 5);
    assert_int_equal(strlen(text), size);
    free(text);

    int ends[2];
    static char data[60000];
    memset(data, 'p', sizeof data);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], data, sizeof data), sizeof data);
    close(ends[1]);
    char path[64];
    weir_error err;
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    assert_int_equal(weir_file_read(path, 1 << 20, &text, &size, &err), WEIR_STATUS_OK);
    assert_int_equal(size, sizeof data);
    assert_memory_equal(text, data, sizeof data);
    free(text);
    close(ends[0]);
}

static void paths(void **state) {
    (void)state;
    put("a", "x", 1);
    assert_true(weir_path_is_folder(folder));
    assert_false(weir_path_is_folder(in_folder("a")));
    assert_false(weir_path_is_folder(in_folder("absent")));
    assert_true(weir_path_exists(folder));
    assert_true(weir_path_exists(in_folder("a")));
    assert_false(weir_path_exists(in_folder("absent")));
    static const char *const joins[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}, {"a", "", "a/"}};
    for (size_t i = 0; i < WEIR_COUNT(joins); i++) {
        char *path = weir_path_join(joins[i][0], joins[i][1]);
        assert_string_equal(path, joins[i][2]);
        free(path);
    }
}

/* ---- files under construction ------------------------------------------------------------- */

static void appears_at_commit(void **state) {
    (void)state;
    weir_out *out;
    weir_error err;
    mode_t before = umask(027);
    assert_int_equal(weir_out_open(&out, in_folder("a"), false, &err), WEIR_STATUS_OK);
    umask(before);
    assert_int_equal(weir_out_write(out, "one", 3, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_out_write(out, NULL, 0, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_out_tell(out), 3);
    assert_false(weir_path_exists(in_folder("a")));
    assert_int_equal(n_entries(), 1);
    assert_int_equal(weir_out_commit(&out, &err), WEIR_STATUS_OK);
    assert_null(out);
    assert_int_equal(n_entries(), 1);
    expect("a", "one", 3);
    struct stat st;
    assert_int_equal(stat(in_folder("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* Syncs of this process; takes the place of the system's. */
static int n_syncs;
int fsync(int fd);
int fsync(int fd) {
    (void)fd;
    n_syncs++;
    return 0;
}

static void commit_of_a(weir_status (*commit)(weir_out **out, weir_error *err), int n_expected) {
    weir_out *out;
    n_syncs = 0;
    assert_int_equal(weir_out_open(&out, in_folder("a"), true, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_out_write(out, "one", 3, NULL), WEIR_STATUS_OK);
    assert_int_equal(commit(&out, NULL), WEIR_STATUS_OK);
    assert_null(out);
    assert_int_equal(n_syncs, n_expected);
    assert_int_equal(n_entries(), 1);
    expect("a", "one", 3);
}

static void syncs_unless_told(void **state) {
    (void)state;
    commit_of_a(weir_out_commit, 2);
    commit_of_a(weir_out_commit_unsynced, 0);
    weir_out_leave_unsynced(true);
    commit_of_a(weir_out_commit, 0);
    weir_out_leave_unsynced(false);
    commit_of_a(weir_out_commit, 2);
}

/* Every order of small and large writes, pads and patches against the same done in memory. */
static void bytes_are_those_of_memory(void **state) {
    (void)state;
    enum { MIB = 1 << 20, CAP = 40 * MIB };
    static const size_t sizes[] = {1, 7, 4096, MIB - 1, MIB, MIB + 1, 3 * MIB + 5, 0, 65537};
    uint8_t *all = calloc(1, CAP), *part = malloc(4 * MIB);
    assert_true(all && part);
    unsigned random = 1;
    for (int round = 0; round < 6; round++) {
        weir_out *out;
        weir_error err;
        size_t n = 0;
        memset(all, 0, CAP);
        assert_int_equal(weir_out_open(&out, in_folder("a"), true, &err), WEIR_STATUS_OK);
        for (int step = 0; step < 24 && n < CAP - 8 * MIB; step++) {
            random = random * 1664525u + 1013904223u;
            size_t size = sizes[(random >> 20) % WEIR_COUNT(sizes)];
            for (size_t i = 0; i < size; i++)
                part[i] = (uint8_t)(i * 31 + i / 997 + random);
            switch ((random >> 10) % 4) {
            case 0: /* at the place where the buffer begins, often across it */
                if (size > n)
                    size = n;
                size_t at = n - size - (n - size) / 3;
                assert_int_equal(weir_out_patch(out, at, part, size, &err), WEIR_STATUS_OK);
                memcpy(all + at, part, size);
                break;
            case 1:
                assert_int_equal(weir_out_pad(out, size + 1, &err), WEIR_STATUS_OK);
                n += (size + 1 - n % (size + 1)) % (size + 1);
                break;
            default:
                assert_int_equal(weir_out_write(out, part, size, &err), WEIR_STATUS_OK);
                memcpy(all + n, part, size);
                n += size;
            }
            assert_int_equal(weir_out_tell(out), n);
        }
        assert_int_equal(weir_out_commit(&out, &err), WEIR_STATUS_OK);
        expect("a", all, n);
    }
    assert_int_equal(n_entries(), 1);
    free(part);
    free(all);
}

static void abort_leaves_nothing(void **state) {
    (void)state;
    weir_out *out;
    assert_int_equal(weir_out_open(&out, in_folder("a"), false, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_out_write(out, "x", 1, NULL), WEIR_STATUS_OK);
    weir_out_abort(&out);
    assert_null(out);
    weir_out_abort(&out);
    weir_out_abort(NULL);
    assert_int_equal(n_entries(), 0);
}

static void existing_file_is_kept(void **state) {
    (void)state;
    put("a", "old", 3);
    weir_out *out;
    weir_error err;
    assert_int_equal(weir_out_open(&out, in_folder("a"), false, &err), WEIR_STATUS_FAILED);
    assert_null(out);
    assert_non_null(strstr(err.text, "exists"));
    assert_int_equal(n_entries(), 1);

    /* it comes into being while the new one is written */
    assert_int_equal(weir_out_open(&out, in_folder("b"), false, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_out_write(out, "new", 3, &err), WEIR_STATUS_OK);
    put("b", "other", 5);
    assert_int_equal(weir_out_commit(&out, &err), WEIR_STATUS_FAILED);
    assert_null(out);
    assert_non_null(strstr(err.text, "exists"));
    expect("b", "other", 5);
    assert_int_equal(n_entries(), 2);

    assert_int_equal(weir_out_open(&out, in_folder("a"), true, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_out_write(out, "newer", 5, &err), WEIR_STATUS_OK);
    expect("a", "old", 3);
    assert_int_equal(weir_out_commit(&out, &err), WEIR_STATUS_OK);
    expect("a", "newer", 5);
    assert_int_equal(n_entries(), 2);
}

static void refuses_places(void **state) {
    (void)state;
    weir_out *out;
    weir_error err;
    assert_int_equal(weir_out_open(&out, in_folder("no/a"), false, &err), WEIR_STATUS_IO);
    assert_null(out);
    assert_non_null(strstr(err.text, "no/a"));
    assert_non_null(strstr(err.text, strerror(ENOENT)));
    assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
    assert_int_equal(weir_out_open(&out, in_folder("sub"), true, &err), WEIR_STATUS_IO);
    assert_int_equal(weir_out_open(&out, "/dev/null", true, &err), WEIR_STATUS_IO);
    assert_null(out);
    assert_int_equal(weir_out_open(&out, "", true, &err), WEIR_STATUS_IO);
    assert_null(out);
    /* a path that becomes a folder on the way */
    assert_int_equal(weir_out_open(&out, in_folder("b"), true, &err), WEIR_STATUS_OK);
    assert_int_equal(mkdir(in_folder("b"), 0700), 0);
    assert_int_equal(weir_out_commit(&out, &err), WEIR_STATUS_IO);
    assert_null(out);
    assert_int_equal(n_entries(), 2);
}

/* Two writers of one path do not meet in one temporary file. */
static void temporaries_are_unique(void **state) {
    (void)state;
    enum { N = 50 };
    weir_out *out[N];
    for (int i = 0; i < N; i++) {
        assert_int_equal(weir_out_open(&out[i], in_folder("a"), true, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_out_write(out[i], &i, sizeof i, NULL), WEIR_STATUS_OK);
    }
    assert_int_equal(n_entries(), N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(weir_out_commit(&out[i], NULL), WEIR_STATUS_OK);
        expect("a", &i, sizeof i);
    }
    assert_int_equal(n_entries(), 1);
}

/* A limit on the size of files stands for the full disk: the same path through the code. */
static void failed_write_is_remembered(void **state) {
    (void)state;
    enum { BYTES = 3 << 20 };
    char *data = calloc(1, BYTES);
    assert_non_null(data);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = BYTES - 100;
    signal(SIGXFSZ, SIG_IGN);
    for (int by_parts = 0; by_parts < 3; by_parts++) {
        weir_out *out;
        weir_error err = {0}, err_commit = {0};
        assert_int_equal(weir_out_open(&out, in_folder("a"), false, &err), WEIR_STATUS_OK);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        weir_status status = WEIR_STATUS_OK;
        size_t part = by_parts == 0 ? BYTES : by_parts == 1 ? 1000 : BYTES - 200;
        for (size_t n = 0; n < BYTES; n += part) {
            weir_status s = weir_out_write(out, data, part < BYTES - n ? part : BYTES - n, &err);
            status = s ? s : status;
        }
        weir_status at_commit = weir_out_commit(&out, &err_commit);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        /* the last case fails only when the buffer is flushed */
        assert_int_equal(status, by_parts == 0 ? WEIR_STATUS_IO : WEIR_STATUS_OK);
        assert_int_equal(at_commit, WEIR_STATUS_IO);
        assert_null(out);
        assert_non_null(strstr(err_commit.text, in_folder("a")));
        assert_non_null(strstr(err_commit.text, strerror(EFBIG)));
        assert_int_equal(n_entries(), 0);
    }
    free(data);
}

/* A name without a folder: the current one is synced. */
static void bare_name(void **state) {
    (void)state;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    weir_out *out;
    weir_error err;
    weir_status opened = weir_out_open(&out, "bare", false, &err);
    weir_status committed = opened ? opened : weir_out_commit(&out, &err);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(committed, WEIR_STATUS_OK);
    expect("bare", "", 0);
}

static void folder_of_a_path(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"name", ""},       {"/name", "/"}, {"a/name", "a"},
                                           {"/a/b/c", "/a/b"}, {"", ""},       {"a/", "a"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *above = weir_path_folder(cases[i][0]);
        assert_string_equal(above, cases[i][1]);
        free(above);
    }
}

static void temporary_names(void **state) {
    (void)state;
    assert_true(weir_is_temporary_name("a.tmp-abc123"));
    assert_false(weir_is_temporary_name(".tmp-abc123")); /* of nothing */
    assert_false(weir_is_temporary_name("a.tmp-abc12"));
    assert_false(weir_is_temporary_name("a.tmp-abc1234"));
    assert_false(weir_is_temporary_name("a"));
}

static void copies(void **state) {
    (void)state;
    const char *from = in_folder("from");
    weir_error err;
    assert_int_equal(mkdir(from, 0777), 0);
    put("from/a", "bytes\0more", 10);
    put("from/empty", "", 0);
    put("a", "old", 3);
    assert_int_equal(weir_file_copy(in_folder("from"), folder, "a", &err), WEIR_STATUS_OK);
    assert_int_equal(weir_file_copy(in_folder("from"), folder, "empty", &err), WEIR_STATUS_OK);
    expect("a", "bytes\0more", 10);
    expect("empty", "", 0);
    /* What is no file is none to copy. */
    assert_int_equal(weir_file_copy(in_folder("from"), folder, "missing", &err), WEIR_STATUS_OK);
    assert_int_equal(weir_file_copy(folder, in_folder("from"), "from", &err), WEIR_STATUS_OK);
    assert_false(weir_path_exists(in_folder("missing")));
    assert_false(weir_path_exists(in_folder("from/from")));
    assert_int_equal(unlink(in_folder("from/a")) | unlink(in_folder("from/empty")), 0);
}

/* ---- mapped pages --------------------------------------------------------------------------- */

/* Pages that nobody has mapped and that are on the disk can be dropped from the page cache. */
static bool drop_pages(const weir_mapped_file *f, size_t n) {
    assert_int_equal(madvise((void *)(uintptr_t)f->data, n, MADV_DONTNEED), 0);
    assert_int_equal(posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    return !weir_mapped_touch(f, f->data, n);
}

static void knows_cached_pages(void **state) {
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 70 * page + 100;
    uint8_t *bytes = malloc(n);
    assert_non_null(bytes);
    memset(bytes, 7, n);
    put("mapped", bytes, n);
    weir_mapped_file f = {.fd = open(in_folder("mapped"), O_RDWR)};
    assert_true(f.fd >= 0);
    assert_int_equal(fdatasync(f.fd), 0); /* fsync is watched here */
    void *data = mmap(NULL, n, PROT_READ, MAP_SHARED, f.fd, 0);
    assert_true(data != MAP_FAILED);
    f.data = data;
    bool was_known = weir_mapped_touch(&f, f.data, n);
    if (was_known) {
        assert_true(weir_mapped_touch(&f, f.data + page + 900, 1));
        assert_true(weir_mapped_touch(&f, f.data + n - 1, 1));
    }
    bool was_dropped = was_known && drop_pages(&f, n);
    if (was_dropped) {
        assert_int_equal(weir_mapped_read(f.data + 3 * page + 10, page, false), 0);
        assert_true(weir_mapped_touch(&f, f.data + 3 * page + 10, page));
        assert_int_equal(weir_mapped_read(f.data, n, false), 0);
        assert_true(weir_mapped_touch(&f, f.data, n));
        assert_memory_equal(f.data, bytes, n);
        /* The same in huge pages, if the system has them. */
        assert_true(drop_pages(&f, n));
        f.prefer_huge = weir_mapped_prefer_huge(f.data, n);
        assert_int_equal(weir_mapped_read(f.data, n, f.prefer_huge), 0);
        assert_true(weir_mapped_touch(&f, f.data, n));
        assert_memory_equal(f.data, bytes, n);
        /* A file that was cut has not all of them. */
        assert_int_equal(ftruncate(f.fd, (off_t)(40 * page)), 0);
        assert_false(weir_mapped_touch(&f, f.data, n));
        assert_true(weir_mapped_touch(&f, f.data, 40 * page));
        assert_int_not_equal(weir_mapped_read(f.data, n, false), 0);
    }
    munmap(data, n);
    free(bytes);
    close(f.fd);
    assert_false(weir_mapped_touch(&f, f.data, n)); /* not known */
    if (!was_dropped) {
        print_message("skipped: the system does not tell which pages of a file are cached, or the "
                      "file system drops none\n");
        skip();
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(maps),
        IN_FOLDER(refuses_to_map),
        IN_FOLDER(refuses_what_has_no_addresses),
        IN_FOLDER(reads),
        IN_FOLDER(reads_what_has_no_size),
        IN_FOLDER(paths),
        IN_FOLDER(appears_at_commit),
        IN_FOLDER(syncs_unless_told),
        IN_FOLDER(bytes_are_those_of_memory),
        IN_FOLDER(abort_leaves_nothing),
        IN_FOLDER(existing_file_is_kept),
        IN_FOLDER(refuses_places),
        IN_FOLDER(temporaries_are_unique),
        IN_FOLDER(failed_write_is_remembered),
        IN_FOLDER(bare_name),
        IN_FOLDER(folder_of_a_path),
        IN_FOLDER(temporary_names),
        IN_FOLDER(copies),
        IN_FOLDER(knows_cached_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
