/*
 * sampler.c: from logits and history to the next token.
 *
 * Owns a copy of the options and the working memory of a draw, all taken at open; the caller's
 * logits are never written. Does not own the history, and remembers nothing between draws.
 * Invariant between draws: every entry of count is 0. A draw is a function of its arguments alone:
 * sums run in a fixed order, ties go to the lower id, and the random number is a function of seed
 * and position.
 *
 * Candidates are ordered by (logit falling, id rising) and top-p, min-p and the draw only ever look
 * at a beginning of that order, so it is made lazily: a heap gives the next best when it is asked
 * for. Most draws end after a handful, where a sort would order the whole vocabulary.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "engine/sampling.h"

enum { LANES = 16 };

typedef struct candidate {
    float logit;
    int32_t id;
} candidate;

struct weir_sampler {
    weir_sampling options;
    weir_logit_bias *bias; /* [options.n_bias] */
    uint32_t n_vocab;
    float *logits;    /* [n_vocab] after bias, mask and penalties */
    candidate *order; /* [n_vocab] heap in front, what was taken from it behind, see next_best */
    double *weights;  /* [n_vocab] of what was taken, best first */
    uint32_t *count;  /* [n_vocab] occurrences in a stretch of the history, 0 between uses */
    int32_t *touched; /* [n_vocab] tokens with count > 0 */
    uint32_t n_touched;
};

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

weir_status weir_sampler_open(weir_sampler **out, const weir_model *model,
                              const weir_sampling *sampling, weir_error *err) {
    if (out == NULL || model == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_sampler_open: %s is NULL",
                         out == NULL ? "out" : "model");
    *out = NULL;
    weir_sampling defaults;
    if (sampling == NULL) {
        weir_sampling_for_model(&defaults, model, NULL);
        sampling = &defaults;
    }
    weir_model_info info;
    weir_model_get_info(model, &info);
    WEIR_TRY(weir_sampling_check(sampling, info.n_vocab, err));

    weir_sampler *s = calloc(1, sizeof *s);
    size_t n = info.n_vocab, n_bias = sampling->n_bias;
    if (s != NULL) {
        s->options = *sampling;
        s->n_vocab = info.n_vocab;
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
    free(s);
    *sampler = NULL;
}

uint32_t weir_sampler_n_vocab(const weir_sampler *sampler) {
    return sampler->n_vocab;
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

static void penalize_repetition(weir_sampler *s, const int32_t *history, size_t n_history) {
    const float penalty = s->options.repetition_penalty;
    if (penalty == 1)
        return;
    size_t n = n_history;
    if (s->options.repeat_last_n > 0 && n > s->options.repeat_last_n)
        n = s->options.repeat_last_n;
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

/* Uniform in [0, 1): the number of this position under this seed. */
static double uniform_at(uint64_t seed, uint64_t position) {
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    weir_philox(out, counter, key);
    return weir_uniform((uint64_t)out[1] << 32 | out[0]);
}

/* Softmax weight relative to the best token, whose weight is 1. */
static double weight_of(const weir_sampler *s, float logit, float best) {
    return exp(((double)logit - (double)best) / (double)s->options.temperature);
}

static int32_t draw_token(weir_sampler *s, float best, double uniform) {
    const double top_p = (double)s->options.top_p, min_p = (double)s->options.min_p;
    /* Without top-p nothing depends on what min-p removes, so the bulk goes before it is ordered.
     * The bound is a little wide: the exact test is below. */
    double least = -FLT_MAX;
    if (min_p > 0 && top_p >= 1)
        least = (double)best + (double)s->options.temperature * (log(min_p) - 1e-3) -
                1e-6 * fabs((double)best);
    const size_t n = collect(s, least, s->options.top_k);
    double total = 0; /* of all candidates, in the order in which they stand */
    if (top_p < 1 || min_p <= 0)
        for (size_t i = 0; i < n; i++)
            total += weight_of(s, s->order[i].logit, best);
    make_heap(s->order, n, false);

    /* The kept beginning of the order. With neither limit it is everything and its sum is known;
     * the loop then stops where the draw falls. */
    const bool is_limited = top_p < 1 || min_p > 0;
    double sum = 0;
    size_t n_kept = 0;
    while (n_kept < n) {
        double weight = weight_of(s, next_best(s->order, n - n_kept).logit, best);
        if (n_kept > 0 && weight < min_p)
            break;
        s->weights[n_kept++] = weight;
        sum += weight;
        if (is_limited ? top_p < 1 && sum >= top_p * total : sum > uniform * total)
            break;
    }
    const double target = uniform * (is_limited ? sum : total);
    double passed = 0;
    size_t chosen = 0;
    for (; chosen + 1 < n_kept; chosen++) {
        passed += s->weights[chosen];
        if (passed > target)
            break;
    }
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
