/*
 * lora_merge_folder.c: a Hugging Face folder with an adapter melted in: the same files with the
 * same tensors, shard by shard, and all small files beside them copied. The folder appears whole or
 * not at all.
 */
#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
#include "convert/hf_write.h"
#include "convert/tensor_layout.h"
#include "train/merge_rows.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SMALL_FILE = 64 << 20 };
static const char index_name[] = "model.safetensors.index.json";

/* ---- weights -------------------------------------------------------------------------------- */

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    return weir_safetensors_write(context, data, n, err);
}

/* By file and place in it, as the base has them. */
static int by_file(const void *a, const void *b) {
    const weir_tensor *x = (*(const weir_merge_item *const *)a)->tensor;
    const weir_tensor *y = (*(const weir_merge_item *const *)b)->tensor;
    int files = strcmp(x->path, y->path);
    return files != 0 ? files : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* One file of weights: items [n], all of one path. */
static weir_status write_shard(weir_merge *m, const weir_merge_item *const *items, size_t n,
                               const char *folder, weir_error *err) {
    const char *path = items[0]->tensor->path, *slash = strrchr(path, '/');
    char *to = weir_path_join(folder, slash ? slash + 1 : path);
    weir_safetensors_writer *w = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!to)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", folder);
    WEIR_TRY_GOTO(weir_safetensors_create(&w, to, false, err));
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = items[i]->tensor;
        weir_safetensors_add(w, t->name, items[i]->to, t->n_dims, t->shape);
    }
    WEIR_TRY_GOTO(weir_safetensors_begin(w, err));
    weir_row_stream_aim(m->stream, take_bytes, w);
    for (size_t i = 0; i < n; i++)
        WEIR_TRY_GOTO(weir_merge_write_item(m, items[i], err));
    WEIR_TRY_GOTO(weir_row_stream_flush(m->stream, err));
    WEIR_TRY_GOTO(weir_safetensors_commit(&w, err));
fail:
    weir_safetensors_abort(&w);
    free(to);
    return status;
}

static weir_status write_shards(weir_merge *m, const char *folder, weir_error *err) {
    const weir_merge_item **items = calloc(m->n_items, sizeof *items);
    weir_status status = WEIR_STATUS_OK;
    if (!items)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < m->n_items; i++)
        items[i] = &m->items[i];
    qsort(items, m->n_items, sizeof *items, by_file);
    for (size_t i = 0, n; i < m->n_items && status == WEIR_STATUS_OK; i += n) {
        for (n = 1; i + n < m->n_items; n++)
            if (strcmp(items[i + n]->tensor->path, items[i]->tensor->path) != 0)
                break;
        status = write_shard(m, items + i, n, folder, err);
    }
    free(items);
    return status;
}

/* ---- what stands beside them ---------------------------------------------------------------- */

/* Hidden files, large ones and other forms of the old weights stay behind. */
static bool is_copied(int folder, const char *name) {
    static const char *const endings[] = {".safetensors", ".gguf", ".bin", ".pt", ".pth"};
    bool is_weights = false;
    for (size_t i = 0; i < WEIR_COUNT(endings); i++)
        is_weights |= weir_ends_with(name, endings[i]);
    struct stat info;
    return name[0] != '.' && !is_weights && strcmp(name, index_name) != 0 &&
           fstatat(folder, name, &info, 0) == 0 && info.st_size <= MAX_SMALL_FILE;
}

static weir_status copy_small_files(const char *from, const char *to, weir_error *err) {
    DIR *dir = opendir(from);
    weir_status status = WEIR_STATUS_OK;
    if (!dir)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", from, strerror(errno));
    for (struct dirent *e; status == WEIR_STATUS_OK && (e = readdir(dir)) != NULL;)
        if (is_copied(dirfd(dir), e->d_name))
            status = weir_file_copy(from, to, e->d_name, err);
    closedir(dir);
    return status;
}

/* The base's index with the new size; a folder of one file has none. */
static weir_status write_index(const weir_merge *m, const char *from, const char *to,
                               weir_error *err) {
    char *path = weir_path_join(from, index_name), *text = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", from);
    if (weir_path_exists(path)) {
        json_t *root = json_load_file(path, 0, NULL);
        json_t *meta = json_object_get(root, "metadata");
        if (json_is_object(meta))
            json_object_set_new(meta, "total_size", json_integer((json_int_t)m->total_bytes));
        text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
        status = text ? weir_hf_write_file(to, index_name, text, strlen(text), err)
                      : weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: cannot be read again", path);
        json_decref(root);
    }
    free(text);
    free(path);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* A folder that is replaced may hold a model's files and what the base has too. */
static bool is_ours(const void *base, const char *name) {
    char *path = weir_path_join(base, name);
    bool is_base = path && weir_path_exists(path);
    free(path);
    return is_base || weir_folder_is_model_file(name);
}

static weir_status parse_type(const weir_format **type, const char *name, weir_error *err) {
    WEIR_TRY(weir_format_parse(type, name, err));
    if ((*type)->block_values > 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "type %s: a folder holds f32, f16 or bf16; for %s name the output "
                         "FILE.gguf",
                         name, name);
    return WEIR_STATUS_OK;
}

weir_status weir_merge_to_folder(const weir_model *model, const weir_lora *lora, const char *out,
                                 const weir_merge_options *options, weir_error *err) {
    const char *base = weir_model_path(model);
    const weir_format *type = NULL;
    weir_folder_out folder = {0};
    weir_merge m = {0};
    weir_status status = WEIR_STATUS_OK;
    if (options->type)
        WEIR_TRY(parse_type(&type, options->type, err));
    WEIR_TRY_GOTO(weir_folder_out_open(&folder, out, options->overwrite, is_ours, base, err));
    WEIR_TRY_GOTO(weir_merge_open(&m, model, lora, type, options, err));
    WEIR_TRY_GOTO(write_shards(&m, folder.work, err));
    WEIR_TRY_GOTO(write_index(&m, base, folder.work, err));
    WEIR_TRY_GOTO(copy_small_files(base, folder.work, err));
    WEIR_TRY_GOTO(weir_folder_out_commit(&folder, err));
fail:
    weir_merge_close(&m);
    weir_folder_out_close(&folder);
    return status;
}
