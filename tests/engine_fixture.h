/*
 * engine_fixture.h: tiny models and engines for tests of the engine's promises, and the oracle they
 * are held against: a fresh prefill of the same tokens on an engine that shares nothing.
 */
#ifndef WEIR_TESTS_ENGINE_FIXTURE_H
#define WEIR_TESTS_ENGINE_FIXTURE_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/random.h"
#include "weir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static weir_error test_err;

/* For calls whose last argument is &test_err. */
#define REQUIRE_OK(call)                                              \
    do {                                                              \
        if ((call) != WEIR_STATUS_OK)                                 \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, test_err.text); \
    } while (0)

typedef struct dice {
    uint64_t seed, n;
} dice;

static inline uint32_t roll(dice *d, uint32_t sides) {
    return (uint32_t)(weir_mix64(d->seed, 1, d->n++) % sides);
}

/* "moe_top2", or "moe_k256:q4_k": the same with its matrices in another format. */
static inline weir_model *open_golden(const char *name) {
    char path[512];
    weir_model *model = NULL;
    size_t n = strcspn(name, ":");
    snprintf(path, sizeof path, "%s/golden/%.*s", WEIR_TEST_DATA, (int)n, name);
    if (!name[n]) {
        REQUIRE_OK(weir_model_open(&model, path, &test_err));
        return model;
    }
    char converted[] = "golden-converted-XXXXXX";
    close(mkstemp(converted));
    weir_convert_options o = {.type = name + n + 1, .overwrite = true};
    REQUIRE_OK(weir_convert(path, converted, &o, &test_err));
    REQUIRE_OK(weir_model_open(&model, converted, &test_err));
    unlink(converted); /* the mapping lives on */
    return model;
}

static inline uint32_t vocab_of(const weir_model *model) {
    weir_model_info info;
    weir_model_get_info(model, &info);
    return info.n_vocab;
}

static inline weir_engine *open_engine(weir_model *model, weir_engine_options o) {
    weir_engine *engine = NULL;
    REQUIRE_OK(weir_engine_open(&engine, model, &o, &test_err));
    return engine;
}

static inline void roll_tokens(dice *d, uint32_t n_vocab, int32_t *tokens, size_t n) {
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)roll(d, n_vocab);
}

/* Logits after `tokens`, computed alone from nothing. The engine must have no prefix cache. */
static inline void fresh_logits(weir_engine *engine, const int32_t *tokens, size_t n,
                                float *logits) {
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, n, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    memcpy(logits, weir_seq_logits(seq), vocab_of(weir_engine_model(engine)) * sizeof(float));
    weir_seq_close(&seq);
}

static inline void require_same_bits(const float *a, const float *b, size_t n, const char *what) {
    if (!a || memcmp(a, b, n * sizeof *a) == 0) {
        if (!a)
            fail_msg("%s: no logits", what);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s: value %zu is %.9g, expected the bits of %.9g", what, i, (double)a[i],
                     (double)b[i]);
}

#endif
