/*
 * hparams_meta.c: the keys of both file forms, for writing.
 *
 * Owns no values: everything comes from weir_hparams. Invariant: reading what is written here
 * gives the same hyperparameters back.
 */
#include "convert/hparams_meta.h"

#include <stdio.h>

#include "convert/hf_write.h"

enum {
    KEY_BYTES = 96,
    QUANTIZATION_VERSION = 2, /* of the block layouts; all readers of today expect it */
    GATING_SIGMOID = 2
};

typedef struct key {
    char text[KEY_BYTES];
} key;

static key of(const weir_hparams *h, const char *suffix) {
    key k;
    snprintf(k.text, sizeof k.text, "%s.%s", h->n_experts > 0 ? "lfm2moe" : "lfm2", suffix);
    return k;
}

static void add_u32(weir_gguf_writer *w, const weir_hparams *h, const char *suffix, uint32_t v) {
    key k = of(h, suffix);
    weir_gguf_add_u32(w, k.text, v);
}

static void add_f32(weir_gguf_writer *w, const weir_hparams *h, const char *suffix, float v) {
    key k = of(h, suffix);
    weir_gguf_add_f32(w, k.text, v);
}

static void add_experts(weir_gguf_writer *w, const weir_hparams *h) {
    add_u32(w, h, "expert_count", h->n_experts);
    add_u32(w, h, "expert_used_count", h->n_experts_used);
    add_u32(w, h, "expert_feed_forward_length", h->d_ff_expert);
    add_u32(w, h, "leading_dense_block_count", h->n_layers_dense);
    add_u32(w, h, "expert_gating_func", GATING_SIGMOID);
    /* Other readers take 1 and true for granted, so the keys are there only where they differ. */
    if (h->expert_scale != 1.0f)
        add_f32(w, h, "expert_weights_scale", h->expert_scale);
    if (!h->has_topk_norm) {
        key k = of(h, "expert_weights_norm");
        weir_gguf_add_bool(w, k.text, false);
    }
}

void weir_hparams_add_meta(weir_gguf_writer *w, const weir_hparams *h, const char *name) {
    weir_gguf_add_string(w, "general.architecture", h->n_experts > 0 ? "lfm2moe" : "lfm2");
    weir_gguf_add_string(w, "general.type", "model");
    weir_gguf_add_string(w, "general.name", name);
    add_u32(w, h, "block_count", h->n_layers);
    add_u32(w, h, "context_length", h->n_ctx);
    add_u32(w, h, "embedding_length", h->d_model);
    add_u32(w, h, "feed_forward_length", h->d_ff);
    add_u32(w, h, "attention.head_count", h->n_heads);
    int32_t n_heads_kv[WEIR_MAX_LAYERS];
    for (uint32_t i = 0; i < h->n_layers; i++)
        n_heads_kv[i] = (int32_t)h->n_heads_kv[i];
    key k = of(h, "attention.head_count_kv");
    weir_gguf_add_i32s(w, k.text, n_heads_kv, h->n_layers);
    if ((uint64_t)h->head_dim * h->n_heads != h->d_model) {
        add_u32(w, h, "attention.key_length", h->head_dim);
        add_u32(w, h, "attention.value_length", h->head_dim);
    }
    add_f32(w, h, "attention.layer_norm_rms_epsilon", h->norm_eps);
    add_f32(w, h, "rope.freq_base", h->rope_theta);
    add_u32(w, h, "shortconv.l_cache", h->l_cache);
    add_u32(w, h, "vocab_size", h->n_vocab);
    if (h->n_experts > 0)
        add_experts(w, h);
}

uint32_t weir_format_file_type(const weir_format *format) {
    switch (format->id) {
    case WEIR_FORMAT_F32:
        return 0;
    case WEIR_FORMAT_F16:
        return 1;
    case WEIR_FORMAT_Q4_0:
        return 2;
    case WEIR_FORMAT_Q4_1:
        return 3;
    case WEIR_FORMAT_Q8_0:
        return 7;
    case WEIR_FORMAT_Q5_0:
        return 8;
    case WEIR_FORMAT_Q5_1:
        return 9;
    case WEIR_FORMAT_Q2_K:
        return 10;
    case WEIR_FORMAT_Q3_K: /* the "small" recipes: one format everywhere */
        return 11;
    case WEIR_FORMAT_Q4_K:
        return 14;
    case WEIR_FORMAT_Q5_K:
        return 16;
    case WEIR_FORMAT_Q6_K:
        return 18;
    case WEIR_FORMAT_IQ4_NL:
        return 25;
    case WEIR_FORMAT_IQ4_XS:
        return 30;
    case WEIR_FORMAT_BF16:
        return 32;
    case WEIR_FORMAT_MXFP4:
        return 38;
    case WEIR_FORMAT_LIMIT:
        break;
    }
    return 1024; /* "guessed", the number for a file that says nothing */
}

void weir_format_add_meta(weir_gguf_writer *w, const weir_format *format) {
    weir_gguf_add_u32(w, "general.file_type", weir_format_file_type(format));
    weir_gguf_add_u32(w, "general.quantization_version", QUANTIZATION_VERSION);
}

/* ---- config.json --------------------------------------------------------------------------- */

static void set(json_t *object, const char *name, json_t *value) {
    json_object_set_new(object, name, value); /* a failure shows as a NULL dump or a missing key */
}

static void set_id(json_t *object, const char *name, int32_t id) {
    set(object, name, id < 0 ? json_null() : json_integer(id));
}

static void set_experts(json_t *o, const weir_hparams *h) {
    set(o, "moe_intermediate_size", json_integer(h->d_ff_expert));
    set(o, "num_dense_layers", json_integer(h->n_layers_dense));
    set(o, "num_experts", json_integer(h->n_experts));
    set(o, "num_experts_per_tok", json_integer(h->n_experts_used));
    set(o, "use_expert_bias", json_boolean(h->has_expert_bias));
    set(o, "norm_topk_prob", json_boolean(h->has_topk_norm));
    set(o, "routed_scaling_factor", weir_json_real(h->expert_scale));
}

/* The width as it is. Readers of today take it from intermediate_size and stop at the second key;
 * older ones, and llama.cpp's converter, want all of them to be there. */
static void set_dense(json_t *o, const weir_hparams *h) {
    uint32_t multiple = h->d_ff & (~h->d_ff + 1); /* the largest power of two that divides it */
    set(o, "block_auto_adjust_ff_dim", json_false());
    set(o, "block_dim", json_integer(h->d_model));
    set(o, "block_ff_dim", json_integer(h->d_ff));
    set(o, "block_ffn_dim_multiplier", json_real(1.0));
    set(o, "block_multiple_of", json_integer(multiple < 256 ? multiple : 256));
}

char *weir_hparams_to_json(const weir_hparams *h, const weir_format *format) {
    bool is_moe = h->n_experts > 0;
    uint32_t n_heads_kv = 0;
    json_t *o = json_object(), *kinds = json_array();
    for (uint32_t i = 0; i < h->n_layers; i++) {
        bool is_attn = h->kind[i] == WEIR_LAYER_ATTN;
        json_array_append_new(kinds, json_string(is_attn ? "full_attention" : "conv"));
        if (is_attn)
            n_heads_kv = h->n_heads_kv[i];
    }
    set(o, "architectures", json_pack("[s]", is_moe ? "Lfm2MoeForCausalLM" : "Lfm2ForCausalLM"));
    set(o, "model_type", json_string(is_moe ? "lfm2_moe" : "lfm2"));
    set(o, "vocab_size", json_integer(h->n_vocab));
    set(o, "hidden_size", json_integer(h->d_model));
    set(o, "num_hidden_layers", json_integer(h->n_layers));
    set(o, "num_attention_heads", json_integer(h->n_heads));
    set(o, "num_key_value_heads", json_integer(n_heads_kv > 0 ? n_heads_kv : h->n_heads));
    if ((uint64_t)h->head_dim * h->n_heads != h->d_model)
        set(o, "head_dim", json_integer(h->head_dim));
    set(o, "intermediate_size", json_integer(h->d_ff));
    if (is_moe)
        set_experts(o, h);
    else
        set_dense(o, h);
    set(o, "conv_L_cache", json_integer(h->l_cache));
    set(o, "conv_bias", json_boolean(h->has_conv_bias));
    set(o, "norm_eps", weir_json_real(h->norm_eps));
    set(o, "max_position_embeddings", json_integer(h->n_ctx));
    json_t *rope = json_object();
    set(rope, "rope_theta", weir_json_real(h->rope_theta));
    set(rope, "rope_type", json_string("default"));
    set(o, "rope_parameters", rope);
    set(o, "rope_theta", weir_json_real(h->rope_theta)); /* what older readers know */
    set(o, "layer_types", kinds);
    set(o, "tie_word_embeddings", json_boolean(h->is_tied));
    set_id(o, "bos_token_id", h->bos);
    set_id(o, "eos_token_id", h->eos);
    set_id(o, "pad_token_id", h->pad);
    set(o, "dtype",
        json_string(format->id == WEIR_FORMAT_BF16  ? "bfloat16"
                    : format->id == WEIR_FORMAT_F16 ? "float16"
                                                    : "float32"));
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(o);
    return text;
}
