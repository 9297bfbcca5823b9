/* test_safetensors.c: safetensors files and folders of shards, read, written and refused. */
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

static char folder[] = "/tmp/weir-safetensors-XXXXXX";

static const char *path_of(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* A file with this header and n_data bytes 0, 1, 2, ... behind it. */
static bytes make_file(const char *header, size_t n_data) {
    bytes b = {0};
    bytes_string(&b, header);
    for (size_t i = 0; i < n_data; i++)
        bytes_number(&b, i, 1);
    return b;
}

static const char GOOD[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"x\":\"y\"},"
    "\"late\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[24,30]},"
    "\"none\":{\"dtype\":\"F32\",\"shape\":[7,0],\"data_offsets\":[24,24]},"
    "\"matrix\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"caf\\u00e9\":{\"data_offsets\":[30,38],\"shape\":[],\"dtype\":\"I64\"}}";
enum { GOOD_DATA = 38 };

static void expect_refusal(const char *header, size_t n_data, const char *part) {
    bytes b = make_file(header, n_data);
    weir_safetensors *st = NULL;
    weir_error err = {0};
    weir_status status = weir_safetensors_open_memory(&st, b.data, b.n, "test", &err);
    if (status != WEIR_STATUS_BAD_FILE || !strstr(err.text, part) ||
        strncmp(err.text, "test: byte ", 11) != 0)
        fail_msg("expected '%s', status %d, text '%s'", part, (int)status, err.text);
    assert_null(st);
    bytes_free(&b);
}

static void test_values(void **state) {
    (void)state;
    bytes b = make_file(GOOD, GOOD_DATA);
    weir_safetensors *st = NULL;
    weir_error err = {0};
    if (weir_safetensors_open_memory(&st, b.data, b.n, "test", &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    walk_safetensors(st);
    assert_int_equal(weir_safetensors_n_tensors(st), 4);
    const weir_tensor *t = weir_safetensors_at(st, 0); /* in the order of the data */
    assert_string_equal(t->name, "matrix");
    assert_string_equal(weir_tensor_type_name(t), "f32");
    assert_true(t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->bytes == 24);
    assert_int_equal(t->offset, 8 + strlen(GOOD));
    assert_ptr_equal(t->data, b.data + t->offset);
    t = weir_safetensors_find(st, "late");
    assert_ptr_equal(t->format, weir_format_by_id(WEIR_FORMAT_BF16));
    assert_int_equal(t->data[0], 24);
    t = weir_safetensors_find(st, "none");
    assert_true(t->bytes == 0 && weir_tensor_n_values(t) == 0);
    t = weir_safetensors_find(st, "caf\xc3\xa9");
    assert_true(t->n_dims == 0 && t->dtype == WEIR_DTYPE_I64 && !t->format && t->bytes == 8);
    assert_string_equal(weir_tensor_type_name(t), "i64");
    assert_int_equal(weir_tensor_n_values(t), 1);
    assert_null(weir_safetensors_find(st, "__metadata__"));
    weir_safetensors_close(&st);
    weir_safetensors_close(&st);
    bytes_free(&b);
}

static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *name, *shown;
        unsigned bytes;
    } types[] = {
        {"F64", "f64", 8},   {"F32", "f32", 4},         {"F16", "f16", 2},
        {"BF16", "bf16", 2}, {"I64", "i64", 8},         {"I32", "i32", 4},
        {"I16", "i16", 2},   {"I8", "i8", 1},           {"U64", "u64", 8},
        {"U32", "u32", 4},   {"U16", "u16", 2},         {"U8", "u8", 1},
        {"BOOL", "bool", 1}, {"F8_E4M3", "f8_e4m3", 1}, {"F8_E5M2", "f8_e5m2", 1},
    };
    for (size_t i = 0; i < WEIR_COUNT(types); i++) {
        char header[128];
        snprintf(header, sizeof header,
                 "{\"a\":{\"dtype\":\"%s\",\"shape\":[3,1],\"data_offsets\":[0,%u]}}",
                 types[i].name, 3 * types[i].bytes);
        bytes b = make_file(header, 3 * types[i].bytes);
        weir_safetensors *st = NULL;
        weir_error err = {0};
        if (weir_safetensors_open_memory(&st, b.data, b.n, "test", &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        assert_string_equal(weir_tensor_type_name(weir_safetensors_at(st, 0)), types[i].shown);
        weir_safetensors_close(&st);
        bytes_free(&b);
    }
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

#define ENTRY(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define SECOND(shape, offsets)                                        \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}," \
    "\"b\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_bad_headers(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        const char *part;
    } cases[] = {
        {"", 0, "header: "},
        {"{", 0, "header: "},
        {"[]", 0, "byte 8: the header must be a JSON object"},
        {"{}{}", 0, "header: "},
        {"{\"a\":{},\"a\":{}}", 0, "duplicate"},
        {"{\"a\":3}", 0, "tensor 'a': the entry must be"},
        {"{\"\\u0000\":{}}", 0, "header: "},
        {"{}", 1, "byte 10: 1 bytes behind the last tensor"},
        {"{\"__metadata__\":[]}", 0, "byte 9: __metadata__ must be a JSON object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "byte 9: __metadata__: 'a' must be a string"},
        {ENTRY("\"F4\"", "[1]", "[0,1]"), 1, "byte 9: tensor 'a': the type 'F4'"},
        {ENTRY("4", "[1]", "[0,1]"), 1, "'dtype' must be a string"},
        {ENTRY("\"U8\"", "1", "[0,1]"), 1, "'shape' must be a list"},
        {ENTRY("\"U8\"", "[1,1,1,1,1]", "[0,1]"), 1, "more than 4 dimensions"},
        {ENTRY("\"U8\"", "[-1]", "[0,1]"), 1, "a dimension is no whole number"},
        {ENTRY("\"U8\"", "[1.0]", "[0,1]"), 1, "a dimension is no whole number"},
        {ENTRY("\"U8\"", "[99999999999999999999]", "[0,1]"), 1, "header: too big integer"},
        {ENTRY("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0, "overflows"},
        {ENTRY("\"U8\"", "[4294967296,0,4294967296]", "[0,0]"), 0, "overflows"},
        {ENTRY("\"F32\"", "[9223372036854775807]", "[0,0]"), 0, "overflows"},
        {ENTRY("\"U8\"", "[1]", "[0]"), 1, "'data_offsets' must be two"},
        {ENTRY("\"U8\"", "[1]", "[0,1,1]"), 1, "'data_offsets' must be two"},
        {ENTRY("\"U8\"", "[1]", "[-1,0]"), 1, "'data_offsets' must be two"},
        {ENTRY("\"U8\"", "[1]", "\"01\""), 1, "'data_offsets' must be two"},
        {ENTRY("\"U8\"", "[2]", "[0,2]"), 1, "do not fit the 1 bytes of data"},
        {ENTRY("\"U8\"", "[1]", "[1,0]"), 1, "do not fit"},
        {ENTRY("\"U8\"", "[1]", "[9223372036854775806,9223372036854775807]"), 1, "do not fit"},
        {ENTRY("\"F32\"", "[1]", "[0,3]"), 4, "need 4 bytes, data_offsets give 3"},
        {ENTRY("\"U8\"", "[1]", "[0,1]"), 2, "1 bytes behind the last tensor"},
        {ENTRY("\"U8\"", "[1]", "[1,2]"), 2, "leaves a hole"},
        {SECOND("[4]", "[3,7]"), 7, "tensor 'b' overlaps"},
        {SECOND("[4]", "[0,4]"), 4, "overlaps"},
        {SECOND("[4]", "[5,9]"), 9, "tensor 'b' leaves a hole"},
        {SECOND("[0]", "[2,2]"), 4, "overlaps"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        expect_refusal(cases[i].header, cases[i].n_data, cases[i].part);
    expect_refusal(SECOND("[0]", "[0,0]") "   ", 3, "do not fit");
}

/* A header that opens more brackets than a stack should follow. */
static void test_depth(void **state) {
    (void)state;
    enum { DEPTH = 100000 };
    char *header = malloc(DEPTH + 6);
    assert_non_null(header);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEPTH);
    header[DEPTH + 5] = 0;
    expect_refusal(header, 0, "depth");
    free(header);
}

static void test_bad_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {3, 100, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 40};
    weir_safetensors *st = NULL;
    weir_error err = {0};
    for (size_t i = 0; i < WEIR_COUNT(lengths); i++) {
        bytes b = {0};
        bytes_u64(&b, lengths[i]);
        bytes_put(&b, "{}", 2);
        assert_int_equal(weir_safetensors_open_memory(&st, b.data, b.n, "test", &err),
                         WEIR_STATUS_BAD_FILE);
        assert_non_null(strstr(err.text, "test: byte 0: the header's length is"));
        bytes_free(&b);
    }
    assert_int_equal(weir_safetensors_open_memory(&st, "1234567", 7, "test", &err),
                     WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_safetensors_open_memory(&st, NULL, 0, "test", &err),
                     WEIR_STATUS_BAD_FILE);
    assert_null(st);
}

static weir_status try_copy(const uint8_t *data, size_t n) {
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    weir_safetensors *st = NULL;
    weir_error err = {0};
    weir_status status = weir_safetensors_open_memory(&st, copy, n, "test", &err);
    if (status == WEIR_STATUS_OK)
        walk_safetensors(st);
    else
        walk_refusal(status, &err);
    weir_safetensors_close(&st);
    free(copy);
    return status;
}

static void test_every_cut_and_byte(void **state) {
    (void)state;
    static const uint8_t values[] = {0, 1, 0x7f, 0xff, '"', '{', '[', ']', '}', ',', '0', '9', '-'};
    bytes b = make_file(GOOD, GOOD_DATA);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(try_copy(b.data, n), WEIR_STATUS_BAD_FILE);
    assert_int_equal(try_copy(b.data, b.n), WEIR_STATUS_OK);
    size_t n_refused = 0;
    for (size_t at = 0; at < b.n; at++) {
        uint8_t good = b.data[at];
        for (size_t i = 0; i < WEIR_COUNT(values); i++) {
            b.data[at] = values[i];
            n_refused += try_copy(b.data, b.n) != WEIR_STATUS_OK;
        }
        b.data[at] = good;
    }
    assert_true(n_refused > 1000);
    bytes_free(&b);
}

static void test_mutations(void **state) {
    (void)state;
    bytes b = make_file(GOOD, GOOD_DATA), work = {0};
    uint64_t random = 7;
    for (int round = 0; round < 20000; round++) {
        work.n = 0;
        bytes_put(&work, b.data, b.n);
        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t to = (size_t)(random >> 33) % b.n, from = (size_t)(random >> 13) % b.n;
            size_t n = 1 + (size_t)(random >> 3 & 7u); /* pieces of the file make better JSON */
            for (size_t j = 0; j < n && to + j < b.n && from + j < b.n; j++)
                work.data[to + j] = b.data[from + j];
        }
        try_copy(work.data, work.n);
    }
    bytes_free(&work);
    bytes_free(&b);
}

/* ---- files and folders -------------------------------------------------------------------------
 */

static void write_bytes(const char *name, const void *data, size_t n) {
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void write_header(const char *name, const char *header, size_t n_data) {
    bytes b = make_file(header, n_data);
    write_bytes(name, b.data, b.n);
    bytes_free(&b);
}

static void expect_folder(weir_status expected, const char *part) {
    weir_safetensors *st = NULL;
    weir_error err = {0};
    weir_status status = weir_safetensors_open(&st, folder, &err);
    if (status != expected || !strstr(err.text, part))
        fail_msg("expected '%s', status %d, text '%s'", part, (int)status, err.text);
    assert_null(st);
}

static void write_index(const char *map) {
    char text[512];
    int n = snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":1},\"weight_map\":%s}", map);
    write_bytes("model.safetensors.index.json", text, (size_t)n);
}

static void test_index(void **state) {
    (void)state;
    write_header("one.safetensors", SECOND("[2]", "[4,6]"), 6);
    write_header("two.safetensors",
                 "{\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                 "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                 2);
    write_index("{\"c\":\"two.safetensors\",\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}");
    weir_safetensors *st = NULL;
    weir_error err = {0};
    if (weir_safetensors_open(&st, folder, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    walk_safetensors(st);
    assert_int_equal(weir_safetensors_n_tensors(st), 3);
    assert_string_equal(weir_safetensors_at(st, 0)->name, "c");
    const weir_tensor *a = weir_safetensors_find(st, "a");
    assert_string_equal(a->path, path_of("one.safetensors")); /* as the map says */
    assert_int_equal(a->bytes, 4);
    weir_safetensors_close(&st);

    write_header("model.safetensors", "{}", 0); /* the whole file is preferred */
    assert_int_equal(weir_safetensors_open(&st, folder, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_safetensors_n_tensors(st), 0);
    weir_safetensors_close(&st);
    remove(path_of("model.safetensors"));
}

/* After test_index: its shards are there. */
static void test_bad_index(void **state) {
    (void)state;
    static const struct {
        const char *map;
        weir_status status;
        const char *part;
    } cases[] = {
        {"[]", WEIR_STATUS_BAD_FILE, "an object 'weight_map'"},
        {"{\"a\":1}", WEIR_STATUS_BAD_FILE, "tensor 'a' must name a *.safetensors file"},
        {"{\"a\":\"\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\".safetensors\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\"one.bin\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\"../one.safetensors\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\"/one.safetensors\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\"sub\\\\one.safetensors\"}", WEIR_STATUS_BAD_FILE, "must name"},
        {"{\"a\":\"three.safetensors\"}", WEIR_STATUS_IO, "three.safetensors"},
        {"{\"c\":\"one.safetensors\"}", WEIR_STATUS_BAD_FILE, "tensor 'c' is not in one"},
        {"{\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"}", WEIR_STATUS_BAD_FILE,
         "duplicate"},
        {"{", WEIR_STATUS_BAD_FILE, "index.json: byte "},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        write_index(cases[i].map);
        expect_folder(cases[i].status, cases[i].part);
    }
    write_header("two.safetensors", "{}", 1);
    write_index("{\"a\":\"one.safetensors\",\"c\":\"two.safetensors\"}");
    expect_folder(WEIR_STATUS_BAD_FILE, "two.safetensors: byte 10: 1 bytes");
    remove(path_of("one.safetensors"));
    remove(path_of("two.safetensors"));
    remove(path_of("model.safetensors.index.json"));
    expect_folder(WEIR_STATUS_IO, "holds neither model.safetensors nor");
}

/* The golden models were written by the official library. */
static void test_golden(void **state) {
    (void)state;
    DIR *dir = opendir(WEIR_TEST_DATA "/golden");
    if (!dir) {
        print_message("skipped: no golden data\n");
        skip();
    }
    size_t n_files = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        static const char *const names[] = {"model.safetensors", "ref_f32.safetensors",
                                            "ref_f64.safetensors", "grad_f64.safetensors"};
        for (size_t i = 0; i < WEIR_COUNT(names); i++) {
            char path[1024];
            snprintf(path, sizeof path, "%s/golden/%s/%s", WEIR_TEST_DATA, entry->d_name, names[i]);
            if (entry->d_name[0] == '.' || !weir_path_exists(path))
                continue;
            weir_safetensors *st = NULL;
            weir_error err = {0};
            if (weir_safetensors_open(&st, path, &err) != WEIR_STATUS_OK)
                fail_msg("%s", err.text);
            walk_safetensors(st);
            assert_true(weir_safetensors_n_tensors(st) > 0);
            weir_safetensors_close(&st);
            n_files++;
        }
    }
    closedir(dir);
    assert_true(n_files > 0);
    print_message("%zu golden files\n", n_files);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static weir_safetensors_writer *create(const char *path) {
    weir_safetensors_writer *w = NULL;
    weir_error err = {0};
    if (weir_safetensors_create(&w, path, true, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return w;
}

static void test_write(void **state) {
    (void)state;
    static const uint64_t odd[] = {3}, matrix[] = {2, 5};
    const char *path = path_of("out.safetensors");
    weir_error err = {0};
    weir_safetensors_writer *w = create(path);
    weir_safetensors_add(w, "odd", weir_format_by_id(WEIR_FORMAT_F16), 1, odd);
    weir_safetensors_add(w, "quote\"caf\xc3\xa9", weir_format_by_id(WEIR_FORMAT_F32), 2, matrix);
    weir_safetensors_add(w, "scalar", weir_format_by_id(WEIR_FORMAT_BF16), 0, NULL);
    weir_safetensors_add_meta(w, "step", "12");
    weir_safetensors_add_meta(w, "step", "13");
    weir_safetensors_add_meta(w, "caf\xc3\xa9", "\"\n\xc3\xa9");
    assert_int_equal(weir_safetensors_begin(w, &err), WEIR_STATUS_OK);
    uint8_t data[6 + 40 + 2];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 5 + 1);
        assert_int_equal(weir_safetensors_write(w, data + i, 1, &err), WEIR_STATUS_OK);
    }
    assert_int_equal(weir_safetensors_commit(&w, &err), WEIR_STATUS_OK);
    assert_null(w);

    weir_safetensors *st = NULL;
    if (weir_safetensors_open(&st, path, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    walk_safetensors(st);
    assert_int_equal(weir_safetensors_n_tensors(st), 3);
    assert_string_equal(weir_safetensors_at(st, 0)->name, "odd");
    assert_int_equal(weir_safetensors_at(st, 0)->offset % 8, 0);
    assert_memory_equal(weir_safetensors_at(st, 0)->data, data, sizeof data);
    const weir_tensor *t = weir_safetensors_find(st, "quote\"caf\xc3\xa9");
    assert_true(t && t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 5);
    assert_int_equal(t->data[0], data[6]);
    t = weir_safetensors_find(st, "scalar");
    assert_true(t && t->n_dims == 0 && t->bytes == 2);
    assert_string_equal(weir_safetensors_meta(st, "format"), "pt");
    assert_string_equal(weir_safetensors_meta(st, "step"), "13");
    assert_string_equal(weir_safetensors_meta(st, "caf\xc3\xa9"), "\"\n\xc3\xa9");
    assert_null(weir_safetensors_meta(st, "scalar"));
    weir_safetensors_close(&st);
    remove(path);
}

static void expect_trouble(weir_safetensors_writer *w, const char *part) {
    weir_error err = {0};
    weir_status status = weir_safetensors_begin(w, &err);
    if (status != WEIR_STATUS_BAD_ARGUMENT || !strstr(err.text, part))
        fail_msg("expected '%s', status %d, text '%s'", part, (int)status, err.text);
    assert_int_equal(weir_safetensors_commit(&w, NULL), WEIR_STATUS_BAD_ARGUMENT);
    assert_false(weir_path_exists(path_of("bad.safetensors")));
}

static void test_bad_writes(void **state) {
    (void)state;
    static const uint64_t shape[] = {32};
    const weir_format *f32 = weir_format_by_id(WEIR_FORMAT_F32);
    const char *path = path_of("bad.safetensors");
    weir_safetensors_writer *w = create(path);
    weir_safetensors_add(w, "a", weir_format_by_id(WEIR_FORMAT_Q8_0), 1, shape);
    expect_trouble(w, "only f32, f16 and bf16");
    w = create(path);
    weir_safetensors_add(w, "__metadata__", f32, 1, shape);
    expect_trouble(w, "no name for a tensor");
    w = create(path);
    weir_safetensors_add(w, "a", f32, 1, shape);
    weir_safetensors_add(w, "a", f32, 1, shape);
    expect_trouble(w, "declared twice");
    w = create(path);
    weir_safetensors_add(w, "a\xff", f32, 1, shape);
    expect_trouble(w, "not UTF-8");
    w = create(path);
    weir_safetensors_add_meta(w, "k", "v\xff");
    expect_trouble(w, "metadata 'k': key and value must be UTF-8");

    weir_error err = {0};
    w = create(path);
    weir_safetensors_add(w, "a", f32, 1, shape);
    assert_int_equal(weir_safetensors_begin(w, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_safetensors_write(w, GOOD, 127, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_safetensors_commit(&w, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "tensor 'a' got 127 of its 128 bytes"));
    assert_false(weir_path_exists(path));
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
        cmocka_unit_test(test_values),      cmocka_unit_test(test_types),
        cmocka_unit_test(test_bad_headers), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_bad_lengths), cmocka_unit_test(test_every_cut_and_byte),
        cmocka_unit_test(test_mutations),   cmocka_unit_test(test_index),
        cmocka_unit_test(test_bad_index),   cmocka_unit_test(test_golden),
        cmocka_unit_test(test_write),       cmocka_unit_test(test_bad_writes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
