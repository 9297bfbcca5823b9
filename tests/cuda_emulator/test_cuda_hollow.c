/*
 * test_cuda_hollow.c: a model whose file holds a seed instead of matrices: the CUDA backend
 * (emulated) makes them where they are to lie, byte for byte what the whole file's bring, in every
 * format; and whoever reads weights on the host is refused.
 */
#include "cuda/cuda_backend.h"
#include "cuda_step_fixture.h"
#include "unit/temp_folder.h"

enum { SEED = 9 };

static weir_model *open_whole(const char *type) {
    weir_model *model;
    weir_error err = {0};
    weir_synth_options options = {
        .config = "tiny-moe", .type = type, .seed = SEED, .overwrite = true, .n_threads = 1};
    if (weir_synth(in_temp("whole.gguf"), &options, &err) != WEIR_STATUS_OK ||
        weir_model_open(&model, in_temp("whole.gguf"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return model;
}

static weir_backend *open_device(const weir_model *model) {
    weir_backend *be;
    weir_error err = {0};
    weir_backend_options options = pair_options(WEIR_KV_F32);
    if (weir_cuda_open(&be, model, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return be;
}

/* The device's weights; what lies between them is the same poison. */
static bool same_weights(weir_backend *a, weir_backend *b) {
    const weir_cuda *x = weir_cuda_of(a), *y = weir_cuda_of(b);
    assert_int_equal(x->host.weights.size, y->host.weights.size);
    return memcmp(x->weights, y->weights, x->host.weights.size) == 0;
}

static void matrices_are_made_on_the_device(void **state) {
    (void)state;
    const weir_format *format;
    for (size_t i = 0; (format = weir_format_at(i)); i++) {
        weir_model *model = open_whole(format->name);
        emulated_reset();
        assert_false(model->is_hollow);
        weir_backend *whole = open_device(model);
        model->is_hollow = true;
        model->synth_seed = SEED;
        weir_backend *hollow = open_device(model);
        model->synth_seed++;
        weir_backend *other = open_device(model);
        if (!same_weights(whole, hollow))
            fail_msg("%s: other weights than the file's", format->name);
        assert_false(same_weights(whole, other));
        weir_backend *const all[] = {whole, hollow, other};
        for (size_t k = 0; k < WEIR_COUNT(all); k++)
            all[k]->close(all[k]);
        weir_model_close(&model);
    }
}

static void the_host_has_none(void **state) {
    (void)state;
    weir_error err = {0};
    uint64_t n_nan, n_inf;
    weir_model *model = open_whole("q8_0");
    assert_int_equal(weir_model_unpack(model, 1, NULL, &err), WEIR_STATUS_OK);
    model->is_hollow = true;
    assert_int_equal(weir_model_unpack(model, 1, NULL, &err), WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "only the seed"));
    assert_int_equal(weir_model_check_tensor(model, 0, &n_nan, &n_inf, &err),
                     WEIR_STATUS_UNSUPPORTED);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_are_made_on_the_device),
        cmocka_unit_test(the_host_has_none),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
