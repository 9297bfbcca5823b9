/*
 * data.h: samples for training: packed files of tokens, their order, and the batches made of them.
 *
 * A weir_shard is one packed file, mapped: samples (a document or a conversation), their tokens and
 * which of them are targets. A weir_loader draws from several shards by weight, in an order that is
 * a pure function of the seed: its whole state is one cursor a source, so a run resumes exactly.
 *
 * Documents longer than a sequence are divided into windows of n_context tokens; conversations are
 * never divided (weir_train_pack cuts those that are too long). The last token of a sample predicts
 * nothing.
 */
#ifndef WEIR_TRAIN_DATA_H
#define WEIR_TRAIN_DATA_H

#include "backend/train_ops.h"
#include "train/graph.h"
#include "weir_train.h"

/* Opening, closing, counting and reading stand in weir_train.h. */
uint64_t weir_shard_n_targets(const weir_shard *shard);
uint32_t weir_shard_n_vocab(const weir_shard *shard);        /* all ids are below */
uint64_t weir_shard_hash(const weir_shard *shard);           /* of all its bytes */
uint64_t weir_shard_tokenizer_hash(const weir_shard *shard); /* weir_tokenizer_hash of its maker */
/* Where sample i begins among all tokens; i = n_samples: the end. */
uint64_t weir_shard_sample_first(const weir_shard *shard, uint64_t i);
/* Is any token of [first, first + n) of sample i a target? */
bool weir_shard_has_target(const weir_shard *shard, uint64_t i, size_t first, size_t n);

/* Hash over ids and bytes of all tokens: two tokenizers that agree on it write the same shards. */
uint64_t weir_tokenizer_hash(const weir_tokenizer *tokenizer);

typedef struct weir_loader_source {
    const weir_shard *shard;
    const char *name;
    double weight; /* share of the tokens; they need not sum to 1; 0: not used now */
} weir_loader_source;

/* Where a source stands: what a checkpoint keeps, all of it. */
typedef struct weir_loader_cursor {
    uint64_t epoch, next; /* index into the epoch's permutation of windows */
    uint64_t n_tokens;    /* drawn so far, from all epochs */
    uint64_t n_context;   /* the length of the windows that `next` counts; 0: whatever it is now */
    int64_t credit;       /* how far it is behind its share, in parts of a token, 2^-20 */
} weir_loader_cursor;

typedef struct weir_loader weir_loader;

/* Sources are copied, shards kept by the caller. n_context >= 2: tokens of one window. */
weir_status weir_loader_open(weir_loader **out, const weir_loader_source *sources, size_t n_sources,
                             uint32_t n_context, uint64_t seed, weir_error *err);
void weir_loader_close(weir_loader **loader);
/* Another stage of the run: weights [n_sources] and window length. Sources whose windows change
 * begin a new epoch when they are next drawn from. What is drawn next hangs on the cursors, the
 * weights and the length alone, so it does not matter whether cursors are set before or after. */
weir_status weir_loader_set_stage(weir_loader *loader, const double *weights, uint32_t n_context,
                                  weir_error *err);
void weir_loader_get_cursors(const weir_loader *loader, weir_loader_cursor *out); /* [n_sources] */
void weir_loader_set_cursors(weir_loader *loader, const weir_loader_cursor *cursors);
/* Rows of all windows that are drawn in one epoch of a source. */
uint64_t weir_loader_epoch_rows(const weir_loader *loader, size_t source);

/* Memory of one batch: [cap_rows] and [cap_rows] segments. */
typedef struct weir_batch_room {
    uint32_t cap_rows;
    uint32_t most_rows; /* no window but the first goes beyond; 0: cap_rows. The caller's */
    int32_t *tokens, *targets;
    weir_segment *segments;
    weir_train_batch batch; /* points into the arrays; dropout_key is the trainer's */
    uint64_t n_targets, n_target_bytes;
} weir_batch_room;

weir_status weir_batch_room_open(weir_batch_room *out, uint32_t cap_rows, weir_error *err);
void weir_batch_room_close(weir_batch_room *room);

/* Fills a batch with whole windows until the next one does not fit (it comes first next time). The
 * source of each is the one that is furthest behind its share. Windows without a target are left
 * out. BAD_ARGUMENT: a window is longer than the room. */
weir_status weir_loader_next(weir_loader *loader, weir_batch_room *room, weir_error *err);

/* All windows of one shard in order, for evaluation: *next starts at 0 and is moved; a batch
 * without rows is the end. */
weir_status weir_shard_next(const weir_shard *shard, uint32_t n_context, uint64_t *next,
                            weir_batch_room *room, weir_error *err);

#endif
