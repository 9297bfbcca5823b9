/* gen_instruction_texts.c: tasks on a text that the user gives: copying, capitals, counting and
 * picking words, replacing, questions about it, and turning it into JSON.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <stdlib.h>
#include <string.h>

/* ---- sentences ------------------------------------------------------------------------------ */

/* "Anna found the red kite in the garden." */
typedef struct scene {
    const char *name, *past, *verb, *adjective, *noun, *place;
    bool is_she;
} scene;

static const weir_word_pair deeds[] = {
    {"find", "found"},  {"see", "saw"},       {"paint", "painted"}, {"lose", "lost"},
    {"hide", "hid"},    {"drop", "dropped"},  {"clean", "cleaned"}, {"buy", "bought"},
    {"leave", "left"},  {"forget", "forgot"}, {"draw", "drew"},     {"break", "broke"},
    {"want", "wanted"}, {"touch", "touched"}, {"carry", "carried"}, {"watch", "watched"},
    {"need", "needed"}, {"get", "got"},
};

static void draw_scene(weir_gen *g, scene *s) {
    const weir_word_pair *deed = &deeds[weir_gen_below(g, WEIR_COUNT(deeds))];
    s->name = weir_word_name(g, &s->is_she);
    s->verb = deed->a;
    s->past = deed->b;
    s->adjective = weir_word_draw(g, &weir_word_adjectives);
    s->noun = weir_word_object(g);
    s->place = weir_word_draw(g, &weir_word_places);
}

static void put_scene(weir_gen *g, weir_gen_text *text, const scene *s, const char *noun) {
    weir_gen_putf(g, text, "%s %s the %s %s %s.", s->name, s->past, s->adjective, noun, s->place);
}

/* A text to work on, as `scratch` and slot "text". */
static void draw_text(weir_task *task) {
    weir_gen *g = task->g;
    if (weir_gen_chance(g, 0.3)) {
        weir_gen_put(g, &task->scratch, weir_word_draw(g, &weir_word_sayings));
    } else {
        scene s;
        draw_scene(g, &s);
        put_scene(g, &task->scratch, &s, s.noun);
    }
    if (!g->is_failed)
        weir_task_set(task, "text", task->scratch.data);
}

/* ---- as it stands --------------------------------------------------------------------------- */

static void copy(weir_task *task) {
    static const char *const asks[] = {
        "Repeat this: {text}",
        "[Copy|Write down] this sentence exactly: {text}",
        "Say after me: {text}",
        "Repeat after me: {text}",
        "[Can|Could] you repeat this? {text}",
        "Please copy the following text.\n{text}",
        "Write this down, word for word: {text}",
        NULL,
    };
    draw_text(task);
    weir_task_ask(task, asks);
    weir_task_say(task, "{text}");
    task->shape = WEIR_TASK_TEXT;
}

/* The form is the task. */
static void fixed(weir_task *task, const char *field, json_t *value) {
    task->shape = WEIR_TASK_FIXED;
    weir_task_check(task, "equals", json_string(task->sentence.data ? task->sentence.data : ""));
    if (field)
        weir_task_check(task, field, value);
}

static void change_case(weir_task *task) {
    static const char *const uppers[] = {
        "Write this in capital letters: {text}",
        "[Turn|Put] this into capitals: {text}",
        "Make all letters big: {text}",
        "In upper case, please: {text}",
        "[Can|Could] you write this in capitals? {text}",
        NULL,
    };
    static const char *const lowers[] = {
        "Write this in lower case: {text}",
        "[Turn|Put] this into small letters: {text}",
        "Make all letters small: {text}",
        "In lower case, please: {text}",
        "[Can|Could] you write this in small letters? {text}",
        NULL,
    };
    draw_text(task);
    bool is_upper = weir_gen_chance(task->g, 0.5);
    weir_task_ask(task, is_upper ? uppers : lowers);
    weir_task_say(task, "{text}");
    for (size_t i = 0; i < task->sentence.n; i++) {
        char *c = &task->sentence.data[i];
        if (is_upper && *c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if (!is_upper && *c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    fixed(task, is_upper ? "upper_case" : "lower_case", json_true());
}

static void replace(weir_task *task) {
    static const char *const asks[] = {
        "Replace {a} with {b}: {text}",
        "Change the word {a} to {b} in this sentence: {text}",
        "Write this sentence with {b} instead of {a}: {text}",
        "[Can|Could] you put the word {b} in the place of {a}? {text}",
        NULL,
    };
    scene s;
    draw_scene(task->g, &s);
    const char *noun;
    do
        noun = weir_word_object(task->g);
    while (strcmp(noun, s.noun) == 0);
    put_scene(task->g, &task->scratch, &s, s.noun);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "text", task->scratch.data);
    weir_task_set(task, "a", s.noun);
    weir_task_set(task, "b", noun);
    weir_task_ask(task, asks);
    put_scene(task->g, &task->sentence, &s, noun);
    task->shape = WEIR_TASK_TEXT;
}

static void to_question(weir_task *task) {
    static const char *const asks[] = {
        "Make this a question: {text}",
        "Turn this sentence into a question: {text}",
        "[Can|Could] you ask this as a question? {text}",
        "Write this as a question: {text}",
        NULL,
    };
    static const char *const states[] = {"{The} {noun} is {adjective}.",
                                         "Is the {noun} {adjective}?"};
    scene s;
    draw_scene(task->g, &s);
    weir_task_set(task, "The", "The");
    weir_task_set(task, "noun", s.noun);
    weir_task_set(task, "adjective", s.adjective);
    weir_task_say(task, states[0]);
    if (task->g->is_failed)
        return;
    weir_gen_put(task->g, &task->scratch, task->sentence.data);
    weir_gen_text_clear(&task->sentence);
    weir_task_set(task, "text", task->scratch.data);
    weir_task_ask(task, asks);
    weir_task_say(task, states[1]);
    task->shape = WEIR_TASK_TEXT;
}

static void to_past(weir_task *task) {
    static const char *const asks[] = {
        "Put this sentence into the past: {text}",
        "Write this in the past tense: {text}",
        "This happens today: {text} Tell it as if it was yesterday.",
        "[Can|Could] you put this into the past tense? {text}",
        NULL,
    };
    scene s;
    draw_scene(task->g, &s);
    weir_gen_putf(task->g, &task->scratch, "We %s the %s %s %s.", s.verb, s.adjective, s.noun,
                  s.place);
    weir_gen_putf(task->g, &task->sentence, "We %s the %s %s %s.", s.past, s.adjective, s.noun,
                  s.place);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "text", task->scratch.data);
    weir_task_ask(task, asks);
    task->shape = WEIR_TASK_TEXT;
}

/* ---- words of a sentence -------------------------------------------------------------------- */

static uint32_t split(const char *text, const char **begin, int *n, uint32_t cap) {
    uint32_t count = 0;
    while (*text && count < cap) {
        const char *end = text;
        while (*end && *end != ' ')
            end++;
        const char *stop = end;
        while (stop > text && strchr(".,!?", stop[-1]))
            stop--;
        begin[count] = text;
        n[count++] = (int)(stop - text);
        text = *end ? end + 1 : end;
    }
    return count;
}

static void count_words(weir_task *task) {
    static const char *const asks[] = {
        "How many words does this sentence have? {text}",
        "Count the words of this sentence: {text}",
        "How many words are there? {text}",
        "~Number of words: {text}",
        ">And this one? {text}",
        NULL,
    };
    draw_text(task);
    if (task->g->is_failed)
        return;
    const char *begin[16];
    int n[16];
    uint32_t count = split(task->scratch.data, begin, n, WEIR_COUNT(begin));
    weir_task_set_number(task, "n", (int)count);
    weir_task_ask(task, asks);
    weir_task_say(task, "The sentence has {n} words.");
    weir_task_item_number(task, (int)count);
    task->key = "words";
}

static void end_word(weir_task *task) {
    static const char *const asks[] = {
        "What is the {which} word of this sentence? {text}",
        "[Tell me|Give me|Write] the {which} word of this sentence: {text}",
        "Which word comes {which}? {text}",
        "[Can|Could] you tell me the {which} word? {text}",
        ">And the {which} word of this one? {text}",
        NULL,
    };
    draw_text(task);
    if (task->g->is_failed)
        return;
    const char *begin[16];
    int n[16];
    uint32_t count = split(task->scratch.data, begin, n, WEIR_COUNT(begin));
    bool is_first = weir_gen_chance(task->g, 0.5);
    uint32_t at = is_first ? 0 : count - 1;
    weir_gen_putf(task->g, &task->given, "%.*s", n[at], begin[at]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "which", is_first ? "first" : "last");
    weir_task_set(task, "b", task->given.data);
    weir_task_ask(task, asks);
    weir_task_say(task, "The {which} word is {b}.");
    weir_task_item(task, task->given.data);
    task->key = "word";
}

/* ---- questions about a sentence -------------------------------------------------------------- */

static void understand(weir_task *task) {
    static const char *const whos[] = {
        "{text} Who {past} the {noun}?",
        "{text} Who was it that {past} the {noun}?",
        "Read this: {text} Who {past} the {noun}?",
        NULL,
    };
    static const char *const whats[] = {
        "{text} What did {name} {verb}?",
        "{text} [Tell me what {name} {past}.|Can you tell me what {name} {past}?]",
        "Read this: {text} What did {name} {verb}?",
        NULL,
    };
    static const char *const wheres[] = {
        "{text} Where did {name} {verb} it?",
        "{text} Where was that?",
        "Read this: {text} Where did {name} {verb} the {noun}?",
        NULL,
    };
    static const char *const hows[] = {
        "{text} What was the {noun} like?",
        "{text} Which word tells how the {noun} was?",
        "Read this: {text} How was the {noun}?",
        NULL,
    };
    scene s;
    draw_scene(task->g, &s);
    put_scene(task->g, &task->scratch, &s, s.noun);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "text", task->scratch.data);
    weir_task_set(task, "name", s.name);
    weir_task_set(task, "verb", s.verb);
    weir_task_set(task, "past", s.past);
    weir_task_set(task, "noun", s.noun);
    weir_task_set(task, "adjective", s.adjective);
    weir_task_set(task, "place", s.place);
    switch (weir_gen_below(task->g, 4)) {
    case 0:
        weir_task_ask(task, whos);
        weir_task_say(task, "{name} {past} the {noun}.");
        weir_task_item(task, s.name);
        task->key = "who";
        break;
    case 1:
        weir_task_ask(task, whats);
        weir_task_say(task, "{name} {past} the {adjective} {noun}.");
        weir_gen_putf(task->g, &task->given, "the %s %s", s.adjective, s.noun);
        if (!task->g->is_failed)
            weir_task_item(task, task->given.data);
        task->key = "what";
        break;
    case 2:
        weir_task_ask(task, wheres);
        weir_task_say(task, "It was {place}.");
        weir_task_item(task, s.place);
        task->key = "where";
        break;
    default:
        weir_task_ask(task, hows);
        weir_task_say(task, "The {noun} was {adjective}.");
        weir_task_item(task, s.adjective);
        task->key = "how";
        break;
    }
}

/* ---- fields and JSON ------------------------------------------------------------------------ */

typedef struct card {
    const char *name, *town, *pet, *colour;
    int age;
} card;

static void draw_card(weir_gen *g, card *c) {
    static const char *const pets[] = {"cat",    "dog",    "rabbit", "parrot", "pony",
                                       "mouse",  "goat",   "turtle", "duck",   "hamster",
                                       "canary", "lizard", "snail",  "hen"};
    static const weir_word_table pet_table = {pets, WEIR_COUNT(pets)};
    static const char *const colours[] = {"red",   "blue",  "green", "yellow",
                                          "white", "black", "pink",  "brown"};
    c->name = weir_word_name(g, NULL);
    c->town = weir_word_draw(g, &weir_word_towns);
    c->pet = weir_word_draw(g, &pet_table);
    c->colour = colours[weir_gen_below(g, WEIR_COUNT(colours))];
    c->age = 3 + (int)weir_gen_row(g, 50);
}

static void set_card(weir_task *task, const card *c) {
    weir_task_set(task, "name", c->name);
    weir_task_set(task, "town", c->town);
    weir_task_set(task, "pet", c->pet);
    weir_task_set(task, "colour", c->colour);
    weir_task_set_number(task, "age", c->age);
}

static void extract(weir_task *task) {
    static const char *const asks[] = {
        "Name: {name}\nAge: {age}\nTown: {town}\nPet: {pet}\n\n{question}",
        "Name: {name}. Age: {age}. Town: {town}. Pet: {pet}. {question}",
        "name={name}, town={town}, pet={pet}, age={age}. {question}",
        "{name} is {age} years old, lives in {town} and has a {pet}. {question}",
        "Here is a card.\nPet: {pet}\nName: {name}\nTown: {town}\nAge: {age}\n{question}",
        NULL,
    };
    static const char *const questions[] = {"What is the name?", "What is the age?",
                                            "What is the town?", "What is the pet?"};
    static const char *const sayings[] = {"The name is {name}.", "The age is {age}.",
                                          "The town is {town}.", "The pet is a {pet}."};
    static const char *const keys[] = {"name", "age", "town", "pet"};
    card c;
    draw_card(task->g, &c);
    set_card(task, &c);
    uint32_t at = weir_gen_below(task->g, 4);
    weir_task_set(task, "question", questions[at]);
    weir_task_ask(task, asks);
    weir_task_say(task, sayings[at]);
    if (at == 1)
        weir_task_item_number(task, c.age);
    else
        weir_task_item(task, at == 0 ? c.name : at == 2 ? c.town : c.pet);
    task->key = keys[at];
}

/* The keys that the user asks for, in the order of asking. */
static json_t *card_json(const card *c, const char *const *keys, uint32_t n) {
    json_t *object = json_object();
    for (uint32_t i = 0; i < n; i++) {
        json_t *value;
        if (strcmp(keys[i], "age") == 0)
            value = json_integer(c->age);
        else if (strcmp(keys[i], "name") == 0)
            value = json_string(c->name);
        else if (strcmp(keys[i], "town") == 0)
            value = json_string(c->town);
        else
            value = json_string(strcmp(keys[i], "pet") == 0 ? c->pet : c->colour);
        json_object_set_new(object, keys[i], value);
    }
    return object;
}

static void to_json(weir_task *task) {
    static const char *const texts[] = {
        "{name} is {age} years old, lives in {town} and has a {colour} {pet}.",
        "This is {name} from {town}. {name} is {age} and has a {pet}. The {pet} is {colour}.",
        "In {town} lives {name}, who is {age} years old. {name} has a {colour} {pet}.",
        "Name: {name}, age: {age}, town: {town}, pet: {pet}, colour: {colour}.",
    };
    static const char *const asks[] = {
        "Turn this into JSON with the keys {keys}: {text}",
        "Write this as JSON with the keys {keys}: {text}",
        "{text} Write a JSON object with the keys {keys}.",
        "{text} Give me that as JSON. The keys are {keys}.",
        "Read the text and fill in {keys} as JSON.\n{text}",
        "Extract {keys} as JSON: {text}",
        NULL,
    };
    static const char *const all[] = {"name", "age", "town", "pet", "colour"};
    card c;
    draw_card(task->g, &c);
    set_card(task, &c);
    uint32_t order[5] = {0, 1, 2, 3, 4};
    weir_gen_shuffle(task->g, order, 5);
    uint32_t n = 2 + weir_gen_below(task->g, 3);
    const char *keys[5];
    for (uint32_t i = 0; i < n; i++)
        keys[i] = all[order[i]];
    weir_task_say(task, texts[weir_gen_below(task->g, WEIR_COUNT(texts))]);
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(task->g, &task->scratch, "%s\"%s\"",
                      i == 0       ? ""
                      : i + 1 == n ? " and "
                                   : ", ",
                      keys[i]);
    if (task->g->is_failed)
        return;
    weir_gen_put(task->g, &task->given, task->sentence.data);
    weir_gen_text_clear(&task->sentence);
    weir_task_set(task, "keys", task->scratch.data);
    weir_task_set(task, "text", task->given.data ? task->given.data : "");
    weir_task_ask(task, asks);
    json_t *object = card_json(&c, keys, n);
    char *text = json_dumps(object, JSON_PRESERVE_ORDER);
    weir_gen_put(task->g, &task->sentence, text ? text : "");
    free(text);
    json_t *names = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(names, json_string(keys[i]));
    weir_task_check(task, "json_keys", names);
    weir_task_check(task, "json_equals", object);
    task->shape = WEIR_TASK_FIXED;
}

/* A value out of JSON. */
static void from_json(weir_task *task) {
    static const char *const asks[] = {
        "{json}\n{question}",
        "Here is some JSON: {json} {question}",
        "Look at this JSON. {json} {question}",
        "What is the value of \"{key}\" in this JSON? {json}",
        NULL,
    };
    static const char *const all[] = {"name", "age", "town", "pet", "colour"};
    static const char *const questions[] = {"What is the name?", "What is the age?",
                                            "What is the town?", "What is the pet?",
                                            "What is the colour?"};
    card c;
    draw_card(task->g, &c);
    uint32_t order[5] = {0, 1, 2, 3, 4};
    weir_gen_shuffle(task->g, order, 5);
    uint32_t n = 2 + weir_gen_below(task->g, 3), at = weir_gen_below(task->g, n);
    const char *keys[5];
    for (uint32_t i = 0; i < n; i++)
        keys[i] = all[order[i]];
    json_t *object = card_json(&c, keys, n);
    char *text = json_dumps(object, JSON_PRESERVE_ORDER);
    weir_gen_put(task->g, &task->scratch, text ? text : "");
    free(text);
    const json_t *value = json_object_get(object, keys[at]);
    if (json_is_integer(value))
        weir_task_item_number(task, c.age);
    else
        weir_task_item(task, json_string_value(value));
    json_decref(object);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "json", task->scratch.data);
    weir_task_set(task, "key", keys[at]);
    weir_task_set(task, "question", questions[order[at]]);
    weir_task_set(task, "b", task->item[0].data);
    weir_task_ask(task, asks);
    weir_task_say(task, "The {key} is {b}.");
    task->key = keys[at];
}

const weir_task_kind weir_task_texts[] = {
    {"copy", copy, 6},           {"change_case", change_case, 3},
    {"replace", replace, 2},     {"to_question", to_question, 1},
    {"to_past", to_past, 2},     {"count_words", count_words, 1},
    {"end_word", end_word, 2},   {"understand", understand, 6},
    {"extract", extract, 4},     {"to_json", to_json, 5},
    {"from_json", from_json, 2}, {0},
};
