/*
 * engine_shape.h: what decides how much memory an engine of the program takes and is not said in so
 * many words on its command line: what `weir run` and `weir serve` add of their own, and K/V pages
 * for so many bytes.
 *
 * They open their engines with it and `weir plan` tells what those take, so that all mean the same.
 */
#ifndef WEIR_TOOLS_ENGINE_SHAPE_H
#define WEIR_TOOLS_ENGINE_SHAPE_H

#include "weir.h"

enum {
    WEIR_SHAPE_GUESSING = 8 /* timelines of a server that have an index to guess from, at most */
};

/* The value of --lookup: NULL and "auto" are 8 guesses, "off" none. BAD_ARGUMENT: what was
 * expected.
 */
weir_status weir_shape_lookup(uint32_t *n_lookup, const char *text, weir_error *err);

/* What a server makes of it on this device: one that has memory of its own runs rows ahead itself
 * and guesses nothing. text: what --lookup was. BAD_ARGUMENT where it was a number. */
weir_status weir_shape_lookup_on(uint32_t *n_lookup, const char *device, const char *text,
                                 weir_error *err);

/* An engine for one conversation whose steps run up to n_lookup guesses ahead. */
void weir_shape_for_run(weir_engine_options *options, uint32_t n_lookup);

/* An engine for serving: timelines, rows of a step, snapshots and rows of logits, of which n_seqs
 * and n_batch stay as they are where they are not 0. Timelines guess n_lookup tokens each in a
 * step, 16 together. */
void weir_shape_for_serving(weir_engine_options *options, uint32_t n_lookup);

/* As many K/V pages as kv_bytes hold, but at least those of one whole timeline, and no more than
 * all timelines may need. */
weir_status weir_shape_pages(weir_engine_options *options, const weir_model *model,
                             uint64_t kv_bytes, weir_error *err);

/* Memory that is available to an engine on this device: the machine's, or the device's own. FAILED
 * as weir_device_look. */
weir_status weir_shape_memory(uint64_t *out, const char *device, weir_error *err);

/* What activations are on this device: as asked for, or where that is NULL the device's default. */
weir_status weir_shape_activations(const char **out, const weir_model *model, const char *device,
                                   const char *activations, weir_error *err);

#endif
