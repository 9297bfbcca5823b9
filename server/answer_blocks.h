/*
 * answer_blocks.h: an answer as the Messages and Responses APIs show it: blocks of text, of
 * thinking, and calls, in the order in which the model made them.
 *
 * Owns the pieces of one choice, put together, and the ids of its calls.
 */
#ifndef WEIR_SERVER_ANSWER_BLOCKS_H
#define WEIR_SERVER_ANSWER_BLOCKS_H

#include "chat_request.h"

typedef struct weir_block {
    weir_piece kind;            /* CONTENT, REASONING or CALL */
    weir_text_buffer text;      /* of a call: its arguments, one JSON object */
    char *name;                 /* of a call */
    size_t n_told;              /* of text: bytes that were there before the last piece */
    bool is_open;               /* a call that is still written */
    char id[WEIR_CALL_ID];      /* of a call: what its result will name */
    char item_id[WEIR_CALL_ID]; /* for who shows blocks as items; not set here */
} weir_block;

typedef struct weir_blocks {
    weir_block *item; /* [n] */
    size_t n;
    weir_text_buffer warnings; /* JSON strings with commas between */
    const char *call_prefix;   /* "call_" */
    bool has_failed;           /* out of memory: what is here is not the whole answer */
} weir_blocks;

/* Does a piece of this kind, which is no warning, begin a block? */
bool weir_blocks_begins(const weir_blocks *blocks, weir_piece kind);
/* Adds a piece: block->text from n_told on is what it says. Returns the block it belongs to, which
 * is new if *is_new; NULL: it belongs to none (a warning), or there was no memory. */
weir_block *weir_blocks_add(weir_blocks *blocks, weir_piece kind, const char *text, size_t n,
                            bool *is_new);
/* One line for whoever reads the reply. */
void weir_blocks_warn(weir_blocks *blocks, const char *line);
/* After the job has ended with this status: is this a whole answer? If not, *out says why. */
bool weir_blocks_check(const weir_blocks *blocks, weir_status status, const weir_error *err,
                       weir_api_error *out);
/* The first call's id; NULL: it made none. */
const char *weir_blocks_first_call(const weir_blocks *blocks);
void weir_blocks_free(weir_blocks *blocks);

/* , "warnings": [..] if there are any, of the request or of the answer. */
void weir_blocks_say_warnings(const weir_blocks *blocks, const weir_text_buffer *of_request,
                              weir_text_buffer *out);

/* , "weir": {..}, which every answer has: "reuse" (what the prompt had from before, and why not
 * more), the seed, and the job's times. n_behind_first: tokens drawn but for each choice's first,
 * which came before the time between tokens is taken. */
void weir_say_own(const weir_reuse *reuse, uint64_t seed, size_t n_behind_first,
                  const weir_job_times *times, weir_text_buffer *out);

#endif
