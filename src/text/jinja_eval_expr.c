/*
 * jinja_eval_expr.c: the value of an expression. Owns nothing; what operators and methods do is in
 * jinja_value.h. Invariant: before anything can fail the run's line is that of its node.
 */
#include "text/jinja_eval.h"

#include <string.h>

enum { VARS_A_STEP = 16 }; /* names compared for the price of one step */

/* ---- names ------------------------------------------------------------------------------------
 */

static weir_status eval_name(weir_jinja_evaluator *ev, const weir_jinja_scope *scope,
                             const weir_jinja_symbol *name, weir_jinja_value *out) {
    for (; scope != NULL; scope = scope->outer) {
        if (scope->n >= VARS_A_STEP)
            WEIR_TRY(weir_jinja_step(ev->run, scope->n / VARS_A_STEP));
        for (size_t i = 0; i < scope->n; i++)
            if (scope->vars[i].name == name) {
                *out = scope->vars[i].value;
                return WEIR_STATUS_OK;
            }
    }
    const weir_jinja_entry *entry =
        weir_jinja_find_text(ev->context, name->text.data, name->text.n);
    if (entry != NULL)
        *out = entry->value;
    else if (!weir_jinja_global(name->text.data, name->text.n, out))
        *out = weir_jinja_undefined(&name->text);
    return WEIR_STATUS_OK;
}

/* ---- literals ---------------------------------------------------------------------------------
 */

static weir_status eval_items(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              weir_jinja_type type, const weir_jinja_nodes *items,
                              weir_jinja_value *out) {
    weir_jinja_value list, item;
    WEIR_TRY(weir_jinja_new_list(ev->run, type, items->n, &list));
    for (const weir_jinja_node *n = items->first; n != NULL; n = n->next) {
        WEIR_TRY(weir_jinja_eval(ev, scope, n, &item));
        WEIR_TRY(weir_jinja_append(ev->run, list.as.list, item));
    }
    *out = list;
    return WEIR_STATUS_OK;
}

static weir_status eval_dict(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                             const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value dict, key, value;
    WEIR_TRY(weir_jinja_new_dict(ev->run, WEIR_JINJA_DICT, &dict));
    for (const weir_jinja_node *n = node->as.items.first; n != NULL; n = n->next->next) {
        WEIR_TRY(weir_jinja_eval(ev, scope, n, &key));
        WEIR_TRY(weir_jinja_eval(ev, scope, n->next, &value));
        ev->run->line = n->line;
        WEIR_TRY(weir_jinja_set(ev->run, dict.as.dict, key, value));
    }
    *out = dict;
    return WEIR_STATUS_OK;
}

/* ---- parts of values --------------------------------------------------------------------------
 */

static weir_status eval_attribute(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                  const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value of;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.attribute.of, &of));
    ev->run->line = node->line;
    return weir_jinja_attribute(ev->run, of, &node->as.attribute.name->text, out);
}

/* A part of a slice; None where it is left out. */
static weir_status eval_slice_part(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                   const weir_jinja_node *part, weir_jinja_value *out) {
    *out = weir_jinja_none();
    return part != NULL ? weir_jinja_eval(ev, scope, part, out) : WEIR_STATUS_OK;
}

static weir_status eval_slice(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              weir_jinja_value of, const weir_jinja_node *slice,
                              weir_jinja_value *out) {
    weir_jinja_value start, stop, step;
    WEIR_TRY(eval_slice_part(ev, scope, slice->as.slice.start, &start));
    WEIR_TRY(eval_slice_part(ev, scope, slice->as.slice.stop, &stop));
    WEIR_TRY(eval_slice_part(ev, scope, slice->as.slice.step, &step));
    ev->run->line = slice->line;
    return weir_jinja_slice(ev->run, of, start, stop, step, out);
}

static weir_status eval_item(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                             const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value of, key;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.item.of, &of));
    if (node->as.item.key->kind == WEIR_JINJA_SLICE)
        return eval_slice(ev, scope, of, node->as.item.key, out);
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.item.key, &key));
    ev->run->line = node->line;
    return weir_jinja_item(ev->run, of, key, out);
}

/* ---- filters and tests ------------------------------------------------------------------------
 */

static weir_status eval_apply(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value first = ev->filtered;
    if (node->as.apply.of != NULL)
        WEIR_TRY(weir_jinja_eval(ev, scope, node->as.apply.of, &first));
    ev->run->line = node->line;
    if (node->as.apply.function == NULL)
        return weir_jinja_fail(ev->run, WEIR_STATUS_UNSUPPORTED, "there is no %s",
                               node->as.apply.name);
    weir_jinja_call_room room;
    weir_jinja_call call = {.name = node->as.apply.name};
    WEIR_TRY(weir_jinja_collect(ev, scope, node->as.apply.arguments, &first, NULL, &room, &call));
    ev->run->line = node->line;
    return node->as.apply.function(ev->run, &call, out);
}

/* ---- operators --------------------------------------------------------------------------------
 */

static weir_status eval_unary(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value operand;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.operand, &operand));
    ev->run->line = node->line;
    if (node->kind == WEIR_JINJA_NEGATIVE)
        return weir_jinja_negative(ev->run, operand, out);
    if (node->kind == WEIR_JINJA_POSITIVE)
        return weir_jinja_positive(ev->run, operand, out);
    *out = weir_jinja_bool(!weir_jinja_truth(operand));
    return WEIR_STATUS_OK;
}

static weir_status eval_binary(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value left, right;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.binary.left, &left));
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.binary.right, &right));
    ev->run->line = node->line;
    return weir_jinja_binary(ev->run, node->as.binary.op, left, right, out);
}

/* and, or: the operand that decides, as it is. */
static weir_status eval_logic(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *node, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.binary.left, out));
    if (weir_jinja_truth(*out) == (node->kind == WEIR_JINJA_OR))
        return WEIR_STATUS_OK;
    return weir_jinja_eval(ev, scope, node->as.binary.right, out);
}

/* a < b < c: every operand is evaluated once, and none behind the first link that does not hold. */
static weir_status eval_compare(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value left, right;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.compare.first, &left));
    for (const weir_jinja_node *link = node->as.compare.links; link != NULL; link = link->next) {
        WEIR_TRY(weir_jinja_eval(ev, scope, link->as.binary.right, &right));
        ev->run->line = link->line;
        WEIR_TRY(weir_jinja_binary(ev->run, link->as.binary.op, left, right, out));
        if (!weir_jinja_truth(*out))
            break;
        left = right;
    }
    return WEIR_STATUS_OK;
}

static weir_status eval_choice(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_node *node, weir_jinja_value *out) {
    weir_jinja_value test;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.choice.test, &test));
    const weir_jinja_node *chosen =
        weir_jinja_truth(test) ? node->as.choice.then : node->as.choice.otherwise;
    *out = weir_jinja_undefined(NULL);
    return chosen != NULL ? weir_jinja_eval(ev, scope, chosen, out) : WEIR_STATUS_OK;
}

static weir_status eval_kind(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                             const weir_jinja_node *node, weir_jinja_value *out) {
    switch (node->kind) {
    case WEIR_JINJA_CONST:
        *out = node->as.constant;
        return WEIR_STATUS_OK;
    case WEIR_JINJA_NAME:
        return eval_name(ev, scope, node->as.name, out);
    case WEIR_JINJA_LIST_OF:
        return eval_items(ev, scope, WEIR_JINJA_LIST, &node->as.items, out);
    case WEIR_JINJA_TUPLE_OF:
        return eval_items(ev, scope, WEIR_JINJA_TUPLE, &node->as.items, out);
    case WEIR_JINJA_DICT_OF:
        return eval_dict(ev, scope, node, out);
    case WEIR_JINJA_ATTRIBUTE:
        return eval_attribute(ev, scope, node, out);
    case WEIR_JINJA_ITEM:
        return eval_item(ev, scope, node, out);
    case WEIR_JINJA_CALL:
        return weir_jinja_eval_call(ev, scope, node, NULL, out);
    case WEIR_JINJA_APPLY:
        return eval_apply(ev, scope, node, out);
    case WEIR_JINJA_AND:
    case WEIR_JINJA_OR:
        return eval_logic(ev, scope, node, out);
    case WEIR_JINJA_BINARY:
        return eval_binary(ev, scope, node, out);
    case WEIR_JINJA_COMPARE:
        return eval_compare(ev, scope, node, out);
    case WEIR_JINJA_CHOICE:
        return eval_choice(ev, scope, node, out);
    default: /* NOT, NEGATIVE, POSITIVE: the parser puts no other kind where a value is asked for */
        return eval_unary(ev, scope, node, out);
    }
}

weir_status weir_jinja_eval(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                            const weir_jinja_node *node, weir_jinja_value *out) {
    ev->run->line = node->line;
    WEIR_TRY(weir_jinja_step(ev->run, 1));
    WEIR_TRY(weir_jinja_enter_level(ev));
    WEIR_TRY(eval_kind(ev, scope, node, out));
    ev->n_levels--;
    return WEIR_STATUS_OK;
}
