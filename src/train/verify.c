/*
 * verify.c: weir_train_verify: two models over the same tokens, and how far apart they are. Both
 * run as they run for a user, through weir.h, with K/V in float32 so that nothing else is compared.
 */
#include "base/error.h"
#include "train/data.h"
#include "weir_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOKENS = 2048, MOST_CONTEXT = 2048, BATCH = 64 };

/* What is read without a file: prose, questions, numbers, lists, code, other tongues. */
static const char *const sentences[] = {
    "The rain had stopped before they reached the harbour, and the boats lay still.",
    "Once upon a time there was a small mouse who wanted to see the sea. She packed a crumb of "
    "cheese, said goodbye to her brother and walked down the long road behind the mill.",
    "What is the capital of France? The capital of France is Paris.",
    "Water boils at 100 degrees Celsius at sea level; at 3000 metres it boils at about 90.",
    "1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144",
    "To make the soup: 1. Cut two onions. 2. Fry them in butter. 3. Add a litre of water and salt. "
    "4. Let it simmer for twenty minutes.",
    "def mean(values):\n    if not values:\n        return None\n    return sum(values) / "
    "len(values)\n",
    "{\"name\": \"Ada\", \"age\": 36, \"languages\": [\"English\", \"French\"]}",
    "Der Zug nach Bremen fährt heute von Gleis sieben ab. Le train pour Lyon part à midi.",
    "She said: \"If you leave now, you will be home by six.\" He did not answer.",
};

typedef struct side {
    weir_model *model;
    weir_model_info info;
    weir_lora *lora;
    weir_engine *engine;
    weir_seq *seq;
    float *logits; /* [n_batch, n_vocab] */
} side;

typedef struct comparison {
    const weir_verify_options *o;
    side a, b;
    weir_tokenizer *tokenizer;
    weir_shard *shard;
    uint32_t n_ctx, n_batch;
    uint64_t max_tokens;
    int32_t *tokens; /* [n_ctx] */
    double kl;       /* sum */
    uint64_t n_same;
    weir_verify_report report;
} comparison;

/* ---- numbers -------------------------------------------------------------------------------- */

static size_t best_of(const float *logits, uint32_t n) {
    size_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* log sum exp(logits) */
static double log_sum(const float *logits, uint32_t n, size_t best) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)logits[best]);
    return log(sum) + (double)logits[best];
}

static weir_status compare_row(comparison *c, const float *a, const float *b, weir_error *err) {
    uint32_t n = c->a.info.n_vocab;
    size_t best_a = best_of(a, n), best_b = best_of(b, n);
    double sum_a = log_sum(a, n, best_a), sum_b = log_sum(b, n, best_b), kl = 0;
    if (!isfinite(sum_a) || !isfinite(sum_b))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: a logit is no finite number",
                         isfinite(sum_a) ? c->b.info.name : c->a.info.name);
    for (uint32_t i = 0; i < n; i++) {
        double log_a = (double)a[i] - sum_a;
        kl += exp(log_a) * (log_a - ((double)b[i] - sum_b));
    }
    kl = kl > 0 ? kl : 0; /* rounding; it is never negative */
    double difference = fabs((double)a[best_a] - sum_a - ((double)b[best_a] - sum_b));
    weir_verify_report *r = &c->report;
    c->kl += kl;
    r->max_kl = kl > r->max_kl ? kl : r->max_kl;
    r->max_difference = difference > r->max_difference ? difference : r->max_difference;
    c->n_same += best_a == best_b;
    r->n_tokens++;
    return WEIR_STATUS_OK;
}

/* ---- tokens through both -------------------------------------------------------------------- */

static weir_status step_side(side *s, uint32_t n, weir_error *err) {
    weir_chunk chunk = {.seq = s->seq, .n_tokens = n, .logits = s->logits};
    return weir_engine_step(s->engine, &chunk, 1, err);
}

/* The first n of c->tokens, from an empty timeline. */
static weir_status compare_tokens(comparison *c, size_t n, weir_error *err) {
    side *sides[] = {&c->a, &c->b};
    for (size_t i = 0; i < WEIR_COUNT(sides); i++) {
        WEIR_TRY(weir_seq_rewind(sides[i]->seq, 0, err));
        WEIR_TRY(weir_seq_append(sides[i]->seq, c->tokens, n, err));
    }
    for (size_t done = 0; done < n;) {
        uint32_t run = (uint32_t)(n - done < c->n_batch ? n - done : c->n_batch);
        for (size_t i = 0; i < WEIR_COUNT(sides); i++)
            WEIR_TRY(step_side(sides[i], run, err));
        for (uint32_t i = 0; i < run; i++) {
            size_t at = (size_t)i * c->a.info.n_vocab;
            WEIR_TRY(compare_row(c, c->a.logits + at, c->b.logits + at, err));
        }
        done += run;
        const weir_progress *p = &c->o->progress;
        uint64_t n_done = c->report.n_tokens;
        if (p->report)
            p->report(p->context, "comparing", n_done < c->max_tokens ? n_done : c->max_tokens,
                      c->max_tokens);
        if (p->is_cancelled && p->is_cancelled(p->context))
            return weir_fail(err, WEIR_STATUS_CANCELLED, "cancelled");
    }
    return WEIR_STATUS_OK;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static weir_status compare_sentences(comparison *c, weir_error *err) {
    weir_encode_options encode = {.add_special = true, .no_control = true};
    for (size_t i = 0; i < WEIR_COUNT(sentences) && c->report.n_tokens < c->max_tokens; i++) {
        size_t n, left = c->max_tokens - c->report.n_tokens;
        WEIR_TRY(weir_tokenizer_encode(c->tokenizer, sentences[i], strlen(sentences[i]), &encode,
                                       c->tokens, c->n_ctx, &n, err));
        WEIR_TRY(compare_tokens(c, least(least(n, c->n_ctx), left), err));
    }
    return WEIR_STATUS_OK;
}

/* Long samples in windows, one behind the other. */
static weir_status compare_shard(comparison *c, weir_error *err) {
    for (uint64_t i = 0; i < weir_shard_n_samples(c->shard); i++) {
        size_t n = weir_shard_sample_n(c->shard, i);
        for (size_t first = 0, run; first < n; first += run) {
            size_t left = c->max_tokens - c->report.n_tokens;
            if (left == 0)
                return WEIR_STATUS_OK;
            run = least(least(n - first, c->n_ctx), left);
            weir_shard_read(c->shard, i, first, run, c->tokens, NULL);
            WEIR_TRY(compare_tokens(c, run, err));
        }
    }
    return WEIR_STATUS_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Where both have a vocabulary, it must be one and the same. */
static weir_status check_words(comparison *c, const char *path_a, const char *path_b,
                               weir_error *err) {
    weir_tokenizer *other = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY(weir_tokenizer_open(&c->tokenizer, path_a, NULL, err));
    if (strcmp(path_a, path_b) == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_tokenizer_open(&other, path_b, NULL, err));
    if (weir_tokenizer_hash(c->tokenizer) != weir_tokenizer_hash(other))
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "%s and %s have different vocabularies: their tokens cannot be compared",
                           path_a, path_b);
    weir_tokenizer_close(&other);
    return status;
}

static weir_status open_models(comparison *c, const char *path_a, const char *path_b,
                               weir_error *err) {
    WEIR_TRY(weir_model_open(&c->a.model, path_a, err));
    WEIR_TRY(weir_model_open(&c->b.model, path_b, err));
    weir_model_get_info(c->a.model, &c->a.info);
    weir_model_get_info(c->b.model, &c->b.info);
    if (c->a.info.n_vocab != c->b.info.n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s and %s have different vocabularies (%u and %u tokens)", path_a, path_b,
                         c->a.info.n_vocab, c->b.info.n_vocab);
    c->n_ctx = (uint32_t)least(least(c->a.info.n_ctx, c->b.info.n_ctx), MOST_CONTEXT);
    c->tokens = malloc(c->n_ctx * sizeof *c->tokens);
    if (!c->tokens)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u tokens", c->n_ctx);
    return WEIR_STATUS_OK;
}

static weir_status open_text(comparison *c, const char *path_a, weir_error *err) {
    weir_pack_options pack = {.path = c->o->text,
                              .tokenizer = path_a,
                              .max_tokens = 1 << 20,
                              .n_threads = c->o->n_threads,
                              .progress = c->o->progress};
    weir_pack_report report;
    return c->o->text ? weir_shard_make(&c->shard, &pack, &report, err) : WEIR_STATUS_OK;
}

static weir_status open_side(comparison *c, side *s, const char *lora, float scale,
                             weir_error *err) {
    uint32_t replay = s->info.replay_window + 1;
    float scales[] = {scale != 0 ? scale : 1};
    if (lora)
        WEIR_TRY(weir_lora_open(&s->lora, s->model, lora, err));
    weir_engine_options o = {.kv_type = "f32",
                             .activations = "f32",
                             .n_threads = c->o->n_threads,
                             .n_ctx = c->n_ctx,
                             .n_batch = c->n_batch > replay ? c->n_batch : replay,
                             .n_out = c->n_batch,
                             .n_snapshots = 1,
                             .no_prefix_cache = true,
                             .loras = &s->lora,
                             .lora_scales = scales,
                             .n_loras = lora ? 1 : 0,
                             .progress = c->o->progress};
    WEIR_TRY(weir_engine_open(&s->engine, s->model, &o, err));
    WEIR_TRY(weir_seq_open(&s->seq, s->engine, err));
    s->logits = malloc((size_t)c->n_batch * s->info.n_vocab * sizeof *s->logits);
    if (!s->logits)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the logits of %u tokens",
                         c->n_batch);
    return WEIR_STATUS_OK;
}

static void close_side(side *s) {
    weir_seq_close(&s->seq);
    weir_engine_close(&s->engine);
    weir_lora_close(&s->lora);
    weir_model_close(&s->model);
    free(s->logits);
}

static weir_status compare(comparison *c, const char *path_a, const char *path_b, weir_error *err) {
    const weir_verify_options *o = c->o;
    WEIR_TRY(open_models(c, path_a, path_b, err));
    WEIR_TRY(check_words(c, path_a, path_b, err));
    WEIR_TRY(open_text(c, path_a, err));
    c->n_batch = BATCH;
    WEIR_TRY(open_side(c, &c->a, o->lora_a, o->lora_a_scale, err));
    WEIR_TRY(open_side(c, &c->b, o->lora_b, o->lora_b_scale, err));
    if (c->shard)
        WEIR_TRY(compare_shard(c, err));
    else
        WEIR_TRY(compare_sentences(c, err));
    double n = (double)c->report.n_tokens;
    if (c->report.n_tokens == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: no token to compare", o->text);
    c->report.mean_kl = c->kl / n;
    c->report.same_top = (double)c->n_same / n;
    return WEIR_STATUS_OK;
}

weir_status weir_train_verify(const char *model_a, const char *model_b,
                              const weir_verify_options *options, weir_verify_report *report,
                              weir_error *err) {
    static const weir_verify_options defaults;
    comparison c = {.o = options ? options : &defaults};
    c.max_tokens = c.o->max_tokens > 0 ? c.o->max_tokens : DEFAULT_TOKENS;
    weir_status status = compare(&c, model_a, model_b, err);
    if (status == WEIR_STATUS_OK)
        *report = c.report;
    close_side(&c.a);
    close_side(&c.b);
    weir_tokenizer_close(&c.tokenizer);
    weir_shard_close(&c.shard);
    free(c.tokens);
    return status;
}
