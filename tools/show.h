/* show.h: what `weir show` has found out about a model, and its two forms on paper. */
#ifndef WEIR_TOOLS_SHOW_H
#define WEIR_TOOLS_SHOW_H

#include "weir.h"

enum { WEIR_SHOW_TYPES = 64, WEIR_SHOW_CONTEXTS = 8 };

typedef struct weir_show_type {
    const char *name;
    uint64_t n_tensors, bytes;
} weir_show_type;

typedef struct weir_show_check {
    uint64_t n_nan, n_inf;
} weir_show_check;

typedef struct weir_show {
    const char *path;
    const weir_model *model;
    weir_model_info info;
    char *layers;                         /* "cca ccca": c convolution, a attention; owned */
    weir_show_type type[WEIR_SHOW_TYPES]; /* [n_types], most bytes first */
    size_t n_types;
    weir_plan plan[WEIR_SHOW_CONTEXTS]; /* [n_plans], by rising n_ctx */
    size_t n_plans;
    const char *kv_type;
    weir_show_check *check; /* [tensors of the model], owned; NULL: not asked for */
    size_t n_bad;           /* tensors with values that are not finite */
    bool wants_tensors, wants_metadata;
} weir_show;

/* Both print to standard output. */
void weir_show_as_text(const weir_show *show);
/* NO_MEMORY is its only failure. */
weir_status weir_show_as_json(const weir_show *show, weir_error *err);

/* Metadata entry i as text, malloc'ed, *n bytes; NULL without memory. */
char *weir_show_meta(const weir_model *model, size_t i, const char **key, const char **type,
                     size_t *n);

#endif
