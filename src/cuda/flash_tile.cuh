/*
 * flash_tile.cuh: attention of 16 rows of queries to 64 keys on tensor cores, and how such groups
 * are joined. It owns the arithmetic of flash_cuda.cu, every bit of it; it owns no loop over pages
 * and no memory.
 *
 * A row is one query head of one token; a group is the 64 keys of a page. Heads have 64 dimensions.
 *
 *   scores   S = Q K^T, four products of 16 dimensions each. Q is scaled by log2(e) / sqrt(64) and
 *            rounded to float16; so a score is the exponent of a power of two.
 *   weights  P = 2^(S - greatest of the group) in float32; their sum is that of the float32
 *            numbers, before P is rounded to float16
 *   values   O = P V, four products of 16 keys each
 *
 * flash_join puts one such triple (greatest, sum, values) behind another.
 *
 * Invariant: what a group gives a row is a function of the row's query, its position and the
 * stored keys and values alone. Keys behind a row's own weigh exactly 0, and a group that begins
 * behind it is not joined.
 */
#ifndef WEIR_CUDA_FLASH_TILE_CUH
#define WEIR_CUDA_FLASH_TILE_CUH

#include "cuda/flash_mma.cuh"
#include "cuda/kv_cuda.cuh"

enum {
    FLASH_DIMS = 64,
    FLASH_KEYS = 64, /* of a group, which is a page */
    FLASH_ROWS = 16, /* of a product */
    FLASH_TILES = FLASH_DIMS / 8,
    FLASH_STEPS = FLASH_DIMS / 16
};

/* ---- stored vectors ------------------------------------------------------------------------ */

/* From one vector of a head to the next: known to the compiler, so that a lane's many addresses are
 * one and constants. */
template <uint32_t TYPE> struct flash_vector {
    enum { BYTES = TYPE == CU_KV_F32 ? 256 : TYPE == CU_KV_F16 ? 128 : 68 };
};

/* Dimensions first .. first + 7 (first a multiple of eight) of a stored vector as float16. */
template <uint32_t TYPE> CU_DEVICE uint4 flash_eight(const uint8_t *vector, uint32_t first) {
    if (TYPE == CU_KV_F16)
        return cu_load((const uint4 *)((const uint16_t *)vector + first));
    uint4 eight;
    if (TYPE == CU_KV_F32) {
        float4 a = cu_load((const float4 *)((const float *)vector + first));
        float4 b = cu_load((const float4 *)((const float *)vector + first) + 1);
        eight.x = cu_pair_half(a.x, a.y), eight.y = cu_pair_half(a.z, a.w);
        eight.z = cu_pair_half(b.x, b.y), eight.w = cu_pair_half(b.z, b.w);
        return eight;
    }
    /* A vector of two blocks is a multiple of four bytes: the numbers of the first block lie two
     * bytes beside one, those of the second on one. */
    const uint32_t *words = (const uint32_t *)vector + (first < 32 ? 0 : 1) + first / 4;
    uint32_t scale = cu_load((const uint16_t *)(vector + first / 32 * 34));
    uint32_t low, high;
    if (first < 32) {
        uint32_t middle = cu_load(words + 1);
        low = cu_bytes(cu_load(words), middle, 0x5432);
        high = cu_bytes(middle, cu_load(words + 2), 0x5432);
    } else {
        low = cu_load(words), high = cu_load(words + 1);
    }
    /* 0x64 before a byte b is 1024 + b; all of this is exact but for the last product. */
    const uint32_t base = 0x64806480; /* 1024 + 128 */
    low ^= 0x80808080, high ^= 0x80808080, scale |= scale << 16;
    eight.x = cu_half_mul(cu_half_sub(cu_bytes(low, base, 0x5150), base), scale);
    eight.y = cu_half_mul(cu_half_sub(cu_bytes(low, base, 0x5352), base), scale);
    eight.z = cu_half_mul(cu_half_sub(cu_bytes(high, base, 0x5150), base), scale);
    eight.w = cu_half_mul(cu_half_sub(cu_bytes(high, base, 0x5352), base), scale);
    return eight;
}

/* ---- queries ------------------------------------------------------------------------------- */

/*
 * Fragment A of Q for a step: its rows 8 half + lane / 4, from [64] floats in device memory; NULL:
 * zeros. Dimensions are dealt out so that a lane's are neighbours in memory: of the 32 of two
 * steps, lane member m holds 8 m .. 8 m + 7, the first four in the first step. K is read in the
 * same way (key()), and a sum over dimensions does not ask for their names.
 */
CU_DEVICE void flash_query_row(const float *row, uint32_t step, uint32_t half, float scale,
                               uint32_t a[4]) {
    float4 four = {0, 0, 0, 0};
    if (row)
        four = *(const float4 *)(row + 32 * (step / 2) + 8 * (threadIdx.x % 4) + 4 * (step % 2));
    a[half] = cu_pair_half(four.x * scale, four.y * scale);
    a[half + 2] = cu_pair_half(four.z * scale, four.w * scale);
}

/* ---- a group ------------------------------------------------------------------------------- */

/* Of the rows lane / 4 and lane / 4 + 8. values[i]: tile i, a fragment D; which dimensions it has
 * is the source's matter. */
struct flash_part {
    float best[2], sum[2], values[FLASH_TILES][4];
};

CU_DEVICE void flash_clear(flash_part *part) {
#pragma unroll
    for (uint32_t h = 0; h < 2; h++)
        part->best[h] = -INFINITY, part->sum[h] = 0.0f;
#pragma unroll
    for (uint32_t i = 0; i < FLASH_TILES; i++)
#pragma unroll
        for (uint32_t e = 0; e < 4; e++)
            part->values[i][e] = 0.0f;
}

/* Weights of the group out of its scores: the greatest and the sum of each row, and P. last[h]: the
 * last key of the group that the row sees. */
CU_DEVICE void flash_weights(float s[FLASH_TILES][4], const int32_t last[2], bool is_whole,
                             flash_part *part) {
    if (!is_whole) {
        int32_t first = (int32_t)(2 * (threadIdx.x % 4));
#pragma unroll
        for (int32_t j = 0; j < FLASH_TILES; j++)
#pragma unroll
            for (int32_t e = 0; e < 4; e++)
                s[j][e] = first + 8 * j + e % 2 <= last[e / 2] ? s[j][e] : -INFINITY;
    }
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        float best = -INFINITY, sum = 0.0f;
#pragma unroll
        for (uint32_t j = 0; j < FLASH_TILES; j++)
            best = fmaxf(best, fmaxf(s[j][2 * h], s[j][2 * h + 1]));
        best = fmaxf(best, cu_shuffle_xor(best, 1));
        best = fmaxf(best, cu_shuffle_xor(best, 2));
#pragma unroll
        for (uint32_t j = 0; j < FLASH_TILES; j++) {
            s[j][2 * h] = cu_exp2(s[j][2 * h] - best);
            s[j][2 * h + 1] = cu_exp2(s[j][2 * h + 1] - best);
            sum += s[j][2 * h] + s[j][2 * h + 1];
        }
        sum += cu_shuffle_xor(sum, 1);
        sum += cu_shuffle_xor(sum, 2);
        part->best[h] = best, part->sum[h] = sum;
    }
}

/*
 * A whole group, by a warp. QUERY brings the rows, SOURCE what is stored:
 *   void step(i, a)              fragment A of Q for step i
 *   uint4 key(j, half)           key 8 j + lane / 4: dimensions 32 half + 8 (lane % 4) and on
 *   void take_values()           keys are not asked for any more
 *   void values(step, b)         fragments B of keys 16 step .. 16 step + 15, for every tile
 * is_whole: all rows see all keys. The part of a row that sees none is not a number.
 */
template <class QUERY, class SOURCE>
CU_DEVICE void flash_group(const QUERY &query, SOURCE *from, const int32_t last[2], bool is_whole,
                           flash_part *part) {
    float s[FLASH_TILES][4];
#pragma unroll
    for (uint32_t j = 0; j < FLASH_TILES; j++)
#pragma unroll
        for (uint32_t e = 0; e < 4; e++)
            s[j][e] = 0.0f;
#pragma unroll
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t a[2][4];
        query.step(2 * half, a[0]);
        query.step(2 * half + 1, a[1]);
#pragma unroll
        for (uint32_t j = 0; j < FLASH_TILES; j++) {
            uint4 k = from->key(j, half);
            const uint32_t low[2] = {k.x, k.y}, high[2] = {k.z, k.w};
            cu_mma_half(s[j], a[0], low);
            cu_mma_half(s[j], a[1], high);
        }
    }
    from->take_values();
    flash_clear(part);
    flash_weights(s, last, is_whole, part);
#pragma unroll
    for (uint32_t step = 0; step < FLASH_STEPS; step++) {
        const float *first = s[2 * step], *second = s[2 * step + 1];
        const uint32_t p[4] = {cu_pair_half(first[0], first[1]), cu_pair_half(first[2], first[3]),
                               cu_pair_half(second[0], second[1]),
                               cu_pair_half(second[2], second[3])};
        uint32_t b[FLASH_TILES][2];
        from->values(step, b);
#pragma unroll
        for (uint32_t i = 0; i < FLASH_TILES; i++)
            cu_mma_half(part->values[i], p, b[i]);
    }
}

/* ---- joining ------------------------------------------------------------------------------- */

/* What both sides weigh when a part stands behind what was seen: value = flash_add(value, part's).
 */
struct flash_shares {
    float seen, part;
};

CU_DEVICE flash_shares flash_join(float *best, float *sum, float part_best, float part_sum) {
    float greatest = fmaxf(*best, part_best);
    flash_shares shares = {cu_exp2(*best - greatest), cu_exp2(part_best - greatest)};
    *sum = fmaf(part_sum, shares.part, *sum * shares.seen);
    *best = greatest;
    return shares;
}

CU_DEVICE float flash_add(flash_shares shares, float seen, float part) {
    return fmaf(part, shares.part, seen * shares.seen);
}

#endif
