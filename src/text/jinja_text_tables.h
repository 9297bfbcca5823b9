/* jinja_text_tables.h: the form of the tables about characters. For jinja_text_char.c alone. */
#ifndef WEIR_TEXT_JINJA_TEXT_TABLES_H
#define WEIR_TEXT_JINJA_TEXT_TABLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct weir_jinja_range {
    uint32_t first, last;
} weir_jinja_range;

typedef struct weir_jinja_char_set {
    const weir_jinja_range *ranges; /* [n] ascending */
    size_t n;
} weir_jinja_char_set;

/* Every stride-th code point from first to last becomes itself + by. */
typedef struct weir_jinja_shift {
    uint32_t first, last, stride;
    int32_t by;
} weir_jinja_shift;

/* One code point becomes up to three; 0: none. */
typedef struct weir_jinja_expansion {
    uint32_t from, to[3];
} weir_jinja_expansion;

typedef struct weir_jinja_case_map {
    const weir_jinja_shift *shifts; /* [n_shifts] ascending */
    size_t n_shifts;
    const weir_jinja_expansion *expansions; /* [n_expansions] ascending */
    size_t n_expansions;
} weir_jinja_case_map;

/* str.isprintable, turned round */
extern const weir_jinja_char_set weir_jinja_unprintable;
extern const weir_jinja_char_set weir_jinja_alpha;
/* each without the one before */
extern const weir_jinja_char_set weir_jinja_decimal, weir_jinja_digit, weir_jinja_numeric;
extern const weir_jinja_char_set weir_jinja_uppercase, weir_jinja_lowercase, weir_jinja_titlecase;
/* what does not end a word for the rule of the final sigma */
extern const weir_jinja_char_set weir_jinja_case_ignorable;

/* title holds only what differs from upper, identity included. */
extern const weir_jinja_case_map weir_jinja_map_upper, weir_jinja_map_lower, weir_jinja_map_title;

#endif
