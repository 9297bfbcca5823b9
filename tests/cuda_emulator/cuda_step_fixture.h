/*
 * cuda_step_fixture.h: what the tests of the CUDA backend share: a pair of devices on one model,
 * the reference and CUDA on the emulator, and batches built chunk by chunk.
 */
#ifndef WEIR_TESTS_CUDA_STEP_FIXTURE_H
#define WEIR_TESTS_CUDA_STEP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "cuda/cuda.h"
#include "cuda_memory_emulated.h"
#include "kernels/small_model.h"

enum { PAIR_PAGES = 16, PAIR_STATES = 10, PAIR_BATCH = 96, PAIR_CHUNKS = 4 };

/* A matrix row of every format is a multiple of 256. */
static const small_spec pair_moe = {.d_model = 256,
                                    .n_heads = 4,
                                    .n_heads_kv = 1,
                                    .head_dim = 64,
                                    .d_ff = 256,
                                    .n_experts = 4,
                                    .n_used = 2,
                                    .d_ff_expert = 256,
                                    .l_cache = 3,
                                    .n_vocab = 40,
                                    .format = WEIR_FORMAT_Q4_0,
                                    .seed = 31};

/* Nothing is a multiple of anything: rows of odd bytes, four taps, biases. */
static const small_spec pair_dense = {.d_model = 42,
                                      .n_heads = 3,
                                      .n_heads_kv = 1,
                                      .head_dim = 14,
                                      .d_ff = 50,
                                      .l_cache = 4,
                                      .n_vocab = 33,
                                      .format = WEIR_FORMAT_F16,
                                      .has_bias = true,
                                      .seed = 32};

static inline weir_backend_options pair_options(weir_kv_type kv_type) {
    return (weir_backend_options){.activations = WEIR_ACTIVATIONS_F32,
                                  .kv_type = kv_type,
                                  .n_threads = 1,
                                  .n_pages = PAIR_PAGES,
                                  .n_states = PAIR_STATES,
                                  .n_batch = PAIR_BATCH,
                                  .n_chunks = PAIR_CHUNKS,
                                  .n_out = PAIR_BATCH};
}

typedef struct pair {
    weir_backend *reference, *cuda;
} pair;

static inline pair pair_open(const weir_model *model, const weir_backend_options *options) {
    pair p;
    weir_error err = {0};
    emulated_reset();
    if (weir_reference_open(&p.reference, model, options, &err) != WEIR_STATUS_OK ||
        weir_cuda_open(&p.cuda, model, options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return p;
}

static inline void pair_close(pair *p) {
    p->reference->close(p->reference);
    p->cuda->close(p->cuda);
    assert_int_equal(emulated_get()->n_taken, 0);
    assert_int_equal(emulated_get()->taken_bytes, 0);
}

/* A batch of rows of timelines. */
typedef struct pair_step {
    weir_batch batch;
    weir_rows chunks[PAIR_CHUNKS];
    int32_t tokens[PAIR_BATCH];
    uint32_t pos[PAIR_BATCH], out_rows[PAIR_BATCH];
    float *logits[PAIR_BATCH];
} pair_step;

/* Adds tokens [chunk->n_rows] whose logits go to [n_rows, n_vocab]; logits NULL: not wanted. */
static inline void pair_add(pair_step *s, const weir_rows *chunk, const int32_t *tokens,
                            float *logits, uint32_t n_vocab) {
    weir_batch *b = &s->batch;
    weir_rows *c = &s->chunks[b->n_chunks++];
    *c = *chunk;
    c->first_row = b->n_rows;
    for (uint32_t i = 0; i < c->n_rows; i++) {
        s->tokens[b->n_rows] = tokens[i];
        s->pos[b->n_rows] = c->first_pos + i;
        if (logits) {
            s->out_rows[b->n_out] = b->n_rows;
            s->logits[b->n_out++] = logits + (size_t)i * n_vocab;
        }
        b->n_rows++;
    }
    b->tokens = s->tokens;
    b->pos = s->pos;
    b->chunks = s->chunks;
    b->out_rows = s->out_rows;
    b->logits = s->logits;
}

static inline void pair_run(weir_backend *be, const pair_step *s) {
    weir_error err = {0};
    if (weir_backend_step(be, &s->batch, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

static inline void pair_tokens(int32_t *tokens, size_t n, uint32_t n_vocab) {
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)(weir_mix64(8, 9, i) % n_vocab);
}

/* ||got - want|| / ||want|| */
static inline double pair_error(const float *got, const float *want, size_t n) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += (double)want[i] * want[i];
    }
    return sqrt(off / all);
}

/* Every row of width values within the tolerance. */
static inline void assert_near(const char *what, const float *got, const float *want, size_t n_rows,
                               size_t width, double tolerance) {
    for (size_t r = 0; r < n_rows; r++) {
        double error = pair_error(got + r * width, want + r * width, width);
        if (!(error <= tolerance))
            fail_msg("%s: row %zu is off by %.3g of its length, expected %.3g at most", what, r,
                     error, tolerance);
    }
}

static inline void assert_bits(const char *what, const void *got, const void *want, size_t bytes) {
    if (memcmp(got, want, bytes) != 0)
        fail_msg("%s: other bits than expected", what);
}

#endif
