/*
 * parts.c: see parts.h.
 */
#include "model/parts.h"

#include <assert.h>
#include <stdio.h>

static const weir_part_names names[WEIR_N_PARTS] = {
    [WEIR_PART_EMBED] = {"embed", "token_embd.weight", "model.embed_tokens.weight", false, true,
                         false},
    [WEIR_PART_HEAD] = {"head", "output.weight", "lm_head.weight", false, true, false},
    [WEIR_PART_FINAL_NORM] = {"final_norm", "token_embd_norm.weight", "model.embedding_norm.weight",
                              false, false, false},
    [WEIR_PART_OPERATOR_NORM] = {"operator_norm", "attn_norm.weight", "operator_norm.weight", true,
                                 false, false},
    [WEIR_PART_FFN_NORM] = {"ffn_norm", "ffn_norm.weight", "ffn_norm.weight", true, false, false},
    [WEIR_PART_CONV_IN] = {"conv_in", "shortconv.in_proj.weight", "conv.in_proj.weight", true, true,
                           false},
    [WEIR_PART_CONV_TAPS] = {"conv_taps", "shortconv.conv.weight", "conv.conv.weight", true, false,
                             false},
    [WEIR_PART_CONV_OUT] = {"conv_out", "shortconv.out_proj.weight", "conv.out_proj.weight", true,
                            true, false},
    [WEIR_PART_CONV_IN_BIAS] = {"conv_in_bias", "shortconv.in_proj.bias", "conv.in_proj.bias", true,
                                false, false},
    [WEIR_PART_CONV_BIAS] = {"conv_bias", "shortconv.conv.bias", "conv.conv.bias", true, false,
                             false},
    [WEIR_PART_CONV_OUT_BIAS] = {"conv_out_bias", "shortconv.out_proj.bias", "conv.out_proj.bias",
                                 true, false, false},
    [WEIR_PART_ATTN_Q] = {"attn_q", "attn_q.weight", "self_attn.q_proj.weight", true, true, false},
    [WEIR_PART_ATTN_K] = {"attn_k", "attn_k.weight", "self_attn.k_proj.weight", true, true, false},
    [WEIR_PART_ATTN_V] = {"attn_v", "attn_v.weight", "self_attn.v_proj.weight", true, true, false},
    [WEIR_PART_ATTN_OUT] = {"attn_out", "attn_output.weight", "self_attn.out_proj.weight", true,
                            true, false},
    [WEIR_PART_Q_NORM] = {"q_norm", "attn_q_norm.weight", "self_attn.q_layernorm.weight", true,
                          false, false},
    [WEIR_PART_K_NORM] = {"k_norm", "attn_k_norm.weight", "self_attn.k_layernorm.weight", true,
                          false, false},
    [WEIR_PART_FFN_GATE] = {"ffn_gate", "ffn_gate.weight", "feed_forward.w1.weight", true, true,
                            false},
    [WEIR_PART_FFN_UP] = {"ffn_up", "ffn_up.weight", "feed_forward.w3.weight", true, true, false},
    [WEIR_PART_FFN_DOWN] = {"ffn_down", "ffn_down.weight", "feed_forward.w2.weight", true, true,
                            false},
    [WEIR_PART_ROUTER] = {"router", "ffn_gate_inp.weight", "feed_forward.gate.weight", true, false,
                          false},
    [WEIR_PART_EXPERT_BIAS] = {"expert_bias", "exp_probs_b.bias", "feed_forward.expert_bias", true,
                               false, false},
    [WEIR_PART_EXPERTS_GATE] = {"experts_gate", "ffn_gate_exps.weight", "w1.weight", true, true,
                                true},
    [WEIR_PART_EXPERTS_UP] = {"experts_up", "ffn_up_exps.weight", "w3.weight", true, true, true},
    [WEIR_PART_EXPERTS_DOWN] = {"experts_down", "ffn_down_exps.weight", "w2.weight", true, true,
                                true},
};

const weir_part_names *weir_part_get_names(weir_part part) {
    assert((unsigned)part < WEIR_N_PARTS);
    return &names[part];
}

void weir_part_gguf_name(char out[WEIR_GGUF_NAME], weir_part part, uint32_t layer) {
    const weir_part_names *n = &names[part];
    int length = n->is_layer ? snprintf(out, WEIR_GGUF_NAME, "blk.%u.%s", layer, n->gguf)
                             : snprintf(out, WEIR_GGUF_NAME, "%s", n->gguf);
    assert(length > 0 && length < WEIR_GGUF_NAME);
    (void)length;
}

void weir_part_hf_name(char out[WEIR_HF_NAME], weir_part part, uint32_t layer, uint32_t expert) {
    const weir_part_names *n = &names[part];
    if (!n->is_layer)
        snprintf(out, WEIR_HF_NAME, "%s", n->hf);
    else if (n->is_stack)
        snprintf(out, WEIR_HF_NAME, "model.layers.%u.feed_forward.experts.%u.%s", layer, expert,
                 n->hf);
    else
        snprintf(out, WEIR_HF_NAME, "model.layers.%u.%s", layer, n->hf);
}

static weir_part_data matrix(const weir_weight *weight) {
    return (weir_part_data){.weight = weight && weight->data ? weight : NULL};
}

static weir_part_data vector(const float *values) {
    return (weir_part_data){.values = values};
}

weir_part_data weir_part_find(const weir_model *m, weir_part part, uint32_t layer) {
    const weir_layer *l = &m->layers[names[part].is_layer ? layer : 0];
    switch (part) {
    case WEIR_PART_EMBED:
        return matrix(&m->embed);
    case WEIR_PART_HEAD:
        return matrix(&m->head);
    case WEIR_PART_FINAL_NORM:
        return vector(m->final_norm);
    case WEIR_PART_OPERATOR_NORM:
        return vector(l->operator_norm);
    case WEIR_PART_FFN_NORM:
        return vector(l->ffn_norm);
    case WEIR_PART_CONV_IN:
        return matrix(&l->conv_in);
    case WEIR_PART_CONV_TAPS:
        return vector(l->conv_taps);
    case WEIR_PART_CONV_OUT:
        return matrix(&l->conv_out);
    case WEIR_PART_CONV_IN_BIAS:
        return vector(l->conv_in_bias);
    case WEIR_PART_CONV_BIAS:
        return vector(l->conv_bias);
    case WEIR_PART_CONV_OUT_BIAS:
        return vector(l->conv_out_bias);
    case WEIR_PART_ATTN_Q:
        return matrix(&l->attn_q);
    case WEIR_PART_ATTN_K:
        return matrix(&l->attn_k);
    case WEIR_PART_ATTN_V:
        return matrix(&l->attn_v);
    case WEIR_PART_ATTN_OUT:
        return matrix(&l->attn_out);
    case WEIR_PART_Q_NORM:
        return vector(l->q_norm);
    case WEIR_PART_K_NORM:
        return vector(l->k_norm);
    case WEIR_PART_FFN_GATE:
        return matrix(&l->ffn_gate);
    case WEIR_PART_FFN_UP:
        return matrix(&l->ffn_up);
    case WEIR_PART_FFN_DOWN:
        return matrix(&l->ffn_down);
    case WEIR_PART_ROUTER:
        return matrix(&l->router);
    case WEIR_PART_EXPERT_BIAS:
        return vector(l->expert_bias);
    case WEIR_PART_EXPERTS_GATE:
        return matrix(l->experts_gate);
    case WEIR_PART_EXPERTS_UP:
        return matrix(l->experts_up);
    case WEIR_PART_EXPERTS_DOWN:
        return matrix(l->experts_down);
    case WEIR_N_PARTS:
        break;
    }
    return (weir_part_data){0};
}
