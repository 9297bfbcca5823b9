/*
 * tensor_layout.c: the tensors of a model, in the order of a GGUF file.
 *
 * Owns the rule of what stays F32. Does not touch files.
 * Invariant: a tensor is planned exactly if the hyperparameters call for it.
 */
#include "convert/tensor_layout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* ---- formats ------------------------------------------------------------------------------- */

const weir_format *weir_planned_format(bool is_matrix, const weir_format *type, uint64_t n_cols) {
    return is_matrix ? weir_format_for_row(type, n_cols) : weir_format_by_id(WEIR_FORMAT_F32);
}

void weir_planned_take(weir_planned *t, const weir_format *type) {
    t->format = weir_planned_format(t->is_matrix, type, t->n_cols);
    t->row_bytes = weir_format_row_bytes(t->format, t->n_cols);
}

weir_status weir_unknown_type(const char *name, const char *const *known, weir_error *err) {
    char list[WEIR_ERROR_TEXT / 2];
    size_t n = 0;
    list[0] = '\0';
    for (; *known != NULL && n < sizeof list; known++)
        n += (size_t)snprintf(list + n, sizeof list - n, " %s", *known);
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "unknown type '%.40s', expected one of:%s",
                     name, list);
}

weir_status weir_format_parse(const weir_format **out, const char *name, weir_error *err) {
    *out = weir_format_by_name(name);
    return *out != NULL ? WEIR_STATUS_OK : weir_unknown_type(name, weir_format_names(), err);
}

bool weir_layout_is_matrix(const char *gguf_name) {
    const char *tail = gguf_name;
    bool in_layer = strncmp(gguf_name, "blk.", 4) == 0;
    if (in_layer) {
        tail += 4;
        size_t digits = strspn(tail, "0123456789");
        if (digits == 0 || tail[digits] != '.')
            return false;
        tail += digits + 1;
    }
    for (uint32_t i = 0; i < WEIR_N_PARTS; i++) {
        const weir_part_names *n = weir_part_get_names((weir_part)i);
        if (n->is_layer == in_layer && strcmp(n->gguf, tail) == 0)
            return n->is_matrix;
    }
    return false;
}

/* ---- the tensors of a model ---------------------------------------------------------------- */

/* Dimensions of 0 at the front are left out: (0, rows, cols) is a matrix, (0, 0, n) a vector. */
static void plan(weir_layout *layout, weir_part part, uint32_t layer, uint64_t stack, uint64_t rows,
                 uint32_t cols) {
    weir_planned *t = &layout->tensors[layout->n_tensors++];
    *t = (weir_planned){
        .part = part, .layer = layer, .is_matrix = weir_part_get_names(part)->is_matrix};
    weir_part_gguf_name(t->name, part, layer);
    t->n_rows = 1;
    if (stack != 0) {
        t->shape[t->n_dims++] = stack;
        t->n_rows = stack;
    }
    if (rows != 0) {
        t->shape[t->n_dims++] = rows;
        t->n_rows *= rows;
    }
    t->shape[t->n_dims++] = cols;
    t->n_cols = cols;
}

static void plan_operator(weir_layout *out, const weir_hparams *h, uint32_t i) {
    uint32_t d = h->d_model;
    if (h->kind[i] == WEIR_LAYER_CONV) {
        plan(out, WEIR_PART_CONV_IN, i, 0, 3 * (uint64_t)d, d);
        plan(out, WEIR_PART_CONV_TAPS, i, 0, d, h->l_cache);
        plan(out, WEIR_PART_CONV_OUT, i, 0, d, d);
        if (h->has_conv_bias) {
            plan(out, WEIR_PART_CONV_IN_BIAS, i, 0, 0, 3 * d);
            plan(out, WEIR_PART_CONV_BIAS, i, 0, 0, d);
            plan(out, WEIR_PART_CONV_OUT_BIAS, i, 0, 0, d);
        }
    } else {
        uint32_t width = h->n_heads * h->head_dim;
        uint32_t width_kv = h->n_heads_kv[i] * h->head_dim;
        plan(out, WEIR_PART_ATTN_Q, i, 0, width, d);
        plan(out, WEIR_PART_ATTN_K, i, 0, width_kv, d);
        plan(out, WEIR_PART_ATTN_V, i, 0, width_kv, d);
        plan(out, WEIR_PART_ATTN_OUT, i, 0, d, width);
        plan(out, WEIR_PART_Q_NORM, i, 0, 0, h->head_dim);
        plan(out, WEIR_PART_K_NORM, i, 0, 0, h->head_dim);
    }
}

static void plan_feed_forward(weir_layout *out, const weir_hparams *h, uint32_t i) {
    uint32_t d = h->d_model;
    if (h->n_experts == 0 || i < h->n_layers_dense) {
        plan(out, WEIR_PART_FFN_GATE, i, 0, h->d_ff, d);
        plan(out, WEIR_PART_FFN_UP, i, 0, h->d_ff, d);
        plan(out, WEIR_PART_FFN_DOWN, i, 0, d, h->d_ff);
    } else {
        plan(out, WEIR_PART_ROUTER, i, 0, h->n_experts, d);
        plan(out, WEIR_PART_EXPERT_BIAS, i, 0, 0, h->n_experts);
        plan(out, WEIR_PART_EXPERTS_GATE, i, h->n_experts, h->d_ff_expert, d);
        plan(out, WEIR_PART_EXPERTS_UP, i, h->n_experts, h->d_ff_expert, d);
        plan(out, WEIR_PART_EXPERTS_DOWN, i, h->n_experts, d, h->d_ff_expert);
    }
}

weir_status weir_layout_make(weir_layout *out, const weir_hparams *h, weir_error *err) {
    enum { MOST_GLOBAL = 3, MOST_IN_LAYER = 13 };
    out->n_tensors = 0;
    out->tensors = calloc(MOST_GLOBAL + (size_t)h->n_layers * MOST_IN_LAYER, sizeof *out->tensors);
    if (out->tensors == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    plan(out, WEIR_PART_EMBED, 0, 0, h->n_vocab, h->d_model);
    plan(out, WEIR_PART_FINAL_NORM, 0, 0, 0, h->d_model);
    if (!h->is_tied)
        plan(out, WEIR_PART_HEAD, 0, 0, h->n_vocab, h->d_model);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        plan(out, WEIR_PART_OPERATOR_NORM, i, 0, 0, h->d_model);
        plan_operator(out, h, i);
        plan(out, WEIR_PART_FFN_NORM, i, 0, 0, h->d_model);
        plan_feed_forward(out, h, i);
    }
    return WEIR_STATUS_OK;
}

void weir_layout_free(weir_layout *layout) {
    free(layout->tensors);
    *layout = (weir_layout){0};
}
