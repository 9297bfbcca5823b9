/*
 * prompt.h: a conversation as the text and the tokens that a model reads.
 */
#ifndef WEIR_TOOLS_PROMPT_H
#define WEIR_TOOLS_PROMPT_H

#include "host.h"

/* Its text, whose bytes are whose, and its tokens. */
typedef struct weir_prompt {
    const char *text; /* [n_text] */
    size_t n_text;
    size_t n_opening; /* bytes at its end that belong to the answer: "<think>" */
    int32_t *ids;     /* [n_ids] */
    size_t n_ids;
    weir_rendered rendered; /* what a template made; without one, nothing */
    char *plain;            /* else the text is here */
} weir_prompt;

/* Any thread, as long as the host is not being opened or loaded. FULL for a text that cannot fit
 * the context of a loaded host, told before it is encoded; BAD_ARGUMENT with the words of a
 * template that raises, and for an empty prompt. */
weir_status weir_prompt_make(weir_prompt *out, const weir_host *host,
                             const weir_conversation *conversation, bool add_generation_prompt,
                             weir_error *err);
void weir_prompt_free(weir_prompt *prompt);

/* One text [n] that is completed as it stands, without a template: the file's own tokens around it
 * as for raw text, no control token matched in it unless the host's options say so. */
weir_status weir_prompt_make_plain(weir_prompt *out, const weir_host *host, const char *text,
                                   size_t n, weir_error *err);

#endif
