/*
 * cuda_draw.h: what a step brings back: tokens that the device drew, and logits of the rows it did
 * not draw for; and tokens that a step takes from the one before it, on the device. Internal to
 * src/cuda.
 *
 * Draws are packed while the device computes the model, and follow it on the stream. A draw that
 * the device leaves to the host is learnt of when the step has been waited for; its logits are
 * there then, because the kernel has put them there. What the host packs or reads is there twice,
 * for the two steps that may be on their way.
 */
#ifndef WEIR_CUDA_CUDA_DRAW_H
#define WEIR_CUDA_CUDA_DRAW_H

#include "backend/backend.h"
#include "cuda/draw_cuda.h"

typedef struct weir_cuda weir_cuda;

/* The host's side of a step's results; all pinned. */
typedef struct weir_cuda_taken {
    uint8_t *packed;        /* [draw_bytes] draws */
    weir_cuda_drawn *drawn; /* [n_out] */
    weir_cuda_likely *top;  /* [n_out, WEIR_CUDA_DRAW_TOP] */
    float *logits;          /* [n_out, n_vocab] */
    weir_cuda_draw *draws;  /* [n_draws] within packed, rows ascending; of this step, as are: */
    uint32_t n_draws, n_out;
    float *const *logits_to; /* the batch's, which stay until they are filled */
    weir_drawn *const *drawn_to;
} weir_cuda_taken;

typedef struct weir_cuda_results {
    size_t draw_bytes;
    uint8_t *draws_device;         /* [draw_bytes] */
    weir_cuda_drawn *drawn_device; /* [n_out] of the step that drew last */
    weir_cuda_likely *top_device;  /* [n_out, WEIR_CUDA_DRAW_TOP] */
    weir_cuda_taken of[2];         /* by the turn of the step */
} weir_cuda_results;

/* Places all, or measures it. */
void weir_cuda_results_layout(weir_cuda_results *results, weir_arena *work, weir_arena *pinned,
                              const weir_model *model, const weir_backend_options *options);
/* Behind the copy of the step's tokens, which lie at cuda->step: what weir_drawn_at stands for. */
void weir_cuda_results_fetch(weir_cuda *cuda, const weir_batch *batch);
/* Behind the head, whose logits are in be.scratch: queues draws and copies. Errors: be.failure. */
void weir_cuda_results_queue(weir_cuda *cuda, const weir_batch *batch);
/* The step of this turn was waited for: fills the batch's drawn and logits. */
void weir_cuda_results_take(weir_cuda *cuda, uint32_t turn);

#endif
