/*
 * gemm_cuda.h: products on tensor cores, in place of weir_cuda_run_linear where activations are
 * bfloat16: the same meaning of every argument, and the same promise about bits (a row's result
 * knows nothing of its company), but an arithmetic of its own: gemm_cuda.cuh has it.
 *
 * Owns no memory: what a launch needs beside its operands is the caller's scratch. Everything is
 * queued on the stream; grids are functions of the shapes, so that a captured graph may be replayed
 * with other choices.
 */
#ifndef WEIR_CUDA_GEMM_CUDA_H
#define WEIR_CUDA_GEMM_CUDA_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of scratch for all products of up to n_rows rows of y (with experts: n_rows counts each
 * choice), of matrices of up to n_cols columns, and of up to n_choices experts (1: no stack). */
size_t weir_cuda_gemm_scratch(uint32_t n_rows, uint32_t n_cols, uint32_t n_choices);

enum {
    /* The last product on this scratch had the same choices, n_rows, n_choices and
     * weir_cuda_gemm_tile_rows, so that the order of its rows still stands there. */
    WEIR_CUDA_GEMM_OLD_CHOICES = 1,
    /* Many rows go through wgmma; only where weir_cuda_prove_wgmma has said that bits are the
     * same. */
    WEIR_CUDA_GEMM_HAS_WGMMA = 2
};

/* y[r] = W x[r / x_repeat] (+ bias); values are float32, weights and x are rounded to bfloat16
 * where they meet. scratch: 16-byte aligned, as large as said above, in use until the launch has
 * run. flags: WEIR_CUDA_GEMM_... Choices are below n_choices, which is at most 1024.
 */
void weir_cuda_run_gemm(weir_cuda_stream *stream, const weir_cuda_linear *op, void *scratch,
                        uint32_t flags);

/* Rows that a product takes at once. */
uint32_t weir_cuda_gemm_tile_rows(const weir_cuda_linear *op, uint32_t flags);

/* What a proof found, in device memory. */
typedef struct weir_cuda_wgmma_proof {
    uint32_t n_values;  /* that were compared */
    uint32_t n_other;   /* of them with other bits by wgmma than by mma.sync */
    uint32_t n_missing; /* of those the ones nobody wrote: no code for this device, or it hangs */
} weir_cuda_wgmma_proof;

/* Bytes of device memory, 256-byte aligned, that a proof needs. */
size_t weir_cuda_wgmma_proof_bytes(void);
/* Queues the same products, of every size of tile, by wgmma and by mma.sync, of numbers whose sums
 * show where an instruction cuts off; the result stands at the beginning of the memory. wgmma may
 * be used where there are values and none are other. Only for devices of compute capability 9.0. */
void weir_cuda_prove_wgmma(weir_cuda_stream *stream, void *memory);

#ifdef __cplusplus
}
#endif
#endif
