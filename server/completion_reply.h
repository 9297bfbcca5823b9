/*
 * completion_reply.h: the reply of /v1/completions, whole or as a stream, out of a job's events:
 * texts that go on, with their prompts in front if those are to be echoed.
 */
#ifndef WEIR_SERVER_COMPLETION_REPLY_H
#define WEIR_SERVER_COMPLETION_REPLY_H

#include "openai_reply.h"

/* Tokens and their probabilities in the four lists of this API: JSON items with commas between. */
typedef struct weir_token_lists {
    weir_text_buffer tokens, logprobs, top, offsets;
    size_t n_chars; /* code points of the text so far */
} weir_token_lists;

typedef struct weir_completion_prompt {
    weir_text_buffer echo;  /* its text, if it is echoed */
    weir_token_lists lists; /* if its probabilities are wanted */
    weir_text_buffer ids;   /* if ids are wanted: numbers with commas between */
} weir_completion_prompt;

typedef struct weir_completion_choice {
    weir_text_buffer text;  /* of a stream: not sent yet */
    weir_token_lists lists; /* the same */
    weir_text_buffer ids;   /* the same */
    const char *finish;     /* NULL: it has not ended */
    bool has_begun;         /* the echo stands in front of it, or was sent */
} weir_completion_choice;

typedef struct weir_completion_reply {
    weir_openai_reply common;
    weir_completion_prompt *prompt; /* [n_prompts] */
    weir_completion_choice *choice; /* [n_prompts x n_choices] */
    size_t n_choices;               /* all */
    bool echoes, wants_logprobs;
    bool echoes_logprobs;   /* both: the prompt's stand in front */
    uint32_t n_top;         /* alternatives of each token, with wants_logprobs */
    weir_text_buffer chunk; /* in the making, of the runner's thread; then the whole reply */
    uint32_t last;          /* of a stream: the choice that ended last, whose end is to be sent */
} weir_completion_reply;

/* After weir_openai_reply_init, which has counted prompts and choices. false: no memory. Echoes are
 * the caller's to fill in. */
bool weir_completion_reply_init(weir_completion_reply *reply, const weir_job *job);
void weir_completion_reply_free(void *reply); /* a weir_completion_reply */

/* Events whose context is the reply. */
extern const weir_job_events weir_completion_reply_events;

#endif
