/*
 * safetensors_write.c: writes one .safetensors file.
 *
 * Owns the JSON header; tensors and their data are tensor_out.c. The data is packed without
 * padding, as the format demands. Invariant: what begin writes is a header that
 * safetensors_read.c and the official library accept for the data that follows.
 */
#include "gguf/safetensors.h"

#include "base/error.h"
#include "gguf/safetensors_internal.h"
#include "gguf/tensor_out.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_ALIGNMENT = 8, /* the data starts at a multiple, after spaces */
    MAX_NAME = 4096       /* far over any real one; the header is bounded anyway */
};

static const char METADATA[] = "__metadata__";

struct weir_safetensors_writer {
    weir_tensor_out tensors;
    json_t *meta; /* the entry __metadata__ */
};

weir_status weir_safetensors_create(weir_safetensors_writer **out, const char *path, bool overwrite,
                                    weir_error *err) {
    *out = NULL;
    weir_safetensors_writer *w = calloc(1, sizeof *w);
    if (!w)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    weir_status status = weir_tensor_out_open(&w->tensors, path, overwrite, 1, err);
    /* Loaders of the reference implementation ask for this entry. */
    w->meta = json_pack("{s:s}", "format", "pt");
    if (status == WEIR_STATUS_OK && !w->meta)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    if (status != WEIR_STATUS_OK) {
        weir_safetensors_abort(&w);
        return status;
    }
    *out = w;
    return WEIR_STATUS_OK;
}

void weir_safetensors_abort(weir_safetensors_writer **w) {
    if (!w || !*w)
        return;
    weir_tensor_out_close(&(*w)->tensors);
    json_decref((*w)->meta);
    free(*w);
    *w = NULL;
}

/* NULL for formats that safetensors does not have. */
static const char *dtype_name(const weir_format *format) {
    switch (format->id) {
    case WEIR_FORMAT_F32:
        return "F32";
    case WEIR_FORMAT_F16:
        return "F16";
    case WEIR_FORMAT_BF16:
        return "BF16";
    default:
        return NULL;
    }
}

void weir_safetensors_add(weir_safetensors_writer *w, const char *name, const weir_format *format,
                          uint32_t n_dims, const uint64_t *shape) {
    const char *fault = NULL;
    if (format && !dtype_name(format))
        fault = "only f32, f16 and bf16 can be in a safetensors file";
    else if (strcmp(name, METADATA) == 0)
        fault = "is no name for a tensor";
    if (fault)
        weir_tensor_out_complain(&w->tensors, WEIR_STATUS_BAD_ARGUMENT, "tensor", name, fault);
    else
        weir_tensor_out_declare(&w->tensors, name, MAX_NAME, format, n_dims, shape);
}

void weir_safetensors_add_meta(weir_safetensors_writer *w, const char *key, const char *value) {
    json_t *text = json_string(value); /* NULL: not UTF-8, or no memory */
    if (!text || json_object_set_new(w->meta, key, text) != 0)
        weir_tensor_out_complain(&w->tensors, WEIR_STATUS_BAD_ARGUMENT, "metadata", key,
                                 "key and value must be UTF-8");
}

/* The header's entry of a tensor, NULL without memory. */
static json_t *tensor_json(const weir_tensor *t) {
    json_t *shape = json_array();
    int failed = shape == NULL;
    for (uint32_t i = 0; i < t->n_dims && !failed; i++)
        failed = json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    if (failed) {
        json_decref(shape);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->format), "shape", shape,
                     "data_offsets", (json_int_t)t->offset, (json_int_t)(t->offset + t->bytes));
}

static weir_status header_json(const weir_tensor_out *to, json_t *meta, json_t **out,
                               weir_error *err) {
    json_t *root = json_pack("{s:O}", METADATA, meta);
    for (size_t i = 0; i < to->n_tensors && root; i++) {
        json_t *name = json_string(to->tensors[i].name); /* NULL: not UTF-8 */
        bool is_text = name != NULL;
        json_decref(name);
        if (!is_text) {
            json_decref(root);
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "%s: the name of tensor %zu is not UTF-8", to->path, i);
        }
        if (json_object_set_new(root, to->tensors[i].name, tensor_json(&to->tensors[i]))) {
            json_decref(root);
            root = NULL;
        }
    }
    if (!root)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the header", to->path);
    *out = root;
    return WEIR_STATUS_OK;
}

/* Length, JSON, and spaces up to the alignment. */
static weir_status write_header(weir_tensor_out *to, const char *json, size_t n, weir_error *err) {
    size_t n_spaces = (HEADER_ALIGNMENT - n % HEADER_ALIGNMENT) % HEADER_ALIGNMENT;
    if (n + n_spaces > WEIR_SAFETENSORS_MAX_JSON)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: a header of %zu bytes, at most %d fit",
                         to->path, n, (int)WEIR_SAFETENSORS_MAX_JSON);
    uint8_t length[8];
    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)((uint64_t)(n + n_spaces) >> (8 * i));
    WEIR_TRY(weir_out_write(to->file, length, sizeof length, err));
    WEIR_TRY(weir_out_write(to->file, json, n, err));
    return weir_out_write(to->file, "        ", n_spaces, err);
}

weir_status weir_safetensors_begin(weir_safetensors_writer *w, weir_error *err) {
    weir_tensor_out *to = &w->tensors;
    json_t *root = NULL;
    WEIR_TRY(weir_tensor_out_check(to, err));
    WEIR_TRY(header_json(to, w->meta, &root, err));
    char *json = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!json)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the header", to->path);
    weir_status status = write_header(to, json, strlen(json), err);
    free(json);
    to->is_begun = status == WEIR_STATUS_OK;
    return status;
}

weir_status weir_safetensors_write(weir_safetensors_writer *w, const void *data, size_t n,
                                   weir_error *err) {
    return weir_tensor_out_write(&w->tensors, data, n, err);
}

weir_status weir_safetensors_commit(weir_safetensors_writer **w, weir_error *err) {
    weir_status status = weir_tensor_out_commit(&(*w)->tensors, err);
    weir_safetensors_abort(w);
    return status;
}
