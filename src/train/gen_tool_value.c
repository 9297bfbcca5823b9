/*
 * gen_tool_value.c: draws the values of the tool dialogues by kind (gen_tool.h): numbers from a
 * range, rows of tables, and words made up of syllables, so that copying is learnt and not the
 * words.
 */
#include "train/gen_tool_value.h"
#include "base/plain_locale.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- made-up words ----------------------------------------------------------------------------
 */

/* A held-out word begins with an onset that no other begins with, so the sets are disjoint. */
static const char *const onsets[] = {"b", "d", "f", "g",  "k",  "l",  "m",  "n",  "p",  "r",  "s",
                                     "t", "v", "z", "br", "dr", "gr", "kr", "pl", "st", "tr", "fl"};
static const char *const held_onsets[] = {"zh", "vr", "skr", "sn", "tw", "spl", "wh", "sm"};
static const char *const vowels[] = {"a", "e", "i", "o", "u", "a", "e", "o", "ai", "ee", "ou"};
static const char *const codas[] = {"", "", "n", "r", "l", "s", "m", "t", "k", "nd", "x"};
static const char *const endings[] = {"a",  "o",    "en", "in", "ton", "ia",  "or",
                                      "by", "dale", "um", "ek", "is",  "ova", "ley"};

#define PICK(g, rows) (rows)[weir_gen_below(g, sizeof(rows) / sizeof(rows)[0])]

void weir_tool_value_word(weir_gen *g, char text[WEIR_TOOL_VALUE]) {
    const char *first = g->is_held_out ? PICK(g, held_onsets) : PICK(g, onsets);
    const char *vowel = PICK(g, vowels);
    const char *coda = PICK(g, codas);
    if (weir_gen_chance(g, 0.3)) {
        const char *middle = PICK(g, onsets);
        const char *second = PICK(g, vowels);
        snprintf(text, WEIR_TOOL_VALUE, "%s%s%s%s%s", first, vowel, coda, middle, second);
    } else if (weir_gen_chance(g, 0.6)) {
        const char *middle = PICK(g, onsets);
        snprintf(text, WEIR_TOOL_VALUE, "%s%s%s%s", first, vowel, middle, PICK(g, endings));
    } else {
        const char *middle = PICK(g, onsets);
        const char *second = PICK(g, vowels);
        const char *third = PICK(g, onsets);
        snprintf(text, WEIR_TOOL_VALUE, "%s%s%s%s%s%s", first, vowel, middle, second, third,
                 PICK(g, endings));
    }
    text[0] = (char)(text[0] - 'a' + 'A');
}

/* One letter of some words, never the first, becomes one of two bytes: "Kralów". */
static void accent_put(weir_gen *g, char text[WEIR_TOOL_VALUE]) {
    static const char *const letters[] = {"á", "à", "â", "ä", "ã", "å", "é", "è", "ê", "ë", "í",
                                          "î", "ï", "ó", "ò", "ô", "ö", "õ", "ø", "ú", "ù", "û",
                                          "ü", "ñ", "ç", "ş", "ł", "ř", "š", "ž", "ć", "ğ"};
    if (!weir_gen_is_varied(g, 0.12))
        return;
    size_t n = strlen(text), at = 1 + weir_gen_below(g, (uint32_t)n - 1);
    const char *letter = letters[weir_gen_below(g, sizeof letters / sizeof *letters)];
    memmove(text + at + 2, text + at + 1, n - at);
    memcpy(text + at, letter, 2);
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

void weir_tool_value_number(double value, char text[WEIR_TOOL_VALUE]) {
    long long hundredths = llround(value * 100), size = llabs(hundredths);
    /* Not %.2f, whose point is the locale's. */
    snprintf(text, WEIR_TOOL_VALUE, "%s%lld.%02lld", hundredths < 0 ? "-" : "", size / 100,
             size % 100);
    char *end = text + strlen(text);
    while (end[-1] == '0')
        *--end = 0;
    if (end[-1] == '.')
        *--end = 0;
}

double weir_tool_value_read(const char *text, const char **end) {
    char *behind;
    weir_plain_locale locale = weir_plain_locale_begin();
    double value = strtod(text, &behind);
    weir_plain_locale_end(locale);
    if (end)
        *end = behind;
    return value;
}

static long range_draw(weir_gen *g, long low, long high, long step) {
    assert(high >= low && step > 0);
    return low + step * (long)weir_gen_below(g, (uint32_t)((high - low) / step) + 1);
}

/* kind: "int:LO:HI[:STEP]" and its sisters. */
static bool number_draw(weir_gen *g, const char *kind, char text[WEIR_TOOL_VALUE]) {
    const char *colon = strchr(kind, ':');
    if (!colon || !strncmp(kind, "of:", 3))
        return false;
    char *end;
    long low = strtol(colon + 1, &end, 10);
    assert(*end == ':');
    long high = strtol(end + 1, &end, 10);
    long step = *end == ':' ? strtol(end + 1, &end, 10) : 1;
    bool is_whole = !strncmp(kind, "int:", 4), is_money = !strncmp(kind, "money:", 6);
    if (!strncmp(kind, "num:", 4)) {
        is_whole = weir_gen_chance(g, 0.6);
        is_money = !is_whole && weir_gen_chance(g, 0.4);
    } else {
        assert(is_whole || is_money || !strncmp(kind, "dec:", 4));
    }
    double value = (double)range_draw(g, low, high, step);
    if (!is_whole) {
        uint32_t parts = is_money ? 100 : 10;
        value += (double)weir_gen_below(g, parts) / parts;
    }
    weir_tool_value_number(value, text);
    return true;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

typedef struct draw_context {
    weir_gen *g;
    char text[WEIR_TOOL_VALUE]; /* of the slot that was asked for last */
} draw_context;

static const char *draw_slot(void *context, const char *name, size_t n) {
    draw_context *draw = context;
    char kind[WEIR_TOOL_NAME], raw[WEIR_TOOL_VALUE];
    assert(n < sizeof kind);
    memcpy(kind, name, n);
    kind[n] = 0;
    weir_tool_value_draw(draw->g, kind, draw->text, raw);
    return draw->text;
}

static void copy_text(char text[WEIR_TOOL_VALUE], const char *from) {
    size_t n = strlen(from);
    assert(n < WEIR_TOOL_VALUE);
    memcpy(text, from, n + 1);
}

static void expand(weir_gen *g, const char *row, weir_gen_slot *slot, char text[WEIR_TOOL_VALUE]) {
    draw_context draw = {.g = g};
    weir_gen_text words = {0};
    weir_gen_expand(g, &words, row, slot, &draw);
    copy_text(text, words.data ? words.data : "");
    weir_gen_text_free(&words);
}

/* ---- phrases in their place -------------------------------------------------------------------
 */

/* Third edition: what is said has marks and apostrophes too. */
static const char *spoken_slot(void *context, const char *name, size_t n) {
    draw_context *draw = context;
    if (n != strlen("words") || strncmp(name, "words", n) != 0)
        return draw_slot(context, name, n);
    char phrase[WEIR_PHRASE];
    weir_phrase_draw(draw->g, phrase, 1, 3, WEIR_PHRASE_LOWER);
    copy_text(draw->text, phrase);
    return draw->text;
}

static void spoken_draw(weir_gen *g, char text[WEIR_TOOL_VALUE]) {
    static const char *const rows[] = {
        "{words}?",
        "{words}!",
        "{words}, {words}",
        "{words}, {words}?",
        "don't {words}",
        "let's {words}",
        "it's {words}!",
        "{words}, it's {words}",
        "{words}, they're {words}",
        "{words}, I've {words}",
        "I'll {words} at {clock}?",
        "can you {words}?",
        "{words} by {clock}!",
        "{first}'s {words}",
        "{words} for {first}, {words}",
        "where's the {words}?",
        "you've {words}, haven't you?",
        "we aren't {words}, {first}",
        "the {words} of {first} and {made}",
        "\"{words}\", said {first}",
        "{words} the \"{words}\"",
        "{words} at the {words}",
    };
    expand(g, PICK(g, rows), spoken_slot, text);
}

/* Third edition: of two words or more the last two become one, "silverlantern", or the first gets
 * an 's, as the only word of a place or a list of songs does. */
static void phrase_dress(weir_gen *g, const weir_tool_value_list *list,
                         char text[WEIR_TOOL_VALUE]) {
    char *blank = strrchr(text, ' ');
    size_t n = strlen(text);
    if (blank && list->letters == WEIR_PHRASE_LOWER && weir_gen_is_varied(g, 0.25)) {
        memmove(blank, blank + 1, n - (size_t)(blank - text));
        return;
    }
    bool is_name = !strcmp(list->kind, "place") || !strcmp(list->kind, "playlist");
    if ((blank || is_name) && weir_gen_is_varied(g, is_name ? 0.3 : 0.1)) {
        size_t at = strcspn(text, " ");
        assert(n + 2 < WEIR_TOOL_VALUE);
        memmove(text + at + 2, text + at, n - at + 1);
        memcpy(text + at, "'s", 2);
    }
}

/* False: rows are drawn from, as always of the first edition. */
static bool phrase_draw(weir_gen *g, const weir_tool_value_list *list, char text[WEIR_TOOL_VALUE]) {
    bool is_third = g->edition > 2;
    if (list->most == 0 || !weir_gen_is_varied(g, is_third ? 0.45 : 0.35))
        return false;
    if (is_third && !strcmp(list->kind, "message") && weir_gen_is_varied(g, 0.6)) {
        spoken_draw(g, text);
        return true;
    }
    char phrase[WEIR_PHRASE];
    weir_phrase_draw(g, phrase, list->least, list->most, list->letters);
    copy_text(text, phrase);
    if (is_third)
        phrase_dress(g, list, text);
    return true;
}

static void list_draw(weir_gen *g, const char *kind, char text[WEIR_TOOL_VALUE]) {
    const weir_tool_value_list *list = weir_tool_value_lists;
    while (list->kind && strcmp(list->kind, kind))
        list++;
    assert(list->kind);
    if (phrase_draw(g, list, text))
        return;
    if (list->made > 0 && weir_gen_chance(g, list->made)) {
        weir_tool_value_word(g, text);
        char first = list->rows[0][0];
        if (first >= 'a' && first <= 'z')
            text[0] = (char)(text[0] - 'A' + 'a');
        return;
    }
    expand(g, list->rows[weir_gen_row(g, list->n)], draw_slot, text);
}

/* Two to four different things: "eggs, milk and bread", raw "eggs|milk|bread". */
static void items_draw(weir_gen *g, char text[WEIR_TOOL_VALUE], char raw[WEIR_TOOL_VALUE]) {
    uint32_t n = 2 + weir_gen_below(g, 2);
    char item[4][WEIR_TOOL_VALUE];
    size_t n_text = 0, n_raw = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool is_again = true;
        for (int tries = 0; is_again && tries < 20; tries++) {
            list_draw(g, "item", item[i]);
            is_again = false;
            for (uint32_t j = 0; j < i; j++)
                is_again |= !strcmp(item[i], item[j]);
        }
        const char *before = i == 0 ? "" : i + 1 < n ? ", " : " and ";
        n_text +=
            (size_t)snprintf(text + n_text, WEIR_TOOL_VALUE - n_text, "%s%s", before, item[i]);
        n_raw +=
            (size_t)snprintf(raw + n_raw, WEIR_TOOL_VALUE - n_raw, "%s%s", i ? "|" : "", item[i]);
        assert(n_text < WEIR_TOOL_VALUE && n_raw < WEIR_TOOL_VALUE);
    }
}

void weir_tool_value_pick(weir_gen *g, const char *names, char *out, size_t cap) {
    uint32_t n = 1;
    for (const char *p = names; *p; p++)
        n += *p == '|';
    uint32_t chosen = weir_gen_below(g, n);
    const char *p = names;
    for (; chosen > 0; chosen--)
        p = strchr(p, '|') + 1;
    size_t length = strcspn(p, "|");
    assert(length < cap);
    memcpy(out, p, length);
    out[length] = 0;
}

void weir_tool_value_draw(weir_gen *g, const char *kind, char text[WEIR_TOOL_VALUE],
                          char raw[WEIR_TOOL_VALUE]) {
    raw[0] = 0;
    if (number_draw(g, kind, text))
        return;
    if (!strncmp(kind, "of:", 3)) {
        weir_tool_value_pick(g, kind + 3, text, WEIR_TOOL_VALUE);
    } else if (!strcmp(kind, "made")) {
        weir_tool_value_word(g, text);
        accent_put(g, text);
    } else if (!strcmp(kind, "made.low")) {
        weir_tool_value_word(g, text);
        text[0] = (char)(text[0] - 'A' + 'a');
        accent_put(g, text);
    } else if (!strcmp(kind, "iso")) {
        long year = range_draw(g, 2024, 2031, 1), month = range_draw(g, 1, 12, 1);
        snprintf(text, WEIR_TOOL_VALUE, "%ld-%02ld-%02ld", year, month, range_draw(g, 1, 28, 1));
    } else if (!strcmp(kind, "minute")) {
        snprintf(text, WEIR_TOOL_VALUE, "%02ld", range_draw(g, 0, 59, 1));
    } else if (!strcmp(kind, "phone")) {
        long area = range_draw(g, 200, 989, 1), line = range_draw(g, 0, 9999, 1);
        snprintf(text, WEIR_TOOL_VALUE, "%ld-%04ld", area, line);
    } else if (!strcmp(kind, "code")) {
        char letter = (char)('a' + weir_gen_below(g, 26));
        snprintf(text, WEIR_TOOL_VALUE, "%c%ld", letter, range_draw(g, 10, 9999, 1));
    } else if (!strcmp(kind, "items")) {
        items_draw(g, text, raw);
    } else {
        list_draw(g, kind, text);
    }
}

bool weir_tool_value_entry(const char *word, const char **meaning, const char **synonym) {
    for (size_t i = 0; weir_tool_value_entries[i][0]; i++) {
        if (strcmp(weir_tool_value_entries[i][0], word))
            continue;
        *meaning = weir_tool_value_entries[i][1];
        *synonym = weir_tool_value_entries[i][2];
        return true;
    }
    return false;
}
