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

/* y[r] = W x[r / x_repeat] (+ bias); values are float32, weights and x are rounded to bfloat16
 * where they meet. scratch: 16-byte aligned, as large as said above, in use until the launch has
 * run. are_choices_old: the last product on this scratch had the same choices, n_rows and
 * n_choices, so that the order of its rows still stands there. Choices are below n_choices, which
 * is at most 1024.
 */
void weir_cuda_run_gemm(weir_cuda_stream *stream, const weir_cuda_linear *op, void *scratch,
                        int are_choices_old);

#ifdef __cplusplus
}
#endif
#endif
