/*
 * api_sessions.c: /v1/sessions: conversations that the server keeps by name: listed, shown, saved,
 * forked, rewound, deleted. (A request to /v1/chat/completions goes on with one by "session".)
 *
 * Owns nothing. Forking and rewinding are only changes of what was said: that nothing of it is run
 * again is the engine's doing, which finds what it has run by the tokens.
 */
#include "api_sessions.h"

#include "chat_request.h"
#include "request_members.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

static const char route[] = "/v1/sessions/{id}";

/* ---- replies ------------------------------------------------------------------------------ */

static void reply_error(weir_exchange *x, weir_request *request) {
    weir_reply_openai_error(x, &request->error, 0);
}

static void reply_text(weir_exchange *x, weir_request *request, int http_status,
                       weir_text_buffer *body) {
    if (body->has_failed)
        weir_request_no_memory(request, "the reply");
    if (weir_request_is_bad(request))
        reply_error(x, request);
    else
        weir_exchange_reply(x, http_status, NULL, body->data, body->n);
    weir_text_buffer_free(body);
}

static void fail_unknown(weir_request *request, const char *name) {
    weir_request_fail(request, "id", "session_not_found", "there is no session '%.80s'", name);
    request->error.http_status = 404;
}

static bool hold(weir_service *service, weir_request *request, const char *owner,
                 const char *name) {
    if (weir_session_hold(service->sessions, owner, name))
        return true;
    weir_request_fail(request, "id", "session_busy", "the session '%s' is being answered", name);
    request->error.http_status = 409;
    return false;
}

/* ---- a session as JSON ---------------------------------------------------------------------- */

static void say_text(weir_text_buffer *out, const char *name, const char *text, size_t n) {
    if (!text)
        return;
    weir_text_buffer_format(out, ",\"%s\":", name);
    weir_text_buffer_add_json(out, text, n);
}

/* Ids of calls are not kept: those of a session are numbered. Results follow in the order of their
 * calls. */
typedef struct numbering {
    size_t n_calls, n_results;
} numbering;

static void say_calls(weir_text_buffer *out, const weir_calls *calls, numbering *ids) {
    ids->n_results = ids->n_calls;
    if (calls->n == 0)
        return;
    weir_text_buffer_say(out, ",\"tool_calls\":[");
    for (size_t i = 0; i < calls->n; i++) {
        const weir_call *call = &calls->item[i];
        weir_text_buffer_format(
            out,
            "%s{\"id\":\"call_%zu\",\"type\":\"function\",\"function\":{\"name\":", i ? "," : "",
            ids->n_calls++);
        weir_text_buffer_add_json(out, call->name, strlen(call->name));
        weir_text_buffer_say(out, ",\"arguments\":");
        weir_text_buffer_add_json(out, call->arguments, strlen(call->arguments));
        weir_text_buffer_say(out, "}}");
    }
    weir_text_buffer_say(out, "]");
}

static void say_message(weir_text_buffer *out, const weir_message *m, numbering *ids) {
    weir_text_buffer_format(out, "{\"role\":\"%s\"", weir_role_names[m->role]);
    say_text(out, "content", m->content ? m->content : "", m->n_content);
    say_text(out, "reasoning_content", m->reasoning, m->n_reasoning);
    say_text(out, "name", m->tool_name, m->tool_name ? strlen(m->tool_name) : 0);
    if (m->role == WEIR_ROLE_ASSISTANT)
        say_calls(out, &m->calls, ids);
    if (m->role == WEIR_ROLE_TOOL)
        weir_text_buffer_format(out, ",\"tool_call_id\":\"call_%zu\"", ids->n_results++);
    weir_text_buffer_say(out, "}");
}

static void say_session(weir_text_buffer *out, const char *name,
                        const weir_conversation *conversation) {
    numbering ids = {0};
    weir_text_buffer_say(out, "{\"object\":\"session\",\"id\":");
    weir_text_buffer_add_json(out, name, strlen(name));
    weir_text_buffer_format(out, ",\"n_messages\":%zu", conversation->n_messages);
    say_text(out, "system", conversation->system, conversation->n_system);
    weir_text_buffer_say(out, ",\"messages\":[");
    for (size_t i = 0; i < conversation->n_messages; i++) {
        weir_text_buffer_say(out, i ? "," : "");
        say_message(out, &conversation->message[i], &ids);
    }
    weir_text_buffer_say(out, "]}");
}

static void reply_session(weir_exchange *x, weir_request *request, int http_status,
                          const char *name, const weir_conversation *conversation) {
    weir_text_buffer body = {0};
    if (!weir_request_is_bad(request))
        say_session(&body, name, conversation);
    reply_text(x, request, http_status, &body);
}

/* ---- names -------------------------------------------------------------------------------- */

static bool is_good(weir_request *request, const char *param, const char *name, size_t n) {
    if (weir_session_name_is_good(name, n))
        return true;
    weir_request_fail(request, param, "invalid_value",
                      "%s: expected 1 to 64 of A-Z a-z 0-9 _ . -, got '%.80s'", param, name);
    return false;
}

/* The name that a request gives to a new session, which nobody else may have; else one is made. */
static void read_new_name(weir_request *request, char out[WEIR_SESSION_NAME]) {
    const char *name;
    size_t n;
    char made[WEIR_CALL_ID];
    weir_make_id(made, "session_");
    snprintf(out, WEIR_SESSION_NAME, "%s", made);
    if (weir_request_string(request, request->root, "", "id", &name, &n) &&
        is_good(request, "id", name, n))
        snprintf(out, WEIR_SESSION_NAME, "%s", name);
}

/* A request without a body is one without fields. */
static void open_request(weir_request *request, const weir_service *service, weir_exchange *x) {
    size_t n;
    weir_exchange_body(x, &n);
    if (n > 0)
        weir_request_open(request, x, service->is_strict);
    else
        *request = (weir_request){.root = json_object(), .text = "{}", .n_text = 2};
}

/* ---- reading and deleting ------------------------------------------------------------------- */

typedef struct listing {
    weir_text_buffer text;
    size_t n;
} listing;

static void list_one(void *context, const char *id, int64_t updated, size_t bytes) {
    static const char prefix[] = WEIR_SESSION_PREFIX;
    listing *l = context;
    if (strncmp(id, prefix, strlen(prefix)) != 0)
        return;
    weir_text_buffer_format(&l->text, "%s{\"object\":\"session\",\"id\":", l->n++ ? "," : "");
    weir_text_buffer_add_json(&l->text, id + strlen(prefix), strlen(id + strlen(prefix)));
    weir_text_buffer_format(&l->text, ",\"updated\":%lld,\"bytes\":%zu}", (long long)updated,
                            bytes);
}

void weir_handle_sessions(weir_service *service, weir_exchange *x) {
    weir_request request = {0};
    listing l = {0};
    weir_text_buffer_say(&l.text, "{\"object\":\"list\",\"data\":[");
    weir_records_list(weir_session_records(service->sessions), weir_exchange_key(x), list_one, &l);
    weir_text_buffer_say(&l.text, "]}");
    reply_text(x, &request, 200, &l.text);
    weir_request_free(&request);
}

void weir_handle_session_get(weir_service *service, weir_exchange *x) {
    const char *name = weir_route_rest(x, route);
    weir_request request = {0};
    weir_conversation conversation = {0};
    if (!weir_session_name_is_good(name, strlen(name)) ||
        !weir_session_get(service->sessions, &request, weir_exchange_key(x), name, &conversation))
        fail_unknown(&request, name);
    reply_session(x, &request, 200, name, &conversation);
    weir_conversation_free(&conversation);
    weir_request_free(&request);
}

/* The answer that is being made would bring all of it back. */
static void delete_session(weir_service *service, weir_request *request, const char *owner,
                           const char *name) {
    if (!weir_session_name_is_good(name, strlen(name))) {
        fail_unknown(request, name);
    } else if (hold(service, request, owner, name)) {
        if (!weir_session_forget(service->sessions, owner, name))
            fail_unknown(request, name);
        weir_session_let_go(service->sessions, owner, name);
    }
}

void weir_handle_session_delete(weir_service *service, weir_exchange *x) {
    const char *name = weir_route_rest(x, route);
    weir_request request = {0};
    weir_text_buffer body = {0};
    delete_session(service, &request, weir_exchange_key(x), name);
    weir_text_buffer_say(&body, "{\"object\":\"session.deleted\",\"deleted\":true,\"id\":");
    weir_text_buffer_add_json(&body, name, strlen(name));
    weir_text_buffer_say(&body, "}");
    reply_text(x, &request, 200, &body);
    weir_request_free(&request);
}

/* ---- saving ------------------------------------------------------------------------------- */

static void save_new(weir_service *service, weir_request *request, const char *owner,
                     const char *name, const weir_conversation *conversation) {
    weir_conversation there;
    if (weir_request_is_bad(request))
        return;
    if (!hold(service, request, owner, name))
        return;
    if (weir_session_get(service->sessions, request, owner, name, &there)) {
        weir_conversation_free(&there);
        if (!weir_request_is_bad(request)) {
            weir_request_fail(request, "id", "session_exists",
                              "there is a session '%s' already; delete it, or choose another name",
                              name);
            request->error.http_status = 409;
        }
    } else {
        weir_session_put(service->sessions, request, owner, name, conversation);
    }
    weir_session_let_go(service->sessions, owner, name);
}

void weir_handle_session_save(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_conversation conversation = {0};
    char name[WEIR_SESSION_NAME];
    open_request(&request, service, x);
    read_new_name(&request, name);
    weir_read_messages(&request, service, &conversation);
    weir_request_check_unknown(&request);
    save_new(service, &request, weir_exchange_key(x), name, &conversation);
    reply_session(x, &request, 201, name, &conversation);
    weir_conversation_free(&conversation);
    weir_request_free(&request);
}

/* ---- forking and rewinding ------------------------------------------------------------------ */

/* "messages": how many stay; negative: how many go. Without it `unsaid` stay. */
static size_t read_n_messages(weir_request *request, const weir_conversation *conversation,
                              size_t unsaid) {
    int64_t most = (int64_t)conversation->n_messages, n;
    if (!weir_request_integer(request, request->root, "", "messages", -most, most, &n))
        return unsaid;
    return (size_t)(n < 0 ? most + n : n);
}

static void fork_session(weir_service *service, weir_request *request, weir_exchange *x,
                         weir_conversation *conversation) {
    char name[WEIR_SESSION_NAME];
    read_new_name(request, name);
    weir_conversation_cut(conversation,
                          read_n_messages(request, conversation, conversation->n_messages));
    weir_request_check_unknown(request);
    save_new(service, request, weir_exchange_key(x), name, conversation);
    reply_session(x, request, 201, name, conversation);
}

/* Unless it is told how far, to before the last message of the user. */
static void rewind_session(weir_service *service, weir_request *request, weir_exchange *x,
                           const char *name, weir_conversation *conversation) {
    const char *owner = weir_exchange_key(x);
    weir_conversation_cut(conversation, read_n_messages(request, conversation,
                                                        weir_conversation_last_user(conversation)));
    weir_request_check_unknown(request);
    if (!weir_request_is_bad(request))
        weir_session_put(service->sessions, request, owner, name, conversation);
    reply_session(x, request, 200, name, conversation);
}

/* What stands behind the route: NAME/fork or NAME/rewind. */
static bool read_change(weir_request *request, const char *rest, char name[WEIR_SESSION_NAME],
                        bool *is_fork) {
    const char *slash = strchr(rest, '/'), *what = slash ? slash + 1 : "";
    *is_fork = strcmp(what, "fork") == 0;
    name[0] = 0;
    if (!*is_fork && strcmp(what, "rewind") != 0) {
        weir_request_fail(request, NULL, "not_found",
                          "expected POST /v1/sessions/NAME/fork or /v1/sessions/NAME/rewind");
        request->error.http_status = 404;
        return false;
    }
    size_t n = (size_t)(slash - rest);
    snprintf(name, WEIR_SESSION_NAME, "%.*s", n < WEIR_SESSION_NAME ? (int)n : 0, rest);
    if (!weir_session_name_is_good(name, strlen(name)))
        fail_unknown(request, name);
    return !weir_request_is_bad(request);
}

/* A fork only looks at what was said; a rewind must not cross with an answer. */
void weir_handle_session_change(weir_service *service, weir_exchange *x) {
    const char *owner = weir_exchange_key(x);
    bool is_fork, is_held = false;
    weir_request request;
    weir_conversation conversation = {0};
    char name[WEIR_SESSION_NAME];
    open_request(&request, service, x);
    if (read_change(&request, weir_route_rest(x, route), name, &is_fork) && !is_fork)
        is_held = hold(service, &request, owner, name);
    if (!weir_request_is_bad(&request) &&
        !weir_session_get(service->sessions, &request, owner, name, &conversation))
        fail_unknown(&request, name);
    if (weir_request_is_bad(&request))
        reply_error(x, &request);
    else if (is_fork)
        fork_session(service, &request, x, &conversation);
    else
        rewind_session(service, &request, x, name, &conversation);
    if (is_held)
        weir_session_let_go(service->sessions, owner, name);
    weir_conversation_free(&conversation);
    weir_request_free(&request);
}
