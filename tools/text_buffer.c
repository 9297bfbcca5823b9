/*
 * text_buffer.c: a text that grows. Capacity doubles, so adding n bytes in pieces costs O(n).
 */
#include "text_buffer.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void weir_text_buffer_free(weir_text_buffer *buffer) {
    free(buffer->data);
    *buffer = (weir_text_buffer){0};
}

void weir_text_buffer_clear(weir_text_buffer *buffer) {
    buffer->n = 0;
    if (buffer->data)
        buffer->data[0] = 0;
}

char *weir_text_buffer_room(weir_text_buffer *buffer, size_t n) {
    if (buffer->has_failed)
        return NULL;
    if (n >= SIZE_MAX / 2 - buffer->n) {
        buffer->has_failed = true;
        return NULL;
    }
    size_t needed = buffer->n + n + 1, cap = buffer->cap ? buffer->cap : FIRST_CAPACITY;
    while (cap < needed)
        cap *= 2;
    if (cap != buffer->cap) {
        char *data = realloc(buffer->data, cap);
        if (!data) {
            buffer->has_failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->cap = cap;
    }
    buffer->data[buffer->n] = 0;
    return buffer->data + buffer->n;
}

void weir_text_buffer_add(weir_text_buffer *buffer, const char *text, size_t n) {
    char *room = weir_text_buffer_room(buffer, n);
    if (!room)
        return;
    if (n > 0)
        memcpy(room, text, n);
    buffer->n += n;
    buffer->data[buffer->n] = 0;
}

void weir_text_buffer_say(weir_text_buffer *buffer, const char *text) {
    weir_text_buffer_add(buffer, text, strlen(text));
}

void weir_text_buffer_format(weir_text_buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = n >= 0 ? weir_text_buffer_room(buffer, (size_t)n) : NULL;
    if (!room) {
        buffer->has_failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(room, (size_t)n + 1, format, args);
    va_end(args);
    buffer->n += (size_t)n;
}

void weir_text_buffer_add_json(weir_text_buffer *buffer, const char *text, size_t n) {
    weir_text_buffer_add(buffer, "\"", 1);
    for (size_t at = 0, n_used; at < n; at += n_used) {
        uint32_t code;
        char bytes[WEIR_UTF8_MAX];
        weir_utf8_step(text + at, n - at, &code, &n_used);
        if (code == '"' || code == '\\')
            weir_text_buffer_format(buffer, "\\%c", (int)code);
        else if (code == '\n')
            weir_text_buffer_say(buffer, "\\n");
        else if (code < 0x20)
            weir_text_buffer_format(buffer, "\\u%04x", (unsigned)code);
        else
            weir_text_buffer_add(buffer, bytes, weir_utf8_encode(code, bytes));
    }
    weir_text_buffer_add(buffer, "\"", 1);
}

weir_status weir_text_buffer_check(const weir_text_buffer *buffer, const char *what,
                                   weir_error *err) {
    if (buffer->has_failed)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %s", what);
    return WEIR_STATUS_OK;
}

char *weir_text_copy(const char *text, size_t n) {
    char *copy = malloc(n + 1);
    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}
