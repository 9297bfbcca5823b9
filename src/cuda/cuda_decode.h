/*
 * cuda_decode.h: steps of up to eight rows as one captured graph of fused stages
 * (decode_stage_cuda.h), one for each bucket of rows, with and without the head.
 *
 * A step's numbers lie in one block of device memory whose places are the bucket's, so that a graph
 * that was captured when the device was opened serves every step:
 *
 *   [rows, outputs][chunks][tokens][pos][chunk of row][out rows][kept states][pages of all chunks]
 *
 * Rows between the step's and the bucket's are of one chunk that is all replay: what still runs for
 * them writes to their places in the scratch alone. Bits are the composition's, with products on
 * tensor cores; so steps may go either way, one by one. Internal to src/cuda.
 */
#ifndef WEIR_CUDA_CUDA_DECODE_H
#define WEIR_CUDA_CUDA_DECODE_H

#include "backend/backend.h"
#include "cuda/cuda_graph.h"
#include "cuda/decode_stage_cuda.h"

enum { WEIR_CUDA_BUCKETS = 4 }; /* of 1, 2, 4 and 8 rows */

typedef struct weir_cuda weir_cuda;

typedef struct weir_cuda_decode {
    bool is_there;                                 /* the model is one for stages */
    uint8_t *host[2];                              /* [block_bytes], pinned; by turn */
    uint8_t *device;                               /* [block_bytes] */
    size_t block_bytes;                            /* of the largest bucket */
    weir_cuda_graph *graphs[WEIR_CUDA_BUCKETS][2]; /* without the head, with it; NULL: no bucket */
} weir_cuda_decode;

/* Decides, and places or measures the block. Behind weir_cuda_fast_layout. */
void weir_cuda_decode_layout(weir_cuda *cuda, weir_arena *work, weir_arena *pinned,
                             const weir_model *model, const weir_backend_options *options);
/* Captures all graphs; weights are there. On failure close what there is. */
weir_status weir_cuda_decode_open(weir_cuda *cuda, weir_error *err);
void weir_cuda_decode_close(weir_cuda *cuda);

/* Is this a step for a graph? Steps that somebody watches, that use an adapter or were cancelled
 * before they began are not. */
bool weir_cuda_decode_takes(const weir_cuda *cuda, const weir_batch *batch);
/* Queues it; its logits will be in be.scratch. Errors: be.failure. */
void weir_cuda_decode_queue(weir_cuda *cuda, const weir_batch *batch);

#endif
