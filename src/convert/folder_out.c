/* folder_out.c: see folder_out.h. */
#include "convert/folder_out.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_status io_error(weir_error *err, const char *path, const char *what) {
    return weir_fail(err, WEIR_STATUS_IO, "%s: %s: %s", path, what, strerror(errno));
}

bool weir_folder_is_model_file(const char *name) {
    static const char *const names[] = {"config.json",           "tokenizer.json",
                                        "tokenizer_config.json", "generation_config.json",
                                        "chat_template.jinja",   "model.safetensors.index.json"};
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    const char *dot = strrchr(name, '.');
    return strncmp(name, "model", 5) == 0 && dot != NULL && strcmp(dot, ".safetensors") == 0;
}

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A shell that stands in a folder would stand in a deleted one after its replacement. */
static bool is_here(const char *full) {
    char *here = getcwd(NULL, 0);
    bool is_same = here != NULL && strcmp(here, full) == 0;
    free(here);
    return is_same;
}

/* OUT is not there, or is a folder that can be replaced. */
static weir_status check_place(const char *out, weir_error *err) {
    if (!weir_path_exists(out))
        return WEIR_STATUS_OK;
    if (!weir_path_is_folder(out))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: is no folder, so none replaces it", out);
    if (is_here(out))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: not replaced, it is the current folder",
                         out);
    return WEIR_STATUS_OK;
}

/* It holds nothing but our files. */
static weir_status check_files(const weir_folder_out *f, weir_error *err) {
    const char *out = f->out;
    DIR *dir = opendir(out);
    if (dir == NULL)
        return io_error(err, out, "cannot be read");
    weir_status status = WEIR_STATUS_OK;
    for (struct dirent *e; status == WEIR_STATUS_OK && (e = readdir(dir)) != NULL;)
        if (!is_dots(e->d_name) && !f->is_ours(f->context, e->d_name))
            status = weir_fail(err, WEIR_STATUS_FAILED,
                               "%s: not replaced, it holds '%.80s', which is no part of a model",
                               out, e->d_name);
    closedir(dir);
    return status;
}

/* Deletes all files, and the folder, as far as that goes. */
static void remove_folder(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (!is_dots(e->d_name))
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(path);
}

void weir_folder_out_sweep(const char *path, weir_folder_is_ours *is_ours, const void *context) {
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (!is_dots(e->d_name) &&
            (is_ours(context, e->d_name) || weir_is_temporary_name(e->d_name)))
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(path);
}

/* Takes the replaced folder apart: our files go, what else it holds moves into the new one. */
static weir_status empty_old(const weir_folder_out *f, const char *old, weir_error *err) {
    DIR *dir = opendir(old);
    weir_status status = WEIR_STATUS_OK;
    if (dir == NULL)
        return io_error(err, old, "is the replaced folder and cannot be read");
    for (struct dirent *e; status == WEIR_STATUS_OK && (e = readdir(dir)) != NULL;) {
        if (is_dots(e->d_name))
            continue;
        if (f->is_ours(f->context, e->d_name)) {
            unlinkat(dirfd(dir), e->d_name, 0);
            continue;
        }
        char *to = weir_path_join(f->out, e->d_name);
        if (to == NULL)
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", f->out);
        else if (renameat(dirfd(dir), e->d_name, AT_FDCWD, to) != 0)
            status = weir_fail(err, WEIR_STATUS_IO, "%s: is written, but '%.80s' stayed in %s: %s",
                               f->out, e->d_name, old, strerror(errno));
        free(to);
    }
    closedir(dir);
    rmdir(old);
    return status;
}

/* OUT.tmp-XXXXXX as a new folder; NULL if that fails. */
static char *make_folder(const char *out) {
    size_t size = strlen(out) + sizeof ".tmp-XXXXXX";
    char *path = malloc(size);
    if (path == NULL)
        return NULL;
    snprintf(path, size, "%s.tmp-XXXXXX", out);
    if (mkdtemp(path) == NULL) {
        free(path);
        return NULL;
    }
    return path;
}

static weir_status name(weir_folder_out *f, const char *out, weir_error *err) {
    if (out[0] == 0)
        return weir_fail(err, WEIR_STATUS_IO, "a folder without a name cannot be made");
    f->out = realpath(out, NULL); /* NULL: OUT is not there yet */
    if (f->out == NULL)
        f->out = strdup(out);
    if (f->out == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    for (size_t n = strlen(f->out); n > 1 && f->out[n - 1] == '/'; n--)
        f->out[n - 1] = 0;
    return WEIR_STATUS_OK;
}

static weir_status begin(weir_folder_out *f, weir_error *err) {
    f->work = make_folder(f->out);
    if (f->work == NULL)
        return io_error(err, f->out, "no folder can be made beside it");
    return WEIR_STATUS_OK;
}

weir_status weir_folder_out_open(weir_folder_out *f, const char *out, bool overwrite,
                                 weir_folder_is_ours *is_ours, const void *context,
                                 weir_error *err) {
    *f = (weir_folder_out){.is_ours = is_ours, .context = context};
    WEIR_TRY(name(f, out, err));
    bool is_there = weir_path_exists(f->out);
    if (is_there && !overwrite)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: exists already", f->out);
    WEIR_TRY(check_place(f->out, err));
    if (is_there)
        WEIR_TRY(check_files(f, err));
    return begin(f, err);
}

weir_status weir_folder_out_renew(weir_folder_out *f, const char *out, weir_folder_is_ours *is_ours,
                                  const void *context, weir_error *err) {
    *f = (weir_folder_out){.is_ours = is_ours, .context = context};
    WEIR_TRY(name(f, out, err));
    WEIR_TRY(check_place(f->out, err));
    char *above = weir_path_folder(f->out);
    weir_status status =
        above != NULL ? weir_make_folders(above, err)
                      : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    free(above);
    WEIR_TRY(status);
    return begin(f, err);
}

weir_status weir_folder_out_may_renew(const char *out, weir_error *err) {
    weir_folder_out f = {0};
    weir_status status = name(&f, out, err);
    if (status == WEIR_STATUS_OK)
        status = check_place(f.out, err);
    weir_folder_out_close(&f);
    return status;
}

/* File systems that cannot swap two names: the old folder steps aside, and for a moment there is
 * none. *old gets its new name. */
static weir_status step_aside(const weir_folder_out *f, char **old, weir_error *err) {
    *old = make_folder(f->out);
    if (*old == NULL || rename(f->out, *old) != 0) {
        weir_status status = io_error(err, f->out, "cannot be replaced");
        if (*old != NULL)
            rmdir(*old);
        return status;
    }
    if (rename(f->work, f->out) != 0) {
        weir_status status = io_error(err, f->out, "cannot take its name");
        rename(*old, f->out);
        return status;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_folder_out_commit(weir_folder_out *f, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    char *old = NULL;
    chmod(f->work, 0755); /* mkdtemp's are private */
    if (!weir_path_exists(f->out)) {
        if (rename(f->work, f->out) != 0)
            return io_error(err, f->out, "cannot take its name");
    } else if (weir_path_swap(f->work, f->out)) {
        old = f->work;
        f->work = NULL;
    } else {
        WEIR_TRY_GOTO(step_aside(f, &old, err));
    }
    free(f->work);
    f->work = NULL;
    WEIR_TRY_GOTO(weir_path_sync(f->out, err));
    if (old != NULL)
        status = empty_old(f, old, err);
fail:
    free(old);
    return status;
}

void weir_folder_out_close(weir_folder_out *f) {
    if (f->work != NULL)
        remove_folder(f->work);
    free(f->work);
    free(f->out);
    *f = (weir_folder_out){0};
}
