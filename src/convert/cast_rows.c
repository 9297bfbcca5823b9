/* cast_rows.c: see cast_rows.h. */
#include "convert/cast_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

weir_status weir_cast_open(weir_cast *c, const weir_source *source, uint32_t n_workers,
                           weir_error *err) {
    *c = (weir_cast){.source = source};
    for (size_t i = 0; i < weir_source_n_tensors(source); i++) {
        const weir_source_tensor *t = weir_source_tensor_at(source, i);
        c->values_cap = t->n_cols > c->values_cap ? (size_t)t->n_cols : c->values_cap;
        c->row_cap = t->row_bytes > c->row_cap ? t->row_bytes : c->row_cap;
    }
    c->values = calloc(c->values_cap, n_workers * sizeof *c->values);
    c->rows = calloc(c->row_cap, n_workers);
    if (c->values == NULL || c->rows == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for rows of %zu values",
                         c->values_cap);
    return WEIR_STATUS_OK;
}

void weir_cast_close(weir_cast *c) {
    free(c->rows);
    free(c->values);
    *c = (weir_cast){0};
}

void weir_cast_aim(weir_cast *c, size_t index, const weir_format *to, uint64_t first_row) {
    c->index = index;
    c->from = weir_source_tensor_at(c->source, index);
    c->to = to;
    c->row_bytes = weir_format_row_bytes(to, c->from->n_cols);
    c->first_row = first_row;
}

/* The least magnitude that rounds to infinity; 0: every number fits. */
static float limit_of(const weir_format *to) {
    switch (to->id) {
    case WEIR_FORMAT_F16:
        return 65520.0f;
    case WEIR_FORMAT_BF16:
        return 0x1.ffp127f;
    default:
        return 0.0f;
    }
}

/* Numbers that the new format cannot hold are an error, not a surprise later on. */
weir_status weir_cast_check_row(const weir_source *source, const weir_source_tensor *t,
                                const weir_format *to, const float *values, uint64_t row,
                                weir_error *err) {
    bool is_block = to->block_values > 1;
    float limit = limit_of(to);
    if (!is_block && limit == 0.0f)
        return WEIR_STATUS_OK;
    for (uint64_t i = 0; i < t->n_cols; i++) {
        float v = values[i];
        if (is_block ? !isfinite(v) : isfinite(v) && fabsf(v) >= limit)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: %s: row %llu, value %llu is %g, which %s cannot hold",
                             weir_source_path(source), t->name, (unsigned long long)row,
                             (unsigned long long)i, (double)v, to->name);
    }
    return WEIR_STATUS_OK;
}

weir_status weir_cast_fill(void *context, uint32_t worker, uint64_t row, uint64_t n_rows,
                           uint8_t *out, weir_error *err) {
    const weir_cast *c = context;
    uint8_t *scratch = c->rows + worker * c->row_cap;
    float *values = c->values + worker * c->values_cap; /* [n_cols] */
    row += c->first_row;
    for (uint64_t i = 0; i < n_rows; i++, out += c->row_bytes) {
        const uint8_t *in = weir_source_row(c->source, c->index, row + i, scratch);
        if (c->from->format == c->to) {
            memcpy(out, in, c->row_bytes);
            continue;
        }
        c->from->format->dequantize(in, values, c->from->n_cols);
        WEIR_TRY(weir_cast_check_row(c->source, c->from, c->to, values, row + i, err));
        weir_format_quantize(c->to, values, NULL, out, c->from->n_cols);
    }
    return WEIR_STATUS_OK;
}

bool weir_cast_is_exact(const weir_cast *c, size_t index, const weir_format *to) {
    const weir_source_tensor *t = weir_source_tensor_at(c->source, index);
    if (t->format == to)
        return true;
    for (uint64_t row = 0; row < t->n_rows; row++) {
        const uint8_t *in = weir_source_row(c->source, index, row, c->rows);
        t->format->dequantize(in, c->values, t->n_cols);
        for (uint64_t i = 0; i < t->n_cols; i++) {
            uint8_t code[sizeof(float)];
            float back;
            weir_format_quantize(to, &c->values[i], NULL, code, 1);
            to->dequantize(code, &back, 1);
            if (memcmp(&back, &c->values[i], sizeof back) != 0)
                return false;
        }
    }
    return true;
}
