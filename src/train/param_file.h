/*
 * param_file.h: a graph's tensors as those of a safetensors file: their names and shapes there, for
 * checkpoints and for models alike. Shapes are Hugging Face's: norms [width], taps [width, 1, n].
 */
#ifndef WEIR_TRAIN_PARAM_FILE_H
#define WEIR_TRAIN_PARAM_FILE_H

#include "gguf/safetensors.h"
#include "train/graph.h"

/* Declares tensor "PREFIX + the parameter's name" of f32 values. */
void weir_param_declare(weir_safetensors_writer *w, const weir_param *param, const char *prefix);
/* Declares the expert bias of a layer [n_experts]; without a bias nothing. */
void weir_expert_bias_declare(weir_safetensors_writer *w, const weir_expert_load *load,
                              uint32_t n_experts);

size_t weir_param_n_values(const weir_param *param);

/* The values [n] of a tensor of a file, if it has just so many as f32; else BAD_FILE. They may be
 * unaligned. */
weir_status weir_param_find(const weir_safetensors *st, const char *path, const char *prefix,
                            const char *name, size_t n, const uint8_t **values, weir_error *err);

/* "model.layers.N.feed_forward.expert_bias" */
void weir_expert_bias_name(char name[WEIR_PARAM_NAME], uint32_t layer);

#endif
