/*
 * gpu_cublaslt.h: NVIDIA's library of matrix products, where it is installed, as a yardstick for
 * our own. Nothing links it: it is opened by name, and what is missing is said.
 */
#ifndef WEIR_BENCH_GPU_CUBLASLT_H
#define WEIR_BENCH_GPU_CUBLASLT_H

#include "cuda/cuda_memory.h"

typedef struct weir_cublaslt weir_cublaslt;

/* path: of the library; NULL: where the loader finds one, or the toolkit's. 0, or -1 with a line in
 * why. The caller closes it. */
int weir_cublaslt_open(weir_cublaslt **out, const char *path, char *why, size_t cap);
void weir_cublaslt_close(weir_cublaslt **library);

/* Chooses how y [n_rows, n_out] in float32 = x [n_rows, n_in] times w [n_out, n_in] transposed,
 * both bfloat16, is made in workspace_bytes; it stands until the next plan. 0 or the library's
 * status (cublasStatus_t); 15, NOT_SUPPORTED, if it knows no way. */
int weir_cublaslt_plan(weir_cublaslt *library, uint32_t n_out, uint32_t n_in, uint32_t n_rows,
                       size_t workspace_bytes);
/* Queues the planned product; all memory is the device's. 0 or a status. */
int weir_cublaslt_run(weir_cublaslt *library, const void *w, const void *x, float *y,
                      void *workspace, weir_cuda_stream *stream);

#endif
