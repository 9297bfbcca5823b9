/*
 * jinja_method_case.c: methods of strings about single characters: case, kinds, padding.
 *
 * Nothing here searches or cuts; that is jinja_method_str.c.
 */
#include "text/jinja_method_str.h"
#include "text/jinja_text.h"

/* The string of a call without arguments. */
static weir_status only_self(weir_jinja_run *run, const weir_jinja_call *call,
                             const weir_jinja_string **out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    return weir_jinja_text_argument(run, call, "self", self, out);
}

/* ---- case ---------------------------------------------------------------------------------- */

static weir_status change_case(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_case to,
                               weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_self(run, call, &s));
    return weir_jinja_change_case(run, s, to, out);
}

weir_status weir_jinja_method_upper(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_UPPER, out);
}

weir_status weir_jinja_method_lower(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_LOWER, out);
}

weir_status weir_jinja_method_title(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_TITLE, out);
}

weir_status weir_jinja_method_capitalize(weir_jinja_run *run, const weir_jinja_call *call,
                                         weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_CAPITALIZE, out);
}

/* ---- kinds --------------------------------------------------------------------------------- */

/* Are all characters of this kind? empty: the answer for "". */
static weir_status are_all(weir_jinja_run *run, const weir_jinja_call *call,
                           bool (*is_kind)(uint32_t c), bool empty, weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_self(run, call, &s));
    WEIR_TRY(weir_jinja_step(run, s->n));
    bool result = s->n != 0 || empty;
    for (size_t at = 0; at < s->n && result;)
        result = is_kind(weir_jinja_next_char(s->data, s->n, &at));
    *out = weir_jinja_bool(result);
    return WEIR_STATUS_OK;
}

static bool is_alnum(uint32_t c) {
    return weir_jinja_is_alpha(c) || weir_jinja_is_numeric(c);
}

static bool is_ascii(uint32_t c) {
    return c < 0x80;
}

weir_status weir_jinja_method_isalnum(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_all(run, call, is_alnum, false, out);
}

weir_status weir_jinja_method_isalpha(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_alpha, false, out);
}

weir_status weir_jinja_method_isascii(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_all(run, call, is_ascii, true, out);
}

weir_status weir_jinja_method_isdecimal(weir_jinja_run *run, const weir_jinja_call *call,
                                        weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_decimal, false, out);
}

weir_status weir_jinja_method_isdigit(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_digit, false, out);
}

weir_status weir_jinja_method_isnumeric(weir_jinja_run *run, const weir_jinja_call *call,
                                        weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_numeric, false, out);
}

weir_status weir_jinja_method_isprintable(weir_jinja_run *run, const weir_jinja_call *call,
                                          weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_printable, true, out);
}

weir_status weir_jinja_method_isspace(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_all(run, call, weir_jinja_is_space, false, out);
}

/* One cased character at least, and none of the wrong case. */
static weir_status are_cased(weir_jinja_run *run, const weir_jinja_call *call,
                             bool (*is_right)(uint32_t c), weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_self(run, call, &s));
    WEIR_TRY(weir_jinja_step(run, s->n));
    bool has_one = false, has_wrong = false;
    for (size_t at = 0; at < s->n && !has_wrong;) {
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        bool right = is_right(c);
        has_one |= right;
        has_wrong = !right && weir_jinja_is_cased(c);
    }
    *out = weir_jinja_bool(has_one && !has_wrong);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_method_isupper(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_cased(run, call, weir_jinja_is_upper, out);
}

weir_status weir_jinja_method_islower(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    return are_cased(run, call, weir_jinja_is_lower, out);
}

weir_status weir_jinja_method_istitle(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_self(run, call, &s));
    WEIR_TRY(weir_jinja_step(run, s->n));
    bool has_one = false, has_wrong = false, is_inside = false;
    for (size_t at = 0; at < s->n && !has_wrong;) {
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        bool is_large = weir_jinja_is_upper(c) || weir_jinja_is_title(c);
        bool is_small = !is_large && weir_jinja_is_lower(c);
        has_wrong = (is_large && is_inside) || (is_small && !is_inside);
        is_inside = is_large || is_small;
        has_one |= is_inside;
    }
    *out = weir_jinja_bool(has_one && !has_wrong);
    return WEIR_STATUS_OK;
}

/* ---- padding ------------------------------------------------------------------------------- */

static weir_status add_times(weir_jinja_builder *b, const weir_jinja_string *s, size_t n) {
    WEIR_TRY(weir_jinja_step(b->run, n));
    for (size_t i = 0; i < n; i++)
        WEIR_TRY(weir_jinja_add_string(b, s));
    return WEIR_STATUS_OK;
}

static size_t missing(const weir_jinja_string *s, int64_t width) {
    return width > 0 && (uint64_t)width > s->n_chars ? (size_t)width - s->n_chars : 0;
}

static weir_status pad(weir_jinja_run *run, const weir_jinja_string *s, size_t left, size_t right,
                       const weir_jinja_string *fill, weir_jinja_value *out) {
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(add_times(&b, fill, left));
    WEIR_TRY(weir_jinja_add_string(&b, s));
    WEIR_TRY(add_times(&b, fill, right));
    return weir_jinja_built(&b, out);
}

weir_status weir_jinja_center(weir_jinja_run *run, const weir_jinja_string *s, int64_t width,
                              const weir_jinja_string *fill, weir_jinja_value *out) {
    size_t n = missing(s, width);
    size_t left = n / 2 + (n & (size_t)width & 1); /* so Python rounds */
    return pad(run, s, left, n - left, fill, out);
}

typedef struct padding {
    const weir_jinja_string *s, *fill;
    int64_t width;
} padding;

static weir_status read_padding(weir_jinja_run *run, const weir_jinja_call *call, padding *out) {
    static const weir_jinja_string space = {.data = " ", .n = 1, .n_chars = 1};
    weir_jinja_value slots[3];
    bool is_given[3];
    WEIR_TRY(weir_jinja_arguments(run, call, "self width fillchar=", slots, is_given));
    WEIR_TRY(weir_jinja_text_argument(run, call, "self", slots[0], &out->s));
    WEIR_TRY(weir_jinja_int_argument(run, call, "width", slots[1], &out->width));
    out->fill = &space;
    if (is_given[2])
        WEIR_TRY(weir_jinja_text_argument(run, call, "fillchar", slots[2], &out->fill));
    return out->fill->n_chars == 1
               ? WEIR_STATUS_OK
               : weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                 "The fill character must be exactly one character long");
}

weir_status weir_jinja_method_center(weir_jinja_run *run, const weir_jinja_call *call,
                                     weir_jinja_value *out) {
    padding p;
    WEIR_TRY(read_padding(run, call, &p));
    return weir_jinja_center(run, p.s, p.width, p.fill, out);
}

weir_status weir_jinja_method_ljust(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    padding p;
    WEIR_TRY(read_padding(run, call, &p));
    return pad(run, p.s, 0, missing(p.s, p.width), p.fill, out);
}

weir_status weir_jinja_method_rjust(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    padding p;
    WEIR_TRY(read_padding(run, call, &p));
    return pad(run, p.s, missing(p.s, p.width), 0, p.fill, out);
}

weir_status weir_jinja_method_zfill(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out) {
    static const weir_jinja_string zero = {.data = "0", .n = 1, .n_chars = 1};
    weir_jinja_value slots[2];
    const weir_jinja_string *s;
    int64_t width;
    WEIR_TRY(weir_jinja_arguments(run, call, "self width", slots, NULL));
    WEIR_TRY(weir_jinja_text_argument(run, call, "self", slots[0], &s));
    WEIR_TRY(weir_jinja_int_argument(run, call, "width", slots[1], &width));
    weir_jinja_builder b;
    size_t n_sign = s->n != 0 && (s->data[0] == '-' || s->data[0] == '+');
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_part(&b, s, 0, n_sign));
    WEIR_TRY(add_times(&b, &zero, missing(s, width)));
    WEIR_TRY(weir_jinja_add_part(&b, s, n_sign, s->n - n_sign));
    return weir_jinja_built(&b, out);
}
