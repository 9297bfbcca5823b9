/*
 * pda_run.h: an automaton at work. A state is all that may come next: a set of places, each a node
 * and the frames that are open there. States, frames and steps are kept once they were found, so
 * that a step is usually one look into a table.
 *
 * A run is owned by whoever guards it: nothing here is safe for several threads. It only grows;
 * weir_pda_run_bytes says how far, and weir_pda_run_move takes a state into a fresh run.
 *
 * Every state that is reached has a way to the end, within the limit of open frames. Of more than
 * WEIR_PDA_MAX_PLACES places the later ones are dropped: then some texts are no longer reached, and
 * none is that the grammar forbids.
 */
#ifndef WEIR_TEXT_PDA_RUN_H
#define WEIR_TEXT_PDA_RUN_H

#include "text/pda.h"

enum {
    WEIR_PDA_MAX_PLACES = 4096,
    WEIR_PDA_DEAD_STATE = 0 /* nothing fits any more */
};

typedef struct weir_pda_run weir_pda_run;

/* pda must outlive it. NULL without memory. */
weir_pda_run *weir_pda_run_open(const weir_pda *pda);
void weir_pda_run_close(weir_pda_run **run);
size_t weir_pda_run_bytes(const weir_pda_run *run);

/* All of the functions below return the dead state without memory; weir_pda_run_is_whole tells. It
 * stays false. */
bool weir_pda_run_is_whole(const weir_pda_run *run);

uint32_t weir_pda_run_start(weir_pda_run *run, weir_pda_start start);
uint32_t weir_pda_run_step(weir_pda_run *run, uint32_t state, uint32_t symbol);
/* The same, kept in the state's table: [n_classes] next states + 1, 0: not known yet. */
uint32_t weir_pda_run_find(weir_pda_run *run, uint32_t state, uint32_t class_of_symbol);
const uint32_t *weir_pda_run_table(weir_pda_run *run, uint32_t state);

bool weir_pda_run_may_end(const weir_pda_run *run, uint32_t state);
bool weir_pda_run_must_end(const weir_pda_run *run, uint32_t state); /* nothing else can come */
/* Were places ever dropped in this run? */
bool weir_pda_run_has_cut(const weir_pda_run *run);

/* A state that goes on in the same way for n symbols, and is the same for many states: counts that
 * are that far from their limits are forgotten. */
uint32_t weir_pda_run_forget(weir_pda_run *run, uint32_t state, uint32_t n);

/* The state of `from` in `to`, a run of the same automaton. */
uint32_t weir_pda_run_move(weir_pda_run *to, const weir_pda_run *from, uint32_t state);

/* A place of a state that callers use: what was found out about it. NULL at first, freed with the
 * run. bytes: what it takes, for weir_pda_run_bytes. */
void *weir_pda_run_note(const weir_pda_run *run, uint32_t state);
void weir_pda_run_set_note(weir_pda_run *run, uint32_t state, void *note, size_t bytes);

#endif
