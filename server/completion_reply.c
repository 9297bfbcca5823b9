/*
 * completion_reply.c: see completion_reply.h.
 *
 * Owns the shape of text_completion and of its probabilities, which programs that score texts rely
 * on: one entry for each token of an echoed prompt, whose first has no probability, then one for
 * each token that was drawn, its end included. A token's probability and its entry among the
 * likeliest are the same number in the same digits.
 */
#include "completion_reply.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------------------------- */

static void free_lists(weir_token_lists *lists) {
    weir_text_buffer_free(&lists->tokens);
    weir_text_buffer_free(&lists->logprobs);
    weir_text_buffer_free(&lists->top);
    weir_text_buffer_free(&lists->offsets);
}

static void say_id(weir_text_buffer *out, int32_t id) {
    weir_text_buffer_format(out, "%s%d", out->n > 0 ? "," : "", id);
}

bool weir_completion_reply_init(weir_completion_reply *reply, const weir_job *job) {
    reply->n_choices = job->n_prompts * job->n_choices;
    reply->prompt = calloc(job->n_prompts, sizeof *reply->prompt);
    reply->choice = calloc(reply->n_choices, sizeof *reply->choice);
    if (!reply->prompt || !reply->choice)
        return false;
    for (size_t p = 0; p < job->n_prompts && reply->common.wish.wants_ids; p++)
        for (size_t i = 0; i < job->prompt[p].n_ids; i++)
            say_id(&reply->prompt[p].ids, job->prompt[p].ids[i]);
    return true;
}

void weir_completion_reply_free(void *whole) {
    weir_completion_reply *reply = whole;
    for (size_t p = 0; reply->prompt && p < reply->common.n_prompts; p++) {
        weir_text_buffer_free(&reply->prompt[p].echo);
        weir_text_buffer_free(&reply->prompt[p].ids);
        free_lists(&reply->prompt[p].lists);
    }
    for (size_t i = 0; reply->choice && i < reply->n_choices; i++) {
        weir_text_buffer_free(&reply->choice[i].text);
        weir_text_buffer_free(&reply->choice[i].ids);
        free_lists(&reply->choice[i].lists);
    }
    free(reply->prompt);
    free(reply->choice);
    weir_text_buffer_free(&reply->chunk);
    weir_openai_reply_free(&reply->common);
    free(reply);
}

/* ---- probabilities ------------------------------------------------------------------------ */

/* Parts of code points are written as bytes, so that tokens that differ look different. */
static void say_token(const char *bytes, size_t n, weir_text_buffer *out) {
    if (weir_utf8_valid(bytes, n) == n) {
        weir_text_buffer_add_json(out, bytes, n);
        return;
    }
    weir_text_buffer_say(out, "\"bytes:");
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_format(out, "\\\\x%02x", (unsigned char)bytes[i]);
    weir_text_buffer_say(out, "\"");
}

/* An object has one place for a name. Where two tokens have the same text the likelier one, which
 * comes first, keeps it: the largest value stays what it is. */
static bool is_named_before(const weir_tokenizer *tokenizer, const weir_token_report *report,
                            size_t i, int32_t token) {
    const char *bytes, *other;
    size_t n, n_other;
    weir_tokenizer_token(tokenizer, token, &bytes, &n);
    for (size_t k = 0; k < i; k++) {
        weir_tokenizer_token(tokenizer, report->top[k].token, &other, &n_other);
        if (n == n_other && memcmp(bytes, other, n) == 0)
            return true;
    }
    return false;
}

static void add_top(const weir_tokenizer *tokenizer, const weir_token_choice *choice,
                    const char *between, weir_text_buffer *out) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(tokenizer, choice->token, &bytes, &n);
    weir_text_buffer_say(out, between);
    say_token(bytes, n, out);
    weir_text_buffer_say(out, ":");
    weir_openai_say_logprob(choice->logprob, out);
}

/* The likeliest tokens, and the one that stands there. */
static void say_top(const weir_tokenizer *tokenizer, const weir_token_report *report,
                    weir_text_buffer *out) {
    const char *between = "";
    weir_text_buffer_say(out, "{");
    for (size_t i = 0; i < report->n_top; i++) {
        if (is_named_before(tokenizer, report, i, report->top[i].token))
            continue;
        add_top(tokenizer, &report->top[i], between, out);
        between = ",";
    }
    if (!is_named_before(tokenizer, report, report->n_top, report->drawn.token))
        add_top(tokenizer, &report->drawn, between, out);
    weir_text_buffer_say(out, "}");
}

static size_t count_chars(const char *bytes, size_t n) {
    size_t n_chars = 0;
    for (size_t i = 0; i < n; i++)
        n_chars += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return n_chars;
}

static void add_token(const weir_host *host, weir_token_lists *lists,
                      const weir_token_report *report) {
    const char *bytes, *between = lists->tokens.n > 0 ? "," : "";
    size_t n;
    weir_token_kind kind = weir_tokenizer_token(host->tokenizer, report->drawn.token, &bytes, &n);
    bool has_logprob = !isnan(report->drawn.logprob);
    weir_text_buffer_say(&lists->tokens, between);
    say_token(bytes, n, &lists->tokens);
    weir_text_buffer_say(&lists->logprobs, between);
    weir_text_buffer_say(&lists->top, between);
    if (has_logprob) {
        weir_openai_say_logprob(report->drawn.logprob, &lists->logprobs);
        say_top(host->tokenizer, report, &lists->top);
    } else {
        weir_text_buffer_say(&lists->logprobs, "null");
        weir_text_buffer_say(&lists->top, "null");
    }
    weir_text_buffer_format(&lists->offsets, "%s%zu", between, lists->n_chars);
    if (kind != WEIR_TOKEN_CONTROL || host->options.matches_control)
        lists->n_chars += count_chars(bytes, n);
}

static void add_list(const weir_text_buffer *from, weir_text_buffer *to) {
    if (from->n == 0)
        return;
    weir_text_buffer_say(to, to->n > 0 ? "," : "");
    weir_text_buffer_add(to, from->data, from->n);
}

/* The prompt's own stand in front. */
static void begin_lists(weir_token_lists *lists, const weir_token_lists *of_prompt) {
    add_list(&of_prompt->tokens, &lists->tokens);
    add_list(&of_prompt->logprobs, &lists->logprobs);
    add_list(&of_prompt->top, &lists->top);
    add_list(&of_prompt->offsets, &lists->offsets);
}

static void say_list(const char *name, weir_text_buffer *list, weir_text_buffer *out) {
    weir_text_buffer_format(out, "\"%s\":[", name);
    weir_text_buffer_add(out, list->data, list->n);
    weir_text_buffer_say(out, "]");
    weir_text_buffer_clear(list);
}

/* ---- JSON --------------------------------------------------------------------------------- */

/* What has come of a choice and was not said yet. */
static void say_choice(weir_completion_reply *reply, uint32_t i, weir_text_buffer *out) {
    weir_completion_choice *c = &reply->choice[i];
    weir_text_buffer_say(out, "{\"text\":");
    weir_text_buffer_add_json(out, c->text.data ? c->text.data : "", c->text.n);
    weir_text_buffer_clear(&c->text);
    weir_text_buffer_format(out, ",\"index\":%u,\"logprobs\":", i);
    if (reply->wants_logprobs) {
        weir_text_buffer_say(out, "{");
        say_list("tokens", &c->lists.tokens, out);
        weir_text_buffer_say(out, ",");
        say_list("token_logprobs", &c->lists.logprobs, out);
        weir_text_buffer_say(out, ",");
        say_list("top_logprobs", &c->lists.top, out);
        weir_text_buffer_say(out, ",");
        say_list("text_offset", &c->lists.offsets, out);
        weir_text_buffer_say(out, "}");
    } else {
        weir_text_buffer_say(out, "null");
    }
    if (reply->common.wish.wants_ids) {
        weir_text_buffer_say(out, ",");
        say_list("token_ids", &c->ids, out);
        weir_text_buffer_say(out, ",\"prompt_token_ids\":");
        const weir_text_buffer *ids = &reply->prompt[i / reply->common.n_choices].ids;
        weir_text_buffer_format(out, "[%s]", ids->data ? ids->data : "");
    }
    weir_openai_say_prompt_logprobs(&reply->common, i / reply->common.n_choices, out);
    weir_text_buffer_format(out, ",\"finish_reason\":%s%s%s}", c->finish ? "\"" : "",
                            c->finish ? c->finish : "null", c->finish ? "\"" : "");
}

/* The echo comes before anything else of a choice; its prompt has been run by then. */
static void begin_choice(weir_completion_reply *reply, uint32_t choice) {
    weir_completion_choice *c = &reply->choice[choice];
    if (c->has_begun)
        return;
    c->has_begun = true;
    if (!reply->echoes)
        return;
    const weir_completion_prompt *prompt = &reply->prompt[choice / reply->common.n_choices];
    weir_text_buffer_add(&c->text, prompt->echo.data, prompt->echo.n);
    begin_lists(&c->lists, &prompt->lists);
    c->lists.n_chars = count_chars(prompt->echo.data, prompt->echo.n);
}

/* times: of the job that has ended; NULL: it goes on. */
static void send_chunk(weir_completion_reply *reply, uint32_t choice, const weir_job_times *times) {
    weir_text_buffer *out = &reply->chunk;
    weir_text_buffer_clear(out);
    weir_openai_say_head(&reply->common, true, out);
    weir_text_buffer_say(out, "\"choices\":[");
    say_choice(reply, choice, out);
    weir_text_buffer_say(out, "]");
    if (reply->common.wish.wants_usage)
        weir_text_buffer_say(out, ",\"usage\":null");
    if (times)
        weir_openai_say_own(&reply->common, times, out);
    weir_text_buffer_say(out, "}");
    if (!out->has_failed)
        weir_event_stream_send(&reply->common.stream, NULL, out->data, out->n);
}

static void reply_whole(weir_completion_reply *reply, const weir_job_times *times) {
    weir_text_buffer *out = &reply->chunk;
    weir_openai_say_head(&reply->common, false, out);
    weir_text_buffer_say(out, "\"choices\":[");
    for (uint32_t i = 0; i < reply->n_choices; i++) {
        weir_text_buffer_say(out, i ? "," : "");
        say_choice(reply, i, out);
    }
    weir_text_buffer_say(out, "]");
    weir_openai_say_usage(&reply->common, out);
    weir_openai_say_own(&reply->common, times, out);
    weir_text_buffer_say(out, "}");
}

/* ---- events ------------------------------------------------------------------------------- */

static void on_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                        size_t n_prompt) {
    (void)prompt, (void)n_done, (void)n_cached, (void)n_prompt;
    weir_completion_reply *reply = context;
    if (reply->common.wish.is_stream)
        weir_event_stream_keep_alive(&reply->common.stream);
}

static void on_prompt_token(void *context, uint32_t prompt, size_t i,
                            const weir_token_report *report) {
    (void)i;
    weir_completion_reply *reply = context;
    weir_openai_add_prompt_token(&reply->common, prompt, report);
    if (!reply->echoes_logprobs)
        return;
    weir_token_report of_echo = *report; /* prompt_logprobs may want more */
    if (of_echo.n_top > reply->n_top)
        of_echo.n_top = reply->n_top;
    add_token(reply->common.service->host, &reply->prompt[prompt].lists, &of_echo);
}

static void on_token(void *context, uint32_t choice, const weir_token_report *report) {
    weir_completion_reply *reply = context;
    weir_completion_choice *c = &reply->choice[choice];
    begin_choice(reply, choice);
    if (reply->common.wish.wants_ids)
        say_id(&c->ids, report->drawn.token);
    if (reply->wants_logprobs)
        add_token(reply->common.service->host, &c->lists, report);
}

static void on_piece(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n) {
    weir_completion_reply *reply = context;
    if (kind == WEIR_PIECE_WARNING) {
        weir_openai_warn(&reply->common, "%.*s", (int)n, text);
        return;
    }
    weir_openai_note_piece(&reply->common, choice);
    begin_choice(reply, choice);
    weir_text_buffer_add(&reply->choice[choice].text, text, n);
    if (reply->common.wish.is_stream)
        send_chunk(reply, choice, NULL);
}

static void on_choice_end(void *context, uint32_t choice, weir_choice_end *end) {
    weir_completion_reply *reply = context;
    begin_choice(reply, choice);
    reply->choice[choice].finish = weir_openai_finish(end->answer.end);
    weir_openai_note_end(&reply->common, choice, end);
    if (reply->common.wish.is_stream && reply->common.n_ended < reply->n_choices)
        send_chunk(reply, choice, NULL);
    else
        reply->last = choice;
}

static bool are_lists_whole(const weir_token_lists *lists) {
    return !lists->tokens.has_failed && !lists->logprobs.has_failed && !lists->top.has_failed &&
           !lists->offsets.has_failed;
}

static bool is_whole(const weir_completion_reply *reply) {
    for (size_t p = 0; p < reply->common.n_prompts; p++)
        if (!are_lists_whole(&reply->prompt[p].lists) || reply->prompt[p].ids.has_failed)
            return false;
    for (size_t i = 0; i < reply->n_choices; i++) {
        const weir_completion_choice *c = &reply->choice[i];
        if (!are_lists_whole(&c->lists) || c->text.has_failed || c->ids.has_failed)
            return false;
    }
    return !reply->chunk.has_failed && weir_openai_is_whole(&reply->common);
}

static void on_end(void *context, weir_status status, const weir_error *err,
                   const weir_job_times *times) {
    weir_completion_reply *reply = context;
    weir_openai_reply *common = &reply->common;
    const weir_error lost = {.status = WEIR_STATUS_NO_MEMORY, .text = "no memory for the reply"};
    weir_metrics_job(common->service->metrics, status, times);
    if (status == WEIR_STATUS_OK && common->wish.is_stream)
        send_chunk(reply, reply->last, times);
    else if (status == WEIR_STATUS_OK)
        reply_whole(reply, times);
    if (status == WEIR_STATUS_OK && !is_whole(reply)) {
        status = lost.status;
        err = &lost;
    }
    weir_openai_close(common, status, err, &reply->chunk);
}

const weir_job_events weir_completion_reply_events = {
    .on_progress = on_progress,
    .on_prompt_token = on_prompt_token,
    .on_token = on_token,
    .on_piece = on_piece,
    .on_choice_end = on_choice_end,
    .on_end = on_end,
};
