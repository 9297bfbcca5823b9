/*
 * expert_load.h: the experts' load and the bias that evens it out (Wang et al. 2024, loss-free
 * balancing). The load is that of all micro-batches of one optimizer step; the bias moves once a
 * step and only changes which experts are chosen, never their weights.
 */
#ifndef WEIR_TRAIN_EXPERT_LOAD_H
#define WEIR_TRAIN_EXPERT_LOAD_H

#include "train/graph.h"

/* bias += rate sign(mean load - load) for each expert, then moved to mean zero. Layers without a
 * bias or without rows stay as they are. */
void weir_expert_bias_update(weir_graph *graph, float rate);

/* Standard deviation / mean of the experts' loads, averaged over the layers; 0 in dense models. */
double weir_expert_load_cv(weir_graph *graph);

#endif
