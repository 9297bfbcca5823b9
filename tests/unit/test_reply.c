/*
 * test_reply.c: the stream of a reply: content, reasoning, blocks, echoes, calls without marks.
 * Each text is given whole, cut once at every place, byte by byte and at random places; the events
 * must be the ones that stand here.
 */
#include "base/random.h"
#include "unit/reply_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define START "<|tool_call_start|>"
#define END   "<|tool_call_end|>"

static const char *const declared[] = {"g", "f", "get_time", "get_time_zone"};
static const weir_reply_options plain = {0};
static const weir_reply_options with_names = {.tool_names = declared, .n_tool_names = 4};
static const weir_reply_options reasoning = {.starts_in_reasoning = true};

static const char warned_echo[] = "W tool call block written once more without its marks dropped";
static const char warned_empty[] = "W empty tool call block dropped";
static const char warned_bare[] =
    "W tool call without its marks: read as one, its name is declared";
static const char warned_end[] = "W tool call block without an end mark: read as if it were there";
static const char warned_stray[] = "W end mark of a tool call without a start mark dropped";

static void expect_cut(weir_reply *reply, reply_log *log, const char *text, const char *expected,
                       size_t n_pieces, const size_t *cuts) {
    size_t n = strlen(text), begin = 0;
    log_clear(log);
    for (size_t i = 0; i < n_pieces; i++) {
        reply_push(reply, text + begin, cuts[i] - begin);
        begin = cuts[i];
    }
    reply_push(reply, text + begin, n - begin);
    reply_end(reply);
    assert_string_equal(log->text, expected);
}

static void expect_bytewise(weir_reply *reply, reply_log *log, const char *text,
                            const char *expected) {
    log_clear(log);
    for (size_t i = 0; text[i]; i++)
        reply_push(reply, text + i, 1);
    reply_end(reply);
    assert_string_equal(log->text, expected);
}

static int compare_sizes(const void *a, const void *b) {
    const size_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Warnings are compared only where expected has any. */
static void expect(const weir_reply_options *options, const char *text, const char *expected) {
    reply_log log = {0};
    log.no_warnings = strncmp(expected, "W ", 2) != 0 && strstr(expected, "\nW ") == NULL;
    weir_reply *reply = reply_with(&log, *options);
    size_t n = strlen(text);
    for (size_t cut = 0; cut <= n; cut++)
        expect_cut(reply, &log, text, expected, 1, &cut);
    for (uint64_t round = 0; round < 20; round++) {
        size_t cuts[5];
        for (size_t i = 0; i < 5; i++)
            cuts[i] = (size_t)(weir_mix64(round, i, n) % (n + 1));
        qsort(cuts, 5, sizeof *cuts, compare_sizes);
        expect_cut(reply, &log, text, expected, 5, cuts);
    }
    expect_bytewise(reply, &log, text, expected);
    weir_reply_close(&reply);
    log_free(&log);
}

static void expect_tokens(weir_reply_options options, const char *text, const char *expected) {
    reply_log log = {0};
    log.no_warnings = true;
    options.marks_are_tokens = true;
    weir_reply *reply = reply_with(&log, options);
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        log_clear(&log);
        reply_push_tokens(reply, text, strlen(text), piece);
        reply_end(reply);
        assert_string_equal(log.text, expected);
    }
    weir_reply_close(&reply);
    log_free(&log);
}

static void content_passes(void **state) {
    (void)state;
    expect(&plain, "", "");
    expect(&plain, "Hello, <world>!\n", "C Hello, <world>!\n");
    expect(&plain, " \n", "C  \n");
    expect(&plain, "a < b <| c <|tool_call_ d <<|tool_call_start",
           "C a < b <| c <|tool_call_ d "
           "<<|tool_call_start");
    expect(&plain, "[get_time(city='x')]", "C [get_time(city='x')]");
    expect(&plain, "x " END " y", "C x " END " y");
    expect(&plain, END, "C " END);
}

static void reasoning_is_told_apart(void **state) {
    (void)state;
    expect(&plain, "<think>\na < b </thin\n</think>\n\nx", "R \na < b </thin\n\nC \n\nx");
    expect(&plain, " \n<think>a</think>", "R a");
    expect(&plain, "<think>a</think>\n", "R a");
    expect(&plain, "<think></think>x", "C x");
    expect(&plain, "<think>a", "R a");
    expect(&plain, "<think>a</thin", "R a</thin");
    expect(&plain, "<thin>x", "C <thin>x");
    expect(&plain, "<think", "C <think");
    expect(&plain, "x<think>a</think>", "C x<think>a</think>");
    expect(&plain, "<think>a</think><think>b</think>", "R a\nC <think>b</think>");
    expect(&plain, "<think>" START "[f(a=1)]" END "</think>" START "[g()]" END,
           "R " START "[f(a=1)]" END "\nT g {}");
    expect(&plain, "<think>a</th" START "[f(a=1)]", "R a</th" START "[f(a=1)]");
    expect(&reasoning, "a</think>b", "R a\nC b");
    expect(&reasoning, "</think>b", "C b");
    expect(&reasoning, " a<think>", "R  a<think>");
    expect(&reasoning, "\n<think>a</think>b", "R a\nC b");
    expect(&reasoning, "<thin", "R <thin");
    expect(&reasoning, " ", "R  ");
    expect(&reasoning, "\n" START "[f()]" END "</think>", "R \n" START "[f()]" END);
}

static void blocks_become_calls(void **state) {
    (void)state;
    expect(&plain, "A.\n" START "[f(a=1), g(b='x')]" END "\nB.",
           "C A.\n\nT f {\"a\": 1}\nT g {\"b\": \"x\"}\nC \nB.");
    expect(&plain, " " START "[f()]" END "\n" START "[g()]" END "\n", "T f {}\nT g {}");
    expect(&plain, START "f(a=1)" END, "T f {\"a\": 1}");
    expect(&plain, START "f(a=1)\ng(b=2)" END, "T f {\"a\": 1}\nT g {\"b\": 2}");
    expect(&plain, START "[f(a=1)][g(b=2),]" END, "T f {\"a\": 1}\nT g {\"b\": 2}");
    expect(&plain, START "[]" END "x", "W empty tool call block dropped\nC x");
    expect(&plain, START END, warned_empty);
    expect(&plain, START, warned_empty);
    expect(&with_names, START "[f(), h()]" END, "T f {}\nu h {}");
}

static void bad_calls_are_left_out(void **state) {
    (void)state;
    expect(&plain, START "[f(a=1), not a call, g(b=2)]" END,
           "T f {\"a\": 1}\n"
           "W not a tool call: expected a call, name(..) at byte 4 of \"not a call, g(b=2)]\"\n"
           "T g {\"b\": 2}");
    expect(&plain, START "[f(a=[1, oops(')]', {]})], x=(1]), g()]" END, "T g {}");
    expect(&plain, START "[f(a=1).strip(), g()]" END, "T g {}");
    expect(&plain, START "[f(1), f(a=1, a=2), f(a=g()), g()]" END, "T g {}");
    expect(&plain, START "[f(a=1), g(b=\"unfinis", "T f {\"a\": 1}");
}

static void bad_blocks_come_back(void **state) {
    (void)state;
    static const char *const inner[] = {
        "[not a call", " nothing ", "[f(a=1, a=2)]", "]",  "f(a=1))x",
        "[f(a='x)]",   "(",         "{\"a\": 1}",    "\"", "f(a=<think>)"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        char text[128], expected[sizeof text + 8];
        snprintf(text, sizeof text, "\n" START "%s" END " x", inner[i]);
        snprintf(expected, sizeof expected, "C %s", text);
        expect(&plain, text, expected);
        expect_tokens(plain, text, expected);
        snprintf(text, sizeof text, "x" START "%s", inner[i]);
        snprintf(expected, sizeof expected, "C %s", text);
        expect(&plain, text, expected);
    }
    expect(&plain, START "[not a call" END,
           "W not a tool call: expected a call, name(..) at byte 4 of \"not a call\"\n"
           "W tool call block without a call that can be read: comes back as text\n"
           "C " START "[not a call" END);
}

static void missing_marks_are_repaired(void **state) {
    (void)state;
    char expected[256];
    snprintf(expected, sizeof expected, "%s\nT f {\"a\": 1}", warned_end);
    expect(&plain, START "[f(a=1)]", expected);
    expect(&plain, START "[f(a=1)", expected);
    snprintf(expected, sizeof expected, "%s\nT f {\"a\": 1}\nT g {}", warned_end);
    expect(&plain, START "[f(a=1)]\n" START "[g()]" END, expected);
    expect(&plain, START START "[g()]" END, "W empty tool call block dropped\nT g {}");
    snprintf(expected, sizeof expected, "T f {}\n%s\nC x", warned_stray);
    expect(&plain, START "[f()]" END "\n" END "x", expected);
}

static void marks_in_strings_belong_to_them(void **state) {
    (void)state;
    expect(&plain, START "[f(a=\"" END "\", b=1)]" END "x",
           "T f {\"a\": \"" END "\", \"b\": 1}\nC x");
    expect(&plain, START "[f(a='" START "x" END "')]" END, "T f {\"a\": \"" START "x" END "\"}");
    /* The string never ends, or the reply goes on with a new block: the first mark was the end. */
    expect(&plain, START "[g(), f(a=\"x)]" END " y", "T g {}\nC  y");
    expect(&plain, START "[g(), f(a=\"x)]" END " y " START "[f(b=\"1\")]" END,
           "T g {}\nC  y \nT f {\"b\": \"1\"}");
    expect_tokens(plain, START "[g(), f(a=\"x)]" END " y \"", "T g {}\nC  y \"");
    /* An apostrophe too much does not hide the end. */
    expect(&plain, START "[f(a='it's')]" END "x", "T f {\"a\": \"it's\"}\nC x");
}

static void only_pushed_marks_count_where_they_are_tokens(void **state) {
    (void)state;
    reply_log log = {0};
    weir_reply_options options = {.marks_are_tokens = true};
    weir_reply *reply = reply_with(&log, options);
    reply_push(reply, "x" START "[f()]" END, strlen("x" START "[f()]" END));
    reply_end(reply);
    assert_string_equal(log.text, "C x" START "[f()]" END);
    log_clear(&log);
    weir_reply_push_mark(reply, START, strlen(START), NULL);
    reply_push(reply, "[f(a='" END "')]", strlen("[f(a='" END "')]"));
    assert_int_equal(weir_reply_n_held(reply), strlen("[f(a='" END "')]"));
    weir_reply_push_mark(reply, END, strlen(END), NULL);
    assert_int_equal(weir_reply_n_held(reply), 0);
    weir_reply_push_mark(reply, "<|im_end|>", 10, NULL);
    reply_end(reply);
    assert_string_equal(log.text, "T f {\"a\": \"" END "\"}\nC <|im_end|>");
    weir_reply_close(&reply);
    log_free(&log);
}

static void echoes_are_dropped(void **state) {
    (void)state;
    char expected[512];
    snprintf(expected, sizeof expected, "T f {\"a\": 1}\n%s", warned_echo);
    expect(&plain, START "[f(a=1)]" END "[f(a=1)]" END, expected);
    expect(&plain, START "[f(a=1)]" END "\n[f(a=1)]\n" END "\n", expected);
    expect(&plain, START " [f(a=1)]" END "[f(a=1)]", expected);
    expect(&with_names, START "[f(a=1)]" END "[f(a=1)]" END, expected);
    snprintf(expected, sizeof expected, "T f {\"a\": 1}\n%s\n%s\nC x", warned_echo, warned_echo);
    expect(&plain, START "[f(a=1)]" END "[f(a=1)]" END "[f(a=1)]" END "x", expected);
    expect(&plain, START "[f(a=1)]" END "[f(a=2)]" END, "T f {\"a\": 1}\nC [f(a=2)]" END);
    expect(&plain, START "[f(a=1)]" END "[f(a=1)] x", "T f {\"a\": 1}\nC [f(a=1)] x");
    expect(&plain, START "[f(a=1)]" END "[f(", "T f {\"a\": 1}\nC [f(");
    expect(&with_names, START "[f(a=1)]" END "[f(a=2)]", "T f {\"a\": 1}\nT f {\"a\": 2}");
    expect(&plain, START "[f(a=1)]" END START "[f(a=1)]" END, "T f {\"a\": 1}\nT f {\"a\": 1}");
}

static void bare_calls_need_declared_names(void **state) {
    (void)state;
    char expected[512];
    snprintf(expected, sizeof expected, "%s\nT get_time {\"city\": \"Paris\"}", warned_bare);
    expect(&with_names, "[get_time(city=\"Paris\")]", expected);
    expect(&with_names, " [ get_time (city=\"Paris\") ] \n", expected);
    expect(&with_names, "[get_time(city=\"Paris\")]" END, expected);
    expect(&with_names,
           "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {\"city\": \"Paris\"}}\n"
           "</tool_call>",
           expected);
    expect(&with_names, "<think>x</think>\n[f()]\nb", "R x\nT f {}\nC \nb");
    expect(&with_names, "[f(a=')]\n')]\n[g()]\n" START "[f()]" END,
           "T f {\"a\": \")]\\n\"}\nT g {}\nT f {}");
    static const char *const no_calls[] = {
        "x [f()]",
        "[h()]",
        "[f(), h()]",
        "[f()](http://x)",
        "[f()] is a call",
        "[f(a=1, a=2)]",
        "[f() x]",
        "[f",
        "[f(",
        "[f(a=1)",
        "[get_tim(a=1)]",
        "[get_time zone(a=1)]",
        "[link text](url)",
        "[]",
        "<tool_call>{\"name\": \"h\"}</tool_call>",
        "<tool_call>x</tool_call> y",
        "<tool_call>{\"name\": \"f\"}",
        "<tool_cal",
        "<tool_think>",
    };
    for (size_t i = 0; i < sizeof no_calls / sizeof *no_calls; i++) {
        snprintf(expected, sizeof expected, "C %s", no_calls[i]);
        expect(&with_names, no_calls[i], expected);
        expect(&plain, no_calls[i], expected);
    }
    snprintf(expected, sizeof expected, "C [f(a=1\nT g {}");
    expect(&with_names, "[f(a=1" START "[g()]" END, expected);
}

static void content_is_not_held_longer_than_needed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n_out; /* bytes that must be out before the reply ends */
    } cases[] = {{"Hello", 5},   {"Hello <", 6}, {"Hello <|tool", 6}, {"Hello <|x", 9},
                 {"[x", 2},      {"<thx", 4},    {"\n\nx ", 4},       {"[get_tix", 8},
                 {"[f()] x", 7}, {"a\n\n", 3},   {"<tool_x", 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply_log log = {0};
        weir_reply *reply = reply_with(&log, with_names);
        reply_push(reply, cases[i].text, strlen(cases[i].text));
        assert_int_equal(log.n, 2 + cases[i].n_out);
        reply_end(reply);
        assert_int_equal(log.n, 2 + strlen(cases[i].text));
        weir_reply_close(&reply);
        log_free(&log);
    }
}

static void reasoning_is_known_while_it_lasts(void **state) {
    (void)state;
    reply_log log = {0};
    weir_reply *reply = reply_with(&log, plain);
    assert_false(weir_reply_in_reasoning(reply));
    reply_push(reply, "<think>", 7);
    assert_true(weir_reply_in_reasoning(reply));
    reply_push(reply, "x</think>", 9);
    assert_false(weir_reply_in_reasoning(reply));
    weir_reply_close(&reply);
    reply = reply_with(&log, reasoning);
    assert_true(weir_reply_in_reasoning(reply));
    weir_reply_close(&reply);
    weir_reply_close(&reply);
    log_free(&log);
    weir_error err = {0};
    assert_int_equal(weir_reply_open(&reply, &plain, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(reply);
}

/* Seconds for `unit` repeated behind `begin`. Quadratic time would be many times the limit. */
static double seconds_for(const char *begin, const char *unit) {
    enum { N_BYTES = 200000 };
    char *text = malloc(N_BYTES + 1);
    assert_non_null(text);
    size_t n_unit = strlen(unit);
    for (size_t i = 0; i < N_BYTES; i++)
        text[i] = unit[i % n_unit];
    reply_log log = {0};
    weir_reply *reply = reply_with(&log, with_names);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    reply_push(reply, begin, strlen(begin));
    for (size_t i = 0; i < N_BYTES; i += 1000)
        weir_reply_push(reply, text + i, 1000, NULL);
    reply_end(reply);
    clock_gettime(CLOCK_MONOTONIC, &to);
    weir_reply_close(&reply);
    log_free(&log);
    free(text);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

static void hostile_text_takes_linear_time(void **state) {
    (void)state;
    static const char *const units[] = {"[",
                                        "(",
                                        "{",
                                        "[(",
                                        "\"",
                                        "'",
                                        "\\",
                                        "'\"",
                                        "f(",
                                        "f(a=",
                                        "f(a='",
                                        "f(a='y'@),",
                                        "f(a='x'],",
                                        "f(a='x\",",
                                        ",",
                                        "'  ",
                                        "' ,a",
                                        "\"\"\"'",
                                        "{\"a\":",
                                        "{\"name\":",
                                        "{1:",
                                        "1",
                                        "0",
                                        "1_",
                                        "a=1,",
                                        "'a',",
                                        "<",
                                        "<|tool_call_",
                                        START,
                                        END,
                                        (START "[f(a=\"" END),
                                        (START "[f(a=\\\"" END),
                                        (START "[f()]" END "[f("),
                                        (START "[f(a='" END "\""),
                                        ")]\n",
                                        ")] ",
                                        "a",
                                        "[f(a=1)]\n",
                                        "</tool_call>",
                                        "{\"a\":1,\"a\":1},",
                                        "\"{\\\"",
                                        "'' ''",
                                        "f(a={\"k\":1,\"k\":2}),"};
    static const char *const begins[] = {
        "",       START,         START "[f(a=", START "[f(a=\"",     "[f(",
        "[f(a='", "<tool_call>", "<think>",     START "[{\"name\": "};
    for (size_t b = 0; b < sizeof begins / sizeof *begins; b++) {
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            double seconds = seconds_for(begins[b], units[u]);
            if (seconds > 5)
                fail_msg("%s + %s...: %.1f s", begins[b], units[u], seconds);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_passes),
        cmocka_unit_test(reasoning_is_told_apart),
        cmocka_unit_test(blocks_become_calls),
        cmocka_unit_test(bad_calls_are_left_out),
        cmocka_unit_test(bad_blocks_come_back),
        cmocka_unit_test(missing_marks_are_repaired),
        cmocka_unit_test(marks_in_strings_belong_to_them),
        cmocka_unit_test(only_pushed_marks_count_where_they_are_tokens),
        cmocka_unit_test(echoes_are_dropped),
        cmocka_unit_test(bare_calls_need_declared_names),
        cmocka_unit_test(content_is_not_held_longer_than_needed),
        cmocka_unit_test(reasoning_is_known_while_it_lasts),
        cmocka_unit_test(hostile_text_takes_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
