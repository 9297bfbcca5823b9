/* adapt_cuda.h: the launch that adds what an adapter says to a product. As kernels_cuda.h. */
#ifndef WEIR_CUDA_ADAPT_CUDA_H
#define WEIR_CUDA_ADAPT_CUDA_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[r] += scales[r / per] * scale x[r]; y, x [n_rows, width]; scales [n_rows / per] of the batch's
 * rows, each by its timeline. A row whose scale is 0 keeps its bits. */
typedef struct weir_cuda_adapt {
    float *y;
    const float *x, *scales;
    float scale;
    uint32_t n_rows, per, width;
} weir_cuda_adapt;
void weir_cuda_run_adapt(weir_cuda_stream *stream, const weir_cuda_adapt *op);

#ifdef __cplusplus
}
#endif
#endif
