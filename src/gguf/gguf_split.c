/*
 * gguf_split.c: which files make up a split model, and that they fit together.
 *
 * Part i of n is NAME-0000i-of-0000n.gguf; each says split.no (from 0), split.count and
 * split.tensors.count (of all parts). Owns only these rules. Invariant of an opened split: all
 * parts are there, each says the same counts and its own number, and together they hold as many
 * tensors as they say. The first part's metadata is the model's.
 */
#include "base/error.h"
#include "gguf/bad_file.h"
#include "gguf/gguf_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_DIGITS = 5,
    MAX_PARTS = 99999,
    SUFFIX_BYTES = 20, /* "-00001-of-00002.gguf" */
    SUFFIX_ROOM = 64,  /* for any two numbers */
    SPLIT_KEYS = 3
};

static const char *const KEY_NO = "split.no";
static const char *const KEY_COUNT = "split.count";
static const char *const KEY_TENSORS = "split.tensors.count";

/* The value of a key that must be there. */
static weir_status read_natural(const weir_gguf_meta *meta, const char *path, const char *key,
                                uint64_t *out, weir_error *err) {
    const weir_gguf_kv *kv = weir_gguf_meta_find(meta, key);
    if (!kv)
        return weir_bad_file(err, path, 0, "one part of a split model without the key %s", key);
    if (kv->type == WEIR_GGUF_ARRAY || !weir_gguf_as_u64(kv, 0, out))
        return weir_bad_file(err, path, kv->offset, "%s is %s, expected an integer of at least 0",
                             key, weir_gguf_type_name(kv));
    return WEIR_STATUS_OK;
}

weir_status weir_gguf_split_count(const weir_gguf_meta *meta, const char *path, uint64_t *count,
                                  weir_error *err) {
    *count = 1;
    const weir_gguf_kv *kv = weir_gguf_meta_find(meta, KEY_COUNT);
    if (!kv)
        return WEIR_STATUS_OK;
    WEIR_TRY(read_natural(meta, path, KEY_COUNT, count, err));
    if (*count > MAX_PARTS)
        return weir_bad_file(err, path, kv->offset, "%s is %" PRIu64 ", expected at most %d",
                             KEY_COUNT, *count, (int)MAX_PARTS);
    if (*count == 0) /* written by tools that merge splits */
        *count = 1;
    return WEIR_STATUS_OK;
}

/* Five digits as a number; false if there are others. */
static bool parse_number(const char *text, uint64_t *out) {
    *out = 0;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

/* Splits the path: *n_stem is the length of all before "-00001-of-00002.gguf". */
static bool parse_path(const char *path, size_t *n_stem, uint64_t *part, uint64_t *count) {
    size_t n = strlen(path);
    if (n < SUFFIX_BYTES)
        return false;
    const char *suffix = path + n - SUFFIX_BYTES;
    *n_stem = n - SUFFIX_BYTES;
    return suffix[0] == '-' && parse_number(suffix + 1, part) &&
           memcmp(suffix + 6, "-of-", 4) == 0 && parse_number(suffix + 10, count) &&
           strcmp(suffix + 15, ".gguf") == 0;
}

/* That the keys of part `part` (from 1) agree with its path and with the first part. */
static weir_status check_keys(const weir_gguf_meta *meta, const char *path, uint64_t part,
                              uint64_t count, uint64_t *n_tensors, weir_error *err) {
    uint64_t values[SPLIT_KEYS];
    uint64_t expected[SPLIT_KEYS] = {part - 1, count, *n_tensors};
    const char *const keys[SPLIT_KEYS] = {KEY_NO, KEY_COUNT, KEY_TENSORS};
    for (int i = 0; i < SPLIT_KEYS; i++)
        WEIR_TRY(read_natural(meta, path, keys[i], &values[i], err));
    if (part == 1)
        expected[2] = *n_tensors = values[2];
    for (int i = 0; i < SPLIT_KEYS; i++)
        if (values[i] != expected[i])
            return weir_bad_file(err, path, weir_gguf_meta_find(meta, keys[i])->offset,
                                 "%s is %" PRIu64 ", expected %" PRIu64 " for part %" PRIu64
                                 " of %" PRIu64,
                                 keys[i], values[i], expected[i], part, count);
    return WEIR_STATUS_OK;
}

static weir_status open_part(weir_gguf *g, const char *path, uint64_t part, uint64_t count,
                             uint64_t *n_tensors, weir_error *err) {
    weir_gguf_meta other = {0};
    weir_gguf_meta *meta = part == 1 ? &g->meta : &other;
    weir_status status = weir_gguf_add_part(g, path, meta, err);
    if (status == WEIR_STATUS_OK)
        status = check_keys(meta, path, part, count, n_tensors, err);
    weir_gguf_meta_clear(&other);
    return status == WEIR_STATUS_OK
               ? status
               : weir_fail_within(err, status, "part %" PRIu64 " of %" PRIu64, part, count);
}

weir_status weir_gguf_open_parts(weir_gguf *g, const char *path, uint64_t count, weir_error *err) {
    size_t n_stem;
    uint64_t named_part, named_count;
    if (!parse_path(path, &n_stem, &named_part, &named_count) || named_count != count)
        return weir_bad_file(err, path, 0,
                             "one of %" PRIu64 " parts, expected a name NAME-0000i-of-%05" PRIu64
                             ".gguf to find the others by",
                             count, count);
    char *other = malloc(n_stem + SUFFIX_ROOM);
    if (!other)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to open its parts", path);
    memcpy(other, path, n_stem);
    weir_status status = WEIR_STATUS_OK;
    uint64_t n_tensors = 0;
    for (uint64_t part = 1; part <= count && status == WEIR_STATUS_OK; part++) {
        snprintf(other + n_stem, SUFFIX_ROOM, "-%05" PRIu64 "-of-%05" PRIu64 ".gguf", part, count);
        status = open_part(g, other, part, count, &n_tensors, err);
    }
    free(other);
    if (status == WEIR_STATUS_OK && g->n_tensors != n_tensors)
        status = weir_bad_file(err, path, 0, "the parts hold %zu tensors, %s says %" PRIu64,
                               g->n_tensors, KEY_TENSORS, n_tensors);
    return status;
}
