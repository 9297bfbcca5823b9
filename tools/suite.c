/*
 * suite.c: the table of suites, and reading their data.
 *
 * Invariant: once weir_suite_data_read has returned OK every item has an id that no other has, at
 * least one message, and all that its suite judges by.
 */
#include "suite_parts.h"

#include "base/compiler.h"
#include "base/error.h"
#include "suite_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IF_METRICS \
    { "prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose" }

static const weir_suite suites[] = {
    {.name = "gsm8k",
     .about = "grade-school sums: the last number",
     .metrics = {"accuracy", "answered"},
     .n_metrics = 2,
     .max_tokens = 1024,
     .has_shots = true,
     .read = weir_suite_gsm8k_read,
     .judge = weir_suite_gsm8k_judge},
    {.name = "math500",
     .about = "MATH problems: the last \\boxed answer",
     .metrics = {"accuracy", "answered"},
     .n_metrics = 2,
     .max_tokens = 2048,
     .read = weir_suite_math_read,
     .judge = weir_suite_math_judge},
    {.name = "mmlu-pro",
     .about = "knowledge, up to ten choices: the letter",
     .metrics = {"accuracy", "answered"},
     .n_metrics = 2,
     .max_tokens = 2048,
     .has_shots = true,
     .read = weir_suite_mmlu_read,
     .judge = weir_suite_mmlu_judge},
    {.name = "gpqa",
     .about = "graduate questions, four shuffled choices: the letter",
     .metrics = {"accuracy", "answered"},
     .n_metrics = 2,
     .max_tokens = 2048,
     .has_shuffle = true,
     .read = weir_suite_gpqa_read,
     .judge = weir_suite_gpqa_judge},
    {.name = "ifeval",
     .about = "instructions that a program can check",
     .metrics = IF_METRICS,
     .n_metrics = 4,
     .max_tokens = 1280,
     .read = weir_suite_follow_read,
     .judge = weir_suite_follow_judge},
    {.name = "ifbench",
     .about = "the same, of other kinds",
     .metrics = IF_METRICS,
     .n_metrics = 4,
     .max_tokens = 1280,
     .read = weir_suite_follow_read,
     .judge = weir_suite_follow_judge},
    {.name = "bfcl",
     .about = "calls of functions, Python categories of one turn",
     .metrics = {"accuracy"},
     .n_metrics = 1,
     .max_tokens = 512,
     .read = weir_suite_calls_read,
     .judge = weir_suite_calls_judge},
};

const weir_suite *weir_suite_at(size_t i) {
    return i < WEIR_COUNT(suites) ? &suites[i] : NULL;
}

const weir_suite *weir_suite_find(const char *name) {
    for (size_t i = 0; i < WEIR_COUNT(suites); i++)
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    return NULL;
}

/* ---- what suites share ----------------------------------------------------------------------- */

const char *weir_suite_text(const json_t *row, const char *name, weir_error *err) {
    const char *text = json_string_value(json_object_get(row, name));
    if (!text)
        weir_fail(err, WEIR_STATUS_BAD_FILE, "expected \"%s\", a text", name);
    return text;
}

weir_status weir_suite_copy(char **out, const json_t *row, const char *name, weir_error *err) {
    const json_t *value = json_object_get(row, name);
    char digits[32];
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%lld", json_integer_value(value));
        text = digits;
    }
    if (!text || *out)
        return WEIR_STATUS_OK;
    *out = weir_text_copy(text, strlen(text));
    return *out ? WEIR_STATUS_OK
                : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for \"%s\"", name);
}

weir_status weir_suite_say(weir_suite_item *item, const char *role, const char *text, size_t n,
                           weir_error *err) {
    json_t *message = json_pack("{s:s, s:s%}", "role", role, "content", text, n);
    if (!item->ask)
        item->ask = json_array();
    return json_array_append_new(item->ask, message) == 0
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a question");
}

weir_status weir_suite_ask(weir_suite_item *item, weir_text_buffer *text, weir_error *err) {
    weir_status status = weir_text_buffer_check(text, "a question", err);
    if (status == WEIR_STATUS_OK)
        status = weir_suite_say(item, "user", text->data, text->n, err);
    weir_text_buffer_free(text);
    return status;
}

void weir_suite_verdict_set(weir_suite_verdict *out, bool is_right, bool is_answered,
                            const char *found, size_t n_found) {
    size_t n = n_found < sizeof out->found - 1 ? n_found : sizeof out->found - 1;
    *out = (weir_suite_verdict){.score = {is_right, is_answered}, .weight = {1, 1}};
    if (n > 0)
        memcpy(out->found, found, n);
}

/* ---- data ------------------------------------------------------------------------------------ */

static void free_item(weir_suite_item *item) {
    free(item->id);
    free(item->category);
    free(item->level);
    free(item->answer);
    json_decref(item->row);
    json_decref(item->truth);
    json_decref(item->ask);
    json_decref(item->tools);
    *item = (weir_suite_item){0};
}

void weir_suite_data_free(weir_suite_data *data) {
    for (size_t i = 0; i < data->n_items; i++)
        free_item(&data->item[i]);
    free(data->item);
    free(data->shots_hash);
    free(data->answers_hash);
    json_decref(data->answers);
    json_decref(data->shots);
    *data = (weir_suite_data){0};
}

/* A row without an id is called by its number, from 0. */
static weir_status name_item(weir_suite_item *item, size_t index, weir_error *err) {
    char number[24];
    if (item->id)
        return WEIR_STATUS_OK;
    snprintf(number, sizeof number, "%zu", index);
    item->id = weir_text_copy(number, strlen(number));
    return item->id ? WEIR_STATUS_OK : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an id");
}

static weir_status read_item(weir_suite_data *data, weir_suite_item *item, size_t index,
                             json_t *ids, weir_error *err) {
    const char *system = data->options.system;
    if (system)
        WEIR_TRY(weir_suite_say(item, "system", system, strlen(system), err));
    WEIR_TRY(data->suite->read(data, item, index, err));
    WEIR_TRY(name_item(item, index, err));
    if (json_object_get(ids, item->id))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "its id '%.60s' is that of an earlier row",
                         item->id);
    return json_object_set_new(ids, item->id, json_true()) == 0
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an id");
}

static weir_status read_items(weir_suite_data *data, const json_t *rows, const char *path,
                              weir_error *err) {
    size_t n = json_array_size(rows);
    json_t *ids = json_object();
    weir_status status = WEIR_STATUS_OK;
    data->item = calloc(n, sizeof *data->item);
    if (!data->item || !ids)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %zu rows", path, n);
    for (size_t i = 0; i < n && status == WEIR_STATUS_OK; i++) {
        weir_suite_item *item = &data->item[data->n_items++];
        item->row = json_incref(json_array_get(rows, i));
        status = read_item(data, item, i, ids, err);
        if (status != WEIR_STATUS_OK)
            weir_fail_within(err, status, "%s: row %zu", path, i + 1);
    }
    json_decref(ids);
    return status;
}

weir_status weir_suite_data_read(weir_suite_data *out, const weir_suite *suite, const char *path,
                                 const weir_suite_options *options, weir_error *err) {
    *out = (weir_suite_data){.suite = suite, .options = *options};
    if (options->shots_path) {
        out->shots = weir_rows_read(options->shots_path, 0, &out->shots_hash, err);
        if (!out->shots)
            return err ? err->status : WEIR_STATUS_BAD_FILE;
    }
    if (suite->read == weir_suite_calls_read)
        WEIR_TRY(weir_suite_calls_open(out, path, err));
    json_t *rows = weir_rows_read(path, options->limit, NULL, err);
    if (!rows)
        return err ? err->status : WEIR_STATUS_BAD_FILE;
    weir_status status = read_items(out, rows, path, err);
    json_decref(rows);
    return status;
}
