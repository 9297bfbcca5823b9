/*
 * scheduler.h: who goes next. A pure function of what it is told and of the time that is passed in:
 * no engine, no clock, no threads. One thread at a time.
 *
 * The runner owns tasks (one for each timeline that is wanted), keeps their facts true, and does
 * what weir_scheduler_plan orders. The rules (docs/scheduler.md has their numbers):
 *   - a step has every task that decodes, one row each (the engine may add guesses to one that is
 *     alone), then prompts up to the budget of rows;
 *   - the budget comes from max_gap_s and from what rows took in the last steps, but where not
 *     even 4 would do it is 64; never beyond the engine's batch, and where nothing decodes all of
 * it;
 *   - between prompts deficit round-robin by tokens, keys first, then tasks: nobody waits for
 *     another's whole prompt;
 *   - admission by memory: a task is let in if the pages its prompt needs, with a reserve for what
 *     already runs, are free, and always where nothing runs. Higher priority first, then the order
 *     of arrival; every eighth admission is the oldest task's, so that nobody waits for ever. Who
 *     does not fit is not passed by smaller ones;
 *   - if pages run out, the running task of lowest priority that came last is moved out, and comes
 *     back before others are let in. The oldest of the highest priority is never moved out, so that
 *     something always gets done.
 */
#ifndef WEIR_SERVER_SCHEDULER_H
#define WEIR_SERVER_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_scheduler weir_scheduler;

typedef struct weir_scheduler_options {
    uint32_t n_seqs, n_pages, page_tokens, n_batch; /* of the engine */
    uint32_t replay_window; /* rows that coming back after a cut may cost beyond the tokens */
    uint32_t n_queue;       /* tasks that may wait; n_seqs + n_queue may be known at once */
    double max_gap_s;       /* between two tokens of an answer, aimed at in 99 of 100 */
} weir_scheduler_options;

typedef enum weir_task_state {
    WEIR_TASK_WAITING = 0, /* no timeline yet */
    WEIR_TASK_RUNNING = 1, /* has a timeline: its prompt is run, or it decodes */
    WEIR_TASK_OUT = 2      /* its timeline was moved out */
} weir_task_state;

/* Facts above the line are the runner's, kept true between calls; the rest is the scheduler's.
 * Zeros to begin with. Key and priority stay as they are from add to remove. */
typedef struct weir_task {
    uint64_t id;
    uint64_t key;       /* whose: tasks of equal keys share a turn */
    int32_t priority;   /* higher first */
    uint32_t n_tokens;  /* on its timeline, those that have not run included; WAITING: its prompt */
    uint32_t n_pending; /* of them, not run yet. A task with one pending token that is not the first
                           of a prompt decodes: is_decoding */
    uint32_t n_left;    /* tokens it may still generate */
    uint32_t n_pages; /* that its timeline holds, shared ones included. WAITING: those that it will
                         share with open timelines, as far as is known (else 0) */
    bool is_decoding;
    void *context; /* the runner's own */
    /* ---- */
    weir_task_state state;
    uint64_t order;  /* of arrival */
    int64_t deficit; /* rows granted; below zero: owed for its replay */
    struct weir_task *next, *previous;
} weir_task;

typedef enum weir_order_kind {
    WEIR_ORDER_ADMIT = 0,    /* open a timeline for a waiting task; its prompt becomes pending */
    WEIR_ORDER_MOVE_OUT = 1, /* save the timeline and close it */
    WEIR_ORDER_MOVE_IN = 2,  /* bring it back */
    WEIR_ORDER_RUN = 3       /* n_tokens of its pending tokens belong to this step */
} weir_order_kind;

typedef struct weir_order {
    weir_order_kind kind;
    weir_task *task;
    uint32_t n_tokens;
} weir_order;

/* NULL without memory. All of it is taken here. */
weir_scheduler *weir_scheduler_open(const weir_scheduler_options *options);
void weir_scheduler_close(weir_scheduler **scheduler);

/* The task is kept by the caller until remove. False: the queue is full. */
bool weir_scheduler_add(weir_scheduler *scheduler, weir_task *task);
/* In any state; a task that is not known is left alone. */
void weir_scheduler_remove(weir_scheduler *scheduler, weir_task *task);

/*
 * What to do now, in this order; n_pages_free: of the engine, kept ones that can be given up
 * included. Orders before the RUNs may change facts (an ADMIT may find pages already run): then the
 * runner does them, updates the facts and plans again; a plan is all ADMIT and MOVE orders, or all
 * RUN orders. Every ADMIT or MOVE counts as done, unless weir_scheduler_failed says otherwise or
 * the task is removed. Returns how many orders; 0: nothing to do until something is added or facts
 * change. At most cap, which is at least n_seqs.
 */
size_t weir_scheduler_plan(weir_scheduler *scheduler, double now_s, uint32_t n_pages_free,
                           weir_order *orders, size_t cap);
/* An order that failed for want of pages or room: the facts were too hopeful. The scheduler counts
 * them more carefully until the next step, or until a task with a timeline is removed. For a RUN
 * the runner plans again; of one plan it is enough to tell one. If the only task that has a
 * timeline fails to RUN again and again, or one fails to be let in where no other has a timeline,
 * it is ordered again all the same, and it is for the runner to end it. */
void weir_scheduler_failed(weir_scheduler *scheduler, const weir_order *order);
/* A step of the last plan took so long: n_prompt_rows, replayed ones included if they are known,
 * and n_decode_rows of it. seconds 0: it says nothing about what rows take (no row was run, because
 * all its tokens were guessed ahead). */
void weir_scheduler_stepped(weir_scheduler *scheduler, uint32_t n_prompt_rows,
                            uint32_t n_decode_rows, double seconds);

typedef struct weir_scheduler_counts {
    uint32_t n_waiting, n_running, n_out;
    uint32_t n_rows_budget; /* rows that the last plan of RUNs might have had */
} weir_scheduler_counts;
void weir_scheduler_get_counts(const weir_scheduler *scheduler, weir_scheduler_counts *out);

#endif
