/* test_gguf_write.c: what the GGUF writer writes reads back bit for bit, and what it refuses. */
#include "base/error.h"
#include "base/file.h"
#include "fuzz/walk_tensors.h"
#include "unit/gguf_bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-gguf-write-XXXXXX";

static const char *path_of(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static unsigned count_files(void) {
    unsigned n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Fails the test with the error's line. */
static void good(weir_status status, const weir_error *err) {
    if (status != WEIR_STATUS_OK)
        fail_msg("%s", err->text);
}

static weir_gguf_writer *create(const char *path) {
    weir_error err = {0};
    weir_gguf_writer *w = NULL;
    good(weir_gguf_create(&w, path, true, &err), &err);
    return w;
}

static weir_gguf *open_path(const char *path) {
    weir_error err = {0};
    weir_gguf *g = NULL;
    good(weir_gguf_open(&g, path, &err), &err);
    return g;
}

/* ---- round trips -------------------------------------------------------------------------------
 */

static void add_all(weir_gguf_writer *w) {
    static const int32_t ints[] = {0, -1, INT32_MAX, INT32_MIN};
    static const float floats[] = {0.5f, -0.0f, 3e38f};
    static const weir_text texts[] = {{"one", 3}, {NULL, 0}, {"t\0wo", 4}};
    weir_gguf_add_u32(w, "u32", UINT32_MAX);
    weir_gguf_add_u64(w, "u64", UINT64_MAX - 1);
    weir_gguf_add_i32(w, "i32", INT32_MIN);
    weir_gguf_add_f32(w, "f32", -1.25f);
    weir_gguf_add_bool(w, "yes", true);
    weir_gguf_add_bool(w, "no", false);
    weir_gguf_add_text(w, "text", "a\0\xff", 3);
    weir_gguf_add_text(w, "empty", NULL, 0);
    weir_gguf_add_string(w, "string", "general");
    weir_gguf_add_i32s(w, "ints", ints, WEIR_COUNT(ints));
    weir_gguf_add_f32s(w, "floats", floats, WEIR_COUNT(floats));
    weir_gguf_add_texts(w, "texts", texts, WEIR_COUNT(texts));
    weir_gguf_add_texts(w, "none", NULL, 0);
}

static const weir_gguf_kv *need(const weir_gguf *g, const char *key, const char *type) {
    const weir_gguf_kv *kv = weir_gguf_find(g, key);
    if (!kv)
        fail_msg("no key %s", key);
    assert_string_equal(weir_gguf_type_name(kv), type);
    return kv;
}

static void check_all(const weir_gguf *g) {
    uint64_t u64 = 0;
    int64_t i64 = 0;
    double f64 = 0;
    bool truth = false;
    weir_text text;
    assert_int_equal(weir_gguf_n_kv(g), 13);
    assert_true(weir_gguf_as_u64(need(g, "u32", "u32"), 0, &u64) && u64 == UINT32_MAX);
    assert_true(weir_gguf_as_u64(need(g, "u64", "u64"), 0, &u64) && u64 == UINT64_MAX - 1);
    assert_true(weir_gguf_as_i64(need(g, "i32", "i32"), 0, &i64) && i64 == INT32_MIN);
    assert_true(weir_gguf_as_f64(need(g, "f32", "f32"), 0, &f64) && f64 == -1.25);
    assert_true(weir_gguf_as_bool(need(g, "yes", "bool"), 0, &truth) && truth);
    assert_true(weir_gguf_as_bool(need(g, "no", "bool"), 0, &truth) && !truth);
    assert_true(weir_gguf_as_text(need(g, "text", "str"), 0, &text) && text.size == 3);
    assert_memory_equal(text.data, "a\0\xff", 3);
    assert_true(weir_gguf_as_text(need(g, "empty", "str"), 0, &text) && text.size == 0);
    assert_true(weir_gguf_as_text(need(g, "string", "str"), 0, &text) && text.size == 7);
    assert_true(weir_gguf_as_i64(need(g, "ints", "arr[i32]"), 3, &i64) && i64 == INT32_MIN);
    assert_true(weir_gguf_as_f64(need(g, "floats", "arr[f32]"), 2, &f64) && (float)f64 == 3e38f);
    assert_int_equal(need(g, "texts", "arr[str]")->n_items, 3);
    assert_true(weir_gguf_as_text(need(g, "texts", "arr[str]"), 1, &text) && text.size == 0);
    assert_true(weir_gguf_as_text(need(g, "texts", "arr[str]"), 2, &text) && text.size == 4);
    assert_memory_equal(text.data, "t\0wo", 4);
    assert_int_equal(need(g, "none", "arr[str]")->n_items, 0);
}

/* [n] of a tensor's data, so that another tensor's show. */
static void fill(uint8_t *data, size_t n, size_t seed) {
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)((i + 1) * 31 + seed * 17 + (i >> 8));
}

enum { ROWS = 3, COLS = 512, MAX_BYTES = ROWS * COLS * 4, PIECE = 997 /* prime: no boundary */ };

/* Every format as a tensor of [ROWS, COLS], in pieces that fall on no boundary. */
static void write_all(const char *path) {
    static const uint64_t shape[] = {ROWS, COLS}, four[] = {1, 2, 3, 4};
    weir_error err = {0};
    weir_gguf_writer *w = create(path);
    add_all(w);
    bytes all = {0};
    uint8_t data[MAX_BYTES];
    size_t i = 0;
    for (const weir_format *f; (f = weir_format_at(i)) != NULL; i++) {
        size_t n = ROWS * weir_format_row_bytes(f, COLS);
        weir_gguf_add_tensor(w, f->name, f, 2, shape);
        fill(data, n, i);
        bytes_put(&all, data, n);
    }
    weir_gguf_add_tensor(w, "four", weir_format_by_id(WEIR_FORMAT_F16), 4, four);
    weir_gguf_add_tensor(w, "scalar", weir_format_by_id(WEIR_FORMAT_F32), 0, NULL);
    fill(data, 24 * 2 + 4, i);
    bytes_put(&all, data, 24 * 2 + 4);
    good(weir_gguf_begin(w, &err), &err);
    for (size_t at = 0; at < all.n; at += PIECE)
        good(weir_gguf_write(w, all.data + at, all.n - at < PIECE ? all.n - at : PIECE, &err),
             &err);
    good(weir_gguf_write(w, NULL, 0, &err), &err);
    good(weir_gguf_commit(&w, &err), &err);
    assert_null(w);
    bytes_free(&all);
}

static void test_round_trip(void **state) {
    (void)state;
    const char *path = path_of("all.gguf");
    write_all(path);
    weir_gguf *g = open_path(path);
    walk_gguf(g);
    check_all(g);
    assert_int_equal(weir_gguf_version(g), 3);
    uint8_t data[MAX_BYTES];
    size_t i = 0;
    for (const weir_format *f; (f = weir_format_at(i)) != NULL; i++) {
        const weir_tensor *t = weir_gguf_find_tensor(g, f->name);
        assert_non_null(t);
        assert_ptr_equal(t->format, f);
        assert_int_equal(t->n_dims, 2);
        assert_int_equal(t->shape[0], ROWS);
        assert_int_equal(t->shape[1], COLS);
        assert_int_equal(t->offset % 32, 0);
        fill(data, (size_t)t->bytes, i);
        assert_memory_equal(t->data, data, (size_t)t->bytes);
    }
    assert_true(i >= 16);
    const weir_tensor *four = weir_gguf_find_tensor(g, "four");
    assert_true(four && four->n_dims == 4 && four->shape[0] == 1 && four->shape[3] == 4);
    const weir_tensor *scalar = weir_gguf_find_tensor(g, "scalar");
    assert_true(scalar && scalar->n_dims == 0 && scalar->bytes == 4);
    weir_gguf_close(&g);
    remove(path);
}

/* A copy of a file through reader and writer is the same file. */
static void test_copy(void **state) {
    (void)state;
    const char *path = path_of("from.gguf"), *copy = path_of("to.gguf");
    weir_error err = {0};
    write_all(path);
    weir_gguf *g = open_path(path);
    weir_gguf_writer *w = create(copy);
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++)
        weir_gguf_add_kv(w, weir_gguf_kv_at(g, i));
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        weir_gguf_add_tensor(w, t->name, t->format, t->n_dims, t->shape);
    }
    good(weir_gguf_begin(w, &err), &err);
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        good(weir_gguf_write(w, t->data, (size_t)t->bytes, &err), &err);
    }
    good(weir_gguf_commit(&w, &err), &err);
    weir_gguf_close(&g);

    char *a = NULL, *b = NULL;
    size_t n_a = 0, n_b = 0;
    good(weir_file_read(path, SIZE_MAX / 2, &a, &n_a, &err), &err);
    good(weir_file_read(copy, SIZE_MAX / 2, &b, &n_b, &err), &err);
    assert_int_equal(n_a, n_b);
    assert_int_equal(n_a % 32, 0); /* other readers want the last tensor padded too */
    assert_memory_equal(a, b, n_a);
    free(a);
    free(b);
    remove(path);
    remove(copy);
}

/* Types that no add function makes are copied; what is about the old file's layout is not. */
static void test_copy_of_foreign_keys(void **state) {
    (void)state;
    bytes b = {0};
    bytes_header(&b, 2, 0, 8);
    bytes_kv(&b, "general.alignment", 4, 64, 4);
    bytes_kv(&b, "split.no", 2, 0, 2);
    bytes_kv(&b, "split.count", 2, 0, 2);
    bytes_kv(&b, "i8", 1, 0x80, 1);
    bytes_kv(&b, "u16", 2, 65535, 2);
    bytes_kv(&b, "f64", 12, 0x3ff8000000000000u, 8);
    bytes_kv_array(&b, "bools", 7, 3);
    bytes_put(&b, "\1\0\1", 3);
    bytes_kv_array(&b, "longs", 11, 1);
    bytes_u64(&b, (uint64_t)-5);
    weir_error err = {0};
    weir_gguf *g = NULL;
    good(weir_gguf_open_memory(&g, b.data, b.n, "memory", &err), &err);
    const char *path = path_of("foreign.gguf");
    weir_gguf_writer *w = create(path);
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++)
        weir_gguf_add_kv(w, weir_gguf_kv_at(g, i));
    good(weir_gguf_begin(w, &err), &err);
    good(weir_gguf_commit(&w, &err), &err);
    weir_gguf_close(&g);
    bytes_free(&b);

    g = open_path(path);
    int64_t i64 = 0;
    uint64_t u64 = 0;
    double f64 = 0;
    bool truth = false;
    assert_int_equal(weir_gguf_n_kv(g), 5);
    assert_true(weir_gguf_as_i64(need(g, "i8", "i8"), 0, &i64) && i64 == -128);
    assert_true(weir_gguf_as_u64(need(g, "u16", "u16"), 0, &u64) && u64 == 65535);
    assert_true(weir_gguf_as_f64(need(g, "f64", "f64"), 0, &f64) && f64 == 1.5);
    assert_true(weir_gguf_as_bool(need(g, "bools", "arr[bool]"), 2, &truth) && truth);
    assert_true(weir_gguf_as_i64(need(g, "longs", "arr[i64]"), 0, &i64) && i64 == -5);
    weir_gguf_close(&g);
    remove(path);
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

static void expect_trouble(weir_gguf_writer *w, const char *part) {
    weir_error err = {0};
    weir_status status = weir_gguf_begin(w, &err);
    if (status != WEIR_STATUS_BAD_ARGUMENT || !strstr(err.text, part))
        fail_msg("expected '%s', status %d, text '%s'", part, (int)status, err.text);
    assert_int_equal(weir_gguf_commit(&w, NULL), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(w);
    assert_int_equal(count_files(), 0);
}

static void test_bad_keys(void **state) {
    (void)state;
    const char *path = path_of("bad.gguf");
    weir_gguf_writer *w = create(path);
    weir_gguf_add_u32(w, "twice", 1);
    weir_gguf_add_string(w, "twice", "");
    weir_gguf_add_u32(w, "", 1); /* the first trouble is the one that shows */
    expect_trouble(w, "key 'twice': is there twice");
    w = create(path);
    weir_gguf_add_u32(w, "", 1);
    expect_trouble(w, "1 to 65535 bytes");
    w = create(path);
    weir_gguf_add_u32(w, "general.alignment", 64);
    expect_trouble(w, "general.alignment");
}

static void test_bad_declarations(void **state) {
    (void)state;
    static const struct {
        const char *name;
        weir_format_id format;
        uint32_t n_dims;
        uint64_t shape[5];
        const char *part;
    } cases[] = {
        {"good", WEIR_FORMAT_F32, 1, {4}, "declared twice"},
        {"", WEIR_FORMAT_F32, 1, {4}, "name is empty"},
        {"0123456789012345678901234567890123456789012345678901234567890123x",
         WEIR_FORMAT_F32,
         1,
         {4},
         "too long"},
        {"a", WEIR_FORMAT_LIMIT, 1, {4}, "no number format"},
        {"a", WEIR_FORMAT_F32, 5, {1, 1, 1, 1, 1}, "4 dimensions"},
        {"a", WEIR_FORMAT_F32, 2, {0, 4}, "shape"},
        {"a", WEIR_FORMAT_F32, 2, {4, 0}, "shape"},
        {"a", WEIR_FORMAT_Q8_0, 2, {32, 16}, "shape"},
        {"a", WEIR_FORMAT_Q8_0, 0, {0}, "shape"},
        {"a", WEIR_FORMAT_F32, 2, {UINT64_MAX, 2}, "shape"},
        {"a", WEIR_FORMAT_F32, 1, {UINT64_MAX}, "shape"},
        {"a", WEIR_FORMAT_F32, 1, {INT64_MAX / 4}, "overflow"},
    };
    static const uint64_t four[] = {4};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_gguf_writer *w = create(path_of("bad.gguf"));
        weir_gguf_add_tensor(w, "good", weir_format_by_id(WEIR_FORMAT_F32), 1, four);
        weir_gguf_add_tensor(w, cases[i].name, weir_format_by_id(cases[i].format), cases[i].n_dims,
                             cases[i].shape);
        expect_trouble(w, cases[i].part);
    }
}

/* The file appears whole or not at all. */
static void test_data_counts(void **state) {
    (void)state;
    static const uint64_t shape[] = {4};
    static const float values[5] = {0};
    const char *path = path_of("counts.gguf");
    for (int n_bytes = 0; n_bytes <= 17; n_bytes += 1) {
        weir_error err = {0};
        weir_gguf_writer *w = create(path);
        weir_gguf_add_tensor(w, "a", weir_format_by_id(WEIR_FORMAT_F32), 1, shape);
        good(weir_gguf_begin(w, &err), &err);
        weir_status status = weir_gguf_write(w, values, (size_t)n_bytes, &err);
        assert_int_equal(status, n_bytes <= 16 ? WEIR_STATUS_OK : WEIR_STATUS_BAD_ARGUMENT);
        if (n_bytes > 16) {
            assert_non_null(strstr(err.text, "1 bytes more than"));
            weir_gguf_abort(&w);
            assert_null(w);
            assert_int_equal(count_files(), 0);
            continue;
        }
        status = weir_gguf_commit(&w, &err);
        assert_null(w);
        assert_int_equal(status, n_bytes == 16 ? WEIR_STATUS_OK : WEIR_STATUS_BAD_ARGUMENT);
        if (n_bytes < 16)
            assert_non_null(strstr(err.text, "of its 16 bytes"));
        assert_int_equal(count_files(), n_bytes == 16);
        remove(path);
    }
}

static void test_overwrite(void **state) {
    (void)state;
    const char *path = path_of("there.gguf");
    write_all(path);
    weir_error err = {0};
    weir_gguf_writer *w = NULL;
    assert_int_equal(weir_gguf_create(&w, path, false, &err), WEIR_STATUS_FAILED);
    assert_null(w);
    write_all(path); /* with overwrite */
    remove(path);
    assert_int_equal(weir_gguf_create(&w, path_of("no/such/folder.gguf"), true, &err),
                     WEIR_STATUS_IO);
    assert_null(w);
    assert_int_equal(count_files(), 0);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_copy_of_foreign_keys),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_bad_declarations),
        cmocka_unit_test(test_data_counts),
        cmocka_unit_test(test_overwrite),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
