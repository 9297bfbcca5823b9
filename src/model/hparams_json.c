/*
 * hparams_json.c: hyperparameters from the text of a Hugging Face config.json, in all spellings
 * that published models have.
 *
 * Knows keys and their defaults; knows no tensors and no files. Invariant: a key without which the
 * model would be another one is required, unless a wrong guess cannot pass the check of tensor
 * names and shapes that follows (conv_bias, the adjustment of the feed-forward width).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/model_internal.h"

enum { WORD_BYTES = WEIR_SHOWN_TEXT };

/* Error lines are made without the file's name, which the caller adds. */
typedef struct config {
    const json_t *root;  /* the text model's object */
    const json_t *outer; /* the file's object; the same unless the text model is nested */
    weir_error *err;
} config;

/* NULL if absent or null: the two mean the same in these files. */
static const json_t *find_in(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static const json_t *find(const config *c, const char *key) {
    return find_in(c->root, key);
}

static const char *type_name(const json_t *value) {
    if (value == NULL)
        return "missing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "null";
}

static weir_status bad_value(const config *c, const char *key, const json_t *value,
                             const char *expected) {
    char shown[WORD_BYTES];
    snprintf(shown, sizeof shown, "%s", type_name(value));
    if (json_is_integer(value))
        snprintf(shown, sizeof shown, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        snprintf(shown, sizeof shown, "%g", json_real_value(value));
    return weir_fail(c->err, WEIR_STATUS_BAD_FILE, "'%s' is %s, expected %s", key, shown, expected);
}

static weir_status as_u32(const config *c, const char *key, const json_t *value, uint32_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > (json_int_t)UINT32_MAX)
        return bad_value(c, key, value, "a whole number");
    *out = (uint32_t)json_integer_value(value);
    return WEIR_STATUS_OK;
}

static weir_status read_u32(const config *c, const char *key, uint32_t *out) {
    return as_u32(c, key, find(c, key), out);
}

static weir_status as_f32(const config *c, const char *key, const json_t *value, float *out) {
    if (!json_is_number(value))
        return bad_value(c, key, value, "a number");
    *out = (float)json_number_value(value);
    return WEIR_STATUS_OK;
}

static weir_status as_bool(const config *c, const char *key, const json_t *value, bool *out) {
    if (!json_is_boolean(value))
        return bad_value(c, key, value, "true or false");
    *out = json_is_true(value);
    return WEIR_STATUS_OK;
}

/* *out stays as it is if the key is absent. */
static weir_status read_optional_bool(const config *c, const char *key, bool *out) {
    const json_t *value = find(c, key);
    return value == NULL ? WEIR_STATUS_OK : as_bool(c, key, value, out);
}

/* ---- kind of model -------------------------------------------------------------------------- */

static weir_status read_model_type(config *c, bool *is_moe) {
    const char *type = json_string_value(json_object_get(c->root, "model_type"));
    const json_t *nested = json_object_get(c->root, "text_config");
    if (json_is_object(nested)) { /* a model of images and text: the text part is of the family */
        c->root = nested;
        type = json_string_value(json_object_get(c->root, "model_type"));
    }
    *is_moe = type != NULL && strcmp(type, "lfm2_moe") == 0;
    if (*is_moe || (type != NULL && strcmp(type, "lfm2") == 0))
        return WEIR_STATUS_OK;
    if (type == NULL)
        return bad_value(c, "model_type", json_object_get(c->root, "model_type"),
                         "lfm2 or lfm2_moe");
    return weir_fail(c->err, WEIR_STATUS_UNSUPPORTED,
                     "model_type '%.*s' is not supported, expected lfm2 or lfm2_moe",
                     (int)WEIR_SHOWN_TEXT, type);
}

/* ---- layers --------------------------------------------------------------------------------- */

static weir_status read_layer_types(const config *c, const json_t *types, uint32_t n_kv,
                                    weir_hparams *h) {
    if (!json_is_array(types))
        return bad_value(c, "layer_types", types, "a list");
    if (json_array_size(types) != h->n_layers)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "'layer_types' has %zu entries, expected one for each of the %u layers",
                         json_array_size(types), h->n_layers);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type != NULL && strcmp(type, "full_attention") == 0) {
            h->kind[i] = WEIR_LAYER_ATTN;
            h->n_heads_kv[i] = n_kv;
        } else if (type == NULL || strcmp(type, "conv") != 0) {
            return weir_fail(c->err, WEIR_STATUS_UNSUPPORTED,
                             "'layer_types' entry %u is '%.*s', expected conv or full_attention", i,
                             (int)WEIR_SHOWN_TEXT, type == NULL ? "?" : type);
        }
    }
    return WEIR_STATUS_OK;
}

static weir_status read_attn_indices(const config *c, const json_t *indices, uint32_t n_kv,
                                     weir_hparams *h) {
    if (!json_is_array(indices))
        return bad_value(c, "full_attn_idxs", indices, "a list");
    for (size_t i = 0; i < json_array_size(indices); i++) {
        uint32_t layer;
        WEIR_TRY(as_u32(c, "full_attn_idxs", json_array_get(indices, i), &layer));
        if (layer >= h->n_layers)
            return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                             "'full_attn_idxs' names layer %u, there are %u", layer, h->n_layers);
        h->kind[layer] = WEIR_LAYER_ATTN;
        h->n_heads_kv[layer] = n_kv;
    }
    return WEIR_STATUS_OK;
}

static weir_status read_layers(const config *c, weir_hparams *h) {
    WEIR_TRY(read_u32(c, "num_hidden_layers", &h->n_layers));
    if (h->n_layers == 0 || h->n_layers > WEIR_MAX_LAYERS)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "'num_hidden_layers' is %u, expected 1 to %d", h->n_layers,
                         (int)WEIR_MAX_LAYERS);
    uint32_t n_kv;
    WEIR_TRY(read_u32(c, "num_key_value_heads", &n_kv));
    if (n_kv == 0)
        return bad_value(c, "num_key_value_heads", find(c, "num_key_value_heads"), "at least 1");
    const json_t *types = find(c, "layer_types"), *indices = find(c, "full_attn_idxs");
    if (types != NULL)
        return read_layer_types(c, types, n_kv, h);
    if (indices != NULL)
        return read_attn_indices(c, indices, n_kv, h);
    return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                     "'layer_types' is missing, expected it or 'full_attn_idxs'");
}

static weir_status read_heads(const config *c, weir_hparams *h) {
    WEIR_TRY(read_u32(c, "num_attention_heads", &h->n_heads));
    if (find(c, "head_dim") != NULL)
        return read_u32(c, "head_dim", &h->head_dim);
    if (h->n_heads == 0 || h->d_model % h->n_heads != 0)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "'num_attention_heads' %u does not divide 'hidden_size' %u, and there is "
                         "no 'head_dim'",
                         h->n_heads, h->d_model);
    h->head_dim = h->d_model / h->n_heads;
    return WEIR_STATUS_OK;
}

/* ---- rope ----------------------------------------------------------------------------------- */

/* Anything but the plain rotation would give a wrong model silently. */
static weir_status check_rope(const config *c, const char *key) {
    const json_t *rope = find(c, key);
    if (rope == NULL)
        return WEIR_STATUS_OK;
    if (!json_is_object(rope))
        return bad_value(c, key, rope, "an object");
    static const char *const spellings[] = {"rope_type", "type"};
    for (size_t i = 0; i < WEIR_COUNT(spellings); i++) {
        const json_t *type = find_in(rope, spellings[i]);
        if (type == NULL)
            continue;
        const char *text = json_string_value(type);
        if (text == NULL || strcmp(text, "default") != 0)
            return weir_fail(c->err, WEIR_STATUS_UNSUPPORTED,
                             "'%s.%s' is '%.*s': rope scaling is not supported, expected 'default'",
                             key, spellings[i], (int)WEIR_SHOWN_TEXT, text == NULL ? "?" : text);
    }
    const json_t *partial = find_in(rope, "partial_rotary_factor");
    if (partial != NULL && (!json_is_number(partial) || json_number_value(partial) != 1))
        return weir_fail(c->err, WEIR_STATUS_UNSUPPORTED,
                         "'%s.partial_rotary_factor' is not supported, expected 1", key);
    return WEIR_STATUS_OK;
}

static weir_status read_rope(const config *c, weir_hparams *h) {
    WEIR_TRY(check_rope(c, "rope_parameters"));
    WEIR_TRY(check_rope(c, "rope_scaling"));
    h->rope_theta = 1e6f;
    const json_t *theta = find_in(find(c, "rope_parameters"), "rope_theta");
    if (theta != NULL)
        return as_f32(c, "rope_parameters.rope_theta", theta, &h->rope_theta);
    static const char *const spellings[] = {"rope_theta", "theta"};
    for (size_t i = 0; i < WEIR_COUNT(spellings); i++)
        if (find(c, spellings[i]) != NULL)
            return as_f32(c, spellings[i], find(c, spellings[i]), &h->rope_theta);
    return WEIR_STATUS_OK;
}

/* ---- feed-forward --------------------------------------------------------------------------- */

/* The width rule of model type lfm2. The official code rounds only where there is a multiplier. */
static weir_status adjust_width(const config *c, uint32_t *width) {
    bool is_adjusted = false;
    WEIR_TRY(read_optional_bool(c, "block_auto_adjust_ff_dim", &is_adjusted));
    if (!is_adjusted)
        return WEIR_STATUS_OK;
    uint64_t f = (uint64_t)*width * 2 / 3;
    const json_t *multiplier = find(c, "block_ffn_dim_multiplier");
    if (multiplier != NULL) {
        uint32_t multiple;
        WEIR_TRY(read_u32(c, "block_multiple_of", &multiple));
        double scaled = json_number_value(multiplier) * (double)f;
        if (multiple == 0 || !json_is_number(multiplier) || !(scaled >= 0 && scaled <= 1e9))
            return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                             "'block_ffn_dim_multiplier' and 'block_multiple_of' give no width");
        f = (uint64_t)scaled;
        f = (f + multiple - 1) / multiple * multiple;
    }
    if (f > UINT32_MAX)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE, "the feed-forward width overflows");
    *width = (uint32_t)f;
    return WEIR_STATUS_OK;
}

static weir_status read_dense(const config *c, weir_hparams *h) {
    h->n_layers_dense = h->n_layers;
    h->expert_scale = 1;
    h->has_topk_norm = true;
    const char *key = find(c, "block_ff_dim") != NULL ? "block_ff_dim" : "intermediate_size";
    WEIR_TRY(read_u32(c, key, &h->d_ff));
    return adjust_width(c, &h->d_ff);
}

static weir_status read_experts(const config *c, weir_hparams *h) {
    WEIR_TRY(read_u32(c, "num_experts", &h->n_experts));
    if (h->n_experts == 0)
        return bad_value(c, "num_experts", find(c, "num_experts"), "at least 1");
    WEIR_TRY(read_u32(c, "num_experts_per_tok", &h->n_experts_used));
    WEIR_TRY(read_u32(c, "moe_intermediate_size", &h->d_ff_expert));
    WEIR_TRY(read_u32(c, "num_dense_layers", &h->n_layers_dense));
    WEIR_TRY(as_bool(c, "use_expert_bias", find(c, "use_expert_bias"), &h->has_expert_bias));
    WEIR_TRY(as_bool(c, "norm_topk_prob", find(c, "norm_topk_prob"), &h->has_topk_norm));
    WEIR_TRY(
        as_f32(c, "routed_scaling_factor", find(c, "routed_scaling_factor"), &h->expert_scale));
    if (h->n_layers_dense > 0 || find(c, "intermediate_size") != NULL)
        WEIR_TRY(read_u32(c, "intermediate_size", &h->d_ff));
    return WEIR_STATUS_OK;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* A list of end tokens is allowed in these files; the first is the model's own. */
static weir_status read_id(const config *c, const char *key, int32_t *out) {
    *out = -1;
    const json_t *value = find(c, key);
    if (value == NULL)
        value = find_in(c->outer, key);
    if (json_is_array(value) && json_array_size(value) > 0)
        value = json_array_get(value, 0);
    if (value == NULL)
        return WEIR_STATUS_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > INT32_MAX)
        return bad_value(c, key, value, "a token id");
    *out = (int32_t)json_integer_value(value);
    return WEIR_STATUS_OK;
}

static weir_status read_tying(const config *c, weir_hparams *h) {
    static const char *const spellings[] = {"tie_word_embeddings", "tie_embedding"};
    h->is_tied = true;
    for (size_t i = 0; i < WEIR_COUNT(spellings); i++) {
        const json_t *value = find(c, spellings[i]);
        if (value == NULL && c->outer != c->root)
            value = find_in(c->outer, spellings[i]);
        if (value != NULL)
            return as_bool(c, spellings[i], value, &h->is_tied);
    }
    return WEIR_STATUS_OK;
}

static weir_status check_window(const config *c) {
    const json_t *window = find(c, "sliding_window");
    if (window != NULL && !(json_is_integer(window) && json_integer_value(window) == 0))
        return weir_fail(c->err, WEIR_STATUS_UNSUPPORTED,
                         "'sliding_window' is set: sliding windows are not supported");
    return WEIR_STATUS_OK;
}

static weir_status read_all(config *c, weir_hparams *h) {
    bool is_moe;
    WEIR_TRY(read_model_type(c, &is_moe));
    WEIR_TRY(read_u32(c, "hidden_size", &h->d_model));
    WEIR_TRY(read_u32(c, "vocab_size", &h->n_vocab));
    WEIR_TRY(read_u32(c, "max_position_embeddings", &h->n_ctx));
    WEIR_TRY(read_u32(c, "conv_L_cache", &h->l_cache));
    WEIR_TRY(as_f32(c, "norm_eps", find(c, "norm_eps"), &h->norm_eps));
    WEIR_TRY(read_optional_bool(c, "conv_bias", &h->has_conv_bias));
    WEIR_TRY(read_layers(c, h));
    WEIR_TRY(read_heads(c, h));
    WEIR_TRY(read_rope(c, h));
    WEIR_TRY(check_window(c));
    WEIR_TRY(is_moe ? read_experts(c, h) : read_dense(c, h));
    WEIR_TRY(read_tying(c, h));
    WEIR_TRY(read_id(c, "bos_token_id", &h->bos));
    WEIR_TRY(read_id(c, "eos_token_id", &h->eos));
    return read_id(c, "pad_token_id", &h->pad);
}

weir_status weir_config_parse(json_t **out, const char *json, size_t size, const char *name,
                              weir_error *err) {
    *out = NULL;
    if (size > WEIR_MAX_CONFIG_BYTES)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %zu bytes, expected at most %d", name,
                         size, (int)WEIR_MAX_CONFIG_BYTES);
    json_error_t where;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: line %d, column %d: %s", name, where.line,
                         where.column, where.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a JSON object", name);
    }
    *out = root;
    return WEIR_STATUS_OK;
}

weir_status weir_hparams_from_json(weir_hparams *out, const char *json, size_t size,
                                   const char *name, weir_error *err) {
    json_t *root;
    WEIR_TRY(weir_config_parse(&root, json, size, name, err));
    weir_hparams h = {0};
    config c = {.root = root, .outer = root, .err = err};
    weir_status status = read_all(&c, &h);
    json_decref(root);
    if (status != WEIR_STATUS_OK)
        return weir_fail_within(err, status, "%s", name);
    WEIR_TRY(weir_hparams_check(&h, name, err));
    *out = h;
    return WEIR_STATUS_OK;
}
