/*
 * messages_read.h: a request of the Messages API, read into a conversation and a job; for
 * api_messages.c alone.
 */
#ifndef WEIR_SERVER_MESSAGES_READ_H
#define WEIR_SERVER_MESSAGES_READ_H

#include "chat_request.h"

typedef struct weir_messages_request {
    weir_request request;
    weir_conversation conversation;
    weir_job job;
    const char *model;        /* as the reply names it; the service's */
    weir_text_buffer opening; /* the beginning of the answer, which the client gave */
    bool is_stream;
    bool has_format; /* the answer is to be JSON of a schema */
} weir_messages_request;

/* Reads all of it and makes the prompt. is_count: of count_tokens, which needs no limit. What went
 * wrong stands in request.error. Free it in any case. */
void weir_messages_read(weir_messages_request *out, const weir_service *service,
                        const weir_exchange *x, bool is_count);
void weir_messages_request_free(weir_messages_request *r);

#endif
