/*
 * jinja_eval.h: runs the tree of a template; and what the parts of the evaluator share.
 *
 * Names live in scopes. A scope sees those outside of it; only for, with, macro, call, filter, set
 * block, block and generation open one, so that what a loop sets is gone after it and what an `if`
 * sets is not. Behind the outermost scope stand the variables of the conversation, then the
 * functions that every template has.
 */
#ifndef WEIR_TEXT_JINJA_EVAL_H
#define WEIR_TEXT_JINJA_EVAL_H

#include "text/jinja_ast.h"

enum {
    WEIR_JINJA_MAX_LEVELS = 2000, /* nodes inside nodes, macros and their callers included: bounds
                                     the native stack, to less than 1 MiB */
};

/* Writes the statements to out. context is the DICT of variables. */
weir_status weir_jinja_evaluate(weir_jinja_run *run, const weir_jinja_nodes *body,
                                weir_jinja_value context, weir_jinja_builder *out);

/* ---- between the parts ------------------------------------------------------------------------
 */

typedef struct weir_jinja_binding {
    const weir_jinja_symbol *name;
    weir_jinja_value value;
} weir_jinja_binding;

typedef struct weir_jinja_scope {
    struct weir_jinja_scope *outer; /* NULL: the template's; of a scope to reuse: the next one */
    weir_jinja_binding *vars;       /* [n] room for cap */
    size_t n, cap;
    bool is_kept; /* a macro or loop object may still need it */
} weir_jinja_scope;

typedef enum weir_jinja_flow {
    WEIR_JINJA_FLOW_ON,
    WEIR_JINJA_FLOW_BREAK,
    WEIR_JINJA_FLOW_CONTINUE
} weir_jinja_flow;

typedef struct weir_jinja_evaluator {
    weir_jinja_run *run; /* whose `evaluator` points back */
    const weir_jinja_dict *context;
    weir_jinja_scope top;
    weir_jinja_scope *unused;  /* scopes to reuse */
    weir_jinja_value filtered; /* the text that a block's filters begin with */
    weir_jinja_flow flow;      /* not ON: statements end until the loop is reached */
    uint32_t n_levels;
} weir_jinja_evaluator;

weir_status weir_jinja_scope_open(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                                  weir_jinja_scope **out);
/* Gives it back unless something still needs it. */
void weir_jinja_scope_close(weir_jinja_evaluator *ev, weir_jinja_scope *scope);
/* An object points at this scope: it and all outside of it stay. */
void weir_jinja_scope_keep(weir_jinja_scope *scope);
weir_status weir_jinja_define(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_symbol *name, weir_jinja_value value);

weir_status weir_jinja_enter_level(weir_jinja_evaluator *ev);

weir_status weir_jinja_eval(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                            const weir_jinja_node *node, weir_jinja_value *out);
/* A list of statements, by its first one. */
weir_status weir_jinja_exec(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                            const weir_jinja_node *first, weir_jinja_builder *out);
/* A target gets a value. */
weir_status weir_jinja_assign(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                              const weir_jinja_node *target, weir_jinja_value value);

/* A for statement, and one level of a recursive one: over the items, with names in `scope` outside
 * of it. */
weir_status weir_jinja_exec_for(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                const weir_jinja_node *node, weir_jinja_builder *out);

/* The arguments of calls, filters and tests. Few need no memory of the run. */
enum { WEIR_JINJA_FEW_ARGS = 6, WEIR_JINJA_FEW_KEYWORDS = 3 };
typedef struct weir_jinja_call_room {
    weir_jinja_value args[WEIR_JINJA_FEW_ARGS];
    weir_jinja_keyword keywords[WEIR_JINJA_FEW_KEYWORDS];
} weir_jinja_call_room;

/* Evaluates the arguments. first: what stands before them, or NULL; caller: given as the keyword
 * "caller", or NULL. */
weir_status weir_jinja_collect(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                               const weir_jinja_argument_list *list, const weir_jinja_value *first,
                               const weir_jinja_value *caller, weir_jinja_call_room *room,
                               weir_jinja_call *out);
weir_status weir_jinja_eval_call(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                 const weir_jinja_node *node, const weir_jinja_value *caller,
                                 weir_jinja_value *out);

/* A macro as a value that remembers the scope where it was defined. */
weir_status weir_jinja_new_macro(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                 const weir_jinja_macro *macro, weir_jinja_value *out);

#endif
