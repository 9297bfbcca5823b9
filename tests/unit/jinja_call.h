/* jinja_call.h: one filter, test, method, function or operator called by name, with arguments
 * written in JSON. {"tuple": [...]} is a tuple, {"undefined": "x"} a variable that is not there. */
#ifndef WEIR_TESTS_JINJA_CALL_H
#define WEIR_TESTS_JINJA_CALL_H

#include <stdio.h>
#include <string.h>

#include "text/jinja_filter.h"
#include "text/jinja_json.h"
#include "text/jinja_test.h"
#include "text/jinja_text.h"

enum { JINJA_CALL_KEYWORDS = 8, JINJA_CALL_NAME = 32 };

static inline weir_status jinja_from_json(weir_jinja_run *run, const char *text, size_t n,
                                          weir_jinja_value *out) {
    weir_jinja_string *s = weir_jinja_take(run, sizeof *s);
    if (s == NULL)
        return run->status;
    *s = weir_jinja_literal(text, n, 0);
    return weir_jinja_read_json(run, s, out);
}

/* What JSON has no word for. */
static inline weir_jinja_value jinja_special(weir_jinja_value v) {
    if (v.type == WEIR_JINJA_DICT && v.as.dict->n == 1) {
        weir_jinja_value inner = v.as.dict->entries[0].value;
        bool is_list = inner.type == WEIR_JINJA_LIST;
        if (is_list && weir_jinja_find_text(v.as.dict, "tuple", 5) != NULL) {
            inner.type = WEIR_JINJA_TUPLE;
            return jinja_special(inner);
        }
        if (inner.type == WEIR_JINJA_STRING && weir_jinja_find_text(v.as.dict, "undefined", 9))
            return weir_jinja_undefined(inner.as.string);
    }
    if (v.type == WEIR_JINJA_LIST || v.type == WEIR_JINJA_TUPLE)
        for (size_t i = 0; i < v.as.list->n; i++)
            v.as.list->items[i] = jinja_special(v.as.list->items[i]);
    if (v.type == WEIR_JINJA_DICT)
        for (size_t i = 0; i < v.as.dict->n; i++)
            v.as.dict->entries[i].value = jinja_special(v.as.dict->entries[i].value);
    return v;
}

static inline weir_status jinja_operate(weir_jinja_run *run, const char *name,
                                        const weir_jinja_value *args, weir_jinja_value *out) {
    static const char *const symbols[] = {"+",  "-",  "*", "/",  "//", "%",  "**", "~",
                                          "==", "!=", "<", "<=", ">",  ">=", "in", "not in"};
    for (size_t i = 0; i < WEIR_COUNT(symbols); i++)
        if (strcmp(symbols[i], name) == 0)
            return weir_jinja_binary(run, (weir_jinja_operator)i, args[0], args[1], out);
    return weir_jinja_fail(run, WEIR_STATUS_UNSUPPORTED, "no operator '%s'", name);
}

static inline weir_status jinja_call_method(weir_jinja_run *run, const char *name,
                                            weir_jinja_call call, weir_jinja_value *out) {
    weir_jinja_value method, text;
    WEIR_TRY(weir_jinja_copy_string(run, name, strlen(name), 0, &text));
    WEIR_TRY(weir_jinja_attribute(run, call.args[0], text.as.string, &method));
    call.args++;
    call.n_args--;
    return weir_jinja_call_value(run, method, &call, out);
}

/* kind: 'f' filter, 't' test, 'm' method, 'g' global function, 'o' operator, 'i' item, 's' slice.
 * args is a list, keywords a dict or nothing. */
static inline weir_status jinja_call(weir_jinja_run *run, char kind, const char *name,
                                     weir_jinja_value args, weir_jinja_value keywords,
                                     weir_jinja_value *out) {
    weir_jinja_keyword named[JINJA_CALL_KEYWORDS];
    weir_jinja_call call = {.name = name, .keywords = named};
    args = jinja_special(args);
    call.args = args.as.list->items;
    call.n_args = args.as.list->n;
    if (keywords.type == WEIR_JINJA_DICT) {
        keywords = jinja_special(keywords);
        for (size_t i = 0; i < keywords.as.dict->n && i < JINJA_CALL_KEYWORDS; i++) {
            const weir_jinja_entry *entry = &keywords.as.dict->entries[i];
            named[call.n_keywords++] = (weir_jinja_keyword){entry->key.as.string, entry->value};
        }
    }
    const weir_jinja_filter *filter = weir_jinja_filter_find(name, strlen(name));
    const weir_jinja_test *test = weir_jinja_test_find(name, strlen(name));
    weir_jinja_value global;
    if (kind == 'f' && filter != NULL && call.n_args >= 1)
        return filter->apply(run, &call, out);
    if (kind == 't' && test != NULL && call.n_args >= 1)
        return test->apply(run, &call, out);
    if (kind == 'm' && call.n_args >= 1)
        return jinja_call_method(run, name, call, out);
    if (kind == 'g' && weir_jinja_global(name, strlen(name), &global))
        return weir_jinja_call_value(run, global, &call, out);
    if (kind == 'o' && call.n_args == 2)
        return jinja_operate(run, name, call.args, out);
    if (kind == 'i' && call.n_args == 2)
        return weir_jinja_item(run, call.args[0], call.args[1], out);
    if (kind == 's' && call.n_args == 4)
        return weir_jinja_slice(run, call.args[0], call.args[1], call.args[2], call.args[3], out);
    return weir_jinja_fail(run, WEIR_STATUS_UNSUPPORTED, "there is no '%s'", name);
}

#endif
