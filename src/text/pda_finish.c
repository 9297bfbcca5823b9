/*
 * pda_finish.c: what is checked and made once an automaton is whole.
 *
 * Owns four passes: bodies of loops are rebuilt so that no run of them is empty; rules that begin
 * with themselves are refused; nodes without a way to the end die, and all others learn how many
 * frames that way needs; symbols are put into classes. Invariant: the texts that fit stay the same.
 */
#include "text/pda.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Steps of all sweeps together: far above any real grammar, and a second or two. */
#define MAX_STEPS 1000000000u
/* Of nodes that are rebuilt inside each other. */
enum { MAX_REBUILT_DEPTH = 2000 };
#define NEVER UINT32_MAX

typedef struct finisher {
    weir_pda_builder *b;
    weir_pda *pda;
    uint32_t n_old;         /* nodes before anything was rebuilt: those behind take a symbol */
    uint8_t *is_nullable;   /* [n_old] the RETURN can be reached without a symbol */
    uint32_t *rebuilt;      /* [n_old] the same node without that way + 1 */
    uint32_t *rule_rebuilt; /* [n_rules_old] */
    uint32_t n_rules_old;
    uint32_t depth;
    uint64_t n_steps;
} finisher;

static bool is_failed(const finisher *f) {
    return f->b->status != WEIR_STATUS_OK;
}

/* Sweeps go up and down in turn: most nodes lie behind those that they go on to, and most rules in
 * front of those that they call. */
static bool may_sweep(finisher *f) {
    f->n_steps += (uint64_t)f->pda->n_nodes + f->pda->n_targets;
    if (f->n_steps > MAX_STEPS)
        weir_pda_refuse(f->b, WEIR_STATUS_UNSUPPORTED, "the grammar is too large");
    return !is_failed(f);
}

/* ---- empty runs ----------------------------------------------------------------------------- */

static bool is_null(const finisher *f, uint32_t node) {
    return node < f->n_old && f->is_nullable[node];
}

static bool find_null(const finisher *f, uint32_t at) {
    const weir_pda *pda = f->pda;
    const weir_pda_node *node = &pda->nodes[at];
    const weir_pda_loop *loop;
    switch ((weir_pda_kind)node->kind) {
    case WEIR_PDA_RETURN:
        return true;
    case WEIR_PDA_SPLIT:
        for (uint32_t i = 0; i < node->arg; i++)
            if (is_null(f, pda->targets[node->next + i]))
                return true;
        return false;
    case WEIR_PDA_SYMBOLS:
        return false;
    case WEIR_PDA_CALL:
        return is_null(f, pda->rules[node->arg]) && is_null(f, node->next);
    case WEIR_PDA_LOOP:
        loop = &pda->loops[node->arg];
        return is_null(f, loop->next) && (loop->min == 0 || is_null(f, loop->body));
    }
    return false;
}

static void find_nullable(finisher *f) {
    f->is_nullable = weir_pda_room(f->b, f->n_old);
    bool has_changed = true;
    for (bool is_up = true; has_changed && may_sweep(f); is_up = !is_up) {
        has_changed = false;
        for (uint32_t i = 0; i < f->n_old; i++) {
            uint32_t at = is_up ? i : f->n_old - 1 - i;
            if (!f->is_nullable[at] && find_null(f, at))
                f->is_nullable[at] = has_changed = true;
        }
    }
}

static uint32_t without_empty(finisher *f, uint32_t at);

static uint32_t rule_without_empty(finisher *f, uint32_t rule) {
    if (f->rule_rebuilt[rule] == 0) {
        uint32_t rebuilt = weir_pda_rule(f->b);
        f->rule_rebuilt[rule] = rebuilt + 1;
        weir_pda_set_rule(f->b, rebuilt, without_empty(f, f->pda->rules[rule]));
    }
    return f->rule_rebuilt[rule] - 1;
}

/* What the node takes first, then as before; or nothing of it, then what follows, rebuilt. */
static uint32_t call_without_empty(finisher *f, weir_pda_node node) {
    if (!is_null(f, f->pda->rules[node.arg]))
        return weir_pda_call(f->b, node.arg, node.next);
    uint32_t taken = weir_pda_call(f->b, rule_without_empty(f, node.arg), node.next);
    return weir_pda_either(f->b, taken, without_empty(f, node.next));
}

static uint32_t loop_without_empty(finisher *f, weir_pda_loop loop) {
    bool may_be_empty = loop.min == 0 || is_null(f, loop.body);
    uint32_t body = without_empty(f, loop.body);
    uint32_t taken = weir_pda_repeat(f->b, body, may_be_empty ? 1 : loop.min, loop.max, loop.next);
    return may_be_empty ? weir_pda_either(f->b, taken, without_empty(f, loop.next)) : taken;
}

static uint32_t split_without_empty(finisher *f, uint32_t at) {
    uint32_t n = f->pda->nodes[at].arg;
    uint32_t split = weir_pda_split(f->b, n);
    f->rebuilt[at] = split + 1;
    for (uint32_t i = 0; i < n && !is_failed(f); i++) {
        uint32_t target = f->pda->targets[f->pda->nodes[at].next + i];
        weir_pda_set_target(f->b, split, i, without_empty(f, target));
    }
    return split;
}

/* The node at `at`, without the way to the RETURN that takes no symbol. */
static uint32_t without_empty(finisher *f, uint32_t at) {
    if (!is_null(f, at))
        return at;
    if (f->rebuilt[at] != 0)
        return f->rebuilt[at] - 1;
    if (++f->depth > MAX_REBUILT_DEPTH)
        weir_pda_refuse(f->b, WEIR_STATUS_UNSUPPORTED,
                        "too many parts behind each other that may all be empty, in a repetition");
    if (is_failed(f))
        return WEIR_PDA_AT_DEAD;
    weir_pda_node node = f->pda->nodes[at];
    uint32_t made = WEIR_PDA_AT_DEAD;
    if (node.kind == WEIR_PDA_SPLIT)
        made = split_without_empty(f, at);
    else if (node.kind == WEIR_PDA_CALL)
        made = call_without_empty(f, node);
    else if (node.kind == WEIR_PDA_LOOP)
        made = loop_without_empty(f, f->pda->loops[node.arg]);
    f->rebuilt[at] = made + 1;
    f->depth--;
    return made;
}

/* Loops that are made on the way have bodies that are never empty. */
static void rebuild_loops(finisher *f) {
    f->n_rules_old = f->pda->n_rules;
    f->rebuilt = weir_pda_room(f->b, f->n_old * sizeof *f->rebuilt);
    f->rule_rebuilt = weir_pda_room(f->b, f->n_rules_old * sizeof *f->rule_rebuilt);
    for (uint32_t i = 0; i < f->pda->n_loops && !is_failed(f); i++) {
        uint32_t body = f->pda->loops[i].body;
        if (!is_null(f, body))
            continue;
        body = without_empty(f, body);
        f->pda->loops[i].body = body;
        f->pda->loops[i].min = 0;
    }
}

/* ---- rules that begin with themselves ------------------------------------------------------- */

typedef struct rule_walk {
    uint32_t *stamps; /* [n_nodes] rule + 1 that saw it last */
    uint32_t *stack;  /* [n_nodes] nodes to look at */
    uint32_t *edges;  /* [n_edges] rules that a rule may begin with, one rule behind the other */
    uint32_t *first;  /* [n_rules + 1] */
    size_t n_edges, cap_edges;
} rule_walk;

static void add_edge(finisher *f, rule_walk *walk, uint32_t rule) {
    if (walk->n_edges == walk->cap_edges) {
        size_t cap = walk->cap_edges * 2 + 64;
        uint32_t *grown = realloc(walk->edges, cap * sizeof *grown);
        if (!grown) {
            weir_pda_no_memory(f->b);
            return;
        }
        walk->edges = grown;
        walk->cap_edges = cap;
    }
    walk->edges[walk->n_edges++] = rule;
}

static void see(rule_walk *walk, uint32_t rule, uint32_t node, uint32_t *n_stack) {
    if (walk->stamps[node] == rule + 1)
        return;
    walk->stamps[node] = rule + 1;
    walk->stack[(*n_stack)++] = node;
}

/* All rules that `rule` may call before it has taken a symbol. */
static void find_edges(finisher *f, rule_walk *walk, uint32_t rule) {
    const weir_pda *pda = f->pda;
    uint32_t n_stack = 0;
    see(walk, rule, pda->rules[rule], &n_stack);
    while (n_stack > 0 && !is_failed(f)) {
        const weir_pda_node *node = &pda->nodes[walk->stack[--n_stack]];
        if (node->kind == WEIR_PDA_SPLIT) {
            for (uint32_t i = 0; i < node->arg; i++)
                see(walk, rule, pda->targets[node->next + i], &n_stack);
        } else if (node->kind == WEIR_PDA_CALL) {
            add_edge(f, walk, node->arg);
            if (is_null(f, pda->rules[node->arg]))
                see(walk, rule, node->next, &n_stack);
        } else if (node->kind == WEIR_PDA_LOOP) {
            const weir_pda_loop *loop = &pda->loops[node->arg];
            see(walk, rule, loop->body, &n_stack);
            if (loop->min == 0)
                see(walk, rule, loop->next, &n_stack);
        }
    }
}

/* A rule on a circle of edges, or NEVER. Depth first, without recursion. */
static uint32_t find_circle(finisher *f, const rule_walk *walk) {
    uint32_t n = f->pda->n_rules;
    uint8_t *state = weir_pda_room(f->b, n); /* 0 new, 1 open, 2 done */
    uint32_t *next_edge = weir_pda_room(f->b, n * sizeof *next_edge);
    uint32_t *stack = weir_pda_room(f->b, n * sizeof *stack);
    for (uint32_t start = 0; start < n && !is_failed(f); start++) {
        uint32_t n_stack = 0;
        if (state[start] != 0)
            continue;
        stack[n_stack++] = start;
        state[start] = 1;
        next_edge[start] = walk->first[start];
        while (n_stack > 0) {
            uint32_t rule = stack[n_stack - 1];
            if (next_edge[rule] == walk->first[rule + 1]) {
                state[rule] = 2;
                n_stack--;
                continue;
            }
            uint32_t to = walk->edges[next_edge[rule]++];
            if (state[to] == 1)
                return to;
            if (state[to] == 0) {
                state[to] = 1;
                next_edge[to] = walk->first[to];
                stack[n_stack++] = to;
            }
        }
    }
    return NEVER;
}

static void refuse_left_recursion(finisher *f) {
    rule_walk walk = {0};
    uint32_t n_rules = f->pda->n_rules;
    walk.stamps = weir_pda_room(f->b, f->pda->n_nodes * sizeof *walk.stamps);
    walk.stack = weir_pda_room(f->b, f->pda->n_nodes * sizeof *walk.stack);
    walk.first = weir_pda_room(f->b, (n_rules + (size_t)1) * sizeof *walk.first);
    for (uint32_t rule = 0; rule < n_rules && !is_failed(f); rule++) {
        find_edges(f, &walk, rule);
        walk.first[rule + 1] = (uint32_t)walk.n_edges;
    }
    uint32_t rule = is_failed(f) ? NEVER : find_circle(f, &walk);
    free(walk.edges);
    if (rule == NEVER)
        return;
    const char *name =
        f->b->rule_name && rule < f->n_rules_old ? f->b->rule_name(f->b->rule_context, rule) : NULL;
    weir_pda_refuse(f->b, WEIR_STATUS_UNSUPPORTED,
                    "%s%s begins with itself: left recursion is not taken",
                    name ? "rule " : "a rule", name ? name : "");
}

/* ---- ways to the end ------------------------------------------------------------------------ */

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t one_more(uint32_t a) {
    return a == NEVER ? NEVER : a + 1;
}

static uint32_t find_need(const weir_pda *pda, uint32_t at) {
    const weir_pda_node *node = &pda->nodes[at];
    const uint32_t *needs = pda->needs;
    uint32_t need = NEVER;
    const weir_pda_loop *loop;
    switch ((weir_pda_kind)node->kind) {
    case WEIR_PDA_RETURN:
        return 0;
    case WEIR_PDA_SPLIT:
        for (uint32_t i = 0; i < node->arg; i++) {
            uint32_t other = needs[pda->targets[node->next + i]];
            need = other < need ? other : need;
        }
        return need;
    case WEIR_PDA_SYMBOLS:
        return needs[node->next];
    case WEIR_PDA_CALL:
        return larger(one_more(needs[pda->rules[node->arg]]), needs[node->next]);
    case WEIR_PDA_LOOP:
        loop = &pda->loops[node->arg];
        need = needs[loop->next];
        return loop->min == 0 ? need : larger(one_more(needs[loop->body]), need);
    }
    return NEVER;
}

/* Needs only get smaller: from NEVER, which at the end means that there is no way. */
static void find_needs(finisher *f) {
    weir_pda *pda = f->pda;
    pda->needs = malloc(pda->n_nodes * sizeof *pda->needs);
    if (!pda->needs) {
        weir_pda_no_memory(f->b);
        return;
    }
    for (uint32_t i = 0; i < pda->n_nodes; i++)
        pda->needs[i] = NEVER;
    bool has_changed = true;
    for (bool is_up = true; has_changed && may_sweep(f); is_up = !is_up) {
        has_changed = false;
        for (uint32_t i = 0; i < pda->n_nodes; i++) {
            uint32_t at = is_up ? i : pda->n_nodes - 1 - i;
            uint32_t need = find_need(pda, at);
            if (need < pda->needs[at]) {
                pda->needs[at] = need;
                has_changed = true;
            }
        }
    }
}

/* ---- classes -------------------------------------------------------------------------------- */

/* Each set divides the classes that it cuts. */
static void find_classes(weir_pda *pda) {
    pda->n_classes = 1;
    for (uint32_t i = 0; i < pda->n_sets && pda->n_classes < WEIR_SYMBOLS; i++) {
        uint16_t inside[WEIR_SYMBOLS] = {0}; /* the new class of what is inside + 1 */
        bool has_outside[WEIR_SYMBOLS] = {0};
        for (uint32_t s = 0; s < WEIR_SYMBOLS; s++)
            has_outside[pda->class_of[s]] |= !weir_symbol_in(&pda->sets[i], s);
        for (uint32_t s = 0; s < WEIR_SYMBOLS; s++) {
            uint16_t old = pda->class_of[s];
            if (!has_outside[old] || !weir_symbol_in(&pda->sets[i], s))
                continue;
            if (inside[old] == 0)
                inside[old] = (uint16_t)++pda->n_classes;
            pda->class_of[s] = (uint16_t)(inside[old] - 1);
        }
    }
    for (uint32_t s = 0; s < WEIR_SYMBOLS; s++)
        pda->symbol_of[pda->class_of[s]] = (uint16_t)s;
}

/* ---- the whole ------------------------------------------------------------------------------ */

weir_status weir_pda_finish(weir_pda_builder *b, weir_error *err) {
    finisher f = {.b = b, .pda = b->pda, .n_old = b->pda->n_nodes};
    if (!is_failed(&f))
        find_nullable(&f);
    if (!is_failed(&f))
        rebuild_loops(&f);
    if (!is_failed(&f))
        refuse_left_recursion(&f);
    if (!is_failed(&f))
        find_needs(&f);
    if (!is_failed(&f) && b->pda->needs[b->pda->starts[WEIR_PDA_CHECK]] == NEVER)
        weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "no text fits it");
    if (!is_failed(&f))
        find_classes(b->pda);
    weir_pda_end(b);
    return is_failed(&f) ? weir_fail(err, b->status, "%s", b->error.text) : WEIR_STATUS_OK;
}
