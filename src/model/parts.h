/*
 * parts.h: the parts a model is made of: their names in both file forms, and where a bound model
 * has them. The one table that convert, synth, training and adapters go by; binding a file, which
 * knows older spellings too, has its own (model_bind.c).
 */
#ifndef WEIR_MODEL_PARTS_H
#define WEIR_MODEL_PARTS_H

#include "model/model.h"

typedef enum weir_part {
    WEIR_PART_EMBED,
    WEIR_PART_HEAD,
    WEIR_PART_FINAL_NORM,
    WEIR_PART_OPERATOR_NORM,
    WEIR_PART_FFN_NORM,
    WEIR_PART_CONV_IN,
    WEIR_PART_CONV_TAPS,
    WEIR_PART_CONV_OUT,
    WEIR_PART_CONV_IN_BIAS,
    WEIR_PART_CONV_BIAS,
    WEIR_PART_CONV_OUT_BIAS,
    WEIR_PART_ATTN_Q,
    WEIR_PART_ATTN_K,
    WEIR_PART_ATTN_V,
    WEIR_PART_ATTN_OUT,
    WEIR_PART_Q_NORM,
    WEIR_PART_K_NORM,
    WEIR_PART_FFN_GATE,
    WEIR_PART_FFN_UP,
    WEIR_PART_FFN_DOWN,
    WEIR_PART_ROUTER,
    WEIR_PART_EXPERT_BIAS,
    WEIR_PART_EXPERTS_GATE,
    WEIR_PART_EXPERTS_UP,
    WEIR_PART_EXPERTS_DOWN,
    WEIR_N_PARTS
} weir_part;

typedef struct weir_part_names {
    const char *name; /* "conv_in": in tables and messages */
    const char *gguf; /* behind "blk.N." for parts of a layer */
    const char *hf;   /* behind "model.layers.N." for parts of a layer */
    bool is_layer;
    bool is_matrix; /* may be quantized */
    bool is_stack;  /* one matrix an expert; hf: behind "feed_forward.experts.E." */
} weir_part_names;

/* part < WEIR_N_PARTS */
const weir_part_names *weir_part_get_names(weir_part part);

/* Also the longest name a GGUF may have, with its 0. */
enum { WEIR_GGUF_NAME = 64, WEIR_HF_NAME = 128 };

void weir_part_gguf_name(char out[WEIR_GGUF_NAME], weir_part part, uint32_t layer);
/* expert counts for the three stacks of experts only. */
void weir_part_hf_name(char out[WEIR_HF_NAME], weir_part part, uint32_t layer, uint32_t expert);

/* Where a model has a part: exactly one of the two is not NULL, or neither if the model has no such
 * part (a bias, the experts of a dense layer). Stacks: weight of expert 0, the others follow. */
typedef struct weir_part_data {
    const weir_weight *weight;
    const float *values;
} weir_part_data;

weir_part_data weir_part_find(const weir_model *model, weir_part part, uint32_t layer);

#endif
