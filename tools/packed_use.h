/*
 * packed_use.h: --packed: which file of packed weights an engine of the program maps, and where
 * such files lie (docs/packed.md).
 *
 * For MODEL that is MODEL.packed beside it, or NAME-HASH.packed in $XDG_CACHE_HOME/weir/packed
 * (~/.cache/weir/packed), HASH of the model's own path: where nothing can be written beside the
 * model, and for models in the cache of the hub, which is shared with other programs.
 *
 * A file that does not fit is never a reason to fail: it is said in a line, and the weights are
 * read from the model.
 */
#ifndef WEIR_TOOLS_PACKED_USE_H
#define WEIR_TOOLS_PACKED_USE_H

#include "weir_packed.h"

#define WEIR_PACKED_HELP                                                    \
    "packed weights: a FILE of `weir pack`; auto (default): what it made\n" \
    "for MODEL, if there is any; off: read the weights from MODEL"

/* Both malloc'ed. NULL without memory; the second also where there is no home folder. */
char *weir_packed_beside(const char *model_path);
char *weir_packed_cached(const char *model_path);
/* May a file be written beside the model, and is that the place for it? */
bool weir_packed_goes_beside(const char *model_path);

/* What there is for a model. */
typedef struct weir_packed_found {
    char *path;          /* owned; NULL: nothing */
    weir_packed *packed; /* owned; NULL: it does not fit */
    weir_error trouble;  /* why not */
} weir_packed_found;

/* The first that fits, or else the first that is there. */
void weir_packed_look(weir_packed_found *out, weir_model *model, const char *model_path);
void weir_packed_found_free(weir_packed_found *found);

/* NULL, or which of these options packed weights do not go with: "--no-map". */
const char *weir_packed_hindrance(const weir_engine_options *options);

/* What an engine with these options is to use: choice is the word of --packed, or NULL. *out: NULL,
 * or the caller's to close when the engine is open. BAD_ARGUMENT: a FILE is named, and the options
 * are such that none is used. */
weir_status weir_packed_choose(weir_packed **out, weir_model *model, const char *model_path,
                               const char *choice, const weir_engine_options *options,
                               weir_error *err);
/* Says that they are not used after all, if there are any: experts are read from the disk. */
void weir_packed_tell_streamed(const weir_engine_options *options);

#endif
