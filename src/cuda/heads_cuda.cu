/*
 * heads_cuda.cu: what an attention layer does to q, k and v before it attends, in one launch: norms
 * of heads, rotation, K and V into pages.
 *
 * A warp has one head of a row in its registers from the first to the last step, where heads are
 * 64, 128 or 256 wide: both values of a pair are then one lane's. Others take the launches that
 * this one stands for. Invariant: every bit is what those would give (turn_cuda.cuh, kv_cuda.cuh,
 * and sums of squares in the order of norm_narrow).
 */
#include "cuda/flash_cuda.h"

#include "cuda/kv_cuda.cuh"
#include "cuda/turn_cuda.cuh"

enum {
    THREADS = 256,
    WARPS = THREADS / CU_WARP,
    FEW_ROWS = 64 /* below, each warp of the grid has one head; above, a block has a row */
};

struct heads_args {
    weir_cuda_batch batch;
    weir_cuda_kv kv;
    weir_cuda_heads op;
};

/* Values lane, lane + 32, ... of a head; N of them. */
template <uint32_t N> struct head_values { float v[N]; };

template <uint32_t N> CU_DEVICE head_values<N> head_read(const float *from) {
    head_values<N> head;
#pragma unroll
    for (uint32_t i = 0; i < N; i++)
        head.v[i] = from[threadIdx.x % CU_WARP + i * CU_WARP];
    return head;
}

template <uint32_t N>
CU_DEVICE void head_norm(head_values<N> *head, const float *weight, float eps) {
    uint32_t lane = threadIdx.x % CU_WARP;
    float squares = 0;
#pragma unroll
    for (uint32_t i = 0; i < N; i++)
        squares = fmaf(head->v[i], head->v[i], squares);
    float inverse = cu_inverse_rms(cu_warp_sum(squares), N * CU_WARP, eps);
#pragma unroll
    for (uint32_t i = 0; i < N; i++)
        head->v[i] = head->v[i] * inverse * weight[lane + i * CU_WARP];
}

template <uint32_t N>
CU_DEVICE void head_rotate(head_values<N> *head, const float *cosine, const float *sine) {
    uint32_t lane = threadIdx.x % CU_WARP;
#pragma unroll
    for (uint32_t i = 0; i < N / 2; i++)
        cu_rotate(cosine[lane + i * CU_WARP], sine[lane + i * CU_WARP], &head->v[i],
                  &head->v[i + N / 2]);
}

template <uint32_t N>
CU_DEVICE void head_store(const heads_args &args, const head_values<N> &head, uint32_t row,
                          size_t head_at) {
    const weir_cuda_rows chunk = args.batch.chunks[args.batch.chunk_of_row[row]];
    if (row - chunk.first_row < chunk.n_replay)
        return;
    uint8_t *to =
        cu_kv_vector(args.kv, args.batch.pages + chunk.pages_at, args.batch.pos[row], head_at);
#pragma unroll
    for (uint32_t i = 0; i < N; i++)
        cu_kv_store(args.kv, to, threadIdx.x % CU_WARP + i * CU_WARP, head.v[i]);
}

/* Block x, y: row x; its warps and those of the row's other blocks share out q's heads, k's, v's.
 */
template <uint32_t N> CU_KERNEL_AT(THREADS, 4) heads(heads_args args) {
    enum { HALF = N / 2 * CU_WARP };
    CU_SHARED(float, cosine, [HALF]);
    CU_SHARED(float, sine, [HALF]);
    uint32_t row = blockIdx.x, n_q = args.op.n_heads, n_kv = args.kv.n_heads_kv;
    if (threadIdx.x < HALF)
        cu_turn((float)args.batch.pos[row] * (float)args.op.inverse_freq[threadIdx.x],
                &cosine[threadIdx.x], &sine[threadIdx.x]);
    cu_sync();
    uint32_t first = blockIdx.y * WARPS + threadIdx.x / CU_WARP;
    for (uint32_t unit = first; unit < n_q + 2 * n_kv; unit += gridDim.y * WARPS) {
        uint32_t head_kv = unit < n_q + n_kv ? unit - n_q : unit - n_q - n_kv;
        size_t at = ((size_t)row * n_kv + head_kv) * args.kv.head_dim;
        if (unit < n_q) {
            float *q = args.op.q + ((size_t)row * n_q + unit) * args.kv.head_dim;
            head_values<N> head = head_read<N>(q);
            head_norm(&head, args.op.q_norm, args.op.norm_eps);
            head_rotate(&head, cosine, sine);
#pragma unroll
            for (uint32_t i = 0; i < N; i++)
                q[threadIdx.x % CU_WARP + i * CU_WARP] = head.v[i];
        } else if (unit < n_q + n_kv) {
            head_values<N> head = head_read<N>(args.op.k + at);
            head_norm(&head, args.op.k_norm, args.op.norm_eps);
            head_rotate(&head, cosine, sine);
            head_store(args, head, row, args.kv.k_at + head_kv * args.kv.head_stride);
        } else {
            head_store(args, head_read<N>(args.op.v + at), row,
                       args.kv.v_at + head_kv * args.kv.head_stride);
        }
    }
}

template <uint32_t N> static void heads_launch(weir_cuda_stream *stream, const heads_args &args) {
    uint32_t n_units = args.op.n_heads + 2 * args.kv.n_heads_kv;
    uint32_t n_blocks = args.batch.n_rows < FEW_ROWS ? cu_parts(n_units, WARPS) : 1;
    CU_LAUNCH((heads<N>), dim3(args.batch.n_rows, n_blocks), THREADS, stream, args);
}

/* Heads of other widths: one step after another. */
static void heads_one_by_one(weir_cuda_stream *stream, const heads_args &args) {
    const weir_cuda_heads &op = args.op;
    uint32_t n = args.batch.n_rows, n_kv = args.kv.n_heads_kv, width = args.kv.head_dim;
    weir_cuda_run_rms_norm(stream, op.q, op.q_norm, n * op.n_heads, width, op.norm_eps, op.q);
    weir_cuda_run_rms_norm(stream, op.k, op.k_norm, n * n_kv, width, op.norm_eps, op.k);
    weir_cuda_run_rope(stream, op.q, args.batch.pos, op.inverse_freq, n, op.n_heads, width);
    weir_cuda_run_rope(stream, op.k, args.batch.pos, op.inverse_freq, n, n_kv, width);
    weir_cuda_run_kv_write(stream, &args.batch, &args.kv, op.k, op.v);
}

void weir_cuda_run_heads(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                         const weir_cuda_kv *kv, const weir_cuda_heads *op) {
    heads_args args = {*batch, *kv, *op};
    if (batch->n_rows == 0)
        return;
    if (kv->head_dim == 2 * CU_WARP)
        heads_launch<2>(stream, args);
    else if (kv->head_dim == 4 * CU_WARP)
        heads_launch<4>(stream, args);
    else if (kv->head_dim == 8 * CU_WARP)
        heads_launch<8>(stream, args);
    else
        heads_one_by_one(stream, args);
}
