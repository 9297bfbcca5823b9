/*
 * conversation_file.c: conversations as JSON.
 *
 *   {"weir_conversation": 1, "model": {"name", "path"}, "started", "settings": {..}, "system",
 *    "tools": "..", "messages": [{"role", "content", "reasoning", "raw", "name",
 *                                 "calls": [{"name", "arguments", "is_declared"}]}]}
 *
 * Tools and arguments stand as texts that hold JSON, so that not a byte of them changes. What a
 * later version adds is passed over by this one; what it means otherwise gets another number.
 */
#include "conversation.h"

#include "base/error.h"
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_VERSION = 1 };

#define END_OF_TIME 253402300799 /* the last second of the year 9999 */

static const char version_key[] = "weir_conversation";

/* ---- writing ------------------------------------------------------------------------------ */

/* , "key": "text"; nothing for NULL. */
static void add_text(weir_text_buffer *out, const char *key, const char *text, size_t n) {
    if (!text)
        return;
    weir_text_buffer_format(out, ", \"%s\": ", key);
    weir_text_buffer_add_json(out, text, n);
}

static void add_string(weir_text_buffer *out, const char *key, const char *text) {
    add_text(out, key, text, text ? strlen(text) : 0);
}

static void add_message(weir_text_buffer *out, const weir_message *m) {
    weir_text_buffer_format(out, "  {\"role\": \"%s\"", weir_role_names[m->role]);
    add_text(out, "content", m->content, m->n_content);
    add_text(out, "reasoning", m->reasoning, m->n_reasoning);
    add_text(out, "raw", m->raw, m->n_raw);
    add_string(out, "name", m->tool_name);
    for (size_t i = 0; i < m->calls.n; i++) {
        const weir_call *call = &m->calls.item[i];
        weir_text_buffer_say(out, i ? ", {" : ", \"calls\": [{");
        weir_text_buffer_format(out, "\"is_declared\": %s", call->is_declared ? "true" : "false");
        add_string(out, "name", call->name);
        add_string(out, "arguments", call->arguments);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, m->calls.n > 0 ? "]}" : "}");
}

weir_status weir_conversation_write(const weir_conversation *conversation, weir_text_buffer *out,
                                    weir_error *err) {
    weir_text_buffer_format(out, "{\"%s\": %d,\n \"started\": %lld", version_key, FILE_VERSION,
                            (long long)conversation->started);
    if (conversation->model_name || conversation->model_path) {
        weir_text_buffer_say(out, ",\n \"model\": {\"by\": \"weir\"");
        add_string(out, "name", conversation->model_name);
        add_string(out, "path", conversation->model_path);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, ",\n \"settings\": ");
    weir_settings_add_json(&conversation->settings, out);
    add_text(out, "system", conversation->system, conversation->n_system);
    add_text(out, "tools", conversation->tools.text, conversation->tools.n_text);
    weir_text_buffer_say(out, ",\n \"messages\": [");
    for (size_t i = 0; i < conversation->n_messages; i++) {
        weir_text_buffer_say(out, i ? ",\n" : "\n");
        add_message(out, &conversation->message[i]);
    }
    weir_text_buffer_say(out, "\n ]}\n");
    return weir_text_buffer_check(out, "the conversation", err);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A text of any bytes; *out stays NULL where there is none. */
static weir_status take_text(const json_t *object, const char *key, char **out, size_t *n,
                             weir_error *err) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return WEIR_STATUS_OK;
    if (!json_is_string(value))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a text", key);
    *n = json_string_length(value);
    *out = weir_text_copy(json_string_value(value), *n);
    return *out ? WEIR_STATUS_OK
                : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the conversation");
}

/* The same for texts that hold no zeros. */
static weir_status take_string(const json_t *object, const char *key, char **out, weir_error *err) {
    size_t n = 0;
    WEIR_TRY(take_text(object, key, out, &n, err));
    if (*out && strlen(*out) != n)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: a zero stands in it", key);
    return WEIR_STATUS_OK;
}

static weir_status read_call(weir_calls *calls, const json_t *object, weir_error *err) {
    char *name = NULL, *arguments = NULL;
    weir_status status = take_string(object, "name", &name, err);
    if (status == WEIR_STATUS_OK)
        status = take_string(object, "arguments", &arguments, err);
    if (status == WEIR_STATUS_OK && (!name || !arguments))
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "calls: expected name and arguments");
    if (status == WEIR_STATUS_OK)
        status = weir_calls_add(calls, name, strlen(name), arguments, strlen(arguments),
                                json_is_true(json_object_get(object, "is_declared")), err);
    free(name);
    free(arguments);
    return status;
}

static weir_status read_role(weir_role *out, const json_t *object, weir_error *err) {
    const char *role = json_string_value(json_object_get(object, "role"));
    for (size_t i = 0; role && i < WEIR_N_ROLES; i++)
        if (strcmp(role, weir_role_names[i]) == 0) {
            *out = (weir_role)i;
            return WEIR_STATUS_OK;
        }
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "role: expected user, assistant, tool or system");
}

static weir_status fill_message(weir_message *m, const json_t *object, weir_error *err) {
    WEIR_TRY(read_role(&m->role, object, err));
    WEIR_TRY(take_text(object, "content", &m->content, &m->n_content, err));
    if (!m->content)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "content: expected a text");
    if (m->role == WEIR_ROLE_TOOL)
        return take_string(object, "name", &m->tool_name, err);
    if (m->role != WEIR_ROLE_ASSISTANT)
        return WEIR_STATUS_OK;
    WEIR_TRY(take_text(object, "reasoning", &m->reasoning, &m->n_reasoning, err));
    WEIR_TRY(take_text(object, "raw", &m->raw, &m->n_raw, err));
    const json_t *calls = json_object_get(object, "calls"), *call;
    if (calls && !json_is_array(calls))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "calls: expected a list");
    size_t i;
    json_array_foreach(calls, i, call) WEIR_TRY(read_call(&m->calls, call, err));
    return WEIR_STATUS_OK;
}

static weir_status read_messages(weir_conversation *out, const json_t *messages, weir_error *err) {
    if (!json_is_array(messages))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "messages: expected a list");
    size_t i;
    const json_t *object;
    json_array_foreach(messages, i, object) {
        weir_message message = {0};
        weir_status status = fill_message(&message, object, err);
        if (status != WEIR_STATUS_OK) {
            weir_message_free(&message);
            return weir_fail_within(err, status, "message %zu", i + 1);
        }
        WEIR_TRY(weir_conversation_add(out, &message, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status read_tools(weir_tools *out, const json_t *root, weir_error *err) {
    char *text = NULL;
    size_t n = 0;
    WEIR_TRY(take_text(root, "tools", &text, &n, err));
    weir_status status = text ? weir_tools_parse(out, text, n, "tools", err) : WEIR_STATUS_OK;
    free(text);
    return status;
}

static weir_status fill(weir_conversation *out, const json_t *root, weir_error *err) {
    const json_t *version = json_object_get(root, version_key);
    if (!json_is_integer(version))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "no saved conversation: %s is missing",
                         version_key);
    if (json_integer_value(version) != FILE_VERSION)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "version %lld of saved conversations; this program reads version %d",
                         (long long)json_integer_value(version), FILE_VERSION);
    out->started = json_integer_value(json_object_get(root, "started"));
    if (out->started < 0 || out->started > END_OF_TIME)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "started: expected seconds since 1970");
    const json_t *model = json_object_get(root, "model");
    WEIR_TRY(take_string(model, "name", &out->model_name, err));
    WEIR_TRY(take_string(model, "path", &out->model_path, err));
    WEIR_TRY(take_text(root, "system", &out->system, &out->n_system, err));
    WEIR_TRY(read_tools(&out->tools, root, err));
    return read_messages(out, json_object_get(root, "messages"), err);
}

weir_status weir_conversation_read(weir_conversation *out, const char *text, size_t n,
                                   const char *where, weir_error *err) {
    json_t *root = weir_json_read(text, n, where, err);
    if (!root)
        return WEIR_STATUS_BAD_FILE;
    weir_conversation read = {0};
    weir_status status = fill(&read, root, err);
    if (status != WEIR_STATUS_OK)
        weir_fail_within(err, status, "%s", where);
    if (status == WEIR_STATUS_OK)
        status = weir_settings_copy(&read.settings, &out->settings, err);
    if (status == WEIR_STATUS_OK)
        status =
            weir_settings_read_json(&read.settings, json_object_get(root, "settings"), where, err);
    json_decref(root);
    if (status != WEIR_STATUS_OK) {
        weir_conversation_free(&read);
        return status;
    }
    weir_conversation_free(out);
    *out = read;
    return WEIR_STATUS_OK;
}
