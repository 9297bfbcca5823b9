/*
 * jinja_value_list.c: lists, tuples and iterators, and what a loop sees of any value.
 *
 * Owns how lists grow. Does not look into items. Invariant: an array of items is never freed or
 * shortened in memory, so a loop over it stays safe whatever the body does to the list.
 */
#include <string.h>

#include "text/jinja_value.h"

weir_status weir_jinja_new_list(weir_jinja_run *run, weir_jinja_type type, size_t cap,
                                weir_jinja_value *out) {
    weir_jinja_list *list = weir_jinja_take(run, sizeof *list);
    if (list == NULL)
        return run->status;
    *list = (weir_jinja_list){.cap = cap};
    if (cap != 0) {
        list->items = weir_jinja_take_array(run, cap, sizeof *list->items);
        if (list->items == NULL)
            return run->status;
    }
    *out = (weir_jinja_value){.type = (uint8_t)type, .as.list = list};
    return WEIR_STATUS_OK;
}

static weir_status grow(weir_jinja_run *run, weir_jinja_list *list) {
    size_t cap = list->cap < 4 ? 4 : list->cap * 2;
    WEIR_TRY(weir_jinja_step(run, list->n));
    weir_jinja_value *items = weir_jinja_take_array(run, cap, sizeof *items);
    if (items == NULL)
        return run->status;
    if (list->n != 0)
        memcpy(items, list->items, list->n * sizeof *items);
    list->items = items;
    list->cap = cap;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_append(weir_jinja_run *run, weir_jinja_list *list, weir_jinja_value v) {
    WEIR_TRY(weir_jinja_step(run, 1));
    if (list->n == list->cap)
        WEIR_TRY(grow(run, list));
    list->items[list->n++] = v;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_insert(weir_jinja_run *run, weir_jinja_list *list, size_t at,
                              weir_jinja_value v) {
    WEIR_TRY(weir_jinja_append(run, list, v));
    size_t n_behind = list->n - 1 - at;
    WEIR_TRY(weir_jinja_step(run, n_behind));
    memmove(list->items + at + 1, list->items + at, n_behind * sizeof *list->items);
    list->items[at] = v;
    return WEIR_STATUS_OK;
}

static weir_status iterate_chars(weir_jinja_run *run, const weir_jinja_string *s,
                                 weir_jinja_items *out) {
    weir_jinja_value list;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, s->n_chars, &list));
    for (size_t at = 0; at < s->n;) {
        size_t end = at + 1;
        while (end < s->n && ((uint8_t)s->data[end] & 0xc0u) == 0x80u)
            end++;
        weir_jinja_value c;
        WEIR_TRY(weir_jinja_part(run, s, at, end - at, &c));
        WEIR_TRY(weir_jinja_append(run, list.as.list, c));
        at = end;
    }
    *out = (weir_jinja_items){list.as.list->items, list.as.list->n};
    return WEIR_STATUS_OK;
}

static weir_status iterate_keys(weir_jinja_run *run, const weir_jinja_dict *dict,
                                weir_jinja_items *out) {
    WEIR_TRY(weir_jinja_step(run, dict->n));
    weir_jinja_value *keys = weir_jinja_take_array(run, dict->n, sizeof *keys);
    if (keys == NULL)
        return run->status;
    for (size_t i = 0; i < dict->n; i++)
        keys[i] = dict->entries[i].key;
    *out = (weir_jinja_items){keys, dict->n};
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_iterate(weir_jinja_run *run, weir_jinja_value v, weir_jinja_items *out) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
        *out = (weir_jinja_items){NULL, 0};
        return WEIR_STATUS_OK;
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        *out = (weir_jinja_items){v.as.list->items, v.as.list->n};
        return WEIR_STATUS_OK;
    case WEIR_JINJA_ITERATOR: {
        weir_jinja_list *list = v.as.list;
        size_t n = list->n - list->next;
        *out = (weir_jinja_items){n == 0 ? NULL : list->items + list->next, n};
        list->next = list->n;
        return WEIR_STATUS_OK;
    }
    case WEIR_JINJA_STRING:
        return iterate_chars(run, v.as.string, out);
    case WEIR_JINJA_DICT:
        return iterate_keys(run, v.as.dict, out);
    case WEIR_JINJA_NONE:
    case WEIR_JINJA_BOOL:
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_FLOAT:
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_OBJECT:
        break;
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s' object is not iterable",
                           weir_jinja_type_name(v));
}

weir_status weir_jinja_length(weir_jinja_run *run, weir_jinja_value v, size_t *out) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_UNDEFINED:
        *out = 0;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        *out = v.as.list->n;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_STRING:
        *out = v.as.string->n_chars;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_DICT:
        *out = v.as.dict->n;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_NONE:
    case WEIR_JINJA_BOOL:
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_FLOAT:
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_ITERATOR:
    case WEIR_JINJA_OBJECT:
        break;
    }
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "object of type '%s' has no len()",
                           weir_jinja_type_name(v));
}

/* ---- sorting ------------------------------------------------------------------------------- */

/* Merges from[0, middle) and from[middle, n) into to. Equal keys stay in their order, reversed or
 * not. */
static weir_status merge(weir_jinja_run *run, const weir_jinja_sortable *from, size_t middle,
                         size_t n, bool is_reversed, weir_jinja_sortable *to) {
    size_t left = 0, right = middle;
    for (size_t i = 0; i < n; i++) {
        bool takes_right = left == middle;
        if (left < middle && right < n) {
            int order;
            bool is_ordered;
            weir_jinja_value a = from[right].key, b = from[left].key;
            WEIR_TRY(weir_jinja_order(run, is_reversed ? b : a, is_reversed ? a : b, &order,
                                      &is_ordered));
            takes_right = is_ordered && order < 0;
        }
        to[i] = takes_right ? from[right++] : from[left++];
    }
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_sort(weir_jinja_run *run, weir_jinja_sortable *items, size_t n,
                            bool is_reversed) {
    weir_jinja_sortable *from = items;
    weir_jinja_sortable *to = weir_jinja_take_array(run, n, sizeof *to);
    if (to == NULL)
        return run->status;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t rest = n - at;
            size_t middle = rest < width ? rest : width;
            size_t both = rest < 2 * width ? rest : 2 * width;
            WEIR_TRY(merge(run, from + at, middle, both, is_reversed, to + at));
        }
        weir_jinja_sortable *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
    return WEIR_STATUS_OK;
}
