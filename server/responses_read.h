/*
 * responses_read.h: a request of the Responses API, read into a conversation and a job; for
 * api_responses.c alone.
 */
#ifndef WEIR_SERVER_RESPONSES_READ_H
#define WEIR_SERVER_RESPONSES_READ_H

#include "chat_request.h"

typedef struct weir_responses_request {
    weir_request request;
    weir_conversation
        conversation; /* from the first message of the response that it goes on from */
    weir_job job;
    const char *model; /* as the reply names it; the service's */
    bool is_stream;
    bool is_stored;
    weir_text_buffer echo; /* members of the reply that repeat what was asked for, each with a comma
                              before it; on one line */
} weir_responses_request;

/* Reads all of it and makes the prompt. What went wrong stands in request.error. Free it in any
 * case. */
void weir_responses_read(weir_responses_request *out, const weir_service *service,
                         const weir_exchange *x);
void weir_responses_request_free(weir_responses_request *r);

#endif
