/*
 * api_text.c: text to tokens and back, without an answer: what clients need to count, to cut, and
 * to score answers with the model's own tokenizer.
 *
 * Speaks vLLM's requests and llama.cpp's: "prompt" and "content" name the same text, replies hold
 * the members of both.
 */
#include "chat_request.h"
#include "text_input.h"
#include "vocabulary_json.h"
#include "wall_clock.h"
#include "wishes.h"

#include <stdlib.h>
#include <string.h>

/* ---- replies ------------------------------------------------------------------------------ */

/* The error of the request, or body with the request's warnings in it, which ends in a member.
 * Frees both. */
static void reply(weir_exchange *x, weir_request *request, weir_text_buffer *body) {
    if (request->warnings.n > 0) {
        weir_text_buffer_say(body, ", \"warnings\": [");
        weir_text_buffer_add(body, request->warnings.data, request->warnings.n);
        weir_text_buffer_say(body, "]");
    }
    weir_text_buffer_say(body, "}");
    if (body->has_failed)
        weir_fail_memory(request);
    if (weir_request_is_bad(request))
        weir_reply_openai_error(x, &request->error, 0);
    else
        weir_exchange_reply(x, 200, NULL, body->data, body->n);
    weir_text_buffer_free(body);
    weir_request_free(request);
}

static void add_bytes(weir_text_buffer *out, const char *bytes, size_t n) {
    weir_text_buffer_say(out, "[");
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_format(out, "%s%u", i ? ", " : "", (unsigned)(unsigned char)bytes[i]);
    weir_text_buffer_say(out, "]");
}

/* As text, or as a list of bytes where they are no whole code points. */
static void add_piece(weir_text_buffer *out, const weir_host *host, int32_t id) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(host->tokenizer, id, &bytes, &n);
    json_t *text = json_stringn(bytes, n);
    if (text)
        weir_text_buffer_add_json(out, bytes, n);
    else
        add_bytes(out, bytes, n);
    json_decref(text);
}

void weir_add_token_json(weir_text_buffer *out, const weir_host *host, int32_t id) {
    const char *bytes;
    size_t n;
    if (weir_tokenizer_token(host->tokenizer, id, &bytes, &n) == WEIR_TOKEN_NONE)
        weir_text_buffer_say(out, "null");
    else
        weir_text_buffer_add_json(out, bytes, n);
}

void weir_add_template_json(weir_text_buffer *out, const weir_host *host) {
    const char *name, *text;
    char *read;
    size_t n;
    if (host->tmpl && host->options.template_path) {
        /* Standard input has been read. */
        if (strcmp(host->options.template_path, "-") != 0 &&
            weir_text_input_read(&read, &n, host->options.template_path, "the template", NULL) ==
                WEIR_STATUS_OK) {
            weir_text_buffer_add_json(out, read, n);
            free(read);
            return;
        }
    } else if (host->tmpl) {
        weir_tokenizer_template(host->tokenizer, 0, &name, &text, &n);
        weir_text_buffer_add_json(out, text, n);
        return;
    }
    weir_text_buffer_say(out, "null");
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The prompt of "messages" and "tools". */
static void render(weir_request *request, const weir_service *service, weir_prompt *out) {
    weir_conversation conversation = {.started = weir_wall_clock_now()};
    weir_job job = {0};
    weir_tool_wish wish = {0};
    bool add_generation_prompt = true;
    weir_request_bool(request, request->root, "", "add_generation_prompt", &add_generation_prompt);
    weir_request_refuse(request, "continue_final_message", "false",
                        "prompts end where an answer begins");
    weir_request_refuse(request, "chat_template", NULL, "the server's own is used");
    weir_request_refuse(request, "chat_template_kwargs", "{}", "they are the server's to give");
    weir_read_messages(request, service, &conversation);
    weir_read_tools(request, service, &conversation, &job, &wish);
    weir_error err = {0};
    if (!weir_request_is_bad(request))
        weir_request_take(
            request, "messages", NULL,
            weir_prompt_make(out, service->host, &conversation, add_generation_prompt, &err), &err);
    weir_job_free(&job);
    weir_conversation_free(&conversation);
}

/* The handler's request, open: without a known name of the model nothing is different here. */
static void open_request(weir_request *out, const weir_service *service, const weir_exchange *x) {
    static const char *const harmless[] = {"model", NULL};
    weir_request_open(out, x, service->is_strict);
    weir_request_ignore(out, harmless);
}

void weir_handle_apply_template(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_prompt prompt = {0};
    weir_text_buffer body = {0};
    open_request(&request, service, x);
    render(&request, service, &prompt);
    weir_request_check_unknown(&request);
    weir_text_buffer_say(&body, "{\"prompt\": ");
    weir_text_buffer_add_json(&body, prompt.text, prompt.n_text);
    weir_prompt_free(&prompt);
    reply(x, &request, &body);
}

/* ---- tokens ------------------------------------------------------------------------------- */

/* A text as it stands, the file's own tokens around it if they are wanted, control tokens matched
 * in it unless they are not. */
static void encode(weir_request *request, const weir_host *host, weir_prompt *out) {
    const char *text = NULL;
    size_t n = 0;
    bool is_prompt = weir_request_string(request, request->root, "", "prompt", &text, &n);
    bool is_content = weir_request_string(request, request->root, "", "content", &text, &n);
    weir_encode_options options = {.add_special = is_prompt};
    bool parses_special = true;
    if (is_prompt == is_content) {
        weir_request_fail(request, "prompt", NULL,
                          "expected one of prompt, content (texts) and messages");
        return;
    }
    weir_request_bool(request, request->root, "", "add_special_tokens", &options.add_special);
    weir_request_bool(request, request->root, "", "add_special", &options.add_special);
    weir_request_bool(request, request->root, "", "parse_special", &parses_special);
    options.no_control = !parses_special;
    out->ids = malloc((n + 2) * sizeof *out->ids);
    if (!out->ids) {
        weir_fail_memory(request);
        return;
    }
    weir_error err = {0};
    weir_request_take(request, "prompt", NULL,
                      weir_tokenizer_encode(host->tokenizer, text, n, &options, out->ids, n + 2,
                                            &out->n_ids, &err),
                      &err);
}

static void add_tokens(weir_text_buffer *out, const weir_host *host, const weir_prompt *prompt,
                       bool with_pieces, bool with_strings) {
    weir_text_buffer_format(out, "{\"count\": %zu, \"max_model_len\": %u, \"tokens\": [",
                            prompt->n_ids, host->n_ctx);
    for (size_t i = 0; i < prompt->n_ids; i++) {
        weir_text_buffer_format(out, with_pieces ? "%s{\"id\": %d" : "%s%d", i ? ", " : "",
                                prompt->ids[i]);
        if (with_pieces) {
            weir_text_buffer_say(out, ", \"piece\": ");
            add_piece(out, host, prompt->ids[i]);
            weir_text_buffer_say(out, "}");
        }
    }
    weir_text_buffer_say(out, "]");
    for (size_t i = 0; with_strings && i < prompt->n_ids; i++) {
        weir_text_buffer_say(out, i ? ", " : ", \"token_strs\": [");
        weir_add_token_json(out, host, prompt->ids[i]);
    }
    if (with_strings)
        weir_text_buffer_say(out, prompt->n_ids > 0 ? "]" : ", \"token_strs\": []");
}

void weir_handle_tokenize(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_prompt prompt = {0};
    weir_text_buffer body = {0};
    bool with_pieces = false, with_strings = false;
    open_request(&request, service, x);
    weir_request_bool(&request, request.root, "", "with_pieces", &with_pieces);
    weir_request_bool(&request, request.root, "", "return_token_strs", &with_strings);
    if (weir_request_value(&request, request.root, "", "messages"))
        render(&request, service, &prompt);
    else
        encode(&request, service->host, &prompt);
    weir_request_check_unknown(&request);
    if (!weir_request_is_bad(&request))
        add_tokens(&body, service->host, &prompt, with_pieces, with_strings);
    weir_prompt_free(&prompt);
    reply(x, &request, &body);
}

/* "tokens" into ids [*n], for the caller to free. */
static int32_t *read_ids(weir_request *request, const weir_host *host, size_t *n) {
    const json_t *list = weir_request_value(request, request->root, "", "tokens");
    *n = json_array_size(list);
    int32_t *ids = malloc((*n + 1) * sizeof *ids);
    if (!json_is_array(list))
        weir_request_fail(request, "tokens", NULL, "tokens: expected a list of ids");
    if (!ids)
        weir_fail_memory(request);
    for (size_t i = 0; i < *n && !weir_request_is_bad(request); i++) {
        const json_t *id = json_array_get(list, i);
        int64_t number = -1;
        if (!weir_json_integer(id, &number) || number < 0 ||
            (size_t)number >= host->tokens.n_tokens)
            weir_request_fail(request, "tokens", NULL, "tokens[%zu]: expected an id from 0 to %zu",
                              i, host->tokens.n_tokens - 1);
        ids[i] = (int32_t)number;
    }
    return ids;
}

static void decode(weir_request *request, const weir_host *host, const int32_t *ids, size_t n,
                   weir_text_buffer *out) {
    size_t n_text = 0;
    weir_error err = {0};
    weir_status status =
        weir_tokenizer_decode(host->tokenizer, ids, n, false, NULL, 0, &n_text, &err);
    char *room = status == WEIR_STATUS_OK ? weir_text_buffer_room(out, n_text) : NULL;
    if (room)
        status = weir_tokenizer_decode(host->tokenizer, ids, n, false, room, n_text, &n_text, &err);
    out->n += room && status == WEIR_STATUS_OK ? n_text : 0;
    weir_request_take(request, "tokens", NULL, status, &err);
}

void weir_handle_detokenize(weir_service *service, weir_exchange *x) {
    weir_request request;
    weir_text_buffer text = {0}, body = {0};
    size_t n;
    open_request(&request, service, x);
    int32_t *ids = read_ids(&request, service->host, &n);
    weir_request_check_unknown(&request);
    if (!weir_request_is_bad(&request))
        decode(&request, service->host, ids, n, &text);
    weir_text_buffer_say(&body, "{\"prompt\": ");
    weir_text_buffer_add_json(&body, text.data, text.n);
    weir_text_buffer_say(&body, ", \"content\": ");
    weir_text_buffer_add_json(&body, text.data, text.n);
    body.has_failed |= text.has_failed;
    weir_text_buffer_free(&text);
    free(ids);
    reply(x, &request, &body);
}

/* What Hugging Face calls tokenizer_config.json; the lm-evaluation-harness asks for it. */
void weir_handle_tokenizer_info(weir_service *service, weir_exchange *x) {
    const weir_host *host = service->host;
    const weir_tokenizer_info *info = &host->tokens;
    const struct {
        const char *name;
        int32_t id;
    } tokens[] = {{"bos_token", info->bos}, {"eos_token", info->eos}, {"pad_token", info->pad}};
    weir_text_buffer body = {0};
    weir_text_buffer_say(&body, "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"");
    for (size_t i = 0; i < WEIR_COUNT(tokens); i++) {
        weir_text_buffer_format(&body, ", \"%s\": ", tokens[i].name);
        weir_add_token_json(&body, host, tokens[i].id);
        weir_text_buffer_format(&body, tokens[i].id < 0 ? ", \"%s_id\": null" : ", \"%s_id\": %d",
                                tokens[i].name, tokens[i].id);
    }
    weir_text_buffer_format(&body,
                            ", \"add_bos_token\": %s, \"add_eos_token\": %s, \"vocab_size\": %zu, "
                            "\"model_max_length\": %u, \"chat_template\": ",
                            info->add_bos ? "true" : "false", info->add_eos ? "true" : "false",
                            info->n_tokens, host->n_ctx);
    weir_add_template_json(&body, host);
    weir_request none = {0};
    reply(x, &none, &body);
}
