/*
 * train_log.h: what a run tells while it goes: OUT/log.jsonl, an object a line, and the same
 * numbers in memory for the plot.
 *
 *   {"kind": "step", "step", "loss", "gradient_norm", "learning_rate", "tokens", ...}
 *   {"kind": "eval", "step", "loss", "bits_per_byte", "sources": {NAME: {"loss", ...}}}
 *   {"kind": "sample", "step", "prompt", "text"}
 *
 * A resumed run begins where its checkpoint stands: lines of later steps are taken out of the file.
 * A log that cannot be written is told once and is no reason to stop.
 */
#ifndef WEIR_TRAIN_TRAIN_LOG_H
#define WEIR_TRAIN_TRAIN_LOG_H

#include "weir.h"
#include <jansson.h>

typedef struct weir_train_log weir_train_log;

/* Lines of steps beyond `last_step` are dropped; 0: all are. Broken lines are dropped too. */
weir_status weir_train_log_open(weir_train_log **out, const char *folder, uint64_t last_step,
                                weir_error *err);
void weir_train_log_close(weir_train_log **log);

/* Takes the object. FAILED with a line if it could not be written, the first time; later OK. */
weir_status weir_train_log_add(weir_train_log *log, json_t *object, weir_error *err);

/* FOLDER/loss.svg from all lines. */
weir_status weir_train_log_plot(const weir_train_log *log, weir_error *err);

#endif
