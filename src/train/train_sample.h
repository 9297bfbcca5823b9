/*
 * train_sample.h: what a model under training writes: prompts continued by sampling, all side by
 * side as segments of one batch. Every token runs the whole batch again, since a graph keeps no
 * state between batches; a few dozen tokens cost about as much as a step.
 */
#ifndef WEIR_TRAIN_TRAIN_SAMPLE_H
#define WEIR_TRAIN_TRAIN_SAMPLE_H

#include "train/chat_form.h"
#include "train/graph.h"
#include "train/run_file.h"

typedef struct weir_train_sampler {
    weir_graph *graph;
    uint32_t cap_rows; /* of one batch of the graph */
    const weir_tokenizer *tokenizer;
    const weir_chat_form *form;
    uint32_t n_tokens;  /* at most, of an answer */
    double temperature; /* 0: the likeliest token */
    uint64_t seed;      /* draws are a function of it, the prompt's number and the place */
    void (*on_text)(void *context, const char *prompt, const char *text);
    void *context;
} weir_train_sampler;

/* Continues each prompt up to the end of its turn and tells it. Prompts that do not fit into the
 * batch with their answer have a shorter one, or none. */
weir_status weir_train_sample(const weir_train_sampler *sampler, const weir_run_prompt *prompts,
                              size_t n_prompts, weir_error *err);

#endif
