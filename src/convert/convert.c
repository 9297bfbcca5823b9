/*
 * convert.c: weir_convert. One model file or folder into one GGUF.
 *
 * A model is opened and bound as if it were to be run, so that everything that is wrong with it is
 * said before anything is written. A folder is then written from the bound weights, under GGUF
 * names; of a GGUF all metadata and tensors are kept and only the matrices change. What stays F32
 * and what stands in for a format that does not divide a row is tensor_layout.c's.
 *
 * Invariant: a tensor whose format does not change keeps its bytes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/hparams_meta.h"
#include "convert/row_stream.h"
#include "convert/sampling_meta.h"
#include "convert/tensor_layout.h"
#include "text/hf_tokenizer.h"

/* One tensor of the output, and where its values come from. */
typedef struct item {
    const char *name;
    uint32_t n_dims;
    uint64_t shape[WEIR_MAX_DIMS];
    uint64_t n_rows, n_cols;
    const weir_format *from, *to;
    size_t from_row_bytes, to_row_bytes;
    const uint8_t *data; /* all rows; NULL: see stack */
    const weir_weight
        *stack; /* [n_rows / stack_rows] experts of stack_rows each; NULL too: zeros */
    uint64_t stack_rows;
} item;

typedef struct conversion {
    weir_model *model;
    const weir_format *type; /* NULL: as they are */
    weir_layout layout;      /* of a folder */
    item *items;             /* [n_items] */
    size_t n_items;
    weir_token_table tokens; /* of a folder */
    bool has_tokens;
    weir_gguf_writer *writer;
    weir_row_stream *stream;
    float *scratch; /* [n_workers, scratch_cols] */
    size_t scratch_cols;
    const item *current;
} conversion;

/* ---- what to write ------------------------------------------------------------------------- */

/* The format of an item: as it is, or what the type asked for becomes for it. */
static void choose(item *it, const weir_format *type, bool is_matrix) {
    it->to = type == NULL ? it->from : weir_planned_format(is_matrix, type, it->n_cols);
    it->from_row_bytes = weir_format_row_bytes(it->from, it->n_cols);
    it->to_row_bytes = weir_format_row_bytes(it->to, it->n_cols);
}

static weir_status list_gguf(conversion *c, const weir_gguf *g, weir_error *err) {
    size_t n = weir_gguf_n_tensors(g);
    c->items = calloc(n, sizeof *c->items);
    if (c->items == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        item *it = &c->items[c->n_items++];
        *it = (item){.name = t->name, .n_dims = t->n_dims, .from = t->format, .data = t->data};
        memcpy(it->shape, t->shape, sizeof it->shape);
        it->n_cols = t->n_dims > 0 ? t->shape[t->n_dims - 1] : 1;
        it->n_rows = it->n_cols > 0 ? weir_tensor_n_values(t) / it->n_cols : 0;
        choose(it, c->type, weir_layout_is_matrix(t->name));
    }
    return WEIR_STATUS_OK;
}

/* Where the bound model has the values of a planned tensor. No values at all: an expert bias that
 * the model does not have; zeros choose the same experts. */
static void find_source(item *it, const weir_model *m, const weir_planned *t) {
    weir_part_data found = weir_part_find(m, t->part, t->layer);
    if (!found.weight) {
        it->from = weir_format_by_id(WEIR_FORMAT_F32);
        it->data = (const uint8_t *)found.values;
        return;
    }
    it->from = found.weight->format;
    if (weir_part_get_names(t->part)->is_stack) {
        it->stack = found.weight;
        it->stack_rows = found.weight->rows;
    } else {
        it->data = found.weight->data;
    }
}

static weir_status list_folder(conversion *c, weir_error *err) {
    WEIR_TRY(weir_layout_make(&c->layout, &c->model->h, err));
    c->items = calloc(c->layout.n_tensors, sizeof *c->items);
    if (c->items == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < c->layout.n_tensors; i++) {
        const weir_planned *t = &c->layout.tensors[i];
        item *it = &c->items[c->n_items++];
        *it = (item){.name = t->name, .n_dims = t->n_dims, .n_rows = t->n_rows};
        memcpy(it->shape, t->shape, sizeof it->shape);
        it->n_cols = t->n_cols;
        find_source(it, c->model, t);
        for (uint64_t e = 0; it->stack != NULL && e < it->n_rows / it->stack_rows; e++)
            if (it->stack[e].format != it->from)
                return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                                 "%s: %s: its experts are %s and %s, expected one type",
                                 weir_model_path(c->model), t->name, it->from->name,
                                 it->stack[e].format->name);
        const weir_format *f32 = weir_format_by_id(WEIR_FORMAT_F32);
        choose(it, c->type == NULL && !t->is_matrix ? f32 : c->type, t->is_matrix);
    }
    return WEIR_STATUS_OK;
}

/* ---- metadata ------------------------------------------------------------------------------ */

/* What was said about the old matrices does not hold for new ones. */
static bool is_about_type(const char *key) {
    static const char imatrix[] = "quantize.imatrix.";
    return strcmp(key, "general.file_type") == 0 ||
           strcmp(key, "general.quantization_version") == 0 ||
           strncmp(key, imatrix, sizeof imatrix - 1) == 0;
}

/* The format that most bytes of the matrices have. */
static const weir_format *main_format(const conversion *c) {
    uint64_t bytes[WEIR_FORMAT_LIMIT] = {0};
    const weir_format *most = weir_format_by_id(WEIR_FORMAT_F32);
    for (size_t i = 0; i < c->n_items; i++) {
        const item *it = &c->items[i];
        if (!weir_layout_is_matrix(it->name))
            continue;
        bytes[it->to->id] += it->n_rows * it->to_row_bytes;
        if (bytes[it->to->id] > bytes[most->id])
            most = it->to;
    }
    return most;
}

static weir_status add_meta(conversion *c, weir_error *err) {
    weir_gguf_writer *w = c->writer;
    const weir_gguf *g = weir_model_gguf(c->model);
    if (g == NULL) {
        weir_hparams_add_meta(w, &c->model->h, c->model->info.name);
        weir_format_add_meta(w, c->type != NULL ? c->type : main_format(c));
        weir_token_table_add_meta(w, &c->tokens, c->has_tokens);
        return weir_sampling_add_meta(w, weir_model_path(c->model), err);
    }
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++) {
        const weir_gguf_kv *kv = weir_gguf_kv_at(g, i);
        if (c->type == NULL || !is_about_type(kv->key))
            weir_gguf_add_kv(w, kv);
    }
    if (c->type != NULL)
        weir_format_add_meta(w, c->type);
    return WEIR_STATUS_OK;
}

/* ---- values -------------------------------------------------------------------------------- */

/* Numbers that the new format cannot hold are an error, not a surprise later on. */
static weir_status check_values(const conversion *c, const float *values, uint64_t row,
                                weir_error *err) {
    const item *it = c->current;
    bool is_block = it->to->block_values > 1;
    if (!is_block && it->to->id != WEIR_FORMAT_F16)
        return WEIR_STATUS_OK;
    const float f16_limit = 65520.0f; /* rounds to infinity */
    for (uint64_t i = 0; i < it->n_cols; i++) {
        float v = values[i];
        if (is_block ? !isfinite(v) : isfinite(v) && fabsf(v) >= f16_limit)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: %s: row %llu, value %llu is %g, which %s cannot hold",
                             weir_model_path(c->model), it->name, (unsigned long long)row,
                             (unsigned long long)i, (double)v, it->to->name);
    }
    return WEIR_STATUS_OK;
}

static const uint8_t *row_data(const item *it, uint64_t row) {
    if (it->data != NULL)
        return it->data + row * it->from_row_bytes;
    return it->stack[row / it->stack_rows].data + row % it->stack_rows * it->from_row_bytes;
}

static weir_status fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                             uint8_t *out, weir_error *err) {
    const conversion *c = context;
    const item *it = c->current;
    if (it->data == NULL && it->stack == NULL) {
        memset(out, 0, (size_t)n_rows * it->to_row_bytes);
        return WEIR_STATUS_OK;
    }
    float *values = c->scratch + worker * c->scratch_cols; /* [n_cols] */
    for (uint64_t i = 0; i < n_rows; i++, out += it->to_row_bytes) {
        const uint8_t *in = row_data(it, row + i);
        if (it->from == it->to) {
            memcpy(out, in, it->to_row_bytes);
            continue;
        }
        it->from->dequantize(in, values, it->n_cols);
        WEIR_TRY(check_values(c, values, row + i, err));
        it->to->quantize(values, out, it->n_cols);
    }
    return WEIR_STATUS_OK;
}

static weir_status take_bytes(void *context, const void *data, size_t n, weir_error *err) {
    conversion *c = context;
    return weir_gguf_write(c->writer, data, n, err);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static weir_status declare(conversion *c, uint64_t *total_bytes, weir_error *err) {
    *total_bytes = 0;
    WEIR_TRY(add_meta(c, err));
    for (size_t i = 0; i < c->n_items; i++) {
        const item *it = &c->items[i];
        weir_gguf_add_tensor(c->writer, it->name, it->to, it->n_dims, it->shape);
        *total_bytes += it->n_rows * it->to_row_bytes;
        if (it->n_cols > c->scratch_cols)
            c->scratch_cols = (size_t)it->n_cols;
    }
    return weir_gguf_begin(c->writer, err);
}

static weir_status write_tensors(conversion *c, const weir_convert_options *options,
                                 weir_error *err) {
    uint64_t total_bytes;
    WEIR_TRY(declare(c, &total_bytes, err));
    WEIR_TRY(
        weir_row_stream_open(&c->stream, options->n_threads, total_bytes, &options->progress, err));
    c->scratch = calloc(c->scratch_cols, weir_row_stream_n_workers(c->stream) * sizeof *c->scratch);
    if (c->scratch == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for rows of %zu values",
                         c->scratch_cols);
    weir_row_stream_aim(c->stream, take_bytes, c);
    for (size_t i = 0; i < c->n_items; i++) {
        c->current = &c->items[i];
        WEIR_TRY(weir_row_stream_tensor(c->stream, c->current->name, c->current->n_rows,
                                        c->current->to_row_bytes, fill_rows, c, err));
    }
    return weir_row_stream_flush(c->stream, err);
}

static weir_status convert(conversion *c, const char *in, const char *out,
                           const weir_convert_options *options, weir_error *err) {
    if (options->type != NULL)
        WEIR_TRY(weir_format_parse(&c->type, options->type, err));
    WEIR_TRY(weir_model_open(&c->model, in, err));
    const weir_gguf *g = weir_model_gguf(c->model);
    if (g != NULL) {
        WEIR_TRY(list_gguf(c, g, err));
    } else {
        WEIR_TRY(list_folder(c, err));
        const weir_hparams *h = &c->model->h;
        weir_vocab_hint hint = {h->n_vocab, h->bos, h->eos, h->pad};
        WEIR_TRY(weir_hf_tokenizer_read(&c->tokens, &c->has_tokens, in, &hint, err));
    }
    WEIR_TRY(weir_gguf_create(&c->writer, out, options->overwrite, err));
    WEIR_TRY(write_tensors(c, options, err));
    return weir_gguf_commit(&c->writer, err);
}

weir_status weir_convert(const char *in, const char *out, const weir_convert_options *options,
                         weir_error *err) {
    if (in == NULL || out == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_convert: a path is NULL");
    const weir_convert_options defaults = {0};
    conversion c = {0};
    weir_status status = convert(&c, in, out, options != NULL ? options : &defaults, err);
    weir_gguf_abort(&c.writer);
    weir_row_stream_close(&c.stream);
    weir_token_table_close(&c.tokens);
    weir_layout_free(&c.layout);
    free(c.items);
    free(c.scratch);
    weir_model_close(&c.model);
    return status;
}
