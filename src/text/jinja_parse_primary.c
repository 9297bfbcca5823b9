/*
 * jinja_weir_parser_primary.c: what expressions are made of: constants, names, lists, calls, and
 * what may follow a value: .name, [key], (arguments).
 *
 * Owns nothing. Invariant: recursion is bounded by WEIR_JINJA_MAX_NESTING; what repeats at one
 * level (a.b.c) is a loop.
 */
#include <stdlib.h>
#include <string.h>

#include "text/jinja_parse.h"

static weir_status parse_full(weir_jinja_parser *parser, weir_jinja_node **out) {
    return weir_parser_expression(parser, true, out);
}

/* ---- constants ------------------------------------------------------------------------------ */

static weir_status constant_node(weir_jinja_parser *parser, uint32_t line, weir_jinja_value value,
                                 weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_CONST, line, out));
    (*out)->as.constant = value;
    return WEIR_STATUS_OK;
}

/* The digits of a number without underscores, 0-terminated; NULL without memory. */
static char *plain_digits(weir_jinja_parser *parser, const weir_lex_token *token) {
    char *digits = weir_jinja_pool_take(parser->pool, token->n + 1);
    size_t n = 0;
    for (size_t i = 0; digits != NULL && i < token->n; i++)
        if (token->text[i] != '_')
            digits[n++] = token->text[i];
    return digits;
}

/* False if it needs more than 63 bits. */
static bool read_integer(const char *digits, int64_t *out) {
    static const struct {
        char letter;
        int base;
    } bases[] = {{'b', 2}, {'o', 8}, {'x', 16}};
    int base = 10;
    for (size_t i = 0; i < WEIR_COUNT(bases); i++)
        if (digits[0] == '0' && (digits[1] | 0x20) == bases[i].letter)
            base = bases[i].base;
    uint64_t value = 0;
    for (const char *c = digits + (base == 10 ? 0 : 2); *c != '\0'; c++) {
        uint64_t digit = (uint64_t)(*c <= '9' ? *c - '0' : (*c | 0x20) - 'a' + 10);
        if (value > ((uint64_t)INT64_MAX - digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + digit;
    }
    *out = (int64_t)value;
    return true;
}

static weir_status parse_number(weir_jinja_parser *parser, weir_jinja_node **out) {
    weir_lex_token token = parser->now;
    WEIR_TRY(weir_parser_advance(parser));
    char *digits = plain_digits(parser, &token);
    if (digits == NULL)
        return weir_parser_no_memory(parser);
    if (token.kind == WEIR_LEX_FLOAT)
        return constant_node(parser, token.line, weir_jinja_float(strtod(digits, NULL)), out);
    int64_t integer;
    if (read_integer(digits, &integer))
        return constant_node(parser, token.line, weir_jinja_int(integer), out);
    if (digits[0] == '0')
        return weir_parser_fail(parser, token.line, WEIR_STATUS_UNSUPPORTED,
                                "an integer of more than 63 bits that is not written in decimal "
                                "digits is not supported");
    WEIR_TRY(
        weir_parser_constant(parser, token.line, digits, strlen(digits), WEIR_JINJA_CONST, out));
    (*out)->as.constant.type = WEIR_JINJA_BIG_INT;
    return WEIR_STATUS_OK;
}

/* Neighbouring strings are one, as in Python. */
static weir_status parse_string(weir_jinja_parser *parser, weir_jinja_node **out) {
    weir_lex_token first = parser->now;
    WEIR_TRY(weir_parser_advance(parser));
    const char *text = first.text;
    size_t n = first.n;
    while (weir_parser_at(parser, WEIR_LEX_STRING)) {
        size_t n_more = parser->now.n;
        char *joined = weir_jinja_pool_take(parser->pool, n + n_more);
        if (joined == NULL)
            return weir_parser_no_memory(parser);
        memcpy(joined, text, n);
        memcpy(joined + n, parser->now.text, n_more);
        text = joined;
        n += n_more;
        WEIR_TRY(weir_parser_advance(parser));
    }
    return weir_parser_constant(parser, first.line, text, n, WEIR_JINJA_CONST, out);
}

/* True, False and None in their two spellings. */
bool weir_parser_constant_name(const weir_lex_token *token, weir_jinja_value *out) {
    static const struct {
        const char *name;
        weir_jinja_value value;
    } names[] = {
        {"true", {.type = WEIR_JINJA_BOOL, .as.boolean = true}},
        {"True", {.type = WEIR_JINJA_BOOL, .as.boolean = true}},
        {"false", {.type = WEIR_JINJA_BOOL}},
        {"False", {.type = WEIR_JINJA_BOOL}},
        {"none", {.type = WEIR_JINJA_NONE}},
        {"None", {.type = WEIR_JINJA_NONE}},
    };
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strlen(names[i].name) == token->n &&
            memcmp(names[i].name, token->text, token->n) == 0) {
            *out = names[i].value;
            return true;
        }
    return false;
}

/* ---- what an expression begins with ---------------------------------------------------------- */

static weir_status parse_name(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    weir_jinja_value constant;
    if (weir_parser_constant_name(&parser->now, &constant)) {
        WEIR_TRY(weir_parser_advance(parser));
        return constant_node(parser, line, constant, out);
    }
    const weir_jinja_symbol *name;
    WEIR_TRY(weir_parser_symbol(parser, &name));
    weir_parser_reads(parser, name);
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_NAME, line, out));
    (*out)->as.name = name;
    return WEIR_STATUS_OK;
}

/* Behind `(`: () is the empty tuple, (a) is a. */
static weir_status parse_parenthesis(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    WEIR_TRY(weir_parser_advance(parser));
    if (weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN))
        WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_TUPLE_OF, line, out));
    else
        WEIR_TRY(weir_parser_tuple(parser, true, NULL, out));
    return weir_parser_expect(parser, WEIR_LEX_RIGHT_PAREN);
}

static weir_status parse_list(weir_jinja_parser *parser, weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_LIST_OF, parser->now.line, out));
    WEIR_TRY(weir_parser_advance(parser));
    while (!weir_parser_at(parser, WEIR_LEX_RIGHT_BRACKET)) {
        weir_jinja_node *item;
        WEIR_TRY(parse_full(parser, &item));
        weir_jinja_nodes_add(&(*out)->as.items, item);
        if (!weir_parser_at(parser, WEIR_LEX_RIGHT_BRACKET))
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
    }
    return weir_parser_advance(parser);
}

static weir_status parse_dict(weir_jinja_parser *parser, weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_DICT_OF, parser->now.line, out));
    WEIR_TRY(weir_parser_advance(parser));
    while (!weir_parser_at(parser, WEIR_LEX_RIGHT_BRACE)) {
        weir_jinja_node *key, *value;
        WEIR_TRY(parse_full(parser, &key));
        WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COLON));
        WEIR_TRY(parse_full(parser, &value));
        weir_jinja_nodes_add(&(*out)->as.items, key);
        weir_jinja_nodes_add(&(*out)->as.items, value);
        if (!weir_parser_at(parser, WEIR_LEX_RIGHT_BRACE))
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
    }
    return weir_parser_advance(parser);
}

weir_status weir_parser_primary(weir_jinja_parser *parser, weir_jinja_node **out) {
    switch (parser->now.kind) {
    case WEIR_LEX_NAME:
        return parse_name(parser, out);
    case WEIR_LEX_STRING:
        return parse_string(parser, out);
    case WEIR_LEX_INTEGER:
    case WEIR_LEX_FLOAT:
        return parse_number(parser, out);
    case WEIR_LEX_LEFT_PAREN:
        return parse_parenthesis(parser, out);
    case WEIR_LEX_LEFT_BRACKET:
        return parse_list(parser, out);
    case WEIR_LEX_LEFT_BRACE:
        return parse_dict(parser, out);
    default:
        return weir_parser_unexpected(parser, "an expression");
    }
}

/* ---- calls ---------------------------------------------------------------------------------- */

static weir_status parse_keyword(weir_jinja_parser *parser, weir_jinja_argument_list *list) {
    weir_jinja_node *keyword;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_KEYWORD, parser->now.line, &keyword));
    WEIR_TRY(weir_parser_symbol(parser, &keyword->as.keyword.name));
    for (const weir_jinja_node *k = list->keywords.first; k != NULL; k = k->next)
        if (k->as.keyword.name == keyword->as.keyword.name)
            return weir_parser_fail(parser, keyword->line, WEIR_STATUS_BAD_FILE,
                                    "the argument '%.*s' is given twice",
                                    (int)k->as.keyword.name->text.n, k->as.keyword.name->text.data);
    WEIR_TRY(weir_parser_advance(parser));
    WEIR_TRY(parse_full(parser, &keyword->as.keyword.value));
    weir_jinja_nodes_add(&list->keywords, keyword);
    return WEIR_STATUS_OK;
}

/* Positional ones first, then names, then *args, then **kwargs; names may follow *args. */
static weir_status parse_argument(weir_jinja_parser *parser, weir_jinja_argument_list *list) {
    bool is_star = weir_parser_at(parser, WEIR_LEX_MUL);
    bool is_star_star = weir_parser_at(parser, WEIR_LEX_POW), is_keyword = false;
    if (weir_parser_at(parser, WEIR_LEX_NAME)) {
        const weir_lex_token *ahead;
        WEIR_TRY(weir_parser_look(parser, &ahead));
        is_keyword = ahead->kind == WEIR_LEX_ASSIGN;
    }
    bool is_positional = !is_star && !is_star_star && !is_keyword;
    if (list->star_star != NULL || (list->star != NULL && (is_star || is_positional)) ||
        (list->keywords.n > 0 && is_positional))
        return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_BAD_FILE,
                                "an argument is not where it may stand, expected positional ones, "
                                "then names, *args and **kwargs");
    if (is_keyword)
        return parse_keyword(parser, list);
    if (is_star || is_star_star) {
        WEIR_TRY(weir_parser_advance(parser));
        return parse_full(parser, is_star ? &list->star : &list->star_star);
    }
    weir_jinja_node *argument;
    WEIR_TRY(parse_full(parser, &argument));
    weir_jinja_nodes_add(&list->positional, argument);
    return WEIR_STATUS_OK;
}

weir_status weir_parser_new_arguments(weir_jinja_parser *parser, weir_jinja_argument_list **out) {
    *out = weir_jinja_pool_take(parser->pool, sizeof **out);
    return *out == NULL ? weir_parser_no_memory(parser) : WEIR_STATUS_OK;
}

/* From `(` to behind `)`. */
weir_status weir_parser_arguments(weir_jinja_parser *parser, weir_jinja_argument_list *list) {
    WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_LEFT_PAREN));
    while (!weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN)) {
        WEIR_TRY(parse_argument(parser, list));
        if (!weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN))
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
    }
    return weir_parser_advance(parser);
}

static const char *callee_words(weir_jinja_parser *parser, const weir_jinja_node *callee) {
    const weir_jinja_symbol *name = callee->kind == WEIR_JINJA_NAME ? callee->as.name
                                    : callee->kind == WEIR_JINJA_ATTRIBUTE
                                        ? callee->as.attribute.name
                                        : NULL;
    return name == NULL ? "the call"
                        : weir_parser_words(parser, "", name->text.data, name->text.n, "()");
}

weir_status weir_parser_call(weir_jinja_parser *parser, weir_jinja_node *callee,
                             weir_jinja_node **out) {
    weir_jinja_argument_list *list;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_CALL, parser->now.line, out));
    WEIR_TRY(weir_parser_new_arguments(parser, &list));
    (*out)->as.call.callee = callee;
    (*out)->as.call.arguments = list;
    (*out)->as.call.name = callee_words(parser, callee);
    if ((*out)->as.call.name == NULL)
        return weir_parser_no_memory(parser);
    return weir_parser_arguments(parser, list);
}

/* ---- what may follow ------------------------------------------------------------------------ */

/* Behind the dot: a name, or a number as in a.0. */
static weir_status parse_attribute(weir_jinja_parser *parser, weir_jinja_node *of,
                                   weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    WEIR_TRY(weir_parser_advance(parser));
    if (weir_parser_at(parser, WEIR_LEX_INTEGER)) {
        WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_ITEM, line, out));
        (*out)->as.item.of = of;
        return parse_number(parser, &(*out)->as.item.key);
    }
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_ATTRIBUTE, line, out));
    (*out)->as.attribute.of = of;
    return weir_parser_symbol(parser, &(*out)->as.attribute.name);
}

static bool is_slice_part(const weir_jinja_parser *parser) {
    return !weir_parser_at(parser, WEIR_LEX_COLON) && !weir_parser_at(parser, WEIR_LEX_COMMA) &&
           !weir_parser_at(parser, WEIR_LEX_RIGHT_BRACKET);
}

/* One of the expressions in brackets: a key, or a slice a:b:c with any part left out. */
static weir_status parse_key(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    weir_jinja_node *start = NULL;
    bool is_there;
    if (!weir_parser_at(parser, WEIR_LEX_COLON))
        WEIR_TRY(parse_full(parser, &start));
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_COLON, &is_there));
    if (!is_there) {
        *out = start;
        return WEIR_STATUS_OK;
    }
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_SLICE, line, out));
    (*out)->as.slice.start = start;
    if (is_slice_part(parser))
        WEIR_TRY(parse_full(parser, &(*out)->as.slice.stop));
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_COLON, &is_there));
    if (is_there && is_slice_part(parser))
        WEIR_TRY(parse_full(parser, &(*out)->as.slice.step));
    return WEIR_STATUS_OK;
}

/* From `[` on. Several keys with commas, or none, are one key, a tuple. */
static weir_status parse_item(weir_jinja_parser *parser, weir_jinja_node *of,
                              weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_ITEM, parser->now.line, out));
    (*out)->as.item.of = of;
    WEIR_TRY(weir_parser_advance(parser));
    weir_jinja_nodes keys = {0};
    while (!weir_parser_at(parser, WEIR_LEX_RIGHT_BRACKET)) {
        weir_jinja_node *key;
        if (keys.n > 0)
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
        WEIR_TRY(parse_key(parser, &key));
        weir_jinja_nodes_add(&keys, key);
    }
    WEIR_TRY(weir_parser_advance(parser));
    if (keys.n == 1) {
        (*out)->as.item.key = keys.first;
        return WEIR_STATUS_OK;
    }
    for (const weir_jinja_node *key = keys.first; key != NULL; key = key->next)
        if (key->kind == WEIR_JINJA_SLICE)
            return weir_parser_fail(parser, key->line, WEIR_STATUS_UNSUPPORTED,
                                    "a slice among several keys is not supported");
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_TUPLE_OF, (*out)->line, &(*out)->as.item.key));
    (*out)->as.item.key->as.items = keys;
    return WEIR_STATUS_OK;
}

weir_status weir_parser_postfix(weir_jinja_parser *parser, weir_jinja_node **node) {
    for (;;) {
        weir_jinja_node *of = *node;
        switch (parser->now.kind) {
        case WEIR_LEX_DOT:
            WEIR_TRY(parse_attribute(parser, of, node));
            break;
        case WEIR_LEX_LEFT_BRACKET:
            WEIR_TRY(parse_item(parser, of, node));
            break;
        case WEIR_LEX_LEFT_PAREN:
            WEIR_TRY(weir_parser_call(parser, of, node));
            break;
        default:
            return WEIR_STATUS_OK;
        }
    }
}
