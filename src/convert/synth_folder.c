/*
 * synth_folder.c: a synthetic model as a Hugging Face folder. Experts are tensors of their own
 * here; their values are those of the stacked tensor of the GGUF.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
#include "convert/hf_shards.h"
#include "convert/hf_write.h"
#include "convert/hparams_meta.h"
#include "convert/row_stream.h"
#include "convert/synth_parts.h"

typedef struct folder_writer {
    const weir_synth_job *job;
    weir_folder_out folder;
    weir_hf_tensor *tensors; /* [n_tensors] source: number of the planned one */
    size_t n_tensors;
    uint32_t n_shards;
    uint64_t total_bytes;
    weir_safetensors_writer *writer;
    weir_row_stream *stream;
    weir_synth_values values; /* of the tensor that is written */
    uint64_t first_row;
} folder_writer;

static bool is_ours(const void *context, const char *name) {
    (void)context;
    return weir_folder_is_model_file(name);
}

/* ---- tensors ------------------------------------------------------------------------------- */

static bool is_stack(const weir_planned *t) {
    return t->n_dims == 3;
}

static void add_tensor(folder_writer *f, size_t number, uint32_t expert) {
    const weir_planned *planned = &f->job->layout.tensors[number];
    weir_hf_tensor *t = &f->tensors[f->n_tensors++];
    *t = (weir_hf_tensor){.source = number, .format = f->job->type, .n_rows = planned->n_rows};
    weir_part_hf_name(t->name, planned->part, planned->layer, expert);
    if (planned->part == WEIR_PART_EXPERT_BIAS) /* as the family's files have it */
        t->format = weir_format_by_id(WEIR_FORMAT_F32);
    if (is_stack(planned)) {
        t->n_rows = planned->shape[1];
        t->first_row = expert * t->n_rows;
    }
    for (uint32_t i = is_stack(planned) ? 1 : 0; i < planned->n_dims; i++) {
        t->shape[t->n_dims++] = planned->shape[i];
        if (planned->part == WEIR_PART_CONV_TAPS && i == 0)
            t->shape[t->n_dims++] = 1; /* [d_model, 1, taps] */
    }
    t->bytes = t->n_rows * weir_format_row_bytes(t->format, planned->n_cols);
}

static weir_status list_tensors(folder_writer *f, uint64_t shard_bytes, weir_error *err) {
    const weir_layout *layout = &f->job->layout;
    const weir_hparams *h = &f->job->h;
    size_t most = layout->n_tensors * (size_t)(h->n_experts > 0 ? h->n_experts : 1);
    f->tensors = calloc(most, sizeof *f->tensors);
    if (f->tensors == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const weir_planned *t = &layout->tensors[i];
        if (t->part == WEIR_PART_EXPERT_BIAS && !h->has_expert_bias)
            continue;
        for (uint32_t e = 0; e < (is_stack(t) ? h->n_experts : 1); e++)
            add_tensor(f, i, e);
    }
    for (size_t i = 0; i < f->n_tensors; i++)
        f->total_bytes += f->tensors[i].bytes;
    return weir_hf_shards_divide(f->tensors, f->n_tensors, shard_bytes, &f->n_shards, err);
}

/* ---- files --------------------------------------------------------------------------------- */

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

static weir_status create_shard(folder_writer *f, uint32_t shard, weir_error *err) {
    char name[WEIR_HF_SHARD_NAME];
    weir_hf_shard_name(name, shard, f->n_shards);
    char *path = weir_path_join(f->folder.work, name);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", f->folder.out);
    weir_status status = weir_safetensors_create(&f->writer, path, false, err);
    free(path);
    return status;
}

static weir_status write_shard(folder_writer *f, uint32_t shard, weir_error *err) {
    WEIR_TRY(create_shard(f, shard, err));
    for (size_t i = 0; i < f->n_tensors; i++) {
        const weir_hf_tensor *t = &f->tensors[i];
        if (t->shard == shard)
            weir_safetensors_add(f->writer, t->name, t->format, t->n_dims, t->shape);
    }
    WEIR_TRY(weir_safetensors_begin(f->writer, err));
    weir_row_stream_aim(f->stream, take_bytes, f);
    for (size_t i = 0; i < f->n_tensors; i++) {
        const weir_hf_tensor *t = &f->tensors[i];
        if (t->shard != shard)
            continue;
        const weir_planned *planned = &f->job->layout.tensors[t->source];
        weir_synth_values_open(&f->values, f->job->options->seed, planned->part, planned->name,
                               planned->n_cols, &f->job->h, t->format);
        f->first_row = t->first_row;
        WEIR_TRY(weir_row_stream_tensor(f->stream, t->name, t->n_rows, f->values.row_bytes,
                                        fill_rows, f, err));
    }
    WEIR_TRY(weir_row_stream_flush(f->stream, err));
    return weir_safetensors_commit(&f->writer, err);
}

static weir_status write_all(folder_writer *f, const char *out, uint64_t shard_bytes,
                             weir_error *err) {
    const weir_synth_options *options = f->job->options;
    WEIR_TRY(weir_folder_out_open(&f->folder, out, options->overwrite, is_ours, NULL, err));
    WEIR_TRY(list_tensors(f, shard_bytes, err));
    WEIR_TRY(weir_row_stream_open(&f->stream, options->n_threads, f->total_bytes,
                                  &options->progress, err));
    for (uint32_t i = 0; i < f->n_shards; i++)
        WEIR_TRY(write_shard(f, i, err));
    WEIR_TRY(weir_hf_write_index(f->folder.work, f->tensors, f->n_tensors, f->n_shards, err));
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
    free(f.tensors);
    return status;
}
