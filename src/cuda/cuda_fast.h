/*
 * cuda_fast.h: products and attention on tensor cores, which bf16 activations stand for: which op
 * of which shape takes them, and the memory and lists they need. Internal to src/cuda.
 *
 * The choice is a function of the model's shapes alone, never of the batch, so a row's bits are its
 * own. Routers and adapters stay with the float32 kernels, and so does attention of heads that
 * flash_cuda.h has no kernel for.
 */
#ifndef WEIR_CUDA_CUDA_FAST_H
#define WEIR_CUDA_CUDA_FAST_H

#include "backend/backend.h"
#include "cuda/cuda_memory.h"
#include "cuda/cuda_split.h"
#include "cuda/gemm_cuda.h"

/* Whether products of many rows go through wgmma. */
typedef enum weir_cuda_wgmma {
    WEIR_CUDA_WGMMA_NONE,  /* no device of compute capability 9.0, or nothing asks for it */
    WEIR_CUDA_WGMMA_USED,  /* proven on this device when it was opened */
    WEIR_CUDA_WGMMA_OTHER, /* its bits are not those of mma.sync */
    WEIR_CUDA_WGMMA_SILENT /* nothing comes back: not compiled for sm_90a, or it hangs */
} weir_cuda_wgmma;

typedef struct weir_cuda_fast {
    bool has_gemm; /* activations are bf16 */
    weir_cuda_wgmma wgmma;
    void *gemm; /* device: scratch of products */
    /* What the product that used the scratch last had as choices; NULL: none. */
    const int32_t *choice;
    uint32_t n_rows, n_choices, tile_rows;

    weir_cuda_split_shape shape; /* n_heads_kv 0: attention by weir_cuda_run_attend */
    uint8_t *split_host[2];      /* pinned: lists of a step, by its turn */
    uint8_t *split_device;       /* the same there */
    float *slots;                /* device: parts of rows that are split */
    size_t split_bytes;          /* of this step's lists */
    weir_cuda_flash flash;       /* this step's, on the device */
} weir_cuda_fast;

/* Decides, and places (or measures) what it needs. All arenas' memory: SIZE_MAX if it is beyond
 * what can be addressed. */
void weir_cuda_fast_layout(weir_cuda_fast *fast, weir_arena *work, weir_arena *pinned,
                           const weir_model *model, const weir_kv_layout *kv,
                           const weir_backend_options *options);
/* Behind a layout that measured: asks the device that was found for its products by wgmma, with
 * memory that is given back at once. A cudaError_t; the device may be lost then. Later layouts keep
 * the answer. */
int weir_cuda_fast_prove(weir_cuda_fast *fast, weir_cuda_stream *stream,
                         const weir_cuda_facts *facts);
/* For the line that describes the device: "" or ", ...". */
const char *weir_cuda_fast_describe(const weir_cuda_fast *fast);
/* Makes the lists of a step from its chunks [n_chunks], which the host can read, in split_host of
 * its turn: split_bytes of them are to be copied to split_device. */
void weir_cuda_fast_begin(weir_cuda_fast *fast, uint32_t turn, const weir_cuda_rows *chunks,
                          uint32_t n_chunks);
/* The choices on the device are others from here on. */
void weir_cuda_fast_routed(weir_cuda_fast *fast);
/* Only with has_gemm. */
void weir_cuda_fast_linear(weir_cuda_fast *fast, weir_cuda_stream *stream,
                           const weir_cuda_linear *op);

#endif
