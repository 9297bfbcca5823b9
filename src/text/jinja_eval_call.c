/*
 * jinja_eval_call.c: arguments of calls, and macros as values that are called.
 *
 * Owns how arguments meet parameters: in order, then by name, then defaults; what is left over goes
 * to varargs and kwargs if the body reads them, and is an error if not.
 */
#include "text/jinja_eval.h"

#include <string.h>

static bool same_text(const weir_jinja_string *a, const weir_jinja_string *b) {
    return a->n == b->n && memcmp(a->data, b->data, a->n) == 0;
}

/* ---- collecting arguments ---------------------------------------------------------------------
 */

/* The items of *args, and the entries of **kwargs, as they were then: arguments that are evaluated
 * later may change the list or the dict. */
typedef struct spread {
    weir_jinja_items items;
    const weir_jinja_entry *entries; /* [n_entries] */
    size_t n_entries;
} spread;

static weir_status eval_spread(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_argument_list *list, spread *out) {
    *out = (spread){0};
    weir_jinja_value value;
    if (list->star != NULL) {
        WEIR_TRY(weir_jinja_eval(ev, scope, list->star, &value));
        WEIR_TRY(weir_jinja_iterate(ev->run, value, &out->items));
    }
    if (list->star_star == NULL)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_eval(ev, scope, list->star_star, &value));
    if (value.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(ev->run, value);
    if (value.type != WEIR_JINJA_DICT)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                               "the argument after ** must be a mapping, not %s",
                               weir_jinja_type_name(value));
    const weir_jinja_dict *dict = value.as.dict;
    WEIR_TRY(weir_jinja_step(ev->run, dict->n));
    weir_jinja_entry *entries = weir_jinja_take_array(ev->run, dict->n, sizeof *entries);
    if (entries == NULL)
        return ev->run->status;
    if (dict->n > 0)
        memcpy(entries, dict->entries, dict->n * sizeof *entries);
    out->entries = entries;
    out->n_entries = dict->n;
    return WEIR_STATUS_OK;
}

static weir_status add_keyword(weir_jinja_run *run, weir_jinja_keyword *keywords, size_t *n,
                               const weir_jinja_string *name, weir_jinja_value value) {
    WEIR_TRY(weir_jinja_step(run, 1 + *n));
    for (size_t i = 0; i < *n; i++)
        if (same_text(keywords[i].name, name))
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "multiple values for the keyword argument '%.*s'",
                                   (int)(name->n < 100 ? name->n : 100), name->data);
    keywords[(*n)++] = (weir_jinja_keyword){.name = name, .value = value};
    return WEIR_STATUS_OK;
}

static weir_status collect_keywords(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                    const weir_jinja_argument_list *list, const spread *more,
                                    const weir_jinja_value *caller, weir_jinja_keyword *keywords,
                                    size_t *n) {
    static const weir_jinja_string caller_name = {.data = "caller", .n = 6, .n_chars = 6};
    weir_jinja_value value;
    *n = 0;
    for (const weir_jinja_node *k = list->keywords.first; k != NULL; k = k->next) {
        WEIR_TRY(weir_jinja_eval(ev, scope, k->as.keyword.value, &value));
        WEIR_TRY(add_keyword(ev->run, keywords, n, &k->as.keyword.name->text, value));
    }
    for (size_t i = 0; i < more->n_entries; i++) {
        const weir_jinja_entry *entry = &more->entries[i];
        if (entry->key.type != WEIR_JINJA_STRING)
            return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED, "keywords must be strings");
        WEIR_TRY(add_keyword(ev->run, keywords, n, entry->key.as.string, entry->value));
    }
    return caller != NULL ? add_keyword(ev->run, keywords, n, &caller_name, *caller)
                          : WEIR_STATUS_OK;
}

weir_status weir_jinja_collect(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_argument_list *list, const weir_jinja_value *first,
                               const weir_jinja_value *caller, weir_jinja_call_room *room,
                               weir_jinja_call *out) {
    spread more;
    WEIR_TRY(eval_spread(ev, scope, list, &more));
    size_t n_args = (first != NULL) + list->positional.n + more.items.n, n = 0;
    size_t n_keywords = list->keywords.n + more.n_entries + (caller != NULL);
    weir_jinja_value *args = room->args;
    weir_jinja_keyword *keywords = room->keywords;
    if (n_args > WEIR_JINJA_FEW_ARGS)
        args = weir_jinja_take_array(ev->run, n_args, sizeof *args);
    if (n_keywords > WEIR_JINJA_FEW_KEYWORDS)
        keywords = weir_jinja_take_array(ev->run, n_keywords, sizeof *keywords);
    if (args == NULL || keywords == NULL)
        return ev->run->status;
    if (first != NULL)
        args[n++] = *first;
    for (const weir_jinja_node *a = list->positional.first; a != NULL; a = a->next)
        WEIR_TRY(weir_jinja_eval(ev, scope, a, &args[n++]));
    if (more.items.n > 0)
        memcpy(args + n, more.items.items, more.items.n * sizeof *args);
    WEIR_TRY(collect_keywords(ev, scope, list, &more, caller, keywords, &out->n_keywords));
    out->args = args;
    out->n_args = n_args;
    out->keywords = keywords;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_eval_call(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                 const weir_jinja_node *node, const weir_jinja_value *caller,
                                 weir_jinja_value *out) {
    weir_jinja_value callee;
    weir_jinja_call_room room;
    weir_jinja_call call = {.name = node->as.call.name};
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.call.callee, &callee));
    WEIR_TRY(weir_jinja_collect(ev, scope, node->as.call.arguments, NULL, caller, &room, &call));
    ev->run->line = node->line;
    return weir_jinja_call_value(ev->run, callee, &call, out);
}

/* ---- macros -----------------------------------------------------------------------------------
 */

typedef struct macro_value {
    weir_jinja_object object;
    const weir_jinja_macro *macro;
    weir_jinja_scope *scope; /* where it was defined */
} macro_value;

/* The parameter that this keyword fills, among those from `from` on; n_parameters: none. */
static size_t parameter_number(const weir_jinja_macro *macro, size_t from,
                               const weir_jinja_string *name) {
    size_t i = from;
    while (i < macro->n_parameters && !same_text(&macro->parameters[i].name->text, name))
        i++;
    return i < macro->n_parameters ? i : macro->n_parameters;
}

/* Defines the parameters that the call gives; is_given says which. */
static weir_status bind_given(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_macro *macro, const weir_jinja_call *call,
                              bool *is_given) {
    size_t n_ordered = call->n_args < macro->n_parameters ? call->n_args : macro->n_parameters;
    for (size_t i = 0; i < macro->n_parameters; i++)
        is_given[i] = i < n_ordered;
    for (size_t i = 0; i < n_ordered; i++)
        WEIR_TRY(weir_jinja_define(ev, scope, macro->parameters[i].name, call->args[i]));
    for (size_t k = 0; k < call->n_keywords; k++) {
        size_t i = parameter_number(macro, n_ordered, call->keywords[k].name);
        if (i == macro->n_parameters)
            continue;
        is_given[i] = true;
        WEIR_TRY(weir_jinja_define(ev, scope, macro->parameters[i].name, call->keywords[k].value));
    }
    return WEIR_STATUS_OK;
}

/* Defaults are evaluated for each call, in the macro's scope, and may name parameters before them.
 */
static weir_status bind_defaults(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                 const weir_jinja_macro *macro, const bool *is_given) {
    for (size_t i = 0; i < macro->n_parameters; i++) {
        const weir_jinja_parameter *p = &macro->parameters[i];
        weir_jinja_value value = weir_jinja_undefined(&p->name->text);
        if (is_given[i])
            continue;
        if (p->fallback != NULL)
            WEIR_TRY(weir_jinja_eval(ev, scope, p->fallback, &value));
        WEIR_TRY(weir_jinja_define(ev, scope, p->name, value));
    }
    return WEIR_STATUS_OK;
}

/* The arguments behind the last parameter. */
static weir_status bind_varargs(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                const weir_jinja_macro *macro, const weir_jinja_call *call) {
    size_t n = macro->n_parameters;
    if (macro->varargs == NULL && call->n_args > n)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                               "macro '%s' takes not more than %zu argument(s)", macro->words, n);
    if (macro->varargs == NULL)
        return WEIR_STATUS_OK;
    weir_jinja_value rest;
    WEIR_TRY(weir_jinja_new_list(ev->run, WEIR_JINJA_TUPLE, 0, &rest));
    for (size_t i = n; i < call->n_args; i++)
        WEIR_TRY(weir_jinja_append(ev->run, rest.as.list, call->args[i]));
    return weir_jinja_define(ev, scope, macro->varargs, rest);
}

/* The keywords that are no parameter, and the caller. */
static weir_status bind_kwargs(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_macro *macro, const weir_jinja_call *call) {
    size_t n_ordered = call->n_args < macro->n_parameters ? call->n_args : macro->n_parameters;
    weir_jinja_value rest;
    WEIR_TRY(weir_jinja_new_dict(ev->run, WEIR_JINJA_DICT, &rest));
    if (macro->caller != NULL)
        WEIR_TRY(weir_jinja_define(ev, scope, macro->caller,
                                   weir_jinja_undefined(&macro->caller->text)));
    for (size_t k = 0; k < call->n_keywords; k++) {
        const weir_jinja_keyword *keyword = &call->keywords[k];
        if (parameter_number(macro, n_ordered, keyword->name) < macro->n_parameters)
            continue;
        if (macro->caller != NULL && same_text(keyword->name, &macro->caller->text))
            WEIR_TRY(weir_jinja_define(ev, scope, macro->caller, keyword->value));
        else if (macro->kwargs != NULL)
            WEIR_TRY(weir_jinja_set(ev->run, rest.as.dict, weir_jinja_of_string(keyword->name),
                                    keyword->value));
        else
            return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                                   "macro '%s' takes no keyword argument '%.*s'", macro->words,
                                   (int)(keyword->name->n < 100 ? keyword->name->n : 100),
                                   keyword->name->data);
    }
    return macro->kwargs != NULL ? weir_jinja_define(ev, scope, macro->kwargs, rest)
                                 : WEIR_STATUS_OK;
}

static weir_status bind_arguments(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                  const weir_jinja_macro *macro, const weir_jinja_call *call) {
    bool is_given[WEIR_JINJA_MAX_MACRO_PARAMETERS];
    WEIR_TRY(bind_given(ev, scope, macro, call, is_given));
    WEIR_TRY(bind_varargs(ev, scope, macro, call));
    WEIR_TRY(bind_kwargs(ev, scope, macro, call));
    return bind_defaults(ev, scope, macro, is_given);
}

static weir_status call_macro(weir_jinja_run *run, const weir_jinja_object *self,
                              const weir_jinja_call *call, weir_jinja_value *out) {
    const macro_value *value = self->state;
    weir_jinja_evaluator *ev = run->evaluator;
    weir_jinja_scope *scope;
    weir_jinja_builder text;
    WEIR_TRY(weir_jinja_enter(run));
    WEIR_TRY(weir_jinja_scope_open(ev, value->scope, &scope));
    WEIR_TRY(bind_arguments(ev, scope, value->macro, call));
    WEIR_TRY(weir_jinja_build(&text, run, 0));
    WEIR_TRY(weir_jinja_exec(ev, scope, value->macro->body.first, &text));
    weir_jinja_scope_close(ev, scope);
    weir_jinja_leave(run);
    return weir_jinja_built(&text, out);
}

static weir_status parameter_names(weir_jinja_run *run, const weir_jinja_macro *macro,
                                   weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, macro->n_parameters, out));
    for (size_t i = 0; i < macro->n_parameters; i++)
        WEIR_TRY(weir_jinja_append(run, out->as.list,
                                   weir_jinja_of_string(&macro->parameters[i].name->text)));
    return WEIR_STATUS_OK;
}

static weir_status macro_attribute(weir_jinja_run *run, const weir_jinja_object *self,
                                   const weir_jinja_string *name, weir_jinja_value *out) {
    const macro_value *value = self->state;
    const weir_jinja_macro *macro = value->macro;
    if (weir_jinja_string_is(name, "name"))
        *out = macro->name != NULL ? weir_jinja_of_string(&macro->name->text) : weir_jinja_none();
    else if (weir_jinja_string_is(name, "arguments"))
        return parameter_names(run, macro, out);
    else if (weir_jinja_string_is(name, "catch_varargs"))
        *out = weir_jinja_bool(macro->varargs != NULL);
    else if (weir_jinja_string_is(name, "catch_kwargs"))
        *out = weir_jinja_bool(macro->kwargs != NULL);
    else if (weir_jinja_string_is(name, "caller"))
        *out = weir_jinja_bool(macro->caller != NULL);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_new_macro(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                 const weir_jinja_macro *macro, weir_jinja_value *out) {
    static const weir_jinja_behaviour behaviour = {
        .type_name = "Macro", .call = call_macro, .attribute = macro_attribute};
    macro_value *value = weir_jinja_take(ev->run, sizeof *value);
    if (value == NULL)
        return ev->run->status;
    *value = (macro_value){
        .object = {.behaviour = &behaviour, .name = macro->words}, .macro = macro, .scope = scope};
    value->object.state = value;
    weir_jinja_scope_keep(scope);
    *out = weir_jinja_of_object(&value->object);
    return WEIR_STATUS_OK;
}
