/*
 * chat_targets.c: where the assistant speaks in a rendered conversation, and which tokens that
 * makes targets.
 *
 * A template with a generation tag says it. Of one without, the words of answer k are what the
 * rendering up to it has more than the rendering before it with the prompt for an answer; that
 * holds as long as each is the beginning of the whole, which is checked.
 *
 *   messages before k, asked   <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n
 *   messages up to k           ......................................................
 * Ho<|im_end|>\n targets Ho<|im_end|>
 */
#include "train/chat_form.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- stretches ------------------------------------------------------------------------------ */

static size_t take_tagged(const weir_rendered *whole, weir_stretch *out) {
    size_t n = 0;
    for (size_t i = 0; i < whole->n_spans; i++) {
        const weir_span *span = &whole->spans[i];
        if (!span->is_generation)
            continue;
        if (n > 0 && out[n - 1].end == span->start)
            out[n - 1].end += span->n;
        else
            out[n++] = (weir_stretch){span->start, span->start + span->n};
    }
    return n;
}

/* Renders the beginning of the conversation; *end: how much of the whole it is. */
static weir_status measure(const weir_chat_form *form, const json_t *row, json_t *messages,
                           size_t n, bool is_asked, const weir_rendered *whole, size_t *end,
                           weir_error *err) {
    weir_rendered part;
    WEIR_TRY(weir_chat_form_render(form, row, messages, n, is_asked, &part, err));
    bool is_beginning = part.n <= whole->n && memcmp(part.text, whole->text, part.n) == 0;
    *end = part.n;
    weir_rendered_free(&part);
    if (is_beginning)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "message %zu: the template has no generation tag and renders the first %zu "
                     "messages otherwise when more follow (earlier thinking left out?), so the "
                     "words of the answer cannot be told",
                     is_asked ? n + 1 : n, n);
}

static bool is_answer(const json_t *message) {
    const char *role = json_string_value(json_object_get(message, "role"));
    return role && strcmp(role, "assistant") == 0;
}

static weir_status take_derived(const weir_chat_form *form, const json_t *row, json_t *messages,
                                const weir_rendered *whole, weir_stretch *out, size_t *n,
                                weir_error *err) {
    size_t n_messages = json_array_size(messages);
    for (size_t i = 0; i < n_messages; i++) {
        weir_stretch *stretch = &out[*n];
        if (!is_answer(json_array_get(messages, i)))
            continue;
        WEIR_TRY(measure(form, row, messages, i, true, whole, &stretch->start, err));
        stretch->end = whole->n;
        if (i + 1 < n_messages)
            WEIR_TRY(measure(form, row, messages, i + 1, false, whole, &stretch->end, err));
        if (stretch->end < stretch->start)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "message %zu: the template renders less with the answer than with the "
                             "prompt for it, so its words cannot be told",
                             i + 1);
        ++*n;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_chat_stretches(const weir_chat_form *form, const json_t *row, json_t *messages,
                                const weir_rendered *whole, weir_stretch **out, size_t *n,
                                weir_error *err) {
    *n = 0;
    *out = calloc(whole->n_spans + json_array_size(messages) + 1, sizeof **out);
    if (!*out)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a conversation");
    *n = take_tagged(whole, *out);
    if (*n > 0)
        return WEIR_STATUS_OK;
    weir_status status = take_derived(form, row, messages, whole, *out, n, err);
    if (status != WEIR_STATUS_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* Tokens [first, end) of an answer: what stands behind the end of the turn is the template's. */
static void mark_answer(const weir_chat_form *form, size_t first, size_t end, weir_token_row *row) {
    size_t last = end;
    while (last > first && !weir_chat_form_is_end(form, row->ids[last - 1]))
        last--;
    for (size_t i = first; i < (last > first ? last : end); i++)
        row->is_target[i] = i > 0;
}

weir_status weir_chat_mark(const weir_chat_form *form, const weir_rendered *whole,
                           const weir_stretch *stretches, size_t n, weir_token_row *row,
                           weir_error *err) {
    const weir_tokenizer *tokenizer = weir_chat_form_tokenizer(form);
    size_t at = 0, k = 0, first = 0;
    for (size_t i = 0; i < row->n; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_tokenizer_token(tokenizer, row->ids[i], &bytes, &n_bytes);
        if (n_bytes > whole->n - at || memcmp(whole->text + at, bytes, n_bytes) != 0)
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "byte %zu of the rendering: token %d does not spell it", at,
                             row->ids[i]);
        while (k < n && at >= stretches[k].end) {
            mark_answer(form, first, i, row);
            first = i;
            k++;
        }
        if (k < n && at < stretches[k].start)
            first = i + 1;
        row->is_target[i] = false;
        at += n_bytes;
    }
    if (k < n)
        mark_answer(form, first, row->n, row);
    return WEIR_STATUS_OK;
}
