/*
 * chat_messages.c: the "messages" of the chat API as a conversation.
 *
 * Owns the shape of messages. Invariant: nothing of a message is dropped in silence: what a model
 * cannot be shown is an error that names it. What the model wrote itself is put back only if the
 * client's message still says the same.
 */
#include "chat_request.h"
#include "raw_answer.h"
#include "request_members.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    weir_request *request;
    const weir_service *service;
    weir_conversation *conversation;
    json_t *call_names; /* id of a call -> name of its tool */
} reader;

static const char *string_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

/* ---- texts -------------------------------------------------------------------------------- */

static void add_part(reader *r, const json_t *part, const char *at, weir_text_buffer *out) {
    const char *type = string_of(part, "type");
    const json_t *text = json_object_get(part, "text");
    if (type && strcmp(type, "text") == 0 && json_is_string(text))
        weir_text_buffer_add(out, json_string_value(text), json_string_length(text));
    else if (type && strcmp(type, "text") != 0)
        weir_request_fail(r->request, at, "unsupported_value",
                          "%s: parts of type '%.40s' cannot be read; expected text", at, type);
    else
        weir_request_fail(r->request, at, "invalid_value",
                          "%s: expected {\"type\": \"text\", \"text\": ..}", at);
}

/* A text, parts with a line feed between, or nothing. false: it is missing. */
static bool read_content(reader *r, const json_t *message, const char *at, weir_text_buffer *out) {
    char path[WEIR_REQUEST_PATH], of_part[WEIR_REQUEST_PATH];
    const json_t *content = json_object_get(message, "content"), *part;
    size_t i;
    weir_request_path(path, at, "content");
    weir_text_buffer_say(out, "");
    if (!content || json_is_null(content))
        return false;
    if (json_is_string(content)) {
        weir_text_buffer_add(out, json_string_value(content), json_string_length(content));
    } else if (json_is_array(content)) {
        json_array_foreach(content, i, part) {
            snprintf(of_part, sizeof of_part, "%.70s[%zu]", path, i);
            weir_text_buffer_say(out, i > 0 ? "\n" : "");
            add_part(r, part, of_part, out);
        }
    } else {
        weir_request_fail(r->request, path, "invalid_type",
                          "%s: expected a text or a list of parts", path);
    }
    return true;
}

/* Hands the buffer's text over. */
static char *take_text(reader *r, weir_text_buffer *buffer, size_t *n) {
    weir_error err = {0};
    weir_request_take(r->request, "messages", NULL,
                      weir_text_buffer_check(buffer, "the messages", &err), &err);
    char *text = buffer->data;
    *n = buffer->n;
    *buffer = (weir_text_buffer){0};
    return text;
}

/* ---- earlier answers ---------------------------------------------------------------------- */

static void read_call(reader *r, const json_t *call, const char *at, weir_calls *calls) {
    char path[WEIR_REQUEST_PATH];
    const json_t *function = json_object_get(call, "function");
    const char *type = string_of(call, "type"), *id = string_of(call, "id"), *name, *arguments;
    size_t n_name, n_arguments;
    weir_error err = {0};
    weir_request_path(path, at, "function");
    if ((type && strcmp(type, "function") != 0) || !json_is_object(function)) {
        weir_request_fail(r->request, at, "invalid_value",
                          "%s: expected {\"id\": .., \"type\": \"function\", \"function\": {..}}",
                          at);
        return;
    }
    if (!weir_request_string(r->request, function, path, "name", &name, &n_name) ||
        !weir_request_string(r->request, function, path, "arguments", &arguments, &n_arguments)) {
        weir_request_fail(r->request, path, "invalid_value", "%s: expected name and arguments",
                          path);
        return;
    }
    if (id)
        json_object_set_new(r->call_names, id, json_stringn(name, n_name));
    weir_request_path(path, at, "function.arguments");
    if (n_arguments == 0) { /* some clients write a call without arguments so */
        arguments = "{}";
        n_arguments = 2;
    }
    weir_status status = weir_calls_add(calls, name, n_name, arguments, n_arguments, true, &err);
    if (status == WEIR_STATUS_BAD_FILE)
        weir_request_fail(r->request, path, "invalid_value",
                          "%s: expected the text of a JSON object: %s", path, err.text);
    else
        weir_request_take(r->request, path, NULL, status, &err);
}

static void read_calls(reader *r, const json_t *message, const char *at, weir_calls *calls) {
    char path[WEIR_REQUEST_PATH], of_call[WEIR_REQUEST_PATH];
    const json_t *list = json_object_get(message, "tool_calls"), *call;
    size_t i;
    weir_request_path(path, at, "tool_calls");
    if (list && !json_is_array(list) && !json_is_null(list))
        weir_request_fail(r->request, path, "invalid_type", "%s: expected a list", path);
    json_array_foreach(list, i, call) {
        snprintf(of_call, sizeof of_call, "%.70s[%zu]", path, i);
        read_call(r, call, of_call, calls);
    }
}

/* The first call's id leads to what the model wrote: its tokens need not be run again. */
static void replay(reader *r, const json_t *message, weir_message *m) {
    const json_t *first = json_array_get(json_object_get(message, "tool_calls"), 0);
    const char *id = string_of(first, "id");
    m->raw = id && m->calls.n > 0 ? weir_replay_get(r->service->replay, id, &m->n_raw) : NULL;
    if (!m->raw || weir_raw_says(m->raw, m->n_raw, m))
        return;
    free(m->raw);
    m->raw = NULL;
    m->n_raw = 0;
}

static void read_assistant(reader *r, const json_t *message, const char *at, weir_message *m) {
    static const char *const names[] = {"reasoning_content", "reasoning"};
    const char *text;
    size_t n;
    for (size_t i = 0; i < WEIR_COUNT(names) && !m->reasoning; i++) {
        if (!weir_request_string(r->request, message, at, names[i], &text, &n) || n == 0)
            continue;
        m->reasoning = weir_text_copy(text, n);
        m->n_reasoning = n;
        if (!m->reasoning)
            weir_fail_memory(r->request);
    }
    read_calls(r, message, at, &m->calls);
    if (!weir_request_is_bad(r->request))
        replay(r, message, m);
}

/* ---- messages ----------------------------------------------------------------------------- */

static bool find_role(const char *role, weir_role *out) {
    for (size_t i = 0; i < WEIR_N_ROLES; i++)
        if (role && strcmp(role, weir_role_names[i]) == 0) {
            *out = (weir_role)i;
            return true;
        }
    *out = WEIR_ROLE_SYSTEM;
    return role && strcmp(role, "developer") == 0;
}

static void read_result(reader *r, const json_t *message, const char *at, weir_message *m) {
    char path[WEIR_REQUEST_PATH];
    const char *id = string_of(message, "tool_call_id"), *name = string_of(message, "name");
    weir_request_path(path, at, "tool_call_id");
    if (!id)
        weir_request_fail(r->request, path, "invalid_value",
                          "%s: expected the id of the call that this is the result of", path);
    else if (!name)
        name = string_of(r->call_names, id);
    m->tool_name = name ? weir_text_copy(name, strlen(name)) : NULL;
    if (name && !m->tool_name)
        weir_fail_memory(r->request);
}

/* Members that have a meaning elsewhere and must not be there, or have none for this role. */
static void check_members(reader *r, json_t *message, const char *at, weir_role role) {
    static const char *const known[] = {
        "role",    "content", "name",        "tool_calls",    "reasoning",         "tool_call_id",
        "refusal", "audio",   "annotations", "function_call", "reasoning_content", NULL};
    static const char *const refused[] = {"audio", "function_call", "refusal"};
    char path[WEIR_REQUEST_PATH];
    weir_request_check_members(r->request, message, at, known);
    for (size_t i = 0; i < WEIR_COUNT(refused); i++) {
        const json_t *value = json_object_get(message, refused[i]);
        weir_request_path(path, at, refused[i]);
        if (value && !json_is_null(value))
            weir_request_fail(r->request, path, "unsupported_value",
                              "%s: it cannot be shown to the model", path);
    }
    weir_request_path(path, at, "tool_calls");
    if (role != WEIR_ROLE_ASSISTANT && json_array_size(json_object_get(message, "tool_calls")) > 0)
        weir_request_fail(r->request, path, "invalid_value",
                          "%s: only messages of the assistant make calls", path);
    if (role != WEIR_ROLE_TOOL && json_is_string(json_object_get(message, "name")))
        weir_request_warn(r->request, "%s.name has no effect: models are not shown names", at);
}

static void read_message(reader *r, json_t *message, const char *at) {
    const char *role = string_of(message, "role");
    weir_message m = {0};
    weir_text_buffer content = {0};
    if (!find_role(role, &m.role)) {
        weir_request_fail(r->request, at, "invalid_value",
                          "%s.role: expected system, developer, user, assistant or tool, got "
                          "'%.40s'",
                          at, role ? role : "");
        return;
    }
    check_members(r, message, at, m.role);
    bool has_content = read_content(r, message, at, &content);
    if (!has_content && m.role != WEIR_ROLE_ASSISTANT && m.role != WEIR_ROLE_TOOL)
        weir_request_fail(r->request, at, "invalid_value", "%s.content: expected a text", at);
    m.content = take_text(r, &content, &m.n_content);
    if (m.role == WEIR_ROLE_ASSISTANT)
        read_assistant(r, message, at, &m);
    if (m.role == WEIR_ROLE_TOOL)
        read_result(r, message, at, &m);
    if (weir_request_is_bad(r->request)) {
        weir_message_free(&m);
        return;
    }
    weir_error err = {0};
    weir_request_take(r->request, "messages", NULL,
                      weir_conversation_add(r->conversation, &m, &err), &err);
}

void weir_read_messages(weir_request *request, const weir_service *service,
                        weir_conversation *conversation) {
    json_t *messages = weir_request_value(request, request->root, "", "messages"), *message;
    size_t i;
    reader r = {.request = request,
                .service = service,
                .conversation = conversation,
                .call_names = json_object()};
    if (!r.call_names)
        weir_fail_memory(request);
    if (json_array_size(messages) == 0)
        weir_request_fail(request, "messages", "invalid_value",
                          "messages: expected a list of one message at least");
    json_array_foreach(messages, i, message) {
        char at[32];
        snprintf(at, sizeof at, "messages[%zu]", i);
        if (!weir_request_is_bad(request))
            read_message(&r, message, at);
    }
    json_decref(r.call_names);
}
