/*
 * conversation.c: messages in memory.
 *
 * Invariant: every text is owned by exactly one message or conversation.
 */
#include "conversation.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

const char *const weir_role_names[WEIR_N_ROLES] = {"user", "assistant", "tool", "system"};

enum { FIRST_MESSAGES = 8 };

void weir_message_free(weir_message *message) {
    free(message->content);
    free(message->reasoning);
    free(message->raw);
    free(message->tool_name);
    weir_calls_free(&message->calls);
    *message = (weir_message){0};
}

void weir_conversation_free(weir_conversation *conversation) {
    weir_conversation_cut(conversation, 0);
    free(conversation->message);
    free(conversation->system);
    free(conversation->model_name);
    free(conversation->model_path);
    weir_tools_free(&conversation->tools);
    weir_settings_free(&conversation->settings);
    *conversation = (weir_conversation){0};
}

void weir_conversation_cut(weir_conversation *conversation, size_t n) {
    while (conversation->n_messages > n)
        weir_message_free(&conversation->message[--conversation->n_messages]);
}

weir_status weir_conversation_add(weir_conversation *conversation, weir_message *message,
                                  weir_error *err) {
    size_t n = conversation->n_messages;
    /* The capacity is not kept: it is the power of two that holds n. */
    if (n == 0 || (n >= FIRST_MESSAGES && (n & (n - 1)) == 0)) {
        size_t cap = n < FIRST_MESSAGES ? FIRST_MESSAGES : 2 * n;
        weir_message *larger = realloc(conversation->message, cap * sizeof *larger);
        if (!larger) {
            weir_message_free(message);
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for another message");
        }
        conversation->message = larger;
    }
    conversation->message[conversation->n_messages++] = *message;
    *message = (weir_message){0};
    return WEIR_STATUS_OK;
}

size_t weir_conversation_last_user(const weir_conversation *conversation) {
    for (size_t i = conversation->n_messages; i-- > 0;)
        if (conversation->message[i].role == WEIR_ROLE_USER)
            return i;
    return conversation->n_messages;
}

/* NULL stays NULL; false: no memory. */
static bool copy_text(char **out, const char *text, size_t n) {
    *out = text ? weir_text_copy(text, n) : NULL;
    return *out || !text;
}

static bool copy_string(char **out, const char *text) {
    return copy_text(out, text, text ? strlen(text) : 0);
}

weir_status weir_message_copy(weir_message *out, const weir_message *from, weir_error *err) {
    *out = (weir_message){.role = from->role,
                          .n_content = from->n_content,
                          .n_reasoning = from->n_reasoning,
                          .n_raw = from->n_raw};
    if (copy_text(&out->content, from->content, from->n_content) &&
        copy_text(&out->reasoning, from->reasoning, from->n_reasoning) &&
        copy_text(&out->raw, from->raw, from->n_raw) &&
        copy_string(&out->tool_name, from->tool_name) &&
        weir_calls_copy(&out->calls, &from->calls, err) == WEIR_STATUS_OK)
        return WEIR_STATUS_OK;
    weir_message_free(out);
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the copy of a message");
}

weir_status weir_conversation_copy(weir_conversation *out, const weir_conversation *from,
                                   weir_error *err) {
    *out = (weir_conversation){.n_system = from->n_system, .started = from->started};
    weir_status status = WEIR_STATUS_OK;
    if (!copy_text(&out->system, from->system, from->n_system) ||
        !copy_string(&out->model_name, from->model_name) ||
        !copy_string(&out->model_path, from->model_path))
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the copy of a conversation");
    if (status == WEIR_STATUS_OK)
        status = weir_tools_copy(&out->tools, &from->tools, err);
    if (status == WEIR_STATUS_OK)
        status = weir_settings_copy(&out->settings, &from->settings, err);
    for (size_t i = 0; status == WEIR_STATUS_OK && i < from->n_messages; i++) {
        weir_message message;
        status = weir_message_copy(&message, &from->message[i], err);
        if (status == WEIR_STATUS_OK)
            status = weir_conversation_add(out, &message, err);
    }
    if (status != WEIR_STATUS_OK)
        weir_conversation_free(out);
    return status;
}
