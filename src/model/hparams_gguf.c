/*
 * hparams_gguf.c: hyperparameters from the metadata of a GGUF file.
 *
 * Reads keys and the mere presence of tensors (what GGUF has no key for: vocabulary size, tying,
 * biases). Shapes and types of tensors are model_bind.c's. Invariant: nothing is assumed that the
 * file does not say, but for the scale 1 and the normalisation of expert weights, which converters
 * write for no known model.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/model.h"

enum {
    KEY_BYTES = 128,
    GATING_SIGMOID = 2, /* of expert_gating_func */
    SHOWN_BYTES = 60
};

/* A file while it is read. Error lines are made without its name, which the caller adds. */
typedef struct reader {
    const weir_gguf *g;
    const char *arch; /* prefix of the keys */
    char key[KEY_BYTES];
    weir_error *err;
} reader;

static const weir_gguf_kv *find(reader *r, const char *suffix) {
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, suffix);
    return weir_gguf_find(r->g, r->key);
}

static weir_status bad_value(const reader *r, const char *expected) {
    const weir_gguf_kv *kv = weir_gguf_find(r->g, r->key);
    if (kv == NULL)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE, "metadata '%s' is missing, expected %s",
                         r->key, expected);
    char value[SHOWN_BYTES] = "";
    size_t n;
    weir_gguf_format_value(kv, value, sizeof value, &n);
    int n_shown = n < sizeof value ? (int)n : (int)sizeof value;
    return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                     "metadata '%s' (byte %" PRIu64 ") is %s %.*s, expected %s", r->key, kv->offset,
                     weir_gguf_type_name(kv), n_shown, value, expected);
}

static bool is_scalar(const weir_gguf_kv *kv) {
    return kv->type != WEIR_GGUF_ARRAY;
}

static bool item_u32(const weir_gguf_kv *kv, uint64_t i, uint32_t *out) {
    uint64_t value;
    if (!weir_gguf_as_u64(kv, i, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static weir_status read_u32(reader *r, const char *suffix, uint32_t *out) {
    const weir_gguf_kv *kv = find(r, suffix);
    if (kv == NULL || !is_scalar(kv) || !item_u32(kv, 0, out))
        return bad_value(r, "a whole number");
    return WEIR_STATUS_OK;
}

/* *out stays as it is if the key is absent. */
static weir_status read_optional_u32(reader *r, const char *suffix, uint32_t *out) {
    return find(r, suffix) == NULL ? WEIR_STATUS_OK : read_u32(r, suffix, out);
}

static weir_status read_f32(reader *r, const char *suffix, float *out) {
    const weir_gguf_kv *kv = find(r, suffix);
    double value;
    if (kv == NULL || !is_scalar(kv) || !weir_gguf_as_f64(kv, 0, &value))
        return bad_value(r, "a number");
    *out = (float)value;
    return WEIR_STATUS_OK;
}

/* One number for all layers, or an array of one per layer whose entries are equal; zeros (layers
 * without the thing) do not count. */
static weir_status read_uniform(reader *r, const char *suffix, uint32_t n_layers, uint32_t *out) {
    const weir_gguf_kv *kv = find(r, suffix);
    if (kv == NULL || is_scalar(kv))
        return read_u32(r, suffix, out);
    *out = 0;
    for (uint64_t i = 0; i < kv->n_items; i++) {
        uint32_t value;
        if (kv->n_items != n_layers || !item_u32(kv, i, &value) ||
            (value != 0 && *out != 0 && value != *out))
            return bad_value(r, "one number, the same for all layers");
        if (value != 0)
            *out = value;
    }
    return WEIR_STATUS_OK;
}

static weir_status read_arch(reader *r) {
    snprintf(r->key, sizeof r->key, "general.architecture");
    const weir_gguf_kv *kv = weir_gguf_find(r->g, r->key);
    weir_text text;
    if (kv == NULL || !is_scalar(kv) || !weir_gguf_as_text(kv, 0, &text))
        return bad_value(r, "the text lfm2 or lfm2moe");
    if (text.size == 4 && memcmp(text.data, "lfm2", 4) == 0)
        r->arch = "lfm2";
    else if (text.size == 7 && memcmp(text.data, "lfm2moe", 7) == 0)
        r->arch = "lfm2moe";
    else
        return weir_fail(r->err, WEIR_STATUS_UNSUPPORTED,
                         "architecture '%.*s' is not supported, expected lfm2 or lfm2moe",
                         text.size < SHOWN_BYTES ? (int)text.size : SHOWN_BYTES, text.data);
    return WEIR_STATUS_OK;
}

static bool has_layer_tensor(const reader *r, uint32_t layer, const char *suffix) {
    char name[KEY_BYTES];
    snprintf(name, sizeof name, "blk.%u.%s", layer, suffix);
    return weir_gguf_find_tensor(r->g, name) != NULL;
}

/* Layer kinds: the array of K/V heads has 0 at convolutions. */
static weir_status read_layers(reader *r, weir_hparams *h) {
    const weir_gguf_kv *kv = find(r, "attention.head_count_kv");
    if (kv == NULL)
        return bad_value(r, "an array with one number per layer, 0 for convolutions");
    if (is_scalar(kv)) {
        uint32_t n_kv;
        WEIR_TRY(read_u32(r, "attention.head_count_kv", &n_kv));
        for (uint32_t i = 0; i < h->n_layers; i++) {
            if (!has_layer_tensor(r, i, "attn_q.weight"))
                return bad_value(r, "an array with one number per layer, since not every layer "
                                    "is attention");
            h->kind[i] = WEIR_LAYER_ATTN;
            h->n_heads_kv[i] = n_kv;
        }
        return WEIR_STATUS_OK;
    }
    if (kv->n_items != h->n_layers)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                         "metadata '%s' has %" PRIu64 " entries, expected one for each of the %u "
                         "layers",
                         r->key, kv->n_items, h->n_layers);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        if (!item_u32(kv, i, &h->n_heads_kv[i]))
            return bad_value(r, "whole numbers");
        h->kind[i] = h->n_heads_kv[i] == 0 ? WEIR_LAYER_CONV : WEIR_LAYER_ATTN;
    }
    return WEIR_STATUS_OK;
}

static weir_status read_attention(reader *r, weir_hparams *h) {
    WEIR_TRY(read_uniform(r, "attention.head_count", h->n_layers, &h->n_heads));
    WEIR_TRY(read_layers(r, h));
    if (find(r, "attention.key_length") != NULL) {
        WEIR_TRY(read_u32(r, "attention.key_length", &h->head_dim));
    } else {
        if (h->n_heads == 0 || h->d_model % h->n_heads != 0)
            return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                             "%u heads do not divide the model width %u, and there is no "
                             "'%s.attention.key_length'",
                             h->n_heads, h->d_model, r->arch);
        h->head_dim = h->d_model / h->n_heads;
    }
    uint32_t value = h->head_dim;
    WEIR_TRY(read_optional_u32(r, "attention.value_length", &value));
    if (value != h->head_dim)
        return bad_value(r, "the width of the keys");
    WEIR_TRY(read_optional_u32(r, "rope.dimension_count", &value));
    if (value != h->head_dim)
        return bad_value(r, "the whole width of a head");
    uint32_t window = 0;
    WEIR_TRY(read_optional_u32(r, "attention.sliding_window", &window));
    if (window != 0)
        return weir_fail(r->err, WEIR_STATUS_UNSUPPORTED,
                         "metadata '%s' is %u: sliding windows are not supported, expected a text "
                         "model without one",
                         r->key, window);
    const weir_gguf_kv *scaling = find(r, "rope.scaling.type");
    weir_text text;
    if (scaling != NULL && !(is_scalar(scaling) && weir_gguf_as_text(scaling, 0, &text) &&
                             text.size == 4 && memcmp(text.data, "none", 4) == 0))
        return weir_fail(r->err, WEIR_STATUS_UNSUPPORTED,
                         "metadata '%s': rope scaling is not supported, expected 'none'", r->key);
    return read_f32(r, "rope.freq_base", &h->rope_theta);
}

static weir_status read_experts(reader *r, weir_hparams *h) {
    h->n_layers_dense = h->n_layers;
    h->expert_scale = 1;
    h->has_topk_norm = true;
    if (strcmp(r->arch, "lfm2moe") != 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(read_u32(r, "expert_count", &h->n_experts));
    if (h->n_experts == 0)
        return bad_value(r, "at least 1");
    WEIR_TRY(read_u32(r, "expert_used_count", &h->n_experts_used));
    WEIR_TRY(read_u32(r, "expert_feed_forward_length", &h->d_ff_expert));
    WEIR_TRY(read_u32(r, "leading_dense_block_count", &h->n_layers_dense));
    uint32_t gating = GATING_SIGMOID;
    WEIR_TRY(read_optional_u32(r, "expert_gating_func", &gating));
    if (gating != GATING_SIGMOID)
        return weir_fail(r->err, WEIR_STATUS_UNSUPPORTED,
                         "metadata '%s' is %u, expected 2 (sigmoid)", r->key, gating);
    if (find(r, "expert_weights_scale") != NULL)
        WEIR_TRY(read_f32(r, "expert_weights_scale", &h->expert_scale));
    const weir_gguf_kv *norm = find(r, "expert_weights_norm");
    if (norm != NULL && !(is_scalar(norm) && weir_gguf_as_bool(norm, 0, &h->has_topk_norm)))
        return bad_value(r, "true or false");
    return WEIR_STATUS_OK;
}

/* A bias anywhere means a bias in every layer of the kind: binding then asks for all of them. */
static void look_for_biases(const reader *r, weir_hparams *h) {
    for (uint32_t i = 0; i < h->n_layers; i++) {
        if (h->kind[i] == WEIR_LAYER_CONV && has_layer_tensor(r, i, "shortconv.in_proj.bias"))
            h->has_conv_bias = true;
        if (i >= h->n_layers_dense &&
            (has_layer_tensor(r, i, "exp_probs_b.bias") || has_layer_tensor(r, i, "exp_probs_b")))
            h->has_expert_bias = true;
    }
}

/* Rows of the embedding, which may be padded beyond the vocabulary that the metadata gives. */
static weir_status read_vocab(reader *r, weir_hparams *h) {
    const weir_tensor *embed = weir_gguf_find_tensor(r->g, "token_embd.weight");
    if (embed == NULL)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE, "tensor token_embd.weight is missing");
    if (embed->n_dims != 2 || embed->shape[0] > UINT32_MAX)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                         "token_embd.weight: expected 2 dimensions, one row per token");
    h->n_vocab = (uint32_t)embed->shape[0];
    uint32_t n_named = h->n_vocab;
    WEIR_TRY(read_optional_u32(r, "vocab_size", &n_named));
    if (n_named > h->n_vocab)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                         "metadata '%s' is %u, but token_embd.weight has only %u rows", r->key,
                         n_named, h->n_vocab);
    h->is_tied = weir_gguf_find_tensor(r->g, "output.weight") == NULL;
    return WEIR_STATUS_OK;
}

static weir_status read_id(reader *r, const char *key, int32_t *out) {
    *out = -1;
    snprintf(r->key, sizeof r->key, "%s", key);
    const weir_gguf_kv *kv = weir_gguf_find(r->g, key);
    if (kv == NULL)
        return WEIR_STATUS_OK;
    uint64_t value;
    if (!is_scalar(kv) || !weir_gguf_as_u64(kv, 0, &value) || value > INT32_MAX)
        return bad_value(r, "a token id");
    *out = (int32_t)value;
    return WEIR_STATUS_OK;
}

/* An adapter says of which architecture its base is, and has none of a model's numbers. */
static weir_status refuse_adapter(const reader *r) {
    const weir_gguf_kv *kv = weir_gguf_find(r->g, "general.type");
    weir_text text;
    if (kv != NULL && weir_gguf_as_text(kv, 0, &text) && text.size == strlen("adapter") &&
        memcmp(text.data, "adapter", text.size) == 0)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE,
                         "it is an adapter, which needs its model: weir run MODEL --lora FILE");
    return WEIR_STATUS_OK;
}

static weir_status read_all(reader *r, weir_hparams *h) {
    WEIR_TRY(refuse_adapter(r));
    WEIR_TRY(read_arch(r));
    WEIR_TRY(read_u32(r, "block_count", &h->n_layers));
    if (h->n_layers == 0 || h->n_layers > WEIR_MAX_LAYERS)
        return weir_fail(r->err, WEIR_STATUS_BAD_FILE, "metadata '%s' is %u, expected 1 to %d",
                         r->key, h->n_layers, (int)WEIR_MAX_LAYERS);
    WEIR_TRY(read_u32(r, "context_length", &h->n_ctx));
    WEIR_TRY(read_u32(r, "embedding_length", &h->d_model));
    WEIR_TRY(read_f32(r, "attention.layer_norm_rms_epsilon", &h->norm_eps));
    WEIR_TRY(read_u32(r, "shortconv.l_cache", &h->l_cache));
    WEIR_TRY(read_attention(r, h));
    WEIR_TRY(read_experts(r, h));
    if (h->n_layers_dense > 0 || find(r, "feed_forward_length") != NULL)
        WEIR_TRY(read_uniform(r, "feed_forward_length", h->n_layers, &h->d_ff));
    look_for_biases(r, h);
    WEIR_TRY(read_vocab(r, h));
    WEIR_TRY(read_id(r, "tokenizer.ggml.bos_token_id", &h->bos));
    WEIR_TRY(read_id(r, "tokenizer.ggml.eos_token_id", &h->eos));
    return read_id(r, "tokenizer.ggml.padding_token_id", &h->pad);
}

weir_status weir_hparams_from_gguf(weir_hparams *out, const weir_gguf *g, weir_error *err) {
    weir_hparams h = {0};
    reader r = {.g = g, .err = err};
    weir_status status = read_all(&r, &h);
    if (status != WEIR_STATUS_OK)
        return weir_fail_within(err, status, "%s", weir_gguf_path(g));
    WEIR_TRY(weir_hparams_check(&h, weir_gguf_path(g), err));
    *out = h;
    return WEIR_STATUS_OK;
}
