/*
 * jinja_text_json.c: tojson, as json.dumps(ensure_ascii=False) writes it.
 *
 * Owns the form of the text. Keys and strings keep their origin; punctuation is the template's.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_text.h"

/* One dumps: the style resolved, and how deep we are. */
typedef struct writer {
    weir_jinja_builder *b;
    const weir_jinja_string *indent; /* NULL: all on one line */
    weir_jinja_string item_separator, key_separator;
    bool ensure_ascii, sort_keys;
    size_t level;
} writer;

static weir_status add_value(writer *w, weir_jinja_value v);

/* The escape of c; 0: it stands for itself. */
static size_t escape_for_json(uint32_t c, bool ensure_ascii, char out[16]) {
    static const char *const short_ones[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (c < WEIR_COUNT(short_ones) && short_ones[c] != NULL)
        return (size_t)snprintf(out, 16, "%s", short_ones[c]);
    if (c >= 0x20 && (c < 0x7f || !ensure_ascii))
        return 0;
    if (c < 0x10000)
        return (size_t)snprintf(out, 16, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return (size_t)snprintf(out, 16, "\\u%04x\\u%04x", 0xd800 + (unsigned)(c >> 10),
                            0xdc00 + (unsigned)(c & 0x3ffu));
}

static weir_status add_string(writer *w, const weir_jinja_string *s) {
    weir_jinja_builder *b = w->b;
    WEIR_TRY(weir_jinja_step(b->run, s->n / 8));
    WEIR_TRY(weir_jinja_add_text(b, "\""));
    size_t plain = 0;
    for (size_t at = 0; at < s->n;) {
        char escape[16];
        size_t start = at;
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        size_t n = escape_for_json(c, w->ensure_ascii, escape);
        if (n == 0)
            continue;
        WEIR_TRY(weir_jinja_step(b->run, 1));
        WEIR_TRY(weir_jinja_add_part(b, s, plain, start - plain));
        WEIR_TRY(weir_jinja_add(b, escape, n, weir_jinja_origin_at(s, start)));
        plain = at;
    }
    WEIR_TRY(weir_jinja_add_part(b, s, plain, s->n - plain));
    return weir_jinja_add_text(b, "\"");
}

/* None, bools and numbers; keys of these types stand in quotes. */
static weir_status add_scalar(writer *w, weir_jinja_value v) {
    if (v.type == WEIR_JINJA_NONE)
        return weir_jinja_add_text(w->b, "null");
    if (v.type == WEIR_JINJA_BOOL)
        return weir_jinja_add_text(w->b, v.as.boolean ? "true" : "false");
    if (v.type == WEIR_JINJA_FLOAT && isnan(v.as.real))
        return weir_jinja_add_text(w->b, "NaN");
    if (v.type == WEIR_JINJA_FLOAT && isinf(v.as.real))
        return weir_jinja_add_text(w->b, v.as.real > 0 ? "Infinity" : "-Infinity");
    return weir_jinja_add_repr(w->b, v);
}

static weir_status add_line(writer *w) {
    if (w->indent == NULL)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_add_text(w->b, "\n"));
    for (size_t i = 0; i < w->level; i++)
        WEIR_TRY(weir_jinja_add_string(w->b, w->indent));
    return weir_jinja_step(w->b->run, w->level);
}

static weir_status add_list(writer *w, const weir_jinja_list *list) {
    if (list->n == 0)
        return weir_jinja_add_text(w->b, "[]");
    WEIR_TRY(weir_jinja_add_text(w->b, "["));
    w->level++;
    for (size_t i = 0; i < list->n; i++) {
        if (i != 0)
            WEIR_TRY(weir_jinja_add_string(w->b, &w->item_separator));
        WEIR_TRY(add_line(w));
        WEIR_TRY(add_value(w, list->items[i]));
    }
    w->level--;
    WEIR_TRY(add_line(w));
    return weir_jinja_add_text(w->b, "]");
}

static weir_status add_key(writer *w, weir_jinja_value key) {
    switch ((weir_jinja_type)key.type) {
    case WEIR_JINJA_STRING:
        return add_string(w, key.as.string);
    case WEIR_JINJA_NONE:
    case WEIR_JINJA_BOOL:
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_FLOAT:
        WEIR_TRY(weir_jinja_add_text(w->b, "\""));
        WEIR_TRY(add_scalar(w, key));
        return weir_jinja_add_text(w->b, "\"");
    case WEIR_JINJA_UNDEFINED:
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
    case WEIR_JINJA_DICT:
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_ITERATOR:
    case WEIR_JINJA_OBJECT:
        break;
    }
    return weir_jinja_fail(w->b->run, WEIR_STATUS_FAILED,
                           "tojson: keys must be str, int, float, bool or None, not %s",
                           weir_jinja_type_name(key));
}

static weir_status sorted_entries(writer *w, const weir_jinja_dict *dict,
                                  weir_jinja_sortable **out) {
    weir_jinja_sortable *items = weir_jinja_take_array(w->b->run, dict->n, sizeof *items);
    if (items == NULL)
        return w->b->run->status;
    for (size_t i = 0; i < dict->n; i++)
        items[i] = (weir_jinja_sortable){dict->entries[i].key, dict->entries[i].value};
    *out = items;
    return weir_jinja_sort(w->b->run, items, dict->n, false);
}

static weir_status add_dict(writer *w, const weir_jinja_dict *dict) {
    if (dict->n == 0)
        return weir_jinja_add_text(w->b, "{}");
    weir_jinja_sortable *sorted = NULL;
    if (w->sort_keys)
        WEIR_TRY(sorted_entries(w, dict, &sorted));
    WEIR_TRY(weir_jinja_add_text(w->b, "{"));
    w->level++;
    for (size_t i = 0; i < dict->n; i++) {
        if (i != 0)
            WEIR_TRY(weir_jinja_add_string(w->b, &w->item_separator));
        WEIR_TRY(add_line(w));
        WEIR_TRY(add_key(w, sorted != NULL ? sorted[i].key : dict->entries[i].key));
        WEIR_TRY(weir_jinja_add_string(w->b, &w->key_separator));
        WEIR_TRY(add_value(w, sorted != NULL ? sorted[i].value : dict->entries[i].value));
    }
    w->level--;
    WEIR_TRY(add_line(w));
    return weir_jinja_add_text(w->b, "}");
}

static weir_status add_any(writer *w, weir_jinja_value v) {
    switch ((weir_jinja_type)v.type) {
    case WEIR_JINJA_NONE:
    case WEIR_JINJA_BOOL:
    case WEIR_JINJA_INT:
    case WEIR_JINJA_BIG_INT:
    case WEIR_JINJA_FLOAT:
        return add_scalar(w, v);
    case WEIR_JINJA_STRING:
        return add_string(w, v.as.string);
    case WEIR_JINJA_LIST:
    case WEIR_JINJA_TUPLE:
        return add_list(w, v.as.list);
    case WEIR_JINJA_DICT:
        return add_dict(w, v.as.dict);
    case WEIR_JINJA_UNDEFINED:
    case WEIR_JINJA_NAMESPACE:
    case WEIR_JINJA_ITERATOR:
    case WEIR_JINJA_OBJECT:
        break;
    }
    return weir_jinja_fail(w->b->run, WEIR_STATUS_FAILED,
                           "tojson: object of type %s is not JSON serializable",
                           weir_jinja_type_name(v));
}

static weir_status add_value(writer *w, weir_jinja_value v) {
    WEIR_TRY(weir_jinja_step(w->b->run, 1));
    WEIR_TRY(weir_jinja_enter(w->b->run));
    WEIR_TRY(add_any(w, v));
    weir_jinja_leave(w->b->run);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_add_json(weir_jinja_builder *b, weir_jinja_value v,
                                const weir_jinja_json_style *style) {
    writer w = {.b = b,
                .indent = style->indent,
                .ensure_ascii = style->ensure_ascii,
                .sort_keys = style->sort_keys};
    w.item_separator = style->item_separator != NULL ? *style->item_separator
                       : style->indent != NULL       ? weir_jinja_literal(",", 1, 0)
                                                     : weir_jinja_literal(", ", 2, 0);
    w.key_separator =
        style->key_separator != NULL ? *style->key_separator : weir_jinja_literal(": ", 2, 0);
    return add_value(&w, v);
}
