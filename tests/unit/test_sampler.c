/*
 * test_sampler.c: the sampler against a plain one that sorts everything, step by step as
 * docs/sampling.md says; refusals; and where the defaults come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "base/compiler.h"
#include "base/random.h"
#include "unit/model_files.h"

enum { N_VOCAB = 96 }; /* of dense_tiny */

static weir_model *model;

static int set_up(void **state) {
    (void)state;
    model = open_golden("dense_tiny");
    return model->h.n_vocab == N_VOCAB ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    weir_model_close(&model);
    return 0;
}

static weir_sampler *open_sampler(const weir_sampling *options) {
    weir_error err = {0};
    weir_sampler *s = NULL;
    if (weir_sampler_open(&s, model, options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return s;
}

static int32_t draw(weir_sampler *s, const float *logits, const int32_t *history, size_t n_history,
                    size_t n_prompt, const uint32_t *mask) {
    weir_error err = {0};
    int32_t token = -1;
    if (weir_sampler_draw(s, logits, history, n_history, n_prompt, mask, &token, &err) !=
        WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return token;
}

static uint64_t random_state;

static double random_number(void) {
    return weir_uniform(weir_mix64(11, 5, random_state++));
}

/* ---- the plain sampler ---------------------------------------------------------------------- */

typedef struct entry {
    double logit;
    int32_t id;
} entry;

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* *margin: how far the draw was from another answer, to tell rounding from mistakes. */
static int32_t plain_draw(const weir_sampling *o, const float *logits, const int32_t *history,
                          size_t n_history, size_t n_prompt, const uint32_t *mask, double *margin) {
    float x[N_VOCAB];
    memcpy(x, logits, sizeof x);
    for (size_t i = 0; i < o->n_bias; i++)
        x[o->bias[i].token] += o->bias[i].bias;
    for (int32_t t = 0; t < N_VOCAB; t++) {
        if (mask != NULL && !(mask[t / 32] >> (t % 32) & 1))
            x[t] = -INFINITY;
        bool is_recent = false;
        uint32_t count = 0;
        for (size_t i = 0; i < n_history; i++) {
            if (history[i] != t)
                continue;
            if (o->repeat_last_n == 0 || i + o->repeat_last_n >= n_history)
                is_recent = true;
            if (i >= n_prompt)
                count++;
        }
        if (is_recent)
            x[t] = x[t] > 0 ? x[t] / o->repetition_penalty : x[t] * o->repetition_penalty;
        if (count > 0)
            x[t] = x[t] - o->presence_penalty - o->frequency_penalty * (float)count;
    }
    entry order[N_VOCAB];
    size_t n = 0;
    for (int32_t t = 0; t < N_VOCAB; t++)
        if (x[t] > -INFINITY)
            order[n++] = (entry){(double)x[t], t};
    qsort(order, n, sizeof *order, compare_entries);
    *margin = 1;
    if (o->temperature == 0)
        return order[0].id;
    if (o->top_k > 0 && o->top_k < n)
        n = o->top_k;
    double p[N_VOCAB], total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        p[i] = exp((order[i].logit - order[0].logit) / (double)o->temperature);
        total += p[i];
    }
    size_t n_kept = 0;
    if (o->top_p < 1) {
        for (; n_kept < n && (n_kept == 0 || sum < (double)o->top_p * total); n_kept++) {
            sum += p[n_kept];
            *margin = fmin(*margin, fabs(sum / total - (double)o->top_p));
        }
        n = n_kept;
    }
    for (n_kept = 1; n_kept < n && p[n_kept] >= (double)o->min_p * p[0]; n_kept++)
        continue;
    n = n_kept;
    sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    const uint32_t counter[4] = {(uint32_t)n_history, 0, 0, 0};
    const uint32_t key[2] = {(uint32_t)o->seed, (uint32_t)(o->seed >> 32)};
    uint32_t bits[4];
    weir_philox(bits, counter, key);
    double u = weir_uniform((uint64_t)bits[1] << 32 | bits[0]), passed = 0;
    for (size_t i = 0; i < n; i++) {
        passed += p[i] / sum;
        *margin = fmin(*margin, fabs(passed - u));
        if (passed > u)
            return order[i].id;
    }
    return order[n - 1].id;
}

static void test_against_plain(void **state) {
    (void)state;
    enum { N_ROUNDS = 20000, MAX_HISTORY = 40 };
    static const float temperatures[] = {0, 0.05f, 0.3f, 1, 5};
    static const float top_ps[] = {1, 0.9f, 0.5f, 0.1f, 0};
    static const float min_ps[] = {0, 0.15f, 0.01f, 1};
    static const uint32_t top_ks[] = {0, 1, 5, 50, N_VOCAB, 1000};
    static const float penalties[] = {1, 1.05f, 1.3f, 0.8f};
    size_t n_close = 0;
    random_state = 0;
    for (size_t round = 0; round < N_ROUNDS; round++) {
#define ANY(array) ((array)[(size_t)(random_number() * (double)WEIR_COUNT(array))])
        weir_logit_bias bias[2] = {{(int32_t)(random_number() * N_VOCAB), 2},
                                   {(int32_t)(random_number() * N_VOCAB), -3}};
        weir_sampling o = {.temperature = ANY(temperatures),
                           .top_k = ANY(top_ks),
                           .top_p = ANY(top_ps),
                           .min_p = ANY(min_ps),
                           .repetition_penalty = ANY(penalties),
                           .repeat_last_n = random_number() < 0.5 ? 0 : 7,
                           .presence_penalty = random_number() < 0.7 ? 0 : 0.5f,
                           .frequency_penalty = random_number() < 0.7 ? 0 : 0.25f,
                           .seed = weir_mix64(3, 3, round),
                           .bias = bias,
                           .n_bias = round % 3};
#undef ANY
        float logits[N_VOCAB], before[N_VOCAB];
        bool is_coarse = random_number() < 0.3; /* many ties */
        for (int32_t t = 0; t < N_VOCAB; t++) {
            double x = (random_number() - 0.4) * 12;
            logits[t] = is_coarse ? (float)floor(x) : (float)x;
            if (random_number() < 0.02)
                logits[t] = -INFINITY;
        }
        uint32_t mask[N_VOCAB / 32];
        for (size_t i = 0; i < WEIR_COUNT(mask); i++)
            mask[i] = (uint32_t)weir_mix64(1, round, i) | 1u << (round % 32);
        logits[round % 32] = 1; /* so that something is allowed */
        int32_t history[MAX_HISTORY];
        size_t n_history = (size_t)(random_number() * (MAX_HISTORY + 1));
        size_t n_prompt = (size_t)(random_number() * (double)(n_history + 1));
        for (size_t i = 0; i < n_history; i++)
            history[i] = (int32_t)(random_number() * N_VOCAB);
        memcpy(before, logits, sizeof before);

        const uint32_t *used_mask = random_number() < 0.5 ? mask : NULL;
        weir_sampler *s = open_sampler(&o);
        int32_t token = draw(s, logits, history, n_history, n_prompt, used_mask);
        double margin;
        int32_t plain = plain_draw(&o, logits, history, n_history, n_prompt, used_mask, &margin);
        if (margin < 1e-9)
            n_close++;
        else if (token != plain)
            fail_msg("round %zu: token %d, expected %d (T %g, k %u, p %g, min %g)", round, token,
                     plain, (double)o.temperature, o.top_k, (double)o.top_p, (double)o.min_p);
        assert_memory_equal(before, logits, sizeof before);
        /* Nothing is remembered: the same question has the same answer. */
        assert_int_equal(draw(s, logits, history, n_history, n_prompt, used_mask), token);
        weir_sampler_close(&s);
    }
    assert_true(n_close < N_ROUNDS / 100);
}

/* A sampler that has been used answers as a fresh one. */
static void test_no_memory_of_past(void **state) {
    (void)state;
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.repetition_penalty = 1.5f;
    o.frequency_penalty = 1;
    weir_sampler *used = open_sampler(&o);
    float logits[N_VOCAB];
    for (int32_t round = 0; round < 50; round++) {
        int32_t history[30];
        for (size_t i = 0; i < 30; i++)
            history[i] = (int32_t)(random_number() * N_VOCAB);
        for (int32_t t = 0; t < N_VOCAB; t++)
            logits[t] = (float)random_number();
        weir_sampler *fresh = open_sampler(&o);
        assert_int_equal(draw(used, logits, history, 30, 10, NULL),
                         draw(fresh, logits, history, 30, 10, NULL));
        weir_sampler_close(&fresh);
    }
    weir_sampler_close(&used);
}

static void test_greedy(void **state) {
    (void)state;
    weir_sampling o;
    weir_sampling_neutral(&o);
    assert_true(o.temperature == 0 && o.top_p == 1 && o.repetition_penalty == 1);
    weir_sampler *s = open_sampler(&o);
    float logits[N_VOCAB] = {0};
    logits[40] = logits[7] = logits[95] = 3;
    assert_int_equal(draw(s, logits, NULL, 0, 0, NULL), 7); /* ties to the lower id */
    uint32_t mask[N_VOCAB / 32] = {0xffffffffu, 0xffffffffu, 0xffffffffu};
    mask[0] &= ~(1u << 7);
    assert_int_equal(draw(s, logits, NULL, 0, 0, mask), 40);
    memset(mask, 0, sizeof mask);
    mask[2] = 1u << 31;
    assert_int_equal(draw(s, logits, NULL, 0, 0, mask), 95);
    for (int32_t t = 0; t < N_VOCAB; t++)
        logits[t] = -FLT_MAX;
    assert_int_equal(draw(s, logits, NULL, 0, 0, NULL), 0);
    weir_sampler_close(&s);
    assert_null(s);
    weir_sampler_close(&s);
    weir_sampler_close(NULL);
}

/* Penalties see the right stretch of the history. */
static void test_penalties(void **state) {
    (void)state;
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.repetition_penalty = 2;
    o.repeat_last_n = 2;
    weir_sampler *s = open_sampler(&o);
    float logits[N_VOCAB] = {[5] = 10, [6] = 8, [7] = 6};
    const int32_t history[] = {5, 9, 6};
    assert_int_equal(draw(s, logits, history, 3, 3, NULL), 5); /* 5 is too long ago */
    const int32_t recent[] = {9, 5, 6};
    assert_int_equal(draw(s, logits, recent, 3, 3, NULL), 7); /* 5 and 4 against 6 */
    weir_sampler_close(&s);

    weir_sampling_neutral(&o);
    o.presence_penalty = 3;
    s = open_sampler(&o);
    assert_int_equal(draw(s, logits, recent, 3, 3, NULL), 5); /* all prompt */
    assert_int_equal(draw(s, logits, recent, 3, 1, NULL), 5); /* 7, 5, 6 */
    o.presence_penalty = 0;
    o.frequency_penalty = 3;
    weir_sampler_close(&s);
    s = open_sampler(&o);
    const int32_t twice[] = {1, 5, 5};
    assert_int_equal(draw(s, logits, twice, 3, 1, NULL), 6); /* 4, 8, 6 */
    weir_sampler_close(&s);

    /* A negative logit moves away from 0. */
    weir_sampling_neutral(&o);
    o.repetition_penalty = 2;
    s = open_sampler(&o);
    for (int32_t t = 0; t < N_VOCAB; t++)
        logits[t] = -1.5f;
    logits[3] = -1;
    const int32_t three[] = {3};
    assert_int_equal(draw(s, logits, three, 1, 1, NULL), 0);
    weir_sampler_close(&s);
}

static void test_extremes(void **state) {
    (void)state;
    weir_logit_bias bias[] = {{1, FLT_MAX}, {2, -INFINITY}};
    weir_sampling o = {.temperature = FLT_MIN,
                       .top_p = 1,
                       .repetition_penalty = 1e-30f,
                       .frequency_penalty = -FLT_MAX,
                       .bias = bias,
                       .n_bias = 2};
    weir_sampler *s = open_sampler(&o);
    float logits[N_VOCAB] = {[1] = FLT_MAX, [2] = FLT_MAX, [3] = 1, [4] = -INFINITY};
    const int32_t history[] = {3, 3, 4, 4, 4, 2, 2};
    int32_t token = draw(s, logits, history, 7, 0, NULL);
    assert_true(token == 1 || token == 3); /* both are at the largest float */
    weir_sampler_close(&s);
    o.temperature = FLT_MAX;
    s = open_sampler(&o);
    token = draw(s, logits, history, 7, 0, NULL);
    assert_true(token != 2 && token != 4);
    weir_sampler_close(&s);
}

/* The draws of many positions have the softmax's frequencies. */
static void test_distribution(void **state) {
    (void)state;
    enum { N_DRAWS = 40000, N_TOKENS = 6 };
    static int32_t history[N_DRAWS];
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.temperature = 2;
    o.seed = 1234567890123u;
    weir_sampler *s = open_sampler(&o);
    float logits[N_VOCAB];
    double p[N_TOKENS], sum = 0, chi2 = 0;
    uint32_t count[N_TOKENS] = {0};
    for (int32_t t = 0; t < N_VOCAB; t++)
        logits[t] = t < N_TOKENS ? (float)t : -INFINITY;
    for (int32_t t = 0; t < N_TOKENS; t++)
        sum += p[t] = exp(t / 2.0);
    for (size_t i = 0; i < N_DRAWS; i++) {
        int32_t token = draw(s, logits, history, i, 0, NULL);
        assert_in_range(token, 0, N_TOKENS - 1);
        count[token]++;
    }
    for (int32_t t = 0; t < N_TOKENS; t++) {
        double expected = N_DRAWS * p[t] / sum, off = count[t] - expected;
        chi2 += off * off / expected;
    }
    assert_true(chi2 < 25.7); /* 5 degrees of freedom: exceeded once in 10,000 seeds */
    weir_sampler_close(&s);
}

static void expect_bad_option(const weir_sampling *o, const char *field) {
    weir_error err = {0};
    weir_sampler *s = (weir_sampler *)&err;
    assert_int_equal(weir_sampler_open(&s, model, o, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(s);
    if (strstr(err.text, field) == NULL)
        fail_msg("'%s' does not name %s", err.text, field);
}

static void test_bad_options(void **state) {
    (void)state;
    weir_sampling good, o;
    weir_sampling_neutral(&good);
#define BAD(field, value) \
    o = good;             \
    o.field = (value);    \
    expect_bad_option(&o, #field)
    BAD(temperature, -0.1f);
    BAD(temperature, NAN);
    BAD(temperature, INFINITY);
    BAD(top_p, 1.1f);
    BAD(top_p, -1);
    BAD(top_p, NAN);
    BAD(min_p, 2);
    BAD(min_p, NAN);
    BAD(repetition_penalty, 0);
    BAD(repetition_penalty, NAN);
    BAD(presence_penalty, INFINITY);
    BAD(frequency_penalty, NAN);
    BAD(n_bias, 1);
#undef BAD
    weir_logit_bias bias = {N_VOCAB, 1};
    o = good;
    o.bias = &bias;
    o.n_bias = 1;
    expect_bad_option(&o, "bias of token 96");
    bias.token = -1;
    expect_bad_option(&o, "bias of token -1");
    bias = (weir_logit_bias){3, NAN};
    expect_bad_option(&o, "bias");
    bias.bias = INFINITY;
    expect_bad_option(&o, "bias");
    weir_error err;
    weir_sampler *s = NULL;
    assert_int_equal(weir_sampler_open(&s, NULL, &good, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_sampler_open(NULL, model, &good, &err), WEIR_STATUS_BAD_ARGUMENT);
}

static void test_bad_draws(void **state) {
    (void)state;
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.temperature = 1;
    weir_sampler *s = open_sampler(&o);
    float logits[N_VOCAB] = {0};
    int32_t token = -7;
    weir_error err = {0};
    logits[50] = NAN;
    assert_int_equal(weir_sampler_draw(s, logits, NULL, 0, 0, NULL, &token, &err),
                     WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "token 50 is"));
    logits[50] = INFINITY;
    assert_int_equal(weir_sampler_draw(s, logits, NULL, 0, 0, NULL, &token, &err),
                     WEIR_STATUS_FAILED);
    logits[50] = 0;
    const uint32_t none[N_VOCAB / 32] = {0};
    assert_int_equal(weir_sampler_draw(s, logits, NULL, 0, 0, none, &token, &err),
                     WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "no token is allowed"));
    const int32_t bad[] = {1, N_VOCAB}, negative[] = {-1};
    assert_int_equal(weir_sampler_draw(s, logits, bad, 2, 0, NULL, &token, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_sampler_draw(s, logits, negative, 1, 0, NULL, &token, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_sampler_draw(s, logits, bad, 1, 2, NULL, &token, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_sampler_draw(s, NULL, NULL, 0, 0, NULL, &token, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(token, -7);
    weir_sampler_close(&s);
}

/* ---- defaults ------------------------------------------------------------------------------- */

static char folder[] = "/tmp/weir-sampling-XXXXXX";

static void expect_defaults(const char *path, const char *source, float temperature, uint32_t top_k,
                            float top_p, float min_p, float repetition, uint32_t last_n) {
    weir_error err = {0};
    weir_model *m = NULL;
    if (weir_model_open(&m, path, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_sampling o;
    const char *from = NULL;
    weir_sampling_for_model(&o, m, &from);
    if (strcmp(from, source) != 0)
        fail_msg("from '%s', expected '%s'", from, source);
    if (o.temperature != temperature || o.top_k != top_k || o.top_p != top_p || o.min_p != min_p ||
        o.repetition_penalty != repetition || o.repeat_last_n != last_n)
        fail_msg("%s: temperature %g, top_k %u, top_p %g, min_p %g, repetition %g, last %u", source,
                 (double)o.temperature, o.top_k, (double)o.top_p, (double)o.min_p,
                 (double)o.repetition_penalty, o.repeat_last_n);
    assert_int_equal(o.n_bias, 0);
    weir_sampling_for_model(&o, m, NULL);
    weir_sampler *s = NULL; /* no options: these */
    assert_int_equal(weir_sampler_open(&s, m, NULL, &err), WEIR_STATUS_OK);
    weir_sampler_close(&s);
    weir_model_close(&m);
}

static void test_defaults(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    tensor_list list = list_for_gguf(model);
    char path[128];
    snprintf(path, sizeof path, "%s/x.gguf", folder);

    const char *const names[][2] = {
        {"LFM2 24B A2B", "recommended for LFM2-24B-A2B"},
        {"lfm2_24b_a2b-instruct", "recommended for LFM2-24B-A2B"},
        {"LFM2.5-8B-A1B", "recommended for LFM2.5-8B-A1B"},
        {"my LFM2-8B-A1B tune", "recommended for LFM2-8B-A1B"},
        {"LFM2-1.2B-Tool", "recommended for LFM2-1.2B-Tool"},
        {"LFM2-1.2B", "recommended for LFM2-1.2B"},
        {"LFM2.5-24B-A2B", "none: greedy"},
        {"LFM2", "none: greedy"},
    };
    const float temperatures[] = {0.1f, 0.1f, 0.2f, 0.3f, 0, 0.3f, 0, 0};
    const uint32_t top_ks[] = {50, 50, 80, 0, 0, 0, 0, 0};
    const float min_ps[] = {0, 0, 0, 0.15f, 0, 0.15f, 0, 0};
    const float penalties[] = {1.05f, 1.05f, 1.05f, 1.05f, 1, 1.05f, 1, 1};
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        const key_change changes[] = {{"general.name", KEY_TEXT, 0, names[i][0]},
                                      {NULL, KEY_DROP, 0, NULL}};
        write_gguf(path, &model->h, &list, changes);
        expect_defaults(path, names[i][1], temperatures[i], top_ks[i], 1, min_ps[i], penalties[i],
                        0);
    }
    char named[160];
    snprintf(named, sizeof named, "%s/LFM2-350M-Q4_0.gguf", folder);
    const key_change other_name[] = {{"general.name", KEY_TEXT, 0, "output"},
                                     {NULL, KEY_DROP, 0, NULL}};
    write_gguf(named, &model->h, &list, other_name);
    expect_defaults(named, "recommended for LFM2-350M", 0.3f, 0, 1, 0.15f, 1.05f, 0);

    const key_change metadata[] = {{"general.name", KEY_TEXT, 0, "LFM2-24B-A2B"},
                                   {"general.sampling.temp", KEY_F32, 0.5, NULL},
                                   {"general.sampling.top_k", KEY_I32, 20, NULL},
                                   {"general.sampling.top_p", KEY_F32, 0.75, NULL},
                                   {"general.sampling.min_p", KEY_F32, 0.25, NULL},
                                   {"general.sampling.penalty_repeat", KEY_F32, 1.5, NULL},
                                   {"general.sampling.penalty_last_n", KEY_I32, 64, NULL},
                                   {NULL, KEY_DROP, 0, NULL}};
    write_gguf(path, &model->h, &list, metadata);
    expect_defaults(path, "file metadata", 0.5f, 20, 0.75f, 0.25f, 1.5f, 64);
    const key_change partial[] = {{"general.sampling.top_k", KEY_I32, 500, NULL},
                                  {"general.sampling.penalty_repeat", KEY_F32, 1.5, NULL},
                                  {"general.sampling.penalty_last_n", KEY_I32, 0, NULL},
                                  {NULL, KEY_DROP, 0, NULL}};
    write_gguf(path, &model->h, &list, partial);
    expect_defaults(path, "file metadata", 1, 0, 1, 0, 1, 0);
    const key_change nonsense[] = {{"general.sampling.temp", KEY_F32, -3, NULL},
                                   {NULL, KEY_DROP, 0, NULL}};
    write_gguf(path, &model->h, &list, nonsense);
    expect_defaults(path, "none: greedy", 0, 0, 1, 0, 1, 0);
    list_free(&list);

    static const struct {
        const char *json, *source;
        float temperature, min_p, repetition;
    } configs[] = {
        {"{\"bos_token_id\":1}", "none: greedy", 0, 0, 1},
        {"{\"temperature\":0.5,\"min_p\":0.25,\"repetition_penalty\":1.5,\"do_sample\":true}",
         "generation_config.json", 0.5f, 0.25f, 1.5f},
        {"{\"temperature\":0.5,\"do_sample\":false}", "generation_config.json", 0, 0, 1},
        {"{\"do_sample\":true}", "generation_config.json", 1, 0, 1},
        {"{\"repetition_penalty\":1.5}", "generation_config.json", 0, 0, 1.5f},
        {"{\"min_p\":0.25}", "generation_config.json", 1, 0.25f, 1},
        {"{\"min_p\":7}", "none: greedy", 0, 0, 1},
        {"not json", "none: greedy", 0, 0, 1},
    };
    char source[512], hf[128];
    snprintf(source, sizeof source, "%s/golden/dense_tiny", WEIR_TEST_DATA);
    snprintf(hf, sizeof hf, "%s/hf", folder);
    char *config = read_text(source, "config.json");
    list = list_of_folder(model);
    write_folder(hf, config, &list);
    for (size_t i = 0; i < WEIR_COUNT(configs); i++) {
        write_text(hf, "generation_config.json", configs[i].json);
        expect_defaults(hf, configs[i].source, configs[i].temperature, 0, 1, configs[i].min_p,
                        configs[i].repetition, 0);
    }
    free(config);
    list_free(&list);
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void test_seed(void **state) {
    (void)state;
    assert_int_not_equal(weir_seed_random(), weir_seed_random());
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.temperature = 1;
    float logits[N_VOCAB] = {0};
    const int32_t history[] = {1, 2, 3};
    uint32_t n_seen = 0, seen[N_VOCAB] = {0};
    for (o.seed = 0; o.seed < 200; o.seed++) {
        weir_sampler *s = open_sampler(&o);
        int32_t token = draw(s, logits, history, 3, 3, NULL);
        n_seen += seen[token]++ == 0;
        weir_sampler_close(&s);
    }
    assert_true(n_seen > N_VOCAB / 2); /* another seed is another answer */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain), cmocka_unit_test(test_no_memory_of_past),
        cmocka_unit_test(test_greedy),        cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_extremes),      cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_bad_options),   cmocka_unit_test(test_bad_draws),
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_seed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
