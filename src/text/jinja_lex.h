/*
 * jinja_lex.h: a template's text as tokens, one after the other.
 *
 * White space is settled here: what a tag's `-` and `+` ask for, the newline behind a block tag and
 * the blanks before one (trim_blocks and lstrip_blocks of Jinja2, both on), so that the parser sees
 * only text that is written. The source is valid UTF-8 with "\n" as its only line end; tokens point
 * into it, or, for strings with escapes, into the pool.
 */
#ifndef WEIR_TEXT_JINJA_LEX_H
#define WEIR_TEXT_JINJA_LEX_H

#include "base/compiler.h"
#include "text/jinja_pool.h"
#include "weir.h"

enum { WEIR_JINJA_MAX_BRACKETS = 256 }; /* open at once */

typedef struct weir_jinja_source {
    const char *name; /* begins error lines */
    const char *text; /* [n] */
    size_t n;
} weir_jinja_source;

/* Fails with "name: line N: " and the words. */
weir_status weir_jinja_fail_at(const weir_jinja_source *source, uint32_t line, weir_status status,
                               weir_error *err, const char *format, ...) WEIR_PRINTF(5, 6);

/* kind, how an error line calls it */
#define WEIR_LEX_MAP(X)                           \
    X(END, "end of template")                     \
    X(DATA, "template text")                      \
    X(BLOCK_BEGIN, "begin of statement block")    \
    X(BLOCK_END, "end of statement block")        \
    X(VARIABLE_BEGIN, "begin of print statement") \
    X(VARIABLE_END, "end of print statement")     \
    X(NAME, "name")                               \
    X(STRING, "string")                           \
    X(INTEGER, "integer")                         \
    X(FLOAT, "float")                             \
    X(ADD, "+")                                   \
    X(SUB, "-")                                   \
    X(MUL, "*")                                   \
    X(DIV, "/")                                   \
    X(FLOOR_DIV, "//")                            \
    X(MOD, "%")                                   \
    X(POW, "**")                                  \
    X(TILDE, "~")                                 \
    X(EQ, "==")                                   \
    X(NE, "!=")                                   \
    X(LT, "<")                                    \
    X(LE, "<=")                                   \
    X(GT, ">")                                    \
    X(GE, ">=")                                   \
    X(ASSIGN, "=")                                \
    X(DOT, ".")                                   \
    X(COLON, ":")                                 \
    X(PIPE, "|")                                  \
    X(COMMA, ",")                                 \
    X(SEMICOLON, ";")                             \
    X(LEFT_PAREN, "(")                            \
    X(RIGHT_PAREN, ")")                           \
    X(LEFT_BRACKET, "[")                          \
    X(RIGHT_BRACKET, "]")                         \
    X(LEFT_BRACE, "{")                            \
    X(RIGHT_BRACE, "}")

typedef enum weir_lex_kind {
#define WEIR_LEX_ENUM(kind, text) WEIR_LEX_##kind,
    WEIR_LEX_MAP(WEIR_LEX_ENUM)
#undef WEIR_LEX_ENUM
} weir_lex_kind;

const char *weir_lex_kind_text(weir_lex_kind kind);

typedef struct weir_lex_token {
    weir_lex_kind kind;
    uint32_t line;    /* 1 for the first */
    const char *text; /* [n] DATA, NAME, numbers: as written; STRING: what it stands for */
    size_t n;
} weir_lex_token;

/* What an error line calls the token: a name by itself, anything else by its kind. out is room for
 * a name. */
enum { WEIR_LEX_DESCRIBE_ROOM = 64 };
const char *weir_lex_describe(const weir_lex_token *token, char out[WEIR_LEX_DESCRIBE_ROOM]);

typedef struct weir_jinja_lexer {
    const weir_jinja_source *source;
    weir_jinja_pool *pool;
    weir_error *err;
    size_t at; /* byte of source that comes next */
    uint32_t line;
    weir_lex_kind inside; /* BLOCK_END or VARIABLE_END: what ends the open tag; END: outside tags */
    uint32_t n_brackets;
    char brackets[WEIR_JINJA_MAX_BRACKETS]; /* the closing ones that are due */
} weir_jinja_lexer;

void weir_jinja_lexer_begin(weir_jinja_lexer *lexer, const weir_jinja_source *source,
                            weir_jinja_pool *pool, weir_error *err);

/* The next token, END for ever after the last. BAD_FILE with the line, NO_MEMORY. */
weir_status weir_jinja_lex(weir_jinja_lexer *lexer, weir_lex_token *out);

#endif
