/*
 * error.c: the one line of a weir_error, the texts of the statuses, the version.
 *
 * Owns how a line is made: it is always ended, holds no control characters, and is never cut inside
 * a UTF-8 sequence. Does not own what the lines say, and logs nothing.
 */
#include "base/error.h"

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

/* Length of the text without a UTF-8 sequence that the cut at the end has left incomplete. */
static size_t whole_utf8_length(const char *text, size_t n) {
    size_t lead = n;
    while (lead > 0 && n - lead < 3 && ((uint8_t)text[lead - 1] & 0xc0u) == 0x80u)
        lead--;
    if (lead == 0)
        return n;
    uint8_t first = (uint8_t)text[lead - 1];
    size_t need = first >= 0xf0u ? 4 : first >= 0xe0u ? 3 : first >= 0xc0u ? 2 : 1;
    return n - (lead - 1) < need ? lead - 1 : n;
}

static void make_one_line(char text[WEIR_ERROR_TEXT], bool is_cut) {
    size_t n = strlen(text);
    if (is_cut)
        text[whole_utf8_length(text, n)] = 0;
    for (char *c = text; *c; c++) {
        /* U+0080 to U+009F too: to a terminal U+009B is the beginning of an escape sequence. */
        bool is_c1 = (uint8_t)c[0] == 0xc2u && ((uint8_t)c[1] & 0xe0u) == 0x80u;
        if ((uint8_t)*c < 0x20u || *c == 0x7f || is_c1)
            *c = '?';
        if (is_c1)
            *++c = '?';
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
    make_one_line(line, n >= (int)sizeof line);
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
    bool is_cut = at >= sizeof line;
    if (n_prefix < 0)
        line[0] = 0;
    if (!is_cut) {
        int n = snprintf(line + at, sizeof line - at, ": %s", err->text);
        is_cut = n >= (int)(sizeof line - at);
    }
    make_one_line(line, is_cut);
    memcpy(err->text, line, sizeof line);
    if (err->status == WEIR_STATUS_OK)
        err->status = status;
    return err->status;
}
