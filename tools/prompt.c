/*
 * prompt.c: from a conversation to the text and the tokens that a model reads.
 *
 * Invariant: only the template's own words can become control tokens; of an earlier answer the
 * marks that answers are made of as well.
 */
#include "prompt.h"

#include "base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char think_begin[] = "<think>";

void weir_prompt_free(weir_prompt *prompt) {
    weir_rendered_free(&prompt->rendered);
    free(prompt->plain);
    free(prompt->ids);
    *prompt = (weir_prompt){0};
}

/* The text of a control token; NULL: there is none. It lives as long as the tokenizer. */
static char *token_text(const weir_host *host, int32_t id) {
    const char *bytes;
    size_t n;
    if (weir_tokenizer_token(host->tokenizer, id, &bytes, &n) == WEIR_TOKEN_NONE)
        return NULL;
    return weir_text_copy(bytes, n);
}

static weir_status render(const weir_host *host, const weir_conversation *conversation,
                          bool add_generation_prompt, weir_rendered *out, weir_error *err) {
    weir_text_buffer context = {0};
    weir_status status = weir_conversation_context(conversation, &host->form, add_generation_prompt,
                                                   host->arguments.data, &context, err);
    char *bos = token_text(host, host->tokens.bos), *eos = token_text(host, host->tokens.eos);
    weir_render_options options = {
        .bos_token = bos,
        .eos_token = eos,
        .has_now = true,
        .now = conversation->started,
    };
    if (status == WEIR_STATUS_OK)
        status = weir_template_render(out, host->tmpl, context.data, context.n, &options, err);
    weir_text_buffer_free(&context);
    free(bos);
    free(eos);
    return status;
}

/* Without a template a conversation is one text, its messages one behind the other. */
static weir_status join(const weir_conversation *conversation, weir_prompt *out, weir_error *err) {
    weir_text_buffer text = {0};
    weir_text_buffer_say(&text, "");
    for (size_t i = 0; i < conversation->n_messages; i++) {
        const weir_message *m = &conversation->message[i];
        weir_text_buffer_add(&text, m->content, m->n_content);
    }
    WEIR_TRY(weir_text_buffer_check(&text, "the prompt", err));
    out->plain = text.data;
    out->text = text.data;
    out->n_text = text.n;
    return WEIR_STATUS_OK;
}

/* Bytes of the longest token, at least one. */
static size_t longest_token(const weir_host *host) {
    size_t n_longest = 1;
    for (size_t id = 0; id < host->tokens.n_tokens; id++) {
        const char *bytes;
        size_t n;
        weir_tokenizer_token(host->tokenizer, (int32_t)id, &bytes, &n);
        n_longest = n > n_longest ? n : n_longest;
    }
    return n_longest;
}

/* Tokens say every byte of a text. One that cannot fit even in the longest of them is refused
 * before the time and the memory are spent that it takes to encode it. */
static weir_status check_size(const weir_host *host, const weir_prompt *prompt, weir_error *err) {
    if (prompt->n_text < host->n_ctx || !host->engine)
        return WEIR_STATUS_OK;
    size_t n_least = prompt->n_text / longest_token(host);
    return n_least < host->n_ctx
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_FULL,
                           "the context is full: the prompt has %zu bytes, at least %zu tokens, "
                           "and %u are all that prompt and answer may have together (--ctx)",
                           prompt->n_text, n_least, host->n_ctx);
}

static weir_status encode(const weir_host *host, bool is_plain, weir_prompt *out, weir_error *err) {
    weir_encode_options options = {
        .add_special = is_plain,
        .no_control = is_plain && !host->options.matches_control,
        .spans = out->rendered.spans,
        .n_spans = out->rendered.n_spans,
    };
    size_t cap = out->n_text + 2;
    out->ids = malloc(cap * sizeof *out->ids);
    if (!out->ids)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the tokens of the prompt");
    WEIR_TRY(weir_tokenizer_encode(host->tokenizer, out->text, out->n_text, &options, out->ids, cap,
                                   &out->n_ids, err));
    /* An end token behind a text that is to go on would end it. */
    if (is_plain && host->tokens.add_eos && out->n_ids > 0 &&
        out->ids[out->n_ids - 1] == host->tokens.eos)
        out->n_ids--;
    return WEIR_STATUS_OK;
}

/* The length of "<think>" and white space at the end of a prompt, where the template wrote it. */
static size_t find_opening(const weir_prompt *prompt) {
    const weir_rendered *r = &prompt->rendered;
    size_t n = r->n, n_begin = strlen(think_begin);
    while (n > 0 && isspace((unsigned char)r->text[n - 1]))
        n--;
    if (n < n_begin || memcmp(r->text + n - n_begin, think_begin, n_begin) != 0)
        return 0;
    size_t at = n - n_begin;
    const weir_span *last = r->n_spans > 0 ? &r->spans[r->n_spans - 1] : NULL;
    if (last && (last->kind != WEIR_SPAN_TEMPLATE || last->start > at))
        return 0;
    return r->n - at;
}

/* What is the same for both: the tokens of out->text. */
static weir_status finish(const weir_host *host, bool is_plain, weir_prompt *out, weir_error *err) {
    WEIR_TRY(check_size(host, out, err));
    WEIR_TRY(encode(host, is_plain, out, err));
    return out->n_ids > 0
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "the prompt is empty: it has not even a token that begins a text");
}

weir_status weir_prompt_make(weir_prompt *out, const weir_host *host,
                             const weir_conversation *conversation, bool add_generation_prompt,
                             weir_error *err) {
    *out = (weir_prompt){0};
    weir_status status;
    if (host->tmpl) {
        status = render(host, conversation, add_generation_prompt, &out->rendered, err);
        out->text = out->rendered.text;
        out->n_text = out->rendered.n;
    } else {
        status = join(conversation, out, err);
    }
    if (status == WEIR_STATUS_OK)
        status = finish(host, !host->tmpl, out, err);
    if (status == WEIR_STATUS_OK && host->tmpl && add_generation_prompt)
        out->n_opening = find_opening(out);
    if (status != WEIR_STATUS_OK)
        weir_prompt_free(out);
    return status;
}

weir_status weir_prompt_make_plain(weir_prompt *out, const weir_host *host, const char *text,
                                   size_t n, weir_error *err) {
    *out = (weir_prompt){.plain = weir_text_copy(text, n), .n_text = n};
    out->text = out->plain;
    weir_status status = out->plain ? finish(host, true, out, err)
                                    : weir_fail(err, WEIR_STATUS_NO_MEMORY,
                                                "no memory for a prompt of %zu bytes", n);
    if (status != WEIR_STATUS_OK)
        weir_prompt_free(out);
    return status;
}
