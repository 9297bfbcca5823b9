/*
 * checkpoint.h: a training run at rest, in one safetensors file: from it the run goes on bit for
 * bit as if it had never stopped.
 *
 *   NAME          f32 weights by their Hugging Face names, expert_bias
 *   adam_m.NAME   first moments      adam_v.NAME   second moments
 *   __metadata__  what weir_train_state holds, a hash over it, and one over the data of all tensors
 *
 * The file appears whole or not at all; what was damaged since shows by its hash.
 */
#ifndef WEIR_TRAIN_CHECKPOINT_H
#define WEIR_TRAIN_CHECKPOINT_H

#include "train/data.h"
#include "train/optimizer.h"
#include "train/outlier.h"
#include "train/run_file.h"

enum { WEIR_KERNELS_TEXT = 64 };

typedef struct weir_train_state {
    uint64_t step;     /* steps done, skipped ones included */
    uint64_t n_moves;  /* of the optimizer */
    uint64_t n_tokens; /* seen */
    uint64_t n_skipped;
    uint64_t n_skipped_in_a_row;
    weir_loader_cursor cursors[WEIR_RUN_MAX_SOURCES]; /* [n_cursors] */
    size_t n_cursors;
    weir_outlier loss_outlier, norm_outlier;
    double eval_loss, eval_bits_per_byte; /* of the last evaluation; NAN: none yet */
    double best_loss;                     /* of all evaluations; NAN: none yet */
    uint64_t best_step;                   /* whose checkpoint is kept; 0: none */
    double seconds;                       /* of training, over all calls */
    uint64_t config_hash, tokenizer_hash, data_hash;
    uint64_t eval_hash; /* of what best_loss was measured on; 0: an older program's, unknown */
    char kernels[WEIR_KERNELS_TEXT]; /* of the device: bits hang on it */
} weir_train_state;

weir_status weir_checkpoint_save(const char *path, weir_graph *graph, weir_optimizer *optimizer,
                                 const weir_train_state *state, weir_error *err);

/*
 * Nothing is touched before all is checked. *state in: the hashes that the file must have and the
 * number of cursors; out: the file's. BAD_FILE: damaged, or of another form; FAILED: whole, but of
 * another run file, tokenizer or data. kernels is not compared.
 */
weir_status weir_checkpoint_load(const char *path, weir_graph *graph, weir_optimizer *optimizer,
                                 weir_train_state *state, weir_error *err);

/* ---- a folder of them ---- */

/* FOLDER/ckpt-STEP.safetensors, malloc'ed; NULL without memory. */
char *weir_checkpoint_path(const char *folder, uint64_t step);

/* The steps of a folder's checkpoints, ascending, malloc'ed. A folder that is not there has none.
 */
weir_status weir_checkpoint_list(const char *folder, uint64_t **steps, size_t *n, weir_error *err);

/* Deletes those of steps up to `step` but for the newest n_keep and that of best_step; n_keep 0:
 * all of them. Those of later steps are none of this run's yet. As far as that goes: what cannot be
 * deleted stays. */
void weir_checkpoint_prune(const char *folder, uint64_t step, uint32_t n_keep, uint64_t best_step);

#endif
