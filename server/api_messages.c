/*
 * api_messages.c: the Messages API (Anthropic's): answers whole and as streams, and counting.
 *
 * Owns the shape of its replies. Invariant of a stream: message_start comes first, blocks follow
 * one after the other by their index, each started, filled and stopped, then message_delta and
 * message_stop; or an error ends it where it is.
 */
#include "answer_blocks.h"
#include "event_stream.h"
#include "messages_read.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reply in the making. Of the handler until the job is submitted, then of the runner's thread. */
typedef struct message {
    weir_event_stream stream;
    weir_service *service;
    char id[WEIR_CALL_ID];
    const char *model; /* the service's */
    bool is_stream, has_form;
    weir_settings settings;      /* stop strings, and whether thinking is shown */
    weir_text_buffer of_request; /* its warnings */
    weir_blocks blocks;
    weir_answer answer;
    double last_piece_s;
    /* of a stream: */
    const char *type; /* of the event in the making */
    weir_text_buffer event;
    bool has_begun, has_open_block;
    size_t open_index;
    size_t n_prompt, n_cached; /* as far as they are known */
} message;

static void free_message(message *m) {
    weir_event_stream_close(&m->stream);
    weir_settings_free(&m->settings);
    weir_text_buffer_free(&m->of_request);
    weir_blocks_free(&m->blocks);
    weir_text_buffer_free(&m->event);
    free(m);
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void add_text(weir_text_buffer *out, const char *text) {
    weir_text_buffer_add_json(out, text, strlen(text));
}

/* Tokens that did not have to be run are counted apart, as this API does. */
static void add_usage(weir_text_buffer *out, size_t n_prompt, size_t n_cached, size_t n_generated) {
    weir_text_buffer_format(out,
                            "{\"input_tokens\": %zu, \"cache_creation_input_tokens\": 0, "
                            "\"cache_read_input_tokens\": %zu, \"output_tokens\": %zu}",
                            n_prompt - n_cached, n_cached, n_generated);
}

/* The beginning of a block; content: its text too, else it comes in deltas. */
static void add_block(weir_text_buffer *out, const weir_block *block, bool has_content) {
    weir_text_buffer_say(out, "{\"type\": ");
    if (block->kind == WEIR_PIECE_CALL) {
        weir_text_buffer_say(out, "\"tool_use\", \"id\": ");
        add_text(out, block->id);
        weir_text_buffer_say(out, ", \"name\": ");
        add_text(out, block->name);
        weir_text_buffer_format(out, ", \"input\": %s}", has_content ? block->text.data : "{}");
        return;
    }
    bool is_text = block->kind == WEIR_PIECE_CONTENT;
    weir_text_buffer_say(out, is_text ? "\"text\", \"text\": "
                                      : "\"thinking\", \"signature\": \"\", \"thinking\": ");
    weir_text_buffer_add_json(out, block->text.data, has_content ? block->text.n : 0);
    weir_text_buffer_say(out, "}");
}

static const weir_api_error no_memory = {
    .http_status = 500, .type = "server_error", .message = "no memory for the reply"};

/* Clients read the text of the first block without asking whether there is one. */
static const weir_block no_text = {.kind = WEIR_PIECE_CONTENT};

static void add_stop_reason(weir_text_buffer *out, const message *m) {
    const weir_answer *a = &m->answer;
    const char *stop_string = NULL;
    const char *reason = "end_turn";
    if (a->end == WEIR_ANSWER_CALLS) {
        reason = "tool_use";
    } else if (a->end == WEIR_ANSWER_LENGTH) {
        reason = "max_tokens";
    } else if (a->end == WEIR_ANSWER_FULL) {
        reason = "model_context_window_exceeded";
    } else if (a->stop_string >= 0 && (size_t)a->stop_string < m->settings.n_stop) {
        reason = "stop_sequence";
        stop_string = m->settings.stop[a->stop_string];
    }
    weir_text_buffer_format(out, "\"stop_reason\": \"%s\", \"stop_sequence\": ", reason);
    if (stop_string)
        add_text(out, stop_string);
    else
        weir_text_buffer_say(out, "null");
}

static void add_head(weir_text_buffer *out, const message *m) {
    weir_text_buffer_format(out, "\"id\": \"%s\", \"type\": \"message\", \"role\": \"assistant\", ",
                            m->id);
    weir_text_buffer_say(out, "\"model\": ");
    add_text(out, m->model);
}

/* ---- a stream ----------------------------------------------------------------------------- */

/* {"type": .., and members to come. */
static weir_text_buffer *begin_event(message *m, const char *type) {
    m->type = type;
    weir_text_buffer_clear(&m->event);
    weir_text_buffer_format(&m->event, "{\"type\": \"%s\"", type);
    return &m->event;
}

static void send_event(message *m) {
    weir_text_buffer_say(&m->event, "}");
    if (!m->event.has_failed)
        weir_event_stream_send(&m->stream, m->type, m->event.data, m->event.n);
}

static void send_ping(message *m) {
    begin_event(m, "ping");
    send_event(m);
}

static void begin(message *m) {
    if (m->has_begun)
        return;
    m->has_begun = true;
    weir_text_buffer *out = begin_event(m, "message_start");
    weir_text_buffer_say(out, ", \"message\": {");
    add_head(out, m);
    weir_text_buffer_say(
        out, ", \"content\": [], \"stop_reason\": null, \"stop_sequence\": null, \"usage\": ");
    add_usage(out, m->n_prompt, m->n_cached, 0);
    weir_text_buffer_say(out, "}");
    send_event(m);
    send_ping(m);
}

static void close_block(message *m) {
    if (!m->has_open_block)
        return;
    m->has_open_block = false;
    weir_text_buffer_format(begin_event(m, "content_block_stop"), ", \"index\": %zu",
                            m->open_index);
    send_event(m);
}

static void open_block(message *m, const weir_block *block, size_t index) {
    close_block(m);
    m->has_open_block = true;
    m->open_index = index;
    weir_text_buffer *out = begin_event(m, "content_block_start");
    weir_text_buffer_format(out, ", \"index\": %zu, \"content_block\": ", index);
    add_block(out, block, false);
    send_event(m);
}

static void send_delta(message *m, weir_piece kind, const char *text, size_t n) {
    static const char *const types[] = {
        [WEIR_PIECE_CONTENT] = "\"text_delta\", \"text\"",
        [WEIR_PIECE_REASONING] = "\"thinking_delta\", \"thinking\"",
        [WEIR_PIECE_CALL] = "\"input_json_delta\", \"partial_json\"",
    };
    weir_text_buffer *out = begin_event(m, "content_block_delta");
    weir_text_buffer_format(out, ", \"index\": %zu, \"delta\": {\"type\": %s: ", m->open_index,
                            types[kind]);
    weir_text_buffer_add_json(out, text, n);
    weir_text_buffer_say(out, "}");
    send_event(m);
}

/* ---- events of the job ---------------------------------------------------------------------- */

static void on_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                        size_t n_prompt) {
    message *m = context;
    (void)prompt;
    (void)n_done;
    if (!m->is_stream)
        return;
    m->n_prompt = n_prompt;
    m->n_cached = n_cached;
    if (m->has_begun && weir_event_stream_is_silent(&m->stream))
        send_ping(m);
    begin(m);
}

static void tell_gap(message *m) {
    double now_s = weir_clock_s();
    if (m->last_piece_s > 0)
        weir_metrics_gap(m->service->metrics, now_s - m->last_piece_s);
    m->last_piece_s = now_s;
}

static void on_piece(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n) {
    message *m = context;
    (void)choice;
    bool is_new;
    tell_gap(m);
    if (kind == WEIR_PIECE_REASONING && m->settings.think == WEIR_THINK_HIDE)
        return;
    const weir_block *block = weir_blocks_add(&m->blocks, kind, text, n, &is_new);
    if (!block || !m->is_stream)
        return;
    begin(m);
    if (is_new)
        open_block(m, block, m->blocks.n - 1);
    if (block->kind != WEIR_PIECE_CALL)
        send_delta(m, kind, text, n);
    else if (block->text.n > block->n_told)
        send_delta(m, WEIR_PIECE_CALL, block->text.data + block->n_told,
                   block->text.n - block->n_told);
}

static void on_choice_end(void *context, uint32_t choice, weir_choice_end *end) {
    message *m = context;
    (void)choice;
    const char *call = weir_blocks_first_call(&m->blocks);
    m->answer = end->answer;
    if (call && end->message->raw)
        weir_replay_put(m->service->replay, call, end->message->raw, end->message->n_raw);
    if (m->has_form && !end->is_valid)
        weir_blocks_warn(&m->blocks, "the answer ended before it had the form that was asked for");
}

/* ---- the end ------------------------------------------------------------------------------ */

static void add_own(weir_text_buffer *out, const message *m, const weir_job_times *times) {
    const weir_answer *a = &m->answer;
    weir_say_own(&a->reuse, a->seed, a->n_generated > 0 ? a->n_generated - 1 : 0, times, out);
    weir_blocks_say_warnings(&m->blocks, &m->of_request, out);
}

static void reply_whole(message *m, const weir_job_times *times) {
    weir_text_buffer body = {0};
    weir_text_buffer_say(&body, "{");
    add_head(&body, m);
    weir_text_buffer_say(&body, ", \"content\": [");
    if (m->blocks.n == 0)
        add_block(&body, &no_text, true);
    for (size_t i = 0; i < m->blocks.n; i++) {
        weir_text_buffer_say(&body, i > 0 ? ", " : "");
        add_block(&body, &m->blocks.item[i], true);
    }
    weir_text_buffer_say(&body, "], ");
    add_stop_reason(&body, m);
    weir_text_buffer_say(&body, ", \"usage\": ");
    add_usage(&body, m->answer.n_prompt, m->answer.n_cached, m->answer.n_generated);
    add_own(&body, m, times);
    weir_text_buffer_say(&body, "}");
    if (body.has_failed)
        weir_reply_anthropic_error(m->stream.x, &no_memory, 0);
    else
        weir_exchange_reply(m->stream.x, 200, NULL, body.data, body.n);
    weir_text_buffer_free(&body);
}

static void end_stream(message *m, const weir_job_times *times) {
    begin(m);
    if (m->blocks.n == 0)
        open_block(m, &no_text, 0);
    close_block(m);
    weir_text_buffer *out = begin_event(m, "message_delta");
    weir_text_buffer_say(out, ", \"delta\": {");
    add_stop_reason(out, m);
    weir_text_buffer_say(out, "}, \"usage\": ");
    add_usage(out, m->answer.n_prompt, m->answer.n_cached, m->answer.n_generated);
    add_own(out, m, times);
    send_event(m);
    begin_event(m, "message_stop");
    send_event(m);
    weir_event_stream_end(&m->stream);
}

/* Before a stream has begun an error still has its own HTTP status. */
static void reply_error(message *m, const weir_api_error *error) {
    if (!m->has_begun) {
        weir_reply_anthropic_error(m->stream.x, error, 0);
        return;
    }
    weir_text_buffer *out = begin_event(m, "error");
    weir_text_buffer_format(out, ", \"error\": {\"type\": \"%s\", \"message\": ",
                            error->http_status == 503 ? "overloaded_error" : "api_error");
    add_text(out, error->message);
    weir_text_buffer_say(out, "}, \"request_id\": ");
    add_text(out, weir_exchange_id(m->stream.x));
    send_event(m);
    weir_event_stream_end(&m->stream);
}

static void on_end(void *context, weir_status status, const weir_error *err,
                   const weir_job_times *times) {
    message *m = context;
    weir_api_error error;
    weir_metrics_job(m->service->metrics, status, times);
    if (!weir_blocks_check(&m->blocks, status, err, &error))
        reply_error(m, &error);
    else if (m->is_stream)
        end_stream(m, times);
    else
        reply_whole(m, times);
    if (weir_event_stream_release(&m->stream))
        free_message(m);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* What the reply will need of the request. NULL without memory. */
static message *open_message(weir_service *service, const weir_messages_request *r) {
    message *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->service = service;
    m->model = r->model;
    m->is_stream = r->is_stream;
    m->has_form = r->job.grammar != NULL;
    m->n_prompt = r->job.prompt[0].n_ids;
    m->blocks.call_prefix = "toolu_";
    weir_make_id(m->id, "msg_");
    weir_text_buffer_add(&m->of_request, r->request.warnings.data, r->request.warnings.n);
    if (!m->of_request.has_failed &&
        weir_settings_copy(&m->settings, &r->job.settings, NULL) == WEIR_STATUS_OK)
        return m;
    weir_settings_free(&m->settings);
    weir_text_buffer_free(&m->of_request);
    free(m);
    return NULL;
}

static void submit(message *m, weir_messages_request *r, weir_exchange *x) {
    const weir_job_events events = {.context = m,
                                    .on_progress = on_progress,
                                    .on_piece = on_piece,
                                    .on_choice_end = on_choice_end,
                                    .on_end = on_end};
    uint64_t id;
    double retry_after_s;
    weir_job_sign(&r->job, x);
    weir_event_stream_open(&m->stream, x, m->service->runner);
    if (weir_submit(&r->request, m->service, &r->job, &events, &id, &retry_after_s)) {
        weir_event_stream_submitted(&m->stream, id);
    } else {
        weir_reply_anthropic_error(x, &r->request.error, retry_after_s);
        weir_event_stream_release(&m->stream); /* there is no job */
    }
    if (weir_event_stream_release(&m->stream))
        free_message(m);
}

void weir_handle_messages(weir_service *service, weir_exchange *x) {
    weir_messages_request r;
    weir_exchange_add_header(x, "request-id", weir_exchange_id(x));
    weir_messages_read(&r, service, x, false);
    message *m = weir_request_is_bad(&r.request) ? NULL : open_message(service, &r);
    if (m)
        submit(m, &r, x);
    else
        weir_reply_anthropic_error(
            x, weir_request_is_bad(&r.request) ? &r.request.error : &no_memory, 0);
    weir_messages_request_free(&r);
}

void weir_handle_count_tokens(weir_service *service, weir_exchange *x) {
    weir_messages_request r;
    weir_text_buffer body = {0};
    weir_exchange_add_header(x, "request-id", weir_exchange_id(x));
    weir_messages_read(&r, service, x, true);
    if (weir_request_is_bad(&r.request)) {
        weir_reply_anthropic_error(x, &r.request.error, 0);
    } else {
        weir_text_buffer_format(&body, "{\"input_tokens\": %zu", r.job.prompt[0].n_ids);
        weir_blocks_say_warnings(&(weir_blocks){0}, &r.request.warnings, &body);
        weir_text_buffer_say(&body, "}");
        if (body.has_failed)
            weir_reply_anthropic_error(x, &no_memory, 0);
        else
            weir_exchange_reply(x, 200, NULL, body.data, body.n);
    }
    weir_text_buffer_free(&body);
    weir_messages_request_free(&r);
}
