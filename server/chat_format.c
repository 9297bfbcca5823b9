/*
 * chat_format.c: what an answer has to be: tools and formats in the shape of the chat API, and in
 * the spellings of other servers.
 *
 * Owns these shapes; what they come to is in wishes.c. Schemas go on as they were written.
 */
#include "chat_request.h"
#include "raw_json.h"
#include "request_members.h"
#include "wishes.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 128 };

static const char *string_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

/* ---- tools -------------------------------------------------------------------------------- */

static void check_tool(weir_request *request, json_t *tool, const char *at, weir_tool_wish *wish) {
    static const char *const known[] = {"type", "function", NULL};
    static const char *const known_inside[] = {"name", "description", "parameters", "strict", NULL};
    char path[WEIR_REQUEST_PATH];
    const char *type = string_of(tool, "type");
    json_t *function = json_object_get(tool, "function");
    const char *name = string_of(function, "name"), *text;
    const json_t *parameters = json_object_get(function, "parameters");
    size_t n;
    if (type && strcmp(type, "function") != 0)
        weir_request_fail(request, at, "unsupported_value",
                          "%s: tools of type '%.40s' are not built in here; expected function", at,
                          type);
    if (!name || !name[0] || strlen(name) > MAX_NAME)
        weir_request_fail(
            request, at, "invalid_value",
            "%s: expected {\"type\": \"function\", \"function\": {\"name\": ..}} with "
            "a name of 1 to %d bytes",
            at, MAX_NAME);
    weir_request_path(path, at, "function.parameters");
    if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
        weir_request_fail(request, path, "invalid_type", "%s: expected a JSON Schema, an object",
                          path);
    weir_request_check_members(request, tool, at, known);
    weir_request_path(path, at, "function");
    weir_request_string(request, function, path, "description", &text, &n);
    bool is_strict = false;
    weir_request_bool(request, function, path, "strict", &is_strict);
    wish->is_strict |= is_strict;
    weir_request_check_members(request, function, path, known_inside);
}

static void read_list(weir_request *request, weir_tool_wish *wish) {
    json_t *tools = weir_request_value(request, request->root, "", "tools");
    const char *raw, *item;
    size_t n_raw, n_item;
    if (tools && !json_is_array(tools))
        weir_request_fail(request, "tools", "invalid_type", "tools: expected a list");
    if (json_array_size(tools) == 0 || !weir_request_raw(request, "tools", &raw, &n_raw))
        return;
    for (size_t i = 0; weir_raw_item_next(&raw, &item, &n_item); i++) {
        char at[WEIR_REQUEST_PATH];
        snprintf(at, sizeof at, "tools[%zu]", i);
        check_tool(request, json_array_get(tools, i), at, wish);
        weir_text_buffer_say(&wish->tools, i ? ", " : "[");
        weir_text_buffer_add(&wish->tools, item, n_item);
    }
}

static void read_choice(weir_request *request, weir_tool_wish *wish) {
    static const char *const names[] = {"auto", "none", "required"};
    const json_t *choice = weir_request_value(request, request->root, "", "tool_choice");
    const char *said = json_string_value(choice), *type = string_of(choice, "type");
    if (!choice)
        return;
    if (json_is_object(choice) && type && strcmp(type, "function") == 0) {
        wish->choice = WEIR_CHOICE_NAMED;
        wish->name = string_of(json_object_get(choice, "function"), "name");
        if (wish->name)
            return;
    }
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (said && strcmp(said, names[i]) == 0) {
            wish->choice = (weir_tool_choice)i;
            return;
        }
    weir_request_fail(request, "tool_choice", "invalid_value",
                      "tool_choice: expected auto, none, required or {\"type\": \"function\", "
                      "\"function\": {\"name\": ..}}");
}

void weir_read_tools(weir_request *request, const weir_service *service,
                     weir_conversation *conversation, weir_job *job, weir_tool_wish *wish) {
    bool may_be_many = true;
    read_list(request, wish);
    read_choice(request, wish);
    weir_request_bool(request, request->root, "", "parallel_tool_calls", &may_be_many);
    wish->is_one_call = !may_be_many;
    bool is_shown = wish->tools.n > 0 && wish->choice != WEIR_CHOICE_NONE;
    if (is_shown && service->host->tmpl && !service->host->form.renders_tools)
        weir_request_warn(request, "tools: this model's template does not tell it about tools");
    weir_use_tools(request, wish, conversation, job);
}

/* ---- formats ------------------------------------------------------------------------------ */

/* What asks for a form, found so far. */
typedef struct form {
    weir_request *request;
    char param[WEIR_REQUEST_PATH];
    weir_grammar_kind kind;
    const char *source; /* [n]; NULL: of JSON_OBJECT */
    size_t n;
    bool is_found;
} form;

static void set_form(form *f, const char *param, weir_grammar_kind kind, const char *source,
                     size_t n) {
    if (f->is_found)
        weir_request_fail(f->request, param, "invalid_value",
                          "%s: %s has said already what the answer is to be", param, f->param);
    snprintf(f->param, sizeof f->param, "%s", param);
    f->kind = kind;
    f->source = source;
    f->n = n;
    f->is_found = true;
}

typedef struct spelling {
    const char *name;
    weir_grammar_kind kind;
} spelling;

/* A member of `object` at path `at`, whose text is `raw`: JSON as it was written, or what a string
 * says. */
static void read_member(form *f, const json_t *object, const char *raw, const char *at,
                        const spelling *s) {
    char param[WEIR_REQUEST_PATH];
    const json_t *value = weir_request_value(f->request, object, at, s->name);
    bool is_json = s->kind == WEIR_GRAMMAR_JSON_SCHEMA || s->kind == WEIR_GRAMMAR_CHOICE;
    weir_json_member member;
    if (!value)
        return;
    weir_request_path(param, at, s->name);
    if (s->kind == WEIR_GRAMMAR_JSON_OBJECT) {
        if (json_is_true(value))
            set_form(f, param, s->kind, NULL, 0);
        else if (!json_is_false(value))
            weir_request_fail(f->request, param, "invalid_type", "%s: expected true or false",
                              param);
    } else if (json_is_string(value)) {
        set_form(f, param, s->kind, json_string_value(value), json_string_length(value));
    } else if (is_json && weir_request_member(raw, s->name, &member)) {
        set_form(f, param, s->kind, member.value, member.n_value);
    } else {
        weir_request_fail(f->request, param, "invalid_type", "%s: expected a text", param);
    }
}

static const spelling schema_member = {"schema", WEIR_GRAMMAR_JSON_SCHEMA};

/* {"type": "json_schema", "json_schema": {"schema": ..}}; some leave the middle out. */
static void read_json_schema(form *f, const json_t *format, const char *raw) {
    static const char at[] = "response_format.json_schema";
    const json_t *middle = json_object_get(format, "json_schema");
    weir_json_member member;
    if (!middle)
        read_member(f, format, raw, "response_format", &schema_member);
    else if (json_is_object(middle) && weir_request_member(raw, "json_schema", &member))
        read_member(f, middle, member.value, at, &schema_member);
    if (!f->is_found)
        weir_request_fail(f->request, at, "invalid_value",
                          "%s: expected {\"name\": .., \"schema\": {..}}", at);
}

static void read_response_format(form *f) {
    static const spelling others[] = {{"grammar", WEIR_GRAMMAR_GBNF},
                                      {"regex", WEIR_GRAMMAR_REGEX},
                                      {"choice", WEIR_GRAMMAR_CHOICE}};
    static const char at[] = "response_format";
    json_t *format = weir_request_value(f->request, f->request->root, "", at);
    const char *type = string_of(format, "type"), *raw;
    size_t n;
    if (!format || !weir_request_raw(f->request, at, &raw, &n))
        return;
    if (type && strcmp(type, "text") == 0)
        return;
    if (type && strcmp(type, "json_schema") == 0) {
        read_json_schema(f, format, raw);
        return;
    }
    if (type && strcmp(type, "json_object") == 0) {
        read_member(f, format, raw, at, &schema_member);
        if (!f->is_found)
            set_form(f, at, WEIR_GRAMMAR_JSON_OBJECT, NULL, 0);
        return;
    }
    for (size_t i = 0; type && i < WEIR_COUNT(others); i++)
        if (strcmp(type, others[i].name) == 0)
            read_member(f, format, raw, at, &others[i]);
    if (!f->is_found)
        weir_request_fail(f->request, "response_format", "invalid_value",
                          "response_format: expected the type text, json_object, json_schema, "
                          "grammar, regex or choice, and a member of that name");
}

/* Of vLLM, SGLang and llama.cpp. */
static void read_others(form *f) {
    static const spelling outside[] = {
        {"grammar", WEIR_GRAMMAR_GBNF},        {"json_schema", WEIR_GRAMMAR_JSON_SCHEMA},
        {"regex", WEIR_GRAMMAR_REGEX},         {"choice", WEIR_GRAMMAR_CHOICE},
        {"ebnf", WEIR_GRAMMAR_GBNF},           {"guided_json", WEIR_GRAMMAR_JSON_SCHEMA},
        {"guided_regex", WEIR_GRAMMAR_REGEX},  {"guided_choice", WEIR_GRAMMAR_CHOICE},
        {"guided_grammar", WEIR_GRAMMAR_GBNF},
    };
    static const spelling inside[] = {
        {"json", WEIR_GRAMMAR_JSON_SCHEMA},        {"regex", WEIR_GRAMMAR_REGEX},
        {"choice", WEIR_GRAMMAR_CHOICE},           {"grammar", WEIR_GRAMMAR_GBNF},
        {"json_object", WEIR_GRAMMAR_JSON_OBJECT},
    };
    static const char *const known[] = {"json", "regex", "choice", "grammar", "json_object", NULL};
    static const char at[] = "structured_outputs";
    weir_request *request = f->request;
    for (size_t i = 0; i < WEIR_COUNT(outside); i++)
        read_member(f, request->root, request->text, "", &outside[i]);
    json_t *outputs = weir_request_object(request, request->root, "", at);
    const char *raw;
    size_t n;
    if (!outputs || !weir_request_raw(request, at, &raw, &n))
        return;
    for (size_t i = 0; i < WEIR_COUNT(inside); i++)
        read_member(f, outputs, raw, at, &inside[i]);
    if (!f->is_found)
        weir_request_fail(request, at, "invalid_value",
                          "%s: expected json, json_object, regex, choice or grammar in it", at);
    weir_request_check_members(request, outputs, at, known);
}

void weir_read_format(weir_request *request, weir_job *job, weir_tool_wish *wish) {
    form f = {.request = request};
    read_response_format(&f);
    read_others(&f);
    weir_request_refuse(request, "guided_whitespace_pattern", NULL, "JSON has one form of spaces");
    read_choice(request, wish);
    if (f.is_found)
        weir_use_form(request, wish, f.param, f.kind, f.source ? f.source : "", f.n, job);
}
