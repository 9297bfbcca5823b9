/*
 * bench_model.h: what a model needs at least: bytes to read and multiply-adds, from its file.
 *
 * Counted are matrices, keys and values, and attention. Activations, norms and the rows of the
 * embedding that are looked up are left out: they are small, and a limit may be too low but never
 * too high.
 */
#ifndef WEIR_TOOLS_BENCH_MODEL_H
#define WEIR_TOOLS_BENCH_MODEL_H

#include "weir.h"

/* Weights as they stand in the file, and values of matrices, which is multiply-adds a row. */
typedef struct weir_bench_model {
    weir_model_info info;
    double dense_bytes, dense_macs;   /* read in each step, whatever the tokens */
    double expert_bytes, expert_macs; /* of all experts of all layers */
    double head_bytes, head_macs;     /* met by rows whose logits are wanted */
    double kv_token_bytes;            /* of one token in all layers */
    double key_macs;                  /* of one row for each token that it looks at */
} weir_bench_model;

/* kv_type: NULL, or as in weir_engine_options. */
weir_status weir_bench_model_read(weir_bench_model *out, const weir_model *model,
                                  const char *kv_type, weir_error *err);

/* Experts of a layer that n_rows rows meet, if all are equally likely: E (1 - (1 - k/E)^n). */
double weir_bench_experts_met(const weir_bench_model *m, double n_rows);

typedef struct weir_bench_need {
    double read_bytes, kv_bytes /* of them */, macs;
} weir_bench_need;

/* A step of `batch` timelines that share their first `depth` tokens and have n_own of their own. */
weir_bench_need weir_bench_decode_need(const weir_bench_model *m, double depth, double n_own,
                                       uint32_t batch);
/* A prompt of n_tokens on an empty timeline, n_step tokens a step, logits of the last one. */
weir_bench_need weir_bench_prefill_need(const weir_bench_model *m, uint32_t n_tokens,
                                        uint32_t n_step);

#endif
