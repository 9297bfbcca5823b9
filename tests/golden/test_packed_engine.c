/*
 * test_packed_engine.c: a folder of packed weights opened as it is, by the devices of the host: the
 * engine has the logits of the file it converts to, to the bit, and its memory is counted.
 */
#include "engine_fixture.h"
#include "unit/temp_folder.h"

#include "unit/packed_folder.h"

enum { N_TOKENS = 5 };

static void make_folder(void) {
    static const fp8_scales how = {"_scale_inv", "BF16", 2, {2, 2}, 256, 0, 128, 128, 2};
    static const char *const names[] = {"model.layers.0.conv.out_proj.weight",
                                        "model.layers.1.feed_forward.experts.0.w1.weight",
                                        "model.layers.1.feed_forward.experts.1.w1.weight",
                                        "model.layers.1.feed_forward.experts.2.w1.weight",
                                        "model.layers.1.self_attn.q_proj.weight"};
    raw_list *packed = raw_of_folder(WEIR_TEST_DATA "/golden/moe_k256"), *scrap = raw_copy(packed);
    uint64_t seed = 3;
    size_t n;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        fp8_pack(packed, scrap, names[i], &how, &seed);
    char *config = temp_read(WEIR_TEST_DATA "/golden/moe_k256/config.json", &n);
    raw_folder(in_temp("packed"), config, packed);
    free(config);
    raw_free(packed);
    raw_free(scrap);
    free(packed);
    free(scrap);
}

static float *logits_of(const char *path, const char *device) {
    weir_model *model;
    REQUIRE_OK(weir_model_open(&model, in_temp(path), &test_err));
    uint32_t n_vocab = vocab_of(model);
    weir_engine *engine =
        open_engine(model, (weir_engine_options){.device = device, .n_threads = 2, .n_ctx = 64});
    static const int32_t tokens[N_TOKENS] = {9, 2, 77, 130, 4};
    float *logits = malloc(n_vocab * sizeof *logits);
    weir_seq *seq;
    assert_non_null(logits);
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, N_TOKENS, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    memcpy(logits, weir_seq_logits(seq), n_vocab * sizeof *logits);
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_model_close(&model);
    return logits;
}

static void a_packed_folder_runs_as_what_it_converts_to(void **state) {
    (void)state;
    weir_convert_options options = {.overwrite = true, .n_threads = 1};
    make_folder();
    REQUIRE_OK(weir_convert(in_temp("packed"), in_temp("twin.gguf"), &options, &test_err));
    static const char *const devices[] = {"cpu", "reference"};
    for (size_t i = 0; i < 2; i++) {
        float *a = logits_of("packed", devices[i]), *b = logits_of("twin.gguf", devices[i]);
        assert_memory_equal(a, b, 512 * sizeof *a);
        free(a);
        free(b);
    }
}

/* Rows that stand in no file as they are used cannot be read from one. */
static void what_stands_in_no_file_is_not_streamed(void **state) {
    (void)state;
    weir_model *model;
    weir_engine *engine;
    make_folder();
    REQUIRE_OK(weir_model_open(&model, in_temp("packed"), &test_err));
    weir_engine_options options = {.n_ctx = 64, .n_threads = 1, .ram_bytes = 5000000};
    assert_int_equal(weir_engine_open(&engine, model, &options, &test_err),
                     WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(test_err.text, "weir convert makes one"));
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packed_folder_runs_as_what_it_converts_to),
        cmocka_unit_test(what_stands_in_no_file_is_not_streamed),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
