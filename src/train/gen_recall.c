/*
 * gen_recall.c: drills in looking back: lists that come again, values that are asked for by their
 * keys, records in another notation. The words mean nothing and are drawn anew for each sample, so
 * that nothing but reading the sample helps. A model of this size that sees them early learns to
 * copy within a few million tokens; from stories alone it takes many times that (docs/gen.md).
 */
#include "base/compiler.h"
#include "train/gen_conversation.h"
#include "train/gen_instruction.h"
#include "train/gen_phrase.h"
#include "train/gen_tool.h"
#include <stdio.h>
#include <string.h>

enum { N_ITEMS = 16, ITEM = WEIR_TOOL_VALUE };

typedef struct items {
    char text[N_ITEMS][ITEM]; /* all different */
    uint32_t n;
} items;

/* ---- words ---------------------------------------------------------------------------------- */

static void draw_letters(weir_gen *g, char out[ITEM]) {
    uint32_t n = 2 + weir_gen_below(g, 5);
    for (uint32_t i = 0; i < n; i++)
        out[i] = (char)('a' + weir_gen_below(g, 26));
    out[n] = 0;
    if (weir_gen_chance(g, 0.3))
        out[0] = (char)(out[0] - 'a' + 'A');
}

static void draw_number(weir_gen *g, char out[ITEM]) {
    static const uint32_t below[] = {10, 100, 1000, 10000};
    snprintf(out, ITEM, "%u", (unsigned)weir_gen_below(g, below[weir_gen_below(g, 4)]));
}

static void draw_word(weir_gen *g, char out[ITEM]) {
    if (weir_gen_is_varied(g, 0.8)) {
        snprintf(out, ITEM, "%s", weir_phrase_word(g));
        return;
    }
    static const weir_word_table *const tables[] = {&weir_word_nouns, &weir_word_adjectives,
                                                    &weir_word_fixtures};
    snprintf(out, ITEM, "%s", weir_word_draw(g, tables[weir_gen_below(g, WEIR_COUNT(tables))]));
}

static void draw_value(weir_gen *g, const char *kind, char out[ITEM]) {
    char raw[ITEM];
    weir_tool_value_draw(g, kind, out, raw);
}

static void draw_item(weir_gen *g, char out[ITEM]) {
    if (weir_gen_is_varied(g, 0.4)) {
        char phrase[WEIR_PHRASE];
        weir_phrase_draw(g, phrase, 1, 3, (weir_phrase_case)weir_gen_below(g, 3));
        snprintf(out, ITEM, "%s", phrase);
        return;
    }
    switch (weir_gen_below(g, 8)) {
    case 0:
    case 1:
        draw_letters(g, out);
        break;
    case 2:
        draw_number(g, out);
        break;
    case 3:
        draw_word(g, out);
        break;
    case 4:
        draw_value(g, "city", out);
        break;
    case 5:
        snprintf(out, ITEM, "%s", weir_word_name(g, NULL));
        break;
    default:
        draw_value(g, weir_gen_chance(g, 0.5) ? "made" : "made.low", out);
        break;
    }
}

static bool is_among(const items *list, const char *word) {
    for (uint32_t i = 0; i < list->n; i++)
        if (!strcmp(list->text[i], word))
            return true;
    return false;
}

/* n different items that are not in `others` either. */
static void draw_items(weir_gen *g, items *list, uint32_t n, const items *others) {
    list->n = 0;
    while (list->n < n) {
        char *word = list->text[list->n];
        do
            draw_item(g, word);
        while (is_among(list, word) || (others && is_among(others, word)));
        list->n++;
    }
}

/* Short words without blanks, as keys are. */
static void draw_keys(weir_gen *g, items *list, uint32_t n) {
    static void (*const draw[])(weir_gen *, char[ITEM]) = {draw_word, draw_letters};
    uint32_t kind = weir_gen_below(g, 3);
    list->n = 0;
    while (list->n < n) {
        char *word = list->text[list->n];
        do
            if (kind < WEIR_COUNT(draw))
                draw[kind](g, word);
            else
                draw_value(g, "made.low", word);
        while (strchr(word, ' ') || is_among(list, word));
        list->n++;
    }
}

static uint32_t between(weir_gen *g, uint32_t low, uint32_t high) {
    return low + weir_gen_below(g, high - low + 1);
}

static void put_list(weir_gen *g, weir_gen_text *text, const items *list, const char *separator) {
    for (uint32_t i = 0; i < list->n; i++)
        weir_gen_putf(g, text, "%s%s", i ? separator : "", list->text[i]);
}

static const char *draw_separator(weir_gen *g) {
    static const char *const separators[] = {" ", ", ", "\n", " - ", "; ", " / "};
    return separators[weir_gen_below(g, WEIR_COUNT(separators))];
}

/* Between a key and its value. */
static const char *draw_link(weir_gen *g) {
    static const char *const links[] = {": ", " = ", " is ", " -> ", "=", " has "};
    return links[weir_gen_below(g, WEIR_COUNT(links))];
}

/* ---- bare texts ----------------------------------------------------------------------------- */

/* The same list two to four times. */
static void repeated(weir_gen *g, weir_gen_text *text) {
    items list;
    draw_items(g, &list, between(g, 3, N_ITEMS), NULL);
    const char *separator = draw_separator(g);
    uint32_t n = between(g, 2, list.n < 6 ? 4 : 2);
    for (uint32_t i = 0; i < n; i++) {
        put_list(g, text, &list, separator);
        weir_gen_put(g, text, "\n");
    }
}

/* Pairs, then the same pairs in any order. */
static void looked_up(weir_gen *g, weir_gen_text *text) {
    items keys, values;
    draw_keys(g, &keys, between(g, 3, 8));
    draw_items(g, &values, keys.n, &keys);
    const char *link = draw_link(g);
    const char *separator = weir_gen_chance(g, 0.5) ? "\n" : "; ";
    uint32_t order[N_ITEMS];
    for (uint32_t i = 0; i < keys.n; i++)
        order[i] = i;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < keys.n; i++)
            weir_gen_putf(g, text, "%s%s%s%s", i ? separator : "", keys.text[order[i]], link,
                          values.text[order[i]]);
        weir_gen_put(g, text, "\n");
        weir_gen_shuffle(g, order, keys.n);
    }
}

/* Sentences about made-up people, in which who is who comes again. */
static void told(weir_gen *g, weir_gen_text *text) {
    items who, what;
    who.n = 0;
    uint32_t n = between(g, 2, 4);
    while (who.n < n) {
        do
            draw_value(g, "made", who.text[who.n]);
        while (is_among(&who, who.text[who.n]));
        who.n++;
    }
    draw_items(g, &what, n, &who);
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(g, text, "%s has %s. ", who.text[i], what.text[i]);
    uint32_t order[N_ITEMS];
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    weir_gen_shuffle(g, order, n);
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(g, text, "What does %s have? %s. ", who.text[order[i]], what.text[order[i]]);
}

/* ---- conversations -------------------------------------------------------------------------- */

static void turn(weir_conversation *c, const weir_gen_text *user, const weir_gen_text *answer) {
    if (!c->g->is_failed)
        weir_conversation_turn(c, user->data, answer->data,
                               json_pack("{s:s, s:s}", "kind", "text", "equals", answer->data));
}

static void ask_repeat(weir_conversation *c, weir_gen_text *user, weir_gen_text *answer) {
    static const char *const asks[] = {"Repeat: ", "Say after me: ", "Copy this: ",
                                       "Write this again: ", "Please copy the following text.\n"};
    weir_gen *g = c->g;
    items list;
    draw_items(g, &list, between(g, 1, 8), NULL);
    weir_gen_put(g, user, asks[weir_gen_below(g, WEIR_COUNT(asks))]);
    const char *separator = draw_separator(g);
    put_list(g, user, &list, separator);
    put_list(g, answer, &list, separator);
    turn(c, user, answer);
}

/* A question about one of some pairs; its answer is the value alone. */
static void ask_value(weir_conversation *c, weir_gen_text *user, weir_gen_text *answer) {
    static const char *const asks[] = {"What is %s?", "%s?", "And %s?", "Give me %s.",
                                       "Tell me what %s is."};
    weir_gen *g = c->g;
    items keys, values;
    draw_keys(g, &keys, between(g, 2, 7));
    draw_items(g, &values, keys.n, &keys);
    const char *link = draw_link(g);
    for (uint32_t i = 0; i < keys.n; i++)
        weir_gen_putf(g, user, "%s%s%s\n", keys.text[i], link, values.text[i]);
    uint32_t n_turns = between(g, 1, 3);
    for (uint32_t i = 0; i < n_turns; i++) {
        uint32_t k = weir_gen_below(g, keys.n);
        const char *ask = asks[weir_gen_below(g, WEIR_COUNT(asks))];
        const char *at = strstr(ask, "%s");
        weir_gen_putf(g, user, "%.*s%s%s", (int)(at - ask), ask, keys.text[k], at + 2);
        weir_gen_text_clear(answer);
        weir_gen_put(g, answer, values.text[k]);
        turn(c, user, answer);
        weir_gen_text_clear(user);
    }
}

/* Pairs that become a JSON object with these keys. */
static void ask_object(weir_conversation *c, weir_gen_text *user, weir_gen_text *answer) {
    weir_gen *g = c->g;
    items keys, values;
    draw_keys(g, &keys, between(g, 1, 5));
    draw_items(g, &values, keys.n, &keys);
    const char *link = draw_link(g);
    weir_gen_put(g, user, "Write this as JSON:\n");
    weir_gen_put(g, answer, "{");
    for (uint32_t i = 0; i < keys.n; i++) {
        weir_gen_putf(g, user, "%s%s%s%s", i ? "\n" : "", keys.text[i], link, values.text[i]);
        weir_gen_putf(g, answer, "%s\"%s\": \"%s\"", i ? ", " : "", keys.text[i], values.text[i]);
    }
    weir_gen_put(g, answer, "}");
    turn(c, user, answer);
}

json_t *weir_gen_recall(weir_gen *g) {
    weir_gen_text user = {0}, answer = {0};
    json_t *made = NULL;
    if (weir_gen_chance(g, g->is_held_out ? 0.0 : 0.5)) {
        static void (*const texts[])(weir_gen *, weir_gen_text *) = {repeated, looked_up, told};
        texts[weir_gen_below(g, WEIR_COUNT(texts))](g, &user);
        made = g->is_failed ? NULL : json_pack("{s:s, s:[]}", "text", user.data, "check");
    } else {
        static void (*const asks[])(weir_conversation *, weir_gen_text *,
                                    weir_gen_text *) = {ask_repeat, ask_value, ask_object};
        weir_conversation c;
        if (weir_conversation_open(&c, g)) {
            asks[weir_gen_below(g, WEIR_COUNT(asks))](&c, &user, &answer);
            made = weir_conversation_close(&c);
        }
    }
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
    return made;
}
