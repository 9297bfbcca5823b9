/*
 * gen_story_world.c: the world of a story: draws who and what is in it, each when it is first
 * spoken of (so that a text costs no bits that it does not show), answers the slots of the
 * patterns, and takes their effects.
 *
 *   {!has X o}     X takes the thing, which nobody held        {!give X Y o}  X holds it, gives it
 *   {!lose X o}    X holds it, then nobody                     {!gone o}      it exists no more
 *   {!break o}     it was whole                                {!mend o}      it was broken
 */
#include "train/gen_story.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 160, HELD_OUT_OF = 7, HELD_OUT_AT = 3, N_SCRATCH = 16 };

/* ---- drawing -------------------------------------------------------------------------------- */

typedef struct choice {
    uint32_t row[MOST_ROWS];
    uint32_t n;
} choice;

static bool is_in_part(const weir_gen *g, uint32_t i, uint32_t n) {
    return n < HELD_OUT_OF || (i % HELD_OUT_OF == HELD_OUT_AT) == g->is_held_out;
}

static void choice_add(choice *c, uint32_t row) {
    assert(c->n < MOST_ROWS);
    if (c->n < MOST_ROWS)
        c->row[c->n++] = row;
}

/* An empty choice is a fault of the tables; row 0 stands in. */
static uint32_t choice_draw(weir_story_world *world, const choice *c, const char *of) {
    if (c->n == 0) {
        world->fault = of;
        world->g->is_failed = true;
        return 0;
    }
    return c->row[weir_gen_below(world->g, c->n)];
}

static bool has_any(uint32_t flags, uint32_t wanted) {
    return wanted == 0 || (flags & wanted) != 0;
}

/* Is `word` one of a list divided by commas? */
static bool list_has(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += n)
        if ((at == list || at[-1] == ',') && (at[n] == 0 || at[n] == ','))
            return true;
    return false;
}

static bool plot_takes_kind(const weir_story_plot *plot, const weir_story_kind *kind) {
    uint32_t none = plot->not_hero;
    if (plot->flags & WEIR_STORY_PARENT)
        none |= WEIR_STORY_ADULT;
    return has_any(kind->flags, plot->hero) && (kind->flags & none) == 0;
}

static bool plot_takes_trait(const weir_story_plot *plot, const weir_story_trait *trait) {
    if (plot->traits)
        return list_has(plot->traits, trait->word);
    return (trait->flags & WEIR_STORY_BAD) == 0;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_word(const char *text, const char *word) {
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += n)
        if ((at == text || !is_letter(at[-1])) && !is_letter(at[n]))
            return true;
    return false;
}

/* Does the plot itself speak of such a one? Then nobody drawn is one, or two would be confused. */
static bool plot_mentions(const weir_story_plot *plot, const char *noun) {
    for (uint32_t i = 0; i < WEIR_STORY_MOST_BEATS && plot->beats[i]; i++)
        if (has_word(plot->beats[i], noun))
            return true;
    return has_word(plot->brief, noun);
}

static const weir_story_kind *find_kind(const char *noun) {
    for (uint32_t i = 0; noun && i < weir_story_n_kinds; i++)
        if (strcmp(weir_story_kinds[i].noun, noun) == 0)
            return &weir_story_kinds[i];
    return NULL;
}

static const weir_story_trait *find_trait(const char *word) {
    for (uint32_t i = 0; word && i < weir_story_n_traits; i++)
        if (strcmp(weir_story_traits[i].word, word) == 0)
            return &weir_story_traits[i];
    return NULL;
}

/* Expands a pattern of a table into a small buffer. */
static void draw_words(weir_gen *g, char *to, size_t cap, const char *pattern) {
    weir_gen_text text = {0};
    weir_gen_expand(g, &text, pattern, NULL, NULL);
    snprintf(to, cap, "%s", text.data ? text.data : "");
    weir_gen_text_free(&text);
}

static void draw_name(weir_story_world *world, weir_story_person *person) {
    choice c = {.n = 0};
    for (uint32_t i = 0; i < weir_story_n_names; i++) {
        const weir_story_name *name = &weir_story_names[i];
        bool is_used = false;
        for (uint32_t w = 0; w < WEIR_STORY_N_WHO; w++)
            is_used |= world->who[w].name == name->name;
        if (is_in_part(world->g, i, weir_story_n_names) && name->is_she == person->is_she &&
            !is_used)
            choice_add(&c, i);
    }
    person->name = weir_story_names[choice_draw(world, &c, "names")].name;
}

static void draw_hero(weir_story_world *world, const weir_story_wish *wish) {
    weir_gen *g = world->g;
    weir_story_person *hero = &world->who[WEIR_STORY_HERO];
    hero->kind = find_kind(wish->kind);
    if (!hero->kind) {
        choice c = {.n = 0};
        for (uint32_t i = 0; i < weir_story_n_kinds; i++)
            if (is_in_part(g, i, weir_story_n_kinds) &&
                plot_takes_kind(world->plot, &weir_story_kinds[i]) &&
                !plot_mentions(world->plot, weir_story_kinds[i].noun))
                choice_add(&c, i);
        hero->kind = &weir_story_kinds[choice_draw(world, &c, "kinds for the hero")];
    }
    hero->noun = hero->kind->noun;
    uint32_t flags = hero->kind->flags;
    if (flags & (WEIR_STORY_HE | WEIR_STORY_SHE))
        hero->is_she = (flags & WEIR_STORY_SHE) != 0;
    else
        hero->is_she = weir_gen_chance(g, 0.5);
    if (wish->is_named || weir_gen_chance(g, 0.75))
        draw_name(world, hero);
    draw_words(g, hero->size, sizeof(hero->size), hero->kind->size);
}

static void draw_trait(weir_story_world *world, const weir_story_wish *wish) {
    world->trait = find_trait(wish->trait);
    if (world->trait || (!world->plot->traits && weir_gen_chance(world->g, 0.3)))
        return;
    const weir_story_trait *brave = NULL; /* in plots about it, often the one */
    if ((world->plot->flags & WEIR_STORY_BRAVE) && !world->plot->traits)
        brave = find_trait("brave");
    if (brave && weir_gen_chance(world->g, 0.35)) {
        world->trait = brave;
        return;
    }
    choice c = {.n = 0};
    for (uint32_t i = 0; i < weir_story_n_traits; i++)
        if (plot_takes_trait(world->plot, &weir_story_traits[i]) && &weir_story_traits[i] != brave)
            choice_add(&c, i);
    world->trait = &weir_story_traits[choice_draw(world, &c, "traits")];
}

static const weir_story_plots *const plot_lists[] = {
    &weir_story_plots_lost,  &weir_story_plots_brave, &weir_story_plots_kind,
    &weir_story_plots_learn, &weir_story_plots_play,  &weir_story_plots_home,
};

enum { N_PLOT_LISTS = sizeof(plot_lists) / sizeof(plot_lists[0]) };

uint32_t weir_story_n_plots(void) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < N_PLOT_LISTS; i++)
        n += plot_lists[i]->n;
    return n;
}

const weir_story_plot *weir_story_plot_at(uint32_t i) {
    for (uint32_t list = 0; list < N_PLOT_LISTS; list++) {
        if (i < plot_lists[list]->n)
            return &plot_lists[list]->plots[i];
        i -= plot_lists[list]->n;
    }
    return NULL;
}

/* Can any kind of this part of the tables play the hero? */
static bool plot_has_hero(const weir_gen *g, const weir_story_plot *plot) {
    for (uint32_t i = 0; i < weir_story_n_kinds; i++)
        if (is_in_part(g, i, weir_story_n_kinds) && plot_takes_kind(plot, &weir_story_kinds[i]))
            return true;
    return false;
}

void weir_story_world_draw(weir_story_world *world, weir_gen *g, const weir_story_wish *wish) {
    world->g = g;
    const weir_story_kind *kind = find_kind(wish->kind);
    const weir_story_trait *trait = find_trait(wish->trait);
    choice c = {.n = 0};
    for (uint32_t i = 0; i < weir_story_n_plots(); i++) {
        const weir_story_plot *plot = weir_story_plot_at(i);
        if ((plot->flags & wish->plot_flags) != wish->plot_flags ||
            (plot->flags & wish->plot_flags_not) != 0 || plot == wish->not_plot)
            continue;
        if (wish->plot && plot != wish->plot)
            continue;
        if (kind ? !plot_takes_kind(plot, kind) || plot_mentions(plot, kind->noun)
                 : !plot_has_hero(g, plot))
            continue;
        if (trait && !plot_takes_trait(plot, trait))
            continue;
        choice_add(&c, i);
    }
    world->plot = weir_story_plot_at(choice_draw(world, &c, "plots"));
    draw_trait(world, wish);
    draw_hero(world, wish);
    weir_story_world_rewind(world);
}

void weir_story_world_rewind(weir_story_world *world) {
    for (uint32_t i = 0; i < WEIR_STORY_N_WHO; i++)
        world->who[i].is_met = false;
    for (uint32_t i = 0; i < 2; i++) {
        weir_story_thing *thing = &world->thing[i];
        thing->holder = WEIR_STORY_NOBODY;
        thing->is_met = thing->is_broken = thing->is_gone = false;
        world->is_place_met[i] = false;
    }
    world->feeling = NULL;
}

void weir_story_world_free(weir_story_world *world) {
    for (uint32_t i = 0; i < N_SCRATCH; i++)
        weir_gen_text_free(&world->scratch[i]);
    *world = (weir_story_world){0};
}

static void draw_friend(weir_story_world *world) {
    weir_gen *g = world->g;
    const weir_story_person *hero = &world->who[WEIR_STORY_HERO];
    weir_story_person *friend = &world->who[WEIR_STORY_FRIEND];
    uint32_t flags = hero->kind->flags, wanted = WEIR_STORY_ANIMAL | WEIR_STORY_MAGIC;
    if (flags & WEIR_STORY_CHILD)
        wanted = WEIR_STORY_CHILD | WEIR_STORY_PET | WEIR_STORY_MAGIC;
    else if (flags & WEIR_STORY_ADULT)
        wanted = WEIR_STORY_ADULT | WEIR_STORY_PET;
    else if (flags & WEIR_STORY_ANIMAL)
        wanted = WEIR_STORY_ANIMAL;
    choice c = {.n = 0};
    for (int is_strict = 1; is_strict >= 0 && c.n == 0; is_strict--)
        for (uint32_t i = 0; i < weir_story_n_kinds; i++) {
            const weir_story_kind *kind = &weir_story_kinds[i];
            if (is_in_part(g, i, weir_story_n_kinds) && kind != hero->kind &&
                (!is_strict || (kind->flags & wanted)) &&
                has_any(kind->flags, world->plot->friend) && !strstr(kind->noun, hero->noun) &&
                !strstr(hero->noun, kind->noun))
                choice_add(&c, i);
        }
    friend->kind = &weir_story_kinds[choice_draw(world, &c, "kinds for the friend")];
    friend->noun = friend->kind->noun;
    if (friend->kind->flags & (WEIR_STORY_HE | WEIR_STORY_SHE))
        friend->is_she = (friend->kind->flags & WEIR_STORY_SHE) != 0;
    else /* mostly the other pronoun, which keeps the two apart */
        friend->is_she = weir_gen_chance(g, 0.9) ? !hero->is_she : hero->is_she;
    draw_name(world, friend);
    draw_words(g, friend->size, sizeof(friend->size), friend->kind->size);
}

static void draw_elder(weir_story_world *world) {
    const weir_story_kind *kind = world->who[WEIR_STORY_HERO].kind;
    const weir_story_kind *friend = world->who[WEIR_STORY_FRIEND].kind;
    weir_story_person *elder = &world->who[WEIR_STORY_ELDER];
    uint32_t world_flags =
        WEIR_STORY_ANIMAL | WEIR_STORY_CHILD | WEIR_STORY_ADULT | WEIR_STORY_MAGIC;
    choice c = {.n = 0};
    for (uint32_t i = 0; i < weir_story_n_elders; i++) {
        const weir_story_elder *row = &weir_story_elders[i];
        if ((row->flags & kind->flags & world_flags) && !strstr(row->noun, kind->noun) &&
            !plot_mentions(world->plot, row->noun) && !(friend && strstr(row->noun, friend->noun)))
            choice_add(&c, i);
    }
    elder->noun = weir_story_elders[choice_draw(world, &c, "elders")].noun;
    elder->is_she = weir_gen_chance(world->g, 0.5);
    snprintf(elder->size, sizeof(elder->size), "old");
}

static void draw_mother(weir_story_world *world) {
    static const struct {
        const char *noun;
        bool is_she;
    } row[] = {{"mother", true}, {"father", false}, {"grandmother", true}, {"grandfather", false}};
    uint32_t i = weir_gen_below(world->g, sizeof(row) / sizeof(row[0]));
    world->who[WEIR_STORY_MOTHER].noun = row[i].noun;
    world->who[WEIR_STORY_MOTHER].is_she = row[i].is_she;
}

static weir_story_person *meet(weir_story_world *world, weir_story_who who) {
    weir_story_person *person = &world->who[who];
    if (!person->noun) {
        if (who == WEIR_STORY_FRIEND)
            draw_friend(world);
        else if (who == WEIR_STORY_ELDER)
            draw_elder(world);
        else
            draw_mother(world);
    }
    person->is_met = true;
    return person;
}

static weir_story_thing *draw_thing(weir_story_world *world, uint32_t at) {
    weir_story_thing *thing = &world->thing[at];
    const weir_story_kind *hero = world->who[WEIR_STORY_HERO].kind;
    if (!thing->object) {
        uint32_t flags = at ? world->plot->thing : world->plot->object;
        if (hero->flags & WEIR_STORY_TINY)
            flags |= WEIR_STORY_POCKET;
        choice c = {.n = 0};
        for (int is_strict = 1; is_strict >= 0 && c.n == 0; is_strict--) {
            for (uint32_t i = 0; i < weir_story_n_objects; i++) {
                const weir_story_object *object = &weir_story_objects[i];
                if (is_in_part(world->g, i, weir_story_n_objects) &&
                    (object->flags & flags) == flags && object != world->thing[!at].object &&
                    strcmp(object->noun, hero->noun) != 0)
                    choice_add(&c, i);
            }
            flags &= ~(uint32_t)WEIR_STORY_POCKET; /* no small one of this sort: any size */
        }
        thing->object = &weir_story_objects[choice_draw(world, &c, "things")];
        draw_words(world->g, thing->adjective, sizeof(thing->adjective), thing->object->adjectives);
    }
    thing->is_met = true;
    return thing;
}

static const weir_story_place *meet_place(weir_story_world *world, uint32_t at) {
    if (!world->place[at]) {
        choice c = {.n = 0};
        for (uint32_t i = 0; i < weir_story_n_places; i++)
            if (has_any(weir_story_places[i].flags, at ? 0 : world->plot->place) &&
                &weir_story_places[i] != world->place[!at])
                choice_add(&c, i);
        world->place[at] = &weir_story_places[choice_draw(world, &c, "places")];
    }
    world->is_place_met[at] = true;
    return world->place[at];
}

static const weir_story_weather *meet_weather(weir_story_world *world) {
    if (!world->weather) {
        choice c = {.n = 0};
        for (uint32_t i = 0; i < weir_story_n_weathers; i++)
            if (has_any(weir_story_weathers[i].flags, world->plot->weather))
                choice_add(&c, i);
        world->weather = &weir_story_weathers[choice_draw(world, &c, "weathers")];
    }
    return world->weather;
}

/* ---- slots ---------------------------------------------------------------------------------- */

static const char *slot(void *context, const char *name, size_t n);

/* One of the texts that live until a dozen more slots were read. */
static weir_gen_text *take_scratch(weir_story_world *world) {
    weir_gen_text *text = &world->scratch[world->next_scratch++ % N_SCRATCH];
    weir_gen_text_clear(text);
    return text;
}

static const char *text_of(const weir_gen_text *text) {
    return text->data ? text->data : "";
}

static const char *expanded(weir_story_world *world, const char *pattern) {
    weir_gen_text text = {0};
    weir_gen_expand(world->g, &text, pattern, slot, world);
    weir_gen_text *kept = take_scratch(world); /* only now: the pattern took some itself */
    weir_gen_put(world->g, kept, text_of(&text));
    weir_gen_text_free(&text);
    return text_of(kept);
}

static const char *article(const char *word) {
    static const char *const not_a_vowel[] = {"unicorn", "useful", "one", "ukulele"};
    for (size_t i = 0; i < sizeof(not_a_vowel) / sizeof(not_a_vowel[0]); i++)
        if (strncmp(word, not_a_vowel[i], strlen(not_a_vowel[i])) == 0)
            return "a";
    return strchr("aeiouAEIOU", word[0]) ? "an" : "a";
}

static const char *joined(weir_story_world *world, const char *a, const char *b, const char *c) {
    weir_gen_text *text = take_scratch(world);
    weir_gen_putf(world->g, text, "%s%s%s%s%s", a, *a && *b ? " " : "", b,
                  *c && (*a || *b) ? " " : "", c);
    return text_of(text);
}

static const char *with_article(weir_story_world *world, const char *words) {
    return joined(world, article(words), words, "");
}

const char *weir_story_describe(weir_story_world *world, const char *trait, const char *size,
                                const char *noun) {
    static const char *const behind[] = {"little", "young", "old"};
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
        if (strcmp(size, behind[i]) == 0)
            return joined(world, trait, size, noun);
    return joined(world, size, trait, noun);
}

/* Words of a title: each with a capital. */
static const char *titled(weir_story_world *world, const char *words) {
    weir_gen_text *text = take_scratch(world);
    weir_gen_put(world->g, text, words);
    for (size_t i = 0; i < text->n; i++)
        if (text->data[i] >= 'a' && text->data[i] <= 'z' && (i == 0 || text->data[i - 1] == ' '))
            text->data[i] = (char)(text->data[i] - 'a' + 'A');
    return text_of(text);
}

/* Does the noun alone tell who is meant? */
static bool is_noun_clear(const weir_story_world *world, weir_story_who who) {
    for (uint32_t i = 0; i < WEIR_STORY_ELDER; i++)
        if (i != (uint32_t)who && world->who[i].noun &&
            strcmp(world->who[i].noun, world->who[who].noun) == 0)
            return false;
    return true;
}

static const char *introduce(weir_story_world *world, weir_story_who who);

static const char *refer(weir_story_world *world, weir_story_who who) {
    if (!world->who[who].is_met && (who == WEIR_STORY_FRIEND || who == WEIR_STORY_ELDER))
        return introduce(world, who);
    weir_story_person *person = meet(world, who);
    if (who == WEIR_STORY_MOTHER)
        return joined(world, world->who[WEIR_STORY_HERO].is_she ? "her" : "his", person->noun, "");
    if (person->name && (!is_noun_clear(world, who) || weir_gen_chance(world->g, 0.75)))
        return person->name;
    bool is_sized = person->size[0] && weir_gen_chance(world->g, 0.3);
    return joined(world, "the", is_sized ? person->size : "", person->noun);
}

static const char *introduce(weir_story_world *world, weir_story_who who) {
    weir_story_person *person = meet(world, who);
    weir_gen *g = world->g;
    const char *trait = "";
    if (who == WEIR_STORY_HERO && world->trait)
        trait = world->trait->word;
    if (who == WEIR_STORY_FRIEND && person->name && weir_gen_chance(g, 0.3))
        return joined(world, person->name, "the", person->noun);
    bool is_sized = person->size[0] && (who == WEIR_STORY_ELDER || weir_gen_chance(g, 0.7));
    const char *words = with_article(
        world, weir_story_describe(world, trait, is_sized ? person->size : "", person->noun));
    if (person->name)
        words = joined(world, words, weir_gen_chance(g, 0.7) ? "named" : "called", person->name);
    return words;
}

/* "the mouse" in titles: "The Brave Mouse", or the name. */
static const char *title_of(weir_story_world *world, weir_story_who who) {
    weir_story_person *person = meet(world, who);
    if (person->name && weir_gen_chance(world->g, 0.6))
        return person->name;
    const char *trait = "";
    if (who == WEIR_STORY_HERO && world->trait)
        trait = world->trait->word;
    return titled(world, joined(world, "the", *trait ? trait : person->size, person->noun));
}

static const char *call(weir_story_world *world, weir_story_who who) {
    weir_story_person *person = meet(world, who);
    if (person->name)
        return person->name;
    if (who == WEIR_STORY_MOTHER)
        return titled(world, person->noun);
    if (who == WEIR_STORY_ELDER)
        return joined(world, "old", person->noun, "");
    return joined(world, strcmp(person->size, "old") == 0 ? "dear" : "little", person->noun, "");
}

static bool is_word(const char *name, size_t n, const char *word) {
    return strlen(word) == n && memcmp(name, word, n) == 0;
}

static const char *pronoun(bool is_she, const char *attr, size_t n) {
    if (is_word(attr, n, "he"))
        return is_she ? "she" : "he";
    if (is_word(attr, n, "him"))
        return is_she ? "her" : "him";
    if (is_word(attr, n, "his"))
        return is_she ? "her" : "his";
    if (is_word(attr, n, "himself"))
        return is_she ? "herself" : "himself";
    return NULL;
}

static const char *person_slot(weir_story_world *world, weir_story_who who, const char *attr,
                               size_t n) {
    if (n == 0)
        return refer(world, who);
    if (is_word(attr, n, "intro"))
        return introduce(world, who);
    if (is_word(attr, n, "first")) /* introduced, unless that was done */
        return world->who[who].is_met ? refer(world, who) : introduce(world, who);
    if (is_word(attr, n, "call"))
        return call(world, who);
    if (is_word(attr, n, "T"))
        return title_of(world, who);
    bool is_new = !world->who[who].is_met;
    weir_story_person *person = meet(world, who);
    const char *words = pronoun(person->is_she, attr, n);
    if (words)
        return words;
    if (is_word(attr, n, "n") && is_new && who == WEIR_STORY_FRIEND)
        return joined(world, person->name, "the", person->noun);
    if (is_word(attr, n, "n"))
        return person->name ? person->name : joined(world, "the", person->noun, "");
    if (is_word(attr, n, "k"))
        return person->noun;
    if (is_word(attr, n, "a"))
        return with_article(world, person->noun);
    if (is_word(attr, n, "KT"))
        return titled(world, person->noun);
    const weir_story_kind *kind = person->kind;
    if (!kind)
        return NULL;
    if (is_word(attr, n, "ks"))
        return kind->plural;
    if (is_word(attr, n, "home"))
        return kind->home;
    if (is_word(attr, n, "live"))
        return expanded(world, kind->live);
    if (is_word(attr, n, "food"))
        return kind->food;
    if (is_word(attr, n, "ran"))
        return expanded(world, kind->ran);
    if (is_word(attr, n, "went"))
        return expanded(world, kind->went);
    if (is_word(attr, n, "cried"))
        return weir_gen_chance(world->g, 0.5) ? kind->voice : "cried";
    if (is_word(attr, n, "body"))
        return kind->body;
    return NULL;
}

static const char *thing_slot(weir_story_world *world, uint32_t at, const char *attr, size_t n) {
    weir_story_thing *thing = draw_thing(world, at);
    const weir_story_object *object = thing->object;
    bool is_new = !thing->is_met;
    thing->is_met = true;
    bool is_other_same =
        world->thing[!at].object && strcmp(world->thing[!at].object->noun, object->noun) == 0;
    if (n == 0 && is_new)
        return with_article(world, joined(world, thing->adjective, object->noun, ""));
    if (n == 0)
        return joined(world, "the",
                      is_other_same || weir_gen_chance(world->g, 0.3) ? thing->adjective : "",
                      object->noun);
    if (is_word(attr, n, "a"))
        return with_article(world, joined(world, thing->adjective, object->noun, ""));
    if (is_word(attr, n, "an"))
        return with_article(world, object->noun);
    if (is_word(attr, n, "n"))
        return object->noun;
    if (is_word(attr, n, "adj"))
        return thing->adjective;
    if (is_word(attr, n, "full"))
        return joined(world, "the", thing->adjective, object->noun);
    if (is_word(attr, n, "his"))
        return joined(world, world->who[WEIR_STORY_HERO].is_she ? "her" : "his",
                      weir_gen_chance(world->g, 0.4) ? thing->adjective : "", object->noun);
    if (is_word(attr, n, "T"))
        return titled(world, object->noun);
    if (is_word(attr, n, "AT"))
        return titled(world, joined(world, thing->adjective, object->noun, ""));
    if (is_word(attr, n, "v"))
        return object->v;
    if (is_word(attr, n, "ved"))
        return object->ved;
    if (is_word(attr, n, "ving"))
        return object->ving;
    if (is_word(attr, n, "broke"))
        return expanded(world, object->broke ? object->broke : "broke");
    if (is_word(attr, n, "mended"))
        return expanded(world, object->mended ? object->mended : "mended it");
    return NULL;
}

static const char *place_slot(weir_story_world *world, uint32_t at, const char *attr, size_t n) {
    const weir_story_place *place = meet_place(world, at);
    if (n == 0)
        return joined(world, "the", place->noun, "");
    if (is_word(attr, n, "in"))
        return place->in;
    if (is_word(attr, n, "to"))
        return place->to;
    if (is_word(attr, n, "n"))
        return place->noun;
    if (is_word(attr, n, "T"))
        return titled(world, place->noun);
    if (is_word(attr, n, "spot"))
        return expanded(world, place->spot);
    return NULL;
}

static const char *macro_slot(weir_story_world *world, const char *name, size_t n) {
    for (uint32_t i = 0; i < weir_story_n_macros; i++)
        if (is_word(name, n, weir_story_macros[i].name))
            return expanded(world, weir_story_macros[i].pattern);
    return NULL;
}

/* "feel.proud": the word; "look.proud": what shows it. Either is remembered. */
static const char *feeling_slot(weir_story_world *world, const char *word, size_t n, bool is_look) {
    for (uint32_t i = 0; i < weir_story_n_feelings; i++) {
        const weir_story_feeling *feeling = &weir_story_feelings[i];
        if (!is_word(word, n, feeling->word))
            continue;
        world->feeling = feeling;
        return expanded(world, is_look ? feeling->look : feeling->said);
    }
    return NULL;
}

/* ---- effects -------------------------------------------------------------------------------- */

static weir_story_who who_of(char letter) {
    switch (letter) {
    case 'h':
        return WEIR_STORY_HERO;
    case 'f':
        return WEIR_STORY_FRIEND;
    case 'e':
        return WEIR_STORY_ELDER;
    case 'm':
        return WEIR_STORY_MOTHER;
    default:
        return WEIR_STORY_NOBODY;
    }
}

/* name: the words behind '!'. False: unknown, or its condition does not hold. */
static bool take_effect(weir_story_world *world, const char *name, size_t n) {
    char verb[8] = "", arg[3][4] = {"", "", ""}, line[40];
    if (n >= sizeof(line))
        return false;
    memcpy(line, name, n);
    line[n] = 0;
    int n_words = sscanf(line, "%7s %3s %3s %3s", verb, arg[0], arg[1], arg[2]);
    if (n_words < 2)
        return false;
    const char *last = arg[n_words - 2];
    if ((last[0] != 'o' && last[0] != 't') || last[1])
        return false;
    weir_story_thing *thing = draw_thing(world, last[0] == 't');
    weir_story_who giver = who_of(arg[0][0]), taker = who_of(arg[1][0]);
    if (thing->is_gone)
        return false;
    if (strcmp(verb, "has") == 0 && n_words == 3) {
        if (giver == WEIR_STORY_NOBODY || thing->holder != WEIR_STORY_NOBODY)
            return false;
        thing->holder = giver;
    } else if (strcmp(verb, "give") == 0 && n_words == 4) {
        if (giver == WEIR_STORY_NOBODY || taker == WEIR_STORY_NOBODY || thing->holder != giver)
            return false;
        thing->holder = taker;
    } else if (strcmp(verb, "lose") == 0 && n_words == 3) {
        if (giver == WEIR_STORY_NOBODY || thing->holder != giver)
            return false;
        thing->holder = WEIR_STORY_NOBODY;
    } else if (strcmp(verb, "break") == 0 && n_words == 2) {
        if (thing->is_broken)
            return false;
        thing->is_broken = true;
    } else if (strcmp(verb, "mend") == 0 && n_words == 2) {
        if (!thing->is_broken)
            return false;
        thing->is_broken = false;
    } else if (strcmp(verb, "gone") == 0 && n_words == 2) {
        thing->holder = WEIR_STORY_NOBODY;
        thing->is_gone = true;
    } else {
        return false;
    }
    return true;
}

static const char *small_slot(weir_story_world *world, const char *name, size_t n) {
    if (name[0] == '!') {
        if (!take_effect(world, name + 1, n - 1)) {
            world->fault = name;
            world->g->is_failed = true;
        }
        return "";
    }
    const char *dot = memchr(name, '.', n);
    size_t n_head = dot ? (size_t)(dot - name) : n;
    const char *attr = dot ? dot + 1 : name + n;
    size_t n_attr = (size_t)(name + n - attr);
    if (n_head == 1) {
        weir_story_who who = who_of(name[0]);
        if (who != WEIR_STORY_NOBODY)
            return person_slot(world, who, attr, n_attr);
        if (name[0] == 'o' || name[0] == 't')
            return thing_slot(world, name[0] == 't', attr, n_attr);
        if (name[0] == 'p' || name[0] == 'q')
            return place_slot(world, name[0] == 'q', attr, n_attr);
        if (name[0] == 'w')
            return n_attr ? expanded(world, meet_weather(world)->line)
                          : meet_weather(world)->adjective;
    }
    if (dot && is_word(name, n_head, "feel"))
        return feeling_slot(world, attr, n_attr, false);
    if (dot && is_word(name, n_head, "look"))
        return feeling_slot(world, attr, n_attr, true);
    const char *words = pronoun(world->who[WEIR_STORY_HERO].is_she, name, n);
    return words ? words : macro_slot(world, name, n);
}

static const char *slot(void *context, const char *name, size_t n) {
    weir_story_world *world = context;
    if (n == 0 || name[0] < 'A' || name[0] > 'Z') {
        const char *words = small_slot(world, name, n);
        if (!words) {
            world->fault = name;
            world->g->is_failed = true;
        }
        return words ? words : "";
    }
    char lower[40];
    if (n >= sizeof(lower))
        n = sizeof(lower) - 1;
    memcpy(lower, name, n);
    lower[n] = 0;
    lower[0] = (char)(lower[0] - 'A' + 'a');
    const char *words = small_slot(world, lower, n);
    if (!words) {
        world->fault = name;
        world->g->is_failed = true;
        return "";
    }
    weir_gen_text *text = take_scratch(world);
    weir_gen_put(world->g, text, words);
    if (text->n && text->data[0] >= 'a' && text->data[0] <= 'z')
        text->data[0] = (char)(text->data[0] - 'a' + 'A');
    return text_of(text);
}

void weir_story_tell(weir_story_world *world, weir_gen_text *text, const char *pattern) {
    weir_gen_expand(world->g, text, pattern, slot, world);
}
