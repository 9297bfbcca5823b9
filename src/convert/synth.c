/*
 * synth.c: weir_synth. A model of true shape from nothing: hyperparameters from a table or a file,
 * tensors from counters, a tokenizer by rule.
 *
 * Owns the order of things and the GGUF form; the folder form is synth_folder.c's. Nothing larger
 * than two buffers is in memory, so a file may be larger than the machine's memory. A hollow file
 * has what is no matrix, and the seed; its matrices are holes.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "convert/hparams_meta.h"
#include "convert/row_stream.h"
#include "convert/synth_parts.h"

/* ---- GGUF ---------------------------------------------------------------------------------- */

typedef struct gguf_output {
    weir_gguf_writer *writer;
    weir_row_stream *stream;
    weir_synth_values values; /* of the tensor that is written */
} gguf_output;

static weir_status fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                             uint8_t *out, weir_error *err) {
    (void)worker;
    (void)err;
    const gguf_output *o = context;
    weir_synth_values_fill(&o->values, row, n_rows, out);
    return WEIR_STATUS_OK;
}

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    gguf_output *o = context;
    return weir_gguf_write(o->writer, data, n, err);
}

static bool is_hole(const weir_synth_job *job, const weir_planned *t) {
    return job->options->is_hollow && t->is_matrix;
}

static weir_status write_gguf(gguf_output *o, const char *out, const weir_synth_job *job,
                              weir_error *err) {
    WEIR_TRY(weir_gguf_create(&o->writer, out, job->options->overwrite, err));
    weir_hparams_add_meta(o->writer, &job->h, job->name);
    char about[96];
    snprintf(about, sizeof about, "random weights from counters, seed %" PRIu64,
             job->options->seed);
    weir_gguf_add_string(o->writer, "general.description", about);
    weir_format_add_meta(o->writer, job->type);
    if (job->mix != NULL) { /* a mix has a number of its own */
        weir_gguf_remove(o->writer, "general.file_type");
        weir_gguf_add_u32(o->writer, "general.file_type", job->mix->file_type);
    }
    if (job->options->is_hollow)
        weir_gguf_add_u64(o->writer, WEIR_SYNTH_SEED_KEY, job->options->seed);
    weir_token_table_add_meta(o->writer, &job->tokens, true);
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < job->layout.n_tensors; i++) {
        const weir_planned *t = &job->layout.tensors[i];
        weir_gguf_add_tensor(o->writer, t->name, t->format, t->n_dims, t->shape);
        total_bytes += is_hole(job, t) ? 0 : t->n_rows * t->row_bytes;
    }
    WEIR_TRY(weir_gguf_begin(o->writer, err));
    WEIR_TRY(weir_row_stream_open(&o->stream, job->options->n_threads, total_bytes,
                                  &job->options->progress, err));
    weir_row_stream_aim(o->stream, take_bytes, o);
    for (size_t i = 0; i < job->layout.n_tensors; i++) {
        const weir_planned *t = &job->layout.tensors[i];
        if (is_hole(job, t)) {
            WEIR_TRY(weir_row_stream_flush(o->stream, err));
            WEIR_TRY(weir_gguf_write_hole(o->writer, err));
            continue;
        }
        weir_synth_values_open(&o->values, job->options->seed, t->part, t->name, t->n_cols, &job->h,
                               t->format);
        WEIR_TRY(
            weir_row_stream_tensor(o->stream, t->name, t->n_rows, t->row_bytes, fill_rows, o, err));
    }
    WEIR_TRY(weir_row_stream_flush(o->stream, err));
    return weir_gguf_commit(&o->writer, err);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static weir_status check_formats(const weir_synth_job *job, weir_error *err) {
    if (job->options->as_folder && job->options->is_hollow)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a folder's weights cannot be left out; expected a GGUF file");
    if (job->options->as_folder && job->type->block_values > 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a folder's weights are f32, f16 or bf16, not %s", job->type->name);
    for (size_t i = 0; i < job->layout.n_tensors; i++)
        if (!weir_synth_has_format(job->layout.tensors[i].format))
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "no formula for random %s blocks",
                             job->layout.tensors[i].format->name);
    return WEIR_STATUS_OK;
}

/* A format's name means that format in every matrix, "q4_k" too; other names are mixes, "q4_k_m".
 */
static weir_status find_type(weir_synth_job *job, const char *name, weir_error *err) {
    job->type = weir_format_by_name(name);
    if (job->type != NULL)
        return WEIR_STATUS_OK;
    job->mix = weir_mix_by_name(name);
    if (job->mix == NULL)
        return weir_unknown_type(name, weir_mix_names(), err);
    job->type = weir_format_by_id(job->mix->base);
    return WEIR_STATUS_OK;
}

static void set_formats(weir_synth_job *job) {
    for (size_t i = 0; i < job->layout.n_tensors; i++) {
        weir_planned *t = &job->layout.tensors[i];
        const weir_format *type = job->type;
        if (job->mix != NULL && t->is_matrix)
            type = weir_mix_format(job->mix, &job->h, false, t->part, t->layer, t->n_cols);
        weir_planned_take(t, type);
    }
}

static weir_status synth(weir_synth_job *job, const char *out, weir_error *err) {
    const weir_synth_options *options = job->options;
    const char *type = options->type;
    if (type == NULL)
        type = options->as_folder ? "f32" : "q4_0";
    WEIR_TRY(find_type(job, type, err));
    WEIR_TRY(weir_synth_find_config(&job->h, job->name, options->config, err));
    WEIR_TRY(weir_layout_make(&job->layout, &job->h, err));
    set_formats(job);
    WEIR_TRY(check_formats(job, err));
    WEIR_TRY(weir_synth_tokenizer(&job->tokens, &job->h, err));
    if (options->as_folder)
        return weir_synth_folder(out, job, WEIR_SYNTH_SHARD_GB * UINT64_C(1000000000), err);
    gguf_output o = {0};
    weir_status status = write_gguf(&o, out, job, err);
    weir_gguf_abort(&o.writer);
    weir_row_stream_close(&o.stream);
    return status;
}

weir_status weir_synth(const char *out, const weir_synth_options *options, weir_error *err) {
    if (out == NULL || options == NULL || options->config == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "weir_synth: expected a path and the name of a configuration");
    weir_synth_job job = {.options = options};
    weir_status status = synth(&job, out, err);
    weir_token_table_close(&job.tokens);
    weir_layout_free(&job.layout);
    return status;
}
