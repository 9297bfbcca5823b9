/*
 * model_info.c: what can be asked about a model: facts, tensors, metadata, and whether its numbers
 * are finite.
 *
 * Owns nothing; reads a model that has been bound. Invariant: no answer depends on where the file
 * lies, but for the name of a model that has none of its own.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/half.h"
#include "base/mapped_pages.h"
#include "model/model_internal.h"

/* ---- facts ---------------------------------------------------------------------------------- */

uint32_t weir_model_replay_window(const weir_model *model) {
    return (model->h.l_cache - 1) * model->n_layers_conv;
}

/* Of packed weights, how they are stored. */
static const char *stored_type(const weir_tensor *t) {
    if (t->dtype == WEIR_DTYPE_U32)
        return "mlx";
    return t->dtype == WEIR_DTYPE_F8_E4M3 ? "f8_e4m3" : weir_tensor_type_name(t);
}

static bool is_packed(const weir_tensor *t) {
    return t->format != NULL && t->dtype != WEIR_DTYPE_FORMAT;
}

/* The format that most bytes are in. */
static const char *main_format(const struct weir_model_source *s, uint64_t *all_bytes) {
    uint64_t bytes[WEIR_FORMAT_LIMIT] = {0}, packed_bytes = 0, most = 0;
    const char *name = "unknown";
    *all_bytes = 0;
    for (size_t i = 0; i < weir_model_source_n_tensors(s); i++) {
        const weir_tensor *t = weir_model_source_tensor_at(s, i);
        *all_bytes += t->bytes;
        if (t->format == NULL)
            continue;
        uint64_t *sum = is_packed(t) ? &packed_bytes : &bytes[t->format->id];
        *sum += t->bytes;
        if (*sum > most) {
            most = *sum;
            name = stored_type(t);
        }
    }
    return name;
}

void weir_model_fill_info(weir_model *model) {
    const weir_hparams *h = &model->h;
    weir_model_info *info = &model->info;
    *info = (weir_model_info){
        .arch = h->n_experts > 0 ? "lfm2moe" : "lfm2",
        .name = model->source->name,
        .n_layers = h->n_layers,
        .n_layers_conv = model->n_layers_conv,
        .n_layers_attn = model->n_layers_attn,
        .n_layers_dense = h->n_layers_dense,
        .d_model = h->d_model,
        .n_vocab = h->n_vocab,
        .n_heads = h->n_heads,
        .head_dim = h->head_dim,
        .d_ff = h->d_ff,
        .d_ff_expert = h->d_ff_expert,
        .n_experts = h->n_experts,
        .n_experts_used = h->n_experts_used,
        .l_cache = h->l_cache,
        .n_ctx = h->n_ctx,
        .norm_eps = h->norm_eps,
        .rope_theta = h->rope_theta,
        .expert_scale = h->expert_scale,
        .is_tied = h->is_tied,
        .has_conv_bias = h->has_conv_bias,
        .has_expert_bias = h->has_expert_bias,
        .has_topk_norm = h->has_topk_norm,
        .bos = h->bos,
        .eos = h->eos,
        .pad = h->pad,
        .replay_window = weir_model_replay_window(model),
    };
    /* Layers may differ in their K/V heads; no known model's do, and one number is asked for. */
    for (uint32_t i = 0; i < h->n_layers; i++)
        if (h->n_heads_kv[i] > info->n_heads_kv)
            info->n_heads_kv = h->n_heads_kv[i];
    info->n_params = weir_hparams_n_params(h, &info->n_params_active);
    info->file_type = main_format(model->source, &info->weight_bytes);
}

void weir_model_get_info(const weir_model *model, weir_model_info *out) {
    *out = model->info;
}

weir_layer_kind weir_model_layer_kind(const weir_model *model, uint32_t layer) {
    assert(layer < model->h.n_layers);
    return model->h.kind[layer];
}

/* ---- tensors -------------------------------------------------------------------------------- */

size_t weir_model_n_tensors(const weir_model *model) {
    return weir_model_source_n_tensors(model->source);
}

void weir_model_tensor(const weir_model *model, size_t i, weir_tensor_info *out) {
    assert(i < weir_model_n_tensors(model));
    const weir_tensor *t = weir_model_source_tensor_at(model->source, i);
    *out = (weir_tensor_info){.name = t->name,
                              .type = stored_type(t),
                              .n_dims = t->n_dims,
                              .bytes = t->bytes,
                              .file_offset = t->offset};
    memcpy(out->shape, t->shape, sizeof out->shape);
}

static void count_values(const float *values, size_t n, uint64_t *n_nan, uint64_t *n_inf) {
    for (size_t i = 0; i < n; i++) {
        *n_nan += isnan(values[i]) != 0;
        *n_inf += isinf(values[i]) != 0;
    }
}

/* Row for row, since none is in memory. */
static weir_status check_packed(const weir_model *model, const weir_tensor *t, uint64_t *n_nan,
                                uint64_t *n_inf, weir_error *err) {
    size_t n_cols = (size_t)t->shape[t->n_dims - 1];
    size_t row_bytes = weir_format_row_bytes(t->format, n_cols);
    float *values = malloc(n_cols * sizeof *values);
    uint8_t *row = malloc(row_bytes);
    bool has_memory = values != NULL && row != NULL;
    for (size_t at = 0; has_memory && at < t->bytes; at += row_bytes) {
        weir_packings_row(weir_model_packings(model), t->data + at, row);
        t->format->dequantize(row, values, n_cols);
        count_values(values, n_cols, n_nan, n_inf);
    }
    free(values);
    free(row);
    return has_memory ? WEIR_STATUS_OK
                      : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a row", t->name);
}

weir_status weir_model_check_tensor(const weir_model *model, size_t i, uint64_t *n_nan,
                                    uint64_t *n_inf, weir_error *err) {
    enum { SLICE = 4096 }; /* values: a multiple of every format's block */
    *n_nan = *n_inf = 0;
    if (i >= weir_model_n_tensors(model))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "tensor %zu asked for, the model has %zu",
                         i, weir_model_n_tensors(model));
    const weir_tensor *t = weir_model_source_tensor_at(model->source, i);
    if (model->is_hollow)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: the file has no weights, only a seed",
                         t->name);
    uint64_t n = weir_tensor_n_values(t);
    float values[SLICE];
    if (is_packed(t))
        return check_packed(model, t, n_nan, n_inf, err);
    if (t->dtype == WEIR_DTYPE_F64) {
        for (uint64_t k = 0; k < n; k++) {
            double value;
            memcpy(&value, t->data + k * sizeof value, sizeof value);
            *n_nan += isnan(value) != 0;
            *n_inf += isinf(value) != 0;
        }
        return WEIR_STATUS_OK;
    }
    if (t->format == NULL) {
        if (t->dtype == WEIR_DTYPE_F8_E4M3 || t->dtype == WEIR_DTYPE_F8_E5M2)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: numbers of type %s are not read",
                             t->name, weir_tensor_type_name(t));
        return WEIR_STATUS_OK; /* integers are finite */
    }
    assert(SLICE % t->format->block_values == 0 && n % t->format->block_values == 0);
    for (uint64_t at = 0; at < n; at += SLICE) {
        size_t n_slice = n - at < SLICE ? (size_t)(n - at) : SLICE;
        t->format->dequantize(t->data + weir_format_row_bytes(t->format, at), values, n_slice);
        count_values(values, n_slice, n_nan, n_inf);
    }
    return WEIR_STATUS_OK;
}

/* ---- metadata ------------------------------------------------------------------------------- */

typedef struct text_sink {
    char *buf; /* [cap] */
    size_t cap, n;
} text_sink;

static int add_text(const char *text, size_t n, void *context) {
    text_sink *sink = context;
    if (sink->n < sink->cap) {
        size_t room = sink->cap - sink->n;
        memcpy(sink->buf + sink->n, text, n < room ? n : room);
    }
    sink->n += n;
    return 0;
}

/* Texts stand as they are, everything else as JSON. */
static void format_json(const json_t *value, text_sink *sink) {
    if (json_is_string(value))
        add_text(json_string_value(value), json_string_length(value), sink);
    else
        json_dump_callback(value, add_text, sink, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
}

static const char *json_type_name(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "real";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_NULL:
        break;
    }
    return "null";
}

size_t weir_model_n_meta(const weir_model *model) {
    const struct weir_model_source *s = model->source;
    return s->gguf != NULL ? weir_gguf_n_kv(s->gguf) : s->n_config_keys;
}

void weir_model_meta(const weir_model *model, size_t i, const char **key, const char **type,
                     char *buf, size_t cap, size_t *n) {
    assert(i < weir_model_n_meta(model));
    const struct weir_model_source *s = model->source;
    if (s->gguf != NULL) {
        const weir_gguf_kv *kv = weir_gguf_kv_at(s->gguf, i);
        *key = kv->key;
        *type = weir_gguf_type_name(kv);
        weir_gguf_format_value(kv, buf, cap, n);
        return;
    }
    const json_t *value = json_object_get(s->config, s->config_key[i]);
    *key = s->config_key[i];
    *type = json_type_name(value);
    text_sink sink = {.buf = buf, .cap = cap};
    format_json(value, &sink);
    *n = sink.n;
}

size_t weir_model_meta_n_items(const weir_model *model, size_t i) {
    assert(i < weir_model_n_meta(model));
    const weir_gguf *g = model->source->gguf;
    return g != NULL ? (size_t)weir_gguf_kv_at(g, i)->n_items : 1;
}

void weir_model_meta_item(const weir_model *model, size_t i, size_t item, char *buf, size_t cap,
                          size_t *n) {
    assert(item < weir_model_meta_n_items(model, i));
    const char *key, *type;
    if (model->source->gguf != NULL)
        weir_gguf_format_item(weir_gguf_kv_at(model->source->gguf, i), item, buf, cap, n);
    else
        weir_model_meta(model, i, &key, &type, buf, cap, n);
}

/* ---- fingerprint ---------------------------------------------------------------------------- */

enum {
    WHOLE_BYTES = 32 * 1024, /* norms, taps, biases: binding has read them anyway */
    N_PLACES = 256,          /* in all larger tensors together */
    PLACE_BYTES = 64
};

/* The hash so far is the seed of the next piece. */
static void hash_data(uint64_t *hash, const void *data, size_t n) {
    *hash = XXH64(data, n, *hash);
}

static void hash_u64(uint64_t *hash, uint64_t value) {
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    hash_data(hash, bytes, sizeof bytes);
}

static void hash_f32(uint64_t *hash, float value) {
    hash_u64(hash, weir_f32_bits(value));
}

static void hash_hparams(uint64_t *hash, const weir_hparams *h) {
    const uint64_t numbers[] = {
        h->n_layers, h->d_model,       h->n_vocab,        h->n_heads,         h->head_dim,
        h->d_ff,     h->n_experts,     h->n_experts_used, h->d_ff_expert,     h->n_layers_dense,
        h->l_cache,  h->n_ctx,         h->has_topk_norm,  h->has_expert_bias, h->has_conv_bias,
        h->is_tied,  (uint32_t)h->bos, (uint32_t)h->eos,  (uint32_t)h->pad,
    };
    for (size_t i = 0; i < WEIR_COUNT(numbers); i++)
        hash_u64(hash, numbers[i]);
    hash_f32(hash, h->norm_eps);
    hash_f32(hash, h->rope_theta);
    hash_f32(hash, h->expert_scale);
    for (uint32_t i = 0; i < h->n_layers; i++)
        hash_u64(hash, (uint64_t)h->kind[i] << 32 | h->n_heads_kv[i]);
}

/* Which bytes are looked at: all of a small tensor, even places in every so-manieth large one. */
typedef struct sampling {
    size_t stride, n_seen; /* of large tensors */
    uint64_t n_places;     /* in each that is looked at */
} sampling;

static sampling sample(const struct weir_model_source *s) {
    size_t n_large = 0;
    for (size_t i = 0; i < weir_model_source_n_tensors(s); i++)
        n_large += weir_model_source_tensor_at(s, i)->bytes > WHOLE_BYTES;
    return (sampling){.stride = (n_large + N_PLACES - 1) / N_PLACES,
                      .n_places = n_large < N_PLACES && n_large > 0 ? N_PLACES / n_large : 1};
}

/* Hashed, or with no hash asked for from the disk. */
static void look_at(uint64_t *hash, const uint8_t *data, uint64_t n) {
    if (hash)
        hash_data(hash, data, (size_t)n);
    else if (n > 0)
        weir_mapped_want(data, (size_t)n);
}

static void look_at_tensor(sampling *s, uint64_t *hash, const weir_tensor *t) {
    if (t->bytes <= WHOLE_BYTES) {
        look_at(hash, t->data, t->bytes);
        return;
    }
    if (s->n_seen++ % s->stride != 0)
        return;
    uint64_t distance = t->bytes / s->n_places;
    for (uint64_t i = 0; i < s->n_places; i++) {
        uint64_t at = distance * i + distance / 2, room = t->bytes - at;
        look_at(hash, t->data + at, room < PLACE_BYTES ? room : PLACE_BYTES);
    }
}

/* Each place of a file that is not in memory yet costs a read, and a model may have ten thousand
 * large tensors. So their bytes are looked at in a bounded number of places, in every tensor or in
 * every so-manieth, and all are asked for before the first is waited for: one after the other they
 * took 0.7 s of a 24B's first start. */
uint64_t weir_model_make_fingerprint(const weir_model *model) {
    const struct weir_model_source *s = model->source;
    const size_t n = weir_model_source_n_tensors(s);
    sampling wanted = sample(s), hashed = wanted;
    for (size_t i = 0; i < n; i++)
        look_at_tensor(&wanted, NULL, weir_model_source_tensor_at(s, i));

    uint64_t hash = 0;
    hash_hparams(&hash, &model->h);
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = weir_model_source_tensor_at(s, i);
        hash_data(&hash, t->name, strlen(t->name) + 1);
        const char *type = weir_tensor_type_name(t);
        hash_data(&hash, type, strlen(type) + 1);
        for (uint32_t k = 0; k < t->n_dims; k++)
            hash_u64(&hash, t->shape[k]);
        look_at_tensor(&hashed, &hash, t);
    }
    return hash;
}
