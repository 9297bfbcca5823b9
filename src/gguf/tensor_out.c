/*
 * tensor_out.c: declared tensors and the stream of their data.
 *
 * Owns the file under construction and the declarations, not the header between them. Invariant:
 * declared names are unique and every shape fits its format, so a header made from them is one
 * that the readers of this room accept; after begin, the file holds the first `current` tensors
 * whole and n_written bytes of the next.
 */
#include "gguf/tensor_out.h"

#include "base/error.h"
#include "gguf/bad_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

weir_status weir_tensor_out_open(weir_tensor_out *to, const char *path, bool overwrite,
                                 size_t alignment, weir_error *err) {
    *to = (weir_tensor_out){.alignment = alignment};
    to->path = strdup(path);
    if (!to->path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    return weir_out_open(&to->file, path, overwrite, err);
}

void weir_tensor_out_close(weir_tensor_out *to) {
    weir_out_abort(&to->file);
    weir_names_clear(&to->names);
    free(to->tensors);
    free(to->path);
    *to = (weir_tensor_out){0};
}

void weir_tensor_out_complain(weir_tensor_out *to, weir_status status, const char *what,
                              const char *name, const char *complaint) {
    if (to->trouble.status == WEIR_STATUS_OK)
        weir_fail(&to->trouble, status, "%s: %s '%.*s': %s", to->path, what,
                  weir_shown(strlen(name)), name, complaint);
}

/* Bytes of a tensor; false if its shape does not fit the format or 63 bits. */
static bool count_bytes(const weir_tensor *t, uint64_t *bytes) {
    uint64_t n_row = t->n_dims > 0 ? t->shape[t->n_dims - 1] : 1;
    uint64_t n_blocks = n_row / t->format->block_values;
    if (n_blocks == 0 || n_row % t->format->block_values != 0 ||
        n_blocks > (uint64_t)INT64_MAX / t->format->block_bytes)
        return false;
    *bytes = n_blocks * t->format->block_bytes;
    for (uint32_t i = 0; i + 1 < t->n_dims; i++) {
        if (t->shape[i] == 0 || *bytes > (uint64_t)INT64_MAX / t->shape[i])
            return false;
        *bytes *= t->shape[i];
    }
    return true;
}

/* What is wrong with a declaration, NULL if nothing. Fills t->bytes. */
static const char *find_fault(const char *name, size_t max_name, const weir_format *format,
                              uint32_t n_dims, const uint64_t *shape, weir_tensor *t) {
    size_t n = strlen(name);
    if (n == 0 || n > max_name)
        return "the name is empty or too long for the file format";
    if (!format)
        return "no number format";
    if (n_dims > WEIR_MAX_DIMS)
        return "more than 4 dimensions";
    *t = (weir_tensor){.format = format, .n_dims = n_dims};
    for (uint32_t i = 0; i < n_dims; i++)
        t->shape[i] = shape[i];
    if (!count_bytes(t, &t->bytes))
        return "the shape has a 0, overflows, or does not fit the blocks of the number format";
    return NULL;
}

static bool make_room(weir_tensor_out *to) {
    if (to->n_tensors < to->cap_tensors)
        return true;
    size_t cap = to->cap_tensors == 0 ? 64 : to->cap_tensors * 2;
    weir_tensor *grown = realloc(to->tensors, cap * sizeof *grown);
    if (!grown)
        return false;
    to->tensors = grown;
    to->cap_tensors = cap;
    return true;
}

void weir_tensor_out_declare(weir_tensor_out *to, const char *name, size_t max_name,
                             const weir_format *format, uint32_t n_dims, const uint64_t *shape) {
    assert(!to->is_begun);
    weir_tensor t;
    size_t number;
    bool is_new;
    const char *fault = find_fault(name, max_name, format, n_dims, shape, &t);
    if (fault) {
        weir_tensor_out_complain(to, WEIR_STATUS_BAD_ARGUMENT, "tensor", name, fault);
        return;
    }
    if (!make_room(to) || !weir_names_add(&to->names, name, strlen(name), &number, &is_new)) {
        weir_tensor_out_complain(to, WEIR_STATUS_NO_MEMORY, "tensor", name, "no memory for it");
        return;
    }
    uint64_t padded = t.bytes + (to->alignment - t.bytes % to->alignment) % to->alignment;
    if (!is_new)
        fault = "is declared twice";
    else if (padded > (uint64_t)INT64_MAX - to->data_bytes)
        fault = "the file would overflow 63 bits";
    if (fault) {
        weir_tensor_out_complain(to, WEIR_STATUS_BAD_ARGUMENT, "tensor", name, fault);
        return;
    }
    t.name = weir_names_at(&to->names, number);
    t.offset = to->data_bytes;
    to->data_bytes += padded;
    to->tensors[to->n_tensors++] = t;
}

weir_status weir_tensor_out_check(const weir_tensor_out *to, weir_error *err) {
    assert(!to->is_begun);
    if (to->trouble.status != WEIR_STATUS_OK)
        return weir_fail(err, to->trouble.status, "%s", to->trouble.text);
    return WEIR_STATUS_OK;
}

weir_status weir_tensor_out_write(weir_tensor_out *to, const void *data, size_t n,
                                  weir_error *err) {
    assert(to->is_begun);
    const uint8_t *bytes = data;
    while (n > 0) {
        if (to->current == to->n_tensors)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "%s: %zu bytes more than the %zu declared tensors have", to->path, n,
                             to->n_tensors);
        uint64_t missing = to->tensors[to->current].bytes - to->n_written;
        size_t piece = n < missing ? n : (size_t)missing;
        WEIR_TRY(weir_out_write(to->file, bytes, piece, err));
        bytes += piece;
        n -= piece;
        to->n_written += piece;
        if (piece < missing)
            break;
        to->current++;
        to->n_written = 0;
        WEIR_TRY(weir_out_pad(to->file, to->alignment, err));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_tensor_out_skip(weir_tensor_out *to, weir_error *err) {
    assert(to->is_begun && to->current < to->n_tensors && to->n_written == 0);
    WEIR_TRY(weir_out_skip(to->file, to->tensors[to->current++].bytes, err));
    return weir_out_pad(to->file, to->alignment, err);
}

weir_status weir_tensor_out_commit(weir_tensor_out *to, weir_error *err) {
    if (!to->is_begun)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: ended before its header was written",
                         to->path);
    if (to->current < to->n_tensors) {
        const weir_tensor *t = &to->tensors[to->current];
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: tensor '%.*s' got %" PRIu64 " of its %" PRIu64 " bytes", to->path,
                         weir_shown(strlen(t->name)), t->name, to->n_written, t->bytes);
    }
    return weir_out_commit(&to->file, err);
}
