/*
 * line_history.c: the file of typed messages.
 *
 * Its content is foreign: lines that are no UTF-8 are left out, a file too large to be ours is not
 * read. It is cut when more than half of it is never read.
 */
#include "line_history.h"

#include "base/file.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BYTES = 64 << 20 };

void weir_line_history_append(int fd, const char *text, size_t n) {
    if (fd < 0 || n == 0 || n > WEIR_HISTORY_ENTRY_BYTES || memchr(text, 0, n))
        return;
    char *escaped = malloc(2 * n + 1);
    if (!escaped)
        return;
    size_t n_escaped = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' || text[i] == '\\')
            escaped[n_escaped++] = '\\';
        escaped[n_escaped++] = text[i] == '\n' ? 'n' : text[i];
    }
    escaped[n_escaped++] = '\n';
    /* A full disk costs the history, not the conversation. */
    ssize_t written = write(fd, escaped, n_escaped);
    (void)written;
    free(escaped);
}

/* In place. */
static void unescape(char *line) {
    char *to = line;
    for (const char *from = line; *from; from++) {
        if (from[0] == '\\' && from[1]) {
            from++;
            *to++ = *from == 'n' ? '\n' : *from;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

/* Where the lines begin that are read. */
static char *last_lines(char *text, size_t n) {
    size_t n_lines = 0;
    for (size_t i = n; i > 1; i--)
        if (text[i - 2] == '\n' && ++n_lines == WEIR_HISTORY_ENTRIES)
            return text + i - 1;
    return text;
}

static void keep_only(const char *path, const char *kept, size_t n) {
    weir_out *out = NULL;
    mode_t mask = umask(077);
    if (weir_out_open(&out, path, true, NULL) == WEIR_STATUS_OK) {
        if (weir_out_write(out, kept, n, NULL) == WEIR_STATUS_OK)
            weir_out_commit(&out, NULL);
        weir_out_abort(&out);
    }
    umask(mask);
}

int weir_line_history_open(const char *path, void (*remember)(void *context, const char *text),
                           void *context) {
    char *text = NULL;
    size_t n = 0;
    if (weir_file_read(path, MAX_BYTES, &text, &n, NULL) == WEIR_STATUS_OK) {
        char *kept = last_lines(text, n), *rest = kept;
        if ((size_t)(kept - text) > n / 2)
            keep_only(path, kept, n - (size_t)(kept - text));
        for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
            unescape(line);
            if (line[0] && weir_utf8_valid(line, strlen(line)) == strlen(line))
                remember(context, line);
        }
        free(text);
    }
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}
