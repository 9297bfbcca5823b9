/* expert_load.c: the experts' load and their bias. */
#include "train/expert_load.h"

#include <math.h>

static double mean_load(const weir_expert_load *load, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)load->n_rows[i];
    return sum / n;
}

static void move_bias(const weir_expert_load *load, uint32_t n, float rate) {
    double mean = mean_load(load, n), sum = 0;
    if (!load->bias || mean == 0)
        return;
    for (uint32_t i = 0; i < n; i++) {
        double behind = mean - (double)load->n_rows[i];
        load->bias[i] += behind > 0 ? rate : behind < 0 ? -rate : 0;
        sum += (double)load->bias[i];
    }
    float centre = (float)(sum / n);
    for (uint32_t i = 0; i < n; i++)
        load->bias[i] -= centre;
}

void weir_expert_bias_update(weir_graph *graph, float rate) {
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++)
        move_bias(weir_graph_load(graph, i), weir_graph_hparams(graph)->n_experts, rate);
}

double weir_expert_load_cv(weir_graph *graph) {
    uint32_t n = weir_graph_hparams(graph)->n_experts;
    size_t n_loads = weir_graph_n_loads(graph);
    double sum = 0;
    for (size_t i = 0; i < n_loads; i++) {
        const weir_expert_load *load = weir_graph_load(graph, i);
        double mean = mean_load(load, n), squares = 0;
        for (uint32_t e = 0; e < n; e++)
            squares += ((double)load->n_rows[e] - mean) * ((double)load->n_rows[e] - mean);
        sum += mean > 0 ? sqrt(squares / n) / mean : 0;
    }
    return n_loads ? sum / (double)n_loads : 0;
}
