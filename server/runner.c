/*
 * runner.c: what other threads call of the runner: jobs in, cancel, drain, numbers out.
 *
 * Owns the check of a job before it is accepted, so that nothing a request holds can make a step
 * of the engine fail. Invariant: a job that was accepted is in the list until its thread ends it.
 */
#include "runner_parts.h"

#include "base/clock.h"
#include "base/error.h"
#include "pause_folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A draw is a pass or two over the vocabulary: more threads than this would mostly wait. */
enum { DEFAULT_QUEUE = 1024, MOST_DRAWING = 8 };
static const double default_gap_s = 0.25, least_wait_s = 1, most_wait_s = 60;

/* ---- open and close ----------------------------------------------------------------------- */

/* A runner that was given no place makes do without where there is no room for a folder. */
static weir_status open_pause_folder(weir_runner *r, weir_error *err) {
    const char *given = r->options.pause_path, *folder = given ? given : getenv("TMPDIR");
    folder = folder && folder[0] ? folder : "/tmp";
    if (weir_pause_folder_open(folder, &r->pause_folder, &r->pause_lock))
        return WEIR_STATUS_OK;
    return given ? weir_fail(err, WEIR_STATUS_IO,
                             "%s: cannot make a folder in it for timelines that are moved out",
                             folder)
                 : WEIR_STATUS_OK;
}

static void read_engine(weir_runner *r, weir_plan *plan) {
    weir_model_info model;
    weir_model_get_info(r->host->model, &model);
    weir_engine_memory(r->host->engine, plan);
    uint64_t n_page_tokens = (uint64_t)plan->n_pages * WEIR_RUNNER_PAGE_TOKENS;
    uint32_t n_out = r->host->options.engine.n_out;
    r->n_vocab = model.n_vocab;
    r->n_mask = (model.n_vocab + 31) / 32;
    r->n_out = n_out ? n_out : plan->n_seqs;
    r->n_seqs = plan->n_seqs < r->n_out ? plan->n_seqs : r->n_out;
    r->context = n_page_tokens < plan->n_ctx ? (uint32_t)n_page_tokens : plan->n_ctx;
    r->think = weir_host_token(r->host, "<think>");
    /* A device that draws runs its next row ahead without any guess. */
    r->n_lookup = weir_engine_can_draw(r->host->engine) ? 0 : r->host->options.n_lookup;
}

static weir_status open_scheduler(weir_runner *r, const weir_plan *plan, weir_error *err) {
    weir_model_info model;
    weir_model_get_info(r->host->model, &model);
    weir_scheduler_options options = {.n_seqs = r->n_seqs,
                                      .n_pages = plan->n_pages,
                                      .page_tokens = WEIR_RUNNER_PAGE_TOKENS,
                                      .n_batch = plan->n_batch,
                                      .replay_window = model.replay_window,
                                      .n_queue = r->n_seqs + r->options.n_queue,
                                      .max_gap_s = r->options.max_gap_s};
    r->scheduler = weir_scheduler_open(&options);
    return r->scheduler ? WEIR_STATUS_OK
                        : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the scheduler");
}

static weir_status open_lists(weir_runner *r, weir_error *err) {
    size_t n = r->n_seqs;
    r->n_orders = n;
    r->orders = calloc(n, sizeof *r->orders);
    r->chunks = calloc(n, sizeof *r->chunks);
    r->stepping = calloc(n, sizeof *r->stepping);
    r->ready = calloc(n, sizeof *r->ready);
    r->active = calloc(n, sizeof *r->active);
    return r->orders && r->chunks && r->stepping && r->ready && r->active
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu timelines", n);
}

static void free_runner(weir_runner *r) {
    weir_pause_folder_close(&r->pause_folder, &r->pause_lock);
    weir_workers_close(&r->team);
    weir_scheduler_close(&r->scheduler);
    weir_token_tree_close(&r->tree);
    free(r->orders);
    free(r->chunks);
    free(r->stepping);
    free(r->ready);
    free(r->active);
    free(r->rows);
    free(r->reports);
    free(r->tops);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    pthread_mutex_destroy(&r->tree_mutex);
    free(r);
}

weir_status weir_runner_open(weir_runner **out, weir_host *host, const weir_runner_options *options,
                             weir_error *err) {
    weir_plan plan;
    weir_status status;
    *out = NULL;
    weir_runner *r = calloc(1, sizeof *r);
    if (!r)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the runner");
    pthread_mutex_init(&r->mutex, NULL);
    pthread_mutex_init(&r->tree_mutex, NULL);
    pthread_cond_init(&r->wake, NULL);
    r->host = host;
    if (options)
        r->options = *options;
    if (r->options.n_queue == 0)
        r->options.n_queue = DEFAULT_QUEUE;
    if (!(r->options.max_gap_s > 0))
        r->options.max_gap_s = default_gap_s;
    read_engine(r, &plan);
    uint32_t n_drawing = plan.n_threads < MOST_DRAWING ? plan.n_threads : MOST_DRAWING;
    WEIR_TRY_GOTO(open_lists(r, err));
    WEIR_TRY_GOTO(open_scheduler(r, &plan, err));
    WEIR_TRY_GOTO(open_pause_folder(r, err));
    WEIR_TRY_GOTO(weir_workers_open(&r->team, n_drawing > 0 ? n_drawing : 1, false, err));
    weir_engine_get_stats(host->engine, &r->stats.engine);
    if (pthread_create(&r->thread, NULL, weir_runner_thread, r) != 0) {
        status = weir_fail(err, WEIR_STATUS_FAILED, "cannot start the thread that runs the model");
        goto fail;
    }
    *out = r;
    return WEIR_STATUS_OK;
fail:
    free_runner(r);
    return status;
}

/* ---- cancel ------------------------------------------------------------------------------- */

/* With the mutex held. A step that nobody waits for any more is broken off; it may be one of a long
 * prompt. Others in it would have to be run again, so a step with others goes on. */
static void cancel_job(weir_runner *r, weir_live_job *job) {
    if (atomic_exchange(&job->is_cancelled, true))
        return;
    atomic_store(&r->has_cancelled, true);
    if (job->is_in_step && --r->n_step_alive == 0)
        weir_engine_cancel(r->host->engine);
    pthread_cond_signal(&r->wake);
}

void weir_runner_cancel(weir_runner *r, uint64_t id) {
    pthread_mutex_lock(&r->mutex);
    weir_live_job *job = r->jobs;
    while (job && job->id != id)
        job = job->next;
    if (job)
        cancel_job(r, job);
    pthread_mutex_unlock(&r->mutex);
}

void weir_runner_close(weir_runner **runner) {
    weir_runner *r = *runner;
    if (!r)
        return;
    pthread_mutex_lock(&r->mutex);
    r->is_draining = r->is_closing = true;
    for (weir_live_job *job = r->jobs; job; job = job->next)
        cancel_job(r, job);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    pthread_join(r->thread, NULL);
    free_runner(r);
    *runner = NULL;
}

bool weir_runner_is_lost(const weir_runner *r) {
    return atomic_load(&r->is_lost);
}

void weir_runner_drain(weir_runner *r) {
    pthread_mutex_lock(&r->mutex);
    r->is_draining = true;
    pthread_mutex_unlock(&r->mutex);
}

bool weir_runner_is_idle(weir_runner *r) {
    pthread_mutex_lock(&r->mutex);
    bool is_idle = r->n_jobs_live == 0;
    pthread_mutex_unlock(&r->mutex);
    return is_idle;
}

/* ---- what can run ------------------------------------------------------------------------- */

static weir_status check_prompt(const weir_runner *r, const weir_prompt *prompt, size_t number,
                                weir_error *err) {
    if (prompt->n_ids == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "prompt %zu: expected a token at least",
                         number);
    if (prompt->n_ids > r->context)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "prompt %zu has %zu tokens, %u are all that prompt and answer may have "
                         "together",
                         number, prompt->n_ids, r->context);
    for (size_t i = 0; i < prompt->n_ids; i++)
        if (prompt->ids[i] < 0 || (uint32_t)prompt->ids[i] >= r->n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "prompt %zu: token %d at place %zu, expected an id from 0 to %u",
                             number, prompt->ids[i], i, r->n_vocab - 1);
    return WEIR_STATUS_OK;
}

static uint32_t limit_of_key(const weir_runner *r, const weir_job *job) {
    return job->key_limit > 0 ? job->key_limit : r->options.per_key;
}

static weir_status check_numbers(const weir_runner *r, const weir_job *job, weir_error *err) {
    uint64_t n_choices = (uint64_t)job->n_prompts * job->n_choices;
    uint64_t n_most = (uint64_t)r->n_seqs + r->options.n_queue;
    uint32_t per_key = limit_of_key(r, job);
    if (job->n_prompts == 0 || job->n_choices == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "expected a prompt and a choice at least");
    if (job->n_choices > r->n_seqs)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%u choices of a prompt, the engine has %u timelines", job->n_choices,
                         r->n_seqs);
    if (job->n_prompts > n_most || n_choices > n_most)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%zu prompts with %u choices each, at most %llu may run and wait together",
                         job->n_prompts, job->n_choices, (unsigned long long)n_most);
    if (per_key > 0 && n_choices > per_key)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%llu choices, a key may have %u at once",
                         (unsigned long long)n_choices, per_key);
    if ((job->wants_logprobs && job->n_top > WEIR_LOGPROBS_MAX) ||
        (job->wants_prompt_logprobs && job->n_prompt_top > WEIR_LOGPROBS_MAX))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "more than %d alternatives to a token were asked for", WEIR_LOGPROBS_MAX);
    return WEIR_STATUS_OK;
}

static weir_status check_job(const weir_runner *r, const weir_job *job, weir_error *err) {
    WEIR_TRY(check_numbers(r, job, err));
    for (size_t i = 0; i < job->n_prompts; i++)
        WEIR_TRY(check_prompt(r, &job->prompt[i], i, err));
    WEIR_TRY(weir_sampling_check(&job->settings.sampling, r->n_vocab, err));
    for (size_t i = 0; job->lora_scales && i < r->host->adapters.n; i++)
        if (!isfinite(job->lora_scales[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "scale of adapter %s: expected a finite number",
                             r->host->adapters.name[i]);
    return WEIR_STATUS_OK;
}

/* On the thread of the caller: reading the whole vocabulary would keep all answers waiting. */
static weir_status open_tree(weir_runner *r, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    pthread_mutex_lock(&r->tree_mutex);
    if (!r->tree)
        status = weir_token_tree_open(&r->tree, r->host->tokenizer, err);
    pthread_mutex_unlock(&r->tree_mutex);
    return status;
}

/* ---- submit ------------------------------------------------------------------------------- */

static uint32_t count_of_key(const weir_runner *r, const char *key) {
    uint32_t n = 0;
    for (const weir_live_job *job = r->jobs; job; job = job->next)
        if (strcmp(job->job.key ? job->job.key : "", key ? key : "") == 0)
            n += job->n_left;
    return n;
}

static weir_status check_room(const weir_runner *r, const weir_live_job *job, weir_error *err) {
    uint64_t n_most = (uint64_t)r->n_seqs + r->options.n_queue;
    uint32_t per_key = limit_of_key(r, &job->job);
    if (r->is_draining)
        return weir_fail(err, WEIR_STATUS_CANCELLED, "the server is about to end");
    if ((uint64_t)r->n_live + job->n_choices > n_most)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "the queue is full: %u choices run or wait, %llu may, %u more were asked "
                         "for",
                         r->n_live, (unsigned long long)n_most, job->n_choices);
    uint32_t n_key = per_key > 0 ? count_of_key(r, job->job.key) : 0;
    if (per_key > 0 && n_key + job->n_choices > per_key)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "this key has %u choices that run or wait, %u may, %u more were asked for",
                         n_key, per_key, job->n_choices);
    return WEIR_STATUS_OK;
}

static void link_job(weir_runner *r, weir_live_job *job) {
    job->id = ++r->n_ids;
    job->next = r->jobs;
    if (r->jobs)
        r->jobs->previous = job;
    r->jobs = job;
    if (r->last_new)
        r->last_new->next_new = job;
    else
        r->first_new = job;
    r->last_new = job;
    r->n_live += job->n_choices;
    r->n_jobs_live++;
    r->stats.n_jobs++;
}

weir_status weir_runner_submit(weir_runner *r, weir_job *job, const weir_job_events *events,
                               uint64_t *id, weir_error *err) {
    WEIR_TRY(check_job(r, job, err));
    if (job->grammar)
        WEIR_TRY(open_tree(r, err));
    weir_live_job *live = calloc(1, sizeof *live);
    size_t n_choices = job->n_prompts * job->n_choices;
    weir_choice *choice = live ? calloc(n_choices, sizeof *choice) : NULL;
    if (!choice) {
        free(live);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu choices", n_choices);
    }
    live->job = *job;
    live->events = *events;
    live->choice = choice;
    live->n_choices = live->n_left = (uint32_t)n_choices;
    live->submitted_s = weir_clock_s();
    if (!job->settings.has_seed)
        live->job.settings.sampling.seed = weir_seed_random();
    pthread_mutex_lock(&r->mutex);
    weir_status status = check_room(r, live, err);
    if (status == WEIR_STATUS_OK) {
        link_job(r, live);
        *id = live->id;
        pthread_cond_signal(&r->wake);
    } else {
        r->stats.n_jobs_refused++;
    }
    pthread_mutex_unlock(&r->mutex);
    if (status == WEIR_STATUS_OK) {
        *job = (weir_job){0};
        return status;
    }
    free(choice);
    free(live);
    return status;
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* A place is free when the next choice ends. If none has ended for as long as is remembered, that
 * time is the best guess. */
double weir_runner_wait_s(weir_runner *r) {
    pthread_mutex_lock(&r->mutex);
    double per_s = weir_rates_per_s(&r->rates, weir_clock_s(), WEIR_RATE_ENDED);
    pthread_mutex_unlock(&r->mutex);
    double wait_s = per_s > 0 ? 1 / per_s : (double)WEIR_RATE_SECONDS;
    return wait_s < least_wait_s ? least_wait_s : wait_s > most_wait_s ? most_wait_s : wait_s;
}

void weir_runner_get_stats(weir_runner *r, weir_runner_stats *out) {
    double now_s = weir_clock_s();
    pthread_mutex_lock(&r->mutex);
    *out = r->stats;
    uint32_t n_placed = r->stats.n_running + r->stats.n_paused;
    out->n_waiting = r->n_live > n_placed ? r->n_live - n_placed : 0;
    out->prompt_tokens_per_s = weir_rates_per_s(&r->rates, now_s, WEIR_RATE_PROMPT);
    out->generated_tokens_per_s = weir_rates_per_s(&r->rates, now_s, WEIR_RATE_GENERATED);
    pthread_mutex_unlock(&r->mutex);
}
