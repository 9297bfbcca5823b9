/*
 * muon.h: one step of Muon for a group of matrices (optimizer.h says what it is and which papers).
 * Owns the arithmetic; momenta and scratch are the optimizer's.
 */
#ifndef WEIR_TRAIN_MUON_H
#define WEIR_TRAIN_MUON_H

#include "train/graph.h"

/* Is it a matrix inside a layer, and neither a router nor an adapter? */
bool weir_muon_takes(const weir_param *param);

typedef struct weir_muon_step {
    float learning_rate, momentum, weight_decay;
    float gradient_scale; /* of the gradients before anything else: clipping */
} weir_muon_step;

/* Matrices of one shape that move together: parameters, gradients and momenta [n] of [rows, cols].
 */
typedef struct weir_muon_group {
    uint32_t n, rows, cols;
    float *const *p;
    const float *const *grad;
    float *const *m;
} weir_muon_group;

/* Floats of scratch that weir_muon_move needs for a group. */
size_t weir_muon_scratch(uint32_t n, uint32_t rows, uint32_t cols);
/* scratch [weir_muon_scratch], products [n] */
void weir_muon_move(weir_trainer_device *dev, const weir_muon_step *step,
                    const weir_muon_group *group, float *scratch, weir_matmul *products);

#endif
