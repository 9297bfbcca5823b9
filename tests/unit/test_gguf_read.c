/* test_gguf_read.c: what the GGUF reader takes, what it says of it, and what it refuses. */
#include "base/error.h"
#include "fuzz/walk_tensors.h"
#include "unit/gguf_bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- files -------------------------------------------------------------------------------------
 */

/* One of each: all types, arrays, three tensors. */
static bytes make_good(uint32_t version) {
    static const uint64_t ne_a[] = {2, 3}, ne_b[] = {32, 2}, ne_c[] = {1};
    bytes b = {0};
    bytes_header(&b, version, 3, 17);
    bytes_kv_string(&b, "general.architecture", "lfm2");
    bytes_kv(&b, "u8", 0, 200, 1);
    bytes_kv(&b, "i8", 1, (uint64_t)-100, 1);
    bytes_kv(&b, "u16", 2, 60000, 2);
    bytes_kv(&b, "i16", 3, (uint64_t)-30000, 2);
    bytes_kv(&b, "u32", 4, 4000000000u, 4);
    bytes_kv(&b, "i32", 5, (uint64_t)-2000000000, 4);
    bytes_kv(&b, "f32", 6, 0x3727c5ac, 4); /* 1e-5 */
    bytes_kv(&b, "bool", 7, 1, 1);
    bytes_kv(&b, "u64", 10, UINT64_MAX, 8);
    bytes_kv(&b, "i64", 11, (uint64_t)INT64_MIN, 8);
    bytes_kv(&b, "f64", 12, 0x3ff8000000000000u, 8); /* 1.5 */
    bytes_kv_array(&b, "texts", 8, 3);
    bytes_string(&b, "");
    bytes_string(&b, "a\"b\n");
    bytes_string(&b, "0123456789012345678901234567890123456789and more");
    bytes_kv_array(&b, "ints", 5, 9);
    for (uint32_t i = 0; i < 9; i++)
        bytes_u32(&b, (uint32_t)-1 - i);
    bytes_kv_array(&b, "none", 8, 0);
    bytes_kv_array(&b, "bools", 7, 2);
    bytes_put(&b, "\1\0", 2);
    bytes_kv(&b, "general.alignment", 4, 64, 4);
    bytes_tensor(&b, "a", 2, ne_a, 0, 64); /* not in the order of the data */
    bytes_tensor(&b, "b", 2, ne_b, 8, 128);
    bytes_tensor(&b, "c", 1, ne_c, 1, 0);
    bytes_pad(&b, 64);
    bytes_put(&b, "\x00\x3c", 2);
    bytes_pad(&b, 64);
    for (uint32_t i = 0; i < 6; i++)
        bytes_u32(&b, i);
    bytes_pad(&b, 64);
    for (uint32_t i = 0; i < 68; i++)
        bytes_number(&b, i, 1);
    return b;
}

static weir_status open_bytes(weir_gguf **g, const bytes *b, weir_error *err) {
    return weir_gguf_open_memory(g, b->data, b->n, "test.gguf", err);
}

/* Frees b. */
static void expect_refusal(bytes *b, const char *part) {
    weir_gguf *g = NULL;
    weir_error err = {0};
    weir_status status = open_bytes(&g, b, &err);
    if (status != WEIR_STATUS_BAD_FILE || !strstr(err.text, part) ||
        strncmp(err.text, "test.gguf: byte ", 16) != 0)
        fail_msg("expected '%s', status %d, text '%s'", part, (int)status, err.text);
    assert_null(g);
    bytes_free(b);
}

static weir_gguf *open_good(bytes *b, uint32_t version) {
    *b = make_good(version);
    weir_gguf *g = NULL;
    weir_error err = {0};
    if (open_bytes(&g, b, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return g;
}

/* ---- what is taken -----------------------------------------------------------------------------
 */

static const weir_gguf_kv *need(const weir_gguf *g, const char *key) {
    const weir_gguf_kv *kv = weir_gguf_find(g, key);
    if (!kv)
        fail_msg("no key %s", key);
    return kv;
}

static void test_integers(void **state) {
    (void)state;
    static const struct {
        const char *key;
        bool is_u64, is_i64;
        uint64_t u64;
        int64_t i64;
    } cases[] = {
        {"u8", true, true, 200, 200},
        {"i8", false, true, 0, -100},
        {"u16", true, true, 60000, 60000},
        {"i16", false, true, 0, -30000},
        {"u32", true, true, 4000000000u, 4000000000},
        {"i32", false, true, 0, -2000000000},
        {"u64", true, false, UINT64_MAX, 0},
        {"i64", false, true, 0, INT64_MIN},
        {"bool", false, false, 0, 0},
        {"f32", false, false, 0, 0},
        {"texts", false, false, 0, 0},
    };
    bytes b;
    weir_gguf *g = open_good(&b, 3);
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        const weir_gguf_kv *kv = need(g, cases[i].key);
        uint64_t u64 = 0;
        int64_t i64 = 0;
        assert_int_equal(weir_gguf_as_u64(kv, 0, &u64), cases[i].is_u64);
        assert_int_equal(weir_gguf_as_i64(kv, 0, &i64), cases[i].is_i64);
        assert_true(u64 == cases[i].u64 && i64 == cases[i].i64);
        assert_false(weir_gguf_as_u64(kv, kv->n_items, &u64));
        assert_false(weir_gguf_as_i64(kv, kv->n_items, &i64));
    }
    int64_t last = 0;
    assert_true(weir_gguf_as_i64(need(g, "ints"), 8, &last) && last == -9);
    weir_gguf_close(&g);
    bytes_free(&b);
}

static void test_other_values(void **state) {
    (void)state;
    bytes b;
    weir_gguf *g = open_good(&b, 3);
    double f64 = 0;
    bool truth = false;
    weir_text text = {NULL, 0};
    assert_true(weir_gguf_as_f64(need(g, "f32"), 0, &f64) && (float)f64 == 1e-5f);
    assert_true(weir_gguf_as_f64(need(g, "f64"), 0, &f64) && f64 == 1.5);
    assert_true(weir_gguf_as_f64(need(g, "i8"), 0, &f64) && f64 == -100);
    assert_true(weir_gguf_as_f64(need(g, "u64"), 0, &f64) && f64 == 0x1p64);
    assert_false(weir_gguf_as_f64(need(g, "bool"), 0, &f64));
    assert_false(weir_gguf_as_f64(need(g, "texts"), 0, &f64));
    assert_false(weir_gguf_as_f64(need(g, "f32"), 1, &f64));
    assert_true(weir_gguf_as_bool(need(g, "bool"), 0, &truth) && truth);
    assert_true(weir_gguf_as_bool(need(g, "bools"), 1, &truth) && !truth);
    assert_false(weir_gguf_as_bool(need(g, "u8"), 0, &truth));
    assert_false(weir_gguf_as_bool(need(g, "bools"), 2, &truth));
    assert_true(weir_gguf_as_text(need(g, "general.architecture"), 0, &text));
    assert_int_equal(text.size, 4);
    assert_memory_equal(text.data, "lfm2", 4);
    assert_true(weir_gguf_as_text(need(g, "texts"), 0, &text) && text.size == 0);
    assert_true(weir_gguf_as_text(need(g, "texts"), 1, &text) && text.size == 4);
    assert_memory_equal(text.data, "a\"b\n", 4);
    assert_false(weir_gguf_as_text(need(g, "texts"), 3, &text));
    assert_false(weir_gguf_as_text(need(g, "none"), 0, &text));
    assert_false(weir_gguf_as_text(need(g, "u8"), 0, &text));
    assert_null(weir_gguf_find(g, "absent"));
    assert_null(weir_gguf_find(g, ""));
    weir_gguf_close(&g);
    bytes_free(&b);
}

static void test_text(void **state) {
    (void)state;
    static const struct {
        const char *key, *type, *text;
    } cases[] = {
        {"general.architecture", "str", "lfm2"},
        {"i8", "i8", "-100"},
        {"u64", "u64", "18446744073709551615"},
        {"i64", "i64", "-9223372036854775808"},
        {"f32", "f32", "1e-05"},
        {"f64", "f64", "1.5"},
        {"bool", "bool", "true"},
        {"bools", "arr[bool]", "[true, false]"},
        {"none", "arr[str]", "[]"},
        {"ints", "arr[i32]", "[-1, -2, -3, -4, -5, -6, -7, -8, ... 9 items]"},
        {"texts", "arr[str]",
         "[\"\", \"a\\\"b\\n\", \"0123456789012345678901234567890123456789...\"]"},
    };
    bytes b;
    weir_gguf *g = open_good(&b, 3);
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        const weir_gguf_kv *kv = need(g, cases[i].key);
        char text[128];
        size_t n = 0, expected = strlen(cases[i].text);
        assert_string_equal(weir_gguf_type_name(kv), cases[i].type);
        weir_gguf_format_value(kv, NULL, 0, &n);
        assert_int_equal(n, expected);
        memset(text, '#', sizeof text);
        weir_gguf_format_value(kv, text, expected - 1, &n); /* cut: one byte less */
        assert_int_equal(n, expected);
        assert_int_equal(text[expected - 1], '#');
        weir_gguf_format_value(kv, text, sizeof text, &n);
        assert_int_equal(n, expected);
        assert_memory_equal(text, cases[i].text, expected);
    }
    /* One item stands as it is: no quotes, nothing cut off. */
    char text[128];
    size_t n;
    weir_gguf_format_item(need(g, "ints"), 8, text, sizeof text, &n);
    assert_int_equal(n, 2);
    assert_memory_equal(text, "-9", 2);
    weir_gguf_format_item(need(g, "texts"), 1, text, sizeof text, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(text, "a\"b\n", 4);
    weir_gguf_format_item(need(g, "texts"), 2, text, 4, &n);
    assert_true(n > 40);
    weir_gguf_close(&g);
    bytes_free(&b);
}

static void test_tensors(void **state) {
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        bytes b;
        weir_gguf *g = open_good(&b, version);
        assert_int_equal(weir_gguf_version(g), version);
        assert_string_equal(weir_gguf_path(g), "test.gguf");
        assert_int_equal(weir_gguf_n_files(g), 1);
        assert_int_equal(weir_gguf_n_kv(g), 17);
        assert_string_equal(weir_gguf_kv_at(g, 1)->key, "u8");
        assert_int_equal(weir_gguf_n_tensors(g), 3);
        const weir_tensor *t = weir_gguf_find_tensor(g, "a");
        assert_ptr_equal(t, weir_gguf_tensor_at(g, 0));
        assert_string_equal(t->name, "a");
        assert_string_equal(weir_tensor_type_name(t), "f32");
        assert_int_equal(t->n_dims, 2);
        assert_int_equal(t->shape[0], 3); /* rows first */
        assert_int_equal(t->shape[1], 2);
        assert_int_equal(weir_tensor_n_values(t), 6);
        assert_int_equal(t->bytes, 24);
        assert_ptr_equal(t->data, b.data + t->offset);
        assert_int_equal(t->data[4], 1);
        t = weir_gguf_find_tensor(g, "b");
        assert_int_equal(t->format->id, WEIR_FORMAT_Q8_0);
        assert_int_equal(t->bytes, 68);
        assert_int_equal(t->data[67], 67);
        t = weir_gguf_find_tensor(g, "c");
        assert_int_equal(t->data[1], 0x3c);
        assert_null(weir_gguf_find_tensor(g, "d"));
        weir_gguf_close(&g);
        weir_gguf_close(&g);
        bytes_free(&b);
    }
}

/* A file with metadata only, as tokenizers are shared, has no data section. */
static void test_no_tensors(void **state) {
    (void)state;
    bytes b = {0};
    bytes_header(&b, 3, 0, 1);
    bytes_kv(&b, "u8", 0, 1, 1);
    weir_gguf *g = NULL;
    assert_int_equal(open_bytes(&g, &b, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_gguf_n_tensors(g), 0);
    assert_null(weir_gguf_find_tensor(g, "a"));
    weir_gguf_close(&g);
    bytes_free(&b);
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

static void test_bad_header(void **state) {
    (void)state;
    static const struct {
        uint32_t version;
        uint64_t n_tensors, n_kvs;
        const char *part;
    } cases[] = {
        {1, 0, 0, "byte 4: GGUF version 1"},
        {4, 0, 0, "byte 4: GGUF version 4"},
        {0, 0, 0, "byte 4: GGUF version 0"},
        {0x03000000u, 0, 0, "big-endian"},
        {3, 1, 0, "byte 8: 1 tensors"},
        {3, UINT64_MAX, 0, "byte 8: 18446744073709551615 tensors"},
        {3, 0, UINT64_MAX / 14, "byte 16: "},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        bytes b = {0};
        bytes_header(&b, cases[i].version, cases[i].n_tensors, cases[i].n_kvs);
        expect_refusal(&b, cases[i].part);
    }
    bytes b = {0};
    expect_refusal(&b, "byte 0: not a GGUF file");
    bytes_put(&b, "GGML-----------------------------", 32);
    expect_refusal(&b, "byte 0: not a GGUF file");
}

/* A file with one entry whose bytes a case makes. */
static bytes start_kv(void) {
    bytes b = {0};
    bytes_header(&b, 3, 0, 1);
    return b;
}

static void test_bad_metadata(void **state) {
    (void)state;
    bytes b = {0};
    bytes_header(&b, 3, 0, 2);
    bytes_kv(&b, "twice", 0, 1, 1);
    bytes_kv(&b, "twice", 0, 1, 1);
    expect_refusal(&b, "byte 42: key 'twice' is there twice");

    b = start_kv();
    bytes_kv(&b, "", 4, 1, 8);
    expect_refusal(&b, "byte 24: a key has 0 bytes");

    b = start_kv();
    char *long_key = malloc(65537);
    assert_non_null(long_key);
    memset(long_key, 'k', 65536);
    long_key[65536] = 0;
    bytes_kv(&b, long_key, 4, 1, 4);
    free(long_key);
    expect_refusal(&b, "a key has 65536 bytes");

    b = start_kv();
    bytes_u64(&b, 3);
    bytes_put(&b, "a\0b", 3);
    bytes_u64(&b, 0);
    expect_refusal(&b, "byte 32: a key holds a 0 byte");

    b = start_kv();
    bytes_u64(&b, 1000);
    bytes_u64(&b, 0);
    expect_refusal(&b, "ends within a key");

    b = start_kv();
    bytes_kv(&b, "k\x1b", 13, 1, 8);
    expect_refusal(&b, "byte 34: value type 13 is unknown (key 'k?')");

    b = start_kv();
    bytes_kv_array(&b, "k", 9, 1);
    bytes_u64(&b, 0);
    expect_refusal(&b, "byte 37: an array of arrays");

    b = start_kv();
    bytes_kv_array(&b, "k", 99, 1);
    expect_refusal(&b, "byte 37: array type 99");

    b = start_kv();
    bytes_kv_array(&b, "k", 8, UINT64_MAX / 8);
    bytes_u64(&b, 0);
    expect_refusal(&b, "byte 41: an array of");

    b = start_kv();
    bytes_kv_array(&b, "k", 12, UINT64_MAX / 8 + 2);
    bytes_u64(&b, 0);
    expect_refusal(&b, "byte 41: an array of");

    b = start_kv();
    bytes_kv_array(&b, "k", 8, 2);
    bytes_u64(&b, 8);
    bytes_u64(&b, 0);
    expect_refusal(&b, "ends within a string");

    b = start_kv();
    bytes_string(&b, "k");
    bytes_u32(&b, 8);
    bytes_u64(&b, UINT64_MAX - 3);
    expect_refusal(&b, "byte 37: a string of 18446744073709551612 bytes");

    b = start_kv();
    bytes_kv(&b, "k", 7, 2, 1);
    expect_refusal(&b, "byte 37: a bool is 2");

    b = start_kv();
    bytes_kv_array(&b, "k", 7, 2);
    bytes_put(&b, "\1\xff", 2);
    expect_refusal(&b, "byte 50: a bool is 255");
}

static void test_bad_alignment(void **state) {
    (void)state;
    static const uint32_t wrong[] = {0, 1, 4, 24, 33, 1u << 21, UINT32_MAX};
    for (size_t i = 0; i < WEIR_COUNT(wrong); i++) {
        bytes b = start_kv();
        bytes_kv(&b, "general.alignment", 4, wrong[i], 4);
        expect_refusal(&b, "byte 53: general.alignment is");
    }
    bytes b = start_kv();
    bytes_kv(&b, "general.alignment", 10, 32, 8);
    expect_refusal(&b, "general.alignment is u64, expected u32");
}

/* Two tensors over 128 bytes of data. */
typedef struct tensor_case {
    const char *name;
    uint32_t n_dims;
    uint64_t ne[5];
    uint32_t type;
    uint64_t offset;
    const char *part;
} tensor_case;

static void test_bad_tensors(void **state) {
    (void)state;
    static const tensor_case cases[] = {
        {"a", 1, {8}, 0, 32, "tensor 'a' is there twice"},
        {"", 1, {8}, 0, 32, "a tensor name has 0 bytes"},
        {"0123456789012345678901234567890123456789012345678901234567890123x",
         1,
         {8},
         0,
         32,
         "a tensor name has 65 bytes"},
        {"b", 1, {8}, 0, 0, "overlaps"},
        {"b", 1, {8}, 0, 33, "expected a multiple of 32"},
        {"b", 1, {8}, 0, 128, "tensor 'b' needs 32 bytes at offset 128 of the data"},
        {"b", 1, {32}, 0, 32, "tensor 'b' needs 128 bytes"},
        {"b", 1, {8}, 0, UINT64_MAX - 31, "tensor 'b' needs"},
        {"b", 1, {0}, 0, 32, "a dimension of 0"},
        {"b", 5, {1, 1, 1, 1, 1}, 0, 32, "5 dimensions"},
        {"b", 4, {1u << 31, 1u << 31, 1u << 31, 4}, 0, 32, "overflows"},
        {"b", 2, {UINT64_MAX, UINT64_MAX}, 0, 32, "overflows"},
        {"b", 1, {INT64_MAX}, 0, 32, "overflow"},
        {"b", 2, {16, 2}, 8, 32, "rows of 16 values, q8_0 needs a multiple of 32"},
        {"b", 0, {0}, 8, 32, "rows of 1 values"},
        {"b", 1, {256}, 16, 32, "type 16 (iq2_xxs) is not supported"},
        {"b", 1, {8}, 12345, 32, "type 12345 (unknown) is not supported"},
    };
    static const uint64_t ne_a[] = {8};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        bytes b = {0};
        bytes_header(&b, 3, 2, 0);
        bytes_tensor(&b, "a", 1, ne_a, 0, 0);
        bytes_tensor(&b, cases[i].name, cases[i].n_dims, cases[i].ne, cases[i].type,
                     cases[i].offset);
        bytes_pad(&b, 32);
        for (size_t j = 0; j < 128; j++)
            bytes_number(&b, j, 1);
        expect_refusal(&b, cases[i].part);
    }
}

/* An overlap that only the order of the data shows, between entries far apart. */
static void test_hidden_overlap(void **state) {
    (void)state;
    static const uint64_t ne[] = {8, 2};
    for (int is_bad = 0; is_bad < 2; is_bad++) {
        bytes b = {0};
        bytes_header(&b, 3, 3, 0);
        bytes_tensor(&b, "a", is_bad ? 2 : 1, ne, 0, 64);
        bytes_tensor(&b, "b", 1, ne, 0, 0);
        bytes_tensor(&b, "c", 1, ne, 0, 96);
        bytes_pad(&b, 32);
        for (size_t j = 0; j < 128; j++)
            bytes_number(&b, j, 1);
        if (is_bad) {
            expect_refusal(&b, "tensor 'c' overlaps tensor 'a'");
            continue;
        }
        weir_gguf *g = NULL;
        assert_int_equal(open_bytes(&g, &b, NULL), WEIR_STATUS_OK);
        weir_gguf_close(&g);
        bytes_free(&b);
    }
}

/* ---- every cut and many mutations --------------------------------------------------------------
 */

/* In a block of the exact size, where a sanitizer sees a read behind the end. */
static weir_status try_copy(const uint8_t *data, size_t n) {
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    weir_gguf *g = NULL;
    weir_error err = {0};
    weir_status status = weir_gguf_open_memory(&g, copy, n, "test.gguf", &err);
    if (status == WEIR_STATUS_OK)
        walk_gguf(g);
    else
        walk_refusal(status, &err);
    weir_gguf_close(&g);
    free(copy);
    return status;
}

static void test_every_cut(void **state) {
    (void)state;
    bytes b = make_good(3);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(try_copy(b.data, n), WEIR_STATUS_BAD_FILE);
    assert_int_equal(try_copy(b.data, b.n), WEIR_STATUS_OK);
    bytes_free(&b);
}

static void test_every_byte(void **state) {
    (void)state;
    static const uint8_t values[] = {0, 1, 8, 9, 0x7f, 0x80, 0xff};
    bytes b = make_good(2);
    size_t n_refused = 0;
    for (size_t at = 0; at < b.n; at++) {
        uint8_t good = b.data[at];
        for (size_t i = 0; i < WEIR_COUNT(values); i++) {
            b.data[at] = values[i];
            n_refused += try_copy(b.data, b.n) != WEIR_STATUS_OK;
        }
        b.data[at] = good;
    }
    assert_true(n_refused > 1000 && n_refused < b.n * WEIR_COUNT(values));
    bytes_free(&b);
}

/* Several bytes at once, numbers preferably made large or slightly off. */
static void test_mutations(void **state) {
    (void)state;
    bytes b = make_good(3);
    bytes work = {0};
    uint64_t random = 1;
    for (int round = 0; round < 20000; round++) {
        work.n = 0;
        bytes_put(&work, b.data, b.n);
        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t at = (size_t)(random >> 33) % (b.n - 192); /* what comes last is data */
            uint8_t *byte = &work.data[at];
            unsigned kind = (unsigned)(random >> 20) & 3u;
            static const uint8_t steps[] = {1, 0xff};
            if (kind == 0)
                *byte = (uint8_t)(random >> 8);
            else if (kind < 3)
                *byte = (uint8_t)(*byte + steps[kind - 1]);
            else
                *byte = (uint8_t)(*byte ^ (1u << (random & 7u)));
        }
        try_copy(work.data, work.n);
    }
    bytes_free(&work);
    bytes_free(&b);
}

/* ---- size --------------------------------------------------------------------------------------
 */

/* A large vocabulary and as many keys and tensors: quadratic work would take minutes. */
static void test_many(void **state) {
    (void)state;
    enum { N = 128000 };
    static const uint64_t ne[] = {1};
    char name[32];
    bytes b = {0};
    bytes_header(&b, 3, N, N + 1);
    bytes_kv_array(&b, "tokens", 8, N);
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "token %zu", i);
        bytes_string(&b, name);
    }
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "key %zu", i);
        bytes_kv(&b, name, 4, i, 4);
    }
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "tensor %zu", i);
        bytes_tensor(&b, name, 1, ne, 0, (N - 1 - i) * 32);
    }
    bytes_pad(&b, 32);
    for (size_t i = 0; i < N * 8; i++)
        bytes_u32(&b, 0);
    clock_t start = clock();
    weir_gguf *g = NULL;
    weir_error err = {0};
    if (open_bytes(&g, &b, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("%d strings, keys and tensors each: %.1f ms\n", (int)N, 1000 * seconds);
    assert_true(seconds < 10);
    uint64_t value = 0;
    assert_true(weir_gguf_as_u64(need(g, "key 127999"), 0, &value) && value == 127999);
    assert_non_null(weir_gguf_find_tensor(g, "tensor 77777"));
    weir_text text;
    assert_true(weir_gguf_as_text(need(g, "tokens"), 127999, &text) && text.size == 12);
    assert_memory_equal(text.data, "token 127999", 12);
    weir_gguf_close(&g);
    bytes_free(&b);
}

/* ---- splits ------------------------------------------------------------------------------------
 */

typedef struct split_part {
    uint32_t no, count, n_tensors; /* what the keys say */
    const char *tensor;            /* NULL: none */
} split_part;

static char folder[] = "/tmp/weir-gguf-XXXXXX";

static void split_path(char path[128], const char *stem, unsigned part, unsigned count) {
    snprintf(path, 128, "%s/%s-%05u-of-%05u.gguf", folder, stem, part, count);
}

static void write_file(const char *path, const bytes *b) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(b->data, 1, b->n, file), b->n);
    assert_int_equal(fclose(file), 0);
}

static void write_part(const char *path, const split_part *part) {
    static const uint64_t ne[] = {4};
    bytes b = {0};
    bytes_header(&b, 3, part->tensor ? 1 : 0, 4);
    bytes_kv(&b, "split.no", 2, part->no, 2);
    bytes_kv(&b, "split.count", 2, part->count, 2);
    bytes_kv(&b, "split.tensors.count", 5, part->n_tensors, 4);
    bytes_kv(&b, "only", 4, 1000 + part->no, 4);
    if (part->tensor) {
        bytes_tensor(&b, part->tensor, 1, ne, 0, 0);
        bytes_pad(&b, 32);
        for (uint32_t i = 0; i < 4; i++)
            bytes_u32(&b, part->no);
    }
    write_file(path, &b);
    bytes_free(&b);
}

/* Writes parts 1 to n; a part of count 0 is left out. */
static void write_split(const split_part *parts, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        char path[128];
        split_path(path, "m", i + 1, n);
        if (parts[i].count > 0)
            write_part(path, &parts[i]);
    }
}

static void remove_split(unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        char path[128];
        split_path(path, "m", i + 1, n);
        remove(path);
    }
}

static void test_split(void **state) {
    (void)state;
    static const split_part parts[] = {{0, 3, 2, NULL}, {1, 3, 2, "a"}, {2, 3, 2, "b"}};
    write_split(parts, 3);
    for (unsigned i = 1; i <= 3; i++) {
        char path[128], first[128];
        split_path(path, "m", i, 3);
        split_path(first, "m", 1, 3);
        weir_gguf *g = NULL;
        weir_error err = {0};
        if (weir_gguf_open(&g, path, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        walk_gguf(g);
        assert_string_equal(weir_gguf_path(g), first);
        assert_int_equal(weir_gguf_n_files(g), 3);
        assert_int_equal(weir_gguf_n_tensors(g), 2);
        uint64_t value = 0;
        assert_true(weir_gguf_as_u64(need(g, "only"), 0, &value) && value == 1000);
        const weir_tensor *b = weir_gguf_find_tensor(g, "b");
        assert_non_null(b);
        split_path(path, "m", 3, 3);
        assert_string_equal(b->path, path);
        assert_int_equal(b->data[0], 2);
        weir_gguf_close(&g);
    }
    remove_split(3);
}

static void test_bad_split(void **state) {
    (void)state;
    static const struct {
        split_part parts[2];
        weir_status status;
        const char *part;
    } cases[] = {
        {{{0, 2, 2, "a"}, {0}}, WEIR_STATUS_IO, "part 2 of 2: "},
        {{{0, 2, 2, "a"}, {0, 2, 2, "b"}}, WEIR_STATUS_BAD_FILE, "split.no is 0, expected 1"},
        {{{1, 2, 2, "a"}, {1, 2, 2, "b"}}, WEIR_STATUS_BAD_FILE, "split.no is 1, expected 0"},
        {{{0, 2, 2, "a"}, {1, 3, 2, "b"}}, WEIR_STATUS_BAD_FILE, "split.count is 3, expected 2"},
        {{{0, 2, 2, "a"}, {1, 2, 1, "b"}}, WEIR_STATUS_BAD_FILE, "split.tensors.count is 1"},
        {{{0, 2, 3, "a"}, {1, 2, 3, "b"}}, WEIR_STATUS_BAD_FILE, "the parts hold 2 tensors"},
        {{{0, 2, 2, "a"}, {1, 2, 2, "a"}}, WEIR_STATUS_BAD_FILE, "tensor 'a' is there twice"},
        {{{0, 3, 2, "a"}, {1, 3, 2, "b"}}, WEIR_STATUS_BAD_FILE, "one of 3 parts, expected a name"},
    };
    char path[128];
    weir_gguf *g = NULL;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        write_split(cases[i].parts, 2);
        split_path(path, "m", 1, 2);
        weir_error err = {0};
        weir_status status = weir_gguf_open(&g, path, &err);
        if (status != cases[i].status || !strstr(err.text, cases[i].part))
            fail_msg("expected '%s', status %d, text '%s'", cases[i].part, (int)status, err.text);
        assert_null(g);
        remove_split(2);
    }
    weir_error err = {0};
    snprintf(path, sizeof path, "%s/other.gguf", folder);
    write_part(path, &cases[0].parts[0]);
    assert_int_equal(weir_gguf_open(&g, path, &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "expected a name"));
    remove(path);
    assert_int_equal(weir_gguf_open(&g, path, &err), WEIR_STATUS_IO);

    bytes b = start_kv();
    bytes_kv(&b, "split.count", 2, 2, 2);
    expect_refusal(&b, "one of 2 parts");
    b = start_kv();
    bytes_kv(&b, "split.count", 6, 2, 4);
    expect_refusal(&b, "split.count is f32");
    b = start_kv();
    bytes_kv(&b, "split.count", 4, 1000000, 4);
    expect_refusal(&b, "split.count is 1000000");
}

/* One part that says so is whole, whatever its name; merged files say 0 parts. */
static void test_split_of_one(void **state) {
    (void)state;
    for (uint32_t count = 0; count < 2; count++) {
        bytes b = start_kv();
        bytes_kv(&b, "split.count", 2, count, 2);
        weir_gguf *g = NULL;
        assert_int_equal(open_bytes(&g, &b, NULL), WEIR_STATUS_OK);
        weir_gguf_close(&g);
        bytes_free(&b);
    }
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
        cmocka_unit_test(test_integers),     cmocka_unit_test(test_other_values),
        cmocka_unit_test(test_text),         cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_no_tensors),   cmocka_unit_test(test_bad_header),
        cmocka_unit_test(test_bad_metadata), cmocka_unit_test(test_bad_alignment),
        cmocka_unit_test(test_bad_tensors),  cmocka_unit_test(test_hidden_overlap),
        cmocka_unit_test(test_every_cut),    cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_mutations),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_split),        cmocka_unit_test(test_bad_split),
        cmocka_unit_test(test_split_of_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
