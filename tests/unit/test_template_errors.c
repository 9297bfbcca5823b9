/*
 * test_template_errors.c: what a template may not do, said in one line with its place, and what it
 * cannot do to its host: no source and no conversation takes more time, memory or stack than given.
 */
#include "template_render.h"

#include <stdlib.h>
#include <time.h>

typedef struct row {
    const char *source;
    weir_status status;
    const char *text;
} row;

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

static const char CONTEXT[] = "{\"a\": 1, \"s\": \"hi\", \"xs\": [1, 2, 3], \"d\": {\"k\": 2}}";

static void demand_error(const char *source, const weir_render_options *options,
                         weir_status expected, const char *text) {
    weir_rendered r;
    weir_error err;
    weir_status status = render_with(&r, source, CONTEXT, options, &err);
    if (status != expected || strcmp(err.text, text) != 0) {
        printf("template: %.200s\nexpected: %d %s\nbut:      %d %s\n", source, (int)expected, text,
               (int)status, status == WEIR_STATUS_OK ? r.text : err.text);
        fail();
    }
    assert_null(r.text);
    assert_null(r.spans);
}

static void demand_errors(const row *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        demand_error(rows[i].source, &reference_options, rows[i].status, rows[i].text);
}

/* ---- compiling --------------------------------------------------------------------------------
 */

static const row SYNTAX[] = {
    {"{{ }}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'end of print statement', expected an expression"},
    {"\n{{ a b }}", WEIR_STATUS_BAD_FILE,
     "t: line 2: unexpected 'b', expected 'end of print statement'"},
    {"{{ (1 }}", WEIR_STATUS_BAD_FILE, "t: line 1: unexpected '}', expected ')'"},
    {"{{ 1 ) }}", WEIR_STATUS_BAD_FILE, "t: line 1: unexpected ')'"},
    {"{{ a\n\n", WEIR_STATUS_BAD_FILE,
     "t: line 2: unexpected 'end of template', expected 'end of print statement'"},
    {"x\n{{ 'abc }}\n", WEIR_STATUS_BAD_FILE,
     "t: line 2: the string that begins here is not closed"},
    {"{{ 'a\nb' + }}", WEIR_STATUS_BAD_FILE,
     "t: line 2: unexpected 'end of print statement', expected an expression"},
    {"\n\n{# abc\n\n", WEIR_STATUS_BAD_FILE,
     "t: line 3: the comment that begins here is not closed, expected #}"},
    {"\n{% raw %} abc\n{% endfor %}", WEIR_STATUS_BAD_FILE,
     "t: line 2: the raw block that begins here is not closed, expected {% endraw %}"},
    {"{{ a ? }}", WEIR_STATUS_BAD_FILE, "t: line 1: unexpected character '?'"},
    {"{{ a. }}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'end of print statement', expected a name"},
    {"{{ .5 }}", WEIR_STATUS_BAD_FILE, "t: line 1: unexpected '.', expected an expression"},
    {"{{ \"\\xZZ\" }}", WEIR_STATUS_BAD_FILE,
     "t: line 1: \\x in a string is not followed by 2 hexadecimal digits"},
    {"{{ \"\\ud83d\" }}", WEIR_STATUS_BAD_FILE, "t: line 1: \\ud83d in a string is no character"},
    {"{{ f(a=1, 2) }}", WEIR_STATUS_BAD_FILE,
     "t: line 1: an argument is not where it may stand, expected positional ones, then names, "
     "*args "
     "and **kwargs"},
    {"{{ f(a=1, a=2) }}", WEIR_STATUS_BAD_FILE, "t: line 1: the argument 'a' is given twice"},
    {"{{ a is b is c }}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'is', expected an operator: tests with 'is' cannot be chained"},
    {"{%%}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'end of statement block', expected the name of a tag"},
    {"{% if %}{% endif %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'end of statement block', expected an expression"},
    {"{% if a %}\n{% for x in xs %}\n", WEIR_STATUS_BAD_FILE,
     "t: line 2: unexpected 'end of template', expected 'endfor' or 'else' of the 'for' in line 2"},
    {"{% if a %}\n\n{% endfor %}", WEIR_STATUS_BAD_FILE,
     "t: line 3: unexpected tag 'endfor', expected 'endif' or 'elif' or 'else' of the 'if' in line "
     "1"},
    {"{% endif %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected tag 'endif', expected a tag that opens something"},
    {"{% if a %}{% else %}\n{% elif %}{% endif %}", WEIR_STATUS_BAD_FILE,
     "t: line 2: unexpected tag 'elif', expected 'endif' of the 'if' in line 1"},
    {"{% for i xs %}{% endfor %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'xs', expected 'in'"},
    {"{% break %}", WEIR_STATUS_BAD_FILE, "t: line 1: 'break' outside of a for loop"},
    {"{% for i in xs %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}",
     WEIR_STATUS_BAD_FILE, "t: line 1: 'continue' outside of a for loop"},
    {"{% for i in xs %}\n{% set loop = 1 %}{% endfor %}", WEIR_STATUS_BAD_FILE,
     "t: line 2: 'loop' cannot be assigned to inside a for loop"},
    {"{% set true = 1 %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected 'true', expected a name that can be assigned to"},
    {"{% set a[0] = 1 %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: unexpected '[', expected 'end of statement block'"},
    {"{% macro m(a, a) %}{% endmacro %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: the parameter 'a' is there twice"},
    {"{% macro m(a=1, b) %}{% endmacro %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: a parameter without a default follows one with a default"},
    {"{% macro m(caller) %}{{ caller() }}{% endmacro %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: the parameter 'caller' must have a default or be left out"},
    {"{% call a %}{% endcall %}", WEIR_STATUS_BAD_FILE,
     "t: line 1: a call block needs a call, as in {% call f(x) %}"},
    {"{% block b %}{% endblock %}\n{% block b %}{% endblock %}", WEIR_STATUS_BAD_FILE,
     "t: line 2: the block 'b' is there twice"},
};

static const row UNSUPPORTED[] = {
    {"x\n{% trans %}", WEIR_STATUS_UNSUPPORTED, "t: line 2: there is no tag 'trans'"},
    {"x\n\n{{ a | nope(1) }}", WEIR_STATUS_UNSUPPORTED, "t: line 3: there is no filter 'nope'"},
    {"{{ a | nope.nope }}", WEIR_STATUS_UNSUPPORTED, "t: line 1: there is no filter 'nope.nope'"},
    {"{{ a is nope }}", WEIR_STATUS_UNSUPPORTED, "t: line 1: there is no test 'nope'"},
    {"{% filter nope %}{% endfilter %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: there is no filter 'nope'"},
    {"{% for x in xs %}{% set y %}{{ x|nope }}{% endset %}{% endfor %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: there is no filter 'nope'"},
    {"{% if a %}\n{{ a|nope }}\n{% endif %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 2: there is no filter 'nope'"},
    {"{{ a|nope if a else s }}", WEIR_STATUS_UNSUPPORTED, "t: line 1: there is no filter 'nope'"},
    {"{% include 'x' %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: extends, include, import and from are not supported: a chat template is one text"},
    {"{% extends 'x' %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: extends, include, import and from are not supported: a chat template is one text"},
    {"{% from 'x' import y %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: extends, include, import and from are not supported: a chat template is one text"},
    {"{% autoescape true %}{% endautoescape %}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: escaping for HTML is not supported, expected {% autoescape false %}"},
    {"{{ \"\\N{DASH}\" }}", WEIR_STATUS_UNSUPPORTED,
     "t: line 1: \\N{name} in a string is not supported, expected \\uXXXX"},
};

static void syntax(void **state) {
    (void)state;
    demand_errors(ROWS(SYNTAX));
}

static void what_is_not_supported(void **state) {
    (void)state;
    demand_errors(ROWS(UNSUPPORTED));
}

static void what_is_never_reached_may_be_unknown(void **state) {
    (void)state;
    demand_text("{% if a > 1 %}{{ a|nope }}{% elif a > 2 and a is nope %}{% endif %}x", CONTEXT,
                "x");
    demand_text("{% if a == 1 %}x{% else %}{{ a|nope }}{% endif %}", CONTEXT, "x");
    demand_text("{{ 1 if a == 1 else a|nope }}{{ a|nope if a == 2 else 3 }}", CONTEXT, "13");
}

/* ---- rendering --------------------------------------------------------------------------------
 */

static const row FAILURES[] = {
    {"\n{{ x.y }}", WEIR_STATUS_FAILED, "t: line 2: 'x' is undefined"},
    {"{{ nope(1) }}", WEIR_STATUS_FAILED, "t: line 1: 'nope' is undefined"},
    {"{{ d.q.z }}", WEIR_STATUS_FAILED, "t: line 1: 'dict object' has no attribute 'q'"},
    {"{{ a() }}", WEIR_STATUS_FAILED, "t: line 1: 'int' object is not callable"},
    {"{{ a[1:] }}", WEIR_STATUS_FAILED, "t: line 1: 'int' object cannot be sliced"},
    {"{{ d[:2] }}", WEIR_STATUS_FAILED, "t: line 1: 'dict' object cannot be sliced"},
    {"{{ s['x':] }}", WEIR_STATUS_FAILED, "t: line 1: slice bounds must be integers or None"},
    {"{{ s +\n1 }}", WEIR_STATUS_FAILED,
     "t: line 1: can only concatenate str (not \"int\") to str"},
    {"{% for x in\n a %}{% endfor %}", WEIR_STATUS_FAILED,
     "t: line 1: 'int' object is not iterable"},
    {"{% for x, y in [[1, 2, 3]] %}{% endfor %}", WEIR_STATUS_FAILED,
     "t: line 1: too many values to unpack (expected 2)"},
    {"{% for x, y in [[1]] %}{% endfor %}", WEIR_STATUS_FAILED,
     "t: line 1: not enough values to unpack (expected 2, got 1)"},
    {"{% for n in xs %}{{ loop([1]) }}{% endfor %}", WEIR_STATUS_FAILED,
     "t: line 1: the loop must have the 'recursive' marker to be called"},
    {"{% for n in xs %}{{ loop.cycle() }}{% endfor %}", WEIR_STATUS_FAILED,
     "t: line 1: no items for cycling given"},
    {"{{ loop.index }}", WEIR_STATUS_FAILED, "t: line 1: 'loop' is undefined"},
    {"{% set d.k = 1 %}", WEIR_STATUS_FAILED,
     "t: line 1: an attribute can be set of a namespace only, not of dict"},
    {"{% macro m(x) %}{% endmacro %}\n{{ m(1, 2) }}", WEIR_STATUS_FAILED,
     "t: line 2: macro 'm' takes not more than 1 argument(s)"},
    {"{% macro m(x) %}{% endmacro %}{{ m(1, x=2) }}", WEIR_STATUS_FAILED,
     "t: line 1: macro 'm' takes no keyword argument 'x'"},
    {"{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}", WEIR_STATUS_FAILED,
     "t: line 1: macro 'm' takes no keyword argument 'caller'"},
    {"{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", WEIR_STATUS_FAILED,
     "t: line 1: 'caller' is undefined"},
    {"{% macro m() %}\n{{ 1 + s }}{% endmacro %}\n{{ m() }}", WEIR_STATUS_FAILED,
     "t: line 2: unsupported operand type(s) for +: 'int' and 'str'"},
    {"{% macro m(x) %}{{ kwargs }}{% endmacro %}{{ m(**{1: 2}) }}", WEIR_STATUS_FAILED,
     "t: line 1: keywords must be strings"},
    {"{{ dict(**a) }}", WEIR_STATUS_FAILED,
     "t: line 1: the argument after ** must be a mapping, not int"},
    {"{{ dict(x=1, **{'x': 2}) }}", WEIR_STATUS_FAILED,
     "t: line 1: multiple values for the keyword argument 'x'"},
    {"{{ 1 + 2 ~ 3 }}", WEIR_STATUS_FAILED,
     "t: line 1: unsupported operand type(s) for +: 'int' and 'str'"},
    {"{% macro m() %}{% set kwargs = 1 %}{{ kwargs }}{% endmacro %}{{ m(a=3) }}",
     WEIR_STATUS_FAILED, "t: line 1: macro 'm' takes no keyword argument 'a'"},
    {"a\n{{ raise_exception('Only ' ~ s) }}", WEIR_STATUS_BAD_ARGUMENT, "t: line 2: Only hi"},
};

static void failures(void **state) {
    (void)state;
    demand_errors(ROWS(FAILURES));
}

static void bad_contexts(void **state) {
    (void)state;
    static const char *const contexts[] = {"", "[]", "{\"a\": }", "{} {}", "{\"a\": 1", "nul"};
    for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
        weir_rendered r;
        weir_error err;
        assert_int_equal(render_with(&r, "x", contexts[i], NULL, &err), WEIR_STATUS_BAD_ARGUMENT);
        assert_memory_equal(err.text, "t: ", 3);
    }
}

/* ---- sources at the limits --------------------------------------------------------------------
 */

static weir_status open_repeated(const char *before, const char *part, size_t n, const char *middle,
                                 const char *end, weir_error *err) {
    size_t n_part = strlen(part), n_end = strlen(end);
    size_t cap = strlen(before) + n * (n_part + n_end) + strlen(middle) + 1, at = 0;
    char *source = malloc(cap);
    assert_non_null(source);
    at += (size_t)snprintf(source, cap, "%s", before);
    for (size_t i = 0; i < n; i++, at += n_part)
        memcpy(source + at, part, n_part);
    at += (size_t)snprintf(source + at, cap - at, "%s", middle);
    for (size_t i = 0; i < n; i++, at += n_end)
        memcpy(source + at, end, n_end);
    weir_template *tmpl;
    weir_status status = weir_template_open(&tmpl, source, at, "t", err);
    weir_template_close(&tmpl);
    free(source);
    return status;
}

static void deep_sources(void **state) {
    (void)state;
    static const struct {
        const char *before, *part, *middle, *end;
    } rows[] = {
        {"{{", "(", "1 }}", ")"},
        {"{{", "[", "", "]"},
        {"{{", "-", "1 }}", ""},
        {"{{", " not", " 1 }}", ""},
        {"{{", "f(", "", ")"},
        {"{{", "a[", "", "]"},
        {"{{", "1 if 1 else ", "1 }}", ""},
        {"{{", "a is b(", "", ")"},
        {"{{", "{1:", "1", "}"},
        {"", "{% if a %}", "", "{% endif %}"},
        {"", "{% for x in a %}", "", "{% endfor %}"},
        {"", "{% macro m() %}", "", "{% endmacro %}"},
        {"", "{% filter upper %}", "", "{% endfilter %}"},
        {"{% for ", "(", "a", ")"},
        {"{% set ", "(", "a", ")"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_error err = {0};
        weir_status status =
            open_repeated(rows[i].before, rows[i].part, 20000, rows[i].middle, rows[i].end, &err);
        assert_int_equal(status, WEIR_STATUS_UNSUPPORTED);
        assert_true(strstr(err.text, "nested more than 200 levels deep") != NULL ||
                    strstr(err.text, "more than 256 brackets are open") != NULL);
    }
}

static void long_sources(void **state) {
    (void)state;
    weir_error err = {0};
    assert_int_equal(open_repeated("", "x", 1024 * 1024, "", "", &err), WEIR_STATUS_OK);
    assert_int_equal(open_repeated("x", "x", 1024 * 1024, "", "", &err), WEIR_STATUS_UNSUPPORTED);
    assert_string_equal(err.text, "t: a template of 1048577 bytes, expected 1048576 at most");
    /* Linear where names and text repeat: a quadratic way would take minutes. */
    assert_int_equal(open_repeated("", "{{a}}{#b#} {%", 20000, "", "", &err), WEIR_STATUS_BAD_FILE);
    assert_int_equal(open_repeated("{{", "a~", 100000, "a}}", "", &err), WEIR_STATUS_OK);
    assert_int_equal(open_repeated("{{[", "1,", 100000, "]}}", "", &err), WEIR_STATUS_OK);
    assert_int_equal(open_repeated("{{", "'a'", 1000, "}}", "", &err), WEIR_STATUS_OK);
    assert_int_equal(open_repeated("", "{", 1024 * 1024, "", "", &err), WEIR_STATUS_UNSUPPORTED);
    assert_int_equal(open_repeated("{% if a %}", "{% elif a %}", 50000, "{% endif %}", "", &err),
                     WEIR_STATUS_OK);
}

static void sources_that_are_no_text(void **state) {
    (void)state;
    weir_template *tmpl;
    weir_error err = {0};
    static const char source[] = "a\nb\r\nc \xff";
    assert_int_equal(weir_template_open(&tmpl, source, sizeof source - 1, "x.gguf", &err),
                     WEIR_STATUS_BAD_FILE);
    assert_string_equal(err.text, "x.gguf: line 3: byte 7 is not UTF-8");
    assert_null(tmpl);
    static const char zero[] = "a\0b{{ '\0' }}";
    weir_rendered r;
    assert_int_equal(weir_template_open(&tmpl, zero, sizeof zero - 1, "x", &err), WEIR_STATUS_OK);
    assert_int_equal(weir_template_render(&r, tmpl, "{}", 2, NULL, &err), WEIR_STATUS_OK);
    assert_int_equal(r.n, 4);
    assert_memory_equal(r.text, "a\0b\0", 4);
    weir_rendered_free(&r);
    weir_template_close(&tmpl);
    weir_template_close(&tmpl);
    weir_template_close(NULL);
    weir_rendered_free(NULL);
}

/* ---- renders at the limits --------------------------------------------------------------------
 */

static const char *const ENDLESS[] = {
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
    "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
    "{% for x in xs recursive %}{{ loop(xs) }}{% endfor %}",
    "{% for i in range(10 ** 9) %}x{% endfor %}",
    "{{ range(10 ** 9) | list }}",
    "{% set ns = namespace(s='ab') %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}"
    "{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}"
    "{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(1000) %}{% set ns.s = [ns.s, ns.s] %}"
    "{% endfor %}{{ ns.s }}",
    "{{ 'x' * 10 ** 12 }}",
    "{{ [1] * 10 ** 12 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{% for i in range(90000) %}{% for j in range(90000) %}{% for k in range(90000) %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in range(90000) %}{{ 'x' * 90000 }}{% endfor %}",
};

/* Whatever a template does it ends: in a second, with an error. */
static void endless_templates_end(void **state) {
    (void)state;
    weir_render_options options = reference_options;
    options.max_bytes = 32 * 1024 * 1024;
    options.max_steps = 2 * 1000 * 1000;
    for (size_t i = 0; i < sizeof ENDLESS / sizeof ENDLESS[0]; i++) {
        weir_rendered r;
        weir_error err;
        clock_t start = clock();
        weir_status status = render_with(&r, ENDLESS[i], CONTEXT, &options, &err);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        if ((status != WEIR_STATUS_FULL && status != WEIR_STATUS_FAILED) || seconds > 20) {
            printf("%s: %d %s, %.1f s\n", ENDLESS[i], (int)status, err.text, seconds);
            fail();
        }
        assert_memory_equal(err.text, "t: line 1: ", 11);
    }
}

static void limits_are_those_that_were_asked_for(void **state) {
    (void)state;
    weir_rendered r;
    weir_error err;
    weir_render_options few_steps = {.max_steps = 100}, few_bytes = {.max_bytes = 16 * 1024};
    assert_int_equal(
        render_with(&r, "{% for x in xs %}{{ x }}{% endfor %}", CONTEXT, &few_steps, &err),
        WEIR_STATUS_OK);
    weir_rendered_free(&r);
    assert_int_equal(
        render_with(&r, "{% for x in range(100) %}{{ x }}{% endfor %}", CONTEXT, &few_steps, &err),
        WEIR_STATUS_FULL);
    assert_int_equal(render_with(&r, "{{ 'x' * 20000 }}", CONTEXT, &few_bytes, &err),
                     WEIR_STATUS_FULL);
    assert_int_equal(render_with(&r, "{{ 'x' * 20000 }}", CONTEXT, NULL, &err), WEIR_STATUS_OK);
    assert_int_equal(r.n, 20000);
    weir_rendered_free(&r);
}

/* What repeats at one level of the source is deep only when it runs. */
static void long_chains_end(void **state) {
    (void)state;
    enum { N_LINKS = 100000 };
    char *source = malloc(4 + 2 * (size_t)N_LINKS);
    assert_non_null(source);
    memcpy(source, "{{a", 3);
    for (size_t i = 0; i < N_LINKS; i++)
        memcpy(source + 3 + 2 * i, "-a", 2);
    memcpy(source + 1 + 2 * (size_t)N_LINKS, "}}", 3);
    demand_error(source, NULL, WEIR_STATUS_FULL, "t: line 1: nested more than 2000 levels deep");
    free(source);
}

/* Deep, but not too deep. */
static void recursion_within_the_limits(void **state) {
    (void)state;
    demand_text("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{% else %}end{% endif %}{% endmacro %}"
                "{{ f(150) }}",
                "{}", "end");
    demand_text("{{ ((((((((((((((((((((1)))))))))))))))))))) }}{{ - - - - - - - -1 }}", "{}",
                "11");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax),
        cmocka_unit_test(what_is_not_supported),
        cmocka_unit_test(what_is_never_reached_may_be_unknown),
        cmocka_unit_test(failures),
        cmocka_unit_test(bad_contexts),
        cmocka_unit_test(deep_sources),
        cmocka_unit_test(long_sources),
        cmocka_unit_test(sources_that_are_no_text),
        cmocka_unit_test(endless_templates_end),
        cmocka_unit_test(limits_are_those_that_were_asked_for),
        cmocka_unit_test(long_chains_end),
        cmocka_unit_test(recursion_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
