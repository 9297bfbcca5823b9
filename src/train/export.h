/* export.h: a trained graph as a Hugging Face folder: config.json, model.safetensors, tokenizer. */
#ifndef WEIR_TRAIN_EXPORT_H
#define WEIR_TRAIN_EXPORT_H

#include "train/graph.h"

/* Writes the folder, which appears whole or not at all; of one that is there only the files of a
 * model are replaced, what else it holds moves along. Weights are f32. tokenizer: tokenizer.json,
 * folder or GGUF it was opened from, whose files are copied as they stand; they may lie in the
 * replaced folder. The graph must train all of its matrices. */
weir_status weir_graph_export(weir_graph *graph, const char *folder, const char *tokenizer,
                              weir_error *err);
/* Clears away FOLDER.tmp-XXXXXX, which a killed export has left. */
void weir_graph_export_sweep(const char *path);

#endif
