/*
 * synth_folder.c: a synthetic model as a Hugging Face folder. Experts are tensors of their own
 * here; their values are those of the stacked tensor of the GGUF.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
#include "convert/hf_write.h"
#include "convert/hparams_meta.h"
#include "convert/row_stream.h"
#include "convert/synth_parts.h"

enum { SHARD_NAME = 48, MOST_SHARDS = 99999 };

/* A tensor of the folder: rows [row, row + n_rows) of a planned one. */
typedef struct piece {
    char name[WEIR_HF_NAME];
    const weir_planned *planned;
    const weir_format *format;
    uint32_t n_dims;
    uint64_t shape[WEIR_MAX_DIMS];
    uint64_t row, n_rows;
    uint64_t bytes;
    uint32_t shard;
} piece;

typedef struct folder_writer {
    const weir_synth_job *job;
    weir_folder_out folder;
    piece *pieces;
    size_t n_pieces;
    uint32_t n_shards;
    uint64_t total_bytes;
    weir_safetensors_writer *writer;
    weir_row_stream *stream;
    weir_synth_values values; /* of the piece that is written */
    uint64_t first_row;
} folder_writer;

static bool is_ours(const void *context, const char *name) {
    (void)context;
    return weir_folder_is_model_file(name);
}

/* ---- pieces -------------------------------------------------------------------------------- */

static bool is_stack(const weir_planned *t) {
    return t->n_dims == 3;
}

static void add_piece(folder_writer *f, const weir_planned *t, uint32_t expert) {
    piece *p = &f->pieces[f->n_pieces++];
    *p = (piece){.planned = t, .format = f->job->type, .n_rows = t->n_rows};
    weir_part_hf_name(p->name, t->part, t->layer, expert);
    if (t->part == WEIR_PART_EXPERT_BIAS) /* as the family's files have it */
        p->format = weir_format_by_id(WEIR_FORMAT_F32);
    if (is_stack(t)) {
        p->n_rows = t->shape[1];
        p->row = expert * p->n_rows;
    }
    for (uint32_t i = is_stack(t) ? 1 : 0; i < t->n_dims; i++) {
        p->shape[p->n_dims++] = t->shape[i];
        if (t->part == WEIR_PART_CONV_TAPS && i == 0)
            p->shape[p->n_dims++] = 1; /* [d_model, 1, taps] */
    }
    p->bytes = p->n_rows * weir_format_row_bytes(p->format, t->n_cols);
}

static weir_status list_pieces(folder_writer *f, uint64_t shard_bytes, weir_error *err) {
    const weir_layout *layout = &f->job->layout;
    const weir_hparams *h = &f->job->h;
    size_t most = layout->n_tensors * (size_t)(h->n_experts > 0 ? h->n_experts : 1);
    f->pieces = calloc(most, sizeof *f->pieces);
    if (f->pieces == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const weir_planned *t = &layout->tensors[i];
        if (t->part == WEIR_PART_EXPERT_BIAS && !h->has_expert_bias)
            continue;
        for (uint32_t e = 0; e < (is_stack(t) ? h->n_experts : 1); e++)
            add_piece(f, t, e);
    }
    uint64_t in_shard = 0;
    for (size_t i = 0; i < f->n_pieces; i++) {
        piece *p = &f->pieces[i];
        if (i > 0 && in_shard + p->bytes > shard_bytes) {
            f->n_shards++;
            in_shard = 0;
        }
        p->shard = f->n_shards;
        in_shard += p->bytes;
        f->total_bytes += p->bytes;
    }
    f->n_shards++;
    if (f->n_shards > MOST_SHARDS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%u files, expected at most %d",
                         f->n_shards, MOST_SHARDS);
    return WEIR_STATUS_OK;
}

static void shard_name(char name[SHARD_NAME], uint32_t shard, uint32_t n_shards) {
    if (n_shards == 1)
        snprintf(name, SHARD_NAME, "model.safetensors");
    else
        snprintf(name, SHARD_NAME, "model-%05u-of-%05u.safetensors", shard + 1, n_shards);
}

/* ---- files --------------------------------------------------------------------------------- */

static weir_status write_index(const folder_writer *f, weir_error *err) {
    if (f->n_shards == 1)
        return WEIR_STATUS_OK;
    json_t *map = json_object();
    bool is_whole = map != NULL;
    for (size_t i = 0; i < f->n_pieces; i++) {
        char name[SHARD_NAME];
        shard_name(name, f->pieces[i].shard, f->n_shards);
        is_whole &= json_object_set_new(map, f->pieces[i].name, json_string(name)) == 0;
    }
    json_t *root = json_pack("{s{sI}, sO}", "metadata", "total_size", (json_int_t)f->total_bytes,
                             "weight_map", map);
    char *text = is_whole && root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    json_decref(map);
    if (text == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the index", f->folder.out);
    weir_status status =
        weir_hf_write_file(f->folder.work, "model.safetensors.index.json", text, strlen(text), err);
    free(text);
    return status;
}

static weir_status write_config(const folder_writer *f, weir_error *err) {
    char *text = weir_hparams_to_json(&f->job->h, f->job->type);
    if (text == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for config.json",
                         f->folder.out);
    weir_status status = weir_hf_write_file(f->folder.work, "config.json", text, strlen(text), err);
    free(text);
    return status;
}

static weir_status fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                             uint8_t *out, weir_error *err) {
    (void)worker;
    (void)err;
    const folder_writer *f = context;
    weir_synth_values_fill(&f->values, f->first_row + row, n_rows, out);
    return WEIR_STATUS_OK;
}

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    folder_writer *f = context;
    return weir_safetensors_write(f->writer, data, n, err);
}

static weir_status write_shard(folder_writer *f, uint32_t shard, weir_error *err) {
    char name[SHARD_NAME];
    shard_name(name, shard, f->n_shards);
    char *path = weir_path_join(f->folder.work, name);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", f->folder.out);
    weir_status status = weir_safetensors_create(&f->writer, path, false, err);
    free(path);
    if (status != WEIR_STATUS_OK)
        return status;
    for (size_t i = 0; i < f->n_pieces; i++) {
        const piece *p = &f->pieces[i];
        if (p->shard == shard)
            weir_safetensors_add(f->writer, p->name, p->format, p->n_dims, p->shape);
    }
    WEIR_TRY(weir_safetensors_begin(f->writer, err));
    weir_row_stream_aim(f->stream, take_bytes, f);
    for (size_t i = 0; i < f->n_pieces; i++) {
        const piece *p = &f->pieces[i];
        if (p->shard != shard)
            continue;
        weir_synth_values_open(&f->values, f->job->options->seed, p->planned, &f->job->h,
                               p->format);
        f->first_row = p->row;
        WEIR_TRY(weir_row_stream_tensor(f->stream, p->name, p->n_rows, f->values.row_bytes,
                                        fill_rows, f, err));
    }
    WEIR_TRY(weir_row_stream_flush(f->stream, err));
    return weir_safetensors_commit(&f->writer, err);
}

static weir_status write_all(folder_writer *f, const char *out, uint64_t shard_bytes,
                             weir_error *err) {
    const weir_synth_options *options = f->job->options;
    WEIR_TRY(weir_folder_out_open(&f->folder, out, options->overwrite, is_ours, NULL, err));
    WEIR_TRY(list_pieces(f, shard_bytes, err));
    WEIR_TRY(weir_row_stream_open(&f->stream, options->n_threads, f->total_bytes,
                                  &options->progress, err));
    for (uint32_t i = 0; i < f->n_shards; i++)
        WEIR_TRY(write_shard(f, i, err));
    WEIR_TRY(write_index(f, err));
    WEIR_TRY(write_config(f, err));
    WEIR_TRY(weir_hf_write_tokenizer(f->folder.work, &f->job->tokens, err));
    return weir_folder_out_commit(&f->folder, err);
}

weir_status weir_synth_folder(const char *out, const weir_synth_job *job, uint64_t shard_bytes,
                              weir_error *err) {
    folder_writer f = {.job = job};
    weir_status status = write_all(&f, out, shard_bytes, err);
    weir_safetensors_abort(&f.writer);
    weir_row_stream_close(&f.stream);
    weir_folder_out_close(&f.folder);
    free(f.pieces);
    return status;
}
