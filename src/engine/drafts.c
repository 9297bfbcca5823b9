/*
 * drafts.c: the index of n-grams and the controller of drafts.
 *
 * All memory is taken when a lookup is opened; afterwards nothing is allocated, as drafting happens
 * inside a step.
 */
#include "engine/drafts.h"
#include "base/error.h"
#include "base/random.h"
#include <assert.h>
#include <math.h>
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

/* Before anything was measured: what more rows cost, in rows, and how often drafts hold. Rows are
 * taken for cheap, so that a first try measures them. */
static const double first_slope = 0.2;
static const double first_chance[WEIR_LOOKUP_LENGTHS] = {0.85, 0.75, 0.6, 0.45, 0.3};

/* What is known before counts as so many tries. A timeline's own tally forgets sooner than that of
 * all. */
static const double prior_tries = 3, own_fading = 0.08, common_fading = 0.02;

/* Where a step's time is known from enough of them, a surprise is mostly the machine's, and then it
 * is true of all numbers of rows. Before, good ones count most: first steps are often cold. */
enum { ENOUGH = 8 };
static const double good_weight = 0.5;
static const double machine_weight = 0.2, rows_weight = 0.01, most_surprise = 0.5;

static const double pays = 1.02; /* tokens for the time of a plain one */

/* In plain steps: what is forgiven of the debt in each step, which is what drafts may lose in the
 * long run, and what steps without them, now and then, may lose where drafts pay; the debt up to
 * which drafts are made that are expected to pay, and tries. */
static const double allowance = 0.005, most_debt = 4, most_debt_of_tries = 0.5;

/* The number of rows next below n_rows that was measured; `least` if there is none above it. */
static uint32_t measured_below(const weir_draft_record *r, uint32_t n_rows, uint32_t least) {
    uint32_t n = n_rows - 1;
    while (n > least && !(r->seconds[n] > 0))
        n--;
    return n;
}

/* Rows could be run in several steps of as many as are known. */
static double most_seconds(const weir_draft_record *r, uint32_t n_rows) {
    uint32_t n = measured_below(r, n_rows, 0);
    return n > 0 ? r->seconds[n] * n_rows / n : INFINITY;
}

/* A step that the system has interrupted says little about what steps take. */
void weir_drafts_measure(weir_draft_record *r, uint32_t n_rows, double seconds) {
    if (r->price)
        seconds = r->price(r->context, n_rows);
    if (n_rows == 0 || n_rows > WEIR_PRICED_ROWS || !(seconds > 0))
        return;
    double *known = &r->seconds[n_rows];
    uint64_t n_before = r->n_measured[n_rows]++;
    if (n_before == 0) {
        double most = most_seconds(r, n_rows);
        *known = seconds < most ? seconds : most;
        return;
    }
    double surprise = seconds / *known - 1;
    if (surprise > most_surprise)
        surprise = most_surprise;
    if (n_before >= ENOUGH)
        for (uint32_t n = 1; n <= WEIR_PRICED_ROWS; n++)
            r->seconds[n] *= 1 + machine_weight * surprise;
    double weight = 1.0 / (double)(n_before + 1);
    if (n_before < ENOUGH && surprise < 0)
        weight = good_weight;
    *known *= 1 + (weight > rows_weight ? weight : rows_weight) * surprise;
}

/* Between measured numbers of rows time is taken for linear, above the last one too. */
double weir_drafts_seconds(const weir_draft_record *r, uint32_t n_plain, uint32_t n_rows) {
    const double plain = r->seconds[n_plain];
    double seconds = r->seconds[n_rows];
    if (!(seconds > 0)) {
        uint32_t below = measured_below(r, n_rows, n_plain), above = n_rows + 1;
        while (above <= WEIR_PRICED_ROWS && !(r->seconds[above] > 0))
            above++;
        double at_below = r->seconds[below], slope = first_slope * plain / n_plain;
        if (above <= WEIR_PRICED_ROWS)
            slope = (r->seconds[above] - at_below) / (above - below);
        else if (below > n_plain)
            slope = (at_below - plain) / (below - n_plain);
        seconds = at_below + slope * (n_rows - below);
    }
    return seconds > plain ? seconds : plain; /* noise: more rows are never cheaper than few */
}

static double estimate(double before, const weir_draft_tally *t) {
    return (prior_tries * before + t->n_held) / (prior_tries + t->n_tried);
}

/* How likely the next draft of a timeline holds. */
static double chance_of(const weir_draft_record *r, const weir_draft_control *c, uint32_t length) {
    double of_all = estimate(first_chance[length], &r->tallies[length]);
    return estimate(of_all, &c->tallies[length]);
}

/* The timeline whose next draft is the likeliest to hold, as likely as *chance. NULL: none has
 * room. powers: how likely all that it was given do. */
static weir_draft_chance *likeliest(const weir_draft_record *r, weir_draft_chance *chances,
                                    uint32_t n, const uint32_t *given, const double *powers,
                                    double *chance) {
    weir_draft_chance *best = NULL;
    *chance = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!chances[i].control || given[i] == chances[i].cap)
            continue;
        double next = powers[i] * chance_of(r, chances[i].control, chances[i].length);
        if (!best || next > *chance) {
            *chance = next;
            best = &chances[i];
        }
    }
    return best;
}

/* Gives drafts, the likeliest first, up to the number where tokens for the time are most: *most, in
 * those of a step without. */
static uint32_t share_known(const weir_draft_record *r, uint32_t n_plain, uint32_t room,
                            weir_draft_chance *chances, uint32_t n, double *most) {
    weir_draft_chance *order[WEIR_LOOKUP_MOST];
    uint32_t given[WEIR_PRICED_ROWS] = {0}, n_best = 0;
    double powers[WEIR_PRICED_ROWS], tokens = n_plain, chance;
    const double plain = r->seconds[n_plain];
    *most = pays;
    for (uint32_t i = 0; i < n; i++)
        powers[i] = 1;
    for (uint32_t m = 0; m < room; m++) {
        order[m] = likeliest(r, chances, n, given, powers, &chance);
        if (!order[m])
            break;
        given[order[m] - chances]++;
        powers[order[m] - chances] = chance;
        tokens += chance;
        double seconds = weir_drafts_seconds(r, n_plain, n_plain + m + 1);
        double gain = tokens / n_plain / (seconds / plain);
        if (gain > *most && r->debt + seconds - plain <= most_debt * plain) {
            *most = gain;
            n_best = m + 1;
        }
    }
    for (uint32_t m = 0; m < n_best; m++)
        order[m]->n++;
    return n_best;
}

/* Of two that could be tried: the one whose last try held, or was longer ago. */
static bool is_sooner(const weir_draft_control *a, const weir_draft_control *b) {
    return a->is_promising != b->is_promising ? a->is_promising : a->last_try < b->last_try;
}

/* One more draft than n_given: of a timeline that has none, or, while a step of so many rows is
 * hardly known, of any. */
static uint32_t share_try(weir_draft_record *r, uint32_t n_plain, uint32_t n_given,
                          weir_draft_chance *chances, uint32_t n) {
    weir_draft_chance *chosen = NULL;
    uint32_t most = r->n_measured[n_plain + n_given + 1] < ENOUGH ? UINT32_MAX : 1;
    for (uint32_t i = 0; i < n; i++) {
        weir_draft_chance *c = &chances[i];
        if (c->control && c->n < c->cap && c->n < most &&
            (!chosen || is_sooner(c->control, chosen->control)))
            chosen = c;
    }
    if (!chosen || r->debt > most_debt_of_tries * r->seconds[n_plain])
        return 0;
    chosen->n++;
    chosen->control->last_try = ++r->n_tries;
    return 1;
}

/* What tests draft is not asked whether it pays. */
static uint32_t share_unasked(uint32_t room, weir_draft_chance *chances, uint32_t n) {
    uint32_t n_given = 0, n_left = 0;
    for (uint32_t i = 0; i < n; i++)
        n_left += !chances[i].control;
    for (uint32_t i = 0; i < n; i++) {
        if (chances[i].control)
            continue;
        uint32_t fair = (room - n_given + n_left - 1) / n_left;
        chances[i].n = chances[i].cap < fair ? chances[i].cap : fair;
        n_given += chances[i].n;
        n_left--;
    }
    return n_given;
}

void weir_drafts_share(weir_draft_record *r, uint32_t n_plain, uint32_t room,
                       weir_draft_chance *chances, uint32_t n) {
    assert(n <= n_plain && room <= WEIR_LOOKUP_MOST && n_plain + room <= WEIR_PRICED_ROWS);
    for (uint32_t i = 0; i < n; i++)
        chances[i].n = 0;
    uint32_t n_given = share_unasked(room, chances, n);
    const double plain = r->seconds[n_plain];
    if (!(plain > 0))
        return; /* a plain step is needed to compare with */
    r->token_seconds = plain / n_plain;
    r->debt = r->debt > allowance * plain ? r->debt - allowance * plain : 0;
    double gain;
    uint32_t n_known = share_known(r, n_plain, room - n_given, chances, n, &gain);
    bool is_due = r->n_since * allowance >= gain - 1;
    if (n_known > 0 && (is_due || (r->n_since > 0 && r->n_measured[n_plain] < ENOUGH))) {
        for (uint32_t i = 0; i < n; i++)
            chances[i].n = chances[i].control ? 0 : chances[i].n;
        r->n_since = 0;
        return; /* and now and then again, the more often, the less is lost by it */
    }
    r->n_since = n_known > 0 ? r->n_since + 1 : 0;
    n_given += n_known;
    if (n_given < room)
        n_given += share_try(r, n_plain, n_given, chances, n);
    r->debt += weir_drafts_seconds(r, n_plain, n_plain + n_given) - plain;
}

static void count(weir_draft_tally *t, double fading, uint32_t n_held, bool is_rejected) {
    for (uint32_t i = 0; i < n_held + is_rejected; i++) {
        t->n_tried += 1 - fading * t->n_tried;
        t->n_held += (i < n_held) - fading * t->n_held;
    }
}

void weir_drafts_judge(weir_draft_record *r, weir_draft_control *c, uint32_t length,
                       uint32_t n_taken, bool is_rejected) {
    count(&r->tallies[length], common_fading, n_taken, is_rejected);
    count(&c->tallies[length], own_fading, n_taken, is_rejected);
    double brought = n_taken * r->token_seconds;
    r->debt = r->debt > brought ? r->debt - brought : 0;
    if (n_taken > 0 || is_rejected)
        c->is_promising = n_taken > 0;
}

/* ---- both, for one timeline ----------------------------------------------------------------- */

struct weir_lookup {
    weir_lookup_options options;
    weir_ngrams grams;
    weir_draft_control control;
    weir_lookup_counts counts;
    uint32_t at, length;        /* where what may follow was found, by which n-gram */
    uint32_t n_drafts, n_taken; /* that are not judged yet; n_drafts 0: none */
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

bool weir_lookup_find(weir_lookup *l, const int32_t *tokens, uint32_t n_tokens, uint32_t cap,
                      weir_draft_chance *out) {
    *out = (weir_draft_chance){.cap = cap < l->options.most ? cap : l->options.most};
    if (l->options.propose)
        return true;
    l->at = weir_ngrams_find(&l->grams, tokens, n_tokens, &l->length);
    out->control = &l->control;
    out->length = l->length;
    return l->at != WEIR_LOOKUP_NONE;
}

uint32_t weir_lookup_draft(weir_lookup *l, const int32_t *tokens, uint32_t n_tokens,
                           int32_t *drafts, uint32_t n) {
    l->n_taken = 0;
    l->n_drafts = n;
    if (l->options.propose)
        l->n_drafts = l->options.propose(l->options.context, tokens, n_tokens, drafts, n);
    else /* a loop shorter than the draft goes round in it */
        for (uint32_t i = 0; i < n; i++)
            drafts[i] = l->at + i < n_tokens ? tokens[l->at + i] : drafts[l->at + i - n_tokens];
    return l->n_drafts;
}

void weir_lookup_ran(weir_lookup *l) {
    l->counts.n_drafts += l->n_drafts;
}

void weir_lookup_took(weir_lookup *l) {
    l->n_taken++;
    l->counts.n_taken++;
    if (l->n_taken == l->n_drafts)
        weir_lookup_end(l, false);
}

void weir_lookup_end(weir_lookup *l, bool is_rejected) {
    if (!l->options.propose && l->n_drafts > 0)
        weir_drafts_judge(l->options.record, &l->control, l->length, l->n_taken, is_rejected);
    l->n_drafts = l->n_taken = 0;
}

weir_lookup_counts weir_lookup_count(const weir_lookup *l) {
    return l->counts;
}
