/*
 * gen_phrase.h: phrases of words from a long table, for what users say that no table can hold: the
 * title of a song, what to put on a list, the text of a message. A model that meets the same fifty
 * titles learns them by heart and writes the nearest of the fifty instead of copying the next.
 */
#ifndef WEIR_TRAIN_GEN_PHRASE_H
#define WEIR_TRAIN_GEN_PHRASE_H

#include "train/gen.h"

typedef enum weir_phrase_case {
    WEIR_PHRASE_LOWER,    /* "silver lantern" */
    WEIR_PHRASE_SENTENCE, /* "Silver lantern" */
    WEIR_PHRASE_TITLE,    /* "Silver Lantern" */
} weir_phrase_case;

enum { WEIR_PHRASE = 96 }; /* bytes of a phrase of 6 words at most */

/* A phrase of least..most words (most <= 6); every seventh word means nothing, and words inside of
 * four and more may be "the", "of" and the like. */
void weir_phrase_draw(weir_gen *g, char out[WEIR_PHRASE], uint32_t least, uint32_t most,
                      weir_phrase_case letters);
/* One word of the table in small letters. */
const char *weir_phrase_word(weir_gen *g);

extern const char *const weir_phrase_words[];
extern const uint32_t weir_phrase_n_words;

#endif
