/*
 * graph.h: an LFM2 that learns: parameters, one forward pass that keeps what the backward pass
 * needs, and the gradients of a batch.
 *
 * A weir_graph owns: trainable parameters in one array (master weights, float32), their gradients
 * in a second, frozen weights by reference to the model they came from, and all activations. It
 * does not own an optimizer (optimizer.h) or data (data.h).
 *
 *   params   [p0][p1][p2] ... one array of n_params floats; grads has the same layout
 *   embed -> n_layers x ( norm -> conv|attn -> + -> norm -> dense|moe -> + ) -> norm -> head, loss
 *
 * Every matrix is a weir_linear_slot: trained, or frozen in whatever format the file has (then
 * dequantized when it is used), with or without a low-rank adapter (Hu et al. 2021:
 * y = x W' + scale (x A') B').
 *
 * One thread at a time.
 */
#ifndef WEIR_TRAIN_GRAPH_H
#define WEIR_TRAIN_GRAPH_H

#include "backend/train_ops.h"
#include "model/parts.h"

typedef enum weir_param_kind {
    WEIR_PARAM_MATRIX = 0, /* weight decay, Muon */
    WEIR_PARAM_EMBED = 1,  /* weight decay, AdamW */
    WEIR_PARAM_VECTOR = 2, /* norms, biases: no decay */
    WEIR_PARAM_TAPS = 3    /* convolution: no decay */
} weir_param_kind;

enum { WEIR_PARAM_NAME = WEIR_HF_NAME + 16 };

/* One trainable tensor. */
typedef struct weir_param {
    char name[WEIR_PARAM_NAME]; /* Hugging Face: "model.layers.0.conv.in_proj.weight"; of adapters
                                   "model.layers.0.conv.in_proj.lora_A.weight" */
    weir_param_kind kind;
    bool is_adapter;
    weir_part part;
    uint32_t layer, expert; /* UINT32_MAX where it has none */
    uint32_t rows, cols;    /* vectors: rows 1. Taps: [d_model, n_taps] */
    size_t at;              /* in the array of parameters */
} weir_param;

/* A matrix y = x W', with what may be trained of it. */
typedef struct weir_linear_slot {
    char name[WEIR_PARAM_NAME]; /* Hugging Face, without ".weight" */
    weir_part part;
    uint32_t layer, expert;
    uint32_t rows, cols;
    float *w, *dw;             /* [rows, cols] trained, or w alone: frozen f32; NULL: see frozen */
    const weir_weight *frozen; /* dequantized at use */
    uint32_t rank;             /* 0: no adapter */
    float scale;               /* alpha / rank, or alpha / sqrt(rank) */
    float *lora_a, *dlora_a;   /* [rank, cols] */
    float *lora_b, *dlora_b;   /* [rows, rank] */
} weir_linear_slot;

typedef struct weir_graph weir_graph;

/* Is this matrix to get an adapter? `slot` has name, part, layer, expert, rows, cols. */
typedef bool weir_adapter_filter(void *context, const weir_linear_slot *slot);

typedef struct weir_graph_options {
    /* From a configuration (all is trained, weights are set by weir_graph_init), or from a model.
     */
    const weir_hparams *hparams;
    weir_model *model;      /* hparams NULL; kept alive while the graph is open */
    const uint32_t *layers; /* [n_layers] see weir_graph_take_layers; NULL: its own. Borrowed while
                             * the graph is open */
    uint32_t n_layers;
    bool is_frozen;                      /* with model: nothing but adapters is trained */
    weir_adapter_filter *adapter_filter; /* NULL: no adapters */
    void *adapter_context;
    uint32_t lora_rank;
    float lora_scale, lora_dropout;
    uint32_t n_rows;     /* most rows of one batch */
    uint32_t n_segments; /* most samples of one batch; 0: n_rows */
    bool recompute;      /* keep layer inputs only and run each layer once more on the way back */
} weir_graph_options;

typedef struct weir_train_batch {
    uint32_t n_rows;
    const int32_t *tokens;  /* [n_rows] */
    const int32_t *targets; /* [n_rows] the token to be predicted; -1: no loss here */
    weir_segments segments;
    uint64_t dropout_key; /* of this batch, another for each; 0: nothing is dropped */
} weir_train_batch;

/* The load of one MoE layer: how many rows chose each expert, of the batches since the last
 * weir_graph_clear_load. */
typedef struct weir_expert_load {
    uint32_t layer;
    uint64_t *n_rows; /* [n_experts] */
    float *bias;      /* [n_experts] the expert bias, or NULL */
} weir_expert_load;

/* The hyperparameters of a deeper or a shallower model: layer i is layers[i] of `h`, [n], never
 * descending. A layer that stands there again is new: it begins with the weights of the one that it
 * repeats, but adds nothing to the residual stream (out_proj and w2 are 0), so that a model
 * that has all of them computes what the other did (arXiv:2401.02415, section 3.2). BAD_ARGUMENT
 * leaves `h` as it was. */
weir_status weir_graph_take_layers(weir_hparams *h, const uint32_t *layers, uint32_t n,
                                   weir_error *err);

/* NO_MEMORY names what was wanted. BAD_ARGUMENT: an adapter filter that takes nothing. */
weir_status weir_graph_open(weir_graph **out, weir_trainer_device *dev,
                            const weir_graph_options *options, weir_error *err);
void weir_graph_close(weir_graph **graph);

/* Memory that weir_graph_open takes, in bytes: parameters and gradients; activations and scratch.
 */
weir_status weir_graph_plan(const weir_graph_options *options, uint64_t *params_bytes,
                            uint64_t *activation_bytes, weir_error *err);

/* Random weights: N(0, 0.02), outputs of blocks (out_proj, w2) scaled by 1 / sqrt(2 n_layers),
 * norms 1, taps uniform within 1 / sqrt(n_taps), biases 0; adapters: A uniform within
 * 1 / sqrt(cols), B 0. Each value a function of seed, tensor name and index. */
void weir_graph_init(weir_graph *graph, uint64_t seed);

/* The weights of the model that the graph was opened with take `share` of each value, the trained
 * ones the rest: values and experts' biases. The mean of a model and of what came of it is often
 * better than either (arXiv:2109.01903, equation 1). NO_MEMORY: nothing has changed. */
weir_status weir_graph_mix_init(weir_graph *graph, float share, weir_error *err);

const weir_hparams *weir_graph_hparams(const weir_graph *graph);
weir_trainer_device *weir_graph_device(const weir_graph *graph);
size_t weir_graph_n_params(const weir_graph *graph); /* trainable tensors */
const weir_param *weir_graph_param(const weir_graph *graph, size_t i);
size_t weir_graph_n_values(const weir_graph *graph); /* floats in values and gradients */
float *weir_graph_values(weir_graph *graph);
float *weir_graph_gradients(weir_graph *graph);
void weir_graph_clear_gradients(weir_graph *graph);
/* All matrices, trained or not, for tables of what is adapted and for export. */
size_t weir_graph_n_slots(const weir_graph *graph);
const weir_linear_slot *weir_graph_slot(const weir_graph *graph, size_t i);

size_t weir_graph_n_loads(const weir_graph *graph); /* MoE layers */
weir_expert_load *weir_graph_load(weir_graph *graph, size_t i);
void weir_graph_clear_load(weir_graph *graph);

/*
 * The loss of each row [n_rows] (0 where there is no target), and, with gradient_scale > 0,
 * gradients += gradient_scale x d(sum of losses). For the mean over a step's targets:
 * gradient_scale = 1 / their number.
 */
weir_status weir_graph_run(weir_graph *graph, const weir_train_batch *batch, float gradient_scale,
                           float *token_loss, weir_error *err);

/* Logits [n_out, n_vocab] of rows out_rows [n_out], no gradients: for samples and comparisons. */
weir_status weir_graph_logits(weir_graph *graph, const weir_train_batch *batch,
                              const uint32_t *out_rows, uint32_t n_out, float *logits,
                              weir_error *err);

#endif
