/*
 * model_bind.c: tensors of a file become typed fields of a model.
 *
 * Owns the two tables of names (GGUF, Hugging Face) and the rule which tensors a model must and may
 * have. Runs twice over the same lines: measuring, it checks every name, shape and type and counts
 * the memory for layers, expert tables and widened vectors; placing, it fills them. So nothing is
 * allocated before the tensors that justify it have been seen. Invariant of a bound model: every
 * tensor of the file is bound, or known to be without effect.
 *
 * Without effect are: tables of rotation frequencies (they follow from theta), lm_head of a folder
 * whose config ties it to the embedding (the official code overwrites it at load), and in folders
 * of models with more than text everything outside the language model.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/ending.h"
#include "base/error.h"
#include "model/model_internal.h"

enum {
    NAME_BYTES = 160,
    SHAPE_BYTES = 96,
    N_SPELLINGS = 2,
    NO_LAYER = UINT32_MAX - 1 /* NAME without a layer in front */
};

/* One tensor's names inside its layer or, for the outermost ones, inside the model. The first is
 * the one that messages name. */
typedef struct role {
    const char *gguf[N_SPELLINGS];
    const char *hf[N_SPELLINGS];
} role;

static const role EMBED = {{"token_embd.weight"}, {"embed_tokens.weight"}};
static const role HEAD = {{"output.weight"}, {"lm_head.weight"}};
static const role FINAL_NORM = {{"token_embd_norm.weight", "output_norm.weight"},
                                {"embedding_norm.weight"}};

static const role OPERATOR_NORM = {{"attn_norm.weight"}, {"operator_norm.weight"}};
static const role FFN_NORM = {{"ffn_norm.weight"}, {"ffn_norm.weight"}};

static const role CONV_IN = {{"shortconv.in_proj.weight"}, {"conv.in_proj.weight"}};
static const role CONV_OUT = {{"shortconv.out_proj.weight"}, {"conv.out_proj.weight"}};
static const role CONV_TAPS = {{"shortconv.conv.weight"}, {"conv.conv.weight"}};
static const role CONV_IN_BIAS = {{"shortconv.in_proj.bias"}, {"conv.in_proj.bias"}};
static const role CONV_BIAS = {{"shortconv.conv.bias"}, {"conv.conv.bias"}};
static const role CONV_OUT_BIAS = {{"shortconv.out_proj.bias"}, {"conv.out_proj.bias"}};

static const role ATTN_Q = {{"attn_q.weight"}, {"self_attn.q_proj.weight"}};
static const role ATTN_K = {{"attn_k.weight"}, {"self_attn.k_proj.weight"}};
static const role ATTN_V = {{"attn_v.weight"}, {"self_attn.v_proj.weight"}};
static const role ATTN_OUT = {{"attn_output.weight"}, {"self_attn.out_proj.weight"}};
static const role Q_NORM = {{"attn_q_norm.weight"}, {"self_attn.q_layernorm.weight"}};
static const role K_NORM = {{"attn_k_norm.weight"}, {"self_attn.k_layernorm.weight"}};

/* The second Hugging Face spelling here and below is that of MLX exports. */
static const role FFN_GATE = {{"ffn_gate.weight"},
                              {"feed_forward.w1.weight", "feed_forward.gate_proj.weight"}};
static const role FFN_UP = {{"ffn_up.weight"},
                            {"feed_forward.w3.weight", "feed_forward.up_proj.weight"}};
static const role FFN_DOWN = {{"ffn_down.weight"},
                              {"feed_forward.w2.weight", "feed_forward.down_proj.weight"}};

static const role ROUTER = {{"ffn_gate_inp.weight"}, {"feed_forward.gate.weight"}};
static const role EXPERT_BIAS = {{"exp_probs_b.bias", "exp_probs_b"},
                                 {"feed_forward.expert_bias", "feed_forward.expert_bias.weight"}};
/* All experts of a layer in one tensor. */
static const role EXPERTS_GATE = {{"ffn_gate_exps.weight"},
                                  {"feed_forward.switch_mlp.gate_proj.weight"}};
static const role EXPERTS_UP = {{"ffn_up_exps.weight"}, {"feed_forward.switch_mlp.up_proj.weight"}};
static const role EXPERTS_DOWN = {
    {"ffn_down_exps.weight"},
    {"feed_forward.switch_mlp.down_proj.weight", "feed_forward.experts.down_proj"}};
/* Gate rows, then up rows of each expert; only in folders. */
static const role EXPERTS_GATE_UP = {{NULL}, {"feed_forward.experts.gate_up_proj"}};

/* What stands in front of the names of the language model in a folder. */
static const char *const HF_PREFIXES[] = {"model.", "model.language_model.",
                                          "language_model.model."};

typedef struct binder {
    weir_model *model; /* its h and source are read, the rest is filled when placing */
    const weir_hparams *h;
    const struct weir_model_source *source;
    weir_arena *arena;  /* without memory: measuring */
    bool *is_used;      /* [n_tensors] */
    const char *prefix; /* of folders */
    weir_error *err;
} binder;

/* ---- finding -------------------------------------------------------------------------------- */

static bool is_gguf(const binder *b) {
    return b->source->gguf != NULL;
}

static void make_name(const binder *b, char name[NAME_BYTES], uint32_t layer, const char *suffix) {
    const char *prefix = is_gguf(b) ? "" : b->prefix;
    if (layer != NO_LAYER)
        snprintf(name, NAME_BYTES, is_gguf(b) ? "%sblk.%u.%s" : "%slayers.%u.%s", prefix, layer,
                 suffix);
    else /* the head stands outside the model in folders */
        snprintf(name, NAME_BYTES, "%s%s", strcmp(suffix, HEAD.hf[0]) == 0 ? "" : prefix, suffix);
}

static const weir_tensor *look(const binder *b, uint32_t layer, const char *suffix) {
    char name[NAME_BYTES];
    make_name(b, name, layer, suffix);
    return weir_model_source_find(b->source, name);
}

static const char *const *spellings_of(const binder *b, const role *r) {
    return is_gguf(b) ? r->gguf : r->hf;
}

static bool exists(const binder *b, const role *r, uint32_t layer) {
    const char *const *spellings = spellings_of(b, r);
    for (size_t i = 0; i < N_SPELLINGS && spellings[i] != NULL; i++)
        if (look(b, layer, spellings[i]) != NULL)
            return true;
    return false;
}

static void mark_used(binder *b, const weir_tensor *t) {
    /* Both readers keep their tensors in one array. */
    size_t i = (size_t)(t - weir_model_source_tensor_at(b->source, 0));
    assert(i < weir_model_source_n_tensors(b->source) &&
           weir_model_source_tensor_at(b->source, i) == t);
    b->is_used[i] = true;
}

static weir_status missing(const binder *b, uint32_t layer, const char *suffix) {
    char name[NAME_BYTES];
    make_name(b, name, layer, suffix);
    return weir_fail(b->err, WEIR_STATUS_BAD_FILE, "tensor %s is missing", name);
}

static weir_status find(binder *b, const role *r, uint32_t layer, const weir_tensor **out) {
    const char *const *spellings = spellings_of(b, r);
    const weir_tensor *found = NULL;
    for (size_t i = 0; i < N_SPELLINGS && spellings[i] != NULL; i++) {
        const weir_tensor *t = look(b, layer, spellings[i]);
        if (t != NULL && found != NULL)
            return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                             "tensors %s and %s are the same thing, expected one of them",
                             found->name, t->name);
        if (t != NULL)
            found = t;
    }
    if (found == NULL)
        return missing(b, layer, spellings[0]);
    mark_used(b, found);
    *out = found;
    return WEIR_STATUS_OK;
}

/* ---- checking ------------------------------------------------------------------------------- */

/* "64x32" */
static const char *shape_text(char text[SHAPE_BYTES], uint32_t n_dims, const uint64_t *shape) {
    size_t at = 0;
    snprintf(text, SHAPE_BYTES, "a scalar");
    for (uint32_t i = 0; i < n_dims; i++)
        at += (size_t)snprintf(text + at, SHAPE_BYTES - at, i > 0 ? "x%" PRIu64 : "%" PRIu64,
                               shape[i]);
    return text;
}

static bool has_shape(const weir_tensor *t, uint32_t n_dims, const uint64_t *shape) {
    return t->n_dims == n_dims && memcmp(t->shape, shape, n_dims * sizeof *shape) == 0;
}

static weir_status check_shape(const binder *b, const weir_tensor *t, uint32_t n_dims,
                               const uint64_t *shape) {
    char is[SHAPE_BYTES], expected[SHAPE_BYTES];
    if (!has_shape(t, n_dims, shape))
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE, "%s: shape %s, expected %s", t->name,
                         shape_text(is, t->n_dims, t->shape), shape_text(expected, n_dims, shape));
    return WEIR_STATUS_OK;
}

static bool is_float(const weir_format *f) {
    return f != NULL &&
           (f->id == WEIR_FORMAT_F32 || f->id == WEIR_FORMAT_F16 || f->id == WEIR_FORMAT_BF16);
}

/* Checks a matrix format and gives the bytes of a row of `cols` values. */
static weir_status check_rows(const binder *b, const weir_tensor *t, uint32_t cols,
                              size_t *row_bytes) {
    if (t->format == NULL)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                         "%s: type %s, expected a number format of weights (f32, f16, bf16 or a "
                         "GGUF quantisation)",
                         t->name, weir_tensor_type_name(t));
    if (cols % t->format->block_values != 0)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                         "%s: rows of %u values, expected a multiple of the %u of a %s block",
                         t->name, cols, t->format->block_values, t->format->name);
    *row_bytes = weir_format_row_bytes(t->format, cols);
    if (t->bytes != weir_tensor_n_values(t) / cols * *row_bytes)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                         "%s: %" PRIu64 " bytes do not fit its shape and type %s", t->name,
                         t->bytes, t->format->name);
    return WEIR_STATUS_OK;
}

/* ---- binding one ---------------------------------------------------------------------------- */

/* A tensor of n values, already checked for shape, into memory of the model's own. */
static weir_status widen(binder *b, const weir_tensor *t, size_t n, const float **out) {
    bool is_packed = t->format != NULL && t->dtype != WEIR_DTYPE_FORMAT;
    if (!is_float(t->format) || is_packed)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE, "%s: type %s, expected f32, f16 or bf16",
                         t->name, is_packed ? "packed weights" : weir_tensor_type_name(t));
    float *values = weir_arena_take_array(b->arena, n, sizeof *values);
    if (values != NULL)
        t->format->dequantize(t->data, values, n);
    *out = values;
    return WEIR_STATUS_OK;
}

static weir_status bind_vector(binder *b, const role *r, uint32_t layer, uint32_t n,
                               const float **out) {
    const weir_tensor *t;
    WEIR_TRY(find(b, r, layer, &t));
    const uint64_t shape[] = {n};
    WEIR_TRY(check_shape(b, t, 1, shape));
    return widen(b, t, n, out);
}

/* The taps of a channel lie together in every form: [channels, taps] in GGUF, [channels, 1, taps]
 * in folders, [channels, taps, 1] from MLX. There are at least two taps, so the 1 is no tap. */
static weir_status bind_taps(binder *b, uint32_t layer, const float **out) {
    const uint64_t n = b->h->d_model, k = b->h->l_cache;
    const uint64_t flat[] = {n, k}, torch[] = {n, 1, k}, mlx[] = {n, k, 1};
    const weir_tensor *t;
    WEIR_TRY(find(b, &CONV_TAPS, layer, &t));
    if (!has_shape(t, 2, flat) && !has_shape(t, 3, torch) && !has_shape(t, 3, mlx))
        return is_gguf(b) ? check_shape(b, t, 2, flat) : check_shape(b, t, 3, torch);
    return widen(b, t, (size_t)(n * k), out);
}

static weir_weight make_weight(const weir_tensor *t, size_t first_row, uint32_t rows, uint32_t cols,
                               size_t row_bytes) {
    return (weir_weight){.data = t->data + first_row * row_bytes,
                         .format = t->format,
                         .rows = rows,
                         .cols = cols,
                         .row_bytes = row_bytes};
}

static weir_status weight_of(binder *b, const weir_tensor *t, uint32_t rows, uint32_t cols,
                             weir_weight *out) {
    const uint64_t shape[] = {rows, cols};
    size_t row_bytes;
    WEIR_TRY(check_shape(b, t, 2, shape));
    WEIR_TRY(check_rows(b, t, cols, &row_bytes));
    *out = make_weight(t, 0, rows, cols, row_bytes);
    return WEIR_STATUS_OK;
}

static weir_status bind_matrix(binder *b, const role *r, uint32_t layer, uint32_t rows,
                               uint32_t cols, weir_weight *out) {
    const weir_tensor *t;
    WEIR_TRY(find(b, r, layer, &t));
    return weight_of(b, t, rows, cols, out);
}

/* ---- experts -------------------------------------------------------------------------------- */

/* Rows [first, first + rows) of every expert's slice of a tensor [n_experts, slice_rows, cols].
 * out [n_experts], NULL when measuring. */
static weir_status bind_slices(binder *b, const role *r, uint32_t layer, uint32_t slice_rows,
                               uint32_t first, uint32_t rows, uint32_t cols, weir_weight *out) {
    const weir_tensor *t;
    WEIR_TRY(find(b, r, layer, &t));
    const uint64_t shape[] = {b->h->n_experts, slice_rows, cols};
    size_t row_bytes;
    WEIR_TRY(check_shape(b, t, 3, shape));
    WEIR_TRY(check_rows(b, t, cols, &row_bytes));
    for (uint32_t e = 0; out != NULL && e < b->h->n_experts; e++)
        out[e] = make_weight(t, (size_t)e * slice_rows + first, rows, cols, row_bytes);
    return WEIR_STATUS_OK;
}

/* One expert's own tensor, only in folders; out NULL when measuring. */
static weir_status bind_expert(binder *b, uint32_t layer, uint32_t expert, const char *what,
                               uint32_t rows, uint32_t cols, weir_weight *out) {
    char suffix[NAME_BYTES];
    snprintf(suffix, sizeof suffix, "feed_forward.experts.%u.%s.weight", expert, what);
    const weir_tensor *t = look(b, layer, suffix);
    if (t == NULL)
        return missing(b, layer, suffix);
    mark_used(b, t);
    weir_weight scratch;
    WEIR_TRY(weight_of(b, t, rows, cols, out != NULL ? &out[expert] : &scratch));
    /* Products over experts choose one way for all of them. */
    if (out != NULL && out[expert].format != out[0].format)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                         "tensor %s is %s, expected %s as that of expert 0", t->name,
                         out[expert].format->name, out[0].format->name);
    return WEIR_STATUS_OK;
}

static weir_status bind_experts(binder *b, uint32_t i, weir_layer *layer) {
    const weir_hparams *h = b->h;
    const uint32_t n = h->n_experts, d = h->d_model, f = h->d_ff_expert;
    weir_weight *gate = weir_arena_take_array(b->arena, n, sizeof *gate);
    weir_weight *up = weir_arena_take_array(b->arena, n, sizeof *up);
    weir_weight *down = weir_arena_take_array(b->arena, n, sizeof *down);
    layer->experts_gate = gate;
    layer->experts_up = up;
    layer->experts_down = down;

    WEIR_TRY(bind_matrix(b, &ROUTER, i, n, d, &layer->router));
    if (h->has_expert_bias)
        WEIR_TRY(bind_vector(b, &EXPERT_BIAS, i, n, &layer->expert_bias));
    if (exists(b, &EXPERTS_GATE_UP, i)) {
        WEIR_TRY(bind_slices(b, &EXPERTS_GATE_UP, i, 2 * f, 0, f, d, gate));
        WEIR_TRY(bind_slices(b, &EXPERTS_GATE_UP, i, 2 * f, f, f, d, up));
        return bind_slices(b, &EXPERTS_DOWN, i, d, 0, d, f, down);
    }
    if (is_gguf(b) || exists(b, &EXPERTS_GATE, i)) {
        WEIR_TRY(bind_slices(b, &EXPERTS_GATE, i, f, 0, f, d, gate));
        WEIR_TRY(bind_slices(b, &EXPERTS_UP, i, f, 0, f, d, up));
        return bind_slices(b, &EXPERTS_DOWN, i, d, 0, d, f, down);
    }
    for (uint32_t e = 0; e < n; e++) {
        WEIR_TRY(bind_expert(b, i, e, "w1", f, d, gate));
        WEIR_TRY(bind_expert(b, i, e, "w3", f, d, up));
        WEIR_TRY(bind_expert(b, i, e, "w2", d, f, down));
    }
    return WEIR_STATUS_OK;
}

/* ---- binding all ---------------------------------------------------------------------------- */

static weir_status bind_conv(binder *b, uint32_t i, weir_layer *layer) {
    const uint32_t d = b->h->d_model;
    WEIR_TRY(bind_matrix(b, &CONV_IN, i, 3 * d, d, &layer->conv_in));
    WEIR_TRY(bind_matrix(b, &CONV_OUT, i, d, d, &layer->conv_out));
    WEIR_TRY(bind_taps(b, i, &layer->conv_taps));
    if (!b->h->has_conv_bias)
        return WEIR_STATUS_OK;
    WEIR_TRY(bind_vector(b, &CONV_IN_BIAS, i, 3 * d, &layer->conv_in_bias));
    WEIR_TRY(bind_vector(b, &CONV_BIAS, i, d, &layer->conv_bias));
    return bind_vector(b, &CONV_OUT_BIAS, i, d, &layer->conv_out_bias);
}

static weir_status bind_attn(binder *b, uint32_t i, weir_layer *layer) {
    const weir_hparams *h = b->h;
    const uint32_t d = h->d_model, q = h->n_heads * h->head_dim;
    const uint32_t kv = h->n_heads_kv[i] * h->head_dim;
    layer->n_heads_kv = h->n_heads_kv[i];
    WEIR_TRY(bind_matrix(b, &ATTN_Q, i, q, d, &layer->attn_q));
    WEIR_TRY(bind_matrix(b, &ATTN_K, i, kv, d, &layer->attn_k));
    WEIR_TRY(bind_matrix(b, &ATTN_V, i, kv, d, &layer->attn_v));
    WEIR_TRY(bind_matrix(b, &ATTN_OUT, i, d, q, &layer->attn_out));
    WEIR_TRY(bind_vector(b, &Q_NORM, i, h->head_dim, &layer->q_norm));
    return bind_vector(b, &K_NORM, i, h->head_dim, &layer->k_norm);
}

static weir_status bind_layer(binder *b, uint32_t i, weir_layer *layer) {
    const weir_hparams *h = b->h;
    layer->kind = h->kind[i];
    layer->is_moe = i >= h->n_layers_dense;
    WEIR_TRY(bind_vector(b, &OPERATOR_NORM, i, h->d_model, &layer->operator_norm));
    WEIR_TRY(bind_vector(b, &FFN_NORM, i, h->d_model, &layer->ffn_norm));
    WEIR_TRY(layer->kind == WEIR_LAYER_CONV ? bind_conv(b, i, layer) : bind_attn(b, i, layer));
    if (layer->is_moe)
        return bind_experts(b, i, layer);
    WEIR_TRY(bind_matrix(b, &FFN_GATE, i, h->d_ff, h->d_model, &layer->ffn_gate));
    WEIR_TRY(bind_matrix(b, &FFN_UP, i, h->d_ff, h->d_model, &layer->ffn_up));
    return bind_matrix(b, &FFN_DOWN, i, h->d_model, h->d_ff, &layer->ffn_down);
}

static weir_status bind_all(binder *b) {
    weir_model *m = b->model;
    const weir_hparams *h = b->h;
    weir_layer *layers = weir_arena_take_array(b->arena, h->n_layers, sizeof *layers);
    m->layers = layers;
    m->n_layers_conv = m->n_layers_attn = 0;
    WEIR_TRY(bind_matrix(b, &EMBED, NO_LAYER, h->n_vocab, h->d_model, &m->embed));
    if (h->is_tied)
        m->head = m->embed;
    else
        WEIR_TRY(bind_matrix(b, &HEAD, NO_LAYER, h->n_vocab, h->d_model, &m->head));
    WEIR_TRY(bind_vector(b, &FINAL_NORM, NO_LAYER, h->d_model, &m->final_norm));
    for (uint32_t i = 0; i < h->n_layers; i++) {
        weir_layer layer = {0};
        WEIR_TRY(bind_layer(b, i, &layer));
        layer.kind_index = layer.kind == WEIR_LAYER_CONV ? m->n_layers_conv++ : m->n_layers_attn++;
        if (layers != NULL)
            layers[i] = layer;
    }
    return WEIR_STATUS_OK;
}

/* ---- what is left over ---------------------------------------------------------------------- */

static bool is_without_effect(const binder *b, const char *name) {
    if (is_gguf(b))
        return strcmp(name, "rope_freqs.weight") == 0;
    if (weir_ends_with(name, "rotary_emb.inv_freq") || weir_ends_with(name, "pos_emb.inv_freq"))
        return true;
    if (strcmp(name, HEAD.hf[0]) == 0)
        return b->h->is_tied;
    return b->prefix != HF_PREFIXES[0] && strncmp(name, b->prefix, strlen(b->prefix)) != 0;
}

static weir_status check_surplus(const binder *b) {
    size_t n = weir_model_source_n_tensors(b->source), n_surplus = 0;
    const char *first = NULL;
    for (size_t i = 0; i < n; i++) {
        const char *name = weir_model_source_tensor_at(b->source, i)->name;
        if (b->is_used[i] || is_without_effect(b, name))
            continue;
        if (n_surplus++ == 0)
            first = name;
    }
    if (n_surplus > 0)
        return weir_fail(b->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.80s%s has no place in this model, expected only what its "
                         "metadata calls for",
                         first, n_surplus > 1 ? " (and more)" : "");
    return WEIR_STATUS_OK;
}

static const char *find_prefix(const struct weir_model_source *source) {
    for (size_t i = 0; i < WEIR_COUNT(HF_PREFIXES); i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s%s", HF_PREFIXES[i], EMBED.hf[0]);
        if (weir_model_source_find(source, name) != NULL)
            return HF_PREFIXES[i];
    }
    return HF_PREFIXES[0];
}

weir_status weir_model_bind(weir_model *model, weir_error *err) {
    struct weir_model_source *source = model->source;
    size_t n = weir_model_source_n_tensors(source);
    weir_arena measure = {0};
    binder b = {.model = model,
                .h = &model->h,
                .source = source,
                .arena = &measure,
                .is_used = calloc(n > 0 ? n : 1, sizeof *b.is_used),
                .prefix = source->gguf != NULL ? "" : find_prefix(source),
                .err = err};
    if (b.is_used == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to bind %zu tensors", n);
    weir_status status;
    WEIR_TRY_GOTO(bind_all(&b));
    WEIR_TRY_GOTO(check_surplus(&b));
    WEIR_TRY_GOTO(weir_arena_open(&source->arena, measure.used, "layers and small vectors", err));
    b.arena = &source->arena;
    WEIR_TRY_GOTO(bind_all(&b));
    assert(source->arena.used == measure.used);
fail:
    free(b.is_used);
    return status;
}
