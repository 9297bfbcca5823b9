/*
 * messages_read.c: see messages_read.h.
 *
 * Owns the shape of Anthropic's requests. Invariant: nothing of a message is dropped in silence: a
 * block that the model cannot be shown is an error that names it.
 */
#include "messages_read.h"

#include "model_names.h"
#include "raw_answer.h"
#include "raw_json.h"
#include "request_members.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places as errors name them: of a message, of a block in it, of something in that. */
enum { PATH = 64, BLOCK_PATH = 96, DEEP_PATH = 144 };

typedef struct reader {
    weir_messages_request *out;
    weir_request *request;
    const weir_service *service;
    json_t *call_names; /* id of a call -> name of its tool */
} reader;

static const char *type_of(const json_t *block) {
    const char *type = json_string_value(json_object_get(block, "type"));
    return type ? type : "";
}

static void refuse_block(reader *r, const char *at, const json_t *block, const char *expected) {
    const char *type = type_of(block);
    if (type[0])
        weir_request_fail(r->request, at, "unsupported_value",
                          "%s: blocks of type '%.40s' cannot be read; expected %s", at, type,
                          expected);
    else
        weir_request_fail(r->request, at, NULL, "%s: expected a block with a type: %s", at,
                          expected);
}

static void add_string(weir_text_buffer *out, const json_t *text) {
    weir_text_buffer_add(out, json_string_value(text), json_string_length(text));
}

/* A text, or blocks of type text; between them a line feed. */
static void read_texts(reader *r, const json_t *content, const char *at, weir_text_buffer *out) {
    weir_text_buffer_say(out, "");
    if (json_is_string(content)) {
        add_string(out, content);
        return;
    }
    if (!json_is_array(content)) {
        weir_request_fail(r->request, at, NULL, "%s: expected a text or a list of blocks", at);
        return;
    }
    size_t i;
    const json_t *block;
    json_array_foreach(content, i, block) {
        char path[DEEP_PATH];
        snprintf(path, sizeof path, "%s[%zu]", at, i);
        const json_t *text = json_object_get(block, "text");
        if (strcmp(type_of(block), "text") != 0 || !json_is_string(text)) {
            refuse_block(r, path, block, "text");
            return;
        }
        weir_text_buffer_say(out, i > 0 ? "\n" : "");
        add_string(out, text);
    }
}

/* Takes the texts of the message over. */
static void add_message(reader *r, weir_message *message) {
    weir_error err = {0};
    weir_request_take(r->request, "messages", NULL,
                      weir_conversation_add(&r->out->conversation, message, &err), &err);
}

static void check_texts(reader *r, const weir_text_buffer *text) {
    weir_error err = {0};
    weir_request_take(r->request, "messages", NULL,
                      weir_text_buffer_check(text, "the messages", &err), &err);
}

/* ---- what users say, and tools ------------------------------------------------------------ */

static void add_text_message(reader *r, weir_role role, weir_text_buffer *text,
                             const char *tool_name) {
    weir_message message = {.role = role, .content = text->data, .n_content = text->n};
    check_texts(r, text);
    *text = (weir_text_buffer){0};
    if (tool_name)
        message.tool_name = weir_text_copy(tool_name, strlen(tool_name));
    add_message(r, &message);
}

static void read_tool_result(reader *r, const json_t *block, const char *at) {
    const char *id;
    size_t n;
    weir_text_buffer text = {0};
    if (!weir_request_string(r->request, block, at, "tool_use_id", &id, &n)) {
        weir_request_fail(r->request, at, NULL, "%s: a tool_result needs a tool_use_id", at);
        return;
    }
    bool is_error = false;
    weir_request_bool(r->request, block, at, "is_error", &is_error);
    weir_text_buffer_say(&text, is_error ? "error: " : "");
    const json_t *content = json_object_get(block, "content");
    char path[BLOCK_PATH + 16];
    snprintf(path, sizeof path, "%s.content", at);
    if (content && !json_is_null(content))
        read_texts(r, content, path, &text);
    add_text_message(r, WEIR_ROLE_TOOL, &text,
                     json_string_value(json_object_get(r->call_names, id)));
}

/* Results of tools become messages of their own, in the order in which they stand. */
static void read_user_blocks(reader *r, const json_t *content, const char *at) {
    weir_text_buffer text = {0};
    bool has_text = false;
    size_t i;
    const json_t *block;
    json_array_foreach(content, i, block) {
        char path[BLOCK_PATH];
        snprintf(path, sizeof path, "%s[%zu]", at, i);
        const json_t *said = json_object_get(block, "text");
        if (strcmp(type_of(block), "tool_result") == 0) {
            if (has_text)
                add_text_message(r, WEIR_ROLE_USER, &text, NULL);
            has_text = false;
            read_tool_result(r, block, path);
        } else if (strcmp(type_of(block), "text") == 0 && json_is_string(said)) {
            weir_text_buffer_say(&text, has_text ? "\n" : "");
            add_string(&text, said);
            has_text = true;
        } else {
            refuse_block(r, path, block, "text or tool_result");
        }
        if (weir_request_is_bad(r->request))
            break;
    }
    if (has_text && !weir_request_is_bad(r->request))
        add_text_message(r, WEIR_ROLE_USER, &text, NULL);
    weir_text_buffer_free(&text);
}

static void read_user(reader *r, const json_t *content, const char *at) {
    if (json_is_array(content)) {
        read_user_blocks(r, content, at);
        return;
    }
    weir_text_buffer text = {0};
    read_texts(r, content, at, &text);
    if (weir_request_is_bad(r->request))
        weir_text_buffer_free(&text);
    else
        add_text_message(r, WEIR_ROLE_USER, &text, NULL);
}

/* ---- earlier answers ---------------------------------------------------------------------- */

typedef struct answer {
    weir_text_buffer content, reasoning;
    weir_message message;
    const char *first_call; /* its id */
} answer;

static void read_tool_use(reader *r, answer *a, const json_t *block, const char *raw,
                          const char *at) {
    const char *id, *name;
    size_t n;
    weir_json_member input;
    weir_error err = {0};
    if (!weir_request_string(r->request, block, at, "id", &id, &n) ||
        !weir_request_string(r->request, block, at, "name", &name, &n) ||
        !weir_request_member(raw, "input", &input)) {
        weir_request_fail(r->request, at, NULL, "%s: a tool_use needs id, name and input", at);
        return;
    }
    json_object_set_new(r->call_names, id, json_string(name));
    a->first_call = a->first_call ? a->first_call : id;
    char path[BLOCK_PATH + 16];
    snprintf(path, sizeof path, "%s.input", at);
    weir_status status =
        weir_calls_add(&a->message.calls, name, n, input.value, input.n_value, true, &err);
    if (status == WEIR_STATUS_BAD_FILE)
        weir_request_fail(r->request, path, NULL, "%s: expected a JSON object", path);
    else
        weir_request_take(r->request, path, NULL, status, &err);
}

static void read_answer_block(reader *r, answer *a, const json_t *block, const char *raw,
                              const char *at) {
    const char *type = type_of(block);
    const json_t *text = json_object_get(block, "text");
    const json_t *thinking = json_object_get(block, "thinking");
    if (strcmp(type, "text") == 0 && json_is_string(text))
        add_string(&a->content, text);
    else if (strcmp(type, "thinking") == 0 && json_is_string(thinking))
        add_string(&a->reasoning, thinking);
    else if (strcmp(type, "tool_use") == 0)
        read_tool_use(r, a, block, raw, at);
    else
        refuse_block(r, at, block, "text, thinking or tool_use");
}

static void read_answer_content(reader *r, answer *a, const json_t *content, const char *raw,
                                const char *at) {
    weir_text_buffer_say(&a->content, "");
    if (!json_is_array(content)) {
        read_texts(r, content, at, &a->content);
        return;
    }
    size_t i, n_item;
    const json_t *block;
    const char *item;
    json_array_foreach(content, i, block) {
        char path[BLOCK_PATH];
        snprintf(path, sizeof path, "%s[%zu]", at, i);
        if (weir_raw_item_next(&raw, &item, &n_item))
            read_answer_block(r, a, block, item, path);
    }
}

/* What the model wrote under the first call's id is preferred, if the client still says the same:
 * its tokens need not be run again. */
static void add_answer(reader *r, answer *a) {
    weir_message *m = &a->message;
    m->role = WEIR_ROLE_ASSISTANT;
    check_texts(r, &a->content);
    check_texts(r, &a->reasoning);
    m->content = a->content.data;
    m->n_content = a->content.n;
    if (a->reasoning.n > 0) {
        m->reasoning = a->reasoning.data;
        m->n_reasoning = a->reasoning.n;
        a->reasoning = (weir_text_buffer){0};
    }
    a->content = (weir_text_buffer){0};
    if (a->first_call) {
        size_t n;
        char *raw = weir_replay_get(r->service->replay, a->first_call, &n);
        weir_message_put_raw(m, raw, n);
    }
    add_message(r, m);
}

static void read_assistant(reader *r, const json_t *content, const char *raw, const char *at,
                           bool is_last) {
    answer a = {0};
    read_answer_content(r, &a, content, raw, at);
    if (weir_request_is_bad(r->request)) {
        weir_message_free(&a.message);
    } else if (!is_last) {
        add_answer(r, &a);
    } else if (a.message.calls.n > 0) {
        weir_request_fail(r->request, at, NULL,
                          "%s: the last message calls tools; their results are missing", at);
        weir_message_free(&a.message);
    } else {
        r->out->opening = a.content;
        a.content = (weir_text_buffer){0};
    }
    weir_text_buffer_free(&a.content);
    weir_text_buffer_free(&a.reasoning);
}

static void read_message(reader *r, const json_t *message, const char *raw, size_t i,
                         bool is_last) {
    char at[PATH], path[PATH];
    snprintf(at, sizeof at, "messages[%zu]", i);
    snprintf(path, sizeof path, "messages[%zu].content", i);
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    weir_json_member raw_content;
    if (!role || !content || !weir_request_member(raw, "content", &raw_content)) {
        weir_request_fail(r->request, at, NULL, "%s: expected a role and a content", at);
        return;
    }
    if (strcmp(role, "user") == 0)
        read_user(r, content, path);
    else if (strcmp(role, "assistant") == 0)
        read_assistant(r, content, raw_content.value, path, is_last);
    else
        weir_request_fail(r->request, at, NULL,
                          "%s.role: expected user or assistant, got '%.40s'; the system prompt "
                          "stands in system",
                          at, role);
}

static void read_messages(reader *r) {
    const json_t *messages = weir_request_value(r->request, r->request->root, "", "messages");
    size_t n = json_array_size(messages), n_raw, n_item;
    const char *raw, *item;
    if (n == 0 || !weir_request_raw(r->request, "messages", &raw, &n_raw)) {
        weir_request_fail(r->request, "messages", NULL,
                          "messages: expected a list of one message at least");
        return;
    }
    for (size_t i = 0; i < n && !weir_request_is_bad(r->request); i++)
        if (weir_raw_item_next(&raw, &item, &n_item))
            read_message(r, json_array_get(messages, i), item, i, i + 1 == n);
}

static void read_system(reader *r) {
    const json_t *system = weir_request_value(r->request, r->request->root, "", "system");
    weir_text_buffer text = {0};
    if (!system)
        return;
    read_texts(r, system, "system", &text);
    check_texts(r, &text);
    if (text.n > 0) {
        r->out->conversation.system = text.data;
        r->out->conversation.n_system = text.n;
    } else {
        weir_text_buffer_free(&text);
    }
}

/* ---- tools -------------------------------------------------------------------------------- */

static void read_tool(reader *r, json_t *tool, const char *raw, size_t i, weir_tool_wish *wish) {
    static const char *const known[] = {"type",          "name",   "description", "input_schema",
                                        "cache_control", "strict", NULL};
    char at[PATH];
    const char *name, *text;
    size_t n_name, n_text;
    weir_json_member description = {0}, schema = {0};
    snprintf(at, sizeof at, "tools[%zu]", i);
    const char *type = type_of(tool);
    if (type[0] && strcmp(type, "custom") != 0) {
        weir_request_fail(r->request, at, "unsupported_value",
                          "%s: tools of type '%.40s' are not built in here; expected one with an "
                          "input_schema",
                          at, type);
        return;
    }
    if (!weir_request_string(r->request, tool, at, "name", &name, &n_name) ||
        !json_is_object(json_object_get(tool, "input_schema")) ||
        !weir_request_member(raw, "input_schema", &schema)) {
        weir_request_fail(r->request, at, NULL, "%s: expected a name and an input_schema", at);
        return;
    }
    if (weir_request_string(r->request, tool, at, "description", &text, &n_text))
        weir_request_member(raw, "description", &description);
    bool is_strict = false;
    weir_request_bool(r->request, tool, at, "strict", &is_strict);
    wish->is_strict |= is_strict;
    weir_request_check_members(r->request, tool, at, known);
    weir_tool_wish_add(wish, name, n_name, description.value, description.n_value, schema.value,
                       schema.n_value);
}

static void read_choice(reader *r, weir_tool_wish *wish) {
    const json_t *choice = weir_request_value(r->request, r->request->root, "", "tool_choice");
    const char *type = type_of(choice);
    size_t n;
    if (!choice)
        return;
    if (strcmp(type, "any") == 0)
        wish->choice = WEIR_CHOICE_REQUIRED;
    else if (strcmp(type, "none") == 0)
        wish->choice = WEIR_CHOICE_NONE;
    else if (strcmp(type, "tool") == 0 &&
             weir_request_string(r->request, choice, "tool_choice", "name", &wish->name, &n))
        wish->choice = WEIR_CHOICE_NAMED;
    else if (strcmp(type, "auto") != 0)
        weir_request_fail(r->request, "tool_choice", NULL,
                          "tool_choice: expected {\"type\": auto, any, none, or tool with a name}");
    weir_request_bool(r->request, choice, "tool_choice", "disable_parallel_tool_use",
                      &wish->is_one_call);
}

static void read_tools(reader *r, weir_tool_wish *wish) {
    const json_t *tools = weir_request_value(r->request, r->request->root, "", "tools");
    const char *raw, *item;
    size_t n_raw, n_item;
    if (tools && !json_is_array(tools))
        weir_request_fail(r->request, "tools", NULL, "tools: expected a list");
    if (json_array_size(tools) > 0 && weir_request_raw(r->request, "tools", &raw, &n_raw))
        for (size_t i = 0; weir_raw_item_next(&raw, &item, &n_item); i++)
            read_tool(r, json_array_get(tools, i), item, i, wish);
    read_choice(r, wish);
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void read_thinking(reader *r) {
    const json_t *thinking = weir_request_value(r->request, r->request->root, "", "thinking");
    weir_settings *settings = &r->out->job.settings;
    const char *type = type_of(thinking), *display;
    size_t n;
    int64_t budget;
    if (!thinking)
        return;
    if (strcmp(type, "disabled") == 0)
        settings->think = WEIR_THINK_OFF;
    else if (strcmp(type, "enabled") == 0 || strcmp(type, "adaptive") == 0)
        settings->think = WEIR_THINK_SHOW;
    else
        weir_request_fail(r->request, "thinking", NULL,
                          "thinking.type: expected enabled, adaptive or disabled");
    if (settings->think == WEIR_THINK_SHOW &&
        weir_request_string(r->request, thinking, "thinking", "display", &display, &n) &&
        strcmp(display, "omitted") == 0)
        settings->think = WEIR_THINK_HIDE;
    if (weir_request_integer(r->request, thinking, "thinking", "budget_tokens", 0, UINT32_MAX - 1,
                             &budget))
        settings->think_budget = (uint32_t)budget;
}

static void read_stop_sequences(reader *r) {
    const json_t *list = weir_request_value(r->request, r->request->root, "", "stop_sequences");
    size_t i;
    const json_t *text;
    weir_error err = {0};
    if (list && !json_is_array(list))
        weir_request_fail(r->request, "stop_sequences", NULL, "stop_sequences: expected a list");
    json_array_foreach(list, i, text) {
        size_t n = json_string_length(text);
        if (n == 0 || strlen(json_string_value(text)) != n) {
            weir_request_fail(r->request, "stop_sequences", NULL,
                              "stop_sequences[%zu]: expected a text that is not empty", i);
            return;
        }
        weir_request_take(
            r->request, "stop_sequences", NULL,
            weir_settings_set(&r->out->job.settings, "stop", json_string_value(text), &err), &err);
    }
}

/* {"type": "json_schema", "schema": ..} at this path, as it was written: raw. */
static void use_format(reader *r, weir_tool_wish *wish, const json_t *form, const char *raw,
                       const char *at) {
    weir_json_member schema;
    char path[WEIR_REQUEST_PATH];
    weir_request_path(path, at, "schema");
    if (r->out->has_format)
        weir_request_fail(r->request, at, "invalid_value",
                          "%s: output_config.format says already what the answer is to be", at);
    else if (strcmp(type_of(form), "json_schema") != 0 ||
             !weir_request_member(raw, "schema", &schema))
        weir_request_fail(r->request, at, "unsupported_value",
                          "%s: expected {\"type\": \"json_schema\", \"schema\": {..}}", at);
    else
        weir_use_json(r->request, wish, path, schema.value, schema.n_value, &r->out->job);
    r->out->has_format = r->out->job.grammar != NULL;
}

/* output_config: {"format": .., "effort": ..}; older clients write output_format. */
static void read_output_config(reader *r, weir_tool_wish *wish) {
    static const char *const known[] = {"format", NULL};
    static const char at[] = "output_config", older[] = "output_format";
    json_t *config = weir_request_object(r->request, r->request->root, "", at);
    const json_t *form = json_object_get(config, "format");
    const char *raw;
    size_t n_raw;
    weir_json_member format;
    weir_request_check_members(r->request, config, at, known);
    if (form && !json_is_null(form) && weir_request_raw(r->request, at, &raw, &n_raw) &&
        weir_request_member(raw, "format", &format))
        use_format(r, wish, form, format.value, "output_config.format");
    form = weir_request_value(r->request, r->request->root, "", older);
    if (form && weir_request_raw(r->request, older, &raw, &n_raw))
        use_format(r, wish, form, raw, older);
}

static void refuse_others(weir_request *request) {
    static const char *const harmless[] = {"inference_geo", "cache_control", NULL};
    weir_request_ignore(request, harmless);
    weir_request_refuse(request, "container", NULL, "there are no containers here");
    weir_request_refuse(request, "mcp_servers", "[]", "tools are run by the client");
    weir_request_refuse(request, "context_management", NULL, "nothing is dropped from prompts");
    weir_request_refuse(request, "prompt_logprobs", NULL, "use /v1/chat/completions");
}

static void read_limits(reader *r, bool is_count) {
    weir_read_sampling(r->request, r->service, &r->out->job);
    read_stop_sequences(r);
    read_thinking(r);
    weir_request_bool(r->request, r->request->root, "", "stream", &r->out->is_stream);
    r->out->job.streams_calls = r->out->is_stream;
    if (!is_count && !json_is_number(json_object_get(r->request->root, "max_tokens")))
        weir_request_fail(r->request, "max_tokens", NULL,
                          "max_tokens: expected how many tokens the answer may have");
    if (r->out->job.n_choices > 1)
        weir_request_fail(r->request, "n", "unsupported_value",
                          "n: this API gives one answer; expected 1");
}

/* ---- the prompt --------------------------------------------------------------------------- */

/* The client began the answer: its text stands behind the prompt, and the model goes on. */
static void append_opening(reader *r) {
    const weir_text_buffer *opening = &r->out->opening;
    weir_prompt *prompt = &r->out->job.prompt[0];
    weir_encode_options options = {.no_control = true};
    weir_error err = {0};
    size_t n = 0;
    if (prompt->n_opening > 0) {
        weir_request_fail(r->request, "messages", "unsupported_value",
                          "messages: this model's answers begin with thinking, so that the last "
                          "message cannot be an assistant's");
        return;
    }
    int32_t *ids = realloc(prompt->ids, (prompt->n_ids + opening->n + 2) * sizeof *ids);
    if (!ids) {
        weir_fail_memory(r->request);
        return;
    }
    prompt->ids = ids;
    weir_request_take(r->request, "messages", NULL,
                      weir_tokenizer_encode(r->service->host->tokenizer, opening->data, opening->n,
                                            &options, ids + prompt->n_ids, opening->n + 2, &n,
                                            &err),
                      &err);
    prompt->n_ids += n;
}

/* A form is kept from the first byte of an answer. */
static void check_opening(reader *r, const weir_tool_wish *wish) {
    bool is_forced = wish->choice == WEIR_CHOICE_REQUIRED || wish->choice == WEIR_CHOICE_NAMED;
    if (r->out->opening.n > 0 && (is_forced || r->out->has_format))
        weir_request_fail(r->request, "messages", "unsupported_value",
                          "messages: the last one begins the answer, whose form is given by %s",
                          is_forced ? "tool_choice" : "output_config");
}

static void check_shown(reader *r, const weir_tool_wish *wish) {
    const weir_host *host = r->service->host;
    if (wish->tools.n > 0 && wish->choice != WEIR_CHOICE_NONE && host->tmpl &&
        !host->form.renders_tools)
        weir_request_warn(r->request, "tools: this model's template does not tell it about tools");
}

static void read_all(reader *r, bool is_count) {
    weir_messages_request *out = r->out;
    weir_tool_wish wish = {0};
    weir_read_model(r->request, r->service, &out->job, &out->model);
    read_limits(r, is_count);
    read_system(r);
    read_messages(r);
    read_tools(r, &wish);
    read_output_config(r, &wish);
    check_opening(r, &wish);
    check_shown(r, &wish);
    weir_use_tools(r->request, &wish, &out->conversation, &out->job);
    refuse_others(r->request);
    weir_request_check_unknown(r->request);
}

/* The words by which clients of this API know that it is time to shorten. */
static void say_it_is_too_long(weir_request *request) {
    char words[WEIR_ERROR_TEXT];
    if (strcmp(request->error.code, "context_length_exceeded") != 0)
        return;
    snprintf(words, sizeof words, "%s", request->error.message);
    snprintf(request->error.message, sizeof request->error.message, "prompt is too long: %.*s",
             (int)(sizeof words - 32), words);
}

void weir_messages_read(weir_messages_request *out, const weir_service *service,
                        const weir_exchange *x, bool is_count) {
    *out = (weir_messages_request){.model = service->model_id};
    weir_request_open(&out->request, x, service->is_strict);
    if (weir_request_is_bad(&out->request))
        return;
    reader r = {
        .out = out, .request = &out->request, .service = service, .call_names = json_object()};
    read_all(&r, is_count);
    json_decref(r.call_names);
    if (!weir_request_is_bad(&out->request))
        weir_make_prompt(&out->request, service, &out->conversation, &out->job);
    if (!weir_request_is_bad(&out->request) && out->opening.n > 0)
        append_opening(&r);
    if (is_count)
        return; /* what does not fit is counted too: so it is found out */
    weir_check_room(&out->request, service, &out->job);
    say_it_is_too_long(&out->request);
}

void weir_messages_request_free(weir_messages_request *r) {
    weir_conversation_free(&r->conversation);
    weir_job_free(&r->job);
    weir_text_buffer_free(&r->opening);
    weir_request_free(&r->request);
}
