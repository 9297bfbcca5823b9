/*
 * pda_parts.c: parts of automata that several kinds of grammar are made of: lists of texts, code
 * points as UTF-8, free text up to a mark. Built with the public calls of pda.h alone.
 */
#include "text/pda.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of texts ------------------------------------------------------------------------- */

static int compare_texts(const void *left, const void *right) {
    const weir_pda_text *a = left, *b = right;
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n > 0 ? memcmp(a->text, b->text, n) : 0;
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

/* Sorted texts [n] from their byte `at` on. The depth is the number of places where texts divide,
 * so at most the length of the shortest of those that do; long equal parts are no recursion. */
static uint32_t divide(weir_pda_builder *b, const weir_pda_text *texts, size_t n, size_t at) {
    const weir_pda_text *first = &texts[0], *last = &texts[n - 1];
    size_t same = at;
    while (same < first->n && same < last->n && first->text[same] == last->text[same])
        same++;
    uint32_t node = WEIR_PDA_AT_DEAD;
    size_t i = 0;
    for (; i < n && texts[i].n == same; i++)
        node = weir_pda_either(b, node, texts[i].next);
    if (i < n) {
        uint32_t n_groups = 0, group = 0;
        for (size_t j = i; j < n; j++)
            n_groups += j == i || texts[j].text[same] != texts[j - 1].text[same];
        uint32_t split = weir_pda_split(b, n_groups);
        for (size_t j = i, end; j < n; j = end) {
            for (end = j + 1; end < n && texts[end].text[same] == texts[j].text[same];)
                end++;
            uint32_t rest = divide(b, texts + j, end - j, same + 1);
            weir_pda_set_target(b, split, group++,
                                weir_pda_symbol(b, (uint8_t)texts[j].text[same], rest));
        }
        node = weir_pda_either(b, node, split);
    }
    return weir_pda_literal(b, first->text + at, same - at, node);
}

uint32_t weir_pda_texts(weir_pda_builder *b, weir_pda_text *texts, size_t n) {
    if (n == 0 || b->status != WEIR_STATUS_OK)
        return WEIR_PDA_AT_DEAD;
    qsort(texts, n, sizeof *texts, compare_texts);
    return divide(b, texts, n, 0);
}

/* ---- code points ---------------------------------------------------------------------------- */

static uint32_t bytes_between(weir_pda_builder *b, uint32_t first, uint32_t last, uint32_t next) {
    weir_symbol_set set = {0};
    weir_symbol_add_range(&set, first, last);
    return weir_pda_symbols(b, &set, next);
}

/* All code points from first to last, which have UTF-8 of one length: divided until each byte has
 * a range of its own. */
static uint32_t codes_of_length(weir_pda_builder *b, uint32_t first, uint32_t last, size_t n,
                                uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (size_t i = n - 1; i > 0; i--) {
        /* The bytes behind i are free only if all of their values are there. */
        uint32_t low = ((uint32_t)1 << 6 * i) - 1;
        if (first >> 6 * i == last >> 6 * i)
            continue;
        if (first & low) {
            node = weir_pda_either(b, node, codes_of_length(b, first, first | low, n, next));
            first = (first | low) + 1;
        }
        if ((last & low) != low && first <= last) {
            node = weir_pda_either(b, node, codes_of_length(b, last & ~low, last, n, next));
            last = (last & ~low) - 1;
        }
        if (first > last)
            return node;
    }
    char low[WEIR_UTF8_MAX], high[WEIR_UTF8_MAX];
    weir_utf8_encode(first, low);
    weir_utf8_encode(last, high);
    uint32_t sequence = next;
    for (size_t i = n; i-- > 0;)
        sequence = bytes_between(b, (uint8_t)low[i], (uint8_t)high[i], sequence);
    return weir_pda_either(b, node, sequence);
}

/* A range that is cut where the length of UTF-8 changes, and around the surrogates. */
static uint32_t code_range(weir_pda_builder *b, uint32_t first, uint32_t last, uint32_t next) {
    static const struct {
        uint32_t first, last;
        size_t n;
    } parts[] = {{0, 0x7f, 1},
                 {0x80, 0x7ff, 2},
                 {0x800, 0xd7ff, 3},
                 {0xe000, 0xffff, 3},
                 {0x10000, 0x10ffff, 4}};
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (size_t i = 1; i < sizeof parts / sizeof *parts; i++) {
        uint32_t low = first > parts[i].first ? first : parts[i].first;
        uint32_t high = last < parts[i].last ? last : parts[i].last;
        if (low <= high)
            node = weir_pda_either(b, node, codes_of_length(b, low, high, parts[i].n, next));
    }
    return node;
}

uint32_t weir_pda_codes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                        uint32_t next) {
    /* All of ASCII is one set of bytes. */
    weir_symbol_set ascii = {0};
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].first < 0x80)
            weir_symbol_add_range(&ascii, ranges[i].first,
                                  ranges[i].last < 0x80 ? ranges[i].last : 0x7f);
        if (ranges[i].last >= 0x80)
            node = weir_pda_either(b, node, code_range(b, ranges[i].first, ranges[i].last, next));
    }
    return weir_pda_either(b, weir_pda_symbols(b, &ascii, next), node);
}

/* ---- free text ------------------------------------------------------------------------------ */

/* Knuth, Morris and Pratt: how much of the mark is matched when byte follows its first n. */
static size_t matched_after(const char *mark, size_t n, char byte) {
    for (size_t n_kept = n + 1; n_kept > 0; n_kept--)
        if (mark[n_kept - 1] == byte && memcmp(mark, mark + n + 1 - n_kept, n_kept - 1) == 0)
            return n_kept;
    return 0;
}

enum { MAX_MARK = 32 };

/* The bytes that lead from one state to the same next one. */
static void add_byte_targets(weir_pda_builder *b, const weir_pda_until *text, size_t n_mark,
                             const uint32_t *states, size_t state) {
    weir_symbol_set sets[MAX_MARK + 1] = {0};
    for (uint32_t byte = 0; byte < 256; byte++) {
        size_t to = n_mark > 0 ? matched_after(text->mark, state, (char)byte) : 0;
        weir_symbol_add(&sets[to], byte);
    }
    for (size_t to = 0; to <= n_mark; to++) {
        uint32_t next = n_mark > 0 && to == n_mark ? text->next : states[to];
        weir_pda_set_target(b, states[state], (uint32_t)to, weir_pda_symbols(b, &sets[to], next));
    }
}

uint32_t weir_pda_free_text(weir_pda_builder *b, const weir_pda_until *free_text) {
    size_t n_mark = free_text->mark ? strlen(free_text->mark) : 0;
    size_t n_states = n_mark > 0 ? n_mark : 1;
    uint32_t states[MAX_MARK];
    for (size_t i = 0; i < n_states; i++)
        states[i] = weir_pda_split(b, (uint32_t)n_mark + 3);
    for (size_t i = 0; i < n_states; i++) {
        add_byte_targets(b, free_text, n_mark, states, i);
        if (free_text->on_symbol < WEIR_SYMBOLS)
            weir_pda_set_target(b, states[i], (uint32_t)n_mark + 1,
                                weir_pda_symbol(b, free_text->on_symbol, free_text->on_next));
        if (free_text->may_end)
            weir_pda_set_target(b, states[i], (uint32_t)n_mark + 2, WEIR_PDA_AT_RETURN);
    }
    return states[0];
}
