/*
 * chat_request.h: the parts of a request that the chat APIs have in common, read into a job and a
 * conversation. api_chat.c, api_responses.c and api_messages.c bring their own shapes to these.
 */
#ifndef WEIR_SERVER_CHAT_REQUEST_H
#define WEIR_SERVER_CHAT_REQUEST_H

#include "service.h"

struct weir_tool_wish; /* wishes.h */

/* temperature, top_p, top_k, min_p, repetition_penalty (repeat_penalty), repeat_last_n,
 * presence_penalty, frequency_penalty, seed, logit_bias, stop, stop_token_ids, min_tokens,
 * ignore_eos, max_tokens (max_completion_tokens), n, priority: from the root into the job, which
 * begins with the service's defaults. Everything else of the OpenAI family that is known and cannot
 * be honoured is refused by name. */
void weir_read_sampling(weir_request *request, const weir_service *service, weir_job *job);

/* OpenAI's "messages" into the conversation: roles system, developer (as system), user, assistant,
 * tool; content as text, null, or parts of type text (others: 400 that names the part);
 * tool_calls, tool_call_id, reasoning_content. An assistant's message whose call ids the service
 * gave out gets back the text that the model wrote (replay.h). */
void weir_read_messages(weir_request *request, const weir_service *service,
                        weir_conversation *conversation);

/* "tools" as it was written, "tool_choice", "parallel_tool_calls": into conversation->tools (what
 * the template shows; nothing with tool_choice none) and job->tools and job->grammar. */
void weir_read_tools(weir_request *request, const weir_service *service,
                     weir_conversation *conversation, weir_job *job, struct weir_tool_wish *wish);

/* "response_format" {type: text | json_object | json_schema | grammar | regex}, and the fields of
 * vLLM and llama.cpp: "grammar", "json_schema", "guided_json", "guided_regex", "guided_choice",
 * "guided_grammar", "structured_outputs". At most one, and not with a tool_choice that forces a
 * call. Before the tools: the same wish makes an answer the one or the other. */
void weir_read_format(weir_request *request, weir_job *job, struct weir_tool_wish *wish);

/* The prompt of the conversation into job->prompt[0], however long; 400 with the template's own
 * words. */
void weir_make_prompt(weir_request *request, const weir_service *service,
                      const weir_conversation *conversation, weir_job *job);
/* Does it fit? 400 context_length_exceeded with prompt, limit and requested numbers. */
void weir_check_room(weir_request *request, const weir_service *service, const weir_job *job);

/* Whose job it is: key, its limit, the request. The exchange keeps the texts. */
void weir_job_sign(weir_job *job, const weir_exchange *x);

/* Hands the job over; on failure request->error is set (429 with *retry_after_s, 400, 503) and the
 * job freed. */
bool weir_submit(weir_request *request, weir_service *service, weir_job *job,
                 const weir_job_events *events, uint64_t *id, double *retry_after_s);

/* "call_" and 24 unguessable characters; room for WEIR_CALL_ID. */
enum { WEIR_CALL_ID = 40 };
void weir_make_id(char out[WEIR_CALL_ID], const char *prefix);

#endif
