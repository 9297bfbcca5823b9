/*
 * reply_calls.c: calls out of the text of a block.
 *
 * Owns the list of calls: f(a=1) and {"name": .., "arguments": ..}, in brackets or without, and
 * what happens to one that cannot be read: it is dropped with a warning, and the reader goes on
 * behind its brackets. Does not own values (reply_value.c) or what becomes of a block without a
 * call (reply.c). Invariant: never steps backwards, so the time is linear.
 */
#include "text/reply_calls.h"

#include "base/error.h"
#include "base/utf8.h"
#include "text/reply_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spans in the JSON text of what a call is made of. */
typedef struct call_parts {
    size_t name, n_name;
    size_t arguments, n_arguments;
    bool has_name, has_arguments;
    bool is_positional; /* the arguments came as one dict: f({..}) */
} call_parts;

typedef struct block_reader {
    weir_literal_reader in;
    weir_reply_calls *calls;
} block_reader;

/* ---- items ---------------------------------------------------------------------------------- */

static void add_item(weir_reply_calls *calls, weir_reply_item item) {
    if (calls->n_items == calls->cap_items) {
        size_t cap = calls->cap_items * 2 + 8;
        weir_reply_item *grown = realloc(calls->items, cap * sizeof *grown);
        if (!grown) {
            calls->json.text.is_out_of_memory = true;
            return;
        }
        calls->items = grown;
        calls->cap_items = cap;
    }
    calls->items[calls->n_items++] = item;
}

/* Each bad item of a block may be two bytes long; its warning is a line. */
enum { MAX_BAD_TOLD = 8 };

enum { EXCERPT_BYTES = 40, EXCERPT_ROOM = 3 * EXCERPT_BYTES + 1 };

/* The beginning of text [n] for a warning. */
static const char *excerpt(char out[EXCERPT_ROOM], const char *text, size_t n) {
    if (n > EXCERPT_BYTES) {
        n = EXCERPT_BYTES;
        while (n > 0 && ((uint8_t)text[n] & 0xc0u) == 0x80u)
            n--;
    }
    out[weir_utf8_repair(text, n, out)] = '\0';
    return out;
}

static void warn(weir_reply_calls *calls, const char *line) {
    weir_reply_item item = {.text = calls->json.text.n, .n = strlen(line)};
    weir_reply_put(&calls->json.text, line, item.n);
    add_item(calls, item);
}

/* What began at `start` went wrong at the reader's place. The first few are told. */
static void warn_bad_call(block_reader *block, size_t start) {
    if (block->calls->n_bad++ >= MAX_BAD_TOLD)
        return;
    weir_error line; /* for its way of making one line of anything */
    char begin[EXCERPT_ROOM];
    const weir_literal_reader *in = &block->in;
    weir_fail(&line, WEIR_STATUS_FAILED, "not a tool call: %s at byte %zu of \"%s\"",
              in->why ? in->why : "not a call", in->at - start,
              excerpt(begin, in->text + start, in->n - start));
    warn(block->calls, line.text);
}

static void warn_repairs(block_reader *block, const call_parts *call) {
    const struct {
        bool is_done;
        const char *what;
    } repairs[] = {
        {block->in.has_leading_zeros, "leading zeros of a number left out"},
        {block->in.has_inner_quotes, "quotes inside a string taken as part of it"},
        {call->is_positional, "one dict without a name taken as the arguments"},
    };
    for (size_t i = 0; i < WEIR_COUNT(repairs); i++) {
        if (!repairs[i].is_done || !weir_reply_json_is_whole(&block->calls->json))
            continue;
        weir_error line;
        char name[EXCERPT_ROOM];
        weir_fail(&line, WEIR_STATUS_FAILED, "tool call %s repaired: %s",
                  excerpt(name, block->calls->json.text.data + call->name, call->n_name),
                  repairs[i].what);
        warn(block->calls, line.text);
    }
}

/* ---- f(a=1) --------------------------------------------------------------------------------- */

/* Of a call, beside those of words: paths and numbers that some servers put into names. */
static bool is_name_byte(char c) {
    return weir_literal_is_word_byte(c) || c == '/' || c == ':';
}

static void put_name(block_reader *block, call_parts *call, const char *text, size_t n) {
    weir_reply_text *out = &block->calls->json.text;
    call->name = out->n;
    for (size_t at = 0; at < n;) {
        uint32_t code;
        size_t used;
        weir_utf8_step(text + at, n - at, &code, &used);
        weir_reply_put_code(out, code);
        at += used;
    }
    call->n_name = out->n - call->name;
    call->has_name = true;
}

static void end_arguments(block_reader *block, call_parts *call) {
    call->n_arguments = block->calls->json.text.n - call->arguments;
    call->has_arguments = true;
}

/* a=1 */
static bool read_argument(block_reader *block, const weir_json_object *object) {
    weir_literal_reader *in = &block->in;
    size_t start = in->at;
    while (in->at < in->n && weir_literal_is_word_byte(in->text[in->at]))
        in->at++;
    size_t end = in->at;
    weir_literal_skip_space(in);
    if (end == start || !weir_literal_take(in, '=')) {
        in->at = start;
        return weir_literal_fail(in, "expected an argument, name=value");
    }
    weir_json_next(in->json, object);
    size_t key = in->json->text.n;
    weir_json_put_string(in->json, in->text + start, end - start);
    weir_json_key_end(in->json, key);
    weir_literal_skip_space(in);
    if (!weir_literal_read(in, WEIR_LITERAL_ARGUMENT))
        return false;
    weir_json_value_end(in->json);
    return true;
}

/* {..} or **{..} as the only argument. */
static bool read_positional(block_reader *block, call_parts *call) {
    weir_literal_reader *in = &block->in;
    while (weir_literal_take(in, '*'))
        ;
    if (in->at == in->n || in->text[in->at] != '{')
        return weir_literal_fail(in, "expected a dict");
    call->is_positional = true;
    if (!weir_literal_read(in, WEIR_LITERAL_ANY))
        return false;
    if (weir_reply_json_is_whole(in->json) && in->json->text.data[call->arguments] != '{')
        return weir_literal_fail(in, "expected a dict, found a set");
    weir_literal_skip_space(in);
    weir_literal_take(in, ',');
    weir_literal_skip_space(in);
    return true;
}

static bool read_named(block_reader *block) {
    weir_literal_reader *in = &block->in;
    weir_json_object object = weir_json_open(in->json);
    while (in->at < in->n && in->text[in->at] != ')') {
        if (!read_argument(block, &object))
            return false;
        weir_literal_skip_space(in);
        if (!weir_literal_take(in, ','))
            break;
        weir_literal_skip_space(in);
    }
    if (weir_json_close(in->json, &object))
        return weir_literal_fail(in, "an argument given twice");
    return true;
}

/* A call in Python's form; the name is next. */
static bool read_python_call(block_reader *block, call_parts *call) {
    weir_literal_reader *in = &block->in;
    size_t start = in->at;
    while (in->at < in->n && is_name_byte(in->text[in->at]))
        in->at++;
    size_t end = in->at;
    weir_literal_skip_space(in);
    if (end == start || !weir_literal_take(in, '('))
        return weir_literal_fail(in, "expected a call, name(..)");
    in->n_open++;
    put_name(block, call, in->text + start, end - start);
    call->arguments = in->json->text.n;
    weir_literal_skip_space(in);
    char c = in->at < in->n ? in->text[in->at] : '\0';
    if (!(c == '{' || c == '*' ? read_positional(block, call) : read_named(block)))
        return false;
    if (!weir_literal_take(in, ')'))
        return weir_literal_fail(in, "expected a comma or the closing bracket");
    in->n_open--;
    end_arguments(block, call);
    return true;
}

/* ---- {"name": .., "arguments": ..} ----------------------------------------------------------- */

static bool is_string_at(const weir_reply_json *json, size_t at) {
    return !weir_reply_json_is_whole(json) || json->text.data[at] == '"';
}

/* The string literal at `at`, the last thing written, becomes the name. */
static bool take_name(block_reader *block, call_parts *call, size_t at) {
    weir_reply_json *json = &block->calls->json;
    weir_reply_text name = {0};
    weir_json_put_unescaped(&name, json, at, json->text.n - at);
    json->text.n = at;
    bool is_good = name.n > 0;
    for (size_t i = 0; i < name.n; i++)
        is_good = is_good && (uint8_t)name.data[i] >= 0x20u && name.data[i] != 0x7f;
    if (is_good)
        put_name(block, call, name.data, name.n);
    json->text.is_out_of_memory |= name.is_out_of_memory;
    weir_reply_text_free(&name);
    return is_good ||
           weir_literal_fail(&block->in, "a name that is empty or has control characters");
}

/* The string literal at `at`, the last thing written, holds JSON, or nothing at all. */
static bool unpack_arguments(block_reader *block, size_t at) {
    weir_reply_json *json = &block->calls->json;
    weir_reply_text inner = {0};
    weir_json_put_unescaped(&inner, json, at, json->text.n - at);
    json->text.n = at;
    weir_literal_reader in = {.text = inner.data, .n = inner.n, .json = json, .is_json = true};
    weir_literal_skip_space(&in);
    bool is_good = true;
    if (in.at == in.n) {
        weir_reply_put(&json->text, "{}", 2);
    } else {
        is_good = weir_literal_read(&in, WEIR_LITERAL_ANY);
        weir_literal_skip_space(&in);
        is_good = is_good && in.at == in.n;
    }
    json->text.is_out_of_memory |= inner.is_out_of_memory;
    weir_reply_text_free(&inner);
    return is_good || weir_literal_fail(&block->in, "arguments that are a string without JSON");
}

/* The value just written at `at` becomes the arguments: an object, a string that holds one, null.
 */
static bool take_arguments(block_reader *block, call_parts *call, size_t at) {
    weir_reply_json *json = &block->calls->json;
    if (is_string_at(json, at) && !unpack_arguments(block, at))
        return false;
    if (!weir_reply_json_is_whole(json))
        return true;
    if (json->text.data[at] == 'n') {
        json->text.n = at;
        weir_reply_put(&json->text, "{}", 2);
    } else if (json->text.data[at] != '{') {
        return weir_literal_fail(&block->in, "arguments that are no object");
    }
    call->arguments = at;
    end_arguments(block, call);
    return true;
}

typedef enum json_field { FIELD_OTHER, FIELD_NAME, FIELD_ARGUMENTS, FIELD_FUNCTION } json_field;

/* Which field is the key [from `at` to the end of the text]? */
static json_field field_of(const weir_reply_json *json, size_t at) {
    static const struct {
        const char *key;
        json_field field;
    } fields[] = {{"\"name\"", FIELD_NAME},
                  {"\"arguments\"", FIELD_ARGUMENTS},
                  {"\"parameters\"", FIELD_ARGUMENTS},
                  {"\"function\"", FIELD_FUNCTION}};
    if (!weir_reply_json_is_whole(json))
        return FIELD_OTHER;
    size_t n = json->text.n - at;
    for (size_t i = 0; i < WEIR_COUNT(fields); i++)
        if (strlen(fields[i].key) == n && memcmp(fields[i].key, json->text.data + at, n) == 0)
            return fields[i].field;
    return FIELD_OTHER;
}

static bool read_json_call(block_reader *block, call_parts *call);

static bool read_field(block_reader *block, call_parts *call) {
    weir_literal_reader *in = &block->in;
    weir_reply_json *json = in->json;
    size_t at = json->text.n;
    if (!weir_literal_read_key(in))
        return false;
    json_field field = field_of(json, at);
    json->text.n = at;
    if (field == FIELD_FUNCTION && in->at < in->n && in->text[in->at] == '{')
        return read_json_call(block, call);
    if (!weir_literal_read(in, WEIR_LITERAL_MEMBER))
        return false;
    if (field == FIELD_ARGUMENTS)
        return take_arguments(block, call, at);
    bool is_name = field == FIELD_NAME || (field == FIELD_FUNCTION && is_string_at(json, at));
    if (is_name && !is_string_at(json, at))
        return weir_literal_fail(in, "a name that is no string");
    if (is_name)
        return take_name(block, call, at);
    json->text.n = at;
    return true;
}

/* An object with a name and arguments, or one that holds such an object as its function. */
static bool read_json_call(block_reader *block, call_parts *call) {
    weir_literal_reader *in = &block->in;
    if (in->n_open >= WEIR_LITERAL_MAX_DEPTH)
        return weir_literal_fail(in, "nested too deep");
    in->at++;
    in->n_open++;
    weir_literal_skip_space(in);
    while (in->at < in->n && in->text[in->at] != '}') {
        if (!read_field(block, call))
            return false;
        weir_literal_skip_space(in);
        if (!weir_literal_take(in, ','))
            break;
        weir_literal_skip_space(in);
    }
    if (!weir_literal_take(in, '}'))
        return weir_literal_fail(in, "expected a comma or the closing brace");
    in->n_open--;
    return true;
}

static bool read_json_form(block_reader *block, call_parts *call) {
    block->in.is_json = true;
    bool is_good = read_json_call(block, call);
    block->in.is_json = false;
    if (!is_good)
        return false;
    if (!call->has_name)
        return weir_literal_fail(&block->in, "an object without a name");
    if (!call->has_arguments) {
        call->arguments = block->calls->json.text.n;
        weir_reply_put(&block->calls->json.text, "{}", 2);
        end_arguments(block, call);
    }
    return true;
}

/* ---- the list ------------------------------------------------------------------------------- */

/* Behind a call come the next one or the end. */
static bool is_over(weir_literal_reader *in) {
    size_t start = in->at;
    weir_literal_skip_space(in);
    char c = in->at < in->n ? in->text[in->at] : ']';
    return c == ',' || c == ';' || c == ']' ||
           memchr(in->text + start, '\n', in->at - start) != NULL ||
           weir_literal_fail(in, "expected a comma or the end");
}

/* One call, or a warning about what is none. */
static void read_item(block_reader *block) {
    weir_literal_reader *in = &block->in;
    weir_reply_json *json = in->json;
    size_t start = in->at, text_before = json->text.n, members_before = json->n_members;
    call_parts call = {0};
    in->why = NULL;
    in->has_leading_zeros = in->has_inner_quotes = false;
    bool is_good =
        in->text[start] == '{' ? read_json_form(block, &call) : read_python_call(block, &call);
    if (is_good && is_over(in)) {
        warn_repairs(block, &call);
        add_item(block->calls,
                 (weir_reply_item){true, call.name, call.n_name, call.arguments, call.n_arguments});
        block->calls->n_calls++;
        return;
    }
    if (weir_reply_json_is_whole(json)) {
        json->text.n = text_before;
        json->n_members = members_before;
    }
    warn_bad_call(block, start);
    if (!weir_literal_skip_to(in, 0))
        in->at = in->n;
}

bool weir_reply_calls_parse(weir_reply_calls *calls, const char *text, size_t n) {
    calls->json.text.n = calls->json.n_members = 0;
    calls->json.text.is_out_of_memory = false;
    calls->n_items = calls->n_calls = calls->n_bad = 0;
    block_reader block = {{.text = text, .n = n, .json = &calls->json}, calls};
    weir_literal_reader *in = &block.in;
    size_t n_lists = 0, n_closed = 0, n_outside = 0, n_stray = 0;
    for (;;) {
        weir_literal_skip_space(in);
        if (in->at == in->n)
            break;
        char c = in->text[in->at];
        if (c == '[') {
            n_lists++;
        } else if (c == ']') {
            n_closed++;
            n_stray += n_closed > n_lists;
        } else if (c == ')' || c == '}') {
            n_stray++;
        } else if (c != ',' && c != ';') {
            n_outside += n_lists == 0 || n_closed > 0;
            read_item(&block);
            continue;
        }
        in->at++;
    }
    if (n_stray > 0 && calls->n_items == 0)
        calls->n_bad++; /* brackets that close nothing are not an empty list */
    calls->is_whole_list = n_lists == 1 && n_closed == 1 && n_outside + n_stray == 0;
    calls->has_unclosed_string = in->has_unclosed_string;
    calls->unclosed = in->first_unclosed;
    return weir_reply_json_is_whole(&calls->json);
}

void weir_reply_calls_free(weir_reply_calls *calls) {
    weir_reply_json_free(&calls->json);
    free(calls->items);
    *calls = (weir_reply_calls){0};
}
