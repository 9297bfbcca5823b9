/*
 * constraint.h: what an answer has to be: a grammar and the vocabulary that it is put to.
 */
#ifndef WEIR_TOOLS_CONSTRAINT_H
#define WEIR_TOOLS_CONSTRAINT_H

#include "host.h"

typedef struct weir_constraint {
    weir_grammar *grammar; /* NULL: none */
    weir_token_tree *tree;
} weir_constraint;

/* source [n] as weir_grammar_open takes it; name begins error lines. */
weir_status weir_constraint_open(weir_constraint *out, const weir_host *host,
                                 weir_grammar_kind kind, const char *source, size_t n,
                                 const char *name, weir_error *err);
void weir_constraint_close(weir_constraint *constraint);

/* A matcher for one answer, whose prompt ended in opening [n_opening]. */
weir_status weir_constraint_begin(const weir_constraint *constraint, const weir_host *host,
                                  const char *opening, size_t n_opening, bool ignores_ends,
                                  weir_matcher **out, weir_error *err);

#endif
