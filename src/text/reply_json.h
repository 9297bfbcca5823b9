/*
 * reply_json.h: JSON text that grows: strings by code points, objects whose repeated keys become
 * one. What reply_value.h writes into and reply_calls.h keeps its results in.
 */
#ifndef WEIR_TEXT_REPLY_JSON_H
#define WEIR_TEXT_REPLY_JSON_H

#include "weir.h"

/* Bytes that grow. Zeros are an empty one. When memory runs out it stays as it is, and says so. */
typedef struct weir_reply_text {
    char *data; /* [n] of [cap] */
    size_t n, cap;
    bool is_out_of_memory;
} weir_reply_text;

void weir_reply_put(weir_reply_text *to, const char *data, size_t n);
void weir_reply_put_code(weir_reply_text *to, uint32_t code); /* as UTF-8 */
void weir_reply_text_free(weir_reply_text *text);

/* A member of an object that is being written: key and value as they stand in the text. */
typedef struct weir_json_member {
    size_t key, n_key; /* of "key", quotes included */
    size_t end;        /* of its value */
} weir_json_member;

typedef struct weir_reply_json {
    weir_reply_text text;
    weir_json_member *members; /* [n_members] of all objects that are open */
    size_t n_members, cap_members;
} weir_reply_json;

void weir_reply_json_free(weir_reply_json *json);
/* False once memory has run out; what was written since is of no use. */
bool weir_reply_json_is_whole(const weir_reply_json *json);

/* One code point inside the quotes of a string: escaped where JSON asks for it. */
void weir_json_put_code(weir_reply_json *json, uint32_t code);
/* Any bytes as a string, quotes included; what is no UTF-8 becomes U+FFFD. */
void weir_json_put_string(weir_reply_json *json, const char *text, size_t n);
/* The text that the string literal at [at, at + n), written by the functions above, stands for. */
void weir_json_put_unescaped(weir_reply_text *to, const weir_reply_json *json, size_t at, size_t n);

/* An object is open, then for each member: weir_json_next, its key is written, weir_json_key_end,
 * its value is written, weir_json_value_end; then it is closed. */
typedef struct weir_json_object {
    size_t at; /* of its brace */
    size_t first_member;
} weir_json_object;

weir_json_object weir_json_open(weir_reply_json *json);
void weir_json_next(weir_reply_json *json, const weir_json_object *object);
void weir_json_key_end(weir_reply_json *json, size_t key);
void weir_json_value_end(weir_reply_json *json);
/* A repeated key keeps its first place and takes its last value, as in Python. Returns whether
 * there was one. */
bool weir_json_close(weir_reply_json *json, const weir_json_object *object);

#endif
