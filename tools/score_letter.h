/*
 * score_letter.h: which of the choices A, B, C, ... an answer settles on, for MMLU-Pro and GPQA
 * (docs/suites.md). Pure functions of bytes, in linear time.
 */
#ifndef WEIR_TOOLS_SCORE_LETTER_H
#define WEIR_TOOLS_SCORE_LETTER_H

#include <stddef.h>

enum { WEIR_LETTERS = 26 };

/* How a letter was found. */
typedef enum weir_letter_way {
    WEIR_LETTER_NONE = 0,
    WEIR_LETTER_IS = 1,    /* "the answer is (C)": the first */
    WEIR_LETTER_COLON = 2, /* "Answer: C": the last of the first line that has one */
    WEIR_LETTER_BOXED = 3, /* \boxed{C}: the last */
    WEIR_LETTER_ALONE = 4  /* C between what is no letter or digit: the last */
} weir_letter_way;

/* What is tried before what. First comes the form that the suite's prompt asks for, so that a
 * remark on the way does not count before the answer. */
typedef enum weir_letter_order {
    WEIR_LETTER_IS_FIRST = 0,   /* MMLU-Pro: is, colon, boxed, alone */
    WEIR_LETTER_COLON_FIRST = 1 /* GPQA: colon, is, boxed, alone */
} weir_letter_order;

/* 'A' to the n_choices-th letter; 0: none. way may be NULL. */
char weir_letter_find(const char *text, size_t n, size_t n_choices, weir_letter_order order,
                      weir_letter_way *way);

#endif
