/*
 * cast_rows.h: rows of a source in another format, as a row stream wants them. Owns the memory of
 * the workers on the way. A row whose format does not change keeps its bytes.
 */
#ifndef WEIR_CONVERT_CAST_ROWS_H
#define WEIR_CONVERT_CAST_ROWS_H

#include "convert/row_stream.h"
#include "convert/source.h"

typedef struct weir_cast {
    const weir_source *source;
    /* Per worker: a row as the source makes it, and its values. */
    uint8_t *rows; /* [n_workers, row_cap] */
    size_t row_cap;
    float *values; /* [n_workers, values_cap] */
    size_t values_cap;
    /* What is cast: rows of tensor `index` from first_row on. */
    size_t index;
    const weir_source_tensor *from;
    const weir_format *to;
    size_t row_bytes; /* in `to` */
    uint64_t first_row;
} weir_cast;

/* The source stays open longer. weir_cast_close is due also after a failure. */
weir_status weir_cast_open(weir_cast *cast, const weir_source *source, uint32_t n_workers,
                           weir_error *err);
void weir_cast_close(weir_cast *cast);

/* From here on rows of this tensor; row 0 of the stream is its first_row. */
void weir_cast_aim(weir_cast *cast, size_t index, const weir_format *to, uint64_t first_row);
/* BAD_FILE where one of the values [t->n_cols] of row `row` does not fit the format `to`. */
weir_status weir_cast_check_row(const weir_source *source, const weir_source_tensor *t,
                                const weir_format *to, const float *values, uint64_t row,
                                weir_error *err);
/* context: the weir_cast. BAD_FILE as above. */
weir_fill_rows weir_cast_fill;

/* Would every value of tensor `index` keep its bits in `to`, F32, F16 or BF16? On one thread, for
 * small tensors. */
bool weir_cast_is_exact(const weir_cast *cast, size_t index, const weir_format *to);

#endif
