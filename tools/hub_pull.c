/*
 * hub_pull.c: the order of a pull. Owns what is asked of the hub and when; the bytes are
 * hub_fetch.c's, the places hub_cache.c's.
 */
#include "hub_pull.h"

#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>

void weir_hub_pulled_free(weir_hub_pulled *pulled) {
    free(pulled->path);
    free(pulled->others);
    weir_hub_files_free(&pulled->files);
    *pulled = (weir_hub_pulled){0};
}

#ifdef WEIR_HAS_CURL

#include "console.h"
#include "hub_cache.h"
#include "hub_fetch.h"
#include "hub_hash.h"
#include "hub_part.h"
#include "hub_progress.h"
#include "hub_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Replies of more are no listing of a model. */
enum { MAX_REPLY = 16 << 20, MAX_PAGES = 1000 };

typedef struct pull {
    const weir_hub_name *name;
    const weir_hub_settings *settings;
    const weir_hub_pull_options *options;
    weir_hub_http http;
    char *folder; /* models--ORG--NAME */
    weir_hub_files listed;
    weir_hub_models models;
    weir_hub_progress progress;
    weir_hub_pulled *out;
    weir_error *err;
} pull;

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a pull");
}

static const char *revision_of(const weir_hub_name *name) {
    return name->revision ? name->revision : "main";
}

/* ---- what there is on the hub -----------------------------------------------------------------
 */

static weir_status find_commit(pull *p) {
    weir_text_buffer url = {0}, what = {0};
    weir_hub_reply reply = {0};
    weir_text_buffer_format(&url, "%s/api/models/%s/revision/", p->settings->endpoint,
                            p->name->repo);
    weir_hub_http_escape(&url, revision_of(p->name), false);
    weir_text_buffer_format(&what, "%s%s%s", p->name->repo, p->name->revision ? "@" : "",
                            p->name->revision ? p->name->revision : "");
    weir_status status = url.has_failed || what.has_failed ? no_memory(p->err) : WEIR_STATUS_OK;
    if (status == WEIR_STATUS_OK)
        status = weir_hub_get(&p->http, url.data, MAX_REPLY, what.data, &reply, p->err);
    if (status == WEIR_STATUS_OK)
        status = weir_hub_read_revision(p->out->commit, reply.body.data ? reply.body.data : "",
                                        reply.body.n, what.data, p->err);
    weir_hub_reply_free(&reply);
    weir_text_buffer_free(&url);
    weir_text_buffer_free(&what);
    return status;
}

/* One page; *url becomes that of the next, NULL: it was the last. */
static weir_status read_page(pull *p, char **url) {
    weir_hub_reply reply;
    char next[WEIR_HUB_URL_TEXT];
    weir_status status = weir_hub_get(&p->http, *url, MAX_REPLY, p->name->repo, &reply, p->err);
    if (status == WEIR_STATUS_OK)
        status = weir_hub_read_tree(&p->listed, reply.body.data ? reply.body.data : "",
                                    reply.body.n, p->name->repo, p->err);
    free(*url);
    *url = NULL;
    if (status == WEIR_STATUS_OK && reply.headers.link &&
        weir_hub_next_page(reply.headers.link, next)) {
        *url = weir_hub_http_absolute(reply.url, next);
        if (!*url || !weir_hub_http_is_endpoint(&p->http, *url))
            status = weir_fail(p->err, WEIR_STATUS_BAD_FILE,
                               "%s: the next page of its files is not on %s: '%.100s'",
                               p->name->repo, p->http.host, next);
    }
    weir_hub_reply_free(&reply);
    return status;
}

static weir_status list_files(pull *p) {
    weir_text_buffer first = {0};
    weir_text_buffer_format(&first, "%s/api/models/%s/tree/%s?recursive=true",
                            p->settings->endpoint, p->name->repo, p->out->commit);
    char *url = first.has_failed ? NULL : first.data;
    weir_status status = url ? WEIR_STATUS_OK : no_memory(p->err);
    for (int n = 0; status == WEIR_STATUS_OK && url; n++)
        status = n < MAX_PAGES
                     ? read_page(p, &url)
                     : weir_fail(p->err, WEIR_STATUS_BAD_FILE, "%s: more than %d pages of files",
                                 p->name->repo, MAX_PAGES);
    free(url);
    return status;
}

/* The files of the model that is meant, into the result. */
static weir_status choose(pull *p) {
    const weir_hub_model *model;
    weir_hub_pulled *out = p->out;
    WEIR_TRY(weir_hub_models_of(&p->models, &p->listed, p->err));
    WEIR_TRY(weir_hub_choose(&model, &p->models, &p->listed, p->name, p->name->repo, p->err));
    for (size_t i = 0; i < model->n; i++) {
        const weir_hub_file *from = &p->listed.item[model->file[i]];
        weir_hub_file *file = weir_hub_files_add(&out->files, from->path, strlen(from->path));
        if (!file)
            return no_memory(p->err);
        memcpy(file->hash, from->hash, sizeof file->hash);
        file->size = from->size;
        out->n_bytes += from->size;
    }
    out->is_folder = model->is_folder;
    memcpy(out->quant, model->quant, sizeof out->quant);
    if (!p->name->quant && !p->name->file && p->models.n > 1) {
        out->others = weir_hub_models_text(&p->models, &p->listed);
        if (!out->others)
            return no_memory(p->err);
    }
    return WEIR_STATUS_OK;
}

/* ---- what is in the cache ---------------------------------------------------------------------
 */

static bool is_file_of(const char *path, uint64_t size) {
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

/* The path of a file in the snapshot; NULL: no memory. */
static char *snapshot_path(const pull *p, const weir_hub_file *file) {
    char *snapshot = weir_hub_snapshot_folder(p->folder, p->out->commit);
    char *path = snapshot ? weir_path_join(snapshot, file->path) : NULL;
    free(snapshot);
    return path;
}

/* Is it there, as a blob, or in the snapshot itself where the file system has no links? */
static weir_status look(const pull *p, const weir_hub_file *file, bool *is_there) {
    char *blob = weir_hub_blob_path(p->folder, file->hash), *path = snapshot_path(p, file);
    const char *there = is_file_of(blob, file->size) ? blob : NULL;
    struct stat st;
    if (!there && path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
        is_file_of(path, file->size))
        there = path;
    *is_there = there != NULL;
    weir_status status = blob && path ? WEIR_STATUS_OK : no_memory(p->err);
    if (status == WEIR_STATUS_OK && there && p->options->verify)
        status = weir_hub_hash_check(is_there, there, file->hash, file->size, p->err);
    free(blob);
    free(path);
    return status;
}

/* Marks the files that are there, and counts what is to be fetched. */
static weir_status look_at_all(pull *p, bool *is_there, uint64_t *n_missing) {
    *n_missing = 0;
    for (size_t i = 0; i < p->out->files.n; i++) {
        const weir_hub_file *file = &p->out->files.item[i];
        WEIR_TRY(look(p, file, &is_there[i]));
        if (is_there[i])
            continue;
        char *blob = weir_hub_blob_path(p->folder, file->hash);
        if (!blob)
            return no_memory(p->err);
        *n_missing += file->size - weir_hub_part_bytes_there(blob, file->size);
        p->out->n_fetched += file->size;
        free(blob);
    }
    return WEIR_STATUS_OK;
}

static weir_status check_room(const pull *p, uint64_t n_missing) {
    struct statvfs fs;
    char need[WEIR_AMOUNT_TEXT], free_text[WEIR_AMOUNT_TEXT];
    if (statvfs(p->settings->cache, &fs) != 0)
        return weir_fail(p->err, WEIR_STATUS_IO, "%s: its free space is not known: %s",
                         p->settings->cache, strerror(errno));
    uint64_t n_free = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (n_missing <= n_free)
        return WEIR_STATUS_OK;
    return weir_fail(p->err, WEIR_STATUS_IO, "%s: %s are to be fetched, and %s are free in %s",
                     p->name->repo, weir_bytes_text(need, n_missing),
                     weir_bytes_text(free_text, n_free), p->settings->cache);
}

/* ---- the bytes --------------------------------------------------------------------------------
 */

static void tell_wait(const char *repo) {
    weir_say("%s: waits for another process that fetches the same file", repo);
}

static weir_status fetch(pull *p, const weir_hub_file *file, const char *blob) {
    weir_text_buffer url = {0}, what = {0};
    weir_text_buffer_format(&url, "%s/%s/resolve/%s/", p->settings->endpoint, p->name->repo,
                            p->out->commit);
    weir_hub_http_escape(&url, file->path, true);
    weir_text_buffer_format(&what, "%s/%s", p->name->repo, file->path);
    weir_status status = url.has_failed || what.has_failed ? no_memory(p->err) : WEIR_STATUS_OK;
    if (status == WEIR_STATUS_OK) {
        weir_hub_source source = {.url = url.data,
                                  .what = what.data,
                                  .commit = p->out->commit,
                                  .hash = file->hash,
                                  .size = file->size};
        weir_hub_fetch_options options = {.n_connections = p->options->n_connections,
                                          .report = weir_hub_progress_report,
                                          .context = &p->progress};
        weir_hub_progress_file(&p->progress, file->path);
        status = weir_hub_fetch(&p->http, &source, blob, &options, p->err);
    }
    weir_text_buffer_free(&url);
    weir_text_buffer_free(&what);
    return status;
}

/* Under the lock of the blob; another process may have fetched it in the meantime. */
static weir_status fetch_locked(pull *p, const weir_hub_file *file) {
    int lock = -1;
    bool is_there = false;
    char *blob = weir_hub_blob_path(p->folder, file->hash);
    weir_status status = blob ? WEIR_STATUS_OK : no_memory(p->err);
    if (status == WEIR_STATUS_OK)
        status =
            weir_hub_lock(&lock, p->settings->cache, p->name->repo, file->hash, tell_wait, p->err);
    if (status == WEIR_STATUS_OK)
        status = look(p, file, &is_there);
    if (status == WEIR_STATUS_OK && !is_there)
        status = fetch(p, file, blob);
    if (lock >= 0)
        close(lock);
    free(blob);
    return status;
}

static weir_status make_folders(const pull *p) {
    static const char *const names[] = {"blobs", "snapshots"};
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; status == WEIR_STATUS_OK && i < WEIR_COUNT(names); i++) {
        char *path = weir_path_join(p->folder, names[i]);
        status = path ? weir_make_folders(path, p->err) : no_memory(p->err);
        free(path);
    }
    return status;
}

static weir_status fetch_all(pull *p, const bool *is_there) {
    weir_status status = WEIR_STATUS_OK;
    weir_hub_progress_open(&p->progress, p->out->n_fetched);
    for (size_t i = 0; status == WEIR_STATUS_OK && i < p->out->files.n; i++) {
        if (is_there[i])
            continue;
        status = fetch_locked(p, &p->out->files.item[i]);
        weir_hub_progress_file_done(&p->progress, p->out->files.item[i].size);
    }
    weir_hub_progress_close(&p->progress);
    return status;
}

/* Its blob, unless the file lies in the snapshot itself. What was there when this pull began, or
 * came with it, may have been removed since. */
static weir_status link_one(const pull *p, const weir_hub_file *file) {
    char *blob = weir_hub_blob_path(p->folder, file->hash), *path = snapshot_path(p, file);
    weir_status status = blob && path ? WEIR_STATUS_OK : no_memory(p->err);
    if (status == WEIR_STATUS_OK && weir_path_exists(blob))
        status = weir_hub_link(p->folder, p->out->commit, file->path, file->hash, p->err);
    else if (status == WEIR_STATUS_OK && !is_file_of(path, file->size))
        status = weir_fail(p->err, WEIR_STATUS_IO,
                           "%s/%s: was removed by another process in the meantime; pull again",
                           p->name->repo, file->path);
    free(blob);
    free(path);
    return status;
}

/* The first of a model is linked last: what the name leads to comes into being when all else is
 * there. */
static weir_status link_all(const pull *p) {
    for (size_t i = p->out->files.n; i-- > 0;)
        WEIR_TRY(link_one(p, &p->out->files.item[i]));
    return weir_hub_ref_write(p->folder, revision_of(p->name), p->out->commit, p->err);
}

static weir_status place(pull *p) {
    uint64_t n_missing;
    bool *is_there = calloc(p->out->files.n, sizeof *is_there);
    p->out->path = p->out->is_folder ? weir_hub_snapshot_folder(p->folder, p->out->commit)
                                     : snapshot_path(p, &p->out->files.item[0]);
    weir_status status = is_there && p->out->path ? WEIR_STATUS_OK : no_memory(p->err);
    if (status == WEIR_STATUS_OK)
        status = look_at_all(p, is_there, &n_missing);
    if (status == WEIR_STATUS_OK && !p->options->is_test) {
        status = make_folders(p);
        if (status == WEIR_STATUS_OK)
            status = check_room(p, n_missing);
        if (status == WEIR_STATUS_OK)
            status = fetch_all(p, is_there);
        if (status == WEIR_STATUS_OK)
            status = link_all(p);
    }
    free(is_there);
    return status;
}

weir_status weir_hub_pull(weir_hub_pulled *out, const weir_hub_name *name,
                          const weir_hub_settings *settings, const weir_hub_pull_options *options,
                          weir_error *err) {
    *out = (weir_hub_pulled){0};
    pull p = {.name = name, .settings = settings, .options = options, .out = out, .err = err};
    weir_hub_http_options http = {.retries = options->retries, .timeout_s = options->timeout_s};
    weir_status status = weir_hub_http_open(&p.http, settings, &http, err);
    if (status == WEIR_STATUS_OK) {
        p.folder = weir_hub_repo_folder(settings->cache, name->repo);
        status = p.folder ? find_commit(&p) : no_memory(err);
    }
    if (status == WEIR_STATUS_OK)
        status = list_files(&p);
    if (status == WEIR_STATUS_OK)
        status = choose(&p);
    if (status == WEIR_STATUS_OK)
        status = place(&p);
    weir_hub_models_free(&p.models);
    weir_hub_files_free(&p.listed);
    weir_hub_http_close(&p.http);
    free(p.folder);
    return status;
}

#else

weir_status weir_hub_pull(weir_hub_pulled *out, const weir_hub_name *name,
                          const weir_hub_settings *settings, const weir_hub_pull_options *options,
                          weir_error *err) {
    (void)settings, (void)options;
    *out = (weir_hub_pulled){0};
    return weir_fail(err, WEIR_STATUS_FAILED,
                     "%s: cannot be fetched: this program was built without libcurl", name->repo);
}

#endif
