/*
 * jinja_parse.h: the source of a template into its tree; and what the two halves of the parser,
 * statements and expressions, share.
 */
#ifndef WEIR_TEXT_JINJA_PARSE_H
#define WEIR_TEXT_JINJA_PARSE_H

#include "gguf/name_index.h"
#include "text/jinja_ast.h"
#include "text/jinja_lex.h"

enum {
    WEIR_JINJA_MAX_NESTING = 200, /* brackets, signs and blocks inside each other */
};

/*
 * *body: the statements of the template, in pool. source lives as long as the tree. BAD_FILE for
 * what is not the language, UNSUPPORTED for what is not run here, NO_MEMORY; with the line.
 */
weir_status weir_jinja_parse(const weir_jinja_source *source, weir_jinja_pool *pool,
                             weir_jinja_nodes *body, weir_error *err);

/* ---- between the halves --------------------------------------------------------------------- */

/* The names with a meaning of their own in a macro's body. */
enum { WEIR_JINJA_CALLER, WEIR_JINJA_VARARGS, WEIR_JINJA_KWARGS, WEIR_JINJA_N_SPECIAL };

/* A macro's or caller's body that is being parsed. */
typedef struct weir_jinja_open_macro {
    struct weir_jinja_open_macro *outer;
    const weir_jinja_symbol *reads[WEIR_JINJA_N_SPECIAL]; /* before the body sets it; or NULL */
    bool writes[WEIR_JINJA_N_SPECIAL];
} weir_jinja_open_macro;

typedef struct weir_jinja_parser {
    const weir_jinja_source *source;
    weir_jinja_pool *pool;
    weir_error *err;
    weir_jinja_lexer lexer;
    weir_lex_token now, ahead; /* ahead counts only with has_ahead */
    bool has_ahead;
    weir_names names; /* of symbols */
    weir_names blocks;
    const weir_jinja_symbol **symbols; /* [cap_symbols] by number in names; NULL: no symbol yet */
    size_t cap_symbols;
    weir_jinja_open_macro *macro; /* innermost, or NULL */
    uint32_t nesting;
    uint32_t n_loops;               /* open ones that break and continue can mean */
    uint32_t n_loops_around;        /* open ones at all */
    const weir_jinja_node *unknown; /* the first filter or test that is not there; NULL: none.
                                       What an `if` guards does not count: templates ask first for
                                       what their host may lack */
} weir_jinja_parser;

weir_status weir_parser_fail(const weir_jinja_parser *parser, uint32_t line, weir_status status,
                             const char *format, ...) WEIR_PRINTF(4, 5);
/* "unexpected 'x', expected 'y'" at the token that is next. */
weir_status weir_parser_unexpected(const weir_jinja_parser *parser, const char *expected);
weir_status weir_parser_no_memory(const weir_jinja_parser *parser);

/* One level deeper; every successful one is paired with --parser->nesting. */
weir_status weir_parser_nest(weir_jinja_parser *parser);

weir_status weir_parser_advance(weir_jinja_parser *parser);
/* The token after the next one. */
weir_status weir_parser_look(weir_jinja_parser *parser, const weir_lex_token **out);
bool weir_parser_at(const weir_jinja_parser *parser, weir_lex_kind kind);
bool weir_parser_at_name(const weir_jinja_parser *parser, const char *name);
/* Goes past the token if it is this one. */
weir_status weir_parser_skip(weir_jinja_parser *parser, weir_lex_kind kind, bool *was_there);
weir_status weir_parser_skip_name(weir_jinja_parser *parser, const char *name, bool *was_there);
weir_status weir_parser_expect(weir_jinja_parser *parser, weir_lex_kind kind);
weir_status weir_parser_expect_name(weir_jinja_parser *parser, const char *name);
/* The symbol of a name; the second goes past the token, which must be one. */
weir_status weir_parser_intern(weir_jinja_parser *parser, const char *text, size_t n,
                               const weir_jinja_symbol **out);
weir_status weir_parser_symbol(weir_jinja_parser *parser, const weir_jinja_symbol **out);

weir_status weir_parser_node(weir_jinja_parser *parser, weir_jinja_kind kind, uint32_t line,
                             weir_jinja_node **out);
void weir_jinja_nodes_add(weir_jinja_nodes *nodes, weir_jinja_node *node);
/* A copy of "first middle last", 0-terminated, in the pool; NULL without memory. */
const char *weir_parser_words(weir_jinja_parser *parser, const char *first, const char *middle,
                              size_t n_middle, const char *last);
weir_status weir_parser_constant(weir_jinja_parser *parser, uint32_t line, const char *text,
                                 size_t n, weir_jinja_kind kind, weir_jinja_node **out);

/* The name of a variable is read, or set. */
void weir_parser_reads(weir_jinja_parser *parser, const weir_jinja_symbol *name);
weir_status weir_parser_writes(weir_jinja_parser *parser, const weir_jinja_symbol *name,
                               uint32_t line);

/* A constant, a name, or something in brackets; and what follows it: .name [key] (arguments). */
weir_status weir_parser_primary(weir_jinja_parser *parser, weir_jinja_node **out);
weir_status weir_parser_postfix(weir_jinja_parser *parser, weir_jinja_node **node);
/* From `(` to behind `)`. */
weir_status weir_parser_call(weir_jinja_parser *parser, weir_jinja_node *callee,
                             weir_jinja_node **out);
weir_status weir_parser_arguments(weir_jinja_parser *parser, weir_jinja_argument_list *list);
weir_status weir_parser_new_arguments(weir_jinja_parser *parser, weir_jinja_argument_list **out);
/* True, False and None in their two spellings are names only to the lexer. */
bool weir_parser_constant_name(const weir_lex_token *token, weir_jinja_value *out);

/* Expressions: with or without `a if b else c`; a tuple needs no brackets and ends before
 * end_name (NULL: none), `)` or the end of the tag. */
weir_status weir_parser_expression(weir_jinja_parser *parser, bool with_choice,
                                   weir_jinja_node **out);
weir_status weir_parser_tuple(weir_jinja_parser *parser, bool with_choice, const char *end_name,
                              weir_jinja_node **out);
/* What can be assigned to: a name, ns.name, a tuple of them. */
weir_status weir_parser_target(weir_jinja_parser *parser, const char *end_name, bool with_namespace,
                               weir_jinja_node **out);
/* `f(x) | g`, applied to the text of a block. */
weir_status weir_parser_filters(weir_jinja_parser *parser, weir_jinja_node **out);

#endif
