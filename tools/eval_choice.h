/*
 * eval_choice.h: how probable a model finds each choice of a question.
 *
 * Owns how a row becomes text (docs/eval.md has the forms) and how its choices are scored: what all
 * of them begin with is run once, each choice on a fork of that timeline, several in one step. A
 * score is the sum of log-probabilities that scoring the whole text alone would give.
 */
#ifndef WEIR_TOOLS_EVAL_CHOICE_H
#define WEIR_TOOLS_EVAL_CHOICE_H

#include "eval_choice_data.h"
#include "text_buffer.h"

typedef enum weir_choice_style {
    WEIR_CHOICE_TEXT = 0,  /* the question is continued with the choice */
    WEIR_CHOICE_LETTER = 1 /* the choices are listed, and the letter is what is scored */
} weir_choice_style;

/* What the shape is published with: ARC and HellaSwag by text, the others by letter. */
weir_choice_style weir_choice_default_style(weir_choice_shape shape);

/* The text before the choices: of MMLU a line that names the subject; shots [n_shots] with their
 * answers, an empty line behind each; the row. NO_MEMORY shows when out is checked. */
void weir_choice_context(weir_text_buffer *out, const weir_choice_row *row,
                         const weir_choice_row *const *shots, size_t n_shots,
                         weir_choice_style style);
/* What choice i adds to it, with the space that parts the two; plain rows have none. */
void weir_choice_continuation(weir_text_buffer *out, const weir_choice_row *row, uint32_t i,
                              weir_choice_style style);

/* ---- scoring -------------------------------------------------------------------------------- */

typedef struct weir_choice_scorer weir_choice_scorer;

typedef struct weir_choice_scorer_options {
    uint32_t n_threads, n_ctx;
    /* as in weir_engine_options; kv_type NULL: "f32" */
    const char *device, *isa, *kv_type, *activations;
    weir_progress progress;
} weir_choice_scorer_options;

typedef struct weir_choice_score {
    double log_p[WEIR_CHOICE_MOST];      /* of the choice behind the context, nats */
    uint32_t n_bytes[WEIR_CHOICE_MOST];  /* of the choice without the parting space */
    uint32_t n_tokens[WEIR_CHOICE_MOST]; /* scored */
    uint32_t n_cut;                      /* tokens left out at the beginning to fit the context */
} weir_choice_score;

/* path: of the model, for its tokenizer. The model must outlive it. */
weir_status weir_choice_scorer_open(weir_choice_scorer **out, weir_model *model, const char *path,
                                    const weir_choice_scorer_options *options, weir_error *err);
void weir_choice_scorer_close(weir_choice_scorer **scorer);
weir_engine *weir_choice_scorer_engine(const weir_choice_scorer *scorer);

/* FULL if a choice alone is longer than the context. */
weir_status weir_choice_scorer_score(weir_choice_scorer *scorer, const weir_choice_row *row,
                                     const weir_choice_row *const *shots, size_t n_shots,
                                     weir_choice_style style, weir_choice_score *out,
                                     weir_error *err);

/* The choice of the greatest score, the first of several; by_bytes: of the score per byte. */
uint32_t weir_choice_best(const weir_choice_score *score, uint32_t n_choices, bool by_bytes);

#endif
