/*
 * jinja_value_compare.c: truth, equality, order and `in`, as Python has them.
 *
 * Changes nothing. Numbers of all types compare by their exact value, also big integers with
 * floats. Nested values count against the depth of the run, so a list that holds itself ends in an
 * error.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_value.h"

const char *weir_jinja_type_name(weir_jinja_value v) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
        return "Undefined";
    case WEIR_JINJA_NONE:
        return "NoneType";
    case WEIR_JINJA_BOOL:
        return "bool";
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
        return "int";
    case WEIR_JINJA_FLOAT:
        return "float";
    case WEIR_JINJA_STRING:
        return "str";
    case WEIR_JINJA_LIST:
        return "list";
    case WEIR_JINJA_TUPLE:
        return "tuple";
    case WEIR_JINJA_DICT:
        return "dict";
    case WEIR_JINJA_NAMESPACE:
        return "Namespace";
    case WEIR_JINJA_ITERATOR:
        return "generator";
    case WEIR_JINJA_OBJECT:
        break;
    }
    return v.as.object->behaviour->type_name;
}

bool weir_jinja_truth(weir_jinja_value v) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
    case WEIR_JINJA_NONE:
        return false;
    case WEIR_JINJA_BOOL:
        return v.as.boolean;
    case WEIR_JINJA_INT:
        return v.as.integer != 0;
    case WEIR_JINJA_FLOAT:
        return v.as.real != 0;
    case WEIR_JINJA_STRING:
        return v.as.string->n != 0;
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        return v.as.list->n != 0;
    case WEIR_JINJA_DICT:
        return v.as.dict->n != 0;
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_ITERATOR:
    case WEIR_JINJA_OBJECT:
        break;
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static bool is_int(weir_jinja_value v) {
    return v.type == WEIR_JINJA_INT || v.type == WEIR_JINJA_BOOL;
}

static bool is_number(weir_jinja_value v) {
    return is_int(v) || v.type == WEIR_JINJA_BIG_INT || v.type == WEIR_JINJA_FLOAT;
}

static int64_t int_of(weir_jinja_value v) {
    return v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer;
}

double weir_jinja_to_float(weir_jinja_value v) {
    enum { DIGITS = 340 }; /* the largest float has 309 */
    if (v.type == WEIR_JINJA_FLOAT)
        return v.as.real;
    if (v.type != WEIR_JINJA_BIG_INT)
        return (double)int_of(v);
    const weir_jinja_string *s = v.as.string;
    if (s->n >= DIGITS)
        return s->data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    char digits[DIGITS];
    memcpy(digits, s->data, s->n);
    digits[s->n] = 0;
    return strtod(digits, NULL);
}

static int sign_of(int x) {
    return (x > 0) - (x < 0);
}

/* Decimal integers as text, no leading zeros. */
static int order_digits(const char *a, size_t n_a, const char *b, size_t n_b) {
    bool a_negative = n_a != 0 && a[0] == '-';
    bool b_negative = n_b != 0 && b[0] == '-';
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    int larger = n_a != n_b ? (n_a > n_b ? 1 : -1) : sign_of(memcmp(a, b, n_a));
    return a_negative ? -larger : larger;
}

/* An integer with a finite float, exactly: below 2^63 the float's whole part fits an int64, above
 * it is compared by its digits. */
static int order_int_float(weir_jinja_value i, double x) {
    if (i.type != WEIR_JINJA_BIG_INT && x >= -0x1p63 && x < 0x1p63) {
        int64_t whole = (int64_t)x, value = int_of(i);
        if (value != whole)
            return value > whole ? 1 : -1;
        double rest = x - (double)whole;
        return (rest < 0) - (rest > 0);
    }
    if (i.type != WEIR_JINJA_BIG_INT)
        return x > 0 ? -1 : 1;
    char digits[340];
    int n = snprintf(digits, sizeof digits, "%.0f", trunc(x));
    return order_digits(i.as.string->data, i.as.string->n, digits, (size_t)n);
}

/* False: a NaN is among them. */
static bool order_numbers(weir_jinja_value a, weir_jinja_value b, int *out) {
    bool a_float = a.type == WEIR_JINJA_FLOAT, b_float = b.type == WEIR_JINJA_FLOAT;
    if ((a_float && isnan(a.as.real)) || (b_float && isnan(b.as.real)))
        return false;
    if (a_float && b_float)
        *out = (a.as.real > b.as.real) - (a.as.real < b.as.real);
    else if (a_float && isinf(a.as.real))
        *out = a.as.real > 0 ? 1 : -1;
    else if (b_float && isinf(b.as.real))
        *out = b.as.real > 0 ? -1 : 1;
    else if (a_float)
        *out = -order_int_float(b, a.as.real);
    else if (b_float)
        *out = order_int_float(a, b.as.real);
    else if (is_int(a) && is_int(b))
        *out = (int_of(a) > int_of(b)) - (int_of(a) < int_of(b));
    else if (a.type == WEIR_JINJA_BIG_INT && b.type == WEIR_JINJA_BIG_INT)
        *out = order_digits(a.as.string->data, a.as.string->n, b.as.string->data, b.as.string->n);
    else if (a.type == WEIR_JINJA_BIG_INT)
        *out = a.as.string->data[0] == '-' ? -1 : 1;
    else
        *out = b.as.string->data[0] == '-' ? 1 : -1;
    return true;
}

/* ---- equality ------------------------------------------------------------------------------ */

static weir_status equal_lists(weir_jinja_run *run, const weir_jinja_list *a,
                               const weir_jinja_list *b, bool *out) {
    *out = a == b;
    if (*out || a->n != b->n)
        return WEIR_STATUS_OK;
    for (size_t i = 0; i < a->n; i++) {
        WEIR_TRY(weir_jinja_equal(run, a->items[i], b->items[i], out));
        if (!*out)
            return WEIR_STATUS_OK;
    }
    *out = true;
    return WEIR_STATUS_OK;
}

static weir_status equal_dicts(weir_jinja_run *run, const weir_jinja_dict *a,
                               const weir_jinja_dict *b, bool *out) {
    *out = a == b;
    if (*out || a->n != b->n)
        return WEIR_STATUS_OK;
    for (size_t i = 0; i < a->n; i++) {
        weir_jinja_entry *other;
        WEIR_TRY(weir_jinja_find(run, b, a->entries[i].key, &other));
        if (other == NULL)
            return WEIR_STATUS_OK;
        WEIR_TRY(weir_jinja_equal(run, a->entries[i].value, other->value, out));
        if (!*out)
            return WEIR_STATUS_OK;
    }
    *out = true;
    return WEIR_STATUS_OK;
}

static bool equal_objects(const weir_jinja_object *a, const weir_jinja_object *b) {
    return a == b || (a->function != NULL && a->function == b->function && a->name == b->name &&
                      a->self.type == b->self.type && a->self.as.object == b->self.as.object);
}

static weir_status equal_same_type(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                                   bool *out) {
    switch ((weir_jinja_type)a.type) {
    case WEIR_JINJA_STRING:
        *out = a.as.string->n == b.as.string->n &&
               memcmp(a.as.string->data, b.as.string->data, a.as.string->n) == 0;
        return *out ? weir_jinja_step(run, a.as.string->n / 64) : WEIR_STATUS_OK;
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        return equal_lists(run, a.as.list, b.as.list, out);
    case WEIR_JINJA_DICT:
        return equal_dicts(run, a.as.dict, b.as.dict, out);
    case WEIR_JINJA_NAMESPACE:
        *out = a.as.dict == b.as.dict;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_ITERATOR:
        *out = a.as.list == b.as.list;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_OBJECT:
        *out = equal_objects(a.as.object, b.as.object);
        return WEIR_STATUS_OK;
    case WEIR_JINJA_UNDEFINED:
    case WEIR_JINJA_NONE:
    case WEIR_JINJA_BOOL:
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_FLOAT:
        break;
    }
    *out = true; /* two None, two undefined: numbers are compared before */
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_equal(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                             bool *out) {
    *out = false;
    WEIR_TRY(weir_jinja_step(run, 1));
    if (is_number(a) && is_number(b)) {
        int order;
        *out = order_numbers(a, b, &order) && order == 0;
        return WEIR_STATUS_OK;
    }
    if (a.type != b.type)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_enter(run));
    WEIR_TRY(equal_same_type(run, a, b, out));
    weir_jinja_leave(run);
    return WEIR_STATUS_OK;
}

/* ---- order --------------------------------------------------------------------------------- */

static weir_status order_strings(weir_jinja_run *run, const weir_jinja_string *a,
                                 const weir_jinja_string *b, int *out) {
    /* UTF-8 sorts as its code points do. */
    size_t n = a->n < b->n ? a->n : b->n;
    int order = sign_of(memcmp(a->data, b->data, n));
    *out = order != 0 ? order : (a->n > b->n) - (a->n < b->n);
    return weir_jinja_step(run, n / 64);
}

static weir_status order_lists(weir_jinja_run *run, const weir_jinja_list *a,
                               const weir_jinja_list *b, int *out, bool *is_ordered) {
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        bool is_equal;
        WEIR_TRY(weir_jinja_equal(run, a->items[i], b->items[i], &is_equal));
        if (!is_equal)
            return weir_jinja_order(run, a->items[i], b->items[i], out, is_ordered);
    }
    *out = (a->n > b->n) - (a->n < b->n);
    *is_ordered = true;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_order(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b, int *out,
                             bool *is_ordered) {
    WEIR_TRY(weir_jinja_step(run, 1));
    *is_ordered = true;
    if (a.type == WEIR_JINJA_UNDEFINED || b.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a.type == WEIR_JINJA_UNDEFINED ? a : b);
    if (is_number(a) && is_number(b)) {
        *is_ordered = order_numbers(a, b, out);
        return WEIR_STATUS_OK;
    }
    if (a.type == WEIR_JINJA_STRING && b.type == WEIR_JINJA_STRING)
        return order_strings(run, a.as.string, b.as.string, out);
    bool both_lists = a.type == WEIR_JINJA_LIST && b.type == WEIR_JINJA_LIST;
    bool both_tuples = a.type == WEIR_JINJA_TUPLE && b.type == WEIR_JINJA_TUPLE;
    if (both_lists || both_tuples) {
        WEIR_TRY(weir_jinja_enter(run));
        WEIR_TRY(order_lists(run, a.as.list, b.as.list, out, is_ordered));
        weir_jinja_leave(run);
        return WEIR_STATUS_OK;
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                           "'<' not supported between instances of '%s' and '%s'",
                           weir_jinja_type_name(a), weir_jinja_type_name(b));
}

/* ---- in ------------------------------------------------------------------------------------ */

static weir_status contains_text(weir_jinja_run *run, weir_jinja_value a,
                                 const weir_jinja_string *s, bool *out) {
    if (a.type != WEIR_JINJA_STRING)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "'in <string>' requires string as left operand, not %s",
                               weir_jinja_type_name(a));
    size_t at;
    WEIR_TRY(weir_jinja_search(run, s, a.as.string, 0, s->n, &at));
    *out = at != SIZE_MAX;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_contains(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                                bool *out) {
    *out = false;
    if (b.type == WEIR_JINJA_STRING)
        return contains_text(run, a, b.as.string, out);
    if (b.type == WEIR_JINJA_DICT) {
        weir_jinja_entry *entry;
        WEIR_TRY(weir_jinja_find(run, b.as.dict, a, &entry));
        *out = entry != NULL;
        return WEIR_STATUS_OK;
    }
    bool has_items = b.type == WEIR_JINJA_LIST || b.type == WEIR_JINJA_TUPLE ||
                     b.type == WEIR_JINJA_ITERATOR || b.type == WEIR_JINJA_UNDEFINED;
    if (!has_items)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "argument of type '%s' is not iterable",
                               weir_jinja_type_name(b));
    weir_jinja_items items;
    WEIR_TRY(weir_jinja_iterate(run, b, &items));
    for (size_t i = 0; i < items.n && !*out; i++)
        WEIR_TRY(weir_jinja_equal(run, items.items[i], a, out));
    return WEIR_STATUS_OK;
}
