/*
 * service.c: which handler answers which request.
 *
 * Owns the table of routes, which is also what the OpenAPI description is made of. Invariant: every
 * request gets exactly one reply, from its handler or from here.
 */
#include "service.h"

#include "api_sessions.h"
#include "api_shape.h"
#include "responses_routes.h"

#include <stdio.h>
#include <string.h>

const weir_route weir_routes[] = {
    {"POST", "/v1/chat/completions", weir_handle_chat, "Answer a conversation"},
    {"POST", "/v1/completions", weir_handle_completions, "Complete texts or tokens"},
    {"POST", "/v1/responses", weir_handle_responses, "Answer items, going on from a kept response"},
    {"GET", "/v1/responses/{id}", weir_handle_response_get, "A response that was kept"},
    {"DELETE", "/v1/responses/{id}", weir_handle_response_delete, "Forget a response"},
    {"POST", "/v1/messages", weir_handle_messages,
     "Answer a conversation, as Anthropic's API does"},
    {"POST", "/v1/messages/count_tokens", weir_handle_count_tokens,
     "Tokens of such a conversation"},
    {"GET", "/v1/sessions", weir_handle_sessions, "Conversations that are kept by name"},
    {"POST", "/v1/sessions", weir_handle_session_save, "Keep a conversation"},
    {"GET", "/v1/sessions/{id}", weir_handle_session_get, "A kept conversation"},
    {"DELETE", "/v1/sessions/{id}", weir_handle_session_delete, "Forget a conversation"},
    {"POST", "/v1/sessions/{id}", weir_handle_session_change, "NAME/fork or NAME/rewind"},
    {"GET", "/v1/models", weir_handle_models, "The model, and adapters for it"},
    {"GET", "/v1/models/{id}", weir_handle_model, "One of them"},
    {"GET", "/health", weir_handle_health, "503 while the model is loaded"},
    {"GET", "/ready", weir_handle_ready, "503 while loading and while draining"},
    {"GET", "/live", weir_handle_live, "200 as long as the process answers"},
    {"GET", "/metrics", weir_handle_metrics, "Counters and histograms for Prometheus"},
    {"GET", "/props", weir_handle_props, "What serves here, and with which defaults"},
    {"GET", "/version", weir_handle_version, "Of the program"},
    {"POST", "/tokenize", weir_handle_tokenize, "Text or messages to tokens"},
    {"POST", "/detokenize", weir_handle_detokenize, "Tokens to text"},
    {"POST", "/apply-template", weir_handle_apply_template, "Messages to the text of a prompt"},
    {"GET", "/tokenizer_info", weir_handle_tokenizer_info, "Special tokens and chat template"},
    {"GET", "/openapi.json", weir_handle_openapi, "This description"},
    {"GET", "/", weir_handle_page, "A page to chat with"},
    {NULL, NULL, NULL, NULL},
};

/* ---- paths -------------------------------------------------------------------------------- */

static const char alias_prefix[] = "/v1";

/* What stands at {id}, "" for a path without; NULL: another path. */
static const char *match_as_written(const char *route, const char *path) {
    size_t n = strcspn(route, "{");
    bool has_rest = route[n] != 0;
    if (strncmp(route, path, n) != 0 || has_rest != (path[n] != 0))
        return NULL;
    return path + n;
}

static const char *match(const char *route, const char *path) {
    const char *rest = match_as_written(route, path);
    size_t n = strlen(alias_prefix);
    if (!rest && strncmp(route, alias_prefix, n) == 0)
        rest = match_as_written(route + n, path);
    return rest;
}

const char *weir_route_of(const char *path) {
    for (const weir_route *route = weir_routes; route->path; route++)
        if (match(route->path, path))
            return route->path;
    return NULL;
}

const char *weir_route_rest(const weir_exchange *x, const char *path) {
    const char *rest = match(path, weir_exchange_path(x));
    return rest ? rest : "";
}

/* ---- replies without a handler ------------------------------------------------------------ */

enum { METHODS = 80 };

/* What can be asked at this path; "": it is no route. */
static void list_methods(char out[METHODS], const char *path) {
    size_t n = 0;
    out[0] = 0;
    for (const weir_route *route = weir_routes; route->path; route++)
        if (match(route->path, path)) {
            bool is_get = strcmp(route->method, "GET") == 0;
            n += (size_t)snprintf(out + n, METHODS - n, "%s%s", route->method,
                                  is_get ? ", HEAD, " : ", ");
        }
    if (n > 0)
        snprintf(out + n, METHODS - n, "OPTIONS");
}

static void reply_not_found(weir_exchange *x) {
    weir_api_error error = {
        .http_status = 404, .type = "invalid_request_error", .code = "not_found"};
    snprintf(error.message, sizeof error.message,
             "there is no %.100s; /openapi.json tells what there is", weir_exchange_path(x));
    weir_reply_error(x, &error, 0);
}

static void reply_not_allowed(weir_exchange *x, const char *methods) {
    weir_api_error error = {
        .http_status = 405, .type = "invalid_request_error", .code = "method_not_allowed"};
    snprintf(error.message, sizeof error.message, "%.20s cannot be used at %.100s; expected %s",
             weir_exchange_method(x), weir_exchange_path(x), methods);
    weir_exchange_add_header(x, "Allow", methods);
    weir_reply_error(x, &error, 0);
}

static void reply_options(weir_exchange *x, const char *methods) {
    weir_exchange_add_header(x, "Allow", methods);
    weir_exchange_reply(x, 204, NULL, "", 0);
}

void weir_service_handle(weir_service *service, weir_exchange *x) {
    const char *path = weir_exchange_path(x), *method = weir_exchange_method(x);
    const char *sought = strcmp(method, "HEAD") == 0 ? "GET" : method;
    char methods[METHODS];
    for (const weir_route *route = weir_routes; route->path; route++)
        if (strcmp(route->method, sought) == 0 && match(route->path, path)) {
            route->handler(service, x);
            return;
        }
    list_methods(methods, path);
    if (!methods[0])
        reply_not_found(x);
    else if (strcmp(method, "OPTIONS") == 0)
        reply_options(x, methods);
    else
        reply_not_allowed(x, methods);
}
