/*
 * quantize_resume.c: see quantize_resume.h.
 *
 * Owns both files until commit, and a lock on the first, so that two runs do not write the same.
 * Invariant: the journal on disk never speaks of bytes that have not been synced; a file it speaks
 * of has its full length, so that a full disk shows at the beginning where the system can tell. A
 * PATH.part with bytes and without a journal is somebody else's, and never touched.
 */
#include "convert/quantize_resume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/error.h"
#include "base/file.h"

enum {
    JOURNAL_VERSION = 1,
    MAX_JOURNAL_BYTES = 16 << 20,
    HASH_TEXT = 33,
    READ_BYTES = 1 << 20,
    /* A record is made each time this much, or this part of the file, is new. */
    RECORD_BYTES = 256 << 20,
    RECORD_PARTS = 16,
};

struct weir_partial {
    char *path, *path_part, *path_journal;
    char *path_new; /* of a journal that is not whole yet */
    weir_partial_work work;
    int fd;
    XXH3_state_t *hash;    /* of the span that is being written */
    XXH128_hash_t *hashes; /* [n_spans] of those that are done */
    size_t current;        /* the span whose bytes are next; spans before are done */
    uint64_t n_written;    /* of its bytes */
    uint64_t n_unrecorded; /* bytes of done spans that the journal does not speak of */
    size_t n_recorded;     /* spans that it speaks of */
};

static weir_status fail_io(weir_error *err, const char *path, const char *what, int error) {
    return weir_fail(err, WEIR_STATUS_IO, "%s: %s: %s", path, what, strerror(error));
}

/* ---- the journal ---------------------------------------------------------------------------- */

static const char *hash_text(char text[HASH_TEXT], uint64_t high, uint64_t low) {
    snprintf(text, HASH_TEXT, "%016" PRIx64 "%016" PRIx64, high, low);
    return text;
}

static bool read_hash(const json_t *value, XXH128_hash_t *out) {
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != HASH_TEXT - 1 ||
        strspn(text, "0123456789abcdef") != HASH_TEXT - 1)
        return false;
    char half[17];
    snprintf(half, sizeof half, "%.16s", text);
    out->high64 = strtoull(half, NULL, 16);
    out->low64 = strtoull(text + 16, NULL, 16);
    return true;
}

static json_t *journal_of(const weir_partial *p) {
    char text[HASH_TEXT];
    json_t *hashes = json_array();
    for (size_t i = 0; i < p->current; i++)
        json_array_append_new(
            hashes, json_string(hash_text(text, p->hashes[i].high64, p->hashes[i].low64)));
    if (json_array_size(hashes) != p->current) { /* without memory */
        json_decref(hashes);
        return NULL;
    }
    return json_pack("{s:i, s:s, s:I, s:o}", "weir_part", JOURNAL_VERSION, "work",
                     hash_text(text, p->work.fingerprint[0], p->work.fingerprint[1]), "bytes",
                     (json_int_t)p->work.file_bytes, "spans", hashes);
}

/* The whole text under another name, then the name. That other name is always the same, so that a
 * killed run leaves one at most, which the next one replaces. Returns errno, or 0. */
static int replace_journal(const weir_partial *p, const char *text) {
    size_t n = strlen(text);
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(p->path_new, flags, 0644), error = 0;
    if (fd < 0)
        return errno;
    while (n > 0 && error == 0) {
        ssize_t written = write(fd, text, n);
        if (written > 0) {
            text += written;
            n -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            error = written == 0 ? ENOSPC : errno;
        }
    }
    if (error == 0 && fsync(fd) != 0)
        error = errno;
    close(fd);
    if (error == 0 && rename(p->path_new, p->path_journal) != 0)
        error = errno;
    return error;
}

static weir_status record(weir_partial *p, weir_error *err) {
    if (fdatasync(p->fd) != 0)
        return fail_io(err, p->path_part, "cannot be synced", errno);
    json_t *journal = journal_of(p);
    char *text = journal != NULL ? json_dumps(journal, JSON_COMPACT) : NULL;
    json_decref(journal);
    if (text == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for it", p->path_journal);
    int error = replace_journal(p, text);
    free(text);
    if (error != 0)
        return fail_io(err, p->path_journal, "cannot be written", error);
    p->n_unrecorded = 0;
    p->n_recorded = p->current;
    return WEIR_STATUS_OK;
}

static void forget_journal(const weir_partial *p) {
    unlink(p->path_journal);
    unlink(p->path_new);
}

/* Spans that a journal of this very work speaks of; 0 for any other, and for what is no journal.
 * Fills hashes. */
static size_t read_journal(weir_partial *p) {
    char *text = NULL, work[HASH_TEXT];
    size_t n_text, n = 0;
    weir_error ignored;
    if (weir_file_read(p->path_journal, MAX_JOURNAL_BYTES, &text, &n_text, &ignored) !=
        WEIR_STATUS_OK)
        return 0;
    json_t *root = json_loadb(text, n_text, JSON_REJECT_DUPLICATES, NULL), *spans;
    free(text);
    int version;
    const char *of;
    json_int_t bytes;
    if (json_unpack(root, "{s:i, s:s, s:I, s:o}", "weir_part", &version, "work", &of, "bytes",
                    &bytes, "spans", &spans) == 0 &&
        version == JOURNAL_VERSION && bytes >= 0 && (uint64_t)bytes == p->work.file_bytes &&
        strcmp(of, hash_text(work, p->work.fingerprint[0], p->work.fingerprint[1])) == 0)
        while (n < json_array_size(spans) && n < p->work.n_spans &&
               read_hash(json_array_get(spans, n), &p->hashes[n]))
            n++;
    json_decref(root);
    return n;
}

/* ---- taking over ---------------------------------------------------------------------------- */

/* Has the file these bytes still? A failure to read is an answer too: they are made again. */
static bool is_span_good(weir_partial *p, size_t i, uint8_t *buffer) {
    uint64_t at = p->work.spans[i].offset, left = p->work.spans[i].bytes;
    XXH3_128bits_reset(p->hash);
    while (left > 0) {
        size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
        ssize_t got = pread(p->fd, buffer, want, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        XXH3_128bits_update(p->hash, buffer, (size_t)got);
        at += (uint64_t)got;
        left -= (uint64_t)got;
    }
    return XXH128_isEqual(XXH3_128bits_digest(p->hash), p->hashes[i]) != 0;
}

/* Counts in p->current the spans that can be kept. */
static weir_status check_spans(weir_partial *p, size_t n, weir_error *err) {
    const weir_progress *progress = &p->work.progress;
    uint64_t done = 0, total = 0;
    uint8_t *buffer = malloc(READ_BYTES);
    if (buffer == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to check it", p->path_part);
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < n; i++)
        total += p->work.spans[i].bytes;
    while (p->current < n && is_span_good(p, p->current, buffer)) {
        done += p->work.spans[p->current++].bytes;
        if (progress->report != NULL)
            progress->report(progress->context, "checking what is there", done, total);
        if (progress->is_cancelled != NULL && progress->is_cancelled(progress->context)) {
            status = weir_fail(err, WEIR_STATUS_CANCELLED, "cancelled at %s", p->path_part);
            break;
        }
    }
    p->n_recorded = status == WEIR_STATUS_OK ? p->current : n;
    free(buffer);
    XXH3_128bits_reset(p->hash);
    return status;
}

static int allocate(int fd, off_t bytes) {
    while (fallocate(fd, 0, 0, bytes) != 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

/* An empty file of the full length, whose blocks are there if the file system can do that. Before
 * it has a byte the journal says whose it is. */
static weir_status make_room(weir_partial *p, weir_error *err) {
    off_t bytes = (off_t)p->work.file_bytes;
    forget_journal(p);
    if (ftruncate(p->fd, 0) != 0)
        return fail_io(err, p->path_part, "cannot be emptied", errno);
    WEIR_TRY(record(p, err));
    if (allocate(p->fd, bytes) == 0)
        return WEIR_STATUS_OK;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return fail_io(err, p->path, "there is no room for it", errno);
    if (ftruncate(p->fd, bytes) != 0)
        return fail_io(err, p->path, "there is no room for it", errno);
    return WEIR_STATUS_OK;
}

static weir_status take_over(weir_partial *p, uint64_t bytes, weir_error *err) {
    bool fits = !p->work.is_new && bytes == p->work.file_bytes;
    size_t n = fits ? read_journal(p) : 0;
    if (n > 0)
        WEIR_TRY(check_spans(p, n, err));
    return p->current > 0 ? WEIR_STATUS_OK : make_room(p, err);
}

/* ---- opening -------------------------------------------------------------------------------- */

weir_status weir_partial_may_open(const char *path, bool overwrite, weir_error *err) {
    struct stat st;
    if (path[0] == '\0')
        return weir_fail(err, WEIR_STATUS_IO, "a file without a name cannot be created");
    if (lstat(path, &st) != 0)
        return WEIR_STATUS_OK;
    if (!overwrite)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: exists already, and replacing it was not asked for", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return weir_fail(err, WEIR_STATUS_IO, "%s: exists and is not a regular file", path);
    return WEIR_STATUS_OK;
}

static char *with_ending(const char *path, const char *ending) {
    size_t n = strlen(path) + strlen(ending) + 1;
    char *text = malloc(n);
    if (text != NULL)
        snprintf(text, n, "%s%s", path, ending);
    return text;
}

/* A run that was killed between giving a finished file its name and taking the temporary one away
 * has left both: writing under the one would write the other. */
static void drop_second_name(const weir_partial *p) {
    struct stat part, whole;
    if (lstat(p->path_part, &part) == 0 && lstat(p->path, &whole) == 0 &&
        part.st_dev == whole.st_dev && part.st_ino == whole.st_ino)
        unlink(p->path_part);
}

/* Locks what was opened, and looks whether it is ours to write. The name may have gone to another
 * file in between, when the run that held the lock ended. */
static weir_status check_part(const weir_partial *p, uint64_t *bytes, weir_error *err) {
    struct stat by_name, by_fd;
    if (fstat(p->fd, &by_fd) != 0 || !S_ISREG(by_fd.st_mode))
        return weir_fail(err, WEIR_STATUS_IO, "%s: exists and is not a regular file", p->path_part);
    bool is_locked = flock(p->fd, LOCK_EX | LOCK_NB) == 0;
    if ((!is_locked && errno == EWOULDBLOCK) || stat(p->path_part, &by_name) != 0 ||
        by_name.st_dev != by_fd.st_dev || by_name.st_ino != by_fd.st_ino)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: another run is writing it", p->path);
    *bytes = (uint64_t)by_name.st_size; /* as it is since the lock */
    if (*bytes > 0 && !weir_path_exists(p->path_journal))
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: is there, and no journal says that it is a part of %s: move it away",
                         p->path_part, p->path);
    return WEIR_STATUS_OK;
}

/* Opens PATH.part; if it is not ours to write, it is not ours to throw away either. */
static weir_status open_part(weir_partial *p, uint64_t *bytes, weir_error *err) {
    p->fd = open(p->path_part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (p->fd < 0)
        return fail_io(err, p->path_part, "cannot be created", errno);
    weir_status status = check_part(p, bytes, err);
    if (status != WEIR_STATUS_OK) {
        close(p->fd);
        p->fd = -1;
    }
    return status;
}

static weir_status open_partial(weir_partial *p, const char *path, weir_error *err) {
    uint64_t bytes;
    p->path = strdup(path);
    p->path_part = with_ending(path, ".part");
    p->path_journal = with_ending(path, ".part.journal");
    p->path_new = with_ending(path, ".part.journal.new");
    p->hash = XXH3_createState();
    p->hashes = calloc(p->work.n_spans + 1, sizeof *p->hashes);
    if (!p->path || !p->path_part || !p->path_journal || !p->path_new || !p->hash || !p->hashes)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    XXH3_128bits_reset(p->hash);
    WEIR_TRY(weir_partial_may_open(path, p->work.overwrite, err));
    drop_second_name(p);
    WEIR_TRY(open_part(p, &bytes, err));
    return take_over(p, bytes, err);
}

weir_status weir_partial_open(weir_partial **out, const char *path, const weir_partial_work *work,
                              size_t *n_done, weir_error *err) {
    *out = NULL;
    weir_partial *p = calloc(1, sizeof *p);
    if (p == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    p->work = *work;
    p->fd = -1;
    weir_status status = open_partial(p, path, err);
    if (status != WEIR_STATUS_OK) {
        weir_partial_close(&p, status == WEIR_STATUS_CANCELLED);
        return status;
    }
    *n_done = p->current;
    *out = p;
    return WEIR_STATUS_OK;
}

bool weir_partial_is_worth(const weir_partial *p) {
    return p->n_recorded > 0;
}

void weir_partial_close(weir_partial **partial, bool keep) {
    weir_partial *p = *partial;
    *partial = NULL;
    if (p == NULL)
        return;
    if (p->fd >= 0) {
        if (!keep || !weir_partial_is_worth(p)) {
            forget_journal(p);
            unlink(p->path_part);
        }
        close(p->fd);
    }
    XXH3_freeState(p->hash);
    free(p->hashes);
    free(p->path);
    free(p->path_part);
    free(p->path_journal);
    free(p->path_new);
    free(p);
}

const char *weir_partial_path(const weir_partial *p) {
    return p->path_part;
}

/* ---- writing -------------------------------------------------------------------------------- */

static weir_status write_at(weir_partial *p, uint64_t at, const uint8_t *data, size_t n,
                            weir_error *err) {
    while (n > 0) {
        ssize_t written = pwrite(p->fd, data, n, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail_io(err, p->path, "cannot be written", written < 0 ? errno : ENOSPC);
        data += written;
        at += (uint64_t)written;
        n -= (size_t)written;
    }
    return WEIR_STATUS_OK;
}

static weir_status end_span(weir_partial *p, weir_error *err) {
    uint64_t part = p->work.file_bytes / RECORD_PARTS;
    p->hashes[p->current] = XXH3_128bits_digest(p->hash);
    XXH3_128bits_reset(p->hash);
    p->n_unrecorded += p->work.spans[p->current].bytes;
    p->current++;
    p->n_written = 0;
    bool is_due = p->n_unrecorded >= part || p->n_unrecorded >= RECORD_BYTES;
    return is_due ? record(p, err) : WEIR_STATUS_OK;
}

weir_status weir_partial_write(weir_partial *p, const void *data, size_t n, weir_error *err) {
    const uint8_t *bytes = data;
    while (n > 0) {
        assert(p->current < p->work.n_spans);
        const weir_partial_span *span = &p->work.spans[p->current];
        uint64_t missing = span->bytes - p->n_written;
        size_t piece = n < missing ? n : (size_t)missing;
        WEIR_TRY(write_at(p, span->offset + p->n_written, bytes, piece, err));
        XXH3_128bits_update(p->hash, bytes, piece);
        bytes += piece;
        n -= piece;
        p->n_written += piece;
        if (piece == missing)
            WEIR_TRY(end_span(p, err));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_partial_patch(weir_partial *p, uint64_t at, const void *data, size_t n,
                               weir_error *err) {
    return write_at(p, at, data, n, err);
}

weir_status weir_partial_seal(weir_partial *p, weir_error *err) {
    assert(p->current == p->work.n_spans);
    return p->n_recorded < p->current ? record(p, err) : WEIR_STATUS_OK;
}

weir_status weir_partial_commit(weir_partial **partial, weir_error *err) {
    weir_partial *p = *partial;
    assert(p->current == p->work.n_spans);
    if (fsync(p->fd) != 0)
        return fail_io(err, p->path, "cannot be synced", errno);
    if ((p->work.overwrite ? rename : weir_path_rename_new)(p->path_part, p->path) != 0) {
        if (errno != EEXIST)
            return fail_io(err, p->path, "cannot be renamed from its temporary name", errno);
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: exists already, and replacing it was not asked for", p->path);
    }
    forget_journal(p);
    WEIR_TRY(weir_path_sync(p->path, err));
    /* The temporary name is gone, so that nothing is left to throw away. */
    weir_partial_close(partial, true);
    return WEIR_STATUS_OK;
}
