/*
 * jinja_text_format.c: one value under one format specification, for `%` and str.format alike.
 *
 * Owns padding, signs, number bases and the forms of floats. Reads no format strings: that is
 * jinja_text_percent.c. What pads carries the origin that the specification has.
 */
#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_text_format.h"

enum { FLOAT_ROOM = 1024, INT_ROOM = 72, MAX_FLOAT_PRECISION = 500 };

/* ---- padding ------------------------------------------------------------------------------- */

static weir_status add_fill(weir_jinja_builder *b, const weir_jinja_spec *spec, size_t n) {
    WEIR_TRY(weir_jinja_step(b->run, n));
    for (size_t i = 0; i < n; i++)
        WEIR_TRY(weir_jinja_add(b, spec->fill, spec->n_fill, spec->origin));
    return WEIR_STATUS_OK;
}

/* How much of the width is left for fill, and how much of that goes to the left. */
static size_t fill_of(const weir_jinja_spec *spec, size_t n_chars, char align, size_t *left) {
    size_t n = spec->width > n_chars ? spec->width - n_chars : 0;
    *left = align == '<' ? 0 : align == '^' ? n / 2 : n;
    return n;
}

/* sign is "-", "0x" and the like; `=` pads between it and the digits. */
static weir_status add_number(weir_jinja_builder *b, const weir_jinja_spec *spec, const char *sign,
                              const char *digits, size_t n_digits) {
    size_t left, n_sign = strlen(sign);
    char align = spec->align != 0 ? spec->align : '>';
    size_t fill = fill_of(spec, n_sign + n_digits, align, &left);
    if (align == '=')
        WEIR_TRY(weir_jinja_add_text(b, sign));
    WEIR_TRY(add_fill(b, spec, left));
    if (align != '=')
        WEIR_TRY(weir_jinja_add_text(b, sign));
    WEIR_TRY(weir_jinja_add(b, digits, n_digits, 0));
    return add_fill(b, spec, fill - left);
}

weir_status weir_jinja_add_formatted_string(weir_jinja_builder *b, const weir_jinja_spec *spec,
                                            const weir_jinja_string *s) {
    size_t n = s->n, n_chars = s->n_chars, left;
    if (spec->has_precision && spec->precision < n_chars) {
        n_chars = spec->precision;
        n = weir_jinja_char_at(s, n_chars);
    }
    if (spec->align == '=')
        return weir_jinja_fail(b->run, WEIR_STATUS_FAILED,
                               "'=' alignment not allowed in string format specifier");
    size_t fill = fill_of(spec, n_chars, spec->align != 0 ? spec->align : '<', &left);
    WEIR_TRY(add_fill(b, spec, left));
    WEIR_TRY(weir_jinja_add_part(b, s, 0, n));
    return add_fill(b, spec, fill - left);
}

/* ---- integers ------------------------------------------------------------------------------ */

/* Puts the separator between groups of three digits of the whole part of text [n]. */
static weir_status group_digits(weir_jinja_run *run, const weir_jinja_spec *spec, const char **text,
                                size_t *n) {
    if (spec->group == 0)
        return WEIR_STATUS_OK;
    if (spec->align == '=' && spec->fill[0] == '0')
        return weir_jinja_fail(run, WEIR_STATUS_UNSUPPORTED,
                               "a format with both zero padding and '%c'", spec->group);
    size_t whole = 0, used = 0;
    while (whole < *n && isdigit((unsigned char)(*text)[whole]))
        whole++;
    WEIR_TRY(weir_jinja_step(run, *n));
    char *grouped = weir_jinja_take(run, *n + whole / 3 + 1);
    if (grouped == NULL)
        return run->status;
    for (size_t i = 0; i < *n; i++) {
        if (i != 0 && i < whole && (whole - i) % 3 == 0)
            grouped[used++] = spec->group;
        grouped[used++] = (*text)[i];
    }
    *text = grouped;
    *n = used;
    return WEIR_STATUS_OK;
}

static const char *sign_of(const weir_jinja_spec *spec, bool is_negative) {
    return is_negative ? "-" : spec->sign == '+' ? "+" : spec->sign == ' ' ? " " : "";
}

static size_t write_base(uint64_t x, unsigned base, bool is_large, char out[INT_ROOM]) {
    const char *letters = is_large ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[INT_ROOM];
    size_t n = 0;
    do
        reversed[n++] = letters[x % base];
    while ((x /= base) != 0);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}

static weir_status add_code_point(weir_jinja_builder *b, const weir_jinja_spec *spec, int64_t x) {
    if (x < 0 || x > 0x10ffff)
        return weir_jinja_fail(b->run, WEIR_STATUS_FAILED, "%%c arg not in range(0x110000)");
    char bytes[WEIR_UTF8_MAX];
    weir_jinja_string s = weir_jinja_literal(bytes, weir_utf8_encode((uint32_t)x, bytes), 0);
    /* It may be any character, so it is not the template's word. */
    s.origin = weir_jinja_origin_of(WEIR_SPAN_CONTENT, -1);
    return weir_jinja_add_formatted_string(b, spec, &s);
}

static weir_status add_integer(weir_jinja_builder *b, const weir_jinja_spec *spec,
                               weir_jinja_value v) {
    char room[INT_ROOM], sign[4];
    const char *digits = room;
    size_t n;
    unsigned base = spec->type == 'o'            ? 8
                    : spec->type == 'b'          ? 2
                    : tolower(spec->type) == 'x' ? 16
                                                 : 10;
    bool is_negative;
    if (base != 10 && spec->group != 0)
        return weir_jinja_fail(b->run, WEIR_STATUS_UNSUPPORTED, "a format with both '%c' and '%c'",
                               spec->group, spec->type);
    if (v.type == WEIR_JINJA_BIG_INT) {
        if (base != 10 || spec->type == 'c')
            return weir_jinja_fail(b->run, WEIR_STATUS_FAILED,
                                   "integers of more than 64 bits are written in decimal only");
        is_negative = v.as.string->data[0] == '-';
        digits = v.as.string->data + is_negative;
        n = v.as.string->n - is_negative;
    } else {
        int64_t x = v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer;
        if (spec->type == 'c')
            return add_code_point(b, spec, x);
        is_negative = x < 0;
        n = write_base(is_negative ? 0 - (uint64_t)x : (uint64_t)x, base, spec->type == 'X', room);
    }
    if (spec->has_precision && spec->precision > n) { /* of `%` only: the fewest digits */
        size_t zeros = spec->precision - n;
        char *padded = weir_jinja_take(b->run, spec->precision);
        if (padded == NULL)
            return b->run->status;
        memset(padded, '0', zeros);
        memcpy(padded + zeros, digits, n);
        digits = padded;
        n = spec->precision;
    }
    WEIR_TRY(group_digits(b->run, spec, &digits, &n));
    const char prefix[] = {spec->is_alternate && base != 10 ? '0' : 0, spec->type, 0};
    snprintf(sign, sizeof sign, "%s%s", sign_of(spec, is_negative), prefix);
    return add_number(b, spec, sign, digits, n);
}

/* ---- floats -------------------------------------------------------------------------------- */

/* The locale's point becomes '.'. */
static size_t mend_point(char *text) {
    const char *point = localeconv()->decimal_point;
    char *found = strcmp(point, ".") == 0 ? NULL : strstr(text, point);
    if (found != NULL) {
        *found = '.';
        memmove(found + 1, found + strlen(point), strlen(found + strlen(point)) + 1);
    }
    return strlen(text);
}

/* What str.format writes without a type: all digits, or so many, with a point or an exponent. */
static size_t write_general(double x, const weir_jinja_spec *spec, char out[FLOAT_ROOM]) {
    if (!spec->has_precision || !isfinite(x))
        return weir_jinja_float_text(x, out);
    int precision = spec->precision == 0 ? 1 : (int)spec->precision;
    snprintf(out, FLOAT_ROOM, "%.*e", precision - 1, x);
    int exponent = (int)strtol(strchr(out, 'e') + 1, NULL, 10);
    bool has_exponent = exponent < -4 || exponent >= precision - 1;
    if (!has_exponent) {
        snprintf(out, FLOAT_ROOM, "%.*g", precision, x);
        size_t n = mend_point(out);
        if (strchr(out, '.') == NULL)
            n += (size_t)snprintf(out + n, FLOAT_ROOM - n, ".0");
        return n;
    }
    mend_point(out);
    char *end = strchr(out, 'e'), *last = end;
    if (memchr(out, '.', (size_t)(end - out)) != NULL) {
        while (last[-1] == '0')
            last--;
        last -= last[-1] == '.';
    }
    memmove(last, end, strlen(end) + 1);
    return strlen(out);
}

static size_t write_float(double x, const weir_jinja_spec *spec, char out[FLOAT_ROOM]) {
    int precision = spec->has_precision ? (int)spec->precision : 6;
    switch (spec->type) {
    case 'e':
        snprintf(out, FLOAT_ROOM, "%.*e", precision, x);
        break;
    case 'E':
        snprintf(out, FLOAT_ROOM, "%.*E", precision, x);
        break;
    case 'f':
        snprintf(out, FLOAT_ROOM, "%.*f", precision, x);
        break;
    case 'F':
        snprintf(out, FLOAT_ROOM, "%.*F", precision, x);
        break;
    case 'g':
        snprintf(out, FLOAT_ROOM, "%.*g", precision, x);
        break;
    case 'G':
        snprintf(out, FLOAT_ROOM, "%.*G", precision, x);
        break;
    case '%':
        snprintf(out, FLOAT_ROOM, "%.*f%%", precision, x * 100);
        break;
    default:
        return write_general(x, spec, out);
    }
    return mend_point(out);
}

static weir_status add_float(weir_jinja_builder *b, const weir_jinja_spec *spec, double x) {
    char room[FLOAT_ROOM];
    if (spec->is_alternate)
        return weir_jinja_fail(b->run, WEIR_STATUS_UNSUPPORTED, "a format with '#' for a float");
    if (spec->has_precision && spec->precision > MAX_FLOAT_PRECISION)
        return weir_jinja_fail(b->run, WEIR_STATUS_FAILED, "a format of more than %d digits",
                               MAX_FLOAT_PRECISION);
    bool is_negative = signbit(x) && !isnan(x);
    const char *digits = room;
    size_t n = write_float(fabs(x), spec, room);
    WEIR_TRY(group_digits(b->run, spec, &digits, &n));
    return add_number(b, spec, sign_of(spec, is_negative), digits, n);
}

/* ---- any number ---------------------------------------------------------------------------- */

weir_status weir_jinja_add_formatted_number(weir_jinja_builder *b, const weir_jinja_spec *spec,
                                            weir_jinja_value v) {
    bool is_float_type = spec->type != 0 && strchr("eEfFgG%", spec->type) != NULL;
    if (v.type == WEIR_JINJA_FLOAT || is_float_type)
        return add_float(b, spec, weir_jinja_to_float(v));
    return add_integer(b, spec, v);
}
