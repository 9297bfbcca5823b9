/*
 * host.c: opening what conversations run on.
 *
 * Invariant: tmpl and form do not change once the host is open, so every chat on it renders alike.
 */
#include "host.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/topology.h"
#include "console.h"
#include "engine_shape.h"
#include "interrupt.h"
#include "json_text.h"
#include "packed_use.h"
#include "ram_room.h"
#include "text_input.h"

#include <stdlib.h>
#include <string.h>

/* ---- template ----------------------------------------------------------------------------- */

static weir_status open_template(weir_host *host, weir_error *err) {
    const weir_host_options *o = &host->options;
    if (o->no_template)
        return WEIR_STATUS_OK;
    if (o->template_path) {
        char *text;
        size_t n;
        WEIR_TRY(weir_text_input_read(&text, &n, o->template_path, "the template", err));
        weir_status status = weir_template_open(&host->tmpl, text, n, o->template_path, err);
        free(text);
        return status;
    }
    if (host->tokens.n_templates == 0)
        return WEIR_STATUS_OK;
    const char *name, *text;
    size_t n;
    weir_tokenizer_template(host->tokenizer, 0, &name, &text, &n);
    weir_status status = weir_template_open(&host->tmpl, text, n, "the model's template", err);
    if (status == WEIR_STATUS_OK || !err)
        return status;
    weir_error cause = *err;
    return weir_fail(err, status,
                     "%s; --template gives another, --no-template completes plain text",
                     cause.text);
}

/* Does a rendering of `context` hold `word`? A template that cannot render it does not. */
static bool renders(const weir_host *host, const char *context, const char *word) {
    weir_rendered rendered;
    weir_render_options options = {.has_now = true};
    if (weir_template_render(&rendered, host->tmpl, context, strlen(context), &options, NULL) !=
        WEIR_STATUS_OK)
        return false;
    bool is_found = memmem(rendered.text, rendered.n, word, strlen(word)) != NULL;
    weir_rendered_free(&rendered);
    return is_found;
}

/* A template that cannot render it will say why when it matters. */
static bool hides_users(const weir_host *host) {
    /* Digits: upper or lower case is the same to them. */
    static const char context[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"4075162938\"}],"
                                  "\"add_generation_prompt\":true}";
    return renders(host, context, "") && !renders(host, context, "4075162938");
}

/* Templates say nowhere what they look at; a small conversation shows it. */
static void probe(weir_host *host) {
    host->hides_users = hides_users(host);
    host->form.renders_tools =
        renders(host,
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":"
                "\"function\",\"function\":{\"name\":\"weir_probe\",\"description\":\"\","
                "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}",
                "weir_probe");
    host->form.renders_calls =
        renders(host,
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
                "\"content\":\"\",\"tool_calls\":[{\"id\":\"0\",\"type\":\"function\",\"function\":"
                "{\"name\":\"weir_probe\",\"arguments\":{\"a\":1}}}]}]}",
                "weir_probe");
    host->form.renders_reasoning =
        renders(host,
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
                "\"content\":\"y\",\"thinking\":\"weir_probe\",\"reasoning_content\":"
                "\"weir_probe\"}]}",
                "weir_probe");
}

/* NAME=JSON as a member of the template's context. */
static weir_status add_argument(weir_host *host, const char *argument, weir_error *err) {
    const char *equals = strchr(argument, '=');
    if (!equals || equals == argument)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--template-arg: expected NAME=JSON, got '%.60s'", argument);
    if (weir_json_check(equals + 1, strlen(equals + 1), "--template-arg", NULL) != WEIR_STATUS_OK)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--template-arg: expected JSON behind %.*s=, got '%.60s'; texts stand in "
                         "double quotes",
                         (int)(equals - argument), argument, equals + 1);
    weir_text_buffer_say(&host->arguments, host->arguments.n > 0 ? ", " : "");
    weir_text_buffer_add_json(&host->arguments, argument, (size_t)(equals - argument));
    weir_text_buffer_format(&host->arguments, ": %s", equals + 1);
    return weir_text_buffer_check(&host->arguments, "the template's variables", err);
}

/* ---- open and close ----------------------------------------------------------------------- */

static void add_end(weir_host *host, int32_t token) {
    if (token >= 0 && host->n_ends < WEIR_HOST_ENDS && !weir_host_ends_at(host, token))
        host->ends[host->n_ends++] = token;
}

weir_status weir_host_open(weir_host **out, const weir_host_options *options, weir_error *err) {
    weir_status status;
    *out = NULL;
    weir_host *host = calloc(1, sizeof *host);
    if (!host)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a conversation");
    host->options = *options;
    WEIR_TRY_GOTO(weir_tokenizer_open(&host->tokenizer, options->model_path, NULL, err));
    weir_tokenizer_get_info(host->tokenizer, &host->tokens);
    for (size_t i = 0; i < host->tokens.n_stops; i++)
        add_end(host, host->tokens.stops[i]);
    add_end(host, host->tokens.eos);
    add_end(host, weir_host_token(host, "<|im_end|>"));
    add_end(host, weir_host_token(host, "<|endoftext|>"));
    WEIR_TRY_GOTO(open_template(host, err));
    if (!host->tmpl && options->n_template_arguments > 0) {
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "--template-arg: there is no template to give it to");
        goto fail;
    }
    for (size_t i = 0; i < options->n_template_arguments; i++)
        WEIR_TRY_GOTO(add_argument(host, options->template_arguments[i], err));
    if (host->tmpl)
        probe(host);
    *out = host;
    return WEIR_STATUS_OK;
fail:
    weir_host_close(&host);
    return status;
}

/* Chats that come from one another share most of their pages: room for two whole contexts, and a
 * page or two that each has alone, will do for all. */
static weir_status share_pages(const weir_host *host, weir_engine_options *options,
                               weir_error *err) {
    weir_plan plan;
    if (options->n_seqs <= 1 || options->n_pages > 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_plan_make(&plan, host->model, options, err));
    uint32_t n_one = plan.n_pages / plan.n_seqs;
    uint32_t n_shared = 2 * n_one + 2 * plan.n_seqs;
    if (n_shared < plan.n_pages)
        options->n_pages = n_shared;
    return WEIR_STATUS_OK;
}

/* As many pages as memory was given for. */
static weir_status fill_memory(const weir_host *host, weir_engine_options *options,
                               weir_error *err) {
    uint64_t kv_bytes = host->options.kv_bytes;
    uint64_t ram_bytes = host->options.ram_bytes;
    if (kv_bytes == WEIR_KV_QUARTER) {
        if (ram_bytes == 0)
            WEIR_TRY(weir_shape_memory(&ram_bytes, options->device, err));
        kv_bytes = ram_bytes / 4;
    }
    return weir_shape_pages(options, host->model, kv_bytes, err);
}

weir_status weir_host_load(weir_host *host, weir_error *err) {
    if (host->engine)
        return WEIR_STATUS_OK;
    double start_s = weir_clock_s();
    const weir_ram ram = weir_ram_begin(host->options.ram_bytes, host->options.n_lookup);
    weir_engine_options options = host->options.engine;
    options.progress = weir_console_progress();
    WEIR_TRY(weir_model_open(&host->model, host->options.model_path, err));
    weir_status status =
        weir_adapters_open(&host->adapters, host->model, &host->options.loras, err);
    weir_adapters_use(&host->adapters, &options);
    if (status == WEIR_STATUS_OK)
        status = weir_packed_choose(&options.packed, host->model, host->options.model_path,
                                    host->options.packed, &options, err);
    if (status == WEIR_STATUS_OK)
        status = host->options.kv_bytes > 0 ? fill_memory(host, &options, err)
                                            : share_pages(host, &options, err);
    if (status == WEIR_STATUS_OK)
        status = weir_ram_use(&options, host->model, &ram, err);
    if (status == WEIR_STATUS_OK)
        status = weir_engine_open(&host->engine, host->model, &options, err);
    weir_packed_close(&options.packed);
    if (status != WEIR_STATUS_OK) {
        weir_adapters_close(&host->adapters);
        weir_model_close(&host->model);
        return status;
    }
    weir_plan plan;
    weir_engine_memory(host->engine, &plan);
    host->n_ctx = plan.n_ctx;
    host->load_s = weir_clock_s() - start_s;
    weir_interrupt_with_care(host->engine);
    return WEIR_STATUS_OK;
}

void weir_host_close(weir_host **host) {
    weir_host *h = *host;
    if (!h)
        return;
    if (h->engine)
        weir_interrupt_with_care(NULL);
    weir_engine_close(&h->engine);
    weir_adapters_close(&h->adapters);
    weir_model_close(&h->model);
    weir_template_close(&h->tmpl);
    weir_tokenizer_close(&h->tokenizer);
    weir_text_buffer_free(&h->arguments);
    free(h);
    *host = NULL;
}

int32_t weir_host_token(const weir_host *host, const char *text) {
    const char *bytes;
    size_t n;
    int32_t id = weir_tokenizer_find(host->tokenizer, text, strlen(text));
    weir_token_kind kind = weir_tokenizer_token(host->tokenizer, id, &bytes, &n);
    return kind == WEIR_TOKEN_CONTROL || kind == WEIR_TOKEN_USER_DEFINED ? id : -1;
}

bool weir_host_ends_at(const weir_host *host, int32_t token) {
    for (size_t i = 0; i < host->n_ends; i++)
        if (token == host->ends[i])
            return true;
    return false;
}
