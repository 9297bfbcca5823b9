/*
 * eval_kl.h: a model held against its base, token by token over a text: KL divergence, agreement of
 * first tokens and of chosen experts, perplexities. What `weir eval kl` and weir_quality_measure
 * have in common.
 */
#ifndef WEIR_TOOLS_EVAL_KL_H
#define WEIR_TOOLS_EVAL_KL_H

#include "eval_result.h"
#include "eval_side.h"
#include "eval_text.h"

typedef struct weir_eval_kl_options {
    const char *base; /* path of a model, or of logits saved by `weir eval ppl --save-logits` */
    const char *model;
    /* text.tokenizer is the base's, or of saved logits the model's. Zeros of n_ctx, n_stride,
     * max_tokens and assistant_only are as saved, or their defaults. */
    weir_eval_text_options text;
    weir_eval_side_options side; /* of both; n_ctx, n_batch and wants_experts are set here */
    const char *journal;         /* keeps each window as it is finished (eval_journal.h); or NULL */
    bool resumes;                /* goes on with the journal, if it is there */
} weir_eval_kl_options;

/*
 * *out is kind "kl" with both subjects, an item a window, and the same to the last bit however
 * often it was interrupted and gone on with; weir_eval_result_free is due also after a failure. Its
 * detail "layers", where both have experts and chose equally many, is a list of {"layer",
 * "experts"}. BAD_ARGUMENT for different vocabularies, or saved logits of other tokens; NO_MEMORY
 * if both models do not fit at once.
 */
weir_status weir_eval_kl_run(weir_eval_result *out, const weir_eval_kl_options *options,
                             weir_error *err);

#endif
