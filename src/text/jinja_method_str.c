/*
 * jinja_method_str.c: methods of strings that search, cut and join.
 *
 * Parts of a string share its bytes. Every method is linear in what it reads and writes.
 */
#include "text/jinja_method_str.h"

#include <string.h>

#include "text/jinja_text.h"

static weir_status self_text(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value v,
                             const weir_jinja_string **out) {
    return weir_jinja_text_argument(run, call, "self", v, out);
}

/* ---- strip --------------------------------------------------------------------------------- */

static bool is_among(const weir_jinja_string *chars, uint32_t c) {
    if (chars == NULL)
        return weir_jinja_is_space(c);
    for (size_t at = 0; at < chars->n;)
        if (weir_jinja_next_char(chars->data, chars->n, &at) == c)
            return true;
    return false;
}

weir_status weir_jinja_strip(weir_jinja_run *run, const weir_jinja_string *s,
                             const weir_jinja_string *chars, bool at_start, bool at_end,
                             weir_jinja_value *out) {
    size_t start = 0, end = s->n, cost = chars == NULL ? 1 : chars->n / 4 + 1;
    while (at_start && start < end) {
        size_t next = start;
        WEIR_TRY(weir_jinja_step(run, cost));
        if (!is_among(chars, weir_jinja_next_char(s->data, end, &next)))
            break;
        start = next;
    }
    while (at_end && start < end) {
        size_t before = weir_jinja_char_before(s->data, end), next = before;
        WEIR_TRY(weir_jinja_step(run, cost));
        if (!is_among(chars, weir_jinja_next_char(s->data, end, &next)))
            break;
        end = before;
    }
    return weir_jinja_part(run, s, start, end - start, out);
}

static weir_status strip_ends(weir_jinja_run *run, const weir_jinja_call *call, bool at_start,
                              bool at_end, weir_jinja_value *out) {
    weir_jinja_value slots[2];
    bool is_given[2];
    const weir_jinja_string *s, *chars = NULL;
    WEIR_TRY(weir_jinja_arguments(run, call, "self chars=", slots, is_given));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    if (is_given[1] && slots[1].type != WEIR_JINJA_NONE)
        WEIR_TRY(weir_jinja_text_argument(run, call, "chars", slots[1], &chars));
    return weir_jinja_strip(run, s, chars, at_start, at_end, out);
}

static weir_status strip(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return strip_ends(run, call, true, true, out);
}

static weir_status lstrip(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return strip_ends(run, call, true, false, out);
}

static weir_status rstrip(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return strip_ends(run, call, false, true, out);
}

static weir_status remove_affix(weir_jinja_run *run, const weir_jinja_call *call, bool is_prefix,
                                weir_jinja_value *out) {
    weir_jinja_value slots[2];
    const weir_jinja_string *s, *affix;
    WEIR_TRY(
        weir_jinja_arguments(run, call, is_prefix ? "self prefix" : "self suffix", slots, NULL));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    WEIR_TRY(weir_jinja_text_argument(run, call, "affix", slots[1], &affix));
    size_t at = is_prefix ? 0 : s->n - affix->n;
    if (affix->n > s->n || memcmp(s->data + at, affix->data, affix->n) != 0) {
        *out = weir_jinja_of_string(s);
        return WEIR_STATUS_OK;
    }
    return weir_jinja_part(run, s, is_prefix ? affix->n : 0, s->n - affix->n, out);
}

static weir_status removeprefix(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    return remove_affix(run, call, true, out);
}

static weir_status removesuffix(weir_jinja_run *run, const weir_jinja_call *call,
                                weir_jinja_value *out) {
    return remove_affix(run, call, false, out);
}

/* ---- split --------------------------------------------------------------------------------- */

static weir_status append_part(weir_jinja_run *run, weir_jinja_value list,
                               const weir_jinja_string *s, size_t start, size_t end) {
    weir_jinja_value part;
    WEIR_TRY(weir_jinja_part(run, s, start, end - start, &part));
    return weir_jinja_append(run, list.as.list, part);
}

static size_t skip_kind(const weir_jinja_string *s, size_t at, bool is_space) {
    while (at < s->n) {
        size_t next = at;
        if (weir_jinja_is_space(weir_jinja_next_char(s->data, s->n, &next)) != is_space)
            break;
        at = next;
    }
    return at;
}

static size_t skip_kind_before(const weir_jinja_string *s, size_t at, bool is_space) {
    while (at > 0) {
        size_t before = weir_jinja_char_before(s->data, at), next = before;
        if (weir_jinja_is_space(weir_jinja_next_char(s->data, s->n, &next)) != is_space)
            break;
        at = before;
    }
    return at;
}

weir_status weir_jinja_split_words(weir_jinja_run *run, const weir_jinja_string *s, int64_t most,
                                   weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, s->n / 4));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (size_t at = skip_kind(s, 0, true); at < s->n; at = skip_kind(s, at, true)) {
        size_t end = most == 0 ? s->n : skip_kind(s, at, false); /* the rest as it is */
        WEIR_TRY(append_part(run, *out, s, at, end));
        at = end;
        most -= most > 0;
    }
    return WEIR_STATUS_OK;
}

/* From the end; the parts come last first. */
static weir_status rsplit_words(weir_jinja_run *run, const weir_jinja_string *s, int64_t most,
                                weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, s->n / 4));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (size_t end = skip_kind_before(s, s->n, true); end > 0;
         end = skip_kind_before(s, end, true)) {
        size_t start = most == 0 ? 0 : skip_kind_before(s, end, false);
        WEIR_TRY(append_part(run, *out, s, start, end));
        end = start;
        most -= most > 0;
    }
    return WEIR_STATUS_OK;
}

static weir_status split_at(weir_jinja_run *run, const weir_jinja_string *s,
                            const weir_jinja_string *separator, int64_t most,
                            weir_jinja_value *out) {
    size_t start = 0;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (; most != 0; most -= most > 0) {
        size_t found;
        WEIR_TRY(weir_jinja_search(run, s, separator, start, s->n, &found));
        if (found == SIZE_MAX)
            break;
        WEIR_TRY(append_part(run, *out, s, start, found));
        start = found + separator->n;
    }
    return append_part(run, *out, s, start, s->n);
}

/* The last place before `end`, where separator ends at or before it; SIZE_MAX: none. Looks at each
 * byte once, and compares where the first byte fits. */
static weir_status search_back(weir_jinja_run *run, const weir_jinja_string *s,
                               const weir_jinja_string *part, size_t from, size_t end, size_t *at) {
    *at = SIZE_MAX;
    if (part->n > end || end - part->n < from)
        return WEIR_STATUS_OK;
    for (size_t i = end - part->n + 1; i > from; i--) {
        size_t n_same = 0;
        while (n_same < part->n && s->data[i - 1 + n_same] == part->data[n_same])
            n_same++;
        WEIR_TRY(weir_jinja_step(run, 1 + n_same / 16));
        if (n_same == part->n) {
            *at = i - 1;
            return WEIR_STATUS_OK;
        }
    }
    return WEIR_STATUS_OK;
}

static weir_status rsplit_at(weir_jinja_run *run, const weir_jinja_string *s,
                             const weir_jinja_string *separator, int64_t most,
                             weir_jinja_value *out) {
    size_t end = s->n;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (; most != 0; most -= most > 0) {
        size_t found;
        WEIR_TRY(search_back(run, s, separator, 0, end, &found));
        if (found == SIZE_MAX)
            break;
        WEIR_TRY(append_part(run, *out, s, found + separator->n, end));
        end = found;
    }
    return append_part(run, *out, s, 0, end);
}

static void reverse_items(weir_jinja_list *list) {
    for (size_t i = 0; i < list->n / 2; i++) {
        weir_jinja_value item = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = item;
    }
}

static weir_status split_either(weir_jinja_run *run, const weir_jinja_call *call, bool from_end,
                                weir_jinja_value *out) {
    weir_jinja_value slots[3];
    bool is_given[3];
    const weir_jinja_string *s, *separator = NULL;
    int64_t most = -1;
    WEIR_TRY(weir_jinja_arguments(run, call, "self sep= maxsplit=", slots, is_given));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    if (is_given[1] && slots[1].type != WEIR_JINJA_NONE)
        WEIR_TRY(weir_jinja_text_argument(run, call, "sep", slots[1], &separator));
    if (is_given[2])
        WEIR_TRY(weir_jinja_int_argument(run, call, "maxsplit", slots[2], &most));
    if (separator != NULL && separator->n == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "empty separator");
    if (!from_end)
        return separator == NULL ? weir_jinja_split_words(run, s, most, out)
                                 : split_at(run, s, separator, most, out);
    WEIR_TRY(separator == NULL ? rsplit_words(run, s, most, out)
                               : rsplit_at(run, s, separator, most, out));
    reverse_items(out->as.list);
    return WEIR_STATUS_OK;
}

static weir_status split(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return split_either(run, call, false, out);
}

static weir_status rsplit(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return split_either(run, call, true, out);
}

static bool is_line_end(uint32_t c) {
    return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
           c == 0x2029;
}

weir_status weir_jinja_split_lines(weir_jinja_run *run, const weir_jinja_string *s, bool keeps_ends,
                                   weir_jinja_value *out) {
    size_t start = 0;
    WEIR_TRY(weir_jinja_step(run, s->n / 4));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_LIST, 0, out));
    for (size_t at = 0; at < s->n;) {
        size_t end = at;
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        if (!is_line_end(c))
            continue;
        if (c == '\r' && at < s->n && s->data[at] == '\n')
            at++;
        WEIR_TRY(append_part(run, *out, s, start, keeps_ends ? at : end));
        start = at;
    }
    return start == s->n ? WEIR_STATUS_OK : append_part(run, *out, s, start, s->n);
}

static weir_status splitlines(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    weir_jinja_value slots[2];
    const weir_jinja_string *s;
    WEIR_TRY(weir_jinja_arguments(run, call, "self keepends=", slots, NULL));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    return weir_jinja_split_lines(run, s, weir_jinja_truth(slots[1]), out);
}

static weir_status partition_either(weir_jinja_run *run, const weir_jinja_call *call, bool from_end,
                                    weir_jinja_value *out) {
    weir_jinja_value slots[2];
    const weir_jinja_string *s, *separator;
    size_t at;
    WEIR_TRY(weir_jinja_arguments(run, call, "self sep", slots, NULL));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    WEIR_TRY(weir_jinja_text_argument(run, call, "sep", slots[1], &separator));
    if (separator->n == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "empty separator");
    WEIR_TRY(from_end ? search_back(run, s, separator, 0, s->n, &at)
                      : weir_jinja_search(run, s, separator, 0, s->n, &at));
    bool is_found = at != SIZE_MAX;
    size_t first = is_found ? at : from_end ? 0 : s->n;
    size_t second = is_found ? at + separator->n : first;
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, 3, out));
    WEIR_TRY(append_part(run, *out, s, 0, first));
    WEIR_TRY(append_part(run, *out, s, first, second));
    return append_part(run, *out, s, second, s->n);
}

static weir_status partition(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    return partition_either(run, call, false, out);
}

static weir_status rpartition(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return partition_either(run, call, true, out);
}

/* ---- search -------------------------------------------------------------------------------- */

/* The arguments of find, count and so on: what is looked for, and in which bytes of s. */
typedef struct query {
    const weir_jinja_string *s;
    weir_jinja_value what;
    size_t from, to;
    bool is_outside; /* start lies behind the end: nothing is there, not even "" */
} query;

static weir_status position(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value v,
                            const weir_jinja_string *s, size_t *out) {
    int64_t i, n = (int64_t)s->n_chars;
    if (v.type == WEIR_JINJA_NONE)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_int_argument(run, call, "position", v, &i));
    if (i < 0)
        i += n;
    *out = i < 0 ? 0 : i > n ? s->n_chars + 1 : (size_t)i;
    return WEIR_STATUS_OK;
}

static weir_status read_query(weir_jinja_run *run, const weir_jinja_call *call, query *q) {
    weir_jinja_value slots[4];
    bool is_given[4];
    WEIR_TRY(weir_jinja_arguments(run, call, "self sub start= end=", slots, is_given));
    WEIR_TRY(self_text(run, call, slots[0], &q->s));
    q->what = slots[1];
    size_t from = 0, to = q->s->n_chars;
    if (is_given[2])
        WEIR_TRY(position(run, call, slots[2], q->s, &from));
    if (is_given[3])
        WEIR_TRY(position(run, call, slots[3], q->s, &to));
    q->is_outside = from > q->s->n_chars || from > to;
    WEIR_TRY(weir_jinja_step(run, q->s->n_chars == q->s->n ? 1 : q->s->n / 16));
    q->from = weir_jinja_char_at(q->s, from);
    q->to = weir_jinja_char_at(q->s, to);
    return WEIR_STATUS_OK;
}

/* SIZE_MAX: it is not there. Else the index of a code point. */
static weir_status find_char(weir_jinja_run *run, const weir_jinja_call *call, bool from_end,
                             size_t *out) {
    query q;
    const weir_jinja_string *part;
    WEIR_TRY(read_query(run, call, &q));
    WEIR_TRY(weir_jinja_text_argument(run, call, "sub", q.what, &part));
    *out = SIZE_MAX;
    if (q.is_outside)
        return WEIR_STATUS_OK;
    WEIR_TRY(from_end ? search_back(run, q.s, part, q.from, q.to, out)
                      : weir_jinja_search(run, q.s, part, q.from, q.to, out));
    if (*out != SIZE_MAX && q.s->n_chars != q.s->n) {
        WEIR_TRY(weir_jinja_step(run, *out / 16));
        *out = weir_jinja_count_chars(q.s->data, *out);
    }
    return WEIR_STATUS_OK;
}

static weir_status find_either(weir_jinja_run *run, const weir_jinja_call *call, bool from_end,
                               weir_jinja_value *out) {
    size_t at;
    WEIR_TRY(find_char(run, call, from_end, &at));
    *out = weir_jinja_int(at == SIZE_MAX ? -1 : (int64_t)at);
    return WEIR_STATUS_OK;
}

static weir_status index_either(weir_jinja_run *run, const weir_jinja_call *call, bool from_end,
                                weir_jinja_value *out) {
    WEIR_TRY(find_either(run, call, from_end, out));
    return out->as.integer >= 0 ? WEIR_STATUS_OK
                                : weir_jinja_fail(run, WEIR_STATUS_FAILED, "substring not found");
}

static weir_status find(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return find_either(run, call, false, out);
}

static weir_status rfind(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    return find_either(run, call, true, out);
}

static weir_status index_of(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    return index_either(run, call, false, out);
}

static weir_status rindex_of(weir_jinja_run *run, const weir_jinja_call *call,
                             weir_jinja_value *out) {
    return index_either(run, call, true, out);
}

static weir_status count(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    query q;
    const weir_jinja_string *part;
    int64_t n = 0;
    WEIR_TRY(read_query(run, call, &q));
    WEIR_TRY(weir_jinja_text_argument(run, call, "sub", q.what, &part));
    if (part->n == 0 && !q.is_outside) {
        WEIR_TRY(weir_jinja_step(run, (q.to - q.from) / 16));
        n = (int64_t)weir_jinja_count_chars(q.s->data + q.from, q.to - q.from) + 1;
    }
    while (part->n != 0 && !q.is_outside) {
        size_t at;
        WEIR_TRY(weir_jinja_search(run, q.s, part, q.from, q.to, &at));
        if (at == SIZE_MAX)
            break;
        q.from = at + part->n;
        n++;
    }
    *out = weir_jinja_int(n);
    return WEIR_STATUS_OK;
}

static bool has_affix(const query *q, const weir_jinja_string *affix, bool at_end) {
    return !q->is_outside && affix->n <= q->to - q->from &&
           memcmp(q->s->data + (at_end ? q->to - affix->n : q->from), affix->data, affix->n) == 0;
}

static weir_status affix_either(weir_jinja_run *run, const weir_jinja_call *call, bool at_end,
                                weir_jinja_value *out) {
    query q;
    WEIR_TRY(read_query(run, call, &q));
    bool is_tuple = q.what.type == WEIR_JINJA_TUPLE, result = false;
    size_t n = is_tuple ? q.what.as.list->n : 1;
    for (size_t i = 0; i < n && !result; i++) {
        const weir_jinja_string *affix;
        WEIR_TRY(weir_jinja_text_argument(run, call, "first argument",
                                          is_tuple ? q.what.as.list->items[i] : q.what, &affix));
        WEIR_TRY(weir_jinja_step(run, 1 + affix->n / 64));
        result = has_affix(&q, affix, at_end);
    }
    *out = weir_jinja_bool(result);
    return WEIR_STATUS_OK;
}

static weir_status startswith(weir_jinja_run *run, const weir_jinja_call *call,
                              weir_jinja_value *out) {
    return affix_either(run, call, false, out);
}

static weir_status endswith(weir_jinja_run *run, const weir_jinja_call *call,
                            weir_jinja_value *out) {
    return affix_either(run, call, true, out);
}

/* ---- replace, join, format ----------------------------------------------------------------- */

/* An empty `old` stands before every character and at the end. */
static weir_status replace_nothing(weir_jinja_builder *b, const weir_jinja_string *s,
                                   const weir_jinja_string *new_text, int64_t most) {
    size_t at = 0;
    for (; most != 0; most -= most > 0) {
        WEIR_TRY(weir_jinja_step(b->run, 1));
        WEIR_TRY(weir_jinja_add_string(b, new_text));
        if (at == s->n)
            return WEIR_STATUS_OK;
        size_t start = at;
        weir_jinja_next_char(s->data, s->n, &at);
        WEIR_TRY(weir_jinja_add_part(b, s, start, at - start));
    }
    return weir_jinja_add_part(b, s, at, s->n - at);
}

weir_status weir_jinja_replace(weir_jinja_run *run, const weir_jinja_string *s,
                               const weir_jinja_string *old, const weir_jinja_string *new_text,
                               int64_t most, weir_jinja_value *out) {
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    if (old->n == 0) {
        WEIR_TRY(replace_nothing(&b, s, new_text, most));
        return weir_jinja_built(&b, out);
    }
    size_t start = 0, found = 0;
    for (; most != 0; most -= most > 0) {
        WEIR_TRY(weir_jinja_search(run, s, old, start, s->n, &found));
        if (found == SIZE_MAX)
            break;
        WEIR_TRY(weir_jinja_add_part(&b, s, start, found - start));
        WEIR_TRY(weir_jinja_add_string(&b, new_text));
        start = found + old->n;
    }
    if (start == 0) { /* nothing was found */
        *out = weir_jinja_of_string(s);
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_jinja_add_part(&b, s, start, s->n - start));
    return weir_jinja_built(&b, out);
}

static weir_status replace(weir_jinja_run *run, const weir_jinja_call *call,
                           weir_jinja_value *out) {
    weir_jinja_value slots[4];
    bool is_given[4];
    const weir_jinja_string *s, *old, *new_text;
    int64_t most = -1;
    WEIR_TRY(weir_jinja_arguments(run, call, "self old new count=", slots, is_given));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    WEIR_TRY(weir_jinja_text_argument(run, call, "old", slots[1], &old));
    WEIR_TRY(weir_jinja_text_argument(run, call, "new", slots[2], &new_text));
    if (is_given[3])
        WEIR_TRY(weir_jinja_int_argument(run, call, "count", slots[3], &most));
    return weir_jinja_replace(run, s, old, new_text, most, out);
}

static weir_status join(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_value slots[2];
    const weir_jinja_string *s;
    weir_jinja_items items;
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_arguments(run, call, "self iterable", slots, NULL));
    WEIR_TRY(self_text(run, call, slots[0], &s));
    WEIR_TRY(weir_jinja_iterate(run, slots[1], &items));
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t i = 0; i < items.n; i++) {
        if (items.items[i].type != WEIR_JINJA_STRING)
            return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                                   "sequence item %zu: expected str instance, %s found", i,
                                   weir_jinja_type_name(items.items[i]));
        WEIR_TRY(weir_jinja_step(run, 1));
        if (i != 0)
            WEIR_TRY(weir_jinja_add_string(&b, s));
        WEIR_TRY(weir_jinja_add_string(&b, items.items[i].as.string));
    }
    return weir_jinja_built(&b, out);
}

static weir_status format(weir_jinja_run *run, const weir_jinja_call *call, weir_jinja_value *out) {
    weir_jinja_call behind = *call;
    behind.args++;
    behind.n_args--;
    return weir_jinja_format(run, call->args[0].as.string, &behind, out);
}

/* ---- by name ------------------------------------------------------------------------------- */

const weir_jinja_method_entry weir_jinja_string_methods[] = {
    {"capitalize", weir_jinja_method_capitalize},
    {"center", weir_jinja_method_center},
    {"count", count},
    {"endswith", endswith},
    {"find", find},
    {"format", format},
    {"index", index_of},
    {"isalnum", weir_jinja_method_isalnum},
    {"isalpha", weir_jinja_method_isalpha},
    {"isascii", weir_jinja_method_isascii},
    {"isdecimal", weir_jinja_method_isdecimal},
    {"isdigit", weir_jinja_method_isdigit},
    {"islower", weir_jinja_method_islower},
    {"isnumeric", weir_jinja_method_isnumeric},
    {"isprintable", weir_jinja_method_isprintable},
    {"isspace", weir_jinja_method_isspace},
    {"istitle", weir_jinja_method_istitle},
    {"isupper", weir_jinja_method_isupper},
    {"join", join},
    {"ljust", weir_jinja_method_ljust},
    {"lower", weir_jinja_method_lower},
    {"lstrip", lstrip},
    {"partition", partition},
    {"removeprefix", removeprefix},
    {"removesuffix", removesuffix},
    {"replace", replace},
    {"rfind", rfind},
    {"rindex", rindex_of},
    {"rjust", weir_jinja_method_rjust},
    {"rpartition", rpartition},
    {"rsplit", rsplit},
    {"rstrip", rstrip},
    {"split", split},
    {"splitlines", splitlines},
    {"startswith", startswith},
    {"strip", strip},
    {"title", weir_jinja_method_title},
    {"upper", weir_jinja_method_upper},
    {"zfill", weir_jinja_method_zfill},
    {NULL, NULL}};
