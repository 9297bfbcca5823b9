/*
 * eval_side.h: a model that is measured: its engine, one timeline, the logits of the rows that were
 * run last, and the experts its layers chose for them.
 *
 * K/V are float32 unless told otherwise, so that what is measured are the weights. Works on the
 * thread of its engine.
 */
#ifndef WEIR_TOOLS_EVAL_SIDE_H
#define WEIR_TOOLS_EVAL_SIDE_H

#include "adapters.h"
#include "eval_result.h"

typedef struct weir_eval_side_options {
    /* as in weir_engine_options; kv_type NULL: "f32" */
    const char *device, *isa, *kv_type, *activations;
    const weir_string_list *loras; /* NULL: none */
    uint32_t n_threads, n_ctx;
    uint32_t n_batch; /* 0: 128; raised to what the model needs */
    bool wants_experts;
    weir_progress progress;
} weir_eval_side_options;

typedef struct weir_eval_side {
    weir_model *model;
    weir_model_info info;
    weir_adapters adapters;
    weir_engine *engine;
    weir_seq *seq;
    uint32_t n_batch;
    float *logits; /* [n_batch, n_vocab] */
    /* [n_batch, n_layers_moe, n_experts_used] of the last step; NULL: not asked for, or dense */
    uint16_t *experts;
    uint32_t n_layers_moe;
    uint32_t *n_taken; /* [n_layers_moe] rows of the step that the observer has seen */
    uint32_t n_step;   /* rows of the step */
} weir_eval_side;

/* Opens the model alone, for what it says of itself. weir_eval_side_close is due also after a
 * failure of either. */
weir_status weir_eval_side_find(weir_eval_side *out, const char *path, weir_error *err);
/* Takes the memory. The side must not move in memory from here on. */
weir_status weir_eval_side_open(weir_eval_side *side, const weir_eval_side_options *options,
                                weir_error *err);
void weir_eval_side_close(weir_eval_side *side);

/* Begins anew with tokens [n] pending. */
weir_status weir_eval_side_begin(weir_eval_side *side, const int32_t *tokens, size_t n,
                                 weir_error *err);
/* Runs the next n <= n_batch of them. */
weir_status weir_eval_side_step(weir_eval_side *side, uint32_t n, weir_error *err);

/* The default of --ctx: 2048, or the model's if that is less. */
uint32_t weir_eval_default_ctx(const weir_eval_side *side);

/* Sets what the numbers of a model depend on: device, K/V type, activations, adapters. */
weir_status weir_eval_side_describe(const weir_eval_side_options *options, const weir_model *model,
                                    weir_eval_result *result, weir_error *err);

#endif
