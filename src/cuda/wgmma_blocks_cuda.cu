/* wgmma_blocks_cuda.cu: wgmma_cuda.cuh for formats of 4 to 6 bits. */
#include "cuda/wgmma_cuda.cuh"

void weir_cuda_gemm_wgmma_blocks(weir_cuda_stream *stream, const cu_gemm_args &args,
                                 uint32_t n_jobs) {
    switch (args.op.w.format) {
    case WEIR_FORMAT_Q4_0:
        launch_wgmma<WEIR_FORMAT_Q4_0>(stream, args, n_jobs);
        break;
    case WEIR_FORMAT_Q4_K:
        launch_wgmma<WEIR_FORMAT_Q4_K>(stream, args, n_jobs);
        break;
    case WEIR_FORMAT_Q5_K:
        launch_wgmma<WEIR_FORMAT_Q5_K>(stream, args, n_jobs);
        break;
    case WEIR_FORMAT_Q6_K:
        launch_wgmma<WEIR_FORMAT_Q6_K>(stream, args, n_jobs);
        break;
    default:
        break;
    }
}
