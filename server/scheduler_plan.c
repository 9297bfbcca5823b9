/*
 * scheduler_plan.c: memory: who is let in, moved out, brought back.
 *
 * Owns the arithmetic of pages. The one argument that everything rests on: what a task that is let
 * in has to find free is never less than what makes one be moved out, so nobody is moved out and
 * brought back without a step between; and while somebody is out nobody new is let in, so those
 * that have begun come to their end.
 */
#include "scheduler_parts.h"

/* A shared page that is not full is copied when it is written: who has just come, as a fork or from
 * a file, may have one. After a failure everybody may. */
static bool may_copy(const weir_scheduler *s, const weir_task *t) {
    bool is_fresh = t->state == WEIR_TASK_OUT || t->deficit < 0 || s->n_failed_runs > 0;
    return is_fresh && weir_task_n_run(t) % s->options.page_tokens > 0;
}

uint64_t weir_pages_to(const weir_scheduler *s, const weir_task *t, uint64_t n_tokens) {
    uint64_t n = (n_tokens + s->options.page_tokens - 1) / s->options.page_tokens;
    uint64_t n_held = t->state == WEIR_TASK_OUT ? 0 : t->n_pages;
    return (n > n_held ? n - n_held : 0) + (may_copy(s, t) ? 1 : 0);
}

/* All that it has to run, and room to grow. */
static uint64_t pages_wanted(const weir_scheduler *s, const weir_task *t) {
    uint32_t n_left = t->n_left < WEIR_RESERVE_TOKENS ? t->n_left : WEIR_RESERVE_TOKENS;
    return weir_pages_to(s, t, (uint64_t)t->n_tokens + n_left);
}

static bool comes_after(const weir_task *a, const weir_task *b) {
    return a->priority != b->priority ? a->priority < b->priority : a->order > b->order;
}

/* ---- what is needed ----------------------------------------------------------------------- */

static void survey(const weir_scheduler *s, const weir_task *ring, weir_needs *needs) {
    for (weir_task *t = ring->next; t != ring; t = t->next) {
        needs->next += weir_pages_next(s, t);
        needs->reserve += pages_wanted(s, t);
        needs->wants_step |= t->n_pending > 0;
        if (!needs->victim || comes_after(t, needs->victim))
            needs->victim = t;
    }
}

static weir_needs survey_all(const weir_scheduler *s) {
    weir_needs needs = {0};
    survey(s, &s->decoding, &needs);
    survey(s, &s->idle, &needs);
    for (const weir_turn *turn = s->keys.next; turn != &s->keys; turn = turn->next)
        survey(s, &turn->ring, &needs);
    if (s->counts.n_running < 2)
        needs.victim = NULL; /* the last one goes on */
    return needs;
}

/* ---- moved out ---------------------------------------------------------------------------- */

void weir_out_put(weir_scheduler *s, weir_task *t) {
    weir_task *at = s->out.next;
    while (at != &s->out && comes_after(t, at))
        at = at->next;
    weir_ring_insert(at, t);
    t->state = WEIR_TASK_OUT;
    t->deficit = 0;
    s->counts.n_out++;
}

/* One at a time: how many pages come free by it is known only when it is done. */
static size_t move_out(weir_scheduler *s, weir_task *t, weir_order *order) {
    weir_ring_unlink(t);
    s->counts.n_running--;
    weir_out_put(s, t);
    s->owes_move = false;
    *order = (weir_order){.kind = WEIR_ORDER_MOVE_OUT, .task = t};
    return 1;
}

/* ---- let in ------------------------------------------------------------------------------- */

/* Who comes next: those that are out before those that never were in. */
static weir_task *next_to_come(const weir_scheduler *s) {
    return s->counts.n_out > 0 ? s->out.next : weir_queue_first(s);
}

static weir_order let_in(weir_scheduler *s, weir_task *t) {
    bool is_back = t->state == WEIR_TASK_OUT;
    if (is_back) {
        weir_ring_unlink(t);
        s->counts.n_out--;
    } else {
        weir_queue_take(s, t);
        s->n_admitted++;
    }
    weir_ring_insert(&s->idle, t);
    t->state = WEIR_TASK_RUNNING;
    weir_task_owe(s, t);
    s->counts.n_running++;
    return (weir_order){.kind = is_back ? WEIR_ORDER_MOVE_IN : WEIR_ORDER_ADMIT, .task = t};
}

/* Strictly in turn: if the next one does not fit, a smaller one behind it does not pass. A machine
 * where nothing runs lets the next one in whatever the counts say: nothing will come free. */
static size_t let_in_all(weir_scheduler *s, uint64_t n_free, uint64_t n_reserved,
                         weir_order *orders, size_t cap) {
    size_t n = 0;
    while (n < cap && s->counts.n_running < s->options.n_seqs) {
        weir_task *t = next_to_come(s);
        if (!t)
            break;
        bool is_first = s->counts.n_running == 0;
        uint64_t n_wanted = pages_wanted(s, t);
        if (!is_first && (s->is_closed || n_reserved + n_wanted > n_free))
            break;
        n_reserved += n_wanted;
        orders[n++] = let_in(s, t);
    }
    return n;
}

/* ---- the plan ----------------------------------------------------------------------------- */

size_t weir_scheduler_plan(weir_scheduler *s, double now_s, uint32_t n_pages_free,
                           weir_order *orders, size_t cap) {
    if (cap == 0)
        return 0;
    s->has_planned_rows = false;
    weir_turns_sort(s);
    weir_needs needs = survey_all(s);
    bool is_short = needs.next > n_pages_free || s->owes_move;
    if (is_short && needs.victim && !s->is_stuck)
        return move_out(s, needs.victim, orders);
    size_t n = let_in_all(s, n_pages_free, needs.reserve, orders, cap);
    if (n > 0 || !needs.wants_step)
        return n;
    n = weir_scheduler_share(s, now_s, n_pages_free, orders, cap);
    if (n == 0 && needs.victim) /* nobody can go on, so the move that failed is tried once more */
        return move_out(s, needs.victim, orders);
    s->has_planned_rows = n > 0;
    s->planned_s = now_s;
    return n;
}
