/*
 * shard.c: packed files of tokens, read.
 *
 * Owns the mapping of an open file. Everything is checked when it is opened, so that reading needs
 * no checks: afterwards ids are in the vocabulary and samples inside the file. The layout is in
 * shard.h. Does not know windows, epochs or batches (loader.h's part of data.h).
 */
#include "train/shard.h"

#include "base/error.h"
#include "base/file.h"
#include "train/data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FLAG_TEXT = 1, MAX_NARROW_VOCAB = 65536 };

static const char magic[8] = "WEIRSHD\n";

struct weir_shard {
    weir_map map;
    weir_shard_view view;
};

static uint32_t get_u16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get_u32(const uint8_t *p) {
    return get_u16(p) | get_u16(p + 2) << 16;
}

static uint64_t get_u64(const uint8_t *p) {
    return (uint64_t)get_u32(p + 4) << 32 | get_u32(p);
}

static uint32_t id_at(const weir_shard_view *v, uint64_t i) {
    return v->id_bytes == 2 ? get_u16(v->ids + 2 * i) : get_u32(v->ids + 4 * i);
}

static bool bit_at(const weir_shard_view *v, uint64_t i) {
    return v->bits[i / 8] >> i % 8 & 1;
}

static uint64_t first_of(const weir_shard_view *v, uint64_t sample) {
    return get_u64(v->first + 8 * sample);
}

/* ---- checking ------------------------------------------------------------------------------ */

static weir_status check_header(const uint8_t *h, size_t size, bool skip_sums, const char *name,
                                weir_error *err) {
    if (size < sizeof magic || memcmp(h, magic, sizeof magic) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 0: not a packed file; expected one that `weir train pack` wrote",
                         name);
    if (size < WEIR_SHARD_HEADER_BYTES)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: %zu bytes: the file is cut short; its header alone has %d", name,
                         size, WEIR_SHARD_HEADER_BYTES);
    if (get_u32(h + 8) != WEIR_SHARD_VERSION)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte 8: version %u, expected %d", name,
                         get_u32(h + 8), WEIR_SHARD_VERSION);
    if (!skip_sums && get_u64(h + 72) != XXH64(h, 72, 0))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 72: the header's checksum does not match: the file is damaged",
                         name);
    if (get_u32(h + 12) > FLAG_TEXT)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte 12: unknown flags %#x", name,
                         get_u32(h + 12));
    return WEIR_STATUS_OK;
}

/* The part of `bytes` bytes behind *at, which moves to the next multiple of 8 behind it. */
static bool take_part(const uint8_t *data, size_t size, uint64_t *at, uint64_t n, uint64_t width,
                      const uint8_t **out) {
    uint64_t left = size - *at;
    if (width > 0 && n > left / width)
        return false;
    *out = data + *at;
    *at += n * width;
    uint64_t n_zeros = (8 - *at % 8) % 8;
    if (n_zeros > size - *at)
        return false;
    *at += n_zeros;
    return true;
}

static weir_status place_parts(weir_shard_view *v, const uint8_t *data, size_t size,
                               const char *name, weir_error *err) {
    uint64_t at = WEIR_SHARD_HEADER_BYTES;
    bool fits = v->n_tokens <= size && v->n_samples <= size &&
                take_part(data, size, &at, v->n_tokens, v->id_bytes, &v->ids) &&
                take_part(data, size, &at, (v->n_tokens + 7) / 8, 1, &v->bits) &&
                take_part(data, size, &at, v->n_samples + 1, 8, &v->first) &&
                take_part(data, size, &at, v->n_vocab, 2, &v->bytes);
    if (!fits || at != size)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: %zu bytes do not hold %llu tokens in %llu samples of a vocabulary of "
                         "%u: the file is cut short or damaged",
                         name, size, (unsigned long long)v->n_tokens,
                         (unsigned long long)v->n_samples, v->n_vocab);
    return WEIR_STATUS_OK;
}

static weir_status check_table(const weir_shard_view *v, const char *name, weir_error *err) {
    uint64_t before = 0;
    for (uint64_t i = 0; i <= v->n_samples; i++) {
        uint64_t first = first_of(v, i);
        bool is_right = i == 0              ? first == 0
                        : i == v->n_samples ? first > before && first == v->n_tokens
                                            : first > before && first < v->n_tokens;
        if (!is_right)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: sample %llu begins at token %llu, behind %llu of %llu: the table "
                             "of samples is damaged",
                             name, (unsigned long long)i, (unsigned long long)first,
                             (unsigned long long)before, (unsigned long long)v->n_tokens);
        if (i < v->n_samples && bit_at(v, first))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: the first token of sample %llu is a target, which nothing "
                             "predicts",
                             name, (unsigned long long)i);
        before = first;
    }
    return WEIR_STATUS_OK;
}

static weir_status check_tokens(const weir_shard_view *v, const char *name, weir_error *err) {
    uint64_t n_targets = 0;
    for (uint64_t i = 0; i < v->n_tokens; i++) {
        uint32_t id = id_at(v, i);
        if (id >= v->n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: token %llu is %u, outside the vocabulary of %u", name,
                             (unsigned long long)i, id, v->n_vocab);
        n_targets += bit_at(v, i);
    }
    if (n_targets != v->n_targets || n_targets == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 40: %llu targets, %llu are marked; expected the same and some",
                         name, (unsigned long long)v->n_targets, (unsigned long long)n_targets);
    return WEIR_STATUS_OK;
}

weir_status weir_shard_parse(weir_shard_view *out, const void *data, size_t size, bool skip_sums,
                             const char *name, weir_error *err) {
    const uint8_t *h = data;
    *out = (weir_shard_view){0};
    WEIR_TRY(check_header(h, size, skip_sums, name, err));
    weir_shard_view v = {
        .is_text = get_u32(h + 12) & FLAG_TEXT,
        .tokenizer_hash = get_u64(h + 16),
        .n_samples = get_u64(h + 24),
        .n_tokens = get_u64(h + 32),
        .n_targets = get_u64(h + 40),
        .n_bytes = get_u64(h + 48),
        .n_vocab = get_u32(h + 56),
        .id_bytes = get_u32(h + 60),
        .hash = get_u64(h + 72),
    };
    if (v.id_bytes != (v.n_vocab <= MAX_NARROW_VOCAB ? 2u : 4u))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 60: %u bytes an id, expected %d for a vocabulary of %u", name,
                         v.id_bytes, v.n_vocab <= MAX_NARROW_VOCAB ? 2 : 4, v.n_vocab);
    WEIR_TRY(place_parts(&v, data, size, name, err));
    if (!skip_sums &&
        get_u64(h + 64) != XXH64(h + WEIR_SHARD_HEADER_BYTES, size - WEIR_SHARD_HEADER_BYTES, 0))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 64: the checksum of the tokens does not match: the file is "
                         "damaged",
                         name);
    WEIR_TRY(check_table(&v, name, err));
    WEIR_TRY(check_tokens(&v, name, err));
    *out = v;
    return WEIR_STATUS_OK;
}

/* ---- open files ---------------------------------------------------------------------------- */

weir_status weir_shard_open(weir_shard **out, const char *path, weir_error *err) {
    *out = NULL;
    weir_shard *shard = calloc(1, sizeof *shard);
    if (!shard)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to open it", path);
    weir_status status;
    WEIR_TRY_GOTO(weir_map_open(&shard->map, path, err));
    WEIR_TRY_GOTO(
        weir_shard_parse(&shard->view, shard->map.data, shard->map.size, false, path, err));
    *out = shard;
    return WEIR_STATUS_OK;
fail:
    weir_shard_close(&shard);
    return status;
}

void weir_shard_close(weir_shard **shard) {
    if (!shard || !*shard)
        return;
    weir_map_close(&(*shard)->map);
    free(*shard);
    *shard = NULL;
}

uint64_t weir_shard_n_samples(const weir_shard *shard) {
    return shard->view.n_samples;
}

uint64_t weir_shard_n_tokens(const weir_shard *shard) {
    return shard->view.n_tokens;
}

uint64_t weir_shard_n_targets(const weir_shard *shard) {
    return shard->view.n_targets;
}

uint32_t weir_shard_n_vocab(const weir_shard *shard) {
    return shard->view.n_vocab;
}

uint64_t weir_shard_hash(const weir_shard *shard) {
    return shard->view.hash; /* of the header, which holds the sum of everything else */
}

uint64_t weir_shard_tokenizer_hash(const weir_shard *shard) {
    return shard->view.tokenizer_hash;
}

bool weir_shard_is_text(const weir_shard *shard) {
    return shard->view.is_text;
}

uint64_t weir_shard_sample_first(const weir_shard *shard, uint64_t i) {
    assert(i <= shard->view.n_samples);
    return first_of(&shard->view, i);
}

size_t weir_shard_sample_n(const weir_shard *shard, uint64_t i) {
    assert(i < shard->view.n_samples);
    return (size_t)(first_of(&shard->view, i + 1) - first_of(&shard->view, i));
}

void weir_shard_read(const weir_shard *shard, uint64_t i, size_t first, size_t n, int32_t *tokens,
                     bool *is_target) {
    const weir_shard_view *v = &shard->view;
    size_t n_sample = weir_shard_sample_n(shard, i);
    assert(first <= n_sample && n <= n_sample - first);
    uint64_t at = first_of(v, i) + first;
    for (size_t k = 0; k < n; k++) {
        tokens[k] = (int32_t)id_at(v, at + k);
        if (is_target)
            is_target[k] = bit_at(v, at + k);
    }
}

bool weir_shard_has_target(const weir_shard *shard, uint64_t i, size_t first, size_t n) {
    uint64_t at = first_of(&shard->view, i) + first;
    for (size_t k = 0; k < n; k++)
        if (bit_at(&shard->view, at + k))
            return true;
    return false;
}

uint32_t weir_shard_token_bytes(const weir_shard *shard, int32_t id) {
    assert(id >= 0 && (uint32_t)id < shard->view.n_vocab);
    return get_u16(shard->view.bytes + 2 * (size_t)id);
}

weir_status weir_pack_sample(const char *path, uint64_t i, int32_t *ids, bool *is_target,
                             size_t cap, size_t *n, weir_error *err) {
    *n = 0;
    weir_shard *shard;
    WEIR_TRY(weir_shard_open(&shard, path, err));
    weir_status status = WEIR_STATUS_OK;
    if (i >= weir_shard_n_samples(shard)) {
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: sample %llu, it has %llu", path,
                           (unsigned long long)i, (unsigned long long)weir_shard_n_samples(shard));
    } else {
        *n = weir_shard_sample_n(shard, i);
        weir_shard_read(shard, i, 0, *n < cap ? *n : cap, ids, is_target);
    }
    weir_shard_close(&shard);
    return status;
}
