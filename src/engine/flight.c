/*
 * flight.c: steps that are begun before their tokens are known (engine.h): so the device never
 * waits for the host to learn an id.
 *
 *   call k      begin k (or it flew: nothing) -> begin k + 1 of what k draws -> wait for k, commit
 * k call k + 1  its tokens and draws are those that flew -> begin k + 2 -> wait for k + 1, commit
 *
 * All chunks of a step fly on, or none: two batches of the same timelines would read the weights
 * twice. Owns nothing but which of the two sets of outputs the next step has.
 *
 * Invariants: behind a begin only a lost device can fail a step, and then nothing that was on its
 * way counts. A flight that is open was begun before any other step that is; at most one other is.
 */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/sampling.h"
#include <assert.h>

/* ---- of one timeline ------------------------------------------------------------------------ */

/* A draw is a function of sampler, history and row: the same wish behind the same token is the same
 * draw. */
bool weir_flight_is_right(const weir_seq *s, const weir_chunk *chunk) {
    const weir_engine *e = s->engine;
    const weir_draw_wish *flown = &s->flown_wish, *wish = &s->wish;
    if (!s->is_flown || s->n_tokens != s->n_kv + 1 || s->tokens[s->n_kv] != s->flown_token)
        return false;
    if (s->draw_pos != s->n_tokens || s->lookup || chunk->logits || e->observer.take ||
        !e->backend->can_draw || e->backend->failure)
        return false;
    if (e->pages.refs[s->pages[s->n_kv / WEIR_PAGE_TOKENS]] > 1)
        return false; /* shared since, by a fork: to be copied before anything is written there */
    return flown->sampler == wish->sampler && flown->n_prompt == wish->n_prompt &&
           !wish->has_mask && flown->wants_logprob == wish->wants_logprob &&
           flown->n_top == wish->n_top;
}

/* It is not flown any more, whatever becomes of the page. */
static void forget(weir_seq *s) {
    s->engine->n_flown_pages -= s->n_flown_pages;
    s->n_flown_pages = 0;
    s->is_flown = s->is_landing = false;
}

void weir_flight_drop(weir_seq *s) {
    weir_engine *e = s->engine;
    const weir_flight *f = &e->flight;
    if (!s->is_flown)
        return;
    if (f->is_open && f->ticket == s->flown_ticket)
        e->out_logits[f->turn][s->flown_out] = NULL; /* which may soon be the timeline's again */
    forget(s);
    weir_seq_trim_pages(s, s->n_kv);
}

void weir_flight_land(weir_seq *s) {
    s->drawn = s->flown_drawn;
    forget(s);
}

/* A token that the host has to draw may be any. */
void weir_flight_leave(weir_seq *s, uint32_t out) {
    weir_engine *e = s->engine;
    s->is_flown = true;
    s->flown_out = out;
    s->flown_ticket = e->flight.ticket;
    s->flown_token = s->drawn.token;
    s->flown_wish = s->wish;
    s->n_flown_pages = s->n_pages - weir_pages_for(s->n_kv);
    e->n_flown_pages += s->n_flown_pages;
    if (s->drawn_pos != s->n_kv)
        weir_flight_drop(s);
}

uint32_t weir_engine_take_page(weir_engine *e) {
    uint32_t page = weir_page_take(&e->pages);
    for (uint32_t i = 0; i < e->plan.n_seqs && page == WEIR_NO_PAGE && e->n_flown_pages > 0; i++) {
        weir_seq *s = &e->seqs[i];
        if (s->n_flown_pages == 0 || s->is_landing)
            continue;
        weir_flight_drop(s);
        page = weir_page_take(&e->pages);
    }
    return page;
}

/* ---- of a step ------------------------------------------------------------------------------ */

static weir_status wait_for(weir_engine *e, weir_flight *flight, weir_error *err) {
    if (!flight->is_open)
        return WEIR_STATUS_OK;
    flight->is_open = false;
    return e->backend->step_wait(e->backend, flight->ticket, err);
}

/* Every chunk runs the last token of its timeline, and draws the next one, which will be run. */
static bool may_fly(const weir_engine *e, size_t n_chunks) {
    if (e->observer.take || atomic_load(&e->cancel))
        return false;
    for (size_t i = 0; i < n_chunks; i++) {
        const weir_chunk_plan *plan = &e->plans[i];
        const weir_seq *s = plan->seq;
        if (!plan->wants_draw || plan->n_new != 1 || !s->wish.runs_ahead ||
            s->n_tokens == e->plan.n_ctx)
            return false;
    }
    return true;
}

/* The token of the row behind a chunk: what the step draws that was begun last, its own or the
 * flight that it came with; or it is known, of a flight that has been waited for. */
static int32_t token_behind(const weir_chunk_plan *plan, const weir_flight *last) {
    const weir_seq *s = plan->seq;
    if (!plan->is_flown)
        return weir_drawn_at((int32_t)plan->out);
    if (last->is_open && last->ticket == s->flown_ticket)
        return weir_drawn_at((int32_t)s->flown_out);
    return s->flown_drawn.token >= 0 ? s->flown_drawn.token : 0; /* void: the host will draw */
}

/* A page for the position behind the tokens. One that is shared is copied by the step that needs
 * it, so that what is held for a flight alone can be given back. */
static bool take_page(weir_seq *s) {
    weir_pages *pages = &s->engine->pages;
    uint32_t i = s->n_tokens / WEIR_PAGE_TOKENS;
    if (i < s->n_pages)
        return pages->refs[s->pages[i]] == 1;
    uint32_t page = weir_page_take(pages);
    if (page == WEIR_NO_PAGE)
        return false;
    s->nodes[i] = WEIR_NO_NODE;
    s->pages[s->n_pages++] = page;
    return true;
}

/* One row behind a chunk whose step has not been committed. False: there is no page, or the device
 * cannot draw behind it. */
static bool add_row(weir_engine *e, const weir_chunk_plan *plan, uint32_t i, uint32_t turn) {
    weir_seq *s = plan->seq;
    const weir_draw_wish *wish = &s->wish;
    if (!weir_sampler_plan_ahead(s->sampler, s->tokens, s->n_tokens, wish->n_prompt, &s->draw) ||
        !take_page(s))
        return false;
    s->draw.wants_logprob = wish->wants_logprob;
    s->draw.n_top = wish->n_top;
    e->rows[i] = (weir_rows){.first_row = i,
                             .n_rows = 1,
                             .first_pos = s->n_tokens,
                             .pages = s->pages,
                             .state_in = s->state_next,
                             .state_out = s->state,
                             .lora_scales = e->n_loras > 0 ? s->lora_scales : NULL};
    e->row_tokens[i] = token_behind(plan, &e->flight);
    e->row_pos[i] = s->n_tokens;
    e->out_rows[i] = i;
    e->out_draws[i] = &s->draw;
    e->out_drawn[turn][i] = &s->flown_drawn;
    e->out_logits[turn][i] = s->logits;
    return true;
}

/* *out is the flight behind the chunks, if there may be one. What it draws from was begun last. */
static weir_status begin_flight(weir_engine *e, weir_flight *out, size_t n_chunks,
                                weir_error *err) {
    bool flies = true;
    *out = (weir_flight){.turn = e->turn};
    if (!may_fly(e, n_chunks))
        return WEIR_STATUS_OK;
    for (uint32_t i = 0; flies && i < n_chunks; i++)
        flies = add_row(e, &e->plans[i], i, out->turn);
    if (!flies) {
        for (size_t i = 0; i < n_chunks; i++)
            weir_seq_trim_pages(e->plans[i].seq, e->plans[i].seq->n_tokens);
        return WEIR_STATUS_OK;
    }
    weir_batch batch = {.n_rows = (uint32_t)n_chunks,
                        .n_chunks = (uint32_t)n_chunks,
                        .n_out = (uint32_t)n_chunks,
                        .tokens = e->row_tokens,
                        .pos = e->row_pos,
                        .chunks = e->rows,
                        .out_rows = e->out_rows,
                        .logits = e->out_logits[out->turn],
                        .draws = e->out_draws,
                        .drawn = e->out_drawn[out->turn]};
    WEIR_TRY(e->backend->step_begin(e->backend, &batch, &out->ticket, err));
    out->is_open = true;
    e->turn ^= 1;
    return WEIR_STATUS_OK;
}

weir_status weir_flight_step(weir_engine *e, const weir_batch *batch, size_t n_chunks,
                             weir_error *err) {
    weir_flight own = {.turn = e->turn}, next;
    if (batch->n_rows > 0) {
        WEIR_TRY(e->backend->step_begin(e->backend, batch, &own.ticket, err));
        own.is_open = true;
        e->turn ^= 1;
        /* It lies before the chunks' own rows, so nothing is lost by waiting for it first. */
        WEIR_TRY(wait_for(e, &e->flight, err));
    } else if (atomic_load(&e->cancel)) {
        return weir_fail(err, WEIR_STATUS_CANCELLED, "the step was cancelled before it began");
    }
    WEIR_TRY(begin_flight(e, &next, n_chunks, err));
    WEIR_TRY(wait_for(e, batch->n_rows > 0 ? &own : &e->flight, err));
    e->flight = next;
    for (size_t i = 0; i < n_chunks; i++)
        e->plans[i].flies = next.is_open;
    return WEIR_STATUS_OK;
}
