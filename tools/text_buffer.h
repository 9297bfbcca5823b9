/*
 * text_buffer.h: a text that grows.
 *
 * Running out of memory is remembered and asked for once, at the end: adding to a buffer that has
 * failed does nothing. Zeros are an empty buffer. data is 0-terminated unless it is NULL.
 */
#ifndef WEIR_TOOLS_TEXT_BUFFER_H
#define WEIR_TOOLS_TEXT_BUFFER_H

#include "base/compiler.h"
#include "weir.h"

typedef struct weir_text_buffer {
    char *data; /* [n], owned */
    size_t n, cap;
    bool has_failed;
} weir_text_buffer;

void weir_text_buffer_free(weir_text_buffer *buffer);  /* and makes it empty */
void weir_text_buffer_clear(weir_text_buffer *buffer); /* keeps the memory */

void weir_text_buffer_add(weir_text_buffer *buffer, const char *text, size_t n);
void weir_text_buffer_say(weir_text_buffer *buffer, const char *text);
void weir_text_buffer_format(weir_text_buffer *buffer, const char *format, ...) WEIR_PRINTF(2, 3);
/* As a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void weir_text_buffer_add_json(weir_text_buffer *buffer, const char *text, size_t n);
/* Room for n more bytes; what is written there counts after data's n is raised. NULL: no memory. */
char *weir_text_buffer_room(weir_text_buffer *buffer, size_t n);

/* NO_MEMORY if anything was lost; what: "the answer". */
weir_status weir_text_buffer_check(const weir_text_buffer *buffer, const char *what,
                                   weir_error *err);

/* A copy with a 0 behind it, to be freed; NULL without memory. */
char *weir_text_copy(const char *text, size_t n);

#endif
