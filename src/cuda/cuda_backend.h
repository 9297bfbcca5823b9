/*
 * cuda_backend.h: what the files of the CUDA device share. Internal to src/cuda.
 *
 * Everything on the device is taken at open, in two blocks, and addressed by pointers that the host
 * only computes with:
 *
 *   weights: [matrices and vectors in the order of their use][those of adapters]
 *   work:    [K/V pages][conv states][scratch of compose.c][frequencies][a step's numbers]
 *            [draws][what products and attention on tensor cores need]
 *
 * One block of pinned host memory is where copies start and end:
 *
 *   pinned:  [a step's numbers, twice][one page or state][draws, results and logits, twice]
 *            [lists of attention, twice]
 *
 * A step is queued as a whole, with a mark behind it, and waited for once. The next one may be
 * queued before: it has the other of what is there twice (its turn), while on the device everything
 * is there once, because the stream has an order. The first error of the device is kept: from then
 * on nothing is queued any more and be.failure says why.
 */
#ifndef WEIR_CUDA_CUDA_BACKEND_H
#define WEIR_CUDA_CUDA_BACKEND_H

#include "backend/backend.h"
#include "cuda/cuda_batch.h"
#include "cuda/cuda_decode.h"
#include "cuda/cuda_draw.h"
#include "cuda/cuda_errors.h"
#include "cuda/cuda_fast.h"
#include "cuda/cuda_memory.h"
#include "cuda/kernels_cuda.h"

enum { WEIR_CUDA_DESCRIBE = WEIR_CUDA_NAME + 96, WEIR_CUDA_ARITHMETIC = 16 };

struct weir_cuda {
    /* First, so that the pointers are the same. Its two arenas are not opened; their sizes say what
     * was taken, which is what the engine asks of them. */
    weir_host_backend host;
    weir_model model;   /* be.model: the same, with weights in device memory */
    weir_arena tables;  /* host memory that model and the adapters' copies point into */
    weir_arena watched; /* host memory for what an observer is shown; touched only then */
    weir_cuda_facts facts;
    weir_cuda_stream *stream;
    void *work, *weights, *pinned; /* the three blocks */

    /* in work */
    uint8_t *pages;       /* [n_pages, kv.page_bytes] */
    float *states;        /* [n_states, state_values] */
    size_t state_values;  /* n_layers_conv x d_model x (l_cache - 1) */
    double *inverse_freq; /* [head_dim / 2] */
    uint8_t *step_device; /* [step_bytes] */

    /* in pinned */
    uint8_t *step_host[2]; /* [step_bytes] by turn */
    void *state_host;      /* [kv.page_bytes or state_values, the larger] */
    size_t step_bytes;

    weir_cuda_results results; /* in both */
    weir_cuda_fast fast;       /* the same */
    weir_cuda_decode decode;   /* the same */

    /* the step that is queued, or was last; a ticket is a step's number */
    uint32_t turn;
    weir_cuda_staged step; /* its tokens and out_rows by whatever way it runs */
    const weir_observer *observer;
    weir_cuda_mark *marks[2];  /* behind the steps of each turn */
    uint64_t n_begun, n_ended; /* two more at most have begun */

    char describe[WEIR_CUDA_DESCRIBE];
    char arithmetic[WEIR_CUDA_ARITHMETIC];
    char failure[WEIR_CUDA_ERROR_TEXT + 64];
};

static inline weir_cuda *weir_cuda_of(weir_backend *be) {
    return (weir_cuda *)be;
}

/* Keeps the first error as be.failure, with what was done then. false: the device is lost. */
bool weir_cuda_note(weir_cuda *cuda, int code, const char *what);

/* cuda_ops.c: fills be->ops, be->blocks.head and be->blocks.adapt. */
void weir_cuda_ops_install(weir_backend *be);
/* cuda_ops.c: what launches are told of a matrix (n_choices of a stack; 1: no stack), and of a
 * layer's part of pages, states and router; rows and operands are the caller's. */
weir_cuda_matrix weir_cuda_matrix_of(const weir_weight *w, uint32_t n_choices);
weir_cuda_kv weir_cuda_kv_of(weir_backend *be, const weir_layer *layer);
weir_cuda_conv weir_cuda_conv_of(weir_backend *be, const weir_layer *layer);
weir_cuda_route weir_cuda_route_of(const weir_backend *be, const weir_layer *layer,
                                   const float *logits, int32_t *experts, float *weights);

/* cuda_state.c: fills the six state functions of be. */
void weir_cuda_state_install(weir_backend *be);

/* cuda_weights.c: bytes on the device and of tables on the host, of the model and the adapters.
 * UNSUPPORTED names a matrix in a format without a kernel. */
weir_status weir_cuda_weights_measure(size_t *device_bytes, size_t *table_bytes,
                                      const weir_model *model, const weir_backend_options *options,
                                      weir_error *err);
/* Uploads all into cuda->weights and points be.model and be.options.loras at it; cuda->tables is
 * open. IO if the model's file cannot be read. */
weir_status weir_cuda_weights_open(weir_cuda *cuda, const weir_model *model, size_t device_bytes,
                                   weir_error *err);

#endif
