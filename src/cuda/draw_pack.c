/* draw_pack.c: see draw_pack.h. Owns nothing. Invariant: layout() alone says where a list is. */
#include "cuda/draw_pack.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

typedef struct lists {
    weir_cuda_draw *draws;
    weir_draw_change *changes;
    uint32_t *bits;
} lists;

typedef struct counts {
    size_t n_draws, n_changes, n_bits; /* bits: of the whole vocabulary */
} counts;

static size_t words_for(uint32_t n_vocab) {
    return ((size_t)n_vocab + 31) / 32;
}

static lists layout(weir_arena *arena, const counts *n, uint32_t n_vocab) {
    lists l;
    l.draws = weir_arena_take_array(arena, n->n_draws, sizeof *l.draws);
    l.changes = weir_arena_take_array(arena, n->n_changes, sizeof *l.changes);
    l.bits = weir_arena_take_array(arena, n->n_bits, words_for(n_vocab) * sizeof *l.bits);
    return l;
}

size_t weir_cuda_draw_bytes(uint32_t n_vocab, uint32_t n) {
    counts most = {
        .n_draws = n, .n_changes = (size_t)n * WEIR_DRAW_CHANGES, .n_bits = (size_t)n * 2};
    weir_arena measure = {0};
    layout(&measure, &most, n_vocab);
    return measure.used;
}

/* Changes that the device may make of it: one more where a penalty is for a token it adds itself.
 */
static uint32_t n_changes_of(const weir_draw *d) {
    return d->n_changes + (d->lacks_last && (d->presence != 0 || d->frequency != 0));
}

static counts count(const weir_draw *const *draws, uint32_t n_out) {
    counts n = {0};
    for (uint32_t i = 0; i < n_out; i++) {
        const weir_draw *d = draws[i];
        if (!d)
            continue;
        n.n_draws++;
        n.n_changes += n_changes_of(d);
        n.n_bits += (d->mask != NULL) + (d->recent != NULL);
    }
    return n;
}

/* Returns its number; *n counts them. */
static uint32_t add_bits(const lists *to, const uint32_t *bits, uint32_t n_vocab, uint32_t *n) {
    if (!bits)
        return WEIR_CUDA_DRAW_NO_BITS;
    size_t n_words = words_for(n_vocab);
    memcpy(to->bits + *n * n_words, bits, n_words * sizeof *bits);
    return (*n)++;
}

static uint32_t add_changes(const lists *to, const weir_draw *d, uint32_t *n) {
    uint32_t at = *n;
    if (d->n_changes > 0)
        memcpy(to->changes + at, d->changes, d->n_changes * sizeof *d->changes);
    *n += n_changes_of(d);
    return at;
}

size_t weir_cuda_draw_pack(weir_cuda_draws *out, const weir_draw *const *draws, uint32_t n_out,
                           uint32_t n_vocab, void *host, size_t capacity, uint8_t *device) {
    weir_arena at_host = {.base = host, .size = capacity},
               at_device = {.base = device, .size = capacity};
    counts n = count(draws, n_out);
    lists from = layout(&at_host, &n, n_vocab), to = layout(&at_device, &n, n_vocab);
    uint32_t n_draws = 0, n_changes = 0, n_bits = 0;
    for (uint32_t i = 0; i < n_out; i++) {
        const weir_draw *d = draws[i];
        if (!d)
            continue;
        from.draws[n_draws++] =
            (weir_cuda_draw){.scale = d->scale,
                             .span = d->span,
                             .uniform = d->uniform,
                             .top_p = d->top_p,
                             .repetition = d->repetition,
                             .presence = d->presence,
                             .frequency = d->frequency,
                             .top_k = d->top_k,
                             .row = i,
                             .mask_at = add_bits(&from, d->mask, n_vocab, &n_bits),
                             .recent_at = add_bits(&from, d->recent, n_vocab, &n_bits),
                             .changes_at = add_changes(&from, d, &n_changes),
                             .n_changes = d->n_changes,
                             .lacks_last = d->lacks_last,
                             .wants_logprob = d->wants_logprob,
                             .n_top = d->n_top};
    }
    assert(n_draws == n.n_draws && n_changes == n.n_changes && n_bits == n.n_bits);
    assert(at_host.used == at_device.used);
    out->n = n_draws;
    out->n_vocab = n_vocab;
    out->draws = to.draws;
    out->changes = to.changes;
    out->bits = to.bits;
    return at_host.used;
}
