/*
 * tokenizer_encode.c: text into ids. Added tokens are cut out first, in two passes
 * (added_tokens.h); everything between two of them is one text to the regular expression, no matter
 * whose words it holds, so that spans change which control tokens are matched and no other id;
 * every piece goes through the merges.
 */
#include <string.h>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_spans.h"

enum { N_PASSES = 2 };

typedef struct encoding {
    const weir_tokenizer *tokenizer;
    const char *text;
    const weir_added_set *sets[N_PASSES];
    weir_permits permits[N_PASSES]; /* each pass goes forward on its own */
    weir_split_walk *walk;
    weir_bpe_room room;
    weir_id_sink sink;
    weir_error *err;
} encoding;

static weir_status encode_pieces(encoding *e, size_t from, size_t to) {
    const char *text = e->text + from;
    weir_split_walk_start(e->walk, text, to - from);
    for (size_t begin = 0, end;; begin = end) {
        WEIR_TRY(weir_split_walk_next(e->walk, &end, e->err));
        if (end == begin)
            return WEIR_STATUS_OK;
        WEIR_TRY(weir_bpe_encode(&e->tokenizer->bpe, &e->room, text + begin, end - begin, &e->sink,
                                 e->err));
    }
}

/* The next added token of this pass in [from, to); -1: none. */
static int32_t find_added(encoding *e, uint32_t pass, size_t from, size_t to, size_t *start,
                          size_t *end) {
    const weir_added_set *set = e->sets[pass];
    for (size_t at = from; at < to; at++) {
        if (!set->begins[(uint8_t)e->text[at]])
            continue;
        size_t limits[WEIR_N_ADDED_CLASSES];
        weir_permits_from(&e->permits[pass], at, to, limits);
        int32_t id = weir_added_match(set, e->text, at, limits, end);
        if (id >= 0) {
            *start = at;
            return id;
        }
    }
    return -1;
}

static weir_status encode_between(encoding *e, uint32_t pass, size_t from, size_t to) {
    if (from == to)
        return WEIR_STATUS_OK;
    if (pass == N_PASSES)
        return encode_pieces(e, from, to);
    size_t start, end;
    for (int32_t id; (id = find_added(e, pass, from, to, &start, &end)) >= 0; from = end) {
        WEIR_TRY(encode_between(e, pass + 1, from, start));
        weir_id_sink_add(&e->sink, id);
    }
    return encode_between(e, pass + 1, from, to);
}

static weir_status encode_text(encoding *e, size_t n, bool add_special) {
    const weir_tokenizer_info *info = &e->tokenizer->info;
    WEIR_TRY(weir_split_walk_open(&e->walk, e->tokenizer->splitter, e->err));
    if (add_special && info->add_bos && info->bos >= 0)
        weir_id_sink_add(&e->sink, info->bos);
    WEIR_TRY(encode_between(e, 0, 0, n));
    if (add_special && info->add_eos && info->eos >= 0)
        weir_id_sink_add(&e->sink, info->eos);
    return WEIR_STATUS_OK;
}

weir_status weir_tokenizer_encode_counted(const weir_tokenizer *tokenizer, const char *text,
                                          size_t n, const weir_encode_options *options,
                                          int32_t *ids, size_t cap, size_t *n_ids,
                                          uint64_t *n_steps, weir_error *err) {
    *n_ids = 0;
    *n_steps = 0;
    if (n >= UINT32_MAX)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the text has %zu bytes, expected fewer than %u", n, UINT32_MAX);
    encoding e = {.tokenizer = tokenizer,
                  .text = text,
                  .sets = {&tokenizer->added.first, &tokenizer->added.second},
                  .sink = {ids, cap, 0},
                  .err = err};
    WEIR_TRY(weir_permits_open(&e.permits[0], options, n, err));
    e.permits[1] = e.permits[0];
    weir_status status = encode_text(&e, n, options != NULL && options->add_special);
    if (status == WEIR_STATUS_OK)
        *n_ids = e.sink.n;
    *n_steps = e.room.n_steps;
    weir_split_walk_close(&e.walk);
    weir_bpe_room_close(&e.room);
    return status;
}

weir_status weir_tokenizer_encode(const weir_tokenizer *tokenizer, const char *text, size_t n,
                                  const weir_encode_options *options, int32_t *ids, size_t cap,
                                  size_t *n_ids, weir_error *err) {
    uint64_t n_steps;
    return weir_tokenizer_encode_counted(tokenizer, text, n, options, ids, cap, n_ids, &n_steps,
                                         err);
}

weir_status weir_tokenizer_split(const weir_tokenizer *tokenizer, const char *text, size_t n,
                                 size_t *ends, size_t cap, size_t *n_pieces, weir_error *err) {
    *n_pieces = 0;
    weir_split_walk *walk;
    WEIR_TRY(weir_split_walk_open(&walk, tokenizer->splitter, err));
    weir_split_walk_start(walk, text, n);
    size_t n_found = 0;
    weir_status status;
    for (size_t begin = 0, end;; begin = end) {
        WEIR_TRY_GOTO(weir_split_walk_next(walk, &end, err));
        if (end == begin)
            break;
        if (n_found < cap)
            ends[n_found] = end;
        n_found++;
    }
    *n_pieces = n_found;
fail:
    weir_split_walk_close(&walk);
    return status;
}
