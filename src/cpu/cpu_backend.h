/*
 * cpu_backend.h: what the files of the CPU device share. Internal to src/cpu.
 *
 * One team of threads, one arena. A step is one parallel region (cpu_step.c), or made of ops, each
 * a region: such an op describes its work in a struct on the caller's stack (weir_cpu_run). Items
 * are drawn from a counter, so which thread computes what is left to chance and no result may
 * depend on it: an item writes only its own part of the output, with sums in an order of its own.
 */
#ifndef WEIR_CPU_CPU_BACKEND_H
#define WEIR_CPU_CPU_BACKEND_H

#include "backend/backend.h"
#include "base/compiler.h"
#include "base/workers.h"
#include "cpu/cpu_nodes.h"
#include "cpu/expert_stream.h"
#include "cpu/kernels.h"

enum {
    /* Below this many values (or multiply-adds) waking the team costs more than the work. */
    WEIR_CPU_ALONE = 16384,
    WEIR_CPU_DESCRIBE = 128
};

/* Parts of a step, as a profile tells them. */
typedef enum weir_cpu_phase {
    WEIR_CPU_EMBED,
    WEIR_CPU_INPUTS,
    WEIR_CPU_CONV_IN,
    WEIR_CPU_CONV_OUT,
    WEIR_CPU_ATTN_IN,
    WEIR_CPU_ATTEND,
    WEIR_CPU_ATTN_OUT,
    WEIR_CPU_ROUTER,
    WEIR_CPU_FFN_UP,
    WEIR_CPU_FFN_DOWN,
    WEIR_CPU_HEAD,
    WEIR_CPU_WAIT,
    WEIR_CPU_N_PHASES
} weir_cpu_phase;

/* What one thread has for itself. */
typedef struct weir_cpu_thread {
    float *tile;   /* [tile_values] dequantized rows of a matrix */
    float *attend; /* [weir_attend_scratch] */
    /* For steps of one row, which every worker prepares for itself (cpu_step.c): */
    float *row;       /* [d_model] normed */
    uint8_t *rounded; /* activations of one linear over one token */
    float *weights;   /* [n_experts_used] of the experts that its router chose: */
    int32_t *experts; /* [n_experts_used] */
    uint32_t node;    /* whose memory is near */
    WEIR_ALIGN(64) double phase_s[WEIR_CPU_N_PHASES]; /* of a profile */
    double since_s;                                   /* its last phase ended */
} weir_cpu_thread;

typedef struct weir_cpu {
    weir_host_backend host; /* first, so that the pointers are the same */
    weir_model model;       /* be.model unless all is mapped: matrices that lie in host.weights */
    weir_cpu_kernels kernels;
    weir_expert_stream *experts; /* NULL: all weights are in memory */
    weir_workers *workers;
    weir_cpu_thread *threads; /* [n_threads] */
    uint32_t n_nodes;         /* of memory, each with threads of its own (cpu_nodes.h) */
    const uint8_t *parts;     /* [n_nodes, part_bytes] in host.weights; NULL: there is one node */
    size_t part_bytes;
    size_t tile_values;
    weir_t16_fn *const *t16;       /* of kernels, as the activations are to be rounded; */
    weir_t16_fn *const *t16_tiles; /* the same of many rows; NULL: t16 does those too */
    weir_q15_fn *round;            /* NULL: they are not */
    uint8_t *rounded;              /* activations of one linear, row after row (t16.h) */
    size_t rounded_bytes;
    float *parity; /* activations of one linear as llama.cpp rounds them (parity.h), or NULL */

    float *frequencies;       /* [head_dim / 2] of the rotation */
    float *rotations;         /* [n_batch, 2, head_dim / 2] cosines, then sines */
    uint32_t *rotations_pos;  /* [n_batch] position that a row of rotations is for */
    uint32_t *expert_rows;    /* [n_batch n_experts_used] rows of a linear, sorted by expert */
    uint32_t *expert_begin;   /* [n_experts + 1] where an expert's rows begin in expert_rows */
    uint32_t *active_experts; /* [n_experts] those that have rows */
    uint32_t n_active;        /* how many of them, of the layer of a step */
    /* [n_rows, n_heads_kv, n_segments, weir_attend_sums] of rows whose keys threads share; rows
     * times segments are n_attend_parts at most. */
    float *attend_parts;
    size_t n_attend_parts;
    atomic_uint *sections; /* [n_nodes, weir_cpu_n_sections] units of a node's that are taken, of
                              each part of a step */

    bool is_profiled;
    uint64_t n_steps, n_barriers; /* profiled */
    double steps_s, step_s;       /* that they took; when the last one began */

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
/* Values of the activations of one linear over one token, at most. */
size_t weir_cpu_input_values(const weir_model *model);
/* Bytes of them, rounded for packed matrices, over n_batch rows. */
size_t weir_cpu_rounded_bytes(const weir_model *model, uint32_t n_batch);
/* Values of a thread's tile: room for at least 8 rows of n_cols. */
size_t weir_cpu_tile_values(uint32_t n_cols);

/* Rows of y that use one matrix. */
typedef struct weir_cpu_group {
    const weir_weight *w;
    const uint32_t *rows; /* [n_rows] numbers of rows of y, NULL: 0 .. n_rows - 1 */
    uint32_t n_rows;
} weir_cpu_group;

/* Rows first .. first + n of the group's matrix (of a packed one whole strips) times the rows of
 * the group, as a worker of a region. rounded: op's rows of x as packed matrices want them; x for
 * others. op->w is not looked at. next: NULL, or the strips that this worker will want then
 * (t16.h), of the same format and columns. */
void weir_cpu_multiply(const weir_cpu *cpu, uint32_t worker, const weir_linear *op,
                       const uint8_t *rounded, const weir_cpu_group *g, uint32_t first, uint32_t n,
                       const uint8_t *next);
/* Sorts the rows of op by expert, keeping their order within one, into cpu->expert_rows. Returns
 * the number of experts that have rows. */
uint32_t weir_cpu_sort_by_expert(weir_cpu *cpu, const weir_linear *op);
weir_cpu_group weir_cpu_group_of_expert(const weir_cpu *cpu, const weir_linear *op,
                                        uint32_t expert);

/* cpu_step.c: a step in one region; composed where it is observed, has an adapter, or is of
 * parity. */
weir_status weir_cpu_step(weir_backend *be, const weir_batch *batch, weir_error *err);
void weir_cpu_profile_begin(weir_backend *be);
void weir_cpu_profile_end(weir_backend *be, weir_profile *out);
/* Sections of a step, at most. */
size_t weir_cpu_n_sections(const weir_model *model);

/* cpu_attention.c: */
/* Makes the rotation of a row's position if it is another than before. */
void weir_cpu_rotation_make(weir_cpu *cpu, const weir_batch *batch, uint32_t row);
/* One row's K and V of one head into their place, unless the row is a replay. k, v [head_dim] */
void weir_cpu_kv_store(const weir_cpu *cpu, const weir_batch *batch, const weir_layer *layer,
                       uint32_t row, uint32_t head, const float *k, const float *v);
/* Attention is done in items of n_together rows of one K/V head, so that neighbours share its keys:
 * how many rows leave every thread several items, how many items those are, and one of them; q and
 * y as in weir_cpu_attend. */
uint32_t weir_cpu_attend_rows(const weir_cpu *cpu, uint32_t n_rows, uint32_t n_heads_kv);
size_t weir_cpu_attend_items(const weir_batch *batch, const weir_layer *layer, uint32_t n_together);
void weir_cpu_attend_item(const weir_cpu *cpu, uint32_t worker, const weir_batch *batch,
                          const weir_layer *layer, const float *q, float *y, uint32_t n_together,
                          size_t item);
/* Few rows with many keys: into how many segments the keys of the longest are divided among
 * threads; 1: not at all. Then each item below n_rows n_heads_kv n_segments is summed, into memory
 * of the device, and when all are, each worker merges its share of rows and heads into y. */
uint32_t weir_cpu_attend_segments(const weir_cpu *cpu, const weir_batch *batch,
                                  const weir_layer *layer);
void weir_cpu_attend_part(const weir_cpu *cpu, uint32_t worker, const weir_batch *batch,
                          const weir_layer *layer, const float *q, uint32_t n_segments,
                          uint32_t item);
void weir_cpu_attend_merge(const weir_cpu *cpu, uint32_t worker, uint32_t n_workers,
                           const weir_batch *batch, const weir_layer *layer, float *y,
                           uint32_t n_segments);
/* Segments of rows that are divided at one time, at most; n_values: floats that each takes in all
 * heads. */
size_t weir_cpu_attend_parts(const weir_model *model, const weir_backend_options *options,
                             size_t *n_values);
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
/* Channels begin .. end of all rows. */
void weir_cpu_convolve(const weir_cpu *cpu, const weir_batch *batch, const weir_layer *layer,
                       const float *bcx, float *y, size_t begin, size_t end);
/* Rows begin .. end. */
void weir_cpu_embed_rows(const weir_cpu *cpu, const int32_t *tokens, size_t begin, size_t end,
                         float *y);
void weir_cpu_silu_mul(weir_backend *be, const float *gate, const float *up, size_t n, float *y);
void weir_cpu_route(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                    int32_t *experts, float *weights);
void weir_cpu_add(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                  uint32_t n_parts, uint32_t width);

/* Whether a matrix lies packed in the device's memory (or will), whatever its data point to. */
static inline bool weir_cpu_is_packed(const weir_cpu *cpu, const weir_weight *w) {
    return cpu->t16 && cpu->t16[w->format->id] && weir_t16_fits(w->format->id, w->rows, w->cols);
}

/* How a packed matrix lies. */
static inline weir_spread weir_cpu_spread(const weir_cpu *cpu, const weir_weight *w) {
    bool is_divided = cpu->parts && w->data >= cpu->parts && w->data < cpu->parts + cpu->part_bytes;
    return weir_spread_make(is_divided ? cpu->n_nodes : 1, w->rows / WEIR_T16_ROWS);
}

/* The strip of a packed matrix that has this row, and *n_strips: how many lie in one piece from
 * there. */
static inline const uint8_t *weir_cpu_strip(const weir_cpu *cpu, const weir_weight *w, uint32_t row,
                                            uint32_t *n_strips) {
    size_t strip_bytes = weir_t16_strip_bytes(w->format->id, w->cols);
    uint32_t strip = row / WEIR_T16_ROWS, i, node;
    *n_strips = w->rows / WEIR_T16_ROWS - strip;
    if (!cpu->parts)
        return w->data + strip * strip_bytes;
    weir_spread s = weir_cpu_spread(cpu, w);
    node = weir_spread_node(&s, strip, &i);
    *n_strips = s.block - strip % s.block;
    return w->data + node * cpu->part_bytes + i * strip_bytes;
}

/* Are experts read from their file when they are needed? */
static inline bool weir_cpu_is_streamed(const weir_cpu *cpu, const weir_model *model) {
    return cpu->host.be.options.experts_room > 0 && model->h.n_experts > 0;
}

/* cpu_weights.c: the matrices of a model in a fixed order, experts only if they are wanted; a tied
 * head is the embedding and not listed again. list [the number returned], NULL: counted only. */
size_t weir_cpu_matrices(const weir_model *model, bool with_experts, const weir_weight **list);
/* What the weights take in memory. The kernels, options and n_nodes of cpu are filled. */
void weir_cpu_weights_measure(const weir_cpu *cpu, const weir_model *model,
                              weir_backend_memory *out);
/* Packs, copies, or brings the mapped weights into memory, and points be.model
 * at what is its own; experts that are streamed stay in their file. All threads
 * together. IO if the file cannot be read. */
weir_status weir_cpu_weights_open(weir_cpu *cpu, const weir_model *model, weir_error *err);

#endif
