/*
 * lora_file.h: adapters written, in both forms that model/lora.h reads: GGUF, and the folder of
 * PEFT (adapter_config.json, adapter_model.safetensors, README.md).
 */
#ifndef WEIR_TRAIN_LORA_FILE_H
#define WEIR_TRAIN_LORA_FILE_H

#include "model/lora.h"

/* The two halves for one matrix. */
typedef struct weir_lora_matrix {
    weir_part part;
    uint32_t layer, expert; /* expert: of stacks only */
    uint32_t rows, cols;    /* of the matrix */
    const float *a;         /* [rank, cols] */
    const float *b;         /* [rows, rank] */
} weir_lora_matrix;

typedef struct weir_lora_file {
    const weir_hparams *h; /* of the base */
    const char *arch;      /* of the base: "lfm2", "lfm2moe" */
    const char *base_name;
    const char *name; /* of the adapter */
    uint32_t rank;
    float alpha;
    bool is_rank_stabilized; /* scale = alpha / sqrt(rank); GGUF, which knows only alpha / rank,
                                gets alpha sqrt(rank) */
    const weir_lora_matrix *item; /* [n], the experts of a stack one after the other */
    size_t n;
} weir_lora_file;

/* FAILED if `out` is taken and !overwrite: asked before work that ends in weir_lora_write. */
weir_status weir_lora_check_out(const char *out, bool overwrite, weir_error *err);

/* Does an adapter of this name take GGUF's form? */
bool weir_lora_is_gguf_name(const char *out);

/* out: FILE.gguf, or a folder, which is made if it is missing. FAILED if the file, or a folder's
 * weights, are there and !overwrite. */
weir_status weir_lora_write(const char *out, const weir_lora_file *file, bool overwrite,
                            weir_error *err);

#endif
