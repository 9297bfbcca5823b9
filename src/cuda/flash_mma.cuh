/*
 * flash_mma.cuh: the words of attention on tensor cores beside cuda_mma.cuh: float16 and pairs of
 * it, their product of one warp, bytes of two words, the power of two. Fragments are those of
 * cuda_mma.cuh with float16 in the place of bfloat16. For g++
 * tests/cuda_emulator/emulate_mma_half.h; test_cuda_flash.cpp holds each word against a definition
 * in plain C++.
 */
#ifndef WEIR_CUDA_FLASH_MMA_CUH
#define WEIR_CUDA_FLASH_MMA_CUH

#include "cuda/cuda_mma.cuh"

#ifdef WEIR_CUDA_EMULATED
#include <emulate_mma_half.h>
#else

/* d += a b, by all lanes of the warp; see cu_mma_bf16. */
CU_DEVICE void cu_mma_half(float d[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Two floats to nearest, ties to even; beyond 65519 infinity. */
CU_DEVICE uint32_t cu_pair_half(float low, float high) {
    uint32_t pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* Of pairs, each rounded once. */
CU_DEVICE uint32_t cu_half_sub(uint32_t a, uint32_t b) {
    uint32_t pair;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
}

CU_DEVICE uint32_t cu_half_mul(uint32_t a, uint32_t b) {
    uint32_t pair;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
}

/* Byte i is byte (selector >> 4 i) & 7 of the eight: low's are 0 to 3, high's 4 to 7. */
CU_DEVICE uint32_t cu_bytes(uint32_t low, uint32_t high, uint32_t selector) {
    return __byte_perm(low, high, selector);
}

/* 2^x to about 2 units in the last place; exactly 1 at 0, 0 at -infinity; no subnormal results. */
CU_DEVICE float cu_exp2(float x) {
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
}
#endif

#endif
