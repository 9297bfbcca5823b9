/*
 * line_reader.h: lines of a file, plain or packed with zstd, one after the other: memory is the
 * longest line. Knows nothing of what stands in them.
 */
#ifndef WEIR_TRAIN_LINE_READER_H
#define WEIR_TRAIN_LINE_READER_H

#include "weir.h"

enum {
    WEIR_LINE_MAX = 256 << 20, /* bytes of one line; also of one document */
    WEIR_ZSTD_WINDOW_LOG = 27  /* what a packed file may ask for: 128 MiB, zstd's own default */
};

typedef struct weir_line_reader weir_line_reader;

/* packed: zstd frames, one behind the other. UNSUPPORTED where the build has no libzstd. */
weir_status weir_line_reader_open(weir_line_reader **out, const char *path, bool packed,
                                  weir_error *err);
/* The same over bytes [n], kept by the caller; name stands for the path in error lines. */
weir_status weir_line_reader_open_bytes(weir_line_reader **out, const void *bytes, size_t n,
                                        const char *name, bool packed, weir_error *err);
void weir_line_reader_close(weir_line_reader **reader);

/* The next line without its end, \n or \r\n, until the next call; *line NULL: there is none. The
 * last line may lack its end. BAD_FILE with the line for one that is too long, and for packed bytes
 * that are damaged or cut off. */
weir_status weir_line_reader_next(weir_line_reader *reader, const char **line, size_t *n,
                                  weir_error *err);
/* Number of the line that was given last, from 1. */
uint64_t weir_line_reader_line(const weir_line_reader *reader);
/* Bytes of the file, packed as they are: taken so far, and all. *total 0: it is no regular file. */
void weir_line_reader_place(const weir_line_reader *reader, uint64_t *done, uint64_t *total);

#endif
