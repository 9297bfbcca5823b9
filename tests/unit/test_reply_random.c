/*
 * test_reply_random.c: random arguments, printed as Python and as JSON with random spelling, come
 * back equal by value and in the order written, whatever stands around the block and however the
 * reply is cut.
 */
#include "base/random.h"
#include "base/utf8.h"
#include "unit/reply_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define START "<|tool_call_start|>"
#define END   "<|tool_call_end|>"

typedef struct dice {
    uint64_t round, n;
    bool has_tokens; /* marks are pushed as tokens: what looks like one is text */
    size_t n_marks;  /* that stand in strings */
} dice;

/* Where marks are text, one string holds no start mark behind an end mark, and a block not more
 * than a few marks: docs/toolcalls.md. */
enum { MAX_MARKS = 12 };

static uint64_t roll(dice *d, uint64_t n) {
    return weir_mix64(d->round, 7, d->n++) % n;
}

static void put(reply_log *to, const char *text) {
    log_put(to, text, strlen(text));
}

static void put_space(reply_log *to, dice *d) {
    static const char *const spaces[] = {"", "", "", " ", "\n", " \t "};
    put(to, spaces[roll(d, 6)]);
}

/* ---- random values -------------------------------------------------------------------------- */

static json_t *random_string(dice *d) {
    static const char *const parts[] = {"a",
                                        "it's",
                                        "\"",
                                        "'",
                                        "\\",
                                        "\n",
                                        ", b=",
                                        ")]",
                                        "\t",
                                        "\x01",
                                        "}",
                                        "<|tool",
                                        "\\n",
                                        "'''",
                                        " ",
                                        "7",
                                        ":",
                                        "\xc3\xa9",
                                        "\xf0\x9f\x98\x80"};
    reply_log text = {0};
    put(&text, "");
    for (uint64_t n = roll(d, 6); n > 0; n--)
        put(&text, parts[roll(d, sizeof parts / sizeof *parts)]);
    if (roll(d, 8) == 0 && (d->has_tokens || d->n_marks++ < MAX_MARKS))
        put(&text, roll(d, 2) ? START : END);
    if (roll(d, 8) == 0 && d->has_tokens)
        put(&text, roll(d, 2) ? START : END);
    json_t *string = json_stringn(text.text, text.n);
    log_free(&text);
    return string;
}

static json_t *random_value(dice *d, int depth) {
    json_t *value;
    switch (roll(d, depth > 3 ? 5 : 7)) {
    case 0:
        return random_string(d);
    case 1:
        return json_integer((json_int_t)roll(d, 2000) - 1000);
    case 2:
        return json_real(((double)roll(d, 100000) - 50000) / 64);
    case 3:
        return json_boolean(roll(d, 2));
    case 4:
        return json_null();
    case 5:
        value = json_array();
        for (uint64_t n = roll(d, 4); n > 0; n--)
            json_array_append_new(value, random_value(d, depth + 1));
        return value;
    default:
        value = json_object();
        for (uint64_t n = roll(d, 4); n > 0; n--) {
            json_t *key = random_string(d);
            json_object_set_new(value, json_string_value(key), random_value(d, depth + 1));
            json_decref(key);
        }
        return value;
    }
}

static json_t *random_arguments(dice *d) {
    static const char *const names[] = {"a",   "from",      "class",
                                        "x_1", "some-name", "\xc3\xa9t\xc3\xa9"};
    json_t *arguments = json_object();
    for (uint64_t n = roll(d, 5); n > 0; n--)
        json_object_set_new(arguments, names[roll(d, 6)], random_value(d, 0));
    return arguments;
}

/* ---- as Python ------------------------------------------------------------------------------ */

static void put_python_string(reply_log *to, dice *d, const char *text, size_t n) {
    char quote = roll(d, 2) ? '"' : '\'';
    size_t width = roll(d, 4) == 0 ? 3 : 1;
    bool is_ascii = roll(d, 3) == 0;
    for (size_t i = 0; i < width; i++)
        log_put(to, &quote, 1);
    for (size_t at = 0; at < n;) {
        char escaped[16];
        uint32_t code;
        size_t used;
        assert_int_equal(weir_utf8_step(text + at, n - at, &code, &used), WEIR_UTF8_WHOLE);
        if (code == (uint8_t)quote || code == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", (char)code);
        else if (code == '\n' && roll(d, 2))
            snprintf(escaped, sizeof escaped, "\\n");
        else if (is_ascii && code >= 0x80u)
            snprintf(escaped, sizeof escaped, code > 0xffffu ? "\\U%08x" : "\\u%04x", code);
        else if (is_ascii && code < 0x20u)
            snprintf(escaped, sizeof escaped, "\\x%02x", code);
        else
            snprintf(escaped, sizeof escaped, "%.*s", (int)used, text + at);
        put(to, escaped);
        at += used;
    }
    for (size_t i = 0; i < width; i++)
        log_put(to, &quote, 1);
}

static void put_python(reply_log *to, dice *d, const json_t *value);

static void put_python_list(reply_log *to, dice *d, const json_t *list) {
    bool is_tuple = json_array_size(list) != 1 && roll(d, 3) == 0;
    put(to, is_tuple ? "(" : "[");
    for (size_t i = 0; i < json_array_size(list); i++) {
        put(to, i > 0 ? "," : "");
        put_space(to, d);
        put_python(to, d, json_array_get(list, i));
        put_space(to, d);
    }
    put(to, json_array_size(list) > 0 && roll(d, 3) == 0 ? "," : "");
    put(to, is_tuple ? ")" : "]");
}

static void put_python_dict(reply_log *to, dice *d, json_t *dict) {
    bool is_first = true;
    put(to, "{");
    for (void *at = json_object_iter(dict); at; at = json_object_iter_next(dict, at)) {
        put(to, is_first ? "" : ",");
        is_first = false;
        put_space(to, d);
        put_python_string(to, d, json_object_iter_key(at), strlen(json_object_iter_key(at)));
        put_space(to, d);
        put(to, ":");
        put_space(to, d);
        put_python(to, d, json_object_iter_value(at));
        put_space(to, d);
    }
    put(to, !is_first && roll(d, 3) == 0 ? "," : "");
    put(to, "}");
}

static void put_python(reply_log *to, dice *d, const json_t *value) {
    char number[64];
    switch (json_typeof(value)) {
    case JSON_STRING:
        put_python_string(to, d, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%d", (int)json_integer_value(value));
        put(to, number);
        break;
    case JSON_REAL:
        snprintf(number, sizeof number, roll(d, 2) ? "%.17e" : "%.10f", json_real_value(value));
        put(to, number);
        break;
    case JSON_TRUE:
        put(to, roll(d, 2) ? "True" : "true");
        break;
    case JSON_FALSE:
        put(to, roll(d, 2) ? "False" : "false");
        break;
    case JSON_NULL:
        put(to, roll(d, 2) ? "None" : "null");
        break;
    case JSON_ARRAY:
        put_python_list(to, d, value);
        break;
    case JSON_OBJECT:
        put_python_dict(to, d, (json_t *)(uintptr_t)value);
        break;
    }
}

static void put_python_call(reply_log *to, dice *d, const char *name, json_t *arguments) {
    bool is_first = true;
    put(to, name);
    put(to, "(");
    for (void *at = json_object_iter(arguments); at; at = json_object_iter_next(arguments, at)) {
        put(to, is_first ? "" : ",");
        is_first = false;
        put_space(to, d);
        put(to, json_object_iter_key(at));
        put(to, roll(d, 4) ? "=" : " = ");
        put_python(to, d, json_object_iter_value(at));
        put_space(to, d);
    }
    put(to, ")");
}

/* ---- as JSON -------------------------------------------------------------------------------- */

static void put_json_call(reply_log *to, dice *d, const char *name, json_t *arguments) {
    size_t flags = roll(d, 2) ? JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH : 0;
    char *text = json_dumps(arguments, flags | (roll(d, 2) ? JSON_INDENT(2) : JSON_COMPACT));
    bool may_pack = d->has_tokens || d->n_marks == 0; /* into one string */
    json_t *packed = may_pack && roll(d, 3) == 0 ? json_string(text) : NULL;
    char *string = packed ? json_dumps(packed, JSON_ENCODE_ANY) : NULL;
    put(to, roll(d, 2) ? "{\"name\": \"" : "{ \"id\": 1, \"name\":\"");
    put(to, name);
    put(to, roll(d, 2) ? "\", \"arguments\": " : "\",\"parameters\":");
    put(to, string ? string : text);
    put(to, "}");
    json_decref(packed);
    free(string);
    free(text);
}

/* ---- there and back ------------------------------------------------------------------------- */

/* Numbers by value, objects with their order. */
static void assert_same(json_t *a, json_t *b) {
    if (json_is_number(a)) {
        assert_true(json_number_value(a) == json_number_value(b));
        return;
    }
    assert_int_equal(json_typeof(a), json_typeof(b));
    if (json_is_array(a)) {
        assert_int_equal(json_array_size(a), json_array_size(b));
        for (size_t i = 0; i < json_array_size(a); i++)
            assert_same(json_array_get(a, i), json_array_get(b, i));
    } else if (json_is_object(a)) {
        assert_int_equal(json_object_size(a), json_object_size(b));
        void *at_b = json_object_iter(b);
        for (void *at = json_object_iter(a); at; at = json_object_iter_next(a, at)) {
            assert_string_equal(json_object_iter_key(at), json_object_iter_key(at_b));
            assert_same(json_object_iter_value(at), json_object_iter_value(at_b));
            at_b = json_object_iter_next(b, at_b);
        }
    } else {
        assert_true(json_equal(a, b));
    }
}

typedef struct came_back {
    json_t *arguments[3];
    size_t n, n_other;
} came_back;

static void collect(void *context, const weir_reply_event *event) {
    came_back *back = context;
    if (event->kind != WEIR_REPLY_CALL) {
        back->n_other++;
        return;
    }
    assert_true(back->n < 3 && event->n == 1 && *event->text == "fgh"[back->n]);
    back->arguments[back->n] =
        json_loadb(event->arguments, event->n_arguments, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(back->arguments[back->n++]);
}

static void check_round(uint64_t round) {
    static const char *const names[] = {"f", "g", "h"};
    dice d = {.round = round, .has_tokens = round % 2 == 0};
    json_t *arguments[3];
    reply_log text = {0};
    size_t n_calls = 1 + (size_t)roll(&d, 3);
    put_space(&text, &d);
    put(&text, "[");
    for (size_t i = 0; i < n_calls; i++) {
        arguments[i] = random_arguments(&d);
        put(&text, i > 0 ? "," : "");
        put_space(&text, &d);
        if (roll(&d, 3) > 0)
            put_python_call(&text, &d, names[i], arguments[i]);
        else
            put_json_call(&text, &d, names[i], arguments[i]);
        put_space(&text, &d);
    }
    put(&text, "]");

    came_back back = {0};
    weir_reply_options options = {
        .marks_are_tokens = d.has_tokens, .on_event = collect, .context = &back};
    weir_reply *reply = NULL;
    assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
    weir_reply_push_mark(reply, START, strlen(START), NULL);
    for (size_t begin = 0, piece; begin < text.n; begin += piece) {
        piece = 1 + (size_t)roll(&d, 30);
        piece = piece < text.n - begin ? piece : text.n - begin;
        reply_push(reply, text.text + begin, piece);
    }
    weir_reply_push_mark(reply, END, strlen(END), NULL);
    reply_end(reply);
    weir_reply_close(&reply);
    if (back.n != n_calls || back.n_other > 0)
        fail_msg("round %d: %zu calls of %zu and %zu other events from %s", (int)round, back.n,
                 n_calls, back.n_other, text.text);
    for (size_t i = 0; i < n_calls; i++) {
        assert_same(arguments[i], back.arguments[i]);
        json_decref(arguments[i]);
        json_decref(back.arguments[i]);
    }
    log_free(&text);
}

static void arguments_come_back(void **state) {
    (void)state;
    uint64_t n_rounds = getenv("WEIR_SOAK") ? 300000 : 5000;
    for (uint64_t round = 0; round < n_rounds; round++)
        check_round(round);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arguments_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
