/*
 * runner_step.c: one step of the engine, made of RUN orders.
 *
 * Owns the chunks and the room for logits of prompts. Invariant: between two steps nobody is in a
 * step, so that cancelling the engine's is never meant for one that is still to come.
 */
#include "runner_parts.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine_shape.h"

#include <math.h>
#include <stdlib.h>

/* ---- chunks ------------------------------------------------------------------------------- */

/* Room for the logits of as many rows as a step can give. */
static weir_status take_row_memory(weir_runner *r, weir_error *err) {
    if (r->rows)
        return WEIR_STATUS_OK;
    r->reports = calloc(r->n_out, sizeof *r->reports);
    r->tops = calloc((size_t)r->n_out * WEIR_LOGPROBS_MAX, sizeof *r->tops);
    r->rows =
        r->reports && r->tops ? malloc((size_t)r->n_out * r->n_vocab * sizeof *r->rows) : NULL;
    if (r->rows)
        return WEIR_STATUS_OK;
    free(r->reports);
    free(r->tops);
    r->reports = NULL;
    r->tops = NULL;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                     "no memory for %u rows of logits: probabilities of a prompt need them",
                     r->n_out);
}

static bool is_to_run(weir_runner *r, const weir_order *order, uint32_t *n_tokens) {
    weir_choice *c = order->task->context;
    weir_error err;
    if (!weir_live_job_goes_on(c->job) || !c->seq)
        return false;
    if (weir_choice_wants_rows(c) && take_row_memory(r, &err) != WEIR_STATUS_OK) {
        weir_runner_fail(r, c->job, WEIR_STATUS_NO_MEMORY, &err);
        return false;
    }
    uint32_t n_pending = (uint32_t)weir_seq_n_pending(c->seq);
    *n_tokens = order->n_tokens < n_pending ? order->n_tokens : n_pending;
    return *n_tokens > 0;
}

/*
 * A step has n_out rows of logits to give. Every chunk that ends what is pending takes one; what is
 * left is shared by the prompts that want all of theirs. There are no more timelines than n_out, so
 * each of those gets a row at least.
 */
static size_t make_chunks(weir_runner *r, size_t n_orders) {
    size_t n = 0;
    uint32_t n_out = 0, n_wanting = 0;
    for (size_t i = 0; i < n_orders; i++) {
        weir_choice *c = r->orders[i].task->context;
        uint32_t n_tokens;
        if (!is_to_run(r, &r->orders[i], &n_tokens))
            continue;
        r->chunks[n] = (weir_chunk){.seq = c->seq, .n_tokens = n_tokens};
        r->stepping[n++] = c;
        if (weir_choice_wants_rows(c))
            n_wanting++;
        else
            n_out += n_tokens == weir_seq_n_pending(c->seq);
    }
    float *rows = r->rows;
    for (size_t i = 0; i < n && n_wanting > 0; i++) {
        weir_chunk *chunk = &r->chunks[i];
        if (!weir_choice_wants_rows(r->stepping[i]))
            continue;
        uint32_t share = (r->n_out - n_out) / n_wanting--;
        chunk->n_tokens = chunk->n_tokens < share ? chunk->n_tokens : share;
        chunk->logits = rows;
        rows += (size_t)chunk->n_tokens * r->n_vocab;
        n_out += chunk->n_tokens;
    }
    return n;
}

/* ---- guesses ------------------------------------------------------------------------------ */

/* While few answers run, each may guess what follows it (docs/lookup.md); where there are many,
 * rows are better spent on tokens that are known. An index is made of all tokens there are, so an
 * answer must have gone on for a while, the longer the more they are. */
static void choose_guessing(weir_runner *r, size_t n) {
    enum { LEAST_STEPS = 8, TOKENS_A_STEP = 512 };
    if (r->n_lookup == 0)
        return;
    if (r->n_active > WEIR_SHAPE_GUESSING) {
        for (uint32_t i = 0; i < r->n_active && r->n_guessing > 0; i++)
            weir_choice_end_guesses(r, r->active[i]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        weir_choice *c = r->stepping[i];
        uint32_t n_steps = LEAST_STEPS + c->task.n_tokens / TOKENS_A_STEP;
        if (c->is_guessing || !c->task.is_decoding || ++c->n_steps_before < n_steps)
            continue;
        c->n_steps_before = 0; /* without memory for it: again after so many */
        c->is_guessing = weir_seq_set_lookup(c->seq, r->n_lookup, NULL) == WEIR_STATUS_OK;
        r->n_guessing += c->is_guessing;
    }
}

/* ---- the step ----------------------------------------------------------------------------- */

/* False: all jobs in it are cancelled already. */
static bool begin(weir_runner *r, size_t n) {
    pthread_mutex_lock(&r->mutex);
    r->n_step_alive = 0;
    for (size_t i = 0; i < n; i++) {
        weir_live_job *job = r->stepping[i]->job;
        if (!job->is_in_step && !atomic_load(&job->is_cancelled))
            r->n_step_alive++;
        job->is_in_step = true;
    }
    bool is_wanted = r->n_step_alive > 0;
    pthread_mutex_unlock(&r->mutex);
    return is_wanted;
}

static void end(weir_runner *r, size_t n) {
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < n; i++)
        r->stepping[i]->job->is_in_step = false;
    r->n_step_alive = 0;
    pthread_mutex_unlock(&r->mutex);
}

static void count_step(weir_runner *r, size_t n, const weir_engine_stats *before,
                       const weir_engine_stats *after, double seconds) {
    uint64_t n_replayed = after->n_rows_replayed - before->n_rows_replayed;
    uint32_t n_prompt = 0, n_decode = 0;
    for (size_t i = 0; i < n; i++) {
        if (r->stepping[i]->task.is_decoding)
            n_decode += r->chunks[i].n_tokens;
        else
            n_prompt += r->chunks[i].n_tokens;
    }
    /* Guesses are rows too. */
    if (r->n_guessing > 0)
        n_decode = (uint32_t)(after->n_rows - before->n_rows - n_replayed - n_prompt);
    /* Rows that are run again to make a state cost what those of prompts do. */
    bool has_run = n_prompt + n_replayed + n_decode > 0;
    weir_scheduler_stepped(r->scheduler, n_prompt + (uint32_t)n_replayed, n_decode,
                           has_run ? seconds : 0);
    pthread_mutex_lock(&r->mutex);
    r->stats.last_step_s = has_run ? seconds : r->stats.last_step_s;
    weir_rates_add(&r->rates, weir_clock_s(), WEIR_RATE_PROMPT, n_prompt);
    pthread_mutex_unlock(&r->mutex);
}

/* ---- what is told of prompts -------------------------------------------------------------- */

/* Row i says how likely token first + i of the prompt was. */
typedef struct row_work {
    const weir_runner *runner;
    const weir_choice *choice;
    const float *logits; /* [n_rows, n_vocab] */
    uint32_t first, n_rows;
} row_work;

static void report_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_work *w = context;
    const weir_runner *r = w->runner;
    for (size_t i = worker; i < w->n_rows; i += n_workers)
        weir_answer_logprobs(&r->reports[i], &r->tops[i * WEIR_LOGPROBS_MAX],
                             w->choice->job->job.n_prompt_top, w->logits + i * r->n_vocab,
                             r->n_vocab, w->choice->prompt->ids[w->first + i]);
}

static void tell_token(weir_choice *c, const weir_token_report *report) {
    const weir_job_events *events = &c->job->events;
    if (events->on_prompt_token && weir_live_job_goes_on(c->job))
        events->on_prompt_token(events->context, weir_choice_prompt_number(c), c->n_told, report);
    c->n_told++;
}

/* Row i of logits [n_rows] is behind token n_before + i of the prompt and says how likely the next
 * one was; what was told before it was moved out is not told again. */
static void tell_rows(weir_runner *r, weir_choice *c, const float *logits, uint32_t n_before,
                      uint32_t n_rows) {
    if (c->n_told == 0)
        tell_token(c, &(weir_token_report){.drawn = {c->prompt->ids[0], NAN}});
    uint32_t n_skipped = c->n_told > n_before + 1 ? c->n_told - n_before - 1 : 0;
    uint32_t first = n_before + n_skipped + 1, last = n_before + n_rows + 1; /* of tokens */
    last = last < c->prompt->n_ids ? last : (uint32_t)c->prompt->n_ids;
    if (first >= last)
        return;
    row_work work = {.runner = r,
                     .choice = c,
                     .logits = logits + (size_t)n_skipped * r->n_vocab,
                     .first = first,
                     .n_rows = last - first};
    weir_workers_run(r->team, report_share, &work);
    for (uint32_t i = 0; i < work.n_rows; i++)
        tell_token(c, &r->reports[i]);
}

/* The prompt has run: the other choices of it may have what was computed. */
static void end_prompt(weir_runner *r, weir_choice *c) {
    double now_s = weir_clock_s();
    uint32_t n_choices = c->job->job.n_choices;
    c->is_prompt_done = true;
    c->answer.prompt_s = now_s - c->start_s;
    c->start_s = now_s;
    if (!weir_choice_leads(c))
        return;
    c->is_held = n_choices > 1;
    for (uint32_t k = 1; k < n_choices; k++)
        weir_runner_enqueue(r, c + k);
}

static void finish_chunk(weir_runner *r, weir_choice *c, const weir_chunk *chunk) {
    const weir_job_events *events = &c->job->events;
    uint32_t n_run = (uint32_t)(weir_seq_n_tokens(c->seq) - weir_seq_n_pending(c->seq));
    if (!c->is_prompt_done && weir_live_job_goes_on(c->job)) {
        if (chunk->logits)
            tell_rows(r, c, chunk->logits, n_run - chunk->n_tokens, chunk->n_tokens);
        if (events->on_progress && weir_choice_leads(c))
            events->on_progress(events->context, weir_choice_prompt_number(c), n_run,
                                c->answer.n_cached, c->prompt->n_ids);
        if (weir_seq_n_pending(c->seq) == 0)
            end_prompt(r, c);
    }
    weir_choice_update(r, c);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* FULL: the last chunk had no room, or one before it; the scheduler is told that the last one,
 * which matters least, has to wait. CANCELLED: run again by the next plan, without those that are
 * gone. A device that fails, fails for all that were in the step: no request can be told from
 * another. */
static void take_failure(weir_runner *r, size_t n, size_t n_orders, weir_status status,
                         const weir_error *err) {
    if (status == WEIR_STATUS_FULL)
        weir_scheduler_failed(r->scheduler, &r->orders[n_orders - 1]);
    else if (status != WEIR_STATUS_CANCELLED) {
        atomic_store(&r->is_lost, weir_engine_failure(r->host->engine) != NULL);
        for (size_t i = 0; i < n; i++)
            weir_runner_fail(r, r->stepping[i]->job, status, err);
    }
}

void weir_runner_step(weir_runner *r, size_t n_orders) {
    weir_error err;
    size_t n = make_chunks(r, n_orders);
    if (n == 0)
        return;
    weir_engine_stats before, after;
    weir_engine_get_stats(r->host->engine, &before);
    choose_guessing(r, n);
    weir_runner_plan_draws(r, n);
    bool is_wanted = begin(r, n);
    double start_s = weir_clock_s();
    weir_status status =
        is_wanted ? weir_engine_step(r->host->engine, r->chunks, n, &err) : WEIR_STATUS_CANCELLED;
    double seconds = weir_clock_s() - start_s;
    end(r, n);
    if (status != WEIR_STATUS_OK) {
        take_failure(r, n, n_orders, status, &err);
        return;
    }
    r->n_idle_rounds = 0;
    weir_engine_get_stats(r->host->engine, &after);
    count_step(r, n, &before, &after, seconds);
    for (size_t i = 0; i < n; i++)
        finish_chunk(r, r->stepping[i], &r->chunks[i]);
}
