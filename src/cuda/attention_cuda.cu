/*
 * attention_cuda.cu: K/V into pages, and attention of each row to all keys up to its own.
 *
 * A block is one row and one K/V head with up to HEADS of the query heads that share it. The keys
 * lie in groups of 32 at fixed absolute positions; warp w takes the groups w, w + 8, ..., keeps its
 * own running maximum, sum and weighted values, and at the end the eight are joined in order. What
 * a row computes is a function of its position and the stored keys alone: neither chunks nor
 * company nor the place of pages change a bit.
 *
 * Inside a group a lane first is a key (its score for every head), then a dimension (of the
 * weighted values); the weights go from one to the other through shared memory of the warp.
 */
#include "cuda/kv_cuda.cuh"

enum {
    THREADS = 256,
    WARPS = THREADS / CU_WARP,
    KEYS = CU_WARP /* of a group */
};

/* ---- stored vectors ------------------------------------------------------------------------ */

/* Value 32 group + lane: with constant groups, one address and its neighbours at fixed distances.
 */
template <uint32_t TYPE>
CU_DEVICE float stored_value(const uint8_t *vector, uint32_t group, uint32_t lane) {
    if (TYPE == CU_KV_F32)
        return cu_load((const float *)vector + lane + group * CU_WARP);
    if (TYPE == CU_KV_F16)
        return cu_half_float(cu_load((const uint16_t *)vector + lane + group * CU_WARP));
    float d = cu_half_float(cu_load((const uint16_t *)(vector + group * CU_Q8_BYTES)));
    return d * (float)(int8_t)cu_load(vector + lane + 2 + group * CU_Q8_BYTES);
}

/* Values i .. i + 3, i and head_dim multiples of four. */
template <uint32_t TYPE> CU_DEVICE void stored_four(const uint8_t *vector, uint32_t i, float v[4]) {
    if (TYPE == CU_KV_F32) {
        const float *from = (const float *)vector + i;
#pragma unroll
        for (uint32_t c = 0; c < 4; c++)
            v[c] = cu_load(from + c);
    } else if (TYPE == CU_KV_F16) {
        uint2 four = cu_load((const uint2 *)((const uint16_t *)vector + i));
        v[0] = cu_half_float((uint16_t)four.x), v[1] = cu_half_float((uint16_t)(four.x >> 16));
        v[2] = cu_half_float((uint16_t)four.y), v[3] = cu_half_float((uint16_t)(four.y >> 16));
    } else {
        const uint8_t *block = vector + (size_t)(i / CU_Q8_VALUES) * CU_Q8_BYTES;
        const uint16_t *from = (const uint16_t *)(block + 2 + i % CU_Q8_VALUES);
        float d = cu_half_float(cu_load((const uint16_t *)block));
        uint32_t bytes = cu_load(from) | (uint32_t)cu_load(from + 1) << 16;
#pragma unroll
        for (uint32_t c = 0; c < 4; c++)
            v[c] = d * (float)(int8_t)(bytes >> 8 * c & 255);
    }
}

/* ---- kv_write ------------------------------------------------------------------------------ */

/* Block x: row x; a warp a K/V head. */
CU_KERNEL_AT(THREADS, 4)
kv_write(weir_cuda_batch batch, weir_cuda_kv kv, const float *k, const float *v) {
    uint32_t row = blockIdx.x, lane = threadIdx.x % CU_WARP;
    const weir_cuda_rows chunk = batch.chunks[batch.chunk_of_row[row]];
    if (row - chunk.first_row < chunk.n_replay)
        return;
    const uint32_t *pages = batch.pages + chunk.pages_at;
    for (uint32_t head = threadIdx.x / CU_WARP; head < kv.n_heads_kv; head += WARPS) {
        size_t from = ((size_t)row * kv.n_heads_kv + head) * kv.head_dim;
        size_t at = head * kv.head_stride;
        uint8_t *k_to = cu_kv_vector(kv, pages, batch.pos[row], kv.k_at + at);
        uint8_t *v_to = cu_kv_vector(kv, pages, batch.pos[row], kv.v_at + at);
        for (uint32_t first = 0; first < kv.head_dim; first += CU_WARP) {
            uint32_t i = first + lane;
            cu_kv_store(kv, k_to, i, i < kv.head_dim ? k[from + i] : 0.0f);
            cu_kv_store(kv, v_to, i, i < kv.head_dim ? v[from + i] : 0.0f);
        }
    }
}

void weir_cuda_run_kv_write(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                            const weir_cuda_kv *kv, const float *k, const float *v) {
    if (batch->n_rows > 0)
        CU_LAUNCH(kv_write, dim3(batch->n_rows), THREADS, stream, *batch, *kv, k, v);
}

/* ---- attend -------------------------------------------------------------------------------- */

struct attend_args {
    weir_cuda_batch batch;
    weir_cuda_kv kv;
    const float *q;
    float *y;
    uint32_t n_heads, group; /* group: query heads of a K/V head */
    float scale;             /* 1 / sqrt(head_dim) */
};

/* What a warp has seen of its keys, for each head: the greatest score; in every lane the sum of
 * exp(score - greatest) over the keys it was; the same sum of values in the dimensions it is. */
template <uint32_t HEADS, uint32_t DIMS> struct seen {
    float best[HEADS], sum[HEADS], value[HEADS][DIMS];
};

/* Scores of the key of this lane: q is [HEADS, head_dim] in shared memory. */
template <uint32_t TYPE, uint32_t HEADS>
CU_DEVICE void score_key(const attend_args &args, const float *q, const uint8_t *key,
                         float score[HEADS]) {
    uint32_t d = args.kv.head_dim, i = 0;
    if (d % 4 == 0) {
#pragma unroll 4
        for (; i < d; i += 4) {
            float k[4];
            stored_four<TYPE>(key, i, k);
#pragma unroll
            for (uint32_t h = 0; h < HEADS; h++) {
                float4 four = *(const float4 *)(q + h * d + i);
                score[h] = fmaf(four.x, k[0], score[h]);
                score[h] = fmaf(four.y, k[1], score[h]);
                score[h] = fmaf(four.z, k[2], score[h]);
                score[h] = fmaf(four.w, k[3], score[h]);
            }
        }
    }
#pragma unroll 1
    for (; i < d; i++) {
        float k = stored_value<TYPE>(key, i / CU_WARP, i % CU_WARP);
#pragma unroll
        for (uint32_t h = 0; h < HEADS; h++)
            score[h] = fmaf(q[h * d + i], k, score[h]);
    }
}

/* One group of keys, the first n of which count. weight: [HEADS, KEYS] of this warp. */
template <uint32_t TYPE, uint32_t HEADS, uint32_t DIMS>
CU_DEVICE void take_group(const attend_args &args, const float *q, const uint8_t *keys,
                          const uint8_t *values, uint32_t n, float *weight, seen<HEADS, DIMS> *s) {
    uint32_t lane = threadIdx.x % CU_WARP;
    float score[HEADS];
#pragma unroll
    for (uint32_t h = 0; h < HEADS; h++)
        score[h] = 0.0f;
    if (lane < n)
        score_key<TYPE, HEADS>(args, q, keys + lane * args.kv.token_stride, score);
    /* The last group's weights have been used. The exchange below brings the lanes together too,
     * but only a barrier says that what they read before it has been read. */
    cu_sync_warp();
#pragma unroll
    for (uint32_t h = 0; h < HEADS; h++) {
        float mine = lane < n ? score[h] * args.scale : -INFINITY;
        float best = fmaxf(s->best[h], cu_warp_max(mine));
        float p = expf(mine - best), rescale = expf(s->best[h] - best);
        weight[h * KEYS + lane] = p;
        s->best[h] = best;
        s->sum[h] = fmaf(s->sum[h], rescale, p);
#pragma unroll
        for (uint32_t i = 0; i < DIMS; i++)
            s->value[h][i] *= rescale;
    }
    cu_sync_warp();
    /* Beyond n nothing is read: it may never have been written, and 0 x NaN is no 0. */
#pragma unroll(DIMS > 2 ? 1 : 4)
    for (uint32_t key = 0; key < n; key++) {
        const uint8_t *vector = values + key * args.kv.token_stride;
        float v[DIMS];
#pragma unroll
        for (uint32_t i = 0; i < DIMS; i++) {
            /* a group of dimensions begins inside the head or not, for all lanes alike */
            v[i] = 0.0f;
            if (i * CU_WARP < args.kv.head_dim &&
                (TYPE == CU_KV_Q8 || i * CU_WARP + lane < args.kv.head_dim))
                v[i] = stored_value<TYPE>(vector, i, lane);
        }
#pragma unroll
        for (uint32_t h = 0; h < HEADS; h++) {
#pragma unroll
            for (uint32_t i = 0; i < DIMS; i++)
                s->value[h][i] = fmaf(weight[h * KEYS + key], v[i], s->value[h][i]);
        }
    }
}

/* Block x, y: row x, heads y x HEADS and on where every K/V head's query heads are dealt out in
 * tiles of HEADS. DIMS x 32 >= head_dim. */
template <uint32_t TYPE, uint32_t HEADS, uint32_t DIMS>
CU_KERNEL_AT(THREADS, DIMS > 2 ? 1 : 2)
attend(attend_args args) {
    CU_SHARED(float, q, [HEADS * DIMS * CU_WARP]);
    CU_SHARED(float, weights, [WARPS][HEADS * KEYS]);
    CU_SHARED(float, best, [WARPS][HEADS]);
    CU_SHARED(float, sum, [WARPS][HEADS]);
    CU_SHARED(float, value, [WARPS][HEADS * DIMS * CU_WARP]);
    uint32_t d = args.kv.head_dim, row = blockIdx.x, lane = threadIdx.x % CU_WARP;
    uint32_t warp = threadIdx.x / CU_WARP, n_tiles = (args.group + HEADS - 1) / HEADS;
    uint32_t head_kv = blockIdx.y / n_tiles, first_in_group = blockIdx.y % n_tiles * HEADS;
    uint32_t n_heads = cu_min(args.group - first_in_group, HEADS);
    size_t at = ((size_t)row * args.n_heads + head_kv * args.group + first_in_group) * d;
    const uint32_t *pages =
        args.batch.pages + args.batch.chunks[args.batch.chunk_of_row[row]].pages_at;
    uint32_t n_keys = args.batch.pos[row] + 1;

    /* Heads beyond the group's last are zeros, computed along and not written. */
    for (uint32_t i = threadIdx.x; i < HEADS * d; i += THREADS)
        q[i] = i < n_heads * d ? args.q[at + i] : 0.0f;
    cu_sync();

    seen<HEADS, DIMS> s;
#pragma unroll
    for (uint32_t h = 0; h < HEADS; h++) {
        s.best[h] = -INFINITY;
        s.sum[h] = 0.0f;
#pragma unroll
        for (uint32_t i = 0; i < DIMS; i++)
            s.value[h][i] = 0.0f;
    }
    size_t head_at = head_kv * args.kv.head_stride;
    for (uint32_t first = warp * KEYS; first < n_keys; first += WARPS * KEYS)
        take_group<TYPE, HEADS, DIMS>(args, q,
                                      cu_kv_vector(args.kv, pages, first, args.kv.k_at + head_at),
                                      cu_kv_vector(args.kv, pages, first, args.kv.v_at + head_at),
                                      cu_min(n_keys - first, KEYS), weights[warp], &s);
#pragma unroll
    for (uint32_t h = 0; h < HEADS; h++) {
        float total = cu_warp_sum(s.sum[h]);
        if (lane == 0) {
            best[warp][h] = s.best[h];
            sum[warp][h] = total;
        }
#pragma unroll
        for (uint32_t i = 0; i < DIMS; i++)
            value[warp][(h * DIMS + i) * CU_WARP + lane] = s.value[h][i];
    }
    cu_sync();

    /* Warp 0 always has a key: the greatest of all is a number. A warp without keys has the weight
     * exp(-inf) = 0. */
    for (uint32_t i = threadIdx.x; i < n_heads * d; i += THREADS) {
        uint32_t h = i / d, dim = i % d;
        float greatest = best[0][h], total = 0.0f, y = 0.0f;
#pragma unroll
        for (uint32_t w = 1; w < WARPS; w++)
            greatest = fmaxf(greatest, best[w][h]);
#pragma unroll
        for (uint32_t w = 0; w < WARPS; w++) {
            float rescale = expf(best[w][h] - greatest);
            total = fmaf(sum[w][h], rescale, total);
            y = fmaf(value[w][h * DIMS * CU_WARP + dim], rescale, y);
        }
        args.y[at + i] = y / total;
    }
}

template <uint32_t TYPE, uint32_t HEADS, uint32_t DIMS>
static void attend_launch(weir_cuda_stream *stream, const attend_args &args) {
    dim3 grid(args.batch.n_rows, args.kv.n_heads_kv * cu_parts(args.group, HEADS));
    CU_LAUNCH((attend<TYPE, HEADS, DIMS>), grid, THREADS, stream, args);
}

template <uint32_t TYPE>
static void attend_type(weir_cuda_stream *stream, const attend_args &args) {
    if (args.kv.head_dim <= CU_WARP)
        attend_launch<TYPE, 4, 1>(stream, args);
    else if (args.kv.head_dim <= 2 * CU_WARP)
        attend_launch<TYPE, 4, 2>(stream, args);
    else if (args.kv.head_dim <= 4 * CU_WARP)
        attend_launch<TYPE, 4, 4>(stream, args);
    else
        attend_launch<TYPE, 1, 16>(stream, args);
}

void weir_cuda_run_attend(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                          const weir_cuda_kv *kv, const float *q, uint32_t n_heads, float *y) {
    attend_args args = {*batch,
                        *kv,
                        q,
                        y,
                        n_heads,
                        n_heads / kv->n_heads_kv,
                        (float)(1.0 / sqrt((double)kv->head_dim))};
    if (batch->n_rows == 0)
        return;
    if (kv->type == CU_KV_F32)
        attend_type<CU_KV_F32>(stream, args);
    else if (kv->type == CU_KV_F16)
        attend_type<CU_KV_F16>(stream, args);
    else
        attend_type<CU_KV_Q8>(stream, args);
}
