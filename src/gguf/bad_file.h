/* bad_file.h: how the readers of this room say what is wrong with a file, and where. */
#ifndef WEIR_GGUF_BAD_FILE_H
#define WEIR_GGUF_BAD_FILE_H

#include "base/compiler.h"
#include "weir.h"

enum { WEIR_SHOWN_NAME = 80 /* bytes of a foreign name that a message shows */ };

/* "PATH: byte AT: ..."; returns BAD_FILE. A long path keeps its end, so that the rest has room. */
weir_status weir_bad_file(weir_error *err, const char *path, uint64_t at, const char *format, ...)
    WEIR_PRINTF(4, 5);

/* For "%.*s": n, as far as a message shows it. */
static inline int weir_shown(size_t n) {
    return n < WEIR_SHOWN_NAME ? (int)n : WEIR_SHOWN_NAME;
}

#endif
