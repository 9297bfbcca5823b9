/*
 * selftest_toolcalls.c: `weir selftest toolcalls CASES`: what a model wrote against the content,
 * the reasoning and the calls that are in it.
 *
 * Each text is read twice, whole and byte by byte: both readings must be what is expected. Numbers
 * compare by value, objects by their members in any order, strings byte by byte.
 */
#include "base/error.h"
#include "console.h"
#include "json_text.h"
#include "selftest.h"
#include "selftest_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the reader has said about one text; memory streams grow as it speaks. */
typedef struct heard {
    FILE *content_out, *reasoning_out;
    char *content, *reasoning;
    size_t n_content, n_reasoning;
    json_t *calls; /* [{"name", "arguments"}] */
} heard;

static void on_event(void *context, const weir_reply_event *event) {
    heard *h = context;
    switch (event->kind) {
    case WEIR_REPLY_CONTENT:
        fwrite(event->text, 1, event->n, h->content_out);
        break;
    case WEIR_REPLY_REASONING:
        fwrite(event->text, 1, event->n, h->reasoning_out);
        break;
    case WEIR_REPLY_CALL: {
        /* Arguments that are no JSON are equal to nothing. */
        json_t *arguments = weir_json_read(event->arguments, event->n_arguments, "arguments", NULL);
        json_array_append_new(h->calls,
                              json_pack("{so so}", "name", weir_json_text(event->text, event->n),
                                        "arguments", arguments ? arguments : json_null()));
        break;
    }
    case WEIR_REPLY_WARNING:
    case WEIR_REPLY_CALL_NAME: /* not asked for */
    case WEIR_REPLY_CALL_ARGUMENTS:
        break;
    }
}

static void begin(heard *h) {
    *h = (heard){.calls = json_array()};
    h->content_out = open_memstream(&h->content, &h->n_content);
    h->reasoning_out = open_memstream(&h->reasoning, &h->n_reasoning);
    if (!h->calls || !h->content_out || !h->reasoning_out)
        abort();
}

static void end(heard *h) {
    json_decref(h->calls);
    fclose(h->content_out);
    fclose(h->reasoning_out);
    free(h->content);
    free(h->reasoning);
}

/* Reads the text in steps of `step` bytes. */
static weir_status listen(heard *h, const char *text, size_t n, size_t step,
                          const char *const *names, size_t n_names, weir_error *err) {
    weir_reply_options options = {
        .tool_names = names, .n_tool_names = n_names, .on_event = on_event, .context = h};
    weir_reply *reply = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY(weir_reply_open(&reply, &options, err));
    for (size_t at = 0; at < n; at += step)
        WEIR_TRY_GOTO(weir_reply_push(reply, text + at, n - at < step ? n - at : step, err));
    WEIR_TRY_GOTO(weir_reply_finish(reply, err));
    if (fflush(h->content_out) != 0 || fflush(h->reasoning_out) != 0)
        abort();
fail:
    weir_reply_close(&reply);
    return status;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static bool is_same(const json_t *a, const json_t *b);

static bool is_same_list(const json_t *a, const json_t *b) {
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!is_same(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

static bool is_same_object(const json_t *a, const json_t *b) {
    const char *key;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (!other || !is_same(value, other))
            return false;
    }
    return true;
}

/* 1000.0 is 1e3 is 1000. */
static bool is_same_number(const json_t *a, const json_t *b) {
    if (json_is_real(a) && json_is_real(b))
        return json_real_value(a) == json_real_value(b);
    if (json_is_real(a))
        return is_same_number(b, a);
    if (json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    double value = json_real_value(b);
    return fabs(value) < 0x1p63 && (double)(json_int_t)value == value &&
           (json_int_t)value == json_integer_value(a);
}

/* Depth is bounded by what jansson reads. */
static bool is_same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return is_same_number(a, b);
    if (json_is_array(a) && json_is_array(b))
        return is_same_list(a, b);
    if (json_is_object(a) && json_is_object(b))
        return is_same_object(a, b);
    return json_equal(a, b);
}

static char *judge_calls(const json_t *got, const json_t *expected) {
    if (is_same_list(got, expected))
        return NULL;
    char *ours = json_dumps(got, JSON_COMPACT), *theirs = json_dumps(expected, JSON_COMPACT);
    if (!ours || !theirs)
        abort();
    char *why = weir_verdict("tool_calls: got %.160s, expected %.160s", ours, theirs);
    free(ours);
    free(theirs);
    return why;
}

/* ---- cases -------------------------------------------------------------------------------- */

typedef struct call_case {
    const char *text, *content, *reasoning; /* "" where the case names none */
    size_t n_text, n_content, n_reasoning;
    const char **names; /* [n_names] of declared tools, owned */
    size_t n_names;
    json_t *calls; /* [{"name", "arguments"}], owned: other members do not count */
    bool is_optional;
} call_case;

/* "f", {"name": "f"} or {"type": "function", "function": {"name": "f"}} */
static const char *tool_name(const json_t *tool) {
    const json_t *function = json_object_get(tool, "function");
    return json_is_string(tool)
               ? json_string_value(tool)
               : json_string_value(json_object_get(function ? function : tool, "name"));
}

static weir_status read_tools(call_case *c, const weir_cases *cases, weir_error *err) {
    const json_t *tools = json_object_get(cases->json, "tools");
    if (!tools || json_is_null(tools))
        return WEIR_STATUS_OK;
    c->names = calloc(json_array_size(tools) + 1, sizeof *c->names);
    if (!c->names)
        abort();
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const char *name = tool_name(json_array_get(tools, i));
        if (!name)
            return weir_cases_fail(cases, err, "names in \"tools\"");
        c->names[c->n_names++] = name;
    }
    return json_is_array(tools) ? WEIR_STATUS_OK
                                : weir_cases_fail(cases, err, "a list of \"tools\"");
}

static weir_status read_calls(call_case *c, const weir_cases *cases, const json_t *expected,
                              weir_error *err) {
    const json_t *list = json_object_get(expected, "tool_calls");
    c->calls = json_array();
    if (list && !json_is_array(list))
        return weir_cases_fail(cases, err, "a list \"tool_calls\"");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *call = json_array_get(list, i);
        json_t *name = json_object_get(call, "name"), *args = json_object_get(call, "arguments");
        if (!json_is_string(name) || !json_is_object(args))
            return weir_cases_fail(cases, err, "calls with a \"name\" and an object \"arguments\"");
        json_array_append_new(c->calls, json_pack("{sO sO}", "name", name, "arguments", args));
    }
    return WEIR_STATUS_OK;
}

/* c->names and c->calls are due to be freed also after a failure. */
static weir_status read_case(call_case *c, const weir_cases *cases, weir_error *err) {
    static const char *const levels[] = {"must", "should", "recover", "optional"};
    const json_t *expected = json_object_get(cases->json, "expected");
    const char *level;
    size_t n_level, i = 0;
    *c = (call_case){0};
    if (!json_is_object(expected))
        return weir_cases_fail(cases, err, "an object \"expected\"");
    WEIR_TRY(weir_case_string(cases, cases->json, "text", true, &c->text, &c->n_text, err));
    WEIR_TRY(weir_case_string(cases, expected, "content", false, &c->content, &c->n_content, err));
    WEIR_TRY(
        weir_case_string(cases, expected, "reasoning", false, &c->reasoning, &c->n_reasoning, err));
    WEIR_TRY(weir_case_string(cases, cases->json, "level", false, &level, &n_level, err));
    for (level = level ? level : "must"; i < WEIR_COUNT(levels) && strcmp(levels[i], level) != 0;
         i++)
        ;
    if (i == WEIR_COUNT(levels))
        return weir_cases_fail(cases, err, "must, should, recover or optional as \"level\"");
    c->is_optional = strcmp(level, "optional") == 0;
    WEIR_TRY(read_tools(c, cases, err));
    return read_calls(c, cases, expected, err);
}

static char *judge_reading(const call_case *c, size_t step) {
    heard h;
    weir_error err = {0};
    char *why;
    begin(&h);
    if (listen(&h, c->text, c->n_text, step, c->names, c->n_names, &err) != WEIR_STATUS_OK) {
        why = weir_verdict("%s", err.text);
    } else {
        why = judge_calls(h.calls, c->calls);
        if (!why)
            why = weir_verdict_on_text("content", h.content, h.n_content,
                                       c->content ? c->content : "", c->n_content);
        if (!why)
            why = weir_verdict_on_text("reasoning", h.reasoning, h.n_reasoning,
                                       c->reasoning ? c->reasoning : "", c->n_reasoning);
    }
    end(&h);
    if (why && step == 1) {
        char *longer = weir_verdict("byte by byte: %s", why);
        free(why);
        why = longer;
    }
    return why;
}

static weir_status check_case(weir_report *report, const weir_cases *cases, weir_error *err) {
    call_case c;
    weir_status status = read_case(&c, cases, err);
    if (status == WEIR_STATUS_OK) {
        char *why = judge_reading(&c, c.n_text + 1);
        if (!why)
            why = judge_reading(&c, 1);
        (c.is_optional ? weir_case_judge_optional : weir_case_judge)(report, cases, why);
    }
    free(c.names);
    json_decref(c.calls);
    return status;
}

weir_status weir_selftest_toolcalls(weir_report *report, const char *path, weir_error *err) {
    weir_cases cases;
    bool is_there;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY(weir_cases_open(&cases, path, err));
    for (;;) {
        WEIR_TRY_GOTO(weir_cases_next(&cases, &is_there, err));
        if (!is_there)
            break;
        WEIR_TRY_GOTO(check_case(report, &cases, err));
    }
fail:
    weir_cases_close(&cases);
    return status;
}
