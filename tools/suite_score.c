/* suite_score.c: see suite_score.h. Keeps nothing; the samples it is given it adds to. */
#include "suite_score.h"

#include "base/error.h"
#include "json_text.h"
#include "suite_rows.h"
#include "text_buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the answers");
}

/* ---- judging --------------------------------------------------------------------------------- */

/* What a sample says of itself; "right" counts the published metric. */
static bool mark_sample(json_t *sample, const weir_suite_verdict *v) {
    bool is_right = v->score[0] > 0;
    bool is_good = json_object_set_new(sample, "right", json_boolean(is_right)) == 0;
    if (v->found[0])
        is_good = is_good && json_object_set_new(sample, "found",
                                                 weir_json_text(v->found, strlen(v->found))) == 0;
    if (v->why[0] && !is_right)
        is_good = is_good &&
                  json_object_set_new(sample, "why", weir_json_text(v->why, strlen(v->why))) == 0;
    return is_good;
}

/* Texts that may be missing are left out. */
static bool set_text(json_t *object, const char *name, const char *text) {
    return !text || json_object_set_new(object, name, weir_json_text(text, strlen(text))) == 0;
}

static json_t *make_item(const weir_suite *suite, const weir_suite_item *item, json_t *samples,
                         const double *scores, const double *weights) {
    json_t *out = json_object(), *score_of = json_object(), *weight_of = json_object();
    bool is_good = set_text(out, "id", item->id) && set_text(out, "category", item->category) &&
                   set_text(out, "level", item->level) && set_text(out, "answer", item->answer);
    for (size_t m = 0; m < suite->n_metrics; m++) {
        is_good =
            is_good && json_object_set_new(score_of, suite->metrics[m], json_real(scores[m])) == 0;
        if (weights[m] != 1)
            is_good = is_good &&
                      json_object_set_new(weight_of, suite->metrics[m], json_real(weights[m])) == 0;
    }
    bool has_weights = json_object_size(weight_of) > 0;
    is_good = json_object_set_new(out, "scores", score_of) == 0 && is_good;
    if (has_weights)
        is_good = json_object_set(out, "weights", weight_of) == 0 && is_good;
    json_decref(weight_of);
    is_good = json_object_set(out, "samples", samples) == 0 && is_good;
    if (is_good)
        return out;
    json_decref(out);
    return NULL;
}

weir_status weir_suite_score(json_t **out, const weir_suite *suite, const weir_suite_item *item,
                             json_t *samples, weir_error *err) {
    double scores[WEIR_SUITE_METRICS] = {0}, weights[WEIR_SUITE_METRICS] = {0};
    size_t n = json_array_size(samples);
    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        json_t *sample = json_array_get(samples, i);
        const json_t *text = json_object_get(sample, "output");
        weir_suite_answer answer = {.content = json_string_value(text),
                                    .n = json_string_length(text),
                                    .calls = json_object_get(sample, "calls")};
        weir_suite_verdict v;
        WEIR_TRY(suite->judge(&v, item, &answer, err));
        for (size_t m = 0; m < suite->n_metrics; m++) {
            scores[m] += v.score[m] / (double)n;
            weights[m] = v.weight[m]; /* the item's own: every answer counts alike */
        }
        if (!mark_sample(sample, &v))
            return no_memory(err);
    }
    *out = make_item(suite, item, samples, scores, weights);
    return *out ? WEIR_STATUS_OK : no_memory(err);
}

/* ---- taking apart ---------------------------------------------------------------------------- */

typedef struct apart {
    json_t *calls;
    weir_text_buffer content, reasoning;
    bool has_failed;
} apart;

static void take_call(apart *a, const weir_reply_event *event) {
    json_t *arguments = weir_json_read(event->arguments, event->n_arguments, "arguments", NULL);
    if (!arguments) /* numbers beyond what JSON's readers hold: no accepted value is like that */
        arguments = json_null();
    json_t *call = json_pack("{s:o, s:o}", "name", weir_json_text(event->text, event->n),
                             "arguments", arguments);
    a->has_failed = json_array_append_new(a->calls, call) != 0 || a->has_failed;
}

static void on_event(void *context, const weir_reply_event *event) {
    apart *a = context;
    if (event->kind == WEIR_REPLY_CONTENT)
        weir_text_buffer_add(&a->content, event->text, event->n);
    else if (event->kind == WEIR_REPLY_REASONING)
        weir_text_buffer_add(&a->reasoning, event->text, event->n);
    else if (event->kind == WEIR_REPLY_CALL)
        take_call(a, event);
}

/* "</think>" without a "<think>" at the beginning: the prompt had it. */
static bool starts_in_reasoning(const char *text, size_t n) {
    static const char opening[] = "<think>", closing[] = "</think>";
    size_t at = 0;
    while (at < n && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    bool is_open = n - at >= strlen(opening) && memcmp(text + at, opening, strlen(opening)) == 0;
    return !is_open && memmem(text, n, closing, strlen(closing)) != NULL;
}

static weir_status push_all(apart *a, const weir_suite_item *item, const char *text, size_t n,
                            weir_error *err) {
    size_t n_tools = json_array_size(item->tools);
    const char **names = calloc(n_tools ? n_tools : 1, sizeof *names);
    weir_reply *reply = NULL;
    if (!names)
        return no_memory(err);
    for (size_t i = 0; i < n_tools; i++)
        names[i] = json_string_value(json_object_get(json_array_get(item->tools, i), "name"));
    weir_reply_options options = {.tool_names = names,
                                  .n_tool_names = n_tools,
                                  .starts_in_reasoning = starts_in_reasoning(text, n),
                                  .on_event = on_event,
                                  .context = a};
    weir_status status = weir_reply_open(&reply, &options, err);
    if (status == WEIR_STATUS_OK)
        status = weir_reply_push(reply, text, n, err);
    if (status == WEIR_STATUS_OK)
        status = weir_reply_finish(reply, err);
    weir_reply_close(&reply);
    free(names);
    return status;
}

weir_status weir_suite_take_apart(json_t **out, const weir_suite_item *item, const char *text,
                                  size_t n, weir_error *err) {
    apart a = {.calls = json_array()};
    *out = NULL;
    weir_text_buffer_say(&a.content, "");
    weir_status status = a.calls ? push_all(&a, item, text, n, err) : no_memory(err);
    if (status == WEIR_STATUS_OK &&
        (a.has_failed || a.content.has_failed || a.reasoning.has_failed))
        status = no_memory(err);
    if (status == WEIR_STATUS_OK) {
        *out = json_pack("{s:o, s:O}", "output", weir_json_text(a.content.data, a.content.n),
                         "calls", a.calls);
        if (*out && a.reasoning.n > 0)
            json_object_set_new(*out, "reasoning", weir_json_text(a.reasoning.data, a.reasoning.n));
        status = *out ? status : no_memory(err);
    }
    json_decref(a.calls);
    weir_text_buffer_free(&a.content);
    weir_text_buffer_free(&a.reasoning);
    return status;
}

/* ---- recorded answers ------------------------------------------------------------------------ */

/* The samples of item i, made when the first comes. */
static json_t *samples_of(json_t *all, size_t i) {
    json_t *samples = json_array_get(all, i);
    if (json_is_null(samples)) {
        json_array_set_new(all, i, json_array());
        samples = json_array_get(all, i);
    }
    return samples;
}

/* The item that a row is about, by id, or by its place. */
static weir_status find_item(size_t *out, const weir_suite_data *data, const json_t *places,
                             const json_t *row, weir_error *err) {
    const json_t *id = json_object_get(row, "id"), *index = json_object_get(row, "index");
    char digits[32];
    const char *name = json_string_value(id);
    if (json_is_integer(id)) {
        snprintf(digits, sizeof digits, "%lld", json_integer_value(id));
        name = digits;
    }
    if (name) {
        const json_t *place = json_object_get(places, name);
        if (!place)
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "the data has no item '%.60s'", name);
        *out = (size_t)json_integer_value(place);
        return WEIR_STATUS_OK;
    }
    json_int_t i = json_is_integer(index) ? json_integer_value(index) : -1;
    if (i < 0 || (uint64_t)i >= data->n_items)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "expected \"id\", or \"index\" from 0 to %zu, and \"output\"",
                         data->n_items - 1);
    *out = (size_t)i;
    return WEIR_STATUS_OK;
}

static weir_status take_output(json_t *samples, const weir_suite_item *item, json_t *sample,
                               weir_error *err) {
    const json_t *text = json_object_get(sample, "output");
    json_t *taken = NULL;
    if (!json_is_string(text))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "expected \"output\", a text");
    if (json_is_array(json_object_get(sample, "calls")))
        taken = json_deep_copy(sample);
    else
        WEIR_TRY(weir_suite_take_apart(&taken, item, json_string_value(text),
                                       json_string_length(text), err));
    return json_array_append_new(samples, taken) == 0 ? WEIR_STATUS_OK : no_memory(err);
}

static weir_status take_row(json_t *all, const weir_suite_data *data, const json_t *places,
                            json_t *row, weir_error *err) {
    const json_t *list = json_object_get(row, "samples");
    size_t i = 0;
    WEIR_TRY(find_item(&i, data, places, row, err));
    json_t *samples = samples_of(all, i);
    if (!json_is_array(list))
        return take_output(samples, &data->item[i], row, err);
    for (size_t k = 0; k < json_array_size(list); k++)
        WEIR_TRY(take_output(samples, &data->item[i], json_array_get(list, k), err));
    return WEIR_STATUS_OK;
}

static weir_status take_rows(json_t *all, const weir_suite_data *data, const json_t *places,
                             const json_t *rows, const char *path, weir_error *err) {
    for (size_t i = 0; i < data->n_items; i++)
        if (json_array_append_new(all, json_null()) != 0)
            return no_memory(err);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (i == 0 && json_object_get(row, "weir_journal"))
            continue;
        weir_status status = take_row(all, data, places, row, err);
        if (status != WEIR_STATUS_OK)
            return weir_fail_within(err, status, "%s: row %zu", path, i + 1);
    }
    return WEIR_STATUS_OK;
}

static weir_status check_missing(const json_t *all, const weir_suite_data *data, const char *path,
                                 weir_suite_missing missing, weir_error *err) {
    size_t n_missing = 0, first = 0;
    for (size_t i = data->n_items; i-- > 0;)
        if (json_array_size(json_array_get(all, i)) == 0) {
            n_missing++;
            first = i;
        }
    if (n_missing == data->n_items || (n_missing > 0 && missing == WEIR_SUITE_MISSING_FAILS))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: nothing for %zu of %zu items, the first being '%.60s' (--partial "
                         "leaves them out)",
                         path, n_missing, data->n_items, data->item[first].id);
    return WEIR_STATUS_OK;
}

weir_status weir_suite_outputs_read(json_t **out, const weir_suite_data *data, const char *path,
                                    weir_suite_missing missing, weir_error *err) {
    json_t *rows = weir_rows_read(path, 0, NULL, err), *places = json_object(), *all = json_array();
    weir_status status = rows ? WEIR_STATUS_OK : err ? err->status : WEIR_STATUS_BAD_FILE;
    *out = NULL;
    for (size_t i = 0; i < data->n_items && status == WEIR_STATUS_OK; i++)
        if (json_object_set_new(places, data->item[i].id, json_integer((json_int_t)i)) != 0)
            status = no_memory(err);
    if (status == WEIR_STATUS_OK)
        status = take_rows(all, data, places, rows, path, err);
    if (status == WEIR_STATUS_OK)
        status = check_missing(all, data, path, missing, err);
    json_decref(rows);
    json_decref(places);
    if (status == WEIR_STATUS_OK)
        *out = all;
    else
        json_decref(all);
    return status;
}
