/*
 * json_text.h: foreign bytes into JSON, JSON texts that are checked to the last byte, and their
 * members as they were written.
 *
 * jansson reads numbers into doubles and 64-bit integers, so what must arrive unchanged (1.0, 1e3,
 * integers of twenty digits) is cut out of the text instead of being read and written again. Such
 * text ends up inside other JSON: nothing may be put there that weir_json_check has not accepted.
 */
#ifndef WEIR_TOOLS_JSON_TEXT_H
#define WEIR_TOOLS_JSON_TEXT_H

#include "weir.h"

#include <jansson.h>

/* A JSON string of any bytes: what is no UTF-8 becomes U+FFFD. NULL without memory. */
json_t *weir_json_text(const char *bytes, size_t n);

/* Above what weir_reply finds in answers, below what templates take, with room for all that a
 * context puts around a text. */
enum { WEIR_JSON_MAX_DEPTH = 160 };

/* Is text [n] one JSON value (RFC 8259) and nothing else but space? Its numbers may have any size,
 * its brackets WEIR_JSON_MAX_DEPTH levels. BAD_FILE with "where:line:column". */
weir_status weir_json_check(const char *text, size_t n, const char *where, weir_error *err);

/* Reads a JSON text of any kind that passes this check. If an integer in it goes beyond 64 bits,
 * all its numbers come as doubles. NULL and BAD_FILE with "where:line:column" if it is no JSON, and
 * for what jansson cannot hold: numbers beyond a double, halves of surrogate pairs. */
json_t *weir_json_read(const char *text, size_t n, const char *where, weir_error *err);

/* Prints on one line to standard output, and releases json. NO_MEMORY if json is NULL, as jansson's
 * constructors leave it without memory. */
weir_status weir_json_print(json_t *json, weir_error *err);

typedef struct weir_json_member {
    const char *key; /* [n_key] between the quotes, escapes as they were written */
    size_t n_key;
    const char *value; /* [n_value] without the space around it */
    size_t n_value;
} weir_json_member;

/* The next member of the outermost object. *at begins as a text that weir_json_check accepted, 0 at
 * its end, and moves along; false: there are no more, or the text is no object. */
bool weir_json_member_next(const char **at, weir_json_member *out);

/* Its member of this name, the last if there are several; false: there is none. */
bool weir_json_member_find(const char *text, const char *key, weir_json_member *out);

/* Is this its name, which is plain ASCII? */
bool weir_json_member_is(const weir_json_member *member, const char *key);

#endif
