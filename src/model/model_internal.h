/*
 * model_internal.h: what the files of this room share. Nothing outside src/model includes it, but
 * its tests.
 */
#ifndef WEIR_MODEL_INTERNAL_H
#define WEIR_MODEL_INTERNAL_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "model/model.h"

enum {
    WEIR_MAX_CONFIG_BYTES = 1024 * 1024, /* real ones have two or three thousand */
    WEIR_MODEL_NAME_BYTES = 256,
    WEIR_SHOWN_TEXT = 60 /* bytes of foreign text that a message shows */
};

/* Where a model comes from. Exactly one of gguf and safetensors is not NULL. */
struct weir_model_source {
    atomic_uint n_refs;
    char *path; /* as given to open */
    weir_gguf *gguf;
    weir_safetensors *safetensors;
    weir_packings *packings; /* of a folder */
    json_t *config;          /* of a folder: its config.json, an object */
    const char **config_key; /* [n_config_keys] in the order of the file */
    size_t n_config_keys;
    char name[WEIR_MODEL_NAME_BYTES];
    weir_arena arena; /* layers, tables of experts, widened vectors */
};

/* Parses a JSON file of a model folder that must be an object; the caller drops the reference.
 * Errors: BAD_FILE with the place. */
weir_status weir_config_parse(json_t **out, const char *json, size_t size, const char *name,
                              weir_error *err);

/* The tensors of a source, whatever its form. */
size_t weir_model_source_n_tensors(const struct weir_model_source *s);
const weir_tensor *weir_model_source_tensor_at(const struct weir_model_source *s, size_t i);
const weir_tensor *weir_model_source_find(const struct weir_model_source *s, const char *name);

/* Binds the tensors of model->source to the typed fields, after model->h has been read. Opens the
 * source's arena. Error lines name the tensor, not the file. */
weir_status weir_model_bind(weir_model *model, weir_error *err);

/* Fills model->info and model->source->name of a bound model. */
void weir_model_fill_info(weir_model *model);
uint64_t weir_model_make_fingerprint(const weir_model *model);

#endif
