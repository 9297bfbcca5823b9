/*
 * watched_steps.h: a device whose steps in two halves are looked at on their way: how many were
 * begun before the one before them was waited for, and whether anything of a batch is read behind
 * its beginning, when all that may change is scribbled over. Include after cmocka's preamble.
 */
#ifndef WEIR_TESTS_WATCHED_STEPS_H
#define WEIR_TESTS_WATCHED_STEPS_H

#include "backend/backend.h"
#include <stdlib.h>
#include <string.h>

static struct {
    weir_status (*begin)(weir_backend *be, const weir_batch *batch, uint64_t *ticket,
                         weir_error *err);
    weir_status (*wait)(weir_backend *be, uint64_t ticket, weir_error *err);
    uint32_t n_open, n_steps, n_early; /* early: while another was open */
    uint32_t n_fetched;                /* rows whose token was another's draw */
} watched;

enum { WATCHED_MOST = 2048 };

/* Copies of what a batch points to. */
typedef struct watched_copies {
    void *at[WATCHED_MOST];
    size_t bytes[WATCHED_MOST];
    uint32_t n;
} watched_copies;

static inline void *watched_copy(watched_copies *c, const void *from, size_t bytes) {
    if (!from || bytes == 0)
        return NULL;
    assert_true(c->n < WATCHED_MOST);
    void *to = malloc(bytes);
    assert_non_null(to);
    memcpy(to, from, bytes);
    c->at[c->n] = to;
    c->bytes[c->n++] = bytes;
    return to;
}

static inline weir_rows *watched_chunks(watched_copies *c, const weir_batch *b) {
    weir_rows *rows = watched_copy(c, b->chunks, b->n_chunks * sizeof *rows);
    for (uint32_t i = 0; i < b->n_chunks; i++) {
        size_t n = (rows[i].first_pos + rows[i].n_rows + WEIR_PAGE_TOKENS - 1) / WEIR_PAGE_TOKENS;
        rows[i].pages = watched_copy(c, rows[i].pages, n * sizeof *rows[i].pages);
        rows[i].kept = watched_copy(c, rows[i].kept, rows[i].n_kept * sizeof *rows[i].kept);
    }
    return rows;
}

static inline const weir_draw **watched_draws(watched_copies *c, const weir_batch *b,
                                              uint32_t n_vocab) {
    size_t mask_bytes = (n_vocab + 31) / 32 * sizeof(uint32_t);
    const weir_draw **draws = watched_copy(c, b->draws, b->n_out * sizeof *draws);
    for (uint32_t i = 0; draws && i < b->n_out; i++) {
        weir_draw *d = watched_copy(c, draws[i], sizeof *d);
        draws[i] = d;
        if (!d)
            continue;
        d->mask = watched_copy(c, d->mask, mask_bytes);
        d->recent = watched_copy(c, d->recent, mask_bytes);
        d->changes = watched_copy(c, d->changes, d->n_changes * sizeof *d->changes);
    }
    return draws;
}

static inline weir_status watched_begin(weir_backend *be, const weir_batch *batch, uint64_t *ticket,
                                        weir_error *err) {
    static watched_copies c;
    weir_batch b = *batch;
    c.n = 0;
    b.tokens = watched_copy(&c, b.tokens, b.n_rows * sizeof *b.tokens);
    b.pos = watched_copy(&c, b.pos, b.n_rows * sizeof *b.pos);
    b.out_rows = watched_copy(&c, b.out_rows, b.n_out * sizeof *b.out_rows);
    b.chunks = watched_chunks(&c, batch);
    b.draws = watched_draws(&c, batch, be->model->h.n_vocab);
    weir_status status = watched.begin(be, &b, ticket, err);
    for (uint32_t i = 0; i < c.n; i++) {
        memset(c.at[i], 0xee, c.bytes[i]);
        free(c.at[i]);
    }
    if (status != WEIR_STATUS_OK)
        return status;
    assert_true(watched.n_open < 2);
    watched.n_steps++;
    watched.n_early += watched.n_open++ > 0;
    for (uint32_t r = 0; r < batch->n_rows; r++)
        watched.n_fetched += batch->tokens[r] < 0;
    return WEIR_STATUS_OK;
}

static inline weir_status watched_wait(weir_backend *be, uint64_t ticket, weir_error *err) {
    assert_true(watched.n_open > 0);
    watched.n_open--;
    return watched.wait(be, ticket, err);
}

/* Looks at this device, and at no other any more. */
static inline void watch_steps(weir_backend *be) {
    memset(&watched, 0, sizeof watched);
    watched.begin = be->step_begin;
    watched.wait = be->step_wait;
    be->step_begin = watched_begin;
    be->step_wait = watched_wait;
}

#endif
