/*
 * regex_class.c: sets of code points: adding, tidying, inverting, and the classes that have
 * letters. Invariant: a tidy set has ascending ranges with gaps between them.
 */
#include "text/regex_class.h"

#include <stdlib.h>
#include <string.h>

enum { LAST_CODE = 0x10ffff };

static int compare_ranges(const void *left, const void *right) {
    const weir_code_range *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

size_t weir_regex_tidy(weir_code_range *ranges, size_t n) {
    size_t n_out = 0;
    qsort(ranges, n, sizeof *ranges, compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (n_out > 0 && ranges[i].first <= ranges[n_out - 1].last + 1) {
            if (ranges[i].last > ranges[n_out - 1].last)
                ranges[n_out - 1].last = ranges[i].last;
        } else {
            ranges[n_out++] = ranges[i];
        }
    }
    return n_out;
}

size_t weir_regex_invert(const weir_code_range *ranges, size_t n, weir_code_range *out) {
    size_t n_out = 0;
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].first > from)
            out[n_out++] = (weir_code_range){from, ranges[i].first - 1};
        from = ranges[i].last + 1;
    }
    if (from <= LAST_CODE)
        out[n_out++] = (weir_code_range){from, LAST_CODE};
    return n_out;
}

void weir_class_add(weir_class *to, uint32_t first, uint32_t last) {
    if (to->n == WEIR_CLASS_RANGES)
        to->n = weir_regex_tidy(to->ranges, to->n);
    if (to->n == WEIR_CLASS_RANGES)
        to->is_full = true;
    else
        to->ranges[to->n++] = (weir_code_range){first, last};
}

static const weir_code_range digits[] = {{'0', '9'}};
static const weir_code_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const weir_code_range spaces[] = {{'\t', '\r'}, {' ', ' '}};
/* What ECMA, Python or PCRE may count as white space. */
static const weir_code_range wide_spaces[] = {{'\t', '\r'},     {0x1c, ' '},      {0x85, 0x85},
                                              {0xa0, 0xa0},     {0x1680, 0x1680}, {0x180e, 0x180e},
                                              {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f},
                                              {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};

bool weir_class_add_letter(weir_class *to, char letter, bool is_inverted) {
    weir_code_range inverted[WEIR_COUNT(wide_spaces) + 1];
    const weir_code_range *ranges;
    size_t n;
    bool is_upper = letter >= 'A' && letter <= 'Z';
    switch (letter) {
    case 'd':
    case 'D':
        ranges = digits;
        n = WEIR_COUNT(digits);
        break;
    case 'w':
    case 'W':
        ranges = words;
        n = WEIR_COUNT(words);
        break;
    case 's':
    case 'S':
        ranges = is_upper != is_inverted ? wide_spaces : spaces;
        n = is_upper != is_inverted ? WEIR_COUNT(wide_spaces) : WEIR_COUNT(spaces);
        break;
    default:
        return false;
    }
    if (is_upper) {
        n = weir_regex_invert(ranges, n, inverted);
        ranges = inverted;
    }
    for (size_t i = 0; i < n; i++)
        weir_class_add(to, ranges[i].first, ranges[i].last);
    return true;
}

weir_code_range *weir_class_end(weir_pda_builder *b, weir_class *from, bool is_inverted,
                                size_t *n) {
    *n = 0;
    if (from->is_full) {
        weir_pda_refuse(b, WEIR_STATUS_UNSUPPORTED, "a class of more than %d ranges",
                        WEIR_CLASS_RANGES);
        return NULL;
    }
    from->n = weir_regex_tidy(from->ranges, from->n);
    weir_code_range *out = weir_pda_room(b, (from->n + 1) * sizeof *out);
    if (!out)
        return NULL;
    if (is_inverted) {
        *n = weir_regex_invert(from->ranges, from->n, out);
    } else {
        memcpy(out, from->ranges, from->n * sizeof *out);
        *n = from->n;
    }
    return out;
}
