/*
 * fp8.c: weights in FP8, E4M3 without infinities, with scales: value = scale x code.
 *
 * The scales are one tensor beside the weights, weight_scale as compressed-tensors calls it or
 * weight_scale_inv as transformers does (by which one multiplies all the same), behind the whole
 * name for merged experts. There is one for a tensor, a matrix, a row or a block, as its shape
 * tells; the size of blocks stands in config.json.
 */
#include <string.h>

#include "base/compiler.h"
#include "base/ending.h"
#include "base/error.h"
#include "base/half.h"
#include "model/packing_kinds.h"
#include "quant/format_f8.h"

enum { DEFAULT_BLOCK = 128, CHUNK = 128 };

/* ---- codes --------------------------------------------------------------------------------- */

/* Sign, 4 bits of exponent (bias 7), 3 of mantissa. Read as the top of a float32, whose bias is
 * 127, a code is 2^-120 of its value. The largest code of either sign is NaN. */
static float value_of(uint8_t code) {
    uint32_t sign = (uint32_t)(code & 0x80u) << 24, rest = code & 0x7fu;
    float value = weir_bits_f32(sign | rest << 20) * 0x1p120f;
    return rest == 0x7fu ? weir_bits_f32(sign | 0x7fc00000u) : value;
}

static float scale_at(const weir_packed *p, uint64_t i) {
    float scale;
    p->scales.format->dequantize(p->scales.data + i * p->scales.format->block_bytes, &scale, 1);
    return scale;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Number of the first scale of a row. */
static uint64_t first_scale_of(const weir_packed *p, uint64_t row) {
    return row / p->matrix_rows * p->matrix_scales +
           row % p->matrix_rows / p->block_rows * p->n_block_cols;
}

static void unpack_row(const weir_packed *p, uint64_t row, uint8_t *out) {
    const uint8_t *codes = p->data + row * p->row_bytes;
    uint64_t first_scale = first_scale_of(p, row), n;
    for (uint64_t at = 0; at < p->n_cols; at += n) {
        uint64_t left_in_block = p->block_cols - at % p->block_cols;
        n = least(least(left_in_block, p->n_cols - at), CHUNK);
        float scale = scale_at(p, first_scale + at / p->block_cols);
        float values[CHUNK];
        for (uint64_t i = 0; i < n; i++)
            values[i] = scale * value_of(codes[at + i]);
        weir_format_quantize(p->format, values, NULL, out, (size_t)n);
        out += weir_format_row_bytes(p->format, (size_t)n);
    }
}

bool weir_fp8_is_blocks(const weir_packed *p) {
    bool is_one = p->n_block_cols == 1; /* for a row, whatever block_cols says */
    return p->unpack == unpack_row && p->n_cols % WEIR_F8_VALUES == 0 &&
           (is_one || p->block_cols % WEIR_F8_VALUES == 0);
}

void weir_fp8_blocks(const weir_packed *p, uint64_t row, uint8_t *out) {
    const uint8_t *codes = p->data + row * p->row_bytes;
    uint64_t first_scale = first_scale_of(p, row);
    for (uint64_t at = 0; at < p->n_cols; at += WEIR_F8_VALUES) {
        weir_f8_store(out, scale_at(p, first_scale + at / p->block_cols), codes + at);
        out += weir_format_f8.block_bytes;
    }
}

/* ---- scales --------------------------------------------------------------------------------
 */

static uint64_t parts_of(uint64_t n, uint64_t size) {
    return (n + size - 1) / size;
}

static bool as_block(const json_t *list, uint64_t *rows, uint64_t *cols) {
    json_int_t r = json_integer_value(json_array_get(list, 0));
    json_int_t c = json_integer_value(json_array_get(list, 1));
    if (json_array_size(list) != 2 || r < 1 || c < 1)
        return false;
    *rows = (uint64_t)r;
    *cols = (uint64_t)c;
    return true;
}

/* weight_block_size of transformers, or the first group's of compressed-tensors. */
static void find_block(const weir_fold *f, uint64_t *rows, uint64_t *cols) {
    json_t *settings = json_object_get(f->config, "quantization_config"), *group;
    const char *name;
    *rows = *cols = DEFAULT_BLOCK;
    if (as_block(json_object_get(settings, "weight_block_size"), rows, cols))
        return;
    json_object_foreach(json_object_get(settings, "config_groups"), name, group) {
        if (as_block(json_object_get(json_object_get(group, "weights"), "block_structure"), rows,
                     cols))
            return;
    }
}

/* Which values a scale is for follows from how many there are: dimensions of 1 carry nothing. */
static bool place_scales(const weir_fold *f, weir_packed *p) {
    const weir_tensor *s = &p->scales;
    uint64_t n_matrices = p->n_dims == 3 ? p->shape[0] : 1;
    uint64_t rows = p->shape[p->n_dims - 2], cols = p->shape[p->n_dims - 1];
    uint64_t shape[WEIR_MAX_DIMS] = {0}; /* of the scales as [matrices, rows, cols] */
    uint32_t n_dims = s->n_dims, n_missing = 3 - (n_dims < 3 ? n_dims : 3);
    uint64_t n_scales = weir_tensor_n_values(s);
    p->matrix_rows = rows;
    p->block_rows = rows;
    p->block_cols = cols;
    p->n_block_cols = 1;
    if (n_scales == 1) { /* one for all: it is never moved on from */
        p->matrix_rows = rows * n_matrices;
        p->block_rows = p->matrix_rows;
        return true;
    }
    if (n_dims > 3)
        return false;
    for (uint32_t i = 0; i < 3; i++)
        shape[i] = i < n_missing ? 1 : s->shape[i - n_missing];
    if (n_dims == 1) { /* one for a matrix of a stack, or one for a row */
        shape[p->n_dims == 3 ? 0 : 1] = s->shape[0];
        shape[2] = 1;
    }
    uint64_t block_rows, block_cols;
    find_block(f, &block_rows, &block_cols);
    if (shape[1] == rows && shape[2] == 1) {
        p->block_rows = 1;
    } else if (shape[1] != 1 || shape[2] != 1) {
        if (shape[1] != parts_of(rows, block_rows) || shape[2] != parts_of(cols, block_cols))
            return false;
        p->block_rows = block_rows;
        p->block_cols = block_cols;
        p->n_block_cols = shape[2];
    }
    p->matrix_scales = shape[1] * shape[2];
    return shape[0] == n_matrices;
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* What the values were before they were packed, where the folder says it. */
static const weir_format *model_format(const weir_fold *f) {
    const char *dtype = json_string_value(json_object_get(f->config, "dtype"));
    if (dtype == NULL)
        dtype = json_string_value(json_object_get(f->config, "torch_dtype"));
    if (dtype != NULL && strcmp(dtype, "float16") == 0)
        return weir_format_by_id(WEIR_FORMAT_F16);
    if (dtype != NULL && strcmp(dtype, "float32") == 0)
        return weir_format_by_id(WEIR_FORMAT_F32);
    return weir_format_by_id(WEIR_FORMAT_BF16);
}

bool weir_fp8_is_idle(const char *name) {
    static const char *const ends[] = {".input_scale", "_activation_scale", ".activation_scale",
                                       ".q_scale",     ".k_scale",          ".v_scale"};
    for (size_t i = 0; i < WEIR_COUNT(ends); i++)
        if (weir_ends_with(name, ends[i]))
            return true;
    return false;
}

weir_status weir_fp8_describe(const weir_fold *f, const weir_tensor *t, weir_packed *p) {
    if (t->n_dims != 2 && t->n_dims != 3)
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.100s: type f8_e4m3, expected two or three dimensions", t->name);
    p->n_dims = t->n_dims;
    memcpy(p->shape, t->shape, sizeof p->shape);
    p->row_bytes = (size_t)t->shape[t->n_dims - 1];
    const weir_tensor *scale = weir_fold_part(f, t->name, strlen(t->name), "_scale");
    const weir_tensor *inverse = weir_fold_part(f, t->name, strlen(t->name), "_scale_inv");
    if ((scale == NULL) == (inverse == NULL))
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.100s: type f8_e4m3, expected its scales as %.100s_scale or "
                         "_scale_inv",
                         t->name, t->name);
    p->scales = scale != NULL ? *scale : *inverse;
    if (!weir_is_plain_float(&p->scales) || !place_scales(f, p))
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.100s: expected f32, f16 or bf16 and one value for all, for a "
                         "row or for a block of the weights",
                         p->scales.name);
    p->format = model_format(f);
    p->unpack = unpack_row;
    return WEIR_STATUS_OK;
}
