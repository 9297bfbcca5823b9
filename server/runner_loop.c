/*
 * runner_loop.c: the thread of the runner.
 *
 *   jobs in -> plan -> timelines opened, moved, or a step -> tokens drawn -> jobs ended, and again
 *
 * Owns the way of a job from the list of new ones to its end. It sleeps only when a round found
 * nothing to do.
 */
#include "runner_parts.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

void weir_runner_fail(weir_runner *r, weir_live_job *job, weir_status status,
                      const weir_error *err) {
    if (job->status != WEIR_STATUS_OK)
        return;
    job->status = status;
    job->err = *err;
    r->needs_sweep = true;
}

/* ---- jobs in ------------------------------------------------------------------------------ */

void weir_runner_enqueue(weir_runner *r, weir_choice *c) {
    weir_error err;
    weir_choice_update(r, c);
    c->is_known = weir_scheduler_add(r->scheduler, &c->task);
    if (c->is_known)
        return;
    weir_fail(&err, WEIR_STATUS_FULL, "the scheduler's queue is full");
    weir_runner_fail(r, c->job, WEIR_STATUS_FULL, &err);
}

/* FNV-1a. Two keys with the same number would share a turn and nothing else. */
static uint64_t key_number(const char *key) {
    uint64_t number = UINT64_C(0xcbf29ce484222325);
    for (const char *c = key ? key : ""; *c; c++)
        number = (number ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return number;
}

/* The first choice of every prompt; the others follow when its prompt has run, see end_prompt. */
static void take_job(weir_runner *r, weir_live_job *job) {
    uint64_t key = key_number(job->job.key);
    for (uint32_t i = 0; i < job->n_choices; i++) {
        weir_choice *c = &job->choice[i];
        c->job = job;
        c->number = i;
        c->prompt = &job->job.prompt[i / job->job.n_choices];
        c->task = (weir_task){
            .id = ++r->n_tasks, .key = key, .priority = job->job.priority, .context = c};
    }
    for (uint32_t i = 0; i < job->n_choices; i += job->job.n_choices)
        weir_runner_enqueue(r, &job->choice[i]);
}

static void publish(weir_runner *r) {
    pthread_mutex_lock(&r->mutex);
    r->stats.n_running = r->n_active;
    r->stats.n_paused = r->n_moved_out;
    weir_engine_get_stats(r->host->engine, &r->stats.engine);
    pthread_mutex_unlock(&r->mutex);
}

static bool is_awaited(weir_runner *r) {
    pthread_mutex_lock(&r->mutex);
    bool is_awaited = r->first_new || atomic_load(&r->has_cancelled) || r->is_closing;
    pthread_mutex_unlock(&r->mutex);
    return is_awaited;
}

/* While there is nothing else to do, what was run goes to the engine's store, page by page. A disk
 * that takes no more is asked again after the next job. */
static void store_pages(weir_runner *r) {
    uint64_t n_before = UINT64_MAX, n_left = weir_engine_store_pages(r->host->engine, 0);
    while (n_left > 0 && n_left < n_before && !is_awaited(r)) {
        n_before = n_left;
        n_left = weir_engine_store_pages(r->host->engine, 1);
    }
    publish(r);
}

/* False: it is over. */
static bool take_jobs(weir_runner *r, bool is_resting) {
    if (is_resting)
        store_pages(r);
    pthread_mutex_lock(&r->mutex);
    while (is_resting && !r->first_new && !atomic_load(&r->has_cancelled) && !r->is_closing)
        pthread_cond_wait(&r->wake, &r->mutex);
    weir_live_job *job = r->first_new;
    r->first_new = r->last_new = NULL;
    bool is_over = r->is_closing && r->n_jobs_live == 0;
    pthread_mutex_unlock(&r->mutex);
    while (job) {
        weir_live_job *next = job->next_new;
        take_job(r, job);
        job = next;
    }
    return !is_over;
}

/* Tokens of its prompt that were run so far. */
static size_t n_prompt_done(const weir_choice *c) {
    if (c->is_prompt_done)
        return c->prompt->n_ids;
    return c->seq ? weir_seq_n_tokens(c->seq) - weir_seq_n_pending(c->seq)
                  : c->n_kept - c->n_kept_pending;
}

/* A connection on which nothing comes is cut by what stands between, however well the job is kept:
 * in the queue, moved out, or in thoughts that nobody is shown. New jobs join in front of the list:
 * behind the first, it is this thread's. */
static void tell_all(weir_runner *r) {
    static const double every_s = 1;
    double now_s = weir_clock_s();
    if (now_s - r->told_all_s < every_s)
        return;
    r->told_all_s = now_s;
    pthread_mutex_lock(&r->mutex);
    const weir_live_job *job = r->jobs;
    pthread_mutex_unlock(&r->mutex);
    for (; job; job = job->next) {
        const weir_choice *c = &job->choice[0];
        if (c->job && job->events.on_progress && weir_live_job_goes_on(job))
            job->events.on_progress(job->events.context, 0, n_prompt_done(c), c->answer.n_cached,
                                    c->prompt->n_ids);
    }
}

/* ---- jobs ended --------------------------------------------------------------------------- */

static void unlink_job(weir_runner *r, weir_live_job *job) {
    if (job->previous)
        job->previous->next = job->next;
    else
        r->jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
    r->n_live -= job->n_left;
}

/* One that was cancelled behind its last token is whole. */
static void settle(weir_runner *r, weir_live_job *job, bool is_whole) {
    if (job->status != WEIR_STATUS_OK)
        r->stats.n_jobs_failed++;
    else if (!is_whole) {
        job->status = weir_fail(&job->err, WEIR_STATUS_CANCELLED, "cancelled");
        r->stats.n_jobs_cancelled++;
    }
}

static void end_job(weir_runner *r, weir_live_job *job) {
    for (uint32_t i = 0; i < job->n_choices; i++) {
        weir_choice *c = &job->choice[i];
        if (c->is_known)
            weir_scheduler_remove(r->scheduler, &c->task);
        weir_choice_drop_timeline(r, c);
        weir_choice_free(c);
    }
    job->times.total_s = weir_clock_s() - job->submitted_s;
    publish(r);
    job->events.on_end(job->events.context, job->status, &job->err, &job->times);
    weir_job_free(&job->job);
    free(job->choice);
    free(job);
    pthread_mutex_lock(&r->mutex);
    r->n_jobs_live--;
    pthread_mutex_unlock(&r->mutex);
}

/* Jobs that the thread has not seen yet are left for the next round. */
static bool has_ended(const weir_live_job *job) {
    bool is_seen = job->choice[0].job != NULL;
    return is_seen && (!weir_live_job_goes_on(job) || job->n_left == 0);
}

static void sweep(weir_runner *r) {
    if (!r->needs_sweep && !atomic_load(&r->has_cancelled))
        return;
    weir_live_job *ended = NULL;
    r->needs_sweep = false;
    pthread_mutex_lock(&r->mutex);
    atomic_store(&r->has_cancelled, false);
    for (weir_live_job *job = r->jobs, *next; job; job = next) {
        next = job->next;
        if (!has_ended(job)) {
            if (!weir_live_job_goes_on(job))
                atomic_store(&r->has_cancelled, true);
            continue;
        }
        unlink_job(r, job);
        settle(r, job, job->n_left == 0);
        job->next_new = ended;
        ended = job;
    }
    pthread_mutex_unlock(&r->mutex);
    while (ended) {
        weir_live_job *next = ended->next_new;
        end_job(r, ended);
        ended = next;
    }
}

/* ---- orders ------------------------------------------------------------------------------- */

static void count_admission(weir_runner *r, weir_choice *c) {
    weir_live_job *job = c->job;
    const weir_job_events *events = &job->events;
    if (!job->was_admitted)
        job->times.queued_s = weir_clock_s() - job->submitted_s;
    job->was_admitted = true;
    if (!weir_choice_leads(c))
        return;
    job->times.n_prompt += c->answer.n_prompt;
    job->times.n_cached += c->answer.n_cached;
    pthread_mutex_lock(&r->mutex);
    r->stats.n_prompt_tokens += c->answer.n_prompt;
    r->stats.n_cached_tokens += c->answer.n_cached;
    pthread_mutex_unlock(&r->mutex);
    if (events->on_progress)
        events->on_progress(events->context, weir_choice_prompt_number(c), c->answer.n_cached,
                            c->answer.n_cached, c->answer.n_prompt);
}

static weir_status admit(weir_runner *r, weir_choice *c, weir_error *err) {
    WEIR_TRY(weir_choice_prepare(r, c, err));
    WEIR_TRY(weir_choice_admit(r, c, err));
    count_admission(r, c);
    return WEIR_STATUS_OK;
}

static weir_status move_out(weir_runner *r, weir_choice *c, weir_error *err) {
    WEIR_TRY(weir_choice_move_out(r, c, err));
    pthread_mutex_lock(&r->mutex);
    r->stats.n_pauses++;
    pthread_mutex_unlock(&r->mutex);
    return WEIR_STATUS_OK;
}

/* ADMIT, MOVE_OUT or MOVE_IN. */
static void move(weir_runner *r, const weir_order *order) {
    weir_choice *c = order->task->context;
    weir_error err;
    if (!weir_live_job_goes_on(c->job))
        return;
    weir_status status = order->kind == WEIR_ORDER_ADMIT      ? admit(r, c, &err)
                         : order->kind == WEIR_ORDER_MOVE_OUT ? move_out(r, c, &err)
                                                              : weir_choice_move_in(r, c, &err);
    weir_choice_update(r, c);
    if (status == WEIR_STATUS_FULL)
        weir_scheduler_failed(r->scheduler, order);
    else if (status != WEIR_STATUS_OK)
        weir_runner_fail(r, c->job, status, &err);
}

static void do_orders(weir_runner *r) {
    weir_engine_stats stats;
    weir_engine_get_stats(r->host->engine, &stats);
    uint32_t n_free = stats.n_pages - stats.n_pages_used + stats.n_pages_kept;
    size_t n = weir_scheduler_plan(r->scheduler, weir_clock_s(), n_free, r->orders, r->n_orders);
    if (n > 0 && r->orders[0].kind == WEIR_ORDER_RUN)
        weir_runner_step(r, n);
    else
        for (size_t i = 0; i < n; i++)
            move(r, &r->orders[i]);
}

/*
 * A round without a step or a token is nothing strange: timelines were opened, or there was no room
 * and the next plan is more careful. A long row of them would be a circle. Then the newest job has
 * to go, and frees what it holds: a server that serves less is better than one that hangs.
 */
static void break_circle(weir_runner *r) {
    weir_error err;
    if (++r->n_idle_rounds < 4 * r->n_seqs + 16)
        return;
    r->n_idle_rounds = 0;
    pthread_mutex_lock(&r->mutex);
    weir_live_job *job = r->jobs;
    while (job && (!job->choice[0].job || !weir_live_job_goes_on(job)))
        job = job->next;
    pthread_mutex_unlock(&r->mutex);
    if (!job)
        return;
    weir_fail(&err, WEIR_STATUS_FULL, "no room was found for it beside what else runs");
    weir_runner_fail(r, job, WEIR_STATUS_FULL, &err);
}

/* ---- rounds ------------------------------------------------------------------------------- */

static bool has_seen_jobs(weir_runner *r) {
    weir_scheduler_counts counts;
    weir_scheduler_get_counts(r->scheduler, &counts);
    return counts.n_waiting + counts.n_running + counts.n_out > 0;
}

void *weir_runner_thread(void *runner) {
    weir_runner *r = runner;
    bool is_resting = true;
    while (take_jobs(r, is_resting)) {
        sweep(r);
        tell_all(r);
        do_orders(r);
        if (weir_runner_draw(r))
            r->n_idle_rounds = 0;
        sweep(r);
        publish(r);
        is_resting = !has_seen_jobs(r);
        if (!is_resting)
            break_circle(r);
    }
    return NULL;
}
