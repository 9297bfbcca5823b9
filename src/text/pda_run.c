/*
 * pda_run.c: states, frames and steps of an automaton.
 *
 * Owns the frames as one tree of cells (a stack is a cell and the way from it to the root), the
 * states as sorted lists of places, both without doubles, and the tables of steps. Does not own
 * tokens and masks (matcher.c). Invariant: for every place of a state, frames and what its node
 * needs stay under the limit, and so there is always a way on.
 */
#include "text/pda_run.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* Counts that were forgotten: never at a limit again; below the minimum for long. */
#define COUNT_FREE UINT32_MAX
#define COUNT_LOW  (UINT32_MAX - 1)

/* An open frame: a call that returns to node `what`, or a loop that ran `count` times. */
typedef struct cell {
    uint32_t parent; /* 0, the root: none */
    uint32_t what;
    uint32_t count;
    uint32_t depth : 31;
    uint32_t is_loop : 1;
} cell;

typedef struct place {
    uint32_t node, cell;
} place;

typedef struct state {
    uint32_t first, n; /* of places */
    bool may_end;
    uint32_t *table; /* [n_classes] */
    void *note;
} state;

typedef struct slots {
    uint32_t *slots; /* [n] number + 1, 0: free */
    uint32_t n;
} slots;

struct weir_pda_run {
    const weir_pda *pda;
    uint32_t max_depth;
    cell *cells;
    uint32_t n_cells, cap_cells;
    slots cell_slots;
    state *states;
    uint32_t n_states, cap_states;
    slots state_slots;
    place *places; /* of all states */
    uint32_t n_places, cap_places;
    size_t bytes;
    bool is_out_of_memory;

    /* of one closure */
    place *found; /* [n_found] SYMBOLS nodes */
    uint32_t n_found, cap_found;
    place *open; /* [n_open] to be looked at */
    uint32_t n_open, cap_open;
    place *seen; /* [n_seen_slots] */
    uint32_t *seen_stamps, n_seen_slots, n_seen, stamp;
    bool may_end;
    bool has_cut; /* any closure so far */

    /* of weir_pda_run_forget: cells that were forgotten for n symbols, [n_forgotten] cell + 1 */
    uint32_t *forgotten, n_forgotten, forgotten_for;
};

static bool grow(weir_pda_run *run, void **items, uint32_t *cap, uint32_t used, uint32_t n,
                 size_t item_bytes) {
    if (run->is_out_of_memory)
        return false;
    if (n <= *cap - used)
        return true;
    uint32_t wanted = *cap * 2 > used + n ? *cap * 2 : used + n + 64;
    void *grown = realloc(*items, wanted * item_bytes);
    if (!grown) {
        run->is_out_of_memory = true;
        return false;
    }
    *items = grown;
    run->bytes += (wanted - *cap) * item_bytes;
    *cap = wanted;
    return true;
}

static void put_slot(slots *in, uint64_t hash, uint32_t number) {
    uint32_t mask = in->n - 1, at = (uint32_t)hash & mask;
    while (in->slots[at] != 0)
        at = (at + 1) & mask;
    in->slots[at] = number + 1;
}

static uint64_t hash_cell(const cell *c) {
    return weir_mix(weir_mix(((uint64_t)c->parent << 32) + c->what) + ((uint64_t)c->count << 1) +
                    c->is_loop);
}

static uint64_t hash_places(const place *places, uint32_t n, bool may_end) {
    uint64_t hash = (uint64_t)may_end + 1;
    for (uint32_t i = 0; i < n; i++)
        hash = weir_mix(hash ^ (((uint64_t)places[i].node << 32) + places[i].cell));
    return hash;
}

static uint64_t hash_numbered(const weir_pda_run *run, const slots *in, uint32_t number) {
    if (in == &run->cell_slots)
        return hash_cell(&run->cells[number]);
    const state *s = &run->states[number];
    return hash_places(run->places + s->first, s->n, s->may_end);
}

static bool grow_slots(weir_pda_run *run, slots *in, uint32_t n_used) {
    if (n_used * 2 < in->n)
        return true;
    uint32_t n = in->n > 0 ? in->n * 2 : 256;
    slots grown = {calloc(n, sizeof *grown.slots), n};
    if (!grown.slots) {
        run->is_out_of_memory = true;
        return false;
    }
    run->bytes += (n - in->n) * sizeof *grown.slots;
    for (uint32_t i = 0; i < in->n; i++)
        if (in->slots[i] != 0)
            put_slot(&grown, hash_numbered(run, in, in->slots[i] - 1), in->slots[i] - 1);
    free(in->slots);
    *in = grown;
    return true;
}

/* ---- cells ---------------------------------------------------------------------------------- */

static uint32_t intern_cell(weir_pda_run *run, uint32_t parent, bool is_loop, uint32_t what,
                            uint32_t count) {
    const cell wanted = {.parent = parent,
                         .what = what,
                         .count = count,
                         .depth = run->cells[parent].depth + 1,
                         .is_loop = is_loop};
    if (!grow(run, (void **)&run->cells, &run->cap_cells, run->n_cells, 1, sizeof *run->cells) ||
        !grow_slots(run, &run->cell_slots, run->n_cells))
        return 0;
    uint64_t hash = hash_cell(&wanted);
    uint32_t mask = run->cell_slots.n - 1;
    for (uint32_t at = (uint32_t)hash & mask; run->cell_slots.slots[at] != 0;
         at = (at + 1) & mask) {
        const cell *c = &run->cells[run->cell_slots.slots[at] - 1];
        if (c->parent == parent && c->what == what && c->count == count &&
            c->is_loop == wanted.is_loop)
            return run->cell_slots.slots[at] - 1;
    }
    run->cells[run->n_cells] = wanted;
    put_slot(&run->cell_slots, hash, run->n_cells);
    return run->n_cells++;
}

/* ---- states --------------------------------------------------------------------------------- */

static int compare_places(const void *left, const void *right) {
    const place *a = left, *b = right;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return (a->cell > b->cell) - (a->cell < b->cell);
}

static void sort_places(place *places, uint32_t n) {
    if (n > 16) {
        qsort(places, n, sizeof *places, compare_places);
        return;
    }
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = i; j > 0 && compare_places(&places[j - 1], &places[j]) > 0; j--) {
            place other = places[j];
            places[j] = places[j - 1];
            places[j - 1] = other;
        }
}

/* The state whose places were found. */
static uint32_t intern_found(weir_pda_run *run) {
    uint32_t n = run->n_found;
    if (n == 0 && !run->may_end)
        return WEIR_PDA_DEAD_STATE;
    sort_places(run->found, n);
    if (!grow(run, (void **)&run->states, &run->cap_states, run->n_states, 1,
              sizeof *run->states) ||
        !grow(run, (void **)&run->places, &run->cap_places, run->n_places, n,
              sizeof *run->places) ||
        !grow_slots(run, &run->state_slots, run->n_states))
        return WEIR_PDA_DEAD_STATE;
    uint64_t hash = hash_places(run->found, n, run->may_end);
    uint32_t mask = run->state_slots.n - 1;
    for (uint32_t at = (uint32_t)hash & mask; run->state_slots.slots[at] != 0;
         at = (at + 1) & mask) {
        const state *s = &run->states[run->state_slots.slots[at] - 1];
        if (s->n == n && s->may_end == run->may_end &&
            (n == 0 || memcmp(run->places + s->first, run->found, n * sizeof *run->found) == 0))
            return run->state_slots.slots[at] - 1;
    }
    if (n > 0)
        memcpy(run->places + run->n_places, run->found, n * sizeof *run->found);
    run->states[run->n_states] = (state){.first = run->n_places, .n = n, .may_end = run->may_end};
    run->n_places += n;
    put_slot(&run->state_slots, hash, run->n_states);
    return run->n_states++;
}

/* ---- closures ------------------------------------------------------------------------------- */

static void begin_closure(weir_pda_run *run) {
    run->n_found = run->n_open = run->n_seen = 0;
    run->may_end = false;
    if (++run->stamp == 0) {
        memset(run->seen_stamps, 0, run->n_seen_slots * sizeof *run->seen_stamps);
        run->stamp = 1;
    }
}

static bool grow_seen(weir_pda_run *run) {
    if (run->n_seen * 2 < run->n_seen_slots)
        return true;
    uint32_t n = run->n_seen_slots * 2;
    place *seen = malloc(n * sizeof *seen);
    uint32_t *stamps = calloc(n, sizeof *stamps);
    if (!seen || !stamps) {
        free(seen);
        free(stamps);
        run->is_out_of_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < run->n_seen_slots; i++) {
        if (run->seen_stamps[i] != run->stamp)
            continue;
        uint64_t key = ((uint64_t)run->seen[i].node << 32) + run->seen[i].cell;
        uint32_t at = (uint32_t)weir_mix(key) & (n - 1);
        while (stamps[at] == run->stamp)
            at = (at + 1) & (n - 1);
        stamps[at] = run->stamp;
        seen[at] = run->seen[i];
    }
    free(run->seen);
    free(run->seen_stamps);
    run->seen = seen;
    run->seen_stamps = stamps;
    run->n_seen_slots = n;
    return true;
}

/* A place that the closure has to look at, unless it did or there is no way on from it. */
static void open_place(weir_pda_run *run, uint32_t node, uint32_t at_cell) {
    if ((uint64_t)run->cells[at_cell].depth + run->pda->needs[node] > run->max_depth)
        return;
    if (!grow_seen(run) ||
        !grow(run, (void **)&run->open, &run->cap_open, run->n_open, 1, sizeof *run->open))
        return;
    uint32_t mask = run->n_seen_slots - 1;
    uint32_t at = (uint32_t)weir_mix(((uint64_t)node << 32) + at_cell) & mask;
    for (; run->seen_stamps[at] == run->stamp; at = (at + 1) & mask)
        if (run->seen[at].node == node && run->seen[at].cell == at_cell)
            return;
    run->seen_stamps[at] = run->stamp;
    run->seen[at] = (place){node, at_cell};
    run->n_seen++;
    run->open[run->n_open++] = (place){node, at_cell};
}

static void open_run_of_loop(weir_pda_run *run, uint32_t number, uint32_t parent, uint32_t count) {
    const weir_pda_loop *loop = &run->pda->loops[number];
    /* Counts of loops without a maximum stand still where the next run may be the last. */
    uint32_t last = loop->min > 0 ? loop->min - 1 : 0;
    if (loop->max == WEIR_PDA_NO_LIMIT && count > last && count < COUNT_LOW)
        count = last;
    uint32_t frame = intern_cell(run, parent, true, number, count);
    if (!run->is_out_of_memory)
        open_place(run, loop->body, frame);
}

static void leave_frame(weir_pda_run *run, uint32_t at_cell) {
    if (at_cell == 0) {
        run->may_end = true;
        return;
    }
    const cell c = run->cells[at_cell];
    if (!c.is_loop) {
        open_place(run, c.what, c.parent);
        return;
    }
    const weir_pda_loop *loop = &run->pda->loops[c.what];
    if (c.count == COUNT_LOW) {
        open_run_of_loop(run, c.what, c.parent, COUNT_LOW);
    } else if (c.count == COUNT_FREE) {
        open_place(run, loop->next, c.parent);
        open_run_of_loop(run, c.what, c.parent, COUNT_FREE);
    } else {
        if (c.count + 1 >= loop->min)
            open_place(run, loop->next, c.parent);
        if (c.count + 1 < loop->max)
            open_run_of_loop(run, c.what, c.parent, c.count + 1);
    }
}

static void add_found(weir_pda_run *run, place found) {
    if (run->n_found == WEIR_PDA_MAX_PLACES) {
        run->has_cut = true;
        return;
    }
    if (grow(run, (void **)&run->found, &run->cap_found, run->n_found, 1, sizeof *run->found))
        run->found[run->n_found++] = found;
}

static void look_at(weir_pda_run *run, place p) {
    const weir_pda *pda = run->pda;
    const weir_pda_node *node = &pda->nodes[p.node];
    switch ((weir_pda_kind)node->kind) {
    case WEIR_PDA_RETURN:
        leave_frame(run, p.cell);
        return;
    case WEIR_PDA_SPLIT:
        for (uint32_t i = node->arg; i-- > 0;)
            open_place(run, pda->targets[node->next + i], p.cell);
        return;
    case WEIR_PDA_SYMBOLS:
        add_found(run, p);
        return;
    case WEIR_PDA_CALL: {
        /* A call at the end of a rule needs no frame of its own. */
        uint32_t frame = node->next == WEIR_PDA_AT_RETURN
                             ? p.cell
                             : intern_cell(run, p.cell, false, node->next, 0);
        if (!run->is_out_of_memory)
            open_place(run, pda->rules[node->arg], frame);
        return;
    }
    case WEIR_PDA_LOOP:
        if (pda->loops[node->arg].min == 0)
            open_place(run, pda->loops[node->arg].next, p.cell);
        open_run_of_loop(run, node->arg, p.cell, 0);
        return;
    }
}

/* All that can be reached from the open places without a symbol. */
static uint32_t end_closure(weir_pda_run *run) {
    while (run->n_open > 0 && !run->is_out_of_memory)
        look_at(run, run->open[--run->n_open]);
    return run->is_out_of_memory ? WEIR_PDA_DEAD_STATE : intern_found(run);
}

/* ---- the interface -------------------------------------------------------------------------- */

weir_pda_run *weir_pda_run_open(const weir_pda *pda) {
    enum { FIRST_SEEN = 256 };
    weir_pda_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->pda = pda;
    uint32_t need = 0;
    for (size_t i = 0; i < WEIR_PDA_STARTS; i++) {
        uint32_t other = pda->needs[pda->starts[i]];
        need = other > need && other < UINT32_MAX / 4 ? other : need;
    }
    run->max_depth = pda->max_frames + need;
    run->seen = malloc(FIRST_SEEN * sizeof *run->seen);
    run->seen_stamps = calloc(FIRST_SEEN, sizeof *run->seen_stamps);
    run->n_seen_slots = FIRST_SEEN;
    /* The root and the dead state have number 0. */
    if (!run->seen || !run->seen_stamps ||
        !grow(run, (void **)&run->cells, &run->cap_cells, 0, 1, sizeof *run->cells) ||
        !grow(run, (void **)&run->states, &run->cap_states, 0, 1, sizeof *run->states)) {
        weir_pda_run_close(&run);
        return NULL;
    }
    run->cells[0] = (cell){0};
    run->states[0] = (state){0};
    run->n_cells = run->n_states = 1;
    return run;
}

void weir_pda_run_close(weir_pda_run **run_to_close) {
    weir_pda_run *run = *run_to_close;
    if (!run)
        return;
    for (uint32_t i = 0; i < run->n_states; i++) {
        free(run->states[i].table);
        free(run->states[i].note);
    }
    free(run->cells);
    free(run->cell_slots.slots);
    free(run->states);
    free(run->state_slots.slots);
    free(run->places);
    free(run->found);
    free(run->open);
    free(run->seen);
    free(run->seen_stamps);
    free(run->forgotten);
    free(run);
    *run_to_close = NULL;
}

size_t weir_pda_run_bytes(const weir_pda_run *run) {
    return run->bytes;
}

bool weir_pda_run_is_whole(const weir_pda_run *run) {
    return !run->is_out_of_memory;
}

uint32_t weir_pda_run_start(weir_pda_run *run, weir_pda_start start) {
    begin_closure(run);
    open_place(run, run->pda->starts[start], 0);
    return end_closure(run);
}

uint32_t weir_pda_run_step(weir_pda_run *run, uint32_t at, uint32_t symbol) {
    const state from = run->states[at];
    const weir_pda *pda = run->pda;
    begin_closure(run);
    for (uint32_t i = 0; i < from.n; i++) {
        place p = run->places[from.first + i];
        const weir_pda_node *node = &pda->nodes[p.node];
        if (weir_symbol_in(&pda->sets[node->arg], symbol))
            open_place(run, node->next, p.cell);
    }
    return end_closure(run);
}

uint32_t weir_pda_run_find(weir_pda_run *run, uint32_t at, uint32_t class_of_symbol) {
    uint32_t *table = run->states[at].table;
    if (!table) {
        table = calloc(run->pda->n_classes, sizeof *table);
        if (!table) {
            run->is_out_of_memory = true;
            return WEIR_PDA_DEAD_STATE;
        }
        run->bytes += run->pda->n_classes * sizeof *table;
        run->states[at].table = table;
    }
    if (table[class_of_symbol] == 0) {
        uint32_t to = weir_pda_run_step(run, at, run->pda->symbol_of[class_of_symbol]);
        if (run->is_out_of_memory)
            return WEIR_PDA_DEAD_STATE;
        table[class_of_symbol] = to + 1;
    }
    return table[class_of_symbol] - 1;
}

const uint32_t *weir_pda_run_table(weir_pda_run *run, uint32_t at) {
    return run->states[at].table;
}

bool weir_pda_run_may_end(const weir_pda_run *run, uint32_t at) {
    return run->states[at].may_end;
}

bool weir_pda_run_must_end(const weir_pda_run *run, uint32_t at) {
    return run->states[at].may_end && run->states[at].n == 0;
}

bool weir_pda_run_has_cut(const weir_pda_run *run) {
    return run->has_cut;
}

void *weir_pda_run_note(const weir_pda_run *run, uint32_t at) {
    return run->states[at].note;
}

void weir_pda_run_set_note(weir_pda_run *run, uint32_t at, void *note, size_t bytes) {
    free(run->states[at].note);
    run->states[at].note = note;
    run->bytes += bytes;
}

/* ---- forgetting and moving ------------------------------------------------------------------ */

static uint32_t forget_count(const weir_pda_loop *loop, uint32_t count, uint32_t n) {
    if (count >= COUNT_LOW)
        return count;
    /* Each run takes a symbol, so the count grows by n at most. */
    uint64_t highest = (uint64_t)count + n + 1;
    if (count + 1 >= loop->min && (loop->max == WEIR_PDA_NO_LIMIT || highest < loop->max))
        return COUNT_FREE;
    return highest < loop->min ? COUNT_LOW : count;
}

/* The cell in `to` that has the frames of `at` in `from`, with counts forgotten for n symbols
 * (n 0: none is). known [from's cells] keeps what was found, + 1. */
static uint32_t copy_cell(weir_pda_run *to, const weir_pda_run *from, uint32_t at, uint32_t n,
                          uint32_t *known) {
    uint32_t path[2 * WEIR_PDA_MAX_FRAMES], n_path = 0;
    uint32_t copy = 0;
    /* Frames above the limit exist where the grammar itself needs more: copied one by one then. */
    for (uint32_t up = at; up != 0; up = from->cells[up].parent) {
        if (known[up] != 0) {
            copy = known[up] - 1;
            break;
        }
        if (n_path == 2 * WEIR_PDA_MAX_FRAMES) {
            copy = copy_cell(to, from, up, n, known);
            break;
        }
        path[n_path++] = up;
    }
    while (n_path-- > 0 && !to->is_out_of_memory) {
        const cell c = from->cells[path[n_path]];
        uint32_t count =
            c.is_loop && n > 0 ? forget_count(&from->pda->loops[c.what], c.count, n) : c.count;
        copy = intern_cell(to, copy, c.is_loop, c.what, count);
        known[path[n_path]] = copy + 1;
    }
    return copy;
}

/* The state of places [first, first + n) with copied cells. */
static uint32_t copy_state(weir_pda_run *to, const weir_pda_run *from, uint32_t at, uint32_t n,
                           uint32_t *known) {
    const state s = from->states[at];
    begin_closure(to);
    to->may_end = s.may_end;
    for (uint32_t i = 0; i < s.n && !to->is_out_of_memory; i++) {
        place p = from->places[s.first + i];
        p.cell = copy_cell(to, from, p.cell, n, known);
        /* Forgetting makes different places one. */
        open_place(to, p.node, p.cell);
    }
    return end_closure(to);
}

uint32_t weir_pda_run_forget(weir_pda_run *run, uint32_t at, uint32_t n) {
    if (run->forgotten_for != n || run->n_forgotten < run->n_cells) {
        uint32_t cap = run->n_cells + run->n_cells / 2 + 256;
        uint32_t *grown = realloc(run->forgotten, cap * sizeof *grown);
        if (!grown) {
            run->is_out_of_memory = true;
            return WEIR_PDA_DEAD_STATE;
        }
        uint32_t n_kept = run->forgotten_for == n ? run->n_forgotten : 0;
        memset(grown + n_kept, 0, (cap - n_kept) * sizeof *grown);
        run->bytes += (cap - run->n_forgotten) * sizeof *grown;
        run->forgotten = grown;
        run->n_forgotten = cap;
        run->forgotten_for = n;
    }
    return copy_state(run, run, at, n, run->forgotten);
}

uint32_t weir_pda_run_move(weir_pda_run *to, const weir_pda_run *from, uint32_t at) {
    uint32_t *known = calloc(from->n_cells, sizeof *known);
    if (!known) {
        to->is_out_of_memory = true;
        return WEIR_PDA_DEAD_STATE;
    }
    uint32_t moved = copy_state(to, from, at, 0, known);
    free(known);
    return moved;
}
