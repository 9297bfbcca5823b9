/*
 * vocab_parts.h: the two parts weir_train_vocab is made of: counting the pieces of a text, and
 * finding merges for them.
 */
#ifndef WEIR_TRAIN_VOCAB_PARTS_H
#define WEIR_TRAIN_VOCAB_PARTS_H

#include "weir.h"

/* ---- pieces: vocab_pieces.c ----------------------------------------------------------------- */

typedef struct weir_piece {
    const char *text; /* [n] */
    size_t n;
    uint64_t count;
} weir_piece;

/* How often each piece occurs, as the family's expression cuts texts. */
typedef struct weir_piece_counter weir_piece_counter;

weir_status weir_piece_counter_open(weir_piece_counter **out, uint32_t n_threads, weir_error *err);
void weir_piece_counter_close(weir_piece_counter **counter);
/* Texts are cut alone: no piece reaches from one into the next. */
weir_status weir_piece_counter_add(weir_piece_counter *counter, const char *text, size_t n,
                                   weir_error *err);
/* After the last text: all pieces, in an order that no thread has a say in. Until close. */
weir_status weir_piece_counter_finish(weir_piece_counter *counter, const weir_piece **pieces,
                                      size_t *n, weir_error *err);

/* ---- merges: vocab_merges.c ----------------------------------------------------------------- */

enum { WEIR_VOCAB_BYTES = 32, WEIR_VOCAB_MERGED = 288 }; /* first ids; all others are special */

typedef struct weir_merge {
    int32_t left, right; /* merge i makes token WEIR_VOCAB_MERGED + i */
} weir_merge;

/*
 * Byte pair encoding (Sennrich, Haddow, Birch 2016): again and again the pair that occurs most
 * often becomes a token, of equal ones the smaller. Pairs that hold an ASCII digit are left out
 * unless merge_digits.
 *
 * n_joins > 0: the last of them, and they alone, join a word's first token with the blank or mark
 * in front of it. So a word is cut alike wherever it stands, but for that first token.
 *
 * merges [n]; BAD_ARGUMENT if the pieces have not that many pairs that occur twice. n_tokens: of
 * all pieces together, afterwards.
 */
weir_status weir_merges_find(weir_merge *merges, uint32_t n, uint32_t n_joins,
                             const weir_piece *pieces, size_t n_pieces, bool merge_digits,
                             const weir_progress *progress, uint64_t *n_tokens, weir_error *err);

#endif
