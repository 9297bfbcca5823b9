/*
 * gguf_write.c: writes GGUF version 3, alignment 32.
 *
 * Owns the metadata as the bytes that go into the file; tensors and their data are tensor_out.c.
 * Invariant: kvs holds n_kvs whole entries, entry i from entries[i] on, whose keys are those of
 * `keys` and unique, each one that the reader accepts.
 */
#include "base/error.h"
#include "base/half.h"
#include "gguf/gguf_internal.h"
#include "gguf/tensor_out.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 3, FIRST_CAP = 4096 };

/* Bytes in the making; is_short once there was no memory. */
typedef struct byte_list {
    uint8_t *data; /* [n] of [cap] */
    size_t n, cap;
    bool is_short;
} byte_list;

struct weir_gguf_writer {
    weir_tensor_out tensors;
    weir_names keys;
    byte_list kvs;
    size_t *entries; /* [n_kvs] where each begins in kvs */
    size_t n_kvs, cap_entries;
};

/* ---- bytes -------------------------------------------------------------------------------------
 */

static void put(byte_list *list, const void *data, size_t n) {
    if (n == 0 || list->is_short)
        return;
    if (n > list->cap - list->n) {
        size_t cap = list->cap == 0 ? FIRST_CAP : list->cap;
        while (cap - list->n < n && cap <= SIZE_MAX / 2)
            cap *= 2;
        uint8_t *grown = cap - list->n < n ? NULL : realloc(list->data, cap);
        if (!grown) {
            list->is_short = true;
            return;
        }
        list->data = grown;
        list->cap = cap;
    }
    memcpy(list->data + list->n, data, n);
    list->n += n;
}

/* The lowest n <= 8 bytes of a number, little-endian. */
static void put_number(byte_list *list, uint64_t value, size_t n) {
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    put(list, bytes, n);
}

static void put_string(byte_list *list, const char *data, size_t n) {
    put_number(list, n, 8);
    put(list, data, n);
}

/* ---- metadata ----------------------------------------------------------------------------------
 */

static bool make_room(weir_gguf_writer *w) {
    if (w->n_kvs < w->cap_entries)
        return true;
    size_t cap = w->cap_entries == 0 ? 64 : w->cap_entries * 2;
    size_t *grown = realloc(w->entries, cap * sizeof *grown);
    if (!grown)
        return false;
    w->entries = grown;
    w->cap_entries = cap;
    return true;
}

/* Starts an entry: key and type. False if the key cannot be; the trouble is noted. */
static bool begin_entry(weir_gguf_writer *w, const char *key, weir_gguf_type type) {
    assert(!w->tensors.is_begun);
    size_t n = strlen(key), number;
    bool is_new = false;
    const char *fault = NULL;
    weir_status status = WEIR_STATUS_BAD_ARGUMENT;
    if (n == 0 || n > WEIR_GGUF_MAX_KEY) {
        fault = "a key has 1 to 65535 bytes";
    } else if (strcmp(key, "general.alignment") == 0) {
        fault = "the writer's own, it always aligns at 32";
    } else if (!make_room(w) || !weir_names_add(&w->keys, key, n, &number, &is_new)) {
        fault = "no memory for it";
        status = WEIR_STATUS_NO_MEMORY;
    } else if (!is_new) {
        fault = "is there twice";
    }
    if (fault) {
        weir_tensor_out_complain(&w->tensors, status, "key", key, fault);
        return false;
    }
    w->entries[w->n_kvs++] = w->kvs.n;
    put_string(&w->kvs, key, n);
    put_number(&w->kvs, type, 4);
    return true;
}

static bool begin_array(weir_gguf_writer *w, const char *key, weir_gguf_type type, uint64_t n) {
    if (!begin_entry(w, key, WEIR_GGUF_ARRAY))
        return false;
    put_number(&w->kvs, type, 4);
    put_number(&w->kvs, n, 8);
    return true;
}

static void add_number(weir_gguf_writer *w, const char *key, weir_gguf_type type, uint64_t bits) {
    if (begin_entry(w, key, type))
        put_number(&w->kvs, bits, weir_gguf_item_bytes(type));
}

void weir_gguf_add_u32(weir_gguf_writer *w, const char *key, uint32_t v) {
    add_number(w, key, WEIR_GGUF_U32, v);
}

void weir_gguf_add_u64(weir_gguf_writer *w, const char *key, uint64_t v) {
    add_number(w, key, WEIR_GGUF_U64, v);
}

void weir_gguf_add_i32(weir_gguf_writer *w, const char *key, int32_t v) {
    add_number(w, key, WEIR_GGUF_I32, (uint32_t)v);
}

void weir_gguf_add_f32(weir_gguf_writer *w, const char *key, float v) {
    add_number(w, key, WEIR_GGUF_F32, weir_f32_bits(v));
}

void weir_gguf_add_f64(weir_gguf_writer *w, const char *key, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    add_number(w, key, WEIR_GGUF_F64, bits);
}

void weir_gguf_add_bool(weir_gguf_writer *w, const char *key, bool v) {
    add_number(w, key, WEIR_GGUF_BOOL, v ? 1 : 0);
}

void weir_gguf_add_text(weir_gguf_writer *w, const char *key, const char *data, size_t n) {
    if (begin_entry(w, key, WEIR_GGUF_STRING))
        put_string(&w->kvs, data, n);
}

void weir_gguf_add_string(weir_gguf_writer *w, const char *key, const char *text) {
    weir_gguf_add_text(w, key, text, strlen(text));
}

void weir_gguf_add_i32s(weir_gguf_writer *w, const char *key, const int32_t *v, size_t n) {
    if (!begin_array(w, key, WEIR_GGUF_I32, n))
        return;
    for (size_t i = 0; i < n; i++)
        put_number(&w->kvs, (uint32_t)v[i], 4);
}

void weir_gguf_add_f32s(weir_gguf_writer *w, const char *key, const float *v, size_t n) {
    if (!begin_array(w, key, WEIR_GGUF_F32, n))
        return;
    for (size_t i = 0; i < n; i++)
        put_number(&w->kvs, weir_f32_bits(v[i]), 4);
}

void weir_gguf_add_texts(weir_gguf_writer *w, const char *key, const weir_text *v, size_t n) {
    if (!begin_array(w, key, WEIR_GGUF_STRING, n))
        return;
    for (size_t i = 0; i < n; i++)
        put_string(&w->kvs, v[i].data, v[i].size);
}

void weir_gguf_add_kv(weir_gguf_writer *w, const weir_gguf_kv *kv) {
    /* These say how the other file is laid out and would be wrong about this one. */
    if (strcmp(kv->key, "general.alignment") == 0 || strncmp(kv->key, "split.", 6) == 0)
        return;
    bool is_begun = kv->type == WEIR_GGUF_ARRAY
                        ? begin_array(w, kv->key, kv->item_type, kv->n_items)
                        : begin_entry(w, kv->key, kv->type);
    if (is_begun)
        put(&w->kvs, kv->data, (size_t)weir_gguf_kv_bytes(kv));
}

void weir_gguf_remove(weir_gguf_writer *w, const char *prefix) {
    assert(!w->tensors.is_begun);
    if (w->kvs.is_short)
        return;
    byte_list old = w->kvs;
    size_t n_old = w->n_kvs, n_prefix = strlen(prefix), kept = 0;
    weir_names keys = {0};
    w->kvs.n = 0;
    for (size_t i = 0; i < n_old; i++) {
        /* The places of entries before i alone are written, so those of i on are still the old. */
        size_t begin = w->entries[i], end = i + 1 < n_old ? w->entries[i + 1] : old.n;
        uint64_t n = weir_gguf_load(old.data + begin, 8);
        const char *key = (const char *)old.data + begin + 8;
        size_t number;
        bool is_new;
        if (n >= n_prefix && memcmp(key, prefix, n_prefix) == 0)
            continue;
        if (!weir_names_add(&keys, key, (size_t)n, &number, &is_new)) {
            weir_tensor_out_complain(&w->tensors, WEIR_STATUS_NO_MEMORY, "key", prefix,
                                     "no memory to take it back");
            break;
        }
        w->entries[kept++] = w->kvs.n;
        memmove(w->kvs.data + w->kvs.n, old.data + begin, end - begin);
        w->kvs.n += end - begin;
    }
    w->n_kvs = kept;
    weir_names_clear(&w->keys);
    w->keys = keys;
}

/* ---- the file ----------------------------------------------------------------------------------
 */

weir_status weir_gguf_create(weir_gguf_writer **out, const char *path, bool overwrite,
                             weir_error *err) {
    *out = NULL;
    weir_gguf_writer *w = calloc(1, sizeof *w);
    if (!w)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    weir_status status =
        weir_tensor_out_open(&w->tensors, path, overwrite, WEIR_GGUF_ALIGNMENT, err);
    if (status != WEIR_STATUS_OK) {
        weir_gguf_abort(&w);
        return status;
    }
    *out = w;
    return WEIR_STATUS_OK;
}

weir_status weir_gguf_compose(weir_gguf_writer **out, const char *path, weir_error *err) {
    weir_gguf_writer *w = calloc(1, sizeof *w);
    *out = w;
    if (w) {
        w->tensors.alignment = WEIR_GGUF_ALIGNMENT;
        w->tensors.path = strdup(path);
    }
    if (w && w->tensors.path)
        return WEIR_STATUS_OK;
    weir_gguf_abort(out);
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
}

void weir_gguf_abort(weir_gguf_writer **w) {
    if (!w || !*w)
        return;
    weir_tensor_out_close(&(*w)->tensors);
    weir_names_clear(&(*w)->keys);
    free((*w)->kvs.data);
    free((*w)->entries);
    free(*w);
    *w = NULL;
}

void weir_gguf_add_tensor(weir_gguf_writer *w, const char *name, const weir_format *format,
                          uint32_t n_dims, const uint64_t *shape) {
    weir_tensor_out_declare(&w->tensors, name, WEIR_GGUF_MAX_NAME, format, n_dims, shape);
}

static void put_tensor(byte_list *list, const weir_tensor *t) {
    put_string(list, t->name, strlen(t->name));
    put_number(list, t->n_dims, 4);
    for (uint32_t i = t->n_dims; i-- > 0;) /* fastest first */
        put_number(list, t->shape[i], 8);
    put_number(list, t->format->id, 4);
    put_number(list, t->offset, 8);
}

weir_status weir_gguf_make_header(weir_gguf_writer *w, uint8_t **header, size_t *n,
                                  weir_error *err) {
    WEIR_TRY(weir_tensor_out_check(&w->tensors, err));
    byte_list head = {0};
    put(&head, "GGUF", 4);
    put_number(&head, VERSION, 4);
    put_number(&head, w->tensors.n_tensors, 8);
    put_number(&head, w->n_kvs, 8);
    put(&head, w->kvs.data, w->kvs.n);
    for (size_t i = 0; i < w->tensors.n_tensors; i++)
        put_tensor(&head, &w->tensors.tensors[i]);
    while (head.n % WEIR_GGUF_ALIGNMENT != 0 && !head.is_short)
        put_number(&head, 0, 1);
    if (head.is_short || w->kvs.is_short) {
        free(head.data);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the header",
                         w->tensors.path);
    }
    *header = head.data;
    *n = head.n;
    return WEIR_STATUS_OK;
}

uint64_t weir_gguf_data_offset(const weir_gguf_writer *w, size_t i) {
    return i < w->tensors.n_tensors ? w->tensors.tensors[i].offset : w->tensors.data_bytes;
}

weir_status weir_gguf_begin(weir_gguf_writer *w, weir_error *err) {
    uint8_t *header;
    size_t n;
    WEIR_TRY(weir_gguf_make_header(w, &header, &n, err));
    weir_status status = weir_out_write(w->tensors.file, header, n, err);
    free(header);
    w->tensors.is_begun = status == WEIR_STATUS_OK;
    return status;
}

weir_status weir_gguf_write(weir_gguf_writer *w, const void *data, size_t n, weir_error *err) {
    return weir_tensor_out_write(&w->tensors, data, n, err);
}

weir_status weir_gguf_write_hole(weir_gguf_writer *w, weir_error *err) {
    return weir_tensor_out_skip(&w->tensors, err);
}

weir_status weir_gguf_commit(weir_gguf_writer **w, weir_error *err) {
    weir_status status = weir_tensor_out_commit(&(*w)->tensors, err);
    weir_gguf_abort(w); /* after a commit there is no file left to throw away */
    return status;
}
