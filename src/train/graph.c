/*
 * graph.c: see graph.h. Opening and closing, all memory, initial weights, and what callers ask for.
 */
#include "train/graph.h"
#include "base/ending.h"
#include "base/error.h"
#include "base/random.h"
#include "train/graph_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- memory ---------------------------------------------------------------------------------- */

static void layout_params(weir_graph *g, weir_arena *arena) {
    g->values = weir_arena_take_array(arena, g->n_values, sizeof(float));
    g->gradients = weir_arena_take_array(arena, g->n_values, sizeof(float));
}

/* rows x width floats. */
static float *take(weir_arena *arena, size_t n_rows, size_t width) {
    size_t n = 0;
    return weir_mul_size(n_rows, width, &n) ? weir_arena_take_array(arena, n, sizeof(float))
                                            : weir_arena_take(arena, SIZE_MAX);
}

static void layout_mixer(const weir_graph *g, weir_layer_acts *a, bool is_conv, uint32_t n_heads_kv,
                         weir_arena *arena) {
    size_t n = g->options.n_rows, d = g->h.d_model;
    size_t width = (size_t)g->h.n_heads * g->h.head_dim;
    size_t width_kv = (size_t)n_heads_kv * g->h.head_dim;
    a->normed = take(arena, n, d);
    a->factor = take(arena, n, 1);
    a->mid = take(arena, n, d);
    if (is_conv) {
        a->bcx = take(arena, n, 3 * d);
        a->mixed = take(arena, n, d);
        return;
    }
    a->mixed = take(arena, n, width);
    a->q_raw = take(arena, n, width);
    a->q = take(arena, n, width);
    a->k_raw = take(arena, n, width_kv);
    a->k = take(arena, n, width_kv);
    a->v = take(arena, n, width_kv);
    a->q_factor = take(arena, n, g->h.n_heads);
    a->k_factor = take(arena, n, n_heads_kv);
    a->lse = take(arena, n, g->h.n_heads);
}

static void layout_ffn(const weir_graph *g, weir_layer_acts *a, bool is_moe, weir_arena *arena) {
    size_t n = g->options.n_rows, d = g->h.d_model, k = g->h.n_experts_used;
    size_t n_wide = is_moe ? n * k : n, width = is_moe ? g->h.d_ff_expert : g->h.d_ff;
    a->ffn_normed = take(arena, n, d);
    a->ffn_factor = take(arena, n, 1);
    a->gate = take(arena, n_wide, width);
    a->up = take(arena, n_wide, width);
    a->hidden = take(arena, n_wide, width);
    if (!is_moe)
        return;
    a->router = take(arena, n, g->h.n_experts);
    a->weights = take(arena, n, k);
    a->sorted_weights = take(arena, n, k);
    a->experts = weir_arena_take_array(arena, n * k, sizeof *a->experts);
    a->place = weir_arena_take_array(arena, n * k, sizeof *a->place);
    a->from = weir_arena_take_array(arena, n * k, sizeof *a->from);
    a->first = weir_arena_take_array(arena, g->h.n_experts + 1, sizeof *a->first);
}

static size_t max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Layers that share their memory need both kinds of everything, as wide as the widest layer. */
static void layout_acts_shared(weir_graph *g, weir_arena *arena) {
    weir_layer_acts all = {0};
    uint32_t n_heads_kv = 0;
    bool has_moe = g->n_loads > 0, has_dense = g->h.n_layers_dense > 0;
    for (uint32_t i = 0; i < g->h.n_layers; i++)
        n_heads_kv = (uint32_t)max_size(n_heads_kv, g->h.n_heads_kv[i]);
    weir_layer_acts conv = {0}, attn = {0}, dense = {0}, moe = {0};
    layout_mixer(g, &conv, true, 0, arena);
    layout_mixer(g, &attn, false, n_heads_kv, arena);
    if (has_dense)
        layout_ffn(g, &dense, false, arena);
    if (has_moe)
        layout_ffn(g, &moe, true, arena);
    for (uint32_t i = 0; i < g->h.n_layers; i++) {
        const weir_layer_acts *ffn = g->layers[i].is_moe ? &moe : &dense;
        all = g->layers[i].kind == WEIR_LAYER_CONV ? conv : attn;
        all.ffn_normed = ffn->ffn_normed;
        all.ffn_factor = ffn->ffn_factor;
        all.gate = ffn->gate;
        all.up = ffn->up;
        all.hidden = ffn->hidden;
        all.router = ffn->router;
        all.weights = ffn->weights;
        all.sorted_weights = ffn->sorted_weights;
        all.experts = ffn->experts;
        all.place = ffn->place;
        all.from = ffn->from;
        all.first = ffn->first;
        g->acts[i] = all;
    }
}

static void layout_scratch(weir_graph *g, weir_arena *arena) {
    const weir_hparams *h = &g->h;
    weir_graph_scratch *s = &g->s;
    size_t n = g->options.n_rows, d = h->d_model, n_sorted = n * max_size(h->n_experts_used, 1);
    size_t widest = max_size(3 * d, (size_t)h->n_heads * h->head_dim), longest = 0;
    widest = max_size(widest, h->n_layers_dense > 0 ? h->d_ff : 0);
    widest = max_size(widest, (size_t)h->n_experts_used * h->d_ff_expert);
    for (uint32_t i = 0; i < h->n_layers; i++)
        widest = max_size(widest, 2 * (size_t)h->n_heads_kv[i] * h->head_dim);
    for (size_t i = 0; i < g->n_slots; i++)
        longest = max_size(longest, g->slots[i].cols);
    for (size_t i = 0; i < WEIR_COUNT(s->wide); i++)
        s->wide[i] = take(arena, n, widest);
    if (g->n_loads > 0) {
        s->rows = take(arena, n_sorted, d);
        s->rows2 = take(arena, n_sorted, d);
        s->router = take(arena, n, h->n_experts);
        s->router_weights = take(arena, n_sorted, 1);
        s->dots = take(arena, n_sorted, 1);
    }
    s->dnormed = take(arena, n, d);
    s->dx = take(arena, n, d);
    if (g->options.is_frozen)
        s->panel = take(arena, 1, max_size(WEIR_PANEL_VALUES, longest));
    if (g->options.adapter_filter) {
        s->lora_u = take(arena, n_sorted, g->options.lora_rank);
        s->lora_t = take(arena, n_sorted, g->options.lora_rank);
        if (g->options.lora_dropout > 0)
            s->dropped = take(arena, n_sorted, longest);
    }
    s->pick = weir_arena_take_array(arena, n, sizeof *s->pick);
    s->picked_targets = weir_arena_take_array(arena, n, sizeof *s->picked_targets);
    s->picked = take(arena, n, d);
    s->picked_normed = take(arena, n, d);
    s->picked_factor = take(arena, n, 1);
    s->picked_loss = take(arena, n, 1);
    size_t chunk = max_size(WEIR_LOGIT_VALUES / h->n_vocab, 16);
    g->chunk_rows = (uint32_t)(chunk < n ? chunk : n);
    s->logits = take(arena, g->chunk_rows, h->n_vocab);
}

static void layout_acts(weir_graph *g, weir_arena *arena) {
    size_t n = g->options.n_rows, d = g->h.d_model;
    for (uint32_t i = 0; i <= g->h.n_layers; i++)
        g->x[i] = take(arena, n, d);
    if (g->options.recompute) {
        layout_acts_shared(g, arena);
    } else {
        for (uint32_t i = 0; i < g->h.n_layers; i++) {
            const weir_graph_layer *layer = &g->layers[i];
            layout_mixer(g, &g->acts[i], layer->kind == WEIR_LAYER_CONV, layer->n_heads_kv, arena);
            layout_ffn(g, &g->acts[i], layer->is_moe, arena);
        }
    }
    layout_scratch(g, arena);
}

/* ---- opening --------------------------------------------------------------------------------- */

static weir_status check_options(const weir_graph_options *options, weir_error *err) {
    if (!options->hparams == !options->model)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a graph is made from hyperparameters or from a model, expected one");
    if (options->is_frozen && !options->model)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "nothing is frozen without a model");
    if (options->layers && (!options->model || options->is_frozen))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "layers are taken from a model whose weights are trained");
    if (options->is_frozen && !options->adapter_filter)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a frozen model without adapters has nothing to train");
    if (options->n_rows == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "batches of 0 rows, expected at least 1");
    if (options->adapter_filter && options->lora_rank == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "adapters of rank 0, expected at least 1");
    if (options->lora_dropout < 0 || options->lora_dropout >= 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "dropout %g, expected 0 to below 1",
                         (double)options->lora_dropout);
    return WEIR_STATUS_OK;
}

static weir_status open_loads(weir_graph *g, weir_error *err) {
    for (uint32_t i = 0; i < g->h.n_layers; i++) {
        if (!g->layers[i].is_moe)
            continue;
        weir_expert_load *load = &g->loads[g->layers[i].load];
        load->layer = i;
        load->n_rows = calloc(g->h.n_experts, sizeof *load->n_rows);
        load->bias = g->h.has_expert_bias ? calloc(g->h.n_experts, sizeof *load->bias) : NULL;
        if (!load->n_rows || (g->h.has_expert_bias && !load->bias))
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the load of experts");
    }
    return WEIR_STATUS_OK;
}

/* Everything but the numbers. */
static weir_status open_lists(weir_graph **out, const weir_graph_options *options,
                              weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    WEIR_TRY(check_options(options, err));
    weir_graph *g = calloc(1, sizeof *g);
    if (!g)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the graph");
    g->options = *options;
    g->h = options->hparams ? *options->hparams : options->model->h;
    if (options->model)
        g->model = weir_model_share(options->model);
    if (options->layers)
        WEIR_TRY_GOTO(weir_graph_take_layers(&g->h, options->layers, options->n_layers, err));
    g->cap_products = (uint32_t)max_size(2 * (size_t)g->h.n_experts, 8);
    g->layers = calloc(g->h.n_layers, sizeof *g->layers);
    g->loads = calloc(g->h.n_layers, sizeof *g->loads);
    g->acts = calloc(g->h.n_layers, sizeof *g->acts);
    g->x = calloc(g->h.n_layers + 1, sizeof *g->x);
    g->products = calloc(g->cap_products, sizeof *g->products);
    if (!g->layers || !g->loads || !g->acts || !g->x || !g->products) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the layers of the graph");
        goto fail;
    }
    WEIR_TRY_GOTO(weir_graph_list(g, err));
    if (g->n_values == 0) {
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "no matrix was chosen for an adapter");
        goto fail;
    }
    *out = g;
    return WEIR_STATUS_OK;
fail:
    weir_graph_close(&g);
    return status;
}

weir_status weir_graph_plan(const weir_graph_options *options, uint64_t *params_bytes,
                            uint64_t *activation_bytes, weir_error *err) {
    weir_graph *g = NULL;
    weir_arena params = {0}, acts = {0};
    WEIR_TRY(open_lists(&g, options, err));
    layout_params(g, &params);
    layout_acts(g, &acts);
    *params_bytes = params.used;
    *activation_bytes = acts.used;
    weir_graph_close(&g);
    return WEIR_STATUS_OK;
}

weir_status weir_graph_open(weir_graph **out, weir_trainer_device *dev,
                            const weir_graph_options *options, weir_error *err) {
    weir_graph *g = NULL;
    weir_arena params = {0}, acts = {0};
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    WEIR_TRY(open_lists(&g, options, err));
    g->dev = dev;
    layout_params(g, &params);
    layout_acts(g, &acts);
    WEIR_TRY_GOTO(weir_arena_open(&g->params_arena, params.used, "parameters and gradients", err));
    WEIR_TRY_GOTO(weir_arena_open(&g->acts_arena, acts.used, "what the layers keep", err));
    layout_params(g, &g->params_arena);
    layout_acts(g, &g->acts_arena);
    weir_graph_bind(g);
    WEIR_TRY_GOTO(open_loads(g, err));
    if (g->model) {
        WEIR_TRY_GOTO(weir_model_unpack(g->model, 0, NULL, err));
        weir_graph_load_values(g);
    }
    *out = g;
    return WEIR_STATUS_OK;
fail:
    weir_graph_close(&g);
    return status;
}

void weir_graph_close(weir_graph **graph) {
    weir_graph *g = *graph;
    *graph = NULL;
    if (!g)
        return;
    for (size_t i = 0; g->loads && i < g->n_loads; i++) {
        free(g->loads[i].n_rows);
        free(g->loads[i].bias);
    }
    weir_arena_close(&g->params_arena);
    weir_arena_close(&g->acts_arena);
    weir_model_close(&g->model);
    free(g->params);
    free(g->slots);
    free(g->slot_param);
    free(g->slot_lora);
    free(g->layers);
    free(g->loads);
    free(g->acts);
    free(g->x);
    free(g->products);
    free(g);
}

/* ---- initial weights ------------------------------------------------------------------------- */

typedef struct draw {
    uint64_t seed, stream;
} draw;

/* N(0, 1) number i (Box and Muller 1958). */
static double normal(const draw *d, uint64_t i) {
    double u = weir_uniform(weir_mix64(d->seed, d->stream, 2 * i));
    double v = weir_uniform(weir_mix64(d->seed, d->stream, 2 * i + 1));
    return sqrt(-2.0 * log(1.0 - u)) * cos(6.283185307179586 * v);
}

static double symmetric(const draw *d, uint64_t i) {
    return 2.0 * weir_uniform(weir_mix64(d->seed, d->stream, i)) - 1.0;
}

bool weir_is_block_output(weir_part part) {
    return part == WEIR_PART_ATTN_OUT || part == WEIR_PART_CONV_OUT || part == WEIR_PART_FFN_DOWN ||
           part == WEIR_PART_EXPERTS_DOWN;
}

static float initial(const weir_graph *g, const weir_param *param, const draw *d, size_t i) {
    if (param->is_adapter)
        return weir_ends_with(param->name, ".lora_A.weight")
                   ? (float)(symmetric(d, i) / sqrt(param->cols))
                   : 0.0f;
    switch (param->kind) {
    case WEIR_PARAM_TAPS:
        return (float)(symmetric(d, i) / sqrt(param->cols));
    case WEIR_PARAM_VECTOR:
        return weir_ends_with(param->name, ".bias") ? 0.0f : 1.0f;
    case WEIR_PARAM_MATRIX:
    case WEIR_PARAM_EMBED:
        break;
    }
    double deviation = weir_is_block_output(param->part) ? 0.02 / sqrt(2.0 * g->h.n_layers) : 0.02;
    return (float)(deviation * normal(d, i));
}

void weir_graph_init(weir_graph *g, uint64_t seed) {
    for (size_t p = 0; p < g->n_params; p++) {
        const weir_param *param = &g->params[p];
        draw d = {seed, XXH64(param->name, strlen(param->name), 0)};
        if (g->model && !param->is_adapter)
            continue; /* it has the model's weights */
        for (size_t i = 0; i < (size_t)param->rows * param->cols; i++)
            g->values[param->at + i] = initial(g, param, &d, i);
    }
}

/* ---- what callers ask for -------------------------------------------------------------------- */

const weir_hparams *weir_graph_hparams(const weir_graph *graph) {
    return &graph->h;
}

weir_trainer_device *weir_graph_device(const weir_graph *graph) {
    return graph->dev;
}

size_t weir_graph_n_params(const weir_graph *graph) {
    return graph->n_params;
}

const weir_param *weir_graph_param(const weir_graph *graph, size_t i) {
    return &graph->params[i];
}

size_t weir_graph_n_values(const weir_graph *graph) {
    return graph->n_values;
}

float *weir_graph_values(weir_graph *graph) {
    return graph->values;
}

float *weir_graph_gradients(weir_graph *graph) {
    return graph->gradients;
}

void weir_graph_clear_gradients(weir_graph *graph) {
    weir_graph_zero(graph, graph->gradients, graph->n_values);
}

size_t weir_graph_n_slots(const weir_graph *graph) {
    return graph->n_slots;
}

const weir_linear_slot *weir_graph_slot(const weir_graph *graph, size_t i) {
    return &graph->slots[i];
}

size_t weir_graph_n_loads(const weir_graph *graph) {
    return graph->n_loads;
}

weir_expert_load *weir_graph_load(weir_graph *graph, size_t i) {
    return &graph->loads[i];
}

void weir_graph_clear_load(weir_graph *graph) {
    for (size_t i = 0; i < graph->n_loads; i++)
        memset(graph->loads[i].n_rows, 0, graph->h.n_experts * sizeof *graph->loads[i].n_rows);
}
