/* kv_layout.c: sizes and offsets of K/V pages, and the rounding of stored vectors. */
#include "backend/kv_layout.h"
#include "base/error.h"
#include "base/half.h"
#include <math.h>
#include <string.h>
#include <strings.h>

enum { Q8_VALUES = 32, Q8_BYTES = 34 };

static const char *const kv_names[] = {"f32", "f16", "q8"};

bool weir_kv_type_by_name(const char *name, weir_kv_type *out) {
    for (size_t i = 0; i < WEIR_COUNT(kv_names); i++) {
        if (strcasecmp(name, kv_names[i]) == 0) {
            *out = (weir_kv_type)i;
            return true;
        }
    }
    return false;
}

const char *weir_kv_type_name(weir_kv_type type) {
    return kv_names[type];
}

weir_status weir_kv_layout_make(weir_kv_layout *out, const weir_model *model, weir_kv_type type,
                                weir_error *err) {
    uint32_t d = model->h.head_dim;
    memset(out, 0, sizeof *out);
    out->type = type;
    out->head_dim = d;
    if (type == WEIR_KV_Q8 && d % Q8_VALUES != 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "K/V type q8: head_dim is %u, expected a multiple of %d (use f16 or f32)",
                         d, Q8_VALUES);
    if (type == WEIR_KV_Q8)
        out->vector_bytes = (size_t)d / Q8_VALUES * Q8_BYTES;
    else
        out->vector_bytes = (size_t)d * (type == WEIR_KV_F32 ? 4 : 2);
    out->head_bytes = WEIR_PAGE_TOKENS * out->vector_bytes;
    size_t at = 0;
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *layer = &model->layers[i];
        if (layer->kind != WEIR_LAYER_ATTN)
            continue;
        out->layer_at[layer->kind_index] = at;
        out->layer_heads[layer->kind_index] = layer->n_heads_kv;
        at += 2 * layer->n_heads_kv * out->head_bytes;
    }
    out->page_bytes = (at + 63) / 64 * 64;
    return WEIR_STATUS_OK;
}

static void q8_store(const float *x, uint8_t *block) {
    float most = 0;
    for (int i = 0; i < Q8_VALUES; i++)
        most = fmaxf(most, fabsf(x[i]));
    float d = most / 127.0f;
    float inverse = d > 0 ? 1.0f / d : 0.0f;
    uint16_t half = weir_f32_to_f16(d);
    memcpy(block, &half, 2);
    for (int i = 0; i < Q8_VALUES; i++) {
        float q = roundf(x[i] * inverse);
        /* |q| <= 127 by construction; the test also keeps NaN and infinity defined */
        block[2 + i] = (uint8_t)(int8_t)(q >= -127.0f && q <= 127.0f ? q : 0.0f);
    }
}

static void q8_load(const uint8_t *block, float *x) {
    uint16_t half;
    memcpy(&half, block, 2);
    float d = weir_f16_to_f32(half);
    for (int i = 0; i < Q8_VALUES; i++)
        x[i] = d * (float)(int8_t)block[2 + i];
}

void weir_kv_store(const weir_kv_layout *kv, const float *values, void *stored) {
    uint8_t *to = stored;
    switch (kv->type) {
    case WEIR_KV_F32:
        memcpy(to, values, (size_t)kv->head_dim * 4);
        break;
    case WEIR_KV_F16:
        for (uint32_t i = 0; i < kv->head_dim; i++) {
            uint16_t half = weir_f32_to_f16(values[i]);
            memcpy(to + 2 * i, &half, 2);
        }
        break;
    case WEIR_KV_Q8:
        for (uint32_t i = 0; i < kv->head_dim / Q8_VALUES; i++)
            q8_store(values + i * Q8_VALUES, to + i * Q8_BYTES);
        break;
    }
}

void weir_kv_load(const weir_kv_layout *kv, const void *stored, float *values) {
    const uint8_t *from = stored;
    switch (kv->type) {
    case WEIR_KV_F32:
        memcpy(values, from, (size_t)kv->head_dim * 4);
        break;
    case WEIR_KV_F16:
        for (uint32_t i = 0; i < kv->head_dim; i++) {
            uint16_t half;
            memcpy(&half, from + 2 * i, 2);
            values[i] = weir_f16_to_f32(half);
        }
        break;
    case WEIR_KV_Q8:
        for (uint32_t i = 0; i < kv->head_dim / Q8_VALUES; i++)
            q8_load(from + i * Q8_BYTES, values + i * Q8_VALUES);
        break;
    }
}
