/* synth_parts.h: the parts weir_synth is made of. */
#ifndef WEIR_CONVERT_SYNTH_PARTS_H
#define WEIR_CONVERT_SYNTH_PARTS_H

#include "convert/tensor_layout.h"
#include "text/token_table.h"

/* ---- configurations: synth_config.c -------------------------------------------------------- */

enum { WEIR_SYNTH_NAME = 64 };

/* config: a known name, or the path of a JSON file with the keys of a config.json. name: how the
 * model calls itself. */
weir_status weir_synth_find_config(weir_hparams *out, char name[WEIR_SYNTH_NAME],
                                   const char *config, weir_error *err);

/* ---- values: synth_values.c, the formulas of docs/synth.md --------------------------------- */

typedef struct weir_synth_values {
    const weir_format *format;
    uint64_t seed, stream;
    uint64_t n_cols;
    size_t row_bytes;
    float scale, offset; /* of single values: bf16(offset + sum x scale) */
    /* Of blocks: the scale fields for the eight values of the head's low three bits. */
    uint16_t d[8], m[8]; /* float16 bits */
    uint8_t e[8];
} weir_synth_values;

/* Whether there is a formula for this format. */
bool weir_synth_has_format(const weir_format *format);

/* The values of a planned tensor, written as `format` (the tensor's own, or that of a folder). */
void weir_synth_values_open(weir_synth_values *out, uint64_t seed, const weir_planned *t,
                            const weir_hparams *h, const weir_format *format);
/* Rows [row, row + n_rows) of the tensor; of stacked experts the rows of all, one after another. */
void weir_synth_values_fill(const weir_synth_values *v, uint64_t row, uint64_t n_rows,
                            uint8_t *out);

/* Standard deviation that the tensor's values are made for (blocks: within a factor of 1.42). */
double weir_synth_deviation(const weir_planned *t, const weir_hparams *h);

/* ---- tokenizer: synth_tokenizer.c ---------------------------------------------------------- */

/* A tokenizer of h->n_vocab ids with the family's special ones, and the ChatML template. */
weir_status weir_synth_tokenizer(weir_token_table *out, const weir_hparams *h, weir_error *err);

/* ---- the folder form: synth_folder.c ------------------------------------------------------- */

typedef struct weir_synth_job {
    weir_hparams h;
    char name[WEIR_SYNTH_NAME];
    const weir_format *type;
    weir_layout layout; /* formats are set */
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
