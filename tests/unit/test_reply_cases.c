/*
 * test_reply_cases.c: the cases of tests/data/templates/toolcall_cases.jsonl, in every cut, with
 * marks as text and as tokens; then values one by one: what is written, and the JSON it becomes.
 */
#include "base/file.h"
#include "unit/reply_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define START "<|tool_call_start|>"
#define END   "<|tool_call_end|>"

/* A reply taken apart as the cases have it. */
typedef struct parts {
    reply_log content, reasoning;
    json_t *calls;
} parts;

static void collect(void *context, const weir_reply_event *event) {
    parts *p = context;
    if (event->kind == WEIR_REPLY_CONTENT)
        log_put(&p->content, event->text, event->n);
    if (event->kind == WEIR_REPLY_REASONING)
        log_put(&p->reasoning, event->text, event->n);
    if (event->kind != WEIR_REPLY_CALL)
        return;
    json_error_t error;
    json_t *arguments = json_loadb(event->arguments, event->n_arguments,
                                   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    assert_non_null(arguments);
    json_t *name = json_stringn(event->text, event->n);
    json_array_append_new(p->calls, json_pack("{s:o, s:o}", "name", name, "arguments", arguments));
}

static parts parts_make(void) {
    parts p = {.calls = json_array()};
    log_put(&p.content, "", 0);
    log_put(&p.reasoning, "", 0);
    return p;
}

static void parts_free(parts *p) {
    log_free(&p->content);
    log_free(&p->reasoning);
    json_decref(p->calls);
}

/* 1e3 and 1000 are one number; jansson tells them apart. */
static bool is_equal(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!is_equal(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return true;
    }
    if (json_is_object(a)) {
        if (json_object_size(a) != json_object_size(b))
            return false;
        for (void *at = json_object_iter((json_t *)(uintptr_t)a); at;
             at = json_object_iter_next((json_t *)(uintptr_t)a, at)) {
            const json_t *other = json_object_get(b, json_object_iter_key(at));
            if (!other || !is_equal(json_object_iter_value(at), other))
                return false;
        }
        return true;
    }
    return json_equal(a, b);
}

static bool is_as_expected(const parts *p, const json_t *expected) {
    return strcmp(p->content.text, json_string_value(json_object_get(expected, "content"))) == 0 &&
           strcmp(p->reasoning.text, json_string_value(json_object_get(expected, "reasoning"))) ==
               0 &&
           is_equal(p->calls, json_object_get(expected, "tool_calls"));
}

/* The names that the case expects, declared: what a bare call needs. */
static size_t expected_names(const json_t *expected, const char *names[8]) {
    const json_t *calls = json_object_get(expected, "tool_calls");
    size_t n = json_array_size(calls);
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++)
        names[i] = json_string_value(json_object_get(json_array_get(calls, i), "name"));
    return n;
}

static void run_case(const json_t *one) {
    const char *text = json_string_value(json_object_get(one, "text"));
    const json_t *expected = json_object_get(one, "expected");
    const char *names[8];
    size_t n = strlen(text), n_names = expected_names(expected, names);
    for (int are_tokens = 0; are_tokens < 2; are_tokens++) {
        for (size_t cut = 0; cut <= n; cut++) {
            parts p = parts_make();
            weir_reply_options options = {.tool_names = names,
                                          .n_tool_names = n_names,
                                          .marks_are_tokens = are_tokens,
                                          .on_event = collect,
                                          .context = &p};
            weir_reply *reply = NULL;
            assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
            if (are_tokens) {
                reply_push_tokens(reply, text, n, cut + 1);
            } else {
                reply_push(reply, text, cut);
                reply_push(reply, text + cut, n - cut);
            }
            reply_end(reply);
            if (!is_as_expected(&p, expected)) {
                char *calls = json_dumps(p.calls, JSON_COMPACT);
                fail_msg("%s, cut at %zu: content \"%s\", reasoning \"%s\", calls %s",
                         json_string_value(json_object_get(one, "name")), cut, p.content.text,
                         p.reasoning.text, calls);
            }
            weir_reply_close(&reply);
            parts_free(&p);
        }
    }
}

static void all_cases(void **state) {
    (void)state;
    char *data = NULL, *rest = NULL;
    size_t size = 0, n_cases = 0;
    assert_int_equal(weir_file_read(WEIR_TEST_DATA "/templates/toolcall_cases.jsonl", 1 << 20,
                                    &data, &size, NULL),
                     WEIR_STATUS_OK);
    data = realloc(data, size + 1);
    assert_non_null(data);
    data[size] = '\0';
    for (char *line = strtok_r(data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *one = json_loads(line, 0, NULL);
        assert_non_null(one);
        run_case(one);
        json_decref(one);
        n_cases++;
    }
    assert_int_equal(n_cases, 28);
    free(data);
}

/* What comes out of one block, without warnings. */
static void expect_block(const char *inner, const char *expected) {
    reply_log log = {.no_warnings = true};
    weir_reply *reply = reply_with(&log, (weir_reply_options){.marks_are_tokens = true});
    weir_reply_push_mark(reply, START, strlen(START), NULL);
    reply_push(reply, inner, strlen(inner));
    weir_reply_push_mark(reply, END, strlen(END), NULL);
    reply_end(reply);
    assert_string_equal(log.text, expected);
    weir_reply_close(&reply);
    log_free(&log);
}

/* f(a=written) has the JSON value `json`; NULL: it is no call. */
static void value_becomes(const char *written, const char *json) {
    char inner[1024], expected[sizeof inner + 64];
    snprintf(inner, sizeof inner, "[f(a=%s)]", written);
    if (json)
        snprintf(expected, sizeof expected, "T f {\"a\": %s}", json);
    else
        snprintf(expected, sizeof expected, "C " START "%s" END, inner);
    expect_block(inner, expected);
}

typedef struct value_row {
    const char *written, *json;
} value_row;

static void values_become(const value_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        value_becomes(rows[i].written, rows[i].json);
}

static void numbers(void **state) {
    (void)state;
    static const value_row rows[] = {
        {"0", "0"},
        {"-0", "-0"},
        {"+5", "5"},
        {"007", "7"},
        {"-007", "-7"},
        {"000", "0"},
        {"00.50", "0.50"},
        {"0_7", "7"},
        {"1_000_000", "1000000"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"1e3", "1e3"},
        {"1E+05", "1E+05"},
        {"2.5e-3", "2.5e-3"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"5.", "5.0"},
        {"5.e2", "5.0e2"},
        {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
        {"0xff", "255"},
        {"-0x10", "-16"},
        {"0XdeadBEEF", "3735928559"},
        {"0xffffffffffffffff", "18446744073709551615"},
        {"0o17", "15"},
        {"0b1_01", "5"},
        {"0x1ffffffffffffffff", NULL},
        {"0x", NULL},
        {"0o8", NULL},
        {"1__0", NULL},
        {"1_", NULL},
        {"_1", NULL},
        {"1.2.3", NULL},
        {"10px", NULL},
        {"1j", NULL},
        {"1e", NULL},
        {"1-2", NULL},
        {"1 2", NULL},
        {"-", NULL},
        {".", NULL},
        {"inf", NULL},
        {"-inf", NULL},
        {"nan", NULL},
        {"NaN", NULL},
        {"", NULL},
    };
    values_become(rows, sizeof rows / sizeof *rows);
}

static void strings(void **state) {
    (void)state;
    static const value_row rows[] = {
        {"''", "\"\""},
        {"'a\"b'", "\"a\\\"b\""},
        {"\"it's\"", "\"it's\""},
        {"'\\'\\\"\\\\'", "\"'\\\"\\\\\""},
        {"'\\n\\r\\t\\b\\f'", "\"\\n\\r\\t\\b\\f\""},
        {"'\\a\\v\\x41\\101\\0\\07\\u00e9\\U0001f600'",
         "\"\\u0007\\u000bAA\\u0000\\u0007\xc3\xa9\xf0\x9f\x98\x80\""},
        {"'\\ud83d\\ude00 \\ud83d \\ude00'", "\"\xf0\x9f\x98\x80 \xef\xbf\xbd \xef\xbf\xbd\""},
        {"'\\d\\/\\xg1\\u12\\U00110000\\N{DASH}\\8'",
         "\"\\\\d\\\\/\\\\xg1\\\\u12\\\\U00110000\\\\N{DASH}\\\\8\""},
        {"'a\\\nb'", "\"ab\""},
        {"'a\nb\tc\x01\x7f'", "\"a\\nb\\tc\\u0001\x7f\""},
        {"'\xff\xe2\x82 \xed\xa0\x80'",
         "\"\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"'''a'b\"c\nd'''", "\"a'b\\\"c\\nd\""},
        {"\"\"\"say \"hi\"\"\"\"", "\"say \\\"hi\\\"\""},
        {"''''''", "\"\""},
        {"'a' \"b\"\n'c'", "\"abc\""},
        {"r'\\d+\\n'", "\"\\\\d+\\\\n\""},
        {"b'x'", "\"x\""},
        {"Rb\"\\d\"", "\"\\\\d\""},
        {"f'{x}'", "\"{x}\""},
        {"u'x'", "\"x\""},
        {"x'y'", NULL},
        {"'a", NULL},
        {"'a\\'", NULL},
        {"abc", NULL},
        /* quotes inside */
        {"'sed -n '1,9p' f.py'", "\"sed -n '1,9p' f.py\""},
        {"'it's'", "\"it's\""},
        {"\"say \"hi\" now\"", "\"say \\\"hi\\\" now\""},
        {"'echo 'a', 'b''", "\"echo 'a', 'b'\""},
        {"'f('x')'", "\"f('x')\""},
        {"['it's', 'b']", "[\"it's\", \"b\"]"},
        {"{'k': 'it's', 'l': 'a'b'}", "{\"k\": \"it's\", \"l\": \"a'b\"}"},
        {"'x''", "\"x'\""},
    };
    values_become(rows, sizeof rows / sizeof *rows);
}

static void containers_and_words(void **state) {
    (void)state;
    static const value_row rows[] = {
        {"True", "true"},
        {"false", "false"},
        {"None", "null"},
        {"null", "null"},
        {"TRUE", NULL},
        {"[ ]", "[]"},
        {"[1,[2,],]", "[1, [2]]"},
        {"[,]", NULL},
        {"[1 2]", NULL},
        {"[1)", NULL},
        {"()", "[]"},
        {"(1,)", "[1]"},
        {"(1)", "1"},
        {"((('a'\n'b')))", "\"ab\""},
        {"(1, 'a')", "[1, \"a\"]"},
        {"{1, 2}", "[1, 2]"},
        {"{1}", "[1]"},
        {"{'a',}", "[\"a\"]"},
        {"{}", "{}"},
        {"{ 'a' : 1 , }", "{\"a\": 1}"},
        {"{1: 2, 1.50: 3, -1: 4, True: 5, None: 6, null: 7}",
         "{\"1\": 2, \"1.50\": 3, \"-1\": 4, \"true\": 5, \"null\": 7}"},
        {"{a: 1, b-c: {\"d\": []}}", "{\"a\": 1, \"b-c\": {\"d\": []}}"},
        {"{'z': 1, 'a': 2, 'z': [3, 4]}", "{\"z\": [3, 4], \"a\": 2}"},
        {"{(1, 2): 3}", NULL},
        {"{{}: 3}", NULL},
        {"{'a'}x", NULL},
        {"{'a': }", NULL},
        {"{'a': 1, 'b'}", NULL},
        {"{:1}", NULL},
        {"{,}", NULL},
        {"g()", NULL},
    };
    values_become(rows, sizeof rows / sizeof *rows);
}

static void depth_is_bounded(void **state) {
    (void)state;
    char written[512], json[512];
    memset(written, '[', 127);
    memset(written + 127, ']', 127);
    written[254] = '\0';
    value_becomes(written, written);
    memset(json, '[', 200);
    memset(json + 200, ']', 200);
    json[400] = '\0';
    value_becomes(json, NULL);
}

static void python_calls(void **state) {
    (void)state;
    expect_block("f()", "T f {}");
    expect_block("[ f ( a = 1 , ) , ]", "T f {\"a\": 1}");
    expect_block("[a.b-c_d/e:1(from=1, class='x', x-y=2, \xc3\xa9=3)]",
                 "T a.b-c_d/e:1 {\"from\": 1, \"class\": \"x\", \"x-y\": 2, \"\xc3\xa9\": 3}");
    expect_block("f(\"a\"=1)", "C " START "f(\"a\"=1)" END);
    expect_block("f({'a': 1, 'b': 'it'})", "T f {\"a\": 1, \"b\": \"it\"}");
    expect_block("f(**{'a': 1},)", "T f {\"a\": 1}");
    expect_block("f({'a'})", "C " START "f({'a'})" END);
    expect_block("f({'a': 1}, b=2)", "C " START "f({'a': 1}, b=2)" END);
    expect_block("f('x')", "C " START "f('x')" END);
    expect_block("f(a==1)", "C " START "f(a==1)" END);
    expect_block("f(a=1 b=2)", "C " START "f(a=1 b=2)" END);
    expect_block("f(a=1; g()", "C " START "f(a=1; g()" END);
    expect_block("f(a=1); g()", "T f {\"a\": 1}\nT g {}");
}

static void json_calls(void **state) {
    (void)state;
    expect_block("{\"name\": \"f\", \"arguments\": {\"a\": \"\\/\\u00e9\"}}",
                 "T f {\"a\": \"/\xc3\xa9\"}");
    expect_block("[{\"name\": \"f\"}, g(a=1), {'parameters': {}, 'name': 'h', 'id': [1]}]",
                 "T f {}\nT g {\"a\": 1}\nT h {}");
    expect_block("{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": \\\"x\\\\n\\\"}\"}",
                 "T f {\"a\": \"x\\n\"}");
    expect_block("{\"name\": \"f\", \"arguments\": \" \"}", "T f {}");
    expect_block("{\"name\": \"f\", \"arguments\": null}", "T f {}");
    expect_block("{\"id\": \"1\", \"type\": \"function\", \"function\": {\"name\": \"f\", "
                 "\"arguments\": \"{\\\"n\\\": 12345678901234567890}\"}}",
                 "T f {\"n\": 12345678901234567890}");
    expect_block("{\"function\": \"f\", \"arguments\": {\"a\": 1, \"a\": 2}}", "T f {\"a\": 2}");
    expect_block("{\"name\": \"a \\\"b\\\"\"}", "T a \"b\" {}");
    static const char *const bad[] = {"{\"name\": 1}",
                                      "{\"name\": \"\"}",
                                      "{\"name\": \"a\\nb\"}",
                                      "{\"arguments\": {}}",
                                      "{}",
                                      "{\"name\": \"f\", \"arguments\": [1]}",
                                      "{\"name\": \"f\", \"arguments\": 7}",
                                      "{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1} x\"}",
                                      "{\"name\": \"f\", \"arguments\": \"[1]\"}",
                                      "{\"name\": \"f\", \"arguments\": {\"a\": 1}",
                                      "[\"f()\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "C " START "%s" END, bad[i]);
        expect_block(bad[i], expected);
    }
}

static void repairs_are_told(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"f(a=07)", "W tool call f repaired: leading zeros of a number left out\nT f {\"a\": 7}"},
        {"f(a='it's')", "W tool call f repaired: quotes inside a string taken as part of it\nT f "
                        "{\"a\": \"it's\"}"},
        {"f({'a': 1})",
         "W tool call f repaired: one dict without a name taken as the arguments\nT f {\"a\": 1}"},
        {"f(a=07, a=@), g()",
         "W not a tool call: expected a value at byte 10 of \"f(a=07, a=@), g()\"\nT g {}"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reply_log log = {0};
        weir_reply *reply = reply_with(&log, (weir_reply_options){0});
        reply_push(reply, START, strlen(START));
        reply_push(reply, rows[i][0], strlen(rows[i][0]));
        reply_push(reply, END, strlen(END));
        reply_end(reply);
        assert_string_equal(log.text, rows[i][1]);
        weir_reply_close(&reply);
        log_free(&log);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases),        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),          cmocka_unit_test(containers_and_words),
        cmocka_unit_test(depth_is_bounded), cmocka_unit_test(python_calls),
        cmocka_unit_test(json_calls),       cmocka_unit_test(repairs_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
