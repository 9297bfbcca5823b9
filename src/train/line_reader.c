/*
 * line_reader.c: bytes of a file or of memory, unpacked on the way, cut into lines.
 *
 * Owns the two windows (packed bytes as read, plain bytes as unpacked) and the line that reaches
 * over an end of the plain one. A line that lies whole in the window is given where it stands.
 */
#include "train/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef WEIR_HAS_ZSTD
#include <zstd.h>
#endif

#include "base/error.h"

enum { WINDOW_BYTES = 1 << 18 };

typedef struct window {
    char *data; /* [cap] or the caller's */
    size_t at, n;
} window;

struct weir_line_reader {
    char *name;
    int fd;
    window raw;  /* as the file has it; all of it where there is no file */
    window text; /* plain; unused where nothing is packed */
    char *line;  /* [cap_line] one that did not lie whole in a window */
    size_t cap_line;
    uint64_t n_lines, n_raw; /* n_raw: bytes that were read of the file */
    uint64_t n_file;         /* its size */
    bool is_file, packed;
    bool is_inside; /* of a frame: the file may not end there */
#ifdef WEIR_HAS_ZSTD
    ZSTD_DCtx *zstd;
#endif
};

static weir_status open_packed(weir_line_reader *reader, weir_error *err) {
#ifdef WEIR_HAS_ZSTD
    reader->zstd = ZSTD_createDCtx();
    reader->text.data = malloc(WINDOW_BYTES);
    if (!reader->zstd || !reader->text.data)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to unpack it", reader->name);
    ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, WEIR_ZSTD_WINDOW_LOG);
    return WEIR_STATUS_OK;
#else
    return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                     "%s: this build cannot read .zst (it was made without libzstd); unpack the "
                     "file first: zstd -d FILE",
                     reader->name);
#endif
}

static weir_status open_any(weir_line_reader **out, const char *name, bool packed,
                            weir_error *err) {
    *out = NULL;
    weir_line_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", name);
    reader->fd = -1;
    reader->packed = packed;
    reader->name = strdup(name);
    weir_status status =
        reader->name ? WEIR_STATUS_OK
                     : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", name);
    if (status == WEIR_STATUS_OK && packed)
        status = open_packed(reader, err);
    if (status != WEIR_STATUS_OK)
        weir_line_reader_close(&reader);
    *out = reader;
    return status;
}

weir_status weir_line_reader_open(weir_line_reader **out, const char *path, bool packed,
                                  weir_error *err) {
    WEIR_TRY(open_any(out, path, packed, err));
    weir_line_reader *reader = *out;
    weir_status status = WEIR_STATUS_OK;
    struct stat about = {0};
    reader->is_file = true;
    reader->raw.data = malloc(WINDOW_BYTES);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!reader->raw.data)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", path);
    else if (reader->fd < 0)
        status = weir_fail(err, WEIR_STATUS_IO, "%s: %s", path, strerror(errno));
    else if (fstat(reader->fd, &about) == 0 && S_ISDIR(about.st_mode))
        status = weir_fail(err, WEIR_STATUS_IO, "%s: is a folder, not a file", path);
    else if (S_ISREG(about.st_mode))
        reader->n_file = (uint64_t)about.st_size;
    if (status != WEIR_STATUS_OK)
        weir_line_reader_close(out);
    return status;
}

weir_status weir_line_reader_open_bytes(weir_line_reader **out, const void *bytes, size_t n,
                                        const char *name, bool packed, weir_error *err) {
    WEIR_TRY(open_any(out, name, packed, err));
    /* Never written through: without a descriptor nothing is read into it. */
    union {
        const void *given;
        char *kept;
    } data = {bytes};
    (*out)->raw = (window){data.kept, 0, n};
    (*out)->n_raw = (*out)->n_file = n;
    return WEIR_STATUS_OK;
}

void weir_line_reader_close(weir_line_reader **reader) {
    weir_line_reader *r = *reader;
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    if (r->is_file)
        free(r->raw.data);
    free(r->text.data);
    free(r->line);
    free(r->name);
#ifdef WEIR_HAS_ZSTD
    ZSTD_freeDCtx(r->zstd);
#endif
    free(r);
    *reader = NULL;
}

/* More bytes as the file has them; an empty window is its end. */
static weir_status fill_raw(weir_line_reader *r, weir_error *err) {
    if (r->raw.at < r->raw.n || r->fd < 0)
        return WEIR_STATUS_OK;
    ssize_t n;
    do
        n = read(r->fd, r->raw.data, WINDOW_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: reading failed: %s", r->name, strerror(errno));
    r->raw.at = 0;
    r->raw.n = (size_t)n;
    r->n_raw += (uint64_t)n;
    return WEIR_STATUS_OK;
}

#ifdef WEIR_HAS_ZSTD
static weir_status unpack(weir_line_reader *r, weir_error *err) {
    ZSTD_outBuffer to = {r->text.data, WINDOW_BYTES, 0};
    while (to.pos == 0) {
        WEIR_TRY(fill_raw(r, err));
        if (r->raw.at == r->raw.n && !r->is_inside)
            break;
        ZSTD_inBuffer from = {r->raw.data, r->raw.n, r->raw.at};
        size_t rest = ZSTD_decompressStream(r->zstd, &to, &from);
        if (ZSTD_isError(rest))
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%llu: cannot be unpacked: %s", r->name,
                             (unsigned long long)r->n_lines + 1, ZSTD_getErrorName(rest));
        /* Asked with no bytes left and nothing to give: the frame's end is missing. */
        if (r->raw.at == r->raw.n && to.pos == 0)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s:%llu: the packed file ends in the middle; it was cut off", r->name,
                             (unsigned long long)r->n_lines + 1);
        r->raw.at = from.pos;
        r->is_inside = rest != 0;
    }
    r->text.at = 0;
    r->text.n = to.pos;
    return WEIR_STATUS_OK;
}
#endif

/* The window to take from, filled if it was used up. */
static weir_status fill(weir_line_reader *r, window **out, weir_error *err) {
#ifdef WEIR_HAS_ZSTD
    if (r->packed) {
        *out = &r->text;
        return r->text.at < r->text.n ? WEIR_STATUS_OK : unpack(r, err);
    }
#endif
    *out = &r->raw;
    return fill_raw(r, err);
}

static weir_status keep(weir_line_reader *r, size_t n_have, const char *data, size_t n,
                        weir_error *err) {
    if (n > WEIR_LINE_MAX - n_have)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%llu: longer than %d MiB in one line",
                         r->name, (unsigned long long)r->n_lines + 1, WEIR_LINE_MAX >> 20);
    if (n_have + n > r->cap_line) {
        size_t cap = r->cap_line + r->cap_line / 2 > n_have + n ? r->cap_line + r->cap_line / 2
                                                                : n_have + n + 256;
        char *grown = realloc(r->line, cap);
        if (!grown)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s:%llu: no memory for a line of %zu",
                             r->name, (unsigned long long)r->n_lines + 1, n_have + n);
        r->line = grown;
        r->cap_line = cap;
    }
    memcpy(r->line + n_have, data, n);
    return WEIR_STATUS_OK;
}

weir_status weir_line_reader_next(weir_line_reader *r, const char **line, size_t *n,
                                  weir_error *err) {
    size_t n_kept = 0;
    bool has_any = false;
    *line = NULL;
    *n = 0;
    for (;;) {
        window *w;
        WEIR_TRY(fill(r, &w, err));
        if (w->at == w->n)
            break;
        const char *begin = w->data + w->at;
        const char *end = memchr(begin, '\n', w->n - w->at);
        size_t length = end ? (size_t)(end - begin) : w->n - w->at;
        w->at += length + (end != NULL);
        has_any = true;
        if (end && n_kept == 0) {
            *line = begin;
            *n = length;
            break;
        }
        WEIR_TRY(keep(r, n_kept, begin, length, err));
        n_kept += length;
        if (end)
            break;
    }
    if (!has_any)
        return WEIR_STATUS_OK;
    r->n_lines++;
    if (!*line) {
        *line = r->line ? r->line : "";
        *n = n_kept;
    }
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    return WEIR_STATUS_OK;
}

uint64_t weir_line_reader_line(const weir_line_reader *reader) {
    return reader->n_lines;
}

void weir_line_reader_place(const weir_line_reader *reader, uint64_t *done, uint64_t *total) {
    *done = reader->n_raw - (reader->raw.n - reader->raw.at);
    *total = reader->n_file;
}
