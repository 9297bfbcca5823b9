/*
 * test_graph_bits.c: what must not change a bit: packing samples into one batch, the number of
 * threads, running layers once more instead of keeping them, running again.
 */
#include "graph_kit.h"

/* Random cuts, with samples of one and of two tokens first, in the middle and last. */
static uint32_t cut(dice *d, uint32_t lengths[KIT_SAMPLES]) {
    uint32_t n = 0, rows = 0;
    lengths[n++] = 1 + roll(d, 2);
    while (rows < 90) {
        lengths[n] = roll(d, 3) ? 1 + roll(d, 24) : 1 + roll(d, 2);
        rows += lengths[n++];
    }
    lengths[n++] = 2 - roll(d, 2);
    return n;
}

static void test_packed_is_separate(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    dice d = {.seed = 11};
    /* Sums over rows run in another order; bfloat16 products round what is added, not the sums. */
    const double bound = 1e-6;
    for (size_t f = 0; f < KIT_FORMS; f++) {
        weir_graph *graph = kit_graph(dev, &kit_forms[f], KIT_ROWS, false, f);
        size_t n_values = weir_graph_n_values(graph);
        for (int round = 0; round < 2; round++) {
            uint32_t lengths[KIT_SAMPLES], n_samples = cut(&d, lengths);
            kit_batch b;
            float packed[KIT_ROWS], alone[KIT_ROWS] = {0};
            kit_make_batch(&b, &d, weir_graph_hparams(graph)->n_vocab, lengths, n_samples);
            float scale = 1.0f / (float)b.n_targets;
            weir_graph_clear_gradients(graph);
            REQUIRE_OK(weir_graph_run(graph, &b.batch, scale, packed, &test_err));
            float *gradients = kit_copy(weir_graph_gradients(graph), n_values);
            weir_graph_clear_gradients(graph);
            for (uint32_t s = 0; s < n_samples; s++) {
                weir_segment whole;
                weir_train_batch one = kit_sample(&b, s, &whole);
                REQUIRE_OK(
                    weir_graph_run(graph, &one, scale, alone + b.segments[s].first_row, &test_err));
            }
            require_same_bits(packed, alone, b.batch.n_rows, kit_forms[f].label);
            kit_require_near(graph, gradients, weir_graph_gradients(graph), bound,
                             kit_forms[f].label);
            free(gradients);
        }
        weir_graph_close(&graph);
    }
    weir_trainer_device_close(&dev);
}

/* Losses [KIT_ROWS] and gradients of one batch; to be freed. */
static float *run_on(void **state, const kit_form *form, uint32_t n_threads, bool recompute,
                     size_t *n) {
    weir_trainer_device *dev = kit_device(state, n_threads);
    static const uint32_t lengths[] = {1, 60, 2, 37, 13, 1, 46};
    weir_graph *graph = kit_graph(dev, form, KIT_ROWS, recompute, 3);
    dice d = {.seed = 5};
    kit_batch b;
    kit_make_batch(&b, &d, weir_graph_hparams(graph)->n_vocab, lengths, WEIR_COUNT(lengths));
    size_t n_values = weir_graph_n_values(graph);
    float *out = calloc(KIT_ROWS + n_values, sizeof *out);
    assert_non_null(out);
    for (int i = 0; i < 2; i++) { /* a second batch on what the first has left behind */
        weir_graph_clear_gradients(graph);
        REQUIRE_OK(weir_graph_run(graph, &b.batch, 0.01f, out, &test_err));
        if (i == 0)
            memcpy(out + KIT_ROWS, weir_graph_gradients(graph), n_values * sizeof *out);
    }
    require_same_bits(weir_graph_gradients(graph), out + KIT_ROWS, n_values, "run again");
    weir_graph_close(&graph);
    weir_trainer_device_close(&dev);
    *n = KIT_ROWS + n_values;
    return out;
}

static void test_threads(void **state) {
    size_t n;
    for (size_t f = 0; f < KIT_FORMS; f++) {
        float *one = run_on(state, &kit_forms[f], 1, false, &n);
        for (uint32_t n_threads = 2; n_threads <= 3; n_threads++) {
            float *more = run_on(state, &kit_forms[f], n_threads, false, &n);
            require_same_bits(more, one, n, kit_forms[f].label);
            free(more);
        }
        free(one);
    }
}

static void test_recompute(void **state) {
    size_t n;
    for (size_t f = 0; f < KIT_FORMS; f++) {
        float *kept = run_on(state, &kit_forms[f], 2, false, &n);
        float *again = run_on(state, &kit_forms[f], 2, true, &n);
        require_same_bits(again, kept, n, kit_forms[f].label);
        free(kept);
        free(again);
    }
}

/* Less memory is what recompute is for. */
static void test_recompute_is_smaller(void **state) {
    (void)state;
    for (size_t f = 0; f < KIT_FORMS; f++) {
        weir_hparams h = kit_hparams(&kit_forms[f]);
        weir_graph_options options = {.hparams = &h, .n_rows = 4096};
        uint64_t params, kept, again;
        h.n_layers = 16;
        h.n_layers_dense = h.n_experts ? h.n_layers_dense : h.n_layers;
        for (uint32_t i = 4; i < h.n_layers; i++) {
            h.kind[i] = h.kind[i % 4];
            h.n_heads_kv[i] = h.n_heads_kv[i % 4];
        }
        REQUIRE_OK(weir_graph_plan(&options, &params, &kept, &test_err));
        options.recompute = true;
        REQUIRE_OK(weir_graph_plan(&options, &params, &again, &test_err));
        assert_true(again * 2 < kept);
    }
}

/* The losses are those of the logits that weir_graph_logits gives. */
static void test_logits(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    for (size_t f = 0; f < KIT_FORMS; f++) {
        static const uint32_t lengths[] = {1, 20, 2, 9};
        weir_graph *graph = kit_graph(dev, &kit_forms[f], KIT_ROWS, false, 8);
        uint32_t n_vocab = weir_graph_hparams(graph)->n_vocab, rows[32];
        dice d = {.seed = 6};
        kit_batch b;
        float loss[KIT_ROWS], *logits = calloc(32 * n_vocab, sizeof *logits);
        assert_non_null(logits);
        for (uint32_t i = 0; i < 32; i++)
            rows[i] = 31 - i;
        kit_make_batch(&b, &d, n_vocab, lengths, WEIR_COUNT(lengths));
        REQUIRE_OK(weir_graph_run(graph, &b.batch, 0, loss, &test_err));
        REQUIRE_OK(weir_graph_logits(graph, &b.batch, rows, 32, logits, &test_err));
        for (uint32_t i = 0; i < 32; i++) {
            const float *row = logits + (size_t)i * n_vocab;
            double sum = 0;
            for (uint32_t v = 0; v < n_vocab; v++)
                sum += exp((double)row[v]);
            if (b.targets[rows[i]] >= 0)
                assert_true(fabs(log(sum) - (double)row[b.targets[rows[i]]] -
                                 (double)loss[rows[i]]) < 1e-5);
            else
                assert_true(loss[rows[i]] == 0);
        }
        free(logits);
        weir_graph_close(&graph);
    }
    weir_trainer_device_close(&dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIT_FOR_ALL(test_packed_is_separate),
        KIT_FOR_ALL(test_threads),
        KIT_FOR_ALL(test_recompute),
        KIT_FOR_ALL(test_logits),
        cmocka_unit_test(test_recompute_is_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
