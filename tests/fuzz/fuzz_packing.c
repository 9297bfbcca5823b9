/* fuzz_packing.c: any bytes as a config.json, a zero byte, and a safetensors file with packed
 * weights; what is taken is unpacked at both ends, what is not says why in one line. */
#include <stdlib.h>
#include <string.h>

#include "model/packing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void walk_row(const weir_packings *packings, const weir_tensor *t, uint64_t row,
                     size_t row_bytes, const uint8_t *data, size_t size) {
    const uint8_t *address = t->data + row * row_bytes;
    uint8_t *out = malloc(row_bytes);
    demand(out != NULL && weir_packings_own(packings, address));
    weir_packings_row(packings, address, out);
    free(out);
    weir_packing_piece pieces[WEIR_PACKING_PIECES];
    size_t n = weir_packings_stored(packings, address, row_bytes, pieces);
    demand(n == 1 || n == WEIR_PACKING_PIECES);
    for (size_t i = 0; i < n; i++)
        demand(pieces[i].data >= data && pieces[i].bytes <= size &&
               pieces[i].data + pieces[i].bytes <= data + size);
}

static void walk_packed(const weir_packings *packings, const weir_tensor *t, const uint8_t *data,
                        size_t size) {
    demand(t->dtype != WEIR_DTYPE_FORMAT && t->format != NULL && t->n_dims >= 2);
    uint64_t n_cols = t->shape[t->n_dims - 1], n_rows = weir_tensor_n_values(t) / n_cols;
    size_t row_bytes = weir_format_row_bytes(t->format, n_cols);
    demand(t->bytes == n_rows * row_bytes);
    walk_row(packings, t, 0, row_bytes, data, size);
    walk_row(packings, t, n_rows - 1, row_bytes, data, size);
}

static void walk(weir_safetensors *st, const json_t *config, const uint8_t *data, size_t size) {
    weir_error err = {0};
    weir_packings *packings;
    demand(weir_packings_open(&packings, NULL) == WEIR_STATUS_OK);
    weir_status status = weir_packings_fold(packings, st, config, &err);
    if (status != WEIR_STATUS_OK)
        demand(err.status == status && err.text[0] != 0 && strchr(err.text, '\n') == NULL);
    for (size_t i = 0; status == WEIR_STATUS_OK && i < weir_safetensors_n_tensors(st); i++) {
        const weir_tensor *t = weir_safetensors_at(st, i);
        demand(weir_safetensors_find(st, t->name) == t);
        if (weir_packings_own(packings, t->data))
            walk_packed(packings, t, data, size);
    }
    weir_safetensors_close(&st);
    weir_packings_close(&packings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = memchr(data, 0, size);
    if (zero == NULL)
        return 0;
    json_t *config = json_loadb((const char *)data, (size_t)(zero - data), 0, NULL);
    size_t n = size - (size_t)(zero + 1 - data);
    weir_safetensors *st = NULL;
    if (json_is_object(config) &&
        weir_safetensors_open_memory(&st, zero + 1, n, "fuzz", NULL) == WEIR_STATUS_OK)
        walk(st, config, data, size);
    json_decref(config);
    return 0;
}
