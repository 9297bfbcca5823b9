/*
 * gpu_floors.h: the least time a step of a model can take on a device of a given bandwidth and
 * arithmetic: bytes that must be read, operations that must be done. Owns the formulas and the
 * shapes they are asked about; measures nothing.
 *
 * Counts are exact; routing is taken as uniform. Bytes of activations are left out: they stay in
 * the cache or are fused away, so a floor is never above what is possible.
 */
#ifndef WEIR_BENCH_GPU_FLOORS_H
#define WEIR_BENCH_GPU_FLOORS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_gpu_shape {
    const char *name;
    uint32_t n_layers_conv, n_layers_attn, n_layers_dense;
    uint32_t d_model, d_ff, n_experts, n_experts_used, d_ff_expert;
    uint32_t n_heads, n_heads_kv, head_dim, l_cache, n_vocab;
} weir_gpu_shape;

/* How the numbers are kept: bytes of one weight of the experts and of the rest, of one value of
 * K/V. Routers and conv states are always two bytes a number. */
typedef struct weir_gpu_form {
    const char *name;
    double expert_bytes, rest_bytes, kv_bytes;
} weir_gpu_form;

typedef struct weir_gpu_ceilings {
    double bytes_per_s, flop_per_s, attention_flop_per_s; /* attention: bfloat16 always */
} weir_gpu_ceilings;

/* NULL if there is none of this name. */
const weir_gpu_shape *weir_gpu_shape_find(const char *name);
const weir_gpu_form *weir_gpu_form_find(const char *name);

double weir_gpu_n_params(const weir_gpu_shape *s);
double weir_gpu_n_active(const weir_gpu_shape *s);
/* Different experts that n_rows choose in one layer, on average. */
double weir_gpu_distinct(const weir_gpu_shape *s, double n_rows);
double weir_gpu_kv_token_bytes(const weir_gpu_shape *s, const weir_gpu_form *f);
double weir_gpu_conv_state_bytes(const weir_gpu_shape *s);
/* Bytes of weights that a step of n_rows reads. */
double weir_gpu_weight_bytes(const weir_gpu_shape *s, const weir_gpu_form *f, double n_rows);

/* Seconds of one step that gives each of `batch` timelines of this depth one token. */
double weir_gpu_decode_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                         const weir_gpu_ceilings *c, double batch, double depth);
/* The same where all of them go on from one timeline, whose K/V are read once. */
double weir_gpu_shared_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                         const weir_gpu_ceilings *c, double batch, double depth);
/* Seconds of a prompt of n tokens, of which the last one's logits are wanted. */
double weir_gpu_prefill_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                          const weir_gpu_ceilings *c, double n);
/* Seconds of n_requests that come at once, one after the other phase: prompts, then answers. */
double weir_gpu_burst_s(const weir_gpu_shape *s, const weir_gpu_form *f, const weir_gpu_ceilings *c,
                        double n_requests, double n_in, double n_out);

#ifdef __cplusplus
}
#endif
#endif
