/*
 * chat_reply.c: see chat_reply.h.
 *
 * Owns the shapes of chat.completion and chat.completion.chunk. Invariant: what is sent of a choice
 * is what its blocks have, in the same order; its end is sent once, and the end of the last choice
 * waits for the job's, whose numbers go with it.
 */
#include "chat_reply.h"

#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------------------------- */

static void say_id(weir_text_buffer *out, int32_t id) {
    weir_text_buffer_format(out, "%s%d", out->n > 0 ? "," : "", id);
}

bool weir_chat_reply_init(weir_chat_reply *reply, const weir_job *job) {
    reply->n_choices = job->n_choices;
    reply->offers_tools = job->tools.n_names > 0;
    reply->hides_reasoning = job->settings.think == WEIR_THINK_HIDE;
    reply->choice = calloc(reply->n_choices, sizeof *reply->choice);
    for (size_t i = 0; reply->common.wish.wants_ids && i < job->prompt[0].n_ids; i++)
        say_id(&reply->prompt_ids, job->prompt[0].ids[i]);
    if (!reply->choice)
        return false;
    for (uint32_t i = 0; i < reply->n_choices; i++)
        reply->choice[i].blocks.call_prefix = "call_";
    return true;
}

void weir_chat_reply_free(void *whole) {
    weir_chat_reply *reply = whole;
    for (uint32_t i = 0; reply->choice && i < reply->n_choices; i++) {
        weir_chat_choice *c = &reply->choice[i];
        weir_blocks_free(&c->blocks);
        weir_text_buffer_free(&c->logprobs);
        weir_text_buffer_free(&c->ids);
        free(c->raw);
    }
    free(reply->choice);
    weir_turn_end(&reply->turn);
    weir_text_buffer_free(&reply->prompt_ids);
    weir_text_buffer_free(&reply->chunk);
    weir_openai_reply_free(&reply->common);
    free(reply);
}

/* ---- parts of both shapes ----------------------------------------------------------------- */

/* What was said of one kind, in the order in which it was. */
static void add_text(const weir_chat_choice *c, weir_piece kind, weir_text_buffer *out) {
    weir_text_buffer_say(out, "");
    for (size_t i = 0; i < c->blocks.n; i++)
        if (c->blocks.item[i].kind == kind)
            weir_text_buffer_add(out, c->blocks.item[i].text.data, c->blocks.item[i].text.n);
}

static void say_json(const weir_text_buffer *text, weir_text_buffer *out) {
    weir_text_buffer_add_json(out, text->data ? text->data : "", text->n);
}

/* From its id on. */
static void say_call(const weir_block *call, bool with_arguments, weir_text_buffer *out) {
    weir_text_buffer_format(
        out, "\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":", call->id);
    weir_text_buffer_add_json(out, call->name, strlen(call->name));
    weir_text_buffer_say(out, ",\"arguments\":");
    weir_text_buffer_add_json(out, with_arguments ? call->text.data : "",
                              with_arguments ? call->text.n : 0);
    weir_text_buffer_say(out, "}}");
}

/* The probabilities and ids that have come since they were last said. */
static void say_tokens(const weir_chat_reply *reply, weir_chat_choice *c, weir_text_buffer *out) {
    bool is_there = c->logprobs.n > 0 || !reply->common.wish.is_stream;
    weir_text_buffer_say(out, ",\"logprobs\":");
    if (reply->wants_logprobs && is_there) {
        weir_text_buffer_say(out, "{\"content\":[");
        weir_text_buffer_add(out, c->logprobs.data, c->logprobs.n);
        weir_text_buffer_say(out, "],\"refusal\":null}");
    } else {
        weir_text_buffer_say(out, "null");
    }
    if (reply->common.wish.wants_ids) {
        weir_text_buffer_say(out, ",\"token_ids\":[");
        weir_text_buffer_add(out, c->ids.data, c->ids.n);
        weir_text_buffer_say(out, "]");
    }
    weir_text_buffer_clear(&c->logprobs);
    weir_text_buffer_clear(&c->ids);
    c->n_covered = 0;
}

static void say_raw(const weir_chat_reply *reply, const weir_chat_choice *c,
                    weir_text_buffer *out) {
    if (!reply->wants_raw)
        return;
    weir_text_buffer_say(out, ",\"raw_text\":");
    if (c->raw)
        weir_text_buffer_add_json(out, c->raw, c->n_raw);
    else
        weir_text_buffer_say(out, "null");
}

static void say_prompt_ids(const weir_chat_reply *reply, weir_text_buffer *out) {
    if (!reply->common.wish.wants_ids)
        return;
    weir_text_buffer_say(out, ",\"prompt_token_ids\":[");
    weir_text_buffer_add(out, reply->prompt_ids.data, reply->prompt_ids.n);
    weir_text_buffer_say(out, "]");
}

/* ---- chunks ------------------------------------------------------------------------------- */

static void begin_chunk(weir_chat_reply *reply, uint32_t choice) {
    weir_text_buffer_clear(&reply->chunk);
    weir_openai_say_head(&reply->common, true, &reply->chunk);
    weir_text_buffer_format(&reply->chunk, "\"choices\":[{\"index\":%u,\"delta\":{", choice);
}

static void send_chunk(weir_chat_reply *reply, uint32_t choice) {
    weir_text_buffer *out = &reply->chunk;
    weir_text_buffer_say(out, reply->common.wish.wants_usage ? ",\"usage\":null}" : "}");
    if (out->has_failed)
        reply->choice[choice].blocks.has_failed = true;
    else
        weir_event_stream_send(&reply->common.stream, NULL, out->data, out->n);
}

/* Behind a delta that says something. */
static void end_chunk(weir_chat_reply *reply, uint32_t choice) {
    weir_text_buffer_say(&reply->chunk, "}");
    say_tokens(reply, &reply->choice[choice], &reply->chunk);
    weir_text_buffer_say(&reply->chunk, ",\"finish_reason\":null}]");
    send_chunk(reply, choice);
}

/* Who speaks. Tokens that have come belong to the text behind it. */
static void send_role(weir_chat_reply *reply, uint32_t choice) {
    weir_chat_choice *c = &reply->choice[choice];
    if (c->has_role)
        return;
    c->has_role = true;
    begin_chunk(reply, choice);
    weir_text_buffer_say(&reply->chunk, "\"role\":\"assistant\",\"content\":\"\"},"
                                        "\"logprobs\":null,\"finish_reason\":null}]");
    send_chunk(reply, choice);
}

static void send_text(weir_chat_reply *reply, uint32_t choice, weir_piece kind, const char *text,
                      size_t n) {
    begin_chunk(reply, choice);
    weir_text_buffer_say(&reply->chunk,
                         kind == WEIR_PIECE_REASONING ? "\"reasoning_content\":" : "\"content\":");
    weir_text_buffer_add_json(&reply->chunk, text, n);
    end_chunk(reply, choice);
}

/* Which of the choice's calls is it? */
static size_t call_index(const weir_chat_choice *c, const weir_block *call) {
    size_t index = 0;
    for (const weir_block *block = c->blocks.item; block < call; block++)
        index += block->kind == WEIR_PIECE_CALL;
    return index;
}

static void send_call_name(weir_chat_reply *reply, uint32_t choice, const weir_block *call) {
    begin_chunk(reply, choice);
    weir_text_buffer_format(&reply->chunk, "\"tool_calls\":[{\"index\":%zu,",
                            call_index(&reply->choice[choice], call));
    say_call(call, false, &reply->chunk);
    weir_text_buffer_say(&reply->chunk, "]");
    end_chunk(reply, choice);
}

static void send_arguments(weir_chat_reply *reply, uint32_t choice, const weir_block *call) {
    begin_chunk(reply, choice);
    weir_text_buffer_format(&reply->chunk,
                            "\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":",
                            call_index(&reply->choice[choice], call));
    weir_text_buffer_add_json(&reply->chunk, call->text.data + call->n_told,
                              call->text.n - call->n_told);
    weir_text_buffer_say(&reply->chunk, "}}]");
    end_chunk(reply, choice);
}

/* Its name first, as clients expect it, then its arguments as they come. */
static void send_call(weir_chat_reply *reply, uint32_t choice, const weir_block *call,
                      bool is_new) {
    if (is_new)
        send_call_name(reply, choice, call);
    if (call->text.n > call->n_told)
        send_arguments(reply, choice, call);
}

/* times: of the job that has ended; NULL: it goes on. */
static void send_finish(weir_chat_reply *reply, uint32_t choice, const weir_job_times *times) {
    weir_chat_choice *c = &reply->choice[choice];
    send_role(reply, choice);
    begin_chunk(reply, choice);
    weir_text_buffer_say(&reply->chunk, "}");
    say_tokens(reply, c, &reply->chunk);
    weir_text_buffer_format(&reply->chunk, ",\"finish_reason\":\"%s\"", c->finish);
    say_raw(reply, c, &reply->chunk);
    weir_text_buffer_say(&reply->chunk, "}]");
    if (times) {
        say_prompt_ids(reply, &reply->chunk);
        weir_openai_say_own(&reply->common, times, &reply->chunk);
    }
    send_chunk(reply, choice);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void say_message(const weir_chat_choice *c, weir_text_buffer *out) {
    weir_text_buffer content = {0}, reasoning = {0};
    add_text(c, WEIR_PIECE_CONTENT, &content);
    add_text(c, WEIR_PIECE_REASONING, &reasoning);
    weir_text_buffer_say(out, "{\"role\":\"assistant\",\"content\":");
    if (content.n == 0 && c->n_calls > 0)
        weir_text_buffer_say(out, "null");
    else
        say_json(&content, out);
    weir_text_buffer_say(out, ",\"refusal\":null");
    if (reasoning.n > 0) {
        weir_text_buffer_say(out, ",\"reasoning_content\":");
        say_json(&reasoning, out);
    }
    size_t n_calls = 0;
    for (size_t i = 0; i < c->blocks.n; i++) {
        if (c->blocks.item[i].kind != WEIR_PIECE_CALL)
            continue;
        weir_text_buffer_say(out, n_calls++ > 0 ? ",{" : ",\"tool_calls\":[{");
        say_call(&c->blocks.item[i], true, out);
    }
    weir_text_buffer_say(out, n_calls > 0 ? "]}" : "}");
    out->has_failed |= content.has_failed || reasoning.has_failed;
    weir_text_buffer_free(&content);
    weir_text_buffer_free(&reasoning);
}

static void say_choice(const weir_chat_reply *reply, uint32_t i, weir_text_buffer *out) {
    weir_chat_choice *c = &reply->choice[i];
    weir_text_buffer_format(out, "%s{\"index\":%u,\"message\":", i ? "," : "", i);
    say_message(c, out);
    say_tokens(reply, c, out);
    weir_text_buffer_format(out, ",\"finish_reason\":\"%s\"", c->finish ? c->finish : "stop");
    say_raw(reply, c, out);
    weir_text_buffer_say(out, "}");
}

static void reply_whole(weir_chat_reply *reply, const weir_job_times *times) {
    weir_text_buffer *out = &reply->chunk;
    weir_openai_say_head(&reply->common, false, out);
    weir_text_buffer_say(out, "\"choices\":[");
    for (uint32_t i = 0; i < reply->n_choices; i++)
        say_choice(reply, i, out);
    weir_text_buffer_say(out, "]");
    weir_openai_say_usage(&reply->common, out);
    say_prompt_ids(reply, out);
    weir_openai_say_prompt_logprobs(&reply->common, 0, out);
    weir_openai_say_own(&reply->common, times, out);
    weir_text_buffer_say(out, "}");
}

/* ---- events ------------------------------------------------------------------------------- */

static void on_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                        size_t n_prompt) {
    (void)prompt, (void)n_done, (void)n_cached, (void)n_prompt;
    weir_chat_reply *reply = context;
    if (reply->common.wish.is_stream)
        weir_event_stream_keep_alive(&reply->common.stream);
}

static void on_prompt_token(void *context, uint32_t prompt, size_t i,
                            const weir_token_report *report) {
    (void)i;
    weir_chat_reply *reply = context;
    weir_openai_add_prompt_token(&reply->common, prompt, report);
}

static void on_token(void *context, uint32_t choice, const weir_token_report *report) {
    weir_chat_reply *reply = context;
    weir_chat_choice *c = &reply->choice[choice];
    const weir_host *host = reply->common.service->host;
    if (reply->common.wish.wants_ids)
        say_id(&c->ids, report->drawn.token);
    /* The token that ends a message is no part of what it says. */
    if (!reply->wants_logprobs || weir_host_ends_at(host, report->drawn.token))
        return;
    weir_text_buffer_say(&c->logprobs, c->logprobs.n > 0 ? "," : "");
    weir_openai_say_token(host, report, &c->logprobs);
}

/* Forgets the tokens behind the last text that was shown: of a stop text, and of hidden thoughts.
 */
static void drop_uncovered(weir_chat_choice *c) {
    if (c->logprobs.n > c->n_covered)
        c->logprobs.data[c->n_covered] = 0;
    c->logprobs.n = c->n_covered;
}

/* Nobody waits for a call where no tool was offered: it is what the model said. */
static weir_piece kind_of(weir_chat_reply *reply, uint32_t choice, weir_piece kind) {
    if (kind != WEIR_PIECE_CALL || reply->offers_tools)
        return kind;
    weir_openai_warn(&reply->common,
                     "choice %u calls a tool, and none was offered: the call is shown as text",
                     choice);
    return WEIR_PIECE_CONTENT;
}

static void on_piece(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n) {
    weir_chat_reply *reply = context;
    weir_chat_choice *c = &reply->choice[choice];
    bool is_new;
    weir_openai_note_piece(&reply->common, choice);
    if (kind == WEIR_PIECE_REASONING && reply->hides_reasoning) {
        drop_uncovered(c);
        return;
    }
    if (kind != WEIR_PIECE_WARNING)
        c->n_covered = c->logprobs.n;
    kind = kind_of(reply, choice, kind);
    const weir_block *block = weir_blocks_add(&c->blocks, kind, text, n, &is_new);
    if (!block)
        return;
    c->n_calls += is_new && block->kind == WEIR_PIECE_CALL;
    if (!reply->common.wish.is_stream)
        return;
    send_role(reply, choice);
    if (block->kind == WEIR_PIECE_CALL)
        send_call(reply, choice, block, is_new);
    else
        send_text(reply, choice, kind, text, n);
}

static void keep_for_replay(weir_chat_reply *reply, const weir_chat_choice *c,
                            const weir_message *message) {
    const char *id = weir_blocks_first_call(&c->blocks);
    if (id && message->raw)
        weir_replay_put(reply->common.service->replay, id, message->raw, message->n_raw);
    for (size_t i = 0; i < message->calls.n && reply->offers_tools; i++)
        if (!message->calls.item[i].is_declared)
            weir_openai_warn(&reply->common, "the model calls '%.60s', which is none of the tools",
                             message->calls.item[i].name);
}

/* What the session could not keep, the client has to know: it would go on from less. */
static void keep_in_session(weir_chat_reply *reply, const weir_choice_end *end) {
    weir_error err = {0};
    if (reply->turn && weir_turn_keep(reply->turn, end->message, &err) != WEIR_STATUS_OK)
        weir_openai_warn(&reply->common, "session: the answer was not kept: %s", err.text);
}

/* The answer's own warnings join those of the request. */
static void take_warnings(weir_chat_reply *reply, const weir_chat_choice *c) {
    const weir_text_buffer *from = &c->blocks.warnings;
    weir_text_buffer *to = &reply->common.warnings;
    if (from->n == 0)
        return;
    weir_text_buffer_say(to, to->n > 0 ? "," : "");
    weir_text_buffer_add(to, from->data, from->n);
}

static void on_choice_end(void *context, uint32_t choice, weir_choice_end *end) {
    weir_chat_reply *reply = context;
    weir_chat_choice *c = &reply->choice[choice];
    weir_answer_end how = end->answer.end;
    if (how == WEIR_ANSWER_CALLS && !reply->offers_tools)
        how = WEIR_ANSWER_STOP;
    c->finish = weir_openai_finish(how);
    weir_openai_note_end(&reply->common, choice, end);
    keep_for_replay(reply, c, end->message);
    keep_in_session(reply, end);
    take_warnings(reply, c);
    if (end->answer.stop_string >= 0)
        drop_uncovered(c);
    if (reply->wants_raw) {
        c->raw = end->message->raw;
        c->n_raw = end->message->n_raw;
        end->message->raw = NULL;
        end->message->n_raw = 0;
    }
    if (reply->common.wish.is_stream && reply->common.n_ended < reply->n_choices)
        send_finish(reply, choice, NULL);
    else if (reply->common.wish.is_stream)
        reply->last = choice;
}

static bool is_choice_whole(const weir_chat_choice *c) {
    for (size_t i = 0; i < c->blocks.n; i++)
        if (c->blocks.item[i].text.has_failed)
            return false;
    return !c->blocks.has_failed && !c->logprobs.has_failed && !c->ids.has_failed;
}

static bool is_whole(const weir_chat_reply *reply) {
    for (uint32_t i = 0; i < reply->n_choices; i++)
        if (!is_choice_whole(&reply->choice[i]))
            return false;
    return !reply->chunk.has_failed && weir_openai_is_whole(&reply->common);
}

static void on_end(void *context, weir_status status, const weir_error *err,
                   const weir_job_times *times) {
    weir_chat_reply *reply = context;
    weir_openai_reply *common = &reply->common;
    weir_error lost = {.status = WEIR_STATUS_NO_MEMORY, .text = "no memory for the reply"};
    weir_metrics_job(common->service->metrics, status, times);
    /* What is kept is there by now, and whoever has read the answer may go on at once. */
    weir_turn_end(&reply->turn);
    if (status == WEIR_STATUS_OK && common->wish.is_stream)
        send_finish(reply, reply->last, times);
    else if (status == WEIR_STATUS_OK)
        reply_whole(reply, times);
    if (status == WEIR_STATUS_OK && !is_whole(reply)) {
        status = lost.status;
        err = &lost;
    }
    weir_openai_close(common, status, err, &reply->chunk);
}

const weir_job_events weir_chat_reply_events = {
    .on_progress = on_progress,
    .on_prompt_token = on_prompt_token,
    .on_token = on_token,
    .on_piece = on_piece,
    .on_choice_end = on_choice_end,
    .on_end = on_end,
};
