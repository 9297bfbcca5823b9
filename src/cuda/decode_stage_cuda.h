/*
 * decode_stage_cuda.h: the launches of low-batch decode: a layer in as few dependent kernels as its
 * bits allow, for up to eight rows.
 *
 *   conv layer   conv_in      norm, in_proj, convolution with its state, both gates
 *                out          out_proj, residual
 *   attention    linear       norm, q, k and v       (then flash_cuda.h)
 *                out          o_proj, residual
 *   dense FFN    gate_up      norm, gate, up, silu(gate) up
 *                out          down, residual
 *   MoE FFN      router       norm, logits of the router
 *                experts      choice of experts, gate, up, silu(gate) up
 *                experts_out  down, sum of experts with their weights, residual
 *   head         linear       norm, logits
 *
 * Owns no memory; launches are queued as those of kernels_cuda.h, with programmatic dependent
 * launch where the device knows it (cuda_pdl.cuh). How many rows there are the device reads itself
 * (n_rows, in device memory), so that one captured launch serves every step of its bucket; rows
 * beyond it are neither read nor written. Bits are those of the ops one by one with the products of
 * gemm_cuda.h, at any number of rows.
 *
 * Widths are multiples of 32 (weir_cuda_can_stage), rows of x 16-byte aligned; the matrices of one
 * launch have one width.
 */
#ifndef WEIR_CUDA_DECODE_STAGE_CUDA_H
#define WEIR_CUDA_DECODE_STAGE_CUDA_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_CUDA_STAGE_ROWS = 8,
    WEIR_CUDA_STAGE_EXPERTS = 64,
    WEIR_CUDA_STAGE_USED = 8 /* experts of a row */
};

/* Is this a matrix for a stage? NULL data: there is none, which is fine. */
int weir_cuda_can_stage(const weir_cuda_matrix *w);

/* Rows of the residual stream to be normed. */
typedef struct weir_cuda_normed {
    const uint32_t *n_rows; /* on the device; at most WEIR_CUDA_STAGE_ROWS */
    const float *x;         /* [rows, width] */
    const int32_t *which;   /* [n_rows] rows of x, or NULL: in order */
    const float *weight;    /* [width] */
    float eps;
    uint32_t width;
} weir_cuda_normed;

/* y[i] = w[i] norm(x): up to three matrices of one width, of any formats. */
typedef struct weir_cuda_stage_linear {
    weir_cuda_normed in;
    uint32_t n_w;
    weir_cuda_matrix w[3];
    float *y[3]; /* [n_rows, w[i].rows] each */
} weir_cuda_stage_linear;
void weir_cuda_run_stage_linear(weir_cuda_stream *stream, const weir_cuda_stage_linear *op);

/* y = C * conv(B * x'), (B, C, x') = w norm(x) + bias; states move as in short_conv. */
typedef struct weir_cuda_stage_conv {
    weir_cuda_normed in;
    weir_cuda_matrix w;    /* [3 d_model, d_model] */
    const float *bias;     /* [3 d_model] or NULL */
    weir_cuda_batch batch; /* its n_rows is not looked at */
    weir_cuda_conv conv;   /* bcx and y are not looked at */
    uint16_t *y;           /* [n_rows, d_model] bfloat16 */
} weir_cuda_stage_conv;
void weir_cuda_run_stage_conv(weir_cuda_stream *stream, const weir_cuda_stage_conv *op);

/* y += w x + bias. One of x (bfloat16) and x_f32 is NULL. */
typedef struct weir_cuda_stage_out {
    const uint32_t *n_rows;
    const uint16_t *x;  /* [n_rows, w.cols] */
    const float *x_f32; /* the same */
    weir_cuda_matrix w;
    const float *bias; /* [w.rows] or NULL */
    float *y;          /* [n_rows, w.rows] */
} weir_cuda_stage_out;
void weir_cuda_run_stage_out(weir_cuda_stream *stream, const weir_cuda_stage_out *op);

/* y = silu(gate norm(x)) * (up norm(x)); gate and up are of one format. */
typedef struct weir_cuda_stage_gate_up {
    weir_cuda_normed in;
    weir_cuda_matrix gate, up;
    uint16_t *y; /* [n_rows, gate.rows] bfloat16 */
} weir_cuda_stage_gate_up;
void weir_cuda_run_stage_gate_up(weir_cuda_stream *stream, const weir_cuda_stage_gate_up *op);

/* logits = w norm(x) in float32, as weir_cuda_run_linear; normed = norm(x). */
typedef struct weir_cuda_stage_router {
    weir_cuda_normed in;
    weir_cuda_matrix w; /* [n_experts, width] */
    float *logits;      /* [n_rows, n_experts] */
    uint16_t *normed;   /* [n_rows, width] bfloat16 */
} weir_cuda_stage_router;
void weir_cuda_run_stage_router(weir_cuda_stream *stream, const weir_cuda_stage_router *op);

/* route, and y of each chosen expert. */
typedef struct weir_cuda_stage_experts {
    const uint32_t *n_rows;
    uint32_t most_rows;        /* of the bucket */
    weir_cuda_route route;     /* n_rows is not looked at; experts and weights are written */
    const uint16_t *x;         /* [n_rows, gate.cols] bfloat16 */
    weir_cuda_matrix gate, up; /* stacks of one format */
    uint16_t *y;               /* [n_rows, n_used, gate.rows] bfloat16 */
} weir_cuda_stage_experts;
void weir_cuda_run_stage_experts(weir_cuda_stream *stream, const weir_cuda_stage_experts *op);

/* y += sum over the row's experts, ascending, of weight * (w[expert] x) */
typedef struct weir_cuda_stage_experts_out {
    const uint32_t *n_rows;
    uint32_t most_rows, n_used;
    const int32_t *experts; /* [n_rows, n_used] */
    const float *weights;   /* the same */
    const uint16_t *x;      /* [n_rows, n_used, w.cols] bfloat16 */
    weir_cuda_matrix w;     /* stack */
    float *y;               /* [n_rows, w.rows] */
} weir_cuda_stage_experts_out;
void weir_cuda_run_stage_experts_out(weir_cuda_stream *stream,
                                     const weir_cuda_stage_experts_out *op);

#ifdef __cplusplus
}
#endif
#endif
