/* gpu_cublaslt_facts.h: what gpu_cublaslt.c knows of the library's binary interface. */
#ifndef WEIR_BENCH_GPU_CUBLASLT_FACTS_H
#define WEIR_BENCH_GPU_CUBLASLT_FACTS_H

#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_CUBLASLT_OP_T = 1,
    WEIR_CUBLASLT_R_32F = 0,
    WEIR_CUBLASLT_R_16BF = 14,
    WEIR_CUBLASLT_COMPUTE_32F = 68,
    WEIR_CUBLASLT_DESC_TRANSA = 3,
    WEIR_CUBLASLT_WISH_WORKSPACE = 1, /* bytes, a size_t */
    WEIR_CUBLASLT_NOT_SUPPORTED = 15
};

/* cublasLtMatmulHeuristicResult_t */
typedef struct weir_cublaslt_choice {
    uint64_t algorithm[8];
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
} weir_cublaslt_choice;

#endif
