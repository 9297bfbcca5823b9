/* folder_out.c: see folder_out.h. */
#include "convert/folder_out.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
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

/* OUT may be taken: it is not there, or it may be replaced and holds nothing but our files. */
static weir_status check_out(const weir_folder_out *f, bool overwrite, weir_error *err) {
    const char *out = f->out;
    if (!weir_path_exists(out))
        return WEIR_STATUS_OK;
    if (!overwrite)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: exists already", out);
    if (!weir_path_is_folder(out))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: is no folder, so none replaces it", out);
    if (is_here(out))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: not replaced, it is the current folder",
                         out);
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

/* Deletes our files, or all, and the folder, as far as that goes. */
static void remove_folder(const weir_folder_out *f, const char *path, bool all) {
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (!is_dots(e->d_name) && (all || f->is_ours(f->context, e->d_name)))
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(path);
}

/* OUT.tmp-XXXXXX as a new folder; NULL if that fails. */
static char *make_folder(const char *out) {
    size_t n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        n--;
    char *path = malloc(n + sizeof ".tmp-XXXXXX");
    if (path == NULL)
        return NULL;
    memcpy(path, out, n);
    strcpy(path + n, ".tmp-XXXXXX");
    if (mkdtemp(path) == NULL) {
        free(path);
        return NULL;
    }
    return path;
}

weir_status weir_folder_out_open(weir_folder_out *f, const char *out, bool overwrite,
                                 weir_folder_is_ours *is_ours, const void *context,
                                 weir_error *err) {
    *f = (weir_folder_out){.is_ours = is_ours, .context = context};
    if (out[0] == 0)
        return weir_fail(err, WEIR_STATUS_IO, "a folder without a name cannot be made");
    f->out = realpath(out, NULL); /* NULL: OUT is not there yet */
    if (f->out == NULL)
        f->out = strdup(out);
    if (f->out == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    WEIR_TRY(check_out(f, overwrite, err));
    f->work = make_folder(f->out);
    if (f->work == NULL)
        return io_error(err, f->out, "no folder can be made beside it");
    return WEIR_STATUS_OK;
}

weir_status weir_folder_out_commit(weir_folder_out *f, weir_error *err) {
    chmod(f->work, 0755); /* mkdtemp's are private */
    char *old = NULL;
    if (weir_path_exists(f->out)) {
        old = make_folder(f->out);
        if (old == NULL || rename(f->out, old) != 0) {
            weir_status status = io_error(err, f->out, "cannot be replaced");
            if (old != NULL)
                rmdir(old);
            free(old);
            return status;
        }
    }
    if (rename(f->work, f->out) != 0) {
        weir_status status = io_error(err, f->out, "cannot take its name");
        if (old != NULL)
            rename(old, f->out);
        free(old);
        return status;
    }
    free(f->work);
    f->work = NULL;
    if (old != NULL)
        remove_folder(f, old, false);
    free(old);
    return WEIR_STATUS_OK;
}

void weir_folder_out_close(weir_folder_out *f) {
    if (f->work != NULL)
        remove_folder(f, f->work, true);
    free(f->work);
    free(f->out);
    *f = (weir_folder_out){0};
}
