/*
 * request_members.h: what a request has inside its fields: members nobody knows, and members as
 * they were written.
 */
#ifndef WEIR_SERVER_REQUEST_MEMBERS_H
#define WEIR_SERVER_REQUEST_MEMBERS_H

#include "json_text.h"
#include "request.h"

/* Members of `object`, at path `at`, that are not among `known` (NULL at the end): told like
 * unknown fields of the root. */
void weir_request_check_members(weir_request *request, json_t *object, const char *at,
                                const char *const *known);

/* The member of this name of the object that begins at text; its key may be written with escapes.
 * text is part of a body that was read as JSON without duplicate keys. */
bool weir_request_member(const char *text, const char *name, weir_json_member *out);

/* "at.name"; name alone without `at`. Cut if need be. */
enum { WEIR_REQUEST_PATH = 96 };
void weir_request_path(char out[WEIR_REQUEST_PATH], const char *at, const char *name);

/* 500 server_error: no memory for `what`. */
void weir_request_no_memory(weir_request *request, const char *what);

/* 400 with the line of err, which names the place, and, as param, `at` followed by the JSON pointer
 * that the line names, if it names one: "response_format.json_schema.schema#/properties/a". */
void weir_request_fail_at(weir_request *request, const char *at, const char *code,
                          const weir_error *err);

/* Adds one line to JSON strings with commas between; when they are very many, what comes is left
 * out, which the last one says. */
void weir_add_warning(weir_text_buffer *warnings, const char *line);

/* The body of weir_reply_openai_error, for streams that have begun. */
void weir_openai_error_text(const weir_api_error *error, weir_text_buffer *out);

#endif
