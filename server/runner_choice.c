/*
 * runner_choice.c: the answer of a choice, token by token.
 *
 *   what may come (the thread) -> draws and probabilities (the team) -> told and taken (the thread)
 *
 * A device that can draw is told before the step what may come behind it, and the team then only
 * takes what was drawn.
 *
 * The rules are those of tools/answer.c, so that a request has the bytes that `weir run` would give
 * at its seed; on top come grammars, stop tokens and a least number of tokens. A draw reads its own
 * choice alone: who else draws beside it changes nothing.
 */
#include "runner_parts.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- what an answer needs ----------------------------------------------------------------- */

static void on_piece(void *context, weir_piece kind, const char *text, size_t n) {
    weir_choice *c = context;
    const weir_job_events *events = &c->job->events;
    if (events->on_piece && weir_live_job_goes_on(c->job))
        events->on_piece(events->context, c->number, kind, text, n);
}

/* Does this token end the answer, if it may be ended? */
static bool is_end(const weir_runner *r, const weir_choice *c, int32_t token) {
    const weir_job *job = &c->job->job;
    for (size_t i = 0; i < job->n_stop_tokens; i++)
        if (token == job->stop_tokens[i])
            return true;
    return !job->settings.ignore_eos && weir_host_ends_at(r->host, token);
}

static weir_status open_matcher(weir_runner *r, weir_choice *c, weir_error *err) {
    const weir_job *job = &c->job->job;
    size_t n = r->host->n_ends;
    int32_t *ends = malloc((n + job->n_stop_tokens + 1) * sizeof *ends);
    if (!ends)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the end tokens of a grammar");
    memcpy(ends, r->host->ends, n * sizeof *ends);
    for (size_t i = 0; i < job->n_stop_tokens; i++)
        if (job->stop_tokens[i] >= 0 && (size_t)job->stop_tokens[i] < r->host->tokens.n_tokens)
            ends[n++] = job->stop_tokens[i];
    weir_matcher_options options = {
        .ends = ends, .n_ends = n, .starts_in_reasoning = c->options.n_opening > 0};
    weir_status status = weir_matcher_open(&c->matcher, job->grammar, r->tree, &options, err);
    free(ends);
    return status;
}

/* Samplers take some bytes for every token of the vocabulary, and matchers theirs: choices that
 * wait have neither. */
weir_status weir_choice_prepare(weir_runner *r, weir_choice *c, weir_error *err) {
    const weir_job *job = &c->job->job;
    if (c->sampler)
        return WEIR_STATUS_OK;
    weir_sampling sampling = job->settings.sampling;
    sampling.seed += c->number % job->n_choices;
    c->answer =
        (weir_answer){.stop_string = -1, .n_prompt = c->prompt->n_ids, .seed = sampling.seed};
    c->options = (weir_answer_options){.settings = &job->settings,
                                       .tools = &job->tools,
                                       .n_opening = job->is_plain ? 0 : c->prompt->n_opening,
                                       .is_plain = job->is_plain,
                                       .streams_calls = job->are_calls_bound && job->streams_calls,
                                       .seed = sampling.seed};
    if (c->options.n_opening > 0)
        c->options.opening = c->prompt->text + c->prompt->n_text - c->options.n_opening;
    c->events = (weir_answer_events){.context = c, .on_piece = on_piece};
    c->start_s = weir_clock_s();
    if (job->grammar)
        WEIR_TRY(open_matcher(r, c, err));
    /* Matchers let any answer think first; plain text has no thoughts. */
    c->is_thinking_closed = job->grammar && job->is_plain;
    WEIR_TRY(weir_answer_text_open(&c->text, r->host, &c->options, &c->events, err));
    return weir_sampler_open(&c->sampler, r->host->model, &sampling, err);
}

void weir_choice_free(weir_choice *c) {
    weir_answer_text_close(&c->text);
    weir_sampler_close(&c->sampler);
    weir_matcher_close(&c->matcher);
    free(c->mask);
    c->mask = NULL;
}

/* ---- what may come ------------------------------------------------------------------------ */

static void allow_not(weir_choice *c, const weir_runner *r, int32_t token) {
    if (token >= 0 && (uint32_t)token < r->n_vocab)
        c->mask[token / 32] &= ~(UINT32_C(1) << (token % 32));
}

/* The matcher's mask is for the tokenizer's tokens, of which a model may have more or fewer. */
static void copy_mask(weir_choice *c, const weir_runner *r, const uint32_t *from) {
    size_t n_tokens = r->host->tokens.n_tokens;
    if (!from || n_tokens > r->n_vocab)
        n_tokens = r->n_vocab;
    size_t n_whole = n_tokens / 32;
    memset(c->mask, 0, r->n_mask * sizeof *c->mask);
    for (size_t i = 0; i < n_whole; i++)
        c->mask[i] = from ? from[i] : UINT32_MAX;
    if (n_tokens % 32 > 0)
        c->mask[n_whole] =
            (from ? from[n_whole] : UINT32_MAX) & ((UINT32_C(1) << (n_tokens % 32)) - 1);
}

static bool is_empty(const weir_runner *r, const weir_choice *c) {
    uint32_t any = 0;
    for (size_t i = 0; i < r->n_mask; i++)
        any |= c->mask[i];
    return any == 0;
}

/* Ends are kept away while there are too few tokens. With a grammar ignore_eos does the same: the
 * answer goes on as long as the grammar lets it; without one the end is a token like others. */
static bool keeps_ends_away(const weir_choice *c) {
    const weir_job *job = &c->job->job;
    return c->answer.n_generated < job->min_tokens || (job->settings.ignore_eos && c->matcher);
}

/*
 * Masks are made here, in turn, on the thread that also takes part in the engine's step: there is
 * no processor that would be idle meanwhile, and one that was made before costs next to nothing. On
 * a device that leaves the processors alone they could be made for step n + 1 while it runs, for
 * choices whose next token is known; that is the place to divide.
 */
static weir_status find_allowed(weir_runner *r, weir_choice *c, weir_error *err) {
    const weir_job *job = &c->job->job;
    const uint32_t *allowed = NULL;
    c->allowed = NULL;
    if (c->matcher)
        WEIR_TRY(weir_matcher_mask(c->matcher, &allowed, err));
    bool has_no_thinking = c->is_thinking_closed && r->think >= 0;
    if (!allowed && !has_no_thinking && !keeps_ends_away(c))
        return WEIR_STATUS_OK;
    if (!c->mask)
        c->mask = malloc(r->n_mask * sizeof *c->mask);
    if (!c->mask)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a mask of tokens");
    copy_mask(c, r, allowed);
    if (has_no_thinking)
        allow_not(c, r, r->think);
    if (keeps_ends_away(c)) {
        for (size_t i = 0; i < r->host->n_ends; i++)
            allow_not(c, r, r->host->ends[i]);
        for (size_t i = 0; i < job->n_stop_tokens; i++)
            allow_not(c, r, job->stop_tokens[i]);
    }
    /* Where only an end can follow, the grammar has the last word. */
    if (allowed && is_empty(r, c))
        copy_mask(c, r, allowed);
    c->allowed = c->mask;
    return WEIR_STATUS_OK;
}

static uint32_t think_budget(const weir_settings *settings) {
    return settings->think == WEIR_THINK_OFF ? 0 : settings->think_budget;
}

/* What ends the thinking is put in the model's mouth, and it would only be closed again. */
static weir_status force_end_of_thinking(weir_runner *r, weir_choice *c, weir_error *err) {
    const char *text = weir_answer_text_is_at_line_start(c->text) ? "</think>" : "\n</think>";
    WEIR_TRY(weir_tokenizer_encode(r->host->tokenizer, text, strlen(text), NULL, c->forced,
                                   WEIR_MAX_FORCED, &c->n_forced, err));
    c->n_forced_used = 0;
    c->is_thinking_closed = true;
    if (c->n_forced > WEIR_MAX_FORCED)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "the tokenizer makes %zu tokens of </think>, expected at most %d",
                         c->n_forced, WEIR_MAX_FORCED);
    return WEIR_STATUS_OK;
}

static bool has_room(const weir_runner *r, const weir_choice *c) {
    return c->answer.n_generated < c->job->job.settings.max_tokens &&
           weir_seq_n_tokens(c->seq) < r->context;
}

static weir_status find_next(weir_runner *r, weir_choice *c, weir_error *err) {
    c->next = WEIR_NEXT_OVER;
    c->draw_status = WEIR_STATUS_OK;
    if (!has_room(r, c))
        return WEIR_STATUS_OK;
    if (c->n_forced_used == c->n_forced && weir_answer_text_in_reasoning(c->text) &&
        c->answer.n_reasoning >= think_budget(&c->job->job.settings))
        WEIR_TRY(force_end_of_thinking(r, c, err));
    if (c->n_forced_used < c->n_forced) {
        c->token = c->forced[c->n_forced_used++];
        c->next = WEIR_NEXT_FORCED;
        return WEIR_STATUS_OK;
    }
    c->next = WEIR_NEXT_DRAW;
    return find_allowed(r, c, err);
}

/* What comes next is found once, before the step that the device may draw it in, or behind it. */
static bool know_next(weir_runner *r, weir_choice *c) {
    weir_error err;
    if (c->is_next_known)
        return true;
    weir_status status = find_next(r, c, &err);
    c->is_next_known = status == WEIR_STATUS_OK;
    if (!c->is_next_known) {
        c->next = WEIR_NEXT_OVER;
        weir_runner_fail(r, c->job, status, &err);
    }
    return c->is_next_known;
}

/* ---- planned ------------------------------------------------------------------------------ */

/* Behind a prompt logits are wanted: other choices fork from there, and later prompts begin so. */
static bool is_drawing(const weir_runner *r, const weir_choice *c, const weir_chunk *chunk) {
    return weir_engine_can_draw(r->host->engine) && c->is_prompt_done &&
           chunk->n_tokens == weir_seq_n_pending(c->seq) && !chunk->logits;
}

/* Is the token behind the next one drawn as well, as far as can be known? What a mask is for waits
 * for the token before it. */
static bool has_more(const weir_runner *r, const weir_choice *c) {
    const weir_settings *settings = &c->job->job.settings;
    bool ends_thinking = weir_answer_text_in_reasoning(c->text) &&
                         c->answer.n_reasoning + 1 >= think_budget(settings);
    return !c->matcher && !c->allowed && !ends_thinking &&
           c->answer.n_generated + 1 < settings->max_tokens &&
           weir_seq_n_tokens(c->seq) + 1 < r->context;
}

typedef struct planning {
    weir_runner *runner;
    size_t n;
} planning;

/* What cannot be planned is drawn behind the step, which says why if it has to. */
static void plan_share(void *context, uint32_t worker, uint32_t n_workers) {
    const planning *p = context;
    weir_runner *r = p->runner;
    for (size_t i = worker; i < p->n; i += n_workers) {
        weir_choice *c = r->ready[i];
        const weir_job *job = &c->job->job;
        weir_draw_options o = {.n_prompt = c->prompt->n_ids,
                               .mask = c->allowed,
                               .wants_logprob = job->wants_logprobs,
                               .n_top = job->wants_logprobs ? job->n_top : 0,
                               .runs_ahead = has_more(r, c)};
        weir_seq_plan_draw(c->seq, c->sampler, &o, NULL);
    }
}

void weir_runner_plan_draws(weir_runner *r, size_t n_chunks) {
    planning p = {.runner = r};
    for (size_t i = 0; i < n_chunks; i++) {
        weir_choice *c = r->stepping[i];
        if (is_drawing(r, c, &r->chunks[i]) && know_next(r, c) && c->next == WEIR_NEXT_DRAW)
            r->ready[p.n++] = c;
    }
    if (p.n > 1)
        weir_workers_run(r->team, plan_share, &p);
    else
        plan_share(&p, 0, 1);
}

/* ---- drawn -------------------------------------------------------------------------------- */

/* By the device, within the step. */
static void take_drawn(weir_choice *c, const weir_drawn *drawn) {
    c->token = drawn->token;
    if (!c->job->job.wants_logprobs)
        return;
    for (uint32_t i = 0; i < drawn->n_top; i++)
        c->top[i] = (weir_token_choice){drawn->top[i].token, drawn->top[i].logprob};
    c->report = (weir_token_report){.drawn = {drawn->token, drawn->logprob},
                                    .top = c->top,
                                    .n_top = drawn->n_top,
                                    .rank = drawn->rank};
}

static void draw_one(const weir_runner *r, weir_choice *c) {
    const float *logits = weir_seq_logits(c->seq);
    const weir_drawn *drawn = weir_seq_drawn(c->seq);
    const weir_job *job = &c->job->job;
    if (drawn) {
        take_drawn(c, drawn);
        return;
    }
    if (c->next == WEIR_NEXT_DRAW)
        c->draw_status = weir_sampler_draw(c->sampler, logits, weir_seq_tokens(c->seq),
                                           weir_seq_n_tokens(c->seq), c->prompt->n_ids, c->allowed,
                                           &c->token, &c->draw_err);
    if (c->draw_status != WEIR_STATUS_OK || c->next == WEIR_NEXT_OVER)
        return;
    if (c->token < 0 || (uint32_t)c->token >= r->n_vocab) {
        c->draw_status =
            weir_fail(&c->draw_err, WEIR_STATUS_BAD_FILE,
                      "the tokenizer has token %d, the model only %u", c->token, r->n_vocab);
        return;
    }
    if (job->wants_logprobs)
        weir_answer_logprobs(&c->report, c->top, job->n_top, logits, r->n_vocab, c->token);
    c->report.is_forced = c->next == WEIR_NEXT_FORCED;
}

typedef struct drawing {
    const weir_runner *runner;
    size_t n_ready;
} drawing;

static void draw_share(void *context, uint32_t worker, uint32_t n_workers) {
    const drawing *d = context;
    for (size_t i = worker; i < d->n_ready; i += n_workers)
        draw_one(d->runner, d->runner->ready[i]);
}

/* ---- told --------------------------------------------------------------------------------- */

static void tell_end(weir_runner *r, weir_choice *c, weir_choice_end *end) {
    weir_live_job *job = c->job;
    const weir_job_events *events = &job->events;
    if (r->options.on_trace)
        r->options.on_trace(r->options.trace_context, &job->job, c->number, end);
    if (events->on_choice_end && weir_live_job_goes_on(job))
        events->on_choice_end(events->context, c->number, end);
    weir_message_free(end->message);
    c->has_ended = true;
    weir_scheduler_remove(r->scheduler, &c->task);
    c->is_known = false;
    weir_choice_drop_timeline(r, c);
    weir_choice_free(c);
    pthread_mutex_lock(&r->mutex);
    r->n_live--;
    r->needs_sweep |= --job->n_left == 0;
    weir_rates_add(&r->rates, weir_clock_s(), WEIR_RATE_ENDED, 1);
    pthread_mutex_unlock(&r->mutex);
}

/* Text that a stop string has cut is not what the grammar saw. */
static bool is_valid(const weir_choice *c) {
    return c->matcher && c->answer.stop_string < 0 && weir_matcher_may_end(c->matcher);
}

static weir_status end_choice(weir_runner *r, weir_choice *c, weir_answer_end how,
                              weir_error *err) {
    weir_message message;
    c->answer.end = how;
    c->answer.generate_s = weir_clock_s() - c->start_s;
    WEIR_TRY(weir_answer_text_finish(c->text, &message, err));
    c->answer.stop_string = weir_answer_text_stop(c->text);
    if (how == WEIR_ANSWER_STOP && message.calls.n > 0)
        c->answer.end = WEIR_ANSWER_CALLS;
    c->answer.is_unfinished = c->matcher && !weir_matcher_may_end(c->matcher);
    weir_choice_end end = {.answer = c->answer, .message = &message, .is_valid = is_valid(c)};
    tell_end(r, c, &end);
    return WEIR_STATUS_OK;
}

static void count_token(weir_runner *r, weir_choice *c) {
    weir_job_times *times = &c->job->times;
    double now_s = weir_clock_s();
    if (times->n_generated++ == 0)
        times->first_token_s = now_s - c->job->submitted_s;
    c->answer.n_generated++;
    pthread_mutex_lock(&r->mutex);
    r->stats.n_generated_tokens++;
    weir_rates_add(&r->rates, now_s, WEIR_RATE_GENERATED, 1);
    pthread_mutex_unlock(&r->mutex);
}

/* What the token says. *is_over: nothing can follow. */
static weir_status push(weir_choice *c, bool *is_over, weir_error *err) {
    c->answer.n_reasoning += weir_answer_text_in_reasoning(c->text) && c->next != WEIR_NEXT_FORCED;
    WEIR_TRY(weir_answer_text_push(c->text, c->token, err));
    if (c->matcher)
        WEIR_TRY(weir_matcher_accept(c->matcher, c->token, err));
    *is_over =
        weir_answer_text_stop(c->text) >= 0 || (c->matcher && weir_matcher_must_end(c->matcher));
    return WEIR_STATUS_OK;
}

static weir_status take_token(weir_runner *r, weir_choice *c, weir_error *err) {
    const weir_job_events *events = &c->job->events;
    WEIR_TRY(weir_seq_append(c->seq, &c->token, 1, err));
    count_token(r, c);
    if (c->job->job.wants_logprobs && events->on_token)
        events->on_token(events->context, c->number, &c->report);
    bool is_over = c->next == WEIR_NEXT_DRAW && is_end(r, c, c->token);
    if (!is_over)
        WEIR_TRY(push(c, &is_over, err));
    if (is_over)
        return end_choice(r, c, WEIR_ANSWER_STOP, err);
    weir_choice_update(r, c);
    return WEIR_STATUS_OK;
}

static weir_status tell(weir_runner *r, weir_choice *c, weir_error *err) {
    c->is_next_known = false;
    if (c->draw_status != WEIR_STATUS_OK) {
        *err = c->draw_err;
        return c->draw_status;
    }
    if (c->next != WEIR_NEXT_OVER)
        WEIR_TRY(take_token(r, c, err));
    if (c->has_ended || has_room(r, c))
        return WEIR_STATUS_OK;
    bool is_full = weir_seq_n_tokens(c->seq) >= r->context;
    return end_choice(r, c, is_full ? WEIR_ANSWER_FULL : WEIR_ANSWER_LENGTH, err);
}

/* ---- all ---------------------------------------------------------------------------------- */

/* Those whose logits or tokens are there. One that is held is so once. */
static size_t find_ready(weir_runner *r, bool *has_held) {
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_active; i++) {
        weir_choice *c = r->active[i];
        bool is_there = weir_seq_logits(c->seq) || weir_seq_drawn(c->seq);
        if (!weir_live_job_goes_on(c->job) || !is_there)
            continue;
        *has_held |= c->is_held;
        if (!c->is_held)
            r->ready[n++] = c;
        c->is_held = false;
    }
    return n;
}

/* One token of each that is ready. Returns how many were. */
static size_t draw_ready(weir_runner *r, bool *has_held) {
    weir_error err;
    size_t n = find_ready(r, has_held);
    for (size_t i = 0; i < n; i++)
        know_next(r, r->ready[i]);
    drawing d = {.runner = r, .n_ready = n};
    if (n > 1)
        weir_workers_run(r->team, draw_share, &d);
    else
        draw_share(&d, 0, 1);
    for (size_t i = 0; i < n; i++) {
        weir_choice *c = r->ready[i];
        if (!weir_live_job_goes_on(c->job)) /* since an event of another choice */
            continue;
        weir_status status = tell(r, c, &err);
        if (status != WEIR_STATUS_OK)
            weir_runner_fail(r, c->job, status, &err);
    }
    return n;
}

/* Tokens that were guessed and have run need no step: their answers go on before the others. */
static bool take_guessed(weir_runner *r) {
    bool has_taken = false;
    for (uint32_t i = 0; i < r->n_active && r->n_guessing > 0; i++) {
        weir_choice *c = r->active[i];
        if (!c->is_guessing || !weir_live_job_goes_on(c->job) || !weir_seq_take_guessed(c->seq))
            continue;
        weir_choice_update(r, c);
        has_taken = true;
    }
    return has_taken;
}

bool weir_runner_draw(weir_runner *r) {
    bool has_held = false;
    size_t n = 0;
    do
        n += draw_ready(r, &has_held);
    while (take_guessed(r));
    return n > 0 || has_held;
}
