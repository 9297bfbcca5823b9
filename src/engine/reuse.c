/*
 * reuse.c: what timelines take over from others that had the same beginning, and what they leave.
 *
 * Full pages are shared, from the tree or out of the store; of the page behind them, what some
 * timeline had in common is copied. The conv state is one that was left at that very token, else a
 * replay makes it. Invariant: what is taken over has the bits that running it would give, because
 * only timelines of this engine, or of one whose arithmetic is the same, are in the tree and the
 * store.
 */
#include "engine/engine.h"

#include <string.h>

static bool may_share(const weir_seq *s) {
    return s->engine->pages.has_tree && !s->is_apart && !s->is_loaded;
}

/* ---- the store ------------------------------------------------------------------------------ */

static bool store_node(weir_engine *e, uint32_t node) {
    weir_node *n = &e->pages.nodes[node];
    e->backend->page_read(e->backend, node, e->page);
    n->is_stored =
        !e->backend->failure && weir_page_store_write(e->store, n->key, n->tokens, e->page);
    return n->is_stored;
}

static bool is_unstored(const weir_node *node) {
    return node->parent != WEIR_NO_NODE && node->n_tokens == WEIR_PAGE_TOKENS && !node->is_stored;
}

uint64_t weir_engine_store_pages(weir_engine *e, uint32_t n_most) {
    bool is_failing = false; /* a full disk is asked once */
    uint32_t n_pages = e->pages.n_pages;
    for (uint32_t i = 0; i < n_pages && n_most > 0 && e->n_unstored > 0 && !is_failing; i++) {
        uint32_t node = e->next_stored;
        e->next_stored = (node + 1) % n_pages;
        if (!is_unstored(&e->pages.nodes[node]))
            continue;
        n_most--;
        is_failing = !store_node(e, node);
        e->n_unstored -= !is_failing;
    }
    return e->n_unstored;
}

void weir_node_added(weir_engine *e) {
    e->n_unstored += e->store != NULL;
}

void weir_node_forgotten(void *context, uint32_t node) {
    weir_engine *e = context;
    weir_snapshot_forget(e, node);
    if (!e->store || !is_unstored(&e->pages.nodes[node]))
        return;
    store_node(e, node);
    e->n_unstored--;
}

/* A page of the store becomes a node, which the caller holds; WEIR_NO_NODE: it is not there, or
 * there is no room, which *is_full says. */
static uint32_t fetch(weir_engine *e, uint32_t parent, const int32_t *tokens, bool *is_full) {
    weir_pages *pages = &e->pages;
    weir_page_key key = weir_prefix_key(pages, parent, tokens);
    if (!e->store || !weir_page_store_has(e->store, key))
        return WEIR_NO_NODE;
    uint32_t page = weir_engine_take_page(e);
    *is_full = page == WEIR_NO_PAGE;
    if (*is_full)
        return WEIR_NO_NODE;
    /* Giving the page up may have used e->page and the store: read only now. */
    if (!weir_page_store_read(e->store, key, tokens, e->page)) {
        weir_page_release(pages, page);
        return WEIR_NO_NODE;
    }
    e->backend->page_write(e->backend, page, e->page);
    weir_prefix_insert(pages, parent, tokens, WEIR_PAGE_TOKENS, page);
    pages->nodes[page].is_stored = true;
    return page;
}

/* ---- taking over ---------------------------------------------------------------------------- */

/* At least one token stays to be run, so that there will be logits. */
static uint32_t n_wanted(const weir_seq *s) {
    uint32_t n = s->n_tokens - 1 - s->n_kv;
    return n < WEIR_PAGE_TOKENS ? n : WEIR_PAGE_TOKENS;
}

static uint32_t last_node(const weir_seq *s) {
    return s->n_pages > 0 ? s->nodes[s->n_pages - 1] : WEIR_ROOT;
}

static void take_full_pages(weir_seq *s) {
    weir_pages *pages = &s->engine->pages;
    bool is_full = false;
    while (n_wanted(s) == WEIR_PAGE_TOKENS) {
        uint32_t parent = last_node(s);
        uint32_t node = weir_prefix_find(pages, parent, s->tokens + s->n_kv);
        if (node != WEIR_NO_NODE) {
            weir_page_share(pages, node);
        } else {
            node = fetch(s->engine, parent, s->tokens + s->n_kv, &is_full);
            if (node == WEIR_NO_NODE)
                break;
            s->reuse.n_from_store += WEIR_PAGE_TOKENS;
        }
        s->pages[s->n_pages] = s->nodes[s->n_pages] = node;
        s->n_pages++;
        s->n_kv += WEIR_PAGE_TOKENS;
    }
    if (is_full)
        s->reuse.end = WEIR_REUSE_NO_PAGES;
}

/* The first n tokens of a page as the timeline's own: a copy, or where no page is left and only the
 * tree holds it, the page itself. WEIR_NO_PAGE: neither. */
static uint32_t copy_part(weir_engine *e, uint32_t near, uint32_t n) {
    weir_pages *pages = &e->pages;
    weir_page_share(pages, near); /* it must not give way to its copy */
    uint32_t page = weir_engine_take_page(e);
    if (page == WEIR_NO_PAGE && weir_prefix_give_up(pages, near))
        return near;
    if (page != WEIR_NO_PAGE)
        e->backend->page_copy(e->backend, page, near, n);
    weir_page_release(pages, near);
    return page;
}

/* What the next page has in common with one that is there. */
static void take_part(weir_seq *s) {
    weir_engine *e = s->engine;
    uint32_t near;
    uint32_t n =
        weir_prefix_nearest(&e->pages, last_node(s), s->tokens + s->n_kv, n_wanted(s), &near);
    if (n < n_wanted(s) && s->reuse.end == WEIR_REUSE_ALL)
        s->reuse.end = WEIR_REUSE_DIFFERENT;
    const weir_snapshot *left = n > 0 ? weir_snapshot_left(e, near, s->n_kv + n) : NULL;
    /* What a replay would run anyway is no gain. */
    if (n == 0 || (!left && s->n_kv + n <= e->replay_window))
        return;
    if (left) /* before its node may leave the tree */
        e->backend->state_copy(e->backend, s->state, left->state);
    uint32_t page = copy_part(e, near, n);
    if (page == WEIR_NO_PAGE) {
        s->reuse.end = WEIR_REUSE_NO_PAGES;
        return;
    }
    s->nodes[s->n_pages] = WEIR_NO_NODE;
    s->pages[s->n_pages++] = page;
    s->n_kv += n;
    if (left)
        s->state_pos = s->n_kv;
}

/* Where a timeline ended with its page, its state may have been left. */
static void take_state_at_page_end(weir_seq *s) {
    const weir_snapshot *left =
        s->n_kv > 0 ? weir_snapshot_left(s->engine, last_node(s), s->n_kv) : NULL;
    if (!left)
        return;
    s->engine->backend->state_copy(s->engine->backend, s->state, left->state);
    s->state_pos = s->n_kv;
}

void weir_reuse_prefix(weir_seq *s) {
    s->reuse = (weir_reuse){0};
    if (!may_share(s)) {
        s->reuse.end = WEIR_REUSE_OFF;
        return;
    }
    take_full_pages(s);
    uint32_t n_full = s->n_kv;
    if (n_wanted(s) > 0)
        take_part(s);
    if (s->n_kv == n_full)
        take_state_at_page_end(s);
    s->reuse.n_tokens = s->n_kv;
    s->engine->stats.n_tokens_from_prefix += s->n_kv;
    s->engine->stats.n_tokens_from_store += s->reuse.n_from_store;
}

/* ---- leaving -------------------------------------------------------------------------------- */

/* A tail that says the beginning of a longer one is of no more use. */
static void drop_shorter(weir_pages *pages, uint32_t tail, uint32_t longer) {
    weir_node *node = &pages->nodes[tail];
    if (tail == longer || node->n_tokens == WEIR_PAGE_TOKENS || pages->refs[tail] > 1)
        return;
    weir_prefix_drop(pages, tail);
}

void weir_leave_tail(weir_seq *s) {
    weir_pages *pages = &s->engine->pages;
    uint32_t n = s->n_kv % WEIR_PAGE_TOKENS, i = s->n_kv / WEIR_PAGE_TOKENS;
    if (!may_share(s) || s->n_kv == 0)
        return;
    uint32_t parent = i > 0 ? s->nodes[i - 1] : WEIR_ROOT, near;
    if (parent == WEIR_NO_NODE)
        return;
    if (n == 0) {
        weir_snapshot_leave(s, parent);
        return;
    }
    const int32_t *tokens = s->tokens + i * WEIR_PAGE_TOKENS;
    uint32_t n_same = weir_prefix_nearest(pages, parent, tokens, n, &near);
    if (n_same < n) {
        /* A page that a fork shares is left by whoever closes last. */
        if (s->nodes[i] != WEIR_NO_NODE || pages->refs[s->pages[i]] != 1)
            return;
        weir_prefix_insert(pages, parent, tokens, n, s->pages[i]);
        s->nodes[i] = s->pages[i];
        if (near != WEIR_NO_NODE && n_same == pages->nodes[near].n_tokens)
            drop_shorter(pages, near, s->pages[i]);
        near = s->pages[i];
    }
    weir_snapshot_leave(s, near);
}
