/*
 * regex_parse.c: the text of a regular expression into a tree.
 *
 * Owns the syntax, and what of it is refused, with the byte. Does not own classes (regex_class.c)
 * or what the tree becomes (regex_nodes.c).
 */
#include "base/utf8.h"
#include "text/regex_class.h"

#include <string.h>

enum { MAX_DEPTH = 200, MAX_COUNT = 10000000 };

typedef struct parser {
    weir_pda_builder *b;
    const char *text, *where;
    size_t n, at;
    uint32_t depth;
} parser;

static weir_regex *fail(const parser *in, weir_status status, size_t at, const char *what) {
    weir_pda_refuse(in->b, status, "%s: byte %zu of the expression: %s", in->where, at, what);
    return NULL;
}

static weir_regex *bad(const parser *in, const char *what) {
    return fail(in, WEIR_STATUS_BAD_ARGUMENT, in->at, what);
}

static weir_regex *unsupported(const parser *in, size_t at, const char *what) {
    return fail(in, WEIR_STATUS_UNSUPPORTED, at, what);
}

static char peek(const parser *in, size_t ahead) {
    return in->at + ahead < in->n ? in->text[in->at + ahead] : '\0';
}

static bool is_end(const parser *in) {
    return in->at == in->n;
}

static weir_regex *make(const parser *in, weir_regex_kind kind) {
    weir_regex *out = weir_pda_room(in->b, sizeof *out);
    if (out)
        out->kind = kind;
    return out;
}

static weir_regex *make_class(const parser *in, weir_class *from, bool is_inverted) {
    weir_regex *out = make(in, WEIR_REGEX_CLASS);
    if (out)
        out->ranges = weir_class_end(in->b, from, is_inverted, &out->n_ranges);
    return out && out->ranges ? out : NULL;
}

/* ---- characters ----------------------------------------------------------------------------- */

static bool read_code(parser *in, uint32_t *code) {
    size_t used;
    if (weir_utf8_step(in->text + in->at, in->n - in->at, code, &used) != WEIR_UTF8_WHOLE)
        return bad(in, "not UTF-8") != NULL;
    in->at += used;
    return true;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n digits, or any number in braces. */
static bool read_hex(parser *in, size_t n, uint32_t *code) {
    bool is_braced = peek(in, 0) == '{';
    size_t n_read = 0;
    in->at += is_braced;
    *code = 0;
    while (hex_value(peek(in, 0)) >= 0 && n_read < (is_braced ? 8 : n)) {
        *code = *code * 16 + (uint32_t)hex_value(peek(in, 0));
        in->at++;
        n_read++;
    }
    bool is_good = is_braced ? n_read > 0 && peek(in, 0) == '}' : n_read == n;
    in->at += is_braced && is_good;
    return (is_good && *code <= 0x10ffff) || bad(in, "expected hexadecimal digits") != NULL;
}

static bool read_unicode(parser *in, uint32_t *code) {
    uint32_t low;
    if (!read_hex(in, 4, code))
        return false;
    if (*code >= 0xd800 && *code <= 0xdbff && peek(in, 0) == '\\' && peek(in, 1) == 'u') {
        in->at += 2;
        if (!read_hex(in, 4, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return bad(in, "half of a surrogate pair") != NULL;
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    }
    return (*code < 0xd800 || *code > 0xdfff) || bad(in, "half of a surrogate pair") != NULL;
}

/* An escape that stands for one character; the backslash was taken. */
static bool read_escaped(parser *in, bool is_in_class, uint32_t *code) {
    static const char letters[] = "tnrfv0", meant[] = "\t\n\r\f\v";
    size_t start = in->at - 1;
    char c = peek(in, 0);
    if (is_end(in))
        return bad(in, "expected a character behind the backslash") != NULL;
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (c == '0' && peek(in, 1) >= '0' && peek(in, 1) <= '9')
        letter = NULL;
    if (letter || (c == 'b' && is_in_class)) {
        in->at++;
        *code = letter ? (uint8_t)meant[letter - letters] : '\b';
        return true;
    }
    if (c == 'x' || c == 'u') {
        in->at++;
        return c == 'x' ? read_hex(in, 2, code) && *code != 0xd800 : read_unicode(in, code);
    }
    if (c == 'c' && ((peek(in, 1) | 32) >= 'a' && (peek(in, 1) | 32) <= 'z')) {
        *code = (uint32_t)peek(in, 1) & 31u;
        in->at += 2;
        return true;
    }
    if ((c >= '0' && c <= '9') || c == 'k' || c == 'g')
        return unsupported(in, start, "back-references cannot be enforced") != NULL;
    if (c == 'b' || c == 'B' || c == 'A' || c == 'Z' || c == 'z' || c == 'G')
        return unsupported(in, start, "\\b and its like cannot be enforced") != NULL;
    if (c == 'p' || c == 'P' || c == 'X' || c == 'R' || c == 'h' || c == 'N')
        return unsupported(in, start, "this class of characters is not known here") != NULL;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return fail(in, WEIR_STATUS_BAD_ARGUMENT, start, "an unknown escape") != NULL;
    return read_code(in, code);
}

/* ---- classes -------------------------------------------------------------------------------- */

/* One end of a range, or a class with a letter (*is_class). */
static bool read_class_item(parser *in, weir_class *to, bool is_inverted, bool *is_class,
                            uint32_t *code) {
    *is_class = false;
    if (peek(in, 0) != '\\')
        return read_code(in, code);
    if (weir_class_add_letter(to, peek(in, 1), is_inverted)) {
        in->at += 2;
        *is_class = true;
        return true;
    }
    in->at++;
    return read_escaped(in, true, code);
}

static weir_regex *parse_class(parser *in) {
    size_t start = in->at++;
    weir_class items = {.n = 0};
    bool is_inverted = peek(in, 0) == '^';
    in->at += is_inverted;
    if (peek(in, 0) == ']')
        return unsupported(in, in->at, "] first in a class means different things; write \\]");
    while (!is_end(in) && peek(in, 0) != ']') {
        bool is_class, is_class_too;
        uint32_t first, last;
        if (peek(in, 0) == '[' && strchr(":.=", peek(in, 1)) && peek(in, 1) != '\0')
            return unsupported(in, in->at, "classes with names are not known here");
        if (!read_class_item(in, &items, is_inverted, &is_class, &first))
            return NULL;
        if (peek(in, 0) == '-' && peek(in, 1) != ']' && in->at + 1 < in->n) {
            in->at++;
            if (!read_class_item(in, &items, is_inverted, &is_class_too, &last))
                return NULL;
            if (is_class || is_class_too)
                return bad(in, "a range that begins or ends with a class");
            if (last < first)
                return bad(in, "a range whose end is before its beginning");
            weir_class_add(&items, first, last);
        } else if (!is_class) {
            weir_class_add(&items, first, first);
        }
    }
    if (is_end(in))
        return fail(in, WEIR_STATUS_BAD_ARGUMENT, start, "a class without an end");
    in->at++;
    return make_class(in, &items, is_inverted);
}

static weir_regex *single(const parser *in, uint32_t code) {
    weir_class one = {.n = 0};
    weir_class_add(&one, code, code);
    return make_class(in, &one, false);
}

static weir_regex *parse_escape(parser *in) {
    weir_class letter = {.n = 0};
    uint32_t code;
    in->at++;
    if (weir_class_add_letter(&letter, peek(in, 0), false)) {
        in->at++;
        return make_class(in, &letter, false);
    }
    return read_escaped(in, false, &code) ? single(in, code) : NULL;
}

/* ---- structure ------------------------------------------------------------------------------ */

static weir_regex *parse_alternatives(parser *in);

/* Behind "(?": what kind of group it is. False: one that is refused. */
static bool read_group_kind(parser *in, size_t start) {
    in->at++;
    char c = peek(in, 0), after = peek(in, 1);
    if (c == ':') {
        in->at++;
        return true;
    }
    if (c == '=' || c == '!' || (c == '<' && (after == '=' || after == '!')))
        return unsupported(in, start, "look-around cannot be enforced") != NULL;
    if (c == 'P' && after == '<')
        in->at++;
    if (peek(in, 0) != '<' && peek(in, 0) != '\'')
        return unsupported(in, start, "this kind of group is not known here") != NULL;
    char closing = peek(in, 0) == '<' ? '>' : '\'';
    in->at++;
    const char *end = memchr(in->text + in->at, closing, in->n - in->at);
    if (!end)
        return bad(in, "a name of a group without an end") != NULL;
    in->at = (size_t)(end - in->text) + 1;
    return true;
}

static weir_regex *parse_group(parser *in) {
    size_t start = in->at++;
    if (++in->depth > MAX_DEPTH)
        return unsupported(in, start, "more than 200 groups inside each other");
    if (peek(in, 0) == '?' && !read_group_kind(in, start))
        return NULL;
    if (peek(in, 0) == '*' && start + 1 == in->at)
        return unsupported(in, start, "this kind of group is not known here");
    weir_regex *inner = parse_alternatives(in);
    if (!inner)
        return NULL;
    if (peek(in, 0) != ')' || is_end(in))
        return fail(in, WEIR_STATUS_BAD_ARGUMENT, start, "a group without an end");
    in->at++;
    in->depth--;
    return inner;
}

static weir_regex *parse_dot(parser *in) {
    weir_class lines = {.n = 0};
    in->at++;
    weir_class_add(&lines, '\n', '\n');
    weir_class_add(&lines, '\r', '\r');
    weir_class_add(&lines, 0x85, 0x85);
    weir_class_add(&lines, 0x2028, 0x2029);
    return make_class(in, &lines, true);
}

static weir_regex *parse_atom(parser *in) {
    uint32_t code;
    switch (peek(in, 0)) {
    case '(':
        return parse_group(in);
    case '[':
        return parse_class(in);
    case '\\':
        return parse_escape(in);
    case '.':
        return parse_dot(in);
    case '^':
        in->at++;
        return make(in, WEIR_REGEX_BEGIN);
    case '$':
        in->at++;
        return make(in, WEIR_REGEX_END);
    case '*':
    case '+':
    case '?':
        return bad(in, "nothing to repeat");
    default:
        return read_code(in, &code) ? single(in, code) : NULL;
    }
}

static bool read_count(parser *in, uint32_t *count) {
    size_t start = in->at;
    *count = 0;
    while (peek(in, 0) >= '0' && peek(in, 0) <= '9') {
        *count = *count * 10 + (uint32_t)(peek(in, 0) - '0');
        if (*count > MAX_COUNT)
            return unsupported(in, start, "more than 10,000,000 repetitions") != NULL;
        in->at++;
    }
    return in->at > start;
}

/* {m} {m,} {m,n}. False without a failure: the brace is a character. */
static bool read_braces(parser *in, uint32_t *min, uint32_t *max) {
    size_t start = in->at++;
    if (peek(in, 0) == ',' && peek(in, 1) >= '0' && peek(in, 1) <= '9')
        return unsupported(in, start, "{,n} means different things; write {0,n}") != NULL;
    if (read_count(in, min)) {
        *max = *min;
        if (peek(in, 0) == ',') {
            in->at++;
            if (!read_count(in, max))
                *max = WEIR_PDA_NO_LIMIT;
        }
        if (peek(in, 0) == '}' && in->b->status == WEIR_STATUS_OK) {
            in->at++;
            return *min <= *max || bad(in, "{m,n} with m above n") != NULL;
        }
    }
    in->at = start;
    return false;
}

static bool read_quantifier(parser *in, uint32_t *min, uint32_t *max) {
    char c = peek(in, 0);
    if (c == '{')
        return read_braces(in, min, max);
    if (c != '*' && c != '+' && c != '?')
        return false;
    in->at++;
    *min = c == '+';
    *max = c == '?' ? 1 : WEIR_PDA_NO_LIMIT;
    return true;
}

static weir_regex *parse_repeat(parser *in) {
    uint32_t min, max;
    weir_regex *atom = parse_atom(in);
    if (!atom || !read_quantifier(in, &min, &max))
        return in->b->status == WEIR_STATUS_OK ? atom : NULL;
    if (atom->kind == WEIR_REGEX_BEGIN || atom->kind == WEIR_REGEX_END)
        return unsupported(in, in->at, "^ and $ cannot be repeated");
    if (peek(in, 0) == '+')
        return unsupported(in, in->at, "possessive repetition cannot be enforced");
    /* A lazy one takes the same texts. */
    in->at += peek(in, 0) == '?';
    if (strchr("*+?", peek(in, 0)) && peek(in, 0) != '\0')
        return bad(in, "nothing to repeat");
    weir_regex *out = make(in, WEIR_REGEX_REPEAT);
    if (!out)
        return NULL;
    /* An atom may be a child elsewhere only once: it has one `next`. */
    out->first = atom;
    out->min = min;
    out->max = max;
    return out;
}

static weir_regex *parse_sequence(parser *in) {
    weir_regex *out = make(in, WEIR_REGEX_CONCAT);
    weir_regex **place = out ? &out->first : NULL;
    while (out && !is_end(in) && peek(in, 0) != '|' && peek(in, 0) != ')') {
        weir_regex *item = parse_repeat(in);
        if (!item)
            return NULL;
        *place = item;
        place = &item->next;
    }
    return out;
}

static weir_regex *parse_alternatives(parser *in) {
    weir_regex *first = parse_sequence(in);
    if (!first || is_end(in) || peek(in, 0) != '|')
        return first;
    weir_regex *out = make(in, WEIR_REGEX_ALT);
    if (!out)
        return NULL;
    out->first = first;
    for (weir_regex *last = first; !is_end(in) && peek(in, 0) == '|'; last = last->next) {
        in->at++;
        last->next = parse_sequence(in);
        if (!last->next)
            return NULL;
    }
    return out;
}

weir_regex *weir_regex_parse(weir_pda_builder *b, const char *text, size_t n, const char *where) {
    parser in = {.b = b, .text = text, .n = n, .where = where};
    weir_regex *out = parse_alternatives(&in);
    if (out && !is_end(&in))
        return bad(&in, "a closing bracket without an opening one");
    return out;
}
