/*
 * answer.c: runs a prompt and draws its answer.
 *
 * Owns the loop over steps: limits, end tokens, interrupts, the budget of thinking. A step may be
 * cancelled by a signal that was already dealt with: then it is run again.
 */
#include "answer_parts.h"

#include "base/clock.h"
#include "base/error.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FORCED = 64 };

typedef struct drawing {
    const weir_host *host;
    weir_seq *seq;
    const weir_answer_options *options;
    const weir_answer_events *events;
    weir_answer *out;
    weir_sampler *sampler;
    weir_answer_text *text;
    uint32_t n_vocab, n_ctx;
    int32_t forced[MAX_FORCED]; /* [n_forced] tokens that come next whatever the model says */
    size_t n_forced, n_forced_used;
    uint32_t *mask;        /* NULL, or all tokens but <think>: it was closed for good */
    weir_matcher *matcher; /* NULL: no constraint */
    /* what comes next: a token that is put there, or one of those that are allowed */
    bool is_forced;
    int32_t token;
    const uint32_t *allowed; /* NULL: all */
    bool is_interrupted;
} drawing;

const char *weir_answer_end_name(weir_answer_end end) {
    static const char *const names[] = {"stop", "length", "length", "tool_calls", "interrupted"};
    return names[end];
}

static bool is_interrupted(drawing *d) {
    const weir_progress *progress = &d->events->progress;
    bool is_cancelled =
        progress->is_cancelled ? progress->is_cancelled(progress->context) : weir_interrupted();
    d->is_interrupted = d->is_interrupted || is_cancelled;
    return d->is_interrupted;
}

/* ---- running ------------------------------------------------------------------------------ */

/* One step over what is pending, or the logits made again where a rewind has lost them. */
static weir_status step(drawing *d, weir_error *err) {
    weir_chunk chunk = {.seq = d->seq};
    if (weir_seq_n_pending(d->seq) > 0)
        WEIR_TRY(weir_engine_step(d->host->engine, &chunk, 1, err));
    /* A step that had room for nothing: this tells why, or does it. */
    if (chunk.n_tokens == 0)
        return weir_seq_run(d->seq, err);
    return WEIR_STATUS_OK;
}

/* Until logits, or a drawn token, are there or the user interrupts. */
static weir_status run_pending(drawing *d, bool wants_progress, weir_error *err) {
    const weir_progress *progress = &d->events->progress;
    uint64_t total = weir_seq_n_pending(d->seq);
    wants_progress = wants_progress && progress->report;
    weir_status status = WEIR_STATUS_OK;
    while (status == WEIR_STATUS_OK && !weir_seq_logits(d->seq) && !weir_seq_drawn(d->seq) &&
           !is_interrupted(d)) {
        if (wants_progress)
            progress->report(progress->context, "reading the prompt",
                             total - weir_seq_n_pending(d->seq), total);
        status = step(d, err);
        if (status == WEIR_STATUS_CANCELLED) /* by the interrupt, or by one that is over */
            status = WEIR_STATUS_OK;
    }
    if (wants_progress)
        progress->report(progress->context, "reading the prompt", total, total);
    return status;
}

/* ---- drawing ------------------------------------------------------------------------------ */

static uint32_t think_budget(const weir_settings *settings) {
    return settings->think == WEIR_THINK_OFF ? 0 : settings->think_budget;
}

/* What ends the thinking is put in the model's mouth. */
static weir_status force_end_of_thinking(drawing *d, weir_error *err) {
    const char *text = weir_answer_text_is_at_line_start(d->text) ? "</think>" : "\n</think>";
    WEIR_TRY(weir_tokenizer_encode(d->host->tokenizer, text, strlen(text), NULL, d->forced,
                                   MAX_FORCED, &d->n_forced, err));
    d->n_forced_used = 0;
    if (d->n_forced > MAX_FORCED)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "the tokenizer makes %zu tokens of </think>, expected at most %d",
                         d->n_forced, MAX_FORCED);
    /* It would only be closed again. */
    int32_t opening = weir_host_token(d->host, "<think>");
    if (d->mask || opening < 0 || (uint32_t)opening >= d->n_vocab)
        return WEIR_STATUS_OK;
    size_t n_words = (d->n_vocab + 31) / 32;
    d->mask = malloc(n_words * sizeof *d->mask);
    if (!d->mask)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a mask of tokens");
    memset(d->mask, 0xff, n_words * sizeof *d->mask);
    d->mask[opening / 32] &= ~(UINT32_C(1) << (opening % 32));
    return WEIR_STATUS_OK;
}

static uint32_t n_top_of(const drawing *d) {
    return d->events->n_top < WEIR_LOGPROBS_MAX ? d->events->n_top : WEIR_LOGPROBS_MAX;
}

/* Is the token behind the next one drawn as well, as far as can be known? */
static bool has_more(const drawing *d) {
    const weir_settings *settings = d->options->settings;
    bool ends_thinking =
        weir_answer_text_in_reasoning(d->text) && d->out->n_reasoning + 1 >= think_budget(settings);
    return !ends_thinking && d->out->n_generated + 1 < settings->max_tokens &&
           weir_seq_n_tokens(d->seq) + 1 < d->n_ctx;
}

/* Before what is pending is run: a device that can draws within the step. */
static weir_status find_next(drawing *d, weir_error *err) {
    if (d->n_forced_used == d->n_forced && weir_answer_text_in_reasoning(d->text) &&
        d->out->n_reasoning >= think_budget(d->options->settings))
        WEIR_TRY(force_end_of_thinking(d, err));
    d->is_forced = d->n_forced_used < d->n_forced;
    if (d->is_forced) {
        d->token = d->forced[d->n_forced_used++];
        return WEIR_STATUS_OK;
    }
    d->allowed = NULL;
    if (d->matcher)
        WEIR_TRY(weir_matcher_mask(d->matcher, &d->allowed, err));
    /* A grammar has no place for a second <think> where it allows less than all. */
    if (!d->allowed)
        d->allowed = d->mask;
    weir_draw_options o = {.n_prompt = d->out->n_prompt,
                           .mask = d->allowed,
                           .runs_ahead = !d->matcher && has_more(d),
                           .wants_logprob = d->events->on_token != NULL,
                           .n_top = n_top_of(d)};
    return weir_seq_plan_draw(d->seq, d->sampler, &o, err);
}

static weir_status take_token(drawing *d, weir_error *err) {
    const weir_drawn *drawn = weir_seq_drawn(d->seq);
    if (drawn)
        d->token = drawn->token;
    else if (!d->is_forced)
        return weir_sampler_draw(d->sampler, weir_seq_logits(d->seq), weir_seq_tokens(d->seq),
                                 weir_seq_n_tokens(d->seq), d->out->n_prompt, d->allowed, &d->token,
                                 err);
    return WEIR_STATUS_OK;
}

static void report(drawing *d) {
    weir_token_choice top[WEIR_LOGPROBS_MAX];
    const weir_drawn *drawn = weir_seq_drawn(d->seq);
    weir_token_report told;
    if (!d->events->on_token)
        return;
    if (drawn)
        weir_answer_drawn(&told, top, drawn);
    else
        weir_answer_logprobs(&told, top, n_top_of(d), weir_seq_logits(d->seq), d->n_vocab,
                             d->token);
    told.is_forced = d->is_forced;
    d->events->on_token(d->events->context, &told);
}

/* One token more. *is_over: it was the last. */
static weir_status draw(drawing *d, bool *is_over, weir_error *err) {
    WEIR_TRY(take_token(d, err));
    int32_t token = d->token;
    if (token < 0 || (uint32_t)token >= d->n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "the tokenizer has token %d, the model only %u",
                         token, d->n_vocab);
    report(d);
    if (d->matcher)
        WEIR_TRY(weir_matcher_accept(d->matcher, token, err));
    WEIR_TRY(weir_seq_append(d->seq, &token, 1, err));
    d->out->n_generated++;
    *is_over =
        !d->is_forced && !d->options->settings->ignore_eos && weir_host_ends_at(d->host, token);
    if (*is_over)
        return WEIR_STATUS_OK;
    d->out->n_reasoning += weir_answer_text_in_reasoning(d->text) && !d->is_forced;
    WEIR_TRY(weir_answer_text_push(d->text, token, err));
    /* Where nothing but an end can follow, no step is spent on it. */
    *is_over =
        weir_answer_text_stop(d->text) >= 0 || (d->matcher && weir_matcher_must_end(d->matcher));
    return WEIR_STATUS_OK;
}

static weir_status draw_all(drawing *d, weir_error *err) {
    weir_answer *out = d->out;
    double start_s = weir_clock_s();
    WEIR_TRY(run_pending(d, true, err));
    out->prompt_s = weir_clock_s() - start_s;
    start_s = weir_clock_s();
    for (bool is_over = false; !is_over;) {
        out->generate_s = weir_clock_s() - start_s;
        bool is_full = weir_seq_n_tokens(d->seq) >= d->n_ctx;
        if (out->n_generated >= d->options->settings->max_tokens || is_full) {
            out->end = is_full ? WEIR_ANSWER_FULL : WEIR_ANSWER_LENGTH;
            return WEIR_STATUS_OK;
        }
        WEIR_TRY(find_next(d, err));
        WEIR_TRY(run_pending(d, false, err));
        if (is_interrupted(d)) {
            out->end = WEIR_ANSWER_INTERRUPTED;
            return WEIR_STATUS_OK;
        }
        WEIR_TRY(draw(d, &is_over, err));
    }
    out->generate_s = weir_clock_s() - start_s;
    out->end = WEIR_ANSWER_STOP;
    return WEIR_STATUS_OK;
}

/* ---- an answer ---------------------------------------------------------------------------- */

static weir_status open_drawing(drawing *d, weir_error *err) {
    weir_model_info info;
    weir_plan plan;
    weir_model_get_info(d->host->model, &info);
    weir_engine_memory(d->host->engine, &plan);
    d->n_vocab = info.n_vocab;
    d->n_ctx = plan.n_ctx;
    weir_sampling sampling = d->options->settings->sampling;
    sampling.seed = d->options->seed;
    WEIR_TRY(weir_sampler_open(&d->sampler, d->host->model, &sampling, err));
    if (d->options->constraint)
        WEIR_TRY(weir_constraint_begin(d->options->constraint, d->host, d->options->opening,
                                       d->options->n_opening, d->options->settings->ignore_eos,
                                       &d->matcher, err));
    return weir_answer_text_open(&d->text, d->host, d->options, d->events, err);
}

weir_status weir_answer_make(weir_answer *out, weir_message *message, const weir_host *host,
                             weir_seq *seq, const weir_answer_options *options,
                             const weir_answer_events *events, weir_error *err) {
    static const weir_answer_events none;
    *out = (weir_answer){.stop_string = -1,
                         .n_prompt = weir_seq_n_tokens(seq),
                         .n_cached = weir_seq_n_tokens(seq) - weir_seq_n_pending(seq),
                         .seed = options->seed};
    *message = (weir_message){0};
    drawing d = {.host = host,
                 .seq = seq,
                 .options = options,
                 .events = events ? events : &none,
                 .out = out};
    weir_status status = open_drawing(&d, err);
    if (status == WEIR_STATUS_OK)
        status = weir_seq_set_lookup(seq, host->options.n_lookup, err);
    if (status == WEIR_STATUS_OK)
        status = draw_all(&d, err);
    weir_seq_get_lookup(seq, &out->n_drafts, &out->n_drafts_taken);
    weir_seq_set_lookup(seq, 0, NULL); /* taking it away cannot fail */
    if (status == WEIR_STATUS_OK)
        status = weir_answer_text_finish(d.text, message, err);
    if (status == WEIR_STATUS_OK) {
        out->stop_string = weir_answer_text_stop(d.text);
        if (out->end == WEIR_ANSWER_STOP && message->calls.n > 0)
            out->end = WEIR_ANSWER_CALLS;
        out->is_unfinished = d.matcher && !weir_matcher_may_end(d.matcher);
    }
    weir_matcher_close(&d.matcher);
    weir_answer_text_close(&d.text);
    weir_seq_drop_draw(seq); /* of a step that was not run: it points into the sampler */
    weir_sampler_close(&d.sampler);
    free(d.mask);
    return status;
}
