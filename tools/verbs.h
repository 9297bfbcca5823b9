/* verbs.h: the verbs of the program; one file each, and one row each in the list of weir.c. */
#ifndef WEIR_TOOLS_VERBS_H
#define WEIR_TOOLS_VERBS_H

#include "options.h"

extern const weir_verb weir_verb_run;
extern const weir_verb weir_verb_show;
extern const weir_verb weir_verb_convert;
extern const weir_verb weir_verb_synth;
extern const weir_verb weir_verb_selftest;

#endif
