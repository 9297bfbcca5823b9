/*
 * step.c: one step: which rows run, on which pages and states, and what moves when it is done.
 *
 * Planning takes pages and can fail; running can only be cancelled; committing cannot fail.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/memory.h"
#include "engine/engine.h"
#include <assert.h>
#include <string.h>

/* Where the rows of seq must start so that everything from position `target` on is exact: at
 * target if the state is there, else at a snapshot, else replay_window tokens before, from zeros.
 */
static uint32_t replay_start(weir_seq *s, uint32_t target, uint32_t *state_in) {
    uint32_t window = s->engine->replay_window;
    uint32_t from = target > window ? target - window : 0;
    if (s->state_pos == target && target > 0) {
        *state_in = s->state;
        return target;
    }
    weir_snapshot *kept = weir_snapshot_find(s, from > 0 ? from : 1, target);
    *state_in = kept ? kept->state : WEIR_NO_STATE;
    return kept ? kept->pos : from;
}

/* Makes the page of position n_kv, which has tokens and is shared, the timeline's own: a copy, or
 * where no page is left and only the tree shares it, the page itself. So a timeline that was cut in
 * a full page never needs more pages than its tokens fill. */
static bool take_over_page(weir_seq *s) {
    weir_engine *e = s->engine;
    uint32_t *own = &s->pages[s->n_kv / WEIR_PAGE_TOKENS];
    uint32_t page = weir_engine_take_page(e);
    if (page != WEIR_NO_PAGE) {
        e->backend->page_copy(e->backend, page, *own, s->n_kv % WEIR_PAGE_TOKENS);
        weir_page_release(&e->pages, *own);
        *own = page;
    } else if (!weir_prefix_give_up(&e->pages, *own)) {
        return false;
    }
    s->nodes[s->n_kv / WEIR_PAGE_TOKENS] = WEIR_NO_NODE;
    return true;
}

/* Pages for positions n_kv .. n_kv + n_new - 1, as far as there are any. Returns for how many of
 * the n_new tokens there are. */
static uint32_t take_pages(weir_seq *s, uint32_t n_new) {
    weir_engine *e = s->engine;
    uint32_t n = weir_pages_for(s->n_kv + n_new);
    bool is_inside = n_new > 0 && s->n_kv % WEIR_PAGE_TOKENS > 0;
    if (is_inside && e->pages.refs[s->pages[s->n_kv / WEIR_PAGE_TOKENS]] > 1 && !take_over_page(s))
        return 0;
    while (s->n_pages < n) {
        uint32_t page = weir_engine_take_page(e);
        if (page == WEIR_NO_PAGE)
            return s->n_pages * WEIR_PAGE_TOKENS - s->n_kv;
        s->nodes[s->n_pages] = WEIR_NO_NODE;
        s->pages[s->n_pages++] = page;
    }
    return n_new;
}

static weir_status fail_pages(const weir_engine *e, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_FULL,
                     "all %u K/V pages are in use (n_pages): close or rewind a timeline",
                     e->plan.n_pages);
}

/* Gives a planned chunk its pages, or cuts it to those there are: "as many as fit" may be none. */
static weir_status place_chunk(weir_chunk_plan *plan, const weir_chunk *chunk, weir_error *err) {
    uint32_t n_fit = take_pages(plan->seq, plan->n_new);
    if (n_fit == plan->n_new)
        return WEIR_STATUS_OK;
    if (chunk->n_tokens > 0)
        return fail_pages(plan->seq->engine, err);
    plan->n_new = n_fit;
    plan->wants_last = false;
    if (n_fit == 0)
        plan->n_replay = 0;
    return WEIR_STATUS_OK;
}

/* Is the token that is to run next the draft that was run there? */
static bool is_as_drafted(const weir_seq *s) {
    return weir_ahead_at(s, 0)->token == s->tokens[s->n_kv];
}

/* Decides the rows of one chunk within the room that is left. n_new and n_replay 0: nothing. */
static weir_status plan_chunk(weir_chunk_plan *plan, const weir_chunk *chunk, uint32_t row_room,
                              uint32_t out_room, weir_error *err) {
    weir_seq *s = chunk->seq;
    uint32_t pending = s->n_tokens - s->n_kv, n_new = chunk->n_tokens;
    *plan = (weir_chunk_plan){.seq = s};
    if (n_new > pending)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "a chunk of %u tokens: %u are pending",
                         n_new, pending);
    if (row_room > 0 && out_room > 0 && weir_flight_is_right(s, chunk)) {
        plan->n_new = 1;
        plan->wants_last = plan->is_flown = s->is_landing = true;
        return WEIR_STATUS_OK;
    }
    weir_flight_drop(s);
    if (s->n_ahead > 0 && pending > 0) {
        if (is_as_drafted(s) && pending == 1 && !chunk->logits) {
            plan->n_new = 1;
            plan->wants_last = plan->is_ahead = true;
            return WEIR_STATUS_OK;
        }
        weir_ahead_drop(s, !is_as_drafted(s));
    }
    if (pending == 0) { /* only the logits may be missing */
        if (s->n_kv == 0 || s->logits_pos == s->n_kv)
            return WEIR_STATUS_OK;
        plan->start = replay_start(s, s->n_kv - 1, &plan->state_in);
    } else {
        plan->start = replay_start(s, s->n_kv, &plan->state_in);
    }
    plan->n_replay = s->n_kv - plan->start;
    uint32_t room = row_room > plan->n_replay ? row_room - plan->n_replay : 0;
    if (chunk->logits && room > out_room)
        room = out_room;
    if (n_new == 0) {
        n_new = pending < room ? pending : room;
        if (n_new > 0 && n_new == pending && out_room == 0)
            n_new--; /* its logits have no place in this step */
    }
    bool needs_out = chunk->logits || n_new == pending;
    bool has_room = plan->n_replay <= row_room && n_new <= room && !(needs_out && out_room == 0);
    if (pending > 0 && n_new == 0)
        has_room = false;
    if (!has_room) {
        if (chunk->n_tokens > 0)
            return weir_fail(err, WEIR_STATUS_FULL,
                             "a chunk of %u tokens and %u replayed: %u rows and %u logits are left "
                             "in the step (n_batch, n_out)",
                             n_new, plan->n_replay, row_room, out_room);
        plan->n_replay = 0; /* "as many as fit" are none */
        return WEIR_STATUS_OK;
    }
    plan->n_new = n_new;
    plan->wants_last = n_new == pending;
    return WEIR_STATUS_OK;
}

/* Does the chunk run the one token that is pending, and nothing else? */
static bool is_plain(const weir_chunk_plan *plan, const weir_chunk *chunk) {
    return plan->n_new == 1 && plan->n_replay == 0 && plan->wants_last && !chunk->logits;
}

static bool has_rows(const weir_chunk_plan *plan) {
    return plan->n_new + plan->n_replay > 0 && !plan->is_ahead && !plan->is_flown;
}

/* Rows of a step in which timelines that have one each do nothing but decode, and one at least
 * looks for drafts; 0: it is none. */
static uint32_t count_plain(const weir_engine *e, const weir_chunk *chunks, size_t n_chunks) {
    uint32_t n = 0;
    bool has_lookup = false;
    for (size_t i = 0; i < n_chunks; i++) {
        if (!has_rows(&e->plans[i]) && !e->plans[i].is_flown)
            continue;
        if (e->plans[i].is_flown || !is_plain(&e->plans[i], &chunks[i]))
            return 0;
        has_lookup |= chunks[i].seq->lookup != NULL;
        n++;
    }
    return has_lookup && n <= WEIR_PRICED_ROWS ? n : 0;
}

/* Places that drafts may have behind the pending token of a timeline: of those in the token's page,
 * so that they take none. */
static uint32_t draft_places(const weir_seq *s) {
    uint32_t in_page = WEIR_PAGE_TOKENS - 1 - s->n_kv % WEIR_PAGE_TOKENS;
    uint32_t in_context = s->engine->plan.n_ctx - s->n_tokens;
    return in_page < in_context ? in_page : in_context;
}

/* Timelines that only decode may run drafts behind their tokens, in what the step has left; never
 * beside prompts, whose rows are tokens that are known. n_plain: as count_plain told. Who is asked
 * first changes from step to step. */
static void add_drafts(weir_engine *e, size_t n_chunks, uint32_t n_plain, uint32_t n_out) {
    weir_draft_chance chances[WEIR_PRICED_ROWS];
    weir_chunk_plan *plans[WEIR_PRICED_ROWS];
    const uint32_t limits[] = {WEIR_PRICED_ROWS - n_plain, e->plan.n_batch - n_plain,
                               e->n_out - n_out};
    uint32_t n = 0, n_read = 0;
    for (size_t i = 0; i < n_chunks; i++)
        n_read += has_rows(&e->plans[i]) && e->plans[i].state_in != e->plans[i].seq->state;
    uint32_t room = weir_ahead_room(e, n_read);
    for (size_t i = 0; i < WEIR_COUNT(limits); i++)
        room = limits[i] < room ? limits[i] : room;
    for (size_t i = 0; i < n_chunks; i++) {
        weir_chunk_plan *plan = &e->plans[(i + e->tick) % n_chunks];
        weir_seq *s = plan->seq;
        if (has_rows(plan) && s->lookup &&
            weir_lookup_find(s->lookup, s->tokens, s->n_tokens, draft_places(s), &chances[n]))
            plans[n++] = plan;
    }
    weir_drafts_share(&e->drafts, n_plain, room, chances, n);
    for (uint32_t i = 0; i < n; i++) {
        weir_seq *s = plans[i]->seq;
        int32_t *drafts = s->tokens + s->n_tokens;
        plans[i]->n_drafts =
            weir_lookup_draft(s->lookup, s->tokens, s->n_tokens, drafts, chances[i].n);
        weir_ahead_place(s, drafts, plans[i]->n_drafts);
    }
}

/* One more row whose logits are wanted, or drawn from. Returns its number. */
static uint32_t add_out(weir_engine *e, weir_batch *batch, uint32_t row, float *logits,
                        weir_seq *drawing) {
    uint32_t i = batch->n_out++;
    e->out_rows[i] = row;
    e->out_logits[e->turn][i] = logits;
    e->out_draws[i] = drawing ? &drawing->draw : NULL;
    e->out_drawn[e->turn][i] = drawing ? &drawing->drawn : NULL;
    if (drawing)
        batch->draws = e->out_draws;
    return i;
}

/* The rows behind the one pending token: where their states and logits go; `kept` has room. */
static void add_draft_rows(weir_engine *e, weir_batch *batch, const weir_chunk_plan *plan,
                           weir_rows *rows, uint32_t *kept) {
    rows->n_kept = plan->n_drafts;
    rows->kept = kept;
    for (uint32_t i = 0; i < plan->n_drafts; i++) {
        const weir_snapshot *ahead = weir_ahead_at(plan->seq, i);
        kept[i] = rows->state_out; /* of the row before */
        rows->state_out = ahead->state;
        add_out(e, batch, rows->first_row + 1 + i, ahead->logits, NULL);
    }
}

/* Is the token behind its last row to be drawn? With a lookup logits are what drafts go by. */
static bool is_drawing(const weir_chunk_plan *plan, const weir_chunk *chunk) {
    const weir_seq *s = plan->seq;
    return s->engine->backend->can_draw && s->draw_pos == s->n_tokens && !s->lookup &&
           !chunk->logits;
}

static void add_chunk(weir_engine *e, weir_batch *batch, weir_chunk_plan *plan, float *logits,
                      uint32_t *kept) {
    weir_seq *s = plan->seq;
    uint32_t n_rows = plan->n_replay + plan->n_new + plan->n_drafts;
    weir_rows *rows = &e->rows[batch->n_chunks++];
    *rows = (weir_rows){.first_row = batch->n_rows,
                        .n_rows = n_rows,
                        .n_replay = plan->n_replay,
                        .first_pos = plan->start,
                        .pages = s->pages,
                        .state_in = plan->state_in,
                        .state_out = s->state_next,
                        .lora_scales = e->n_loras > 0 ? s->lora_scales : NULL};
    for (uint32_t i = 0; i < n_rows; i++) {
        e->row_tokens[batch->n_rows + i] = s->tokens[plan->start + i];
        e->row_pos[batch->n_rows + i] = plan->start + i;
    }
    uint32_t last = batch->n_rows + plan->n_replay + plan->n_new - 1;
    if (logits && plan->n_new > 0) {
        for (uint32_t i = 0; i < plan->n_new; i++)
            add_out(e, batch, batch->n_rows + plan->n_replay + i,
                    logits + (size_t)i * e->model->h.n_vocab, NULL);
    } else if (plan->wants_last) {
        plan->out = add_out(e, batch, last, s->logits, plan->wants_draw ? s : NULL);
    }
    add_draft_rows(e, batch, plan, rows, kept);
    batch->n_rows += n_rows;
}

/* Full pages from number first_page on become nodes of the prefix tree, if there is one; a page
 * that is there already is taken instead. */
static void grow_tree(weir_seq *s, uint32_t first_page) {
    weir_pages *pages = &s->engine->pages;
    bool grows = pages->has_tree && !s->is_loaded && !s->is_apart;
    for (uint32_t i = first_page; grows && i < s->n_kv / WEIR_PAGE_TOKENS; i++) {
        uint32_t parent = i == 0 ? WEIR_ROOT : s->nodes[i - 1];
        const int32_t *tokens = s->tokens + i * WEIR_PAGE_TOKENS;
        uint32_t node = weir_prefix_find(pages, parent, tokens);
        if (node == WEIR_NO_NODE) {
            weir_prefix_insert(pages, parent, tokens, WEIR_PAGE_TOKENS, s->pages[i]);
            weir_node_added(s->engine);
        } else if (node != s->pages[i]) {
            weir_page_share(pages, node); /* same tokens, same arithmetic, same bits */
            weir_page_release(pages, s->pages[i]);
            s->pages[i] = node;
        }
        s->nodes[i] = s->pages[i];
    }
}

/* The next draft has become a token: nothing has to run. */
static void take_ahead(weir_seq *s) {
    uint32_t first_page = s->n_kv / WEIR_PAGE_TOKENS;
    weir_ahead_take(s);
    grow_tree(s, first_page);
}

static void commit_chunk(weir_engine *e, const weir_chunk_plan *plan, weir_chunk *chunk) {
    weir_seq *s = plan->seq;
    uint32_t first_page = s->n_kv / WEIR_PAGE_TOKENS;
    chunk->n_tokens = plan->n_new;
    if (plan->n_new + plan->n_replay == 0)
        return;
    if (plan->is_ahead) {
        take_ahead(s);
        return;
    }
    if (plan->is_flown)
        weir_flight_land(s);
    uint32_t state = s->state;
    s->state = s->state_next;
    s->state_next = state;
    s->n_kv += plan->n_new;
    s->state_pos = s->n_kv;
    if (plan->wants_draw && s->drawn.token >= 0) {
        s->drawn_pos = s->n_kv;
        s->logits_pos = WEIR_NO_POS;
    } else if (plan->wants_last) {
        if (chunk->logits && plan->n_new > 0)
            memcpy(s->logits, chunk->logits + (size_t)(plan->n_new - 1) * e->model->h.n_vocab,
                   e->model->h.n_vocab * sizeof(float));
        s->logits_pos = s->n_kv;
        s->drawn_pos = WEIR_NO_POS;
    }
    if (plan->wants_last)
        s->draw_pos = WEIR_NO_POS;
    grow_tree(s, first_page);
    if (plan->wants_last && plan->n_new > 1)
        weir_snapshot_take(s); /* the end of a prompt */
    e->stats.n_rows += plan->n_replay + plan->n_new + plan->n_drafts;
    e->stats.n_rows_replayed += plan->n_replay;
}

static void commit(weir_engine *e, weir_chunk *chunks, size_t n_chunks) {
    for (uint32_t i = 0; i < n_chunks; i++) {
        commit_chunk(e, &e->plans[i], &chunks[i]);
        if (e->plans[i].flies)
            weir_flight_leave(chunks[i].seq, i);
    }
}

/* Makes the batch of what is planned. */
static void fill_batch(weir_engine *e, weir_batch *batch, const weir_chunk *chunks,
                       size_t n_chunks) {
    uint32_t n_kept = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        weir_chunk_plan *plan = &e->plans[i];
        plan->wants_draw = plan->wants_last && is_drawing(plan, &chunks[i]);
        if (!has_rows(plan))
            continue;
        add_chunk(e, batch, plan, chunks[i].logits, e->kept_states + n_kept);
        n_kept += plan->n_drafts;
    }
}

/* The step has run and took so long. */
static void measure(weir_engine *e, size_t n_chunks, uint32_t n_rows, double seconds) {
    weir_drafts_measure(&e->drafts, n_rows, seconds);
    for (size_t i = 0; i < n_chunks; i++)
        if (e->plans[i].n_drafts > 0)
            weir_lookup_ran(e->plans[i].seq->lookup);
}

static weir_status check_chunks(weir_engine *e, const weir_chunk *chunks, size_t n_chunks,
                                weir_error *err) {
    if (n_chunks > e->plan.n_seqs)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%zu chunks: the engine has %u timelines",
                         n_chunks, e->plan.n_seqs);
    uint64_t step = ++e->tick;
    for (size_t i = 0; i < n_chunks; i++) {
        if (!chunks[i].seq || chunks[i].seq->engine != e)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "chunk %zu: its timeline is not of this engine", i);
        if (chunks[i].seq->step == step)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "chunk %zu: its timeline stands in an earlier chunk too", i);
        chunks[i].seq->step = step;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_engine_step(weir_engine *e, weir_chunk *chunks, size_t n_chunks, weir_error *err) {
    weir_batch batch = {.tokens = e->row_tokens,
                        .pos = e->row_pos,
                        .chunks = e->rows,
                        .out_rows = e->out_rows,
                        .logits = e->out_logits[e->turn],
                        .drawn = e->out_drawn[e->turn],
                        .observer = e->observer.take ? &e->observer : NULL,
                        .cancel = &e->cancel};
    weir_status status;
    size_t n_planned = 0;
    uint32_t n_rows = 0, n_out = 0; /* that are planned */
    bool is_short = false;          /* pages ran out */
    uint32_t n_flown = 0; /* chunks that have run before; a step has no more room for that */
    WEIR_TRY(check_chunks(e, chunks, n_chunks, err));
    weir_guard_enter();
    for (; n_planned < n_chunks; n_planned++) {
        weir_chunk_plan *plan = &e->plans[n_planned];
        const weir_chunk *chunk = &chunks[n_planned];
        status = plan_chunk(plan, chunk, e->plan.n_batch - n_rows - n_flown,
                            e->n_out - n_out - n_flown, err);
        uint32_t n_wanted = plan->n_new;
        if (status == WEIR_STATUS_OK && !plan->is_ahead && !plan->is_flown)
            status = place_chunk(plan, chunk, err);
        if (status != WEIR_STATUS_OK) {
            weir_fail_within(err, status, "chunk %zu", n_planned++);
            goto fail;
        }
        is_short |= plan->n_new < n_wanted;
        n_flown += plan->is_flown;
        if (has_rows(plan)) {
            n_rows += plan->n_replay + plan->n_new;
            n_out += chunk->logits && plan->n_new > 0 ? plan->n_new : plan->wants_last;
        }
    }
    uint32_t n_plain = count_plain(e, chunks, n_chunks);
    if (n_plain > 0)
        add_drafts(e, n_chunks, n_plain, n_out);
    fill_batch(e, &batch, chunks, n_chunks);
    if (batch.n_rows == 0 && is_short && n_flown == 0) {
        status = fail_pages(e, err);
        goto fail;
    }
    if (batch.n_rows > 0 || n_flown > 0) {
        double start_s = n_plain > 0 ? weir_clock_s() : 0;
        status = e->backend->step_begin ? weir_flight_step(e, &batch, n_chunks, err)
                                        : weir_backend_step(e->backend, &batch, err);
        /* A request that came too late for this step stands for the next one. */
        if (status == WEIR_STATUS_CANCELLED)
            atomic_store(&e->cancel, false);
        if (status != WEIR_STATUS_OK)
            goto fail;
        if (n_plain > 0)
            measure(e, n_chunks, batch.n_rows, weir_clock_s() - start_s);
        e->stats.n_steps++;
    }
    commit(e, chunks, n_chunks);
    weir_guard_leave();
    return WEIR_STATUS_OK;
fail:
    for (size_t i = 0; i < n_planned; i++) {
        weir_ahead_drop(chunks[i].seq, false);
        weir_flight_drop(chunks[i].seq);
        weir_seq_trim_pages(chunks[i].seq, chunks[i].seq->n_kv);
    }
    weir_guard_leave();
    return status;
}

weir_status weir_seq_run(weir_seq *s, weir_error *err) {
    while (s->n_tokens > 0 && s->logits_pos != s->n_tokens && s->drawn_pos != s->n_tokens) {
        weir_chunk chunk = {.seq = s};
        WEIR_TRY(weir_engine_step(s->engine, &chunk, 1, err));
    }
    return WEIR_STATUS_OK;
}

bool weir_seq_take_guessed(weir_seq *s) {
    if (s->n_ahead == 0 || s->n_tokens - s->n_kv != 1 || !is_as_drafted(s))
        return false;
    take_ahead(s);
    return true;
}
