/*
 * hf_export.c: see hf_export.h. Experts become tensors of their own, names and shapes those of the
 * family's published folders.
 *
 * Invariant: reading the folder again gives the same values, and if no type was asked for the same
 * bits.
 */
#include "convert/hf_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "convert/cast_rows.h"
#include "convert/folder_out.h"
#include "convert/hf_shards.h"
#include "convert/hf_write.h"
#include "convert/hparams_meta.h"

typedef struct folder_export {
    const weir_source *source;
    const weir_hparams *h;
    const weir_format *type;      /* NULL: as they are */
    const weir_format *main_type; /* of most bytes of the matrices */
    weir_layout layout;
    weir_hf_tensor *tensors; /* [n_tensors] */
    size_t n_tensors;
    uint32_t n_shards;
    weir_folder_out folder;
    weir_token_table tokens; /* of a GGUF */
    weir_row_stream *stream;
    weir_cast cast;
    weir_safetensors_writer *writer;
} folder_export;

static bool is_ours(const void *context, const char *name) {
    (void)context;
    return weir_folder_is_model_file(name);
}

/* ---- formats ------------------------------------------------------------------------------- */

static bool is_folder_format(const weir_format *f) {
    return f->id == WEIR_FORMAT_F32 || f->id == WEIR_FORMAT_F16 || f->id == WEIR_FORMAT_BF16;
}

/* A folder of unpacked weights is several times its source: that is to be asked for by name. */
static weir_status check_formats(const folder_export *x, weir_error *err) {
    if (x->type != NULL && !is_folder_format(x->type))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a folder cannot hold type %s, expected f32, f16 or bf16", x->type->name);
    for (size_t i = 0; x->type == NULL && i < weir_source_n_tensors(x->source); i++) {
        const weir_source_tensor *t = weir_source_tensor_at(x->source, i);
        if (t->is_foreign || !is_folder_format(t->format))
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "%s: %s is %s, which a folder cannot hold as it is: name the type to "
                             "unpack it to, f32, f16 or bf16",
                             weir_source_path(x->source), t->name,
                             t->is_foreign ? "packed" : t->format->name);
    }
    return WEIR_STATUS_OK;
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* The source's tensor of a planned one, under the name it should have or one that some files give
 * it; SIZE_MAX if there is none. */
static size_t find_source(const folder_export *x, const weir_planned *planned) {
    static const char *const others[][2] = {{"token_embd_norm.weight", "output_norm.weight"},
                                            {"exp_probs_b.bias", "exp_probs_b"}};
    char other[WEIR_GGUF_NAME] = "";
    for (size_t i = 0; i < WEIR_COUNT(others); i++) {
        const char *tail = strstr(planned->name, others[i][0]);
        if (tail != NULL)
            snprintf(other, sizeof other, "%.*s%s", (int)(tail - planned->name), planned->name,
                     others[i][1]);
    }
    for (size_t i = 0; i < weir_source_n_tensors(x->source); i++) {
        const char *name = weir_source_tensor_at(x->source, i)->name;
        if (strcmp(name, planned->name) == 0 || strcmp(name, other) == 0)
            return i;
    }
    return SIZE_MAX;
}

static const weir_format *format_of(const folder_export *x, const weir_planned *planned,
                                    size_t index) {
    const weir_format *f32 = weir_format_by_id(WEIR_FORMAT_F32);
    if (planned->is_matrix)
        return x->type != NULL ? x->type : weir_source_tensor_at(x->source, index)->format;
    if (planned->part == WEIR_PART_EXPERT_BIAS) /* as the family's files have it */
        return f32;
    return weir_cast_is_exact(&x->cast, index, x->main_type) ? x->main_type : f32;
}

static void add_tensor(folder_export *x, const weir_planned *planned, size_t index,
                       const weir_format *format, uint32_t expert) {
    bool is_stack = weir_part_get_names(planned->part)->is_stack;
    weir_hf_tensor *t = &x->tensors[x->n_tensors++];
    *t = (weir_hf_tensor){.format = format, .source = index, .n_rows = planned->n_rows};
    weir_part_hf_name(t->name, planned->part, planned->layer, expert);
    if (is_stack) {
        t->n_rows = planned->shape[1];
        t->first_row = expert * t->n_rows;
    }
    for (uint32_t i = is_stack ? 1 : 0; i < planned->n_dims; i++) {
        t->shape[t->n_dims++] = planned->shape[i];
        if (planned->part == WEIR_PART_CONV_TAPS && i == 0)
            t->shape[t->n_dims++] = 1; /* [d_model, 1, taps] */
    }
    t->bytes = t->n_rows * weir_format_row_bytes(format, planned->n_cols);
}

static weir_status list_tensors(folder_export *x, weir_error *err) {
    WEIR_TRY(weir_layout_make(&x->layout, x->h, err));
    size_t n_experts = x->h->n_experts > 0 ? x->h->n_experts : 1;
    x->tensors = calloc(x->layout.n_tensors * n_experts, sizeof *x->tensors);
    if (x->tensors == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < x->layout.n_tensors; i++) {
        const weir_planned *planned = &x->layout.tensors[i];
        if (planned->part == WEIR_PART_EXPERT_BIAS && !x->h->has_expert_bias)
            continue;
        size_t index = find_source(x, planned);
        if (index == SIZE_MAX) /* binding has seen all that the model needs */
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: tensor %s is missing",
                             weir_source_path(x->source), planned->name);
        const weir_format *format = format_of(x, planned, index);
        bool is_stack = weir_part_get_names(planned->part)->is_stack;
        for (uint32_t e = 0; e < (is_stack ? x->h->n_experts : 1); e++)
            add_tensor(x, planned, index, format, e);
    }
    return WEIR_STATUS_OK;
}

/* ---- weights ------------------------------------------------------------------------------- */

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    folder_export *x = context;
    return weir_safetensors_write(x->writer, data, n, err);
}

static weir_status create_shard(folder_export *x, uint32_t shard, weir_error *err) {
    char name[WEIR_HF_SHARD_NAME];
    weir_hf_shard_name(name, shard, x->n_shards);
    char *path = weir_path_join(x->folder.work, name);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", x->folder.out);
    weir_status status = weir_safetensors_create(&x->writer, path, false, err);
    free(path);
    return status;
}

static weir_status write_shard(folder_export *x, uint32_t shard, weir_error *err) {
    WEIR_TRY(create_shard(x, shard, err));
    for (size_t i = 0; i < x->n_tensors; i++) {
        const weir_hf_tensor *t = &x->tensors[i];
        if (t->shard == shard)
            weir_safetensors_add(x->writer, t->name, t->format, t->n_dims, t->shape);
    }
    WEIR_TRY(weir_safetensors_begin(x->writer, err));
    weir_row_stream_aim(x->stream, take_bytes, x);
    for (size_t i = 0; i < x->n_tensors; i++) {
        const weir_hf_tensor *t = &x->tensors[i];
        if (t->shard != shard)
            continue;
        weir_cast_aim(&x->cast, t->source, t->format, t->first_row);
        WEIR_TRY(weir_row_stream_tensor(x->stream, t->name, t->n_rows, x->cast.row_bytes,
                                        weir_cast_fill, &x->cast, err));
        weir_source_drop(x->source, t->source, t->first_row + t->n_rows);
    }
    WEIR_TRY(weir_row_stream_flush(x->stream, err));
    return weir_safetensors_commit(&x->writer, err);
}

static weir_status write_weights(folder_export *x, const weir_convert_options *options,
                                 weir_error *err) {
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < x->n_tensors; i++)
        total_bytes += x->tensors[i].bytes;
    WEIR_TRY(
        weir_row_stream_open(&x->stream, options->n_threads, total_bytes, &options->progress, err));
    weir_cast_close(&x->cast);
    WEIR_TRY(weir_cast_open(&x->cast, x->source, weir_row_stream_n_workers(x->stream), err));
    for (uint32_t i = 0; i < x->n_shards; i++)
        WEIR_TRY(write_shard(x, i, err));
    return weir_hf_write_index(x->folder.work, x->tensors, x->n_tensors, x->n_shards, err);
}

/* ---- words --------------------------------------------------------------------------------- */

static bool has_tokenizer(const weir_gguf *g) {
    const weir_gguf_kv *kv = weir_gguf_find(g, "tokenizer.ggml.model");
    weir_text model;
    bool is_said = kv != NULL && kv->type == WEIR_GGUF_STRING && weir_gguf_as_text(kv, 0, &model);
    return is_said && !(model.size == 4 && memcmp(model.data, "none", 4) == 0);
}

/* Of a file without a tokenizer: what its other keys say. */
static weir_status read_ids(folder_export *x, const weir_gguf *g, weir_error *err) {
    WEIR_TRY(weir_token_table_open(&x->tokens, 0, err));
    x->tokens.bos = x->h->bos;
    x->tokens.eos = x->h->eos;
    x->tokens.pad = x->h->pad;
    const weir_gguf_kv *kv = weir_gguf_find(g, "tokenizer.chat_template");
    if (kv != NULL && kv->type == WEIR_GGUF_STRING)
        weir_gguf_as_text(kv, 0, &x->tokens.chat_template);
    return WEIR_STATUS_OK;
}

static weir_status write_words(folder_export *x, weir_error *err) {
    const weir_gguf *g = weir_model_gguf(weir_source_model(x->source));
    bool has_tokens;
    const weir_token_table *tokens = weir_source_tokens(x->source, &has_tokens);
    if (g != NULL) {
        has_tokens = has_tokenizer(g);
        WEIR_TRY(has_tokens ? weir_token_table_read_gguf(&x->tokens, g, err) : read_ids(x, g, err));
        tokens = &x->tokens;
    }
    WEIR_TRY(weir_hf_write_words(x->folder.work, tokens, has_tokens, g, err));
    if (g != NULL)
        return WEIR_STATUS_OK;
    /* The folder's own says more than the table holds. */
    return weir_file_copy(weir_source_path(x->source), x->folder.work, "generation_config.json",
                          err);
}

static weir_status write_config(const folder_export *x, weir_error *err) {
    char *text = weir_hparams_to_json(x->h, x->main_type);
    if (text == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for config.json",
                         x->folder.out);
    weir_status status = weir_hf_write_file(x->folder.work, "config.json", text, strlen(text), err);
    free(text);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static weir_status write_all(folder_export *x, const char *out, uint64_t shard_bytes,
                             const weir_convert_options *options, weir_error *err) {
    WEIR_TRY(check_formats(x, err));
    x->main_type = x->type != NULL ? x->type : weir_source_main_format(x->source);
    WEIR_TRY(weir_folder_out_open(&x->folder, out, options->overwrite, is_ours, NULL, err));
    WEIR_TRY(weir_cast_open(&x->cast, x->source, 1, err));
    WEIR_TRY(list_tensors(x, err));
    WEIR_TRY(weir_hf_shards_divide(x->tensors, x->n_tensors, shard_bytes, &x->n_shards, err));
    WEIR_TRY(write_words(x, err));
    WEIR_TRY(write_config(x, err));
    WEIR_TRY(write_weights(x, options, err));
    return weir_folder_out_commit(&x->folder, err);
}

weir_status weir_hf_export(const weir_source *source, const char *out, const weir_format *type,
                           uint64_t shard_bytes, const weir_convert_options *options,
                           weir_error *err) {
    folder_export x = {.source = source, .h = &weir_source_model(source)->h, .type = type};
    weir_status status = write_all(&x, out, shard_bytes, options, err);
    weir_safetensors_abort(&x.writer);
    weir_row_stream_close(&x.stream);
    weir_cast_close(&x.cast);
    weir_token_table_close(&x.tokens);
    weir_folder_out_close(&x.folder);
    weir_layout_free(&x.layout);
    free(x.tensors);
    return status;
}
