/*
 * drafts.h: drafts without a second model: what followed the last tokens when they last occurred,
 * and a controller that measures whether running them ahead pays.
 *
 * Owns guesses only. What is drafted never decides a token: step.c runs drafts behind a timeline's
 * last token and keeps the state after each row, and a row counts only if the same token is
 * appended afterwards. Invariant: an entry of the index is a place to look at; the tokens there are
 * compared before it is believed, so entries left over from a rewind do no harm.
 */
#ifndef WEIR_ENGINE_DRAFTS_H
#define WEIR_ENGINE_DRAFTS_H

#include "weir.h"

enum {
    WEIR_LOOKUP_MOST = 16,   /* drafts of one step */
    WEIR_LOOKUP_LENGTHS = 5, /* of n-grams that are looked up */
    WEIR_LOOKUP_NONE = UINT32_MAX
};

/* ---- the index ------------------------------------------------------------------------------ */

/* Where n-grams of a timeline ended last. Adding a token and finding cost the same at any length of
 * the timeline. */
typedef struct weir_ngrams {
    uint32_t *slots;  /* [n_slots] the place behind an n-gram; 0: none */
    uint32_t n_slots; /* a power of two, twice as many as there will be n-grams */
    uint32_t n_added; /* n-grams that end at or before this place are in */
} weir_ngrams;

weir_status weir_ngrams_open(weir_ngrams *out, uint32_t n_ctx, weir_error *err);
void weir_ngrams_close(weir_ngrams *grams);
/* The timeline was cut to n_tokens. */
void weir_ngrams_cut(weir_ngrams *grams, uint32_t n_tokens);
/* The place behind the latest earlier occurrence of the end of tokens [n_tokens], for the longest
 * n-gram that has one; *length is the number of its row. WEIR_LOOKUP_NONE: there is none. */
uint32_t weir_ngrams_find(weir_ngrams *grams, const int32_t *tokens, uint32_t n_tokens,
                          uint32_t *length);

/* ---- the controller ------------------------------------------------------------------------- */

/* What a step of so many rows takes, how often drafts hold, and whether both together gain. */
typedef struct weir_draft_control {
    double seconds[WEIR_LOOKUP_MOST + 2]; /* by rows, running; 0: never measured */
    double chance[WEIR_LOOKUP_LENGTHS];   /* that the next drafted token holds, running */
    double gain;                          /* tokens for the time of a plain one, running */
    bool is_on;
    bool is_probe;    /* the last draft was made to see whether things have changed */
    uint32_t pause;   /* chances to draft that are let pass between two tries */
    uint32_t wait;    /* of them, still to come */
    uint32_t n_since; /* drafted steps since the last plain one */
} weir_draft_control;

void weir_control_init(weir_draft_control *control);
/* A step of n_rows rows took so long. */
void weir_control_measure(weir_draft_control *control, uint32_t n_rows, double seconds);
/* The time of a step of n_rows rows in steps of one row, measured or estimated. */
double weir_control_cost(const weir_draft_control *control, uint32_t n_rows);
/* How many tokens to draft behind an n-gram of row `length`, at most cap; 0: a plain step. */
uint32_t weir_control_choose(weir_draft_control *control, uint32_t length, uint32_t cap);
/* Of n_drafts drafted tokens n_taken held. is_rejected: the next one did not; else it is not known
 * whether it would have. */
void weir_control_judge(weir_draft_control *control, uint32_t length, uint32_t n_drafts,
                        uint32_t n_taken, bool is_rejected);

/* ---- both, for one timeline ----------------------------------------------------------------- */

typedef struct weir_lookup weir_lookup;

typedef struct weir_lookup_options {
    uint32_t most;  /* drafts of a step, 1 .. WEIR_LOOKUP_MOST */
    uint32_t n_ctx; /* tokens of the timeline */
    /* For tests. What a step of n_rows rows is said to take; NULL: it is measured. */
    double (*price)(void *context, uint32_t n_rows);
    /* For tests. Drafts in place of index and controller: returns how many of cap; NULL: none. */
    uint32_t (*propose)(void *context, const int32_t *tokens, uint32_t n_tokens, int32_t *drafts,
                        uint32_t cap);
    void *context;
} weir_lookup_options;

typedef struct weir_lookup_counts {
    uint64_t n_drafts, n_taken;
} weir_lookup_counts;

/* Takes all memory. BAD_ARGUMENT for `most`. */
weir_status weir_lookup_open(weir_lookup **out, const weir_lookup_options *options,
                             weir_error *err);
void weir_lookup_close(weir_lookup **lookup);
void weir_lookup_cut(weir_lookup *lookup, uint32_t n_tokens);
/* Guesses what follows tokens [n_tokens]: writes at most cap tokens to drafts, which may lie right
 * behind the tokens. Returns how many. */
uint32_t weir_lookup_draft(weir_lookup *lookup, const int32_t *tokens, uint32_t n_tokens,
                           int32_t *drafts, uint32_t cap);
/* The step that weir_lookup_draft was asked for has run n_rows rows in so many seconds. */
void weir_lookup_ran(weir_lookup *lookup, uint32_t n_rows, double seconds);
/* One of the n_drafts tokens that were drafted last held. */
void weir_lookup_took(weir_lookup *lookup);
/* Nothing more will come of them. */
void weir_lookup_end(weir_lookup *lookup, bool is_rejected);
weir_lookup_counts weir_lookup_count(const weir_lookup *lookup);

#endif
