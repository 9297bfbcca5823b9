/*
 * test_graph_lora.c: adapters in the training graph: new ones change nothing, their gradients
 * follow from those of the matrix they stand beside and from differences of the loss, and a frozen
 * base in any format is the same function as the trained one.
 */
#include "graph_kit.h"

#include "unit/temp_folder.h"

static const uint32_t lengths[] = {14, 1, 2, 7};
static const char *const models[] = {"dense_oldkeys_bias", "moe_top2", "moe_bf16"};

static void fill_adapters(weir_graph *graph, bool with_b, uint64_t seed) {
    for (size_t s = 0; s < weir_graph_n_slots(graph); s++) {
        const weir_linear_slot *slot = weir_graph_slot(graph, s);
        for (size_t i = 0; slot->rank && i < (size_t)slot->rank * slot->cols; i++)
            slot->lora_a[i] = (float)(kit_uniform(seed, 2 * s, i) / sqrt(slot->cols));
        for (size_t i = 0; slot->rank && i < (size_t)slot->rank * slot->rows; i++)
            slot->lora_b[i] = with_b ? (float)(0.3 * kit_uniform(seed, 2 * s + 1, i)) : 0;
    }
}

static float *logits_of(weir_graph *graph, const kit_batch *b, size_t *n) {
    uint32_t rows[KIT_ROWS], n_vocab = weir_graph_hparams(graph)->n_vocab;
    for (uint32_t r = 0; r < b->batch.n_rows; r++)
        rows[r] = r;
    *n = (size_t)b->batch.n_rows * n_vocab;
    float *logits = calloc(*n, sizeof *logits);
    assert_non_null(logits);
    REQUIRE_OK(weir_graph_logits(graph, &b->batch, rows, b->batch.n_rows, logits, &test_err));
    return logits;
}

static void make_batch(kit_batch *b, const weir_model *model, uint64_t seed) {
    dice d = {.seed = seed};
    kit_make_batch(b, &d, vocab_of(model), lengths, WEIR_COUNT(lengths));
}

/* ---- new adapters ---------------------------------------------------------------------------- */

/* B = 0: the bits of the model without adapters, whether its weights are trained or frozen. */
static void test_new_adapters(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    for (size_t m = 0; m < WEIR_COUNT(models); m++) {
        weir_model *model = open_golden(models[m]);
        weir_graph *plain = kit_graph_of(dev, model, KIT_ROWS, NULL);
        weir_graph *adapted = kit_graph_of(dev, model, KIT_ROWS, kit_adapt_all);
        kit_batch b;
        size_t n, n_params = weir_graph_n_params(adapted);
        make_batch(&b, model, 3);
        weir_graph_init(adapted, 4);
        float *want = logits_of(plain, &b, &n), *got = logits_of(adapted, &b, &n);
        require_same_bits(got, want, n, models[m]);
        /* at first only B learns, because A is multiplied with it */
        weir_graph_clear_gradients(adapted);
        kit_loss(adapted, &b, true);
        for (size_t p = 0; p < n_params; p++) {
            const weir_param *param = weir_graph_param(adapted, p);
            size_t size = (size_t)param->rows * param->cols;
            bool is_a = kit_has(param->name, "lora_A");
            assert_true(param->is_adapter && (is_a || kit_has(param->name, "lora_B")));
            assert_true((kit_norm(weir_graph_values(adapted) + param->at, size) > 0) == is_a);
            double gradient = kit_norm(weir_graph_gradients(adapted) + param->at, size);
            assert_true(is_a ? gradient == 0 : gradient > 0 || param->expert != UINT32_MAX);
        }
        free(want);
        free(got);
        weir_graph_close(&plain);
        weir_graph_close(&adapted);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* out [rows, cols] = scale a' b: a [n, rows], b [n, cols]; or a [rows, n] if not transposed */
static void multiply(double scale, const float *a, bool a_is_transposed, const float *b,
                     bool b_is_transposed, size_t rows, size_t cols, size_t n, float *out) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            double sum = 0;
            for (size_t p = 0; p < n; p++)
                sum += (double)(a_is_transposed ? a[p * rows + i] : a[i * n + p]) *
                       (double)(b_is_transposed ? b[j * n + p] : b[p * cols + j]);
            out[i * cols + j] = (float)(scale * sum);
        }
}

/* With W + scale B A trained instead: dA = scale B' dW, dB = scale dW A'. */
static void test_against_matrices(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    for (size_t m = 0; m < WEIR_COUNT(models); m++) {
        weir_model *model = open_golden(models[m]);
        weir_graph *full = kit_graph_of(dev, model, KIT_ROWS, NULL);
        weir_graph *adapted = kit_graph_of(dev, model, KIT_ROWS, kit_adapt_all);
        kit_batch b;
        float *buffer = calloc(1 << 18, sizeof *buffer);
        size_t n_adapted = 0;
        assert_non_null(buffer);
        make_batch(&b, model, 3);
        fill_adapters(adapted, true, m);
        assert_int_equal(weir_graph_n_slots(full), weir_graph_n_slots(adapted));
        for (size_t s = 0; s < weir_graph_n_slots(full); s++) {
            const weir_linear_slot *w = weir_graph_slot(full, s), *a = weir_graph_slot(adapted, s);
            assert_string_equal(w->name, a->name);
            if (a->rank == 0)
                continue;
            size_t size = (size_t)w->rows * w->cols;
            assert_true(size <= 1 << 18);
            multiply((double)a->scale, a->lora_b, false, a->lora_a, false, a->rows, a->cols,
                     a->rank, buffer);
            for (size_t i = 0; i < size; i++)
                w->w[i] += buffer[i];
            n_adapted++;
        }
        assert_true(n_adapted + 1 == weir_graph_n_slots(full)); /* all but the tied table */
        weir_graph_clear_gradients(full);
        weir_graph_clear_gradients(adapted);
        double loss_full = kit_loss(full, &b, true), loss_adapted = kit_loss(adapted, &b, true);
        assert_true(fabs(loss_full - loss_adapted) < 1e-5);
        for (size_t s = 0; s < weir_graph_n_slots(full); s++) {
            const weir_linear_slot *w = weir_graph_slot(full, s), *a = weir_graph_slot(adapted, s);
            if (a->rank == 0)
                continue;
            multiply((double)a->scale, a->lora_b, true, w->dw, false, a->rank, a->cols, a->rows,
                     buffer);
            double da = kit_distance(a->dlora_a, buffer, (size_t)a->rank * a->cols);
            multiply((double)a->scale, w->dw, false, a->lora_a, true, a->rows, a->rank, a->cols,
                     buffer);
            double db = kit_distance(a->dlora_b, buffer, (size_t)a->rank * a->rows);
            if (!(da < 2e-5 && db < 2e-5))
                fail_msg("%s: %s: dA is off by %.3g, dB by %.3g", models[m], a->name, da, db);
        }
        free(buffer);
        weir_graph_close(&full);
        weir_graph_close(&adapted);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

static bool adapt_some(void *context, const weir_linear_slot *slot) {
    (void)context;
    return slot->part == WEIR_PART_ATTN_V || slot->part == WEIR_PART_CONV_IN ||
           slot->part == WEIR_PART_FFN_DOWN || slot->part == WEIR_PART_EXPERTS_UP;
}

static weir_graph *graph_with_dropout(weir_trainer_device *dev, weir_model *model, bool recompute,
                                      float dropout) {
    weir_graph_options options = {.model = model,
                                  .is_frozen = true,
                                  .adapter_filter = adapt_some,
                                  .lora_rank = 4,
                                  .lora_scale = 2,
                                  .lora_dropout = dropout,
                                  .n_rows = KIT_ROWS,
                                  .recompute = recompute};
    weir_graph *graph = NULL;
    REQUIRE_OK(weir_graph_open(&graph, dev, &options, &test_err));
    fill_adapters(graph, true, 6);
    return graph;
}

/* Chosen parts alone, with dropout: the gradient is that of the loss with the same values dropped;
 * a key means the same values every time; recomputed layers drop the same. */
static void test_dropout(void **state) {
    weir_trainer_device *dev = kit_device(state, 2);
    weir_model *model = open_golden("moe_top2");
    weir_graph *graph = graph_with_dropout(dev, model, false, 0.4f);
    weir_graph *again = graph_with_dropout(dev, model, true, 0.4f);
    size_t n = weir_graph_n_values(graph);
    kit_batch b;
    make_batch(&b, model, 3);
    b.batch.dropout_key = 17;
    for (size_t p = 0; p < weir_graph_n_params(graph); p++)
        assert_true(kit_has(weir_graph_param(graph, p)->name, "v_proj") ||
                    kit_has(weir_graph_param(graph, p)->name, "conv.in_proj") ||
                    kit_has(weir_graph_param(graph, p)->name, ".w2.") ||
                    kit_has(weir_graph_param(graph, p)->name, ".w3."));
    weir_graph_clear_gradients(graph);
    weir_graph_clear_gradients(again);
    double loss = kit_loss(graph, &b, true), loss_again = kit_loss(again, &b, true);
    assert_true(loss == loss_again);
    require_same_bits(weir_graph_gradients(again), weir_graph_gradients(graph), n, "recompute");
    b.batch.dropout_key = 18;
    assert_true(fabs(kit_loss(graph, &b, false) - loss) > 1e-4);
    b.batch.dropout_key = 17;
    assert_true(kit_loss(graph, &b, false) == loss);

    float *values = weir_graph_values(graph), *kept = kit_copy(values, n);
    const float *gradients = weir_graph_gradients(graph);
    double size = kit_norm(gradients, n), step = 1e-3, side[2];
    for (int i = 0; i < 2; i++) {
        for (size_t v = 0; v < n; v++)
            values[v] = (float)((double)kept[v] + (i ? step : -step) * (double)gradients[v] / size);
        side[i] = kit_loss(graph, &b, false);
    }
    double numeric = (side[1] - side[0]) / (2 * step);
    if (!(fabs(numeric - size) < 2e-3 * size))
        fail_msg("the gradient has length %.6g, differences say %.6g", size, numeric);
    free(kept);
    weir_graph_close(&graph);
    weir_graph_close(&again);
    weir_model_close(&model);
    weir_trainer_device_close(&dev);
}

/* ---- frozen in any format -------------------------------------------------------------------- */

/* A quantised file: the frozen base is the function that its dequantized weights are when they are
 * trained, bit for bit, and so are the adapters' gradients. */
static void test_frozen_formats(void **state) {
    static const char *const types[] = {"q8_0", "q4_k", "bf16"};
    weir_trainer_device *dev = kit_device(state, 2);
    for (size_t f = 0; f < WEIR_COUNT(types); f++) {
        weir_model *model = NULL;
        weir_convert_options convert = {.type = types[f], .overwrite = true};
        const char *path = in_temp("frozen.gguf");
        REQUIRE_OK(weir_convert(WEIR_TEST_DATA "/golden/moe_k256", path, &convert, &test_err));
        REQUIRE_OK(weir_model_open(&model, path, &test_err));
        weir_graph_options options = {.model = model,
                                      .adapter_filter = adapt_some,
                                      .lora_rank = 4,
                                      .lora_scale = 2,
                                      .n_rows = KIT_ROWS};
        weir_graph *frozen = NULL, *trained = NULL;
        REQUIRE_OK(weir_graph_open(&trained, dev, &options, &test_err));
        options.is_frozen = true;
        REQUIRE_OK(weir_graph_open(&frozen, dev, &options, &test_err));
        fill_adapters(frozen, true, f);
        fill_adapters(trained, true, f);
        kit_batch b;
        make_batch(&b, model, 3);
        weir_graph_clear_gradients(frozen);
        weir_graph_clear_gradients(trained);
        assert_true(kit_loss(frozen, &b, true) == kit_loss(trained, &b, true));
        size_t n_adapted = 0;
        for (size_t s = 0; s < weir_graph_n_slots(frozen); s++) {
            const weir_linear_slot *a = weir_graph_slot(frozen, s);
            const weir_linear_slot *t = weir_graph_slot(trained, s);
            assert_true(!a->w && t->w && a->rank == t->rank);
            if (a->rank == 0)
                continue;
            require_same_bits(a->dlora_a, t->dlora_a, (size_t)a->rank * a->cols, a->name);
            require_same_bits(a->dlora_b, t->dlora_b, (size_t)a->rank * a->rows, a->name);
            n_adapted += kit_norm(a->dlora_a, (size_t)a->rank * a->cols) > 0;
        }
        assert_true(n_adapted > 3);
        weir_graph_close(&frozen);
        weir_graph_close(&trained);
        weir_model_close(&model);
    }
    weir_trainer_device_close(&dev);
}

/* A table that is dequantized in two panels: the frozen head is the trained one. Its way back adds
 * up the panels, so that sums round otherwise. */
static void test_panels(void **state) {
    static const char config[] =
        "{\"architectures\": [\"Lfm2ForCausalLM\"], \"model_type\": \"lfm2\","
        " \"vocab_size\": 65536, \"hidden_size\": 160, \"num_hidden_layers\": 2,"
        " \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"intermediate_size\": 64,"
        " \"block_auto_adjust_ff_dim\": false, \"conv_L_cache\": 3, \"conv_bias\": false,"
        " \"norm_eps\": 1e-05, \"max_position_embeddings\": 512, \"rope_theta\": 1000000.0,"
        " \"layer_types\": [\"conv\", \"full_attention\"], \"tie_embedding\": true,"
        " \"bos_token_id\": 1, \"eos_token_id\": 7, \"pad_token_id\": 0}";
    weir_trainer_device *dev = kit_device(state, 2);
    weir_model *model = NULL;
    const char *path = in_temp("panels.gguf"), *config_path = in_temp("panels.json");
    weir_synth_options synth = {
        .config = config_path, .type = "q8_0", .seed = 5, .overwrite = true};
    temp_write(config_path, config, strlen(config));
    REQUIRE_OK(weir_synth(path, &synth, &test_err));
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    weir_graph_options options = {.model = model,
                                  .adapter_filter = adapt_some,
                                  .lora_rank = 4,
                                  .lora_scale = 2,
                                  .n_rows = 32};
    weir_graph *frozen = NULL, *trained = NULL;
    REQUIRE_OK(weir_graph_open(&trained, dev, &options, &test_err));
    options.is_frozen = true;
    REQUIRE_OK(weir_graph_open(&frozen, dev, &options, &test_err));
    fill_adapters(frozen, true, 1);
    fill_adapters(trained, true, 1);
    kit_batch b;
    make_batch(&b, model, 3);
    weir_graph_clear_gradients(frozen);
    weir_graph_clear_gradients(trained);
    assert_true(kit_loss(frozen, &b, true) == kit_loss(trained, &b, true));
    for (size_t s = 0; s < weir_graph_n_slots(frozen); s++) {
        const weir_linear_slot *a = weir_graph_slot(frozen, s), *t = weir_graph_slot(trained, s);
        if (a->rank == 0)
            continue;
        assert_true(kit_norm(t->dlora_b, (size_t)a->rank * a->rows) > 0);
        assert_true(kit_distance(a->dlora_b, t->dlora_b, (size_t)a->rank * a->rows) < 1e-5);
        assert_true(kit_distance(a->dlora_a, t->dlora_a, (size_t)a->rank * a->cols) < 1e-5);
    }
    weir_graph_close(&frozen);
    weir_graph_close(&trained);
    weir_model_close(&model);
    weir_trainer_device_close(&dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIT_FOR_ALL(test_new_adapters), KIT_FOR_BOTH(test_against_matrices),
        KIT_FOR_BOTH(test_dropout),     KIT_FOR_BOTH(test_frozen_formats),
        KIT_FOR(test_panels, KIT_CPU),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
