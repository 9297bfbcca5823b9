/*
 * interrupt.h: what Ctrl-C, SIGTERM and SIGHUP do. Before a verb asks for care they end the program
 * at once; with care they only raise a flag and cancel the engine that is told here, so that the
 * verb can take back what is half done. A second signal ends the program at once in any case. A
 * signal that was ignored when the program began stays ignored. Pages of a mapped file that are
 * lost end the program with a line.
 */
#ifndef WEIR_TOOLS_INTERRUPT_H
#define WEIR_TOOLS_INTERRUPT_H

#include "weir.h"

/* Once, at the beginning of main. */
void weir_interrupt_install(void);

/* From now on a signal raises the flag; engine: NULL, or to be cancelled by the signal. To be
 * called again with NULL before the engine is closed. */
void weir_interrupt_with_care(weir_engine *engine);

bool weir_interrupted(void);

/* The signal that raised the flag, 0: none came. Takes the flag back, so that the next signal
 * counts as a first one: a chat goes on after Ctrl-C. */
int weir_interrupt_take(void);

/* Called, in the handler, when a second signal ends the program at once; NULL: nothing is. It puts
 * the terminal back as it was. */
void weir_interrupt_before_end(void (*restore)(void));

#endif
