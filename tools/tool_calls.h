/*
 * tool_calls.h: the tools a model is offered, the calls it makes, and the command that answers
 * them.
 *
 * Owns the rule that JSON goes through as it was written: schemas and arguments are kept as text,
 * so that numbers, the order of keys and spaces stay.
 */
#ifndef WEIR_TOOLS_TOOL_CALLS_H
#define WEIR_TOOLS_TOOL_CALLS_H

#include "text_buffer.h"

/* Zeros: no tools. */
typedef struct weir_tools {
    char *text; /* [n_text] a JSON array, as written; NULL: none */
    size_t n_text;
    char **names; /* [n_names], owned */
    size_t n_names;
} weir_tools;

/* An array of schemas, {"type":"function","function":{"name":..}} or {"name":..}, or one schema
 * alone. BAD_FILE with `where` and what is wrong. */
weir_status weir_tools_parse(weir_tools *out, const char *text, size_t n, const char *where,
                             weir_error *err);
weir_status weir_tools_read(weir_tools *out, const char *path, weir_error *err);
weir_status weir_tools_copy(weir_tools *out, const weir_tools *from, weir_error *err);
void weir_tools_free(weir_tools *tools); /* and makes it empty */

typedef struct weir_call {
    char *name, *arguments; /* arguments: the text of a JSON object, checked by weir_calls_add */
    bool is_declared;       /* a tool of this name was offered */
} weir_call;

typedef struct weir_calls {
    weir_call *item; /* [n] */
    size_t n;
} weir_calls;

/* BAD_FILE, with the place, unless arguments are one JSON object. */
weir_status weir_calls_add(weir_calls *calls, const char *name, size_t n_name,
                           const char *arguments, size_t n_arguments, bool is_declared,
                           weir_error *err);
weir_status weir_calls_copy(weir_calls *out, const weir_calls *from, weir_error *err);
void weir_calls_free(weir_calls *calls);

/* {"name": "f", "arguments": {...}} */
void weir_call_add_json(const weir_call *call, weir_text_buffer *out);

/*
 * Runs `sh -c command` with that JSON and a line feed on its standard input; what it prints is the
 * result, without line feeds at its end. A command that fails is a result as well, one that says
 * so. Failures are those of this machine (no process, no memory) and CANCELLED after an interrupt.
 */
weir_status weir_call_run(const char *command, const weir_call *call, weir_text_buffer *result,
                          weir_error *err);

#endif
