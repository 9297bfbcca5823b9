/*
 * error.c: the one line of a weir_error, the texts of the statuses, the version.
 *
 * Owns how a line is made: it is always ended, is valid UTF-8 and holds no control characters. Does
 * not own what the lines say, and logs nothing.
 */
#include "base/error.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WEIR_STRING_OF(x) #x
#define WEIR_STRING(x)    WEIR_STRING_OF(x)

const char *weir_version(void) {
    return WEIR_STRING(WEIR_VERSION_MAJOR) "." WEIR_STRING(WEIR_VERSION_MINOR) "." WEIR_STRING(
        WEIR_VERSION_PATCH);
}

const char *weir_status_text(weir_status status) {
    switch (status) {
#define WEIR_STATUS_CASE(name, number, text) \
    case WEIR_STATUS_##name:                 \
        return text;
        WEIR_STATUS_MAP(WEIR_STATUS_CASE)
#undef WEIR_STATUS_CASE
    }
    return "unknown status";
}

/* Replaces what no line may hold, byte by byte. What is cut short at the end goes. */
static void make_one_line(char text[WEIR_ERROR_TEXT]) {
    size_t n = strlen(text), n_used;
    for (size_t at = 0; at < n; at += n_used) {
        uint32_t code;
        weir_utf8_kind kind = weir_utf8_step(text + at, n - at, &code, &n_used);
        if (kind == WEIR_UTF8_CUT)
            text[at] = 0;
        /* U+0080 to U+009F too: to a terminal U+009B is the beginning of an escape sequence. */
        else if (kind == WEIR_UTF8_BAD || code < 0x20u || (code >= 0x7fu && code < 0xa0u))
            memset(text + at, '?', n_used);
    }
}

weir_status weir_fail(weir_error *err, weir_status status, const char *format, ...) {
    if (!err)
        return status;
    /* Made aside, because an argument may be err->text. */
    char line[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0)
        snprintf(line, sizeof line, "%s", weir_status_text(status));
    make_one_line(line);
    memcpy(err->text, line, sizeof line);
    err->status = status;
    return status;
}

weir_status weir_fail_within(weir_error *err, weir_status status, const char *format, ...) {
    if (!err)
        return status;
    char line[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    int n_prefix = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t at = n_prefix < 0 ? 0 : (size_t)n_prefix;
    if (n_prefix < 0)
        line[0] = 0;
    if (at < sizeof line)
        snprintf(line + at, sizeof line - at, ": %s", err->text);
    make_one_line(line);
    memcpy(err->text, line, sizeof line);
    if (err->status == WEIR_STATUS_OK)
        err->status = status;
    return err->status;
}
