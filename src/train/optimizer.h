/*
 * optimizer.h: from gradients to the next parameters of a graph: AdamW, or Muon for the matrices
 * inside the layers.
 *
 * A weir_optimizer owns the two moments, laid out like the graph's parameters, and the count of its
 * steps; the graph owns parameters and gradients and must outlive it. It does not own the learning
 * rate (schedule.h) or the bias of the experts (expert_load.h).
 *
 * AdamW: decoupled weight decay (Loshchilov and Hutter 2019), on matrices and embeddings only; an
 * expert that no row chose has gradient zero and takes its step all the same.
 *
 * Muon (Jordan et al. 2024): momentum, then each matrix, each expert on its own, is replaced by the
 * nearest one with equal singular values, found by five Newton-Schulz steps. Its steps are scaled
 * by 0.2 sqrt(max(rows, cols)) (Liu et al. 2025, eq. 4), the root mean square of an AdamW step, so
 * that one learning rate and one weight decay serve both. Embedding, head, router, norms, taps and
 * adapters stay with AdamW.
 */
#ifndef WEIR_TRAIN_OPTIMIZER_H
#define WEIR_TRAIN_OPTIMIZER_H

#include "train/graph.h"

typedef enum weir_optimizer_kind {
    WEIR_OPTIMIZER_ADAMW = 0,
    WEIR_OPTIMIZER_MUON = 1
} weir_optimizer_kind;

typedef struct weir_optimizer_options {
    weir_optimizer_kind kind;
    float beta1, beta2; /* 0: 0.9, 0.95 */
    float eps;          /* 0: 1e-8 */
    float weight_decay;
    float clip;     /* largest norm of all gradients together; 0: no limit */
    float momentum; /* of Muon; 0: 0.95 */
} weir_optimizer_options;

typedef struct weir_optimizer weir_optimizer;

weir_status weir_optimizer_open(weir_optimizer **out, weir_graph *graph,
                                const weir_optimizer_options *options, weir_error *err);
void weir_optimizer_close(weir_optimizer **optimizer);

/* Of all gradients together, before clipping. Not finite where a gradient is not. */
double weir_optimizer_norm(const weir_optimizer *optimizer);

/* One step; norm: what weir_optimizer_norm said, for clipping. */
void weir_optimizer_step(weir_optimizer *optimizer, double learning_rate, double norm);

/* What a checkpoint keeps. Moments [weir_graph_n_values]; the second one of what Muon moves is
 * zeros. */
float *weir_optimizer_m(weir_optimizer *optimizer);
float *weir_optimizer_v(weir_optimizer *optimizer);
uint64_t weir_optimizer_n_steps(const weir_optimizer *optimizer);
void weir_optimizer_set_n_steps(weir_optimizer *optimizer, uint64_t n_steps);

#endif
