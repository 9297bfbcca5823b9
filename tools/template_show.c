/*
 * template_show.c: see template_show.h.
 *
 * Owns the columns and the JSON keys, which only ever grow. Texts come out byte for byte, with one
 * line end more on a terminal, where the next prompt would else stand behind them.
 */
#include "template_show.h"

#include "base/error.h"
#include "console.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *kind_name(weir_span_kind kind) {
    switch (kind) {
    case WEIR_SPAN_TEMPLATE:
        return "template";
    case WEIR_SPAN_CONTENT:
        return "content";
    case WEIR_SPAN_ASSISTANT:
        return "assistant";
    }
    return "?";
}

static void print_bytes(const char *text, size_t n) {
    fwrite(text, 1, n, stdout);
    if (n > 0 && text[n - 1] != '\n' && isatty(STDOUT_FILENO))
        putchar('\n');
}

static void print_spans(const weir_rendered *rendered) {
    printf("%8s %8s  %-9s %7s %-5s  %s\n", "start", "bytes", "kind", "message", "learn", "text");
    for (size_t i = 0; i < rendered->n_spans; i++) {
        const weir_span *span = &rendered->spans[i];
        char message[16] = "-";
        if (span->message >= 0)
            snprintf(message, sizeof message, "%d", span->message);
        printf("%8zu %8zu  %-9s %7s %-5s  ", span->start, span->n, kind_name(span->kind), message,
               span->is_generation ? "yes" : "-");
        weir_print_text(stdout, rendered->text + span->start, span->n);
        putchar('\n');
    }
}

/* Ids of the text, under the rules of its spans; the caller frees *ids. */
static weir_status encode(int32_t **ids, size_t *n_ids, const weir_rendered *rendered,
                          const weir_tokenizer *tokenizer, weir_error *err) {
    weir_encode_options options = {.spans = rendered->spans, .n_spans = rendered->n_spans};
    size_t cap = rendered->n + 2;
    *ids = malloc(cap * sizeof **ids);
    if (!*ids)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu ids", cap);
    return weir_tokenizer_encode(tokenizer, rendered->text, rendered->n, &options, *ids, cap, n_ids,
                                 err);
}

static weir_status print_json(const weir_rendered *rendered, const int32_t *ids, size_t n_ids,
                              weir_error *err) {
    json_t *spans = json_array(), *tokens = json_array();
    for (size_t i = 0; i < rendered->n_spans; i++) {
        const weir_span *span = &rendered->spans[i];
        json_t *message = span->message < 0 ? json_null() : json_integer(span->message);
        json_array_append_new(spans,
                              json_pack("{sI sI ss so sb}", "start", (json_int_t)span->start, "n",
                                        (json_int_t)span->n, "kind", kind_name(span->kind),
                                        "message", message, "generation", span->is_generation));
    }
    for (size_t i = 0; i < n_ids; i++)
        json_array_append_new(tokens, json_integer(ids[i]));
    bool is_whole = json_array_size(spans) == rendered->n_spans && json_array_size(tokens) == n_ids;
    json_t *answer =
        json_pack("{so so}", "text", weir_json_text(rendered->text, rendered->n), "spans", spans);
    if (ids && answer)
        json_object_set(answer, "ids", tokens);
    json_decref(tokens);
    if (!is_whole) {
        json_decref(answer);
        answer = NULL;
    }
    return weir_json_print(answer, err);
}

weir_status weir_template_show(const weir_rendered *rendered, const weir_tokenizer *tokenizer,
                               const weir_template_forms *forms, weir_error *err) {
    int32_t *ids = NULL;
    size_t n_ids = 0;
    weir_status status = WEIR_STATUS_OK;
    if (forms->tokens)
        WEIR_TRY_GOTO(encode(&ids, &n_ids, rendered, tokenizer, err));
    if (forms->json) {
        status = print_json(rendered, ids, n_ids, err);
    } else if (forms->tokens) {
        for (size_t i = 0; i < n_ids; i++)
            printf(i ? ",%d" : "%d", ids[i]);
        putchar('\n');
    } else if (forms->spans) {
        print_spans(rendered);
    } else {
        print_bytes(rendered->text, rendered->n);
    }
fail:
    free(ids);
    return status;
}

weir_status weir_template_show_list(const weir_tokenizer *model, size_t n_file, bool as_json,
                                    weir_error *err) {
    weir_tokenizer_info info = {.n_templates = 1};
    if (model)
        weir_tokenizer_get_info(model, &info);
    json_t *list = json_array();
    for (size_t i = 0; i < info.n_templates; i++) {
        const char *name = "", *text;
        size_t n = n_file;
        if (model)
            weir_tokenizer_template(model, i, &name, &text, &n);
        if (!*name)
            name = "default";
        if (as_json)
            json_array_append_new(list,
                                  json_pack("{so sI}", "name", weir_json_text(name, strlen(name)),
                                            "bytes", (json_int_t)n));
        else {
            weir_print_text(stdout, name, strlen(name));
            printf("  %zu bytes\n", n);
        }
    }
    if (as_json)
        return weir_json_print(json_pack("{so}", "templates", list), err);
    json_decref(list);
    return WEIR_STATUS_OK;
}

weir_status weir_template_show_source(const char *text, size_t n, bool as_json, weir_error *err) {
    if (as_json)
        return weir_json_print(json_pack("{so}", "source", weir_json_text(text, n)), err);
    print_bytes(text, n);
    return WEIR_STATUS_OK;
}
