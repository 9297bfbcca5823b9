/* generate.c: the uppermost tier: run the prompt, draw, run, draw ... on weir_seq and sampler. */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/sampling.h"

static bool is_stop(const weir_generate_options *o, const weir_model *model, int32_t token) {
    if (o->ignore_eos)
        return false;
    if (o->n_stop_tokens == 0)
        return model->h.eos >= 0 && token == model->h.eos;
    for (size_t i = 0; i < o->n_stop_tokens; i++)
        if (o->stop_tokens[i] == token)
            return true;
    return false;
}

/* For one token more, and n_more before it. */
static bool has_room(const weir_seq *seq, const weir_generate_options *o,
                     const weir_generate_result *r, uint32_t n_more) {
    return (o->max_tokens == 0 || r->n_generated + n_more < o->max_tokens) &&
           seq->n_tokens + n_more < seq->engine->plan.n_ctx;
}

/* Runs what is pending and has the token behind it, drawn on the device or here. What the matcher
 * allows there is known before: its text is the tokens that are to be run. */
static weir_status draw_next(weir_seq *seq, weir_sampler *sampler, const weir_generate_options *o,
                             const weir_generate_result *r, int32_t *token, weir_error *err) {
    const size_t n_prompt = r->n_prompt;
    weir_draw_options how = {.n_prompt = n_prompt,
                             .runs_ahead = !o->matcher && has_room(seq, o, r, 1)};
    if (o->matcher)
        WEIR_TRY(weir_matcher_mask(o->matcher, &how.mask, err));
    WEIR_TRY(weir_seq_plan_draw(seq, sampler, &how, err));
    WEIR_TRY(weir_seq_run(seq, err));
    const weir_drawn *drawn = weir_seq_drawn(seq);
    if (drawn)
        *token = drawn->token;
    else
        WEIR_TRY(weir_sampler_draw(sampler, weir_seq_logits(seq), seq->tokens, seq->n_tokens,
                                   n_prompt, how.mask, token, err));
    return WEIR_STATUS_OK;
}

static weir_status draw_all(weir_seq *seq, weir_sampler *sampler, const weir_generate_options *o,
                            weir_generate_result *r, weir_error *err) {
    const weir_engine *e = seq->engine;
    double start = weir_clock_s();
    WEIR_TRY(weir_seq_run(seq, err));
    r->prompt_s = weir_clock_s() - start;
    uint64_t n_before = e->stats.n_steps;
    while (has_room(seq, o, r, 0)) {
        int32_t token;
        start = weir_clock_s();
        weir_status status = draw_next(seq, sampler, o, r, &token, err);
        r->n_steps = (uint32_t)(e->stats.n_steps - n_before);
        WEIR_TRY(status);
        if (o->matcher)
            WEIR_TRY(weir_matcher_accept(o->matcher, token, err));
        WEIR_TRY(weir_seq_append(seq, &token, 1, err));
        r->n_generated++;
        r->generate_s += weir_clock_s() - start;
        if (is_stop(o, e->model, token)) {
            r->finish = WEIR_FINISH_STOP;
            break;
        }
        if (o->on_token && !o->on_token(o->context, token)) {
            r->finish = WEIR_FINISH_CALLER;
            break;
        }
        if (o->matcher && weir_matcher_must_end(o->matcher)) {
            r->finish = WEIR_FINISH_STOP;
            break;
        }
    }
    return WEIR_STATUS_OK;
}

weir_status weir_generate(weir_seq *seq, weir_sampler *sampler,
                          const weir_generate_options *options, weir_generate_result *result,
                          weir_error *err) {
    static const weir_generate_options defaults;
    const weir_generate_options *o = options ? options : &defaults;
    weir_generate_result local, *r = result ? result : &local;
    const weir_engine *e = seq->engine;
    *r = (weir_generate_result){.finish = WEIR_FINISH_LENGTH, .n_prompt = seq->n_tokens};
    if (seq->n_tokens == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "generate on an empty timeline: expected a prompt of one token at least");
    if (weir_sampler_n_vocab(sampler) != e->model->h.n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the sampler is for a vocabulary of %u tokens, the timeline's has %u",
                         weir_sampler_n_vocab(sampler), e->model->h.n_vocab);
    bool is_own = o->lookup > 0 && !seq->lookup;
    if (is_own)
        WEIR_TRY(weir_seq_set_lookup(seq, o->lookup, err));
    uint64_t n_drafts, n_taken, n_drafts_before, n_taken_before;
    weir_seq_get_lookup(seq, &n_drafts_before, &n_taken_before);
    weir_status status = draw_all(seq, sampler, o, r, err);
    weir_seq_drop_draw(seq); /* a plan of a step that failed: it points into the sampler */
    weir_seq_get_lookup(seq, &n_drafts, &n_taken);
    r->n_drafts = (uint32_t)(n_drafts - n_drafts_before);
    r->n_drafts_taken = (uint32_t)(n_taken - n_taken_before);
    if (is_own)
        weir_seq_set_lookup(seq, 0, NULL); /* taking it away cannot fail */
    return status;
}
