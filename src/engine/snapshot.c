/*
 * snapshot.c: conv states kept from the ends of turns, where the next request usually resumes.
 *
 * They save replays and never decide a bit: without one the state is rebuilt from the K/V. Places
 * that no turn's end is in at the moment, or an old one, also hold what drafts have left
 * (engine.h).
 */
#include "engine/engine.h"
#include <assert.h>
#include <string.h>

static bool is_free(const weir_snapshot *s) {
    return !s->seq && s->node == WEIR_NO_NODE;
}

/* The place of (seq, pos), else a free one, else the oldest. NULL: all hold what is ahead. */
static weir_snapshot *place_for(weir_engine *e, const weir_seq *seq, uint32_t pos) {
    weir_snapshot *best = NULL;
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++) {
        weir_snapshot *s = &e->snapshots[i];
        if (s->is_ahead)
            continue;
        if (s->seq == seq && s->pos == pos)
            return s;
        if (!best || (!is_free(best) && (is_free(s) || s->used < best->used)))
            best = s;
    }
    return best;
}

void weir_snapshot_take(weir_seq *seq) {
    weir_engine *e = seq->engine;
    if (seq->state_pos != seq->n_kv || seq->n_kv == 0)
        return;
    weir_snapshot *s = place_for(e, seq, seq->n_kv);
    if (!s)
        return;
    s->seq = seq;
    s->node = WEIR_NO_NODE;
    s->pos = seq->n_kv;
    s->used = ++e->tick;
    e->backend->state_copy(e->backend, s->state, seq->state);
    s->has_logits = seq->logits_pos == seq->n_kv;
    if (s->has_logits)
        memcpy(s->logits, seq->logits, e->model->h.n_vocab * sizeof(float));
}

weir_snapshot *weir_snapshot_find(weir_seq *seq, uint32_t from, uint32_t to) {
    weir_engine *e = seq->engine;
    weir_snapshot *best = NULL;
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++) {
        weir_snapshot *s = &e->snapshots[i];
        if (s->seq == seq && !s->is_ahead && s->pos >= from && s->pos <= to &&
            (!best || s->pos > best->pos))
            best = s;
    }
    if (best)
        best->used = ++e->tick;
    return best;
}

void weir_snapshot_cut(weir_seq *seq, uint32_t pos) {
    weir_engine *e = seq->engine;
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++)
        if (e->snapshots[i].seq == seq && !e->snapshots[i].is_ahead && e->snapshots[i].pos > pos)
            e->snapshots[i].seq = NULL;
}

/* ---- what closed timelines leave ------------------------------------------------------------ */

void weir_snapshot_leave(weir_seq *seq, uint32_t node) {
    weir_engine *e = seq->engine;
    if (seq->state_pos != seq->n_kv || seq->n_kv == 0 ||
        weir_snapshot_left(e, node, seq->n_kv) != NULL)
        return;
    weir_snapshot_take(seq);
    weir_snapshot *s = weir_snapshot_find(seq, seq->n_kv, seq->n_kv);
    if (!s)
        return;
    s->seq = NULL;
    s->node = node;
}

weir_snapshot *weir_snapshot_left(weir_engine *e, uint32_t node, uint32_t pos) {
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++) {
        weir_snapshot *s = &e->snapshots[i];
        if (!s->seq && s->node == node && s->pos == pos) {
            s->used = ++e->tick;
            return s;
        }
    }
    return NULL;
}

void weir_snapshot_forget(weir_engine *e, uint32_t node) {
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++)
        if (!e->snapshots[i].seq && e->snapshots[i].node == node)
            e->snapshots[i].node = WEIR_NO_NODE;
}

/* ---- what is ahead -------------------------------------------------------------------------- */

/* One place always stays for the end of a turn. Those that were found last are the last to go. */
uint32_t weir_ahead_room(const weir_engine *e, uint32_t n_read) {
    uint32_t n = 0, n_stay = n_read > 1 ? n_read : 1;
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++)
        n += !e->snapshots[i].is_ahead;
    n = n > n_stay ? n - n_stay : 0;
    return n < WEIR_LOOKUP_MOST ? n : WEIR_LOOKUP_MOST;
}

void weir_ahead_place(weir_seq *seq, const int32_t *drafts, uint32_t n) {
    weir_engine *e = seq->engine;
    assert(seq->n_ahead == 0 && n <= weir_ahead_room(e, 0));
    seq->n_ahead = n;
    for (uint32_t i = 0; i < n; i++) {
        weir_snapshot *s = place_for(e, NULL, 0);
        s->seq = seq;
        s->node = WEIR_NO_NODE;
        s->is_ahead = true;
        s->token = drafts[i];
        seq->ahead[n - 1 - i] = (uint32_t)(s - e->snapshots);
    }
}

weir_snapshot *weir_ahead_at(const weir_seq *seq, uint32_t i) {
    return &seq->engine->snapshots[seq->ahead[seq->n_ahead - 1 - i]];
}

static void release(weir_snapshot *s) {
    s->seq = NULL;
    s->is_ahead = false;
}

void weir_ahead_take(weir_seq *seq) {
    weir_snapshot *s = weir_ahead_at(seq, 0);
    uint32_t state = seq->state;
    float *logits = seq->logits;
    seq->state = s->state;
    seq->logits = s->logits;
    s->state = state;
    s->logits = logits;
    seq->n_kv++;
    seq->state_pos = seq->logits_pos = seq->n_kv;
    release(s);
    seq->n_ahead--;
    weir_lookup_took(seq->lookup);
}

void weir_ahead_drop(weir_seq *seq, bool is_rejected) {
    if (seq->n_ahead == 0)
        return;
    for (uint32_t i = 0; i < seq->n_ahead; i++)
        release(&seq->engine->snapshots[seq->ahead[i]]);
    seq->n_ahead = 0;
    weir_lookup_end(seq->lookup, is_rejected);
}
