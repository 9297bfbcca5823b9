/* raw_answer.c: see raw_answer.h. Keeps nothing between calls. Invariant: what the client said is
 * changed in how it is written only. */
#include "raw_answer.h"

#include "json_text.h"

#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    const weir_message *message;
    size_t n_content; /* seen so far */
    weir_calls calls; /* as they were written */
    bool is_same;
} comparison;

static bool is_same_json(const char *a, size_t n_a, const char *b, size_t n_b) {
    if (n_a == n_b && memcmp(a, b, n_a) == 0)
        return true;
    json_t *left = weir_json_read(a, n_a, "", NULL), *right = weir_json_read(b, n_b, "", NULL);
    bool is_same = left && right && json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return is_same;
}

static bool is_same_call(const comparison *c, const weir_reply_event *event) {
    const weir_calls *calls = &c->message->calls;
    if (c->calls.n >= calls->n)
        return false;
    const weir_call *call = &calls->item[c->calls.n];
    return strlen(call->name) == event->n && memcmp(call->name, event->text, event->n) == 0 &&
           is_same_json(call->arguments, strlen(call->arguments), event->arguments,
                        event->n_arguments);
}

static void compare(void *context, const weir_reply_event *event) {
    comparison *c = context;
    if (event->kind == WEIR_REPLY_CALL) {
        c->is_same = c->is_same && is_same_call(c, event) &&
                     weir_calls_add(&c->calls, event->text, event->n, event->arguments,
                                    event->n_arguments, true, NULL) == WEIR_STATUS_OK;
    } else if (event->kind == WEIR_REPLY_CONTENT) {
        c->is_same = c->is_same && event->n <= c->message->n_content - c->n_content &&
                     memcmp(c->message->content + c->n_content, event->text, event->n) == 0;
        c->n_content += c->is_same ? event->n : 0;
    }
}

/* Takes raw apart and fills c. */
static bool is_same_answer(comparison *c, const char *raw, size_t n) {
    const weir_calls *calls = &c->message->calls;
    const char **names = calloc(calls->n + 1, sizeof *names);
    weir_reply_options options = {
        .tool_names = names, .n_tool_names = calls->n, .on_event = compare, .context = c};
    weir_reply *reply = NULL;
    for (size_t i = 0; names && i < calls->n; i++)
        names[i] = calls->item[i].name;
    bool is_read = names && weir_reply_open(&reply, &options, NULL) == WEIR_STATUS_OK &&
                   weir_reply_push(reply, raw, n, NULL) == WEIR_STATUS_OK &&
                   weir_reply_finish(reply, NULL) == WEIR_STATUS_OK;
    weir_reply_close(&reply);
    free(names);
    return is_read && c->is_same && c->calls.n == calls->n && c->n_content == c->message->n_content;
}

bool weir_raw_says(const char *raw, size_t n, const weir_message *message) {
    comparison c = {.message = message, .is_same = true};
    bool is_same = is_same_answer(&c, raw, n);
    weir_calls_free(&c.calls);
    return is_same;
}

void weir_message_put_raw(weir_message *message, char *raw, size_t n) {
    comparison c = {.message = message, .is_same = true};
    if (raw && is_same_answer(&c, raw, n)) {
        weir_calls_free(&message->calls);
        message->calls = c.calls;
        message->raw = raw;
        message->n_raw = n;
        return;
    }
    weir_calls_free(&c.calls);
    free(raw);
}
