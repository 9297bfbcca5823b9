/*
 * jinja_filter_choice.c: map, and the filters that choose items by a test.
 *
 * These call other filters and tests by name at run time.
 */
#include <string.h>

#include "text/jinja_filter_parts.h"
#include "text/jinja_test.h"

/* The rest of a call's arguments, behind the first `n_used`, with room for an item before them. */
static weir_status arguments_behind(weir_jinja_run *run, const weir_jinja_call *call, size_t n_used,
                                    const char *name, weir_jinja_call *out) {
    size_t n_rest = call->n_args > n_used ? call->n_args - n_used : 0;
    weir_jinja_value *args = weir_jinja_take_array(run, n_rest + 1, sizeof *args);
    if (args == NULL)
        return run->status;
    args[0] = weir_jinja_none();
    if (n_rest != 0)
        memcpy(args + 1, call->args + n_used, n_rest * sizeof *args);
    *out = (weir_jinja_call){.name = name,
                             .args = args,
                             .n_args = n_rest + 1,
                             .keywords = call->keywords,
                             .n_keywords = call->n_keywords};
    return WEIR_STATUS_OK;
}

/* call with `item` in the place that arguments_behind left for it. */
static weir_status apply_to(weir_jinja_run *run, weir_jinja_function function,
                            const weir_jinja_call *call, weir_jinja_value item,
                            weir_jinja_value *out) {
    weir_jinja_value *args = weir_jinja_take_array(run, call->n_args, sizeof *args);
    if (args == NULL)
        return run->status;
    memcpy(args, call->args, call->n_args * sizeof *args);
    args[0] = item;
    weir_jinja_call with_item = *call;
    with_item.args = args;
    WEIR_TRY(weir_jinja_enter(run));
    WEIR_TRY(function(run, &with_item, out));
    weir_jinja_leave(run);
    return WEIR_STATUS_OK;
}

static weir_status first_items(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_items *out) {
    if (call->n_args == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: missing argument 'value'", call->name);
    *out = (weir_jinja_items){NULL, 0};
    if (!weir_jinja_truth(call->args[0])) /* so that `none | map(..)` is empty, as in Jinja2 */
        return WEIR_STATUS_OK;
    return weir_jinja_iterate(run, call->args[0], out);
}

/* The name of a filter or test among the arguments. */
static weir_status name_argument(weir_jinja_run *run, const weir_jinja_call *call, size_t i,
                                 const weir_jinja_string **out) {
    if (call->n_args <= i)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s requires a filter argument",
                               call->name);
    return weir_jinja_text_argument(run, call, "name", call->args[i], out);
}

static weir_status fail_name(weir_jinja_run *run, const char *kind, const weir_jinja_string *name) {
    return weir_jinja_fail(run, WEIR_STATUS_UNSUPPORTED, "No %s named '%.*s'", kind,
                           weir_jinja_shown(name->data, name->n), name->data);
}

/* ---- map ----------------------------------------------------------------------------------- */

static weir_status map_attribute(weir_jinja_run *run, const weir_jinja_call *call,
                                 weir_jinja_items items, weir_jinja_list *out) {
    weir_jinja_getter getter = {.attribute = weir_jinja_none()};
    for (size_t i = 0; i < call->n_keywords; i++) {
        const weir_jinja_keyword *keyword = &call->keywords[i];
        if (weir_jinja_string_is(keyword->name, "attribute")) {
            getter.attribute = keyword->value;
        } else if (weir_jinja_string_is(keyword->name, "default")) {
            getter.otherwise = keyword->value;
            getter.has_default = keyword->value.type != WEIR_JINJA_NONE;
        } else {
            return weir_jinja_fail(run, WEIR_STATUS_FAILED, "Unexpected keyword argument '%.*s'",
                                   weir_jinja_shown(keyword->name->data, keyword->name->n),
                                   keyword->name->data);
        }
    }
    for (size_t i = 0; i < items.n; i++) {
        weir_jinja_value found;
        WEIR_TRY(weir_jinja_get_key(run, &getter, items.items[i], &found));
        WEIR_TRY(weir_jinja_append(run, out, found));
    }
    return WEIR_STATUS_OK;
}

static bool has_keyword(const weir_jinja_call *call, const char *name) {
    for (size_t i = 0; i < call->n_keywords; i++)
        if (weir_jinja_string_is(call->keywords[i].name, name))
            return true;
    return false;
}

static weir_status map(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_items items;
    const weir_jinja_string *name;
    weir_jinja_call inner;
    WEIR_TRY(first_items(run, call, &items));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, items.n, out));
    if (call->n_args == 1 && has_keyword(call, "attribute"))
        return map_attribute(run, call, items, out->as.list);
    WEIR_TRY(name_argument(run, call, 1, &name));
    const weir_jinja_filter *filter = weir_jinja_filter_find(name->data, name->n);
    if (filter == NULL)
        return fail_name(run, "filter", name);
    WEIR_TRY(arguments_behind(run, call, 2, filter->name, &inner));
    for (size_t i = 0; i < items.n; i++) {
        weir_jinja_value result;
        WEIR_TRY(apply_to(run, filter->apply, &inner, items.items[i], &result));
        WEIR_TRY(weir_jinja_append(run, out->as.list, result));
    }
    return WEIR_STATUS_OK;
}

/* ---- select and its kin -------------------------------------------------------------------- */

/* by_attribute: the first argument names what is tested of an item. is_wanted: the answer that
 * keeps an item. Without a test its truth counts. */
static weir_status choose(weir_jinja_run *run, const weir_jinja_call *call, bool by_attribute,
                          bool is_wanted, weir_jinja_value *out) {
    weir_jinja_items items;
    weir_jinja_getter getter = {.attribute = weir_jinja_none()};
    size_t n_used = 1;
    WEIR_TRY(first_items(run, call, &items));
    if (by_attribute && call->n_args < 2)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "Missing parameter for attribute name");
    if (by_attribute)
        getter.attribute = call->args[n_used++];
    const weir_jinja_test *test = NULL;
    weir_jinja_call inner = {0};
    if (call->n_args > n_used) {
        const weir_jinja_string *name;
        WEIR_TRY(name_argument(run, call, n_used, &name));
        test = weir_jinja_test_find(name->data, name->n);
        if (test == NULL)
            return fail_name(run, "test", name);
        WEIR_TRY(arguments_behind(run, call, n_used + 1, test->name, &inner));
    }
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, 0, out));
    for (size_t i = 0; i < items.n; i++) {
        weir_jinja_value subject, answer;
        WEIR_TRY(weir_jinja_get_key(run, &getter, items.items[i], &subject));
        answer = subject;
        if (test != NULL)
            WEIR_TRY(apply_to(run, test->apply, &inner, subject, &answer));
        if (weir_jinja_truth(answer) == is_wanted)
            WEIR_TRY(weir_jinja_append(run, out->as.list, items.items[i]));
    }
    return WEIR_STATUS_OK;
}

static weir_status select_items(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    return choose(run, call, false, true, out);
}

static weir_status reject(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return choose(run, call, false, false, out);
}

static weir_status selectattr(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return choose(run, call, true, true, out);
}

static weir_status rejectattr(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return choose(run, call, true, false, out);
}

const weir_jinja_filter weir_jinja_choice_filters[] = {{"map", map},
                                                       {"reject", reject},
                                                       {"rejectattr", rejectattr},
                                                       {"select", select_items},
                                                       {"selectattr", selectattr},
                                                       {NULL, NULL}};
