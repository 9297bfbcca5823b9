/*
 * decode_experts_cuda.cu: the stages of a feed-forward with experts: the router's logits; the
 * choice and what the chosen experts make of a row; their weighted sum. Nobody makes a list and
 * nothing is sorted: a block knows its expert from the choices, which each makes for itself.
 */
#include "cuda/decode_stage_cuda.cuh"
#include "cuda/route_cuda.cuh"

enum { USED = WEIR_CUDA_STAGE_USED, LINE_BYTES = 128 };

/* ---- router -------------------------------------------------------------------------------- */

struct router_args {
    weir_cuda_normed in;
    weir_cuda_matrix w;
    bool is_by_four;
    float *logits;
    uint16_t *normed;
};

/* linear_cuda.cu's product of one row of W and one normed row of x: the same columns in the same
 * lanes in the same order. */
template <uint32_t FORMAT>
CU_DEVICE float router_product(const router_args &args, const uint8_t *w, const float *x,
                               float inverse) {
    uint32_t lane = threadIdx.x % CU_WARP, n_pieces = args.w.cols / CU_PIECE;
    cu_place at = {lane / 4, lane % 4, args.w.cols, args.is_by_four};
    float sum = 0.0f;
#pragma unroll 2
    for (; at.piece < n_pieces; at.piece += CU_WARP / 4) {
        float weight[CU_QUARTER];
        cu_format<FORMAT>::read(w, at, weight);
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t col = CU_PIECE * at.piece + 4 * at.quarter + CU_HALF_PIECE * half;
            float4 four = cu_peek((const float4 *)(x + col));
            float4 norm = cu_load((const float4 *)(args.in.weight + col));
            sum = fmaf(weight[4 * half], four.x * inverse * norm.x, sum);
            sum = fmaf(weight[4 * half + 1], four.y * inverse * norm.y, sum);
            sum = fmaf(weight[4 * half + 2], four.z * inverse * norm.z, sum);
            sum = fmaf(weight[4 * half + 3], four.w * inverse * norm.w, sum);
        }
    }
    return cu_warp_sum(sum);
}

/* Block x: expert x, a warp a row; and its part of the columns of the normed rows. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, STAGE_BLOCKS)
stage_router(router_args args) {
    CU_SHARED(stage_norm, norm, [1]);
    const weir_cuda_normed &in = args.in;
    uint32_t expert = blockIdx.x, warp = threadIdx.x / CU_WARP;
    const uint8_t *w = args.w.data + expert * args.w.row_bytes;
    cu_pdl_go();
    for (size_t at = threadIdx.x * LINE_BYTES; at < args.w.row_bytes;
         at += STAGE_THREADS * LINE_BYTES)
        cu_prefetch(w + at);
    cu_pdl_wait();
    uint32_t n_rows = *in.n_rows;
    stage_take_norm(in, n_rows, norm);
    if (warp < n_rows) {
        float logit = router_product<FORMAT>(args, w, stage_row(in, warp), norm[0].inverse[warp]);
        if (threadIdx.x % CU_WARP == 0)
            args.logits[(size_t)warp * args.w.rows + expert] = logit;
    }
    for (uint32_t i = expert * STAGE_THREADS + threadIdx.x; i < in.width;
         i += args.w.rows * STAGE_THREADS)
        for (uint32_t r = 0; r < n_rows; r++)
            args.normed[(size_t)r * in.width + i] =
                cu_float_bf16(stage_row(in, r)[i] * norm[0].inverse[r] * in.weight[i]);
}

void weir_cuda_run_stage_router(weir_cuda_stream *stream, const weir_cuda_stage_router *op) {
    router_args args = {op->in, op->w, cu_is_by_four(&op->w), op->logits, op->normed};
#define CASE(NAME)                                                                                 \
    case WEIR_FORMAT_##NAME:                                                                       \
        CU_LAUNCH_PDL((stage_router<WEIR_FORMAT_##NAME>), dim3(op->w.rows), STAGE_THREADS, stream, \
                      args);                                                                       \
        break;
    STAGE_SWITCH(op->w.format, CASE)
#undef CASE
}

/* ---- experts ------------------------------------------------------------------------------- */

struct experts_args {
    const uint32_t *n_rows;
    weir_cuda_route route;
    const uint16_t *x;
    cu_gemm_args gate, up;
    uint16_t *y;
};

/* The pair (row x n_used + place) that is number `nth` of those with this expert, from `first` on,
 * or n_pairs. */
CU_DEVICE uint32_t pair_of(const int32_t *experts, uint32_t first, uint32_t n_pairs, uint32_t nth) {
    int32_t expert = experts[first];
    uint32_t pair = first;
    for (; pair < n_pairs; pair++)
        if (experts[pair] == expert && nth-- == 0)
            break;
    return pair;
}

/* Block x, y: values 16 y and on of the expert of pair x, for all rows that chose it, unless an
 * earlier pair has the same one. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, stage_blocks<FORMAT>::value)
stage_experts(experts_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    CU_SHARED(int32_t, experts, [TOKENS * USED]);
    CU_SHARED(float, weights, [TOKENS * USED]);
    uint32_t pair = blockIdx.x, n_used = args.route.n_used, warp = threadIdx.x / CU_WARP;
    const weir_cuda_matrix &w = args.gate.op.w;
    cu_pdl_go();
    cu_pdl_wait();
    uint32_t n_rows = *args.n_rows, n_pairs = n_rows * n_used;
    if (warp < n_rows)
        cu_route_row<WEIR_CUDA_STAGE_EXPERTS / CU_WARP>(
            args.route, args.route.logits + (size_t)warp * args.route.n_experts,
            experts + warp * n_used, weights + warp * n_used);
    cu_sync();
    if (pair == 0 && blockIdx.y == 0 && threadIdx.x < n_pairs) {
        args.route.experts[threadIdx.x] = experts[threadIdx.x];
        args.route.weights[threadIdx.x] = weights[threadIdx.x];
    }
    if (pair >= n_pairs)
        return;
    for (uint32_t earlier = 0; earlier < pair; earlier++)
        if (experts[earlier] == experts[pair])
            return;
    uint32_t expert = (uint32_t)experts[pair];
    stage_block<FORMAT> block(shared[0], args.gate);
    stage_tile gate = stage_tile_of(args.gate, expert, blockIdx.y * CU_TILE_OUT),
               up = stage_tile_of(args.up, expert, blockIdx.y * CU_TILE_OUT);
    block.begin(gate);
    stage_prefetch(up, args.up.op.w.row_bytes);
    uint32_t of_column = pair_of(experts, pair, n_pairs, stage_column());
    stage_x x =
        stage_bf16(of_column < n_pairs ? args.x + (size_t)(of_column / n_used) * w.cols : nullptr);
    float g = block.total(gate, up, false, x, false), u = block.total(up, up, true, x, true);
    uint32_t own = pair_of(experts, pair, n_pairs, stage_own_token());
    uint32_t out = gate.first_out + stage_own_out();
    if (threadIdx.x < PART_VALUES && own < n_pairs && out < w.rows)
        args.y[(size_t)own * w.rows + out] = stage_swiglu(g, u);
}

void weir_cuda_run_stage_experts(weir_cuda_stream *stream, const weir_cuda_stage_experts *op) {
    experts_args args = {
        op->n_rows, op->route, op->x, stage_matrix(&op->gate), stage_matrix(&op->up), op->y};
    dim3 grid(op->most_rows * op->route.n_used, cu_parts(op->gate.rows, CU_TILE_OUT));
#define CASE(NAME)                                                                             \
    case WEIR_FORMAT_##NAME:                                                                   \
        CU_LAUNCH_PDL((stage_experts<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
    STAGE_SWITCH(op->gate.format, CASE)
#undef CASE
}

/* ---- experts_out --------------------------------------------------------------------------- */

struct experts_out_args {
    const uint32_t *n_rows;
    uint32_t n_used;
    const int32_t *experts;
    const float *weights;
    const uint16_t *x;
    cu_gemm_args m;
    float *y;
};

/* Block x, y: outputs 16 y and on of row x, the first column of its products. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, stage_blocks<FORMAT>::value)
stage_experts_out(experts_out_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    const weir_cuda_matrix &w = args.m.op.w;
    uint32_t row = blockIdx.x, first_pair = row * args.n_used;
    cu_pdl_go();
    cu_pdl_wait();
    if (row >= *args.n_rows)
        return;
    const int32_t *experts = args.experts + first_pair;
    stage_block<FORMAT> block(shared[0], args.m);
    stage_tile tile = stage_tile_of(args.m, (uint32_t)experts[0], blockIdx.y * CU_TILE_OUT);
    block.begin(tile);
    for (uint32_t j = 1; j < args.n_used; j++)
        stage_prefetch(stage_tile_of(args.m, (uint32_t)experts[j], tile.first_out), w.row_bytes);
    uint32_t out = tile.first_out + stage_own_out();
    bool is_mine = threadIdx.x < PART_VALUES && stage_own_token() == 0 && out < w.rows;
    float *y = args.y + (size_t)row * w.rows + out;
    float sum = is_mine ? *y : 0.0f;
    for (uint32_t j = 0; j < args.n_used; j++) {
        bool is_last = j + 1 == args.n_used;
        stage_tile next =
            stage_tile_of(args.m, (uint32_t)experts[is_last ? j : j + 1], tile.first_out);
        stage_x x =
            stage_bf16(stage_column() == 0 ? args.x + (size_t)(first_pair + j) * w.cols : nullptr);
        float part = block.total(tile, next, is_last, x, false);
        sum = fmaf(args.weights[first_pair + j], part, sum);
        tile = next;
    }
    if (is_mine)
        *y = sum;
}

void weir_cuda_run_stage_experts_out(weir_cuda_stream *stream,
                                     const weir_cuda_stage_experts_out *op) {
    experts_out_args args = {op->n_rows, op->n_used,           op->experts, op->weights,
                             op->x,      stage_matrix(&op->w), op->y};
    dim3 grid(op->most_rows, cu_parts(op->w.rows, CU_TILE_OUT));
#define CASE(NAME)                                                                                 \
    case WEIR_FORMAT_##NAME:                                                                       \
        CU_LAUNCH_PDL((stage_experts_out<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
    STAGE_SWITCH(op->w.format, CASE)
#undef CASE
}
