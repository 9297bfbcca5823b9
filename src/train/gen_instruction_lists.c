/* gen_instruction_lists.c: tasks about lists of words: sorting, turning round, picking, counting,
 * what does not belong.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 6 };

/* The words as a user writes them, as slot "list". is_open: the list may stand over several lines,
 * since nothing follows it. */
static void set_list(weir_task *task, const char *const *words, uint32_t n) {
    uint32_t style = weir_gen_below(task->g, 4);
    for (uint32_t i = 0; i < n; i++) {
        const char *gap = style == 3 && i + 1 == n ? " and " : ", ";
        weir_gen_putf(task->g, &task->scratch, "%s%s", i == 0 ? "" : gap, words[i]);
    }
    if (!task->g->is_failed)
        weir_task_set(task, "list", task->scratch.data);
}

/* Free words of one table, or names. */
static void draw_words(weir_gen *g, const char **words, uint32_t n) {
    if (weir_gen_below(g, 4) == 0)
        weir_word_names(g, words, n);
    else
        weir_word_draw_some(g, &weir_word_nouns, words, n);
}

/* Short lists are more common: a small model has to learn them first. */
static uint32_t draw_count(weir_gen *g) {
    static const uint32_t counts[] = {3, 3, 3, 3, 4, 4, 4, 5};
    return counts[weir_gen_below(g, WEIR_COUNT(counts))];
}

static int by_alphabet(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static void sort_words(weir_task *task) {
    static const char *const asks[] = {
        "[Sort|Order] these words by the alphabet: {list}",
        "[Put|Bring] these words into alphabetical order: {list}",
        "Sort alphabetically: {list}",
        "[Can|Could] you sort these words from A to Z? {list}",
        "I have these words: {list}. Sort them [by the alphabet|alphabetically|from A to Z].",
        "What is the alphabetical order of {list}?",
        ">And these? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = draw_count(task->g);
    draw_words(task->g, words, n);
    set_list(task, words, n);
    weir_task_ask(task, asks);
    qsort(words, n, sizeof words[0], by_alphabet);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, words[i]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

static void reverse(weir_task *task) {
    static const char *const asks[] = {
        "[Reverse|Turn round] this list: {list}",
        "[Say|Write|Repeat] these words in reverse order: {list}",
        "Write this list backwards, last word first: {list}",
        "[Can|Could] you turn this list round? {list}",
        "Here is a list: {list}. Give it to me in reverse order.",
        "Start with the last word and end with the first: {list}",
        ">And these? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = draw_count(task->g);
    draw_words(task->g, words, n);
    set_list(task, words, n);
    weir_task_ask(task, asks);
    for (uint32_t i = n; i-- > 0;)
        weir_task_item(task, words[i]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

static void repeat(weir_task *task) {
    static const char *const asks[] = {
        "Repeat these words: {list}",
        "Write these words down: {list}",
        "[Can|Could] you repeat this list for me? {list}",
        "I need to buy these things: {list}. What is on my list?",
        "My list: {list}. [Read it to me|Say it again].",
        "These were at my party: {list}. Who or what was there?",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 2 + weir_gen_below(task->g, 4);
    draw_words(task->g, words, n);
    set_list(task, words, n);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, words[i]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

static const char *const ordinals[] = {"first", "second", "third", "fourth", "fifth"};

static void pick(weir_task *task) {
    static const char *const asks[] = {
        "What is the {which} word [in|of] this list? {list}",
        "[Tell me|Give me|Say|Write] the {which} word: {list}",
        "Which word [comes|stands] {which}? {list}",
        "Here is a list: {list}. What is the {which} word?",
        "Look at these words: {list}. Which one is the {which}?",
        "[Can|Could] you tell me the {which} of these words? {list}",
        "~^{which} word of {list}:",
        ">And the {which} word of these? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 3 + weir_gen_below(task->g, 3);
    uint32_t at = weir_gen_below(task->g, n);
    draw_words(task->g, words, n);
    const char *which = ordinals[at];
    if (at + 1 == n)
        which = "last";
    else if (2 * at + 1 == n && weir_gen_chance(task->g, 0.5))
        which = "middle";
    set_list(task, words, n);
    weir_task_set(task, "which", which);
    weir_task_set(task, "b", words[at]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The {which} word is {b}.");
    weir_task_item(task, words[at]);
    for (uint32_t i = 0; i < n; i++)
        if (i != at)
            weir_task_wrong(task, words[i]);
    task->key = "word";
}

static void count(weir_task *task) {
    static const char *const asks[] = {
        "How many words are in this list? {list}",
        "How many things are these? {list}",
        "Count the words: {list}",
        "[Can|Could] you count these words for me? {list}",
        "Here is my list: {list}. How many words are on it?",
        "~Number of words: {list}",
        ">And here? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 2 + weir_gen_below(task->g, 5);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n);
    set_list(task, words, n);
    weir_task_set_number(task, "n", (int)n);
    weir_task_ask(task, asks);
    weir_task_say(task, "There are {n} words in the list.");
    weir_task_item_number(task, (int)n);
    task->key = "count";
}

/* How often a word stands in a list of two different ones. */
static void count_word(weir_task *task) {
    static const char *const asks[] = {
        "How often [is|does one find] the word {a} in this list? {list}",
        "How many times does {a} occur here? {list}",
        "Count how often {a} comes: {list}",
        "In this list, how many times do you see {a}? {list}",
        NULL,
    };
    const char *two[2], *words[MOST_WORDS];
    weir_word_draw_some(task->g, &weir_word_nouns, two, 2);
    uint32_t n = 4 + weir_gen_below(task->g, 3);
    int n_first = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t chosen = i == 0 ? 0 : weir_gen_below(task->g, 2);
        n_first += chosen == 0;
        words[i] = two[chosen];
    }
    uint32_t order[MOST_WORDS] = {0, 1, 2, 3, 4, 5};
    const char *mixed[MOST_WORDS] = {0};
    weir_gen_shuffle(task->g, order, n);
    for (uint32_t i = 0; i < n; i++)
        mixed[i] = words[order[i]];
    set_list(task, mixed, n);
    weir_task_set(task, "a", two[0]);
    weir_task_set_number(task, "n", n_first);
    weir_task_set(task, "times", n_first == 1 ? "time" : "times");
    weir_task_ask(task, asks);
    weir_task_say(task, "The word {a} is there {n} {times}.");
    weir_task_item_number(task, n_first);
    task->key = "count";
}

static void is_there(weir_task *task) {
    static const char *const asks[] = {
        "Is the word {a} in this list? {list}",
        "Here is a list: {list}. Is {a} in it?",
        "Do you see the word {a} here? {list}",
        "My bag holds these things: {list}. Is there [also |]the word {a} among them?",
        ">And is {a} in this one? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 3 + weir_gen_below(task->g, 3);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n + 1);
    bool is_in = weir_gen_chance(task->g, 0.5);
    const char *a = is_in ? words[weir_gen_below(task->g, n)] : words[n];
    set_list(task, words, n);
    weir_task_set(task, "a", a);
    weir_task_ask(task, asks);
    weir_task_say(task, is_in ? "Yes, {a} is in the list." : "No, {a} is not in the list.");
    weir_task_item(task, is_in ? "yes" : "no");
    task->shape = WEIR_TASK_YES_NO;
}

static void leave_out(weir_task *task) {
    static const char *const asks[] = {
        "Take {a} out of this list: {list}",
        "[Remove|Delete] the word {a} from this list: {list}",
        "My shopping list: {list}. I have bought the {a}. What is left[| on the list]?",
        "Write this list without {a}: {list}",
        "[Can|Could] you write this list without the word {a}? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 3 + weir_gen_below(task->g, 3), at = weir_gen_below(task->g, n);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n);
    set_list(task, words, n);
    weir_task_set(task, "a", words[at]);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < n; i++)
        if (i != at)
            weir_task_item(task, words[i]);
    weir_task_wrong(task, words[at]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

static void add_one(weir_task *task) {
    static const char *const asks[] = {
        "Add {a} to the end of this list: {list}",
        "Put {a} at the end of this list: {list}",
        "My shopping list: {list}. I also need [one thing more: |]{a}. What is on the list now?",
        "[Can|Could] you add the word {a} at the end? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 2 + weir_gen_below(task->g, 3);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n + 1);
    set_list(task, words, n);
    weir_task_set(task, "a", words[n]);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i <= n; i++)
        weir_task_item(task, words[i]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

static void swap(weir_task *task) {
    static const char *const asks[] = {
        "Replace {a} with {b} in this list: {list}",
        "Write this list with {b} instead of {a}: {list}",
        "In this list, change {a} to {b}: {list}",
        "[Can|Could] you put {b} in the place of {a}? {list}",
        NULL,
    };
    const char *words[MOST_WORDS];
    uint32_t n = 3 + weir_gen_below(task->g, 2), at = weir_gen_below(task->g, n);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n + 1);
    set_list(task, words, n);
    weir_task_set(task, "a", words[at]);
    weir_task_set(task, "b", words[n]);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, i == at ? words[n] : words[i]);
    weir_task_wrong(task, words[at]);
    task->shape = WEIR_TASK_LIST;
    task->key = "words";
}

/* ---- groups --------------------------------------------------------------------------------- */

static const weir_word_group *draw_group(weir_gen *g) {
    return &weir_word_groups[weir_gen_below(g, weir_word_n_groups)];
}

static bool in_group(const weir_word_group *group, const char *word) {
    for (uint32_t i = 0; i < group->n; i++)
        if (strcmp(group->words[i], word) == 0)
            return true;
    return false;
}

/* k different words of a group, and one of another, which also does not belong to it. */
static const weir_word_group *draw_group_words(weir_gen *g, const char **words, uint32_t k,
                                               const char **other) {
    const weir_word_group *group = draw_group(g);
    const weir_word_table table = {group->words, group->n};
    for (uint32_t i = 0; i < k;) {
        words[i] = table.words[weir_gen_below(g, table.n)];
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && words[j] != words[i];
        i += is_new;
    }
    do {
        const weir_word_group *second = draw_group(g);
        *other = second->words[weir_gen_below(g, second->n)];
    } while (in_group(group, *other));
    return group;
}

static void odd_one(weir_task *task) {
    static const char *const asks[] = {
        "Which word does not belong? {list}",
        "Find the odd one out: {list}",
        "Which is the odd one out? {list}",
        "One of these words does not fit. Which one? {list}",
        "[Tell me|Name] the word that does not fit: {list}",
        "[Can|Could] you find the word that does not belong with the others? {list}",
        "~Odd one out: {list}",
        ">And here? {list}",
        NULL,
    };
    const char *words[4], *mixed[4];
    draw_group_words(task->g, words, 3, &words[3]);
    uint32_t order[4] = {0, 1, 2, 3};
    weir_gen_shuffle(task->g, order, 4);
    for (uint32_t i = 0; i < 4; i++)
        mixed[i] = words[order[i]];
    set_list(task, mixed, 4);
    weir_task_set(task, "b", words[3]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The word {b} does not belong.");
    weir_task_item(task, words[3]);
    for (uint32_t i = 0; i < 3; i++)
        weir_task_wrong(task, words[i]);
    task->key = "odd";
}

static void which_is(weir_task *task) {
    static const char *const asks[] = {
        "Which of these is {g}: {x}, {y} or {z}?",
        "[Find|Choose] the {n}: {x}, {y}, {z}",
        "Only one of these is {g}. Which one? {x}, {y}, {z}",
        "What is {g}: {x}, {y} or {z}?",
        "Look at {x}, {y} and {z}. Which one is {g}?",
        "~The {n} in {x}, {y}, {z}:",
        NULL,
    };
    const char *right, *others[2];
    const weir_word_group *group = draw_group_words(task->g, &right, 1, &others[0]);
    do {
        const weir_word_group *second = draw_group(task->g);
        others[1] = second->words[weir_gen_below(task->g, second->n)];
    } while (in_group(group, others[1]) || strcmp(others[1], others[0]) == 0);
    const char *words[3] = {right, others[0], others[1]};
    uint32_t order[3] = {0, 1, 2};
    weir_gen_shuffle(task->g, order, 3);
    weir_gen_putf(task->g, &task->scratch, "%s %s", weir_word_article(group->name), group->name);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "g", task->scratch.data);
    weir_task_set(task, "n", group->name);
    weir_task_set(task, "x", words[order[0]]);
    weir_task_set(task, "y", words[order[1]]);
    weir_task_set(task, "z", words[order[2]]);
    weir_task_set(task, "b", right);
    weir_task_ask(task, asks);
    weir_task_say(task, "The {n} is {b}.");
    weir_task_item(task, right);
    weir_task_wrong(task, others[0]);
    weir_task_wrong(task, others[1]);
}

static void what_kind(weir_task *task) {
    static const char *const asks[] = {
        "Is [the word |]{a} the name of {g}?",
        "Is {a} {g}?",
        "Would you call {a} {g}?",
        "[Tell me if {a} is {g}.|Can you tell me if {a} is {g}?]",
        "^{a}: is that {g}?",
        ">And {a}? Is it {g}?",
        NULL,
    };
    const char *right, *other;
    const weir_word_group *group = draw_group_words(task->g, &right, 1, &other);
    bool is_right = weir_gen_chance(task->g, 0.5);
    weir_gen_putf(task->g, &task->scratch, "%s %s", weir_word_article(group->name), group->name);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "g", task->scratch.data);
    weir_task_set(task, "a", is_right ? right : other);
    weir_task_ask(task, asks);
    weir_task_say(task, is_right ? "Yes, {a} is {g}." : "No, {a} is not {g}.");
    weir_task_item(task, is_right ? "yes" : "no");
    task->shape = WEIR_TASK_YES_NO;
}

/* Any of the group's words are right: the check knows them all. */
static void name_some(weir_task *task) {
    static const char *const asks[] = {
        "[Name|List|Tell me|Give me] {n} {g}.",
        "[Can|Could] you name {n} {g}?",
        "I need the names of {n} {g}.",
        "Write down {n} {g}.",
        "Do you know {n} {g}?",
        ">And {n} {g}?",
        NULL,
    };
    static const char *const numbers[] = {"two", "three", "four", "five"};
    const weir_word_group *group;
    do
        group = draw_group(task->g);
    while (strcmp(group->name, "number") == 0);
    uint32_t most = group->n < 5 ? group->n : 5;
    uint32_t n = 2 + weir_gen_below(task->g, most - 1);
    uint32_t order[32];
    for (uint32_t i = 0; i < group->n; i++)
        order[i] = i;
    weir_gen_shuffle(task->g, order, group->n);
    weir_task_set(task, "n", numbers[n - 2]);
    weir_task_set(task, "g", group->plural);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, group->words[order[i]]);
    json_t *allowed = json_array();
    for (uint32_t i = 0; i < group->n; i++)
        json_array_append_new(allowed, json_string(group->words[i]));
    weir_task_check(task, "items_from", allowed);
    task->shape = WEIR_TASK_LIST;
    task->key = "items";
}

const weir_task_kind weir_task_lists[] = {
    {"sort_words", sort_words, 4},
    {"reverse", reverse, 3},
    {"repeat", repeat, 3},
    {"pick", pick, 4},
    {"count", count, 3},
    {"count_word", count_word, 1},
    {"is_there", is_there, 2},
    {"leave_out", leave_out, 2},
    {"add_one", add_one, 2},
    {"swap", swap, 2},
    {"odd_one", odd_one, 3},
    {"which_is", which_is, 3},
    {"what_kind", what_kind, 2},
    {"name_some", name_some, 4},
    {0},
};
