/*
 * jinja_value_call.c: calling values, and sorting the arguments of a call into parameters.
 *
 * Owns Python's words for calls that do not fit. Knows no function by name.
 */
#include <assert.h>
#include <string.h>

#include "text/jinja_value.h"

weir_status weir_jinja_call_value(weir_jinja_run *run, weir_jinja_value v,
                                  const weir_jinja_call *call, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, 1));
    if (v.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, v);
    if (v.type != WEIR_JINJA_OBJECT || v.as.object->behaviour->call == NULL)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s' object is not callable",
                               weir_jinja_type_name(v));
    weir_jinja_call named = *call;
    if (named.name == NULL)
        named.name = v.as.object->name;
    WEIR_TRY(weir_jinja_enter(run));
    WEIR_TRY(v.as.object->behaviour->call(run, v.as.object, &named, out));
    weir_jinja_leave(run);
    return WEIR_STATUS_OK;
}

typedef struct parameter_word {
    const char *name; /* [n] */
    int n;
    bool is_optional;
} parameter_word;

static size_t split_parameters(const char *text, parameter_word out[WEIR_JINJA_MAX_PARAMETERS]) {
    size_t n = 0;
    for (const char *c = text; *c != 0;) {
        size_t length = strcspn(c, " ");
        assert(n < WEIR_JINJA_MAX_PARAMETERS);
        out[n] = (parameter_word){c, (int)length, c[length - 1] == '='};
        out[n].n -= out[n].is_optional;
        n++;
        c += length;
        c += *c == ' ';
    }
    return n;
}

static const char *name_of(const weir_jinja_call *call) {
    return call->name != NULL ? call->name : "function";
}

static weir_status place_keyword(weir_jinja_run *run, const weir_jinja_call *call,
                                 const weir_jinja_keyword *keyword,
                                 const parameter_word *parameters, size_t n,
                                 weir_jinja_value *slots, bool *is_given) {
    const weir_jinja_string *name = keyword->name;
    int n_shown = weir_jinja_shown(name->data, name->n);
    for (size_t i = 0; i < n; i++) {
        if (name->n != (size_t)parameters[i].n ||
            memcmp(name->data, parameters[i].name, name->n) != 0)
            continue;
        if (is_given[i])
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "%s: got multiple values for argument '%.*s'", name_of(call),
                                   n_shown, name->data);
        slots[i] = keyword->value;
        is_given[i] = true;
        return WEIR_STATUS_OK;
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: got an unexpected keyword argument '%.*s'",
                           name_of(call), n_shown, name->data);
}

weir_status weir_jinja_arguments(weir_jinja_run *run, const weir_jinja_call *call,
                                 const char *parameters, weir_jinja_value *slots, bool *is_given) {
    parameter_word list[WEIR_JINJA_MAX_PARAMETERS];
    bool given[WEIR_JINJA_MAX_PARAMETERS] = {false};
    size_t n = split_parameters(parameters, list);
    if (call->n_args > n)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "%s: takes at most %zu arguments (%zu given)", name_of(call), n,
                               call->n_args);
    for (size_t i = 0; i < n; i++) {
        given[i] = i < call->n_args;
        slots[i] = given[i] ? call->args[i] : weir_jinja_undefined(NULL);
    }
    for (size_t i = 0; i < call->n_keywords; i++)
        WEIR_TRY(place_keyword(run, call, &call->keywords[i], list, n, slots, given));
    for (size_t i = 0; i < n; i++)
        if (!given[i] && !list[i].is_optional)
            return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: missing argument '%.*s'",
                                   name_of(call), list[i].n, list[i].name);
    if (is_given != NULL)
        memcpy(is_given, given, n * sizeof given[0]);
    return WEIR_STATUS_OK;
}

static weir_status fail_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                 const char *parameter, weir_jinja_value v, const char *wanted) {
    if (v.type == WEIR_JINJA_UNDEFINED && v.as.string != NULL)
        return weir_jinja_fail_undefined(run, v);
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: %s must be %s, not %s", name_of(call),
                           parameter, wanted, weir_jinja_type_name(v));
}

weir_status weir_jinja_text_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                     const char *parameter, weir_jinja_value v,
                                     const weir_jinja_string **out) {
    if (v.type != WEIR_JINJA_STRING)
        return fail_argument(run, call, parameter, v, "str");
    *out = v.as.string;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_int_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                    const char *parameter, weir_jinja_value v, int64_t *out) {
    if (v.type != WEIR_JINJA_INT && v.type != WEIR_JINJA_BOOL)
        return fail_argument(run, call, parameter, v, "int");
    *out = v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer;
    return WEIR_STATUS_OK;
}
