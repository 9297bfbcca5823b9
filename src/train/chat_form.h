/*
 * chat_form.h: how text and conversations become tokens, and which of them are to be learnt.
 *
 * A weir_chat_form is a tokenizer with the chat template it brings. Immutable; any thread may read
 * it.
 */
#ifndef WEIR_TRAIN_CHAT_FORM_H
#define WEIR_TRAIN_CHAT_FORM_H

#include "weir.h"
#include <jansson.h>

typedef struct weir_chat_form weir_chat_form;

/* What templates that ask for the time are told, 2025-01-01, in UTC: the same row gives the same
 * tokens on any day. */
enum { WEIR_CHAT_FORM_NOW = 1735689600 };

/* The tokenizer is the caller's and stays open as long. One without a template is no error here.
 * name begins error lines: where the tokenizer is from. */
weir_status weir_chat_form_open(weir_chat_form **out, const weir_tokenizer *tokenizer,
                                const char *name, weir_error *err);
void weir_chat_form_close(weir_chat_form **form);

/* BAD_ARGUMENT: the tokenizer brings no template, so there are no conversations. */
weir_status weir_chat_form_require_template(const weir_chat_form *form, weir_error *err);

/* Of the template that a form of this tokenizer has; 0: none. */
uint64_t weir_chat_form_template_hash(const weir_tokenizer *tokenizer);

/* The tokens of one sample; a zeroed struct is empty. */
typedef struct weir_token_row {
    int32_t *ids;    /* [n] */
    bool *is_target; /* [n]; the first never is */
    size_t n, cap;
    uint64_t n_bytes; /* of the text they stand for */
} weir_token_row;

void weir_token_row_free(weir_token_row *row);

/* BOS, the text without any control token, <|endoftext|> (else EOS); all but the first are
 * targets. */
weir_status weir_chat_form_text(const weir_chat_form *form, const char *text, size_t n,
                                weir_token_row *out, weir_error *err);

/*
 * A conversation as weir_text_row has it: "messages", "tools"?, "template_args"?, rendered by the
 * template. Targets are the assistant's words and the end of its turn, nothing behind that; or,
 * without assistant_only, all but the first. Which words those are the template says: by its
 * generation tag, or by where renderings with and without an answer begin to differ. BAD_FILE
 * without "where" for a conversation that the template does not take.
 */
weir_status weir_chat_form_conversation(const weir_chat_form *form, const json_t *row,
                                        bool assistant_only, weir_token_row *out, weir_error *err);

/* ---- inside: chat_form.c renders, chat_targets.c finds the targets --------------------------- */

/* Bytes [start, end) of a rendering. */
typedef struct weir_stretch {
    size_t start, end;
} weir_stretch;

/* The first n messages of a conversation; is_asked: up to where the assistant is to begin. With a
 * template. */
weir_status weir_chat_form_render(const weir_chat_form *form, const json_t *row, json_t *messages,
                                  size_t n, bool is_asked, weir_rendered *out, weir_error *err);

const weir_tokenizer *weir_chat_form_tokenizer(const weir_chat_form *form);

/* Does this token end a turn? */
bool weir_chat_form_is_end(const weir_chat_form *form, int32_t id);

/* Where the assistant speaks in `whole`, the rendering of all messages; malloc'ed. */
weir_status weir_chat_stretches(const weir_chat_form *form, const json_t *row, json_t *messages,
                                const weir_rendered *whole, weir_stretch **out, size_t *n,
                                weir_error *err);

/* Fills row->is_target from the stretches. FAILED if the tokens do not spell the rendering. */
weir_status weir_chat_mark(const weir_chat_form *form, const weir_rendered *whole,
                           const weir_stretch *stretches, size_t n, weir_token_row *row,
                           weir_error *err);

#endif
