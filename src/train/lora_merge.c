/*
 * lora_merge.c: weir_lora_merge: an adapter melted into its base: W + scale alpha / rank B A. A
 * GGUF keeps all its metadata and tensors and only adapted rows change; a folder becomes a folder
 * (lora_merge_folder.c), or is converted first and then merged.
 */
#include "base/error.h"
#include "base/file.h"
#include "convert/hparams_meta.h"
#include "convert/tensor_layout.h"
#include "train/lora_file.h"
#include "train/merge_rows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- GGUF ----------------------------------------------------------------------------------- */

/* The format that most bytes of the matrices have. */
static const weir_format *main_format(const weir_merge *m) {
    uint64_t bytes[WEIR_FORMAT_LIMIT] = {0};
    const weir_format *most = weir_format_by_id(WEIR_FORMAT_F32);
    for (size_t i = 0; i < m->n_items; i++) {
        const weir_merge_item *it = &m->items[i];
        if (!weir_layout_is_matrix(it->tensor->name))
            continue;
        bytes[it->to->id] += it->n_rows * it->to_row_bytes;
        if (bytes[it->to->id] > bytes[most->id])
            most = it->to;
    }
    return most;
}

/* What was said about the types of the old matrices does not hold for new ones. */
static void add_meta(const weir_merge *m, weir_gguf_writer *w, bool has_type) {
    static const char file_type[] = "general.file_type", version[] = "general.quantization_version";
    const weir_gguf *g = weir_model_gguf(m->model);
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++) {
        const weir_gguf_kv *kv = weir_gguf_kv_at(g, i);
        if (!has_type || (strcmp(kv->key, file_type) != 0 && strcmp(kv->key, version) != 0))
            weir_gguf_add_kv(w, kv);
    }
    if (has_type)
        weir_format_add_meta(w, main_format(m));
}

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    return weir_gguf_write(context, data, n, err);
}

static weir_status merge_gguf(const weir_model *model, const weir_lora *lora, const char *out,
                              const weir_merge_options *options, weir_error *err) {
    const weir_format *type = NULL;
    weir_gguf_writer *w = NULL;
    weir_merge m = {0};
    weir_status status = WEIR_STATUS_OK;
    if (options->type)
        WEIR_TRY(weir_format_parse(&type, options->type, err));
    WEIR_TRY_GOTO(weir_gguf_create(&w, out, options->overwrite, err));
    WEIR_TRY_GOTO(weir_merge_open(&m, model, lora, type, options, err));
    add_meta(&m, w, type != NULL);
    for (size_t i = 0; i < m.n_items; i++) {
        const weir_tensor *t = m.items[i].tensor;
        weir_gguf_add_tensor(w, t->name, m.items[i].to, t->n_dims, t->shape);
    }
    WEIR_TRY_GOTO(weir_gguf_begin(w, err));
    weir_row_stream_aim(m.stream, take_bytes, w);
    for (size_t i = 0; i < m.n_items; i++)
        WEIR_TRY_GOTO(weir_merge_write_item(&m, &m.items[i], err));
    WEIR_TRY_GOTO(weir_row_stream_flush(m.stream, err));
    WEIR_TRY_GOTO(weir_gguf_commit(&w, err));
fail:
    weir_gguf_abort(&w);
    weir_merge_close(&m);
    return status;
}

/* ---- a folder into a GGUF ------------------------------------------------------------------- */

/* The base as GGUF beside OUT, for the time of the work; its path is malloc'ed. */
static weir_status convert_base(char **path, const char *base, const char *out,
                                const weir_merge_options *options, weir_error *err) {
    static const char ending[] = ".base-XXXXXX.gguf";
    weir_convert_options convert = {
        .overwrite = true, .n_threads = options->n_threads, .progress = options->progress};
    *path = malloc(strlen(out) + sizeof ending);
    if (!*path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    strcpy(*path, out);
    strcat(*path, ending);
    int fd = mkstemps(*path, (int)strlen(".gguf"));
    if (fd < 0) {
        weir_status status =
            weir_fail(err, WEIR_STATUS_IO, "%s: no file can be made beside it", out);
        free(*path);
        *path = NULL;
        return status;
    }
    close(fd);
    return weir_convert(base, *path, &convert, err);
}

static weir_status merge(const char *base, const char *adapter, const char *out,
                         const weir_merge_options *options, weir_error *err) {
    weir_model *model = NULL;
    weir_lora *lora = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(weir_model_open(&model, base, err));
    WEIR_TRY_GOTO(weir_lora_open(&lora, model, adapter, err));
    if (weir_lora_is_gguf_name(out))
        status = merge_gguf(model, lora, out, options, err);
    else
        status = weir_merge_to_folder(model, lora, out, options, err);
fail:
    weir_lora_close(&lora);
    weir_model_close(&model);
    return status;
}

/* Says what is wrong with the adapter before the base is converted for it. */
static weir_status check_adapter(const char *base, const char *adapter, weir_error *err) {
    weir_model *model = NULL;
    weir_lora *lora = NULL;
    weir_status status = weir_model_open(&model, base, err);
    if (status == WEIR_STATUS_OK)
        status = weir_lora_open(&lora, model, adapter, err);
    weir_lora_close(&lora);
    weir_model_close(&model);
    return status;
}

weir_status weir_lora_merge(const char *base, const char *adapter, const char *out,
                            const weir_merge_options *options, weir_error *err) {
    static const weir_merge_options defaults;
    const weir_merge_options *o = options ? options : &defaults;
    if (!base || !adapter || !out)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_lora_merge: a path is NULL");
    bool is_folder = weir_path_is_folder(base), to_gguf = weir_lora_is_gguf_name(out);
    if (!is_folder && !to_gguf && weir_path_exists(base))
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: a GGUF base is merged into a GGUF; name the output FILE.gguf", out);
    if (is_folder != to_gguf || !is_folder)
        return merge(base, adapter, out, o, err);
    if (!o->overwrite && weir_path_exists(out))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: exists already", out);
    char *converted = NULL;
    weir_status status = check_adapter(base, adapter, err);
    if (status == WEIR_STATUS_OK)
        status = convert_base(&converted, base, out, o, err);
    if (status == WEIR_STATUS_OK)
        status = merge(converted, adapter, out, o, err);
    if (converted)
        unlink(converted);
    free(converted);
    return status;
}
