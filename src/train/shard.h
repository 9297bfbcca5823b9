/*
 * shard.h: packed files from the inside: the parser, and the writer that makes one sample by
 * sample.
 *
 *   offset  bytes  header, little-endian
 *        0      8  "WEIRSHD\n"
 *        8      4  version, 1
 *       12      4  flags: 1 the samples are documents, not conversations
 *       16      8  weir_tokenizer_hash of the tokenizer
 *       24      8  samples, N
 *       32      8  tokens, T
 *       40      8  targets
 *       48      8  bytes of text that the tokens were made of
 *       56      4  vocabulary, V: ids are below
 *       60      4  bytes of one id: 2 up to a vocabulary of 65,536, else 4
 *       64      8  XXH64 of all that follows the header
 *       72      8  XXH64 of bytes 0 .. 71
 *       80         ids [T]; bits [T], the lowest first: is it a target?; first token of each sample
 *                  [N + 1], 8 bytes each, the last is T; bytes of text of each id [V], 2 bytes
 * each. Each of the four begins at a multiple of 8, with zeros before it where needed.
 *
 * A sample has a token at least, and its first is no target: nothing predicts it.
 */
#ifndef WEIR_TRAIN_SHARD_H
#define WEIR_TRAIN_SHARD_H

#include "weir.h"

enum { WEIR_SHARD_VERSION = 1, WEIR_SHARD_HEADER_BYTES = 80 };

/* A packed file in memory, checked. Pointers into the data. */
typedef struct weir_shard_view {
    const uint8_t *ids;   /* [n_tokens, id_bytes] */
    const uint8_t *bits;  /* [n_tokens] */
    const uint8_t *first; /* [n_samples + 1] uint64 */
    const uint8_t *bytes; /* [n_vocab] uint16 */
    uint64_t hash, tokenizer_hash;
    uint64_t n_samples, n_tokens, n_targets, n_bytes;
    uint32_t n_vocab, id_bytes;
    bool is_text;
} weir_shard_view;

/* Checks all of it: the sums (unless skip_sums), sizes, order of the table, every id, the count of
 * targets. BAD_FILE with name and place. */
weir_status weir_shard_parse(weir_shard_view *out, const void *data, size_t size, bool skip_sums,
                             const char *name, weir_error *err);

/* A packed file under construction. */
typedef struct weir_shard_writer weir_shard_writer;

weir_status weir_shard_writer_open(weir_shard_writer **out, const char *path,
                                   const weir_tokenizer *tokenizer, bool overwrite,
                                   weir_error *err);
/* One more sample [n], n >= 1, ids of the tokenizer; is_target[0] counts as false. n_bytes: of its
 * text. */
weir_status weir_shard_writer_add(weir_shard_writer *writer, const int32_t *ids,
                                  const bool *is_target, size_t n, uint64_t n_bytes,
                                  weir_error *err);
uint64_t weir_shard_writer_n_samples(const weir_shard_writer *writer);
uint64_t weir_shard_writer_n_tokens(const weir_shard_writer *writer);
uint64_t weir_shard_writer_n_targets(const weir_shard_writer *writer);
/* Writes the tables and gives the file its name. Frees *writer also on failure. */
weir_status weir_shard_writer_commit(weir_shard_writer **writer, bool is_text, weir_error *err);
void weir_shard_writer_abort(weir_shard_writer **writer); /* NULL is fine */

#endif
