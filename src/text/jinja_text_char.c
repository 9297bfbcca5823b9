/*
 * jinja_text_char.c: code points in UTF-8, what kind they are, and their upper and lower case.
 *
 * Owns no data but small sets; the large ones are in jinja_text_tables.c. Reads any bytes: what is
 * no UTF-8 counts as U+FFFD byte by byte. The context rule of the Greek final sigma is applied, as
 * Python does; no other language-dependent rule exists in either.
 */
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_text.h"
#include "text/jinja_text_tables.h"

enum { CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };

/* ---- UTF-8 --------------------------------------------------------------------------------- */

uint32_t weir_jinja_next_char(const char *data, size_t n, size_t *at) {
    uint32_t code;
    size_t n_used;
    weir_utf8_step(data + *at, n - *at, &code, &n_used);
    *at += n_used;
    return code;
}

size_t weir_jinja_char_before(const char *data, size_t at) {
    size_t start = at - 1;
    while (start > 0 && at - start < 4 && ((uint8_t)data[start] & 0xc0u) == 0x80u)
        start--;
    return start;
}

/* ---- kinds --------------------------------------------------------------------------------- */

static bool is_in(const weir_jinja_char_set *set, uint32_t c) {
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->n && set->ranges[low].first <= c;
}

bool weir_jinja_is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool weir_jinja_is_printable(uint32_t c) {
    return c < 0x7f ? c >= 0x20 : !is_in(&weir_jinja_unprintable, c);
}

bool weir_jinja_is_alpha(uint32_t c) {
    return is_in(&weir_jinja_alpha, c);
}

bool weir_jinja_is_decimal(uint32_t c) {
    return is_in(&weir_jinja_decimal, c);
}

bool weir_jinja_is_digit(uint32_t c) {
    return weir_jinja_is_decimal(c) || is_in(&weir_jinja_digit, c);
}

bool weir_jinja_is_numeric(uint32_t c) {
    return weir_jinja_is_digit(c) || is_in(&weir_jinja_numeric, c);
}

bool weir_jinja_is_upper(uint32_t c) {
    return is_in(&weir_jinja_uppercase, c);
}

bool weir_jinja_is_lower(uint32_t c) {
    return is_in(&weir_jinja_lowercase, c);
}

bool weir_jinja_is_title(uint32_t c) {
    return is_in(&weir_jinja_titlecase, c);
}

bool weir_jinja_is_cased(uint32_t c) {
    return weir_jinja_is_upper(c) || weir_jinja_is_lower(c) || weir_jinja_is_title(c);
}

/* ---- case ---------------------------------------------------------------------------------- */

/* The code points that c becomes; 0: the map does not say. */
static size_t map_char(const weir_jinja_case_map *map, uint32_t c, uint32_t out[3]) {
    size_t low = 0, high = map->n_shifts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->shifts[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < map->n_shifts && map->shifts[low].first <= c &&
        (c - map->shifts[low].first) % map->shifts[low].stride == 0) {
        out[0] = (uint32_t)((int32_t)c + map->shifts[low].by);
        return 1;
    }
    low = 0;
    high = map->n_expansions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->expansions[middle].from < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == map->n_expansions || map->expansions[low].from != c)
        return 0;
    memcpy(out, map->expansions[low].to, 3 * sizeof out[0]);
    return out[2] != 0 ? 3 : 2;
}

static size_t to_case(weir_jinja_case to, uint32_t c, uint32_t out[3]) {
    size_t n = 0;
    if (to == WEIR_JINJA_TITLE)
        n = map_char(&weir_jinja_map_title, c, out);
    if (n == 0)
        n = map_char(to == WEIR_JINJA_LOWER ? &weir_jinja_map_lower : &weir_jinja_map_upper, c,
                     out);
    if (n == 0)
        out[n++] = c;
    return n;
}

/* Is there a cased character in this direction, looking past those that do not count? */
static bool is_cased_before(const weir_jinja_string *s, size_t at) {
    while (at > 0) {
        size_t i = at = weir_jinja_char_before(s->data, at);
        uint32_t c = weir_jinja_next_char(s->data, s->n, &i);
        if (!is_in(&weir_jinja_case_ignorable, c))
            return weir_jinja_is_cased(c);
    }
    return false;
}

static bool is_cased_behind(const weir_jinja_string *s, size_t at) {
    while (at < s->n) {
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        if (!is_in(&weir_jinja_case_ignorable, c))
            return weir_jinja_is_cased(c);
    }
    return false;
}

/* A sigma that ends a word has its own small letter. The look around it is linear; a text of sigmas
 * and marks alone pays for it in steps. */
static weir_status lower_sigma(weir_jinja_builder *b, const weir_jinja_string *s, size_t at,
                               size_t end, uint32_t *out) {
    bool is_final = is_cased_before(s, at) && !is_cased_behind(s, end);
    *out = is_final ? FINAL_SIGMA : CAPITAL_SIGMA + 0x20;
    return weir_jinja_step(b->run, s->n_chars == s->n ? 1 : s->n / 16);
}

static weir_status add_cased(weir_jinja_builder *b, const weir_jinja_string *s, weir_jinja_case to,
                             size_t at, size_t end, uint32_t c) {
    uint32_t chars[3];
    char text[12];
    size_t n = to_case(to, c, chars), n_bytes = 0;
    if (c == CAPITAL_SIGMA && to == WEIR_JINJA_LOWER)
        WEIR_TRY(lower_sigma(b, s, at, end, &chars[0]));
    for (size_t i = 0; i < n; i++)
        n_bytes += weir_utf8_encode(chars[i], text + n_bytes);
    return weir_jinja_add(b, text, n_bytes, weir_jinja_origin_at(s, at));
}

/* Is what follows c the inside of a word? */
static bool goes_on(weir_jinja_case to, uint32_t c) {
    if (to == WEIR_JINJA_WORDS)
        return !weir_jinja_is_space(c) && (c == 0 || c >= 0x80 || strchr("-({[<", (int)c) == NULL);
    return to == WEIR_JINJA_CAPITALIZE || weir_jinja_is_cased(c);
}

weir_status weir_jinja_change_case(weir_jinja_run *run, const weir_jinja_string *s,
                                   weir_jinja_case to, weir_jinja_value *out) {
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, s->n));
    WEIR_TRY(weir_jinja_step(run, s->n));
    bool is_inside = false; /* a word, or behind the first character */
    weir_jinja_case first = to == WEIR_JINJA_WORDS ? WEIR_JINJA_UPPER : WEIR_JINJA_TITLE;
    for (size_t at = 0; at < s->n;) {
        size_t start = at;
        uint32_t c = weir_jinja_next_char(s->data, s->n, &at);
        weir_jinja_case mine = to;
        if (to != WEIR_JINJA_UPPER && to != WEIR_JINJA_LOWER)
            mine = is_inside ? WEIR_JINJA_LOWER : first;
        is_inside = goes_on(to, c);
        WEIR_TRY(add_cased(&b, s, mine, start, at, c));
    }
    return weir_jinja_built(&b, out);
}
