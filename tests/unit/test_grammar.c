/*
 * test_grammar.c: GBNF, regular expressions, choices, any JSON object and calls of tools: tables of
 * texts that fit and that do not, expressions against PCRE2 on random texts, what is refused and
 * how it is said, and sizes that must not be expanded.
 */
#include "weir.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static weir_grammar *open_kind(weir_grammar_kind kind, const char *source,
                               const weir_grammar_options *options) {
    weir_grammar *grammar;
    weir_error err;
    if (weir_grammar_open(&grammar, kind, source, strlen(source), options, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", source, err.text);
    return grammar;
}

static bool fits(const weir_grammar *grammar, const char *text) {
    weir_status status = weir_grammar_check(grammar, text, strlen(text), NULL);
    assert_true(status == WEIR_STATUS_OK || status == WEIR_STATUS_FAILED);
    return status == WEIR_STATUS_OK;
}

typedef struct row {
    const char *source;
    const char *good[10], *bad[10]; /* NULL behind the last */
} row;

static void check_rows(weir_grammar_kind kind, const row *rows, size_t n,
                       const weir_grammar_options *options) {
    for (size_t i = 0; i < n; i++) {
        weir_grammar *grammar = open_kind(kind, rows[i].source, options);
        for (const char *const *text = rows[i].good; *text; text++)
            if (!fits(grammar, *text))
                fail_msg("\"%s\" must fit: %s", *text, rows[i].source);
        for (const char *const *text = rows[i].bad; *text; text++)
            if (fits(grammar, *text))
                fail_msg("\"%s\" must not fit: %s", *text, rows[i].source);
        weir_grammar_close(&grammar);
    }
}

typedef struct refusal {
    const char *source;
    weir_status status;
    const char *says;
} refusal;

static void check_refusals(weir_grammar_kind kind, const refusal *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        weir_grammar *grammar;
        weir_error err = {0};
        weir_grammar_options options = {.name = "it"};
        weir_status status = weir_grammar_open(&grammar, kind, rows[i].source,
                                               strlen(rows[i].source), &options, &err);
        if (status != rows[i].status || !strstr(err.text, rows[i].says) ||
            strncmp(err.text, "it: ", 4) != 0)
            fail_msg("%s: %d \"%s\", expected %d \"%s\"", rows[i].source, (int)status, err.text,
                     (int)rows[i].status, rows[i].says);
        assert_null(grammar);
    }
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- GBNF ----------------------------------------------------------------------------------- */

static void test_gbnf(void **state) {
    static const row rows[] = {
        {"root ::= \"a\"", {"a"}, {"", "b", "aa"}},
        {"root ::= \"a\" | \"b\" \"c\"", {"a", "bc"}, {"b", "ac"}},
        {"root ::= [a-c]+ [^0-9]", {"ax", "abc!", "a\xc3\xa9"}, {"a", "d", "a1"}},
        {"root ::= \"x\"{3}", {"xxx"}, {"xx", "xxxx"}},
        {"root ::= \"x\"{2,}", {"xx", "xxxxx"}, {"x"}},
        {"root ::= \"x\"{1,3} \"y\"?", {"x", "xxxy"}, {"", "xxxx", "y"}},
        {"root ::= (\"a\" | \"b\")* \"c\"", {"c", "abac"}, {"", "ab"}},
        {"# head\nroot ::= item+ # tail\nitem ::= \"i\" [0-9] \"\\n\"\n",
         {"i1\n", "i1\ni2\n"},
         {"", "i\n"}},
        {"root ::= \"\\x41\\u00e9\\U0001F600\\\\\\\"\"", {"A\xc3\xa9\xf0\x9f\x98\x80\\\""}, {"A"}},
        {"root ::= [\\x41-\\x43\\]\\[-]{2}", {"AB", "][", "-A"}, {"D", "A"}},
        {"root ::= expr\nexpr ::= term (\"+\" term)*\nterm ::= [0-9]+ | \"(\" expr \")\"",
         {"1", "1+2", "(1+(2))+3"},
         {"", "1+", "(1", "()"}},
        {"root ::= \"a\" (\n  \"b\"\n  | \"c\"\n)", {"ab", "ac"}, {"a", "abc"}},
        {"root ::= \"a\" |\n  \"b\"", {"a", "b"}, {"ab"}},
        {"root ::= . .", {"ab", "\xf0\x9f\x98\x80\xc3\xa9", "\n\n"}, {"a", "abc", "\xff\xff"}},
        {"root ::= \"\" | \"a\"", {"", "a"}, {"b"}},
        {"root ::= list\nlist ::= \"x\" | \"x,\" list", {"x", "x,x,x"}, {"x,", ""}},
        {"root ::= a b\na ::= \"1\"?\nb ::= \"2\"*", {"", "1", "122", "2"}, {"21"}},
        {"root ::= (\"a\"? \"b\"?){2,4}", {"", "a", "abab", "bbbb", "aaaa"}, {"aaaaa", "c"}},
        {"root ::= (\"a\"*)* \"b\"", {"b", "aaab"}, {"a"}},
        {"root-1 ::= \"x\"\nroot ::= root-1 root-1", {"xx"}, {"x"}},
        {"root ::= [^\\n]* \"\\r\\t\"", {"\r\t", "x\r\t"}, {"\n\r\t"}},
        {"root ::= [ \\t\\n]{0,2} \"a\"", {"a", " \na"}, {"   a"}},
    };
    (void)state;
    check_rows(WEIR_GRAMMAR_GBNF, rows, COUNT(rows), NULL);
}

static void test_gbnf_refusals(void **state) {
    static const refusal rows[] = {
        {"", WEIR_STATUS_BAD_ARGUMENT, "root"},
        {"a ::= \"x\"", WEIR_STATUS_BAD_ARGUMENT, "root"},
        {"root ::= b", WEIR_STATUS_BAD_ARGUMENT, "line 1: rule b is not defined"},
        {"root ::= \"a", WEIR_STATUS_BAD_ARGUMENT, "line 1, column"},
        {"root ::= [a", WEIR_STATUS_BAD_ARGUMENT, "class without an end"},
        {"root ::= (\"a\"", WEIR_STATUS_BAD_ARGUMENT, "expected )"},
        {"root ::= \"a\")", WEIR_STATUS_BAD_ARGUMENT, "closing bracket"},
        {"root = \"a\"", WEIR_STATUS_BAD_ARGUMENT, "expected ::="},
        {"root ::= \"a\"\nroot ::= \"b\"", WEIR_STATUS_BAD_ARGUMENT, "defined twice"},
        {"root ::= \"a\"{3,2}", WEIR_STATUS_BAD_ARGUMENT, "m above n"},
        {"root ::= \"a\"{x}", WEIR_STATUS_BAD_ARGUMENT, "number"},
        {"root ::= \"\\q\"", WEIR_STATUS_BAD_ARGUMENT, "escape"},
        {"root ::= [b-a]", WEIR_STATUS_BAD_ARGUMENT, "range"},
        {"root ::= \"\\ud800\"", WEIR_STATUS_BAD_ARGUMENT, "code point"},
        {"root ::= *", WEIR_STATUS_BAD_ARGUMENT, "name of a rule"},
        {"root ::= root \"a\" | \"b\"", WEIR_STATUS_UNSUPPORTED, "rule root begins with itself"},
        {"root ::= a\na ::= b \"x\"\nb ::= \"y\"? a", WEIR_STATUS_UNSUPPORTED, "left recursion"},
        {"root ::= \"a\" root", WEIR_STATUS_BAD_ARGUMENT, "no text fits"},
        {"root ::= []", WEIR_STATUS_BAD_ARGUMENT, "no text fits"},
    };
    (void)state;
    check_refusals(WEIR_GRAMMAR_GBNF, rows, COUNT(rows));
}

/* ---- regular expressions -------------------------------------------------------------------- */

static const char *const expressions[] = {"a",
                                          "ab|cd",
                                          "a*",
                                          "(ab)*c",
                                          "[abc]{2,4}",
                                          "[^ab]+",
                                          "a?b?c?",
                                          "(a|ab)(c|bcd)",
                                          "x{3}",
                                          "(a{1,2}){2,3}",
                                          "\\d+[a-c]",
                                          "\\w{2}",
                                          "\\s?a\\s",
                                          "[\\d.]+",
                                          "a.c",
                                          "^abc$",
                                          "(a|b|)c",
                                          "((a)(b)?)+",
                                          "(a*b*)*",
                                          "(a|b)*abb",
                                          "[a-]+",
                                          "[\\]a]+",
                                          "a{0}b",
                                          "a{2,}",
                                          "(?:ab){0,2}",
                                          "(?<n>a)b",
                                          "a+?b*?",
                                          "\\x61\\u0062",
                                          "\xc3\xa9+|b",
                                          "[\xc3\xa0-\xc3\xbc]a",
                                          "\\.\\*",
                                          "(a?){3}",
                                          "(a|aa){1,3}b",
                                          "[ab]*a[ab]{3}",
                                          "a{,x",
                                          "a{b",
                                          "\\ta",
                                          "()",
                                          "(|a)",
                                          "[^a]|a",
                                          "\\D\\W",
                                          "b{1}"};

static pcre2_code *compile(const char *expression) {
    int code;
    PCRE2_SIZE at;
    char whole[256];
    snprintf(whole, sizeof whole, "\\A(?:%s)\\z", expression);
    pcre2_code *out = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED,
                                    PCRE2_UTF | PCRE2_ALT_BSUX, &code, &at, NULL);
    assert_non_null(out);
    return out;
}

static size_t random_text(char *out, uint64_t seed) {
    static const char *const parts[] = {"a",  "b",        "c", "d", "x", "1", ".", " ",  "\t",
                                        "ab", "\xc3\xa9", "]", "-", "*", "{", ",", "aa", "b"};
    size_t n = 0, n_parts = weir_mix64(seed, 1, 0) % 8;
    for (size_t i = 0; i < n_parts; i++) {
        const char *part = parts[weir_mix64(seed, 2, i) % COUNT(parts)];
        memcpy(out + n, part, strlen(part));
        n += strlen(part);
    }
    return n;
}

static void test_regex_as_pcre2(void **state) {
    size_t n_matches = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(expressions); i++) {
        weir_grammar *grammar = open_kind(WEIR_GRAMMAR_REGEX, expressions[i], NULL);
        pcre2_code *code = compile(expressions[i]);
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
        for (uint64_t k = 0; k < 1500; k++) {
            char text[64];
            size_t n = random_text(text, i * 10000 + k);
            bool is_match = pcre2_match(code, (PCRE2_SPTR)text, n, 0, 0, match, NULL) >= 0;
            bool is_fit = weir_grammar_check(grammar, text, n, NULL) == WEIR_STATUS_OK;
            n_matches += is_match;
            if (is_match != is_fit)
                fail_msg("%s: \"%.*s\": PCRE2 says %d", expressions[i], (int)n, text, is_match);
        }
        pcre2_match_data_free(match);
        pcre2_code_free(code);
        weir_grammar_close(&grammar);
    }
    assert_true(n_matches > 1000);
}

static void test_regex_refusals(void **state) {
    static const refusal rows[] = {
        {"a(?=b)", WEIR_STATUS_UNSUPPORTED, "byte 1 of the expression: look-around"},
        {"(a)\\1", WEIR_STATUS_UNSUPPORTED, "byte 3 of the expression: back-references"},
        {"a\\b", WEIR_STATUS_UNSUPPORTED, "byte 1"},
        {"\\p{L}", WEIR_STATUS_UNSUPPORTED, "byte 0"},
        {"a*+", WEIR_STATUS_UNSUPPORTED, "possessive"},
        {"(?i)a", WEIR_STATUS_UNSUPPORTED, "group"},
        {"a{,3}", WEIR_STATUS_UNSUPPORTED, "{0,n}"},
        {"[]a]", WEIR_STATUS_UNSUPPORTED, "\\]"},
        {"[[:alpha:]]", WEIR_STATUS_UNSUPPORTED, "names"},
        {"a$b", WEIR_STATUS_UNSUPPORTED, "^ and $"},
        {"(a", WEIR_STATUS_BAD_ARGUMENT, "group without an end"},
        {"a)", WEIR_STATUS_BAD_ARGUMENT, "closing bracket"},
        {"[a", WEIR_STATUS_BAD_ARGUMENT, "class without an end"},
        {"**", WEIR_STATUS_BAD_ARGUMENT, "nothing to repeat"},
        {"a{2}{3}*?*", WEIR_STATUS_BAD_ARGUMENT, "nothing to repeat"},
        {"\\", WEIR_STATUS_BAD_ARGUMENT, "backslash"},
        {"\\y", WEIR_STATUS_BAD_ARGUMENT, "escape"},
        {"[z-a]", WEIR_STATUS_BAD_ARGUMENT, "range"},
        {"\xff", WEIR_STATUS_BAD_ARGUMENT, "UTF-8"},
    };
    (void)state;
    check_refusals(WEIR_GRAMMAR_REGEX, rows, COUNT(rows));
}

/* ---- choices and objects -------------------------------------------------------------------- */

static void test_choice(void **state) {
    static const row rows[] = {
        {"[\"yes\", \"no\", \"y\"]", {"yes", "no", "y"}, {"", "ye", "yesno", "n"}},
        {"[\"\", \"\\u00e9\\n\"]", {"", "\xc3\xa9\n"}, {"\xc3"}},
        {"[\"a\", \"a\", \"ab\"]", {"a", "ab"}, {"b"}},
    };
    static const refusal refusals[] = {
        {"[]", WEIR_STATUS_BAD_ARGUMENT, "array of texts"},
        {"[1]", WEIR_STATUS_BAD_ARGUMENT, "#/0"},
        {"\"a\"", WEIR_STATUS_BAD_ARGUMENT, "array of texts"},
        {"[\"a\"", WEIR_STATUS_BAD_ARGUMENT, "byte 4"},
        {"[\"\\ud800\"]", WEIR_STATUS_BAD_ARGUMENT, "surrogate"},
    };
    (void)state;
    check_rows(WEIR_GRAMMAR_CHOICE, rows, COUNT(rows), NULL);
    check_refusals(WEIR_GRAMMAR_CHOICE, refusals, COUNT(refusals));
}

static void test_json_object(void **state) {
    static const row compact[] = {
        {"",
         {"{}", "{\"a\": 1, \"b\":[true,false, null]}", "{\"\":{\"\":{}}}"},
         {"", "[]", "1", "{ }", "{\"a\":  1}", "{a:1}", "{}\n"}}};
    static const row spaced[] = {{"",
                                  {"{}", "{\n  \"a\": 1\n}", "{ \"a\" : [ 1 , 2 ] }",
                                   "{\n\t\"a\": {\n\t\t\"b\": []\n\t}\n}"},
                                  {"{\n\n}", "{\"a\":  1}", "{\"a\" 1}", "{,}"}}};
    weir_grammar_options any_space = {.any_space = true};
    (void)state;
    check_rows(WEIR_GRAMMAR_JSON_OBJECT, compact, 1, NULL);
    check_rows(WEIR_GRAMMAR_JSON_OBJECT, spaced, 1, &any_space);
}

/* ---- tools ---------------------------------------------------------------------------------- */

#define START "<|tool_call_start|>"
#define END   "<|tool_call_end|>"

static const char tools[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":"
    "\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\","
    "\"minimum\":1,\"maximum\":9},\"units\":{\"enum\":[\"c\",\"f\",null]}},\"required\":[\"city\"]}"
    "}},"
    "{\"name\":\"ns.now\"},{\"name\":\"set\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"from\":{\"type\":\"boolean\"},\"v\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}},"
    "\"o\":{\"type\":\"object\"}},\"$defs\":{\"n\":{\"type\":\"number\"}}}}]";

static void test_tools(void **state) {
    static const row free_rows[] = {
        {tools,
         {"", "Hello, [f(1)] < <|tool", START "[ns.now()]" END,
          "It is " START "[get_weather(city=\"Wien\", days=3, units=None)]" END " so.",
          START "[set(from=True, v=[1,2.5], o={\"a\": null, \"b\":[False]})]" END START
                "[ns.now(), ns.now()]" END,
          START "[get_weather(city=\"a\\\"b\\u00e9\")]" END},
         {START, START "[]" END, START "[get_weather()]" END,
          START "[get_weather(days=3, city=\"x\")]" END,
          START "[get_weather(city=\"x\", days=10)]" END, START "[other()]" END, START "[ns.now()",
          START "[get_weather(city='x')]" END}}};
    static const row required_rows[] = {
        {tools,
         {START "[ns.now()]" END, START "[ns.now(), set(), set(from=false)]" END},
         {"", "hello", " " START "[ns.now()]" END, START "[ns.now()]" END " ", "[ns.now()]",
          START "[ns.now()]" END START "[ns.now()]" END}}};
    static const row one_rows[] = {
        {tools,
         {START "[ns.now()]" END, "a" START "[set()]" END "b"},
         {START "[ns.now(), set()]" END, START "[ns.now()]" END START "[ns.now()]" END}}};
    static const char *const names[] = {"set"};
    static const row named_rows[] = {
        {tools,
         {START "[set()]" END},
         {START "[ns.now()]" END, "x", START "[set(), ns.now()]" END}}};
    weir_grammar_options required = {.is_call_required = true}, one = {.is_one_call = true};
    weir_grammar_options named = {.is_call_required = true, .tools = names, .n_tools = 1};
    /* Calls and nothing else, or a text that has the form. */
    static const char form[] = "yes|[0-9]{1,3}";
    static const row form_rows[] = {
        {tools,
         {"yes", "12", START "[ns.now()]" END, START "[set(), ns.now()]" END},
         {"", "no", "1234", "12 " START "[ns.now()]" END, START "[ns.now()]" END "12",
          START "[set(), nothing()]" END}}};
    weir_grammar_options with_form = {
        .form = WEIR_GRAMMAR_REGEX, .form_source = form, .n_form = sizeof form - 1};
    (void)state;
    check_rows(WEIR_GRAMMAR_TOOLS, free_rows, 1, NULL);
    check_rows(WEIR_GRAMMAR_TOOLS, required_rows, 1, &required);
    check_rows(WEIR_GRAMMAR_TOOLS, one_rows, 1, &one);
    check_rows(WEIR_GRAMMAR_TOOLS, named_rows, 1, &named);
    check_rows(WEIR_GRAMMAR_TOOLS, form_rows, 1, &with_form);
}

/* A form is refused like a grammar of its own; tools are none. */
static void test_tools_with_a_bad_form(void **state) {
    static const char one_tool[] = "[{\"name\":\"f\"}]";
    weir_grammar_options options = {.form = WEIR_GRAMMAR_REGEX, .form_source = "((", .n_form = 2};
    weir_grammar *grammar;
    (void)state;
    assert_int_equal(weir_grammar_open(&grammar, WEIR_GRAMMAR_TOOLS, one_tool, sizeof one_tool - 1,
                                       &options, NULL),
                     WEIR_STATUS_BAD_ARGUMENT);
    options = (weir_grammar_options){
        .form = WEIR_GRAMMAR_TOOLS, .form_source = one_tool, .n_form = sizeof one_tool - 1};
    assert_int_equal(weir_grammar_open(&grammar, WEIR_GRAMMAR_TOOLS, one_tool, sizeof one_tool - 1,
                                       &options, NULL),
                     WEIR_STATUS_BAD_ARGUMENT);
}

static void test_tools_refusals(void **state) {
    static const refusal rows[] = {
        {"{}", WEIR_STATUS_BAD_ARGUMENT, "array of tools"},
        {"[]", WEIR_STATUS_BAD_ARGUMENT, "none of the tools"},
        {"[{}]", WEIR_STATUS_BAD_ARGUMENT, "#/0/name"},
        {"[{\"name\":\"a b\"}]", WEIR_STATUS_UNSUPPORTED, "#/0/name"},
        {"[{\"name\":\"f\",\"parameters\":{\"properties\":{\"a b\":{}}}}]", WEIR_STATUS_UNSUPPORTED,
         "#/0/parameters/properties/a b"},
        {"[{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"not\":{\"type\":\"null\"}}}}}]",
         WEIR_STATUS_UNSUPPORTED, "#/0/parameters/properties/a/not"},
        {"[{\"name\":\"f\",\"parameters\":{\"type\":\"string\"}}]", WEIR_STATUS_BAD_ARGUMENT, ""},
    };
    weir_grammar_options required = {.name = "it", .is_call_required = true};
    weir_grammar *grammar;
    weir_error err;
    (void)state;
    check_refusals(WEIR_GRAMMAR_TOOLS, rows, COUNT(rows) - 1);
    /* Without a call that is possible there still is free text; where one is wanted there is none.
     */
    assert_int_equal(weir_grammar_open(&grammar, WEIR_GRAMMAR_TOOLS, rows[6].source,
                                       strlen(rows[6].source), &required, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
}

/* Whatever the grammar takes, weir_reply reads as calls of these names. */
static void count_call(void *context, const weir_reply_event *event) {
    size_t *n = context;
    assert_true(event->kind == WEIR_REPLY_CALL);
    assert_true(event->is_declared);
    ++*n;
}

static void test_tools_read_back(void **state) {
    static const char *const names[] = {"get_weather", "ns.now", "set"};
    static const char *const texts[] = {
        START "[get_weather(city=\"W\\\"\\\\\\n\\u00e9\\ud83d\\ude00, days=)]\", days=3)]" END,
        START "[set(from=False,v=[-1,2.5e3],o={\"a b\":{\"c\":[]}}),ns.now()]" END};
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_TOOLS, tools, NULL);
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t n = 0;
        weir_reply *reply;
        weir_reply_options options = {
            .tool_names = names, .n_tool_names = 3, .on_event = count_call, .context = &n};
        assert_true(fits(grammar, texts[i]));
        assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_push(reply, texts[i], strlen(texts[i]), NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_finish(reply, NULL), WEIR_STATUS_OK);
        assert_int_equal(n, i + 1);
        weir_reply_close(&reply);
    }
    weir_grammar_close(&grammar);
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void test_counts_are_not_expanded(void **state) {
    static const char *const schemas[] = {
        "{\"type\":\"string\",\"maxLength\":10000}",
        "{\"type\":\"string\",\"minLength\":5000000,\"maxLength\":10000000}",
        ("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"maxItems\":100000},"
         "\"maxItems\":100000}")};
    (void)state;
    for (size_t i = 0; i < COUNT(schemas); i++) {
        double start = now_ms();
        weir_grammar *grammar = open_kind(WEIR_GRAMMAR_JSON_SCHEMA, schemas[i], NULL);
        double took = now_ms() - start;
        if (took > 50)
            fail_msg("%s took %.1f ms, expected less than 50", schemas[i], took);
        weir_grammar_close(&grammar);
    }
}

static void test_exact_counts(void **state) {
    enum { N = 10000 };
    static char text[N + 4];
    weir_grammar *grammar =
        open_kind(WEIR_GRAMMAR_JSON_SCHEMA, "{\"type\":\"string\",\"maxLength\":10000}", NULL);
    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = text[N + 1] = '"';
    assert_int_equal(weir_grammar_check(grammar, text, N + 2, NULL), WEIR_STATUS_OK);
    text[N + 1] = 'x';
    text[N + 2] = '"';
    assert_int_equal(weir_grammar_check(grammar, text, N + 3, NULL), WEIR_STATUS_FAILED);
    weir_grammar_close(&grammar);
}

/* Levels of a text: about a thousand are taken, more are not, at no point without a way on. */
static void test_depth(void **state) {
    enum { N = 4000 };
    static char text[2 * N];
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_JSON_SCHEMA, "true", NULL);
    weir_error err;
    (void)state;
    for (size_t n = 500; n <= N; n += N - 500) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        weir_status status = weir_grammar_check(grammar, text, 2 * n, &err);
        assert_int_equal(status, n == 500 ? WEIR_STATUS_OK : WEIR_STATUS_FAILED);
    }
    weir_grammar_close(&grammar);
}

/* Many ways to read a text: the number of places stays small, or bounded. */
static void test_ambiguity(void **state) {
    static const char *const hard[] = {"(a|a)*b", "(a*)*b", "(a|aa)*b", "(a{1,50}){1,50}b",
                                       "((a{0,20}){0,20}){0,20}b"};
    char text[600];
    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < COUNT(hard); i++) {
        weir_grammar *grammar = open_kind(WEIR_GRAMMAR_REGEX, hard[i], NULL);
        text[300] = 'b';
        assert_int_equal(weir_grammar_check(grammar, text, 301, NULL), WEIR_STATUS_OK);
        text[300] = 'a';
        assert_int_equal(weir_grammar_check(grammar, text, 301, NULL), WEIR_STATUS_FAILED);
        weir_grammar_close(&grammar);
    }
}

static void test_large_lists(void **state) {
    enum { N = 5000 };
    char *source = malloc(N * 16), *at = source;
    (void)state;
    assert_non_null(source);
    at += sprintf(at, "{\"enum\":[");
    for (int i = 0; i < N; i++)
        at += sprintf(at, "%s\"name%d\"", i ? "," : "", i * 7);
    sprintf(at, "]}");
    weir_grammar *grammar = open_kind(WEIR_GRAMMAR_JSON_SCHEMA, source, NULL);
    assert_true(fits(grammar, "\"name34993\""));
    assert_false(fits(grammar, "\"name34994\""));
    weir_grammar_close(&grammar);
    free(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gbnf),
        cmocka_unit_test(test_gbnf_refusals),
        cmocka_unit_test(test_regex_as_pcre2),
        cmocka_unit_test(test_regex_refusals),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_json_object),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_tools_refusals),
        cmocka_unit_test(test_tools_with_a_bad_form),
        cmocka_unit_test(test_tools_read_back),
        cmocka_unit_test(test_counts_are_not_expanded),
        cmocka_unit_test(test_exact_counts),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_ambiguity),
        cmocka_unit_test(test_large_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
