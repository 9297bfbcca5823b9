/*
 * cuda_batch.h: a step's numbers (tokens, positions, chunks and their lists) packed into one block,
 * so that one copy brings them to the device.
 *
 *   [chunks][tokens][pos][chunk of row][out rows][pages of all chunks][kept states of all chunks]
 *   [scales of each adapter]
 */
#ifndef WEIR_CUDA_CUDA_BATCH_H
#define WEIR_CUDA_CUDA_BATCH_H

#include "backend/backend.h"
#include "cuda/kernels_cuda.h"

/* A batch in device memory. */
typedef struct weir_cuda_staged {
    weir_cuda_batch batch;
    int32_t *tokens;                   /* [n_rows] */
    const int32_t *out_rows;           /* [n_out] */
    const weir_cuda_rows *host_chunks; /* [n_chunks] on the host, as packed */
    const float *lora_scales; /* [n_loras, n_rows]: of each row's timeline; 0: it uses it not */
} weir_cuda_staged;

/* Rows outside of which no timeline of a batch uses an adapter. */
typedef struct weir_cuda_span {
    uint32_t first, n;
} weir_cuda_span;
weir_cuda_span weir_cuda_lora_span(const weir_batch *batch, uint32_t lora);

/* Bytes of the largest block there will ever be; SIZE_MAX: beyond what can be addressed. */
size_t weir_cuda_batch_bytes(const weir_model *model, const weir_backend_options *options);

/* Packs the batch and the scales of n_loras adapters into host [capacity], 64-byte aligned, and
 * fills *out with the places it will have when the bytes returned have been copied to `device`. */
size_t weir_cuda_batch_pack(weir_cuda_staged *out, const weir_batch *batch, uint32_t n_loras,
                            void *host, size_t capacity, uint8_t *device);

#endif
