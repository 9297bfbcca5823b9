/* json_text.c: see json_text.h. Keeps nothing between calls. */
#include "json_text.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *weir_json_text(const char *bytes, size_t n) {
    json_t *string = json_stringn(bytes, n);
    if (string)
        return string;
    char *mended = malloc(3 * n + 2 * WEIR_UTF8_GATE_ROOM);
    if (!mended)
        return NULL;
    weir_utf8_gate gate = {0};
    size_t n_mended = weir_utf8_push(&gate, bytes, n, mended);
    n_mended += weir_utf8_finish(&gate, mended + n_mended);
    string = json_stringn(mended, n_mended);
    free(mended);
    return string;
}

weir_status weir_json_print(json_t *json, weir_error *err) {
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER) : NULL;
    json_decref(json);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the JSON");
    puts(text);
    free(text);
    return WEIR_STATUS_OK;
}

/* ---- the grammar: RFC 8259, to the letter --------------------------------------------------- */

typedef struct scanner {
    const char *at;
    const char *end;   /* NULL: a 0, which no JSON has, ends the text */
    const char *wrong; /* with what stands at `at`; NULL: nothing yet */
    size_t depth;
} scanner;

static bool skip_value(scanner *s);

static bool fail(scanner *s, const char *wrong) {
    s->wrong = wrong;
    return false;
}

/* The next byte, 0 at the end. */
static char peek(const scanner *s) {
    return s->at == s->end ? 0 : *s->at;
}

static bool take(scanner *s, char c) {
    bool is_there = s->at != s->end && *s->at == c;
    s->at += is_there;
    return is_there;
}

static void skip_space(scanner *s) {
    while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r'))
        ;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind its backslash. */
static bool skip_escape(scanner *s) {
    char name = peek(s);
    if (!name || !strchr("\"\\/bfnrtu", name))
        return fail(s, "an unknown escape");
    s->at++;
    for (int i = 0; name == 'u' && i < 4; i++) {
        if (!is_hex_digit(peek(s)))
            return fail(s, "expected four hexadecimal digits");
        s->at++;
    }
    return true;
}

static bool skip_code_point(scanner *s) {
    uint32_t code;
    size_t n_used, n = s->end ? (size_t)(s->end - s->at) : strnlen(s->at, WEIR_UTF8_MAX);
    if (weir_utf8_step(s->at, n, &code, &n_used) != WEIR_UTF8_WHOLE)
        return fail(s, "a string is not UTF-8");
    s->at += n_used;
    return true;
}

static bool skip_string(scanner *s) {
    if (!take(s, '"'))
        return fail(s, "expected a string");
    while (!take(s, '"')) {
        unsigned char c = (unsigned char)peek(s);
        if (c < 0x20)
            return fail(s, "a control character in a string");
        if (take(s, '\\') ? !skip_escape(s) : !skip_code_point(s))
            return false;
    }
    return true;
}

static bool skip_digits(scanner *s) {
    if (!is_digit(peek(s)))
        return fail(s, "expected a digit");
    while (is_digit(peek(s)))
        s->at++;
    return true;
}

static bool skip_number(scanner *s) {
    take(s, '-');
    if (!take(s, '0') && !skip_digits(s))
        return false;
    if (take(s, '.') && !skip_digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        return skip_digits(s);
    }
    return true;
}

static bool skip_word(scanner *s) {
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < WEIR_COUNT(words); i++) {
        const char *start = s->at, *letter = words[i];
        while (*letter && take(s, *letter))
            letter++;
        if (!*letter)
            return true;
        s->at = start;
    }
    return fail(s, "expected a value");
}

/* "key": as far as the value. */
static bool skip_key(scanner *s) {
    skip_space(s);
    if (!skip_string(s))
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return fail(s, "expected ':'");
    skip_space(s);
    return true;
}

/* Behind the bracket that opens it. */
static bool skip_items(scanner *s, bool has_keys) {
    const char close = has_keys ? '}' : ']';
    skip_space(s);
    if (take(s, close))
        return true;
    do {
        if (has_keys && !skip_key(s))
            return false;
        if (!skip_value(s))
            return false;
        skip_space(s);
    } while (take(s, ','));
    return take(s, close) || fail(s, has_keys ? "expected ',' or '}'" : "expected ',' or ']'");
}

static bool skip_value(scanner *s) {
    skip_space(s);
    char c = peek(s);
    if (c == '"')
        return skip_string(s);
    if (c == '-' || is_digit(c))
        return skip_number(s);
    if (c != '{' && c != '[')
        return skip_word(s);
    if (s->depth == WEIR_JSON_MAX_DEPTH)
        return fail(s, "nested too deep");
    s->at++;
    s->depth++;
    bool is_good = skip_items(s, c == '{');
    s->depth--;
    return is_good;
}

/* Behind what was read of text so far: the line, and the column in code points, from 1. */
static void find_place(const char *text, const char *at, size_t *line, size_t *column) {
    const char *start = text, *feed;
    *line = 1;
    while ((feed = memchr(start, '\n', (size_t)(at - start)))) {
        start = feed + 1;
        ++*line;
    }
    *column = weir_utf8_count(start, (size_t)(at - start)) + 1;
}

weir_status weir_json_check(const char *text, size_t n, const char *where, weir_error *err) {
    scanner s = {.at = text, .end = text + n};
    if (skip_value(&s)) {
        skip_space(&s);
        if (s.at == s.end)
            return WEIR_STATUS_OK;
        s.wrong = "expected the end";
    }
    size_t line, column;
    find_place(text, s.at, &line, &column);
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%zu:%zu: %s; expected JSON", where, line,
                     column, s.at == s.end ? "the text ends too early" : s.wrong);
}

json_t *weir_json_read(const char *text, size_t n, const char *where, weir_error *err) {
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    if (weir_json_check(text, n, where, err) != WEIR_STATUS_OK)
        return NULL;
    json_t *json = json_loadb(text, n, flags, &error);
    if (!json && json_error_code(&error) == json_error_numeric_overflow)
        json = json_loadb(text, n, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (!json)
        weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%d:%d: %s; expected JSON", where, error.line,
                  error.column, error.text);
    return json;
}

/* ---- members as they were written ----------------------------------------------------------- */

bool weir_json_member_next(const char **at, weir_json_member *out) {
    scanner s = {.at = *at};
    skip_space(&s);
    if (!take(&s, '{'))
        take(&s, ',');
    skip_space(&s);
    out->key = s.at + 1;
    if (!skip_string(&s))
        return false;
    out->n_key = (size_t)(s.at - out->key) - 1;
    skip_space(&s);
    if (!take(&s, ':'))
        return false;
    skip_space(&s);
    out->value = s.at;
    if (!skip_value(&s))
        return false;
    out->n_value = (size_t)(s.at - out->value);
    *at = s.at;
    return true;
}

bool weir_json_member_is(const weir_json_member *member, const char *key) {
    return member->n_key == strlen(key) && memcmp(member->key, key, member->n_key) == 0;
}

bool weir_json_member_find(const char *text, const char *key, weir_json_member *out) {
    weir_json_member member;
    bool is_found = false;
    while (weir_json_member_next(&text, &member))
        if (weir_json_member_is(&member, key)) {
            *out = member;
            is_found = true;
        }
    return is_found;
}
