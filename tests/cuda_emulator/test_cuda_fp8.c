/*
 * test_cuda_fp8.c: a folder with weights in FP8 on the CUDA backend (emulated): its codes stay FP8
 * on the device, and every way through a model gives the bits of the same model converted to F32,
 * which is what the codes decode to. What cannot stay FP8 comes as what it unpacks to. The same
 * folder unpacked for a device of the host.
 */
#include "cuda/cuda_backend.h"
#include "cuda_step_fixture.h"
#include "unit/temp_folder.h"

#include "unit/packed_folder.h"

enum { ROWS = 9, OUT = 3, N_VOCAB = 512 }; /* ROWS: more than a captured graph takes */

static const char *golden_path(void) {
    return WEIR_TEST_DATA "/golden/moe_k256";
}

/* ---- folders ---- */

static bool is_matrix(const raw_tensor *t) {
    return t->n_dims == 2 && t->shape[0] > 3; /* the router stays as it is */
}

/* Random scales of 0.25 to 1.25 would make weights of some hundred. */
static void calm(raw_list *list, const char *name, const char *suffix) {
    char full[200];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    raw_tensor *scales = raw_find(list, full);
    for (size_t i = 0; i < scales->bytes; i += sizeof(float)) {
        float v;
        memcpy(&v, scales->data + i, sizeof v);
        v /= 4096;
        memcpy(scales->data + i, &v, sizeof v);
    }
}

static void pack(raw_list *list, raw_list *scrap, const char *name, uint64_t *seed, size_t kind) {
    const raw_tensor *t = raw_find(list, name);
    uint64_t rows = t->shape[0], blocks = (rows + 127) / 128;
    const fp8_scales kinds[] = {
        {"_scale", "F32", 2, {rows, 1}, rows, 0, 1, 256, 1},
        {"_scale_inv", "F32", 2, {blocks, 2}, rows, 0, 128, 128, 2},
        {"_scale", "F32", 1, {1}, rows, 0, rows, 256, 1},
        {"_scale_inv", "F32", 2, {rows / 64, 8}, rows, 0, 64, 32, 8}, /* too fine to stay FP8 */
    };
    fp8_pack(list, scrap, name, &kinds[kind], seed);
    calm(list, name, kinds[kind].suffix);
}

/* Which matrices are packed, and how. */
typedef struct folder_spec {
    const char *dtype, *more;            /* of config.json */
    bool (*is_packed)(const char *name); /* NULL: all */
    size_t (*kind)(const char *name, size_t number);
} folder_spec;

static void make_folder(const folder_spec *spec) {
    raw_list *list = raw_of_folder(golden_path()), *scrap = raw_copy(list), *names = raw_copy(list);
    uint64_t seed = 7;
    size_t n, number = 0;
    for (size_t i = 0; i < names->n; i++) {
        const raw_tensor *t = &names->items[i];
        if (is_matrix(t) && (!spec->is_packed || spec->is_packed(t->name)))
            pack(list, scrap, t->name, &seed, spec->kind(t->name, number++));
    }
    char *text = temp_read(WEIR_TEST_DATA "/golden/moe_k256/config.json", &n), config[4096];
    *strstr(text, "bfloat16") = 0;
    snprintf(config, sizeof config, "%s%s\"%s}", text, spec->dtype, spec->more);
    temp_remove(in_temp("packed"));
    raw_folder(in_temp("packed"), config, list);
    free(text);
    raw_list *lists[] = {list, scrap, names};
    for (size_t i = 0; i < WEIR_COUNT(lists); i++) {
        raw_free(lists[i]);
        free(lists[i]);
    }
}

/* The folder and what weir_convert makes of it. */
static void open_both(weir_model **packed, weir_model **twin) {
    weir_error err = {0};
    weir_convert_options options = {.overwrite = true, .n_threads = 1};
    if (weir_convert(in_temp("packed"), in_temp("twin.gguf"), &options, &err) != WEIR_STATUS_OK ||
        weir_model_open(packed, in_temp("packed"), &err) != WEIR_STATUS_OK ||
        weir_model_open(twin, in_temp("twin.gguf"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    assert_non_null(weir_model_packings(*packed));
    assert_null(weir_model_packings(*twin));
}

/* ---- runs ---- */

/* A prompt, then a row alone and two, whose logits are returned: [OUT, N_VOCAB] */
static float *run(weir_backend *be) {
    static const uint32_t pages[] = {3}, other[] = {5};
    float *logits = malloc(OUT * N_VOCAB * sizeof *logits);
    int32_t tokens[ROWS];
    assert_non_null(logits);
    pair_tokens(tokens, ROWS, N_VOCAB);
    pair_step prompt = {0}, next = {0}, both = {0};
    weir_rows chunk = {.n_rows = ROWS, .pages = pages, .state_in = WEIR_NO_STATE, .state_out = 0};
    pair_add(&prompt, &chunk, tokens, NULL, N_VOCAB);
    pair_run(be, &prompt);
    chunk =
        (weir_rows){.n_rows = 1, .first_pos = ROWS, .pages = pages, .state_in = 0, .state_out = 1};
    pair_add(&next, &chunk, tokens + 2, logits, N_VOCAB);
    pair_run(be, &next);
    chunk = (weir_rows){
        .n_rows = 1, .first_pos = ROWS + 1, .pages = pages, .state_in = 1, .state_out = 2};
    weir_rows first = {.n_rows = 1, .pages = other, .state_in = WEIR_NO_STATE, .state_out = 3};
    pair_add(&both, &chunk, tokens + 5, logits + N_VOCAB, N_VOCAB);
    pair_add(&both, &first, tokens + 7, logits + 2 * N_VOCAB, N_VOCAB);
    pair_run(be, &both);
    for (size_t i = 0; i < OUT * N_VOCAB; i++)
        assert_true(isfinite(logits[i]));
    return logits;
}

typedef weir_status open_device(weir_backend **, const weir_model *, const weir_backend_options *,
                                weir_error *);

static float *run_on(open_device *open, const weir_model *model, weir_activations activations) {
    weir_backend *be;
    weir_error err = {0};
    weir_backend_options options = pair_options(WEIR_KV_F16);
    options.activations = activations;
    emulated_reset();
    if (open(&be, model, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    float *logits = run(be);
    be->close(be);
    return logits;
}

static void expect_same(open_device *open, const weir_model *a, const weir_model *b,
                        weir_activations activations) {
    float *x = run_on(open, a, activations), *y = run_on(open, b, activations);
    assert_bits("FP8 and what it decodes to", x, y, OUT * N_VOCAB * sizeof *x);
    free(x);
    free(y);
}

static uint64_t weights_of(const weir_model *model) {
    weir_backend_memory plan;
    weir_error err = {0};
    weir_backend_options options = pair_options(WEIR_KV_F16);
    if (weir_cuda_plan(&plan, model, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return plan.weights_bytes;
}

/* ---- tests ---- */

static size_t turns(const char *name, size_t number) {
    (void)name;
    return number % 3;
}

static void every_path_has_the_bits_of_the_decoded_model(void **state) {
    (void)state;
    const folder_spec all = {"float32", "", NULL, turns};
    weir_model *packed, *twin;
    make_folder(&all);
    open_both(&packed, &twin);
    expect_same(weir_cuda_open, packed, twin, WEIR_ACTIVATIONS_F32);
    expect_same(weir_cuda_open, packed, twin, WEIR_ACTIVATIONS_BF16);
    /* 132 bytes for 128 values, beside norms and routers */
    assert_true(weights_of(packed) < weights_of(twin) * 27 / 100);
    weir_model_close(&packed);
    weir_model_close(&twin);
}

/* An expert that is no FP8 among some that are, and blocks of 32 columns. */
static bool is_mixed(const char *name) {
    return strstr(name, "1.feed_forward.experts") && !strstr(name, "experts.1.");
}

static bool is_some(const char *name) {
    return is_mixed(name) || strstr(name, "conv.in_proj");
}

static size_t fine_or_rows(const char *name, size_t number) {
    (void)number;
    return is_mixed(name) ? 0 : 3;
}

static void what_cannot_stay_comes_unpacked(void **state) {
    (void)state;
    const folder_spec some = {"bfloat16",
                              ",\"quantization_config\":{\"quant_method\":"
                              "\"fp8\",\"weight_block_size\":[64,32]}",
                              is_some, fine_or_rows};
    weir_model *packed, *twin;
    make_folder(&some);
    open_both(&packed, &twin);
    expect_same(weir_cuda_open, packed, twin, WEIR_ACTIVATIONS_BF16);
    assert_true(weights_of(packed) > weights_of(twin) * 99 / 100); /* a file's routers are F32 */
    weir_model_close(&packed);
    weir_model_close(&twin);
}

/* What was unpacked stays, also when its pages are given back, and devices with memory of their own
 * go on reading what is stored. */
static void a_host_device_runs_it_unpacked(void **state) {
    (void)state;
    const folder_spec all = {"bfloat16", "", NULL, turns};
    weir_model *packed, *twin;
    weir_error err = {0};
    make_folder(&all);
    open_both(&packed, &twin);
    for (int i = 0; i < 2; i++)
        if (weir_model_unpack(packed, 3, NULL, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
    weir_model_drop_pages(packed, packed->embed.data, packed->embed.rows * packed->embed.row_bytes);
    expect_same(weir_reference_open, packed, twin, WEIR_ACTIVATIONS_F32);
    free(run_on(weir_cuda_open, packed, WEIR_ACTIVATIONS_BF16));
    assert_true(weights_of(packed) < weights_of(twin) * 54 / 100);
    weir_model_close(&packed);
    weir_model_close(&twin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_has_the_bits_of_the_decoded_model),
        cmocka_unit_test(what_cannot_stay_comes_unpacked),
        cmocka_unit_test(a_host_device_runs_it_unpacked),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
