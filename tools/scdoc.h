/* scdoc.h: man pages of the verbs in scdoc's language, to standard output; the build runs scdoc. */
#ifndef WEIR_TOOLS_SCDOC_H
#define WEIR_TOOLS_SCDOC_H

#include "options.h"

/* weir(1): its name, how it is called, its verbs. */
void weir_scdoc_program(void);
/* weir-VERB(1): name, synopsis, description, options. What no table holds is added by make_man.sh
 * from docs/man. */
void weir_scdoc_verb(const weir_verb *verb);
/* What all pages end with: the list of the others. */
void weir_scdoc_end(void);

#endif
