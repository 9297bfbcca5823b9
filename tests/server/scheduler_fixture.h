/*
 * scheduler_fixture.h: an engine and a clock that are only pretended, for tests of the scheduler.
 *
 * The pretended engine counts pages and rows as the real one does: shared beginnings, the copy of a
 * shared page that is written, replayed rows behind a beginning that was taken over, all or nothing
 * in a step. Every plan is checked against the rules that hold always.
 */
#ifndef WEIR_TESTS_SCHEDULER_FIXTURE_H
#define WEIR_TESTS_SCHEDULER_FIXTURE_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "scheduler_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TASKS = 11100, MAX_SEQS = 1024, MAX_GROUPS = 4, MAX_GAPS = 1 << 16 };

typedef struct fake_task {
    weir_task task;
    uint32_t n_prompt, n_answer; /* tokens; n_answer: that it will generate */
    uint32_t n_generated;
    uint32_t n_own;          /* pages that are only its own */
    int group;               /* tasks with a common beginning; -1: none */
    bool has_shared;         /* holds the pages of its group */
    bool has_copied;         /* and the last of them, half full, also as its own */
    bool owes_replay;        /* took a beginning over and has not run since */
    bool is_known, is_ended; /* to the scheduler; finished or cancelled */
    bool has_seq;
    double token_s; /* when its last token came */
    uint64_t n_rows_run;
} fake_task;

/* Beginnings that were computed. Held by n_refs timelines; with none they are kept, and can go. */
typedef struct fake_group {
    uint32_t n_tokens; /* of the beginning */
    uint32_t n_refs;
    bool is_there;
} fake_group;

typedef struct fake_engine {
    weir_scheduler *scheduler;
    weir_scheduler_options options;
    fake_task *tasks; /* [n_tasks] */
    size_t n_tasks;
    fake_group groups[MAX_GROUPS];
    double now_s, step_s, prompt_row_s, decode_row_s; /* what steps cost */
    double noise, stumbles, growth; /* relative; steps of five times the time; per 8192 tokens */
    double move_s;
    uint64_t random;
    double failure; /* how likely an order fails for no reason */
    weir_order orders[MAX_SEQS + 1];
    size_t n_orders;
    float *gaps; /* [n_gaps] between tokens */
    size_t n_gaps;
    uint64_t n_steps, n_moves_out, n_steps_beside;
    uint64_t n_refused;                    /* steps and returns that there was no room for */
    uint32_t n_last_prompt, n_last_decode; /* rows of the last step */
} fake_engine;

/* ---- the pretended engine ----------------------------------------------------------------- */

static inline double draw(fake_engine *e) {
    e->random ^= e->random << 13;
    e->random ^= e->random >> 7;
    e->random ^= e->random << 17;
    return (double)(e->random >> 11) / 9007199254740992.0;
}

static inline uint32_t draw_to(fake_engine *e, uint32_t least, uint32_t most) {
    return least + (uint32_t)(draw(e) * (most - least + 1));
}

static inline double draw_normal(fake_engine *e) {
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += draw(e);
    return sum - 6;
}

static inline uint32_t pages_for(const fake_engine *e, uint64_t n_tokens) {
    return (uint32_t)((n_tokens + e->options.page_tokens - 1) / e->options.page_tokens);
}

static inline uint32_t n_run(const fake_task *t) {
    return t->task.n_tokens - t->task.n_pending;
}

static inline uint32_t pages_used(const fake_engine *e) {
    uint64_t n = 0;
    for (size_t i = 0; i < e->n_tasks; i++)
        n += e->tasks[i].n_own;
    for (int g = 0; g < MAX_GROUPS; g++)
        n += e->groups[g].n_refs > 0 ? pages_for(e, e->groups[g].n_tokens) : 0;
    assert_true(n <= e->options.n_pages);
    return (uint32_t)n;
}

static inline uint32_t pages_free(const fake_engine *e) {
    return e->options.n_pages - pages_used(e);
}

/* Beginnings that nobody holds give way to timelines. */
static inline void give_up_kept(fake_engine *e) {
    uint64_t n = pages_used(e);
    for (int g = 0; g < MAX_GROUPS; g++) {
        fake_group *group = &e->groups[g];
        if (group->n_refs > 0 || !group->is_there)
            continue;
        n += pages_for(e, group->n_tokens);
        group->is_there = n <= e->options.n_pages;
        n -= group->is_there ? 0 : pages_for(e, group->n_tokens);
    }
}

static inline void set_facts(fake_engine *e, fake_task *t) {
    uint32_t n_shared = t->has_shared ? pages_for(e, e->groups[t->group].n_tokens) : 0;
    t->task.n_pages = t->n_own + n_shared - (t->has_copied ? 1 : 0);
    t->task.n_left = t->n_answer - t->n_generated;
    t->task.is_decoding = t->has_seq && t->task.n_pending == 1 && t->n_generated > 0;
}

static inline void close_timeline(fake_engine *e, fake_task *t) {
    if (t->has_shared)
        e->groups[t->group].n_refs--;
    t->has_seq = t->has_shared = t->has_copied = t->owes_replay = false;
    t->n_own = 0;
}

static inline void end_task(fake_engine *e, fake_task *t) {
    if (t->is_known)
        weir_scheduler_remove(e->scheduler, &t->task);
    close_timeline(e, t);
    t->is_known = false;
    t->is_ended = true;
}

static inline void open_engine(fake_engine *e, weir_scheduler_options options) {
    memset(e, 0, sizeof *e);
    if (options.page_tokens == 0)
        options.page_tokens = 64;
    if (options.max_gap_s == 0)
        options.max_gap_s = 0.25;
    e->options = options;
    e->scheduler = weir_scheduler_open(&options);
    assert_non_null(e->scheduler);
    e->tasks = calloc(MAX_TASKS, sizeof *e->tasks);
    e->gaps = calloc(MAX_GAPS, sizeof *e->gaps);
    assert_true(e->tasks && e->gaps);
    e->random = 88172645463325252u;
    e->step_s = 0.02;
    e->prompt_row_s = 0.001;
    e->decode_row_s = 0.002;
}

static inline void close_engine(fake_engine *e) {
    weir_scheduler_close(&e->scheduler);
    assert_null(e->scheduler);
    weir_scheduler_close(&e->scheduler);
    free(e->tasks);
    free(e->gaps);
}

static inline fake_task *add(fake_engine *e, uint64_t key, uint32_t n_prompt, uint32_t n_answer) {
    assert_true(e->n_tasks < MAX_TASKS);
    fake_task *t = &e->tasks[e->n_tasks++];
    *t = (fake_task){.n_prompt = n_prompt, .n_answer = n_answer, .group = -1};
    t->task = (weir_task){.id = e->n_tasks, .key = key, .n_tokens = n_prompt, .context = t};
    t->task.n_pending = n_prompt;
    t->task.n_left = n_answer;
    return t;
}

static inline fake_task *submit(fake_engine *e, uint64_t key, int32_t priority, uint32_t n_prompt,
                                uint32_t n_answer) {
    fake_task *t = add(e, key, n_prompt, n_answer);
    t->task.priority = priority;
    t->is_known = weir_scheduler_add(e->scheduler, &t->task);
    assert_true(t->is_known);
    return t;
}

/* A beginning that is there is taken over, but for the last token of the prompt. */
static inline void do_admit(fake_engine *e, fake_task *t) {
    fake_group *group = t->group >= 0 ? &e->groups[t->group] : NULL;
    t->has_seq = true;
    if (group && group->is_there && group->n_tokens < t->n_prompt) {
        t->has_shared = t->owes_replay = true;
        group->n_refs++;
        t->task.n_pending = t->n_prompt - group->n_tokens;
    }
}

static inline bool do_move_in(fake_engine *e, fake_task *t) {
    uint32_t n = pages_for(e, n_run(t));
    if (n > pages_free(e)) {
        e->n_refused++;
        return false;
    }
    t->n_own = n;
    t->has_seq = true;
    t->owes_replay = n_run(t) > 0;
    return true;
}

static inline void do_move(fake_engine *e, const weir_order *order) {
    fake_task *t = order->task->context;
    bool is_done = draw(e) >= e->failure;
    if (is_done && order->kind == WEIR_ORDER_ADMIT)
        do_admit(e, t);
    else if (is_done && order->kind == WEIR_ORDER_MOVE_IN)
        is_done = do_move_in(e, t);
    else if (is_done)
        close_timeline(e, t);
    if (is_done && order->kind == WEIR_ORDER_MOVE_OUT)
        e->n_moves_out++;
    give_up_kept(e);
    set_facts(e, t);
    if (!is_done)
        weir_scheduler_failed(e->scheduler, order);
    e->now_s += is_done && order->kind != WEIR_ORDER_ADMIT ? e->move_s : 0;
}

/* The next token goes into the last page of the beginning, which is shared and not full. */
static inline bool must_copy(const fake_engine *e, const fake_task *t) {
    return t->has_shared && n_run(t) == e->groups[t->group].n_tokens &&
           n_run(t) % e->options.page_tokens > 0;
}

/* What running n tokens takes beyond what it has. */
static inline uint32_t new_pages(const fake_engine *e, const fake_task *t, uint32_t n) {
    uint32_t n_total = pages_for(e, n_run(t) + n);
    uint32_t n_new = n_total > t->task.n_pages ? n_total - t->task.n_pages : 0;
    return n_new + (must_copy(e, t) ? 1 : 0);
}

static inline bool has_room(const fake_engine *e) {
    uint64_t n_rows = 0, n_pages = 0;
    for (size_t i = 0; i < e->n_orders; i++) {
        const fake_task *t = e->orders[i].task->context;
        n_rows += e->orders[i].n_tokens + (t->owes_replay ? e->options.replay_window : 0);
        n_pages += new_pages(e, t, e->orders[i].n_tokens);
    }
    return n_rows <= e->options.n_batch && n_pages <= pages_free(e);
}

static inline void finish_prompt(fake_engine *e, fake_task *t) {
    fake_group *group = t->group >= 0 ? &e->groups[t->group] : NULL;
    if (!group || group->is_there || group->n_tokens >= t->n_prompt)
        return;
    uint32_t n_shared = group->n_tokens / e->options.page_tokens;
    if (n_shared == 0 || group->n_tokens % e->options.page_tokens > 0 || t->n_own < n_shared)
        return;
    group->is_there = t->has_shared = true;
    group->n_refs = 1;
    t->n_own -= n_shared;
}

static inline void run_tokens(fake_engine *e, fake_task *t, uint32_t n) {
    t->n_own += new_pages(e, t, n);
    t->has_copied |= must_copy(e, t);
    t->task.n_pending -= n;
    t->n_rows_run += n;
    t->owes_replay = false;
    if (t->task.n_pending > 0) {
        set_facts(e, t);
        return;
    }
    if (t->n_generated == 0)
        finish_prompt(e, t);
    else if (e->n_gaps < MAX_GAPS)
        e->gaps[e->n_gaps++] = (float)(e->now_s - t->token_s);
    t->token_s = e->now_s;
    t->n_generated++;
    if (t->n_generated > t->n_answer) {
        end_task(e, t);
        return;
    }
    t->task.n_tokens++;
    t->task.n_pending = 1;
    set_facts(e, t);
}

static inline void do_step(fake_engine *e) {
    uint32_t n_prompt = 0, n_decode = 0, n_before = 0;
    if (draw(e) < e->failure / 3) /* cancelled: nobody is told */
        return;
    bool has = has_room(e);
    e->n_refused += !has;
    if (draw(e) < e->failure || !has) {
        weir_scheduler_failed(e->scheduler, &e->orders[e->n_orders - 1]);
        return;
    }
    for (size_t i = 0; i < e->n_orders; i++) {
        const fake_task *t = e->orders[i].task->context;
        n_before = t->task.is_decoding ? n_before : n_run(t);
        if (t->task.is_decoding)
            n_decode++;
        else
            n_prompt += e->orders[i].n_tokens + (t->owes_replay ? e->options.replay_window : 0);
    }
    double row_s = e->prompt_row_s * (1 + e->growth * n_before / 8192);
    double seconds = e->step_s + n_prompt * row_s + n_decode * e->decode_row_s;
    seconds *= exp(e->noise * draw_normal(e)) * (draw(e) < e->stumbles ? 5 : 1);
    e->now_s += seconds;
    weir_scheduler_stepped(e->scheduler, n_prompt, n_decode, seconds);
    for (size_t i = 0; i < e->n_orders; i++)
        run_tokens(e, e->orders[i].task->context, e->orders[i].n_tokens);
    give_up_kept(e);
    e->n_steps++;
    e->n_steps_beside += n_decode > 0 && n_prompt > 0;
    e->n_last_prompt = n_prompt;
    e->n_last_decode = n_decode;
}

/* ---- what holds of every plan ------------------------------------------------------------- */

static inline bool comes_before(const weir_task *a, const weir_task *b) {
    return a->priority != b->priority ? a->priority > b->priority : a->order < b->order;
}

static inline void check_moves(const fake_engine *e) {
    const weir_task *best = NULL;
    bool has_come_back = false;
    for (size_t i = 0; i < e->n_tasks; i++) {
        const fake_task *t = &e->tasks[i];
        if (t->has_seq && (!best || comes_before(&t->task, best)))
            best = &t->task;
    }
    for (size_t i = 0; i < e->n_orders; i++) {
        const fake_task *t = e->orders[i].task->context;
        assert_int_not_equal(e->orders[i].kind, WEIR_ORDER_RUN);
        if (e->orders[i].kind == WEIR_ORDER_MOVE_OUT) {
            assert_true(t->has_seq);
            assert_ptr_not_equal(&t->task, best);
        } else {
            assert_false(t->has_seq);
        }
        assert_false(e->orders[i].kind == WEIR_ORDER_MOVE_IN && has_come_back);
        has_come_back |= e->orders[i].kind == WEIR_ORDER_ADMIT;
    }
}

static inline void check_rows(const fake_engine *e) {
    uint64_t n_rows = 0;
    bool was_prompt = false;
    for (size_t i = 0; i < e->n_orders; i++) {
        const weir_order *order = &e->orders[i];
        assert_int_equal(order->kind, WEIR_ORDER_RUN);
        assert_int_equal(order->task->state, WEIR_TASK_RUNNING);
        assert_true(order->n_tokens > 0 && order->n_tokens <= order->task->n_pending);
        assert_false(order->task->is_decoding && was_prompt);
        was_prompt |= !order->task->is_decoding;
        n_rows += order->n_tokens;
        order->task->id ^= UINT64_C(1) << 63; /* nobody twice */
        assert_true(order->task->id >> 63);
    }
    for (size_t i = 0; i < e->n_orders; i++)
        e->orders[i].task->id ^= UINT64_C(1) << 63;
    assert_true(n_rows <= e->options.n_batch);
}

static inline void check_counts(const fake_engine *e) {
    weir_scheduler_counts counts;
    uint32_t n[3] = {0};
    for (size_t i = 0; i < e->n_tasks; i++)
        if (e->tasks[i].is_known)
            n[e->tasks[i].task.state]++;
    weir_scheduler_get_counts(e->scheduler, &counts);
    assert_int_equal(counts.n_waiting, n[WEIR_TASK_WAITING]);
    assert_int_equal(counts.n_running, n[WEIR_TASK_RUNNING]);
    assert_int_equal(counts.n_out, n[WEIR_TASK_OUT]);
    assert_true(counts.n_running + counts.n_out <= e->options.n_seqs);
}

static inline size_t plan(fake_engine *e) {
    e->n_orders =
        weir_scheduler_plan(e->scheduler, e->now_s, pages_free(e), e->orders, e->options.n_seqs);
    assert_true(e->n_orders <= e->options.n_seqs);
    if (e->n_orders > 0 && e->orders[0].kind == WEIR_ORDER_RUN)
        check_rows(e);
    else
        check_moves(e);
    check_counts(e);
    return e->n_orders;
}

/* A plan, done. False: there was nothing to do. */
static inline bool turn(fake_engine *e) {
    if (plan(e) == 0)
        return false;
    if (e->orders[0].kind == WEIR_ORDER_RUN)
        do_step(e);
    else
        for (size_t i = 0; i < e->n_orders; i++)
            do_move(e, &e->orders[i]);
    return true;
}

/* Until a step has run. */
static inline void step(fake_engine *e) {
    uint64_t n = e->n_steps;
    for (int i = 0; i < 100 && e->n_steps == n; i++)
        assert_true(turn(e));
    assert_int_equal(e->n_steps, n + 1);
}

static inline void finish_all(fake_engine *e) {
    for (int i = 0; turn(e); i++)
        assert_true(i < 1000000);
    for (size_t i = 0; i < e->n_tasks; i++)
        assert_true(e->tasks[i].is_ended || !e->tasks[i].is_known);
}

static inline uint32_t ordered(const fake_engine *e, const fake_task *t) {
    for (size_t i = 0; i < e->n_orders; i++)
        if (e->orders[i].task == &t->task)
            return e->orders[i].n_tokens;
    return 0;
}

#endif
