/*
 * request.c: the JSON of a request, and errors in the shapes of the APIs.
 *
 * Owns reading of fields and the record of what was read. Does not know any field by name.
 * Invariant: root is an object, also after a failure; the first error stays.
 */
#include "request.h"

#include "base/error.h"
#include "json_text.h"
#include "request_members.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WARNING_BYTES = 16 << 10 };

/* ---- errors and warnings ------------------------------------------------------------------ */

/* What clients sent may stand in a message: it stays one line. */
static void keep_one_line(char *text) {
    for (; *text; text++)
        if (iscntrl((unsigned char)*text))
            *text = '?';
}

static void set_error(weir_api_error *out, int http_status, const char *type, const char *param,
                      const char *code) {
    *out = (weir_api_error){.http_status = http_status};
    snprintf(out->type, sizeof out->type, "%s", type);
    snprintf(out->param, sizeof out->param, "%s", param ? param : "");
    snprintf(out->code, sizeof out->code, "%s", code ? code : "");
    keep_one_line(out->param);
}

void weir_request_fail(weir_request *request, const char *param, const char *code,
                       const char *format, ...) {
    if (weir_request_is_bad(request))
        return;
    set_error(&request->error, 400, "invalid_request_error", param, code);
    va_list args;
    va_start(args, format);
    vsnprintf(request->error.message, sizeof request->error.message, format, args);
    va_end(args);
    keep_one_line(request->error.message);
}

void weir_request_no_memory(weir_request *request, const char *what) {
    if (weir_request_is_bad(request))
        return;
    set_error(&request->error, 500, "server_error", NULL, "no_memory");
    snprintf(request->error.message, sizeof request->error.message, "no memory for %s", what);
}

void weir_add_warning(weir_text_buffer *warnings, const char *line) {
    if (warnings->n > MAX_WARNING_BYTES)
        return;
    weir_text_buffer_say(warnings, warnings->n > 0 ? ", " : "");
    weir_text_buffer_add_json(warnings, line, strlen(line));
    if (warnings->n > MAX_WARNING_BYTES)
        weir_text_buffer_say(warnings, ", \"further warnings are left out\"");
}

void weir_request_warn(weir_request *request, const char *format, ...) {
    char line[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    keep_one_line(line);
    weir_add_warning(&request->warnings, line);
}

void weir_api_error_from(weir_api_error *out, int http_status, const char *type, const char *code,
                         const weir_error *err) {
    set_error(out, http_status, type, NULL, code);
    snprintf(out->message, sizeof out->message, "%s", err->text);
}

void weir_request_fail_at(weir_request *request, const char *at, const char *code,
                          const weir_error *err) {
    char param[WEIR_REQUEST_PATH];
    const char *pointer = strstr(err->text, "#/");
    size_t n = pointer ? strcspn(pointer, " \"'(),;") : 0;
    while (n > 0 && (pointer[n - 1] == ':' || pointer[n - 1] == '.'))
        n--;
    snprintf(param, sizeof param, "%s%.*s", at, (int)n, pointer ? pointer : "");
    weir_request_fail(request, param, code, "%s", err->text);
}

/* ---- the body ------------------------------------------------------------------------------- */

static json_t *read_body(weir_request *request) {
    const size_t flags = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
    weir_error err;
    if (weir_json_check(request->text, request->n_text, "body", &err) != WEIR_STATUS_OK) {
        weir_request_fail(request, NULL, "invalid_json", "%s", err.text);
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(request->text, request->n_text, flags | JSON_DECODE_ANY, &error);
    /* Somewhere is an integer beyond 64 bits, in a schema perhaps, which goes through as text. */
    if (!root && json_error_code(&error) == json_error_numeric_overflow)
        root = json_loadb(request->text, request->n_text,
                          flags | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    if (!root)
        weir_request_fail(request, NULL, "invalid_json", "body:%d:%d: %s; expected JSON",
                          error.line, error.column, error.text);
    return root;
}

void weir_request_open(weir_request *out, const weir_exchange *x, bool is_strict) {
    *out = (weir_request){.is_strict = is_strict};
    out->text = weir_exchange_body(x, &out->n_text);
    json_t *root = read_body(out);
    if (root && !json_is_object(root)) {
        weir_request_fail(out, NULL, "invalid_json", "body: expected a JSON object");
        json_decref(root);
        root = NULL;
    }
    out->root = root ? root : json_object();
    out->seen = json_object();
    if (!out->root || !out->seen)
        weir_request_no_memory(out, "the request");
}

void weir_request_free(weir_request *request) {
    json_decref(request->root);
    json_decref(request->seen);
    weir_text_buffer_free(&request->warnings);
    *request = (weir_request){0};
}

/* ---- fields --------------------------------------------------------------------------------- */

void weir_request_path(char out[WEIR_REQUEST_PATH], const char *at, const char *name) {
    snprintf(out, WEIR_REQUEST_PATH, "%s%s%s", at, at[0] ? "." : "", name);
}

/* Fields of the root alone are asked for later. */
static void mark(weir_request *request, const char *at, const char *name) {
    if (!at[0])
        json_object_set_new(request->seen, name, json_true());
}

json_t *weir_request_value(weir_request *request, const json_t *object, const char *at,
                           const char *name) {
    json_t *value = json_object_get(object, name);
    if (value)
        mark(request, at, name);
    return json_is_null(value) ? NULL : value;
}

static const char *kind_of(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

static void fail_type(weir_request *request, const char *at, const char *name, const json_t *value,
                      const char *expected) {
    char path[WEIR_REQUEST_PATH];
    weir_request_path(path, at, name);
    weir_request_fail(request, path, "invalid_type", "%s: expected %s, got %s", path, expected,
                      kind_of(value));
}

bool weir_request_number(weir_request *request, const json_t *object, const char *at,
                         const char *name, double least, double most, double *out) {
    const json_t *value = weir_request_value(request, object, at, name);
    if (!value)
        return false;
    if (!json_is_number(value)) {
        fail_type(request, at, name, value, "a number");
        return false;
    }
    double number = json_number_value(value);
    if (!(number >= least && number <= most)) {
        char path[WEIR_REQUEST_PATH];
        weir_request_path(path, at, name);
        weir_request_fail(request, path, "invalid_value",
                          "%s: expected a number from %g to %g, got %g", path, least, most, number);
        return false;
    }
    *out = number;
    return true;
}

/* Integers come as doubles where one of the body is beyond 64 bits, and clients write 1.0 for 1.
 * Beyond 2^53 a double no longer says which integer was meant. */
bool weir_json_integer(const json_t *value, int64_t *out) {
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double number = json_number_value(value);
    if (!json_is_real(value) || number != floor(number) || fabs(number) > 0x1p53)
        return false;
    *out = (int64_t)number;
    return true;
}

bool weir_request_integer(weir_request *request, const json_t *object, const char *at,
                          const char *name, int64_t least, int64_t most, int64_t *out) {
    const json_t *value = weir_request_value(request, object, at, name);
    if (!value)
        return false;
    if (!json_is_number(value)) {
        fail_type(request, at, name, value, "an integer");
        return false;
    }
    int64_t number;
    if (!weir_json_integer(value, &number) || number < least || number > most) {
        char path[WEIR_REQUEST_PATH];
        weir_request_path(path, at, name);
        weir_request_fail(request, path, "invalid_value",
                          "%s: expected an integer from %lld to %lld, got %.17g", path,
                          (long long)least, (long long)most, json_number_value(value));
        return false;
    }
    *out = number;
    return true;
}

bool weir_request_bool(weir_request *request, const json_t *object, const char *at,
                       const char *name, bool *out) {
    const json_t *value = weir_request_value(request, object, at, name);
    if (value && !json_is_boolean(value))
        fail_type(request, at, name, value, "true or false");
    if (!json_is_boolean(value))
        return false;
    *out = json_is_true(value);
    return true;
}

bool weir_request_string(weir_request *request, const json_t *object, const char *at,
                         const char *name, const char **out, size_t *n) {
    const json_t *value = weir_request_value(request, object, at, name);
    if (value && !json_is_string(value))
        fail_type(request, at, name, value, "a string");
    if (!json_is_string(value))
        return false;
    *out = json_string_value(value);
    *n = json_string_length(value);
    return true;
}

json_t *weir_request_object(weir_request *request, const json_t *object, const char *at,
                            const char *name) {
    json_t *value = weir_request_value(request, object, at, name);
    if (value && !json_is_object(value))
        fail_type(request, at, name, value, "an object");
    return json_is_object(value) ? value : NULL;
}

/* ---- as it was written ---------------------------------------------------------------------- */

static bool is_named(const weir_json_member *member, const char *name) {
    if (!memchr(member->key, '\\', member->n_key))
        return weir_json_member_is(member, name);
    json_t *key = json_loadb(member->key - 1, member->n_key + 2, JSON_DECODE_ANY, NULL);
    bool is_it = key && strcmp(json_string_value(key), name) == 0;
    json_decref(key);
    return is_it;
}

bool weir_request_member(const char *text, const char *name, weir_json_member *out) {
    while (weir_json_member_next(&text, out))
        if (is_named(out, name))
            return true;
    return false;
}

bool weir_request_raw(weir_request *request, const char *name, const char **text, size_t *n) {
    weir_json_member member;
    if (!weir_request_value(request, request->root, "", name) ||
        !weir_request_member(request->text, name, &member))
        return false;
    *text = member.value;
    *n = member.n_value;
    return true;
}

/* ---- what nobody can honour, what nobody knows ---------------------------------------------- */

void weir_request_ignore(weir_request *request, const char *const *names) {
    for (; *names; names++)
        mark(request, "", *names);
}

static bool means_the_same(const json_t *a, const json_t *b) {
    return json_is_number(a) && json_is_number(b) ? json_number_value(a) == json_number_value(b)
                                                  : json_equal(a, b);
}

void weir_request_refuse(weir_request *request, const char *name, const char *harmless,
                         const char *why) {
    const json_t *value = weir_request_value(request, request->root, "", name);
    if (!value)
        return;
    json_t *expected = harmless ? json_loads(harmless, JSON_DECODE_ANY, NULL) : NULL;
    if (!expected || !means_the_same(value, expected))
        weir_request_fail(request, name, "unsupported_parameter", "%s is not supported: %s", name,
                          why);
    json_decref(expected);
}

void weir_request_forgo(weir_request *request, const char *name, const char *harmless,
                        const char *why) {
    const json_t *value = weir_request_value(request, request->root, "", name), *item;
    json_t *list = json_loads(harmless, 0, NULL);
    bool is_harmless = !value;
    size_t i;
    json_array_foreach(list, i, item) {
        is_harmless |= value && means_the_same(value, item);
    }
    json_decref(list);
    if (is_harmless)
        return;
    if (request->is_strict)
        weir_request_fail(request, name, "unsupported_parameter", "%s has no effect here: %s", name,
                          why);
    else
        weir_request_warn(request, "%s has no effect here: %s", name, why);
}

static void tell_unknown(weir_request *request, const char *at, const char *name) {
    char path[WEIR_REQUEST_PATH];
    weir_request_path(path, at, name);
    if (request->is_strict)
        weir_request_fail(request, path, "unknown_parameter", "%s is unknown here", path);
    else
        weir_request_warn(request, "%s is unknown here and has no effect", path);
}

void weir_request_check_unknown(weir_request *request) {
    const char *name;
    json_t *value;
    json_object_foreach(request->root, name, value) {
        if (!json_object_get(request->seen, name))
            tell_unknown(request, "", name);
    }
}

static bool is_among(const char *name, const char *const *known) {
    for (; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

void weir_request_check_members(weir_request *request, json_t *object, const char *at,
                                const char *const *known) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (!is_among(name, known))
            tell_unknown(request, at, name);
    }
}

/* ---- replies -------------------------------------------------------------------------------- */

static void add_string_or_null(weir_text_buffer *out, const char *text) {
    if (text[0])
        weir_text_buffer_add_json(out, text, strlen(text));
    else
        weir_text_buffer_say(out, "null");
}

static void reply(weir_exchange *x, int http_status, weir_text_buffer *body, double retry_after_s) {
    if (retry_after_s > 0) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.0f", fmin(ceil(retry_after_s), 86400));
        weir_exchange_add_header(x, "Retry-After", seconds);
    }
    if (body->has_failed)
        weir_exchange_reply(x, http_status, NULL, "{}", 2);
    else
        weir_exchange_reply(x, http_status, NULL, body->data, body->n);
    weir_text_buffer_free(body);
}

void weir_openai_error_text(const weir_api_error *error, weir_text_buffer *out) {
    weir_text_buffer_say(out, "{\"error\": {\"message\": ");
    weir_text_buffer_add_json(out, error->message, strlen(error->message));
    weir_text_buffer_say(out, ", \"type\": ");
    weir_text_buffer_add_json(out, error->type, strlen(error->type));
    weir_text_buffer_say(out, ", \"param\": ");
    add_string_or_null(out, error->param);
    weir_text_buffer_say(out, ", \"code\": ");
    add_string_or_null(out, error->code);
    weir_text_buffer_say(out, "}}");
}

void weir_reply_openai_error(weir_exchange *x, const weir_api_error *error, double retry_after_s) {
    weir_text_buffer body = {0};
    weir_openai_error_text(error, &body);
    reply(x, error->http_status, &body, retry_after_s);
}

/* The other API's names for the same. */
static const char *anthropic_type(int http_status) {
    static const struct {
        int http_status;
        const char *type;
    } types[] = {
        {401, "authentication_error"}, {403, "permission_error"}, {404, "not_found_error"},
        {413, "request_too_large"},    {429, "rate_limit_error"}, {503, "overloaded_error"},
        {529, "overloaded_error"},
    };
    for (size_t i = 0; i < WEIR_COUNT(types); i++)
        if (types[i].http_status == http_status)
            return types[i].type;
    return http_status >= 500 ? "api_error" : "invalid_request_error";
}

void weir_reply_anthropic_error(weir_exchange *x, const weir_api_error *error,
                                double retry_after_s) {
    weir_text_buffer body = {0};
    const char *id = weir_exchange_id(x);
    weir_text_buffer_format(&body,
                            "{\"type\": \"error\", \"error\": {\"type\": \"%s\", "
                            "\"message\": ",
                            anthropic_type(error->http_status));
    weir_text_buffer_add_json(&body, error->message, strlen(error->message));
    weir_text_buffer_say(&body, "}, \"request_id\": ");
    weir_text_buffer_add_json(&body, id, strlen(id));
    weir_text_buffer_say(&body, "}");
    reply(x, error->http_status, &body, retry_after_s);
}
