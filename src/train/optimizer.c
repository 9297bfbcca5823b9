/* optimizer.c: one step from gradients to parameters. */
#include "train/optimizer.h"

#include "base/arena.h"
#include "base/error.h"
#include "train/muon.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { MUON_GROUP = 16 }; /* matrices that move at once: bounds the scratch */

struct weir_optimizer {
    weir_graph *graph;
    weir_optimizer_options options;
    uint64_t n_steps;
    size_t n_values;
    float *m, *v; /* [n_values] */
    weir_arena arena;
    float *scratch; /* of Muon */
};

/* How parameter i is moved; neighbours that are moved in the same way go in one call. */
typedef enum rule { RULE_PLAIN, RULE_DECAY, RULE_MUON } rule;

static rule rule_of(const weir_optimizer *o, const weir_param *param) {
    if (o->options.kind == WEIR_OPTIMIZER_MUON && weir_muon_takes(param))
        return RULE_MUON;
    return param->kind == WEIR_PARAM_MATRIX || param->kind == WEIR_PARAM_EMBED ? RULE_DECAY
                                                                               : RULE_PLAIN;
}

/* The end of the run of parameters from `first` on that are moved together. */
static size_t run_end(const weir_optimizer *o, size_t first) {
    const weir_param *a = weir_graph_param(o->graph, first);
    rule how = rule_of(o, a);
    size_t end = first + 1;
    for (; end < weir_graph_n_params(o->graph); end++) {
        const weir_param *b = weir_graph_param(o->graph, end);
        if (rule_of(o, b) != how)
            break;
        if (how == RULE_MUON &&
            (b->rows != a->rows || b->cols != a->cols || end - first == MUON_GROUP))
            break;
    }
    return end;
}

static size_t muon_scratch(const weir_optimizer *o) {
    size_t most = 0;
    for (size_t i = 0; i < weir_graph_n_params(o->graph);) {
        const weir_param *param = weir_graph_param(o->graph, i);
        size_t end = run_end(o, i);
        if (rule_of(o, param) == RULE_MUON) {
            size_t n = weir_muon_scratch((uint32_t)(end - i), param->rows, param->cols);
            most = n > most ? n : most;
        }
        i = end;
    }
    return most;
}

static void place(weir_optimizer *o, weir_arena *arena) {
    o->m = weir_arena_take_array(arena, o->n_values, sizeof *o->m);
    o->v = weir_arena_take_array(arena, o->n_values, sizeof *o->v);
    o->scratch = weir_arena_take_array(arena, muon_scratch(o), sizeof *o->scratch);
}

weir_status weir_optimizer_open(weir_optimizer **out, weir_graph *graph,
                                const weir_optimizer_options *options, weir_error *err) {
    *out = NULL;
    weir_optimizer *o = calloc(1, sizeof *o);
    if (!o)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an optimizer");
    o->graph = graph;
    o->options = *options;
    if (o->options.beta1 == 0)
        o->options.beta1 = 0.9f;
    if (o->options.beta2 == 0)
        o->options.beta2 = 0.95f;
    if (o->options.eps == 0)
        o->options.eps = 1e-8f;
    if (o->options.momentum == 0)
        o->options.momentum = 0.95f;
    o->n_values = weir_graph_n_values(graph);
    weir_arena measure = {0};
    place(o, &measure);
    weir_status status = weir_arena_open(&o->arena, measure.used, "the optimizer's moments", err);
    if (status != WEIR_STATUS_OK) {
        free(o);
        return status;
    }
    place(o, &o->arena);
    *out = o;
    return WEIR_STATUS_OK;
}

void weir_optimizer_close(weir_optimizer **optimizer) {
    if (!optimizer || !*optimizer)
        return;
    weir_arena_close(&(*optimizer)->arena);
    free(*optimizer);
    *optimizer = NULL;
}

double weir_optimizer_norm(const weir_optimizer *o) {
    weir_trainer_device *dev = weir_graph_device(o->graph);
    return sqrt(dev->ops.sum_squares(dev, weir_graph_gradients(o->graph), o->n_values));
}

/* Parameters [first, end), which stand one after the other. */
static void move_adamw(weir_optimizer *o, weir_adamw *step, size_t first, size_t end, bool decays) {
    weir_trainer_device *dev = weir_graph_device(o->graph);
    const weir_param *last = weir_graph_param(o->graph, end - 1);
    size_t at = weir_graph_param(o->graph, first)->at;
    size_t n = last->at + (size_t)last->rows * last->cols - at;
    step->weight_decay = decays ? o->options.weight_decay : 0;
    dev->ops.adamw(dev, step, weir_graph_gradients(o->graph) + at, n,
                   weir_graph_values(o->graph) + at, o->m + at, o->v + at);
}

static void move_muon(weir_optimizer *o, const weir_muon_step *step, size_t first, size_t end) {
    const weir_param *param = weir_graph_param(o->graph, first);
    float *p[MUON_GROUP], *m[MUON_GROUP];
    const float *grad[MUON_GROUP];
    weir_matmul products[MUON_GROUP];
    weir_muon_group group = {.n = (uint32_t)(end - first),
                             .rows = param->rows,
                             .cols = param->cols,
                             .p = p,
                             .grad = grad,
                             .m = m};
    assert(group.n <= MUON_GROUP);
    for (size_t i = first; i < end; i++) {
        size_t at = weir_graph_param(o->graph, i)->at;
        p[i - first] = weir_graph_values(o->graph) + at;
        grad[i - first] = weir_graph_gradients(o->graph) + at;
        m[i - first] = o->m + at;
    }
    weir_muon_move(weir_graph_device(o->graph), step, &group, o->scratch, products);
}

void weir_optimizer_step(weir_optimizer *o, double learning_rate, double norm) {
    const weir_optimizer_options *options = &o->options;
    float scale = options->clip > 0 && norm > options->clip ? (float)(options->clip / norm) : 1;
    o->n_steps++;
    weir_adamw adamw = {
        .learning_rate = (float)learning_rate,
        .beta1 = options->beta1,
        .beta2 = options->beta2,
        .eps = options->eps,
        .correction1 = (float)(1 - pow((double)options->beta1, (double)o->n_steps)),
        .correction2 = (float)(1 - pow((double)options->beta2, (double)o->n_steps)),
        .gradient_scale = scale,
    };
    weir_muon_step muon = {.learning_rate = (float)learning_rate,
                           .momentum = options->momentum,
                           .weight_decay = options->weight_decay,
                           .gradient_scale = scale};
    for (size_t i = 0; i < weir_graph_n_params(o->graph);) {
        size_t end = run_end(o, i);
        rule how = rule_of(o, weir_graph_param(o->graph, i));
        if (how == RULE_MUON)
            move_muon(o, &muon, i, end);
        else
            move_adamw(o, &adamw, i, end, how == RULE_DECAY);
        i = end;
    }
}

float *weir_optimizer_m(weir_optimizer *o) {
    return o->m;
}

float *weir_optimizer_v(weir_optimizer *o) {
    return o->v;
}

uint64_t weir_optimizer_n_steps(const weir_optimizer *o) {
    return o->n_steps;
}

void weir_optimizer_set_n_steps(weir_optimizer *o, uint64_t n_steps) {
    o->n_steps = n_steps;
}
