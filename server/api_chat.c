/*
 * api_chat.c: POST /v1/chat/completions.
 *
 * Owns what a request of this API has beyond what chat APIs share, and the order in which all of it
 * is read. The reply is chat_reply.c's.
 */
#include "chat_reply.h"
#include "model_names.h"
#include "request_members.h"
#include "wishes.h"

#include <stdlib.h>
#include <string.h>

/* ---- thinking ----------------------------------------------------------------------------- */

/* How long to think is asked for in tokens, not in words that each server reads in its own way. */
static void read_effort(weir_request *request, weir_settings *settings) {
    const char *effort;
    size_t n;
    if (!weir_request_string(request, request->root, "", "reasoning_effort", &effort, &n))
        return;
    if (strcmp(effort, "none") == 0)
        settings->think = WEIR_THINK_OFF;
    else
        weir_request_warn(request,
                          "reasoning_effort: only none has an effect here; thinking_budget limits "
                          "thinking in tokens");
}

/* {"enable_thinking": false} */
static void read_template_arguments(weir_request *request, weir_settings *settings) {
    static const char at[] = "chat_template_kwargs";
    static const char *const known[] = {"enable_thinking", "thinking", NULL};
    json_t *arguments = weir_request_object(request, request->root, "", at);
    for (size_t i = 0; known[i]; i++) {
        bool thinks;
        if (weir_request_bool(request, arguments, at, known[i], &thinks) && !thinks)
            settings->think = WEIR_THINK_OFF;
    }
    weir_request_check_members(request, arguments, at, known);
}

static void read_thinking(weir_request *request, weir_settings *settings) {
    static const char *const budgets[] = {"thinking_budget", "thinking_budget_tokens"};
    bool is_shown = true;
    int64_t budget;
    read_effort(request, settings);
    read_template_arguments(request, settings);
    for (size_t i = 0; i < WEIR_COUNT(budgets); i++)
        if (weir_request_integer(request, request->root, "", budgets[i], -1, UINT32_MAX - 1,
                                 &budget))
            settings->think_budget = budget < 0 ? WEIR_NO_LIMIT : (uint32_t)budget;
    weir_request_bool(request, request->root, "", "include_reasoning", &is_shown);
    if (!is_shown && settings->think == WEIR_THINK_SHOW)
        settings->think = WEIR_THINK_HIDE;
}

/* ---- probabilities ------------------------------------------------------------------------ */

static void read_logprobs(weir_request *request, weir_chat_reply *reply, weir_job *job) {
    int64_t n_top = 0;
    weir_request_bool(request, request->root, "", "logprobs", &reply->wants_logprobs);
    if (weir_request_integer(request, request->root, "", "top_logprobs", 0, WEIR_LOGPROBS_MAX,
                             &n_top) &&
        n_top > 0 && !reply->wants_logprobs)
        weir_request_fail(request, "top_logprobs", "invalid_value",
                          "top_logprobs: expected \"logprobs\": true beside it");
    job->n_top = (uint32_t)n_top;
    job->wants_logprobs = reply->wants_logprobs || reply->common.wish.wants_ids;
}

/* ---- the request -------------------------------------------------------------------------- */

static void refuse_others(weir_request *request) {
    static const struct {
        const char *name, *harmless, *why;
    } known[] = {
        {"modalities", "[\"text\"]", "the model reads and writes text"},
        {"audio", NULL, "the model reads and writes text"},
        {"prediction", NULL, "the answer is the model's own"},
        {"web_search_options", NULL, "tools are run by the client"},
        {"functions", "[]", "use tools"},
        {"function_call", "\"none\"", "use tool_choice"},
        {"verbosity", "\"medium\"", "say it in a message"},
        {"best_of", "1", "use n"},
        {"echo", "false", "use /v1/completions"},
        {"add_generation_prompt", "true", "the answer is an assistant's message"},
        {"continue_final_message", "false", "the answer is a message of its own"},
        {"chat_template", NULL, "the server was started with its template"},
        {"documents", "[]", "say it in a message"},
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        weir_request_refuse(request, known[i].name, known[i].harmless, known[i].why);
    weir_request_forgo(request, "store", "[false]",
                       "it is session that keeps a conversation, and /v1/responses a response");
}

/* What was said before goes in front. Returns the conversation that the prompt is made of. */
static weir_conversation *read_session(weir_request *request, weir_service *service,
                                       const weir_exchange *x, weir_chat_reply *reply,
                                       const weir_job *job, weir_conversation *conversation) {
    if (!json_object_get(request->root, "session"))
        return conversation;
    if (job->n_choices > 1)
        weir_request_fail(request, "n", "invalid_value",
                          "n: a session goes on with one answer, expected 1");
    reply->turn = weir_turn_begin(service->sessions, request, weir_exchange_key(x), conversation);
    return reply->turn ? weir_turn_conversation(reply->turn) : conversation;
}

static void read_all(weir_request *request, weir_service *service, const weir_exchange *x,
                     weir_chat_reply *reply, weir_job *job) {
    weir_conversation conversation = {0};
    weir_tool_wish wish = {0};
    weir_read_model(request, service, job, &reply->common.model);
    weir_read_reply_wish(request, &reply->common.wish, job);
    job->streams_calls = reply->common.wish.is_stream;
    weir_request_bool(request, request->root, "", "return_raw_text", &reply->wants_raw);
    weir_read_sampling(request, service, job);
    read_thinking(request, &job->settings);
    read_logprobs(request, reply, job);
    weir_read_messages(request, service, &conversation);
    weir_conversation *said = read_session(request, service, x, reply, job, &conversation);
    weir_read_format(request, job, &wish);
    weir_read_tools(request, service, said, job, &wish);
    refuse_others(request);
    weir_request_check_unknown(request);
    weir_make_prompt(request, service, said, job);
    weir_check_room(request, service, job);
    weir_conversation_free(&conversation);
}

static bool prepare(weir_request *request, weir_service *service, weir_chat_reply *reply,
                    weir_job *job) {
    reply->common.object = "chat.completion";
    reply->common.chunk_object = "chat.completion.chunk";
    reply->common.whole = reply;
    reply->common.free_whole = weir_chat_reply_free;
    weir_make_id(reply->common.id, "chatcmpl-");
    if (weir_request_is_bad(request) ||
        !weir_openai_reply_init(&reply->common, service, request, job))
        return false;
    if (!weir_chat_reply_init(reply, job))
        weir_request_no_memory(request, "the reply");
    return !weir_request_is_bad(request);
}

void weir_handle_chat(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_job job = {0};
    weir_chat_reply *reply = calloc(1, sizeof *reply);
    weir_request_open(&request, x, service->is_strict);
    if (!reply)
        weir_request_no_memory(&request, "the reply");
    if (!weir_request_is_bad(&request))
        read_all(&request, service, x, reply, &job);
    if (reply && prepare(&request, service, reply, &job)) {
        weir_openai_submit(&reply->common, &request, &job, &weir_chat_reply_events, x);
    } else {
        weir_reply_openai_error(x, &request.error, 0);
        if (reply)
            weir_chat_reply_free(reply);
    }
    weir_job_free(&job);
    weir_request_free(&request);
}
