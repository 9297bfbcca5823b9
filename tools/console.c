/*
 * console.c: exit codes, messages, the progress bar.
 *
 * Owns standard error. Keeps between calls how wide the bar on the screen is, since when the work
 * that it shows lasts, and why standard output failed.
 */
#include "console.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "interrupt.h"
#include "terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
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

/* One line whatever the terminal's width: narrow ones get fewer cells, then none. */
static void print_bar(const char *what, double part) {
    enum { NAME = 24, CELLS = 30, CELLS_MIN = 4, AROUND = sizeof " [] 100 %" - 1 };
    int n_columns = (int)weir_terminal_width(stderr) - 1; /* the last one may wrap */
    int n_cells = n_columns - NAME - AROUND, percent = (int)(part * 100), width;
    n_cells = n_cells < CELLS ? n_cells : CELLS;
    if (n_cells >= CELLS_MIN) {
        char cells[CELLS + 1];
        int n_full = (int)(part * n_cells);
        memset(cells, '#', (size_t)n_full);
        memset(cells + n_full, '.', (size_t)(n_cells - n_full));
        cells[n_cells] = 0;
        width = fprintf(stderr, "\r%-*.*s [%s] %3d %%", NAME, NAME, what, cells, percent) - 1;
    } else {
        width = n_columns >= (int)sizeof "100 %" - 1 ? fprintf(stderr, "\r%3d %%", percent) - 1 : 0;
    }
    bar_width = width > bar_width ? width : bar_width;
    fflush(stderr);
}

/* Work that is soon done needs no bar: a flash tells nothing. */
static void draw_bar(void *context, const char *what, uint64_t done, uint64_t total) {
    enum { SOON_MS = 200, BETWEEN_MS = 100 };
    static uint64_t start_ms, drawn_ms, done_before;
    static bool is_running;
    (void)context;
    uint64_t now_ms = (uint64_t)(weir_clock_s() * 1000);
    if (!is_running || done < done_before) /* other work than before */
        start_ms = now_ms;
    is_running = done < total;
    done_before = done;
    if (!is_running) {
        clear_bar();
        fflush(stderr);
    } else if (now_ms - start_ms >= SOON_MS && now_ms - drawn_ms >= BETWEEN_MS) {
        drawn_ms = now_ms;
        print_bar(what, (double)done / (double)total);
    }
}

static bool ask_interrupted(void *context) {
    (void)context;
    return weir_interrupted();
}

weir_progress weir_console_progress(void) {
    weir_progress progress = {.is_cancelled = ask_interrupted};
    if (weir_terminal_can_move(stderr))
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

int weir_tell_output_failure(const char *verb, weir_status status, const weir_error *err,
                             const char *out, bool overwrite) {
    if (status != WEIR_STATUS_FAILED || overwrite || !weir_path_exists(out))
        return weir_tell_failure(verb, status, err);
    weir_say("weir %s: %s; --force replaces it", verb, err->text);
    return weir_exit_code(status);
}

/* Why standard output could first not be flushed; 0: it could. A stream keeps only that it failed,
 * and throws away what a later flush would fail at again. */
static int output_error;

bool weir_flush_output(void) {
    errno = 0;
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (!is_written && !output_error)
        output_error = errno;
    return is_written;
}

int weir_finish_output(const char *verb, int exit_code) {
    if (weir_flush_output())
        return exit_code;
    weir_say("weir %s: standard output: cannot be written%s%s", verb, output_error ? ": " : "",
             output_error ? strerror(output_error) : "");
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

void weir_print_text(FILE *to, const char *text, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t code;
        size_t length;
        weir_utf8_kind kind = weir_utf8_step(text + i, n - i, &code, &length);
        /* U+0080 to U+009F are control characters too; U+009B begins an escape sequence. */
        bool is_shown = kind == WEIR_UTF8_WHOLE && code >= 0x20 && (code < 0x7f || code >= 0xa0);
        if (is_shown)
            fwrite(text + i, 1, length, to);
        else if (text[i] == '\n')
            fputs("\\n", to);
        else
            for (size_t k = 0; k < length; k++)
                fprintf(to, "\\x%02x", (uint8_t)text[i + k]);
        i += length;
    }
}
