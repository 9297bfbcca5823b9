/*
 * chat_loop.h: a conversation with a person at a terminal.
 *
 * Owns the dialogue: prompt, answers as they come, commands that begin with a slash, autosave. Does
 * not own the conversation, its timeline or how an answer is made (chat.h).
 */
#ifndef WEIR_TOOLS_CHAT_LOOP_H
#define WEIR_TOOLS_CHAT_LOOP_H

#include "chat.h"
#include "terminal.h"
#include "weir.h"

typedef struct weir_chat_loop_options {
    const char *resume; /* NULL: a new conversation; "last" or "": the latest; else a name */
    bool no_autosave;
    bool no_history; /* neither read nor write the history of typed lines */
    weir_color color;
    const char *tool_command;    /* answers calls of tools; NULL: the user is asked */
    const char *sampling_source; /* for the banner, as weir_sampling_for_model says; may be NULL */
    /* After a conversation was read: what the command line says about settings, system prompt and
     * tools counts more than what the file says. May be NULL. */
    weir_status (*apply_flags)(void *context, weir_chat *chat, weir_error *err);
    void *context;
} weir_chat_loop_options;

/* Talks until the user leaves. Returns the exit code. The chat stays the caller's. */
int weir_chat_loop(weir_chat *chat, const weir_chat_loop_options *options);

#endif
