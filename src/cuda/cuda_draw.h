/*
 * cuda_draw.h: what a step brings back: tokens that the device drew, and logits of the rows it did
 * not draw for. Internal to src/cuda.
 *
 * Draws are packed while the device computes the model, and follow it on the stream. A draw that
 * the device leaves to the host is learnt of when the step has been waited for; its logits are
 * fetched then.
 */
#ifndef WEIR_CUDA_CUDA_DRAW_H
#define WEIR_CUDA_CUDA_DRAW_H

#include "backend/backend.h"
#include "cuda/draw_cuda.h"

typedef struct weir_cuda weir_cuda;

typedef struct weir_cuda_results {
    size_t draw_bytes;
    uint8_t *draws_device;         /* [draw_bytes] */
    uint8_t *draws_host;           /* [draw_bytes], pinned */
    weir_cuda_drawn *drawn_device; /* [n_out] */
    weir_cuda_drawn *drawn;        /* [n_out], pinned */
    weir_cuda_likely *top_device;  /* [n_out, WEIR_CUDA_DRAW_TOP] */
    weir_cuda_likely *top;         /* [n_out, WEIR_CUDA_DRAW_TOP], pinned */
    float *logits;                 /* [n_out, n_vocab], pinned */
} weir_cuda_results;

/* Places all, or measures it. */
void weir_cuda_results_layout(weir_cuda_results *results, weir_arena *work, weir_arena *pinned,
                              const weir_model *model, const weir_backend_options *options);
/* Behind the head, whose logits are in be.scratch: queues draws and copies. Errors: be.failure. */
void weir_cuda_results_queue(weir_cuda *cuda, const weir_batch *batch);
/* The step was waited for: fills the batch's drawn and logits. Errors: be.failure, and then they
 * must not be looked at. */
void weir_cuda_results_take(weir_cuda *cuda, const weir_batch *batch);

#endif
