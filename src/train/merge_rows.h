/*
 * merge_rows.h: rows of a model's matrices with what an adapter adds to them, made in any number
 * format: what the two forms of a merged model (lora_merge.c, lora_merge_folder.c) share.
 *
 * An adapted matrix is found in the file by its place, so that every name and every packing of
 * experts that the reader of models knows works here too. A row that the adapter does not change
 * keeps its bytes.
 */
#ifndef WEIR_TRAIN_MERGE_ROWS_H
#define WEIR_TRAIN_MERGE_ROWS_H

#include "convert/row_stream.h"
#include "gguf/tensor.h"
#include "model/lora.h"
#include "weir_train.h"

/* Rows [first_row, first_row + rows) of a tensor: W + scale B A. */
typedef struct weir_merge_patch {
    size_t item;
    uint64_t first_row;
    const weir_weight *a; /* [rank, cols] */
    const weir_weight *b; /* [rows, rank] */
    float scale;
} weir_merge_patch;

/* A tensor of the base, and what it becomes. */
typedef struct weir_merge_item {
    const weir_tensor *tensor;
    const weir_format *to;
    uint64_t n_rows; /* of all dimensions but the last */
    uint32_t n_cols;
    size_t from_row_bytes, to_row_bytes;
    const weir_merge_patch *patches; /* [n_patches] by row */
    size_t n_patches;
} weir_merge_item;

typedef struct weir_merge {
    const weir_model *model;
    const weir_lora *lora;
    weir_merge_item *items; /* [n_items] in the order of the base */
    size_t n_items;
    weir_merge_patch *patches; /* [n_patches] by item and row */
    size_t n_patches;
    uint64_t total_bytes; /* of all items as they become */
    weir_row_stream *stream;
    float *scratch; /* [n_workers, 2, the longest row] */
    size_t scratch_cols;
    const weir_merge_item *current;
} weir_merge;

/* Lists the tensors, finds the adapted ones, starts the workers. type: of adapted matrices; NULL:
 * as the base has them. weir_merge_close is due also after a failure. */
weir_status weir_merge_open(weir_merge *m, const weir_model *model, const weir_lora *lora,
                            const weir_format *type, const weir_merge_options *options,
                            weir_error *err);
void weir_merge_close(weir_merge *m);

/* The bytes of an item, in order, to where the stream is aimed. */
weir_status weir_merge_write_item(weir_merge *m, const weir_merge_item *item, weir_error *err);

/* lora_merge_folder.c: a folder's merged copy. */
weir_status weir_merge_to_folder(const weir_model *model, const weir_lora *lora, const char *out,
                                 const weir_merge_options *options, weir_error *err);

#endif
