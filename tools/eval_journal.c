/* eval_journal.c: see eval_journal.h. Owns the file, which is locked while it is open. */
#include "eval_journal.h"

#include "base/error.h"
#include "base/file.h"
#include "json_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 30, WHAT_TEXT = 256 };

static const char REST[] = "journal"; /* member of a line that a result has not */

struct weir_eval_journal {
    int fd; /* -1: nothing is kept */
    char *path;
    uint64_t n_bytes; /* of whole lines */
    json_t *ids;      /* object: items by their ids */
    weir_eval_result *result;
};

static weir_status fail_io(const weir_eval_journal *j, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_IO, "%s: %s", j->path, strerror(errno));
}

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a journal");
}

/* ---- writing -------------------------------------------------------------------------------- */

/* One line, whole or not at all as far as this process can see to it. */
static weir_status write_line(weir_eval_journal *j, const json_t *json, weir_error *err) {
    char *text = json_dumps(json, JSON_COMPACT);
    size_t n = text ? strlen(text) : 0;
    if (!text)
        return no_memory(err);
    text[n++] = '\n'; /* where the 0 was */
    errno = ENOSPC;   /* what a write that ends early does not tell */
    bool is_written = write(j->fd, text, n) == (ssize_t)n && fdatasync(j->fd) == 0;
    free(text);
    if (!is_written) {
        weir_status status = fail_io(j, err);
        /* If the beginning of the line cannot be cut off here, it is when the file is taken up. */
        return ftruncate(j->fd, (off_t)j->n_bytes) == 0 ? status : WEIR_STATUS_IO;
    }
    j->n_bytes += n;
    return WEIR_STATUS_OK;
}

/* Of the tokens that are scored, which more than data and settings decides on (--manifest); "":
 * none are known beforehand. */
static const char *tokens_of(const weir_eval_result *r) {
    const char *hash = json_string_value(json_object_get(r->details, "tokens_xxh128"));
    return hash ? hash : "";
}

static json_t *head_json(const weir_eval_result *r) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "weir_journal", r->version, "kind",
                     r->kind, "model", r->model.hash, "base", r->base.hash, "data", r->data_hash,
                     "tokens", tokens_of(r), "settings", r->settings);
}

static weir_status write_head(weir_eval_journal *j, weir_error *err) {
    json_t *head = head_json(j->result);
    if (!head)
        return no_memory(err);
    weir_status status = write_line(j, head, err);
    json_decref(head);
    return status == WEIR_STATUS_OK ? weir_path_sync(j->path, err) : status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static weir_status check_text(const weir_eval_journal *j, const json_t *head, const char *member,
                              const char *what, const char *own, weir_error *err) {
    const char *theirs = json_string_value(json_object_get(head, member));
    if (theirs && strcmp(theirs, own) == 0)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: begun with another %s (%s, here %s)",
                     j->path, what, theirs ? theirs : "none", own);
}

static weir_status check_head(const weir_eval_journal *j, const json_t *head, weir_error *err) {
    const weir_eval_result *r = j->result;
    json_t *settings = json_object_get(head, "settings");
    char what[WHAT_TEXT];
    if (!json_object_get(head, "weir_journal") || !json_is_object(settings))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s:1: expected the first line of a journal of weir eval", j->path);
    WEIR_TRY(check_text(j, head, "weir_journal", "version of weir", r->version, err));
    WEIR_TRY(check_text(j, head, "kind", "kind", r->kind, err));
    WEIR_TRY(check_text(j, head, "model", "model", r->model.hash, err));
    WEIR_TRY(check_text(j, head, "base", "base", r->base.hash, err));
    WEIR_TRY(check_text(j, head, "data", "data", r->data_hash, err));
    if (!weir_eval_same_settings(settings, r->settings, what, sizeof what))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: begun with another setting: %s",
                         j->path, what);
    return check_text(j, head, "tokens", "choice of tokens", tokens_of(r), err);
}

/* Has it an id that is not there yet? Then it is the journal's. */
static weir_status take_item(weir_eval_journal *j, json_t *item, weir_error *err) {
    const char *id = json_string_value(json_object_get(item, "id"));
    if (!id || !json_is_object(json_object_get(item, "scores")))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "an item without \"id\" and \"scores\"");
    if (json_object_get(j->ids, id))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "two items are called \"%s\"", id);
    if (json_object_set(j->ids, id, item) != 0)
        return no_memory(err);
    weir_eval_result_item(j->result, json_incref(item));
    return WEIR_STATUS_OK;
}

static weir_status take_line(weir_eval_journal *j, const char *line, size_t n, size_t number,
                             weir_error *err) {
    char where[64];
    snprintf(where, sizeof where, "line %zu", number);
    json_t *json = weir_json_read(line, n, where, err);
    if (!json)
        return weir_fail_within(err, WEIR_STATUS_BAD_FILE, "%s", j->path);
    weir_status status;
    if (number == 1) {
        status = check_head(j, json, err);
    } else {
        status = take_item(j, json, err);
        if (status == WEIR_STATUS_BAD_ARGUMENT)
            status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%zu: %s", j->path, number,
                               err ? err->text : "no item");
    }
    json_decref(json);
    return status;
}

static weir_status take_lines(weir_eval_journal *j, char *text, size_t n, weir_error *err) {
    size_t number = 0;
    for (size_t at = 0; at < n;) {
        char *end = memchr(text + at, '\n', n - at);
        if (!end) /* an end came in the middle of it */
            break;
        *end = 0;
        WEIR_TRY(take_line(j, text + at, (size_t)(end - text) - at, ++number, err));
        at = (size_t)(end - text) + 1;
        j->n_bytes = at;
    }
    if (j->n_bytes < n && ftruncate(j->fd, (off_t)j->n_bytes) != 0)
        return fail_io(j, err);
    return WEIR_STATUS_OK;
}

static weir_status take_up(weir_eval_journal *j, weir_error *err) {
    char *text;
    size_t n;
    WEIR_TRY(weir_file_read(j->path, MAX_FILE_BYTES, &text, &n, err));
    weir_status status = take_lines(j, text, n, err);
    free(text);
    return status;
}

/* ---- life ----------------------------------------------------------------------------------- */

static weir_status open_file(weir_eval_journal *j, bool resume, weir_error *err) {
    int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (resume ? 0 : O_EXCL);
    struct stat info;
    j->fd = open(j->path, flags, 0666);
    if (j->fd < 0 && errno == EEXIST)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s is there already: --resume goes on with it",
                         j->path);
    if (j->fd < 0 || fstat(j->fd, &info) != 0)
        return fail_io(j, err);
    if (!S_ISREG(info.st_mode))
        return weir_fail(err, WEIR_STATUS_IO, "%s: not a regular file", j->path);
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: another process writes to it", j->path);
    return WEIR_STATUS_OK;
}

weir_status weir_eval_journal_open(weir_eval_journal **out, const char *path, bool resume,
                                   weir_eval_result *result, weir_error *err) {
    weir_status status;
    weir_eval_journal *j = calloc(1, sizeof *j);
    *out = NULL;
    if (!j)
        return no_memory(err);
    *j = (weir_eval_journal){.fd = -1, .ids = json_object(), .result = result};
    j->path = path ? strdup(path) : NULL;
    if (!j->ids || (path && !j->path)) {
        status = no_memory(err);
        goto fail;
    }
    if (path) {
        WEIR_TRY_GOTO(open_file(j, resume, err));
        WEIR_TRY_GOTO(take_up(j, err));
        if (j->n_bytes == 0)
            WEIR_TRY_GOTO(write_head(j, err));
    }
    *out = j;
    return WEIR_STATUS_OK;
fail:
    weir_eval_journal_close(&j);
    return status;
}

void weir_eval_journal_close(weir_eval_journal **journal) {
    weir_eval_journal *j = *journal;
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    json_decref(j->ids);
    free(j->path);
    free(j);
    *journal = NULL;
}

bool weir_eval_journal_has(const weir_eval_journal *journal, const char *id) {
    return json_object_get(journal->ids, id) != NULL;
}

weir_status weir_eval_journal_add_rest(weir_eval_journal *journal, json_t *item, json_t *rest,
                                       weir_error *err) {
    if (!item || (rest && json_object_set(item, REST, rest) != 0)) {
        json_decref(item);
        json_decref(rest);
        return no_memory(err);
    }
    weir_status status = take_item(journal, item, err);
    if (status == WEIR_STATUS_OK && journal->fd >= 0)
        status = write_line(journal, item, err);
    json_object_del(item, REST);
    json_decref(item);
    json_decref(rest);
    return status;
}

weir_status weir_eval_journal_add(weir_eval_journal *journal, json_t *item, weir_error *err) {
    return weir_eval_journal_add_rest(journal, item, NULL, err);
}

json_t *weir_eval_journal_take_rest(weir_eval_journal *journal, const char *id) {
    json_t *item = json_object_get(journal->ids, id);
    json_t *rest = json_incref(json_object_get(item, REST));
    json_object_del(item, REST);
    return rest;
}
