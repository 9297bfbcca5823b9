/*
 * eval_kl.c: see eval_kl.h.
 *
 * Both models run the same rows in turns; the rows are compared by a team of threads of their own
 * and added up in order, so the numbers do not depend on the number of threads. What is independent
 * for errors are the windows. All sums are kept by window, and a journal has them as they are, with
 * the KL of each token for the quantiles: those of windows out of it are what running them gives.
 */
#include "eval_kl.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/workers.h"
#include "eval_distance.h"
#include "eval_journal.h"
#include "eval_logits.h"
#include "interrupt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ID_TEXT = 64 };

/* What is known of a window, or of all: sums over its scored tokens. */
typedef enum sum_of {
    SUM_KL,
    SUM_KL_MOST,
    SUM_TOP1,
    SUM_TOP5,
    SUM_NATS_BASE,
    SUM_NATS,
    SUM_NATS_MORE, /* of the model than of the base */
    SUM_DP2,
    SUM_REST,
    SUM_EXPERTS,
    N_SUMS
} sum_of;

typedef struct window_sums {
    double n, sum[N_SUMS];
} window_sums;

typedef struct row {
    uint32_t at;     /* of the logits of this step */
    int32_t token;   /* that follows */
    uint64_t number; /* of the scored token */
    double rest;     /* probability of what saved logits leave out */
    weir_eval_distance distance;
    weir_status status;
    weir_error err;
} row;

typedef struct comparison {
    const weir_eval_kl_options *o;
    weir_eval_text_options text_options;
    weir_eval_side_options side_options;
    weir_eval_side base, model; /* of saved logits the base has none */
    weir_eval_logits *saved;    /* NULL: the base runs */
    weir_eval_text *text;
    weir_workers *workers;
    uint32_t n_layers_moe, n_used; /* compared; 0: none */
    row *rows;                     /* [n_batch], n_rows of this step */
    uint32_t n_rows;
    float *base_rows;       /* [n_batch, n_vocab or k] decoded from saved logits */
    uint32_t *base_ids;     /* [n_batch, k] */
    uint16_t *base_experts; /* [n_batch, n_layers_moe, n_used] */
    double *layer_common;   /* [n_layers_moe] shares, summed over tokens: of all windows */
    double *layer_window;   /* [n_layers_moe] the same of this window */
    double *kl;             /* [n_scored] */
    uint64_t n_scored;      /* so far */
    window_sums *windows;   /* [n_windows] */
    size_t n_windows, cap_windows;
    weir_eval_journal *journal;
} comparison;

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to compare two models");
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool compare_saved(comparison *c, row *r) {
    const weir_eval_logits_shape *shape = weir_eval_logits_get_shape(c->saved);
    uint32_t n_vocab = c->model.info.n_vocab, width = shape->k > 0 ? shape->k : n_vocab;
    size_t slot = (size_t)(r - c->rows);
    weir_eval_logits_row saved = {.log_p = c->base_rows + slot * width};
    saved.id = shape->k > 0 ? c->base_ids + slot * width : NULL;
    if (c->n_layers_moe > 0)
        saved.experts = c->base_experts + slot * c->n_layers_moe * c->n_used;
    r->status = weir_eval_logits_read(c->saved, r->number, &saved, &r->err);
    if (r->status != WEIR_STATUS_OK)
        return true;
    const float *model = c->model.logits + (size_t)r->at * n_vocab;
    bool is_good;
    if (shape->k > 0) {
        weir_eval_top top = {shape->k, saved.id, saved.log_p, saved.log_rest};
        is_good = weir_eval_compare_top(&r->distance, &top, saved.nats, model, n_vocab, r->token);
    } else {
        is_good = weir_eval_compare(&r->distance, saved.log_p, model, n_vocab, r->token);
    }
    r->rest = exp(saved.log_rest);
    r->distance.nats_base = saved.nats; /* not rounded, and the first token kept apart */
    r->distance.rank = weir_eval_rank(model, n_vocab, saved.first);
    return is_good;
}

static void compare_row(comparison *c, row *r) {
    size_t at = (size_t)r->at * c->model.info.n_vocab;
    bool is_good = c->saved
                       ? compare_saved(c, r)
                       : weir_eval_compare(&r->distance, c->base.logits + at, c->model.logits + at,
                                           c->model.info.n_vocab, r->token);
    if (!is_good)
        r->status = weir_fail(&r->err, WEIR_STATUS_FAILED,
                              "token %llu: a logit of one of the two is no finite number",
                              (unsigned long long)r->number);
}

static void compare_share(void *context, uint32_t worker, uint32_t n_workers) {
    comparison *c = context;
    for (uint32_t i = worker; i < c->n_rows; i += n_workers)
        compare_row(c, &c->rows[i]);
}

/* The share of the chosen experts that are the same, over all layers of a row. */
static double experts_of(comparison *c, const row *r) {
    size_t stride = (size_t)c->n_layers_moe * c->n_used;
    const uint16_t *model = c->model.experts + r->at * stride;
    const uint16_t *base = c->saved ? c->base_experts + (size_t)(r - c->rows) * stride
                                    : c->base.experts + r->at * stride;
    double sum = 0;
    for (uint32_t i = 0; i < c->n_layers_moe; i++) {
        uint32_t n = weir_eval_common(base + (size_t)i * c->n_used, model + (size_t)i * c->n_used,
                                      c->n_used);
        c->layer_window[i] += (double)n / c->n_used;
        sum += (double)n / c->n_used;
    }
    return c->n_layers_moe > 0 ? sum / c->n_layers_moe : 0;
}

static void add_row(comparison *c, window_sums *w, const row *r) {
    const weir_eval_distance *d = &r->distance;
    double dp = exp(-d->nats_model) - exp(-d->nats_base);
    c->kl[c->n_scored++] = d->kl;
    w->n++;
    w->sum[SUM_KL] += d->kl;
    w->sum[SUM_KL_MOST] += d->kl_most;
    w->sum[SUM_TOP1] += d->rank == 0;
    w->sum[SUM_TOP5] += d->rank < 5;
    w->sum[SUM_NATS_BASE] += d->nats_base;
    w->sum[SUM_NATS] += d->nats_model;
    w->sum[SUM_NATS_MORE] += d->nats_model - d->nats_base;
    w->sum[SUM_DP2] += dp * dp;
    w->sum[SUM_REST] += r->rest;
    w->sum[SUM_EXPERTS] += experts_of(c, r);
}

/* ---- windows -------------------------------------------------------------------------------- */

static void collect_rows(comparison *c, const weir_eval_window *w, size_t done, uint32_t n) {
    c->n_rows = 0;
    for (uint32_t i = 0; i < n; i++)
        if (w->is_scored[done + i + 1]) {
            c->rows[c->n_rows] =
                (row){.at = i, .token = w->tokens[done + i + 1], .number = c->n_scored + c->n_rows};
            c->n_rows++;
        }
}

static weir_status compare_window(comparison *c, const weir_eval_window *w, window_sums *sums,
                                  weir_error *err) {
    size_t n_run = w->n - 1;
    if (!c->saved)
        WEIR_TRY(weir_eval_side_begin(&c->base, w->tokens, n_run, err));
    WEIR_TRY(weir_eval_side_begin(&c->model, w->tokens, n_run, err));
    for (size_t done = 0; done < n_run;) {
        uint32_t n = n_run - done < c->model.n_batch ? (uint32_t)(n_run - done) : c->model.n_batch;
        if (!c->saved)
            WEIR_TRY(weir_eval_side_step(&c->base, n, err));
        WEIR_TRY(weir_eval_side_step(&c->model, n, err));
        collect_rows(c, w, done, n);
        weir_workers_run(c->workers, compare_share, c);
        for (uint32_t i = 0; i < c->n_rows; i++) {
            if (c->rows[i].status != WEIR_STATUS_OK)
                return weir_fail(err, c->rows[i].status, "%s", c->rows[i].err.text);
            add_row(c, sums, &c->rows[i]);
        }
        done += n;
    }
    return WEIR_STATUS_OK;
}

static window_sums *add_window(comparison *c) {
    if (c->n_windows == c->cap_windows) {
        size_t cap = c->cap_windows * 2 + 64;
        window_sums *windows = realloc(c->windows, cap * sizeof *windows);
        if (!windows)
            return NULL;
        c->windows = windows;
        c->cap_windows = cap;
    }
    c->windows[c->n_windows] = (window_sums){0};
    return &c->windows[c->n_windows++];
}

/* ---- windows in the journal ----------------------------------------------------------------- */

static json_t *item_json(const comparison *c, const window_sums *w, const char *id) {
    json_t *scores =
        json_pack("{s:f, s:f, s:f, s:f, s:f}", "kl_mean", w->sum[SUM_KL] / w->n, "top1",
                  w->sum[SUM_TOP1] / w->n, "top5", w->sum[SUM_TOP5] / w->n, "nats_per_token",
                  w->sum[SUM_NATS] / w->n, "dp2", w->sum[SUM_DP2] / w->n);
    if (c->n_layers_moe > 0)
        json_object_set_new(scores, "experts", json_real(w->sum[SUM_EXPERTS] / w->n));
    return json_pack("{s:s, s:f, s:o}", "id", id, "weight", w->n, "scores", scores);
}

static json_t *list_json(const double *values, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_real(values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bool take_list(const json_t *list, double *values, size_t n) {
    if (!json_is_array(list) || json_array_size(list) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value))
            return false;
        values[i] = json_number_value(value);
    }
    return true;
}

/* Its values of KL are the last ones. */
static weir_status keep_window(comparison *c, const window_sums *w, const char *id,
                               weir_error *err) {
    json_t *rest = NULL;
    if (c->o->journal) {
        size_t n = (size_t)w->n;
        rest = json_pack("{s:o, s:o, s:o}", "sums", list_json(w->sum, N_SUMS), "layers",
                         list_json(c->layer_window, c->n_layers_moe), "kl",
                         list_json(c->kl + c->n_scored - n, n));
        if (!rest)
            return no_memory(err);
    }
    return weir_eval_journal_add_rest(c->journal, item_json(c, w, id), rest, err);
}

static weir_status take_window(comparison *c, const weir_eval_window *w, const char *id,
                               window_sums *sums, weir_error *err) {
    json_t *rest = weir_eval_journal_take_rest(c->journal, id);
    sums->n = (double)w->n_scored;
    bool is_good = take_list(json_object_get(rest, "sums"), sums->sum, N_SUMS) &&
                   take_list(json_object_get(rest, "layers"), c->layer_window, c->n_layers_moe) &&
                   take_list(json_object_get(rest, "kl"), c->kl + c->n_scored, w->n_scored);
    json_decref(rest);
    c->n_scored += w->n_scored;
    return is_good ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: window %s: expected its \"sums\", \"layers\" and %zu \"kl\"",
                               c->o->journal, id, w->n_scored);
}

/* ---- all windows ---------------------------------------------------------------------------- */

static weir_status add_up(comparison *c, const weir_eval_window *w, weir_error *err) {
    char id[ID_TEXT];
    window_sums *sums = add_window(c);
    if (!sums)
        return no_memory(err);
    snprintf(id, sizeof id, "%llu/%llu", (unsigned long long)w->sample,
             (unsigned long long)w->number);
    memset(c->layer_window, 0, c->n_layers_moe * sizeof *c->layer_window);
    if (weir_eval_journal_has(c->journal, id)) {
        WEIR_TRY(take_window(c, w, id, sums, err));
    } else {
        WEIR_TRY(compare_window(c, w, sums, err));
        WEIR_TRY(keep_window(c, sums, id, err));
    }
    for (uint32_t i = 0; i < c->n_layers_moe; i++)
        c->layer_common[i] += c->layer_window[i];
    return WEIR_STATUS_OK;
}

static weir_status compare_all(comparison *c, weir_error *err) {
    const weir_progress *p = &c->o->text.progress;
    weir_eval_window w;
    while (weir_eval_text_next(c->text, &w)) {
        WEIR_TRY(add_up(c, &w, err));
        if (p->report)
            p->report(p->context, "comparing", c->n_scored, weir_eval_text_n_scored(c->text));
        if (weir_interrupted() || (p->is_cancelled && p->is_cancelled(p->context)))
            return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    }
    return WEIR_STATUS_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Tokens are fed to both by their ids, so they must stand for the same bytes. */
static weir_status check_words(const comparison *c, weir_error *err) {
    weir_tokenizer *a = NULL, *b = NULL;
    weir_tokenizer_info info_a, info_b;
    weir_status status = WEIR_STATUS_OK;
    if (strcmp(c->o->base, c->o->model) == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY_GOTO(weir_tokenizer_open(&a, c->o->base, NULL, err));
    WEIR_TRY_GOTO(weir_tokenizer_open(&b, c->o->model, NULL, err));
    weir_tokenizer_get_info(a, &info_a);
    weir_tokenizer_get_info(b, &info_b);
    size_t n = info_a.n_tokens > info_b.n_tokens ? info_a.n_tokens : info_b.n_tokens;
    for (size_t i = 0; i < n && status == WEIR_STATUS_OK; i++) {
        const char *of_a, *of_b;
        size_t n_a, n_b;
        weir_tokenizer_token(a, (int32_t)i, &of_a, &n_a);
        weir_tokenizer_token(b, (int32_t)i, &of_b, &n_b);
        if (n_a != n_b || memcmp(of_a, of_b, n_a) != 0)
            status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                               "%s and %s have different vocabularies: token %zu differs",
                               c->o->base, c->o->model, i);
    }
fail:
    weir_tokenizer_close(&a);
    weir_tokenizer_close(&b);
    return status;
}

/* Saved logits say what they were made with; what the caller leaves open is taken from them. */
static uint64_t saved_number(const comparison *c, const char *name) {
    const json_t *value = json_object_get(weir_eval_logits_about(c->saved)->settings, name);
    json_int_t number = json_integer_value(value);
    return number > 0 ? (uint64_t)number : 0;
}

static weir_status open_saved(comparison *c, weir_error *err) {
    weir_eval_text_options *t = &c->text_options;
    WEIR_TRY(weir_eval_logits_open(&c->saved, c->o->base, err));
    const json_t *settings = weir_eval_logits_about(c->saved)->settings;
    uint64_t n_ctx = saved_number(c, "ctx"), n_stride = saved_number(c, "stride");
    if (t->n_ctx == 0 && n_ctx <= UINT32_MAX && n_stride <= UINT32_MAX) {
        t->n_ctx = (uint32_t)n_ctx;
        t->n_stride = t->n_stride > 0 ? t->n_stride : (uint32_t)n_stride;
    }
    if (t->max_tokens == 0)
        t->max_tokens = saved_number(c, "max_tokens");
    if (json_is_true(json_object_get(settings, "assistant_only")))
        t->assistant_only = true;
    return WEIR_STATUS_OK;
}

static weir_status check_saved(const comparison *c, weir_error *err) {
    const weir_eval_logits_shape *s = weir_eval_logits_get_shape(c->saved);
    const weir_eval_result *about = weir_eval_logits_about(c->saved);
    if (s->n_vocab != c->model.info.n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s was saved from a vocabulary of %u tokens, and %s has %u", c->o->base,
                         s->n_vocab, c->o->model, c->model.info.n_vocab);
    if (s->n_tokens == weir_eval_text_n_scored(c->text) &&
        strcmp(s->tokens_hash, weir_eval_text_hash(c->text)) == 0)
        return WEIR_STATUS_OK;
    return weir_fail(
        err, WEIR_STATUS_BAD_ARGUMENT,
        "%s was saved from other tokens (%llu of %s) than these (%llu of %s): expected "
        "the same data, tokenizer and settings",
        c->o->base, (unsigned long long)s->n_tokens, about->data_path,
        (unsigned long long)weir_eval_text_n_scored(c->text), c->o->text.data);
}

static weir_status open_text(comparison *c, weir_error *err) {
    weir_eval_text_options *t = &c->text_options;
    if (t->n_ctx == 0) {
        t->n_ctx = weir_eval_default_ctx(&c->model);
        if (!c->saved && weir_eval_default_ctx(&c->base) < t->n_ctx)
            t->n_ctx = weir_eval_default_ctx(&c->base);
    }
    if (t->n_stride == 0)
        t->n_stride = (t->n_ctx + 1) / 2;
    t->tokenizer = c->saved ? c->o->model : c->o->base;
    WEIR_TRY(weir_eval_text_open(&c->text, t, err));
    return c->saved ? check_saved(c, err) : check_words(c, err);
}

static weir_status open_base(comparison *c, weir_error *err) {
    if (c->saved)
        return WEIR_STATUS_OK;
    if (c->base.info.n_vocab != c->model.info.n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s and %s have different vocabularies (%u and %u tokens)", c->o->base,
                         c->o->model, c->base.info.n_vocab, c->model.info.n_vocab);
    return weir_eval_side_open(&c->base, &c->side_options, err);
}

static weir_status open_sides(comparison *c, weir_error *err) {
    c->side_options = c->o->side;
    c->side_options.n_ctx = c->text_options.n_ctx;
    c->side_options.wants_experts = true;
    /* The greater replay window of the two decides for both. */
    uint32_t replay = c->model.info.replay_window + 1;
    if (!c->saved && c->base.info.replay_window + 1 > replay)
        replay = c->base.info.replay_window + 1;
    c->side_options.n_batch = replay > 128 ? replay : 128;
    WEIR_TRY(open_base(c, err));
    weir_status status = weir_eval_side_open(&c->model, &c->side_options, err);
    if (status == WEIR_STATUS_NO_MEMORY && !c->saved)
        return weir_fail_within(err, status,
                                "with %s in memory too (without it: save its logits with weir eval "
                                "ppl --save-logits, and name that file instead)",
                                c->o->base);
    return status;
}

static weir_status find_models(comparison *c, weir_error *err) {
    WEIR_TRY(weir_eval_side_find(&c->model, c->o->model, err));
    return c->saved ? WEIR_STATUS_OK : weir_eval_side_find(&c->base, c->o->base, err);
}

/* Only what both chose equally often can be compared. */
static void match_experts(comparison *c) {
    uint32_t layers = c->base.n_layers_moe, used = c->base.info.n_experts_used;
    if (c->saved) {
        layers = weir_eval_logits_get_shape(c->saved)->n_layers_moe;
        used = weir_eval_logits_get_shape(c->saved)->n_used;
    }
    if (layers == c->model.n_layers_moe && used == c->model.info.n_experts_used && used > 0) {
        c->n_layers_moe = layers;
        c->n_used = used;
    }
}

static weir_status take_memory(comparison *c, weir_error *err) {
    weir_plan plan;
    size_t n_batch = c->model.n_batch, width = c->model.info.n_vocab, n_ids = 0;
    match_experts(c);
    if (c->saved && weir_eval_logits_get_shape(c->saved)->k > 0)
        n_ids = width = weir_eval_logits_get_shape(c->saved)->k;
    c->rows = calloc(n_batch, sizeof *c->rows);
    c->base_rows = calloc(c->saved ? n_batch * width : 1, sizeof *c->base_rows);
    c->base_ids = calloc(n_batch * n_ids + 1, sizeof *c->base_ids);
    c->base_experts = calloc(n_batch * c->n_layers_moe * c->n_used + 1, sizeof *c->base_experts);
    c->layer_common = calloc((size_t)c->n_layers_moe + 1, sizeof *c->layer_common);
    c->layer_window = calloc((size_t)c->n_layers_moe + 1, sizeof *c->layer_window);
    c->kl = calloc(weir_eval_text_n_scored(c->text), sizeof *c->kl);
    if (!c->rows || !c->base_rows || !c->base_ids || !c->base_experts || !c->layer_common ||
        !c->layer_window || !c->kl)
        return no_memory(err);
    weir_engine_memory(c->model.engine, &plan);
    return weir_workers_open(&c->workers, plan.n_threads > 0 ? plan.n_threads : 1, false, err);
}

static weir_status open_all(comparison *c, weir_error *err) {
    c->text_options = c->o->text;
    if (weir_eval_logits_is(c->o->base))
        WEIR_TRY(open_saved(c, err));
    WEIR_TRY(find_models(c, err));
    WEIR_TRY(open_text(c, err));
    WEIR_TRY(open_sides(c, err));
    return take_memory(c, err);
}

static void close_all(comparison *c) {
    weir_eval_journal_close(&c->journal);
    weir_workers_close(&c->workers);
    weir_eval_side_close(&c->base);
    weir_eval_side_close(&c->model);
    weir_eval_text_close(&c->text);
    weir_eval_logits_close(&c->saved);
    free(c->rows);
    free(c->base_rows);
    free(c->base_ids);
    free(c->base_experts);
    free(c->layer_common);
    free(c->layer_window);
    free(c->kl);
    free(c->windows);
}

/* ---- the result ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The mean of one sum a token, with the error over windows. */
static weir_status mean_of(const comparison *c, sum_of what, double *mean, double *error,
                           weir_error *err) {
    double *values = malloc(c->n_windows * 2 * sizeof *values);
    if (!values)
        return no_memory(err);
    for (size_t i = 0; i < c->n_windows; i++) {
        values[i] = c->windows[i].sum[what] / c->windows[i].n;
        values[c->n_windows + i] = c->windows[i].n;
    }
    weir_eval_mean(values, values + c->n_windows, c->n_windows, mean, error);
    free(values);
    return WEIR_STATUS_OK;
}

static void tell_quantiles(comparison *c, weir_eval_result *out) {
    static const struct {
        const char *name;
        double part;
    } quantiles[] = {{"kl_median", 0.5}, {"kl_p90", 0.9},    {"kl_p95", 0.95},
                     {"kl_p99", 0.99},   {"kl_p999", 0.999}, {"kl_max", 1}};
    qsort(c->kl, c->n_scored, sizeof *c->kl, by_value);
    for (size_t i = 0; i < WEIR_COUNT(quantiles); i++)
        weir_eval_result_metric(out, quantiles[i].name,
                                weir_eval_quantile(c->kl, c->n_scored, quantiles[i].part), NAN);
}

static weir_status tell_metrics(comparison *c, weir_eval_result *out, weir_error *err) {
    double mean[N_SUMS], error[N_SUMS];
    for (int i = 0; i < N_SUMS; i++)
        WEIR_TRY(mean_of(c, (sum_of)i, &mean[i], &error[i], err));
    double rms = sqrt(mean[SUM_DP2]), ratio = exp(mean[SUM_NATS_MORE]);
    weir_eval_result_metric(out, "kl_mean", mean[SUM_KL], error[SUM_KL]);
    tell_quantiles(c, out);
    weir_eval_result_metric(out, "top1", mean[SUM_TOP1], error[SUM_TOP1]);
    weir_eval_result_metric(out, "top5", mean[SUM_TOP5], error[SUM_TOP5]);
    weir_eval_result_metric(out, "rms_dp", rms, rms > 0 ? error[SUM_DP2] / (2 * rms) : NAN);
    weir_eval_result_metric(out, "perplexity", exp(mean[SUM_NATS]),
                            exp(mean[SUM_NATS]) * error[SUM_NATS]);
    weir_eval_result_metric(out, "perplexity_base", exp(mean[SUM_NATS_BASE]),
                            exp(mean[SUM_NATS_BASE]) * error[SUM_NATS_BASE]);
    weir_eval_result_metric(out, "perplexity_ratio", ratio, ratio * error[SUM_NATS_MORE]);
    if (c->n_layers_moe > 0)
        weir_eval_result_metric(out, "experts", mean[SUM_EXPERTS], error[SUM_EXPERTS]);
    if (c->saved && weir_eval_logits_get_shape(c->saved)->k > 0) {
        weir_eval_result_metric(out, "kl_mean_most", mean[SUM_KL_MOST], error[SUM_KL_MOST]);
        weir_eval_result_metric(out, "rest", mean[SUM_REST], error[SUM_REST]);
    }
    return WEIR_STATUS_OK;
}

static void tell_layers(const comparison *c, weir_eval_result *out) {
    json_t *layers = json_array();
    for (uint32_t i = 0; i < c->n_layers_moe; i++)
        json_array_append_new(layers, json_pack("{s:i, s:f}", "layer",
                                                (int)(c->model.info.n_layers_dense + i), "experts",
                                                c->layer_common[i] / (double)c->n_scored));
    weir_eval_result_detail(out, "layers", layers);
}

static weir_status copy_subject(weir_eval_subject *to, const weir_eval_subject *from,
                                weir_error *err) {
    *to = *from;
    to->path = strdup(from->path);
    return to->path ? WEIR_STATUS_OK : no_memory(err);
}

static weir_status describe(comparison *c, weir_eval_result *out, weir_error *err) {
    const weir_progress *progress = &c->o->text.progress;
    WEIR_TRY(weir_eval_text_describe(c->text, out, err));
    WEIR_TRY(weir_eval_side_describe(&c->side_options, c->model.model, out, err));
    if (c->saved) /* how the base ran is not what is asked here */
        weir_eval_result_set(out, "base_logits_k",
                             json_integer(weir_eval_logits_get_shape(c->saved)->k));
    WEIR_TRY(weir_eval_subject_set(&out->model, c->o->model, c->model.model, progress, err));
    return c->saved ? copy_subject(&out->base, &weir_eval_logits_about(c->saved)->model, err)
                    : weir_eval_subject_set(&out->base, c->o->base, c->base.model, progress, err);
}

static weir_status run_all(comparison *c, weir_eval_result *out, weir_error *err) {
    WEIR_TRY(open_all(c, err));
    WEIR_TRY(describe(c, out, err));
    WEIR_TRY(weir_eval_journal_open(&c->journal, c->o->journal, c->o->resumes, out, err));
    double start_s = weir_clock_s();
    WEIR_TRY(compare_all(c, err));
    WEIR_TRY(tell_metrics(c, out, err));
    if (c->n_layers_moe > 0)
        tell_layers(c, out);
    out->seconds = weir_clock_s() - start_s;
    return WEIR_STATUS_OK;
}

weir_status weir_eval_kl_run(weir_eval_result *out, const weir_eval_kl_options *options,
                             weir_error *err) {
    comparison c = {.o = options};
    weir_status status = weir_eval_result_begin(out, "kl", err);
    if (status == WEIR_STATUS_OK)
        status = run_all(&c, out, err);
    close_all(&c);
    return status;
}
