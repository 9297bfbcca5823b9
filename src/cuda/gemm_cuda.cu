/*
 * gemm_cuda.cu: products on tensor cores: which kernel takes them, and what goes before: x rounded
 * to bfloat16 once for all outputs, rows in order of their expert. Owns the layout of the scratch:
 *
 *   [n_tiles, places][list: rows by expert][tiles][counts of blocks][rounded or placed rows of x]
 *
 * all but the last at places that n_rows and n_choices say, so that products of other widths find
 * them again. Each expert's rows begin at a multiple of 8 in the list. The kernels are
 * gemm_narrow_cuda.cu, gemm_wide_cuda.cu and wgmma_cuda.cu; which one takes a product changes no
 * bit of it.
 */
#include "cuda/cuda_wgmma.cuh"
#include "cuda/gemm_cuda.cuh"

enum {
    DIRECT_ROWS = 16, /* choices up to which each row reads its expert: a list would cost more */
    ROUND_THREADS = 256,
    GROUP_THREADS = 256,
    GROUP_WARPS = GROUP_THREADS / CU_WARP,
    GROUP_ROWS = 1024, /* choices of a block, and as many experts as there may be */
    WARP_ROWS = GROUP_ROWS / GROUP_WARPS,
    SCRATCH_ALIGN = 256,
    NO_ROW = -1, /* of the list: a place between two experts */
    /* A job of wgmma costs as its rows and as so many more: what begins and ends it. */
    JOB_COST = 24
};

/* ---- x rounded ----------------------------------------------------------------------------- */

/* A thread: one share of one row. */
template <uint32_t FORMAT>
CU_KERNEL(ROUND_THREADS)
gemm_round(const float *x, uint32_t n_cols, bool is_by_four, size_t n_shares, uint4 *rounded) {
    uint32_t of_row = (n_cols + CU_PIECE - 1) / CU_PIECE * CU_MEMBERS;
    size_t i = (size_t)blockIdx.x * ROUND_THREADS + threadIdx.x;
    if (i >= n_shares)
        return;
    uint32_t at = (uint32_t)(i % of_row);
    cu_share share = cu_x_share<FORMAT>(x + i / of_row * n_cols, at / CU_MEMBERS, at % CU_MEMBERS,
                                        n_cols, is_by_four);
    rounded[i] = {share.pairs[0], share.pairs[1], share.pairs[2], share.pairs[3]};
}

/* Chunk `at` of piece `piece` of a placed row: pair `at` of each member. */
template <uint32_t FORMAT>
CU_DEVICE uint4 placed_chunk(const float *row, uint32_t piece, uint32_t at, uint32_t n_cols,
                             bool is_by_four) {
    bool is_plain = FORMAT == WEIR_FORMAT_BF16;
    uint32_t pairs[CU_MEMBERS];
#pragma unroll
    for (uint32_t member = 0; member < CU_MEMBERS; member++) {
        uint32_t col =
            CU_PIECE * piece +
            (is_plain ? 8 * member + 2 * at : 4 * member + at / 2 * CU_HALF_PIECE + at % 2 * 2);
        float low = 0, high = 0;
        if (is_by_four && col < n_cols) {
            uint2 both = cu_peek((const uint2 *)(row + col));
            low = cu_bits_float(both.x);
            high = cu_bits_float(both.y);
        } else {
            low = col < n_cols ? cu_peek(row + col) : 0.0f;
            high = col + 1 < n_cols ? cu_peek(row + col + 1) : 0.0f;
        }
        pairs[member] = cu_pair_bf16(low, high);
    }
    return {pairs[0], pairs[1], pairs[2], pairs[3]};
}

/* Block (i, b): 16 bytes a thread of block b of columns, in the order they are written, so that a
 * group of 8 rows is 1024 bytes, swizzled as cuda_wgmma.cuh has it. */
template <uint32_t FORMAT> CU_KERNEL(ROUND_THREADS) gemm_place(cu_gemm_args args, uint4 *placed) {
    const weir_cuda_linear &op = args.op;
    size_t i = (size_t)blockIdx.x * ROUND_THREADS + threadIdx.x;
    uint32_t place = (uint32_t)(i / CU_PLACED_CHUNKS), row = place;
    if (place >= (args.list ? cu_load(args.n_tiles + 1) : args.n_placed))
        return;
    if (args.list)
        row = cu_load(args.list + place);
    uint32_t chunk = (uint32_t)(i % CU_PLACED_CHUNKS) ^ place % CU_PLACED_CHUNKS;
    uint32_t piece = blockIdx.y * (CU_PLACED_COLS / CU_PIECE) + chunk / CU_MEMBERS;
    uint4 v = {0, 0, 0, 0};
    if (row < op.n_rows)
        v = placed_chunk<FORMAT>(op.x + (size_t)(row / op.x_repeat) * op.w.cols, piece,
                                 chunk % CU_MEMBERS, op.w.cols, args.is_x_by_four);
    placed[(size_t)blockIdx.y * args.n_placed * CU_PLACED_CHUNKS + i] = v;
}

/* ---- rows by expert ------------------------------------------------------------------------ */

struct group_args {
    const int32_t *choice;
    uint32_t n_rows, n_choices, tile_rows, n_blocks;
    uint32_t *n_tiles, *list, *counts; /* counts [n_blocks, n_choices] */
    cu_gemm_tile *tiles;
};

/* A choice of the warp's, and which lanes have the same. */
struct group_choice {
    uint32_t row, expert, peers;
    bool is_there;
};

CU_DEVICE group_choice choice_at(const group_args &args, uint32_t i) {
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    group_choice c;
    c.row = blockIdx.x * GROUP_ROWS + warp * WARP_ROWS + i * CU_WARP + lane;
    c.is_there = c.row < args.n_rows;
    c.expert = c.is_there ? (uint32_t)cu_load(args.choice + c.row) : 0;
    c.peers = cu_ballot(c.is_there);
    for (uint32_t bit = 1; bit < args.n_choices; bit <<= 1) {
        bool is_set = (c.expert & bit) != 0;
        uint32_t with = cu_ballot(is_set);
        c.peers &= is_set ? with : ~with;
    }
    return c;
}

/* counts[warp][expert] of the block's choices. */
CU_DEVICE void count_choices(const group_args &args, uint32_t *counts) {
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    for (uint32_t i = threadIdx.x; i < GROUP_WARPS * args.n_choices; i += GROUP_THREADS)
        counts[i] = 0;
    cu_sync();
    for (uint32_t i = 0; i < WARP_ROWS / CU_WARP; i++) {
        group_choice c = choice_at(args, i);
        if (c.is_there && lane == cu_lowest_bit(c.peers))
            counts[warp * args.n_choices + c.expert] += cu_count_bits(c.peers);
        cu_sync_warp(); /* another lane may count for the same expert next time */
    }
    cu_sync();
}

/* Only where there are several blocks: what each counts. */
CU_KERNEL(GROUP_THREADS) group_count(group_args args) {
    CU_SHARED(uint32_t, counts, [GROUP_WARPS * GROUP_ROWS]);
    count_choices(args, counts);
    for (uint32_t e = threadIdx.x; e < args.n_choices; e += GROUP_THREADS) {
        uint32_t sum = 0;
        for (uint32_t w = 0; w < GROUP_WARPS; w++)
            sum += counts[w * args.n_choices + e];
        args.counts[blockIdx.x * args.n_choices + e] = sum;
    }
}

/* Where each warp's rows of an expert begin among all of that expert, in place of its counts;
 * rows of all blocks in `rows`. */
CU_DEVICE void begin_experts(const group_args &args, uint32_t *counts, uint32_t *rows) {
    for (uint32_t e = threadIdx.x; e < args.n_choices; e += GROUP_THREADS) {
        uint32_t before = 0, all = 0;
        for (uint32_t b = 0; b < args.n_blocks && args.n_blocks > 1; b++) {
            before += b < blockIdx.x ? args.counts[b * args.n_choices + e] : 0;
            all += args.counts[b * args.n_choices + e];
        }
        for (uint32_t w = 0; w < GROUP_WARPS; w++) {
            uint32_t n = counts[w * args.n_choices + e];
            counts[w * args.n_choices + e] = before;
            before += n;
        }
        rows[e] = args.n_blocks > 1 ? all : before;
    }
}

/* Places of the list that so many rows of an expert take. */
CU_DEVICE uint32_t places_of(uint32_t n_rows) {
    return (n_rows + CU_TILE_ROWS - 1) / CU_TILE_ROWS * CU_TILE_ROWS;
}

CU_DEVICE uint32_t tiles_of(const group_args &args, uint32_t n_rows) {
    return (n_rows + args.tile_rows - 1) / args.tile_rows;
}

/* From the rows of each expert: its first place in the list and its first tile. One warp. */
CU_DEVICE void begin_lists(const group_args &args, const uint32_t *rows, uint32_t *first_row,
                           uint32_t *first_tile) {
    uint32_t lane = threadIdx.x, share = (args.n_choices + CU_WARP - 1) / CU_WARP;
    uint32_t begin = cu_min(lane * share, args.n_choices);
    uint32_t end = cu_min(begin + share, args.n_choices);
    uint32_t n_rows = 0, n_tiles = 0;
    for (uint32_t e = begin; e < end; e++) {
        n_rows += places_of(rows[e]);
        n_tiles += tiles_of(args, rows[e]);
    }
    uint32_t row = 0, tile = 0;
    for (uint32_t l = 0; l < CU_WARP; l++) {
        uint32_t rows_of_lane = cu_shuffle(n_rows, l), tiles_of_lane = cu_shuffle(n_tiles, l);
        row += l < lane ? rows_of_lane : 0;
        tile += l < lane ? tiles_of_lane : 0;
    }
    for (uint32_t e = begin; e < end; e++) {
        first_row[e] = row;
        first_tile[e] = tile;
        row += places_of(rows[e]);
        tile += tiles_of(args, rows[e]);
    }
    if (blockIdx.x == 0 && lane == CU_WARP - 1) {
        args.n_tiles[0] = tile;
        args.n_tiles[1] = row;
    }
}

/* Writes the list, by expert and then by row, and the tiles. */
CU_KERNEL(GROUP_THREADS) group_place(group_args args) {
    CU_SHARED(uint32_t, counts, [GROUP_WARPS * GROUP_ROWS]);
    CU_SHARED(uint32_t, rows, [GROUP_ROWS]);
    CU_SHARED(uint32_t, first_row, [GROUP_ROWS]);
    CU_SHARED(uint32_t, first_tile, [GROUP_ROWS]);
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    count_choices(args, counts);
    begin_experts(args, counts, rows);
    cu_sync();
    if (warp == 0)
        begin_lists(args, rows, first_row, first_tile);
    cu_sync();
    for (uint32_t i = 0; i < WARP_ROWS / CU_WARP; i++) {
        group_choice c = choice_at(args, i);
        uint32_t *next = counts + warp * args.n_choices + c.expert;
        if (c.is_there)
            args.list[first_row[c.expert] + *next + cu_count_bits(c.peers & ((1u << lane) - 1))] =
                c.row;
        cu_sync_warp(); /* all have read where they begin */
        if (c.is_there && lane == cu_lowest_bit(c.peers))
            *next += cu_count_bits(c.peers);
        cu_sync_warp();
    }
    for (uint32_t e = threadIdx.x; e < args.n_choices && blockIdx.x == 0; e += GROUP_THREADS) {
        for (uint32_t t = 0; t * args.tile_rows < rows[e]; t++)
            args.tiles[first_tile[e] + t] = {e, first_row[e] + t * args.tile_rows,
                                             cu_min(args.tile_rows, rows[e] - t * args.tile_rows)};
        for (uint32_t i = rows[e]; i < places_of(rows[e]); i++)
            args.list[first_row[e] + i] = (uint32_t)NO_ROW;
    }
}

/* ---- scratch ------------------------------------------------------------------------------- */

struct scratch_layout {
    size_t list_at, tiles_at, counts_at, rounded_at;
};

static size_t padded(size_t bytes) {
    return (bytes + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
}

/* At most so many tiles: every expert may have one that is not full. */
static uint32_t most_tiles(uint32_t n_rows, uint32_t n_choices, uint32_t tile_rows) {
    return n_rows / tile_rows + (n_rows < n_choices ? n_rows : n_choices);
}

/* Places of rows, of the list too: every expert's begin at a multiple of 8. */
static uint32_t most_places(uint32_t n_rows, uint32_t n_choices) {
    uint32_t n_begun = n_rows < n_choices ? n_rows : n_choices;
    return cu_parts((size_t)n_rows + (size_t)n_begun * (CU_TILE_ROWS - 1), CU_TILE_ROWS) *
           CU_TILE_ROWS;
}

static scratch_layout layout_of(uint32_t n_rows, uint32_t n_choices) {
    scratch_layout at = {SCRATCH_ALIGN, 0, 0, 0};
    at.tiles_at = at.list_at + padded(most_places(n_rows, n_choices) * sizeof(uint32_t));
    at.counts_at =
        at.tiles_at + padded(most_tiles(n_rows, n_choices, CU_NARROW_ROWS) * sizeof(cu_gemm_tile));
    at.rounded_at =
        at.counts_at + padded((size_t)cu_parts(n_rows, GROUP_ROWS) * n_choices * sizeof(uint32_t));
    return at;
}

static size_t shares_of(uint32_t n_cols) {
    return (size_t)cu_parts(n_cols, CU_PIECE) * CU_MEMBERS;
}

size_t weir_cuda_gemm_scratch(uint32_t n_rows, uint32_t n_cols, uint32_t n_choices) {
    size_t row_bytes = (size_t)cu_parts(n_cols, CU_PLACED_COLS) * CU_PLACED_COLS * sizeof(uint16_t);
    return layout_of(n_rows, n_choices).rounded_at + most_places(n_rows, n_choices) * row_bytes;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Which kernel takes a product, and how many rows at once. */
struct job_plan {
    uint32_t rows;
    bool is_wgmma;
};

/* Jobs of 128 rows keep the device busiest where they fill it; fewer rows, where more blocks do. A
 * handful of tiles is better off as many narrow ones, which divide K too. */
static job_plan plan_wgmma(const weir_cuda_linear *op) {
    uint32_t n_side = cu_multiprocessors(), n_outs = cu_parts(op->w.rows, 128);
    uint64_t least = UINT64_MAX;
    job_plan plan = {CU_GROUP_ROWS, true};
    if (op->choice) /* of the choices alone: the tiles of old choices serve again */
        return plan;
    for (uint32_t rows = CU_GROUP_ROWS; rows >= CU_MIDDLE_ROWS; rows -= CU_MIDDLE_ROWS) {
        uint64_t n_tiles = (uint64_t)n_outs * cu_parts(op->n_rows, rows);
        uint64_t cost = (n_tiles + n_side - 1) / n_side * (rows + JOB_COST);
        if (cost < least) {
            least = cost;
            plan.rows = rows;
        }
    }
    if (2 * (uint64_t)n_outs * cu_parts(op->n_rows, CU_MIDDLE_ROWS) < n_side)
        plan = {CU_MIDDLE_ROWS, false};
    return plan;
}

/* Rows of a job: so many that an expert with its share of them fills one. */
static job_plan plan_of(const cu_gemm_args &args, uint32_t flags) {
    const weir_cuda_linear &op = args.op;
    uint32_t n = op.choice ? op.n_rows / op.n_choices : op.n_rows;
    bool has_wgmma = flags >= WEIR_CUDA_GEMM_HAS_WGMMA && weir_cuda_has_wgmma(args);
    if (has_wgmma && (flags & CU_GEMM_PROOF))
        return {CU_GROUP_ROWS, true};
    if (has_wgmma && n > CU_MIDDLE_ROWS)
        return plan_wgmma(&op);
    return {n <= CU_NARROW_ROWS   ? (uint32_t)CU_NARROW_ROWS
            : n <= CU_MIDDLE_ROWS ? (uint32_t)CU_MIDDLE_ROWS
                                  : (uint32_t)CU_WIDE_ROWS,
            false};
}

static cu_gemm_args args_of(const weir_cuda_linear *op) {
    cu_gemm_args args = {};
    args.op = *op;
    args.is_x_by_four = op->w.cols % 4 == 0 && (uintptr_t)op->x % 16 == 0;
    args.is_w_by_four = cu_is_by_four(&op->w);
    args.is_w_by_eight = args.is_w_by_four && op->w.cols % 8 == 0;
    return args;
}

uint32_t weir_cuda_gemm_tile_rows(const weir_cuda_linear *op, uint32_t flags) {
    return plan_of(args_of(op), flags).rows;
}

static void group(weir_cuda_stream *stream, cu_gemm_args *args, uint8_t *scratch,
                  uint32_t tile_rows, bool are_choices_old) {
    const weir_cuda_linear &op = args->op;
    const scratch_layout at = layout_of(op.n_rows, op.n_choices);
    group_args g = {op.choice,
                    op.n_rows,
                    op.n_choices,
                    tile_rows,
                    cu_parts(op.n_rows, GROUP_ROWS),
                    (uint32_t *)scratch,
                    (uint32_t *)(scratch + at.list_at),
                    (uint32_t *)(scratch + at.counts_at),
                    (cu_gemm_tile *)(scratch + at.tiles_at)};
    args->n_tiles = g.n_tiles;
    args->list = g.list;
    args->tiles = g.tiles;
    if (are_choices_old)
        return;
    if (g.n_blocks > 1)
        CU_LAUNCH(group_count, dim3(g.n_blocks), (uint32_t)GROUP_THREADS, stream, g);
    CU_LAUNCH(group_place, dim3(g.n_blocks), (uint32_t)GROUP_THREADS, stream, g);
}

static void round_x(weir_cuda_stream *stream, cu_gemm_args *args, uint8_t *scratch) {
    const weir_cuda_linear &op = args->op;
    uint4 *rounded = (uint4 *)(scratch + layout_of(op.n_rows, op.n_choices).rounded_at);
    size_t n = op.n_rows / op.x_repeat * shares_of(op.w.cols);
    dim3 grid(cu_parts(n, ROUND_THREADS));
    args->rounded = rounded;
    if (op.w.format == WEIR_FORMAT_BF16)
        CU_LAUNCH((gemm_round<WEIR_FORMAT_BF16>), grid, (uint32_t)ROUND_THREADS, stream, op.x,
                  op.w.cols, args->is_x_by_four, n, rounded);
    else
        CU_LAUNCH((gemm_round<WEIR_FORMAT_F32>), grid, (uint32_t)ROUND_THREADS, stream, op.x,
                  op.w.cols, args->is_x_by_four, n, rounded);
}

static void place_x(weir_cuda_stream *stream, cu_gemm_args *args, uint8_t *scratch) {
    const weir_cuda_linear &op = args->op;
    uint4 *placed = (uint4 *)(scratch + layout_of(op.n_rows, op.n_choices).rounded_at);
    args->n_placed = most_places(op.n_rows, op.choice ? op.n_choices : 0);
    dim3 grid(cu_parts((size_t)args->n_placed * CU_PLACED_CHUNKS, ROUND_THREADS),
              cu_parts(op.w.cols, CU_PLACED_COLS));
    if (op.w.format == WEIR_FORMAT_BF16)
        CU_LAUNCH((gemm_place<WEIR_FORMAT_BF16>), grid, (uint32_t)ROUND_THREADS, stream, *args,
                  placed);
    else
        CU_LAUNCH((gemm_place<WEIR_FORMAT_F32>), grid, (uint32_t)ROUND_THREADS, stream, *args,
                  placed);
    args->placed = placed;
}

void weir_cuda_run_gemm(weir_cuda_stream *stream, const weir_cuda_linear *op, void *scratch,
                        uint32_t flags) {
    cu_gemm_args args = args_of(op);
    args.is_proof = (flags & CU_GEMM_PROOF) != 0;
    const job_plan plan = plan_of(args, flags);
    uint32_t n_jobs = cu_parts(op->n_rows, plan.rows);
    if (op->n_rows == 0)
        return;
    if (op->choice && op->n_rows <= DIRECT_ROWS) {
        weir_cuda_gemm_narrow(stream, args, op->n_rows, CU_NARROW_ROWS);
        return;
    }
    if (op->choice) {
        group(stream, &args, (uint8_t *)scratch, plan.rows,
              (flags & WEIR_CUDA_GEMM_OLD_CHOICES) != 0);
        n_jobs = most_tiles(op->n_rows, op->n_choices, plan.rows);
    }
    if (plan.is_wgmma) {
        args.job_rows = plan.rows;
        place_x(stream, &args, (uint8_t *)scratch);
        weir_cuda_gemm_wgmma(stream, args, n_jobs);
        return;
    }
    if (op->choice || plan.rows > CU_NARROW_ROWS)
        round_x(stream, &args, (uint8_t *)scratch);
    if (plan.rows == CU_WIDE_ROWS)
        weir_cuda_gemm_wide(stream, args, n_jobs);
    else
        weir_cuda_gemm_narrow(stream, args, n_jobs, plan.rows);
}
