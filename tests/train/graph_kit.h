/*
 * graph_kit.h: what the tests of the training graph share: small configurations with every form a
 * model of the family can have, random weights, batches of random samples, devices.
 */
#ifndef WEIR_TRAIN_GRAPH_KIT_H
#define WEIR_TRAIN_GRAPH_KIT_H

#include "base/compiler.h"
#include "engine_fixture.h"
#include "train/graph.h"
#include <math.h>

/* ---- configurations -------------------------------------------------------------------------- */

typedef struct kit_form {
    const char *label;
    uint32_t n_experts, n_used, n_dense; /* 0 experts: dense */
    uint32_t n_heads_kv, l_cache;
    float expert_scale;
    bool has_topk_norm, has_expert_bias, has_conv_bias, is_tied;
} kit_form;

static const kit_form kit_forms[] = {
    {"dense", 0, 0, 4, 2, 3, 1, false, false, false, true},
    {"dense, untied, biases, 4 taps", 0, 0, 4, 4, 4, 1, false, false, true, false},
    {"experts", 6, 2, 1, 2, 3, 1, true, true, false, true},
    {"experts, plain router, untied, biases", 5, 3, 0, 1, 3, 2.5f, false, false, true, false},
};
enum { KIT_FORMS = WEIR_COUNT(kit_forms) };

/* conv, attention, conv, attention. Widths that no vector length divides. */
static inline weir_hparams kit_hparams(const kit_form *form) {
    weir_hparams h = {.n_layers = 4,
                      .d_model = 36,
                      .n_vocab = 53,
                      .n_heads = 4,
                      .head_dim = 10,
                      .d_ff = 44,
                      .n_experts = form->n_experts,
                      .n_experts_used = form->n_used,
                      .d_ff_expert = form->n_experts ? 20 : 0,
                      .n_layers_dense = form->n_dense,
                      .l_cache = form->l_cache,
                      .n_ctx = 512,
                      .norm_eps = 1e-5f,
                      .rope_theta = 1e4f,
                      .expert_scale = form->expert_scale,
                      .has_topk_norm = form->has_topk_norm,
                      .has_expert_bias = form->has_expert_bias,
                      .has_conv_bias = form->has_conv_bias,
                      .is_tied = form->is_tied,
                      .bos = -1,
                      .eos = -1,
                      .pad = -1};
    for (uint32_t i = 0; i < h.n_layers; i++) {
        h.kind[i] = i % 2 ? WEIR_LAYER_ATTN : WEIR_LAYER_CONV;
        h.n_heads_kv[i] = i % 2 ? form->n_heads_kv : 0;
    }
    REQUIRE_OK(weir_hparams_check(&h, form->label, &test_err));
    return h;
}

/* ---- devices --------------------------------------------------------------------------------- */

typedef struct kit_choice {
    const char *device, *isa;
    bool is_exact;
} kit_choice;

static kit_choice kit_choices[] = {
    {"reference", NULL, true}, {"cpu", "portable", true}, {"cpu", "avx2", true},
    {"cpu", "avx512", true},   {"cpu", "neon", true},     {"cpu", NULL, false},
    {"cpu", NULL, true},
};
enum { KIT_REFERENCE = 0, KIT_CPU = 6 };

/* A test for each device, for those of float32 alone, and for the two kinds of device; its state is
 * the kit_choice. */
#define KIT_FOR(test, i) \
    { #test, test, NULL, NULL, &kit_choices[i] }
#define KIT_FOR_EXACT(test) \
    KIT_FOR(test, 0), KIT_FOR(test, 1), KIT_FOR(test, 2), KIT_FOR(test, 3), KIT_FOR(test, 4)
#define KIT_FOR_ALL(test)  KIT_FOR_EXACT(test), KIT_FOR(test, 5)
#define KIT_FOR_BOTH(test) KIT_FOR(test, KIT_REFERENCE), KIT_FOR(test, KIT_CPU)

/* The device, or the test is skipped. */
static inline weir_trainer_device *kit_device(void **state, uint32_t n_threads) {
    const kit_choice *choice = *state;
    weir_trainer_device_options options = {.device = choice->device,
                                           .isa = choice->isa,
                                           .n_threads = n_threads,
                                           .is_exact = choice->is_exact,
                                           .no_pin = true};
    weir_trainer_device *dev = NULL;
    if (weir_trainer_device_open(&dev, &options, &test_err) != WEIR_STATUS_OK) {
        print_message("skipped: %s\n", test_err.text);
        skip();
    }
    return dev;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

/* In [-1, 1): number i of a stream named by its owner's place. */
static inline double kit_uniform(uint64_t seed, uint64_t stream, uint64_t i) {
    return 2.0 * weir_uniform(weir_mix64(seed, stream, i)) - 1.0;
}

static inline bool kit_has(const char *name, const char *part) {
    return strstr(name, part) != NULL;
}

/* Weights with which no block is nearly linear, and biases that change the choice of experts. */
static inline void kit_fill(weir_graph *graph, uint64_t seed) {
    for (size_t p = 0; p < weir_graph_n_params(graph); p++) {
        const weir_param *param = weir_graph_param(graph, p);
        float *values = weir_graph_values(graph) + param->at;
        double width = param->kind == WEIR_PARAM_MATRIX ? 1.8 / sqrt(param->cols) : 1.0, mean = 0;
        if (kit_has(param->name, ".bias"))
            width = 0.3;
        else if (param->kind == WEIR_PARAM_VECTOR)
            width = 0.3, mean = 1;
        for (size_t i = 0; i < (size_t)param->rows * param->cols; i++)
            values[i] = (float)(mean + width * kit_uniform(seed, p, i));
    }
    for (size_t l = 0; l < weir_graph_n_loads(graph); l++)
        for (uint32_t e = 0; e < weir_graph_hparams(graph)->n_experts; e++)
            if (weir_graph_load(graph, l)->bias)
                weir_graph_load(graph, l)->bias[e] = (float)(0.1 * kit_uniform(seed, 999 + l, e));
}

static inline weir_graph *kit_graph(weir_trainer_device *dev, const kit_form *form, uint32_t n_rows,
                                    bool recompute, uint64_t seed) {
    weir_hparams h = kit_hparams(form);
    weir_graph_options options = {.hparams = &h, .n_rows = n_rows, .recompute = recompute};
    weir_graph *graph = NULL;
    REQUIRE_OK(weir_graph_open(&graph, dev, &options, &test_err));
    kit_fill(graph, seed);
    return graph;
}

/* A graph on a model: of all of it, or of adapters alone. */
static inline weir_graph *kit_graph_of(weir_trainer_device *dev, weir_model *model, uint32_t n_rows,
                                       weir_adapter_filter *filter) {
    weir_graph_options options = {.model = model,
                                  .is_frozen = filter,
                                  .adapter_filter = filter,
                                  .lora_rank = filter ? 3 : 0,
                                  .lora_scale = 1.5f,
                                  .n_rows = n_rows};
    weir_graph *graph = NULL;
    REQUIRE_OK(weir_graph_open(&graph, dev, &options, &test_err));
    return graph;
}

static inline bool kit_adapt_all(void *context, const weir_linear_slot *slot) {
    (void)context;
    (void)slot;
    return true;
}

/* ---- batches --------------------------------------------------------------------------------- */

enum { KIT_ROWS = 160, KIT_SAMPLES = 40 };

typedef struct kit_batch {
    int32_t tokens[KIT_ROWS], targets[KIT_ROWS];
    weir_segment segments[KIT_SAMPLES];
    uint32_t n_targets;
    weir_train_batch batch;
} kit_batch;

/* Samples of these lengths with random tokens; about a fifth of the targets left out. */
static inline void kit_make_batch(kit_batch *b, dice *d, uint32_t n_vocab, const uint32_t *lengths,
                                  uint32_t n_samples) {
    uint32_t n = 0;
    memset(b, 0, sizeof *b);
    for (uint32_t s = 0; s < n_samples; n += lengths[s++]) {
        assert_true(s < KIT_SAMPLES && n + lengths[s] <= KIT_ROWS);
        b->segments[s] = (weir_segment){n, lengths[s]};
        roll_tokens(d, n_vocab, b->tokens + n, lengths[s]);
        for (uint32_t i = 0; i < lengths[s]; i++) {
            bool has_target = i + 1 < lengths[s] && roll(d, 5) > 0;
            b->targets[n + i] = has_target ? b->tokens[n + i + 1] : -1;
            b->n_targets += has_target;
        }
    }
    b->batch = (weir_train_batch){.n_rows = n,
                                  .tokens = b->tokens,
                                  .targets = b->targets,
                                  .segments = {b->segments, n_samples, n}};
}

/* One sample of it as a batch of its own; *whole holds the segment. */
static inline weir_train_batch kit_sample(const kit_batch *b, uint32_t s, weir_segment *whole) {
    const weir_segment *segment = &b->segments[s];
    *whole = (weir_segment){0, segment->n_rows};
    return (weir_train_batch){.n_rows = segment->n_rows,
                              .tokens = b->tokens + segment->first_row,
                              .targets = b->targets + segment->first_row,
                              .segments = {whole, 1, segment->n_rows},
                              .dropout_key = b->batch.dropout_key};
}

/* The mean loss; token_loss [n_rows] may be NULL. With is_back the gradients of it are added. */
static inline double kit_loss(weir_graph *graph, const kit_batch *b, bool is_back) {
    float loss[KIT_ROWS];
    double sum = 0;
    float scale = is_back ? 1.0f / (float)b->n_targets : 0;
    REQUIRE_OK(weir_graph_run(graph, &b->batch, scale, loss, &test_err));
    for (uint32_t r = 0; r < b->batch.n_rows; r++)
        sum += (double)loss[r];
    return sum / b->n_targets;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static inline float *kit_copy(const float *x, size_t n) {
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    memcpy(p, x, n * sizeof *p);
    return p;
}

static inline double kit_norm(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* |a - b| / |b| */
static inline double kit_distance(const float *a, const float *b, size_t n) {
    double diff = 0;
    for (size_t i = 0; i < n; i++)
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    double size = kit_norm(b, n);
    return size > 0 ? sqrt(diff) / size : sqrt(diff);
}

/* Every tensor of a's gradients near that of `want`, laid out as a's are. */
static inline void kit_require_near(weir_graph *a, const float *got, const float *want,
                                    double bound, const char *what) {
    for (size_t p = 0; p < weir_graph_n_params(a); p++) {
        const weir_param *param = weir_graph_param(a, p);
        size_t n = (size_t)param->rows * param->cols;
        double distance = kit_distance(got + param->at, want + param->at, n);
        if (!(distance <= bound))
            fail_msg("%s: %s: relative L2 %.3g, expected at most %.3g", what, param->name, distance,
                     bound);
    }
}

#endif
