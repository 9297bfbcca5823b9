/*
 * responses_read.c: see responses_read.h.
 *
 * Owns the shape of requests of the Responses API; their items are read in responses_items.c.
 * Invariant: what is asked for is honoured, refused by name, or told in a warning.
 */
#include "responses_read.h"

#include "model_names.h"
#include "raw_json.h"
#include "request_members.h"
#include "responses_items.h"
#include "responses_store.h"
#include "wall_clock.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static json_t *root_value(weir_responses_request *r, const char *name) {
    return weir_request_value(&r->request, r->request.root, "", name);
}

/* ---- where it goes on from ------------------------------------------------------------------ */

/* Calls of the kept response, so that results that come now find the names of their tools. */
static void name_calls(const char *json, size_t n, json_t *call_names) {
    json_t *response = json_loadb(json, n, 0, NULL), *item;
    size_t i;
    json_array_foreach(json_object_get(response, "output"), i, item) {
        const char *id = string_of(item, "call_id"), *name = string_of(item, "name");
        if (id && name)
            json_object_set_new(call_names, id, json_string(name));
    }
    json_decref(response);
}

static void read_previous(weir_responses_request *r, const weir_service *service,
                          const weir_exchange *x, json_t *call_names) {
    const char *id;
    size_t n;
    if (!weir_request_string(&r->request, r->request.root, "", "previous_response_id", &id, &n))
        return;
    char *json;
    weir_error err;
    if (weir_response_find(service->records, weir_exchange_key(x), id, &json, &n, &r->conversation,
                           &err) != WEIR_STATUS_OK) {
        if (!weir_request_is_bad(&r->request))
            weir_api_error_from(&r->request.error, 500, "server_error", NULL, &err);
    } else if (json) {
        name_calls(json, n, call_names);
    } else {
        weir_request_fail(&r->request, "previous_response_id", "previous_response_not_found",
                          "previous_response_id: there is no response '%.60s' any more, or there "
                          "never was; send its items as input",
                          id);
        if (strcmp(r->request.error.param, "previous_response_id") == 0)
            r->request.error.http_status = 404;
    }
    free(json);
}

static void read_instructions(weir_responses_request *r) {
    const char *text;
    size_t n;
    if (!weir_request_string(&r->request, r->request.root, "", "instructions", &text, &n) || n == 0)
        return;
    r->conversation.system = weir_text_copy(text, n);
    r->conversation.n_system = n;
    if (!r->conversation.system)
        weir_fail_memory(&r->request);
}

/* ---- tools -------------------------------------------------------------------------------- */

static void read_tool(weir_responses_request *r, json_t *tool, const char *raw, size_t i,
                      weir_tool_wish *wish) {
    char at[WEIR_REQUEST_PATH];
    static const char *const known[] = {"type",       "name",   "description",
                                        "parameters", "strict", NULL};
    const char *name, *text, *type = string_of(tool, "type");
    size_t n_name, n_text;
    weir_json_member description = {0}, parameters = {0};
    snprintf(at, sizeof at, "tools[%zu]", i);
    if (!type || strcmp(type, "function") != 0) {
        weir_request_fail(&r->request, at, "unsupported_value",
                          "%s: tools of type '%.40s' are not built in here; expected function", at,
                          type ? type : "");
        return;
    }
    if (!weir_request_string(&r->request, tool, at, "name", &name, &n_name) || n_name == 0) {
        weir_request_fail(&r->request, at, NULL, "%s: expected a name", at);
        return;
    }
    if (weir_request_string(&r->request, tool, at, "description", &text, &n_text))
        weir_request_member(raw, "description", &description);
    if (weir_request_object(&r->request, tool, at, "parameters"))
        weir_request_member(raw, "parameters", &parameters);
    bool is_strict = false;
    weir_request_bool(&r->request, tool, at, "strict", &is_strict);
    wish->is_strict |= is_strict;
    weir_request_check_members(&r->request, tool, at, known);
    weir_tool_wish_add(wish, name, n_name, description.value, description.n_value, parameters.value,
                       parameters.n_value);
}

static void read_choice(weir_responses_request *r, weir_tool_wish *wish) {
    static const char *const names[] = {"auto", "none", "required"};
    const json_t *choice = root_value(r, "tool_choice");
    const char *said = json_string_value(choice), *type = string_of(choice, "type");
    for (size_t i = 0; said && i < WEIR_COUNT(names); i++)
        if (strcmp(said, names[i]) == 0) {
            wish->choice = (weir_tool_choice)i;
            return;
        }
    wish->name = type && strcmp(type, "function") == 0 ? string_of(choice, "name") : NULL;
    if (wish->name)
        wish->choice = WEIR_CHOICE_NAMED;
    else if (choice)
        weir_request_fail(&r->request, "tool_choice", "unsupported_value",
                          "tool_choice: expected auto, none, required or {\"type\": \"function\", "
                          "\"name\": ..}");
}

static void read_tools(weir_responses_request *r, const weir_service *service,
                       weir_tool_wish *wish) {
    const json_t *tools = root_value(r, "tools");
    const char *raw, *item;
    size_t n_raw, n_item;
    bool may_be_many = true;
    if (tools && !json_is_array(tools))
        weir_request_fail(&r->request, "tools", "invalid_type", "tools: expected a list");
    if (json_array_size(tools) > 0 && weir_request_raw(&r->request, "tools", &raw, &n_raw))
        for (size_t i = 0; weir_raw_item_next(&raw, &item, &n_item); i++)
            read_tool(r, json_array_get(tools, i), item, i, wish);
    read_choice(r, wish);
    weir_request_bool(&r->request, r->request.root, "", "parallel_tool_calls", &may_be_many);
    wish->is_one_call = !may_be_many;
    if (wish->tools.n > 0 && wish->choice != WEIR_CHOICE_NONE && service->host->tmpl &&
        !service->host->form.renders_tools)
        weir_request_warn(&r->request, "tools: this model's template does not tell it about tools");
}

/* ---- the form of the answer ----------------------------------------------------------------- */

/* text: {"format": {"type": text | json_object | json_schema, "schema": ..}} */
static void read_text(weir_responses_request *r, weir_tool_wish *wish) {
    static const char *const known[] = {"format", NULL};
    json_t *text = weir_request_object(&r->request, r->request.root, "", "text");
    const json_t *format = json_object_get(text, "format");
    const char *type = string_of(format, "type"), *raw;
    size_t n;
    weir_json_member form, schema;
    weir_request_check_members(&r->request, text, "text", known);
    if (!format || json_is_null(format) || (type && strcmp(type, "text") == 0))
        return;
    if (type && strcmp(type, "json_object") == 0)
        weir_use_json(&r->request, wish, "text.format", NULL, 0, &r->job);
    else if (type && strcmp(type, "json_schema") == 0 &&
             weir_request_raw(&r->request, "text", &raw, &n) &&
             weir_request_member(raw, "format", &form) &&
             weir_request_member(form.value, "schema", &schema))
        weir_use_json(&r->request, wish, "text.format.schema", schema.value, schema.n_value,
                      &r->job);
    else
        weir_request_fail(&r->request, "text.format", "unsupported_value",
                          "text.format: expected the type text, json_object, or json_schema with a "
                          "schema");
}

/* ---- limits and the rest -------------------------------------------------------------------- */

/* Models of this family think or do not: how much cannot be chosen. */
static void read_reasoning(weir_responses_request *r) {
    static const char *const known[] = {"effort", "summary", "generate_summary", NULL};
    json_t *reasoning = weir_request_object(&r->request, r->request.root, "", "reasoning");
    const char *effort = NULL;
    size_t n;
    weir_request_string(&r->request, reasoning, "reasoning", "effort", &effort, &n);
    weir_request_check_members(&r->request, reasoning, "reasoning", known);
    if (effort && strcmp(effort, "none") == 0)
        r->job.settings.think = WEIR_THINK_OFF;
    else if (effort)
        weir_request_warn(
            &r->request, "reasoning.effort has no effect, but for none: this model chooses itself");
    for (size_t i = 1; known[i]; i++)
        if (string_of(reasoning, known[i]))
            weir_request_warn(&r->request, "reasoning.%s has no effect: thinking is shown whole",
                              known[i]);
}

/* What else could be sent along with a response; most of it is there without being asked for. */
static void read_include(weir_responses_request *r) {
    const json_t *include = root_value(r, "include"), *item;
    size_t i;
    if (include && !json_is_array(include))
        weir_request_fail(&r->request, "include", "invalid_type", "include: expected a list");
    json_array_foreach(include, i, item) {
        const char *name = json_string_value(item);
        weir_request_warn(&r->request, "include[%zu]: '%.60s' is not there to be included", i,
                          name ? name : "");
    }
}

static void read_limits(weir_responses_request *r) {
    weir_request *request = &r->request;
    int64_t most;
    if (weir_request_integer(request, request->root, "", "max_output_tokens", 0, UINT32_MAX - 1,
                             &most))
        r->job.settings.max_tokens = (uint32_t)most;
    if (r->job.min_tokens > r->job.settings.max_tokens)
        weir_request_fail(request, "min_tokens", "invalid_value",
                          "min_tokens: %u is more than max_output_tokens, %u", r->job.min_tokens,
                          r->job.settings.max_tokens);
    if (r->job.n_choices > 1)
        weir_request_fail(request, "n", "unsupported_value",
                          "n: this API gives one answer; expected 1");
    weir_request_bool(request, request->root, "", "stream", &r->is_stream);
    r->job.streams_calls = r->is_stream;
    r->is_stored = true;
    weir_request_bool(request, request->root, "", "store", &r->is_stored);
}

/* Usage always comes with the end of a stream, and nothing obfuscates it. */
static void read_stream_options(weir_request *request) {
    static const char *const known[] = {"include_usage", "include_obfuscation", NULL};
    static const char at[] = "stream_options";
    weir_request_check_members(request, weir_request_object(request, request->root, "", at), at,
                               known);
}

static void refuse_others(weir_request *request) {
    static const struct {
        const char *name, *harmless, *why;
    } known[] = {
        {"background", "false", "answers are made while the client waits"},
        {"truncation", "\"disabled\"", "nothing is dropped from prompts"},
        {"conversation", NULL, "use previous_response_id"},
        {"prompt", NULL, "no prompts are kept here"},
        {"max_tool_calls", NULL, "tools are run by the client"},
        {"top_logprobs", "0", "use logprobs of /v1/chat/completions"},
        {"prompt_logprobs", NULL, "use /v1/chat/completions"},
        {"context_management", NULL, "nothing is dropped from prompts"},
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        weir_request_refuse(request, known[i].name, known[i].harmless, known[i].why);
    read_stream_options(request);
}

/* ---- what the reply repeats ----------------------------------------------------------------- */

/* As it was written, but on one line: JSON has line feeds only where spaces may be. */
static void echo_raw(weir_responses_request *r, const char *name, const char *otherwise) {
    const char *raw;
    size_t n;
    weir_text_buffer_format(&r->echo, ", \"%s\": ", name);
    if (!weir_request_raw(&r->request, name, &raw, &n)) {
        weir_text_buffer_say(&r->echo, otherwise);
        return;
    }
    size_t from = r->echo.n;
    weir_text_buffer_add(&r->echo, raw, n);
    for (size_t i = from; i < r->echo.n; i++)
        if (r->echo.data[i] == '\n' || r->echo.data[i] == '\r')
            r->echo.data[i] = ' ';
}

static void make_echo(weir_responses_request *r) {
    const weir_settings *s = &r->job.settings;
    weir_text_buffer *out = &r->echo;
    echo_raw(r, "instructions", "null");
    echo_raw(r, "max_output_tokens", "null");
    echo_raw(r, "metadata", "{}");
    echo_raw(r, "parallel_tool_calls", "true");
    echo_raw(r, "previous_response_id", "null");
    echo_raw(r, "reasoning", "{\"effort\": null, \"summary\": null}");
    echo_raw(r, "text", "{\"format\": {\"type\": \"text\"}}");
    echo_raw(r, "tool_choice", "\"auto\"");
    echo_raw(r, "tools", "[]");
    echo_raw(r, "user", "null");
    weir_text_buffer_format(out,
                            ", \"store\": %s, \"temperature\": %.6g, \"top_p\": %.6g, "
                            "\"background\": false, \"max_tool_calls\": null, "
                            "\"service_tier\": \"default\", \"top_logprobs\": 0, "
                            "\"truncation\": \"disabled\"",
                            r->is_stored ? "true" : "false", (double)s->sampling.temperature,
                            (double)s->sampling.top_p);
    if (out->has_failed)
        weir_fail_memory(&r->request);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void read_all(weir_responses_request *r, const weir_service *service,
                     const weir_exchange *x) {
    weir_tool_wish wish = {0};
    json_t *call_names = json_object();
    weir_read_model(&r->request, service, &r->job, &r->model);
    weir_read_sampling(&r->request, service, &r->job);
    read_limits(r);
    read_reasoning(r);
    read_include(r);
    read_previous(r, service, x, call_names);
    read_instructions(r);
    weir_responses_read_input(&r->request, service, call_names, &r->conversation);
    json_decref(call_names);
    read_tools(r, service, &wish);
    read_text(r, &wish);
    weir_use_tools(&r->request, &wish, &r->conversation, &r->job);
    refuse_others(&r->request);
    weir_request_check_unknown(&r->request);
}

void weir_responses_read(weir_responses_request *out, const weir_service *service,
                         const weir_exchange *x) {
    *out = (weir_responses_request){.model = service->model_id};
    weir_request_open(&out->request, x, service->is_strict);
    if (weir_request_is_bad(&out->request))
        return;
    read_all(out, service, x);
    if (!weir_request_is_bad(&out->request))
        make_echo(out);
    /* Kept with the response: the beginning of the prompt does not change at midnight. */
    if (out->conversation.started == 0)
        out->conversation.started = weir_wall_clock_now();
    weir_make_prompt(&out->request, service, &out->conversation, &out->job);
    weir_check_room(&out->request, service, &out->job);
    /* The limit has another name in this API. */
    if (strcmp(out->request.error.param, "messages") == 0)
        snprintf(out->request.error.param, sizeof out->request.error.param, "input");
}

void weir_responses_request_free(weir_responses_request *r) {
    weir_conversation_free(&r->conversation);
    weir_job_free(&r->job);
    weir_text_buffer_free(&r->echo);
    weir_request_free(&r->request);
}
