/*
 * grammar_json.c: reads JSON into a tree, and finds its way in it.
 *
 * Owns what is well-formed. Does not own what schemas mean. Invariant: strings are valid UTF-8, and
 * an object has each key once.
 */
#include "text/grammar_json.h"

#include "base/utf8.h"
#include "text/grammar_decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 512 };

typedef struct reader {
    weir_pda_builder *b;
    const char *text; /* [n] */
    size_t n, at, depth, n_values;
} reader;

static void *fail(reader *in, const char *expected) {
    weir_pda_refuse(in->b, WEIR_STATUS_BAD_ARGUMENT, "byte %zu of the JSON: expected %s", in->at,
                    expected);
    return NULL;
}

static void skip_space(reader *in) {
    while (in->at < in->n && in->text[in->at] != '\0' && strchr(" \t\r\n", in->text[in->at]))
        in->at++;
}

static bool take(reader *in, char c) {
    skip_space(in);
    if (in->at == in->n || in->text[in->at] != c)
        return false;
    in->at++;
    return true;
}

/* ---- strings -------------------------------------------------------------------------------- */

static bool read_hex(reader *in, uint32_t *code) {
    *code = 0;
    if (in->n - in->at < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        char c = in->text[in->at++];
        const char *digits = "0123456789abcdef";
        const char *digit = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        if (!digit)
            return false;
        *code = *code * 16 + (uint32_t)(digit - digits);
    }
    return true;
}

/* Behind \u. */
static bool read_unicode(reader *in, uint32_t *code) {
    uint32_t low;
    if (!read_hex(in, code) || (*code >= 0xdc00 && *code <= 0xdfff))
        return false;
    if (*code < 0xd800 || *code > 0xdbff)
        return true;
    if (in->n - in->at < 6 || memcmp(in->text + in->at, "\\u", 2) != 0)
        return false;
    in->at += 2;
    if (!read_hex(in, &low) || low < 0xdc00 || low > 0xdfff)
        return false;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool read_escape(reader *in, uint32_t *code) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = in->at < in->n ? in->text[in->at++] : '\0';
    if (c == 'u')
        return read_unicode(in, code);
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter)
        *code = (uint8_t)meant[letter - letters];
    return letter != NULL;
}

/* The text of a string whose quote was taken. */
static char *read_string(reader *in, size_t *n_text) {
    const char *end = memchr(in->text + in->at, '"', in->n - in->at);
    while (end && end[-1] == '\\') {
        const char *back = end - 1;
        while (back[-1] == '\\')
            back--;
        if ((end - back) % 2 == 0)
            break;
        end = memchr(end + 1, '"', in->n - (size_t)(end + 1 - in->text));
    }
    if (!end)
        return fail(in, "the end of a string");
    size_t n_written = (size_t)(end - in->text) - in->at;
    char *out = weir_pda_room(in->b, n_written + 1);
    *n_text = 0;
    while (out && in->text + in->at < end) {
        uint32_t code;
        size_t used;
        if ((uint8_t)in->text[in->at] < 0x20)
            return fail(in, "no control character in a string");
        if (in->text[in->at] == '\\') {
            in->at++;
            if (!read_escape(in, &code))
                return fail(in, "an escape of JSON, halves of surrogate pairs together");
        } else {
            if (weir_utf8_step(in->text + in->at, in->n - in->at, &code, &used) != WEIR_UTF8_WHOLE)
                return fail(in, "UTF-8");
            in->at += used;
        }
        *n_text += weir_utf8_encode(code, out + *n_text);
    }
    in->at++;
    return out;
}

/* ---- values --------------------------------------------------------------------------------- */

static weir_doc *read_value(reader *in);

static bool read_digits(reader *in) {
    size_t start = in->at;
    while (in->at < in->n && in->text[in->at] >= '0' && in->text[in->at] <= '9')
        in->at++;
    return in->at > start;
}

static bool read_number(reader *in) {
    if (in->text[in->at] == '-')
        in->at++;
    size_t start = in->at;
    if (!read_digits(in) || (in->text[start] == '0' && in->at - start > 1))
        return false;
    if (in->at < in->n && in->text[in->at] == '.') {
        in->at++;
        if (!read_digits(in))
            return false;
    }
    if (in->at < in->n && (in->text[in->at] == 'e' || in->text[in->at] == 'E')) {
        in->at++;
        if (in->at < in->n && (in->text[in->at] == '-' || in->text[in->at] == '+'))
            in->at++;
        return read_digits(in);
    }
    return true;
}

static bool read_word(reader *in, weir_doc *out) {
    static const struct {
        const char *word;
        weir_doc_kind kind;
    } words[] = {{"null", WEIR_DOC_NULL}, {"true", WEIR_DOC_TRUE}, {"false", WEIR_DOC_FALSE}};
    for (size_t i = 0; i < WEIR_COUNT(words); i++) {
        size_t n = strlen(words[i].word);
        if (in->n - in->at < n || memcmp(in->text + in->at, words[i].word, n) != 0)
            continue;
        in->at += n;
        out->kind = words[i].kind;
        return true;
    }
    return false;
}

static int compare_key(const char *a, size_t n_a, const char *b, size_t n_b) {
    int order = n_a > 0 && n_b > 0 ? memcmp(a, b, n_a < n_b ? n_a : n_b) : 0;
    return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

static int compare_members(const void *left, const void *right) {
    const weir_doc *a = *(weir_doc *const *)left, *b = *(weir_doc *const *)right;
    return compare_key(a->key, a->n_key, b->key, b->n_key);
}

static weir_doc *index_keys(reader *in, weir_doc *object) {
    size_t n = 0;
    object->by_key = weir_pda_room(in->b, (object->n_children + 1) * sizeof(weir_doc *));
    if (!object->by_key)
        return NULL;
    for (weir_doc *child = object->first; child; child = child->next)
        object->by_key[n++] = child;
    qsort(object->by_key, n, sizeof *object->by_key, compare_members);
    for (size_t i = 1; i < n; i++)
        if (compare_members(&object->by_key[i - 1], &object->by_key[i]) == 0) {
            char place[WEIR_DOC_POINTER];
            weir_pda_refuse(in->b, WEIR_STATUS_BAD_ARGUMENT, "%s: the key is there twice",
                            weir_doc_pointer(place, object->by_key[i], NULL));
            return NULL;
        }
    return object;
}

static bool read_key(reader *in, weir_doc *member) {
    if (!take(in, '"'))
        return fail(in, "a key") != NULL;
    member->key = read_string(in, &member->n_key);
    if (!member->key)
        return false;
    return take(in, ':') || fail(in, "a colon");
}

/* Items or members up to the closing bracket. */
static weir_doc *read_children(reader *in, weir_doc *parent, char closing) {
    weir_doc **place = &parent->first;
    if (++in->depth > MAX_DEPTH)
        return fail(in, "at most 512 levels");
    bool is_more = !take(in, closing);
    while (is_more) {
        weir_doc key = {0};
        if (closing == '}' && !read_key(in, &key))
            return NULL;
        weir_doc *child = read_value(in);
        if (!child)
            return NULL;
        child->key = key.key;
        child->n_key = key.n_key;
        child->parent = parent;
        child->index = parent->n_children++;
        *place = child;
        place = &child->next;
        is_more = take(in, ',');
        if (!is_more && !take(in, closing))
            return fail(in, closing == '}' ? "a comma or }" : "a comma or ]");
    }
    in->depth--;
    return closing == '}' ? index_keys(in, parent) : parent;
}

static weir_doc *read_value(reader *in) {
    weir_doc *out = weir_pda_room(in->b, sizeof *out);
    skip_space(in);
    if (!out || in->at == in->n)
        return fail(in, "a value");
    char c = in->text[in->at];
    size_t start = in->at;
    out->order = in->n_values++;
    if (c == '{' || c == '[') {
        in->at++;
        out->kind = c == '{' ? WEIR_DOC_OBJECT : WEIR_DOC_ARRAY;
        return read_children(in, out, c == '{' ? '}' : ']');
    }
    if (c == '"') {
        in->at++;
        out->kind = WEIR_DOC_STRING;
        out->text = read_string(in, &out->n_text);
        return out->text ? out : NULL;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        if (!read_number(in))
            return fail(in, "a number as JSON writes it");
        out->kind = WEIR_DOC_NUMBER;
        out->n_text = in->at - start;
        char *text = weir_pda_room(in->b, out->n_text + 1);
        if (!text)
            return NULL;
        memcpy(text, in->text + start, out->n_text);
        out->text = text;
        return out;
    }
    return read_word(in, out) ? out : fail(in, "a value");
}

const weir_doc *weir_doc_read(weir_pda_builder *b, const char *source, size_t n) {
    reader in = {.b = b, .text = source, .n = n};
    weir_doc *whole = read_value(&in);
    if (!whole)
        return NULL;
    skip_space(&in);
    return in.at == n ? whole : fail(&in, "the end");
}

/* ---- finding -------------------------------------------------------------------------------- */

const weir_doc *weir_doc_find(const weir_doc *object, const char *key, size_t n_key) {
    if (!object || object->kind != WEIR_DOC_OBJECT)
        return NULL;
    size_t low = 0, high = object->n_children;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const weir_doc *member = object->by_key[middle];
        int order = compare_key(member->key, member->n_key, key, n_key);
        if (order == 0)
            return member;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const weir_doc *weir_doc_get(const weir_doc *object, const char *key) {
    return weir_doc_find(object, key, strlen(key));
}

bool weir_doc_is(const weir_doc *doc, const char *text) {
    return doc && doc->kind == WEIR_DOC_STRING && doc->n_text == strlen(text) &&
           memcmp(doc->text, text, doc->n_text) == 0;
}

static bool are_numbers_equal(const weir_doc *a, const weir_doc *b) {
    weir_decimal x, y;
    if (weir_decimal_read(&x, a->text, a->n_text) && weir_decimal_read(&y, b->text, b->n_text))
        return weir_decimal_compare(&x, &y) == 0;
    return a->n_text == b->n_text && memcmp(a->text, b->text, a->n_text) == 0;
}

bool weir_doc_equal(const weir_doc *a, const weir_doc *b) {
    if (a->kind != b->kind || a->n_children != b->n_children)
        return false;
    if (a->kind == WEIR_DOC_NUMBER)
        return are_numbers_equal(a, b);
    if (a->kind == WEIR_DOC_STRING)
        return a->n_text == b->n_text && memcmp(a->text, b->text, a->n_text) == 0;
    const weir_doc *y = b->first;
    for (const weir_doc *x = a->first; x; x = x->next) {
        const weir_doc *other = a->kind == WEIR_DOC_OBJECT ? weir_doc_find(b, x->key, x->n_key) : y;
        if (!other || !weir_doc_equal(x, other))
            return false;
        y = y->next;
    }
    return true;
}

/* ---- pointers ------------------------------------------------------------------------------- */

static void put_pointer_key(char *out, size_t *n, const char *key, size_t n_key) {
    size_t cap = WEIR_DOC_POINTER - 1;
    if (*n < cap)
        out[(*n)++] = '/';
    for (size_t i = 0; i < n_key && *n < cap; i++) {
        if (key[i] == '~' || key[i] == '/') {
            out[(*n)++] = '~';
            if (*n < cap)
                out[(*n)++] = key[i] == '~' ? '0' : '1';
        } else {
            out[(*n)++] = key[i];
        }
    }
}

static void put_pointer(char *out, size_t *n, const weir_doc *doc) {
    if (!doc->parent) {
        out[(*n)++] = '#';
        return;
    }
    put_pointer(out, n, doc->parent);
    char number[24];
    int n_number = snprintf(number, sizeof number, "%zu", doc->index);
    if (doc->key)
        put_pointer_key(out, n, doc->key, doc->n_key);
    else
        put_pointer_key(out, n, number, (size_t)n_number);
}

const char *weir_doc_pointer(char out[WEIR_DOC_POINTER], const weir_doc *doc, const char *key) {
    size_t n = 0;
    put_pointer(out, &n, doc);
    if (key)
        put_pointer_key(out, &n, key, strlen(key));
    /* No code point is cut in two. */
    n = weir_utf8_valid(out, n);
    out[n] = '\0';
    return out;
}

/* One part of a pointer, %XX and ~0 ~1 decoded. False: it is malformed or too long. */
static bool decode_part(const char *part, size_t n, char *out, size_t cap, size_t *n_out) {
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        char c = part[i];
        if (*n_out == cap)
            return false;
        unsigned hex;
        if (c == '%') {
            char digits[3] = {0};
            if (n - i < 3)
                return false;
            memcpy(digits, part + i + 1, 2);
            if (strspn(digits, "0123456789abcdefABCDEF") != 2 || sscanf(digits, "%x", &hex) != 1)
                return false;
            c = (char)hex;
            i += 2;
        }
        if (c == '~' && *n_out < cap && i + 1 < n && (part[i + 1] == '0' || part[i + 1] == '1'))
            c = part[++i] == '0' ? '~' : '/';
        out[(*n_out)++] = c;
    }
    return true;
}

static const weir_doc *child_at(const weir_doc *array, const char *text, size_t n) {
    size_t index = 0;
    if (n == 0 || n > 9)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(text[i] - '0');
    }
    const weir_doc *child = array->first;
    while (child && child->index != index)
        child = child->next;
    return child;
}

const weir_doc *weir_doc_resolve(const weir_doc *whole, const char *pointer, size_t n) {
    const weir_doc *at = whole;
    char part[1024];
    size_t n_part;
    while (n > 0 && at) {
        if (*pointer != '/')
            return NULL;
        const char *end = memchr(pointer + 1, '/', n - 1);
        size_t n_written = (end ? (size_t)(end - pointer) : n) - 1;
        if (!decode_part(pointer + 1, n_written, part, sizeof part, &n_part))
            return NULL;
        at = at->kind == WEIR_DOC_ARRAY ? child_at(at, part, n_part)
                                        : weir_doc_find(at, part, n_part);
        pointer += n_written + 1;
        n -= n_written + 1;
    }
    return at;
}
