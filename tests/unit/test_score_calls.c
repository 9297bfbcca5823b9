/* test_score_calls.c: calls against accepted values, by the rules of BFCL's checker. */
#include "score_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two functions, f with an argument of every type. */
static const char functions[] =
    "[{\"name\": \"f\", \"parameters\": {\"type\": \"dict\", \"required\": [], \"properties\": {"
    "\"s\": {\"type\": \"string\"}, \"i\": {\"type\": \"integer\"}, \"x\": {\"type\": \"float\"},"
    "\"b\": {\"type\": \"boolean\"}, \"any\": {\"type\": \"any\"},"
    "\"l\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}},"
    "\"t\": {\"type\": \"tuple\", \"items\": {\"type\": \"float\"}},"
    "\"d\": {\"type\": \"dict\"}, \"ll\": {\"type\": \"array\", \"items\": {\"type\": \"array\"}},"
    "\"ld\": {\"type\": \"array\", \"items\": {\"type\": \"dict\"}}}}},"
    "{\"name\": \"g.h\", \"parameters\": {\"type\": \"dict\", \"required\": [\"a\"],"
    "\"properties\": {\"a\": {\"type\": \"string\"}, \"o\": {\"type\": \"integer\"}}}}]";

typedef struct value_case {
    const char *argument, *accepted, *value; /* JSON */
    bool is_right;
} value_case;

static const value_case values[] = {
    {"s", "[\"April 1, 2024\"]", "\"april 1 2024\"", true},
    {"s", "[\"April 1, 2024\"]", "\"April 1, 2025\"", false},
    {"s", "[\"a'b\"]", "\"A\\\"B\"", true},
    {"s", "[\"x\", \"y_z\"]", "\"Y-Z\"", true},
    {"s", "[\"a;b\"]", "\"ab\"", false},
    {"s", "[\"5\"]", "5", false},
    {"s", "[\"\xc3\x84\"]", "\"\xc3\x84\"", true},
    {"s", "[\"CAF\xc3\x89\"]", "\"caf\xc3\xa9\"", true}, /* small letters of every script */
    {"s", "[\"\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0\"]",
     "\"\xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0\"", true},
    {"s", "[\"\xc3\x89\"]", "\"e\"", false},
    {"s", "[\"\"]", "\"\"", true},
    {"i", "[5]", "5", true},
    {"i", "[5]", "5.0", false},
    {"i", "[5]", "\"5\"", false},
    {"i", "[5, 6]", "6", true},
    {"i", "[1]", "true", false},
    {"i", "[\"five\"]", "\"five\"", true}, /* a variable */
    {"i", "[\"five\"]", "\"Five\"", false},
    {"x", "[5]", "5", true},
    {"x", "[5.0]", "5", true},
    {"x", "[5]", "5.0", true},
    {"x", "[0.1]", "0.1", true},
    {"x", "[0.1]", "0.11", false},
    {"b", "[true]", "true", true},
    {"b", "[true]", "false", false},
    {"b", "[true]", "1", false},
    {"b", "[true]", "\"true\"", false},
    {"any", "[3]", "3", true},
    {"any", "[3]", "4", false},
    {"any", "[\"a b\"]", "\"AB\"", true},
    {"l", "[[\"A b\", \"c\"]]", "[\"ab\", \"C\"]", true},
    {"l", "[[\"a\", \"c\"]]", "[\"c\", \"a\"]", false},
    {"l", "[[\"a\"], [\"b\"]]", "[\"b\"]", true},
    {"l", "[[\"a\"]]", "[\"a\", \"a\"]", false},
    {"l", "[[\"a\"]]", "[1]", false},
    {"l", "[[\"a\"]]", "\"a\"", false},
    {"l", "[[\"a\"], \"\"]", "[]", true}, /* as the published checker has it */
    {"l", "[[\"a\"]]", "[]", false},
    {"t", "[[1.5, 2.5]]", "[1.5, 2.5]", true},
    {"t", "[[1, 2]]", "[1, 2]", true},
    {"t", "[[1.5, 2.5]]", "[1, 2]", false},
    {"ll", "[[[1, 2], [3]]]", "[[1, 2], [3]]", true},
    {"ll", "[[[1, 2], [3]]]", "[[1, 2], [4]]", false},
    {"d", "[{\"k\": [\"V w\"], \"o\": [1, \"\"]}]", "{\"k\": \"vw\"}", true},
    {"d", "[{\"k\": [\"V w\"], \"o\": [1, \"\"]}]", "{\"k\": \"vw\", \"o\": 1}", true},
    {"d", "[{\"k\": [\"V w\"], \"o\": [1, \"\"]}]", "{\"k\": \"vw\", \"o\": 2}", false},
    {"d", "[{\"k\": [\"v\"]}]", "{}", false},
    {"d", "[{\"k\": [\"v\"]}]", "{\"k\": \"v\", \"z\": 1}", false},
    {"d", "[{\"k\": [\"v\"]}, {\"z\": [1]}]", "{\"z\": 1}", true},
    {"d", "[{\"k\": [[1, 2]]}]", "{\"k\": [1, 2]}", true},
    {"d", "[{\"k\": [\"v\"]}]", "[]", false},
    {"ld", "[[{\"k\": [1]}, {\"k\": [2]}]]", "[{\"k\": 1}, {\"k\": 2}]", true},
    {"ld", "[[{\"k\": [1]}, {\"k\": [2]}]]", "[{\"k\": 2}, {\"k\": 1}]", false},
    {"ld", "[[{\"k\": [1]}]]", "[{\"k\": 1}, {\"k\": 1}]", false},
    {"s", "[\"a\"]", "null", false},
};

static json_t *json(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value)
        fail_msg("no JSON: %s", text);
    return value;
}

static bool check(weir_calls_rule rule, const char *truth_text, const char *calls_text,
                  weir_status expected) {
    json_t *f = json(functions), *truth = json(truth_text), *calls = json(calls_text);
    char why[WEIR_CALLS_WHY];
    bool is_right = false;
    weir_error err = {0};
    assert_int_equal(weir_calls_check(&is_right, why, rule, f, truth, calls, &err), expected);
    if (expected == WEIR_STATUS_OK)
        assert_int_equal(why[0] != 0, !is_right);
    json_decref(f);
    json_decref(truth);
    json_decref(calls);
    return is_right;
}

static void test_values(void **state) {
    char truth[256], calls[256];
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const value_case *c = &values[i];
        snprintf(truth, sizeof truth, "[{\"f\": {\"%s\": %s}}]", c->argument, c->accepted);
        snprintf(calls, sizeof calls, "[{\"name\": \"f\", \"arguments\": {\"%s\": %s}}]",
                 c->argument, c->value);
        if (check(WEIR_CALLS_ONE, truth, calls, WEIR_STATUS_OK) != c->is_right)
            fail_msg("%s: %s for %s", c->argument, c->value, c->accepted);
    }
}

#define F(arguments)  "{\"name\": \"f\", \"arguments\": {" arguments "}}"
#define GH(arguments) "{\"name\": \"g.h\", \"arguments\": {" arguments "}}"

static void test_rules(void **state) {
    static const char f1[] = "[{\"f\": {\"i\": [1]}}]";
    static const char two[] = "[{\"f\": {\"i\": [1]}}, {\"f\": {\"i\": [1, 2]}}]";
    static const char gh[] = "[{\"g.h\": {\"a\": [\"x\"], \"o\": [\"\", 3]}}]";
    static const struct {
        weir_calls_rule rule;
        const char *truth, *calls;
        bool is_right;
    } cases[] = {
        {WEIR_CALLS_ONE, f1, "[" F("\"i\": 1") "]", true},
        {WEIR_CALLS_ONE, f1, "[]", false},
        {WEIR_CALLS_ONE, f1, "[" F("\"i\": 1") ", " F("\"i\": 1") "]", false},
        {WEIR_CALLS_ONE, f1, "[" GH("\"i\": 1") "]", false},
        {WEIR_CALLS_ONE, f1, "[" F("") "]", false},
        {WEIR_CALLS_ONE, f1, "[" F("\"i\": 1, \"s\": \"x\"") "]", false},
        {WEIR_CALLS_ONE, f1, "[" F("\"i\": 1, \"zz\": 1") "]", false},
        {WEIR_CALLS_CHOSEN, gh, "[" GH("\"a\": \"X\"") "]", true},
        {WEIR_CALLS_CHOSEN, gh, "[" GH("\"a\": \"X\", \"o\": 3") "]", true},
        {WEIR_CALLS_CHOSEN, gh, "[" GH("\"a\": \"X\", \"o\": 4") "]", false},
        {WEIR_CALLS_CHOSEN, gh, "[" GH("\"o\": 3") "]", false},
        {WEIR_CALLS_CHOSEN, gh, "[{\"name\": \"g_h\", \"arguments\": {\"a\": \"x\"}}]", false},
        {WEIR_CALLS_CHOSEN, gh, "[{\"name\": \"g.h\"}]", false},
        {WEIR_CALLS_CHOSEN, gh, "[{}]", false},
        {WEIR_CALLS_ONE, "[{\"f\": {\"i\": [\"\", 1]}}]", "[" F("") "]", true},
        /* what could not be read is no call without arguments */
        {WEIR_CALLS_ONE, "[{\"f\": {\"i\": [\"\", 1]}}]",
         "[{\"name\": \"f\", \"arguments\": null}]", false},
        {WEIR_CALLS_ONE, "[{\"f\": {\"i\": [\"\", 1]}}]",
         "[{\"name\": \"f\", \"arguments\": \"{}\"}]", false},
        {WEIR_CALLS_CHOSEN, gh, "[7]", false},
        {WEIR_CALLS_PARALLEL, two, "[" F("\"i\": 1") ", " F("\"i\": 2") "]", true},
        {WEIR_CALLS_PARALLEL, two, "[" F("\"i\": 2") ", " F("\"i\": 1") "]", true},
        {WEIR_CALLS_PARALLEL, two, "[" F("\"i\": 2") ", " F("\"i\": 2") "]", false},
        {WEIR_CALLS_PARALLEL, two, "[" F("\"i\": 1") "]", false},
        {WEIR_CALLS_NONE, "null", "[]", true},
        {WEIR_CALLS_NONE, "null", "[" F("") "]", false},
        {WEIR_CALLS_ANY, "null", "[" F("") "]", true},
        {WEIR_CALLS_ANY, "null", "[]", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (check(cases[i].rule, cases[i].truth, cases[i].calls, WEIR_STATUS_OK) !=
            cases[i].is_right)
            fail_msg("case %zu: %s", i, cases[i].calls);
}

/* What is wrong with the data is no answer's fault. */
static void test_bad_data(void **state) {
    static const char *const bad[] = {
        "[]", "null", "[{\"nobody\": {}}]", "[{\"g.h\": 7}]", "[{\"g.h\": {\"a\": \"x\"}}]", "[7]"};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        check(WEIR_CALLS_CHOSEN, bad[i], "[" GH("\"a\": \"x\"") "]", WEIR_STATUS_BAD_FILE);
}

static void test_categories(void **state) {
    static const struct {
        const char *name;
        weir_calls_rule rule;
    } good[] = {
        {"simple", WEIR_CALLS_ONE},
        {"simple_python", WEIR_CALLS_ONE},
        {"live_simple", WEIR_CALLS_ONE},
        {"multiple", WEIR_CALLS_CHOSEN},
        {"live_multiple", WEIR_CALLS_CHOSEN},
        {"parallel", WEIR_CALLS_PARALLEL},
        {"live_parallel_multiple", WEIR_CALLS_PARALLEL},
        {"irrelevance", WEIR_CALLS_NONE},
        {"live_irrelevance", WEIR_CALLS_NONE},
        {"live_relevance", WEIR_CALLS_ANY},
    };
    static const char *const bad[] = {"simple_java",
                                      "simple_javascript",
                                      "multi_turn_base",
                                      "memory",
                                      "web_search",
                                      "exec_simple",
                                      "rest",
                                      "",
                                      "poem"};
    weir_calls_rule rule;
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(weir_calls_rule_of(&rule, good[i].name, NULL), WEIR_STATUS_OK);
        assert_int_equal(rule, good[i].rule);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(weir_calls_rule_of(&rule, bad[i], NULL), WEIR_STATUS_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bad_data),
        cmocka_unit_test(test_categories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
