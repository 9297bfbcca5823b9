/*
 * scheduler.c: the tasks that are known: queue, lists, what failed, what a step took.
 *
 * Owns all memory of the scheduler, taken at open; tasks belong to the runner and stand in exactly
 * one ring each: of their level in the queue, of their key (prompt to run), decoding, idle or out.
 * Invariant: counts are those of the rings; never more than n_seqs tasks run or are out.
 */
#include "scheduler_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- opened ------------------------------------------------------------------------------- */

static weir_scheduler_options complete(const weir_scheduler_options *options) {
    weir_scheduler_options o = *options;
    o.n_seqs = o.n_seqs > 0 ? o.n_seqs : 1;
    o.page_tokens = o.page_tokens > 0 ? o.page_tokens : 1;
    if (o.n_batch <= o.replay_window)
        o.n_batch = o.replay_window + 1; /* as the engine does */
    return o;
}

weir_scheduler *weir_scheduler_open(const weir_scheduler_options *options) {
    weir_scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = complete(options);
    uint32_t n_seqs = s->options.n_seqs;
    s->n_buckets = 16;
    while (s->n_buckets < n_seqs && s->n_buckets < UINT32_MAX / 2)
        s->n_buckets *= 2;
    s->levels = calloc((size_t)n_seqs + s->options.n_queue, sizeof *s->levels);
    s->turns = calloc(n_seqs, sizeof *s->turns);
    s->buckets = calloc(s->n_buckets, sizeof(weir_turn *));
    if (!s->levels || !s->turns || !s->buckets) {
        weir_scheduler_close(&s);
        return NULL;
    }
    for (uint32_t i = 0; i < n_seqs; i++) {
        s->turns[i].next_in_bucket = s->free_turns;
        s->free_turns = &s->turns[i];
    }
    weir_ring_init(&s->decoding);
    weir_ring_init(&s->idle);
    weir_ring_init(&s->out);
    s->keys.next = s->keys.previous = &s->keys;
    s->ended_s = -1;
    return s;
}

void weir_scheduler_close(weir_scheduler **scheduler) {
    if (!scheduler || !*scheduler)
        return;
    weir_scheduler *s = *scheduler;
    *scheduler = NULL;
    free(s->levels);
    free(s->turns);
    free(s->buckets);
    free(s);
}

/* ---- the queue ---------------------------------------------------------------------------- */

/* The place of a priority among the levels, or where it would be. */
static uint32_t find_level(const weir_scheduler *s, int32_t priority) {
    uint32_t low = 0, high = s->n_levels;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->levels[middle].priority > priority)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static weir_level *take_level(weir_scheduler *s, int32_t priority) {
    uint32_t i = find_level(s, priority);
    if (i < s->n_levels && s->levels[i].priority == priority)
        return &s->levels[i];
    memmove(&s->levels[i + 1], &s->levels[i], (s->n_levels - i) * sizeof *s->levels);
    s->levels[i] = (weir_level){.priority = priority};
    s->n_levels++;
    return &s->levels[i];
}

/* New ones come last; one whose admission failed comes back to where it was, near the front. */
void weir_queue_put(weir_scheduler *s, weir_task *t) {
    weir_level *level = take_level(s, t->priority);
    t->state = WEIR_TASK_WAITING;
    s->counts.n_waiting++;
    if (!level->first) {
        weir_ring_init(t);
        level->first = t;
        return;
    }
    weir_task *at = level->first;
    if (t->order < at->previous->order) {
        while (at->order < t->order)
            at = at->next;
        if (at == level->first)
            level->first = t;
    }
    weir_ring_insert(at, t);
}

void weir_queue_take(weir_scheduler *s, weir_task *t) {
    uint32_t i = find_level(s, t->priority);
    weir_level *level = &s->levels[i];
    s->counts.n_waiting--;
    if (level->first == t)
        level->first = t->next;
    if (level->first == t) { /* the last of its level */
        s->n_levels--;
        memmove(level, level + 1, (s->n_levels - i) * sizeof *level);
    }
    weir_ring_unlink(t);
}

static weir_task *oldest(const weir_scheduler *s) {
    weir_task *best = s->levels[0].first;
    for (uint32_t i = 1; i < s->n_levels; i++)
        if (s->levels[i].first->order < best->order)
            best = s->levels[i].first;
    return best;
}

weir_task *weir_queue_first(const weir_scheduler *s) {
    if (s->n_levels == 0)
        return NULL;
    bool is_its_turn = s->n_admitted % WEIR_OLDEST_TURN == WEIR_OLDEST_TURN - 1;
    return is_its_turn ? oldest(s) : s->levels[0].first;
}

/* ---- tasks come and go -------------------------------------------------------------------- */

bool weir_scheduler_add(weir_scheduler *s, weir_task *t) {
    const weir_scheduler_counts *c = &s->counts;
    uint64_t n_known = (uint64_t)c->n_waiting + c->n_running + c->n_out;
    t->next = t->previous = NULL;
    t->deficit = 0;
    if (n_known >= (uint64_t)s->options.n_seqs + s->options.n_queue)
        return false;
    t->order = s->n_orders++;
    weir_queue_put(s, t);
    return true;
}

/* Pages have come free, or there was room: what was refused may be tried again. */
static void reopen(weir_scheduler *s) {
    s->is_closed = s->is_stuck = s->owes_move = false;
    s->n_failed_runs = 0;
}

void weir_scheduler_remove(weir_scheduler *s, weir_task *t) {
    if (!t->next)
        return;
    if (t->state == WEIR_TASK_WAITING) {
        weir_queue_take(s, t);
        return;
    }
    weir_ring_unlink(t);
    if (t->state == WEIR_TASK_RUNNING) {
        s->counts.n_running--;
        reopen(s);
    } else {
        s->counts.n_out--;
    }
    t->state = WEIR_TASK_WAITING;
}

/* ---- what came of a plan ------------------------------------------------------------------ */

static void fail_rows(weir_scheduler *s) {
    if (!s->has_planned_rows) /* another order of a plan that is known to have failed */
        return;
    s->has_planned_rows = false;
    s->n_failed_runs++;
    s->owes_move = s->n_failed_runs > 1;
    s->is_closed = true;
}

void weir_scheduler_failed(weir_scheduler *s, const weir_order *order) {
    weir_task *t = order->task;
    if (!t->next)
        return;
    switch (order->kind) {
    case WEIR_ORDER_ADMIT:
        weir_ring_unlink(t);
        s->counts.n_running--;
        s->n_admitted--;
        s->is_closed = true;
        weir_queue_put(s, t);
        break;
    case WEIR_ORDER_MOVE_IN:
        weir_ring_unlink(t);
        s->counts.n_running--;
        s->is_closed = true;
        weir_out_put(s, t);
        break;
    case WEIR_ORDER_MOVE_OUT:
        weir_ring_move(&s->idle, t);
        t->state = WEIR_TASK_RUNNING;
        weir_task_owe(s, t);
        s->counts.n_out--;
        s->counts.n_running++;
        s->is_stuck = true;
        break;
    case WEIR_ORDER_RUN:
        fail_rows(s);
        break;
    }
}

void weir_scheduler_stepped(weir_scheduler *s, uint32_t n_prompt_rows, uint32_t n_decode_rows,
                            double seconds) {
    weir_cost_observe(&s->cost, n_prompt_rows, n_decode_rows, seconds);
    s->ended_s = s->planned_s + (seconds > 0 ? seconds : 0);
    s->has_planned_rows = false;
    reopen(s);
}

void weir_scheduler_get_counts(const weir_scheduler *s, weir_scheduler_counts *out) {
    *out = s->counts;
}
