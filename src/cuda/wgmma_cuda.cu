/*
 * wgmma_cuda.cu: which formats wgmma takes: those that models are run in. Matrices of others have
 * the same bits from gemm_wide_cuda.cu. The kernel is wgmma_cuda.cuh; formats of 4 to 6 bits are in
 * wgmma_blocks_cuda.cu, so that two compilers share the work.
 */
#include "cuda/wgmma_cuda.cuh"

bool weir_cuda_has_wgmma(const cu_gemm_args &args) {
    switch (args.op.w.format) {
    case WEIR_FORMAT_BF16:
        return args.is_w_by_eight;
    case WEIR_FORMAT_F8:
    case WEIR_FORMAT_Q8_0:
    case WEIR_FORMAT_Q4_0:
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
    case WEIR_FORMAT_Q6_K:
        return true;
    default:
        return false;
    }
}

void weir_cuda_gemm_wgmma(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs) {
    switch (args.op.w.format) {
    case WEIR_FORMAT_BF16:
        launch_wgmma<WEIR_FORMAT_BF16>(stream, args, n_jobs);
        break;
    case WEIR_FORMAT_F8:
        launch_wgmma<WEIR_FORMAT_F8>(stream, args, n_jobs);
        break;
    case WEIR_FORMAT_Q8_0:
        launch_wgmma<WEIR_FORMAT_Q8_0>(stream, args, n_jobs);
        break;
    default:
        weir_cuda_gemm_wgmma_blocks(stream, args, n_jobs);
        break;
    }
}
