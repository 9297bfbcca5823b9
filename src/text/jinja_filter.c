/*
 * jinja_filter.c: filters by name, and how they look at the attributes of items.
 *
 * Owns no filter itself. Names are looked up when a template is compiled, and by `map` at run time.
 */
#include "text/jinja_filter.h"

#include <string.h>

#include "text/jinja_filter_parts.h"
#include "text/jinja_text.h"

const weir_jinja_filter *weir_jinja_filter_find(const char *name, size_t n) {
    static const weir_jinja_filter *const tables[] = {
        weir_jinja_text_filters, weir_jinja_markup_filters, weir_jinja_number_filters,
        weir_jinja_list_filters, weir_jinja_choice_filters};
    for (size_t i = 0; i < WEIR_COUNT(tables); i++)
        for (const weir_jinja_filter *f = tables[i]; f->name != NULL; f++)
            if (strlen(f->name) == n && memcmp(f->name, name, n) == 0)
                return f;
    return NULL;
}

/* One part of a dotted path; digits alone are an index. */
static weir_status path_part(weir_jinja_run *run, const weir_jinja_string *path, size_t start,
                             size_t end, weir_jinja_value *out) {
    bool is_index = start != end;
    for (size_t i = start; i < end; i++)
        is_index &= path->data[i] >= '0' && path->data[i] <= '9';
    return is_index ? weir_jinja_integer(run, path->data + start, end - start, out)
                    : weir_jinja_part(run, path, start, end - start, out);
}

/* item.a.b for bytes [start, stop) of path. */
static weir_status follow_path(weir_jinja_run *run, const weir_jinja_getter *getter,
                               const weir_jinja_string *path, size_t start, size_t stop,
                               weir_jinja_value *item) {
    while (start <= stop) {
        const char *dot = memchr(path->data + start, '.', stop - start);
        size_t end = dot == NULL ? stop : (size_t)(dot - path->data);
        weir_jinja_value part, found;
        WEIR_TRY(path_part(run, path, start, end, &part));
        WEIR_TRY(weir_jinja_item(run, *item, part, &found));
        *item = found;
        if (getter->has_default && item->type == WEIR_JINJA_UNDEFINED)
            *item = getter->otherwise;
        start = end + 1;
    }
    return WEIR_STATUS_OK;
}

static weir_status finish_key(weir_jinja_run *run, const weir_jinja_getter *getter,
                              weir_jinja_value *key) {
    if (!getter->ignores_case || key->type != WEIR_JINJA_STRING)
        return WEIR_STATUS_OK;
    return weir_jinja_change_case(run, key->as.string, WEIR_JINJA_LOWER, key);
}

static weir_status get_keys(weir_jinja_run *run, const weir_jinja_getter *getter,
                            weir_jinja_value item, weir_jinja_value *out) {
    const weir_jinja_string *path = getter->attribute.as.string;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 1, out));
    for (size_t start = 0; start <= path->n;) {
        const char *comma = memchr(path->data + start, ',', path->n - start);
        size_t end = comma == NULL ? path->n : (size_t)(comma - path->data);
        weir_jinja_value key = item;
        WEIR_TRY(follow_path(run, getter, path, start, end, &key));
        WEIR_TRY(finish_key(run, getter, &key));
        WEIR_TRY(weir_jinja_append(run, out->as.list, key));
        start = end + 1;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_get_key(weir_jinja_run *run, const weir_jinja_getter *getter,
                               weir_jinja_value item, weir_jinja_value *out) {
    const weir_jinja_value *attribute = &getter->attribute;
    *out = item;
    if (attribute->type == WEIR_JINJA_NONE || attribute->type == WEIR_JINJA_UNDEFINED)
        return finish_key(run, getter, out);
    if (attribute->type != WEIR_JINJA_STRING) {
        WEIR_TRY(weir_jinja_item(run, item, *attribute, out));
        if (getter->has_default && out->type == WEIR_JINJA_UNDEFINED)
            *out = getter->otherwise;
        return finish_key(run, getter, out);
    }
    if (getter->is_multiple)
        return get_keys(run, getter, item, out);
    WEIR_TRY(follow_path(run, getter, attribute->as.string, 0, attribute->as.string->n, out));
    return finish_key(run, getter, out);
}
