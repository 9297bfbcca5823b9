/*
 * quantize_mix.h: the mixes people know by name ("q4_k_m") and the format each tensor takes in one.
 * Pure functions of hyperparameters and names; they are llama.cpp's rules for lfm2 and lfm2moe, so
 * that a file of a mix is what its users expect of the name.
 */
#ifndef WEIR_CONVERT_QUANTIZE_MIX_H
#define WEIR_CONVERT_QUANTIZE_MIX_H

#include "model/parts.h"

/* What gets more bits than the base, or fewer. */
typedef enum weir_mix_recipe {
    WEIR_MIX_PLAIN,  /* the head alone */
    WEIR_MIX_FLOAT,  /* nothing */
    WEIR_MIX_LEGACY, /* Q4_0, Q5_0: with importance the first ffn_down */
    WEIR_MIX_IQ4,
    WEIR_MIX_Q2_K,
    WEIR_MIX_Q3_K_M,
    WEIR_MIX_Q3_K_L,
    WEIR_MIX_SMALL, /* Q3_K_S */
    WEIR_MIX_Q4_K_S,
    WEIR_MIX_MEDIUM, /* Q4_K_M, Q5_K_M */
    WEIR_MIX_MXFP4,
    WEIR_MIX_MXFP4_MOE
} weir_mix_recipe;

typedef struct weir_quantize_mix {
    const char *name; /* lower case */
    weir_mix_recipe recipe;
    weir_format_id base;
    weir_format_id legacy_first; /* LEGACY with importance: what the first ffn_down become */
    uint32_t file_type;          /* general.file_type, as llama.cpp numbers it */
} weir_quantize_mix;

/* Names that weir_mix_by_name takes, NULL at the end. */
const char *const *weir_mix_names(void);
/* Case counts for nothing; "q4_k" is "q4_k_m", as elsewhere. NULL if there is none. */
const weir_quantize_mix *weir_mix_by_name(const char *name);

/* What a name of GGUF stands for; false: no part that we know. *layer is 0 for parts of none. */
bool weir_mix_part(const char *name, weir_part *part, uint32_t *layer);

/* The format of a matrix in a mix, rows not regarded. */
const weir_format *weir_mix_wants(const weir_quantize_mix *mix, const weir_hparams *h,
                                  bool has_importance, weir_part part, uint32_t layer);
/* What a row of n_cols takes instead, if blocks do not divide it: as weir_format_for_row, but Q2_K
 * and Q3_K become Q4_0, as they do in llama.cpp. */
const weir_format *weir_mix_fit(const weir_format *format, uint64_t n_cols);
/* Both, with the rule for the head, whose rows must be divided by base. */
const weir_format *weir_mix_format(const weir_quantize_mix *mix, const weir_hparams *h,
                                   bool has_importance, weir_part part, uint32_t layer,
                                   uint64_t n_cols);

#endif
