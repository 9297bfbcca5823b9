/*
 * jinja_text_percent.c: the two languages of format strings, `format % values` and str.format.
 *
 * Owns how both are read and where their arguments come from. How a value is written is
 * jinja_text_format.c's.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "text/jinja_text_format.h"

/* A format string that is being read. */
typedef struct scanner {
    weir_jinja_builder *b;
    weir_jinja_run *run;
    const weir_jinja_string *format;
    size_t at;
} scanner;

static char peek(const scanner *s) {
    return s->at < s->format->n ? s->format->data[s->at] : 0;
}

static bool take(scanner *s, char c) {
    bool is_there = s->at < s->format->n && s->format->data[s->at] == c;
    s->at += is_there;
    return is_there;
}

static weir_status read_size(scanner *s, size_t *out) {
    enum { MOST = 100 * 1000 * 1000 };
    *out = 0;
    for (; isdigit((unsigned char)peek(s)); s->at++) {
        *out = *out * 10 + (size_t)(peek(s) - '0');
        if (*out > MOST)
            return weir_jinja_fail(s->run, WEIR_STATUS_FULL, "a format's width is too large");
    }
    return WEIR_STATUS_OK;
}

static void set_fill(weir_jinja_spec *spec, const char *fill, size_t n) {
    memcpy(spec->fill, fill, n);
    spec->n_fill = n;
}

static bool is_number(weir_jinja_value v) {
    return v.type == WEIR_JINJA_BOOL || v.type == WEIR_JINJA_INT || v.type == WEIR_JINJA_BIG_INT ||
           v.type == WEIR_JINJA_FLOAT;
}

static weir_status add_as_string(scanner *s, const weir_jinja_spec *spec, weir_jinja_value v,
                                 bool is_repr) {
    weir_jinja_builder b;
    weir_jinja_value text = v;
    if (is_repr) {
        WEIR_TRY(weir_jinja_build(&b, s->run, 0));
        WEIR_TRY(weir_jinja_add_repr(&b, v));
        WEIR_TRY(weir_jinja_built(&b, &text));
    } else {
        WEIR_TRY(weir_jinja_str(s->run, v, &text));
    }
    return weir_jinja_add_formatted_string(s->b, spec, text.as.string);
}

/* ---- % ------------------------------------------------------------------------------------- */

typedef struct percent_values {
    weir_jinja_value all;
    const weir_jinja_value *items; /* [n] */
    size_t n, used;
} percent_values;

static weir_status next_value(scanner *s, percent_values *values, weir_jinja_value *out) {
    if (values->used == values->n)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "not enough arguments for format string");
    *out = values->items[values->used++];
    return WEIR_STATUS_OK;
}

/* %(key)s */
static weir_status keyed_value(scanner *s, percent_values *values, weir_jinja_value *out) {
    size_t start = ++s->at, depth = 1;
    for (; s->at < s->format->n; s->at++) {
        depth += (size_t)(peek(s) == '(');
        depth -= (size_t)(peek(s) == ')');
        if (depth == 0)
            break;
    }
    if (s->at == s->format->n)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "incomplete format key");
    if (values->all.type != WEIR_JINJA_DICT)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "format requires a mapping");
    size_t n = s->at++ - start;
    const char *key = s->format->data + start;
    const weir_jinja_entry *entry = weir_jinja_find_text(values->all.as.dict, key, n);
    if (entry == NULL)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "%% format: there is no key '%.*s'",
                               weir_jinja_shown(key, n), key);
    *out = entry->value;
    values->used = values->n;
    return WEIR_STATUS_OK;
}

/* A width or precision, written or taken from the values. */
static weir_status percent_size(scanner *s, percent_values *values, weir_jinja_spec *spec,
                                size_t *out) {
    weir_jinja_value v = {.type = WEIR_JINJA_NONE};
    if (!take(s, '*'))
        return read_size(s, out);
    WEIR_TRY(next_value(s, values, &v));
    if (v.type != WEIR_JINJA_INT || v.as.integer > INT32_MAX || v.as.integer < -INT32_MAX)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "* wants int");
    bool is_left = v.as.integer < 0 && out == &spec->width;
    if (is_left)
        spec->align = '<';
    *out = (size_t)(is_left ? -v.as.integer : v.as.integer < 0 ? 0 : v.as.integer);
    return WEIR_STATUS_OK;
}

/* From the flags to the type. */
static weir_status read_percent_spec(scanner *s, percent_values *values, weir_jinja_spec *spec) {
    bool is_zero = false;
    for (;;) {
        if (take(s, '-'))
            spec->align = '<';
        else if (take(s, '+'))
            spec->sign = '+';
        else if (take(s, ' '))
            spec->sign = spec->sign == '+' ? '+' : ' ';
        else if (take(s, '#'))
            spec->is_alternate = true;
        else if (take(s, '0'))
            is_zero = true;
        else
            break;
    }
    WEIR_TRY(percent_size(s, values, spec, &spec->width));
    spec->has_precision = take(s, '.');
    if (spec->has_precision)
        WEIR_TRY(percent_size(s, values, spec, &spec->precision));
    while (take(s, 'h') || take(s, 'l') || take(s, 'L'))
        continue;
    if (s->at == s->format->n)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "incomplete format");
    spec->type = s->format->data[s->at++];
    if (is_zero && spec->align == 0 && strchr("diuoxXeEfFgG", spec->type) != NULL) {
        set_fill(spec, "0", 1);
        spec->align = '=';
    }
    if (spec->align == 0)
        spec->align = '>';
    return WEIR_STATUS_OK;
}

/* The integer that %d or %x takes. */
static weir_status percent_integer(scanner *s, const weir_jinja_spec *spec, weir_jinja_value *v) {
    bool takes_float = strchr("diu", spec->type) != NULL;
    if (v->type == WEIR_JINJA_FLOAT && takes_float) {
        if (!(v->as.real > -0x1p63 && v->as.real < 0x1p63))
            return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                                   "%%%c format: the number does not fit 64 bits", spec->type);
        *v = weir_jinja_int((int64_t)v->as.real);
    }
    if (!is_number(*v) || v->type == WEIR_JINJA_FLOAT)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "%%%c format: %s is required, not %s",
                               spec->type, takes_float ? "a real number" : "an integer",
                               weir_jinja_type_name(*v));
    return WEIR_STATUS_OK;
}

static weir_status add_percent_value(scanner *s, weir_jinja_spec *spec, weir_jinja_value v) {
    switch (spec->type) {
    case 's':
    case 'r':
        return add_as_string(s, spec, v, spec->type == 'r');
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        WEIR_TRY(percent_integer(s, spec, &v));
        return weir_jinja_add_formatted_number(s->b, spec, v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (!is_number(v))
            return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "must be real number, not %s",
                                   weir_jinja_type_name(v));
        return weir_jinja_add_formatted_number(s->b, spec, v);
    case 'c':
        if (v.type == WEIR_JINJA_STRING && v.as.string->n_chars == 1)
            return weir_jinja_add_formatted_string(s->b, spec, v.as.string);
        if (v.type != WEIR_JINJA_INT && v.type != WEIR_JINJA_BOOL)
            return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "%%c requires int or char");
        return weir_jinja_add_formatted_number(s->b, spec, v);
    default:
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "unsupported format character '%c'",
                               weir_jinja_shown_char(spec->type));
    }
}

static weir_status add_percent(scanner *s, percent_values *values) {
    weir_jinja_spec spec = {.fill = " ", .n_fill = 1};
    weir_jinja_value v = {.type = WEIR_JINJA_UNDEFINED};
    spec.origin = weir_jinja_origin_at(s->format, s->at++);
    WEIR_TRY(weir_jinja_step(s->run, 1));
    if (take(s, '%'))
        return weir_jinja_add(s->b, "%", 1, spec.origin);
    bool is_keyed = peek(s) == '(';
    if (is_keyed)
        WEIR_TRY(keyed_value(s, values, &v));
    WEIR_TRY(read_percent_spec(s, values, &spec));
    if (!is_keyed)
        WEIR_TRY(next_value(s, values, &v));
    return add_percent_value(s, &spec, v);
}

weir_status weir_jinja_percent(weir_jinja_run *run, const weir_jinja_string *format,
                               weir_jinja_value v, weir_jinja_value *out) {
    weir_jinja_builder b;
    scanner s = {.b = &b, .run = run, .format = format};
    percent_values values = {.all = v, .items = &values.all, .n = 1};
    if (v.type == WEIR_JINJA_TUPLE) {
        values.items = v.as.list->items;
        values.n = v.as.list->n;
    }
    WEIR_TRY(weir_jinja_build(&b, run, format->n));
    while (s.at < format->n) {
        const char *found = memchr(format->data + s.at, '%', format->n - s.at);
        size_t end = found == NULL ? format->n : (size_t)(found - format->data);
        WEIR_TRY(weir_jinja_add_part(&b, format, s.at, end - s.at));
        s.at = end;
        if (found != NULL)
            WEIR_TRY(add_percent(&s, &values));
    }
    /* What has items may stay unused; so Python has it. */
    bool may_stay =
        v.type == WEIR_JINJA_DICT || v.type == WEIR_JINJA_LIST || v.type == WEIR_JINJA_UNDEFINED;
    if (values.used < values.n && !may_stay)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "not all arguments converted during string formatting");
    return weir_jinja_built(&b, out);
}

/* ---- str.format ---------------------------------------------------------------------------- */

/* Where {} and {name} find their values. */
typedef struct format_values {
    const weir_jinja_call *call;
    size_t next;
    bool is_automatic, is_numbered;
} format_values;

static weir_status positional(scanner *s, format_values *values, size_t start,
                              weir_jinja_value *out) {
    size_t index = values->next;
    bool is_numbered = s->at != start;
    values->is_numbered |= is_numbered;
    values->is_automatic |= !is_numbered;
    if (values->is_numbered && values->is_automatic)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "format(): fields are numbered either all by hand or none");
    if (is_numbered) {
        s->at = start;
        WEIR_TRY(read_size(s, &index));
    } else {
        values->next++;
    }
    if (index >= values->call->n_args)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "Replacement index %zu out of range for positional args tuple",
                               index);
    *out = values->call->args[index];
    return WEIR_STATUS_OK;
}

/* The part of a field before its first '.' or '['. */
static weir_status first_of_field(scanner *s, format_values *values, weir_jinja_value *out) {
    size_t start = s->at;
    bool is_digits = true;
    while (s->at < s->format->n && strchr(".[!:}", peek(s)) == NULL)
        is_digits &= isdigit((unsigned char)s->format->data[s->at++]) != 0;
    if (is_digits)
        return positional(s, values, start, out);
    size_t n = s->at - start;
    const char *name = s->format->data + start;
    for (size_t i = 0; i < values->call->n_keywords; i++) {
        const weir_jinja_keyword *keyword = &values->call->keywords[i];
        if (keyword->name->n == n && memcmp(keyword->name->data, name, n) == 0) {
            *out = keyword->value;
            return WEIR_STATUS_OK;
        }
    }
    return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "format(): there is no argument '%.*s'",
                           weir_jinja_shown(name, n), name);
}

/* .name or [key] */
static weir_status next_of_field(scanner *s, weir_jinja_value *v) {
    bool is_item = s->format->data[s->at++] == '[';
    size_t start = s->at;
    bool is_digits = true;
    while (s->at < s->format->n && strchr(is_item ? "]" : ".[!:}", peek(s)) == NULL)
        is_digits &= isdigit((unsigned char)s->format->data[s->at++]) != 0;
    size_t n = s->at - start;
    if (n == 0 || (is_item && !take(s, ']')))
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "format(): a field is not complete");
    weir_jinja_value key, from = *v;
    if (is_item && is_digits)
        WEIR_TRY(weir_jinja_integer(s->run, s->format->data + start, n, &key));
    else
        WEIR_TRY(weir_jinja_part(s->run, s->format, start, n, &key));
    return is_item ? weir_jinja_item(s->run, from, key, v)
                   : weir_jinja_attribute(s->run, from, key.as.string, v);
}

static bool is_align(char c) {
    return c != 0 && strchr("<>^=", c) != NULL;
}

/* [[fill]align][sign][#][0][width][group][.precision][type] */
static weir_status read_format_spec(scanner *s, weir_jinja_spec *spec) {
    size_t behind = s->at;
    if (s->at < s->format->n && peek(s) != '}')
        weir_jinja_next_char(s->format->data, s->format->n, &behind);
    bool has_fill = behind < s->format->n && is_align(s->format->data[behind]);
    if (has_fill) {
        set_fill(spec, s->format->data + s->at, behind - s->at);
        spec->align = s->format->data[behind];
        s->at = behind + 1;
    } else if (is_align(peek(s))) {
        spec->align = s->format->data[s->at++];
    }
    if (take(s, '+'))
        spec->sign = '+';
    else if (take(s, ' '))
        spec->sign = ' ';
    else if (take(s, '-'))
        spec->sign = '-';
    spec->is_alternate = take(s, '#');
    if (peek(s) == '0') {
        if (!has_fill)
            set_fill(spec, "0", 1);
        spec->align = spec->align != 0 ? spec->align : '=';
    }
    WEIR_TRY(read_size(s, &spec->width));
    if (peek(s) == ',' || peek(s) == '_')
        spec->group = s->format->data[s->at++];
    spec->has_precision = take(s, '.');
    if (spec->has_precision && !isdigit((unsigned char)peek(s)))
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "Format specifier missing precision");
    WEIR_TRY(spec->has_precision ? read_size(s, &spec->precision) : WEIR_STATUS_OK);
    if (s->at < s->format->n && peek(s) != '}')
        spec->type = s->format->data[s->at++];
    if (peek(s) != '}')
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "Invalid format specifier");
    return WEIR_STATUS_OK;
}

static weir_status add_format_value(scanner *s, weir_jinja_spec *spec, weir_jinja_value v) {
    bool is_string = v.type == WEIR_JINJA_STRING;
    if (!is_string && !is_number(v))
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "unsupported format string passed to %s.__format__",
                               weir_jinja_type_name(v));
    bool is_float = v.type == WEIR_JINJA_FLOAT;
    const char *types = is_string ? "s" : is_float ? "eEfFgG%" : "bcdoxXeEfFgG%";
    if (spec->type != 0 && strchr(types, spec->type) == NULL)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "Unknown format code '%c' for object of type '%s'",
                               weir_jinja_shown_char(spec->type), weir_jinja_type_name(v));
    if (is_string && (spec->sign != 0 || spec->group != 0))
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "a sign or ',' is not allowed in the format of a string");
    if (is_string && spec->align == '=' && spec->fill[0] == '0')
        spec->align = '<'; /* {:05} of a string */
    if (is_string)
        return weir_jinja_add_formatted_string(s->b, spec, v.as.string);
    bool is_integer_form = !is_float && (spec->type == 0 || strchr("bcdoxX", spec->type) != NULL);
    if (is_integer_form && spec->has_precision)
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED,
                               "Precision not allowed in integer format specifier");
    return weir_jinja_add_formatted_number(s->b, spec, v);
}

/* From behind '{' to behind '}'. */
static weir_status add_field(scanner *s, format_values *values) {
    weir_jinja_spec spec = {.fill = " ", .n_fill = 1};
    weir_jinja_value v;
    WEIR_TRY(first_of_field(s, values, &v));
    while (peek(s) == '.' || peek(s) == '[')
        WEIR_TRY(next_of_field(s, &v));
    char conversion = 0;
    if (take(s, '!') && s->at < s->format->n)
        conversion = s->format->data[s->at++];
    if (conversion != 0 && conversion != 's' && conversion != 'r')
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "Unknown conversion specifier '%c'",
                               weir_jinja_shown_char(conversion));
    bool has_spec = take(s, ':') && peek(s) != '}';
    spec.origin = weir_jinja_origin_at(s->format, s->at);
    if (has_spec)
        WEIR_TRY(read_format_spec(s, &spec));
    if (!take(s, '}'))
        return weir_jinja_fail(s->run, WEIR_STATUS_FAILED, "expected '}' before end of string");
    if (conversion != 0 || !has_spec)
        return add_as_string(s, &spec, v, conversion == 'r');
    return add_format_value(s, &spec, v);
}

weir_status weir_jinja_format(weir_jinja_run *run, const weir_jinja_string *format,
                              const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_builder b;
    scanner s = {.b = &b, .run = run, .format = format};
    format_values values = {.call = call};
    WEIR_TRY(weir_jinja_build(&b, run, format->n));
    while (s.at < format->n) {
        size_t start = s.at;
        while (s.at < format->n && peek(&s) != '{' && peek(&s) != '}')
            s.at++;
        WEIR_TRY(weir_jinja_add_part(&b, format, start, s.at - start));
        if (s.at == format->n)
            break;
        WEIR_TRY(weir_jinja_step(run, 1));
        char brace = format->data[s.at++];
        if (take(&s, brace))
            WEIR_TRY(weir_jinja_add_part(&b, format, s.at - 1, 1));
        else if (brace == '}')
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "Single '}' encountered in format string");
        else
            WEIR_TRY(add_field(&s, &values));
    }
    return weir_jinja_built(&b, out);
}
