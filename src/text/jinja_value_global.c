/*
 * jinja_value_global.c: the functions that every template has.
 *
 * Owns range, dict, namespace, cycler, joiner, strftime_now and raise_exception. The objects are
 * constant and belong to no run; the state of a cycler or joiner belongs to the run that made it.
 */
#include <string.h>

#include "text/jinja_text.h"

enum { MAX_RANGE = 100000 }; /* as the sandbox of Jinja2 has it */

/* ---- range --------------------------------------------------------------------------------- */

/* How many numbers; the differences do not fit int64. */
static uint64_t range_length(int64_t start, int64_t stop, int64_t step) {
    if (step > 0)
        return stop <= start ? 0 : ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1;
    return stop >= start ? 0 : ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1;
}

static weir_status range(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3];
    int64_t start = 0, stop, step = 1;
    WEIR_TRY(weir_jinja_arguments(run, call, "start stop= step=", slots, NULL));
    WEIR_TRY(weir_jinja_int_argument(run, call, "stop", slots[call->n_args > 1], &stop));
    if (call->n_args > 1)
        WEIR_TRY(weir_jinja_int_argument(run, call, "start", slots[0], &start));
    if (call->n_args > 2)
        WEIR_TRY(weir_jinja_int_argument(run, call, "step", slots[2], &step));
    if (step == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "range() arg 3 must not be zero");
    uint64_t n = range_length(start, stop, step);
    if (n > MAX_RANGE)
        return weir_jinja_fail(run, WEIR_STATUS_FULL, "range() of more than %d numbers", MAX_RANGE);
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, n, out));
    for (uint64_t i = 0; i < n; i++)
        WEIR_TRY(weir_jinja_append(
            run, out->as.list, weir_jinja_int((int64_t)((uint64_t)start + i * (uint64_t)step))));
    return WEIR_STATUS_OK;
}

/* ---- dict, namespace ----------------------------------------------------------------------- */

static weir_status make_dict(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_type type,
                             weir_jinja_value *out) {
    if (call->n_args > 1)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: takes at most 1 argument (%zu given)",
                               call->name, call->n_args);
    WEIR_TRY(weir_jinja_new_dict(run, type, out));
    if (call->n_args == 1)
        WEIR_TRY(weir_jinja_update(run, out->as.dict, call->args[0]));
    for (size_t i = 0; i < call->n_keywords; i++)
        WEIR_TRY(weir_jinja_set(run, out->as.dict, weir_jinja_of_string(call->keywords[i].name),
                                call->keywords[i].value));
    return WEIR_STATUS_OK;
}

static weir_status dict(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return make_dict(run, call, WEIR_JINJA_DICT, out);
}

static weir_status namespace(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    return make_dict(run, call, WEIR_JINJA_NAMESPACE, out);
}

/* ---- cycler, joiner ------------------------------------------------------------------------ */

static weir_status new_object(weir_jinja_run *run, const weir_jinja_behaviour *behaviour,
                              const char *name, void *state, weir_jinja_value *out) {
    weir_jinja_object *object = weir_jinja_take(run, sizeof *object);
    if (object == NULL)
        return run->status;
    *object = (weir_jinja_object){.behaviour = behaviour, .name = name, .state = state};
    *out = weir_jinja_of_object(object);
    return WEIR_STATUS_OK;
}

typedef struct cycle {
    const weir_jinja_value *items; /* [n] */
    size_t n, at;
} cycle;

static weir_status cycler_next(weir_jinja_run *run, const weir_jinja_object *self,
                               const weir_jinja_call *call, weir_jinja_value *out) {
    cycle *state = self->state;
    WEIR_TRY(weir_jinja_arguments(run, call, "", NULL, NULL));
    *out = state->items[state->at];
    state->at = (state->at + 1) % state->n;
    return WEIR_STATUS_OK;
}

static weir_status cycler_reset(weir_jinja_run *run, const weir_jinja_object *self,
                                const weir_jinja_call *call, weir_jinja_value *out) {
    cycle *state = self->state;
    WEIR_TRY(weir_jinja_arguments(run, call, "", NULL, NULL));
    state->at = 0;
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

static weir_status cycler_attribute(weir_jinja_run *run, const weir_jinja_object *self,
                                    const weir_jinja_string *name, weir_jinja_value *out) {
    static const weir_jinja_behaviour next = {.type_name = "method", .call = cycler_next};
    static const weir_jinja_behaviour reset = {.type_name = "method", .call = cycler_reset};
    const cycle *state = self->state;
    if (weir_jinja_string_is(name, "next"))
        return new_object(run, &next, "next", self->state, out);
    if (weir_jinja_string_is(name, "reset"))
        return new_object(run, &reset, "reset", self->state, out);
    if (weir_jinja_string_is(name, "current"))
        *out = state->items[state->at];
    return WEIR_STATUS_OK;
}

static weir_status cycler(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    static const weir_jinja_behaviour behaviour = {.type_name = "Cycler",
                                                   .attribute = cycler_attribute};
    if (call->n_args == 0 || call->n_keywords != 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "cycler() takes at least one item");
    cycle *state = weir_jinja_take(run, sizeof *state);
    weir_jinja_value *items = weir_jinja_take_array(run, call->n_args, sizeof *items);
    if (state == NULL || items == NULL)
        return run->status;
    memcpy(items, call->args, call->n_args * sizeof *items);
    *state = (cycle){.items = items, .n = call->n_args};
    return new_object(run, &behaviour, NULL, state, out);
}

typedef struct joint {
    weir_jinja_value separator;
    bool is_used;
} joint;

static weir_status joiner_call(weir_jinja_run *run, const weir_jinja_object *self,
                               const weir_jinja_call *call, weir_jinja_value *out) {
    static const weir_jinja_string nothing = {.data = ""};
    joint *state = self->state;
    WEIR_TRY(weir_jinja_arguments(run, call, "", NULL, NULL));
    *out = state->is_used ? state->separator : weir_jinja_of_string(&nothing);
    state->is_used = true;
    return WEIR_STATUS_OK;
}

static weir_status joiner(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    static const weir_jinja_behaviour behaviour = {.type_name = "Joiner", .call = joiner_call};
    static const weir_jinja_string comma = {.data = ", ", .n = 2, .n_chars = 2};
    weir_jinja_value separator;
    bool is_given;
    WEIR_TRY(weir_jinja_arguments(run, call, "sep=", &separator, &is_given));
    joint *state = weir_jinja_take(run, sizeof *state);
    if (state == NULL)
        return run->status;
    *state = (joint){.separator = is_given ? separator : weir_jinja_of_string(&comma)};
    return new_object(run, &behaviour, NULL, state, out);
}

/* ---- what transformers adds ---------------------------------------------------------------- */

static weir_status raise_exception(weir_jinja_run *run, const weir_jinja_call *call,
                                   weir_jinja_value *out) {
    weir_jinja_value message, text;
    (void)out;
    WEIR_TRY(weir_jinja_arguments(run, call, "message", &message, NULL));
    WEIR_TRY(weir_jinja_str(run, message, &text));
    const weir_jinja_string *s = text.as.string;
    int n = (int)(s->n < WEIR_ERROR_TEXT ? s->n : WEIR_ERROR_TEXT);
    return weir_jinja_fail(run, WEIR_STATUS_BAD_ARGUMENT, "%.*s", n, s->data);
}

static weir_status strftime_now(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    weir_jinja_value slot;
    const weir_jinja_string *format;
    WEIR_TRY(weir_jinja_arguments(run, call, "format", &slot, NULL));
    WEIR_TRY(weir_jinja_text_argument(run, call, "format", slot, &format));
    return weir_jinja_strftime(run, format, out);
}

/* ---- by name ------------------------------------------------------------------------------- */

static weir_status call_function(weir_jinja_run *run, const weir_jinja_object *self,
                                 const weir_jinja_call *call, weir_jinja_value *out) {
    return self->function(run, call, out);
}

bool weir_jinja_global(const char *name, size_t n, weir_jinja_value *out) {
    static const weir_jinja_behaviour function = {.type_name = "function", .call = call_function};
    static const weir_jinja_object globals[] = {
        {.behaviour = &function, .name = "range", .function = range},
        {.behaviour = &function, .name = "dict", .function = dict},
        {.behaviour = &function, .name = "namespace", .function = namespace},
        {.behaviour = &function, .name = "cycler", .function = cycler},
        {.behaviour = &function, .name = "joiner", .function = joiner},
        {.behaviour = &function, .name = "strftime_now", .function = strftime_now},
        {.behaviour = &function, .name = "raise_exception", .function = raise_exception},
    };
    for (size_t i = 0; i < WEIR_COUNT(globals); i++)
        if (strlen(globals[i].name) == n && memcmp(globals[i].name, name, n) == 0) {
            *out = weir_jinja_of_object(&globals[i]);
            return true;
        }
    return false;
}
