/*
 * api_info.c: what the server says about itself: models, health, properties, numbers.
 *
 * Owns nothing. Of these only the handlers about health run before the model is loaded. Nobody but
 * the runner touches the engine: what is told of it comes from the runner's stats.
 */
#include "service.h"

#include "api_shape.h"
#include "vocabulary_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Takes the body's text over. */
static void reply(weir_exchange *x, const char *type, weir_text_buffer *body) {
    weir_error err;
    if (weir_text_buffer_check(body, "the reply", &err) == WEIR_STATUS_OK) {
        weir_exchange_reply(x, 200, type, body->data, body->n);
    } else {
        weir_api_error error;
        weir_api_error_from(&error, 500, "server_error", NULL, &err);
        weir_reply_openai_error(x, &error, 0);
    }
    weir_text_buffer_free(body);
}

static void add_text(weir_text_buffer *out, const char *text) {
    weir_text_buffer_add_json(out, text, strlen(text));
}

/* ---- models ------------------------------------------------------------------------------- */

static void add_date(weir_text_buffer *out, int64_t seconds) {
    time_t at = (time_t)seconds;
    struct tm utc;
    char text[32] = "1970-01-01T00:00:00Z";
    if (gmtime_r(&at, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    add_text(out, text);
}

/* One object for the clients of both APIs, which look at different members of it. parent: NULL for
 * the model itself. */
static void add_model(weir_text_buffer *out, const weir_service *service, const char *id,
                      const char *parent) {
    const weir_model_info *m = &service->model;
    weir_text_buffer_say(out, "{\"id\": ");
    add_text(out, id);
    weir_text_buffer_say(out, ", \"object\": \"model\", \"type\": \"model\", \"display_name\": ");
    add_text(out, id);
    weir_text_buffer_format(out,
                            ", \"created\": %lld, \"created_at\": ", (long long)service->started);
    add_date(out, service->started);
    weir_text_buffer_say(out, ", \"owned_by\": \"weir\", \"root\": ");
    add_text(out, service->model_id);
    weir_text_buffer_say(out, ", \"parent\": ");
    if (parent)
        add_text(out, parent);
    else
        weir_text_buffer_say(out, "null");
    weir_text_buffer_format(
        out,
        ", \"max_model_len\": %u, \"meta\": {\"arch\": \"%s\", \"file_type\": \"%s\", "
        "\"n_ctx\": %u, \"n_ctx_train\": %u, \"n_embd\": %u, \"n_vocab\": %u, "
        "\"n_params\": %llu, \"n_params_active\": %llu, \"size\": %llu}}",
        service->host->n_ctx, m->arch, m->file_type, service->host->n_ctx, m->n_ctx, m->d_model,
        m->n_vocab, (unsigned long long)m->n_params, (unsigned long long)m->n_params_active,
        (unsigned long long)m->weight_bytes);
}

void weir_handle_models(weir_service *service, weir_exchange *x) {
    const weir_adapters *adapters = &service->host->adapters;
    weir_text_buffer body = {0};
    weir_text_buffer_say(&body, "{\"object\": \"list\", \"data\": [");
    add_model(&body, service, service->model_id, NULL);
    for (size_t i = 0; i < adapters->n; i++) {
        weir_text_buffer_say(&body, ", ");
        add_model(&body, service, adapters->name[i], service->model_id);
    }
    weir_text_buffer_say(&body, "], \"has_more\": false, \"first_id\": ");
    add_text(&body, service->model_id);
    weir_text_buffer_say(&body, ", \"last_id\": ");
    add_text(&body, adapters->n > 0 ? adapters->name[adapters->n - 1] : service->model_id);
    weir_text_buffer_say(&body, "}");
    reply(x, NULL, &body);
}

void weir_handle_model(weir_service *service, weir_exchange *x) {
    const weir_adapters *adapters = &service->host->adapters;
    const char *id = weir_route_rest(x, "/v1/models/{id}");
    weir_text_buffer body = {0};
    if (strcmp(id, service->model_id) == 0)
        add_model(&body, service, id, NULL);
    for (size_t i = 0; i < adapters->n && body.n == 0; i++)
        if (strcmp(id, adapters->name[i]) == 0)
            add_model(&body, service, id, service->model_id);
    if (body.n > 0 || body.has_failed) {
        reply(x, NULL, &body);
        return;
    }
    weir_api_error error = {.http_status = 404,
                            .type = "invalid_request_error",
                            .code = "model_not_found",
                            .param = "model"};
    snprintf(error.message, sizeof error.message,
             "there is no model '%.100s'; GET /v1/models tells what there is", id);
    weir_reply_error(x, &error, 0);
}

/* ---- health ------------------------------------------------------------------------------- */

static void reply_state(weir_exchange *x, bool is_good, const char *state) {
    char body[64];
    int n = snprintf(body, sizeof body, "{\"status\": \"%s\"}", state);
    if (!is_good)
        weir_exchange_add_header(x, "Retry-After", "1");
    weir_exchange_reply(x, is_good ? 200 : 503, NULL, body, (size_t)n);
}

static bool is_lost(const weir_service *service) {
    return service->runner && weir_runner_is_lost(service->runner);
}

static const char *state_of(weir_service *service) {
    if (is_lost(service))
        return "lost";
    if (atomic_load(&service->is_draining))
        return "draining";
    return atomic_load(&service->is_ready) ? "ok" : "loading";
}

/* While draining, answers are still being made: whoever restarts what is not healthy must wait. A
 * device that is lost comes back only with a new process. */
void weir_handle_health(weir_service *service, weir_exchange *x) {
    reply_state(x, atomic_load(&service->is_ready) && !is_lost(service), state_of(service));
}

void weir_handle_ready(weir_service *service, weir_exchange *x) {
    bool is_good =
        atomic_load(&service->is_ready) && !atomic_load(&service->is_draining) && !is_lost(service);
    reply_state(x, is_good, state_of(service));
}

void weir_handle_live(weir_service *service, weir_exchange *x) {
    reply_state(x, !is_lost(service), state_of(service));
}

/* ---- properties and numbers ----------------------------------------------------------------- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* What requests get that do not say otherwise; -1: no limit. */
static void add_defaults(weir_text_buffer *out, const weir_settings *settings) {
    const weir_sampling *s = &settings->sampling;
    bool has_limit = settings->max_tokens != WEIR_NO_LIMIT;
    weir_text_buffer_format(
        out,
        "{\"temperature\": %.6g, \"top_k\": %u, \"top_p\": %.6g, \"min_p\": %.6g, "
        "\"repeat_penalty\": %.6g, \"repeat_last_n\": %lld, \"presence_penalty\": %.6g, "
        "\"frequency_penalty\": %.6g, \"max_tokens\": %lld, \"stop\": [",
        (double)s->temperature, s->top_k, (double)s->top_p, (double)s->min_p,
        (double)s->repetition_penalty, s->repeat_last_n > 0 ? (long long)s->repeat_last_n : -1,
        (double)s->presence_penalty, (double)s->frequency_penalty,
        has_limit ? (long long)settings->max_tokens : -1);
    for (size_t i = 0; i < settings->n_stop; i++) {
        weir_text_buffer_say(out, i > 0 ? ", " : "");
        add_text(out, settings->stop[i]);
    }
    weir_text_buffer_say(out, "]}");
}

/* llama.cpp's names, as far as they mean something here. Of paths only the file is told. */
void weir_handle_props(weir_service *service, weir_exchange *x) {
    const weir_host *host = service->host;
    weir_runner_stats stats;
    weir_runner_get_stats(service->runner, &stats);
    uint32_t n_seqs = host->options.engine.n_seqs;
    weir_text_buffer body = {0};
    weir_text_buffer_format(
        &body, "{\"default_generation_settings\": {\"n_ctx\": %u, \"params\": ", host->n_ctx);
    add_defaults(&body, &service->defaults);
    weir_text_buffer_format(&body,
                            "}, \"total_slots\": %u, \"model_alias\": ", n_seqs > 0 ? n_seqs : 1);
    add_text(&body, service->model_id);
    weir_text_buffer_say(&body, ", \"model_path\": ");
    add_text(&body, base_name(host->options.model_path));
    weir_text_buffer_say(
        &body, ", \"modalities\": {\"vision\": false, \"audio\": false}, \"bos_token\": ");
    weir_add_token_json(&body, host, host->tokens.bos);
    weir_text_buffer_say(&body, ", \"eos_token\": ");
    weir_add_token_json(&body, host, host->tokens.eos);
    weir_text_buffer_say(&body, ", \"chat_template\": ");
    weir_add_template_json(&body, host);
    weir_text_buffer_format(
        &body,
        ", \"chat_template_caps\": {\"supports_tools\": %s, \"supports_tool_calls\": %s, "
        "\"supports_reasoning\": %s}, \"build_info\": \"weir %s\", \"is_strict\": %s, "
        "\"kv_pages\": %u, \"answers_running\": %u, \"answers_waiting\": %u}",
        host->form.renders_tools ? "true" : "false", host->form.renders_calls ? "true" : "false",
        host->form.renders_reasoning ? "true" : "false", weir_version(),
        service->is_strict ? "true" : "false", stats.engine.n_pages, stats.n_running,
        stats.n_waiting);
    reply(x, NULL, &body);
}

void weir_handle_version(weir_service *service, weir_exchange *x) {
    (void)service;
    weir_text_buffer body = {0};
    weir_text_buffer_format(&body, "{\"version\": \"%s\"}", weir_version());
    reply(x, NULL, &body);
}

void weir_handle_metrics(weir_service *service, weir_exchange *x) {
    weir_runner_stats stats;
    weir_records_stats records = {0};
    weir_text_buffer body = {0};
    weir_runner_get_stats(service->runner, &stats);
    if (service->records)
        weir_records_get_stats(service->records, &records);
    weir_metrics_print(service->metrics, &stats, &records, service->model_id, &body);
    reply(x, "text/plain; version=0.0.4; charset=utf-8", &body);
}
