/*
 * reply_stream.h: calls told while they are written: names, and arguments as JSON text that grows.
 *
 * Only for blocks that a grammar of tools binds (docs/toolcalls.md): nothing in them is repaired,
 * so that what was told never has to be taken back. reply_calls.h reads the whole block all the
 * same and has the last word. The JSON is its JSON, but that a name given twice stands there twice.
 */
#ifndef WEIR_TEXT_REPLY_STREAM_H
#define WEIR_TEXT_REPLY_STREAM_H

#include "text/reply_json.h"

typedef enum weir_call_place {
    WEIR_CALL_IN_LIST = 0, /* between calls */
    WEIR_CALL_IN_NAME,
    WEIR_CALL_IN_KEY, /* behind ( or a value: a name follows, or the end */
    WEIR_CALL_AT_VALUE,
    WEIR_CALL_IN_STRING,
    WEIR_CALL_IN_LITERAL, /* of any other kind: told when it is whole */
    WEIR_CALL_LOST        /* not what a grammar lets through: nothing more is told of the block */
} weir_call_place;

/* Texts are valid until the call returns. */
typedef struct weir_call_events {
    void *context;
    void (*on_name)(void *context, const char *name, size_t n);
    void (*on_arguments)(void *context, const char *json, size_t n);
} weir_call_events;

/* Zeros are an empty one. */
typedef struct weir_call_stream {
    weir_call_place place;
    size_t n_calls, n_arguments; /* begun, of the block; of the call */
    weir_reply_text pending;     /* of a name, of a string, or a literal so far */
    weir_reply_json json;        /* what is to be told */
    char quote;                  /* of the string, or of the one within the literal; 0: none */
    bool is_escaped;             /* the next byte cannot be a quote */
    size_t n_open;               /* brackets of the literal */
} weir_call_stream;

/* At the start mark of a block. */
void weir_call_stream_begin(weir_call_stream *stream);
/* More of the block's text. False: no memory. */
bool weir_call_stream_push(weir_call_stream *stream, const char *text, size_t n,
                           const weir_call_events *events);
void weir_call_stream_free(weir_call_stream *stream);

#endif
