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
    WEIR_LOOKUP_MOST = 16,   /* drafts of one step, of all its timelines */
    WEIR_PRICED_ROWS = 32,   /* of a step, drafts included; larger ones have none */
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

/* Drafts that were tried and that held, the old ones fading. */
typedef struct weir_draft_tally {
    double n_tried, n_held;
} weir_draft_tally;

/* What all timelines of an engine have learnt, and what they may still lose. Zeros: nothing. */
typedef struct weir_draft_record {
    double seconds[WEIR_PRICED_ROWS + 1]; /* of a step that decodes, by its rows; 0: never seen */
    uint64_t n_measured[WEIR_PRICED_ROWS + 1];     /* such steps */
    weir_draft_tally tallies[WEIR_LOOKUP_LENGTHS]; /* by the row of the n-gram */
    double debt;          /* seconds that drafts have cost and not brought */
    double token_seconds; /* that one which holds brings */
    uint64_t n_tries;
    uint32_t n_since; /* steps with drafts that were expected to pay since the last without */
    /* For tests. What a step of n_rows rows is said to take; NULL: it is measured. */
    double (*price)(void *context, uint32_t n_rows);
    void *context;
} weir_draft_record;

/* What one timeline has learnt. Zeros: nothing. */
typedef struct weir_draft_control {
    weir_draft_tally tallies[WEIR_LOOKUP_LENGTHS];
    bool is_promising; /* its last draft held */
    uint64_t last_try; /* of the record's n_tries */
} weir_draft_control;

/* A timeline of a step that found what may follow. */
typedef struct weir_draft_chance {
    weir_draft_control *control; /* NULL, for tests: it drafts what there is room for */
    uint32_t length;             /* row of its n-gram */
    uint32_t cap;                /* tokens that it could draft */
    uint32_t n;                  /* out: that it should */
} weir_draft_chance;

/* A step of n_rows rows took so long. */
void weir_drafts_measure(weir_draft_record *record, uint32_t n_rows, double seconds);
/* That of a step of n_rows rows, where n_plain <= n_rows of them were measured; never less. */
double weir_drafts_seconds(const weir_draft_record *record, uint32_t n_plain, uint32_t n_rows);
/* Shares at most `room` drafts among the n timelines that have a chance, of the n_plain <= 32 -
 * room that have a row each in a step: as many, and whose, as bring most tokens for its time. Now
 * and then one more is a try: of a timeline from which nothing is expected, or of a number of rows
 * that is hardly known. */
void weir_drafts_share(weir_draft_record *record, uint32_t n_plain, uint32_t room,
                       weir_draft_chance *chances, uint32_t n);
/* Of a timeline's drafted tokens n_taken held. is_rejected: the next one did not; else it is not
 * known whether it would have. */
void weir_drafts_judge(weir_draft_record *record, weir_draft_control *control, uint32_t length,
                       uint32_t n_taken, bool is_rejected);

/* ---- both, for one timeline ----------------------------------------------------------------- */

typedef struct weir_lookup weir_lookup;

typedef struct weir_lookup_options {
    uint32_t most;             /* drafts of a step, 1 .. WEIR_LOOKUP_MOST */
    uint32_t n_ctx;            /* tokens of the timeline */
    weir_draft_record *record; /* borrowed */
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
/* False: nothing is known to follow tokens [n_tokens]. Else *out tells how likely it is, for
 * weir_drafts_share; cap: tokens that there is room for. */
bool weir_lookup_find(weir_lookup *lookup, const int32_t *tokens, uint32_t n_tokens, uint32_t cap,
                      weir_draft_chance *out);
/* Writes n tokens that may follow tokens [n_tokens], as weir_lookup_find has just found them, to
 * drafts, which may lie right behind the tokens. Returns how many: n but in tests. */
uint32_t weir_lookup_draft(weir_lookup *lookup, const int32_t *tokens, uint32_t n_tokens,
                           int32_t *drafts, uint32_t n);
/* The step with them has run. */
void weir_lookup_ran(weir_lookup *lookup);
/* One of the n_drafts tokens that were drafted last held. */
void weir_lookup_took(weir_lookup *lookup);
/* Nothing more will come of them. */
void weir_lookup_end(weir_lookup *lookup, bool is_rejected);
weir_lookup_counts weir_lookup_count(const weir_lookup *lookup);

#endif
