/*
 * graph_internal.h: the state of a weir_graph, shared by the files that make it up:
 *
 *   graph.c         opening, memory, what callers ask for
 *   graph_params.c  the list of matrices and vectors, from a configuration or a model
 *   graph_linear.c  products with a matrix, whether trained, frozen or adapted
 *   graph_mixer.c   convolution and attention, forward and back
 *   graph_ffn.c     dense feed-forward and experts, forward and back
 *   graph_run.c     a batch: embedding, layers, head and loss, and the way back
 *
 * Nothing outside src/train includes it.
 */
#ifndef WEIR_TRAIN_GRAPH_INTERNAL_H
#define WEIR_TRAIN_GRAPH_INTERNAL_H

#include "base/arena.h"
#include "train/graph.h"

enum {
    WEIR_NO_INDEX = UINT32_MAX,
    WEIR_PANEL_VALUES = 8 * 1024 * 1024, /* of a frozen matrix, dequantized at once */
    WEIR_LOGIT_VALUES = 16 * 1024 * 1024 /* of one chunk of the head */
};

/* A vector: norm weight, bias, taps. */
typedef struct weir_vector_slot {
    uint32_t param; /* WEIR_NO_INDEX: frozen, w stands in the model */
    const float *w; /* NULL: the model has none */
    float *dw;      /* NULL: frozen */
} weir_vector_slot;

/* Numbers of slots; experts: of the first, the others follow. */
typedef struct weir_graph_layer {
    weir_layer_kind kind;
    bool is_moe;
    uint32_t n_heads_kv;
    weir_vector_slot operator_norm, ffn_norm;
    uint32_t conv_in, conv_out;
    weir_vector_slot taps, conv_in_bias, conv_bias, conv_out_bias;
    uint32_t q, k, v, out;
    weir_vector_slot q_norm, k_norm;
    uint32_t gate, up, down; /* dense */
    uint32_t router, expert_gate, expert_up, expert_down;
    uint32_t load; /* number of the layer's weir_expert_load */
} weir_graph_layer;

/* What the forward pass of one layer leaves for the backward pass. R: rows, RK: R x experts used.
 */
typedef struct weir_layer_acts {
    float *normed, *factor; /* [R, d_model], [R] before the mixer */
    float *bcx, *mixed;     /* conv: [R, 3 d_model]; what goes into the output matrix, both kinds */
    float *q_raw, *k_raw, *v, *q, *k; /* before and after norm and rotation */
    float *q_factor, *k_factor, *lse; /* [R, heads] */
    float *mid;                       /* [R, d_model] residual after the mixer */
    float *ffn_normed, *ffn_factor;   /* [R, d_model], [R] */
    float *gate, *up, *hidden;        /* [R or RK, d_ff] */
    float *router;                    /* [R, n_experts] logits */
    int32_t *experts;                 /* [R, n_experts_used] */
    float *weights;                   /* [R, n_experts_used] */
    uint32_t *place;                  /* [R, n_experts_used] row among those sorted by expert */
    uint32_t *from;                   /* [RK] the row that stands there */
    float *sorted_weights;            /* [RK] */
    uint32_t *first;                  /* [n_experts + 1] where each expert's rows begin */
} weir_layer_acts;

typedef struct weir_graph_scratch {
    float *wide[3];                 /* [R, the widest row a layer has] */
    float *rows;                    /* [RK, d_model] rows sorted by expert */
    float *rows2;                   /* [RK, d_model] */
    float *dnormed;                 /* [R, d_model] */
    float *dx;                      /* [R, d_model] gradient of the residual stream */
    float *router, *router_weights; /* [R, n_experts], [R, n_experts_used] */
    float *dots;                    /* [RK] */
    float *panel;                   /* [WEIR_PANEL_VALUES or the longest row] of a frozen matrix */
    float *lora_u, *lora_t;         /* [RK, rank] */
    float *dropped;                 /* [RK, the longest input row]; with dropout */
    uint32_t *pick;                 /* [R] rows that have a target */
    int32_t *picked_targets;        /* [R] */
    float *picked, *picked_normed, *picked_factor, *picked_loss; /* [R, d_model] ... [R] */
    float *logits;                                               /* [chunk_rows, n_vocab] */
} weir_graph_scratch;

struct weir_graph {
    weir_hparams h;
    weir_trainer_device *dev;
    weir_model *model; /* shared; NULL: from a configuration */
    weir_graph_options options;
    weir_param *params; /* [n_params] */
    size_t n_params, cap_params;
    size_t n_values;
    float *values, *gradients;        /* [n_values] */
    weir_linear_slot *slots;          /* [n_slots] */
    uint32_t *slot_param, *slot_lora; /* [n_slots] number of w; of lora_a, lora_b follows */
    size_t n_slots, cap_slots;
    weir_graph_layer *layers; /* [n_layers] */
    uint32_t embed, head;     /* slots; the same when tied */
    weir_vector_slot final_norm;
    weir_expert_load *loads; /* [n_loads] */
    size_t n_loads;
    weir_layer_acts *acts; /* [n_layers]; with recompute all the same memory */
    float **x;             /* [n_layers + 1] of [R, d_model] */
    weir_graph_scratch s;
    uint32_t chunk_rows;
    weir_matmul *products; /* [n_products] for a group */
    uint32_t cap_products;
    weir_arena params_arena, acts_arena;
    const weir_train_batch *batch; /* while it runs */
};

/* ---- graph.c ---- */

/* Is it what a block adds to the residual stream? */
bool weir_is_block_output(weir_part part);

/* ---- graph_params.c ---- */

/* The lists of slots, params and layers; offsets are set, pointers are not. */
weir_status weir_graph_list(weir_graph *g, weir_error *err);
/* Pointers, once values and gradients stand. */
void weir_graph_bind(weir_graph *g);
/* Copies the model's weights into the values. */
void weir_graph_load_values(weir_graph *g);

/* ---- graph_linear.c ---- */

/* Rows of x that meet one matrix. */
typedef struct weir_linear_job {
    uint32_t slot;
    uint32_t n_rows;
    uint32_t first_row; /* of x and y among all rows: what dropout counts by */
    const float *x;     /* [n_rows, cols] */
    float *y;           /* [n_rows, rows]; of weir_linear_back: not used */
    const float *dy;    /* [n_rows, rows] */
    float *dx;          /* [n_rows, cols]; NULL: not wanted */
} weir_linear_job;

/* y (+)= x W' with its adapter, for jobs whose y do not overlap. */
void weir_linear_forward(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added);
/* dx (+)= dy W with its adapter; gradients of what is trained +=. */
void weir_linear_back(weir_graph *g, const weir_linear_job *jobs, uint32_t n, bool is_added);
/* A copy on all threads. */
void weir_graph_copy(weir_graph *g, const float *from, float *to, size_t n);
void weir_graph_zero(weir_graph *g, float *to, size_t n);

/* ---- graph_mixer.c, graph_ffn.c: layer number i of x -> mid, mid -> y; dx in place ---- */

void weir_mixer_forward(weir_graph *g, uint32_t i, const float *x, float *mid);
void weir_mixer_back(weir_graph *g, uint32_t i, const float *x, float *dx);
/* count: whether the chosen experts go into the load. */
void weir_ffn_forward(weir_graph *g, uint32_t i, const float *mid, bool count, float *y);
void weir_ffn_back(weir_graph *g, uint32_t i, float *dx);

#endif
