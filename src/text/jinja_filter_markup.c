/*
 * jinja_filter_markup.c: filters for HTML and URLs.
 *
 * A chat template is no HTML and nothing is escaped by itself. `safe` marks a string so that
 * `escape` leaves it alone; a string that is made out of it has no mark.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_filter_parts.h"
#include "text/jinja_method_str.h"
#include "text/jinja_text.h"

static weir_status text_of(weir_jinja_run *run, const weir_jinja_call *call,
                           const weir_jinja_string **out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    WEIR_TRY(weir_jinja_str(run, value, &value));
    *out = value.as.string;
    return WEIR_STATUS_OK;
}

static weir_status mark_safe(weir_jinja_run *run, const weir_jinja_string *s,
                             weir_jinja_value *out) {
    weir_jinja_string *marked = weir_jinja_take(run, sizeof *marked);
    if (marked == NULL)
        return run->status;
    *marked = *s;
    marked->is_safe = true;
    *out = weir_jinja_of_string(marked);
    return WEIR_STATUS_OK;
}

/* ---- escape -------------------------------------------------------------------------------- */

static const char *entity_of(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\'':
        return "&#39;";
    case '"':
        return "&#34;";
    default:
        return NULL;
    }
}

static weir_status add_escaped(weir_jinja_builder *b, const weir_jinja_string *s) {
    size_t plain = 0;
    WEIR_TRY(weir_jinja_step(b->run, s->n / 4));
    for (size_t i = 0; i < s->n; i++) {
        const char *entity = entity_of(s->data[i]);
        if (entity == NULL)
            continue;
        WEIR_TRY(weir_jinja_add_part(b, s, plain, i - plain));
        WEIR_TRY(weir_jinja_add(b, entity, strlen(entity), weir_jinja_origin_at(s, i)));
        plain = i + 1;
    }
    return weir_jinja_add_part(b, s, plain, s->n - plain);
}

static weir_status forceescape(weir_jinja_run *run, const weir_jinja_call *call,
                               weir_jinja_value *out) {
    const weir_jinja_string *s;
    weir_jinja_builder b;
    WEIR_TRY(text_of(run, call, &s));
    WEIR_TRY(weir_jinja_build(&b, run, s->n));
    WEIR_TRY(add_escaped(&b, s));
    WEIR_TRY(weir_jinja_built(&b, out));
    return mark_safe(run, out->as.string, out);
}

static weir_status escape(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    if (value.type != WEIR_JINJA_STRING || !value.as.string->is_safe)
        return forceescape(run, call, out);
    *out = value;
    return WEIR_STATUS_OK;
}

static weir_status safe(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    const weir_jinja_string *s;
    WEIR_TRY(text_of(run, call, &s));
    return mark_safe(run, s, out);
}

static weir_status xmlattr(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_given[2];
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_arguments(run, call, "value autospace=", slots, is_given));
    if (slots[0].type != WEIR_JINJA_DICT)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "xmlattr: expected a mapping, not %s",
                               weir_jinja_type_name(slots[0]));
    bool needs_space = !is_given[1] || weir_jinja_truth(slots[1]);
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < slots[0].as.dict->n; i++) {
        weir_jinja_entry entry = slots[0].as.dict->entries[i];
        if (entry.value.type == WEIR_JINJA_NONE || entry.value.type == WEIR_JINJA_UNDEFINED)
            continue;
        WEIR_TRY(weir_jinja_str(run, entry.key, &entry.key));
        WEIR_TRY(weir_jinja_str(run, entry.value, &entry.value));
        const weir_jinja_string *key = entry.key.as.string;
        for (size_t at = 0; at < key->n; at++)
            if (key->data[at] == 0 || strchr(" \t\n\r\f\v/>=", key->data[at]) != NULL)
                return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                       "xmlattr: invalid character in an attribute name");
        WEIR_TRY(weir_jinja_add_text(&b, needs_space ? " " : ""));
        WEIR_TRY(add_escaped(&b, key));
        WEIR_TRY(weir_jinja_add_text(&b, "=\""));
        WEIR_TRY(add_escaped(&b, entry.value.as.string));
        WEIR_TRY(weir_jinja_add_text(&b, "\""));
        needs_space = true;
    }
    return weir_jinja_built(&b, out);
}

/* ---- striptags ----------------------------------------------------------------------------- */

/* Behind the comment that begins at `at`, or NULL. *may_end turns false where none ends any more,
 * so that the rest of the text is searched once. */
static const char *comment_end(const weir_jinja_string *s, size_t at, bool *may_end) {
    size_t rest = s->n - at;
    if (!*may_end || rest < 4 || memcmp(s->data + at, "<!--", 4) != 0)
        return NULL;
    const char *end = memmem(s->data + at + 4, rest - 4, "-->", 3);
    *may_end = end != NULL;
    return end == NULL ? NULL : end + 3;
}

/* Without comments and tags; a `<` that nothing closes is text. */
static weir_status remove_tags(weir_jinja_builder *b, const weir_jinja_string *s) {
    size_t plain = 0, at = 0;
    bool comment_may_end = true;
    WEIR_TRY(weir_jinja_step(b->run, s->n / 4));
    while (at < s->n) {
        const char *start = memchr(s->data + at, '<', s->n - at);
        if (start == NULL)
            break;
        at = (size_t)(start - s->data);
        const char *end = comment_end(s, at, &comment_may_end);
        if (end == NULL) {
            const char *last = memchr(start, '>', s->n - at);
            if (last == NULL)
                break;
            end = last + 1;
        }
        WEIR_TRY(weir_jinja_add_part(b, s, plain, at - plain));
        plain = at = (size_t)(end - s->data);
    }
    return weir_jinja_add_part(b, s, plain, s->n - plain);
}

/* The character that the entity text [n], without & and ;, stands for; false: not one of these. */
static bool read_entity(const char *text, size_t n, uint32_t *out) {
    static const struct {
        const char *name;
        uint32_t c;
    } names[] = {{"amp", '&'},  {"lt", '<'},    {"gt", '>'},
                 {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strlen(names[i].name) == n && memcmp(names[i].name, text, n) == 0) {
            *out = names[i].c;
            return true;
        }
    if (n < 2 || n > 9 || text[0] != '#')
        return false;
    uint32_t base = text[1] == 'x' || text[1] == 'X' ? 16 : 10;
    size_t at = base == 16 ? 2 : 1;
    bool is_good = at < n;
    for (*out = 0; at < n && is_good; at++) {
        unsigned char c = (unsigned char)text[at];
        is_good = base == 16 ? isxdigit(c) : isdigit(c);
        *out = *out * base + (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return is_good && *out != 0 && *out <= 0x10ffff;
}

static weir_status add_unescaped(weir_jinja_builder *b, const weir_jinja_string *s) {
    enum { LONGEST = 12 };
    size_t plain = 0;
    for (size_t at = 0; at < s->n; at++) {
        if (s->data[at] != '&')
            continue;
        size_t rest = s->n - at - 1;
        const char *end = memchr(s->data + at + 1, ';', rest < LONGEST ? rest : LONGEST);
        uint32_t c;
        if (end == NULL || !read_entity(s->data + at + 1, (size_t)(end - s->data) - at - 1, &c))
            continue;
        char bytes[4];
        weir_jinja_origin origin = weir_jinja_origin_at(s, at);
        WEIR_TRY(weir_jinja_add_part(b, s, plain, at - plain));
        WEIR_TRY(weir_jinja_add(b, bytes, weir_utf8_encode(c, bytes), origin));
        plain = (size_t)(end - s->data) + 1;
        at = plain - 1;
    }
    return weir_jinja_add_part(b, s, plain, s->n - plain);
}

/* Tags go, white space becomes single spaces, and the entities of XML, numbers and &nbsp; become
 * characters; other names stay as they are. */
static weir_status striptags(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    const weir_jinja_string *s;
    weir_jinja_builder b;
    weir_jinja_value text, words;
    WEIR_TRY(text_of(run, call, &s));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(remove_tags(&b, s));
    WEIR_TRY(weir_jinja_built(&b, &text));
    WEIR_TRY(weir_jinja_split_words(run, text.as.string, -1, &words));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < words.as.list->n; i++) {
        WEIR_TRY(weir_jinja_add_text(&b, i == 0 ? "" : " "));
        WEIR_TRY(add_unescaped(&b, words.as.list->items[i].as.string));
    }
    return weir_jinja_built(&b, out);
}

/* ---- URLs ---------------------------------------------------------------------------------- */

static weir_status add_url(weir_jinja_builder *b, const weir_jinja_string *s, bool is_query) {
    WEIR_TRY(weir_jinja_step(b->run, s->n));
    for (size_t i = 0; i < s->n; i++) {
        char text[4] = {s->data[i], 0};
        unsigned char c = (unsigned char)s->data[i];
        bool stays = c < 0x80 && (isalnum(c) || (c != 0 && strchr("_.-~", c) != NULL) ||
                                  (c == '/' && !is_query));
        if (is_query && c == ' ')
            text[0] = '+';
        else if (!stays)
            snprintf(text, sizeof text, "%%%02X", c);
        WEIR_TRY(weir_jinja_add(b, text, strlen(text), weir_jinja_origin_at(s, i)));
    }
    return WEIR_STATUS_OK;
}

static weir_status add_pair(weir_jinja_builder *b, weir_jinja_value key, weir_jinja_value value) {
    WEIR_TRY(weir_jinja_str(b->run, key, &key));
    WEIR_TRY(weir_jinja_str(b->run, value, &value));
    WEIR_TRY(weir_jinja_add_text(b, b->n == 0 ? "" : "&"));
    WEIR_TRY(add_url(b, key.as.string, true));
    WEIR_TRY(weir_jinja_add_text(b, "="));
    return add_url(b, value.as.string, true);
}

static weir_status urlencode(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    weir_jinja_value value, text;
    weir_jinja_builder b;
    weir_jinja_items items, pair;
    WEIR_TRY(weir_jinja_arguments(run, call, "value", &value, NULL));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    if (value.type == WEIR_JINJA_DICT) {
        for (size_t i = 0; i < value.as.dict->n; i++)
            WEIR_TRY(add_pair(&b, value.as.dict->entries[i].key, value.as.dict->entries[i].value));
        return weir_jinja_built(&b, out);
    }
    if (value.type != WEIR_JINJA_LIST && value.type != WEIR_JINJA_TUPLE &&
        value.type != WEIR_JINJA_ITERATOR) {
        WEIR_TRY(weir_jinja_str(run, value, &text));
        WEIR_TRY(add_url(&b, text.as.string, false));
        return weir_jinja_built(&b, out);
    }
    WEIR_TRY(weir_jinja_iterate(run, value, &items));
    for (size_t i = 0; i < items.n; i++) {
        WEIR_TRY(weir_jinja_iterate(run, items.items[i], &pair));
        if (pair.n != 2)
            return weir_jinja_fail(run, WEIR_STATUS_FAILED, "urlencode: expected pairs");
        WEIR_TRY(add_pair(&b, pair.items[0], pair.items[1]));
    }
    return weir_jinja_built(&b, out);
}

const weir_jinja_filter weir_jinja_markup_filters[] = {{"e", escape},
                                                       {"escape", escape},
                                                       {"forceescape", forceescape},
                                                       {"safe", safe},
                                                       {"striptags", striptags},
                                                       {"urlencode", urlencode},
                                                       {"xmlattr", xmlattr},
                                                       {NULL, NULL}};
