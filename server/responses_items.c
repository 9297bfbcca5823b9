/*
 * responses_items.c: see responses_items.h.
 *
 * Items are smaller than messages: thinking, text and calls of one answer come one by one, and are
 * put together here until something comes that is not the assistant's. Invariant: nothing of an
 * item is dropped in silence.
 */
#include "responses_items.h"

#include "raw_answer.h"
#include "request_members.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = WEIR_REQUEST_PATH };

typedef struct reader {
    weir_request *request;
    const weir_service *service;
    json_t *call_names;
    weir_conversation *conversation;
    /* the answer that is being put together: */
    bool has_answer, has_content;
    weir_text_buffer content, reasoning;
    weir_calls calls;
    const char *first_call; /* its id */
} reader;

static const char *string_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static void add_string(weir_text_buffer *out, const json_t *text) {
    weir_text_buffer_add(out, json_string_value(text), json_string_length(text));
}

/* Hands the buffer's text over, "" if it is empty. */
static char *take_text(reader *r, weir_text_buffer *buffer, size_t *n) {
    weir_text_buffer_say(buffer, "");
    if (buffer->has_failed)
        weir_fail_memory(r->request);
    char *text = buffer->data;
    *n = buffer->n;
    *buffer = (weir_text_buffer){0};
    return text;
}

/* Takes the message's texts over. */
static void add_message(reader *r, weir_message *m) {
    weir_error err = {0};
    if (weir_request_is_bad(r->request))
        weir_message_free(m);
    else
        weir_request_take(r->request, "input", NULL,
                          weir_conversation_add(r->conversation, m, &err), &err);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void end_answer(reader *r) {
    weir_message m = {.role = WEIR_ROLE_ASSISTANT, .calls = r->calls};
    if (!r->has_answer)
        return;
    m.content = take_text(r, &r->content, &m.n_content);
    if (r->reasoning.n > 0)
        m.reasoning = take_text(r, &r->reasoning, &m.n_reasoning);
    /* What the model wrote under the first call's id is preferred: its tokens need not be run
     * again. */
    if (r->first_call && !weir_request_is_bad(r->request)) {
        size_t n;
        char *raw = weir_replay_get(r->service->replay, r->first_call, &n);
        weir_message_put_raw(&m, raw, n);
    }
    weir_text_buffer_free(&r->reasoning);
    r->calls = (weir_calls){0};
    r->first_call = NULL;
    r->has_answer = r->has_content = false;
    add_message(r, &m);
}

/* ---- texts -------------------------------------------------------------------------------- */

/* A text, or parts of this type with a line feed between; `other` is accepted as well. */
static void read_texts(reader *r, const json_t *content, const char *at, const char *type,
                       const char *other, weir_text_buffer *out) {
    const json_t *part;
    size_t i;
    weir_text_buffer_say(out, "");
    if (json_is_string(content)) {
        add_string(out, content);
        return;
    }
    if (!json_is_array(content))
        weir_request_fail(r->request, at, "invalid_type", "%s: expected a text or a list of parts",
                          at);
    json_array_foreach(content, i, part) {
        const char *said = string_of(part, "type");
        const json_t *text = json_object_get(part, "text");
        bool is_known = said && (strcmp(said, type) == 0 || strcmp(said, other) == 0);
        if (!is_known || !json_is_string(text))
            weir_request_fail(r->request, at, "unsupported_value",
                              "%s[%zu]: parts of type '%.40s' cannot be read; expected %s with a "
                              "text",
                              at, i, said ? said : "", type);
        weir_text_buffer_say(out, i > 0 ? "\n" : "");
        add_string(out, text);
    }
}

/* ---- items -------------------------------------------------------------------------------- */

static bool find_role(const char *role, weir_role *out) {
    static const struct {
        const char *name;
        weir_role role;
    } roles[] = {{"user", WEIR_ROLE_USER},
                 {"assistant", WEIR_ROLE_ASSISTANT},
                 {"system", WEIR_ROLE_SYSTEM},
                 {"developer", WEIR_ROLE_SYSTEM}};
    for (size_t i = 0; role && i < WEIR_COUNT(roles); i++)
        if (strcmp(role, roles[i].name) == 0) {
            *out = roles[i].role;
            return true;
        }
    return false;
}

static void read_message(reader *r, json_t *item, const char *at) {
    char path[PATH];
    weir_message m = {0};
    weir_text_buffer text = {0};
    const char *role = string_of(item, "role");
    weir_request_path(path, at, "content");
    if (!find_role(role, &m.role)) {
        weir_request_fail(r->request, at, "invalid_value",
                          "%s.role: expected user, assistant, system or developer, got '%.40s'", at,
                          role ? role : "");
        return;
    }
    const json_t *content = json_object_get(item, "content");
    if (m.role == WEIR_ROLE_ASSISTANT) {
        /* Two texts without a call between them are two answers. */
        if (r->has_content && r->calls.n == 0)
            end_answer(r);
        r->has_answer = r->has_content = true;
        read_texts(r, content, path, "output_text", "text", &r->content);
        return;
    }
    end_answer(r);
    read_texts(r, content, path, "input_text", "text", &text);
    m.content = take_text(r, &text, &m.n_content);
    add_message(r, &m);
}

static void read_reasoning(reader *r, json_t *item, const char *at) {
    const json_t *content = json_object_get(item, "content");
    char path[PATH];
    if (r->has_content || r->calls.n > 0)
        end_answer(r);
    r->has_answer = true;
    weir_request_path(path, at, "content");
    if (content && !json_is_null(content))
        read_texts(r, content, path, "reasoning_text", "text", &r->reasoning);
    weir_request_path(path, at, "summary");
    if (r->reasoning.n == 0 && json_array_size(json_object_get(item, "summary")) > 0)
        read_texts(r, json_object_get(item, "summary"), path, "summary_text", "text",
                   &r->reasoning);
    if (json_is_string(json_object_get(item, "encrypted_content")))
        weir_request_warn(r->request, "%s.encrypted_content has no effect", at);
}

static void read_call(reader *r, json_t *item, const char *at) {
    const char *id, *name, *arguments;
    char path[PATH];
    size_t n, n_name, n_arguments;
    weir_error err = {0};
    if (!weir_request_string(r->request, item, at, "call_id", &id, &n) ||
        !weir_request_string(r->request, item, at, "name", &name, &n_name) ||
        !weir_request_string(r->request, item, at, "arguments", &arguments, &n_arguments)) {
        weir_request_fail(r->request, at, "invalid_value",
                          "%s: a function_call needs call_id, name and arguments", at);
        return;
    }
    json_object_set_new(r->call_names, id, json_stringn(name, n_name));
    r->has_answer = true;
    r->first_call = r->first_call ? r->first_call : id;
    weir_request_path(path, at, "arguments");
    weir_status status = weir_calls_add(&r->calls, name, n_name, n_arguments > 0 ? arguments : "{}",
                                        n_arguments > 0 ? n_arguments : 2, true, &err);
    if (status == WEIR_STATUS_BAD_FILE)
        weir_request_fail(r->request, path, "invalid_value",
                          "%s: expected the text of a JSON object: %s", path, err.text);
    else
        weir_request_take(r->request, path, NULL, status, &err);
}

static void read_result(reader *r, json_t *item, const char *at) {
    const char *id = string_of(item, "call_id");
    char path[PATH];
    weir_message m = {.role = WEIR_ROLE_TOOL};
    weir_text_buffer text = {0};
    end_answer(r);
    if (!id)
        weir_request_fail(r->request, at, "invalid_value",
                          "%s: a function_call_output needs the call_id of its call", at);
    weir_request_path(path, at, "output");
    read_texts(r, json_object_get(item, "output"), path, "input_text", "text", &text);
    m.content = take_text(r, &text, &m.n_content);
    const char *name = id ? string_of(r->call_names, id) : NULL;
    if (name) {
        m.tool_name = weir_text_copy(name, strlen(name));
        if (!m.tool_name)
            weir_fail_memory(r->request);
    }
    add_message(r, &m);
}

typedef struct item_kind {
    const char *type;
    void (*read)(reader *r, json_t *item, const char *at);
    const char *known[10]; /* members, NULL at the end */
} item_kind;

static const item_kind kinds[] = {
    {"message", read_message, {"type", "role", "content", "id", "status", "phase"}},
    {"function_call", read_call, {"type", "call_id", "name", "arguments", "id", "status"}},
    {"function_call_output", read_result, {"type", "call_id", "output", "id", "status"}},
    {"reasoning",
     read_reasoning,
     {"type", "summary", "content", "id", "status", "encrypted_content"}},
};

static void read_item(reader *r, json_t *item, const char *at) {
    const char *type = string_of(item, "type");
    if (!json_is_object(item)) {
        weir_request_fail(r->request, at, "invalid_type", "%s: expected an item, an object", at);
        return;
    }
    for (size_t i = 0; i < WEIR_COUNT(kinds); i++)
        if (strcmp(type ? type : "message", kinds[i].type) == 0) {
            weir_request_check_members(r->request, item, at, kinds[i].known);
            kinds[i].read(r, item, at);
            return;
        }
    weir_request_fail(r->request, at, "unsupported_value",
                      "%s: items of type '%.40s' cannot be read; expected message, function_call, "
                      "function_call_output or reasoning",
                      at, type);
}

void weir_responses_read_input(weir_request *request, const weir_service *service,
                               json_t *call_names, weir_conversation *conversation) {
    reader r = {.request = request,
                .service = service,
                .call_names = call_names,
                .conversation = conversation};
    json_t *input = weir_request_value(request, request->root, "", "input"), *item;
    size_t i;
    if (json_is_string(input)) {
        weir_message m = {.role = WEIR_ROLE_USER};
        weir_text_buffer text = {0};
        add_string(&text, input);
        m.content = take_text(&r, &text, &m.n_content);
        add_message(&r, &m);
        return;
    }
    if (json_array_size(input) == 0)
        weir_request_fail(request, "input", "invalid_value",
                          "input: expected a text, or a list of one item at least");
    json_array_foreach(input, i, item) {
        char at[32];
        snprintf(at, sizeof at, "input[%zu]", i);
        if (!weir_request_is_bad(request))
            read_item(&r, item, at);
    }
    end_answer(&r);
    weir_text_buffer_free(&r.content);
    weir_text_buffer_free(&r.reasoning);
    weir_calls_free(&r.calls);
}
