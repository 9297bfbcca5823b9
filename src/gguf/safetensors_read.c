/*
 * safetensors_read.c: opens one .safetensors file or a folder of shards.
 *
 *   u64 header bytes | JSON header | data
 *
 * Owns the mapped files and the table of tensors. Invariant of an open file: the tensors, in the
 * order of their data, cover the data section without overlap and without a hole, and each one's
 * bytes are its shape times its type. A folder's table holds what its index names, no more.
 */
#include "gguf/safetensors.h"

#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mapped_pages.h"
#include "gguf/bad_file.h"
#include "gguf/gguf_internal.h"
#include "gguf/name_index.h"
#include "gguf/safetensors_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char SINGLE_NAME[] = "model.safetensors";
static const char INDEX_NAME[] = "model.safetensors.index.json";
static const char SHARD_SUFFIX[] = ".safetensors";
static const char METADATA[] = "__metadata__";

struct weir_safetensors {
    weir_tensor *tensors; /* [n_tensors] number i has name i of names */
    size_t n_tensors;
    weir_names names;
    json_t *meta; /* the entry __metadata__: an object of strings; NULL: there is none */
    weir_map map; /* data NULL for a folder and when opened from memory */
    char *path;
    weir_safetensors **shards; /* [n_shards] of a folder with an index; they own the data */
    size_t n_shards;
};

typedef struct dtype_row {
    const char *name; /* in the header */
    weir_dtype dtype;
    uint32_t format_id; /* if dtype is WEIR_DTYPE_FORMAT */
    uint32_t value_bytes;
} dtype_row;

static const dtype_row DTYPES[] = {
    {"F32", WEIR_DTYPE_FORMAT, WEIR_FORMAT_F32, 4},
    {"F16", WEIR_DTYPE_FORMAT, WEIR_FORMAT_F16, 2},
    {"BF16", WEIR_DTYPE_FORMAT, WEIR_FORMAT_BF16, 2},
    {"F64", WEIR_DTYPE_F64, 0, 8},
    {"I64", WEIR_DTYPE_I64, 0, 8},
    {"I32", WEIR_DTYPE_I32, 0, 4},
    {"I16", WEIR_DTYPE_I16, 0, 2},
    {"I8", WEIR_DTYPE_I8, 0, 1},
    {"U64", WEIR_DTYPE_U64, 0, 8},
    {"U32", WEIR_DTYPE_U32, 0, 4},
    {"U16", WEIR_DTYPE_U16, 0, 2},
    {"U8", WEIR_DTYPE_U8, 0, 1},
    {"BOOL", WEIR_DTYPE_BOOL, 0, 1},
    {"F8_E4M3", WEIR_DTYPE_F8_E4M3, 0, 1},
    {"F8_E5M2", WEIR_DTYPE_F8_E5M2, 0, 1},
};

/* ---- one file ------------------------------------------------------------------------------- */

/* A file while it is checked. */
typedef struct st_file {
    const uint8_t *data; /* [size] */
    size_t size;
    const char *path;
    uint64_t header_bytes;
    uint64_t data_at; /* where the data section starts */
    weir_error *err;
} st_file;

/* Where the header speaks of a tensor, for messages only: the JSON parser keeps no positions. */
static uint64_t name_offset(const st_file *f, const char *name) {
    size_t n = strlen(name);
    char *quoted = malloc(n + 2);
    if (!quoted)
        return WEIR_SAFETENSORS_LENGTH_BYTES;
    quoted[0] = '"';
    memcpy(quoted + 1, name, n);
    quoted[n + 1] = '"';
    const uint8_t *header = f->data + WEIR_SAFETENSORS_LENGTH_BYTES;
    const uint8_t *found = memmem(header, f->header_bytes, quoted, n + 2);
    free(quoted);
    return found == NULL ? WEIR_SAFETENSORS_LENGTH_BYTES : (uint64_t)(found - f->data);
}

static weir_status no_memory(const char *path, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the table of tensors", path);
}

static weir_status bad_tensor(const st_file *f, const char *name, const char *complaint) {
    return weir_bad_file(f->err, f->path, name_offset(f, name), "tensor '%.*s': %s",
                         weir_shown(strlen(name)), name, complaint);
}

static weir_status parse_header(st_file *f, json_t **out) {
    if (f->size < WEIR_SAFETENSORS_LENGTH_BYTES)
        return weir_bad_file(f->err, f->path, 0,
                             "not a safetensors file: %zu bytes, the header's length needs 8",
                             f->size);
    f->header_bytes = weir_gguf_load(f->data, WEIR_SAFETENSORS_LENGTH_BYTES);
    if (f->header_bytes > f->size - WEIR_SAFETENSORS_LENGTH_BYTES)
        return weir_bad_file(f->err, f->path, 0,
                             "the header's length is %" PRIu64 " bytes, the file has %zu behind it",
                             f->header_bytes, f->size - WEIR_SAFETENSORS_LENGTH_BYTES);
    if (f->header_bytes > WEIR_SAFETENSORS_MAX_JSON)
        return weir_bad_file(f->err, f->path, 0,
                             "the header's length is %" PRIu64 " bytes, at most %d are read",
                             f->header_bytes, (int)WEIR_SAFETENSORS_MAX_JSON);
    f->data_at = WEIR_SAFETENSORS_LENGTH_BYTES + f->header_bytes;
    json_error_t where;
    json_t *root = json_loadb((const char *)f->data + WEIR_SAFETENSORS_LENGTH_BYTES,
                              (size_t)f->header_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        if (json_error_code(&where) == json_error_out_of_memory)
            return no_memory(f->path, f->err);
        uint64_t at =
            WEIR_SAFETENSORS_LENGTH_BYTES + (where.position > 0 ? (uint64_t)where.position : 0);
        return weir_bad_file(f->err, f->path, at, "header: %s", where.text);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return weir_bad_file(f->err, f->path, WEIR_SAFETENSORS_LENGTH_BYTES,
                             "the header must be a JSON object");
    }
    *out = root;
    return WEIR_STATUS_OK;
}

static bool as_count(const json_t *json, uint64_t *out) {
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return false;
    *out = (uint64_t)json_integer_value(json);
    return true;
}

static weir_status parse_shape(const st_file *f, const char *name, const json_t *shape,
                               weir_tensor *t) {
    if (!json_is_array(shape))
        return bad_tensor(f, name, "'shape' must be a list");
    if (json_array_size(shape) > WEIR_MAX_DIMS)
        return bad_tensor(f, name, "more than 4 dimensions");
    t->n_dims = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < t->n_dims; i++)
        if (!as_count(json_array_get(shape, i), &t->shape[i]))
            return bad_tensor(f, name, "a dimension is no whole number of at least 0");
    return WEIR_STATUS_OK;
}

/* Fills *t but for its name; its offset and bytes are inside the file and fit its shape. */
static weir_status parse_tensor(const st_file *f, const char *name, const json_t *entry,
                                weir_tensor *t) {
    if (!json_is_object(entry))
        return bad_tensor(f, name, "the entry must be a JSON object");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return bad_tensor(f, name, "'dtype' must be a string");
    const dtype_row *row = NULL;
    for (size_t i = 0; i < WEIR_COUNT(DTYPES) && row == NULL; i++)
        if (strcmp(DTYPES[i].name, dtype) == 0)
            row = &DTYPES[i];
    if (!row)
        return weir_bad_file(f->err, f->path, name_offset(f, name),
                             "tensor '%.*s': the type '%.20s' is not supported",
                             weir_shown(strlen(name)), name, dtype);
    *t = (weir_tensor){.dtype = row->dtype, .path = f->path};
    if (row->dtype == WEIR_DTYPE_FORMAT)
        t->format = weir_format_by_id(row->format_id);
    WEIR_TRY(parse_shape(f, name, json_object_get(entry, "shape"), t));

    /* With a dimension of 0 the others may be anything; weir_tensor_n_values must not wrap on the
     * way to 0, so they are multiplied and checked all the same. */
    uint64_t bytes = row->value_bytes;
    bool is_empty = false;
    for (uint32_t i = 0; i < t->n_dims; i++) {
        uint64_t dim = t->shape[i];
        if (dim == 0) {
            is_empty = true;
            continue;
        }
        if (bytes > (uint64_t)INT64_MAX / dim)
            return bad_tensor(f, name, "the shape overflows 64 bits");
        bytes *= dim;
    }
    t->bytes = is_empty ? 0 : bytes;

    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t begin, end;
    if (json_array_size(offsets) != 2 || !as_count(json_array_get(offsets, 0), &begin) ||
        !as_count(json_array_get(offsets, 1), &end))
        return bad_tensor(f, name, "'data_offsets' must be two whole numbers of at least 0");
    uint64_t section = f->size - f->data_at;
    if (begin > end || end > section)
        return weir_bad_file(f->err, f->path, name_offset(f, name),
                             "tensor '%.*s': data_offsets [%" PRIu64 ", %" PRIu64
                             "] do not fit the %" PRIu64 " bytes of data",
                             weir_shown(strlen(name)), name, begin, end, section);
    if (end - begin != t->bytes)
        return weir_bad_file(f->err, f->path, name_offset(f, name),
                             "tensor '%.*s': type and shape need %" PRIu64
                             " bytes, data_offsets give %" PRIu64,
                             weir_shown(strlen(name)), name, t->bytes, end - begin);
    t->offset = f->data_at + begin;
    t->data = f->data + t->offset;
    return WEIR_STATUS_OK;
}

/* By place; a tensor without bytes stands before the one that starts at the same place. */
static int compare_places(const void *a, const void *b) {
    const weir_tensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The official library refuses holes too: bytes that no tensor owns could hide anything. */
static weir_status check_coverage(const st_file *f, const weir_tensor *tensors, size_t n) {
    uint64_t covered = f->data_at;
    for (size_t i = 0; i < n; i++) {
        if (tensors[i].offset != covered)
            return weir_bad_file(f->err, f->path, tensors[i].offset, "tensor '%.*s' %s",
                                 weir_shown(strlen(tensors[i].name)), tensors[i].name,
                                 tensors[i].offset < covered
                                     ? "overlaps the one before it"
                                     : "leaves a hole behind the one before it");
        covered += tensors[i].bytes;
    }
    if (covered != f->size)
        return weir_bad_file(f->err, f->path, covered,
                             "%" PRIu64 " bytes behind the last tensor belong to none",
                             f->size - covered);
    return WEIR_STATUS_OK;
}

static weir_status index_names(weir_safetensors *st, const char *path, weir_error *err) {
    for (size_t i = 0; i < st->n_tensors; i++) {
        const char *name = st->tensors[i].name;
        size_t number;
        bool is_new;
        if (!weir_names_add(&st->names, name, strlen(name), &number, &is_new))
            return no_memory(path, err);
        st->tensors[i].name = weir_names_at(&st->names, number);
    }
    return WEIR_STATUS_OK;
}

/* Texts and nothing else, as the official library demands. */
static weir_status read_meta(weir_safetensors *st, const st_file *f, json_t *entry) {
    const char *key;
    json_t *value;
    if (!json_is_object(entry))
        return weir_bad_file(f->err, f->path, name_offset(f, METADATA), "%s must be a JSON object",
                             METADATA);
    json_object_foreach(entry, key, value) {
        if (!json_is_string(value))
            return weir_bad_file(f->err, f->path, name_offset(f, METADATA),
                                 "%s: '%.*s' must be a string", METADATA, weir_shown(strlen(key)),
                                 key);
    }
    st->meta = json_incref(entry);
    return WEIR_STATUS_OK;
}

static weir_status read_tensors(weir_safetensors *st, const st_file *f, json_t *root) {
    size_t n = json_object_size(root);
    st->tensors = calloc(n > 0 ? n : 1, sizeof *st->tensors);
    if (!st->tensors)
        return no_memory(f->path, f->err);
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry) {
        if (strcmp(name, METADATA) == 0) {
            WEIR_TRY(read_meta(st, f, entry));
            continue;
        }
        weir_tensor *t = &st->tensors[st->n_tensors];
        WEIR_TRY(parse_tensor(f, name, entry, t));
        t->name = name; /* the JSON's, until the names are indexed */
        st->n_tensors++;
    }
    if (st->n_tensors > 1)
        qsort(st->tensors, st->n_tensors, sizeof *st->tensors, compare_places);
    WEIR_TRY(check_coverage(f, st->tensors, st->n_tensors));
    return index_names(st, f->path, f->err);
}

static weir_status read_bytes(weir_safetensors *st, const uint8_t *data, size_t size,
                              weir_error *err) {
    st_file f = {.data = data, .size = size, .path = st->path, .err = err};
    json_t *root = NULL;
    WEIR_TRY(parse_header(&f, &root));
    weir_status status = read_tensors(st, &f, root);
    json_decref(root);
    return status;
}

static weir_safetensors *new_safetensors(const char *path, weir_error *err) {
    weir_safetensors *st = calloc(1, sizeof *st);
    if (st != NULL)
        st->path = strdup(path);
    if (st == NULL || st->path == NULL) {
        free(st);
        no_memory(path, err);
        return NULL;
    }
    return st;
}

static weir_status open_file(weir_safetensors **out, const char *path, weir_error *err) {
    weir_safetensors *st = new_safetensors(path, err);
    if (!st)
        return WEIR_STATUS_NO_MEMORY;
    weir_status status = weir_map_open(&st->map, path, err);
    if (status == WEIR_STATUS_OK)
        status = read_bytes(st, st->map.data, st->map.size, err);
    if (status != WEIR_STATUS_OK) {
        weir_safetensors_close(&st);
        return status;
    }
    *out = st;
    return WEIR_STATUS_OK;
}

/* ---- a folder with an index ------------------------------------------------------------------ */

/* Shards lie beside the index; a name that leads elsewhere is an attack or a mistake. */
static bool is_shard_name(const char *name) {
    size_t n = strlen(name), n_suffix = sizeof SHARD_SUFFIX - 1;
    return n > n_suffix && strpbrk(name, "/\\") == NULL &&
           strcmp(name + n - n_suffix, SHARD_SUFFIX) == 0;
}

static weir_status open_shard(weir_safetensors *st, const char *folder, const char *name,
                              weir_error *err) {
    char *path = weir_path_join(folder, name);
    if (!path)
        return no_memory(st->path, err);
    weir_safetensors *shard = NULL;
    weir_status status = open_file(&shard, path, err);
    free(path);
    if (status != WEIR_STATUS_OK)
        return status;
    st->shards[st->n_shards++] = shard;
    return WEIR_STATUS_OK;
}

/* Opens each shard once, in the order in which the map first names them (files: their names). */
static weir_status open_shards(weir_safetensors *st, const char *folder, json_t *map,
                               weir_names *files, weir_error *err) {
    const char *tensor;
    json_t *value;
    json_object_foreach(map, tensor, value) {
        const char *file = json_string_value(value);
        int n_shown = weir_shown(strlen(tensor));
        if (file == NULL || !is_shard_name(file))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: weight_map: tensor '%.*s' must name a *.safetensors file of the "
                             "same folder",
                             st->path, n_shown, tensor);
        size_t number;
        bool is_new;
        if (!weir_names_add(files, file, strlen(file), &number, &is_new))
            return no_memory(st->path, err);
        if (is_new) {
            weir_safetensors **grown = realloc(st->shards, (st->n_shards + 1) * sizeof *st->shards);
            if (!grown)
                return no_memory(st->path, err);
            st->shards = grown;
            WEIR_TRY(open_shard(st, folder, file, err));
        }
        if (weir_safetensors_find(st->shards[number], tensor) == NULL)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: weight_map: tensor '%.*s' is not in %.*s, which it names",
                             st->path, n_shown, tensor, weir_shown(strlen(file)), file);
    }
    return WEIR_STATUS_OK;
}

/* What a shard holds beyond the map stays out, as in the libraries that write such folders. */
static weir_status collect_tensors(weir_safetensors *st, const json_t *map, const weir_names *files,
                                   weir_error *err) {
    size_t n = json_object_size(map);
    st->tensors = calloc(n > 0 ? n : 1, sizeof *st->tensors);
    if (!st->tensors)
        return no_memory(st->path, err);
    for (size_t i = 0; i < st->n_shards; i++) {
        const weir_safetensors *shard = st->shards[i];
        for (size_t j = 0; j < shard->n_tensors; j++) {
            const json_t *file = json_object_get(map, shard->tensors[j].name);
            if (file != NULL && strcmp(json_string_value(file), weir_names_at(files, i)) == 0)
                st->tensors[st->n_tensors++] = shard->tensors[j];
        }
    }
    return index_names(st, st->path, err);
}

static weir_status parse_index(const char *path, json_t **out, weir_error *err) {
    char *text = NULL;
    size_t size = 0;
    WEIR_TRY(weir_file_read(path, WEIR_SAFETENSORS_MAX_JSON, &text, &size, err));
    json_error_t where;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (!root) {
        if (json_error_code(&where) == json_error_out_of_memory)
            return no_memory(path, err);
        return weir_bad_file(err, path, where.position > 0 ? (uint64_t)where.position : 0, "%s",
                             where.text);
    }
    if (!json_is_object(json_object_get(root, "weight_map"))) {
        json_decref(root);
        return weir_bad_file(err, path, 0, "expected a JSON object with an object 'weight_map'");
    }
    *out = root;
    return WEIR_STATUS_OK;
}

static weir_status open_index(weir_safetensors **out, const char *folder, const char *path,
                              weir_error *err) {
    weir_safetensors *st = new_safetensors(path, err);
    if (!st)
        return WEIR_STATUS_NO_MEMORY;
    weir_names files = {0};
    json_t *root = NULL;
    weir_status status;
    WEIR_TRY_GOTO(parse_index(path, &root, err));
    json_t *map = json_object_get(root, "weight_map");
    WEIR_TRY_GOTO(open_shards(st, folder, map, &files, err));
    WEIR_TRY_GOTO(collect_tensors(st, map, &files, err));
    *out = st;
    st = NULL;
fail:
    weir_names_clear(&files);
    json_decref(root);
    weir_safetensors_close(&st);
    return status;
}

static weir_status open_folder(weir_safetensors **out, const char *folder, weir_error *err) {
    char *single = weir_path_join(folder, SINGLE_NAME);
    char *index = weir_path_join(folder, INDEX_NAME);
    weir_status status;
    if (single == NULL || index == NULL)
        status = no_memory(folder, err);
    else if (weir_path_exists(single))
        status = open_file(out, single, err);
    else if (weir_path_exists(index))
        status = open_index(out, folder, index, err);
    else
        status = weir_fail(err, WEIR_STATUS_IO, "%s: holds neither %s nor %s", folder, SINGLE_NAME,
                           INDEX_NAME);
    free(single);
    free(index);
    return status;
}

/* ---- the interface --------------------------------------------------------------------------- */

weir_status weir_safetensors_open(weir_safetensors **out, const char *path, weir_error *err) {
    *out = NULL;
    return weir_path_is_folder(path) ? open_folder(out, path, err) : open_file(out, path, err);
}

weir_status weir_safetensors_open_memory(weir_safetensors **out, const void *data, size_t size,
                                         const char *name, weir_error *err) {
    *out = NULL;
    weir_safetensors *st = new_safetensors(name, err);
    if (!st)
        return WEIR_STATUS_NO_MEMORY;
    weir_status status = read_bytes(st, data, size, err);
    if (status != WEIR_STATUS_OK) {
        weir_safetensors_close(&st);
        return status;
    }
    *out = st;
    return WEIR_STATUS_OK;
}

void weir_safetensors_close(weir_safetensors **st) {
    if (st == NULL || *st == NULL)
        return;
    weir_safetensors *s = *st;
    for (size_t i = 0; i < s->n_shards; i++)
        weir_safetensors_close(&s->shards[i]);
    free(s->shards);
    free(s->tensors);
    weir_names_clear(&s->names);
    weir_map_close(&s->map);
    json_decref(s->meta);
    free(s->path);
    free(s);
    *st = NULL;
}

bool weir_safetensors_prefer_huge(const weir_safetensors *st) {
    bool all = st->n_shards > 0 || st->map.data;
    for (size_t i = 0; i < st->n_shards; i++)
        all = weir_safetensors_prefer_huge(st->shards[i]) && all;
    if (st->map.data)
        all = weir_mapped_prefer_huge(st->map.data, st->map.size) && all;
    return all;
}

size_t weir_safetensors_n_tensors(const weir_safetensors *st) {
    return st->n_tensors;
}

const weir_tensor *weir_safetensors_at(const weir_safetensors *st, size_t i) {
    return &st->tensors[i];
}

const weir_tensor *weir_safetensors_find(const weir_safetensors *st, const char *name) {
    size_t i = weir_names_find(&st->names, name, strlen(name));
    return i == SIZE_MAX ? NULL : &st->tensors[i];
}

const char *weir_safetensors_meta(const weir_safetensors *st, const char *key) {
    return json_string_value(json_object_get(st->meta, key));
}

weir_status weir_safetensors_replace(weir_safetensors *st, weir_tensor *tensors, size_t n,
                                     weir_error *err) {
    weir_names old = st->names; /* the new names may be these */
    free(st->tensors);
    st->tensors = tensors;
    st->n_tensors = n;
    st->names = (weir_names){0};
    weir_status status = index_names(st, st->path, err);
    weir_names_clear(&old);
    return status;
}
