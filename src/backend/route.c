/* route.c: see route.h. Plain loops: 64 scores, 4 chosen. */
#include "backend/route.h"
#include <assert.h>
#include <math.h>

void weir_route_row(const weir_hparams *h, const float *bias, const float *logits, int32_t *experts,
                    float *weights) {
    uint32_t n = h->n_experts, k = h->n_experts_used;
    float score[WEIR_MAX_EXPERTS]; /* sigmoid, without bias */
    bool is_chosen[WEIR_MAX_EXPERTS];
    assert(n <= WEIR_MAX_EXPERTS && k <= n);
    for (uint32_t e = 0; e < n; e++) {
        score[e] = 1.0f / (1.0f + expf(-logits[e]));
        is_chosen[e] = false;
    }
    for (uint32_t j = 0; j < k; j++) {
        uint32_t best = n;
        float best_rank = 0;
        for (uint32_t e = 0; e < n; e++) {
            float rank = bias ? score[e] + bias[e] : score[e];
            /* The first free one is taken whatever its rank, so that a NaN cannot leave a hole. */
            if (!is_chosen[e] && (best == n || rank > best_rank)) {
                best = e;
                best_rank = rank;
            }
        }
        is_chosen[best] = true;
    }
    float sum = 0;
    uint32_t n_taken = 0;
    for (uint32_t e = 0; e < n; e++) {
        if (!is_chosen[e])
            continue;
        experts[n_taken] = (int32_t)e;
        weights[n_taken++] = score[e];
        sum += score[e];
    }
    for (uint32_t j = 0; j < k; j++) {
        if (h->has_topk_norm)
            weights[j] /= sum + 1e-6f;
        weights[j] *= h->expert_scale;
    }
}
