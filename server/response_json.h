/*
 * response_json.h: a response of the Responses API in the making, and the JSON that shows it; for
 * api_responses.c alone.
 */
#ifndef WEIR_SERVER_RESPONSE_JSON_H
#define WEIR_SERVER_RESPONSE_JSON_H

#include "answer_blocks.h"
#include "event_stream.h"

/* Of the handler until the job is submitted, then of the runner's thread. */
typedef struct weir_response {
    weir_event_stream stream;
    weir_service *service;
    char id[WEIR_CALL_ID];
    const char *model; /* the service's */
    const char *key;   /* whose; as the exchange has it */
    int64_t created;   /* seconds since 1970 */
    bool is_stream, is_stored, has_form;
    bool hides_reasoning;
    weir_text_buffer echo;          /* members that repeat what was asked for */
    weir_text_buffer of_request;    /* its warnings */
    weir_conversation conversation; /* what was said; of a stored one the answer too, at the end */
    weir_blocks blocks;
    weir_answer answer;
    weir_job_times times; /* once the job has ended */
    double last_piece_s;
    /* of a stream: */
    const char *type; /* of the event in the making */
    weir_text_buffer event;
    uint64_t sequence_number; /* of the next event */
    bool has_begun, has_open_item;
} weir_response;

/* "completed", or "incomplete" if the answer was cut at a limit. */
const char *weir_response_status(const weir_response *r);
/* The item that block i is. status NULL: it has just been added, and its content comes later. */
void weir_response_add_item(weir_text_buffer *out, const weir_response *r, size_t i,
                            const char *status);
/* The part of a message or of thinking. */
void weir_response_add_part(weir_text_buffer *out, const weir_block *block, bool has_content);
/* The whole object. status: "in_progress" has no output and no usage yet; "failed" has the error.
 */
void weir_response_add(weir_text_buffer *out, const weir_response *r, const char *status,
                       const weir_api_error *error);

#endif
