/*
 * graph_params.c: what a graph is made of: its matrices and vectors by their Hugging Face names,
 * which of them are trained, and where their numbers come from.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "train/graph_internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parameters begin at cache lines. */
enum { PARAM_ALIGN = 16 };

/* Room for one more item, doubling. */
static bool grow(void **items, size_t n, size_t *cap, size_t bytes) {
    if (n < *cap)
        return true;
    size_t wanted = *cap ? *cap * 2 : 64;
    void *moved = realloc(*items, wanted * bytes);
    if (!moved)
        return false;
    *items = moved;
    *cap = wanted;
    return true;
}

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of parameters");
}

static weir_status add_param(weir_graph *g, const weir_param *param, uint32_t *index,
                             weir_error *err) {
    void *items = g->params;
    if (!grow(&items, g->n_params, &g->cap_params, sizeof *g->params))
        return no_memory(err);
    g->params = items;
    weir_param *to = &g->params[g->n_params];
    *to = *param;
    to->at = g->n_values;
    size_t n = (size_t)to->rows * to->cols;
    g->n_values += (n + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
    *index = (uint32_t)g->n_params++;
    return WEIR_STATUS_OK;
}

static weir_status add_vector(weir_graph *g, weir_vector_slot *slot, weir_part part, uint32_t layer,
                              uint32_t rows, uint32_t cols, weir_error *err) {
    weir_param param = {.kind = part == WEIR_PART_CONV_TAPS ? WEIR_PARAM_TAPS : WEIR_PARAM_VECTOR,
                        .part = part,
                        .layer = layer,
                        .expert = WEIR_NO_INDEX,
                        .rows = rows,
                        .cols = cols};
    slot->param = WEIR_NO_INDEX;
    if (g->options.is_frozen)
        return WEIR_STATUS_OK;
    weir_part_hf_name(param.name, part, layer, 0);
    return add_param(g, &param, &slot->param, err);
}

static weir_status add_adapter(weir_graph *g, const weir_linear_slot *slot, uint32_t *index,
                               weir_error *err) {
    uint32_t second;
    weir_param param = {.kind = WEIR_PARAM_MATRIX,
                        .is_adapter = true,
                        .part = slot->part,
                        .layer = slot->layer,
                        .expert = slot->expert,
                        .rows = slot->rank,
                        .cols = slot->cols};
    int n = (int)strnlen(slot->name, WEIR_HF_NAME);
    snprintf(param.name, sizeof param.name, "%.*s.lora_A.weight", n, slot->name);
    WEIR_TRY(add_param(g, &param, index, err));
    param.rows = slot->rows;
    param.cols = slot->rank;
    snprintf(param.name, sizeof param.name, "%.*s.lora_B.weight", n, slot->name);
    return add_param(g, &param, &second, err);
}

/* The model's layer that layer i of the graph has its weights from. */
static uint32_t layer_in_model(const weir_graph *g, uint32_t i) {
    return g->options.layers && i != WEIR_NO_INDEX ? g->options.layers[i] : i;
}

static bool add_room(weir_graph *g) {
    size_t cap = g->cap_slots;
    void *slots = g->slots;
    if (!grow(&slots, g->n_slots, &cap, sizeof *g->slots))
        return false;
    g->slots = slots;
    if (cap == g->cap_slots)
        return true;
    uint32_t *params = realloc(g->slot_param, cap * sizeof *params);
    if (params)
        g->slot_param = params;
    uint32_t *loras = realloc(g->slot_lora, cap * sizeof *loras);
    if (loras)
        g->slot_lora = loras;
    if (!params || !loras)
        return false;
    g->cap_slots = cap;
    return true;
}

/* A matrix [rows, cols]; expert WEIR_NO_INDEX where it is no expert's. */
static weir_status add_matrix(weir_graph *g, uint32_t *index, weir_part part, uint32_t layer,
                              uint32_t expert, uint32_t rows, uint32_t cols, weir_error *err) {
    static const char ending[] = ".weight";
    bool is_table = part == WEIR_PART_EMBED || part == WEIR_PART_HEAD;
    weir_linear_slot slot = {
        .part = part, .layer = layer, .expert = expert, .rows = rows, .cols = cols};
    weir_param param = {.kind = is_table ? WEIR_PARAM_EMBED : WEIR_PARAM_MATRIX,
                        .part = part,
                        .layer = layer,
                        .expert = expert,
                        .rows = rows,
                        .cols = cols};
    uint32_t own = WEIR_NO_INDEX, lora = WEIR_NO_INDEX;
    weir_part_hf_name(param.name, part, layer, expert);
    memcpy(slot.name, param.name, strlen(param.name) - strlen(ending));
    if (g->model) {
        slot.frozen = weir_part_find(g->model, part, layer_in_model(g, layer)).weight;
        assert(slot.frozen);
        if (weir_part_get_names(part)->is_stack)
            slot.frozen += expert;
    }
    if (!g->options.is_frozen)
        WEIR_TRY(add_param(g, &param, &own, err));
    if (g->options.adapter_filter && !is_table &&
        g->options.adapter_filter(g->options.adapter_context, &slot)) {
        slot.rank = g->options.lora_rank;
        slot.scale = g->options.lora_scale;
        WEIR_TRY(add_adapter(g, &slot, &lora, err));
    }
    if (!add_room(g))
        return no_memory(err);
    g->slots[g->n_slots] = slot;
    g->slot_param[g->n_slots] = own;
    g->slot_lora[g->n_slots] = lora;
    *index = (uint32_t)g->n_slots++;
    return WEIR_STATUS_OK;
}

static weir_status list_conv(weir_graph *g, uint32_t i, weir_error *err) {
    uint32_t d = g->h.d_model, none = WEIR_NO_INDEX;
    weir_graph_layer *l = &g->layers[i];
    WEIR_TRY(add_matrix(g, &l->conv_in, WEIR_PART_CONV_IN, i, none, 3 * d, d, err));
    WEIR_TRY(add_matrix(g, &l->conv_out, WEIR_PART_CONV_OUT, i, none, d, d, err));
    WEIR_TRY(add_vector(g, &l->taps, WEIR_PART_CONV_TAPS, i, d, g->h.l_cache, err));
    if (!g->h.has_conv_bias)
        return WEIR_STATUS_OK;
    WEIR_TRY(add_vector(g, &l->conv_in_bias, WEIR_PART_CONV_IN_BIAS, i, 1, 3 * d, err));
    WEIR_TRY(add_vector(g, &l->conv_bias, WEIR_PART_CONV_BIAS, i, 1, d, err));
    return add_vector(g, &l->conv_out_bias, WEIR_PART_CONV_OUT_BIAS, i, 1, d, err);
}

static weir_status list_attn(weir_graph *g, uint32_t i, weir_error *err) {
    weir_graph_layer *l = &g->layers[i];
    uint32_t d = g->h.d_model, none = WEIR_NO_INDEX, hd = g->h.head_dim;
    uint32_t width = g->h.n_heads * hd, width_kv = l->n_heads_kv * hd;
    WEIR_TRY(add_matrix(g, &l->q, WEIR_PART_ATTN_Q, i, none, width, d, err));
    WEIR_TRY(add_matrix(g, &l->k, WEIR_PART_ATTN_K, i, none, width_kv, d, err));
    WEIR_TRY(add_matrix(g, &l->v, WEIR_PART_ATTN_V, i, none, width_kv, d, err));
    WEIR_TRY(add_matrix(g, &l->out, WEIR_PART_ATTN_OUT, i, none, d, width, err));
    WEIR_TRY(add_vector(g, &l->q_norm, WEIR_PART_Q_NORM, i, 1, hd, err));
    return add_vector(g, &l->k_norm, WEIR_PART_K_NORM, i, 1, hd, err);
}

static weir_status list_dense(weir_graph *g, uint32_t i, weir_error *err) {
    uint32_t d = g->h.d_model, none = WEIR_NO_INDEX, width = g->h.d_ff;
    weir_graph_layer *l = &g->layers[i];
    WEIR_TRY(add_matrix(g, &l->gate, WEIR_PART_FFN_GATE, i, none, width, d, err));
    WEIR_TRY(add_matrix(g, &l->up, WEIR_PART_FFN_UP, i, none, width, d, err));
    return add_matrix(g, &l->down, WEIR_PART_FFN_DOWN, i, none, d, width, err);
}

/* One of the three matrices of every expert, one after the other; *first is expert 0's. */
static weir_status list_experts(weir_graph *g, uint32_t *first, weir_part part, uint32_t i,
                                uint32_t rows, uint32_t cols, weir_error *err) {
    for (uint32_t e = 0; e < g->h.n_experts; e++) {
        uint32_t index;
        WEIR_TRY(add_matrix(g, &index, part, i, e, rows, cols, err));
        if (e == 0)
            *first = index;
    }
    return WEIR_STATUS_OK;
}

static weir_status list_moe(weir_graph *g, uint32_t i, weir_error *err) {
    uint32_t d = g->h.d_model, width = g->h.d_ff_expert;
    weir_graph_layer *l = &g->layers[i];
    l->load = (uint32_t)g->n_loads++;
    WEIR_TRY(add_matrix(g, &l->router, WEIR_PART_ROUTER, i, WEIR_NO_INDEX, g->h.n_experts, d, err));
    WEIR_TRY(list_experts(g, &l->expert_gate, WEIR_PART_EXPERTS_GATE, i, width, d, err));
    WEIR_TRY(list_experts(g, &l->expert_up, WEIR_PART_EXPERTS_UP, i, width, d, err));
    return list_experts(g, &l->expert_down, WEIR_PART_EXPERTS_DOWN, i, d, width, err);
}

weir_status weir_graph_list(weir_graph *g, weir_error *err) {
    const weir_hparams *h = &g->h;
    uint32_t none = WEIR_NO_INDEX, d = h->d_model;
    WEIR_TRY(add_matrix(g, &g->embed, WEIR_PART_EMBED, none, none, h->n_vocab, d, err));
    for (uint32_t i = 0; i < h->n_layers; i++) {
        weir_graph_layer *l = &g->layers[i];
        l->kind = h->kind[i];
        l->is_moe = i >= h->n_layers_dense;
        l->n_heads_kv = h->n_heads_kv[i];
        WEIR_TRY(add_vector(g, &l->operator_norm, WEIR_PART_OPERATOR_NORM, i, 1, d, err));
        WEIR_TRY(l->kind == WEIR_LAYER_CONV ? list_conv(g, i, err) : list_attn(g, i, err));
        WEIR_TRY(add_vector(g, &l->ffn_norm, WEIR_PART_FFN_NORM, i, 1, d, err));
        WEIR_TRY(l->is_moe ? list_moe(g, i, err) : list_dense(g, i, err));
    }
    WEIR_TRY(add_vector(g, &g->final_norm, WEIR_PART_FINAL_NORM, none, 1, d, err));
    g->head = g->embed;
    if (h->is_tied)
        return WEIR_STATUS_OK;
    return add_matrix(g, &g->head, WEIR_PART_HEAD, none, none, h->n_vocab, d, err);
}

weir_status weir_graph_take_layers(weir_hparams *h, const uint32_t *layers, uint32_t n,
                                   weir_error *err) {
    weir_hparams to = *h;
    if (n == 0 || n > WEIR_MAX_LAYERS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%u layers, expected 1 to %d", n,
                         (int)WEIR_MAX_LAYERS);
    to.n_layers = n;
    to.n_layers_dense = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (layers[i] >= h->n_layers)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "layer %u, but the model has 0 to %u",
                             layers[i], h->n_layers - 1);
        if (i > 0 && layers[i] < layers[i - 1])
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "layer %u behind layer %u, expected them in their order", layers[i],
                             layers[i - 1]);
        to.kind[i] = h->kind[layers[i]];
        to.n_heads_kv[i] = h->n_heads_kv[layers[i]];
        to.n_layers_dense += layers[i] < h->n_layers_dense;
    }
    if (to.n_layers_dense == n) { /* what a reader of a dense configuration has */
        to.n_experts = to.n_experts_used = to.d_ff_expert = 0;
        to.has_expert_bias = false;
        to.has_topk_norm = true;
        to.expert_scale = 1;
    }
    *h = to;
    return WEIR_STATUS_OK;
}

/* ---- pointers and numbers ------------------------------------------------------------------ */

static void bind_vector(weir_graph *g, weir_vector_slot *slot, const float *values) {
    if (slot->param == WEIR_NO_INDEX) {
        slot->w = values;
        slot->dw = NULL;
        return;
    }
    slot->w = g->values + g->params[slot->param].at;
    slot->dw = g->gradients + g->params[slot->param].at;
}

static void bind_slot(weir_graph *g, size_t i) {
    weir_linear_slot *slot = &g->slots[i];
    if (g->slot_param[i] != WEIR_NO_INDEX) {
        slot->w = g->values + g->params[g->slot_param[i]].at;
        slot->dw = g->gradients + g->params[g->slot_param[i]].at;
        slot->frozen = NULL;
    }
    if (g->slot_lora[i] != WEIR_NO_INDEX) {
        const weir_param *a = &g->params[g->slot_lora[i]], *b = a + 1;
        slot->lora_a = g->values + a->at;
        slot->dlora_a = g->gradients + a->at;
        slot->lora_b = g->values + b->at;
        slot->dlora_b = g->gradients + b->at;
    }
}

/* A layer's vectors by what they are. */
typedef struct vector_of_layer {
    weir_part part;
    weir_vector_slot *slot;
} vector_of_layer;

enum { N_VECTORS = 8 };

static uint32_t vectors_of(weir_graph *g, uint32_t i, vector_of_layer out[N_VECTORS]) {
    weir_graph_layer *l = &g->layers[i];
    uint32_t n = 0;
    out[n++] = (vector_of_layer){WEIR_PART_OPERATOR_NORM, &l->operator_norm};
    out[n++] = (vector_of_layer){WEIR_PART_FFN_NORM, &l->ffn_norm};
    if (l->kind == WEIR_LAYER_ATTN) {
        out[n++] = (vector_of_layer){WEIR_PART_Q_NORM, &l->q_norm};
        out[n++] = (vector_of_layer){WEIR_PART_K_NORM, &l->k_norm};
        return n;
    }
    out[n++] = (vector_of_layer){WEIR_PART_CONV_TAPS, &l->taps};
    if (g->h.has_conv_bias) {
        out[n++] = (vector_of_layer){WEIR_PART_CONV_IN_BIAS, &l->conv_in_bias};
        out[n++] = (vector_of_layer){WEIR_PART_CONV_BIAS, &l->conv_bias};
        out[n++] = (vector_of_layer){WEIR_PART_CONV_OUT_BIAS, &l->conv_out_bias};
    }
    return n;
}

static const float *in_model(const weir_graph *g, weir_part part, uint32_t layer) {
    return g->model ? weir_part_find(g->model, part, layer_in_model(g, layer)).values : NULL;
}

void weir_graph_bind(weir_graph *g) {
    vector_of_layer vectors[N_VECTORS];
    for (size_t i = 0; i < g->n_slots; i++)
        bind_slot(g, i);
    for (uint32_t i = 0; i < g->h.n_layers; i++) {
        uint32_t n = vectors_of(g, i, vectors);
        for (uint32_t j = 0; j < n; j++)
            bind_vector(g, vectors[j].slot, in_model(g, vectors[j].part, i));
    }
    bind_vector(g, &g->final_norm, in_model(g, WEIR_PART_FINAL_NORM, 0));
}

static void load_matrix(const weir_weight *from, float *to) {
    for (uint32_t r = 0; r < from->rows; r++)
        from->format->dequantize(from->data + (size_t)r * from->row_bytes,
                                 to + (size_t)r * from->cols, from->cols);
}

/* Is it what a new layer ends with? */
static bool adds_nothing(const weir_graph *g, const weir_param *p) {
    const uint32_t *layers = g->options.layers;
    bool is_new = layers && p->layer != WEIR_NO_INDEX && p->layer > 0 &&
                  layers[p->layer] == layers[p->layer - 1];
    return is_new && (weir_is_block_output(p->part) || p->part == WEIR_PART_CONV_OUT_BIAS);
}

void weir_graph_load_values(weir_graph *g) {
    for (size_t i = 0; i < g->n_params; i++) {
        const weir_param *p = &g->params[i];
        if (p->is_adapter)
            continue;
        weir_part_data found = weir_part_find(g->model, p->part, layer_in_model(g, p->layer));
        if (adds_nothing(g, p))
            memset(g->values + p->at, 0, (size_t)p->rows * p->cols * sizeof(float));
        else if (found.weight)
            load_matrix(found.weight + (p->expert == WEIR_NO_INDEX ? 0 : p->expert),
                        g->values + p->at);
        else
            memcpy(g->values + p->at, found.values, (size_t)p->rows * p->cols * sizeof(float));
    }
    for (size_t i = 0; i < g->n_loads; i++) {
        const float *bias = in_model(g, WEIR_PART_EXPERT_BIAS, g->loads[i].layer);
        if (bias)
            memcpy(g->loads[i].bias, bias, g->h.n_experts * sizeof(float));
    }
}

/* values = share values + (1 - share) trained; [n] */
static void mix(float *values, const float *trained, float share, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = trained[i] + share * (values[i] - trained[i]);
}

weir_status weir_graph_mix_init(weir_graph *g, float share, weir_error *err) {
    assert(g->model);
    size_t n_biases = g->n_loads * g->h.n_experts;
    float *trained = malloc((g->n_values + n_biases) * sizeof *trained);
    if (!trained)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu weights", g->n_values);
    float *biases = trained + g->n_values;
    memcpy(trained, g->values, g->n_values * sizeof *trained);
    for (size_t i = 0; i < g->n_loads; i++)
        if (g->loads[i].bias)
            memcpy(biases + i * g->h.n_experts, g->loads[i].bias, g->h.n_experts * sizeof *biases);
    weir_graph_load_values(g);
    mix(g->values, trained, share, g->n_values);
    for (size_t i = 0; i < g->n_loads; i++)
        if (g->loads[i].bias)
            mix(g->loads[i].bias, biases + i * g->h.n_experts, share, g->h.n_experts);
    free(trained);
    return WEIR_STATUS_OK;
}
