/* constraint.c: grammars put to answers. */
#include "constraint.h"

#include <string.h>

weir_status weir_constraint_open(weir_constraint *out, const weir_host *host,
                                 weir_grammar_kind kind, const char *source, size_t n,
                                 const char *name, weir_error *err) {
    weir_grammar_options options = {.name = name}; /* JSON as the server gives it: on one line */
    *out = (weir_constraint){0};
    weir_status status = weir_grammar_open(&out->grammar, kind, source, n, &options, err);
    if (status == WEIR_STATUS_OK)
        status = weir_token_tree_open(&out->tree, host->tokenizer, err);
    if (status != WEIR_STATUS_OK)
        weir_constraint_close(out);
    return status;
}

void weir_constraint_close(weir_constraint *constraint) {
    weir_grammar_close(&constraint->grammar);
    weir_token_tree_close(&constraint->tree);
}

weir_status weir_constraint_begin(const weir_constraint *constraint, const weir_host *host,
                                  const char *opening, size_t n_opening, bool ignores_ends,
                                  weir_matcher **out, weir_error *err) {
    static const char mark[] = "<think>";
    weir_matcher_options options = {.ends = host->ends,
                                    .n_ends = ignores_ends ? 0 : host->n_ends,
                                    .starts_in_reasoning =
                                        n_opening > 0 &&
                                        memmem(opening, n_opening, mark, strlen(mark)) != NULL};
    return weir_matcher_open(out, constraint->grammar, constraint->tree, &options, err);
}
