/* merge_rows.c: see merge_rows.h. */
#include "train/merge_rows.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what there is -------------------------------------------------------------------------- */

static size_t n_tensors(const weir_model *m) {
    const weir_gguf *g = weir_model_gguf(m);
    return g ? weir_gguf_n_tensors(g) : weir_safetensors_n_tensors(weir_model_safetensors(m));
}

static const weir_tensor *tensor_at(const weir_model *m, size_t i) {
    const weir_gguf *g = weir_model_gguf(m);
    return g ? weir_gguf_tensor_at(g, i) : weir_safetensors_at(weir_model_safetensors(m), i);
}

static weir_status list_items(weir_merge *m, weir_error *err) {
    size_t n = n_tensors(m->model);
    if (m->model->is_hollow)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: the file has no weights, only the seed they are made from",
                         weir_model_path(m->model));
    m->items = calloc(n, sizeof *m->items);
    if (!m->items)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = tensor_at(m->model, i);
        bool is_packed = t->format && t->dtype != WEIR_DTYPE_FORMAT;
        if (!t->format || is_packed)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "%s: %s is %s, which cannot be written into a merged model",
                             weir_model_path(m->model), t->name,
                             is_packed ? "packed" : weir_tensor_type_name(t));
        weir_merge_item *it = &m->items[m->n_items++];
        *it = (weir_merge_item){.tensor = t, .to = t->format};
        it->n_cols = t->n_dims > 0 ? (uint32_t)t->shape[t->n_dims - 1] : 1;
        it->n_rows = it->n_cols > 0 ? weir_tensor_n_values(t) / it->n_cols : 0;
        it->from_row_bytes = weir_format_row_bytes(t->format, it->n_cols);
    }
    return WEIR_STATUS_OK;
}

/* ---- what is adapted ------------------------------------------------------------------------ */

/* Does the tensor hold all rows of w, at which of its own? */
static bool holds(const weir_merge_item *it, const weir_weight *w, uint64_t *row) {
    const weir_tensor *t = it->tensor;
    if (w->data < t->data || w->data >= t->data + t->bytes || it->n_cols != w->cols ||
        t->format != w->format || w->row_bytes != it->from_row_bytes)
        return false;
    size_t at = (size_t)(w->data - t->data);
    *row = at / w->row_bytes;
    return at % w->row_bytes == 0 && *row + w->rows <= it->n_rows;
}

/* A matrix that was copied when the model was opened has its place no longer, but a name. */
static bool is_named(const weir_merge *m, const weir_merge_item *it, const weir_weight *w,
                     uint32_t layer, weir_part part) {
    char name[WEIR_HF_NAME];
    if (weir_model_gguf(m->model))
        weir_part_gguf_name(name, part, layer);
    else
        weir_part_hf_name(name, part, layer, 0);
    return !weir_part_get_names(part)->is_stack && it->n_cols == w->cols && it->n_rows == w->rows &&
           strcmp(it->tensor->name, name) == 0;
}

static weir_status add_patch(weir_merge *m, uint32_t layer, weir_part part, uint32_t expert,
                             float scale, weir_error *err) {
    const weir_weight *w = weir_part_find(m->model, part, layer).weight + expert;
    const weir_lora_pair *pair = weir_lora_find(m->lora, layer, part);
    weir_merge_patch patch = {
        .a = &pair->a[expert], .b = &pair->b[expert], .scale = scale * pair->scale};
    size_t i = 0;
    while (i < m->n_items && !holds(&m->items[i], w, &patch.first_row))
        i++;
    for (patch.item = i; patch.item == m->n_items && i > 0; i--)
        if (is_named(m, &m->items[i - 1], w, layer, part)) {
            patch.item = i - 1;
            patch.first_row = 0;
        }
    if (patch.item == m->n_items)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: %s of layer %u stands in no tensor row by row, so nothing can be "
                         "merged into it",
                         weir_model_path(m->model), weir_part_get_names(part)->name, layer);
    m->patches[m->n_patches++] = patch;
    return WEIR_STATUS_OK;
}

static int by_place(const void *a, const void *b) {
    const weir_merge_patch *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

static weir_status list_patches(weir_merge *m, float scale, weir_error *err) {
    const weir_hparams *h = &m->model->h;
    size_t most = (size_t)h->n_layers * WEIR_N_PARTS * (h->n_experts > 0 ? h->n_experts : 1);
    m->patches = calloc(most, sizeof *m->patches);
    if (!m->patches)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of adapted matrices");
    for (uint32_t layer = 0; layer < h->n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            if (!weir_lora_find(m->lora, layer, (weir_part)part))
                continue;
            bool is_stack = weir_part_get_names((weir_part)part)->is_stack;
            for (uint32_t e = 0; e < (is_stack ? h->n_experts : 1); e++)
                WEIR_TRY(add_patch(m, layer, (weir_part)part, e, scale, err));
        }
    qsort(m->patches, m->n_patches, sizeof *m->patches, by_place);
    for (size_t i = 0; i < m->n_patches; i++) {
        weir_merge_item *it = &m->items[m->patches[i].item];
        if (it->n_patches++ == 0)
            it->patches = &m->patches[i];
    }
    return WEIR_STATUS_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static const weir_merge_patch *patch_of(const weir_merge_item *it, uint64_t row) {
    for (size_t i = 0; i < it->n_patches; i++)
        if (row >= it->patches[i].first_row &&
            row < it->patches[i].first_row + it->patches[i].b->rows)
            return &it->patches[i];
    return NULL;
}

static const float *row_of(const weir_weight *w, uint64_t row) {
    return (const float *)(const void *)(w->data + row * w->row_bytes);
}

static bool is_zero(const float *values, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (values[i] != 0.0f)
            return false;
    return true;
}

/* values [cols] += scale b A, summed in `sum` [cols] first: beside the weights its parts are small.
 */
static void add_row(const weir_merge_patch *p, uint64_t row, float *values, float *sum) {
    uint32_t cols = p->a->cols, rank = p->b->cols;
    const float *b = row_of(p->b, row - p->first_row);
    memset(sum, 0, cols * sizeof *sum);
    for (uint32_t k = 0; k < rank; k++) {
        const float *a = row_of(p->a, k);
        for (uint32_t i = 0; i < cols; i++)
            sum[i] += b[k] * a[i];
    }
    for (uint32_t i = 0; i < cols; i++)
        values[i] += p->scale * sum[i];
}

static weir_status check_values(const weir_merge_item *it, const float *values, uint64_t row,
                                weir_error *err) {
    const float limit = it->to->id == WEIR_FORMAT_F16 ? 65520.0f : INFINITY; /* rounds beyond */
    for (uint32_t i = 0; i < it->n_cols; i++)
        if (!(fabsf(values[i]) < limit))
            return weir_fail(
                err, WEIR_STATUS_FAILED, "%s: row %llu, value %u becomes %g, which %s cannot hold",
                it->tensor->name, (unsigned long long)row, i, (double)values[i], it->to->name);
    return WEIR_STATUS_OK;
}

static weir_status fill_rows(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                             uint8_t *out, weir_error *err) {
    const weir_merge *m = context;
    const weir_merge_item *it = m->current;
    float *values = m->scratch + 2 * worker * m->scratch_cols, *sum = values + m->scratch_cols;
    for (uint64_t end = row + n_rows; row < end; row++, out += it->to_row_bytes) {
        const uint8_t *in = it->tensor->data + row * it->from_row_bytes;
        const weir_merge_patch *p = patch_of(it, row);
        bool changes = p && !is_zero(row_of(p->b, row - p->first_row), p->b->cols);
        if (!changes && it->to == it->tensor->format) {
            memcpy(out, in, it->to_row_bytes);
            continue;
        }
        it->tensor->format->dequantize(in, values, it->n_cols);
        if (changes)
            add_row(p, row, values, sum);
        WEIR_TRY(check_values(it, values, row, err));
        it->to->quantize(values, NULL, out, it->n_cols);
    }
    return WEIR_STATUS_OK;
}

/* ---- all of it ------------------------------------------------------------------------------ */

weir_status weir_merge_open(weir_merge *m, const weir_model *model, const weir_lora *lora,
                            const weir_format *type, const weir_merge_options *options,
                            weir_error *err) {
    *m = (weir_merge){.model = model, .lora = lora};
    float scale = options->scale != 0 ? options->scale : 1;
    if (!isfinite(scale))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "scale is %g, expected a finite number",
                         (double)scale);
    WEIR_TRY(list_items(m, err));
    WEIR_TRY(list_patches(m, scale, err));
    for (size_t i = 0; i < m->n_items; i++) {
        weir_merge_item *it = &m->items[i];
        if (it->n_patches > 0 && type)
            it->to = weir_format_for_row(type, it->n_cols);
        it->to_row_bytes = weir_format_row_bytes(it->to, it->n_cols);
        m->total_bytes += it->n_rows * it->to_row_bytes;
        if (it->n_cols > m->scratch_cols)
            m->scratch_cols = it->n_cols;
    }
    WEIR_TRY(weir_row_stream_open(&m->stream, options->n_threads, m->total_bytes,
                                  &options->progress, err));
    m->scratch =
        calloc(2 * m->scratch_cols, weir_row_stream_n_workers(m->stream) * sizeof *m->scratch);
    if (!m->scratch)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for rows of %zu values",
                         m->scratch_cols);
    return WEIR_STATUS_OK;
}

void weir_merge_close(weir_merge *m) {
    weir_row_stream_close(&m->stream);
    free(m->items);
    free(m->patches);
    free(m->scratch);
    *m = (weir_merge){0};
}

weir_status weir_merge_write_item(weir_merge *m, const weir_merge_item *item, weir_error *err) {
    m->current = item;
    return weir_row_stream_tensor(m->stream, item->tensor->name, item->n_rows, item->to_row_bytes,
                                  fill_rows, m, err);
}
