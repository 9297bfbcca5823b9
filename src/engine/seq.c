/*
 * seq.c: timelines: opened, grown, cut, forked. Runs nothing; step.c does.
 *
 * Invariant: the K/V of tokens 0 .. n_kv - 1 is in the pages; state_pos is n_kv or WEIR_NO_POS.
 */
#include "base/error.h"
#include "engine/engine.h"
#include <assert.h>
#include <math.h>
#include <string.h>

weir_status weir_seq_open(weir_seq **out, weir_engine *engine, weir_error *err) {
    *out = NULL;
    for (uint32_t i = 0; i < engine->plan.n_seqs; i++) {
        weir_seq *s = &engine->seqs[i];
        if (s->is_open)
            continue;
        s->is_open = true;
        s->is_loaded = s->is_apart = false;
        if (engine->n_loras > 0)
            memcpy(s->lora_scales, engine->lora_scales, engine->n_loras * sizeof(float));
        s->n_tokens = s->n_kv = s->n_pages = 0;
        s->n_ahead = 0;
        s->lookup = NULL;
        s->is_flown = s->is_landing = false;
        s->n_flown_pages = 0;
        s->reuse = (weir_reuse){0};
        s->state_pos = s->logits_pos = s->draw_pos = s->drawn_pos = WEIR_NO_POS;
        engine->n_refs++;
        *out = s;
        return WEIR_STATUS_OK;
    }
    return weir_fail(err, WEIR_STATUS_FULL, "all %u timelines of the engine are open (n_seqs)",
                     engine->plan.n_seqs);
}

void weir_seq_close(weir_seq **seq) {
    if (!seq || !*seq)
        return;
    weir_seq *s = *seq;
    *seq = NULL;
    assert(s->is_open);
    weir_flight_drop(s);
    weir_ahead_drop(s, false);
    weir_lookup_close(&s->lookup);
    weir_leave_tail(s);
    weir_seq_trim_pages(s, 0);
    s->n_tokens = s->n_kv = 0;
    weir_snapshot_cut(s, 0);
    s->is_open = false;
    weir_engine_release(s->engine);
}

/* Last page first: a child node is let go before its parent (pages.h). */
void weir_seq_trim_pages(weir_seq *s, uint32_t n_tokens) {
    uint32_t n = weir_pages_for(n_tokens);
    while (s->n_pages > n)
        weir_page_release(&s->engine->pages, s->pages[--s->n_pages]);
}

weir_status weir_seq_fork(weir_seq **out, const weir_seq *from, weir_error *err) {
    weir_engine *e = from->engine;
    WEIR_TRY(weir_seq_open(out, e, err));
    weir_seq *s = *out;
    s->is_loaded = from->is_loaded;
    s->is_apart = from->is_apart;
    if (e->n_loras > 0)
        memcpy(s->lora_scales, from->lora_scales, e->n_loras * sizeof(float));
    s->n_tokens = from->n_tokens;
    s->n_kv = from->n_kv;
    memcpy(s->tokens, from->tokens, from->n_tokens * sizeof *s->tokens);
    uint32_t n_pages = weir_pages_for(from->n_kv);
    for (uint32_t i = 0; i < n_pages; i++) {
        s->pages[i] = from->pages[i];
        s->nodes[i] = from->nodes[i];
        weir_page_share(&e->pages, s->pages[i]);
    }
    s->n_pages = n_pages;
    s->state_pos = from->state_pos;
    if (s->state_pos != WEIR_NO_POS)
        e->backend->state_copy(e->backend, s->state, from->state);
    s->logits_pos = from->logits_pos;
    if (s->logits_pos != WEIR_NO_POS)
        memcpy(s->logits, from->logits, e->model->h.n_vocab * sizeof(float));
    return WEIR_STATUS_OK;
}

weir_status weir_seq_set_loras(weir_seq *s, const float *scales, weir_error *err) {
    const weir_engine *e = s->engine;
    if (s->n_tokens > 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "adapters are chosen while a timeline is empty, this one has %u tokens",
                         s->n_tokens);
    for (uint32_t i = 0; i < e->n_loras; i++)
        if (!isfinite(scales[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "scale of adapter %s: expected a finite number", e->loras[i]->name);
    s->is_apart = false;
    for (uint32_t i = 0; i < e->n_loras; i++) {
        s->lora_scales[i] = scales[i];
        s->is_apart |= scales[i] != e->lora_scales[i];
    }
    return WEIR_STATUS_OK;
}

weir_status weir_seq_append(weir_seq *s, const int32_t *tokens, size_t n, weir_error *err) {
    uint32_t n_ctx = s->engine->plan.n_ctx, n_vocab = s->engine->model->h.n_vocab;
    for (size_t i = 0; i < n; i++)
        if (tokens[i] < 0 || (uint32_t)tokens[i] >= n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "token %d at place %zu: expected an id from 0 to %u", tokens[i], i,
                             n_vocab - 1);
    if (n > n_ctx - s->n_tokens)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "%zu tokens behind %u: the timeline holds %u (n_ctx)", n, s->n_tokens,
                         n_ctx);
    if (n == 0)
        return WEIR_STATUS_OK;
    bool is_empty = s->n_tokens == 0;
    if (s->n_kv == s->n_tokens && n > 1) {
        weir_ahead_drop(s, false);
        weir_snapshot_take(s); /* a new turn begins: the end of the last one */
    }
    memcpy(s->tokens + s->n_tokens, tokens, n * sizeof *tokens);
    s->n_tokens += (uint32_t)n;
    if (is_empty)
        weir_reuse_prefix(s);
    return WEIR_STATUS_OK;
}

weir_status weir_seq_rewind(weir_seq *s, size_t n_tokens, weir_error *err) {
    if (n_tokens > s->n_tokens)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "rewind to %zu tokens: the timeline has %u",
                         n_tokens, s->n_tokens);
    uint32_t n = (uint32_t)n_tokens;
    s->n_tokens = n;
    s->draw_pos = WEIR_NO_POS;
    if (s->lookup)
        weir_lookup_cut(s->lookup, n);
    if (n >= s->n_kv)
        return WEIR_STATUS_OK;
    weir_flight_drop(s);
    weir_ahead_drop(s, false);
    s->n_kv = n;
    s->is_loaded &= n > 0;
    s->state_pos = s->logits_pos = s->drawn_pos = WEIR_NO_POS;
    weir_seq_trim_pages(s, n);
    weir_snapshot_cut(s, n);
    weir_engine *e = s->engine;
    weir_snapshot *kept = n > 0 ? weir_snapshot_find(s, n, n) : NULL;
    if (kept) {
        e->backend->state_copy(e->backend, s->state, kept->state);
        s->state_pos = n;
        if (kept->has_logits) {
            memcpy(s->logits, kept->logits, e->model->h.n_vocab * sizeof(float));
            s->logits_pos = n;
        }
    }
    return WEIR_STATUS_OK;
}

weir_status weir_seq_open_lookup(weir_seq *s, const weir_lookup_options *options, weir_error *err) {
    weir_lookup_options o = *options;
    const weir_plan *plan = &s->engine->plan;
    o.n_ctx = plan->n_ctx;
    o.record = &s->engine->drafts;
    if (o.most >= s->engine->n_out || o.most >= plan->n_snapshots)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "lookup of %u drafts: expected an engine with more rows of logits and "
                         "snapshots than that, it has %u and %u (n_out, n_snapshots)",
                         o.most, s->engine->n_out, plan->n_snapshots);
    weir_lookup *lookup;
    WEIR_TRY(weir_lookup_open(&lookup, &o, err));
    weir_flight_drop(s);
    weir_ahead_drop(s, false);
    weir_lookup_close(&s->lookup);
    s->lookup = lookup;
    return WEIR_STATUS_OK;
}

weir_status weir_seq_set_lookup(weir_seq *s, uint32_t most, weir_error *err) {
    if (most > 0)
        return weir_seq_open_lookup(s, &(weir_lookup_options){.most = most}, err);
    weir_ahead_drop(s, false);
    weir_lookup_close(&s->lookup);
    return WEIR_STATUS_OK;
}

void weir_seq_get_lookup(const weir_seq *s, uint64_t *n_drafts, uint64_t *n_taken) {
    weir_lookup_counts counts = {0};
    if (s->lookup)
        counts = weir_lookup_count(s->lookup);
    *n_drafts = counts.n_drafts;
    *n_taken = counts.n_taken;
}

void weir_seq_get_reuse(const weir_seq *s, weir_reuse *out) {
    *out = s->reuse;
}

size_t weir_seq_n_tokens(const weir_seq *s) {
    return s->n_tokens;
}

size_t weir_seq_n_pending(const weir_seq *s) {
    return s->n_tokens - s->n_kv;
}

const int32_t *weir_seq_tokens(const weir_seq *s) {
    return s->tokens;
}

const float *weir_seq_logits(const weir_seq *s) {
    return s->n_tokens > 0 && s->logits_pos == s->n_tokens ? s->logits : NULL;
}
