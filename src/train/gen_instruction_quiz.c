/* gen_instruction_quiz.c: tasks that are small games: riddles, choosing a letter, true or false,
 * the clock, saying something to somebody, writing a word several times.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <string.h>

static void riddle(weir_task *task) {
    static const char *const asks[] = {
        "{riddle} What am I?",
        "{riddle} Who am I?",
        "A riddle: {riddle} What am I?",
        "Guess what I am: {riddle}",
        "[Can|Could] you guess what I am? {riddle}",
        NULL,
    };
    const weir_word_animal *animal;
    do
        animal = &weir_word_animals[weir_gen_below(task->g, weir_word_n_animals)];
    while (!animal->sound);
    weir_gen_putf(task->g, &task->scratch, "I say %s", animal->sound);
    uint32_t more = weir_gen_below(task->g, 3);
    if (more == 0 && animal->home)
        weir_gen_putf(task->g, &task->scratch, " and live in %s", animal->home);
    else if (more == 1 && animal->legs > 0)
        weir_gen_putf(task->g, &task->scratch, " and have %d legs", animal->legs);
    weir_gen_put(task->g, &task->scratch, ".");
    if (task->g->is_failed)
        return;
    weir_task_set(task, "riddle", task->scratch.data);
    weir_task_set(task, "an", weir_word_article(animal->noun));
    weir_task_set(task, "a", animal->noun);
    weir_task_ask(task, asks);
    weir_task_say(task, "You are {an} {a}.");
    weir_task_item(task, animal->noun);
    task->key = "animal";
}

/* ---- choosing ------------------------------------------------------------------------------- */

typedef struct quiz {
    const char *question; /* with %s for the first of a pair */
    const weir_word_pair *pairs;
    const uint32_t *n;
} quiz;

static const quiz quizzes[] = {
    {"What is the opposite of %s?", weir_word_opposites, &weir_word_n_opposites},
    {"What colour is %s?", weir_word_colours, &weir_word_n_colours},
    {"What is the plural of %s?", weir_word_plurals, &weir_word_n_plurals},
    {"What do we use to %s?", weir_word_uses, &weir_word_n_uses},
    {"Which part of the body do we %s with?", weir_word_parts, &weir_word_n_parts},
};

/* The question with its word, without a format that is no literal. */
static void put_question(weir_gen *g, weir_gen_text *text, const char *question, const char *word) {
    const char *slot = strstr(question, "%s");
    weir_gen_putf(g, text, "%.*s%s%s", (int)(slot - question), question, word, slot + 2);
}

/* Draws a pair and two other answers of the same quiz, which are all different. */
static const quiz *draw_quiz(weir_gen *g, const char **a, const char *answers[3]) {
    const quiz *q = &quizzes[weir_gen_below(g, WEIR_COUNT(quizzes))];
    for (uint32_t i = 0; i < 3;) {
        const weir_word_pair *pair = &q->pairs[weir_gen_below(g, *q->n)];
        answers[i] = pair->b;
        bool is_new = i == 0 || strcmp(pair->b, *a) != 0;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && strcmp(answers[j], answers[i]) != 0;
        if (i == 0)
            *a = pair->a;
        i += is_new;
    }
    return q;
}

static void choose_letter(weir_task *task) {
    static const char *const asks[] = {
        "{question}\nA. {x}\nB. {y}\nC. {z}\nAnswer with the letter.",
        "{question} A: {x}, B: {y}, C: {z}. [Only the letter, please.|Give me the letter.]",
        "{question}\nA) {x}\nB) {y}\nC) {z}\n[Which letter is right?|Choose A, B or C.]",
        "Choose the right letter. {question} (A) {x} (B) {y} (C) {z}",
        NULL,
    };
    static const char *const letters[] = {"A", "B", "C"};
    const char *a, *answers[3];
    const quiz *q = draw_quiz(task->g, &a, answers);
    uint32_t order[3] = {0, 1, 2}, right = 0;
    weir_gen_shuffle(task->g, order, 3);
    while (order[right] != 0)
        right++;
    put_question(task->g, &task->scratch, q->question, a);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "question", task->scratch.data);
    weir_task_set(task, "x", answers[order[0]]);
    weir_task_set(task, "y", answers[order[1]]);
    weir_task_set(task, "z", answers[order[2]]);
    weir_task_ask(task, asks);
    weir_task_say(task, letters[right]);
    weir_task_check(task, "equals", json_string(letters[right]));
    weir_task_check(task, "final_period", json_true());
    task->shape = WEIR_TASK_FIXED;
}

static void choose_word(weir_task *task) {
    static const char *const asks[] = {
        "{question} Choose: {x}, {y} or {z}.",
        "{question} Is it {x}, {y} or {z}?",
        "{x}, {y} or {z}: {question}",
        "{question}\n- {x}\n- {y}\n- {z}",
        NULL,
    };
    const char *a, *answers[3];
    const quiz *q = draw_quiz(task->g, &a, answers);
    uint32_t order[3] = {0, 1, 2};
    weir_gen_shuffle(task->g, order, 3);
    put_question(task->g, &task->scratch, q->question, a);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "question", task->scratch.data);
    weir_task_set(task, "x", answers[order[0]]);
    weir_task_set(task, "y", answers[order[1]]);
    weir_task_set(task, "z", answers[order[2]]);
    weir_task_set(task, "b", answers[0]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The answer is {b}.");
    weir_task_item(task, answers[0]);
    weir_task_wrong(task, answers[1]);
    weir_task_wrong(task, answers[2]);
}

static void is_true(weir_task *task) {
    static const char *const asks[] = {
        "True or false: {claim}",
        "Is this true or false? {claim}",
        "{claim} Is that true or false?",
        "[Tell me|Decide] if this is true or false: {claim}",
        NULL,
    };
    weir_gen *g = task->g;
    bool is_right = weir_gen_chance(g, 0.5);
    const weir_word_animal *animal, *other;
    do
        animal = &weir_word_animals[weir_gen_below(g, weir_word_n_animals)];
    while (!animal->sound);
    do
        other = &weir_word_animals[weir_gen_below(g, weir_word_n_animals)];
    while (!other->sound || other == animal);
    const weir_word_pair *pair = &weir_word_colours[weir_gen_below(g, weir_word_n_colours)];
    const weir_word_pair *wrong;
    do
        wrong = &weir_word_colours[weir_gen_below(g, weir_word_n_colours)];
    while (strcmp(wrong->b, pair->b) == 0);
    int a = (int)weir_gen_below(g, 11), b = (int)weir_gen_below(g, 11);
    switch (weir_gen_below(g, 3)) {
    case 0:
        weir_gen_putf(g, &task->scratch, "%s %s says %s.",
                      strcmp(weir_word_article(animal->noun), "an") == 0 ? "An" : "A", animal->noun,
                      is_right ? animal->sound : other->sound);
        break;
    case 1:
        weir_gen_putf(g, &task->scratch, "The colour of %s is %s.", pair->a,
                      is_right ? pair->b : wrong->b);
        break;
    default:
        weir_gen_putf(g, &task->scratch, "%d plus %d is %d.", a, b,
                      a + b + (is_right ? 0 : 1 + (int)weir_gen_below(g, 3)));
        break;
    }
    if (g->is_failed)
        return;
    weir_task_set(task, "claim", task->scratch.data);
    weir_task_ask(task, asks);
    weir_task_say(task, is_right ? "That is true." : "That is false.");
    weir_task_item(task, is_right ? "true" : "false");
    weir_task_wrong(task, is_right ? "false" : "true");
}

/* ---- numbers beside numbers ------------------------------------------------------------------ */

static void neighbour(weir_task *task) {
    static const char *const afters[] = {
        "What number comes after {a}?",
        "Which number follows {a}?",
        "[Tell me|Name] the number after {a}.",
        "~After {a} comes:",
        ">And after {a}?",
        NULL,
    };
    static const char *const befores[] = {
        "What number comes before {a}?",
        "Which number is just before {a}?",
        "[Tell me|Name] the number before {a}.",
        "~Before {a} comes:",
        ">And before {a}?",
        NULL,
    };
    int n = 1 + (int)weir_gen_below(task->g, 99);
    bool is_after = weir_gen_chance(task->g, 0.6);
    weir_task_set_number(task, "a", n);
    weir_task_set_number(task, "c", is_after ? n + 1 : n - 1);
    weir_task_ask(task, is_after ? afters : befores);
    weir_task_say(task,
                  is_after ? "The number after {a} is {c}." : "The number before {a} is {c}.");
    weir_task_item_number(task, is_after ? n + 1 : n - 1);
    task->key = "number";
}

static void clock(weir_task *task) {
    static const char *const laters[] = {
        "It is {a} o'clock. What time is it [in {b} {hours}|{b} {hours} later]?",
        "School begins at {a} and lasts {b} {hours}. When does it end?",
        "{name} came at {a} o'clock and stayed for {b} {hours}. At what time did {name} leave?",
        NULL,
    };
    int b = 1 + (int)weir_gen_below(task->g, 5);
    int a = 1 + (int)weir_gen_below(task->g, (uint32_t)(12 - b));
    weir_task_set_number(task, "a", a);
    weir_task_set_number(task, "b", b);
    weir_task_set_number(task, "c", a + b);
    weir_task_set(task, "hours", b == 1 ? "hour" : "hours");
    weir_task_set(task, "name", weir_word_name(task->g, NULL));
    weir_task_ask(task, laters);
    weir_task_say(task, "At {c} o'clock.");
    weir_task_item_number(task, a + b);
    task->key = "hour";
}

/* ---- saying things -------------------------------------------------------------------------- */

static void say_to(weir_task *task) {
    static const char *const asks[] = {
        "Say {what} to {a}.",
        "[Can|Could] you say {what} to {a}?",
        "Please say {what} to {a}.",
        "This is {a}. Say {what}[!|, please.]",
        NULL,
    };
    static const weir_word_pair words[] = {
        {"hello", "Hello"},         {"good night", "Good night"},
        {"goodbye", "Goodbye"},     {"good morning", "Good morning"},
        {"thank you", "Thank you"}, {"happy birthday", "Happy birthday"},
        {"well done", "Well done"}, {"sorry", "Sorry"},
        {"welcome", "Welcome"},     {"good luck", "Good luck"},
    };
    const weir_word_pair *pair = &words[weir_gen_below(task->g, WEIR_COUNT(words))];
    weir_task_set(task, "what", pair->a);
    weir_task_set(task, "said", pair->b);
    weir_task_set(task, "a", weir_word_name(task->g, NULL));
    weir_task_ask(task, asks);
    weir_task_say(task, "{said}, {a}!");
    task->shape = WEIR_TASK_TEXT;
}

static void write_often(weir_task *task) {
    static const char *const asks[] = {
        "[Write|Say] the word {a} {n} times.",
        "[Write|Say] {a} {n} times.",
        "Repeat the word {a} {n} times.",
        "[Can|Could] you write the word {a} {n} times?",
        ">And {a} {n} times?",
        NULL,
    };
    static const char *const numbers[] = {"two", "three", "four", "five"};
    uint32_t n = 2 + weir_gen_below(task->g, 4);
    const char *word = weir_word_draw(task->g, &weir_word_nouns);
    weir_task_set(task, "a", word);
    weir_task_set(task, "n", numbers[n - 2]);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, word);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

const weir_task_kind weir_task_quiz[] = {
    {"riddle", riddle, 2},   {"choose_letter", choose_letter, 4}, {"choose_word", choose_word, 3},
    {"is_true", is_true, 3}, {"neighbour", neighbour, 2},         {"clock", clock, 2},
    {"say_to", say_to, 3},   {"write_often", write_often, 2},     {0},
};
