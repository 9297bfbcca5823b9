/* text_input.c: see text_input.h. Keeps nothing between calls. */
#include "text_input.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char standard_input[] = "standard input";

static bool is_standard_input(const char *path) {
    return !path || strcmp(path, "-") == 0;
}

const char *weir_text_input_name(const char *path) {
    return is_standard_input(path) ? standard_input : path;
}

static weir_status read_standard_input(char **text, size_t *n, weir_error *err) {
    size_t n_read = 0, cap = 1 << 16;
    char *bytes = NULL;
    weir_status status = WEIR_STATUS_OK;
    for (;;) {
        char *larger = realloc(bytes, cap);
        if (!larger) {
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %zu bytes",
                               standard_input, cap);
            goto fail;
        }
        bytes = larger;
        n_read += fread(bytes + n_read, 1, cap - n_read - 1, stdin);
        if (n_read + 1 < cap)
            break;
        if (n_read > WEIR_TEXT_INPUT_MAX) {
            status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: more than %d bytes", standard_input,
                               WEIR_TEXT_INPUT_MAX);
            goto fail;
        }
        cap *= 2;
    }
    if (ferror(stdin)) {
        status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read", standard_input);
        goto fail;
    }
    bytes[n_read] = 0;
    *text = bytes;
    *n = n_read;
    return WEIR_STATUS_OK;
fail:
    free(bytes);
    return status;
}

weir_status weir_text_input_read(char **text, size_t *n, const char *path, const char *what,
                                 weir_error *err) {
    *text = NULL;
    if (!path && isatty(STDIN_FILENO))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s is missing: nothing names it, and standard input is a terminal", what);
    if (is_standard_input(path))
        return read_standard_input(text, n, err);
    return weir_file_read(path, WEIR_TEXT_INPUT_MAX, text, n, err);
}
