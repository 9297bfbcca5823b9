/*
 * console.h: how the program speaks: exit codes, one line for an error, progress, sizes, text from
 * files that may hold anything. The answer alone goes to standard output, all else to standard
 * error.
 */
#ifndef WEIR_TOOLS_CONSOLE_H
#define WEIR_TOOLS_CONSOLE_H

#include "base/compiler.h"
#include "weir.h"
#include <stdio.h>

typedef enum weir_exit {
    WEIR_EXIT_DONE = 0,
    WEIR_EXIT_FAILED = 1,
    WEIR_EXIT_USAGE = 2,
    WEIR_EXIT_BAD_FILE = 3,
    WEIR_EXIT_NO_MEMORY = 4,
    WEIR_EXIT_IO = 5,
    WEIR_EXIT_INTERRUPTED = 130
} weir_exit;

/* The one map from what the library says to what the shell hears. */
int weir_exit_code(weir_status status);

/* "weir VERB: line of err" to standard error. Returns the exit code of status. */
int weir_tell_failure(const char *verb, weir_status status, const weir_error *err);

/* The same for work that was to write `out` and has not been told to replace it: a line about an
 * `out` that is there already names the flag. */
int weir_tell_output_failure(const char *verb, weir_status status, const weir_error *err,
                             const char *out, bool overwrite);

/* One line to standard error, after the progress bar is taken away. */
void weir_say(const char *format, ...) WEIR_PRINTF(1, 2);

/* Flushes standard output; false: not everything could be written. weir_finish_output tells why. */
bool weir_flush_output(void);

/* Flushes standard output; exit_code, or IO with a line if not everything could be written. */
int weir_finish_output(const char *verb, int exit_code);

/* A bar on standard error if that is a terminal that can move back, else silence. Long work that
 * can be cancelled also asks here whether the user interrupted it. */
weir_progress weir_console_progress(void);

enum { WEIR_AMOUNT_TEXT = 32 };

/* "1.25 GB"; returns buf. */
const char *weir_bytes_text(char buf[WEIR_AMOUNT_TEXT], uint64_t bytes);
/* "8.34 B", as numbers of parameters are told; returns buf. */
const char *weir_count_text(char buf[WEIR_AMOUNT_TEXT], uint64_t count);

/* Text from a file: control characters and bytes that are not UTF-8 come out as \n, \x1b. */
void weir_print_text(FILE *to, const char *text, size_t n);

#endif
