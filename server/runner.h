/*
 * runner.h: the one thread that owns the engine: it takes jobs, asks the scheduler who goes next,
 * runs steps, draws tokens, and tells.
 */
#ifndef WEIR_SERVER_RUNNER_H
#define WEIR_SERVER_RUNNER_H

#include "job.h"

typedef struct weir_runner weir_runner;

typedef struct weir_runner_options {
    uint32_t n_queue;       /* choices that may wait beyond those that run; 0: 1024 */
    double max_gap_s;       /* between tokens of an answer, aimed at; 0: 0.25 */
    uint32_t per_key;       /* choices of one key at once, running or waiting; 0: no limit */
    const char *pause_path; /* folder for timelines that are moved out; NULL: $TMPDIR or /tmp */
    /* Everything that the model was shown and said, for people who look for a fault: a choice has
     * ended. On the runner's thread. NULL: nobody looks. */
    void (*on_trace)(void *context, const weir_job *job, uint32_t choice,
                     const weir_choice_end *end);
    void *trace_context;
} weir_runner_options;

/* host is loaded, and kept by the caller; nobody else touches its engine until close. */
weir_status weir_runner_open(weir_runner **out, weir_host *host, const weir_runner_options *options,
                             weir_error *err);
/* Cancels what there is, waits for on_end of all. */
void weir_runner_close(weir_runner **runner);

/* Takes the job over (*job becomes empty) and returns; *id names it. FULL: the queue is, or the
 * key's share; err says which, and weir_runner_wait_s guesses for how long. BAD_ARGUMENT for what
 * can never run: a prompt that does not fit the context (with the numbers), choices beyond the
 * engine's timelines, a bad setting. CANCELLED: draining. On failure *job stays the caller's and
 * no event comes. Any thread. */
weir_status weir_runner_submit(weir_runner *runner, weir_job *job, const weir_job_events *events,
                               uint64_t *id, weir_error *err);
/* Ends the job with CANCELLED within a step, running or waiting. Unknown ids are ignored. Any
 * thread. */
void weir_runner_cancel(weir_runner *runner, uint64_t id);
/* Seconds after which a place may be free. Any thread. */
double weir_runner_wait_s(weir_runner *runner);
/* From now on nothing is accepted; what was accepted goes on. Any thread. */
void weir_runner_drain(weir_runner *runner);
bool weir_runner_is_idle(weir_runner *runner);
/* The engine's device is lost: every request fails until the server is started again. */
bool weir_runner_is_lost(const weir_runner *runner);

typedef struct weir_runner_stats {
    uint32_t n_running, n_waiting, n_paused; /* choices */
    uint64_t n_jobs, n_jobs_cancelled, n_jobs_failed, n_jobs_refused;
    uint64_t n_prompt_tokens, n_cached_tokens, n_generated_tokens, n_pauses;
    uint64_t n_guesses, n_guesses_taken;                /* of answers that guess no more */
    weir_engine_stats engine;                           /* as of the last step */
    double prompt_tokens_per_s, generated_tokens_per_s; /* over the last ten seconds */
    double last_step_s;
} weir_runner_stats;
/* A copy; any thread. */
void weir_runner_get_stats(weir_runner *runner, weir_runner_stats *out);

#endif
