/*
 * answer_parts.h: the two halves of an answer in the making, for whoever draws answers: what its
 * tokens say (answer_text.c), and how likely they were (answer_logprobs.c).
 */
#ifndef WEIR_TOOLS_ANSWER_PARTS_H
#define WEIR_TOOLS_ANSWER_PARTS_H

#include "answer.h"

/* Tokens in, pieces out, the message collected. */
typedef struct weir_answer_text weir_answer_text;

/* The pieces go to events->on_piece. Options and events are kept by the caller. */
weir_status weir_answer_text_open(weir_answer_text **out, const weir_host *host,
                                  const weir_answer_options *options,
                                  const weir_answer_events *events, weir_error *err);
void weir_answer_text_close(weir_answer_text **text);
weir_status weir_answer_text_push(weir_answer_text *text, int32_t token, weir_error *err);
/* Inside <think>? */
bool weir_answer_text_in_reasoning(const weir_answer_text *text);
/* Does its thinking so far end a line, or has it not begun? */
bool weir_answer_text_is_at_line_start(const weir_answer_text *text);
/* Index of the stop string that was found, -1: none. */
int weir_answer_text_stop(const weir_answer_text *text);
/* The end: what is held back comes out, *message is the caller's. */
weir_status weir_answer_text_finish(weir_answer_text *text, weir_message *message, weir_error *err);

/* Fills a report on `token`, drawn from logits [n_vocab]; top: room for n_top. */
void weir_answer_logprobs(weir_token_report *out, weir_token_choice *top, uint32_t n_top,
                          const float *logits, uint32_t n_vocab, int32_t token);
/* The same of a token that the engine's device drew and told the probabilities of. */
void weir_answer_drawn(weir_token_report *out, weir_token_choice *top, const weir_drawn *drawn);

#endif
