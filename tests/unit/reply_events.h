/*
 * reply_events.h: the events of a reply as one text, so that two ways of cutting the same reply are
 * compared by comparing bytes. Neighbouring pieces of content or reasoning are one.
 *
 * Each event begins with a letter: C content, R reasoning, T call (u: not declared), W warning, N
 * name and A arguments of a call that is written; its text follows behind a space, a call's
 * arguments behind one more; a newline ends it.
 */
#ifndef WEIR_TESTS_REPLY_EVENTS_H
#define WEIR_TESTS_REPLY_EVENTS_H

#include "weir.h"

#include <stdlib.h>
#include <string.h>

typedef struct reply_log {
    char *text; /* [n] and a 0 */
    size_t n, cap;
    weir_reply_kind last;
    bool has_last;
    bool no_warnings; /* leave them out */
} reply_log;

static inline void log_put(reply_log *log, const char *text, size_t n) {
    if (log->n + n + 1 > log->cap) {
        log->cap = 2 * (log->n + n) + 64;
        log->text = realloc(log->text, log->cap);
        if (!log->text)
            abort();
    }
    if (n > 0)
        memcpy(log->text + log->n, text, n);
    log->n += n;
    log->text[log->n] = '\0';
}

static inline void log_event(void *context, const weir_reply_event *event) {
    reply_log *log = context;
    if (event->kind == WEIR_REPLY_WARNING && log->no_warnings)
        return;
    bool is_piece = event->kind <= WEIR_REPLY_REASONING || event->kind == WEIR_REPLY_CALL_ARGUMENTS;
    bool goes_on = log->has_last && log->last == event->kind && is_piece;
    if (!goes_on) {
        bool is_undeclared = event->kind == WEIR_REPLY_CALL && !event->is_declared;
        if (log->has_last)
            log_put(log, "\n", 1);
        log_put(log, is_undeclared ? "u" : &"CRTWNA"[event->kind], 1);
        log_put(log, " ", 1);
    }
    log_put(log, event->text, event->n);
    if (event->kind == WEIR_REPLY_CALL) {
        log_put(log, " ", 1);
        log_put(log, event->arguments, event->n_arguments);
    }
    log->last = event->kind;
    log->has_last = true;
}

/* Ready for the next reply. */
static inline void log_clear(reply_log *log) {
    log->n = 0;
    log->has_last = false;
    log_put(log, "", 0);
}

static inline void log_free(reply_log *log) {
    free(log->text);
    *log = (reply_log){0};
}

static inline weir_reply *reply_with(reply_log *log, weir_reply_options options) {
    weir_reply *reply = NULL;
    options.on_event = log_event;
    options.context = log;
    log_clear(log);
    if (weir_reply_open(&reply, &options, NULL) != WEIR_STATUS_OK)
        abort();
    return reply;
}

static inline void reply_push(weir_reply *reply, const char *text, size_t n) {
    /* A block of its exact size: a sanitizer sees a read behind the end. */
    char *copy = malloc(n > 0 ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, text, n);
    if (weir_reply_push(reply, copy, n, NULL) != WEIR_STATUS_OK)
        abort();
    free(copy);
}

static inline void reply_end(weir_reply *reply) {
    if (weir_reply_finish(reply, NULL) != WEIR_STATUS_OK)
        abort();
}

/* The same with the call marks of the text pushed as tokens; pieces of `piece` bytes between. */
static inline void reply_push_tokens(weir_reply *reply, const char *text, size_t n, size_t piece) {
    static const char *const marks[] = {"<|tool_call_start|>", "<|tool_call_end|>"};
    size_t begin = 0;
    for (size_t at = 0; at <= n;) {
        size_t n_mark = 0;
        for (size_t i = 0; i < 2 && n_mark == 0; i++)
            if (n - at >= strlen(marks[i]) && memcmp(text + at, marks[i], strlen(marks[i])) == 0)
                n_mark = strlen(marks[i]);
        if (n_mark == 0 && at < n) {
            at++;
            continue;
        }
        for (; begin < at; begin += at - begin < piece ? at - begin : piece)
            reply_push(reply, text + begin, at - begin < piece ? at - begin : piece);
        if (n_mark == 0)
            break;
        if (weir_reply_push_mark(reply, text + at, n_mark, NULL) != WEIR_STATUS_OK)
            abort();
        at += n_mark;
        begin = at;
    }
}

#endif
