/*
 * console.c: exit codes, messages, the progress bar.
 *
 * Owns standard error. Keeps one thing between calls: how wide the bar on the screen is.
 */
#include "console.h"

#include "interrupt.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int weir_exit_code(weir_status status) {
    switch (status) {
    case WEIR_STATUS_OK:
        return WEIR_EXIT_DONE;
    case WEIR_STATUS_BAD_ARGUMENT:
        return WEIR_EXIT_USAGE;
    case WEIR_STATUS_BAD_FILE:
    case WEIR_STATUS_UNSUPPORTED: /* a file of another family of models, most of the time */
        return WEIR_EXIT_BAD_FILE;
    case WEIR_STATUS_NO_MEMORY:
        return WEIR_EXIT_NO_MEMORY;
    case WEIR_STATUS_IO:
        return WEIR_EXIT_IO;
    case WEIR_STATUS_CANCELLED:
        return WEIR_EXIT_INTERRUPTED;
    case WEIR_STATUS_FAILED:
    case WEIR_STATUS_FULL:
        break;
    }
    return WEIR_EXIT_FAILED;
}

/* ---- progress ----------------------------------------------------------------------------- */

static int bar_width; /* characters on the current line of the terminal */

static void clear_bar(void) {
    if (bar_width > 0)
        fprintf(stderr, "\r%*s\r", bar_width, "");
    bar_width = 0;
}

static void draw_bar(void *context, const char *what, uint64_t done, uint64_t total) {
    (void)context;
    static uint64_t drawn_ms;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (done >= total) {
        clear_bar();
        fflush(stderr);
        return;
    }
    if (now_ms - drawn_ms < 100)
        return;
    drawn_ms = now_ms;
    enum { CELLS = 30 };
    int n_full = (int)((double)done / (double)total * CELLS);
    char cells[CELLS + 1];
    memset(cells, '#', (size_t)n_full);
    memset(cells + n_full, '.', (size_t)(CELLS - n_full));
    cells[CELLS] = 0;
    int width = fprintf(stderr, "\r%-24.24s [%s] %3d %%", what, cells,
                        (int)((double)done / (double)total * 100)) -
                1;
    bar_width = width > bar_width ? width : bar_width;
    fflush(stderr);
}

static bool ask_interrupted(void *context) {
    (void)context;
    return weir_interrupted();
}

weir_progress weir_console_progress(void) {
    weir_progress progress = {.is_cancelled = ask_interrupted};
    if (isatty(STDERR_FILENO))
        progress.report = draw_bar;
    return progress;
}

/* ---- messages ----------------------------------------------------------------------------- */

void weir_say(const char *format, ...) {
    clear_bar();
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int weir_tell_failure(const char *verb, weir_status status, const weir_error *err) {
    if (status != WEIR_STATUS_OK)
        weir_say("weir %s: %s", verb,
                 err->status == status && err->text[0] ? err->text : weir_status_text(status));
    return weir_exit_code(status);
}

int weir_finish_output(const char *verb, int exit_code) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    weir_say("weir %s: standard output: cannot be written%s%s", verb, errno ? ": " : "",
             errno ? strerror(errno) : "");
    return exit_code == WEIR_EXIT_DONE ? WEIR_EXIT_IO : exit_code;
}

/* ---- numbers and text --------------------------------------------------------------------- */

static const char *amount_text(char buf[WEIR_AMOUNT_TEXT], uint64_t amount,
                               const char *const units[4], const char *one) {
    double value = (double)amount;
    size_t unit = 0;
    /* 999.95 and more would be printed as 1000 of the smaller unit. */
    while (unit < 4 && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(buf, WEIR_AMOUNT_TEXT, "%llu%s", (unsigned long long)amount, one);
    else
        snprintf(buf, WEIR_AMOUNT_TEXT, "%.*f %s",
                 value < 9.995   ? 2
                 : value < 99.95 ? 1
                                 : 0,
                 value, units[unit - 1]);
    return buf;
}

const char *weir_bytes_text(char buf[WEIR_AMOUNT_TEXT], uint64_t bytes) {
    static const char *const units[4] = {"kB", "MB", "GB", "TB"};
    return amount_text(buf, bytes, units, " B");
}

const char *weir_count_text(char buf[WEIR_AMOUNT_TEXT], uint64_t count) {
    static const char *const units[4] = {"K", "M", "B", "T"};
    return amount_text(buf, count, units, "");
}

/* Length of the UTF-8 sequence at text, 0 if the bytes are none. Overlong forms and surrogates are
 * not told apart: this is for the eye, not for a parser. */
static size_t utf8_length(const unsigned char *text, size_t n) {
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    if (length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

void weir_print_text(FILE *to, const char *text, size_t n) {
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        size_t length = utf8_length(bytes + i, n - i);
        if (bytes[i] == '\n') {
            fputs("\\n", to);
            length = 1;
        } else if (length == 2 && bytes[i] == 0xc2 && bytes[i + 1] < 0xa0) {
            /* U+0080 to U+009F: control characters too, U+009B begins an escape sequence. */
            fprintf(to, "\\x%02x\\x%02x", bytes[i], bytes[i + 1]);
        } else if (length == 0 || bytes[i] < 0x20 || bytes[i] == 0x7f) {
            fprintf(to, "\\x%02x", bytes[i]);
            length = 1;
        } else {
            fwrite(bytes + i, 1, length, to);
        }
        i += length;
    }
}
