/*
 * kv_cuda.cuh: where a vector of K or V lies in the pages of a timeline, and how it is written:
 * what every kernel that stores K and V shares. Rounds as weir_kv_store does, to the bit.
 */
#ifndef WEIR_CUDA_KV_CUDA_CUH
#define WEIR_CUDA_KV_CUDA_CUH

#include "cuda/cuda_words.cuh"

enum {
    CU_KV_F32 = 0, /* weir_kv_type */
    CU_KV_F16 = 1,
    CU_KV_Q8 = 2,
    CU_Q8_VALUES = CU_WARP, /* of a block, which is one group of dimensions */
    CU_Q8_BYTES = 34
};

CU_DEVICE uint8_t *cu_kv_vector(const weir_cuda_kv &kv, const uint32_t *pages, uint32_t pos,
                                size_t head_at) {
    return kv.pool + pages[pos / kv.page_tokens] * kv.page_bytes + head_at +
           pos % kv.page_tokens * kv.token_stride;
}

/* Value i = 32 g + lane of a vector, by all lanes of a warp. */
CU_DEVICE void cu_kv_store(const weir_cuda_kv &kv, uint8_t *vector, uint32_t i, float value) {
    if (kv.type == CU_KV_F32 && i < kv.head_dim)
        ((float *)vector)[i] = value;
    if (kv.type == CU_KV_F16 && i < kv.head_dim)
        ((uint16_t *)vector)[i] = cu_float_half(value);
    if (kv.type != CU_KV_Q8)
        return;
    uint8_t *block = vector + (size_t)(i / CU_Q8_VALUES) * CU_Q8_BYTES;
    float d = cu_warp_max(fabsf(value)) / 127.0f; /* fmaxf passes over NaN, on both sides */
    float inverse = d > 0 ? 1.0f / d : 0.0f;
    float q = roundf(value * inverse);
    if (i % CU_Q8_VALUES == 0)
        *(uint16_t *)block = cu_float_half(d);
    block[2 + i % CU_Q8_VALUES] = (uint8_t)(int8_t)(q >= -127.0f && q <= 127.0f ? q : 0.0f);
}

#endif
