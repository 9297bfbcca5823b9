/* bad_file.c: one line with file, byte offset and complaint. Owns nothing. */
#include "gguf/bad_file.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_PATH = 200, MESSAGE_BYTES = 280 };

weir_status weir_bad_file(weir_error *err, const char *path, uint64_t at, const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t n = strlen(path);
    bool is_cut = n > SHOWN_PATH;
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s%s: byte %" PRIu64 ": %s", is_cut ? "..." : "",
                     is_cut ? path + n - SHOWN_PATH : path, at, message);
}
