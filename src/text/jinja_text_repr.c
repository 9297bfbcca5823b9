/*
 * jinja_text_repr.c: str() and repr() of values.
 *
 * What comes from a string keeps its origin; quotes, brackets and digits are the template's.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_text.h"

/* ---- floats -------------------------------------------------------------------------------- */

/* The shortest decimal digits that read back as x > 0: digits [n], and the power of ten of the
 * first one. */
static size_t shortest_digits(double x, char digits[20], int *exponent) {
    /* Any 15 digits survive in a normal float, so none of its texts is shorter than what 15 give.
     */
    char text[40];
    for (int precision = x < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, x);
        if (strtod(text, NULL) == x)
            break;
    }
    size_t n = 0;
    const char *c = text;
    for (; *c != 'e'; c++) /* between the first two digits stands the locale's point */
        if (*c >= '0' && *c <= '9')
            digits[n++] = *c;
    *exponent = (int)strtol(c + 1, NULL, 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

size_t weir_jinja_float_text(double x, char out[WEIR_JINJA_FLOAT_ROOM]) {
    enum { MOST_ZEROS = 4, MOST_WHOLE_DIGITS = 16 };
    const char *sign = signbit(x) && !isnan(x) ? "-" : "";
    if (isnan(x) || isinf(x) || x == 0)
        return (size_t)snprintf(out, WEIR_JINJA_FLOAT_ROOM, "%s%s", sign,
                                isnan(x)   ? "nan"
                                : isinf(x) ? "inf"
                                           : "0.0");
    char digits[20];
    int exponent;
    int n = (int)shortest_digits(fabs(x), digits, &exponent);
    if (exponent < -MOST_ZEROS || exponent >= MOST_WHOLE_DIGITS)
        return (size_t)snprintf(out, WEIR_JINJA_FLOAT_ROOM, "%s%c%s%.*se%c%02d", sign, digits[0],
                                n > 1 ? "." : "", n - 1, digits + 1, exponent < 0 ? '-' : '+',
                                abs(exponent));
    if (exponent < 0)
        return (size_t)snprintf(out, WEIR_JINJA_FLOAT_ROOM, "%s0.%.*s%.*s", sign, -exponent - 1,
                                "000", n, digits);
    int n_whole = exponent + 1;
    if (n <= n_whole)
        return (size_t)snprintf(out, WEIR_JINJA_FLOAT_ROOM, "%s%.*s%.*s.0", sign, n, digits,
                                n_whole - n, "0000000000000000");
    return (size_t)snprintf(out, WEIR_JINJA_FLOAT_ROOM, "%s%.*s.%.*s", sign, n_whole, digits,
                            n - n_whole, digits + n_whole);
}

/* ---- strings ------------------------------------------------------------------------------- */

/* Python's escape of c in a repr with this quote; 0: it stands for itself. */
static size_t escape_for_repr(uint32_t c, char quote, char out[16]) {
    static const char *const short_ones[] = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"};
    if (c == (uint8_t)quote || c == '\\')
        return (size_t)snprintf(out, 16, "\\%c", (char)c);
    if (c < WEIR_COUNT(short_ones) && short_ones[c] != NULL)
        return (size_t)snprintf(out, 16, "%s", short_ones[c]);
    if (weir_jinja_is_printable(c))
        return 0;
    return (size_t)snprintf(out, 16,
                            c < 0x100     ? "\\x%02" PRIx32
                            : c < 0x10000 ? "\\u%04" PRIx32
                                          : "\\U%08" PRIx32,
                            c);
}

static weir_status add_quoted(weir_jinja_builder *b, const weir_jinja_string *s) {
    bool has_single = s->n != 0 && memchr(s->data, '\'', s->n) != NULL;
    bool has_double = s->n != 0 && memchr(s->data, '"', s->n) != NULL;
    char quote[2] = {has_single && !has_double ? '"' : '\'', 0};
    WEIR_TRY(weir_jinja_step(b->run, s->n / 4));
    WEIR_TRY(weir_jinja_add_text(b, quote));
    size_t plain = 0; /* where the text that needs no escape began */
    for (size_t at = 0; at < s->n;) {
        char escape[16];
        size_t start = at;
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        size_t n = escape_for_repr(c, quote[0], escape);
        if (n == 0)
            continue;
        WEIR_TRY(weir_jinja_step(b->run, 1));
        WEIR_TRY(weir_jinja_add_part(b, s, plain, start - plain));
        WEIR_TRY(weir_jinja_add(b, escape, n, weir_jinja_origin_at(s, start)));
        plain = at;
    }
    WEIR_TRY(weir_jinja_add_part(b, s, plain, s->n - plain));
    return weir_jinja_add_text(b, quote);
}

/* ---- containers ---------------------------------------------------------------------------- */

static weir_status add_items(weir_jinja_builder *b, const weir_jinja_list *list, bool is_tuple) {
    WEIR_TRY(weir_jinja_add_text(b, is_tuple ? "(" : "["));
    for (size_t i = 0; i < list->n; i++) {
        WEIR_TRY(weir_jinja_add_text(b, i == 0 ? "" : ", "));
        WEIR_TRY(weir_jinja_add_repr(b, list->items[i]));
    }
    if (is_tuple && list->n == 1)
        WEIR_TRY(weir_jinja_add_text(b, ","));
    return weir_jinja_add_text(b, is_tuple ? ")" : "]");
}

static weir_status add_entries(weir_jinja_builder *b, const weir_jinja_dict *dict) {
    WEIR_TRY(weir_jinja_add_text(b, "{"));
    for (size_t i = 0; i < dict->n; i++) {
        WEIR_TRY(weir_jinja_add_text(b, i == 0 ? "" : ", "));
        WEIR_TRY(weir_jinja_add_repr(b, dict->entries[i].key));
        WEIR_TRY(weir_jinja_add_text(b, ": "));
        WEIR_TRY(weir_jinja_add_repr(b, dict->entries[i].value));
    }
    return weir_jinja_add_text(b, "}");
}

static weir_status add_namespace(weir_jinja_builder *b, const weir_jinja_dict *dict) {
    WEIR_TRY(weir_jinja_add_text(b, "<Namespace "));
    WEIR_TRY(add_entries(b, dict));
    return weir_jinja_add_text(b, ">");
}

static weir_status add_object(weir_jinja_builder *b, const weir_jinja_object *object) {
    WEIR_TRY(weir_jinja_add_text(b, "<"));
    WEIR_TRY(weir_jinja_add_text(b, object->behaviour->type_name));
    if (object->name != NULL) {
        WEIR_TRY(weir_jinja_add_text(b, " "));
        WEIR_TRY(weir_jinja_add_text(b, object->name));
    }
    return weir_jinja_add_text(b, ">");
}

static weir_status add_int(weir_jinja_builder *b, int64_t x) {
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, x);
    return weir_jinja_add(b, text, (size_t)n, 0);
}

static weir_status add_float(weir_jinja_builder *b, double x) {
    char text[WEIR_JINJA_FLOAT_ROOM];
    size_t n = weir_jinja_float_text(x, text);
    return weir_jinja_add(b, text, n, 0);
}

static weir_status add_nested(weir_jinja_builder *b, weir_jinja_value v) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
        return weir_jinja_add_text(b, "Undefined");
    case WEIR_JINJA_NONE:
        return weir_jinja_add_text(b, "None");
    case WEIR_JINJA_BOOL:
        return weir_jinja_add_text(b, v.as.boolean ? "True" : "False");
    case WEIR_JINJA_INT:
        return add_int(b, v.as.integer);
    case WEIR_JINJA_FLOAT:
        return add_float(b, v.as.real);
    case WEIR_JINJA_BIG_INT:
        return weir_jinja_add_string(b, v.as.string);
    case WEIR_JINJA_STRING:
        return add_quoted(b, v.as.string);
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        return add_items(b, v.as.list, v.type == WEIR_JINJA_TUPLE);
    case WEIR_JINJA_DICT:
        return add_entries(b, v.as.dict);
    case WEIR_JINJA_NAMESPACE:
        return add_namespace(b, v.as.dict);
    case WEIR_JINJA_ITERATOR:
        return weir_jinja_add_text(b, "<generator object>");
    case WEIR_JINJA_OBJECT:
        break;
    }
    return add_object(b, v.as.object);
}

weir_status weir_jinja_add_repr(weir_jinja_builder *b, weir_jinja_value v) {
    WEIR_TRY(weir_jinja_step(b->run, 1));
    WEIR_TRY(weir_jinja_enter(b->run));
    WEIR_TRY(add_nested(b, v));
    weir_jinja_leave(b->run);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_add_value(weir_jinja_builder *b, weir_jinja_value v) {
    if (v.type == WEIR_JINJA_STRING)
        return weir_jinja_add_string(b, v.as.string);
    return v.type == WEIR_JINJA_UNDEFINED ? WEIR_STATUS_OK : weir_jinja_add_repr(b, v);
}

weir_status weir_jinja_str(weir_jinja_run *run, weir_jinja_value v, weir_jinja_value *out) {
    if (v.type == WEIR_JINJA_STRING) {
        *out = v;
        return WEIR_STATUS_OK;
    }
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_value(&b, v));
    return weir_jinja_built(&b, out);
}
