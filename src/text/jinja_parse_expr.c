/*
 * jinja_parse_expr.c: the expressions of templates, with Jinja2's precedence, which is not quite
 * Python's: `~` binds tighter than `+`, `**` goes from the left, a sign binds tighter than `**`.
 *
 * Owns nothing. Invariant: recursion is bounded by WEIR_JINJA_MAX_NESTING; what repeats at one
 * level (a + b + c, a.b.c) is a loop here. Looks filters and tests up by name.
 */
#include "text/jinja_parse.h"

#include <string.h>

#include "text/jinja_filter.h"
#include "text/jinja_test.h"

static weir_status binary_node(weir_jinja_parser *parser, weir_jinja_kind kind, uint32_t line,
                               weir_jinja_operator op, weir_jinja_node *left,
                               weir_jinja_node *right, weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, kind, line, out));
    (*out)->as.binary.left = left;
    (*out)->as.binary.right = right;
    (*out)->as.binary.op = op;
    return WEIR_STATUS_OK;
}

static weir_status operand_node(weir_jinja_parser *parser, weir_jinja_kind kind, uint32_t line,
                                weir_jinja_node *operand, weir_jinja_node **out) {
    WEIR_TRY(weir_parser_node(parser, kind, line, out));
    (*out)->as.operand = operand;
    return WEIR_STATUS_OK;
}

/* ---- filters and tests ----------------------------------------------------------------------- */

/* The name of a filter or test, which may have dots: those of other environments have. */
static weir_status parse_dotted_name(weir_jinja_parser *parser, weir_lex_token *out) {
    *out = parser->now;
    WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_NAME));
    while (weir_parser_at(parser, WEIR_LEX_DOT)) {
        WEIR_TRY(weir_parser_advance(parser));
        out->n = (size_t)(parser->now.text - out->text) + parser->now.n;
        WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_NAME));
    }
    return WEIR_STATUS_OK;
}

static weir_jinja_function find_function(bool is_test, const weir_lex_token *name) {
    if (is_test) {
        const weir_jinja_test *test = weir_jinja_test_find(name->text, name->n);
        return test != NULL ? test->apply : NULL;
    }
    const weir_jinja_filter *filter = weir_jinja_filter_find(name->text, name->n);
    return filter != NULL ? filter->apply : NULL;
}

/* An APPLY node with its function. One that is not there is an error at the end of parsing. */
static weir_status apply_node(weir_jinja_parser *parser, bool is_test, weir_jinja_node *of,
                              weir_jinja_node **out) {
    weir_lex_token name;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_APPLY, parser->now.line, out));
    WEIR_TRY(parse_dotted_name(parser, &name));
    (*out)->as.apply.of = of;
    (*out)->as.apply.function = find_function(is_test, &name);
    (*out)->as.apply.name =
        weir_parser_words(parser, is_test ? "test '" : "filter '", name.text, name.n, "'");
    if ((*out)->as.apply.function == NULL && parser->unknown == NULL)
        parser->unknown = *out;
    return (*out)->as.apply.name == NULL ? weir_parser_no_memory(parser) : WEIR_STATUS_OK;
}

/* At the filter's name. */
static weir_status parse_filter(weir_jinja_parser *parser, weir_jinja_node *of,
                                weir_jinja_node **out) {
    weir_jinja_argument_list *list;
    WEIR_TRY(apply_node(parser, false, of, out));
    WEIR_TRY(weir_parser_new_arguments(parser, &list));
    (*out)->as.apply.arguments = list;
    return weir_parser_at(parser, WEIR_LEX_LEFT_PAREN) ? weir_parser_arguments(parser, list)
                                                       : WEIR_STATUS_OK;
}

weir_status weir_parser_filters(weir_jinja_parser *parser, weir_jinja_node **out) {
    weir_jinja_node *of = NULL;
    bool goes_on;
    do {
        WEIR_TRY(parse_filter(parser, of, out));
        of = *out;
        WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_PIPE, &goes_on));
    } while (goes_on);
    return WEIR_STATUS_OK;
}

/* Can an argument without brackets begin here, as in `is divisibleby 3`? */
static bool is_bare_argument(const weir_jinja_parser *parser) {
    switch (parser->now.kind) {
    case WEIR_LEX_NAME:
        return !weir_parser_at_name(parser, "else") && !weir_parser_at_name(parser, "or") &&
               !weir_parser_at_name(parser, "and");
    case WEIR_LEX_STRING:
    case WEIR_LEX_INTEGER:
    case WEIR_LEX_FLOAT:
    case WEIR_LEX_LEFT_BRACKET:
    case WEIR_LEX_LEFT_BRACE:
        return true;
    default:
        return false;
    }
}

/* At `is`. */
static weir_status parse_test(weir_jinja_parser *parser, weir_jinja_node *of,
                              weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    weir_jinja_argument_list *list;
    bool is_negated;
    WEIR_TRY(weir_parser_advance(parser));
    WEIR_TRY(weir_parser_skip_name(parser, "not", &is_negated));
    WEIR_TRY(apply_node(parser, true, of, out));
    WEIR_TRY(weir_parser_new_arguments(parser, &list));
    (*out)->as.apply.arguments = list;
    if (weir_parser_at(parser, WEIR_LEX_LEFT_PAREN)) {
        WEIR_TRY(weir_parser_arguments(parser, list));
    } else if (weir_parser_at_name(parser, "is")) {
        return weir_parser_unexpected(parser, "an operator: tests with 'is' cannot be chained");
    } else if (is_bare_argument(parser)) {
        weir_jinja_node *argument;
        WEIR_TRY(weir_parser_primary(parser, &argument));
        WEIR_TRY(weir_parser_postfix(parser, &argument));
        weir_jinja_nodes_add(&list->positional, argument);
    }
    return is_negated ? operand_node(parser, WEIR_JINJA_NOT, line, *out, out) : WEIR_STATUS_OK;
}

static weir_status parse_filters_and_tests(weir_jinja_parser *parser, weir_jinja_node **node) {
    for (;;) {
        weir_jinja_node *of = *node;
        if (weir_parser_at(parser, WEIR_LEX_PIPE)) {
            WEIR_TRY(weir_parser_advance(parser));
            WEIR_TRY(parse_filter(parser, of, node));
        } else if (weir_parser_at_name(parser, "is")) {
            WEIR_TRY(parse_test(parser, of, node));
        } else if (weir_parser_at(parser, WEIR_LEX_LEFT_PAREN)) {
            WEIR_TRY(weir_parser_call(parser, of, node));
        } else {
            return WEIR_STATUS_OK;
        }
    }
}

/* ---- operators, from the tightest to the loosest --------------------------------------------- */

static weir_status parse_unary(weir_jinja_parser *parser, bool with_filters,
                               weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    bool is_negative = weir_parser_at(parser, WEIR_LEX_SUB);
    if (is_negative || weir_parser_at(parser, WEIR_LEX_ADD)) {
        weir_jinja_node *operand;
        WEIR_TRY(weir_parser_advance(parser));
        WEIR_TRY(weir_parser_nest(parser));
        WEIR_TRY(parse_unary(parser, false, &operand));
        parser->nesting--;
        weir_jinja_kind kind = is_negative ? WEIR_JINJA_NEGATIVE : WEIR_JINJA_POSITIVE;
        WEIR_TRY(operand_node(parser, kind, line, operand, out));
    } else {
        WEIR_TRY(weir_parser_primary(parser, out));
    }
    WEIR_TRY(weir_parser_postfix(parser, out));
    return with_filters ? parse_filters_and_tests(parser, out) : WEIR_STATUS_OK;
}

typedef struct binary_rule {
    weir_lex_kind token;
    uint8_t level; /* higher binds tighter */
    weir_jinja_operator op;
} binary_rule;

enum { LEVEL_ADD = 0, LEVEL_CONCAT, LEVEL_MULTIPLY, LEVEL_POWER, N_LEVELS };

static const binary_rule BINARY_RULES[] = {
    {WEIR_LEX_ADD, LEVEL_ADD, WEIR_JINJA_ADD},
    {WEIR_LEX_SUB, LEVEL_ADD, WEIR_JINJA_SUBTRACT},
    {WEIR_LEX_TILDE, LEVEL_CONCAT, WEIR_JINJA_JOIN},
    {WEIR_LEX_MUL, LEVEL_MULTIPLY, WEIR_JINJA_MULTIPLY},
    {WEIR_LEX_DIV, LEVEL_MULTIPLY, WEIR_JINJA_DIVIDE},
    {WEIR_LEX_FLOOR_DIV, LEVEL_MULTIPLY, WEIR_JINJA_FLOOR_DIVIDE},
    {WEIR_LEX_MOD, LEVEL_MULTIPLY, WEIR_JINJA_MODULO},
    {WEIR_LEX_POW, LEVEL_POWER, WEIR_JINJA_POWER},
};

static const binary_rule *binary_rule_here(const weir_jinja_parser *parser, int level) {
    for (size_t i = 0; i < WEIR_COUNT(BINARY_RULES); i++)
        if (BINARY_RULES[i].token == parser->now.kind && BINARY_RULES[i].level == level)
            return &BINARY_RULES[i];
    return NULL;
}

/* All operators of arithmetic go from the left. */
static weir_status parse_arithmetic(weir_jinja_parser *parser, int level, weir_jinja_node **out) {
    if (level == N_LEVELS)
        return parse_unary(parser, true, out);
    uint32_t line = parser->now.line;
    WEIR_TRY(parse_arithmetic(parser, level + 1, out));
    const binary_rule *rule;
    while ((rule = binary_rule_here(parser, level)) != NULL) {
        weir_jinja_node *left = *out, *right;
        WEIR_TRY(weir_parser_advance(parser));
        WEIR_TRY(parse_arithmetic(parser, level + 1, &right));
        WEIR_TRY(binary_node(parser, WEIR_JINJA_BINARY, line, rule->op, left, right, out));
        line = parser->now.line;
    }
    return WEIR_STATUS_OK;
}

/* Goes past an operator that compares, if there is one. */
static weir_status skip_comparison(weir_jinja_parser *parser, weir_jinja_operator *op,
                                   bool *was_there) {
    static const struct {
        weir_lex_kind token;
        weir_jinja_operator op;
    } rules[] = {{WEIR_LEX_EQ, WEIR_JINJA_EQUAL},   {WEIR_LEX_NE, WEIR_JINJA_NOT_EQUAL},
                 {WEIR_LEX_LT, WEIR_JINJA_LESS},    {WEIR_LEX_LE, WEIR_JINJA_LESS_EQUAL},
                 {WEIR_LEX_GT, WEIR_JINJA_GREATER}, {WEIR_LEX_GE, WEIR_JINJA_GREATER_EQUAL}};
    *was_there = true;
    for (size_t i = 0; i < WEIR_COUNT(rules); i++)
        if (weir_parser_at(parser, rules[i].token)) {
            *op = rules[i].op;
            return weir_parser_advance(parser);
        }
    if (weir_parser_at_name(parser, "not")) {
        const weir_lex_token *ahead;
        WEIR_TRY(weir_parser_look(parser, &ahead));
        if (ahead->kind == WEIR_LEX_NAME && ahead->n == 2 && memcmp(ahead->text, "in", 2) == 0) {
            *op = WEIR_JINJA_NOT_IN;
            WEIR_TRY(weir_parser_advance(parser));
            return weir_parser_advance(parser);
        }
    }
    *op = WEIR_JINJA_IN;
    return weir_parser_skip_name(parser, "in", was_there);
}

static weir_status parse_comparison(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    weir_jinja_node *first;
    weir_jinja_nodes links = {0};
    WEIR_TRY(parse_arithmetic(parser, 0, &first));
    for (;;) {
        uint32_t link_line = parser->now.line;
        weir_jinja_operator op;
        weir_jinja_node *right, *link;
        bool was_there;
        WEIR_TRY(skip_comparison(parser, &op, &was_there));
        if (!was_there)
            break;
        WEIR_TRY(parse_arithmetic(parser, 0, &right));
        WEIR_TRY(binary_node(parser, WEIR_JINJA_COMPARE_TO, link_line, op, NULL, right, &link));
        weir_jinja_nodes_add(&links, link);
    }
    *out = first;
    if (links.n == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_COMPARE, line, out));
    (*out)->as.compare.first = first;
    (*out)->as.compare.links = links.first;
    return WEIR_STATUS_OK;
}

static weir_status parse_not(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    bool is_not;
    WEIR_TRY(weir_parser_skip_name(parser, "not", &is_not));
    if (!is_not)
        return parse_comparison(parser, out);
    weir_jinja_node *operand;
    WEIR_TRY(weir_parser_nest(parser));
    WEIR_TRY(parse_not(parser, &operand));
    parser->nesting--;
    return operand_node(parser, WEIR_JINJA_NOT, line, operand, out);
}

static weir_status parse_and(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    WEIR_TRY(parse_not(parser, out));
    for (;;) {
        weir_jinja_node *left = *out, *right;
        bool goes_on;
        WEIR_TRY(weir_parser_skip_name(parser, "and", &goes_on));
        if (!goes_on)
            return WEIR_STATUS_OK;
        WEIR_TRY(parse_not(parser, &right));
        WEIR_TRY(binary_node(parser, WEIR_JINJA_AND, line, WEIR_JINJA_ADD, left, right, out));
    }
}

static weir_status parse_or(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    WEIR_TRY(parse_and(parser, out));
    for (;;) {
        weir_jinja_node *left = *out, *right;
        bool goes_on;
        WEIR_TRY(weir_parser_skip_name(parser, "or", &goes_on));
        if (!goes_on)
            return WEIR_STATUS_OK;
        WEIR_TRY(parse_and(parser, &right));
        WEIR_TRY(binary_node(parser, WEIR_JINJA_OR, line, WEIR_JINJA_ADD, left, right, out));
    }
}

/* a if b else c if d: what follows `else` is again a choice. */
static weir_status parse_choice(weir_jinja_parser *parser, weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    const weir_jinja_node *unknown = parser->unknown;
    WEIR_TRY(parse_or(parser, out));
    for (;;) {
        weir_jinja_node *then = *out;
        bool is_choice, has_else;
        WEIR_TRY(weir_parser_skip_name(parser, "if", &is_choice));
        if (!is_choice)
            return WEIR_STATUS_OK;
        WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_CHOICE, line, out));
        (*out)->as.choice.then = then;
        WEIR_TRY(parse_or(parser, &(*out)->as.choice.test));
        WEIR_TRY(weir_parser_skip_name(parser, "else", &has_else));
        if (has_else)
            WEIR_TRY(weir_parser_expression(parser, true, &(*out)->as.choice.otherwise));
        parser->unknown = unknown;
        line = parser->now.line;
    }
}

weir_status weir_parser_expression(weir_jinja_parser *parser, bool with_choice,
                                   weir_jinja_node **out) {
    WEIR_TRY(weir_parser_nest(parser));
    WEIR_TRY(with_choice ? parse_choice(parser, out) : parse_or(parser, out));
    parser->nesting--;
    return WEIR_STATUS_OK;
}

/* ---- tuples and targets ---------------------------------------------------------------------- */

static bool is_tuple_end(const weir_jinja_parser *parser, const char *end_name) {
    return weir_parser_at(parser, WEIR_LEX_VARIABLE_END) ||
           weir_parser_at(parser, WEIR_LEX_BLOCK_END) ||
           weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN) ||
           (end_name != NULL && weir_parser_at_name(parser, end_name));
}

weir_status weir_parser_tuple(weir_jinja_parser *parser, bool with_choice, const char *end_name,
                              weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    if (is_tuple_end(parser, end_name))
        return weir_parser_unexpected(parser, "an expression");
    WEIR_TRY(weir_parser_expression(parser, with_choice, out));
    if (!weir_parser_at(parser, WEIR_LEX_COMMA))
        return WEIR_STATUS_OK;
    weir_jinja_node *item = *out;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_TUPLE_OF, line, out));
    for (;;) {
        bool goes_on;
        weir_jinja_nodes_add(&(*out)->as.items, item);
        WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_COMMA, &goes_on));
        if (!goes_on || is_tuple_end(parser, end_name))
            return WEIR_STATUS_OK;
        WEIR_TRY(weir_parser_expression(parser, with_choice, &item));
    }
}

static weir_status parse_target_name(weir_jinja_parser *parser, bool with_namespace,
                                     weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    weir_jinja_value constant;
    if (weir_parser_at(parser, WEIR_LEX_NAME) && weir_parser_constant_name(&parser->now, &constant))
        return weir_parser_unexpected(parser, "a name that can be assigned to");
    const weir_jinja_symbol *name;
    WEIR_TRY(weir_parser_symbol(parser, &name));
    weir_jinja_node *node;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_NAME, line, &node));
    node->as.name = name;
    *out = node;
    if (!with_namespace || !weir_parser_at(parser, WEIR_LEX_DOT))
        return weir_parser_writes(parser, name, line);
    WEIR_TRY(weir_parser_advance(parser));
    weir_parser_reads(parser, name);
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_ATTRIBUTE, line, out));
    (*out)->as.attribute.of = node;
    return weir_parser_symbol(parser, &(*out)->as.attribute.name);
}

static weir_status parse_target_item(weir_jinja_parser *parser, bool with_namespace,
                                     weir_jinja_node **out) {
    bool is_nested;
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_LEFT_PAREN, &is_nested));
    if (!is_nested)
        return parse_target_name(parser, with_namespace, out);
    WEIR_TRY(weir_parser_nest(parser));
    WEIR_TRY(weir_parser_target(parser, NULL, with_namespace, out));
    parser->nesting--;
    return weir_parser_expect(parser, WEIR_LEX_RIGHT_PAREN);
}

weir_status weir_parser_target(weir_jinja_parser *parser, const char *end_name, bool with_namespace,
                               weir_jinja_node **out) {
    uint32_t line = parser->now.line;
    WEIR_TRY(parse_target_item(parser, with_namespace, out));
    if (!weir_parser_at(parser, WEIR_LEX_COMMA))
        return WEIR_STATUS_OK;
    weir_jinja_node *item = *out;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_TUPLE_OF, line, out));
    for (;;) {
        bool goes_on;
        weir_jinja_nodes_add(&(*out)->as.items, item);
        WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_COMMA, &goes_on));
        if (!goes_on || is_tuple_end(parser, end_name) || weir_parser_at(parser, WEIR_LEX_ASSIGN))
            return WEIR_STATUS_OK;
        WEIR_TRY(parse_target_item(parser, with_namespace, &item));
    }
}
