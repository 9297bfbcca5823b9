/*
 * api_completions.c: POST /v1/completions: texts or token ids, alone or many, that go on.
 *
 * Owns the request: prompts in their four shapes, echo, the probabilities of prompts. The reply is
 * completion_reply.c's.
 */
#include "completion_reply.h"
#include "model_names.h"
#include "request_members.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROMPTS = 4096, DEFAULT_MAX_TOKENS = 16 };

/* ---- prompts ------------------------------------------------------------------------------ */

static void read_ids(weir_request *request, const weir_service *service, const json_t *list,
                     const char *at, weir_prompt *out) {
    size_t n = json_array_size(list), i;
    const json_t *item;
    if (n == 0)
        weir_request_fail(request, "prompt", "invalid_value", "%s: expected one token at least",
                          at);
    out->ids = malloc((n + 1) * sizeof *out->ids);
    if (!out->ids) {
        weir_fail_memory(request);
        return;
    }
    json_array_foreach(list, i, item) {
        int64_t id = -1;
        if (!weir_json_integer(item, &id) || id < 0 ||
            (uint64_t)id >= service->host->tokens.n_tokens)
            weir_request_fail(request, "prompt", "invalid_value",
                              "%s[%zu]: expected a token id from 0 to %zu", at, i,
                              service->host->tokens.n_tokens - 1);
        out->ids[out->n_ids++] = (int32_t)id;
    }
}

static void read_text(weir_request *request, const weir_service *service, const json_t *text,
                      const char *at, weir_prompt *out) {
    weir_error err = {0};
    weir_status status = weir_prompt_make_plain(out, service->host, json_string_value(text),
                                                json_string_length(text), &err);
    if (status == WEIR_STATUS_FULL)
        weir_request_fail(request, "prompt", "context_length_exceeded", "%s: %s", at, err.text);
    else
        weir_request_take(request, "prompt", "invalid_value", status, &err);
}

static void check_room(weir_request *request, const weir_service *service, const weir_job *job,
                       const char *at, size_t n_ids) {
    size_t n_ctx = service->host->n_ctx;
    uint32_t most = job->settings.max_tokens;
    if (n_ctx == 0 || n_ids + (most > 0) <= n_ctx)
        return;
    weir_request_fail(request, "prompt", "context_length_exceeded",
                      "%s: it has %zu tokens and %s%u more were requested, but the context holds "
                      "%zu",
                      at, n_ids, most == WEIR_NO_LIMIT ? "at least " : "",
                      most == WEIR_NO_LIMIT ? 1 : most, n_ctx);
}

/* One prompt: a text, or a list of ids. */
static void read_prompt(weir_request *request, const weir_service *service, const json_t *prompt,
                        const char *at, weir_job *job) {
    weir_prompt *out = &job->prompt[job->n_prompts];
    if (weir_request_is_bad(request))
        return;
    job->n_prompts++;
    if (json_is_string(prompt))
        read_text(request, service, prompt, at, out);
    else if (json_is_array(prompt))
        read_ids(request, service, prompt, at, out);
    else
        weir_request_fail(request, "prompt", "invalid_type",
                          "%s: expected a text or a list of token ids", at);
    if (!weir_request_is_bad(request))
        check_room(request, service, job, at, out->n_ids);
}

static void read_prompts(weir_request *request, const weir_service *service, weir_job *job) {
    json_t *prompt = weir_request_value(request, request->root, "", "prompt");
    bool is_one = !json_is_array(prompt) || json_is_number(json_array_get(prompt, 0));
    size_t n = is_one ? 1 : json_array_size(prompt), i;
    if (!prompt || n == 0 || n > MAX_PROMPTS)
        weir_request_fail(request, "prompt", "invalid_value",
                          "prompt: expected a text, token ids, or a list of 1 to %d of either",
                          MAX_PROMPTS);
    if (weir_request_is_bad(request))
        return;
    job->prompt = calloc(n, sizeof *job->prompt);
    if (!job->prompt)
        weir_fail_memory(request);
    if (is_one) {
        read_prompt(request, service, prompt, "prompt", job);
        return;
    }
    const json_t *item;
    json_array_foreach(prompt, i, item) {
        char at[48];
        snprintf(at, sizeof at, "prompt[%zu]", i);
        read_prompt(request, service, item, at, job);
    }
}

/* The text of a prompt of ids is what they decode to; control tokens are no text. */
static void echo_prompt(weir_request *request, const weir_host *host, const weir_prompt *prompt,
                        weir_text_buffer *out) {
    weir_error err = {0};
    size_t n = 0;
    weir_text_buffer_say(out, "");
    if (prompt->text) {
        weir_text_buffer_add(out, prompt->text, prompt->n_text);
    } else {
        bool skips_control = !host->options.matches_control;
        weir_tokenizer_decode(host->tokenizer, prompt->ids, prompt->n_ids, skips_control, NULL, 0,
                              &n, NULL);
        char *room = weir_text_buffer_room(out, n);
        if (room)
            weir_request_take(request, "prompt", NULL,
                              weir_tokenizer_decode(host->tokenizer, prompt->ids, prompt->n_ids,
                                                    skips_control, room, n, &out->n, &err),
                              &err);
    }
    weir_request_take(request, "prompt", NULL, weir_text_buffer_check(out, "the echo", &err), &err);
}

/* ---- the rest of the request -------------------------------------------------------------- */

static bool is_given(const weir_request *request, const char *name) {
    const json_t *value = json_object_get(request->root, name);
    return value && !json_is_null(value);
}

static void read_probabilities(weir_request *request, weir_completion_reply *reply, weir_job *job) {
    int64_t n_top = 0;
    weir_request_bool(request, request->root, "", "echo", &reply->echoes);
    reply->wants_logprobs =
        weir_request_integer(request, request->root, "", "logprobs", 0, WEIR_LOGPROBS_MAX, &n_top);
    job->n_top = (uint32_t)n_top;
    job->wants_logprobs = reply->wants_logprobs || reply->common.wish.wants_ids;
    reply->n_top = (uint32_t)n_top;
    reply->echoes_logprobs = reply->wants_logprobs && reply->echoes;
    if (!reply->echoes_logprobs)
        return;
    job->wants_prompt_logprobs = true;
    if (job->n_prompt_top < reply->n_top)
        job->n_prompt_top = reply->n_top;
}

static void read_choices(weir_request *request, const weir_job *job) {
    int64_t best_of;
    if (weir_request_integer(request, request->root, "", "best_of", 1, UINT32_MAX, &best_of) &&
        best_of != job->n_choices)
        weir_request_fail(request, "best_of", "unsupported_parameter",
                          "best_of: all answers are given: expected the same as n, %u",
                          job->n_choices);
}

static void refuse_others(weir_request *request) {
    static const struct {
        const char *name, *harmless, *why;
    } known[] = {
        {"suffix", "\"\"", "texts are completed at their end"},
        {"tools", "[]", "use /v1/chat/completions"},
        {"tool_choice", "\"none\"", "use /v1/chat/completions"},
        {"messages", NULL, "use /v1/chat/completions"},
        {"add_special_tokens", "true", "give token ids for a prompt without them"},
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        weir_request_refuse(request, known[i].name, known[i].harmless, known[i].why);
    weir_request_forgo(request, "store", "[false]", "completions are not kept");
}

static void read_all(weir_request *request, weir_service *service, weir_completion_reply *reply,
                     weir_job *job) {
    weir_tool_wish wish = {0}; /* there are none here */
    job->is_plain = true;
    weir_read_model(request, service, job, &reply->common.model);
    weir_read_reply_wish(request, &reply->common.wish, job);
    weir_read_sampling(request, service, job);
    if (!is_given(request, "max_tokens") && !is_given(request, "max_completion_tokens"))
        job->settings.max_tokens =
            job->min_tokens > DEFAULT_MAX_TOKENS ? job->min_tokens : DEFAULT_MAX_TOKENS;
    read_probabilities(request, reply, job);
    read_choices(request, job);
    weir_read_format(request, job, &wish);
    refuse_others(request);
    read_prompts(request, service, job);
    weir_request_check_unknown(request);
}

static bool prepare(weir_request *request, weir_service *service, weir_completion_reply *reply,
                    weir_job *job) {
    reply->common.object = "text_completion";
    reply->common.chunk_object = "text_completion";
    reply->common.whole = reply;
    reply->common.free_whole = weir_completion_reply_free;
    weir_make_id(reply->common.id, "cmpl-");
    if (weir_request_is_bad(request) ||
        !weir_openai_reply_init(&reply->common, service, request, job))
        return false;
    if (!weir_completion_reply_init(reply, job))
        weir_request_no_memory(request, "the reply");
    for (size_t p = 0; reply->echoes && p < job->n_prompts && !weir_request_is_bad(request); p++)
        echo_prompt(request, service->host, &job->prompt[p], &reply->prompt[p].echo);
    return !weir_request_is_bad(request);
}

void weir_handle_completions(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_job job = {0};
    weir_completion_reply *reply = calloc(1, sizeof *reply);
    weir_request_open(&request, x, service->is_strict);
    if (!reply)
        weir_request_no_memory(&request, "the reply");
    if (!weir_request_is_bad(&request))
        read_all(&request, service, reply, &job);
    if (reply && prepare(&request, service, reply, &job)) {
        weir_openai_submit(&reply->common, &request, &job, &weir_completion_reply_events, x);
    } else {
        weir_reply_openai_error(x, &request.error, 0);
        if (reply)
            weir_completion_reply_free(reply);
    }
    weir_job_free(&job);
    weir_request_free(&request);
}
