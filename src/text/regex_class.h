/* regex_class.h: sets of code points in the making, for classes of expressions and grammars. */
#ifndef WEIR_TEXT_REGEX_CLASS_H
#define WEIR_TEXT_REGEX_CLASS_H

#include "text/regex_ast.h"

enum { WEIR_CLASS_RANGES = 512 };

typedef struct weir_class {
    weir_code_range ranges[WEIR_CLASS_RANGES]; /* [n] */
    size_t n;
    bool is_full; /* more were added than there is room for */
} weir_class;

void weir_class_add(weir_class *to, uint32_t first, uint32_t last);
/* The class of \d \D \w \W \s \S. is_inverted: it will be inverted, so that \s has to be the wide
 * one: white space is ASCII's, and what is not is not Unicode's either. False: no such letter. */
bool weir_class_add_letter(weir_class *to, char letter, bool is_inverted);
/* Ends it: ranges in the builder's memory. NULL after a failure. */
weir_code_range *weir_class_end(weir_pda_builder *b, weir_class *from, bool is_inverted, size_t *n);

#endif
