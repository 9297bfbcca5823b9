/*
 * score_calls.c: calls against the values that are accepted for each of their arguments.
 *
 * The rules follow the published checker as it behaves, its oddities included where real data can
 * meet them: an argument whose accepted values are of another type than the declared one may be of
 * theirs ("a variable"); [] is accepted where "" marks an argument as optional; texts are compared
 * without case, spaces and , . / - _ * ^.
 */
#include "score_calls.h"

#include "base/compiler.h"
#include "base/error.h"
#include "text_units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct judge {
    char *why; /* [WEIR_CALLS_WHY] of the last thing that was wrong */
    weir_status status;
    weir_error *err;
} judge;

/* Says what is wrong with the calls; false, for returning. */
static bool wrong(judge *j, const char *format, ...) WEIR_PRINTF(2, 3);

static bool wrong(judge *j, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(j->why, WEIR_CALLS_WHY, format, args);
    va_end(args);
    return false;
}

/* The data is not as it should be: that is no fault of the model, and ends the judging. */
static bool bad_data(judge *j, const char *what) {
    if (j->status == WEIR_STATUS_OK)
        j->status = weir_fail(j->err, WEIR_STATUS_BAD_FILE, "%s", what);
    return false;
}

/* ---- categories ------------------------------------------------------------------------------ */

weir_status weir_calls_rule_of(weir_calls_rule *out, const char *category, weir_error *err) {
    static const char *const refused[] = {"java", "multi_turn", "memory",   "web_search", "exec",
                                          "rest", "sql",        "chatable", "format"};
    static const char *const known[] = {"simple", "multiple", "parallel", "relevance"};
    bool is_known = false;
    *out = WEIR_CALLS_ONE;
    for (size_t i = 0; i < WEIR_COUNT(refused); i++)
        if (strstr(category, refused[i]))
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "category %s cannot be judged here; expected one of simple, "
                             "simple_python, multiple, parallel, parallel_multiple, irrelevance, "
                             "or one of these with live_ before it, or live_relevance",
                             category);
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        is_known = is_known || strstr(category, known[i]);
    if (!is_known)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "category '%s' is unknown; expected ids as simple_python_0, "
                         "live_multiple_3-2-0, parallel_7, irrelevance_1",
                         category);
    if (strstr(category, "irrelevance"))
        *out = WEIR_CALLS_NONE;
    else if (strstr(category, "relevance"))
        *out = WEIR_CALLS_ANY;
    else if (strstr(category, "parallel"))
        *out = WEIR_CALLS_PARALLEL;
    else if (strstr(category, "multiple"))
        *out = WEIR_CALLS_CHOSEN;
    return WEIR_STATUS_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Python's types, as far as JSON has them. */
typedef enum type {
    TYPE_NONE,
    TYPE_STR,
    TYPE_INT,
    TYPE_FLOAT,
    TYPE_BOOL,
    TYPE_LIST,
    TYPE_DICT
} type;

static const char *const type_names[] = {"null",      "a string", "an integer", "a float",
                                         "a boolean", "a list",   "an object"};

static type type_of(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        return TYPE_STR;
    case JSON_INTEGER:
        return TYPE_INT;
    case JSON_REAL:
        return TYPE_FLOAT;
    case JSON_TRUE:
    case JSON_FALSE:
        return TYPE_BOOL;
    case JSON_ARRAY:
        return TYPE_LIST;
    case JSON_OBJECT:
        return TYPE_DICT;
    default:
        return TYPE_NONE;
    }
}

/* The type that a schema's word stands for; TYPE_NONE: an unknown word. */
static type declared_type(const char *name) {
    static const struct {
        const char *name;
        type type;
    } words[] = {{"string", TYPE_STR},   {"integer", TYPE_INT}, {"float", TYPE_FLOAT},
                 {"boolean", TYPE_BOOL}, {"array", TYPE_LIST},  {"tuple", TYPE_LIST},
                 {"dict", TYPE_DICT},    {"any", TYPE_STR},     {"number", TYPE_FLOAT},
                 {"object", TYPE_DICT},  {"bool", TYPE_BOOL},   {"list", TYPE_LIST}};
    for (size_t i = 0; name && i < WEIR_COUNT(words); i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i].type;
    return TYPE_NONE;
}

static bool is_empty_text(const json_t *value) {
    return json_is_string(value) && json_string_length(value) == 0;
}

static bool has_empty_text(const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_empty_text(json_array_get(list, i)))
            return true;
    return false;
}

/* A text as texts are compared, added to `out`: str.lower of every script, not of ASCII alone. */
static void standardize(weir_units *out, const json_t *text) {
    weir_units kept = {0};
    size_t n = 0;
    weir_units_add_utf8(&kept, json_string_value(text), json_string_length(text));
    for (size_t i = 0; i < kept.n; i++) {
        uint32_t code = kept.at[i];
        if (code == 0 || code >= 0x80 || !strchr(" ,./-_*^", (int)code))
            kept.at[n++] = code;
    }
    weir_units_add_lower(out, kept.at, n);
    for (size_t i = 0; i < out->n; i++)
        out->at[i] = out->at[i] == '\'' ? '"' : out->at[i];
    out->has_failed = out->has_failed || kept.has_failed;
    weir_units_free(&kept);
}

static bool same_text(judge *j, const json_t *a, const json_t *b) {
    weir_units x = {0}, y = {0};
    standardize(&x, a);
    standardize(&y, b);
    bool has_failed = x.has_failed || y.has_failed;
    bool is_same = !has_failed && weir_codes_compare(x.at, x.n, y.at, y.n) == 0;
    if (has_failed && j->status == WEIR_STATUS_OK)
        j->status = weir_fail(j->err, WEIR_STATUS_NO_MEMORY, "no memory to compare texts");
    weir_units_free(&x);
    weir_units_free(&y);
    return is_same;
}

/* Python's number of a value: True is 1. */
static bool number_of(const json_t *value, double *out) {
    *out = json_is_true(value) ? 1 : json_is_number(value) ? json_number_value(value) : 0;
    return json_is_number(value) || json_is_boolean(value);
}

/* Python's ==. is_loose: texts at the top as texts are compared. */
static bool equal(judge *j, json_t *a, const json_t *b, bool is_loose) {
    double x, y;
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (number_of(a, &x) && number_of(b, &y))
        return x == y;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_string(a) && is_loose)
        return same_text(j, a, b);
    if (json_is_array(a)) {
        size_t n = json_array_size(a);
        for (size_t i = 0; i < n && n == json_array_size(b); i++)
            if (!equal(j, json_array_get(a, i), json_array_get(b, i), false))
                return false;
        return n == json_array_size(b);
    }
    if (json_is_object(a)) {
        const char *key;
        json_t *value;
        json_object_foreach(a, key, value) {
            const json_t *other = json_object_get(b, key);
            if (!other || !equal(j, value, other, false))
                return false;
        }
        return json_object_size(a) == json_object_size(b);
    }
    return json_equal(a, b);
}

static bool is_among(judge *j, json_t *value, const json_t *accepted, bool is_loose) {
    for (size_t i = 0; i < json_array_size(accepted); i++)
        if (equal(j, value, json_array_get(accepted, i), is_loose))
            return true;
    return false;
}

/* ---- types of arguments ---------------------------------------------------------------------- */

typedef struct expectation {
    type declared, nested; /* nested: of a list's items; TYPE_NONE: whatever */
} expectation;

/* The type of the first accepted value that is more than a mark of being optional. */
static type accepted_type(const json_t *accepted, bool *is_known) {
    *is_known = false;
    for (size_t i = 0; i < json_array_size(accepted); i++)
        if (!is_empty_text(json_array_get(accepted, i))) {
            *is_known = true;
            return type_of(json_array_get(accepted, i));
        }
    return TYPE_NONE;
}

static bool has_type(const json_t *value, type declared, const json_t *accepted) {
    bool is_known;
    type other = accepted_type(accepted, &is_known);
    return type_of(value) == declared || (is_known && type_of(value) == other);
}

/* Do the items of a list have the types that one of the accepted lists asks for? */
static bool items_have_type(const json_t *value, type nested, const json_t *accepted) {
    for (size_t i = 0; i < json_array_size(accepted); i++) {
        const json_t *list = json_array_get(accepted, i);
        size_t k = 0;
        while (json_is_array(list) && k < json_array_size(value) &&
               has_type(json_array_get(value, k), nested, list))
            k++;
        if (!json_is_array(list) || k == json_array_size(value))
            return true;
    }
    return false;
}

/* *is_variable: the accepted values are of another type than the declared one, so that they are
 * compared as they stand. */
static bool check_type(judge *j, const char *name, const json_t *value, const expectation *e,
                       const json_t *accepted, bool *is_variable) {
    bool is_known;
    type other = accepted_type(accepted, &is_known);
    *is_variable = is_known && other != e->declared;
    if (type_of(value) == e->declared) {
        if (e->nested == TYPE_NONE || items_have_type(value, e->nested, accepted))
            return true;
        return wrong(j, "argument %.60s: an item has the wrong type, expected %s", name,
                     type_names[e->nested]);
    }
    *is_variable = true;
    if (is_known && type_of(value) == other)
        return true;
    return wrong(j, "argument %.60s: expected %s, got %s", name, type_names[e->declared],
                 type_names[type_of(value)]);
}

/* ---- values of arguments --------------------------------------------------------------------- */

/* An object against one accepted one: {key: [accepted values]}. */
static bool check_object(judge *j, const char *name, json_t *value, json_t *accepted) {
    const char *key;
    json_t *item;
    if (!json_is_object(value) || !json_is_object(accepted))
        return wrong(j, "argument %.60s: not one of the accepted values", name);
    json_object_foreach(value, key, item) {
        const json_t *values = json_object_get(accepted, key);
        if (!values)
            return wrong(j, "argument %.60s: key %.60s is not expected", name, key);
        if (!is_among(j, item, values, true))
            return wrong(j, "argument %.60s: the value of key %.60s is none of the accepted", name,
                         key);
    }
    json_object_foreach(accepted, key, item) {
        if (!json_object_get(value, key) && !has_empty_text(item))
            return wrong(j, "argument %.60s: key %.60s is missing", name, key);
    }
    return true;
}

static bool check_objects(judge *j, const char *name, json_t *value, const json_t *accepted) {
    wrong(j, "argument %.60s: not one of the accepted values", name);
    for (size_t i = 0; i < json_array_size(accepted); i++) {
        json_t *one = json_array_get(accepted, i);
        if (!is_empty_text(one) && check_object(j, name, value, one))
            return true;
    }
    return false;
}

/* The length of an accepted list; "" counts as the empty one, as in the published checker. */
static size_t list_length(const json_t *list) {
    return json_is_string(list) ? json_string_length(list) : json_array_size(list);
}

/* Lists in their order, items as texts or as objects are compared. */
static bool check_list(judge *j, const char *name, const json_t *value, const json_t *accepted,
                       bool of_objects) {
    size_t n = json_array_size(value);
    wrong(j, "argument %.60s: not one of the accepted lists", name);
    for (size_t i = 0; i < json_array_size(accepted); i++) {
        const json_t *list = json_array_get(accepted, i);
        size_t k = 0;
        if (list_length(list) != n)
            continue;
        while (k < n && json_is_array(list) &&
               (of_objects
                    ? check_object(j, name, json_array_get(value, k), json_array_get(list, k))
                    : equal(j, json_array_get(value, k), json_array_get(list, k), true)))
            k++;
        if (k == n)
            return true;
    }
    return false;
}

static bool check_value(judge *j, const char *name, json_t *value, const expectation *e,
                        const json_t *accepted) {
    bool is_variable;
    json_t *as_float = NULL;
    if (e->declared == TYPE_FLOAT && json_is_integer(value))
        value = as_float = json_real((double)json_integer_value(value));
    bool is_right = value && check_type(j, name, value, e, accepted, &is_variable);
    if (!is_right || is_variable || e->declared == TYPE_INT || e->declared == TYPE_FLOAT ||
        e->declared == TYPE_BOOL)
        is_right = is_right && (is_among(j, value, accepted, false) ||
                                wrong(j, "argument %.60s: not one of the accepted values", name));
    else if (e->declared == TYPE_DICT)
        is_right = check_objects(j, name, value, accepted);
    else if (e->declared == TYPE_STR)
        is_right = is_among(j, value, accepted, true) ||
                   wrong(j, "argument %.60s: not one of the accepted texts", name);
    else
        is_right = check_list(j, name, value, accepted, e->nested == TYPE_DICT);
    json_decref(as_float);
    return is_right;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool find_expectation(judge *j, const json_t *schema, expectation *out) {
    const char *name = json_string_value(json_object_get(schema, "type"));
    const json_t *items = json_object_get(schema, "items");
    out->declared = declared_type(name);
    out->nested = TYPE_NONE;
    if (out->declared == TYPE_LIST && items)
        out->nested = declared_type(json_string_value(json_object_get(items, "type")));
    return out->declared != TYPE_NONE ||
           bad_data(j, "an argument of a function has no type that is known");
}

/* One call against one function and one answer {name: {argument: [..]}}. */
static bool check_call(judge *j, const json_t *function, json_t *answer, const json_t *call) {
    const char *name = json_string_value(json_object_get(function, "name"));
    const char *called = json_string_value(json_object_get(call, "name"));
    const json_t *parameters = json_object_get(function, "parameters");
    const json_t *properties = json_object_get(parameters, "properties");
    const json_t *required = json_object_get(parameters, "required");
    json_t *given = json_object_get(call, "arguments");
    const char *key;
    json_t *value;
    json_t *accepted = json_object_iter_value(json_object_iter(answer));
    if (!name || !json_is_object(properties) || !json_is_object(accepted))
        return bad_data(j, "a function or its answer is not of the expected form");
    if (!called || strcmp(called, name) != 0)
        return wrong(j, "function %.60s is not called, but %.60s", name, called ? called : "none");
    if (given && !json_is_object(given))
        return wrong(j, "the arguments of %.60s are no object", name);
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *one = json_string_value(json_array_get(required, i));
        if (one && !json_object_get(given, one))
            return wrong(j, "required argument %.60s is missing", one);
    }
    json_object_foreach(given, key, value) {
        const json_t *schema = json_object_get(properties, key);
        const json_t *values = json_object_get(accepted, key);
        expectation e;
        if (!schema || !values)
            return wrong(j, "argument %.60s is not expected", key);
        if (!json_is_array(values))
            return bad_data(j, "the accepted values of an argument are no list");
        if (!find_expectation(j, schema, &e) || !check_value(j, key, value, &e, values))
            return false;
    }
    json_object_foreach(accepted, key, value) {
        if (!json_object_get(given, key) && !has_empty_text(value))
            return wrong(j, "argument %.60s is missing and not optional", key);
    }
    return true;
}

/* The function that an answer is about; NULL: it is not declared. */
static const json_t *function_of(const json_t *functions, json_t *answer) {
    const char *name = json_object_iter_key(json_object_iter(answer));
    for (size_t i = 0; name && i < json_array_size(functions); i++) {
        const json_t *function = json_array_get(functions, i);
        const char *declared = json_string_value(json_object_get(function, "name"));
        if (declared && strcmp(declared, name) == 0)
            return function;
    }
    return NULL;
}

/* Every answer takes the first call that is left and right for it. */
static bool check_parallel(judge *j, const json_t *functions, const json_t *truth,
                           const json_t *calls) {
    size_t n = json_array_size(truth);
    bool is_right = true, *is_taken = calloc(n ? n : 1, sizeof *is_taken);
    if (!is_taken) {
        j->status = weir_fail(j->err, WEIR_STATUS_NO_MEMORY, "no memory for %zu calls", n);
        return false;
    }
    for (size_t i = 0; i < n && is_right; i++) {
        json_t *answer = json_array_get(truth, i);
        const json_t *function = function_of(functions, answer);
        size_t k = 0;
        if (!function)
            is_right = bad_data(j, "an answer is for a function that is not declared");
        while (is_right && k < n &&
               (is_taken[k] || !check_call(j, function, answer, json_array_get(calls, k))))
            k++;
        is_right = is_right && k < n;
        if (is_right)
            is_taken[k] = true;
    }
    free(is_taken);
    return is_right;
}

static bool check_all(judge *j, weir_calls_rule rule, const json_t *functions, const json_t *truth,
                      const json_t *calls) {
    size_t n = json_array_size(calls), n_expected = json_array_size(truth);
    if (rule == WEIR_CALLS_NONE)
        return n == 0 || wrong(j, "%zu calls where none was to be made", n);
    if (rule == WEIR_CALLS_ANY)
        return n > 0 || wrong(j, "no call");
    if (json_array_size(functions) == 0 || n_expected == 0)
        return bad_data(j, "no functions, or no answers");
    if (n != n_expected)
        return wrong(j, "%zu calls, expected %zu", n, n_expected);
    if (rule == WEIR_CALLS_PARALLEL)
        return check_parallel(j, functions, truth, calls);
    json_t *answer = json_array_get(truth, 0);
    const json_t *function =
        rule == WEIR_CALLS_ONE ? json_array_get(functions, 0) : function_of(functions, answer);
    if (!function)
        return bad_data(j, "the answer is for a function that is not declared");
    return check_call(j, function, answer, json_array_get(calls, 0));
}

weir_status weir_calls_check(bool *is_right, char why[WEIR_CALLS_WHY], weir_calls_rule rule,
                             const json_t *functions, const json_t *truth, const json_t *calls,
                             weir_error *err) {
    judge j = {.why = why, .err = err};
    why[0] = 0;
    *is_right = check_all(&j, rule, functions, truth, calls) && j.status == WEIR_STATUS_OK;
    if (*is_right || j.status != WEIR_STATUS_OK)
        why[0] = 0;
    return j.status;
}
