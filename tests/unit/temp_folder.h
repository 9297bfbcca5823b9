/*
 * temp_folder.h: a folder of a test's own, made before a group and removed with all it holds after
 * it. Include after the headers of cmocka's preamble.
 */
#ifndef WEIR_TESTS_TEMP_FOLDER_H
#define WEIR_TESTS_TEMP_FOLDER_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp_folder[32];

/* The path of a name in the folder. Good until the eighth next call. */
static inline const char *in_temp(const char *name) {
    static char paths[8][256];
    static int at;
    at = (at + 1) % 8;
    snprintf(paths[at], sizeof paths[at], "%s/%s", temp_folder, name);
    return paths[at];
}

static inline int temp_folder_make(void **state) {
    (void)state;
    strcpy(temp_folder, "weir_test_XXXXXX");
    return mkdtemp(temp_folder) != NULL ? 0 : -1;
}

static inline int temp_folder_remove_one(const char *path, const struct stat *info, int kind,
                                         struct FTW *walk) {
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* Removes a folder of the temporary one, or a file; nothing if it is not there. */
static inline void temp_remove(const char *path) {
    nftw(path, temp_folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int temp_folder_remove(void **state) {
    (void)state;
    temp_remove(temp_folder);
    return 0;
}

static inline void temp_write(const char *path, const void *data, size_t n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* malloc'ed, with a 0 behind it */
static inline char *temp_read(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *data = malloc((size_t)size + 1);
    assert_non_null(data);
    *n = fread(data, 1, (size_t)size, file);
    assert_int_equal(*n, size);
    data[*n] = '\0';
    fclose(file);
    return data;
}

static inline void temp_copy(const char *to, const char *from) {
    size_t n;
    char *data = temp_read(from, &n);
    temp_write(to, data, n);
    free(data);
}

static inline void assert_same_files(const char *a, const char *b) {
    size_t n_a, n_b;
    char *data_a = temp_read(a, &n_a), *data_b = temp_read(b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_int_equal(memcmp(data_a, data_b, n_a), 0);
    free(data_a);
    free(data_b);
}

static inline int temp_n_entries(void) {
    DIR *dir = opendir(temp_folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

#endif
