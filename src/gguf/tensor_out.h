/*
 * tensor_out.h: what both writers share: tensors are declared, then their data comes in that order
 * in pieces of any size. Nothing outside src/gguf includes it.
 *
 * Declarations collect; the first thing wrong with one is kept as `trouble` and shows when the
 * declarations end.
 */
#ifndef WEIR_GGUF_TENSOR_OUT_H
#define WEIR_GGUF_TENSOR_OUT_H

#include "base/file.h"
#include "gguf/name_index.h"
#include "gguf/tensor.h"

typedef struct weir_tensor_out {
    weir_out *file;
    char *path;
    size_t alignment; /* of each tensor's data and of the data's end */
    weir_names names;
    weir_tensor *tensors; /* [n_tensors] offset: from the start of the data; data, path: unset */
    size_t n_tensors, cap_tensors;
    uint64_t data_bytes; /* of all tensors with padding */
    weir_error trouble;  /* status OK: none */
    bool is_begun;       /* the header is written */
    size_t current;      /* the tensor whose data is next */
    uint64_t n_written;  /* of its bytes */
} weir_tensor_out;

weir_status weir_tensor_out_open(weir_tensor_out *to, const char *path, bool overwrite,
                                 size_t alignment, weir_error *err);
/* Throws the file away unless it was committed. A zeroed struct is fine. */
void weir_tensor_out_close(weir_tensor_out *to);

/* Keeps "PATH: WHAT 'NAME': COMPLAINT" if it is the first trouble. */
void weir_tensor_out_complain(weir_tensor_out *to, weir_status status, const char *what,
                              const char *name, const char *complaint);
/* name: 1 to max_name bytes. */
void weir_tensor_out_declare(weir_tensor_out *to, const char *name, size_t max_name,
                             const weir_format *format, uint32_t n_dims, const uint64_t *shape);
/* The trouble, if there was one. Else the header can be made, and is_begun be set behind it. */
weir_status weir_tensor_out_check(const weir_tensor_out *to, weir_error *err);
weir_status weir_tensor_out_write(weir_tensor_out *to, const void *data, size_t n, weir_error *err);
/* The next tensor, whole, as a hole. */
weir_status weir_tensor_out_skip(weir_tensor_out *to, weir_error *err);
/* Refuses if data is missing. */
weir_status weir_tensor_out_commit(weir_tensor_out *to, weir_error *err);

#endif
