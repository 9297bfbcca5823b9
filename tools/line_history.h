/*
 * line_history.h: the messages typed before, in a file. One message a line: a line feed is \n, a
 * backslash \\. They are appended as they are typed, so that a crash loses none and two programs
 * may share the file; nobody else may read it.
 */
#ifndef WEIR_TOOLS_LINE_HISTORY_H
#define WEIR_TOOLS_LINE_HISTORY_H

#include <stddef.h>

enum {
    WEIR_HISTORY_ENTRIES = 1000,
    WEIR_HISTORY_ENTRY_BYTES = 16 << 10 /* longer messages are not remembered */
};

/* Calls remember for each of the last messages, the oldest first, and returns a descriptor to
 * append to; -1 if there can be none: a history is worth no error. */
int weir_line_history_open(const char *path, void (*remember)(void *context, const char *text),
                           void *context);

void weir_line_history_append(int fd, const char *text, size_t n);

#endif
