/*
 * grammar_decimal.c: decimal numbers, exactly. Owns reading, comparing and rounding; what ranges
 * look like as automata is json_schema_number.c's.
 */
#include "text/grammar_decimal.h"

#include <string.h>

static void trim(weir_decimal *a) {
    size_t n_zeros = 0;
    while (n_zeros < a->n_whole && a->whole[n_zeros] == '0')
        n_zeros++;
    a->n_whole -= n_zeros;
    memmove(a->whole, a->whole + n_zeros, a->n_whole);
    while (a->n_fraction > 0 && a->fraction[a->n_fraction - 1] == '0')
        a->n_fraction--;
    if (a->n_whole + a->n_fraction == 0)
        a->is_negative = false;
}

/* Digits of a number as written, the point taken out. */
typedef struct digits {
    const char *text;
    size_t n;
    long exponent; /* of the last digit */
} digits;

static char digit_at(const digits *d, size_t i) {
    /* Skips the point. */
    const char *point = memchr(d->text, '.', d->n);
    size_t at = point && (size_t)(point - d->text) <= i ? i + 1 : i;
    return d->text[at];
}

bool weir_decimal_read(weir_decimal *out, const char *text, size_t n) {
    *out = (weir_decimal){0};
    digits d = {text, n, 0};
    if (n > 0 && *text == '-') {
        out->is_negative = true;
        d.text++;
        d.n--;
    }
    for (size_t i = 0; i < d.n; i++) {
        if (d.text[i] != 'e' && d.text[i] != 'E')
            continue;
        bool is_minus = i + 1 < d.n && d.text[i + 1] == '-';
        for (size_t j = i + 1; j < d.n; j++)
            if (d.text[j] >= '0' && d.text[j] <= '9' && d.exponent < 100000)
                d.exponent = d.exponent * 10 + (d.text[j] - '0');
        d.exponent = is_minus ? -d.exponent : d.exponent;
        d.n = i;
    }
    const char *point = memchr(d.text, '.', d.n);
    size_t n_digits = point ? d.n - 1 : d.n;
    d.exponent -= point ? (long)(d.n - 1 - (size_t)(point - d.text)) : 0;
    /* Digit i has the weight 10^(exponent + n_digits - 1 - i). */
    for (size_t i = 0; i < n_digits; i++) {
        char c = digit_at(&d, i);
        long weight = d.exponent + (long)(n_digits - 1 - i);
        if (c == '0')
            continue;
        if (weight >= WEIR_DECIMAL_DIGITS || weight < -WEIR_DECIMAL_DIGITS)
            return false;
        if (weight >= 0) {
            if (out->n_whole == 0) {
                out->n_whole = (size_t)weight + 1;
                memset(out->whole, '0', out->n_whole);
            }
            out->whole[out->n_whole - 1 - (size_t)weight] = c;
        } else {
            while (out->n_fraction < (size_t)-weight)
                out->fraction[out->n_fraction++] = '0';
            out->fraction[-weight - 1] = c;
        }
    }
    trim(out);
    return true;
}

bool weir_decimal_is_zero(const weir_decimal *a) {
    return a->n_whole + a->n_fraction == 0;
}

static int compare_magnitude(const weir_decimal *a, const weir_decimal *b) {
    if (a->n_whole != b->n_whole)
        return a->n_whole < b->n_whole ? -1 : 1;
    int order = memcmp(a->whole, b->whole, a->n_whole);
    if (order != 0)
        return order;
    size_t n = a->n_fraction < b->n_fraction ? a->n_fraction : b->n_fraction;
    order = memcmp(a->fraction, b->fraction, n);
    return order != 0 ? order : (a->n_fraction > b->n_fraction) - (a->n_fraction < b->n_fraction);
}

int weir_decimal_compare(const weir_decimal *a, const weir_decimal *b) {
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    int order = compare_magnitude(a, b);
    return a->is_negative ? -order : order;
}

/* The magnitude of a whole number, one more or one less (not of 0). */
static bool step_magnitude(weir_decimal *a, bool is_more) {
    size_t i = a->n_whole;
    while (i > 0) {
        char *digit = &a->whole[--i];
        if (is_more && *digit < '9') {
            ++*digit;
            return true;
        }
        if (!is_more && *digit > '0') {
            --*digit;
            trim(a);
            return true;
        }
        *digit = is_more ? '0' : '9';
    }
    if (a->n_whole == WEIR_DECIMAL_DIGITS)
        return false;
    memmove(a->whole + 1, a->whole, a->n_whole++);
    a->whole[0] = '1';
    return true;
}

bool weir_decimal_round(weir_decimal *a, bool is_up, bool is_equal_good) {
    bool was_whole = a->n_fraction == 0, was_negative = a->is_negative;
    a->n_fraction = 0;
    trim(a);
    if (was_whole && is_equal_good)
        return true;
    if (weir_decimal_is_zero(a) && was_whole) {
        a->is_negative = !is_up;
        return step_magnitude(a, true);
    }
    /* Cutting the fraction off has gone towards 0 already. */
    bool is_outwards = is_up != was_negative;
    if (!was_whole && !is_outwards)
        return true;
    a->is_negative = was_negative;
    return step_magnitude(a, is_outwards);
}
