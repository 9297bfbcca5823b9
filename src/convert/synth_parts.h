/* synth_parts.h: the parts weir_synth is made of. */
#ifndef WEIR_CONVERT_SYNTH_PARTS_H
#define WEIR_CONVERT_SYNTH_PARTS_H

#include "convert/quantize_mix.h"
#include "convert/tensor_layout.h"
#include "model/synth_values.h"
#include "text/token_table.h"

/* ---- configurations: synth_config.c -------------------------------------------------------- */

enum { WEIR_SYNTH_NAME = 64 };

/* config: a known name, or the path of a JSON file with the keys of a config.json. name: how the
 * model calls itself. */
weir_status weir_synth_find_config(weir_hparams *out, char name[WEIR_SYNTH_NAME],
                                   const char *config, weir_error *err);

/* ---- tokenizer: synth_tokenizer.c ---------------------------------------------------------- */

/* A tokenizer of h->n_vocab ids with the family's special ones, and the ChatML template. */
weir_status weir_synth_tokenizer(weir_token_table *out, const weir_hparams *h, weir_error *err);

/* ---- the folder form: synth_folder.c ------------------------------------------------------- */

typedef struct weir_synth_job {
    weir_hparams h;
    char name[WEIR_SYNTH_NAME];
    const weir_format *type;      /* of the matrices; of a mix: its base */
    const weir_quantize_mix *mix; /* NULL: all of one type */
    weir_layout layout;           /* formats are set */
    weir_token_table tokens;
    const weir_synth_options *options;
} weir_synth_job;

enum { WEIR_SYNTH_SHARD_GB = 4 }; /* 10^9 bytes of one .safetensors, as published models have */

/* Refuses an OUT that exists unless options->overwrite, and then too if the folder holds files that
 * are none of a model's. shard_bytes: most data bytes of one file, but for a single larger tensor.
 */
weir_status weir_synth_folder(const char *out, const weir_synth_job *job, uint64_t shard_bytes,
                              weir_error *err);

#endif
