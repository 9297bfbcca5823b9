/*
 * cuda_words.cuh: the words kernels are written in, for two targets.
 *
 *   nvcc                              thin wrappers over CUDA's own;
 *   g++ -DWEIR_CUDA_EMULATED          the emulator of tests/cuda_emulator: a fiber for each thread.
 *
 * Owns the launch, shared memory, barriers, exchange within a warp, float16, read-only loads and
 * the two sums over a warp that all kernels share. Owns no arithmetic of the model.
 *
 * Invariant: a word has one contract on both targets. Blocks are (32 n, 1, 1); words of the warp
 * are called by all its 32 lanes. Contraction of a product and a sum is off everywhere
 * (--fmad=false, -ffp-contract=off): where a kernel wants it, it says fmaf, so both targets round
 * alike.
 */
#ifndef WEIR_CUDA_CUDA_WORDS_CUH
#define WEIR_CUDA_CUDA_WORDS_CUH

#include "cuda/kernels_cuda.h"
#include <math.h>
#include <stdint.h>

#ifdef WEIR_CUDA_EMULATED
#include <cuda_emulator.h>
#else
#include <cuda_runtime.h>

#define CU_DEVICE            static __device__ __forceinline__
#define CU_MEMBER            __device__ __forceinline__ /* of a struct */
#define CU_KERNEL(n_threads) static __global__ void __launch_bounds__(n_threads)
/* as above, and so few registers that n_blocks fit on a multiprocessor */
#define CU_KERNEL_AT(n_threads, n_blocks) \
    static __global__ void __launch_bounds__(n_threads, n_blocks)
/* CU_SHARED(float, sums, [8]); one for the whole block */
#define CU_SHARED(type, name, dims) __shared__ __align__(16) type name dims
/* the kernel stands in brackets where it has template arguments */
#define CU_LAUNCH(kernel, grid, n_threads, stream, ...) \
    kernel<<<grid, n_threads, 0, (cudaStream_t)(stream)>>>(__VA_ARGS__)

/* all threads of the block arrive, and see what the others wrote before */
CU_DEVICE void cu_sync() {
    __syncthreads();
}

/* the same for a warp */
CU_DEVICE void cu_sync_warp() {
    __syncwarp();
}

template <class T> CU_DEVICE T cu_shuffle_xor(T value, uint32_t mask) {
    return __shfl_xor_sync(~0u, value, (int)mask);
}

template <class T> CU_DEVICE T cu_shuffle(T value, uint32_t lane) {
    return __shfl_sync(~0u, value, (int)lane);
}

/* bit l: what lane l said */
CU_DEVICE uint32_t cu_ballot(bool value) {
    return __ballot_sync(~0u, value);
}

CU_DEVICE uint32_t cu_count_bits(uint32_t bits) {
    return (uint32_t)__popc(bits);
}

/* number of the lowest bit; bits are not 0 */
CU_DEVICE uint32_t cu_lowest_bit(uint32_t bits) {
    return (uint32_t)__ffs((int)bits) - 1;
}

CU_DEVICE float cu_bits_float(uint32_t bits) {
    return __uint_as_float(bits);
}

CU_DEVICE double cu_bits_double(uint64_t bits) {
    return __longlong_as_double((long long)bits);
}

CU_DEVICE float cu_half_float(uint16_t half) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half));
    return value;
}

/* to nearest, ties to even */
CU_DEVICE uint16_t cu_float_half(float value) {
    uint16_t half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(value));
    return half;
}

/* what no thread of this launch writes; aligned to its size */
template <class T> CU_DEVICE T cu_load(const T *from) {
    return __ldg(from);
}

/* from device or shared memory, whoever wrote it; aligned to its size */
template <class T> CU_DEVICE T cu_peek(const T *from) {
    return *from;
}
#endif

enum { CU_WARP = 32 };

/* The sum over the warp, the same bits in every lane: a sum of two floats does not depend on their
 * order, and both partners of an exchange add the same two. */
CU_DEVICE float cu_warp_sum(float value) {
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1)
        value += cu_shuffle_xor(value, mask);
    return value;
}

CU_DEVICE float cu_warp_max(float value) {
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1)
        value = fmaxf(value, cu_shuffle_xor(value, mask));
    return value;
}

CU_DEVICE uint32_t cu_min(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

CU_DEVICE uint32_t cu_warp_min(uint32_t value) {
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1)
        value = cu_min(value, cu_shuffle_xor(value, mask));
    return value;
}

static inline uint32_t cu_parts(size_t n, uint32_t part) {
    return (uint32_t)((n + part - 1) / part);
}

#endif
