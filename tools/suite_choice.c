/*
 * suite_choice.c: MMLU-Pro (Wang et al. 2024) and GPQA (Rein et al. 2023): questions with choices,
 * answers judged by score_letter.h.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/random.h"
#include "score_letter.h"
#include "suite_parts.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CHOICES = 16, N_GPQA = 4, SHUFFLE_STREAM = 0x67707161 };

static weir_status judge_letter(weir_suite_verdict *out, const weir_suite_item *item,
                                const weir_suite_answer *answer, weir_letter_order order) {
    char letter = weir_letter_find(answer->content, answer->n, item->n_choices, order, NULL);
    weir_suite_verdict_set(out, letter && letter == item->answer[0], letter != 0, &letter,
                           letter != 0);
    return WEIR_STATUS_OK;
}

static weir_status set_letter(weir_suite_item *item, size_t index, size_t n_choices,
                              weir_error *err) {
    char letter = (char)('A' + index);
    item->n_choices = n_choices;
    item->answer = weir_text_copy(&letter, 1);
    return item->answer ? WEIR_STATUS_OK
                        : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an answer");
}

/* ---- mmlu-pro -------------------------------------------------------------------------------- */

/* The question and its choices. "N/A" fills lists up in the early version of the data. */
static weir_status say_question(weir_text_buffer *text, const json_t *row, size_t *n_choices,
                                weir_error *err) {
    const char *question = weir_suite_text(row, "question", err);
    const json_t *options = json_object_get(row, "options");
    if (!question)
        return WEIR_STATUS_BAD_FILE;
    weir_text_buffer_format(text, "Question:\n%s\nOptions:\n", question);
    *n_choices = 0;
    for (size_t i = 0; i < json_array_size(options); i++) {
        const char *choice = json_string_value(json_array_get(options, i));
        if (!choice || i == MAX_CHOICES)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "expected \"options\", a list of at most %d texts", MAX_CHOICES);
        if (strcmp(choice, "N/A") != 0)
            weir_text_buffer_format(text, "%c. %s\n", (int)('A' + (*n_choices)++), choice);
    }
    return *n_choices >= 2 ? WEIR_STATUS_OK
                           : weir_fail(err, WEIR_STATUS_BAD_FILE,
                                       "expected \"options\", a list of two texts at least");
}

/* The index of what is right, by its letter or its number. */
static weir_status right_choice(const json_t *row, size_t n_choices, size_t *out, weir_error *err) {
    const char *letter = json_string_value(json_object_get(row, "answer"));
    const json_t *number = json_object_get(row, "answer_index");
    json_int_t index = json_is_integer(number) ? json_integer_value(number) : -1;
    if (letter && letter[0] >= 'A' && letter[0] <= 'Z' && !letter[1]) {
        if (index >= 0 && index != letter[0] - 'A')
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "\"answer\" %c and \"answer_index\" %lld are not the same choice",
                             letter[0], (long long)index);
        index = letter[0] - 'A';
    }
    if (index < 0 || (size_t)index >= n_choices)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "expected \"answer\", the letter of one of %zu choices", n_choices);
    *out = (size_t)index;
    return WEIR_STATUS_OK;
}

/* Examples of the same category, with the reasoning that the data has for them. */
static weir_status show_choices(const weir_suite_data *data, const weir_suite_item *item,
                                weir_text_buffer *text, weir_error *err) {
    static const char opening[] = "A: Let's think step by step.";
    size_t n_shown = 0, n_most = data->options.n_shots, n_choices;
    for (size_t i = 0; i < json_array_size(data->shots); i++) {
        const json_t *shot = json_array_get(data->shots, i);
        const char *category = json_string_value(json_object_get(shot, "category"));
        if (!category || !item->category || strcmp(category, item->category) != 0 ||
            (n_most > 0 && n_shown == n_most))
            continue;
        const char *reasons = weir_suite_text(shot, "cot_content", err);
        if (!reasons || say_question(text, shot, &n_choices, err) != WEIR_STATUS_OK)
            return weir_fail_within(err, WEIR_STATUS_BAD_FILE, "%s: row %zu",
                                    data->options.shots_path, i + 1);
        bool is_short = strncmp(reasons, opening, strlen(opening)) == 0;
        weir_text_buffer_format(text, "%s%s\n\n", is_short ? "Answer:" : "",
                                is_short ? reasons + strlen("A:") : reasons);
        n_shown++;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_suite_mmlu_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                 weir_error *err) {
    weir_text_buffer text = {0};
    weir_status status;
    size_t n_choices, right = 0;
    (void)index;
    WEIR_TRY_GOTO(weir_suite_copy(&item->id, item->row, "question_id", err));
    WEIR_TRY_GOTO(weir_suite_copy(&item->category, item->row, "category", err));
    weir_text_buffer_format(&text,
                            "The following are multiple choice questions (with answers) about %s. "
                            "Think step by step and then finish your answer with \"the answer is "
                            "(X)\" where X is the correct letter choice.\n\n",
                            item->category ? item->category : "many things");
    WEIR_TRY_GOTO(show_choices(data, item, &text, err));
    WEIR_TRY_GOTO(say_question(&text, item->row, &n_choices, err));
    WEIR_TRY_GOTO(right_choice(item->row, n_choices, &right, err));
    WEIR_TRY_GOTO(set_letter(item, right, n_choices, err));
    weir_text_buffer_say(&text, "Answer: Let's think step by step.");
    return weir_suite_ask(item, &text, err);
fail:
    weir_text_buffer_free(&text);
    return status;
}

weir_status weir_suite_mmlu_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                  const weir_suite_answer *answer, weir_error *err) {
    (void)err; /* letters need no memory */
    return judge_letter(out, item, answer, WEIR_LETTER_IS_FIRST);
}

/* ---- gpqa ------------------------------------------------------------------------------------ */

/* Without the space around it, of which the published file has much. */
static const char *trimmed(const char *text, int *n) {
    while (*text && strchr(" \t\r\n", *text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    *n = (int)length;
    return text;
}

/* A permutation of 0 .. n - 1 that is a function of seed and index (Fisher and Yates). */
static void shuffle(size_t *order, size_t n, uint64_t seed, size_t index) {
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i-- > 1;) {
        uint64_t bits = weir_mix64(seed, SHUFFLE_STREAM + index, i);
        size_t k = (size_t)(weir_uniform(bits) * (double)(i + 1)), held = order[i];
        order[i] = order[k];
        order[k] = held;
    }
}

weir_status weir_suite_gpqa_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                 weir_error *err) {
    static const char *const names[N_GPQA] = {"Correct Answer", "Incorrect Answer 1",
                                              "Incorrect Answer 2", "Incorrect Answer 3"};
    const char *question = weir_suite_text(item->row, "Question", err), *choice[N_GPQA];
    size_t order[N_GPQA], right = 0;
    weir_text_buffer text = {0};
    int n;
    for (size_t i = 0; i < N_GPQA; i++)
        if (!question || !(choice[i] = weir_suite_text(item->row, names[i], err)))
            return WEIR_STATUS_BAD_FILE;
    WEIR_TRY(weir_suite_copy(&item->id, item->row, "Record ID", err));
    WEIR_TRY(weir_suite_copy(&item->category, item->row, "High-level domain", err));
    WEIR_TRY(weir_suite_copy(&item->level, item->row, "Subdomain", err));
    shuffle(order, N_GPQA, data->options.shuffle_seed, index);
    question = trimmed(question, &n);
    weir_text_buffer_format(&text,
                            "Answer the following multiple choice question. The last line of your "
                            "response should be of the following format: 'Answer: $LETTER' "
                            "(without quotes) where LETTER is one of ABCD. Think step by step "
                            "before answering.\n\n%.*s\n\n",
                            n, question);
    for (size_t i = 0; i < N_GPQA; i++) {
        const char *words = trimmed(choice[order[i]], &n);
        weir_text_buffer_format(&text, "%c) %.*s%s", (int)('A' + i), n, words,
                                i + 1 < N_GPQA ? "\n" : "");
        right = order[i] == 0 ? i : right;
    }
    weir_status status = set_letter(item, right, N_GPQA, err);
    if (status == WEIR_STATUS_OK)
        return weir_suite_ask(item, &text, err);
    weir_text_buffer_free(&text);
    return status;
}

weir_status weir_suite_gpqa_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                  const weir_suite_answer *answer, weir_error *err) {
    (void)err; /* letters need no memory */
    return judge_letter(out, item, answer, WEIR_LETTER_COLON_FIRST);
}
