/*
 * safetensors.h: the tensors of one .safetensors file or of a folder (model.safetensors, or
 * model.safetensors.index.json with its shards). Checked like GGUF: header length, JSON, types,
 * shapes, offsets inside the file, no overlap, no duplicate names.
 */
#ifndef WEIR_GGUF_SAFETENSORS_H
#define WEIR_GGUF_SAFETENSORS_H

#include "gguf/tensor.h"

typedef struct weir_safetensors weir_safetensors;

/* path: a file or a folder. */
weir_status weir_safetensors_open(weir_safetensors **out, const char *path, weir_error *err);
weir_status weir_safetensors_open_memory(weir_safetensors **out, const void *data, size_t size,
                                         const char *name, weir_error *err);
void weir_safetensors_close(weir_safetensors **st);
/* weir_mapped_prefer_huge of all its files; false for one opened from memory. */
bool weir_safetensors_prefer_huge(const weir_safetensors *st);
size_t weir_safetensors_n_tensors(const weir_safetensors *st);
const weir_tensor *weir_safetensors_at(const weir_safetensors *st, size_t i);
const weir_tensor *weir_safetensors_find(const weir_safetensors *st, const char *name);
/* An entry of __metadata__, valid as long as the file is open; NULL: there is none. Of a folder
 * with an index: never any. */
const char *weir_safetensors_meta(const weir_safetensors *st, const char *key);
/* Another list in place of the one that was read, for whoever sees several tensors as one. Names,
 * each once, are copied; the array [n], malloc'ed, is taken also on failure. */
weir_status weir_safetensors_replace(weir_safetensors *st, weir_tensor *tensors, size_t n,
                                     weir_error *err);

/* One file written at once: header, then data in order. Streams like the GGUF writer. The header
 * gets the __metadata__ {"format": "pt"}, which the reference implementation's loaders expect, and
 * what is added to it. */
typedef struct weir_safetensors_writer weir_safetensors_writer;
weir_status weir_safetensors_create(weir_safetensors_writer **out, const char *path, bool overwrite,
                                    weir_error *err);
/* format: F32, F16 or BF16. A failure shows at begin. */
void weir_safetensors_add(weir_safetensors_writer *w, const char *name, const weir_format *format,
                          uint32_t n_dims, const uint64_t *shape);
/* An entry of __metadata__, in UTF-8; one of the same key takes the place of the one before. A
 * failure shows at begin. */
void weir_safetensors_add_meta(weir_safetensors_writer *w, const char *key, const char *value);
weir_status weir_safetensors_begin(weir_safetensors_writer *w, weir_error *err);
weir_status weir_safetensors_write(weir_safetensors_writer *w, const void *data, size_t n,
                                   weir_error *err);
weir_status weir_safetensors_commit(weir_safetensors_writer **w, weir_error *err);
void weir_safetensors_abort(weir_safetensors_writer **w);

#endif
