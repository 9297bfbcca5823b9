/*
 * conversation.h: what was said, as data: no model is needed.
 *
 * Owns messages, system prompt, tools and settings, their file form (JSON with a version, read with
 * every check), and the JSON that a template is rendered with. Does not own tokens or timelines.
 * All texts are valid UTF-8 and may hold zeros.
 */
#ifndef WEIR_TOOLS_CONVERSATION_H
#define WEIR_TOOLS_CONVERSATION_H

#include "settings.h"
#include "tool_calls.h"

typedef enum weir_role {
    WEIR_ROLE_USER = 0,
    WEIR_ROLE_ASSISTANT = 1,
    WEIR_ROLE_TOOL = 2,
    WEIR_ROLE_SYSTEM = 3 /* among the messages; the one at the beginning is kept apart */
} weir_role;

enum { WEIR_N_ROLES = 4 };
/* As templates and files call them. */
extern const char *const weir_role_names[WEIR_N_ROLES];

typedef struct weir_message {
    weir_role role;
    char *content; /* [n_content] */
    size_t n_content;
    /* of answers: */
    char *reasoning; /* [n_reasoning]; NULL: none */
    size_t n_reasoning;
    weir_calls calls;
    char *raw; /* [n_raw] the answer as the model wrote it, marks included, from the <think> that
                  its prompt may have opened; NULL: only the parts above count */
    size_t n_raw;
    /* of results of tools: */
    char *tool_name; /* may be NULL */
} weir_message;

typedef struct weir_conversation {
    weir_message *message; /* [n_messages] */
    size_t n_messages;
    char *system; /* [n_system]; NULL: none */
    size_t n_system;
    weir_tools tools;
    weir_settings settings;
    int64_t started; /* seconds since 1970 in local time: the date that templates may write, kept
                        so that the beginning of the prompt does not change at midnight */
    char *model_name, *model_path; /* of the model that answered; may be NULL */
} weir_conversation;

void weir_conversation_free(weir_conversation *conversation); /* and makes it empty */
weir_status weir_conversation_copy(weir_conversation *out, const weir_conversation *from,
                                   weir_error *err);

/* Takes the message's texts over, also on failure. */
weir_status weir_conversation_add(weir_conversation *conversation, weir_message *message,
                                  weir_error *err);
/* Keeps the first n messages. */
void weir_conversation_cut(weir_conversation *conversation, size_t n);
void weir_message_free(weir_message *message);
weir_status weir_message_copy(weir_message *out, const weir_message *from, weir_error *err);

/* The index of the last message of the user; n_messages: there is none. */
size_t weir_conversation_last_user(const weir_conversation *conversation);

/* The file form. Reading replaces *out only on success; its settings are the defaults for what the
 * file does not say. BAD_FILE names `where` and the place. */
weir_status weir_conversation_write(const weir_conversation *conversation, weir_text_buffer *out,
                                    weir_error *err);
weir_status weir_conversation_read(weir_conversation *out, const char *text, size_t n,
                                   const char *where, weir_error *err);

/* What a template does with the parts of an answer, found out by rendering one (host.h). */
typedef struct weir_template_form {
    bool renders_calls, renders_reasoning; /* from their own fields; else they stand in content */
    bool renders_tools;                    /* it tells the model about tools */
} weir_template_form;

/* The variables of a template: {"messages": [...], "tools": [...], ...}. arguments: JSON members
 * ("name": value, ...) that are added behind, or "". */
weir_status weir_conversation_context(const weir_conversation *conversation,
                                      const weir_template_form *form, bool add_generation_prompt,
                                      const char *arguments, weir_text_buffer *out,
                                      weir_error *err);

#endif
