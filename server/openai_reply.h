/*
 * openai_reply.h: what replies of /v1/chat/completions and /v1/completions have in common: their
 * head, usage, timings, warnings, probabilities as JSON, and how they fail.
 */
#ifndef WEIR_SERVER_OPENAI_REPLY_H
#define WEIR_SERVER_OPENAI_REPLY_H

#include "chat_request.h"
#include "event_stream.h"

/* What the client asked of the reply itself. */
typedef struct weir_reply_wish {
    bool is_stream, wants_usage; /* of a stream: in a last chunk */
    bool wants_ids;              /* of tokens: "return_token_ids" */
    bool wants_prompt_logprobs;  /* "prompt_logprobs", this many beside each token */
    uint32_t n_prompt_top;
} weir_reply_wish;

/* "stream", "stream_options", "return_token_ids", "prompt_logprobs", which the job has to report.
 */
void weir_read_reply_wish(weir_request *request, weir_reply_wish *out, weir_job *job);

typedef struct weir_openai_reply {
    weir_event_stream stream;
    weir_service *service;
    const char *model;        /* the service's */
    const char *object;       /* "chat.completion" */
    const char *chunk_object; /* of a chunk of its stream */
    char id[WEIR_CALL_ID];
    int64_t created;                /* seconds since 1970 */
    unsigned long long fingerprint; /* of what draws the same from the same seed */
    weir_reply_wish wish;
    bool has_grammar;
    weir_text_buffer warnings; /* JSON strings with commas between */
    size_t n_prompts;
    uint32_t n_choices; /* of each prompt */
    size_t n_prompt;    /* tokens of all prompts, each counted once */
    size_t *cached;     /* [n_prompts] tokens that did not have to be run for any choice */
    double *said_s;     /* [n_prompts x n_choices] when its last piece came; 0: none did */
    weir_text_buffer *prompt_logprobs; /* [n_prompts] JSON with commas between, if wanted */
    size_t n_generated, n_reasoning;   /* tokens of the choices that have ended */
    size_t n_ended;                    /* choices */
    weir_reuse reuse;                  /* of the first choice */
    uint64_t seed;                     /* of the first choice of each prompt */
    void *whole;                       /* the reply that this is a part of */
    void (*free_whole)(void *whole);
} weir_openai_reply;

/* Before the job is handed over; takes the request's warnings over. false: no memory, request says
 * so; weir_openai_reply_free is due all the same. */
bool weir_openai_reply_init(weir_openai_reply *reply, weir_service *service, weir_request *request,
                            const weir_job *job);
void weir_openai_reply_free(weir_openai_reply *reply);
/* Hands the job over, whose events own the whole reply from here on, or replies with why not. */
void weir_openai_submit(weir_openai_reply *reply, weir_request *request, weir_job *job,
                        const weir_job_events *events, weir_exchange *x);

/* ---- events: all that do not depend on the API ---------------------------------------------- */

void weir_openai_note_piece(weir_openai_reply *reply, uint32_t choice);
void weir_openai_note_end(weir_openai_reply *reply, uint32_t choice, const weir_choice_end *end);
/* Of answers; format as printf. */
void weir_openai_warn(weir_openai_reply *reply, const char *format, ...) WEIR_PRINTF(2, 3);

/* ---- JSON: members with a comma behind them (head) or in front ------------------------------ */

void weir_openai_say_head(const weir_openai_reply *reply, bool is_chunk, weir_text_buffer *out);
void weir_openai_say_usage(const weir_openai_reply *reply, weir_text_buffer *out);
/* "warnings", if there are any, and "weir": timings, reuse, seed. */
void weir_openai_say_own(const weir_openai_reply *reply, const weir_job_times *times,
                         weir_text_buffer *out);
/* Natural logarithms of probabilities: the same number always gives the same digits. */
void weir_openai_say_logprob(float logprob, weir_text_buffer *out);
/* {"token", "logprob", "bytes", "top_logprobs"} of the chat API. */
void weir_openai_say_token(const weir_host *host, const weir_token_report *report,
                           weir_text_buffer *out);
/* Token by token, as on_prompt_token tells it. */
void weir_openai_add_prompt_token(weir_openai_reply *reply, size_t prompt,
                                  const weir_token_report *report);
/* ,"prompt_logprobs":[null, {"ID": {"logprob", "rank", "decoded_token"}, ...}, ...], if wanted:
 * each token of the prompt first, then the likeliest. */
void weir_openai_say_prompt_logprobs(const weir_openai_reply *reply, size_t prompt,
                                     weir_text_buffer *out);
/* false: memory was short in between. */
bool weir_openai_is_whole(const weir_openai_reply *reply);
/* "stop", "length", "tool_calls" */
const char *weir_openai_finish(weir_answer_end end);

/* ---- the job's end -------------------------------------------------------------------------- */

/* With OK: the whole reply is body, or a stream ends with usage, if it was asked for, and [DONE].
 * Else an error, instead of the reply or at the end of what was sent of a stream. The job gives its
 * share of the reply up. */
void weir_openai_close(weir_openai_reply *reply, weir_status status, const weir_error *err,
                       const weir_text_buffer *body);

#endif
