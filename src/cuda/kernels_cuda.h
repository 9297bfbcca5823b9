/*
 * kernels_cuda.h: the launches of src/cuda: what the ten ops of backend.h need of the device.
 *
 * Owns no memory and no stream: all pointers are the device's, all launches are queued on the
 * stream given and return at once; what went wrong shows where the stream is waited for. The same
 * sources are compiled by nvcc for the device and by g++ for the emulator (tests/cuda_emulator),
 * where a stream is nothing and a launch runs to its end.
 *
 * Arithmetic: weights are decoded exactly as quant/ does; products and sums in float32 in an order
 * that is a function of the shapes alone, never of the number of rows, so that a row has the same
 * bits alone and in company, in a prompt and one by one.
 */
#ifndef WEIR_CUDA_KERNELS_CUDA_H
#define WEIR_CUDA_KERNELS_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_cuda_stream
    weir_cuda_stream; /* a cudaStream_t in disguise; NULL: the default */

/* A matrix in device memory: blocks of a GGUF format (numbers of weir_format_id), rows one after
 * the other, row_bytes apart; experts of a stack stack_bytes apart. */
typedef struct weir_cuda_matrix {
    const uint8_t *data; /* 16-byte aligned */
    uint32_t format, rows, cols;
    size_t row_bytes, stack_bytes;
} weir_cuda_matrix;

/* Is there a kernel for matrices of this format? F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K
 * Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4, and F8 of quant/format_f8.h */
int weir_cuda_has_format(uint32_t format);

/* y[r] = W x[r / x_repeat] (+ bias [rows] or NULL); with choice [n_rows] (device, int32; NULL:
 * none) W is matrix choice[r] of the stack. x [n_rows / x_repeat, cols], y [n_rows, rows]. */
typedef struct weir_cuda_linear {
    weir_cuda_matrix w;
    const float *bias, *x;
    float *y;
    const int32_t *choice;
    uint32_t n_rows, n_choices, x_repeat;
} weir_cuda_linear;
void weir_cuda_run_linear(weir_cuda_stream *stream, const weir_cuda_linear *op);

/* y[r] = row tokens[r] of w, [n_rows, w.cols] */
void weir_cuda_run_embed(weir_cuda_stream *stream, const weir_cuda_matrix *w, const int32_t *tokens,
                         uint32_t n_rows, float *y);
/* y = x / sqrt(mean(x^2) + eps) * weight, [n_rows, width]; y may be x */
void weir_cuda_run_rms_norm(weir_cuda_stream *stream, const float *x, const float *weight,
                            uint32_t n_rows, uint32_t width, float eps, float *y);
/* rotates x [n_rows, n_heads, head_dim] in place, pairs (j, j + head_dim / 2); pos [n_rows];
 * inverse_freq [head_dim / 2] in double, made by the host: float32 values as the reference has
 * them; the angle is the float32 product (float)pos * (float)inverse_freq[j] */
void weir_cuda_run_rope(weir_cuda_stream *stream, float *x, const uint32_t *pos,
                        const double *inverse_freq, uint32_t n_rows, uint32_t n_heads,
                        uint32_t head_dim);
void weir_cuda_run_silu_mul(weir_cuda_stream *stream, const float *gate, const float *up, size_t n,
                            float *y);
/* y[r] += sum over j < n_parts, ascending, of scale[r, j] x[r, j]; scale NULL: 1 */
void weir_cuda_run_add(weir_cuda_stream *stream, float *y, const float *x, const float *scale,
                       uint32_t n_rows, uint32_t n_parts, uint32_t width);

/* What route.h says, on the device. bias [n_experts] or NULL. */
typedef struct weir_cuda_route {
    const float *logits, *bias; /* [n_rows, n_experts] */
    uint32_t n_rows, n_experts, n_used;
    int has_topk_norm;
    float expert_scale;
    int32_t *experts; /* [n_rows, n_used] ascending by index */
    float *weights;   /* [n_rows, n_used] */
} weir_cuda_route;
void weir_cuda_run_route(weir_cuda_stream *stream, const weir_cuda_route *op);

/* Consecutive rows of one timeline, as weir_rows, in device memory. */
typedef struct weir_cuda_rows {
    uint32_t first_row, n_rows, n_replay, first_pos;
    uint32_t pages_at;                             /* of its list in the batch's pages */
    uint32_t state_in, state_out, n_kept, kept_at; /* kept_at: of its list in the batch's kept */
} weir_cuda_rows;

typedef struct weir_cuda_batch {
    uint32_t n_rows, n_chunks;
    const weir_cuda_rows *chunks; /* [n_chunks] */
    const uint32_t *chunk_of_row; /* [n_rows] */
    const uint32_t *pos;          /* [n_rows] */
    const uint32_t *pages, *kept; /* lists of all chunks, one after the other */
} weir_cuda_batch;

/* K/V pool: page p at pool + p * page_bytes; within a page kv_layout.h's places. */
typedef struct weir_cuda_kv {
    uint8_t *pool;
    size_t page_bytes;
    uint32_t type;        /* weir_kv_type */
    uint32_t page_tokens; /* 64 */
    size_t k_at, v_at;    /* of this layer's first head in a page */
    size_t head_stride;   /* bytes from one K/V head to the next */
    size_t token_stride;  /* bytes from one token to the next in a head */
    uint32_t n_heads_kv, head_dim;
} weir_cuda_kv;
/* stores k, v [n_rows, n_heads_kv, head_dim] of the rows that are no replay */
void weir_cuda_run_kv_write(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                            const weir_cuda_kv *kv, const float *k, const float *v);
/* y [n_rows, n_heads, head_dim] from q and stored K/V of positions <= own: online softmax over
 * blocks of keys at fixed absolute positions */
void weir_cuda_run_attend(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                          const weir_cuda_kv *kv, const float *q, uint32_t n_heads, float *y);

/* y [n_rows, d_model] = C * conv(B * x) from bcx [n_rows, 3 d_model]; state slots
 * [d_model, l_cache - 1] floats each, slot s of this layer at states + s * state_stride */
typedef struct weir_cuda_conv {
    const float *bcx, *taps, *bias; /* taps [d_model, l_cache]; bias [d_model] or NULL */
    float *states;
    size_t state_stride; /* floats */
    uint32_t d_model, l_cache;
    float *y;
} weir_cuda_conv;
void weir_cuda_run_short_conv(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                              const weir_cuda_conv *op);

#ifdef __cplusplus
}
#endif
#endif
