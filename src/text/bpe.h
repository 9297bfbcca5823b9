/*
 * bpe.h: one piece of text into token ids by byte pair merges: of all pairs that have a merge the
 * one of lowest rank comes first, then the leftmost, until none is left.
 *
 * A weir_bpe is immutable; any thread may read it. Its time is O(n log n) for any piece. Knows
 * nothing of added tokens and of how text is cut into pieces.
 */
#ifndef WEIR_TEXT_BPE_H
#define WEIR_TEXT_BPE_H

#include "text/lookup.h"
#include "text/token_table.h"

typedef struct weir_bpe {
    int32_t byte_ids[256]; /* -1: the vocabulary has no entry of this byte */
    weir_key_map merges;   /* left << 32 | right: rank << 32 | result */
    weir_text_ids whole;   /* bytes of pieces that become one known token: no merge is looked up */
} weir_bpe;

/*
 * bytes: what each id of the table decodes to, kept by the caller as long as the bpe.
 * ignore_merges: a piece that is an entry is taken whole, also where merges would not lead there.
 * Merges into control tokens are left out, so that no text can make one. BAD_FILE, beginning with
 * name, for a merge of what is no entry. Close it also after a failure.
 */
weir_status weir_bpe_open(weir_bpe *out, const weir_token_table *table, const weir_text *bytes,
                          bool ignore_merges, const char *name, weir_error *err);
void weir_bpe_close(weir_bpe *bpe);

/* Where ids go: all are counted, the first cap are written. */
typedef struct weir_id_sink {
    int32_t *ids; /* [cap] */
    size_t cap, n;
} weir_id_sink;

static inline void weir_id_sink_add(weir_id_sink *sink, int32_t id) {
    if (sink->n < sink->cap)
        sink->ids[sink->n] = id;
    sink->n++;
}

/* Room for long pieces, taken when one comes and used again. Zeros begin; one thread. */
typedef struct weir_bpe_room {
    struct weir_bpe_symbol *symbols; /* [cap_symbols] */
    size_t cap_symbols;
    uint64_t *heap; /* [cap_heap] */
    size_t n_heap, cap_heap;
    uint64_t n_steps; /* merges tried, over all pieces: what the time grows with */
} weir_bpe_room;

void weir_bpe_room_close(weir_bpe_room *room);

/* Appends the ids of piece [n], n < 2^32, to the sink. UNSUPPORTED names a byte that the vocabulary
 * does not have. */
weir_status weir_bpe_encode(const weir_bpe *bpe, weir_bpe_room *room, const char *piece, size_t n,
                            weir_id_sink *sink, weir_error *err);

#endif
