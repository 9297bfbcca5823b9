/*
 * flash_cuda.h: launches of attention on tensor cores, in the place of weir_cuda_run_attend where
 * weir_cuda_has_flash says so, and of what a layer does to q, k and v before it.
 *
 * Owns no memory and no stream, as kernels_cuda.h. The work of a step is a list that the host makes
 * once for all attention layers (cuda_split.h). How rows are dealt out to blocks changes no bit:
 * keys lie in groups of 64 and ranges of 256 at fixed absolute positions; a group is reduced in
 * itself, the groups of a range are joined in ascending order, then the ranges.
 */
#ifndef WEIR_CUDA_FLASH_CUDA_H
#define WEIR_CUDA_FLASH_CUDA_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_CUDA_FLASH_RANGE = 256,    /* tokens */
    WEIR_CUDA_FLASH_PART_ROWS = 16, /* query heads x tokens of a part, of a tile: rows of a block */
    WEIR_CUDA_FLASH_TILE_ROWS = 64,
    WEIR_CUDA_FLASH_NO_SLOT = 0xffffffff
};

/* n_tokens consecutive rows of the batch, all of one chunk, and ranges first_range ..
 * first_range + n_ranges - 1 of their keys, for every K/V head. Without a slot it is all their
 * ranges and the result goes to y; with one, what range r gives token t goes to slot
 * slot + t * slot_stride + r of the scratch. */
typedef struct weir_cuda_flash_item {
    uint32_t row, n_tokens, first_range, n_ranges, slot, slot_stride;
} weir_cuda_flash_item;

/* A row whose ranges are in slots slot, slot + 1, ... */
typedef struct weir_cuda_flash_join {
    uint32_t row, slot;
} weir_cuda_flash_join;

typedef struct weir_cuda_flash_counts {
    uint32_t n_parts, n_tiles, n_joins;
} weir_cuda_flash_counts;

/* Lists in device memory. `launched`, known to the host, sets the grids: any number gives the same
 * result, that of `counts` or a bucket's most (for a graph) is meant; 0: none of that kind. */
typedef struct weir_cuda_flash {
    const weir_cuda_flash_counts *counts;
    const weir_cuda_flash_item *items; /* parts (few tokens), behind them tiles (many) */
    const weir_cuda_flash_join *joins;
    weir_cuda_flash_counts launched;
    float *slots; /* weir_cuda_flash_slot_values(n_heads) for each slot, 16-byte aligned */
} weir_cuda_flash;

/* Head of 64, pages of 64 tokens, up to 16 query heads to a K/V head, pool and page_bytes multiples
 * of 64. */
int weir_cuda_has_flash(const weir_cuda_kv *kv, uint32_t n_heads);

/* floats of a slot, a multiple of four: for every query head 64 values, then for every one its
 * greatest and its sum */
static inline size_t weir_cuda_flash_slot_values(uint32_t n_heads) {
    return (size_t)n_heads * 64 + (n_heads + 1) / 2 * 4;
}

/* y [n_rows, n_heads, 64] from q and stored K/V of positions <= own; both 16-byte aligned */
void weir_cuda_run_flash(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                         const weir_cuda_kv *kv, const weir_cuda_flash *flash, const float *q,
                         uint32_t n_heads, float *y);

/* q and k normed and rotated, k and v of the rows that are no replay stored: in one launch what
 * weir_cuda_run_rms_norm, _rope and _kv_write do in five, to the bit. q [n_rows, n_heads, head_dim]
 * is replaced; k [n_rows, n_heads_kv, head_dim] may be. */
typedef struct weir_cuda_heads {
    float *q, *k;
    const float *v;
    const float *q_norm, *k_norm; /* [head_dim] */
    const double *inverse_freq;   /* as weir_cuda_run_rope */
    float norm_eps;
    uint32_t n_heads;
} weir_cuda_heads;
void weir_cuda_run_heads(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                         const weir_cuda_kv *kv, const weir_cuda_heads *op);

#ifdef __cplusplus
}
#endif
#endif
