/*
 * chat_reply.h: the reply of /v1/chat/completions, whole or as a stream, out of a job's events.
 *
 * The deltas of a stream, put together, are the whole reply, however the job's texts were cut.
 */
#ifndef WEIR_SERVER_CHAT_REPLY_H
#define WEIR_SERVER_CHAT_REPLY_H

#include "answer_blocks.h"
#include "openai_reply.h"

typedef struct weir_chat_choice {
    weir_blocks blocks;        /* all that was said */
    weir_text_buffer logprobs; /* JSON objects with commas between; of a stream: not sent yet */
    size_t n_covered;          /* bytes of them: of tokens up to the last piece that was shown */
    weir_text_buffer ids;      /* the same of token ids */
    char *raw;                 /* [n_raw] as the model wrote it, if it was asked for */
    size_t n_raw;
    size_t n_calls;
    const char *finish; /* NULL: it has not ended */
    bool has_role;      /* of a stream: the first chunk was sent */
} weir_chat_choice;

typedef struct weir_chat_reply {
    weir_openai_reply common;
    weir_turn *turn;          /* of the session that the request names; NULL: none */
    weir_chat_choice *choice; /* [n_choices] */
    uint32_t n_choices;
    bool offers_tools, hides_reasoning;
    bool wants_logprobs;         /* shown */
    bool wants_raw;              /* "return_raw_text" */
    weir_text_buffer prompt_ids; /* with wants_ids: numbers with commas between */
    weir_text_buffer chunk;      /* in the making, of the runner's thread; then the whole reply */
    uint32_t last; /* of a stream: the choice that ended last, whose end is to be sent */
} weir_chat_reply;

/* After weir_openai_reply_init. false: no memory. */
bool weir_chat_reply_init(weir_chat_reply *reply, const weir_job *job);
void weir_chat_reply_free(void *reply); /* a weir_chat_reply: it is what its end calls */

/* Events whose context is the reply. */
extern const weir_job_events weir_chat_reply_events;

#endif
