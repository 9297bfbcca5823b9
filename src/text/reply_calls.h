/*
 * reply_calls.h: the text between the marks of a tool call block, taken apart into calls. Knows all
 * forms and repairs (docs/toolcalls.md), nothing of marks and streams.
 */
#ifndef WEIR_TEXT_REPLY_CALLS_H
#define WEIR_TEXT_REPLY_CALLS_H

#include "text/reply_json.h"

/* A call, or a warning about what was repaired or dropped; offsets in json.text. */
typedef struct weir_reply_item {
    bool is_call;
    size_t text, n; /* the call's name; the warning, one line */
    size_t arguments, n_arguments;
} weir_reply_item;

/* Zeros are an empty one. */
typedef struct weir_reply_calls {
    weir_reply_json json;
    weir_reply_item *items; /* [n_items] in the order written */
    size_t n_items, cap_items;
    size_t n_calls,
        n_bad;          /* n_bad: what was no call and is not among the items but for a warning */
    bool is_whole_list; /* [...] and nothing else, not cut off */
    bool has_unclosed_string; /* a string runs to the end of the text: the first such begins at */
    size_t unclosed;          /* this byte of it */
} weir_reply_calls;

/* Takes text [n] apart; what calls held before is gone. False: no memory. */
bool weir_reply_calls_parse(weir_reply_calls *calls, const char *text, size_t n);
void weir_reply_calls_free(weir_reply_calls *calls);

#endif
