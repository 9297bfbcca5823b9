/*
 * row_stream.h: tensors made by all threads and written in order, with bounded memory.
 *
 * Two buffers take turns: while the workers fill one with rows, the caller's thread writes the
 * other. What is written never depends on the number of threads.
 */
#ifndef WEIR_CONVERT_ROW_STREAM_H
#define WEIR_CONVERT_ROW_STREAM_H

#include "weir.h"

typedef struct weir_row_stream weir_row_stream;

/* Makes rows [row, row + n_rows) at out. Runs on any worker; `worker` numbers scratch memory. */
typedef weir_status weir_fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                                   uint8_t *out, weir_error *err);
/* Takes the next bytes of the file. Runs on the caller's thread only. */
typedef weir_status weir_take_bytes(void *context, const void *data, size_t n, weir_error *err);

/* n_threads 0: as many as the machine offers. total_bytes and progress: of all tensors. Between
 * two batches of rows progress is reported and asked: CANCELLED. */
weir_status weir_row_stream_open(weir_row_stream **out, uint32_t n_threads, uint64_t total_bytes,
                                 const weir_progress *progress, weir_error *err);
void weir_row_stream_close(weir_row_stream **stream);
uint32_t weir_row_stream_n_workers(const weir_row_stream *stream);

/* The bytes of the following tensors go here. Flush first. */
void weir_row_stream_aim(weir_row_stream *stream, weir_take_bytes *take, void *context);

/* One tensor. Its last rows may stay in a buffer until the next call or the flush. The error of
 * the lowest failing row is reported. */
weir_status weir_row_stream_tensor(weir_row_stream *stream, const char *name, uint64_t n_rows,
                                   size_t row_bytes, weir_fill_rows *fill, void *context,
                                   weir_error *err);
weir_status weir_row_stream_flush(weir_row_stream *stream, weir_error *err);

#endif
