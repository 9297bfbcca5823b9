/*
 * mlx.c: the affine packing of MLX: value = scale x code + bias.
 *
 * Codes of 2, 3, 4, 5, 6 or 8 bits stand in a row one after the other, lowest bits first, in 32-bit
 * words; 32, 64 or 128 of them share a scale and a bias, which are tensors beside the words. The
 * width of codes and groups stands in config.json, for all tensors or for one.
 */
#include <stdio.h>
#include <string.h>

#include "base/ending.h"
#include "base/error.h"
#include "model/packing_kinds.h"

enum { MOST_GROUP = 128, WORD_BITS = 32, STEM_BYTES = 256 };

static const char WEIGHT[] = ".weight";

/* ---- settings ------------------------------------------------------------------------------ */

static weir_status bad_settings(const weir_fold *f, const char *name, const char *complaint) {
    return weir_fail(f->err, WEIR_STATUS_BAD_FILE, "config.json: 'quantization' of %.100s: %s",
                     name, complaint);
}

static bool as_u32(const json_t *value, uint32_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > MOST_GROUP)
        return false;
    *out = (uint32_t)json_integer_value(value);
    return true;
}

/* The settings of all, unless the tensor has an entry of its own. */
static const json_t *settings_of(const weir_fold *f, const char *name, size_t n_stem) {
    const json_t *all = json_object_get(f->config, "quantization");
    if (!json_is_object(all))
        all = json_object_get(f->config, "quantization_config");
    char stem[STEM_BYTES];
    snprintf(stem, sizeof stem, "%.*s", (int)n_stem, name);
    const json_t *own = json_object_get(all, stem);
    return own == NULL || json_is_true(own) ? all : own;
}

static weir_status read_settings(const weir_fold *f, const char *name, size_t n_stem,
                                 weir_packed *p) {
    const json_t *settings = settings_of(f, name, n_stem);
    if (!json_is_object(settings))
        return bad_settings(f, name, "is missing, and the tensor is packed");
    const json_t *mode = json_object_get(settings, "mode");
    if (mode != NULL && !(json_is_string(mode) && strcmp(json_string_value(mode), "affine") == 0))
        return weir_fail(f->err, WEIR_STATUS_UNSUPPORTED,
                         "config.json: 'quantization' of %.100s: mode '%.20s' is not supported, "
                         "expected 'affine'",
                         name, json_is_string(mode) ? json_string_value(mode) : "?");
    if (!as_u32(json_object_get(settings, "bits"), &p->bits) || p->bits < 2 || p->bits == 7 ||
        p->bits > 8)
        return bad_settings(f, name, "expected 'bits' of 2, 3, 4, 5, 6 or 8");
    if (!as_u32(json_object_get(settings, "group_size"), &p->group) ||
        (p->group != 32 && p->group != 64 && p->group != MOST_GROUP))
        return bad_settings(f, name, "expected a 'group_size' of 32, 64 or 128");
    return WEIR_STATUS_OK;
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* Scales and biases: one of each for a group. */
static weir_status check_beside(const weir_fold *f, const weir_packed *p, const weir_tensor *t,
                                const char *what) {
    if (t == NULL)
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE, "tensor %.100s is packed and has no .%s",
                         p->name, what);
    bool fits = t->n_dims == p->n_dims && weir_is_plain_float(t);
    for (uint32_t i = 0; fits && i < p->n_dims; i++)
        fits = t->shape[i] == (i + 1 < p->n_dims ? p->shape[i] : p->shape[i] / p->group);
    if (!fits)
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.100s: expected f32, f16 or bf16 and one value for %u of the "
                         "%llu columns",
                         t->name, p->group, (unsigned long long)p->shape[p->n_dims - 1]);
    return WEIR_STATUS_OK;
}

static uint32_t code_at(const uint8_t *row, uint64_t i, uint32_t bits) {
    uint64_t at = i * bits;
    const uint8_t *bytes = row + at / 8;
    uint32_t shift = (uint32_t)(at % 8), word = bytes[0];
    if (shift + bits > 8) /* else the next byte may be another tensor's, or none */
        word |= (uint32_t)bytes[1] << 8;
    return word >> shift & ((1u << bits) - 1);
}

static float value_at(const weir_tensor *t, uint64_t i) {
    float value;
    t->format->dequantize(t->data + i * t->format->block_bytes, &value, 1);
    return value;
}

static void unpack_row(const weir_packed *p, uint64_t row, uint8_t *out) {
    const uint8_t *codes = p->data + row * p->row_bytes;
    uint64_t n_groups = p->n_cols / p->group;
    for (uint64_t g = 0; g < n_groups; g++) {
        float scale = value_at(&p->scales, row * n_groups + g);
        float bias = value_at(&p->biases, row * n_groups + g);
        float values[MOST_GROUP];
        for (uint32_t i = 0; i < p->group; i++)
            values[i] = scale * (float)code_at(codes, g * p->group + i, p->bits) + bias;
        weir_format_quantize(p->format, values, NULL, out, p->group);
        out += weir_format_row_bytes(p->format, p->group);
    }
}

weir_status weir_mlx_describe(const weir_fold *f, const weir_tensor *t, weir_packed *p) {
    size_t n_stem = strlen(t->name);
    if (!weir_ends_with(t->name, WEIGHT) || n_stem >= STEM_BYTES ||
        (t->n_dims != 2 && t->n_dims != 3))
        return weir_fail(f->err, WEIR_STATUS_UNSUPPORTED,
                         "tensor %.100s: type u32, expected packed weights of two or three "
                         "dimensions",
                         t->name);
    n_stem -= sizeof WEIGHT - 1;
    WEIR_TRY(read_settings(f, t->name, n_stem, p));
    p->n_dims = t->n_dims;
    memcpy(p->shape, t->shape, sizeof p->shape);
    uint64_t *cols = &p->shape[p->n_dims - 1];
    p->row_bytes = (size_t)*cols * (WORD_BITS / 8);
    *cols = *cols * WORD_BITS / p->bits;
    if (*cols % p->group != 0 || *cols * p->bits != p->row_bytes * 8)
        return weir_fail(f->err, WEIR_STATUS_BAD_FILE,
                         "tensor %.100s: rows of %zu bytes hold no groups of %u codes of %u bits",
                         t->name, p->row_bytes, p->group, p->bits);
    const weir_tensor *scales = weir_fold_part(f, t->name, n_stem, ".scales");
    const weir_tensor *biases = weir_fold_part(f, t->name, n_stem, ".biases");
    WEIR_TRY(check_beside(f, p, scales, "scales"));
    WEIR_TRY(check_beside(f, p, biases, "biases"));
    p->scales = *scales;
    p->biases = *biases;
    p->format = scales->format;
    p->unpack = unpack_row;
    return WEIR_STATUS_OK;
}
