/*
 * completions.h: scripts by which shells complete a command line of weir, made of the tables of
 * the verbs. One file a shell; all print to standard output.
 */
#ifndef WEIR_TOOLS_COMPLETIONS_H
#define WEIR_TOOLS_COMPLETIONS_H

#include "options.h"

void weir_complete_bash(void);
void weir_complete_zsh(void);
void weir_complete_fish(void);

/* Operand i of a verb's usage line, without brackets and dots; NULL behind the last. */
const char *weir_operand_name(const weir_verb *verb, size_t i, size_t *n);

/* Is the operand of this name the last one, and given as often as one likes ("IN...")? */
bool weir_operand_is_many(const char *name, size_t n);

/* Prints text with the characters of `special` behind `escape`, and line ends as spaces. */
void weir_print_escaped(const char *text, size_t n, const char *special, const char *escape);

/* Prints a|b|c with other characters in place of the bars. */
void weir_print_choices(const char *choices, size_t n, char between);

#endif
