/*
 * draws.c: tokens that the device draws within a step: planned, looked at, forgotten.
 *
 * A plan is a place (draw_pos, in tokens) and what the sampler made of its options and the history;
 * step.c hands it to the device with the row that ends there, and notes what came back. Owns
 * nothing: plans point into the sampler and to the caller's mask. Where the next draw will be like
 * this one, flight.c plans it in the same step.
 */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/sampling.h"

bool weir_engine_can_draw(const weir_engine *e) {
    return e->backend->can_draw;
}

static weir_status check(const weir_seq *s, const weir_sampler *sampler, const weir_draw_options *o,
                         weir_error *err) {
    uint32_t n_vocab = s->engine->model->h.n_vocab;
    if (!sampler)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_seq_plan_draw: sampler is NULL");
    if (weir_sampler_n_vocab(sampler) != n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the sampler is for a vocabulary of %u tokens, the timeline's has %u",
                         weir_sampler_n_vocab(sampler), n_vocab);
    if (s->n_tokens == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a draw behind an empty timeline: expected one token at least");
    if (o->n_prompt > s->n_tokens)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a draw with a prompt of %zu tokens: the timeline has %u", o->n_prompt,
                         s->n_tokens);
    if (o->n_top > WEIR_DRAWN_TOP)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a draw with the %u likeliest tokens: expected %d at most", o->n_top,
                         WEIR_DRAWN_TOP);
    return WEIR_STATUS_OK;
}

void weir_seq_drop_draw(weir_seq *s) {
    weir_flight_drop(s);
    s->draw_pos = s->drawn_pos = WEIR_NO_POS;
}

weir_status weir_seq_plan_draw(weir_seq *s, weir_sampler *sampler, const weir_draw_options *options,
                               weir_error *err) {
    static const weir_draw_options defaults;
    const weir_draw_options *o = options ? options : &defaults;
    s->draw_pos = s->drawn_pos = WEIR_NO_POS;
    WEIR_TRY(check(s, sampler, o, err));
    if (!s->engine->backend->can_draw || s->lookup ||
        !weir_sampler_plan(sampler, s->tokens, s->n_tokens, o->n_prompt, o->mask, &s->draw))
        return WEIR_STATUS_OK;
    s->draw.wants_logprob = o->wants_logprob;
    s->draw.n_top = o->wants_logprob ? o->n_top : 0;
    s->draw_pos = s->n_tokens;
    s->sampler = sampler;
    s->wish = (weir_draw_wish){.sampler = weir_sampler_number(sampler),
                               .n_prompt = o->n_prompt,
                               .n_top = s->draw.n_top,
                               .has_mask = o->mask != NULL,
                               .wants_logprob = o->wants_logprob,
                               .runs_ahead = o->runs_ahead && !o->mask};
    return WEIR_STATUS_OK;
}

const weir_drawn *weir_seq_drawn(const weir_seq *s) {
    return s->n_tokens > 0 && s->drawn_pos == s->n_tokens ? &s->drawn : NULL;
}
