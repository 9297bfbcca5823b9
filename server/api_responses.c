/*
 * api_responses.c: the Responses API: answers whole and as streams, and those that were kept.
 *
 * Owns the order of events. Invariant of a stream: their numbers ascend from 0 without a gap;
 * created and in_progress come first, every item is added, filled and done before the next one,
 * and completed, incomplete or failed comes last.
 */
#include "response_json.h"
#include "responses_read.h"
#include "responses_routes.h"
#include "responses_store.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const weir_api_error no_memory = {
    .http_status = 500, .type = "server_error", .message = "no memory for the reply"};

static void free_response(weir_response *r) {
    weir_event_stream_close(&r->stream);
    weir_text_buffer_free(&r->echo);
    weir_text_buffer_free(&r->of_request);
    weir_text_buffer_free(&r->event);
    weir_conversation_free(&r->conversation);
    weir_blocks_free(&r->blocks);
    free(r);
}

/* ---- a stream ----------------------------------------------------------------------------- */

/* {"type": .., "sequence_number": .., and members to come. */
static weir_text_buffer *begin_event(weir_response *r, const char *type) {
    r->type = type;
    weir_text_buffer_clear(&r->event);
    weir_text_buffer_format(&r->event, "{\"type\": \"%s\", \"sequence_number\": %llu", type,
                            (unsigned long long)r->sequence_number++);
    return &r->event;
}

static void send_event(weir_response *r) {
    weir_text_buffer_say(&r->event, "}");
    if (!r->event.has_failed)
        weir_event_stream_send(&r->stream, r->type, r->event.data, r->event.n);
}

static void send_response(weir_response *r, const char *type, const char *status,
                          const weir_api_error *error) {
    weir_text_buffer *out = begin_event(r, type);
    weir_text_buffer_say(out, ", \"response\": ");
    weir_response_add(out, r, status, error);
    send_event(r);
}

static void begin(weir_response *r) {
    if (r->has_begun)
        return;
    r->has_begun = true;
    send_response(r, "response.created", "in_progress", NULL);
    send_response(r, "response.in_progress", "in_progress", NULL);
}

static const weir_block *last_block(const weir_response *r) {
    return &r->blocks.item[r->blocks.n - 1];
}

/* An event about the last block: where it stands, and for a text, in which part. */
static weir_text_buffer *begin_block_event(weir_response *r, const char *type) {
    const weir_block *block = last_block(r);
    weir_text_buffer *out = begin_event(r, type);
    weir_text_buffer_format(out, ", \"item_id\": \"%s\", \"output_index\": %zu", block->item_id,
                            r->blocks.n - 1);
    if (block->kind != WEIR_PIECE_CALL)
        weir_text_buffer_say(out, ", \"content_index\": 0");
    return out;
}

static void send_item(weir_response *r, const char *type, const char *status) {
    weir_text_buffer *out = begin_event(r, type);
    weir_text_buffer_format(out, ", \"output_index\": %zu, \"item\": ", r->blocks.n - 1);
    weir_response_add_item(out, r, r->blocks.n - 1, status);
    send_event(r);
}

static void send_part(weir_response *r, const char *type, bool has_content) {
    weir_text_buffer *out = begin_block_event(r, type);
    weir_text_buffer_say(out, ", \"part\": ");
    weir_response_add_part(out, last_block(r), has_content);
    send_event(r);
}

static void open_item(weir_response *r) {
    r->has_open_item = true;
    send_item(r, "response.output_item.added", NULL);
    if (last_block(r)->kind != WEIR_PIECE_CALL)
        send_part(r, "response.content_part.added", false);
}

/* What a block's text is called in events. */
typedef struct text_events {
    const char *delta, *done, *member;
} text_events;

static const text_events events_of[] = {
    [WEIR_PIECE_CONTENT] = {"response.output_text.delta", "response.output_text.done", "text"},
    [WEIR_PIECE_REASONING] = {"response.reasoning_text.delta", "response.reasoning_text.done",
                              "text"},
    [WEIR_PIECE_CALL] = {"response.function_call_arguments.delta",
                         "response.function_call_arguments.done", "arguments"},
};

static void add_member(weir_response *r, const char *name, const char *text, size_t n) {
    weir_text_buffer_format(&r->event, ", \"%s\": ", name);
    weir_text_buffer_add_json(&r->event, text, n);
}

static void send_delta(weir_response *r, const char *text, size_t n) {
    const weir_block *block = last_block(r);
    begin_block_event(r, events_of[block->kind].delta);
    add_member(r, "delta", text, n);
    if (block->kind == WEIR_PIECE_CONTENT)
        weir_text_buffer_say(&r->event, ", \"logprobs\": []");
    send_event(r);
}

static void send_done(weir_response *r) {
    const weir_block *block = last_block(r);
    begin_block_event(r, events_of[block->kind].done);
    add_member(r, events_of[block->kind].member, block->text.data, block->text.n);
    if (block->kind == WEIR_PIECE_CONTENT)
        weir_text_buffer_say(&r->event, ", \"logprobs\": []");
    if (block->kind == WEIR_PIECE_CALL)
        add_member(r, "name", block->name, strlen(block->name));
    send_event(r);
}

/* Before another block is added. */
static void close_item(weir_response *r, const char *status) {
    if (!r->has_open_item)
        return;
    r->has_open_item = false;
    send_done(r);
    if (last_block(r)->kind != WEIR_PIECE_CALL)
        send_part(r, "response.content_part.done", true);
    send_item(r, "response.output_item.done", status);
}

/* ---- events of the job ---------------------------------------------------------------------- */

static void on_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                        size_t n_prompt) {
    weir_response *r = context;
    (void)prompt;
    (void)n_done;
    (void)n_cached;
    (void)n_prompt;
    if (!r->is_stream)
        return;
    begin(r);
    weir_event_stream_keep_alive(&r->stream);
}

static void tell_gap(weir_response *r) {
    double now_s = weir_clock_s();
    if (r->last_piece_s > 0)
        weir_metrics_gap(r->service->metrics, now_s - r->last_piece_s);
    r->last_piece_s = now_s;
}

static void name_item(weir_block *block) {
    static const char *const prefixes[] = {
        [WEIR_PIECE_CONTENT] = "msg_", [WEIR_PIECE_REASONING] = "rs_", [WEIR_PIECE_CALL] = "fc_"};
    weir_make_id(block->item_id, prefixes[block->kind]);
}

static void add_piece(weir_response *r, weir_piece kind, const char *text, size_t n) {
    bool is_new;
    if (r->is_stream && kind != WEIR_PIECE_WARNING) {
        begin(r);
        if (r->has_open_item && weir_blocks_begins(&r->blocks, kind))
            close_item(r, "completed");
    }
    weir_block *block = weir_blocks_add(&r->blocks, kind, text, n, &is_new);
    if (!block)
        return;
    if (is_new)
        name_item(block);
    if (!r->is_stream)
        return;
    if (is_new)
        open_item(r);
    if (block->kind != WEIR_PIECE_CALL)
        send_delta(r, text, n);
    else if (block->text.n > block->n_told)
        send_delta(r, block->text.data + block->n_told, block->text.n - block->n_told);
}

static void on_piece(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n) {
    weir_response *r = context;
    (void)choice;
    tell_gap(r);
    if (kind != WEIR_PIECE_REASONING || !r->hides_reasoning)
        add_piece(r, kind, text, n);
}

static void on_choice_end(void *context, uint32_t choice, weir_choice_end *end) {
    weir_response *r = context;
    (void)choice;
    const char *call = weir_blocks_first_call(&r->blocks);
    r->answer = end->answer;
    if (call && end->message->raw)
        weir_replay_put(r->service->replay, call, end->message->raw, end->message->n_raw);
    if (r->has_form && !end->is_valid)
        weir_blocks_warn(&r->blocks, "the answer ended before it had the form that was asked for");
    if (!r->is_stored)
        return;
    weir_message message = *end->message;
    *end->message = (weir_message){0};
    if (weir_conversation_add(&r->conversation, &message, NULL) != WEIR_STATUS_OK)
        r->blocks.has_failed = true;
}

/* ---- the end ------------------------------------------------------------------------------ */

/* The reply is what will be found under its id, before the client knows of it and asks for more. */
static void keep(weir_response *r, weir_text_buffer *body) {
    weir_error err = {0};
    if (!r->is_stored || body->has_failed ||
        weir_response_keep(r->service->records, r->key, r->id, body->data, body->n,
                           &r->conversation, &err) == WEIR_STATUS_OK)
        return;
    weir_blocks_warn(&r->blocks, "store: this response could not be kept");
    weir_text_buffer_clear(body);
    weir_response_add(body, r, weir_response_status(r), NULL);
}

/* Clients read the text of an answer without asking whether there is one. */
static void make_answer_whole(weir_response *r) {
    if (r->blocks.n == 0)
        add_piece(r, WEIR_PIECE_CONTENT, "", 0);
}

static void reply_error(weir_response *r, const weir_api_error *error) {
    if (!r->has_begun) {
        weir_reply_openai_error(r->stream.x, error, 0);
        return;
    }
    send_response(r, "response.failed", "failed", error);
    weir_event_stream_end(&r->stream);
}

static void end_stream(weir_response *r, const char *status, const weir_text_buffer *body) {
    char type[32];
    begin(r);
    close_item(r, status);
    snprintf(type, sizeof type, "response.%s", status);
    weir_text_buffer *out = begin_event(r, type);
    weir_text_buffer_say(out, ", \"response\": ");
    weir_text_buffer_add(out, body->data, body->n);
    send_event(r);
    weir_event_stream_end(&r->stream);
}

static void reply_answer(weir_response *r) {
    const char *status = weir_response_status(r);
    weir_text_buffer body = {0};
    weir_response_add(&body, r, status, NULL);
    keep(r, &body);
    if (body.has_failed)
        reply_error(r, &no_memory);
    else if (r->is_stream)
        end_stream(r, status, &body);
    else
        weir_exchange_reply(r->stream.x, 200, NULL, body.data, body.n);
    weir_text_buffer_free(&body);
}

static void on_end(void *context, weir_status status, const weir_error *err,
                   const weir_job_times *times) {
    weir_response *r = context;
    weir_api_error error;
    weir_metrics_job(r->service->metrics, status, times);
    r->times = *times;
    if (status == WEIR_STATUS_OK)
        make_answer_whole(r);
    if (weir_blocks_check(&r->blocks, status, err, &error))
        reply_answer(r);
    else
        reply_error(r, &error);
    if (weir_event_stream_release(&r->stream))
        free_response(r);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* Takes over what the reply will need of the request. NULL without memory. */
static weir_response *open_response(weir_service *service, weir_responses_request *q,
                                    const weir_exchange *x) {
    weir_response *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->service = service;
    r->model = q->model;
    r->key = weir_exchange_key(x);
    r->created = (int64_t)time(NULL);
    r->is_stream = q->is_stream;
    r->is_stored = q->is_stored;
    r->has_form = q->job.grammar != NULL;
    r->hides_reasoning = q->job.settings.think == WEIR_THINK_HIDE;
    r->blocks.call_prefix = "call_";
    weir_make_id(r->id, "resp_");
    r->echo = q->echo;
    r->of_request = q->request.warnings;
    r->conversation = q->conversation;
    q->echo = q->request.warnings = (weir_text_buffer){0};
    q->conversation = (weir_conversation){0};
    /* Who goes on from here says anew what holds for all turns. */
    free(r->conversation.system);
    r->conversation.system = NULL;
    r->conversation.n_system = 0;
    weir_tools_free(&r->conversation.tools);
    return r;
}

static void submit(weir_response *r, weir_responses_request *q, weir_exchange *x) {
    const weir_job_events events = {.context = r,
                                    .on_progress = on_progress,
                                    .on_piece = on_piece,
                                    .on_choice_end = on_choice_end,
                                    .on_end = on_end};
    uint64_t id;
    double retry_after_s;
    weir_job_sign(&q->job, x);
    weir_event_stream_open(&r->stream, x, r->service->runner);
    if (weir_submit(&q->request, r->service, &q->job, &events, &id, &retry_after_s)) {
        weir_event_stream_submitted(&r->stream, id);
    } else {
        weir_reply_openai_error(x, &q->request.error, retry_after_s);
        weir_event_stream_release(&r->stream); /* there is no job */
    }
    if (weir_event_stream_release(&r->stream))
        free_response(r);
}

void weir_handle_responses(weir_service *service, weir_exchange *x) {
    weir_responses_request q;
    weir_responses_read(&q, service, x);
    bool is_bad = weir_request_is_bad(&q.request);
    weir_response *r = is_bad ? NULL : open_response(service, &q, x);
    if (r)
        submit(r, &q, x);
    else
        weir_reply_openai_error(x, is_bad ? &q.request.error : &no_memory, 0);
    weir_responses_request_free(&q);
}

/* ---- kept responses ----------------------------------------------------------------------- */

static const char path_of_one[] = "/v1/responses/{id}";

static void reply_unknown(weir_exchange *x, const char *id) {
    weir_api_error error = {.http_status = 404,
                            .type = "invalid_request_error",
                            .code = "response_not_found",
                            .param = "id"};
    snprintf(error.message, sizeof error.message,
             "there is no response '%.60s' any more, or there never was", id);
    weir_reply_openai_error(x, &error, 0);
}

void weir_handle_response_get(weir_service *service, weir_exchange *x) {
    const char *id = weir_route_rest(x, path_of_one);
    size_t n;
    char *json;
    weir_error err;
    weir_api_error error;
    if (weir_response_find(service->records, weir_exchange_key(x), id, &json, &n, NULL, &err) !=
        WEIR_STATUS_OK) {
        weir_api_error_from(&error, 500, "server_error", NULL, &err);
        weir_reply_openai_error(x, &error, 0);
    } else if (json) {
        weir_exchange_reply(x, 200, NULL, json, n);
    } else {
        reply_unknown(x, id);
    }
    free(json);
}

void weir_handle_response_delete(weir_service *service, weir_exchange *x) {
    const char *id = weir_route_rest(x, path_of_one);
    weir_text_buffer body = {0};
    if (!weir_response_forget(service->records, weir_exchange_key(x), id)) {
        reply_unknown(x, id);
        return;
    }
    weir_text_buffer_say(&body, "{\"id\": ");
    weir_text_buffer_add_json(&body, id, strlen(id));
    weir_text_buffer_say(&body, ", \"object\": \"response\", \"deleted\": true}");
    if (body.has_failed)
        weir_reply_openai_error(x, &no_memory, 0);
    else
        weir_exchange_reply(x, 200, NULL, body.data, body.n);
    weir_text_buffer_free(&body);
}
