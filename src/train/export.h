/* export.h: a trained graph as a Hugging Face folder: config.json, model.safetensors, tokenizer. */
#ifndef WEIR_TRAIN_EXPORT_H
#define WEIR_TRAIN_EXPORT_H

#include "train/graph.h"

/* Writes into the folder, which is made if it is missing, each file whole or not at all; the
 * weights come last, as f32. tokenizer: tokenizer.json, folder or GGUF it was opened from, whose
 * files are copied as they stand. The graph must train all of its matrices. */
weir_status weir_graph_export(weir_graph *graph, const char *folder, const char *tokenizer,
                              weir_error *err);

#endif
