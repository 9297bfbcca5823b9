/* gen_instruction_world.c: tasks about a child's world: what animals say, colours, what things are
 * for, and small scenes in which somebody is the tallest or a thing is carried about.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <string.h>

/* ---- facts ---------------------------------------------------------------------------------- */

static void colour(weir_task *task) {
    static const char *const asks[] = {
        "What colour is {a}?",
        "Which colour does {a} have?",
        "[Tell me|Name] the colour of {a}.",
        "[Can|Could] you tell me the colour of {a}?",
        "~Colour of {a}[?|:]",
        ">And {a}?",
        ">[What about|How about] {a}?",
        NULL,
    };
    const weir_word_pair *pair = &weir_word_colours[weir_gen_below(task->g, weir_word_n_colours)];
    weir_task_set(task, "a", pair->a);
    weir_task_set(task, "b", pair->b);
    weir_task_ask(task, asks);
    weir_task_say(task, "The colour of {a} is {b}.");
    weir_task_item(task, pair->b);
    task->key = "colour";
}

/* An animal for which the field at this offset is known. */
typedef enum animal_field { SOUND, BABY, HOME, LEGS, FLIES } animal_field;

static const weir_word_animal *draw_animal(weir_gen *g, animal_field field) {
    for (;;) {
        const weir_word_animal *animal = &weir_word_animals[weir_gen_below(g, weir_word_n_animals)];
        if ((field == SOUND && animal->sound) || (field == BABY && animal->baby) ||
            (field == HOME && animal->home) || field == LEGS ||
            (field == FLIES && animal->flies >= 0))
            return animal;
    }
}

static void set_animal(weir_task *task, const weir_word_animal *animal) {
    weir_task_set(task, "a", animal->noun);
    weir_task_set(task, "an", weir_word_article(animal->noun));
    weir_task_set(task, "An",
                  *weir_word_article(animal->noun) && weir_word_article(animal->noun)[1] ? "An"
                                                                                         : "A");
}

static void sound(weir_task *task) {
    static const char *const asks[] = {
        "What does {an} {a} say?",
        "What sound does {an} {a} make?",
        "[Tell me what {an} {a} says.|Do you know what {an} {a} says?]",
        "[Can|Could] you say what {an} {a} says?",
        "~Sound of {an} {a}[?|:]",
        ">And {an} {a}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, SOUND);
    set_animal(task, animal);
    weir_task_set(task, "b", animal->sound);
    weir_task_ask(task, asks);
    weir_task_say(task, "{An} {a} says {b}.");
    weir_task_item(task, animal->sound);
    weir_gen_put(task->g, &task->given, animal->noun);
    task->given_key = "animal";
    task->key = "sound";
}

static void who_says(weir_task *task) {
    static const char *const asks[] = {
        "Which animal says {b}?",
        "Who says {b}?",
        "[Tell me|Name] the animal that says {b}.",
        "What animal makes the sound {b}?",
        "~Says {b}:",
        ">And who says {b}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, SOUND);
    set_animal(task, animal);
    weir_task_set(task, "b", animal->sound);
    weir_task_ask(task, asks);
    weir_task_say(task, "{An} {a} says {b}.");
    weir_task_item(task, animal->noun);
    weir_gen_put(task->g, &task->given, animal->sound);
    task->given_key = "sound";
    task->key = "animal";
}

static void baby(weir_task *task) {
    static const char *const asks[] = {
        "What do you call [a young|a baby] {a}?",
        "What is a baby {a} called?",
        "What is the name for a young {a}?",
        "[Tell me what a young {a} is called.|Do you know what a young {a} is called?]",
        "~Young {a}[?|:]",
        ">And a young {a}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, BABY);
    set_animal(task, animal);
    weir_task_set(task, "b", animal->baby);
    weir_task_set(task, "bn", weir_word_article(animal->baby));
    weir_task_ask(task, asks);
    weir_task_say(task, "A young {a} is called {bn} {b}.");
    weir_task_item(task, animal->baby);
    weir_gen_put(task->g, &task->given, animal->noun);
    task->given_key = "animal";
    task->key = "baby";
}

static void home(weir_task *task) {
    static const char *const asks[] = {
        "Where does {an} {a} live?",
        "Where is the home of {an} {a}?",
        "In what does {an} {a} live?",
        "[Tell me where {an} {a} lives.|Do you know where {an} {a} lives?]",
        "~Home of {an} {a}[?|:]",
        ">And {an} {a}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, HOME);
    set_animal(task, animal);
    weir_task_set(task, "b", animal->home);
    weir_task_ask(task, asks);
    weir_task_say(task, "{An} {a} lives in {b}.");
    weir_task_item(task, animal->home);
    task->key = "home";
}

static void legs(weir_task *task) {
    static const char *const asks[] = {
        "How many legs does {an} {a} have?",
        "How many legs has {an} {a}?",
        "[Tell me|Say] how many legs {an} {a} has.",
        "~Legs of {an} {a}[?|:]",
        ">And {an} {a}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, LEGS);
    set_animal(task, animal);
    weir_task_set_number(task, "n", animal->legs);
    weir_task_ask(task, asks);
    weir_task_say(task, "{An} {a} has {n} legs.");
    weir_task_item_number(task, animal->legs);
    weir_gen_put(task->g, &task->given, animal->noun);
    task->given_key = "animal";
    task->key = "legs";
}

static void can_fly(weir_task *task) {
    static const char *const asks[] = {
        "Can {an} {a} fly?",
        "Is {an} {a} able to fly?",
        "[Tell me if {an} {a} can fly.|Can you tell me if {an} {a} can fly?]",
        "Does {an} {a} fly?",
        ">And {an} {a}?",
        NULL,
    };
    const weir_word_animal *animal = draw_animal(task->g, FLIES);
    set_animal(task, animal);
    weir_task_ask(task, asks);
    weir_task_say(task, animal->flies ? "Yes, {an} {a} can fly." : "No, {an} {a} cannot fly.");
    weir_task_item(task, animal->flies ? "yes" : "no");
    task->shape = WEIR_TASK_YES_NO;
}

static void part(weir_task *task) {
    static const char *const asks[] = {
        "What do we {a} with?",
        "Which part of the body do we {a} with?",
        "With what do [people|you and I] {a}?",
        "[Tell me|Name] the part of the body that we {a} with.",
        ">And what do we {a} with?",
        NULL,
    };
    const weir_word_pair *pair = &weir_word_parts[weir_gen_below(task->g, weir_word_n_parts)];
    weir_task_set(task, "a", pair->a);
    weir_task_set(task, "b", pair->b);
    weir_task_ask(task, asks);
    weir_task_say(task, "We {a} with our {b}.");
    weir_task_item(task, pair->b);
    task->key = "part";
}

static void use(weir_task *task) {
    static const char *const asks[] = {
        "What do we use to {a}?",
        "What do you need to {a}?",
        "[Tell me|Name] the thing we use to {a}.",
        "I want to {a}. What do I need?",
        "~To {a} we use:",
        ">And to {a}?",
        NULL,
    };
    const weir_word_pair *pair = &weir_word_uses[weir_gen_below(task->g, weir_word_n_uses)];
    weir_task_set(task, "a", pair->a);
    weir_task_set(task, "b", pair->b);
    weir_task_ask(task, asks);
    weir_task_say(task, "We use {b} to {a}.");
    weir_task_item(task, pair->b);
    task->key = "thing";
}

/* ---- scenes --------------------------------------------------------------------------------- */

static void add_wrong_names(weir_task *task, const char *const *names, uint32_t n, uint32_t right) {
    for (uint32_t i = 0; i < n; i++)
        if (i != right)
            weir_task_wrong(task, names[i]);
}

/* "Tom is taller than Anna. Anna is taller than Ben. Who is the tallest?" */
static void compare(weir_task *task) {
    static const char *const relations[][3] = {
        {"taller", "tallest", "shortest"}, {"older", "oldest", "youngest"},
        {"faster", "fastest", "slowest"},  {"stronger", "strongest", "weakest"},
        {"richer", "richest", "poorest"},  {"louder", "loudest", "quietest"},
        {"bigger", "biggest", "smallest"},
    };
    static const char *const asks[] = {
        "{facts} Who is the {most}?",
        "{facts} Which one is the {most}?",
        "{facts} [Tell me who is the {most}.|Can you tell me who is the {most}?]",
        "Listen: {facts} Now, who is the {most}?",
        NULL,
    };
    uint32_t which = weir_gen_below(task->g, WEIR_COUNT(relations));
    uint32_t n = 2 + weir_gen_below(task->g, 2);
    const char *names[3];
    weir_word_names(task->g, names, n);
    bool is_swapped = n == 3 && weir_gen_chance(task->g, 0.5);
    for (uint32_t i = 0; i + 1 < n; i++) {
        uint32_t k = is_swapped ? n - 2 - i : i;
        weir_gen_putf(task->g, &task->scratch, "%s%s is %s than %s.", i ? " " : "", names[k],
                      relations[which][0], names[k + 1]);
    }
    if (task->g->is_failed)
        return;
    bool is_most = weir_gen_chance(task->g, 0.5);
    uint32_t right = is_most ? 0 : n - 1;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "most", relations[which][is_most ? 1 : 2]);
    weir_task_set(task, "b", names[right]);
    weir_task_ask(task, asks);
    weir_task_say(task, "{b} is the {most}.");
    weir_task_item(task, names[right]);
    add_wrong_names(task, names, n, right);
    task->key = "name";
}

static const char *const holders[] = {"box", "bag",      "basket", "drawer", "bucket",
                                      "jar", "cupboard", "pocket", "chest",  "bowl",
                                      "pot", "case",     "tent",   "boat"};
static const weir_word_table holder_table = {holders, WEIR_COUNT(holders)};

/* A thing is carried from one place to the next. */
static void follow_thing(weir_task *task) {
    static const char *const asks[] = {
        "{facts} Where is the {a} now?",
        "{facts} Where is the {a}?",
        "{facts} In what is the {a} now?",
        "{facts} [Tell me where the {a} is now.|Can you tell me where the {a} is now?]",
        NULL,
    };
    const char *things[2], *places[4];
    const char *name = weir_word_name(task->g, NULL);
    weir_word_objects(task->g, things, 2);
    /* Held-out rows are few, so the second thing may share a place. */
    uint32_t n_moves = task->g->is_held_out ? 1 : 1 + weir_gen_below(task->g, 2);
    for (uint32_t i = 0; i <= n_moves; i++) {
        bool is_new;
        do {
            places[i] = weir_word_draw(task->g, &holder_table);
            is_new = true;
            for (uint32_t j = 0; j < i; j++)
                is_new = is_new && places[j] != places[i];
        } while (!is_new);
    }
    weir_gen_putf(task->g, &task->scratch, "The %s is in the %s.", things[0], places[0]);
    bool has_other = weir_gen_chance(task->g, 0.5);
    if (has_other)
        weir_gen_putf(task->g, &task->scratch, " The %s is in the %s.", things[1], places[0]);
    for (uint32_t i = 1; i <= n_moves; i++)
        weir_gen_putf(
            task->g, &task->scratch, " %s %s the %s %s the %s.", i == 1 ? name : "Then somebody",
            weir_gen_chance(task->g, 0.5) ? "moves" : "puts", things[0], "into", places[i]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "a", things[0]);
    weir_task_set(task, "b", places[n_moves]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The {a} is in the {b}.");
    weir_task_item(task, places[n_moves]);
    for (uint32_t i = 0; i < n_moves; i++)
        weir_task_wrong(task, places[i]);
    task->key = "place";
}

/* Two things change places with a box; one of them is in it in the end. */
static void what_is_in(weir_task *task) {
    static const char *const asks[] = {
        "{facts} What is in the {b} now?",
        "{facts} What is in the {b}?",
        "{facts} [Tell me what is in the {b} now.|Can you tell me what is in the {b} now?]",
        "{facts} What would you find in the {b} now?",
        NULL,
    };
    const char *things[2];
    weir_word_objects(task->g, things, 2);
    const char *place = weir_word_draw(task->g, &holder_table);
    const char *name = weir_word_name(task->g, NULL);
    weir_gen_putf(task->g, &task->scratch,
                  "There is %s %s in the %s. %s takes out the %s and puts in %s %s.",
                  weir_word_article(things[0]), things[0], place, name, things[0],
                  weir_word_article(things[1]), things[1]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "a", things[1]);
    weir_task_set(task, "an", weir_word_article(things[1]));
    weir_task_set(task, "b", place);
    weir_task_ask(task, asks);
    weir_task_say(task, "There is {an} {a} in the {b}.");
    weir_task_item(task, things[1]);
    weir_task_wrong(task, things[0]);
    task->key = "thing";
}

static void who_has(weir_task *task) {
    static const char *const asks[] = {
        "{facts} Who has the {a} now?",
        "{facts} Who has the {a}?",
        "{facts} [Tell me who has the {a} now.|Can you tell me who has the {a} now?]",
        "{facts} Who holds the {a} in the end?",
        NULL,
    };
    const char *names[3];
    weir_word_names(task->g, names, 3);
    const char *thing = weir_word_object(task->g);
    uint32_t n_gifts = 1 + weir_gen_below(task->g, 2);
    weir_gen_putf(task->g, &task->scratch, "%s has %s %s.", names[0], weir_word_article(thing),
                  thing);
    for (uint32_t i = 0; i < n_gifts; i++)
        weir_gen_putf(task->g, &task->scratch,
                      weir_gen_chance(task->g, 0.5) ? " %s gives it to %s." : " %s hands it to %s.",
                      names[i], names[i + 1]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "a", thing);
    weir_task_set(task, "b", names[n_gifts]);
    weir_task_ask(task, asks);
    weir_task_say(task, "{b} has the {a}.");
    weir_task_item(task, names[n_gifts]);
    add_wrong_names(task, names, n_gifts + 1, n_gifts);
    task->key = "name";
}

/* Who comes first in a row of people. */
static void order(weir_task *task) {
    static const char *const asks[] = {
        "{facts} Who came {which}?",
        "{facts} Which of them came {which}?",
        "{facts} [Tell me|Name] the one who came {which}.",
        NULL,
    };
    static const char *const facts[] = {
        "%s came first, then %s, and then %s.",
        "First came %s. After that came %s. Then came %s.",
        "%s came in, %s came after that, and at the end came %s.",
    };
    static const char *const places[] = {"first", "second", "last"};
    const char *names[3];
    weir_word_names(task->g, names, 3);
    uint32_t style = weir_gen_below(task->g, 3), at = weir_gen_below(task->g, 3);
    const char *fact = facts[style];
    for (uint32_t i = 0; *fact; i++) {
        const char *slot = strstr(fact, "%s");
        int n = slot ? (int)(slot - fact) : (int)strlen(fact);
        weir_gen_putf(task->g, &task->scratch, "%.*s%s", n, fact, slot ? names[i] : "");
        fact += n + (slot ? 2 : 0);
    }
    if (task->g->is_failed)
        return;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "which", places[at]);
    weir_task_set(task, "b", names[at]);
    weir_task_ask(task, asks);
    weir_task_say(task, "{b} came {which}.");
    weir_task_item(task, names[at]);
    add_wrong_names(task, names, 3, at);
    task->key = "name";
}

/* Two people in two places. */
static void where_is(weir_task *task) {
    static const char *const asks[] = {
        "{facts} Where is {a}?",
        "{facts} Where can I find {a}?",
        "{facts} [Tell me where {a} is.|Can you tell me where {a} is?]",
        NULL,
    };
    const char *names[2], *places[2];
    weir_word_names(task->g, names, 2);
    weir_word_draw_some(task->g, &weir_word_places, places, 2);
    uint32_t at = weir_gen_below(task->g, 2);
    weir_gen_putf(task->g, &task->scratch, "%s is %s. %s is %s.", names[0], places[0], names[1],
                  places[1]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "facts", task->scratch.data);
    weir_task_set(task, "a", names[at]);
    weir_task_set(task, "b", places[at]);
    weir_task_ask(task, asks);
    weir_task_say(task, "{a} is {b}.");
    weir_task_item(task, places[at]);
    weir_task_wrong(task, places[1 - at]);
    task->key = "place";
}

const weir_task_kind weir_task_world[] = {
    {"colour", colour, 3},
    {"sound", sound, 3},
    {"who_says", who_says, 2},
    {"baby", baby, 2},
    {"home", home, 2},
    {"legs", legs, 1},
    {"can_fly", can_fly, 2},
    {"part", part, 1},
    {"use", use, 2},
    {"compare", compare, 5},
    {"follow_thing", follow_thing, 4},
    {"what_is_in", what_is_in, 3},
    {"who_has", who_has, 4},
    {"order", order, 2},
    {"where_is", where_is, 3},
    {0},
};
