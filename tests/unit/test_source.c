/*
 * test_source.c: folders with packed weights: MLX's groups in every width, FP8 with every shape of
 * scales; each against a twin with the same values unpacked. And what goes wrong with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "convert/source.h"
#include "temp_folder.h"

#include "packed_folder.h"

static const char *const LAYERS_MLX[] = {
    "model.layers.0.conv.in_proj",
    "model.layers.0.conv.out_proj",
    "model.layers.0.feed_forward.w1",
    "model.layers.1.self_attn.q_proj",
    "model.layers.1.feed_forward.switch_mlp.gate_proj",
    "model.layers.1.feed_forward.switch_mlp.up_proj",
    "model.layers.1.feed_forward.switch_mlp.down_proj",
    "model.layers.2.feed_forward.switch_mlp.up_proj",
    "model.embed_tokens",
};
static const char ROUTER[] = "model.layers.1.feed_forward.gate";

static char *config_text; /* of moe_k256 */

static const char *golden_path(void) {
    return WEIR_TEST_DATA "/golden/moe_k256";
}

static int set_up(void **state) {
    if (temp_folder_make(state) != 0)
        return -1;
    size_t n;
    config_text = temp_read(WEIR_TEST_DATA "/golden/moe_k256/config.json", &n);
    return 0;
}

static int tear_down(void **state) {
    free(config_text);
    return temp_folder_remove(state);
}

/* The golden config with more keys at its end; good until the next call. */
static const char *config_with(const char *more) {
    static char text[4096];
    int n_before = (int)(strrchr(config_text, '}') - config_text);
    snprintf(text, sizeof text, "%.*s%s%s}", n_before, config_text, *more ? "," : "", more);
    return text;
}

/* Both under one name, which the file repeats. */
static const char *place(const char *parent) {
    char name[64];
    mkdir(in_temp(parent), 0700);
    snprintf(name, sizeof name, "%s/model", parent);
    temp_remove(in_temp(name));
    return in_temp(name);
}

static void convert(const char *in, const char *out, const char *type) {
    weir_error err = {0};
    weir_convert_options options = {.type = type, .overwrite = true, .n_threads = 2};
    if (weir_convert(in, out, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", in, err.text);
}

static void expect_twins(const raw_list *packed, const raw_list *twin, const char *more,
                         const char *type) {
    raw_folder(place("packed"), config_with(more), packed);
    raw_folder(place("twin"), config_with(""), twin);
    convert(in_temp("packed/model"), in_temp("packed.gguf"), type);
    convert(in_temp("twin/model"), in_temp("twin.gguf"), type);
    assert_same_files(in_temp("packed.gguf"), in_temp("twin.gguf"));
}

/* ---- MLX ----------------------------------------------------------------------------------- */

/* The golden model in the shapes that MLX gives its tensors. */
static raw_list *mlx_shapes(void) {
    raw_list *list = raw_of_folder(golden_path());
    for (unsigned layer = 1; layer < 3; layer++) {
        static const char *const parts[][2] = {
            {"w1.weight", "gate_proj"}, {"w3.weight", "up_proj"}, {"w2.weight", "down_proj"}};
        for (size_t i = 0; i < WEIR_COUNT(parts); i++) {
            char from[128], to[128];
            snprintf(from, sizeof from, "model.layers.%u.feed_forward.experts", layer);
            snprintf(to, sizeof to, "model.layers.%u.feed_forward.switch_mlp.%s.weight", layer,
                     parts[i][1]);
            raw_stack(list, from, parts[i][0], to);
        }
    }
    for (unsigned layer = 0; layer < 3; layer += 2) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.%u.conv.conv.weight", layer);
        raw_tensor *taps = raw_find(list, name);
        taps->shape[1] = taps->shape[2];
        taps->shape[2] = 1;
    }
    return list;
}

static const char *mlx_config(uint32_t bits, uint32_t group) {
    static char text[512];
    snprintf(text, sizeof text,
             "\"quantization\":{\"group_size\":%u,\"bits\":%u,\"mode\":\"affine\",\"%s\":"
             "{\"group_size\":64,\"bits\":8}}",
             group, bits, ROUTER);
    return text;
}

static void make_mlx(raw_list **packed, raw_list **twin, uint32_t bits, uint32_t group,
                     const char *dtype) {
    uint64_t state = bits * 1000 + group;
    *packed = mlx_shapes();
    *twin = mlx_shapes();
    for (size_t i = 0; i < WEIR_COUNT(LAYERS_MLX); i++)
        mlx_pack(*packed, *twin, LAYERS_MLX[i], bits, group, dtype, &state);
    mlx_pack(*packed, *twin, ROUTER, 8, 64, dtype, &state);
}

static void drop_lists(raw_list *a, raw_list *b) {
    raw_free(a);
    raw_free(b);
    free(a);
    free(b);
}

static void test_mlx_every_width(void **state) {
    (void)state;
    static const uint32_t widths[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    static const char *const dtypes[] = {"BF16", "F16", "F32"};
    for (size_t i = 0; i < WEIR_COUNT(widths); i++)
        for (size_t k = 0; k < WEIR_COUNT(groups); k++) {
            raw_list *packed, *twin;
            make_mlx(&packed, &twin, widths[i], groups[k], dtypes[(i + k) % 3]);
            expect_twins(packed, twin, mlx_config(widths[i], groups[k]), i == k ? "q8_0" : NULL);
            drop_lists(packed, twin);
        }
}

/* Words in one file, their scales and biases in the other. */
static void test_mlx_in_shards(void **state) {
    (void)state;
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 6, 32, "F16");
    expect_twins(packed, twin, mlx_config(6, 32), NULL);
    static const char *const files[] = {"model-00001-of-00002.safetensors",
                                        "model-00002-of-00002.safetensors"};
    raw_list *halves[] = {calloc(1, sizeof(raw_list)), calloc(1, sizeof(raw_list))};
    FILE *index = fopen(in_temp("packed/model/model.safetensors.index.json"), "wb");
    assert_true(halves[0] != NULL && halves[1] != NULL && index != NULL);
    fprintf(index, "{\"weight_map\":{");
    for (size_t i = 0; i < packed->n; i++) {
        const raw_tensor *t = &packed->items[i];
        size_t which = strcmp(t->dtype, "U32") == 0;
        raw_add(halves[which], t->name, t->dtype, t->n_dims, t->shape, t->data, t->bytes);
        fprintf(index, "%s\"%s\":\"%s\"", i > 0 ? "," : "", t->name, files[which]);
    }
    fprintf(index, "}}");
    assert_int_equal(fclose(index), 0);
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        snprintf(path, sizeof path, "packed/model/%s", files[i]);
        raw_write(in_temp(path), halves[i]);
    }
    assert_int_equal(remove(in_temp("packed/model/model.safetensors")), 0);
    convert(in_temp("packed/model"), in_temp("packed.gguf"), NULL);
    assert_same_files(in_temp("packed.gguf"), in_temp("twin.gguf"));
    drop_lists(halves[0], halves[1]);
    drop_lists(packed, twin);
}

/* A source says that the rows were quantized before, and gives them again after their pages went.
 */
static void test_mlx_source(void **state) {
    (void)state;
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 4, 64, "BF16");
    raw_folder(place("packed"), config_with(mlx_config(4, 64)), packed);
    weir_error err = {0};
    weir_source *s;
    if (weir_source_open(&s, in_temp("packed/model"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    bool was_foreign = false, was_plain = false;
    for (size_t i = 0; i < weir_source_n_tensors(s); i++) {
        const weir_source_tensor *t = weir_source_tensor_at(s, i);
        bool is_stack = strstr(t->name, "_exps.") != NULL;
        assert_int_equal(t->stack_rows, is_stack ? 256 : t->n_rows);
        was_foreign |= t->is_foreign;
        was_plain |= !t->is_foreign && t->is_matrix;
        uint8_t *a = malloc(t->row_bytes), *b = malloc(t->row_bytes);
        assert_true(a != NULL && b != NULL);
        memcpy(a, weir_source_row(s, i, t->n_rows / 2, b), t->row_bytes);
        for (uint64_t row = 0; row <= t->n_rows; row += t->n_rows < 7 ? 1 : t->n_rows / 7)
            weir_source_drop(s, i, row);
        weir_source_drop(s, i, t->n_rows);
        assert_memory_equal(a, weir_source_row(s, i, t->n_rows / 2, b), t->row_bytes);
        free(a);
        free(b);
    }
    assert_true(was_foreign && was_plain);
    weir_source_close(&s);
    drop_lists(packed, twin);
}

/* A model has no rows until they are unpacked; then it has the twin's. */
static void test_mlx_model(void **state) {
    (void)state;
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 4, 64, "BF16");
    raw_folder(place("packed"), config_with(mlx_config(4, 64)), packed);
    raw_folder(place("twin"), config_with(""), twin);
    weir_error err = {0};
    weir_model *models[2];
    static const char *const names[] = {"packed/model", "twin/model"};
    for (size_t i = 0; i < 2; i++)
        if (weir_model_open(&models[i], in_temp(names[i]), &err) != WEIR_STATUS_OK ||
            weir_model_unpack(models[i], 2, NULL, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
    assert_true(weir_model_packings(models[0]) != NULL && weir_model_packings(models[1]) == NULL);
    weir_model_info info;
    weir_model_get_info(models[0], &info);
    assert_string_equal(info.file_type, "mlx");
    assert_true(models[0]->fingerprint != 0);
    assert_true(models[0]->fingerprint != models[1]->fingerprint);
    const weir_weight *of[2][3];
    for (size_t i = 0; i < 2; i++) {
        of[i][0] = &models[i]->embed;
        of[i][1] = &models[i]->layers[1].experts_up[2];
        of[i][2] = &models[i]->layers[1].attn_q;
    }
    for (size_t k = 0; k < 3; k++)
        assert_memory_equal(of[0][k]->data, of[1][k]->data, of[0][k]->rows * of[0][k]->row_bytes);
    uint64_t n_nan, n_inf;
    for (size_t i = 0; i < weir_model_n_tensors(models[0]); i++) {
        assert_int_equal(weir_model_check_tensor(models[0], i, &n_nan, &n_inf, &err), 0);
        assert_true(n_nan == 0 && n_inf == 0);
    }
    weir_model_close(&models[0]);
    weir_model_close(&models[1]);
    drop_lists(packed, twin);
}

/* ---- FP8 ----------------------------------------------------------------------------------- */

static const char BLOCKS_64[] =
    "\"quantization_config\":{\"quant_method\":\"fp8\",\"weight_block_size\":[64,32]}";
static const char TENSORS[] = "\"quantization_config\":{\"quant_method\":\"compressed-tensors\","
                              "\"format\":\"float-quantized\",\"config_groups\":{\"group_0\":{"
                              "\"weights\":{\"block_structure\":[128,128]}}}}";

static void test_fp8_every_shape(void **state) {
    (void)state;
    static const struct {
        const char *config;
        fp8_scales how; /* of 256 rows and columns */
    } cases[] = {
        {TENSORS, {"_scale", "F32", 0, {0}, 256, 0, 256, 256, 1}},
        {TENSORS, {"_scale", "BF16", 1, {1}, 256, 0, 256, 256, 1}},
        {TENSORS, {"_scale", "F32", 2, {1, 1}, 256, 0, 256, 256, 1}},
        {TENSORS, {"_scale", "BF16", 2, {256, 1}, 256, 0, 1, 256, 1}},
        {TENSORS, {"_scale", "F16", 1, {256}, 256, 0, 1, 256, 1}},
        {TENSORS, {"_scale", "F32", 2, {2, 2}, 256, 0, 128, 128, 2}},
        {BLOCKS_64, {"_scale_inv", "F32", 2, {4, 8}, 256, 0, 64, 32, 8}},
        {"", {"_scale_inv", "F32", 2, {2, 2}, 256, 0, 128, 128, 2}},
    };
    static const char *const names[] = {
        "model.layers.0.conv.out_proj.weight", "model.layers.1.feed_forward.experts.0.w1.weight",
        "model.layers.1.feed_forward.experts.1.w1.weight",
        "model.layers.1.feed_forward.experts.2.w1.weight", "model.layers.0.feed_forward.w2.weight"};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        uint64_t seed = i;
        raw_list *packed = raw_of_folder(golden_path()), *twin = raw_of_folder(golden_path());
        for (size_t k = 0; k < WEIR_COUNT(names); k++)
            fp8_pack(packed, twin, names[k], &cases[i].how, &seed);
        const uint64_t none = 0;
        raw_add(packed, "model.layers.0.conv.out_proj.input_scale", "F32", 0, &none, "abcd", 4);
        expect_twins(packed, twin, cases[i].config, NULL);
        drop_lists(packed, twin);
    }
}

/* Experts in one tensor, as transformers keeps them. Gate and up rows share blocks' borders. */
static void test_fp8_merged_experts(void **state) {
    (void)state;
    static const fp8_scales cases[] = {
        {"_scale_inv", "F32", 3, {3, 2, 2}, 256, 4, 128, 128, 2},
        {"_scale_inv", "F32", 3, {3, 1, 1}, 256, 1, 256, 256, 1},
        {"_scale_inv", "BF16", 1, {3}, 256, 1, 256, 256, 1},
        {"_scale_inv", "F32", 1, {1}, 768, 0, 768, 256, 1},
        {"_scale", "BF16", 3, {3, 256, 1}, 256, 256, 1, 256, 1},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        uint64_t seed = i;
        raw_list *packed = mlx_shapes(), *twin = mlx_shapes();
        fp8_pack(packed, twin, "model.layers.1.feed_forward.switch_mlp.gate_proj.weight", &cases[i],
                 &seed);
        fp8_pack(packed, twin, "model.layers.2.feed_forward.switch_mlp.down_proj.weight", &cases[i],
                 &seed);
        expect_twins(packed, twin, "", NULL);
        drop_lists(packed, twin);
    }
    /* [experts, 2 x rows, columns] under its own name */
    raw_list *packed = mlx_shapes(), *twin = mlx_shapes();
    const uint64_t shape[] = {3, 512, 256};
    uint8_t *zeros = calloc(3 * 512 * 256, 2);
    assert_non_null(zeros);
    for (size_t i = 0; i < 2; i++) {
        raw_list *list = i == 0 ? packed : twin;
        static const char prefix[] = "model.layers.1.feed_forward.";
        char name[128];
        snprintf(name, sizeof name, "%sswitch_mlp.gate_proj.weight", prefix);
        raw_remove(list, name);
        snprintf(name, sizeof name, "%sswitch_mlp.up_proj.weight", prefix);
        raw_remove(list, name);
        raw_add(list, "model.layers.1.feed_forward.experts.gate_up_proj", "BF16", 3, shape, zeros,
                3 * 512 * 256 * 2);
    }
    free(zeros);
    uint64_t seed = 99;
    const fp8_scales blocks = {"_scale_inv", "F32", 3, {3, 4, 2}, 512, 8, 128, 128, 2};
    fp8_pack(packed, twin, "model.layers.1.feed_forward.experts.gate_up_proj", &blocks, &seed);
    expect_twins(packed, twin, "", NULL);
    drop_lists(packed, twin);
}

/* NaN of the folder is NaN in the file, and no block of numbers. */
static void test_fp8_nan(void **state) {
    (void)state;
    uint64_t seed = 5;
    const fp8_scales one = {"_scale", "F32", 1, {1}, 256, 0, 256, 256, 1};
    raw_list *packed = raw_of_folder(golden_path()), *twin = raw_of_folder(golden_path());
    fp8_pack(packed, twin, "model.layers.0.feed_forward.w2.weight", &one, &seed);
    raw_find(packed, "model.layers.0.feed_forward.w2.weight")->data[300] = 0x7f;
    raw_folder(place("packed"), config_with(""), packed);
    weir_error err = {0};
    weir_convert_options options = {.type = "q4_0", .overwrite = true};
    assert_int_equal(weir_convert(in_temp("packed/model"), in_temp("no.gguf"), &options, &err),
                     WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "blk.0.ffn_down.weight: row 1, value 44 is nan"));
    drop_lists(packed, twin);
}

/* ---- what goes wrong ----------------------------------------------------------------------- */

static void expect_refusal(const raw_list *list, const char *more, weir_status status,
                           const char *part) {
    raw_folder(place("packed"), config_with(more), list);
    weir_error err = {0};
    weir_convert_options options = {.overwrite = true, .n_threads = 1};
    int n = temp_n_entries();
    weir_status got = weir_convert(in_temp("packed/model"), in_temp("no.gguf"), &options, &err);
    if (got != status || strstr(err.text, part) == NULL)
        fail_msg("expected %d and '%s', got %d: %s", status, part, got, err.text);
    assert_non_null(strstr(err.text, "packed/model"));
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(temp_n_entries(), n);
}

static void test_bad_mlx_settings(void **state) {
    (void)state;
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 4, 64, "BF16");
    static const struct {
        const char *config;
        weir_status status;
        const char *part;
    } cases[] = {
        {"", WEIR_STATUS_BAD_FILE, "is missing, and the tensor is packed"},
        {"\"quantization\":7", WEIR_STATUS_BAD_FILE, "is missing"},
        {"\"quantization\":{\"bits\":4}", WEIR_STATUS_BAD_FILE, "'group_size' of 32, 64 or 128"},
        {"\"quantization\":{\"group_size\":64}", WEIR_STATUS_BAD_FILE, "'bits' of 2"},
        {"\"quantization\":{\"group_size\":64,\"bits\":7}", WEIR_STATUS_BAD_FILE, "'bits'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":-4}", WEIR_STATUS_BAD_FILE, "'bits'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":4.0}", WEIR_STATUS_BAD_FILE, "'bits'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":\"4\"}", WEIR_STATUS_BAD_FILE, "'bits'"},
        {"\"quantization\":{\"group_size\":48,\"bits\":4}", WEIR_STATUS_BAD_FILE, "'group_size'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":4,\"mode\":\"mxfp4\"}",
         WEIR_STATUS_UNSUPPORTED, "mode 'mxfp4'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":4,\"mode\":[]}", WEIR_STATUS_UNSUPPORTED,
         "mode '?'"},
        {"\"quantization\":{\"group_size\":64,\"bits\":4}", WEIR_STATUS_BAD_FILE,
         "gate.scales: expected"}, /* the router has 8 */
        {"\"quantization\":{\"group_size\":64,\"bits\":3}", WEIR_STATUS_BAD_FILE, "hold no groups"},
        {"\"quantization\":{\"group_size\":64,\"bits\":4,\"model.embed_tokens\":false}",
         WEIR_STATUS_BAD_FILE, "model.embed_tokens.weight: is missing"},
        {"\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}", WEIR_STATUS_UNSUPPORTED,
         "quant_method 'gptq'"},
        {"\"quantization_config\":{\"quant_method\":\"compressed-tensors\",\"transform_config\":"
         "{\"config_groups\":{}}}",
         WEIR_STATUS_UNSUPPORTED, "transform_config"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        expect_refusal(packed, cases[i].config, cases[i].status, cases[i].part);
    drop_lists(packed, twin);
}

typedef void mutation(raw_list *list);

static const char EMBED[] = "model.embed_tokens.weight";

static void no_scales(raw_list *list) {
    raw_remove(list, "model.embed_tokens.scales");
}
static void no_biases(raw_list *list) {
    raw_remove(list, "model.embed_tokens.biases");
}
static void fewer_scales(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.embed_tokens.scales");
    t->shape[1]--;
    t->bytes -= t->shape[0] * 2;
}
static void turned_biases(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.embed_tokens.biases");
    uint64_t rows = t->shape[0];
    t->shape[0] = t->shape[1];
    t->shape[1] = rows;
}
static void flat_scales(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.embed_tokens.scales");
    t->shape[0] *= t->shape[1];
    t->n_dims = 1;
}
static void whole_scales(raw_list *list) {
    raw_find(list, "model.embed_tokens.scales")->dtype = "I16";
}
static void flat_words(raw_list *list) {
    raw_tensor *t = raw_find(list, EMBED);
    t->shape[0] *= t->shape[1];
    t->n_dims = 1;
}
static void fewer_words(raw_list *list) {
    raw_tensor *t = raw_find(list, EMBED);
    t->shape[1] = 8;
    t->bytes = t->shape[0] * 32;
    static const char *const beside[] = {"model.embed_tokens.scales", "model.embed_tokens.biases"};
    for (size_t i = 0; i < 2; i++) {
        t = raw_find(list, beside[i]);
        t->shape[1] = 1;
        t->bytes = t->shape[0] * 2;
    }
}
static void no_words(raw_list *list) {
    raw_tensor *t = raw_find(list, EMBED);
    t->shape[0] = 0;
    t->shape[1] = UINT64_C(1) << 58;
    t->bytes = 0;
}
static void other_name(raw_list *list) {
    raw_tensor *t = raw_find(list, EMBED);
    snprintf(t->name, sizeof t->name, "model.embed_tokens");
}
static void packed_norm(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.embedding_norm.weight");
    t->dtype = "U32";
    t->shape[0] = t->bytes / 4;
}
static void stray_scales(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.embed_tokens.scales");
    raw_add(list, "model.layers.0.ffn_norm.scales", t->dtype, t->n_dims, t->shape, t->data,
            t->bytes);
}
static void packed_taps(raw_list *list) {
    raw_tensor *t = raw_find(list, "model.layers.0.conv.conv.weight");
    t->dtype = "F8_E4M3";
    t->bytes = 256 * 3;
    const uint64_t one = 1;
    raw_add(list, "model.layers.0.conv.conv.weight_scale", "F32", 1, &one, "abcd", 4);
}

static void test_bad_mlx_tensors(void **state) {
    (void)state;
    static const struct {
        mutation *change;
        const char *part;
        weir_status status;
    } cases[] = {
        {no_scales, "model.embed_tokens.weight is packed and has no .scales", WEIR_STATUS_BAD_FILE},
        {no_biases, "has no .biases", WEIR_STATUS_BAD_FILE},
        {fewer_scales, "model.embed_tokens.scales: expected", WEIR_STATUS_BAD_FILE},
        {turned_biases, "model.embed_tokens.biases: expected", WEIR_STATUS_BAD_FILE},
        {flat_scales, "model.embed_tokens.scales: expected", WEIR_STATUS_BAD_FILE},
        {whole_scales, "model.embed_tokens.scales: expected f32", WEIR_STATUS_BAD_FILE},
        {flat_words, "two or three dimensions", WEIR_STATUS_UNSUPPORTED},
        {fewer_words, "model.embed_tokens.weight: shape 512x64, expected 512x256",
         WEIR_STATUS_BAD_FILE},
        {no_words, "model.embed_tokens.weight is empty", WEIR_STATUS_BAD_FILE},
        {other_name, "tensor model.embed_tokens: type u32", WEIR_STATUS_UNSUPPORTED},
        {packed_norm, "model.embedding_norm.weight: type u32", WEIR_STATUS_UNSUPPORTED},
        {stray_scales, "model.layers.0.ffn_norm.scales has no place", WEIR_STATUS_BAD_FILE},
        {packed_taps, "packed weights, expected f32", WEIR_STATUS_BAD_FILE},
    };
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 4, 64, "BF16");
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        raw_list *list = raw_copy(packed);
        cases[i].change(list);
        expect_refusal(list, mlx_config(4, 64), cases[i].status, cases[i].part);
        raw_free(list);
        free(list);
    }
    drop_lists(packed, twin);
}

static void test_bad_fp8(void **state) {
    (void)state;
    static const char name[] = "model.layers.0.feed_forward.w2.weight";
    static const char scale[] = "model.layers.0.feed_forward.w2.weight_scale";
    const fp8_scales one = {"_scale", "F32", 1, {1}, 256, 0, 256, 256, 1};
    uint64_t seed = 5;
    raw_list *packed = raw_of_folder(golden_path()), *twin = raw_of_folder(golden_path());
    fp8_pack(packed, twin, name, &one, &seed);
    raw_list *list = raw_copy(packed);
    raw_find(list, scale)->dtype = "I32";
    expect_refusal(list, "", WEIR_STATUS_BAD_FILE, "weight_scale: expected f32");
    raw_remove(list, scale);
    expect_refusal(list, "", WEIR_STATUS_BAD_FILE, "expected its scales");
    static const struct {
        uint32_t n_dims;
        uint64_t shape[4];
    } shapes[] = {{1, {255}},  {1, {0}},         {2, {1, 256}},     {2, {256, 2}},
                  {2, {2, 3}}, {3, {2, 256, 1}}, {4, {1, 1, 2, 2}}, {2, {0, 4}}};
    static const uint8_t zeros[4096] = {0};
    for (size_t i = 0; i < WEIR_COUNT(shapes); i++) {
        size_t bytes = 4;
        for (uint32_t k = 0; k < shapes[i].n_dims; k++)
            bytes *= shapes[i].shape[k];
        raw_add(list, scale, "F32", shapes[i].n_dims, shapes[i].shape, zeros, bytes);
        expect_refusal(list, "", WEIR_STATUS_BAD_FILE, "weight_scale: expected");
        raw_remove(list, scale);
    }
    raw_free(list);
    free(list);
    list = raw_copy(packed);
    const uint64_t shape = 1;
    raw_add(list, "model.layers.0.feed_forward.w2.weight_scale_inv", "F32", 1, &shape, "abcd", 4);
    expect_refusal(list, "", WEIR_STATUS_BAD_FILE, "expected its scales");
    raw_free(list);
    free(list);
    list = raw_copy(packed);
    raw_find(list, name)->dtype = "F8_E5M2";
    expect_refusal(list, "", WEIR_STATUS_BAD_FILE, "type f8_e5m2");
    raw_free(list);
    free(list);
    drop_lists(packed, twin);
}

static void test_cut_shard(void **state) {
    (void)state;
    raw_list *packed, *twin;
    make_mlx(&packed, &twin, 4, 64, "BF16");
    raw_folder(place("packed"), config_with(mlx_config(4, 64)), packed);
    char path[256]; /* in_temp's is soon another */
    snprintf(path, sizeof path, "%s", in_temp("packed/model/model.safetensors"));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    weir_convert_options options = {.overwrite = true};
    for (int i = 1; i < 8; i++) {
        assert_int_equal(truncate(path, info.st_size * (8 - i) / 8), 0);
        weir_error err = {0};
        assert_int_equal(weir_convert(in_temp("packed/model"), in_temp("no.gguf"), &options, &err),
                         WEIR_STATUS_BAD_FILE);
        assert_non_null(strstr(err.text, "model.safetensors"));
    }
    drop_lists(packed, twin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlx_every_width), cmocka_unit_test(test_mlx_in_shards),
        cmocka_unit_test(test_mlx_source),      cmocka_unit_test(test_mlx_model),
        cmocka_unit_test(test_fp8_every_shape), cmocka_unit_test(test_fp8_merged_experts),
        cmocka_unit_test(test_fp8_nan),         cmocka_unit_test(test_bad_mlx_settings),
        cmocka_unit_test(test_bad_mlx_tensors), cmocka_unit_test(test_bad_fp8),
        cmocka_unit_test(test_cut_shard),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
