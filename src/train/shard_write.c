/*
 * shard_write.c: packed files of tokens, written, and the hash that ties them to a tokenizer.
 *
 * Ids go to the file as they come; the bits and the table of samples stay in memory until the end
 * (a sixteenth of the file, and 8 bytes a sample). The layout is in shard.h.
 */
#include "base/error.h"
#include "base/file.h"
#include "train/data.h"
#include "train/shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { ROOM_IDS = 4096 };

struct weir_shard_writer {
    weir_out *out;
    XXH64_state_t *sum; /* of what follows the header */
    uint8_t *bits;      /* [cap_bits] bytes */
    uint8_t *first;     /* [cap_first] */
    uint8_t *bytes;     /* [n_vocab] uint16 */
    size_t cap_bits, cap_first;
    uint64_t tokenizer_hash, n_samples, n_tokens, n_targets, n_bytes;
    uint32_t n_vocab, id_bytes;
    char *path;
};

static void put_u16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *p, uint32_t v) {
    put_u16(p, v);
    put_u16(p + 2, v >> 16);
}

static void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)v);
    put_u32(p + 4, (uint32_t)(v >> 32));
}

/* ---- tokenizers ---------------------------------------------------------------------------- */

uint64_t weir_tokenizer_hash(const weir_tokenizer *tokenizer) {
    weir_tokenizer_info info;
    weir_tokenizer_get_info(tokenizer, &info);
    uint64_t hash = 0;
    for (size_t id = 0; id < info.n_tokens; id++) {
        const char *bytes;
        size_t n;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, (int32_t)id, &bytes, &n);
        /* A GGUF fills its vocabulary up, a tokenizer.json of the same model does not. */
        if (kind == WEIR_TOKEN_NONE || kind == WEIR_TOKEN_UNUSED)
            continue;
        uint8_t head[16];
        put_u64(head, hash);
        put_u64(head + 8, id);
        hash = XXH64(bytes, n, XXH64(head, sizeof head, 0));
    }
    return hash;
}

/* Bytes of text of each id: none for what only frames text. */
static weir_status take_bytes(weir_shard_writer *w, const weir_tokenizer *tokenizer,
                              weir_error *err) {
    for (uint32_t id = 0; id < w->n_vocab; id++) {
        const char *bytes;
        size_t n;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, (int32_t)id, &bytes, &n);
        if (kind != WEIR_TOKEN_NORMAL && kind != WEIR_TOKEN_USER_DEFINED)
            n = 0;
        if (n > UINT16_MAX)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "token %u stands for %zu bytes; a packed file takes %d at most", id, n,
                             UINT16_MAX);
        put_u16(w->bytes + 2 * (size_t)id, (uint32_t)n);
    }
    return WEIR_STATUS_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static weir_status write_body(weir_shard_writer *w, const void *data, size_t n, weir_error *err) {
    XXH64_update(w->sum, data, n);
    return weir_out_write(w->out, data, n, err);
}

static weir_status write_zeros(weir_shard_writer *w, weir_error *err) {
    static const uint8_t zeros[8];
    return write_body(w, zeros, (size_t)((8 - weir_out_tell(w->out) % 8) % 8), err);
}

static weir_status fail_memory(const weir_shard_writer *w, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", w->path);
}

weir_status weir_shard_writer_open(weir_shard_writer **out, const char *path,
                                   const weir_tokenizer *tokenizer, bool overwrite,
                                   weir_error *err) {
    static const uint8_t header[WEIR_SHARD_HEADER_BYTES];
    weir_tokenizer_info info;
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    weir_tokenizer_get_info(tokenizer, &info);
    weir_shard_writer *w = calloc(1, sizeof *w);
    if (!w)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    assert(info.n_tokens <= UINT32_MAX); /* tokenizers have far fewer */
    w->n_vocab = (uint32_t)info.n_tokens;
    w->id_bytes = w->n_vocab <= 65536 ? 2 : 4;
    w->tokenizer_hash = weir_tokenizer_hash(tokenizer);
    w->path = strdup(path);
    w->sum = XXH64_createState();
    w->bytes = calloc((size_t)w->n_vocab + 1, 2);
    if (!w->path || !w->sum || !w->bytes) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
        goto fail;
    }
    XXH64_reset(w->sum, 0);
    WEIR_TRY_GOTO(take_bytes(w, tokenizer, err));
    WEIR_TRY_GOTO(weir_out_open(&w->out, path, overwrite, err));
    WEIR_TRY_GOTO(weir_out_write(w->out, header, sizeof header, err));
    *out = w;
    return WEIR_STATUS_OK;
fail:
    weir_shard_writer_abort(&w);
    return status;
}

void weir_shard_writer_abort(weir_shard_writer **writer) {
    if (!writer || !*writer)
        return;
    weir_shard_writer *w = *writer;
    weir_out_abort(&w->out);
    XXH64_freeState(w->sum);
    free(w->bits);
    free(w->first);
    free(w->bytes);
    free(w->path);
    free(w);
    *writer = NULL;
}

/* At least `bytes` bytes of zeroed room at *room. */
static bool make_room(uint8_t **room, size_t *cap, size_t bytes) {
    if (bytes <= *cap)
        return true;
    size_t new_cap = *cap < 4096 ? 4096 : *cap * 2;
    if (new_cap < bytes)
        new_cap = bytes;
    uint8_t *p = realloc(*room, new_cap);
    if (!p)
        return false;
    memset(p + *cap, 0, new_cap - *cap);
    *room = p;
    *cap = new_cap;
    return true;
}

static weir_status write_ids(weir_shard_writer *w, const int32_t *ids, size_t n, weir_error *err) {
    uint8_t room[ROOM_IDS * 4];
    for (size_t at = 0; at < n;) {
        size_t n_now = n - at < ROOM_IDS ? n - at : ROOM_IDS;
        for (size_t i = 0; i < n_now; i++) {
            uint32_t id = (uint32_t)ids[at + i];
            assert(id < w->n_vocab);
            if (w->id_bytes == 2)
                put_u16(room + 2 * i, id);
            else
                put_u32(room + 4 * i, id);
        }
        WEIR_TRY(write_body(w, room, n_now * w->id_bytes, err));
        at += n_now;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_shard_writer_add(weir_shard_writer *w, const int32_t *ids, const bool *is_target,
                                  size_t n, uint64_t n_bytes, weir_error *err) {
    assert(n >= 1);
    if (!make_room(&w->bits, &w->cap_bits, (size_t)((w->n_tokens + n + 7) / 8)) ||
        !make_room(&w->first, &w->cap_first, (size_t)(8 * (w->n_samples + 2))))
        return fail_memory(w, err);
    put_u64(w->first + 8 * w->n_samples, w->n_tokens);
    for (size_t i = 1; i < n; i++)
        if (is_target[i]) {
            w->bits[(w->n_tokens + i) / 8] |= (uint8_t)(1u << (w->n_tokens + i) % 8);
            w->n_targets++;
        }
    w->n_tokens += n;
    w->n_bytes += n_bytes;
    w->n_samples++;
    return write_ids(w, ids, n, err);
}

uint64_t weir_shard_writer_n_samples(const weir_shard_writer *w) {
    return w->n_samples;
}

uint64_t weir_shard_writer_n_tokens(const weir_shard_writer *w) {
    return w->n_tokens;
}

uint64_t weir_shard_writer_n_targets(const weir_shard_writer *w) {
    return w->n_targets;
}

static weir_status write_rest(weir_shard_writer *w, bool is_text, weir_error *err) {
    if (!make_room(&w->first, &w->cap_first, (size_t)(8 * (w->n_samples + 1))))
        return fail_memory(w, err);
    put_u64(w->first + 8 * w->n_samples, w->n_tokens);
    WEIR_TRY(write_zeros(w, err));
    WEIR_TRY(write_body(w, w->bits, (size_t)((w->n_tokens + 7) / 8), err));
    WEIR_TRY(write_zeros(w, err));
    WEIR_TRY(write_body(w, w->first, (size_t)(8 * (w->n_samples + 1)), err));
    WEIR_TRY(write_body(w, w->bytes, 2 * (size_t)w->n_vocab, err));
    WEIR_TRY(write_zeros(w, err));

    uint8_t header[WEIR_SHARD_HEADER_BYTES] = "WEIRSHD\n";
    put_u32(header + 8, WEIR_SHARD_VERSION);
    put_u32(header + 12, is_text);
    put_u64(header + 16, w->tokenizer_hash);
    put_u64(header + 24, w->n_samples);
    put_u64(header + 32, w->n_tokens);
    put_u64(header + 40, w->n_targets);
    put_u64(header + 48, w->n_bytes);
    put_u32(header + 56, w->n_vocab);
    put_u32(header + 60, w->id_bytes);
    put_u64(header + 64, XXH64_digest(w->sum));
    put_u64(header + 72, XXH64(header, 72, 0));
    WEIR_TRY(weir_out_patch(w->out, 0, header, sizeof header, err));
    return weir_out_commit(&w->out, err);
}

weir_status weir_shard_writer_commit(weir_shard_writer **writer, bool is_text, weir_error *err) {
    weir_status status = write_rest(*writer, is_text, err);
    weir_shard_writer_abort(writer);
    return status;
}
