/*
 * matcher.c: one text in the making: which tokens may come next, and what the one that came did.
 *
 * Owns a matcher's state and its mask, and the walk over the tree of tokens that makes masks. Does
 * not own states and steps (pda_run.c) or how long they are kept (matcher_store.c). Invariants: a
 * mask never lacks a token, since every state has a way to the end and every byte is a token; a
 * token is in the mask exactly if it is accepted.
 */
#include "base/error.h"
#include "text/grammar.h"
#include "text/matcher_store.h"
#include "text/token_tree.h"

#include <stdlib.h>
#include <string.h>

struct weir_matcher {
    const weir_grammar *grammar;
    const weir_token_tree *tree;
    weir_matcher_run *in; /* the run that `state` is a state of */
    uint32_t state;
    bool may_end, must_end, has_ended;
    bool ends_last; /* no ends were named: those of the file, where nothing else can follow */
    uint32_t *mask; /* [tree's n_words] */
    int32_t *ends;  /* [n_ends] */
    size_t n_ends;
    uint32_t *path; /* [max_bytes + 1] states along the way down the tree */
};

static void set_bit(uint32_t *mask, int32_t token) {
    mask[token / 32] |= 1u << token % 32;
}

static void clear_bit(uint32_t *mask, int32_t token) {
    mask[token / 32] &= ~(1u << token % 32);
}

static bool may_end_now(const weir_matcher *m) {
    return m->ends_last ? m->must_end : m->may_end;
}

/* ---- masks ---------------------------------------------------------------------------------- */

/* All tokens whose bytes lead from `state` to a state that lives. */
static void walk_tree(weir_matcher *m, uint32_t state, uint32_t *mask) {
    const weir_token_tree *tree = m->tree;
    weir_pda_run *run = m->in->run;
    const uint16_t *class_of = m->grammar->pda.class_of;
    m->path[0] = state;
    for (uint32_t i = 0; i < tree->n_nodes;) {
        const weir_tree_node *node = &tree->nodes[i];
        uint32_t from = m->path[node->depth - 1];
        const uint32_t *table = weir_pda_run_table(run, from);
        uint32_t symbol_class = class_of[node->byte];
        uint32_t to = table && table[symbol_class] != 0
                          ? table[symbol_class] - 1
                          : weir_pda_run_find(run, from, symbol_class);
        if (to == WEIR_PDA_DEAD_STATE) {
            i = node->skip;
            continue;
        }
        for (uint32_t t = node->first; t < node[1].first; t++)
            set_bit(mask, tree->order[t]);
        m->path[node->depth] = to;
        i++;
    }
    for (size_t i = 0; i < WEIR_TREE_MARKS; i++)
        if (tree->marks[i] >= 0 &&
            weir_pda_run_find(run, state, class_of[256 + i]) != WEIR_PDA_DEAD_STATE)
            set_bit(mask, tree->marks[i]);
}

/* The mask of a state, which is noted there. NULL without memory. */
static const uint32_t *mask_of(weir_matcher *m, uint32_t state) {
    weir_pda_run *run = m->in->run;
    uint32_t *mask = weir_pda_run_note(run, state);
    if (mask)
        return mask;
    mask = calloc(m->tree->n_words, sizeof *mask);
    if (!mask)
        return NULL;
    walk_tree(m, state, mask);
    if (!weir_pda_run_is_whole(run)) {
        free(mask);
        return NULL;
    }
    weir_pda_run_set_note(run, state, mask, m->tree->n_words * sizeof *mask);
    return mask;
}

/* Counts far from their limits do not matter to a token: states that differ in them alone have one
 * mask. Where places were dropped it may differ, so there every state has its own. */
static const uint32_t *find_mask(weir_matcher *m) {
    weir_pda_run *run = m->in->run;
    if (!weir_pda_run_has_cut(run)) {
        uint32_t state = weir_pda_run_forget(run, m->state, m->tree->max_bytes);
        const uint32_t *mask = weir_pda_run_is_whole(run) ? mask_of(m, state) : NULL;
        if (!mask || !weir_pda_run_has_cut(run))
            return mask;
    }
    return mask_of(m, m->state);
}

/* Before anything is done under the lock: into the newest run. */
static bool change_over(weir_matcher *m) {
    weir_matcher_shared *shared = m->grammar->shared;
    if (!weir_matcher_run_is_old(shared, m->in))
        return true;
    weir_matcher_run *to = weir_matcher_run_take(shared, &m->grammar->pda, m->tree->serial);
    if (!to)
        return false;
    uint32_t state = weir_pda_run_move(to->run, m->in->run, m->state);
    if (!weir_pda_run_is_whole(to->run)) {
        weir_matcher_run_leave(&to);
        return false;
    }
    weir_matcher_run_leave(&m->in);
    m->in = to;
    m->state = state;
    return true;
}

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to constrain the text");
}

weir_status weir_matcher_mask(weir_matcher *m, const uint32_t **mask, weir_error *err) {
    *mask = m->mask;
    if (m->has_ended) {
        memset(m->mask, 0, m->tree->n_words * sizeof *m->mask);
    } else {
        weir_matcher_lock(m->grammar->shared);
        const uint32_t *found = change_over(m) ? find_mask(m) : NULL;
        if (found)
            memcpy(m->mask, found, m->tree->n_words * sizeof *m->mask);
        weir_matcher_unlock(m->grammar->shared);
        if (!found)
            return no_memory(err);
    }
    for (size_t i = 0; i < m->n_ends; i++) {
        if (may_end_now(m))
            set_bit(m->mask, m->ends[i]);
        else
            clear_bit(m->mask, m->ends[i]);
    }
    return WEIR_STATUS_OK;
}

/* ---- tokens --------------------------------------------------------------------------------- */

static bool is_end(const weir_matcher *m, int32_t token) {
    for (size_t i = 0; i < m->n_ends; i++)
        if (m->ends[i] == token)
            return true;
    return false;
}

/* The state behind the token: the dead one if it does not fit. */
static uint32_t state_behind(const weir_matcher *m, int32_t token) {
    const weir_token_tree *tree = m->tree;
    weir_pda_run *run = m->in->run;
    for (size_t i = 0; i < WEIR_TREE_MARKS; i++)
        if (tree->marks[i] == token)
            return weir_pda_run_step(run, m->state, (uint32_t)(256 + i));
    uint32_t at = tree->starts[token], end = tree->starts[token + 1], state = m->state;
    if (at == end)
        return WEIR_PDA_DEAD_STATE;
    for (; at < end && state != WEIR_PDA_DEAD_STATE; at++)
        state = weir_pda_run_step(run, state, (uint8_t)tree->bytes[at]);
    return state;
}

static void enter(weir_matcher *m, uint32_t state) {
    m->state = state;
    m->may_end = weir_pda_run_may_end(m->in->run, state);
    m->must_end = weir_pda_run_must_end(m->in->run, state);
}

static weir_status refuse_token(const weir_matcher *m, int32_t token, weir_error *err) {
    const weir_token_tree *tree = m->tree;
    bool is_known = token >= 0 && (uint32_t)token < tree->n_tokens;
    uint32_t start = is_known ? tree->starts[token] : 0;
    uint32_t n = is_known ? tree->starts[token + 1] - start : 0;
    return weir_fail(err, WEIR_STATUS_FAILED,
                     "token %d \"%.*s\" is not allowed by the grammar here", token,
                     (int)(n < 40 ? n : 40), is_known ? tree->bytes + start : "");
}

weir_status weir_matcher_accept(weir_matcher *m, int32_t token, weir_error *err) {
    if (token < 0 || (uint32_t)token >= m->tree->n_tokens)
        return refuse_token(m, token, err);
    if (is_end(m, token)) {
        if (!may_end_now(m))
            return refuse_token(m, token, err);
        m->has_ended = m->must_end = true;
        return WEIR_STATUS_OK;
    }
    if (m->has_ended)
        return refuse_token(m, token, err);
    weir_matcher_lock(m->grammar->shared);
    bool is_good = change_over(m);
    uint32_t state = is_good ? state_behind(m, token) : WEIR_PDA_DEAD_STATE;
    is_good = is_good && weir_pda_run_is_whole(m->in->run);
    if (is_good && state != WEIR_PDA_DEAD_STATE)
        enter(m, state);
    weir_matcher_unlock(m->grammar->shared);
    if (!is_good)
        return no_memory(err);
    return state == WEIR_PDA_DEAD_STATE ? refuse_token(m, token, err) : WEIR_STATUS_OK;
}

bool weir_matcher_may_end(const weir_matcher *m) {
    return m->may_end;
}

bool weir_matcher_must_end(const weir_matcher *m) {
    return m->must_end;
}

/* ---- open and close ------------------------------------------------------------------------- */

static weir_status take_ends(weir_matcher *m, const int32_t *ends, size_t n_ends, weir_error *err) {
    for (size_t i = 0; i < n_ends; i++)
        if (ends[i] < 0 || (uint32_t)ends[i] >= m->tree->n_tokens)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "token %d that ends the text is not in the vocabulary", ends[i]);
    if (n_ends == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "no token ends the text, expected at least one");
    m->ends = malloc(n_ends * sizeof *m->ends);
    if (!m->ends)
        return no_memory(err);
    memcpy(m->ends, ends, n_ends * sizeof *ends);
    m->n_ends = n_ends;
    return WEIR_STATUS_OK;
}

static weir_pda_start start_of(const weir_token_tree *tree, const weir_matcher_options *options) {
    bool has_marks = tree->marks[0] >= 0 && tree->marks[1] >= 0;
    if (options->starts_in_reasoning)
        return has_marks ? WEIR_PDA_REASONING : WEIR_PDA_REASONING_BYTES;
    return has_marks ? WEIR_PDA_PLAIN : WEIR_PDA_BYTES;
}

static weir_status begin(weir_matcher *m, const weir_matcher_options *options, weir_error *err) {
    m->ends_last = options->n_ends == 0;
    if (!m->ends_last)
        WEIR_TRY(take_ends(m, options->ends, options->n_ends, err));
    else
        WEIR_TRY(take_ends(m, m->tree->ends, m->tree->n_ends, err));
    m->mask = malloc(m->tree->n_words * sizeof *m->mask);
    m->path = malloc((m->tree->max_bytes + (size_t)1) * sizeof *m->path);
    if (!m->mask || !m->path)
        return no_memory(err);
    weir_matcher_shared *shared = m->grammar->shared;
    weir_matcher_lock(shared);
    m->in = weir_matcher_run_take(shared, &m->grammar->pda, m->tree->serial);
    if (m->in)
        enter(m, weir_pda_run_start(m->in->run, start_of(m->tree, options)));
    bool is_good = m->in && weir_pda_run_is_whole(m->in->run);
    weir_matcher_unlock(shared);
    return is_good ? WEIR_STATUS_OK : no_memory(err);
}

weir_status weir_matcher_open(weir_matcher **out, const weir_grammar *grammar,
                              const weir_token_tree *tree, const weir_matcher_options *options,
                              weir_error *err) {
    static const weir_matcher_options defaults;
    *out = NULL;
    weir_matcher *m = calloc(1, sizeof *m);
    if (!m)
        return no_memory(err);
    m->grammar = grammar;
    m->tree = tree;
    weir_status status = begin(m, options ? options : &defaults, err);
    if (status != WEIR_STATUS_OK)
        weir_matcher_close(&m);
    *out = m;
    return status;
}

void weir_matcher_close(weir_matcher **matcher) {
    weir_matcher *m = matcher ? *matcher : NULL;
    if (!m)
        return;
    weir_matcher_lock(m->grammar->shared);
    weir_matcher_run_leave(&m->in);
    weir_matcher_unlock(m->grammar->shared);
    free(m->mask);
    free(m->path);
    free(m->ends);
    free(m);
    *matcher = NULL;
}
