/*
 * answer_text.c: from tokens to pieces of text.
 *
 *   bytes of a token -> whole code points -> content | thinking | calls -> stop strings -> shown
 *
 * Owns the message under construction. Invariants: what on_piece gets is valid UTF-8; of a stop
 * string nothing is shown; control tokens are never shown as text, but for those that a user of
 * plain text asked for.
 */
#include "answer_parts.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct weir_answer_text {
    const weir_host *host;
    const weir_answer_options *options;
    const weir_answer_events *events;
    weir_reply *reply; /* NULL: plain text */
    weir_stop *stop;   /* NULL: no stop strings */
    weir_utf8_gate gate;
    weir_text_buffer content, reasoning, raw, scratch;
    weir_calls calls;
    int stop_found;     /* -1: none yet */
    weir_status status; /* of what happens inside callbacks */
    weir_error err;
};

static void show(weir_answer_text *t, weir_piece kind, const char *text, size_t n) {
    if (n > 0 && t->events->on_piece)
        t->events->on_piece(t->events->context, kind, text, n);
}

static void add_content(weir_answer_text *t, const char *text, size_t n) {
    weir_text_buffer_add(&t->content, text, n);
    show(t, WEIR_PIECE_CONTENT, text, n);
}

static void push_content(weir_answer_text *t, const char *text, size_t n) {
    if (t->stop_found >= 0)
        return;
    if (!t->stop) {
        add_content(t, text, n);
        return;
    }
    weir_text_buffer_clear(&t->scratch);
    char *room = weir_text_buffer_room(&t->scratch, n + weir_stop_longest(t->stop));
    size_t n_free = 0;
    if (room)
        t->stop_found = weir_stop_push(t->stop, text, n, room, &n_free);
    add_content(t, room, n_free);
}

/* No stop string can go on: what could have become one is shown. */
static void release_content(weir_answer_text *t) {
    if (!t->stop || t->stop_found >= 0)
        return;
    weir_text_buffer_clear(&t->scratch);
    char *room = weir_text_buffer_room(&t->scratch, weir_stop_longest(t->stop));
    size_t n_free = 0;
    if (room)
        weir_stop_finish(t->stop, room, &n_free);
    add_content(t, room, n_free);
}

static void add_call(weir_answer_text *t, const weir_reply_event *event) {
    if (t->status != WEIR_STATUS_OK)
        return;
    t->status = weir_calls_add(&t->calls, event->text, event->n, event->arguments,
                               event->n_arguments, event->is_declared, &t->err);
    if (t->status != WEIR_STATUS_OK)
        return;
    weir_text_buffer_clear(&t->scratch);
    weir_call_add_json(&t->calls.item[t->calls.n - 1], &t->scratch);
    show(t, WEIR_PIECE_CALL, t->scratch.data, t->scratch.n);
}

static void on_event(void *context, const weir_reply_event *event) {
    weir_answer_text *t = context;
    if (t->stop_found >= 0) /* what comes behind a stop string was never said */
        return;
    if (event->kind == WEIR_REPLY_CONTENT) {
        push_content(t, event->text, event->n);
        return;
    }
    if (event->kind == WEIR_REPLY_WARNING) {
        show(t, WEIR_PIECE_WARNING, event->text, event->n);
        return;
    }
    release_content(t);
    if (event->kind == WEIR_REPLY_CALL) {
        add_call(t, event);
    } else if (event->kind == WEIR_REPLY_CALL_NAME) {
        show(t, WEIR_PIECE_CALL_NAME, event->text, event->n);
    } else if (event->kind == WEIR_REPLY_CALL_ARGUMENTS) {
        show(t, WEIR_PIECE_CALL_ARGUMENTS, event->text, event->n);
    } else {
        weir_text_buffer_add(&t->reasoning, event->text, event->n);
        show(t, WEIR_PIECE_REASONING, event->text, event->n);
    }
}

/* Marks that take part in the form of an answer; other control tokens say nothing in it. */
static bool is_mark(const char *bytes, size_t n) {
    static const char *const marks[] = {"<|tool_call_start|>", "<|tool_call_end|>", "<think>",
                                        "</think>"};
    for (size_t i = 0; i < WEIR_COUNT(marks); i++)
        if (strlen(marks[i]) == n && memcmp(marks[i], bytes, n) == 0)
            return true;
    return false;
}

/* Whole code points go on. */
static weir_status push_text(weir_answer_text *t, const char *text, size_t n, weir_error *err) {
    weir_text_buffer_add(&t->raw, text, n);
    if (t->reply)
        return weir_reply_push(t->reply, text, n, err);
    push_content(t, text, n);
    return WEIR_STATUS_OK;
}

static weir_status end_code_point(weir_answer_text *t, weir_error *err) {
    char text[WEIR_UTF8_GATE_ROOM];
    size_t n = weir_utf8_finish(&t->gate, text);
    return n > 0 ? push_text(t, text, n, err) : WEIR_STATUS_OK;
}

static weir_status push_bytes(weir_answer_text *t, const char *bytes, size_t n, weir_error *err) {
    char *text = malloc(3 * n + WEIR_UTF8_GATE_ROOM);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the answer");
    size_t n_text = weir_utf8_push(&t->gate, bytes, n, text);
    weir_status status = push_text(t, text, n_text, err);
    free(text);
    return status;
}

static weir_status push_control(weir_answer_text *t, const char *bytes, size_t n, weir_error *err) {
    WEIR_TRY(end_code_point(t, err));
    weir_text_buffer_add(&t->raw, bytes, n);
    if (t->reply && is_mark(bytes, n))
        return weir_reply_push_mark(t->reply, bytes, n, err);
    if (!t->reply && t->host->options.matches_control)
        push_content(t, bytes, n);
    return WEIR_STATUS_OK;
}

static weir_status check(const weir_answer_text *t, weir_error *err) {
    if (t->status != WEIR_STATUS_OK) {
        if (err)
            *err = t->err;
        return t->status;
    }
    const weir_text_buffer *const buffers[] = {&t->content, &t->reasoning, &t->raw, &t->scratch};
    for (size_t i = 0; i < WEIR_COUNT(buffers); i++)
        WEIR_TRY(weir_text_buffer_check(buffers[i], "the answer", err));
    return WEIR_STATUS_OK;
}

weir_status weir_answer_text_push(weir_answer_text *t, int32_t token, weir_error *err) {
    const char *bytes;
    size_t n;
    weir_token_kind kind = weir_tokenizer_token(t->host->tokenizer, token, &bytes, &n);
    bool is_apart = kind == WEIR_TOKEN_CONTROL ||
                    (kind == WEIR_TOKEN_USER_DEFINED && t->reply && is_mark(bytes, n));
    WEIR_TRY(is_apart ? push_control(t, bytes, n, err) : push_bytes(t, bytes, n, err));
    return check(t, err);
}

bool weir_answer_text_in_reasoning(const weir_answer_text *t) {
    return t->reply && weir_reply_in_reasoning(t->reply);
}

bool weir_answer_text_is_at_line_start(const weir_answer_text *t) {
    return t->reasoning.n == 0 || t->reasoning.data[t->reasoning.n - 1] == '\n';
}

int weir_answer_text_stop(const weir_answer_text *t) {
    return t->stop_found;
}

/* ---- open, finish, close ------------------------------------------------------------------ */

static weir_status open_reply(weir_answer_text *t, weir_error *err) {
    const weir_tools *tools = t->options->tools;
    weir_reply_options options = {
        .tool_names = tools ? (const char *const *)tools->names : NULL,
        .n_tool_names = tools ? tools->n_names : 0,
        .starts_in_reasoning = t->options->n_opening > 0,
        .marks_are_tokens = weir_host_token(t->host, "<|tool_call_start|>") >= 0,
        .streams_calls = t->options->streams_calls,
        .on_event = on_event,
        .context = t,
    };
    return weir_reply_open(&t->reply, &options, err);
}

weir_status weir_answer_text_open(weir_answer_text **out, const weir_host *host,
                                  const weir_answer_options *options,
                                  const weir_answer_events *events, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    weir_answer_text *t = calloc(1, sizeof *t);
    if (!t)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the answer");
    t->host = host;
    t->options = options;
    t->events = events;
    t->stop_found = -1;
    weir_text_buffer_add(&t->raw, options->opening, options->n_opening);
    const weir_settings *settings = options->settings;
    if (settings->n_stop > 0)
        WEIR_TRY_GOTO(
            weir_stop_open(&t->stop, (const char *const *)settings->stop, settings->n_stop, err));
    if (!options->is_plain)
        WEIR_TRY_GOTO(open_reply(t, err));
    *out = t;
    return WEIR_STATUS_OK;
fail:
    weir_answer_text_close(&t);
    return status;
}

/* Hands the text of a buffer over. */
static char *take(weir_text_buffer *buffer, size_t *n) {
    char *text = buffer->data;
    *n = buffer->n;
    *buffer = (weir_text_buffer){0};
    return text;
}

weir_status weir_answer_text_finish(weir_answer_text *t, weir_message *message, weir_error *err) {
    *message = (weir_message){0};
    WEIR_TRY(end_code_point(t, err));
    if (t->reply)
        WEIR_TRY(weir_reply_finish(t->reply, err));
    release_content(t);
    weir_text_buffer_say(&t->content, ""); /* an answer always has content, maybe empty */
    WEIR_TRY(check(t, err));
    message->role = WEIR_ROLE_ASSISTANT;
    message->content = take(&t->content, &message->n_content);
    if (t->reasoning.n > 0)
        message->reasoning = take(&t->reasoning, &message->n_reasoning);
    /* What was written behind a stop string is no part of the conversation. */
    if (t->stop_found < 0 && t->raw.data)
        message->raw = take(&t->raw, &message->n_raw);
    message->calls = t->calls;
    t->calls = (weir_calls){0};
    return WEIR_STATUS_OK;
}

void weir_answer_text_close(weir_answer_text **text) {
    weir_answer_text *t = *text;
    if (!t)
        return;
    weir_reply_close(&t->reply);
    weir_stop_close(&t->stop);
    weir_text_buffer_free(&t->content);
    weir_text_buffer_free(&t->reasoning);
    weir_text_buffer_free(&t->raw);
    weir_text_buffer_free(&t->scratch);
    weir_calls_free(&t->calls);
    free(t);
    *text = NULL;
}
