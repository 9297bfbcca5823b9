/*
 * reply_json.c: JSON text that grows.
 *
 * Owns the bytes and the list of members of objects not closed yet. Does not own what is written:
 * callers put values in between. Invariant: strings are written with one spelling for each code
 * point, so equal keys are equal bytes.
 */
#include "text/reply_json.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool make_room(weir_reply_text *to, size_t n) {
    if (n <= to->cap - to->n)
        return true;
    size_t cap = to->cap + to->cap / 2 + n + 64;
    char *grown = to->is_out_of_memory || cap < to->cap ? NULL : realloc(to->data, cap);
    if (!grown) {
        to->is_out_of_memory = true;
        return false;
    }
    to->data = grown;
    to->cap = cap;
    return true;
}

void weir_reply_put(weir_reply_text *to, const char *data, size_t n) {
    if (n == 0 || !make_room(to, n))
        return;
    memcpy(to->data + to->n, data, n);
    to->n += n;
}

void weir_reply_put_code(weir_reply_text *to, uint32_t code) {
    char bytes[WEIR_UTF8_MAX];
    weir_reply_put(to, bytes, weir_utf8_encode(code, bytes));
}

void weir_reply_text_free(weir_reply_text *text) {
    free(text->data);
    *text = (weir_reply_text){0};
}

void weir_reply_json_free(weir_reply_json *json) {
    weir_reply_text_free(&json->text);
    free(json->members);
    *json = (weir_reply_json){0};
}

bool weir_reply_json_is_whole(const weir_reply_json *json) {
    return !json->text.is_out_of_memory;
}

/* ---- strings -------------------------------------------------------------------------------- */

/* The letter of a two-character escape, 0: there is none. */
static char escape_letter(uint32_t code) {
    switch (code) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return 0;
    }
}

void weir_json_put_code(weir_reply_json *json, uint32_t code) {
    static const char hex[] = "0123456789abcdef";
    char letter = escape_letter(code);
    if (letter)
        weir_reply_put(&json->text, (char[]){'\\', letter}, 2);
    else if (code < 0x20u)
        weir_reply_put(&json->text, (char[]){'\\', 'u', '0', '0', hex[code >> 4], hex[code & 15u]},
                       6);
    else
        weir_reply_put_code(&json->text, code);
}

void weir_json_put_string(weir_reply_json *json, const char *text, size_t n) {
    weir_reply_put(&json->text, "\"", 1);
    for (size_t at = 0; at < n;) {
        uint32_t code;
        size_t used;
        weir_utf8_step(text + at, n - at, &code, &used);
        weir_json_put_code(json, code);
        at += used;
    }
    weir_reply_put(&json->text, "\"", 1);
}

static uint32_t hex_value(char digit) {
    return digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)(digit - 'a' + 10);
}

/* What the escape at text stands for, of those that weir_json_put_code writes; *n is its length. */
static char escaped_byte(const char *text, size_t *n) {
    *n = 2;
    switch (text[1]) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'u':
        *n = 6;
        return (char)(hex_value(text[4]) << 4 | hex_value(text[5]));
    default:
        return text[1];
    }
}

void weir_json_put_unescaped(weir_reply_text *to, const weir_reply_json *json, size_t at,
                             size_t n) {
    if (!weir_reply_json_is_whole(json))
        return;
    assert(n >= 2 && json->text.data[at] == '"' && json->text.data[at + n - 1] == '"');
    const char *text = json->text.data + at + 1, *end = text + n - 2;
    while (text < end) {
        const char *escape = memchr(text, '\\', (size_t)(end - text));
        weir_reply_put(to, text, (size_t)((escape ? escape : end) - text));
        if (!escape)
            return;
        size_t used;
        char byte = escaped_byte(escape, &used);
        weir_reply_put(to, &byte, 1);
        text = escape + used;
    }
}

/* ---- objects -------------------------------------------------------------------------------- */

weir_json_object weir_json_open(weir_reply_json *json) {
    weir_json_object object = {json->text.n, json->n_members};
    weir_reply_put(&json->text, "{", 1);
    return object;
}

void weir_json_next(weir_reply_json *json, const weir_json_object *object) {
    if (json->n_members > object->first_member)
        weir_reply_put(&json->text, ", ", 2);
}

void weir_json_key_end(weir_reply_json *json, size_t key) {
    if (json->n_members == json->cap_members) {
        size_t cap = json->cap_members * 2 + 16;
        weir_json_member *grown = realloc(json->members, cap * sizeof *grown);
        if (!grown) {
            json->text.is_out_of_memory = true;
            return;
        }
        json->members = grown;
        json->cap_members = cap;
    }
    json->members[json->n_members++] = (weir_json_member){key, json->text.n - key, 0};
    weir_reply_put(&json->text, ": ", 2);
}

void weir_json_value_end(weir_reply_json *json) {
    if (weir_reply_json_is_whole(json))
        json->members[json->n_members - 1].end = json->text.n;
}

/* A member with what sorting needs. */
typedef struct sorted_member {
    const char *key; /* [n_key] */
    size_t n_key;
    size_t index;
} sorted_member;

static bool is_same_key(const sorted_member *a, const sorted_member *b) {
    return a->n_key == b->n_key && memcmp(a->key, b->key, a->n_key) == 0;
}

/* By length, bytes, place. */
static int compare_members(const void *left, const void *right) {
    const sorted_member *a = left, *b = right;
    if (a->n_key != b->n_key)
        return a->n_key < b->n_key ? -1 : 1;
    int order = memcmp(a->key, b->key, a->n_key);
    if (order != 0)
        return order;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Fills value_of [n]: for each member the one whose value it takes, n where it is dropped. Returns
 * whether any is. */
static bool find_repeated(const weir_reply_json *json, const weir_json_member *members, size_t n,
                          sorted_member *sorted, size_t *value_of) {
    for (size_t i = 0; i < n; i++)
        sorted[i] = (sorted_member){json->text.data + members[i].key, members[i].n_key, i};
    qsort(sorted, n, sizeof *sorted, compare_members);
    bool is_any = false;
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && is_same_key(&sorted[i], &sorted[next]); next++) {
            value_of[sorted[next].index] = n;
            is_any = true;
        }
        value_of[sorted[i].index] = sorted[next - 1].index;
    }
    return is_any;
}

/* Writes the members anew, from a copy of what stands behind the brace. */
static void rewrite_members(weir_reply_json *json, size_t at, const weir_json_member *members,
                            size_t n, const size_t *value_of) {
    weir_reply_text old = {0};
    weir_reply_put(&old, json->text.data + at, json->text.n - at);
    if (old.is_out_of_memory) {
        json->text.is_out_of_memory = true;
        return;
    }
    json->text.n = at + 1;
    for (size_t i = 0; i < n; i++) {
        if (value_of[i] == n)
            continue;
        const weir_json_member *value = &members[value_of[i]];
        size_t value_at = value->key + value->n_key;
        if (json->text.n > at + 1)
            weir_reply_put(&json->text, ", ", 2);
        weir_reply_put(&json->text, old.data + (members[i].key - at), members[i].n_key);
        weir_reply_put(&json->text, old.data + (value_at - at), value->end - value_at);
    }
    weir_reply_text_free(&old);
}

bool weir_json_close(weir_reply_json *json, const weir_json_object *object) {
    if (!weir_reply_json_is_whole(json))
        return false;
    size_t n = json->n_members - object->first_member;
    json->n_members = object->first_member;
    bool is_any = false;
    if (n > 1) {
        const weir_json_member *members = json->members + object->first_member;
        sorted_member *sorted = calloc(n, sizeof *sorted);
        size_t *value_of = calloc(n, sizeof *value_of);
        if (!sorted || !value_of)
            json->text.is_out_of_memory = true;
        else if ((is_any = find_repeated(json, members, n, sorted, value_of)))
            rewrite_members(json, object->at, members, n, value_of);
        free(sorted);
        free(value_of);
    }
    weir_reply_put(&json->text, "}", 1);
    return is_any;
}
