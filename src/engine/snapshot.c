/*
 * snapshot.c: conv states kept from the ends of turns, where the next request usually resumes.
 *
 * They save replays and never decide a bit: without one the state is rebuilt from the K/V.
 */
#include "engine/engine.h"
#include <string.h>

static weir_snapshot *place_for(weir_engine *e, weir_seq *seq, uint32_t pos) {
    weir_snapshot *best = &e->snapshots[0];
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++) {
        weir_snapshot *s = &e->snapshots[i];
        if (s->seq == seq && s->pos == pos)
            return s;
        if (best->seq && (!s->seq || s->used < best->used))
            best = s;
    }
    return best;
}

void weir_snapshot_take(weir_seq *seq) {
    weir_engine *e = seq->engine;
    if (seq->state_pos != seq->n_kv || seq->n_kv == 0)
        return;
    weir_snapshot *s = place_for(e, seq, seq->n_kv);
    s->seq = seq;
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
        if (s->seq == seq && s->pos >= from && s->pos <= to && (!best || s->pos > best->pos))
            best = s;
    }
    if (best)
        best->used = ++e->tick;
    return best;
}

void weir_snapshot_cut(weir_seq *seq, uint32_t pos) {
    weir_engine *e = seq->engine;
    for (uint32_t i = 0; i < e->plan.n_snapshots; i++)
        if (e->snapshots[i].seq == seq && e->snapshots[i].pos > pos)
            e->snapshots[i].seq = NULL;
}
