/*
 * kv_layout.h: what a K/V page looks like. 64 tokens of one timeline, all attention layers:
 *
 *   page: [attention layer][K, then V][K/V head][64 tokens][head_dim values in kv_type]
 *
 * so that the keys of one head are one stream. K is stored normed and rotated. f32 and f16 as they
 * are; q8 as blocks of Q8_0 (32 int8 and one f16 scale), 34 bytes for 32 values.
 */
#ifndef WEIR_BACKEND_KV_LAYOUT_H
#define WEIR_BACKEND_KV_LAYOUT_H

#include "model/model.h"

enum { WEIR_PAGE_TOKENS = 64 };

typedef enum weir_kv_type { WEIR_KV_F32 = 0, WEIR_KV_F16 = 1, WEIR_KV_Q8 = 2 } weir_kv_type;

typedef struct weir_kv_layout {
    weir_kv_type type;
    uint32_t head_dim;
    size_t vector_bytes;                 /* one head_dim vector */
    size_t head_bytes;                   /* one head's 64 vectors */
    size_t page_bytes;                   /* multiple of 64 */
    size_t layer_at[WEIR_MAX_LAYERS];    /* [n_layers_attn] offset of a layer's K in the page */
    size_t layer_heads[WEIR_MAX_LAYERS]; /* [n_layers_attn] K/V heads */
} weir_kv_layout;

/* BAD_ARGUMENT if head_dim does not fit the type (q8: multiple of 32). */
weir_status weir_kv_layout_make(weir_kv_layout *out, const weir_model *model, weir_kv_type type,
                                weir_error *err);

/* Offsets in a page of head `head` of attention layer number `attn`: its 64 K or V vectors. */
static inline size_t weir_kv_k_at(const weir_kv_layout *kv, uint32_t attn, uint32_t head) {
    return kv->layer_at[attn] + head * kv->head_bytes;
}
static inline size_t weir_kv_v_at(const weir_kv_layout *kv, uint32_t attn, uint32_t head) {
    return kv->layer_at[attn] + (kv->layer_heads[attn] + head) * kv->head_bytes;
}

/* One vector of head_dim values into the stored type and back. The rounding is the same everywhere.
 */
void weir_kv_store(const weir_kv_layout *kv, const float *values, void *stored);
void weir_kv_load(const weir_kv_layout *kv, const void *stored, float *values);

/* "f32", "f16", "q8"; false for another name */
bool weir_kv_type_by_name(const char *name, weir_kv_type *out);
const char *weir_kv_type_name(weir_kv_type type);

#endif
