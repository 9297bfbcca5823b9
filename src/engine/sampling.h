/* sampling.h: what the files that sample share. */
#ifndef WEIR_ENGINE_SAMPLING_H
#define WEIR_ENGINE_SAMPLING_H

#include "weir.h"

/* Tokens of the vocabulary that the sampler was opened for. */
uint32_t weir_sampler_n_vocab(const weir_sampler *sampler);

#endif
