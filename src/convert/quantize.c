/*
 * quantize.c: weir_quantize. Joins what the plan says, the rows of the source and the file under
 * construction: rows are made by all threads (row_stream.h) and written in order. Owns the header
 * and the record of quality in it.
 *
 * Invariant: the bytes of OUT are a function of the source, the options and this version alone, not
 * of threads or of how often the work was interrupted; a tensor whose format does not change keeps
 * its bytes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/error.h"
#include "convert/cast_rows.h"
#include "convert/quantize_plan.h"
#include "convert/quantize_resume.h"
#include "convert/quantize_target.h"
#include "convert/row_stream.h"

enum {
    ALIGNMENT = 32,   /* of the data of tensors, gguf.h */
    SAMPLES = 16,     /* rows of a tensor that its fingerprint holds */
    CORPUS_TEXT = 32, /* characters of a corpus hash */
};

typedef struct quantization {
    const char *out;
    const weir_quantize_options *options;
    weir_source *source;
    weir_importance importance;
    weir_quantize_plan plan;
    uint8_t *header; /* [header_bytes] */
    size_t header_bytes;
    weir_partial_span *spans; /* [plan.n_items] of tensors */
    uint64_t file_bytes;
    weir_partial *partial;
    weir_row_stream *stream;
    size_t scratch_cols, scratch_row; /* of one worker */
    float *values;                    /* [n_workers, scratch_cols] */
    uint8_t *rows;                    /* [n_workers, scratch_row] */
    weir_importance_weights weights;  /* of the current tensor */
    size_t current;                   /* item whose rows are made */
    size_t taken;                     /* item whose bytes are written next */
    uint64_t n_taken;                 /* of its bytes */
    bool is_written;                  /* all of it; what fails now costs no work */
    weir_quality quality;
} quantization;

const char *const *weir_quantize_types(void) {
    return weir_mix_names();
}

/* ---- the header ----------------------------------------------------------------------------- */

static const weir_quality no_quality = {0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, ""};

/* Every value has the same length whatever it is, so that the record can be written over. */
static void add_quality(weir_gguf_writer *w, const weir_quality *q) {
    char corpus[CORPUS_TEXT];
    size_t n = strnlen(q->corpus, CORPUS_TEXT);
    memset(corpus, '0', sizeof corpus);
    memcpy(corpus, q->corpus, n);
    weir_gguf_add_u64(w, "weir.quality.tokens", q->n_tokens);
    weir_gguf_add_f64(w, "weir.quality.kl_mean", q->kl_mean);
    weir_gguf_add_f64(w, "weir.quality.kl_p999", q->kl_p999);
    weir_gguf_add_f64(w, "weir.quality.top1", q->top1);
    weir_gguf_add_f64(w, "weir.quality.top5", q->top5);
    weir_gguf_add_f64(w, "weir.quality.experts", q->experts);
    weir_gguf_add_f64(w, "weir.quality.perplexity", q->perplexity);
    weir_gguf_add_f64(w, "weir.quality.perplexity_base", q->perplexity_base);
    weir_gguf_add_text(w, "weir.quality.corpus", corpus, sizeof corpus);
}

static weir_status add_meta(const quantization *z, weir_gguf_writer *w, weir_error *err) {
    const weir_format *main_type = z->plan.main_type;
    if (main_type == NULL) /* the length alone is wanted */
        main_type = weir_format_by_id(WEIR_FORMAT_F32);
    WEIR_TRY(weir_source_add_meta(z->source, w, main_type, err));
    weir_gguf_remove(w, "general.file_type"); /* that of one format; a mix has its own */
    weir_gguf_add_u32(w, "general.file_type", z->plan.file_type);
    weir_importance_add_meta(&z->importance, w);
    if (z->options->measure != NULL)
        add_quality(w, z->quality.n_tokens > 0 ? &z->quality : &no_quality);
    return WEIR_STATUS_OK;
}

static weir_status declare(quantization *z, weir_gguf_writer *w, weir_error *err) {
    const weir_quantize_plan *plan = &z->plan;
    WEIR_TRY(add_meta(z, w, err));
    for (size_t i = 0; i < plan->n_items; i++) {
        const weir_source_tensor *t = plan->items[i].from;
        weir_gguf_add_tensor(w, t->name, plan->items[i].to, t->n_dims, t->shape);
    }
    free(z->header);
    z->header = NULL;
    WEIR_TRY(weir_gguf_make_header(w, &z->header, &z->header_bytes, err));
    for (size_t i = 0; i < plan->n_items; i++)
        z->spans[i] = (weir_partial_span){z->header_bytes + weir_gguf_data_offset(w, i),
                                          plan->items[i].from->n_rows * plan->items[i].row_bytes};
    z->file_bytes = z->header_bytes + weir_gguf_data_offset(w, plan->n_items);
    return WEIR_STATUS_OK;
}

/* Header and places of tensors for the formats that the plan has now. */
static weir_status lay_out(quantization *z, weir_error *err) {
    weir_gguf_writer *w;
    WEIR_TRY(weir_gguf_compose(&w, z->out != NULL ? z->out : weir_source_path(z->source), err));
    weir_status status = declare(z, w, err);
    weir_gguf_abort(&w);
    return status;
}

/* ---- the plan ------------------------------------------------------------------------------- */

static weir_status decide(quantization *z, weir_error *err) {
    WEIR_TRY(weir_quantize_plan_make(&z->plan, z->source, &z->importance, err));
    z->spans = calloc(z->plan.n_items + 1, sizeof *z->spans);
    if (z->spans == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    if (z->options->target_bytes > 0) {
        WEIR_TRY(lay_out(z, err)); /* for the length of the header, which formats do not change */
        WEIR_TRY(weir_target_choose(&z->plan, z->header_bytes, ALIGNMENT, err));
    }
    WEIR_TRY(weir_quantize_plan_end(&z->plan, err));
    return lay_out(z, err);
}

static void tell_item(const quantization *z, const weir_quantize_item *it) {
    const weir_source_tensor *t = it->from;
    weir_quantize_tensor told = {
        .name = t->name,
        .from = t->format->name,
        .to = it->to->name,
        .n_dims = t->n_dims,
        .bytes_in = t->n_rows * t->row_bytes,
        .bytes_out = t->n_rows * it->row_bytes,
        .is_matrix = t->is_matrix,
        .is_ruled = it->is_ruled,
        .is_substituted = it->is_substituted,
        .has_importance = it->has_importance,
        .n_experts_unseen = it->n_unseen,
    };
    memcpy(told.shape, t->shape, t->n_dims * sizeof *t->shape);
    z->options->tell(z->options->tell_context, &told);
}

static void sum_up(const quantization *z, weir_quantize_report *report) {
    uint64_t n_values = 0;
    for (size_t i = 0; i < z->plan.n_items; i++) {
        const weir_quantize_item *it = &z->plan.items[i];
        const weir_source_tensor *t = it->from;
        bool is_quantized = t->is_matrix && it->to->block_values > 1 && it->to != t->format;
        n_values += t->n_rows * t->n_cols;
        report->bytes_in += t->n_rows * t->row_bytes;
        report->bytes_out += t->n_rows * it->row_bytes;
        report->n_substituted += it->is_substituted;
        report->n_experts_unseen += it->n_unseen;
        report->n_without_importance +=
            is_quantized && z->importance.imatrix != NULL && !it->has_importance;
    }
    report->n_tensors = (uint32_t)z->plan.n_items;
    report->file_bytes = z->file_bytes;
    report->bits_per_weight = n_values > 0 ? 8.0 * (double)report->bytes_out / (double)n_values : 0;
}

/* ---- what a part under construction belongs to ---------------------------------------------- */

static uint64_t hash_rows(const quantization *z, size_t i, uint8_t *row, uint64_t hash) {
    const weir_source_tensor *t = z->plan.items[i].from;
    uint64_t n = t->n_rows < SAMPLES ? t->n_rows : SAMPLES;
    for (uint64_t k = 0; k < n; k++) {
        uint64_t at = n > 1 ? k * (t->n_rows - 1) / (n - 1) : 0;
        hash = XXH3_64bits_withSeed(weir_source_row(z->source, i, at, row), t->row_bytes, hash);
    }
    weir_quantize_forget_pages(z->source, i, row);
    return XXH3_64bits_withSeed(t->format->name, strlen(t->format->name), hash);
}

/* Two numbers: of the file's header and who writes it; of the values that go into it, which all
 * could only be told by reading all. */
static weir_status make_fingerprint(const quantization *z, uint64_t fingerprint[2],
                                    weir_error *err) {
    uint8_t *row = malloc(z->scratch_row);
    if (row == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a row");
    const char *version = weir_version();
    uint64_t hash = XXH3_64bits(version, strlen(version));
    fingerprint[0] = XXH3_64bits_withSeed(z->header, z->header_bytes, hash);
    hash = weir_importance_hash(&z->importance) ^ weir_source_stamp(z->source);
    for (size_t i = 0; i < z->plan.n_items; i++)
        hash = hash_rows(z, i, row, hash);
    fingerprint[1] = hash;
    free(row);
    return WEIR_STATUS_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static weir_status fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                             uint8_t *out, weir_error *err) {
    const quantization *z = context;
    const weir_quantize_item *it = &z->plan.items[z->current];
    const weir_source_tensor *t = it->from;
    float *values = z->values + worker * z->scratch_cols; /* [n_cols] */
    uint8_t *scratch = z->rows + worker * z->scratch_row;
    for (uint64_t i = row; i < row + n_rows; i++, out += it->row_bytes) {
        const uint8_t *in = weir_source_row(z->source, z->current, i, scratch);
        if (t->format == it->to) {
            memcpy(out, in, it->row_bytes);
            continue;
        }
        t->format->dequantize(in, values, t->n_cols);
        WEIR_TRY(weir_cast_check_row(z->source, t, it->to, values, i, err));
        const float *weights = weir_importance_columns(&z->weights, i / t->stack_rows);
        weir_format_quantize(it->to, values, weights, out, t->n_cols);
    }
    return WEIR_STATUS_OK;
}

/* Bytes go to the file; the rows they were made of are not needed again. The stream hands over
 * bytes of one tensor at a time. */
static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    quantization *z = context;
    WEIR_TRY(weir_partial_write(z->partial, data, n, err));
    const weir_quantize_item *it = &z->plan.items[z->taken];
    z->n_taken += n;
    weir_source_drop(z->source, z->taken, z->n_taken / it->row_bytes);
    if (z->n_taken == z->spans[z->taken].bytes) {
        z->taken++;
        z->n_taken = 0;
    }
    return WEIR_STATUS_OK;
}

static weir_status write_tensors(quantization *z, size_t first, weir_error *err) {
    uint64_t bytes = 0;
    for (size_t i = first; i < z->plan.n_items; i++)
        bytes += z->spans[i].bytes;
    const weir_quantize_options *o = z->options;
    WEIR_TRY(weir_row_stream_open(&z->stream, o->n_threads, bytes, &o->progress, err));
    size_t n_workers = weir_row_stream_n_workers(z->stream);
    z->values = calloc(n_workers, z->scratch_cols * sizeof *z->values);
    z->rows = calloc(n_workers, z->scratch_row);
    if (z->values == NULL || z->rows == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for rows of %zu values",
                         z->scratch_cols);
    weir_row_stream_aim(z->stream, take_bytes, z);
    z->taken = first;
    for (z->current = first; z->current < z->plan.n_items; z->current++) {
        const weir_quantize_item *it = &z->plan.items[z->current];
        WEIR_TRY(weir_importance_take(&z->importance, it->from, &z->weights, err));
        WEIR_TRY(weir_row_stream_tensor(z->stream, it->from->name, it->from->n_rows, it->row_bytes,
                                        fill_rows, z, err));
    }
    return weir_row_stream_flush(z->stream, err);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static weir_status measure(quantization *z, weir_error *err) {
    const weir_quantize_options *o = z->options;
    z->quality = no_quality;
    WEIR_TRY(o->measure(o->measure_context, weir_partial_path(z->partial), &z->quality, err));
    size_t before = z->header_bytes;
    WEIR_TRY(lay_out(z, err));
    if (z->header_bytes != before)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: the record of its quality does not fit",
                         z->out);
    return weir_partial_patch(z->partial, 0, z->header, z->header_bytes, err);
}

/* A file that was left finished, but without its name, is no source for itself. */
static weir_status check_in(const quantization *z, const char *in, weir_error *err) {
    struct stat source, part;
    size_t n = strlen(z->out) + sizeof ".part";
    char *path = malloc(n);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", z->out);
    snprintf(path, n, "%s.part", z->out);
    bool is_same = stat(in, &source) == 0 && stat(path, &part) == 0 &&
                   source.st_dev == part.st_dev && source.st_ino == part.st_ino;
    free(path);
    return is_same ? weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                               "%s: is where %s would be made: move it, or name another OUT", in,
                               z->out)
                   : WEIR_STATUS_OK;
}

static weir_status write_file(quantization *z, uint64_t *n_resumed_bytes, weir_error *err) {
    const weir_quantize_options *o = z->options;
    weir_partial_work work = {.file_bytes = z->file_bytes,
                              .spans = z->spans,
                              .n_spans = z->plan.n_items,
                              .overwrite = o->overwrite,
                              .is_new = o->no_resume,
                              .progress = o->progress};
    for (size_t i = 0; i < z->plan.n_items; i++) {
        const weir_source_tensor *t = z->plan.items[i].from;
        z->scratch_cols = z->scratch_cols > t->n_cols ? z->scratch_cols : (size_t)t->n_cols;
        z->scratch_row = z->scratch_row > t->row_bytes ? z->scratch_row : t->row_bytes;
    }
    size_t n_done;
    WEIR_TRY(make_fingerprint(z, work.fingerprint, err));
    WEIR_TRY(weir_partial_open(&z->partial, z->out, &work, &n_done, err));
    for (size_t i = 0; i < n_done; i++)
        *n_resumed_bytes += z->spans[i].bytes;
    WEIR_TRY(weir_partial_patch(z->partial, 0, z->header, z->header_bytes, err));
    WEIR_TRY(write_tensors(z, n_done, err));
    WEIR_TRY(weir_partial_seal(z->partial, err));
    z->is_written = true;
    if (o->measure != NULL)
        WEIR_TRY(measure(z, err));
    return weir_partial_commit(&z->partial, err);
}

static weir_status quantize(quantization *z, const char *in, weir_quantize_report *report,
                            weir_error *err) {
    const weir_quantize_options *o = z->options;
    WEIR_TRY(weir_quantize_plan_begin(&z->plan, o, err));
    if (!o->dry_run) {
        WEIR_TRY(weir_partial_may_open(z->out, o->overwrite, err));
        WEIR_TRY(check_in(z, in, err));
    }
    WEIR_TRY(weir_importance_open(&z->importance, o->imatrix, err));
    WEIR_TRY(weir_source_open(&z->source, in, err));
    WEIR_TRY(decide(z, err));
    for (size_t i = 0; i < z->plan.n_items && o->tell != NULL; i++)
        tell_item(z, &z->plan.items[i]);
    sum_up(z, report);
    if (o->dry_run)
        return WEIR_STATUS_OK;
    WEIR_TRY(write_file(z, &report->n_resumed_bytes, err));
    report->quality = z->quality;
    return WEIR_STATUS_OK;
}

weir_status weir_quantize(const char *in, const char *out, const weir_quantize_options *options,
                          weir_quantize_report *report, weir_error *err) {
    if (in == NULL || options == NULL || (out == NULL && !options->dry_run))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_quantize: an argument is NULL");
    weir_quantize_report ignored;
    report = report != NULL ? report : &ignored;
    *report = (weir_quantize_report){.quality = no_quality};
    quantization z = {.out = out, .options = options, .quality = no_quality};
    weir_status status = quantize(&z, in, report, err);
    weir_partial_close(&z.partial, status == WEIR_STATUS_CANCELLED || z.is_written);
    weir_row_stream_close(&z.stream);
    free(z.values);
    free(z.rows);
    free(z.header);
    free(z.spans);
    weir_importance_release(&z.weights);
    weir_quantize_plan_close(&z.plan);
    weir_importance_close(&z.importance);
    weir_source_close(&z.source);
    return status;
}
