/* sampling_meta.h: the sampling that a Hugging Face folder recommends, as GGUF metadata. */
#ifndef WEIR_CONVERT_SAMPLING_META_H
#define WEIR_CONVERT_SAMPLING_META_H

#include "gguf/gguf.h"

/* Adds general.sampling.* from generation_config.json, so that the file made of a folder samples as
 * the folder does. Nothing without that file, or where it says nothing about sampling. */
weir_status weir_sampling_add_meta(weir_gguf_writer *w, const char *folder, weir_error *err);

#endif
