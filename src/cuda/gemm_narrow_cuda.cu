/*
 * gemm_narrow_cuda.cu: products of few rows, where the bytes of W are what takes time: each weight
 * is read once from device memory and meets up to 8 or 32 rows of x. The arithmetic is
 * gemm_cuda.cuh's.
 *
 * A block computes 16 outputs for the rows of one job. Its warps take one range of 256 columns each
 * (2048 columns: eight warps), so that a matrix of 2048 outputs has 1024 warps, and all bytes of a
 * range are asked for before the first is used. Parts meet in shared memory and are added in the
 * order of their ranges; more ranges than warps take several rounds.
 */
#include "cuda/gemm_cuda.cuh"

template <uint32_t FORMAT, uint32_t N_TILES> struct narrow {
    static constexpr uint32_t VALUES = CU_TILE_OUT * CU_TILE_ROWS * N_TILES; /* of a part */
    static constexpr uint32_t WEIGHTS = cu_w_range<FORMAT>::SHARED_BYTES, PART = 4 * VALUES;
    /* of a warp, by 16 bytes: weights, then the part */
    static constexpr uint32_t BOX = (WEIGHTS > PART ? WEIGHTS : PART) / 16;
};

/* Where value i of the lane's fragment t lies in a part: lanes side by side. */
CU_DEVICE uint32_t part_at(uint32_t t, uint32_t i, uint32_t lane) {
    return (4 * t + i) * CU_WARP + lane;
}

/* Value `at` of a part is of which output and which row of the job? */
CU_DEVICE uint32_t out_of_part(uint32_t at) {
    return at % CU_WARP / 4 + at / CU_WARP % 4 / 2 * 8;
}

CU_DEVICE uint32_t row_of_part(uint32_t at) {
    return at / (4 * CU_WARP) * CU_TILE_ROWS + at % 4 * 2 + at / CU_WARP % 2;
}

/* Adds the parts of a round to sums, in order; after the last round writes them. Every value has
 * one thread in all rounds. */
template <uint32_t FORMAT, uint32_t N_TILES>
CU_DEVICE void add_parts(const cu_gemm_args &args, const cu_gemm_job &job, const uint4 *boxes,
                         float *sums, uint32_t n_parts, bool is_first, bool is_last) {
    typedef narrow<FORMAT, N_TILES> Shape;
    const weir_cuda_linear &op = args.op;
#pragma unroll 1
    for (uint32_t at = threadIdx.x; at < Shape::VALUES; at += blockDim.x) {
        float sum = is_first ? 0.0f : sums[at];
        for (uint32_t p = 0; p < n_parts; p++)
            sum += ((const float *)(boxes + p * Shape::BOX))[at];
        if (!is_last) {
            sums[at] = sum;
            continue;
        }
        uint32_t out = blockIdx.x * CU_TILE_OUT + out_of_part(at), row = row_of_part(at);
        if (row < job.n && out < op.w.rows)
            op.y[(size_t)cu_gemm_row(args, job, row) * op.w.rows + out] =
                op.bias ? sum + op.bias[out] : sum;
    }
}

/* Block (o, j): outputs 16 o and on, job j. */
template <uint32_t FORMAT, uint32_t N_TILES>
CU_KERNEL_AT(CU_GEMM_WARPS *CU_WARP, 2)
gemm_narrow(cu_gemm_args args) {
    typedef narrow<FORMAT, N_TILES> Shape;
    CU_SHARED(uint4, boxes, [CU_GEMM_WARPS * Shape::BOX]);
    CU_SHARED(float, sums, [Shape::VALUES]);
    const cu_gemm_job job = cu_gemm_job_at(args, blockIdx.y, N_TILES * CU_TILE_ROWS);
    if (job.n == 0)
        return;
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    uint32_t n_pieces = cu_gemm_pieces(args), n_warps = blockDim.x / CU_WARP;
    uint32_t n_ranges = (n_pieces + CU_RANGE_PIECES - 1) / CU_RANGE_PIECES;
    uint4 *box = boxes + warp * Shape::BOX;
    cu_x_row x[N_TILES];
#pragma unroll
    for (uint32_t t = 0; t < N_TILES; t++) {
        uint32_t i = t * CU_TILE_ROWS + lane / CU_MEMBERS;
        x[t] = {CU_NO_ROW};
        if (i < job.n)
            x[t] = {cu_gemm_row(args, job, i) / args.op.x_repeat};
    }
    for (uint32_t first = 0; first < n_ranges; first += n_warps) {
        uint32_t n_parts = cu_min(n_warps, n_ranges - first);
        bool is_last = first + n_warps >= n_ranges;
        if (warp < n_parts) {
            uint32_t piece = (first + warp) * CU_RANGE_PIECES;
            uint32_t n = cu_min(CU_RANGE_PIECES, n_pieces - piece);
            float part[N_TILES][4];
            cu_w_range<FORMAT> w;
            w.begin(args, job.matrix, blockIdx.x * CU_TILE_OUT, piece, n, box);
            cu_gemm_range<FORMAT, N_TILES>(args, w, piece, n, x, part);
            cu_sync_warp(); /* the part lies where the weights lay */
#pragma unroll
            for (uint32_t t = 0; t < N_TILES; t++)
#pragma unroll
                for (uint32_t i = 0; i < 4; i++)
                    ((float *)box)[part_at(t, i, lane)] = part[t][i];
        }
        cu_sync();
        add_parts<FORMAT, N_TILES>(args, job, boxes, sums, n_parts, first == 0, is_last);
        if (!is_last)
            cu_sync(); /* before the next weights come */
    }
}

template <uint32_t FORMAT>
static void launch(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs,
                   uint32_t job_rows) {
    const uint32_t most = CU_GEMM_WARPS;
    uint32_t n_ranges = cu_parts(args.op.w.cols, CU_PIECE * CU_RANGE_PIECES);
    uint32_t n_threads = (n_ranges < most ? n_ranges : most) * CU_WARP;
    dim3 grid(cu_parts(args.op.w.rows, CU_TILE_OUT), n_jobs);
    if (job_rows == CU_NARROW_ROWS)
        CU_LAUNCH((gemm_narrow<FORMAT, 1>), grid, n_threads, stream, args);
    else
        CU_LAUNCH((gemm_narrow<FORMAT, 4>), grid, n_threads, stream, args);
}

void weir_cuda_gemm_narrow(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs,
                           uint32_t job_rows) {
    switch (args.op.w.format) {
#define CASE(NAME)                                                  \
    case WEIR_FORMAT_##NAME:                                        \
        launch<WEIR_FORMAT_##NAME>(stream, args, n_jobs, job_rows); \
        break;
        CU_FORMATS(CASE)
#undef CASE
    default:
        break;
    }
}
