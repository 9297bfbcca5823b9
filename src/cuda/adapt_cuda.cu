/*
 * adapt_cuda.cu: adds what an adapter says to a product, row by row with the scale of the row's
 * timeline. Owns nothing. Invariant: a row that does not use the adapter is not written.
 */
#include "cuda/adapt_cuda.h"
#include "cuda/cuda_words.cuh"

enum { ADAPT_THREADS = 256 };

/* Block x, y: values y x ADAPT_THREADS and on of row x. */
CU_KERNEL(ADAPT_THREADS) adapt(weir_cuda_adapt op) {
    uint32_t i = blockIdx.y * ADAPT_THREADS + threadIdx.x;
    float scale = op.scales[blockIdx.x / op.per];
    size_t at = (size_t)blockIdx.x * op.width + i;
    if (scale == 0.0f || i >= op.width)
        return;
    op.y[at] = fmaf(scale * op.scale, op.x[at], op.y[at]);
}

void weir_cuda_run_adapt(weir_cuda_stream *stream, const weir_cuda_adapt *op) {
    if (op->n_rows > 0)
        CU_LAUNCH(adapt, dim3(op->n_rows, cu_parts(op->width, ADAPT_THREADS)), ADAPT_THREADS,
                  stream, *op);
}
