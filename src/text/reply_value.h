/*
 * reply_value.h: reads literals as models write them, Python's and JSON's mixed, and writes them as
 * JSON. docs/toolcalls.md says what is taken and what is repaired.
 */
#ifndef WEIR_TEXT_REPLY_VALUE_H
#define WEIR_TEXT_REPLY_VALUE_H

#include "text/reply_json.h"

enum { WEIR_LITERAL_MAX_DEPTH = 128 };

/* Where a string stands says what may follow it, and so which of the quotes in it is its end. */
typedef enum weir_literal_place {
    WEIR_LITERAL_ARGUMENT = 0, /* f(a=HERE) */
    WEIR_LITERAL_ITEM = 1,     /* [HERE] */
    WEIR_LITERAL_KEY = 2,      /* {HERE: 1} */
    WEIR_LITERAL_MEMBER = 3,   /* {"a": HERE} */
    WEIR_LITERAL_ANY = 4       /* in what is skipped */
} weir_literal_place;

enum { WEIR_LITERAL_PLACES = 5, WEIR_LITERAL_QUOTES = 4 };

/* A pass over a text. Zeros but for text, n and json begin one. */
typedef struct weir_literal_reader {
    const char *text; /* [n] */
    size_t n, at;
    weir_reply_json *json;                    /* what is written */
    bool is_json;                             /* \/ means / */
    size_t n_open;                            /* brackets open here */
    const char *why;                          /* what is wrong at `at`; the first failure stays */
    bool has_leading_zeros, has_inner_quotes; /* repairs so far */
    bool has_unclosed_string;                 /* one runs to the end of the text */
    size_t first_unclosed;                    /* where the text of the first of them begins */
    /* 1 + where a string that never ends began: no later one of its kind ends either */
    size_t unclosed[WEIR_LITERAL_QUOTES][WEIR_LITERAL_PLACES];
} weir_literal_reader;

bool weir_literal_is_space(char c);
bool weir_literal_is_word_byte(char c); /* letters, digits, _ - . and all that is not ASCII */
void weir_literal_skip_space(weir_literal_reader *reader);
/* Is `byte` next? Steps over it. */
bool weir_literal_take(weir_literal_reader *reader, char byte);
/* Notes what is wrong here. Returns false. */
bool weir_literal_fail(weir_literal_reader *reader, const char *why);

/* Reads one value and writes it. On failure `at` is where it went wrong, and what was written is
 * the caller's to cut off. */
bool weir_literal_read(weir_literal_reader *reader, weir_literal_place place);
/* Writes text [n] from between the quotes of a string, as what its escapes stand for. */
void weir_literal_write_text(weir_literal_reader *reader, const char *text, size_t n);
/* Reads the key of a member and its colon, and writes the key as a string. */
bool weir_literal_read_key(weir_literal_reader *reader);

/* Goes on behind a failure until only n_open brackets are open and a comma, a closing bracket or
 * the end is next; steps over nothing of that. False if the text ends first. */
bool weir_literal_skip_to(weir_literal_reader *reader, size_t n_open);

#endif
