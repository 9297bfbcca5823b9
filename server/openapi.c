/*
 * openapi.c: the OpenAPI 3.1 description of the server.
 *
 * Owns its writing: paths and summaries come from weir_routes, what requests and replies look like
 * from openapi_tables.c. A route that the tables do not know is described without its schemas.
 */
#include "openapi_parts.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

static void add_text(weir_text_buffer *out, const char *text) {
    weir_text_buffer_add_json(out, text, strlen(text));
}

/* ---- schemas ------------------------------------------------------------------------------ */

static void add_type(weir_text_buffer *out, const char *type, size_t n);

/* "a|b", with no | inside brackets. */
static size_t alternative(const char *type, size_t n) {
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        depth += type[i] == '[';
        depth -= type[i] == ']';
        if (type[i] == '|' && depth == 0)
            return i;
    }
    return n;
}

static void add_alternatives(weir_text_buffer *out, const char *type, size_t n) {
    weir_text_buffer_say(out, "\"anyOf\": [");
    for (size_t at = 0, n_one; at < n; at += n_one + 1) {
        n_one = alternative(type + at, n - at);
        weir_text_buffer_say(out, at > 0 ? ", {" : "{");
        add_type(out, type + at, n_one);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, "]");
}

/* The members of a schema of this type. */
static void add_type(weir_text_buffer *out, const char *type, size_t n) {
    if (alternative(type, n) < n) {
        add_alternatives(out, type, n);
    } else if (type[0] == '[') {
        weir_text_buffer_say(out, "\"type\": \"array\", \"items\": {");
        add_type(out, type + 1, n - 2);
        weir_text_buffer_say(out, "}");
    } else if (type[0] == '#') {
        weir_text_buffer_format(out, "\"$ref\": \"#/components/schemas/%.*s\"", (int)n - 1,
                                type + 1);
    } else if (type[0] == '=') {
        weir_text_buffer_format(out, "\"const\": \"%.*s\"", (int)n - 1, type + 1);
    } else if (n != 3 || memcmp(type, "any", n) != 0) {
        weir_text_buffer_format(out, "\"type\": \"%.*s\"", (int)n, type);
    }
}

static void add_field(weir_text_buffer *out, const weir_openapi_field *field) {
    weir_text_buffer_format(out, "\"%.*s\": {", (int)strcspn(field->name, "!"), field->name);
    add_type(out, field->type, strlen(field->type));
    if (field->note) {
        weir_text_buffer_say(out, strcmp(field->type, "any") == 0 ? "\"description\": "
                                                                  : ", \"description\": ");
        add_text(out, field->note);
    }
    weir_text_buffer_say(out, "}");
}

static void add_schema(weir_text_buffer *out, const weir_openapi_schema *schema) {
    const char *between = "";
    weir_text_buffer_format(out, "\"%s\": {\"type\": \"object\", \"properties\": {", schema->name);
    for (const weir_openapi_field *field = schema->field; field->name; field++) {
        weir_text_buffer_say(out, field > schema->field ? ", " : "");
        add_field(out, field);
    }
    weir_text_buffer_say(out, "}, \"required\": [");
    for (const weir_openapi_field *field = schema->field; field->name; field++) {
        size_t n = strcspn(field->name, "!");
        if (!field->name[n])
            continue;
        weir_text_buffer_format(out, "%s\"%.*s\"", between, (int)n, field->name);
        between = ", ";
    }
    weir_text_buffer_say(out, "]}");
}

/* ---- paths -------------------------------------------------------------------------------- */

static const weir_openapi_operation *find_operation(const weir_route *route) {
    for (const weir_openapi_operation *o = weir_openapi_operations; o->path; o++)
        if (strcmp(o->method, route->method) == 0 && strcmp(o->path, route->path) == 0)
            return o;
    return NULL;
}

static void add_content(weir_text_buffer *out, const char *schema) {
    weir_text_buffer_format(out,
                            "\"content\": {\"application/json\": {\"schema\": {\"$ref\": "
                            "\"#/components/schemas/%s\"}}",
                            schema);
}

static void add_reply(weir_text_buffer *out, const weir_openapi_operation *o) {
    weir_text_buffer_say(out, "\"2XX\": {\"description\": \"It was done\"");
    if (o && strchr(o->reply, '/')) {
        weir_text_buffer_format(out, ", \"content\": {\"%s\": {}}", o->reply);
    } else if (o) {
        weir_text_buffer_say(out, ", ");
        add_content(out, o->reply);
        weir_text_buffer_say(out, o->events ? ", \"text/event-stream\": {\"schema\": {\"type\": "
                                              "\"string\"}}}"
                                            : "}");
    }
    weir_text_buffer_say(out, "}");
}

/* "post_v1_chat_completions" */
static void add_operation_id(weir_text_buffer *out, const weir_route *route) {
    char id[96];
    int n = snprintf(id, sizeof id, "%s%s", route->method, route->path);
    for (int i = 0; i < n; i++) {
        char c = id[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        id[i] = (char)(is_upper ? c - 'A' + 'a' : is_word ? c : '_');
    }
    add_text(out, id);
}

static void add_operation(weir_text_buffer *out, const weir_route *route) {
    const weir_openapi_operation *o = find_operation(route);
    bool is_messages = strncmp(route->path, "/v1/messages", 12) == 0;
    weir_text_buffer_format(out, "\"%s\": {\"operationId\": ",
                            strcmp(route->method, "POST") == 0  ? "post"
                            : strcmp(route->method, "GET") == 0 ? "get"
                                                                : "delete");
    add_operation_id(out, route);
    weir_text_buffer_say(out, ", \"summary\": ");
    add_text(out, route->summary);
    if (strstr(route->path, "{id}"))
        weir_text_buffer_say(out, ", \"parameters\": [{\"name\": \"id\", \"in\": \"path\", "
                                  "\"required\": true, \"schema\": {\"type\": \"string\"}}]");
    if (o && o->request) {
        weir_text_buffer_say(out, ", \"requestBody\": {\"required\": true, ");
        add_content(out, o->request);
        weir_text_buffer_say(out, "}}");
    }
    weir_text_buffer_say(out, ", \"responses\": {");
    add_reply(out, o);
    weir_text_buffer_say(out, ", \"default\": {\"description\": \"It could not be done\", ");
    add_content(out, is_messages ? "MessagesError" : "Error");
    weir_text_buffer_say(out, "}}}}");
}

static bool was_before(const weir_route *route) {
    for (const weir_route *other = weir_routes; other < route; other++)
        if (strcmp(other->path, route->path) == 0)
            return true;
    return false;
}

/* All methods of a path are members of one object. */
static void add_path(weir_text_buffer *out, const weir_route *first) {
    const char *between = "";
    add_text(out, first->path);
    weir_text_buffer_say(out, ": {");
    for (const weir_route *route = first; route->path; route++) {
        if (strcmp(route->path, first->path) != 0)
            continue;
        weir_text_buffer_say(out, between);
        add_operation(out, route);
        between = ", ";
    }
    weir_text_buffer_say(out, "}");
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void describe(weir_text_buffer *out) {
    weir_text_buffer_format(out,
                            "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"weir\", \"version\": "
                            "\"%s\", \"description\": \"Paths below /v1 are also found without "
                            "it.\"}, \"security\": [{}, {\"bearer\": []}], \"paths\": {",
                            weir_version());
    for (const weir_route *route = weir_routes; route->path; route++) {
        if (was_before(route))
            continue;
        weir_text_buffer_say(out, route > weir_routes ? ", " : "");
        add_path(out, route);
    }
    weir_text_buffer_say(out, "}, \"components\": {\"securitySchemes\": {\"bearer\": {\"type\": "
                              "\"http\", \"scheme\": \"bearer\"}}, \"schemas\": {");
    for (const weir_openapi_schema *schema = weir_openapi_schemas; schema->name; schema++) {
        weir_text_buffer_say(out, schema > weir_openapi_schemas ? ", " : "");
        add_schema(out, schema);
    }
    weir_text_buffer_say(out, "}}}");
}

void weir_handle_openapi(weir_service *service, weir_exchange *x) {
    (void)service;
    weir_text_buffer body = {0};
    describe(&body);
    if (body.has_failed) {
        const weir_api_error error = {
            .http_status = 500, .type = "server_error", .message = "no memory for the reply"};
        weir_reply_openai_error(x, &error, 0);
    } else {
        weir_exchange_reply(x, 200, NULL, body.data, body.n);
    }
    weir_text_buffer_free(&body);
}
