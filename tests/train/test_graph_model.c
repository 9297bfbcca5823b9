/*
 * test_graph_model.c: the graph as a model: its logits are those of the engine that will run it,
 * its gradients those of its loss, and experts that nobody chose learn nothing.
 */
#include "graph_kit.h"

static const char *const models[] = {"moe_top2", "dense_untied_k4", "dense_oldkeys_bias",
                                     "moe_plain_router", "moe_top4_scale"};

/* ---- the forward pass is that of inference --------------------------------------------------- */

static void test_logits_of_engine(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {1, 29, 2};
    for (size_t m = 0; m < WEIR_COUNT(models); m++) {
        weir_model *model = open_golden(models[m]);
        weir_graph *graph = kit_graph_of(dev, model, KIT_ROWS, NULL);
        weir_engine *engine = open_engine(model, (weir_engine_options){.device = "reference",
                                                                       .kv_type = "f32",
                                                                       .n_ctx = 64,
                                                                       .n_seqs = 1,
                                                                       .no_prefix_cache = true});
        uint32_t n_vocab = vocab_of(model), rows[32];
        dice d = {.seed = 20 + m};
        kit_batch b;
        kit_make_batch(&b, &d, n_vocab, lengths, WEIR_COUNT(lengths));
        float *got = calloc(32 * n_vocab, sizeof *got), *want = calloc(n_vocab, sizeof *want);
        assert_true(got && want);
        for (uint32_t r = 0; r < 32; r++)
            rows[r] = r;
        REQUIRE_OK(weir_graph_logits(graph, &b.batch, rows, 32, got, &test_err));
        for (uint32_t s = 0; s < WEIR_COUNT(lengths); s++) {
            for (uint32_t n = 1; n <= lengths[s]; n += n < 5 ? 1 : 8) {
                uint32_t first = b.segments[s].first_row;
                const float *row = got + (size_t)(first + n - 1) * n_vocab;
                fresh_logits(engine, b.tokens + first, n, want);
                double distance = kit_distance(row, want, n_vocab);
                if (!(distance < 2e-5))
                    fail_msg("%s: logits after %u tokens: relative L2 %.3g", models[m], n,
                             distance);
            }
        }
        free(got);
        free(want);
        weir_engine_close(&engine);
        weir_graph_close(&graph);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

/* ---- gradients are those of the loss --------------------------------------------------------- */

/* How many rows chose each expert in the pass behind `loss`: another count is another function. */
static uint64_t choices_of(weir_graph *graph) {
    uint64_t sum = 0;
    for (size_t l = 0; l < weir_graph_n_loads(graph); l++)
        for (uint32_t e = 0; e < weir_graph_hparams(graph)->n_experts; e++)
            sum = weir_mix(sum + weir_graph_load(graph, l)->n_rows[e]);
    return sum;
}

/* The derivative of the loss along `direction`, by differences of fourth order, and how far its
 * rounding may be off: the losses are of float32 passes, so the step must be wide, but no wider
 * than that every row keeps its experts. */
static double slope(weir_graph *graph, const kit_batch *b, const float *direction, double *noise) {
    size_t n = weir_graph_n_values(graph);
    float *values = weir_graph_values(graph), *kept = kit_copy(values, n);
    bool has_experts = weir_graph_n_loads(graph) > 0, is_flipped = true;
    double loss[5], step = 2e-2;
    while (is_flipped) {
        uint64_t choices[5];
        step /= 2;
        if (step < 2e-5)
            fail_msg("no step without another choice of experts");
        for (int k = -2; k <= 2; k++) {
            for (size_t v = 0; v < n; v++)
                values[v] = (float)((double)kept[v] + k * step * (double)direction[v]);
            weir_graph_clear_load(graph);
            loss[k + 2] = kit_loss(graph, b, has_experts);
            choices[k + 2] = choices_of(graph);
        }
        is_flipped = false;
        for (int k = 0; k < 5; k++)
            is_flipped |= choices[k] != choices[2];
    }
    memcpy(values, kept, n * sizeof *values);
    free(kept);
    *noise = 5e-7 / step;
    return (8 * (loss[3] - loss[1]) - (loss[4] - loss[0])) / (12 * step);
}

/* Half along the gradient of [begin, end), half anywhere, each of length 1. */
static void make_direction(float *direction, const float *gradients, size_t begin, size_t end,
                           uint64_t stream) {
    double size = kit_norm(gradients + begin, end - begin),
           spread = sqrt((double)(end - begin) / 3);
    for (size_t i = begin; i < end; i++)
        direction[i] = (float)((size > 0 ? (double)gradients[i] / size : 0) +
                               kit_uniform(77, stream, i) / spread);
}

static double along(const float *gradients, const float *direction, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)gradients[i] * (double)direction[i];
    return sum;
}

static void require_slope(const char *what, const char *name, double numeric, double analytic,
                          double absolute) {
    if (!(fabs(numeric - analytic) <= 1e-3 * fabs(analytic) + absolute))
        fail_msg("%s: %s: the gradient says %.7g, differences say %.7g", what, name, analytic,
                 numeric);
}

/* To be freed. */
static float *gradients_of(weir_graph *graph, const kit_batch *b) {
    weir_graph_clear_gradients(graph);
    kit_loss(graph, b, true);
    return kit_copy(weir_graph_gradients(graph), weir_graph_n_values(graph));
}

/* Every tensor of every form by itself. */
static void test_slopes(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {12, 1, 2, 9};
    for (size_t f = 0; f < KIT_FORMS; f++) {
        weir_graph *graph = kit_graph(dev, &kit_forms[f], KIT_ROWS, false, 100 + f);
        size_t n = weir_graph_n_values(graph);
        dice d = {.seed = 30 + f};
        kit_batch b;
        kit_make_batch(&b, &d, weir_graph_hparams(graph)->n_vocab, lengths, WEIR_COUNT(lengths));
        float *direction = calloc(n, sizeof *direction), *gradients = gradients_of(graph, &b);
        assert_non_null(direction);
        for (size_t p = 0; p < weir_graph_n_params(graph); p++) {
            const weir_param *param = weir_graph_param(graph, p);
            size_t end = param->at + (size_t)param->rows * param->cols;
            memset(direction, 0, n * sizeof *direction);
            make_direction(direction, gradients, param->at, end, p);
            double noise, numeric = slope(graph, &b, direction, &noise);
            require_slope(kit_forms[f].label, param->name, numeric, along(gradients, direction, n),
                          noise);
        }
        free(direction);
        free(gradients);
        weir_graph_close(&graph);
    }
    weir_trainer_device_close(&dev);
}

/* The whole of a model at once. */
static void test_slope_of_models(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {17, 1, 2, 4};
    for (size_t m = 0; m < WEIR_COUNT(models); m++) {
        weir_model *model = open_golden(models[m]);
        weir_graph *graph = kit_graph_of(dev, model, KIT_ROWS, NULL);
        size_t n = weir_graph_n_values(graph);
        dice d = {.seed = 50 + m};
        kit_batch b;
        kit_make_batch(&b, &d, vocab_of(model), lengths, WEIR_COUNT(lengths));
        float *direction = calloc(n, sizeof *direction), *gradients = gradients_of(graph, &b);
        assert_non_null(direction);
        make_direction(direction, gradients, 0, n, m);
        double noise, numeric = slope(graph, &b, direction, &noise);
        require_slope(models[m], "all", numeric, along(gradients, direction, n), noise);
        free(direction);
        free(gradients);
        weir_graph_close(&graph);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

/* Gradients are added to what is there, in proportion to their scale. */
static void test_accumulation(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {20, 3};
    weir_graph *graph = kit_graph(dev, &kit_forms[2], KIT_ROWS, false, 9);
    size_t n = weir_graph_n_values(graph);
    float loss[KIT_ROWS];
    dice d = {.seed = 9};
    kit_batch b;
    kit_make_batch(&b, &d, weir_graph_hparams(graph)->n_vocab, lengths, WEIR_COUNT(lengths));
    weir_graph_clear_gradients(graph);
    REQUIRE_OK(weir_graph_run(graph, &b.batch, 0.5f, loss, &test_err));
    float *once = kit_copy(weir_graph_gradients(graph), n);
    assert_true(kit_norm(once, n) > 0.1);
    REQUIRE_OK(weir_graph_run(graph, &b.batch, 0, loss, &test_err));
    require_same_bits(weir_graph_gradients(graph), once, n, "a pass without gradients");
    REQUIRE_OK(weir_graph_run(graph, &b.batch, 1.0f, loss, &test_err));
    for (size_t i = 0; i < n; i++)
        once[i] *= 3;
    kit_require_near(graph, weir_graph_gradients(graph), once, 1e-6, "added");
    free(once);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

/* ---- experts --------------------------------------------------------------------------------- */

static void test_unchosen(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {30, 1};
    enum { UNWANTED = 2 };
    weir_graph *graph = kit_graph(dev, &kit_forms[2], KIT_ROWS, false, 9);
    const weir_hparams *h = weir_graph_hparams(graph);
    size_t n_unwanted = 0;
    dice d = {.seed = 4};
    kit_batch b;
    kit_make_batch(&b, &d, h->n_vocab, lengths, WEIR_COUNT(lengths));
    assert_int_equal(weir_graph_n_loads(graph), h->n_layers - h->n_layers_dense);
    for (size_t l = 0; l < weir_graph_n_loads(graph); l++)
        weir_graph_load(graph, l)->bias[UNWANTED] = -10;
    weir_graph_clear_gradients(graph);
    weir_graph_clear_load(graph);
    kit_loss(graph, &b, true);
    for (size_t l = 0; l < weir_graph_n_loads(graph); l++) {
        const weir_expert_load *load = weir_graph_load(graph, l);
        uint64_t sum = 0;
        assert_int_equal(load->layer, h->n_layers_dense + l);
        for (uint32_t e = 0; e < h->n_experts; e++)
            sum += load->n_rows[e];
        assert_true(sum == (uint64_t)b.batch.n_rows * h->n_experts_used);
        assert_true(load->n_rows[UNWANTED] == 0);
    }
    for (size_t p = 0; p < weir_graph_n_params(graph); p++) {
        const weir_param *param = weir_graph_param(graph, p);
        double size =
            kit_norm(weir_graph_gradients(graph) + param->at, (size_t)param->rows * param->cols);
        assert_false(kit_has(param->name, "expert_bias"));
        if (param->expert == UNWANTED) {
            assert_true(size == 0);
            n_unwanted++;
        } else if (param->expert == UINT32_MAX) {
            assert_true(size > 0);
        }
    }
    assert_int_equal(n_unwanted, 3 * weir_graph_n_loads(graph));
    /* counts go on until they are cleared, and a pass without gradients leaves them */
    uint64_t before = weir_graph_load(graph, 0)->n_rows[0];
    kit_loss(graph, &b, false);
    assert_true(weir_graph_load(graph, 0)->n_rows[0] == before);
    kit_loss(graph, &b, true);
    assert_true(weir_graph_load(graph, 0)->n_rows[0] == 2 * before);
    weir_graph_clear_load(graph);
    assert_true(weir_graph_load(graph, 0)->n_rows[0] == 0);
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
}

/* ---- deeper models --------------------------------------------------------------------------- */

static bool is_output(weir_part part) {
    return part == WEIR_PART_CONV_OUT || part == WEIR_PART_CONV_OUT_BIAS ||
           part == WEIR_PART_ATTN_OUT || part == WEIR_PART_FFN_DOWN ||
           part == WEIR_PART_EXPERTS_DOWN;
}

static const weir_param *param_of(const weir_graph *graph, weir_part part, uint32_t layer,
                                  uint32_t expert) {
    for (size_t i = 0; i < weir_graph_n_params(graph); i++) {
        const weir_param *p = weir_graph_param(graph, i);
        if (p->part == part && p->layer == layer && p->expert == expert)
            return p;
    }
    fail_msg("part %d of layer %u, expert %u is not there", (int)part, layer, expert);
    return NULL;
}

/* Of a model whose layers all stand twice. */
static void check_param(weir_graph *deep, const weir_param *p, weir_graph *plain) {
    size_t n = (size_t)p->rows * p->cols;
    bool has_layer = p->layer != UINT32_MAX, is_new = has_layer && p->layer % 2 == 1;
    const weir_param *source =
        param_of(plain, p->part, has_layer ? p->layer / 2 : p->layer, p->expert);
    const float *values = weir_graph_values(deep) + p->at;
    assert_int_equal(source->rows, p->rows);
    assert_int_equal(source->cols, p->cols);
    if (!is_new || !is_output(p->part)) {
        assert_memory_equal(values, weir_graph_values(plain) + source->at, n * sizeof *values);
        return;
    }
    assert_true(kit_norm(values, n) == 0);
    /* What only adds nothing learns. */
    if (p->expert == UINT32_MAX && !(kit_norm(weir_graph_gradients(deep) + p->at, n) > 0))
        fail_msg("%s has no gradient", p->name);
}

static void test_deeper(void **state) {
    weir_trainer_device *dev = kit_device(state, 1);
    static const uint32_t lengths[] = {40, 9};
    for (size_t m = 0; m < WEIR_COUNT(models); m++) {
        weir_model *model = open_golden(models[m]);
        uint32_t layers[WEIR_MAX_LAYERS];
        weir_graph_options options = {.model = model, .n_rows = KIT_ROWS, .layers = layers};
        weir_graph *plain = kit_graph_of(dev, model, KIT_ROWS, NULL), *deep = NULL;
        options.n_layers = 2 * weir_graph_hparams(plain)->n_layers;
        for (uint32_t i = 0; i < options.n_layers; i++)
            layers[i] = i / 2;
        REQUIRE_OK(weir_graph_open(&deep, dev, &options, &test_err));
        dice d = {.seed = 30 + m};
        kit_batch b;
        kit_make_batch(&b, &d, vocab_of(model), lengths, WEIR_COUNT(lengths));
        assert_true(kit_loss(deep, &b, true) == kit_loss(plain, &b, true));
        for (size_t i = 0; i < weir_graph_n_params(deep); i++)
            check_param(deep, weir_graph_param(deep, i), plain);
        weir_graph_close(&deep);
        weir_graph_close(&plain);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refusals(void **state) {
    (void)state;
    kit_choice choice = {"reference", NULL, true};
    void *chosen = &choice;
    weir_trainer_device *dev = kit_device(&chosen, 1);
    weir_hparams h = kit_hparams(&kit_forms[0]);
    weir_model *model = open_golden("dense_tiny");
    weir_graph *graph = NULL;
    static const uint32_t layers[] = {0, 1, 2}, beyond[] = {0, 4}, back[] = {1, 0};
    const weir_graph_options bad[] = {
        {.n_rows = 8, .hparams = &h, .layers = layers, .n_layers = 3},
        {.n_rows = 8,
         .model = model,
         .is_frozen = true,
         .adapter_filter = kit_adapt_all,
         .lora_rank = 2,
         .layers = layers,
         .n_layers = 3},
        {.n_rows = 8, .model = model, .layers = layers},
        {.n_rows = 8, .model = model, .layers = beyond, .n_layers = 2},
        {.n_rows = 8, .model = model, .layers = back, .n_layers = 2},
        {.n_rows = 8},
        {.n_rows = 8, .hparams = &h, .model = model},
        {.hparams = &h},
        {.n_rows = 8,
         .hparams = &h,
         .is_frozen = true,
         .adapter_filter = kit_adapt_all,
         .lora_rank = 2},
        {.n_rows = 8, .model = model, .is_frozen = true},
        {.n_rows = 8, .model = model, .adapter_filter = kit_adapt_all},
        {.n_rows = 8,
         .model = model,
         .adapter_filter = kit_adapt_all,
         .lora_rank = 2,
         .lora_dropout = 1},
    };
    for (size_t i = 0; i < WEIR_COUNT(bad); i++) {
        assert_int_equal(weir_graph_open(&graph, dev, &bad[i], &test_err),
                         WEIR_STATUS_BAD_ARGUMENT);
        assert_null(graph);
    }
    graph = kit_graph(dev, &kit_forms[0], 8, false, 1);
    int32_t tokens[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, targets[9] = {-1, -1};
    float loss[9];
    static const weir_segment gap[] = {{0, 3}, {4, 4}}, empty[] = {{0, 0}, {0, 8}}, all = {0, 9};
    const weir_train_batch wrong[] = {
        {9, tokens, targets, {&all, 1, 9}, 0}, {8, tokens, targets, {&all, 1, 9}, 0},
        {8, tokens, targets, {gap, 2, 8}, 0},  {8, tokens, targets, {empty, 2, 8}, 0},
        {8, tokens, targets, {gap, 1, 8}, 0},
    };
    for (size_t i = 0; i < WEIR_COUNT(wrong); i++)
        assert_int_equal(weir_graph_run(graph, &wrong[i], 1, loss, &test_err),
                         WEIR_STATUS_BAD_ARGUMENT);
    static const weir_segment eight = {0, 8};
    const weir_train_batch batch = {8, tokens, targets, {&eight, 1, 8}, 0};
    tokens[3] = (int32_t)h.n_vocab;
    assert_int_equal(weir_graph_run(graph, &batch, 1, loss, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    tokens[3] = -1;
    assert_int_equal(weir_graph_run(graph, &batch, 1, loss, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    tokens[3] = 0;
    targets[3] = (int32_t)h.n_vocab;
    assert_int_equal(weir_graph_run(graph, &batch, 1, loss, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    /* a batch without any target has no loss and no gradient */
    for (int i = 0; i < 8; i++)
        targets[i] = -1;
    weir_graph_clear_gradients(graph);
    REQUIRE_OK(weir_graph_run(graph, &batch, 1, loss, &test_err));
    assert_true(loss[0] == 0 &&
                kit_norm(weir_graph_gradients(graph), weir_graph_n_values(graph)) == 0);
    weir_graph_close(&graph);
    weir_model_close(&model);
    weir_trainer_device_close(&dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIT_FOR_EXACT(test_logits_of_engine), KIT_FOR(test_slopes, KIT_CPU),
        KIT_FOR_BOTH(test_slope_of_models),   KIT_FOR_BOTH(test_accumulation),
        KIT_FOR_ALL(test_unchosen),           KIT_FOR_EXACT(test_deeper),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
