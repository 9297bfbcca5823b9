/*
 * jinja_eval_loop.c: for loops, and the variable `loop` in them.
 *
 * Owns how far a loop is. With an `if` behind it a loop asks for the next item only when it is
 * needed, one ahead if `loop.last` or `loop.nextitem` is read and all if `loop.length` is, so that
 * the condition sees what the body has changed in between, as in Jinja2. Invariant: items[0..n)
 * have passed the condition, and index < n while the body runs.
 */
#include "text/jinja_eval.h"

#include <string.h>

typedef struct loop_state {
    weir_jinja_object object;
    const weir_jinja_node *node;
    weir_jinja_scope *outer; /* where the statement stands */
    const weir_jinja_value *items;
    size_t n;
    size_t index; /* of the item that the body has */
    uint32_t depth0;
    /* with a condition: */
    weir_jinja_items source;
    size_t n_seen; /* of source */
    weir_jinja_value *passed;
    weir_jinja_scope *test_scope;
    /* changed(): */
    weir_jinja_value last_args; /* a tuple, or UNDEFINED before the first call */
} loop_state;

/* Makes items[i] known if there is one. */
static weir_status reach(weir_jinja_evaluator *ev, loop_state *loop, size_t i, bool *is_there) {
    const weir_jinja_for *statement = loop->node->as.loop;
    while (loop->n <= i && loop->n_seen < loop->source.n) {
        weir_jinja_value item = loop->source.items[loop->n_seen++], is_in;
        loop->test_scope->n = 0;
        WEIR_TRY(weir_jinja_assign(ev, loop->test_scope, statement->target, item));
        WEIR_TRY(weir_jinja_eval(ev, loop->test_scope, statement->test, &is_in));
        if (weir_jinja_truth(is_in))
            loop->passed[loop->n++] = item;
    }
    *is_there = i < loop->n;
    return WEIR_STATUS_OK;
}

/* ---- the variable `loop` ----------------------------------------------------------------------
 */

/* The methods of a loop take no keywords. */
static weir_status refuse_keywords(weir_jinja_run *run, const weir_jinja_call *call) {
    if (call->n_keywords == 0)
        return WEIR_STATUS_OK;
    const weir_jinja_string *name = call->keywords[0].name;
    return weir_jinja_fail(run, WEIR_STATUS_FAILED, "%s takes no keyword argument '%.*s'",
                           call->name, (int)(name->n < 100 ? name->n : 100), name->data);
}

/* loop.cycle(a, b, ...) */
static weir_status call_cycle(weir_jinja_run *run, const weir_jinja_object *self,
                              const weir_jinja_call *call, weir_jinja_value *out) {
    const loop_state *loop = self->state;
    WEIR_TRY(refuse_keywords(run, call));
    if (call->n_args == 0)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "no items for cycling given");
    *out = call->args[loop->index % call->n_args];
    return WEIR_STATUS_OK;
}

/* loop.changed(a, ...): were the arguments others than at the last call? */
static weir_status call_changed(weir_jinja_run *run, const weir_jinja_object *self,
                                const weir_jinja_call *call, weir_jinja_value *out) {
    loop_state *loop = self->state;
    weir_jinja_value args;
    WEIR_TRY(refuse_keywords(run, call));
    WEIR_TRY(weir_jinja_new_list(run, WEIR_JINJA_TUPLE, call->n_args, &args));
    for (size_t i = 0; i < call->n_args; i++)
        WEIR_TRY(weir_jinja_append(run, args.as.list, call->args[i]));
    bool is_same = false;
    if (loop->last_args.type == WEIR_JINJA_TUPLE)
        WEIR_TRY(weir_jinja_equal(run, loop->last_args, args, &is_same));
    loop->last_args = args;
    *out = weir_jinja_bool(!is_same);
    return WEIR_STATUS_OK;
}

static weir_status new_method(weir_jinja_run *run, loop_state *loop,
                              const weir_jinja_behaviour *behaviour, const char *name,
                              weir_jinja_value *out) {
    weir_jinja_object *method = weir_jinja_take(run, sizeof *method);
    if (method == NULL)
        return run->status;
    *method = (weir_jinja_object){.behaviour = behaviour, .name = name, .state = loop};
    *out = weir_jinja_of_object(method);
    return WEIR_STATUS_OK;
}

static weir_status loop_length(weir_jinja_evaluator *ev, loop_state *loop, size_t *out) {
    bool is_there;
    WEIR_TRY(reach(ev, loop, SIZE_MAX, &is_there));
    *out = loop->n;
    return WEIR_STATUS_OK;
}

static weir_status next_item(weir_jinja_evaluator *ev, loop_state *loop, bool *is_there,
                             weir_jinja_value *out) {
    WEIR_TRY(reach(ev, loop, loop->index + 1, is_there));
    *out = *is_there ? loop->items[loop->index + 1] : weir_jinja_undefined(NULL);
    return WEIR_STATUS_OK;
}

typedef enum loop_attribute {
    LOOP_INDEX,
    LOOP_INDEX0,
    LOOP_REVINDEX,
    LOOP_REVINDEX0,
    LOOP_FIRST,
    LOOP_LAST,
    LOOP_LENGTH,
    LOOP_PREVITEM,
    LOOP_NEXTITEM,
    LOOP_DEPTH,
    LOOP_DEPTH0,
    LOOP_CYCLE,
    LOOP_CHANGED,
    N_LOOP_ATTRIBUTES
} loop_attribute;

static loop_attribute find_attribute(const weir_jinja_string *name) {
    static const char *const names[N_LOOP_ATTRIBUTES] = {
        "index",    "index0",   "revindex", "revindex0", "first", "last",   "length",
        "previtem", "nextitem", "depth",    "depth0",    "cycle", "changed"};
    int i = 0;
    while (i < N_LOOP_ATTRIBUTES && !weir_jinja_string_is(name, names[i]))
        i++;
    return (loop_attribute)i;
}

static weir_status get_attribute(weir_jinja_evaluator *ev, loop_state *loop,
                                 loop_attribute attribute, weir_jinja_value *out) {
    static const weir_jinja_behaviour cycle = {.type_name = "method", .call = call_cycle};
    static const weir_jinja_behaviour changed = {.type_name = "method", .call = call_changed};
    size_t length = 0;
    bool has_next;
    weir_jinja_value next;
    switch (attribute) {
    case LOOP_INDEX:
        *out = weir_jinja_int((int64_t)loop->index + 1);
        return WEIR_STATUS_OK;
    case LOOP_INDEX0:
        *out = weir_jinja_int((int64_t)loop->index);
        return WEIR_STATUS_OK;
    case LOOP_REVINDEX:
    case LOOP_REVINDEX0:
        WEIR_TRY(loop_length(ev, loop, &length));
        *out = weir_jinja_int((int64_t)(length - loop->index) - (attribute == LOOP_REVINDEX0));
        return WEIR_STATUS_OK;
    case LOOP_FIRST:
        *out = weir_jinja_bool(loop->index == 0);
        return WEIR_STATUS_OK;
    case LOOP_LAST:
        WEIR_TRY(next_item(ev, loop, &has_next, &next));
        *out = weir_jinja_bool(!has_next);
        return WEIR_STATUS_OK;
    case LOOP_LENGTH:
        WEIR_TRY(loop_length(ev, loop, &length));
        *out = weir_jinja_int((int64_t)length);
        return WEIR_STATUS_OK;
    case LOOP_PREVITEM:
        *out = loop->index > 0 ? loop->items[loop->index - 1] : weir_jinja_undefined(NULL);
        return WEIR_STATUS_OK;
    case LOOP_NEXTITEM:
        return next_item(ev, loop, &has_next, out);
    case LOOP_DEPTH:
        *out = weir_jinja_int((int64_t)loop->depth0 + 1);
        return WEIR_STATUS_OK;
    case LOOP_DEPTH0:
        *out = weir_jinja_int(loop->depth0);
        return WEIR_STATUS_OK;
    case LOOP_CYCLE:
        return new_method(ev->run, loop, &cycle, "cycle", out);
    case LOOP_CHANGED:
        return new_method(ev->run, loop, &changed, "changed", out);
    default:
        return WEIR_STATUS_OK;
    }
}

static weir_status attribute_of_loop(weir_jinja_run *run, const weir_jinja_object *self,
                                     const weir_jinja_string *name, weir_jinja_value *out) {
    return get_attribute(run->evaluator, self->state, find_attribute(name), out);
}

/* ---- running ----------------------------------------------------------------------------------
 */

static weir_status run_loop(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                            const weir_jinja_node *node, weir_jinja_value over, uint32_t depth0,
                            weir_jinja_builder *out);

/* loop(items) in a recursive loop: the text that the whole loop writes for these items. */
static weir_status call_loop(weir_jinja_run *run, const weir_jinja_object *self,
                             const weir_jinja_call *call, weir_jinja_value *out) {
    const loop_state *loop = self->state;
    weir_jinja_evaluator *ev = run->evaluator;
    weir_jinja_value over;
    weir_jinja_builder text;
    if (!loop->node->as.loop->is_recursive)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED,
                               "the loop must have the 'recursive' marker to be called");
    WEIR_TRY(weir_jinja_arguments(run, call, "iterable", &over, NULL));
    WEIR_TRY(weir_jinja_enter(run));
    WEIR_TRY(weir_jinja_build(&text, run, 0));
    WEIR_TRY(run_loop(ev, loop->outer, loop->node, over, loop->depth0 + 1, &text));
    weir_jinja_leave(run);
    return weir_jinja_built(&text, out);
}

static weir_status new_loop(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                            const weir_jinja_node *node, weir_jinja_value over, uint32_t depth0,
                            loop_state **out) {
    static const weir_jinja_behaviour behaviour = {
        .type_name = "LoopContext", .call = call_loop, .attribute = attribute_of_loop};
    weir_jinja_items items;
    *out = NULL;
    WEIR_TRY(weir_jinja_iterate(ev->run, over, &items));
    loop_state *loop = weir_jinja_take(ev->run, sizeof *loop);
    if (loop == NULL)
        return ev->run->status;
    *loop = (loop_state){.object = {.behaviour = &behaviour, .name = "loop", .state = loop},
                         .node = node,
                         .outer = outer,
                         .items = items.items,
                         .n = items.n,
                         .depth0 = depth0,
                         .last_args = weir_jinja_undefined(NULL)};
    *out = loop;
    if (node->as.loop->is_recursive)
        weir_jinja_scope_keep(outer);
    if (node->as.loop->test == NULL)
        return WEIR_STATUS_OK;
    loop->passed = weir_jinja_take_array(ev->run, items.n, sizeof *loop->passed);
    if (loop->passed == NULL)
        return ev->run->status;
    loop->source = items;
    loop->items = loop->passed;
    loop->n = 0;
    WEIR_TRY(weir_jinja_scope_open(ev, outer, &loop->test_scope));
    weir_jinja_scope_keep(loop->test_scope);
    return WEIR_STATUS_OK;
}

/* The body for every item. *is_whole: some round came to its end without break or continue; where
 * none did, Jinja2 runs the else branch, too. */
static weir_status run_rounds(weir_jinja_evaluator *ev, loop_state *loop, bool *is_whole,
                              weir_jinja_builder *out) {
    const weir_jinja_for *statement = loop->node->as.loop;
    weir_jinja_scope *scope;
    bool is_there;
    *is_whole = false;
    WEIR_TRY(weir_jinja_scope_open(ev, loop->outer, &scope));
    for (;;) {
        WEIR_TRY(reach(ev, loop, loop->index, &is_there));
        if (!is_there)
            break;
        scope->n = 0;
        WEIR_TRY(weir_jinja_define(ev, scope, statement->loop_name,
                                   weir_jinja_of_object(&loop->object)));
        WEIR_TRY(weir_jinja_assign(ev, scope, statement->target, loop->items[loop->index]));
        WEIR_TRY(weir_jinja_exec(ev, scope, statement->body.first, out));
        weir_jinja_flow flow = ev->flow;
        ev->flow = WEIR_JINJA_FLOW_ON;
        if (flow == WEIR_JINJA_FLOW_BREAK)
            break;
        *is_whole = *is_whole || flow == WEIR_JINJA_FLOW_ON;
        loop->index++;
    }
    weir_jinja_scope_close(ev, scope);
    return WEIR_STATUS_OK;
}

static weir_status run_loop(weir_jinja_evaluator *ev, weir_jinja_scope *outer,
                            const weir_jinja_node *node, weir_jinja_value over, uint32_t depth0,
                            weir_jinja_builder *out) {
    loop_state *loop;
    weir_jinja_scope *scope;
    bool is_whole;
    WEIR_TRY(new_loop(ev, outer, node, over, depth0, &loop));
    WEIR_TRY(run_rounds(ev, loop, &is_whole, out));
    if (is_whole || node->as.loop->otherwise.n == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_scope_open(ev, outer, &scope));
    WEIR_TRY(weir_jinja_exec(ev, scope, node->as.loop->otherwise.first, out));
    weir_jinja_scope_close(ev, scope);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_exec_for(weir_jinja_evaluator *ev, weir_jinja_scope *scope,
                                const weir_jinja_node *node, weir_jinja_builder *out) {
    weir_jinja_value over;
    WEIR_TRY(weir_jinja_eval(ev, scope, node->as.loop->over, &over));
    ev->run->line = node->line;
    return run_loop(ev, scope, node, over, 0, out);
}
