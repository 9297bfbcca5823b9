/*
 * gguf_read.c: opens GGUF files, versions 2 and 3.
 *
 *   "GGUF" | u32 version | u64 n_tensors | u64 n_kvs | kvs | tensor entries | padding | data
 *
 * Owns the maps, the table of metadata and the table of tensors; what values mean is
 * gguf_value.c, which files belong together is gguf_split.c. Invariant of an open file: all that
 * the tables point to lies inside the file, keys and names are unique, no two tensors share a
 * byte. Tables grow with what has been read, never with what a count claims.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/mapped_pages.h"
#include "gguf/bad_file.h"
#include "gguf/gguf_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 24,
    MIN_KV_BYTES = 14,     /* key length, a key of 1, type, a value of 1 */
    MIN_TENSOR_BYTES = 25, /* name length, a name of 1, number of dimensions, type, offset */
    FIRST_CAP = 64
};

static const uint8_t MAGIC[4] = {'G', 'G', 'U', 'F'};

/* ---- reading position --------------------------------------------------------------------------
 */

typedef struct cursor {
    const uint8_t *data; /* [size] */
    uint64_t size;
    uint64_t at; /* <= size */
    const char *path;
    weir_error *err;
} cursor;

static uint64_t left(const cursor *c) {
    return c->size - c->at;
}

static weir_status ends_within(const cursor *c, const char *what) {
    return weir_bad_file(c->err, c->path, c->at, "the file ends within %s", what);
}

/* A number of n <= 8 bytes. */
static weir_status take(cursor *c, size_t n, uint64_t *out, const char *what) {
    *out = 0;
    if (left(c) < n)
        return ends_within(c, what);
    *out = weir_gguf_load(c->data + c->at, n);
    c->at += n;
    return WEIR_STATUS_OK;
}

/* A key or name: 1 to max bytes without 0. */
static weir_status take_name(cursor *c, uint64_t max, weir_text *out, const char *what) {
    uint64_t at = c->at, n;
    WEIR_TRY(take(c, 8, &n, what));
    if (n == 0 || n > max)
        return weir_bad_file(c->err, c->path, at,
                             "%s has %" PRIu64 " bytes, expected 1 to %" PRIu64, what, n, max);
    if (n > left(c))
        return ends_within(c, what);
    out->data = (const char *)c->data + c->at;
    out->size = (size_t)n;
    if (memchr(out->data, 0, out->size))
        return weir_bad_file(c->err, c->path, c->at, "%s holds a 0 byte", what);
    c->at += n;
    return WEIR_STATUS_OK;
}

static weir_status no_memory(const cursor *c, const char *what) {
    return weir_fail(c->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %s", c->path, what);
}

/* Room for one more item of `bytes`. False without memory. */
static bool make_room(void **items, size_t n, size_t *cap, size_t bytes) {
    if (n < *cap)
        return true;
    size_t grown_cap = *cap == 0 ? FIRST_CAP : *cap * 2;
    void *grown = realloc(*items, grown_cap * bytes);
    if (!grown)
        return false;
    *items = grown;
    *cap = grown_cap;
    return true;
}

/* ---- metadata ----------------------------------------------------------------------------------
 */

/* Passes over a string value. */
static weir_status skip_string(cursor *c) {
    uint64_t at = c->at, n;
    WEIR_TRY(take(c, 8, &n, "a string"));
    if (n > left(c))
        return weir_bad_file(c->err, c->path, at,
                             "a string of %" PRIu64 " bytes, the file has %" PRIu64 " left", n,
                             left(c));
    c->at += n;
    return WEIR_STATUS_OK;
}

/* The strings are passed over once before the table is taken: a count alone allocates nothing. */
static weir_status take_strings(cursor *c, weir_gguf_kv *kv) {
    uint64_t start = c->at;
    for (uint64_t i = 0; i < kv->n_items; i++)
        WEIR_TRY(skip_string(c));
    if (kv->type != WEIR_GGUF_ARRAY || kv->n_items == 0)
        return WEIR_STATUS_OK;
    uint64_t *string_at = malloc((size_t)kv->n_items * sizeof *string_at);
    if (!string_at)
        return no_memory(c, "the table of strings");
    uint64_t at = 0;
    for (uint64_t i = 0; i < kv->n_items; i++) {
        string_at[i] = at;
        at += 8 + weir_gguf_load(c->data + start + at, 8);
    }
    kv->string_at = string_at;
    return WEIR_STATUS_OK;
}

static weir_status take_numbers(cursor *c, const weir_gguf_kv *kv) {
    size_t bytes = weir_gguf_item_bytes(kv->item_type);
    if (kv->n_items > left(c) / bytes)
        return ends_within(c, "a value");
    if (kv->item_type == WEIR_GGUF_BOOL)
        for (uint64_t i = 0; i < kv->n_items; i++)
            if (c->data[c->at + i] > 1)
                return weir_bad_file(c->err, c->path, c->at + i, "a bool is %u, expected 0 or 1",
                                     (unsigned)c->data[c->at + i]);
    c->at += kv->n_items * bytes;
    return WEIR_STATUS_OK;
}

/* All of an entry behind its key. */
static weir_status take_value(cursor *c, weir_gguf_kv *kv) {
    uint64_t at = c->at, type;
    WEIR_TRY(take(c, 4, &type, "the type of a value"));
    if (type >= WEIR_GGUF_N_TYPES)
        return weir_bad_file(c->err, c->path, at, "value type %" PRIu64 " is unknown", type);
    kv->type = kv->item_type = (weir_gguf_type)type;
    kv->n_items = 1;
    if (type == WEIR_GGUF_ARRAY) {
        at = c->at;
        WEIR_TRY(take(c, 4, &type, "the type of an array"));
        if (type == WEIR_GGUF_ARRAY)
            return weir_bad_file(c->err, c->path, at, "an array of arrays is not supported");
        if (type >= WEIR_GGUF_N_TYPES)
            return weir_bad_file(c->err, c->path, at, "array type %" PRIu64 " is unknown", type);
        kv->item_type = (weir_gguf_type)type;
        at = c->at;
        WEIR_TRY(take(c, 8, &kv->n_items, "the length of an array"));
        uint64_t least = type == WEIR_GGUF_STRING ? 8 : weir_gguf_item_bytes((uint32_t)type);
        if (kv->n_items > left(c) / least)
            return weir_bad_file(c->err, c->path, at,
                                 "an array of %" PRIu64 " items of type %s, the file has %" PRIu64
                                 " bytes left",
                                 kv->n_items, weir_gguf_base_type_name((uint32_t)type), left(c));
    }
    kv->offset = c->at;
    kv->data = c->data + c->at;
    return kv->item_type == WEIR_GGUF_STRING ? take_strings(c, kv) : take_numbers(c, kv);
}

static weir_status take_kv(cursor *c, weir_gguf_meta *meta) {
    uint64_t at = c->at;
    weir_text key;
    WEIR_TRY(take_name(c, WEIR_GGUF_MAX_KEY, &key, "a key"));
    size_t number;
    bool is_new;
    void *kvs = meta->kvs;
    bool has_room = make_room(&kvs, meta->n_kvs, &meta->cap_kvs, sizeof *meta->kvs);
    meta->kvs = kvs;
    if (!has_room || !weir_names_add(&meta->keys, key.data, key.size, &number, &is_new))
        return no_memory(c, "the table of metadata");
    if (!is_new)
        return weir_bad_file(c->err, c->path, at, "key '%.*s' is there twice", weir_shown(key.size),
                             key.data);
    weir_gguf_kv *kv = &meta->kvs[meta->n_kvs++];
    *kv = (weir_gguf_kv){.key = weir_names_at(&meta->keys, number)};
    weir_status status = take_value(c, kv);
    if (status == WEIR_STATUS_BAD_FILE && c->err) /* the offset alone does not say which key */
        return weir_fail(c->err, status, "%s (key '%.*s')", c->err->text, weir_shown(key.size),
                         kv->key);
    return status;
}

const weir_gguf_kv *weir_gguf_meta_find(const weir_gguf_meta *meta, const char *key) {
    size_t i = weir_names_find(&meta->keys, key, strlen(key));
    return i == SIZE_MAX ? NULL : &meta->kvs[i];
}

void weir_gguf_meta_clear(weir_gguf_meta *meta) {
    for (size_t i = 0; i < meta->n_kvs; i++)
        free((void *)(uintptr_t)meta->kvs[i].string_at);
    free(meta->kvs);
    weir_names_clear(&meta->keys);
    *meta = (weir_gguf_meta){0};
}

static weir_status read_alignment(const cursor *c, const weir_gguf_meta *meta, uint64_t *out) {
    *out = WEIR_GGUF_ALIGNMENT;
    const weir_gguf_kv *kv = weir_gguf_meta_find(meta, "general.alignment");
    if (!kv)
        return WEIR_STATUS_OK;
    if (kv->type != WEIR_GGUF_U32)
        return weir_bad_file(c->err, c->path, kv->offset, "general.alignment is %s, expected u32",
                             weir_gguf_type_name(kv));
    uint64_t n = weir_gguf_load(kv->data, 4);
    if (n < WEIR_GGUF_MIN_ALIGNMENT || n > WEIR_GGUF_MAX_ALIGNMENT || (n & (n - 1)) != 0)
        return weir_bad_file(c->err, c->path, kv->offset,
                             "general.alignment is %" PRIu64
                             ", expected a power of two from %d to %d",
                             n, (int)WEIR_GGUF_MIN_ALIGNMENT, (int)WEIR_GGUF_MAX_ALIGNMENT);
    *out = n;
    return WEIR_STATUS_OK;
}

/* ---- tensors -----------------------------------------------------------------------------------
 */

/* The dimensions, fastest first in the file; *n_values is their product. */
static weir_status take_shape(cursor *c, weir_tensor *t, uint64_t *n_values) {
    *n_values = 1;
    uint64_t at = c->at, n_dims;
    WEIR_TRY(take(c, 4, &n_dims, "a tensor entry"));
    if (n_dims > WEIR_MAX_DIMS)
        return weir_bad_file(c->err, c->path, at,
                             "tensor '%s' has %" PRIu64 " dimensions, at most 4 are possible",
                             t->name, n_dims);
    t->n_dims = (uint32_t)n_dims;
    for (uint32_t i = t->n_dims; i-- > 0;) {
        at = c->at;
        WEIR_TRY(take(c, 8, &t->shape[i], "a tensor entry"));
        if (t->shape[i] == 0)
            return weir_bad_file(c->err, c->path, at, "tensor '%s' has a dimension of 0", t->name);
        if (t->shape[i] > (uint64_t)INT64_MAX / *n_values)
            return weir_bad_file(c->err, c->path, at, "tensor '%s': the shape overflows 64 bits",
                                 t->name);
        *n_values *= t->shape[i];
    }
    return WEIR_STATUS_OK;
}

/* Fills *t but for its data; t->offset is still relative to the data section. */
static weir_status take_tensor(cursor *c, weir_tensor *t) {
    uint64_t n_values, type, at;
    WEIR_TRY(take_shape(c, t, &n_values));
    at = c->at;
    WEIR_TRY(take(c, 4, &type, "a tensor entry"));
    t->format = weir_format_by_id((uint32_t)type);
    if (!t->format)
        return weir_bad_file(c->err, c->path, at,
                             "tensor '%s': type %" PRIu64 " (%s) is not supported", t->name, type,
                             weir_format_foreign_name((uint32_t)type));
    uint64_t n_row = t->n_dims > 0 ? t->shape[t->n_dims - 1] : 1;
    if (n_row % t->format->block_values != 0)
        return weir_bad_file(c->err, c->path, at,
                             "tensor '%s': rows of %" PRIu64 " values, %s needs a multiple of %u",
                             t->name, n_row, t->format->name, (unsigned)t->format->block_values);
    uint64_t n_blocks = n_values / t->format->block_values;
    if (n_blocks > (uint64_t)INT64_MAX / t->format->block_bytes)
        return weir_bad_file(c->err, c->path, at, "tensor '%s': its bytes overflow 64 bits",
                             t->name);
    t->bytes = n_blocks * t->format->block_bytes;
    return take(c, 8, &t->offset, "a tensor entry");
}

static weir_status take_tensors(cursor *c, weir_gguf *g, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = c->at;
        weir_text name;
        WEIR_TRY(take_name(c, WEIR_GGUF_MAX_NAME, &name, "a tensor name"));
        size_t number;
        bool is_new;
        void *tensors = g->tensors;
        bool has_room = make_room(&tensors, g->n_tensors, &g->cap_tensors, sizeof *g->tensors);
        g->tensors = tensors;
        if (!has_room || !weir_names_add(&g->names, name.data, name.size, &number, &is_new))
            return no_memory(c, "the table of tensors");
        if (!is_new)
            return weir_bad_file(c->err, c->path, at, "tensor '%.*s' is there twice",
                                 weir_shown(name.size), name.data);
        weir_tensor *t = &g->tensors[g->n_tensors++];
        *t = (weir_tensor){.name = weir_names_at(&g->names, number), .path = c->path};
        WEIR_TRY(take_tensor(c, t));
    }
    return WEIR_STATUS_OK;
}

static int compare_places(const void *a, const void *b) {
    const weir_tensor *x = *(const weir_tensor *const *)a, *y = *(const weir_tensor *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* By place, because the order of the entries is free. */
static weir_status check_overlaps(const cursor *c, const weir_tensor *tensors, size_t n) {
    if (n < 2)
        return WEIR_STATUS_OK;
    const weir_tensor **sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return no_memory(c, "the order of tensors");
    for (size_t i = 0; i < n; i++)
        sorted[i] = &tensors[i];
    qsort(sorted, n, sizeof *sorted, compare_places);
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 1; i < n && status == WEIR_STATUS_OK; i++)
        if (sorted[i]->offset - sorted[i - 1]->offset < sorted[i - 1]->bytes)
            status = weir_bad_file(c->err, c->path, sorted[i]->offset,
                                   "tensor '%s' overlaps tensor '%s'", sorted[i]->name,
                                   sorted[i - 1]->name);
    free(sorted);
    return status;
}

/* Finds the data of tensors[0..n), the cursor stands behind the entries. */
static weir_status place_tensors(const cursor *c, weir_tensor *tensors, size_t n,
                                 uint64_t alignment) {
    uint64_t data_at = c->at + (alignment - c->at % alignment) % alignment;
    if (data_at > c->size)
        return weir_bad_file(c->err, c->path, c->size, "the file ends before its tensor data");
    for (size_t i = 0; i < n; i++) {
        weir_tensor *t = &tensors[i];
        if (t->offset % alignment != 0)
            return weir_bad_file(c->err, c->path, data_at,
                                 "tensor '%s' is at offset %" PRIu64
                                 " of the data, expected a multiple of %" PRIu64,
                                 t->name, t->offset, alignment);
        uint64_t section = c->size - data_at;
        if (t->offset > section || t->bytes > section - t->offset)
            return weir_bad_file(c->err, c->path, data_at,
                                 "tensor '%s' needs %" PRIu64 " bytes at offset %" PRIu64
                                 " of the data, the file has %" PRIu64,
                                 t->name, t->bytes, t->offset, section);
        t->offset += data_at;
        t->data = c->data + t->offset;
    }
    return check_overlaps(c, tensors, n);
}

/* ---- one file ----------------------------------------------------------------------------------
 */

static weir_status take_version(cursor *c, uint32_t *version) {
    if (c->size < HEADER_BYTES || memcmp(c->data, MAGIC, sizeof MAGIC) != 0)
        return weir_bad_file(c->err, c->path, 0,
                             "not a GGUF file, expected \"GGUF\" and a header of %d bytes",
                             (int)HEADER_BYTES);
    c->at = sizeof MAGIC;
    uint64_t value;
    WEIR_TRY(take(c, 4, &value, "the version"));
    if (value != 0 && (value & 0xffffu) == 0)
        return weir_bad_file(c->err, c->path, 4,
                             "a big-endian GGUF file, only little-endian ones are supported");
    if (value < 2 || value > 3)
        return weir_bad_file(c->err, c->path, 4,
                             "GGUF version %" PRIu64 ", versions 2 and 3 are supported", value);
    *version = (uint32_t)value;
    return WEIR_STATUS_OK;
}

static weir_status take_count(cursor *c, uint64_t least_bytes, uint64_t *out, const char *what) {
    uint64_t at = c->at;
    WEIR_TRY(take(c, 8, out, what));
    if (*out > (c->size - HEADER_BYTES) / least_bytes)
        return weir_bad_file(c->err, c->path, at,
                             "%" PRIu64 " %s cannot be in a file of %" PRIu64 " bytes", *out, what,
                             c->size);
    return WEIR_STATUS_OK;
}

static weir_status read_bytes(weir_gguf *g, const uint8_t *data, size_t size, const char *path,
                              weir_gguf_meta *meta, weir_error *err) {
    cursor c = {.data = data, .size = size, .path = path, .err = err};
    uint32_t version = 0;
    uint64_t n_tensors, n_kvs, alignment = WEIR_GGUF_ALIGNMENT;
    size_t first = g->n_tensors;
    WEIR_TRY(take_version(&c, &version));
    WEIR_TRY(take_count(&c, MIN_TENSOR_BYTES, &n_tensors, "tensors"));
    WEIR_TRY(take_count(&c, MIN_KV_BYTES, &n_kvs, "metadata entries"));
    for (uint64_t i = 0; i < n_kvs; i++)
        WEIR_TRY(take_kv(&c, meta));
    WEIR_TRY(read_alignment(&c, meta, &alignment));
    WEIR_TRY(take_tensors(&c, g, n_tensors));
    if (n_tensors > 0) /* files of metadata only need no data section */
        WEIR_TRY(place_tensors(&c, g->tensors + first, g->n_tensors - first, alignment));
    if (g->version == 0)
        g->version = version;
    return WEIR_STATUS_OK;
}

/* The part owns its path from here on, and tensors point to it. */
static weir_status new_part(weir_gguf *g, const char *path, weir_gguf_part **out, weir_error *err) {
    void *parts = g->parts;
    bool has_room = make_room(&parts, g->n_parts, &g->cap_parts, sizeof *g->parts);
    g->parts = parts;
    char *copy = has_room ? strdup(path) : NULL;
    if (!copy)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to open it", path);
    *out = &g->parts[g->n_parts++];
    **out = (weir_gguf_part){.path = copy};
    return WEIR_STATUS_OK;
}

weir_status weir_gguf_add_part(weir_gguf *g, const char *path, weir_gguf_meta *meta,
                               weir_error *err) {
    weir_gguf_part *part;
    WEIR_TRY(new_part(g, path, &part, err));
    WEIR_TRY(weir_map_open(&part->map, path, err));
    return read_bytes(g, part->map.data, part->map.size, part->path, meta, err);
}

/* ---- the interface -----------------------------------------------------------------------------
 */

static void clear(weir_gguf *g) {
    weir_gguf_meta_clear(&g->meta);
    weir_names_clear(&g->names);
    free(g->tensors);
    for (size_t i = 0; i < g->n_parts; i++) {
        weir_map_close(&g->parts[i].map);
        free(g->parts[i].path);
    }
    free(g->parts);
    *g = (weir_gguf){0};
}

weir_status weir_gguf_open(weir_gguf **out, const char *path, weir_error *err) {
    *out = NULL;
    uint64_t split_count;
    weir_status status;
    weir_gguf *g = calloc(1, sizeof *g);
    if (!g)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to open it", path);
    WEIR_TRY_GOTO(weir_gguf_add_part(g, path, &g->meta, err));
    WEIR_TRY_GOTO(weir_gguf_split_count(&g->meta, path, &split_count, err));
    if (split_count > 1) {
        clear(g);
        WEIR_TRY_GOTO(weir_gguf_open_parts(g, path, split_count, err));
    }
    *out = g;
    return WEIR_STATUS_OK;
fail:
    weir_gguf_close(&g);
    return status;
}

weir_status weir_gguf_open_memory(weir_gguf **out, const void *data, size_t size, const char *name,
                                  weir_error *err) {
    *out = NULL;
    uint64_t split_count;
    weir_gguf_part *part;
    weir_status status;
    weir_gguf *g = calloc(1, sizeof *g);
    if (!g)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to open it", name);
    WEIR_TRY_GOTO(new_part(g, name, &part, err));
    WEIR_TRY_GOTO(read_bytes(g, data, size, part->path, &g->meta, err));
    WEIR_TRY_GOTO(weir_gguf_split_count(&g->meta, name, &split_count, err));
    if (split_count > 1) {
        status = weir_bad_file(err, name, 0, "one of %" PRIu64 " parts of a model, not a whole one",
                               split_count);
        goto fail;
    }
    *out = g;
    return WEIR_STATUS_OK;
fail:
    weir_gguf_close(&g);
    return status;
}

void weir_gguf_close(weir_gguf **gguf) {
    if (!gguf || !*gguf)
        return;
    clear(*gguf);
    free(*gguf);
    *gguf = NULL;
}

uint32_t weir_gguf_version(const weir_gguf *g) {
    return g->version;
}

const char *weir_gguf_path(const weir_gguf *g) {
    return g->parts[0].path;
}

size_t weir_gguf_n_kv(const weir_gguf *g) {
    return g->meta.n_kvs;
}

const weir_gguf_kv *weir_gguf_kv_at(const weir_gguf *g, size_t i) {
    return &g->meta.kvs[i];
}

const weir_gguf_kv *weir_gguf_find(const weir_gguf *g, const char *key) {
    return weir_gguf_meta_find(&g->meta, key);
}

size_t weir_gguf_n_tensors(const weir_gguf *g) {
    return g->n_tensors;
}

const weir_tensor *weir_gguf_tensor_at(const weir_gguf *g, size_t i) {
    return &g->tensors[i];
}

const weir_tensor *weir_gguf_find_tensor(const weir_gguf *g, const char *name) {
    size_t i = weir_names_find(&g->names, name, strlen(name));
    return i == SIZE_MAX ? NULL : &g->tensors[i];
}

size_t weir_gguf_n_files(const weir_gguf *g) {
    return g->n_parts;
}

bool weir_gguf_prefer_huge(const weir_gguf *g) {
    bool all = g->n_parts > 0;
    for (size_t i = 0; i < g->n_parts; i++) {
        const weir_map *map = &g->parts[i].map;
        all = map->data && weir_mapped_prefer_huge(map->data, map->size) && all;
    }
    return all;
}
