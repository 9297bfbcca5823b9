/*
 * gen_story_tell.c: tells the story of a drawn world: opening, the beats of the plot with side
 * beats between them, a closing that fits how it went. Long, or in exactly n sentences.
 */
#include "train/gen_story.h"
#include <string.h>

/* No double spaces (effects and left-out parts leave them), none at the ends. */
static void tidy(weir_gen_text *text) {
    size_t n = 0;
    for (size_t i = 0; i < text->n; i++) {
        char c = text->data[i];
        bool is_break = n == 0 || text->data[n - 1] == ' ' || text->data[n - 1] == '\n';
        if (c == ' ' && is_break)
            continue;
        if (c == '\n' && n > 0 && text->data[n - 1] == ' ')
            n--;
        if (c == '\n' && n > 1 && text->data[n - 1] == '\n' && text->data[n - 2] == '\n')
            continue;
        text->data[n++] = c;
    }
    while (n > 0 && (text->data[n - 1] == ' ' || text->data[n - 1] == '\n'))
        n--;
    if (text->data)
        text->data[n] = 0;
    text->n = n;
}

/* Divides what is told so far from what follows. */
static void put_gap(weir_story_world *world, weir_gen_text *text, bool has_paragraphs) {
    if (text->n == 0)
        return;
    bool is_new_line = has_paragraphs && weir_gen_chance(world->g, 0.45);
    weir_gen_put(world->g, text, is_new_line ? "\n\n" : " ");
}

/* Tells a pattern whose sentences begin with capitals. */
static void tell_capital(weir_story_world *world, weir_gen_text *text, const char *pattern) {
    weir_gen_text marked = {0};
    weir_gen_put(world->g, &marked, "^");
    weir_gen_put(world->g, &marked, pattern);
    if (marked.data)
        weir_story_tell(world, text, marked.data);
    weir_gen_text_free(&marked);
}

static void tell_opening(weir_story_world *world, weir_gen_text *text) {
    tell_capital(world, text, "{open}");
    bool is_trait_told = world->trait && weir_gen_chance(world->g, 0.65);
    if (is_trait_told) {
        weir_gen_put(world->g, text, " ");
        tell_capital(world, text, world->trait->early);
    }
    if (weir_gen_chance(world->g, is_trait_told ? 0.12 : 0.35)) {
        weir_gen_put(world->g, text, " ");
        tell_capital(world, text, "{habit}");
    }
}

static void tell_closing(weir_story_world *world, weir_gen_text *text) {
    weir_gen *g = world->g;
    const char *closing = NULL;
    bool is_own_trait = world->plot->traits != NULL;
    bool is_overcome = world->trait && (!(world->trait->flags & WEIR_STORY_SOCIAL) ||
                                        (world->plot->flags & WEIR_STORY_FRIENDS));
    if (world->plot->flags & WEIR_STORY_SAD)
        closing = weir_gen_chance(g, 0.6) ? "{close.sad}" : NULL;
    else if (is_overcome && weir_gen_chance(g, is_own_trait ? 0.7 : 0.35))
        closing = world->trait->late;
    else if (world->who[WEIR_STORY_FRIEND].is_met && (world->plot->flags & WEIR_STORY_FRIENDS) &&
             weir_gen_chance(g, 0.5))
        closing = "{close.friend}";
    else if (world->thing[0].is_met && world->thing[0].holder == WEIR_STORY_HERO &&
             !world->thing[0].is_broken && weir_gen_chance(g, 0.5))
        closing = "{close.thing}";
    else if (weir_gen_chance(g, 0.75))
        closing = "{close.any}";
    if (!closing)
        return;
    tell_capital(world, text, closing);
}

void weir_story_tell_all(weir_story_world *world, weir_gen_text *text) {
    weir_gen *g = world->g;
    const weir_story_plot *plot = world->plot;
    bool has_paragraphs = weir_gen_chance(g, 0.35);
    if (!(plot->flags & WEIR_STORY_OPENED))
        tell_opening(world, text);
    uint32_t n_sides = 0;
    for (uint32_t i = 0; i < WEIR_STORY_MOST_BEATS && plot->beats[i]; i++) {
        const char *beat = plot->beats[i];
        bool is_left_out = false;
        const char *side = NULL;
        for (; *beat == '-' || *beat == '>' || *beat == '~'; beat++) {
            if (*beat == '-')
                is_left_out = weir_gen_chance(g, 0.4);
            else if (n_sides < 2 && weir_gen_chance(g, 0.3))
                side = *beat == '>' ? "{side.way}" : "{side.calm}";
        }
        if (is_left_out)
            continue;
        put_gap(world, text, has_paragraphs);
        if (side) {
            tell_capital(world, text, side);
            weir_gen_put(g, text, " ");
            n_sides++;
        }
        tell_capital(world, text, beat);
    }
    if (!(plot->flags & (WEIR_STORY_CLOSED | WEIR_STORY_BEDTIME))) {
        put_gap(world, text, has_paragraphs);
        tell_closing(world, text);
    }
    if (weir_gen_chance(g, 0.06)) {
        put_gap(world, text, has_paragraphs);
        weir_gen_put(g, text, "The end.");
    }
    tidy(text);
}

void weir_story_tell_brief(weir_story_world *world, weir_gen_text *text, uint32_t n) {
    bool is_sad = (world->plot->flags & WEIR_STORY_SAD) != 0;
    bool is_opened = n >= 5 || (n == 4 && weir_gen_chance(world->g, 0.5));
    if (is_opened)
        tell_capital(world, text, "{open1} ");
    if (n >= 6)
        tell_capital(world, text, "{like1} ");
    tell_capital(world, text, world->plot->brief);
    if (n >= 5 || (n == 4 && !is_opened))
        tell_capital(world, text, is_sad ? " {close1.sad}" : " {close1}");
    tidy(text);
}
