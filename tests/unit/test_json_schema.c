/*
 * test_json_schema.c: the suite of schemas in tests/data/schemas: every valid instance is taken, as
 * a whole and token by token, every invalid one is not; what cannot be enforced is refused at its
 * place; what is drawn at random under the masks is valid by another program's judgement; masks are
 * what trying each token gives.
 */
#include "weir.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/test_json_schema_oracle.h"

#define SUITE (WEIR_TEST_DATA "/schemas/suite.jsonl")
#define MINI  (WEIR_TEST_DATA "/tokenizer/mini/tokenizer.json")

enum { MAX_ROWS = 1000, MAX_TEXT = 1 << 16 };

static json_t *rows[MAX_ROWS];
static size_t n_rows;
static weir_tokenizer *tokenizer;
static weir_token_tree *tree;
static size_t n_tokens;
static int32_t end_token;

static int open_all(void **state) {
    (void)state;
    weir_tokenizer_info info;
    weir_error err;
    FILE *file = fopen(SUITE, "r");
    char *line = NULL;
    size_t cap = 0;
    assert_non_null(file);
    while (getline(&line, &cap, file) > 0) {
        assert_true(n_rows < MAX_ROWS);
        rows[n_rows] = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(rows[n_rows++]);
    }
    free(line);
    fclose(file);
    assert_int_equal(weir_tokenizer_open(&tokenizer, MINI, NULL, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_token_tree_open(&tree, tokenizer, &err), WEIR_STATUS_OK);
    weir_tokenizer_get_info(tokenizer, &info);
    n_tokens = info.n_tokens;
    end_token = weir_tokenizer_find(tokenizer, "<|im_end|>", 10);
    assert_true(end_token >= 0);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    for (size_t i = 0; i < n_rows; i++)
        json_decref(rows[i]);
    weir_token_tree_close(&tree);
    weir_tokenizer_close(&tokenizer);
    return 0;
}

static char *dump(const json_t *value, size_t flags) {
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    assert_non_null(text);
    return text;
}

static weir_status try_open(weir_grammar **grammar, const json_t *row, bool any_space,
                            weir_error *err) {
    char *source = dump(json_object_get(row, "schema"), 0);
    weir_grammar_options options = {.name = "schema", .any_space = any_space};
    weir_status status =
        weir_grammar_open(grammar, WEIR_GRAMMAR_JSON_SCHEMA, source, strlen(source), &options, err);
    free(source);
    return status;
}

static weir_grammar *open_row(const json_t *row, bool any_space) {
    weir_grammar *grammar;
    weir_error err;
    if (try_open(&grammar, row, any_space, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", dump(json_object_get(row, "schema"), 0), err.text);
    return grammar;
}

static bool has_instances(const json_t *row) {
    return !json_object_get(row, "unsupported") && !json_object_get(row, "malformed");
}

static bool has_bit(const uint32_t *mask, int32_t token) {
    return mask[token / 32] >> (token % 32) & 1u;
}

/* Is the text taken token by token, and may it end then? */
static bool is_taken(const weir_grammar *grammar, const char *text, size_t n) {
    static int32_t ids[MAX_TEXT];
    size_t n_ids;
    weir_error err;
    weir_matcher *matcher;
    const uint32_t *mask;
    weir_encode_options options = {.no_control = true};
    weir_matcher_options ends = {.ends = &end_token, .n_ends = 1};
    assert_int_equal(
        weir_tokenizer_encode(tokenizer, text, n, &options, ids, MAX_TEXT, &n_ids, &err),
        WEIR_STATUS_OK);
    assert_int_equal(weir_matcher_open(&matcher, grammar, tree, &ends, &err), WEIR_STATUS_OK);
    bool is_good = true;
    for (size_t i = 0; i < n_ids && is_good; i++) {
        assert_int_equal(weir_matcher_mask(matcher, &mask, &err), WEIR_STATUS_OK);
        bool is_in_mask = has_bit(mask, ids[i]);
        is_good = weir_matcher_accept(matcher, ids[i], &err) == WEIR_STATUS_OK;
        assert_int_equal(is_good, is_in_mask);
    }
    if (is_good) {
        is_good = weir_matcher_may_end(matcher);
        assert_int_equal(weir_matcher_mask(matcher, &mask, &err), WEIR_STATUS_OK);
        assert_int_equal(has_bit(mask, end_token), is_good);
    }
    weir_matcher_close(&matcher);
    return is_good;
}

static void expect(const weir_grammar *grammar, const json_t *row, const char *text, size_t n,
                   bool is_valid) {
    weir_error err = {0};
    bool is_checked = weir_grammar_check(grammar, text, n, &err) == WEIR_STATUS_OK;
    if (is_checked != is_valid || is_taken(grammar, text, n) != is_valid)
        fail_msg("%s: %s is %s: %s", dump(json_object_get(row, "schema"), 0), text,
                 is_valid ? "valid" : "invalid", err.text);
}

static void expect_values(const json_t *row, const char *key, bool is_valid) {
    const json_t *list = json_object_get(row, key), *schema = json_object_get(row, "schema");
    weir_grammar *compact = open_row(row, false), *spaced = open_row(row, true);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        char *tight = dump(value, JSON_COMPACT), *loose = dump(value, 0),
             *tall = dump(value, JSON_INDENT(2));
        if (oracle_valid(schema, schema, value) != is_valid)
            fail_msg("the oracle: %s for %s", loose, dump(schema, 0));
        expect(compact, row, tight, strlen(tight), is_valid);
        expect(compact, row, loose, strlen(loose), is_valid);
        expect(spaced, row, tall, strlen(tall), is_valid);
        expect(spaced, row, tight, strlen(tight), is_valid);
        free(tight);
        free(loose);
        free(tall);
    }
    weir_grammar_close(&compact);
    weir_grammar_close(&spaced);
}

static void expect_texts(const json_t *row, const char *key, bool is_valid) {
    const json_t *list = json_object_get(row, key);
    weir_grammar *grammar = open_row(row, false);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        expect(grammar, row, json_string_value(text), json_string_length(text), is_valid);
    }
    weir_grammar_close(&grammar);
}

static void test_instances(void **state) {
    (void)state;
    for (size_t i = 0; i < n_rows; i++) {
        if (!has_instances(rows[i]))
            continue;
        expect_values(rows[i], "valid", true);
        expect_values(rows[i], "invalid", false);
        expect_texts(rows[i], "valid_texts", true);
        expect_texts(rows[i], "invalid_texts", false);
    }
}

static void expect_refusal(const json_t *row, const char *key, weir_status status) {
    const char *pointer = json_string_value(json_object_get(row, key));
    weir_grammar *grammar;
    weir_error err;
    if (!pointer)
        return;
    weir_status found = try_open(&grammar, row, false, &err);
    if (found != status || !strstr(err.text, pointer))
        fail_msg("%s: status %d \"%s\", expected %d at %s", dump(json_object_get(row, "schema"), 0),
                 (int)found, found == WEIR_STATUS_OK ? "" : err.text, (int)status, pointer);
    assert_null(grammar);
}

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < n_rows; i++) {
        expect_refusal(rows[i], "unsupported", WEIR_STATUS_UNSUPPORTED);
        expect_refusal(rows[i], "malformed", WEIR_STATUS_BAD_ARGUMENT);
    }
}

/* ---- drawn at random ------------------------------------------------------------------------ */

typedef struct drawing {
    weir_matcher *matcher;
    uint64_t seed, n_drawn;
    char text[MAX_TEXT];
    size_t n;
    bool is_unchecked; /* masks are not tried out on the way */
} drawing;

static uint64_t roll(drawing *d, uint64_t n) {
    return weir_mix64(d->seed, 3, d->n_drawn++) % n;
}

static int32_t random_token(drawing *d, const uint32_t *mask) {
    size_t n_allowed = 0;
    for (size_t t = 0; t < n_tokens; t++)
        n_allowed += has_bit(mask, (int32_t)t);
    assert_true(n_allowed > 0);
    size_t wanted = roll(d, n_allowed);
    for (size_t t = 0;; t++)
        if (has_bit(mask, (int32_t)t) && wanted-- == 0)
            return (int32_t)t;
}

/* After a while the text is led to its end. */
static int32_t draw_token(drawing *d, const uint32_t *mask, size_t i) {
    static const char *const closing[] = {"}", "]", ")", "\"", "\"", "\"", "0",  "1",
                                          "@", ".", "a", "b",  "y",  "z",  "com"};
    if (has_bit(mask, end_token) && (i > 20 || roll(d, 3) == 0))
        return end_token;
    for (size_t j = 0; i > 24 && j < 12; j++) {
        const char *text = closing[roll(d, sizeof closing / sizeof *closing)];
        int32_t token = weir_tokenizer_find(tokenizer, text, strlen(text));
        if (token >= 0 && has_bit(mask, token))
            return token;
    }
    return random_token(d, mask);
}

/* What trying it says: the grammar either takes the text or wants more of it. */
static bool may_follow(const weir_grammar *grammar, drawing *d, const char *bytes, size_t n) {
    weir_error err;
    memcpy(d->text + d->n, bytes, n);
    return weir_grammar_check(grammar, d->text, d->n + n, &err) == WEIR_STATUS_OK ||
           strstr(err.text, "wants more") != NULL;
}

static void check_mask(const weir_grammar *grammar, drawing *d, const uint32_t *mask, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int32_t token = n == n_tokens ? (int32_t)i : (int32_t)roll(d, n_tokens);
        size_t n_bytes;
        const char *bytes;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, token, &bytes, &n_bytes);
        if (kind == WEIR_TOKEN_NORMAL && n_bytes > 0 &&
            has_bit(mask, token) != may_follow(grammar, d, bytes, n_bytes))
            fail_msg("token %d \"%.*s\" behind \"%.*s\": the mask says %d", token, (int)n_bytes,
                     bytes, (int)d->n, d->text, has_bit(mask, token));
    }
}

static bool draw_text(const weir_grammar *grammar, drawing *d) {
    weir_matcher_options ends = {.ends = &end_token, .n_ends = 1};
    weir_error err;
    const uint32_t *mask;
    bool has_ended = false;
    assert_int_equal(weir_matcher_open(&d->matcher, grammar, tree, &ends, &err), WEIR_STATUS_OK);
    for (size_t i = 0; i < 800 && !has_ended; i++) {
        assert_int_equal(weir_matcher_mask(d->matcher, &mask, &err), WEIR_STATUS_OK);
        if (!d->is_unchecked && d->n < 200 && roll(d, 20) == 0)
            check_mask(grammar, d, mask, 30);
        int32_t token = draw_token(d, mask, i);
        size_t n;
        const char *bytes;
        if (weir_matcher_accept(d->matcher, token, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        has_ended = token == end_token;
        weir_tokenizer_token(tokenizer, token, &bytes, &n);
        assert_true(d->n + n + 256 < MAX_TEXT);
        if (!has_ended)
            memcpy(d->text + d->n, bytes, n);
        d->n += has_ended ? 0 : n;
    }
    weir_matcher_close(&d->matcher);
    return has_ended;
}

static void expect_valid(const json_t *row, const weir_grammar *grammar, const drawing *d) {
    const json_t *schema = json_object_get(row, "schema");
    weir_error err;
    json_error_t error;
    if (weir_grammar_check(grammar, d->text, d->n, &err) != WEIR_STATUS_OK)
        fail_msg("%.*s: %s", (int)d->n, d->text, err.text);
    json_t *value = json_loadb(d->text, d->n,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!value && json_error_code(&error) == json_error_null_byte_in_key)
        return;
    if (!value || !oracle_valid(schema, schema, value))
        fail_msg("%s: drew %.*s: %s", dump(schema, 0), (int)d->n, d->text,
                 value ? "not valid" : error.text);
    json_decref(value);
}

static void test_drawn(void **state) {
    static drawing d;
    size_t n_drawn = 0, n_open = 0;
    (void)state;
    for (size_t i = 0; i < n_rows; i++) {
        if (!has_instances(rows[i]))
            continue;
        for (int k = 0; k < 4; k++) {
            weir_grammar *grammar = open_row(rows[i], k % 2 == 1);
            d = (drawing){.seed = i * 100 + (uint64_t)k};
            n_drawn++;
            if (draw_text(grammar, &d))
                expect_valid(rows[i], grammar, &d);
            else
                n_open++;
            weir_grammar_close(&grammar);
        }
    }
    /* A few texts never come to their end by chance; they must be few. */
    if (n_open * 100 > n_drawn)
        fail_msg("%zu of %zu texts did not end", n_open, n_drawn);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void take_event(void *context, const weir_reply_event *event) {
    size_t *n_calls = context;
    if (event->kind != WEIR_REPLY_CALL || !event->is_declared)
        fail_msg("%.*s", (int)event->n, event->text);
    json_error_t error;
    json_t *arguments = json_loadb(event->arguments, event->n_arguments,
                                   JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!arguments)
        assert_int_equal(json_error_code(&error), json_error_null_byte_in_key);
    json_decref(arguments);
    ++*n_calls;
}

/* Calls as they are drawn are read back as calls, without a repair. */
static void test_drawn_calls(void **state) {
    static const char tools[] =
        "[{\"name\":\"f.g\",\"parameters\":{\"type\":\"object\",\"properties\":{"
        "\"text\":{\"type\":\"string\"},\"n\":{\"type\":\"number\"},\"any\":{},"
        "\"list\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"boolean\",\"null\"]}}},"
        "\"required\":[\"text\"]}},{\"name\":\"now\"}]";
    static const char *const names[] = {"f.g", "now"};
    static drawing d;
    weir_grammar_options options = {.is_call_required = true};
    weir_grammar *grammar;
    size_t n_calls = 0, n_texts = 0;
    (void)state;
    assert_int_equal(
        weir_grammar_open(&grammar, WEIR_GRAMMAR_TOOLS, tools, strlen(tools), &options, NULL),
        WEIR_STATUS_OK);
    for (uint64_t k = 0; k < 300; k++) {
        weir_reply *reply;
        weir_reply_options reading = {
            .tool_names = names, .n_tool_names = 2, .on_event = take_event, .context = &n_calls};
        d = (drawing){.seed = 5000 + k, .is_unchecked = true};
        if (!draw_text(grammar, &d))
            continue;
        n_texts++;
        assert_int_equal(weir_grammar_check(grammar, d.text, d.n, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_open(&reply, &reading, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_push(reply, d.text, d.n, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_finish(reply, NULL), WEIR_STATUS_OK);
        weir_reply_close(&reply);
    }
    assert_true(n_texts > 200 && n_calls >= n_texts);
    weir_grammar_close(&grammar);
}

/* All tokens, at a few places of a few schemas. */
static void test_masks(void **state) {
    static drawing d;
    weir_matcher_options ends = {.ends = &end_token, .n_ends = 1};
    weir_error err;
    const uint32_t *mask;
    (void)state;
    for (size_t i = 0; i < n_rows; i += 23) {
        if (!has_instances(rows[i]))
            continue;
        weir_grammar *grammar = open_row(rows[i], i % 2 == 1);
        d = (drawing){.seed = 77 + i};
        assert_int_equal(weir_matcher_open(&d.matcher, grammar, tree, &ends, &err), WEIR_STATUS_OK);
        for (size_t k = 0; k < 3 && !weir_matcher_must_end(d.matcher); k++) {
            size_t n;
            const char *bytes;
            assert_int_equal(weir_matcher_mask(d.matcher, &mask, &err), WEIR_STATUS_OK);
            check_mask(grammar, &d, mask, n_tokens);
            int32_t token = random_token(&d, mask);
            if (token == end_token)
                break;
            assert_int_equal(weir_matcher_accept(d.matcher, token, &err), WEIR_STATUS_OK);
            weir_tokenizer_token(tokenizer, token, &bytes, &n);
            memcpy(d.text + d.n, bytes, n);
            d.n += n;
        }
        weir_matcher_close(&d.matcher);
        weir_grammar_close(&grammar);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_instances),
        cmocka_unit_test(test_drawn),       cmocka_unit_test(test_masks),
        cmocka_unit_test(test_drawn_calls),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
