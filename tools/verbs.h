/* verbs.h: the verbs of the program; one file each, and one row each in the list of verbs.c. */
#ifndef WEIR_TOOLS_VERBS_H
#define WEIR_TOOLS_VERBS_H

#include "options.h"

extern const weir_verb weir_verb_run;
extern const weir_verb weir_verb_show;
extern const weir_verb weir_verb_tokenize;
extern const weir_verb weir_verb_template;
extern const weir_verb weir_verb_convert;
extern const weir_verb weir_verb_synth;
extern const weir_verb weir_verb_selftest;
extern const weir_verb weir_verb_completions;

/* All of them, in the order of the help; NULL at the end. */
extern const weir_verb *const weir_verbs[];

/* NULL: there is none of this name. */
const weir_verb *weir_verb_find(const char *name);

#endif
