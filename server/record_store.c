/*
 * record_store.c: see record_store.h.
 *
 * A file is a line of JSON, {"weir_record": 1, "owner", "id", "updated", "bytes", "sum"}, and the
 * text behind it; its name is a hash of owner and id, so no name from outside is ever a path.
 *
 * Invariants, under the lock: every record is in the table and in the list by use; one without a
 * text in memory has a file; memory_bytes counts the texts. The writer takes a copy of a dirty
 * record, writes it without the lock, and takes the file away again if the record has been
 * forgotten meanwhile; until then that file is nobody's to find.
 */
#include "record_store.h"

#include "base/error.h"
#include "base/file.h"
#include "json_text.h"
#include "text_buffer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    DEFAULT_RECORDS = 100000,
    DEFAULT_RECORDS_IN_MEMORY = 1024,
    DEFAULT_BYTES = 64 << 20,
    LEAST_BUCKETS = 256,
    HEAD_BYTES = 4096, /* the longest first line */
    MAX_FILE = 256 << 20,
    TEMPORARY_S = 600, /* nobody takes that long to write a file */
    SUM_DIGITS = 16,
    NAME_BYTES = 32 + sizeof ".json"
};

typedef struct record {
    struct record *next; /* in its bucket */
    struct record *newer, *older;
    char *owner, *id;
    char *text; /* [n] NULL: only its file has it */
    size_t n;
    int64_t updated;
    uint64_t hash;
    bool is_dirty;     /* its file is not there, or is older */
    bool is_unwritten; /* the same, and it could not be written */
    uint64_t version;  /* of its text */
} record;

struct weir_records {
    char *folder;
    size_t max_records, max_bytes;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    record **bucket; /* [n_buckets] */
    size_t n_buckets;
    record *newest, *oldest;
    size_t n_records, n_in_memory, memory_bytes, n_dirty, n_unwritten;
    const char *writing_owner, *writing_id; /* whose file is being written; NULL: none is */
    uint64_t n_versions, n_written, n_failures;
    bool is_closing, has_thread;
    pthread_t thread;
};

/* ---- names -------------------------------------------------------------------------------- */

static XXH128_hash_t hash_of(const char *owner, const char *id) {
    XXH128_hash_t a = XXH3_128bits(owner, strlen(owner));
    return XXH3_128bits_withSeed(id, strlen(id), a.low64 ^ (a.high64 * 3));
}

static void name_of(char name[NAME_BYTES], const char *owner, const char *id) {
    XXH128_hash_t hash = hash_of(owner, id);
    snprintf(name, NAME_BYTES, "%016llx%016llx.json", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

static char *path_of(const weir_records *r, const char *owner, const char *id) {
    char name[NAME_BYTES];
    name_of(name, owner, id);
    return weir_path_join(r->folder, name);
}

/* ---- table and list, with the lock held ----------------------------------------------------- */

static record *find(const weir_records *r, const char *owner, const char *id) {
    uint64_t hash = hash_of(owner, id).low64;
    for (record *e = r->bucket[hash & (r->n_buckets - 1)]; e; e = e->next)
        if (e->hash == hash && strcmp(e->id, id) == 0 && strcmp(e->owner, owner) == 0)
            return e;
    return NULL;
}

static void grow(weir_records *r) {
    size_t n = 2 * r->n_buckets;
    record **bucket = r->n_records < r->n_buckets ? NULL : calloc(n, sizeof(record *));
    if (!bucket) /* longer chains will do too */
        return;
    for (size_t i = 0; i < r->n_buckets; i++)
        for (record *e = r->bucket[i], *next; e; e = next) {
            next = e->next;
            e->next = bucket[e->hash & (n - 1)];
            bucket[e->hash & (n - 1)] = e;
        }
    free(r->bucket);
    r->bucket = bucket;
    r->n_buckets = n;
}

static void unlink_age(weir_records *r, record *e) {
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
}

static void link_newest(weir_records *r, record *e) {
    e->newer = NULL;
    e->older = r->newest;
    *(e->older ? &e->older->newer : &r->oldest) = e;
    r->newest = e;
}

static void add(weir_records *r, record *e) {
    grow(r);
    e->hash = hash_of(e->owner, e->id).low64;
    record **bucket = &r->bucket[e->hash & (r->n_buckets - 1)];
    e->next = *bucket;
    *bucket = e;
    link_newest(r, e);
    r->n_records++;
}

static void set_text(weir_records *r, record *e, char *text, size_t n) {
    if (e->text) {
        r->n_in_memory--;
        r->memory_bytes -= e->n;
        free(e->text);
    }
    e->text = text;
    if (text) {
        e->n = n;
        r->n_in_memory++;
        r->memory_bytes += n;
    }
}

static void set_dirty(weir_records *r, record *e, bool is_dirty) {
    r->n_dirty += is_dirty && !e->is_dirty;
    r->n_dirty -= !is_dirty && e->is_dirty;
    e->is_dirty = is_dirty;
}

static void set_unwritten(weir_records *r, record *e, bool is_unwritten) {
    r->n_unwritten += is_unwritten && !e->is_unwritten;
    r->n_unwritten -= !is_unwritten && e->is_unwritten;
    e->is_unwritten = is_unwritten;
}

static void free_record(record *e) {
    if (!e)
        return;
    free(e->owner);
    free(e->id);
    free(e->text);
    free(e);
}

static void take_out(weir_records *r, record *e) {
    record **at = &r->bucket[e->hash & (r->n_buckets - 1)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_age(r, e);
    set_dirty(r, e, false);
    set_unwritten(r, e, false);
    set_text(r, e, NULL, 0);
    r->n_records--;
}

/* The file stays as it is. */
static void drop(weir_records *r, record *e) {
    take_out(r, e);
    free_record(e);
}

static bool remove_file(const weir_records *r, const char *owner, const char *id) {
    char *path = r->folder ? path_of(r, owner, id) : NULL;
    bool was_there = path && unlink(path) == 0;
    free(path);
    return was_there;
}

static void forget(weir_records *r, record *e) {
    remove_file(r, e->owner, e->id);
    drop(r, e);
}

/* Longest unused first: out of memory where a file has it, or out of the store. Of one that cannot
 * be written an older file may be there, which is better than nothing. */
static void hold_to_bounds(weir_records *r) {
    while (r->n_records > r->max_records)
        forget(r, r->oldest);
    for (record *e = r->oldest, *newer; e && r->memory_bytes > r->max_bytes; e = newer) {
        newer = e->newer;
        if (!r->folder || (e->is_unwritten && !e->is_dirty))
            drop(r, e);
        else if (e->text && !e->is_dirty)
            set_text(r, e, NULL, 0);
    }
}

/* ---- files -------------------------------------------------------------------------------- */

/* What the first line says. */
typedef struct record_head {
    char *owner, *id; /* to be freed */
    char sum[SUM_DIGITS + 1];
    int64_t updated;
    size_t n_line; /* its end included; the text follows */
    uint64_t n;    /* bytes of the text */
} record_head;

static weir_status read_head(record_head *out, const json_t *json, const char *name,
                             weir_error *err) {
    const char *owner = json_string_value(json_object_get(json, "owner"));
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *sum = json_string_value(json_object_get(json, "sum"));
    json_int_t bytes = json_integer_value(json_object_get(json, "bytes"));
    if (json_integer_value(json_object_get(json, "weir_record")) != 1 || !owner || !id)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:1: no record of this version", name);
    if (bytes < 0 || !sum || strlen(sum) != SUM_DIGITS)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:1: expected \"bytes\" and \"sum\"", name);
    memcpy(out->sum, sum, sizeof out->sum);
    out->n = (uint64_t)bytes;
    out->updated = json_integer_value(json_object_get(json, "updated"));
    out->owner = weir_text_copy(owner, strlen(owner));
    out->id = weir_text_copy(id, strlen(id));
    if (out->owner && out->id)
        return WEIR_STATUS_OK;
    free(out->owner);
    free(out->id);
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a record");
}

/* data [size]: a file, or at least its first line. */
static weir_status parse_head(record_head *out, const char *data, size_t size, const char *name,
                              weir_error *err) {
    const char *end = memchr(data, '\n', size < HEAD_BYTES ? size : HEAD_BYTES);
    if (!end)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:1: expected a line of JSON", name);
    out->n_line = (size_t)(end + 1 - data);
    json_t *json = weir_json_read(data, out->n_line - 1, name, err);
    if (!json)
        return WEIR_STATUS_BAD_FILE;
    weir_status status = read_head(out, json, name, err);
    json_decref(json);
    return status;
}

weir_status weir_record_parse(const char *data, size_t size, const char *name, char **owner,
                              char **id, int64_t *updated, const char **text, size_t *n,
                              weir_error *err) {
    record_head head;
    char sum[SUM_DIGITS + 1];
    *owner = *id = NULL;
    WEIR_TRY(parse_head(&head, data, size, name, err));
    *text = data + head.n_line;
    *n = size - head.n_line;
    *updated = head.updated;
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)XXH64(*text, *n, 0));
    if (head.n != *n || strcmp(head.sum, sum) != 0) {
        free(head.owner);
        free(head.id);
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: the text is damaged", name);
    }
    *owner = head.owner;
    *id = head.id;
    return WEIR_STATUS_OK;
}

static weir_status write_file(const char *path, const char *owner, const char *id, int64_t updated,
                              const char *text, size_t n, weir_error *err) {
    weir_text_buffer head = {0};
    weir_out *out = NULL;
    weir_text_buffer_say(&head, "{\"weir_record\": 1, \"owner\": ");
    weir_text_buffer_add_json(&head, owner, strlen(owner));
    weir_text_buffer_say(&head, ", \"id\": ");
    weir_text_buffer_add_json(&head, id, strlen(id));
    weir_text_buffer_format(&head, ", \"updated\": %lld, \"bytes\": %zu, \"sum\": \"%016llx\"}\n",
                            (long long)updated, n, (unsigned long long)XXH64(text, n, 0));
    weir_status status = weir_text_buffer_check(&head, "a record", err);
    if (status == WEIR_STATUS_OK)
        status = weir_out_open(&out, path, true, err);
    if (status == WEIR_STATUS_OK)
        status = weir_out_write(out, head.data, head.n, err);
    if (status == WEIR_STATUS_OK)
        status = weir_out_write(out, text, n, err);
    if (status == WEIR_STATUS_OK)
        status = weir_out_commit(&out, err);
    weir_out_abort(&out);
    weir_text_buffer_free(&head);
    return status;
}

/* The oldest that is not written. */
static record *next_dirty(const weir_records *r) {
    record *e = r->oldest;
    while (e && !e->is_dirty)
        e = e->newer;
    return e;
}

/* The disk takes files again, or it is the last time: all that it did not take. */
static void try_again(weir_records *r) {
    for (record *e = r->n_unwritten > 0 ? r->oldest : NULL; e; e = e->newer)
        if (e->is_unwritten)
            set_dirty(r, e, true);
}

/* A failure is not tried again until the record changes or another can be written. */
static void note_written(weir_records *r, record *e, bool is_good) {
    set_dirty(r, e, false);
    set_unwritten(r, e, !is_good);
}

/* With the lock held, which it lets go while it writes. */
static void write_one(weir_records *r, record *e) {
    uint64_t version = e->version;
    int64_t updated = e->updated;
    size_t n = e->n;
    char *owner = weir_text_copy(e->owner, strlen(e->owner));
    char *id = weir_text_copy(e->id, strlen(e->id)), *text = weir_text_copy(e->text, n);
    weir_status status = WEIR_STATUS_NO_MEMORY;
    if (owner && id && text) {
        char *path = path_of(r, owner, id);
        r->writing_owner = owner;
        r->writing_id = id;
        pthread_mutex_unlock(&r->lock);
        if (path)
            status = write_file(path, owner, id, updated, text, n, NULL);
        pthread_mutex_lock(&r->lock);
        r->writing_owner = r->writing_id = NULL;
        record *now = find(r, owner, id);
        if (!now && path)
            unlink(path);
        if (now && now->version == version)
            note_written(r, now, status == WEIR_STATUS_OK);
        free(path);
    } else {
        note_written(r, e, false);
    }
    r->n_written += status == WEIR_STATUS_OK;
    r->n_failures += status != WEIR_STATUS_OK;
    if (status == WEIR_STATUS_OK)
        try_again(r);
    free(owner);
    free(id);
    free(text);
}

static void *write_all(void *context) {
    weir_records *r = context;
    pthread_mutex_lock(&r->lock);
    while (!r->is_closing || r->n_dirty > 0) {
        if (r->n_dirty == 0) {
            pthread_cond_wait(&r->wake, &r->lock);
            continue;
        }
        write_one(r, next_dirty(r));
        hold_to_bounds(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- open and close ----------------------------------------------------------------------- */

static bool is_record_name(const char *name) {
    return strlen(name) == NAME_BYTES - 1 && strspn(name, "0123456789abcdef") == 32 &&
           strcmp(name + 32, ".json") == 0;
}

/* Of a server that was killed; a younger one may be what another server is writing. */
static void remove_temporary(int folder, const char *name) {
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        info.st_mtim.tv_sec < time(NULL) - TEMPORARY_S)
        unlinkat(folder, name, 0);
}

/* The first line of a file that is as long as it says: the door waits until all are known. The text
 * is read, and its sum looked at, when somebody asks for it. */
static bool read_line(int folder, const char *name, record_head *head) {
    char line[HEAD_BYTES], its_name[NAME_BYTES];
    struct stat info;
    ssize_t n = -1;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        n = read(fd, line, sizeof line);
    close(fd);
    if (n <= 0 || parse_head(head, line, (size_t)n, name, NULL) != WEIR_STATUS_OK)
        return false;
    name_of(its_name, head->owner, head->id);
    if (strcmp(name, its_name) == 0 && (uint64_t)info.st_size == head->n_line + head->n)
        return true;
    free(head->owner);
    free(head->id);
    return false;
}

static void look_at(weir_records *r, int folder, const char *name) {
    record_head head;
    if (weir_is_temporary_name(name))
        remove_temporary(folder, name);
    if (!is_record_name(name) || !read_line(folder, name, &head))
        return;
    record *e = calloc(1, sizeof *e);
    if (e) {
        *e = (record){.owner = head.owner,
                      .id = head.id,
                      .n = (size_t)head.n,
                      .updated = head.updated,
                      .version = ++r->n_versions};
        add(r, e);
    } else {
        free(head.owner);
        free(head.id);
    }
}

static int by_age(const void *a, const void *b) {
    const record *x = *(const record *const *)a, *y = *(const record *const *)b;
    return (x->updated > y->updated) - (x->updated < y->updated);
}

/* The list has them as the folder did: by when they were written instead. */
static weir_status sort(weir_records *r, weir_error *err) {
    record **all = malloc((r->n_records + 1) * sizeof(record *));
    if (!all)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of records");
    size_t n = 0;
    for (record *e = r->oldest; e; e = e->newer)
        all[n++] = e;
    qsort(all, n, sizeof *all, by_age);
    r->newest = r->oldest = NULL;
    for (size_t i = 0; i < n; i++)
        link_newest(r, all[i]);
    free(all);
    return WEIR_STATUS_OK;
}

static weir_status scan(weir_records *r, weir_error *err) {
    DIR *folder = opendir(r->folder);
    if (!folder)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", r->folder, strerror(errno));
    for (struct dirent *d; (d = readdir(folder)) != NULL;)
        look_at(r, dirfd(folder), d->d_name);
    closedir(folder);
    WEIR_TRY(sort(r, err));
    hold_to_bounds(r);
    return WEIR_STATUS_OK;
}

static weir_status open_folder(weir_records *r, const char *folder, weir_error *err) {
    r->folder = weir_text_copy(folder, strlen(folder));
    if (!r->folder)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a store of records");
    WEIR_TRY(weir_make_private_folder(r->folder, err));
    if (access(r->folder, R_OK | W_OK | X_OK) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be written to: %s", r->folder,
                         strerror(errno));
    WEIR_TRY(scan(r, err));
    if (pthread_create(&r->thread, NULL, write_all, r) != 0)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no thread for a store of records");
    r->has_thread = true;
    return WEIR_STATUS_OK;
}

weir_status weir_records_open(weir_records **out, const weir_records_options *options,
                              weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    weir_records *r = calloc(1, sizeof *r);
    if (!r)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a store of records");
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    r->max_bytes = options->memory_bytes ? options->memory_bytes : DEFAULT_BYTES;
    r->max_records = options->max_records ? options->max_records
                     : options->folder    ? DEFAULT_RECORDS
                                          : DEFAULT_RECORDS_IN_MEMORY;
    r->n_buckets = LEAST_BUCKETS;
    r->bucket = calloc(r->n_buckets, sizeof(record *));
    if (!r->bucket)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a store of records");
    if (status == WEIR_STATUS_OK && options->folder)
        status = open_folder(r, options->folder, err);
    *out = r;
    if (status != WEIR_STATUS_OK)
        weir_records_close(out);
    return status;
}

void weir_records_close(weir_records **records) {
    if (!records || !*records)
        return;
    weir_records *r = *records;
    if (r->has_thread) {
        pthread_mutex_lock(&r->lock);
        r->is_closing = true;
        try_again(r);
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    for (record *e = r->newest, *older; e; e = older) {
        older = e->older;
        free_record(e);
    }
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r->bucket);
    free(r->folder);
    free(r);
    *records = NULL;
}

/* ---- in and out --------------------------------------------------------------------------- */

static record *make_record(const char *owner, const char *id) {
    record *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->owner = weir_text_copy(owner, strlen(owner));
    e->id = weir_text_copy(id, strlen(id));
    if (e->owner && e->id)
        return e;
    free_record(e);
    return NULL;
}

weir_status weir_records_put(weir_records *r, const char *owner, const char *id, const char *text,
                             size_t n, weir_error *err) {
    if (n > r->max_bytes)
        return weir_fail(err, WEIR_STATUS_FULL, "%zu bytes to be kept, expected %zu at most", n,
                         r->max_bytes);
    char *copy = weir_text_copy(text, n);
    record *fresh = make_record(owner, id);
    if (!copy || !fresh) {
        free(copy);
        free_record(fresh);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to keep %s", id);
    }
    pthread_mutex_lock(&r->lock);
    record *e = find(r, owner, id);
    if (!e) {
        add(r, fresh);
        e = fresh;
        fresh = NULL;
    }
    unlink_age(r, e);
    link_newest(r, e);
    set_text(r, e, copy, n);
    e->updated = (int64_t)time(NULL);
    e->version = ++r->n_versions;
    set_dirty(r, e, r->folder != NULL);
    hold_to_bounds(r);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    free_record(fresh);
    return WEIR_STATUS_OK;
}

typedef struct kept_text {
    char *text; /* [n] NULL: there is no file, or a damaged one */
    size_t n;
    int64_t updated;
} kept_text;

static weir_status parse_kept(kept_text *out, const char *data, size_t size, const char *owner,
                              const char *id, weir_error *err) {
    char *its_owner, *its_id;
    const char *text;
    weir_status status =
        weir_record_parse(data, size, id, &its_owner, &its_id, &out->updated, &text, &out->n, err);
    if (status != WEIR_STATUS_OK)
        return status == WEIR_STATUS_BAD_FILE ? WEIR_STATUS_OK : status;
    if (strcmp(its_owner, owner) == 0 && strcmp(its_id, id) == 0) {
        out->text = weir_text_copy(text, out->n);
        if (!out->text)
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to read %s", id);
    }
    free(its_owner);
    free(its_id);
    return status;
}

/* What the file of owner and id has. IO, NO_MEMORY: it may be there and whole; the next time may
 * tell. */
static weir_status read_kept(const weir_records *r, const char *owner, const char *id,
                             kept_text *out, weir_error *err) {
    char *path = path_of(r, owner, id), *data = NULL;
    size_t size;
    *out = (kept_text){0};
    if (!path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to read %s", id);
    weir_status status = weir_file_read(path, MAX_FILE, &data, &size, NULL);
    int error = errno;
    if (status == WEIR_STATUS_OK)
        status = parse_kept(out, data, size, owner, id, err);
    else if (status == WEIR_STATUS_BAD_FILE ||
             (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)))
        status = WEIR_STATUS_OK;
    else
        weir_fail(err, status, "%s is kept, perhaps, but cannot be read at the moment: %s", id,
                  status == WEIR_STATUS_IO ? strerror(error) : weir_status_text(status));
    free(data);
    free(path);
    return status;
}

static record *make_kept(weir_records *r, const char *owner, const char *id, int64_t updated) {
    record *e = make_record(owner, id);
    if (!e)
        return NULL;
    e->updated = updated;
    e->version = ++r->n_versions;
    add(r, e);
    return e;
}

static bool is_being_written(const weir_records *r, const char *owner, const char *id) {
    return r->writing_id && strcmp(r->writing_id, id) == 0 && strcmp(r->writing_owner, owner) == 0;
}

/* The record, with its text in memory; NULL: unknown. What is not in the table may have been
 * written by another server. */
static weir_status find_text(weir_records *r, const char *owner, const char *id, record **out,
                             weir_error *err) {
    record *e = find(r, owner, id);
    kept_text kept;
    *out = e;
    if (!r->folder || (e && e->text) || (!e && is_being_written(r, owner, id)))
        return WEIR_STATUS_OK;
    WEIR_TRY(read_kept(r, owner, id, &kept, err));
    if (!kept.text) {
        if (e)
            drop(r, e);
        *out = NULL;
        return WEIR_STATUS_OK;
    }
    if (!e)
        e = make_kept(r, owner, id, kept.updated);
    if (!e) {
        free(kept.text);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to read %s", id);
    }
    set_text(r, e, kept.text, kept.n);
    *out = e;
    return WEIR_STATUS_OK;
}

weir_status weir_records_get(weir_records *r, const char *owner, const char *id, char **text,
                             size_t *n, weir_error *err) {
    record *e;
    *text = NULL;
    *n = 0;
    pthread_mutex_lock(&r->lock);
    weir_status status = find_text(r, owner, id, &e, err);
    if (status == WEIR_STATUS_OK && e) {
        unlink_age(r, e);
        link_newest(r, e);
        *text = weir_text_copy(e->text, e->n);
        if (*text)
            *n = e->n;
        else
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to read %s", id);
        hold_to_bounds(r);
    }
    pthread_mutex_unlock(&r->lock);
    return status;
}

bool weir_records_forget(weir_records *r, const char *owner, const char *id) {
    pthread_mutex_lock(&r->lock);
    record *e = find(r, owner, id);
    bool is_known = e != NULL;
    if (e)
        forget(r, e);
    else if (!is_being_written(r, owner, id)) /* another server may have written it */
        is_known = remove_file(r, owner, id);
    pthread_mutex_unlock(&r->lock);
    return is_known;
}

void weir_records_list(weir_records *r, const char *owner,
                       void (*visit)(void *context, const char *id, int64_t updated, size_t bytes),
                       void *context) {
    pthread_mutex_lock(&r->lock);
    for (const record *e = r->newest; e; e = e->older)
        if (strcmp(e->owner, owner) == 0)
            visit(context, e->id, e->updated, e->n);
    pthread_mutex_unlock(&r->lock);
}

void weir_records_get_stats(weir_records *r, weir_records_stats *out) {
    pthread_mutex_lock(&r->lock);
    *out = (weir_records_stats){.n_records = r->n_records,
                                .n_in_memory = r->n_in_memory,
                                .memory_bytes = r->memory_bytes,
                                .n_written = r->n_written,
                                .n_failures = r->n_failures};
    pthread_mutex_unlock(&r->lock);
}
