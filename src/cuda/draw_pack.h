/*
 * draw_pack.h: the draws of a step packed into one block, so that one copy brings them to the
 * device.
 *
 *   [draws][changes of all][bits of all: masks, and tokens under the repetition penalty]
 */
#ifndef WEIR_CUDA_DRAW_PACK_H
#define WEIR_CUDA_DRAW_PACK_H

#include "backend/draw.h"
#include "cuda/draw_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the largest block of n draws; SIZE_MAX: beyond what can be addressed. */
size_t weir_cuda_draw_bytes(uint32_t n_vocab, uint32_t n);

/* Packs those of draws [n_out] that there are, each for the row of its place, into host [capacity],
 * 64-byte aligned. Fills n, n_vocab, draws, changes and bits of *out with the places they will have
 * when the bytes returned have been copied to `device`. */
size_t weir_cuda_draw_pack(weir_cuda_draws *out, const weir_draw *const *draws, uint32_t n_out,
                           uint32_t n_vocab, void *host, size_t capacity, uint8_t *device);

#ifdef __cplusplus
}
#endif
#endif
