/*
 * test_tokenizer.c: ids, pieces and bytes against the reference cases of tests/data/tokenizer, and
 * what must hold for any bytes. Spans are test_tokenizer_spans.c, files test_tokenizer_files.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/file.h"
#include "tokenizer_kit.h"

enum { N_MINI = 273, N_SPLITS = 273, N_REAL = 61, N_ROUNDS = 3000 };

/* ---- the mini tokenizer -------------------------------------------------------------------- */

static void test_mini_info(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    weir_tokenizer_info info;
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_tokens, 4096);
    assert_int_equal(info.n_control, 505);
    assert_int_equal(info.n_user_defined, 2);
    assert_int_equal(info.n_normal, 4096 - 507);
    assert_int_equal(info.n_unused, 0);
    assert_int_equal(info.n_merges, 3366);
    assert_int_equal(info.bos, 1);
    assert_int_equal(info.eos, -1);
    assert_int_equal(info.pad, -1);
    assert_true(info.add_bos && !info.add_eos && !info.ignore_merges && info.split_from_file);
    assert_string_equal(info.split, weir_split_family);
    assert_int_equal(info.n_templates, 0);
    weir_tokenizer_close(&t);
    assert_null(t);
    weir_tokenizer_close(&t);
    weir_tokenizer_close(NULL);
}

static void test_mini_cases(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    json_t *cases = kit_cases(WEIR_TEST_DATA "/tokenizer/mini/cases.jsonl");
    assert_int_equal(json_array_size(cases), N_MINI);
    size_t n_differ = 0;
    for (size_t i = 0; i < N_MINI; i++) {
        const json_t *c = json_array_get(cases, i), *text = json_object_get(c, "text");
        const char *bytes = json_string_value(text);
        size_t n = json_string_length(text), n_ids, n_plain;
        int32_t *ids = kit_ids(json_object_get(c, "ids"), &n_ids);
        int32_t *plain = kit_ids(json_object_get(c, "ids_plain"), &n_plain);
        weir_encode_options no_control = {.no_control = true};
        kit_expect(t, bytes, n, NULL, ids, n_ids);
        kit_expect(t, bytes, n, &no_control, plain, n_plain);
        kit_expect_decoded(t, ids, n_ids, bytes, n);
        kit_expect_decoded(t, plain, n_plain, bytes, n);
        n_differ += n_ids != n_plain || memcmp(ids, plain, n_ids * sizeof *ids) != 0;
        free(ids);
        free(plain);
    }
    assert_true(n_differ >= 10); /* so that the two are not one */
    json_decref(cases);
    weir_tokenizer_close(&t);
}

static void test_special_around(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    size_t n_plain, n_special;
    weir_encode_options around = {.add_special = true};
    int32_t *plain = kit_encode(t, "Hello", 5, NULL, &n_plain);
    int32_t *special = kit_encode(t, "Hello", 5, &around, &n_special);
    assert_int_equal(n_special, n_plain + 1);
    assert_int_equal(special[0], 1);
    assert_memory_equal(special + 1, plain, n_plain * sizeof *plain);
    free(plain);
    free(special);
    const int32_t bos[] = {1};
    kit_expect(t, NULL, 0, &around, bos, 1);
    kit_expect(t, "", 0, NULL, NULL, 0);
    weir_tokenizer_close(&t);
}

static void test_tokens(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    const char *bytes;
    size_t n;
    assert_int_equal(weir_tokenizer_token(t, 6, &bytes, &n), WEIR_TOKEN_CONTROL);
    assert_int_equal(n, 12);
    assert_memory_equal(bytes, "<|im_start|>", 12);
    assert_int_equal(weir_tokenizer_find(t, "<|im_start|>", 12), 6);
    assert_int_equal(weir_tokenizer_token(t, 14, &bytes, &n), WEIR_TOKEN_NORMAL);
    assert_memory_equal(bytes, "<|reserved_4|>", n);
    assert_int_equal(weir_tokenizer_token(t, 4089, &bytes, &n), WEIR_TOKEN_USER_DEFINED);
    assert_memory_equal(bytes, "python", n);
    assert_int_equal(weir_tokenizer_token(t, 509, &bytes, &n), WEIR_TOKEN_NORMAL);
    assert_int_equal(n, 10);
    assert_memory_equal(bytes, "\n\n\n\n\n\n\n\n\n\n", 10);
    const int32_t outside[] = {-1, 4096, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_int_equal(weir_tokenizer_token(t, outside[i], &bytes, &n), WEIR_TOKEN_NONE);
        assert_int_equal(n, 0);
    }
    /* All bytes, in GPT-2's order from 510. */
    for (uint32_t i = 0; i < 256; i++) {
        char byte = (char)weir_token_byte_in_order(i);
        assert_int_equal(weir_tokenizer_token(t, (int32_t)(510 + i), &bytes, &n),
                         WEIR_TOKEN_NORMAL);
        assert_int_equal(n, 1);
        assert_int_equal(bytes[0], byte);
        assert_int_equal(weir_tokenizer_find(t, &byte, 1), 510 + i);
    }
    for (int32_t id = 0; id < 4096; id++) {
        weir_tokenizer_token(t, id, &bytes, &n);
        assert_int_equal(weir_tokenizer_find(t, bytes, n), id);
    }
    assert_int_equal(weir_tokenizer_find(t, "no such token", 13), -1);
    assert_int_equal(weir_tokenizer_find(t, "", 0), -1);
    weir_tokenizer_close(&t);
}

static void test_decode(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    weir_error err = {0};
    char buf[64];
    size_t n;
    const int32_t ids[] = {6, 550, 7, 4089, 10};
    assert_int_equal(weir_tokenizer_decode(t, ids, 5, false, buf, sizeof buf, &n, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(n, 12 + 1 + 10 + 6 + 19);
    assert_memory_equal(buf, "<|im_start|>I<|im_end|>python<|tool_call_start|>", n);
    assert_int_equal(weir_tokenizer_decode(t, ids, 5, true, buf, sizeof buf, &n, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(buf, "Ipython", 7);
    /* cut off, measured */
    memset(buf, '#', sizeof buf);
    assert_int_equal(weir_tokenizer_decode(t, ids, 5, true, buf, 4, &n, &err), WEIR_STATUS_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(buf, "Ipyt####", 8);
    assert_int_equal(weir_tokenizer_decode(t, ids, 5, true, NULL, 0, &n, &err), WEIR_STATUS_OK);
    assert_int_equal(n, 7);
    const int32_t bad[] = {6, 4096};
    assert_int_equal(weir_tokenizer_decode(t, bad, 2, false, buf, sizeof buf, &n, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "4096"));
    weir_tokenizer_close(&t);
}

/* ---- splitting ------------------------------------------------------------------------------ */

#define SMALL(regex)                                                                     \
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","  \
    "\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}," \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},"         \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}"

static void check_splits(weir_tokenizer *t) {
    json_t *cases = kit_cases(WEIR_TEST_DATA "/tokenizer/lfm2/pretoken_cases.jsonl");
    assert_int_equal(json_array_size(cases), N_SPLITS);
    for (size_t i = 0; i < N_SPLITS; i++) {
        const json_t *c = json_array_get(cases, i);
        kit_expect_pieces(t, json_object_get(c, "text"), json_object_get(c, "pieces"));
    }
    json_decref(cases);
    weir_tokenizer_close(&t);
}

/* The family's two spellings, and a third with possessive repeats, cut alike. */
static void test_split_cases(void **state) {
    (void)state;
    check_splits(kit_open(MINI));
    check_splits(kit_parse(SMALL("'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
                                 "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
                                 "\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s")));
    check_splits(kit_parse(SMALL("'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?+\\\\p{L}++|"
                                 "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]++[\\\\r\\\\n]*+|"
                                 "\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s")));
}

/* What PCRE2 calls white space and Unicode does not is none; what both do is. */
static void test_split_white_space(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    static const struct {
        const char *text;
        size_t n_pieces;
    } cases[] = {
        {"!\xe1\xa0\x8e", 1},              /* U+180E is none to Unicode: all punctuation */
        {"a\xc2\xa0\xc2\xa0 b", 3},        /* no-break spaces; the last space goes with b */
        {"a\xe2\x80\xa8\xe2\x80\xa8!", 4}, /* U+2028 */
        {"\xef\xbb\xbf"
         "b",
         1}, /* U+FEFF is no space, and may stand before letters */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error err = {0};
        size_t n;
        assert_int_equal(
            weir_tokenizer_split(t, cases[i].text, strlen(cases[i].text), NULL, 0, &n, &err),
            WEIR_STATUS_OK);
        if (n != cases[i].n_pieces)
            fail_msg("case %zu: %zu pieces", i, n);
    }
    weir_tokenizer_close(&t);
}

/* ---- what real vocabularies give ------------------------------------------------------------- */

static void set_token(weir_token_table *table, size_t id, weir_token_kind kind, const char *bytes,
                      size_t n) {
    char letters[256] = "";
    if (kind != WEIR_TOKEN_NORMAL) {
        assert_true(weir_token_table_set(table, id, kind, bytes, n));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char letter[3];
        weir_token_byte_letter((uint8_t)bytes[i], letter);
        strcat(letters, letter);
    }
    assert_true(weir_token_table_set(table, id, kind, letters, strlen(letters)));
}

/* What is known of LFM2's vocabulary, at its ids: bytes, some words, special tokens. No merges. */
static weir_token_table known_table(void) {
    weir_token_table table;
    weir_error err = {0};
    assert_int_equal(weir_token_table_open(&table, 65536, &err), WEIR_STATUS_OK);
    json_t *vocab = json_load_file(WEIR_TEST_DATA "/tokenizer/lfm2/partial_vocab.json", 0, NULL);
    json_t *special = json_load_file(WEIR_TEST_DATA "/tokenizer/lfm2/special_tokens.json", 0, NULL);
    assert_true(vocab != NULL && special != NULL);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(vocab, "byte_ids"), key, value) {
        char byte = (char)atoi(key);
        set_token(&table, (size_t)json_integer_value(value), WEIR_TOKEN_NORMAL, &byte, 1);
    }
    json_object_foreach(json_object_get(vocab, "known_tokens"), key, value) {
        set_token(&table, (size_t)atoi(key), WEIR_TOKEN_NORMAL, json_string_value(value),
                  json_string_length(value));
    }
    size_t i;
    json_array_foreach(json_object_get(special, "lfm2"), i, value) {
        const json_t *text = json_object_get(value, "content");
        bool is_special = json_is_true(json_object_get(value, "special"));
        set_token(&table, (size_t)json_integer_value(json_object_get(value, "id")),
                  is_special ? WEIR_TOKEN_CONTROL : WEIR_TOKEN_USER_DEFINED,
                  json_string_value(text), json_string_length(text));
    }
    json_decref(vocab);
    json_decref(special);
    return table;
}

static weir_tokenizer *open_known(bool is_known[65536]) {
    weir_token_table table = known_table();
    weir_error err = {0};
    size_t n_known = 0;
    for (size_t i = 0; i < 65536; i++)
        n_known += is_known[i] = table.kinds[i] != WEIR_TOKEN_NONE;
    assert_int_equal(n_known, 256 + 51 + 507 - 2); /* Mathias and python are in both lists */
    weir_tokenizer *t;
    weir_tokenizer_options options = {.ignore_merges = WEIR_IGNORE_MERGES_YES};
    assert_int_equal(weir_tokenizer_from_table(&t, &table, &options, "known", &err),
                     WEIR_STATUS_OK);
    return t;
}

static bool are_known(const bool *is_known, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_known[ids[i]])
            return false;
    return true;
}

/* 61 published pairs. Where all ids are known they must decode to the text, and where each of the
 * pieces is one token the text must become these ids; the rest must at least be cut so that there
 * are no more pieces than ids. */
static void test_real_pairs(void **state) {
    (void)state;
    static bool is_known[65536];
    weir_tokenizer *t = open_known(is_known);
    json_t *cases = kit_cases(WEIR_TEST_DATA "/tokenizer/lfm2/cases.jsonl");
    assert_int_equal(json_array_size(cases), N_REAL);
    size_t n_decoded = 0, n_encoded = 0, n_split = 0, n_pieces_known = 0;
    for (size_t i = 0; i < N_REAL; i++) {
        const json_t *c = json_array_get(cases, i), *text = json_object_get(c, "text");
        const json_t *pieces = json_object_get(c, "pieces");
        size_t n_ids, n_found, n_pieces, n = json_string_length(text);
        int32_t *ids = kit_ids(json_object_get(c, "ids"), &n_ids);
        bool is_whole = are_known(is_known, ids, n_ids);
        if (is_whole) {
            kit_expect_decoded(t, ids, n_ids, json_string_value(text), n);
            n_decoded++;
            int32_t *found = kit_encode(t, json_string_value(text), n, NULL, &n_found);
            n_encoded += n_found == n_ids && memcmp(found, ids, n_ids * sizeof *ids) == 0;
            free(found);
        } else {
            weir_error err = {0};
            assert_int_equal(
                weir_tokenizer_split(t, json_string_value(text), n, NULL, 0, &n_pieces, &err),
                WEIR_STATUS_OK);
            assert_true(n_pieces >= 1 && n_pieces <= n_ids);
            if (pieces == NULL)
                assert_int_equal(n_pieces, 1);
            n_split++;
        }
        if (pieces != NULL) {
            kit_expect_pieces(t, text, pieces);
            n_pieces_known++;
        }
        free(ids);
    }
    assert_int_equal(n_decoded, 36);
    assert_int_equal(n_encoded, 35);
    assert_int_equal(n_split, 25);
    assert_int_equal(n_pieces_known, 16);
    json_decref(cases);
    weir_tokenizer_close(&t);
}

/* The settings that were published: kinds, BOS in front, ids by their texts. */
static void test_real_settings(void **state) {
    (void)state;
    static const char *const configs[] = {"tokenizer_config.LFM2-1.2B.json",
                                          "tokenizer_config.LFM2-2.6B.json"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/tokenizer/lfm2/%s", WEIR_TEST_DATA, configs[i]);
        weir_token_table table = known_table();
        weir_error err = {0};
        bool found = true;
        char *text = NULL;
        size_t n;
        assert_int_equal(weir_file_read(path, 1 << 20, &text, &n, &err), WEIR_STATUS_OK);
        if (weir_hf_tokenizer_parse(&table, &found, WEIR_HF_TOKENIZER_CONFIG, text, n, path,
                                    &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        assert_true(table.bos == 1 && table.eos == 7 && table.pad == 0);
        assert_true(table.add_bos && !table.add_eos);
        free(text);
        weir_token_table_close(&table);
    }
    json_t *pipeline = json_load_file(WEIR_TEST_DATA "/tokenizer/lfm2/pipeline.json", 0, NULL);
    json_t *model = json_pack("{s:{s:s, s:{s:i, s:i}, s:[]}}", "model", "type", "BPE", "vocab", "a",
                              0, "<|startoftext|>", 1, "merges");
    assert_int_equal(json_object_update(pipeline, model), 0);
    char *json = json_dumps(pipeline, 0);
    weir_tokenizer *t = kit_parse(json);
    weir_tokenizer_info info;
    weir_tokenizer_get_info(t, &info);
    assert_string_equal(info.split, weir_split_family);
    assert_true(info.bos == 1 && info.add_bos && !info.add_eos);
    weir_tokenizer_close(&t);
    free(json);
    json_decref(model);
    json_decref(pipeline);
}

/* ---- any bytes ------------------------------------------------------------------------------ */

/* Words of many kinds, whole control tokens, halves of them, and bytes that are no UTF-8. */
static size_t random_text(char *text, size_t cap, uint64_t seed) {
    static const char *const parts[] = {
        "the",
        " Hello",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "I'll",
        "'S",
        "123",
        "1234567",
        "!?",
        "...",
        "<|im_",
        "start|>",
        "<|im_end|>",
        "<|",
        "|>",
        "<|im_start|>",
        "python",
        "pyth",
        "Mathias",
        "Mat",
        "<|cot_",
        "\xc3\xa9",
        "\xe6\x97\xa5\xe6\x9c\xac",
        "\xf0\x9f\x98\x80",
        "\xe2\x80\xa8",
        "\xcc\x81",
        "\xc3",
        "\xff",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xe0\x80\x80",
        "e",
        " ",
        "\xd9\xa3",
        "<|reserved_4|>",
        "<|reserved_44|>",
        "<|tool_call_start|>",
        "<think>",
    };
    size_t n = 0;
    for (uint64_t i = 0;; i++) {
        uint64_t bits = weir_mix64(seed, 1, i);
        char byte = (char)(bits >> 32);
        const char *part = parts[(bits >> 8) % (sizeof parts / sizeof parts[0])];
        bool is_byte = bits % 16 == 0;
        size_t m = is_byte ? 1 : strlen(part);
        if (n + m > cap || (bits >> 40) % 40 == 0)
            return n;
        memcpy(text + n, is_byte ? &byte : part, m);
        n += m;
    }
}

static void check_round_trip(const weir_tokenizer *t, const char *text, size_t n) {
    weir_encode_options no_control = {.no_control = true};
    weir_span content = {.start = 0, .n = n, .kind = WEIR_SPAN_CONTENT};
    weir_encode_options spans = {.spans = &content, .n_spans = 1};
    size_t n_all, n_plain;
    int32_t *all = kit_encode(t, text, n, NULL, &n_all);
    int32_t *plain = kit_encode(t, text, n, &no_control, &n_plain);
    kit_expect_decoded(t, all, n_all, text, n);
    kit_expect_decoded(t, plain, n_plain, text, n);
    kit_expect(t, text, n, &spans, plain, n_plain);
    for (size_t i = 0; i < n_plain; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_token_kind kind = weir_tokenizer_token(t, plain[i], &bytes, &n_bytes);
        assert_true(kind == WEIR_TOKEN_NORMAL || kind == WEIR_TOKEN_USER_DEFINED);
    }
    free(all);
    free(plain);
}

static void test_any_text_comes_back(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    char text[512];
    for (uint64_t seed = 0; seed < N_ROUNDS; seed++)
        check_round_trip(t, text, random_text(text, sizeof text, seed));
    weir_tokenizer_close(&t);
}

static void test_any_bytes_come_back(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    char text[300];
    for (uint64_t seed = 0; seed < N_ROUNDS; seed++) {
        size_t n = weir_mix64(seed, 2, 0) % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)weir_mix64(seed, 3, i);
        check_round_trip(t, text, n);
    }
    /* Every code point, and each alone. */
    for (uint32_t code = 0; code < 0x110000u; code += code < 0x3000u ? 1 : 97) {
        char point[WEIR_UTF8_MAX];
        check_round_trip(t, point, weir_utf8_encode(code, point));
    }
    weir_tokenizer_close(&t);
}

/* The buffer's end: the first ids are the same, however few fit. */
static void test_few_ids_fit(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    static const char text[] = "<|im_start|>user\nHello, python world!<|im_end|>";
    size_t n_all, n;
    int32_t *all = kit_encode(t, text, strlen(text), NULL, &n_all), few[64];
    assert_true(n_all < 60);
    for (size_t cap = 0; cap <= n_all + 1; cap++) {
        weir_error err = {0};
        memset(few, 0x55, sizeof few);
        assert_int_equal(weir_tokenizer_encode(t, text, strlen(text), NULL, few, cap, &n, &err),
                         WEIR_STATUS_OK);
        assert_int_equal(n, n_all);
        size_t n_written = cap < n_all ? cap : n_all;
        assert_memory_equal(few, all, n_written * sizeof *few);
        assert_int_equal(few[n_written], 0x55555555);
    }
    free(all);
    weir_tokenizer_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mini_info),
        cmocka_unit_test(test_mini_cases),
        cmocka_unit_test(test_special_around),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_split_cases),
        cmocka_unit_test(test_split_white_space),
        cmocka_unit_test(test_real_pairs),
        cmocka_unit_test(test_real_settings),
        cmocka_unit_test(test_any_text_comes_back),
        cmocka_unit_test(test_any_bytes_come_back),
        cmocka_unit_test(test_few_ids_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
