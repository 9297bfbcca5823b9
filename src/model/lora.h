/*
 * lora.h: a low-rank adapter bound to a model: for each adapted matrix W its two small ones, in
 * float32, and the factor between: y = x W' + scale (x A') B'. Reading adapter files is lora.c's;
 * devices apply them through backend/compose.c; training makes them (train/).
 *
 * File forms (docs/lora.md): PEFT's folder, and GGUF with general.type "adapter".
 */
#ifndef WEIR_MODEL_LORA_H
#define WEIR_MODEL_LORA_H

#include "base/arena.h"
#include "model/parts.h"
#include <stdatomic.h>

/* Of one matrix; of a stack of experts: arrays of n_experts, zeros where an expert has none. */
typedef struct weir_lora_pair {
    const weir_weight *a; /* [rank, cols] */
    const weir_weight *b; /* [rows, rank] */
    uint32_t rank;
    float scale; /* alpha / rank, or alpha / sqrt(rank) */
} weir_lora_pair;

struct weir_lora {
    weir_model *model; /* shared */
    atomic_uint n_refs;
    char name[WEIR_HF_NAME];
    const char *form;
    uint32_t rank; /* the largest */
    float alpha;
    bool is_rank_stabilized; /* scale is alpha / sqrt(rank) */
    uint32_t n_matrices;
    uint64_t n_params;
    uint64_t fingerprint;         /* of all its numbers */
    weir_arena arena;             /* all below, and the numbers */
    const weir_lora_pair **pairs; /* [n_layers, WEIR_N_PARTS]; NULL: not adapted */
};

weir_lora *weir_lora_share(weir_lora *lora);
/* Memory of n adapters. */
uint64_t weir_loras_bytes(weir_lora *const *loras, size_t n);
/* NULL: this matrix is not adapted. */
const weir_lora_pair *weir_lora_find(const weir_lora *lora, uint32_t layer, weir_part part);

/* Parts an adapter may be for: matrices of layers. */
bool weir_lora_may_adapt(weir_part part);
/* "base_model.model.model.layers.0.conv.in_proj.lora_A.weight"; is_b: lora_B. */
enum { WEIR_LORA_NAME = WEIR_HF_NAME + 40 };
void weir_lora_peft_name(char out[WEIR_LORA_NAME], weir_part part, uint32_t layer, uint32_t expert,
                         bool is_b);
/* "blk.0.shortconv.in_proj.weight.lora_a" */
void weir_lora_gguf_name(char out[WEIR_LORA_NAME], weir_part part, uint32_t layer, bool is_b);

#endif
