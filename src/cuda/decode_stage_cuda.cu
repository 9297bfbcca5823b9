/*
 * decode_stage_cuda.cu: the stages of conv layers, attention, dense feed-forwards and the head:
 * products with what comes before and behind them in one kernel. Rows of matrices that belong
 * together (B, C and x' of a channel, gate and up of a value) are computed by one block, so nothing
 * is interleaved in memory.
 */
#include "cuda/decode_stage_cuda.cuh"

enum {
    NO_STATE = UINT32_MAX,
    MANY_TILES = 2048, /* a matrix of more has several tiles a block: its norm is not for nothing */
    TILES_A_BLOCK = 8
};

int weir_cuda_can_stage(const weir_cuda_matrix *w) {
    return !w->data || (weir_cuda_has_format(w->format) && w->cols % CU_PIECE == 0 &&
                        ((uintptr_t)w->data | w->row_bytes | w->stack_bytes) % 16 == 0);
}

static uint32_t tiles_of(const weir_cuda_matrix *w) {
    return cu_parts(w->rows, CU_TILE_OUT);
}

/* ---- linear -------------------------------------------------------------------------------- */

struct linear_args {
    weir_cuda_normed in;
    uint32_t n_w, n_tiles, a_block; /* tiles of all matrices, and of a block */
    cu_gemm_args m[3];
    float *y[3];
};

/* Matrix of tile `at`, whose number in it `at` becomes. */
CU_DEVICE uint32_t matrix_of_tile(const linear_args &args, uint32_t *at) {
    uint32_t i = 0;
    for (; i + 1 < args.n_w; i++) {
        uint32_t n = (args.m[i].op.w.rows + CU_TILE_OUT - 1) / CU_TILE_OUT;
        if (*at < n)
            break;
        *at -= n;
    }
    return i;
}

CU_DEVICE stage_tile linear_tile(const linear_args &args, uint32_t at) {
    uint32_t i = matrix_of_tile(args, &at);
    return stage_tile_of(args.m[i], 0, at * CU_TILE_OUT);
}

/* Block x: tiles x a_block and on. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, stage_blocks<FORMAT>::value)
stage_linear(linear_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    CU_SHARED(stage_norm, norm, [1]);
    cu_pdl_go();
    stage_block<FORMAT> block(shared[0], args.m[0]);
    uint32_t first = blockIdx.x * args.a_block, end = cu_min(first + args.a_block, args.n_tiles);
    stage_tile tile = linear_tile(args, first);
    block.begin(tile);
    cu_pdl_wait();
    uint32_t n_rows = *args.in.n_rows, token = stage_own_token();
    stage_take_norm(args.in, n_rows, norm);
    stage_x x = stage_normed(args.in, n_rows, norm[0]);
    for (uint32_t at = first; at < end; at++) {
        stage_tile next = linear_tile(args, cu_min(at + 1, end - 1));
        float sum = block.total(tile, next, at + 1 == end, x, at > first);
        uint32_t in_matrix = at, i = matrix_of_tile(args, &in_matrix);
        uint32_t out = tile.first_out + stage_own_out(), rows = args.m[i].op.w.rows;
        if (threadIdx.x < PART_VALUES && token < n_rows && out < rows)
            args.y[i][(size_t)token * rows + out] = sum;
        tile = next;
    }
}

/* Matrices of one format in one launch. */
void weir_cuda_run_stage_linear(weir_cuda_stream *stream, const weir_cuda_stage_linear *op) {
    uint32_t done = 0; /* bit i: matrix i */
    for (uint32_t first = 0; first < op->n_w; first++) {
        linear_args args = {};
        if (done >> first & 1)
            continue;
        args.in = op->in;
        for (uint32_t i = first; i < op->n_w; i++) {
            if (op->w[i].format != op->w[first].format)
                continue;
            done |= 1u << i;
            args.m[args.n_w] = stage_matrix(&op->w[i]);
            args.y[args.n_w++] = op->y[i];
            args.n_tiles += tiles_of(&op->w[i]);
        }
        args.a_block = args.n_tiles < MANY_TILES ? 1u : TILES_A_BLOCK;
        dim3 grid(cu_parts(args.n_tiles, args.a_block));
#define CASE(NAME)                                                                            \
    case WEIR_FORMAT_##NAME:                                                                  \
        CU_LAUNCH_PDL((stage_linear<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
        STAGE_SWITCH(op->w[first].format, CASE)
#undef CASE
    }
}

/* ---- conv ---------------------------------------------------------------------------------- */

struct conv_args {
    weir_cuda_normed in;
    cu_gemm_args m;
    const float *bias;
    weir_cuda_batch batch;
    weir_cuda_conv op;
    uint16_t *y;
};

/* u of row t of the chunk for one channel; rows before the first are t = -1, -2, ... */
CU_DEVICE float input_at(const float *u, const float *state, uint32_t n_before, int32_t t) {
    if (t >= 0)
        return u[t * CU_TILE_OUT];
    return state ? state[(int32_t)n_before + t] : 0.0f;
}

/* What conv_cuda.cu's short_conv does, for one channel of one row; u [TOKENS, CU_TILE_OUT] of the
 * block's channels. */
CU_DEVICE void convolve(const conv_args &args, const float *u, uint32_t row, uint32_t channel,
                        float gate) {
    const weir_cuda_conv &op = args.op;
    const weir_cuda_rows chunk = args.batch.chunks[args.batch.chunk_of_row[row]];
    uint32_t n_before = op.l_cache - 1, i = row - chunk.first_row;
    size_t slot = (size_t)channel * n_before;
    const float *own = u + chunk.first_row * CU_TILE_OUT + channel % CU_TILE_OUT;
    const float *state =
        chunk.state_in == NO_STATE ? nullptr : op.states + chunk.state_in * op.state_stride + slot;
    const float *taps = op.taps + (size_t)channel * op.l_cache;
    float sum = op.bias ? op.bias[channel] : 0.0f;
    for (uint32_t j = 0; j < op.l_cache; j++)
        sum = fmaf(taps[j], input_at(own, state, n_before, (int32_t)(i + j) - (int32_t)n_before),
                   sum);
    args.y[(size_t)row * op.d_model + channel] = cu_float_bf16(gate * sum);

    uint32_t n_after = chunk.n_rows - 1 - i; /* rows of the chunk behind this one */
    if (n_after > chunk.n_kept)
        return;
    uint32_t to =
        n_after == 0 ? chunk.state_out : args.batch.kept[chunk.kept_at + chunk.n_kept - n_after];
    float *left = op.states + to * op.state_stride + slot;
    for (uint32_t j = 0; j < n_before; j++)
        left[j] = input_at(own, state, n_before, (int32_t)(i + j + 1) - (int32_t)n_before);
}

/* Block x: channels 16 x and on. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, stage_blocks<FORMAT>::value)
stage_conv(conv_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    CU_SHARED(stage_norm, norm, [1]);
    CU_SHARED(float, u, [PART_VALUES]);
    uint32_t d = args.op.d_model, first = blockIdx.x * CU_TILE_OUT;
    cu_pdl_go();
    stage_block<FORMAT> block(shared[0], args.m);
    stage_tile b = stage_tile_of(args.m, 0, first), c = stage_tile_of(args.m, 0, d + first),
               x_in = stage_tile_of(args.m, 0, 2 * d + first);
    block.begin(b);
    stage_prefetch(c, args.m.op.w.row_bytes);
    stage_prefetch(x_in, args.m.op.w.row_bytes);
    cu_pdl_wait();
    uint32_t n_rows = *args.in.n_rows, token = stage_own_token(), out = stage_own_out();
    stage_take_norm(args.in, n_rows, norm);
    stage_x x = stage_normed(args.in, n_rows, norm[0]);
    float b_sum = block.total(b, c, false, x, false), c_sum = block.total(c, x_in, false, x, true),
          x_sum = block.total(x_in, x_in, true, x, true);
    bool is_mine = threadIdx.x < PART_VALUES && token < n_rows && first + out < d;
    if (is_mine && args.bias) {
        b_sum += args.bias[first + out];
        c_sum += args.bias[d + first + out];
        x_sum += args.bias[2 * d + first + out];
    }
    if (is_mine)
        u[token * CU_TILE_OUT + out] = b_sum * x_sum;
    cu_sync();
    if (is_mine)
        convolve(args, u, token, first + out, c_sum);
}

void weir_cuda_run_stage_conv(weir_cuda_stream *stream, const weir_cuda_stage_conv *op) {
    conv_args args = {op->in, stage_matrix(&op->w), op->bias, op->batch, op->conv, op->y};
    dim3 grid(cu_parts(op->conv.d_model, CU_TILE_OUT));
#define CASE(NAME)                                                                          \
    case WEIR_FORMAT_##NAME:                                                                \
        CU_LAUNCH_PDL((stage_conv<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
    STAGE_SWITCH(op->w.format, CASE)
#undef CASE
}

/* ---- out ----------------------------------------------------------------------------------- */

struct out_args {
    const uint32_t *n_rows;
    const uint16_t *x;
    const float *x_f32;
    cu_gemm_args m;
    const float *bias;
    float *y;
};

/* Block x: outputs 16 x and on. */
template <uint32_t FORMAT> CU_KERNEL_AT(STAGE_THREADS, STAGE_BLOCKS) stage_out(out_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    const weir_cuda_matrix &w = args.m.op.w;
    cu_pdl_go();
    stage_block<FORMAT> block(shared[0], args.m);
    stage_tile tile = stage_tile_of(args.m, 0, blockIdx.x * CU_TILE_OUT);
    block.begin(tile);
    cu_pdl_wait();
    uint32_t n_rows = *args.n_rows, column = stage_column(), token = stage_own_token();
    stage_x x = {nullptr, nullptr, nullptr, 0.0f};
    if (column < n_rows && args.x)
        x.bf16 = args.x + (size_t)column * w.cols;
    else if (column < n_rows)
        x.x = args.x_f32 + (size_t)column * w.cols;
    float sum = block.total(tile, tile, true, x, false);
    uint32_t out = tile.first_out + stage_own_out();
    if (threadIdx.x >= PART_VALUES || token >= n_rows || out >= w.rows)
        return;
    float *y = args.y + (size_t)token * w.rows + out;
    *y = fmaf(1.0f, args.bias ? sum + args.bias[out] : sum, *y);
}

void weir_cuda_run_stage_out(weir_cuda_stream *stream, const weir_cuda_stage_out *op) {
    out_args args = {op->n_rows, op->x, op->x_f32, stage_matrix(&op->w), op->bias, op->y};
    dim3 grid(tiles_of(&op->w));
#define CASE(NAME)                                                                         \
    case WEIR_FORMAT_##NAME:                                                               \
        CU_LAUNCH_PDL((stage_out<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
    STAGE_SWITCH(op->w.format, CASE)
#undef CASE
}

/* ---- gate_up ------------------------------------------------------------------------------- */

struct gate_up_args {
    weir_cuda_normed in;
    cu_gemm_args gate, up;
    uint16_t *y;
};

/* Block x: values 16 x and on. */
template <uint32_t FORMAT>
CU_KERNEL_AT(STAGE_THREADS, stage_blocks<FORMAT>::value)
stage_gate_up(gate_up_args args) {
    CU_SHARED(stage_shared<FORMAT>, shared, [1]);
    CU_SHARED(stage_norm, norm, [1]);
    cu_pdl_go();
    stage_block<FORMAT> block(shared[0], args.gate);
    stage_tile gate = stage_tile_of(args.gate, 0, blockIdx.x * CU_TILE_OUT),
               up = stage_tile_of(args.up, 0, blockIdx.x * CU_TILE_OUT);
    block.begin(gate);
    stage_prefetch(up, args.up.op.w.row_bytes);
    cu_pdl_wait();
    uint32_t n_rows = *args.in.n_rows, token = stage_own_token();
    stage_take_norm(args.in, n_rows, norm);
    stage_x x = stage_normed(args.in, n_rows, norm[0]);
    float g = block.total(gate, up, false, x, false), u = block.total(up, up, true, x, true);
    uint32_t out = gate.first_out + stage_own_out(), rows = args.gate.op.w.rows;
    if (threadIdx.x < PART_VALUES && token < n_rows && out < rows)
        args.y[(size_t)token * rows + out] = stage_swiglu(g, u);
}

void weir_cuda_run_stage_gate_up(weir_cuda_stream *stream, const weir_cuda_stage_gate_up *op) {
    gate_up_args args = {op->in, stage_matrix(&op->gate), stage_matrix(&op->up), op->y};
    dim3 grid(tiles_of(&op->gate));
#define CASE(NAME)                                                                             \
    case WEIR_FORMAT_##NAME:                                                                   \
        CU_LAUNCH_PDL((stage_gate_up<WEIR_FORMAT_##NAME>), grid, STAGE_THREADS, stream, args); \
        break;
    STAGE_SWITCH(op->gate.format, CASE)
#undef CASE
}
