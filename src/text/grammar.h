/*
 * grammar.h: what a compiled grammar is made of, and the compilers of its kinds.
 */
#ifndef WEIR_TEXT_GRAMMAR_H
#define WEIR_TEXT_GRAMMAR_H

#include "text/pda.h"

#include <pthread.h>

struct weir_grammar {
    weir_pda pda;
    /* What matchers found out, for all of them: see matcher_store.h. */
    struct weir_matcher_shared *shared;
};

/* Each builds the automaton of source [n] and gives back where the text begins. Failures stick to
 * the builder; their lines begin without the grammar's name. */
uint32_t weir_gbnf_build(weir_pda_builder *b, const char *source, size_t n);
uint32_t weir_json_schema_build(weir_pda_builder *b, const char *source, size_t n, bool any_space);
uint32_t weir_json_object_build(weir_pda_builder *b, bool any_space);
uint32_t weir_regex_build(weir_pda_builder *b, const char *source, size_t n);

/* The texts of TOOLS, with marks as control tokens and as bytes. */
typedef struct weir_tool_starts {
    uint32_t plain, bytes;
} weir_tool_starts;
weir_tool_starts weir_grammar_tools_build(weir_pda_builder *b, const char *source, size_t n,
                                          const weir_grammar_options *options);

#endif
