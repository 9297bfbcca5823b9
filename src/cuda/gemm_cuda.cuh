/*
 * gemm_cuda.cuh: the one arithmetic of products on tensor cores: which columns of W and x meet in
 * which place of which mma, in what order they are added, and what a warp does for 256 columns.
 * Kernels that keep to it have the same bits, however many rows they take at once.
 *
 *   y[r][o] = (((0 + P_0) + P_1) + ...) + bias[o]
 *
 * P_j is the product over range j, columns 256 j .. 256 j + 255 of what there is: a chain of
 * m16n8k16 that begins with zeros, weights as A, rows of x as B, two steps a piece of 32 columns,
 * in ascending order. Sums of P are float32. Weights are decoded as quant/ does and rounded to
 * bfloat16, x is rounded to bfloat16.
 *
 * A lane's share of a piece are eight columns, those of its `member` = lane % 4: for BF16 columns
 * 8 member and on, so that they are one load, for all other formats a quarter of the piece as
 * decode_cuda.cuh has it. Values 0 1 | 2 3 of them are the two pairs of step 0, 4 5 | 6 7 of step
 * 1. A row of x in this order, rounded, is a "rounded row"; the four pairs are 16 bytes of it.
 * wgmma takes x from shared memory step by step: the same pairs, pair i of the four members side by
 * side, are chunk i of the piece of a "placed row".
 *
 * Owns no tiles and no launches; gemm_narrow_cuda.cu, gemm_wide_cuda.cu and wgmma_cuda.cu do.
 */
#ifndef WEIR_CUDA_GEMM_CUDA_CUH
#define WEIR_CUDA_GEMM_CUDA_CUH

#include "cuda/cuda_mma.cuh"
#include "cuda/decode_cuda.cuh"
#include "cuda/gemm_cuda.h"

enum {
    CU_RANGE_PIECES = 8,
    CU_TILE_OUT = 16, /* outputs and rows of one mma */
    CU_TILE_ROWS = 8,
    CU_MEMBERS = 4,
    CU_GEMM_WARPS = 8,   /* at most, of a narrow block: ranges that run side by side */
    CU_PLACED_COLS = 64, /* of a block of placed rows, and how many times 16 bytes they are */
    CU_PLACED_CHUNKS = 8
};

/* Four pairs of bfloat16: a member's share of a piece. */
struct cu_share {
    uint32_t pairs[4];
};

CU_DEVICE cu_share cu_share_of(const float v[8]) {
    return {{cu_pair_bf16(v[0], v[1]), cu_pair_bf16(v[2], v[3]), cu_pair_bf16(v[4], v[5]),
             cu_pair_bf16(v[6], v[7])}};
}

CU_DEVICE cu_share cu_share_of(const uint4 &v) {
    return {{v.x, v.y, v.z, v.w}};
}

/* Bytes of 256 columns where they are read through shared memory, 0 where they are read directly;
 * are they one block? */
template <uint32_t FORMAT> struct cu_range_bytes {
    enum { value = 0, is_block = 0 };
};
#define CU_RANGE_BYTES(NAME, N_BLOCKS, BYTES)                        \
    template <> struct cu_range_bytes<WEIR_FORMAT_##NAME> {          \
        enum { value = N_BLOCKS * BYTES, is_block = N_BLOCKS == 1 }; \
    };
CU_RANGE_BYTES(Q4_0, 8, 18)
CU_RANGE_BYTES(Q4_1, 8, 20)
CU_RANGE_BYTES(Q5_0, 8, 22)
CU_RANGE_BYTES(Q5_1, 8, 24)
CU_RANGE_BYTES(Q8_0, 8, 34)
CU_RANGE_BYTES(IQ4_NL, 8, 18)
CU_RANGE_BYTES(MXFP4, 8, 17)
CU_RANGE_BYTES(Q2_K, 1, 84)
CU_RANGE_BYTES(Q3_K, 1, 110)
CU_RANGE_BYTES(Q4_K, 1, 144)
CU_RANGE_BYTES(Q5_K, 1, 176)
CU_RANGE_BYTES(Q6_K, 1, 210)
CU_RANGE_BYTES(IQ4_XS, 1, 136)
CU_RANGE_BYTES(F8, 256 / WEIR_F8_VALUES, WEIR_F8_BLOCK_BYTES)
#undef CU_RANGE_BYTES

/* ---- what a launch is told ----------------------------------------------------------------- */

/* Rows of one expert that a block takes at once: list[first] .. list[first + n - 1]. */
struct cu_gemm_tile {
    uint32_t expert, first, n;
};

struct cu_gemm_args {
    weir_cuda_linear op;
    const uint4 *rounded; /* [x rows, pieces, members], or NULL: x is rounded where it is read */
    const uint4 *placed;  /* [blocks of 64 columns, n_placed, chunks], what wgmma_cuda.cu reads */
    const cu_gemm_tile *tiles;       /* or NULL: rows as they are, or the choice of each */
    const uint32_t *n_tiles, *list;  /* n_tiles[1]: places of the list that are in use */
    uint32_t n_placed;               /* places of rows: of the list, or n_rows; a multiple of 8 */
    uint32_t job_rows;               /* of wgmma_cuda.cu's jobs */
    bool is_proof;                   /* what a device gets wrong must not end the program */
    bool is_x_by_four, is_w_by_four; /* as decode_cuda.cuh wants to know it */
    bool is_w_by_eight;              /* 16-bit rows begin at 16-byte borders, cols % 8 is 0 */
};

/* What a block works on. */
struct cu_gemm_job {
    const uint8_t *matrix;
    uint32_t first, n;
};

/* Job number `at` of jobs of up to n_rows rows; n is 0 where there is none. */
CU_DEVICE cu_gemm_job cu_gemm_job_at(const cu_gemm_args &args, uint32_t at, uint32_t n_rows) {
    const weir_cuda_linear &op = args.op;
    if (args.tiles) {
        if (at >= cu_load(args.n_tiles))
            return {op.w.data, 0, 0};
        const cu_gemm_tile *tile = args.tiles + at;
        return {op.w.data + cu_load(&tile->expert) * op.w.stack_bytes, cu_load(&tile->first),
                cu_load(&tile->n)};
    }
    if (op.choice)
        return {op.w.data + (uint32_t)cu_load(op.choice + at) * op.w.stack_bytes, at, 1};
    return {op.w.data, at * n_rows, cu_min(n_rows, op.n_rows - at * n_rows)};
}

/* The row of y that is row i of the job. */
CU_DEVICE uint32_t cu_gemm_row(const cu_gemm_args &args, const cu_gemm_job &job, uint32_t i) {
    return args.tiles ? cu_load(args.list + job.first + i) : job.first + i;
}

CU_DEVICE uint32_t cu_gemm_pieces(const cu_gemm_args &args) {
    return (args.op.w.cols + CU_PIECE - 1) / CU_PIECE;
}

/* ---- shares -------------------------------------------------------------------------------- */

/* From a row of float32. */
template <uint32_t FORMAT>
CU_DEVICE cu_share cu_x_share(const float *row, uint32_t piece, uint32_t member, uint32_t n_cols,
                              bool is_by_four) {
    bool is_plain = FORMAT == WEIR_FORMAT_BF16;
    uint32_t low = CU_PIECE * piece + (is_plain ? 8 : 4) * member;
    float v[8];
    cu_read_f32(row, low, n_cols, is_by_four, v);
    cu_read_f32(row, low + (is_plain ? 4 : CU_HALF_PIECE), n_cols, is_by_four, v + 4);
    return cu_share_of(v);
}

/* From a row of W in device memory. */
template <uint32_t FORMAT>
CU_DEVICE cu_share cu_w_share(const cu_gemm_args &args, const uint8_t *row, uint32_t piece,
                              uint32_t member) {
    uint32_t n_cols = args.op.w.cols;
    if (FORMAT == WEIR_FORMAT_BF16) {
        const uint16_t *values = (const uint16_t *)row;
        uint32_t first = CU_PIECE * piece + 8 * member, bits[8];
        if (args.is_w_by_eight) {
            uint4 nothing = {0, 0, 0, 0};
            return cu_share_of(first < n_cols ? cu_load_once((const uint4 *)(values + first))
                                              : nothing);
        }
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            bits[i] = first + i < n_cols ? cu_peek(values + first + i) : 0;
        return {{bits[0] | bits[1] << 16, bits[2] | bits[3] << 16, bits[4] | bits[5] << 16,
                 bits[6] | bits[7] << 16}};
    }
    float v[8];
    cu_format<FORMAT>::read(row, {piece, member, n_cols, args.is_w_by_four}, v);
    return cu_share_of(v);
}

/* Two rows of W, group and group + 8, as A of both steps of a piece. */
CU_DEVICE void cu_place_shares(uint32_t a[2][4], const cu_share &low, const cu_share &high) {
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        a[i / 2][i % 2 * 2] = low.pairs[i];
        a[i / 2][i % 2 * 2 + 1] = high.pairs[i];
    }
}

/* Both steps of a piece, with one row of x. */
CU_DEVICE void cu_mma_piece(float d[4], const cu_share &low, const cu_share &high,
                            const cu_share &x) {
    uint32_t a[2][4];
    cu_place_shares(a, low, high);
#pragma unroll
    for (uint32_t step = 0; step < 2; step++) {
        const uint32_t b[2] = {x.pairs[2 * step], x.pairs[2 * step + 1]};
        cu_mma_bf16(d, a[step], b);
    }
}

/* ---- 16 rows of W in one range, as a warp has them ----------------------------------------- */

/* Formats with blocks: bytes of the rows come through shared memory, 16 at a time, whatever the
 * size of a block: a row's range begins somewhere in its first 16 bytes. */
template <uint32_t FORMAT, bool IS_STAGED = (cu_range_bytes<FORMAT>::value > 0)> struct cu_w_range {
    enum {
        BYTES = cu_range_bytes<FORMAT>::value,
        CHUNKS = (BYTES + 15 + 15) / 16 | 1, /* odd: eight rows lie in different banks */
        SHARED_BYTES = CU_TILE_OUT * CHUNKS * 16,
        /* Where a piece stands in a block of 256 decides its shifts and masks: known ones are two
         * fifths of the instructions less. */
        UNROLL = cu_range_bytes<FORMAT>::is_block ? CU_RANGE_PIECES : 2
    };
    const uint8_t *row[2];

    /* rows first_out .. + 15 of the matrix, at most the last; n pieces from `piece` on. `box`:
     * SHARED_BYTES of the warp's own. Weights are under way when it returns. */
    CU_MEMBER void begin(const cu_gemm_args &args, const uint8_t *matrix, uint32_t first_out,
                         uint32_t piece, uint32_t n, uint4 *box) {
        const weir_cuda_matrix &w = args.op.w;
        uint32_t lane = threadIdx.x % CU_WARP;
        size_t before = (size_t)(piece / CU_RANGE_PIECES) * BYTES;
#pragma unroll 1
        for (uint32_t i = lane; i < CU_TILE_OUT * CHUNKS; i += CU_WARP) {
            uint32_t out = cu_min(first_out + i / CHUNKS, w.rows - 1);
            uintptr_t from = (uintptr_t)(matrix + out * w.row_bytes + before);
            uintptr_t end = from + n * BYTES / CU_RANGE_PIECES;
            uintptr_t at = from / 16 * 16 + i % CHUNKS * 16;
            if (at < end)
                cu_copy_part(box + i, (const void *)at, end - at < 16 ? (uint32_t)(end - at) : 16);
        }
        cu_copy_commit();
#pragma unroll
        for (uint32_t r = 0; r < 2; r++) {
            uint32_t mine = lane / CU_MEMBERS + 8 * r, out = cu_min(first_out + mine, w.rows - 1);
            uintptr_t from = (uintptr_t)(matrix + out * w.row_bytes + before);
            row[r] = (const uint8_t *)(box + mine * CHUNKS) + from % 16;
        }
    }
    /* The weights are here. */
    CU_MEMBER void arrive() {
        cu_copy_wait<0>();
        cu_sync_warp();
    }
    /* Piece i of the range, of row group + 8 r. */
    CU_MEMBER cu_share share(uint32_t i, uint32_t r) const {
        float v[8];
        cu_format<FORMAT>::template read<cu_from_anywhere>(
            row[r], {i, threadIdx.x % CU_MEMBERS, 0, false}, v);
        return cu_share_of(v);
    }
};

/* BF16: a share is one load, and all of a range are under way at once in registers. */
template <> struct cu_w_range<WEIR_FORMAT_BF16, false> {
    enum { SHARED_BYTES = 0, UNROLL = CU_RANGE_PIECES };
    cu_share shares[CU_RANGE_PIECES][2];

    CU_MEMBER void begin(const cu_gemm_args &args, const uint8_t *matrix, uint32_t first_out,
                         uint32_t piece, uint32_t n, uint4 *) {
        uint32_t lane = threadIdx.x % CU_WARP;
        const uint8_t *row[2];
#pragma unroll
        for (uint32_t r = 0; r < 2; r++)
            row[r] = matrix + cu_min(first_out + lane / CU_MEMBERS + 8 * r, args.op.w.rows - 1) *
                                  args.op.w.row_bytes;
#pragma unroll
        for (uint32_t i = 0; i < CU_RANGE_PIECES; i++)
#pragma unroll
            for (uint32_t r = 0; r < 2; r++)
                if (i < n)
                    shares[i][r] =
                        cu_w_share<WEIR_FORMAT_BF16>(args, row[r], piece + i, lane % CU_MEMBERS);
    }
    CU_MEMBER void arrive() {
    }
    CU_MEMBER cu_share share(uint32_t i, uint32_t r) const {
        return shares[i][r];
    }
};

/* F32 and F16: read where they are used. */
template <uint32_t FORMAT> struct cu_w_range<FORMAT, false> {
    enum { SHARED_BYTES = 0, UNROLL = 2 };
    cu_gemm_args args; /* a copy: a pointer into the kernel's would bring them onto a stack */
    const uint8_t *row[2];
    uint32_t first;

    CU_MEMBER void begin(const cu_gemm_args &of, const uint8_t *matrix, uint32_t first_out,
                         uint32_t piece, uint32_t, uint4 *) {
        uint32_t group = threadIdx.x % CU_WARP / CU_MEMBERS;
        args = of;
        first = piece;
#pragma unroll
        for (uint32_t r = 0; r < 2; r++)
            row[r] =
                matrix + cu_min(first_out + group + 8 * r, of.op.w.rows - 1) * of.op.w.row_bytes;
    }
    CU_MEMBER void arrive() {
    }
    CU_MEMBER cu_share share(uint32_t i, uint32_t r) const {
        return cu_w_share<FORMAT>(args, row[r], first + i, threadIdx.x % CU_MEMBERS);
    }
};

/* The row of x that is a lane's column of B: rounded, or float32 where a launch of one tile has no
 * rounded rows. A number and not an address: that is a register less a tile, of which BF16 has none
 * to spare. */
enum { CU_NO_ROW = 0xffffffff };

struct cu_x_row {
    uint32_t row;
};

template <uint32_t FORMAT, uint32_t N_TILES>
CU_DEVICE cu_share cu_x_row_share(const cu_gemm_args &args, const cu_x_row &x, uint32_t piece) {
    uint32_t member = threadIdx.x % CU_MEMBERS;
    if (x.row == CU_NO_ROW)
        return {{0, 0, 0, 0}};
    if (N_TILES > 1 || args.rounded)
        return cu_share_of(cu_peek(
            args.rounded + ((size_t)x.row * cu_gemm_pieces(args) + piece) * CU_MEMBERS + member));
    return cu_x_share<FORMAT>(args.op.x + (size_t)x.row * args.op.w.cols, piece, member,
                              args.op.w.cols, args.is_x_by_four);
}

/* part = the warp's product over a range: 16 rows of W that were begun, N_TILES times 8 rows of x;
 * fragment D as cuda_mma.cuh has it. */
template <uint32_t FORMAT, uint32_t N_TILES>
CU_DEVICE void cu_gemm_range(const cu_gemm_args &args, cu_w_range<FORMAT> &w, uint32_t first_piece,
                             uint32_t n, const cu_x_row x[N_TILES], float part[N_TILES][4]) {
    enum { UNROLL = cu_w_range<FORMAT>::UNROLL };
#pragma unroll
    for (uint32_t t = 0; t < N_TILES; t++)
#pragma unroll
        for (uint32_t i = 0; i < 4; i++)
            part[t][i] = 0.0f;
    w.arrive();
#pragma unroll UNROLL
    for (uint32_t i = 0; i < CU_RANGE_PIECES; i++) {
        if (i >= n) /* no break: BF16 needs i known, so that shares stay in registers */
            continue;
        cu_share low = w.share(i, 0), high = w.share(i, 1);
#pragma unroll
        for (uint32_t t = 0; t < N_TILES; t++)
            cu_mma_piece(part[t], low, high,
                         cu_x_row_share<FORMAT, N_TILES>(args, x[t], first_piece + i));
    }
}

/* ---- launches of the three kernels ---------------------------------------------------------- */

/* Beside the flags of weir_cuda_run_gemm: however few the rows, by wgmma, and a device that gets it
 * wrong does not end the program. */
enum { CU_GEMM_PROOF = 4 };

/* Rows a job of each kernel takes: narrow (two), wide, wgmma (at most). */
enum { CU_NARROW_ROWS = 8, CU_MIDDLE_ROWS = 32, CU_WIDE_ROWS = 64, CU_GROUP_ROWS = 128 };

/* n_jobs: how many there are, or an upper bound of them; job_rows: 8 or 32 */
void weir_cuda_gemm_narrow(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs,
                           uint32_t job_rows);
/* rows are rounded; jobs of 64 */
void weir_cuda_gemm_wide(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs);
/* Is there a kernel by wgmma for this matrix? */
bool weir_cuda_has_wgmma(const cu_gemm_args &args);
/* rows are placed; jobs of args.job_rows, up to 128; does nothing but on sm_90a */
void weir_cuda_gemm_wgmma(weir_cuda_stream *stream, const cu_gemm_args &args, uint32_t n_jobs);
void weir_cuda_gemm_wgmma_blocks(weir_cuda_stream *stream, const cu_gemm_args &args,
                                 uint32_t n_jobs);

#endif
