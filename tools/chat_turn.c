/*
 * chat_turn.c: answers, and the results of tools that lead to further answers.
 *
 * Invariant: an answer stands in the conversation exactly when its tokens were drawn without a
 * failure and there are any.
 */
#include "chat_parts.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void set_string(char **place, const char *text) {
    char *copy = weir_text_copy(text, strlen(text));
    if (copy) {
        free(*place);
        *place = copy;
    }
}

/* Who answered; a conversation that cannot say it is none the worse. */
static void sign(weir_chat *chat) {
    weir_model_info info;
    weir_model_get_info(chat->host->model, &info);
    set_string(&chat->conversation.model_name, info.name);
    set_string(&chat->conversation.model_path, chat->host->options.model_path);
}

static void count(weir_chat *chat, const weir_answer *answer) {
    chat->n_answers++;
    chat->n_generated += answer->n_generated;
    chat->prompt_s += answer->prompt_s;
    chat->generate_s += answer->generate_s;
}

/* A turn begins with the user's words; answers to the results of tools go on with its seed, so that
 * the one that is told repeats all of it. */
static uint64_t seed_of(weir_chat *chat) {
    const weir_conversation *c = &chat->conversation;
    if (c->settings.has_seed)
        return c->settings.sampling.seed + chat->n_retries;
    if (chat->drawn_seed == 0 || c->n_messages == 0 ||
        c->message[c->n_messages - 1].role == WEIR_ROLE_USER)
        chat->drawn_seed = weir_seed_random();
    return chat->drawn_seed;
}

weir_status weir_chat_answer(weir_chat *chat, const weir_answer_events *events, weir_answer *out,
                             weir_error *err) {
    const weir_settings *settings = &chat->conversation.settings;
    const weir_tools *tools = &chat->conversation.tools;
    weir_prompt prompt;
    weir_answer answer;
    weir_message message = {0};
    WEIR_TRY(weir_chat_prompt(chat, true, &prompt, err));
    weir_status status = weir_chat_follow(chat, &prompt, err);
    if (status == WEIR_STATUS_OK) {
        weir_answer_options options = {
            .settings = settings,
            .tools = tools->text ? tools : NULL,
            .opening = prompt.text + prompt.n_text - prompt.n_opening,
            .n_opening = prompt.n_opening,
            .is_plain = !chat->host->tmpl,
            .seed = seed_of(chat),
            .constraint = chat->constraint,
        };
        status = weir_answer_make(&answer, &message, chat->host, chat->seq, &options, events, err);
    }
    weir_prompt_free(&prompt);
    if (status != WEIR_STATUS_OK)
        return status;
    count(chat, &answer);
    if (out)
        *out = answer;
    if (answer.n_generated == 0) {
        weir_message_free(&message);
        return WEIR_STATUS_OK;
    }
    sign(chat);
    return weir_conversation_add(&chat->conversation, &message, err);
}

/* ---- turns -------------------------------------------------------------------------------- */

/* A call of a tool that was never offered is not run; the model is told. */
static weir_status answer_undeclared(const weir_call *call, weir_text_buffer *result,
                                     weir_error *err) {
    weir_text_buffer_format(result, "error: there is no tool named %s", call->name);
    return weir_text_buffer_check(result, "the result of a tool", err);
}

static weir_status answer_call(weir_chat *chat, const weir_turn_hooks *hooks, const weir_call *call,
                               bool *is_answered, weir_error *err) {
    weir_text_buffer result = {0};
    *is_answered = true;
    bool is_known = call->is_declared || !chat->conversation.tools.text;
    weir_status status =
        is_known ? hooks->on_call(hooks->events.context, call, &result, is_answered, err)
                 : answer_undeclared(call, &result, err);
    if (status == WEIR_STATUS_OK && *is_answered)
        status = weir_chat_add_tool_result(chat, call->name, result.data ? result.data : "",
                                           result.n, err);
    weir_text_buffer_free(&result);
    return status;
}

static weir_status answer_calls(weir_chat *chat, const weir_turn_hooks *hooks, bool *is_answered,
                                weir_error *err) {
    const weir_conversation *conversation = &chat->conversation;
    weir_calls calls; /* a copy: results move the messages */
    WEIR_TRY(
        weir_calls_copy(&calls, &conversation->message[conversation->n_messages - 1].calls, err));
    weir_status status = WEIR_STATUS_OK;
    *is_answered = true;
    for (size_t i = 0; status == WEIR_STATUS_OK && *is_answered && i < calls.n; i++)
        status = answer_call(chat, hooks, &calls.item[i], is_answered, err);
    weir_calls_free(&calls);
    return status;
}

weir_status weir_chat_turn(weir_chat *chat, const weir_turn_hooks *hooks, weir_answer *last,
                           bool *rounds_used_up, weir_error *err) {
    weir_answer answer;
    const weir_conversation *conversation = &chat->conversation;
    *rounds_used_up = false;
    for (uint32_t round = 0;; round++) {
        WEIR_TRY(weir_chat_answer(chat, &hooks->events, &answer, err));
        if (last)
            *last = answer;
        if (hooks->on_answer)
            hooks->on_answer(hooks->events.context, &answer,
                             answer.n_generated > 0
                                 ? &conversation->message[conversation->n_messages - 1]
                                 : NULL);
        if (answer.end != WEIR_ANSWER_CALLS || !hooks->on_call)
            return WEIR_STATUS_OK;
        *rounds_used_up = round == conversation->settings.tool_rounds;
        bool is_answered = false;
        if (!*rounds_used_up)
            WEIR_TRY(answer_calls(chat, hooks, &is_answered, err));
        if (!is_answered)
            return WEIR_STATUS_OK;
    }
}
