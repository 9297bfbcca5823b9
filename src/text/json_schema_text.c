/*
 * json_schema_text.c: the text of JSON as nodes: white space, words, strings in all their
 * spellings, values that are given. Does not own what schemas allow.
 */
#include "base/utf8.h"
#include "text/json_schema.h"

#include <string.h>

/* ---- white space ---------------------------------------------------------------------------- */

/* Nothing, one space, or a line feed and the indentation of up to 8 levels. */
static uint32_t make_space_rule(weir_schema_build *s) {
    enum { MAX_SPACES = 32, MAX_TABS = 8 };
    weir_pda_builder *b = s->b;
    uint32_t end = WEIR_PDA_AT_RETURN;
    uint32_t spaces = weir_pda_repeat(b, weir_pda_symbol(b, ' ', end), 1, MAX_SPACES, end);
    uint32_t tabs = weir_pda_repeat(b, weir_pda_symbol(b, '\t', end), 1, MAX_TABS, end);
    uint32_t indent = weir_pda_either(b, end, weir_pda_either(b, spaces, tabs));
    uint32_t line = weir_pda_symbol(b, '\n', indent);
    line = weir_pda_either(b, line, weir_pda_symbol(b, '\r', line));
    uint32_t rule = weir_pda_rule(b);
    weir_pda_set_rule(
        b, rule, weir_pda_either(b, end, weir_pda_either(b, weir_pda_symbol(b, ' ', end), line)));
    return rule;
}

uint32_t weir_schema_space(weir_schema_build *s, uint32_t next) {
    if (!s->any_space)
        return next;
    if (s->space_rule == 0)
        s->space_rule = make_space_rule(s) + 1;
    return weir_pda_call(s->b, s->space_rule - 1, next);
}

uint32_t weir_schema_gap(weir_schema_build *s, uint32_t next) {
    if (s->any_space)
        return weir_schema_space(s, next);
    return weir_pda_either(s->b, weir_pda_symbol(s->b, ' ', next), next);
}

uint32_t weir_schema_comma(weir_schema_build *s, uint32_t next) {
    return weir_schema_space(s, weir_pda_symbol(s->b, ',', weir_schema_gap(s, next)));
}

uint32_t weir_schema_colon(weir_schema_build *s, uint32_t next) {
    return weir_schema_space(s, weir_pda_symbol(s->b, ':', weir_schema_gap(s, next)));
}

/* ---- words ---------------------------------------------------------------------------------- */

static uint32_t word(weir_schema_build *s, const char *json, const char *python, uint32_t next) {
    uint32_t node = weir_pda_word(s->b, json, next);
    return s->is_python ? weir_pda_either(s->b, weir_pda_word(s->b, python, next), node) : node;
}

uint32_t weir_schema_words(weir_schema_build *s, uint32_t types, uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    if (types & WEIR_TYPE_NULL)
        node = word(s, "null", "None", next);
    if (types & WEIR_TYPE_BOOLEAN)
        node = weir_pda_either(
            s->b, node,
            weir_pda_either(s->b, word(s, "true", "True", next), word(s, "false", "False", next)));
    return node;
}

/* ---- code points in strings ----------------------------------------------------------------- */

static bool has_code(const weir_code_range *ranges, size_t n, uint32_t code) {
    for (size_t i = 0; i < n; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* The part of ranges [n] between first and last; out has room for n. */
static size_t clip(const weir_code_range *ranges, size_t n, uint32_t first, uint32_t last,
                   weir_code_range *out) {
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t low = ranges[i].first > first ? ranges[i].first : first;
        uint32_t high = ranges[i].last < last ? ranges[i].last : last;
        if (low <= high)
            out[n_out++] = (weir_code_range){low, high};
    }
    return n_out;
}

static uint32_t hex_digit(weir_pda_builder *b, uint32_t first, uint32_t last, uint32_t next) {
    weir_symbol_set set = {0};
    for (uint32_t digit = first; digit <= last; digit++) {
        weir_symbol_add(&set, (uint8_t) "0123456789abcdef"[digit]);
        weir_symbol_add(&set, (uint8_t) "0123456789ABCDEF"[digit]);
    }
    return weir_pda_symbols(b, &set, next);
}

/* All numbers from first to last as n hexadecimal digits. */
static uint32_t hex_range(weir_pda_builder *b, uint32_t first, uint32_t last, uint32_t n,
                          uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t low = ((uint32_t)1 << 4 * i) - 1;
        if (first >> 4 * i == last >> 4 * i)
            continue;
        if (first & low) {
            node = weir_pda_either(b, node, hex_range(b, first, first | low, n, next));
            first = (first | low) + 1;
        }
        if ((last & low) != low && first <= last) {
            node = weir_pda_either(b, node, hex_range(b, last & ~low, last, n, next));
            last = (last & ~low) - 1;
        }
        if (first > last)
            return node;
    }
    uint32_t digits = next;
    for (uint32_t i = 0; i < n; i++)
        digits = hex_digit(b, first >> 4 * i & 15u, last >> 4 * i & 15u, digits);
    return weir_pda_either(b, node, digits);
}

/* \uXXXX behind its backslash. */
static uint32_t short_hex(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                          uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (size_t i = 0; i < n; i++) {
        weir_code_range parts[2];
        size_t n_parts = clip(&ranges[i], 1, 0, 0xd7ff, parts);
        n_parts += clip(&ranges[i], 1, 0xe000, 0xffff, parts + n_parts);
        for (size_t j = 0; j < n_parts; j++)
            node = weir_pda_either(b, node, hex_range(b, parts[j].first, parts[j].last, 4, next));
    }
    return weir_pda_symbol(b, 'u', node);
}

/* Code points first to last behind \u as two halves. */
static uint32_t pair_range(weir_pda_builder *b, uint32_t first, uint32_t last, uint32_t next) {
    uint32_t high_first = 0xd800 + ((first - 0x10000) >> 10);
    uint32_t high_last = 0xd800 + ((last - 0x10000) >> 10);
    uint32_t node = WEIR_PDA_AT_DEAD;
    while (high_first <= high_last) {
        uint32_t low_first = 0xdc00 + (first & 0x3ffu), low_last = 0xdfff, to = high_first;
        if (high_first == high_last)
            low_last = 0xdc00 + (last & 0x3ffu);
        else if (low_first == 0xdc00)
            /* Whole blocks go together, up to the last, which may be cut off. */
            to = (last & 0x3ffu) == 0x3ffu ? high_last : high_last - 1;
        if (to == high_last)
            low_last = 0xdc00 + (last & 0x3ffu);
        uint32_t low = weir_pda_word(b, "\\u", hex_range(b, low_first, low_last, 4, next));
        node = weir_pda_either(b, node, hex_range(b, high_first, to, 4, low));
        high_first = to + 1;
        first = 0x10000 + ((high_first - 0xd800) << 10);
    }
    return node;
}

static uint32_t long_hex(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                         uint32_t next) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    weir_code_range part;
    for (size_t i = 0; i < n; i++)
        if (clip(&ranges[i], 1, 0x10000, 0x10ffff, &part) == 1)
            node = weir_pda_either(b, node, pair_range(b, part.first, part.last, next));
    return weir_pda_symbol(b, 'u', node);
}

/* As UTF-8, without what has to be escaped. */
static uint32_t unescaped(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                          uint32_t next) {
    static const weir_code_range plain[] = {
        {0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, 0x10ffff}};
    uint32_t node = WEIR_PDA_AT_DEAD;
    weir_symbol_set ascii = {0};
    for (uint32_t code = 0x20; code < 0x80; code++)
        if (code != '"' && code != '\\' && has_code(ranges, n, code))
            weir_symbol_add(&ascii, code);
    for (size_t i = 0; i < n; i++) {
        weir_code_range part;
        if (clip(&ranges[i], 1, 0x80, plain[2].last, &part) == 1)
            node = weir_pda_either(b, node, weir_pda_codes(b, &part, 1, next));
    }
    return weir_pda_either(b, weir_pda_symbols(b, &ascii, next), node);
}

static uint32_t short_escapes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                              bool has_slash, uint32_t next) {
    static const char letters[] = "\"\\bfnrt/", meant[] = "\"\\\b\f\n\r\t/";
    weir_symbol_set set = {0};
    for (size_t i = 0; letters[i]; i++)
        if (has_code(ranges, n, (uint8_t)meant[i]) && (letters[i] != '/' || has_slash))
            weir_symbol_add(&set, (uint8_t)letters[i]);
    return weir_pda_symbols(b, &set, next);
}

static uint32_t all_spellings(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                              bool has_slash, uint32_t next) {
    uint32_t escaped = weir_pda_either(
        b, short_escapes(b, ranges, n, has_slash, next),
        weir_pda_either(b, short_hex(b, ranges, n, next), long_hex(b, ranges, n, next)));
    return weir_pda_either(b, unescaped(b, ranges, n, next), weir_pda_symbol(b, '\\', escaped));
}

uint32_t weir_json_codes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                         uint32_t next) {
    return all_spellings(b, ranges, n, true, next);
}

uint32_t weir_json_python_codes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                                uint32_t next) {
    return all_spellings(b, ranges, n, false, next);
}

/* Escapes only where there is no other way, and the shortest. */
uint32_t weir_json_plain_codes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                               uint32_t next) {
    uint32_t control = WEIR_PDA_AT_DEAD;
    for (uint32_t code = 0; code < 0x20; code++) {
        if (!has_code(ranges, n, code) || (code >= '\b' && code <= '\r' && code != '\v'))
            continue;
        char hex[] = {'u', '0', '0', (char)('0' + code / 16), "0123456789abcdef"[code % 16], 0};
        control = weir_pda_either(b, control, weir_pda_word(b, hex, next));
    }
    uint32_t escaped = weir_pda_either(b, short_escapes(b, ranges, n, false, next), control);
    return weir_pda_either(b, unescaped(b, ranges, n, next), weir_pda_symbol(b, '\\', escaped));
}

uint32_t weir_schema_chars(weir_schema_build *s, uint32_t min, uint32_t max, uint32_t next) {
    static const weir_code_range all = {0, 0x10ffff};
    if (s->char_rule == 0)
        s->char_rule = (s->is_python ? weir_json_python_codes
                                     : weir_json_codes)(s->b, &all, 1, WEIR_PDA_AT_RETURN) +
                       1;
    return weir_pda_repeat(s->b, s->char_rule - 1, min, max, next);
}

/* ---- given values --------------------------------------------------------------------------- */

const char *weir_schema_spell(weir_schema_build *s, const char *text, size_t n, size_t *n_out) {
    static const char meant[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    char *out = weir_pda_room(s->b, 6 * n + 3);
    size_t at = 0;
    *n_out = 0;
    if (!out)
        return NULL;
    out[at++] = '"';
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];
        const char *letter = c != 0 ? strchr(meant, c) : NULL;
        if (letter) {
            out[at++] = '\\';
            out[at++] = letters[letter - meant];
        } else if (c < 0x20) {
            memcpy(out + at, "\\u00", 4);
            out[at + 4] = (char)('0' + c / 16);
            out[at + 5] = "0123456789abcdef"[c % 16];
            at += 6;
        } else {
            out[at++] = text[i];
        }
    }
    out[at++] = '"';
    *n_out = at;
    return out;
}

uint32_t weir_schema_quoted(weir_schema_build *s, const char *text, size_t n, uint32_t next) {
    size_t n_spelled;
    const char *spelled = weir_schema_spell(s, text, n, &n_spelled);
    return spelled ? weir_pda_literal(s->b, spelled, n_spelled, next) : WEIR_PDA_AT_DEAD;
}

static uint32_t literal_children(weir_schema_build *s, const weir_doc *child, uint32_t next) {
    if (!child)
        return next;
    /* From the end: what follows first. The depth is the number of children. */
    if (child->next)
        next = weir_schema_comma(s, literal_children(s, child->next, next));
    uint32_t node = weir_schema_literal(s, child, next);
    return child->key ? weir_schema_quoted(s, child->key, child->n_key, weir_schema_colon(s, node))
                      : node;
}

uint32_t weir_schema_literal(weir_schema_build *s, const weir_doc *value, uint32_t next) {
    uint32_t node;
    switch (value->kind) {
    case WEIR_DOC_NULL:
        return weir_schema_words(s, WEIR_TYPE_NULL, next);
    case WEIR_DOC_TRUE:
        return word(s, "true", "True", next);
    case WEIR_DOC_FALSE:
        return word(s, "false", "False", next);
    case WEIR_DOC_NUMBER:
        return weir_pda_literal(s->b, value->text, value->n_text, next);
    case WEIR_DOC_STRING:
        return weir_schema_quoted(s, value->text, value->n_text, next);
    case WEIR_DOC_ARRAY:
    case WEIR_DOC_OBJECT:
        break;
    }
    bool is_object = value->kind == WEIR_DOC_OBJECT;
    if (value->n_children > 1000)
        return weir_schema_unsupported(s, value, NULL, "a value of more than 1,000 members");
    node = weir_schema_space(s, weir_pda_symbol(s->b, is_object ? '}' : ']', next));
    node = literal_children(s, value->first, node);
    return weir_pda_symbol(s->b, is_object ? '{' : '[',
                           value->first ? weir_schema_space(s, node) : node);
}
