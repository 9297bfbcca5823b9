/*
 * synth_cuda.h: random weights made on the device, from counters: the formulas of docs/synth.md.
 *
 * Byte for byte what weir_synth_values_fill (src/model) makes on the host, so a model of true
 * size needs neither a file nor a copy, and the host can make any slice of it to compare. Owns no
 * memory; launches are queued as those of kernels_cuda.h.
 */
#ifndef WEIR_CUDA_SYNTH_CUDA_H
#define WEIR_CUDA_SYNTH_CUDA_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the numbers of one tensor are made: the fields of weir_synth_values. */
typedef struct weir_cuda_synth {
    uint64_t seed, stream; /* stream: hash of the tensor's name */
    uint32_t format;       /* weir_format_id */
    float scale, offset;   /* of single values: bf16(offset + sum x scale) */
    uint16_t d[8], m[8];   /* of blocks, by the head's low three bits: float16 bits */
    uint8_t e[8];          /* the same of mxfp4: exponent bytes */
} weir_cuda_synth;

/* Is there a formula for this format? */
int weir_cuda_can_synth(uint32_t format);

/* Rows [row, row + n_rows) of a tensor of n_cols columns, pitch bytes apart at `to` on the device;
 * of a stack the rows of all matrices, one after another. n_cols is a multiple of the format's
 * block. Bytes between rows are left as they are. */
void weir_cuda_run_synth(weir_cuda_stream *stream, const weir_cuda_synth *synth, uint32_t n_cols,
                         uint64_t row, uint64_t n_rows, uint8_t *to, size_t pitch);

#ifdef __cplusplus
}
#endif
#endif
