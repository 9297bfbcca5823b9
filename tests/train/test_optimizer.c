/*
 * test_optimizer.c: AdamW against the same steps in double, Muon by what it promises (equal
 * singular values, the reference recurrence), clipping, and the bias of the experts.
 */
#include "train/graph_kit.h"

#include "train/expert_load.h"
#include "train/muon.h"
#include "train/optimizer.h"

enum { MOE = 2, STEPS = 10 };

static void fill_gradients(weir_graph *graph, uint64_t seed) {
    for (size_t p = 0; p < weir_graph_n_params(graph); p++) {
        const weir_param *param = weir_graph_param(graph, p);
        for (size_t i = 0; i < (size_t)param->rows * param->cols; i++)
            weir_graph_gradients(graph)[param->at + i] = (float)(0.01 * kit_uniform(seed, p, i));
    }
}

static weir_optimizer *open_optimizer(weir_graph *graph, weir_optimizer_options options) {
    weir_optimizer *o = NULL;
    REQUIRE_OK(weir_optimizer_open(&o, graph, &options, &test_err));
    return o;
}

/* ---- AdamW ---------------------------------------------------------------------------------- */

typedef struct oracle {
    double *p, *m, *v; /* [n] */
    size_t n;
} oracle;

/* The reference implementation's order: decay first, then the moments, then the move. */
static void oracle_step(oracle *o, weir_graph *graph, int step, double rate, double scale) {
    const double b1 = 0.9f, b2 = 0.95f, eps = 1e-8f, decay = 0.1f;
    for (size_t k = 0; k < weir_graph_n_params(graph); k++) {
        const weir_param *param = weir_graph_param(graph, k);
        bool decays = param->kind == WEIR_PARAM_MATRIX || param->kind == WEIR_PARAM_EMBED;
        for (size_t i = param->at; i < param->at + (size_t)param->rows * param->cols; i++) {
            double g = scale * (double)weir_graph_gradients(graph)[i];
            o->p[i] *= 1 - (decays ? rate * decay : 0);
            o->m[i] = b1 * o->m[i] + (1 - b1) * g;
            o->v[i] = b2 * o->v[i] + (1 - b2) * g * g;
            o->p[i] -= rate * (o->m[i] / (1 - pow(b1, step))) /
                       (sqrt(o->v[i] / (1 - pow(b2, step))) + eps);
        }
    }
}

static void test_adamw(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    weir_graph *graph = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
    weir_optimizer *o =
        open_optimizer(graph, (weir_optimizer_options){.weight_decay = 0.1f, .clip = 0.02f});
    size_t n = weir_graph_n_values(graph);
    oracle want = {calloc(n, 8), calloc(n, 8), calloc(n, 8), n};
    for (size_t i = 0; i < n; i++)
        want.p[i] = (double)weir_graph_values(graph)[i];
    for (int step = 1; step <= STEPS; step++) {
        fill_gradients(graph, (uint64_t)step);
        double norm = weir_optimizer_norm(o), sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)weir_graph_gradients(graph)[i] * (double)weir_graph_gradients(graph)[i];
        assert_true(fabs(norm - sqrt(sum)) < 1e-6 * norm && norm > 0.02);
        double rate = 1e-3 * step;
        weir_optimizer_step(o, rate, norm);
        oracle_step(&want, graph, step, (double)(float)rate, 0.02f / sqrt(sum));
    }
    assert_int_equal(weir_optimizer_n_steps(o), STEPS);
    for (size_t k = 0; k < weir_graph_n_params(graph); k++) {
        const weir_param *param = weir_graph_param(graph, k);
        for (size_t i = param->at; i < param->at + (size_t)param->rows * param->cols; i++) {
            double got = (double)weir_graph_values(graph)[i];
            if (!(fabs(got - want.p[i]) < 2e-6))
                fail_msg("%s: %.9g instead of %.9g", param->name, got, want.p[i]);
            assert_true(fabs((double)weir_optimizer_m(o)[i] - want.m[i]) < 1e-7);
            assert_true(fabs((double)weir_optimizer_v(o)[i] - want.v[i]) < 1e-9);
        }
    }
    free(want.p), free(want.m), free(want.v);
    weir_optimizer_close(&o);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

/* A gradient that is zero still takes its step: the moments fade, the decay pulls. */
static void test_zero_gradient(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    weir_graph *graph = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
    weir_optimizer *o = open_optimizer(graph, (weir_optimizer_options){.weight_decay = 0.5f});
    fill_gradients(graph, 3);
    weir_optimizer_step(o, 1e-2, weir_optimizer_norm(o));
    size_t at = weir_graph_param(graph, 0)->at;
    float m = weir_optimizer_m(o)[at], p = weir_graph_values(graph)[at];
    weir_graph_clear_gradients(graph);
    weir_optimizer_step(o, 1e-2, weir_optimizer_norm(o));
    assert_true(fabsf(weir_optimizer_m(o)[at] - 0.9f * m) <= 1e-6f * fabsf(m));
    assert_true(weir_graph_values(graph)[at] != p);
    weir_optimizer_close(&o);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

/* ---- Muon ----------------------------------------------------------------------------------- */

/* The same recurrence in double on one matrix, without any trick with the smaller side. */
static void newton_oracle(double *x, uint32_t rows, uint32_t cols) {
    double norm = 0, *g = calloc((size_t)rows * rows, 8), *y = calloc((size_t)rows * cols, 8);
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        norm += x[i] * x[i];
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        x[i] /= sqrt(norm) + 1e-7;
    for (int step = 0; step < 5; step++) {
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t j = 0; j < rows; j++) {
                g[i * rows + j] = 0;
                for (uint32_t k = 0; k < cols; k++)
                    g[i * rows + j] += x[i * cols + k] * x[j * cols + k];
            }
        /* y = a x + (b g + c g g) x = a x + g (b x + c g x) */
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t k = 0; k < cols; k++) {
                y[i * cols + k] = 0;
                for (uint32_t j = 0; j < rows; j++)
                    y[i * cols + k] += g[i * rows + j] * x[j * cols + k];
            }
        double *z = calloc((size_t)rows * cols, 8);
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t k = 0; k < cols; k++) {
                double gy = 0;
                for (uint32_t j = 0; j < rows; j++)
                    gy += g[i * rows + j] * y[j * cols + k];
                z[i * cols + k] = 3.4445 * x[i * cols + k] - 4.7750 * y[i * cols + k] + 2.0315 * gy;
            }
        memcpy(x, z, (size_t)rows * cols * 8);
        free(z);
    }
    free(g), free(y);
}

static void test_muon(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    weir_graph *graph = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
    weir_graph *plain = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
    weir_optimizer *o = open_optimizer(
        graph, (weir_optimizer_options){.kind = WEIR_OPTIMIZER_MUON, .weight_decay = 0.1f});
    weir_optimizer *adamw = open_optimizer(plain, (weir_optimizer_options){.weight_decay = 0.1f});
    size_t n_moved = 0, n_experts = 0;
    fill_gradients(graph, 1);
    fill_gradients(plain, 1);
    float *before = kit_copy(weir_graph_values(graph), weir_graph_n_values(graph));
    weir_optimizer_step(o, 1e-2, weir_optimizer_norm(o));
    weir_optimizer_step(adamw, 1e-2, weir_optimizer_norm(adamw));
    for (size_t k = 0; k < weir_graph_n_params(graph); k++) {
        const weir_param *param = weir_graph_param(graph, k);
        size_t n = (size_t)param->rows * param->cols;
        const float *got = weir_graph_values(graph) + param->at;
        if (!weir_muon_takes(param)) {
            assert_memory_equal(got, weir_graph_values(plain) + param->at, n * sizeof *got);
            assert_true(param->kind != WEIR_PARAM_MATRIX || param->part == WEIR_PART_ROUTER);
            continue;
        }
        n_moved++;
        n_experts += param->expert != UINT32_MAX;
        double *x = calloc(n, 8), width = param->rows > param->cols ? param->rows : param->cols;
        for (size_t i = 0; i < n; i++) /* the first momentum is (1 - mu) g, looked ahead */
            x[i] = (0.95 * 0.05 + 0.05) * (double)weir_graph_gradients(graph)[param->at + i];
        newton_oracle(x, param->rows, param->cols);
        for (size_t i = 0; i < n; i++) {
            double want =
                (1 - 1e-2 * 0.1) * (double)before[param->at + i] - 1e-2 * 0.2 * sqrt(width) * x[i];
            if (!(fabs((double)got[i] - want) < 1e-5))
                fail_msg("%s: %.9g instead of %.9g", param->name, (double)got[i], want);
        }
        free(x);
    }
    assert_true(n_moved > 20 && n_experts == 3 * 3 * 6);
    free(before);
    weir_optimizer_close(&o);
    weir_optimizer_close(&adamw);
    weir_graph_close(&graph);
    weir_graph_close(&plain);
    weir_trainer_device_close(&dev);
}

/* Threads change nothing. */
static void test_threads(void **state) {
    for (int kind = 0; kind < 2; kind++) {
        float *first = NULL;
        for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
            weir_trainer_device *dev = kit_device(state, n_threads);
            weir_graph *graph = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
            weir_optimizer *o = open_optimizer(
                graph, (weir_optimizer_options){.kind = (weir_optimizer_kind)kind, .clip = 0.01f});
            for (uint64_t step = 0; step < 3; step++) {
                fill_gradients(graph, step);
                weir_optimizer_step(o, 1e-3, weir_optimizer_norm(o));
            }
            size_t n = weir_graph_n_values(graph);
            if (!first)
                first = kit_copy(weir_graph_values(graph), n);
            require_same_bits(first, weir_graph_values(graph), n, "parameters");
            weir_optimizer_close(&o);
            weir_graph_close(&graph);
            weir_trainer_device_close(&dev);
        }
        free(first);
    }
}

/* ---- experts -------------------------------------------------------------------------------- */

static void test_expert_bias(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    weir_graph *graph = kit_graph(dev, &kit_forms[MOE], 8, false, 1);
    uint32_t n = weir_graph_hparams(graph)->n_experts;
    assert_int_equal(n, 6);
    static const uint64_t rows[] = {10, 20, 30, 30, 30, 60}; /* mean 30 */
    static const float want[] = {2, 2, 0, 0, 0, -2};
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++) {
        weir_expert_load *load = weir_graph_load(graph, i);
        for (uint32_t e = 0; e < n; e++) {
            load->bias[e] = 0;
            load->n_rows[e] = rows[e];
        }
    }
    double cv = sqrt((400.0 + 100 + 900) / 6) / 30;
    assert_true(fabs(weir_expert_load_cv(graph) - cv) < 1e-12);
    weir_expert_bias_update(graph, 2);
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++)
        for (uint32_t e = 0; e < n; e++) /* the mean of the moves is 2 / 6 */
            assert_true(fabsf(weir_graph_load(graph, i)->bias[e] - (want[e] - 2.0f / 6)) < 1e-6f);
    /* Without rows nothing moves. */
    weir_graph_clear_load(graph);
    float before = weir_graph_load(graph, 0)->bias[0];
    weir_expert_bias_update(graph, 2);
    assert_true(weir_graph_load(graph, 0)->bias[0] == before);
    assert_true(weir_expert_load_cv(graph) == 0);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIT_FOR_BOTH(test_adamw),       KIT_FOR_BOTH(test_zero_gradient), KIT_FOR_BOTH(test_muon),
        KIT_FOR(test_threads, KIT_CPU), KIT_FOR_BOTH(test_expert_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
