/*
 * template.c: chat templates as the public interface has them: compile, render, spans.
 *
 * Owns the compiled template, which holds its own copy of the source, and what a rendering returns.
 * The language is in jinja_parse.h and jinja_eval.h, its values in jinja_value.h. Invariant: the
 * spans of a rendering are ascending, not empty, neighbours differ, and they cover the text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_eval.h"
#include "text/jinja_json.h"
#include "text/jinja_parse.h"

enum { MAX_SOURCE_BYTES = 1024 * 1024 };

struct weir_template {
    weir_jinja_source source; /* in text and name, with '\n' as its only line end */
    weir_jinja_pool pool;
    weir_jinja_nodes body;
};

/* ---- compile ----------------------------------------------------------------------------------
 */

static uint32_t line_of(const char *text, size_t at) {
    uint32_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return line;
}

static weir_status check_source(const char *source, size_t n, const char *name, weir_error *err) {
    if (n > MAX_SOURCE_BYTES)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: a template of %zu bytes, expected %d at most", name, n,
                         MAX_SOURCE_BYTES);
    size_t n_valid = weir_utf8_valid(source, n);
    if (n_valid < n)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: line %u: byte %zu is not UTF-8", name,
                         line_of(source, n_valid), n_valid);
    return WEIR_STATUS_OK;
}

/* Copies text [n] with every line end as "\n" and without one at the end. Returns the length. */
static size_t copy_lines(const char *text, size_t n, char *out) {
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
            continue;
        out[n_out++] = text[i] == '\r' ? '\n' : text[i];
    }
    return n_out > 0 && out[n_out - 1] == '\n' ? n_out - 1 : n_out;
}

static weir_status copy_source(weir_template *tmpl, const char *source, size_t n, const char *name,
                               weir_error *err) {
    size_t n_name = strlen(name);
    char *text = weir_jinja_pool_take(&tmpl->pool, n + 1);
    char *own_name = weir_jinja_pool_take(&tmpl->pool, n_name + 1);
    if (text == NULL || own_name == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a template of %zu bytes",
                         name, n);
    memcpy(own_name, name, n_name);
    tmpl->source =
        (weir_jinja_source){.name = own_name, .text = text, .n = copy_lines(source, n, text)};
    return WEIR_STATUS_OK;
}

weir_status weir_template_open(weir_template **out, const char *source, size_t n, const char *name,
                               weir_error *err) {
    *out = NULL;
    WEIR_TRY(check_source(source, n, name, err));
    weir_template *tmpl = calloc(1, sizeof *tmpl);
    if (tmpl == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a template", name);
    weir_status status;
    WEIR_TRY_GOTO(copy_source(tmpl, source, n, name, err));
    WEIR_TRY_GOTO(weir_jinja_parse(&tmpl->source, &tmpl->pool, &tmpl->body, err));
    *out = tmpl;
    return WEIR_STATUS_OK;
fail:
    weir_template_close(&tmpl);
    return status;
}

void weir_template_close(weir_template **tmpl) {
    if (tmpl == NULL || *tmpl == NULL)
        return;
    weir_jinja_pool_free(&(*tmpl)->pool);
    free(*tmpl);
    *tmpl = NULL;
}

/* ---- render -----------------------------------------------------------------------------------
 */

/* A token's text that the options give. One in the conversation takes its place; it is trusted only
 * if it is the same. */
static weir_status add_token(weir_jinja_run *run, weir_jinja_dict *context, const char *name,
                             const char *text) {
    weir_jinja_value key, value;
    const weir_jinja_entry *given = weir_jinja_find_text(context, name, strlen(name));
    if (given != NULL && !(given->value.type == WEIR_JINJA_STRING &&
                           weir_jinja_string_is(given->value.as.string, text)))
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_borrow_string(run, name, strlen(name), 0, &key));
    WEIR_TRY(weir_jinja_borrow_string(run, text, strlen(text), 0, &value));
    return weir_jinja_set(run, context, key, value);
}

static weir_span span_of(const weir_jinja_string *text, size_t i) {
    size_t end;
    weir_jinja_stretch stretch = weir_jinja_stretch_at(text, i, &end);
    return (weir_span){.start = stretch.start,
                       .n = end - stretch.start,
                       .kind = weir_jinja_origin_kind(stretch.origin),
                       .message = weir_jinja_origin_message(stretch.origin),
                       .is_generation = weir_jinja_origin_is_generation(stretch.origin)};
}

/* Text and spans in memory of their own. */
static weir_status hand_out(weir_rendered *out, const weir_jinja_string *text, weir_error *err) {
    size_t n_spans = text->n > 0 ? text->n_more + 1 : 0;
    out->text = malloc(text->n + 1);
    out->spans = calloc(n_spans > 0 ? n_spans : 1, sizeof *out->spans);
    if (out->text == NULL || out->spans == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a rendering of %zu bytes",
                         text->n);
    if (text->n > 0)
        memcpy(out->text, text->data, text->n);
    out->text[text->n] = '\0';
    out->n = text->n;
    for (size_t i = 0; i < n_spans; i++)
        out->spans[i] = span_of(text, i);
    out->n_spans = n_spans;
    return WEIR_STATUS_OK;
}

static weir_status render(weir_rendered *out, weir_jinja_run *run, const weir_template *tmpl,
                          const char *context, size_t n_context,
                          const weir_render_options *options) {
    weir_jinja_value variables, text;
    weir_jinja_builder builder;
    const char *bos = options->bos_token, *eos = options->eos_token;
    WEIR_TRY(weir_jinja_read_context(run, context, n_context, &variables));
    WEIR_TRY(add_token(run, variables.as.dict, "bos_token", bos != NULL ? bos : ""));
    WEIR_TRY(add_token(run, variables.as.dict, "eos_token", eos != NULL ? eos : ""));
    WEIR_TRY(weir_jinja_build(&builder, run, 0));
    WEIR_TRY(weir_jinja_evaluate(run, &tmpl->body, variables, &builder));
    WEIR_TRY(weir_jinja_built(&builder, &text));
    return hand_out(out, text.as.string, run->err);
}

weir_status weir_template_render(weir_rendered *out, const weir_template *tmpl, const char *context,
                                 size_t n_context, const weir_render_options *options,
                                 weir_error *err) {
    static const weir_render_options defaults;
    weir_jinja_run run;
    *out = (weir_rendered){0};
    if (options == NULL)
        options = &defaults;
    weir_jinja_run_open(&run, tmpl->source.name, options, err);
    weir_status status = render(out, &run, tmpl, context, n_context, options);
    weir_jinja_run_close(&run);
    if (status != WEIR_STATUS_OK)
        weir_rendered_free(out);
    return status;
}

void weir_rendered_free(weir_rendered *rendered) {
    if (rendered == NULL)
        return;
    free(rendered->text);
    free(rendered->spans);
    *rendered = (weir_rendered){0};
}
