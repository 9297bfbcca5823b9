/*
 * draw_cuda.h: the launch that draws tokens where the logits are: engine/sampler.c's tokens, bit
 * for bit, for all that weir_draw (backend/backend.h) says.
 *
 * One block a draw. It looks at the WEIR_DRAW_LIST likeliest tokens one by one; where the draw
 * falls on another, and where a logit is no number or no token is allowed, it says so and leaves
 * the logits where the host can read them. What was drawn may be a token of the next step before
 * the host knows it: weir_cuda_run_fetch.
 */
#ifndef WEIR_CUDA_DRAW_CUDA_H
#define WEIR_CUDA_DRAW_CUDA_H

#include "backend/draw.h"
#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_CUDA_DRAW_TOP = 64,            /* WEIR_DRAWN_TOP */
    WEIR_CUDA_DRAW_NO_BITS = 0xffffffff /* of mask_at and recent_at */
};

/* As weir_draw. Bits of the vocabulary are words_for(n_vocab) words each. */
typedef struct weir_cuda_draw {
    double scale, span;
    uint64_t uniform;
    float top_p, repetition, presence, frequency;
    uint32_t top_k;
    uint32_t row;                   /* of the logits, and of what is drawn */
    uint32_t mask_at, recent_at;    /* number in the batch's bits, or NO_BITS */
    uint32_t changes_at, n_changes; /* in the batch's changes */
    uint32_t lacks_last; /* with presence or frequency: there is room for a change more */
    uint32_t wants_logprob, n_top;
} weir_cuda_draw;

typedef struct weir_cuda_drawn {
    int32_t token; /* -1: not found */
    uint32_t rank;
    float logit, best; /* of the token and the largest, as the model gave them */
    uint64_t sum;      /* of all weights at temperature 1 (base/softmax_weight.h) */
} weir_cuda_drawn;

typedef struct weir_cuda_likely {
    int32_t token;
    float logit;
} weir_cuda_likely;

typedef struct weir_cuda_draws {
    const weir_cuda_draw *draws; /* [n] of different rows */
    weir_draw_change *changes;   /* in the end with the logits that the model gave for biases */
    uint32_t *bits;              /* in the end with the last tokens of those that lack them */
    float *logits;               /* [n_rows, n_vocab]; the same bits before and after */
    float *left;                 /* [n_rows, n_vocab] of the host: logits that are left to it */
    weir_cuda_drawn *drawn;      /* [n_rows] */
    weir_cuda_likely *top; /* [n_rows, WEIR_CUDA_DRAW_TOP], the first n_top where they are wanted */
    const int32_t *tokens; /* of the step's rows, and [n_rows] which of them each row is of: last */
    const int32_t *row_of; /* tokens of histories that lack them; NULL where none does */
    uint32_t n, n_vocab;
} weir_cuda_draws;
void weir_cuda_run_draw(weir_cuda_stream *stream, const weir_cuda_draws *op);

/* Of tokens [n_rows] those that are weir_drawn_at(i) (backend.h) become what drawn[i] has; 0 where
 * that was left to the host. */
void weir_cuda_run_fetch(weir_cuda_stream *stream, int32_t *tokens, uint32_t n_rows,
                         const weir_cuda_drawn *drawn);

#ifdef __cplusplus
}
#endif
#endif
