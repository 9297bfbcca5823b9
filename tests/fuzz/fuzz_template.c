/*
 * fuzz_template.c: any text as a chat template and any text as the conversation it renders. It
 * compiles and renders within its budget or says why not in one line; the spans cover the text; a
 * second rendering is the same.
 *
 * The template ends at the first zero byte, behind which the conversation stands.
 */
#include <stdlib.h>
#include <string.h>

#include "weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 4 * 1024 * 1024, MAX_STEPS = 100 * 1000 };

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void demand_reason(weir_status status, const weir_error *err) {
    demand(status != WEIR_STATUS_OK && err->status == status);
    demand(err->text[0] != '\0' && strchr(err->text, '\n') == NULL);
}

static void demand_spans(const weir_rendered *r) {
    size_t end = 0;
    for (size_t i = 0; i < r->n_spans; i++) {
        const weir_span *s = &r->spans[i];
        demand(s->start == end && s->n > 0 && s->n <= r->n - end);
        demand(s->kind <= WEIR_SPAN_ASSISTANT && s->message >= -1);
        end += s->n;
    }
    demand(end == r->n);
}

static void render(const weir_template *tmpl, const char *context, size_t n) {
    const weir_render_options options = {.bos_token = "<s>",
                                         .eos_token = "</s>",
                                         .has_now = true,
                                         .now = 1771891200,
                                         .max_bytes = MAX_BYTES,
                                         .max_steps = MAX_STEPS};
    weir_rendered first, second;
    weir_error err = {0};
    weir_status status = weir_template_render(&first, tmpl, context, n, &options, &err);
    if (status != WEIR_STATUS_OK) {
        demand_reason(status, &err);
        demand(first.text == NULL && first.spans == NULL);
        return;
    }
    demand(first.n <= MAX_BYTES && first.text[first.n] == '\0');
    demand_spans(&first);
    demand(weir_template_render(&second, tmpl, context, n, &options, &err) == WEIR_STATUS_OK);
    demand(second.n == first.n && memcmp(second.text, first.text, first.n) == 0);
    weir_rendered_free(&second);
    weir_rendered_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = size > 0 ? (const char *)data : "";
    const char *end = memchr(text, '\0', size);
    size_t n = end != NULL ? (size_t)(end - text) : size;
    const char *context = end != NULL ? end + 1 : "{}";
    size_t n_context = end != NULL ? size - n - 1 : 2;
    weir_template *tmpl;
    weir_error err = {0};
    weir_status status = weir_template_open(&tmpl, text, n, "fuzz", &err);
    if (status == WEIR_STATUS_OK)
        render(tmpl, context, n_context);
    else
        demand_reason(status, &err);
    weir_template_close(&tmpl);
    return 0;
}
