/*
 * jinja_filter_list.c: filters over the items of a sequence, and `default`.
 *
 * What Python gives as a generator is an ITERATOR here: always true, without a length, used up by
 * one loop. The items are made at once all the same. Choosing items by tests is
 * jinja_filter_choice.c's.
 */
#include <string.h>

#include "text/jinja_filter_parts.h"
#include "text/jinja_method.h"
#include "text/jinja_text.h"

static const weir_jinja_string no_text = {.data = ""};

static weir_status items_of(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_items *out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    return weir_jinja_iterate(run, value, out);
}

static weir_status new_list_of(weir_jinja_run *run, weir_jinja_type type, weir_jinja_items items,
                               weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(run, type, items.n, out));
    for (size_t i = 0; i < items.n; i++)
        WEIR_TRY(weir_jinja_append(run, out->as.list, items.items[i]));
    return WEIR_STATUS_OK;
}

static weir_status new_pair(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                            weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, 2, out));
    WEIR_TRY(weir_jinja_append(run, out->as.list, a));
    return weir_jinja_append(run, out->as.list, b);
}

/* ---- one value ----------------------------------------------------------------------------- */

static weir_status default_value(weir_jinja_run *run, const weir_jinja_call *call,
                                 weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    WEIR_TRY(weir_jinja_arguments(run, call, "value default_value= boolean=", slots, is_given));
    bool is_missing = slots[0].type == WEIR_JINJA_UNDEFINED ||
                      (weir_jinja_truth(slots[2]) && !weir_jinja_truth(slots[0]));
    *out = !is_missing ? slots[0] : is_given[1] ? slots[1] : weir_jinja_of_string(&no_text);
    return WEIR_STATUS_OK;
}

static weir_status length(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    size_t n;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    WEIR_TRY(weir_jinja_length(run, value, &n));
    *out = weir_jinja_int((int64_t)n);
    return WEIR_STATUS_OK;
}

static weir_status attr(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[2];
    const weir_jinja_string *name;
    WEIR_TRY(weir_jinja_arguments(run, call, "obj name", slots, NULL));
    WEIR_TRY(weir_jinja_text_argument(run, call, "name", slots[1], &name));
    if (slots[0].type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, slots[0]);
    WEIR_TRY(weir_jinja_own_attribute(run, slots[0], name, out));
    if (out->type == WEIR_JINJA_UNDEFINED)
        out->owner = slots[0].type;
    return WEIR_STATUS_OK;
}

static weir_status first(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    weir_jinja_items items;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    if (value.type == WEIR_JINJA_STRING && value.as.string->n != 0)
        return weir_jinja_item(run, value, weir_jinja_int(0), out);
    bool takes_one = value.type == WEIR_JINJA_ITERATOR && value.as.list->next < value.as.list->n;
    if (takes_one) { /* the rest stays in the iterator */
        *out = value.as.list->items[value.as.list->next++];
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_jinja_iterate(run, value, &items));
    *out = items.n != 0 ? items.items[0] : weir_jinja_undefined(NULL);
    return WEIR_STATUS_OK;
}

static weir_status last(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    weir_jinja_items items;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    if (value.type == WEIR_JINJA_ITERATOR)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s' object is not reversible",
                               weir_jinja_type_name(value));
    if (value.type == WEIR_JINJA_STRING && value.as.string->n != 0)
        return weir_jinja_item(run, value, weir_jinja_int(-1), out);
    WEIR_TRY(weir_jinja_iterate(run, value, &items));
    *out = items.n != 0 ? items.items[items.n - 1] : weir_jinja_undefined(NULL);
    return WEIR_STATUS_OK;
}

/* ---- all items ----------------------------------------------------------------------------- */

static weir_status list(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_items items;
    WEIR_TRY(items_of(run, call, &items));
    return new_list_of(run, WEIR_JINJA_LIST, items, out);
}

static weir_status items(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    if (value.type != WEIR_JINJA_DICT && value.type != WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "Can only get item pairs from a mapping.");
    const weir_jinja_dict *dict = value.type == WEIR_JINJA_DICT ? value.as.dict : NULL;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, 0, out));
    for (size_t i = 0; dict != NULL && i < dict->n; i++) {
        weir_jinja_value pair;
        WEIR_TRY(new_pair(run, dict->entries[i].key, dict->entries[i].value, &pair));
        WEIR_TRY(weir_jinja_append(run, out->as.list, pair));
    }
    return WEIR_STATUS_OK;
}

static weir_status reverse(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value value;
    weir_jinja_items from;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    if (value.type == WEIR_JINJA_STRING)
        return weir_jinja_slice(run, value, weir_jinja_none(), weir_jinja_none(),
                                weir_jinja_int(-1), out);
    WEIR_TRY(weir_jinja_iterate(run, value, &from));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, from.n, out));
    for (size_t i = from.n; i > 0; i--)
        WEIR_TRY(weir_jinja_append(run, out->as.list, from.items[i - 1]));
    return WEIR_STATUS_OK;
}

static weir_status join(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3], separator = weir_jinja_of_string(&no_text);
    bool is_given[3];
    weir_jinja_items from;
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_arguments(run, call, "value d= attribute=", slots, is_given));
    if (is_given[1])
        WEIR_TRY(weir_jinja_str(run, slots[1], &separator));
    weir_jinja_getter getter = {.attribute = slots[2]};
    WEIR_TRY(weir_jinja_iterate(run, slots[0], &from));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < from.n; i++) {
        weir_jinja_value item;
        WEIR_TRY(weir_jinja_step(run, 1));
        WEIR_TRY(weir_jinja_get_key(run, &getter, from.items[i], &item));
        if (i != 0)
            WEIR_TRY(weir_jinja_add_string(&b, separator.as.string));
        WEIR_TRY(weir_jinja_add_value(&b, item));
    }
    return weir_jinja_built(&b, out);
}

static weir_status sum(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3], total = weir_jinja_int(0);
    bool is_given[3];
    weir_jinja_items from;
    WEIR_TRY(weir_jinja_arguments(run, call, "iterable attribute= start=", slots, is_given));
    if (is_given[2])
        total = slots[2];
    if (total.type == WEIR_JINJA_STRING)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "sum() can't sum strings");
    weir_jinja_getter getter = {.attribute = slots[1]};
    WEIR_TRY(weir_jinja_iterate(run, slots[0], &from));
    for (size_t i = 0; i < from.n; i++) {
        weir_jinja_value item, before = total;
        WEIR_TRY(weir_jinja_get_key(run, &getter, from.items[i], &item));
        WEIR_TRY(weir_jinja_binary(run, WEIR_JINJA_ADD, before, item, &total));
    }
    *out = total;
    return WEIR_STATUS_OK;
}

/* ---- in parts ------------------------------------------------------------------------------ */

static weir_status positive_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                     const char *parameter, weir_jinja_value v, size_t *out) {
    int64_t n;
    WEIR_TRY(weir_jinja_int_argument(run, call, parameter, v, &n));
    if (n <= 0 || n > INT32_MAX)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s: %s must be positive", call->name,
                               parameter);
    *out = (size_t)n;
    return WEIR_STATUS_OK;
}

static weir_status batch(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3], row = {.type = WEIR_JINJA_NONE};
    weir_jinja_items from;
    size_t n = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value linecount fill_with=", slots, NULL));
    WEIR_TRY(positive_argument(run, call, "linecount", slots[1], &n));
    WEIR_TRY(weir_jinja_iterate(run, slots[0], &from));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, 0, out));
    for (size_t i = 0; i < from.n; i++) {
        if (i % n == 0) {
            WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, &row));
            WEIR_TRY(weir_jinja_append(run, out->as.list, row));
        }
        WEIR_TRY(weir_jinja_append(run, row.as.list, from.items[i]));
    }
    bool is_filled = slots[2].type != WEIR_JINJA_NONE && slots[2].type != WEIR_JINJA_UNDEFINED;
    while (is_filled && from.n != 0 && row.as.list->n < n)
        WEIR_TRY(weir_jinja_append(run, row.as.list, slots[2]));
    return WEIR_STATUS_OK;
}

static weir_status slice(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3], row;
    weir_jinja_items from;
    size_t n = 0, at = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value slices fill_with=", slots, NULL));
    WEIR_TRY(positive_argument(run, call, "slices", slots[1], &n));
    WEIR_TRY(weir_jinja_iterate(run, slots[0], &from));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, 0, out));
    bool is_filled = slots[2].type != WEIR_JINJA_NONE && slots[2].type != WEIR_JINJA_UNDEFINED;
    for (size_t i = 0; i < n; i++) {
        bool is_longer = i < from.n % n;
        WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, &row));
        for (size_t j = 0; j < from.n / n + is_longer; j++)
            WEIR_TRY(weir_jinja_append(run, row.as.list, from.items[at++]));
        if (is_filled && !is_longer)
            WEIR_TRY(weir_jinja_append(run, row.as.list, slots[2]));
        WEIR_TRY(weir_jinja_append(run, out->as.list, row));
    }
    return WEIR_STATUS_OK;
}

/* ---- in order ------------------------------------------------------------------------------ */

/* The items with their keys. */
static weir_status keyed_items(weir_jinja_run *run, weir_jinja_value value,
                               const weir_jinja_getter *getter, weir_jinja_sortable **out,
                               size_t *n) {
    weir_jinja_items from;
    WEIR_TRY(weir_jinja_iterate(run, value, &from));
    weir_jinja_sortable *keyed = weir_jinja_take_array(run, from.n, sizeof *keyed);
    if (keyed == NULL)
        return run->status;
    for (size_t i = 0; i < from.n; i++) {
        keyed[i].value = from.items[i];
        WEIR_TRY(weir_jinja_get_key(run, getter, from.items[i], &keyed[i].key));
    }
    *out = keyed;
    *n = from.n;
    return WEIR_STATUS_OK;
}

static weir_status sort(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[4];
    weir_jinja_sortable *keyed = NULL;
    size_t n = 0;
    WEIR_TRY(
        weir_jinja_arguments(run, call, "value reverse= case_sensitive= attribute=", slots, NULL));
    weir_jinja_getter getter = {
        .attribute = slots[3], .ignores_case = !weir_jinja_truth(slots[2]), .is_multiple = true};
    WEIR_TRY(keyed_items(run, slots[0], &getter, &keyed, &n));
    WEIR_TRY(weir_jinja_sort(run, keyed, n, weir_jinja_truth(slots[1])));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, n, out));
    for (size_t i = 0; i < n; i++)
        WEIR_TRY(weir_jinja_append(run, out->as.list, keyed[i].value));
    return WEIR_STATUS_OK;
}

static weir_status dictsort(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    weir_jinja_value slots[4];
    bool is_given[4], is_by_value = false;
    WEIR_TRY(
        weir_jinja_arguments(run, call, "value case_sensitive= by= reverse=", slots, is_given));
    if (slots[0].type != WEIR_JINJA_DICT)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s' object has no items",
                               weir_jinja_type_name(slots[0]));
    if (is_given[2]) {
        const weir_jinja_string *by;
        WEIR_TRY(weir_jinja_text_argument(run, call, "by", slots[2], &by));
        is_by_value = weir_jinja_string_is(by, "value");
        if (!is_by_value && !weir_jinja_string_is(by, "key"))
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "You can only sort by either \"key\" or \"value\"");
    }
    weir_jinja_getter getter = {.ignores_case = !weir_jinja_truth(slots[1])};
    const weir_jinja_dict *dict = slots[0].as.dict;
    weir_jinja_sortable *keyed = weir_jinja_take_array(run, dict->n, sizeof *keyed);
    if (keyed == NULL)
        return run->status;
    for (size_t i = 0; i < dict->n; i++) {
        weir_jinja_entry entry = dict->entries[i];
        WEIR_TRY(new_pair(run, entry.key, entry.value, &keyed[i].value));
        WEIR_TRY(
            weir_jinja_get_key(run, &getter, is_by_value ? entry.value : entry.key, &keyed[i].key));
    }
    WEIR_TRY(weir_jinja_sort(run, keyed, dict->n, weir_jinja_truth(slots[3])));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, dict->n, out));
    for (size_t i = 0; i < dict->n; i++)
        WEIR_TRY(weir_jinja_append(run, out->as.list, keyed[i].value));
    return WEIR_STATUS_OK;
}

static weir_status groupby(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value slots[4], group = {.type = WEIR_JINJA_NONE}, key, members;
    bool is_given[4];
    weir_jinja_sortable *keyed = NULL;
    size_t n = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value attribute default= case_sensitive=", slots,
                                  is_given));
    weir_jinja_getter getter = {.attribute = slots[1],
                                .ignores_case = !weir_jinja_truth(slots[3]),
                                .has_default = is_given[2] && slots[2].type != WEIR_JINJA_NONE,
                                .otherwise = slots[2]};
    weir_jinja_getter as_written = getter;
    as_written.ignores_case = false;
    WEIR_TRY(keyed_items(run, slots[0], &getter, &keyed, &n));
    WEIR_TRY(weir_jinja_sort(run, keyed, n, false));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (size_t i = 0; i < n; i++) {
        bool is_same = false;
        if (i != 0)
            WEIR_TRY(weir_jinja_equal(run, keyed[i - 1].key, keyed[i].key, &is_same));
        if (!is_same) {
            WEIR_TRY(weir_jinja_get_key(run, &as_written, keyed[i].value, &key));
            WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, &members));
            WEIR_TRY(new_pair(run, key, members, &group));
            group.as.list->is_group = true;
            WEIR_TRY(weir_jinja_append(run, out->as.list, group));
        }
        WEIR_TRY(weir_jinja_append(run, group.as.list->items[1].as.list, keyed[i].value));
    }
    return WEIR_STATUS_OK;
}

static weir_status unique(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[3], seen;
    weir_jinja_sortable *keyed = NULL;
    size_t n = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value case_sensitive= attribute=", slots, NULL));
    weir_jinja_getter getter = {.attribute = slots[2], .ignores_case = !weir_jinja_truth(slots[1])};
    WEIR_TRY(keyed_items(run, slots[0], &getter, &keyed, &n));
    WEIR_TRY(weir_jinja_new_dict(run, WEIR_JINJA_DICT, &seen));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_ITERATOR, 0, out));
    for (size_t i = 0; i < n; i++) {
        weir_jinja_entry *entry;
        WEIR_TRY(weir_jinja_find(run, seen.as.dict, keyed[i].key, &entry));
        if (entry != NULL)
            continue;
        WEIR_TRY(weir_jinja_set(run, seen.as.dict, keyed[i].key, weir_jinja_none()));
        WEIR_TRY(weir_jinja_append(run, out->as.list, keyed[i].value));
    }
    return WEIR_STATUS_OK;
}

static weir_status extreme(weir_jinja_run *run, const weir_jinja_call *call, bool is_max,
                           weir_jinja_value *out) {
    weir_jinja_value slots[3];
    weir_jinja_sortable *keyed = NULL;
    size_t n = 0, best = 0;
    WEIR_TRY(weir_jinja_arguments(run, call, "value case_sensitive= attribute=", slots, NULL));
    weir_jinja_getter getter = {.attribute = slots[2], .ignores_case = !weir_jinja_truth(slots[1])};
    WEIR_TRY(keyed_items(run, slots[0], &getter, &keyed, &n));
    for (size_t i = 1; i < n; i++) {
        int order;
        bool is_ordered;
        WEIR_TRY(weir_jinja_order(run, keyed[i].key, keyed[best].key, &order, &is_ordered));
        if (is_ordered && (is_max ? order > 0 : order < 0))
            best = i;
    }
    *out = n != 0 ? keyed[best].value : weir_jinja_undefined(NULL);
    return WEIR_STATUS_OK;
}

static weir_status max(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return extreme(run, call, true, out);
}

static weir_status min(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return extreme(run, call, false, out);
}

const weir_jinja_filter weir_jinja_list_filters[] = {
    {"attr", attr},       {"batch", batch},       {"count", length},
    {"d", default_value}, {"dictsort", dictsort}, {"default", default_value},
    {"first", first},     {"groupby", groupby},   {"items", items},
    {"join", join},       {"last", last},         {"length", length},
    {"list", list},       {"max", max},           {"min", min},
    {"reverse", reverse}, {"slice", slice},       {"sort", sort},
    {"sum", sum},         {"unique", unique},     {NULL, NULL}};
