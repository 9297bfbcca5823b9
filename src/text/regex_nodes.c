/*
 * regex_nodes.c: a tree of a regular expression into nodes of an automaton.
 *
 * Owns what anchors mean, and the product with a range of lengths. Repetitions stay counted loops.
 * Invariant: trees are only read, but for anchors at the edges, which are cut off.
 */
#include "text/regex_ast.h"

#include <stdlib.h>
#include <string.h>

/* Classes that a product with lengths may be made of. */
enum { MAX_WORK = 400000 };

/* ---- anchors -------------------------------------------------------------------------------- */

static weir_regex *make(weir_pda_builder *b, weir_regex_kind kind, weir_regex *first) {
    weir_regex *out = weir_pda_room(b, sizeof *out);
    if (out)
        *out = (weir_regex){.kind = kind, .first = first};
    return out;
}

static bool has_anchor(const weir_regex *regex) {
    if (regex->kind == WEIR_REGEX_BEGIN || regex->kind == WEIR_REGEX_END)
        return true;
    for (const weir_regex *child = regex->first; child; child = child->next)
        if (has_anchor(child))
            return true;
    return false;
}

static weir_regex *any_text(weir_pda_builder *b) {
    weir_regex *any = make(b, WEIR_REGEX_CLASS, NULL);
    weir_regex *out = make(b, WEIR_REGEX_REPEAT, any);
    weir_code_range *all = weir_pda_room(b, sizeof *all);
    if (!out || !any || !all)
        return NULL;
    *all = (weir_code_range){0, 0x10ffff};
    any->ranges = all;
    any->n_ranges = 1;
    out->max = WEIR_PDA_NO_LIMIT;
    return out;
}

/* Takes anchors off both ends of a sequence. */
static void cut_anchors(weir_regex *sequence, bool *has_begin, bool *has_end) {
    *has_begin = *has_end = false;
    while (sequence->first && sequence->first->kind == WEIR_REGEX_BEGIN) {
        sequence->first = sequence->first->next;
        *has_begin = true;
    }
    weir_regex **tail = &sequence->first; /* behind the last that is no anchor */
    for (weir_regex **at = &sequence->first; *at; at = &(*at)->next)
        if ((*at)->kind != WEIR_REGEX_END)
            tail = &(*at)->next;
    *has_end = *tail != NULL;
    *tail = NULL;
}

static weir_regex *without_anchors(weir_pda_builder *b, weir_regex *regex, bool is_whole,
                                   const char *where);

static weir_regex *sequence_without_anchors(weir_pda_builder *b, weir_regex *regex, bool is_whole,
                                            const char *where) {
    bool has_begin, has_end;
    weir_regex *only = regex->first;
    if (only && !only->next && (only->kind == WEIR_REGEX_CONCAT || only->kind == WEIR_REGEX_ALT))
        return without_anchors(b, only, is_whole, where);
    cut_anchors(regex, &has_begin, &has_end);
    only = regex->first;
    bool is_bare = is_whole || (has_begin && has_end);
    if (only && !only->next && is_bare && only->kind == WEIR_REGEX_ALT)
        return without_anchors(b, only, true, where);
    if (has_anchor(regex)) {
        weir_pda_refuse(b, WEIR_STATUS_UNSUPPORTED,
                        "%s: ^ and $ can be enforced only at the ends of the expression", where);
        return NULL;
    }
    if (is_bare)
        return regex;
    weir_regex *before = has_begin ? make(b, WEIR_REGEX_EMPTY, NULL) : any_text(b);
    weir_regex *after = has_end ? make(b, WEIR_REGEX_EMPTY, NULL) : any_text(b);
    weir_regex *middle = make(b, WEIR_REGEX_CONCAT, regex->first);
    if (!before || !after || !middle)
        return NULL;
    before->next = middle;
    middle->next = after;
    return make(b, WEIR_REGEX_CONCAT, before);
}

static weir_regex *without_anchors(weir_pda_builder *b, weir_regex *regex, bool is_whole,
                                   const char *where) {
    if (regex->kind != WEIR_REGEX_ALT) {
        weir_regex *sequence =
            regex->kind == WEIR_REGEX_CONCAT ? regex : make(b, WEIR_REGEX_CONCAT, regex);
        return sequence ? sequence_without_anchors(b, sequence, is_whole, where) : NULL;
    }
    weir_regex *first = NULL, **place = &first;
    for (weir_regex *child = regex->first, *next; child; child = next) {
        next = child->next;
        weir_regex *made = without_anchors(b, child, is_whole, where);
        /* A node of its own: the child may hang in another list. */
        weir_regex *item = made ? make(b, WEIR_REGEX_CONCAT, NULL) : NULL;
        if (!item)
            return NULL;
        *item = *made;
        item->next = NULL;
        *place = item;
        place = &item->next;
    }
    return make(b, WEIR_REGEX_ALT, first);
}

weir_regex *weir_regex_whole(weir_pda_builder *b, weir_regex *regex, const char *where) {
    return regex ? without_anchors(b, regex, true, where) : NULL;
}

weir_regex *weir_regex_anywhere(weir_pda_builder *b, weir_regex *regex, const char *where) {
    return regex ? without_anchors(b, regex, false, where) : NULL;
}

/* ---- lengths -------------------------------------------------------------------------------- */

#define NO_END UINT64_MAX

static uint64_t times(uint64_t a, uint64_t b) {
    if (a == 0 || b == 0)
        return 0;
    return a > NO_END / b ? NO_END : a * b;
}

static uint64_t plus(uint64_t a, uint64_t b) {
    return a > NO_END - b ? NO_END : a + b;
}

void weir_regex_lengths(const weir_regex *regex, uint64_t *min, uint64_t *max) {
    uint64_t low, high;
    *min = *max = 0;
    if (regex->kind == WEIR_REGEX_CLASS) {
        *min = *max = 1;
    } else if (regex->kind == WEIR_REGEX_REPEAT) {
        weir_regex_lengths(regex->first, &low, &high);
        *min = times(low, regex->min);
        *max = times(high, regex->max == WEIR_PDA_NO_LIMIT ? NO_END : regex->max);
    } else if (regex->kind == WEIR_REGEX_ALT) {
        *min = NO_END;
        for (const weir_regex *child = regex->first; child; child = child->next) {
            weir_regex_lengths(child, &low, &high);
            *min = low < *min ? low : *min;
            *max = high > *max ? high : *max;
        }
    } else {
        for (const weir_regex *child = regex->first; child; child = child->next) {
            weir_regex_lengths(child, &low, &high);
            *min = plus(*min, low);
            *max = plus(*max, high);
        }
    }
}

/* ---- nodes ---------------------------------------------------------------------------------- */

/* Children are in reading order, nodes are made from the end. */
static uint32_t sequence_nodes(weir_pda_builder *b, const weir_regex *first,
                               weir_regex_writer *write, uint32_t next) {
    size_t n = 0;
    for (const weir_regex *child = first; child; child = child->next)
        n++;
    const weir_regex **items = weir_pda_room(b, (n + 1) * sizeof *items);
    if (!items)
        return WEIR_PDA_AT_DEAD;
    n = 0;
    for (const weir_regex *child = first; child; child = child->next)
        items[n++] = child;
    while (n > 0)
        next = weir_regex_nodes(b, items[--n], write, next);
    return next;
}

uint32_t weir_regex_nodes(weir_pda_builder *b, const weir_regex *regex, weir_regex_writer *write,
                          uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD, body;
    switch (regex->kind) {
    case WEIR_REGEX_CLASS:
        return write(b, regex->ranges, regex->n_ranges, next);
    case WEIR_REGEX_ALT:
        for (const weir_regex *child = regex->first; child; child = child->next)
            node = weir_pda_either(b, node, weir_regex_nodes(b, child, write, next));
        return node;
    case WEIR_REGEX_REPEAT:
        if (regex->max == 1) {
            node = weir_regex_nodes(b, regex->first, write, next);
            return regex->min == 0 ? weir_pda_either(b, node, next) : node;
        }
        if (regex->max == 0)
            return next;
        body = weir_regex_nodes(b, regex->first, write, WEIR_PDA_AT_RETURN);
        return weir_pda_repeat(b, body, regex->min, regex->max, next);
    case WEIR_REGEX_CONCAT:
        return sequence_nodes(b, regex->first, write, next);
    case WEIR_REGEX_EMPTY:
    case WEIR_REGEX_BEGIN:
    case WEIR_REGEX_END:
        break;
    }
    return next;
}

/* Without sequences of one. */
static const weir_regex *only_child(const weir_regex *regex) {
    while (regex->kind == WEIR_REGEX_CONCAT && regex->first && !regex->first->next)
        regex = regex->first;
    return regex;
}

/* ---- the product with lengths --------------------------------------------------------------- */

/*
 * Nodes for each number of code points that were taken before, 0 to cap: exits [cap + 1] lead on,
 * entries [cap + 1] begin. Behind cap there is nothing, or (is_open) lengths no longer matter.
 */
typedef struct product {
    weir_pda_builder *b;
    weir_regex_writer *write;
    uint32_t cap;
    bool is_open;
    uint32_t work;
} product;

static uint32_t *make_exits(product *p) {
    p->work += p->cap + 1;
    if (p->work > MAX_WORK)
        return NULL;
    return weir_pda_room(p->b, (p->cap + (size_t)1) * sizeof(uint32_t));
}

static uint32_t *product_entries(product *p, const weir_regex *regex, const uint32_t *exits);

static uint32_t *class_entries(product *p, const weir_regex *regex, const uint32_t *exits) {
    uint32_t *entries = make_exits(p);
    if (!entries)
        return NULL;
    for (uint32_t n = 0; n < p->cap; n++)
        entries[n] = p->write(p->b, regex->ranges, regex->n_ranges, exits[n + 1]);
    entries[p->cap] = p->is_open ? p->write(p->b, regex->ranges, regex->n_ranges, exits[p->cap])
                                 : WEIR_PDA_AT_DEAD;
    return entries;
}

static uint32_t *merged(product *p, const uint32_t *left, const uint32_t *right) {
    uint32_t *out = left && right ? make_exits(p) : NULL;
    for (uint32_t n = 0; out && n <= p->cap; n++)
        out[n] = weir_pda_either(p->b, left[n], right[n]);
    return out;
}

/* Of one class: from the end, each entry leads to the next. */
static uint32_t *open_class_repeat(product *p, const weir_regex *body, const uint32_t *exits) {
    uint32_t *entries = make_exits(p);
    if (!entries)
        return NULL;
    entries[p->cap] = exits[p->cap];
    if (p->is_open) {
        uint32_t one = p->write(p->b, body->ranges, body->n_ranges, WEIR_PDA_AT_RETURN);
        entries[p->cap] = weir_pda_repeat(p->b, one, 0, WEIR_PDA_NO_LIMIT, exits[p->cap]);
    }
    for (uint32_t n = p->cap; n-- > 0;)
        entries[n] = weir_pda_either(p->b, exits[n],
                                     p->write(p->b, body->ranges, body->n_ranges, entries[n + 1]));
    return entries;
}

/* A repetition without a maximum: as many runs as there can be below cap, each at least one code
 * point long; at cap it is itself. */
static uint32_t *open_repeat(product *p, const weir_regex *regex, const uint32_t *exits) {
    const uint32_t *entries = exits;
    const weir_regex *body = only_child(regex->first);
    uint32_t n_runs = p->cap;
    if (body->kind == WEIR_REGEX_CLASS)
        return open_class_repeat(p, body, exits);
    for (uint32_t i = 0; i < n_runs && entries; i++) {
        uint32_t *once = product_entries(p, regex->first, entries);
        uint32_t *next = merged(p, exits, once);
        if (next && p->is_open) {
            weir_regex again = *regex;
            again.min = 0;
            next[p->cap] = weir_regex_nodes(p->b, &again, p->write, exits[p->cap]);
        }
        /* Nothing new: all further runs are the same. */
        if (next && memcmp(next, entries, (p->cap + (size_t)1) * sizeof *next) == 0)
            break;
        entries = next;
    }
    uint32_t *out = entries ? make_exits(p) : NULL;
    if (out)
        memcpy(out, entries, (p->cap + (size_t)1) * sizeof *out);
    return out;
}

static uint32_t *repeat_entries(product *p, const weir_regex *regex, const uint32_t *exits) {
    const uint32_t *entries = exits;
    uint32_t n_more = 0;
    if (regex->max == WEIR_PDA_NO_LIMIT) {
        entries = open_repeat(p, regex, exits);
    } else {
        /* More runs than cap have no room, unless empty ones, which add nothing. */
        n_more = regex->max - regex->min;
        n_more = !p->is_open && n_more > p->cap ? p->cap : n_more;
    }
    for (uint32_t i = 0; i < n_more && entries; i++)
        entries = merged(p, exits, product_entries(p, regex->first, entries));
    for (uint32_t i = 0; i < regex->min && entries; i++)
        entries = product_entries(p, regex->first, entries);
    uint32_t *out = entries ? make_exits(p) : NULL;
    if (out)
        memcpy(out, entries, (p->cap + (size_t)1) * sizeof *out);
    return out;
}

static uint32_t *sequence_entries(product *p, const weir_regex *child, const uint32_t *exits) {
    if (child) {
        exits = sequence_entries(p, child->next, exits);
        return exits ? product_entries(p, child, exits) : NULL;
    }
    uint32_t *out = make_exits(p);
    if (out)
        memcpy(out, exits, (p->cap + (size_t)1) * sizeof *out);
    return out;
}

/* NULL: no memory, or too large. */
static uint32_t *product_entries(product *p, const weir_regex *regex, const uint32_t *exits) {
    uint32_t *entries = NULL;
    if (!exits)
        return NULL;
    switch (regex->kind) {
    case WEIR_REGEX_CLASS:
        return class_entries(p, regex, exits);
    case WEIR_REGEX_REPEAT:
        return repeat_entries(p, regex, exits);
    case WEIR_REGEX_ALT:
        for (const weir_regex *child = regex->first; child; child = child->next) {
            uint32_t *other = product_entries(p, child, exits);
            entries = child == regex->first ? other : merged(p, entries, other);
        }
        return entries;
    case WEIR_REGEX_CONCAT:
    case WEIR_REGEX_EMPTY:
    case WEIR_REGEX_BEGIN:
    case WEIR_REGEX_END:
        break;
    }
    return sequence_entries(p, regex->first, exits);
}

/* One class, repeated: the counts are the lengths. */
static const weir_regex *only_repeat(const weir_regex *regex) {
    regex = only_child(regex);
    bool is_one =
        regex->kind == WEIR_REGEX_REPEAT && only_child(regex->first)->kind == WEIR_REGEX_CLASS;
    return is_one ? regex : NULL;
}

uint32_t weir_regex_bounded(weir_pda_builder *b, const weir_regex *regex, uint32_t min,
                            uint32_t max, weir_regex_writer *write, uint32_t next,
                            bool *is_too_large) {
    uint64_t low, high;
    *is_too_large = false;
    weir_regex_lengths(regex, &low, &high);
    if (low >= min && (max == WEIR_PDA_NO_LIMIT || high <= max))
        return weir_regex_nodes(b, regex, write, next);
    const weir_regex *repeat = only_repeat(regex);
    if (repeat) {
        weir_regex narrowed = *repeat;
        narrowed.min = min > repeat->min ? min : repeat->min;
        narrowed.max = max < repeat->max ? max : repeat->max;
        if (narrowed.min > narrowed.max)
            return WEIR_PDA_AT_DEAD;
        return weir_regex_nodes(b, &narrowed, write, next);
    }
    product p = {.b = b, .write = write, .is_open = max == WEIR_PDA_NO_LIMIT};
    p.cap = p.is_open ? min : max;
    uint32_t *exits = p.cap < MAX_WORK ? make_exits(&p) : NULL;
    for (uint32_t n = 0; exits && n <= p.cap; n++)
        exits[n] = n >= min ? next : WEIR_PDA_AT_DEAD;
    const uint32_t *entries = product_entries(&p, regex, exits);
    *is_too_large = !entries && b->status == WEIR_STATUS_OK;
    return entries ? entries[0] : WEIR_PDA_AT_DEAD;
}
