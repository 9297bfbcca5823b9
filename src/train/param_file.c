/* param_file.c: a graph's tensors as those of a safetensors file. */
#include "train/param_file.h"

#include "base/error.h"

#include <stdio.h>

enum { FULL_NAME = WEIR_PARAM_NAME + 16 };

size_t weir_param_n_values(const weir_param *param) {
    return (size_t)param->rows * param->cols;
}

void weir_param_declare(weir_safetensors_writer *w, const weir_param *param, const char *prefix) {
    char name[FULL_NAME];
    uint64_t shape[3] = {param->rows, param->cols, 0};
    uint32_t n_dims = 2;
    if (param->kind == WEIR_PARAM_TAPS) {
        shape[2] = param->cols;
        shape[1] = 1;
        n_dims = 3;
    } else if (param->kind == WEIR_PARAM_VECTOR) {
        shape[0] = weir_param_n_values(param);
        n_dims = 1;
    }
    snprintf(name, sizeof name, "%s%s", prefix, param->name);
    weir_safetensors_add(w, name, weir_format_by_id(WEIR_FORMAT_F32), n_dims, shape);
}

void weir_expert_bias_name(char name[WEIR_PARAM_NAME], uint32_t layer) {
    snprintf(name, WEIR_PARAM_NAME, "model.layers.%u.feed_forward.expert_bias", layer);
}

void weir_expert_bias_declare(weir_safetensors_writer *w, const weir_expert_load *load,
                              uint32_t n_experts) {
    char name[WEIR_PARAM_NAME];
    uint64_t n = n_experts;
    weir_expert_bias_name(name, load->layer);
    if (load->bias)
        weir_safetensors_add(w, name, weir_format_by_id(WEIR_FORMAT_F32), 1, &n);
}

weir_status weir_param_find(const weir_safetensors *st, const char *path, const char *prefix,
                            const char *name, size_t n, const uint8_t **values, weir_error *err) {
    char full[FULL_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const weir_tensor *t = weir_safetensors_find(st, full);
    if (!t)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: tensor '%s' is missing", path, full);
    if (!t->format || t->format->id != WEIR_FORMAT_F32 || weir_tensor_n_values(t) != n)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: tensor '%s': expected %zu values of f32",
                         path, full, n);
    *values = t->data;
    return WEIR_STATUS_OK;
}
