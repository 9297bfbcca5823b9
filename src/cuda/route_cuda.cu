/*
 * route_cuda.cu: the choice of experts as an op, a warp a row; route_cuda.cuh does it.
 */
#include "cuda/route_cuda.cuh"

enum { THREADS = 128, WARPS = THREADS / CU_WARP, MOST_EXPERTS = 1024 };

template <uint32_t N> CU_KERNEL(THREADS) route(weir_cuda_route op) {
    uint32_t row = blockIdx.x * WARPS + threadIdx.x / CU_WARP;
    if (row >= op.n_rows)
        return;
    cu_route_row<N>(op, op.logits + (size_t)row * op.n_experts,
                    op.experts + (size_t)row * op.n_used, op.weights + (size_t)row * op.n_used);
}

void weir_cuda_run_route(weir_cuda_stream *stream, const weir_cuda_route *op) {
    dim3 grid(cu_parts(op->n_rows, WARPS));
    if (op->n_rows == 0)
        return;
    if (op->n_experts <= 2 * CU_WARP)
        CU_LAUNCH((route<2>), grid, THREADS, stream, *op);
    else if (op->n_experts <= 8 * CU_WARP)
        CU_LAUNCH((route<8>), grid, THREADS, stream, *op);
    else
        CU_LAUNCH((route<MOST_EXPERTS / CU_WARP>), grid, THREADS, stream, *op);
}
