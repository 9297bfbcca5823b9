/*
 * wgmma_cuda.cuh: products of many rows on sm_90a: tiles of 128 outputs by up to 128 rows. The
 * arithmetic is gemm_cuda.cuh's, step by step: the same 16 columns meet in a step, steps of a range
 * follow each other in the same order, so the bits are those of the other kernels wherever a
 * device's two instructions round alike; wgmma_proof_cuda.cu asks it.
 *
 * Weights are A, from registers: two warpgroups with 64 outputs each, of which a warp has 16, reads
 * their bytes itself and decodes them while the products of the block of columns before run. So a
 * weight is decoded once for 128 rows, whatever its format, and never lies in shared memory as
 * bfloat16. x is B, from shared memory: one more warp brings blocks of 64 columns into a ring by
 * bulk copies, out of "placed rows", which gemm_cuda.cu has written in just the order that the ring
 * has: [blocks of 64 columns][8 rows][8 rows of 128 bytes, 16 bytes at a time swizzled].
 *
 * Blocks take tiles in turns; the warp of copies runs ahead into the next tile. Sums of a range and
 * of the row are both in registers: 128 of a thread at 128 rows, which is what limits the tile.
 */
#ifndef WEIR_CUDA_WGMMA_CUDA_CUH
#define WEIR_CUDA_WGMMA_CUDA_CUH

#include "cuda/cuda_pdl.cuh"
#include "cuda/cuda_wgmma.cuh"
#include "cuda/gemm_cuda.cuh"

enum {
    WARPS = 8, /* that multiply; of one more warpgroup, which has to be whole, one copies */
    THREADS = WARPS * CU_WARP + CU_WARPGROUP,
    COPY_REGISTERS = 24, /* of 168 each that a block of so many threads begins with */
    MULTIPLY_REGISTERS = 240,
    GROUP_OUT = WARPS * CU_TILE_OUT, /* outputs of a tile */
    STEPS = CU_PLACED_COLS / 16,
    BLOCK_PIECES = CU_PLACED_COLS / CU_PIECE,
    RANGE_BLOCKS = CU_RANGE_PIECES / BLOCK_PIECES,
    STAGES = 6,
    RASTER = 16, /* jobs that share the second cache's copy of W */
    ROWS_STEP = 32
};

template <uint32_t FORMAT> struct wgmma_shared {
    enum { BOX = cu_w_range<FORMAT>::SHARED_BYTES / 16 };
    uint4 x[STAGES][CU_GROUP_ROWS * CU_PLACED_CHUNKS];
    uint4 boxes[WARPS][2][BOX > 0 ? BOX : 1];
    cu_barrier full[STAGES], empty[STAGES];
};

#if CU_HAS_WGMMA
/* A stage of the ring, and the parity of its present use. */
struct ring_place {
    uint32_t stage, parity;
    CU_MEMBER void next() {
        stage = stage + 1 < STAGES ? stage + 1 : 0;
        parity ^= stage == 0;
    }
};

/* Tile number t of the launch; n is 0 behind the last. */
struct wgmma_tile {
    cu_gemm_job job;
    uint32_t first_out;
};

CU_DEVICE wgmma_tile tile_at(const cu_gemm_args &args, uint32_t t) {
    uint32_t n_outs = (args.op.w.rows + GROUP_OUT - 1) / GROUP_OUT;
    uint32_t n_jobs =
        args.tiles ? cu_load(args.n_tiles) : (args.op.n_rows + args.job_rows - 1) / args.job_rows;
    uint32_t before = t / (RASTER * n_outs) * RASTER, at = t % (RASTER * n_outs);
    wgmma_tile tile = {{args.op.w.data, 0, 0}, 0};
    if (before >= n_jobs)
        return tile;
    uint32_t width = cu_min(RASTER, n_jobs - before);
    tile.first_out = at / width * GROUP_OUT;
    if (tile.first_out < args.op.w.rows)
        tile.job = cu_gemm_job_at(args, before + at % width, args.job_rows);
    return tile;
}

CU_DEVICE uint32_t blocks_of(const cu_gemm_args &args) {
    return (args.op.w.cols + CU_PLACED_COLS - 1) / CU_PLACED_COLS;
}

/* ---- the warp that copies ------------------------------------------------------------------- */

/* Lines of a block of W that will be read straight from device memory: into the second cache. */
template <uint32_t FORMAT>
CU_DEVICE void announce(const cu_gemm_args &args, const wgmma_tile &tile, uint32_t block) {
    const weir_cuda_matrix &w = args.op.w;
    uint32_t n = FORMAT == WEIR_FORMAT_BF16 ? GROUP_OUT : 0;
    for (uint32_t i = threadIdx.x % CU_WARP; i < n; i += CU_WARP)
        cu_prefetch(tile.job.matrix + cu_min(tile.first_out + i, w.rows - 1) * w.row_bytes +
                    (size_t)block * CU_PLACED_COLS * sizeof(uint16_t));
}

/* false: a wait that never ends. */
template <uint32_t FORMAT>
CU_DEVICE bool copy_tile(const cu_gemm_args &args, const wgmma_tile &tile,
                         wgmma_shared<FORMAT> &shared, ring_place &at) {
    const uint4 *x = args.placed + (size_t)tile.job.first * CU_PLACED_CHUNKS;
    uint32_t n_bytes = (tile.job.n + CU_TILE_ROWS - 1) / CU_TILE_ROWS * CU_TILE_ROWS * 128;
    for (uint32_t block = 0; block < blocks_of(args); block++) {
        if (!cu_barrier_wait(&shared.empty[at.stage], at.parity ^ 1))
            return false;
        if (threadIdx.x % CU_WARP == 0) {
            cu_barrier_expect(&shared.full[at.stage], n_bytes);
            cu_bulk_copy(shared.x[at.stage], x + (size_t)block * args.n_placed * CU_PLACED_CHUNKS,
                         n_bytes, &shared.full[at.stage]);
        }
        announce<FORMAT>(args, tile, block);
        at.next();
    }
    return true;
}

template <uint32_t FORMAT>
CU_DEVICE bool copy_tiles(const cu_gemm_args &args, wgmma_shared<FORMAT> &shared) {
    ring_place at = {0, 0};
    for (uint32_t t = blockIdx.x;; t += gridDim.x) {
        const wgmma_tile tile = tile_at(args, t);
        if (tile.job.n == 0)
            return true;
        if (!copy_tile<FORMAT>(args, tile, shared, at))
            return false;
    }
}

/* ---- the warps that multiply ---------------------------------------------------------------- */

/* The weights of a warp's 16 outputs, 64 columns at a time in order, as A of four steps. */
template <uint32_t FORMAT, bool IS_STAGED = (cu_range_bytes<FORMAT>::value > 0)> struct w_stream {
    cu_w_range<FORMAT> now, coming;
    const uint8_t *matrix;
    uint32_t first_out, n_pieces;
    uint4 *boxes;

    CU_MEMBER void copy_range(const cu_gemm_args &args, uint32_t piece) {
        enum { BOX = wgmma_shared<FORMAT>::BOX };
        coming.begin(args, matrix, first_out, piece, cu_min(CU_RANGE_PIECES, n_pieces - piece),
                     boxes + piece / CU_RANGE_PIECES % 2 * BOX);
    }
    CU_MEMBER void begin(const cu_gemm_args &args, const wgmma_tile &tile, uint4 *box) {
        matrix = tile.job.matrix;
        first_out = tile.first_out + threadIdx.x / CU_WARP * CU_TILE_OUT;
        n_pieces = cu_gemm_pieces(args);
        boxes = box;
        copy_range(args, 0);
    }
    /* Block AT of a range begins with this piece. */
    template <uint32_t AT>
    CU_MEMBER void take(const cu_gemm_args &args, uint32_t piece, uint32_t a[STEPS][4]) {
        if (AT == 0) {
            coming.arrive(); /* and all have read the box of the range before the last */
            now = coming;
            if (piece + CU_RANGE_PIECES < n_pieces)
                copy_range(args, piece + CU_RANGE_PIECES);
        }
#pragma unroll
        for (uint32_t p = 0; p < BLOCK_PIECES; p++) {
            cu_share low = {}, high = {};
            if (piece + p < n_pieces) {
                low = now.share(AT * BLOCK_PIECES + p, 0);
                high = now.share(AT * BLOCK_PIECES + p, 1);
            }
            cu_place_shares(a + 2 * p, low, high);
        }
    }
};

/* BF16, straight from device memory: rows begin at 16-byte borders, cols % 8 is 0. */
template <> struct w_stream<WEIR_FORMAT_BF16, false> {
    const uint8_t *row; /* and the one 8 below, so many bytes further */
    uint32_t below;

    CU_MEMBER void begin(const cu_gemm_args &args, const wgmma_tile &tile, uint4 *) {
        const weir_cuda_matrix &w = args.op.w;
        uint32_t out = tile.first_out + threadIdx.x / CU_WARP * CU_TILE_OUT +
                       threadIdx.x % CU_WARP / CU_MEMBERS;
        uint32_t last = w.rows - 1, high = cu_min(out + CU_TILE_ROWS, last);
        out = cu_min(out, last);
        row = tile.job.matrix + out * w.row_bytes + threadIdx.x % CU_MEMBERS * 16;
        below = (high - out) * (uint32_t)w.row_bytes;
    }
    template <uint32_t>
    CU_MEMBER void take(const cu_gemm_args &args, uint32_t piece, uint32_t a[STEPS][4]) {
        uint32_t col = CU_PIECE * piece + threadIdx.x % CU_MEMBERS * 8;
#pragma unroll
        for (uint32_t p = 0; p < BLOCK_PIECES; p++) {
            cu_share low = {}, high = {};
            if (col + CU_PIECE * p < args.op.w.cols) {
                const uint8_t *at = row + (size_t)(piece + p) * CU_PIECE * sizeof(uint16_t);
                low = cu_share_of(cu_load_once((const uint4 *)at));
                high = cu_share_of(cu_load_once((const uint4 *)(at + below)));
            }
            cu_place_shares(a + 2 * p, low, high);
        }
    }
};

/* What a warp has of a tile. */
template <uint32_t FORMAT, uint32_t N> struct wgmma_work {
    float sum[N / 2], part[N / 2];
    uint32_t a[2][STEPS][4]; /* of the block that is multiplied, and of the next */
    w_stream<FORMAT> w;
};

/* Block AT of a range, whose weights are in a[AT % 2]; those of the next come meanwhile. */
template <uint32_t FORMAT, uint32_t N, uint32_t AT>
CU_DEVICE bool multiply_block(const cu_gemm_args &args, wgmma_shared<FORMAT> &shared,
                              ring_place &at, uint32_t block, wgmma_work<FORMAT, N> &work) {
    uint32_t n_blocks = blocks_of(args);
    if (block >= n_blocks)
        return true;
    bool is_there = cu_barrier_wait(&shared.full[at.stage], at.parity);
    cu_sync_warp();
    if (!is_there)
        return false;
    uint64_t x = cu_wgmma_rows(shared.x[at.stage]);
    cu_wgmma_begin();
#pragma unroll
    for (uint32_t step = 0; step < STEPS; step++)
        cu_wgmma<N>(work.part, work.a[AT % 2][step], x + 2 * step, AT + step > 0);
    cu_wgmma_commit();
    if (block + 1 < n_blocks)
        work.w.template take<(AT + 1) % RANGE_BLOCKS>(args, (block + 1) * BLOCK_PIECES,
                                                      work.a[(AT + 1) % 2]);
    cu_wgmma_wait(work.part);
    if (threadIdx.x % CU_WARP == 0)
        cu_barrier_arrive(&shared.empty[at.stage]);
    at.next();
    return true;
}

template <uint32_t N>
CU_DEVICE void write_tile(const cu_gemm_args &args, const wgmma_tile &tile,
                          const float sum[N / 2]) {
    const weir_cuda_linear &op = args.op;
    uint32_t lane = threadIdx.x % CU_WARP;
    uint32_t out = tile.first_out + threadIdx.x / CU_WARP * CU_TILE_OUT + lane / CU_MEMBERS;
#pragma unroll
    for (uint32_t j = 0; j < N / 4; j++) {
        uint32_t i = j / 2 * CU_TILE_ROWS + lane % CU_MEMBERS * 2 + j % 2;
        if (i >= tile.job.n)
            continue;
        float *y = op.y + (size_t)cu_gemm_row(args, tile.job, i) * op.w.rows;
#pragma unroll
        for (uint32_t r = 0; r < 2; r++)
            if (out + 8 * r < op.w.rows) {
                float value = sum[j / 2 * 4 + 2 * r + j % 2];
                y[out + 8 * r] = op.bias ? value + op.bias[out + 8 * r] : value;
            }
    }
}

template <uint32_t FORMAT, uint32_t N>
CU_DEVICE bool multiply_tile(const cu_gemm_args &args, const wgmma_tile &tile,
                             wgmma_shared<FORMAT> &shared, ring_place &at) {
    wgmma_work<FORMAT, N> work;
    uint32_t n_blocks = blocks_of(args);
#pragma unroll
    for (uint32_t i = 0; i < N / 2; i++)
        work.sum[i] = work.part[i] = 0.0f;
    work.w.begin(args, tile, shared.boxes[threadIdx.x / CU_WARP][0]);
    work.w.template take<0>(args, 0, work.a[0]);
#pragma unroll 1
    for (uint32_t block = 0; block < n_blocks; block += RANGE_BLOCKS) {
        static_assert(RANGE_BLOCKS == 4, "a range is four blocks of columns");
        if (!multiply_block<FORMAT, N, 0>(args, shared, at, block, work) ||
            !multiply_block<FORMAT, N, 1>(args, shared, at, block + 1, work) ||
            !multiply_block<FORMAT, N, 2>(args, shared, at, block + 2, work) ||
            !multiply_block<FORMAT, N, 3>(args, shared, at, block + 3, work))
            return false;
#pragma unroll
        for (uint32_t i = 0; i < N / 2; i++)
            work.sum[i] += work.part[i];
    }
    write_tile<N>(args, tile, work.sum);
    return true;
}

template <uint32_t FORMAT>
CU_DEVICE bool multiply_some(const cu_gemm_args &args, const wgmma_tile &tile,
                             wgmma_shared<FORMAT> &shared, ring_place &at) {
    switch ((tile.job.n + ROWS_STEP - 1) / ROWS_STEP) {
    case 1:
        return multiply_tile<FORMAT, 32>(args, tile, shared, at);
    case 2:
        return multiply_tile<FORMAT, 64>(args, tile, shared, at);
    case 3:
        return multiply_tile<FORMAT, 96>(args, tile, shared, at);
    default:
        return multiply_tile<FORMAT, 128>(args, tile, shared, at);
    }
}

template <uint32_t FORMAT>
CU_DEVICE bool multiply_tiles(const cu_gemm_args &args, wgmma_shared<FORMAT> &shared) {
    ring_place at = {0, 0};
    for (uint32_t t = blockIdx.x;; t += gridDim.x) {
        const wgmma_tile tile = tile_at(args, t);
        if (tile.job.n == 0)
            return true;
        if (!multiply_some<FORMAT>(args, tile, shared, at))
            return false;
    }
}
#endif

/* Without wgmma it does nothing, which the proof notices. */
template <uint32_t FORMAT> CU_KERNEL_AT(THREADS, 1) gemm_wgmma(cu_gemm_args args) {
#if CU_HAS_WGMMA
    CU_SHARED_LARGE(wgmma_shared<FORMAT>, shared);
    uint32_t warp = threadIdx.x / CU_WARP;
    if (threadIdx.x == 0) {
        for (uint32_t s = 0; s < STAGES; s++) {
            cu_barrier_init(&shared.full[s], 1);
            cu_barrier_init(&shared.empty[s], WARPS);
        }
        cu_async_fence();
    }
    cu_sync();
    bool is_well = true;
    if (warp < WARPS) {
        cu_more_registers<MULTIPLY_REGISTERS>();
        is_well = multiply_tiles<FORMAT>(args, shared);
    } else {
        cu_fewer_registers<COPY_REGISTERS>();
        if (warp == WARPS)
            is_well = copy_tiles<FORMAT>(args, shared);
    }
    if (!is_well && !args.is_proof)
        cu_trap();
#endif
}

template <uint32_t FORMAT>
static void launch_wgmma(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs) {
    uint32_t n_tiles = n_jobs * cu_parts(args.op.w.rows, GROUP_OUT), most = cu_multiprocessors();
    CU_LAUNCH_LARGE((gemm_wgmma<FORMAT>), dim3(n_tiles < most ? n_tiles : most), (uint32_t)THREADS,
                    sizeof(wgmma_shared<FORMAT>), stream, args);
}

#endif
