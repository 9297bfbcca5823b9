/* sampling.h: what the files that sample share. */
#ifndef WEIR_ENGINE_SAMPLING_H
#define WEIR_ENGINE_SAMPLING_H

#include "backend/draw.h"
#include "weir.h"

/* weir_sampler_open with options, for a vocabulary that is no model's. */
weir_status weir_sampler_open_for(weir_sampler **out, uint32_t n_vocab,
                                  const weir_sampling *sampling, weir_error *err);
/* Tokens of the vocabulary that the sampler was opened for. */
uint32_t weir_sampler_n_vocab(const weir_sampler *sampler);
/* Its own among all samplers there ever were, from 1: the address of one that is closed may be
 * another's. */
uint64_t weir_sampler_number(const weir_sampler *sampler);

/* How a device draws what weir_sampler_draw would draw with these arguments, which are taken for
 * right; all but wants_logprob and n_top. Points to mask and into the sampler, until its next plan.
 * False: a device cannot. */
bool weir_sampler_plan(weir_sampler *sampler, const int32_t *history, size_t n_history,
                       size_t n_prompt, const uint32_t *mask, weir_draw *out);
/* The same without a mask for a history of one token more, which is not known (draw.h: lacks_last).
 * A plan of the sampler before it is over. */
bool weir_sampler_plan_ahead(weir_sampler *sampler, const int32_t *history, size_t n_history,
                             size_t n_prompt, weir_draw *out);

#endif
