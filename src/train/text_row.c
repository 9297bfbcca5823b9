/*
 * text_row.c: one row of training text: which of the known forms it has, turned into "messages" or
 * "text", and checked, so that what comes after may trust it.
 *
 * After it: every message has a role of the four and a "content" that is text; calls have OpenAI's
 * shape with arguments as an object. All else of the row stays as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/text_source.h"

/* Where in the row: "FILE:LINE", and "FILE:LINE: message 3" further in. */
typedef struct place {
    const char *where;
    size_t message; /* from 1; 0: the row itself */
} place;

static weir_status bad(place at, weir_error *err, const char *what) {
    if (at.message == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s", at.where, what);
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: message %zu: %s", at.where, at.message, what);
}

static weir_status no_memory(place at, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the row", at.where);
}

static bool is_filled(const json_t *text) {
    return json_is_string(text) && json_string_length(text) > 0;
}

/* ---- contents ------------------------------------------------------------------------------ */

/* What marks a call or thought in other families' text. In an answer such letters would be learnt
 * as letters, and the family's own marks come from the template. */
static const struct {
    const char *mark, *fix;
} foreign_marks[] = {
    {"<tool_call>", "give the call as \"tool_calls\": [{\"name\": ..., \"arguments\": {...}}]"},
    {"[TOOL_CALLS]", "give the call as \"tool_calls\": [{\"name\": ..., \"arguments\": {...}}]"},
    {"<function_call>", "give the call as \"tool_calls\": [{\"name\": ..., \"arguments\": {...}}]"},
    {"<|python_tag|>", "give the call as \"tool_calls\": [{\"name\": ..., \"arguments\": {...}}]"},
    {"<|tool_call_start|>",
     "the template writes this mark; give the call as \"tool_calls\": [{\"name\": ..., "
     "\"arguments\": {...}}]"},
    {"<|im_start|>", "the template writes this mark; make each turn a message of its own"},
    {"<|im_end|>", "the template writes this mark; leave it out"},
    {"<|eot_id|>", "that is another family's end of a turn; leave it out"},
};

static weir_status check_marks(const char *text, place at, weir_error *err) {
    for (size_t i = 0; i < WEIR_COUNT(foreign_marks); i++)
        if (strstr(text, foreign_marks[i].mark)) {
            char what[256];
            snprintf(what, sizeof what, "the answer holds %s as text; %s", foreign_marks[i].mark,
                     foreign_marks[i].fix);
            return bad(at, err, what);
        }
    return WEIR_STATUS_OK;
}

static bool is_text_part(const json_t *part) {
    const char *kind = json_string_value(json_object_get(part, "type"));
    return kind && strcmp(kind, "text") == 0 && json_is_string(json_object_get(part, "text"));
}

/* Of a tool's list: is it one of parts, and not the JSON that it gave? */
static bool are_text_parts(const json_t *list) {
    size_t n = json_array_size(list), i = 0;
    while (i < n && is_text_part(json_array_get(list, i)))
        i++;
    return n > 0 && i == n;
}

/* [{"type": "text", "text": ...}, ...] joined as the server joins them, with a line feed between.
 */
static weir_status join_parts(json_t **text, const json_t *parts, place at, weir_error *err) {
    *text = json_string("");
    if (!*text)
        return no_memory(at, err);
    size_t i;
    json_t *part;
    json_array_foreach(parts, i, part) {
        if (!is_text_part(part)) {
            json_decref(*text);
            *text = NULL;
            return bad(at, err,
                       "a part of the content is not text; expected {\"type\": \"text\", "
                       "\"text\": ...}");
        }
        json_t *joined = json_sprintf("%s%s%s", json_string_value(*text), i > 0 ? "\n" : "",
                                      json_string_value(json_object_get(part, "text")));
        json_decref(*text);
        *text = joined;
        if (!joined)
            return no_memory(at, err);
    }
    return WEIR_STATUS_OK;
}

static bool is_role(const char *role, const char *name) {
    return strcmp(role, name) == 0;
}

/* Makes "content" of a message a text. */
static weir_status make_content(json_t *message, const char *role, bool has_calls, place at,
                                weir_error *err) {
    json_t *content = json_object_get(message, "content");
    json_t *made = NULL;
    if (json_is_string(content))
        return WEIR_STATUS_OK;
    if (!content || json_is_null(content)) {
        if (!has_calls)
            return bad(at, err, "no \"content\"; expected text");
        made = json_string("");
    } else if (is_role(role, "tool") && !are_text_parts(content) &&
               (json_is_object(content) || json_is_array(content))) {
        char *dump = weir_text_row_dump(content);
        made = dump ? json_string(dump) : NULL;
        free(dump);
    } else if (json_is_array(content)) {
        WEIR_TRY(join_parts(&made, content, at, err));
    } else {
        return bad(at, err, "\"content\" is no text; expected a string");
    }
    return made && json_object_set_new(message, "content", made) == 0 ? WEIR_STATUS_OK
                                                                      : no_memory(at, err);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The call in OpenAI's shape, new, from any of the known ones. */
static weir_status make_call(json_t **out, json_t *given, place at, weir_error *err) {
    json_t *call = json_object_get(given, "function");
    if (!json_is_object(call))
        call = given;
    json_t *name = json_object_get(call, "name");
    json_t *arguments = json_object_get(call, "arguments");
    *out = NULL;
    if (!is_filled(name))
        return bad(at, err,
                   "a call without a name; expected {\"name\": ..., \"arguments\": {...}}");
    if (!arguments)
        arguments = json_object_get(call, "parameters");
    json_t *made;
    if (json_is_string(arguments))
        made = json_loads(json_string_value(arguments), 0, NULL);
    else if (!arguments || json_is_null(arguments))
        made = json_object();
    else
        made = json_incref(arguments);
    if (!json_is_object(made)) {
        json_decref(made);
        return bad(at, err, "the arguments of a call are no object; expected {\"city\": ...}");
    }
    *out = json_pack("{s:s, s:{s:O, s:o}}", "type", "function", "function", "name", name,
                     "arguments", made);
    return *out ? WEIR_STATUS_OK : no_memory(at, err);
}

static weir_status make_calls(json_t *message, bool *has_calls, place at, weir_error *err) {
    json_t *calls = json_object_get(message, "tool_calls");
    *has_calls = false;
    if (!calls)
        return WEIR_STATUS_OK;
    if (json_is_null(calls) || (json_is_array(calls) && json_array_size(calls) == 0)) {
        json_object_del(message, "tool_calls");
        return WEIR_STATUS_OK;
    }
    if (!json_is_array(calls))
        return bad(at, err, "\"tool_calls\" is no list; expected [{\"name\", \"arguments\"}]");
    *has_calls = true;
    json_t *made = json_array(), *given;
    size_t i;
    weir_status status = made ? WEIR_STATUS_OK : no_memory(at, err);
    json_array_foreach(calls, i, given) {
        json_t *call = NULL;
        if (status == WEIR_STATUS_OK)
            status = make_call(&call, given, at, err);
        if (status == WEIR_STATUS_OK && json_array_append_new(made, call) != 0)
            status = no_memory(at, err);
    }
    if (status == WEIR_STATUS_OK && json_object_set(message, "tool_calls", made) != 0)
        status = no_memory(at, err);
    json_decref(made);
    return status;
}

/* ---- conversations -------------------------------------------------------------------------- */

static weir_status check_message(json_t *message, place at, weir_error *err) {
    if (!json_is_object(message))
        return bad(at, err, "is no object; expected {\"role\", \"content\"}");
    const char *role = json_string_value(json_object_get(message, "role"));
    if (!role)
        return bad(at, err, "no \"role\"; expected system, user, assistant or tool");
    bool is_answer = is_role(role, "assistant");
    if (!is_answer && !is_role(role, "user") && !is_role(role, "system") &&
        !is_role(role, "tool")) {
        char what[160];
        snprintf(what, sizeof what, "role \"%.40s\"; expected system, user, assistant or tool",
                 role);
        return bad(at, err, what);
    }
    bool has_calls;
    WEIR_TRY(make_calls(message, &has_calls, at, err));
    if (has_calls && !is_answer)
        return bad(at, err, "only an assistant may have \"tool_calls\"");
    WEIR_TRY(make_content(message, role, has_calls, at, err));
    const json_t *content = json_object_get(message, "content");
    if (!is_answer)
        return WEIR_STATUS_OK;
    if (!has_calls && json_string_length(content) == 0)
        return bad(at, err, "an answer without words or calls");
    return check_marks(json_string_value(content), at, err);
}

static weir_status check_messages(json_t *messages, place at, weir_error *err) {
    if (!json_is_array(messages))
        return bad(at, err, "\"messages\" is no list; expected [{\"role\", \"content\"}, ...]");
    if (json_array_size(messages) == 0)
        return bad(at, err, "an empty conversation");
    size_t i;
    json_t *message;
    json_array_foreach(messages, i, message) {
        WEIR_TRY(check_message(message, (place){at.where, i + 1}, err));
    }
    return WEIR_STATUS_OK;
}

/* A list of tools may be given as its own JSON text. */
static weir_status check_tools(json_t *row, place at, weir_error *err) {
    json_t *tools = json_object_get(row, "tools");
    if (!tools)
        return WEIR_STATUS_OK;
    if (is_filled(tools)) {
        json_t *made = json_loads(json_string_value(tools), 0, NULL);
        if (!json_is_array(made)) {
            json_decref(made);
            return bad(at, err, "\"tools\" is a text that holds no JSON list");
        }
        if (json_object_set_new(row, "tools", made) != 0)
            return no_memory(at, err);
        tools = made;
    } else if (json_is_null(tools) || json_is_string(tools) ||
               (json_is_array(tools) && json_array_size(tools) == 0)) {
        json_object_del(row, "tools");
        return WEIR_STATUS_OK;
    }
    if (!json_is_array(tools))
        return bad(at, err, "\"tools\" is no list; expected [{\"name\", \"parameters\"}, ...]");
    size_t i;
    json_t *tool;
    json_array_foreach(tools, i, tool) {
        if (!json_is_object(tool) && !json_is_string(tool))
            return bad(at, err, "a tool that is no object; expected {\"name\", \"parameters\"}");
    }
    return WEIR_STATUS_OK;
}

/* ---- foreign forms -------------------------------------------------------------------------- */

/* Takes `messages` also on failure. */
static weir_status set_messages(json_t *row, json_t *messages, place at, weir_error *err) {
    return messages && json_object_set_new(row, "messages", messages) == 0 ? WEIR_STATUS_OK
                                                                           : no_memory(at, err);
}

static json_t *new_message(const char *role, json_t *content) {
    return json_pack("{s:s, s:O}", "role", role, "content", content);
}

static weir_status add_message(json_t *messages, json_t *message, place at, weir_error *err) {
    return message && json_array_append_new(messages, message) == 0 ? WEIR_STATUS_OK
                                                                    : no_memory(at, err);
}

/* Stanford Alpaca's triple: what there is beside the instruction follows it after an empty line. */
static weir_status turn_alpaca(json_t *row, place at, weir_error *err) {
    json_t *instruction = json_object_get(row, "instruction");
    json_t *input = json_object_get(row, "input");
    json_t *output = json_object_get(row, "output");
    if (!is_filled(instruction))
        return bad(at, err, "\"instruction\" is empty or no text");
    if (!is_filled(output))
        return bad(at, err, "\"output\" is empty, missing or no text");
    if (input && !json_is_null(input) && !json_is_string(input))
        return bad(at, err, "\"input\" is no text");
    if (json_array_size(json_object_get(row, "history")) > 0)
        return bad(at, err, "\"history\" is not read; expected the turns as \"messages\"");
    json_t *messages = json_array();
    json_t *system = json_object_get(row, "system");
    json_t *question = is_filled(input) ? json_sprintf("%s\n\n%s", json_string_value(instruction),
                                                       json_string_value(input))
                                        : json_incref(instruction);
    weir_status status = messages && question ? WEIR_STATUS_OK : no_memory(at, err);
    if (status == WEIR_STATUS_OK && is_filled(system))
        status = add_message(messages, new_message("system", system), at, err);
    if (status == WEIR_STATUS_OK)
        status = add_message(messages, new_message("user", question), at, err);
    if (status == WEIR_STATUS_OK)
        status = add_message(messages, new_message("assistant", output), at, err);
    if (status == WEIR_STATUS_OK)
        status = set_messages(row, json_incref(messages), at, err);
    json_decref(question);
    json_decref(messages);
    static const char *const used[] = {"instruction", "input", "output", "system", "history"};
    for (size_t i = 0; i < WEIR_COUNT(used); i++)
        json_object_del(row, used[i]);
    return status;
}

/* Who speaks in ShareGPT's form, and in what grew out of it. */
static const struct {
    const char *from, *role;
} speakers[] = {
    {"human", "user"},       {"user", "user"},
    {"gpt", "assistant"},    {"assistant", "assistant"},
    {"bot", "assistant"},    {"chatgpt", "assistant"},
    {"model", "assistant"},  {"system", "system"},
    {"tool", "tool"},        {"function_response", "tool"},
    {"observation", "tool"}, {"function_call", "assistant"},
};

static weir_status turn_speech(json_t **out, json_t *turn, place at, weir_error *err) {
    const char *from = json_string_value(json_object_get(turn, "from"));
    json_t *value = json_object_get(turn, "value");
    const char *role = NULL;
    for (size_t i = 0; from && i < WEIR_COUNT(speakers); i++)
        if (strcmp(from, speakers[i].from) == 0)
            role = speakers[i].role;
    if (!role) {
        char what[160];
        snprintf(what, sizeof what,
                 "\"from\": \"%.40s\"; expected human, gpt, system, tool or function_call",
                 from ? from : "");
        return bad(at, err, what);
    }
    if (!json_is_string(value))
        return bad(at, err, "no \"value\"; expected text");
    if (strcmp(from, "function_call") != 0) {
        *out = new_message(role, value);
        return *out ? WEIR_STATUS_OK : no_memory(at, err);
    }
    json_t *call = json_loads(json_string_value(value), 0, NULL);
    if (!json_is_object(call) && !json_is_array(call)) {
        json_decref(call);
        return bad(at, err, "a function_call that holds no JSON; expected {\"name\", ...}");
    }
    *out = json_is_array(call) ? json_pack("{s:s, s:o}", "role", role, "tool_calls", call)
                               : json_pack("{s:s, s:[o]}", "role", role, "tool_calls", call);
    return *out ? WEIR_STATUS_OK : no_memory(at, err);
}

static weir_status turn_sharegpt(json_t *row, place at, weir_error *err) {
    json_t *turns = json_object_get(row, "conversations");
    if (!json_is_array(turns))
        return bad(at, err, "\"conversations\" is no list; expected [{\"from\", \"value\"}, ...]");
    json_t *messages = json_array(), *turn;
    json_t *system = json_object_get(row, "system");
    weir_status status = messages ? WEIR_STATUS_OK : no_memory(at, err);
    size_t i;
    if (status == WEIR_STATUS_OK && is_filled(system))
        status = add_message(messages, new_message("system", system), at, err);
    json_array_foreach(turns, i, turn) {
        json_t *message = NULL;
        if (status == WEIR_STATUS_OK)
            status = turn_speech(&message, turn, (place){at.where, i + 1}, err);
        if (status == WEIR_STATUS_OK)
            status = add_message(messages, message, at, err);
    }
    if (status == WEIR_STATUS_OK)
        status = set_messages(row, json_incref(messages), at, err);
    json_decref(messages);
    json_object_del(row, "conversations");
    json_object_del(row, "system");
    return status;
}

static weir_status check_row(json_t *row, place at, weir_error *err) {
    static const char forms[] =
        "has none of the known forms; expected \"messages\", \"text\", \"conversations\", or "
        "\"instruction\" with \"output\"";
    if (!json_is_object(row))
        return bad(at, err, "is no JSON object; expected one {...} a line");
    if (json_object_get(row, "chosen") || json_object_get(row, "rejected"))
        return bad(at, err,
                   "a row of preferences (\"chosen\", \"rejected\"), which are not trained on; "
                   "expected the answer as a message");
    json_t *text = json_object_get(row, "text");
    if (json_object_get(row, "messages")) {
        if (text)
            return bad(at, err, "both \"messages\" and \"text\"; expected one of them");
    } else if (json_object_get(row, "conversations")) {
        WEIR_TRY(turn_sharegpt(row, at, err));
    } else if (json_object_get(row, "instruction")) {
        WEIR_TRY(turn_alpaca(row, at, err));
    } else if (text) {
        return is_filled(text) ? WEIR_STATUS_OK
                               : bad(at, err, "\"text\" is empty or no text; expected a document");
    } else {
        return bad(at, err, forms);
    }
    json_t *args = json_object_get(row, "template_args");
    if (args && !json_is_object(args))
        return bad(at, err, "\"template_args\" is no object; expected {name: value}");
    WEIR_TRY(check_tools(row, at, err));
    return check_messages(json_object_get(row, "messages"), at, err);
}

weir_status weir_text_row_parse(json_t **out, const char *json, size_t n, const char *where,
                                weir_error *err) {
    json_error_t why;
    *out = NULL;
    json_t *row = json_loadb(json, n, 0, &why);
    if (!row) {
        size_t skip = 0;
        while (skip < n && (json[skip] == ' ' || json[skip] == '\t'))
            skip++;
        if (skip < n && json[skip] == '[' && json_error_code(&why) != json_error_invalid_utf8)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: a list that goes over several lines; expected one object a line "
                             "(jq -c '.[]' FILE makes such lines)",
                             where);
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: no JSON at byte %d: %s", where,
                         why.position, why.text);
    }
    weir_status status = check_row(row, (place){where, 0}, err);
    if (status == WEIR_STATUS_OK)
        *out = row;
    else
        json_decref(row);
    return status;
}

/* 15 digits give every decimal number of so many back as it was written; jansson's own 17 turn 0.1
 * into 0.10000000000000001. */
char *weir_text_row_dump(const json_t *value) {
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}
