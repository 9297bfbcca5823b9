/*
 * grammar_decimal.h: numbers as strings of decimal digits, as the limits of a schema are written:
 * exact, whatever their size.
 */
#ifndef WEIR_TEXT_GRAMMAR_DECIMAL_H
#define WEIR_TEXT_GRAMMAR_DECIMAL_H

#include "weir.h"

enum { WEIR_DECIMAL_DIGITS = 64 };

/* Without zeros in front of the whole part and behind the fraction; 0 has no digits and is not
 * negative. */
typedef struct weir_decimal {
    bool is_negative;
    char whole[WEIR_DECIMAL_DIGITS]; /* [n_whole] '0' to '9' */
    size_t n_whole;
    char fraction[WEIR_DECIMAL_DIGITS]; /* [n_fraction] */
    size_t n_fraction;
} weir_decimal;

/* A number of JSON; false: it has more digits than there is room for. */
bool weir_decimal_read(weir_decimal *out, const char *text, size_t n);
int weir_decimal_compare(const weir_decimal *a, const weir_decimal *b);
bool weir_decimal_is_zero(const weir_decimal *a);
/* The next whole number above (below), the number itself if it is whole and is_equal_good. False:
 * too long. */
bool weir_decimal_round(weir_decimal *a, bool is_up, bool is_equal_good);

#endif
