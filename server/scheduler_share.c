/*
 * scheduler_share.c: rows: who runs how many tokens in the next step.
 *
 * Owns the budget of rows and the turns. Decoding tasks first, one row each; then keys in turn,
 * WEIR_TURN_ROWS rows a turn, and within a key a turn a task: deficit round-robin, so that two keys
 * that both have prompts never differ by more than a turn and what a task owes. A turn that a step
 * cuts short goes on in the next one. Invariant: outside of weir_scheduler_share no task has rows
 * granted, and every turn in use has a task.
 */
#include "scheduler_parts.h"

/* What a step has left. */
typedef struct step_room {
    uint32_t rows;
    uint64_t pages;
    uint64_t promised; /* of pages: for the next row of tasks that have none in this step yet */
} step_room;

static uint32_t at_most(uint64_t a, uint64_t b) {
    uint64_t least = a < b ? a : b;
    return least < UINT32_MAX ? (uint32_t)least : UINT32_MAX;
}

/* ---- keys --------------------------------------------------------------------------------- */

static uint32_t bucket_of(const weir_scheduler *s, uint64_t key) {
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) & (s->n_buckets - 1);
}

static void unlink_turn(weir_turn *turn) {
    turn->next->previous = turn->previous;
    turn->previous->next = turn->next;
}

static void append_turn(weir_turn *head, weir_turn *turn) {
    turn->next = head;
    turn->previous = head->previous;
    head->previous->next = turn;
    head->previous = turn;
}

static weir_turn *take_turn(weir_scheduler *s, uint64_t key) {
    weir_turn **bucket = &s->buckets[bucket_of(s, key)];
    for (weir_turn *turn = *bucket; turn; turn = turn->next_in_bucket)
        if (turn->key == key)
            return turn;
    weir_turn *turn = s->free_turns; /* there is one: every turn in use has a task of n_seqs */
    s->free_turns = turn->next_in_bucket;
    *turn = (weir_turn){.key = key, .next_in_bucket = *bucket};
    *bucket = turn;
    weir_ring_init(&turn->ring);
    append_turn(&s->keys, turn);
    return turn;
}

static void drop_turn(weir_scheduler *s, weir_turn *turn) {
    weir_turn **at = &s->buckets[bucket_of(s, turn->key)];
    while (*at != turn)
        at = &(*at)->next_in_bucket;
    *at = turn->next_in_bucket;
    unlink_turn(turn);
    turn->next_in_bucket = s->free_turns;
    s->free_turns = turn;
}

static bool is_prompt(const weir_task *t) {
    return t->n_pending > 0 && !t->is_decoding;
}

static bool is_decode(const weir_task *t) {
    return t->n_pending > 0 && t->is_decoding;
}

/* Those that do not belong in a ring any more become idle. */
static void sift(weir_scheduler *s, weir_task *ring, bool (*belongs)(const weir_task *t)) {
    for (weir_task *t = ring->next, *next; t != ring; t = next) {
        next = t->next;
        if (!belongs(t))
            weir_ring_move(&s->idle, t);
    }
}

void weir_turns_sort(weir_scheduler *s) {
    for (weir_turn *turn = s->keys.next, *next; turn != &s->keys; turn = next) {
        next = turn->next;
        sift(s, &turn->ring, is_prompt);
        if (turn->ring.next == &turn->ring)
            drop_turn(s, turn);
    }
    sift(s, &s->decoding, is_decode);
    for (weir_task *t = s->idle.next, *next; t != &s->idle; t = next) {
        next = t->next;
        if (is_decode(t))
            weir_ring_move(&s->decoding, t);
        else if (is_prompt(t))
            weir_ring_move(&take_turn(s, t->key)->ring, t);
    }
}

/* ---- decoding ----------------------------------------------------------------------------- */

/* Rows; of an empty timeline there is nothing to be replayed. */
static uint32_t owed(const weir_task *t) {
    return t->deficit < 0 && weir_task_n_run(t) > 0 ? (uint32_t)-t->deficit : 0;
}

/* Rows of n_rows that prompts are to find: at least what the first in turn cannot go without. */
static uint32_t least_prompt_rows(const weir_scheduler *s, uint32_t n_rows) {
    if (s->keys.next == &s->keys)
        return 0;
    uint32_t least = at_most(WEIR_MIN_PROMPT_ROWS, n_rows / 2);
    uint32_t first = owed(s->keys.next->ring.next) + 1;
    return at_most(least > first ? least : first, n_rows);
}

/* One row each, as many as n_rows. Who runs goes to the end, so that where there are more of them
 * than rows they take turns. Returns how many; they are the first orders. */
static uint32_t run_decoding(weir_scheduler *s, uint32_t n_rows, step_room *room,
                             weir_order *orders, size_t cap) {
    uint32_t n = 0;
    weir_task *last = s->decoding.previous;
    for (weir_task *t = s->decoding.next, *next; t != &s->decoding && n < cap; t = next) {
        next = t == last ? &s->decoding : t->next;
        uint32_t rows = owed(t) + 1;
        uint64_t pages = weir_pages_next(s, t);
        /* the first one in turn may take rows that were meant for prompts: there might be
         * prompts for ever */
        bool has_rows = rows <= n_rows || (n == 0 && n_rows > 0 && rows <= room->rows);
        if (!has_rows)
            break;
        if (pages > room->pages)
            continue;
        room->rows -= rows;
        room->pages -= pages;
        n_rows -= at_most(rows, n_rows);
        t->deficit = 0;
        weir_ring_move(&s->decoding, t);
        orders[n++] = (weir_order){.kind = WEIR_ORDER_RUN, .task = t, .n_tokens = 1};
    }
    return n;
}

/* ---- the budget --------------------------------------------------------------------------- */

/* The cost of a step is an estimate, and the machine is not always the same: aimed at the whole
 * gap, one step in a hundred took up to 16 % longer, on a machine whose memory is shared up to 40 %. */
static const double GAP_SHARE = 0.75;

/* Seconds that a step may take: what has passed since the last one is part of the gap. */
static double step_seconds(const weir_scheduler *s, double now_s) {
    double late_s = s->ended_s >= 0 ? now_s - s->ended_s : 0;
    return GAP_SHARE * s->options.max_gap_s - (late_s > 0 ? late_s : 0);
}

/* Rows of prompts where the gap is missed in any case: many of them make the prompt's time shorter,
 * but those that decode do not wait twice as long for it. */
static uint32_t missed_budget(const weir_scheduler *s, uint32_t n_decode, uint32_t few,
                              uint32_t least) {
    double row_s = weir_cost_row_seconds(&s->cost);
    double decode_s = weir_cost_seconds(&s->cost, 0, n_decode);
    uint32_t n = row_s * least > decode_s ? (uint32_t)(decode_s / row_s) : least;
    return n > few ? n : few;
}

/* As many rows as most likely run within the gap; a few where only the margin for what is not known
 * forbids them. */
static uint32_t prompt_budget(const weir_scheduler *s, double now_s, uint32_t n_decode,
                              uint32_t n_room, uint32_t least) {
    if (n_decode == 0) /* nobody waits for a next token */
        return n_room;
    double seconds = step_seconds(s, now_s);
    uint32_t n = weir_cost_rows(&s->cost, n_decode, seconds, n_room);
    uint32_t few = owed(s->keys.next->ring.next) + WEIR_FEW_PROMPT_ROWS;
    if (n > least || n >= few)
        return at_most(n, n_room);
    if (s->cost.n_seen == 0) /* nothing is known of prompts */
        return at_most(least, n_room);
    bool is_missed = weir_cost_seconds(&s->cost, few, n_decode) > seconds;
    return at_most(is_missed ? missed_budget(s, n_decode, few, least) : few, n_room);
}

/* ---- prompts ------------------------------------------------------------------------------ */

/* Pages that this task may take: those promised to others are not for it. */
static uint64_t pages_for_it(const weir_scheduler *s, const weir_task *t, const step_room *room) {
    uint64_t own = t->deficit > 0 ? 0 : weir_pages_next(s, t);
    uint64_t promised = room->promised > own ? room->promised - own : 0;
    return room->pages > promised ? room->pages - promised : 0;
}

static uint64_t pages_taken(const weir_scheduler *s, const weir_task *t) {
    return t->deficit > 0 ? weir_pages_to(s, t, (uint64_t)weir_task_n_run(t) + t->deficit) : 0;
}

/* Tokens beyond those granted that so many more pages are enough for. */
static uint64_t tokens_in(const weir_scheduler *s, const weir_task *t, uint64_t n_pages) {
    uint64_t n_done = (uint64_t)weir_task_n_run(t) + (t->deficit > 0 ? (uint64_t)t->deficit : 0);
    uint64_t n_copies = weir_pages_to(s, t, 0); /* of the page that it may have to copy */
    uint64_t n = n_pages + pages_taken(s, t);
    if (n < n_copies)
        return 0;
    uint64_t n_tokens = (t->n_pages + n - n_copies) * s->options.page_tokens;
    return n_tokens > n_done ? n_tokens - n_done : 0;
}

/* Grants rows of a turn to the task: what it owes, and tokens. Returns the rows. */
static uint32_t grant(const weir_scheduler *s, weir_task *t, int64_t turn_rows, step_room *room) {
    uint32_t n_owed = owed(t), n_granted = t->deficit > 0 ? (uint32_t)t->deficit : 0;
    uint64_t n_pages = pages_for_it(s, t, room), n_before = pages_taken(s, t);
    uint64_t n = turn_rows > n_owed ? (uint64_t)turn_rows - n_owed : 1;
    n = at_most(n, t->n_pending - n_granted);
    n = at_most(n, room->rows - n_owed);
    n = at_most(n, tokens_in(s, t, n_pages));
    if (n == 0)
        return 0;
    if (n_granted == 0)
        room->promised -= at_most(room->promised, weir_pages_next(s, t));
    uint64_t n_run = weir_task_n_run(t);
    room->pages -= weir_pages_to(s, t, n_run + n_granted + n) - n_before;
    t->deficit = (int64_t)(n_granted + n);
    room->rows -= n_owed + (uint32_t)n;
    return n_owed + (uint32_t)n;
}

/* Tasks that have all they can have in this step, and keys that have no others. */
typedef struct set_aside {
    weir_task tasks;
    weir_turn keys;
} set_aside;

/* The key that is first in turn has one. False: what is left of the step is too little for it. */
static bool take_a_turn(weir_scheduler *s, step_room *room, set_aside *aside) {
    weir_turn *turn = s->keys.next;
    weir_task *t = turn->ring.next;
    if (owed(t) >= room->rows)
        return false;
    if (turn->deficit <= 0)
        turn->deficit += WEIR_TURN_ROWS;
    if (turn->deficit > 0) {
        uint32_t n = grant(s, t, turn->deficit, room);
        turn->deficit -= n;
        if (n == 0 || (uint64_t)t->deficit >= t->n_pending)
            weir_ring_move(&aside->tasks, t);
        else if (turn->deficit <= 0)
            weir_ring_move(&turn->ring, t);
    }
    bool is_empty = turn->ring.next == &turn->ring;
    if (!is_empty && turn->deficit > 0)
        return true;
    unlink_turn(turn);
    append_turn(is_empty ? &aside->keys : &s->keys, turn);
    return true;
}

static void bring_back(weir_scheduler *s, set_aside *aside) {
    for (weir_turn *turn = aside->keys.next, *next; turn != &aside->keys; turn = next) {
        next = turn->next;
        unlink_turn(turn);
        append_turn(&s->keys, turn);
    }
    for (weir_task *t = aside->tasks.next, *next; t != &aside->tasks; t = next) {
        next = t->next;
        weir_ring_move(&take_turn(s, t->key)->ring, t);
    }
}

static void share_prompts(weir_scheduler *s, step_room *room) {
    set_aside aside;
    weir_ring_init(&aside.tasks);
    aside.keys.next = aside.keys.previous = &aside.keys;
    while (room->rows > 0 && s->keys.next != &s->keys && take_a_turn(s, room, &aside))
        continue;
    bring_back(s, &aside);
}

static size_t order_granted(weir_scheduler *s, weir_order *orders, size_t n, size_t cap) {
    for (weir_turn *turn = s->keys.next; turn != &s->keys; turn = turn->next)
        for (weir_task *t = turn->ring.next; t != &turn->ring; t = t->next) {
            if (t->deficit <= 0)
                continue;
            if (n < cap)
                orders[n++] = (weir_order){
                    .kind = WEIR_ORDER_RUN, .task = t, .n_tokens = (uint32_t)t->deficit};
            t->deficit = 0;
        }
    return n;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static uint64_t promise(const weir_scheduler *s) {
    uint64_t n = 0;
    for (const weir_turn *turn = s->keys.next; turn != &s->keys; turn = turn->next)
        for (const weir_task *t = turn->ring.next; t != &turn->ring; t = t->next)
            n += weir_pages_next(s, t);
    return n;
}

/* The only one with a timeline finds no page: nothing will come free, so it is run all the same,
 * and if that fails its runner knows that it can never go on. */
static size_t run_the_last(weir_scheduler *s, weir_order *orders) {
    weir_task *t = s->decoding.next != &s->decoding ? s->decoding.next : s->keys.next->ring.next;
    orders[0] = (weir_order){.kind = WEIR_ORDER_RUN, .task = t, .n_tokens = 1};
    return 1;
}

/* Of a step: half as many after each failure, for there may be rows that nobody has told of. */
static uint32_t batch_rows(const weir_scheduler *s) {
    uint32_t n = s->n_failed_runs < 32 ? s->options.n_batch >> s->n_failed_runs : 0;
    return n > 0 ? n : 1;
}

size_t weir_scheduler_share(weir_scheduler *s, double now_s, uint64_t n_pages, weir_order *orders,
                            size_t cap) {
    uint32_t n_rows = batch_rows(s), least = least_prompt_rows(s, n_rows);
    step_room room = {.rows = n_rows, .pages = n_pages};
    uint32_t n_decode = run_decoding(s, n_rows - least, &room, orders, cap);
    size_t n = n_decode;
    s->counts.n_rows_budget = n_rows;
    if (least > 0) {
        uint32_t n_used = n_rows - room.rows;
        room.rows = prompt_budget(s, now_s, n_decode, room.rows, least);
        s->counts.n_rows_budget = n_used + room.rows;
        room.promised = promise(s);
        share_prompts(s, &room);
        n = order_granted(s, orders, n, cap);
    }
    return n == 0 && s->counts.n_running == 1 ? run_the_last(s, orders) : n;
}
