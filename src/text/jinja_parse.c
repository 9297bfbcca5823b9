/*
 * jinja_parse.c: the statements of templates.
 *
 * Owns the tables of names while it parses. What inherits or includes other templates is refused: a
 * chat template is one text. Invariant: recursion is bounded by WEIR_JINJA_MAX_NESTING.
 */
#include "text/jinja_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bodies -----------------------------------------------------------------------------------
 */

/* An open tag and the tags that end its body, NULL behind the last. */
typedef struct open_tag {
    const char *name;
    uint32_t line;
    const char *ends[4];
} open_tag;

static weir_status parse_statement(weir_jinja_parser *parser, const open_tag *around,
                                   weir_jinja_nodes *body);

/* "'endfor' or 'else' of the 'for' in line 3" */
static void describe_ends(const open_tag *tag, char *out, size_t cap) {
    size_t at = 0;
    for (size_t i = 0; tag->ends[i] != NULL && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s'%s'", i > 0 ? " or " : "", tag->ends[i]);
    if (at < cap)
        snprintf(out + at, cap - at, " of the '%s' in line %u", tag->name, tag->line);
}

static bool at_end_of(const weir_jinja_parser *parser, const open_tag *tag) {
    for (size_t i = 0; tag != NULL && tag->ends[i] != NULL; i++)
        if (weir_parser_at_name(parser, tag->ends[i]))
            return true;
    return false;
}

static weir_status parse_print(weir_jinja_parser *parser, weir_jinja_nodes *body) {
    weir_jinja_node *print;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_PRINT, parser->now.line, &print));
    WEIR_TRY(weir_parser_advance(parser));
    WEIR_TRY(weir_parser_tuple(parser, true, NULL, &print->as.operand));
    weir_jinja_nodes_add(body, print);
    return weir_parser_expect(parser, WEIR_LEX_VARIABLE_END);
}

/* Up to the name in a tag that ends `tag`, or, with NULL, to the end of the template. */
static weir_status parse_nodes(weir_jinja_parser *parser, const open_tag *tag,
                               weir_jinja_nodes *body) {
    char ends[128];
    for (;;) {
        switch (parser->now.kind) {
        case WEIR_LEX_DATA: {
            weir_jinja_node *text;
            WEIR_TRY(weir_parser_constant(parser, parser->now.line, parser->now.text, parser->now.n,
                                          WEIR_JINJA_TEXT, &text));
            weir_jinja_nodes_add(body, text);
            WEIR_TRY(weir_parser_advance(parser));
            break;
        }
        case WEIR_LEX_VARIABLE_BEGIN:
            WEIR_TRY(parse_print(parser, body));
            break;
        case WEIR_LEX_BLOCK_BEGIN:
            WEIR_TRY(weir_parser_advance(parser));
            if (at_end_of(parser, tag))
                return WEIR_STATUS_OK;
            WEIR_TRY(parse_statement(parser, tag, body));
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_BLOCK_END));
            break;
        default: /* the end: outside of tags there is nothing else */
            if (tag == NULL)
                return WEIR_STATUS_OK;
            describe_ends(tag, ends, sizeof ends);
            return weir_parser_unexpected(parser, ends);
        }
    }
}

/* From the end of the opening tag, which may have a colon, to the name in the closing one. */
static weir_status parse_body(weir_jinja_parser *parser, const open_tag *tag,
                              weir_jinja_nodes *body) {
    bool has_colon;
    *body = (weir_jinja_nodes){0};
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_COLON, &has_colon));
    WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_BLOCK_END));
    return parse_nodes(parser, tag, body);
}

/* The same for tags that only one tag ends, and behind its name. */
static weir_status parse_whole_body(weir_jinja_parser *parser, const char *name, uint32_t line,
                                    const char *end, weir_jinja_nodes *body) {
    const open_tag tag = {name, line, {end}};
    WEIR_TRY(parse_body(parser, &tag, body));
    return weir_parser_advance(parser);
}

/* ---- for, if ----------------------------------------------------------------------------------
 */

static weir_status parse_for_parts(weir_jinja_parser *parser, uint32_t line, weir_jinja_for *loop) {
    const open_tag tag = {"for", line, {"endfor", "else"}};
    bool has_test, has_else;
    WEIR_TRY(weir_parser_target(parser, "in", false, &loop->target));
    WEIR_TRY(weir_parser_expect_name(parser, "in"));
    WEIR_TRY(weir_parser_tuple(parser, false, "recursive", &loop->over));
    WEIR_TRY(weir_parser_skip_name(parser, "if", &has_test));
    if (has_test)
        WEIR_TRY(weir_parser_expression(parser, true, &loop->test));
    WEIR_TRY(weir_parser_skip_name(parser, "recursive", &loop->is_recursive));
    parser->n_loops++;
    WEIR_TRY(parse_body(parser, &tag, &loop->body));
    parser->n_loops--;
    WEIR_TRY(weir_parser_skip_name(parser, "else", &has_else));
    return has_else ? parse_whole_body(parser, "for", line, "endfor", &loop->otherwise)
                    : weir_parser_advance(parser);
}

static weir_status parse_for(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_for *loop = weir_jinja_pool_take(parser->pool, sizeof *loop);
    if (loop == NULL)
        return weir_parser_no_memory(parser);
    node->kind = WEIR_JINJA_FOR;
    node->as.loop = loop;
    parser->n_loops_around++;
    WEIR_TRY(weir_parser_intern(parser, "loop", 4, &loop->loop_name));
    WEIR_TRY(parse_for_parts(parser, node->line, loop));
    parser->n_loops_around--;
    return WEIR_STATUS_OK;
}

/* One of if, elif, else, with what stands under it, up to the name of the next tag. */
static weir_status parse_branch(weir_jinja_parser *parser, const open_tag *tag, bool has_test,
                                weir_jinja_node *node) {
    weir_jinja_node *branch;
    weir_jinja_nodes body;
    WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_BRANCH, parser->now.line, &branch));
    if (has_test)
        WEIR_TRY(weir_parser_tuple(parser, false, NULL, &branch->as.branch.test));
    WEIR_TRY(parse_body(parser, tag, &body));
    branch->as.branch.body = body.first;
    weir_jinja_nodes_add(&node->as.items, branch);
    return WEIR_STATUS_OK;
}

static weir_status parse_if(weir_jinja_parser *parser, weir_jinja_node *node) {
    const open_tag tag = {"if", node->line, {"endif", "elif", "else"}};
    const open_tag last_tag = {"if", node->line, {"endif"}};
    const weir_jinja_node *unknown = parser->unknown;
    bool goes_on, has_else;
    node->kind = WEIR_JINJA_IF;
    do {
        WEIR_TRY(parse_branch(parser, &tag, true, node));
        WEIR_TRY(weir_parser_skip_name(parser, "elif", &goes_on));
    } while (goes_on);
    WEIR_TRY(weir_parser_skip_name(parser, "else", &has_else));
    if (has_else)
        WEIR_TRY(parse_branch(parser, &last_tag, false, node));
    parser->unknown = unknown;
    return weir_parser_advance(parser);
}

static weir_status parse_break_or_continue(weir_jinja_parser *parser, weir_jinja_node *node,
                                           weir_jinja_kind kind, const char *name) {
    if (parser->n_loops == 0)
        return weir_parser_fail(parser, node->line, WEIR_STATUS_BAD_FILE,
                                "'%s' outside of a for loop", name);
    node->kind = kind;
    return WEIR_STATUS_OK;
}

static weir_status parse_break(weir_jinja_parser *parser, weir_jinja_node *node) {
    return parse_break_or_continue(parser, node, WEIR_JINJA_BREAK, "break");
}

static weir_status parse_continue(weir_jinja_parser *parser, weir_jinja_node *node) {
    return parse_break_or_continue(parser, node, WEIR_JINJA_CONTINUE, "continue");
}

/* ---- set, with, filter, do --------------------------------------------------------------------
 */

static weir_status parse_set(weir_jinja_parser *parser, weir_jinja_node *node) {
    bool is_expression, is_filtered;
    WEIR_TRY(weir_parser_target(parser, NULL, true, &node->as.set.target));
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_ASSIGN, &is_expression));
    if (is_expression) {
        node->kind = WEIR_JINJA_SET;
        return weir_parser_tuple(parser, true, NULL, &node->as.set.value);
    }
    node->kind = WEIR_JINJA_SET_BLOCK;
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_PIPE, &is_filtered));
    if (is_filtered)
        WEIR_TRY(weir_parser_filters(parser, &node->as.set.value));
    weir_jinja_nodes body;
    WEIR_TRY(parse_whole_body(parser, "set", node->line, "endset", &body));
    node->as.set.body = body.first;
    return WEIR_STATUS_OK;
}

static weir_status parse_filter_block(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_nodes body;
    node->kind = WEIR_JINJA_FILTER_BLOCK;
    WEIR_TRY(weir_parser_filters(parser, &node->as.set.value));
    WEIR_TRY(parse_whole_body(parser, "filter", node->line, "endfilter", &body));
    node->as.set.body = body.first;
    return WEIR_STATUS_OK;
}

static weir_status parse_with(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_nodes targets = {0}, values = {0}, body;
    node->kind = WEIR_JINJA_WITH;
    while (!weir_parser_at(parser, WEIR_LEX_BLOCK_END)) {
        weir_jinja_node *target, *value;
        if (targets.n > 0)
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
        WEIR_TRY(weir_parser_target(parser, NULL, false, &target));
        WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_ASSIGN));
        WEIR_TRY(weir_parser_expression(parser, true, &value));
        weir_jinja_nodes_add(&targets, target);
        weir_jinja_nodes_add(&values, value);
    }
    WEIR_TRY(parse_whole_body(parser, "with", node->line, "endwith", &body));
    node->as.with.targets = targets.first;
    node->as.with.values = values.first;
    node->as.with.body = body.first;
    return WEIR_STATUS_OK;
}

static weir_status parse_do(weir_jinja_parser *parser, weir_jinja_node *node) {
    node->kind = WEIR_JINJA_DO;
    return weir_parser_tuple(parser, true, NULL, &node->as.operand);
}

/* {% print a, b %} writes one after the other. */
static weir_status parse_print_tag(weir_jinja_parser *parser, weir_jinja_node *node) {
    node->kind = WEIR_JINJA_SCOPE;
    while (!weir_parser_at(parser, WEIR_LEX_BLOCK_END)) {
        weir_jinja_node *print;
        if (node->as.items.n > 0)
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
        WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_PRINT, parser->now.line, &print));
        WEIR_TRY(weir_parser_expression(parser, true, &print->as.operand));
        weir_jinja_nodes_add(&node->as.items, print);
    }
    return WEIR_STATUS_OK;
}

/* ---- macro, call ------------------------------------------------------------------------------
 */

/* One parameter of a signature; `parameters` has room for it. */
static weir_status parse_parameter(weir_jinja_parser *parser, weir_jinja_macro *macro,
                                   weir_jinja_parameter *parameters) {
    weir_jinja_parameter *p = &parameters[macro->n_parameters];
    uint32_t line = parser->now.line;
    bool has_fallback;
    *p = (weir_jinja_parameter){0};
    WEIR_TRY(weir_parser_symbol(parser, &p->name));
    for (size_t i = 0; i < macro->n_parameters; i++)
        if (parameters[i].name == p->name)
            return weir_parser_fail(parser, line, WEIR_STATUS_BAD_FILE,
                                    "the parameter '%.*s' is there twice", (int)p->name->text.n,
                                    p->name->text.data);
    WEIR_TRY(weir_parser_skip(parser, WEIR_LEX_ASSIGN, &has_fallback));
    if (has_fallback) {
        weir_jinja_node *fallback;
        WEIR_TRY(weir_parser_expression(parser, true, &fallback));
        p->fallback = fallback;
    } else if (macro->n_parameters > 0 && parameters[macro->n_parameters - 1].fallback != NULL) {
        return weir_parser_fail(parser, line, WEIR_STATUS_BAD_FILE,
                                "a parameter without a default follows one with a default");
    }
    macro->n_parameters++;
    return WEIR_STATUS_OK;
}

/* From `(` to behind `)`. */
static weir_status parse_signature(weir_jinja_parser *parser, weir_jinja_macro *macro) {
    weir_jinja_parameter parameters[WEIR_JINJA_MAX_MACRO_PARAMETERS];
    WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_LEFT_PAREN));
    while (!weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN)) {
        if (macro->n_parameters == WEIR_JINJA_MAX_MACRO_PARAMETERS)
            return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_UNSUPPORTED,
                                    "more than %d parameters", WEIR_JINJA_MAX_MACRO_PARAMETERS);
        WEIR_TRY(parse_parameter(parser, macro, parameters));
        if (!weir_parser_at(parser, WEIR_LEX_RIGHT_PAREN))
            WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_COMMA));
    }
    size_t bytes = macro->n_parameters * sizeof *parameters;
    macro->parameters = weir_jinja_pool_take(parser->pool, bytes);
    if (macro->parameters == NULL)
        return weir_parser_no_memory(parser);
    memcpy(macro->parameters, parameters, bytes);
    return weir_parser_advance(parser);
}

static const weir_jinja_parameter *find_parameter(const weir_jinja_macro *macro,
                                                  const weir_jinja_symbol *name) {
    for (size_t i = 0; name != NULL && i < macro->n_parameters; i++)
        if (macro->parameters[i].name == name)
            return &macro->parameters[i];
    return NULL;
}

/* Gives the macro the special names that its body reads and no parameter has. */
static weir_status take_special_names(weir_jinja_parser *parser, uint32_t line,
                                      const weir_jinja_open_macro *open, weir_jinja_macro *macro) {
    const weir_jinja_symbol **slots[WEIR_JINJA_N_SPECIAL] = {
        [WEIR_JINJA_CALLER] = &macro->caller,
        [WEIR_JINJA_VARARGS] = &macro->varargs,
        [WEIR_JINJA_KWARGS] = &macro->kwargs,
    };
    for (size_t i = 0; i < WEIR_JINJA_N_SPECIAL; i++) {
        const weir_jinja_parameter *parameter = find_parameter(macro, open->reads[i]);
        if (parameter == NULL)
            *slots[i] = open->reads[i];
        else if (i == WEIR_JINJA_CALLER && parameter->fallback == NULL)
            return weir_parser_fail(parser, line, WEIR_STATUS_BAD_FILE,
                                    "the parameter 'caller' must have a default or be left out");
    }
    return WEIR_STATUS_OK;
}

/* The body of a macro or caller. No loop outside reaches into it. */
static weir_status parse_macro_body(weir_jinja_parser *parser, uint32_t line, const char *tag,
                                    const char *end, weir_jinja_macro *macro) {
    weir_jinja_open_macro open = {.outer = parser->macro};
    uint32_t n_loops = parser->n_loops;
    parser->macro = &open;
    parser->n_loops = 0;
    weir_status status = parse_whole_body(parser, tag, line, end, &macro->body);
    parser->macro = open.outer;
    parser->n_loops = n_loops;
    WEIR_TRY(status);
    return take_special_names(parser, line, &open, macro);
}

static weir_status new_macro(weir_jinja_parser *parser, weir_jinja_node *node, weir_jinja_kind kind,
                             weir_jinja_macro **out) {
    *out = weir_jinja_pool_take(parser->pool, sizeof **out);
    if (*out == NULL)
        return weir_parser_no_memory(parser);
    node->kind = kind;
    node->as.macro = *out;
    return WEIR_STATUS_OK;
}

static weir_status parse_macro(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_macro *macro;
    WEIR_TRY(new_macro(parser, node, WEIR_JINJA_MACRO, &macro));
    WEIR_TRY(weir_parser_symbol(parser, &macro->name));
    macro->words = weir_parser_words(parser, "", macro->name->text.data, macro->name->text.n, "");
    if (macro->words == NULL)
        return weir_parser_no_memory(parser);
    WEIR_TRY(parse_signature(parser, macro));
    return parse_macro_body(parser, node->line, "macro", "endmacro", macro);
}

static weir_status parse_call_block(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_macro *macro;
    weir_jinja_node *call;
    WEIR_TRY(new_macro(parser, node, WEIR_JINJA_CALL_BLOCK, &macro));
    macro->words = "caller";
    if (weir_parser_at(parser, WEIR_LEX_LEFT_PAREN))
        WEIR_TRY(parse_signature(parser, macro));
    WEIR_TRY(weir_parser_expression(parser, true, &call));
    if (call->kind != WEIR_JINJA_CALL)
        return weir_parser_fail(parser, node->line, WEIR_STATUS_BAD_FILE,
                                "a call block needs a call, as in {%% call f(x) %%}");
    macro->call = call;
    return parse_macro_body(parser, node->line, "call", "endcall", macro);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static weir_status parse_generation(weir_jinja_parser *parser, weir_jinja_node *node) {
    node->kind = WEIR_JINJA_GENERATION;
    return parse_whole_body(parser, "generation", node->line, "endgeneration", &node->as.items);
}

/* Nothing is ever escaped here, so only `false` can be obeyed. */
static weir_status parse_autoescape(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_jinja_node *is_on;
    WEIR_TRY(weir_parser_expression(parser, true, &is_on));
    if (is_on->kind != WEIR_JINJA_CONST || weir_jinja_truth(is_on->as.constant))
        return weir_parser_fail(parser, node->line, WEIR_STATUS_UNSUPPORTED,
                                "escaping for HTML is not supported, expected {%% autoescape "
                                "false %%}");
    node->kind = WEIR_JINJA_SCOPE;
    return parse_whole_body(parser, "autoescape", node->line, "endautoescape", &node->as.items);
}

static weir_status parse_block(weir_jinja_parser *parser, weir_jinja_node *node) {
    weir_lex_token name = parser->now;
    weir_jinja_nodes body;
    size_t index;
    bool is_new, is_named_again = false;
    node->kind = WEIR_JINJA_BLOCK;
    WEIR_TRY(weir_parser_expect(parser, WEIR_LEX_NAME));
    if (!weir_names_add(&parser->blocks, name.text, name.n, &index, &is_new))
        return weir_parser_no_memory(parser);
    if (!is_new)
        return weir_parser_fail(parser, name.line, WEIR_STATUS_BAD_FILE,
                                "the block '%.*s' is there twice", (int)name.n, name.text);
    WEIR_TRY(weir_parser_skip_name(parser, "scoped", &node->as.block.is_scoped));
    if (weir_parser_at_name(parser, "required"))
        return weir_parser_fail(parser, name.line, WEIR_STATUS_UNSUPPORTED,
                                "a required block is for templates that inherit, which is not "
                                "supported");
    uint32_t n_loops = parser->n_loops;
    parser->n_loops = 0;
    WEIR_TRY(parse_whole_body(parser, "block", node->line, "endblock", &body));
    parser->n_loops = n_loops;
    node->as.block.body = body.first;
    if (weir_parser_at(parser, WEIR_LEX_NAME))
        is_named_again =
            parser->now.n == name.n && memcmp(parser->now.text, name.text, name.n) == 0;
    return is_named_again ? weir_parser_advance(parser) : WEIR_STATUS_OK;
}

static weir_status refuse_other_templates(weir_jinja_parser *parser, weir_jinja_node *node) {
    return weir_parser_fail(parser, node->line, WEIR_STATUS_UNSUPPORTED,
                            "extends, include, import and from are not supported: a chat template "
                            "is one text");
}

typedef struct tag_rule {
    const char *name;
    /* Begins behind the tag's name, stops before the end of the tag, or of its closing tag. The
     * node has its line and nothing else yet. */
    weir_status (*parse)(weir_jinja_parser *parser, weir_jinja_node *node);
} tag_rule;

static const tag_rule TAG_RULES[] = {
    {"for", parse_for},
    {"if", parse_if},
    {"set", parse_set},
    {"macro", parse_macro},
    {"call", parse_call_block},
    {"filter", parse_filter_block},
    {"with", parse_with},
    {"do", parse_do},
    {"print", parse_print_tag},
    {"break", parse_break},
    {"continue", parse_continue},
    {"generation", parse_generation},
    {"autoescape", parse_autoescape},
    {"block", parse_block},
    {"extends", refuse_other_templates},
    {"include", refuse_other_templates},
    {"import", refuse_other_templates},
    {"from", refuse_other_templates},
};

static weir_status fail_unknown_tag(const weir_jinja_parser *parser, const open_tag *around) {
    static const char *const closers[] = {"endfor",  "endif",         "elif",          "else",
                                          "endset",  "endmacro",      "endcall",       "endfilter",
                                          "endwith", "endgeneration", "endautoescape", "endblock"};
    char room[WEIR_LEX_DESCRIBE_ROOM], ends[128] = "a tag that opens something";
    const char *name = weir_lex_describe(&parser->now, room);
    for (size_t i = 0; i < WEIR_COUNT(closers); i++)
        if (weir_parser_at_name(parser, closers[i])) {
            if (around != NULL)
                describe_ends(around, ends, sizeof ends);
            return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_BAD_FILE,
                                    "unexpected tag '%s', expected %s", name, ends);
        }
    return weir_parser_fail(parser, parser->now.line, WEIR_STATUS_UNSUPPORTED,
                            "there is no tag '%s'", name);
}

/* At the tag's name. `around` is the open tag, for messages. */
static weir_status parse_statement(weir_jinja_parser *parser, const open_tag *around,
                                   weir_jinja_nodes *body) {
    if (!weir_parser_at(parser, WEIR_LEX_NAME))
        return weir_parser_unexpected(parser, "the name of a tag");
    for (size_t i = 0; i < WEIR_COUNT(TAG_RULES); i++) {
        if (!weir_parser_at_name(parser, TAG_RULES[i].name))
            continue;
        weir_jinja_node *node;
        WEIR_TRY(weir_parser_node(parser, WEIR_JINJA_SCOPE, parser->now.line, &node));
        WEIR_TRY(weir_parser_advance(parser));
        WEIR_TRY(weir_parser_nest(parser));
        WEIR_TRY(TAG_RULES[i].parse(parser, node));
        parser->nesting--;
        weir_jinja_nodes_add(body, node);
        return WEIR_STATUS_OK;
    }
    return fail_unknown_tag(parser, around);
}

static weir_status parse_template(weir_jinja_parser *parser, weir_jinja_nodes *body) {
    WEIR_TRY(weir_parser_advance(parser));
    WEIR_TRY(parse_nodes(parser, NULL, body));
    if (parser->unknown != NULL)
        return weir_parser_fail(parser, parser->unknown->line, WEIR_STATUS_UNSUPPORTED,
                                "there is no %s", parser->unknown->as.apply.name);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_parse(const weir_jinja_source *source, weir_jinja_pool *pool,
                             weir_jinja_nodes *body, weir_error *err) {
    weir_jinja_parser parser = {.source = source, .pool = pool, .err = err};
    weir_jinja_lexer_begin(&parser.lexer, source, pool, err);
    *body = (weir_jinja_nodes){0};
    weir_status status = parse_template(&parser, body);
    weir_names_clear(&parser.names);
    weir_names_clear(&parser.blocks);
    free(parser.symbols);
    return status;
}
