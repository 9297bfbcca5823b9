/*
 * jinja_value_access.c: a.name, a[key], a[start:stop:step].
 *
 * Owns the order in which Jinja2 looks: a.name is an attribute (a method) first and an item then,
 * a["name"] the other way round. What is not there is UNDEFINED and no error, except on something
 * that is itself undefined.
 */
#include "text/jinja_method.h"
#include "text/jinja_text.h"

weir_status weir_jinja_fail_undefined(weir_jinja_run *run, weir_jinja_value v) {
    weir_jinja_builder b;
    weir_jinja_value name;
    const weir_jinja_string *given = v.as.string;
    if (given == NULL)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "a value is undefined");
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    if (v.is_element)
        WEIR_TRY(weir_jinja_add_string(&b, given));
    else
        WEIR_TRY(weir_jinja_add_repr(&b, weir_jinja_of_string(given)));
    WEIR_TRY(weir_jinja_built(&b, &name));
    const char *text = name.as.string->data;
    int n = weir_jinja_shown(text, name.as.string->n);
    if (v.owner == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%.*s is undefined", n, text);
    const char *owner = "this", *object = " object";
    if (v.owner == WEIR_JINJA_NONE) {
        owner = "None";
        object = "";
    } else if (v.owner != WEIR_JINJA_OBJECT) {
        owner = weir_jinja_type_name((weir_jinja_value){.type = v.owner});
    }
    if (v.is_element)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s%s has no element %.*s", owner, object,
                               n, text);
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s%s' has no attribute %.*s", owner, object,
                           n, text);
}

static weir_jinja_value lacks(weir_jinja_value a, const weir_jinja_string *name) {
    weir_jinja_value v = weir_jinja_undefined(name);
    v.owner = a.type;
    return v;
}

static weir_status lacks_element(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value key,
                                 weir_jinja_value *out) {
    weir_jinja_builder b;
    weir_jinja_value name;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_repr(&b, key));
    WEIR_TRY(weir_jinja_built(&b, &name));
    *out = lacks(a, name.as.string);
    out->is_element = true;
    return WEIR_STATUS_OK;
}

/* ---- by name ------------------------------------------------------------------------------- */

weir_status weir_jinja_own_attribute(weir_jinja_run *run, weir_jinja_value a,
                                     const weir_jinja_string *name, weir_jinja_value *out) {
    *out = weir_jinja_undefined(name);
    WEIR_TRY(weir_jinja_step(run, name->n / 16)); /* it is hashed and compared */
    if (a.type == WEIR_JINJA_NAMESPACE) {
        const weir_jinja_entry *entry = weir_jinja_find_text(a.as.dict, name->data, name->n);
        if (entry != NULL)
            *out = entry->value;
        return WEIR_STATUS_OK;
    }
    if (a.type == WEIR_JINJA_OBJECT) {
        const weir_jinja_object *object = a.as.object;
        return object->behaviour->attribute == NULL
                   ? WEIR_STATUS_OK
                   : object->behaviour->attribute(run, object, name, out);
    }
    if (a.type == WEIR_JINJA_TUPLE && a.as.list->is_group) {
        bool is_list = weir_jinja_string_is(name, "list");
        if (is_list || weir_jinja_string_is(name, "grouper")) {
            *out = a.as.list->items[is_list];
            return WEIR_STATUS_OK;
        }
    }
    return weir_jinja_method(run, a, name, out);
}

weir_status weir_jinja_attribute(weir_jinja_run *run, weir_jinja_value a,
                                 const weir_jinja_string *name, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, 1));
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    WEIR_TRY(weir_jinja_own_attribute(run, a, name, out));
    if (out->type != WEIR_JINJA_UNDEFINED)
        return WEIR_STATUS_OK;
    if (a.type == WEIR_JINJA_DICT) {
        const weir_jinja_entry *entry = weir_jinja_find_text(a.as.dict, name->data, name->n);
        if (entry != NULL) {
            *out = entry->value;
            return WEIR_STATUS_OK;
        }
    }
    *out = lacks(a, name);
    return WEIR_STATUS_OK;
}

/* ---- by subscript -------------------------------------------------------------------------- */

/* A Python index into n items; false: outside. */
static bool resolve_index(weir_jinja_value key, size_t n, size_t *out) {
    int64_t i = key.type == WEIR_JINJA_BOOL ? key.as.boolean : key.as.integer;
    if (i < 0)
        i += (int64_t)n;
    if (i < 0 || (uint64_t)i >= n)
        return false;
    *out = (size_t)i;
    return true;
}

static weir_status char_of(weir_jinja_run *run, const weir_jinja_string *s, size_t i,
                           weir_jinja_value *out) {
    if (s->n_chars != s->n)
        WEIR_TRY(weir_jinja_step(run, s->n / 16));
    size_t start = weir_jinja_char_at(s, i);
    return weir_jinja_part(run, s, start, weir_jinja_char_at(s, i + 1) - start, out);
}

static bool is_hashable(weir_jinja_value key) {
    if (key.type == WEIR_JINJA_LIST || key.type == WEIR_JINJA_DICT)
        return false;
    if (key.type == WEIR_JINJA_TUPLE)
        for (size_t i = 0; i < key.as.list->n; i++)
            if (key.as.list->items[i].type == WEIR_JINJA_LIST ||
                key.as.list->items[i].type == WEIR_JINJA_DICT)
                return false;
    return true;
}

/* *found: a has an item of this key. */
static weir_status get_item(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value key,
                            weir_jinja_value *out, bool *found) {
    *found = false;
    if (a.type == WEIR_JINJA_DICT && is_hashable(key)) {
        weir_jinja_entry *entry;
        WEIR_TRY(weir_jinja_find(run, a.as.dict, key, &entry));
        *found = entry != NULL;
        if (*found)
            *out = entry->value;
        return WEIR_STATUS_OK;
    }
    if (key.type != WEIR_JINJA_INT && key.type != WEIR_JINJA_BOOL)
        return WEIR_STATUS_OK;
    size_t i;
    if (a.type == WEIR_JINJA_LIST || a.type == WEIR_JINJA_TUPLE) {
        *found = resolve_index(key, a.as.list->n, &i);
        if (*found)
            *out = a.as.list->items[i];
        return WEIR_STATUS_OK;
    }
    if (a.type == WEIR_JINJA_STRING && resolve_index(key, a.as.string->n_chars, &i)) {
        *found = true;
        return char_of(run, a.as.string, i, out);
    }
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_item(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value key,
                            weir_jinja_value *out) {
    bool found;
    WEIR_TRY(weir_jinja_step(run, 1));
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    WEIR_TRY(get_item(run, a, key, out, &found));
    if (found)
        return WEIR_STATUS_OK;
    if (key.type != WEIR_JINJA_STRING)
        return lacks_element(run, a, key, out);
    WEIR_TRY(weir_jinja_own_attribute(run, a, key.as.string, out));
    if (out->type == WEIR_JINJA_UNDEFINED)
        *out = lacks(a, key.as.string);
    return WEIR_STATUS_OK;
}

/* ---- slices -------------------------------------------------------------------------------- */

typedef struct range {
    int64_t start, step;
    size_t n; /* items taken */
} range;

static bool is_bound(weir_jinja_value v) {
    return v.type == WEIR_JINJA_NONE || v.type == WEIR_JINJA_INT || v.type == WEIR_JINJA_BOOL;
}

/* One end of a slice over n items: negative counts from the end, and it is kept within [low, high].
 */
static int64_t bound(weir_jinja_value v, int64_t left_out, int64_t n, int64_t low, int64_t high) {
    if (v.type == WEIR_JINJA_NONE)
        return left_out;
    int64_t i = v.type == WEIR_JINJA_BOOL ? v.as.boolean : v.as.integer;
    if (i < 0)
        i += n;
    return i < low ? low : i > high ? high : i;
}

static range resolve_slice(weir_jinja_value start, weir_jinja_value stop, int64_t step, size_t n) {
    int64_t size = (int64_t)n;
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
    int64_t first = bound(start, step < 0 ? high : low, size, low, high);
    int64_t end = bound(stop, step < 0 ? low : high, size, low, high);
    range r = {first, step, 0};
    if (step > 0 && first < end)
        r.n = (size_t)((end - first - 1) / step + 1);
    if (step < 0 && first > end)
        r.n = (size_t)((first - end - 1) / -step + 1);
    return r;
}

static weir_status slice_string(weir_jinja_run *run, const weir_jinja_string *s, range r,
                                weir_jinja_value *out) {
    if (s->n_chars != s->n)
        WEIR_TRY(weir_jinja_step(run, s->n / 16));
    if (r.step == 1) {
        size_t start = weir_jinja_char_at(s, (size_t)r.start);
        size_t end = weir_jinja_char_at(s, (size_t)r.start + r.n);
        return weir_jinja_part(run, s, start, end - start, out);
    }
    weir_jinja_items chars;
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_iterate(run, weir_jinja_of_string(s), &chars));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < r.n; i++)
        WEIR_TRY(weir_jinja_add_string(&b, chars.items[r.start + (int64_t)i * r.step].as.string));
    return weir_jinja_built(&b, out);
}

static weir_status slice_list(weir_jinja_run *run, weir_jinja_value a, range r,
                              weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_new_list(run, (weir_jinja_type)a.type, r.n, out));
    for (size_t i = 0; i < r.n; i++)
        WEIR_TRY(
            weir_jinja_append(run, out->as.list, a.as.list->items[r.start + (int64_t)i * r.step]));
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_slice(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value start,
                             weir_jinja_value stop, weir_jinja_value step, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, 1));
    if (a.type == WEIR_JINJA_UNDEFINED)
        return weir_jinja_fail_undefined(run, a);
    bool is_text = a.type == WEIR_JINJA_STRING;
    bool is_list = a.type == WEIR_JINJA_LIST || a.type == WEIR_JINJA_TUPLE;
    if (!is_text && !is_list)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "'%s' object cannot be sliced",
                               weir_jinja_type_name(a));
    if (!is_bound(start) || !is_bound(stop) || !is_bound(step))
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "slice bounds must be integers or None");
    int64_t by = step.type == WEIR_JINJA_NONE   ? 1
                 : step.type == WEIR_JINJA_BOOL ? step.as.boolean
                                                : step.as.integer;
    if (by == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "slice step cannot be zero");
    if (by == INT64_MIN)
        by++; /* the same slice */
    size_t n = is_text ? a.as.string->n_chars : a.as.list->n;
    range r = resolve_slice(start, stop, by, n);
    return is_text ? slice_string(run, a.as.string, r, out) : slice_list(run, a, r, out);
}
