/* test_graph_learns.c: a tiny model with experts learns eight samples by heart, from the initial
 * weights that weir_graph_init gives, with AdamW alone. */
#include "graph_kit.h"

enum { SAMPLES = 8, LENGTH = 9, STEPS = 400 };

static void test_by_heart(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    weir_hparams h = kit_hparams(&kit_forms[2]);
    weir_graph_options options = {.hparams = &h, .n_rows = SAMPLES * LENGTH};
    weir_graph *graph = NULL;
    REQUIRE_OK(weir_graph_open(&graph, dev, &options, &test_err));
    weir_graph_init(graph, 1);

    kit_batch b;
    dice d = {.seed = 2};
    uint32_t lengths[SAMPLES];
    for (int s = 0; s < SAMPLES; s++)
        lengths[s] = LENGTH;
    kit_make_batch(&b, &d, h.n_vocab, lengths, SAMPLES);
    b.n_targets = SAMPLES * (LENGTH - 1);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        b.tokens[s * LENGTH] = (int32_t)s; /* by the first token a sample is told from the others */
        for (uint32_t i = 0; i + 1 < LENGTH; i++)
            b.targets[s * LENGTH + i] = b.tokens[s * LENGTH + i + 1];
    }

    size_t n = weir_graph_n_values(graph);
    float *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v);
    assert_true(m && v);
    double first = kit_loss(graph, &b, false), loss = first;
    assert_true(fabs(first - log(h.n_vocab)) < 0.1); /* it begins knowing nothing */
    for (int t = 1; t <= STEPS && loss >= 0.01; t++) {
        weir_adamw step = {.learning_rate = 5e-3f,
                           .beta1 = 0.9f,
                           .beta2 = 0.99f,
                           .eps = 1e-8f,
                           .gradient_scale = 1,
                           .correction1 = (float)(1 - pow(0.9, t)),
                           .correction2 = (float)(1 - pow(0.99, t))};
        weir_graph_clear_gradients(graph);
        loss = kit_loss(graph, &b, true);
        dev->ops.adamw(dev, &step, weir_graph_gradients(graph), n, weir_graph_values(graph), m, v);
    }
    if (!(loss < 0.01))
        fail_msg("the loss is %.4g after %d steps, from %.4g", loss, STEPS, first);
    free(m);
    free(v);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {KIT_FOR_BOTH(test_by_heart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
