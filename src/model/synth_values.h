/*
 * synth_values.h: the values of random weights, the formulas of docs/synth.md: what `weir synth`
 * writes, and what a device makes of a file that holds only the counters' seed.
 */
#ifndef WEIR_MODEL_SYNTH_VALUES_H
#define WEIR_MODEL_SYNTH_VALUES_H

#include "model/parts.h"

/* The key of a GGUF whose matrices are not in it, but made from this seed. */
#define WEIR_SYNTH_SEED_KEY "weir.synth.seed"

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

/* The values of the tensor of this name in GGUF, which holds a part of a model, in rows of n_cols,
 * written as `format` (the tensor's own, or that of a folder). */
void weir_synth_values_open(weir_synth_values *out, uint64_t seed, weir_part part, const char *name,
                            uint32_t n_cols, const weir_hparams *h, const weir_format *format);
/* Rows [row, row + n_rows) of the tensor; of stacked experts the rows of all, one after another. */
void weir_synth_values_fill(const weir_synth_values *v, uint64_t row, uint64_t n_rows,
                            uint8_t *out);

/* Standard deviation that the part's values are made for (blocks: within a factor of 1.42). */
double weir_synth_deviation(weir_part part, uint32_t n_cols, const weir_hparams *h);

#endif
