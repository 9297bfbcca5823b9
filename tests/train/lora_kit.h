/*
 * lora_kit.h: random adapters for a model, written in either form, and the logits of an engine that
 * uses them. Include after the headers of cmocka's preamble.
 */
#ifndef WEIR_TESTS_LORA_KIT_H
#define WEIR_TESTS_LORA_KIT_H

#include "base/compiler.h"
#include "engine_fixture.h"
#include "train/lora_file.h"
#include "unit/temp_folder.h"
#include "weir_train.h"
#include <math.h>

typedef struct kit_adapter {
    uint32_t rank;
    float alpha;
    double b;          /* width of B's values; 0: zeros */
    bool with_experts; /* and the router */
    bool half_experts; /* only every second expert has one */
    bool is_rank_stabilized;
    uint64_t seed;
} kit_adapter;

static inline float *kit_values(dice *d, size_t n, double width) {
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(width * (2.0 * weir_uniform(weir_mix64(d->seed, 2, d->n++)) - 1.0));
    return values;
}

/* One for every matrix that may have one. */
static inline void kit_adapter_write(const weir_model *m, const kit_adapter *k, const char *out) {
    const weir_hparams *h = &m->h;
    size_t most = (size_t)h->n_layers * WEIR_N_PARTS * (h->n_experts + 1), n = 0;
    weir_lora_matrix *item = calloc(most, sizeof *item);
    dice d = {.seed = k->seed};
    assert_non_null(item);
    for (uint32_t layer = 0; layer < h->n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            const weir_weight *w = weir_part_find(m, (weir_part)part, layer).weight;
            bool is_stack = weir_part_get_names((weir_part)part)->is_stack;
            bool is_extra = is_stack || part == WEIR_PART_ROUTER;
            if (!w || !weir_lora_may_adapt((weir_part)part) || (is_extra && !k->with_experts))
                continue;
            for (uint32_t e = 0; e < (is_stack ? h->n_experts : 1); e++) {
                if (is_stack && k->half_experts && e % 2 == 0)
                    continue;
                item[n++] = (weir_lora_matrix){
                    .part = (weir_part)part,
                    .layer = layer,
                    .expert = e,
                    .rows = w->rows,
                    .cols = w->cols,
                    .a = kit_values(&d, (size_t)k->rank * w->cols, 1 / sqrt(w->cols)),
                    .b = kit_values(&d, (size_t)k->rank * w->rows, k->b)};
            }
        }
    weir_lora_file file = {.h = h,
                           .arch = m->info.arch,
                           .base_name = m->info.name,
                           .name = "test",
                           .rank = k->rank,
                           .alpha = k->alpha,
                           .is_rank_stabilized = k->is_rank_stabilized,
                           .item = item,
                           .n = n};
    REQUIRE_OK(weir_lora_write(out, &file, true, &test_err));
    for (size_t i = 0; i < n; i++) {
        union {
            const float *from;
            float *to;
        } a = {item[i].a}, b = {item[i].b};
        free(a.to);
        free(b.to);
    }
    free(item);
}

static inline weir_lora *kit_lora_open(weir_model *m, const char *path) {
    weir_lora *lora = NULL;
    REQUIRE_OK(weir_lora_open(&lora, m, path, &test_err));
    return lora;
}

enum { KIT_CTX = 256, KIT_BATCH = 64 };

static inline weir_engine *kit_engine(weir_model *m, const char *device, weir_lora *const *loras,
                                      const float *scales, size_t n_loras) {
    return open_engine(m, (weir_engine_options){.device = device,
                                                .kv_type = "f32",
                                                .n_threads = 2,
                                                .n_ctx = KIT_CTX,
                                                .n_seqs = 6,
                                                .n_batch = KIT_BATCH,
                                                .n_out = KIT_BATCH,
                                                .no_prefix_cache = true,
                                                .no_pin = true,
                                                .loras = loras,
                                                .lora_scales = scales,
                                                .n_loras = n_loras});
}

/* Logits [n, n_vocab] of all tokens: the first n_prompt in one step, the others one by one. Scales
 * NULL: the engine's. */
static inline float *kit_logits(weir_engine *engine, const int32_t *tokens, size_t n,
                                size_t n_prompt, const float *scales) {
    uint32_t n_vocab = vocab_of(weir_engine_model(engine));
    float *logits = malloc(n * n_vocab * sizeof *logits);
    weir_seq *seq = NULL;
    assert_non_null(logits);
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    if (scales)
        REQUIRE_OK(weir_seq_set_loras(seq, scales, &test_err));
    for (size_t done = 0; done < n;) {
        size_t run = done == 0 ? n_prompt : 1;
        weir_chunk chunk = {
            .seq = seq, .n_tokens = (uint32_t)run, .logits = logits + done * n_vocab};
        REQUIRE_OK(weir_seq_append(seq, tokens + done, run, &test_err));
        REQUIRE_OK(weir_engine_step(engine, &chunk, 1, &test_err));
        done += run;
    }
    weir_seq_close(&seq);
    return logits;
}

/* The largest difference, in parts of the largest value. */
static inline double kit_apart(const float *a, const float *b, size_t n) {
    double apart = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        apart = fmax(apart, fabs((double)a[i] - (double)b[i]));
        most = fmax(most, fabs((double)b[i]));
    }
    return apart / most;
}

#endif
