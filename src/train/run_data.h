/*
 * run_data.h: the packed data of a run. What a run file names is packed once into
 * OUT/data/NAME.shard; beside it NAME.stamp says what it was made of, and where that has not
 * changed it is used again. Of generated text the stamp holds a hash of some samples as they are
 * made now.
 */
#ifndef WEIR_TRAIN_RUN_DATA_H
#define WEIR_TRAIN_RUN_DATA_H

#include "train/data.h"
#include "train/run_file.h"

typedef struct weir_run_data {
    weir_shard *train[WEIR_RUN_MAX_SOURCES];      /* [n_train] */
    weir_shard *validation[WEIR_RUN_MAX_SOURCES]; /* [n_validation] */
    size_t n_train, n_validation;
    uint64_t hash;     /* of the data that is learned from */
    uint64_t n_tokens; /* of it, each counted once */
} weir_run_data;

typedef struct weir_run_data_options {
    const char *out;         /* folder of the run; made if it is missing */
    uint64_t tokenizer_hash; /* what the data must be packed with */
    uint64_t template_hash;  /* the same, of its template */
    uint32_t n_threads;
    bool no_packing; /* open what is there and leave the others NULL */
    void (*on_note)(void *context, const char *line);
    /* While NAME is packed: samples, or bytes of its file; done == total at its end. */
    void (*on_packing)(void *context, const char *name, uint64_t done, uint64_t total);
    bool (*is_cancelled)(void *context);
    void *context;
} weir_run_data_options;

/* CANCELLED between and within packings. */
weir_status weir_run_data_open(weir_run_data *out, const weir_run_file *file,
                               const weir_run_data_options *options, weir_error *err);
void weir_run_data_close(weir_run_data *data);

#endif
