/*
 * wishes.h: what an answer has to be, for the APIs whose requests say it in another shape than the
 * chat API: tools and formats into a conversation and a job.
 */
#ifndef WEIR_SERVER_WISHES_H
#define WEIR_SERVER_WISHES_H

#include "chat_request.h"

typedef enum weir_tool_choice {
    WEIR_CHOICE_AUTO = 0,
    WEIR_CHOICE_NONE = 1,
    WEIR_CHOICE_REQUIRED = 2,
    WEIR_CHOICE_NAMED = 3
} weir_tool_choice;

typedef struct weir_tool_wish {
    weir_text_buffer tools; /* a JSON array in the chat API's shape; empty: none */
    weir_tool_choice choice;
    const char *name; /* NAMED */
    bool is_one_call; /* one call at most */
    bool is_strict;   /* a tool wants its schema kept to: what cannot be enforced is an error */
    /* Set by weir_use_form: what an answer without calls has to be. NULL: nothing */
    const char *form_source;
    size_t n_form;
    weir_grammar_kind form;
} weir_tool_wish;

/* Adds one tool: name as text, the others as they were written (n 0: missing). */
void weir_tool_wish_add(weir_tool_wish *wish, const char *name, size_t n_name,
                        const char *description, size_t n_description, const char *parameters,
                        size_t n_parameters);
/* What the template shows, which names count as declared, and the grammar of the calls. Frees what
 * the wish owns. param: "tools". */
void weir_use_tools(weir_request *request, weir_tool_wish *wish, weir_conversation *conversation,
                    weir_job *job);
/* The answer is what a grammar of this kind wants; source [n]. param names it in errors, with the
 * JSON pointer of what cannot be enforced. Not together with a choice that forces a call. Comes
 * before weir_use_tools, which lets an answer be calls instead; source lives until then. */
void weir_use_form(weir_request *request, weir_tool_wish *wish, const char *param,
                   weir_grammar_kind kind, const char *source, size_t n, weir_job *job);
/* The same for JSON: of this schema [n], or any object if schema is NULL. */
void weir_use_json(weir_request *request, weir_tool_wish *wish, const char *param,
                   const char *schema, size_t n, weir_job *job);

/* A failure of the library while the request is read: 400 for what the client wrote, 500 for what
 * is this machine's. */
void weir_request_take(weir_request *request, const char *param, const char *code,
                       weir_status status, const weir_error *err);
void weir_fail_memory(weir_request *request);

#endif
