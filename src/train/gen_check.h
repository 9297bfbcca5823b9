/*
 * gen_check.h: what a machine can verify about an answer to a generated sample: one check object a
 * turn, whose fields docs/gen.md lists, and the measures of text they are made of. All functions
 * are pure.
 */
#ifndef WEIR_TRAIN_GEN_CHECK_H
#define WEIR_TRAIN_GEN_CHECK_H

#include "weir_train.h"
#include <jansson.h>

/* Does the answer hold what `check` asks? JSON null asks nothing. BAD_ARGUMENT if check is none:
 * no object, an unknown kind or field, a field of the wrong type. why (cap): one line about the
 * first thing wrong, "" where it holds. */
weir_status weir_gen_check_answer(const json_t *check, const weir_gen_answer *answer, bool *holds,
                                  char *why, size_t why_cap, weir_error *err);

/* ---- measures of text, 0-terminated -----------------------------------------------------------
 */

/* Groups of letters divided by white space that hold a letter or a digit. */
size_t weir_gen_count_words(const char *text);

/* A sentence ends at . ! ? (several are one), with quotation marks or brackets behind it, at the
 * end of the text or before white space that no lower-case letter follows. The number of a list
 * item
 * ("1. ") ends none. A rest without an end is a sentence if it holds a word. */
size_t weir_gen_count_sentences(const char *text);

/* Where sentence i (from 0) begins, the end of the text if there are fewer. */
const char *weir_gen_sentence_at(const char *text, size_t i);

/* Does the phrase occur in text [n], whatever the case, and not as a part of a longer word or
 * number? */
bool weir_gen_has_phrase(const char *text, size_t n, const char *phrase);

/* Does text [n] hold a glad (or sad) word, as the end of a story has? The last such word counts. */
typedef enum weir_gen_mood {
    WEIR_GEN_MOOD_NONE = 0,
    WEIR_GEN_MOOD_HAPPY = 1,
    WEIR_GEN_MOOD_SAD = 2
} weir_gen_mood;
weir_gen_mood weir_gen_find_mood(const char *text, size_t n);

/* The last number of the text: digits with an optional sign and decimals. */
bool weir_gen_last_number(const char *text, double *number);

/* Equal but for runs of white space and space at the ends; case and one final full stop of either
 * as allowed. */
bool weir_gen_same_text(const char *a, const char *b, bool ignore_case, bool final_period);

#endif
