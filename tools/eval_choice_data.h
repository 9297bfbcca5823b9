/*
 * eval_choice_data.h: questions with choices, one a row (suite_rows.h: JSON lines, a JSON array or
 * CSV), in the forms that data sets are published in (docs/eval.md). Pure: text in, rows out.
 */
#ifndef WEIR_TOOLS_EVAL_CHOICE_DATA_H
#define WEIR_TOOLS_EVAL_CHOICE_DATA_H

#include "weir.h"

enum { WEIR_CHOICE_MOST = 26 }; /* as many as there are letters */

typedef enum weir_choice_shape {
    WEIR_CHOICE_PLAIN = 0,    /* context, choices, answer: continued as it stands */
    WEIR_CHOICE_MMLU = 1,     /* question, choices, answer (number), subject */
    WEIR_CHOICE_MMLU_PRO = 2, /* question, options, answer_index or answer (letter), category */
    WEIR_CHOICE_ARC = 3,      /* question, choices {text, label}, answerKey */
    WEIR_CHOICE_GPQA = 4,     /* Question, Correct Answer, Incorrect Answer 1 to 3 */
    WEIR_CHOICE_HELLASWAG = 5 /* activity_label, ctx_a, ctx_b, endings, label */
} weir_choice_shape;

enum { WEIR_CHOICE_SHAPES = 6 };
extern const char *const weir_choice_shape_names[WEIR_CHOICE_SHAPES];

typedef struct weir_choice_row {
    weir_choice_shape shape;
    uint64_t line;                  /* of its beginning, or its number in an array, from 1 */
    char *category;                 /* "": none */
    char *question;                 /* of PLAIN the context */
    char *choice[WEIR_CHOICE_MOST]; /* [n_choices], at least 2 */
    uint32_t n_choices, answer;
} weir_choice_row;

typedef struct weir_choice_set {
    weir_choice_row *row; /* [n] */
    size_t n;
} weir_choice_set;

/* Of text [n]. The choices of GPQA rows, whose right one comes first, are put into
 * an order by seed and question. BAD_FILE with "where:line" and what was expected; also if there
 * are no rows. weir_choice_set_free is due also after a failure. */
weir_status weir_choice_set_parse(weir_choice_set *out, const char *text, size_t n, uint64_t seed,
                                  const char *where, weir_error *err);
weir_status weir_choice_set_read(weir_choice_set *out, const char *path, uint64_t seed,
                                 weir_error *err);
void weir_choice_set_free(weir_choice_set *set);

#endif
