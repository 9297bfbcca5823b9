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

/* The values that a row can take: above -below, and less than `above` over zero or, where the
 * values of a group have a minimum in common, over the lowest of them if that is below zero. */
typedef struct reach {
    float below, above;
    uint32_t n_group; /* values with a common minimum; 0: there is none */
    bool is_finite;   /* infinities are out of reach, and NaN is too */
} reach;

/* Of float16, in which scales are stored. */
#define LARGEST_SCALE 65504.0f

static reach reach_of_levels(float n) {
    return (reach){n * LARGEST_SCALE, n * LARGEST_SCALE, 0, true};
}

/* Of blocks: half a step beyond the last level of the largest scale, which is rounded to that
 * level; of others the least magnitude that rounds to infinity. */
static reach reach_of(const weir_format *to) {
    switch (to->id) {
    case WEIR_FORMAT_F16:
        return (reach){65520.0f, 65520.0f, 0, false};
    case WEIR_FORMAT_BF16:
        return (reach){0x1.ffp127f, 0x1.ffp127f, 0, false};
    case WEIR_FORMAT_Q8_0:
        return reach_of_levels(127.5f);
    case WEIR_FORMAT_Q6_K:
        return reach_of_levels(128 * 32.5f);
    case WEIR_FORMAT_Q5_K:
        return (reach){63.5f * LARGEST_SCALE, 63 * 31.5f * LARGEST_SCALE, 32, true};
    case WEIR_FORMAT_Q5_1:
        return (reach){65520.0f, 31.5f * LARGEST_SCALE, 32, true};
    case WEIR_FORMAT_Q5_0:
        return reach_of_levels(16.5f);
    case WEIR_FORMAT_Q4_K:
        return (reach){63.5f * LARGEST_SCALE, 63 * 15.5f * LARGEST_SCALE, 32, true};
    case WEIR_FORMAT_Q4_1:
        return (reach){65520.0f, 15.5f * LARGEST_SCALE, 32, true};
    case WEIR_FORMAT_Q4_0:
        return reach_of_levels(8.5f);
    case WEIR_FORMAT_IQ4_NL:
        return reach_of_levels(138.5f);
    case WEIR_FORMAT_IQ4_XS:
        return reach_of_levels(32 * 138.5f);
    case WEIR_FORMAT_Q3_K:
        return reach_of_levels(32 * 4.5f);
    case WEIR_FORMAT_Q2_K:
        return (reach){15.5f * LARGEST_SCALE, 15 * 3.5f * LARGEST_SCALE, 16, true};
    default: /* MXFP4: its scales go as far as floats do */
        return (reach){INFINITY, INFINITY, 0, true};
    }
}

/* What values of the group [n] count from. */
static float lowest_of(const reach *r, const float *group, uint64_t n) {
    float low = 0.0f;
    for (uint64_t i = 0; i < n && r->n_group > 0; i++)
        low = group[i] < low ? group[i] : low;
    return low > -r->below ? low : -r->below;
}

/* Numbers that the new format cannot hold are an error, not a surprise later on. */
weir_status weir_cast_check_row(const weir_source *source, const weir_source_tensor *t,
                                const weir_format *to, const float *values, uint64_t row,
                                weir_error *err) {
    if (to->id == WEIR_FORMAT_F32)
        return WEIR_STATUS_OK;
    reach r = reach_of(to);
    uint64_t n_group = r.n_group > 0 ? r.n_group : t->n_cols;
    for (uint64_t at = 0; at < t->n_cols; at += n_group) {
        float low = lowest_of(&r, values + at, n_group);
        for (uint64_t i = at; i < at + n_group; i++) {
            float v = values[i];
            if (isfinite(v) ? v <= -r.below || v - low >= r.above : r.is_finite)
                return weir_fail(err, WEIR_STATUS_BAD_FILE,
                                 "%s: %s: row %llu, value %llu is %g, which %s cannot hold",
                                 weir_source_path(source), t->name, (unsigned long long)row,
                                 (unsigned long long)i, (double)v, to->name);
        }
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
