/*
 * hub_part.c: the file with holes and its journal.
 *
 * Owns both files while they are open. Does not know where bytes come from. Invariant: a journal
 * lies beside a file of bytes that was begun before it; one without the other counts as nothing.
 */
#include "hub_part.h"

#include "base/error.h"
#include "base/file.h"
#include "text_buffer.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "weir download 1\n";

enum { THERE = '#', MISSING = '.', TAKEN = '+', MAX_JOURNAL = 64 << 20, MAX_CHUNK = 1 << 30 };

static weir_status fail_io(weir_error *err, const char *path, const char *what) {
    return weir_fail(err, WEIR_STATUS_IO, "%s: %s: %s", path, what, strerror(errno));
}

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the state of a download");
}

static char *with_ending(const char *path, const char *ending) {
    weir_text_buffer text = {0};
    weir_text_buffer_format(&text, "%s%s", path, ending);
    if (text.has_failed)
        weir_text_buffer_free(&text);
    return text.data;
}

char *weir_hub_part_path(const char *blob_path) {
    return with_ending(blob_path, ".weir.incomplete");
}

char *weir_hub_part_journal_path(const char *blob_path) {
    return with_ending(blob_path, ".weir.journal");
}

/* ---- the journal ------------------------------------------------------------------------------
 */

/* "KEY 123\n" at *at, which moves behind it. */
static bool read_number(const char **at, const char *key, uint64_t *out) {
    size_t n = strlen(key);
    if (strncmp(*at, key, n) != 0 || !isdigit((unsigned char)(*at)[n]))
        return false;
    char *end;
    errno = 0;
    *out = strtoull(*at + n, &end, 10);
    *at = end + 1;
    return errno == 0 && *end == '\n';
}

weir_status weir_hub_journal_read(weir_hub_journal *out, const char *text, size_t n,
                                  const char *where, weir_error *err) {
    *out = (weir_hub_journal){0};
    const char *at = text, *end = NULL, *file = NULL;
    bool is_one = strlen(text) == n && strncmp(text, magic, strlen(magic)) == 0;
    if (is_one) {
        at += strlen(magic);
        is_one = read_number(&at, "size ", &out->size) &&
                 read_number(&at, "chunk ", &out->chunk_bytes) && strncmp(at, "file ", 5) == 0;
    }
    if (is_one) {
        file = at + 5;
        end = strstr(file, "\n\n");
        is_one = end != NULL && out->size > 0 && out->size <= INT64_MAX && out->chunk_bytes > 0 &&
                 out->chunk_bytes <= MAX_CHUNK;
    }
    if (is_one) {
        const char *marks = end + 2;
        out->head_bytes = (uint64_t)(marks - text);
        out->n_chunks = (out->size - 1) / out->chunk_bytes + 1;
        is_one = n - out->head_bytes == out->n_chunks;
        for (; is_one && *marks; marks++) {
            is_one = *marks == THERE || *marks == MISSING;
            out->n_done += *marks == THERE;
        }
    }
    if (!is_one)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: is no journal of a download", where);
    out->file = weir_text_copy(file, (size_t)(end - file));
    return out->file ? WEIR_STATUS_OK : no_memory(err);
}

void weir_hub_journal_free(weir_hub_journal *journal) {
    free(journal->file);
    *journal = (weir_hub_journal){0};
}

/* The last chunk is shorter. Which ones are there is not kept here: it counts as a long one unless
 * all are. */
uint64_t weir_hub_journal_bytes(const weir_hub_journal *j) {
    uint64_t bytes = j->n_done == j->n_chunks ? j->size : j->n_done * j->chunk_bytes;
    return bytes < j->size ? bytes : j->size;
}

/* Where the last chunk that is there ends. */
static uint64_t end_of_marks(const weir_hub_journal *j, const char *text) {
    uint64_t n = j->n_chunks;
    while (n > 0 && text[j->head_bytes + n - 1] != THERE)
        n--;
    return n < j->n_chunks ? n * j->chunk_bytes : j->size;
}

/* The journal of a blob if it fits to the file of bytes. After a power failure that one may be
 * shorter than the marks say: it can be neither hashed nor, with its chunks marked, fetched. */
static weir_status read_journal(weir_hub_journal *out, char **text, const char *journal_path,
                                const char *path, weir_error *err) {
    size_t n;
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return weir_fail(err, WEIR_STATUS_IO, "%s: has no bytes beside it", journal_path);
    WEIR_TRY(weir_file_read(journal_path, MAX_JOURNAL, text, &n, err));
    weir_status status = weir_hub_journal_read(out, *text, n, journal_path, err);
    if (status == WEIR_STATUS_OK && (uint64_t)st.st_size < end_of_marks(out, *text)) {
        weir_hub_journal_free(out);
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: marks bytes that are not there",
                           journal_path);
    }
    if (status != WEIR_STATUS_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

uint64_t weir_hub_part_bytes_there(const char *blob_path, uint64_t size) {
    char *path = weir_hub_part_path(blob_path), *journal = weir_hub_part_journal_path(blob_path);
    char *text = NULL;
    weir_hub_journal j = {0};
    uint64_t bytes = 0;
    if (path && journal && read_journal(&j, &text, journal, path, NULL) == WEIR_STATUS_OK)
        bytes = j.size == size ? weir_hub_journal_bytes(&j) : 0;
    weir_hub_journal_free(&j);
    free(text);
    free(path);
    free(journal);
    return bytes;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* Takes the state from the journal; false: there is none that fits. */
static bool resume(weir_hub_part *p) {
    weir_hub_journal j = {0};
    char *text = NULL;
    if (read_journal(&j, &text, p->journal_path, p->path, NULL) != WEIR_STATUS_OK)
        return false;
    bool fits = j.size == p->size;
    if (fits) {
        p->chunk_bytes = j.chunk_bytes;
        p->n_chunks = j.n_chunks;
        p->n_done = j.n_done;
        p->head_bytes = j.head_bytes;
        p->state = weir_text_copy(text + j.head_bytes, (size_t)j.n_chunks);
        fits = p->state != NULL;
    }
    weir_hub_journal_free(&j);
    free(text);
    if (fits) {
        p->fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        p->journal = open(p->journal_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        fits = p->fd >= 0 && p->journal >= 0;
    }
    return fits;
}

static void close_files(weir_hub_part *p) {
    if (p->fd >= 0)
        close(p->fd);
    if (p->journal >= 0)
        close(p->journal);
    p->fd = p->journal = -1;
}

static weir_status write_all(int fd, uint64_t at, const void *data, size_t n, const char *path,
                             weir_error *err) {
    const char *bytes = data;
    while (n > 0) {
        ssize_t n_written = pwrite(fd, bytes, n, (off_t)at);
        if (n_written < 0 && errno == EINTR)
            continue;
        if (n_written <= 0)
            return fail_io(err, path, "cannot be written");
        bytes += n_written;
        at += (uint64_t)n_written;
        n -= (size_t)n_written;
    }
    return WEIR_STATUS_OK;
}

/* The bytes first, then the journal, whole: see the invariant. */
static weir_status begin(weir_hub_part *p, const char *file, weir_error *err) {
    close_files(p);
    free(p->state);
    p->chunk_bytes = WEIR_HUB_CHUNK_BYTES;
    p->n_chunks = (p->size - 1) / p->chunk_bytes + 1;
    p->n_done = 0;
    p->state = malloc((size_t)p->n_chunks + 1);
    if (!p->state)
        return no_memory(err);
    memset(p->state, MISSING, (size_t)p->n_chunks);
    p->state[p->n_chunks] = 0;
    unlink(p->journal_path);
    unlink(p->path);
    p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (p->fd < 0)
        return fail_io(err, p->path, "cannot be made");
    p->journal = open(p->journal_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (p->journal < 0)
        return fail_io(err, p->journal_path, "cannot be made");
    weir_text_buffer text = {0};
    weir_text_buffer_format(&text, "%ssize %" PRIu64 "\nchunk %" PRIu64 "\nfile %s\n\n", magic,
                            p->size, p->chunk_bytes, file);
    p->head_bytes = text.n;
    weir_text_buffer_say(&text, p->state);
    weir_status status = weir_text_buffer_check(&text, "a journal", err);
    if (status == WEIR_STATUS_OK)
        status = write_all(p->journal, 0, text.data, text.n, p->journal_path, err);
    weir_text_buffer_free(&text);
    return status;
}

weir_status weir_hub_part_open(weir_hub_part *out, const char *blob_path, uint64_t size,
                               const char *file, weir_error *err) {
    assert(size > 0);
    *out = (weir_hub_part){.fd = -1, .journal = -1, .size = size};
    out->path = weir_hub_part_path(blob_path);
    out->journal_path = weir_hub_part_journal_path(blob_path);
    if (!out->path || !out->journal_path)
        return no_memory(err);
    if (resume(out)) {
        out->was_resumed = out->n_done > 0;
        return WEIR_STATUS_OK;
    }
    return begin(out, file, err);
}

void weir_hub_part_close(weir_hub_part *p) {
    if (p->path) /* else it was never opened */
        close_files(p);
    free(p->path);
    free(p->journal_path);
    free(p->state);
    *p = (weir_hub_part){.fd = -1, .journal = -1};
}

/* ---- chunks -----------------------------------------------------------------------------------
 */

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

bool weir_hub_part_has(const weir_hub_part *p, uint64_t chunk) {
    return p->state[chunk] == THERE;
}

uint64_t weir_hub_part_bytes(const weir_hub_part *p) {
    uint64_t last = p->size - (p->n_chunks - 1) * p->chunk_bytes;
    bool has_last = weir_hub_part_has(p, p->n_chunks - 1);
    return (p->n_done - has_last) * p->chunk_bytes + (has_last ? last : 0);
}

bool weir_hub_part_take(weir_hub_part *p, uint64_t max_chunks, uint64_t *begin_at, uint64_t *end) {
    const char *first = memchr(p->state, MISSING, (size_t)p->n_chunks);
    if (!first || max_chunks == 0)
        return false;
    uint64_t chunk = (uint64_t)(first - p->state), n = 0;
    while (n < max_chunks && p->state[chunk + n] == MISSING)
        p->state[chunk + n++] = TAKEN;
    *begin_at = chunk * p->chunk_bytes;
    *end = least((chunk + n) * p->chunk_bytes, p->size);
    return true;
}

void weir_hub_part_give_back(weir_hub_part *p, uint64_t begin_at, uint64_t end) {
    for (uint64_t chunk = begin_at / p->chunk_bytes; chunk * p->chunk_bytes < end; chunk++)
        if (p->state[chunk] == TAKEN)
            p->state[chunk] = MISSING;
}

static weir_status mark(weir_hub_part *p, uint64_t chunk, weir_error *err) {
    static const char there = THERE;
    WEIR_TRY(write_all(p->journal, p->head_bytes + chunk, &there, 1, p->journal_path, err));
    p->state[chunk] = THERE;
    p->n_done++;
    return WEIR_STATUS_OK;
}

weir_status weir_hub_part_write(weir_hub_part *p, uint64_t at, const void *data, size_t n,
                                weir_error *err) {
    const char *bytes = data;
    assert(at + n <= p->size);
    while (n > 0) {
        uint64_t chunk = at / p->chunk_bytes, end = least((chunk + 1) * p->chunk_bytes, p->size);
        size_t n_here = (size_t)least(n, end - at);
        if (!weir_hub_part_has(p, chunk)) {
            WEIR_TRY(write_all(p->fd, at, bytes, n_here, p->path, err));
            if (at + n_here == end)
                WEIR_TRY(mark(p, chunk, err));
        }
        bytes += n_here;
        at += n_here;
        n -= n_here;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_hub_part_reset(weir_hub_part *p, weir_error *err) {
    memset(p->state, MISSING, (size_t)p->n_chunks);
    p->n_done = 0;
    p->was_resumed = false;
    WEIR_TRY(
        write_all(p->journal, p->head_bytes, p->state, (size_t)p->n_chunks, p->journal_path, err));
    return ftruncate(p->fd, 0) == 0 ? WEIR_STATUS_OK : fail_io(err, p->path, "cannot be emptied");
}

weir_status weir_hub_part_commit(weir_hub_part *p, const char *blob_path, weir_error *err) {
    assert(p->n_done == p->n_chunks);
    if (fsync(p->fd) != 0)
        return fail_io(err, p->path, "cannot be written");
    if (rename(p->path, blob_path) != 0)
        return fail_io(err, blob_path, "cannot be made");
    unlink(p->journal_path);
    return weir_path_sync(blob_path, err);
}

void weir_hub_part_discard(const weir_hub_part *p) {
    unlink(p->journal_path);
    unlink(p->path);
}
