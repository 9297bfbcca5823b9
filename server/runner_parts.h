/*
 * runner_parts.h: the runner's own structs, for its files and nobody else.
 *
 *   runner.c           what other threads call: jobs in, cancel, numbers out
 *   runner_loop.c      the thread: takes jobs in, does what the scheduler orders, ends jobs
 *   runner_step.c      one step of the engine: chunks, probabilities of prompts, failures
 *   runner_timeline.c  a choice's timeline: opened, forked, moved out, brought back, closed
 *   runner_choice.c    a choice's answer: draws tokens, tells them, ends
 *
 * Threads: everything belongs to the runner's thread but what stands under "shared", which is
 * touched with the mutex held. The mutex is never held while the engine runs or an event is called,
 * so that events may cancel, and nobody waits for a step.
 *
 * A job is freed in one place of the loop only, where no order and no list of ready choices is
 * being worked off; until then one that failed or was cancelled is merely passed over.
 */
#ifndef WEIR_SERVER_RUNNER_PARTS_H
#define WEIR_SERVER_RUNNER_PARTS_H

#include "answer_parts.h"
#include "runner.h"
#include "runner_rates.h"
#include "scheduler.h"

#include "base/workers.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct weir_live_job weir_live_job;

enum { WEIR_RUNNER_PAGE_TOKENS = 64, WEIR_MAX_FORCED = 64 };

/* What a choice does when its logits are there. */
typedef enum weir_next {
    WEIR_NEXT_OVER = 0,   /* nothing: there is no room for a token */
    WEIR_NEXT_FORCED = 1, /* a token that the budget of thinking puts there */
    WEIR_NEXT_DRAW = 2
} weir_next;

/* One choice of a job. It waits (seq and kept NULL), runs (seq), is moved out (kept), or ended. */
typedef struct weir_choice {
    weir_task task; /* its context is the choice */
    weir_live_job *job;
    const weir_prompt *prompt;
    uint32_t number; /* p * n_choices + k */
    bool is_known;   /* the scheduler has its task */
    bool has_ended;

    weir_seq *seq;
    uint32_t place;          /* in the runner's list of active ones, while there is a timeline */
    int32_t *kept;           /* [n_kept] its tokens while it is moved out */
    uint32_t n_kept;         /* of them .. */
    uint32_t n_kept_pending; /* .. so many had not been run */
    bool is_saved;           /* moved out: a file has the rest. Else it will be run again */
    bool is_prompt_done;
    bool is_held;     /* its prompt has just ended: the other choices may fork from it first */
    bool is_guessing; /* its timeline has a lookup */
    uint32_t n_steps_before; /* of decoding, before it had one */
    uint32_t n_told;         /* tokens of the prompt that on_prompt_token was called with */

    weir_answer answer;
    weir_answer_options options;
    weir_answer_events events;
    weir_answer_text *text;
    weir_sampler *sampler;
    weir_matcher *matcher;           /* NULL: no grammar */
    int32_t forced[WEIR_MAX_FORCED]; /* [n_forced] tokens that come next */
    size_t n_forced, n_forced_used;
    bool is_thinking_closed; /* for good: <think> is not drawn again */
    double start_s;          /* of the prompt, then of what is generated */

    /* the token in the making: filled by the members of the team, each its own choices */
    weir_next next;
    bool is_next_known; /* next and allowed are those of the token that is not drawn yet */
    int32_t token;
    const uint32_t *allowed; /* NULL: all */
    uint32_t *mask;          /* [n_mask] room for it; NULL until it is needed */
    weir_status draw_status;
    weir_error draw_err;
    weir_token_report report;
    weir_token_choice top[WEIR_LOGPROBS_MAX];
} weir_choice;

struct weir_live_job {
    uint64_t id;
    weir_job job;
    weir_job_events events;
    weir_choice *choice; /* [n_choices] */
    uint32_t n_choices;  /* of all prompts */
    double submitted_s;
    bool was_admitted;
    weir_job_times times;
    weir_status status; /* not OK: it is to be ended with this */
    weir_error err;

    atomic_bool is_cancelled; /* set with the mutex held */
    /* shared */
    uint32_t n_left; /* choices that have not ended */
    bool is_in_step; /* of the engine, right now */
    weir_live_job *next, *previous;
    weir_live_job *next_new;
};

struct weir_runner {
    weir_host *host;
    weir_runner_options options;
    uint32_t n_vocab, n_seqs, n_out;
    uint32_t context; /* tokens that one timeline can have: n_ctx, or all pages if they are fewer */
    size_t n_mask;    /* words of a mask of tokens */
    int32_t think;    /* <think>; -1: no token of the model */

    weir_scheduler *scheduler;
    weir_order *orders;     /* [n_seqs] or more: n_orders */
    weir_chunk *chunks;     /* [n_seqs] */
    weir_choice **stepping; /* [n_seqs] whose the chunks are */
    weir_choice **ready;    /* [n_seqs] whose logits are there, or that are to be drawn */
    weir_choice **active;   /* [n_active] that have a timeline; room for n_seqs */
    size_t n_orders;
    uint32_t n_active, n_moved_out;
    uint32_t n_idle_rounds;     /* since a step or a draw last did something */
    uint32_t n_lookup;          /* guesses of an answer in a step; 0: none */
    uint32_t n_guessing;        /* choices whose timelines have a lookup */
    double told_all_s;          /* when all jobs were last told how far they are */
    weir_workers *team;         /* that draws */
    char *pause_folder;         /* its own, removed at close; NULL: there is none */
    int pause_lock;             /* holds it */
    uint64_t n_tasks;           /* named so far */
    bool needs_sweep;           /* a job has failed, or all its choices have ended */
    float *rows;                /* [n_out, n_vocab]; NULL until a prompt's are asked for */
    weir_token_report *reports; /* [n_out] the same */
    weir_token_choice *tops;    /* [n_out, WEIR_LOGPROBS_MAX] the same */

    pthread_mutex_t tree_mutex;
    weir_token_tree *tree; /* NULL until there is a grammar; then it stays */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_bool has_cancelled; /* since the last sweep; set with the mutex held */
    /* shared */
    weir_live_job *jobs;                 /* all that have not ended, the newest first */
    weir_live_job *first_new, *last_new; /* of them, those that the thread has not seen */
    uint64_t n_ids;
    uint32_t n_live;       /* choices that have not ended */
    uint32_t n_jobs_live;  /* jobs whose on_end has not returned */
    uint32_t n_step_alive; /* jobs in the step that runs and are not cancelled */
    bool is_draining, is_closing;
    _Atomic bool is_lost; /* set by the thread, read by any without the lock */
    weir_runner_stats stats;
    weir_rates rates;
};

/* ---- runner_loop.c ------------------------------------------------------------------------ */

void *weir_runner_thread(void *runner);
/* The job is ended with this as soon as nothing of it is being touched; the first one counts. */
void weir_runner_fail(weir_runner *r, weir_live_job *job, weir_status status,
                      const weir_error *err);
/* Has the scheduler know its task. */
void weir_runner_enqueue(weir_runner *r, weir_choice *c);

static inline bool weir_live_job_goes_on(const weir_live_job *job) {
    return job->status == WEIR_STATUS_OK && !atomic_load(&job->is_cancelled);
}

/* Is it the choice that runs its prompt, where the others of the prompt fork from it? */
static inline bool weir_choice_leads(const weir_choice *c) {
    return c->number % c->job->job.n_choices == 0;
}

static inline uint32_t weir_choice_prompt_number(const weir_choice *c) {
    return c->number / c->job->job.n_choices;
}

/* Does the step have to give the logits behind every token of its prompt? */
static inline bool weir_choice_wants_rows(const weir_choice *c) {
    return c->job->job.wants_prompt_logprobs && weir_choice_leads(c) && !c->is_prompt_done;
}

/* ---- runner_step.c ------------------------------------------------------------------------ */

/* Does RUN orders [n]. */
void weir_runner_step(weir_runner *r, size_t n);

/* ---- runner_timeline.c -------------------------------------------------------------------- */

/* A timeline with the prompt pending, or a fork of one that has run it. FULL: no room; then nothing
 * has changed. */
weir_status weir_choice_admit(weir_runner *r, weir_choice *c, weir_error *err);
weir_status weir_choice_move_out(weir_runner *r, weir_choice *c, weir_error *err);
/* FULL: no room; then nothing has changed. */
weir_status weir_choice_move_in(weir_runner *r, weir_choice *c, weir_error *err);
/* Gives back whatever it has, in any state. */
void weir_choice_drop_timeline(weir_runner *r, weir_choice *c);
/* The facts that the scheduler is told. */
void weir_choice_update(const weir_runner *r, weir_choice *c);

/* Its timeline guesses no more; what it had guessed is counted. */
void weir_choice_end_guesses(weir_runner *r, weir_choice *c);

/* ---- runner_choice.c ---------------------------------------------------------------------- */

/* What an answer needs: sampler, text, matcher. Does nothing where they are there. */
weir_status weir_choice_prepare(weir_runner *r, weir_choice *c, weir_error *err);
/* Tells the engine how the tokens behind the step of r->chunks [n_chunks] are drawn, where its
 * device can. */
void weir_runner_plan_draws(weir_runner *r, size_t n_chunks);
/* Draws a token for all whose logits are there, and ends those that it is the last of. False: there
 * were none. */
bool weir_runner_draw(weir_runner *r);
/* What it has beside its timeline. */
void weir_choice_free(weir_choice *c);

#endif
