/*
 * jinja_value_number.c: arithmetic, and the other operators between two values.
 *
 * Integers are exact within 64 bits; what would leave them is an error, never a wrong number.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_text.h"

static bool is_int(weir_jinja_value v) {
    return v.type == WEIR_JINJA_INT || v.type == WEIR_JINJA_BOOL;
}

static bool is_number(weir_jinja_value v) {
    return is_int(v) || v.type == WEIR_JINJA_FLOAT || v.type == WEIR_JINJA_BIG_INT;
}

static int64_t int_of(weir_jinja_value v) {
    return v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer;
}

weir_status weir_jinja_integer(weir_jinja_run *run, const char *text, size_t n,
                               weir_jinja_value *out) {
    bool is_negative = n != 0 && text[0] == '-';
    size_t at = n != 0 && (text[0] == '-' || text[0] == '+');
    while (at + 1 < n && text[at] == '0')
        at++;
    /* Counted downwards: the smallest int64 has no positive counterpart. */
    int64_t value = 0;
    bool fits = true;
    for (size_t i = at; i < n && fits; i++) {
        int digit = text[i] - '0';
        fits = value >= (INT64_MIN + digit) / 10;
        if (fits)
            value = value * 10 - digit;
    }
    if (fits && (is_negative || value != INT64_MIN)) {
        *out = weir_jinja_int(is_negative ? value : -value);
        return WEIR_STATUS_OK;
    }
    char *digits = weir_jinja_take(run, n - at + 1);
    if (digits == NULL)
        return run->status;
    digits[0] = '-';
    memcpy(digits + is_negative, text + at, n - at);
    WEIR_TRY(weir_jinja_borrow_string(run, digits, n - at + is_negative, 0, out));
    out->type = WEIR_JINJA_BIG_INT;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_read_float(weir_jinja_run *run, const char *text, size_t n, double *out) {
    enum { EXPONENT_ROOM = 32, HUGE_EXPONENT = 1000000000 };
    /* The point is left out and the exponent put right: strtod's point depends on the locale. */
    char *digits = weir_jinja_take(run, n + EXPONENT_ROOM);
    if (digits == NULL)
        return run->status;
    size_t at = 0, n_digits = 0;
    int64_t exponent = 0;
    bool behind_point = false;
    for (; at < n && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            behind_point = true;
            continue;
        }
        digits[n_digits++] = text[at];
        exponent -= behind_point;
    }
    bool is_negative = at + 1 < n && text[at + 1] == '-';
    int64_t written = 0;
    for (at++; at < n; at++)
        if (text[at] >= '0' && text[at] <= '9' && written < HUGE_EXPONENT)
            written = written * 10 + (text[at] - '0');
    exponent += is_negative ? -written : written;
    snprintf(digits + n_digits, EXPONENT_ROOM, "e%lld", (long long)exponent);
    *out = strtod(digits, NULL);
    return weir_jinja_step(run, n);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static const char *symbol_of(weir_jinja_operator op) {
    static const char *const symbols[] = {
        "+",  "-",  "*", "/",  "//", "%",  "** or pow()", "~",
        "==", "!=", "<", "<=", ">",  ">=", "in",          "not in"};
    return symbols[op];
}

static weir_status fail_types(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                              weir_jinja_value b) {
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    if (b.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, b);
    bool is_sequence =
        a.type == WEIR_JINJA_STRING || a.type == WEIR_JINJA_LIST || a.type == WEIR_JINJA_TUPLE;
    if (op == WEIR_JINJA_ADD && is_sequence)
        return weir_jinja_fail(
            run, WEIR_STATUS_FAILED, "can only concatenate %s (not \"%s\") to %s",
            weir_jinja_type_name(a), weir_jinja_type_name(b), weir_jinja_type_name(a));
    return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                           "unsupported operand type(s) for %s: '%s' and '%s'", symbol_of(op),
                           weir_jinja_type_name(a), weir_jinja_type_name(b));
}

static weir_status fail_overflow(weir_jinja_run *run, weir_jinja_operator op) {
    return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                           "operator %s: integers of more than %d bits are not computed with",
                           symbol_of(op), op == WEIR_JINJA_DIVIDE ? 53 : 64);
}

static bool add_ints(int64_t a, int64_t b, int64_t *out) {
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return false;
    *out = a + b;
    return true;
}

static bool subtract_ints(int64_t a, int64_t b, int64_t *out) {
    if (b > 0 ? a < INT64_MIN + b : a > INT64_MAX + b)
        return false;
    *out = a - b;
    return true;
}

static uint64_t magnitude(int64_t x) {
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static bool multiply_ints(int64_t a, int64_t b, int64_t *out) {
    bool is_negative = (a < 0) != (b < 0);
    uint64_t x = magnitude(a), y = magnitude(b);
    uint64_t most = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    if (x != 0 && y > most / x)
        return false;
    *out = is_negative ? (int64_t)(0 - x * y) : (int64_t)(x * y);
    return true;
}

/* a ** b for b >= 0; false where the result does not fit. */
static bool power_of_ints(int64_t a, int64_t b, int64_t *out) {
    int64_t result = 1, square = a;
    for (;;) {
        if ((b & 1) && !multiply_ints(result, square, &result))
            return false;
        b >>= 1;
        if (b == 0)
            break;
        if (!multiply_ints(square, square, &square))
            return false;
    }
    *out = result;
    return true;
}

/* Python rounds the quotient down and gives the remainder the sign of b. b is not 0; false where
 * the quotient does not fit. */
static bool divide_ints(int64_t a, int64_t b, int64_t *quotient, int64_t *rest) {
    *rest = b == -1 ? 0 : a % b; /* INT64_MIN % -1 is undefined in C */
    if (b == -1)
        return subtract_ints(0, a, quotient);
    *quotient = a / b;
    if (*rest != 0 && (*rest < 0) != (b < 0)) {
        *quotient -= 1;
        *rest += b;
    }
    return true;
}

static weir_status compute_ints(weir_jinja_run *run, weir_jinja_operator op, int64_t a, int64_t b,
                                weir_jinja_value *out) {
    int64_t result = 0, rest = 0;
    bool fits = true;
    switch (op) {
    case WEIR_JINJA_ADD:
        fits = add_ints(a, b, &result);
        break;
    case WEIR_JINJA_SUBTRACT:
        fits = subtract_ints(a, b, &result);
        break;
    case WEIR_JINJA_MULTIPLY:
        fits = multiply_ints(a, b, &result);
        break;
    case WEIR_JINJA_POWER:
        fits = power_of_ints(a, b, &result);
        break;
    case WEIR_JINJA_FLOOR_DIVIDE:
        fits = divide_ints(a, b, &result, &rest);
        break;
    default: /* %, whose result always fits */
        divide_ints(a, b, &result, &rest);
        result = rest;
        break;
    }
    if (!fits)
        return fail_overflow(run, op);
    *out = weir_jinja_int(result);
    return WEIR_STATUS_OK;
}

static double float_modulo(double a, double b) {
    double rest = fmod(a, b);
    if (rest == 0)
        return copysign(0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

static double float_floor_divide(double a, double b) {
    double rest = fmod(a, b);
    double whole = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0))
        whole -= 1;
    if (whole == 0)
        return copysign(0, a / b);
    double down = floor(whole);
    return whole - down > 0.5 ? down + 1 : down;
}

static weir_status compute_floats(weir_jinja_run *run, weir_jinja_operator op, double a, double b,
                                  weir_jinja_value *out) {
    double result = 0;
    switch (op) {
    case WEIR_JINJA_ADD:
        result = a + b;
        break;
    case WEIR_JINJA_SUBTRACT:
        result = a - b;
        break;
    case WEIR_JINJA_MULTIPLY:
        result = a * b;
        break;
    case WEIR_JINJA_DIVIDE:
        result = a / b;
        break;
    case WEIR_JINJA_FLOOR_DIVIDE:
        result = float_floor_divide(a, b);
        break;
    case WEIR_JINJA_MODULO:
        result = float_modulo(a, b);
        break;
    default: /* ** */
        if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b))
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "a negative number to a broken power is not a real number");
        result = pow(a, b);
        if (isinf(result) && isfinite(a) && isfinite(b))
            return weir_jinja_fail(run, WEIR_STATUS_FAILED, "numerical result out of range");
        break;
    }
    *out = weir_jinja_float(result);
    return WEIR_STATUS_OK;
}

static weir_status compute(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                           weir_jinja_value b, weir_jinja_value *out) {
    bool is_division =
        op == WEIR_JINJA_DIVIDE || op == WEIR_JINJA_FLOOR_DIVIDE || op == WEIR_JINJA_MODULO;
    bool is_big = a.type == WEIR_JINJA_BIG_INT || b.type == WEIR_JINJA_BIG_INT;
    bool both_ints = a.type != WEIR_JINJA_FLOAT && b.type != WEIR_JINJA_FLOAT;
    double x = weir_jinja_to_float(a), y = weir_jinja_to_float(b);
    if (is_division && y == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "division by zero");
    if (op == WEIR_JINJA_POWER && x == 0 && y < 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "0.0 cannot be raised to a negative power");
    bool is_int_power = op != WEIR_JINJA_POWER || y >= 0;
    bool is_exact = op != WEIR_JINJA_DIVIDE || (fabs(x) < 0x1p53 && fabs(y) < 0x1p53);
    if (both_ints && (is_big || !is_exact))
        return fail_overflow(run, op);
    if (both_ints && op != WEIR_JINJA_DIVIDE && is_int_power)
        return compute_ints(run, op, int_of(a), int_of(b), out);
    return compute_floats(run, op, x, y, out);
}

static weir_status negate_big(weir_jinja_run *run, const weir_jinja_string *s,
                              weir_jinja_value *out) {
    if (s->data[0] == '-')
        return weir_jinja_integer(run, s->data + 1, s->n - 1, out);
    char *digits = weir_jinja_take(run, s->n + 1);
    if (digits == NULL)
        return run->status;
    digits[0] = '-';
    memcpy(digits + 1, s->data, s->n);
    return weir_jinja_integer(run, digits, s->n + 1, out);
}

weir_status weir_jinja_negative(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value *out) {
    if (a.type == WEIR_JINJA_BIG_INT)
        return negate_big(run, a.as.string, out);
    if (a.type == WEIR_JINJA_FLOAT) {
        *out = weir_jinja_float(-a.as.real);
        return WEIR_STATUS_OK;
    }
    if (is_int(a))
        return compute_ints(run, WEIR_JINJA_SUBTRACT, 0, int_of(a), out);
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "bad operand type for unary -: '%s'",
                           weir_jinja_type_name(a));
}

weir_status weir_jinja_positive(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value *out) {
    *out = a;
    if (a.type == WEIR_JINJA_BOOL)
        *out = weir_jinja_int(a.as.boolean);
    if (is_number(a))
        return WEIR_STATUS_OK;
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "bad operand type for unary +: '%s'",
                           weir_jinja_type_name(a));
}

/* ---- sequences ----------------------------------------------------------------------------- */

static weir_status repeat_string(weir_jinja_run *run, const weir_jinja_string *s, int64_t times,
                                 weir_jinja_value *out) {
    weir_jinja_builder b;
    size_t n = times <= 0 || s->n == 0 ? 0 : (size_t)times;
    if (n > SIZE_MAX / 4 / (s->n + 1))
        return weir_jinja_fail(run, WEIR_STATUS_FULL, "a string repeated %zu times is too large",
                               n);
    WEIR_TRY(weir_jinja_build(&b, run, n * s->n));
    for (size_t i = 0; i < n; i++) {
        WEIR_TRY(weir_jinja_step(run, 1));
        WEIR_TRY(weir_jinja_add_string(&b, s));
    }
    return weir_jinja_built(&b, out);
}

static weir_status repeat_list(weir_jinja_run *run, weir_jinja_value list, int64_t times,
                               weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(run, (weir_jinja_type)list.type, 0, out));
    size_t n = list.as.list->n;
    for (int64_t i = 0; n != 0 && i < times; i++)
        for (size_t j = 0; j < n; j++)
            WEIR_TRY(weir_jinja_append(run, out->as.list, list.as.list->items[j]));
    return WEIR_STATUS_OK;
}

static bool is_sequence(weir_jinja_value v) {
    return v.type == WEIR_JINJA_STRING || v.type == WEIR_JINJA_LIST || v.type == WEIR_JINJA_TUPLE;
}

static weir_status multiply_sequence(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                                     weir_jinja_value *out) {
    weir_jinja_value sequence = is_sequence(a) ? a : b;
    int64_t times = int_of(is_sequence(a) ? b : a);
    return sequence.type == WEIR_JINJA_STRING ? repeat_string(run, sequence.as.string, times, out)
                                              : repeat_list(run, sequence, times, out);
}

static weir_status add_lists(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                             weir_jinja_value *out) {
    const weir_jinja_list *left = a.as.list, *right = b.as.list;
    WEIR_TRY(weir_jinja_step(run, left->n + right->n));
    WEIR_TRY(weir_jinja_new_list(run, (weir_jinja_type)a.type, left->n + right->n, out));
    weir_jinja_list *list = out->as.list;
    if (left->n != 0)
        memcpy(list->items, left->items, left->n * sizeof *list->items);
    if (right->n != 0)
        memcpy(list->items + left->n, right->items, right->n * sizeof *list->items);
    list->n = left->n + right->n;
    return WEIR_STATUS_OK;
}

/* ~ */
static weir_status join_text(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                             weir_jinja_value *out) {
    weir_jinja_value left, right;
    WEIR_TRY(weir_jinja_str(run, a, &left));
    WEIR_TRY(weir_jinja_str(run, b, &right));
    return weir_jinja_concat(run, left.as.string, right.as.string, out);
}

/* ---- any operator -------------------------------------------------------------------------- */

static weir_status arithmetic(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                              weir_jinja_value b, weir_jinja_value *out) {
    if (is_number(a) && is_number(b))
        return compute(run, op, a, b, out);
    if (op == WEIR_JINJA_ADD && is_sequence(a) && a.type == b.type)
        return a.type == WEIR_JINJA_STRING ? weir_jinja_concat(run, a.as.string, b.as.string, out)
                                           : add_lists(run, a, b, out);
    if (op == WEIR_JINJA_MULTIPLY &&
        ((is_sequence(a) && is_int(b)) || (is_int(a) && is_sequence(b))))
        return multiply_sequence(run, a, b, out);
    if (op == WEIR_JINJA_MODULO && a.type == WEIR_JINJA_STRING)
        return weir_jinja_percent(run, a.as.string, b, out);
    return fail_types(run, op, a, b);
}

static weir_status compare(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                           weir_jinja_value b, bool *out) {
    if (op == WEIR_JINJA_EQUAL || op == WEIR_JINJA_NOT_EQUAL) {
        WEIR_TRY(weir_jinja_equal(run, a, b, out));
        *out = *out == (op == WEIR_JINJA_EQUAL);
        return WEIR_STATUS_OK;
    }
    if (op == WEIR_JINJA_IN || op == WEIR_JINJA_NOT_IN) {
        WEIR_TRY(weir_jinja_contains(run, a, b, out));
        *out = *out == (op == WEIR_JINJA_IN);
        return WEIR_STATUS_OK;
    }
    int order = 0;
    bool is_ordered = false;
    WEIR_TRY(weir_jinja_order(run, a, b, &order, &is_ordered));
    *out =
        is_ordered &&
        ((op == WEIR_JINJA_LESS && order < 0) || (op == WEIR_JINJA_LESS_EQUAL && order <= 0) ||
         (op == WEIR_JINJA_GREATER && order > 0) || (op == WEIR_JINJA_GREATER_EQUAL && order >= 0));
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_binary(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                              weir_jinja_value b, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, 1));
    if (op == WEIR_JINJA_JOIN)
        return join_text(run, a, b, out);
    if (op < WEIR_JINJA_EQUAL)
        return arithmetic(run, op, a, b, out);
    bool result;
    WEIR_TRY(compare(run, op, a, b, &result));
    *out = weir_jinja_bool(result);
    return WEIR_STATUS_OK;
}
