/*
 * fuzz_request.c: any bytes as the body of a request, read by all that chat APIs share. What is
 * refused says why in one line that fits into the JSON of an error; what is taken is a conversation
 * and a job whose parts can be relied on. Items that are cut out of the body are what a JSON reader
 * finds there.
 */
#include "base/utf8.h"
#include "chat_request.h"
#include "json_text.h"
#include "model_names.h"
#include "raw_json.h"
#include "request_members.h"
#include "wishes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static bool is_json(const char *text, size_t n) {
    return weir_json_check(text, n, "text", NULL) == WEIR_STATUS_OK;
}

/* ---- an exchange that is nothing but a body ------------------------------------------------- */

struct weir_exchange {
    const char *body;
    size_t n;
};

const char *weir_exchange_body(const weir_exchange *x, size_t *n) {
    *n = x->n;
    return x->body;
}

const char *weir_exchange_id(const weir_exchange *x) {
    (void)x;
    return "req_fuzz";
}

void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value) {
    (void)x, (void)name, (void)value;
}

void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n) {
    (void)x, (void)type;
    demand(http_status >= 400 && http_status < 600);
    demand(is_json(body, n) && weir_utf8_valid(body, n) == n);
}

/* ---- what must hold ------------------------------------------------------------------------- */

/* Each item of the array, read by itself, is what the whole array has there. */
static void compare_items(const char *raw, const json_t *array) {
    const char *item;
    size_t n_item, i = 0;
    for (; weir_raw_item_next(&raw, &item, &n_item); i++) {
        json_t *read = weir_json_read(item, n_item, "item", NULL);
        demand(read && i < json_array_size(array));
        const json_t *same = json_array_get(array, i);
        demand(json_typeof(read) == json_typeof(same) || json_is_number(read));
        demand(json_object_size(read) == json_object_size(same));
        demand(json_array_size(read) == json_array_size(same));
        json_decref(read);
    }
    demand(i == json_array_size(array));
}

static void compare_members(weir_request *request) {
    const char *name, *raw;
    size_t n_raw;
    json_t *value;
    json_object_foreach(request->root, name, value) {
        if (json_is_null(value))
            continue;
        demand(weir_request_raw(request, name, &raw, &n_raw));
        demand(raw >= request->text && raw + n_raw <= request->text + request->n_text);
        demand(is_json(raw, n_raw));
        if (json_is_array(value))
            compare_items(raw, value);
    }
}

static void check_error(const weir_request *request) {
    weir_exchange x = {0};
    const weir_api_error *error = &request->error;
    demand(error->http_status >= 400 && error->message[0] && !strchr(error->message, '\n'));
    weir_reply_openai_error(&x, error, 1);
    weir_reply_anthropic_error(&x, error, 0);
}

static void check_warnings(const weir_request *request) {
    weir_text_buffer list = {0};
    weir_text_buffer_say(&list, "[");
    weir_text_buffer_add(&list, request->warnings.data, request->warnings.n);
    weir_text_buffer_say(&list, "]");
    demand(!list.has_failed && is_json(list.data, list.n));
    weir_text_buffer_free(&list);
}

static void check_conversation(const weir_conversation *c) {
    for (size_t i = 0; i < c->n_messages; i++) {
        const weir_message *m = &c->message[i];
        demand((int)m->role < WEIR_N_ROLES && m->content);
        demand(weir_utf8_valid(m->content, m->n_content) == m->n_content);
        for (size_t k = 0; k < m->calls.n; k++) {
            const char *arguments = m->calls.item[k].arguments;
            demand(is_json(arguments, strlen(arguments)));
        }
    }
    demand(!c->tools.text || is_json(c->tools.text, c->tools.n_text));
}

static void check_job(const weir_job *job) {
    const weir_settings *settings = &job->settings;
    demand(weir_settings_check(settings, NULL) == WEIR_STATUS_OK);
    demand(job->n_choices >= 1 && isfinite(settings->sampling.temperature));
    demand(job->min_tokens <= settings->max_tokens && settings->has_seed);
    for (size_t i = 0; i < settings->sampling.n_bias; i++)
        demand(settings->sampling.bias[i].token >= 0);
    for (size_t i = 0; i < settings->n_stop; i++)
        demand(settings->stop[i][0] != 0);
}

/* ---- the target ----------------------------------------------------------------------------- */

static void read_request(const weir_exchange *x, weir_service *service) {
    weir_request request;
    weir_conversation conversation = {0};
    weir_job job = {0};
    weir_tool_wish wish = {0};
    const char *model;
    weir_request_open(&request, x, service->is_strict);
    demand(json_is_object(request.root));
    if (!weir_request_is_bad(&request)) {
        weir_read_model(&request, service, &job, &model);
        weir_read_sampling(&request, service, &job);
        weir_read_messages(&request, service, &conversation);
        weir_read_format(&request, &job, &wish);
        weir_read_tools(&request, service, &conversation, &job, &wish);
        weir_request_check_unknown(&request);
        check_warnings(&request);
        compare_members(&request);
        demand(strcmp(model, "fuzz") == 0);
    }
    if (weir_request_is_bad(&request)) {
        check_error(&request);
    } else {
        check_conversation(&conversation);
        check_job(&job);
    }
    weir_conversation_free(&conversation);
    weir_job_free(&job);
    weir_request_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static weir_host host = {.tokens.n_tokens = 1000};
    static weir_service service = {.host = &host, .model_id = "fuzz"};
    if (!service.replay) {
        service.replay = weir_replay_open(0);
        weir_settings_default(&service.defaults, NULL, NULL);
    }
    char *body = malloc(size + 1); /* 0-terminated, as exchanges have it */
    if (!body)
        return 0;
    if (size > 0)
        memcpy(body, data, size);
    body[size] = 0;
    const weir_exchange x = {.body = body, .n = size};
    service.is_strict = size % 2;
    read_request(&x, &service);
    free(body);
    return 0;
}
