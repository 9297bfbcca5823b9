/*
 * decode_stage_cuda.cuh: what the stages of low-batch decode are made of: rows of x as a lane's
 * column of B, normed on the way, and a block that computes one tile of 16 outputs after the other
 * for up to eight tokens.
 *
 * The arithmetic is gemm_cuda.cuh's: warp w takes the ranges of 256 columns w, w + 8, ... and the
 * parts are added in the order of the ranges, each value by one thread. While a warp multiplies a
 * range, the bytes of its next one (of this tile or of the next) are under way; those of the first
 * are asked for before the launch waits for the one before it, since weights depend on nothing.
 *
 * Invariant: what a token's column holds is a function of the token alone.
 */
#ifndef WEIR_CUDA_DECODE_STAGE_CUDA_CUH
#define WEIR_CUDA_DECODE_STAGE_CUDA_CUH

#include "cuda/cuda_pdl.cuh"
#include "cuda/decode_stage_cuda.h"
#include "cuda/gemm_cuda.cuh"

enum {
    STAGE_THREADS = 256,
    STAGE_WARPS = STAGE_THREADS / CU_WARP,
    STAGE_BLOCKS = 2, /* on a multiprocessor at least: leaves 128 registers */
    TOKENS = WEIR_CUDA_STAGE_ROWS,
    PART_VALUES = CU_TILE_OUT * TOKENS,      /* threads that own a sum */
    NARROW = 512,                            /* rms_norm: up to this width a row is one warp's */
    PREFETCHES = STAGE_THREADS / CU_TILE_OUT /* of a row */
};

/* The same for kernels that need a few more where the weights of a range are in registers. */
template <uint32_t FORMAT> struct stage_blocks {
    enum { value = FORMAT == WEIR_FORMAT_BF16 ? 1 : STAGE_BLOCKS };
};

/* ---- matrices ------------------------------------------------------------------------------ */

/* What cu_w_range wants to know of a matrix. */
static inline cu_gemm_args stage_matrix(const weir_cuda_matrix *w) {
    cu_gemm_args args = {};
    args.op.w = *w;
    args.is_w_by_four = cu_is_by_four(w);
    args.is_w_by_eight = args.is_w_by_four && w->cols % 8 == 0;
    return args;
}

/* Sixteen rows of a matrix. */
struct stage_tile {
    const uint8_t *matrix;
    uint32_t first_out, n_out; /* n_out: of the matrix */
};

/* Tile at first_out of matrix `choice` of a stack (0: there is one). */
CU_DEVICE stage_tile stage_tile_of(const cu_gemm_args &m, uint32_t choice, uint32_t first_out) {
    return {m.op.w.data + choice * m.op.w.stack_bytes, first_out, m.op.w.rows};
}

/* Part of a tile on its way into the second cache: sixteen lines of each row, spread over it. Less
 * than all of it where rows are long: the blocks together would displace each other's. */
CU_DEVICE void stage_prefetch(const stage_tile &t, size_t row_bytes) {
    uint32_t out = cu_min(t.first_out + threadIdx.x / PREFETCHES, t.n_out - 1);
    cu_prefetch(t.matrix + out * row_bytes +
                (row_bytes - 1) * (threadIdx.x % PREFETCHES) / (PREFETCHES - 1));
}

/* ---- rows of x ----------------------------------------------------------------------------- */

/* Where the two fours of a share begin in a row of natural order (gemm_cuda.cuh). */
template <uint32_t FORMAT> CU_DEVICE uint32_t share_low(uint32_t piece) {
    uint32_t member = threadIdx.x % CU_MEMBERS;
    return CU_PIECE * piece + (FORMAT == WEIR_FORMAT_BF16 ? 8 : 4) * member;
}

template <uint32_t FORMAT> CU_DEVICE uint32_t share_high(uint32_t piece) {
    return share_low<FORMAT>(piece) + (FORMAT == WEIR_FORMAT_BF16 ? 4 : CU_HALF_PIECE);
}

/* A lane's column: a row of float32, normed where there is a weight; a row of bfloat16; or none. */
struct stage_x {
    const float *x, *weight;
    const uint16_t *bf16;
    float inverse;

    template <uint32_t FORMAT> CU_MEMBER cu_share share(uint32_t piece) const {
        uint32_t at[2] = {share_low<FORMAT>(piece), share_high<FORMAT>(piece)};
        if (bf16) {
            uint2 low = cu_peek((const uint2 *)(bf16 + at[0]));
            uint2 high = cu_peek((const uint2 *)(bf16 + at[1]));
            return {{low.x, low.y, high.x, high.y}};
        }
        if (!x)
            return {{0, 0, 0, 0}};
        float v[8];
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            float4 four = cu_peek((const float4 *)(x + at[half]));
            float *to = v + 4 * half;
            to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
            if (weight) {
                float4 w = cu_load((const float4 *)(weight + at[half]));
                to[0] = to[0] * inverse * w.x, to[1] = to[1] * inverse * w.y;
                to[2] = to[2] * inverse * w.z, to[3] = to[3] * inverse * w.w;
            }
        }
        return cu_share_of(v);
    }
};

/* The token that is this lane's column. */
CU_DEVICE uint32_t stage_column() {
    return threadIdx.x % CU_WARP / CU_MEMBERS;
}

CU_DEVICE stage_x stage_bf16(const uint16_t *row) {
    return {nullptr, nullptr, row, 0.0f};
}

/* ---- norm ---------------------------------------------------------------------------------- */

struct stage_norm {
    float squares[TOKENS][STAGE_WARPS];
    float inverse[TOKENS];
};

CU_DEVICE const float *stage_row(const weir_cuda_normed &in, uint32_t r) {
    return in.x + (size_t)(in.which ? (uint32_t)in.which[r] : r) * in.width;
}

/* 1 / rms of each row, into shared memory, summed as norm_narrow and norm_wide do. */
CU_DEVICE void stage_take_norm(const weir_cuda_normed &in, uint32_t n_rows, stage_norm *norm) {
    uint32_t lane = threadIdx.x % CU_WARP, warp = threadIdx.x / CU_WARP;
    if (in.width > NARROW) {
        for (uint32_t r = 0; r < n_rows; r++) {
            const float *x = stage_row(in, r);
            float squares = 0;
            for (uint32_t i = threadIdx.x; i < in.width; i += STAGE_THREADS)
                squares = fmaf(x[i], x[i], squares);
            squares = cu_warp_sum(squares);
            if (lane == 0)
                norm->squares[r][warp] = squares;
        }
        cu_sync();
    }
    if (warp < n_rows) {
        float total = 0;
        if (in.width > NARROW) {
#pragma unroll
            for (uint32_t w = 0; w < STAGE_WARPS; w++)
                total += norm->squares[warp][w];
        } else {
            const float *x = stage_row(in, warp);
            for (uint32_t i = lane; i < in.width; i += CU_WARP)
                total = fmaf(x[i], x[i], total);
            total = cu_warp_sum(total);
        }
        if (lane == 0)
            norm->inverse[warp] = 1.0f / sqrtf(total / (float)in.width + in.eps);
    }
    cu_sync();
}

/* This lane's column, normed. */
CU_DEVICE stage_x stage_normed(const weir_cuda_normed &in, uint32_t n_rows,
                               const stage_norm &norm) {
    uint32_t token = stage_column();
    if (token >= n_rows)
        return {nullptr, nullptr, nullptr, 0.0f};
    return {stage_row(in, token), in.weight, nullptr, norm.inverse[token]};
}

/* ---- products ------------------------------------------------------------------------------ */

template <uint32_t FORMAT> struct stage_shared {
    enum { BOX = cu_w_range<FORMAT>::SHARED_BYTES > 0 ? cu_w_range<FORMAT>::SHARED_BYTES / 16 : 1 };
    uint4 boxes[STAGE_WARPS][BOX];
    float parts[2][STAGE_WARPS][PART_VALUES]; /* in turn: one barrier a round is enough */
};

/* Output and token whose sum a thread owns: value i of lane l's fragment is value 32 i + l of a
 * part. */
CU_DEVICE uint32_t stage_own_out() {
    return threadIdx.x % CU_WARP / 4 + threadIdx.x / 64 * 8;
}

CU_DEVICE uint32_t stage_own_token() {
    return threadIdx.x % 4 * 2 + threadIdx.x / CU_WARP % 2;
}

/* One tile after the other, of matrices that differ in their number of rows at most: begin() the
 * first, then total() of each. */
template <uint32_t FORMAT> struct stage_block {
    /* Tiles of the same x read it once; but BF16 keeps the weights of a range in registers, and x
     * beside them would not fit. */
    enum { KEEPS_X = FORMAT != WEIR_FORMAT_BF16 };
    stage_shared<FORMAT> &shared;
    cu_gemm_args m; /* a copy: what would point into the arguments would bring them onto a stack */
    cu_w_range<FORMAT> w;
    cu_share x[CU_RANGE_PIECES]; /* of the range that has been read last */
    uint32_t n_pieces, turn;

    CU_MEMBER stage_block(stage_shared<FORMAT> &of, const cu_gemm_args &first)
        : shared(of), m(first), n_pieces(first.op.w.cols / CU_PIECE), turn(0) {
    }

    /* Of this warp's range of a round. */
    CU_MEMBER uint32_t first_piece(uint32_t round) const {
        return (round * STAGE_WARPS + threadIdx.x / CU_WARP) * CU_RANGE_PIECES;
    }

    /* How many there are; 0: no range. */
    CU_MEMBER uint32_t pieces_of(uint32_t round) const {
        uint32_t first = first_piece(round);
        return first < n_pieces ? cu_min(CU_RANGE_PIECES, n_pieces - first) : 0;
    }

    CU_MEMBER void begin(const stage_tile &t, uint32_t round = 0) {
        uint32_t warp = threadIdx.x / CU_WARP, n = pieces_of(round);
        m.op.w.rows = t.n_out;
        if (n > 0)
            w.begin(m, t.matrix, t.first_out, first_piece(round), n, shared.boxes[warp]);
    }

    CU_MEMBER void read_x(const stage_x &from, uint32_t round, uint32_t n) {
#pragma unroll
        for (uint32_t i = 0; i < CU_RANGE_PIECES; i++)
            if (KEEPS_X && i < n)
                x[i] = from.template share<FORMAT>(first_piece(round) + i);
    }

    CU_MEMBER void multiply(const stage_x &from, uint32_t round, uint32_t n, float part[4]) {
#pragma unroll
        for (uint32_t i = 0; i < 4; i++)
            part[i] = 0.0f;
        w.arrive();
#pragma unroll
        for (uint32_t i = 0; i < CU_RANGE_PIECES; i++)
            if (i < n)
                cu_mma_piece(part, w.share(i, 0), w.share(i, 1),
                             KEEPS_X ? x[i] : from.template share<FORMAT>(first_piece(round) + i));
        cu_sync_warp(); /* the box is read */
    }

    /* The sum this thread owns, of a tile that was begun; threads from PART_VALUES on get nothing
     * of use. next: the tile to begin behind it, unless this is the last. is_same_x: as in the
     * last call. */
    CU_MEMBER float total(const stage_tile &t, const stage_tile &next, bool is_last,
                          const stage_x &from, bool is_same_x) {
        uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
        uint32_t n_ranges = (n_pieces + CU_RANGE_PIECES - 1) / CU_RANGE_PIECES;
        uint32_t n_rounds = (n_ranges + STAGE_WARPS - 1) / STAGE_WARPS;
        float sum = 0.0f;
#pragma unroll 1
        for (uint32_t round = 0; round < n_rounds; round++, turn ^= 1) {
            uint32_t n = pieces_of(round);
            if (n > 0) {
                float part[4];
                if (!is_same_x || n_rounds > 1)
                    read_x(from, round, n);
                multiply(from, round, n, part);
#pragma unroll
                for (uint32_t i = 0; i < 4; i++)
                    shared.parts[turn][warp][i * CU_WARP + lane] = part[i];
            }
            if (round + 1 < n_rounds)
                begin(t, round + 1);
            else if (!is_last)
                begin(next);
            cu_sync();
            if (threadIdx.x < PART_VALUES) {
                uint32_t n_parts = cu_min(STAGE_WARPS, n_ranges - round * STAGE_WARPS);
                for (uint32_t p = 0; p < n_parts; p++)
                    sum += shared.parts[turn][p][threadIdx.x];
            }
        }
        return sum;
    }
};

/* silu(gate) up as silu_mul computes it, rounded where the next product would. */
CU_DEVICE uint16_t stage_swiglu(float gate, float up) {
    return cu_float_bf16(gate / (1.0f + expf(-gate)) * up);
}

/* ---- launches ------------------------------------------------------------------------------ */

/* CASE(format) for every format, in a switch. */
#define STAGE_SWITCH(FORMAT, CASE) \
    switch (FORMAT) {              \
        CU_FORMATS(CASE)           \
    default:                       \
        break;                     \
    }

#endif
