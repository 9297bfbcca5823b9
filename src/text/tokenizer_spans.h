/*
 * tokenizer_spans.h: whose bytes are these? Answers, for places that go forward through a text, how
 * far from there a control token may reach.
 */
#ifndef WEIR_TEXT_TOKENIZER_SPANS_H
#define WEIR_TEXT_TOKENIZER_SPANS_H

#include "text/added_tokens.h"

typedef struct weir_permits {
    const weir_span *spans; /* [n_spans] */
    size_t n_spans;
    size_t next; /* the first span that does not end at or before the last place asked for */
    size_t allowed_to[WEIR_N_ADDED_CLASSES]; /* found for that place; holds until it is reached, so
                                                that every span is looked at once a class */
    bool no_control;
} weir_permits;

/* BAD_ARGUMENT names the span that is out of order or reaches behind the text's n bytes. options
 * may be NULL. */
weir_status weir_permits_open(weir_permits *out, const weir_encode_options *options, size_t n,
                              weir_error *err);

/* For each class of tokens the end, at most `end`, of the bytes from `at` that all allow it; `at`
 * where there are none. No `at` is smaller than the one before. */
void weir_permits_from(weir_permits *permits, size_t at, size_t end,
                       size_t limits[WEIR_N_ADDED_CLASSES]);

#endif
