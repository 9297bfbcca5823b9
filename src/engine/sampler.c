/*
 * sampler.c: from logits and history to the next token.
 *
 * Owns a copy of the options and the working memory of a draw, all taken at open but for that of
 * plans; the caller's logits are never written. Does not own the history, and remembers nothing
 * between draws. Invariant between draws: every entry of count is 0. A draw is a function of its
 * arguments alone: weights are whole numbers, whose sums have no order (base/softmax_weight.h),
 * ties go to the lower id, and the random number is a function of seed and position. So a device
 * may draw instead (weir_sampler_plan): in an order of its own it comes to the same token.
 *
 * Candidates are ordered by (logit falling, id rising) and top-p, min-p and the draw only ever look
 * at a beginning of that order, so it is made lazily: a heap gives the next best when it is asked
 * for. Most draws end after a handful, where a sort would order the whole vocabulary.
 */
#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "base/softmax_weight.h"
#include "engine/sampling.h"

enum { LANES = 16 };

typedef struct candidate {
    float logit;
    int32_t id;
} candidate;

struct weir_sampler {
    weir_sampling options;
    weir_logit_bias *bias; /* [options.n_bias] */
    bool has_twins;        /* two of them are for one token */
    double scale;          /* log2(e) / temperature; 0: greedy */
    double span;           /* how far below the best min-p lets a logit be; INFINITY: any */
    uint32_t n_vocab;
    uint64_t number;
    float *logits;     /* [n_vocab] after bias, mask and penalties */
    candidate *order;  /* [n_vocab] heap in front, what was taken from it behind, see next_best */
    uint64_t *weights; /* [n_vocab] of what was taken, best first */
    uint32_t *count;   /* [n_vocab] occurrences in a stretch of the history, 0 between uses */
    int32_t *touched;  /* [n_vocab] tokens with count > 0 */
    uint32_t n_touched;
    /* of plans; NULL until there is one: most devices do not draw */
    uint32_t *recent;          /* [n_vocab] bits */
    weir_draw_change *changes; /* [WEIR_DRAW_CHANGES] */
};

static atomic_uint_fast64_t n_opened; /* samplers, by all threads */

/* ---- options -------------------------------------------------------------------------------- */

void weir_sampling_neutral(weir_sampling *out) {
    *out = (weir_sampling){.top_p = 1, .repetition_penalty = 1};
}

static weir_status out_of_range(const char *field, double value, const char *expected,
                                weir_error *err) {
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "sampling: %s is %g, expected %s", field, value,
                     expected);
}

/* Comparisons are written so that NaN fails. */
weir_status weir_sampling_check(const weir_sampling *s, uint32_t n_vocab, weir_error *err) {
    if (!(s->temperature >= 0 && isfinite(s->temperature)))
        return out_of_range("temperature", (double)s->temperature, "a number of at least 0", err);
    if (!(s->top_p >= 0 && s->top_p <= 1))
        return out_of_range("top_p", (double)s->top_p, "0 to 1", err);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return out_of_range("min_p", (double)s->min_p, "0 to 1", err);
    if (!(s->repetition_penalty > 0 && isfinite(s->repetition_penalty)))
        return out_of_range("repetition_penalty", (double)s->repetition_penalty, "a number above 0",
                            err);
    if (!isfinite(s->presence_penalty))
        return out_of_range("presence_penalty", (double)s->presence_penalty, "a number", err);
    if (!isfinite(s->frequency_penalty))
        return out_of_range("frequency_penalty", (double)s->frequency_penalty, "a number", err);
    if (s->n_bias > 0 && s->bias == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "sampling: n_bias is %zu, but bias is NULL",
                         s->n_bias);
    for (size_t i = 0; i < s->n_bias; i++) {
        int32_t token = s->bias[i].token;
        if (token < 0 || (uint32_t)token >= n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "sampling: bias of token %d, the vocabulary has %u", token, n_vocab);
        /* Minus infinity forbids a token; plus infinity has no softmax. */
        if (!(s->bias[i].bias <= FLT_MAX))
            return out_of_range("bias", (double)s->bias[i].bias, "a number", err);
    }
    return WEIR_STATUS_OK;
}

/* ---- open and close ------------------------------------------------------------------------- */

static size_t words_for(size_t n_bits) {
    return (n_bits + 31) / 32;
}

/* What follows from the options alone. */
static void prepare(weir_sampler *s) {
    const weir_sampling *o = &s->options;
    s->scale = o->temperature > 0 ? WEIR_LOG2_E / (double)o->temperature : 0;
    s->span = o->min_p > 0 ? (double)o->temperature * -log((double)o->min_p) : INFINITY;
    for (size_t i = 0; i < o->n_bias; i++)
        s->has_twins |= s->count[o->bias[i].token]++ > 0;
    for (size_t i = 0; i < o->n_bias; i++)
        s->count[o->bias[i].token] = 0;
}

weir_status weir_sampler_open_for(weir_sampler **out, uint32_t n_vocab,
                                  const weir_sampling *sampling, weir_error *err) {
    *out = NULL;
    WEIR_TRY(weir_sampling_check(sampling, n_vocab, err));
    weir_sampler *s = calloc(1, sizeof *s);
    size_t n = n_vocab, n_bias = sampling->n_bias;
    if (s != NULL) {
        s->options = *sampling;
        s->n_vocab = n_vocab;
        s->number = 1 + atomic_fetch_add(&n_opened, 1);
        s->bias = calloc(n_bias > 0 ? n_bias : 1, sizeof *s->bias);
        s->logits = calloc(n, sizeof *s->logits);
        s->order = calloc(n, sizeof *s->order);
        s->weights = calloc(n, sizeof *s->weights);
        s->count = calloc(n, sizeof *s->count);
        s->touched = calloc(n, sizeof *s->touched);
    }
    if (s == NULL || s->bias == NULL || s->logits == NULL || s->order == NULL ||
        s->weights == NULL || s->count == NULL || s->touched == NULL) {
        weir_sampler_close(&s);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sampler of %zu tokens", n);
    }
    if (n_bias > 0)
        memcpy(s->bias, sampling->bias, n_bias * sizeof *s->bias);
    s->options.bias = s->bias;
    prepare(s);
    *out = s;
    return WEIR_STATUS_OK;
}

void weir_sampler_close(weir_sampler **sampler) {
    if (sampler == NULL || *sampler == NULL)
        return;
    weir_sampler *s = *sampler;
    free(s->bias);
    free(s->logits);
    free(s->order);
    free(s->weights);
    free(s->count);
    free(s->touched);
    free(s->recent);
    free(s->changes);
    free(s);
    *sampler = NULL;
}

uint32_t weir_sampler_n_vocab(const weir_sampler *sampler) {
    return sampler->n_vocab;
}

uint64_t weir_sampler_number(const weir_sampler *sampler) {
    return sampler->number;
}

/* ---- logits --------------------------------------------------------------------------------- */

/* Arithmetic on huge logits may overflow; the largest float keeps the order and has a softmax. */
static float not_infinite(float logit) {
    return logit > FLT_MAX ? FLT_MAX : logit;
}

/* Whole lanes first: a loop of fixed length without exits becomes vector code. */
static bool are_numbers(const float *x, size_t n) {
    unsigned is_bad[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            is_bad[k] |= !(x[i + k] <= FLT_MAX); /* NaN or plus infinity */
    for (; i < n; i++)
        is_bad[0] |= !(x[i] <= FLT_MAX);
    for (size_t k = 1; k < LANES; k++)
        is_bad[0] |= is_bad[k];
    return is_bad[0] == 0;
}

static float largest(const float *x, size_t n) {
    float most[LANES];
    for (size_t k = 0; k < LANES; k++)
        most[k] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
    for (; i < n; i++)
        most[0] = x[i] > most[0] ? x[i] : most[0];
    for (size_t k = 1; k < LANES; k++)
        most[0] = most[k] > most[0] ? most[k] : most[0];
    return most[0];
}

static weir_status take_logits(weir_sampler *s, const float *logits, const uint32_t *mask,
                               weir_error *err) {
    if (!are_numbers(logits, s->n_vocab)) {
        uint32_t bad = 0;
        while (logits[bad] <= FLT_MAX)
            bad++;
        return weir_fail(err, WEIR_STATUS_FAILED, "the logit of token %u is %g, expected a number",
                         bad, (double)logits[bad]);
    }
    memcpy(s->logits, logits, s->n_vocab * sizeof *logits);
    for (size_t i = 0; i < s->options.n_bias; i++) {
        float *logit = &s->logits[s->bias[i].token];
        *logit = not_infinite(*logit + s->bias[i].bias);
    }
    for (uint32_t i = 0; mask != NULL && i < s->n_vocab; i++)
        if ((mask[i / 32] >> (i % 32) & 1u) == 0)
            s->logits[i] = -INFINITY;
    return WEIR_STATUS_OK;
}

static void count_tokens(weir_sampler *s, const int32_t *tokens, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s->count[tokens[i]]++ == 0)
            s->touched[s->n_touched++] = tokens[i];
}

static void clear_counts(weir_sampler *s) {
    for (uint32_t i = 0; i < s->n_touched; i++)
        s->count[s->touched[i]] = 0;
    s->n_touched = 0;
}

/* Tokens at the end of the history that the repetition penalty sees. */
static size_t n_recent(const weir_sampler *s, size_t n_history) {
    size_t last = s->options.repeat_last_n;
    return last > 0 && last < n_history ? last : n_history;
}

static void penalize_repetition(weir_sampler *s, const int32_t *history, size_t n_history) {
    const float penalty = s->options.repetition_penalty;
    if (penalty == 1)
        return;
    size_t n = n_recent(s, n_history);
    count_tokens(s, history + (n_history - n), n);
    for (uint32_t i = 0; i < s->n_touched; i++) {
        float *logit = &s->logits[s->touched[i]];
        *logit = not_infinite(*logit > 0 ? *logit / penalty : *logit * penalty);
    }
    clear_counts(s);
}

static void penalize_answer(weir_sampler *s, const int32_t *answer, size_t n_answer) {
    const float presence = s->options.presence_penalty, frequency = s->options.frequency_penalty;
    if (presence == 0 && frequency == 0)
        return;
    count_tokens(s, answer, n_answer);
    for (uint32_t i = 0; i < s->n_touched; i++) {
        int32_t token = s->touched[i];
        float *logit = &s->logits[token];
        if (*logit >= -FLT_MAX) /* a forbidden token stays forbidden, whatever is subtracted */
            *logit = not_infinite(*logit - presence - frequency * (float)s->count[token]);
    }
    clear_counts(s);
}

/* ---- order ---------------------------------------------------------------------------------- */

static bool is_before(candidate a, candidate b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/* Moves heap[at] down until no child belongs above it. On top: the best, or with is_worst_first
 * the worst. */
static void sift_down(candidate *heap, size_t n, size_t at, bool is_worst_first) {
    candidate moved = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && is_before(heap[child + 1], heap[child]) != is_worst_first)
            child++;
        if (is_before(heap[child], moved) == is_worst_first)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void make_heap(candidate *heap, size_t n, bool is_worst_first) {
    for (size_t i = n / 2; i-- > 0;)
        sift_down(heap, n, i, is_worst_first);
}

/* Takes the best of a heap of n, which becomes one of n - 1, and puts it behind it: after i calls
 * the i best stand at the end, the best one last. */
static candidate next_best(candidate *heap, size_t n) {
    candidate best = heap[0];
    heap[0] = heap[n - 1];
    if (n > 1)
        sift_down(heap, n - 1, 0, false);
    heap[n - 1] = best;
    return best;
}

/* The best k tokens (0: all) with a logit of at least `bound`, in no order; forbidden ones are left
 * out. Returns how many. */
static size_t collect(weir_sampler *s, double bound, size_t k) {
    const float least = bound > -FLT_MAX ? (float)bound : -FLT_MAX;
    candidate *order = s->order;
    size_t n = 0;
    uint32_t i = 0;
    if (k == 0 || k > s->n_vocab)
        k = s->n_vocab;
    for (; i < s->n_vocab && n < k; i++)
        if (s->logits[i] >= least)
            order[n++] = (candidate){s->logits[i], (int32_t)i};
    if (i == s->n_vocab)
        return n;
    /* The ids rise, so one that is equal to the worst stands behind it. */
    make_heap(order, k, true);
    for (; i < s->n_vocab; i++) {
        if (s->logits[i] > order[0].logit) {
            order[0] = (candidate){s->logits[i], (int32_t)i};
            sift_down(order, k, 0, true);
        }
    }
    return k;
}

/* ---- draw ----------------------------------------------------------------------------------- */

/* The first token with this logit, which one has. */
static int32_t first_with(const weir_sampler *s, float logit) {
    uint32_t i = 0;
    while (s->logits[i] != logit)
        i++;
    return (int32_t)i;
}

/* Of 2^53: the number of this position under this seed. */
static uint64_t uniform_at(uint64_t seed, uint64_t position) {
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    weir_philox(out, counter, key);
    return ((uint64_t)out[1] << 32 | out[0]) >> 11;
}

static double distance_of(float logit, float best) {
    return (double)best - (double)logit;
}

static uint64_t weight_of(const weir_sampler *s, float logit, float best) {
    return weir_softmax_weight(distance_of(logit, best) * s->scale);
}

static uint64_t weigh_all(const weir_sampler *s, size_t n, float best) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weight_of(s, s->order[i].logit, best);
    return sum;
}

static int32_t draw_token(weir_sampler *s, float best, uint64_t uniform) {
    const bool has_top_p = s->options.top_p < 1, is_limited = has_top_p || s->span < INFINITY;
    /* What weighs nothing is not drawn, and without top-p nothing depends on what min-p removes: it
     * goes before the rest is ordered. The bound is a little wide: the exact test is below. */
    double reach = WEIR_WEIGHT_REACH / s->scale;
    if (!has_top_p && s->span < reach)
        reach = s->span;
    const size_t n =
        collect(s, (double)best - 1.001 * reach - 1e-6 * fabs((double)best), s->options.top_k);
    const uint64_t total = has_top_p || !is_limited ? weigh_all(s, n, best) : 0;
    make_heap(s->order, n, false);

    /* The kept beginning of the order. With neither limit it is everything and its sum is known;
     * the loop then stops where the draw falls. */
    uint64_t target = is_limited ? 0 : weir_softmax_share(uniform, total), enough = UINT64_MAX;
    if (has_top_p)
        enough = (uint64_t)ceil((double)s->options.top_p * (double)total);
    else if (!is_limited)
        enough = target + 1;
    uint64_t sum = 0;
    size_t n_kept = 0;
    while (n_kept < n) {
        float logit = next_best(s->order, n - n_kept).logit;
        if (n_kept > 0 && distance_of(logit, best) > s->span)
            break;
        s->weights[n_kept] = weight_of(s, logit, best);
        sum += s->weights[n_kept++];
        if (sum >= enough)
            break;
    }
    if (is_limited)
        target = weir_softmax_share(uniform, sum);
    size_t chosen = 0;
    for (uint64_t passed = s->weights[0]; passed <= target; passed += s->weights[chosen])
        chosen++; /* the target is below the sum of all that are kept */
    return s->order[n - 1 - chosen].id;
}

weir_status weir_sampler_draw(weir_sampler *sampler, const float *logits, const int32_t *history,
                              size_t n_history, size_t n_prompt, const uint32_t *mask,
                              int32_t *token, weir_error *err) {
    weir_sampler *s = sampler;
    if (s == NULL || logits == NULL || token == NULL || (history == NULL && n_history > 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_sampler_draw: an argument is NULL");
    if (n_prompt > n_history)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "weir_sampler_draw: a prompt of %zu tokens in a history of %zu", n_prompt,
                         n_history);
    for (size_t i = 0; i < n_history; i++)
        if (history[i] < 0 || (uint32_t)history[i] >= s->n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "weir_sampler_draw: history holds token %d, the vocabulary has %u",
                             history[i], s->n_vocab);
    WEIR_TRY(take_logits(s, logits, mask, err));
    if (n_history > 0) {
        penalize_repetition(s, history, n_history);
        penalize_answer(s, history + n_prompt, n_history - n_prompt);
    }
    const float best = largest(s->logits, s->n_vocab);
    if (best < -FLT_MAX)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "no token is allowed: mask, bias and logits "
                         "forbid all of the vocabulary");
    *token = s->options.temperature > 0
                 ? draw_token(s, best, uniform_at(s->options.seed, n_history))
                 : first_with(s, best);
    return WEIR_STATUS_OK;
}

/* ---- plans: what a device is told ----------------------------------------------------------- */

/* Tokens with a bias, and those of the answer if that is penalized. Twins have been seen to. False:
 * there are too many, with one that is not known yet. */
static bool list_changes(weir_sampler *s, const int32_t *answer, size_t n_answer, bool lacks_last,
                         uint32_t *n_out) {
    bool is_penalized = s->options.presence_penalty != 0 || s->options.frequency_penalty != 0;
    uint32_t n = 0, most = WEIR_DRAW_CHANGES - (is_penalized && lacks_last);
    if (s->options.n_bias > most)
        return false;
    if (is_penalized)
        count_tokens(s, answer, n_answer);
    for (size_t i = 0; i < s->options.n_bias; i++) {
        int32_t token = s->bias[i].token;
        s->changes[n++] =
            (weir_draw_change){.token = token, .bias = s->bias[i].bias, .count = s->count[token]};
        s->count[token] = 0;
    }
    bool is_whole = true;
    for (uint32_t i = 0; i < s->n_touched && is_whole; i++) {
        int32_t token = s->touched[i];
        if (s->count[token] == 0)
            continue;
        is_whole = n < most;
        if (is_whole)
            s->changes[n++] = (weir_draw_change){.token = token, .count = s->count[token]};
    }
    clear_counts(s);
    *n_out = n;
    return is_whole;
}

/* Bits of the tokens under the repetition penalty, but for those of the changes, which say it
 * themselves. */
static const uint32_t *mark_recent(weir_sampler *s, const int32_t *history, size_t n_history,
                                   bool lacks_last, uint32_t n_changes) {
    if (s->options.repetition_penalty == 1)
        return NULL;
    memset(s->recent, 0, words_for(s->n_vocab) * sizeof *s->recent);
    for (size_t i = n_history + lacks_last - n_recent(s, n_history + lacks_last); i < n_history;
         i++)
        s->recent[history[i] / 32] |= UINT32_C(1) << (history[i] % 32);
    for (uint32_t i = 0; i < n_changes; i++) {
        weir_draw_change *c = &s->changes[i];
        c->is_recent = s->recent[c->token / 32] >> (c->token % 32) & 1u;
        s->recent[c->token / 32] &= ~(UINT32_C(1) << (c->token % 32));
    }
    return s->recent;
}

static bool take_plan_memory(weir_sampler *s) {
    if (s->recent == NULL)
        s->recent = calloc(words_for(s->n_vocab), sizeof *s->recent);
    if (s->changes == NULL)
        s->changes = calloc(WEIR_DRAW_CHANGES, sizeof *s->changes);
    return s->recent != NULL && s->changes != NULL;
}

static bool plan_draw(weir_sampler *s, const int32_t *history, size_t n_history, size_t n_prompt,
                      bool lacks_last, const uint32_t *mask, weir_draw *out) {
    const weir_sampling *o = &s->options;
    uint32_t n_changes, top_k = o->top_k < s->n_vocab ? o->top_k : 0;
    if (s->has_twins || top_k > WEIR_DRAW_LIST || !take_plan_memory(s) ||
        !list_changes(s, history + n_prompt, n_history - n_prompt, lacks_last, &n_changes))
        return false;
    *out = (weir_draw){.scale = s->scale,
                       .span = s->span,
                       .uniform = uniform_at(o->seed, n_history + lacks_last),
                       .top_p = o->top_p,
                       .top_k = top_k,
                       .repetition = o->repetition_penalty,
                       .presence = o->presence_penalty,
                       .frequency = o->frequency_penalty,
                       .mask = mask,
                       .recent = mark_recent(s, history, n_history, lacks_last, n_changes),
                       .changes = s->changes,
                       .n_changes = n_changes,
                       .lacks_last = lacks_last};
    return true;
}

bool weir_sampler_plan(weir_sampler *s, const int32_t *history, size_t n_history, size_t n_prompt,
                       const uint32_t *mask, weir_draw *out) {
    return plan_draw(s, history, n_history, n_prompt, false, mask, out);
}

bool weir_sampler_plan_ahead(weir_sampler *s, const int32_t *history, size_t n_history,
                             size_t n_prompt, weir_draw *out) {
    return plan_draw(s, history, n_history, n_prompt, true, NULL, out);
}
