/*
 * tensor_layout.h: which tensors a model of given hyperparameters has in a GGUF file: names,
 * shapes, and whether a tensor may be quantized.
 */
#ifndef WEIR_CONVERT_TENSOR_LAYOUT_H
#define WEIR_CONVERT_TENSOR_LAYOUT_H

#include "model/parts.h"

typedef struct weir_planned {
    char name[WEIR_GGUF_NAME]; /* in GGUF */
    weir_part part;
    uint32_t layer; /* of parts of a layer */
    bool is_matrix; /* takes the type asked for; all others are F32 always */
    uint32_t n_dims;
    uint64_t shape[WEIR_MAX_DIMS]; /* row-major; stacked experts: [n_experts, rows, cols] */
    uint64_t n_rows;               /* of all dimensions but the last */
    uint32_t n_cols;
    const weir_format *format; /* set by weir_planned_take */
    size_t row_bytes;
} weir_planned;

typedef struct weir_layout {
    weir_planned *tensors; /* [n_tensors] in the order of the file; freed by weir_layout_free */
    size_t n_tensors;
} weir_layout;

/* Formats are not set yet. Expert biases are always there in a model with experts, because readers
 * of lfm2moe files insist on them. */
weir_status weir_layout_make(weir_layout *out, const weir_hparams *h, weir_error *err);
void weir_layout_free(weir_layout *layout);

/* The format a tensor really takes when `type` is asked for: F32 if it is no matrix, the
 * substitute of weir_format_for_row if rows do not divide. */
const weir_format *weir_planned_format(bool is_matrix, const weir_format *type, uint64_t n_cols);
void weir_planned_take(weir_planned *t, const weir_format *type);

/* The format of this name; BAD_ARGUMENT lists the names there are. */
weir_status weir_format_parse(const weir_format **out, const char *name, weir_error *err);

/* BAD_ARGUMENT: no type has this name; known [..., NULL] are those that there are. */
weir_status weir_unknown_type(const char *name, const char *const *known, weir_error *err);

/* Whether the tensor of this GGUF name is a matrix in the sense of is_matrix. */
bool weir_layout_is_matrix(const char *gguf_name);

#endif
