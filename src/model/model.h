/*
 * model.h: what a model is: hyperparameters, bound weights, the plan of its layers. Runs nothing.
 *
 * Everything comes from the file: GGUF metadata or config.json. Weights are bound once to typed
 * fields and checked for shape and type then; afterwards nothing is looked up by name. Matrices
 * stay where the file is mapped; small vectors (norms, taps, biases) are widened to float32 into
 * memory of the model's own. Matrices in a packing are bound as what they unpack to.
 */
#ifndef WEIR_MODEL_MODEL_H
#define WEIR_MODEL_MODEL_H

#include "gguf/gguf.h"
#include "gguf/safetensors.h"
#include "model/packing.h"
#include "quant/format.h"
#include "weir.h"

enum {
    WEIR_MAX_LAYERS = 512,
    WEIR_MAX_EXPERTS = 1024,
    WEIR_MAX_TAPS = 32,
    WEIR_MAX_HEAD_DIM = 512,
    WEIR_MAX_EXPERTS_USED = 64
};

/* Counts are checked against these limits and against each other when a file is read. */
typedef struct weir_hparams {
    uint32_t n_layers, d_model, n_vocab, n_heads, head_dim;
    uint32_t d_ff;                                   /* dense feed-forward, after adjustment */
    uint32_t n_experts, n_experts_used, d_ff_expert; /* 0 in dense models */
    uint32_t n_layers_dense; /* first layers without experts; n_layers in dense models */
    uint32_t l_cache;        /* taps of the convolution, >= 2 */
    uint32_t n_ctx;
    float norm_eps, rope_theta;
    float expert_scale;    /* routed_scaling_factor */
    bool has_topk_norm;    /* weights of the chosen experts are divided by sum + 1e-6 */
    bool has_expert_bias;  /* added to the scores for the choice only */
    bool has_conv_bias;    /* in_proj, conv and out_proj */
    bool is_tied;          /* head = embedding */
    int32_t bos, eos, pad; /* -1: none */
    weir_layer_kind kind[WEIR_MAX_LAYERS];
    uint32_t n_heads_kv[WEIR_MAX_LAYERS]; /* 0 on conv layers */
} weir_hparams;

/* A matrix: y = x W^T. */
typedef struct weir_weight {
    const uint8_t
        *data; /* [rows, cols] in blocks of `format`, rows one after the other; maybe unaligned */
    const weir_format *format;
    uint32_t rows, cols;
    size_t row_bytes;
} weir_weight;

typedef struct weir_layer {
    weir_layer_kind kind;
    bool is_moe;
    uint32_t kind_index;        /* number among the conv or among the attention layers */
    uint32_t n_heads_kv;        /* attention only */
    const float *operator_norm; /* [d_model] */
    const float *ffn_norm;      /* [d_model] */

    /* kind CONV */
    weir_weight conv_in;        /* [3 d_model, d_model]: rows of B, then C, then x */
    weir_weight conv_out;       /* [d_model, d_model] */
    const float *conv_taps;     /* [d_model, l_cache]; the last tap meets the newest token */
    const float *conv_in_bias;  /* [3 d_model] or NULL */
    const float *conv_bias;     /* [d_model] or NULL */
    const float *conv_out_bias; /* [d_model] or NULL */

    /* kind ATTN */
    weir_weight attn_q;   /* [n_heads head_dim, d_model] */
    weir_weight attn_k;   /* [n_heads_kv head_dim, d_model] */
    weir_weight attn_v;   /* [n_heads_kv head_dim, d_model] */
    weir_weight attn_out; /* [d_model, n_heads head_dim] */
    const float *q_norm;  /* [head_dim] */
    const float *k_norm;  /* [head_dim] */

    /* dense feed-forward */
    weir_weight ffn_gate; /* [d_ff, d_model] */
    weir_weight ffn_up;   /* [d_ff, d_model] */
    weir_weight ffn_down; /* [d_model, d_ff] */

    /* experts */
    weir_weight router;              /* [n_experts, d_model] */
    const float *expert_bias;        /* [n_experts] or NULL */
    const weir_weight *experts_gate; /* [n_experts] of [d_ff_expert, d_model] */
    const weir_weight *experts_up;   /* [n_experts] of [d_ff_expert, d_model] */
    const weir_weight *experts_down; /* [n_experts] of [d_model, d_ff_expert] */
} weir_layer;

struct weir_model {
    weir_hparams h;
    weir_weight embed;        /* [n_vocab, d_model] */
    weir_weight head;         /* [n_vocab, d_model]; the same bytes as embed when tied */
    const float *final_norm;  /* [d_model] */
    const weir_layer *layers; /* [n_layers] */
    uint32_t n_layers_conv, n_layers_attn;
    uint64_t fingerprint; /* of hyperparameters, tensor names, types, shapes and samples of their
                             bytes: what a state file must match */

    weir_model_info info;
    struct weir_model_source *source; /* files, metadata, owned vectors: model_open.c */

    bool is_hollow; /* matrices are not in the file, but made from a seed: synth_values.h */
    uint64_t synth_seed;
};

/* Reference counting behind weir_model_open and weir_model_close. */
weir_model *weir_model_share(weir_model *model);

/* Gives pages of the mapped file that lie whole or in part in [data, data + bytes), a part of a
 * bound matrix, back to the system: for a device that has copied them. They are read again if they
 * are touched. Rows that were unpacked stay. */
void weir_model_drop_pages(const weir_model *model, const uint8_t *data, size_t bytes);

/* Before all matrices are read where they are mapped: what weir_mapped_prefer_huge says of the
 * files. */
bool weir_model_prefer_huge(const weir_model *model);

/* The packed matrices of a folder (model/packing.h); NULL: there are none. Their rows are made, not
 * mapped: `data` are addresses that cannot be read before weir_model_unpack. */
const weir_packings *weir_model_packings(const weir_model *model);
/* Makes the rows of packed matrices, if there are any, where their addresses are, once and for all
 * who hold the model: for whoever reads weights on the host. n_threads 0: as many as the machine
 * has; progress may be NULL. Any thread. IO, NO_MEMORY; UNSUPPORTED if the model is hollow. */
weir_status weir_model_unpack(const weir_model *model, uint32_t n_threads,
                              const weir_progress *progress, weir_error *err);

/* Memory the model took for itself: tables of layers and experts, widened vectors; without unpacked
 * matrices, which count as mapped ones. */
uint64_t weir_model_owned_bytes(const weir_model *model);

/* (l_cache - 1) x n_layers_conv */
uint32_t weir_model_replay_window(const weir_model *model);

/* The mapped source, for convert and text: exactly one is not NULL. */
const weir_gguf *weir_model_gguf(const weir_model *model);
const weir_safetensors *weir_model_safetensors(const weir_model *model);
const char *weir_model_path(const weir_model *model); /* as given to open */

/* Hyperparameters alone. hf: the text of a config.json; name is used in errors. */
weir_status weir_hparams_from_gguf(weir_hparams *out, const weir_gguf *g, weir_error *err);
weir_status weir_hparams_from_json(weir_hparams *out, const char *json, size_t size,
                                   const char *name, weir_error *err);
/* What both end with: limits, divisibility, consistency. */
weir_status weir_hparams_check(const weir_hparams *h, const char *name, weir_error *err);

/* Number of parameters of a model of this form, a tied matrix counted once.
 * *n_active (may be NULL): those that one token meets. h was checked. */
uint64_t weir_hparams_n_params(const weir_hparams *h, uint64_t *n_active);

#endif
