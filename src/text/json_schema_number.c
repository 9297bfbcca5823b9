/*
 * json_schema_number.c: numbers and integers, their limits and multiples, as automata over digits.
 *
 * Owns what forms a number may have. Integers are plain digits. Numbers without limits may have a
 * fraction and an exponent; with limits they have no exponent, so that digits are compared from
 * left to right. Invariant: whatever is accepted lies within the limits exactly, not as a double.
 */
#include "text/grammar_decimal.h"
#include "text/json_schema.h"

#include <string.h>

enum { MAX_DIGITS = WEIR_DECIMAL_DIGITS, MAX_FRACTION = 64, MAX_DIVISOR = 1000 };
/* Of multiples without a limit: what 64 bits hold. */
enum { MAX_MULTIPLE_DIGITS = 18 };

/* What numbers of a set are bound by. */
typedef struct limits {
    bool has_low, has_high, is_low_open, is_high_open;
    weir_decimal low, high;
    bool is_integer;
    uint32_t divisor;      /* of integers; 1: none */
    uint32_t max_fraction; /* digits */
} limits;

/* Magnitudes between two limits; of the digits so far `is_low` says that they are those of low. */
typedef struct digits {
    weir_schema_build *s;
    const limits *l;
    weir_decimal low, high;
    bool has_high, is_low_open, is_high_open;
    uint32_t next;
    uint32_t *loose; /* [MAX_DIGITS + 1][divisor] nodes of free digits + 1, by how many are left */
} digits;

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_number(weir_schema_build *s, const weir_doc *doc, const char *key,
                        weir_decimal *out) {
    const weir_doc *value = weir_doc_get(doc, key);
    if (!value)
        return false;
    if (value->kind != WEIR_DOC_NUMBER) {
        weir_schema_bad(s, doc, key, "a number");
        return false;
    }
    if (!weir_decimal_read(out, value->text, value->n_text)) {
        weir_schema_unsupported(s, doc, key, "a number of more than 64 digits");
        return false;
    }
    return true;
}

static void raise_low(limits *l, const weir_decimal *low, bool is_open) {
    int order = l->has_low ? weir_decimal_compare(low, &l->low) : 1;
    if (order < 0)
        return;
    l->is_low_open = order == 0 ? l->is_low_open || is_open : is_open;
    l->low = *low;
    l->has_low = true;
}

static void lower_high(limits *l, const weir_decimal *high, bool is_open) {
    int order = l->has_high ? weir_decimal_compare(high, &l->high) : -1;
    if (order > 0)
        return;
    l->is_high_open = order == 0 ? l->is_high_open || is_open : is_open;
    l->high = *high;
    l->has_high = true;
}

/* exclusiveX is a limit of its own, or in draft 4 a word about the limit X. */
static bool is_word(const weir_doc *doc, const char *key) {
    const weir_doc *value = weir_doc_get(doc, key);
    return value && (value->kind == WEIR_DOC_TRUE || value->kind == WEIR_DOC_FALSE);
}

static bool is_open(const weir_doc *doc, const char *key) {
    const weir_doc *value = weir_doc_get(doc, key);
    return value && value->kind == WEIR_DOC_TRUE;
}

static void check_word(weir_schema_build *s, const weir_doc *doc, const char *key,
                       const char *base) {
    if (is_word(doc, key) && !weir_doc_get(doc, base))
        weir_schema_bad(s, doc, key, "a number, or a limit beside it");
}

static void read_limits_of(weir_schema_build *s, const weir_doc *doc, limits *l) {
    weir_decimal number;
    check_word(s, doc, "exclusiveMinimum", "minimum");
    check_word(s, doc, "exclusiveMaximum", "maximum");
    if (read_number(s, doc, "minimum", &number))
        raise_low(l, &number, is_open(doc, "exclusiveMinimum"));
    if (read_number(s, doc, "maximum", &number))
        lower_high(l, &number, is_open(doc, "exclusiveMaximum"));
    if (!is_word(doc, "exclusiveMinimum") && read_number(s, doc, "exclusiveMinimum", &number))
        raise_low(l, &number, true);
    if (!is_word(doc, "exclusiveMaximum") && read_number(s, doc, "exclusiveMaximum", &number))
        lower_high(l, &number, true);
}

/* Is it 10^-n, n >= 0? */
static bool is_tenth(const weir_decimal *number, uint32_t *n) {
    *n = (uint32_t)number->n_fraction;
    if (number->n_whole == 1 && number->n_fraction == 0)
        return number->whole[0] == '1';
    if (number->n_whole != 0 || number->n_fraction == 0)
        return false;
    for (size_t i = 0; i + 1 < number->n_fraction; i++)
        if (number->fraction[i] != '0')
            return false;
    return number->fraction[number->n_fraction - 1] == '1';
}

static uint32_t gcd(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void read_multiple(weir_schema_build *s, const weir_doc *doc, limits *l) {
    weir_decimal number;
    uint32_t n_tenth, value = 0;
    if (!read_number(s, doc, "multipleOf", &number))
        return;
    if (number.is_negative || weir_decimal_is_zero(&number)) {
        weir_schema_bad(s, doc, "multipleOf", "a number above 0");
        return;
    }
    if (is_tenth(&number, &n_tenth)) {
        l->max_fraction = n_tenth < l->max_fraction ? n_tenth : l->max_fraction;
        return;
    }
    if (number.n_fraction == 0 && number.n_whole <= 4)
        for (size_t i = 0; i < number.n_whole; i++)
            value = value * 10 + (uint32_t)(number.whole[i] - '0');
    uint32_t divisor = value > 0 ? l->divisor / gcd(l->divisor, value) * value : 0;
    if (value == 0 || value > MAX_DIVISOR || divisor > MAX_DIVISOR)
        weir_schema_unsupported(s, doc, "multipleOf",
                                "only 1, 0.1, 0.01 and so on, and whole numbers up to 1000");
    else
        l->divisor = divisor;
}

static limits read_limits(weir_schema_build *s, const weir_schema_set *set, bool is_integer) {
    limits l = {.is_integer = is_integer, .divisor = 1, .max_fraction = MAX_FRACTION};
    for (size_t i = 0; i < set->n; i++) {
        read_limits_of(s, set->docs[i], &l);
        read_multiple(s, set->docs[i], &l);
    }
    l.is_integer |= l.divisor > 1 || l.max_fraction == 0;
    return l;
}

bool weir_schema_number_fits(weir_schema_build *s, const weir_schema_set *set,
                             const weir_doc *value, bool *is_known) {
    limits l = read_limits(s, set, false);
    weir_decimal number;
    *is_known = l.divisor == 1 && weir_decimal_read(&number, value->text, value->n_text);
    if (!*is_known)
        return false;
    int low = l.has_low ? weir_decimal_compare(&number, &l.low) : 1;
    int high = l.has_high ? weir_decimal_compare(&number, &l.high) : -1;
    return number.n_fraction <= l.max_fraction && (low > 0 || (low == 0 && !l.is_low_open)) &&
           (high < 0 || (high == 0 && !l.is_high_open));
}

/* ---- digits --------------------------------------------------------------------------------- */

static uint32_t digit(weir_schema_build *s, uint32_t first, uint32_t last, uint32_t next) {
    weir_symbol_set set = {0};
    if (first > last)
        return WEIR_PDA_AT_DEAD;
    weir_symbol_add_range(&set, first, last);
    return weir_pda_symbols(s->b, &set, next);
}

static uint32_t any_digits(weir_schema_build *s, uint32_t min, uint32_t max, uint32_t next) {
    return weir_pda_repeat(s->b, digit(s, '0', '9', WEIR_PDA_AT_RETURN), min, max, next);
}

/* Behind the whole part of a number that has no limits any more. */
static uint32_t free_fraction(const digits *d) {
    if (d->l->is_integer)
        return d->next;
    uint32_t some = any_digits(d->s, 1, d->l->max_fraction, d->next);
    return weir_pda_either(d->s->b, weir_pda_symbol(d->s->b, '.', some), d->next);
}

/* n more digits of the whole part, any; `rest` is what those so far leave. */
static uint32_t loose_digits(digits *d, uint32_t n, uint32_t rest) {
    uint32_t divisor = d->l->divisor;
    if (divisor == 1)
        return n > 0 ? any_digits(d->s, n, n, free_fraction(d)) : free_fraction(d);
    if (n == 0)
        return rest == 0 ? d->next : WEIR_PDA_AT_DEAD;
    uint32_t *known = &d->loose[n * divisor + rest];
    if (*known == 0) {
        uint32_t node = WEIR_PDA_AT_DEAD;
        for (uint32_t i = 0; i < 10; i++)
            node = weir_pda_either(
                d->s->b, node,
                digit(d->s, '0' + i, '0' + i, loose_digits(d, n - 1, (rest * 10 + i) % divisor)));
        *known = node + 1;
    }
    return *known - 1;
}

static uint32_t fraction(const digits *d, uint32_t n, bool is_low, bool is_high);

static bool may_stop(const digits *d, uint32_t n, bool is_low, bool is_high) {
    if (is_low && (n < d->low.n_fraction || d->is_low_open))
        return false;
    return !is_high || n < d->high.n_fraction || !d->is_high_open;
}

/* n digits of the fraction were taken, at least one: the end, or more. */
static uint32_t behind_digit(const digits *d, uint32_t n, bool is_low, bool is_high) {
    /* What is equal to low so far is no longer bound by it at its end, unless it must be above. */
    is_low = is_low && (n < d->low.n_fraction || d->is_low_open);
    if (!is_low && !is_high)
        return any_digits(d->s, 0, d->l->max_fraction - n, d->next);
    uint32_t more = fraction(d, n, is_low, is_high);
    return may_stop(d, n, is_low, is_high) ? weir_pda_either(d->s->b, more, d->next) : more;
}

/* One more digit of the fraction, of which n were taken. */
static uint32_t fraction(const digits *d, uint32_t n, bool is_low, bool is_high) {
    if (n == d->l->max_fraction || (is_high && n >= d->high.n_fraction && d->is_high_open))
        return WEIR_PDA_AT_DEAD;
    uint32_t low = '0', high = '9', node = WEIR_PDA_AT_DEAD;
    if (is_low && n < d->low.n_fraction)
        low = (uint8_t)d->low.fraction[n];
    if (is_high)
        high = n < d->high.n_fraction ? (uint8_t)d->high.fraction[n] : '0';
    if (low > high)
        return WEIR_PDA_AT_DEAD;
    bool is_same = low == high;
    if (is_low || (is_same && is_high))
        node = digit(d->s, low, low, behind_digit(d, n + 1, is_low, is_same && is_high));
    uint32_t first = is_low || (is_same && is_high) ? low + 1 : low;
    uint32_t last = is_high ? high - 1 : high;
    if (first <= last)
        node = weir_pda_either(d->s->b, node,
                               digit(d->s, first, last, behind_digit(d, n + 1, false, false)));
    if (is_high && !is_same)
        node = weir_pda_either(d->s->b, node,
                               digit(d->s, high, high, behind_digit(d, n + 1, false, true)));
    return node;
}

/* The whole part is over. */
static uint32_t behind_whole(digits *d, bool is_low, bool is_high, uint32_t rest) {
    if (!is_low && !is_high)
        return loose_digits(d, 0, rest);
    uint32_t node = may_stop(d, 0, is_low, is_high) && rest == 0 ? d->next : WEIR_PDA_AT_DEAD;
    if (d->l->is_integer)
        return node;
    is_low = is_low && (d->low.n_fraction > 0 || d->is_low_open);
    uint32_t more = !is_low && !is_high ? any_digits(d->s, 1, d->l->max_fraction, d->next)
                                        : fraction(d, 0, is_low, is_high);
    return weir_pda_either(d->s->b, node, weir_pda_symbol(d->s->b, '.', more));
}

/* Digit i of a whole part of n; a limit of 0 is one digit long. */
static uint32_t limit_digit(const weir_decimal *limit, uint32_t i) {
    return limit->n_whole == 0 ? '0' : (uint8_t)limit->whole[i];
}

static uint32_t whole(digits *d, uint32_t i, uint32_t n, bool is_low, bool is_high, uint32_t rest) {
    if (i == n)
        return behind_whole(d, is_low, is_high, rest);
    if (!is_low && !is_high && i > 0)
        return loose_digits(d, n - i, rest);
    uint32_t low = is_low ? limit_digit(&d->low, i) : (i == 0 && n > 1 ? '1' : '0');
    uint32_t high = is_high ? limit_digit(&d->high, i) : '9';
    uint32_t node = WEIR_PDA_AT_DEAD;
    for (uint32_t c = low; c <= high; c++) {
        uint32_t after = (rest * 10 + c - '0') % d->l->divisor;
        uint32_t then = whole(d, i + 1, n, is_low && c == low, is_high && c == high, after);
        node = weir_pda_either(d->s->b, node, digit(d->s, c, c, then));
    }
    return node;
}

static uint32_t n_whole_digits(const weir_decimal *number) {
    return number->n_whole == 0 ? 1 : (uint32_t)number->n_whole;
}

/* All magnitudes between the limits of d. */
static uint32_t magnitudes(digits *d) {
    uint32_t n_low = n_whole_digits(&d->low);
    uint32_t n_high = d->has_high ? n_whole_digits(&d->high) : n_low;
    uint32_t node = WEIR_PDA_AT_DEAD;
    d->loose = weir_pda_room(d->s->b, (MAX_DIGITS + (size_t)1) * d->l->divisor * sizeof(uint32_t));
    if (!d->loose)
        return WEIR_PDA_AT_DEAD;
    for (uint32_t n = n_low; n <= n_high; n++)
        node = weir_pda_either(d->s->b, node,
                               whole(d, 0, n, n == n_low, d->has_high && n == n_high, 0));
    if (d->has_high)
        return node;
    /* Whatever is longer than low is above it. */
    uint32_t divisor = d->l->divisor;
    uint32_t longest = n_low + 1 > MAX_MULTIPLE_DIGITS ? n_low + 1 : MAX_MULTIPLE_DIGITS;
    if (divisor == 1)
        return weir_pda_either(
            d->s->b, node,
            digit(d->s, '1', '9', any_digits(d->s, n_low, MAX_DIGITS, free_fraction(d))));
    for (uint32_t n = n_low + 1; n <= longest; n++)
        node = weir_pda_either(d->s->b, node, whole(d, 0, n, false, false, 0));
    return node;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static uint32_t free_integer(weir_schema_build *s, uint32_t next) {
    uint32_t more = any_digits(s, 0, MAX_DIGITS, next);
    uint32_t node =
        weir_pda_either(s->b, weir_pda_symbol(s->b, '0', next), digit(s, '1', '9', more));
    return weir_pda_either(s->b, node, weir_pda_symbol(s->b, '-', node));
}

static uint32_t free_number(weir_schema_build *s, uint32_t next) {
    weir_symbol_set e = {0}, sign = {0};
    weir_symbol_add(&e, 'e');
    weir_symbol_add(&e, 'E');
    weir_symbol_add(&sign, '+');
    weir_symbol_add(&sign, '-');
    /* Two digits: what every reader can hold. */
    uint32_t exponent = any_digits(s, 1, 2, next);
    exponent = weir_pda_either(s->b, exponent, weir_pda_symbols(s->b, &sign, exponent));
    next = weir_pda_either(s->b, next, weir_pda_symbols(s->b, &e, exponent));
    uint32_t some = any_digits(s, 1, MAX_FRACTION, next);
    next = weir_pda_either(s->b, next, weir_pda_symbol(s->b, '.', some));
    return free_integer(s, next);
}

/* Limits of whole numbers become closed whole numbers. False: too long. */
static bool round_limits(limits *l) {
    bool is_good = true;
    if (l->has_low)
        is_good = weir_decimal_round(&l->low, true, !l->is_low_open);
    if (l->has_high)
        is_good = weir_decimal_round(&l->high, false, !l->is_high_open) && is_good;
    l->is_low_open = l->is_high_open = false;
    return is_good;
}

static uint32_t negative_part(weir_schema_build *s, const limits *l, uint32_t next) {
    digits d = {.s = s, .l = l, .next = next, .has_high = l->has_low};
    if (l->has_low && !l->low.is_negative)
        return WEIR_PDA_AT_DEAD;
    if (l->has_high && l->high.is_negative) {
        d.low = l->high;
        d.low.is_negative = false;
        d.is_low_open = l->is_high_open;
    } else if (l->is_integer) {
        d.low.whole[d.low.n_whole++] = '1';
    } else {
        d.is_low_open = true;
    }
    d.high = l->low;
    d.high.is_negative = false;
    d.is_high_open = l->is_low_open;
    if (d.has_high && weir_decimal_compare(&d.low, &d.high) > 0)
        return WEIR_PDA_AT_DEAD;
    return weir_pda_symbol(s->b, '-', magnitudes(&d));
}

static uint32_t positive_part(weir_schema_build *s, const limits *l, uint32_t next) {
    digits d = {.s = s, .l = l, .next = next, .has_high = l->has_high};
    if (l->has_high && l->high.is_negative)
        return WEIR_PDA_AT_DEAD;
    if (l->has_low && !l->low.is_negative) {
        d.low = l->low;
        d.is_low_open = l->is_low_open;
    }
    d.high = l->high;
    d.is_high_open = l->is_high_open;
    if (d.has_high && weir_decimal_compare(&d.low, &d.high) > 0)
        return WEIR_PDA_AT_DEAD;
    return magnitudes(&d);
}

uint32_t weir_schema_number(weir_schema_build *s, const weir_schema_set *set, bool is_integer,
                            uint32_t next) {
    limits l = read_limits(s, set, is_integer);
    if (!l.has_low && !l.has_high && l.divisor == 1 && l.is_integer)
        return free_integer(s, next);
    if (!l.has_low && !l.has_high && l.divisor == 1 && l.max_fraction == MAX_FRACTION)
        return free_number(s, next);
    if (l.is_integer && !round_limits(&l))
        return weir_schema_unsupported(s, set->docs[0], NULL, "a limit of more than 64 digits");
    return weir_pda_either(s->b, negative_part(s, &l, next), positive_part(s, &l, next));
}
