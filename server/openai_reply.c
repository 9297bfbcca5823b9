/*
 * openai_reply.c: see openai_reply.h.
 *
 * Owns counts, names and the way a reply fails. Does not own what the choices say.
 */
#include "openai_reply.h"

#include "answer_blocks.h"

#include "base/clock.h"
#include "request_members.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

/* ---- what the client asked for ------------------------------------------------------------ */

/* A stream has no place for what is known before its first token. */
static void read_prompt_logprobs(weir_request *request, weir_reply_wish *out, weir_job *job) {
    static const char at[] = "prompt_logprobs";
    int64_t n_top = 0;
    out->wants_prompt_logprobs =
        weir_request_integer(request, request->root, "", at, 0, WEIR_LOGPROBS_MAX, &n_top);
    if (out->wants_prompt_logprobs && out->is_stream)
        weir_request_fail(request, at, "invalid_value",
                          "%s: they come with a whole reply: expected \"stream\": false beside it",
                          at);
    out->n_prompt_top = (uint32_t)n_top;
    job->wants_prompt_logprobs = out->wants_prompt_logprobs;
    job->n_prompt_top = out->n_prompt_top;
}

void weir_read_reply_wish(weir_request *request, weir_reply_wish *out, weir_job *job) {
    static const char at[] = "stream_options";
    static const char *const known[] = {"include_usage", "include_obfuscation", NULL};
    *out = (weir_reply_wish){0};
    weir_request_bool(request, request->root, "", "stream", &out->is_stream);
    weir_request_bool(request, request->root, "", "return_token_ids", &out->wants_ids);
    read_prompt_logprobs(request, out, job);
    json_t *options = weir_request_object(request, request->root, "", at);
    if (!options)
        return;
    if (!out->is_stream)
        weir_request_fail(request, at, "invalid_value",
                          "%s: there is no stream without \"stream\""
                          ": true",
                          at);
    weir_request_bool(request, options, at, "include_usage", &out->wants_usage);
    weir_request_check_members(request, options, at, known);
}

/* ---- life --------------------------------------------------------------------------------- */

/* Equal ones draw the same tokens from the same seed: program, model and how it is computed. */
static unsigned long long fingerprint(const weir_service *service) {
    const weir_host *host = service->host;
    weir_text_buffer text = {0};
    weir_text_buffer_format(&text, "%s %s %s %llu %s", weir_version(), service->model_id,
                            service->model.file_type ? service->model.file_type : "",
                            (unsigned long long)service->model.weight_bytes,
                            host->engine ? weir_engine_describe(host->engine) : "");
    unsigned long long hash = XXH3_64bits(text.data ? text.data : "", text.n);
    weir_text_buffer_free(&text);
    return hash;
}

bool weir_openai_reply_init(weir_openai_reply *reply, weir_service *service, weir_request *request,
                            const weir_job *job) {
    reply->service = service;
    reply->created = (int64_t)time(NULL);
    reply->fingerprint = fingerprint(service);
    reply->has_grammar = job->grammar != NULL;
    reply->n_prompts = job->n_prompts;
    reply->n_choices = job->n_choices;
    reply->seed = job->settings.sampling.seed;
    for (size_t p = 0; p < job->n_prompts; p++)
        reply->n_prompt += job->prompt[p].n_ids;
    reply->warnings = request->warnings;
    request->warnings = (weir_text_buffer){0};
    reply->cached = calloc(reply->n_prompts, sizeof *reply->cached);
    reply->said_s = calloc(reply->n_prompts * reply->n_choices, sizeof *reply->said_s);
    reply->prompt_logprobs = calloc(reply->n_prompts, sizeof *reply->prompt_logprobs);
    if (reply->cached && reply->said_s && reply->prompt_logprobs) {
        for (size_t p = 0; p < reply->n_prompts; p++)
            reply->cached[p] = job->prompt[p].n_ids;
        return true;
    }
    weir_request_no_memory(request, "the reply");
    return false;
}

void weir_openai_reply_free(weir_openai_reply *reply) {
    weir_text_buffer_free(&reply->warnings);
    for (size_t p = 0; reply->prompt_logprobs && p < reply->n_prompts; p++)
        weir_text_buffer_free(&reply->prompt_logprobs[p]);
    free(reply->prompt_logprobs);
    free(reply->cached);
    free(reply->said_s);
}

static void give_up_share(weir_openai_reply *reply) {
    if (!weir_event_stream_release(&reply->stream))
        return;
    weir_event_stream_close(&reply->stream);
    reply->free_whole(reply->whole);
}

void weir_openai_submit(weir_openai_reply *reply, weir_request *request, weir_job *job,
                        const weir_job_events *events, weir_exchange *x) {
    weir_job_events of_reply = *events;
    of_reply.context = reply->whole;
    uint64_t id;
    double retry_after_s;
    weir_job_sign(job, x);
    weir_event_stream_open(&reply->stream, x, reply->service->runner);
    if (weir_submit(request, reply->service, job, &of_reply, &id, &retry_after_s)) {
        weir_event_stream_submitted(&reply->stream, id);
    } else {
        weir_reply_openai_error(x, &request->error, retry_after_s);
        give_up_share(reply); /* that of the job which there is not */
    }
    give_up_share(reply);
}

/* ---- events ------------------------------------------------------------------------------- */

/* The gap that a reader sees. */
void weir_openai_note_piece(weir_openai_reply *reply, uint32_t choice) {
    double now = weir_clock_s(), *last = &reply->said_s[choice];
    if (*last > 0)
        weir_metrics_gap(reply->service->metrics, now - *last);
    *last = now;
}

void weir_openai_note_end(weir_openai_reply *reply, uint32_t choice, const weir_choice_end *end) {
    size_t *cached = &reply->cached[choice / reply->n_choices];
    /* The first choice of a prompt has it run, the others take it over: the least is what nobody
     * ran. */
    *cached = end->answer.n_cached < *cached ? end->answer.n_cached : *cached;
    reply->n_generated += end->answer.n_generated;
    reply->n_reasoning += end->answer.n_reasoning;
    reply->n_ended++;
    if (choice == 0)
        reply->reuse = end->answer.reuse;
    if (reply->has_grammar && !end->is_valid)
        weir_openai_warn(reply,
                         "choice %u ended before it was whole: it is not what the request's "
                         "grammar, schema or tools want",
                         choice);
}

void weir_openai_warn(weir_openai_reply *reply, const char *format, ...) {
    char line[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    weir_add_warning(&reply->warnings, line);
}

/* ---- JSON --------------------------------------------------------------------------------- */

void weir_openai_say_head(const weir_openai_reply *reply, bool is_chunk, weir_text_buffer *out) {
    weir_text_buffer_format(
        out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", reply->id,
        is_chunk ? reply->chunk_object : reply->object, (long long)reply->created);
    weir_text_buffer_add_json(out, reply->model, strlen(reply->model));
    weir_text_buffer_format(out, ",\"system_fingerprint\":\"fp_%016llx\",", reply->fingerprint);
}

static size_t sum(const size_t *values, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += values[i];
    return total;
}

void weir_openai_say_usage(const weir_openai_reply *reply, weir_text_buffer *out) {
    weir_text_buffer_format(
        out,
        ",\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu,"
        "\"prompt_tokens_details\":{\"cached_tokens\":%zu},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":%zu}}",
        reply->n_prompt, reply->n_generated, reply->n_prompt + reply->n_generated,
        sum(reply->cached, reply->n_prompts), reply->n_reasoning);
}

void weir_openai_say_own(const weir_openai_reply *reply, const weir_job_times *times,
                         weir_text_buffer *out) {
    size_t n_choices = reply->n_prompts * reply->n_choices;
    size_t n_after = reply->n_generated > n_choices ? reply->n_generated - n_choices : 0;
    if (reply->warnings.n > 0) {
        weir_text_buffer_say(out, ",\"warnings\":[");
        weir_text_buffer_add(out, reply->warnings.data, reply->warnings.n);
        weir_text_buffer_say(out, "]");
    }
    weir_say_own(&reply->reuse, reply->seed, n_after, times, out);
}

/* JSON has no infinity; clients of this API know -9999 for it. */
void weir_openai_say_logprob(float logprob, weir_text_buffer *out) {
    weir_text_buffer_format(out, "%.9g", isfinite(logprob) ? (double)logprob : -9999.0);
}

static void say_choice(const weir_host *host, const weir_token_choice *choice,
                       weir_text_buffer *out) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(host->tokenizer, choice->token, &bytes, &n);
    weir_text_buffer_say(out, "{\"token\":");
    weir_text_buffer_add_json(out, bytes, n);
    weir_text_buffer_say(out, ",\"logprob\":");
    weir_openai_say_logprob(choice->logprob, out);
    weir_text_buffer_say(out, ",\"bytes\":[");
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_format(out, "%s%u", i ? "," : "", (unsigned char)bytes[i]);
    weir_text_buffer_say(out, "]");
}

void weir_openai_say_token(const weir_host *host, const weir_token_report *report,
                           weir_text_buffer *out) {
    say_choice(host, &report->drawn, out);
    weir_text_buffer_say(out, ",\"top_logprobs\":[");
    for (size_t i = 0; i < report->n_top; i++) {
        weir_text_buffer_say(out, i ? "," : "");
        say_choice(host, &report->top[i], out);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, "]}");
}

static void add_ranked(const weir_host *host, const weir_token_choice *choice, uint32_t rank,
                       const char *between, weir_text_buffer *out) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(host->tokenizer, choice->token, &bytes, &n);
    weir_text_buffer_format(out, "%s\"%d\":{\"logprob\":", between, choice->token);
    weir_openai_say_logprob(choice->logprob, out);
    weir_text_buffer_format(out, ",\"rank\":%u,\"decoded_token\":", rank);
    weir_text_buffer_add_json(out, bytes, n);
    weir_text_buffer_say(out, "}");
}

void weir_openai_add_prompt_token(weir_openai_reply *reply, size_t prompt,
                                  const weir_token_report *report) {
    const weir_host *host = reply->service->host;
    weir_text_buffer *out = &reply->prompt_logprobs[prompt];
    if (!reply->wish.wants_prompt_logprobs)
        return;
    weir_text_buffer_say(out, out->n > 0 ? "," : "");
    if (isnan(report->drawn.logprob)) {
        weir_text_buffer_say(out, "null"); /* nothing stands before the first */
        return;
    }
    add_ranked(host, &report->drawn, report->rank, "{", out);
    for (size_t i = 0; i < report->n_top && i < reply->wish.n_prompt_top; i++)
        if (report->top[i].token != report->drawn.token)
            add_ranked(host, &report->top[i], (uint32_t)i + 1, ",", out);
    weir_text_buffer_say(out, "}");
}

void weir_openai_say_prompt_logprobs(const weir_openai_reply *reply, size_t prompt,
                                     weir_text_buffer *out) {
    const weir_text_buffer *list = &reply->prompt_logprobs[prompt];
    if (!reply->wish.wants_prompt_logprobs)
        return;
    weir_text_buffer_say(out, ",\"prompt_logprobs\":[");
    weir_text_buffer_add(out, list->data, list->n);
    weir_text_buffer_say(out, "]");
}

bool weir_openai_is_whole(const weir_openai_reply *reply) {
    for (size_t p = 0; p < reply->n_prompts; p++)
        if (reply->prompt_logprobs[p].has_failed)
            return false;
    return !reply->stream.frame.has_failed && !reply->warnings.has_failed;
}

const char *weir_openai_finish(weir_answer_end end) {
    switch (end) {
    case WEIR_ANSWER_CALLS:
        return "tool_calls";
    case WEIR_ANSWER_LENGTH:
    case WEIR_ANSWER_FULL:
    case WEIR_ANSWER_INTERRUPTED: /* it would have gone on */
        return "length";
    default:
        return "stop";
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

/* A client that has left gets no reply: who still reads of CANCELLED is told about the server. */
static void set_error(weir_api_error *out, weir_status status, const weir_error *err) {
    static const weir_error shut = {.text = "the answer was cut off: the server is shutting down"};
    if (status == WEIR_STATUS_CANCELLED)
        weir_api_error_from(out, 503, "server_error", "shutting_down", &shut);
    else if (status == WEIR_STATUS_BAD_ARGUMENT)
        weir_api_error_from(out, 400, "invalid_request_error", NULL, err);
    else
        weir_api_error_from(out, 500, "server_error", NULL, err);
}

static void fail(weir_openai_reply *reply, weir_status status, const weir_error *err) {
    weir_api_error error;
    set_error(&error, status, err);
    if (!reply->stream.has_begun) {
        weir_reply_openai_error(reply->stream.x, &error, 0);
        return;
    }
    weir_text_buffer body = {0};
    weir_openai_error_text(&error, &body);
    if (!body.has_failed)
        weir_event_stream_send(&reply->stream, NULL, body.data, body.n);
    weir_text_buffer_free(&body);
    weir_event_stream_end(&reply->stream);
}

static void end_stream(weir_openai_reply *reply) {
    static const char done[] = "[DONE]";
    weir_text_buffer chunk = {0};
    if (reply->wish.wants_usage) {
        weir_openai_say_head(reply, true, &chunk);
        weir_text_buffer_say(&chunk, "\"choices\":[]");
        weir_openai_say_usage(reply, &chunk);
        weir_text_buffer_say(&chunk, "}");
        if (!chunk.has_failed)
            weir_event_stream_send(&reply->stream, NULL, chunk.data, chunk.n);
        weir_text_buffer_free(&chunk);
    }
    weir_event_stream_send(&reply->stream, NULL, done, strlen(done));
    weir_event_stream_end(&reply->stream);
}

void weir_openai_close(weir_openai_reply *reply, weir_status status, const weir_error *err,
                       const weir_text_buffer *body) {
    if (status != WEIR_STATUS_OK)
        fail(reply, status, err);
    else if (reply->wish.is_stream)
        end_stream(reply);
    else
        weir_exchange_reply(reply->stream.x, 200, NULL, body->data, body->n);
    give_up_share(reply);
}
