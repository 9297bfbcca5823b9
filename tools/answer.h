/*
 * answer.h: one answer: draws tokens on a timeline until it ends, and takes apart what they say.
 *
 * Owns the way from tokens to shown text (whole code points, stop strings held back, thinking and
 * tool calls apart), the budget of thinking, and the log of probabilities. Does not own prompts or
 * conversations. The timeline keeps every token that was drawn.
 */
#ifndef WEIR_TOOLS_ANSWER_H
#define WEIR_TOOLS_ANSWER_H

#include "constraint.h"
#include "host.h"

typedef enum weir_piece {
    WEIR_PIECE_CONTENT = 0,
    WEIR_PIECE_REASONING = 1,
    WEIR_PIECE_CALL = 2,    /* text: {"name": .., "arguments": {..}} */
    WEIR_PIECE_WARNING = 3, /* one line: what was repaired in the answer, or dropped */
    /* with streams_calls, before the CALL, which says the same once more */
    WEIR_PIECE_CALL_NAME = 4,
    WEIR_PIECE_CALL_ARGUMENTS = 5 /* more of their JSON */
} weir_piece;

typedef struct weir_token_choice {
    int32_t token;
    float logprob; /* natural, of the model's distribution before sampling changes it */
} weir_token_choice;

enum { WEIR_LOGPROBS_MAX = 64 };

typedef struct weir_token_report {
    weir_token_choice drawn;
    const weir_token_choice *top; /* [n_top] likeliest first */
    size_t n_top;
    uint32_t rank;  /* of the drawn one: 1 is the likeliest; equal ones share the better rank */
    bool is_forced; /* put there by the budget of thinking, not drawn */
} weir_token_report;

/* What is told while an answer is made. Zeros: nothing. */
typedef struct weir_answer_events {
    void *context;
    /* Pieces of text as they come, whole code points; valid until it returns. */
    void (*on_piece)(void *context, weir_piece kind, const char *text, size_t n);
    /* Every token of the answer with its n_top likeliest alternatives. Costs a pass over the
     * vocabulary each. */
    void (*on_token)(void *context, const weir_token_report *report);
    uint32_t n_top; /* at most WEIR_LOGPROBS_MAX */
    /* report: while the prompt is run. is_cancelled: asked before each step; true ends the answer
     * as INTERRUPTED. (A signal also cancels the step that runs, see interrupt.h.) */
    weir_progress progress;
} weir_answer_events;

typedef enum weir_answer_end {
    WEIR_ANSWER_STOP = 0,   /* an end token, or a stop string */
    WEIR_ANSWER_LENGTH = 1, /* max_tokens */
    WEIR_ANSWER_FULL = 2,   /* the context holds no more */
    WEIR_ANSWER_CALLS = 3,  /* it ended and calls tools */
    WEIR_ANSWER_INTERRUPTED = 4
} weir_answer_end;

/* "stop", "length", "tool_calls", "interrupted"; FULL is "length" too. */
const char *weir_answer_end_name(weir_answer_end end);

typedef struct weir_answer {
    weir_answer_end end;
    int stop_string;                   /* index of the one that was found, -1: none */
    size_t n_prompt;                   /* tokens of the whole prompt */
    size_t n_cached;                   /* of them, what did not have to be run */
    size_t n_generated, n_reasoning;   /* tokens; thinking is part of what was generated */
    double prompt_s, generate_s;       /* seconds */
    uint64_t n_drafts, n_drafts_taken; /* tokens that were guessed, and those that came true */
    uint64_t seed;
    weir_reuse reuse;   /* what its prompt had from other timelines; of the server's answers */
    bool is_unfinished; /* with a constraint: it ended before it was what it had to be */
} weir_answer;

typedef struct weir_answer_options {
    const weir_settings *settings;
    const weir_tools *tools; /* NULL: none */
    const char *opening;     /* [n_opening] what of its prompt belongs to the answer: "<think>\n" */
    size_t n_opening;
    bool is_plain;      /* neither thinking nor calls are looked for */
    bool streams_calls; /* the constraint binds calls: they are told while they are written */
    uint64_t seed;
    const weir_constraint *constraint; /* what it has to be; NULL: anything */
} weir_answer_options;

/*
 * Runs what is pending on the timeline, then draws. An interrupt is no failure: what was said so
 * far is kept. *message is the caller's to free. On failure it is empty, and the timeline keeps its
 * tokens.
 */
weir_status weir_answer_make(weir_answer *out, weir_message *message, const weir_host *host,
                             weir_seq *seq, const weir_answer_options *options,
                             const weir_answer_events *events, weir_error *err);

#endif
