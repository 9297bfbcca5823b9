/*
 * jinja_json.c: strict JSON into values, and whose words each string is.
 *
 * Owns the reader and the rule that gives strings of a conversation their origin. Text is RFC 8259:
 * valid UTF-8, no control characters in strings, nothing behind the value. A key that comes twice
 * keeps its last value; \u0000 is a character like others; half a surrogate pair becomes U+FFFD.
 */
#include "text/jinja_json.h"

#include <string.h>

#include "base/utf8.h"

typedef struct reader {
    weir_jinja_run *run;
    const char *text; /* [n] */
    size_t n, at;
    size_t level;                    /* of nesting */
    const weir_jinja_string *source; /* what text is of, and gives the origins; NULL: the context */
    weir_jinja_origin origin;        /* of strings in the context, at present */
    bool in_messages;                /* inside the value of the top-level "messages" */
} reader;

static weir_status read_value(reader *r, weir_jinja_value *out);

static weir_status bad(const reader *r, size_t at, const char *what) {
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < at && i < r->n; i++)
        if (r->text[i] == '\n') {
            line++;
            begin = i + 1;
        }
    size_t column = weir_jinja_count_chars(r->text + begin, at - begin) + 1;
    return weir_jinja_fail(r->run, WEIR_STATUS_BAD_ARGUMENT, "JSON: line %zu, column %zu: %s", line,
                           column, what);
}

static void skip_space(reader *r) {
    while (r->at < r->n && (r->text[r->at] == ' ' || r->text[r->at] == '\t' ||
                            r->text[r->at] == '\n' || r->text[r->at] == '\r'))
        r->at++;
}

/* The next byte, 0 at the end. */
static char peek(const reader *r) {
    return r->at < r->n ? r->text[r->at] : 0;
}

static bool take(reader *r, char c) {
    bool is_there = r->at < r->n && r->text[r->at] == c;
    r->at += is_there;
    return is_there;
}

/* ---- strings ------------------------------------------------------------------------------- */

/* Moves to the closing quote or the next backslash. */
static weir_status skip_plain(reader *r) {
    while (r->at < r->n && r->text[r->at] != '"' && r->text[r->at] != '\\') {
        size_t start = r->at;
        uint8_t first = (uint8_t)r->text[start];
        if (first < 0x20)
            return bad(r, start, "a control character in a string, expected an escape");
        if (first < 0x80) {
            r->at++;
            continue;
        }
        uint32_t code;
        size_t n;
        if (weir_utf8_step(r->text + start, r->n - start, &code, &n) != WEIR_UTF8_WHOLE)
            return bad(r, start, "a string is not UTF-8");
        r->at += n;
    }
    if (r->at == r->n)
        return bad(r, r->n, "a string has no end");
    return WEIR_STATUS_OK;
}

static weir_status read_hex(reader *r, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = peek(r);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return bad(r, r->at, "expected four hexadecimal digits");
        *out = *out * 16 + digit;
    }
    return WEIR_STATUS_OK;
}

/* Behind \u. */
static weir_status read_code_point(reader *r, uint32_t *out) {
    enum { HIGH = 0xd800, LOW = 0xdc00, END = 0xe000, REPLACEMENT = 0xfffd };
    WEIR_TRY(read_hex(r, out));
    if (*out < HIGH || *out >= END)
        return WEIR_STATUS_OK;
    uint32_t high = *out;
    *out = REPLACEMENT;
    if (high >= LOW || r->n - r->at < 2 || memcmp(r->text + r->at, "\\u", 2) != 0)
        return WEIR_STATUS_OK;
    size_t second = r->at;
    uint32_t low;
    r->at += 2;
    WEIR_TRY(read_hex(r, &low));
    if (low >= LOW && low < END)
        *out = 0x10000 + ((high - HIGH) << 10) + (low - LOW);
    else
        r->at = second; /* stands for itself */
    return WEIR_STATUS_OK;
}

static weir_status add_escape(reader *r, weir_jinja_builder *b) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    size_t start = r->at++;
    uint32_t c = 0;
    char name = peek(r);
    const char *found = name == 0 ? NULL : strchr(names, name);
    if (found != NULL) {
        c = (uint8_t)meanings[found - names];
        r->at++;
    } else if (name == 'u') {
        r->at++;
        WEIR_TRY(read_code_point(r, &c));
    } else {
        return bad(r, start, "an unknown escape in a string");
    }
    char bytes[4];
    size_t n = weir_utf8_encode(c, bytes);
    return weir_jinja_add(b, bytes, n,
                          r->source != NULL ? weir_jinja_origin_at(r->source, start) : r->origin);
}

static weir_status add_plain(reader *r, weir_jinja_builder *b, size_t start) {
    return r->source != NULL ? weir_jinja_add_part(b, r->source, start, r->at - start)
                             : weir_jinja_add(b, r->text + start, r->at - start, r->origin);
}

static weir_status read_string(reader *r, weir_jinja_value *out) {
    size_t start = ++r->at;
    WEIR_TRY(skip_plain(r));
    WEIR_TRY(weir_jinja_step(r->run, 1 + (r->at - start) / 8));
    if (r->text[r->at] == '"') {
        size_t n = r->at++ - start;
        return r->source != NULL
                   ? weir_jinja_part(r->run, r->source, start, n, out)
                   : weir_jinja_copy_string(r->run, r->text + start, n, r->origin, out);
    }
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, r->run, 0));
    WEIR_TRY(add_plain(r, &b, start));
    while (r->text[r->at] != '"') {
        WEIR_TRY(add_escape(r, &b));
        start = r->at;
        WEIR_TRY(skip_plain(r));
        WEIR_TRY(weir_jinja_step(r->run, 1 + (r->at - start) / 8));
        WEIR_TRY(add_plain(r, &b, start));
    }
    r->at++;
    return weir_jinja_built(&b, out);
}

/* ---- numbers and words --------------------------------------------------------------------- */

static bool skip_digits(reader *r) {
    size_t start = r->at;
    while (r->at < r->n && r->text[r->at] >= '0' && r->text[r->at] <= '9')
        r->at++;
    return r->at != start;
}

static weir_status read_number(reader *r, weir_jinja_value *out) {
    size_t start = r->at;
    take(r, '-');
    bool is_good = take(r, '0') || skip_digits(r);
    size_t whole_end = r->at;
    if (is_good && take(r, '.'))
        is_good = skip_digits(r);
    if (is_good && (take(r, 'e') || take(r, 'E'))) {
        if (!take(r, '+'))
            take(r, '-');
        is_good = skip_digits(r);
    }
    if (!is_good)
        return bad(r, r->at, "expected a digit");
    WEIR_TRY(weir_jinja_step(r->run, 1 + (r->at - start) / 8));
    if (r->at == whole_end)
        return weir_jinja_integer(r->run, r->text + start, r->at - start, out);
    double x;
    WEIR_TRY(weir_jinja_read_float(r->run, r->text + start, r->at - start, &x));
    *out = weir_jinja_float(x);
    return WEIR_STATUS_OK;
}

static weir_status read_word(reader *r, weir_jinja_value *out) {
    static const struct {
        const char *text;
        weir_jinja_value value;
    } words[] = {{"null", {.type = WEIR_JINJA_NONE}},
                 {"true", {.type = WEIR_JINJA_BOOL, .as.boolean = true}},
                 {"false", {.type = WEIR_JINJA_BOOL, .as.boolean = false}}};
    for (size_t i = 0; i < WEIR_COUNT(words); i++) {
        size_t n = strlen(words[i].text);
        if (r->n - r->at >= n && memcmp(r->text + r->at, words[i].text, n) == 0) {
            r->at += n;
            *out = words[i].value;
            return weir_jinja_step(r->run, 1);
        }
    }
    return bad(r, r->at,
               r->at == r->n ? "the text ends where a value is expected" : "expected a value");
}

/* ---- whose words --------------------------------------------------------------------------- */

static weir_status change_origin(reader *r, weir_jinja_value *v, weir_jinja_origin origin) {
    weir_jinja_string *s = weir_jinja_take(r->run, sizeof *s);
    if (s == NULL)
        return r->run->status;
    *s = *v->as.string;
    s->origin = origin;
    s->buffer = NULL;
    *v = weir_jinja_of_string(s);
    return WEIR_STATUS_OK;
}

/* A string, or the "text" of a list of content parts. */
static weir_status change_text_origin(reader *r, weir_jinja_value *v, weir_jinja_origin origin) {
    if (v->type == WEIR_JINJA_STRING)
        return change_origin(r, v, origin);
    if (v->type != WEIR_JINJA_LIST)
        return WEIR_STATUS_OK;
    for (size_t i = 0; i < v->as.list->n; i++) {
        weir_jinja_value part = v->as.list->items[i];
        weir_jinja_entry *text = part.type != WEIR_JINJA_DICT
                                     ? NULL
                                     : weir_jinja_find_text(part.as.dict, "text", strlen("text"));
        if (text != NULL && text->value.type == WEIR_JINJA_STRING)
            WEIR_TRY(change_origin(r, &text->value, origin));
    }
    return weir_jinja_step(r->run, v->as.list->n);
}

/* The role is known only when the whole message is: its strings were read as CONTENT, and those
 * that an assistant wrote are changed now. */
static weir_status finish_message(reader *r, weir_jinja_value message, int32_t index) {
    static const char *const written[] = {"content", "thinking", "reasoning", "reasoning_content"};
    if (message.type != WEIR_JINJA_DICT)
        return WEIR_STATUS_OK;
    const weir_jinja_entry *role = weir_jinja_find_text(message.as.dict, "role", strlen("role"));
    if (role == NULL || role->value.type != WEIR_JINJA_STRING ||
        !weir_jinja_string_is(role->value.as.string, "assistant"))
        return WEIR_STATUS_OK;
    for (size_t i = 0; i < WEIR_COUNT(written); i++) {
        weir_jinja_entry *entry =
            weir_jinja_find_text(message.as.dict, written[i], strlen(written[i]));
        if (entry != NULL)
            WEIR_TRY(change_text_origin(r, &entry->value,
                                        weir_jinja_origin_of(WEIR_SPAN_ASSISTANT, index)));
    }
    return WEIR_STATUS_OK;
}

/* ---- containers ---------------------------------------------------------------------------- */

static weir_status read_item(reader *r, size_t index, weir_jinja_value *out) {
    bool is_message = r->in_messages && r->level == 2;
    if (!is_message)
        return read_value(r, out);
    if (index >= WEIR_JINJA_MAX_MESSAGES)
        return bad(r, r->at, "too many messages");
    weir_jinja_origin outside = r->origin;
    r->origin = weir_jinja_origin_of(WEIR_SPAN_CONTENT, (int32_t)index);
    WEIR_TRY(read_value(r, out));
    WEIR_TRY(finish_message(r, *out, (int32_t)index));
    r->origin = outside;
    return WEIR_STATUS_OK;
}

static weir_status read_list(reader *r, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(r->run, WEIR_JINJA_LIST, 0, out));
    r->at++;
    skip_space(r);
    if (take(r, ']'))
        return WEIR_STATUS_OK;
    do {
        weir_jinja_value item;
        WEIR_TRY(read_item(r, out->as.list->n, &item));
        WEIR_TRY(weir_jinja_append(r->run, out->as.list, item));
        skip_space(r);
    } while (take(r, ','));
    return take(r, ']') ? WEIR_STATUS_OK : bad(r, r->at, "expected ',' or ']'");
}

/* A member of the context. */
static weir_status read_variable(reader *r, const weir_jinja_string *name, weir_jinja_value *out) {
    skip_space(r);
    r->in_messages = weir_jinja_string_is(name, "messages");
    WEIR_TRY(read_value(r, out));
    r->in_messages = false;
    return WEIR_STATUS_OK;
}

static weir_status read_entry(reader *r, weir_jinja_dict *dict) {
    weir_jinja_value key, value;
    skip_space(r);
    if (peek(r) != '"')
        return bad(r, r->at, "expected a key in double quotes");
    WEIR_TRY(read_string(r, &key));
    skip_space(r);
    if (!take(r, ':'))
        return bad(r, r->at, "expected ':'");
    if (r->level == 1 && r->source == NULL)
        WEIR_TRY(read_variable(r, key.as.string, &value));
    else
        WEIR_TRY(read_value(r, &value));
    return weir_jinja_set(r->run, dict, key, value);
}

static weir_status read_dict(reader *r, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_dict(r->run, WEIR_JINJA_DICT, out));
    r->at++;
    skip_space(r);
    if (take(r, '}'))
        return WEIR_STATUS_OK;
    do {
        WEIR_TRY(read_entry(r, out->as.dict));
        skip_space(r);
    } while (take(r, ','));
    return take(r, '}') ? WEIR_STATUS_OK : bad(r, r->at, "expected ',' or '}'");
}

static weir_status read_value(reader *r, weir_jinja_value *out) {
    skip_space(r);
    char c = peek(r);
    if (c == '"')
        return read_string(r, out);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, out);
    if (c != '[' && c != '{')
        return read_word(r, out);
    if (r->level == WEIR_JINJA_MAX_JSON_DEPTH)
        return bad(r, r->at, "nested too deep");
    r->level++;
    WEIR_TRY(c == '[' ? read_list(r, out) : read_dict(r, out));
    r->level--;
    return WEIR_STATUS_OK;
}

static weir_status read_all(reader *r, weir_jinja_value *out) {
    WEIR_TRY(read_value(r, out));
    skip_space(r);
    return r->at == r->n ? WEIR_STATUS_OK : bad(r, r->at, "expected the end of the text");
}

weir_status weir_jinja_read_context(weir_jinja_run *run, const char *text, size_t n,
                                    weir_jinja_value *out) {
    reader r = {
        .run = run, .text = text, .n = n, .origin = weir_jinja_origin_of(WEIR_SPAN_CONTENT, -1)};
    skip_space(&r);
    if (peek(&r) != '{')
        return bad(&r, r.at, "expected an object of the template's variables");
    return read_all(&r, out);
}

weir_status weir_jinja_read_json(weir_jinja_run *run, const weir_jinja_string *text,
                                 weir_jinja_value *out) {
    reader r = {.run = run, .text = text->data, .n = text->n, .source = text};
    return read_all(&r, out);
}
