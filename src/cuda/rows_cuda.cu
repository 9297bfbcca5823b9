/*
 * rows_cuda.cu: the ops that look at one row at a time: embed, rms_norm, rope, silu_mul, add.
 *
 * Sums over a row are split over threads by position and added by a fixed tree; how many threads
 * depends on the width alone.
 */
#include "cuda/decode_cuda.cuh"
#include "cuda/turn_cuda.cuh"

enum {
    THREADS = 256,
    WARPS = THREADS / CU_WARP,
    NARROW = 512 /* up to this width a row is one warp's: norms of heads */
};

/* ---- embed --------------------------------------------------------------------------------- */

/* Block x, y: part y of row x. */
template <uint32_t FORMAT>
CU_KERNEL(THREADS)
embed(weir_cuda_matrix w, const int32_t *tokens, bool is_by_four, float *y) {
    uint32_t unit = blockIdx.y * THREADS + threadIdx.x;
    cu_place at = {unit / 4, unit % 4, w.cols, is_by_four};
    uint32_t col = CU_PIECE * at.piece + 4 * at.quarter;
    if (col >= w.cols)
        return;
    float v[CU_QUARTER];
    cu_format<FORMAT>::read(w.data + (uint32_t)cu_load(tokens + blockIdx.x) * w.row_bytes, at, v);
    float *to = y + (size_t)blockIdx.x * w.cols;
#pragma unroll
    for (uint32_t i = 0; i < CU_QUARTER; i++) {
        uint32_t c = col + i % 4 + i / 4 * CU_HALF_PIECE;
        if (c < w.cols)
            to[c] = v[i];
    }
}

void weir_cuda_run_embed(weir_cuda_stream *stream, const weir_cuda_matrix *w, const int32_t *tokens,
                         uint32_t n_rows, float *y) {
    dim3 grid(n_rows, cu_parts(4 * (size_t)cu_parts(w->cols, CU_PIECE), THREADS));
    bool is_by_four = cu_is_by_four(w);
    if (n_rows == 0)
        return;
    switch (w->format) {
#define CASE(NAME)                                                                                \
    case WEIR_FORMAT_##NAME:                                                                      \
        CU_LAUNCH((embed<WEIR_FORMAT_##NAME>), grid, THREADS, stream, *w, tokens, is_by_four, y); \
        break;
        CU_FORMATS(CASE)
#undef CASE
    default:
        break;
    }
}

/* ---- rms_norm ------------------------------------------------------------------------------ */

/* A warp a row. */
CU_KERNEL(THREADS)
norm_narrow(const float *x, const float *weight, uint32_t n_rows, uint32_t width, float eps,
            float *y) {
    uint32_t row = blockIdx.x * WARPS + threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    if (row >= n_rows)
        return;
    const float *from = x + (size_t)row * width;
    float *to = y + (size_t)row * width;
    float squares = 0;
    for (uint32_t i = lane; i < width; i += CU_WARP)
        squares = fmaf(from[i], from[i], squares);
    float inverse = cu_inverse_rms(cu_warp_sum(squares), width, eps);
    for (uint32_t i = lane; i < width; i += CU_WARP)
        to[i] = from[i] * inverse * weight[i];
}

/* A block a row. */
CU_KERNEL(THREADS)
norm_wide(const float *x, const float *weight, uint32_t width, float eps, float *y) {
    CU_SHARED(float, sums, [WARPS]);
    const float *from = x + (size_t)blockIdx.x * width;
    float *to = y + (size_t)blockIdx.x * width;
    float squares = 0;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        squares = fmaf(from[i], from[i], squares);
    squares = cu_warp_sum(squares);
    if (threadIdx.x % CU_WARP == 0)
        sums[threadIdx.x / CU_WARP] = squares;
    cu_sync();
    float total = 0;
#pragma unroll
    for (uint32_t w = 0; w < WARPS; w++)
        total += sums[w];
    float inverse = cu_inverse_rms(total, width, eps);
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        to[i] = from[i] * inverse * weight[i];
}

void weir_cuda_run_rms_norm(weir_cuda_stream *stream, const float *x, const float *weight,
                            uint32_t n_rows, uint32_t width, float eps, float *y) {
    if (n_rows == 0)
        return;
    if (width <= NARROW)
        CU_LAUNCH(norm_narrow, dim3(cu_parts(n_rows, WARPS)), THREADS, stream, x, weight, n_rows,
                  width, eps, y);
    else
        CU_LAUNCH(norm_wide, dim3(n_rows), THREADS, stream, x, weight, width, eps, y);
}

/* ---- rope ---------------------------------------------------------------------------------- */

/* Block x: row x. The turns of a row are made once, a thread each (head_dim is 512 at most), and
 * used by all its heads. */
CU_KERNEL(THREADS)
rope(float *x, const uint32_t *pos, const double *inverse_freq, uint32_t n_heads, uint32_t half) {
    CU_SHARED(float, cosine, [THREADS]);
    CU_SHARED(float, sine, [THREADS]);
    float *row = x + (size_t)blockIdx.x * n_heads * 2 * half;
    if (threadIdx.x < half)
        cu_turn((float)pos[blockIdx.x] * (float)inverse_freq[threadIdx.x], &cosine[threadIdx.x],
                &sine[threadIdx.x]);
    cu_sync();
    for (uint32_t i = threadIdx.x; i < n_heads * half; i += THREADS) {
        uint32_t j = i % half;
        float *a = row + (size_t)(i / half) * 2 * half + j, *b = a + half;
        cu_rotate(cosine[j], sine[j], a, b);
    }
}

void weir_cuda_run_rope(weir_cuda_stream *stream, float *x, const uint32_t *pos,
                        const double *inverse_freq, uint32_t n_rows, uint32_t n_heads,
                        uint32_t head_dim) {
    if (n_rows > 0)
        CU_LAUNCH(rope, dim3(n_rows), THREADS, stream, x, pos, inverse_freq, n_heads, head_dim / 2);
}

/* ---- silu_mul, add ------------------------------------------------------------------------- */

CU_KERNEL(THREADS) silu_mul(const float *gate, const float *up, size_t n, float *y) {
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n)
        y[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

void weir_cuda_run_silu_mul(weir_cuda_stream *stream, const float *gate, const float *up, size_t n,
                            float *y) {
    if (n > 0)
        CU_LAUNCH(silu_mul, dim3(cu_parts(n, THREADS)), THREADS, stream, gate, up, n, y);
}

/* Block x, y: values y x THREADS and on of row x. */
CU_KERNEL(THREADS)
add(float *y, const float *x, const float *scale, uint32_t n_parts, uint32_t width) {
    uint32_t i = blockIdx.y * THREADS + threadIdx.x;
    if (i >= width)
        return;
    float *to = y + (size_t)blockIdx.x * width + i;
    size_t part = (size_t)blockIdx.x * n_parts;
    float sum = *to;
    for (uint32_t j = 0; j < n_parts; j++, part++)
        sum = fmaf(scale ? scale[part] : 1.0f, x[part * width + i], sum);
    *to = sum;
}

void weir_cuda_run_add(weir_cuda_stream *stream, float *y, const float *x, const float *scale,
                       uint32_t n_rows, uint32_t n_parts, uint32_t width) {
    if (n_rows > 0)
        CU_LAUNCH(add, dim3(n_rows, cu_parts(width, THREADS)), THREADS, stream, y, x, scale,
                  n_parts, width);
}
