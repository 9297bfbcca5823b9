/*
 * route.h: the choice of experts for one row, the same code on every host device, because two
 * devices that round differently here would run different experts.
 */
#ifndef WEIR_BACKEND_ROUTE_H
#define WEIR_BACKEND_ROUTE_H

#include "model/model.h"

/*
 * logits [n_experts] -> experts [n_experts_used] ascending by index, and their mixing weights.
 *   s = sigmoid(logits); the chosen are the top of s + bias (bias NULL: s), ties to the lower
 * index; weight = s of the chosen, without the bias; has_topk_norm: / (sum + 1e-6); x expert_scale.
 */
void weir_route_row(const weir_hparams *h, const float *bias, const float *logits, int32_t *experts,
                    float *weights);

#endif
