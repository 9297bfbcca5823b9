/* sampling.h: what the files that sample share. */
#ifndef WEIR_ENGINE_SAMPLING_H
#define WEIR_ENGINE_SAMPLING_H

#include "weir.h"

/* BAD_ARGUMENT names the first field that is out of range; n_vocab bounds the biased tokens. */
weir_status weir_sampling_check(const weir_sampling *s, uint32_t n_vocab, weir_error *err);

/* Tokens of the vocabulary that the sampler was opened for. */
uint32_t weir_sampler_n_vocab(const weir_sampler *sampler);

#endif
