/*
 * job.h: what a request wants generated, in the engine's terms, whatever API it came through; and
 * what is told while it is.
 *
 * A job has prompts, and of each n_choices choices: choice p * n_choices + k is the k-th of prompt
 * p. Each is a timeline of its own; the choices of a prompt share its pages.
 */
#ifndef WEIR_SERVER_JOB_H
#define WEIR_SERVER_JOB_H

#include "answer.h"
#include "prompt.h"

typedef struct weir_job {
    weir_prompt *prompt; /* [n_prompts], owned; ids and opening are what counts */
    size_t n_prompts;
    uint32_t n_choices;     /* of each prompt */
    weir_settings settings; /* owned; sampling.bias points at bias; max_tokens may be 0: the prompt
                               is run and nothing drawn. Without has_seed the runner draws one;
                               choice k of a prompt uses seed + k */
    weir_logit_bias *bias;  /* owned */
    int32_t *stop_tokens;   /* [n_stop_tokens], owned: besides the host's ends */
    size_t n_stop_tokens;
    uint32_t min_tokens;        /* before these no end token is drawn */
    bool wants_logprobs;        /* of what is generated: on_token is called */
    uint32_t n_top;             /* alternatives of each; WEIR_LOGPROBS_MAX at most */
    bool wants_prompt_logprobs; /* on_prompt_token is called */
    uint32_t n_prompt_top;
    bool is_plain;         /* neither thinking nor calls are looked for */
    bool are_calls_bound;  /* the grammar is that of the tools */
    bool streams_calls;    /* then calls are told while they are written */
    weir_tools tools;      /* owned: declared ones */
    float *lora_scales;    /* [of the host's adapters], owned; NULL: as the host was opened */
    int32_t priority;      /* higher first; 0 is ordinary */
    weir_grammar *grammar; /* owned; NULL: none. What the answer has to be */
    const char *key;       /* whose: fairness; kept by the caller until on_end */
    uint32_t key_limit;    /* choices of it at once, running or waiting; 0: the runner's per_key */
    const char *request;   /* its id, for --trace; kept like key; NULL: none */
} weir_job;

void weir_job_free(weir_job *job); /* and makes it empty */

/* How a choice ended. */
typedef struct weir_choice_end {
    weir_answer answer;    /* end, counts, seconds, seed */
    weir_message *message; /* content, reasoning, calls, raw; the callee may take its texts over by
                              zeroing them */
    bool is_valid;         /* with a grammar: the text is whole and matches it */
} weir_choice_end;

typedef struct weir_job_times {
    double queued_s;      /* from submission to admission of its first choice */
    double first_token_s; /* from submission; 0: none came */
    double total_s;
    size_t n_prompt, n_cached, n_generated; /* tokens; of all prompts and choices */
    bool was_paused;                        /* moved out for want of pages */
} weir_job_times;

/*
 * All on the thread of the runner, one job's in order: they must be quick, and may call
 * weir_runner_cancel and the exchange, nothing else of the runner. on_end is the last, called
 * exactly once for every job that was accepted. Any may be NULL but on_end.
 */
typedef struct weir_job_events {
    void *context;
    /* Tokens of a prompt that were run so far; n_cached: did not have to be. For keep-alives every
     * job is told those of its first prompt about once a second, also while it waits and when its
     * prompt is long done. */
    void (*on_progress)(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                        size_t n_prompt);
    /* Token i of a prompt: the first has no probability (drawn.logprob NAN, n_top 0). Ascending. */
    void (*on_prompt_token)(void *context, uint32_t prompt, size_t i,
                            const weir_token_report *report);
    /* A token that was drawn, before the pieces that it brings out. */
    void (*on_token)(void *context, uint32_t choice, const weir_token_report *report);
    /* Whole code points; nothing of a stop string. A piece CALL is a whole call. */
    void (*on_piece)(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n);
    void (*on_choice_end)(void *context, uint32_t choice, weir_choice_end *end);
    /* status OK, CANCELLED, or what failed (err says it). The job is freed after it. */
    void (*on_end)(void *context, weir_status status, const weir_error *err,
                   const weir_job_times *times);
} weir_job_events;

#endif
