/*
 * eval_result.h: what an evaluation found, in memory and as a JSON file (docs/eval.md): model and
 * data with their hashes, settings, metrics with errors, and the single items they come from.
 *
 * Two results of one kind, data and settings can be compared (eval_compare.h); so whatever changes
 * the numbers, and is neither model nor data, belongs into the settings.
 */
#ifndef WEIR_TOOLS_EVAL_RESULT_H
#define WEIR_TOOLS_EVAL_RESULT_H

#include "options.h"
#include "weir.h"

#include <jansson.h>

enum {
    WEIR_EVAL_NAME = 64,
    WEIR_EVAL_HASH = 33, /* an xxh128 in hex, and a 0 */
    WEIR_EVAL_METRICS = 64,
    WEIR_EVAL_LABEL = 256
};

typedef struct weir_eval_metric {
    char name[WEIR_EVAL_NAME];
    double value; /* NaN: not measured, null in JSON */
    double error; /* standard error of value; NaN: unknown */
} weir_eval_metric;

/* A model, or the base it is measured against. */
typedef struct weir_eval_subject {
    char *path; /* owned; NULL: there is none */
    char name[WEIR_EVAL_LABEL], file_type[WEIR_EVAL_NAME];
    char hash[WEIR_EVAL_HASH]; /* of the bytes of its files */
} weir_eval_subject;

typedef struct weir_eval_result {
    char version[WEIR_EVAL_NAME]; /* of weir */
    char kind[WEIR_EVAL_NAME];    /* "ppl", "kl", "choice", "gsm8k", ... */
    weir_eval_subject model, base;
    char *data_path;                /* owned */
    char data_hash[WEIR_EVAL_HASH]; /* of its bytes */
    json_t *settings;               /* object, owned */
    weir_eval_metric metric[WEIR_EVAL_METRICS];
    size_t n_metrics;
    /* Array, owned; NULL: none. An item is an object with a unique "id" (text) and "scores", an
     * object of numbers by names of metrics, each metric being their mean. What an item counts in
     * it is "weight", or by the metric's name in the object "weights"; without either 1. Other
     * members are the suite's own. */
    json_t *items;
    json_t *details; /* object, owned, NULL: none: tables of the kind: "layers", "categories" */
    double seconds;
    bool has_failed; /* something of it was lost for want of memory */
} weir_eval_result;

/* kind as above, version that of this program. NO_MEMORY is the only failure.
 * weir_eval_result_free is due also after a failure. */
weir_status weir_eval_result_begin(weir_eval_result *out, const char *kind, weir_error *err);
void weir_eval_result_free(weir_eval_result *result);

/* Names a model and hashes all its files (the parts of a split; of a folder weights, configuration,
 * tokenizer and template). IO, NO_MEMORY, CANCELLED by an interrupt. progress may be NULL. */
weir_status weir_eval_subject_set(weir_eval_subject *out, const char *path, const weir_model *model,
                                  const weir_progress *progress, weir_error *err);
/* Mixes adapters into the hash, in their order: with others it is another model. */
weir_status weir_eval_subject_adapt(weir_eval_subject *out, const weir_string_list *specs,
                                    weir_error *err);
void weir_eval_subject_free(weir_eval_subject *subject);

/* Names the data and hashes the file. */
weir_status weir_eval_result_data(weir_eval_result *result, const char *path, weir_error *err);
/* The same for data that is no file, by the bytes [n] that it is told from. */
weir_status weir_eval_result_data_bytes(weir_eval_result *result, const char *path,
                                        const void *bytes, size_t n, weir_error *err);

/* Take over a reference to value; NULL, as jansson leaves it without memory, shows when the result
 * is made into JSON. */
void weir_eval_result_set(weir_eval_result *result, const char *setting, json_t *value);
void weir_eval_result_item(weir_eval_result *result, json_t *item);
void weir_eval_result_detail(weir_eval_result *result, const char *name, json_t *value);

void weir_eval_result_metric(weir_eval_result *result, const char *name, double value,
                             double error);
/* NULL: there is none of this name. */
const weir_eval_metric *weir_eval_result_find(const weir_eval_result *result, const char *name);

/* sum(w x) / sum(w) and its standard error, by linearization: the items are independent, their
 * weights not fixed (Cochran, Sampling Techniques, 6.4). weights NULL: 1 each. n 0: NaN; n 1: no
 * error. */
void weir_eval_mean(const double *scores, const double *weights, size_t n, double *mean,
                    double *error);

/* NULL without memory. Without items: for the terminal. */
json_t *weir_eval_result_json(const weir_eval_result *result, bool with_items);
/* To a file that appears whole or not at all and replaces what is there. */
weir_status weir_eval_result_write(const weir_eval_result *result, const char *path,
                                   weir_error *err);
/* To be asked before the work: FAILED if path is there and may not be replaced. NULL is fine. */
weir_status weir_eval_result_may_write(const char *path, bool overwrite, weir_error *err);
/* On one line to standard output, without items. */
weir_status weir_eval_result_print(const weir_eval_result *result, weir_error *err);

/* Text [n] of any bytes. BAD_FILE with "where" and the member that is not as expected; then *out
 * is empty. */
weir_status weir_eval_result_parse(weir_eval_result *out, const char *text, size_t n,
                                   const char *where, weir_error *err);
weir_status weir_eval_result_read(weir_eval_result *out, const char *path, weir_error *err);

/* Are two objects of settings equal? If not, what (cap): the first that is not, with both values:
 * "ctx: 512 and 2048". */
bool weir_eval_same_settings(json_t *a, json_t *b, char *what, size_t cap);

/* A number as JSON, null for what is not finite. */
json_t *weir_eval_number(double value);

/* The mean of score `name` over the items that have it, each by its weight, with the standard error
 * that treats items as independent; *n of them (NULL: not asked for). */
void weir_eval_item_mean(const weir_eval_result *result, const char *name, double *mean,
                         double *error, size_t *n);
/* An item's score and weight; false: it has none of this name. */
bool weir_eval_item_score(const json_t *item, const char *name, double *score, double *weight);

/* xxh128 of bytes in hex. */
void weir_eval_hash_bytes(char out[WEIR_EVAL_HASH], const void *bytes, size_t n);
weir_status weir_eval_hash_file(char out[WEIR_EVAL_HASH], const char *path, weir_error *err);

#endif
