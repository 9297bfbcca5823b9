/*
 * jinja_parse_common.c: what the parser stands on: its way through the tokens, its error lines,
 * new nodes, names and which of them a macro reads. Knows no grammar. Invariant: one symbol a name.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_parse.h"

#define MAX_SYMBOLS ((size_t)1 << 24)

/* ---- failing ----------------------------------------------------------------------------------
 */

weir_status weir_parser_fail(const weir_jinja_parser *parser, uint32_t line, weir_status status,
                             const char *format, ...) {
    char what[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return weir_jinja_fail_at(parser->source, line, status, parser->err, "%s", what);
}

weir_status weir_parser_unexpected(const weir_jinja_parser *parser, const char *expected) {
    char room[WEIR_LEX_DESCRIBE_ROOM];
    return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_BAD_FILE,
                            "unexpected '%s', expected %s", weir_lex_describe(&parser->now, room),
                            expected);
}

weir_status weir_parser_no_memory(const weir_jinja_parser *parser) {
    return weir_fail(parser->err, WEIR_STATUS_NO_MEMORY,
                     "%s: no memory for a template of %zu bytes", parser->source->name,
                     parser->source->n);
}

weir_status weir_parser_nest(weir_jinja_parser *parser) {
    if (parser->nesting == WEIR_JINJA_MAX_NESTING)
        return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_UNSUPPORTED,
                                "nested more than %d levels deep", WEIR_JINJA_MAX_NESTING);
    parser->nesting++;
    return WEIR_STATUS_OK;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

weir_status weir_parser_advance(weir_jinja_parser *parser) {
    if (!parser->has_ahead)
        return weir_jinja_lex(&parser->lexer, &parser->now);
    parser->now = parser->ahead;
    parser->has_ahead = false;
    return WEIR_STATUS_OK;
}

weir_status weir_parser_look(weir_jinja_parser *parser, const weir_lex_token **out) {
    if (!parser->has_ahead)
        WEIR_TRY(weir_jinja_lex(&parser->lexer, &parser->ahead));
    parser->has_ahead = true;
    *out = &parser->ahead;
    return WEIR_STATUS_OK;
}

bool weir_parser_at(const weir_jinja_parser *parser, weir_lex_kind kind) {
    return parser->now.kind == kind;
}

static bool token_is(const weir_lex_token *token, const char *name) {
    return token->kind == WEIR_LEX_NAME && strlen(name) == token->n &&
           memcmp(name, token->text, token->n) == 0;
}

bool weir_parser_at_name(const weir_jinja_parser *parser, const char *name) {
    return token_is(&parser->now, name);
}

weir_status weir_parser_skip(weir_jinja_parser *parser, weir_lex_kind kind, bool *was_there) {
    *was_there = weir_parser_at(parser, kind);
    return *was_there ? weir_parser_advance(parser) : WEIR_STATUS_OK;
}

weir_status weir_parser_skip_name(weir_jinja_parser *parser, const char *name, bool *was_there) {
    *was_there = weir_parser_at_name(parser, name);
    return *was_there ? weir_parser_advance(parser) : WEIR_STATUS_OK;
}

weir_status weir_parser_expect(weir_jinja_parser *parser, weir_lex_kind kind) {
    if (weir_parser_at(parser, kind))
        return weir_parser_advance(parser);
    char quoted[WEIR_LEX_DESCRIBE_ROOM];
    snprintf(quoted, sizeof quoted, "'%s'", weir_lex_kind_text(kind));
    return weir_parser_unexpected(parser, quoted);
}

weir_status weir_parser_expect_name(weir_jinja_parser *parser, const char *name) {
    if (weir_parser_at_name(parser, name))
        return weir_parser_advance(parser);
    char quoted[WEIR_LEX_DESCRIBE_ROOM];
    snprintf(quoted, sizeof quoted, "'%s'", name);
    return weir_parser_unexpected(parser, quoted);
}

/* ---- nodes and names --------------------------------------------------------------------------
 */

weir_status weir_parser_node(weir_jinja_parser *parser, weir_jinja_kind kind, uint32_t line,
                             weir_jinja_node **out) {
    *out = weir_jinja_pool_take(parser->pool, sizeof **out);
    if (*out == NULL)
        return weir_parser_no_memory(parser);
    (*out)->kind = kind;
    (*out)->line = line;
    return WEIR_STATUS_OK;
}

void weir_jinja_nodes_add(weir_jinja_nodes *nodes, weir_jinja_node *node) {
    if (nodes->last != NULL)
        nodes->last->next = node;
    else
        nodes->first = node;
    nodes->last = node;
    nodes->n++;
}

const char *weir_parser_words(weir_jinja_parser *parser, const char *first, const char *middle,
                              size_t n_middle, const char *last) {
    size_t n_first = strlen(first), n_last = strlen(last);
    char *words = weir_jinja_pool_take(parser->pool, n_first + n_middle + n_last + 1);
    if (words == NULL)
        return NULL;
    memcpy(words, first, n_first);
    memcpy(words + n_first, middle, n_middle);
    memcpy(words + n_first + n_middle, last, n_last);
    return words;
}

weir_status weir_parser_constant(weir_jinja_parser *parser, uint32_t line, const char *text,
                                 size_t n, weir_jinja_kind kind, weir_jinja_node **out) {
    weir_jinja_string *string = weir_jinja_pool_take(parser->pool, sizeof *string);
    if (string == NULL)
        return weir_parser_no_memory(parser);
    *string = weir_jinja_literal(text, n, 0);
    WEIR_TRY(weir_parser_node(parser, kind, line, out));
    (*out)->as.constant = weir_jinja_of_string(string);
    return WEIR_STATUS_OK;
}

static weir_status grow_symbols(weir_jinja_parser *parser, size_t index) {
    if (index < parser->cap_symbols)
        return WEIR_STATUS_OK;
    size_t cap = parser->cap_symbols == 0 ? 64 : 2 * parser->cap_symbols;
    const weir_jinja_symbol **grown =
        cap <= MAX_SYMBOLS ? realloc(parser->symbols, cap * sizeof *grown) : NULL;
    if (grown == NULL)
        return weir_parser_no_memory(parser);
    for (size_t i = parser->cap_symbols; i < cap; i++)
        grown[i] = NULL;
    parser->symbols = grown;
    parser->cap_symbols = cap;
    return WEIR_STATUS_OK;
}

weir_status weir_parser_intern(weir_jinja_parser *parser, const char *text, size_t n,
                               const weir_jinja_symbol **out) {
    size_t index;
    bool is_new;
    if (!weir_names_add(&parser->names, text, n, &index, &is_new))
        return weir_parser_no_memory(parser);
    WEIR_TRY(grow_symbols(parser, index));
    if (parser->symbols[index] == NULL) {
        weir_jinja_symbol *symbol = weir_jinja_pool_take(parser->pool, sizeof *symbol);
        if (symbol == NULL)
            return weir_parser_no_memory(parser);
        symbol->text = weir_jinja_literal(text, n, 0);
        parser->symbols[index] = symbol;
    }
    *out = parser->symbols[index];
    return WEIR_STATUS_OK;
}

weir_status weir_parser_symbol(weir_jinja_parser *parser, const weir_jinja_symbol **out) {
    if (!weir_parser_at(parser, WEIR_LEX_NAME))
        return weir_parser_unexpected(parser, "a name");
    WEIR_TRY(weir_parser_intern(parser, parser->now.text, parser->now.n, out));
    return weir_parser_advance(parser);
}

static size_t special_number(const weir_jinja_symbol *name) {
    static const char *const names[WEIR_JINJA_N_SPECIAL] = {
        [WEIR_JINJA_CALLER] = "caller",
        [WEIR_JINJA_VARARGS] = "varargs",
        [WEIR_JINJA_KWARGS] = "kwargs",
    };
    size_t i = 0;
    while (i < WEIR_JINJA_N_SPECIAL && !weir_jinja_string_is(&name->text, names[i]))
        i++;
    return i;
}

void weir_parser_reads(weir_jinja_parser *parser, const weir_jinja_symbol *name) {
    size_t i = parser->macro != NULL ? special_number(name) : WEIR_JINJA_N_SPECIAL;
    if (i == WEIR_JINJA_N_SPECIAL)
        return;
    for (weir_jinja_open_macro *m = parser->macro; m != NULL; m = m->outer)
        if (!m->writes[i])
            m->reads[i] = name;
}

weir_status weir_parser_writes(weir_jinja_parser *parser, const weir_jinja_symbol *name,
                               uint32_t line) {
    if (parser->n_loops_around > 0 && weir_jinja_string_is(&name->text, "loop"))
        return weir_parser_fail(parser, line, WEIR_STATUS_BAD_FILE,
                                "'loop' cannot be assigned to inside a for loop");
    size_t i = parser->macro != NULL ? special_number(name) : WEIR_JINJA_N_SPECIAL;
    for (weir_jinja_open_macro *m = parser->macro; i < WEIR_JINJA_N_SPECIAL && m != NULL;
         m = m->outer)
        m->writes[i] = true;
    return WEIR_STATUS_OK;
}
