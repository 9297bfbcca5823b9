/*
 * cpu_backend.h: what the files of the CPU device share. Internal to src/cpu.
 *
 * One team of threads, one arena. An op describes its work in a struct on the caller's stack and
 * runs it as one parallel region (weir_cpu_run); items are drawn from a counter in that struct, so
 * which thread computes what is left to chance and no result may depend on it: an item writes only
 * its own part of the output, with sums in an order of its own.
 */
#ifndef WEIR_CPU_CPU_BACKEND_H
#define WEIR_CPU_CPU_BACKEND_H

#include "backend/backend.h"
#include "base/workers.h"
#include "cpu/expert_stream.h"
#include "cpu/kernels.h"

enum {
    /* Below this many values (or multiply-adds) waking the team costs more than the work. */
    WEIR_CPU_ALONE = 16384,
    WEIR_CPU_DESCRIBE = 96
};

/* What one thread has for itself. */
typedef struct weir_cpu_thread {
    float *tile;   /* [tile_values] dequantized rows of a matrix */
    float *attend; /* [weir_attend_scratch] */
} weir_cpu_thread;

typedef struct weir_cpu {
    weir_host_backend host; /* first, so that the pointers are the same */
    weir_model model;       /* be.model unless all is mapped: matrices that lie in host.weights */
    weir_cpu_kernels kernels;
    weir_expert_stream *experts; /* NULL: all weights are in memory */
    weir_workers *workers;
    weir_cpu_thread *threads; /* [n_threads] */
    size_t tile_values;
    weir_t16_fn *const *t16; /* of kernels, as the activations are to be rounded; */
    weir_q15_fn *round;      /* NULL: they are not */
    uint8_t *rounded;        /* activations of one linear, row after row (t16.h) */
    size_t rounded_bytes;

    float *frequencies;       /* [head_dim / 2] of the rotation */
    float *rotations;         /* [n_batch, 2, head_dim / 2] cosines, then sines */
    uint32_t *rotations_pos;  /* [n_batch] position that a row of rotations is for */
    uint32_t *expert_rows;    /* [n_batch n_experts_used] rows of a linear, sorted by expert */
    uint32_t *expert_begin;   /* [n_experts + 1] where an expert's rows begin in expert_rows */
    uint32_t *active_experts; /* [n_experts] those that have rows */

    char describe[WEIR_CPU_DESCRIBE];
} weir_cpu;

static inline weir_cpu *weir_cpu_of(weir_backend *be) {
    return (weir_cpu *)be;
}

/* Runs fn on the team, or on the caller alone where n_values is little work. */
static inline void weir_cpu_run(weir_cpu *cpu, size_t n_values, weir_work *fn, void *job) {
    if (n_values < WEIR_CPU_ALONE)
        fn(job, 0, 1);
    else
        weir_workers_run(cpu->workers, fn, job);
}

/* The ops of backend.h. cpu_linear.c: */
void weir_cpu_linear(weir_backend *be, const weir_linear *op);
/* Bytes of the activations of one linear over n_batch rows. */
size_t weir_cpu_rounded_bytes(const weir_model *model, uint32_t n_batch);
/* Values of a thread's tile: room for at least 8 rows of n_cols. */
size_t weir_cpu_tile_values(uint32_t n_cols);

/* cpu_attention.c: */
void weir_cpu_rope(weir_backend *be, const weir_batch *batch, uint32_t n_heads, float *x);
void weir_cpu_kv_write(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       const float *k, const float *v);
void weir_cpu_attend(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                     const float *q, float *y);

/* cpu_ops.c: */
void weir_cpu_embed(weir_backend *be, const int32_t *tokens, uint32_t n_rows, float *y);
void weir_cpu_rms_norm(weir_backend *be, const float *x, const float *weight, uint32_t n_rows,
                       uint32_t width, float *y);
void weir_cpu_short_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                         const float *bcx, float *y);
void weir_cpu_silu_mul(weir_backend *be, const float *gate, const float *up, size_t n, float *y);
void weir_cpu_route(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                    int32_t *experts, float *weights);
void weir_cpu_add(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                  uint32_t n_parts, uint32_t width);

/* Whether a matrix lies packed in the device's memory (or will), whatever its data point to. */
static inline bool weir_cpu_is_packed(const weir_cpu *cpu, const weir_weight *w) {
    return cpu->t16 && cpu->t16[w->format->id] && weir_t16_fits(w->format->id, w->rows, w->cols);
}

/* Are experts read from their file when they are needed? */
static inline bool weir_cpu_is_streamed(const weir_cpu *cpu, const weir_model *model) {
    return cpu->host.be.options.experts_room > 0 && model->h.n_experts > 0;
}

/* cpu_weights.c: the matrices of a model in a fixed order, experts only if they are wanted; a tied
 * head is the embedding and not listed again. list [the number returned], NULL: counted only. */
size_t weir_cpu_matrices(const weir_model *model, bool with_experts, const weir_weight **list);
/* What the weights take in memory. The kernels and options of cpu are filled. */
void weir_cpu_weights_measure(const weir_cpu *cpu, const weir_model *model,
                              weir_backend_memory *out);
/* Packs, copies, or brings the mapped weights into memory, and points be.model
 * at what is its own; experts that are streamed stay in their file. All threads
 * together. IO if the file cannot be read. */
weir_status weir_cpu_weights_open(weir_cpu *cpu, const weir_model *model, weir_error *err);

#endif
