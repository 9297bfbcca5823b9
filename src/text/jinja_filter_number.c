/*
 * jinja_filter_number.c: filters that give numbers, and sizes of files.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_filter_parts.h"
#include "text/jinja_method_str.h"

static bool is_int(weir_jinja_value v) {
    return v.type == WEIR_JINJA_INT || v.type == WEIR_JINJA_BOOL;
}

static bool is_number(weir_jinja_value v) {
    return is_int(v) || v.type == WEIR_JINJA_BIG_INT || v.type == WEIR_JINJA_FLOAT;
}

static weir_status fail_number(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value v) {
    if (v.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, v);
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: must be a number, not %s", call->name,
                           weir_jinja_type_name(v));
}

/* ---- reading numbers ----------------------------------------------------------------------- */

/* Digits with single underscores between them, as Python allows; they are written to out without.
 * Returns the bytes read. */
static size_t take_digits(const char *text, size_t n, char *out, size_t *n_out) {
    size_t at = 0;
    while (at < n) {
        size_t digit = at + (at != 0 && text[at] == '_');
        if (digit >= n || !isdigit((unsigned char)text[digit]))
            break;
        out[(*n_out)++] = text[digit];
        at = digit + 1;
    }
    return at;
}

/* A number that Python's int() or float() accepts, without the white space around it. */
typedef struct number_text {
    char *text; /* [n] sign, digits, point, exponent */
    size_t n;
    bool is_integer;
    double special; /* not 0: an infinity or NaN, and text is not used */
} number_text;

static bool is_word(const char *text, size_t n, const char *word) {
    if (strlen(word) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (tolower((unsigned char)text[i]) != word[i])
            return false;
    return true;
}

static bool scan_number(const char *text, size_t n, number_text *out) {
    size_t at = n != 0 && (text[0] == '-' || text[0] == '+'), n_digits = 0;
    double sign = n != 0 && text[0] == '-' ? -1 : 1;
    if (is_word(text + at, n - at, "inf") || is_word(text + at, n - at, "infinity"))
        out->special = sign * (double)INFINITY;
    if (is_word(text + at, n - at, "nan"))
        out->special = (double)NAN;
    if (out->special != 0)
        return true;
    if (at != 0)
        out->text[out->n++] = text[0];
    size_t before = out->n;
    at += take_digits(text + at, n - at, out->text, &out->n);
    n_digits = out->n - before;
    out->is_integer = at == n && n_digits != 0;
    if (at < n && text[at] == '.') {
        out->text[out->n++] = text[at++];
        before = out->n;
        at += take_digits(text + at, n - at, out->text, &out->n);
        n_digits += out->n - before;
    }
    if (n_digits != 0 && at < n && (text[at] == 'e' || text[at] == 'E')) {
        out->text[out->n++] = text[at++];
        if (at < n && (text[at] == '-' || text[at] == '+'))
            out->text[out->n++] = text[at++];
        before = out->n;
        at += take_digits(text + at, n - at, out->text, &out->n);
        n_digits = out->n - before;
    }
    return n_digits != 0 && at == n;
}

/* *is_number false: the text is none. */
static weir_status read_number(weir_jinja_run *run, const weir_jinja_string *s, number_text *out,
                               bool *is_good) {
    weir_jinja_value bare;
    WEIR_TRY(weir_jinja_strip(run, s, NULL, true, true, &bare));
    *out = (number_text){.text = weir_jinja_take(run, bare.as.string->n)};
    if (out->text == NULL)
        return run->status;
    *is_good = scan_number(bare.as.string->data, bare.as.string->n, out);
    return weir_jinja_step(run, s->n / 4);
}

/* The whole part of x, of any size. */
static weir_status whole_part(weir_jinja_run *run, double x, weir_jinja_value *out) {
    char digits[340];
    int n = snprintf(digits, sizeof digits, "%.0f", trunc(x));
    return weir_jinja_integer(run, digits, (size_t)n, out);
}

/* Digits in another base than ten, with its prefix or without; false: they are none, or too many.
 */
static bool read_in_base(const weir_jinja_string *s, int64_t base, weir_jinja_value *out) {
    char text[72], *end;
    if (s->n == 0 || s->n >= sizeof text || base < 2 || base > 36)
        return false;
    memcpy(text, s->data, s->n);
    text[s->n] = 0;
    char *digits = text + (text[0] == '-' || text[0] == '+');
    char mark = base == 2 ? 'b' : base == 8 ? 'o' : base == 16 ? 'x' : 0;
    if (mark != 0 && digits[0] == '0' && tolower((unsigned char)digits[1]) == mark)
        digits += 2;
    if (!isalnum((unsigned char)*digits))
        return false;
    unsigned long long x = strtoull(digits, &end, (int)base);
    if (*end != 0 || strlen(text) != s->n || x > INT64_MAX)
        return false;
    *out = weir_jinja_int(text[0] == '-' ? -(int64_t)x : (int64_t)x);
    return true;
}

static weir_status int_of_text(weir_jinja_run *run, const weir_jinja_string *s, int64_t base,
                               weir_jinja_value otherwise, weir_jinja_value *out) {
    number_text number;
    weir_jinja_value bare;
    bool is_good;
    double x;
    WEIR_TRY(weir_jinja_strip(run, s, NULL, true, true, &bare));
    if (base != 10 && read_in_base(bare.as.string, base, out))
        return WEIR_STATUS_OK;
    WEIR_TRY(read_number(run, s, &number, &is_good));
    *out = otherwise;
    if (!is_good || number.special != 0)
        return WEIR_STATUS_OK;
    if (number.is_integer && base == 10)
        return weir_jinja_integer(run, number.text, number.n, out);
    WEIR_TRY(weir_jinja_read_float(run, number.text, number.n, &x));
    return isinf(x) ? WEIR_STATUS_OK : whole_part(run, x, out); /* "42.23" is 42 */
}

static weir_status to_int(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    int64_t base = 10;
    WEIR_TRY(weir_jinja_arguments(run, call, "value default= base=", slots, is_given));
    if (is_given[2])
        WEIR_TRY(weir_jinja_int_argument(run, call, "base", slots[2], &base));
    weir_jinja_value v = slots[0], otherwise = is_given[1] ? slots[1] : weir_jinja_int(0);
    if (v.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, v);
    if (v.type == WEIR_JINJA_STRING)
        return int_of_text(run, v.as.string, base, otherwise, out);
    if (v.type == WEIR_JINJA_FLOAT && isinf(v.as.real))
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "cannot convert float infinity to integer");
    *out = otherwise;
    if (v.type == WEIR_JINJA_FLOAT)
        return isnan(v.as.real) ? WEIR_STATUS_OK : whole_part(run, v.as.real, out);
    if (is_number(v))
        return weir_jinja_positive(run, v, out);
    return WEIR_STATUS_OK;
}

static weir_status to_float(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_given[2], is_good;
    number_text number;
    double x;
    WEIR_TRY(weir_jinja_arguments(run, call, "value default=", slots, is_given));
    weir_jinja_value v = slots[0];
    *out = is_given[1] ? slots[1] : weir_jinja_float(0);
    if (v.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, v);
    if (is_number(v))
        *out = weir_jinja_float(weir_jinja_to_float(v));
    if (v.type != WEIR_JINJA_STRING)
        return WEIR_STATUS_OK;
    WEIR_TRY(read_number(run, v.as.string, &number, &is_good));
    if (!is_good)
        return WEIR_STATUS_OK;
    x = number.special;
    if (x == 0)
        WEIR_TRY(weir_jinja_read_float(run, number.text, number.n, &x));
    *out = weir_jinja_float(x);
    return WEIR_STATUS_OK;
}

/* ---- rounding ------------------------------------------------------------------------------ */

/* x to so many decimal places, from its exact value, halves to even: what printf does. */
static double round_places(double x, int64_t places) {
    enum { MOST = 330 };
    char text[700];
    if (!isfinite(x) || places > MOST)
        return x;
    if (places < -MOST)
        return copysign(0, x);
    if (places < 0) {
        double unit = pow(10, (double)-places);
        return isinf(unit) ? copysign(0, x) : rint(x / unit) * unit;
    }
    snprintf(text, sizeof text, "%.*f", (int)places, x);
    return strtod(text, NULL);
}

/* An integer to a multiple of 10 ** -places, halves to even. */
static weir_status round_int(weir_jinja_run *run, int64_t x, int64_t places,
                             weir_jinja_value *out) {
    *out = weir_jinja_int(x);
    if (places >= 0)
        return WEIR_STATUS_OK;
    uint64_t unit = 1, size = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
    for (int64_t i = places; i < 0 && unit <= UINT64_MAX / 20; i++)
        unit *= 10;
    if (places < -19)
        unit = UINT64_MAX; /* more than any number */
    uint64_t rest = size % unit, down = size - rest;
    bool is_up = rest > unit - rest || (rest == unit - rest && down / unit % 2 == 1);
    if (is_up && down > (uint64_t)INT64_MAX - unit)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "round: the number does not fit 64 bits");
    uint64_t rounded = is_up ? down + unit : down;
    *out = weir_jinja_int(x < 0 ? -(int64_t)rounded : (int64_t)rounded);
    return WEIR_STATUS_OK;
}

static weir_status round_number(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    int64_t places = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value precision= method=", slots, is_given));
    if (is_given[1])
        WEIR_TRY(weir_jinja_int_argument(run, call, "precision", slots[1], &places));
    weir_jinja_value v = slots[0];
    const weir_jinja_string *method = NULL;
    if (is_given[2])
        WEIR_TRY(weir_jinja_text_argument(run, call, "method", slots[2], &method));
    bool is_up = method != NULL && weir_jinja_string_is(method, "ceil");
    bool is_down = method != NULL && weir_jinja_string_is(method, "floor");
    if (method != NULL && !is_up && !is_down && !weir_jinja_string_is(method, "common"))
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "method must be common, ceil or floor");
    if (!is_number(v))
        return fail_number(run, call, v);
    if (is_up || is_down) {
        double unit = pow(10, (double)places), x = weir_jinja_to_float(v) * unit;
        *out = weir_jinja_float(((is_up ? ceil(x) : floor(x)) + 0.0) / unit);
        return WEIR_STATUS_OK;
    }
    if (is_int(v))
        return round_int(run, v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer, places, out);
    *out = v.type == WEIR_JINJA_BIG_INT ? v : weir_jinja_float(round_places(v.as.real, places));
    return WEIR_STATUS_OK;
}

static weir_status absolute(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &v, NULL));
    if (!is_number(v))
        return fail_number(run, call, v);
    bool is_negative = v.type == WEIR_JINJA_FLOAT     ? signbit(v.as.real) != 0
                       : v.type == WEIR_JINJA_BIG_INT ? v.as.string->data[0] == '-'
                       : v.type == WEIR_JINJA_INT     ? v.as.integer < 0
                                                      : false;
    return is_negative ? weir_jinja_negative(run, v, out) : weir_jinja_positive(run, v, out);
}

/* ---- sizes of files ------------------------------------------------------------------------ */

static weir_status filesizeformat(weir_jinja_run *run, const weir_jinja_call *call,
                                  weir_jinja_value *out) {
    static const char *const decimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    static const char *const binary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
    weir_jinja_value slots[2], number;
    char text[400];
    int n;
    WEIR_TRY(weir_jinja_arguments(run, call, "value binary=", slots, NULL));
    bool is_binary = weir_jinja_truth(slots[1]);
    const weir_jinja_value strict[] = {slots[0], weir_jinja_none()};
    weir_jinja_call one = {.name = call->name, .args = strict, .n_args = 2};
    WEIR_TRY(to_float(run, &one, &number));
    if (number.type == WEIR_JINJA_NONE || !isfinite(number.as.real))
        return fail_number(run, call, slots[0]);
    double bytes = number.as.real, base = is_binary ? 1024 : 1000;
    if (bytes == 1) {
        n = snprintf(text, sizeof text, "1 Byte");
    } else if (bytes < base) {
        n = snprintf(text, sizeof text, "%.0f Bytes", trunc(bytes) + 0.0);
    } else {
        size_t i = 0;
        double unit = base * base;
        for (; i + 1 < WEIR_COUNT(decimal) && bytes >= unit; i++)
            unit *= base;
        /* One place behind the point, without the locale's own point. */
        double tenths = rint(base * bytes / unit * 10);
        n = snprintf(text, sizeof text, "%.0f.%.0f %s", floor(tenths / 10), fmod(tenths, 10),
                     is_binary ? binary[i] : decimal[i]);
    }
    return weir_jinja_copy_string(run, text, (size_t)n, 0, out);
}

const weir_jinja_filter weir_jinja_number_filters[] = {
    {"abs", absolute},       {"filesizeformat", filesizeformat},
    {"float", to_float},     {"int", to_int},
    {"round", round_number}, {NULL, NULL}};
