/* tensor.h: a tensor in a file, whatever the file's form. */
#ifndef WEIR_GGUF_TENSOR_H
#define WEIR_GGUF_TENSOR_H

#include "quant/format.h"
#include "weir.h"

typedef enum weir_dtype { /* only for safetensors types that are no weights */
                          WEIR_DTYPE_FORMAT = 0, /* see `format` */
                          WEIR_DTYPE_F64,
                          WEIR_DTYPE_I64,
                          WEIR_DTYPE_I32,
                          WEIR_DTYPE_I16,
                          WEIR_DTYPE_I8,
                          WEIR_DTYPE_U8,
                          WEIR_DTYPE_BOOL,
                          WEIR_DTYPE_F8_E4M3,
                          WEIR_DTYPE_F8_E5M2,
                          WEIR_DTYPE_U16,
                          WEIR_DTYPE_U32,
                          WEIR_DTYPE_U64
} weir_dtype;

enum { WEIR_MAX_DIMS = 4 };

typedef struct weir_tensor {
    const char *name;          /* 0-terminated, lives as long as its file */
    const weir_format *format; /* NULL if dtype says so */
    weir_dtype dtype;
    uint32_t n_dims;               /* 0: a scalar */
    uint64_t shape[WEIR_MAX_DIMS]; /* row-major, last fastest (GGUF's ne reversed) */
    const uint8_t *data;           /* mapped; may be unaligned in safetensors */
    uint64_t bytes;
    uint64_t offset;  /* of data in its file */
    const char *path; /* its file */
} weir_tensor;

/* Product of the dimensions. Checked not to overflow when the file was opened. */
uint64_t weir_tensor_n_values(const weir_tensor *t);
/* "q4_0", "f64", ... */
const char *weir_tensor_type_name(const weir_tensor *t);

#endif
