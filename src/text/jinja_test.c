/*
 * jinja_test.c: what stands behind `is`.
 *
 * Owns the tests of Jinja2. `filter` and `test` ask whether a name is known here.
 */
#include "text/jinja_test.h"

#include <string.h>

#include "text/jinja_filter.h"
#include "text/jinja_text.h"

static weir_status only_value(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return weir_jinja_arguments(run, call, "value", out, NULL);
}

/* ---- types --------------------------------------------------------------------------------- */

static weir_status is_of_types(weir_jinja_run *run, const weir_jinja_call *call, uint32_t types,
                               weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool((types >> v.type & 1u) != 0);
    return WEIR_STATUS_OK;
}

enum {
    INTEGERS = 1 << WEIR_JINJA_INT | 1 << WEIR_JINJA_BIG_INT,
    SIZED = 1 << WEIR_JINJA_STRING | 1 << WEIR_JINJA_LIST | 1 << WEIR_JINJA_TUPLE |
            1 << WEIR_JINJA_DICT | 1 << WEIR_JINJA_UNDEFINED
};

#define TYPE_TEST(name, types)                                                \
    static weir_status name(weir_jinja_run *run, const weir_jinja_call *call, \
                            weir_jinja_value *out) {                          \
        return is_of_types(run, call, (uint32_t)(types), out);                \
    }
TYPE_TEST(is_boolean, 1 << WEIR_JINJA_BOOL)
TYPE_TEST(is_defined, ~(1u << WEIR_JINJA_UNDEFINED))
TYPE_TEST(is_float, 1 << WEIR_JINJA_FLOAT)
TYPE_TEST(is_integer, INTEGERS)
TYPE_TEST(is_iterable, SIZED | 1 << WEIR_JINJA_ITERATOR)
TYPE_TEST(is_mapping, 1 << WEIR_JINJA_DICT)
TYPE_TEST(is_none, 1 << WEIR_JINJA_NONE)
TYPE_TEST(is_number, INTEGERS | 1 << WEIR_JINJA_FLOAT | 1 << WEIR_JINJA_BOOL)
TYPE_TEST(is_sequence, SIZED)
TYPE_TEST(is_string, 1 << WEIR_JINJA_STRING)
TYPE_TEST(is_undefined, 1 << WEIR_JINJA_UNDEFINED)
#undef TYPE_TEST

static weir_status is_callable(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool(v.type == WEIR_JINJA_UNDEFINED ||
                           (v.type == WEIR_JINJA_OBJECT && v.as.object->behaviour->call != NULL));
    return WEIR_STATUS_OK;
}

static weir_status is_bool(weir_jinja_run *run, const weir_jinja_call *call, bool wanted,
                           weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool(v.type == WEIR_JINJA_BOOL && v.as.boolean == wanted);
    return WEIR_STATUS_OK;
}

static weir_status is_true(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    return is_bool(run, call, true, out);
}

static weir_status is_false(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    return is_bool(run, call, false, out);
}

static weir_status is_escaped(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool(v.type == WEIR_JINJA_STRING && v.as.string->is_safe);
    return WEIR_STATUS_OK;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* str(value).islower() or isupper() */
static weir_status is_cased(weir_jinja_run *run, const weir_jinja_call *call, const char *method,
                            weir_jinja_value *out) {
    weir_jinja_value v, bound;
    weir_jinja_string name = weir_jinja_literal(method, strlen(method), 0);
    WEIR_TRY(only_value(run, call, &v));
    WEIR_TRY(weir_jinja_str(run, v, &v));
    WEIR_TRY(weir_jinja_attribute(run, v, &name, &bound));
    return weir_jinja_call_value(run, bound, &(weir_jinja_call){0}, out);
}

static weir_status is_lower(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    return is_cased(run, call, "islower", out);
}

static weir_status is_upper(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    return is_cased(run, call, "isupper", out);
}

static weir_status is_filter(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool(v.type == WEIR_JINJA_STRING &&
                           weir_jinja_filter_find(v.as.string->data, v.as.string->n) != NULL);
    return WEIR_STATUS_OK;
}

static weir_status is_test(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    *out = weir_jinja_bool(v.type == WEIR_JINJA_STRING &&
                           weir_jinja_test_find(v.as.string->data, v.as.string->n) != NULL);
    return WEIR_STATUS_OK;
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* value % divisor == rest */
static weir_status has_rest(weir_jinja_run *run, weir_jinja_value value, weir_jinja_value divisor,
                            int64_t rest, weir_jinja_value *out) {
    weir_jinja_value found;
    WEIR_TRY(weir_jinja_binary(run, WEIR_JINJA_MODULO, value, divisor, &found));
    return weir_jinja_binary(run, WEIR_JINJA_EQUAL, found, weir_jinja_int(rest), out);
}

static weir_status is_even(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    return has_rest(run, v, weir_jinja_int(2), 0, out);
}

static weir_status is_odd(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value v;
    WEIR_TRY(only_value(run, call, &v));
    return has_rest(run, v, weir_jinja_int(2), 1, out);
}

static weir_status is_divisibleby(weir_jinja_run *run, const weir_jinja_call *call,
                                  weir_jinja_value *out) {
    weir_jinja_value slots[2];
    WEIR_TRY(weir_jinja_arguments(run, call, "value num", slots, NULL));
    return has_rest(run, slots[0], slots[1], 0, out);
}

/* ---- comparisons --------------------------------------------------------------------------- */

static weir_status compare(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_operator op,
                           weir_jinja_value *out) {
    weir_jinja_value slots[2];
    WEIR_TRY(weir_jinja_arguments(run, call, "value other", slots, NULL));
    return weir_jinja_binary(run, op, slots[0], slots[1], out);
}

#define COMPARISON(name, op)                                                  \
    static weir_status name(weir_jinja_run *run, const weir_jinja_call *call, \
                            weir_jinja_value *out) {                          \
        return compare(run, call, op, out);                                   \
    }
COMPARISON(is_eq, WEIR_JINJA_EQUAL)
COMPARISON(is_ne, WEIR_JINJA_NOT_EQUAL)
COMPARISON(is_lt, WEIR_JINJA_LESS)
COMPARISON(is_le, WEIR_JINJA_LESS_EQUAL)
COMPARISON(is_gt, WEIR_JINJA_GREATER)
COMPARISON(is_ge, WEIR_JINJA_GREATER_EQUAL)
COMPARISON(is_in, WEIR_JINJA_IN)
#undef COMPARISON

/* Python's `is`: the same object. Small values have no identity of their own and compare by type
 * and value. */
static weir_status is_sameas(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_same = false;
    WEIR_TRY(weir_jinja_arguments(run, call, "value other", slots, NULL));
    if (slots[0].type == slots[1].type) {
        bool is_container = slots[0].type == WEIR_JINJA_LIST || slots[0].type == WEIR_JINJA_TUPLE ||
                            slots[0].type == WEIR_JINJA_DICT;
        if (is_container)
            is_same = slots[0].as.list == slots[1].as.list;
        else
            WEIR_TRY(weir_jinja_equal(run, slots[0], slots[1], &is_same));
    }
    *out = weir_jinja_bool(is_same);
    return WEIR_STATUS_OK;
}

/* ---- by name ------------------------------------------------------------------------------- */

const weir_jinja_test *weir_jinja_test_find(const char *name, size_t n) {
    static const weir_jinja_test tests[] = {
        {"!=", is_ne},
        {"<", is_lt},
        {"<=", is_le},
        {"==", is_eq},
        {">", is_gt},
        {">=", is_ge},
        {"boolean", is_boolean},
        {"callable", is_callable},
        {"defined", is_defined},
        {"divisibleby", is_divisibleby},
        {"eq", is_eq},
        {"equalto", is_eq},
        {"escaped", is_escaped},
        {"even", is_even},
        {"false", is_false},
        {"filter", is_filter},
        {"float", is_float},
        {"ge", is_ge},
        {"greaterthan", is_gt},
        {"gt", is_gt},
        {"in", is_in},
        {"integer", is_integer},
        {"iterable", is_iterable},
        {"le", is_le},
        {"lessthan", is_lt},
        {"lower", is_lower},
        {"lt", is_lt},
        {"mapping", is_mapping},
        {"ne", is_ne},
        {"none", is_none},
        {"number", is_number},
        {"odd", is_odd},
        {"sameas", is_sameas},
        {"sequence", is_sequence},
        {"string", is_string},
        {"test", is_test},
        {"true", is_true},
        {"undefined", is_undefined},
        {"upper", is_upper},
    };
    for (size_t i = 0; i < WEIR_COUNT(tests); i++)
        if (strlen(tests[i].name) == n && memcmp(tests[i].name, name, n) == 0)
            return &tests[i];
    return NULL;
}
