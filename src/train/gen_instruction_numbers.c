/*
 * gen_instruction_numbers.c: tasks about numbers and order: small sums, comparing, sorting, rows of
 * numbers and words, days and months.
 *
 * Pairs of numbers with (a + 3 b) % 7 == 3 are held out for sums and differences.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <stdlib.h>
#include <string.h>

static void draw_pair(weir_gen *g, int most, int *a, int *b) {
    do {
        *a = (int)weir_gen_below(g, (uint32_t)most + 1);
        *b = (int)weir_gen_below(g, (uint32_t)most + 1);
    } while (((*a + 3 * *b) % 7 == 3) != g->is_held_out);
}

static const char *const number_words[] = {"zero", "one",    "two",   "three", "four",
                                           "five", "six",    "seven", "eight", "nine",
                                           "ten",  "eleven", "twelve"};

static void set_sum(weir_task *task, const char *const *asks, int a, int b, int c,
                    const char *sentence) {
    weir_task_set_number(task, "a", a);
    weir_task_set_number(task, "b", b);
    weir_task_set_number(task, "c", c);
    weir_task_ask(task, asks);
    weir_task_say(task, sentence);
    weir_task_item_number(task, c);
    task->key = "result";
}

static void add(weir_task *task) {
    static const char *const asks[] = {
        "What is {a} plus {b}?",
        "What is {a} + {b}?",
        "How much is {a} and {b}?",
        "Add {a} and {b}.",
        "[Can|Could] you add {a} and {b}?",
        "What do you get if you add {b} to {a}?",
        "[Tell me|Work out] the sum of {a} and {b}.",
        "~{a} + {b} = ?",
        "~{a} + {b} =",
        ">And {a} plus {b}?",
        ">And {a} + {b}?",
        NULL,
    };
    static const char *const in_words[] = {
        "What is {aw} plus {bw}?",
        "How much is {aw} and {bw}?",
        "Add {aw} and {bw}.",
        ">And {aw} plus {bw}?",
        NULL,
    };
    int a, b;
    draw_pair(task->g, 20, &a, &b);
    bool is_words = a <= 12 && b <= 12 && weir_gen_chance(task->g, 0.25);
    weir_task_set(task, "aw", number_words[is_words ? a : 0]);
    weir_task_set(task, "bw", number_words[is_words ? b : 0]);
    set_sum(task, is_words ? in_words : asks, a, b, a + b, "{a} plus {b} is {c}.");
}

static void subtract(weir_task *task) {
    static const char *const asks[] = {
        "What is {a} minus {b}?",
        "What is {a} - {b}?",
        "How much is {a} less {b}?",
        "Take {b} away from {a}. What is left?",
        "[Can|Could] you subtract {b} from {a}?",
        "What is left of {a} if you take away {b}?",
        "~{a} - {b} = ?",
        "~{a} - {b} =",
        ">And {a} minus {b}?",
        ">And {a} - {b}?",
        NULL,
    };
    int a, b;
    draw_pair(task->g, 20, &a, &b);
    set_sum(task, asks, a + b, b, a, "{a} minus {b} is {c}.");
}

static void twice(weir_task *task) {
    static const char *const doubles[] = {
        "What is the double of {a}?",
        "What is twice {a}?",
        "Double {a}.",
        "[Tell me|Work out] two times {a}.",
        "~2 x {a} =",
        ">And the double of {a}?",
        NULL,
    };
    static const char *const halves[] = {
        "What is half of {a}?",
        "How much is one half of {a}?",
        "Halve {a}.",
        "Two children share {a} sweets equally. How many does each get?",
        "~Half of {a}:",
        ">And half of {a}?",
        NULL,
    };
    int n = 1 + (int)weir_gen_below(task->g, 25);
    bool is_double = weir_gen_chance(task->g, 0.5);
    int a = is_double ? n : 2 * n, c = is_double ? 2 * n : n;
    set_sum(task, is_double ? doubles : halves, a, 2, c,
            is_double ? "Two times {a} is {c}." : "Half of {a} is {c}.");
}

static void story_sum(weir_task *task) {
    static const char *const gets[] = {
        "{name} has {a} {things} and {gets} {b} more. How many {things} does {name} have "
        "[now|in all]?",
        "There are {a} {things} in [a box|a basket|a bag]. {name} puts in {b} more. How many "
        "{things} "
        "are in it now?",
        "{name} finds {a} {things} in the morning and {b} {things} in the evening. How many "
        "{things} "
        "are that?",
        NULL,
    };
    static const char *const loses[] = {
        "{name} has {a} {things} and gives away {b}[| of them]. How many {things} are left?",
        "There are {a} {things} [in a box|on the table|in the basket]. {name} takes {b} of them "
        "away. "
        "How many {things} are left?",
        "{name} had {a} {things} and lost {b}. How many {things} does {name} still have?",
        NULL,
    };
    static const char *const things[] = {
        "apples", "nuts",  "balls",   "books", "shells",  "stones", "cakes", "marbles", "coins",
        "sweets", "stars", "flowers", "eggs",  "pencils", "cards",  "pears", "toys",    "buttons"};
    int a, b;
    draw_pair(task->g, 10, &a, &b);
    a += 2, b += 2;
    bool is_gain = weir_gen_chance(task->g, 0.5);
    weir_task_set(task, "name", weir_word_name(task->g, NULL));
    weir_task_set(task, "things", things[weir_gen_below(task->g, WEIR_COUNT(things))]);
    weir_task_set(task, "gets", weir_gen_chance(task->g, 0.5) ? "gets" : "buys");
    if (is_gain)
        set_sum(task, gets, a, b, a + b, "There are {c} {things}.");
    else
        set_sum(task, loses, a + b, b, a, "There are {c} {things} left.");
    task->key = "count";
}

static void next_number(weir_task *task) {
    static const char *const asks[] = {
        "Which number comes next? {row}",
        "What comes next: {row}?",
        "Continue this row with one number: {row}",
        "Here is a row of numbers: {row}. What is next?",
        "[Tell me|Name] the next number: {row}",
        "~{row}, ?",
        ">And here? {row}",
        NULL,
    };
    static const int steps[] = {1, 2, 3, 5, 10, -1, -2};
    int step = steps[weir_gen_below(task->g, WEIR_COUNT(steps))];
    uint32_t n = 3 + weir_gen_below(task->g, 2);
    int first = 1 + (int)weir_gen_below(task->g, 20);
    if (step < 0)
        first += 8;
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(task->g, &task->scratch, i ? ", %d" : "%d", first + (int)i * step);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "row", task->scratch.data);
    weir_task_set_number(task, "c", first + (int)n * step);
    weir_task_ask(task, asks);
    weir_task_say(task, "The next number is {c}.");
    weir_task_item_number(task, first + (int)n * step);
    task->key = "next";
}

static void next_word(weir_task *task) {
    static const char *const asks[] = {
        "What comes next: {row}?",
        "Which word comes next? {row}",
        "Continue the pattern with one word: {row}",
        "Look at this pattern: {row}. What is next?",
        "[Tell me|Name] the next word of the pattern: {row}",
        "~{row}, ...",
        NULL,
    };
    const char *words[3];
    uint32_t n_words = 2 + weir_gen_below(task->g, 2);
    weir_word_draw_some(task->g, &weir_word_nouns, words, n_words);
    /* Every word twice at least, so that the pattern cannot be read in another way. */
    uint32_t n = 2 * n_words + weir_gen_below(task->g, n_words);
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(task->g, &task->scratch, i ? ", %s" : "%s", words[i % n_words]);
    if (task->g->is_failed)
        return;
    weir_task_set(task, "row", task->scratch.data);
    weir_task_set(task, "b", words[n % n_words]);
    weir_task_ask(task, asks);
    weir_task_say(task, "The next word is {b}.");
    weir_task_item(task, words[n % n_words]);
    for (uint32_t i = 0; i < n_words; i++)
        if (i != n % n_words)
            weir_task_wrong(task, words[i]);
    task->key = "next";
}

static int rising(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* k different numbers from 0 to most. */
static void draw_numbers(weir_gen *g, int *numbers, uint32_t k, uint32_t most) {
    for (uint32_t i = 0; i < k;) {
        numbers[i] = (int)weir_gen_below(g, most + 1);
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && numbers[j] != numbers[i];
        i += is_new;
    }
}

static void set_numbers(weir_task *task, const int *numbers, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        weir_gen_putf(task->g, &task->scratch, i ? ", %d" : "%d", numbers[i]);
    if (!task->g->is_failed)
        weir_task_set(task, "list", task->scratch.data);
}

static void sort_numbers(weir_task *task) {
    static const char *const ups[] = {
        "Sort these numbers: {list}",
        "Sort these numbers[| in rising order]: {list}",
        "Put these numbers in order, the smallest first: {list}",
        "Order these numbers from small to large: {list}",
        "[Can|Could] you sort these numbers from the smallest to the largest? {list}",
        NULL,
    };
    static const char *const downs[] = {
        "Sort these numbers in falling order: {list}",
        "Put these numbers in order, the largest first: {list}",
        "Order these numbers from large to small: {list}",
        "[Can|Could] you sort these numbers from the largest to the smallest? {list}",
        NULL,
    };
    int numbers[6];
    uint32_t n = 3 + (weir_gen_below(task->g, 3) == 0);
    draw_numbers(task->g, numbers, n, weir_gen_chance(task->g, 0.5) ? 20 : 99);
    set_numbers(task, numbers, n);
    bool is_up = task->is_follow || weir_gen_chance(task->g, 0.6);
    weir_task_ask(task, is_up ? ups : downs);
    qsort(numbers, n, sizeof numbers[0], rising);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item_number(task, numbers[is_up ? i : n - 1 - i]);
    task->shape = WEIR_TASK_LIST;
    task->key = "numbers";
}

static void extreme(weir_task *task) {
    static const char *const mosts[] = {
        "Which number is the [largest|biggest]: {list}?",
        "What is the [largest|biggest] of these numbers? {list}",
        "[Tell me|Name|Find] the largest number: {list}",
        "Look at these numbers: {list}. Which is the largest?",
        "~Largest number in {list}:",
        NULL,
    };
    static const char *const leasts[] = {
        "Which number is the smallest: {list}?",
        "What is the smallest of these numbers? {list}",
        "[Tell me|Name|Find] the smallest number: {list}",
        "Look at these numbers: {list}. Which is the smallest?",
        "~Smallest number in {list}:",
        NULL,
    };
    int numbers[5];
    uint32_t n = 2 + weir_gen_below(task->g, 4);
    draw_numbers(task->g, numbers, n, weir_gen_chance(task->g, 0.5) ? 20 : 99);
    set_numbers(task, numbers, n);
    bool is_most = weir_gen_chance(task->g, 0.5);
    qsort(numbers, n, sizeof numbers[0], rising);
    int answer = numbers[is_most ? n - 1 : 0];
    weir_task_set_number(task, "c", answer);
    weir_task_ask(task, is_most ? mosts : leasts);
    weir_task_say(task, is_most ? "The largest number is {c}." : "The smallest number is {c}.");
    weir_task_item_number(task, answer);
    task->key = "number";
}

static void is_more(weir_task *task) {
    static const char *const mores[] = {
        "Is {a} more than {b}?",
        "Is {a} [bigger|larger|greater] than {b}?",
        "[Tell me if {a} is more than {b}.|Can you tell me if {a} is more than {b}?]",
        ">And is {a} more than {b}?",
        NULL,
    };
    static const char *const lesses[] = {
        "Is {a} less than {b}?",
        "Is {a} smaller than {b}?",
        "[Tell me if {a} is less than {b}.|Can you tell me if {a} is less than {b}?]",
        ">And is {a} less than {b}?",
        NULL,
    };
    int numbers[2];
    draw_numbers(task->g, numbers, 2, weir_gen_chance(task->g, 0.5) ? 20 : 99);
    bool is_mores = weir_gen_chance(task->g, 0.5);
    bool is_yes = (numbers[0] > numbers[1]) == is_mores;
    weir_task_set_number(task, "a", numbers[0]);
    weir_task_set_number(task, "b", numbers[1]);
    weir_task_ask(task, is_mores ? mores : lesses);
    weir_task_say(task, is_yes ? "Yes, " : "No, ");
    weir_task_say(task,
                  numbers[0] > numbers[1] ? "{a} is more than {b}." : "{a} is less than {b}.");
    weir_task_item(task, is_yes ? "yes" : "no");
    task->shape = WEIR_TASK_YES_NO;
}

static void even(weir_task *task) {
    static const char *const asks[] = {
        "Is {a} [even or odd|odd or even]?",
        "Is {a} an even or an odd number?",
        "[Tell me if {a} is even or odd.|Can you tell me if {a} is even or odd?]",
        "~{a}: even or odd?",
        ">And {a}?",
        NULL,
    };
    int n = (int)weir_gen_below(task->g, 100);
    weir_task_set_number(task, "a", n);
    weir_task_set(task, "b", n % 2 ? "odd" : "even");
    weir_task_ask(task, asks);
    weir_task_say(task, "The number {a} is {b}.");
    weir_task_item(task, n % 2 ? "odd" : "even");
    weir_task_wrong(task, n % 2 ? "even" : "odd");
}

static void count_on(weir_task *task) {
    static const char *const asks[] = {
        "Count from {a} to {b}.",
        "[Can|Could] you count from {a} to {b}?",
        "Write the numbers from {a} to {b}.",
        "[Tell me|List] all numbers from {a} to {b}.",
        ">And from {a} to {b}?",
        NULL,
    };
    int a = (int)weir_gen_below(task->g, 30), n = 3 + (int)weir_gen_below(task->g, 7);
    weir_task_set_number(task, "a", a);
    weir_task_set_number(task, "b", a + n - 1);
    weir_task_ask(task, asks);
    for (int i = 0; i < n; i++)
        weir_task_item_number(task, a + i);
    task->shape = WEIR_TASK_LIST;
    task->key = "numbers";
}

/* ---- the calendar --------------------------------------------------------------------------- */

static void set_neighbour(weir_task *task, const char *const *asks, const char *a, const char *b,
                          const char *sentence) {
    weir_task_set(task, "a", a);
    weir_task_set(task, "b", b);
    weir_task_ask(task, asks);
    weir_task_say(task, sentence);
    weir_task_item(task, b);
}

static void day(weir_task *task) {
    static const char *const afters[] = {
        "Which day comes after {a}?",
        "What day is it the day after {a}?",
        "Today is {a}. What day is tomorrow?",
        "If today is {a}, what is tomorrow?",
        "[Tell me|Name] the day after {a}.",
        "~Day after {a}[?|:]",
        ">And after {a}?",
        NULL,
    };
    static const char *const befores[] = {
        "Which day comes before {a}?",
        "What day is it the day before {a}?",
        "Today is {a}. What day was yesterday?",
        "If today is {a}, what was yesterday?",
        "[Tell me|Name] the day before {a}.",
        "~Day before {a}[?|:]",
        ">And before {a}?",
        NULL,
    };
    uint32_t i = weir_gen_below(task->g, 7);
    bool is_after = weir_gen_chance(task->g, 0.6);
    set_neighbour(task, is_after ? afters : befores, weir_word_days[i],
                  weir_word_days[(i + (is_after ? 1 : 6)) % 7],
                  is_after ? "The day after {a} is {b}." : "The day before {a} is {b}.");
    task->key = "day";
}

static void month(weir_task *task) {
    static const char *const afters[] = {
        "Which month comes after {a}?",
        "What month follows {a}?",
        "It is {a} now. What is the next month?",
        "[Tell me|Name] the month after {a}.",
        "~Month after {a}[?|:]",
        ">And after {a}?",
        NULL,
    };
    static const char *const befores[] = {
        "Which month comes before {a}?",
        "What month is just before {a}?",
        "It is {a} now. What was the last month?",
        "[Tell me|Name] the month before {a}.",
        "~Month before {a}[?|:]",
        ">And before {a}?",
        NULL,
    };
    uint32_t i = weir_gen_below(task->g, 12);
    bool is_after = weir_gen_chance(task->g, 0.6);
    set_neighbour(task, is_after ? afters : befores, weir_word_months[i],
                  weir_word_months[(i + (is_after ? 1 : 11)) % 12],
                  is_after ? "The month after {a} is {b}." : "The month before {a} is {b}.");
    task->key = "month";
}

/* Lists that everybody knows. */
static void known_list(weir_task *task) {
    static const char *const days[] = {
        "[Name|List|Tell me] the days of the week.",
        "What are the seven days of the week?",
        "[Can|Could] you tell me all days of the week?",
        "Which days does a week have?",
        NULL,
    };
    static const char *const seasons[] = {
        "[Name|List|Tell me] the four seasons.",
        "What are the seasons of the year?",
        "[Can|Could] you tell me the four seasons?",
        "Which seasons does a year have?",
        NULL,
    };
    static const char *const months[] = {
        "[Name|List|Tell me] the months of the year.",
        "What are the twelve months?",
        "[Can|Could] you tell me all months of the year?",
        "Which months does a year have?",
        NULL,
    };
    static const char *const four[] = {"spring", "summer", "autumn", "winter"};
    uint32_t which = weir_gen_below(task->g, 3);
    const char *const *words = which == 0 ? weir_word_days : which == 1 ? four : weir_word_months;
    uint32_t n = which == 0 ? 7 : which == 1 ? 4 : 12;
    weir_task_ask(task, which == 0 ? days : which == 1 ? seasons : months);
    for (uint32_t i = 0; i < n; i++)
        weir_task_item(task, words[i]);
    task->shape = WEIR_TASK_LIST;
    task->key = which == 0 ? "days" : which == 1 ? "seasons" : "months";
}

const weir_task_kind weir_task_numbers[] = {
    {"add", add, 4},
    {"subtract", subtract, 3},
    {"twice", twice, 1},
    {"story_sum", story_sum, 3},
    {"next_number", next_number, 2},
    {"next_word", next_word, 2},
    {"sort_numbers", sort_numbers, 3},
    {"extreme", extreme, 2},
    {"is_more", is_more, 2},
    {"even", even, 1},
    {"count_on", count_on, 1},
    {"day", day, 3},
    {"month", month, 2},
    {"known_list", known_list, 1},
    {0},
};
