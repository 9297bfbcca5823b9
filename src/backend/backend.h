/*
 * backend.h: what a device must do.
 *
 * A ladder of three rungs. The ten ops are enough for a correct engine on a new device. A block
 * (conv, attn, ffn, head) that is not filled is made of ops, a step that is not filled is made of
 * blocks: compose.c does both. Tests hold every filled rung against the rung below it.
 *
 * All float arrays handed to ops are the device's memory (on CPU devices: ordinary memory), taken
 * when the backend was opened. A row is one token of one timeline. A row's result must not depend
 * on which other rows are in the batch, in how many chunks its past was computed, or on the number
 * of threads.
 *
 * State lives here, addressed by numbers that the engine hands out: K/V pages of 64 tokens
 * (kv_layout.h) and conv states ([n_layers_conv, d_model, l_cache - 1] floats, oldest first).
 */
#ifndef WEIR_BACKEND_BACKEND_H
#define WEIR_BACKEND_BACKEND_H

#include "backend/draw.h"
#include "backend/kv_layout.h"
#include "base/arena.h"
#include "model/lora.h"
#include "model/model.h"
#include "weir_profile.h"
#include <stdatomic.h>

typedef struct weir_backend weir_backend;

enum { WEIR_NO_STATE = UINT32_MAX };

/* Consecutive rows of one timeline. */
typedef struct weir_rows {
    uint32_t first_row; /* in the batch */
    uint32_t n_rows;
    uint32_t n_replay;        /* the first of them read K/V at their own position and write none */
    uint32_t first_pos;       /* position of the first row */
    const uint32_t *pages;    /* [ceil((first_pos + n_rows) / 64)] */
    uint32_t state_in;        /* conv state before the first row; WEIR_NO_STATE: zeros */
    uint32_t state_out;       /* conv state after the last row; never equal to state_in */
    uint32_t n_kept;          /* below n_rows */
    const uint32_t *kept;     /* [n_kept] conv states after each of the n_kept rows before the last,
                                 in order; all different, none is state_in or state_out */
    const float *lora_scales; /* [n_loras] of the backend's adapters; NULL: none is used */
} weir_rows;

/* For tokens of step_begin: the token drawn at output i of the step that was begun just before. If
 * that one is left to the host, the row means nothing, and neither does what it leaves. Its own
 * inverse. */
static inline int32_t weir_drawn_at(int32_t i) {
    return -1 - i;
}

typedef struct weir_batch {
    uint32_t n_rows, n_chunks, n_out;
    const int32_t *tokens;    /* [n_rows]; of step_begin also weir_drawn_at */
    const uint32_t *pos;      /* [n_rows] */
    const weir_rows *chunks;  /* [n_chunks], covering the rows in order */
    const uint32_t *out_rows; /* [n_out] rows whose logits are wanted, ascending */
    float *const
        *logits; /* [n_out] host pointers to [n_vocab]; written only if the step succeeds */
    /* NULL, or [n_out]: NULL, or how the token behind that row is drawn, on a device that can. Then
     * drawn[i] is written and logits[i] are not; but where the device does not find the token (it
     * is none of the WEIR_DRAW_LIST likeliest, or there is none), drawn[i]->token is -1 and
     * logits[i] are written. Which it is, is a function of the row and its draw alone. */
    const weir_draw *const *draws;
    weir_drawn *const *drawn;      /* [n_out] where there are draws; written if the step succeeds */
    const weir_observer *observer; /* NULL: none */
    atomic_bool *cancel;           /* NULL, or looked at between layers */
} weir_batch;

/* What activations are in products, where the device has kernels for it: with quantized matrices
 * rounded to 15 or 8 bits by groups of 32 (src/cpu/t16.h); float32 as everywhere else; with all
 * matrices but routers and adapters rounded to bfloat16, for tensor cores; as llama.cpp rounds them
 * (src/cpu/parity.h). */
typedef enum weir_activations {
    WEIR_ACTIVATIONS_Q15 = 0,
    WEIR_ACTIVATIONS_F32 = 1,
    WEIR_ACTIVATIONS_BF16 = 2,
    WEIR_ACTIVATIONS_Q8 = 3,
    WEIR_ACTIVATIONS_PARITY = 4
} weir_activations;

typedef struct weir_backend_options {
    const char *isa; /* cap on kernels, NULL: best */
    weir_activations activations;
    weir_kv_type kv_type;
    uint32_t n_threads;                                   /* >= 1 */
    uint32_t n_pages, n_states, n_batch, n_chunks, n_out; /* the most there will ever be */
    uint32_t n_nodes; /* 0: as the machine has. Else tests want threads and weights divided so */
    bool no_pin;
    bool no_map;           /* take memory for the weights instead of computing on the mapped file */
    uint64_t experts_room; /* 0: all weights in memory. Else experts are read from
                              their file when they are needed, and kept in so many
                              bytes, or the fewest that do */
    weir_packed *packed;   /* of the model, or NULL; devices with uses_packed alone */
    weir_lora *const *loras; /* [n_loras] */
    uint32_t n_loras;
    weir_progress progress;
} weir_backend_options;

/* y[r] = W x[r] (+ bias). With `choice`, output row r uses matrix choice[r] and input row
 * r / x_repeat: experts. */
typedef struct weir_linear {
    const weir_weight *w;  /* one matrix, or an array indexed by choice */
    const float *bias;     /* [rows] or NULL */
    const float *x;        /* [n_rows / x_repeat, cols] */
    float *y;              /* [n_rows, rows] */
    uint32_t n_rows;       /* of y */
    const int32_t *choice; /* [n_rows], NULL: w is one matrix */
    uint32_t n_choices;    /* matrices in w */
    uint32_t x_repeat;     /* 1 unless several outputs share an input row */
} weir_linear;

typedef struct weir_ops {
    /* y[r] = embedding of tokens[r]; y [n_rows, d_model] */
    void (*embed)(weir_backend *be, const int32_t *tokens, uint32_t n_rows, float *y);
    /* y[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight; [n_rows, width]; y may be x */
    void (*rms_norm)(weir_backend *be, const float *x, const float *weight, uint32_t n_rows,
                     uint32_t width, float *y);
    void (*linear)(weir_backend *be, const weir_linear *op);
    /* rotates x [n_rows, n_heads, head_dim] in place, pairs (j, j + head_dim / 2) */
    void (*rope)(weir_backend *be, const weir_batch *batch, uint32_t n_heads, float *x);
    /* stores k, v [n_rows, n_heads_kv, head_dim] of the rows that are no replay */
    void (*kv_write)(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                     const float *k, const float *v);
    /* y [n_rows, n_heads, head_dim] from q of the same shape and the stored K/V of positions <= own
     */
    void (*attend)(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                   const float *q, float *y);
    /* y [n_rows, d_model] = C * conv(B * x) from bcx [n_rows, 3 d_model]; moves the conv state
     * from state_in to state_out and copies it to the kept slots on its way */
    void (*short_conv)(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       const float *bcx, float *y);
    /* y = gate / (1 + exp(-gate)) * up; n values; y may be gate */
    void (*silu_mul)(weir_backend *be, const float *gate, const float *up, size_t n, float *y);
    /* from router logits [n_rows, n_experts] the chosen experts [n_rows, n_experts_used], ascending
     * by index, and their weights; ties in the choice go to the lower index */
    void (*route)(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                  int32_t *experts, float *weights);
    /* y[r] += sum over j < n_parts, ascending, of scale[r, j] x[r, j]; scale NULL: 1.
     * y [n_rows, width], x [n_rows, n_parts, width], scale [n_rows, n_parts] */
    void (*add)(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                uint32_t n_parts, uint32_t width);
} weir_ops;

/* x [n_rows, d_model] is the residual stream, updated in place. A batch with an observer shows it
 * what compose.c shows: a block that does not, leaves such batches to the composition. */
typedef struct weir_blocks {
    void (*conv)(weir_backend *be, const weir_batch *batch, const weir_layer *layer, float *x);
    void (*attn)(weir_backend *be, const weir_batch *batch, const weir_layer *layer, float *x);
    void (*ffn)(weir_backend *be, const weir_batch *batch, const weir_layer *layer, float *x);
    void (*head)(weir_backend *be, const weir_batch *batch, const float *x);
    /* y of op += what adapter number `lora`, which has `pair` for this product, adds to the rows of
     * the timelines that use it, each by its own scale; other rows keep their bits */
    void (*adapt)(weir_backend *be, const weir_batch *batch, const weir_linear *op, uint32_t lora,
                  const weir_lora_pair *pair);
} weir_blocks;

/* Buffers that the composition needs, on the device. */
typedef struct weir_scratch {
    float *x;      /* [n_batch, d_model] the residual stream */
    float *normed; /* [n_batch, d_model] */
    float
        *wide; /* [n_batch, the widest of 3 d_model, q + k + v, d_ff, n_experts_used d_ff_expert] */
    float *wide2;  /* the same */
    float *parts;  /* [n_batch, n_experts_used, d_model], or [n_batch, d_model] in dense models */
    float *router; /* [n_batch, n_experts] */
    float *expert_weights; /* [n_batch, n_experts_used] */
    int32_t *experts;      /* [n_batch, n_experts_used] */
    float *out;            /* [n_out, d_model] rows for the head */
    float *logits;         /* [n_out, n_vocab] */
    float *lora_inner;     /* [n_batch, n_experts_used, the largest rank] of adapters */
    float *lora_outer;     /* [n_batch, the widest row of y an adapter adds to] */
    float *lora_scale; /* [n_batch, n_experts_used]; the host writes it, so a device whose memory
                          the host cannot write fills blocks.adapt */
} weir_scratch;

struct weir_backend {
    const char *name;       /* "cpu", "reference" */
    const char *describe;   /* "cpu, avx512, 2 threads" */
    const char *arithmetic; /* "avx512": what beside name and options decides the bits */
    const char *failure; /* NULL, or why the device is lost: its steps fail, what is read of pages
                               and states is zeros and must not be kept */
    const weir_model *model;
    weir_backend_options options;
    weir_kv_layout kv;
    weir_scratch scratch;
    bool can_draw;      /* its steps do what batch.draws says; else there never are any */
    weir_ops ops;       /* all filled */
    weir_blocks blocks; /* NULL: made of ops */
    /* NULL: made of blocks. CANCELLED leaves garbage only in state_out and kept slots and in K/V
     * positions that the batch was to write. */
    weir_status (*step)(weir_backend *be, const weir_batch *batch, weir_error *err);
    /* The same in two halves, of a device that computes while the host does something else; NULL:
     * there is only step. All that is asked of the device runs in the order in which it was asked,
     * the functions below too. */
    /* Queues the step. Everything of the batch may change then, but for the arrays `logits` and
     * `drawn`, and what they point to: these are written by step_wait, and logits that are NULL by
     * then are nobody's any more. Two tickets may be open. An error, CANCELLED too: nothing is
     * begun; FAILED: the device is lost, and with it what is open. */
    weir_status (*step_begin)(weir_backend *be, const weir_batch *batch, uint64_t *ticket,
                              weir_error *err);
    /* Until the oldest open step is done, whose ticket this is. FAILED as above. */
    weir_status (*step_wait)(weir_backend *be, uint64_t ticket, weir_error *err);

    /* state; `n_tokens` first tokens of a page */
    void (*page_copy)(weir_backend *be, uint32_t to, uint32_t from, uint32_t n_tokens);
    void (*page_read)(weir_backend *be, uint32_t page, void *bytes);        /* [kv.page_bytes] */
    void (*page_write)(weir_backend *be, uint32_t page, const void *bytes); /* [kv.page_bytes] */
    void (*state_copy)(weir_backend *be, uint32_t to, uint32_t from);
    /* [n_layers_conv, d_model, l_cache - 1] */
    void (*state_read)(weir_backend *be, uint32_t state, float *out);
    void (*state_write)(weir_backend *be, uint32_t state, const float *in);

    /* NULL, or fills what the device counts (the fields of experts) */
    void (*get_stats)(const weir_backend *be, weir_engine_stats *out);
    /* NULL both, or count the phases of steps from now on, from zero; end that, and tell */
    void (*profile_begin)(weir_backend *be);
    void (*profile_end)(weir_backend *be, weir_profile *out);

    void (*close)(weir_backend *be); /* frees be itself */
};

/* Memory a backend takes, by kind: what the plan shows. */
typedef struct weir_backend_memory {
    uint64_t pages_bytes, states_bytes, scratch_bytes;
    uint64_t weights_bytes;  /* the device's own */
    uint64_t mapped_bytes;   /* of weights that stay where they are mapped */
    uint64_t experts_bytes;  /* of weights_bytes and mapped_bytes: for experts, all
                                or a cache */
    uint64_t streamed_bytes; /* of experts in files that are read when they are
                                needed */
    uint64_t token_bytes;    /* of those that one token uses */
    uint32_t n_slots;        /* matrices of experts that the cache holds */
} weir_backend_memory;

/* The plain C oracle: one thread, float32 values, double sums. */
weir_status weir_reference_open(weir_backend **out, const weir_model *model,
                                const weir_backend_options *options, weir_error *err);
/* The same memory computed without taking it. */
weir_status weir_reference_plan(weir_backend_memory *out, const weir_model *model,
                                const weir_backend_options *options, weir_error *err);

/* ---- compose.c: the upper rungs made of the lower ones ------------------------------------- */

/* Places the scratch buffers (or measures them). */
void weir_compose_layout(weir_scratch *scratch, weir_arena *arena, const weir_model *model,
                         const weir_backend_options *options);
/* Values of the longest matrix row: what a device needs to hold one dequantized. */
uint32_t weir_longest_row(const weir_model *model);
/* A step of whatever be->step, be->blocks and be->ops hold. */
weir_status weir_backend_step(weir_backend *be, const weir_batch *batch, weir_error *err);
/* The rungs by themselves, for tests and for backends that fill only some. */
void weir_compose_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       float *x);
void weir_compose_attn(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       float *x);
void weir_compose_ffn(weir_backend *be, const weir_batch *batch, const weir_layer *layer, float *x);
void weir_compose_head(weir_backend *be, const weir_batch *batch, const float *x);
weir_status weir_compose_step(weir_backend *be, const weir_batch *batch, weir_error *err);

/* ---- host_state.c: pages and states of devices whose memory is ordinary memory --------------- */

typedef struct weir_host_state {
    uint8_t *pages; /* [n_pages, kv.page_bytes] */
    float *states;  /* [n_states, n_layers_conv, d_model, l_cache - 1] */
    size_t state_values;
} weir_host_state;

/* Places pages and states (or measures). */
void weir_host_state_layout(weir_host_state *state, weir_arena *arena, const weir_kv_layout *kv,
                            const weir_model *model, const weir_backend_options *options);
/* Fills the six state functions of be, which is the head of a weir_host_backend. */
void weir_host_state_install(weir_backend *be);
/* Both host backends begin with this struct. */
typedef struct weir_host_backend {
    weir_backend be; /* first, so that the pointers are the same */
    weir_host_state state;
    weir_arena arena;
    weir_arena weights;    /* the device's own ones; not opened where all are mapped */
    uint64_t mapped_bytes; /* of weights that stay where they are mapped */
} weir_host_backend;

/* Measures pages, states and scratch of a host backend. */
weir_status weir_host_plan(weir_backend_memory *out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err);

#endif
