/*
 * jinja_filter_text.c: filters that make text of text, and JSON.
 *
 * Anything may stand before most of them: it is taken as str() would write it.
 */
#include <string.h>

#include "text/jinja_filter_parts.h"
#include "text/jinja_json.h"
#include "text/jinja_method_str.h"
#include "text/jinja_text.h"

static weir_status text_of(weir_jinja_run *run, weir_jinja_value v, const weir_jinja_string **out) {
    weir_jinja_value text;
    WEIR_TRY(weir_jinja_str(run, v, &text));
    *out = text.as.string;
    return WEIR_STATUS_OK;
}

/* The text of a filter that takes nothing else. */
static weir_status only_text(weir_jinja_run *run, const weir_jinja_call *call,
                             const weir_jinja_string **out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    return text_of(run, value, out);
}

/* ---- case and edges ------------------------------------------------------------------------ */

static weir_status change_case(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_case to,
                               weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_text(run, call, &s));
    return weir_jinja_change_case(run, s, to, out);
}

static weir_status upper(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_UPPER, out);
}

static weir_status lower(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_LOWER, out);
}

static weir_status title(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_WORDS, out);
}

static weir_status capitalize(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return change_case(run, call, WEIR_JINJA_CAPITALIZE, out);
}

static weir_status trim(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_given[2];
    const weir_jinja_string *s, *chars = NULL;
    WEIR_TRY(weir_jinja_arguments(run, call, "value chars=", slots, is_given));
    WEIR_TRY(text_of(run, slots[0], &s));
    if (is_given[1] && slots[1].type != WEIR_JINJA_NONE)
        WEIR_TRY(weir_jinja_text_argument(run, call, "chars", slots[1], &chars));
    return weir_jinja_strip(run, s, chars, true, true, out);
}

static weir_status center(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    static const weir_jinja_string space = {.data = " ", .n = 1, .n_chars = 1};
    weir_jinja_value slots[2];
    bool is_given[2];
    const weir_jinja_string *s;
    int64_t width = 80;
    WEIR_TRY(weir_jinja_arguments(run, call, "value width=", slots, is_given));
    WEIR_TRY(text_of(run, slots[0], &s));
    if (is_given[1])
        WEIR_TRY(weir_jinja_int_argument(run, call, "width", slots[1], &width));
    return weir_jinja_center(run, s, width, &space, out);
}

static weir_status string(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    return weir_jinja_str(run, value, out);
}

/* ---- inside -------------------------------------------------------------------------------- */

static weir_status replace(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value slots[4];
    bool is_given[4];
    const weir_jinja_string *s, *old, *new_text;
    int64_t most = -1;
    WEIR_TRY(weir_jinja_arguments(run, call, "s old new count=", slots, is_given));
    WEIR_TRY(text_of(run, slots[0], &s));
    WEIR_TRY(text_of(run, slots[1], &old));
    WEIR_TRY(text_of(run, slots[2], &new_text));
    if (is_given[3] && slots[3].type != WEIR_JINJA_NONE)
        WEIR_TRY(weir_jinja_int_argument(run, call, "count", slots[3], &most));
    return weir_jinja_replace(run, s, old, new_text, most, out);
}

static weir_status format(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    const weir_jinja_string *s;
    weir_jinja_value values;
    WEIR_TRY(text_of(run, call->args[0], &s));
    if (call->n_args > 1 && call->n_keywords != 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "can't handle positional and keyword arguments at the same time");
    if (call->n_keywords != 0) {
        WEIR_TRY(weir_jinja_new_dict(run, WEIR_JINJA_DICT, &values));
        for (size_t i = 0; i < call->n_keywords; i++)
            WEIR_TRY(weir_jinja_set(run, values.as.dict,
                                    weir_jinja_of_string(call->keywords[i].name),
                                    call->keywords[i].value));
        return weir_jinja_percent(run, s, values, out);
    }
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, call->n_args - 1, &values));
    for (size_t i = 1; i < call->n_args; i++)
        WEIR_TRY(weir_jinja_append(run, values.as.list, call->args[i]));
    return weir_jinja_percent(run, s, values, out);
}

/* `width` spaces, or the text that was given instead. */
static weir_status indention(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value v,
                             const weir_jinja_string **out) {
    static const weir_jinja_string space = {.data = " ", .n = 1, .n_chars = 1};
    if (v.type == WEIR_JINJA_STRING) {
        *out = v.as.string;
        return WEIR_STATUS_OK;
    }
    int64_t width;
    weir_jinja_value spaces;
    WEIR_TRY(weir_jinja_int_argument(run, call, "width", v, &width));
    WEIR_TRY(weir_jinja_binary(run, WEIR_JINJA_MULTIPLY, weir_jinja_of_string(&space),
                               weir_jinja_int(width), &spaces));
    *out = spaces.as.string;
    return WEIR_STATUS_OK;
}

static weir_status indent(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    static const weir_jinja_string newline = {.data = "\n", .n = 1, .n_chars = 1};
    weir_jinja_value slots[4], lines;
    bool is_given[4];
    const weir_jinja_string *s, *margin;
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_arguments(run, call, "s width= first= blank=", slots, is_given));
    WEIR_TRY(weir_jinja_text_argument(run, call, "value", slots[0], &s));
    WEIR_TRY(indention(run, call, is_given[1] ? slots[1] : weir_jinja_int(4), &margin));
    bool indents_first = weir_jinja_truth(slots[2]), indents_blank = weir_jinja_truth(slots[3]);
    /* As Jinja2: so a text that ends in a newline keeps it. */
    WEIR_TRY(weir_jinja_concat(run, s, &newline, &lines));
    WEIR_TRY(weir_jinja_split_lines(run, lines.as.string, false, &lines));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < lines.as.list->n; i++) {
        const weir_jinja_string *line = lines.as.list->items[i].as.string;
        bool is_indented = i == 0 ? indents_first : indents_blank || line->n != 0;
        if (i != 0)
            WEIR_TRY(weir_jinja_add_string(&b, &newline));
        if (is_indented)
            WEIR_TRY(weir_jinja_add_string(&b, margin));
        WEIR_TRY(weir_jinja_add_string(&b, line));
    }
    return weir_jinja_built(&b, out);
}

static weir_status truncate(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    static const weir_jinja_string dots = {.data = "...", .n = 3, .n_chars = 3};
    weir_jinja_value slots[5];
    bool is_given[5];
    const weir_jinja_string *s, *end = &dots;
    int64_t length = 255, leeway = 5;
    WEIR_TRY(weir_jinja_arguments(run, call, "s length= killwords= end= leeway=", slots, is_given));
    if (slots[0].type == WEIR_JINJA_UNDEFINED)
        WEIR_TRY(weir_jinja_str(run, slots[0], &slots[0]));
    WEIR_TRY(weir_jinja_text_argument(run, call, "value", slots[0], &s));
    if (is_given[1])
        WEIR_TRY(weir_jinja_int_argument(run, call, "length", slots[1], &length));
    if (is_given[3])
        WEIR_TRY(weir_jinja_text_argument(run, call, "end", slots[3], &end));
    if (is_given[4] && slots[4].type != WEIR_JINJA_NONE)
        WEIR_TRY(weir_jinja_int_argument(run, call, "leeway", slots[4], &leeway));
    if (length < (int64_t)end->n_chars || leeway < 0 || length > INT64_MAX - leeway)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "truncate: expected length >= %zu, leeway >= 0, got %lld and %lld",
                               end->n_chars, (long long)length, (long long)leeway);
    if ((int64_t)s->n_chars <= length + leeway) {
        *out = weir_jinja_of_string(s);
        return WEIR_STATUS_OK;
    }
    size_t n = weir_jinja_char_at(s, (size_t)length - end->n_chars);
    if (!weir_jinja_truth(slots[2])) { /* back to the last whole word */
        const char *space = n == 0 ? NULL : memrchr(s->data, ' ', n);
        n = space == NULL ? n : (size_t)(space - s->data);
    }
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_part(&b, s, 0, n));
    WEIR_TRY(weir_jinja_add_string(&b, end));
    return weir_jinja_built(&b, out);
}

static weir_status wordcount(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(only_text(run, call, &s));
    WEIR_TRY(weir_jinja_step(run, s->n));
    int64_t n = 0;
    bool is_inside = false;
    for (size_t at = 0; at < s->n;) {
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        bool is_word = c == '_' || weir_jinja_is_alpha(c) || weir_jinja_is_numeric(c);
        n += is_word && !is_inside;
        is_inside = is_word;
    }
    *out = weir_jinja_int(n);
    return WEIR_STATUS_OK;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static weir_status read_separators(weir_jinja_run *run, const weir_jinja_call *call,
                                   weir_jinja_value v, weir_jinja_json_style *style) {
    weir_jinja_items items;
    WEIR_TRY(weir_jinja_iterate(run, v, &items));
    if (items.n != 2)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "tojson: separators must be two strings");
    WEIR_TRY(
        weir_jinja_text_argument(run, call, "separators", items.items[0], &style->item_separator));
    return weir_jinja_text_argument(run, call, "separators", items.items[1], &style->key_separator);
}

static weir_status tojson(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[5];
    bool is_given[5];
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_arguments(
        run, call, "value ensure_ascii= indent= separators= sort_keys=", slots, is_given));
    weir_jinja_json_style style = {.ensure_ascii = weir_jinja_truth(slots[1]),
                                   .sort_keys = weir_jinja_truth(slots[4])};
    if (is_given[2] && slots[2].type != WEIR_JINJA_NONE)
        WEIR_TRY(indention(run, call, slots[2], &style.indent));
    if (is_given[3] && slots[3].type != WEIR_JINJA_NONE)
        WEIR_TRY(read_separators(run, call, slots[3], &style));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_json(&b, slots[0], &style));
    return weir_jinja_built(&b, out);
}

static weir_status from_json(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value value;
    const weir_jinja_string *s;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    WEIR_TRY(weir_jinja_text_argument(run, call, "value", value, &s));
    return weir_jinja_read_json(run, s, out);
}

const weir_jinja_filter weir_jinja_text_filters[] = {
    {"capitalize", capitalize}, {"center", center},       {"format", format},
    {"from_json", from_json},   {"indent", indent},       {"lower", lower},
    {"replace", replace},       {"string", string},       {"title", title},
    {"tojson", tojson},         {"trim", trim},           {"truncate", truncate},
    {"upper", upper},           {"wordcount", wordcount}, {NULL, NULL}};
