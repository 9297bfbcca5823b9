/* gen_instruction_words.c: tasks about words: opposites, plurals, past tense, rhymes, letters,
 * spelling, joined words.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <string.h>

static void opposite(weir_task *task) {
    static const char *const asks[] = {
        "What is the opposite of [|the word ]{q}?",
        "[Tell me|Give me|Say|Name] the opposite of {q}.",
        "[Can|Could] you [tell me|name] the opposite of {q}?",
        "Which word means the opposite of {q}?",
        "I [need|am looking for] the opposite of {q}.",
        "What word is the opposite of {q}?",
        "~Opposite of {q}[?|:]",
        "~[Opposite|The opposite]: {a}",
        ">And of {q}?",
        ">[What about|How about|And] {q}?",
        ">And the opposite of {q}?",
        NULL,
    };
    uint32_t i = weir_gen_below(task->g, weir_word_n_opposites);
    const weir_word_pair *pair = &weir_word_opposites[i];
    bool is_back = i < weir_word_n_opposites_both && weir_gen_chance(task->g, 0.5);
    const char *a = is_back ? pair->b : pair->a, *b = is_back ? pair->a : pair->b;
    weir_task_set_quoted(task, "q", a);
    weir_task_set(task, "a", a);
    weir_task_set(task, "b", b);
    weir_task_ask(task, asks);
    weir_task_say(task, "The opposite of {a} is {b}.");
    weir_task_item(task, b);
    weir_gen_put(task->g, &task->given, a);
    task->given_key = "word";
    task->key = "opposite";
}

static void plural(weir_task *task) {
    static const char *const asks[] = {
        "What is the plural of [|the word ]{q}?",
        "[Tell me|Give me|Say|Write] the plural of {q}.",
        "[Can|Could] you [tell me|give me] the plural of {q}?",
        "One {a}, two what?",
        "I see one {a}. If there were two, they would be two what?",
        "How do you say {q} if there is more than one?",
        "~Plural of {q}[?|:]",
        "~[Plural|The plural]: {a}",
        ">And of {q}?",
        ">[What about|How about|And] {q}?",
        NULL,
    };
    const weir_word_pair *pair = &weir_word_plurals[weir_gen_below(task->g, weir_word_n_plurals)];
    weir_task_set_quoted(task, "q", pair->a);
    weir_task_set(task, "a", pair->a);
    weir_task_set(task, "b", pair->b);
    weir_task_ask(task, asks);
    weir_task_say(task, "The plural of {a} is {b}.");
    weir_task_item(task, pair->b);
    weir_gen_put(task->g, &task->given, pair->a);
    task->given_key = "singular";
    task->key = "plural";
}

static void past(weir_task *task) {
    static const char *const asks[] = {
        "What is the past tense of [|the verb |the word ]{q}?",
        "[Tell me|Give me|Say|Write] the past tense of {q}.",
        "[Can|Could] you put [|the verb ]{q} into the past tense?",
        "Today I {a}. And yesterday? Which form of the verb do I need?",
        "What is the past form of {q}?",
        "~Past tense of {q}[?|:]",
        "~Past tense: {a}",
        ">And of {q}?",
        ">[What about|How about|And] {q}?",
        NULL,
    };
    const weir_word_verb *verb = &weir_word_verbs[weir_gen_below(task->g, weir_word_n_verbs)];
    weir_task_set_quoted(task, "q", verb->verb);
    weir_task_set(task, "a", verb->verb);
    weir_task_set(task, "b", verb->past);
    weir_task_ask(task, asks);
    weir_task_say(task, "The past tense of {a} is {b}.");
    weir_task_item(task, verb->past);
    weir_gen_put(task->g, &task->given, verb->verb);
    task->given_key = "verb";
    task->key = "past";
}

/* ---- rhymes --------------------------------------------------------------------------------- */

static const char *rhyme_word(weir_gen *g, uint32_t row, const char *not_this) {
    const weir_word_rhyme *rhyme = &weir_word_rhymes[row];
    uint32_t n = 0, not_at = 0;
    for (; rhyme->words[n]; n++)
        if (not_this && strcmp(rhyme->words[n], not_this) == 0)
            not_at = n;
    if (!not_this)
        return rhyme->words[weir_gen_below(g, n)];
    uint32_t i = weir_gen_below(g, n - 1);
    return rhyme->words[i + (i >= not_at)];
}

/* A row that is none of the n given. */
static uint32_t other_row(weir_gen *g, const uint32_t *rows, uint32_t n) {
    for (;;) {
        uint32_t row = weir_gen_below(g, weir_word_n_rhymes);
        bool is_new = true;
        for (uint32_t i = 0; i < n; i++)
            is_new = is_new && rows[i] != row;
        if (is_new)
            return row;
    }
}

static void rhyme(weir_task *task) {
    static const char *const asks[] = {
        "Which word rhymes with {q}: {x}, {y} or {z}?",
        "What rhymes with {q}: {x}, {y} or {z}?",
        "I need a rhyme for {q}. Is it {x}, {y} or {z}?",
        "One of these words rhymes with {q}: {x}, {y}, {z}. Which one?",
        "Choose the word that rhymes with {q}: {x}, {y}, {z}.",
        "Find the rhyme for {q} in this list: {x}, {y}, {z}.",
        "~Rhymes with {a} ({x}, {y}, {z}):",
        NULL,
    };
    uint32_t rows[3];
    const char *words[3];
    for (uint32_t i = 0; i < 3; i++)
        rows[i] = other_row(task->g, rows, i);
    const char *a = rhyme_word(task->g, rows[0], NULL);
    const char *b = rhyme_word(task->g, rows[0], a);
    words[0] = b;
    words[1] = rhyme_word(task->g, rows[1], NULL);
    words[2] = rhyme_word(task->g, rows[2], NULL);
    uint32_t order[3] = {0, 1, 2};
    weir_gen_shuffle(task->g, order, 3);
    weir_task_set_quoted(task, "q", a);
    weir_task_set(task, "a", a);
    weir_task_set(task, "b", b);
    weir_task_set(task, "x", words[order[0]]);
    weir_task_set(task, "y", words[order[1]]);
    weir_task_set(task, "z", words[order[2]]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The word {b} rhymes with {a}.");
    weir_task_item(task, b);
    weir_task_wrong(task, words[1]);
    weir_task_wrong(task, words[2]);
    weir_gen_put(task->g, &task->given, a);
    task->given_key = "word";
    task->key = "rhyme";
}

static void do_rhyme(weir_task *task) {
    static const char *const asks[] = {
        "Do {a} and {b} rhyme?",
        "Does {a} rhyme with {b}?",
        "Do the words {a} and {b} rhyme?",
        "[Tell me if {a} rhymes with {b}.|Can you tell me if {a} rhymes with {b}?]",
        "~{a}, {b}: a rhyme or not?",
        ">[And|What about] {a} and {b}?",
        NULL,
    };
    uint32_t row = weir_gen_below(task->g, weir_word_n_rhymes);
    const char *a = rhyme_word(task->g, row, NULL);
    bool does = weir_gen_chance(task->g, 0.5);
    const char *b =
        does ? rhyme_word(task->g, row, a) : rhyme_word(task->g, other_row(task->g, &row, 1), NULL);
    weir_task_set(task, "a", a);
    weir_task_set(task, "b", b);
    weir_task_ask(task, asks);
    weir_task_say(task, does ? "Yes, {a} and {b} rhyme." : "No, {a} and {b} do not rhyme.");
    weir_task_item(task, does ? "yes" : "no");
    task->shape = WEIR_TASK_YES_NO;
    task->key = "rhyme";
}

/* ---- letters -------------------------------------------------------------------------------- */

/* A word that is well known: letters hide inside tokens, so they are learned word by word. */
static const char *known_word(weir_gen *g) {
    uint32_t i = weir_gen_below(g, weir_word_n_plurals + weir_word_n_verbs);
    return i < weir_word_n_plurals ? weir_word_plurals[i].a
                                   : weir_word_verbs[i - weir_word_n_plurals].verb;
}

static void count_letters(weir_task *task) {
    static const char *const asks[] = {
        "How many letters [are there in|are in] the word {q}?",
        "How many letters does [|the word ]{q} have?",
        "Count the letters in [|the word ]{q}.",
        "[Can|Could] you count the letters of the word {q}?",
        "How long is the word {q}? Count its letters.",
        "~Letters in {q}[?|:]",
        ">And in {q}?",
        ">[And|What about] {q}?",
        NULL,
    };
    const char *word = known_word(task->g);
    int n = (int)strlen(word);
    weir_task_set_quoted(task, "q", word);
    weir_task_set(task, "a", word);
    weir_task_set_number(task, "n", n);
    weir_task_ask(task, asks);
    weir_task_say(task, "The word {a} has {n} letters.");
    weir_task_item_number(task, n);
    weir_gen_put(task->g, &task->given, word);
    task->given_key = "word";
    task->key = "letters";
}

static void spell(weir_task *task) {
    static const char *const asks[] = {
        "[Spell|Please spell] [|the word ]{q}.",
        "How do you spell [|the word ]{q}?",
        "[Can|Could] you spell [|the word ]{q} for me?",
        "Write the letters of [|the word ]{q} with a dash between them.",
        "~Spell: {a}",
        ">And {q}?",
        NULL,
    };
    const char *word = known_word(task->g);
    weir_task_set_quoted(task, "q", word);
    weir_task_set(task, "a", word);
    weir_task_ask(task, asks);
    for (const char *p = word; *p; p++)
        weir_gen_putf(task->g, &task->scratch, p == word ? "%c" : "-%c", *p);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "b", task->scratch.data);
    weir_task_say(task, "The word {a} is spelled {b}.");
    weir_task_item(task, task->scratch.data);
    weir_gen_put(task->g, &task->given, word);
    task->given_key = "word";
    task->key = "spelling";
}

static void end_letter(weir_task *task) {
    static const char *const firsts[] = {
        "What is the first letter of [|the word ]{q}?",
        "With which letter does the word {q} begin?",
        "[Tell me|Give me|Say] the first letter of {q}.",
        "Which letter does {q} start with?",
        "~First letter of {q}[?|:]",
        ">And the first letter of {q}?",
        NULL,
    };
    static const char *const lasts[] = {
        "What is the last letter of [|the word ]{q}?",
        "With which letter does the word {q} end?",
        "[Tell me|Give me|Say] the last letter of {q}.",
        "Which letter does {q} end with?",
        "~Last letter of {q}[?|:]",
        ">And the last letter of {q}?",
        NULL,
    };
    const char *word = known_word(task->g);
    bool is_first = weir_gen_chance(task->g, 0.5);
    char letter[2] = {is_first ? word[0] : word[strlen(word) - 1], 0};
    weir_gen_put(task->g, &task->scratch, letter);
    if (task->g->is_failed)
        return;
    weir_task_set_quoted(task, "q", word);
    weir_task_set(task, "a", word);
    weir_task_set(task, "b", task->scratch.data);
    weir_task_ask(task, is_first ? firsts : lasts);
    weir_task_say(task,
                  is_first ? "The first letter of {a} is {b}." : "The last letter of {a} is {b}.");
    weir_task_item(task, letter);
    weir_gen_put(task->g, &task->given, word);
    task->given_key = "word";
    task->key = "letter";
}

static void join(weir_task *task) {
    static const char *const asks[] = {
        "[Put|Join] the words {a} and {b} together[| to make one word].",
        "Which word do you get from {a} and {b}?",
        "What word do {a} and {b} make together?",
        "Make one word of {a} and {b}.",
        "~{a} + {b} =",
        ">And {a} and {b}?",
        NULL,
    };
    const weir_word_pair *pair = &weir_word_joined[weir_gen_below(task->g, weir_word_n_joined)];
    weir_gen_putf(task->g, &task->scratch, "%s%s", pair->a, pair->b);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "a", pair->a);
    weir_task_set(task, "b", pair->b);
    weir_task_set(task, "c", task->scratch.data);
    weir_task_ask(task, asks);
    weir_task_say(task, "Together {a} and {b} make {c}.");
    weir_task_item(task, task->scratch.data);
    task->key = "word";
}

static void alphabet(weir_task *task) {
    static const char *const afters[] = {
        "Which letter comes after {a} in the alphabet?",
        "What letter follows {a}[| in the alphabet]?",
        "[Tell me|Name] the letter after {a}.",
        "~Letter after {a}[?|:]",
        NULL,
    };
    static const char *const befores[] = {
        "Which letter comes before {a} in the alphabet?",
        "What letter stands before {a} in the alphabet?",
        "[Tell me|Name] the letter before {a}.",
        "~Letter before {a}[?|:]",
        NULL,
    };
    static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I",
                                          "J", "K", "L", "M", "N", "O", "P", "Q", "R",
                                          "S", "T", "U", "V", "W", "X", "Y", "Z"};
    uint32_t i = weir_gen_below(task->g, 25);
    bool is_after = weir_gen_chance(task->g, 0.5);
    const char *a = letters[is_after ? i : i + 1], *b = letters[is_after ? i + 1 : i];
    weir_task_set(task, "a", a);
    weir_task_set(task, "b", b);
    weir_task_ask(task, is_after ? afters : befores);
    weir_task_say(task,
                  is_after ? "The letter after {a} is {b}." : "The letter before {a} is {b}.");
    weir_task_item(task, b);
    task->key = "letter";
}

const weir_task_kind weir_task_words[] = {
    {"opposite", opposite, 4},
    {"plural", plural, 3},
    {"past", past, 3},
    {"rhyme", rhyme, 2},
    {"do_rhyme", do_rhyme, 1},
    {"count_letters", count_letters, 2},
    {"spell", spell, 2},
    {"end_letter", end_letter, 2},
    {"join", join, 1},
    {"alphabet", alphabet, 1},
    {0},
};
