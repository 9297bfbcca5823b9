/*
 * test_shard.c: packed files: what is written is read back, and whatever else is refused in one
 * line that names the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "shard_kit.h"

#include <jansson.h>

enum { MANY = 200 };

static void expect_refused(const char *data, size_t n, bool skip_sums, const char *why) {
    weir_shard_view view;
    weir_error err = {0};
    weir_status status = weir_shard_parse(&view, data, n, skip_sums, "a.tok", &err);
    assert_int_equal(status, WEIR_STATUS_BAD_FILE);
    assert_int_equal(strncmp(err.text, "a.tok: ", 7), 0);
    if (!strstr(err.text, why))
        fail_msg("expected '%s' in: %s", why, err.text);
}

static char *small_file(size_t *n) {
    static const uint32_t lengths[] = {3, 1, 6, 5};
    weir_shard *shard = kit_shard("small.tok", lengths, 4, 50, 0, false);
    weir_shard_close(&shard);
    return temp_read(in_temp("small.tok"), n);
}

/* ---- round trip ----------------------------------------------------------------------------- */

static void write_random(weir_shard_writer *writer, uint64_t seed, uint32_t n_vocab) {
    for (uint64_t s = 0; s < MANY; s++) {
        int32_t ids[400];
        bool is_target[400];
        size_t n = 1 + weir_mix64(seed, s, 0) % 400;
        for (size_t i = 0; i < n; i++) {
            ids[i] = (int32_t)(weir_mix64(seed, s, 2 * i + 1) % n_vocab);
            is_target[i] = weir_mix64(seed, s, 2 * i + 2) % 3 != 0;
        }
        assert_int_equal(weir_shard_writer_add(writer, ids, is_target, n, n, NULL), WEIR_STATUS_OK);
    }
}

static void expect_random(const weir_shard *shard, uint64_t seed, uint32_t n_vocab) {
    uint64_t n_tokens = 0, n_targets = 0;
    assert_int_equal(weir_shard_n_samples(shard), MANY);
    for (uint64_t s = 0; s < MANY; s++) {
        int32_t ids[400];
        bool is_target[400];
        size_t n = weir_shard_sample_n(shard, s);
        assert_int_equal(n, 1 + weir_mix64(seed, s, 0) % 400);
        assert_int_equal(weir_shard_sample_first(shard, s), n_tokens);
        /* in two parts, the second without a mask */
        size_t half = n / 2;
        weir_shard_read(shard, s, 0, n, ids, is_target);
        memset(ids + half, -1, (n - half) * sizeof *ids);
        weir_shard_read(shard, s, half, n - half, ids + half, NULL);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(ids[i], weir_mix64(seed, s, 2 * i + 1) % n_vocab);
            assert_int_equal(is_target[i], i > 0 && weir_mix64(seed, s, 2 * i + 2) % 3 != 0);
            assert_int_equal(weir_shard_has_target(shard, s, i, 1), is_target[i]);
            n_targets += is_target[i];
        }
        n_tokens += n;
    }
    assert_int_equal(weir_shard_n_tokens(shard), n_tokens);
    assert_int_equal(weir_shard_n_targets(shard), n_targets);
}

static void expect_round_trip(const char *tokenizer_path, uint64_t seed, bool is_text) {
    weir_tokenizer *tokenizer = kit_tokenizer(tokenizer_path);
    weir_tokenizer_info info;
    weir_tokenizer_get_info(tokenizer, &info);
    weir_shard_writer *writer;
    weir_shard *shard;
    weir_error err = {0};
    assert_int_equal(weir_shard_writer_open(&writer, in_temp("r.tok"), tokenizer, true, NULL),
                     WEIR_STATUS_OK);
    write_random(writer, seed, (uint32_t)info.n_tokens);
    assert_int_equal(weir_shard_writer_commit(&writer, is_text, NULL), WEIR_STATUS_OK);
    assert_null(writer);
    if (weir_shard_open(&shard, in_temp("r.tok"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    expect_random(shard, seed, (uint32_t)info.n_tokens);
    assert_int_equal(weir_shard_is_text(shard), is_text);
    assert_int_equal(weir_shard_n_vocab(shard), info.n_tokens);
    assert_true(weir_shard_tokenizer_hash(shard) == weir_tokenizer_hash(tokenizer));
    for (size_t id = 0; id < info.n_tokens; id++) {
        const char *bytes;
        size_t n;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, (int32_t)id, &bytes, &n);
        bool is_text_token = kind == WEIR_TOKEN_NORMAL || kind == WEIR_TOKEN_USER_DEFINED;
        assert_int_equal(weir_shard_token_bytes(shard, (int32_t)id), is_text_token ? n : 0);
    }
    weir_shard_close(&shard);
    weir_shard_close(&shard);
    weir_tokenizer_close(&tokenizer);
}

static void test_round_trip(void **state) {
    (void)state;
    expect_round_trip(MINI, 1, false);
    expect_round_trip(MINI, 2, true);
}

/* The mini tokenizer with one more token, far behind the others. */
static void make_tokenizer(const char *path, int far_id, const char *text) {
    json_t *root = json_load_file(MINI, 0, NULL);
    assert_non_null(root);
    json_t *token =
        json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", far_id, "content", text,
                  "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1);
    assert_int_equal(json_array_append_new(json_object_get(root, "added_tokens"), token), 0);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

static void test_width_of_ids(void **state) {
    (void)state;
    static const struct {
        int far_id;
        uint8_t width;
    } cases[] = {{65535, 2}, {65536, 4}, {90000, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        make_tokenizer(in_temp("wide.json"), cases[i].far_id, "<|far|>");
        expect_round_trip(in_temp("wide.json"), 3 + i, false);
        char *data = temp_read(in_temp("r.tok"), &n);
        assert_int_equal(data[60], cases[i].width);
        free(data);
    }
}

static void test_hash_of_tokenizer(void **state) {
    (void)state;
    weir_tokenizer *mini = kit_tokenizer(MINI), *same = kit_tokenizer(MINI);
    uint64_t hash = weir_tokenizer_hash(mini);
    assert_true(hash == weir_tokenizer_hash(same));
    static const char *const texts[] = {"<|a|>", "<|b|>"};
    uint64_t seen[3] = {hash};
    for (int i = 0; i < 2; i++) {
        make_tokenizer(in_temp("t.json"), 4096, texts[i]);
        weir_tokenizer *other = kit_tokenizer(in_temp("t.json"));
        seen[i + 1] = weir_tokenizer_hash(other);
        weir_tokenizer_close(&other);
    }
    assert_true(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    weir_tokenizer_close(&mini);
    weir_tokenizer_close(&same);
}

static void test_hash_of_file(void **state) {
    (void)state;
    uint32_t lengths[] = {3, 1, 6, 5};
    weir_shard *a = kit_shard("a.tok", lengths, 4, 50, 0, false);
    weir_shard *same = kit_shard("b.tok", lengths, 4, 50, 0, false);
    weir_shard *other_ids = kit_shard("c.tok", lengths, 4, 51, 0, false);
    weir_shard *other_mask = kit_shard("d.tok", lengths, 4, 50, 2, false);
    weir_shard *other_kind = kit_shard("e.tok", lengths, 4, 50, 0, true);
    assert_true(weir_shard_hash(a) == weir_shard_hash(same));
    assert_true(weir_shard_hash(a) != weir_shard_hash(other_ids));
    assert_true(weir_shard_hash(a) != weir_shard_hash(other_mask));
    assert_true(weir_shard_hash(a) != weir_shard_hash(other_kind));
    weir_shard_close(&a);
    weir_shard_close(&same);
    weir_shard_close(&other_ids);
    weir_shard_close(&other_mask);
    weir_shard_close(&other_kind);
}

static void test_pack_sample(void **state) {
    (void)state;
    static const uint32_t lengths[] = {3, 6};
    weir_shard *shard = kit_shard("s.tok", lengths, 2, 50, 2, false);
    weir_shard_close(&shard);
    int32_t ids[6];
    bool is_target[6];
    size_t n;
    weir_error err = {0};
    const char *path = in_temp("s.tok");
    assert_int_equal(weir_pack_sample(path, 1, NULL, NULL, 0, &n, &err), WEIR_STATUS_OK);
    assert_int_equal(n, 6);
    ids[4] = -7;
    assert_int_equal(weir_pack_sample(path, 1, ids, is_target, 4, &n, &err), WEIR_STATUS_OK);
    assert_int_equal(n, 6);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ids[i], 53 + i);
        assert_int_equal(is_target[i], i >= 2);
    }
    assert_int_equal(ids[4], -7);
    assert_int_equal(weir_pack_sample(path, 2, ids, NULL, 6, &n, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "s.tok: sample 2, it has 2"));
    assert_int_equal(weir_pack_sample(in_temp("none"), 0, ids, NULL, 6, &n, &err), WEIR_STATUS_IO);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void test_each_changed_byte_is_seen(void **state) {
    (void)state;
    size_t n;
    char *data = small_file(&n);
    weir_shard_view view;
    assert_int_equal(weir_shard_parse(&view, data, n, false, "a.tok", NULL), WEIR_STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        data[i] ^= (char)(1 << i % 8);
        expect_refused(data, n, false, "");
        data[i] ^= (char)(1 << i % 8);
    }
    free(data);
}

static void test_each_cut_is_seen(void **state) {
    (void)state;
    size_t n;
    char *data = small_file(&n);
    expect_refused(data, 0, true, "not a packed file");
    for (size_t i = 0; i < n; i++) {
        char *cut = malloc(i + 1); /* of its own, so that a sanitizer sees a read behind it */
        memcpy(cut, data, i);
        char *exact = realloc(cut, i ? i : 1);
        expect_refused(exact, i, i % 2, i < 8 ? "not a packed file" : "cut short");
        free(exact);
    }
    data = realloc(data, n + 8);
    memset(data + n, 0, 8);
    expect_refused(data, n + 8, true, "do not hold");
    free(data);
}

static void put(char *data, size_t at, size_t width, uint64_t value) {
    for (size_t i = 0; i < width; i++)
        data[at + i] = (char)(value >> 8 * i);
}

/* What a checksum that was made anew would let pass. 15 tokens: ids from 80, bits from 112 (30
 * bytes and 2 of zeros), table from 120. */
static void test_contents_are_checked(void **state) {
    (void)state;
    static const struct {
        size_t at, width;
        uint64_t value;
        const char *why;
    } cases[] = {
        {0, 1, 'w', "byte 0: not a packed file"},
        {8, 4, 2, "byte 8: version 2, expected 1"},
        {12, 4, 2, "byte 12: unknown flags 0x2"},
        {24, 8, 5, "do not hold 15 tokens in 5 samples"},
        {24, 8, UINT64_MAX, "do not hold"},
        {24, 8, UINT64_MAX / 8, "do not hold"},
        {32, 8, UINT64_MAX, "do not hold"},
        {32, 8, 1, "do not hold"},
        {40, 8, 12, "byte 40: 12 targets, 11 are marked"},
        {56, 4, 4097, "do not hold"},
        {56, 4, UINT32_MAX, "expected 4 for a vocabulary of 4294967295"},
        {60, 4, 4, "byte 60: 4 bytes an id, expected 2"},
        {60, 4, 0, "byte 60: 0 bytes an id"},
        {80 + 2 * 7, 2, 4096, "token 7 is 4096, outside the vocabulary of 4096"},
        {112, 1, 0xff, "first token of sample 0 is a target"},
        {112, 1, 0, "targets"},
        {120, 8, 1, "sample 0 begins at token 1"},
        {128, 8, 0, "sample 1 begins at token 0"},
        {136, 8, 3, "sample 2 begins at token 3"},
        {144, 8, 15, "sample 3 begins at token 15"},
        {144, 8, UINT64_MAX, "sample 3 begins at"},
        {152, 8, 14, "sample 4 begins at token 14"},
        {152, 8, 16, "sample 4 begins at token 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        char *data = small_file(&n);
        put(data, cases[i].at, cases[i].width, cases[i].value);
        expect_refused(data, n, true, cases[i].why);
        free(data);
    }
}

static void test_files_that_are_not_there(void **state) {
    (void)state;
    weir_shard *shard;
    weir_error err = {0};
    assert_int_equal(weir_shard_open(&shard, in_temp("nothing"), &err), WEIR_STATUS_IO);
    assert_null(shard);
    temp_write(in_temp("empty"), "", 0);
    assert_int_equal(weir_shard_open(&shard, in_temp("empty"), &err), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_shard_open(&shard, MINI, &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "not a packed file; expected one that `weir train pack`"));
}

static void test_nothing_half_written(void **state) {
    (void)state;
    weir_tokenizer *tokenizer = kit_tokenizer(MINI);
    weir_shard_writer *writer;
    weir_error err = {0};
    size_t n;
    static const int32_t ids[] = {1, 2, 3};
    static const bool is_target[] = {true, true, true};
    int n_before = temp_n_entries();
    assert_int_equal(weir_shard_writer_open(&writer, in_temp("x.tok"), tokenizer, false, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(weir_shard_writer_add(writer, ids, is_target, 3, 3, &err), WEIR_STATUS_OK);
    weir_shard_writer_abort(&writer);
    weir_shard_writer_abort(&writer);
    assert_int_equal(temp_n_entries(), n_before);
    temp_write(in_temp("x.tok"), "mine", 4);
    assert_int_equal(weir_shard_writer_open(&writer, in_temp("x.tok"), tokenizer, false, &err),
                     WEIR_STATUS_FAILED);
    assert_null(writer);
    char *data = temp_read(in_temp("x.tok"), &n);
    assert_string_equal(data, "mine");
    free(data);
    weir_tokenizer_close(&tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_width_of_ids),
        cmocka_unit_test(test_hash_of_tokenizer),
        cmocka_unit_test(test_hash_of_file),
        cmocka_unit_test(test_pack_sample),
        cmocka_unit_test(test_each_changed_byte_is_seen),
        cmocka_unit_test(test_each_cut_is_seen),
        cmocka_unit_test(test_contents_are_checked),
        cmocka_unit_test(test_files_that_are_not_there),
        cmocka_unit_test(test_nothing_half_written),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
