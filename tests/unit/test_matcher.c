/*
 * test_matcher.c: matchers over a vocabulary made for it: all bytes, a few longer tokens, the
 * control tokens of the family. Ends, marks of calls, thinking with and without tokens, depth,
 * runs that are replaced, several matchers and threads on one grammar.
 */
#include "text/token_tree.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

enum {
    T_END = 256,
    T_END_TOO,
    T_OTHER, /* a control token that grammars do not know */
    T_QUOTE_COLON,
    T_BRACES,
    T_XXXX,
    T_CALL_START, /* from here on left out of the plain vocabulary */
    T_CALL_END,
    T_THINK,
    T_THINK_END,
    T_COUNT
};

static const struct {
    const char *text;
    bool is_control;
} more[] = {{"<|im_end|>", true},
            {"<|endoftext|>", true},
            {"<|im_start|>", true},
            {"\":", false},
            {"}}}", false},
            {"xxxx", false},
            {"<|tool_call_start|>", true},
            {"<|tool_call_end|>", true},
            {"<think>", false},
            {"</think>", true}};

static weir_token_tree *make_tree(size_t n) {
    static char bytes[256];
    const int32_t ends[] = {T_END, T_END_TOO};
    weir_tree_token tokens[T_COUNT] = {0};
    weir_token_tree *tree;
    weir_error err;
    for (size_t i = 0; i < n; i++) {
        if (i < 256)
            bytes[i] = (char)i;
        tokens[i].bytes = i < 256 ? &bytes[i] : more[i - 256].text;
        tokens[i].n = i < 256 ? 1 : strlen(more[i - 256].text);
        tokens[i].is_control = i >= 256 && more[i - 256].is_control;
    }
    if (weir_token_tree_make(&tree, tokens, n, ends, 2, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return tree;
}

static weir_grammar *open_kind(weir_grammar_kind kind, const char *source,
                               const weir_grammar_options *options) {
    weir_grammar *grammar;
    weir_error err;
    if (weir_grammar_open(&grammar, kind, source, strlen(source), options, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", source, err.text);
    return grammar;
}

static weir_matcher *open_matcher(const weir_grammar *grammar, const weir_token_tree *tree,
                                  bool starts_in_reasoning) {
    weir_matcher *matcher;
    static const int32_t ends[] = {T_END, T_END_TOO};
    weir_matcher_options options = {
        .ends = ends, .n_ends = 2, .starts_in_reasoning = starts_in_reasoning};
    weir_error err;
    if (weir_matcher_open(&matcher, grammar, tree, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return matcher;
}

static bool is_allowed(weir_matcher *matcher, int32_t token) {
    const uint32_t *mask;
    assert_int_equal(weir_matcher_mask(matcher, &mask, NULL), WEIR_STATUS_OK);
    return mask[token / 32] >> (token % 32) & 1u;
}

/* In the mask exactly if it is accepted. */
static bool take(weir_matcher *matcher, int32_t token) {
    bool is_in_mask = token >= 0 && is_allowed(matcher, token);
    weir_error err = {0};
    bool is_taken = weir_matcher_accept(matcher, token, &err) == WEIR_STATUS_OK;
    assert_int_equal(is_in_mask, is_taken);
    assert_true(is_taken || strstr(err.text, "is not allowed"));
    return is_taken;
}

static bool take_text(weir_matcher *matcher, const char *text) {
    for (; *text; text++)
        if (!take(matcher, (uint8_t)*text))
            return false;
    return true;
}

static size_t n_allowed(weir_matcher *matcher) {
    size_t n = 0;
    for (int32_t t = 0; t < T_COUNT; t++)
        n += is_allowed(matcher, t);
    return n;
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void test_ends(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_CHOICE, "[\"a\", \"ab\"]", NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    (void)state;
    assert_false(weir_matcher_may_end(m));
    assert_false(take(m, T_END));
    assert_false(take(m, T_OTHER));
    assert_false(take(m, -1));
    assert_true(take(m, 'a'));
    assert_true(weir_matcher_may_end(m));
    assert_false(weir_matcher_must_end(m));
    assert_true(is_allowed(m, T_END) && is_allowed(m, T_END_TOO) && is_allowed(m, 'b'));
    assert_int_equal(n_allowed(m), 3);
    assert_false(take(m, 'a'));
    assert_true(take(m, 'b'));
    assert_true(weir_matcher_must_end(m));
    assert_int_equal(n_allowed(m), 2);
    assert_true(take(m, T_END_TOO));
    assert_int_equal(n_allowed(m), 2);
    assert_false(take(m, 'a'));
    weir_matcher_close(&m);
    assert_null(m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

/* An end that has bytes is an end alone. */
static void test_own_ends(void **state) {
    const int32_t ends[] = {'b'}, bad[] = {T_COUNT};
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_REGEX, "a[bc]*", NULL);
    weir_matcher_options options = {.ends = ends, .n_ends = 1};
    weir_matcher *m;
    (void)state;
    assert_int_equal(weir_matcher_open(&m, grammar, tree, &options, NULL), WEIR_STATUS_OK);
    assert_true(take(m, 'a'));
    assert_false(take(m, T_END));
    assert_true(take(m, 'c'));
    assert_true(take(m, 'b'));
    assert_true(weir_matcher_must_end(m));
    weir_matcher_close(&m);
    options.ends = bad;
    assert_int_equal(weir_matcher_open(&m, grammar, tree, &options, NULL),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_null(m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

/* Without ends the file's come where nothing else is left. */
static void test_no_ends(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_REGEX, "a{1,2}", NULL);
    weir_matcher *m;
    (void)state;
    assert_int_equal(weir_matcher_open(&m, grammar, tree, NULL, NULL), WEIR_STATUS_OK);
    assert_true(take(m, 'a'));
    assert_true(weir_matcher_may_end(m));
    assert_false(take(m, T_END));
    assert_true(take(m, 'a'));
    assert_true(weir_matcher_must_end(m));
    assert_true(take(m, T_END));
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

static void test_vocabulary_without_a_byte(void **state) {
    weir_tree_token tokens[200] = {0};
    const int32_t end = 0;
    weir_token_tree *tree;
    weir_error err;
    (void)state;
    for (size_t i = 0; i < 200; i++)
        tokens[i] = (weir_tree_token){"x", 1, false};
    assert_int_equal(weir_token_tree_make(&tree, tokens, 200, &end, 1, &err),
                     WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "byte 0x00"));
}

/* ---- thinking ------------------------------------------------------------------------------- */

static void test_thinking(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT), *plain = make_tree(T_CALL_START);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_CHOICE, "[\"yes\"]", NULL);
    (void)state;
    /* A token that begins it, a token that ends it. */
    weir_matcher *m = open_matcher(grammar, tree, false);
    assert_false(is_allowed(m, '<'));
    assert_true(take(m, T_THINK));
    assert_true(take_text(m, "hm {\n\xff </thin"));
    assert_false(take(m, T_END));
    assert_false(take(m, T_OTHER));
    assert_false(take(m, T_CALL_START));
    assert_true(take(m, T_THINK_END));
    assert_false(take(m, T_THINK));
    assert_true(take_text(m, "yes"));
    assert_true(take(m, T_END));
    weir_matcher_close(&m);
    /* Without it, the answer may begin at once. */
    m = open_matcher(grammar, tree, false);
    assert_true(take_text(m, "yes"));
    weir_matcher_close(&m);
    /* The prompt has begun it; bytes end it. */
    m = open_matcher(grammar, plain, true);
    assert_true(take_text(m, "a < b <</</think>yes"));
    assert_true(weir_matcher_must_end(m));
    weir_matcher_close(&m);
    m = open_matcher(grammar, plain, true);
    assert_false(take_text(m, "</think>no"));
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
    weir_token_tree_close(&plain);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static const char tools[] = "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
                            "\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}}]";

static void test_marks_are_tokens(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_TOOLS, tools, NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    (void)state;
    assert_true(take_text(m, "Well, [g()] "));
    assert_true(weir_matcher_may_end(m));
    assert_false(take(m, T_CALL_END));
    assert_true(take(m, T_CALL_START));
    assert_false(weir_matcher_may_end(m));
    assert_false(take(m, 'x'));
    assert_true(take_text(m, "[f(a=\"<|tool_call_end|>"));
    assert_false(take(m, T_CALL_END));
    assert_true(take_text(m, "\"), f(a=\"\")]"));
    assert_false(take(m, T_END));
    assert_true(take(m, T_CALL_END));
    assert_true(take_text(m, " text"));
    assert_true(take(m, T_CALL_START));
    assert_true(take_text(m, "[f(a=\"1\")]"));
    assert_true(take(m, T_CALL_END));
    /* Bytes that look like the mark cannot be finished. */
    assert_true(take_text(m, "<|tool_call_start|"));
    assert_false(take(m, '>'));
    assert_true(take(m, T_END));
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

static void test_marks_are_bytes(void **state) {
    weir_grammar_options required = {.is_call_required = true};
    weir_token_tree *tree = make_tree(T_CALL_START);
    weir_grammar *free_text = open_kind(WEIR_GRAMMAR_TOOLS, tools, NULL);
    weir_grammar *calls = open_kind(WEIR_GRAMMAR_TOOLS, tools, &required);
    weir_matcher *m = open_matcher(free_text, tree, false);
    (void)state;
    assert_true(take_text(m, "x <|tool<|tool_call_start|>[f(a=\"b\")]<|tool_call_end|> y"));
    assert_true(weir_matcher_may_end(m));
    assert_true(take_text(m, "<|tool_call_start|>["));
    assert_false(weir_matcher_may_end(m));
    weir_matcher_close(&m);
    m = open_matcher(calls, tree, false);
    assert_int_equal(n_allowed(m), 1);
    assert_true(take_text(m, "<|tool_call_start|>[f(a=\"b\")]<|tool_call_end|>"));
    assert_true(weir_matcher_must_end(m));
    weir_matcher_close(&m);
    weir_grammar_close(&calls);
    weir_grammar_close(&free_text);
    weir_token_tree_close(&tree);
}

/* ---- depth ---------------------------------------------------------------------------------- */

/* As deep as it goes: where no deeper level is allowed, the way back is. */
static void test_depth(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_JSON_OBJECT, "", NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    weir_error err;
    size_t depth = 0;
    bool is_empty = false;
    (void)state;
    while (depth < 5000 && weir_matcher_accept(m, '{', &err) == WEIR_STATUS_OK) {
        depth++;
        is_empty = weir_matcher_accept(m, '"', &err) != WEIR_STATUS_OK;
        if (is_empty)
            break;
        assert_int_equal(weir_matcher_accept(m, T_QUOTE_COLON, &err), WEIR_STATUS_OK);
    }
    assert_in_range(depth, 1000, 4000);
    assert_true(is_empty || take(m, '1'));
    for (; depth > 0; depth--)
        assert_int_equal(weir_matcher_accept(m, '}', &err), WEIR_STATUS_OK);
    assert_true(weir_matcher_must_end(m));
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

/* The same where each level still wants items behind the one that went deeper. */
static void test_depth_of_loops(void **state) {
    static const char wanted[] = "\"],x";
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar =
        open_kind(WEIR_GRAMMAR_JSON_SCHEMA,
                  "{\"type\":\"array\",\"minItems\":3,\"items\":{\"anyOf\":[{\"$ref\":\"#\"},"
                  "{\"type\":\"string\",\"minLength\":2}]}}",
                  NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    size_t depth = 0;
    (void)state;
    while (depth < 5000 && is_allowed(m, '[') && take(m, '['))
        depth++;
    assert_in_range(depth, 500, 4000);
    for (size_t i = 0; !weir_matcher_must_end(m); i++) {
        size_t k = 0;
        while (k < 4 && !is_allowed(m, wanted[k]))
            k++;
        assert_true(k < 4 && i < 100000);
        assert_true(take(m, wanted[k]));
    }
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

static void test_long_tokens(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(
        WEIR_GRAMMAR_JSON_SCHEMA, "{\"type\":\"string\",\"minLength\":6,\"maxLength\":9}", NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    (void)state;
    assert_true(take(m, '"'));
    assert_true(take(m, T_XXXX));
    assert_false(take(m, '"'));
    assert_true(take(m, 'x'));
    assert_true(take(m, T_XXXX));
    assert_false(take(m, T_XXXX));
    assert_false(take(m, 'x'));
    assert_false(take(m, T_BRACES));
    assert_true(take(m, '"'));
    weir_matcher_close(&m);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* A text so long that states are thrown away on the way, beside a matcher that stands still. */
static void test_change_over(void **state) {
    enum { N = 300000 };
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(
        WEIR_GRAMMAR_JSON_SCHEMA,
        "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":300000}}", NULL);
    weir_matcher *m = open_matcher(grammar, tree, false);
    weir_matcher *still = open_matcher(grammar, tree, false);
    weir_error err;
    (void)state;
    assert_true(take_text(m, "[\""));
    assert_true(take_text(still, "[\"a"));
    for (size_t i = 0; i < N - 1; i++)
        assert_int_equal(weir_matcher_accept(m, 'x', &err), WEIR_STATUS_OK);
    assert_true(take(m, 'x'));
    assert_false(take(m, 'x'));
    assert_true(take_text(m, "\", \""));
    assert_true(take_text(still, "b\"]"));
    assert_true(weir_matcher_must_end(still));
    weir_matcher_close(&m);
    weir_matcher_close(&still);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

typedef struct worker {
    const weir_grammar *grammar;
    const weir_token_tree *tree;
    uint64_t seed;
    size_t n_drawn;
} worker;

static void *draw(void *context) {
    worker *w = context;
    weir_matcher *m;
    weir_matcher_options options = {0};
    if (weir_matcher_open(&m, w->grammar, w->tree, &options, NULL) != WEIR_STATUS_OK)
        return NULL;
    for (size_t i = 0; i < 400; i++) {
        const uint32_t *mask;
        if (weir_matcher_mask(m, &mask, NULL) != WEIR_STATUS_OK)
            break;
        int32_t token = (int32_t)(weir_mix64(w->seed, 0, i) % T_COUNT);
        while (!(mask[token / 32] >> (token % 32) & 1u))
            token = (token + 1) % T_COUNT;
        if (weir_matcher_accept(m, token, NULL) != WEIR_STATUS_OK)
            break;
        w->n_drawn++;
    }
    weir_matcher_close(&m);
    return NULL;
}

static void test_threads(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_JSON_OBJECT, "", NULL);
    worker workers[4];
    pthread_t threads[4];
    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        workers[i] = (worker){grammar, tree, i + 1, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, draw, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].n_drawn, 400);
    }
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
}

/* Two vocabularies, one grammar. */
static void test_two_trees(void **state) {
    weir_token_tree *tree = make_tree(T_COUNT), *plain = make_tree(T_CALL_START);
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_TOOLS, tools, NULL);
    weir_matcher *a = open_matcher(grammar, tree, false), *b = open_matcher(grammar, plain, false);
    (void)state;
    assert_true(is_allowed(a, T_CALL_START));
    assert_true(is_allowed(b, '<'));
    assert_true(take_text(b, "<|tool_call_start|>"));
    assert_false(is_allowed(b, 'x'));
    assert_true(take(a, 'x'));
    weir_matcher_close(&a);
    weir_matcher_close(&b);
    weir_grammar_close(&grammar);
    weir_token_tree_close(&tree);
    weir_token_tree_close(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_own_ends),
        cmocka_unit_test(test_no_ends),
        cmocka_unit_test(test_vocabulary_without_a_byte),
        cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_marks_are_tokens),
        cmocka_unit_test(test_marks_are_bytes),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_of_loops),
        cmocka_unit_test(test_long_tokens),
        cmocka_unit_test(test_change_over),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_two_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
