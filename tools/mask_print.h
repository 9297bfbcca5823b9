/* mask_print.h: a sample for training with what is to be learnt of it marked. */
#ifndef WEIR_TOOLS_MASK_PRINT_H
#define WEIR_TOOLS_MASK_PRINT_H

#include "weir.h"
#include <stdio.h>

/* text [n], is_target_byte [n]. Targets are green, or without colours in [[ ]]. Control characters
 * come out as \x1b; a line feed is added where the text has none at its end. */
void weir_mask_print(FILE *to, const char *text, const bool *is_target_byte, size_t n,
                     bool has_color);

#endif
