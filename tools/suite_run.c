/*
 * suite_run.c: lanes, each with a timeline and the answer that is made on it. One step of the
 * engine serves all of them; a lane whose answer has ended takes the next one that nobody works on.
 *
 * Invariants: an item goes to the journal once, when all its samples are there; the samples of an
 * item are in the order of their numbers, whichever ended first.
 */
#include "suite_run.h"

#include "answer_parts.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/random.h"
#include "interrupt.h"
#include "json_text.h"
#include "prompt.h"
#include "suite_score.h"

#include <stdlib.h>
#include <string.h>

/* Templates that write the date get this one, 2025-01-01, so that answers do not depend on the day
 * of a run. */
static const int64_t DATE_S = 1735689600;

typedef struct lane {
    bool is_busy;
    size_t item;
    uint32_t sample;
    weir_seq *seq;
    weir_sampler *sampler;
    weir_answer_text *text;
    weir_answer_options options; /* lent to text */
    weir_tools tools;
    char *opening; /* of the prompt: "<think>" */
    size_t n_prompt, n_generated, n_reasoning;
    const char *end; /* NULL: it goes on */
} lane;

typedef struct run {
    const weir_suite_data *data;
    const weir_host *host;
    weir_eval_journal *journal;
    const weir_suite_run_options *options;
    lane *lane;         /* [n_parallel] */
    weir_chunk *chunks; /* [n_parallel] */
    json_t **samples;   /* [n_items] arrays of what is there; NULL: none yet */
    uint32_t *n_there;  /* [n_items] samples that are there */
    size_t next_item;   /* to be begun, from its sample next_sample on */
    uint32_t next_sample;
    uint64_t n_done, n_all;
    uint32_t n_vocab;
} run;

static const weir_answer_events no_events;

/* ---- the prompt ------------------------------------------------------------------------------ */

static weir_status add_message(weir_conversation *c, const json_t *from, weir_error *err) {
    const char *role = json_string_value(json_object_get(from, "role"));
    const json_t *content = json_object_get(from, "content");
    size_t n = json_string_length(content);
    char *copy = weir_text_copy(json_string_value(content), n);
    weir_message message = {.content = copy, .n_content = n};
    bool is_known = false;
    if (!copy)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a message");
    if (strcmp(role, "system") == 0 && !c->system && c->n_messages == 0) {
        c->system = copy;
        c->n_system = n;
        return WEIR_STATUS_OK;
    }
    for (int r = 0; r < WEIR_N_ROLES; r++)
        if (strcmp(role, weir_role_names[r]) == 0) {
            message.role = (weir_role)r;
            is_known = true;
        }
    if (is_known)
        return weir_conversation_add(c, &message, err);
    weir_message_free(&message);
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "a message has the unknown role '%.40s'", role);
}

/* {"name": ..} as {"type": "function", "function": {"name": ..}}. */
static json_t *wrapped(const json_t *tools) {
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(tools); i++)
        json_array_append_new(list, json_pack("{s:s, s:O}", "type", "function", "function",
                                              json_array_get(tools, i)));
    return list;
}

static weir_status set_tools(weir_conversation *c, json_t *tools, bool wraps, weir_error *err) {
    json_t *list = wraps ? wrapped(tools) : json_incref(tools);
    char *text = json_dumps(list, 0);
    weir_tools_free(&c->tools);
    weir_status status =
        text ? weir_tools_parse(&c->tools, text, strlen(text), "the data's functions", err)
             : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the functions");
    free(text);
    json_decref(list);
    return status;
}

/* Functions go to the template as they are, unless it takes only OpenAI's shape. */
static weir_status make_prompt(const run *r, const weir_suite_item *item, weir_conversation *c,
                               weir_prompt *out, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < json_array_size(item->ask); i++)
        WEIR_TRY(add_message(c, json_array_get(item->ask, i), err));
    for (int wraps = 0; wraps < (item->tools ? 2 : 1); wraps++) {
        if (item->tools)
            WEIR_TRY(set_tools(c, item->tools, wraps == 1, err));
        status = weir_prompt_make(out, r->host, c, true, err);
        if (status == WEIR_STATUS_OK || status == WEIR_STATUS_FULL)
            break;
    }
    return status;
}

/* ---- a lane's answer ------------------------------------------------------------------------- */

static void close_answer(lane *l) {
    weir_answer_text_close(&l->text);
    weir_sampler_close(&l->sampler);
    weir_tools_free(&l->tools);
    free(l->opening);
    l->opening = NULL;
    l->is_busy = false;
}

static weir_status open_answer(const run *r, lane *l, weir_error *err) {
    weir_sampling sampling = r->options->settings->sampling;
    sampling.seed = weir_mix64(sampling.seed, l->item, l->sample);
    l->options = (weir_answer_options){.settings = r->options->settings,
                                       .tools = l->tools.text ? &l->tools : NULL,
                                       .opening = l->opening,
                                       .n_opening = l->opening ? strlen(l->opening) : 0,
                                       .seed = sampling.seed};
    WEIR_TRY(weir_sampler_open(&l->sampler, r->host->model, &sampling, err));
    return weir_answer_text_open(&l->text, r->host, &l->options, &no_events, err);
}

static weir_status put_prompt(const run *r, lane *l, const weir_prompt *prompt, weir_error *err) {
    if (prompt->n_ids >= r->host->n_ctx)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "a prompt of %zu tokens leaves no room for an answer in a context of %u "
                         "(--ctx)",
                         prompt->n_ids, r->host->n_ctx);
    if (prompt->n_opening > 0) {
        l->opening =
            weir_text_copy(prompt->text + prompt->n_text - prompt->n_opening, prompt->n_opening);
        if (!l->opening)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a prompt");
    }
    l->n_prompt = prompt->n_ids;
    WEIR_TRY(weir_seq_rewind(l->seq, 0, err));
    return weir_seq_append(l->seq, prompt->ids, prompt->n_ids, err);
}

/* Begins the answer that l->item and l->sample name. */
static weir_status begin(const run *r, lane *l, weir_error *err) {
    const weir_suite_item *item = &r->data->item[l->item];
    weir_conversation c = {.started = DATE_S};
    weir_prompt prompt = {0};
    l->is_busy = true;
    l->n_generated = l->n_reasoning = 0;
    l->end = NULL;
    weir_settings_default(&c.settings, NULL, NULL);
    weir_status status = make_prompt(r, item, &c, &prompt, err);
    if (status == WEIR_STATUS_OK)
        status = put_prompt(r, l, &prompt, err);
    l->tools = c.tools;
    c.tools = (weir_tools){0};
    if (status == WEIR_STATUS_OK)
        status = open_answer(r, l, err);
    weir_prompt_free(&prompt);
    weir_conversation_free(&c);
    return status == WEIR_STATUS_OK ? status
                                    : weir_fail_within(err, status, "item '%.60s'", item->id);
}

/* The next token of a lane whose logits are there; l->end is set where it is the last. */
static weir_status draw(const run *r, lane *l, weir_error *err) {
    const weir_settings *settings = r->options->settings;
    int32_t token;
    if (l->n_generated >= settings->max_tokens || weir_seq_n_tokens(l->seq) >= r->host->n_ctx) {
        l->end = weir_answer_end_name(WEIR_ANSWER_LENGTH);
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_sampler_draw(l->sampler, weir_seq_logits(l->seq), weir_seq_tokens(l->seq),
                               weir_seq_n_tokens(l->seq), l->n_prompt, NULL, &token, err));
    if (token < 0 || (uint32_t)token >= r->n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "the tokenizer has token %d, the model only %u",
                         token, r->n_vocab);
    l->n_generated++;
    if (weir_host_ends_at(r->host, token)) {
        l->end = weir_answer_end_name(WEIR_ANSWER_STOP);
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_seq_append(l->seq, &token, 1, err));
    l->n_reasoning += weir_answer_text_in_reasoning(l->text);
    return weir_answer_text_push(l->text, token, err);
}

/* ---- what has ended -------------------------------------------------------------------------- */

static json_t *list_calls(const weir_calls *calls) {
    json_t *list = json_array();
    for (size_t i = 0; i < calls->n; i++) {
        const weir_call *call = &calls->item[i];
        json_t *arguments =
            weir_json_read(call->arguments, strlen(call->arguments), "arguments", NULL);
        if (!arguments) /* numbers beyond what JSON's readers hold: no accepted value is like that
                         */
            arguments = json_null();
        json_array_append_new(list, json_pack("{s:o, s:o}", "name",
                                              weir_json_text(call->name, strlen(call->name)),
                                              "arguments", arguments));
    }
    return list;
}

static json_t *make_sample(const lane *l, const weir_message *message) {
    json_t *sample = json_pack("{s:o, s:o, s:s, s:I, s:I}", "output",
                               weir_json_text(message->content, message->n_content), "calls",
                               list_calls(&message->calls), "end", l->end, "prompt_tokens",
                               (json_int_t)l->n_prompt, "tokens", (json_int_t)l->n_generated);
    if (sample && message->reasoning) {
        json_object_set_new(sample, "reasoning",
                            weir_json_text(message->reasoning, message->n_reasoning));
        json_object_set_new(sample, "reasoning_tokens", json_integer((json_int_t)l->n_reasoning));
    }
    return sample;
}

/* Room for all samples of an item, at their places. */
static weir_status keep_sample(run *r, const lane *l, json_t *sample, weir_error *err) {
    json_t **samples = &r->samples[l->item];
    if (!*samples) {
        *samples = json_array();
        for (uint32_t k = 0; k < r->options->n_samples; k++)
            json_array_append_new(*samples, json_null());
    }
    if (json_array_set_new(*samples, l->sample, sample) != 0)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an answer");
    r->n_there[l->item]++;
    return WEIR_STATUS_OK;
}

static weir_status finish(run *r, lane *l, weir_error *err) {
    weir_message message = {0};
    json_t *item = NULL;
    WEIR_TRY(weir_answer_text_finish(l->text, &message, err));
    weir_status status = keep_sample(r, l, make_sample(l, &message), err);
    size_t i = l->item;
    weir_message_free(&message);
    close_answer(l);
    r->n_done++;
    if (r->options->progress.report)
        r->options->progress.report(r->options->progress.context, "answering", r->n_done, r->n_all);
    if (status != WEIR_STATUS_OK || r->n_there[i] < r->options->n_samples)
        return status;
    status = weir_suite_score(&item, r->data->suite, &r->data->item[i], r->samples[i], err);
    json_decref(r->samples[i]);
    r->samples[i] = NULL;
    return status == WEIR_STATUS_OK ? weir_eval_journal_add(r->journal, item, err) : status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool is_finished(const run *r, size_t item) {
    return weir_eval_journal_has(r->journal, r->data->item[item].id);
}

/* Gives the lanes that are free something to do. */
static weir_status fill(run *r, weir_error *err) {
    for (uint32_t i = 0; i < r->options->n_parallel; i++) {
        lane *l = &r->lane[i];
        while (r->next_sample == 0 && r->next_item < r->data->n_items &&
               is_finished(r, r->next_item))
            r->next_item++;
        if (l->is_busy || r->next_item == r->data->n_items)
            continue;
        l->item = r->next_item;
        l->sample = r->next_sample++;
        if (r->next_sample == r->options->n_samples) {
            r->next_sample = 0;
            r->next_item++;
        }
        WEIR_TRY(begin(r, l, err));
    }
    return WEIR_STATUS_OK;
}

/* One step: single tokens first, prompts in the room that is left. */
static weir_status step(run *r, weir_error *err) {
    size_t n = 0;
    for (int is_prompt = 0; is_prompt < 2; is_prompt++)
        for (uint32_t i = 0; i < r->options->n_parallel; i++) {
            const lane *l = &r->lane[i];
            size_t n_pending = l->is_busy ? weir_seq_n_pending(l->seq) : 0;
            if (n_pending > 0 && (n_pending > 1) == is_prompt)
                r->chunks[n++] = (weir_chunk){.seq = l->seq};
        }
    weir_status status =
        n > 0 ? weir_engine_step(r->host->engine, r->chunks, n, err) : WEIR_STATUS_OK;
    /* By an interrupt, which is looked at below, or by one that is over. */
    return status == WEIR_STATUS_CANCELLED ? WEIR_STATUS_OK : status;
}

static weir_status advance(run *r, bool *is_over, weir_error *err) {
    *is_over = true;
    WEIR_TRY(fill(r, err));
    WEIR_TRY(step(r, err));
    if (weir_interrupted())
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    for (uint32_t i = 0; i < r->options->n_parallel; i++) {
        lane *l = &r->lane[i];
        if (!l->is_busy)
            continue;
        *is_over = false;
        if (weir_seq_n_pending(l->seq) > 0)
            continue;
        if (!weir_seq_logits(l->seq)) /* they went with a rewind: made again */
            WEIR_TRY(weir_seq_run(l->seq, err));
        WEIR_TRY(draw(r, l, err));
        if (l->end)
            WEIR_TRY(finish(r, l, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status open_run(run *r, weir_error *err) {
    const uint32_t n = r->options->n_parallel;
    weir_model_info info;
    weir_model_get_info(r->host->model, &info);
    r->n_vocab = info.n_vocab;
    r->lane = calloc(n, sizeof *r->lane);
    r->chunks = calloc(n, sizeof *r->chunks);
    r->samples = calloc(r->data->n_items, sizeof *r->samples);
    r->n_there = calloc(r->data->n_items, sizeof *r->n_there);
    if (!r->lane || !r->chunks || !r->samples || !r->n_there)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u timelines", n);
    for (uint32_t i = 0; i < n; i++)
        WEIR_TRY(weir_seq_open(&r->lane[i].seq, r->host->engine, err));
    r->n_all = (uint64_t)r->data->n_items * r->options->n_samples;
    for (size_t i = 0; i < r->data->n_items; i++)
        r->n_done += is_finished(r, i) ? r->options->n_samples : 0;
    return WEIR_STATUS_OK;
}

static void close_run(run *r) {
    for (uint32_t i = 0; r->lane && i < r->options->n_parallel; i++) {
        close_answer(&r->lane[i]);
        weir_seq_close(&r->lane[i].seq);
    }
    for (size_t i = 0; r->samples && i < r->data->n_items; i++)
        json_decref(r->samples[i]);
    free(r->lane);
    free(r->chunks);
    free(r->samples);
    free(r->n_there);
}

weir_status weir_suite_run(const weir_suite_data *data, const weir_host *host,
                           weir_eval_journal *journal, const weir_suite_run_options *options,
                           weir_error *err) {
    run r = {.data = data, .host = host, .journal = journal, .options = options};
    weir_status status = open_run(&r, err);
    for (bool is_over = false; !is_over && status == WEIR_STATUS_OK;)
        status = advance(&r, &is_over, err);
    close_run(&r);
    return status;
}
