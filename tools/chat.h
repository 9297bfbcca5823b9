/*
 * chat.h: a conversation that a model takes part in.
 *
 *   weir_host          tokenizer, template, engine; lent to chats       host.h
 *   weir_conversation  what was said, as data and as a file             conversation.h
 *   weir_chat          a conversation and the timeline that follows it
 *   weir_answer        one answer: tokens, text, tool calls             answer.h
 *
 * The conversation is the truth; the timeline is brought to it before every answer. What of the
 * timeline still says the same with the same control tokens is kept, the rest is cut off (exactly,
 * by weir_seq_rewind) and only what is new is run. So undo, retry, edits of the system prompt and
 * templates that write the past differently need no care, and the tokens that a model wrote stay
 * the tokens it wrote. One thread.
 */
#ifndef WEIR_TOOLS_CHAT_H
#define WEIR_TOOLS_CHAT_H

#include "answer.h"
#include "conversation.h"
#include "host.h"
#include "prompt.h"

typedef struct weir_chat weir_chat;

/* An empty conversation with the model's recommended sampling. The host must be loaded before the
 * first answer, a state or a fork. */
weir_status weir_chat_open(weir_chat **out, weir_host *host, weir_error *err);
void weir_chat_close(weir_chat **chat);

weir_host *weir_chat_host(const weir_chat *chat);
/* To be read; the settings and tools in it may be changed as well. Pointers into messages are valid
 * until the next call that changes the chat. */
weir_conversation *weir_chat_conversation(weir_chat *chat);

/* ---- what is said ------------------------------------------------------------------------- */

/* Texts may be any bytes; those that are no UTF-8 become U+FFFD. */
weir_status weir_chat_add_user(weir_chat *chat, const char *text, size_t n, weir_error *err);
/* name: of the tool that answers; may be NULL. */
weir_status weir_chat_add_tool_result(weir_chat *chat, const char *name, const char *text, size_t n,
                                      weir_error *err);
/* NULL takes the system prompt away. Holds for the whole conversation from its beginning. */
weir_status weir_chat_set_system(weir_chat *chat, const char *text, size_t n, weir_error *err);

/* Forgets the last message of the user and what came after it. False: there is none. */
bool weir_chat_undo(weir_chat *chat);
/* Forgets what came after the last message of the user, so that it is answered anew, with another
 * seed. False: there is none. */
bool weir_chat_retry(weir_chat *chat);
/* Forgets all messages; system prompt, tools and settings stay. */
void weir_chat_clear(weir_chat *chat);

/* What every answer from now on has to be, kept by the caller; NULL: anything. */
void weir_chat_set_constraint(weir_chat *chat, const weir_constraint *constraint);

/* A second chat with the same past. FULL when the engine has no timeline left. */
weir_status weir_chat_fork(weir_chat **out, const weir_chat *chat, weir_error *err);

/* ---- answers ------------------------------------------------------------------------------ */

/* One answer to the conversation as it stands; it is added to it, an interrupted one as far as it
 * came, if it came to a token. FULL with numbers if the conversation does not fit. The message of
 * *out is the one in the conversation: weir_answer_free leaves it alone, and it may be NULL. */
weir_status weir_chat_answer(weir_chat *chat, const weir_answer_events *events, weir_answer *out,
                             weir_error *err);

/* A whole turn: answers, the results of the tools they call, answers to those, until one calls no
 * tool, nobody answers a call, or settings.tool_rounds answers have called. */
typedef struct weir_turn_hooks {
    weir_answer_events events; /* its context is that of the hooks too */
    /* After each answer, before its calls are answered; message: NULL for one that was interrupted
     * before its first token. May be NULL. */
    void (*on_answer)(void *context, const weir_answer *answer, const weir_message *message);
    /* The result of a call, into *result; *is_answered = false ends the turn there. NULL: ends the
     * turn at a call. */
    weir_status (*on_call)(void *context, const weir_call *call, weir_text_buffer *result,
                           bool *is_answered, weir_error *err);
} weir_turn_hooks;

/* *last: of the last answer; may be NULL. *rounds_used_up: it ended for too many rounds. */
weir_status weir_chat_turn(weir_chat *chat, const weir_turn_hooks *hooks, weir_answer *last,
                           bool *rounds_used_up, weir_error *err);

/* ---- what can be told about it ------------------------------------------------------------ */

/* The prompt as it would be run, by weir_prompt_make. Needs no weights. For a chat with messages
 * this is the prompt of the next answer. */
weir_status weir_chat_prompt(const weir_chat *chat, bool add_generation_prompt, weir_prompt *out,
                             weir_error *err);

typedef struct weir_chat_info {
    size_t n_tokens;               /* on the timeline now */
    size_t n_pending;              /* of them, not run yet */
    size_t n_ctx;                  /* 0 before the host is loaded */
    size_t n_generated, n_answers; /* since the chat was opened, by this chat */
    double prompt_s, generate_s;
} weir_chat_info;
void weir_chat_get_info(const weir_chat *chat, weir_chat_info *out);

/* ---- as files ----------------------------------------------------------------------------- */

/* The JSON of conversation.h. Reading replaces the conversation only on success; the timeline
 * follows at the next answer, or by weir_chat_load_state. */
weir_status weir_chat_write(const weir_chat *chat, weir_text_buffer *out, weir_error *err);
weir_status weir_chat_read(weir_chat *chat, const char *text, size_t n, const char *where,
                           weir_error *err);

/* The timeline as a file (weir_seq_save), so that a resumed conversation runs nothing again. Saving
 * runs what is pending. A state that does not fit the conversation costs time and nothing else:
 * what differs is run again. After a failed load the chat is as before. */
weir_status weir_chat_save_state(weir_chat *chat, const char *path, weir_error *err);
weir_status weir_chat_load_state(weir_chat *chat, const char *path, weir_error *err);

#endif
