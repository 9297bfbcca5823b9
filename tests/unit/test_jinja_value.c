/*
 * test_jinja_value.c: what the values of a template promise beyond Python: origins that survive
 * every operation, budgets that end every run, and a reader that says whose words it read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/jinja_call.h"

typedef struct fixture {
    weir_jinja_run run;
    weir_error err;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    weir_jinja_run_open(&f->run, "T", NULL, &f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    weir_jinja_run_close(&f->run);
    free(f);
    return 0;
}

static void ok(weir_status status) {
    assert_int_equal(status, WEIR_STATUS_OK);
}

static const weir_jinja_origin CONTENT = WEIR_SPAN_CONTENT + 1 * WEIR_JINJA_ORIGIN_MESSAGE;
static const weir_jinja_origin ANSWER = WEIR_SPAN_ASSISTANT + 2 * WEIR_JINJA_ORIGIN_MESSAGE;

static weir_jinja_value text(fixture *f, const char *s, weir_jinja_origin origin) {
    weir_jinja_value v;
    ok(weir_jinja_copy_string(&f->run, s, strlen(s), origin, &v));
    return v;
}

static weir_jinja_value json(fixture *f, const char *s) {
    weir_jinja_value v;
    ok(jinja_from_json(&f->run, s, strlen(s), &v));
    return v;
}

/* The string with a letter for the origin of each of its bytes: t, c, a; upper case inside the
 * generation tag. */
static void assert_origins(weir_jinja_value v, const char *expected_text, const char *letters) {
    assert_int_equal(v.type, WEIR_JINJA_STRING);
    const weir_jinja_string *s = v.as.string;
    assert_int_equal(s->n, strlen(expected_text));
    assert_memory_equal(s->data, expected_text, s->n);
    assert_int_equal(s->n_chars, weir_jinja_count_chars(s->data, s->n));
    char found[256];
    size_t start = 0;
    for (size_t i = 0; i <= s->n_more; i++) {
        size_t end;
        weir_jinja_stretch stretch = weir_jinja_stretch_at(s, i, &end);
        assert_int_equal(stretch.start, start);
        assert_true(end > start || s->n == 0);
        for (; start < end; start++) {
            assert_int_equal(weir_jinja_origin_at(s, start), stretch.origin);
            found[start] = "tca"[weir_jinja_origin_kind(stretch.origin)];
            if (weir_jinja_origin_is_generation(stretch.origin))
                found[start] -= 'a' - 'A';
        }
    }
    found[start] = 0;
    assert_string_equal(found, letters);
}

/* ---- strings ------------------------------------------------------------------------------- */

/* "<t>" + "user" + "</t>" + "bot" */
static weir_jinja_value mixed(fixture *f) {
    weir_jinja_value v;
    weir_jinja_builder b;
    ok(weir_jinja_build(&b, &f->run, 0));
    ok(weir_jinja_add_text(&b, "<t>"));
    ok(weir_jinja_add_string(&b, text(f, "usér", CONTENT).as.string));
    ok(weir_jinja_add_text(&b, "</t>"));
    ok(weir_jinja_add_string(&b, text(f, "bot", ANSWER).as.string));
    ok(weir_jinja_built(&b, &v));
    return v;
}

static void pieces_keep_their_origin(void **state) {
    fixture *f = *state;
    assert_origins(mixed(f), "<t>usér</t>bot", "tttcccccttttaaa");
}

static weir_jinja_value call(fixture *f, char kind, const char *name, weir_jinja_value self,
                             const char *rest) {
    weir_jinja_value args, more, result;
    ok(weir_jinja_new_list(&f->run, WEIR_JINJA_LIST, 0, &args));
    ok(weir_jinja_append(&f->run, args.as.list, self));
    more = json(f, rest);
    for (size_t i = 0; i < more.as.list->n; i++)
        ok(weir_jinja_append(&f->run, args.as.list, more.as.list->items[i]));
    ok(jinja_call(&f->run, kind, name, args, weir_jinja_none(), &result));
    return result;
}

static void every_operation_keeps_origins(void **state) {
    fixture *f = *state;
    static const struct {
        char kind;
        const char *name, *args, *text, *letters;
    } rows[] = {
        {'f', "upper", "[]", "<T>USÉR</T>BOT", "tttcccccttttaaa"},
        {'f', "title", "[]", "<T>usér</t>bot", "tttcccccttttaaa"},
        {'f', "trim", "[\"<obt\"]", ">usér</t>", "tccccctttt"},
        {'f', "replace", "[\"t\", \"TT\"]", "<TT>usér</TT>boTT", "ttttccccctttttaatt"},
        {'f', "reverse", "[]", "tob>t/<résu>t<", "aaattttcccccttt"},
        {'f', "center", "[18]", "  <t>usér</t>bot  ", "tttttcccccttttaaatt"},
        {'f', "tojson", "[]", "\"<t>usér</t>bot\"", "ttttcccccttttaaat"},
        {'f', "string", "[]", "<t>usér</t>bot", "tttcccccttttaaa"},
        {'f', "escape", "[]", "&lt;t&gt;usér&lt;/t&gt;bot", "tttttttttcccccttttttttttaaa"},
        {'f', "striptags", "[]", "usérbot", "cccccaaa"},
        {'f', "urlencode", "[]", "%3Ct%3Eus%C3%A9r%3C/t%3Ebot", "tttttttcccccccccttttttttaaa"},
        {'f', "truncate", "[6, true, \"~\", 0]", "<t>us~", "tttcct"},
        {'f', "indent", "[2, true]", "  <t>usér</t>bot", "tttttcccccttttaaa"},
        {'m', "zfill", "[16]", "00<t>usér</t>bot", "tttttcccccttttaaa"},
        {'m', "removeprefix", "[\"<t>us\"]", "ér</t>bot", "cccttttaaa"},
        {'s', "slice", "[2, 6, null]", ">usé", "tcccc"},
        {'s', "slice", "[-4, null, null]", ">bot", "taaa"},
        {'s', "slice", "[null, null, 3]", "<urto", "tccta"},
        {'i', "item", "[5]", "é", "cc"},
        {'o', "+", "[\"!\"]", "<t>usér</t>bot!", "tttcccccttttaaat"},
        {'o', "~", "[1.5]", "<t>usér</t>bot1.5", "tttcccccttttaaattt"},
        {'o', "*", "[2]", "<t>usér</t>bot<t>usér</t>bot", "tttcccccttttaaatttcccccttttaaa"},
        {'m', "join", "[[\"x\", \"y\"]]", "x<t>usér</t>boty", "ttttcccccttttaaat"},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_jinja_value v = call(f, rows[i].kind, rows[i].name, mixed(f), rows[i].args);
        assert_origins(v, rows[i].text, rows[i].letters);
    }
}

static void parts_of_a_split_keep_origins(void **state) {
    fixture *f = *state;
    weir_jinja_value parts = call(f, 'm', "split", mixed(f), "[\"s\"]");
    assert_int_equal(parts.as.list->n, 2);
    assert_origins(parts.as.list->items[0], "<t>u", "tttc");
    assert_origins(parts.as.list->items[1], "ér</t>bot", "cccttttaaa");
    parts = call(f, 'f', "list", mixed(f), "[]");
    assert_origins(parts.as.list->items[5], "é", "cc");
    assert_origins(parts.as.list->items[13], "t", "a");
}

static void formats_keep_origins(void **state) {
    fixture *f = *state;
    weir_jinja_value list, result;
    ok(weir_jinja_new_list(&f->run, WEIR_JINJA_LIST, 0, &list));
    ok(weir_jinja_append(&f->run, list.as.list, text(f, "[%5s]", 0)));
    ok(weir_jinja_append(&f->run, list.as.list, text(f, "us", CONTENT)));
    ok(jinja_call(&f->run, 'o', "%", list, weir_jinja_none(), &result));
    assert_origins(result, "[   us]", "ttttcct");
    list.as.list->items[0] = text(f, "[{:*<4}]", 0);
    ok(jinja_call(&f->run, 'm', "format", list, weir_jinja_none(), &result));
    assert_origins(result, "[us**]", "tccttt");
    /* The other way round: the format is the user's. */
    list.as.list->items[0] = text(f, "<{:*<4}>", CONTENT);
    list.as.list->items[1] = text(f, "t", 0);
    ok(jinja_call(&f->run, 'm', "format", list, weir_jinja_none(), &result));
    assert_origins(result, "<t***>", "ctcccc");
    ok(jinja_call(&f->run, 'o', "%", json(f, "[\"%c\", 60]"), weir_jinja_none(), &result));
    assert_origins(result, "<", "c"); /* a number may be any character */
}

static void nested_text_keeps_origins(void **state) {
    fixture *f = *state;
    weir_jinja_value dict, result;
    ok(weir_jinja_new_dict(&f->run, WEIR_JINJA_DICT, &dict));
    ok(weir_jinja_set(&f->run, dict.as.dict, text(f, "k", CONTENT), text(f, "a\n", ANSWER)));
    result = call(f, 'f', "tojson", dict, "[]");
    assert_origins(result, "{\"k\": \"a\\n\"}",
                   "ttctttt"
                   "aaatt");
    ok(weir_jinja_str(&f->run, dict, &result));
    assert_origins(result, "{'k': 'a\\n'}",
                   "ttctttt"
                   "aaatt");
}

/* JSON in a string: what it holds is as trusted as the text it stood in. */
static void from_json_keeps_origins(void **state) {
    fixture *f = *state;
    weir_jinja_value source, result;
    ok(weir_jinja_concat(&f->run, text(f, "[\"t\", ", 0).as.string,
                         text(f, "\"u\\u00e9\\n\", \"<x>\"]", CONTENT).as.string, &source));
    ok(weir_jinja_read_json(&f->run, source.as.string, &result));
    assert_origins(result.as.list->items[0], "t", "t");
    assert_origins(result.as.list->items[1], "ué\n", "cccc");
    assert_origins(result.as.list->items[2], "<x>", "ccc");
}

static void the_generation_flag_is_an_origin(void **state) {
    fixture *f = *state;
    weir_jinja_builder b;
    weir_jinja_value v;
    ok(weir_jinja_build(&b, &f->run, 0));
    ok(weir_jinja_add_text(&b, "a"));
    b.add_origin = WEIR_JINJA_ORIGIN_GENERATION;
    ok(weir_jinja_add_text(&b, "b"));
    ok(weir_jinja_add(&b, "cd", 2, ANSWER));
    b.add_origin = 0;
    ok(weir_jinja_add(&b, "e", 1, ANSWER));
    ok(weir_jinja_built(&b, &v));
    assert_origins(v, "abcde", "tTAAa");
    assert_int_equal(weir_jinja_origin_message(weir_jinja_origin_at(v.as.string, 2)), 1);
    assert_int_equal(weir_jinja_origin_message(weir_jinja_origin_at(v.as.string, 0)), -1);
}

static void the_worst_origin_wins(void **state) {
    fixture *f = *state;
    assert_int_equal(weir_jinja_worst_origin(mixed(f).as.string), CONTENT);
    assert_int_equal(weir_jinja_worst_origin(text(f, "a", ANSWER).as.string), ANSWER);
    assert_int_equal(weir_jinja_worst_origin(text(f, "", 0).as.string), 0);
}

/* Appending in place must not change strings that share the buffer. */
static void strings_do_not_change(void **state) {
    fixture *f = *state;
    weir_jinja_value a, b, c, d;
    const weir_jinja_string *x = text(f, "x", CONTENT).as.string, *y = text(f, "y", 0).as.string;
    ok(weir_jinja_concat(&f->run, y, x, &a));
    ok(weir_jinja_concat(&f->run, a.as.string, y, &b));
    ok(weir_jinja_concat(&f->run, a.as.string, x, &c));
    ok(weir_jinja_concat(&f->run, b.as.string, x, &d));
    assert_origins(a, "yx", "tc");
    assert_origins(b, "yxy", "tct");
    assert_origins(c, "yxx", "tcc");
    assert_origins(d, "yxyx", "tctc");
}

static void a_builder_goes_on_after_its_string(void **state) {
    fixture *f = *state;
    weir_jinja_builder b;
    weir_jinja_value first, second, other;
    ok(weir_jinja_build(&b, &f->run, 64));
    ok(weir_jinja_add_text(&b, "ab"));
    ok(weir_jinja_built(&b, &first));
    ok(weir_jinja_concat(&f->run, first.as.string, text(f, "!", CONTENT).as.string, &other));
    ok(weir_jinja_add(&b, "c", 1, ANSWER));
    ok(weir_jinja_built(&b, &second));
    assert_origins(first, "ab", "tt");
    assert_origins(other, "ab!", "ttc");
    assert_origins(second, "abc", "tta");
}

/* `text = text + piece` a hundred thousand times: each a copy would be 10 GB. */
static void growing_a_text_is_linear(void **state) {
    fixture *f = *state;
    weir_jinja_value v = text(f, "", 0), a = text(f, "<", 0), b = text(f, "é", CONTENT);
    for (int i = 0; i < 100000; i++)
        ok(weir_jinja_concat(&f->run, v.as.string, (i % 2 ? b : a).as.string, &v));
    assert_int_equal(v.as.string->n, 150000);
    assert_int_equal(v.as.string->n_chars, 100000);
    assert_int_equal(v.as.string->n_more, 99999);
}

/* ---- budgets ------------------------------------------------------------------------------- */

static void memory_ends(void **state) {
    (void)state;
    weir_error err;
    weir_jinja_run run;
    weir_render_options options = {.max_bytes = 100000};
    weir_jinja_run_open(&run, "T", &options, &err);
    run.line = 7;
    size_t n = 0;
    while (weir_jinja_take(&run, 1) != NULL)
        n++;
    assert_int_equal(n, 100000 / 16);
    assert_int_equal(run.status, WEIR_STATUS_FULL);
    assert_string_equal(err.text, "T: line 7: too large: the limit of memory is reached");
    assert_null(weir_jinja_take(&run, SIZE_MAX));
    assert_null(weir_jinja_take_array(&run, SIZE_MAX / 2, 16));
    weir_jinja_run_close(&run);
    weir_jinja_run_close(&run);
}

static void steps_end(void **state) {
    fixture *f = *state;
    f->run.steps_left = 10;
    ok(weir_jinja_step(&f->run, 10));
    assert_int_equal(weir_jinja_step(&f->run, 1), WEIR_STATUS_FULL);
    assert_string_equal(f->err.text, "T: too much work: the limit of steps is reached");
}

/* A list that holds itself can be made with append; whoever walks it comes to an end. */
static void circles_end(void **state) {
    fixture *f = *state;
    weir_jinja_value list, other, result;
    bool is_equal;
    int order;
    ok(weir_jinja_new_list(&f->run, WEIR_JINJA_LIST, 0, &list));
    ok(weir_jinja_new_list(&f->run, WEIR_JINJA_LIST, 0, &other));
    ok(weir_jinja_append(&f->run, list.as.list, list));
    ok(weir_jinja_append(&f->run, other.as.list, other));
    assert_int_equal(weir_jinja_str(&f->run, list, &result), WEIR_STATUS_FULL);
    assert_non_null(strstr(f->err.text, "nested deeper than"));
    f->run.depth = 0;
    assert_int_equal(weir_jinja_equal(&f->run, list, other, &is_equal), WEIR_STATUS_FULL);
    f->run.depth = 0;
    assert_int_equal(weir_jinja_order(&f->run, list, other, &order, &is_equal), WEIR_STATUS_FULL);
    f->run.depth = 0;
    weir_jinja_builder b;
    ok(weir_jinja_build(&b, &f->run, 0));
    assert_int_equal(weir_jinja_add_json(&b, list, &(weir_jinja_json_style){0}), WEIR_STATUS_FULL);
}

/* ---- dicts --------------------------------------------------------------------------------- */

static void dicts_keep_order_and_find_all(void **state) {
    fixture *f = *state;
    enum { N = 5000 };
    weir_jinja_value dict;
    weir_jinja_entry *entry;
    ok(weir_jinja_new_dict(&f->run, WEIR_JINJA_DICT, &dict));
    for (int64_t i = 0; i < N; i++) {
        ok(weir_jinja_set(&f->run, dict.as.dict, weir_jinja_int(i * 7), weir_jinja_int(i)));
        ok(weir_jinja_find(&f->run, dict.as.dict, weir_jinja_float((double)i * 7), &entry));
        assert_non_null(entry);
    }
    for (int64_t i = 0; i < N; i += 2) {
        ok(weir_jinja_find(&f->run, dict.as.dict, weir_jinja_int(i * 7), &entry));
        if (i % 100 == 0)
            ok(weir_jinja_remove(&f->run, dict.as.dict, entry));
    }
    assert_int_equal(dict.as.dict->n, N - N / 100);
    int64_t before = -1;
    for (size_t i = 0; i < dict.as.dict->n; i++) {
        weir_jinja_entry *here = &dict.as.dict->entries[i];
        assert_true(here->value.as.integer > before);
        before = here->value.as.integer;
        ok(weir_jinja_find(&f->run, dict.as.dict, here->key, &entry));
        assert_ptr_equal(entry, here);
    }
    ok(weir_jinja_find(&f->run, dict.as.dict, weir_jinja_int(0), &entry));
    assert_null(entry);
}

static void equal_numbers_are_one_key(void **state) {
    fixture *f = *state;
    weir_jinja_value dict, big;
    weir_jinja_entry *entry;
    ok(weir_jinja_new_dict(&f->run, WEIR_JINJA_DICT, &dict));
    ok(weir_jinja_set(&f->run, dict.as.dict, weir_jinja_int(1), weir_jinja_int(10)));
    ok(weir_jinja_set(&f->run, dict.as.dict, weir_jinja_bool(true), weir_jinja_int(20)));
    ok(weir_jinja_set(&f->run, dict.as.dict, weir_jinja_float(1), weir_jinja_int(30)));
    assert_int_equal(dict.as.dict->n, 1);
    assert_int_equal(dict.as.dict->entries[0].key.type, WEIR_JINJA_INT);
    assert_int_equal(dict.as.dict->entries[0].value.as.integer, 30);
    ok(weir_jinja_integer(&f->run, "100000000000000000000", 21, &big));
    ok(weir_jinja_set(&f->run, dict.as.dict, big, weir_jinja_none()));
    ok(weir_jinja_find(&f->run, dict.as.dict, weir_jinja_float(1e20), &entry));
    assert_non_null(entry);
    ok(weir_jinja_find(&f->run, dict.as.dict, weir_jinja_none(), &entry));
    assert_null(entry);
}

/* ---- the context --------------------------------------------------------------------------- */

static weir_jinja_value at(fixture *f, weir_jinja_value v, const char *path) {
    for (const char *c = path; *c != 0;) {
        size_t n = strcspn(c, ".");
        weir_jinja_value key, next;
        if (*c >= '0' && *c <= '9')
            key = weir_jinja_int(*c - '0');
        else
            ok(weir_jinja_copy_string(&f->run, c, n, 0, &key));
        ok(weir_jinja_item(&f->run, v, key, &next));
        v = next;
        c += n + (c[n] == '.');
    }
    return v;
}

static void a_conversation_says_whose_words(void **state) {
    fixture *f = *state;
    static const char context[] =
        "{\"tools\": [{\"name\": \"t\"}], \"bos_token\": \"<s>\", \"eos_token\": [\"x\"],"
        " \"messages\": ["
        "{\"role\": \"user\", \"content\": \"u\"},"
        "{\"content\": \"a\\n\", \"thinking\": \"h\", \"reasoning\": \"r\", \"name\": \"n\","
        " \"reasoning_content\": \"q\", \"tool_calls\": [{\"content\": \"c\"}],"
        " \"role\": \"assistant\"},"
        "{\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"p\"},"
        " {\"type\": \"text\", \"text\": null}, \"loose\"]},"
        "{\"role\": \"user\", \"content\": \"w\", \"role\": \"assistant\"},"
        "{\"role\": \"assistant\", \"content\": \"z\", \"role\": \"user\"},"
        "\"odd\"], \"extra\": {\"messages\": [{\"role\": \"assistant\", \"content\": \"e\"}]}}";
    static const struct {
        const char *path;
        weir_span_kind kind;
        int32_t message;
    } rows[] = {
        {"tools.0.name", WEIR_SPAN_CONTENT, -1},
        {"bos_token", WEIR_SPAN_CONTENT, -1},
        {"eos_token.0", WEIR_SPAN_CONTENT, -1},
        {"messages.0.role", WEIR_SPAN_CONTENT, 0},
        {"messages.0.content", WEIR_SPAN_CONTENT, 0},
        {"messages.1.role", WEIR_SPAN_CONTENT, 1},
        {"messages.1.content", WEIR_SPAN_ASSISTANT, 1},
        {"messages.1.thinking", WEIR_SPAN_ASSISTANT, 1},
        {"messages.1.reasoning", WEIR_SPAN_ASSISTANT, 1},
        {"messages.1.reasoning_content", WEIR_SPAN_ASSISTANT, 1},
        {"messages.1.name", WEIR_SPAN_CONTENT, 1},
        {"messages.1.tool_calls.0.content", WEIR_SPAN_CONTENT, 1},
        {"messages.2.content.0.text", WEIR_SPAN_ASSISTANT, 2},
        {"messages.2.content.0.type", WEIR_SPAN_CONTENT, 2},
        {"messages.2.content.2", WEIR_SPAN_CONTENT, 2},
        {"messages.3.content", WEIR_SPAN_ASSISTANT, 3}, /* the last role counts */
        {"messages.4.content", WEIR_SPAN_CONTENT, 4},
        {"messages.5", WEIR_SPAN_CONTENT, 5},
        {"extra.messages.0.content", WEIR_SPAN_CONTENT, -1},
    };
    weir_jinja_value v;
    ok(weir_jinja_read_context(&f->run, context, strlen(context), &v));
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_jinja_value found = at(f, v, rows[i].path);
        assert_int_equal(found.type, WEIR_JINJA_STRING);
        weir_jinja_origin origin = weir_jinja_worst_origin(found.as.string);
        if (weir_jinja_origin_kind(origin) != rows[i].kind ||
            weir_jinja_origin_message(origin) != rows[i].message)
            fail_msg("%s has kind %d, message %d", rows[i].path, weir_jinja_origin_kind(origin),
                     weir_jinja_origin_message(origin));
    }
    const weir_jinja_string *key = at(f, v, "messages.1").as.dict->entries[0].key.as.string;
    assert_int_equal(key->origin, weir_jinja_origin_of(WEIR_SPAN_CONTENT, 1));
}

static void json_is_read_as_written(void **state) {
    fixture *f = *state;
    static const struct {
        const char *text, *repr;
    } rows[] = {
        {" { \"b\" : 1 , \"a\" : [ ] } ", "{'b': 1, 'a': []}"},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", "{'a': 3, 'b': 2}"},
        {"[-0, -0.0, 1E2, 1e-2, 1.50, 1e400, -1e400]", "[0, -0.0, 100.0, 0.01, 1.5, inf, -inf]"},
        {"[9223372036854775807, 9223372036854775808, -9223372036854775808, "
         "-9223372036854775809, 123456789012345678901234567890]",
         "[9223372036854775807, 9223372036854775808, -9223372036854775808, "
         "-9223372036854775809, 123456789012345678901234567890]"},
        {"\"\\u0041\\n\\/\\u00e9\\ud83d\\ude00\\u0000\"", "'A\\n/é😀\\x00'"},
        {"\"\\ud800 \\udc00 \\ud800\\u0041\"", "'\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd"
                                               "A'"},
        {"[true, false, null]", "[True, False, None]"},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_jinja_value v = json(f, rows[i].text), list;
        ok(weir_jinja_new_list(&f->run, WEIR_JINJA_LIST, 0, &list));
        ok(weir_jinja_append(&f->run, list.as.list, v));
        ok(weir_jinja_str(&f->run, list, &v));
        size_t n = strlen(rows[i].repr);
        assert_int_equal(v.as.string->n, n + 2);
        assert_memory_equal(v.as.string->data + 1, rows[i].repr, n);
    }
}

static void bad_json_is_named_by_place(void **state) {
    fixture *f = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "T: JSON: line 1, column 1: expected an object"},
        {"[1]", "T: JSON: line 1, column 1: expected an object"},
        {"{\"a\": \n  01}", "T: JSON: line 2, column 4: expected ',' or '}'"},
        {"{\"é\": +1}", "T: JSON: line 1, column 7: expected a value"},
        {"{\"a\"}", "T: JSON: line 1, column 5: expected ':'"},
        {"{\"a\": 1,}", "T: JSON: line 1, column 9: expected a key in double quotes"},
        {"{\"a\": [1,]}", "T: JSON: line 1, column 10: expected a value"},
        {"{\"a\": \"x", "T: JSON: line 1, column 9: a string has no end"},
        {"{\"a\": \"\t\"}", "T: JSON: line 1, column 8: a control character in a string"},
        {"{\"a\": \"\\q\"}", "T: JSON: line 1, column 8: an unknown escape"},
        {"{\"a\": \"\\u00g0\"}", "T: JSON: line 1, column 12: expected four hexadecimal digits"},
        {"{\"a\": \"\xff\"}", "T: JSON: line 1, column 8: a string is not UTF-8"},
        {"{\"a\": \"\xc3\"}", "T: JSON: line 1, column 8: a string is not UTF-8"},
        {"{\"a\": 1.}", "T: JSON: line 1, column 9: expected a digit"},
        {"{\"a\": -}", "T: JSON: line 1, column 8: expected a digit"},
        {"{\"a\": NaN}", "T: JSON: line 1, column 7: expected a value"},
        {"{} x", "T: JSON: line 1, column 4: expected the end of the text"},
        {"{\"a\": ", "T: JSON: line 1, column 7: the text ends where a value is expected"},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_jinja_value v;
        assert_int_equal(weir_jinja_read_context(&f->run, rows[i].text, strlen(rows[i].text), &v),
                         WEIR_STATUS_BAD_ARGUMENT);
        if (strncmp(f->err.text, rows[i].error, strlen(rows[i].error)) != 0)
            fail_msg("%s: %s", rows[i].text, f->err.text);
    }
}

static void json_nests_so_deep(void **state) {
    fixture *f = *state;
    char deep[2 * WEIR_JINJA_MAX_JSON_DEPTH + 8];
    enum { N = WEIR_JINJA_MAX_JSON_DEPTH };
    memset(deep, '[', N + 1);
    memset(deep + N + 1, ']', N + 1);
    weir_jinja_value v;
    weir_jinja_string s = weir_jinja_literal(deep + 1, 2 * N, 0);
    ok(weir_jinja_read_json(&f->run, &s, &v));
    ok(weir_jinja_str(&f->run, v, &v)); /* what can be read can be written */
    s = weir_jinja_literal(deep, 2 * N + 2, 0);
    assert_int_equal(weir_jinja_read_json(&f->run, &s, &v), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(f->err.text, "nested too deep"));
}

/* ---- behaviour ----------------------------------------------------------------------------- */

static weir_jinja_value call_value(fixture *f, weir_jinja_value v) {
    weir_jinja_value result;
    ok(weir_jinja_call_value(&f->run, v, &(weir_jinja_call){0}, &result));
    return result;
}

static void a_cycler_goes_round(void **state) {
    fixture *f = *state;
    weir_jinja_value cycler, result;
    ok(jinja_call(&f->run, 'g', "cycler", json(f, "[\"a\", \"b\"]"), weir_jinja_none(), &cycler));
    weir_jinja_value next = at(f, cycler, "next"), reset = at(f, cycler, "reset");
    assert_origins(call_value(f, next), "a", "t");
    assert_origins(at(f, cycler, "current"), "b", "t");
    assert_origins(call_value(f, next), "b", "t");
    assert_origins(call_value(f, next), "a", "t");
    call_value(f, reset);
    assert_origins(call_value(f, next), "a", "t");
    ok(jinja_call(&f->run, 'g', "joiner", json(f, "[\"; \"]"), weir_jinja_none(), &result));
    assert_origins(call_value(f, result), "", "");
    assert_origins(call_value(f, result), "; ", "tt");
    assert_origins(call_value(f, result), "; ", "tt");
}

/* A method comes before an item in a.b, behind it in a["b"]. */
static void attributes_and_items_have_an_order(void **state) {
    fixture *f = *state;
    weir_jinja_value dict = json(f, "{\"items\": 1, \"other\": 2}"), v;
    const weir_jinja_string *items = text(f, "items", 0).as.string;
    ok(weir_jinja_attribute(&f->run, dict, items, &v));
    assert_int_equal(v.type, WEIR_JINJA_OBJECT);
    ok(weir_jinja_item(&f->run, dict, weir_jinja_of_string(items), &v));
    assert_int_equal(v.as.integer, 1);
    ok(weir_jinja_attribute(&f->run, dict, text(f, "other", 0).as.string, &v));
    assert_int_equal(v.as.integer, 2);
    ok(weir_jinja_item(&f->run, dict, text(f, "keys", 0), &v));
    assert_int_equal(v.type, WEIR_JINJA_OBJECT);
    ok(weir_jinja_attribute(&f->run, dict, text(f, "nothing", 0).as.string, &v));
    assert_int_equal(v.type, WEIR_JINJA_UNDEFINED);
    assert_int_equal(weir_jinja_fail_undefined(&f->run, v), WEIR_STATUS_FAILED);
    assert_string_equal(f->err.text, "T: 'dict object' has no attribute 'nothing'");
    ok(weir_jinja_item(&f->run, json(f, "[1]"), weir_jinja_int(3), &v));
    weir_jinja_fail_undefined(&f->run, v);
    assert_string_equal(f->err.text, "T: list object has no element 3");
    ok(weir_jinja_item(&f->run, weir_jinja_none(), weir_jinja_int(3), &v));
    weir_jinja_fail_undefined(&f->run, v);
    assert_string_equal(f->err.text, "T: None has no element 3");
}

static void a_group_has_two_names(void **state) {
    fixture *f = *state;
    weir_jinja_value groups =
        call(f, 'f', "groupby", json(f, "[{\"k\": 1}, {\"k\": 2}, {\"k\": 1}]"), "[\"k\"]");
    assert_int_equal(at(f, groups, "0.grouper").as.integer, 1);
    assert_int_equal(at(f, groups, "0.list").as.list->n, 2);
    assert_int_equal(at(f, groups, "1.list").as.list->n, 1);
}

static void an_iterator_runs_out(void **state) {
    fixture *f = *state;
    weir_jinja_value odd = call(f, 'f', "select", json(f, "[1, 2, 3]"), "[\"odd\"]");
    weir_jinja_items items;
    size_t n;
    assert_int_equal(odd.type, WEIR_JINJA_ITERATOR);
    assert_true(weir_jinja_truth(odd));
    assert_int_equal(weir_jinja_length(&f->run, odd, &n), WEIR_STATUS_FAILED);
    assert_int_equal(call(f, 'f', "first", odd, "[]").as.integer, 1);
    ok(weir_jinja_iterate(&f->run, odd, &items));
    assert_int_equal(items.n, 1);
    assert_int_equal(items.items[0].as.integer, 3);
    ok(weir_jinja_iterate(&f->run, odd, &items));
    assert_int_equal(items.n, 0);
    assert_true(weir_jinja_truth(odd));
}

/* What changes while a loop runs over it stays readable. */
static void a_loop_survives_changes(void **state) {
    fixture *f = *state;
    weir_jinja_value list = json(f, "[1, 2, 3]");
    weir_jinja_items items;
    ok(weir_jinja_iterate(&f->run, list, &items));
    for (int64_t i = 0; i < 100; i++)
        ok(weir_jinja_append(&f->run, list.as.list, weir_jinja_int(i)));
    call(f, 'm', "clear", list, "[]");
    assert_int_equal(items.n, 3);
    assert_int_equal(items.items[2].as.integer, 3);
}

static void safe_is_left_alone(void **state) {
    fixture *f = *state;
    weir_jinja_value safe = call(f, 'f', "safe", text(f, "<b>", CONTENT), "[]");
    assert_true(call(f, 't', "escaped", safe, "[]").as.boolean);
    assert_origins(call(f, 'f', "escape", safe, "[]"), "<b>", "ccc");
    assert_origins(call(f, 'f', "forceescape", safe, "[]"), "&lt;b&gt;", "ccccccccc");
    assert_origins(call(f, 'f', "escape", call(f, 'f', "escape", text(f, "<", 0), "[]"), "[]"),
                   "&lt;", "tttt");
}

/* 2026-02-24 is a Tuesday; the other days lie where weeks and years meet. */
static void dates_are_written(void **state) {
    (void)state;
    static const struct {
        int64_t now;
        const char *format, *expected;
    } rows[] = {
        {1771945384, "%Y-%m-%d", "2026-02-24"},
        {1771945384, "%d %b %Y", "24 Feb 2026"},
        {1771945384, "%A %B %a %h|%e|%j", "Tuesday February Tue Feb|24|055"},
        {1771945384, "%H:%M:%S %I %p %P %l %k", "15:03:04 03 PM pm  3 15"},
        {1771945384, "%c|%x|%X|%D|%F|%T|%R|%r",
         "Tue Feb 24 15:03:04 2026|02/24/26|15:03:04|02/24/26|2026-02-24|15:03:04|15:03|"
         "03:03:04 PM"},
        {1771945384, "%y %C %u %w %U %W %V %G %g", "26 20 2 2 08 08 09 2026 26"},
        {1771945384, "%s %f%z%Z%%%n%t", "1771945384 000000%\n\t"},
        {1771945384, "%-d %-m %-I %-H", "24 2 3 15"},
        {1609459200, "%V %G %U %W %j", "53 2020 00 00 001"},            /* 2021-01-01, a Friday */
        {1735603200, "%V %G %U %W %j %-d", "01 2025 52 53 366 31"},     /* 2024-12-31 */
        {1704067200, "%V %G %U %W %I %p %-j", "01 2024 00 01 12 AM 1"}, /* 2024-01-01 */
        {0, "%F %a", "1970-01-01 Thu"},
        {-86400, "%F %a", "1969-12-31 Wed"},
        {1771945384, "100%", "100%"},
        {1771945384, "", ""},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_error err;
        weir_jinja_run run;
        weir_render_options options = {.has_now = true, .now = rows[i].now};
        weir_jinja_value v;
        weir_jinja_run_open(&run, "T", &options, &err);
        weir_jinja_string format = weir_jinja_literal(rows[i].format, strlen(rows[i].format), 0);
        ok(weir_jinja_strftime(&run, &format, &v));
        char found[200];
        snprintf(found, sizeof found, "%.*s", (int)v.as.string->n, v.as.string->data);
        assert_string_equal(found, rows[i].expected);
        weir_jinja_run_close(&run);
    }
}

static void a_date_that_is_none_is_refused(void **state) {
    fixture *f = *state;
    weir_jinja_value v;
    weir_jinja_string format = weir_jinja_literal("%Q", 2, 0);
    assert_int_equal(weir_jinja_strftime(&f->run, &format, &v), WEIR_STATUS_FAILED);
    assert_string_equal(f->err.text, "T: strftime: unknown directive '%Q'");
    f->run.has_now = true;
    f->run.now = INT64_MAX;
    format = weir_jinja_literal("%Y", 2, 0);
    assert_int_equal(weir_jinja_strftime(&f->run, &format, &v), WEIR_STATUS_FAILED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pieces_keep_their_origin),
        TEST(every_operation_keeps_origins),
        TEST(parts_of_a_split_keep_origins),
        TEST(formats_keep_origins),
        TEST(nested_text_keeps_origins),
        TEST(from_json_keeps_origins),
        TEST(the_generation_flag_is_an_origin),
        TEST(the_worst_origin_wins),
        TEST(strings_do_not_change),
        TEST(a_builder_goes_on_after_its_string),
        TEST(growing_a_text_is_linear),
        cmocka_unit_test(memory_ends),
        TEST(steps_end),
        TEST(circles_end),
        TEST(dicts_keep_order_and_find_all),
        TEST(equal_numbers_are_one_key),
        TEST(a_conversation_says_whose_words),
        TEST(json_is_read_as_written),
        TEST(bad_json_is_named_by_place),
        TEST(json_nests_so_deep),
        TEST(a_cycler_goes_round),
        TEST(attributes_and_items_have_an_order),
        TEST(a_group_has_two_names),
        TEST(an_iterator_runs_out),
        TEST(a_loop_survives_changes),
        TEST(safe_is_left_alone),
        cmocka_unit_test(dates_are_written),
        TEST(a_date_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
