/*
 * cuda_split.h: the work of attention in a step, dealt out to blocks: a pure function of the
 * batch's chunks, run on the host once for all attention layers (flash_cuda.h has the kernels).
 *
 * The lists lie in one block at places that depend on the most rows alone, so that a graph may keep
 * them, and what is not used is behind what is:
 *
 *   [counts][joins of the most rows][parts, longest first][tiles, longest first]
 *
 * Invariant: every range of every row's keys is in exactly one item, and a row is either in one
 * item without a slot, or in one join, with a slot for each of its ranges. No bit of a result
 * depends on which.
 */
#ifndef WEIR_CUDA_CUDA_SPLIT_H
#define WEIR_CUDA_CUDA_SPLIT_H

#include "cuda/flash_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Items x K/V heads that a step is split into if whole rows are fewer: about four blocks for
     * each multiprocessor of a large device. */
    WEIR_CUDA_SPLIT_BLOCKS = 512,
    /* The most slots: rows beyond them are not split. 69 MB with 32 query heads. */
    WEIR_CUDA_SPLIT_SLOTS = 8192
};

/* Slots that are ever used by steps of up to n_batch rows at positions below n_ctx. */
uint32_t weir_cuda_split_slots(uint32_t n_batch, uint32_t n_ctx);
/* Bytes of the block that such steps need at most; SIZE_MAX: beyond what can be addressed. */
size_t weir_cuda_split_bytes(uint32_t n_batch, uint32_t n_slots);

typedef struct weir_cuda_split_shape {
    uint32_t n_heads, n_heads_kv; /* n_heads / n_heads_kv: at most 16 */
    uint32_t n_batch, n_slots;    /* the most; as the block was measured */
} weir_cuda_split_shape;

/* Fills the block at host [weir_cuda_split_bytes] and *out, but for the slots, with the places it
 * will have at `device`; returns the bytes to be copied there. chunks [n_chunks] is host memory, of
 * n_batch rows at most. */
size_t weir_cuda_split_pack(weir_cuda_flash *out, const weir_cuda_rows *chunks, uint32_t n_chunks,
                            const weir_cuda_split_shape *shape, void *host, uint8_t *device);

#ifdef __cplusplus
}
#endif
#endif
