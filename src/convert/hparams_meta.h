/* hparams_meta.h: hyperparameters written out, as GGUF metadata and as config.json. The inverse of
 * weir_hparams_from_gguf and weir_hparams_from_json. */
#ifndef WEIR_CONVERT_HPARAMS_META_H
#define WEIR_CONVERT_HPARAMS_META_H

#include "model/model.h"

/* Everything under the architecture's prefix, and general.architecture, .type and .name. */
void weir_hparams_add_meta(weir_gguf_writer *w, const weir_hparams *h, const char *name);

/* general.file_type and general.quantization_version. */
void weir_format_add_meta(weir_gguf_writer *w, const weir_format *format);

/* The number llama.cpp gives a file whose matrices are mostly of this format. */
uint32_t weir_format_file_type(const weir_format *format);

/* The text of a config.json with weights of `format`, 0-terminated, malloc'ed; NULL without
 * memory. */
char *weir_hparams_to_json(const weir_hparams *h, const weir_format *format);

#endif
