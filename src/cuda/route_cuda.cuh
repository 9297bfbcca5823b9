/*
 * route_cuda.cuh: the choice of experts of one row, by one warp: what backend/route.c does. The op
 * (route_cuda.cu) and the stages of low-batch decode share it, so they choose alike.
 *
 * Expert e is score e / 32 of lane e % 32. The chosen are found one after the other, each as the
 * greatest of a pair (rank, lower index), then written in ascending order; their sum is taken in
 * that order. All arithmetic is route.c's. The sigmoid's exponential is computed in double and
 * rounded once, so a score has route.c's bits wherever the C library rounds expf correctly, and
 * differs in the last place otherwise.
 */
#ifndef WEIR_CUDA_ROUTE_CUDA_CUH
#define WEIR_CUDA_ROUTE_CUDA_CUH

#include "cuda/cuda_words.cuh"

/* exp(x) rounded to float: 2^k exp(r), |r| < 0.35, Taylor's series in double; the next term is
 * below 2^-41. Beyond the range of float the result is 0 or infinite, and NaN stays NaN. */
CU_DEVICE float cu_exp_once_rounded(float x) {
    if (x > 90.0f || x < -110.0f)
        return x > 0.0f ? cu_bits_float(0x7f800000u) : 0.0f;
    double k = rint((double)x * 1.4426950408889634074);
    double r = fma(-k, 2.3190468138462995584e-17, fma(-k, 0.69314718055994528623, (double)x));
    double p = fma(r, 2.7557319223985890653e-7, 2.7557319223985890653e-6);
    p = fma(r, p, 2.4801587301587301587e-5);
    p = fma(r, p, 1.9841269841269841270e-4);
    p = fma(r, p, 1.3888888888888888889e-3);
    p = fma(r, p, 8.3333333333333333333e-3);
    p = fma(r, p, 4.1666666666666666667e-2);
    p = fma(r, p, 1.6666666666666666667e-1);
    p = fma(r, p, 0.5);
    p = fma(r, p, 1.0);
    p = fma(r, p, 1.0);
    /* NaN passes the first test; its k is no number and must not become an exponent */
    int exponent = k == k ? (int)k : 0;
    return (float)(p * cu_bits_double((uint64_t)(exponent + 1023) << 52));
}

/* The best free expert. As in route.c the first free one is taken whatever its rank, and another
 * only for a greater rank: a NaN is chosen if it is the first free one and never else. */
template <uint32_t N>
CU_DEVICE uint32_t cu_best_free(const float *rank, uint32_t is_free, uint32_t lane) {
    uint32_t first = ~0u;
#pragma unroll
    for (uint32_t i = N; i > 0; i--)
        first = is_free >> (i - 1) & 1 ? (i - 1) * CU_WARP + lane : first;
    uint32_t first_free = cu_warp_min(first), best = ~0u;
    bool is_first_nan = false;
    float best_rank = 0;
#pragma unroll
    for (uint32_t i = 0; i < N; i++) {
        bool is_nan = rank[i] != rank[i], may = is_free >> i & 1;
        is_first_nan |= may && is_nan && i * CU_WARP + lane == first_free;
        if (may && !is_nan && (best == ~0u || rank[i] > best_rank)) {
            best = i * CU_WARP + lane;
            best_rank = rank[i];
        }
    }
    if (cu_ballot(is_first_nan))
        return first_free;
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1) {
        float other_rank = cu_shuffle_xor(best_rank, mask);
        uint32_t other = cu_shuffle_xor(best, mask);
        if (other != ~0u &&
            (best == ~0u || other_rank > best_rank || (other_rank == best_rank && other < best))) {
            best = other;
            best_rank = other_rank;
        }
    }
    return best;
}

/* N: scores a lane. logits [n_experts]; experts and weights [n_used], anywhere. */
template <uint32_t N>
CU_DEVICE void cu_route_row(const weir_cuda_route &op, const float *logits, int32_t *experts,
                            float *weights) {
    uint32_t lane = threadIdx.x % CU_WARP;
    float score[N], rank[N];
    uint32_t is_free = 0, is_chosen = 0; /* bit i: expert i x 32 + lane */
#pragma unroll
    for (uint32_t i = 0; i < N; i++) {
        uint32_t e = i * CU_WARP + lane;
        score[i] = rank[i] = 0;
        if (e < op.n_experts) {
            float logit = logits[e];
            score[i] = 1.0f / (1.0f + cu_exp_once_rounded(-logit));
            rank[i] = op.bias ? score[i] + op.bias[e] : score[i];
            is_free |= 1u << i;
        }
    }
    for (uint32_t j = 0; j < op.n_used; j++) {
        uint32_t best = cu_best_free<N>(rank, is_free, lane);
        if (best % CU_WARP == lane) {
            is_chosen |= 1u << best / CU_WARP;
            is_free &= ~(1u << best / CU_WARP);
        }
    }
    float sum = 0;
#pragma unroll
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t found = cu_ballot(is_chosen >> i & 1); found; found &= found - 1)
            sum += cu_shuffle(score[i], cu_lowest_bit(found));
    uint32_t n_taken = 0;
#pragma unroll
    for (uint32_t i = 0; i < N; i++) {
        uint32_t found = cu_ballot(is_chosen >> i & 1);
        if (is_chosen >> i & 1) {
            uint32_t at = n_taken + cu_count_bits(found & ((1u << lane) - 1));
            float weight = op.has_topk_norm ? score[i] / (sum + 1e-6f) : score[i];
            experts[at] = (int32_t)(i * CU_WARP + lane);
            weights[at] = weight * op.expert_scale;
        }
        n_taken += cu_count_bits(found);
    }
}

#endif
