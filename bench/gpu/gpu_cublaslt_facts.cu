/*
 * gpu_cublaslt_facts.cu: gpu_cublaslt_facts.h against the library's own header, where there is one.
 * Compiled by nvcc and linked into nothing.
 */
#include "gpu_cublaslt_facts.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

static_assert(int(WEIR_CUBLASLT_OP_T) == int(CUBLAS_OP_T), "op");
static_assert(int(WEIR_CUBLASLT_R_32F) == int(CUDA_R_32F) &&
                  int(WEIR_CUBLASLT_R_16BF) == int(CUDA_R_16BF),
              "types");
static_assert(int(WEIR_CUBLASLT_COMPUTE_32F) == int(CUBLAS_COMPUTE_32F), "compute");
static_assert(int(WEIR_CUBLASLT_DESC_TRANSA) == int(CUBLASLT_MATMUL_DESC_TRANSA), "attribute");
static_assert(int(WEIR_CUBLASLT_WISH_WORKSPACE) == int(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES),
              "wish");
static_assert(int(WEIR_CUBLASLT_NOT_SUPPORTED) == int(CUBLAS_STATUS_NOT_SUPPORTED), "status");
static_assert(sizeof(weir_cublaslt_choice) == sizeof(cublasLtMatmulHeuristicResult_t), "size");
static_assert(offsetof(weir_cublaslt_choice, status) ==
                  offsetof(cublasLtMatmulHeuristicResult_t, state),
              "status");
static_assert(sizeof(weir_cublaslt_choice::algorithm) == sizeof(cublasLtMatmulAlgo_t), "algorithm");
#endif
