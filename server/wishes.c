/*
 * wishes.c: see wishes.h.
 *
 * Invariant: what cannot be enforced is refused where it was asked for. Tools that may be called,
 * or not, were asked for as tools: if the form of their arguments cannot be enforced, and none of
 * them asked for that (strict), the reply says so in a warning.
 */
#include "wishes.h"

#include "request_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_request_take(weir_request *request, const char *param, const char *code,
                       weir_status status, const weir_error *err) {
    if (weir_request_is_bad(request) || status == WEIR_STATUS_OK)
        return;
    if (status == WEIR_STATUS_NO_MEMORY || status == WEIR_STATUS_IO || status == WEIR_STATUS_FAILED)
        weir_api_error_from(&request->error, 500, "server_error", NULL, err);
    else
        weir_request_fail(request, param, code, "%s", err->text);
}

void weir_fail_memory(weir_request *request) {
    weir_request_no_memory(request, "the request");
}

/* The JSON pointer of what cannot be enforced becomes part of the error's param. */
static void take_grammar(weir_request *request, const char *param, weir_status status,
                         const weir_error *err) {
    if (status == WEIR_STATUS_UNSUPPORTED || status == WEIR_STATUS_BAD_ARGUMENT)
        weir_request_fail_at(
            request, param,
            status == WEIR_STATUS_UNSUPPORTED ? "unsupported_value" : "invalid_value", err);
    else
        weir_request_take(request, param, NULL, status, err);
}

/* ---- tools -------------------------------------------------------------------------------- */

static void add_member(weir_text_buffer *out, const char *name, const char *value, size_t n) {
    if (n == 0)
        return;
    weir_text_buffer_format(out, ", \"%s\": ", name);
    weir_text_buffer_add(out, value, n);
}

void weir_tool_wish_add(weir_tool_wish *wish, const char *name, size_t n_name,
                        const char *description, size_t n_description, const char *parameters,
                        size_t n_parameters) {
    weir_text_buffer *out = &wish->tools;
    weir_text_buffer_say(out, out->n > 0 ? ", " : "[");
    weir_text_buffer_say(out, "{\"type\": \"function\", \"function\": {\"name\": ");
    weir_text_buffer_add_json(out, name, n_name);
    add_member(out, "description", description, n_description);
    add_member(out, "parameters", parameters, n_parameters);
    weir_text_buffer_say(out, "}}");
}

static bool is_declared(const weir_tools *tools, const char *name) {
    for (size_t i = 0; i < tools->n_names; i++)
        if (strcmp(tools->names[i], name) == 0)
            return true;
    return false;
}

static bool is_forced(const weir_tool_wish *wish) {
    return wish->choice == WEIR_CHOICE_REQUIRED || wish->choice == WEIR_CHOICE_NAMED;
}

/* Calls, or the form that was asked for. Where it cannot be both, it is the form. */
static void bind_calls(weir_request *request, const weir_tool_wish *wish, weir_job *job) {
    weir_grammar_options options = {
        .name = "tools",
        .tools = &wish->name,
        .n_tools = wish->choice == WEIR_CHOICE_NAMED,
        .is_call_required = is_forced(wish),
        .is_one_call = wish->is_one_call || wish->choice == WEIR_CHOICE_NAMED,
        .form_source = wish->form_source,
        .n_form = wish->n_form,
        .form = wish->form,
    };
    weir_grammar *grammar;
    weir_error err = {0};
    weir_status status = weir_grammar_open(&grammar, WEIR_GRAMMAR_TOOLS, job->tools.text,
                                           job->tools.n_text, &options, &err);
    job->are_calls_bound = status == WEIR_STATUS_OK;
    if (status == WEIR_STATUS_OK) {
        weir_grammar_close(&job->grammar);
        job->grammar = grammar;
        return;
    }
    bool may_be_loose = !options.is_call_required && !options.is_one_call && !wish->is_strict;
    if (status == WEIR_STATUS_UNSUPPORTED && may_be_loose && job->grammar)
        weir_request_warn(request, "tools: none can be called, the answer has a form to keep: %s",
                          err.text);
    else if (status == WEIR_STATUS_UNSUPPORTED && may_be_loose)
        weir_request_warn(request, "the form of arguments is not enforced: %s", err.text);
    else
        take_grammar(request, "tools", status, &err);
}

static bool is_named_before(const weir_tools *tools, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(tools->names[k], tools->names[i]) == 0)
            return true;
    return false;
}

static void check_names(weir_request *request, const weir_tools *tools) {
    enum { MAX_NAME = 128 };
    for (size_t i = 0; i < tools->n_names; i++) {
        size_t n = strlen(tools->names[i]);
        char at[32];
        snprintf(at, sizeof at, "tools[%zu]", i);
        if (n == 0 || n > MAX_NAME)
            weir_request_fail(request, at, "invalid_value", "%s: expected a name of 1 to %d bytes",
                              at, MAX_NAME);
        else if (is_named_before(tools, i))
            weir_request_fail(request, at, "invalid_value", "%s: another tool has this name", at);
    }
}

/* Shown to the model, and known to whoever takes its answer apart. */
static void declare(weir_request *request, const weir_tool_wish *wish,
                    weir_conversation *conversation, weir_job *job) {
    weir_error err = {0};
    weir_status status =
        weir_tools_parse(&job->tools, wish->tools.data, wish->tools.n, "tools", &err);
    if (status == WEIR_STATUS_OK)
        status = weir_tools_copy(&conversation->tools, &job->tools, &err);
    weir_request_take(request, "tools", NULL, status, &err);
    check_names(request, &job->tools);
}

void weir_use_tools(weir_request *request, weir_tool_wish *wish, weir_conversation *conversation,
                    weir_job *job) {
    weir_error err = {0};
    bool has_tools = wish->tools.n > 0;
    weir_text_buffer_say(&wish->tools, has_tools ? "]" : "");
    weir_request_take(request, "tools", NULL,
                      weir_text_buffer_check(&wish->tools, "the tools", &err), &err);
    if (!has_tools && is_forced(wish))
        weir_request_fail(request, "tool_choice", NULL,
                          "tool_choice: it wants a call, and there are no tools");
    if (has_tools && wish->choice != WEIR_CHOICE_NONE && !weir_request_is_bad(request))
        declare(request, wish, conversation, job);
    if (wish->choice == WEIR_CHOICE_NAMED && !weir_request_is_bad(request) &&
        !is_declared(&job->tools, wish->name))
        weir_request_fail(request, "tool_choice", NULL,
                          "tool_choice: there is no tool '%.60s' among tools", wish->name);
    if (job->tools.n_names > 0 && !weir_request_is_bad(request))
        bind_calls(request, wish, job);
    weir_text_buffer_free(&wish->tools);
}

/* ---- formats ------------------------------------------------------------------------------ */

void weir_use_form(weir_request *request, weir_tool_wish *wish, const char *param,
                   weir_grammar_kind kind, const char *source, size_t n, weir_job *job) {
    if (weir_request_is_bad(request))
        return;
    if (is_forced(wish)) {
        weir_request_fail(request, param, "invalid_value",
                          "%s: tool_choice wants a call, which has a form of its own", param);
        return;
    }
    wish->form_source = source;
    wish->n_form = n;
    wish->form = kind;
    weir_grammar_options options = {.name = param};
    weir_error err = {0};
    take_grammar(request, param, weir_grammar_open(&job->grammar, kind, source, n, &options, &err),
                 &err);
}

void weir_use_json(weir_request *request, weir_tool_wish *wish, const char *param,
                   const char *schema, size_t n, weir_job *job) {
    weir_use_form(request, wish, param,
                  schema ? WEIR_GRAMMAR_JSON_SCHEMA : WEIR_GRAMMAR_JSON_OBJECT,
                  schema ? schema : "", schema ? n : 0, job);
}
