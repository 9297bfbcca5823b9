/*
 * test_gen_check.c: every field of a check holds for right answers and refuses wrong ones, saying
 * why; checks that are not understood are errors; the measures of text behind them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/compiler.h"
#include "train/gen_check.h"

/* Single quotation marks stand for double ones in checks. */
typedef struct row {
    const char *check;
    const char *content; /* NULL: "" */
    const char *calls;   /* NULL: none */
    bool holds;
} row;

#define TEXT(fields) "{'kind': 'text', " fields "}"
#define CALL(fields) "{'kind': 'call', 'calls': " fields "}"
#define OSLO         "[{'name': 'weather', 'arguments': {'city': 'Oslo', 'days': 2}}]"
#define TWO \
    "[{'name': 'a', 'arguments': {'x': 1}}, {'name': 'b', 'arguments': {'y': [true, null]}}]"
#define TWO_TURNED \
    "[{'name': 'b', 'arguments': {'y': [true, null]}}, {'name': 'a', 'arguments': {'x': 1}}]"

static const row rows[] = {
    /* equals */
    {TEXT("'equals': 'a b'"), "a b", NULL, true},
    {TEXT("'equals': 'a b'"), "  a \n b\t", NULL, true},
    {TEXT("'equals': 'a b'"), "ab", NULL, false},
    {TEXT("'equals': 'a b'"), "a b.", NULL, false},
    {TEXT("'equals': 'a b'"), "A b", NULL, false},
    {TEXT("'equals': 'a b'"), "a b c", NULL, false},
    {TEXT("'equals': 'a b c'"), "a b", NULL, false},
    {TEXT("'equals': 'a b', 'final_period': true"), "a b.", NULL, true},
    {TEXT("'equals': 'a b.', 'final_period': true"), "a b", NULL, true},
    {TEXT("'equals': 'a b', 'final_period': true"), "a b..", NULL, false},
    {TEXT("'equals': 'a b', 'final_period': true"), "a b!", NULL, false},
    {TEXT("'equals': 'a b', 'ignore_case': true"), "A B", NULL, true},
    {TEXT("'equals': ['x', 'y']"), "y", NULL, true},
    {TEXT("'equals': ['x', 'y']"), "z", NULL, false},
    {TEXT("'equals': 'a'"), NULL, NULL, false},
    {TEXT("'equals': 'a'"), " \n ", NULL, false},
    {TEXT("'equals': 'a'"), "a", "[{'name': 'f', 'arguments': {}}]", false},
    {TEXT("'equals': 'a'"), "a", "[]", true},
    /* contains, words, contains_any, lacks */
    {TEXT("'contains': ['art']"), "The ART of it.", NULL, true},
    {TEXT("'contains': ['art']"), "A party.", NULL, false},
    {TEXT("'contains': ['art']"), "a start", NULL, false},
    {TEXT("'contains': ['art']"), "art's best", NULL, true},
    {TEXT("'contains': ['art', 'best']"), "art only", NULL, false},
    {TEXT("'contains': ['old red']"), "an old red hat", NULL, true},
    {TEXT("'contains': ['old red']"), "an old, red hat", NULL, false},
    {TEXT("'contains': ['7']"), "It is 7.", NULL, true},
    {TEXT("'contains': ['7']"), "It is 17.", NULL, false},
    {TEXT("'contains': ['7']"), "It is 7.5 now", NULL, false},
    {TEXT("'contains': ['7']"), "It is 2.7 now", NULL, false},
    {TEXT("'contains': ['7']"), "It is -7 now", NULL, false},
    {TEXT("'contains': ['7']"), "from 5-7 now", NULL, true},
    {TEXT("'contains': ['-7']"), "It is -7 now", NULL, true},
    {TEXT("'contains': ['5']"), "1, 5, 7", NULL, true},
    {TEXT("'words': ['lamp']"), "Lamps.", NULL, false},
    {TEXT("'contains_any': ['bye', 'see you']"), "Well, see you!", NULL, true},
    {TEXT("'contains_any': ['bye', 'see you']"), "Hello", NULL, false},
    {TEXT("'lacks': ['cat', 'dog']"), "A catfish.", NULL, true},
    {TEXT("'lacks': ['cat', 'dog']"), "No Dog!", NULL, false},
    /* beginnings and ends */
    {TEXT("'starts_with': 'Oh!'"), "Oh! Yes.", NULL, true},
    {TEXT("'starts_with': 'Oh!'"), "oh! Yes.", NULL, false},
    {TEXT("'starts_with': 'Oh!'"), "Well. Oh!", NULL, false},
    {TEXT("'ends_with': 'The end.'"), "So it was. The end.", NULL, true},
    {TEXT("'ends_with': 'The end.'"), "So it was. The end", NULL, false},
    {TEXT("'ends_with': 'The end.'"), "end.", NULL, false},
    /* counts */
    {TEXT("'sentences': 2"), "One is here. Two is there.", NULL, true},
    {TEXT("'sentences': 2"), "One is here.", NULL, false},
    {TEXT("'sentences': 1"), "\"Stop!\" said Tom.", NULL, true},
    {TEXT("'sentences': 2"), "He said, \"Stop.\" Tom ran", NULL, true},
    {TEXT("'sentences': 1"), "What?! no...", NULL, true},
    {TEXT("'sentences': 2"), "What?! No...", NULL, true},
    {TEXT("'sentences': 1"), "It costs 3.5 euros.", NULL, true},
    {TEXT("'sentences': 2"), "1. A cat sits.\n2. A dog runs.", NULL, true},
    {TEXT("'sentences': [2, 3]"), "A. B. C.", NULL, true},
    {TEXT("'sentences': [2, 3]"), "A. B. C. D.", NULL, false},
    {TEXT("'words_exact': 3"), "It is cold.", NULL, true},
    {TEXT("'words_exact': 3"), "It is - cold.", NULL, true},
    {TEXT("'words_exact': 3"), "It is very cold.", NULL, false},
    {TEXT("'max_words': 2"), "a b", NULL, true},
    {TEXT("'max_words': 2"), "a b c", NULL, false},
    {TEXT("'min_words': 2"), "a b", NULL, true},
    {TEXT("'min_words': 2"), "a", NULL, false},
    /* letters */
    {TEXT("'lower_case': true"), "all small, 3.", NULL, true},
    {TEXT("'lower_case': true"), "all Small", NULL, false},
    {TEXT("'upper_case': true"), "ALL BIG, 3.", NULL, true},
    {TEXT("'upper_case': true"), "ALL BiG", NULL, false},
    {TEXT("'no_letter': 'e'"), "It is cold.", NULL, true},
    {TEXT("'no_letter': 'e'"), "It is white.", NULL, false},
    {TEXT("'no_letter': 'e'"), "EVA", NULL, false},
    /* quotes, twice */
    {TEXT("'quoted': true"), "\"It is.\"", NULL, true},
    {TEXT("'quoted': true"), "It is \"so\"", NULL, false},
    {TEXT("'quoted': true"), "\"It\" is \"so\"", NULL, false},
    {TEXT("'quoted': true"), "\"\"", NULL, false},
    {TEXT("'twice': '---'"), "cold\n---\ncold", NULL, true},
    {TEXT("'twice': '---'"), "cold\n---\nwarm", NULL, false},
    {TEXT("'twice': '---'"), "cold\n***\ncold", NULL, false},
    {TEXT("'twice': '---'"), "cold cold", NULL, false},
    {TEXT("'twice': '---'"), "---", NULL, false},
    {TEXT("'twice': ''"), "cold\n\ncold", NULL, true},
    {TEXT("'twice': ''"), "cold\ncold", NULL, false},
    {TEXT("'twice': ''"), "\n\n", NULL, false},
    /* numbers */
    {TEXT("'number': 5"), "2 + 3 = 5.", NULL, true},
    {TEXT("'number': 5"), "5 is 2 + 3", NULL, false},
    {TEXT("'number': 5"), "five", NULL, false},
    {TEXT("'number': 5"), "15", NULL, false},
    {TEXT("'number': -5"), "It is -5 degrees.", NULL, true},
    {TEXT("'number': 5"), "It is -5 degrees.", NULL, false},
    {TEXT("'number': 3"), "7-3", NULL, true},
    {TEXT("'number': 2.25"), "2.25", NULL, true},
    {TEXT("'number': 2.25"), "2.5", NULL, false},
    {TEXT("'number': 5"), "No. 5, I think", NULL, true},
    /* lists */
    {TEXT("'list_items': 2"), "1. a\n2. b", NULL, true},
    {TEXT("'list_items': 2"), "- a\n- b", NULL, true},
    {TEXT("'list_items': 2"), "1. a\n3. b", NULL, false},
    {TEXT("'list_items': 2"), "- a\n\n- b", NULL, false},
    {TEXT("'list_items': 2"), "Here:\n- a\n- b", NULL, false},
    {TEXT("'list_items': 2"), "- a", NULL, false},
    {TEXT("'list_items': 1"), "-", NULL, false},
    {TEXT("'list_items': 2, 'list_style': 'dash'"), "1. a\n2. b", NULL, false},
    {TEXT("'list_items': 2, 'list_style': 'number'"), "- a\n- b", NULL, false},
    {TEXT("'list_items': 2, 'items': ['a', 'b']"), "- a\n- b", NULL, true},
    {TEXT("'list_items': 2, 'items': ['a', 'b']"), "- b\n- a", NULL, false},
    {TEXT("'items': ['a', 'b', 'c']"), "a, b, c", NULL, true},
    {TEXT("'items': ['a', 'b', 'c']"), "a, b and c", NULL, true},
    {TEXT("'items': ['a', 'b', 'c']"), "a, b, and c", NULL, true},
    {TEXT("'items': ['a', 'b', 'c']"), "a, b", NULL, false},
    {TEXT("'items': ['a', 'b', 'c']"), "a, b, c, d", NULL, false},
    {TEXT("'items': ['a', 'b', 'c']"), "A, B, C", NULL, false},
    {TEXT("'items': ['a', 'b', 'c'], 'ignore_case': true"), "A, B, C", NULL, true},
    {TEXT("'items': ['a', 'b', 'c'], 'final_period': true"), "a, b, c.", NULL, true},
    {TEXT("'n_items': 3"), "a, b and c", NULL, true},
    {TEXT("'n_items': 3"), "a, b", NULL, false},
    {TEXT("'items_from': ['red', 'blue', 'green'], 'n_items': 2"), "Blue, red", NULL, true},
    {TEXT("'items_from': ['red', 'blue', 'green'], 'n_items': 2"), "blue, blue", NULL, false},
    {TEXT("'items_from': ['red', 'blue', 'green'], 'n_items': 2"), "blue, pink", NULL, false},
    /* JSON */
    {TEXT("'json_keys': ['a', 'b']"), "{\"b\": 1, \"a\": 2}", NULL, true},
    {TEXT("'json_keys': ['a', 'b']"), "{\"a\": 2}", NULL, false},
    {TEXT("'json_keys': ['a', 'b']"), "{\"a\": 2, \"b\": 1, \"c\": 0}", NULL, false},
    {TEXT("'json_keys': ['a']"), "[\"a\"]", NULL, false},
    {TEXT("'json_keys': ['a']"), "{\"a\": 2} or so", NULL, false},
    {TEXT("'json_keys': ['a']"), "{\"a\": 2, \"a\": 2}", NULL, false},
    {TEXT("'json_equals': {'a': 2, 'b': [1, 'x']}"), "{\"b\":[1,\"x\"],\"a\":2.0}", NULL, true},
    {TEXT("'json_equals': {'a': 2}"), "{\"a\": \"2\"}", NULL, false},
    {TEXT("'json_equals': {'a': true}"), "{\"a\": 1}", NULL, false},
    {TEXT("'json_equals': {'a': [1, 2]}"), "{\"a\": [2, 1]}", NULL, false},
    {TEXT("'json_equals': {'a': {}}"), "{\"a\": {\"b\": 1}}", NULL, false},
    /* stories */
    {"{'kind': 'story', 'hero': 'Tom'}", "One day Tom ran.", NULL, true},
    {"{'kind': 'story', 'hero': 'Tom'}", "One day Anna ran. Tomato soup!", NULL, false},
    {"{'kind': 'story', 'hero': ['Tom', 'mouse']}", "Tom ran. It. Ran. The mouse slept.", NULL,
     true},
    {"{'kind': 'story', 'hero': ['Tom', 'mouse']}", "Tom ran. It. Ran. And slept.", NULL, false},
    {"{'kind': 'story', 'hero': ['Tom', 'mouse']}", "It. Ran. Tom ran. It slept.", NULL, false},
    {"{'kind': 'story', 'ending': 'happy'}", "He was sad. Then he laughed. Good.", NULL, true},
    {"{'kind': 'story', 'ending': 'happy'}", "He laughed. Then he was sad. Ah.", NULL, false},
    {"{'kind': 'story', 'ending': 'sad'}", "He laughed. Then he was sad. Ah.", NULL, true},
    {"{'kind': 'story', 'ending': 'happy'}", "He laughed. A. B. C.", NULL, false},
    /* answers beside tools */
    {"{'kind': 'answer', 'contains': ['7'], 'no_calls': true}", "At 7 degrees.", NULL, true},
    {"{'kind': 'answer', 'contains': ['7'], 'no_calls': true}", "At 7 degrees.", OSLO, false},
    /* calls */
    {CALL(OSLO), NULL, OSLO, true},
    {CALL(OSLO), "", "[{'name': 'weather', 'arguments': {'days': 2.0, 'city': 'Oslo'}}]", true},
    {CALL(OSLO), NULL, NULL, false},
    {CALL(OSLO), NULL, "[]", false},
    {CALL(OSLO), NULL, "{}", false},
    {CALL(OSLO), NULL, "no JSON", false},
    {CALL(OSLO), NULL, "[{'name': 'Weather', 'arguments': {'city': 'Oslo', 'days': 2}}]", false},
    {CALL(OSLO), NULL, "[{'name': 'weather', 'arguments': {'city': 'oslo', 'days': 2}}]", false},
    {CALL(OSLO), NULL, "[{'name': 'weather', 'arguments': {'city': 'Oslo', 'days': '2'}}]", false},
    {CALL(OSLO), NULL, "[{'name': 'weather', 'arguments': {'city': 'Oslo'}}]", false},
    {CALL(OSLO), NULL, "[{'name': 'weather', 'arguments': {'city': 'Oslo', 'days': 2, 'x': 1}}]",
     false},
    {CALL(OSLO), NULL, "[{'name': 'weather', 'arguments': '{}'}]", false},
    {CALL(OSLO), NULL, "[{'arguments': {'city': 'Oslo', 'days': 2}}]", false},
    {CALL(OSLO), "Let me see.", OSLO, false},
    {CALL(OSLO ", 'with_text': true"), "Let me see.", OSLO, true},
    {CALL(TWO), NULL, TWO, true},
    {CALL(TWO), NULL, TWO_TURNED, false},
    {CALL(TWO ", 'any_order': true"), NULL, TWO_TURNED, true},
    {CALL(TWO ", 'any_order': true"), NULL,
     "[{'name': 'a', 'arguments': {'x': 1}}, {'name': 'a', 'arguments': {'x': 1}}]", false},
    {CALL("[]"), NULL, NULL, true},
    /* nothing to check */
    {"null", "anything", OSLO, true},
};

/* With ' for ". */
static void requote(char *out, size_t cap, const char *text) {
    size_t n = strlen(text);
    assert_true(n < cap);
    for (size_t i = 0; i <= n; i++)
        out[i] = text[i] == '\'' ? '"' : text[i];
}

static void rows_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        char text[512], calls[512], why[128];
        requote(text, sizeof text, rows[i].check);
        requote(calls, sizeof calls, rows[i].calls ? rows[i].calls : "");
        json_t *check = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(check);
        weir_gen_answer answer = {rows[i].content, rows[i].calls ? calls : NULL};
        bool holds;
        weir_error err;
        if (weir_gen_check_answer(check, &answer, &holds, why, sizeof why, &err) != WEIR_STATUS_OK)
            fail_msg("row %zu: %s", i, err.text);
        if (holds != rows[i].holds)
            fail_msg("row %zu: %s, \"%s\": %s", i, text, rows[i].content ? rows[i].content : "",
                     holds ? "holds" : why);
        assert_int_equal(why[0] == 0, holds);
        assert_null(strchr(why, '\n'));
        json_decref(check);
    }
}

static void bad_checks_are_errors(void **state) {
    (void)state;
    static const char *const checks[] = {
        "[]",
        "{}",
        "{'kind': 'riddle'}",
        "{'kind': 'text', 'colour': 'red'}",
        "{'kind': 'text', 'equals': 3}",
        "{'kind': 'text', 'equals': []}",
        "{'kind': 'text', 'contains': 'a'}",
        "{'kind': 'text', 'contains': [1]}",
        "{'kind': 'text', 'sentences': -1}",
        "{'kind': 'text', 'sentences': [1]}",
        "{'kind': 'text', 'words_exact': 1.5}",
        "{'kind': 'text', 'lower_case': false}",
        "{'kind': 'text', 'no_letter': 'ab'}",
        "{'kind': 'text', 'number': '5'}",
        "{'kind': 'text', 'list_style': 'star'}",
        "{'kind': 'story', 'ending': 'funny'}",
        "{'kind': 'story', 'ending': ''}",
        "{'kind': 'story', 'ending': 'happy sad'}",
        "{'kind': 'call'}",
        "{'kind': 'call', 'calls': [{'name': 'a'}]}",
        "{'kind': 'text', 'calls': []}",
    };
    for (size_t i = 0; i < WEIR_COUNT(checks); i++) {
        char text[256], why[128];
        requote(text, sizeof text, checks[i]);
        json_t *check = json_loads(text, 0, NULL);
        assert_non_null(check);
        weir_gen_answer answer = {"red", NULL};
        bool holds;
        weir_error err = {0};
        if (weir_gen_check_answer(check, &answer, &holds, why, sizeof why, &err) !=
            WEIR_STATUS_BAD_ARGUMENT)
            fail_msg("%s is taken", text);
        assert_true(err.text[0] != 0);
        json_decref(check);
    }
}

static void samples_name_their_turns(void **state) {
    (void)state;
    static const char sample[] = "{\"check\":[null,{\"kind\":\"text\",\"equals\":\"a\"}]}";
    weir_gen_answer right = {"a", NULL}, wrong = {"b", NULL};
    bool holds;
    char why[8];
    weir_error err;
    assert_int_equal(
        weir_gen_check(sample, strlen(sample), 0, &wrong, &holds, why, sizeof why, &err),
        WEIR_STATUS_OK);
    assert_true(holds);
    assert_int_equal(
        weir_gen_check(sample, strlen(sample), 1, &right, &holds, why, sizeof why, &err),
        WEIR_STATUS_OK);
    assert_true(holds);
    assert_int_equal(
        weir_gen_check(sample, strlen(sample), 1, &wrong, &holds, why, sizeof why, &err),
        WEIR_STATUS_OK);
    assert_false(holds);
    assert_int_equal(strlen(why), sizeof why - 1); /* cut, and ended */
    assert_int_equal(weir_gen_check(sample, strlen(sample), 1, &wrong, &holds, NULL, 0, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(
        weir_gen_check(sample, strlen(sample), 2, &right, &holds, why, sizeof why, &err),
        WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_gen_check("{", 1, 0, &right, &holds, why, sizeof why, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_gen_check("[]", 2, 0, &right, &holds, why, sizeof why, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
}

static void sentences_begin_where_others_end(void **state) {
    (void)state;
    static const char text[] = "\"No!\" he said. Then, 3.5 days later, he came... And?";
    assert_int_equal(weir_gen_count_sentences(text), 3);
    assert_string_equal(weir_gen_sentence_at(text, 1), "Then, 3.5 days later, he came... And?");
    assert_string_equal(weir_gen_sentence_at(text, 2), "And?");
    assert_string_equal(weir_gen_sentence_at(text, 3), "");
    assert_string_equal(weir_gen_sentence_at(text, 9), "");
    assert_int_equal(weir_gen_count_sentences(""), 0);
    assert_int_equal(weir_gen_count_sentences("... !"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold),
        cmocka_unit_test(bad_checks_are_errors),
        cmocka_unit_test(samples_name_their_turns),
        cmocka_unit_test(sentences_begin_where_others_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
