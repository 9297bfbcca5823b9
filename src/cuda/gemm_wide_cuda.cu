/*
 * gemm_wide_cuda.cu: products of many rows, where each weight is decoded once for up to 64 rows of
 * x. The arithmetic is gemm_cuda.cuh's.
 *
 * A block computes 128 outputs of the rows of one job, piece after piece of 32 columns through a
 * ring in shared memory: rows of W decoded to bfloat16, BF16 by copies that nobody waits for, and
 * rounded rows of x. A warp has 32 outputs and all rows; tiles of 8 rows that the job has not are
 * skipped, so a job costs as its rows do. After each range of 256 columns the part goes to the sum.
 *
 * A share lies in shared memory as gemm_cuda.cuh has it, 16 bytes, the four of a row side by side:
 * a load of shares by a warp touches every bank once in each quarter of it.
 */
#include "cuda/gemm_cuda.cuh"

enum {
    WIDE_WARPS = 4,
    WIDE_THREADS = WIDE_WARPS * CU_WARP,
    WIDE_OUT = 128,
    WARP_OUT = WIDE_OUT / WIDE_WARPS,
    OUT_TILES = WARP_OUT / CU_TILE_OUT,
    ROW_TILES = CU_WIDE_ROWS / CU_TILE_ROWS,
    STAGES = 3,
    STEP = WIDE_THREADS / CU_MEMBERS, /* rows that all threads load at once, a share each */
    W_LOADS = WIDE_OUT / STEP,
    X_LOADS = CU_WIDE_ROWS / STEP
};

/* One piece in shared memory. */
struct wide_stage {
    uint4 w[WIDE_OUT * CU_MEMBERS];
    uint4 x[CU_WIDE_ROWS * CU_MEMBERS];
};

/* What a thread loads: a share of rows STEP apart. */
struct wide_loads {
    const uint8_t *w[W_LOADS];
    const uint4 *x[X_LOADS];
    bool is_there[X_LOADS];
};

CU_DEVICE wide_loads loads_of(const cu_gemm_args &args, const cu_gemm_job &job, uint32_t first_out,
                              uint32_t n_pieces) {
    const weir_cuda_linear &op = args.op;
    uint32_t mine = threadIdx.x / CU_MEMBERS;
    wide_loads loads;
#pragma unroll
    for (uint32_t j = 0; j < W_LOADS; j++)
        loads.w[j] =
            job.matrix + cu_min(first_out + STEP * j + mine, op.w.rows - 1) * op.w.row_bytes;
#pragma unroll
    for (uint32_t j = 0; j < X_LOADS; j++) {
        uint32_t i = STEP * j + mine;
        loads.is_there[j] = i < job.n;
        size_t row = loads.is_there[j] ? cu_gemm_row(args, job, i) / op.x_repeat : 0;
        loads.x[j] = args.rounded + row * n_pieces * CU_MEMBERS + threadIdx.x % CU_MEMBERS;
    }
    return loads;
}

/* The stage is complete after the next wait and barrier. */
template <uint32_t FORMAT>
CU_DEVICE void load_stage(const cu_gemm_args &args, const wide_loads &loads, uint32_t piece,
                          wide_stage &stage) {
    uint32_t member = threadIdx.x % CU_MEMBERS;
#pragma unroll
    for (uint32_t j = 0; j < X_LOADS; j++)
        cu_copy_16(&stage.x[WIDE_THREADS * j + threadIdx.x], loads.x[j] + piece * CU_MEMBERS,
                   loads.is_there[j]);
    if (FORMAT == WEIR_FORMAT_BF16 && args.is_w_by_eight) {
        uint32_t col = CU_PIECE * piece + 8 * member;
#pragma unroll
        for (uint32_t j = 0; j < W_LOADS; j++)
            cu_copy_16(&stage.w[WIDE_THREADS * j + threadIdx.x], (const uint16_t *)loads.w[j] + col,
                       col < args.op.w.cols);
        return;
    }
#pragma unroll
    for (uint32_t j = 0; j < W_LOADS; j++) {
        cu_share share = cu_w_share<FORMAT>(args, loads.w[j], piece, member);
        stage.w[WIDE_THREADS * j + threadIdx.x] = {share.pairs[0], share.pairs[1], share.pairs[2],
                                                   share.pairs[3]};
    }
}

typedef float wide_sums[OUT_TILES][ROW_TILES][4];

CU_DEVICE void clear(wide_sums sums) {
#pragma unroll
    for (uint32_t o = 0; o < OUT_TILES; o++)
#pragma unroll
        for (uint32_t t = 0; t < ROW_TILES; t++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                sums[o][t][i] = 0.0f;
}

CU_DEVICE void multiply_stage(const wide_stage &stage, uint32_t n_tiles, wide_sums part) {
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    cu_share w[OUT_TILES][2];
#pragma unroll
    for (uint32_t o = 0; o < OUT_TILES; o++)
#pragma unroll
        for (uint32_t r = 0; r < 2; r++)
            w[o][r] = cu_share_of(
                stage.w[(WARP_OUT * warp + CU_TILE_OUT * o + 8 * r) * CU_MEMBERS + lane]);
#pragma unroll
    for (uint32_t t = 0; t < ROW_TILES; t++) {
        if (t >= n_tiles)
            break;
        cu_share x = cu_share_of(stage.x[CU_TILE_ROWS * t * CU_MEMBERS + lane]);
#pragma unroll
        for (uint32_t o = 0; o < OUT_TILES; o++)
            cu_mma_piece(part[o][t], w[o][0], w[o][1], x);
    }
}

/* sum += part, and the part begins again. */
CU_DEVICE void end_range(wide_sums sum, wide_sums part) {
#pragma unroll
    for (uint32_t o = 0; o < OUT_TILES; o++)
#pragma unroll
        for (uint32_t t = 0; t < ROW_TILES; t++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                sum[o][t][i] += part[o][t][i];
    clear(part);
}

CU_DEVICE void write_sums(const cu_gemm_args &args, const cu_gemm_job &job, uint32_t first_out,
                          const wide_sums sum) {
    const weir_cuda_linear &op = args.op;
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    first_out += WARP_OUT * warp + lane / 4;
#pragma unroll
    for (uint32_t t = 0; t < ROW_TILES; t++)
#pragma unroll
        for (uint32_t odd = 0; odd < 2; odd++) {
            uint32_t i = CU_TILE_ROWS * t + 2 * (lane % 4) + odd;
            if (i >= job.n)
                continue;
            float *y = op.y + (size_t)cu_gemm_row(args, job, i) * op.w.rows;
#pragma unroll
            for (uint32_t o = 0; o < 2 * OUT_TILES; o++) {
                uint32_t out = first_out + 8 * o;
                float value = sum[o / 2][t][2 * (o % 2) + odd];
                if (out < op.w.rows)
                    y[out] = op.bias ? value + op.bias[out] : value;
            }
        }
}

/* Outputs 128 o and on of job j: block (o, j), of tiles the same weights follow each other; or
 * block (j, o), rows of one matrix read the same weights side by side. */
template <uint32_t FORMAT> CU_KERNEL_AT(WIDE_THREADS, 2) gemm_wide(cu_gemm_args args) {
    CU_SHARED(wide_stage, ring, [STAGES]);
    uint32_t first_out = (args.tiles ? blockIdx.x : blockIdx.y) * WIDE_OUT;
    const cu_gemm_job job =
        cu_gemm_job_at(args, args.tiles ? blockIdx.y : blockIdx.x, CU_WIDE_ROWS);
    if (job.n == 0)
        return;
    uint32_t n_pieces = cu_gemm_pieces(args);
    uint32_t n_tiles = (job.n + CU_TILE_ROWS - 1) / CU_TILE_ROWS;
    const wide_loads loads = loads_of(args, job, first_out, n_pieces);
    wide_sums sum, part;
    clear(sum);
    clear(part);
#pragma unroll
    for (uint32_t piece = 0; piece < STAGES - 1; piece++) {
        if (piece < n_pieces)
            load_stage<FORMAT>(args, loads, piece, ring[piece]);
        cu_copy_commit();
    }
    uint32_t at = 0, next = STAGES - 1;
#pragma unroll 1
    for (uint32_t piece = 0; piece < n_pieces; piece++) {
        cu_copy_wait<STAGES - 2>();
        cu_sync(); /* the stage is whole, and what comes next takes the place of what all have read
                    */
        if (piece + STAGES - 1 < n_pieces)
            load_stage<FORMAT>(args, loads, piece + STAGES - 1, ring[next]);
        cu_copy_commit();
        multiply_stage(ring[at], n_tiles, part);
        if (piece % CU_RANGE_PIECES == CU_RANGE_PIECES - 1 || piece == n_pieces - 1)
            end_range(sum, part);
        at = at + 1 < STAGES ? at + 1 : 0;
        next = next + 1 < STAGES ? next + 1 : 0;
    }
    cu_copy_wait<0>();
    write_sums(args, job, first_out, sum);
}

void weir_cuda_gemm_wide(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs) {
    uint32_t n_out = cu_parts(args.op.w.rows, WIDE_OUT);
    dim3 grid = args.tiles ? dim3(n_out, n_jobs) : dim3(n_jobs, n_out);
    switch (args.op.w.format) {
#define CASE(NAME)                                                                              \
    case WEIR_FORMAT_##NAME:                                                                    \
        CU_LAUNCH((gemm_wide<WEIR_FORMAT_##NAME>), grid, (uint32_t)WIDE_THREADS, stream, args); \
        break;
        CU_FORMATS(CASE)
#undef CASE
    default:
        break;
    }
}
