/*
 * jinja_method.c: methods by name, and those of lists, tuples and dicts.
 *
 * Owns binding: a method is a function whose first argument is the value it was taken from. Those
 * that change a list or dict are there: transformers' sandbox refuses them, but templates written
 * for other engines use `append` and `update`, and nothing outlives the render. A loop over a list
 * that its body changes is safe; which items it sees is not promised.
 */
#include "text/jinja_method.h"

#include <string.h>

#include "text/jinja_method_str.h"

/* ---- dict ---------------------------------------------------------------------------------- */

static weir_status dict_get(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    weir_jinja_entry *entry;
    WEIR_TRY(weir_jinja_arguments(run, call, "self key default=", slots, is_given));
    WEIR_TRY(weir_jinja_find(run, slots[0].as.dict, slots[1], &entry));
    *out = entry != NULL ? entry->value : is_given[2] ? slots[2] : weir_jinja_none();
    return WEIR_STATUS_OK;
}

static weir_status dict_items(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    const weir_jinja_dict *dict = self.as.dict;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, dict->n, out));
    for (size_t i = 0; i < dict->n; i++) {
        weir_jinja_value pair;
        WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, 2, &pair));
        WEIR_TRY(weir_jinja_append(run, pair.as.list, dict->entries[i].key));
        WEIR_TRY(weir_jinja_append(run, pair.as.list, dict->entries[i].value));
        WEIR_TRY(weir_jinja_append(run, out->as.list, pair));
    }
    return WEIR_STATUS_OK;
}

/* Keys or values of the dict that is called, as a list. */
static weir_status list_half(weir_jinja_run *run, const weir_jinja_call *call, bool wants_keys,
                             weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    const weir_jinja_dict *dict = self.as.dict;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, dict->n, out));
    for (size_t i = 0; i < dict->n; i++) {
        const weir_jinja_entry *entry = &dict->entries[i];
        WEIR_TRY(weir_jinja_append(run, out->as.list, wants_keys ? entry->key : entry->value));
    }
    return WEIR_STATUS_OK;
}

static weir_status dict_keys(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    return list_half(run, call, true, out);
}

static weir_status dict_values(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    return list_half(run, call, false, out);
}

static weir_status dict_copy(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    WEIR_TRY(weir_jinja_new_dict(run, WEIR_JINJA_DICT, out));
    return weir_jinja_update(run, out->as.dict, self);
}

static weir_status dict_update(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_dict *dict = call->args[0].as.dict;
    if (call->n_args > 2)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "update expected at most 1 argument, got %zu", call->n_args - 1);
    if (call->n_args == 2)
        WEIR_TRY(weir_jinja_update(run, dict, call->args[1]));
    for (size_t i = 0; i < call->n_keywords; i++)
        WEIR_TRY(weir_jinja_set(run, dict, weir_jinja_of_string(call->keywords[i].name),
                                call->keywords[i].value));
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

static weir_status dict_pop(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    weir_jinja_entry *entry;
    WEIR_TRY(weir_jinja_arguments(run, call, "self key default=", slots, is_given));
    WEIR_TRY(weir_jinja_find(run, slots[0].as.dict, slots[1], &entry));
    if (entry == NULL && !is_given[2])
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "pop(): the dict has no such key");
    *out = entry != NULL ? entry->value : slots[2];
    return entry == NULL ? WEIR_STATUS_OK : weir_jinja_remove(run, slots[0].as.dict, entry);
}

static weir_status dict_setdefault(weir_jinja_run *run, const weir_jinja_call *call,
                                   weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    weir_jinja_entry *entry;
    WEIR_TRY(weir_jinja_arguments(run, call, "self key default=", slots, is_given));
    WEIR_TRY(weir_jinja_find(run, slots[0].as.dict, slots[1], &entry));
    *out = entry != NULL ? entry->value : is_given[2] ? slots[2] : weir_jinja_none();
    return entry != NULL ? WEIR_STATUS_OK : weir_jinja_set(run, slots[0].as.dict, slots[1], *out);
}

static weir_status dict_clear(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    *self.as.dict = (weir_jinja_dict){0};
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

/* ---- list and tuple ------------------------------------------------------------------------ */

static weir_status list_append(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_value slots[2];
    WEIR_TRY(weir_jinja_arguments(run, call, "self object", slots, NULL));
    *out = weir_jinja_none();
    return weir_jinja_append(run, slots[0].as.list, slots[1]);
}

static weir_status list_extend(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_value slots[2];
    weir_jinja_items items;
    WEIR_TRY(weir_jinja_arguments(run, call, "self iterable", slots, NULL));
    WEIR_TRY(weir_jinja_iterate(run, slots[1], &items));
    for (size_t i = 0; i < items.n; i++)
        WEIR_TRY(weir_jinja_append(run, slots[0].as.list, items.items[i]));
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

/* A Python position for insert: clipped, never outside. */
static size_t clip(int64_t i, size_t n) {
    if (i < 0)
        i += (int64_t)n;
    return i < 0 ? 0 : (uint64_t)i > n ? n : (size_t)i;
}

static weir_status list_insert(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_value slots[3];
    int64_t at;
    WEIR_TRY(weir_jinja_arguments(run, call, "self index object", slots, NULL));
    WEIR_TRY(weir_jinja_int_argument(run, call, "index", slots[1], &at));
    *out = weir_jinja_none();
    return weir_jinja_insert(run, slots[0].as.list, clip(at, slots[0].as.list->n), slots[2]);
}

static weir_status take_item(weir_jinja_run *run, weir_jinja_list *list, size_t at) {
    list->n--;
    memmove(list->items + at, list->items + at + 1, (list->n - at) * sizeof *list->items);
    return weir_jinja_step(run, list->n - at);
}

static weir_status list_pop(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_given[2];
    int64_t at = -1;
    WEIR_TRY(weir_jinja_arguments(run, call, "self index=", slots, is_given));
    if (is_given[1])
        WEIR_TRY(weir_jinja_int_argument(run, call, "index", slots[1], &at));
    weir_jinja_list *list = slots[0].as.list;
    if (at < 0)
        at += (int64_t)list->n;
    if (at < 0 || (uint64_t)at >= list->n)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               list->n == 0 ? "pop from empty list" : "pop index out of range");
    *out = list->items[at];
    return take_item(run, list, (size_t)at);
}

static weir_status find_in_list(weir_jinja_run *run, const weir_jinja_list *list,
                                weir_jinja_value v, size_t *at) {
    for (size_t i = 0; i < list->n; i++) {
        bool is_equal;
        WEIR_TRY(weir_jinja_equal(run, list->items[i], v, &is_equal));
        if (is_equal) {
            *at = i;
            return WEIR_STATUS_OK;
        }
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "the value is not in the list");
}

static weir_status list_index(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value slots[2];
    size_t at;
    WEIR_TRY(weir_jinja_arguments(run, call, "self value", slots, NULL));
    WEIR_TRY(find_in_list(run, slots[0].as.list, slots[1], &at));
    *out = weir_jinja_int((int64_t)at);
    return WEIR_STATUS_OK;
}

static weir_status list_remove(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    weir_jinja_value slots[2];
    size_t at;
    WEIR_TRY(weir_jinja_arguments(run, call, "self value", slots, NULL));
    WEIR_TRY(find_in_list(run, slots[0].as.list, slots[1], &at));
    *out = weir_jinja_none();
    return take_item(run, slots[0].as.list, at);
}

static weir_status list_count(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value slots[2];
    int64_t n = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "self value", slots, NULL));
    for (size_t i = 0; i < slots[0].as.list->n; i++) {
        bool is_equal;
        WEIR_TRY(weir_jinja_equal(run, slots[0].as.list->items[i], slots[1], &is_equal));
        n += is_equal;
    }
    *out = weir_jinja_int(n);
    return WEIR_STATUS_OK;
}

static weir_status list_reverse(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    weir_jinja_list *list = self.as.list;
    for (size_t i = 0; i < list->n / 2; i++) {
        weir_jinja_value item = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = item;
    }
    *out = weir_jinja_none();
    return weir_jinja_step(run, list->n);
}

static weir_status list_sort(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value slots[2];
    WEIR_TRY(weir_jinja_arguments(run, call, "self reverse=", slots, NULL));
    weir_jinja_list *list = slots[0].as.list;
    weir_jinja_sortable *items = weir_jinja_take_array(run, list->n, sizeof *items);
    if (items == NULL)
        return run->status;
    for (size_t i = 0; i < list->n; i++)
        items[i] = (weir_jinja_sortable){list->items[i], list->items[i]};
    WEIR_TRY(weir_jinja_sort(run, items, list->n, weir_jinja_truth(slots[1])));
    for (size_t i = 0; i < list->n; i++)
        list->items[i] = items[i].value;
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

static weir_status list_copy(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    return weir_jinja_slice(run, self, weir_jinja_none(), weir_jinja_none(), weir_jinja_none(),
                            out);
}

static weir_status list_clear(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value self;
    WEIR_TRY(weir_jinja_arguments(run, call, "self", &self, NULL));
    self.as.list->n = 0;
    *out = weir_jinja_none();
    return WEIR_STATUS_OK;
}

/* ---- by name ------------------------------------------------------------------------------- */

static const weir_jinja_method_entry dict_methods[] = {{"clear", dict_clear},
                                                       {"copy", dict_copy},
                                                       {"get", dict_get},
                                                       {"items", dict_items},
                                                       {"keys", dict_keys},
                                                       {"pop", dict_pop},
                                                       {"update", dict_update},
                                                       {"values", dict_values},
                                                       {"setdefault", dict_setdefault},
                                                       {NULL, NULL}};

static const weir_jinja_method_entry list_methods[] = {
    {"append", list_append}, {"clear", list_clear},     {"copy", list_copy},
    {"count", list_count},   {"extend", list_extend},   {"index", list_index},
    {"insert", list_insert}, {"pop", list_pop},         {"remove", list_remove},
    {"sort", list_sort},     {"reverse", list_reverse}, {NULL, NULL}};

static const weir_jinja_method_entry tuple_methods[] = {
    {"count", list_count}, {"index", list_index}, {NULL, NULL}};

static weir_status call_bound(weir_jinja_run *run, const weir_jinja_object *method,
                              const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value *args = weir_jinja_take_array(run, call->n_args + 1, sizeof *args);
    if (args == NULL)
        return run->status;
    args[0] = method->self;
    if (call->n_args != 0)
        memcpy(args + 1, call->args, call->n_args * sizeof *args);
    weir_jinja_call with_self = *call;
    with_self.name = method->name;
    with_self.args = args;
    with_self.n_args++;
    return method->function(run, &with_self, out);
}

weir_status weir_jinja_method(weir_jinja_run *run, weir_jinja_value v,
                              const weir_jinja_string *name, weir_jinja_value *out) {
    static const weir_jinja_behaviour bound = {.type_name = "method", .call = call_bound};
    const weir_jinja_method_entry *entry = v.type == WEIR_JINJA_STRING  ? weir_jinja_string_methods
                                           : v.type == WEIR_JINJA_DICT  ? dict_methods
                                           : v.type == WEIR_JINJA_LIST  ? list_methods
                                           : v.type == WEIR_JINJA_TUPLE ? tuple_methods
                                                                        : NULL;
    *out = weir_jinja_undefined(name);
    while (entry != NULL && entry->name != NULL && !weir_jinja_string_is(name, entry->name))
        entry++;
    if (entry == NULL || entry->name == NULL)
        return WEIR_STATUS_OK;
    weir_jinja_object *object = weir_jinja_take(run, sizeof *object);
    if (object == NULL)
        return run->status;
    *object = (weir_jinja_object){
        .behaviour = &bound, .name = entry->name, .function = entry->function, .self = v};
    *out = weir_jinja_of_object(object);
    return WEIR_STATUS_OK;
}
