/*
 * file.c: whole files in memory, and files that appear whole or not at all.
 *
 * Owns mappings, and the temporary file of a weir_out until commit or abort. Does not know what is
 * in the files. Invariant of weir_out: the file has `flushed` bytes, the
 * buffer the n_buffered behind them; after a failed write `failed` is set, and commit refuses.
 */
#include "base/file.h"

#include "base/error.h"
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- whole files -------------------------------------------------------------------------- */

static weir_status fail_io(weir_error *err, const char *path, const char *what, int error) {
    return weir_fail(err, WEIR_STATUS_IO, "%s: %s: %s", path, what, strerror(error));
}

weir_status weir_map_open(weir_map *out, const char *path, weir_error *err) {
    *out = (weir_map){0};
    weir_status status = WEIR_STATUS_OK;
    /* Not blocking, because a pipe would wait here for its writer before it can be refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_io(err, path, "cannot be opened", errno);
    struct stat st;
    if (fstat(fd, &st) != 0) {
        status = fail_io(err, path, "cannot be examined", errno);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = weir_fail(err, WEIR_STATUS_IO, "%s: is not a regular file", path);
        goto done;
    }
    if ((uintmax_t)st.st_size > SIZE_MAX) {
        status = weir_fail(err, WEIR_STATUS_IO, "%s: is too large to be mapped", path);
        goto done;
    }
    if (st.st_size == 0)
        goto done;
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        if (errno == ENOMEM) /* a limit on the address space */
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY,
                               "%s: no addresses to map its %" PRIuMAX " bytes", path,
                               (uintmax_t)st.st_size);
        else
            status = fail_io(err, path, "cannot be mapped", errno);
        goto done;
    }
    out->data = data;
    out->size = (size_t)st.st_size;
done:
    close(fd);
    return status;
}

void weir_map_close(weir_map *map) {
    if (!map)
        return;
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (weir_map){0};
}

/* Reads until the end and not by st_size: files of /proc say 0, and a file may grow. */
weir_status weir_file_read(const char *path, size_t max, char **data, size_t *size,
                           weir_error *err) {
    *data = NULL;
    *size = 0;
    weir_status status = WEIR_STATUS_OK;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_io(err, path, "cannot be opened", errno);
    struct stat st;
    size_t room = 4096; /* including the 0 byte */
    size_t n_taken = 0, n = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if ((uintmax_t)st.st_size > max)
            goto too_large;
        if ((uintmax_t)st.st_size < SIZE_MAX - 2)
            room = (size_t)st.st_size + 2; /* one more, so that the end is seen without growing */
    }
    for (;;) {
        if (room - n <= 1)
            room *= 2; /* cannot overflow: nothing that large was given */
        char *grown = n_taken == room ? text : realloc(text, room);
        if (!grown) {
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %zu bytes of it",
                               path, room);
            goto fail;
        }
        text = grown;
        n_taken = room;
        ssize_t got = read(fd, text + n, room - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = fail_io(err, path, "cannot be read", errno);
            goto fail;
        }
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > max)
            goto too_large;
    }
    close(fd);
    text[n] = 0;
    *data = text;
    *size = n;
    return WEIR_STATUS_OK;
too_large:
    status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: is too large, expected at most %zu bytes",
                       path, max);
fail:
    free(text);
    close(fd);
    return status;
}

/* ---- paths -------------------------------------------------------------------------------- */

bool weir_path_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool weir_path_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

char *weir_path_join(const char *folder, const char *name) {
    size_t n = strlen(folder), n_name = strlen(name);
    bool has_slash = n == 0 || folder[n - 1] == '/';
    char *path = malloc(n + n_name + 2);
    if (path)
        snprintf(path, n + n_name + 2, "%s%s%s", folder, has_slash ? "" : "/", name);
    return path;
}

char *weir_path_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
}

bool weir_path_swap(const char *a, const char *b) {
    return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
}

int weir_path_rename_new(const char *from, const char *to) {
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* File systems without that flag (NFS): a second name, then the first is taken away. */
    if (link(from, to) == 0) {
        unlink(from);
        return 0;
    }
    if (errno == EEXIST)
        return -1;
    /* Those without second names either (object stores): a look, then an ordinary rename. */
    struct stat st;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

weir_status weir_path_sync(const char *path, weir_error *err) {
    char *folder = weir_path_folder(path);
    if (!folder)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to sync its folder", path);
    int fd = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* EINVAL: file systems that keep no order of their own for folders. */
    int error = fd < 0 || (fsync(fd) != 0 && errno != EINVAL) ? errno : 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    if (error)
        return fail_io(err, path, "is written, but its folder cannot be synced", error);
    return WEIR_STATUS_OK;
}

char *weir_program_folder(void) {
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    if (n <= 0 || n == (ssize_t)sizeof program)
        return NULL;
    const char *slash = memrchr(program, '/', (size_t)n);
    return slash == NULL ? NULL : strndup(program, (size_t)(slash - program));
}

static weir_status make_folders(const char *path, mode_t mode_of_last, weir_error *err) {
    char *copy = strdup(path);
    if (!copy)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", path);
    weir_status status = WEIR_STATUS_OK;
    for (char *at = copy + 1; *copy && status == WEIR_STATUS_OK; at++) {
        char c = *at;
        if (c != '/' && c != 0)
            continue;
        bool is_last = at[strspn(at, "/")] == 0;
        *at = 0;
        if (mkdir(copy, is_last ? mode_of_last : 0777) != 0 && errno != EEXIST)
            status =
                weir_fail(err, WEIR_STATUS_IO, "%s: cannot be made: %s", copy, strerror(errno));
        *at = c;
        if (c == 0)
            break;
    }
    free(copy);
    if (status == WEIR_STATUS_OK && *path && !weir_path_is_folder(path))
        status = weir_fail(err, WEIR_STATUS_IO, "%s: is no folder", path);
    return status;
}

weir_status weir_make_folders(const char *path, weir_error *err) {
    return make_folders(path, 0777, err);
}

weir_status weir_make_private_folder(const char *path, weir_error *err) {
    return make_folders(path, 0700, err);
}

/* ---- files under construction ------------------------------------------------------------- */

enum { BUFFER_BYTES = 1 << 20, SUFFIX_BYTES = sizeof ".tmp-XXXXXX" - 1 };

struct weir_out {
    char *path;
    char *path_tmp;
    uint8_t *buffer; /* [BUFFER_BYTES] */
    size_t n_buffered;
    uint64_t flushed;
    int fd;
    int failed; /* errno of the first write that failed, or 0 */
    bool overwrite;
};

static void out_free(weir_out **out) {
    weir_out *o = *out;
    *out = NULL;
    if (!o)
        return;
    if (o->fd >= 0)
        close(o->fd);
    free(o->path);
    free(o->path_tmp);
    free(o->buffer);
    free(o);
}

/* Creates PATH.tmp-XXXXXX. Not mkstemp: its mode 0600 could only be widened to what the umask
 * allows by changing the umask, which is shared with other threads. */
static int open_unique(char *path, char *suffix) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static atomic_uint n_made;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    for (uint64_t attempt = 0;; attempt++) {
        uint64_t bits = weir_mix64(seed, (uint64_t)getpid(), atomic_fetch_add(&n_made, 1));
        snprintf(suffix, SUFFIX_BYTES + 1, ".tmp-");
        for (size_t i = 5; i < SUFFIX_BYTES; i++, bits /= sizeof letters - 1)
            suffix[i] = letters[bits % (sizeof letters - 1)];
        suffix[SUFFIX_BYTES] = 0;
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd >= 0 || errno != EEXIST || attempt == 100)
            return fd;
    }
}

weir_status weir_out_open(weir_out **out, const char *path, bool overwrite, weir_error *err) {
    *out = NULL;
    if (!path[0]) /* its temporary name could be made, but never renamed */
        return weir_fail(err, WEIR_STATUS_IO, "a file without a name cannot be created");
    struct stat st;
    if (lstat(path, &st) == 0) {
        if (!overwrite)
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "%s: exists already, and replacing it was not asked for", path);
        /* A device or pipe would be replaced by a file; nobody can have meant that. */
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
            return weir_fail(err, WEIR_STATUS_IO, "%s: exists and is not a regular file", path);
    }
    weir_status status = WEIR_STATUS_OK;
    size_t n = strlen(path);
    weir_out *o = calloc(1, sizeof *o);
    if (!o)
        goto no_memory;
    o->fd = -1;
    o->overwrite = overwrite;
    o->path = malloc(n + 1);
    o->path_tmp = malloc(n + SUFFIX_BYTES + 1);
    o->buffer = malloc(BUFFER_BYTES);
    if (!o->path || !o->path_tmp || !o->buffer)
        goto no_memory;
    memcpy(o->path, path, n + 1);
    memcpy(o->path_tmp, path, n + 1);
    o->fd = open_unique(o->path_tmp, o->path_tmp + n);
    if (o->fd < 0) {
        status = fail_io(err, path, "cannot be created", errno);
        goto fail;
    }
    *out = o;
    return WEIR_STATUS_OK;
no_memory:
    status =
        weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the buffer of a new file", path);
fail:
    out_free(&o);
    return status;
}

/* Writes all of data at a position. A negative return of the system is kept in out->failed. */
static weir_status write_at(weir_out *out, uint64_t at, const uint8_t *data, size_t n,
                            weir_error *err) {
    while (n > 0 && !out->failed) {
        /* The system takes 2 GiB at most in one call. */
        size_t part = n < ((size_t)1 << 30) ? n : (size_t)1 << 30;
        ssize_t written = pwrite(out->fd, data, part, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            out->failed = written < 0 ? errno : ENOSPC;
            break;
        }
        data += written;
        at += (uint64_t)written;
        n -= (size_t)written;
    }
    if (out->failed)
        return fail_io(err, out->path, "cannot be written", out->failed);
    return WEIR_STATUS_OK;
}

static weir_status flush(weir_out *out, weir_error *err) {
    WEIR_TRY(write_at(out, out->flushed, out->buffer, out->n_buffered, err));
    out->flushed += out->n_buffered;
    out->n_buffered = 0;
    return WEIR_STATUS_OK;
}

weir_status weir_out_write(weir_out *out, const void *data, size_t n, weir_error *err) {
    if (n == 0)
        return WEIR_STATUS_OK;
    if (n > BUFFER_BYTES - out->n_buffered)
        WEIR_TRY(flush(out, err));
    if (n >= BUFFER_BYTES) {
        WEIR_TRY(write_at(out, out->flushed, data, n, err));
        out->flushed += n;
        return WEIR_STATUS_OK;
    }
    memcpy(out->buffer + out->n_buffered, data, n);
    out->n_buffered += n;
    return WEIR_STATUS_OK;
}

weir_status weir_out_pad(weir_out *out, size_t multiple, weir_error *err) {
    static const uint8_t zeros[4096];
    assert(multiple > 0);
    size_t n = (size_t)((multiple - weir_out_tell(out) % multiple) % multiple);
    while (n > 0) {
        size_t part = n < sizeof zeros ? n : sizeof zeros;
        WEIR_TRY(weir_out_write(out, zeros, part, err));
        n -= part;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_out_skip(weir_out *out, uint64_t n, weir_error *err) {
    WEIR_TRY(flush(out, err));
    if (!out->failed && ftruncate(out->fd, (off_t)(out->flushed + n)) != 0)
        out->failed = errno;
    if (out->failed)
        return fail_io(err, out->path, "cannot be written", out->failed);
    out->flushed += n;
    return WEIR_STATUS_OK;
}

uint64_t weir_out_tell(const weir_out *out) {
    return out->flushed + out->n_buffered;
}

weir_status weir_out_patch(weir_out *out, uint64_t at, const void *data, size_t n,
                           weir_error *err) {
    assert(at <= weir_out_tell(out) && n <= weir_out_tell(out) - at);
    if (n == 0)
        return WEIR_STATUS_OK;
    if (at >= out->flushed) {
        memcpy(out->buffer + (at - out->flushed), data, n);
        return WEIR_STATUS_OK;
    }
    if (n > out->flushed - at)
        WEIR_TRY(flush(out, err));
    return write_at(out, at, data, n, err);
}

static weir_status commit(weir_out **out, bool is_synced, weir_error *err) {
    weir_out *o = *out;
    weir_status status;
    WEIR_TRY_GOTO(flush(o, err));
    if (is_synced && fsync(o->fd) != 0) {
        status = fail_io(err, o->path, "cannot be synced", errno);
        goto fail;
    }
    /* Some network file systems report a full disk only here. */
    int closed = close(o->fd);
    o->fd = -1;
    if (closed != 0 && errno != EINTR) {
        status = fail_io(err, o->path, "cannot be closed", errno);
        goto fail;
    }
    if ((o->overwrite ? rename : weir_path_rename_new)(o->path_tmp, o->path) != 0) {
        if (errno == EEXIST)
            status = weir_fail(err, WEIR_STATUS_FAILED,
                               "%s: exists already, and replacing it was not asked for", o->path);
        else
            status = fail_io(err, o->path, "cannot be renamed from its temporary name", errno);
        goto fail;
    }
    status = is_synced ? weir_path_sync(o->path, err) : WEIR_STATUS_OK;
    out_free(out);
    return status;
fail:
    weir_out_abort(out);
    return status;
}

/* Of the thread: a call of the public interface that writes a file has no place for it. */
static _Thread_local bool leaves_unsynced;

void weir_out_leave_unsynced(bool is_on) {
    leaves_unsynced = is_on;
}

weir_status weir_out_commit(weir_out **out, weir_error *err) {
    return commit(out, !leaves_unsynced, err);
}

weir_status weir_out_commit_unsynced(weir_out **out, weir_error *err) {
    return commit(out, false, err);
}

void weir_out_abort(weir_out **out) {
    if (!out || !*out)
        return;
    unlink((*out)->path_tmp);
    out_free(out);
}

bool weir_is_temporary_name(const char *name) {
    size_t n = strlen(name);
    return n > SUFFIX_BYTES && strncmp(name + n - SUFFIX_BYTES, ".tmp-", 5) == 0;
}

weir_status weir_file_copy(const char *from, const char *to, const char *name, weir_error *err) {
    char *in = weir_path_join(from, name), *path = weir_path_join(to, name);
    struct stat st;
    weir_map map = {0};
    weir_out *out = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!in || !path) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", from);
        goto fail;
    }
    if (stat(in, &st) != 0 || !S_ISREG(st.st_mode))
        goto fail; /* which is none */
    WEIR_TRY_GOTO(weir_map_open(&map, in, err));
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, map.data, map.size, err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    weir_map_close(&map);
    free(in);
    free(path);
    return status;
}
