/*
 * chat.c: what can be done with a conversation: say, undo, retry, fork, save, load.
 *
 * Invariant: the conversation changes only when the whole of an operation has succeeded; the
 * timeline may always lag behind it.
 */
#include "chat_parts.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds since 1970 as a clock on the wall shows them. */
static int64_t local_time_now(void) {
    time_t now = time(NULL);
    struct tm local;
    return localtime_r(&now, &local) ? (int64_t)now + local.tm_gmtoff : (int64_t)now;
}

weir_status weir_chat_open(weir_chat **out, weir_host *host, weir_error *err) {
    *out = NULL;
    weir_chat *chat = calloc(1, sizeof *chat);
    if (!chat)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a chat");
    chat->host = host;
    chat->conversation.started = local_time_now();
    weir_settings_default(&chat->conversation.settings, host->model, NULL);
    *out = chat;
    return WEIR_STATUS_OK;
}

void weir_chat_close(weir_chat **chat) {
    if (!*chat)
        return;
    weir_seq_close(&(*chat)->seq);
    weir_conversation_free(&(*chat)->conversation);
    free(*chat);
    *chat = NULL;
}

weir_host *weir_chat_host(const weir_chat *chat) {
    return chat->host;
}

weir_conversation *weir_chat_conversation(weir_chat *chat) {
    return &chat->conversation;
}

void weir_chat_get_info(const weir_chat *chat, weir_chat_info *out) {
    *out = (weir_chat_info){.n_generated = chat->n_generated,
                            .n_answers = chat->n_answers,
                            .prompt_s = chat->prompt_s,
                            .generate_s = chat->generate_s};
    if (chat->seq) {
        out->n_tokens = weir_seq_n_tokens(chat->seq);
        out->n_pending = weir_seq_n_pending(chat->seq);
    }
    if (chat->host->engine) {
        weir_plan plan;
        weir_engine_memory(chat->host->engine, &plan);
        out->n_ctx = plan.n_ctx;
    }
}

/* ---- what is said ------------------------------------------------------------------------- */

/* A copy that is UTF-8. */
static weir_status repair(char **out, size_t *n_out, const char *text, size_t n, weir_error *err) {
    char *room = n < SIZE_MAX / 3 ? malloc(3 * n + 1) : NULL;
    if (!room)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a message of %zu bytes", n);
    *n_out = weir_utf8_repair(text, n, room);
    room[*n_out] = 0;
    char *fitting = realloc(room, *n_out + 1);
    *out = fitting ? fitting : room;
    return WEIR_STATUS_OK;
}

weir_status weir_chat_add_user(weir_chat *chat, const char *text, size_t n, weir_error *err) {
    weir_message message = {.role = WEIR_ROLE_USER};
    WEIR_TRY(repair(&message.content, &message.n_content, text, n, err));
    return weir_conversation_add(&chat->conversation, &message, err);
}

weir_status weir_chat_add_tool_result(weir_chat *chat, const char *name, const char *text, size_t n,
                                      weir_error *err) {
    weir_message message = {.role = WEIR_ROLE_TOOL};
    WEIR_TRY(repair(&message.content, &message.n_content, text, n, err));
    if (name && !(message.tool_name = weir_text_copy(name, strlen(name)))) {
        weir_message_free(&message);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the result of a tool");
    }
    return weir_conversation_add(&chat->conversation, &message, err);
}

weir_status weir_chat_set_system(weir_chat *chat, const char *text, size_t n, weir_error *err) {
    char *system = NULL;
    size_t n_system = 0;
    if (text)
        WEIR_TRY(repair(&system, &n_system, text, n, err));
    free(chat->conversation.system);
    chat->conversation.system = system;
    chat->conversation.n_system = n_system;
    return WEIR_STATUS_OK;
}

bool weir_chat_undo(weir_chat *chat) {
    size_t last = weir_conversation_last_user(&chat->conversation);
    bool has_one = last < chat->conversation.n_messages;
    weir_conversation_cut(&chat->conversation, last);
    return has_one;
}

bool weir_chat_retry(weir_chat *chat) {
    size_t last = weir_conversation_last_user(&chat->conversation);
    if (last == chat->conversation.n_messages)
        return false;
    weir_conversation_cut(&chat->conversation, last + 1);
    chat->n_retries++;
    return true;
}

void weir_chat_clear(weir_chat *chat) {
    weir_conversation_cut(&chat->conversation, 0);
    chat->conversation.started = local_time_now();
}

void weir_chat_set_constraint(weir_chat *chat, const weir_constraint *constraint) {
    chat->constraint = constraint;
}

weir_status weir_chat_fork(weir_chat **out, const weir_chat *chat, weir_error *err) {
    weir_status status;
    *out = NULL;
    weir_chat *fork = calloc(1, sizeof *fork);
    if (!fork)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a chat");
    fork->host = chat->host;
    fork->constraint = chat->constraint;
    fork->n_retries = chat->n_retries;
    WEIR_TRY_GOTO(weir_conversation_copy(&fork->conversation, &chat->conversation, err));
    if (chat->seq)
        WEIR_TRY_GOTO(weir_seq_fork(&fork->seq, chat->seq, err));
    *out = fork;
    return WEIR_STATUS_OK;
fail:
    weir_chat_close(&fork);
    return status;
}

/* ---- as files ----------------------------------------------------------------------------- */

weir_status weir_chat_write(const weir_chat *chat, weir_text_buffer *out, weir_error *err) {
    return weir_conversation_write(&chat->conversation, out, err);
}

weir_status weir_chat_read(weir_chat *chat, const char *text, size_t n, const char *where,
                           weir_error *err) {
    return weir_conversation_read(&chat->conversation, text, n, where, err);
}

weir_status weir_chat_save_state(weir_chat *chat, const char *path, weir_error *err) {
    if (!chat->seq)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: nothing was run that could be saved",
                         path);
    WEIR_TRY(weir_seq_run(chat->seq, err));
    return weir_seq_save(chat->seq, path, err);
}

weir_status weir_chat_load_state(weir_chat *chat, const char *path, weir_error *err) {
    weir_seq *loaded;
    weir_status status = weir_seq_load(&loaded, chat->host->engine, path, err);
    if (status == WEIR_STATUS_FULL && chat->seq) {
        /* Every timeline is in use: this chat's own makes place, it can be run again. */
        weir_seq_close(&chat->seq);
        status = weir_seq_load(&loaded, chat->host->engine, path, err);
    }
    if (status != WEIR_STATUS_OK)
        return status;
    weir_seq_close(&chat->seq);
    chat->seq = loaded;
    return WEIR_STATUS_OK;
}

weir_status weir_chat_prompt(const weir_chat *chat, bool add_generation_prompt, weir_prompt *out,
                             weir_error *err) {
    return weir_prompt_make(out, chat->host, &chat->conversation, add_generation_prompt, err);
}
