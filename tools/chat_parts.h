/* chat_parts.h: what the files of a chat share: its insides, and how timelines are compared. */
#ifndef WEIR_TOOLS_CHAT_PARTS_H
#define WEIR_TOOLS_CHAT_PARTS_H

#include "chat.h"

struct weir_chat {
    weir_host *host;
    weir_conversation conversation;
    weir_seq *seq; /* NULL until it is needed */
    const weir_constraint *constraint; /* of answers; NULL: none */
    uint64_t n_retries;
    uint64_t drawn_seed; /* of all answers of a turn, where the settings have none */
    size_t n_generated, n_answers;
    double prompt_s, generate_s;
};

/*
 * How much of a timeline [n_timeline] may stay when it is to say what encoded [n_encoded] says:
 * *n_kept of its tokens, after which encoded goes on with *n_said. Beyond equal ids, the same text
 * in other ids is kept where control tokens stand around it: a model need not write its words with
 * the tokens that the tokenizer would choose. Control tokens are only ever equal to themselves.
 */
void weir_timeline_match(const weir_tokenizer *tokenizer, const int32_t *timeline,
                         size_t n_timeline, const int32_t *encoded, size_t n_encoded,
                         size_t *n_kept, size_t *n_said);

/* Brings the chat's timeline to the prompt; what is new is pending. */
weir_status weir_chat_follow(weir_chat *chat, const weir_prompt *prompt, weir_error *err);

#endif
