/*
 * regex_ast.h: regular expressions as trees, and automata out of them.
 *
 * The language is what ECMA 262, Python and PCRE have in common; where they differ the narrower
 * meaning is taken, so that a text that fits here fits everywhere. Matching is by code points.
 * Look-around, back-references, word boundaries, flags and Unicode properties are refused.
 */
#ifndef WEIR_TEXT_REGEX_AST_H
#define WEIR_TEXT_REGEX_AST_H

#include "text/pda.h"

typedef enum weir_regex_kind {
    WEIR_REGEX_EMPTY = 0, /* nothing */
    WEIR_REGEX_CLASS = 1, /* one code point of ranges; of no ranges: nothing fits */
    WEIR_REGEX_CONCAT = 2,
    WEIR_REGEX_ALT = 3,
    WEIR_REGEX_REPEAT = 4,
    WEIR_REGEX_BEGIN = 5,
    WEIR_REGEX_END = 6
} weir_regex_kind;

typedef struct weir_regex {
    weir_regex_kind kind;
    struct weir_regex *first, *next; /* first child; next sibling */
    uint32_t min, max;               /* of REPEAT; max WEIR_PDA_NO_LIMIT: any number */
    weir_code_range *ranges;         /* [n_ranges] ascending and apart */
    size_t n_ranges;
} weir_regex;

/* NULL after a failure, BAD_ARGUMENT or UNSUPPORTED; `where` begins its line. */
weir_regex *weir_regex_parse(weir_pda_builder *b, const char *text, size_t n, const char *where);

/* The same without anchors: what the whole text is, or a text with a match anywhere in it.
 * UNSUPPORTED for anchors in the middle. */
weir_regex *weir_regex_whole(weir_pda_builder *b, weir_regex *regex, const char *where);
weir_regex *weir_regex_anywhere(weir_pda_builder *b, weir_regex *regex, const char *where);

/* The fewest and most code points of a match; *max UINT64_MAX: no limit. */
void weir_regex_lengths(const weir_regex *regex, uint64_t *min, uint64_t *max);

/* How code points are written: weir_pda_codes, or inside a string of JSON. */
typedef uint32_t weir_regex_writer(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                                   uint32_t next);

/* Both for expressions without anchors. */
uint32_t weir_regex_nodes(weir_pda_builder *b, const weir_regex *regex, weir_regex_writer *write,
                          uint32_t next);
/* Only matches of min to max code points (max WEIR_PDA_NO_LIMIT: none). WEIR_PDA_AT_DEAD and
 * *is_too_large if that takes too many nodes. */
uint32_t weir_regex_bounded(weir_pda_builder *b, const weir_regex *regex, uint32_t min,
                            uint32_t max, weir_regex_writer *write, uint32_t next,
                            bool *is_too_large);

/* ranges [n], any order, made ascending and apart in place; returns how many are left. */
size_t weir_regex_tidy(weir_code_range *ranges, size_t n);
/* All code points but those of tidy ranges [n]; out has room for n + 1. */
size_t weir_regex_invert(const weir_code_range *ranges, size_t n, weir_code_range *out);

#endif
