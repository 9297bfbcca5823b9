/*
 * jinja_eval.c: the statements of a template, and the scopes that names live in.
 *
 * Owns the scopes, in the memory of the run. Invariant: while flow is not ON no statement runs and
 * nothing is assigned until the loop that it belongs to is reached.
 */
#include "text/jinja_eval.h"

#include <assert.h>
#include <string.h>

enum { FIRST_VARS = 4 };

/* ---- scopes -----------------------------------------------------------------------------------
 */

weir_status weir_jinja_scope_open(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                                  weir_jinja_scope **out) {
    weir_jinja_scope *scope = ev->unused;
    *out = NULL;
    if (scope != NULL) {
        ev->unused = scope->outer;
    } else {
        scope = weir_jinja_take(ev->run, sizeof *scope);
        if (scope == NULL)
            return ev->run->status;
        *scope = (weir_jinja_scope){0};
    }
    scope->outer = outer;
    scope->n = 0;
    *out = scope;
    return WEIR_STATUS_OK;
}

void weir_jinja_scope_close(weir_jinja_evaluator *ev, weir_jinja_scope *scope) {
    if (scope->is_kept)
        return;
    scope->outer = ev->unused;
    ev->unused = scope;
}

void weir_jinja_scope_keep(weir_jinja_scope *scope) {
    for (; scope != NULL && !scope->is_kept; scope = scope->outer)
        scope->is_kept = true;
}

weir_status weir_jinja_define(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_symbol *name, weir_jinja_value value) {
    WEIR_TRY(weir_jinja_step(ev->run, 1 + scope->n / 16));
    for (size_t i = 0; i < scope->n; i++)
        if (scope->vars[i].name == name) {
            scope->vars[i].value = value;
            return WEIR_STATUS_OK;
        }
    if (scope->n == scope->cap) {
        size_t cap = scope->cap == 0 ? FIRST_VARS : 2 * scope->cap;
        weir_jinja_binding *vars = weir_jinja_take_array(ev->run, cap, sizeof *vars);
        if (vars == NULL)
            return ev->run->status;
        if (scope->n > 0)
            memcpy(vars, scope->vars, scope->n * sizeof *vars);
        scope->vars = vars;
        scope->cap = cap;
    }
    scope->vars[scope->n++] = (weir_jinja_binding){name, value};
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_enter_level(weir_jinja_evaluator *ev) {
    if (ev->n_levels == WEIR_JINJA_MAX_LEVELS)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FULL, "nested more than %d levels deep",
                               WEIR_JINJA_MAX_LEVELS);
    ev->n_levels++;
    return WEIR_STATUS_OK;
}

/* ---- assignment -------------------------------------------------------------------------------
 */

static weir_status assign_attribute(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                    const weir_jinja_node *target, weir_jinja_value value) {
    weir_jinja_value of;
    WEIR_TRY(weir_jinja_eval(ev, scope, target->as.attribute.of, &of));
    if (of.type != WEIR_JINJA_NAMESPACE)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                               "an attribute can be set of a namespace only, not of %s",
                               weir_jinja_type_name(of));
    return weir_jinja_set(ev->run, of.as.dict,
                          weir_jinja_of_string(&target->as.attribute.name->text), value);
}

static weir_status unpack(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                          const weir_jinja_node *target, weir_jinja_value value) {
    weir_jinja_items items;
    size_t n = target->as.items.n, i = 0;
    WEIR_TRY(weir_jinja_iterate(ev->run, value, &items));
    if (items.n > n)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                               "too many values to unpack (expected %zu)", n);
    if (items.n < n)
        return weir_jinja_fail(ev->run, WEIR_STATUS_FAILED,
                               "not enough values to unpack (expected %zu, got %zu)", n, items.n);
    for (const weir_jinja_node *t = target->as.items.first; t != NULL; t = t->next)
        WEIR_TRY(weir_jinja_assign(ev, scope, t, items.items[i++]));
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_assign(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *target, weir_jinja_value value) {
    ev->run->line = target->line;
    switch (target->kind) {
    case WEIR_JINJA_NAME:
        return weir_jinja_define(ev, scope, target->as.name, value);
    case WEIR_JINJA_ATTRIBUTE:
        return assign_attribute(ev, scope, target, value);
    default:
        assert(target->kind == WEIR_JINJA_TUPLE_OF);
        return unpack(ev, scope, target, value);
    }
}

/* ---- statements that write --------------------------------------------------------------------
 */

static weir_status exec_print(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.operand, &value));
    ev->run->line = node->line;
    return weir_jinja_add_value(out, value);
}

/* Statements with names of their own. */
static weir_status exec_inside(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                               const weir_jinja_node *first, weir_jinja_builder *out) {
    weir_jinja_scope *scope;
    WEIR_TRY(weir_jinja_scope_open(ev, outer, &scope));
    WEIR_TRY(weir_jinja_exec(ev, scope, first, out));
    weir_jinja_scope_close(ev, scope);
    return WEIR_STATUS_OK;
}

static weir_status exec_generation(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                   const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_origin before = out->add_origin;
    out->add_origin |= WEIR_JINJA_ORIGIN_GENERATION;
    WEIR_TRY(exec_inside(ev, scope, node->as.items.first, out));
    out->add_origin = before;
    return WEIR_STATUS_OK;
}

/* A set or filter block: what its body writes, through its filters, is assigned or written. A body
 * that break or continue has left counts for nothing. */
static weir_status exec_capture(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_builder text;
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_build(&text, ev->run, 0));
    WEIR_TRY(exec_inside(ev, scope, node->as.set.body, &text));
    if (ev->flow != WEIR_JINJA_FLOW_ON)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_built(&text, &value));
    if (node->as.set.value != NULL) {
        ev->filtered = value;
        WEIR_TRY(weir_jinja_eval(ev, scope, node->as.set.value, &value));
    }
    if (node->as.set.target != NULL)
        return weir_jinja_assign(ev, scope, node->as.set.target, value);
    ev->run->line = node->line;
    return weir_jinja_add_value(out, value);
}

static weir_status exec_call_block(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                   const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_value caller, value;
    WEIR_TRY(weir_jinja_new_macro(ev, scope, node->as.macro, &caller));
    WEIR_TRY(weir_jinja_eval_call(ev, scope, node->as.macro->call, &caller, &value));
    ev->run->line = node->line;
    return weir_jinja_add_value(out, value);
}

/* Without inheritance a block is written where it stands. It sees the template's own names, and
 * those around it only if it is scoped. */
static weir_status exec_block(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node, weir_jinja_builder *out) {
    return exec_inside(ev, node->as.block.is_scoped ? scope : &ev->top, node->as.block.body, out);
}

/* ---- the other statements ---------------------------------------------------------------------
 */

static weir_status exec_if(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                           const weir_jinja_node *node, weir_jinja_builder *out) {
    for (const weir_jinja_node *b = node->as.items.first; b != NULL; b = b->next) {
        weir_jinja_value test = weir_jinja_bool(true);
        if (b->as.branch.test != NULL)
            WEIR_TRY(weir_jinja_eval(ev, scope, b->as.branch.test, &test));
        if (weir_jinja_truth(test))
            return weir_jinja_exec(ev, scope, b->as.branch.body, out);
    }
    return WEIR_STATUS_OK;
}

static weir_status exec_set(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                            const weir_jinja_node *node) {
    weir_jinja_value value;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.set.value, &value));
    return weir_jinja_assign(ev, scope, node->as.set.target, value);
}

static weir_status exec_macro(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node) {
    weir_jinja_value macro;
    WEIR_TRY(weir_jinja_new_macro(ev, scope, node->as.macro, &macro));
    return weir_jinja_define(ev, scope, node->as.macro->name, macro);
}

/* The values are those outside: {% with a=1, b=a %} does not give b the new a. */
static weir_status exec_with(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                             const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_scope *scope;
    WEIR_TRY(weir_jinja_scope_open(ev, outer, &scope));
    const weir_jinja_node *value_of = node->as.with.values;
    for (const weir_jinja_node *t = node->as.with.targets; t != NULL; t = t->next) {
        weir_jinja_value value;
        WEIR_TRY(weir_jinja_eval(ev, outer, value_of, &value));
        WEIR_TRY(weir_jinja_assign(ev, scope, t, value));
        value_of = value_of->next;
    }
    WEIR_TRY(weir_jinja_exec(ev, scope, node->as.with.body, out));
    weir_jinja_scope_close(ev, scope);
    return WEIR_STATUS_OK;
}

static weir_status exec_kind(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                             const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_value unused;
    switch (node->kind) {
    case WEIR_JINJA_TEXT:
        return weir_jinja_add_string(out, node->as.constant.as.string);
    case WEIR_JINJA_PRINT:
        return exec_print(ev, scope, node, out);
    case WEIR_JINJA_DO:
        return weir_jinja_eval(ev, scope, node->as.operand, &unused);
    case WEIR_JINJA_FOR:
        return weir_jinja_exec_for(ev, scope, node, out);
    case WEIR_JINJA_IF:
        return exec_if(ev, scope, node, out);
    case WEIR_JINJA_SET:
        return exec_set(ev, scope, node);
    case WEIR_JINJA_SET_BLOCK:
    case WEIR_JINJA_FILTER_BLOCK:
        return exec_capture(ev, scope, node, out);
    case WEIR_JINJA_MACRO:
        return exec_macro(ev, scope, node);
    case WEIR_JINJA_CALL_BLOCK:
        return exec_call_block(ev, scope, node, out);
    case WEIR_JINJA_WITH:
        return exec_with(ev, scope, node, out);
    case WEIR_JINJA_SCOPE:
        return exec_inside(ev, scope, node->as.items.first, out);
    case WEIR_JINJA_BLOCK:
        return exec_block(ev, scope, node, out);
    case WEIR_JINJA_GENERATION:
        return exec_generation(ev, scope, node, out);
    case WEIR_JINJA_BREAK:
        ev->flow = WEIR_JINJA_FLOW_BREAK;
        return WEIR_STATUS_OK;
    default:
        assert(node->kind == WEIR_JINJA_CONTINUE);
        ev->flow = WEIR_JINJA_FLOW_CONTINUE;
        return WEIR_STATUS_OK;
    }
}

weir_status weir_jinja_exec(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                            const weir_jinja_node *first, weir_jinja_builder *out) {
    WEIR_TRY(weir_jinja_enter_level(ev));
    for (const weir_jinja_node *node = first; node != NULL && ev->flow == WEIR_JINJA_FLOW_ON;
         node = node->next) {
        ev->run->line = node->line;
        WEIR_TRY(weir_jinja_step(ev->run, 1));
        WEIR_TRY(exec_kind(ev, scope, node, out));
    }
    ev->n_levels--;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_evaluate(weir_jinja_run *run, const weir_jinja_nodes *body,
                                weir_jinja_value context, weir_jinja_builder *out) {
    assert(context.type == WEIR_JINJA_DICT);
    weir_jinja_evaluator ev = {.run = run, .context = context.as.dict, .top = {.is_kept = true}};
    run->evaluator = &ev;
    weir_status status = weir_jinja_exec(&ev, &ev.top, body->first, out);
    run->evaluator = NULL;
    return status;
}
