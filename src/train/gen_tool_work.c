/*
 * gen_tool_work.c: what the functions of gen_tool_fact_tables.c compute: sums, units, money, words.
 * `prepare` sets arguments that belong together, `work` the result.
 */
#include "train/gen_tool_work.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(weir_tool_case *use, const char *slot) {
    return weir_tool_case_number(use, slot);
}

void weir_tool_work_add(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "a") + number(use, "b"));
}

void weir_tool_work_subtract(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "a") - number(use, "b"));
}

void weir_tool_work_multiply(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "a") * number(use, "b"));
}

void weir_tool_prepare_divide(weir_gen *g, weir_tool_case *use) {
    char b[WEIR_TOOL_VALUE], quotient[WEIR_TOOL_VALUE], raw[WEIR_TOOL_VALUE];
    weir_tool_value_draw(g, "int:2:40", b, raw);
    weir_tool_value_draw(g, "num:1:60", quotient, raw);
    weir_tool_case_set(use, "b", b);
    weir_tool_case_set(use, "a", quotient);
    weir_tool_case_set_number(use, "a", number(use, "a") * number(use, "b"));
}

void weir_tool_work_divide(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "a") / number(use, "b"));
}

void weir_tool_work_percent(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "percent") * number(use, "n") / 100);
}

void weir_tool_prepare_expression(weir_gen *g, weir_tool_case *use) {
    static const char ops[] = "+-*";
    char n[3][WEIR_TOOL_VALUE], raw[WEIR_TOOL_VALUE], text[WEIR_TOOL_VALUE];
    for (int i = 0; i < 3; i++)
        weir_tool_value_draw(g, weir_gen_chance(g, 0.75) ? "int:1:99" : "dec:0:40", n[i], raw);
    char p = ops[weir_gen_below(g, 3)], q = ops[weir_gen_below(g, 3)];
    switch (weir_gen_below(g, 4)) {
    case 0:
        snprintf(text, sizeof text, "%.40s %c %.40s", n[0], p, n[1]);
        break;
    case 1:
        snprintf(text, sizeof text, "(%.40s %c %.40s) %c %.40s", n[0], p, n[1], q, n[2]);
        break;
    case 2:
        snprintf(text, sizeof text, "%.40s %c (%.40s %c %.40s)", n[0], p, n[1], q, n[2]);
        break;
    default:
        snprintf(text, sizeof text, "%.40s%c%.40s", n[0], p, n[1]);
    }
    weir_tool_case_set(use, "expression", text);
}

/* Of our own expressions: sums of products of numbers and brackets. */
static double sum_value(const char **text);

static char next_char(const char **text) {
    *text += strspn(*text, " ");
    return **text;
}

static double factor_value(const char **text) {
    if (next_char(text) == '(') {
        ++*text;
        double value = sum_value(text);
        next_char(text);
        ++*text; /* the closing bracket */
        return value;
    }
    return weir_tool_value_read(*text, text);
}

static double product_value(const char **text) {
    double value = factor_value(text);
    while (next_char(text) == '*') {
        ++*text;
        value *= factor_value(text);
    }
    return value;
}

static double sum_value(const char **text) {
    double value = product_value(text);
    for (char op = next_char(text); op == '+' || op == '-'; op = next_char(text)) {
        ++*text;
        double next = product_value(text);
        value = op == '+' ? value + next : value - next;
    }
    return value;
}

void weir_tool_work_expression(weir_gen *g, weir_tool_case *use) {
    (void)g;
    const char *text = weir_tool_case_find(use, "expression", 10)->text;
    weir_tool_case_set_number(use, "result", sum_value(&text));
}

/* ---- units and money --------------------------------------------------------------------------
 */

typedef struct unit_pair {
    const char *from, *to;
    double factor;
} unit_pair;

static const unit_pair pairs[] = {
    {"kilometers", "miles", 0.621371},
    {"miles", "kilometers", 1.609344},
    {"km", "miles", 0.621371},
    {"meters", "feet", 3.28084},
    {"feet", "meters", 0.3048},
    {"inches", "centimeters", 2.54},
    {"cm", "inches", 0.393701},
    {"kilograms", "pounds", 2.20462},
    {"pounds", "kilograms", 0.453592},
    {"kg", "pounds", 2.20462},
    {"ounces", "grams", 28.3495},
    {"grams", "ounces", 0.035274},
    {"liters", "gallons", 0.264172},
    {"gallons", "liters", 3.78541},
    {"hours", "minutes", 60},
    {"minutes", "seconds", 60},
    {"days", "hours", 24},
    {"weeks", "days", 7},
    {"yards", "meters", 0.9144},
    {"meters", "yards", 1.09361},
    {"tons", "kilograms", 1000},
    {"acres", "square meters", 4046.86},
    {"cups", "milliliters", 236.588},
    {"teaspoons", "milliliters", 4.92892},
    {"knots", "km/h", 1.852},
    {"km/h", "mph", 0.621371},
    {"mph", "km/h", 1.609344},
    {"stone", "kilograms", 6.35029},
};

void weir_tool_prepare_units(weir_gen *g, weir_tool_case *use) {
    const unit_pair *pair = &pairs[weir_gen_below(g, sizeof pairs / sizeof pairs[0])];
    weir_tool_case_set(use, "from", pair->from);
    weir_tool_case_set(use, "to", pair->to);
}

void weir_tool_work_units(weir_gen *g, weir_tool_case *use) {
    (void)g;
    const char *from = weir_tool_case_find(use, "from", 4)->text;
    const char *to = weir_tool_case_find(use, "to", 2)->text;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (!strcmp(pairs[i].from, from) && !strcmp(pairs[i].to, to))
            weir_tool_case_set_number(use, "result", number(use, "value") * pairs[i].factor);
    }
}

void weir_tool_work_fahrenheit(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "degrees") * 9 / 5 + 32);
}

void weir_tool_work_kilometers(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "miles") * 1.609344);
}

void weir_tool_work_kilograms(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "pounds") * 0.453592);
}

static void two_of(weir_gen *g, weir_tool_case *use, const char *names) {
    char from[WEIR_TOOL_VALUE], to[WEIR_TOOL_VALUE];
    weir_tool_value_pick(g, names, from, sizeof from);
    do
        weir_tool_value_pick(g, names, to, sizeof to);
    while (!strcmp(from, to));
    weir_tool_case_set(use, "from", from);
    weir_tool_case_set(use, "to", to);
}

void weir_tool_prepare_codes(weir_gen *g, weir_tool_case *use) {
    two_of(g, use,
           "USD|EUR|GBP|JPY|CHF|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|INR|CNY|KRW|BRL|MXN|ZAR|"
           "TRY|NZD|SGD|HKD|THB");
}

void weir_tool_prepare_monies(weir_gen *g, weir_tool_case *use) {
    two_of(g, use,
           "dollars|euros|pounds|yen|francs|crowns|rupees|pesos|zloty|rand|lira|won|baht|"
           "reais|shekels|dinars");
}

void weir_tool_work_money(weir_gen *g, weir_tool_case *use) {
    double rate = 0.05 + weir_gen_below(g, 400) / 100.0;
    weir_tool_case_set_number(use, "rate", rate);
    weir_tool_case_set_number(use, "result", number(use, "amount") * number(use, "rate"));
}

void weir_tool_work_split(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "result", number(use, "total") / number(use, "people"));
}

void weir_tool_work_tip(weir_gen *g, weir_tool_case *use) {
    (void)g;
    weir_tool_case_set_number(use, "tip", number(use, "total") * number(use, "percent") / 100);
    weir_tool_case_set_number(use, "sum", number(use, "total") + number(use, "tip"));
}

/* ---- words ------------------------------------------------------------------------------------
 */

void weir_tool_work_meaning(weir_gen *g, weir_tool_case *use) {
    const char *meaning, *synonym;
    char text[WEIR_TOOL_VALUE], raw[WEIR_TOOL_VALUE];
    if (!weir_gen_is_varied(g, 0.5) &&
        weir_tool_value_entry(weir_tool_case_find(use, "word", 4)->text, &meaning, &synonym)) {
        weir_tool_case_set(use, "meaning", meaning);
        return;
    }
    weir_tool_value_draw(g, "meaning", text, raw);
    weir_tool_case_set(use, "meaning", text);
}

void weir_tool_work_synonym(weir_gen *g, weir_tool_case *use) {
    const char *meaning, *synonym;
    char text[WEIR_TOOL_VALUE], raw[WEIR_TOOL_VALUE];
    if (!weir_gen_is_varied(g, 0.5) &&
        weir_tool_value_entry(weir_tool_case_find(use, "word", 4)->text, &meaning, &synonym)) {
        weir_tool_case_set(use, "synonym", synonym);
        return;
    }
    weir_tool_value_draw(g, "made.low", text, raw);
    weir_tool_case_set(use, "synonym", text);
}

void weir_tool_work_letters(weir_gen *g, weir_tool_case *use) {
    (void)g;
    int n = 0;
    for (const char *p = weir_tool_case_find(use, "word", 4)->text; *p; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    weir_tool_case_set_number(use, "count", n);
}
