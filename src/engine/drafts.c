/*
 * drafts.c: the index of n-grams and the controller of drafts.
 *
 * All memory is taken when a lookup is opened; afterwards nothing is allocated, as drafting happens
 * inside a step.
 */
#include "engine/drafts.h"
#include "base/error.h"
#include "base/random.h"
#include <stdlib.h>
#include <string.h>

/* Longest first. Between them a longer match is found as the next shorter length. */
static const uint32_t lengths[WEIR_LOOKUP_LENGTHS] = {8, 6, 4, 3, 2};

/* ---- the index ------------------------------------------------------------------------------ */

weir_status weir_ngrams_open(weir_ngrams *out, uint32_t n_ctx, weir_error *err) {
    uint64_t n = 64;
    while (n < 2 * (uint64_t)n_ctx * WEIR_LOOKUP_LENGTHS && n < UINT64_C(1) << 31)
        n *= 2;
    *out = (weir_ngrams){.n_slots = (uint32_t)n};
    out->slots = calloc(n, sizeof *out->slots);
    if (!out->slots)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "no memory for an index of %u tokens: %llu bytes", n_ctx,
                         (unsigned long long)(n * sizeof *out->slots));
    return WEIR_STATUS_OK;
}

void weir_ngrams_close(weir_ngrams *g) {
    free(g->slots);
    *g = (weir_ngrams){0};
}

void weir_ngrams_cut(weir_ngrams *g, uint32_t n_tokens) {
    if (g->n_added > n_tokens)
        g->n_added = n_tokens;
}

/* The slot of an n-gram. A newer n-gram takes the place of an older one that has the same slot. */
static uint32_t *slot_of(const weir_ngrams *g, const int32_t *gram, uint32_t n) {
    uint64_t hash = n;
    for (uint32_t i = 0; i < n; i++)
        hash = weir_mix64(hash, (uint64_t)(uint32_t)gram[i], 0);
    return &g->slots[hash & (g->n_slots - 1)];
}

static void add_grams(weir_ngrams *g, const int32_t *tokens, uint32_t end) {
    for (; g->n_added < end; g->n_added++)
        for (uint32_t i = 0; i < WEIR_LOOKUP_LENGTHS; i++)
            if (lengths[i] <= g->n_added + 1)
                *slot_of(g, tokens + g->n_added + 1 - lengths[i], lengths[i]) = g->n_added + 1;
}

uint32_t weir_ngrams_find(weir_ngrams *g, const int32_t *tokens, uint32_t n_tokens,
                          uint32_t *length) {
    if (n_tokens == 0)
        return WEIR_LOOKUP_NONE;
    add_grams(g, tokens, n_tokens - 1); /* what ends at n_tokens would only find itself */
    for (uint32_t i = 0; i < WEIR_LOOKUP_LENGTHS; i++) {
        uint32_t n = lengths[i];
        if (n >= n_tokens)
            continue;
        const int32_t *gram = tokens + n_tokens - n;
        uint32_t at = *slot_of(g, gram, n);
        if (at >= n && at < n_tokens && memcmp(tokens + at - n, gram, n * sizeof *gram) == 0) {
            *length = i;
            return at;
        }
    }
    return WEIR_LOOKUP_NONE;
}

/* ---- the controller ------------------------------------------------------------------------- */

enum {
    FIRST_PAUSE = 8,
    LONGEST_PAUSE = 512,
    MOST_SINCE = 64 /* then a plain step measures anew what a plain step takes */
};

/* Before anything was measured: what more rows cost, and how often drafts hold. Rows are taken for
 * cheap, so that a first try measures them. */
static const double first_slope = 0.2;
static const double first_chance[WEIR_LOOKUP_LENGTHS] = {0.85, 0.75, 0.6, 0.45, 0.3};

static const double pays_while_on = 1.0, pays_while_off = 1.15;
static const double time_weight = 0.15, chance_weight = 0.08, gain_weight = 0.15;

void weir_control_init(weir_draft_control *c) {
    *c = (weir_draft_control){.gain = pays_while_off, .is_on = true, .pause = FIRST_PAUSE};
    memcpy(c->chance, first_chance, sizeof first_chance);
}

/* A step that the system has interrupted says little about what steps take. */
void weir_control_measure(weir_draft_control *c, uint32_t n_rows, double seconds) {
    if (n_rows == 0 || n_rows > WEIR_LOOKUP_MOST + 1 || !(seconds > 0))
        return;
    double *known = &c->seconds[n_rows];
    if (*known > 0) {
        seconds = seconds > 2 * *known ? 2 * *known : seconds;
        *known += time_weight * (seconds - *known);
    } else {
        *known = seconds;
    }
}

/* Between measured numbers of rows the cost is taken for linear, above the last one too. */
double weir_control_cost(const weir_draft_control *c, uint32_t n_rows) {
    const double one = c->seconds[1];
    if (n_rows <= 1)
        return 1;
    if (!(one > 0))
        return 1 + first_slope * (n_rows - 1);
    if (c->seconds[n_rows] > 0)
        return c->seconds[n_rows] / one;
    uint32_t below = n_rows - 1, above = n_rows + 1;
    while (below > 1 && !(c->seconds[below] > 0))
        below--;
    while (above <= WEIR_LOOKUP_MOST + 1 && !(c->seconds[above] > 0))
        above++;
    double at_below = c->seconds[below] / one, slope = first_slope;
    if (above <= WEIR_LOOKUP_MOST + 1)
        slope = (c->seconds[above] / one - at_below) / (above - below);
    else if (below > 1)
        slope = (at_below - 1) / (below - 1);
    double cost = at_below + slope * (n_rows - below);
    return cost > 1 ? cost : 1; /* noise: more rows are never cheaper than one */
}

/* Tokens per time of a plain step, at the number of drafts where it is highest. */
static double best_gain(const weir_draft_control *c, double chance, uint32_t cap, uint32_t *best) {
    double tokens = 1, power = 1, most = 0;
    *best = 0;
    for (uint32_t n = 1; n <= cap; n++) {
        power *= chance;
        tokens += power;
        double gain = tokens / weir_control_cost(c, n + 1);
        if (gain > most) {
            most = gain;
            *best = n;
        }
    }
    return most;
}

uint32_t weir_control_choose(weir_draft_control *c, uint32_t length, uint32_t cap) {
    uint32_t n;
    if (cap == 0 || !(c->seconds[1] > 0))
        return 0; /* a plain step is needed to compare with */
    if (c->n_since >= MOST_SINCE) {
        c->n_since = 0;
        return 0;
    }
    double gain = best_gain(c, c->chance[length], cap, &n);
    c->is_probe = !(c->is_on && gain > pays_while_on);
    if (!c->is_probe) {
        c->n_since++;
        return n;
    }
    if (c->wait > 0) {
        c->wait--;
        return 0;
    }
    c->wait = c->pause;
    if (c->pause < LONGEST_PAUSE)
        c->pause *= 2;
    c->n_since++;
    return n;
}

void weir_control_judge(weir_draft_control *c, uint32_t length, uint32_t n_drafts, uint32_t n_taken,
                        bool is_rejected) {
    if (n_drafts == 0)
        return;
    double *chance = &c->chance[length];
    for (uint32_t i = 0; i < n_taken; i++)
        *chance += chance_weight * (1 - *chance);
    if (is_rejected)
        *chance -= chance_weight * *chance;
    else if (n_taken < n_drafts)
        return; /* cut off: it says nothing about the gain */
    double gain = (1 + n_taken) / weir_control_cost(c, n_drafts + 1);
    if (!c->is_on) {
        if (gain < pays_while_off)
            return;
        c->is_on = true;
        c->gain = gain < 2 ? gain : 2;
        return;
    }
    if (c->is_probe) /* nothing was expected of it */
        return;
    c->gain += gain_weight * (gain - c->gain);
    if (gain > pays_while_on && c->pause > FIRST_PAUSE)
        c->pause /= 2;
    if (c->gain < pays_while_on) {
        c->is_on = false;
        c->wait = c->pause;
    }
}

/* ---- both, for one timeline ----------------------------------------------------------------- */

struct weir_lookup {
    weir_lookup_options options;
    weir_ngrams grams;
    weir_draft_control control;
    weir_lookup_counts counts;
    uint32_t n_drafts, n_taken,
        length; /* of the drafts that are not judged yet; n_drafts 0: none */
};

weir_status weir_lookup_open(weir_lookup **out, const weir_lookup_options *options,
                             weir_error *err) {
    *out = NULL;
    if (options->most == 0 || options->most > WEIR_LOOKUP_MOST)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "lookup: %u drafts, expected 1 to %d",
                         options->most, WEIR_LOOKUP_MOST);
    weir_lookup *l = calloc(1, sizeof *l);
    if (!l)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the lookup of drafts");
    l->options = *options;
    weir_control_init(&l->control);
    weir_status status = weir_ngrams_open(&l->grams, options->n_ctx, err);
    if (status != WEIR_STATUS_OK)
        weir_lookup_close(&l);
    *out = l;
    return status;
}

void weir_lookup_close(weir_lookup **lookup) {
    if (!lookup || !*lookup)
        return;
    weir_ngrams_close(&(*lookup)->grams);
    free(*lookup);
    *lookup = NULL;
}

void weir_lookup_cut(weir_lookup *l, uint32_t n_tokens) {
    weir_ngrams_cut(&l->grams, n_tokens);
}

uint32_t weir_lookup_draft(weir_lookup *l, const int32_t *tokens, uint32_t n_tokens,
                           int32_t *drafts, uint32_t cap) {
    if (cap > l->options.most)
        cap = l->options.most;
    if (l->options.propose) {
        l->n_drafts = l->options.propose(l->options.context, tokens, n_tokens, drafts, cap);
    } else {
        uint32_t at = weir_ngrams_find(&l->grams, tokens, n_tokens, &l->length);
        l->n_drafts = at == WEIR_LOOKUP_NONE ? 0 : weir_control_choose(&l->control, l->length, cap);
        /* A loop shorter than the draft goes round in it. */
        for (uint32_t i = 0; i < l->n_drafts; i++)
            drafts[i] = at + i < n_tokens ? tokens[at + i] : drafts[at + i - n_tokens];
    }
    l->n_taken = 0;
    return l->n_drafts;
}

void weir_lookup_ran(weir_lookup *l, uint32_t n_rows, double seconds) {
    if (l->options.price)
        seconds = l->options.price(l->options.context, n_rows);
    weir_control_measure(&l->control, n_rows, seconds);
    l->counts.n_drafts += l->n_drafts;
}

void weir_lookup_took(weir_lookup *l) {
    l->n_taken++;
    l->counts.n_taken++;
    if (l->n_taken == l->n_drafts)
        weir_lookup_end(l, false);
}

void weir_lookup_end(weir_lookup *l, bool is_rejected) {
    if (!l->options.propose)
        weir_control_judge(&l->control, l->length, l->n_drafts, l->n_taken, is_rejected);
    l->n_drafts = l->n_taken = 0;
}

weir_lookup_counts weir_lookup_count(const weir_lookup *l) {
    return l->counts;
}
