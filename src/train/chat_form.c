/*
 * chat_form.c: text and conversations to tokens, by the tokenizer's own chat template.
 *
 * Owns the compiled template and what was found out about it. Nothing here looks for marks in a
 * text: the renderer says whose words are which, and the tokenizer takes control tokens only from
 * the template's own.
 */
#include "train/chat_form.h"

#include "base/error.h"
#include "text/tokenizer.h"
#include "train/text_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct weir_chat_form {
    const weir_tokenizer *tokenizer;
    weir_template *tmpl; /* NULL: the tokenizer has none */
    char *name, *bos_text, *eos_text;
    int32_t bos, end_of_text, end_of_turn; /* -1: none */
    bool renders_calls;
};

/* ---- calls in a template that knows none ---------------------------------------------------- */

static bool is_argument_name(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] && !(name[0] >= '0' && name[0] <= '9') && name[strspn(name, allowed)] == '\0';
}

static void put_json(FILE *to, const json_t *value) {
    char *text = weir_text_row_dump(value);
    fputs(text ? text : "", to);
    free(text);
}

/* A value as Python writes it, which is what the family writes. */
static void put_value(FILE *to, json_t *value) {
    const char *between = "";
    if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "True" : "False", to);
    } else if (json_is_null(value)) {
        fputs("None", to);
    } else if (json_is_array(value)) {
        fputc('[', to);
        for (size_t i = 0; i < json_array_size(value); i++, between = ", ") {
            fputs(between, to);
            put_value(to, json_array_get(value, i));
        }
        fputc(']', to);
    } else if (json_is_object(value)) {
        const char *key;
        json_t *member;
        fputc('{', to);
        json_object_foreach(value, key, member) {
            json_t *text = json_string(key);
            fputs(between, to);
            put_json(to, text);
            json_decref(text);
            fputs(": ", to);
            put_value(to, member);
            between = ", ";
        }
        fputc('}', to);
    } else {
        put_json(to, value);
    }
}

/* f(city="Oslo", days=2), or the JSON form where Python has no way to say it. */
static void put_call(FILE *to, json_t *call) {
    json_t *function = json_object_get(call, "function");
    json_t *arguments = json_object_get(function, "arguments"), *value;
    const char *key, *between = "";
    bool is_python = true;
    json_object_foreach(arguments, key, value) is_python = is_python && is_argument_name(key);
    if (!is_python) {
        put_json(to, function);
        return;
    }
    fprintf(to, "%s(", json_string_value(json_object_get(function, "name")));
    json_object_foreach(arguments, key, value) {
        fprintf(to, "%s%s=", between, key);
        put_value(to, value);
        between = ", ";
    }
    fputc(')', to);
}

/* The message with its calls in its content; new, NULL without memory. */
static json_t *move_calls(json_t *message) {
    json_t *calls = json_object_get(message, "tool_calls");
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    fputs(json_string_value(json_object_get(message, "content")), to);
    fputs("<|tool_call_start|>[", to);
    for (size_t i = 0; i < json_array_size(calls); i++) {
        fputs(i ? ", " : "", to);
        put_call(to, json_array_get(calls, i));
    }
    fputs("]<|tool_call_end|>", to);
    bool is_whole = !ferror(to);
    json_t *made = fclose(to) == 0 && is_whole ? json_copy(message) : NULL;
    if (made && (json_object_set_new(made, "content", json_stringn(text, n)) != 0 ||
                 json_object_del(made, "tool_calls") != 0)) {
        json_decref(made);
        made = NULL;
    }
    free(text);
    return made;
}

/* The messages as the template reads them; new. */
static weir_status take_messages(const weir_chat_form *form, const json_t *row, json_t **out,
                                 weir_error *err) {
    json_t *messages = json_object_get(row, "messages"), *message;
    size_t i;
    *out = json_array();
    bool is_short = !*out;
    json_array_foreach(messages, i, message) {
        bool moves = !form->renders_calls && json_object_get(message, "tool_calls");
        json_t *taken = moves ? move_calls(message) : json_incref(message);
        is_short = is_short || !taken || json_array_append_new(*out, taken) != 0;
    }
    if (!is_short)
        return WEIR_STATUS_OK;
    json_decref(*out);
    *out = NULL;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a conversation");
}

/* ---- rendering ------------------------------------------------------------------------------ */

/* The template's variables as JSON text, malloc'ed; NULL without memory. */
static char *make_context(const json_t *row, json_t *messages, size_t n, bool is_asked) {
    json_t *context = json_object(), *first = json_array();
    json_t *tools = json_object_get(row, "tools");
    json_t *arguments = json_object_get(row, "template_args");
    bool is_made = context && first;
    for (size_t i = 0; is_made && i < n; i++)
        is_made = json_array_append(first, json_array_get(messages, i)) == 0;
    is_made = is_made && (!arguments || json_object_update(context, arguments) == 0) &&
              json_object_set(context, "messages", first) == 0 &&
              (!tools || json_object_set(context, "tools", tools) == 0) &&
              json_object_set_new(context, "add_generation_prompt", json_boolean(is_asked)) == 0;
    char *text = is_made ? weir_text_row_dump(context) : NULL;
    json_decref(first);
    json_decref(context);
    return text;
}

static weir_status render_context(const weir_chat_form *form, const char *context,
                                  weir_rendered *out, weir_error *err) {
    weir_render_options options = {.bos_token = form->bos_text,
                                   .eos_token = form->eos_text,
                                   .has_now = true,
                                   .now = WEIR_CHAT_FORM_NOW};
    return weir_template_render(out, form->tmpl, context, strlen(context), &options, err);
}

weir_status weir_chat_form_render(const weir_chat_form *form, const json_t *row, json_t *messages,
                                  size_t n, bool is_asked, weir_rendered *out, weir_error *err) {
    *out = (weir_rendered){0};
    assert(form->tmpl);
    char *context = make_context(row, messages, n, is_asked);
    if (!context)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a conversation");
    weir_status status = render_context(form, context, out, err);
    free(context);
    if (status == WEIR_STATUS_OK || status == WEIR_STATUS_NO_MEMORY)
        return status;
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "the template does not take it: %s",
                     err ? err->text : "");
}

/* Templates say nowhere what they look at; a small conversation shows it. */
static bool probe_calls(const weir_chat_form *form) {
    static const char context[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":"
        "\"\",\"tool_calls\":[{\"id\":\"0\",\"type\":\"function\",\"function\":{\"name\":"
        "\"weir_probe\",\"arguments\":{\"a\":1}}}]}],\"add_generation_prompt\":false}";
    weir_rendered rendered;
    bool is_found = render_context(form, context, &rendered, NULL) == WEIR_STATUS_OK &&
                    strstr(rendered.text, "weir_probe");
    weir_rendered_free(&rendered);
    return is_found;
}

/* ---- forms ---------------------------------------------------------------------------------- */

static char *text_of(const weir_tokenizer *tokenizer, int32_t id) {
    const char *bytes = "";
    size_t n = 0;
    if (id >= 0)
        weir_tokenizer_token(tokenizer, id, &bytes, &n);
    return strndup(bytes, n);
}

static int32_t find_id(const weir_tokenizer *tokenizer, const char *name, int32_t otherwise) {
    int32_t id = weir_tokenizer_find(tokenizer, name, strlen(name));
    return id >= 0 ? id : otherwise;
}

/* [n]; NULL: the tokenizer has none. */
static const char *template_of(const weir_tokenizer *tokenizer, size_t *n) {
    weir_tokenizer_info info;
    const char *name, *source = NULL;
    *n = 0;
    weir_tokenizer_get_info(tokenizer, &info);
    if (info.n_templates > 0)
        weir_tokenizer_template(tokenizer, 0, &name, &source, n);
    return source;
}

uint64_t weir_chat_form_template_hash(const weir_tokenizer *tokenizer) {
    size_t n;
    const char *source = template_of(tokenizer, &n);
    return source ? XXH64(source, n, 0) : 0;
}

weir_status weir_chat_form_open(weir_chat_form **out, const weir_tokenizer *tokenizer,
                                const char *name, weir_error *err) {
    weir_tokenizer_info info;
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    weir_tokenizer_get_info(tokenizer, &info);
    weir_chat_form *form = calloc(1, sizeof *form);
    if (!form)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the template of %s", name);
    form->tokenizer = tokenizer;
    form->bos = info.bos;
    form->end_of_text = find_id(tokenizer, "<|endoftext|>", info.eos);
    form->end_of_turn = find_id(tokenizer, "<|im_end|>", info.eos);
    form->name = strdup(name);
    form->bos_text = text_of(tokenizer, info.bos);
    form->eos_text = text_of(tokenizer, info.eos);
    if (!form->name || !form->bos_text || !form->eos_text) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the template of %s", name);
        goto fail;
    }
    size_t n;
    const char *source = template_of(tokenizer, &n);
    if (source) {
        WEIR_TRY_GOTO(weir_template_open(&form->tmpl, source, n, name, err));
        form->renders_calls = probe_calls(form);
    }
    *out = form;
    return WEIR_STATUS_OK;
fail:
    weir_chat_form_close(&form);
    return status;
}

void weir_chat_form_close(weir_chat_form **form) {
    if (!form || !*form)
        return;
    weir_template_close(&(*form)->tmpl);
    free((*form)->name);
    free((*form)->bos_text);
    free((*form)->eos_text);
    free(*form);
    *form = NULL;
}

weir_status weir_chat_form_require_template(const weir_chat_form *form, weir_error *err) {
    if (form->tmpl)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "%s has no chat template; expected one for conversations", form->name);
}

const weir_tokenizer *weir_chat_form_tokenizer(const weir_chat_form *form) {
    return form->tokenizer;
}

bool weir_chat_form_is_end(const weir_chat_form *form, int32_t id) {
    size_t n;
    const int32_t *stops = weir_tokenizer_stops(form->tokenizer, &n);
    for (size_t i = 0; i < n; i++)
        if (stops[i] == id)
            return true;
    return id >= 0 && id == form->end_of_turn;
}

/* ---- tokens --------------------------------------------------------------------------------- */

void weir_token_row_free(weir_token_row *row) {
    free(row->ids);
    free(row->is_target);
    *row = (weir_token_row){0};
}

static weir_status make_room(weir_token_row *row, size_t cap, weir_error *err) {
    if (cap <= row->cap)
        return WEIR_STATUS_OK;
    int32_t *ids = realloc(row->ids, cap * sizeof *ids);
    if (ids)
        row->ids = ids;
    bool *is_target = realloc(row->is_target, cap * sizeof *is_target);
    if (is_target)
        row->is_target = is_target;
    if (!ids || !is_target)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu tokens", cap);
    row->cap = cap;
    return WEIR_STATUS_OK;
}

static void mark_all(weir_token_row *row) {
    for (size_t i = 0; i < row->n; i++)
        row->is_target[i] = i > 0;
}

weir_status weir_chat_form_text(const weir_chat_form *form, const char *text, size_t n,
                                weir_token_row *out, weir_error *err) {
    weir_encode_options options = {.no_control = true};
    size_t n_text, n_before = form->bos >= 0;
    out->n = 0;
    out->n_bytes = n;
    WEIR_TRY(make_room(out, n + 4, err)); /* encoding gives n + 2 ids at most */
    WEIR_TRY(weir_tokenizer_encode(form->tokenizer, text, n, &options, out->ids + n_before, n + 2,
                                   &n_text, err));
    if (form->bos >= 0)
        out->ids[0] = form->bos;
    out->n = n_before + n_text;
    if (form->end_of_text >= 0)
        out->ids[out->n++] = form->end_of_text;
    mark_all(out);
    return WEIR_STATUS_OK;
}

static weir_status mark_answers(const weir_chat_form *form, const json_t *row, json_t *messages,
                                const weir_rendered *whole, weir_token_row *out, weir_error *err) {
    weir_stretch *stretches = NULL;
    size_t n;
    WEIR_TRY(weir_chat_stretches(form, row, messages, whole, &stretches, &n, err));
    weir_status status = weir_chat_mark(form, whole, stretches, n, out, err);
    free(stretches);
    return status;
}

static weir_status encode_rendered(const weir_chat_form *form, const weir_rendered *whole,
                                   weir_token_row *out, weir_error *err) {
    weir_encode_options options = {.spans = whole->spans, .n_spans = whole->n_spans};
    out->n = 0;
    out->n_bytes = whole->n;
    WEIR_TRY(make_room(out, whole->n + 2, err));
    return weir_tokenizer_encode(form->tokenizer, whole->text, whole->n, &options, out->ids,
                                 out->cap, &out->n, err);
}

weir_status weir_chat_form_conversation(const weir_chat_form *form, const json_t *row,
                                        bool assistant_only, weir_token_row *out, weir_error *err) {
    json_t *messages = NULL;
    weir_rendered whole = {0};
    weir_error own = {0}; /* lines are put together from what the template says */
    weir_status status;
    WEIR_TRY(weir_chat_form_require_template(form, err));
    WEIR_TRY(take_messages(form, row, &messages, err));
    size_t n = json_array_size(messages);
    WEIR_TRY_GOTO(weir_chat_form_render(form, row, messages, n, false, &whole, &own));
    WEIR_TRY_GOTO(encode_rendered(form, &whole, out, &own));
    if (assistant_only)
        status = mark_answers(form, row, messages, &whole, out, &own);
    else
        mark_all(out);
fail:
    if (status != WEIR_STATUS_OK)
        weir_fail(err, status, "%s", own.text);
    weir_rendered_free(&whole);
    json_decref(messages);
    return status;
}
