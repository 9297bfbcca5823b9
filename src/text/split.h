/*
 * split.h: text into pieces by a tokenizer's regular expression, as the pre-tokenizer of a
 * tokenizer.json does with behavior "Isolated": matches are pieces, and so is what lies between.
 *
 * Expressions are written for the engine of Hugging Face's tokenizers (Oniguruma, Ruby's syntax)
 * and run by PCRE2. What the two read alike is taken, \s and \S are rewritten to what they mean
 * there, and what they read differently is refused. A splitter is immutable; any thread may use it.
 * Knows no tokens.
 */
#ifndef WEIR_TEXT_SPLIT_H
#define WEIR_TEXT_SPLIT_H

#include "weir.h"

typedef struct weir_splitter weir_splitter;

/* The expression of the LFM2 family. */
extern const char weir_split_family[];
/* Is it this one, or the other spelling in which the family publishes it and which cuts alike? */
bool weir_split_is_family(const char *regex, size_t n);

/* UNSUPPORTED says what in the regex [n] is not understood, and where. */
weir_status weir_splitter_open(weir_splitter **out, const char *regex, size_t n, weir_error *err);
void weir_splitter_close(weir_splitter **splitter);

/* One text after another on its way through a splitter; one thread. */
typedef struct weir_split_walk weir_split_walk;

/* The splitter must outlive it. */
weir_status weir_split_walk_open(weir_split_walk **out, const weir_splitter *splitter,
                                 weir_error *err);
void weir_split_walk_close(weir_split_walk **walk);
/* The next text, kept by the caller. */
void weir_split_walk_start(weir_split_walk *walk, const char *text, size_t n);
/* *end: where the next piece ends; the first begins at 0, every other where the last one ended, and
 * none is empty. Where nothing is left, *end is where the last one ended. UNSUPPORTED if the
 * expression needs more steps than the texts' length allows. */
weir_status weir_split_walk_next(weir_split_walk *walk, size_t *end, weir_error *err);

#endif
